#include "check.h"

#include "base/rng.h"
#include "route/health.h"

#include <math.h>

#define SECOND 1000000ULL

static struct health *fresh(void)
{
	struct health *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	return h;
}

/* `n` answers of about `us`, 50 ms apart; returns the time after them. */
static uint64_t answers(struct health *h, unsigned n, uint64_t us, uint64_t now)
{
	for (unsigned i = 0; i < n; i++) {
		now += 50000;
		health_begin(h, now);
		health_first_content(h, us, 100, now + us);
		health_end(h);
	}
	return now + us;
}

static bool near(uint64_t x, uint64_t want, unsigned percent)
{
	return x * 100 >= want * (100 - percent) && x * 100 <= want * (100 + percent);
}

static void prompts_are_told_apart_by_size(void **state UNUSED)
{
	CHECK_INT(prompt_size(0), 0);
	CHECK_INT(prompt_size(999), 0);
	CHECK_INT(prompt_size(1000), 1);
	CHECK_INT(prompt_size(7999), 1);
	CHECK_INT(prompt_size(8000), 2);
	CHECK_INT(prompt_size(63999), 2);
	CHECK_INT(prompt_size(64000), 3);
	CHECK_INT(prompt_size(UINT64_MAX), 3);
}

/* ---- the average ------------------------------------------------------------------------- */

static void nothing_known_is_nothing(void **state UNUSED)
{
	struct health *h = fresh();

	CHECK_INT(health_ttft_us(h, SECOND), 0);
	CHECK_INT(health_ttft_at(h, 100, 500), 0);
	CHECK_INT(health_headroom(h, SECOND), 1000);
	CHECK_INT(health_load(h, 1, 600000, 0, SECOND), health_load(h, 1, 600000, SECOND, 5));
	CHECK(near(health_load(h, 1, 600000, 0, SECOND), 600000, 1));
	CHECK(health_load(h, 1, 0, 0, SECOND) > 0);
	free(h);
}

static void the_average_follows_what_is_answered(void **state UNUSED)
{
	const uint64_t times[] = { 1000, 30000, 600000, 8 * SECOND, 600 * SECOND };

	for (size_t i = 0; i < ARRAY_LEN(times); i++) {
		struct health *h = fresh();
		uint64_t now = answers(h, 50, times[i], SECOND);

		CHECK(near(health_ttft_us(h, now), times[i], 1));
		now = answers(h, 400, times[i] * 3 / 2, now);
		CHECK(near(health_ttft_us(h, now), times[i] * 3 / 2, 10));
		now = answers(h, 400, times[i] / 2, now);
		CHECK(near(health_ttft_us(h, now), times[i] / 2, 10));
		CHECK_INT(health_ttft_us(h, now + 301 * SECOND), 0);
		free(h);
	}
}

static void one_outlier_does_not_own_it(void **state UNUSED)
{
	struct health *h = fresh();
	uint64_t now = answers(h, 50, 600000, SECOND);

	/* It began 20 s ago, and those that began since were answered. */
	health_first_content(h, 20 * SECOND, 100, now);
	CHECK(near(health_ttft_us(h, now), 600000, 1));
	health_waiting(h, 25 * SECOND, now);
	CHECK(near(health_ttft_us(h, now), 600000, 1));
	free(h);
}

static void waits_raise_it_before_any_answer_comes(void **state UNUSED)
{
	struct health *h = fresh();
	uint64_t now = answers(h, 50, 600000, SECOND), before = health_ttft_us(h, now);

	health_waiting(h, 100, now); /* no longer than usual: nothing */
	CHECK_INT(health_ttft_us(h, now), before);
	for (unsigned i = 0; i < 10; i++) {
		now += 200000;
		health_waiting(h, 1200000 + 200000 * i, now + SECOND);
	}
	CHECK(health_ttft_us(h, now) > 2 * before);
	free(h);
}

static void a_good_answer_makes_older_waits_old_news(void **state UNUSED)
{
	struct health *h = fresh();
	uint64_t now = answers(h, 50, 6 * SECOND, SECOND), good;

	/* It recovers: an attempt that begins now is fast, older ones are still slow. */
	now += 3 * SECOND;
	health_begin(h, now);
	health_first_content(h, 500000, 100, now + 500000);
	good = health_ttft_us(h, now + 500000);
	CHECK(good < 3 * SECOND);
	for (unsigned i = 1; i < 10; i++)
		health_waiting(h, 6 * SECOND + i * 100000, now + 500000 + i * 100000);
	CHECK_INT(health_ttft_us(h, now + 2 * SECOND), good);
	free(h);
}

