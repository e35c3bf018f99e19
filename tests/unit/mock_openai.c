/* The simulator as OpenAI, and as those who say its dialect in their own way. */
#include "mock_peer.h"

#define PATH "/v1/chat/completions"
#define AUTH "Authorization: Bearer k\r\n"
#define TOP  "{\"model\":\"m\","
#define HI   "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"
#define TOOLS                                                                                  \
	"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{"      \
	"\"type\":\"object\",\"properties\":{\"city\":{\"const\":\"B\xc3\xa9rn\"}}}}},{"       \
	"\"type\":\"function\",\"function\":{\"name\":\"g\",\"parameters\":{\"type\":"         \
	"\"object\",\"properties\":{\"n\":{\"const\":12345}}}}}],"
#define CALLED(id)                                                                             \
	"{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"assistant\",\"content\":null,"      \
	"\"tool_calls\":[{\"id\":\"" id "\",\"type\":\"function\",\"function\":{\"name\":"     \
	"\"f\",\"arguments\":\"{}\"}}]}"

/* What the user says steers it, whatever the provider. */
static struct slice ask(struct bench *b, const char *as, bool stream, const char *more,
			const char *text)
{
	char body[4096];

	snprintf(body, sizeof(body),
		 TOP "\"stream\":%s,%s\"messages\":[{\"role\":\"user\",\"content\":"
		     "\"mock: as=%s %s\"}]}",
		 stream ? "true" : "false", more, as, text);
	return post(b, PATH, AUTH, body);
}

