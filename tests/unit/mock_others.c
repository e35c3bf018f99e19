/* The simulator as Cohere and as Ollama; and what holds for all dialects alike. */
#include "mock_peer.h"

#define BEARER "Authorization: Bearer k\r\n"

/* ---- Cohere --------------------------------------------------------------------------------
 */

#define COHERE "/v2/chat"
#define TOOLS                                                                                  \
	"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{"      \
	"\"type\":\"object\",\"properties\":{\"city\":{\"const\":\"Bern\"}}}}},{\"type\":"     \
	"\"function\",\"function\":{\"name\":\"g\",\"parameters\":{\"type\":\"object\"}}}],"
#define HI "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define CALL(arguments)                                                                        \
	"{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\",\"tool_calls\":[{"      \
	"\"id\":\"a\",\"type\":\"function\",\"function\":{\"name\":\"f\","                     \
	"\"arguments\":" arguments "}}]}"

static struct slice ask(struct bench *b, const char *path, const char *more, const char *text)
{
	char body[4096];

	snprintf(body, sizeof(body),
		 "{\"model\":\"m\",%s\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}",
		 more, text);
	return post(b, path, BEARER, body);
}

static void in_order(struct slice got, const char *const *order, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		size_t at = slice_find(got, slice_cstr(order[i]));

		if (at == SLICE_NONE)
			print_error("%s\nis not in\n%.*s\n", order[i], SARG(got));
		CHECK(at != SLICE_NONE);
		got = slice_skip(got, at);
	}
}

static void cohere_answers_plainly(void **state UNUSED)
{
	struct bench b;
	struct slice got;

	set_up(&b, "");
	got = ask(&b, COHERE, "\"logprobs\":true,\"thinking\":{\"type\":\"enabled\"},",
		  "mock: text=yes citations=1 prompt-tokens=9 cached-tokens=4");
	CHECK(has(got, "\"finish_reason\":\"COMPLETE\",\"message\":{\"role\":\"assistant\","
		       "\"content\":[{\"type\":\"thinking\",\"thinking\":\""));
	CHECK(has(got, ",{\"type\":\"text\",\"text\":\"yes\"}],\"citations\":[{\"start\":0,"));
	CHECK(has(got,
		  "\"usage\":{\"billed_units\":{\"input_tokens\":9,\"output_tokens\":9},"
		  "\"tokens\":{\"input_tokens\":75,\"output_tokens\":9},\"cached_tokens\":4}"));
	CHECK(has(got,
		  "\"logprobs\":[{\"token_ids\":[1],\"text\":\"yes\",\"logprobs\":[-0.25]}]"));
	got = ask(&b, COHERE, TOOLS, "mock: tools=2 text=plan");
	CHECK(has(got, "\"message\":{\"role\":\"assistant\",\"tool_plan\":\"plan\","
		       "\"tool_calls\":[{\"id\":\"call_"));
	CHECK(has(got, "\"finish_reason\":\"TOOL_CALL\""));
	CHECK(has(ask(&b, COHERE, "", "mock: finish=length"), "\"MAX_TOKENS\""));
	CHECK(has(ask(&b, COHERE, "", "mock: finish=error"), "\"finish_reason\":\"ERROR\""));
	got = post(&b, "/v2/embed", BEARER,
		   "{\"model\":\"m\",\"input_type\":\"search_query\",\"texts\":[\"a\",\"b\"],"
		   "\"embedding_types\":[\"float\"],\"output_dimension\":2}");
	CHECK(has(got, "\"embeddings\":{\"float\":[[") && has(got, "\"billed_units\""));
	CHECK(has(post(&b, "/v2/embed", BEARER, "{\"model\":\"m\",\"texts\":[\"a\"]}"),
		  "valid input_type"));
	tear_down(&b);
}

