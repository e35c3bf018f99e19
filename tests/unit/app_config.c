#include "check.h"

#include "app_config_made.h"

/* ---- what is wrong, and where
 * ----------------------------------------------------------------- */

static const struct {
	const char *text, *problems;
} bad[] = {
	/* YAML */
	{ "a: [1\nb: 2\n",
	  "f:2:2: while parsing a flow sequence: did not find expected ',' or ']'\n" },
	{ "workers: 1\nworkers: 2\n", "f:2:1: \"workers\" is given twice; first in line 1\n" },
	{ "- a\n", "f:1:1: the file: expected a map of options, not a list\n" },

	/* names */
	{ "provders: {}\n" OPENAI,
	  "f:1:1: unknown option \"provders\"; did you mean \"providers\"?\n" },
	{ "zebra_crossing: 1\n" OPENAI,
	  "f:1:1: unknown option \"zebra_crossing\"; a file has: listen, workers, log, keys, "
	  "allow_anonymous, reply_headers, unsupported, limits, timeouts, retries, breaker, "
	  "proxy, media, metrics, catalogue, providers, models, routes\n" },
	{ OPENAI "timeouts: {conect: 5s}\n",
	  "f:2:12: unknown option \"conect\"; did you mean \"connect\"?\n" },
	{ "providers: {mine: {baseurl: http://x}}\n",
	  "f:1:20: unknown option \"baseurl\"; did you mean \"base_url\"?\n" },

	/* types and ranges */
	{ OPENAI "workers: many\n", "f:2:10: workers: \"many\" is not a whole number\n" },
	{ OPENAI "workers: 1000\n", "f:2:10: workers: \"1000\" is more than 256\n" },
	{ OPENAI "workers: [1]\n", "f:2:10: workers: expected a whole number, not a list\n" },
	{ OPENAI "workers: -1\n", "f:2:10: workers: \"-1\" is not a whole number\n" },
	{ OPENAI "timeouts: {connect: 5}\n",
	  "f:2:21: connect: \"5\" needs a unit; write 500ms, 5s or 2m\n" },
	{ OPENAI "timeouts: {connect: 5 seconds}\n",
	  "f:2:21: connect: \"5 seconds\" is not a duration such as 500ms, 5s or 2m\n" },
	{ OPENAI "timeouts: {connect: 0}\n", "f:2:21: connect: \"0\" is less than 1ms\n" },
	{ OPENAI "timeouts: {connect: 2h}\n", "f:2:21: connect: \"2h\" is more than 10m\n" },
	{ OPENAI "limits: {body: 2TiB}\n",
	  "f:2:16: body: \"2TiB\" is not a size such as 64KiB or 8MiB\n" },
	{ OPENAI "limits: {body: 99GiB}\n", "f:2:16: body: \"99GiB\" is more than 1GiB\n" },
	{ OPENAI "limits: {event: 10}\n", "f:2:17: event: \"10\" is less than 1KiB\n" },
	{ OPENAI "limits: 5\n",
	  "f:2:9: limits: expected a map of options, not a single value\n" },
	{ OPENAI "log: {level: debgu}\n",
	  "f:2:14: level: \"debgu\" is not one of debug, info, warn, error; did you mean "
	  "\"debug\"?\n" },
	{ OPENAI "log: {format: xml}\n",
	  "f:2:15: format: \"xml\" is not one of logfmt, json\n" },
	{ OPENAI "log: {access: perhaps}\n",
	  "f:2:15: access: \"perhaps\" is neither true nor false\n" },
	{ "providers: [openai]\n",
	  "f:1:12: providers: expected a map whose keys are names, not a list\n" },
	{ "providers: {openai: sk-x}\n",
	  "f:1:21: provider: expected a map of options, not a single value\n" },
	{ "providers: {openai: {headers: [a]}}\n",
	  "f:1:31: headers: expected a map of names to texts, not a list\n" },
	{ "providers: {openai: {drop_params: {a: b}}}\n",
	  "f:1:35: drop_params: expected a list of texts, not a map\n" },
	{ "providers: {openai: {api_key: [a]}}\n",
	  "f:1:31: api_key: expected a text, not a list\n" },
	{ OPENAI "retries: {backoff: 5s, backoff_max: 1s}\n",
	  "f:2:1: retries: backoff is longer than backoff_max\n" },
	{ OPENAI "breaker: {open: 10m, open_max: 5m}\n",
	  "f:2:1: breaker: open is longer than open_max\n" },

	/* the environment */
	{ OPENAI "keys: [{name: a, key: ${NO_SUCH}}]\n",
	  "f:2:23: the environment variable NO_SUCH is not set; set it, or give a default: "
	  "${NO_SUCH:-...}\n" },
	{ OPENAI "keys: [{name: a, key: \"${}\"}]\n",
	  "f:2:23: \"${\" is not followed by a variable's name; write ${NAME} or "
	  "${NAME:-default}, or $${ for the characters themselves\n" },
	{ OPENAI "keys: [{name: a, key: \"a${B\"}]\n",
	  "f:2:23: \"${\" without its \"}\"; write $${ for the characters themselves\n" },
	{ OPENAI "workers: ${APP_KEY}\n",
	  "f:2:10: workers: \"${APP_KEY}\" is not a whole number\n" },

	/* providers */
	{ "", "f: there is no provider; add one, such as \"providers: {openai: {}}\"\n" },
	{ "providers:\n",
	  "f: there is no provider; add one, such as \"providers: {openai: {}}\"\n" },
	{ "providers: {}\n",
	  "f:1:1: there is no provider; add one, such as \"providers: {openai: {}}\"\n" },
	{ "providers: {opnai: {}}\n",
	  "f:1:13: provider \"opnai\" is not known; did you mean \"openai\"? Otherwise add its "
	  "base_url\n" },
	{ "providers: {my-own: {}}\n",
	  "f:1:13: provider \"my-own\" is not known; add its base_url\n" },
	{ "providers: {azure: {api_key: k}}\n",
	  "f:1:13: provider \"azure\": add its base_url, like "
	  "https://RESOURCE.openai.azure.com/openai/v1\n" },
	{ "providers: {groq: {}}\n",
	  "f:1:13: provider \"groq\" needs a key: set GROQ_API_KEY in the environment, or give "
	  "api_key\n" },
	{ "providers: {groq: {api_key: \"${EMPTY}\"}}\n",
	  "f:1:29: api_key: is empty; leave the option out for a provider without a key\n" },
	{ "providers: {groq: {api_key: \"${BROKEN_KEY}\"}}\n",
	  "f:1:29: the key of \"groq\" holds bytes that no header may have, such as a line's "
	  "end\n" },
	{ "providers: {a/b: {base_url: http://x/v1}}\n",
	  "f:1:13: provider \"a/b\": a name has letters, digits, \"-\", \"_\" and \".\" only, "
	  "at "
	  "most 64\n" },
	{ "providers: {x: {base_url: \"http://u:p@x/v1\"}}\n",
	  "f:1:27: base_url: no user or password here; give the key in api_key\n" },
	{ "providers: {x: {base_url: \"http://x/v1?a=b\"}}\n",
	  "f:1:27: base_url: no query (?...) here; paths are appended to it\n" },
	{ "providers: {x: {base_url: http://x/v1/chat/completions}}\n",
	  "f:1:27: base_url: leave out /chat/completions; it is appended to it\n" },
	{ "providers: {x: {base_url: http://x, ca_file: /c.pem}}\n",
	  "f:1:46: ca_file: the base_url is not https\n" },
	{ "providers: {x: {base_url: https://x, ca_file: /no/such.pem}}\n",
	  "f:1:47: ca_file: \"/no/such.pem\": No such file or directory\n" },
	{ "providers: {x: {base_url: http://x, quirks: [odd]}}\n",
	  "f:1:46: quirks: \"odd\" is not one of no_stream_options, max_tokens, random_seed, "
	  "model_id, one_answer, temperature_1, temperature_1_5, int_logprobs, "
	  "output_dimension, choice_any, choice_auto, choice_option, no_strict, no_additional, "
	  "no_json_schema, bare_schema, no_text_format, no_names, string_content, alternate, "
	  "reasoning_name, reasoning_turns, short_ids, inline_media, vertex, "
	  "cache_marks, input_type\n" },
	{ "providers: {x: {base_url: http://x, quirks: [max_tokenz]}}\n",
	  "f:1:46: quirks: unknown quirk \"max_tokenz\"; did you mean \"max_tokens\"?\n" },
	{ "providers: {lambda: {}}\n", "f:1:13: provider \"lambda\": Lambda Inference has "
				       "closed (2025-09-25); remove it\n" },
	{ "providers: {groq: {api_key: x, dialect: cohere}}\n",
	  "f:1:13: dialect: \"groq\" speaks openai, not cohere; give the base_url where it "
	  "does\n" },
	{ "providers: {azure-foundry: {api_key: x, dialect: anthropic}}\n",
	  "f:1:13: provider \"azure-foundry\": add its base_url, like "
	  "https://RESOURCE.services.ai.azure.com/anthropic/v1\n" },
	{ "providers: {x: {base_url: http://x, dialect: opnai}}\n",
	  "f:1:46: dialect: \"opnai\" is not one of openai, responses, anthropic, gemini, "
	  "bedrock, cohere, ollama; did you mean \"openai\"?\n" },
	{ "providers: {x: {base_url: http://x, drop_params: [model]}}\n",
	  "f:1:51: drop_params: a request without \"model\" asks for nothing\n" },
	{ "providers: {x: {base_url: http://x, headers: {\"a b\": c}}}\n",
	  "f:1:47: headers: \"a b\" is not a header's name\n" },
	{ "providers: {x: {base_url: http://x, headers: {Host: c}}}\n",
	  "f:1:47: headers: Host is set by weir itself\n" },
	{ "providers: {x: {base_url: http://x, headers: {X-A: \"b\\nc\"}}}\n",
	  "f:1:52: headers: the value of X-A holds bytes that no header may have\n" },
	{ "providers: {x: {base_url: http://x, api_key: k, headers: {authorization: b}}}\n",
	  "f:1:59: headers: authorization carries the key; give it in api_key\n" },
	{ "providers: {x: {base_url: http://x, api_key: k, auth_header: \"a:b\"}}\n",
	  "f:1:62: auth_header: not a header's name\n" },
	{ OPENAI "proxy: {https: \"https://user:hunter2@p\"}\n",
	  "f:2:16: proxy.https: the proxy itself is reached by http://; HTTPS to the provider "
	  "goes through it by CONNECT\n" },

	/* models */
	{ OPENAI "models: {m: groq/llama}\n",
	  "f:2:13: provider \"groq\" is not in this file; add \"groq: {}\" under providers\n" },
	{ OPENAI "models: {m: opnai/gpt}\n",
	  "f:2:13: provider \"opnai\" is not in this file; did you mean \"openai\"?\n" },
	{ OPENAI "models: {m: elsewhere/gpt}\n",
	  "f:2:13: provider \"elsewhere\" is not in this file; add it under providers\n" },
	{ OPENAI "models: {m: gpt-4o}\n",
	  "f:2:13: \"gpt-4o\" names no provider; write PROVIDER/MODEL, such as "
	  "openai/gpt-4o\n" },
	{ OPENAI "models:\n  m:\n",
	  "f:3:3: model \"m\" has no deployments; add PROVIDER/MODEL\n" },
	{ OPENAI "models: {m: []}\n",
	  "f:2:10: model \"m\" has no deployments; add PROVIDER/MODEL\n" },
	{ OPENAI "models: {m: [openai/a, openai/a]}\n",
	  "f:2:24: \"openai/a\" is a deployment of \"m\" already\n" },
	{ OPENAI "models: {m: [{provider: openai}]}\n",
	  "f:2:25: a deployment needs a provider and a model\n" },
	{ OPENAI "models: {m: [{weight: 2}]}\n",
	  "f:2:14: a deployment needs a provider and a model\n" },
	{ OPENAI "models: {m: [{deployment: openai/a, model: b}]}\n",
	  "f:2:14: a deployment is either PROVIDER/MODEL or provider and model\n" },
	{ OPENAI "models: {m: [{deployment: openai/a, weight: 0}]}\n",
	  "f:2:45: weight: \"0\" is less than 1\n" },
	{ OPENAI "models: {m: {deployments: openai/a, retries: {attempts: 99}}}\n",
	  "f:2:57: attempts: \"99\" is more than 20\n" },

	/* keys and listeners */
	{ OPENAI "keys: [{key: abc}]\n",
	  "f:2:8: a key has no name; add \"name: ...\", for the records\n" },
	{ OPENAI "keys: [{name: a}]\n", "f:2:8: the key \"a\" is empty; add \"key: ...\"\n" },
	{ OPENAI "keys: [{name: a, key: \"${EMPTY}\"}]\n",
	  "f:2:23: the key \"a\" is empty; add \"key: ...\"\n" },
	{ OPENAI "keys: [{name: a, key: xyz}, {name: a, key: uvw}]\n",
	  "f:2:36: the name \"a\" is another key's already\n" },
	{ OPENAI "keys: [{name: a, key: secret1}, {name: b, key: secret1}]\n",
	  "f:2:48: the key \"b\" has the same value as another one\n" },
	{ OPENAI "models: {fast: openai/a}\nkeys: [{name: a, key: k, models: [fst]}]\n",
	  "f:3:35: models: \"fst\" matches no model; did you mean \"fast\"?\n" },
	{ OPENAI "keys: [{name: a, key: k, models: [\"groq/*\"]}]\n",
	  "f:2:35: models: \"groq/*\" matches no model\n" },
	{ OPENAI "listen: 0.0.0.0:80\n",
	  "f:2:9: listen: others could use 0.0.0.0:80 without a key; add keys, or "
	  "\"allow_anonymous: true\" if that is meant\n" },
	{ OPENAI "listen: [127.0.0.1:1, \"[::]:80\"]\n",
	  "f:2:23: listen: others could use [::]:80 without a key; add keys, or "
	  "\"allow_anonymous: true\" if that is meant\n" },
	{ OPENAI "listen: example.com:80\n",
	  "f:2:9: listen: \"example.com\" is a name; write an address such as 127.0.0.1 or "
	  "0.0.0.0\n" },
	{ OPENAI "listen: {address: 127.0.0.1:1, tls: {cert: a}}\n",
	  "f:2:32: tls: needs both cert and key\n" },

	/* all of them, in the file's order */
	{ "workers: x\nlog: {level: y, colour: z}\nproviders: {mine: {}}\ntimeouts: {stall: "
	  "1}\n",
	  "f:1:10: workers: \"x\" is not a whole number\n"
	  "f:2:14: level: \"y\" is not one of debug, info, warn, error\n"
	  "f:2:17: unknown option \"colour\"; a log has: level, format, access\n"
	  "f:4:19: stall: \"1\" needs a unit; write 500ms, 5s or 2m\n" },
	{ "providers: {mine: {}}\nmodels: {m: openai/x, n: y}\n",
	  "f:1:13: provider \"mine\" is not known; add its base_url\n"
	  "f:2:13: provider \"openai\" is not in this file; add \"openai: {}\" under "
	  "providers\n"
	  "f:2:26: \"y\" names no provider; write PROVIDER/MODEL, such as mine/y\n" },
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
		CHECK(m.s == NULL);
		unmake(&m);
	}
}

