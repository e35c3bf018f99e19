/* Requests of the Messages dialect, both ways, and what is not an answer: errors, lists. */
#include "chat_anthropic.h"

#include "chat/anthropic/anthropic.h"

#define HEAD "{\"model\":\"m\",\"max_tokens\":10,"
#define HI   "\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]"

static const struct chat_part *part(const struct chat_request *r, size_t m, size_t p)
{
	const struct chat_message *msg = r->messages;
	const struct chat_part *at;

	for (; m > 0; m--)
		msg = msg->next;
	for (at = msg->parts; p > 0; p--)
		at = at->next;
	return at;
}

/* ---- reading --------------------------------------------------------------------------- */

static void the_whole_of_a_request_is_read(void **state)
{
	static const char body[] =
		"{\"model\":\"claude\\u002dx\",\"max_tokens\":100,\"temperature\":0.50,"
		"\"top_p\":0.9,\"top_k\":40,\"stream\":true,\"stop_sequences\":[\"a\",\"b\\n\"]"
		","
		"\"metadata\":{\"user_id\":\"u1\"},\"service_tier\":\"standard_only\","
		"\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":2000},"
		"\"output_config\":{\"effort\":\"xhigh\",\"format\":{\"type\":\"json_schema\","
		"\"schema\":{\"type\":\"object\"}}},"
		"\"tools\":[{\"name\":\"f\",\"description\":\"d\",\"input_schema\":{\"a\":1},"
		"\"strict\":true,\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}},"
		"{\"type\":\"web_search_20260318\",\"name\":\"web_search\"}],"
		"\"tool_choice\":{\"type\":\"tool\",\"name\":\"f\","
		"\"disable_parallel_tool_use\":true},"
		"\"speed\":\"fast\",\"container\":null,"
		"\"system\":[{\"type\":\"text\",\"text\":\"be\","
		"\"cache_control\":{\"type\":\"ephemeral\"}}],"
		"\"messages\":[{\"role\":\"user\",\"content\":\"hi\"}]}";
	struct chat_request r;
	struct bench b;

	(void)state;
	bench_open(&b);
	CHECK_RC(bench_read(&b, body, &r), OK);
	CHECK_SLICE(r.model, "claude-x");
	CHECK_INT(r.max_tokens, 100);
	CHECK_SLICE(r.temperature, "0.50");
	CHECK_SLICE(r.top_p, "0.9");
	CHECK_SLICE(r.top_k, "40");
	CHECK(r.stream && r.wants_usage);
	CHECK_SLICE(r.stop->next->name.s, "b\\n");
	CHECK_SLICE(r.user.s, "u1");
	CHECK_SLICE(r.service_tier.s, "default");
	CHECK_INT(r.thinking.budget, 2000);
	CHECK_INT(r.thinking.visible, YES);
	CHECK_INT(r.thinking.effort, EFFORT_XHIGH);
	CHECK_INT(r.format.kind, FORMAT_SCHEMA);
	CHECK_SLICE(r.format.schema, "{\"type\":\"object\"}");
	CHECK_INT(r.tools->kind, TOOL_FUNCTION);
	CHECK_INT(r.tools->strict, YES);
	CHECK_INT(r.tools->cache, CACHE_1H);
	CHECK_INT(r.tools->next->kind, TOOL_HOSTED);
	CHECK_SLICE(r.tools->next->type.s, "web_search_20260318");
	CHECK_INT(r.choice.kind, CHOICE_NAMED);
	CHECK_SLICE(r.choice.names->name.s, "f");
	CHECK_INT(r.parallel_tools, NO);
	CHECK_SLICE(r.extras->key, "speed");
	CHECK(r.extras->next == NULL);
	CHECK_INT(r.messages->role, ROLE_SYSTEM);
	CHECK_INT(r.messages->parts->cache, CACHE_DEFAULT);
	CHECK_INT(r.messages->next->role, ROLE_USER);
	CHECK_SLICE(part(&r, 1, 0)->u.text.s, "hi");
	bench_close(&b);
}

static void results_of_tools_become_a_message_of_their_own_before_the_words(void **state)
{
	static const char body[] = HEAD
		"\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\","
		"\"id\":\"t1\",\"name\":\"look\",\"input\":{\"a\":[1]}}]},"
		"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"and?\"},"
		"{\"type\":\"tool_result\",\"tool_use_id\":\"t1\",\"is_error\":true,"
		"\"content\":[{\"type\":\"text\",\"text\":\"no\"},{\"type\":\"image\","
		"\"source\":{"
		"\"type\":\"base64\",\"media_type\":\"image/png\",\"data\":\"AAAA\"}}]},"
		"{\"type\":\"tool_result\",\"tool_use_id\":\"t2\"}]}]}";
	const struct chat_result *res;
	struct chat_request r;
	struct bench b;

	(void)state;
	bench_open(&b);
	CHECK_RC(bench_read(&b, body, &r), OK);
	CHECK_SLICE(part(&r, 0, 0)->u.call.args, "{\"a\":[1]}");
	CHECK(part(&r, 0, 0)->u.call.args_ok);
	CHECK_INT(r.messages->next->role, ROLE_TOOL);
	res = &part(&r, 1, 0)->u.result;
	CHECK_SLICE(res->name.s, "look");
	CHECK(res->is_error);
	CHECK_SLICE(res->parts->u.text.s, "no");
	CHECK_SLICE(res->parts->next->u.media.data, "AAAA");
	CHECK(r.has_images);
	CHECK_SLICE(part(&r, 1, 1)->u.result.call_id.s, "t2");
	CHECK_INT(r.messages->next->next->role, ROLE_USER);
	CHECK_SLICE(part(&r, 2, 0)->u.text.s, "and?");
	CHECK(r.messages->next->next->next == NULL);
	bench_close(&b);
}

