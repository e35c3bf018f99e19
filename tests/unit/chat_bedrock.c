/* Requests of the Converse dialect, both ways. */
#include "check.h"

#include "base/sb.h"
#include "chat/bedrock/bedrock.h"

#define CLAUDE   "anthropic.claude-sonnet-4-5-20250929-v1:0"
#define CLAUDE_5 "us.anthropic.claude-opus-4-8-v1:0"
#define CLAUDE_3 "anthropic.claude-3-haiku-20240307-v1:0"
#define NOVA     "us.amazon.nova-2-lite-v1:0"
#define OSS      "openai.gpt-oss-120b-1:0"
#define LLAMA    "meta.llama3-3-70b-instruct-v1:0"

struct kit {
	struct test_mem mem;
	struct arena a;
	struct chat_refusal why;
	struct chat_lost lost;
};

static void begin(struct kit *k)
{
	*k = (struct kit){ 0 };
	test_mem_init(&k->mem, 0);
	arena_init(&k->a, &k->mem.mem, 1024, 1 << 24);
}

static void done(struct kit *k)
{
	arena_free(&k->a);
	CHECK_INT(k->mem.live, 0);
}

static enum rc read_it(struct kit *k, struct chat_request *r, struct slice body)
{
	const struct request_in in = {
		.body = body, .model = LIT("m"), .stream = YES, .op = OP_CHAT
	};

	return dialect_bedrock.request_read(r, &in, &k->a, &k->why);
}

static void must_read(struct kit *k, struct chat_request *r, const char *body)
{
	enum rc rc = read_it(k, r, slice_cstr(body));

	if (rc != OK)
		fail_msg("%s: %s", k->why.param, k->why.text);
}

static struct slice write_for(struct kit *k, const struct chat_request *r, const char *model)
{
	const struct chat_target t = { .model = slice_cstr(model), .provider = LIT("aws") };
	struct json_out o;

	k->lost = (struct chat_lost){ 0 };
	out_init(&o, &k->a);
	CHECK_RC(dialect_bedrock.request_write(r, &t, &o, &k->lost, &k->why), OK);
	return out_slice(&o);
}

/* "seed,logprobs" */
static struct slice lost(struct kit *k)
{
	struct slice s = { NULL, 0 };

	for (size_t i = 0; i < k->lost.n; i++)
		s = arena_fmt(&k->a, "%.*s%s%s", SARG(s), i > 0 ? "," : "", k->lost.v[i].name);
	return s;
}

static const struct dialect foreign = { .name = "foreign" };

/* Of another dialect, with one user's message. */
static void foreign_request(struct kit *k, struct chat_request *r)
{
	struct chat_message *m;

	*r = (struct chat_request){ .dialect = &foreign };
	m = chat_message_add(r, &k->a, ROLE_USER);
	chat_part_add(m, &k->a, PART_TEXT)->u.text = JTEXT("hi");
}

/* What a foreign request with one change is written as; `at` says where to look: the text that
 * follows "messages". */
static void check_rest(struct kit *k, const struct chat_request *r, const char *model,
		       const char *want, const char *want_lost)
{
	static const struct slice start =
		LITC("{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}]");
	struct slice got = write_for(k, r, model);

	if (!slice_starts(got, start))
		fail_msg("%.*s", SARG(got));
	CHECK_SLICE(slice_skip(got, start.n), want);
	CHECK_SLICE(lost(k), want_lost);
}

/* ---- reading ---- */

static const char whole[] =
	"{\"system\":[{\"text\":\"Be brief.\"},{\"cachePoint\":{\"type\":\"default\",\"ttl\":"
	"\"1h\"}}],\"messages\":["
	"{\"role\":\"user\",\"content\":[{\"text\":\"What \\u00e9?\"},"
	"{\"image\":{\"format\":\"png\",\"source\":{\"bytes\":\"iVBO\"}}},"
	"{\"document\":{\"format\":\"pdf\",\"name\":\"a b\",\"source\":{\"bytes\":\"JVBE\"},"
	"\"citations\":{\"enabled\":true}}},"
	"{\"video\":{\"format\":\"mp4\",\"source\":{\"s3Location\":{\"uri\":\"s3://b/v\"}}}},"
	"{\"cachePoint\":{\"type\":\"default\"}}]},"
	"{\"role\":\"assistant\",\"content\":["
	"{\"reasoningContent\":{\"reasoningText\":{\"text\":\"hm\",\"signature\":\"sig\"}}},"
	"{\"reasoningContent\":{\"redactedContent\":\"cmVk\"}},"
	"{\"text\":\"I look.\"},"
	"{\"toolUse\":{\"toolUseId\":\"t1\",\"name\":\"look\",\"input\":{\"q\":1}}},"
	"{\"toolUse\":{\"toolUseId\":\"t2\",\"name\":\"time\",\"input\":{}}}]},"
	"{\"role\":\"user\",\"content\":["
	"{\"toolResult\":{\"toolUseId\":\"t1\",\"content\":[{\"text\":\"one\"},{\"json\":{"
	"\"a\":"
	"2}},{\"image\":{\"format\":\"jpeg\",\"source\":{\"bytes\":\"/9j/\"}}}],\"status\":"
	"\"success\"}},"
	"{\"toolResult\":{\"toolUseId\":\"t2\",\"content\":[{\"text\":\"no\"}],\"status\":"
	"\"error\"}},{\"text\":\"Go on.\"}]}],"
	"\"inferenceConfig\":{\"maxTokens\":99,\"temperature\":0.30,\"topP\":0.9,"
	"\"stopSequences\":[\"END\",\"\\n\"]},"
	"\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"look\",\"description\":\"d\","
	"\"inputSchema\":{\"json\":{\"type\":\"object\"}},\"strict\":true}},"
	"{\"toolSpec\":{\"name\":\"time\",\"inputSchema\":{\"json\":{}}}},"
	"{\"cachePoint\":{\"type\":\"default\"}}],\"toolChoice\":{\"tool\":{\"name\":\"look\"}"
	"}},"
	"\"outputConfig\":{\"textFormat\":{\"type\":\"json_schema\",\"structure\":{"
	"\"jsonSchema\":{\"schema\":\"{\\\"type\\\":\\\"object\\\"}\",\"name\":\"n\"}}}},"
	"\"additionalModelRequestFields\":{\"top_k\":7,\"thinking\":{\"type\":\"enabled\","
	"\"budget_tokens\":2000}},"
	"\"serviceTier\":{\"type\":\"flex\"},\"requestMetadata\":{\"user_id\":\"u1\",\"k\":"
	"\"v\"},"
	"\"performanceConfig\":{\"latency\":\"optimized\"}}";

