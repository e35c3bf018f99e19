#include "check.h"

#include "base/sb.h"
#include "chat/responses/responses.h"

/* Everything a test needs; what it made is freed by done(). */
struct kit {
	struct test_mem mem;
	struct arena a;
	struct chat_lost lost;
	struct chat_refusal why;
	char text[4096];
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

static const struct chat_target target = { .model = LITC("up"), .provider = LITC("oa") };
static const struct dialect foreign = { .name = "foreign" };

#define MESSAGE(part) "{\"model\":\"m\",\"input\":[{\"role\":\"user\",\"content\":[" part "]}]}"
#define INPUT(items)  "{\"model\":\"m\",\"input\":[" items "]}"
#define WITH(member)  "{\"model\":\"m\",\"input\":\"x\"," member "}"

static enum rc read_request(struct kit *k, struct chat_request *r, const char *body)
{
	const struct request_in in = { .body = slice_cstr(body), .op = OP_CHAT };

	return dialect_responses.request_read(r, &in, &k->a, &k->why);
}

static struct slice write_for(struct kit *k, const struct chat_request *r,
			      const struct chat_target *t)
{
	struct json_out o;

	k->lost = (struct chat_lost){ 0 };
	out_init(&o, &k->a);
	CHECK_RC(dialect_responses.request_write(r, t, &o, &k->lost, &k->why), OK);
	return out_slice(&o);
}

static struct slice write_request(struct kit *k, const struct chat_request *r)
{
	return write_for(k, r, &target);
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

static bool has(struct slice text, const char *what)
{
	return slice_find(text, slice_cstr(what)) != SLICE_NONE;
}

/* ---- reading ---- */

static const char whole[] =
	"{\"model\":\"gpt-5\",\"instructions\":\"Be \\u00e9.\",\"stream\":true,\"input\":["
	"{\"role\":\"developer\",\"content\":\"dev\"},"
	"{\"role\":\"user\",\"content\":[{\"type\":\"input_text\",\"text\":\"What?\"},"
	"{\"type\":\"input_image\",\"image_url\":\"data:image/png;base64,AAAA\",\"detail\":"
	"\"low\"},{\"type\":\"input_file\",\"filename\":\"a.pdf\",\"file_data\":"
	"\"data:application/pdf;base64,BBBB\"},{\"type\":\"input_file\",\"file_url\":"
	"\"https://x/y\"}]},"
	"{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[{\"type\":\"summary_text\","
	"\"text\":\"one\"},{\"type\":\"summary_text\",\"text\":\"two\"}],"
	"\"encrypted_content\":\"ENC\"},"
	"{\"type\":\"message\",\"id\":\"msg_1\",\"role\":\"assistant\",\"status\":"
	"\"completed\",\"content\":[{\"type\":\"output_text\",\"text\":\"Let me.\","
	"\"annotations\":[]}]},"
	"{\"type\":\"function_call\",\"id\":\"fc_1\",\"call_id\":\"c1\",\"name\":\"look\","
	"\"arguments\":\"{\\\"q\\\":\\\"\\\\u00e9\\\"}\"},"
	"{\"type\":\"function_call\",\"call_id\":\"c2\",\"name\":\"time\",\"arguments\":\"\"},"
	"{\"type\":\"custom_tool_call\",\"call_id\":\"c3\",\"name\":\"sh\",\"input\":\"ls "
	"\\\"a\\\"\"},"
	"{\"type\":\"function_call_output\",\"call_id\":\"c1\",\"output\":\"a letter\"},"
	"{\"type\":\"function_call_output\",\"call_id\":\"c2\",\"output\":[{\"type\":"
	"\"input_text\",\"text\":\"noon\"},{\"type\":\"input_image\",\"image_url\":"
	"\"https://x/z.png\"}]},"
	"{\"type\":\"custom_tool_call_output\",\"call_id\":\"c3\",\"output\":\"b\"},"
	"{\"role\":\"user\",\"content\":\"Go on.\"}],"
	"\"tools\":[{\"type\":\"function\",\"name\":\"look\",\"description\":\"d\","
	"\"parameters\":{\"type\":\"object\"},\"strict\":true},{\"type\":\"function\",\"name\":"
	"\"time\",\"parameters\":null},{\"type\":\"custom\",\"name\":\"sh\",\"format\":{"
	"\"type\":\"grammar\",\"syntax\":\"lark\",\"definition\":\"start: /a/\"}},"
	"{\"type\":\"web_search\",\"search_context_size\":\"low\"}],"
	"\"tool_choice\":{\"type\":\"allowed_tools\",\"mode\":\"required\",\"tools\":[{"
	"\"type\":\"function\",\"name\":\"look\"},{\"type\":\"custom\",\"name\":\"sh\"}]},"
	"\"parallel_tool_calls\":false,\"temperature\":0.30,\"top_p\":1e0,\"top_logprobs\":3,"
	"\"reasoning\":{\"effort\":\"xhigh\",\"summary\":\"detailed\",\"mode\":\"pro\"},"
	"\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"o\",\"description\":\"D\","
	"\"schema\":{\"type\":\"object\"},\"strict\":false},\"verbosity\":\"low\"},"
	"\"include\":[\"reasoning.encrypted_content\",\"file_search_call.results\"],"
	"\"max_output_tokens\":99,\"metadata\":{\"a\":\"b\"},\"safety_identifier\":\"sid\","
	"\"prompt_cache_key\":\"k\",\"service_tier\":\"flex\",\"store\":false,"
	"\"background\":false,\"previous_response_id\":null,\"truncation\":\"auto\","
	"\"stream_options\":{\"include_obfuscation\":false},\"max_tool_calls\":4}";

static void the_conversation_is_read(void **state UNUSED)
{
	const struct chat_message *m;
	const struct chat_part *p;
	struct chat_request r;
	struct kit k;

	begin(&k);
	CHECK_RC(read_request(&k, &r, whole), OK);
	CHECK_SLICE(r.model, "gpt-5");
	CHECK(r.stream && r.wants_usage && r.dialect == &dialect_responses);
	CHECK(r.has_images && r.has_documents && r.has_urls);
	m = r.messages;
	CHECK_INT(m->role, ROLE_SYSTEM);
	CHECK_SLICE(m->parts->u.text.s, "Be \\u00e9.");
	m = m->next;
	CHECK_INT(m->role, ROLE_DEVELOPER);
	m = m->next;
	CHECK_INT(m->role, ROLE_USER);
	p = m->parts->next;
	CHECK_INT(p->kind, PART_IMAGE);
	CHECK_SLICE(p->u.media.mime, "image/png");
	CHECK_SLICE(p->u.media.data, "AAAA");
	CHECK_SLICE(p->u.media.detail.s, "low");
	p = p->next;
	CHECK_INT(p->kind, PART_DOCUMENT);
	CHECK_SLICE(p->u.media.name.s, "a.pdf");
	CHECK_INT(p->next->u.media.source, MEDIA_URL);
	/* Reasoning, text and calls are one turn of the assistant. */
	m = m->next;
	CHECK_INT(m->role, ROLE_ASSISTANT);
	p = m->parts;
	CHECK_INT(p->kind, PART_REASONING);
	CHECK(p->u.reasoning.summary);
	CHECK_SLICE(p->u.reasoning.text.s, "one\\n\\ntwo");
	CHECK_SLICE(p->u.reasoning.encrypted.data.s, "ENC");
	CHECK_SLICE(p->u.reasoning.encrypted.issuer, "");
	p = p->next;
	CHECK_SLICE(p->u.text.s, "Let me.");
	p = p->next;
	CHECK_SLICE(p->u.call.args, "{\"q\":\"\\u00e9\"}");
	CHECK(p->u.call.args_ok && !p->u.call.custom);
	p = p->next;
	CHECK(p->u.call.args_ok && p->u.call.args.n == 0);
	p = p->next;
	CHECK_SLICE(p->u.call.args, "ls \"a\"");
	CHECK(p->u.call.custom && p->next == NULL);
	m = m->next;
	CHECK_INT(m->role, ROLE_TOOL);
	CHECK_SLICE(m->parts->u.result.name.s, "look");
	CHECK_SLICE(m->parts->u.result.parts->u.text.s, "a letter");
	CHECK_INT(m->parts->next->u.result.parts->next->kind, PART_IMAGE);
	CHECK_SLICE(m->parts->next->next->u.result.call_id.s, "c3");
	m = m->next;
	CHECK_INT(m->role, ROLE_USER);
	CHECK(m->next == NULL);
	done(&k);
}

static void what_is_asked_for_is_read(void **state UNUSED)
{
	struct chat_request r;
	struct kit k;

	begin(&k);
	CHECK_RC(read_request(&k, &r, whole), OK);
	CHECK_INT(r.tools->strict, YES);
	CHECK_SLICE(r.tools->schema, "{\"type\":\"object\"}");
	CHECK_INT(r.tools->next->strict, UNSET);
	CHECK_SLICE(r.tools->next->next->format,
		    "{\"type\":\"grammar\",\"grammar\":{\"definition\":\"start: "
		    "/a/\",\"syntax\":\"lark\"}}");
	CHECK_INT(r.tools->next->next->next->kind, TOOL_HOSTED);
	CHECK_SLICE(r.tools->next->next->next->type.s, "web_search");
	CHECK_INT(r.choice.kind, CHOICE_ALLOWED);
	CHECK(r.choice.allowed_required);
	CHECK_SLICE(r.choice.names->next->name.s, "sh");
	CHECK_INT(r.parallel_tools, NO);
	CHECK_SLICE(r.temperature, "0.30");
	CHECK_SLICE(r.top_p, "1e0");
	CHECK_INT(r.top_logprobs, 3);
	CHECK_INT(r.logprobs, YES);
	CHECK_INT(r.thinking.effort, EFFORT_XHIGH);
	CHECK_INT(r.thinking.visible, YES);
	CHECK_INT(r.thinking.encrypted, YES);
	CHECK_SLICE(r.thinking.summary.s, "detailed");
	CHECK_INT(r.format.kind, FORMAT_SCHEMA);
	CHECK_SLICE(r.format.name.s, "o");
	CHECK_INT(r.format.strict, NO);
	CHECK_SLICE(r.verbosity.s, "low");
	CHECK_INT(r.max_tokens, 99);
	CHECK_SLICE(r.metadata, "{\"a\":\"b\"}");
	CHECK_SLICE(r.user.s, "sid");
	CHECK_SLICE(r.cache_key.s, "k");
	CHECK_SLICE(r.service_tier.s, "flex");
	CHECK_INT(r.store, NO);
	CHECK_SLICE(r.extras->key, "reasoning.mode");
	CHECK_SLICE(r.extras->next->key, "include");
	CHECK_SLICE(r.extras->next->next->key, "truncation");
	CHECK_SLICE(r.extras->next->next->next->key, "max_tool_calls");
	CHECK(r.extras->next->next->next->next == NULL);
	done(&k);
}

static void an_input_may_be_a_string(void **state UNUSED)
{
	struct chat_request r;
	struct kit k;

	begin(&k);
	CHECK_RC(read_request(&k, &r, "\r\n {\"input\":\"a\\nb\",\"model\":\"m\\u0041\"}"), OK);
	CHECK_SLICE(r.model, "mA");
	CHECK_INT(r.messages->role, ROLE_USER);
	CHECK_SLICE(r.messages->parts->u.text.s, "a\\nb");
	CHECK_INT(r.store, UNSET);
	done(&k);
}

/* json_kind() goes by the first byte: a body that begins with a line end and has more members
 * than there is room for at once had none. */
static void many_members_after_a_line_end_are_all_there(void **state UNUSED)
{
	struct chat_request r;
	struct kit k;

	begin(&k);
	CHECK_RC(
		read_request(&k, &r,
			     "\n{\"a1\":1,\"a2\":1,\"a3\":1,\"a4\":1,\"a5\":1,\"a6\":1,\"a7\":"
			     "1,\"a8\":1,\"a9\":1,\"b1\":1,\"b2\":1,\"b3\":1,\"b4\":1,\"b5\":1,"
			     "\"b6\":1,\"b7\":1,\"model\":\"m\",\"input\":\"x\"}"),
		OK);
	CHECK_SLICE(r.model, "m");
	done(&k);
}

static void bad_requests_are_refused_with_code_and_path(void **state UNUSED)
{
	static const struct {
		const char *body, *code, *param;
	} rows[] = {
		{ "{", "invalid_json", "" },
		{ "[]", "invalid_json", "" },
		{ "{\"input\":\"x\"}", "missing_field", "model" },
		{ "{\"model\":\"\",\"input\":\"x\"}", "invalid_value", "model" },
		{ "{\"model\":1,\"input\":\"x\"}", "invalid_type", "model" },
		{ "{\"model\":\"m\"}", "missing_field", "input" },
		{ "{\"model\":\"m\",\"input\":7}", "invalid_type", "input" },
		{ "{\"model\":\"m\",\"model\":\"n\",\"input\":\"x\"}", "duplicate_field",
		  "model" },
		{ INPUT("7"), "invalid_type", "input[0]" },
		{ INPUT("{\"type\":7}"), "invalid_type", "input[0].type" },
		{ INPUT("{\"content\":\"x\"}"), "missing_field", "input[0].role" },
		{ INPUT("{\"role\":\"tool\",\"content\":\"x\"}"), "invalid_value",
		  "input[0].role" },
		{ INPUT("{\"role\":\"user\"}"), "missing_field", "input[0].content" },
		{ INPUT("{\"role\":\"user\",\"content\":{}}"), "invalid_type",
		  "input[0].content" },
		{ INPUT("{\"role\":\"user\",\"content\":\"x\"},{\"role\":\"user\",\"content\":["
			"{\"type\":\"input_text\",\"text\":\"x\"},3]}"),
		  "invalid_type", "input[1].content[1]" },
		{ MESSAGE("{}"), "missing_field", "input[0].content[0].type" },
		{ MESSAGE("{\"type\":\"input_text\",\"text\":[]}"), "invalid_type",
		  "input[0].content[0].text" },
		{ MESSAGE("{\"type\":\"input_image\"}"), "missing_field",
		  "input[0].content[0].image_url" },
		{ MESSAGE("{\"type\":\"input_image\",\"image_url\":\"data:image/png,x\"}"),
		  "invalid_value", "input[0].content[0].image_url" },
		{ MESSAGE("{\"type\":\"input_image\",\"image_url\":\"data:image/"
			  "png;base64,A\\\",\"}"),
		  "invalid_value", "input[0].content[0].image_url" },
		{ MESSAGE("{\"type\":\"input_file\"}"), "missing_field",
		  "input[0].content[0].file_data" },
		{ MESSAGE("{\"type\":\"input_file\",\"file_data\":\"a b\"}"), "invalid_value",
		  "input[0].content[0].file_data" },
		{ INPUT("{\"type\":\"function_call\",\"name\":\"f\",\"arguments\":\"\"}"),
		  "missing_field", "input[0].call_id" },
		{ INPUT("{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\","
			"\"arguments\":{}}"),
		  "invalid_type", "input[0].arguments" },
		{ INPUT("{\"type\":\"function_call_output\",\"call_id\":\"c\"}"),
		  "missing_field", "input[0].output" },
		{ INPUT("{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":[{}]"
			"}"),
		  "missing_field", "input[0].output[0].type" },
		{ INPUT("{\"type\":\"reasoning\",\"summary\":\"x\"}"), "invalid_type",
		  "input[0].summary" },
		{ INPUT("{\"type\":\"reasoning\",\"summary\":[{\"text\":1}]}"), "invalid_type",
		  "input[0].summary[0].text" },
		{ WITH("\"stream\":\"yes\""), "invalid_type", "stream" },
		{ WITH("\"instructions\":[]"), "invalid_type", "instructions" },
		{ WITH("\"max_output_tokens\":0"), "invalid_value", "max_output_tokens" },
		{ WITH("\"max_output_tokens\":1.5"), "invalid_value", "max_output_tokens" },
		{ WITH("\"temperature\":\"1\""), "invalid_type", "temperature" },
		{ WITH("\"top_logprobs\":21"), "invalid_value", "top_logprobs" },
		{ WITH("\"tools\":{}"), "invalid_type", "tools" },
		{ WITH("\"tools\":[1]"), "invalid_type", "tools[0]" },
		{ WITH("\"tools\":[{\"type\":\"function\"}]"), "missing_field",
		  "tools[0].name" },
		{ WITH("\"tools\":[{\"type\":\"web_search\"},{\"type\":\"function\",\"name\":"
		       "\"f\",\"parameters\":1}]"),
		  "invalid_type", "tools[1].parameters" },
		{ WITH("\"tool_choice\":\"maybe\""), "invalid_value", "tool_choice" },
		{ WITH("\"tool_choice\":{\"type\":\"function\"}"), "missing_field",
		  "tool_choice.name" },
		{ WITH("\"tool_choice\":[]"), "invalid_type", "tool_choice" },
		{ WITH("\"reasoning\":{\"effort\":\"huge\"}"), "invalid_value",
		  "reasoning.effort" },
		{ WITH("\"reasoning\":{\"summary\":1}"), "invalid_type", "reasoning.summary" },
		{ WITH("\"text\":{\"verbosity\":1}"), "invalid_type", "text.verbosity" },
		{ WITH("\"text\":{\"format\":1}"), "invalid_type", "text.format" },
		{ WITH("\"text\":{\"format\":{\"type\":\"xml\"}}"), "invalid_value",
		  "text.format.type" },
		{ WITH("\"text\":{\"format\":{\"type\":\"json_schema\",\"name\":\"n\"}}"),
		  "missing_field", "text.format.schema" },
		{ WITH("\"include\":[1]"), "invalid_type", "include[0]" },
		{ WITH("\"metadata\":{\"a\":1}"), "invalid_type", "metadata" },
		{ WITH("\"previous_response_id\":\"resp_1\""), "unsupported_value",
		  "previous_response_id" },
		{ WITH("\"conversation\":{\"id\":\"c\"}"), "unsupported_value",
		  "conversation" },
		{ WITH("\"prompt\":{\"id\":\"p\"}"), "unsupported_value", "prompt" },
		{ WITH("\"background\":true"), "unsupported_value", "background" },
		{ WITH("\"store\":true"), "unsupported_value", "store" },
		{ WITH("\"store\":1"), "invalid_type", "store" },
		{ INPUT("{\"role\":\"user\",\"content\":\"x\"},{\"type\":\"item_reference\","
			"\"id\":\"msg_1\"}"),
		  "unsupported_value", "input[1]" },
		{ INPUT("{\"id\":\"msg_1\"}"), "unsupported_value", "input[0]" },
		{ INPUT("{\"id\":\"msg_1\",\"type\":null}"), "unsupported_value", "input[0]" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct chat_request r;
		struct kit k;

		begin(&k);
		CHECK_RC(read_request(&k, &r, rows[i].body), E_BAD);
		CHECK_STR(k.why.code, rows[i].code);
		CHECK_STR(k.why.param, rows[i].param);
		CHECK(k.why.text[0] != '\0');
		done(&k);
	}
}

/* On the path where bodies are not read by request_read(), members that are there twice are
 * the provider's to choose from. */
static void state_is_refused_whichever_member_counts(void **state UNUSED)
{
	static const char item[] = "{\"input\":\"x\",\"input\":[{\"type\":\"message\","
				   "\"type\":\"item_reference\",\"id\":\"i\"}]}";
	const char *const bodies[] = {
		"{\"previous_response_id\":null,\"previous_response_id\":\"r\"}",
		"{\"store\":false,\"store\":true}",
		"{\"st\\u006fre\":true}",
		item,
	};

	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		struct fields f;
		struct kit k;

		begin(&k);
		CHECK(fields_read(&f, slice_cstr(bodies[i]), &k.a));
		CHECK_RC(dialect_responses.request_check(&f, &k.why), E_BAD);
		CHECK_STR(k.why.code, "unsupported_value");
		CHECK(strstr(k.why.text, "weir keeps no state") != NULL);
		done(&k);
	}
}

/* ---- writing ---- */

static void what_is_written_says_what_was_read(void **state UNUSED)
{
	struct chat_request r, again;
	struct slice first;
	struct kit k;
	char text[8192];
	struct sb b;

	begin(&k);
	CHECK_RC(read_request(&k, &r, whole), OK);
	first = write_request(&k, &r);
	CHECK_STR(lost(&k), "");
	CHECK_SLICE(
		first,
		"{\"model\":\"up\",\"instructions\":\"Be \\u00e9.\",\"input\":["
		"{\"role\":\"developer\",\"content\":\"dev\"},{\"role\":\"user\",\"content\":["
		"{\"type\":\"input_text\",\"text\":\"What?\"},{\"type\":\"input_image\","
		"\"image_url\":\"data:image/png;base64,AAAA\",\"detail\":\"low\"},{\"type\":"
		"\"input_file\",\"filename\":\"a.pdf\",\"file_data\":\"data:application/"
		"pdf;base64,BBBB\"},{\"type\":\"input_file\",\"file_url\":\"https://x/y\"}]},"
		"{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[{\"type\":"
		"\"summary_text\",\"text\":\"one\\n\\ntwo\"}],\"encrypted_content\":\"ENC\"},"
		"{\"role\":\"assistant\",\"content\":\"Let me.\"},"
		"{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"look\","
		"\"arguments\":\"{\\\"q\\\":\\\"\\\\u00e9\\\"}\"},"
		"{\"type\":\"function_call\",\"call_id\":\"c2\",\"name\":\"time\","
		"\"arguments\":\"{}\"},"
		"{\"type\":\"custom_tool_call\",\"call_id\":\"c3\",\"name\":\"sh\",\"input\":"
		"\"ls \\\"a\\\"\"},"
		"{\"type\":\"function_call_output\",\"call_id\":\"c1\",\"output\":\"a "
		"letter\"},"
		"{\"type\":\"function_call_output\",\"call_id\":\"c2\",\"output\":[{\"type\":"
		"\"input_text\",\"text\":\"noon\"},{\"type\":\"input_image\",\"image_url\":"
		"\"https://x/z.png\",\"detail\":\"auto\"}]},"
		"{\"type\":\"custom_tool_call_output\",\"call_id\":\"c3\",\"output\":\"b\"},"
		"{\"role\":\"user\",\"content\":\"Go on.\"}],"
		"\"tools\":[{\"type\":\"function\",\"name\":\"look\",\"description\":\"d\","
		"\"parameters\":{\"type\":\"object\"},\"strict\":true},{\"type\":\"function\","
		"\"name\":\"time\",\"parameters\":{\"type\":\"object\",\"properties\":{}}},"
		"{\"type\":\"custom\",\"name\":\"sh\",\"format\":{\"type\":\"grammar\","
		"\"definition\":\"start: /a/\",\"syntax\":\"lark\"}},{\"type\":\"web_search\","
		"\"search_context_size\":\"low\"}],\"tool_choice\":{\"type\":"
		"\"allowed_tools\",\"mode\":\"required\",\"tools\":[{\"type\":\"function\","
		"\"name\":\"look\"},{\"type\":\"custom\",\"name\":\"sh\"}]},"
		"\"parallel_tool_calls\":false,\"reasoning\":{\"effort\":\"xhigh\","
		"\"summary\":\"detailed\",\"mode\":\"pro\"},\"text\":{\"format\":{\"type\":"
		"\"json_schema\",\"name\":\"o\",\"description\":\"D\",\"schema\":{\"type\":"
		"\"object\"},\"strict\":false},\"verbosity\":\"low\"},\"stream\":true,"
		"\"store\":false,\"max_output_tokens\":99,\"temperature\":0.30,\"top_p\":1e0,"
		"\"top_logprobs\":3,\"include\":[\"reasoning.encrypted_content\","
		"\"message.output_text.logprobs\",\"file_search_call.results\"],"
		"\"metadata\":{\"a\":\"b\"},\"safety_identifier\":\"sid\","
		"\"prompt_cache_key\":\"k\",\"service_tier\":\"flex\",\"truncation\":\"auto\","
		"\"max_tool_calls\":4}");
	sb_init(&b, text, sizeof(text));
	sb_str(&b, first);
	CHECK_RC(read_request(&k, &again, sb_cstr(&b)), OK);
	CHECK_SLICE(write_request(&k, &again), text);
	done(&k);
}

static void unknown_items_and_parts_come_back_as_they_were(void **state UNUSED)
{
	static const char body[] = INPUT(
		"{\"role\":\"user\",\"content\":[{\"type\":\"input_video\",\"v\":1},{\"type\":"
		"\"input_text\",\"text\":\"x\",\"prompt_cache_breakpoint\":{\"mode\":"
		"\"explicit\"}},{\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AAAA\","
		"\"format\":\"wav\"}},{\"type\":\"input_image\",\"file_id\":\"f1\"}]},"
		"{\"type\":\"web_search_call\",\"id\":\"ws\"},{\"type\":"
		"\"computer_call_output\",\"output\":{}}");
	struct chat_request r;
	struct slice out;
	struct kit k;

	begin(&k);
	CHECK_RC(read_request(&k, &r, body), OK);
	CHECK_INT(r.messages->next->role, ROLE_ASSISTANT);
	CHECK_INT(r.messages->next->next->role, ROLE_USER);
	out = write_request(&k, &r);
	CHECK_STR(lost(&k), "");
	CHECK_SLICE(out,
		    "{\"model\":\"up\",\"input\":[{\"role\":\"user\",\"content\":[{\"type\":"
		    "\"input_video\",\"v\":1},{\"type\":\"input_text\","
		    "\"prompt_cache_breakpoint\":{\"mode\":\"explicit\"},\"text\":\"x\"},{"
		    "\"type\":\"input_audio\",\"input_audio\":{\"data\":\"AAAA\",\"format\":"
		    "\"wav\"}},{\"type\":\"input_image\",\"file_id\":\"f1\",\"detail\":"
		    "\"auto\"}]},{\"type\":\"web_search_call\",\"id\":\"ws\"},{\"type\":"
		    "\"computer_call_output\",\"output\":{}}],\"store\":false}");
	/* To another dialect they are lost, by name. */
	r.dialect = &foreign;
	write_request(&k, &r);
	CHECK(k.lost.content);
	CHECK_STR(lost(&k),
		  "messages[0].content[0] (input_video),cache_control,messages[0].content[2] "
		  "(audio),messages[0].content[3] (file id),messages[1].content[0] "
		  "(web_search_call item),messages[2].content[0] (computer_call_output item)");
	done(&k);
}

static void an_item_with_both_kinds_of_reasoning_stays_one(void **state UNUSED)
{
	static const char body[] =
		INPUT("{\"type\":\"reasoning\",\"id\":\"rs\",\"summary\":[{\"type\":"
		      "\"summary_text\",\"text\":\"s\"}],\"content\":[{\"type\":"
		      "\"reasoning_text\",\"text\":\"c\"}],\"encrypted_content\":\"E\"},"
		      "{\"role\":\"assistant\",\"content\":\"x\"}");
	struct chat_request r;
	struct kit k;

	begin(&k);
	CHECK_RC(read_request(&k, &r, body), OK);
	CHECK(r.messages->parts->u.reasoning.summary);
	CHECK_SLICE(r.messages->parts->next->u.reasoning.text.s, "c");
	CHECK_SLICE(write_request(&k, &r),
		    "{\"model\":\"up\",\"input\":[{\"type\":\"reasoning\",\"id\":\"rs\","
		    "\"summary\":[{\"type\":\"summary_text\",\"text\":\"s\"}],\"content\":[{"
		    "\"type\":\"reasoning_text\",\"text\":\"c\"}],\"encrypted_content\":\"E\"},"
		    "{\"role\":\"assistant\",\"content\":\"x\"}],\"store\":false}");
	done(&k);
}

static void older_and_newer_names_of_the_user_stay_what_they_are(void **state UNUSED)
{
	struct chat_request r;
	struct kit k;

	begin(&k);
	CHECK_RC(read_request(&k, &r,
			      WITH("\"safety_identifier\":\"s\",\"user\":\"u\",\"text\":{"
				   "\"x\":1},\"stream_options\":{\"y\":2},\"tool_choice\":{"
				   "\"type\":\"mcp\",\"server_label\":\"l\"}")),
		 OK);
	CHECK_SLICE(r.user.s, "s");
	CHECK_SLICE(write_request(&k, &r),
		    "{\"model\":\"up\",\"input\":[{\"role\":\"user\",\"content\":\"x\"}],"
		    "\"text\":{\"x\":1},\"store\":false,\"user\":\"u\","
		    "\"safety_identifier\":\"s\",\"tool_choice\":{\"type\":\"mcp\","
		    "\"server_label\":\"l\"},\"stream_options\":{\"y\":2}}");
	r.dialect = &foreign;
	CHECK(has(write_request(&k, &r), "\"user\":\"s\""));
	CHECK_STR(lost(&k), "tool_choice,text.x,stream_options.y");
	done(&k);
}

static struct chat_part *said(struct kit *k, struct chat_request *r, enum chat_role role,
			      enum part_kind kind)
{
	return chat_part_add(chat_message_add(r, &k->a, role), &k->a, kind);
}

static void what_cannot_be_said_is_named(void **state UNUSED)
{
	struct chat_request r = { .dialect = &foreign,
				  .n = 2,
				  .max_tokens = 5,
				  .seed = LIT("1"),
				  .top_k = LIT("1"),
				  .frequency_penalty = LIT("1"),
				  .presence_penalty = LIT("1"),
				  .wants_audio = true,
				  .temperature = LIT("1.5"),
				  .store = YES };
	const struct chat_target reasons = { .model = LIT("up"),
					     .provider = LIT("oa"),
					     .no_sampling = true };
	struct chat_part *p;
	struct slice out;
	struct kit k;

	begin(&k);
	chat_name_add(&r.stop, &k.a, JTEXT("END"));
	said(&k, &r, ROLE_SYSTEM, PART_TEXT)->u.text = JTEXT("sys");
	p = said(&k, &r, ROLE_USER, PART_TEXT);
	p->u.text = JTEXT("hi");
	p->cache = CACHE_5M;
	r.messages->next->name = JTEXT("bob");
	chat_part_add(r.messages->next, &k.a, PART_VIDEO);
	p = said(&k, &r, ROLE_ASSISTANT, PART_REASONING);
	p->u.reasoning.text = JTEXT("hm");
	p->u.reasoning.signature.data = JTEXT("SIG");
	chat_part_add(r.messages->next->next, &k.a, PART_IMAGE);
	p = chat_part_add(r.messages->next->next, &k.a, PART_TOOL_CALL);
	p->u.call = (struct chat_call){ .id = JTEXT("c"), .name = JTEXT("f") };
	p = said(&k, &r, ROLE_TOOL, PART_TOOL_RESULT);
	p->u.result.call_id = JTEXT("c");
	p->u.result.is_error = true;
	chat_part_append(&p->u.result.parts, &k.a, PART_TEXT)->u.text = JTEXT("no \\\"f\\\"");
	p = chat_part_add(r.messages->next->next->next, &k.a, PART_TOOL_RESULT);
	p->u.result.call_id = JTEXT("d");
	p = chat_part_append(&p->u.result.parts, &k.a, PART_OTHER);
	p->u.other.what = "json";
	p->u.other.raw = LIT("{\"a\":\"b\"}");
	chat_tool_add(&r, &k.a, TOOL_FUNCTION)->name = JTEXT("f");
	chat_tool_add(&r, &k.a, TOOL_HOSTED)->type = JTEXT("web_search_20260318");
	chat_extra_add(&r, &k.a, LIT("logit_bias"), LIT("{}"));
	out = write_for(&k, &r, &reasons);
	CHECK_SLICE(out,
		    "{\"model\":\"up\",\"instructions\":\"sys\",\"input\":[{\"role\":\"user\","
		    "\"content\":[{\"type\":\"input_text\",\"text\":\"hi\"}]},{\"type\":"
		    "\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"{}\"},"
		    "{\"type\":\"function_call_output\",\"call_id\":\"c\",\"output\":\"Error: "
		    "no \\\"f\\\"\"},{\"type\":\"function_call_output\",\"call_id\":\"d\","
		    "\"output\":[{\"type\":\"input_text\",\"text\":\"{\\\"a\\\":\\\"b\\\"}\"}]"
		    "}],\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":{"
		    "\"type\":\"object\",\"properties\":{}},\"strict\":false}],\"store\":true,"
		    "\"max_output_tokens\":16,\"include\":[\"reasoning.encrypted_content\"]}");
	CHECK(k.lost.content);
	CHECK_STR(lost(&k),
		  "name,cache_control,messages[1].content[1] "
		  "(video),reasoning,messages[2].content[1] (image),tools[1] "
		  "(web_search_20260318),max_tokens,temperature,logit_bias,stop,seed,top_k,"
		  "frequency_penalty,presence_penalty,n,modalities");
	done(&k);
}

static void members_that_a_provider_does_not_take_are_left_out(void **state UNUSED)
{
	static const struct slice drop[] = { LITC("store"), LITC("metadata"),
					     LITC("instructions") };
	const struct chat_target t = { .model = LIT("up"),
				       .drop_params = drop,
				       .drop_param_n = ARRAY_LEN(drop) };
	struct chat_request r;
	struct kit k;

	begin(&k);
	CHECK_RC(read_request(&k, &r, WITH("\"instructions\":\"i\",\"metadata\":{}")), OK);
	CHECK_SLICE(write_for(&k, &r, &t),
		    "{\"model\":\"up\",\"input\":[{\"role\":\"system\",\"content\":\"i\"},{"
		    "\"role\":\"user\",\"content\":\"x\"}]}");
	CHECK_STR(lost(&k), "store,metadata");
	done(&k);
}

static void a_choice_is_written_as_it_was_meant(void **state UNUSED)
{
	static const struct {
		enum choice_kind kind;
		const char *out;
	} rows[] = {
		{ CHOICE_AUTO, "\"tool_choice\":\"auto\"" },
		{ CHOICE_NONE, "\"tool_choice\":\"none\"" },
		{ CHOICE_REQUIRED, "\"tool_choice\":\"required\"" },
		{ CHOICE_NAMED, "\"tool_choice\":{\"type\":\"custom\",\"name\":\"sh\"}" },
		{ CHOICE_ALLOWED, "\"tool_choice\":{\"type\":\"allowed_tools\",\"mode\":"
				  "\"auto\",\"tools\":[{\"type\":\"custom\",\"name\":\"sh\"}"
				  ",{\"type\":\"function\",\"name\":\"f\"}]}" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct chat_request r = { .dialect = &foreign };
		struct chat_request again;
		struct slice out;
		struct kit k;

		begin(&k);
		said(&k, &r, ROLE_USER, PART_TEXT)->u.text = JTEXT("x");
		chat_tool_add(&r, &k.a, TOOL_CUSTOM)->name = JTEXT("sh");
		chat_tool_add(&r, &k.a, TOOL_FUNCTION)->name = JTEXT("f");
		r.choice.kind = rows[i].kind;
		if (rows[i].kind == CHOICE_NAMED || rows[i].kind == CHOICE_ALLOWED)
			chat_name_add(&r.choice.names, &k.a, JTEXT("sh"));
		if (rows[i].kind == CHOICE_ALLOWED)
			chat_name_add(&r.choice.names, &k.a, JTEXT("f"));
		out = write_request(&k, &r);
		CHECK(has(out, rows[i].out));
		CHECK_RC(read_request(&k, &again, arena_cstr(&k.a, out)), OK);
		CHECK_INT(again.choice.kind, rows[i].kind);
		done(&k);
	}
}

static void budgets_are_efforts(void **state UNUSED)
{
	static const struct {
		struct chat_thinking t;
		const char *out;
	} rows[] = {
		{ { .budget = 9000 },
		  "\"reasoning\":{\"effort\":\"high\"},\"store\":false,\"include\":["
		  "\"reasoning.encrypted_content\"]" },
		{ { .effort = EFFORT_NONE },
		  "\"reasoning\":{\"effort\":\"none\"},\"store\":false}" },
		{ { .visible = YES }, "\"reasoning\":{\"summary\":\"auto\"},\"store\":false}" },
		{ { .automatic = true },
		  "],\"store\":false,\"include\":[\"reasoning.encrypted_content\"]" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct chat_request r = { .dialect = &foreign, .thinking = rows[i].t };
		struct kit k;

		begin(&k);
		said(&k, &r, ROLE_USER, PART_TEXT)->u.text = JTEXT("x");
		CHECK(has(write_request(&k, &r), rows[i].out));
		done(&k);
	}
}

static void a_count_asks_for_nothing_else(void **state UNUSED)
{
	const struct request_in in = {
		.body = LIT(WITH("\"max_output_tokens\":20,\"temperature\":1,\"tools\":[{"
				 "\"type\":\"function\",\"name\":\"f\"}]")),
		.op = OP_COUNT_TOKENS,
	};
	struct chat_request r;
	struct json_out o;
	uint64_t n = 0;
	struct kit k;

	begin(&k);
	CHECK_RC(dialect_responses.request_read(&r, &in, &k.a, &k.why), OK);
	CHECK_SLICE(write_request(&k, &r),
		    "{\"model\":\"up\",\"input\":[{\"role\":\"user\",\"content\":\"x\"}],"
		    "\"tools\":[{\"type\":\"function\",\"name\":\"f\",\"parameters\":{\"type\":"
		    "\"object\",\"properties\":{}}}]}");
	CHECK_SLICE(dialect_responses.path(OP_COUNT_TOKENS, false, LIT("m"), &k.a),
		    "/responses/input_tokens");
	CHECK_SLICE(dialect_responses.path(OP_CHAT, true, LIT("m"), &k.a), "/responses");
	out_init(&o, &k.a);
	dialect_responses.count_write(12, &o);
	CHECK_RC(dialect_responses.count_read(out_slice(&o), &n), OK);
	CHECK_INT(n, 12);
	CHECK_RC(dialect_responses.count_read(LIT("{\"x\":1}"), &n), E_BAD);
	done(&k);
}

/* ---- opaque state ---- */

#define THOUGHT(sealed)                                                                        \
	"{\"type\":\"reasoning\",\"id\":\"rs_0\",\"summary\":[{\"type\":\"summary_text\","     \
	"\"text\":\"hm\"}],\"encrypted_content\":\"" sealed "\"}"
#define STATE(sealed)                                                                          \
	"{\"type\":\"reasoning\",\"id\":\"rs_0\",\"summary\":[],\"encrypted_content\":"        \
	"\"" sealed "\"}"

#define ANSWER "{\"role\":\"assistant\",\"content\":\"x\"}"
#define CALL   "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\",\"arguments\":\"\"}"
#define SEALED                                                                                 \
	THOUGHT("weir~claude~s:SIG")                                                           \
	"," THOUGHT("weir~claude~S:SUM") "," THOUGHT(                                          \
		"weir~oa~E:rs_9:ENC") "," ANSWER                                               \
				      "," STATE("weir~gem~t:TEXT") "," STATE(                  \
					      "weir~gem~c:CALL") "," CALL

static void sealed_state_is_what_its_letter_says(void **state UNUSED)
{
	static const char body[] = INPUT(SEALED);
	const struct chat_part *p;
	struct chat_request r;
	struct slice out;
	struct kit k;

	begin(&k);
	CHECK_RC(read_request(&k, &r, body), OK);
	p = r.messages->parts;
	CHECK_SLICE(p->u.reasoning.signature.data.s, "SIG");
	CHECK_SLICE(p->u.reasoning.signature.issuer, "claude");
	CHECK_SLICE(p->u.reasoning.encrypted.data.s, "");
	CHECK(!p->u.reasoning.summary);
	p = p->next;
	CHECK_SLICE(p->u.reasoning.signature.data.s, "SUM");
	CHECK(p->u.reasoning.summary);
	p = p->next;
	CHECK_SLICE(p->u.reasoning.encrypted.data.s, "rs_9:ENC");
	CHECK_SLICE(p->u.reasoning.encrypted.issuer, "oa");
	p = p->next;
	CHECK_INT(p->kind, PART_TEXT);
	CHECK_SLICE(p->signature.data.s, "TEXT");
	p = p->next;
	CHECK_INT(p->kind, PART_TOOL_CALL);
	CHECK_SLICE(p->signature.data.s, "CALL");
	CHECK(p->next == NULL);
	CHECK_SLICE(r.pinned, "gem");
	/* Only its own goes to the provider, and under the id that it gave. */
	out = write_request(&k, &r);
	CHECK(has(out, "{\"type\":\"reasoning\",\"id\":\"rs_9\",\"summary\":[{\"type\":"
		       "\"summary_text\",\"text\":\"hm\"}],\"encrypted_content\":\"ENC\"}"));
	CHECK(!has(out, "SIG") && !has(out, "SUM") && !has(out, "CALL") && !has(out, "TEXT"));
	CHECK_STR(lost(&k), "reasoning");
	done(&k);
}

static void blank_arguments_are_an_empty_object(void **state UNUSED)
{
	const struct chat_part *p;
	struct chat_request r;
	struct kit k;

	begin(&k);
	CHECK_RC(read_request(&k, &r,
			      INPUT("{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":"
				    "\"f\",\"arguments\":\" \\t\"}")),
		 OK);
	p = r.messages->parts;
	CHECK_INT(p->kind, PART_TOOL_CALL);
	CHECK(p->u.call.args_ok && p->u.call.args.n == 0);
	done(&k);
}

static void what_was_never_sealed_is_the_providers_own(void **state UNUSED)
{
	struct chat_request r;
	struct kit k;

	begin(&k);
	CHECK_RC(read_request(&k, &r, INPUT(THOUGHT("s:odd"))), OK);
	CHECK_SLICE(r.messages->parts->u.reasoning.encrypted.data.s, "s:odd");
	CHECK(has(write_request(&k, &r), "\"id\":\"rs_0\",\"summary\":[{\"type\":"
					 "\"summary_text\",\"text\":\"hm\"}],"
					 "\"encrypted_content\":\"s:odd\"}"));
	/* From a client of another dialect, unsealed, it may be anybody's. */
	r.dialect = &foreign;
	CHECK(!has(write_request(&k, &r), "odd"));
	done(&k);
}

static void all_of_it(struct test_mem *mem)
{
	const struct request_in in = { .body = LIT(whole), .op = OP_CHAT };
	struct chat_lost lost_things = { 0 };
	struct chat_refusal why = { 0 };
	struct chat_request r;
	struct json_out o;
	struct arena a;
	enum rc rc;

	arena_init(&a, &mem->mem, 64, 1 << 20);
	rc = dialect_responses.request_read(&r, &in, &a, &why);
	if (rc == OK) {
		out_init(&o, &a);
		rc = dialect_responses.request_write(&r, &target, &o, &lost_things, &why);
		if (rc == OK)
			CHECK(out_slice(&o).n > 0 || arena_failed(&a));
	}
	CHECK(rc == OK || (rc == E_NOMEM && mem->failed));
	arena_free(&a);
}

static void no_memory_is_reported_wherever_it_fails(void **state UNUSED)
{
	sweep(all_of_it);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_conversation_is_read),
		cmocka_unit_test(what_is_asked_for_is_read),
		cmocka_unit_test(an_input_may_be_a_string),
		cmocka_unit_test(many_members_after_a_line_end_are_all_there),
		cmocka_unit_test(bad_requests_are_refused_with_code_and_path),
		cmocka_unit_test(state_is_refused_whichever_member_counts),
		cmocka_unit_test(what_is_written_says_what_was_read),
		cmocka_unit_test(unknown_items_and_parts_come_back_as_they_were),
		cmocka_unit_test(an_item_with_both_kinds_of_reasoning_stays_one),
		cmocka_unit_test(older_and_newer_names_of_the_user_stay_what_they_are),
		cmocka_unit_test(what_cannot_be_said_is_named),
		cmocka_unit_test(members_that_a_provider_does_not_take_are_left_out),
		cmocka_unit_test(a_choice_is_written_as_it_was_meant),
		cmocka_unit_test(budgets_are_efforts),
		cmocka_unit_test(a_count_asks_for_nothing_else),
		cmocka_unit_test(sealed_state_is_what_its_letter_says),
		cmocka_unit_test(blank_arguments_are_an_empty_object),
		cmocka_unit_test(what_was_never_sealed_is_the_providers_own),
		cmocka_unit_test(no_memory_is_reported_wherever_it_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
