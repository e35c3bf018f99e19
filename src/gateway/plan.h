/* gateway/plan.h -- a request as the router sees it, and what the router said of it.
 */
#ifndef WEIR_GATEWAY_PLAN_H
#define WEIR_GATEWAY_PLAN_H

#include "gateway/snapshot.h"
#include "route/ask.h"
#include "route/plan.h"
#include "route/rules.h"

struct exchange;

struct routing {
	struct route_ask ask; /* what the request says about it */
	struct slice bare;    /* the asked name without its suffix */
	struct slice *own;    /* names of the body's members that are not forwarded */
	size_t own_n;
	/* By candidate of x->model: which of the names that are asked for has it first.  NULL:
	 * there is one name, or the strategy goes across them. */
	uint8_t *rank;
	const struct route_policy *policy; /* the route's, narrowed by the request's */
	const struct route_rule *rule;     /* of the route, that holds; NULL: none */
	struct route_facts facts;
	struct route_plan plan;
	const struct model *whole; /* what was asked for; x->model is what the rule leaves */
	uint64_t affinity;         /* key of it; 0: it sticks to nobody */
	uint16_t stick_to;         /* candidate it went to before, when there is such a key;
				      ROUTE_NOBODY: none */
};

/* What the request says about its routing.  False: refused, and gone. */
MUST_USE bool routing_read(struct exchange *x);
/* x->model: of the name that is asked for (its suffix goes into the policy), or of that and the
 * request's `models` together.  E_NOTFOUND: *missing is unknown;  E_NOMEM */
MUST_USE enum rc routing_find(struct exchange *x, struct slice *missing);

/* Whether the body must be read whole before it can be planned. */
bool routing_needs_body(const struct exchange *x);

/* Takes from x->chat what was for us. */
void routing_leave_out(struct exchange *x);

/* Plans; x->walk is ready afterwards.  False: refused; the exchange has ended and is gone. */
MUST_USE bool routing_plan(struct exchange *x);

/* The winner is known: what it teaches about tokens, caches and where this session is. */
void routing_learn(struct exchange *x, const struct deployment *d, const struct usage *u);

#endif
