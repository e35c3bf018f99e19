/* Routing in the config file: strategies, policies, routes and their rules, keys of providers.
 */
#include "app_config_made.h"

#include "route/rules.h"

#define TWO    "providers: {openai: {}, o: {base_url: http://x/v1}}\n"
#define MODEL  TWO "models: {m: {deployments: [openai/a, o/b], "
#define SINGLE TWO "models: {m: {deployments: [openai/a], "
#define ROUTE  TWO "models: {m: [openai/a, o/b], n: o/c}\nroutes: {r: {models: [m], "
#define RULE   ROUTE "rules: [{"

/* ---- what is wrong, and where ------------------------------------------------------------ */

static const struct {
	const char *text, *problems;
} bad[] = {
	/* models */
	{ MODEL "strategy: fast}}\n",
	  "f:2:54: strategy: \"fast\" is not one of priority, weighted, round_robin, "
	  "least_busy, cheapest, fastest, throughput, headroom, quality, balanced\n" },
	{ MODEL "hedge: {percentile: 100}}}\n",
	  "f:2:64: percentile: \"100\" is more than 99\n" },
	{ MODEL "hedge: {min_delay: 2s, max_delay: 1s}}}\n",
	  "f:2:44: hedge: min_delay is longer than max_delay\n" },
	{ MODEL "hedge: {share: 10}}}\n",
	  "f:2:59: share: \"10\" is not a share such as 10% or 0.1\n" },
	{ MODEL "hedge: {cost_share: 101%}}}\n",
	  "f:2:64: cost_share: \"101%\" is more than 100%\n" },
	{ MODEL "hedge: sometimes}}\n",
	  "f:2:51: on: \"sometimes\" is neither true nor false\n" },
	{ SINGLE "hedge: true}}\n",
	  "f:2:39: hedge: \"m\" has one deployment; there is nobody else to ask\n" },
	{ SINGLE "sticky: true}}\n",
	  "f:2:39: sticky: \"m\" has one deployment; all go there anyway\n" },
	{ MODEL "sticky: {ttl: 0}}}\n", "f:2:58: ttl: \"0\" is less than 1s\n" },
	{ MODEL "sticky: {max_load: 50%}}}\n",
	  "f:2:63: max_load: \"50%\" is less than 100%\n" },
	{ MODEL "retry_budget: {share: -1%}}}\n",
	  "f:2:66: share: \"-1%\" is not a share such as 10% or 0.1\n" },
	{ MODEL "slow_start: 2h}}\n", "f:2:56: slow_start: \"2h\" is more than 1h\n" },
	{ MODEL "only: [openai, groq]}}\n",
	  "f:2:59: only: \"groq\" is no provider and no deployment of \"m\"\n" },
	{ MODEL "ignore: o/c}}\n",
	  "f:2:52: ignore: \"o/c\" is no provider and no deployment of \"m\"\n" },
	{ MODEL "quantizations: [fp7]}}\n",
	  "f:2:60: quantizations: \"fp7\" is not one of unknown, int4, int8, fp4, fp6, fp8, "
	  "fp16, bf16, fp32\n" },
	{ MODEL "zdr: maybe}}\n", "f:2:49: zdr: \"maybe\" is neither true nor false\n" },
	{ MODEL "data_collection: forbid}}\n",
	  "f:2:61: data_collection: \"forbid\" is not one of allow, deny\n" },
	{ MODEL "max_price: {input: cheap}}}\n",
	  "f:2:63: input: \"cheap\" is not a price in USD such as 0.15, without an "
	  "exponent\n" },
	{ MODEL "min_quality: 2}}\n",
	  "f:2:57: min_quality: \"2\" is not a share such as 10% or 0.1\n" },
	{ MODEL "zdr: true}}\n",
	  "f:2:10: no deployment of \"m\" meets its policy: openai/a (zdr), o/b (zdr)\n" },
	{ MODEL "regions: eu, ignore: openai}}\n",
	  "f:2:10: no deployment of \"m\" meets its policy: openai/a (ignored), o/b "
	  "(region)\n" },
	{ MODEL "local_only: true, only: o}}\n",
	  "f:2:10: no deployment of \"m\" meets its policy: openai/a (not_only), o/b "
	  "(local_only)\n" },
	{ MODEL "data_collection: deny}}\n",
	  "f:2:10: no deployment of \"m\" meets its policy: openai/a (data_collection), o/b "
	  "(data_collection)\n" },
	{ MODEL "quantizations: fp8}}\n",
	  "f:2:10: no deployment of \"m\" meets its policy: openai/a (quantizations), o/b "
	  "(quantizations)\n" },
	{ MODEL "min_quality: 0.9}}\n",
	  "f:2:10: no deployment of \"m\" meets its policy: openai/a (min_quality), o/b "
	  "(min_quality)\n" },
	{ MODEL "max_price: {output: 3}}}\n",
	  "f:2:10: no deployment of \"m\" meets its policy: openai/a (unpriced), o/b "
	  "(unpriced)\n" },
	{ MODEL "percentile: 95}}\n",
	  "f:2:10: percentile: is of the strategy fastest, which \"m\" does not go by\n" },
	{ MODEL "balance: {cost: 1}}}\n",
	  "f:2:44: balance: is of the strategy balanced, which \"m\" does not go by\n" },
	{ MODEL "strategy: balanced, balance: {cost: 0, latency: 0, quality: 0}}}\n",
	  "f:2:64: balance: nothing weighs anything\n" },
	{ TWO "models: {m: {deployments: [{deployment: o/a, priority: 2}, o/b], strategy: "
	      "round_robin}}\n",
	  "f:2:28: priority: \"m\" does not go by the strategy priority\n" },
	{ TWO "models: {m: [{deployment: o/a, quantization: q4}]}\n",
	  "f:2:46: quantization: \"q4\" is not one of unknown, int4, int8, fp4, fp6, fp8, "
	  "fp16, bf16, fp32; did you mean \"fp4\"?\n" },
	{ TWO "models: {m: [{deployment: o/a, quality: 120%}]}\n",
	  "f:2:41: quality: \"120%\" is more than 100%\n" },
	{ TWO "models: {m: {deployments: o/a, aliases: [n]}, n: o/b}\n",
	  "f:2:47: the name \"n\" is another model's already\n" },
	{ TWO "models: {m: {deployments: o/a, aliases: [\"\"]}}\n",
	  "f:2:42: aliases: an empty name\n" },

	/* routes */
	{ TWO "routes: {r: {models: []}}\n",
	  "f:2:10: route \"r\" has no models; add \"models: [...]\"\n" },
	{ TWO "routes: {r: {strategy: balanced}}\n",
	  "f:2:10: route \"r\" has no models; add \"models: [...]\"\n" },
	{ TWO "models: {fast: o/a}\nroutes: {r: {models: [fst]}}\n",
	  "f:3:23: models: \"fst\" is no model of this file; did you mean \"fast\"?\n" },
	{ TWO "routes: {r: {models: [nobody]}}\n",
	  "f:2:23: models: \"nobody\" is no model of this file, no PROVIDER/MODEL and no "
	  "tier\n" },
	{ TWO "routes: {r: {models: [groq/llama]}}\n",
	  "f:2:23: provider \"groq\" is not in this file; add \"groq: {}\" under providers\n" },
	{ TWO "models: {m: o/a}\nroutes: {r: {models: [m, \"x-*\"]}}\n",
	  "f:3:26: models: \"x-*\" matches no model and no deployment\n" },
	{ TWO "models: {m: o/a}\nroutes: {r: {models: [m, mini]}}\n",
	  "f:3:26: models: this file has no model of the tier mini\n" },
	{ TWO "models: {m: o/a}\nroutes: {r: m, q: {models: [r]}}\n",
	  "f:3:29: models: \"r\" is a route; name what it has instead\n" },
	{ TWO "models: {m: o/a}\nroutes: {m: {models: [m]}}\n",
	  "f:3:10: the name \"m\" is another model's already\n" },

	/* rules */
	{ RULE "use: [n]}]}}\n", "f:3:42: use: \"n\" is nothing that \"r\" has\n" },
	{ RULE "use: [\"o/z*\"]}]}}\n", "f:3:42: use: \"o/z*\" is nothing that \"r\" has\n" },
	{ RULE "use: [mini]}]}}\n", "f:3:42: use: \"mini\" is nothing that \"r\" has\n" },
	{ RULE "when: {tags: [a]}}]}}\n",
	  "f:3:35: rules: a rule needs \"use\" or \"strategy\"\n" },
	{ RULE "strategy: cheap}]}}\n",
	  "f:3:46: strategy: \"cheap\" is not one of priority, weighted, round_robin, "
	  "least_busy, cheapest, fastest, throughput, headroom, quality, balanced\n" },
	{ RULE "use: [m]}, {when: {stream: true}, use: [m]}]}}\n",
	  "f:3:47: rules: is never reached; the one before it always holds\n" },
	{ RULE "when: {prompt_tokens_over: 9, prompt_tokens_under: 10}, use: [m]}]}}\n",
	  "f:3:36: when: no prompt has over 9 and under 10 tokens\n" },
	{ RULE "when: {prompt_tokens_under: 1}, use: [m]}]}}\n",
	  "f:3:64: prompt_tokens_under: \"1\" is less than 2\n" },
	{ RULE "when: {metadata: [a]}, use: [m]}]}}\n",
	  "f:3:53: metadata: expected a map of names to texts, not a list\n" },
	{ RULE "when: {keys: [app]}, use: [m]}]}}\n",
	  "f:3:50: keys: \"app\" is no key of this file\n" },
	{ RULE "when: {days: [monday]}, use: [m]}]}}\n",
	  "f:3:50: days: \"monday\" is not one of mon, tue, wed, thu, fri, sat, sun\n" },
	{ RULE "when: {hours: late}, use: [m]}]}}\n",
	  "f:3:50: hours: \"late\" is not a range such as 22:00-06:00\n" },
	{ RULE "when: {hours: \"25:00-26:00\"}, use: [m]}]}}\n",
	  "f:3:50: hours: \"25:00-26:00\" is not a range such as 22:00-06:00\n" },
	{ RULE "when: {hours: \"08:00-08:00\"}, use: [m]}]}}\n",
	  "f:3:50: hours: \"08:00-08:00\" is no time at all\n" },
	{ RULE "when: {hours: \"00:00-24:00\"}, use: [m]}]}}\n",
	  "f:3:50: hours: \"00:00-24:00\" is all day; leave it out\n" },
	{ RULE "when: {needs: [wings]}, use: [m]}]}}\n",
	  "f:3:51: needs: \"wings\" is not one of tools, parallel_tools, json_schema, "
	  "reasoning, logprobs\n" },
	{ RULE "when: {media: [text]}, use: [m]}]}}\n",
	  "f:3:51: media: \"text\" is not one of image, audio, video, file\n" },
	{ RULE "when: {stream: perhaps}, use: [m]}]}}\n",
	  "f:3:51: stream: \"perhaps\" is neither true nor false\n" },

	/* providers, keys, breakers */
	{ "providers: {openai: {api_key: a, api_keys: [{name: a, key: b}]}}\n",
	  "f:1:31: api_key: give either api_key or api_keys\n" },
	{ "providers: {openai: {api_keys: [{key: b}]}}\n",
	  "f:1:33: api_keys: a key has no name; add \"name: ...\", for the records\n" },
	{ "providers: {openai: {api_keys: [{name: b}]}}\n",
	  "f:1:33: api_keys: the key \"b\" is empty; add \"key: ...\"\n" },
	{ "providers: {openai: {api_keys: [{name: b, key: c}, {name: b, key: d}]}}\n",
	  "f:1:59: api_keys: the name \"b\" is another key's already\n" },
	{ "providers: {openai: {api_keys: [{name: b, key: \"${BROKEN_KEY}\"}]}}\n",
	  "f:1:48: the key of \"openai\" holds bytes that no header may have, such as a "
	  "line's end\n" },
	{ "providers: {openai: {api_keys: [{name: b, key: c, weight: 0}]}}\n",
	  "f:1:59: weight: \"0\" is less than 1\n" },
	{ "providers: {openai: {zdr: true, data_collection: allow}}\n",
	  "f:1:13: data_collection: who keeps nothing (zdr) does not collect\n" },
	{ "providers: {openai: {local: near}}\n",
	  "f:1:29: local: \"near\" is neither true nor false\n" },
	{ "providers: {openai: {cancel: free}}\n",
	  "f:1:30: cancel: \"free\" is not one of stops_billing, bills\n" },
	{ OPENAI "keys: [{name: a, key: b, preview: 7}]\n",
	  "f:2:35: preview: \"7\" is neither true nor false\n" },
	{ OPENAI "breaker: {error_rate: 150%}\n",
	  "f:2:23: error_rate: \"150%\" is more than 100%\n" },
	{ OPENAI "breaker: {min_requests: 0}\n",
	  "f:2:25: min_requests: \"0\" is less than 1\n" },
	{ OPENAI "breaker: {window: 1ms}\n", "f:2:19: window: \"1ms\" is less than 100ms\n" },
};

