/* tests/unit/route_targets.h -- deployments, a request and an environment to plan with. */
#ifndef WEIR_TESTS_ROUTE_TARGETS_H
#define WEIR_TESTS_ROUTE_TARGETS_H

#include "check.h"

#include "base/arena.h"
#include "route/plan.h"

enum { TARGETS_MAX = ROUTE_CANDIDATES_MAX };

#define USD 1000000000ULL /* in nano-USD */
#define NOW 5000000000ULL

struct targets {
	struct route_target t[TARGETS_MAX];
	struct health health[TARGETS_MAX];
	const struct route_target *v[TARGETS_MAX];
	char name[TARGETS_MAX][16];
	size_t n;
	struct route_policy policy;
	struct route_facts facts;
	struct route_env env;
	struct rng rng;
	struct test_mem mem;
	struct arena a;
	struct route_plan plan;
};

/* `n` alike, of the providers "p0", "p1", ..., of which nothing more is known. */
static inline void targets_init(struct targets *w, size_t n, uint64_t seed)
{
	memset(w, 0, sizeof(*w));
	w->n = n;
	for (size_t i = 0; i < n; i++) {
		int len = snprintf(w->name[i], sizeof(w->name[i]), "p%zu/m", i);

		w->t[i] = (struct route_target){
			.name = slice_of(w->name[i], (size_t)len),
			.provider = slice_of(w->name[i], (size_t)len - 2),
			.model = LIT("m"),
			.priority = 1,
			.weight = 1,
			.quality = 500,
			.health = &w->health[i],
		};
		w->v[i] = &w->t[i];
	}
	rng_seed(&w->rng, seed);
	w->env = (struct route_env){ .now_us = NOW,
				     .rng = &w->rng,
				     .rest_max_us = 60000000,
				     .stick_to = ROUTE_NOBODY,
				     .stick_max_permille = 2000 };
	test_mem_init(&w->mem, 0);
	arena_init(&w->a, &w->mem.mem, 4096, 1 << 20);
}

static inline void targets_free(struct targets *w)
{
	arena_free(&w->a);
	CHECK_INT(w->mem.live, 0);
}

static inline void price(struct route_target *t, uint64_t input, uint64_t output)
{
	t->priced = true;
	t->price_input = t->price_cache_read = input;
	t->price_output = output;
}

static inline const struct route_plan *planned(struct targets *w)
{
	arena_free(&w->a);
	arena_init(&w->a, &w->mem.mem, 4096, 1 << 20);
	CHECK_RC(route_plan(&w->plan, w->v, w->n, &w->policy, &w->facts, &w->env, &w->a), OK);
	return &w->plan;
}

/* The plan's order is these. */
#define CHECK_ORDER(w, ...)                                                                    \
	check_order((w), (const unsigned[]){ __VA_ARGS__ },                                    \
		    ARRAY_LEN(((const unsigned[]){ __VA_ARGS__ })), __FILE__, __LINE__)
static inline void check_order(struct targets *w, const unsigned *want, size_t n,
			       const char *file, int line)
{
	const struct route_plan *p = planned(w);

	check_int(p->n, (long long)n, "choices", file, line);
	for (size_t i = 0; i < n; i++)
		check_int(p->choice[i].candidate, want[i], "candidate", file, line);
}

#endif