static void check_turns(const struct chat_request *r)
{
	const struct chat_message *m = r->messages;
	const struct chat_part *p = m->parts;

	CHECK_INT(m->role, ROLE_SYSTEM);
	CHECK_SLICE(p->u.text.s, "Be brief.");
	CHECK_INT(p->cache, CACHE_1H);
	m = m->next;
	CHECK_INT(m->role, ROLE_USER);
	p = m->parts->next;
	CHECK_SLICE(p->u.media.mime, "image/png");
	CHECK_SLICE(p->u.media.data, "iVBO");
	p = p->next;
	CHECK_SLICE(p->u.media.mime, "application/pdf");
	CHECK_SLICE(p->u.media.name.s, "a b");
	CHECK(p->u.media.citations);
	p = p->next;
	CHECK_INT(p->u.media.source, MEDIA_FILE);
	CHECK_SLICE(p->u.media.url.s, "s3://b/v");
	CHECK_INT(p->cache, CACHE_DEFAULT);
	m = m->next;
	CHECK_INT(m->role, ROLE_ASSISTANT);
	p = m->parts;
	CHECK_SLICE(p->u.reasoning.text.s, "hm");
	CHECK_SLICE(p->u.reasoning.signature.data.s, "sig");
	p = p->next;
	CHECK_SLICE(p->u.reasoning.encrypted.data.s, "cmVk");
	p = p->next->next;
	CHECK_SLICE(p->u.call.id.s, "t1");
	CHECK_SLICE(p->u.call.args, "{\"q\":1}");
	CHECK(p->u.call.args_ok);
	m = m->next;
	CHECK_INT(m->role, ROLE_TOOL);
	p = m->parts;
	CHECK_SLICE(p->u.result.name.s, "look");
	CHECK_STR(p->u.result.parts->next->u.other.what, "json");
	CHECK_SLICE(p->u.result.parts->next->u.other.raw, "{\"a\":2}");
	CHECK_SLICE(p->u.result.parts->next->next->u.media.mime, "image/jpeg");
	CHECK(!p->u.result.is_error && p->next->u.result.is_error);
	m = m->next;
	CHECK_INT(m->role, ROLE_USER);
	CHECK_SLICE(m->parts->u.text.s, "Go on.");
	CHECK(m->next == NULL);
}

static void a_request_is_read_with_all_that_it_says(void **state UNUSED)
{
	struct chat_request r;
	struct kit k;

	begin(&k);
	must_read(&k, &r, whole);
	CHECK_SLICE(r.model, "m");
	CHECK(r.stream && r.wants_usage && r.has_images && r.has_documents && r.has_video);
	check_turns(&r);
	CHECK_INT(r.max_tokens, 99);
	CHECK_SLICE(r.temperature, "0.30");
	CHECK_SLICE(r.top_p, "0.9");
	CHECK_SLICE(r.top_k, "7");
	CHECK_SLICE(r.stop->next->name.s, "\\n");
	CHECK_SLICE(r.tools->schema, "{\"type\":\"object\"}");
	CHECK_INT(r.tools->strict, YES);
	CHECK_INT(r.tools->next->cache, CACHE_DEFAULT);
	CHECK(r.tools->next->next == NULL);
	CHECK_INT(r.choice.kind, CHOICE_NAMED);
	CHECK_SLICE(r.choice.names->name.s, "look");
	CHECK_INT(r.format.kind, FORMAT_SCHEMA);
	CHECK_SLICE(r.format.schema, "{\"type\":\"object\"}");
	CHECK_SLICE(r.format.name.s, "n");
	CHECK_INT(r.thinking.budget, 2000);
	CHECK_SLICE(r.service_tier.s, "flex");
	CHECK_SLICE(r.user.s, "u1");
	CHECK_SLICE(r.metadata, "{\"user_id\":\"u1\",\"k\":\"v\"}");
	CHECK_SLICE(r.extras->key, "performanceConfig");
	CHECK(r.extras->next == NULL); /* all of the model's own fields were understood */
	done(&k);
}

static void what_is_written_of_it_says_the_same(void **state UNUSED)
{
	struct chat_request r, again;
	struct slice body;
	struct kit k;

	begin(&k);
	must_read(&k, &r, whole);
	r.choice.kind = CHOICE_AUTO; /* thinking stands beside no forced call */
	body = write_for(&k, &r, CLAUDE);
	CHECK_SLICE(lost(&k), "temperature,top_p,top_k"); /* as beside any thinking */
	CHECK_RC(read_it(&k, &again, body), OK);
	check_turns(&again);
	CHECK_INT(again.thinking.budget, r.thinking.budget);
	CHECK_INT(again.max_tokens, 2099);
	CHECK_SLICE(again.format.schema, "{\"type\":\"object\"}");
	CHECK_SLICE(again.stop->next->name.s, "\\n");
	CHECK_SLICE(again.user.s, "u1");
	CHECK_SLICE(again.metadata, "{\"user_id\":\"u1\",\"k\":\"v\"}");
	CHECK_SLICE(again.service_tier.s, "flex");
	CHECK_INT(again.tools->next->cache, CACHE_DEFAULT);
	CHECK_INT(again.choice.kind, CHOICE_AUTO);
	done(&k);
}

#define TURN(block)                                                                            \
	"{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"x\"}," block "]}]}"
#define WITH(member) "{\"messages\":[{\"role\":\"user\",\"content\":[]}]," member "}"

