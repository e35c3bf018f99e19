/* route/walk.h -- how far a plan has been walked: which deployment is asked next, when, and
 * what to do after a failure.
 *
 * Pure.  Deployments not tried yet come first, at once and in the plan's order; then those
 * that may be tried again, when their backoff or their Retry-After is over.
 */
#ifndef WEIR_ROUTE_WALK_H
#define WEIR_ROUTE_WALK_H

#include "route/plan.h"

struct walk_rules {
	unsigned attempts; /* at most, hedges not counted; >= 1 */
	bool stay;         /* no other deployment than the first */
	uint64_t backoff_us, backoff_max_us, retry_after_max_us;
};

/* The plan of one exchange, and how far it has got. */
struct route_walk {
	struct walk_rules rules;
	unsigned n;     /* stops */
	unsigned tries; /* attempts made, without hedges */
	struct route_stop {
		uint16_t candidate;
		uint16_t tries;
		bool busy;         /* an attempt is out there */
		bool hedge;        /* ... which is a hedge */
		bool dead;         /* not again in this exchange */
		bool no_hedge;     /* it may be asked, but not beside another */
		uint64_t ready_us; /* not before */
	} * stop;
};

/* E_NOMEM */
struct arena;
MUST_USE enum rc walk_begin(struct route_walk *w, const struct route_plan *p,
			    const struct walk_rules *rules, struct arena *a);

enum walk_step {
	WALK_GO,   /* try *candidate now */
	WALK_WAIT, /* try again in *wait_us */
	WALK_END,  /* nothing is left that could help */
};

/* What to do next.  `until_us` is when the exchange's time is over (0: never): a wait beyond it
 * is not begun. */
enum walk_step walk_next(struct route_walk *w, uint64_t now_us, uint64_t until_us,
			 unsigned *candidate, uint64_t *wait_us);
/* Whom to ask beside the attempt that is out: the best that was never tried and is ready.
 * False: nobody. */
bool walk_hedge(struct route_walk *w, uint64_t now_us, unsigned *candidate);

/* walk_next()'s candidate is not tried yet: something else comes first, and then it is the
 * next again. */
void walk_unask(struct route_walk *w, unsigned candidate);
/* walk_next()'s or walk_hedge()'s candidate asked for a rest meanwhile: not before `ready_us`,
 * and not at all when that is longer than a Retry-After is waited for. */
void walk_rests(struct route_walk *w, unsigned candidate, uint64_t ready_us, uint64_t now_us);
/* walk_hedge()'s candidate is not for a hedge; walk_next() may still have it. */
void walk_no_hedge(struct route_walk *w, unsigned candidate);
/* walk_next()'s or walk_hedge()'s candidate was not tried after all: leave it out. */
void walk_skip(struct route_walk *w, unsigned candidate);

/* The attempt at `candidate` failed.  `again`: the same one may do better later;
 * `retry_after_us`: not before, as it said (0: it did not say). */
void walk_failed(struct route_walk *w, unsigned candidate, bool again, uint64_t retry_after_us,
		 uint64_t now_us, struct rng *rng);
/* It was given up without a verdict (the other of a hedged pair came first, or the key it was
 * tried with is no good and there is another): `again` lets it be tried once more at once. */
void walk_dropped(struct route_walk *w, unsigned candidate, bool again);
/* No further attempt. */
void walk_stop(struct route_walk *w);

#endif