static void no_message_shows_a_secret(void **state UNUSED)
{
	static const char *const texts[] = {
		OPENAI "proxy: {https: \"http://user:hunter2@p:x\"}\n",
		OPENAI "proxy: {https: \"https://user:hunter2@p\"}\n",
		OPENAI "proxy: {https: \"http://user:hunter2/x@p:3128\"}\n",
		OPENAI "proxy: {https: \"http://user:hunter2#x@p:3128\"}\n",
		"providers: {groq: {api_key: \"hunter2\\n\"}}\n",
		"providers: {groq: {api_key: [hunter2]}}\n",
		OPENAI "keys: [{name: a, key: hunter2}, {name: b, key: hunter2}]\n",
		"providers: {x: {base_url: \"http://u:hunter2@x/v1\"}}\n",
		"providers: {x: {base_url: \"http://u:hunter2@x:y/v1\"}}\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct made m;

		make(&m, texts[i]);
		CHECK_RC(m.rc, E_BAD);
		CHECK(strstr(problems(&m), "hunter2") == NULL);
		unmake(&m);
	}
}

static void more_mistakes_than_fit_are_counted(void **state UNUSED)
{
	char text[8192];
	struct sb out;
	struct made m;

	sb_init(&out, text, sizeof(text));
	for (unsigned i = 0; i < PROBLEMS_MAX + 5; i++)
		sb_fmt(&out, "x%u: 1\n", i);
	make(&m, sb_cstr(&out));
	CHECK_INT(m.p.n, PROBLEMS_MAX);
	CHECK_INT(m.p.more, 5);
	unmake(&m);
}

