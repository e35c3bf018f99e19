/* The options of models and routes: how one of several deployments is chosen. */
#include "app/options.h"

#include "app/config.h"

#define MS(n)  ((uint64_t)(n)*1000)
#define SEC(n) ((uint64_t)(n)*1000000)
#define MIN(n) SEC((uint64_t)(n)*60)
#define HOUR   MIN(60)

#define WORD_OF(id, word, ...) word,
/* In the order of enum strategy and enum quantization. */
static const char *const strategies[] = { STRATEGIES(WORD_OF) NULL };
static const char *const quantizations[] = { QUANTIZATIONS(WORD_OF) NULL };

/* ---- keys of providers ------------------------------------------------------------------- */

#define AT(member) offsetof(struct config_provider_key, member)
static const struct option provider_key_rows[] = {
	{ "name", OPT_TEXT, AT(name), .doc = "What it is called in records and metrics.",
	  .sample = "first" },
	{ "key", OPT_SECRET, AT(key), .doc = "The key.", .sample = "${MY_VLLM_KEY:-none}" },
	{ "weight", OPT_INT, AT(weight), "1", 1, 1000, .doc = "Its share of the requests." },
};
const struct option_table options_provider_key = {
	.name = "key",
	.size = sizeof(struct config_provider_key),
	.rows = provider_key_rows,
	.n = ARRAY_LEN(provider_key_rows),
};
#undef AT

/* ---- times ------------------------------------------------------------------------------- */

#define AT(member) offsetof(struct config_model_timeouts, member)
static const struct option model_timeout_rows[] = {
	{ "first_content", OPT_DURATION, AT(first_content), NULL, 0, HOUR,
	  .doc = "As in timeouts, for this model.", .sample = "20s" },
	{ "stall", OPT_DURATION, AT(stall), NULL, 0, HOUR,
	  .doc = "As in timeouts, for this model.", .sample = "15s" },
	{ "total", OPT_DURATION, AT(total), NULL, 0, HOUR * 24,
	  .doc = "As in timeouts, for this model.", .sample = "120s" },
};
static const struct option_table model_timeouts_table = {
	.name = "timeouts",
	.size = sizeof(struct config_model_timeouts),
	.rows = model_timeout_rows,
	.n = ARRAY_LEN(model_timeout_rows),
};
#undef AT

#define AT(member) offsetof(struct config_retries, member)
static const struct option model_retry_rows[] = {
	{ "attempts", OPT_INT, AT(attempts), NULL, 1, 20,
	  .doc = "As in retries, for this model.", .sample = "2" },
	{ "backoff", OPT_DURATION, AT(backoff), NULL, 0, MIN(1),
	  .doc = "As in retries, for this model.", .sample = "50ms" },
	{ "backoff_max", OPT_DURATION, AT(backoff_max), NULL, 0, MIN(10),
	  .doc = "As in retries, for this model.", .sample = "1s" },
	{ "retry_after_max", OPT_DURATION, AT(retry_after_max), NULL, 0, MIN(10),
	  .doc = "As in retries, for this model.", .sample = "5s" },
};
static const struct option_table model_retries_table = {
	.name = "retries",
	.size = sizeof(struct config_retries),
	.rows = model_retry_rows,
	.n = ARRAY_LEN(model_retry_rows),
};
#undef AT

/* ---- how one is chosen ------------------------------------------------------------------- */

#define AT(member) offsetof(struct config_hedge, member)
static const struct option hedge_rows[] = {
	{ "on", OPT_BOOL, AT(on), .dflt = "true",
	  .doc = "Hedge. \"hedge: true\" is enough to do it as below." },
	{ "percentile", OPT_INT, AT(percentile), "92", 50, 99,
	  .doc = "Of the deployment's own times to first content with prompts of that size: "
		 "when it takes longer, another is asked too." },
	{ "min_delay", OPT_DURATION, AT(min_delay), "200ms", MS(1), MIN(10),
	  .doc = "But never sooner." },
	{ "max_delay", OPT_DURATION, AT(max_delay), "0", 0, MIN(10),
	  .doc = "And never later. 0: however late that is." },
	{ "share", OPT_SHARE, AT(share), "10%", 0, 1000,
	  .doc = "Second attempts at most, of the requests." },
	{ "cost_share", OPT_SHARE, AT(cost_share), "3%", 0, 1000,
	  .doc = "What the cancelled ones may cost at most, of what the requests cost." },
	{ "despite_billing", OPT_BOOL, AT(despite_billing), .dflt = "false",
	  .doc = "Also where cancelling does not stop the bill." },
};
static const struct option_table hedge_table = {
	.name = "hedge",
	.size = sizeof(struct config_hedge),
	.rows = hedge_rows,
	.n = ARRAY_LEN(hedge_rows),
	.shorthand = "on",
};
#undef AT

