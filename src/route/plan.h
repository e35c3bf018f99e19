/* route/plan.h -- which deployments a request may go to, in which order, and why.
 *
 * Pure: time, luck and health are arguments.  First every candidate goes through the hard
 * filters (route/filter.c), each rejection with the first rule it failed; then those left are
 * put in order by the policy's strategy (route/order.c).  What is done with the order, attempt
 * by attempt, is route/walk.h.
 */
#ifndef WEIR_ROUTE_PLAN_H
#define WEIR_ROUTE_PLAN_H

#include "base/rng.h"
#include "route/policy.h"

enum { ROUTE_CANDIDATES_MAX = 256 };

/* What the request needs; all zero: nothing that every deployment could not do. */
struct route_facts {
	unsigned caps;          /* 1 << enum model_cap */
	unsigned wants;         /* likewise, of what it can do without: for rules only */
	unsigned media;         /* 1 << enum model_medium of its input, beside text */
	uint64_t prompt_bytes;  /* without inline media */
	uint64_t media_tokens;  /* what its media are guessed at */
	unsigned images;        /* in its input */
	uint64_t output_tokens; /* asked for at most; 0: not said */
	unsigned answers;       /* `n`; 0: one */
	bool may_preview;       /* the account may use preview models */
	bool any_size;          /* how long it is for a context is not known: it fits all */
	struct slice pinned;    /* provider whose opaque state it carries; empty: none */
	uint64_t affinity;      /* what it wants to stay with (route/affinity.h); 0: nothing */
	int64_t day;            /* since 1970-01-01 */
	/* What each candidate must meet beside the policy; NULL: nothing. */
	const struct route_policy *const *demands;
	/* Asked of each candidate: may the account use it, can its dialect be told this?  NULL:
	 * all.  `ctx` is for it. */
	bool (*allowed)(void *ctx, unsigned candidate);
	bool (*can_say)(void *ctx, unsigned candidate);
	void *ctx;
};

/* Why a candidate is left out: id, code in records, what it says to the client.  In the order
 * in which the rules are tried. */
#define REJECTIONS(X)                                                                          \
	X(REJECT_NONE, "none", "")                                                             \
	X(REJECT_ACCOUNT, "account", "the key may not use it")                                 \
	X(REJECT_IGNORED, "ignored", "provider.ignore names it")                               \
	X(REJECT_NOT_ONLY, "not_only", "provider.only does not name it")                       \
	X(REJECT_NOT_ORDER, "not_order",                                                       \
	  "provider.order does not name it, and there are no fallbacks")                       \
	X(REJECT_PREVIEW, "preview", "it is a preview and the key has no access to those")     \
	X(REJECT_RETIRED, "retired", "it is retired")                                          \
	X(REJECT_MEDIA, "media", "it does not take a kind of media that the request has")      \
	X(REJECT_TOOLS, "tools", "it has no tools")                                            \
	X(REJECT_SCHEMA, "json_schema", "it does not answer by a schema")                      \
	X(REJECT_CAPABILITY, "capability", "it lacks something the request needs")             \
	X(REJECT_PARAMETERS, "parameters", "it cannot be told all that the request says")      \
	X(REJECT_CONTEXT, "context", "the prompt and the answer do not fit its context")       \
	X(REJECT_OUTPUT, "max_output", "it does not answer as long as is asked for")           \
	X(REJECT_REGION, "region", "it is in none of the regions allowed")                     \
	X(REJECT_ZDR, "zdr", "it is not known to keep nothing")                                \
	X(REJECT_COLLECTION, "data_collection", "it may learn from what it is sent")           \
	X(REJECT_NOT_LOCAL, "local_only", "it is not local")                                   \
	X(REJECT_QUANTIZATION, "quantizations", "its weights are not stored as asked for")     \
	X(REJECT_QUALITY, "min_quality", "its quality is below what is asked for")             \
	X(REJECT_UNPRICED, "unpriced", "there is a price ceiling and its price is not known")  \
	X(REJECT_PRICE, "max_price", "it costs more per token than allowed")                   \
	X(REJECT_COST, "max_cost_usd", "the request could cost more than allowed")             \
	X(REJECT_DEADLINE, "deadline_ms", "it is not known to answer in time")                 \
	X(REJECT_QUOTA, "quota", "its rate limit is used up and it asked for a pause")         \
	X(REJECT_BREAKER, "breaker_open", "it failed repeatedly and is left alone for a while")