static void each_mistake_is_named_with_its_place(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct made m;

		make(&m, bad[i].text);
		if (m.rc != E_BAD)
			print_error("this should not be taken:\n%s", bad[i].text);
		CHECK_STR(problems(&m), bad[i].problems);
		CHECK_RC(m.rc, E_BAD);
		unmake(&m);
	}
}

/* ---- what is right ----------------------------------------------------------------------- */

static const struct model *named(const struct made *m, const char *name)
{
	const struct model *found = map_get(&m->s->models, slice_cstr(name));

	if (found == NULL)
		print_error("no model \"%s\"\n", name);
	assert_non_null(found);
	return found;
}

/* "openai/a 1, o/b 2": deployments and their priorities. */
static const char *order(const struct model *m)
{
	static char room[1024];
	struct sb out;

	sb_init(&out, room, sizeof(room));
	for (size_t i = 0; i < m->deployment_n; i++) {
		CHECK(m->targets[i] == &m->deployments[i]->target);
		CHECK_INT(slice_eq(m->targets[i]->name, m->deployments[i]->name), 1);
		sb_fmt(&out, "%s%.*s %u", i == 0 ? "" : ", ", SARG(m->deployments[i]->name),
		       m->targets[i]->priority);
	}
	return sb_cstr(&out);
}

