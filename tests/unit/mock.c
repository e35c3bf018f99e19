#include "mock_peer.h"

#include "mock/options.h"

/* ---- the tests ---------------------------------------------------------------------- */

static void a_plain_answer_says_what_the_record_says(void **state UNUSED)
{
	struct bench b;
	struct slice got;
	const struct mock_record *r;
	struct test_mem t;
	struct arena a;

	set_up(&b, "tokens=7");
	got = chat(&b, "m", false, "\"x\":1.50,");
	r = last(&b);
	CHECK(slice_starts(got, LIT("HTTP/1.1 200 OK\r\n")));
	CHECK_INT(r->end, MOCK_COMPLETE);
	CHECK_INT(r->bytes, got.n);
	CHECK_INT(r->completion_tokens, 7);
	CHECK(r->usage_sent && r->content_sent && r->finish_sent);
	CHECK_SLICE(r->path, "/any/v1/chat/completions");
	CHECK(slice_find(got, r->text) != SLICE_NONE);
	CHECK(has(r->body, "\"x\":1.50,\"messages\""));
	test_mem_init(&t, 0);
	arena_init(&a, &t.mem, 256, 1 << 20);
	CHECK(slice_eq(mock_text(&a, 1, 7), r->text));
	arena_free(&a);
	tear_down(&b);
}

static void a_stream_comes_word_by_word_in_time(void **state UNUSED)
{
	struct bench b;
	struct slice got;

	set_up(&b, "tokens=5&ttft=200ms&gap=50ms");
	got = chat(&b, "m", true, "\"stream_options\":{\"include_usage\":true},");
	CHECK_INT(count(got, "data: {"), 1 + 5 + 1 + 1);
	CHECK_INT(count(got, "\"usage\":{"), 1);
	CHECK(slice_ends(got, LIT("data: [DONE]\n\n\r\n0\r\n\r\n")));
	CHECK_INT(last(&b)->events, 9);
	CHECK_INT(last(&b)->text_sent, last(&b)->text.n);
	CHECK_INT(last(&b)->first_byte_us - last(&b)->received_us, 200000);
	CHECK_INT((b.last_us - b.first_us) / 100, 4 * 500);
	tear_down(&b);
}

static void usage_is_told_only_when_asked_for(void **state UNUSED)
{
	struct bench b;

	set_up(&b, "tokens=2");
	CHECK_INT(count(chat(&b, "m", true, ""), "usage"), 0);
	CHECK(!last(&b)->usage_sent);
	CHECK_INT(count(chat(&b, "m?usage=always", true, ""), "\"usage\":{"), 1);
	CHECK_INT(count(chat(&b, "m?usage=twice", true, ""), "\"usage\":{"), 2);
	CHECK_INT(count(chat(&b, "m?usage=cumulative", true, ""), "\"usage\":{"), 4);
	CHECK_INT(count(chat(&b, "m?usage=off", false, ""), "usage\":"), 0);
	tear_down(&b);
}

static void the_same_request_gets_the_same_bytes_kept_or_not(void **state UNUSED)
{
	static char first[8192];
	struct bench b;
	struct slice got;

	set_up(&b, "tokens=3");
	got = chat(&b, "m", true, "");
	memcpy(first, got.p, got.n);
	CHECK(slice_eq(chat(&b, "m", true, ""), slice_of(first, got.n)));
	/* another length is another answer */
	CHECK_RC(mock_set(b.mock, LIT("tokens=4"), NULL), OK);
	CHECK(chat(&b, "m", true, "").n > got.n);
	CHECK_INT(last(&b)->on_connection, 3);
	tear_down(&b);
}

static void a_model_name_carries_options_and_a_wrong_one_is_told(void **state UNUSED)
{
	struct bench b;

	set_up(&b, "");
	CHECK(has(chat(&b, "m?text=a%20b%2Bc", false, ""), "\"content\":\"a b+c\""));
	CHECK(has(chat(&b, "m?tokns=3", false, ""), "did you mean \\\"tokens\\\"?"));
	CHECK(has(chat(&b, "m?echo=on", false, ""), "\"content\":\"say \\\"hi\\\"\""));
	tear_down(&b);
}