static void what_is_wrong_is_refused_with_its_path(void **state UNUSED)
{
	static const struct {
		const char *body, *code, *param;
	} t[] = {
		{ "{", "invalid_json", "" },
		{ "[]", "invalid_json", "" },
		{ "{}", "missing_field", "messages" },
		{ "{\"messages\":{}}", "invalid_type", "messages" },
		{ "{\"messages\":[]}", "invalid_value", "messages" },
		{ "{\"messages\":[1]}", "invalid_type", "messages[0]" },
		{ "{\"messages\":[{\"role\":\"user\"}]}", "missing_field",
		  "messages[0].content" },
		{ "{\"messages\":[{\"content\":[]}]}", "missing_field", "messages[0].role" },
		{ "{\"messages\":[{\"role\":\"tool\",\"content\":[]}]}", "invalid_value",
		  "messages[0].role" },
		{ "{\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}", "invalid_type",
		  "messages[0].content" },
		{ "{\"messages\":[],\"messages\":[]}", "duplicate_field", "messages" },
		{ TURN("1"), "invalid_type", "messages[0].content[1]" },
		{ TURN("{}"), "invalid_value", "messages[0].content[1]" },
		{ TURN("{\"text\":1}"), "invalid_type", "messages[0].content[1].text" },
		{ TURN("{\"image\":{\"source\":{\"bytes\":\"\"}}}"), "missing_field",
		  "messages[0].content[1].image.format" },
		{ TURN("{\"image\":{\"format\":\"png\"}}"), "missing_field",
		  "messages[0].content[1].image.source" },
		{ TURN("{\"image\":{\"format\":\"png\",\"source\":{\"bytes\":\"a b\"}}}"),
		  "invalid_value", "messages[0].content[1].image.source.bytes" },
		{ TURN("{\"image\":{\"format\":\"png\",\"source\":{\"s3Location\":{}}}}"),
		  "missing_field", "messages[0].content[1].image.source.s3Location.uri" },
		{ TURN("{\"toolUse\":{\"name\":\"f\"}}"), "missing_field",
		  "messages[0].content[1].toolUse.toolUseId" },
		{ TURN("{\"toolResult\":{\"toolUseId\":\"t\"}}"), "missing_field",
		  "messages[0].content[1].toolResult.content" },
		{ TURN("{\"toolResult\":{\"toolUseId\":\"t\",\"content\":[{\"text\":2}]}}"),
		  "invalid_type", "messages[0].content[1].toolResult.content[0].text" },
		{ TURN("{\"reasoningContent\":{}}"), "missing_field",
		  "messages[0].content[1].reasoningContent" },
		{ TURN("{\"cachePoint\":{\"ttl\":\"2h\"}}"), "invalid_value",
		  "messages[0].content[1].cachePoint.ttl" },
		{ WITH("\"system\":\"x\""), "invalid_type", "system" },
		{ WITH("\"system\":[{\"text\":[]}]"), "invalid_type", "system[0].text" },
		{ WITH("\"inferenceConfig\":{\"maxTokens\":\"1\"}"), "invalid_type",
		  "inferenceConfig.maxTokens" },
		{ WITH("\"inferenceConfig\":{\"maxTokens\":0}"), "invalid_value",
		  "inferenceConfig.maxTokens" },
		{ WITH("\"inferenceConfig\":{\"stopSequences\":[1]}"), "invalid_type",
		  "inferenceConfig.stopSequences[0]" },
		{ WITH("\"toolConfig\":{}"), "missing_field", "toolConfig.tools" },
		{ WITH("\"toolConfig\":{\"tools\":[{}]}"), "invalid_value",
		  "toolConfig.tools[0]" },
		{ WITH("\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"f\"}}]}"),
		  "missing_field", "toolConfig.tools[0].toolSpec.inputSchema" },
		{ WITH("\"toolConfig\":{\"tools\":[],\"toolChoice\":{}}"), "invalid_value",
		  "toolConfig.toolChoice" },
		{ WITH("\"outputConfig\":{\"effort\":\"huge\"}"), "invalid_value",
		  "outputConfig.effort" },
		{ WITH("\"outputConfig\":{\"textFormat\":{\"type\":\"xml\"}}"),
		  "unsupported_value", "outputConfig.textFormat.type" },
		{ WITH("\"outputConfig\":{\"textFormat\":{\"type\":\"json_schema\","
		       "\"structure\":{\"jsonSchema\":{\"schema\":\"{\"}}}}"),
		  "invalid_value", "outputConfig.textFormat.structure.jsonSchema.schema" },
		{ WITH("\"additionalModelRequestFields\":[]"), "invalid_type",
		  "additionalModelRequestFields" },
		{ WITH("\"serviceTier\":{}"), "missing_field", "serviceTier.type" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct chat_request r;
		struct kit k;

		begin(&k);
		CHECK_RC(read_it(&k, &r, slice_cstr(t[i].body)), E_BAD);
		CHECK_STR(k.why.code, t[i].code);
		CHECK_STR(k.why.param, t[i].param);
		done(&k);
	}
}

static void what_is_unknown_is_kept(void **state UNUSED)
{
	struct chat_request r;
	struct kit k;

	begin(&k);
	must_read(&k, &r, TURN("{\"guardContent\":{\"text\":{\"text\":\"g\"}}},{\"later\":1}"));
	CHECK_STR(r.messages->parts->next->u.other.what, "guardContent");
	CHECK_STR(r.messages->parts->next->next->u.other.what, "later");
	CHECK_SLICE(write_for(&k, &r, LLAMA),
		    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"x\"},"
		    "{\"guardContent\":{\"text\":{\"text\":\"g\"}}},{\"later\":1}]}]}");
	r.dialect = &foreign;
	write_for(&k, &r, LLAMA);
	CHECK_SLICE(lost(&k), "messages[0].content[1] (guardContent),"
			      "messages[0].content[2] (later)");

	/* A model's own fields: all of them stay when one is its alone. */
	must_read(&k, &r,
		  WITH("\"additionalModelRequestFields\":{\"anthropic_beta\":[\"b\"],"
		       "\"top_k\":5}"));
	CHECK_SLICE(r.top_k, "5");
	CHECK_SLICE(write_for(&k, &r, CLAUDE),
		    "{\"messages\":[],\"additionalModelRequestFields\":{\"anthropic_beta\":"
		    "[\"b\"],\"top_k\":5}}");
	r.dialect = &foreign;
	CHECK_SLICE(write_for(&k, &r, CLAUDE),
		    "{\"messages\":[],\"additionalModelRequestFields\":{\"top_k\":5}}");
	CHECK_SLICE(lost(&k), "additionalModelRequestFields");
	done(&k);
}

static void what_is_a_models_own_is_understood(void **state UNUSED)
{
	static const struct {
		const char *fields;
		enum effort effort;
		uint64_t budget;
		bool automatic, kept;
	} t[] = {
		{ "\"thinking\":{\"type\":\"adaptive\"},\"output_config\":{\"effort\":"
		  "\"max\"}",
		  EFFORT_MAX, 0, true, false },
		{ "\"thinking\":{\"type\":\"disabled\"}", EFFORT_NONE, 0, false, false },
		{ "\"thinking\":{\"type\":\"later\"}", EFFORT_UNSET, 0, false, true },
		{ "\"reasoning_effort\":\"low\"", EFFORT_LOW, 0, false, false },
		{ "\"reasoning_effort\":1", EFFORT_UNSET, 0, false, true },
		{ "\"reasoningConfig\":{\"type\":\"enabled\",\"maxReasoningEffort\":"
		  "\"medium\"}",
		  EFFORT_MEDIUM, 0, false, false },
		{ "\"reasoningConfig\":{\"type\":\"disabled\"}", EFFORT_NONE, 0, false, false },
		{ "\"inferenceConfig\":{\"topK\":3}", EFFORT_UNSET, 0, false, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct chat_request r;
		struct kit k;

		begin(&k);
		must_read(&k, &r,
			  arena_cstr(&k.a,
				     arena_fmt(&k.a,
					       WITH("\"additionalModelRequestFields\":{%s}"),
					       t[i].fields)));
		CHECK_INT(r.thinking.effort, t[i].effort);
		CHECK_INT(r.thinking.automatic, t[i].automatic);
		CHECK_INT(r.extras != NULL, t[i].kept);
		done(&k);
	}
}

static void counted_requests_stand_inside_input(void **state UNUSED)
{
	struct request_in in = {
		.body = LIT("{\"input\":{\"converse\":{\"messages\":[{\"role\":\"user\","
			    "\"content\":[{\"text\":\"hi\"}]}]}}}"),
		.op = OP_COUNT_TOKENS,
	};
	struct chat_request r;
	uint64_t tokens = 0;
	struct json_out o;
	struct kit k;

	begin(&k);
	CHECK_RC(dialect_bedrock.request_read(&r, &in, &k.a, &k.why), OK);
	CHECK_INT(r.wants, CHAT_COUNT_TOKENS);
	CHECK(!r.stream);
	CHECK_SLICE(write_for(&k, &r, NOVA),
		    "{\"input\":{\"converse\":{\"messages\":[{\"role\":\"user\",\"content\":"
		    "[{\"text\":\"hi\"}]}]}}}");
	in.body = LIT("{\"input\":{\"invokeModel\":{}}}");
	CHECK_RC(dialect_bedrock.request_read(&r, &in, &k.a, &k.why), E_BAD);
	CHECK_STR(k.why.param, "input.invokeModel");
	in.body = LIT("{\"messages\":[]}");
	CHECK_RC(dialect_bedrock.request_read(&r, &in, &k.a, &k.why), E_BAD);
	CHECK_STR(k.why.param, "input");
	out_init(&o, &k.a);
	dialect_bedrock.count_write(42, &o);
	CHECK_RC(dialect_bedrock.count_read(out_slice(&o), &tokens), OK);
	CHECK_INT(tokens, 42);
	CHECK_RC(dialect_bedrock.count_read(LIT("{}"), &tokens), E_BAD);
	done(&k);
}

/* ---- writing ---- */

static void turns_are_merged_and_blank_text_is_left_out(void **state UNUSED)
{
	struct chat_message *m;
	struct chat_part *p;
	struct chat_request r = { .dialect = &foreign };
	struct kit k;

	begin(&k);
	m = chat_message_add(&r, &k.a, ROLE_SYSTEM);
	chat_part_add(m, &k.a, PART_TEXT)->u.text = JTEXT("s1");
	m = chat_message_add(&r, &k.a, ROLE_DEVELOPER);
	chat_part_add(m, &k.a, PART_TEXT)->u.text = JTEXT("s2");
	m = chat_message_add(&r, &k.a, ROLE_USER);
	chat_part_add(m, &k.a, PART_TEXT)->u.text = JTEXT("u1");
	m = chat_message_add(&r, &k.a, ROLE_ASSISTANT);
	chat_part_add(m, &k.a, PART_TEXT)->u.text = JTEXT(" \\n");
	m = chat_message_add(&r, &k.a, ROLE_SYSTEM);
	chat_part_add(m, &k.a, PART_TEXT)->u.text = JTEXT("s3");
	m = chat_message_add(&r, &k.a, ROLE_USER);
	chat_part_add(m, &k.a, PART_TEXT)->u.text = JTEXT("u2");
	m = chat_message_add(&r, &k.a, ROLE_ASSISTANT);
	p = chat_part_add(m, &k.a, PART_TOOL_CALL);
	p->u.call = (struct chat_call){ .id = JTEXT("c1"), .name = JTEXT("f") };
	p = chat_part_add(m, &k.a, PART_TOOL_CALL);
	p->u.call = (struct chat_call){ .id = JTEXT("a/b"),
					.name = JTEXT("f"),
					.args = LIT("{\"x\":") };
	m = chat_message_add(&r, &k.a, ROLE_TOOL);
	p = chat_part_add(m, &k.a, PART_TOOL_RESULT);
	p->u.result.call_id = JTEXT("c1");
	chat_part_append(&p->u.result.parts, &k.a, PART_TEXT)->u.text = JTEXT("r1");
	chat_part_append(&p->u.result.parts, &k.a, PART_AUDIO)->u.media.mime = LIT("audio/wav");
	p = chat_part_add(m, &k.a, PART_TOOL_RESULT);
	p->u.result.call_id = JTEXT("a\\/b");
	p->u.result.is_error = true;
	m = chat_message_add(&r, &k.a, ROLE_USER);
	chat_part_add(m, &k.a, PART_TEXT)->u.text = JTEXT("u3");
	chat_request_finish(&r);
	CHECK_SLICE(
		write_for(&k, &r, LLAMA),
		"{\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"f\",\"inputSchema\":"
		"{\"json\":{\"type\":\"object\",\"properties\":{}}}}}]},"
		"\"system\":[{\"text\":\"s1\"},{\"text\":\"s2\"}],\"messages\":["
		"{\"role\":\"user\",\"content\":[{\"text\":\"u1\"},{\"text\":\"s3\"},{\"text\":"
		"\"u2\"}]},"
		"{\"role\":\"assistant\",\"content\":[{\"toolUse\":{\"toolUseId\":\"c1\","
		"\"name\":\"f\",\"input\":{}}},{\"toolUse\":{\"toolUseId\":\"a_b-"
		"7a90cb644b87bd2d\",\"name\":\"f\",\"input\":{\"arguments\":\"{\\\"x\\\":\"}}}]"
		"}"
		","
		"{\"role\":\"user\",\"content\":[{\"toolResult\":{\"toolUseId\":\"c1\","
		"\"content\":[{\"text\":\"r1\"}]}},{\"toolResult\":{\"toolUseId\":\"a_b-"
		"7a90cb644b87bd2d\",\"content\":[],\"status\":\"error\"}},{\"text\":\"u3\"}]}]"
		"}");
	CHECK_SLICE(lost(&k), "messages[6].content[1] (tool arguments that are not JSON),"
			      "messages[7].content[0] (audio)");
	done(&k);
}

static void mistral_ids_have_nine_characters(void **state UNUSED)
{
	static const char *const ids[] = { "abcdef123", "call_1", "call_1", "call_2", "" };
	struct slice got[ARRAY_LEN(ids)];
	struct kit k;

	begin(&k);
	for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
		struct chat_request r = { .dialect = &foreign };
		struct chat_message *m = chat_message_add(&r, &k.a, ROLE_ASSISTANT);
		struct slice body;

		chat_part_add(m, &k.a, PART_TOOL_CALL)->u.call = (struct chat_call){
			.id = { slice_cstr(ids[i]) },
			.name = JTEXT("f"),
		};
		body = write_for(&k, &r, "mistral.mistral-large-2407-v1:0");
		got[i] = slice_head(slice_skip(body, slice_find(body, LIT("UseId\":\"")) + 8),
				    10);
		CHECK(slice_ends(got[i], LIT("\"")));
		got[i].n = 9;
	}
	CHECK_SLICE(got[0], "abcdef123");
	CHECK(slice_eq(got[1], got[2]));
	CHECK(!slice_eq(got[2], got[3]) && !slice_eq(got[3], got[4]));
	done(&k);
}

static struct chat_media *add_media(struct kit *k, struct chat_request *r, enum part_kind kind)
{
	return &chat_part_add(r->messages, &k->a, kind)->u.media;
}

static void documents_get_names_that_aws_takes(void **state UNUSED)
{
	static const char *const names[] = { "report_2026.pdf", "report 2026.pdf", "\\u00fc/",
					     "", "a(1)[b]-c" };
	struct chat_request r = { .dialect = &foreign };
	struct kit k;

	begin(&k);
	chat_message_add(&r, &k.a, ROLE_USER);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct chat_media *m = add_media(&k, &r, PART_DOCUMENT);

		m->name.s = slice_cstr(names[i]);
		m->mime = LIT("application/pdf");
		m->data = LIT("AAAA");
	}
	add_media(&k, &r, PART_DOCUMENT)->name = JTEXT("x.bin");
	CHECK_SLICE(write_for(&k, &r, NOVA),
		    "{\"messages\":[{\"role\":\"user\",\"content\":["
		    "{\"document\":{\"format\":\"pdf\",\"name\":\"report 2026 pdf\",\"source\":"
		    "{\"bytes\":\"AAAA\"}}},"
		    "{\"document\":{\"format\":\"pdf\",\"name\":\"report 2026 pdf (2)\","
		    "\"source\":{\"bytes\":\"AAAA\"}}},"
		    "{\"document\":{\"format\":\"pdf\",\"name\":\"Document 3\",\"source\":"
		    "{\"bytes\":\"AAAA\"}}},"
		    "{\"document\":{\"format\":\"pdf\",\"name\":\"Document 4\",\"source\":"
		    "{\"bytes\":\"AAAA\"}}},"
		    "{\"document\":{\"format\":\"pdf\",\"name\":\"a(1)[b]-c\",\"source\":"
		    "{\"bytes\":\"AAAA\"}}},"
		    "{\"text\":\"See the document.\"}]}]}");
	CHECK_SLICE(lost(&k), "messages[0].content[5] (document of an unknown format)");
	done(&k);
}

