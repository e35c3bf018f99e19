/* The simulator as Amazon Bedrock.  Its frames are read with wire/aws_event.h, which was
 * written apart from what makes them. */
#include "mock_peer.h"

#include "wire/aws_event.h"

#define KEY  "Authorization: Bearer k\r\n"
#define PATH "/model/anthropic.claude-x%3A0/converse"
#define HI   "\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}]"
#define TOOLS                                                                                  \
	"\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"f\",\"inputSchema\":{\"json\":{" \
	"\"type\":\"object\",\"properties\":{\"city\":{\"const\":\"Bern\"}}}}}},{"             \
	"\"toolSpec\":{\"name\":\"g\",\"inputSchema\":{\"json\":{\"type\":\"object\"}}}}]},"
#define CALL                                                                                   \
	"{\"role\":\"user\",\"content\":[{\"text\":\"x\"}]},{\"role\":\"assistant\","          \
	"\"content\":[{\"toolUse\":{\"toolUseId\":\"a\",\"name\":\"f\",\"input\":{}}}]}"

static struct slice ask(struct bench *b, const char *path, const char *more, const char *text)
{
	char body[4096];

	snprintf(body, sizeof(body),
		 "{%s\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"%s\"}]}]}", more,
		 text);
	return post(b, path, KEY, body);
}

/* The frames of a chunked answer as "name payload" lines; "!why" where they break. */
static struct slice frames(struct slice got)
{
	static char text[1 << 16];
	char body[1 << 16];
	struct aws_reader reader;
	struct aws_event ev;
	struct test_mem t;
	size_t n = 0, at = slice_find(got, LIT("\r\n\r\n"));
	struct slice in;
	enum aws_step step;
	int out = 0;

	CHECK(at != SLICE_NONE);
	got = slice_skip(got, at + 4);
	for (;;) {
		size_t size = strtoul(got.p, NULL, 16);

		at = slice_find(got, LIT("\r\n"));
		if (size == 0 || at == SLICE_NONE || got.n < at + 2 + size)
			break;
		CHECK(n + size <= sizeof(body));
		memcpy(body + n, got.p + at + 2, size);
		n += size;
		got = slice_skip(got, at + 2 + size + 2);
	}
	test_mem_init(&t, 0);
	aws_init(&reader, &t.mem, 1 << 20);
	in = slice_of(body, n);
	while ((step = aws_next(&reader, &in, &ev)) == AWS_EVENT)
		out += snprintf(text + out, sizeof(text) - (size_t)out, "%s%.*s %.*s\n",
				ev.kind == AWS_EXCEPTION ? "exception " : "", SARG(ev.name),
				SARG(ev.payload));
	if (step == AWS_ERROR)
		out += snprintf(text + out, sizeof(text) - (size_t)out, "!%s\n", reader.why);
	aws_free(&reader);
	return slice_of(text, (size_t)out);
}

static void a_plain_answer_has_output_and_usage(void **state UNUSED)
{
	struct bench b;
	struct slice got;

	set_up(&b, "");
	got = ask(&b, PATH, "",
		  "mock: text=yes reasoning=2 prompt-tokens=50 cached-tokens=20 "
		  "cache-write-tokens=5");
	CHECK(has(got, "\"content\":[{\"reasoningContent\":{\"reasoningText\":{\"text\":\""));
	CHECK(has(got, "{\"text\":\"yes\"}]}},\"stopReason\":\"end_turn\",\"usage\":{"
		       "\"inputTokens\":25,\"outputTokens\":3,\"totalTokens\":53,"
		       "\"cacheReadInputTokens\":20,\"cacheWriteInputTokens\":5}"));
	CHECK_SLICE(last(&b)->model, "anthropic.claude-x:0");
	got = ask(&b, PATH, "", "mock: text=yes reasoning=2 redacted citations=1");
	CHECK(has(got, "{\"reasoningContent\":{\"redactedContent\":\""));
	CHECK(has(got,
		  "{\"citationsContent\":{\"content\":[{\"text\":\"yes\"}],\"citations\":["));
	tear_down(&b);
}