/* ---- what is right
 * ------------------------------------------------------------------------------ */

static void a_known_provider_needs_only_its_name(void **state UNUSED)
{
	const struct model *model;
	const struct provider *p;
	struct made m;

	make(&m, "providers:\n  openai:\nmodels:\n  gpt-4o-mini: openai/gpt-4o-mini\n");
	CHECK_STR(problems(&m), "");
	CHECK_RC(m.rc, OK);
	p = map_get(&m.s->providers, LIT("openai"));
	assert_non_null(p);
	CHECK(p->url.https && p->url.port == 443 && p->tls != NULL);
	CHECK_SLICE(p->url.host, "api.openai.com");
	CHECK_SLICE(p->base_path, "/v1");
	CHECK_SLICE(p->auth_name, "Authorization");
	CHECK_SLICE(p->auth_prefix, "Bearer ");
	CHECK(secret_eq(provider_key(p), LIT("sk-openai")));
	CHECK(p->open_ended && p->use_proxy && !p->simulated);
	CHECK_INT(p->connect_timeout_us, 5000000);

	model = map_get(&m.s->models, LIT("gpt-4o-mini"));
	assert_non_null(model);
	CHECK_INT(model->deployment_n, 1);
	CHECK(model->deployments[0]->provider == p);
	CHECK_SLICE(model->deployments[0]->name, "openai/gpt-4o-mini");
	CHECK_SLICE(model->deployments[0]->model_json, "\"gpt-4o-mini\"");
	CHECK_INT(model->targets[0]->priority, 1);
	CHECK_SLICE(model->owned_by, "openai");
	CHECK_INT(m.s->version, 1);
	CHECK_INT(m.c->listen.n, 0);
	unmake(&m);
}