static void a_script_is_used_up_in_order(void **state UNUSED)
{
	struct err err = { .rc = OK };
	struct bench b;

	set_up(&b, "");
	CHECK_RC(mock_script(b.mock,
			     LIT("[\"status=429&retry-after=2\","
				 "{\"status\":503,\"times\":2,\"model\":\"x\"},\"text=ok\"]"),
			     &err),
		 OK);
	CHECK_INT(mock_script_left(b.mock), 4);
	CHECK(has(chat(&b, "m", false, ""), "429 Too Many Requests\r\n"));
	CHECK(has(chat(&b, "m", false, ""), "\"content\":\"ok\""));
	CHECK(has(chat(&b, "m", false, ""), "200 OK"));
	CHECK(has(chat(&b, "x?tokens=1", false, ""), "HTTP/1.1 503 "));
	CHECK(has(chat(&b, "x", true, ""), "HTTP/1.1 503 "));
	CHECK(has(chat(&b, "x", true, ""), "200 OK"));
	CHECK_INT(mock_script_left(b.mock), 0);
	CHECK_RC(mock_script(b.mock, LIT("[\"text=ok\",\"fale=stall\"]"), &err), E_NOTFOUND);
	CHECK_STR(err.text, "there is no option \"fale\"; did you mean \"fail\"?");
	CHECK_INT(mock_script_left(b.mock), 0);
	tear_down(&b);
}

static void a_connection_can_be_refused(void **state UNUSED)
{
	struct bench b;

	set_up(&b, "");
	CHECK_RC(mock_script(b.mock, LIT("[\"fail=refuse\"]"), NULL), OK);
	CHECK_INT(chat(&b, "m", false, "").n, 0);
	CHECK(b.ended);
	hang_up(&b, CONN_NOW);
	CHECK(has(chat(&b, "m", false, ""), "200 OK"));
	tear_down(&b);
}

static void the_peer_going_away_is_noticed(void **state UNUSED)
{
	struct bench b;

	set_up(&b, "tokens=1000&gap=100ms");
	chat(&b, "m", true, "");
	CHECK_INT(last(&b)->end, MOCK_OPEN);
	hang_up(&b, CONN_NOW);
	CHECK_INT(last(&b)->end, MOCK_CANCELLED);
	CHECK(last(&b)->text_sent > 0 && last(&b)->text_sent < last(&b)->text.n);
	chat(&b, "m?fail=stall_head", true, "");
	hang_up(&b, CONN_NOW);
	CHECK_INT(last(&b)->end, MOCK_CANCELLED);
	CHECK_INT(last(&b)->bytes, 0);
	tear_down(&b);
}

