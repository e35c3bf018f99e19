#include "check.h"

#include "base/sb.h"
#include "chat/openai.h"

static const struct openai_target plain_target = { .model_json = LITC("\"up\"") };

/* Reads and edits a request; the result is zero-terminated in `out`. */
static void edited(const char *body, const struct openai_target *t, char *out, size_t cap)
{
	struct openai_refusal why;
	struct openai_request r;
	struct slice *pieces;
	struct test_mem mem;
	struct arena a;
	struct sb b;
	size_t n, bytes;

	test_mem_init(&mem, 0);
	arena_init(&a, &mem.mem, 1024, 1 << 20);
	CHECK_RC(openai_request_read(&r, OPENAI_CHAT, slice_cstr(body), &a, &why), OK);
	CHECK_RC(openai_request_pieces(&r, t, &a, &pieces, &n, &bytes), OK);
	sb_init(&b, out, cap);
	for (size_t i = 0; i < n; i++)
		sb_str(&b, pieces[i]);
	CHECK_INT(b.n, bytes);
	CHECK(!b.cut);
	sb_cstr(&b);
	arena_free(&a);
	CHECK_INT(mem.live, 0);
}

static void only_the_named_bytes_are_edited(void **state UNUSED)
{
	static const struct slice drop[] = { LITC("store"), LITC("logit_bias") };
	const struct openai_target dropping = { .model_json = LITC("\"up\""),
						.drop_params = drop,
						.drop_param_n = 2 };
	const struct openai_target old = { .model_json = LITC("\"up\""),
					   .quirks = QUIRK_MAX_TOKENS };
	const struct openai_target bare = { .model_json = LITC("\"up\""),
					    .quirks = QUIRK_NO_STREAM_OPTIONS };
	const struct {
		const char *in, *out;
		const struct openai_target *t;
	} rows[] = {
		{ "{ \"model\" : \"a\", \"x_new\":[1, 2 ,{}] }",
		  "{ \"model\" : \"up\", \"x_new\":[1, 2 ,{}] }", &plain_target },
		{ "{\"model\":\"up\"}", "{\"model\":\"up\"}", &plain_target },
		{ "{\"model\":\"a\",\"stream\":true}",
		  "{\"model\":\"up\",\"stream\":true,\"stream_options\":{\"include_usage\":"
		  "true}}",
		  &plain_target },
		{ "{\"stream_options\":{\"include_usage\":false , "
		  "\"k\":1},\"stream\":true,\"model\":\"a\"}",
		  "{\"stream_options\":{\"include_usage\":true , "
		  "\"k\":1},\"stream\":true,\"model\":\"up\"}",
		  &plain_target },
		{ "{\"stream_options\":{\"k\":1},\"stream\":true,\"model\":\"a\"}",
		  "{\"stream_options\":{\"include_usage\":true,\"k\":1},\"stream\":true,"
		  "\"model\":\"up\"}",
		  &plain_target },
		{ "{\"stream_options\":{},\"stream\":true,\"model\":\"a\"}",
		  "{\"stream_options\":{\"include_usage\":true},\"stream\":true,\"model\":"
		  "\"up\"}",
		  &plain_target },
		{ "{\"stream_options\":null,\"stream\":true,\"model\":\"a\"}",
		  "{\"stream_options\":{\"include_usage\":true},\"stream\":true,\"model\":"
		  "\"up\"}",
		  &plain_target },
		{ "{\"stream_options\":{\"include_usage\":true},\"stream\":true,\"model\":"
		  "\"a\"}",
		  "{\"stream_options\":{\"include_usage\":true},\"stream\":true,\"model\":"
		  "\"up\"}",
		  &plain_target },
		{ "{\"model\":\"a\",\"stream\":true}", "{\"model\":\"up\",\"stream\":true}",
		  &bare },
		{ "{\"store\":true,\"model\":\"a\",\"logit_bias\":{}}", "{\"model\":\"up\"}",
		  &dropping },
		{ "{\"sto\\u0072e\":true,\"model\":\"a\"}", "{\"model\":\"up\"}", &dropping },
		{ "{\"model\":\"a\",\"max_completion_tokens\":7}",
		  "{\"model\":\"up\",\"max_tokens\":7}", &old },
		{ "{\"model\":\"a\",\"max_completion_tokens\":7,\"max_tokens\":5}",
		  "{\"model\":\"up\",\"max_tokens\":5}", &old },
		{ "{\"mod\\u0065l\":\"a\"}", "{\"mod\\u0065l\":\"up\"}", &plain_target },
	};
	char out[512];

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		edited(rows[i].in, rows[i].t, out, sizeof(out));
		CHECK_STR(out, rows[i].out);
	}
}