#define REJECTION_ID(id, code, text) id,
enum rejection { REJECTIONS(REJECTION_ID) REJECTION_N };
#undef REJECTION_ID
const char *rejection_code(enum rejection r);
const char *rejection_text(enum rejection r);
/* It may be over soon, without the request being changed. */
bool rejection_passes(enum rejection r);

struct route_env {
	uint64_t now_us;
	struct rng *rng;
	uint64_t turn; /* of BY_TURN: counts the route's requests */
	uint64_t slow_start_us;
	uint64_t rest_max_us; /* one that asks for a longer rest is left out */
	const uint8_t *rank; /* by candidate: lower goes before any strategy; NULL: all alike */
	uint16_t stick_to;   /* candidate it went to before (affinity); ROUTE_NOBODY: none */
	unsigned stick_max_permille; /* ... kept while its load is at most so much of the best's
				      */
};
enum { ROUTE_NOBODY = UINT16_MAX };

/* One candidate that takes part, in the plan's order. */
struct route_choice {
	uint16_t candidate;
	uint16_t group; /* equals share one, ascending */
	uint64_t key;   /* of the strategy: smaller is better, and what it means is its own */
	uint64_t load;  /* health_load() */
	uint64_t cost;  /* expected, nano-USD; 0: not known or nothing */
	uint64_t ready_us; /* it asked for a rest until then; 0: ready */
};

struct route_plan {
	struct route_choice *choice; /* [n], from the arena */
	uint8_t *rejected;           /* enum rejection, by candidate */
	unsigned n;
	unsigned candidates;
	enum strategy strategy;
	uint64_t input_tokens; /* estimate for the first choice */
	bool stuck;            /* the first is there for its affinity */
};

/* Candidates v[0 .. n), of which at most ROUTE_CANDIDATES_MAX are looked at.  E_NOMEM */
struct arena;
MUST_USE enum rc route_plan(struct route_plan *p, const struct route_target *const *v, size_t n,
			    const struct route_policy *policy, const struct route_facts *f,
			    const struct route_env *env, struct arena *a);

/* ---- its two steps ------------------------------------------------------------------------
 */

/* route/filter.c: the first rule that keeps `t` out.  `rules` is route_rules() of the same
 * policy. */
unsigned route_rules(const struct route_policy *policy);
enum rejection route_filter(const struct route_target *t, unsigned candidate, unsigned rules,
			    const struct route_policy *policy, const struct route_facts *f,
			    const struct route_env *env);
/* Tokens of the prompt and its media, as this one counts them. */
uint64_t route_input(const struct route_target *t, const struct route_facts *f);
/* Of all answers, at most: what is asked for, else what the model gives, else what its context
 * has room for, else ROUTE_OUTPUT_UNKNOWN each. */
uint64_t route_output_max(const struct route_target *t, const struct route_facts *f);
/* ... and what is expected, to compare costs: ROUTE_OUTPUT_USUAL each, or less where less is
 * asked for. */
uint64_t route_output_usual(const struct route_facts *f);
enum { ROUTE_OUTPUT_USUAL = 512, ROUTE_OUTPUT_SHORT = 64, ROUTE_OUTPUT_UNKNOWN = 16384 };

/* Prompt and answer (as asked for, else ROUTE_OUTPUT_USUAL) in its context.  FITS_NOT: also
 * when the estimate was too high by the doubt there is about it; FITS_PERHAPS: not when it was
 * too low by that much, and then it goes last. */
enum route_fit { FITS, FITS_PERHAPS, FITS_NOT };
enum route_fit route_fits(const struct route_target *t, const struct route_facts *f);

/* route/order.c: orders p->choice[0 .. p->n), of which candidate and ready_us are set. */
void route_order(struct route_plan *p, const struct route_target *const *v,
		 const struct route_policy *policy, const struct route_facts *f,
		 const struct route_env *env);

#endif