static void sources_of_media_are_read(void **state)
{
	static const char body[] = HEAD
		"\"messages\":[{\"role\":\"user\",\"content\":["
		"{\"type\":\"image\",\"source\":{\"type\":\"url\",\"url\":\"https://a/b\"}},"
		"{\"type\":\"image\",\"source\":{\"type\":\"file\",\"file_id\":\"f1\"}},"
		"{\"type\":\"document\",\"title\":\"T\",\"context\":\"C\",\"citations\":"
		"{\"enabled\":true},\"source\":{\"type\":\"text\",\"media_type\":\"text/"
		"plain\","
		"\"data\":\"x\\ny\"}},"
		"{\"type\":\"document\",\"source\":{\"type\":\"content\",\"content\":["
		"{\"type\":\"text\",\"text\":\"p\"},{\"type\":\"text\",\"text\":\"q\"}]}},"
		"{\"type\":\"document\",\"source\":{\"type\":\"base64\",\"media_type\":"
		"\"application\\/pdf\",\"data\":\"AA\\/A\"}},"
		"{\"type\":\"search_result\",\"source\":\"s\",\"title\":\"t\",\"content\":[]},"
		"{\"type\":\"image\",\"source\":{\"type\":\"hologram\"}}]}]}";
	struct chat_request r;
	struct bench b;

	(void)state;
	bench_open(&b);
	CHECK_RC(bench_read(&b, body, &r), OK);
	CHECK_INT(part(&r, 0, 0)->u.media.source, MEDIA_URL);
	CHECK(r.has_urls);
	CHECK_INT(part(&r, 0, 1)->u.media.source, MEDIA_FILE);
	CHECK_SLICE(part(&r, 0, 1)->u.media.url.s, "f1");
	CHECK_INT(part(&r, 0, 2)->u.media.source, MEDIA_TEXT);
	CHECK_SLICE(part(&r, 0, 2)->u.media.url.s, "x\\ny");
	CHECK_SLICE(part(&r, 0, 2)->u.media.title.s, "T");
	CHECK(part(&r, 0, 2)->u.media.citations);
	CHECK_SLICE(part(&r, 0, 3)->u.media.url.s, "p\\nq");
	CHECK_SLICE(part(&r, 0, 4)->u.media.mime, "application/pdf");
	CHECK_SLICE(part(&r, 0, 4)->u.media.data, "AA/A");
	CHECK_INT(part(&r, 0, 5)->kind, PART_OTHER);
	CHECK_STR(part(&r, 0, 5)->u.other.what, "search_result");
	CHECK_INT(part(&r, 0, 6)->kind, PART_OTHER);
	bench_close(&b);
}

static void sealed_state_is_opened_and_bound_to_what_follows(void **state)
{
	static const char body[] = HEAD
		"\"messages\":[{\"role\":\"assistant\",\"content\":["
		"{\"type\":\"thinking\",\"thinking\":\"hm\",\"signature\":\"weir~gcp~SIG\"},"
		"{\"type\":\"redacted_thinking\",\"data\":\"own\"},"
		"{\"type\":\"redacted_thinking\",\"data\":\"weir~g~next:ONE\"},"
		"{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}},"
		"{\"type\":\"redacted_thinking\",\"data\":\"weir~g~next:TWO\"}]}]}";
	struct chat_request r;
	struct bench b;

	(void)state;
	bench_open(&b);
	CHECK_RC(bench_read(&b, body, &r), OK);
	CHECK_SLICE(part(&r, 0, 0)->u.reasoning.text.s, "hm");
	CHECK_SLICE(part(&r, 0, 0)->u.reasoning.signature.data.s, "SIG");
	CHECK_SLICE(part(&r, 0, 0)->u.reasoning.signature.issuer, "gcp");
	CHECK_SLICE(part(&r, 0, 1)->u.reasoning.encrypted.data.s, "own");
	CHECK_INT(part(&r, 0, 1)->u.reasoning.encrypted.issuer.n, 0);
	CHECK_INT(part(&r, 0, 2)->kind, PART_TOOL_CALL);
	CHECK_SLICE(part(&r, 0, 2)->signature.data.s, "ONE");
	CHECK_SLICE(part(&r, 0, 2)->signature.issuer, "g");
	CHECK_INT(part(&r, 0, 3)->kind, PART_TEXT);
	CHECK_SLICE(part(&r, 0, 3)->signature.data.s, "TWO");
	CHECK_SLICE(r.pinned, "g");
	bench_close(&b);
}

static void the_forms_of_thinking_are_read(void **state)
{
	struct chat_request r;
	struct bench b;

	(void)state;
	bench_open(&b);
	CHECK_RC(bench_read(&b,
			    HEAD HI ",\"thinking\":{\"type\":\"adaptive\",\"display\":"
				    "\"omitted\"},\"output_config\":{\"effort\":\"max\"}}",
			    &r),
		 OK);
	CHECK(r.thinking.automatic);
	CHECK_INT(r.thinking.visible, NO);
	CHECK_INT(r.thinking.effort, EFFORT_MAX);
	CHECK_RC(bench_read(&b, HEAD HI ",\"thinking\":{\"type\":\"disabled\"}}", &r), OK);
	CHECK_INT(r.thinking.effort, EFFORT_NONE);
	CHECK_RC(bench_read(&b, HEAD HI ",\"thinking\":{\"type\":\"between_tools\"}}", &r), OK);
	CHECK_SLICE(r.extras->key, "thinking");
	bench_close(&b);
}

static void a_mark_on_the_request_is_one_on_its_last_block(void **state)
{
	struct chat_request r;
	struct bench b;

	(void)state;
	bench_open(&b);
	CHECK_RC(bench_read(&b, HEAD HI ",\"cache_control\":{\"type\":\"ephemeral\"}}", &r),
		 OK);
	CHECK_INT(part(&r, 0, 0)->cache, CACHE_DEFAULT);
	bench_close(&b);
}

static void only_an_answer_needs_max_tokens(void **state)
{
	struct request_in in = { .body = LIT("{\"model\":\"m\"," HI "}"),
				 .op = OP_COUNT_TOKENS };
	struct chat_request r;
	struct bench b;

	(void)state;
	bench_open(&b);
	CHECK_RC(dialect_anthropic.request_read(&r, &in, &b.a, &b.why), OK);
	CHECK_INT(r.wants, CHAT_COUNT_TOKENS);
	CHECK_SLICE(bench_write(&b, &r, "x"),
		    "{\"model\":\"x\",\"messages\":[{\"role\":\"user\",\"content\":["
		    "{\"type\":\"text\",\"text\":\"hi\"}]}]}");
	CHECK_INT(b.lost.n, 0);
	bench_close(&b);
}