static void an_older_answer_counts_little_after_a_quiet_time(void **state UNUSED)
{
	struct health *h = fresh();
	uint64_t now = answers(h, 50, 6 * SECOND, SECOND), before;

	health_first_content(h, 3 * SECOND, 100, now + 4 * SECOND); /* began second ... */
	before = health_ttft_us(h, now + 4 * SECOND);
	health_first_content(h, 7 * SECOND, 100, now + 7 * SECOND); /* ... and this one first */
	CHECK(near(health_ttft_us(h, now + 7 * SECOND), before, 5));
	health_first_content(h, 3 * SECOND, 100, now + 12 * SECOND); /* this one is news */
	CHECK(health_ttft_us(h, now + 12 * SECOND) < before);
	free(h);
}

/* ---- the load ---------------------------------------------------------------------------- */

static void load_grows_with_what_is_in_hand_and_falls_with_weight(void **state UNUSED)
{
	struct health *h = fresh();
	uint64_t now = answers(h, 50, 600000, SECOND);
	uint64_t idle = health_load(h, 1, 600000, 0, now);

	health_begin(h, now);
	CHECK_INT(health_load(h, 1, 600000, 0, now) / 2, idle);
	health_begin(h, now);
	CHECK_INT(health_load(h, 3, 600000, 0, now), idle);
	CHECK_INT(health_load(h, 0, 600000, 0, now), 3 * idle);
	health_end(h);
	health_end(h);
	CHECK_INT(health_load(h, 1, 600000, 0, now), idle);
	health_end(h); /* more ends than beginnings are no credit */
	CHECK_INT(health_load(h, 1, 600000, 0, now), idle);
	free(h);
}

static void a_slow_one_that_is_not_asked_is_tried_again(void **state UNUSED)
{
	struct health *h = fresh();
	uint64_t now = answers(h, 50, 6 * SECOND, SECOND), last = UINT64_MAX;
	uint64_t begun = now - 6 * SECOND;

	CHECK(health_load(h, 1, 600000, 0, begun) > 100 * 600000ULL);
	for (unsigned s = 0; s < 60; s++) {
		uint64_t load = health_load(h, 1, 600000, 0, begun + s * SECOND);

		CHECK(load <= last);
		last = load;
	}
	CHECK(near(last, 600000, 1));
	health_begin(h, now + 60 * SECOND); /* asked again: what is known counts again */
	CHECK(health_load(h, 1, 600000, 0, now + 60 * SECOND) > 100 * 600000ULL);
	free(h);
}

static void a_slow_start_ends(void **state UNUSED)
{
	struct health *h = fresh();
	const uint64_t at = 100 * SECOND, long_us = 10 * SECOND;
	uint64_t usual = health_load(h, 1, 600000, long_us, at), last = UINT64_MAX;

	health_recovered(h, at);
	CHECK(near(health_load(h, 1, 600000, long_us, at), 8 * usual, 1));
	CHECK(near(health_load(h, 1, 600000, long_us, at + long_us / 2), usual * 9 / 2, 1));
	CHECK_INT(health_load(h, 1, 600000, 0, at), usual);
	for (unsigned s = 0; s < 12; s++) {
		uint64_t load = health_load(h, 1, 600000, long_us, at + s * SECOND);

		CHECK(load <= last);
		last = load;
	}
	CHECK_INT(last, usual);
	CHECK_INT(health_load(h, 1, 600000, long_us, at + long_us), usual);
	free(h);
}