static void make_well(struct made *m, const char *text)
{
	make(m, text);
	CHECK_STR(problems(m), "");
	CHECK_RC(m->rc, OK);
}

static void a_model_has_what_the_file_says(void **state UNUSED)
{
	const struct route_policy *p;
	const struct model *m;
	struct made made;

	make_well(
		&made,
		"providers: {openai: {}, o: {base_url: http://x, local: true, zdr: true}}\n"
		"models:\n"
		"  m:\n"
		"    deployments: [{deployment: o/a, region: eu-1, quantization: fp8, quality: "
		"0.7, preview: true}, openai/b]\n"
		"    aliases: [also, more]\n"
		"    strategy: fastest\n"
		"    percentile: 95\n"
		"    hedge: {percentile: 80, min_delay: 50ms, max_delay: 4s, share: 7.5%, "
		"cost_share: 0.02, despite_billing: true}\n"
		"    retry_budget: {share: 30%, burst: 5}\n"
		"    slow_start: 3s\n"
		"    sticky: {ttl: 1h, max_load: 150%}\n"
		"    only: [o, openai/b]\n"
		"    ignore: openai\n"
		"    regions: [eu]\n"
		"    quantizations: [fp8, unknown]\n"
		"    zdr: true\n"
		"    data_collection: deny\n"
		"    local_only: true\n"
		"    min_quality: 60%\n"
		"    require_parameters: true\n"
		"    fallbacks: false\n"
		"    max_latency: 2s\n"
		"    min_throughput: 30\n");
	m = named(&made, "m");
	p = &m->policy;
	CHECK(p->strategy == BY_TTFT && p->percentile == 950);
	CHECK(m->hedge.on && m->hedge.percentile == 800 && m->hedge.despite_billing);
	CHECK(m->hedge.min_us == 50000 && m->hedge.max_us == 4000000);
	CHECK(m->hedge.count.share_permille == 75 && m->hedge.cost.share_permille == 20);
	CHECK(m->hedge.count.cap > 0 && m->hedge.cost.cap > 0);
	CHECK(m->retry_budget.share_permille == 300 && m->retry_budget.cap == 5);
	CHECK_INT(m->slow_start_us, 3000000);
	CHECK(m->sticky_ttl_us == 3600000000 && m->stick_max_permille == 1500);
	CHECK(made.s->affinity != NULL);
	CHECK(p->only.n == 2 && p->ignore.n == 1 && p->regions.n == 1);
	CHECK_SLICE(p->only.v[1], "openai/b");
	CHECK_INT(p->quantizations, 1U << QUANT_FP8 | 1U << QUANT_UNKNOWN);
	CHECK(p->zdr && p->no_collection && p->local_only && p->require_params &&
	      p->no_fallbacks && !p->free_only);
	CHECK(p->max_price_input == 0 && p->max_cost == 0 && p->min_quality == 600);
	CHECK(p->max_ttft_us == 2000000 && p->min_tps == 30);
	CHECK_SLICE(m->targets[0]->region, "eu-1");
	CHECK(m->targets[0]->quantization == QUANT_FP8 && m->targets[0]->quality == 700);
	CHECK(m->targets[0]->preview && !m->targets[1]->preview);
	CHECK(m->needs_facts);

	CHECK_INT(made.s->model_n, 3);
	CHECK_SLICE(made.s->model_list[0]->name, "also");
	CHECK(named(&made, "also")->shared == m->shared && m->shared->refs == 1);
	CHECK(named(&made, "more")->deployments == m->deployments);
	unmake(&made);
}