static void bad_requests_name_the_member(void **state)
{
	static const struct {
		const char *body, *code, *param;
	} bad[] = {
		{ "{", "invalid_json", "" },
		{ "[]", "invalid_json", "" },
		{ "{}", "missing_field", "model" },
		{ "{\"model\":1}", "invalid_type", "model" },
		{ "{\"model\":\"\"}", "invalid_value", "model" },
		{ "{\"model\":\"m\"," HI "}", "missing_field", "max_tokens" },
		{ "{\"model\":\"m\",\"max_tokens\":1.5," HI "}", "invalid_value",
		  "max_tokens" },
		{ "{\"model\":\"m\",\"max_tokens\":\"9\"," HI "}", "invalid_type",
		  "max_tokens" },
		{ HEAD "\"messages\":[]}", "invalid_value", "messages" },
		{ HEAD "\"x\":1}", "missing_field", "messages" },
		{ HEAD "\"messages\":{}}", "invalid_type", "messages" },
		{ HEAD "\"messages\":[1]}", "invalid_type", "messages[0]" },
		{ HEAD "\"messages\":[{\"content\":\"\"}]}", "missing_field",
		  "messages[0].role" },
		{ HEAD "\"messages\":[{\"role\":\"tool\",\"content\":\"\"}]}", "invalid_value",
		  "messages[0].role" },
		{ HEAD "\"messages\":[{\"role\":\"user\"}]}", "missing_field",
		  "messages[0].content" },
		{ HEAD "\"messages\":[{\"role\":\"user\",\"content\":1}]}", "invalid_type",
		  "messages[0].content" },
		{ HEAD "\"messages\":[{\"role\":\"user\",\"content\":[\"a\"]}]}",
		  "invalid_type", "messages[0].content[0]" },
		{ HEAD "\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"a\"}]}]}",
		  "missing_field", "messages[0].content[0].type" },
		{ HEAD "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\","
		       "\"text\":2}]}]}",
		  "invalid_type", "messages[0].content[0].text" },
		{ HEAD "\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":"
		       "\"image\"}]}]}",
		  "invalid_value", "messages[0].content[0].type" },
		{ HEAD "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\"}]}]}",
		  "missing_field", "messages[0].content[0].source" },
		{ HEAD "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"image\","
		       "\"source\":{\"type\":\"base64\",\"media_type\":\"image/png\","
		       "\"data\":\"a\\\",\"}}]}]}",
		  "invalid_value", "messages[0].content[0].source.data" },
		{ HEAD "\"messages\":[{\"role\":\"assistant\",\"content\":[{\"type\":"
		       "\"tool_use\",\"id\":\"i\",\"name\":\"n\"}]}]}",
		  "missing_field", "messages[0].content[0].input" },
		{ HEAD "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":"
		       "\"tool_result\",\"tool_use_id\":\"i\",\"content\":[{\"type\":"
		       "\"tool_use\"}]}]}]}",
		  "invalid_value", "messages[0].content[0].content[0].type" },
		{ HEAD HI ",\"system\":[{\"type\":\"image\"}]}", "invalid_value",
		  "system[0].type" },
		{ HEAD HI ",\"system\":\"a\",\"system\":\"b\"}", "duplicate_field", "system" },
		{ HEAD HI ",\"system\":[{\"type\":\"text\",\"text\":\"a\",\"cache_control\":"
			  "{\"type\":\"ephemeral\",\"ttl\":\"2h\"}}]}",
		  "invalid_value", "system[0].cache_control.ttl" },
		{ HEAD HI ",\"tools\":[{\"name\":\"f\"}]}", "missing_field",
		  "tools[0].input_schema" },
		{ HEAD HI ",\"tools\":[{\"input_schema\":{}}]}", "missing_field",
		  "tools[0].name" },
		{ HEAD HI ",\"tool_choice\":{\"type\":\"some\"}}", "invalid_value",
		  "tool_choice.type" },
		{ HEAD HI ",\"tool_choice\":\"auto\"}", "invalid_type", "tool_choice" },
		{ HEAD HI ",\"tool_choice\":{\"type\":\"tool\"}}", "missing_field",
		  "tool_choice.name" },
		{ HEAD HI ",\"thinking\":{\"type\":\"enabled\"}}", "invalid_value",
		  "thinking.budget_tokens" },
		{ HEAD HI ",\"output_config\":{\"effort\":\"minimal\"}}", "invalid_value",
		  "output_config.effort" },
		{ HEAD HI ",\"output_config\":{\"format\":{\"type\":\"json\"}}}",
		  "unsupported_value", "output_config.format.type" },
		{ HEAD HI ",\"output_config\":{\"format\":{\"type\":\"json_schema\"}}}",
		  "missing_field", "output_config.format.schema" },
		{ HEAD HI ",\"stop_sequences\":[1]}", "invalid_type", "stop_sequences[0]" },
		{ HEAD HI ",\"service_tier\":\"flex\"}", "invalid_value", "service_tier" },
		{ HEAD HI ",\"metadata\":{\"user_id\":7}}", "invalid_type",
		  "metadata.user_id" },
		{ HEAD HI ",\"temperature\":\"hot\"}", "invalid_type", "temperature" },
		{ HEAD HI ",\"stream\":1}", "invalid_type", "stream" },
	};
	struct chat_request r;
	struct bench b;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		bench_open(&b);
		CHECK_RC(bench_read(&b, bad[i].body, &r), E_BAD);
		CHECK_STR(b.why.param, bad[i].param);
		CHECK_STR(b.why.code, bad[i].code);
		CHECK(b.why.text[0] != '\0');
		bench_close(&b);
	}
}

/* ---- writing --------------------------------------------------------------------------- */

/* What is read, with changes, and written for `model`; the caller's arena. */
static struct slice through(struct bench *b, const char *body, const char *model, bool foreign)
{
	struct chat_request r;

	CHECK_RC(bench_read(b, body, &r), OK);
	if (foreign)
		r.dialect = &dialect_openai;
	return bench_write(b, &r, model);
}

static void a_request_survives_being_written_and_read(void **state)
{
	static const char body[] =
		"{\"model\":\"x\",\"max_tokens\":100,"
		"\"tools\":[{\"name\":\"f\",\"description\":\"d\",\"input_schema\":{\"type\":"
		"\"object\"},\"cache_control\":{\"type\":\"ephemeral\",\"ttl\":\"1h\"}},"
		"{\"type\":\"web_search_20260318\",\"name\":\"web_search\"}],"
		"\"tool_choice\":{\"type\":\"any\",\"disable_parallel_tool_use\":true},"
		"\"system\":[{\"type\":\"text\",\"text\":\"be\"}],"
		"\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
		"\"hi\"},"
		"{\"type\":\"image\",\"source\":{\"type\":\"file\",\"file_id\":\"f1\"}},"
		"{\"type\":\"search_result\",\"source\":\"s\"}]},"
		"{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":"
		"\"hm\","
		"\"signature\":\"S\"},{\"type\":\"redacted_thinking\",\"data\":\"R\"},"
		"{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"f\",\"input\":{\"a\":1e400}}]}"
		","
		"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":"
		"\"t1\","
		"\"content\":[{\"type\":\"text\",\"text\":\"ok\"}],\"is_error\":true},"
		"{\"type\":\"document\",\"source\":{\"type\":\"text\",\"media_type\":"
		"\"text/"
		"plain\",\"data\":\"x\"},\"title\":\"T\",\"citations\":{\"enabled\":true}}]}],"
		"\"stream\":true,\"temperature\":0.5,\"top_k\":4,\"stop_sequences\":[\"a\"],"
		"\"metadata\":{\"user_id\":\"u\"},\"service_tier\":\"auto\","
		"\"speed\":\"fast\"}";
	struct bench b;

	(void)state;
	bench_open(&b);
	CHECK_SLICE(through(&b, body, "x", false), body);
	CHECK_INT(b.lost.n, 0);
	bench_close(&b);
}

