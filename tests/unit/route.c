#include "check.h"

#include "route/route.h"

static const struct route_rules rules = {
	.attempts = 5, .backoff_us = 100, .backoff_max_us = 1000, .retry_after_max_us = 5000
};

static unsigned go(struct route_walk *w, uint64_t now)
{
	unsigned candidate = 99;
	uint64_t wait;

	CHECK_INT(route_next(w, now, 0, &candidate, &wait), ROUTE_GO);
	return candidate;
}

static void a_lower_priority_goes_first(void **state UNUSED)
{
	const struct route_candidate c[] = { { .priority = 2, .weight = 9 },
					     { .priority = 1, .weight = 1 },
					     { .priority = 3, .weight = 9 } };
	const unsigned order[] = { 1, 0, 2 };
	struct route_walk w;
	struct rng rng;

	for (uint64_t seed = 0; seed < 50; seed++) {
		rng_seed(&rng, seed);
		route_plan(&w, &rules, c, 3, &rng);
		for (size_t k = 0; k < 3; k++) {
			CHECK_INT(go(&w, 1), order[k]);
			route_failed(&w, order[k], true, 0, 1, &rng);
		}
	}
}

static void equals_share_by_weight(void **state UNUSED)
{
	const struct route_candidate c[] = { { .weight = 1 },
					     { .weight = 3 },
					     { .weight = 6 } };
	unsigned first[3] = { 0 };
	struct route_walk w;
	struct rng rng;

	rng_seed(&rng, 7);
	for (int i = 0; i < 10000; i++) {
		route_plan(&w, &rules, c, 3, &rng);
		CHECK_INT(w.n, 3);
		first[go(&w, 1)]++;
	}
	CHECK(first[0] > 850 && first[0] < 1150);
	CHECK(first[1] > 2800 && first[1] < 3200);
	CHECK(first[2] > 5750 && first[2] < 6250);
}

static void every_candidate_is_in_the_plan_once(void **state UNUSED)
{
	struct route_candidate c[ROUTE_CANDIDATES_MAX];
	struct route_walk w;
	struct rng rng;

	rng_seed(&rng, 1);
	for (size_t i = 0; i < ARRAY_LEN(c); i++)
		c[i] = (struct route_candidate){ .priority = (unsigned)i % 3,
						 .weight = 1 + i % 4U };
	for (int round = 0; round < 100; round++) {
		uint64_t seen = 0;

		route_plan(&w, &rules, c, ARRAY_LEN(c), &rng);
		CHECK_INT(w.n, ARRAY_LEN(c));
		for (unsigned i = 0; i < w.n; i++)
			seen |= 1ULL << w.stop[i].candidate;
		CHECK(seen == (1ULL << ARRAY_LEN(c)) - 1);
	}
}

static void an_open_breaker_is_left_out_and_counted(void **state UNUSED)
{
	const struct route_candidate c[] = { { .weight = 1, .open = true }, { .weight = 1 } };
	unsigned candidate;
	struct route_walk w;
	struct rng rng;
	uint64_t wait;

	rng_seed(&rng, 1);
	route_plan(&w, &rules, c, 2, &rng);
	CHECK_INT(w.refused, 1);
	CHECK_INT(go(&w, 1), 1);
	route_failed(&w, 1, false, 0, 1, &rng);
	CHECK_INT(route_next(&w, 1, 0, &candidate, &wait), ROUTE_END);
}

static void the_others_go_before_the_same_one_again(void **state UNUSED)
{
	const struct route_candidate c[] = { { .priority = 1, .weight = 1 },
					     { .priority = 2, .weight = 1 } };
	unsigned candidate;
	struct route_walk w;
	struct rng rng;
	uint64_t wait = 0;

	rng_seed(&rng, 3);
	route_plan(&w, &rules, c, 2, &rng);
	CHECK_INT(go(&w, 1000), 0);
	route_failed(&w, 0, true, 0, 1000, &rng);
	CHECK_INT(go(&w, 1000), 1);
	route_failed(&w, 1, true, 0, 1000, &rng);
	CHECK_INT(route_next(&w, 1000, 0, &candidate, &wait), ROUTE_WAIT);
	CHECK(wait >= 50 && wait <= 100); /* half of the backoff is luck */
	CHECK(route_next(&w, 1000 + 100, 0, &candidate, &wait) == ROUTE_GO);
}