/* ---- percentiles ------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static uint64_t log_normal(struct rng *rng, double median_us, double sigma)
{
	double sum = 0;

	for (unsigned i = 0; i < 12; i++)
		sum += rng_unit(rng);
	return (uint64_t)(median_us * exp(sigma * (sum - 6)));
}

static void percentiles_are_those_of_the_samples(void **state UNUSED)
{
	const unsigned at[] = { 10, 100, 500, 900, 950, 990 };
	uint64_t v[2000];

	for (uint64_t seed = 0; seed < 50; seed++) {
		struct health *h = fresh();
		struct rng rng;
		size_t n;

		rng_seed(&rng, seed);
		n = 200 + (size_t)rng_below(&rng, ARRAY_LEN(v) - 200);
		for (size_t i = 0; i < n; i++) {
			v[i] = log_normal(&rng, 20000 + 1e6 * rng_unit(&rng), 1.1);
			health_first_content(h, v[i], 100, SECOND + v[i]);
		}
		qsort(v, n, sizeof(v[0]), by_size);
		for (size_t i = 0; i < ARRAY_LEN(at); i++) {
			uint64_t exact = v[n * at[i] / 1000];
			uint64_t below = v[n * at[i] / 1000 - 1];
			uint64_t got = health_ttft_at(h, 100, at[i]);

			/* One bucket, 19 %, at most, where samples are dense. */
			CHECK(got * 5 <= exact * 6 && got * 6 >= below * 5);
		}
		free(h);
	}
}

static void percentiles_need_twenty_and_fall_back_to_all_sizes(void **state UNUSED)
{
	struct health *h = fresh();

	for (unsigned i = 0; i < 19; i++)
		health_first_content(h, 100000, 100, SECOND);
	CHECK_INT(health_ttft_at(h, 100, 500), 0);
	health_first_content(h, 100000, 100000, SECOND);
	CHECK(near(health_ttft_at(h, 100, 500), 100000, 20));
	for (unsigned i = 0; i < 20; i++)
		health_first_content(h, 10 * SECOND, 100000, SECOND);
	CHECK(near(health_ttft_at(h, 100000, 900), 10 * SECOND, 20));
	CHECK(near(health_ttft_at(h, 5000, 100), 100000, 20)); /* none of that size */
	CHECK(near(health_ttft_at(h, 5000, 900), 10 * SECOND, 20));
	free(h);
}

static void a_percentile_asked_again_knows_what_was_told_between(void **state UNUSED)
{
	struct health *h = fresh();

	for (unsigned i = 0; i < 30; i++)
		health_first_content(h, 100000, 100, SECOND);
	CHECK(near(health_ttft_at(h, 5000, 500), 100000, 20)); /* of all sizes */
	for (unsigned i = 0; i < 40; i++)
		health_first_content(h, SECOND, 100, SECOND);
	CHECK(near(health_ttft_at(h, 5000, 500), SECOND, 20));
	CHECK(near(health_ttft_at(h, 5000, 100), 100000, 20));
	for (unsigned i = 0; i < 200; i++)
		health_given_up(h, 4 * SECOND, 5000);
	CHECK(near(health_ttft_at(h, 5000, 100), 8 * SECOND, 20));
	free(h);
}
static void percentiles_forget(void **state UNUSED)
{
	struct health *h = fresh();

	for (unsigned i = 0; i < 10000; i++)
		health_first_content(h, 100000, 100, SECOND);
	CHECK(h->size[0].n <= LATENCY_MEMORY);
	for (unsigned i = 0; i < 2 * LATENCY_MEMORY; i++)
		health_first_content(h, SECOND, 100, SECOND);
	CHECK(near(health_ttft_at(h, 100, 500), SECOND, 20));
	CHECK(h->size[0].n <= LATENCY_MEMORY);
	free(h);
}

/* If they did not count, a hedge at the 90th percentile would cancel what is above it, and the
 * next 90th percentile would be lower. */
static void what_was_given_up_counts_as_slow(void **state UNUSED)
{
	struct health *h = fresh();

	for (unsigned i = 0; i < 80; i++)
		health_first_content(h, 100000, 100, SECOND);
	for (unsigned i = 0; i < 20; i++)
		health_given_up(h, SECOND, 100);
	CHECK(near(health_ttft_at(h, 100, 750), 100000, 20));
	CHECK(health_ttft_at(h, 100, 900) > SECOND);
	free(h);
}

/* ---- the others -------------------------------------------------------------------------- */

static void output_speed_is_averaged(void **state UNUSED)
{
	struct health *h = fresh();

	health_output(h, 0, SECOND);
	health_output(h, 100, 0);
	CHECK_INT(h->tps_milli, 0);
	health_output(h, 50, SECOND);
	CHECK_INT(h->tps_milli, 50000);
	for (unsigned i = 0; i < 100; i++)
		health_output(h, 200, 2 * SECOND);
	CHECK(near(h->tps_milli, 100000, 1));
	free(h);
}

