#include "check.h"

#include "base/arena.h"
#include "route/ask.h"

struct read {
	struct test_mem mem;
	struct arena a;
	struct route_ask ask;
	struct ask_refusal why;
	enum rc rc;
};

static void read_with(struct read *r, struct slice text)
{
	struct json_member m[32];
	enum json_kind kind;
	size_t n;

	CHECK_RC(json_scan(text, &kind, m, ARRAY_LEN(m), &n, NULL), OK);
	r->rc = ask_read(&r->ask, m, n, &r->a, &r->why);
}

static struct read *reading(struct read *r, const char *text)
{
	test_mem_init(&r->mem, 0);
	arena_init(&r->a, &r->mem.mem, 256, 1 << 20);
	read_with(r, slice_cstr(text));
	return r;
}

static const struct route_policy *accepted(struct read *r, const char *text)
{
	reading(r, text);
	if (r->rc != OK)
		print_message("%s: %s\n", text, r->why.text);
	CHECK_RC(r->rc, OK);
	return &r->ask.policy;
}

static void refused(const char *text, const char *code, const char *param, const char *says)
{
	struct read r;

	reading(&r, text);
	if (r.rc == OK)
		print_message("accepted: %s\n", text);
	CHECK_RC(r.rc, E_BAD);
	CHECK_STR(r.why.code, code);
	CHECK_STR(r.why.param, param);
	if (slice_find(slice_cstr(r.why.text), slice_cstr(says)) == SLICE_NONE)
		CHECK_STR(r.why.text, says);
	arena_free(&r.a);
}

static void done(struct read *r)
{
	arena_free(&r->a);
	CHECK_INT(r->mem.live, 0);
}

static void a_request_without_such_members_asks_for_nothing(void **state UNUSED)
{
	static const struct route_policy nothing = { .strategy = BY_PRIORITY };
	struct read r;

	accepted(&r, "{\"model\":\"m\",\"messages\":[],\"metadata\":{\"a\":\"b\"}}");
	CHECK(!r.ask.any);
	CHECK(memcmp(&r.ask.policy, &nothing, sizeof(nothing)) == 0);
	CHECK_SLICE(r.ask.metadata, "{\"a\":\"b\"}");
	CHECK(!ask_is_member(LIT("model")) && !ask_is_member(LIT("metadata")));
	CHECK(ask_is_member(LIT("provider")) && ask_is_member(LIT("session_id")));
	CHECK(ask_is_member(LIT("pr\\u006fvider"))); /* as the reader sees it */
	done(&r);
}

static void all_of_provider_is_read(void **state UNUSED)
{
	struct read r;
	const struct route_policy *p = accepted(
		&r, "{\"provider\":{\"order\":[\"a\",\"b/m\"],\"only\":[\"a\",\"b\"],"
		    "\"ignore\":[\"c\"],\"allow_fallbacks\":false,\"sort\":\"throughput\","
		    "\"max_price\":{\"prompt\":0.5,\"completion\":\"1.25\",\"request\":1e-3,"
		    "\"image\":0.000000001},\"require_parameters\":true,"
		    "\"data_collection\":\"deny\",\"zdr\":true,"
		    "\"quantizations\":[\"fp8\",\"unknown\"],"
		    "\"preferred_min_throughput\":50,\"preferred_max_latency\":0.25,"
		    "\"enforce_distillable_text\":false}}");

	CHECK(r.ask.any);
	CHECK_INT(p->order.n, 2);
	CHECK_SLICE(p->order.v[1], "b/m");
	CHECK_INT(p->only.n, 2);
	CHECK_SLICE(p->ignore.v[0], "c");
	CHECK(p->no_fallbacks && p->require_params && p->no_collection && p->zdr);
	CHECK_INT(p->strategy, BY_TPS);
	CHECK(p->strategy_given);
	CHECK_INT(p->max_price_input, 500000000);
	CHECK_INT(p->max_price_output, 1250000000);
	CHECK_INT(p->max_price_request, 1000000);
	CHECK_INT(p->max_price_image, 1);
	CHECK_INT(p->quantizations, 1U << QUANT_FP8 | 1U << QUANT_UNKNOWN);
	CHECK_INT(p->min_tps, 50);
	CHECK_INT(p->max_ttft_us, 250000);
	done(&r);
}