static void media_are_written_as_bytes_or_from_s3(void **state UNUSED)
{
	struct chat_request r;
	struct chat_media *m;
	struct kit k;

	begin(&k);
	foreign_request(&k, &r);
	add_media(&k, &r, PART_IMAGE)->data = LIT("/9j/AAAA"); /* told by its bytes */
	m = add_media(&k, &r, PART_IMAGE);
	m->source = MEDIA_FILE;
	m->url = JTEXT("s3://b/x.y/k.webp");
	m = add_media(&k, &r, PART_AUDIO);
	m->mime = LIT("audio/mpeg");
	m->data = LIT("AAAA");
	m = add_media(&k, &r, PART_IMAGE);
	m->source = MEDIA_FILE;
	m->url = JTEXT("file-1");
	m = add_media(&k, &r, PART_DOCUMENT);
	m->source = MEDIA_TEXT;
	m->url = JTEXT("words");
	m->title = JTEXT("T");
	CHECK_SLICE(write_for(&k, &r, NOVA),
		    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"},"
		    "{\"image\":{\"format\":\"jpeg\",\"source\":{\"bytes\":\"/9j/AAAA\"}}},"
		    "{\"image\":{\"format\":\"webp\",\"source\":{\"s3Location\":{\"uri\":"
		    "\"s3://b/x.y/k.webp\"}}}},"
		    "{\"audio\":{\"format\":\"mp3\",\"source\":{\"bytes\":\"AAAA\"}}},"
		    "{\"document\":{\"format\":\"txt\",\"name\":\"T\",\"source\":{\"text\":"
		    "\"words\"}}}]}]}");
	CHECK_SLICE(lost(&k), "messages[0].content[4] (image)");
	done(&k);
}