static void backoff_doubles_up_to_its_maximum(void **state UNUSED)
{
	const struct route_rules many = { .attempts = 50,
					  .backoff_us = 100,
					  .backoff_max_us = 350 };
	const uint64_t most[] = { 100, 200, 350, 350, 350 };
	const struct route_candidate c[] = { { .weight = 1 } };
	uint64_t now = 10, wait = 0;
	unsigned candidate;
	struct route_walk w;
	struct rng rng;

	rng_seed(&rng, 3);
	route_plan(&w, &many, c, 1, &rng);
	for (size_t i = 0; i < ARRAY_LEN(most); i++) {
		go(&w, now);
		route_failed(&w, 0, true, 0, now, &rng);
		CHECK_INT(route_next(&w, now, 0, &candidate, &wait), ROUTE_WAIT);
		CHECK(wait >= most[i] / 2 && wait <= most[i]);
		now += wait;
	}
}

static void a_retry_after_is_waited_for_when_it_is_short(void **state UNUSED)
{
	const struct route_candidate c[] = { { .weight = 1 } };
	unsigned candidate;
	struct route_walk w;
	struct rng rng;
	uint64_t wait = 0;

	rng_seed(&rng, 3);
	route_plan(&w, &rules, c, 1, &rng);
	go(&w, 1);
	route_failed(&w, 0, true, 4000, 1, &rng);
	CHECK_INT(route_next(&w, 1, 0, &candidate, &wait), ROUTE_WAIT);
	CHECK_INT(wait, 4000);
	CHECK_INT(route_next(&w, 1, 3000, &candidate, &wait), ROUTE_END); /* no time for it */
	go(&w, 4001);
	route_failed(&w, 0, true, 5001, 4001, &rng);
	CHECK_INT(route_next(&w, 4001, 0, &candidate, &wait), ROUTE_END); /* too long */
}

static void attempts_are_counted_over_all(void **state UNUSED)
{
	const struct route_rules two = { .attempts = 2 };
	const struct route_candidate c[] = { { .weight = 1 },
					     { .weight = 1 },
					     { .weight = 1 } };
	unsigned candidate;
	struct route_walk w;
	struct rng rng;
	uint64_t wait;

	rng_seed(&rng, 3);
	route_plan(&w, &two, c, 3, &rng);
	route_failed(&w, go(&w, 1), true, 0, 1, &rng);
	route_failed(&w, go(&w, 1), true, 0, 1, &rng);
	CHECK_INT(route_next(&w, 1, 0, &candidate, &wait), ROUTE_END);
}

static void a_skipped_candidate_costs_no_attempt(void **state UNUSED)
{
	const struct route_rules one = { .attempts = 1 };
	const struct route_candidate c[] = { { .priority = 1, .weight = 1 },
					     { .priority = 2, .weight = 1 } };
	struct route_walk w;
	struct rng rng;

	rng_seed(&rng, 3);
	route_plan(&w, &one, c, 2, &rng);
	CHECK_INT(go(&w, 1), 0);
	route_skip(&w, 0);
	CHECK_INT(go(&w, 1), 1);
}

static void one_that_something_else_comes_before_is_next_again(void **state UNUSED)
{
	const struct route_rules one = { .attempts = 1 };
	const struct route_candidate c[] = { { .priority = 1, .weight = 1 },
					     { .priority = 2, .weight = 1 } };
	struct route_walk w;
	struct rng rng;

	rng_seed(&rng, 3);
	route_plan(&w, &one, c, 2, &rng);
	CHECK_INT(go(&w, 1), 0);
	route_unask(&w, 0);
	CHECK_INT(go(&w, 1), 0);
}

static void a_resting_one_waits_while_others_are_ready(void **state UNUSED)
{
	const struct route_candidate c[] = { { .priority = 1, .weight = 1, .ready_us = 500 },
					     { .priority = 2, .weight = 1 } };
	unsigned candidate;
	struct route_walk w;
	struct rng rng;
	uint64_t wait = 0;

	rng_seed(&rng, 3);
	route_plan(&w, &rules, c, 2, &rng);
	CHECK_INT(go(&w, 100), 1);
	route_failed(&w, 1, false, 0, 100, &rng);
	CHECK_INT(route_next(&w, 100, 0, &candidate, &wait), ROUTE_WAIT);
	CHECK_INT(wait, 400);
	CHECK_INT(go(&w, 500), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lower_priority_goes_first),
		cmocka_unit_test(equals_share_by_weight),
		cmocka_unit_test(every_candidate_is_in_the_plan_once),
		cmocka_unit_test(an_open_breaker_is_left_out_and_counted),
		cmocka_unit_test(the_others_go_before_the_same_one_again),
		cmocka_unit_test(backoff_doubles_up_to_its_maximum),
		cmocka_unit_test(a_retry_after_is_waited_for_when_it_is_short),
		cmocka_unit_test(attempts_are_counted_over_all),
		cmocka_unit_test(a_skipped_candidate_costs_no_attempt),
		cmocka_unit_test(one_that_something_else_comes_before_is_next_again),
		cmocka_unit_test(a_resting_one_waits_while_others_are_ready),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