static void bad_requests_are_refused_with_a_code(void **state UNUSED)
{
	const struct {
		const char *body, *code, *param;
	} rows[] = {
		{ "", "invalid_json", NULL },
		{ "{\"model\":\"a\"", "invalid_json", NULL },
		{ "[1]", "invalid_json", NULL },
		{ "{}", "missing_model", "model" },
		{ "{\"model\":null}", "missing_model", "model" },
		{ "{\"model\":\"\"}", "invalid_type", "model" },
		{ "{\"model\":7}", "invalid_type", "model" },
		{ "{\"model\":\"a\",\"model\":\"b\"}", "duplicate_field", "model" },
		{ "{\"model\":\"a\",\"mod\\u0065l\":\"b\"}", "duplicate_field", "model" },
		{ "{\"model\":\"a\",\"stream\":1}", "invalid_type", "stream" },
		{ "{\"model\":\"a\",\"stream\":true,\"stream\":false}", "duplicate_field",
		  "stream" },
		{ "{\"model\":\"a\",\"stream_options\":3}", "invalid_type", "stream_options" },
		{ "{\"model\":\"a\",\"stream_options\":{\"include_usage\":\"yes\"}}",
		  "invalid_type", "stream_options.include_usage" },
	};
	struct openai_refusal why;
	struct openai_request r;
	struct test_mem mem;
	struct arena a;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		test_mem_init(&mem, 0);
		arena_init(&a, &mem.mem, 1024, 1 << 20);
		CHECK_RC(openai_request_read(&r, OPENAI_CHAT, slice_cstr(rows[i].body), &a,
					     &why),
			 E_BAD);
		CHECK_STR(why.code, rows[i].code);
		CHECK_STR(why.param == NULL ? "-" : why.param,
			  rows[i].param == NULL ? "-" : rows[i].param);
		CHECK(why.text[0] != '\0');
		arena_free(&a);
	}
}

static void the_place_of_bad_json_is_told(void **state UNUSED)
{
	struct openai_refusal why;
	struct openai_request r;
	struct test_mem mem;
	struct arena a;

	test_mem_init(&mem, 0);
	arena_init(&a, &mem.mem, 1024, 1 << 20);
	CHECK_RC(openai_request_read(&r, OPENAI_CHAT, LIT("{\"model\":\"a\",\n \"x\": tru}"),
				     &a, &why),
		 E_BAD);
	CHECK(slice_find(slice_cstr(why.text), LIT("line 2")) != SLICE_NONE);
	arena_free(&a);
}

static void reading_sweep(struct test_mem *t)
{
	struct openai_refusal why;
	struct openai_request r;
	struct slice *pieces;
	struct arena a;
	size_t n, bytes;
	enum rc rc;

	arena_init(&a, &t->mem, 128, 1 << 20);
	rc = openai_request_read(&r, OPENAI_CHAT,
				 LIT("{\"model\":\"\\u0061\",\"stream\":true,\"max_completion_"
				     "tokens\":1,\"a\":1,\"b\":1,"
				     "\"c\":1,\"d\":1,\"e\":1,\"f\":1,\"g\":1,\"h\":1,\"i\":1,"
				     "\"j\":1,\"k\":1,\"l\":1,"
				     "\"m\":1,\"n\":1,\"o\":1,\"p\":1}"),
				 &a, &why);
	CHECK(rc == OK || rc == E_NOMEM);
	if (rc == OK) {
		const struct openai_target target = { .model_json = LITC("\"up\""),
						      .quirks = QUIRK_MAX_TOKENS };

		rc = openai_request_pieces(&r, &target, &a, &pieces, &n, &bytes);
		CHECK(rc == OK || rc == E_NOMEM);
	}
	arena_free(&a);
}

static void requests_survive_failing_memory(void **state UNUSED)
{
	sweep(reading_sweep);
}

/* ---- events ------------------------------------------------------------------------------ */

static struct openai_event event(const char *data)
{
	struct openai_event e;

	openai_event_read(&e, slice_cstr(data));
	return e;
}