static const char whole_file[] =
	"listen:\n"
	"  - 127.0.0.1:9000\n"
	"  - {address: \"0.0.0.0:9443\", tls: {cert: c.pem, key: k.pem}}\n"
	"workers: ${WORKERS}\n"
	"log: {level: warn, format: json, access: off}\n"
	"keys:\n"
	"  - {name: app, key: ${APP_KEY}, models: [\"fa*\", \"openai/*\"]}\n"
	"  - {name: ops, key: \"ops-${NONE:-x}-$${A}\"}\n"
	"limits: {head: 16KiB, body: 1GiB, response: 8MiB, event: 256KiB, connections: 5, "
	"queue: "
	"32KiB, upstream_idle: 7}\n"
	"timeouts: {connect: 250ms, first_content: 1m30s, stall: 0, total: 1h, drain: 5s}\n"
	"retries: {attempts: 5, backoff: 50ms, backoff_max: 1s, retry_after_max: 3s}\n"
	"breaker: {failures: 2, open: 1s, open_max: 1m}\n"
	"proxy: {https: \"proxy:3128\", http: , no: \"localhost,.internal\"}\n"
	"metrics: {public: false}\n"
	"providers:\n"
	"  openai: {quirks: [no_strict], drop_params: store, connect_timeout: 2s}\n"
	"  my-vllm:\n"
	"    base_url: http://10.0.0.1:8000/v1/\n"
	"    api_key: secret\n"
	"    auth_header: X-Key\n"
	"    proxy: false\n"
	"    headers: {X-A: b, X-C: \"${SPECIAL}\"}\n"
	"    open_ended: false\n"
	"    warm: 2\n"
	"  ollama: {base_url: \"${URL}\"}\n"
	"models:\n"
	"  fast:\n"
	"    deployments: [my-vllm/org/llama, {provider: openai, model: gpt-4o-mini, weight: "
	"3, "
	"priority: 9}, {deployment: ollama/x}]\n"
	"    timeouts: {stall: 3s}\n"
	"    retries: {attempts: 2}\n"
	"  \"a: b\": openai/gpt-4o-mini\n";