static void each_provider_has_its_ways(void **state UNUSED)
{
	static const struct {
		const char *as;
		bool stream;
		const char *more, *text, *says;
	} rows[] = {
		{ "groq", true, "", "reasoning=2 text=a", "\"delta\":{\"reasoning\":\"" },
		{ "groq", true, "", "text=a", "\"x_groq\":{\"id\":\"req_mock\",\"usage\":{" },
		{ "groq", true, TOOLS, "tools=1",
		  "\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"city\\\":" },
		{ "together", false, "", "text=a", "\"finish_reason\":\"eos\"" },
		{ "together", true, "", "text=a",
		  "\"delta\":{\"role\":\"assistant\",\"content\":\"a\"}" },
		{ "together", false, "\"logprobs\":1,", "text=a",
		  "\"logprobs\":{\"tokens\":[\"a\"],\"token_ids\":[],\"token_logprobs\":[-0."
		  "25]" },
		{ "fireworks", false, "", "status=503 error-message=M",
		  "\r\n\r\n{\"error\":\"M\"}" },
		{ "deepseek", false, "", "text=a cached-tokens=4 prompt-tokens=10",
		  "\"prompt_cache_hit_tokens\":4,\"prompt_cache_miss_tokens\":6" },
		{ "deepseek", false, "", "text=a", "\r\n\r\n\n\n\n{\"id\"" },
		{ "deepseek", true, "", "reasoning=1 text=a",
		  "\"delta\":{\"content\":null,\"reasoning_content\":\"" },
		{ "deepseek", true, "", "text=a", ": keep-alive\n\n: keep-alive\n\ndata: {" },
		{ "xai", true, "", "text=a",
		  "[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"a\"},"
		  "\"logprobs\":null}],\"usage\"" },
		{ "xai", false, "", "text=a reasoning=5 prompt-tokens=7",
		  "\"prompt_tokens\":7,\"completion_tokens\":1,\"total_tokens\":13" },
		{ "xai", false, "", "status=400 error-message=M",
		  "\r\n\r\n{\"code\":\"invalid_value\",\"error\":\"M\"}" },
		{ "perplexity", false, "", "text=a reasoning=1 citations=2",
		  "\"citations\":[\"https://mock.example/0\",\"https://mock.example/1\"]," },
		{ "perplexity", false, "", "text=a reasoning=1", "\"content\":\"<think>\\n" },
		{ "perplexity", true, "", "text=a", "\"object\":\"chat.completion.done\"" },
		{ "openrouter", false, "", "text=a reasoning=1",
		  "\"reasoning_details\":[{\"type\":\"reasoning.text\",\"text\":" },
		{ "openrouter", true, "", "text=a", ": OPENROUTER PROCESSING\n\n" },
		{ "openrouter", true, "", "text=a fail=error_mid",
		  "\"delta\":{\"content\":\"\"},\"finish_reason\":\"error\"" },
		{ "cerebras", false, "", "status=429 error-message=M",
		  "\r\n\r\n{\"message\":\"M\",\"type\":" },
		{ "cerebras", true, "", "text=a", ",\"time_info\":{" },
		{ "mistral", false, "", "text=a reasoning=1",
		  "\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\","
		  "\"text\":" },
		{ "mistral", true, TOOLS, "tools=1", "\"delta\":{\"tool_calls\":[{\"id\":\"" },
		{ "mistral", false, "", "status=400 error-message=M",
		  "\r\n\r\n{\"object\":\"error\",\"message\":\"M\"," },
		{ "moonshot", true, "", "text=a cached-tokens=3",
		  "\"finish_reason\":\"stop\",\"usage\":{\"prompt_tokens\":" },
		{ "dashscope", true, TOOLS, "tools=1",
		  "[{\"index\":0,\"id\":\"\",\"type\":\"function\",\"function\":{\"arguments\":"
		  "\"" },
		{ "minimax", false, "", "status=429", "HTTP/1.1 200 OK" },
		{ "databricks", true, "", "text=a reasoning=1",
		  "\"delta\":{\"content\":[{\"type\":\"reasoning\",\"summary\":[{" },
		{ "databricks", true, "", "text=a reasoning=1",
		  "\"delta\":{\"content\":[{\"type\":\"text\",\"text\":\"a\"}]}" },
		{ "azure", true, "", "text=a",
		  "data: {\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\"," },
		{ "google-openai", false, TOOLS, "tools=1", "\"finish_reason\":\"stop\"" },
		{ "google-openai", false, "", "status=503", "\r\n\r\n[{\"error\":{" },
		{ "ollama", false, TOOLS, "tools=1", "\"arguments\":{\"city\":" },
	};
	struct bench b;

	set_up(&b, "");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct slice got =
			ask(&b, rows[i].as, rows[i].stream, rows[i].more, rows[i].text);

		if (!has(got, rows[i].says)) {
			print_error("%s: %s: %.*s\n", rows[i].as, rows[i].says, SARG(got));
			CHECK(false);
		}
	}
	CHECK(!has(ask(&b, "perplexity", true, "", "text=a"), "[DONE]"));
	CHECK(!has(ask(&b, "xai", true, "", "text=a"), "\"finish_reason\":null"));
	CHECK(!has(ask(&b, "openai", false, "", "text=a reasoning=3"), "reasoning_content"));
	tear_down(&b);
}

