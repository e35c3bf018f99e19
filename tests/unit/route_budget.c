#include "check.h"

#include "base/rng.h"
#include "route/budget.h"

static const struct budget_rules tenth = { .share_permille = 100, .cap = 5 };

static void it_begins_full_and_never_holds_more(void **state UNUSED)
{
	struct budget b = { 0 };

	CHECK_INT(budget_left(&b, &tenth), 5);
	budget_earn(&b, &tenth, 1000000);
	CHECK_INT(budget_left(&b, &tenth), 5);
	for (unsigned i = 0; i < 5; i++)
		CHECK(budget_take(&b, &tenth, 1));
	CHECK(!budget_take(&b, &tenth, 1));
	CHECK_INT(budget_left(&b, &tenth), 0);
}

static void what_comes_in_earns_its_share(void **state UNUSED)
{
	struct budget b = { 0 };

	CHECK(budget_take(&b, &tenth, 5));
	for (unsigned i = 0; i < 9; i++)
		budget_earn(&b, &tenth, 1);
	CHECK(!budget_take(&b, &tenth, 1));
	budget_earn(&b, &tenth, 1);
	CHECK(budget_take(&b, &tenth, 1));
	CHECK(!budget_take(&b, &tenth, 1));
}

static void it_is_all_or_none(void **state UNUSED)
{
	struct budget b = { 0 };

	CHECK(budget_take(&b, &tenth, 3));
	CHECK(!budget_take(&b, &tenth, 3));
	CHECK_INT(budget_left(&b, &tenth), 2);
	CHECK(budget_take(&b, &tenth, 2));
	CHECK(budget_take(&b, &tenth, 0));
}

static void what_was_not_needed_comes_back(void **state UNUSED)
{
	struct budget b = { 0 };

	CHECK(budget_take(&b, &tenth, 5));
	budget_give(&b, 2);
	CHECK_INT(budget_left(&b, &tenth), 2);
	budget_give(&b, UINT64_MAX);
	CHECK_INT(budget_left(&b, &tenth), 5);
}

static void a_smaller_cap_after_a_reload_is_earned_down_to(void **state UNUSED)
{
	const struct budget_rules small = { .share_permille = 1000, .cap = 2 };
	struct budget b = { 0 };

	CHECK(budget_take(&b, &tenth, 5));
	CHECK_INT(budget_left(&b, &small), 0);
	CHECK(!budget_take(&b, &small, 1));
	budget_earn(&b, &small, 4);
	CHECK_INT(budget_left(&b, &small), 1);
}

/* Over any run, what was taken is at most the cap and the share of what came in. */
static void never_more_is_taken_than_cap_and_share(void **state UNUSED)
{
	for (uint64_t seed = 0; seed < 200; seed++) {
		struct budget b = { 0 };
		struct budget_rules r;
		uint64_t in = 0, taken = 0;
		struct rng rng;

		rng_seed(&rng, seed);
		r.share_permille = (unsigned)rng_below(&rng, 1500);
		r.cap = rng_below(&rng, 50);
		for (unsigned i = 0; i < 1000; i++) {
			uint64_t n = rng_below(&rng, 5);

			if (rng_chance(&rng, 0.5)) {
				budget_earn(&b, &r, n);
				in += n;
			} else if (budget_take(&b, &r, n)) {
				taken += n;
			}
			CHECK(taken * 1000 <= r.cap * 1000 + in * r.share_permille);
		}
	}
}

static void any_number_will_do(void **state UNUSED)
{
	struct budget b = { 0 };
	struct rng rng;

	rng_seed(&rng, 1);
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t n = rng_u64(&rng) >> rng_below(&rng, 64);
		struct budget_rules r = { (unsigned)(rng_u64(&rng) >> rng_below(&rng, 64)),
					  rng_u64(&rng) >> rng_below(&rng, 64) };

		switch (rng_below(&rng, 4)) {
		case 0:
			budget_earn(&b, &r, n);
			break;
		case 1:
			(void)!budget_take(&b, &r, n);
			break;
		case 2:
			budget_give(&b, n);
			break;
		default:
			CHECK(budget_left(&b, &r) <= r.cap);
		}
		CHECK(b.spent >= 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(it_begins_full_and_never_holds_more),
		cmocka_unit_test(what_comes_in_earns_its_share),
		cmocka_unit_test(it_is_all_or_none),
		cmocka_unit_test(what_was_not_needed_comes_back),
		cmocka_unit_test(a_smaller_cap_after_a_reload_is_earned_down_to),
		cmocka_unit_test(never_more_is_taken_than_cap_and_share),
		cmocka_unit_test(any_number_will_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
