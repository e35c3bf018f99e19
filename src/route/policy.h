/* route/policy.h -- how the deployments behind a name are chosen from: of the route, as its
 * owner says in the config, narrowed by what a request asks for.
 *
 * Pure data.  All zero is: priority order, fallbacks allowed, no ceiling, everybody.
 */
#ifndef WEIR_ROUTE_POLICY_H
#define WEIR_ROUTE_POLICY_H

#include "route/target.h"

/* id, word, what it does (for the manual) */
#define STRATEGIES(X)                                                                          \
	X(BY_PRIORITY, "priority", "the lowest priority first; equals by weight and load")     \
	X(BY_WEIGHT, "weighted", "a draw by weight")                                           \
	X(BY_TURN, "round_robin", "each in its turn")                                          \
	X(BY_LOAD, "least_busy", "the fewest requests in hand, by weight")                     \
	X(BY_COST, "cheapest", "the lowest expected cost of this request")                     \
	X(BY_TTFT, "fastest", "the shortest time to first content, at a percentile")           \
	X(BY_TPS, "throughput", "the most tokens per second")                                  \
	X(BY_HEADROOM, "headroom", "the most left of its rate limits")                         \
	X(BY_QUALITY, "quality",                                                               \
	  "the cheapest that reaches min_quality, then the next better")                       \
	X(BY_BALANCE, "balanced", "a score of cost, latency, quality and load")
#define STRATEGY_ID(id, word, doc) id,
enum strategy { STRATEGIES(STRATEGY_ID) STRATEGY_N };
#undef STRATEGY_ID
const char *strategy_name(enum strategy s);

/* Names: "openai", "openai/gpt-4o"; a name of a provider stands for all that it has. */
struct route_names {
	const struct slice *v;
	size_t n;
};

/* Shares of the score of BY_BALANCE, in any unit; all zero: 4, 3, 3. */
struct route_shares {
	unsigned cost, latency, quality;
};

/* The first of the names that stands for `t`, case ignored; SLICE_NONE: none does. */
size_t route_names_find(const struct route_names *names, const struct route_target *t);
/* `wide` is `name`, or the provider of which it is a model. */
bool route_name_covers(struct slice wide, struct slice name);

struct route_policy {
	enum strategy strategy;
	bool strategy_given; /* a request's: it stands instead of the route's */
	bool no_fallbacks;   /* only the first of the plan is asked, though again if it may;
				with `order`: only those that it names, one after the other */
	bool require_params; /* only those that take every parameter that is sent */
	bool zdr;            /* only those that keep nothing */
	bool no_collection;  /* only those that do not learn from it */
	bool local_only;     /* only those that are local */
	struct route_names only, ignore; /* empty: all, none */
	struct route_names order;        /* these first, in this order */
	struct route_names regions;      /* one of these; a prefix is enough: "eu" */
	unsigned quantizations;          /* 1 << enum quantization; 0: any */
	uint64_t max_price_input;        /* nano-USD per million tokens; UINT64_MAX or 0: any */
	uint64_t max_price_output;
	uint64_t max_price_request; /* nano-USD each */
	uint64_t max_price_image;   /* nano-USD each, beside its tokens */
	bool free_only;             /* what costs nothing */
	uint64_t max_cost;          /* nano-USD of the whole request at its largest; 0: any */
	unsigned min_quality;       /* 0 .. 1000 */
	uint64_t deadline_us; /* from the request's first byte to its end; 0: the timeouts' */
	unsigned percentile;  /* permille, of BY_TTFT; 0: 500 */
	uint64_t max_ttft_us; /* preferred: slower ones go last; 0: any */
	uint64_t min_tps;     /* preferred likewise */
	struct route_shares shares;
};

/* What a request asks for on top of its route's policy: where both have a ceiling or a list,
 * both hold; a strategy or an order of the request stands instead of the route's.  Lists that
 * must be joined come from `a`.  False: no memory. */
struct arena;
MUST_USE bool route_policy_join(struct route_policy *p, const struct route_policy *asked,
				struct arena *a);

#endif
