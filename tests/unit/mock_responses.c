/* The simulator as OpenAI's Responses. */
#include "mock_peer.h"

#define PATH "/v1/responses"
#define AUTH "Authorization: Bearer k\r\n"
#define TOP  "{\"model\":\"m\","
#define HI   "\"input\":\"hi\""
#define TOOLS                                                                                  \
	"\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":{\"type\":"           \
	"\"object\","                                                                          \
	"\"properties\":{\"city\":{\"const\":\"Bern\"}}}},{\"type\":\"function\",\"name\":"    \
	"\"g\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}],"
#define CALL                                                                                   \
	"{\"role\":\"user\",\"content\":\"x\"},{\"type\":\"function_call\",\"call_id\":\"a\"," \
	"\"name\":\"f\",\"arguments\":\"{}\"}"

static struct slice ask(struct bench *b, const char *more, const char *text)
{
	char body[4096];

	snprintf(body, sizeof(body),
		 TOP "%s\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_text\","
		     "\"text\":\"%s\"}]}]}",
		 more, text);
	return post(b, PATH, AUTH, body);
}

#define THINK                                                                                  \
	"\"reasoning\":{\"effort\":\"low\",\"summary\":\"auto\"},\"include\":["                \
	"\"reasoning.encrypted_content\",\"message.output_text.logprobs\"],"

static void a_plain_answer_is_a_list_of_items(void **state UNUSED)
{
	struct bench b;
	struct slice got;

	set_up(&b, "");
	got = ask(&b, THINK TOOLS, "mock: text=yes tools=2 prompt-tokens=9 cached-tokens=4");
	CHECK(has(got, "\"output\":[{\"id\":\"rs_"));
	CHECK(has(got, "\"summary\":[{\"type\":\"summary_text\",\"text\":\""));
	CHECK(has(got, "\"encrypted_content\":\""));
	CHECK(has(got,
		  "\"content\":[{\"type\":\"output_text\",\"text\":\"yes\",\"annotations\":[],"
		  "\"logprobs\":[{\"token\":\"yes\",\"logprob\":-0.25,"));
	CHECK(has(got, "\"name\":\"f\",\"arguments\":\"{\\\"city\\\":\\\"Bern\\\"}\"}"));
	CHECK(has(got, "\"usage\":{\"input_tokens\":9,\"input_tokens_details\":{"
		       "\"cached_tokens\":4,"));
	CHECK(has(got, "\"output_tokens_details\":{\"reasoning_tokens\":8}"));
	/* what was not asked for is not shown */
	got = ask(&b, "", "mock: reasoning=3 text=yes");
	CHECK(has(got, "\"type\":\"reasoning\",\"summary\":[]}"));
	tear_down(&b);
}

static void a_stream_has_every_event_in_order(void **state UNUSED)
{
	static const char *const order[] = {
		("event: response.created\ndata: {\"type\":\"response.created\","
		 "\"sequence_number\":0,\"response\":{\"id\":\"resp_"),
		"event: response.in_progress\n",
		"\"sequence_number\":2,\"output_index\":0,",
		"event: response.reasoning_summary_part.added\n",
		"event: response.reasoning_summary_text.delta\n",
		"event: response.reasoning_summary_text.done\n",
		"event: response.reasoning_summary_part.done\n",
		"event: response.output_item.done\n",
		"\"encrypted_content\":\"",
		"event: response.output_item.added\n",
		"\"output_index\":1,\"item\":{\"id\":\"msg_",
		"event: response.content_part.added\n",
		"event: response.output_text.delta\n",
		"\"output_index\":1,\"content_index\":0,\"delta\":\"one\"",
		"\"delta\":\" two\"",
		"event: response.output_text.annotation.added\n",
		"event: response.output_text.done\n",
		"event: response.content_part.done\n",
		"event: response.output_item.done\n",
		"\"output_index\":2,\"item\":{\"id\":\"fc_",
		"event: response.function_call_arguments.delta\n",
		"event: response.function_call_arguments.done\n",
		"\"name\":\"f\",\"arguments\":\"{\\\"city\\\":\\\"Bern\\\"}\"}",
		"\"output_index\":3,\"item\":{\"id\":\"fc_",
		"event: response.output_item.done\n",
		"event: response.completed\ndata: {\"type\":\"response.completed\"",
		"\"usage\":{\"input_tokens\":",
	};
	struct bench b;
	struct slice got;

	set_up(&b, "");
	got = ask(&b, "\"stream\":true," THINK TOOLS,
		  "mock: text=\\\"one two\\\" tools=2 citations=1");
	CHECK(!has(got, "[DONE]"));
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
		{ "length", "\"incomplete_details\":{\"reason\":\"max_output_tokens\"}" },
		{ "content_filter", "\"incomplete_details\":{\"reason\":\"content_filter\"}" },
		{ "refusal", "{\"type\":\"refusal\",\"refusal\":\"no\"}" },
		{ "error", "\"status\":\"failed\",\"background\":false,\"error\":{\"code\":"
			   "\"server_error\"" },
		{ "stop", "\"status\":\"completed\"" },
	};
	struct bench b;

	set_up(&b, "");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[64];

		snprintf(text, sizeof(text), "mock: text=no finish=%s", rows[i].body);
		CHECK(has(ask(&b, "", text), rows[i].says));
		CHECK(has(ask(&b, "\"stream\":true,", text), rows[i].says));
	}
	CHECK(has(ask(&b, "\"stream\":true,", "mock: finish=length"),
		  "event: response.incomplete\n"));
	CHECK(has(ask(&b, "\"stream\":true,", "mock: fail=error_mid"),
		  "event: error\ndata: {\"type\":\"error\","));
	CHECK(has(ask(&b, "", "mock: status=429"), "\"code\":\"rate_limit_exceeded\"}}"));
	tear_down(&b);
}

