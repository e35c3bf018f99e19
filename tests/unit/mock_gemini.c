/* The simulator as Google. */
#include "mock_peer.h"

#define KEY  "x-goog-api-key: k\r\n"
#define PATH "/v1beta/models/gemini-3-pro"
#define HI   "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"hi\"}]}]"
#define TOOLS                                                                                  \
	"\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\",\"parameters\":{\"type\":"      \
	"\"OBJECT\",\"properties\":{\"city\":{\"type\":\"STRING\",\"enum\":[\"Bern\"]}}}},{"   \
	"\"name\":\"g\"}]}],"
#define CALL(sign)                                                                             \
	"{\"role\":\"user\",\"parts\":[{\"text\":\"x\"}]},{\"role\":\"model\",\"parts\":[{"    \
	"\"functionCall\":{\"name\":\"f\",\"args\":{}}" sign "}]}"

static struct slice ask(struct bench *b, const char *verb, const char *more, const char *text)
{
	char body[4096], path[128];

	snprintf(path, sizeof(path), "%s:%s", PATH, verb);
	snprintf(body, sizeof(body),
		 "{%s\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":"
		 "\"%s\"}]}]}",
		 more, text);
	return post(b, path, KEY, body);
}

static void a_plain_answer_is_one_candidate(void **state UNUSED)
{
	struct bench b;
	struct slice got;

	set_up(&b, "");
	got = ask(
		&b, "generateContent",
		"\"generationConfig\":{\"thinkingConfig\":{\"includeThoughts\":true}},",
		"mock: text=yes prompt-tokens=50 cached-tokens=20 audio-tokens=4 citations=1");
	CHECK(has(got,
		  "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[{\"text\":"));
	CHECK(has(got, "\"thought\":true},{\"text\":\"yes\",\"thoughtSignature\":\""));
	CHECK(has(got, "\"finishReason\":\"STOP\",\"index\":0,\"groundingMetadata\":{"));
	CHECK(has(got, "\"promptTokenCount\":50,\"candidatesTokenCount\":1,"
		       "\"thoughtsTokenCount\":8,\"cachedContentTokenCount\":20,"
		       "\"totalTokenCount\":59,"));
	CHECK(has(got, "{\"modality\":\"AUDIO\",\"tokenCount\":4}"));
	CHECK_SLICE(last(&b)->model, "gemini-3-pro");
	/* thoughts that nobody asked to see are counted only */
	got = ask(&b, "generateContent", "", "mock: text=yes reasoning=3");
	CHECK(!has(got, "\"thought\":true") && has(got, "\"thoughtsTokenCount\":3"));
	tear_down(&b);
}

static void a_stream_is_events_or_one_array(void **state UNUSED)
{
	struct bench b;
	struct slice got;

	set_up(&b, "tokens=3");
	got = ask(&b, "streamGenerateContent?alt=sse", "", "hi");
	CHECK_INT(count(got, "data: {\"candidates\""), 4);
	CHECK(has(got, "\"parts\":[{\"text\":\"\",\"thoughtSignature\":\""));
	CHECK_INT(count(got, "\"promptTokenCount\""), 4);
	got = ask(&b, "streamGenerateContent", "", "mock: as=vertex tokens=3");
	CHECK(has(got, "Content-Type: application/json\r\n"));
	CHECK(has(got, "\r\n[{\"candidates\""));
	CHECK_INT(count(got, "\r\n,\n{\"candidates\""), 3);
	CHECK(slice_ends(got, LIT("}]\r\n0\r\n\r\n")));
	CHECK_INT(count(got, "\"promptTokenCount\""), 1);
	CHECK_INT(count(got, "\"trafficType\""), 3);
	CHECK(last(&b)->stream && last(&b)->usage_sent && last(&b)->events == 4);
	got = ask(&b, "streamGenerateContent", "", "mock: status=429 retry-after=3");
	CHECK(has(got, "\r\n\r\n[{\"error\":{\"code\":429,"));
	CHECK(has(got, "\"retryDelay\":\"3s\""));
	got = ask(&b, "streamGenerateContent", "", "mock: fail=error_mid");
	CHECK(has(got, "{\"error\":{\"code\":503,") && slice_ends(got, LIT("]\r\n0\r\n\r\n")));
	got = ask(&b, "streamGenerateContent", "", "mock: fail=cut");
	CHECK(!slice_ends(got, LIT("]\r\n0\r\n\r\n")));
	tear_down(&b);
}

