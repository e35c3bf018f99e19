#include "check.h"

#include "base/rng.h"
#include "route/breaker.h"

static const struct breaker_rules break_rules = { .failures = 3,
						  .open_us = 100,
						  .open_max_us = 350 };

static void a_breaker_opens_after_failures_in_a_row(void **state UNUSED)
{
	struct breaker s = { 0 };

	CHECK(!breaker_failure(&s, &break_rules, 1000));
	CHECK(!breaker_failure(&s, &break_rules, 1000));
	CHECK(!breaker_success(&s, &break_rules, 1000)); /* the row starts anew */
	CHECK(!breaker_failure(&s, &break_rules, 1000));
	CHECK(!breaker_failure(&s, &break_rules, 1000));
	CHECK(breaker_admit(&s, 1000));
	CHECK(breaker_failure(&s, &break_rules, 1000));
	CHECK_INT(breaker_look(&s, 1099), BREAKER_OPEN);
	CHECK(!breaker_admit(&s, 1099));
}

static void half_open_lets_one_probe_through(void **state UNUSED)
{
	struct breaker s = { 0 };

	for (int i = 0; i < 3; i++)
		(void)breaker_failure(&s, &break_rules, 1000);
	CHECK_INT(breaker_look(&s, 1100), BREAKER_HALF_OPEN);
	CHECK(breaker_admit(&s, 1100));
	CHECK(!breaker_admit(&s, 1100));
	CHECK(breaker_success(&s, &break_rules, 1000));
	CHECK_INT(breaker_look(&s, 1100), BREAKER_CLOSED);
	CHECK(breaker_admit(&s, 1100) && breaker_admit(&s, 1100));
}

static void a_failed_probe_opens_for_twice_as_long(void **state UNUSED)
{
	const uint64_t lengths[] = { 100, 200, 350, 350 };
	struct breaker s = { 0 };
	uint64_t now = 1000;

	(void)breaker_failure(&s, &break_rules, now);
	(void)breaker_failure(&s, &break_rules, now);
	for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
		CHECK(breaker_failure(&s, &break_rules, now));
		CHECK_INT(breaker_look(&s, now + lengths[i] - 1), BREAKER_OPEN);
		now += lengths[i];
		CHECK_INT(breaker_look(&s, now), BREAKER_HALF_OPEN);
		CHECK(breaker_admit(&s, now));
	}
	CHECK(breaker_success(&s, &break_rules, 1000));
	for (int i = 0; i < 3; i++) /* a success forgets the doubling */
		(void)breaker_failure(&s, &break_rules, now);
	CHECK_INT(breaker_look(&s, now + 100), BREAKER_HALF_OPEN);
}

static void a_probe_that_never_came_back_is_given_up(void **state UNUSED)
{
	struct breaker s = { 0 };

	for (int i = 0; i < 3; i++)
		(void)breaker_failure(&s, &break_rules, 1000);
	CHECK(breaker_admit(&s, 1100));
	CHECK(!breaker_admit(&s, 1100 + 59000000));
	CHECK(breaker_admit(&s, 1100 + 60000000));
	breaker_forget(&s); /* the client went away: the next may probe at once */
	CHECK(breaker_admit(&s, 1100 + 60000000));
}

static void a_rest_is_not_a_failure(void **state UNUSED)
{
	struct breaker s = { 0 };

	breaker_rest(&s, 1000, 500);
	breaker_rest(&s, 1000, 200); /* the longer one counts */
	CHECK_INT(breaker_rests_until(&s, 1499), 1500);
	CHECK_INT(breaker_rests_until(&s, 1500), 0);
	CHECK_INT(breaker_look(&s, 1001), BREAKER_CLOSED);
}

static void no_failures_means_never_open(void **state UNUSED)
{
	const struct breaker_rules never = { .failures = 0, .open_us = 1, .open_max_us = 1 };
	struct breaker s = { 0 };

	for (int i = 0; i < 100; i++)
		CHECK(!breaker_failure(&s, &never, 1000));
	CHECK(breaker_admit(&s, 1000));
}

/* ---- by the share of failures -------------------------------------------------------------
 */

static const struct breaker_rules share_rules = { .error_permille = 500,
						  .window_min = 10,
						  .window_us = 1000,
						  .open_us = 100,
						  .open_max_us = 400 };

/* `n` attempts at `now`, the first `failed` of them failures; did it move? */
static bool attempts(struct breaker *s, const struct breaker_rules *rules, unsigned n,
		     unsigned failed, uint64_t now)
{
	bool moved = false;

	/* Failures last: a success in between must not help. */
	for (unsigned i = 0; i < n - failed; i++)
		moved |= breaker_success(s, rules, now);
	for (unsigned i = 0; i < failed; i++)
		moved |= breaker_failure(s, rules, now);
	return moved;
}

static void a_share_of_failures_opens_it(void **state UNUSED)
{
	struct breaker s = { 0 };

	CHECK(!attempts(&s, &share_rules, 19, 9, 10000));
	CHECK_INT(breaker_look(&s, 10000), BREAKER_CLOSED);
	CHECK(breaker_failure(&s, &share_rules, 10000)); /* 10 of 20 */
	CHECK_INT(breaker_look(&s, 10000), BREAKER_OPEN);
	CHECK_INT(s.opens_total, 1);
}