static void what_counts_as_content(void **state UNUSED)
{
	const struct {
		const char *data;
		bool content, finish;
	} rows[] = {
		{ "{\"choices\":[{\"delta\":{\"role\":\"assistant\",\"content\":\"\"}}]}",
		  false, false },
		{ "{\"choices\":[{\"delta\":{\"content\":null}}]}", false, false },
		{ "{\"choices\":[{\"delta\":{\"content\":\"x\"}}]}", true, false },
		{ "{\"choices\":[{\"delta\":{\"reasoning_content\":\"x\"}}]}", true, false },
		{ "{\"choices\":[{\"delta\":{\"reasoning\":\"x\"}}]}", true, false },
		{ "{\"choices\":[{\"delta\":{\"refusal\":\"no\"}}]}", true, false },
		{ "{\"choices\":[{\"delta\":{\"tool_calls\":[]}}]}", false, false },
		{ "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0}]}}]}", true, false },
		{ "{\"choices\":[{\"delta\":{\"audio\":{\"data\":\"x\"}}}]}", true, false },
		{ "{\"choices\":[{\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"x\"}]}}"
		  "]}",
		  true, false },
		{ "{\"choices\":[{\"text\":\"x\"}]}", true, false },
		{ "{\"choices\":[{\"text\":\"\"}]}", false, false },
		{ "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}", false, true },
		{ "{\"choices\":[{\"delta\":{},\"finish_reason\":null}]}", false, false },
		{ "{\"choices\":[]}", false, false },
		{ "{\"choices\":[{\"delta\":{}},{\"delta\":{\"content\":\"x\"}}]}", true,
		  false },
		{ "{\"type\":\"ping\"}", false, false },
		{ "7", false, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct openai_event e = event(rows[i].data);

		CHECK(e.valid && !e.done && !e.error);
		CHECK_INT(e.content, rows[i].content);
		CHECK_INT(e.finish, rows[i].finish);
	}
}

static void the_end_errors_and_garbage_are_told_apart(void **state UNUSED)
{
	CHECK(event("[DONE]").done && event("[DONE]").valid);
	CHECK(event(" [DONE]").done);
	CHECK(!event("[DONE").valid);
	CHECK(!event("{\"choices\":[").valid);
	CHECK(!event("").valid);
	CHECK(event("{\"error\":{\"message\":\"x\"}}").error);
	CHECK(event("{\"error\":\"x\"}").error);
	CHECK(!event("{\"error\":null,\"choices\":[]}").error);
}

static void usage_is_split_into_counters_that_do_not_overlap(void **state UNUSED)
{
	struct openai_event e = event(
		"{\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":50,"
		"\"total_tokens\":150,\"prompt_tokens_details\":{\"cached_tokens\":30,"
		"\"cache_write_tokens\":10},\"completion_tokens_details\":{\"reasoning_"
		"tokens\":"
		"20}}}");

	CHECK(e.usage_only && e.usage.known && !e.usage.odd);
	CHECK_INT(e.usage.input, 60);
	CHECK_INT(e.usage.cache_read, 30);
	CHECK_INT(e.usage.cache_write, 10);
	CHECK_INT(e.usage.output, 30);
	CHECK_INT(e.usage.reasoning, 20);
	CHECK_INT(usage_prompt(&e.usage) + usage_completion(&e.usage), 150);
}

static void reasoning_outside_of_completion_is_noticed(void **state UNUSED)
{
	struct openai_event e =
		event("{\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,"
		      "\"total_tokens\":35,\"completion_tokens_details\":{\"reasoning_tokens\":"
		      "20}}}");

	CHECK_INT(e.usage.output, 5);
	CHECK_INT(e.usage.reasoning, 20);
}

static void usage_is_found_where_each_provider_puts_it(void **state UNUSED)
{
	struct openai_event e;

	/* Groq, whether or not it was asked for */
	e = event("{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}],\"x_groq\":{"
		  "\"usage\":{\"prompt_tokens\":7,\"completion_tokens\":3}}}");
	CHECK(e.usage.known && !e.usage_only && !e.error);
	CHECK_INT(e.usage.input, 7);
	CHECK(event("{\"x_groq\":{\"error\":\"over capacity\"}}").error);
	/* DeepSeek */
	e = event("{\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":1,"
		  "\"prompt_cache_hit_tokens\":4,\"prompt_cache_miss_tokens\":6}}");
	CHECK_INT(e.usage.input, 6);
	CHECK_INT(e.usage.cache_read, 4);
	e = event("{\"usage\":{\"prompt_cache_hit_tokens\":4,"
		  "\"prompt_cache_miss_tokens\":6}}");
	CHECK_INT(e.usage.input, 6);
	CHECK_INT(e.usage.cache_read, 4);
	/* Moonshot, Mistral */
	e = event("{\"usage\":{\"prompt_tokens\":10,\"cached_tokens\":3}}");
	CHECK_INT(e.usage.cache_read, 3);
	e = event("{\"usage\":{\"prompt_tokens\":10,\"num_cached_tokens\":3}}");
	CHECK_INT(e.usage.cache_read, 3);
	e = event("{\"usage\":{\"prompt_tokens\":10,\"prompt_token_details\":{"
		  "\"cached_tokens\":3}}}");
	CHECK_INT(e.usage.cache_read, 3);
	/* DashScope */
	e = event("{\"usage\":{\"prompt_tokens\":10,\"prompt_tokens_details\":{"
		  "\"cached_tokens\":3,\"cache_creation_input_tokens\":5}}}");
	CHECK_INT(e.usage.input, 2);
	CHECK_INT(e.usage.cache_write, 5);
	/* audio; what of it came from the cache is the cache's */
	e = event("{\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":9,"
		  "\"prompt_tokens_details\":{\"cached_tokens\":6,\"audio_tokens\":8},"
		  "\"completion_tokens_details\":{\"audio_tokens\":5}}}");
	CHECK(!e.usage.odd);
	CHECK_INT(e.usage.cache_read, 6);
	CHECK_INT(e.usage.audio_in, 4);
	CHECK_INT(e.usage.input, 0);
	CHECK_INT(e.usage.audio_out, 5);
	CHECK_INT(e.usage.output, 4);
	CHECK(event("{\"usage\":{\"prompt_tokens\":1,\"prompt_tokens_details\":{"
		    "\"audio_tokens\":2}}}")
		      .usage.odd);
}

static void impossible_usage_is_corrected_and_marked(void **state UNUSED)
{
	struct openai_event e =
		event("{\"choices\":[],\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":5,"
		      "\"prompt_tokens_details\":{\"cached_tokens\":11}}}");

	CHECK(e.usage.odd);
	CHECK_INT(e.usage.input, 0);
	CHECK_INT(e.usage.cache_read, 10);
	e = event("{\"choices\":[],\"usage\":{\"prompt_tokens\":18446744073709551615,"
		  "\"completion_tokens\":5}}");
	CHECK(e.usage.odd && !e.usage.known && e.usage_only);
	e = event("{\"choices\":[],\"usage\":{\"prompt_tokens\":-3,\"completion_tokens\":5}}");
	CHECK_INT(e.usage.input, 0);
	CHECK_INT(e.usage.output, 5);
}

static void usage_beside_a_choice_is_not_the_usage_chunk(void **state UNUSED)
{
	CHECK(!event("{\"choices\":[{\"delta\":{}}],\"usage\":{\"prompt_tokens\":1}}")
		       .usage_only);
	CHECK(event("{\"choices\":[{\"delta\":{}}],\"usage\":{\"prompt_tokens\":1}}")
		      .usage.known);
	CHECK(!event("{\"choices\":[{\"delta\":{}}],\"usage\":null}").usage.known);
}

static void plain_answers_are_judged(void **state UNUSED)
{
	struct openai_answer e;

	openai_answer_read(
		&e, OPENAI_CHAT,
		LIT("\n\n{\"choices\":[{\"message\":{\"content\":\"hi\"},"
		    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3}}"));
	CHECK(e.valid && !e.error && !e.empty && e.usage.known);
	CHECK_INT(e.text_bytes, 2);
	openai_answer_read(&e, OPENAI_CHAT, LIT("{\"choices\":[]}"));
	CHECK(e.valid && e.empty);
	openai_answer_read(&e, OPENAI_CHAT,
			   LIT("{\"choices\":[{\"message\":{\"content\":\"\"}}]}"));
	CHECK(e.empty);
	openai_answer_read(&e, OPENAI_CHAT,
			   LIT("{\"choices\":[{\"message\":{\"content\":\"\"},"
			       "\"finish_reason\":\"length\"}]}"));
	CHECK(!e.empty);
	openai_answer_read(&e, OPENAI_CHAT, LIT("{\"error\":{\"message\":\"x\"}}"));
	CHECK(e.error && !e.valid);
	openai_answer_read(&e, OPENAI_CHAT, LIT("[{\"error\":{\"message\":\"x\"}}]"));
	CHECK(e.error && !e.valid);
	openai_answer_read(&e, OPENAI_CHAT, LIT("<html>"));
	CHECK(!e.error && !e.valid);
	openai_answer_read(&e, OPENAI_EMBEDDINGS, LIT("{\"data\":[{\"embedding\":[1]}]}"));
	CHECK(e.valid && !e.empty);
	openai_answer_read(&e, OPENAI_EMBEDDINGS, LIT("{\"data\":[]}"));
	CHECK(e.empty);
}

/* ---- errors ------------------------------------------------------------------------------ */

static void every_shape_of_error_is_understood(void **state UNUSED)
{
	const struct {
		unsigned status;
		const char *body;
		enum fault_kind kind;
		const char *message;
	} rows[] = {
		{ 400,
		  "{\"error\":{\"message\":\"m\",\"type\":\"invalid_request_error\",\"code\":"
		  "null}}",
		  FAULT_CLIENT, "m" },
		{ 401,
		  "{\"error\":{\"message\":\"m\",\"type\":\"invalid_request_error\","
		  "\"code\":\"invalid_api_key\"}}",
		  FAULT_AUTH, "m" },
		{ 403, "", FAULT_AUTH, "" },
		{ 402, "{\"error\":\"pay\"}", FAULT_QUOTA, "pay" },
		{ 429, "{\"error\":{\"message\":\"m\",\"code\":\"insufficient_quota\"}}",
		  FAULT_QUOTA, "m" },
		{ 429, "{\"error\":{\"message\":\"m\",\"code\":\"rate_limit_exceeded\"}}",
		  FAULT_RATE, "m" },
		{ 404, "{\"error\":{\"message\":\"m\",\"code\":\"model_not_found\"}}",
		  FAULT_MODEL, "m" },
		{ 404, "not found", FAULT_MODEL, "" },
		{ 400, "{\"error\":{\"message\":\"m\",\"code\":\"context_length_exceeded\"}}",
		  FAULT_CONTEXT, "m" },
		{ 400, "{\"error\":{\"message\":\"m\",\"code\":\"content_policy_violation\"}}",
		  FAULT_POLICY, "m" },
		{ 400, "{\"error\":{\"message\":\"m\",\"code\":\"content_filter\"}}",
		  FAULT_POLICY, "m" },
		{ 422, "{\"detail\":[{\"loc\":[\"body\"],\"msg\":\"m\",\"type\":\"x\"}]}",
		  FAULT_CLIENT, "m" },
		{ 500, "{\"message\":\"m\",\"type\":\"x\",\"param\":null}", FAULT_SERVER, "m" },
		{ 500, "[{\"error\":{\"message\":\"m\"}}]", FAULT_SERVER, "m" },
		{ 500, "{\"fault\":{\"faultstring\":\"m\"}}", FAULT_SERVER, "m" },
		{ 500, "{\"errors\":[{\"code\":\"c\",\"message\":\"m\"}]}", FAULT_SERVER, "m" },
		{ 503, "{\"error\":{\"code\":503,\"message\":\"Loading model\"}}",
		  FAULT_OVERLOADED, "Loading model" },
		{ 529, "", FAULT_OVERLOADED, "" },
		{ 502, "<html>Bad Gateway</html>", FAULT_SERVER, "" },
		{ 504, "", FAULT_TIMEOUT, "" },
		{ 408, "", FAULT_TIMEOUT, "" },
		{ 409, "", FAULT_SERVER, "" },
		/* Inside a 200. */
		{ 200, "{\"error\":{\"message\":\"m\",\"code\":429}}", FAULT_RATE, "m" },
		{ 200, "{\"error\":{\"message\":\"m\",\"code\":502}}", FAULT_SERVER, "m" },
		{ 200, "{\"error\":{\"message\":\"m\",\"code\":400}}", FAULT_CLIENT, "m" },
		{ 200, "{\"error\":{\"message\":\"m\"}}", FAULT_SERVER, "m" },
		{ 200, "{\"base_resp\":{\"status_code\":1002,\"status_msg\":\"m\"}}",
		  FAULT_SERVER, "m" },
		{ 200, "{\"error\":{\"message\":\"m\",\"type\":\"invalid_request_error\"}}",
		  FAULT_CLIENT, "m" },
		{ 200, "{}", FAULT_GARBAGE, "" },
	};
	struct test_mem mem;
	struct arena a;

	test_mem_init(&mem, 0);
	arena_init(&a, &mem.mem, 1024, 1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fault f = { 0 };

		openai_error_read(&f, rows[i].status, slice_cstr(rows[i].body), &a);
		if (f.kind != rows[i].kind)
			print_error("row %zu: %s\n", i, fault_row(f.kind)->name);
		CHECK_INT(f.kind, rows[i].kind);
		CHECK_SLICE(f.message, rows[i].message);
		CHECK_INT(f.status, rows[i].status);
	}
	arena_free(&a);
}

static void our_errors_have_openais_shape(void **state UNUSED)
{
	struct test_mem mem;
	struct arena a;

	test_mem_init(&mem, 0);
	arena_init(&a, &mem.mem, 1024, 1 << 20);
	CHECK_SLICE(openai_error_write(&a, LIT("say \"hi\"\n"), "t", "model", "c"),
		    "{\"error\":{\"message\":\"say "
		    "\\\"hi\\\"\\n\",\"type\":\"t\",\"param\":\"model\","
		    "\"code\":\"c\"}}");
	CHECK_SLICE(
		openai_error_write(&a, LIT("m"), "t", NULL, "c"),
		"{\"error\":{\"message\":\"m\",\"type\":\"t\",\"param\":null,\"code\":\"c\"}}");
	arena_free(&a);
}

static void retry_after_is_read_in_its_three_forms(void **state UNUSED)
{
	const uint64_t now = 784111770000000; /* Sun, 06 Nov 1994 08:49:30 GMT */
	uint64_t us = 7;

	CHECK(retry_after_read(LIT("250"), LIT("9"), now, &us) && us == 250000);
	CHECK(retry_after_read(LIT(""), LIT(" 3 "), now, &us) && us == 3000000);
	CHECK(retry_after_read(LIT(""), LIT("0.5"), now, &us) && us == 500000);
	CHECK(retry_after_read(LIT(""), LIT("Sun, 06 Nov 1994 08:49:37 GMT"), now, &us));
	CHECK_INT(us, 7000000);
	CHECK(retry_after_read(LIT(""), LIT("Sun, 06 Nov 1994 08:49:00 GMT"), now, &us));
	CHECK_INT(us, 0);
	us = 7;
	CHECK(!retry_after_read(LIT(""), LIT(""), now, &us));
	CHECK(!retry_after_read(LIT(""), LIT("soon"), now, &us));
	CHECK(!retry_after_read(LIT(""), LIT("-3"), now, &us));
	CHECK(!retry_after_read(LIT(""), LIT("Sun, 06 Nov 1994 08:49:37 CET"), now, &us));
	CHECK_INT(us, 7);
	CHECK(retry_after_read(LIT(""), LIT("99999999999999999999999"), now, &us));
	CHECK_INT(us, 366ULL * 86400 * 1000000);
	us = 7;
	CHECK(!retry_after_read(LIT(""), LIT("Sun, 00 Mar 1994 08:49:37 GMT"), now, &us));
	CHECK_INT(us, 7);
	CHECK(retry_after_read(LIT(""), LIT("Fri, 31 Dec 9999 23:59:59 GMT"), now, &us));
	CHECK_INT(us, 366ULL * 86400 * 1000000);
	CHECK(retry_after_read(LIT(""), LIT("18446744073709551615"), now, &us));
	CHECK(us <= 366ULL * 86400 * 1000000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_named_bytes_are_edited),
		cmocka_unit_test(bad_requests_are_refused_with_a_code),
		cmocka_unit_test(the_place_of_bad_json_is_told),
		cmocka_unit_test(requests_survive_failing_memory),
		cmocka_unit_test(what_counts_as_content),
		cmocka_unit_test(the_end_errors_and_garbage_are_told_apart),
		cmocka_unit_test(usage_is_split_into_counters_that_do_not_overlap),
		cmocka_unit_test(reasoning_outside_of_completion_is_noticed),
		cmocka_unit_test(usage_is_found_where_each_provider_puts_it),
		cmocka_unit_test(impossible_usage_is_corrected_and_marked),
		cmocka_unit_test(usage_beside_a_choice_is_not_the_usage_chunk),
		cmocka_unit_test(plain_answers_are_judged),
		cmocka_unit_test(every_shape_of_error_is_understood),
		cmocka_unit_test(our_errors_have_openais_shape),
		cmocka_unit_test(retry_after_is_read_in_its_three_forms),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