static void cohere_streams_its_events(void **state UNUSED)
{
	static const char *const order[] = {
		"event: message-start\ndata: {\"id\":\"",
		"event: content-start\ndata: "
		"{\"type\":\"content-start\",\"index\":0,\"delta\":{"
		"\"message\":{\"content\":{\"type\":\"thinking\"",
		"event: content-delta\n",
		"event: content-end\n",
		"\"index\":1,\"delta\":{\"message\":{\"content\":{\"type\":\"text\"",
		"\"delta\":{\"message\":{\"content\":{\"text\":\"one\"}}}",
		"event: citation-start\n",
		"event: citation-end\n",
		("event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{"
		 "\"finish_reason\":\"COMPLETE\",\"usage\":{"),
	};
	static const char *const calls[] = {
		"event: tool-plan-delta\n",
		"event: tool-call-start\ndata: "
		"{\"type\":\"tool-call-start\",\"index\":0,\"delta\":{"
		"\"message\":{\"tool_calls\":{\"id\":\"call_",
		"event: tool-call-delta\n",
		"event: tool-call-end\n",
		"\"type\":\"tool-call-start\",\"index\":1",
		"\"finish_reason\":\"TOOL_CALL\"",
	};
	struct bench b;

	set_up(&b, "");
	in_order(ask(&b, COHERE, "\"stream\":true,",
		     "mock: text=\\\"one two\\\" reasoning=2 citations=1"),
		 order, ARRAY_LEN(order));
	in_order(ask(&b, COHERE, "\"stream\":true," TOOLS, "mock: text=plan tools=2"), calls,
		 ARRAY_LEN(calls));
	CHECK(has(
		ask(&b, COHERE, "\"stream\":true,", "mock: fail=error_mid"),
		"\"delta\":{\"error\":\"internal server error\",\"finish_reason\":\"ERROR\"}"));
	tear_down(&b);
}

static void cohere_refuses_what_it_refuses(void **state UNUSED)
{
	static const struct mock_case rows[] = {
		{ "{" HI "}", "model is required" },
		{ "{\"model\":\"m\",\"messages\":[]}", "at least one message" },
		{ "{\"model\":\"m\",\"messages\":[{\"role\":\"developer\",\"content\":\"x\"}]}",
		  "invalid role 'developer'" },
		{ "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"\"}]}",
		  "non-empty content" },
		{ "{\"model\":\"m\",\"messages\":[" CALL("{}") "]}", "invalid tool call" },
		{ "{\"model\":\"m\",\"messages\":[" CALL("\"{}\"") "]}",
		  "no corresponding tool message" },
		{ "{\"model\":\"m\",\"messages\":[" CALL(
			  "\"{}\"") ",{\"role\":\"tool\","
				    "\"tool_call_id\":\"b\",\"content\":\"x\"}]}",
		  "not found in previous tool calls" },
		{ "{\"model\":\"m\",\"tool_choice\":\"auto\"," TOOLS HI "}", "REQUIRED, NONE" },
		{ "{\"model\":\"m\",\"temperature\":1.5," HI "}", "between 0 and 1" },
		{ "{\"model\":\"m\",\"p\":1," HI "}", "between 0.01 and 0.99" },
		{ "{\"model\":\"m\",\"response_format\":{\"type\":\"json_schema\"}," HI "}",
		  "text, json_object" },
		{ "{\"model\":\"m\",\"response_format\":{\"type\":\"json_object\"}," TOOLS HI
		  "}",
		  "cannot specify both" },
	};
	struct bench b;

	set_up(&b, "");
	check_cases(&b, COHERE, BEARER, " 400 ", rows, ARRAY_LEN(rows));
	CHECK(has(post(&b, COHERE, BEARER, "{\"model\":\"m\",\"top_p\":1," HI "}"), " 422 "));
	CHECK(has(post(&b, COHERE, BEARER,
		       "{\"model\":\"m\",\"messages\":[" CALL(
			       "\"{}\"") ",{\"role\":\"tool\","
					 "\"tool_call_id\":\"a\",\"content\":[{\"type\":"
					 "\"document\",\"document\":{"
					 "\"data\":\"x\"}}]}]}"),
		  " 200 OK"));
	tear_down(&b);
}

/* ---- Ollama --------------------------------------------------------------------------------
 */

#define OLLAMA "/api/chat"