static void turns_alternate_and_results_come_first(void **state)
{
	struct chat_request r = { .dialect = &dialect_openai };
	struct chat_message *m;
	struct chat_part *p;
	struct bench b;

	(void)state;
	bench_open(&b);
	m = chat_message_add(&r, &b.a, ROLE_DEVELOPER);
	chat_part_add(m, &b.a, PART_TEXT)->u.text = JTEXT("rules");
	m = chat_message_add(&r, &b.a, ROLE_USER);
	chat_part_add(m, &b.a, PART_TEXT)->u.text = JTEXT("a");
	chat_part_add(m, &b.a, PART_TEXT)->u.text = JTEXT(" \\n");
	m = chat_message_add(&r, &b.a, ROLE_SYSTEM); /* late: the user's words */
	chat_part_add(m, &b.a, PART_TEXT)->u.text = JTEXT("b");
	m = chat_message_add(&r, &b.a, ROLE_ASSISTANT);
	p = chat_part_add(m, &b.a, PART_TOOL_CALL);
	p->u.call = (struct chat_call){ .id = JTEXT("functions.f:0"), .name = JTEXT("f") };
	m = chat_message_add(&r, &b.a, ROLE_USER);
	chat_part_add(m, &b.a, PART_TEXT)->u.text = JTEXT("c");
	m = chat_message_add(&r, &b.a, ROLE_TOOL);
	p = chat_part_add(m, &b.a, PART_TOOL_RESULT);
	p->u.result.call_id = JTEXT("functions.f:0");
	chat_part_append(&p->u.result.parts, &b.a, PART_TEXT)->u.text = JTEXT("r");
	CHECK_SLICE(bench_write(&b, &r, "claude-sonnet-4-5"),
		    "{\"model\":\"claude-sonnet-4-5\",\"max_tokens\":4096,"
		    "\"system\":[{\"type\":\"text\",\"text\":\"rules\"}],"
		    "\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
		    "\"a\"},"
		    "{\"type\":\"text\",\"text\":\"b\"}]},"
		    "{\"role\":\"assistant\",\"content\":[{\"type\":\"tool_use\","
		    "\"id\":\"functions_f_0\",\"name\":\"f\",\"input\":{}}]},"
		    "{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
		    "\"tool_use_id\":\"functions_f_0\",\"content\":[{\"type\":\"text\","
		    "\"text\":\"r\"}]},{\"type\":\"text\",\"text\":\"c\"}]}]}");
	CHECK_INT(b.lost.n, 0);
	bench_close(&b);
}

static void a_system_prompt_alone_is_what_the_user_says(void **state)
{
	struct chat_request r = { .dialect = &dialect_openai };
	struct chat_message *m;
	struct bench b;

	(void)state;
	bench_open(&b);
	m = chat_message_add(&r, &b.a, ROLE_SYSTEM);
	chat_part_add(m, &b.a, PART_TEXT)->u.text = JTEXT("go");
	CHECK_SLICE(bench_write(&b, &r, "claude-opus-5"),
		    "{\"model\":\"claude-opus-5\",\"max_tokens\":4096,\"messages\":[{\"role\":"
		    "\"user\",\"content\":[{\"type\":\"text\",\"text\":\"go\"}]}]}");
	bench_close(&b);
}

/* Whether `body`, of another dialect, becomes something that has `want` for that model. */
static void becomes(const char *model, const char *extra, const char *want, const char *lost)
{
	struct slice body, out;
	struct bench b;

	bench_open(&b);
	body = arena_fmt(&b.a, "{\"model\":\"m\",\"max_tokens\":3000," HI "%s}", extra);
	out = through(&b, arena_cstr(&b.a, body), model, true);
	if (slice_find(out, slice_cstr(want)) == SLICE_NONE)
		CHECK_SLICE(out, want);
	CHECK_SLICE(bench_lost(&b), lost);
	bench_close(&b);
}

#define BUDGET    ",\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":5000}"
#define OFF       ",\"thinking\":{\"type\":\"disabled\"}"
#define ADAPTIVE  ",\"thinking\":{\"type\":\"adaptive\"}"
#define EFFORT(e) ",\"output_config\":{\"effort\":\"" e "\"}"

static void thinking_is_said_as_each_model_takes_it(void **state)
{
	(void)state;
	becomes("claude-3-haiku-20240307", BUDGET, "hi\"}]}]}", "reasoning_effort");
	becomes("claude-3.7-sonnet", BUDGET,
		"\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":5000}", "");
	becomes("claude-3.7-sonnet", BUDGET, "\"max_tokens\":8000,", "");
	becomes("us.anthropic.claude-sonnet-4-20250514-v1:0", EFFORT("high"),
		"\"budget_tokens\":16384", "");
	becomes("claude-sonnet-4@20250514", ADAPTIVE, "\"budget_tokens\":8192", "");
	becomes("claude-opus-4-5-20251101", EFFORT("max"),
		"\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":61000},"
		"\"output_config\":{\"effort\":\"high\"}",
		"");
	becomes("claude-opus-4-6", EFFORT("xhigh"),
		"\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"},"
		"\"output_config\":{\"effort\":\"max\"}",
		"");
	becomes("claude-opus-4-7", EFFORT("xhigh"), "\"effort\":\"xhigh\"", "");
	becomes("claude-sonnet-5", BUDGET,
		"\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"},"
		"\"output_config\":{\"effort\":\"medium\"}",
		"");
	becomes("claude-sonnet-5", OFF, "\"thinking\":{\"type\":\"disabled\"}", "");
	becomes("claude-sonnet-4-5", OFF, "\"thinking\":{\"type\":\"disabled\"}", "");
	becomes("claude-opus-5-5", OFF, "hi\"}]}],\"output_config\":{\"effort\":\"low\"}}",
		"reasoning_effort");
	becomes("claude-fable-5-1", ADAPTIVE,
		"\"thinking\":{\"type\":\"adaptive\",\"display\":\"summarized\"}", "");
	becomes("claude-fable-5", OFF, "\"disabled\"", "");
	becomes("claude-haiku-5-5", OFF, "\"disabled\"", "");
	becomes("claude-sonnet-5-5", OFF, "\"effort\":\"low\"", "reasoning_effort");
	becomes("claude-opus-7", EFFORT("high"), "\"effort\":\"high\"", "");
	becomes("MiniMax-M2", EFFORT("low"), "\"budget_tokens\":2048", "");
}