static void what_is_not_said_is_off(void **state UNUSED)
{
	const struct model *m;
	struct made made;

	make_well(&made, TWO "models: {m: [o/a, o/b]}\n");
	m = named(&made, "m");
	CHECK(m->policy.strategy == BY_PRIORITY && !m->hedge.on && m->sticky_ttl_us == 0);
	CHECK(m->policy.max_cost == 0 && m->policy.min_quality == 0 && !m->policy.free_only);
	CHECK(m->hedge.count.share_permille == 100 && m->hedge.cost.share_permille == 30);
	CHECK(m->retry_budget.share_permille == 200 && m->retry_budget.cap == 100);
	CHECK(made.s->affinity == NULL && !m->needs_facts && m->rule_n == 0);
	CHECK(made.s->breaker.error_permille == 500 && made.s->breaker.window_min == 20 &&
	      made.s->breaker.window_us == 10000000);
	CHECK(made.s->plain.shared != NULL && made.s->plain.shared != m->shared);
	CHECK(made.s->plain.retry_budget.cap == 100);
	unmake(&made);

	make_well(&made, TWO "models: {m: {deployments: [o/a, o/b], hedge: off, sticky: no}}\n"
			     "breaker: {error_rate: 0%, min_requests: 7, window: 1m}\n");
	m = named(&made, "m");
	CHECK(!m->hedge.on && m->sticky_ttl_us == 0 && made.s->affinity == NULL);
	CHECK(made.s->breaker.error_permille == 0 && made.s->breaker.window_min == 7 &&
	      made.s->breaker.window_us == 60000000);
	unmake(&made);
}