static void a_whole_file_is_read(void **state UNUSED)
{
	const struct snapshot *s;
	struct address at;
	struct made m;
	char room[64];
	struct sb out;

	make(&m, whole_file);
	CHECK_STR(problems(&m), "");
	CHECK_RC(m.rc, OK);
	s = m.s;
	CHECK_INT(m.c->workers, 4);
	CHECK_INT(m.c->log.level, LOG_WARN);
	CHECK_INT(m.c->log.format, LOG_JSON);
	CHECK_INT(m.c->listen.n, 2);
	CHECK_RC(config_address(m.c, 1, &at, NULL), OK);
	sb_init(&out, room, sizeof(room));
	address_print(&at, &out);
	CHECK_STR(sb_cstr(&out), "0.0.0.0:9443");
	CHECK_SLICE(((struct config_listen *)sections_at(&m.c->listen, 1))->tls.cert.s,
		    "c.pem");

	CHECK(!s->access_log && !s->metrics_public);
	CHECK(s->server.head_bytes == 16384 && s->server.connections == 5);
	CHECK(s->server.queue_mark == 32768 && s->server.arena_bytes == 4 << 20);
	CHECK(s->client.idle_per_origin == 7 && s->client.open_per_origin == 0);
	CHECK(s->body_max == 1 << 30 && s->response_max == 8 << 20 &&
	      s->event_max == 256 << 10);
	CHECK_INT(s->timeouts.connect_us, 250000);
	CHECK_INT(s->timeouts.first_content_us, 90000000);
	CHECK_INT(s->timeouts.stall_us, 0);
	CHECK_INT(s->timeouts.total_us, 3600000000);
	CHECK_INT(s->drain_us, 5000000);
	CHECK(s->retries.attempts == 5 && s->retries.backoff_us == 50000);
	CHECK(s->breaker.open_us == 1000000 && s->breaker.rest_max_us == 300000000);
	CHECK(s->breaker.failures == 2 && s->breaker.open_max_us == 60000000);
	CHECK_SLICE(s->proxy.https_proxy, "http://proxy:3128");
	CHECK_SLICE(s->proxy.http_proxy, "");
	CHECK_SLICE(s->proxy.no_proxy, "localhost,.internal");
	unmake(&m);
}

