/* route/route.h -- in which order the deployments of a model are tried, and what to do
 * after a failure: decisions over plain structs.
 *
 * Pure: time, luck and health are arguments.  The strategy here is priority, then weight;
 * the full router takes its place behind the same two calls.
 */
#ifndef WEIR_ROUTE_ROUTE_H
#define WEIR_ROUTE_ROUTE_H

#include "base/rng.h"

enum { ROUTE_CANDIDATES_MAX = 32 };

/* Until this file is gone, both are linked: route/plan.h has the name. */
#define route_plan route_plan_by_weight

struct route_candidate {
	unsigned priority; /* lower goes first */
	unsigned weight;   /* share among those of the same priority; >= 1 */
	bool open;         /* its breaker keeps it out */
	uint64_t ready_us; /* it asked for a rest until then; 0: ready */
};

struct route_rules {
	unsigned attempts; /* at most, >= 1 */
	uint64_t backoff_us, backoff_max_us, retry_after_max_us;
};

/* The plan of one exchange, and how far it has got. */
struct route_walk {
	struct route_rules rules;
	unsigned n;       /* candidates that take part */
	unsigned tries;   /* attempts made */
	unsigned refused; /* candidates kept out by their breakers */
	struct route_stop {
		uint16_t candidate;
		uint16_t tries;
		bool dead;         /* not again in this exchange */
		uint64_t ready_us; /* not before */
	} stop[ROUTE_CANDIDATES_MAX];
};

/* Orders the candidates (at most ROUTE_CANDIDATES_MAX are looked at): by priority; within
 * one priority by a weighted draw, so that a heavier one is more often first.  Those whose
 * breaker is open are left out. */
void route_plan(struct route_walk *w, const struct route_rules *rules,
		const struct route_candidate *c, size_t n, struct rng *rng);

enum route_step {
	ROUTE_GO,   /* try *candidate now */
	ROUTE_WAIT, /* try again in *wait_us */
	ROUTE_END,  /* nothing is left that could help */
};

/* What to do next.  Deployments not tried yet come first, at once; then those that may be
 * tried again, when their backoff or their Retry-After is over.  `until_us` is when the
 * exchange's time is over (0: never): a wait beyond it is not begun. */
enum route_step route_next(struct route_walk *w, uint64_t now_us, uint64_t until_us,
			   unsigned *candidate, uint64_t *wait_us);

/* route_next()'s candidate is not tried yet: something else comes first, and then it is the
 * next again. */
void route_unask(struct route_walk *w, unsigned candidate);
/* route_next()'s candidate was not tried after all (its breaker gave its probe to
 * somebody else): leave it out. */
void route_skip(struct route_walk *w, unsigned candidate);

/* The attempt at `candidate` failed.  `again`: the same one may do better later;
 * `retry_after_us`: not before, as it said (0: it did not say). */
void route_failed(struct route_walk *w, unsigned candidate, bool again, uint64_t retry_after_us,
		  uint64_t now_us, struct rng *rng);

#endif