static void media_by_url_are_refused(void **state UNUSED)
{
	const struct chat_target t = { .model = LIT(NOVA), .provider = LIT("aws") };
	struct chat_request r;
	struct chat_media *m;
	struct json_out o;
	struct kit k;

	begin(&k);
	foreign_request(&k, &r);
	m = add_media(&k, &r, PART_IMAGE);
	m->source = MEDIA_URL;
	m->url = JTEXT("https://example.com/a.png");
	out_init(&o, &k.a);
	CHECK_RC(dialect_bedrock.request_write(&r, &t, &o, &k.lost, &k.why), E_BAD);
	CHECK_STR(k.why.code, "media_url");
	CHECK_STR(k.why.param, "messages[0].content[1]");
	CHECK_INT(dialect_bedrock.takes_urls, 0);
	done(&k);
}

static void reasoning_goes_back_to_who_made_it(void **state UNUSED)
{
	static const struct {
		const char *signature, *encrypted;
		bool goes;
	} t[] = {
		{ "weir~aws~sig", "", true },  { "weir~other~sig", "", false },
		{ "sig", "", false },          { "", "", false },
		{ "", "weir~aws~cmVk", true }, { "", "weir~other~cmVk", false },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct chat_request r;
		struct chat_message *m;
		struct chat_part *p;
		struct kit k;
		struct slice got;

		begin(&k);
		foreign_request(&k, &r);
		m = chat_message_add(&r, &k.a, ROLE_ASSISTANT);
		p = chat_part_add(m, &k.a, PART_REASONING);
		p->u.reasoning.text = JTEXT("hm");
		p->u.reasoning.signature =
			opaque_open((struct json_text){ slice_cstr(t[i].signature) });
		p->u.reasoning.encrypted =
			opaque_open((struct json_text){ slice_cstr(t[i].encrypted) });
		got = write_for(&k, &r, CLAUDE);
		CHECK_INT(slice_find(got, LIT("reasoningContent")) != SLICE_NONE, t[i].goes);
		CHECK_SLICE(lost(&k), t[i].goes ? "" : "reasoning");
		if (t[i].goes && t[i].signature[0] != '\0')
			CHECK(slice_find(got, LIT("{\"reasoningText\":{\"text\":\"hm\","
						  "\"signature\":\"sig\"}}")) != SLICE_NONE);
		if (t[i].goes && t[i].encrypted[0] != '\0')
			CHECK(slice_find(got, LIT("{\"redactedContent\":\"cmVk\"}")) !=
			      SLICE_NONE);
		done(&k);
	}
}