static void what_a_provider_does_not_take_is_refused(void **state UNUSED)
{
	static const struct {
		const char *as, *more, *says;
	} rows[] = {
		{ "openai", "\"top_k\":1,", "Unrecognized request argument supplied: top_k" },
		{ "groq", "\"logprobs\":true,", "Unsupported parameter: 'logprobs'" },
		{ "deepseek", "\"seed\":1,", "HTTP/1.1 422 " },
		{ "mistral", "\"seed\":1,", "extra_forbidden" },
		{ "mistral", "\"max_completion_tokens\":1,", "HTTP/1.1 422 " },
		{ "perplexity", TOOLS, "Unsupported parameter: 'tools'" },
		{ "cerebras", "\"n\":2,", "HTTP/1.1 400 " },
	};
	struct bench b;
	struct slice got;

	set_up(&b, "");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK(has(ask(&b, rows[i].as, false, rows[i].more, "text=a"), rows[i].says));
	CHECK(has(ask(&b, "mistral", false, "\"random_seed\":1,", "text=a"), " 200 OK"));
	CHECK_RC(mock_set(b.mock, LIT("as=openai"), NULL), OK);
	got = post(&b, PATH, AUTH, "{\"model\":\"o3\",\"max_tokens\":5," HI "}");
	CHECK(has(got, "'max_tokens' is not supported with this model"));
	got = post(&b, PATH, AUTH, "{\"model\":\"o3\",\"temperature\":0.5," HI "}");
	CHECK(has(got, "Only the default (1) value"));
	CHECK_RC(mock_set(b.mock, LIT("as=deepseek"), NULL), OK);
	got = post(&b, PATH, AUTH,
		   "{\"model\":\"deepseek-v4\",\"messages\":[{\"role\":\"user\",\"content\":"
		   "\"x\"},{\"role\":\"assistant\",\"content\":\"y\"},{\"role\":\"user\","
		   "\"content\":\"z\"}]}");
	CHECK(has(got, "Missing `reasoning_content`"));
	CHECK_RC(mock_set(b.mock, LIT("as=mistral"), NULL), OK);
	got = post(&b, PATH, AUTH,
		   TOP "\"messages\":[" CALLED("call_1") ",{\"role\":\"tool\","
							 "\"tool_call_id\":\"call_1\","
							 "\"content\":\"r\"}]}");
	CHECK(has(got, "tool_calls[0].id"));
	tear_down(&b);
}

static void what_the_api_refuses_is_refused(void **state UNUSED)
{
	static const struct mock_case rows[] = {
		{ TOP "\"messages\":[]}", "Invalid 'messages': empty array" },
		{ TOP "\"messages\":[{\"role\":\"model\",\"content\":\"x\"}]}",
		  "Invalid value: 'model' at 'messages[0].role'" },
		{ TOP "\"messages\":[{\"role\":\"user\",\"content\":null}]}", "got null" },
		{ TOP "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\"}]}]}",
		  "messages[0].content[0].type" },
		{ TOP "\"messages\":[{\"role\":\"system\",\"content\":[{\"type\":\"image_url\","
		      "\"image_url\":{\"url\":\"https://x\"}}]}]}",
		  "Supported values are: text" },
		{ TOP "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
		      "\"image_url\":{\"url\":\"data:image/png;base64,aGk=\"}}]}]}",
		  "not of the type image/png" },
		{ TOP "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image_url\","
		      "\"image_url\":{\"url\":\"ftp://x\"}}]}]}",
		  "Expected a valid URL" },
		{ TOP "\"messages\":[" CALLED("a") "]}", "did not have response messages: a" },
		{ TOP "\"messages\":[" CALLED("a") ",{\"role\":\"user\",\"content\":\"x\"}]}",
		  "did not have response messages: a" },
		{ TOP "\"messages\":[" CALLED("a") ",{\"role\":\"tool\",\"tool_call_id\":\"b\","
						   "\"content\":\"x\"}]}",
		  "must be a response to a preceeding message" },
		{ TOP "\"tool_choice\":\"auto\"," HI "}", "only allowed when 'tools'" },
		{ TOP "\"parallel_tool_calls\":true," HI "}", "only allowed when 'tools'" },
		{ TOP "\"tools\":[]," HI "}", "Invalid 'tools': empty array" },
		{ TOP TOOLS
		  "\"tool_choice\":{\"type\":\"function\",\"function\":{\"name\":\"h\""
		  "}}," HI "}",
		  "function 'h' not found" },
		{ TOP "\"temperature\":3," HI "}", "Invalid 'temperature'" },
		{ TOP "\"top_logprobs\":3," HI "}", "must be set to true" },
		{ TOP "\"stop\":[\"1\",\"2\",\"3\",\"4\",\"5\"]," HI "}", "array too long" },
		{ TOP "\"stream_options\":{}," HI "}", "only allowed when 'stream'" },
		{ TOP "\"max_tokens\":1,\"max_completion_tokens\":1," HI "}",
		  "at the same time" },
		{ TOP "\"reasoning_effort\":\"much\"," HI "}", "'much' at 'reasoning_effort'" },
	};
	struct bench b;

	set_up(&b, "");
	check_cases(&b, PATH, AUTH, " 400 ", rows, ARRAY_LEN(rows));
	CHECK(has(post(&b, PATH, AUTH,
		       TOP "\"messages\":[" CALLED("a") ",{\"role\":\"tool\",\"tool_call_id\":"
							"\"a\",\"content\":\"x\"}]}"),
		  " 200 OK"));
	CHECK(has(post(&b, "/v1/embeddings", AUTH, TOP "\"input\":\"\"}"), "empty string"));
	CHECK(has(post(&b, "/openai/deployments/dep%3Ftext=a/chat/completions?api-version=1",
		       "api-key: k\r\n", "{" HI "}"),
		  "\"content\":\"a\""));
	tear_down(&b);
}