static void objects_stand_for_sort_and_percentiles(void **state UNUSED)
{
	struct read r;
	const struct route_policy *p = accepted(
		&r, "{\"provider\":{\"sort\":{\"by\":\"latency\",\"partition\":\"none\"},"
		    "\"preferred_max_latency\":{\"p50\":1,\"p99\":4,\"p90\":3,\"p75\":null},"
		    "\"preferred_min_throughput\":{\"p50\":80}}}");

	CHECK_INT(p->strategy, BY_TTFT);
	CHECK(r.ask.across);
	CHECK_INT(p->max_ttft_us, 4000000);
	CHECK_INT(p->percentile, 990);
	CHECK_INT(p->min_tps, 80);
	done(&r);
	p = accepted(&r,
		     "{\"provider\":{\"sort\":{\"by\":\"price\",\"partition\":\"model\"}}}");
	CHECK_INT(p->strategy, BY_COST);
	CHECK(!r.ask.across);
	done(&r);
}

static void the_others_of_the_root_are_read(void **state UNUSED)
{
	struct read r;
	const struct route_policy *p =
		accepted(&r, "{\"models\":[\"x\",\"y:free\"],\"route\":{\"continue\":false,"
			     "\"strategy\":\"balanced\"},\"usage\":{\"include\":true},"
			     "\"transforms\":[],\"deadline_ms\":1500,\"max_cost_usd\":0.02,"
			     "\"min_quality\":0.75,\"region\":\"eu\",\"local_only\":true,"
			     "\"session_id\":\"s\\u00e9\"}");

	CHECK_INT(r.ask.model_n, 2);
	CHECK_SLICE(r.ask.models[1], "y:free");
	CHECK(r.ask.show_usage && p->local_only);
	CHECK_INT(p->strategy, BY_BALANCE);
	CHECK_INT(p->deadline_us, 1500000);
	CHECK_INT(p->max_cost, 20000000);
	CHECK_INT(p->min_quality, 750);
	CHECK_SLICE(p->regions.v[0], "eu");
	CHECK_SLICE(r.ask.session, "s\xc3\xa9");
	done(&r);
	p = accepted(&r, "{\"route\":\"fallback\",\"region\":[\"eu\",\"us\"]}");
	CHECK_INT(p->regions.n, 2);
	CHECK(!p->strategy_given);
	done(&r);
}

static void null_is_not_said(void **state UNUSED)
{
	static const struct route_policy nothing = { .strategy = BY_PRIORITY };
	struct read r;

	accepted(&r,
		 "{\"provider\":{\"order\":null,\"zdr\":null,\"max_price\":{\"prompt\":null},"
		 "\"sort\":null},\"models\":null,\"route\":null,\"usage\":null,"
		 "\"transforms\":null,\"max_cost_usd\":null,\"session_id\":null}");
	CHECK(r.ask.any); /* they are taken out all the same */
	CHECK(memcmp(&r.ask.policy, &nothing, sizeof(nothing)) == 0);
	done(&r);
}