#define TOOLS ",\"tools\":[{\"name\":\"f\",\"input_schema\":{}}]"
#define FORCE ",\"tool_choice\":{\"type\":\"any\"}"

static void thinking_gives_way_to_a_forced_call_and_to_an_unsigned_history(void **state)
{
	static const char history[] = HEAD
		"\"thinking\":{\"type\":\"enabled\",\"budget_tokens\":1024},\"messages\":["
		"{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":"
		"\"h\","
		"\"signature\":\"%s\"},{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\","
		"\"input\":{}}]},{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\","
		"\"tool_use_id\":\"t\"}]}]}";
	struct slice out;
	struct bench b;

	(void)state;
	becomes("claude-sonnet-4-5", BUDGET TOOLS FORCE, "\"tool_choice\":{\"type\":\"any\"}",
		"reasoning_effort");
	becomes("claude-sonnet-5", BUDGET TOOLS FORCE, "\"tool_choice\":{\"type\":\"any\"}",
		"reasoning_effort");
	becomes("claude-opus-5-5", TOOLS FORCE, "\"tool_choice\":{\"type\":\"auto\"}",
		"tool_choice");
	bench_open(&b);
	out = through(&b, arena_cstr(&b.a, arena_fmt(&b.a, history, "")), "claude-3-7-sonnet",
		      true);
	CHECK(slice_find(out, LIT("\"thinking\":{")) == SLICE_NONE);
	CHECK_SLICE(bench_lost(&b), "reasoning_effort,reasoning");
	out = through(&b, arena_cstr(&b.a, arena_fmt(&b.a, history, "weir~anthropic~S")),
		      "claude-3-7-sonnet", true);
	CHECK(slice_find(out, LIT("\"thinking\":{")) != SLICE_NONE);
	CHECK(slice_find(out, LIT("\"signature\":\"S\"")) != SLICE_NONE);
	/* Of another provider, or unsealed from a client of another dialect. */
	out = through(&b, arena_cstr(&b.a, arena_fmt(&b.a, history, "weir~else~S")),
		      "claude-3-7-sonnet", true);
	CHECK(slice_find(out, LIT("signature")) == SLICE_NONE);
	out = through(&b, arena_cstr(&b.a, arena_fmt(&b.a, history, "S")), "claude-3-7-sonnet",
		      true);
	CHECK(slice_find(out, LIT("signature")) == SLICE_NONE);
	bench_close(&b);
}

static void sampling_is_what_the_model_takes(void **state)
{
	(void)state;
	becomes("claude-3-5-haiku-latest", ",\"temperature\":1.5,\"top_p\":0.5",
		"\"temperature\":1,\"top_p\":0.5", "temperature");
	becomes("claude-sonnet-4-5", ",\"temperature\":0.20,\"top_p\":0.5",
		"\"temperature\":0.20}", "top_p");
	becomes("claude-opus-4-7", ",\"temperature\":0.2,\"top_p\":0.5,\"top_k\":3",
		"hi\"}]}]}", "temperature,top_p,top_k");
	becomes("claude-sonnet-4-5", BUDGET ",\"temperature\":1", "\"thinking\"",
		"temperature");
	becomes("claude-3-5-haiku-latest", ",\"stop_sequences\":[\" \",\"x\"]",
		"\"stop_sequences\":[\"x\"]", "stop");
}

static void the_length_is_within_what_the_model_gives(void **state)
{
	struct chat_request r;
	struct bench b;
	struct chat_target t = { .model = LIT("claude-3-haiku-20240307") };
	struct json_out o;

	(void)state;
	bench_open(&b);
	CHECK_RC(bench_read(&b, "{\"model\":\"m\",\"max_tokens\":9000," HI "}", &r), OK);
	out_init(&o, &b.a);
	CHECK_RC(dialect_anthropic.request_write(&r, &t, &o, &b.lost, &b.why), OK);
	CHECK(slice_find(out_slice(&o), LIT("\"max_tokens\":4096")) != SLICE_NONE);
	t.max_output = 500;
	r.max_tokens = 0;
	out_init(&o, &b.a);
	CHECK_RC(dialect_anthropic.request_write(&r, &t, &o, &b.lost, &b.why), OK);
	CHECK(slice_find(out_slice(&o), LIT("\"max_tokens\":500")) != SLICE_NONE);
	/* No room for the least budget. */
	r.thinking.budget = 2000;
	t.model = LIT("claude-sonnet-4-5");
	out_init(&o, &b.a);
	CHECK_RC(dialect_anthropic.request_write(&r, &t, &o, &b.lost, &b.why), OK);
	CHECK(slice_find(out_slice(&o), LIT("thinking")) == SLICE_NONE);
	CHECK_SLICE(bench_lost(&b), "reasoning_effort");
	bench_close(&b);
}

#define SCHEMA(s) ",\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":" s "}}"
#define CLOSED                                                                                 \
	"{\"type\":\"object\",\"properties\":{\"pattern\":{\"type\":\"string\"}},"             \
	"\"additionalProperties\":false}"

static void schemas_are_freed_of_what_the_api_refuses(void **state)
{
	(void)state;
	becomes("claude-opus-4-1", SCHEMA(CLOSED),
		"\"format\":{\"type\":\"json_schema\",\"schema\":" CLOSED "}", "");
	becomes("claude-opus-4-6", SCHEMA("{\"type\":\"object\"}"),
		"\"schema\":{\"type\":\"object\",\"additionalProperties\":false}", "");
	becomes("claude-opus-4-6",
		SCHEMA("{\"properties\":{\"minimum\":{\"type\":\"integer\",\"minimum\":1,"
		       "\"description\":\"how\",\"enum\":[1]},\"x\":{\"items\":{\"anyOf\":[{"
		       "\"type\":\"string\",\"pattern\":\"^\\\"a\",\"format\":\"regex\"},"
		       "{\"format\":\"date\"}]}}},\"additionalProperties\":true}"),
		"\"schema\":{\"properties\":{\"minimum\":{\"type\":\"integer\",\"enum\":[1],"
		"\"description\":\"how (minimum: 1)\"},\"x\":{\"items\":{\"anyOf\":[{\"type\":"
		"\"string\",\"description\":\"(pattern: \\\"^\\\\\\\"a\\\", format: "
		"\\\"regex\\\")\"},{\"format\":\"date\"}]}}},\"additionalProperties\":false}",
		"response_format.schema");
}

