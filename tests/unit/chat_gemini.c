#include "check.h"

#include "chat/dialect.h"
#include "chat/opaque.h"
#include "chat_says.h"

/* Everything a test needs; what it made is freed by done(). */
struct kit {
	struct test_mem mem;
	struct arena a, keep;
	struct chat_lost lost;
	struct chat_refusal why;
	struct chat_request r;
	char text[16384];
};

static void begin(struct kit *k)
{
	*k = (struct kit){ 0 };
	test_mem_init(&k->mem, 0);
	arena_init(&k->a, &k->mem.mem, 1024, 1 << 24);
	arena_init(&k->keep, &k->mem.mem, 1024, 1 << 22);
}

static void done(struct kit *k)
{
	arena_free(&k->a);
	arena_free(&k->keep);
	CHECK_INT(k->mem.live, 0);
}

static const struct dialect foreign = { .name = "foreign" };
static const struct chat_target three = { .model = LITC("gemini-3-flash"),
					  .provider = LITC("google") };
static const struct chat_target two_five = { .model = LITC("gemini-2.5-pro"),
					     .provider = LITC("google") };
static const struct chat_reply reply = { .id = LITC("req-1"),
					 .model = LITC("shown"),
					 .issuer = LITC("google") };

static enum rc reads(struct kit *k, const char *body)
{
	const struct request_in in = { .body = slice_cstr(body),
				       .model = LIT("gemini-3-flash"),
				       .op = OP_CHAT };

	return dialect_gemini.request_read(&k->r, &in, &k->a, &k->why);
}

static struct slice writes(struct kit *k, const struct chat_target *t)
{
	struct json_out o;

	k->lost = (struct chat_lost){ 0 };
	out_init(&o, &k->a);
	CHECK_RC(dialect_gemini.request_write(&k->r, t, &o, &k->lost, &k->why), OK);
	return out_slice(&o);
}

/* Names of what was lost, with commas. */
static const char *lost(struct kit *k)
{
	struct sb b;

	sb_init(&b, k->text, sizeof(k->text));
	for (size_t i = 0; i < size_min(k->lost.n, LOST_MAX); i++) {
		sb_lit(&b, i > 0 ? "," : "");
		sb_lit(&b, k->lost.v[i].name);
	}
	return sb_cstr(&b);
}

/* Reads `body`, as of another dialect when `theirs`, and compares what is written. */
static void becomes(const char *body, const struct chat_target *t, bool theirs,
		    const char *want, const char *want_lost)
{
	struct kit k;

	begin(&k);
	CHECK_RC(reads(&k, body), OK);
	if (theirs)
		k.r.dialect = &foreign;
	CHECK_SLICE(writes(&k, t), want);
	CHECK_STR(lost(&k), want_lost);
	done(&k);
}

static void refused(const char *body, const char *code, const char *param)
{
	struct kit k;

	begin(&k);
	CHECK_RC(reads(&k, body), E_BAD);
	CHECK_STR(k.why.code, code);
	CHECK_STR(k.why.param, param);
	CHECK(k.why.text[0] != '\0');
	done(&k);
}

/* ---- requests that are read ---- */

static const char whole_request[] =
	"{\"system_instruction\":{\"parts\":{\"text\":\"Be brief.\"}},"
	"\"contents\":["
	"{\"parts\":[{\"text\":\"What is \\u00e9?\"},"
	"{\"inline_data\":{\"mime_type\":\"image/png\",\"data\":\"-_8\"}},"
	"{\"fileData\":{\"fileUri\":\"https://youtu.be/x\"}},"
	"{\"fileData\":{\"fileUri\":\"https://a.b/c.jpg?d\"}}]},"
	"{\"role\":\"MODEL\",\"parts\":[{\"text\":\"h\",\"thought\":true}]},"
	"{\"role\":\"model\",\"parts\":[{\"text\":\"m\",\"thought\":true},"
	"{\"text\":\"\",\"thought\":true,\"thoughtSignature\":\"c2ln\"},"
	"{\"text\":\"I \"},{\"text\":\"look.\",\"thought_signature\":\"dHh0\"},"
	"{\"functionCall\":{\"name\":\"look\",\"args\":{\"q\":\"\\u00e9\"}},"
	"\"thoughtSignature\":\"Y2FsbA==\"},"
	"{\"functionCall\":{\"name\":\"time\"}},{\"functionCall\":{\"id\":\"c9\",\"name\":"
	"\"look\"}},{\"executableCode\":{\"code\":\"1\"}}]},"
	"{\"role\":\"user\",\"parts\":[{\"text\":\"Go on.\"},"
	"{\"functionResponse\":{\"name\":\"time\",\"response\":{\"zone\":\"UTC\"}}},"
	"{\"functionResponse\":{\"name\":\"look\",\"response\":{\"output\":\"a letter\"},"
	"\"parts\":[{\"inlineData\":{\"mimeType\":\"image/jpeg\",\"data\":\"AAAA\"}}]}},"
	"{\"functionResponse\":{\"id\":\"c9\",\"name\":\"look\",\"response\":{\"error\":\"no\"}"
	"}}"
	"]}],"
	"\"tools\":[{\"functionDeclarations\":[{\"name\":\"look\",\"description\":\"d\","
	"\"parameters\":{\"type\":\"OBJECT\",\"properties\":{\"q\":{\"type\":\"STRING\","
	"\"nullable\":true,\"minLength\":\"1\"},\"n\":{\"type\":\"ARRAY\",\"items\":{\"type\":"
	"\"INTEGER\"}}},\"propertyOrdering\":[\"n\",\"q\"],\"required\":[\"q\"]}},"
	"{\"name\":\"time\",\"parametersJsonSchema\":{\"type\":\"object\",\"x\":1}}]},"
	"{\"google_search\":{}}],"
	"\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"any\",\"allowedFunctionNames\":"
	"[\"look\"]}},"
	"\"generationConfig\":{\"temperature\":0.30,\"topP\":0.5,\"topK\":7,\"candidateCount\":"
	"2,"
	"\"maxOutputTokens\":\"99\",\"stopSequences\":[\"END\",\"\\n\"],\"presencePenalty\":0,"
	"\"frequency_penalty\":0.1,\"seed\":42,\"responseMimeType\":\"application/json\","
	"\"responseSchema\":{\"type\":\"STRING\",\"enum\":[\"a\"]},\"responseLogprobs\":true,"
	"\"logprobs\":3,\"thinkingConfig\":{\"includeThoughts\":true,\"thinkingBudget\":500},"
	"\"mediaResolution\":\"LOW\",\"speechConfig\":{\"voiceConfig\":{"
	"\"prebuiltVoiceConfig\":"
	"{\"voiceName\":\"Kore\"}}},\"responseModalities\":[\"AUDIO\"]},"
	"\"safetySettings\":[{\"category\":\"X\"}],\"cachedContent\":\"cachedContents/1\","
	"\"labels\":{\"a\":\"b\"},\"serviceTier\":\"standard\"}";