static void limits_hold_until_they_are_reset(void **state UNUSED)
{
	struct health *h = fresh();

	health_limits(h, 250, 10 * SECOND, SECOND);
	CHECK_INT(health_headroom(h, SECOND), 250);
	CHECK_INT(health_headroom(h, 11 * SECOND), 250);
	CHECK_INT(health_headroom(h, 11 * SECOND + 2000), 1000);
	health_limits(h, 5000, SECOND, 20 * SECOND);
	CHECK_INT(health_headroom(h, 20 * SECOND), 1000);
	health_limits(h, 0, UINT64_MAX, 20 * SECOND); /* a day is believed, not more */
	CHECK_INT(health_headroom(h, 20 * SECOND), 0);
	CHECK_INT(health_headroom(h, 86500 * SECOND), 1000);
	free(h);
}

static void the_share_of_the_cache_is_averaged(void **state UNUSED)
{
	struct health *h = fresh();

	health_cached(h, 5, 0);
	CHECK_INT(h->cached_samples, 0);
	health_cached(h, 500, 1000);
	CHECK_INT(h->cached_permille, 500);
	CHECK_INT(h->cached_samples, 1);
	for (unsigned i = 0; i < 100; i++)
		health_cached(h, 2000, 1000); /* more than all is all */
	CHECK(h->cached_permille > 990 && h->cached_permille <= 1000);
	for (unsigned i = 0; i < 100; i++)
		health_cached(h, 0, UINT64_MAX);
	CHECK(h->cached_permille < 10);
	free(h);
}

/* Whatever comes, nothing overflows (UBSAN looks on), and answers stay within reason. */
static void any_number_will_do(void **state UNUSED)
{
	struct health *h = fresh();
	struct rng rng;

	rng_seed(&rng, 1);
	for (unsigned i = 0; i < 200000; i++) {
		uint64_t a = rng_u64(&rng) >> rng_below(&rng, 64);
		uint64_t b = rng_u64(&rng) >> rng_below(&rng, 64);
		uint64_t now = (rng_u64(&rng) >> rng_below(&rng, 64)) & (UINT64_MAX >> 1);

		switch (rng_below(&rng, 10)) {
		case 0:
			health_begin(h, now);
			break;
		case 1:
			health_end(h);
			break;
		case 2:
			health_first_content(h, a, b, now);
			break;
		case 3:
			health_waiting(h, a, now);
			break;
		case 4:
			health_given_up(h, a, b);
			break;
		case 5:
			health_output(h, a, b);
			break;
		case 6:
			health_recovered(h, now);
			break;
		case 7:
			health_cached(h, a, b);
			break;
		case 8:
			health_limits(h, (unsigned)a, b, now);
			break;
		default:
			CHECK(health_load(h, (unsigned)a, b, a, now) < UINT64_MAX / 2);
			CHECK(health_ttft_us(h, now) <= 1ULL << 32);
			CHECK(health_ttft_at(h, b, (unsigned)a) <= 1000 * SECOND);
			CHECK(health_headroom(h, now) <= 1000);
		}
	}
	free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(prompts_are_told_apart_by_size),
		cmocka_unit_test(nothing_known_is_nothing),
		cmocka_unit_test(the_average_follows_what_is_answered),
		cmocka_unit_test(one_outlier_does_not_own_it),
		cmocka_unit_test(waits_raise_it_before_any_answer_comes),
		cmocka_unit_test(a_good_answer_makes_older_waits_old_news),
		cmocka_unit_test(an_older_answer_counts_little_after_a_quiet_time),
		cmocka_unit_test(load_grows_with_what_is_in_hand_and_falls_with_weight),
		cmocka_unit_test(a_slow_one_that_is_not_asked_is_tried_again),
		cmocka_unit_test(a_slow_start_ends),
		cmocka_unit_test(percentiles_are_those_of_the_samples),
		cmocka_unit_test(percentiles_need_twenty_and_fall_back_to_all_sizes),
		cmocka_unit_test(a_percentile_asked_again_knows_what_was_told_between),
		cmocka_unit_test(percentiles_forget),
		cmocka_unit_test(what_was_given_up_counts_as_slow),
		cmocka_unit_test(output_speed_is_averaged),
		cmocka_unit_test(limits_hold_until_they_are_reset),
		cmocka_unit_test(the_share_of_the_cache_is_averaged),
		cmocka_unit_test(any_number_will_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