static void calls_come_whole_and_end_with_stop(void **state UNUSED)
{
	struct bench b;

	set_up(&b, "");
	for (unsigned i = 0; i < 2; i++) {
		struct slice got = ask(&b,
				       i ? "streamGenerateContent?alt=sse" : "generateContent",
				       TOOLS, "mock: tools=2");

		CHECK(has(got, "\"name\":\"f\",\"args\":{\"city\":\"Bern\"}},"
			       "\"thoughtSignature\":\""));
		CHECK(has(got, "\"name\":\"g\",\"args\":{}}}"));
		CHECK(has(got, "\"finishReason\":\"STOP\""));
	}
	CHECK(has(ask(&b, "generateContent",
		      TOOLS "\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\","
			    "\"allowedFunctionNames\":[\"g\"]}},",
		      "hi"),
		  "\"name\":\"g\""));
	tear_down(&b);
}

static void the_end_has_its_reasons(void **state UNUSED)
{
	static const struct mock_case rows[] = {
		{ "length", "\"finishReason\":\"MAX_TOKENS\"" },
		{ "content_filter", "\"finishReason\":\"SAFETY\"" },
		{ "refusal", "\"finishReason\":\"PROHIBITED_CONTENT\"" },
		{ "blocked", "\"promptFeedback\":{\"blockReason\":\"SAFETY\"" },
		{ "RECITATION", "\"finishReason\":\"RECITATION\"" },
	};
	struct bench b;

	set_up(&b, "");
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char text[64];

		snprintf(text, sizeof(text), "mock: finish=%s", rows[i].body);
		CHECK(has(ask(&b, "generateContent", "", text), rows[i].says));
		CHECK(has(ask(&b, "streamGenerateContent?alt=sse", "", text), rows[i].says));
	}
	tear_down(&b);
}

static void what_the_api_refuses_is_refused(void **state UNUSED)
{
	static const struct mock_case rows[] = {
		{ "{}", "contents is not specified" },
		{ "{\"messages\":[]," HI "}", "Unknown name \\\"messages\\\"" },
		{ "{\"contents\":[{\"role\":\"assistant\",\"parts\":[{\"text\":\"x\"}]}]}",
		  "valid role: user, model" },
		{ "{\"contents\":[{\"role\":\"user\",\"parts\":[]}]}", "must not be empty" },
		{ "{\"contents\":[{\"role\":\"user\",\"parts\":[{}]}]}",
		  "contents[0].parts[0].data: required oneof" },
		{ "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"inlineData\":{\"mimeType\":"
		  "\"image/png\",\"data\":\"!\"}}]}]}",
		  "invalid base64" },
		{ "{\"generationConfig\":{\"maxTokens\":1}," HI "}", "at 'generation_config'" },
		{ "{\"generationConfig\":{\"thinkingConfig\":{\"thinkingBudget\":1,"
		  "\"thinkingLevel\":\"LOW\"}}," HI "}",
		  "only one of thinking budget" },
		{ "{\"generationConfig\":{\"responseSchema\":{\"type\":\"OBJECT\"}}," HI "}",
		  "response_mime_type" },
		{ "{\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\",\"parameters\":{"
		  "\"type\":\"object\",\"properties\":{}}}]}]," HI "}",
		  "should be non-empty for OBJECT" },
		{ "{\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\",\"parameters\":{"
		  "\"type\":\"object\",\"properties\":{\"a\":{\"type\":[\"string\",\"null\"]}}}"
		  "}]}"
		  "]," HI "}",
		  "Proto field is not repeating" },
		{ "{\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\",\"parameters\":{"
		  "\"type\":\"object\",\"properties\":{\"a\":{\"const\":1}}}}]}]," HI "}",
		  "Unknown name \\\"const\\\"" },
		{ "{\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\",\"parameters\":{"
		  "\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"string\"}},"
		  "\"required\":[\"b\"]}}]}]," HI "}",
		  "property is not defined" },
		{ "{\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"AUTO\","
		  "\"allowedFunctionNames\":[\"f\"]}}," TOOLS HI "}",
		  "Allowed function names" },
		{ "{\"contents\":[" CALL("") "]}", "missing a thought_signature" },
		{ "{\"contents\":[" CALL(",\"thoughtSignature\":\"aGVsbG8=\"") "]}",
		  "Corrupted thought signature" },
		{ "{\"contents\":[" CALL(
			  ",\"thoughtSignature\":"
			  "\"skip_thought_signature_validator\"") ",{\"role\":"
								  "\"user\",\"parts\":[{"
								  "\"text\":\"y\"}]}]}",
		  "number of function response parts is equal" },
		{ "{\"contents\":[" CALL(
			  ",\"thoughtSignature\":"
			  "\"skip_thought_signature_validator\"") ",{\"role\":"
								  "\"user\",\"parts\":[{"
								  "\"functionResponse\":{"
								  "\"name\":\"f\",\"response\":"
								  "\"text\"}}]}]}",
		  "google.protobuf.Struct" },
		{ "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"functionResponse\":{"
		  "\"name\":"
		  "\"f\",\"response\":{}}}]}]}",
		  "was not called" },
	};
	struct bench b;

	set_up(&b, "");
	check_cases(&b, PATH ":generateContent", KEY, " 400 ", rows, ARRAY_LEN(rows));
	CHECK(has(post(&b, PATH ":generateContent", "", "{" HI "}"), " 403 "));
	/* proto JSON: base64 of either alphabet, as Google's own client sends it */
	CHECK(has(post(&b, PATH ":generateContent", KEY,
		       "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"inlineData\":{"
		       "\"mimeType\":\"image/png\",\"data\":\"iVBORw0KGgoAAAAN-_-_\"}}]}]}"),
		  " 200 "));
	CHECK(has(post(&b, PATH ":generateContent?key=k", "", "{" HI "}"), " 200 "));
	CHECK(has(post(&b, PATH ":generateContent", KEY,
		       "{\"system_instruction\":{\"parts\":[{\"text\":\"s\"}]},"
		       "\"generation_config\":{\"max_output_tokens\":5}," HI "}"),
		  " 200 "));
	tear_down(&b);
}