/* What the peer sees of each fault: how the bytes end, and how the connection does. */
static void each_fault_is_what_it_says(void **state UNUSED)
{
	enum { KEPT, CLOSED, WAS_RESET };
	static const struct {
		const char *fail;
		bool stream;
		const char *start, *end;
		int after;
	} rows[] = {
		{ "close", true, "", "", CLOSED },
		{ "reset", true, "", "", WAS_RESET },
		{ "garbage", true, "\x16\x03", "\xfd", CLOSED },
		{ "half_head", true, "HTTP/1.1 200", "Content-Ty", CLOSED },
		{ "two_lengths", false, "HTTP/1.1 200", "}", KEPT },
		{ "close_head", true, "HTTP/1.1 200", "\r\n\r\n", CLOSED },
		{ "close_head", false, "HTTP/1.1 200", "\r\n\r\n", CLOSED },
		{ "stall_head", true, "", "", KEPT },
		{ "stall_content", true, "HTTP/1.1 200", "null}]}\n\n\r\n", KEPT },
		{ "stall_content", false, "HTTP/1.1 200", "\r\n\r\n", KEPT },
		{ "stall", true, "HTTP/1.1 200", "null}]}\n\n\r\n", KEPT },
		{ "cut", true, "HTTP/1.1 200", "null}]}\n\n\r\n", CLOSED },
		{ "cut", false, "HTTP/1.1 200", "", CLOSED },
		{ "half_event", true, "HTTP/1.1 200", "\r\n", WAS_RESET },
		{ "truncate", true, "HTTP/1.1 200", "null}]}\n\n\r\n0\r\n\r\n", KEPT },
		{ "short", false, "HTTP/1.1 200", "", CLOSED },
		{ "long", false, "HTTP/1.1 200", "}}}", CLOSED },
		{ "bad_chunk", true, "HTTP/1.1 200", "this is no chunk\r\n", CLOSED },
		{ "bad_chunk", false, "HTTP/1.1 200", "this is no chunk\r\n", CLOSED },
		{ "empty", true, "HTTP/1.1 200", "[DONE]\n\n\r\n0\r\n\r\n", KEPT },
		{ "empty", false, "HTTP/1.1 200", "}", KEPT },
		{ "nothing", true, "HTTP/1.1 200", "\r\n\r\n0\r\n\r\n", KEPT },
		{ "nothing", false, "HTTP/1.1 200", "Content-Length: 0\r\n\r\n", KEPT },
		{ "no_finish", true, "HTTP/1.1 200", "[DONE]\n\n\r\n0\r\n\r\n", KEPT },
		{ "no_done", true, "HTTP/1.1 200", "\"stop\"}]}\n\n\r\n0\r\n\r\n", KEPT },
		{ "bare_end", true, "HTTP/1.1 200", "null}]}\n\n\r\n0\r\n\r\n", KEPT },
		{ "error_200", true, "HTTP/1.1 200", "\"server_error\"}}", KEPT },
		{ "error_200", false, "HTTP/1.1 200", "\"server_error\"}}", KEPT },
		{ "error_first", true, "HTTP/1.1 200", "error\"}}\n\n\r\n0\r\n\r\n", KEPT },
		{ "error_mid", true, "HTTP/1.1 200", "error\"}}\n\n\r\n0\r\n\r\n", KEPT },
		{ "bad_json", false, "HTTP/1.1 200", "", KEPT },
		{ "bad_json", true, "HTTP/1.1 200", "\n\n\r\n0\r\n\r\n", KEPT },
	};
	struct bench b;

	set_up(&b, "tokens=4");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct mock_record *r;
		char model[64];
		struct slice got;

		snprintf(model, sizeof(model), "m?fail=%s", rows[i].fail);
		got = chat(&b, model, rows[i].stream, "");
		if (!slice_starts(got, slice_cstr(rows[i].start)) ||
		    !slice_ends(got, slice_cstr(rows[i].end)) ||
		    b.ended != (rows[i].after != KEPT) ||
		    (b.ended && (b.why == E_RESET) != (rows[i].after == WAS_RESET))) {
			print_error("%s %d: %.*s\n", rows[i].fail, rows[i].stream, SARG(got));
			CHECK(false);
		}
		hang_up(&b, CONN_NOW);
		r = last(&b);
		CHECK_STR(r->fault, rows[i].fail);
		CHECK_INT(r->end,
			  strncmp(rows[i].fail, "stall", 5) == 0 ? MOCK_CANCELLED : MOCK_FAULT);
		CHECK(!has(got, "[DONE]") || r->events > 0);
	}
	tear_down(&b);
}

static void a_stall_with_an_end_goes_on(void **state UNUSED)
{
	struct bench b;
	struct slice got;

	set_up(&b, "tokens=4&fail=stall&hold=3s");
	got = chat(&b, "m", true, "");
	CHECK(slice_ends(got, LIT("0\r\n\r\n")));
	CHECK_INT(b.last_us - b.first_us, 3 * SECOND);
	CHECK_INT(last(&b)->end, MOCK_COMPLETE);
	tear_down(&b);
}

static void the_look_of_a_stream_can_be_changed(void **state UNUSED)
{
	struct bench b;

	set_up(&b, "tokens=4");
	CHECK_INT(count(chat(&b, "m?eol=crlf", true, ""), "}]}\r\n\r\n\r\n"), 6);
	CHECK_INT(count(chat(&b, "m?eol=cr", true, ""), "}]}\r\r\r\n"), 6);
	CHECK_INT(count(chat(&b, "m?comments=3", true, ""), ": keep-alive\n\n"), 3 + 6);
	CHECK_INT(count(chat(&b, "m?space=off&bom=on", true, ""), "data:{"), 6);
	CHECK_INT(count(chat(&b, "m?batch=7", true, ""), "\r\n"), 7 + 2 + 2);
	CHECK_INT(count(chat(&b, "m?words=2", true, ""), "\"content\":\""), 1 + 2);
	CHECK_INT(count(chat(&b, "m?keepalive=1s&ttft=3500ms", true, ""), ": keep-alive"), 3);
	CHECK(has(chat(&b, "m?blank_lines=3", false, ""), "\r\n\r\n\n\n\n{"));
	CHECK(slice_ends(chat(&b, "m?split=1", true, ""), LIT("[DONE]\n\n\r\n0\r\n\r\n")));
	CHECK(has(chat(&b, "m?extra=on", false, ""), "\"big\":12345678901234567890,"));
	tear_down(&b);
}