static void keys_are_found_and_limited(void **state UNUSED)
{
	const struct client_key *k;
	struct made m;

	make(&m, whole_file);
	CHECK_RC(m.rc, OK);
	k = snapshot_key(m.s, LIT("weir-app-key"));
	assert_non_null(k);
	CHECK_SLICE(k->name, "app");
	CHECK(client_key_allows(k, LIT("fast")) && client_key_allows(k, LIT("openai/gpt-9")));
	CHECK(!client_key_allows(k, LIT("a: b")));
	k = snapshot_key(m.s, LIT("ops-x-${A}"));
	assert_non_null(k);
	CHECK(client_key_allows(k, LIT("a: b")));
	CHECK(snapshot_key(m.s, LIT("${APP_KEY}")) == NULL);
	unmake(&m);
}

static void providers_take_what_the_file_says(void **state UNUSED)
{
	const struct provider *p;
	struct made m;

	make(&m, whole_file);
	CHECK_RC(m.rc, OK);
	p = map_get(&m.s->providers, LIT("my-vllm"));
	assert_non_null(p);
	CHECK_SLICE(p->url.host, "10.0.0.1");
	CHECK_INT(p->url.port, 8000);
	CHECK_SLICE(p->base_path, "/v1");
	CHECK_SLICE(p->auth_name, "X-Key");
	CHECK_SLICE(p->auth_prefix, "");
	CHECK(secret_eq(provider_key(p), LIT("secret")));
	CHECK(!p->use_proxy && !p->open_ended && p->warm == 2 && p->tls == NULL);
	CHECK_INT(p->header_n, 2);
	CHECK_SLICE(p->headers[1].name, "X-C");
	CHECK_SLICE(p->headers[1].value, "{a: [b]}");

	p = map_get(&m.s->providers, LIT("openai"));
	assert_non_null(p);
	CHECK_INT(p->quirks, QUIRK_NO_STRICT);
	CHECK_INT(p->drop_param_n, 1);
	CHECK_SLICE(p->drop_params[0], "store");
	CHECK_INT(p->connect_timeout_us, 2000000);

	p = map_get(&m.s->providers, LIT("ollama"));
	assert_non_null(p);
	CHECK_SLICE(p->url.host, "10.0.0.1");
	CHECK(secret_empty(provider_key(p)) && p->auth_name.n == 0);
	CHECK_INT(p->quirks, QUIRK_MAX_TOKENS | QUIRK_REASONING_NAME | QUIRK_INLINE_MEDIA);
	unmake(&m);
}

static const char dialects_file[] =
	"providers:\n"
	"  anthropic: {api_key: k}\n"
	"  google: {api_key: k, dialect: openai}\n"
	"  deepseek: {api_key: k, dialect: anthropic, headers: {Anthropic-Version: later}}\n"
	"  ollama: {dialect: ollama}\n"
	"  mine: {base_url: http://10.0.0.1/v1, api_key: k, dialect: anthropic}\n"
	"  watsonx: {base_url: http://10.0.0.1, api_key: k, add_params: {project_id: "
	"\"a\\\"b\"}}\n";

