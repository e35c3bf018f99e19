/* route/budget.h -- how much more than the requests themselves may be spent: on retries, on
 * hedges, on their cost.
 *
 * Pure.  A bucket in units of 1/1000: what comes in earns a share of itself, what is done on
 * top is paid from that; it never holds more than its cap, so an outage cannot be answered
 * with all that a quiet day has saved.  Shared by all loops through an atomic.
 */
#ifndef WEIR_ROUTE_BUDGET_H
#define WEIR_ROUTE_BUDGET_H

#include "base/defs.h"

#include <stdatomic.h>

struct budget_rules {
	unsigned share_permille; /* of what comes in; 1000: as much again */
	uint64_t cap;            /* units that may be saved up; also what it begins with */
};

/* All zero: full, as its rules say. */
struct budget {
	_Atomic int64_t spent; /* private: cap - what is left, in 1/1000 units */
};

/* So many units came in: requests, or nano-USD. */
void budget_earn(struct budget *b, const struct budget_rules *r, uint64_t units);
/* Takes so many, all or none. */
MUST_USE bool budget_take(struct budget *b, const struct budget_rules *r, uint64_t units);
/* What was taken was not needed after all, or only part of it. */
void budget_give(struct budget *b, uint64_t units);
/* Whole units that could be taken now. */
uint64_t budget_left(const struct budget *b, const struct budget_rules *r);

#endif