static void a_huge_event_passes_a_small_window(void **state UNUSED)
{
	struct bench b;
	struct slice got;

	set_up(&b, "fail=huge&size=200k");
	got = chat(&b, "m", true, "");
	CHECK(got.n > 200 << 10);
	CHECK(slice_ends(got, LIT("0\r\n\r\n")));
	CHECK_INT(last(&b)->text_sent, 200 << 10);
	CHECK_INT(last(&b)->end, MOCK_COMPLETE);
	tear_down(&b);
}

#define TOOLS                                                                                  \
	"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{"      \
	"\"type\":\"object\",\"properties\":{\"city\":{\"type\":\"string\",\"enum\":[\"Bern\"" \
	"]},\"n\":{\"type\":\"array\",\"minItems\":3,\"items\":{\"const\":7}}}}}},{"           \
	"\"type\":\"function\",\"function\":{\"name\":\"g\"}}],"

static void tools_are_called_in_pieces_and_in_parallel(void **state UNUSED)
{
	struct bench b;
	struct slice got;

	set_up(&b, "arg_bytes=4");
	got = chat(&b, "m?tools=2", false, TOOLS);
	CHECK(has(got, "\"name\":\"f\",\"arguments\":\"{\\\"city\\\":\\\"Bern\\\","
		       "\\\"n\\\":[7,7,7]}\""));
	CHECK(has(got, "\"name\":\"g\",\"arguments\":\"{}\""));
	CHECK(has(got, "\"finish_reason\":\"tool_calls\""));
	got = chat(&b, "m?tools=2", true, TOOLS);
	CHECK(has(got, "{\"index\":0,\"function\":{\"arguments\":\"{\\\"ci\"}}"));
	CHECK(has(got, "{\"index\":1,\"function\":{\"arguments\":\"{}\"}}"));
	CHECK(has(chat(&b, "m", false, TOOLS), "\"finish_reason\":\"stop\""));
	CHECK(has(chat(&b, "m", false, TOOLS "\"tool_choice\":\"required\","),
		  "\"name\":\"f\""));
	tear_down(&b);
}

static void an_answer_can_satisfy_a_schema(void **state UNUSED)
{
	struct bench b;

	set_up(&b, "");
	CHECK(has(chat(&b, "m", false,
		       "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{"
		       "\"name\":\"s\",\"schema\":{\"$defs\":{\"T\":{\"type\":\"integer\","
		       "\"minimum\":100}},\"type\":\"object\",\"properties\":{\"a\":{"
		       "\"$ref\":\"#/$defs/T\"},\"b\":{\"anyOf\":[{\"type\":\"null\"}]}}}}},"),
		  "\"content\":\"{\\\"a\\\":10"));
	/* a schema that refers to itself ends */
	CHECK(has(chat(&b, "m", false,
		       "\"response_format\":{\"type\":\"json_schema\",\"json_schema\":{"
		       "\"schema\":{\"type\":\"object\",\"properties\":{\"a\":{\"$ref\":\"#\""
		       "}}}}},"),
		  "{\\\"a\\\":null}"));
	tear_down(&b);
}

static void errors_come_in_the_shapes_of_other_providers(void **state UNUSED)
{
	static const struct {
		const char *shape, *body;
	} rows[] = {
		{ "string", "\r\n\r\n{\"error\":\"M\"}" },
		{ "array", "\r\n\r\n[{\"error\":{\"message\":\"M\",\"type\":" },
		{ "flat", "\r\n\r\n{\"message\":\"M\",\"type\":" },
		{ "detail", "\r\n\r\n{\"detail\":\"M\"}" },
		{ "fault", "\r\n\r\n{\"fault\":{\"faultstring\":\"M\"," },
		{ "base_resp", "{\"base_resp\":{\"status_code\":1002,\"status_msg\":\"M\"}}" },
		{ "html", "Content-Type: text/html\r\n" },
		{ "text", "\r\n\r\nM" },
		{ "empty", "Content-Length: 0\r\n\r\n" },
	};
	struct bench b;

	set_up(&b, "status=429&retry-after-ms=1500&error-message=M");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct slice got;
		char model[64];

		snprintf(model, sizeof(model), "m?shape=%s", rows[i].shape);
		got = chat(&b, model, true, "");
		CHECK(slice_starts(got, LIT("HTTP/1.1 429 ")));
		CHECK(has(got, "retry-after-ms: 1500\r\n"));
		CHECK(has(got, rows[i].body));
		CHECK_INT(last(&b)->end, MOCK_COMPLETE);
	}
	tear_down(&b);
}