#define AT(member) offsetof(struct config_retry_budget, member)
static const struct option retry_budget_rows[] = {
	{ "share", OPT_SHARE, AT(share), "20%", 0, 10000,
	  .doc = "Attempts after the first, at most, of the requests." },
	{ "burst", OPT_INT, AT(burst), "100", 0, 1000000,
	  .doc = "So many may be saved up; also what it begins with." },
};
static const struct option_table retry_budget_table = {
	.name = "retry_budget",
	.size = sizeof(struct config_retry_budget),
	.rows = retry_budget_rows,
	.n = ARRAY_LEN(retry_budget_rows),
};
#undef AT

#define AT(member) offsetof(struct config_sticky, member)
static const struct option sticky_rows[] = {
	{ "on", OPT_BOOL, AT(on), .dflt = "true",
	  .doc = "Stick. \"sticky: true\" is enough to do it as below." },
	{ "ttl", OPT_DURATION, AT(ttl), "5m", SEC(1), HOUR * 24,
	  .doc = "So long after its last request a conversation still goes where it went." },
	{ "max_load", OPT_SHARE, AT(max_load), "200%", 1000, 100000,
	  .doc = "But not when the load there is higher than so much of the best one's." },
};
static const struct option_table sticky_table = {
	.name = "sticky",
	.size = sizeof(struct config_sticky),
	.rows = sticky_rows,
	.n = ARRAY_LEN(sticky_rows),
	.shorthand = "on",
};
#undef AT

#define AT(member) offsetof(struct config_max_price, member)
static const struct option max_price_rows[] = {
	{ "input", OPT_MONEY, AT(input), .doc = "USD per million tokens of the prompt.",
	  .sample = "1.5" },
	{ "output", OPT_MONEY, AT(output), .doc = "USD per million tokens of the answer.",
	  .sample = "6" },
	{ "request", OPT_MONEY, AT(request), .doc = "USD per request, beside its tokens.",
	  .sample = "0.01" },
	{ "image", OPT_MONEY, AT(image), .doc = "USD per image, beside its tokens.",
	  .sample = "0.01" },
};
static const struct option_table max_price_table = {
	.name = "max_price",
	.size = sizeof(struct config_max_price),
	.rows = max_price_rows,
	.n = ARRAY_LEN(max_price_rows),
};
#undef AT

#define AT(member) offsetof(struct config_balance, member)
static const struct option balance_rows[] = {
	{ "cost", OPT_INT, AT(cost), "4", 0, 1000, .doc = "What cost weighs." },
	{ "latency", OPT_INT, AT(latency), "3", 0, 1000,
	  .doc = "What the time to first content and the load weigh." },
	{ "quality", OPT_INT, AT(quality), "3", 0, 1000, .doc = "What quality weighs." },
};
static const struct option_table balance_table = {
	.name = "balance",
	.size = sizeof(struct config_balance),
	.rows = balance_rows,
	.n = ARRAY_LEN(balance_rows),
};
#undef AT

#define STRATEGY_DOC(id, word, doc) " " word ": " doc "."