static void ceilings_of_price_hold(void **state UNUSED)
{
	const struct route_policy *p;
	struct made made;

	make_well(&made,
		  OPENAI "models: {m: {deployments: [openai/gpt-4o-mini, openai/gpt-4o], "
			 "max_price: {input: 1.5, request: 0.01, image: 0.02}, max_cost_usd: "
			 "0.25}}\n");
	p = &named(&made, "m")->policy;
	CHECK(p->max_price_input == 1500000000 && p->max_price_output == 0);
	CHECK(p->max_price_request == 10000000 && p->max_price_image == 20000000);
	CHECK(p->max_cost == 250000000 && !p->free_only && named(&made, "m")->needs_facts);
	unmake(&made);

	make_well(&made,
		  "providers: {openai: {}, ollama: {}}\nmodels: {m: {deployments: "
		  "[openai/gpt-4o, ollama/codegeex4], max_price: {input: 0, output: 0}}}\n");
	CHECK(named(&made, "m")->policy.free_only);
	unmake(&made);
	/* Nothing is free there. */
	make(&made, OPENAI "models: {m: {deployments: [openai/gpt-4o-mini, openai/gpt-4o], "
			   "max_price: {input: 0, output: 0}}}\n");
	CHECK_STR(problems(&made),
		  "f:2:10: no deployment of \"m\" meets its policy: "
		  "openai/gpt-4o-mini (max_price), openai/gpt-4o (max_price)\n");
	unmake(&made);
	make(&made, OPENAI "models: {m: {deployments: [openai/gpt-4o-mini, openai/gpt-4o], "
			   "max_price: {input: 0}}}\n");
	CHECK_RC(made.rc, E_BAD);
	unmake(&made);
}

static void a_route_has_each_deployment_once(void **state UNUSED)
{
	const struct model *m;
	struct made made;

	make_well(&made, "providers: {openai: {}, o: {base_url: http://x/v1}, ollama: {}}\n"
			 "models:\n"
			 "  two: [openai/gpt-4o-mini, {deployment: o/b, weight: 4}]\n"
			 "  even:\n"
			 "    deployments: [{deployment: o/c, priority: 1}, {deployment: o/d, "
			 "priority: 1}]\n"
			 "  big: openai/gpt-4o\n"
			 "routes:\n"
			 "  all: [even, two, o/b, o/e, \"o/*\"]\n"
			 "  tiers: {models: [flagship, \"t*\"], aliases: [t], preview: true}\n"
			 "  known: [gpt-4.1, o/c]\n"
			 "  mini: o/x\n");
	m = named(&made, "all");
	CHECK_STR(order(m), "o/c 1, o/d 1, openai/gpt-4o-mini 2, o/b 3, o/e 4");
	CHECK_INT(m->targets[3]->weight, 4);
	CHECK(m->targets[3]->health == named(&made, "two")->targets[1]->health);
	CHECK_INT(named(&made, "two")->targets[1]->priority, 2);
	m = named(&made, "tiers");
	CHECK_STR(order(m), "openai/gpt-4o 1, openai/gpt-4o-mini 2, o/b 2");
	CHECK(m->targets[1]->preview && !named(&made, "two")->targets[0]->preview);
	CHECK(named(&made, "t")->deployments == m->deployments);
	CHECK_STR(order(named(&made, "known")), "openai/gpt-4.1 1, o/c 2");
	/* What the file calls by a tier's name is what that name means. */
	CHECK_STR(order(named(&made, "mini")), "o/x 1");
	for (size_t i = 0; i < made.s->deployment_n; i++)
		CHECK_INT(made.s->deployment_list[i]->index, i);
	unmake(&made);
}

static void auto_and_tiers_are_there_unasked(void **state UNUSED)
{
	const struct model *m;
	struct made made;

	make_well(&made, TWO "models: {m: [openai/gpt-4o-mini, o/b], n: openai/gpt-4o, e: "
			     "openai/text-embedding-3-small, again: openai/gpt-4o}\n"
			     "keys: [{name: a, key: b, models: [auto, mini]}]\n");
	m = named(&made, "auto");
	CHECK_STR(order(m), "openai/gpt-4o-mini 1, o/b 2, openai/gpt-4o 1");
	CHECK(m->policy.strategy == BY_BALANCE && m->shared != NULL && m->needs_facts);
	CHECK(m->retries.attempts == 3);
	CHECK_STR(order(named(&made, "mini")), "openai/gpt-4o-mini 1");
	CHECK(map_get(&made.s->models, LIT("reasoning")) == NULL);
	CHECK_INT(made.s->model_n, 4); /* they are not listed */
	unmake(&made);

	make_well(&made, TWO "models: {auto: o/b}\n");
	CHECK_STR(order(named(&made, "auto")), "o/b 1");
	CHECK_INT(named(&made, "auto")->policy.strategy, BY_PRIORITY);
	unmake(&made);
	make_well(&made, TWO);
	CHECK(map_get(&made.s->models, LIT("auto")) == NULL);
	unmake(&made);
}

