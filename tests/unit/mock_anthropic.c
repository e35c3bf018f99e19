/* The simulator as Anthropic. */
#include "mock_peer.h"

#define KEY  "x-api-key: k\r\nanthropic-version: 2023-06-01\r\n"
#define PATH "/anthropic/v1/messages"
#define TOP  "{\"model\":\"claude-x\",\"max_tokens\":100,"
#define HI   "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define TOOL                                                                                   \
	"\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\",\"properties\":{"    \
	"\"city\":{\"const\":\"Bern\"}}}},{\"name\":\"g\",\"input_schema\":{\"type\":\"object" \
	"\"}}],"

static struct slice ask(struct bench *b, const char *more, const char *text)
{
	char body[4096];

	snprintf(body, sizeof(body),
		 TOP "%s\"messages\":[{\"role\":\"user\",\"content\":\"%s\"}]}", more, text);
	return post(b, PATH, KEY, body);
}

static void a_plain_answer_is_a_message(void **state UNUSED)
{
	struct bench b;
	struct slice got;

	set_up(&b, "text=yes&prompt-tokens=50&cached-tokens=20&cache-write-tokens=5");
	got = ask(&b, "", "hi");
	CHECK(has(got, "\"content\":[{\"type\":\"text\",\"text\":\"yes\"}],"
		       "\"stop_reason\":\"end_turn\",\"stop_sequence\":null,\"usage\":{"
		       "\"input_tokens\":25,\"cache_creation_input_tokens\":5,"
		       "\"cache_read_input_tokens\":20,"));
	CHECK(has(got, "request-id: req_mock\r\n"));
	CHECK_SLICE(last(&b)->model, "claude-x");
	CHECK_SLICE(last(&b)->text, "yes");
	CHECK(last(&b)->usage_sent && last(&b)->finish_sent);
	tear_down(&b);
}

static void a_stream_has_its_events_in_order(void **state UNUSED)
{
	static const char *const order[] = {
		"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":",
		"\"content\":[],\"stop_reason\":null",
		"event: content_block_start\n",
		"{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}",
		"event: ping\n",
		"\"delta\":{\"type\":\"thinking_delta\",\"thinking\":\"",
		"\"delta\":{\"type\":\"signature_delta\",\"signature\":\"",
		"event: content_block_stop\ndata: "
		"{\"type\":\"content_block_stop\",\"index\":0}",
		"\"index\":1,\"content_block\":{\"type\":\"text\",\"text\":\"\"}",
		"\"delta\":{\"type\":\"text_delta\",\"text\":\"one\"}",
		"\"delta\":{\"type\":\"text_delta\",\"text\":\" two\"}",
		"\"type\":\"citations_delta\",\"citation\":{",
		"\"index\":1}",
		"\"index\":2,\"content_block\":{\"type\":\"tool_use\",\"id\":\"toolu_",
		"\"name\":\"f\",\"input\":{}}",
		"\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"\"}",
		"\"partial_json\":\"{\\\"city\\\":\"}",
		"\"index\":3,\"content_block\":{\"type\":\"tool_use\"",
		"\"index\":3,\"delta\":{\"type\":\"input_json_delta\",\"partial_json\":\"\"}",
		"\"index\":3}",
		"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{"
		"\"stop_reason\":\"tool_use\",\"stop_sequence\":null},\"usage\":{",
		"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
	};
	struct bench b;
	struct slice got;

	set_up(&b, "");
	got = ask(&b, "\"stream\":true," TOOL,
		  "mock: text=\\\"one two\\\" tools=2 reasoning=3 citations=1");
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		size_t at = slice_find(got, slice_cstr(order[i]));

		if (at == SLICE_NONE)
			print_error("%s\nis not in\n%.*s\n", order[i], SARG(got));
		CHECK(at != SLICE_NONE);
		got = slice_skip(got, at);
	}
	tear_down(&b);
}