#define ROUTING_ROWS(type)                                                                     \
	{ "strategy",                                                                          \
	  OPT_WORD,                                                                            \
	  offsetof(type, routing.strategy),                                                    \
	  .words = strategies,                                                                 \
	  .doc = "Which deployment a request goes to first; priority without it." STRATEGIES(  \
		  STRATEGY_DOC),                                                               \
	  .sample = "priority" },                                                              \
		{ "hedge", OPT_SECTION, offsetof(type, routing.hedge), .of = &hedge_table,     \
		  .doc = "Ask a second deployment when the first is slow, and take whose "     \
			 "content "                                                            \
			 "comes first. Not done without this section." },                      \
		{ "retry_budget", OPT_SECTION, offsetof(type, routing.retry_budget),           \
		  .of = &retry_budget_table,                                                   \
		  .doc = "So that retries do not multiply an outage." },                       \
		{ "slow_start",                                                                \
		  OPT_DURATION,                                                                \
		  offsetof(type, routing.slow_start),                                          \
		  "10s",                                                                       \
		  0,                                                                           \
		  HOUR,                                                                        \
		  .doc = "A deployment that works again gets its full share only after this "  \
			 "time." },                                                            \
		{ "sticky", OPT_SECTION, offsetof(type, routing.sticky), .of = &sticky_table,  \
		  .doc = "Conversations go where they went, so that the provider's prompt "    \
			 "cache is "                                                           \
			 "of use. Not done without this section." },                           \
		{ "only", OPT_TEXTS, offsetof(type, routing.only),                             \
		  .doc = "Only these providers or deployments (PROVIDER/MODEL).",              \
		  .sample = "[my-vllm, openai]" },                                             \
		{ "ignore", OPT_TEXTS, offsetof(type, routing.ignore),                         \
		  .doc = "Not these providers or deployments.", .sample = "[]" },              \
		{ "regions", OPT_TEXTS, offsetof(type, routing.regions),                       \
		  .doc = "Only where the region is one of these, or begins with one.",         \
		  .sample = "[eu, us-east-1]" },                                               \
		{ "quantizations", OPT_TEXTS, offsetof(type, routing.quantizations),           \
		  .doc = "Only where weights are stored like this: unknown, int4, int8, fp4, " \
			 "fp6, "                                                               \
			 "fp8, fp16, bf16 or fp32.",                                           \
		  .sample = "[fp8, bf16, unknown]" },                                          \
		{ "zdr", OPT_BOOL, offsetof(type, routing.zdr), .dflt = "false",               \
		  .doc = "Only providers that keep nothing." },                                \
		{ "data_collection",                                                           \
		  OPT_WORD,                                                                    \
		  offsetof(type, routing.data_collection),                                     \
		  .words = options_collection,                                                 \
		  .doc = "deny: only providers that do not learn from what they are sent.",    \
		  .sample = "allow" },                                                         \
		{ "local_only", OPT_BOOL, offsetof(type, routing.local_only), .dflt = "false", \
		  .doc = "Only what is on this machine or in your own network." },             \
		{ "max_price", OPT_SECTION, offsetof(type, routing.max_price),                 \
		  .of = &max_price_table, .doc = "Only what costs at most so much." },         \
		{ "max_cost_usd", OPT_MONEY, offsetof(type, routing.max_cost),                 \
		  .doc = "Only where the whole request costs at most so much, at its longest " \
			 "answer.",                                                            \
		  .sample = "0.5" },                                                           \
		{ "min_quality",                                                               \
		  OPT_SHARE,                                                                   \
		  offsetof(type, routing.min_quality),                                         \
		  NULL,                                                                        \
		  0,                                                                           \
		  1000,                                                                        \
		  .doc = "Only deployments of at least such quality.",                         \
		  .sample = "0.3" },                                                           \
		{ "require_parameters", OPT_BOOL, offsetof(type, routing.require_parameters),  \
		  .dflt = "false",                                                             \
		  .doc = "Only deployments that can be told every parameter of the "           \
			 "request." },                                                         \
		{ "fallbacks", OPT_BOOL, offsetof(type, routing.fallbacks), .dflt = "true",    \
		  .doc = "Ask another deployment when the first one fails." },                 \
		{ "percentile",                                                                \
		  OPT_INT,                                                                     \
		  offsetof(type, routing.percentile),                                          \
		  NULL,                                                                        \
		  1,                                                                           \
		  99,                                                                          \
		  .doc = "Of the strategy fastest: which of its times counts; 50 without "     \
			 "it." },                                                              \
		{ "balance", OPT_SECTION, offsetof(type, routing.balance),                     \
		  .of = &balance_table,                                                        \
		  .doc = "Of the strategy balanced: what weighs how much." },                  \
		{ "max_latency",                                                               \
		  OPT_DURATION,                                                                \
		  offsetof(type, routing.max_latency),                                         \
		  NULL,                                                                        \
		  MS(1),                                                                       \
		  HOUR,                                                                        \
		  .doc = "Deployments whose first content usually takes longer go last.",      \
		  .sample = "4s" },                                                            \
	{                                                                                      \
		"min_throughput", OPT_INT, offsetof(type, routing.min_throughput), NULL, 1,    \
			100000, .doc = "Deployments of fewer tokens per second go last.",      \
				.sample = "20"                                                 \
	}