/* Its dialect decides over a provider's URL, key header, fixed headers and quirks. */
static void providers_speak_the_dialect_that_is_asked_for(void **state UNUSED)
{
	const struct provider *p;
	struct made m;

	make(&m, dialects_file);
	CHECK_STR(problems(&m), "");
	CHECK_RC(m.rc, OK);
	p = map_get(&m.s->providers, LIT("anthropic"));
	CHECK_INT(p->dialect->id, DIALECT_ANTHROPIC);
	CHECK_SLICE(p->auth_name, "x-api-key");
	CHECK_SLICE(p->auth_prefix, "");
	CHECK_INT(p->header_n, 1);
	CHECK_SLICE(p->headers[0].name, "anthropic-version");
	p = map_get(&m.s->providers, LIT("google"));
	CHECK_INT(p->dialect->id, DIALECT_OPENAI);
	CHECK_SLICE(p->base_path, "/v1beta/openai");
	CHECK_SLICE(p->auth_name, "Authorization");
	CHECK_SLICE(p->auth_prefix, "Bearer ");
	p = map_get(&m.s->providers, LIT("deepseek"));
	CHECK_INT(p->dialect->id, DIALECT_ANTHROPIC);
	CHECK_SLICE(p->base_path, "/anthropic/v1");
	CHECK_INT(p->quirks, 0);
	CHECK_INT(p->drop_param_n, 0);
	CHECK_INT(p->header_n, 1);
	CHECK_SLICE(p->headers[0].value, "later");
	p = map_get(&m.s->providers, LIT("ollama"));
	CHECK_INT(p->dialect->id, DIALECT_OLLAMA);
	CHECK_SLICE(p->base_path, "");
	p = map_get(&m.s->providers, LIT("mine"));
	CHECK_INT(p->dialect->id, DIALECT_ANTHROPIC);
	CHECK_SLICE(p->auth_name, "x-api-key");
	CHECK_INT(p->header_n, 1);
	p = map_get(&m.s->providers, LIT("watsonx"));
	CHECK_SLICE(p->chat_path, "/ml/v1/text/chat?version=2026-01-15");
	CHECK(p->quirks & QUIRK_MODEL_ID);
	CHECK_INT(p->add_member_n, 1);
	CHECK_SLICE(p->add_members[0], "\"project_id\":\"a\\\"b\"");
	unmake(&m);
}

static void models_have_their_deployments_in_order(void **state UNUSED)
{
	const struct model *fast, *other;
	struct made m;

	make(&m, whole_file);
	CHECK_RC(m.rc, OK);
	CHECK_INT(m.s->model_n, 2);
	CHECK_SLICE(m.s->model_list[0]->name, "a: b");
	fast = map_get(&m.s->models, LIT("fast"));
	other = map_get(&m.s->models, LIT("a: b"));
	CHECK(fast != NULL && other != NULL);
	CHECK_INT(fast->deployment_n, 3);
	CHECK_SLICE(fast->deployments[0]->name, "my-vllm/org/llama");
	CHECK_SLICE(fast->deployments[0]->model, "org/llama");
	CHECK(fast->targets[0]->priority == 1 && fast->targets[0]->weight == 1);
	CHECK(fast->targets[1]->priority == 9 && fast->targets[1]->weight == 3);
	CHECK_INT(fast->targets[2]->priority, 3);
	CHECK_INT(fast->timeouts.stall_us, 3000000);
	CHECK_INT(fast->timeouts.total_us, 3600000000);
	CHECK(fast->retries.attempts == 2 && fast->retries.backoff_us == 50000);
	CHECK_INT(other->retries.attempts, 5);
	/* One breaker, whichever model it fails for. */
	CHECK(other->targets[0]->health == fast->targets[1]->health);
	CHECK_INT(other->targets[0]->health->refs, 2);
	for (size_t i = 0; i < m.s->deployment_n; i++)
		CHECK_INT(m.s->deployment_list[i]->index, i);
	unmake(&m);
}

static void a_reload_keeps_breakers_and_tls(void **unused UNUSED)
{
	const struct config_build o = { .env = &test_env };
	struct config_build second = o;
	struct health *state;
	struct snapshot *next = NULL;
	struct config *c = NULL;
	struct tls_client *tls;
	struct made m;

	make(&m, OPENAI "models: {a: openai/x, b: openai/y}\n");
	CHECK_RC(m.rc, OK);
	state = m.s->deployment_list[0]->target.health;
	state->breaker.failures = 3;
	tls = m.s->provider_list[0]->tls;

	second.mem = &m.t.mem;
	second.before = m.s;
	CHECK_RC(config_read(&c, &m.a, LIT(OPENAI "models: {c: [openai/z, openai/x]}\n"),
			     &test_env, &m.p),
		 OK);
	CHECK_RC(config_build(&next, c, &second, &m.p), OK);
	CHECK_INT(next->version, 2);
	CHECK(next->deployment_list[1]->target.health == state && state->refs == 2);
	CHECK(next->deployment_list[0]->target.health != state);
	CHECK(next->provider_list[0]->tls == tls);
	snapshot_unref(m.s);
	m.s = next;
	CHECK(state->refs == 1 && state->breaker.failures == 3);
	unmake(&m);
}

