/* route/ask.h -- what a request says about its own routing, beside the conversation.
 *
 * Pure.  None of these names is a member of an official request of the dialects (`openai`,
 * `responses`, `anthropic`, `gemini`, `bedrock`, `cohere`), so that they mean the same in each.
 * What is null counts as not said.  Source: the vocabulary of OpenRouter's chat API, which many
 * clients speak (`provider`, `models`, `route`, `usage`, `transforms`, `session_id`), and
 * weir's own (`deadline_ms`, `max_cost_usd`, `min_quality`, `region`, `local_only`).  These
 * members are taken out of what is forwarded; docs/routing.md has the list.
 */
#ifndef WEIR_ROUTE_ASK_H
#define WEIR_ROUTE_ASK_H

#include "base/arena.h"
#include "base/err.h"
#include "route/policy.h"
#include "wire/json_scan.h"

enum { ASK_MODELS_MAX = 32, ASK_NAMES_MAX = 64, ASK_NAME_MAX = 256 };

/* The members that are for us and not for a provider; `key` as it is written in the JSON.
 * `metadata` and `user` are for both. */
bool ask_is_member(struct slice key);

struct route_ask {
	bool any;                   /* there was such a member */
	struct route_policy policy; /* what of it is policy */
	const struct slice *models; /* asked for after the first, in order */
	size_t model_n;
	bool across; /* provider.sort.partition "none": the strategy orders the deployments of
			all models together, not model by model */
	bool show_usage;       /* usage: {include: true}: also of a stream */
	struct slice session;  /* session_id; empty: none */
	struct slice metadata; /* the JSON object, for rules; empty: none */
};

/* Why not: for a 400. */
struct ask_refusal {
	const char *code; /* invalid_type, invalid_value, unknown_field, contradiction */
	char param[64];   /* "provider.max_price.prompt" */
	char text[240];
};

/* From the members m[0 .. n) of the body's root.  Unknown members of `provider` and of the
 * others are refused by name: a policy that is not understood must not be lost.
 * E_BAD: `why`;  E_NOMEM */
MUST_USE enum rc ask_read(struct route_ask *ask, const struct json_member *m, size_t n,
			  struct arena *a, struct ask_refusal *why);

/* A name with its suffix taken off: ":floor" (cheapest), ":nitro" (the most tokens per
 * second, as OpenRouter has it), ":free" (only what costs nothing); what the suffix means is
 * put into `p`.  Any other suffix stays part of the name. */
struct slice ask_suffix(struct slice name, struct route_policy *p);

#endif