static void faults_by_rate_repeat_with_the_seed(void **state UNUSED)
{
	unsigned seen[2] = { 0, 0 };

	for (unsigned run = 0; run < 2; run++) {
		struct bench b;

		set_up(&b, "error-rate=0.5&error-status=503&seed=9");
		for (unsigned i = 0; i < 20; i++)
			seen[run] |= has(chat(&b, "m", false, ""), " 503 ") ? 1U << i : 0;
		tear_down(&b);
	}
	CHECK_INT(seen[0], seen[1]);
	CHECK(seen[0] != 0 && seen[0] != (1U << 20) - 1);
}

static void a_fault_may_be_for_a_share_of_the_requests(void **state UNUSED)
{
	unsigned seen[2] = { 0, 0 };

	for (unsigned run = 0; run < 2; run++) {
		struct bench b;

		set_up(&b, "fail=error_200&fail-rate=0.5&seed=9");
		for (unsigned i = 0; i < 20; i++)
			seen[run] |= has(chat(&b, "m", false, ""), "\"error\"") ? 1U << i : 0;
		CHECK(has(chat(&b, "m?fail-rate=1", false, ""), "\"error\""));
		CHECK(has(chat(&b, "m?fail-rate=0", true, ""), "[DONE]"));
		tear_down(&b);
	}
	CHECK_INT(seen[0], seen[1]);
	CHECK(seen[0] != 0 && seen[0] != (1U << 20) - 1);
}

static void a_log_normal_delay_has_its_median_and_its_99th_percentile(void **state UNUSED)
{
	enum { DRAWS = 100000 };
	unsigned above_median = 0, above_p99 = 0;
	struct mock_options *o;
	struct test_mem t;
	struct arena a;
	struct rng rng;

	test_mem_init(&t, 0);
	arena_init(&a, &t.mem, 1024, 1 << 20);
	o = mock_options_new(&a);
	CHECK_RC(mock_options_query(o, LIT("ttft=600ms~8s"), &a, NULL), OK);
	rng_seed(&rng, 1);
	for (unsigned i = 0; i < DRAWS; i++) {
		uint64_t us = mock_delay_us(&o->ttft, &rng);

		above_median += us > 600000;
		above_p99 += us > 8000000;
	}
	/* Four standard deviations around what is right. */
	CHECK(above_median > DRAWS / 2 - 632 && above_median < DRAWS / 2 + 632);
	CHECK(above_p99 > DRAWS / 100 - 126 && above_p99 < DRAWS / 100 + 126);
	arena_free(&a);
	CHECK_INT(t.live, 0);
}

static void other_endpoints_answer(void **state UNUSED)
{
	struct bench b;
	struct slice got;

	set_up(&b, "models=a, b&tokens=2");
	got = get(&b, "GET", "/x/models", "");
	CHECK(has(got, "\"id\":\"a\"") && has(got, "\"id\":\"b\""));
	got = get(&b, "POST", "/v1/completions", "{\"model\":\"m\",\"prompt\":\"p\"}");
	CHECK(has(got, "\"object\":\"text_completion\"") && has(got, "\"text\":\"fish sea\""));
	got = get(&b, "POST", "/v1/embeddings",
		  "{\"model\":\"m\",\"input\":[\"p\",\"q\"],\"dimensions\":2}");
	CHECK_INT(count(got, "\"embedding\":["), 2);
	got = get(&b, "POST", "/v1/embeddings",
		  "{\"model\":\"m\",\"input\":\"p\",\"dimensions\":3,"
		  "\"encoding_format\":\"base64\"}");
	CHECK_INT(slice_find(got, LIT("\",")) != SLICE_NONE, 1);
	CHECK(has(got, "\"embedding\":\""));
	CHECK(has(get(&b, "GET", "/nowhere", ""), " 404 "));
	CHECK(has(get(&b, "POST", "/v1/chat/completions", "{\"model\":"), " 400 "));
	CHECK(has(get(&b, "POST", "/v1/chat/completions", "{\"model\":\"m\"}"), "'messages'"));
	tear_down(&b);
}