static void a_stream_is_frames_with_checksums(void **state UNUSED)
{
	static const char *const order[] = {
		"messageStart {\"role\":\"assistant\"",
		"\ncontentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"reasoningContent\":{"
		"\"text\":",
		"\ncontentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"reasoningContent\":{"
		"\"signature\":",
		"\ncontentBlockStop {\"contentBlockIndex\":0",
		"\ncontentBlockDelta {\"contentBlockIndex\":1,\"delta\":{\"text\":\"one\"}",
		"\ncontentBlockDelta {\"contentBlockIndex\":1,\"delta\":{\"text\":\" two\"}",
		"\ncontentBlockStart {\"contentBlockIndex\":2,\"start\":{\"toolUse\":{"
		"\"toolUseId\":\"tooluse_",
		"\ncontentBlockDelta "
		"{\"contentBlockIndex\":2,\"delta\":{\"toolUse\":{\"input\":"
		"\"{\\\"city\\\":\"}",
		"\ncontentBlockStart {\"contentBlockIndex\":3,",
		"\nmessageStop {\"stopReason\":\"tool_use\"",
		"\nmetadata {\"usage\":{\"inputTokens\":",
	};
	struct bench b;
	struct slice got, all;

	set_up(&b, "");
	got = ask(&b, PATH "-stream", TOOLS, "mock: text=\\\"one two\\\" tools=2 reasoning=2");
	CHECK(has(got, "Content-Type: application/vnd.amazon.eventstream\r\n"));
	all = frames(got);
	for (size_t i = 0; i < ARRAY_LEN(order); i++) {
		size_t at = slice_find(all, slice_cstr(order[i]));

		if (at == SLICE_NONE)
			print_error("%s\nis not in\n%.*s\n", order[i], SARG(all));
		CHECK(at != SLICE_NONE);
		all = slice_skip(all, at);
	}
	CHECK_INT(last(&b)->text_sent, 7);
	tear_down(&b);
}

static void frames_break_as_told(void **state UNUSED)
{
	struct bench b;
	struct slice got;

	set_up(&b, "tokens=4");
	got = frames(ask(&b, PATH "-stream", "", "mock: fail=bad_frame"));
	CHECK(has(got, "contentBlockDelta") && has(got, "\n!"));
	got = frames(ask(&b, PATH "-stream", "", "mock: fail=bad_json"));
	CHECK(!has(got, "\n!") && !has(got, "messageStop"));
	got = frames(ask(&b, PATH "-stream", "", "mock: fail=error_mid"));
	CHECK(has(got, "exception modelStreamErrorException {\"message\":"));
	got = frames(ask(&b, PATH "-stream", "", "mock: split=1"));
	CHECK(has(got, "metadata") && !has(got, "!"));
	got = frames(ask(&b, PATH "-stream", "", "mock: keepalive=1s ttft=3s"));
	CHECK(has(got, "mockKeepAlive") && has(got, "metadata"));
	got = ask(&b, PATH "-stream", "", "mock: status=429");
	CHECK(has(got, "x-amzn-ErrorType: ThrottlingException:"));
	CHECK(has(got, "\r\n\r\n{\"message\":\""));
	tear_down(&b);
}

static void what_the_api_refuses_is_refused(void **state UNUSED)
{
	static const struct mock_case rows[] = {
		{ "{\"messages\":[]}", "must not be empty" },
		{ "{\"modelId\":\"x\"," HI "}", "request.modelId" },
		{ "{\"messages\":[{\"role\":\"system\",\"content\":[{\"text\":\"x\"}]}]}",
		  "[user, assistant]" },
		{ "{\"messages\":[{\"role\":\"assistant\",\"content\":[{\"text\":\"x\"}]}]}",
		  "must start with a user message" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"x\"}]},{\"role\":"
		  "\"user\",\"content\":[{\"text\":\"x\"}]}]}",
		  "must alternate" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]}", "is empty" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\" \"}]}]}",
		  "messages.0.content.0 is blank" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
		  "\"x\"}]}]}",
		  "Exactly one member" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":[{\"image\":{\"format\":"
		  "\"png\","
		  "\"source\":{\"bytes\":\"aGVsbG8=\"}}}]}]}",
		  "not of the type png" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":[{\"document\":{\"format\":"
		  "\"pdf\",\"name\":\"a.pdf\",\"source\":{\"bytes\":\"JVBERi0=\"}}}]}]}",
		  "document file name" },
		{ "{\"messages\":[" CALL "]}", "Expected toolResult blocks" },
		{ "{\"messages\":[" CALL ",{\"role\":\"user\",\"content\":[{\"toolResult\":{"
		  "\"toolUseId\":\"a\",\"content\":[{\"text\":\"r\"}]}}]}]}",
		  "toolConfig field must be defined" },
		{ "{" TOOLS "\"messages\":[" CALL ",{\"role\":\"user\",\"content\":[{"
		  "\"toolResult\":{\"toolUseId\":\"b\",\"content\":[]}}]}]}",
		  "no toolUse block of the previous turn" },
		{ "{\"inferenceConfig\":{\"temperature\":1.5}," HI "}", "temperature" },
		{ "{\"inferenceConfig\":{\"maxTokens\":0}," HI "}", "maxTokens" },
		{ "{\"inferenceConfig\":{\"topK\":1}," HI "}", "inferenceConfig.topK" },
		{ "{\"toolConfig\":{\"tools\":[]}," HI "}", "toolConfig.tools" },
		{ "{\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"f\",\"description\":"
		  "\"\","
		  "\"inputSchema\":{\"json\":{\"type\":\"object\"}}}}]}," HI "}",
		  "description" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"x\"}]},{\"role\":"
		  "\"assistant\",\"content\":[{\"reasoningContent\":{\"reasoningText\":{"
		  "\"text\":"
		  "\"t\",\"signature\":\"made up\"}}}]},{\"role\":\"user\",\"content\":[{"
		  "\"text\":\"x\"}]}]}",
		  "Invalid signature in reasoning" },
	};
	struct bench b;

	set_up(&b, "");
	check_cases(&b, PATH, KEY, " 400 ", rows, ARRAY_LEN(rows));
	CHECK(has(post(&b, PATH, KEY, rows[0].body), "x-amzn-ErrorType: ValidationException:"));
	CHECK(has(post(&b, PATH, "", "{" HI "}"), "Missing Authentication Token"));
	CHECK(has(post(&b, PATH, KEY,
		       "{" TOOLS "\"messages\":[" CALL ",{\"role\":\"user\",\"content\":[{"
		       "\"toolResult\":{\"toolUseId\":\"a\",\"content\":[{\"text\":\"r\"}]}}]}]"
		       "}"),
		  " 200 OK"));
	tear_down(&b);
}