static void models_without_structured_output_are_made_to_call_a_tool(void **state)
{
	(void)state;
	becomes("claude-3-5-haiku", SCHEMA("{\"type\":\"object\"}"),
		"\"tools\":[{\"name\":\"weir_json_output\",\"description\":\"Gives the answer. "
		"Call it once, with the whole answer.\",\"input_schema\":{\"type\":"
		"\"object\"}}],\"tool_choice\":{\"type\":\"tool\",\"name\":"
		"\"weir_json_output\"}",
		"");
	becomes("claude-3-5-haiku", TOOLS SCHEMA("{\"type\":\"object\"}"),
		"\"tool_choice\":{\"type\":\"any\"}", "");
	becomes("claude-3-5-haiku", TOOLS FORCE SCHEMA("{\"type\":\"object\"}"),
		"\"tool_choice\":{\"type\":\"any\"}", "response_format");
	becomes("claude-3-5-haiku", SCHEMA("{\"type\":\"array\"}"), "hi\"}]}]}",
		"response_format");
}

static void a_json_object_is_asked_for_in_words(void **state)
{
	struct chat_request r;
	struct slice out;
	struct bench b;

	(void)state;
	bench_open(&b);
	CHECK_RC(bench_read(&b, HEAD HI "}", &r), OK);
	r.dialect = &dialect_openai;
	r.format.kind = FORMAT_JSON;
	out = bench_write(&b, &r, "claude-opus-5");
	CHECK(slice_find(out, LIT("\"system\":[{\"type\":\"text\",\"text\":\"Answer with one "
				  "valid JSON object")) != SLICE_NONE);
	CHECK_INT(b.lost.n, 0);
	bench_close(&b);
}

static void what_cannot_be_said_is_named(void **state)
{
	struct chat_request r;
	struct chat_message *m;
	struct chat_part *p;
	struct chat_tool *tool;
	struct slice out;
	struct bench b;

	(void)state;
	bench_open(&b);
	CHECK_RC(bench_read(&b, HEAD HI ",\"speed\":\"fast\"}", &r), OK);
	r.dialect = &dialect_openai;
	r.seed = r.frequency_penalty = r.presence_penalty = LIT("1");
	r.metadata = LIT("{\"a\":\"b\"}");
	r.n = 2;
	r.logprobs = r.store = YES;
	r.cache_key = r.verbosity = JTEXT("k");
	r.service_tier = JTEXT("flex");
	r.wants_audio = true;
	tool = chat_tool_add(&r, &b.a, TOOL_HOSTED);
	tool->type = JTEXT("code_interpreter");
	m = chat_message_add(&r, &b.a, ROLE_USER);
	m->name = JTEXT("bob");
	p = chat_part_add(m, &b.a, PART_AUDIO);
	p = chat_part_add(m, &b.a, PART_IMAGE);
	p->u.media = (struct chat_media){ .mime = LIT("image/bmp"), .data = LIT("AAAA") };
	p = chat_part_add(m, &b.a, PART_DOCUMENT);
	p->u.media.source = MEDIA_FILE;
	p = chat_part_add(m, &b.a, PART_OTHER);
	p->u.other.what = "hologram";
	m = chat_message_add(&r, &b.a, ROLE_ASSISTANT);
	p = chat_part_add(m, &b.a, PART_TEXT);
	p->u.text = JTEXT("The answer:");
	out = bench_write(&b, &r, "claude-opus-5");
	CHECK_SLICE(out,
		    "{\"model\":\"claude-opus-5\",\"max_tokens\":10,\"messages\":[{\"role\":"
		    "\"user\",\"content\":[{\"type\":\"text\",\"text\":\"hi\"}]}]}");
	CHECK_SLICE(bench_lost(&b),
		    "tools[0] (code_interpreter),messages[1].content[0] (audio),"
		    "messages[1].content[1] (image format),"
		    "messages[1].content[2] (document by file id),"
		    "messages[1].content[3] (hologram),messages.name,"
		    "messages[2].content[0] (prefill),service_tier,seed,"
		    "frequency_penalty,presence_penalty,metadata,prompt_cache_key,verbosity,n,"
		    "logprobs,store,modalities,speed");
	CHECK(b.lost.content);
	bench_close(&b);
}

static void at_most_four_marks_are_sent_the_latest(void **state)
{
	static const char body[] = HEAD
		"\"tools\":[{\"name\":\"f\",\"input_schema\":{\"type\":\"object\"},"
		"\"cache_control\":{\"type\":\"ephemeral\"}}],"
		"\"system\":[{\"type\":\"text\",\"text\":\"1\",\"cache_control\":{\"type\":"
		"\"ephemeral\"}},{\"type\":\"text\",\"text\":\"2\",\"cache_control\":{\"type\":"
		"\"ephemeral\",\"ttl\":\"5m\"}}],"
		"\"messages\":[{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":"
		"\"3\","
		"\"cache_control\":{\"type\":\"ephemeral\"}},{\"type\":\"text\",\"text\":\"4\","
		"\"cache_control\":{\"type\":\"ephemeral\"}}]},"
		"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"5\","
		"\"cache_control\":{\"type\":\"ephemeral\"}}]}]}";
	struct slice out;
	struct bench b;

	(void)state;
	bench_open(&b);
	out = through(&b, body, "claude-opus-5", true);
	CHECK(slice_find(out, LIT("\"text\":\"1\"}")) != SLICE_NONE);
	CHECK(slice_find(out, LIT("\"text\":\"2\",\"cache_control\":{\"type\":\"ephemeral\","
				  "\"ttl\":\"5m\"}}")) != SLICE_NONE);
	CHECK(slice_find(out, LIT("\"input_schema\":{\"type\":\"object\"}}")) != SLICE_NONE);
	CHECK_SLICE(bench_lost(&b), "cache_control");
	bench_close(&b);
}