static void rules_say_when_and_what(void **state UNUSED)
{
	const struct route_rule *r;
	const struct model *m;
	struct made made;

	make_well(&made, TWO "models: {m: [openai/a, o/b], n: o/c}\n"
			     "keys: [{name: app, key: b}]\n"
			     "routes:\n"
			     "  r:\n"
			     "    models: [m, n]\n"
			     "    rules:\n"
			     "      - name: first\n"
			     "        when:\n"
			     "          prompt_tokens_over: 100\n"
			     "          prompt_tokens_under: 1000\n"
			     "          metadata: {team: search, trace: \"*\"}\n"
			     "          tags: [x, y]\n"
			     "          keys: [app]\n"
			     "          days: [mon, sun]\n"
			     "          hours: \"22:00-6:30\"\n"
			     "          needs: [tools, json_schema]\n"
			     "          media: [image, file]\n"
			     "          stream: false\n"
			     "        use: [\"o/*\"]\n"
			     "        strategy: cheapest\n"
			     "      - {when: {hours: \"20:00-24:00\"}, use: [m]}\n"
			     "      - {strategy: weighted}\n");
	m = named(&made, "r");
	CHECK_INT(m->rule_n, 3);
	r = &m->rules[0];
	CHECK_SLICE(r->name, "first");
	CHECK(r->min_prompt_tokens == 101 && r->max_prompt_tokens == 999);
	CHECK(r->metadata_n == 2 && slice_eq(r->metadata[1].value, LIT("*")));
	CHECK(r->tag_n == 2 && r->key_n == 1 && r->weekdays == (1U << 0 | 1U << 6));
	CHECK(r->from_minute == 22 * 60 && r->until_minute == 6 * 60 + 30);
	CHECK_INT(r->needs, 1U << CAP_TOOLS | 1U << CAP_JSON_SCHEMA);
	CHECK_INT(r->media, 1U << MEDIUM_IMAGE | 1U << MEDIUM_FILE);
	CHECK(r->stream == TRI_NO && r->strategy_given && r->strategy == BY_COST);
	CHECK_INT(r->use[0], 1U << 1 | 1U << 2);
	r = &m->rules[1];
	CHECK(r->from_minute == 20 * 60 && r->until_minute == 0 && !r->strategy_given);
	CHECK(r->use[0] == 3 && r->stream == TRI_ANY);
	CHECK_SLICE(r->name, "rule 2");
	CHECK(m->rules[2].use == NULL && m->rules[2].strategy == BY_WEIGHT);
	CHECK(m->needs_facts);
	unmake(&made);
}

static void providers_have_keys_and_a_data_policy(void **state UNUSED)
{
	const struct provider *p;
	struct made made;

	make_well(&made,
		  "providers:\n"
		  "  openai: {region: us, cancel: bills}\n"
		  "  groq: {api_keys: [{name: a, key: key-a}, {name: b, key: key-b, weight: "
		  "3}], cancel: stops_billing}\n"
		  "  mistral: {api_key: x, zdr: true}\n"
		  "  google: {api_key: x, data_collection: deny}\n"
		  "  ollama: {}\n"
		  "  mine: {base_url: http://10.0.0.1/v1, local: true}\n"
		  "models: {m: [mistral/x, ollama/y, openai/z]}\n");
	p = map_get(&made.s->providers, LIT("openai"));
	CHECK(p->key_n == 1 && secret_eq(provider_key(p), LIT("sk-openai")));
	CHECK(!p->zdr && p->collects && !p->local && p->cancel_bills);
	CHECK_SLICE(p->region, "us");
	CHECK(p->keys[0].breaker != NULL && p->keys[0].weight == 1);
	p = map_get(&made.s->providers, LIT("groq"));
	CHECK(p->key_n == 2 && secret_eq(provider_key(p), LIT("key-a")));
	CHECK_SLICE(p->keys[1].name, "b");
	CHECK(p->keys[1].weight == 3 && p->keys[1].breaker != p->keys[0].breaker);
	CHECK(!p->cancel_bills && p->auth_name.n > 0);
	p = map_get(&made.s->providers, LIT("mistral"));
	CHECK(p->zdr && !p->collects && p->cancel_bills);
	p = map_get(&made.s->providers, LIT("google"));
	CHECK(!p->zdr && !p->collects);
	p = map_get(&made.s->providers, LIT("ollama"));
	CHECK(p->zdr && !p->collects && p->local && !p->cancel_bills && p->key_n == 0);
	CHECK(secret_empty(provider_key(p)));
	p = map_get(&made.s->providers, LIT("mine"));
	CHECK(p->local && !p->zdr && p->collects);
	CHECK(named(&made, "m")->targets[0]->zdr &&
	      named(&made, "m")->targets[0]->cancel_bills);
	CHECK(named(&made, "m")->targets[1]->local && named(&made, "m")->targets[2]->collects);
	unmake(&made);
}