/* No double on the way. */
static void money_is_exact(void **state UNUSED)
{
	const struct {
		const char *text;
		uint64_t nano;
	} rows[] = {
		{ "0.1", 100000000 },
		{ "1", 1000000000 },
		{ "0.000000001", 1 },
		{ "0.0000000019", 1 },
		{ "1e-9", 1 },
		{ "25E-10", 2 },
		{ "12.345678901234567890123", 12345678901 },
		{ "9007199.254740993", 9007199254740993 }, /* 2^53 + 1 */
		{ "18446744073.709551615", UINT64_MAX },
		{ "1.5e3", 1500000000000 },
		{ "\"0.25\"", 250000000 },
		{ "123456789e-17", 1 },
	};
	char text[96];
	struct read r;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		(void)snprintf(text, sizeof(text), "{\"max_cost_usd\":%s}", rows[i].text);
		CHECK(accepted(&r, text)->max_cost == rows[i].nano);
		CHECK(!r.ask.policy.free_only);
		done(&r);
	}
	accepted(&r, "{\"max_cost_usd\":0}");
	CHECK(r.ask.policy.free_only);
	done(&r);
	/* A ceiling of nothing is one, not none. */
	CHECK_INT(
		accepted(&r, "{\"provider\":{\"max_price\":{\"prompt\":0}}}")->max_price_input,
		1);
	done(&r);
}

static void an_amount_that_is_none_is_refused(void **state UNUSED)
{
	const char *const bad[] = { "-1",
				    "1e99",
				    "18446744074",
				    "\"\"",
				    "\"1,5\"",
				    "\"-0.1\"",
				    "\"1e\"",
				    "\"0.1 \"",
				    "\".5\"",
				    "99999999999999999999",
				    "100000000000000000000e-20" };
	char text[96];

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		(void)snprintf(text, sizeof(text), "{\"max_cost_usd\":%s}", bad[i]);
		refused(text, "invalid_value", "max_cost_usd", "amount in USD");
	}
	refused("{\"max_cost_usd\":[1]}", "invalid_type", "max_cost_usd", "a number");
}

static void what_is_not_known_is_refused_by_its_name(void **state UNUSED)
{
	refused("{\"provider\":{\"ordr\":[]}}", "unknown_field", "provider.ordr",
		"did you mean \"order\"?");
	refused("{\"provider\":{\"frobnicate\":1}}", "unknown_field", "provider.frobnicate",
		"\"provider.frobnicate\" is not known");
	refused("{\"provider\":{\"max_price\":{\"promt\":1}}}", "unknown_field",
		"provider.max_price.promt", "\"prompt\"");
	refused("{\"provider\":{\"sort\":{\"on\":\"price\"}}}", "unknown_field",
		"provider.sort.on", "not known");
	refused("{\"route\":{\"continue\":true}}", "invalid_value", "route.continue",
		"nobody goes on");
	refused("{\"route\":{\"Continue\":true}}", "unknown_field", "route.Continue",
		"\"continue\"");
	refused("{\"usage\":{\"included\":true}}", "unknown_field", "usage.included",
		"\"include\"");
	refused("{\"provider\":{\"preferred_max_latency\":{\"p95\":1}}}", "unknown_field",
		"provider.preferred_max_latency", "p99");
}