static void arguments_that_are_no_object_are_wrapped(void **state)
{
	struct chat_request r;
	struct chat_message *m;
	struct chat_part *p;
	struct slice out;
	struct bench b;

	(void)state;
	bench_open(&b);
	CHECK_RC(bench_read(&b, HEAD HI "}", &r), OK);
	m = chat_message_add(&r, &b.a, ROLE_ASSISTANT);
	p = chat_part_add(m, &b.a, PART_TOOL_CALL);
	p->u.call =
		(struct chat_call){ .id = JTEXT("i"), .name = JTEXT("f"), .args = LIT("{\"a") };
	p = chat_part_add(m, &b.a, PART_TOOL_CALL);
	p->u.call = (struct chat_call){
		.id = JTEXT("j"), .name = JTEXT("g"), .args = LIT("ls \"x\""), .custom = true
	};
	out = bench_write(&b, &r, "claude-3-5-haiku");
	CHECK(slice_find(out, LIT("\"input\":{\"arguments\":\"{\\\"a\"}")) != SLICE_NONE);
	CHECK(slice_find(out, LIT("\"input\":{\"input\":\"ls \\\"x\\\"\"}")) != SLICE_NONE);
	CHECK_SLICE(bench_lost(&b), "messages[1].content[0] (arguments not JSON)");
	bench_close(&b);
}

static void text_files_go_as_text(void **state)
{
	struct chat_request r;
	struct chat_part *p;
	struct slice out;
	struct bench b;

	(void)state;
	bench_open(&b);
	CHECK_RC(bench_read(&b, HEAD HI "}", &r), OK);
	r.dialect = &dialect_openai;
	p = chat_part_add(r.messages, &b.a, PART_DOCUMENT);
	p->u.media = (struct chat_media){ .mime = LIT("text/csv"),
					  .data = LIT("YSJi"),
					  .name = JTEXT("t.csv") };
	out = bench_write(&b, &r, "claude-3-5-haiku");
	CHECK(slice_find(out, LIT("{\"type\":\"document\",\"source\":{\"type\":\"text\","
				  "\"media_type\":\"text/plain\",\"data\":\"a\\\"b\"},"
				  "\"title\":\"t.csv\"}")) != SLICE_NONE);
	CHECK_INT(b.lost.n, 0);
	bench_close(&b);
}

static void members_that_a_provider_does_not_take_are_left_out(void **state)
{
	static const struct slice drop[] = { LITC("metadata"), LITC("temperature") };
	const struct chat_target t = { .model = LIT("m"),
				       .drop_params = drop,
				       .drop_param_n = 2 };
	struct chat_request r;
	struct json_out o;
	struct bench b;

	(void)state;
	bench_open(&b);
	CHECK_RC(bench_read(&b, HEAD HI ",\"temperature\":1,\"metadata\":{\"user_id\":\"u\"}}",
			    &r),
		 OK);
	out_init(&o, &b.a);
	CHECK_RC(dialect_anthropic.request_write(&r, &t, &o, &b.lost, &b.why), OK);
	CHECK(slice_find(out_slice(&o), LIT("metadata")) == SLICE_NONE);
	CHECK_SLICE(bench_lost(&b), "temperature,metadata");
	bench_close(&b);
}

/* ---- errors, lists --------------------------------------------------------------------- */

static void errors_are_understood(void **state)
{
#define E(type, message)                                                                       \
	"{\"type\":\"error\",\"error\":{\"type\":\"" type "\",\"message\":\"" message          \
	"\"},\"request_id\":\"r\"}"
	static const struct {
		unsigned status;
		const char *body;
		enum fault_kind kind;
		const char *message;
	} rows[] = {
		{ 400, E("invalid_request_error", "bad"), FAULT_CLIENT, "bad" },
		{ 400, E("invalid_request_error", "prompt is too long: 2 > 1"), FAULT_CONTEXT,
		  "prompt is too long: 2 > 1" },
		{ 400, E("invalid_request_error", "Your credit balance is too low"),
		  FAULT_QUOTA, "Your credit balance is too low" },
		{ 400, E("invalid_request_error", "blocked by content filtering policy"),
		  FAULT_POLICY, "blocked by content filtering policy" },
		{ 401, E("authentication_error", "k"), FAULT_AUTH, "k" },
		{ 402, E("billing_error", "b"), FAULT_QUOTA, "b" },
		{ 403, E("permission_error", "p"), FAULT_AUTH, "p" },
		{ 404, E("not_found_error", "model: x"), FAULT_MODEL, "model: x" },
		{ 409, E("conflict_error", "c"), FAULT_SERVER, "c" },
		{ 413, "<html>too large</html>", FAULT_CLIENT, "" },
		{ 429, E("rate_limit_error", "slow"), FAULT_RATE, "slow" },
		{ 429,
		  "{\"type\":\"error\",\"error\":{\"type\":\"rate_limit_error\",\"message\":"
		  "\"m\",\"details\":{\"error_code\":\"enforced_spend_limit_reached\"}}}",
		  FAULT_QUOTA, "m" },
		{ 500, E("api_error", "i"), FAULT_SERVER, "i" },
		{ 504, E("timeout_error", "t"), FAULT_TIMEOUT, "t" },
		{ 529, E("overloaded_error", "Overloaded"), FAULT_OVERLOADED, "Overloaded" },
		{ 200, E("overloaded_error", "o"), FAULT_OVERLOADED, "o" },
		{ 502, "", FAULT_SERVER, "" },
		{ 200, "", FAULT_GARBAGE, "" },
		{ 401, "{\"message\":\"no\"}", FAULT_AUTH, "no" },
		{ 400, "{\"error\":\"flat\"}", FAULT_CLIENT, "flat" },
		{ 422, "{\"detail\":\"d\"}", FAULT_CLIENT, "d" },
	};
	struct bench b;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fault f;

		bench_open(&b);
		dialect_anthropic.error_read(&f, rows[i].status, slice_cstr(rows[i].body),
					     &b.a);
		CHECK_INT(f.kind, rows[i].kind);
		CHECK_INT(f.status, rows[i].status);
		CHECK_SLICE(f.message, rows[i].message);
		bench_close(&b);
	}
}

static void errors_have_the_type_of_their_status(void **state)
{
	static const struct {
		unsigned status;
		const char *type;
	} rows[] = {
		{ 400, "invalid_request_error" },
		{ 401, "authentication_error" },
		{ 402, "billing_error" },
		{ 403, "permission_error" },
		{ 404, "not_found_error" },
		{ 413, "request_too_large" },
		{ 422, "invalid_request_error" },
		{ 429, "rate_limit_error" },
		{ 500, "api_error" },
		{ 502, "api_error" },
		{ 503, "overloaded_error" },
		{ 504, "timeout_error" },
	};
	struct bench b;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct chat_error e = { .status = rows[i].status,
					.message = LIT("a \"b\""),
					.id = LIT("req-1") };
		struct json_out o;

		bench_open(&b);
		out_init(&o, &b.a);
		dialect_anthropic.error_write(&e, &o);
		CHECK_SLICE(
			out_slice(&o),
			arena_cstr(&b.a, arena_fmt(&b.a,
						   "{\"type\":\"error\",\"error\":{\"type\":"
						   "\"%s\",\"message\":\"a \\\"b\\\"\"},"
						   "\"request_id\":\"req-1\"}",
						   rows[i].type)));
		bench_close(&b);
	}
}