static void cache_points_are_four_at_most_and_for_those_who_have_them(void **state UNUSED)
{
	struct chat_request r = { .dialect = &foreign };
	struct chat_message *m;
	struct kit k;

	begin(&k);
	m = chat_message_add(&r, &k.a, ROLE_USER);
	for (int i = 0; i < 5; i++) {
		struct chat_part *p = chat_part_add(m, &k.a, PART_TEXT);

		p->u.text = JTEXT("t");
		p->cache = i == 4 ? CACHE_1H : i == 3 ? CACHE_5M : CACHE_DEFAULT;
	}
	CHECK_SLICE(write_for(&k, &r, CLAUDE),
		    "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"t\"},"
		    "{\"text\":\"t\"},{\"cachePoint\":{\"type\":\"default\"}},"
		    "{\"text\":\"t\"},{\"cachePoint\":{\"type\":\"default\"}},"
		    "{\"text\":\"t\"},{\"cachePoint\":{\"type\":\"default\",\"ttl\":\"5m\"}},"
		    "{\"text\":\"t\"},{\"cachePoint\":{\"type\":\"default\",\"ttl\":\"1h\"}}"
		    "]}]}");
	CHECK_SLICE(lost(&k), "cache_control");
	CHECK(slice_find(write_for(&k, &r, LLAMA), LIT("cachePoint")) == SLICE_NONE);
	CHECK_SLICE(lost(&k), "cache_control");
	done(&k);
}

static struct chat_tool *add_tool(struct kit *k, struct chat_request *r, const char *name)
{
	struct chat_tool *t = chat_tool_add(r, &k->a, TOOL_FUNCTION);

	t->name.s = slice_cstr(name);
	t->schema = LIT("{\"type\":\"object\"}");
	return t;
}

#define SPEC(name)                                                                             \
	"{\"toolSpec\":{\"name\":\"" name                                                      \
	"\",\"inputSchema\":{\"json\":{\"type\":\"object\"}}}}"