/* A request signed with boto's algorithm; the signature was made by a script of our own that
 * agrees with AWS's get-vanilla vector. */
static void a_signature_is_checked(void **state UNUSED)
{
	static const char path[] = "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse";
	static const char body[] = "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":"
				   "\"hi\"}]}]}";
	static const struct {
		const char *key, *end;
		const char *says;
	} rows[] = {
		{ "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG%2BbPxRfiCYEXAMPLEKEY", "b", " 200 OK" },
		{ "AKIDEXAMPLE:wJalrXUtnFEMI/K7MDENG%2BbPxRfiCYEXAMPLEKEY", "c",
		  "does not match the signature" },
		{ "AKIDEXAMPLE:another", "b", "does not match the signature" },
		{ "AKOTHER:x", "b", "security token" },
	};
	struct bench b;

	set_up(&b, "");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[2048], query[128];
		int n;

		snprintf(query, sizeof(query), "aws-key=%s", rows[i].key);
		CHECK_RC(mock_set(b.mock, slice_cstr(query), NULL), OK);
		n = snprintf(
			text, sizeof(text),
			"POST %s HTTP/1.1\r\nHost: bedrock-runtime.us-east-1.amazonaws.com\r\n"
			"Content-Type: application/json\r\nX-Amz-Date: 20261120T120000Z\r\n"
			"Authorization: AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261120/"
			"us-east-1/bedrock/aws4_request, SignedHeaders=content-type;host;"
			"x-amz-date, "
			"Signature=88bd525d1f81f81100f8786c2eb060934e5214a11240c3298"
			"629665fe72e623%s\r\nContent-Length: %zu\r\n\r\n%s",
			path, rows[i].end, sizeof(body) - 1, body);
		CHECK(has(talk(&b, slice_of(text, (size_t)n), SECOND), rows[i].says));
	}
	CHECK(has(post(&b, PATH, "Authorization: AWS4-HMAC-SHA256 nonsense\r\n", "{" HI "}"),
		  " 403 "));
	tear_down(&b);
}

static void tokens_are_counted(void **state UNUSED)
{
	static const char body[] = "{\"input\":{\"converse\":{\"messages\":[]}}}";
	struct bench b;

	set_up(&b, "");
	CHECK(has(post(&b, "/model/m/count-tokens", KEY, body), "{\"inputTokens\":10}"));
	CHECK(has(post(&b, "/model/m%3Fprompt_tokens%3D123/count-tokens", KEY, body),
		  "{\"inputTokens\":123}"));
	tear_down(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_answer_has_output_and_usage),
		cmocka_unit_test(a_stream_is_frames_with_checksums),
		cmocka_unit_test(frames_break_as_told),
		cmocka_unit_test(what_the_api_refuses_is_refused),
		cmocka_unit_test(a_signature_is_checked),
		cmocka_unit_test(tokens_are_counted),
	};

	return cmocka_run_group_tests_name("mock_bedrock", tests, NULL, NULL);
}