static void failures_and_successes_in_turn_open_it_too(void **state UNUSED)
{
	const struct breaker_rules both = { .failures = 3,
					    .error_permille = 500,
					    .window_min = 10,
					    .window_us = 1000,
					    .open_us = 100,
					    .open_max_us = 400 };
	struct breaker s = { 0 };
	unsigned n = 0;

	while (breaker_look(&s, 10000) == BREAKER_CLOSED && n < 100) {
		(void)breaker_success(&s, &both, 10000);
		(void)breaker_failure(&s, &both, 10000);
		n++;
	}
	CHECK_INT(n, 5); /* never three in a row */
}

static void few_attempts_say_nothing(void **state UNUSED)
{
	struct breaker s = { 0 };

	CHECK(!attempts(&s, &share_rules, 9, 9, 10000));
	CHECK_INT(breaker_look(&s, 10000), BREAKER_CLOSED);
	CHECK(attempts(&s, &share_rules, 1, 1, 10000));
}

static void failures_of_two_windows_ago_are_forgotten(void **state UNUSED)
{
	for (uint64_t later = 2; later < 10; later++) {
		uint64_t now = 10000 + later * share_rules.window_us;
		struct breaker s = { 0 };

		CHECK(!attempts(&s, &share_rules, 9, 9, 10000));
		CHECK(!attempts(&s, &share_rules, 12, 4, now));
		CHECK_INT(breaker_look(&s, now), BREAKER_CLOSED);
	}
}

static void the_window_before_still_counts(void **state UNUSED)
{
	struct breaker s = { 0 };

	CHECK(!attempts(&s, &share_rules, 9, 9, 10999));
	CHECK(attempts(&s, &share_rules, 1, 1, 11000));
}

static void a_probe_that_succeeds_begins_a_new_window(void **state UNUSED)
{
	struct breaker s = { 0 };

	CHECK(attempts(&s, &share_rules, 10, 10, 10000));
	CHECK(breaker_admit(&s, 10100));
	CHECK(breaker_success(&s, &share_rules, 10100));
	CHECK_INT(breaker_look(&s, 10100), BREAKER_CLOSED);
	/* One failure among the old ones would open it again. */
	CHECK(!breaker_failure(&s, &share_rules, 10100));
	CHECK_INT(breaker_look(&s, 10100), BREAKER_CLOSED);
}

static void a_probe_that_fails_opens_it_again_whatever_the_share(void **state UNUSED)
{
	struct breaker s = { 0 };

	CHECK(attempts(&s, &share_rules, 10, 10, 10000));
	CHECK(breaker_admit(&s, 10100));
	CHECK(breaker_failure(&s, &share_rules, 10100));
	CHECK_INT(breaker_look(&s, 10299), BREAKER_OPEN);
	CHECK_INT(breaker_look(&s, 10300), BREAKER_HALF_OPEN);
}

/* Below the share it never opens, above it soon does, at any rate of attempts. */
static void the_share_is_what_decides(void **state UNUSED)
{
	const struct breaker_rules rules = { .error_permille = 500,
					     .window_min = 50,
					     .window_us = 1000000,
					     .open_us = 100,
					     .open_max_us = 400 };

	for (uint64_t seed = 0; seed < 100; seed++) {
		double share = seed % 2 == 0 ? 0.2 : 0.8;
		struct breaker s = { 0 };
		uint64_t now = seed * 12345;
		struct rng rng;
		bool opened = false;

		rng_seed(&rng, seed);
		for (unsigned i = 0; i < 1000 && !opened; i++) {
			now += rng_below(&rng, 2 + seed * 100);
			if (rng_chance(&rng, share))
				opened = breaker_failure(&s, &rules, now);
			else
				(void)breaker_success(&s, &rules, now);
		}
		CHECK_INT(opened, seed % 2);
	}
}

static void any_number_will_do(void **state UNUSED)
{
	struct breaker s = { 0 };
	struct rng rng;

	rng_seed(&rng, 1);
	for (unsigned i = 0; i < 100000; i++) {
		struct breaker_rules rules = {
			.failures = (unsigned)rng_below(&rng, 3),
			.error_permille = (unsigned)rng_below(&rng, 1001),
			.window_min = (unsigned)rng_below(&rng, 3),
			.window_us = rng_u64(&rng) >> rng_below(&rng, 64),
			.open_us = rng_u64(&rng) >> (2 + rng_below(&rng, 60)),
			.open_max_us = rng_u64(&rng) >> (2 + rng_below(&rng, 60)),
		};
		uint64_t now = rng_u64(&rng) >> (1 + rng_below(&rng, 60));

		if (rng_chance(&rng, 0.5))
			(void)breaker_failure(&s, &rules, now);
		else
			(void)breaker_success(&s, &rules, now);
		(void)breaker_admit(&s, now);
		breaker_rest(&s, now, rng_u64(&rng) >> (1 + rng_below(&rng, 60)));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_breaker_opens_after_failures_in_a_row),
		cmocka_unit_test(half_open_lets_one_probe_through),
		cmocka_unit_test(a_failed_probe_opens_for_twice_as_long),
		cmocka_unit_test(a_probe_that_never_came_back_is_given_up),
		cmocka_unit_test(a_rest_is_not_a_failure),
		cmocka_unit_test(no_failures_means_never_open),
		cmocka_unit_test(a_share_of_failures_opens_it),
		cmocka_unit_test(failures_and_successes_in_turn_open_it_too),
		cmocka_unit_test(few_attempts_say_nothing),
		cmocka_unit_test(failures_of_two_windows_ago_are_forgotten),
		cmocka_unit_test(the_window_before_still_counts),
		cmocka_unit_test(a_probe_that_succeeds_begins_a_new_window),
		cmocka_unit_test(a_probe_that_fails_opens_it_again_whatever_the_share),
		cmocka_unit_test(the_share_is_what_decides),
		cmocka_unit_test(any_number_will_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
