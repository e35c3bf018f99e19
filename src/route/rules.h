/* route/rules.h -- conditions on a request that choose among a route's deployments.
 *
 * Pure.  The first rule that holds is the one; none holds: all deployments, the route's own
 * strategy.
 */
#ifndef WEIR_ROUTE_RULES_H
#define WEIR_ROUTE_RULES_H

#include "route/plan.h"

struct rule_pair {
	struct slice name, value; /* value "*": is there at all */
};

struct route_rule {
	/* All of what is given must hold. */
	uint64_t min_prompt_tokens, max_prompt_tokens; /* 0: any */
	const struct rule_pair *metadata;              /* of the request's `metadata` */
	size_t metadata_n;
	const struct slice *tags; /* X-Weir-Tags: one of these; none: any */
	size_t tag_n;
	const struct slice *keys; /* names of the config's keys: one of these; none: any */
	size_t key_n;
	unsigned weekdays; /* 1 << 0: Monday; 0: any */
	/* Of the day, UTC; over midnight when from > until, and the weekday is that on which
	 * the night begins; equal: any. */
	unsigned from_minute, until_minute;
	unsigned needs; /* 1 << enum model_cap that the request needs */
	unsigned media; /* 1 << enum model_medium that it has */
	enum tri_state { TRI_ANY, TRI_YES, TRI_NO } stream;
	/* What then holds. */
	const uint64_t
		*use; /* bits of the route's candidates, ROUTE_CANDIDATES_MAX; NULL: all */
	bool strategy_given;
	enum strategy strategy;
	struct slice name; /* in records */
};

/* What rules look at and route_facts has not. */
struct rule_facts {
	uint64_t prompt_tokens;
	struct slice metadata; /* JSON object; may be empty */
	struct slice tags;     /* "a, b"; may be empty */
	struct slice key;      /* its name; may be empty */
	uint64_t wall_us;
	bool stream;
	const struct route_facts *f;
};

/* NULL: none holds. */
const struct route_rule *route_rule_find(const struct route_rule *v, size_t n,
					 const struct rule_facts *f);

#endif