static void ollama_streams_lines_unless_told_not_to(void **state UNUSED)
{
	struct bench b;
	struct slice got;

	set_up(&b, "");
	got = ask(&b, OLLAMA, "\"think\":true," TOOLS, "mock: text=\\\"one two\\\" tools=2");
	CHECK(has(got, "Content-Type: application/x-ndjson\r\n"));
	CHECK(has(got, "\"message\":{\"role\":\"assistant\",\"content\":\"\",\"thinking\":\""));
	CHECK(has(got, "\"content\":\"one\"},\"done\":false}\n"));
	CHECK(has(got, "\"function\":{\"index\":1,\"name\":\"g\",\"arguments\":{}}}]},\"done\":"
		       "false}\n"));
	CHECK(has(got, "\"done\":true,\"done_reason\":\"stop\",\"total_duration\":"));
	CHECK_INT(count(got, "\n\r\n"),
		  8 + 2 + 2 + 1 + 2); /* lines; the end of the head and of all */
	got = ask(&b, OLLAMA, "\"stream\":false,\"options\":{\"num_predict\":2},", "hi");
	CHECK(has(got, "\"done_reason\":\"length\"") && has(got, "\"eval_count\":2}"));
	CHECK(has(ask(&b, OLLAMA, "", "mock: fail=error_mid"), "\n{\"error\":\""));
	CHECK(has(post(&b, "/api/embed", "", "{\"model\":\"m\",\"input\":[\"a\",\"b\"]}"),
		  "\"embeddings\":[["));
	CHECK(has(get(&b, "GET", "/api/tags", ""), "\"name\":\"mock\""));
	tear_down(&b);
}

static void ollama_refuses_what_does_not_fit_its_types(void **state UNUSED)
{
	static const struct mock_case rows[] = {
		{ "{" HI "}", "model is required" },
		{ "{\"model\":\"m\",\"messages\":[{\"role\":\"developer\",\"content\":\"x\"}]}",
		  "invalid role" },
		{ "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":[{}]}]}",
		  "cannot unmarshal array" },
		{ "{\"model\":\"m\",\"messages\":[" CALL("\"{}\"") "]}",
		  "ToolCallFunctionArguments" },
		{ "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\","
		  "\"images\":["
		  "\"data:image/png;base64,x\"]}]}",
		  "invalid base64" },
		{ "{\"model\":\"m\",\"format\":\"yaml\"," HI "}", "invalid format" },
		{ "{\"model\":\"m\",\"think\":\"very\"," HI "}", "invalid think value" },
	};
	struct bench b;

	set_up(&b, "");
	check_cases(&b, OLLAMA, "", " 400 ", rows, ARRAY_LEN(rows));
	tear_down(&b);
}

/* ---- all -----------------------------------------------------------------------------------
 */

#define USER(text) "\"messages\":[{\"role\":\"user\",\"content\":\"" text "\"}]"
#define SAYS       "mock: %s"

/* One streaming request per dialect and framing; %s is where the user steers. */
static const struct {
	const char *name, *path, *headers, *body;
} all[] = {
	{ "openai", "/v1/chat/completions", BEARER,
	  "{\"model\":\"m\",\"stream\":true," TOOLS USER(SAYS) "}" },
	{ "responses", "/v1/responses", BEARER,
	  "{\"model\":\"m\",\"stream\":true,\"tools\":[{\"type\":\"function\",\"name\":\"f\"}],"
	  "\"input\":\"" SAYS "\"}" },
	{ "anthropic", "/v1/messages", "x-api-key: k\r\nanthropic-version: 1\r\n",
	  "{\"model\":\"m\",\"max_tokens\":99,\"stream\":true,\"tools\":[{\"name\":\"f\","
	  "\"input_schema\":{\"type\":\"object\"}}]," USER(SAYS) "}" },
	{ "gemini", "/v1beta/models/m:streamGenerateContent?alt=sse", "x-goog-api-key: k\r\n",
	  "{\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"}]}],\"contents\":[{\"parts\":"
	  "[{"
	  "\"text\":\"" SAYS "\"}]}]}" },
	{ "gemini array", "/v1beta/models/m:streamGenerateContent", "x-goog-api-key: k\r\n",
	  "{\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\"}]}],\"contents\":[{\"parts\":"
	  "[{"
	  "\"text\":\"" SAYS "\"}]}]}" },
	{ "bedrock", "/model/m/converse-stream", BEARER,
	  "{\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"f\",\"inputSchema\":{\"json\":"
	  "{"
	  "\"type\":\"object\"}}}}]},\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":"
	  "\"" SAYS "\"}]}]}" },
	{ "cohere", "/v2/chat", BEARER,
	  "{\"model\":\"m\",\"stream\":true," TOOLS USER(SAYS) "}" },
	{ "ollama", "/api/chat", "", "{\"model\":\"m\"," TOOLS USER(SAYS) "}" },
};

static struct slice steer(struct bench *b, size_t i, const char *text)
{
	char body[2048];

	struct slice form = slice_cstr(all[i].body);
	size_t at = slice_find(form, LIT("%s"));