static void the_end_has_its_reasons(void **state UNUSED)
{
	static const struct mock_case rows[] = {
		{ "length", "\"stop_reason\":\"max_tokens\"" },
		{ "stop_sequence",
		  "\"stop_reason\":\"stop_sequence\",\"stop_sequence\":\"Z\"" },
		{ "refusal", "\"stop_reason\":\"refusal\",\"stop_sequence\":null,"
			     "\"stop_details\":{" },
		{ "context", "\"model_context_window_exceeded\"" },
		{ "pause", "\"pause_turn\"" },
		{ "very_new", "\"stop_reason\":\"very_new\"" },
	};
	struct bench b;

	set_up(&b, "");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[64];

		snprintf(text, sizeof(text), "mock: finish=%s", rows[i].body);
		CHECK(has(ask(&b, "\"stop_sequences\":[\"Z\"],", text), rows[i].says));
		CHECK(has(ask(&b, "\"stream\":true,\"stop_sequences\":[\"Z\"],", text),
			  rows[i].says));
	}
	/* one that stands in the text ends it */
	CHECK(has(ask(&b, "\"stop_sequences\":[\"Z\"],", "mock: text=aZb"),
		  "\"text\":\"a\"}],\"stop_reason\":\"stop_sequence\""));
	tear_down(&b);
}