static void others_may_connect_with_a_key_or_when_told(void **state UNUSED)
{
	static const char *const texts[] = {
		OPENAI "listen: 0.0.0.0:80\nallow_anonymous: true\n",
		OPENAI "listen: 0.0.0.0:80\nkeys: [{name: a, key: b}]\n",
		OPENAI "listen: [localhost:80, 127.0.0.1:0, \"[::1]:8080\"]\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct made m;

		make(&m, texts[i]);
		CHECK_STR(problems(&m), "");
		unmake(&m);
	}
}

/* ---- units, memory
 * ------------------------------------------------------------------------------- */

static void durations_and_sizes_are_read(void **state UNUSED)
{
	char room[64];
	struct sb out;
	uint64_t v;

	CHECK(duration_read(LIT("1h30m"), &v) && v == 5400000000);
	CHECK(duration_read(LIT("250us"), &v) && v == 250);
	CHECK(duration_read(LIT("0"), &v) && v == 0);
	CHECK(!duration_read(LIT(""), &v) && !duration_read(LIT("5"), &v));
	CHECK(!duration_read(LIT("5 s"), &v) && !duration_read(LIT("s"), &v));
	CHECK(!duration_read(LIT("1.5s"), &v) && !duration_read(LIT("-1s"), &v));
	CHECK(!duration_read(LIT("99999999999999999999s"), &v));
	CHECK(!duration_read(LIT("18446744073709551615us"), &v)); /* means "unset" */
	CHECK(size_read(LIT("64KiB"), &v) && v == 65536);
	CHECK(size_read(LIT("1MB"), &v) && v == 1000000);
	CHECK(size_read(LIT("17"), &v) && v == 17);
	CHECK(!size_read(LIT("1KiB2"), &v) && !size_read(LIT("KiB"), &v));
	CHECK(!size_read(LIT("99999999999GiB"), &v));

	sb_init(&out, room, sizeof(room));
	duration_print(&out, 90000000);
	sb_char(&out, ' ');
	duration_print(&out, 300000000);
	sb_char(&out, ' ');
	duration_print(&out, 1500);
	sb_char(&out, ' ');
	size_print(&out, 32 << 20);
	sb_char(&out, ' ');
	size_print(&out, 1000);
	CHECK_STR(sb_cstr(&out), "90s 5m 1500us 32MiB 1000");
}

static void every_default_is_inside_its_range(void **state UNUSED)
{
	struct made m;

	/* config_defaults() itself asserts that each default can be read. */
	make(&m, OPENAI);
	CHECK_RC(m.rc, OK);
	CHECK_INT(m.c->timeouts.total, 600000000);
	CHECK_INT(m.c->limits.body, 32 << 20);
	CHECK_INT(m.c->retries.attempts, 3);
	CHECK(m.c->log.access && m.c->metrics.public && !m.c->allow_anonymous);
	unmake(&m);
}

static void swept(struct test_mem *t)
{
	const struct config_build o = { .mem = &t->mem, .env = &test_env };
	struct snapshot *s = NULL;
	struct config *c = NULL;
	struct problems p;
	struct arena a;
	enum rc rc;

	arena_init(&a, &t->mem, 256, 64 << 20);
	problems_init(&p, &a);
	rc = config_read(&c, &a, slice_cstr(whole_file), &test_env, &p);
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_mistake_is_named_with_its_place),
		cmocka_unit_test(no_message_shows_a_secret),
		cmocka_unit_test(more_mistakes_than_fit_are_counted),
		cmocka_unit_test(a_known_provider_needs_only_its_name),
		cmocka_unit_test(a_whole_file_is_read),
		cmocka_unit_test(keys_are_found_and_limited),
		cmocka_unit_test(providers_take_what_the_file_says),
		cmocka_unit_test(providers_speak_the_dialect_that_is_asked_for),
		cmocka_unit_test(models_have_their_deployments_in_order),
		cmocka_unit_test(a_reload_keeps_breakers_and_tls),
		cmocka_unit_test(others_may_connect_with_a_key_or_when_told),
		cmocka_unit_test(durations_and_sizes_are_read),
		cmocka_unit_test(every_default_is_inside_its_range),
		cmocka_unit_test(no_memory_is_an_error_and_no_leak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
