/* What the balancing must do, whatever its numbers are: the "done when" 2 and 3. */
#include "check.h"

#include "route_fleet.h"

/* Of a request at deployments that are all well: e^(2.326 * 1.11) * 0.6 s. */
#define ORACLE_P99_S 7.93

enum { REQUESTS = 100000 };

static const struct {
	uint64_t seed;
	double rate, stream_s;
} fleets[] = {
	{ 1, 25, 0 }, { 2, 50, 0 }, { 3, 100, 0 }, { 4, 200, 0 }, { 5, 25, 3 }, { 6, 200, 3 },
};

static struct fleet_result *run(const struct fleet_rules *rules)
{
	struct fleet_result *r = malloc(sizeof(*r));

	assert_non_null(r);
	fleet_run(rules, r);
	return r;
}

static void equal_deployments_have_equal_shares(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(fleets); i++) {
		const struct fleet_rules rules = { .seed = fleets[i].seed,
						   .requests = REQUESTS,
						   .rate = fleets[i].rate,
						   .stream_s = fleets[i].stream_s };
		struct fleet_result *r = run(&rules);

		for (unsigned d = 0; d < FLEET; d++)
			CHECK(r->attempts[d] > REQUESTS / FLEET * 0.97 &&
			      r->attempts[d] < REQUESTS / FLEET * 1.03);
		CHECK(r->gap_us < 6000000);
		free(r);
	}
}

static double five_times(unsigned deployment, double now_s UNUSED)
{
	return deployment == 0 ? 5 : 1;
}

static void a_slow_one_is_hardly_used_but_not_forgotten(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(fleets); i++) {
		const struct fleet_rules rules = { .seed = fleets[i].seed,
						   .requests = REQUESTS,
						   .rate = fleets[i].rate,
						   .stream_s = fleets[i].stream_s,
						   .pace = five_times };
		/* Long streams make the attempts in hand say less of how slow it is. */
		double most = fleets[i].stream_s > 0 ? 1.4 : 1.2;
		struct fleet_result *r = run(&rules);

		CHECK(r->p99_s < most * ORACLE_P99_S);
		CHECK(r->gap_us < 10000000);
		free(r);
	}
}

/* Each minute: from second 30 to second 50 deployment 0 takes ten times as long. */
static double brown_out(unsigned deployment, double now_s)
{
	unsigned second = (unsigned)now_s % 60;

	return deployment == 0 && second >= 30 && second < 50 ? 10 : 1;
}

static void one_that_browns_out_gets_probes_and_comes_back(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(fleets); i++) {
		const struct fleet_rules rules = { .seed = fleets[i].seed,
						   .requests = REQUESTS,
						   .rate = fleets[i].rate,
						   .stream_s = fleets[i].stream_s,
						   .pace = brown_out };
		struct fleet_result *r = run(&rules);

		CHECK(fleet_share(r, 60, 15, 30) > 200);
		/* Two seconds later, and then as long as it lasts. */
		CHECK(fleet_share(r, 60, 32, 34) < (fleets[i].stream_s > 0 ? 40 : 30));
		CHECK(fleet_share(r, 60, 32, 50) < 30);
		CHECK(fleet_share(r, 60, 32, 50) > 0);
		/* Nine and ten seconds after it recovered; the mean of many, of which some
		 * were asked late. */
		CHECK(fleet_share(r, 60, 59, 60) > 100);
		CHECK(fleet_share(r, 60, 0, 5) > 175);
		free(r);
	}
}

static void a_new_one_starts_slowly(void **state UNUSED)
{
	double early = 0, middle = 0, late = 0;

	for (uint64_t seed = 0; seed < 20; seed++) {
		const struct fleet_rules rules = { .seed = seed,
						   .requests = 4000,
						   .rate = 100,
						   .new_at_s = 10,
						   .slow_start_us = 10000000 };
		struct fleet_result *r = run(&rules);

		early += fleet_share(r, FLEET_SECONDS, 10, 12) / 20;
		middle += fleet_share(r, FLEET_SECONDS, 14, 18) / 20;
		late += fleet_share(r, FLEET_SECONDS, 24, 34) / 20;
		free(r);
	}
	CHECK(early > 5 && early < 100);
	CHECK(middle > early && middle < 200);
	CHECK(late > 230 && late < 270);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(equal_deployments_have_equal_shares),
		cmocka_unit_test(a_slow_one_is_hardly_used_but_not_forgotten),
		cmocka_unit_test(one_that_browns_out_gets_probes_and_comes_back),
		cmocka_unit_test(a_new_one_starts_slowly),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