static void a_reload_keeps_what_was_learned(void **state UNUSED)
{
	static const char before[] =
		"providers: {groq: {api_keys: [{name: a, key: one}, {name: b, key: two}]}}\n"
		"models: {m: {deployments: [groq/x, groq/y], sticky: true}}\nroutes: {r: m}\n";
	static const char after[] =
		"providers: {groq: {api_keys: [{name: b, key: two}, {name: a, key: new}]}}\n"
		"models: {n: {deployments: [groq/x, groq/z], sticky: true}}\nroutes: {r: n}\n";
	struct config_build o = { .env = &test_env, .day = TEST_DAY };
	const struct provider *p, *q;
	struct snapshot *next = NULL;
	struct config *c = NULL;
	struct made m;

	make_well(&m, before);
	p = m.s->provider_list[0];
	p->keys[1].breaker->failures = 3;
	p->tokens->samples = 5;
	named(&m, "r")->shared->turn = 9;
	m.s->affinity->cell[7] = 1;
	o.mem = &m.t.mem;
	o.before = m.s;
	CHECK_RC(config_read(&c, &m.a, slice_cstr(after), &test_env, &m.p), OK);
	CHECK_RC(config_build(&next, c, &o, &m.p), OK);
	q = next->provider_list[0];
	CHECK(q->keys[0].breaker == p->keys[1].breaker);
	CHECK(q->keys[1].breaker != p->keys[0].breaker);
	CHECK(q->tokens == p->tokens && next->affinity == m.s->affinity);
	CHECK(next->plain.shared == m.s->plain.shared);
	snapshot_unref(m.s);
	m.s = next;
	CHECK(q->keys[0].breaker->failures == 3 && q->tokens->samples == 5);
	CHECK(named(&m, "r")->shared->turn == 9 && next->affinity->cell[7] == 1);
	unmake(&m);
}

static void families_share_what_is_learned_of_their_tokens(void **state UNUSED)
{
	const struct model *m;
	struct made made;

	make_well(&made, OPENAI "models: {m: [openai/gpt-4o, openai/gpt-4o-mini, openai/x, "
				"openai/y]}\n");
	m = named(&made, "m");
	CHECK(m->targets[0]->tokens != NULL);
	CHECK(m->targets[2]->tokens == made.s->provider_list[0]->tokens);
	CHECK(m->targets[2]->tokens == m->targets[3]->tokens);
	CHECK(m->targets[0]->tokens != m->targets[2]->tokens);
	unmake(&made);
}

/* ---- names asked for --------------------------------------------------------------------- */

static void a_client_need_not_know_providers(void **state UNUSED)
{
	const struct model *m;
	struct made made;
	struct arena a;

	make_well(&made, "providers: {groq: {api_key: x}, openai: {}, azure: {api_key: x, "
			 "base_url: http://x}, openrouter: {api_key: x, open_ended: false}}\n"
			 "models: {m: openai/gpt-4o-mini}\n"
			 "keys: [{name: a, key: b, models: [gpt-4.1, \"gpt-5-*\"]}]\n");
	arena_init(&a, &made.t.mem, 1024, 65536);
	m = snapshot_find(made.s, LIT("gpt-4o-mini"), &a);
	assert_non_null(m);
	CHECK_SLICE(m->name, "gpt-4o-mini");
	CHECK_INT(m->deployment_n, 2);
	CHECK(m->deployments[0] == named(&made, "m")->deployments[0]);
	CHECK_SLICE(m->deployments[1]->name, "azure/gpt-4o-mini");
	CHECK(m->targets[1]->health == m->deployments[1]->provider->health);
	CHECK(m->shared == made.s->plain.shared && m->retries.attempts == 3);
	CHECK(m->targets[1]->priced);
	CHECK(snapshot_find(made.s, LIT("no-such-model"), &a) == NULL);
	/* Nobody serves it any more. */
	CHECK(snapshot_find(made.s, LIT("chatgpt-4o-latest"), &a) == NULL);
	CHECK(snapshot_find(made.s, LIT("auto"), &a) == named(&made, "auto"));
	CHECK(client_key_allows(&made.s->keys[0], LIT("gpt-4.1")));
	arena_free(&a);
	unmake(&made);
}

/* ---- the page of the docs, memory -------------------------------------------------------- */

static const char *any_env_get(const struct config_env *e UNUSED, const char *name)
{
	return strncmp(name, "AWS", 3) == 0 || strstr(name, "roxy") != NULL ||
			       strstr(name, "PROXY") != NULL || strstr(name, "proxy") != NULL
		       ? NULL
		       : name;
}