static void what_the_api_refuses_is_refused(void **state UNUSED)
{
	static const struct mock_case rows[] = {
		{ "{\"model\":\"m\"," HI "}", "max_tokens: Field required" },
		{ "{\"max_tokens\":5," HI "}", "model: Field required" },
		{ TOP "\"frequency_penalty\":1," HI "}", "Extra inputs are not permitted" },
		{ TOP "\"temperature\":1.5," HI "}", "temperature: range: 0..1" },
		{ TOP "\"messages\":[]}", "at least one message" },
		{ TOP "\"messages\":[{\"role\":\"tool\",\"content\":\"x\"}]}",
		  "messages.0.role: Input should be 'user' or 'assistant'" },
		{ TOP "\"messages\":[{\"role\":\"user\",\"content\":\"x\",\"name\":\"n\"}]}",
		  "messages.0.name: Extra inputs" },
		{ TOP "\"messages\":[{\"role\":\"user\",\"content\":\"\"}]}", "non-empty" },
		{ TOP "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
		      "\"text\":\"\"}]}]}",
		  "messages.0.content.0: text content blocks must be non-empty" },
		{ TOP "\"messages\":[{\"role\":\"assistant\",\"content\":\"x\"}]}",
		  "first message must use" },
		{ TOP "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\","
		      "\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":"
		      "\"aGVsbG8=\"}}]}]}",
		  "not of the type image/png" },
		{ TOP "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\","
		      "\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":"
		      "\"data:x\"}}]}]}",
		  "invalid base64" },
		{ TOP "\"tool_choice\":{\"type\":\"any\"}," HI "}", "while providing tools" },
		{ TOP "\"tools\":[{\"type\":\"function\",\"function\":{}}]," HI "}",
		  "tools.0.name" },
		{ TOP "\"tools\":[{\"name\":\"f\",\"input_schema\":{}}]," HI "}",
		  "input_schema.type" },
		{ TOP "\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024}," HI "}",
		  "`max_tokens` must be greater" },
		{ TOP "\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":{"
		      "\"type\":\"object\",\"properties\":{}}}}," HI "}",
		  "additionalProperties" },
		{ TOP "\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":"
		      "\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"a\",\"name\":"
		      "\"f\",\"input\":\"{}\"}]}]}",
		  "input: Input should be a valid dictionary" },
		{ TOP "\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":"
		      "\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"a\",\"name\":"
		      "\"f\",\"input\":{}}]},{\"role\":\"user\",\"content\":\"y\"}]}",
		  "without `tool_result` blocks immediately after: a." },
		{ TOP
		  "\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":"
		  "\"assistant\",\"content\":[{\"type\":\"tool_use\",\"id\":\"a\",\"name\":"
		  "\"f\",\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":\"text\","
		  "\"text\":\"y\"},{\"type\":\"tool_result\",\"tool_use_id\":\"a\"}]}]}",
		  "must come before other content" },
		{ TOP "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
		      "\"tool_use_id\":\"a\"}]}]}",
		  "unexpected `tool_use_id`" },
		{ TOP "\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":"
		      "\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"t\","
		      "\"signature\":\"made up\"}]},{\"role\":\"user\",\"content\":\"x\"}]}",
		  "Invalid `signature` in `thinking` block" },
		{ TOP "\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":"
		      "\"assistant\",\"content\":[{\"type\":\"redacted_thinking\",\"data\":"
		      "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\"}]},{\"role\":\"user\",\"content\":"
		      "\"x\"}]}",
		  "Invalid `data` in `redacted_thinking` block" },
	};
	struct bench b;

	set_up(&b, "");
	check_cases(&b, PATH, KEY, " 400 ", rows, ARRAY_LEN(rows));
	CHECK(has(post(&b, PATH, KEY, rows[0].body),
		  "{\"type\":\"error\",\"error\":{\"type\":\"invalid_request_error\","));
	CHECK(has(post(&b, PATH, "x-api-key: k\r\n", TOP HI "}"), "anthropic-version"));
	CHECK(has(post(&b, PATH, "anthropic-version: x\r\n", TOP HI "}"), " 401 "));
	CHECK_RC(mock_set(b.mock, LIT("strict=off"), NULL), OK);
	CHECK(has(post(&b, PATH, "", rows[0].body), " 200 OK"));
	tear_down(&b);
}

/* The value between `name":"` and the next quote. */
static struct slice member(struct slice s, const char *name)
{
	size_t at = slice_find(s, slice_cstr(name));

	CHECK(at != SLICE_NONE);
	s = slice_skip(s, at + strlen(name));
	return slice_head(s, slice_find_char(s, '"'));
}

static void a_signature_must_come_back_as_it_was_issued(void **state UNUSED)
{
	char thinking[512], sign[64], id[64], body[4096];
	struct bench b;
	struct slice got;

	set_up(&b, "");
	got = ask(&b, TOOL "\"thinking\":{\"type\":\"adaptive\"},", "mock: tools=1");
	snprintf(thinking, sizeof(thinking), "%.*s", SARG(member(got, "\"thinking\":\"")));
	snprintf(sign, sizeof(sign), "%.*s", SARG(member(got, "\"signature\":\"")));
	snprintf(id, sizeof(id), "toolu_%.*s", SARG(member(got, "\"id\":\"toolu_")));
	for (unsigned wrong = 0; wrong < 2; wrong++) {
		snprintf(body, sizeof(body),
			 TOP TOOL "\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{"
				  "\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\","
				  "\"thinking\":\"%s%s\",\"signature\":\"%s\"},{\"type\":"
				  "\"tool_use\",\"id\":\"%s\",\"name\":\"f\",\"input\":{}}]},{"
				  "\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
				  "\"tool_use_id\":\"%s\",\"content\":\"ok\"}]}]}",
			 thinking, wrong ? "!" : "", sign, id, id);
		got = post(&b, PATH, KEY, body);
		CHECK(has(got, wrong ? "Invalid `signature`" : "\"stop_reason\":\"end_turn\""));
	}
	tear_down(&b);
}

static void errors_and_faults_have_its_form(void **state UNUSED)
{
	struct bench b;

	set_up(&b, "tokens=4");
	CHECK(has(ask(&b, "", "mock: status=529"), "\"type\":\"overloaded_error\""));
	CHECK(has(ask(&b, "\"stream\":true,", "mock: fail=error_mid"),
		  "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
		  "\"overloaded_error\""));
	CHECK(!has(ask(&b, "\"stream\":true,", "mock: fail=no_done"), "event: message_stop"));
	CHECK(!has(ask(&b, "\"stream\":true,", "mock: fail=no_finish"), "message_delta"));
	CHECK(has(ask(&b, "", "mock: tokns=3"), "did you mean \\\"tokens\\\"?"));
	CHECK(has(post(&b, PATH "/count_tokens", KEY, "{\"model\":\"m\"," HI "}"),
		  "{\"input_tokens\":"));
	CHECK(has(post(&b, PATH "/count_tokens", KEY, TOP HI "}"), "Extra inputs"));
	tear_down(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_answer_is_a_message),
		cmocka_unit_test(a_stream_has_its_events_in_order),
		cmocka_unit_test(the_end_has_its_reasons),
		cmocka_unit_test(what_the_api_refuses_is_refused),
		cmocka_unit_test(a_signature_must_come_back_as_it_was_issued),
		cmocka_unit_test(errors_and_faults_have_its_form),
	};

	return cmocka_run_group_tests_name("mock_anthropic", tests, NULL, NULL);
}