static void a_key_is_asked_for_and_never_shown(void **state UNUSED)
{
	struct bench b;
	struct slice got;

	set_up(&b, "key=sk-secret-1234");
	CHECK(has(chat(&b, "m", false, ""), " 200 OK"));
	got = get(&b, "GET", "/mock/records", "");
	CHECK(has(got, "[\"Authorization\",\"***1234\"]"));
	CHECK(!has(got, "secret"));
	CHECK_RC(mock_set(b.mock, LIT("key=other"), NULL), OK);
	CHECK(has(chat(&b, "m", false, ""), " 401 "));
	tear_down(&b);
}

static void the_control_steers_and_is_not_recorded(void **state UNUSED)
{
	struct bench b;

	/* Faults for all requests do not hit the control. */
	set_up(&b, "fail=close");
	CHECK(has(get(&b, "GET", "/mock/health", ""), "\"status\":\"ok\""));
	CHECK(has(get(&b, "POST", "/mock/options", "fail=none&tokens=1"), " 200 "));
	CHECK(has(get(&b, "POST", "/mock/script", "[\"text=scripted\"]"), "\"script_left\":1"));
	CHECK(has(get(&b, "POST", "/mock/script", "{}"), "a script is a JSON list"));
	CHECK(has(chat(&b, "m", false, ""), "\"scripted\""));
	CHECK_INT(mock_record_n(b.mock), 1);
	CHECK(has(get(&b, "GET", "/mock/records", ""), "\"end\":\"complete\""));
	CHECK(!has(get(&b, "GET", "/mock/records?since=1", ""), "\"seq\""));
	CHECK(has(get(&b, "GET", "/mock/text?tokens=1", ""), "{\"text\":\"fish\"}"));
	CHECK(has(get(&b, "DELETE", "/mock/records", ""), " 200 "));
	CHECK_INT(mock_record_n(b.mock), 0);
	CHECK(has(get(&b, "GET", "/mock/nothing", ""), " 404 "));
	tear_down(&b);
}

static void records_are_bounded_by_number_and_bytes(void **state UNUSED)
{
	struct bench b;

	set_up(&b, "records=3");
	for (unsigned i = 0; i < 5; i++)
		chat(&b, "m", false, "");
	CHECK_INT(mock_record_n(b.mock), 3);
	CHECK_INT(mock_record(b.mock, 0)->seq, 3);
	CHECK_RC(mock_set(b.mock, LIT("record-bytes=1"), NULL), OK);
	chat(&b, "m", false, "");
	CHECK_INT(mock_record_n(b.mock), 0);
	tear_down(&b);
}

static void pipelined_requests_are_answered_in_order(void **state UNUSED)
{
	struct bench b;
	struct slice got;

	set_up(&b, "ttft=10ms&models=a");
	got = talk(&b,
		   LIT("GET /v1/models/one HTTP/1.1\r\nHost: m\r\n\r\n"
		       "GET /v1/models/two HTTP/1.1\r\nHost: m\r\n\r\n"
		       "GET /v1/models/three HTTP/1.1\r\nHost: m\r\nConnection: close\r\n\r\n"),
		   SECOND);
	CHECK_INT(count(got, "HTTP/1.1 200 OK"), 3);
	CHECK(slice_find(got, LIT("\"one\"")) < slice_find(got, LIT("\"two\"")));
	CHECK(slice_find(got, LIT("\"two\"")) < slice_find(got, LIT("\"three\"")));
	CHECK(b.ended && b.why == E_CLOSED);
	tear_down(&b);
}

static void a_connection_can_be_closed_unannounced(void **state UNUSED)
{
	struct bench b;

	set_up(&b, "close-after=2&idle=5s");
	CHECK(has(chat(&b, "m", false, ""), "200 OK"));
	CHECK(b.ended); /* idle for 10 s of virtual time */
	hang_up(&b, CONN_NOW);
	CHECK_RC(mock_set(b.mock, LIT("idle=0"), NULL), OK);
	CHECK(has(chat(&b, "m", false, ""), "200 OK"));
	CHECK(!b.ended);
	CHECK(!has(chat(&b, "m", false, ""), "Connection: close"));
	CHECK(b.ended);
	tear_down(&b);
}