static void calls_can_take_turns(void **state UNUSED)
{
	struct bench b;
	struct slice got;

	set_up(&b, "tools=2&interleave=on&arg-bytes=1");
	got = ask(&b, "\"stream\":true," TOOLS, "hi");
	CHECK_INT(count(got, "event: response.output_item.added\n"), 2);
	CHECK_INT(count(got, "event: response.output_item.done\n"), 2);
	CHECK(slice_find(got, LIT("\"output_index\":1,\"delta\":\"{\"")) <
	      slice_find(got, LIT("\"output_index\":0,\"delta\":\"}\"")));
	tear_down(&b);
}

static void what_the_api_refuses_is_refused(void **state UNUSED)
{
	static const struct mock_case rows[] = {
		{ "{" HI "}", "'model'" },
		{ TOP "\"messages\":[]}", "Unknown parameter: 'messages'" },
		{ TOP "\"x\":1}", "Unknown parameter: 'x'" },
		{ "{\"model\":\"m\"}", "Missing required parameter: 'input'" },
		{ TOP "\"max_output_tokens\":5," HI "}", "Expected a value >= 16" },
		{ TOP "\"previous_response_id\":\"r\"," HI "}", "'r' not found" },
		{ TOP "\"input\":[{\"role\":\"tool\",\"content\":\"x\"}]}",
		  "Invalid value: 'tool' at 'input[0].role'" },
		{ TOP "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
		      "\"x\"}]}]}",
		  "input[0].content[0].type" },
		{ TOP
		  "\"input\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"input_text\","
		  "\"text\":\"x\"}]}]}",
		  "output_text refusal" },
		{ TOP "\"input\":[{\"role\":\"user\",\"content\":[{\"type\":\"input_image\","
		      "\"image_url\":{\"url\":\"https://x\"}}]}]}",
		  "data URL" },
		{ TOP "\"input\":[" CALL "]}", "No tool output found for function call a" },
		{ TOP "\"input\":[{\"type\":\"function_call_output\",\"call_id\":\"a\","
		      "\"output\":\"x\"}]}",
		  "No tool call found" },
		{ TOP "\"input\":[{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[]},{"
		      "\"role\":\"user\",\"content\":\"x\"}]}",
		  "Items are not persisted" },
		{ TOP "\"input\":[{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[],"
		      "\"encrypted_content\":\"e\"},{\"role\":\"user\",\"content\":\"x\"}]}",
		  "encrypted content for item rs_1 could not be verified" },
		{ TOP "\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\"}}]," HI
		      "}",
		  "'tools[0].name'" },
		{ TOP "\"tool_choice\":\"required\"," HI "}", "must be specified with" },
		{ TOP "\"text\":{\"format\":{\"type\":\"json_schema\",\"json_schema\":{}}}," HI
		      "}",
		  "Unknown parameter: 'text.format.json_schema'" },
		{ TOP
		  "\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\",\"strict\":"
		  "true,\"schema\":{\"type\":\"object\",\"properties\":{}}}}," HI "}",
		  "'additionalProperties' is required" },
		{ TOP "\"reasoning_effort\":\"low\"," HI "}", "'reasoning_effort'" },
		{ TOP "\"include\":[\"all\"]," HI "}", "include[0]" },
	};
	struct bench b;

	set_up(&b, "");
	check_cases(&b, PATH, AUTH, " 400 ", rows, ARRAY_LEN(rows));
	CHECK(has(post(&b, PATH, AUTH,
		       TOP "\"input\":[" CALL ",{\"type\":\"function_call_output\",\"call_id\":"
			   "\"a\",\"output\":\"x\"}]}"),
		  "\"status\":\"completed\""));
	tear_down(&b);
}

/* A client may keep answers by their ids. */
static void the_same_answer_twice_has_two_ids(void **state UNUSED)
{
	struct bench b;
	struct slice got;
	char id[40];
	size_t at;

	set_up(&b, "");
	got = post(&b, PATH, AUTH, TOP HI "}");
	at = slice_find(got, LIT("\"id\":\"resp_"));
	CHECK(at != SLICE_NONE);
	snprintf(id, sizeof(id), "%.*s", 28, got.p + at);
	CHECK(has(got, id));
	got = post(&b, PATH, AUTH, TOP HI "}");
	CHECK(has(got, "\"id\":\"resp_") && !has(got, id));
	tear_down(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_answer_is_a_list_of_items),
		cmocka_unit_test(a_stream_has_every_event_in_order),
		cmocka_unit_test(the_end_has_its_reasons),
		cmocka_unit_test(the_same_answer_twice_has_two_ids),
		cmocka_unit_test(calls_can_take_turns),
		cmocka_unit_test(what_the_api_refuses_is_refused),
	};

	return cmocka_run_group_tests_name("mock_responses", tests, NULL, NULL);
}