/* ---- models ------------------------------------------------------------------------------ */

#define AT(member) offsetof(struct config_deployment, member)
static const struct option deployment_rows[] = {
	{ "deployment", OPT_TEXT, AT(deployment),
	  .doc = "Provider and model in one: PROVIDER/MODEL. A deployment that is only this "
		 "may be written as the text alone." },
	{ "provider", OPT_TEXT, AT(provider), .doc = "One of the providers of this file.",
	  .sample = "openai" },
	{ "model", OPT_TEXT, AT(model), .doc = "The model's name there.",
	  .sample = "gpt-4o-mini" },
	{ "weight", OPT_INT, AT(weight), "1", 1, 1000,
	  .doc = "Its share of the requests among deployments of the same priority.",
	  .sample = "3" },
	{ "priority", OPT_INT, AT(priority), NULL, 1, 1000,
	  .doc = "Lower goes first; without it, its position in the list.", .sample = "2" },
	{ "region", OPT_TEXT, AT(region),
	  .doc = "Where it computes, instead of the provider's.", .sample = "eu-west-1" },
	{ "quantization", OPT_WORD, AT(quantization), .words = quantizations,
	  .doc = "How coarse its weights are stored.", .sample = "fp8" },
	{ "quality", OPT_SHARE, AT(quality), NULL, 0, 1000,
	  .doc = "How good it is for your purpose, of 1; for min_quality and the strategies "
		 "quality and balanced. Without it by its tier: mini 0.4, standard 0.6, "
		 "flagship 0.8, reasoning 0.85, unknown 0.5.",
	  .sample = "0.7" },
	{ "preview", OPT_BOOL, AT(preview), .dflt = "false",
	  .doc = "Only for keys with \"preview: true\"." },
};
const struct option_table options_deployment = {
	.name = "deployment",
	.size = sizeof(struct config_deployment),
	.rows = deployment_rows,
	.n = ARRAY_LEN(deployment_rows),
	.shorthand = "deployment",
};
#undef AT

#define AT(member) offsetof(struct config_model, member)
static const struct option model_rows[] = {
	{ "deployments", OPT_LIST, AT(deployments), .of = &options_deployment,
	  .doc = "Where it runs, in the order in which they are tried." },
	{ "aliases", OPT_TEXTS, AT(aliases), .doc = "Other names for it.",
	  .sample = "[quick, \"gpt-3.5-turbo\"]" },
	{ "preview", OPT_BOOL, AT(preview), .dflt = "false",
	  .doc = "Only for keys with \"preview: true\"." },
	ROUTING_ROWS(struct config_model),
	{ "timeouts", OPT_SECTION, AT(timeouts), .of = &model_timeouts_table,
	  .doc = "Times for this model." },
	{ "retries", OPT_SECTION, AT(retries), .of = &model_retries_table,
	  .doc = "Retries for this model." },
};
const struct option_table options_model = {
	.name = "model",
	.size = sizeof(struct config_model),
	.rows = model_rows,
	.n = ARRAY_LEN(model_rows),
	.shorthand = "deployments",
	.doc = "A name that clients ask for, and where it runs. One deployment may be written "
	       "as the value alone: \"gpt-4o-mini: openai/gpt-4o-mini\".",
};
#undef AT

/* ---- routes ------------------------------------------------------------------------------ */