static void a_request_is_read_with_all_that_it_says(void **state UNUSED)
{
	const struct chat_message *m;
	const struct chat_part *p;
	struct kit k;

	begin(&k);
	CHECK_RC(reads(&k, whole_request), OK);
	CHECK_SLICE(k.r.model, "gemini-3-flash");
	CHECK(k.r.wants_usage && k.r.has_images && k.r.has_urls && k.r.has_video);
	m = k.r.messages;
	CHECK_INT(m->role, ROLE_SYSTEM);
	CHECK_SLICE(m->parts->u.text.s, "Be brief.");
	m = m->next;
	CHECK_INT(m->role, ROLE_USER);
	CHECK_SLICE(m->parts->u.text.s, "What is \\u00e9?");
	p = m->parts->next;
	CHECK_INT(p->kind, PART_IMAGE);
	CHECK_SLICE(p->u.media.data, "+/8=");
	CHECK_SLICE(p->u.media.mime, "image/png");
	p = p->next;
	CHECK_INT(p->kind, PART_VIDEO);
	CHECK_INT(p->u.media.source, MEDIA_FILE);
	p = p->next;
	CHECK_INT(p->kind, PART_IMAGE);
	CHECK_INT(p->u.media.source, MEDIA_URL);
	m = m->next; /* two contents of the model are one turn */
	CHECK_INT(m->role, ROLE_ASSISTANT);
	p = m->parts;
	CHECK_INT(p->kind, PART_REASONING);
	CHECK_SLICE(p->u.reasoning.text.s, "hm");
	CHECK_SLICE(p->u.reasoning.signature.data.s, "c2ln");
	p = p->next;
	CHECK_INT(p->kind, PART_TEXT);
	CHECK_SLICE(p->u.text.s, "I look.");
	CHECK_SLICE(p->signature.data.s, "dHh0");
	p = p->next;
	CHECK_SLICE(p->u.call.id.s, "call_auto_0");
	CHECK_SLICE(p->u.call.args, "{\"q\":\"\\u00e9\"}");
	CHECK_SLICE(p->signature.data.s, "Y2FsbA==");
	p = p->next;
	CHECK_SLICE(p->u.call.id.s, "call_auto_1");
	CHECK_INT(p->u.call.args.n, 0);
	CHECK(p->u.call.args_ok);
	CHECK_SLICE(p->next->u.call.id.s, "c9");
	CHECK_INT(p->next->next->kind, PART_OTHER);
	CHECK_STR(p->next->next->u.other.what, "executableCode");
	m = m->next; /* results first */
	CHECK_INT(m->role, ROLE_TOOL);
	p = m->parts;
	CHECK_SLICE(p->u.result.call_id.s, "call_auto_1");
	CHECK_INT(p->u.result.parts->kind, PART_OTHER);
	CHECK_SLICE(p->u.result.parts->u.other.raw, "{\"zone\":\"UTC\"}");
	p = p->next;
	CHECK_SLICE(p->u.result.call_id.s, "call_auto_0");
	CHECK_SLICE(p->u.result.parts->u.text.s, "a letter");
	CHECK_INT(p->u.result.parts->next->kind, PART_IMAGE);
	p = p->next;
	CHECK_SLICE(p->u.result.call_id.s, "c9");
	CHECK(p->u.result.is_error);
	m = m->next;
	CHECK_INT(m->role, ROLE_USER);
	CHECK_SLICE(m->parts->u.text.s, "Go on.");
	CHECK(m->next == NULL);
	CHECK_SLICE(k.r.tools->schema,
		    "{\"type\":\"object\",\"properties\":{\"n\":{\"type\":\"array\",\"items\":"
		    "{\"type\":\"integer\"}},\"q\":{\"type\":[\"string\",\"null\"],"
		    "\"minLength\":1}},\"required\":[\"q\"]}");
	CHECK_SLICE(k.r.tools->next->schema, "{\"type\":\"object\",\"x\":1}");
	CHECK_INT(k.r.tools->next->next->kind, TOOL_HOSTED);
	CHECK_SLICE(k.r.tools->next->next->raw, "{\"googleSearch\":{}}");
	CHECK_INT(k.r.choice.kind, CHOICE_NAMED);
	CHECK_SLICE(k.r.temperature, "0.30");
	CHECK_INT(k.r.n, 2);
	CHECK_INT(k.r.max_tokens, 99);
	CHECK_SLICE(k.r.stop->next->name.s, "\\n");
	CHECK_SLICE(k.r.seed, "42");
	CHECK_INT(k.r.format.kind, FORMAT_SCHEMA);
	CHECK_SLICE(k.r.format.schema, "{\"type\":\"string\",\"enum\":[\"a\"]}");
	CHECK_INT(k.r.top_logprobs, 3);
	CHECK_INT(k.r.thinking.budget, 500);
	CHECK_INT(k.r.thinking.visible, YES);
	CHECK_SLICE(k.r.audio, "{\"voice\":\"Kore\",\"format\":\"pcm16\"}");
	CHECK(k.r.wants_audio);
	CHECK_SLICE(k.r.extras->key, "generationConfig.mediaResolution");
	CHECK_SLICE(k.r.extras->next->key, "safetySettings");
	CHECK_SLICE(k.r.extras->next->next->value, "\"cachedContents/1\"");
	CHECK(k.r.extras->next->next->next == NULL);
	CHECK_SLICE(k.r.metadata, "{\"a\":\"b\"}");
	CHECK_SLICE(k.r.service_tier.s, "default");
	done(&k);
}

static void a_request_is_written_as_it_was_read(void **state UNUSED)
{
	static const char body[] =
		"{\"systemInstruction\":{\"parts\":[{\"text\":\"s\"}]},\"contents\":["
		"{\"role\":\"user\",\"parts\":[{\"text\":\"a\"},{\"inlineData\":{\"mimeType\":"
		"\"image/png\",\"data\":\"AAAA\"}},{\"fileData\":{\"mimeType\":\"video/mp4\","
		"\"fileUri\":\"gs://b/c\"}}]},"
		"{\"role\":\"model\",\"parts\":[{\"text\":\"hm\",\"thought\":true,"
		"\"thoughtSignature\":\"c2ln\"},{\"text\":\"t\"},{\"functionCall\":{\"id\":"
		"\"c1\","
		"\"name\":\"f\",\"args\":{\"a\":1.50}},\"thoughtSignature\":\"AA==\"},"
		"{\"functionCall\":{\"id\":\"c2\",\"name\":\"g\",\"args\":{}}},"
		"{\"executableCode\":{\"code\":\"1\"}}]},"
		"{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"id\":\"c1\",\"name\":"
		"\"f\","
		"\"response\":{\"output\":\"x\"},\"parts\":[{\"inlineData\":{\"mimeType\":"
		"\"image/png\",\"data\":\"AAAA\"}}]}},{\"functionResponse\":{\"id\":\"c2\","
		"\"name\":\"g\",\"response\":{\"error\":\"y\"}}},{\"text\":\"b\"}]}],"
		"\"tools\":[{\"functionDeclarations\":[{\"name\":\"f\","
		"\"parametersJsonSchema\":"
		"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"number\"}}}},{\"name\":"
		"\"g\"}]},{\"googleSearch\":{\"a\":1}}],"
		"\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"ANY\","
		"\"allowedFunctionNames\":[\"f\",\"g\"]},\"retrievalConfig\":{}},"
		"\"generationConfig\":{\"temperature\":1e0,\"topP\":0.5,\"topK\":4,"
		"\"presencePenalty\":0.1,\"frequencyPenalty\":0.2,\"seed\":1,"
		"\"candidateCount\":2,"
		"\"maxOutputTokens\":9,\"responseLogprobs\":true,\"logprobs\":2,"
		"\"stopSequences\":[\"x\"],\"responseMimeType\":\"application/json\","
		"\"responseJsonSchema\":{\"type\":\"object\"},\"responseModalities\":[\"TEXT\","
		"\"IMAGE\"],\"thinkingConfig\":{\"includeThoughts\":false,\"thinkingLevel\":"
		"\"LOW\"},\"imageConfig\":{\"b\":2}},\"serviceTier\":\"flex\","
		"\"labels\":{\"k\":\"v\"},\"safetySettings\":[]}";

	becomes(body, &three, false, body, "");
}

static void names_in_snake_case_and_lone_objects_are_read(void **state UNUSED)
{
	becomes("{\"contents\":{\"parts\":{\"text\":\"a\"}},\"generation_config\":"
		"{\"max_output_tokens\":5,\"thinking_config\":{\"thinking_level\":\"high\"}},"
		"\"tools\":{\"function_declarations\":{\"name\":\"f\"}},\"tool_config\":"
		"{\"function_calling_config\":{\"mode\":\"none\"}}}",
		&three, false,
		"{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"a\"}]}],\"tools\":"
		"[{\"functionDeclarations\":[{\"name\":\"f\"}]}],\"toolConfig\":"
		"{\"functionCallingConfig\":{\"mode\":\"NONE\"}},\"generationConfig\":"
		"{\"maxOutputTokens\":5,\"thinkingConfig\":{\"thinkingLevel\":\"HIGH\"}}}",
		"");
}

