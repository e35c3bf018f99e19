/* What hedging must do for the tail, and may cost: the "done when" 1. */
#include "check.h"

#include "route_fleet.h"

enum { REQUESTS = 100000, CAP = 10 };

static const struct {
	uint64_t seed;
	double rate, hang_share, fail_share;
} fleets[] = {
	{ 1, 25, 0.02, 0 }, { 2, 100, 0.01, 0.01 }, { 3, 200, 0.02, 0 }, { 4, 50, 0, 0.02 }
};

static struct fleet_rules rules_of(size_t i, unsigned percentile)
{
	return (struct fleet_rules){
		.seed = fleets[i].seed,
		.requests = REQUESTS,
		.rate = fleets[i].rate,
		.hang_share = fleets[i].hang_share,
		.fail_share = fleets[i].fail_share,
		.hedge = { .on = percentile != 0,
			   .percentile = percentile,
			   .count = { .share_permille = 100, .cap = CAP },
			   .cost = { .share_permille = 30, .cap = 300 * CAP } },
	};
}

/* Of one in fifty that hang, all but one in 2,500 are saved; of those that fail at once, the
 * router without hedging saves as many, so there it is only the slow answers that are cut. */
static void hedging_halves_the_tail_within_its_budget(void **state UNUSED)
{
	struct fleet_result *without = malloc(sizeof(*without)), *with = malloc(sizeof(*with));

	assert_true(without != NULL && with != NULL);
	for (size_t i = 0; i < ARRAY_LEN(fleets); i++) {
		struct fleet_rules rules = rules_of(i, 0);

		fleet_run(&rules, without);
		CHECK_INT(without->hedges, 0);
		rules = rules_of(i, 900);
		fleet_run(&rules, with);
		CHECK(with->p99_s < (fleets[i].hang_share > 0 ? 0.5 : 0.6) * without->p99_s);
		CHECK(with->p99_s < 5.5);
		CHECK(with->hedges <= REQUESTS / 10 + CAP);
		CHECK(with->hedges > REQUESTS / 20);
		CHECK(with->lost <= 0.03 * with->cost + 300 * CAP);
	}
	free(without);
	free(with);
}

/* A percentile that asks for more hedges than are paid for: the budget holds. */
static void the_budget_holds_whatever_the_percentile(void **state UNUSED)
{
	struct fleet_result *r = malloc(sizeof(*r));

	assert_non_null(r);
	for (unsigned percentile = 500; percentile < 900; percentile += 200) {
		struct fleet_rules rules = rules_of(1, percentile);

		fleet_run(&rules, r);
		CHECK(r->hedges <= REQUESTS / 10 + CAP);
		CHECK(r->lost <= 0.03 * r->cost + 300 * CAP);
	}
	free(r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(hedging_halves_the_tail_within_its_budget),
		cmocka_unit_test(the_budget_holds_whatever_the_percentile),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
