/* route/hedge.h -- when a second deployment is asked because the first is slow, and when not.
 *
 * Pure.  The delay is a percentile of the first's own time to first content for prompts of that
 * size; what may be spent on it is bounded twice, by a share of the requests and by a share of
 * their cost (route/budget.h).  Whoever has content first wins; the other is cancelled and
 * its prompt is paid.
 */
#ifndef WEIR_ROUTE_HEDGE_H
#define WEIR_ROUTE_HEDGE_H

#include "route/budget.h"
#include "route/target.h"

struct hedge_rules {
	bool on;
	unsigned percentile;       /* permille: 900 */
	uint64_t min_us, max_us;   /* the delay is kept between these; max_us 0: no upper end */
	struct budget_rules count; /* of attempts */
	struct budget_rules cost;  /* of nano-USD */
	bool despite_billing;      /* also where a cancelled attempt is billed to its end */
};

/* What hedging has left; shared by all loops, outlives reloads. */
struct hedge_budget {
	struct budget count, cost;
};

/* How long the first attempt may wait for its content before another is asked; 0: it is not
 * hedged (off, too little is known, or its cancelling does not stop its bill). */
uint64_t hedge_delay(const struct hedge_rules *r, const struct route_target *t,
		     uint64_t input_tokens);

/* Every request earns; `cost` is what it cost, when that is known. */
void hedge_earn(struct hedge_budget *b, const struct hedge_rules *r);
void hedge_earn_cost(struct hedge_budget *b, const struct hedge_rules *r, uint64_t cost);
/* May `t` be asked beside another that it would cost `lost` nano-USD to cancel?  Pays when
 * true. */
MUST_USE bool hedge_take(struct hedge_budget *b, const struct hedge_rules *r,
			 const struct route_target *t, uint64_t lost);

#endif