#define AT(member) offsetof(struct config_when, member)
static const struct option when_rows[] = {
	{ "prompt_tokens_over", OPT_INT, AT(tokens_over), NULL, 0, 100000000,
	  .doc = "The prompt is estimated at more tokens.", .sample = "1000" },
	{ "prompt_tokens_under", OPT_INT, AT(tokens_under), NULL, 2, 100000000,
	  .doc = "The prompt is estimated at fewer tokens.", .sample = "100000" },
	{ "metadata", OPT_PAIRS, AT(metadata),
	  .doc = "The request's metadata has these values; * stands for any.",
	  .sample = "{team: search, trace: \"*\"}" },
	{ "tags", OPT_TEXTS, AT(tags), .doc = "The header X-Weir-Tags has one of these.",
	  .sample = "[batch]" },
	{ "keys", OPT_TEXTS, AT(keys), .doc = "It comes with one of these keys, by name.",
	  .sample = "[app]" },
	{ "days", OPT_TEXTS, AT(days), .doc = "mon, tue, wed, thu, fri, sat, sun; in UTC.",
	  .sample = "[sat, sun]" },
	{ "hours", OPT_TEXT, AT(hours), .doc = "Between two times of the day, in UTC.",
	  .sample = "\"22:00-06:00\"" },
	{ "needs", OPT_TEXTS, AT(needs),
	  .doc = "It asks for all of these: tools, parallel_tools, json_schema, reasoning, "
		 "logprobs.",
	  .sample = "[tools]" },
	{ "media", OPT_TEXTS, AT(media),
	  .doc = "It has all of these in its input: image, audio, video, file.",
	  .sample = "[image]" },
	{ "stream", OPT_YES_NO, AT(stream), .doc = "Its answer is a stream, or is not.",
	  .sample = "true" },
};
static const struct option_table when_table = {
	.name = "when",
	.size = sizeof(struct config_when),
	.rows = when_rows,
	.n = ARRAY_LEN(when_rows),
	.doc = "All that is given must hold.",
};
#undef AT

#define AT(member) offsetof(struct config_rule, member)
static const struct option rule_rows[] = {
	{ "name", OPT_TEXT, AT(name), .doc = "What it is called in records.",
	  .sample = "long" },
	{ "when", OPT_SECTION, AT(when), .of = &when_table,
	  .doc = "When it holds; without it, always." },
	{ "use", OPT_TEXTS, AT(use),
	  .doc = "Then only these of the route's models, named as in models; without it, all.",
	  .sample = "[gpt-4o-mini]" },
	{ "strategy", OPT_WORD, AT(strategy), .words = strategies,
	  .doc = "Then this strategy, instead of the route's.", .sample = "cheapest" },
};
static const struct option_table rule_table = {
	.name = "rule",
	.size = sizeof(struct config_rule),
	.rows = rule_rows,
	.n = ARRAY_LEN(rule_rows),
};
#undef AT

#define AT(member) offsetof(struct config_route, member)
static const struct option route_rows[] = {
	{ "models", OPT_TEXTS, AT(models),
	  .doc = "What it may go to, in the order in which they are tried: models of this "
		 "file, PROVIDER/MODEL, tiers (mini, standard, flagship, reasoning), and "
		 "patterns with * for any run of characters.",
	  .sample = "[gpt-4o-mini, my-vllm/llama-3.3-70b]" },
	{ "rules", OPT_LIST, AT(rules), .of = &rule_table,
	  .doc = "The first one that holds decides; when none does, all of its models "
		 "take part." },
	{ "aliases", OPT_TEXTS, AT(aliases), .doc = "Other names for it.",
	  .sample = "[smartest]" },
	{ "preview", OPT_BOOL, AT(preview), .dflt = "false",
	  .doc = "Only for keys with \"preview: true\"." },
	ROUTING_ROWS(struct config_route),
	{ "timeouts", OPT_SECTION, AT(timeouts), .of = &model_timeouts_table,
	  .doc = "Times for this route." },
	{ "retries", OPT_SECTION, AT(retries), .of = &model_retries_table,
	  .doc = "Retries for this route." },
};
const struct option_table options_route = {
	.name = "route",
	.size = sizeof(struct config_route),
	.rows = route_rows,
	.n = ARRAY_LEN(route_rows),
	.shorthand = "models",
	.doc = "A name that clients ask for as they would for a model. The name auto stands "
	       "for "
	       "all chat models of this file, and the name of a tier for those of that tier, "
	       "where the file does not say otherwise.",
};
#undef AT