/* Reasoning that OpenRouter signed must come back with its signature. */
static void details_must_come_back_unchanged(void **state UNUSED)
{
	struct bench b;

	set_up(&b, "as=openrouter");
	CHECK(has(post(&b, PATH, AUTH,
		       TOP "\"messages\":[{\"role\":\"user\",\"content\":\"x\"},{\"role\":"
			   "\"assistant\",\"content\":\"y\",\"reasoning_details\":[{\"type\":"
			   "\"reasoning.text\",\"text\":\"t\",\"signature\":\"s\"}]}]}"),
		  "reasoning_details[0]: Invalid signature"));
	tear_down(&b);
}

static void refusals_citations_and_counters_are_told(void **state UNUSED)
{
	struct bench b;

	set_up(&b, "");
	for (unsigned stream = 0; stream < 2; stream++) {
		const char *more = stream ? "\"stream_options\":{\"include_usage\":true}," : "";
		struct slice got;

		got = chat(&b, "m?finish=refusal&text=no", stream, more);
		CHECK(has(got, "\"refusal\":\"no\"") && has(got, "\"finish_reason\":\"stop\""));
		got = chat(&b, "m?citations=1&text=a", stream, more);
		CHECK(has(got,
			  "\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{"));
		got = chat(&b,
			   "m?finish=content_filter&prompt-tokens=9&cached-tokens=2&audio-"
			   "tokens=1&cache-write-tokens=3&reasoning=4&text=a",
			   stream, more);
		CHECK(has(got,
			  "\"prompt_tokens\":9,\"completion_tokens\":5,\"total_tokens\":14,"
			  "\"prompt_tokens_details\":{\"cached_tokens\":2,\"audio_tokens\":"
			  "1,\"cache_write_tokens\":3},\"completion_tokens_details\":{"
			  "\"reasoning_tokens\":4,"));
		CHECK(has(got, "\"finish_reason\":\"content_filter\""));
		CHECK(has(got, "\"reasoning_content\":\""));
	}
	CHECK(has(chat(&b, "m?finish=blocked", true, ""), " 400 "));
	tear_down(&b);
}

/* A piece of arguments never ends inside of a character, and calls may take turns. */
static void arguments_are_cut_between_characters(void **state UNUSED)
{
	struct bench b;
	struct slice got;

	set_up(&b, "tools=2&arg-bytes=1&interleave=on");
	got = post(&b, PATH, AUTH, TOP TOOLS "\"stream\":true," HI "}");
	CHECK(has(got, "{\"arguments\":\"\xc3\xa9\"}"));
	CHECK(!has(got, "\xef\xbf\xbd"));
	CHECK(slice_find(got, LIT("{\"index\":1,\"function\":{\"arguments\":\"{\"")) <
	      slice_find(got, LIT("{\"index\":0,\"function\":{\"arguments\":\"}\"")));
	tear_down(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_provider_has_its_ways),
		cmocka_unit_test(what_a_provider_does_not_take_is_refused),
		cmocka_unit_test(what_the_api_refuses_is_refused),
		cmocka_unit_test(details_must_come_back_unchanged),
		cmocka_unit_test(refusals_citations_and_counters_are_told),
		cmocka_unit_test(arguments_are_cut_between_characters),
	};

	return cmocka_run_group_tests_name("mock_openai", tests, NULL, NULL);
}