static void bad_requests_are_refused_by_their_path(void **state UNUSED)
{
	static const struct {
		const char *body, *code, *param;
	} rows[] = {
		{ "", "invalid_json", "" },
		{ "[]", "invalid_json", "" },
		{ "{}", "missing_field", "contents" },
		{ "{\"contents\":[]}", "missing_field", "contents" },
		{ "{\"contents\":\"a\"}", "invalid_type", "contents" },
		{ "{\"contents\":[3]}", "invalid_type", "contents[0]" },
		{ "{\"contents\":[{\"role\":\"system\"}]}", "unsupported_value",
		  "contents[0].role" },
		{ "{\"contents\":[{\"parts\":[{\"text\":3}]}]}", "invalid_type",
		  "contents[0].parts[0].text" },
		{ "{\"contents\":[{\"parts\":[{\"inlineData\":{\"mimeType\":\"image/"
		  "png\"}}]}]}",
		  "missing_field", "contents[0].parts[0].inlineData.data" },
		{ "{\"contents\":[{\"parts\":[{\"inlineData\":{\"data\":\"a b\"}}]}]}",
		  "invalid_value", "contents[0].parts[0].inlineData.data" },
		{ "{\"contents\":[{\"parts\":[{\"functionCall\":{\"name\":\"f\"}}]}]}",
		  "invalid_value", "contents[0].parts[0].functionCall" },
		{ "{\"contents\":[{\"role\":\"model\",\"parts\":[{\"functionCall\":{}}]}]}",
		  "missing_field", "contents[0].parts[0].functionCall.name" },
		{ "{\"contents\":[{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"name\":"
		  "\"f\",\"args\":[]}}]}]}",
		  "invalid_type", "contents[0].parts[0].functionCall.args" },
		{ "{\"contents\":[{\"parts\":[{\"functionResponse\":{\"response\":{}}}]}]}",
		  "missing_field", "contents[0].parts[0].functionResponse.name" },
		{ "{\"contents\":{\"parts\":[]},\"systemInstruction\":\"a\"}", "invalid_type",
		  "systemInstruction" },
		{ "{\"contents\":{\"parts\":[]},\"contents\":[]}", "duplicate_field",
		  "contents" },
		{ "{\"contents\":{},\"toolConfig\":{},\"tool_config\":{}}", "duplicate_field",
		  "toolConfig" },
		{ "{\"contents\":{},\"tools\":[{\"functionDeclarations\":[{}]}]}",
		  "missing_field", "tools[0].functionDeclarations[0].name" },
		{ "{\"contents\":{},\"toolConfig\":{\"functionCallingConfig\":{\"mode\":\"X\"}}"
		  "}",
		  "unsupported_value", "toolConfig.functionCallingConfig.mode" },
		{ "{\"contents\":{},\"generationConfig\":{\"topP\":\"x\"}}", "invalid_type",
		  "generationConfig.topP" },
		{ "{\"contents\":{},\"generationConfig\":{\"maxOutputTokens\":-1}}",
		  "invalid_value", "generationConfig.maxOutputTokens" },
		{ "{\"contents\":{},\"generationConfig\":{\"stopSequences\":[1]}}",
		  "invalid_type", "generationConfig.stopSequences[0]" },
		{ "{\"contents\":{},\"generationConfig\":{\"thinkingConfig\":{"
		  "\"thinkingLevel\":"
		  "\"much\"}}}",
		  "unsupported_value", "generationConfig.thinkingConfig.thinkingLevel" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		refused(rows[i].body, rows[i].code, rows[i].param);
}

/* What json_scan() takes may be deeper than what we convert. */
static void a_schema_that_is_too_deep_is_refused(void **state UNUSED)
{
	char body[2048];
	struct sb b;

	sb_init(&b, body, sizeof(body));
	sb_lit(&b, "{\"contents\":{},\"generationConfig\":{\"responseMimeType\":"
		   "\"application/json\",\"responseSchema\":");
	for (int i = 0; i < 60; i++)
		sb_lit(&b, "{\"items\":");
	sb_lit(&b, "{}");
	for (int i = 0; i < 62; i++)
		sb_char(&b, '}');
	refused(sb_cstr(&b), "too_deep", "generationConfig.responseSchema");
}

/* ---- requests that are written ---- */

#define ASKS "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"a\"}]}],"

/* Who asks for thinking in another dialect is shown it. */
#define SEEN "\"includeThoughts\":true,"

static void thinking_is_a_budget_in_2_5_and_a_level_from_3_on(void **state UNUSED)
{
	static const struct {
		const char *model, *asked, *written, *lost;
	} rows[] = {
		{ "gemini-2.5-pro", "\"thinkingLevel\":\"LOW\"", SEEN "\"thinkingBudget\":1024",
		  "" },
		{ "gemini-2.5-pro", "\"thinkingLevel\":\"XHIGH\"",
		  SEEN "\"thinkingBudget\":24576", "" },
		{ "gemini-2.5-pro", "\"thinkingBudget\":0", "\"thinkingBudget\":128",
		  "reasoning_effort" },
		{ "models/gemini-2.5-flash", "\"thinkingBudget\":0", "\"thinkingBudget\":0",
		  "" },
		{ "gemini-2.5-flash-lite", "\"thinkingBudget\":3",
		  SEEN "\"thinkingBudget\":512", "" },
		{ "gemini-2.5-flash", "\"thinkingBudget\":99999",
		  SEEN "\"thinkingBudget\":24576", "" },
		{ "gemini-2.5-flash", "\"thinkingBudget\":-1", SEEN "\"thinkingBudget\":-1",
		  "" },
		{ "gemini-3-pro-preview", "\"thinkingBudget\":0", "\"thinkingLevel\":\"LOW\"",
		  "reasoning_effort" },
		{ "gemini-3-flash", "\"thinkingLevel\":\"MINIMAL\"",
		  SEEN "\"thinkingLevel\":\"MINIMAL\"", "" },
		{ "gemini-3.7-flash", "\"thinkingLevel\":\"MINIMAL\"",
		  SEEN "\"thinkingLevel\":\"LOW\"", "" },
		{ "gemini-3-flash", "\"thinkingBudget\":5000",
		  SEEN "\"thinkingLevel\":\"MEDIUM\"", "" },
		{ "gemini-flash-latest", "\"thinkingLevel\":\"XHIGH\"",
		  SEEN "\"thinkingLevel\":\"HIGH\"", "" },
		{ "gemini-3-flash", "\"includeThoughts\":true", "\"includeThoughts\":true",
		  "" },
		{ "gemini-3-flash", "\"thinkingBudget\":-1", "\"includeThoughts\":true", "" },
		{ "gemini-2.0-flash", "\"thinkingLevel\":\"LOW\"", NULL, "reasoning_effort" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct chat_target t = { .model = slice_cstr(rows[i].model) };
		char body[256], want[256];

		(void)snprintf(body, sizeof(body),
			       ASKS "\"generationConfig\":{\"thinkingConfig\":{%s}}}",
			       rows[i].asked);
		if (rows[i].written == NULL)
			(void)snprintf(want, sizeof(want), ASKS "\"generationConfig\":{}}");
		else
			(void)snprintf(want, sizeof(want),
				       ASKS "\"generationConfig\":{\"thinkingConfig\":{%s}}}",
				       rows[i].written);
		becomes(body, &t, true, want, rows[i].lost);
	}
}

static void a_history_made_elsewhere_has_the_word_for_no_signature(void **state UNUSED)
{
	static const char body[] = "{\"contents\":[{\"role\":\"model\",\"parts\":[{"
				   "\"functionCall\":{\"id\":\"c1\","
				   "\"name\":\"f\"},\"thoughtSignature\":\"AA==\"},{"
				   "\"functionCall\":{\"id\":\"c2\","
				   "\"name\":\"f\"}}]}]}";

	becomes(body, &three, true,
		"{\"contents\":[{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"id\":"
		"\"c1\","
		"\"name\":\"f\",\"args\":{}},\"thoughtSignature\":"
		"\"skip_thought_signature_validator\"},{\"functionCall\":{\"id\":\"c2\","
		"\"name\":"
		"\"f\",\"args\":{}}}]}],\"generationConfig\":{}}",
		"");
	becomes(body, &two_five, true,
		"{\"contents\":[{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"id\":"
		"\"c1\","
		"\"name\":\"f\",\"args\":{}}},{\"functionCall\":{\"id\":\"c2\",\"name\":"
		"\"f\",\"args\":{}}}]}],\"generationConfig\":{}}",
		"");
}

static void vertex_has_no_ids_in_calls(void **state UNUSED)
{
	const struct chat_target vertex = { .model = LIT("gemini-2.5-pro"), .vertex = true };

	becomes("{\"contents\":[{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"id\":"
		"\"c1\","
		"\"name\":\"f\"}}]},{\"parts\":[{\"functionResponse\":{\"id\":\"c1\",\"name\":"
		"\"f\",\"response\":{\"a\":1}}}]}],\"labels\":{\"a\":\"b\"},\"serviceTier\":"
		"\"flex\"}",
		&vertex, true,
		"{\"contents\":[{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"name\":"
		"\"f\","
		"\"args\":{}}}]},{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"name\":"
		"\"f\",\"response\":{\"a\":1}}}]}],\"generationConfig\":{},\"labels\":{\"a\":"
		"\"b\"}}",
		"service_tier");
}

static void before_3_pictures_of_results_follow_them(void **state UNUSED)
{
	becomes("{\"contents\":[{\"parts\":[{\"functionResponse\":{\"id\":\"c1\",\"name\":"
		"\"f\","
		"\"response\":{\"output\":\"x\"},\"parts\":[{\"inlineData\":{\"mimeType\":"
		"\"image/png\",\"data\":\"AAAA\"}}]}},{\"functionResponse\":{\"id\":\"c2\","
		"\"name\":\"f\",\"response\":{\"output\":[1]}}}]}]}",
		&two_five, true,
		"{\"contents\":[{\"role\":\"user\",\"parts\":[{\"functionResponse\":{\"id\":"
		"\"c1\","
		"\"name\":\"f\",\"response\":{\"output\":\"x\"}}},{\"functionResponse\":{"
		"\"id\":"
		"\"c2\",\"name\":\"f\",\"response\":{\"output\":[1]}}},{\"inlineData\":"
		"{\"mimeType\":\"image/png\",\"data\":\"AAAA\"}}]}],\"generationConfig\":{}}",
		"");
}

static void gemma_hears_the_system_prompt_from_the_user(void **state UNUSED)
{
	const struct chat_target gemma = { .model = LIT("gemma-3-27b-it") };

	becomes("{\"systemInstruction\":{\"parts\":[{\"text\":\"s\"}]},\"contents\":[{"
		"\"parts\":"
		"[{\"text\":\"a\"}]}]}",
		&gemma, true,
		"{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"s\"},{\"text\":\"a\"}"
		"]}],"
		"\"generationConfig\":{}}",
		"");
}

static void what_cannot_be_said_is_named(void **state UNUSED)
{
	struct chat_part *p;
	struct kit k;

	begin(&k);
	CHECK_RC(reads(&k, ASKS "\"tools\":[{\"codeExecution\":{}}],\"safetySettings\":[],"
				"\"generationConfig\":{\"temperature\":1,\"imageConfig\":{}}}"),
		 OK);
	k.r.dialect = &foreign;
	k.r.user = JTEXT("u");
	k.r.store = YES;
	k.r.verbosity = JTEXT("low");
	k.r.cache_key = JTEXT("k");
	k.r.metadata = LIT("{}");
	k.r.messages->name = JTEXT("n");
	p = chat_part_add(k.r.messages, &k.a, PART_OTHER);
	p->u.other.what = "search_result";
	p = chat_part_add(k.r.messages, &k.a, PART_DOCUMENT);
	p->u.media.source = MEDIA_FILE;
	p->u.media.url = JTEXT("file-1");
	CHECK_SLICE(writes(&k, &(struct chat_target){ .model = LIT("gemini-3"),
						      .no_sampling = true }),
		    "{\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"a\"}]}],"
		    "\"generationConfig\":{}}");
	CHECK_STR(lost(&k),
		  "name,messages[0].content[1] (search_result),"
		  "messages[0].content[2] (file),tools[0] (codeExecution),temperature,"
		  "user,prompt_cache_key,verbosity,store,metadata,"
		  "generationConfig.imageConfig,safetySettings");
	done(&k);
}

static void media_by_url_must_be_fetched_first(void **state UNUSED)
{
	struct chat_lost l = { 0 };
	struct json_out o;
	struct kit k;

	begin(&k);
	CHECK_RC(reads(&k,
		       "{\"contents\":[{\"parts\":[{\"text\":\"a\"},{\"fileData\":{\"fileUri\":"
		       "\"https://a.b/c.png\"}}]}]}"),
		 OK);
	out_init(&o, &k.a);
	CHECK_RC(dialect_gemini.request_write(&k.r, &three, &o, &l, &k.why), E_BAD);
	CHECK_STR(k.why.code, "media_url");
	CHECK_STR(k.why.param, "messages[0].content[1]");
	done(&k);
}

static void arguments_that_are_no_object_are_put_into_one(void **state UNUSED)
{
	struct chat_message *m;
	struct chat_part *p;
	struct kit k;

	begin(&k);
	m = chat_message_add(&k.r, &k.a, ROLE_ASSISTANT);
	p = chat_part_add(m, &k.a, PART_TOOL_CALL);
	p->u.call =
		(struct chat_call){ .id = JTEXT("c"), .name = JTEXT("f"), .args = LIT("[\"1") };
	p = chat_part_add(m, &k.a, PART_TOOL_CALL);
	p->u.call = (struct chat_call){
		.id = JTEXT("d"), .name = JTEXT("g"), .args = LIT("ls \"x\""), .custom = true
	};
	CHECK_SLICE(
		writes(&k, &two_five),
		"{\"contents\":[{\"role\":\"model\",\"parts\":[{\"functionCall\":{\"id\":\"c\","
		"\"name\":\"f\",\"args\":{\"_raw\":\"[\\\"1\"}}},{\"functionCall\":{\"id\":"
		"\"d\",\"name\":\"g\",\"args\":{\"input\":\"ls \\\"x\\\"\"}}}]}],"
		"\"generationConfig\":{}}");
	done(&k);
}

static void counting_asks_with_all_that_counts(void **state UNUSED)
{
	const struct request_in in = { .body = LIT("{\"generateContentRequest\":{\"model\":"
						   "\"models/gemini-3\",\"contents\":"
						   "[{\"parts\":[{\"text\":\"a\"}]}]}}"),
				       .op = OP_COUNT_TOKENS };
	struct kit k;

	begin(&k);
	CHECK_RC(dialect_gemini.request_read(&k.r, &in, &k.a, &k.why), OK);
	CHECK_SLICE(k.r.model, "gemini-3");
	CHECK_INT(k.r.wants, CHAT_COUNT_TOKENS);
	CHECK_SLICE(writes(&k, &two_five),
		    "{\"generateContentRequest\":{\"model\":\"models/gemini-2.5-pro\","
		    "\"contents\":[{\"role\":\"user\",\"parts\":[{\"text\":\"a\"}]}],"
		    "\"generationConfig\":{}}}");
	done(&k);
}

/* ---- answers ---- */

static enum rc answers(struct kit *k, struct chat_events *ev, const char *body)
{
	events_init(ev, &k->a);
	return dialect_gemini.answer_read(slice_cstr(body), ev);
}

static void answer_says(const char *body, const char *want)
{
	struct chat_events ev;
	struct kit k;

	begin(&k);
	CHECK_RC(answers(&k, &ev, body), OK);
	CHECK_STR(chat_says(&ev, k.text, sizeof(k.text)), want);
	done(&k);
}

/* Frames, one per line, and then the end of the connection. */
static void frames(struct kit *k, struct chat_events *ev, const char *lines)
{
	void *state = arena_zero(&k->keep, dialect_gemini.reader_bytes);
	struct slice rest = slice_cstr(lines), line;

	events_init(ev, &k->a);
	while (slice_cut(rest, '\n', &line, &rest))
		CHECK_RC(dialect_gemini.event_read(state, &k->keep, LIT(""), line, ev), OK);
	dialect_gemini.stream_end(state, &k->keep, ev);
}

static void stream_says(const char *lines, const char *want)
{
	struct chat_events ev;
	struct kit k;

	begin(&k);
	frames(&k, &ev, lines);
	CHECK_STR(chat_says(&ev, k.text, sizeof(k.text)), want);
	done(&k);
}

#define TELLS(parts, more)                                                                     \
	"{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[" parts "]}" more        \
	"}],\"responseId\":\"r-1\",\"modelVersion\":\"gemini-3\"}"
#define SAYS(text) "{\"text\":\"" text "\"}"

static const char whole_answer[] =
	"{\"candidates\":[{\"index\":0,\"content\":{\"role\":\"model\",\"parts\":["
	"{\"text\":\"hm\",\"thought\":true},{\"text\":\"\\u00e9!\"},"
	"{\"functionCall\":{\"name\":\"look\",\"args\":{\"q\":\"\\u00e9\"}},"
	"\"thoughtSignature\":\"AA==\"},{\"functionCall\":{\"id\":\"c2\",\"name\":\"time\"}}]},"
	"\"finishReason\":\"STOP\"}],\"usageMetadata\":{\"promptTokenCount\":100,"
	"\"cachedContentTokenCount\":30,\"candidatesTokenCount\":20,\"thoughtsTokenCount\":7,"
	"\"toolUsePromptTokenCount\":5,\"totalTokenCount\":132,\"promptTokensDetails\":["
	"{\"modality\":\"TEXT\",\"tokenCount\":90},{\"modality\":\"AUDIO\",\"tokenCount\":10}],"
	"\"candidatesTokensDetails\":[{\"modality\":\"AUDIO\",\"tokenCount\":4}]},"
	"\"modelVersion\":\"gemini-3\",\"responseId\":\"r-1\"}";

static void an_answer_is_read_with_all_that_it_says(void **state UNUSED)
{
	answer_says(whole_answer,
		    "start r-1 gemini-3\nreasoning hm\ntext \\u00e9!\n"
		    "call 0 call_r-1_0 look {\\\"q\\\":\\\"\\\\u00e9\\\"} signed AA==\n"
		    "call 1 c2 time {}\nusage 65+30+0+0+10 16+7+4\nfinish tools\nend\n");
}

static void a_stream_says_what_the_plain_answer_says(void **state UNUSED)
{
	stream_says(
		TELLS("{\"text\":\"hm\",\"thought\":true}", "") "\n" TELLS(
			SAYS("\\u00e9"),
			"") "\n" TELLS(SAYS("!"),
				       "") "\n" TELLS("{\"functionCall\":{\"name\":"
						      "\"look\",\"args\":{\"q\":1}}"
						      "}",
						      "") "\n" TELLS("{\"functionCall\":{"
								     "\"name\":\"look\","
								     "\"args\":{}}}",
								     ",\"finishReason\":"
								     "\"STOP\"") "\n"
										 "{\"usageMetad"
										 "ata\":{"
										 "\"trafficType"
										 "\":\"ON_"
										 "DEMAND\"}}\n"
										 "{\"candidates"
										 "\":[{"
										 "\"content\":{"
										 "\"parts\":[{"
										 "\"text\":"
										 "\"\","
										 "\"thoughtSign"
										 "ature\":\"AA="
										 "=\"}]}}],"
										 "\"usageMetada"
										 "ta\":"
										 "{\"promptToke"
										 "nCount\":3,"
										 "\"candidatesT"
										 "okenCount\":"
										 "2}}\n",
		"start r-1 gemini-3\nreasoning hm\ntext \\u00e9!\n"
		"call 0 call_r-1_0 look {\\\"q\\\":1}\ncall 1 call_r-1_1 look {}\n"
		"text  signed AA==\nusage 3+0+0+0+0 2+0+0\nfinish tools\nend\n");
}

static void a_stream_that_breaks_off_has_no_end(void **state UNUSED)
{
	stream_says(TELLS(SAYS("a"), "") "\n", "start r-1 gemini-3\ntext a\n");
	stream_says("", "");
	/* One of two choices has not ended. */
	stream_says(
		"{\"candidates\":[{\"index\":0,\"finishReason\":\"STOP\"},{\"index\":1}]}\n",
		"start\n");
}

static void every_reason_is_told_as_what_it_is(void **state UNUSED)
{
	static const struct {
		const char *reason, *want;
	} rows[] = {
		{ "STOP", "stop" },
		{ "MAX_TOKENS", "length" },
		{ "SAFETY", "filter" },
		{ "RECITATION", "filter" },
		{ "LANGUAGE", "filter" },
		{ "BLOCKLIST", "filter" },
		{ "PROHIBITED_CONTENT", "filter" },
		{ "SPII", "filter" },
		{ "MODEL_ARMOR", "filter" },
		{ "IMAGE_SAFETY", "filter" },
		{ "IMAGE_PROHIBITED_CONTENT", "filter" },
		{ "IMAGE_RECITATION", "filter" },
		{ "OTHER", "broken" },
		{ "NO_IMAGE", "broken" },
		{ "IMAGE_OTHER", "broken" },
		{ "MALFORMED_FUNCTION_CALL", "broken" },
		{ "UNEXPECTED_TOOL_CALL", "broken" },
		{ "TOO_MANY_TOOL_CALLS", "broken" },
		{ "MISSING_THOUGHT_SIGNATURE", "broken" },
		{ "SOMETHING_NEW", "broken" },
		{ "CONTINUATION", "pause" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char body[256], want[128];

		(void)snprintf(body, sizeof(body), TELLS(SAYS("a"), ",\"finishReason\":\"%s\""),
			       rows[i].reason);
		(void)snprintf(want, sizeof(want),
			       "start r-1 gemini-3\ntext a\nfinish %s\nend\n", rows[i].want);
		answer_says(body, want);
	}
	answer_says(TELLS(SAYS("a"), ""), "start r-1 gemini-3\ntext a\nfinish stop\nend\n");
	answer_says(TELLS("", ",\"finishReason\":\"STOP\",\"finishMessage\":\"m\""),
		    "start r-1 gemini-3\nfinish stop m\nend\n");
	answer_says("{\"candidates\":[{}]}", "start\nfinish broken\nend\n");
}

static void a_blocked_prompt_is_a_filter(void **state UNUSED)
{
	static const char body[] = "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"},"
				   "\"usageMetadata\":{\"promptTokenCount\":4}}";

	answer_says(body, "start\nusage 4+0+0+0+0 0+0+0\nfinish filter SAFETY\nend\n");
	stream_says("{\"promptFeedback\":{\"blockReason\":\"OTHER\"}}\n",
		    "start\nfinish filter OTHER\nend\n");
}

static void what_is_no_answer_is_not_read_as_one(void **state UNUSED)
{
	static const char *const rows[] = { "", "{", "[]", "[{}]", "3", "{}", "{\"a\":1}" };
	struct chat_events ev;
	struct kit k;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		begin(&k);
		CHECK_RC(answers(&k, &ev, rows[i]), E_BAD);
		done(&k);
	}
}

static void impossible_usage_is_corrected_and_told(void **state UNUSED)
{
	/* Thoughts among the candidates: the sum tells. */
	answer_says("{\"usageMetadata\":{\"promptTokenCount\":10,\"candidatesTokenCount\":9,"
		    "\"thoughtsTokenCount\":4,\"totalTokenCount\":19}}",
		    "start\nusage 10+0+0+0+0 5+4+0\nfinish broken\nend\n");
	answer_says(
		"{\"usageMetadata\":{\"promptTokenCount\":10,\"cachedContentTokenCount\":11}}",
		"start\nusage 0+10+0+0+0 0+0+0 odd\nfinish broken\nend\n");
	answer_says("{\"usageMetadata\":{\"promptTokenCount\":99999999999999999}}",
		    "start\nusage 0+0+0+0+0 0+0+0 odd\nfinish broken\nend\n");
}

static void sources_are_annotations_in_characters(void **state UNUSED)
{
	static const char want[] = "start r-1 gemini-3\ntext \xc3\xa9t\\u00e9 is warm\n"
				   "annotation 4-6 https://a|A|\nannotation 4-6 https://b|B|\n"
				   "finish stop\nend\n";
	static const char more[] =
		",\"finishReason\":\"STOP\",\"groundingMetadata\":{\"webSearchQueries\":[\"q\"]"
		","
		"\"groundingChunks\":[{\"web\":{\"uri\":\"https://a\",\"title\":\"A\"}},"
		"{\"web\":{\"uri\":\"https://b\",\"title\":\"B\"}}],\"groundingSupports\":["
		"{\"segment\":{\"startIndex\":6,\"endIndex\":8},\"groundingChunkIndices\":[0,1,"
		"7]"
		"}]}";
	char body[1024];

	(void)snprintf(body, sizeof(body), TELLS(SAYS("\xc3\xa9t\\u00e9 is warm"), "%s"), more);
	answer_says(body, want);
	(void)snprintf(body, sizeof(body),
		       TELLS(SAYS("\xc3\xa9"), "") "\n" TELLS(SAYS("t\\u00e9"), "") "\n" TELLS(
			       SAYS(" is warm"), "%s") "\n",
		       more);
	stream_says(body, want);
	answer_says(
		TELLS(SAYS("a"),
		      ",\"citationMetadata\":{\"citationSources\":[{\"startIndex\":0,"
		      "\"endIndex\":1,\"uri\":\"https://c\"}]}"),
		"start r-1 gemini-3\ntext a\nannotation 0-1 https://c||\nfinish stop\nend\n");
}

static void log_probabilities_have_openai_s_shape(void **state UNUSED)
{
	answer_says(
		TELLS(SAYS("a"), ",\"logprobsResult\":{\"chosenCandidates\":[{\"token\":\"a\","
				 "\"tokenId\":1,\"logProbability\":-0.5}],\"topCandidates\":[{"
				 "\"candidates\":[{\"token\":\"b\",\"logProbability\":-1}]}]}"),
		"start r-1 gemini-3\ntext a\nlogprobs [{\"token\":\"a\",\"logprob\":-0.5,"
		"\"bytes\":null,\"top_logprobs\":[{\"token\":\"b\",\"logprob\":-1,\"bytes\":"
		"null}]}]\nfinish stop\nend\n");
}

static void arguments_in_pieces_are_put_together(void **state UNUSED)
{
	stream_says(
		TELLS("{\"functionCall\":{\"name\":\"f\",\"willContinue\":true}}",
		      "") "\n" TELLS("{\"functionCall\":{\"partialArgs\":[{\"jsonPath\":\"$"
				     ".city\","
				     "\"stringValue\":\"P\\\"a\",\"willContinue\":true},{"
				     "\"jsonPath\":\"$.n\","
				     "\"numberValue\":1.50}],\"willContinue\":true}}",
				     "") "\n" TELLS("{\"functionCall\":{\"partialArgs\":[{"
						    "\"jsonPath\":"
						    "\"$.city\",\"stringValue\":\"ris\"},{"
						    "\"jsonPath\":"
						    "\"$.a[0].b\",\"boolValue\":true},{"
						    "\"jsonPath\":"
						    "\"$.a[1]['c "
						    "d']\",\"nullValue\":\"NULL_VALUE\"},"
						    "{\"jsonPath\":\"$\",\"numberValue\":3}"
						    "],"
						    "\"willContinue\":true}}",
						    "") "\n" TELLS("{\"functionCall\":{}}",
								   "") "\n" TELLS("{\"funct"
										  "ionCall"
										  "\":{"
										  "\"name\""
										  ":\"g\","
										  "\"args\""
										  ":{}}}",
										  ",\"finis"
										  "hReason"
										  "\":"
										  "\"STOP"
										  "\"") "\n",
		"start r-1 gemini-3\n"
		"call 0 call_r-1_0 f {\\\"city\\\":\\\"P\\\\\\\"aris\\\",\\\"n\\\":1.50,"
		"\\\"a\\\":[{\\\"b\\\":true},{\\\"c d\\\":null}]}\n"
		"call 1 call_r-1_1 g {}\nfinish tools\nend\n");
}

/* ---- answers that are written ---- */

static struct slice answered(struct kit *k, const struct chat_events *ev)
{
	struct json_out o;

	out_init(&o, &k->a);
	dialect_gemini.answer_write(&reply, ev, &o);
	CHECK(out_ok(&o));
	return out_slice(&o);
}

static struct slice streamed(struct kit *k, const struct chat_events *ev, bool array)
{
	void *state = arena_zero(&k->keep, dialect_gemini.writer_bytes);
	struct chat_reply to = reply;
	struct json_out o;

	to.array = array;
	out_init(&o, &k->a);
	for (size_t i = 0; i < ev->n; i++)
		dialect_gemini.event_write(state, &to, &k->keep, &ev->v[i], &o);
	CHECK(out_ok(&o));
	return out_slice(&o);
}

#define TAIL "\"modelVersion\":\"shown\",\"responseId\":\"req-1\"}"
#define FRAME(part)                                                                            \
	"{\"candidates\":[{\"content\":{\"parts\":[" part                                      \
	"],\"role\":\"model\"},\"index\":0}]," TAIL

/* Text in two pieces, two calls whose arguments are interleaved, usage early, finish. */
static void overlapping(struct chat_events *ev)
{
	static const struct {
		enum event_kind kind;
		unsigned index;
		const char *text;
	} rows[] = {
		{ EV_START, 0, "" },
		{ EV_USAGE, 0, "" },
		{ EV_REASONING, 0, "h" },
		{ EV_REASONING, 0, "m" },
		{ EV_TEXT, 0, "a" },
		{ EV_TEXT, 0, "\\n" },
		{ EV_TOOL_BEGIN, 0, "" },
		{ EV_TOOL_ARGS, 0, "{\\\"a\\\":\\\"\\\\ud83d" },
		{ EV_TOOL_BEGIN, 1, "" },
		{ EV_TOOL_ARGS, 1, "[1" },
		{ EV_TOOL_ARGS, 0, "\\\\ude00\\\"}" },
		{ EV_TOOL_END, 1, "" },
		{ EV_TOOL_END, 0, "" },
		{ EV_TOOL_BEGIN, 2, "" },
		{ EV_TOOL_END, 2, "" },
		{ EV_FINISH, 0, "" },
		{ EV_FINISH, 0, "" },
		{ EV_END, 0, "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct chat_event *e = event_add(ev, rows[i].kind);

		if (e == NULL)
			return;
		e->index = rows[i].index;
		e->text.s = slice_cstr(rows[i].text);
		if (e->kind == EV_TOOL_BEGIN) {
			e->id = JTEXT("c");
			e->name = JTEXT("f");
		}
		if (e->kind == EV_USAGE)
			e->u.usage = (struct usage){ .known = true,
						     .input = 5,
						     .cache_read = 2,
						     .audio_in = 3,
						     .output = 4,
						     .reasoning = 1 };
		if (e->kind == EV_FINISH)
			e->finish = i == ARRAY_LEN(rows) - 3 ? FINISH_TOOLS : FINISH_LENGTH;
	}
}

#define CALLED(args) "{\"functionCall\":{\"id\":\"c\",\"name\":\"f\",\"args\":" args "}}"
#define USED                                                                                   \
	"\"usageMetadata\":{\"promptTokenCount\":10,\"candidatesTokenCount\":4,"               \
	"\"totalTokenCount\":15,\"cachedContentTokenCount\":2,\"thoughtsTokenCount\":1,"       \
	"\"promptTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":7},{\"modality\":"     \
	"\"AUDIO\",\"tokenCount\":3}]},"

static void an_answer_is_written_whole(void **state UNUSED)
{
	struct chat_events ev;
	struct kit k;

	begin(&k);
	events_init(&ev, &k.a);
	overlapping(&ev);
	CHECK_SLICE(
		answered(&k, &ev),
		"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"hm\",\"thought\":true},"
		"{\"text\":\"a\\n\"}," CALLED("{\"a\":\"\\ud83d\\ude00\"}") "," CALLED(
			"{\"_raw\":\"[1\"}") "," CALLED("{}") "],\"role\":\"model\"},"
							      "\"finishReason\":\"STOP\","
							      "\"index\":0}]," USED TAIL);
	done(&k);
}

static void calls_are_streamed_whole_and_the_end_last(void **state UNUSED)
{
	struct chat_events ev;
	struct kit k;

	begin(&k);
	events_init(&ev, &k.a);
	overlapping(&ev);
	CHECK_SLICE(
		streamed(&k, &ev, false),
		"data: " FRAME("{\"text\":\"h\",\"thought\":true}") "\r\n\r\ndata: " FRAME(
			"{\"text\":\"m\",\"thought\":true}") "\r\n\r\n"
							     "data: " FRAME(
								     "{\"text\":\"a\"}") "\r\n"
											 "\r\n"
											 "data:"
											 " " FRAME(
												 "{\"text\":\"\\n\"}") "\r\n\r\n"
														       "data: " FRAME(CALLED(
															       "{\"_raw\":\"[1\"}")) "\r\n\r\n"
																		     "data: " FRAME(CALLED(
																			     "{\"a\":\"\\ud83d\\ude00\"}")) "\r\n\r\n"
																							    "data: " FRAME(CALLED(
																								    "{}")) "\r\n\r\n"
																									   "data: {\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\"}],\"role\":"
																									   "\"model\"},\"finishReason\":\"STOP\",\"index\":0}]," USED
																										   TAIL
																									   "\r\n\r\n");
	done(&k);
}

static void indented_arguments_stay_on_one_line(void **state UNUSED)
{
	struct chat_event rows[] = {
		{ .kind = EV_TOOL_BEGIN, .id = JTEXT("c"), .name = JTEXT("f") },
		{ .kind = EV_TOOL_ARGS, .text = JTEXT("{\\n \\\"a\\\": \\\"\\\\n\\\"\\r\\n}") },
		{ .kind = EV_TOOL_END },
	};
	const struct chat_events ev = { .v = rows, .n = ARRAY_LEN(rows) };
	struct kit k;

	begin(&k);
	CHECK_SLICE(streamed(&k, &ev, false),
		    "data: " FRAME(CALLED("{  \"a\": \"\\n\"  }")) "\r\n\r\n");
	done(&k);
}

static void without_sse_a_stream_is_one_array(void **state UNUSED)
{
	struct chat_events ev;
	enum json_kind kind;
	struct slice text;
	struct kit k;
	size_t n;

	begin(&k);
	events_init(&ev, &k.a);
	overlapping(&ev);
	text = streamed(&k, &ev, true);
	CHECK(slice_starts(text, LIT("[" FRAME("{\"text\":\"h\",\"thought\":true}") ",\r\n{")));
	CHECK_RC(json_scan(text, &kind, NULL, 0, &n, NULL), OK);
	CHECK_INT(kind, JSON_ARRAY);
	done(&k);
}

static void an_error_ends_the_stream(void **state UNUSED)
{
	static const char want[] =
		"{\"error\":{\"code\":502,\"message\":\"it \\\"broke\\\"\",\"status\":"
		"\"UNAVAILABLE\",\"details\":[{\"@type\":\"type.googleapis.com/"
		"google.rpc.ErrorInfo\",\"reason\":\"upstream\",\"domain\":\"weir\"}]}}";
	const struct chat_error e = { .status = 502,
				      .message = LIT("it \"broke\""),
				      .code = "upstream" };
	struct chat_event text = { .kind = EV_TEXT, .text = JTEXT("a") };

	for (int array = 0; array < 2; array++) {
		struct chat_reply to = reply;
		struct json_out o;
		char all[512];
		struct kit k;
		void *state_of;

		begin(&k);
		state_of = arena_zero(&k.keep, dialect_gemini.writer_bytes);
		to.array = array == 1;
		out_init(&o, &k.a);
		dialect_gemini.event_write(state_of, &to, &k.keep, &text, &o);
		dialect_gemini.error_event_write(state_of, &to, &e, &o);
		dialect_gemini.event_write(state_of, &to, &k.keep, &text, &o);
		(void)snprintf(all, sizeof(all), "%s%s%s%s%s",
			       array ? "[" : "data: ", FRAME("{\"text\":\"a\"}"),
			       array ? ",\r\n" : "\r\n\r\ndata: ", want,
			       array ? "]" : "\r\n\r\n");
		CHECK_SLICE(out_slice(&o), all);
		done(&k);
	}
}

/* What is written says, once read, what was said: plain, and as a stream. */
static void answers_survive_the_way_out_and_in(void **state UNUSED)
{
	static const char want[] =
		"start req-1 shown\nreasoning hm\ntext \\u00e9!\n"
		"call 0 call_r-1_0 look {\\\"q\\\":\\\"\\\\u00e9\\\"} signed %s\n"
		"call 1 c2 time {}\nusage 65+30+0+0+10 16+7+4\nfinish tools\nend\n";
	char says[1024], sealed[64], lines[4096];
	struct chat_events ev, again;
	struct slice text, line;
	struct kit k;
	struct sb b;

	begin(&k);
	CHECK_RC(answers(&k, &ev, whole_answer), OK);
	(void)snprintf(sealed, sizeof(sealed), "d2Vpcn5nb29nbGV+QUE9PQ==");
	(void)snprintf(says, sizeof(says), want, sealed);
	events_init(&again, &k.a);
	CHECK_RC(dialect_gemini.answer_read(answered(&k, &ev), &again), OK);
	CHECK_STR(chat_says(&again, k.text, sizeof(k.text)), says);
	text = streamed(&k, &ev, false);
	sb_init(&b, lines, sizeof(lines));
	while (slice_cut(text, '\n', &line, &text))
		if (slice_starts(line, LIT("data: "))) {
			sb_str(&b, slice_skip(line, 6));
			sb_char(&b, '\n');
		}
	frames(&k, &again, sb_cstr(&b));
	CHECK_STR(chat_says(&again, k.text, sizeof(k.text)), says);
	done(&k);
}

static void several_choices_stay_apart(void **state UNUSED)
{
	static const char body[] =
		"{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"a\"}],\"role\":"
		"\"model\"},"
		"\"finishReason\":\"STOP\",\"index\":0},{\"content\":{\"parts\":[{\"text\":"
		"\"b\"}],"
		"\"role\":\"model\"},\"finishReason\":\"MAX_TOKENS\",\"index\":1}]," TAIL;
	struct chat_events ev;
	struct kit k;

	begin(&k);
	CHECK_RC(answers(&k, &ev, body), OK);
	CHECK_SLICE(answered(&k, &ev), body);
	done(&k);
}

/* The SDKs take signatures in base64 only. */
static void sealed_state_comes_back_as_it_was(void **state UNUSED)
{
	struct chat_event rows[] = {
		{ .kind = EV_REASONING, .text = JTEXT("t") },
		{ .kind = EV_SIGNATURE, .signature = JTEXT("s\\/1") },
		{ .kind = EV_SIGNATURE, .text = JTEXT("gA=="), .encrypted = true },
		{ .kind = EV_TOOL_BEGIN, .name = JTEXT("f"), .signature = JTEXT("c") },
		{ .kind = EV_TOOL_END },
		{ .kind = EV_END },
	};
	struct chat_events ev = { .v = rows, .n = ARRAY_LEN(rows) };
	const struct chat_part *p;
	struct slice out, parts;
	struct fields f;
	struct kit k;
	char body[2048];

	begin(&k);
	out = answered(&k, &ev);
	CHECK(opaque_in(out));
	CHECK(fields_read(&f, out, &k.a));
	parts = field_array(&f, "candidates");
	(void)snprintf(body, sizeof(body), "{\"contents\":[%.*s]}",
		       (int)(slice_find(parts, LIT(",\"index\"")) - 12), parts.p + 12);
	CHECK_RC(reads(&k, body), OK);
	CHECK_SLICE(k.r.pinned, "google");
	p = k.r.messages->parts;
	CHECK_SLICE(p->u.reasoning.text.s, "t");
	CHECK_SLICE(p->u.reasoning.signature.data.s, "s/1");
	CHECK_SLICE(p->u.reasoning.signature.issuer, "google");
	p = p->next;
	CHECK_SLICE(p->u.reasoning.encrypted.data.s, "gA==");
	CHECK_INT(p->u.reasoning.signature.data.s.n, 0);
	p = p->next;
	CHECK_SLICE(p->signature.data.s, "c");
	/* To whom they belong they go; nobody else gets them. */
	out = writes(&k, &three);
	CHECK(slice_find(out, LIT("\"thoughtSignature\":\"c\"")) != SLICE_NONE);
	out = writes(&k,
		     &(struct chat_target){ .model = LIT("gemini-3"), .provider = LIT("x") });
	CHECK(slice_find(out, LIT("\"thoughtSignature\":\"c\"")) == SLICE_NONE);
	CHECK(slice_find(out, LIT("skip_thought")) != SLICE_NONE);
	done(&k);
}

/* What was never sealed is base64 already: once more would be another signature. */
static void a_signature_of_its_own_stays_as_it_is(void **state UNUSED)
{
	struct chat_event rows[] = {
		{ .kind = EV_TEXT, .text = JTEXT("t"), .signature = JTEXT("QUE9") },
		{ .kind = EV_END },
	};
	struct chat_events ev = { .v = rows, .n = ARRAY_LEN(rows) };
	const struct chat_reply own = { .id = LITC("r"), .model = LITC("m") };
	struct json_out o;
	struct kit k;

	begin(&k);
	out_init(&o, &k.a);
	dialect_gemini.answer_write(&own, &ev, &o);
	CHECK(slice_find(out_slice(&o), LIT("\"thoughtSignature\":\"QUE9\"")) != SLICE_NONE);
	done(&k);
}

/* ---- errors ---- */

static void errors_are_told_apart(void **state UNUSED)
{
	static const struct {
		unsigned status;
		const char *body;
		enum fault_kind kind;
		uint64_t after_us;
	} rows[] = {
		{ 400,
		  "{\"error\":{\"code\":400,\"message\":\"m\",\"status\":\"INVALID_ARGUMENT\"}"
		  "}",
		  FAULT_CLIENT, 0 },
		{ 400,
		  "{\"error\":{\"message\":\"API key not valid.\",\"status\":"
		  "\"INVALID_ARGUMENT\"}}",
		  FAULT_AUTH, 0 },
		{ 400,
		  "{\"error\":{\"message\":\"m\",\"status\":\"INVALID_ARGUMENT\",\"details\":"
		  "[{\"@type\":\"type.googleapis.com/google.rpc.ErrorInfo\",\"reason\":"
		  "\"API_KEY_INVALID\"}]}}",
		  FAULT_AUTH, 0 },
		{ 400,
		  "{\"error\":{\"message\":\"The input token count (9) exceeds the maximum "
		  "number of tokens allowed (8).\",\"status\":\"INVALID_ARGUMENT\"}}",
		  FAULT_CONTEXT, 0 },
		{ 403, "{\"error\":{\"message\":\"m\",\"status\":\"PERMISSION_DENIED\"}}",
		  FAULT_AUTH, 0 },
		{ 404, "{\"error\":{\"message\":\"m\",\"status\":\"NOT_FOUND\"}}", FAULT_MODEL,
		  0 },
		{ 429,
		  "[{\"error\":{\"code\":429,\"message\":\"m\",\"status\":\"RESOURCE_"
		  "EXHAUSTED\","
		  "\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\","
		  "\"retryDelay\":\"34.45s\"}]}}]",
		  FAULT_RATE, 34450000 },
		{ 429,
		  "{\"error\":{\"message\":\"m\",\"status\":\"RESOURCE_EXHAUSTED\",\"details\":"
		  "["
		  "{\"@type\":\"type.googleapis.com/google.rpc.QuotaFailure\",\"violations\":["
		  "{\"quotaId\":\"GenerateRequestsPerDayPerProjectPerModel-FreeTier\"}]}]}}",
		  FAULT_QUOTA, 0 },
		{ 500, "{\"error\":{\"message\":\"m\",\"status\":\"INTERNAL\"}}", FAULT_SERVER,
		  0 },
		{ 503, "{\"error\":{\"message\":\"m\",\"status\":\"UNAVAILABLE\"}}",
		  FAULT_OVERLOADED, 0 },
		{ 504, "{\"error\":{\"message\":\"m\",\"status\":\"DEADLINE_EXCEEDED\"}}",
		  FAULT_TIMEOUT, 0 },
		{ 502, "<html>", FAULT_SERVER, 0 },
		{ 200, "{\"error\":{\"code\":503,\"message\":\"m\"}}", FAULT_OVERLOADED, 0 },
		{ 200, "{\"error\":{}}", FAULT_GARBAGE, 0 },
		{ 200, "{\"error\":{\"message\":\"m\"}}", FAULT_SERVER, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fault f = { .kind = FAULT_NONE };
		struct kit k;

		begin(&k);
		dialect_gemini.error_read(&f, rows[i].status, slice_cstr(rows[i].body), &k.a);
		CHECK_INT(f.kind, rows[i].kind);
		CHECK_INT(f.status, rows[i].status);
		CHECK_INT(f.retry_after_us, rows[i].after_us);
		done(&k);
	}
	stream_says("[{\"error\":{\"code\":503,\"message\":\"busy\",\"status\":\"UNAVAILABLE\"}"
		    "}]\n" TELLS(SAYS("a"), ",\"finishReason\":\"STOP\"") "\n",
		    "error overloaded busy\n");
}

static void an_error_names_field_and_request(void **state UNUSED)
{
	const struct chat_error e = { .status = 400,
				      .message = LIT("m"),
				      .code = "invalid_type",
				      .param = "contents",
				      .id = LIT("req-1") };
	struct json_out o;
	struct kit k;

	begin(&k);
	out_init(&o, &k.a);
	dialect_gemini.error_write(&e, &o);
	CHECK_SLICE(
		out_slice(&o),
		"{\"error\":{\"code\":400,\"message\":\"m\",\"status\":\"INVALID_ARGUMENT\","
		"\"details\":[{\"@type\":\"type.googleapis.com/"
		"google.rpc.ErrorInfo\",\"reason\":"
		"\"invalid_type\",\"domain\":\"weir\"},{\"@type\":\"type.googleapis.com/"
		"google.rpc.BadRequest\",\"fieldViolations\":[{\"field\":\"contents\","
		"\"description\":\"m\"}]},{\"@type\":\"type.googleapis.com/"
		"google.rpc.RequestInfo\",\"requestId\":\"req-1\"}]}}");
	done(&k);
}

/* ---- paths, models, counts ---- */

static void a_path_holds_any_model_name(void **state UNUSED)
{
	static const struct {
		enum chat_op op;
		bool stream;
		const char *model, *want;
	} rows[] = {
		{ OP_CHAT, false, "gemini-3-pro", "/models/gemini-3-pro:generateContent" },
		{ OP_CHAT, true, "models/m", "/models/m:streamGenerateContent?alt=sse" },
		{ OP_COUNT_TOKENS, false, "m@001", "/models/m@001:countTokens" },
		{ OP_CHAT, false, "tunedModels/x", "/tunedModels/x:generateContent" },
		{ OP_CHAT, false, "tuned/x", "/tunedModels/x:generateContent" },
		{ OP_CHAT, false, "a/b c:d?\xc3\xa9",
		  "/models/a%2Fb%20c%3Ad%3F%C3%A9:generateContent" },
		{ OP_EMBEDDINGS, false, "e", "/models/e:batchEmbedContents" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kit k;

		begin(&k);
		CHECK_SLICE(dialect_gemini.path(rows[i].op, rows[i].stream,
						slice_cstr(rows[i].model), &k.a),
			    rows[i].want);
		done(&k);
	}
}

static void models_and_counts_have_google_s_shape(void **state UNUSED)
{
	const struct model_row row = { .name = LIT("a/b"), .context = 5, .max_output = 6 };
	struct json_out o;
	uint64_t n = 0;
	struct kit k;

	begin(&k);
	out_init(&o, &k.a);
	dialect_gemini.models_write(&row, 1, &o);
	CHECK_SLICE(
		out_slice(&o),
		"{\"models\":[{\"name\":\"models/a/b\",\"displayName\":\"a/b\","
		"\"inputTokenLimit\":5,\"outputTokenLimit\":6,\"supportedGenerationMethods\":["
		"\"generateContent\",\"streamGenerateContent\",\"countTokens\"]}]}");
	out_init(&o, &k.a);
	dialect_gemini.count_write(17, &o);
	CHECK_RC(dialect_gemini.count_read(out_slice(&o), &n), OK);
	CHECK_INT(n, 17);
	CHECK_RC(dialect_gemini.count_read(LIT("{\"totalTokens\":\"x\"}"), &n), E_BAD);
	done(&k);
}

/* ---- memory ---- */

static void everything(struct test_mem *t)
{
	const struct request_in in = { .body = slice_cstr(whole_request), .model = LIT("m") };
	struct chat_lost l = { 0 };
	struct chat_refusal why = { 0 };
	struct chat_request r;
	struct chat_events ev, own;
	struct json_out o;
	struct arena a;
	void *state;
	enum rc rc;

	arena_init(&a, &t->mem, 256, 1 << 22);
	rc = dialect_gemini.request_read(&r, &in, &a, &why);
	CHECK(rc == OK || rc == E_NOMEM);
	if (rc == OK) {
		r.messages->next->parts->next->next->next = NULL; /* no URL */
		out_init(&o, &a);
		rc = dialect_gemini.request_write(&r, &three, &o, &l, &why);
		CHECK(rc == OK || rc == E_NOMEM);
	}
	events_init(&ev, &a);
	rc = dialect_gemini.answer_read(slice_cstr(whole_answer), &ev);
	CHECK(rc == OK || rc == E_NOMEM);
	events_init(&own, &a);
	overlapping(&own);
	out_init(&o, &a);
	dialect_gemini.answer_write(&reply, &own, &o);
	state = arena_zero(&a, dialect_gemini.writer_bytes);
	for (size_t i = 0; state != NULL && i < own.n; i++)
		dialect_gemini.event_write(state, &reply, &a, &own.v[i], &o);
	CHECK(t->failed || out_ok(&o));
	arena_free(&a);
}

static void memory_may_fail_anywhere(void **state UNUSED)
{
	sweep(everything);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_read_with_all_that_it_says),
		cmocka_unit_test(a_request_is_written_as_it_was_read),
		cmocka_unit_test(names_in_snake_case_and_lone_objects_are_read),
		cmocka_unit_test(bad_requests_are_refused_by_their_path),
		cmocka_unit_test(a_schema_that_is_too_deep_is_refused),
		cmocka_unit_test(thinking_is_a_budget_in_2_5_and_a_level_from_3_on),
		cmocka_unit_test(a_history_made_elsewhere_has_the_word_for_no_signature),
		cmocka_unit_test(vertex_has_no_ids_in_calls),
		cmocka_unit_test(before_3_pictures_of_results_follow_them),
		cmocka_unit_test(gemma_hears_the_system_prompt_from_the_user),
		cmocka_unit_test(what_cannot_be_said_is_named),
		cmocka_unit_test(media_by_url_must_be_fetched_first),
		cmocka_unit_test(arguments_that_are_no_object_are_put_into_one),
		cmocka_unit_test(counting_asks_with_all_that_counts),
		cmocka_unit_test(an_answer_is_read_with_all_that_it_says),
		cmocka_unit_test(a_stream_says_what_the_plain_answer_says),
		cmocka_unit_test(a_stream_that_breaks_off_has_no_end),
		cmocka_unit_test(every_reason_is_told_as_what_it_is),
		cmocka_unit_test(a_blocked_prompt_is_a_filter),
		cmocka_unit_test(what_is_no_answer_is_not_read_as_one),
		cmocka_unit_test(impossible_usage_is_corrected_and_told),
		cmocka_unit_test(sources_are_annotations_in_characters),
		cmocka_unit_test(log_probabilities_have_openai_s_shape),
		cmocka_unit_test(arguments_in_pieces_are_put_together),
		cmocka_unit_test(an_answer_is_written_whole),
		cmocka_unit_test(calls_are_streamed_whole_and_the_end_last),
		cmocka_unit_test(indented_arguments_stay_on_one_line),
		cmocka_unit_test(without_sse_a_stream_is_one_array),
		cmocka_unit_test(an_error_ends_the_stream),
		cmocka_unit_test(answers_survive_the_way_out_and_in),
		cmocka_unit_test(several_choices_stay_apart),
		cmocka_unit_test(sealed_state_comes_back_as_it_was),
		cmocka_unit_test(a_signature_of_its_own_stays_as_it_is),
		cmocka_unit_test(errors_are_told_apart),
		cmocka_unit_test(an_error_names_field_and_request),
		cmocka_unit_test(a_path_holds_any_model_name),
		cmocka_unit_test(models_and_counts_have_google_s_shape),
		cmocka_unit_test(memory_may_fail_anywhere),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