	snprintf(body, sizeof(body), "%.*s%s%s", (int)at, form.p, text, form.p + at + 2);
	return post(b, all[i].path, all[i].headers, body);
}

static void every_fault_breaks_every_framing(void **state UNUSED)
{
	enum { KEPT, CLOSED, WAS_RESET };
	static const struct {
		const char *fail;
		int after;
	} rows[] = {
		{ "close", CLOSED },         { "reset", WAS_RESET },
		{ "close_head", CLOSED },    { "stall", KEPT },
		{ "stall_content", KEPT },   { "cut", CLOSED },
		{ "half_event", WAS_RESET }, { "truncate", KEPT },
		{ "bad_chunk", CLOSED },     { "bad_json", KEPT },
		{ "bad_frame", KEPT },       { "empty", KEPT },
		{ "nothing", KEPT },         { "bare_end", KEPT },
		{ "error_200", KEPT },       { "error_first", KEPT },
		{ "error_mid", KEPT },
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		for (size_t k = 0; k < ARRAY_LEN(rows); k++) {
			struct bench b;
			char text[64];
			bool stall = strncmp(rows[k].fail, "stall", 5) == 0;

			set_up(&b, "tokens=4");
			snprintf(text, sizeof(text), "fail=%s", rows[k].fail);
			steer(&b, i, text);
			hang_up(&b, CONN_NOW);
			if (b.ended != (rows[k].after != KEPT) ||
			    (b.ended && (b.why == E_RESET) != (rows[k].after == WAS_RESET)) ||
			    strcmp(last(&b)->fault, rows[k].fail) != 0 ||
			    last(&b)->end != (stall ? MOCK_CANCELLED : MOCK_FAULT)) {
				print_error("%s %s: %d %d\n", all[i].name, rows[k].fail,
					    b.ended, last(&b)->end);
				CHECK(false);
			}
			tear_down(&b);
		}
}

static void every_dialect_can_say_everything(void **state UNUSED)
{
	static const char *const wishes[] = {
		"tools=2 text=x reasoning=3 citations=2 limits extra interleave",
		"reasoning=2 redacted finish=length",
		"finish=refusal usage=off",
		"finish=blocked",
		("finish=context words=3 prompt-tokens=100 cached-tokens=10 "
		 "cache-write-tokens=5"),
		"finish=pause keepalive=1s ttft=3s eol=crlf comments=2 batch=3",
		"finish=error split=7 bom",
		"fail=huge size=30k",
	};

	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		for (size_t k = 0; k < ARRAY_LEN(wishes); k++) {
			struct bench b;
			struct slice got;

			set_up(&b, "tokens=4");
			got = steer(&b, i, wishes[k]);
			if (last(&b)->end != MOCK_COMPLETE ||
			    (last(&b)->status != 200 && strstr(wishes[k], "blocked") == NULL)) {
				print_error("%s, %s: %.*s\n", all[i].name, wishes[k],
					    SARG(got));
				CHECK(false);
			}
			tear_down(&b);
		}
}

/* Memory that runs out costs a connection, never the process. */
static void running_out_of_memory_costs_one_connection(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(all); i++)
		for (uint64_t at = 1;; at++) {
			struct sim_mem_stats m;
			struct bench b;
			struct slice got;

			set_up(&b, "tokens=3");
			sim_mem_fail(b.server, at, 0);
			got = steer(&b, i, "tools=1 reasoning=2 text=x");
			sim_mem_stats(b.server, &m);
			CHECK(m.failed == 0 || got.n == 0 || (b.ended && b.why == E_RESET) ||
			      !slice_starts(got, LIT("HTTP/1.1 200 ")) ||
			      slice_ends(got, LIT("\r\n0\r\n\r\n")));
			hang_up(&b, CONN_NOW);
			tear_down(&b);
			if (m.failed == 0)
				break;
			CHECK(at < 10000);
		}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(cohere_answers_plainly),
		cmocka_unit_test(cohere_streams_its_events),
		cmocka_unit_test(cohere_refuses_what_it_refuses),
		cmocka_unit_test(ollama_streams_lines_unless_told_not_to),
		cmocka_unit_test(ollama_refuses_what_does_not_fit_its_types),
		cmocka_unit_test(every_fault_breaks_every_framing),
		cmocka_unit_test(every_dialect_can_say_everything),
		cmocka_unit_test(running_out_of_memory_costs_one_connection),
	};

	return cmocka_run_group_tests_name("mock_others", tests, NULL, NULL);
}