/* The example of docs/routing.md, "In the config". */
static struct slice example(struct arena *a)
{
	FILE *f = fopen(ROUTING_PAGE, "r");
	struct slice page, rest;
	char *text = arena_get(a, 1 << 18);

	assert_non_null(f);
	page = slice_of(text, fread(text, 1, 1 << 18, f));
	fclose(f);
	rest = slice_skip(page, slice_find(page, LIT("## In the config")));
	rest = slice_skip(rest, slice_find(rest, LIT("```yaml\n")) + 8);
	return slice_head(rest, slice_find(rest, LIT("```")));
}

static void the_example_of_the_docs_works(void **state UNUSED)
{
	const struct config_env any = { any_env_get };
	struct test_mem t;
	struct made made;
	struct arena a;

	test_mem_init(&t, 0);
	arena_init(&a, &t.mem, 4096, 1 << 20);
	make_in(&made, example(&a), &any);
	CHECK_STR(problems(&made), "");
	CHECK_RC(made.rc, OK);
	CHECK_INT(named(&made, "smart")->deployment_n, 4);
	CHECK_INT(named(&made, "smart")->rule_n, 4);
	CHECK_INT(named(&made, "private")->deployment_n, 2);
	CHECK(named(&made, "claude-next")->targets[0]->preview);
	unmake(&made);
	arena_free(&a);
}

static void swept(struct test_mem *t)
{
	const struct config_build o = { .mem = &t->mem, .env = &test_env };
	static const char text[] =
		"providers: {openai: {api_keys: [{name: a, key: b}, {name: c, key: d}]}}\n"
		"models: {m: {deployments: [openai/a, openai/gpt-4o], sticky: true, only: "
		"openai, aliases: [q]}}\n"
		"routes: {r: {models: [m, openai/z, gpt-4.1, \"openai/*\"], rules: [{when: "
		"{tags: [a], metadata: {a: b}}, use: [m]}]}}\n";
	struct snapshot *s = NULL;
	struct config *c = NULL;
	struct problems p;
	struct arena a;
	enum rc rc;

	arena_init(&a, &t->mem, 256, 64 << 20);
	problems_init(&p, &a);
	rc = config_read(&c, &a, slice_cstr(text), &test_env, &p);
	if (rc == OK)
		rc = config_build(&s, c, &o, &p);
	CHECK_RC(rc, t->failed ? E_NOMEM : OK);
	CHECK_INT(p.n, 0);
	snapshot_unref(s);
	arena_free(&a);
}

static void no_memory_is_an_error_and_no_leak(void **state UNUSED)
{
	sweep(swept);
}

static void shares_are_read_and_printed(void **state UNUSED)
{
	char room[64];
	struct sb out;
	uint64_t v;

	CHECK(share_read(LIT("10%"), &v) && v == 100);
	CHECK(share_read(LIT("2.5%"), &v) && v == 25);
	CHECK(share_read(LIT("2.50%"), &v) && v == 25);
	CHECK(share_read(LIT("0.1"), &v) && v == 100);
	CHECK(share_read(LIT("0.125"), &v) && v == 125);
	CHECK(share_read(LIT("1"), &v) && v == 1000);
	CHECK(share_read(LIT("0"), &v) && v == 0);
	CHECK(share_read(LIT("250%"), &v) && v == 2500);
	CHECK(!share_read(LIT("10"), &v) && !share_read(LIT("1.5"), &v));
	CHECK(!share_read(LIT("%"), &v) && !share_read(LIT(""), &v));
	CHECK(!share_read(LIT("2.55%"), &v) && !share_read(LIT("0.1234"), &v));
	CHECK(!share_read(LIT("-1%"), &v) && !share_read(LIT(".5"), &v));
	CHECK(!share_read(LIT("99999999999999999999%"), &v));
	sb_init(&out, room, sizeof(room));
	share_print(&out, 25);
	sb_char(&out, ' ');
	share_print(&out, 1000);
	CHECK_STR(sb_cstr(&out), "2.5% 100%");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_is_named_with_its_place),
		cmocka_unit_test(a_model_has_what_the_file_says),
		cmocka_unit_test(what_is_not_said_is_off),
		cmocka_unit_test(ceilings_of_price_hold),
		cmocka_unit_test(a_route_has_each_deployment_once),
		cmocka_unit_test(auto_and_tiers_are_there_unasked),
		cmocka_unit_test(rules_say_when_and_what),
		cmocka_unit_test(providers_have_keys_and_a_data_policy),
		cmocka_unit_test(a_reload_keeps_what_was_learned),
		cmocka_unit_test(families_share_what_is_learned_of_their_tokens),
		cmocka_unit_test(a_client_need_not_know_providers),
		cmocka_unit_test(the_example_of_the_docs_works),
		cmocka_unit_test(shares_are_read_and_printed),
		cmocka_unit_test(no_memory_is_an_error_and_no_leak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