static void models_and_counts_have_their_own_shape(void **state)
{
	static const struct model_row rows[] = {
		{ .name = LITC("a"), .created_s = 1763625600, .context = 10, .max_output = 5 },
		{ .name = LITC("b") },
	};
	struct json_out o;
	struct bench b;
	uint64_t n = 0;

	(void)state;
	bench_open(&b);
	out_init(&o, &b.a);
	dialect_anthropic.models_write(rows, 2, &o);
	CHECK_SLICE(out_slice(&o),
		    "{\"data\":[{\"type\":\"model\",\"id\":\"a\",\"display_name\":\"a\","
		    "\"created_at\":\"2025-11-20T08:00:00.000000Z\",\"lifecycle\":\"active\","
		    "\"max_input_tokens\":10,\"max_tokens\":5},"
		    "{\"type\":\"model\",\"id\":\"b\",\"display_name\":\"b\","
		    "\"created_at\":\"1970-01-01T00:00:00.000000Z\",\"lifecycle\":\"active\"}],"
		    "\"has_more\":false,\"first_id\":\"a\",\"last_id\":\"b\"}");
	out_init(&o, &b.a);
	dialect_anthropic.models_write(NULL, 0, &o);
	CHECK_SLICE(out_slice(&o),
		    "{\"data\":[],\"has_more\":false,\"first_id\":null,\"last_id\":null}");
	out_init(&o, &b.a);
	dialect_anthropic.count_write(7, &o);
	CHECK_SLICE(out_slice(&o), "{\"input_tokens\":7}");
	CHECK_RC(dialect_anthropic.count_read(out_slice(&o), &n), OK);
	CHECK_INT(n, 7);
	CHECK_RC(dialect_anthropic.count_read(LIT("{\"input_tokens\":-1}"), &n), E_BAD);
	CHECK_SLICE(dialect_anthropic.path(OP_CHAT, true, LIT("m"), &b.a), "/messages");
	CHECK_SLICE(dialect_anthropic.path(OP_COUNT_TOKENS, false, LIT("m"), &b.a),
		    "/messages/count_tokens");
	bench_close(&b);
}

/* ---- memory ---------------------------------------------------------------------------- */

static void one_request(struct test_mem *mem)
{
	static const char body[] = HEAD
		"\"system\":\"s\",\"a\":1,\"b\":2,\"c\":3,\"d\":4,\"e\":5,\"f\":6,\"g\":7,"
		"\"h\":8,"
		"\"i\":9,\"j\":1,\"k\":2,\"l\":3,\"m\":4,\"n\":5,\"tools\":[{\"name\":\"f\","
		"\"input_schema\":{\"type\":\"object\"}}],\"messages\":[{\"role\":"
		"\"assistant\","
		"\"content\":[{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\",\"input\":{}}]"
		"},"
		"{\"role\":\"user\",\"content\":[{\"type\":\"tool_result\",\"tool_use_id\":"
		"\"t\","
		"\"content\":\"x\\ty\"},{\"type\":\"image\",\"source\":{\"type\":\"base64\","
		"\"media_type\":\"image\\/png\",\"data\":\"AA\\/A\"}}]}]"
		",\"output_config\":{\"format\":{\"type\":\"json_schema\",\"schema\":"
		"{\"type\":\"object\",\"minimum\":1}}}}";
	const struct request_in in = { .body = LIT(body) };
	const struct chat_target t = { .model = LIT("claude-opus-5") };
	struct chat_lost lost = { 0 };
	struct chat_refusal why;
	struct chat_request r;
	struct json_out o;
	struct arena a;
	enum rc rc;

	/* Small blocks: many allocations to fail. */
	arena_init(&a, &mem->mem, 64, 1 << 20);
	rc = dialect_anthropic.request_read(&r, &in, &a, &why);
	CHECK(rc == OK || rc == E_NOMEM);
	if (rc == OK) {
		out_init(&o, &a);
		r.dialect = &dialect_openai;
		rc = dialect_anthropic.request_write(&r, &t, &o, &lost, &why);
		CHECK(rc == OK || rc == E_NOMEM);
		CHECK((rc == OK && out_slice(&o).n > 0) || mem->failed);
	}
	CHECK(mem->failed || rc == OK);
	arena_free(&a);
}

static void no_memory_is_an_error(void **state)
{
	(void)state;
	sweep(one_request);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_whole_of_a_request_is_read),
		cmocka_unit_test(
			results_of_tools_become_a_message_of_their_own_before_the_words),
		cmocka_unit_test(sources_of_media_are_read),
		cmocka_unit_test(sealed_state_is_opened_and_bound_to_what_follows),
		cmocka_unit_test(the_forms_of_thinking_are_read),
		cmocka_unit_test(a_mark_on_the_request_is_one_on_its_last_block),
		cmocka_unit_test(only_an_answer_needs_max_tokens),
		cmocka_unit_test(bad_requests_name_the_member),
		cmocka_unit_test(a_request_survives_being_written_and_read),
		cmocka_unit_test(turns_alternate_and_results_come_first),
		cmocka_unit_test(a_system_prompt_alone_is_what_the_user_says),
		cmocka_unit_test(thinking_is_said_as_each_model_takes_it),
		cmocka_unit_test(
			thinking_gives_way_to_a_forced_call_and_to_an_unsigned_history),
		cmocka_unit_test(sampling_is_what_the_model_takes),
		cmocka_unit_test(the_length_is_within_what_the_model_gives),
		cmocka_unit_test(schemas_are_freed_of_what_the_api_refuses),
		cmocka_unit_test(models_without_structured_output_are_made_to_call_a_tool),
		cmocka_unit_test(a_json_object_is_asked_for_in_words),
		cmocka_unit_test(what_cannot_be_said_is_named),
		cmocka_unit_test(at_most_four_marks_are_sent_the_latest),
		cmocka_unit_test(arguments_that_are_no_object_are_wrapped),
		cmocka_unit_test(text_files_go_as_text),
		cmocka_unit_test(members_that_a_provider_does_not_take_are_left_out),
		cmocka_unit_test(errors_are_understood),
		cmocka_unit_test(errors_have_the_type_of_their_status),
		cmocka_unit_test(models_and_counts_have_their_own_shape),
		cmocka_unit_test(no_memory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