static void durations_and_ranges_are_read_strictly(void **state UNUSED)
{
	static const char *const good[] = {
		"ttft=0",       "ttft=1.5s",    "ttft=10ms..20ms", "ttft=20ms~0.5",
		"tokens=3..9",  "size=3k",      "error_rate=0.25", "at=half",
		"split-gap=2m", "ttft=20ms~1s", "fail-rate=0.1"
	};
	static const char *const bad[] = { "ttft=5",       "ttft=1h",     "ttft=20ms..10ms",
					   "ttft=20ms~",   "tokens=9..3", "tokens=-1",
					   "error-rate=2", "at=",         "words=0",
					   "echo=perhaps", "size=99999k", "ttft=20ms~10ms",
					   "ttft=0~1s",    "fail-rate=2" };
	struct mock_options *o;
	struct test_mem t;
	struct arena a;

	test_mem_init(&t, 0);
	arena_init(&a, &t.mem, 1024, 1 << 20);
	o = mock_options_new(&a);
	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		CHECK_RC(mock_options_query(o, slice_cstr(good[i]), &a, NULL), OK);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (mock_options_query(o, slice_cstr(bad[i]), &a, NULL) != E_BAD) {
			print_error("%s was taken\n", bad[i]);
			CHECK(false);
		}
	}
	arena_free(&a);
	CHECK_INT(t.live, 0);
}

/* Memory that runs out anywhere costs a connection, never the process, and never a wrong
 * answer. */
static void running_out_of_memory_costs_one_connection(void **state UNUSED)
{
	for (uint64_t at = 1;; at++) {
		struct sim_mem_stats m;
		struct bench b;
		struct slice got;

		set_up(&b, "tokens=3");
		sim_mem_fail(b.server, at, 0);
		got = chat(&b, "m?tools=1", true, TOOLS);
		sim_mem_stats(b.server, &m);
		CHECK(m.failed == 0 || got.n == 0 || (b.ended && b.why == E_RESET) ||
		      !slice_starts(got, LIT("HTTP/1.1 200 ")) ||
		      slice_ends(got, LIT("[DONE]\n\n\r\n0\r\n\r\n")));
		hang_up(&b, CONN_NOW);
		CHECK(has(chat(&b, "m", false, ""), "200 OK"));
		tear_down(&b);
		if (m.failed == 0)
			return;
		CHECK(at < 10000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_answer_says_what_the_record_says),
		cmocka_unit_test(a_stream_comes_word_by_word_in_time),
		cmocka_unit_test(usage_is_told_only_when_asked_for),
		cmocka_unit_test(the_same_request_gets_the_same_bytes_kept_or_not),
		cmocka_unit_test(a_model_name_carries_options_and_a_wrong_one_is_told),
		cmocka_unit_test(a_script_is_used_up_in_order),
		cmocka_unit_test(a_connection_can_be_refused),
		cmocka_unit_test(the_peer_going_away_is_noticed),
		cmocka_unit_test(each_fault_is_what_it_says),
		cmocka_unit_test(a_stall_with_an_end_goes_on),
		cmocka_unit_test(the_look_of_a_stream_can_be_changed),
		cmocka_unit_test(a_huge_event_passes_a_small_window),
		cmocka_unit_test(tools_are_called_in_pieces_and_in_parallel),
		cmocka_unit_test(an_answer_can_satisfy_a_schema),
		cmocka_unit_test(errors_come_in_the_shapes_of_other_providers),
		cmocka_unit_test(faults_by_rate_repeat_with_the_seed),
		cmocka_unit_test(a_fault_may_be_for_a_share_of_the_requests),
		cmocka_unit_test(a_log_normal_delay_has_its_median_and_its_99th_percentile),
		cmocka_unit_test(other_endpoints_answer),
		cmocka_unit_test(a_key_is_asked_for_and_never_shown),
		cmocka_unit_test(the_control_steers_and_is_not_recorded),
		cmocka_unit_test(records_are_bounded_by_number_and_bytes),
		cmocka_unit_test(pipelined_requests_are_answered_in_order),
		cmocka_unit_test(a_connection_can_be_closed_unannounced),
		cmocka_unit_test(durations_and_ranges_are_read_strictly),
		cmocka_unit_test(running_out_of_memory_costs_one_connection),
	};

	return cmocka_run_group_tests_name("mock", tests, NULL, NULL);
}
