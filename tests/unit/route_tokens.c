#include "check.h"

#include "base/rng.h"
#include "route/tokens.h"

static void nothing_learned_is_four_bytes_to_a_token(void **state UNUSED)
{
	struct calibration c = { 0 };

	CHECK_INT(tokens_estimate(NULL, 4000), 1000);
	CHECK_INT(tokens_estimate(&c, 4000), 1000);
	CHECK_INT(tokens_estimate(&c, 1), 1);
	CHECK_INT(tokens_estimate(&c, 0), 0);
}

static void it_learns_what_comes_back(void **state UNUSED)
{
	/* Bytes to a token, in tenths: of English, of code, of Chinese in UTF-8. */
	const unsigned tenths[] = { 44, 30, 21 };

	for (size_t k = 0; k < ARRAY_LEN(tenths); k++) {
		for (uint64_t seed = 0; seed < 20; seed++) {
			struct calibration c = { 0 };
			struct rng rng;

			rng_seed(&rng, seed);
			for (unsigned i = 0; i < 300; i++) {
				uint64_t tokens = 50 + rng_below(&rng, 5000);
				uint64_t off = 80 + rng_below(&rng, 41); /* percent */

				tokens_learn(&c, tokens * tenths[k] * off / 1000, tokens);
			}
			CHECK(tokens_estimate(&c, 1000UL * tenths[k]) > 9200);
			CHECK(tokens_estimate(&c, 1000UL * tenths[k]) < 10800);
			CHECK(c.error_permille > 50 && c.error_permille < 150);
			CHECK_INT(c.samples, 300);
		}
	}
}

static void the_error_falls_as_it_learns(void **state UNUSED)
{
	struct calibration c = { 0 };
	uint32_t first;

	tokens_learn(&c, 2000, 1000);
	first = c.error_permille;
	CHECK_INT(first, 500);
	for (unsigned i = 0; i < 200; i++)
		tokens_learn(&c, 2000, 1000);
	CHECK(c.error_permille < 40);
}

static void a_short_prompt_says_little(void **state UNUSED)
{
	struct calibration brief = { 0 }, lengthy = { 0 };

	tokens_learn(&brief, 10, 10);
	tokens_learn(&lengthy, 10000, 10000);
	CHECK(brief.milli_bytes > 3000);
	CHECK(lengthy.milli_bytes < 1100);
}

static void nonsense_is_not_learned(void **state UNUSED)
{
	struct calibration c = { 0 };

	tokens_learn(&c, 0, 10);
	tokens_learn(&c, 10, 0);
	CHECK_INT(c.samples, 0);
	CHECK_INT(c.milli_bytes, 0);
}

static void any_number_will_do(void **state UNUSED)
{
	struct calibration c = { 0 };
	struct rng rng;

	rng_seed(&rng, 1);
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t bytes = rng_u64(&rng) >> rng_below(&rng, 64);
		uint64_t estimate;

		tokens_learn(&c, bytes, rng_u64(&rng) >> rng_below(&rng, 64));
		CHECK(c.milli_bytes >= 250 && c.milli_bytes <= 64000);
		CHECK(c.error_permille <= 10000);
		estimate = tokens_estimate(&c, bytes);
		CHECK(estimate >= bytes / 64 &&
		      (bytes > UINT64_MAX / 4 || estimate <= bytes * 4));
	}
	CHECK(tokens_estimate(&c, UINT64_MAX) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_learned_is_four_bytes_to_a_token),
		cmocka_unit_test(it_learns_what_comes_back),
		cmocka_unit_test(the_error_falls_as_it_learns),
		cmocka_unit_test(a_short_prompt_says_little),
		cmocka_unit_test(nonsense_is_not_learned),
		cmocka_unit_test(any_number_will_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