static void wrong_types_are_refused_by_name(void **state UNUSED)
{
	const char *const rows[][3] = {
		{ "{\"provider\":[]}", "provider", "an object" },
		{ "{\"provider\":{\"order\":\"a\"}}", "provider.order", "a list of strings" },
		{ "{\"provider\":{\"only\":[1]}}", "provider.only", "a string" },
		{ "{\"provider\":{\"allow_fallbacks\":1}}", "provider.allow_fallbacks",
		  "true" },
		{ "{\"provider\":{\"sort\":1}}", "provider.sort", "a string or an object" },
		{ "{\"provider\":{\"sort\":{\"by\":{}}}}", "provider.sort.by", "a string" },
		{ "{\"provider\":{\"data_collection\":true}}", "provider.data_collection",
		  "deny" },
		{ "{\"provider\":{\"quantizations\":\"fp8\"}}", "provider.quantizations",
		  "list" },
		{ "{\"provider\":{\"quantizations\":[8]}}", "provider.quantizations", "list" },
		{ "{\"provider\":{\"max_price\":1}}", "provider.max_price", "an object" },
		{ "{\"provider\":{\"preferred_max_latency\":\"1\"}}",
		  "provider.preferred_max_latency", "a number or" },
		{ "{\"models\":\"x\"}", "models", "a list" },
		{ "{\"route\":1}", "route", "an object" },
		{ "{\"usage\":true}", "usage", "an object" },
		{ "{\"transforms\":{}}", "transforms", "a list" },
		{ "{\"deadline_ms\":\"1\"}", "deadline_ms", "a number" },
		{ "{\"min_quality\":\"high\"}", "min_quality", "a number" },
		{ "{\"region\":1}", "region", "a string" },
		{ "{\"local_only\":0}", "local_only", "true or false" },
		{ "{\"session_id\":1}", "session_id", "a string" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		refused(rows[i][0], "invalid_type", rows[i][1], rows[i][2]);
}

static void values_out_of_range_are_refused(void **state UNUSED)
{
	refused("{\"provider\":{\"sort\":\"prise\"}}", "invalid_value", "provider.sort",
		"price, throughput or latency");
	refused("{\"provider\":{\"sort\":{\"partition\":\"all\"}}}", "invalid_value",
		"provider.sort.partition", "model or none");
	refused("{\"provider\":{\"data_collection\":\"no\"}}", "invalid_value",
		"provider.data_collection", "allow");
	refused("{\"provider\":{\"quantizations\":[\"fp9\"]}}", "invalid_value",
		"provider.quantizations", "bf16");
	refused("{\"provider\":{\"enforce_distillable_text\":true}}", "invalid_value",
		"provider.enforce_distillable_text", "distilled");
	refused("{\"provider\":{\"order\":[\"\"]}}", "invalid_value", "provider.order",
		"empty");
	refused("{\"deadline_ms\":0}", "invalid_value", "deadline_ms", "more than 0");
	refused("{\"min_quality\":1.5}", "invalid_value", "min_quality", "from 0 to 1");
	refused("{\"route\":\"sort\"}", "invalid_value", "route", "fallback");
	refused("{\"route\":{\"strategy\":\"best\"}}", "invalid_value", "route.strategy",
		"round_robin");
	refused("{\"transforms\":[\"middle-out\"]}", "invalid_value", "transforms",
		"\"middle-out\" neither");
}

static void lists_and_names_have_an_end(void **state UNUSED)
{
	char text[4096] = "{\"models\":[\"0\"";
	size_t n = strlen(text);
	char *p;

	for (int i = 0; i < ASK_MODELS_MAX; i++)
		n += (size_t)snprintf(text + n, sizeof(text) - n, ",\"m\"");
	(void)snprintf(text + n, sizeof(text) - n, "]}");
	refused(text, "invalid_value", "models", "33 entries, 32 are allowed");
	n = (size_t)snprintf(text, sizeof(text), "{\"session_id\":\"");
	memset(text + n, 'x', ASK_NAME_MAX + 1);
	p = text + n + ASK_NAME_MAX + 1;
	(void)snprintf(p, 4, "\"}");
	refused(text, "invalid_value", "session_id", "longer than");
	n = (size_t)snprintf(text, sizeof(text), "{\"provider\":{\"");
	memset(text + n, 'x', 200); /* a long name is told by its beginning */
	(void)snprintf(text + n + 200, 8, "\":1}}");
	refused(text, "unknown_field", "provider.xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx",
		"not known");
}

static void what_contradicts_itself_is_refused(void **state UNUSED)
{
	const char *const rows[][3] = {
		{ "{\"provider\":{\"only\":[\"a\"],\"ignore\":[\"A\"]}}", "provider.ignore",
		  "\"a\" is in provider.only and in provider.ignore" },
		{ "{\"provider\":{\"only\":[\"a/m\"],\"ignore\":[\"a\"]}}", "provider.ignore",
		  "a/m" },
		{ "{\"provider\":{\"only\":[\"a\"],\"order\":[\"b\"]}}", "provider.order",
		  "which provider.only leaves out" },
		{ "{\"provider\":{\"ignore\":[\"a\"],\"order\":[\"a/m\"]}}", "provider.order",
		  "provider.ignore" },
		{ "{\"provider\":{\"sort\":\"price\"},\"route\":{\"strategy\":\"fastest\"}}",
		  "route.strategy", "two strategies" },
		{ "{\"provider\":{\"zdr\":true,\"zdr\":false}}", "provider.zdr", "twice" },
		{ "{\"models\":[],\"mod\\u0065ls\":[]}", "models", "twice" },
	};
	struct read r;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		refused(rows[i][0], "contradiction", rows[i][1], rows[i][2]);
	/* These only look like it. */
	accepted(&r, "{\"provider\":{\"only\":[\"a/m\",\"b\"],\"order\":[\"a\",\"b/x\"]}}");
	done(&r);
	accepted(&r, "{\"provider\":{\"only\":[\"a\"],\"ignore\":[\"a/m\"]}}");
	done(&r);
	accepted(&r, "{\"provider\":{\"sort\":\"price\",\"order\":[\"a\"]}}");
	done(&r);
	accepted(&r,
		 "{\"provider\":{\"sort\":\"price\"},\"route\":{\"strategy\":\"cheapest\"}}");
	done(&r);
	accepted(&r, "{\"model\":\"m:free\",\"provider\":{\"max_price\":{\"prompt\":0}}}");
	done(&r);
}

static void suffixes_are_taken_off_the_name(void **state UNUSED)
{
	struct route_policy p = { .strategy = BY_PRIORITY };

	CHECK_SLICE(ask_suffix(LIT("openai/gpt-4o"), &p), "openai/gpt-4o");
	CHECK_SLICE(ask_suffix(LIT("llama3:8b"), &p), "llama3:8b");
	CHECK_SLICE(ask_suffix(LIT(":free"), &p), ":free"); /* nothing would be left */
	CHECK(!p.strategy_given && !p.free_only);
	CHECK_SLICE(ask_suffix(LIT("m:floor"), &p), "m");
	CHECK_INT(p.strategy, BY_COST);
	CHECK(p.strategy_given);
	CHECK_SLICE(ask_suffix(LIT("llama3:8b:free:nitro"), &p), "llama3:8b");
	CHECK_INT(p.strategy, BY_TPS);
	CHECK(p.free_only);
}

static void read_all(struct test_mem *mem)
{
	struct read r;

	arena_init(&r.a, &mem->mem, 16, 1 << 16);
	read_with(&r,
		  LIT("{\"provider\":{\"order\":[\"\\u0061\",\"b\"],\"only\":[\"\\u0061\"]},"
		      "\"models\":[\"\\u0061\"],\"region\":\"\\u0061\",\"session_id\":"
		      "\"\\u0061\"}"));
	/* Its order names what only leaves out: seen when there is memory for both. */
	CHECK_RC(r.rc, mem->failed ? E_NOMEM : E_BAD);
	arena_free(&r.a);
}

static void no_memory_is_an_answer(void **state UNUSED)
{
	sweep(read_all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_without_such_members_asks_for_nothing),
		cmocka_unit_test(all_of_provider_is_read),
		cmocka_unit_test(objects_stand_for_sort_and_percentiles),
		cmocka_unit_test(the_others_of_the_root_are_read),
		cmocka_unit_test(null_is_not_said),
		cmocka_unit_test(money_is_exact),
		cmocka_unit_test(an_amount_that_is_none_is_refused),
		cmocka_unit_test(what_is_not_known_is_refused_by_its_name),
		cmocka_unit_test(wrong_types_are_refused_by_name),
		cmocka_unit_test(values_out_of_range_are_refused),
		cmocka_unit_test(lists_and_names_have_an_end),
		cmocka_unit_test(what_contradicts_itself_is_refused),
		cmocka_unit_test(suffixes_are_taken_off_the_name),
		cmocka_unit_test(no_memory_is_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