static void a_schema_in_capitals_is_followed(void **state UNUSED)
{
	struct bench b;
	struct slice got;

	set_up(&b, "");
	got = post(&b, PATH ":generateContent", KEY,
		   "{\"generationConfig\":{\"responseMimeType\":\"application/json\","
		   "\"responseSchema\":{\"type\":\"OBJECT\",\"properties\":{\"n\":{\"type\":"
		   "\"INTEGER\"},\"b\":{\"type\":\"BOOLEAN\"},\"l\":{\"type\":\"ARRAY\","
		   "\"items\":{\"type\":\"STRING\"}}}}}," HI "}");
	CHECK(has(got, "\\\"n\\\":") && !has(got, "\\\"n\\\":\\\""));
	CHECK(has(got, "\\\"b\\\":true") || has(got, "\\\"b\\\":false"));
	CHECK(has(got, "\\\"l\\\":["));
	tear_down(&b);
}

static void other_endpoints_answer(void **state UNUSED)
{
	struct bench b;
	struct slice got;

	set_up(&b, "dimensions=3&models=a");
	CHECK(has(ask(&b, "countTokens", "", "hi"), "{\"totalTokens\":"));
	got = post(&b, PATH ":embedContent", KEY,
		   "{\"content\":{\"parts\":[{\"text\":\"x\"}]}}");
	CHECK(has(got, "{\"embedding\":{\"values\":["));
	got = post(&b, PATH ":batchEmbedContents", KEY,
		   "{\"requests\":[{\"model\":\"models/m\",\"content\":{\"parts\":[{\"text\":"
		   "\"x\"}]},\"outputDimensionality\":2},{\"model\":\"models/m\",\"content\":{"
		   "\"parts\":[{\"text\":\"y\"}]}}]}");
	CHECK_INT(count(got, "{\"values\":["), 2);
	got = post(&b, PATH ":batchEmbedContents", KEY,
		   "{\"requests\":[{\"content\":{\"parts\":[{\"text\":\"x\"}]}}]}");
	CHECK(has(got, "model is required"));
	CHECK(has(get(&b, "GET", "/v1beta/models", ""), " 403 "));
	CHECK(has(get(&b, "GET", "/v1beta/models?key=k", ""), "\"name\":\"models/a\""));
	/* a model's name with options, as a path carries it */
	got = post(&b, "/v1beta/models/m%3Ftext=a%2520b:generateContent", KEY, "{" HI "}");
	CHECK(has(got, "\"text\":\"a b\""));
	tear_down(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_plain_answer_is_one_candidate),
		cmocka_unit_test(a_stream_is_events_or_one_array),
		cmocka_unit_test(calls_come_whole_and_end_with_stop),
		cmocka_unit_test(the_end_has_its_reasons),
		cmocka_unit_test(what_the_api_refuses_is_refused),
		cmocka_unit_test(a_schema_in_capitals_is_followed),
		cmocka_unit_test(other_endpoints_answer),
	};

	return cmocka_run_group_tests_name("mock_gemini", tests, NULL, NULL);
}