static void tool_choices_are_written(void **state UNUSED)
{
	static const struct {
		struct chat_choice choice;
		enum tri parallel;
		const char *model, *config, *rest, *lost;
	} t[] = {
		{ { CHOICE_UNSET }, UNSET, LLAMA, SPEC("f") "," SPEC("g") "]", "", "" },
		{ { CHOICE_AUTO },
		  UNSET,
		  LLAMA,
		  SPEC("f") "," SPEC("g") "],\"toolChoice\":{\"auto\":{}}",
		  "",
		  "" },
		{ { CHOICE_REQUIRED },
		  NO,
		  LLAMA,
		  SPEC("f") "," SPEC("g") "],\"toolChoice\":{\"any\":{}}",
		  "",
		  "parallel_tool_calls" },
		{ { CHOICE_REQUIRED },
		  NO,
		  CLAUDE,
		  SPEC("f") "," SPEC("g") "],\"toolChoice\":{\"any\":{}}",
		  "",
		  "parallel_tool_calls" },
		{ { CHOICE_NAMED },
		  UNSET,
		  CLAUDE,
		  SPEC("f") "," SPEC("g") "],\"toolChoice\":{\"tool\":{\"name\":\"g\"}}",
		  "",
		  "" },
		{ { CHOICE_NONE }, UNSET, CLAUDE, NULL, "", "" },
		{ { .kind = CHOICE_ALLOWED, .allowed_required = true },
		  UNSET,
		  CLAUDE,
		  SPEC("g") "],\"toolChoice\":{\"any\":{}}",
		  "",
		  "" },
		{ { CHOICE_AUTO },
		  NO,
		  CLAUDE,
		  SPEC("f") "," SPEC("g") "],\"toolChoice\":{\"auto\":{}}",
		  ",\"additionalModelRequestFields\":{\"tool_choice\":{\"type\":\"auto\","
		  "\"disable_parallel_tool_use\":true}}",
		  "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct chat_request r;
		struct slice got, want;
		struct kit k;

		begin(&k);
		foreign_request(&k, &r);
		add_tool(&k, &r, "f");
		add_tool(&k, &r, "g");
		r.choice = t[i].choice;
		chat_name_add(&r.choice.names, &k.a, JTEXT("g"));
		r.parallel_tools = t[i].parallel;
		got = write_for(&k, &r, t[i].model);
		want = t[i].config == NULL ? LIT("{")
					   : arena_fmt(&k.a, "{\"toolConfig\":{\"tools\":[%s},",
						       t[i].config);
		want = arena_fmt(&k.a,
				 "%.*s\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":"
				 "\"hi\"}]}]%s}",
				 SARG(want), t[i].rest);
		CHECK_SLICE(got, arena_cstr(&k.a, want));
		CHECK_SLICE(lost(&k), t[i].lost);
		done(&k);
	}
}

static void tools_are_written_as_they_can_be(void **state UNUSED)
{
	struct chat_request r;
	struct chat_tool *t;
	struct kit k;

	begin(&k);
	foreign_request(&k, &r);
	t = add_tool(&k, &r, "f");
	t->schema = LIT("{\"properties\":{}}");
	t->description = JTEXT("d");
	t->strict = YES;
	add_tool(&k, &r, "g")->schema = slice_of(NULL, 0);
	t = chat_tool_add(&r, &k.a, TOOL_CUSTOM);
	t = chat_tool_add(&r, &k.a, TOOL_HOSTED);
	t->type = JTEXT("web_search");
	CHECK(slice_starts(write_for(&k, &r, NOVA),
			   LIT("{\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":\"f\","
			       "\"description\":\"d\",\"inputSchema\":{\"json\":{\"type\":"
			       "\"object\",\"properties\":{}}},\"strict\":true}},"
			       "{\"toolSpec\":{\"name\":\"g\",\"inputSchema\":{\"json\":{"
			       "\"type\":\"object\",\"properties\":{}}}}}]},")));
	CHECK_SLICE(lost(&k), "tools.custom,tools[3] (web_search)");
	done(&k);
}

static void thinking_is_asked_for_as_each_model_wants(void **state UNUSED)
{
	static const struct {
		struct chat_thinking thinking;
		const char *model, *rest, *lost;
	} t[] = {
		{ { .effort = EFFORT_LOW },
		  CLAUDE,
		  ",\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"enabled\","
		  "\"budget_tokens\":2048}}",
		  "" },
		{ { .budget = 500, .visible = NO },
		  CLAUDE,
		  ",\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"enabled\","
		  "\"budget_tokens\":1024,\"display\":\"omitted\"}}",
		  "" },
		{ { .effort = EFFORT_HIGH, .visible = YES },
		  CLAUDE_5,
		  ",\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"adaptive\","
		  "\"display\":\"summarized\"},\"output_config\":{\"effort\":\"high\"}}",
		  "" },
		{ { .automatic = true }, /* of another dialect: what it thinks is seen */
		  CLAUDE_5,
		  ",\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"adaptive\","
		  "\"display\":\"summarized\"}}",
		  "" },
		{ { .effort = EFFORT_NONE }, CLAUDE_5, "", "" },
		{ { .effort = EFFORT_HIGH }, CLAUDE_3, "", "reasoning_effort" },
		{ { .effort = EFFORT_XHIGH },
		  NOVA,
		  ",\"additionalModelRequestFields\":{\"reasoningConfig\":{\"type\":"
		  "\"enabled\",\"maxReasoningEffort\":\"high\"}}",
		  "" },
		{ { .effort = EFFORT_NONE },
		  NOVA,
		  ",\"additionalModelRequestFields\":{\"reasoningConfig\":{\"type\":"
		  "\"disabled\"}}",
		  "" },
		{ { .effort = EFFORT_MINIMAL },
		  OSS,
		  ",\"additionalModelRequestFields\":{\"reasoning_effort\":\"low\"}",
		  "" },
		{ { .effort = EFFORT_MEDIUM }, LLAMA, "", "reasoning_effort" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct chat_request r;
		struct kit k;

		begin(&k);
		foreign_request(&k, &r);
		r.thinking = t[i].thinking;
		check_rest(&k, &r, t[i].model,
			   arena_cstr(&k.a, arena_fmt(&k.a, "%s}", t[i].rest)), t[i].lost);
		done(&k);
	}
}

static void a_budget_stands_under_the_maximum(void **state UNUSED)
{
	struct chat_request r;
	struct kit k;

	begin(&k);
	foreign_request(&k, &r);
	r.thinking.budget = 3000;
	r.max_tokens = 1000;
	r.temperature = LIT("0.5");
	check_rest(&k, &r, CLAUDE,
		   ",\"inferenceConfig\":{\"maxTokens\":4000},"
		   "\"additionalModelRequestFields\":{\"thinking\":{\"type\":\"enabled\","
		   "\"budget_tokens\":3000}}}",
		   "temperature");
	done(&k);
}

static void structured_output_is_asked_for_as_each_model_wants(void **state UNUSED)
{
	struct chat_request r;
	struct slice got;
	struct kit k;

	begin(&k);
	foreign_request(&k, &r);
	r.format.kind = FORMAT_SCHEMA;
	r.format.name = JTEXT("n");
	r.format.schema = LIT("{\"type\":\"object\",\"additionalProperties\":false}");
	check_rest(&k, &r, LLAMA,
		   ",\"outputConfig\":{\"textFormat\":{\"type\":\"json_schema\",\"structure\":"
		   "{\"jsonSchema\":{\"schema\":\"{\\\"type\\\":\\\"object\\\","
		   "\\\"additionalProperties\\\":false}\",\"name\":\"n\"}}}}}",
		   "");
	got = write_for(&k, &r, CLAUDE_3); /* knows none: a tool that must be called */
	CHECK(slice_starts(got, LIT("{\"toolConfig\":{\"tools\":[{\"toolSpec\":{\"name\":"
				    "\"" FORCED_TOOL "\",")));
	CHECK(slice_find(got, LIT("\"toolChoice\":{\"any\":{}}")) != SLICE_NONE);
	CHECK_SLICE(lost(&k), "");
	r.format.kind = FORMAT_JSON;
	got = write_for(&k, &r, LLAMA);
	CHECK(slice_starts(got, LIT("{\"system\":[{\"text\":\"Answer with one valid JSON")));
	done(&k);
}

static void parameters_are_written_or_named(void **state UNUSED)
{
	struct chat_request r;
	struct kit k;

	begin(&k);
	foreign_request(&k, &r);
	r.max_tokens = 5;
	r.temperature = LIT("1.5");
	r.top_p = LIT("0.5");
	r.top_k = LIT("3");
	chat_name_add(&r.stop, &k.a, JTEXT(""));
	chat_name_add(&r.stop, &k.a, JTEXT("END"));
	r.seed = LIT("1");
	r.frequency_penalty = LIT("0.1");
	r.presence_penalty = LIT("0.1");
	r.n = 2;
	r.logprobs = YES;
	r.store = YES;
	r.verbosity = JTEXT("low");
	r.cache_key = JTEXT("k");
	r.service_tier = JTEXT("scale");
	r.user = JTEXT("a\\u00e9");
	r.metadata = LIT("{\"ok\":\"v 1\",\"bad\":\"{}\"}");
	chat_extra_add(&r, &k.a, LIT("logit_bias"), LIT("{}"));
	check_rest(&k, &r, LLAMA,
		   ",\"inferenceConfig\":{\"maxTokens\":5,\"temperature\":1,\"topP\":0.5,"
		   "\"stopSequences\":[\"END\"]},\"requestMetadata\":{\"ok\":\"v 1\"}}",
		   "temperature,stop,top_k,metadata,user,service_tier,seed,frequency_penalty,"
		   "presence_penalty,prompt_cache_key,verbosity,n,logprobs,store,logit_bias");

	foreign_request(&k, &r);
	r.top_k = LIT("3");
	r.user = JTEXT("u1");
	r.service_tier = JTEXT("priority");
	check_rest(&k, &r, NOVA,
		   ",\"additionalModelRequestFields\":{\"inferenceConfig\":{\"topK\":3}},"
		   "\"requestMetadata\":{\"user_id\":\"u1\"},\"serviceTier\":{\"type\":"
		   "\"priority\"}}",
		   "");
	foreign_request(&k, &r);
	chat_name_add(&r.stop, &k.a, JTEXT("END"));
	check_rest(&k, &r, CLAUDE,
		   ",\"inferenceConfig\":{\"stopSequences\":[\"END\"]},"
		   "\"additionalModelResponseFieldPaths\":[\"/stop_sequence\"]}",
		   "");
	done(&k);
}

static void paths_have_the_model_encoded(void **state UNUSED)
{
	const struct slice arn = LIT("arn:aws:bedrock:us-east-1:1:inference-profile/us.x-v1:0");
	struct kit k;

	begin(&k);
	CHECK_SLICE(dialect_bedrock.path(OP_CHAT, false, LIT(CLAUDE_3), &k.a),
		    "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse");
	CHECK_SLICE(
		dialect_bedrock.path(OP_CHAT, true, arn, &k.a),
		"/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.x-v1%3A0"
		"/converse-stream");
	CHECK_SLICE(dialect_bedrock.path(OP_COUNT_TOKENS, false, LIT("m"), &k.a),
		    "/model/m/count-tokens");
	done(&k);
}

static void run_out(struct test_mem *m)
{
	const struct chat_target t = { .model = LIT(CLAUDE), .provider = LIT("aws") };
	struct request_in in = { .body = { whole, sizeof(whole) - 1 }, .op = OP_CHAT };
	struct chat_lost l = { 0 };
	struct chat_refusal why;
	struct chat_request r;
	struct json_out o;
	struct arena a;
	enum rc rc;

	arena_init(&a, &m->mem, 256, 1 << 20);
	rc = dialect_bedrock.request_read(&r, &in, &a, &why);
	if (rc == OK) {
		out_init(&o, &a);
		r.dialect = &foreign;
		rc = dialect_bedrock.request_write(&r, &t, &o, &l, &why);
	}
	CHECK_RC(rc, m->failed ? E_NOMEM : OK);
	arena_free(&a);
}

static void no_memory_is_told(void **state UNUSED)
{
	sweep(run_out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_read_with_all_that_it_says),
		cmocka_unit_test(what_is_written_of_it_says_the_same),
		cmocka_unit_test(what_is_wrong_is_refused_with_its_path),
		cmocka_unit_test(what_is_unknown_is_kept),
		cmocka_unit_test(what_is_a_models_own_is_understood),
		cmocka_unit_test(counted_requests_stand_inside_input),
		cmocka_unit_test(turns_are_merged_and_blank_text_is_left_out),
		cmocka_unit_test(mistral_ids_have_nine_characters),
		cmocka_unit_test(documents_get_names_that_aws_takes),
		cmocka_unit_test(media_are_written_as_bytes_or_from_s3),
		cmocka_unit_test(media_by_url_are_refused),
		cmocka_unit_test(reasoning_goes_back_to_who_made_it),
		cmocka_unit_test(cache_points_are_four_at_most_and_for_those_who_have_them),
		cmocka_unit_test(tool_choices_are_written),
		cmocka_unit_test(tools_are_written_as_they_can_be),
		cmocka_unit_test(thinking_is_asked_for_as_each_model_wants),
		cmocka_unit_test(a_budget_stands_under_the_maximum),
		cmocka_unit_test(structured_output_is_asked_for_as_each_model_wants),
		cmocka_unit_test(parameters_are_written_or_named),
		cmocka_unit_test(paths_have_the_model_encoded),
		cmocka_unit_test(no_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
