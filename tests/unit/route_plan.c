#include "route_targets.h"

#include "route/tokens.h"

static void every_candidate_is_chosen_or_rejected_once(void **state UNUSED)
{
	static const struct slice some[] = { LITC("p3"), LITC("p7/m"), LITC("p1") };
	static struct targets w;

	for (uint64_t seed = 0; seed < 300; seed++) {
		size_t n = 1 + seed % 70;
		unsigned seen[TARGETS_MAX] = { 0 };
		const struct route_plan *p;

		targets_init(&w, n, seed);
		w.policy.strategy = (enum strategy)(seed % STRATEGY_N);
		w.policy.order = (struct route_names){ some, seed % 4 };
		w.policy.max_ttft_us = seed % 3 * 300000;
		w.env.turn = seed;
		w.env.stick_to = (uint16_t)rng_below(&w.rng, n + 1);
		for (size_t i = 0; i < n; i++) {
			w.t[i].priority = (unsigned)rng_below(&w.rng, 3);
			w.t[i].weight = 1 + (unsigned)rng_below(&w.rng, 2);
			w.t[i].retired_day = rng_chance(&w.rng, 0.2) ? -1 : 0;
			if (rng_chance(&w.rng, 0.5))
				price(&w.t[i], rng_below(&w.rng, USD), USD);
			if (rng_chance(&w.rng, 0.5))
				health_first_content(&w.health[i],
						     1 + rng_below(&w.rng, 1000000), 10, NOW);
			if (rng_chance(&w.rng, 0.1))
				breaker_rest(&w.health[i].breaker, NOW, 1000);
			if (rng_chance(&w.rng, 0.1))
				w.t[i].health = NULL;
		}
		p = planned(&w);
		CHECK_INT(p->candidates, n);
		for (unsigned i = 0; i < p->n; i++) {
			seen[p->choice[i].candidate]++;
			CHECK_INT(p->rejected[p->choice[i].candidate], REJECT_NONE);
			if (i > 0) /* groups have no gaps and do not mix */
				CHECK(p->choice[i].group == p->choice[i - 1].group ||
				      p->choice[i].group == p->choice[i - 1].group + 1);
			else
				CHECK_INT(p->choice[i].group, 0);
		}
		for (size_t i = 0; i < n; i++)
			CHECK_INT(seen[i], p->rejected[i] == REJECT_NONE ? 1 : 0);
		targets_free(&w);
	}
}

static void the_same_seed_makes_the_same_plan(void **state UNUSED)
{
	static struct targets w;
	uint16_t first[40];

	for (uint64_t seed = 0; seed < 20; seed++) {
		targets_init(&w, 40, seed);
		(void)planned(&w);
		for (unsigned i = 0; i < 40; i++)
			first[i] = w.plan.choice[i].candidate;
		targets_free(&w);
		targets_init(&w, 40, seed);
		(void)planned(&w);
		for (unsigned i = 0; i < 40; i++)
			CHECK_INT(w.plan.choice[i].candidate, first[i]);
		targets_free(&w);
	}
}

static void nobody_is_a_plan_too(void **state UNUSED)
{
	static struct targets w;

	targets_init(&w, 3, 1);
	w.policy.zdr = true;
	CHECK_INT(planned(&w)->n, 0);
	CHECK_INT(w.plan.rejected[2], REJECT_ZDR);
	w.n = 0;
	CHECK_INT(planned(&w)->n, 0);
	targets_free(&w);
}

static void the_estimate_is_the_first_choices(void **state UNUSED)
{
	static struct calibration dense = { .milli_bytes = 2000, .samples = 100 };
	static struct targets w;

	targets_init(&w, 2, 1);
	w.facts.prompt_bytes = 8000;
	w.facts.media_tokens = 5;
	w.t[0].priority = 2;
	w.t[1].tokens = &dense;
	CHECK_INT(planned(&w)->input_tokens, 4005);
	w.t[0].priority = 0;
	CHECK_INT(planned(&w)->input_tokens, 2005);
	targets_free(&w);
}

static void more_candidates_than_there_is_room_for_are_not_looked_at(void **state UNUSED)
{
	static const struct route_target *v[ROUTE_CANDIDATES_MAX + 5];
	static struct targets w;
	struct route_plan p;

	targets_init(&w, ROUTE_CANDIDATES_MAX, 1);
	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		v[i] = &w.t[i % ROUTE_CANDIDATES_MAX];
	CHECK_RC(route_plan(&p, v, ARRAY_LEN(v), &w.policy, &w.facts, &w.env, &w.a), OK);
	CHECK_INT(p.n, ROUTE_CANDIDATES_MAX);
	CHECK_INT(p.candidates, ROUTE_CANDIDATES_MAX);
	targets_free(&w);
}

static void a_candidate_must_meet_its_own_demands_too(void **state UNUSED)
{
	static const struct route_policy none = { .strategy = BY_PRIORITY };
	static const struct route_policy local = { .local_only = true };
	const struct route_policy *const demands[] = { &local, &none, &local };
	static struct targets w;
	const struct route_plan *p;

	targets_init(&w, 3, 1);
	w.t[2].local = true;
	w.facts.demands = demands;
	p = planned(&w);
	CHECK_INT(p->n, 2);
	CHECK_INT(p->rejected[0], REJECT_NOT_LOCAL);
	CHECK_INT(p->rejected[1], REJECT_NONE);
	CHECK_INT(p->rejected[2], REJECT_NONE);
	/* And what holds for all. */
	w.policy.zdr = true;
	p = planned(&w);
	CHECK_INT(p->n, 0);
	CHECK_INT(p->rejected[1], REJECT_ZDR);
	targets_free(&w);
}

static void planning_reports_that_there_is_no_memory(struct test_mem *mem)
{
	static struct targets w;
	struct route_plan p;
	struct arena a;
	enum rc rc;

	targets_init(&w, 3, 1);
	arena_init(&a, &mem->mem, 64, 1 << 16);
	rc = route_plan(&p, w.v, w.n, &w.policy, &w.facts, &w.env, &a);
	CHECK_RC(rc, mem->failed ? E_NOMEM : OK);
	arena_free(&a);
	targets_free(&w);
}

static void no_memory_is_an_answer(void **state UNUSED)
{
	sweep(planning_reports_that_there_is_no_memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_candidate_is_chosen_or_rejected_once),
		cmocka_unit_test(the_same_seed_makes_the_same_plan),
		cmocka_unit_test(nobody_is_a_plan_too),
		cmocka_unit_test(the_estimate_is_the_first_choices),
		cmocka_unit_test(more_candidates_than_there_is_room_for_are_not_looked_at),
		cmocka_unit_test(a_candidate_must_meet_its_own_demands_too),
		cmocka_unit_test(no_memory_is_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
