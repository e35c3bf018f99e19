#include "check.h"

#include "chat/cohere/cohere.h"
#include "chat_says.h"

/* Everything a test needs; what it made is freed by done(). */
struct kit {
	struct test_mem mem;
	struct arena a, keep;
	struct chat_lost lost;
	struct chat_refusal why;
	char text[8192];
};

static void begin(struct kit *k)
{
	*k = (struct kit){ 0 };
	test_mem_init(&k->mem, 0);
	arena_init(&k->a, &k->mem.mem, 1024, 1 << 24);
	arena_init(&k->keep, &k->mem.mem, 1024, 1 << 20);
}

static void done(struct kit *k)
{
	arena_free(&k->a);
	arena_free(&k->keep);
	CHECK_INT(k->mem.live, 0);
}

static const struct chat_target target = { .model = LITC("up"), .provider = LITC("co") };
static const struct dialect foreign = { .name = "foreign" };

static enum rc read_request(struct kit *k, struct chat_request *r, const char *body)
{
	const struct request_in in = { .body = slice_cstr(body), .op = OP_CHAT };

	return dialect_cohere.request_read(r, &in, &k->a, &k->why);
}

static struct slice write_request(struct kit *k, const struct chat_request *r,
				  const struct chat_target *t)
{
	struct json_out o;

	k->lost = (struct chat_lost){ 0 };
	out_init(&o, &k->a);
	CHECK_RC(dialect_cohere.request_write(r, t, &o, &k->lost, &k->why), OK);
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

/* ---- requests ---- */

static const char whole_request[] =
	"{\"model\":\"command-a\",\"stream\":true,\"messages\":["
	"{\"role\":\"system\",\"content\":\"Be brief.\"},"
	"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"What is \\u00e9?\"},"
	"{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;base64,AAAA\","
	"\"detail\":\"low\"}}]},"
	"{\"role\":\"assistant\",\"tool_plan\":\"I will look.\",\"content\":["
	"{\"type\":\"thinking\",\"thinking\":\"hm\"}],\"tool_calls\":["
	"{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"look\",\"arguments\":"
	"\"{\\\"q\\\":\\\"\\\\u00e9\\\"}\"}},"
	"{\"id\":\"c2\",\"type\":\"function\",\"function\":{\"name\":\"time\",\"arguments\":"
	"\"\"}}]},"
	"{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"a letter\"},"
	"{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":[{\"type\":\"text\",\"text\":"
	"\"noon\"},{\"type\":\"document\",\"document\":{\"data\":{\"zone\":\"UTC\"}}}]},"
	"{\"role\":\"user\",\"content\":\"Go on.\"}],"
	"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"look\",\"description\":"
	"\"d\","
	"\"parameters\":{\"type\":\"object\"}}},{\"type\":\"function\",\"function\":{\"name\":"
	"\"time\"}}],\"strict_tools\":true,\"tool_choice\":\"REQUIRED\","
	"\"max_tokens\":99,\"stop_sequences\":[\"END\",\"\\n\"],\"temperature\":0.30,\"p\":0.5,"
	"\"k\":7,\"frequency_penalty\":0.1,\"presence_penalty\":0,\"seed\":42,\"logprobs\":"
	"true,"
	"\"thinking\":{\"type\":\"enabled\",\"token_budget\":500},\"safety_mode\":\"STRICT\"}";

static void a_request_is_read_with_all_that_it_says(void **state UNUSED)
{
	const struct chat_message *m;
	const struct chat_part *p;
	struct chat_request r;
	struct kit k;

	begin(&k);
	CHECK_RC(read_request(&k, &r, whole_request), OK);
	CHECK_SLICE(r.model, "command-a");
	CHECK(r.stream && r.wants_usage && r.has_images && !r.has_urls);
	m = r.messages;
	CHECK_INT(m->role, ROLE_SYSTEM);
	CHECK_SLICE(m->parts->u.text.s, "Be brief.");
	m = m->next;
	CHECK_INT(m->role, ROLE_USER);
	CHECK_SLICE(m->parts->u.text.s, "What is \\u00e9?");
	p = m->parts->next;
	CHECK_INT(p->kind, PART_IMAGE);
	CHECK_SLICE(p->u.media.mime, "image/png");
	CHECK_SLICE(p->u.media.data, "AAAA");
	CHECK_SLICE(p->u.media.detail.s, "low");
	m = m->next;
	p = m->parts;
	CHECK_INT(p->kind, PART_REASONING);
	CHECK_SLICE(p->u.reasoning.text.s, "hm");
	p = p->next;
	CHECK_INT(p->kind, PART_TEXT); /* the plan */
	CHECK_SLICE(p->u.text.s, "I will look.");
	p = p->next;
	CHECK_INT(p->kind, PART_TOOL_CALL);
	CHECK_SLICE(p->u.call.args, "{\"q\":\"\\u00e9\"}");
	CHECK(p->u.call.args_ok && p->next->u.call.args_ok);
	CHECK(p->next->next == NULL);
	m = m->next;
	CHECK_INT(m->role, ROLE_TOOL); /* both results */
	CHECK_SLICE(m->parts->u.result.name.s, "look");
	CHECK_SLICE(m->parts->next->u.result.parts->next->u.text.s,
		    "{\\\"zone\\\":\\\"UTC\\\"}");
	CHECK(m->parts->next->next == NULL);
	CHECK_SLICE(m->next->parts->u.text.s, "Go on.");
	CHECK(m->next->next == NULL);
	CHECK_SLICE(r.tools->schema, "{\"type\":\"object\"}");
	CHECK_INT(r.tools->next->strict, YES);
	CHECK_INT(r.choice.kind, CHOICE_REQUIRED);
	CHECK_INT(r.max_tokens, 99);
	CHECK_SLICE(r.stop->next->name.s, "\\n");
	CHECK_SLICE(r.temperature, "0.30");
	CHECK_SLICE(r.top_k, "7");
	CHECK_INT(r.logprobs, YES);
	CHECK_INT(r.thinking.budget, 500);
	CHECK_SLICE(r.extras->key, "safety_mode");
	CHECK(r.extras->next == NULL);
	done(&k);
}

/* Written and read again it says the same: what is written of that is the same text. */
static void what_is_written_says_what_was_read(void **state UNUSED)
{
	struct chat_request r, again;
	struct slice first, second;
	struct kit k;

	begin(&k);
	CHECK_RC(read_request(&k, &r, whole_request), OK);
	first = write_request(&k, &r, &target);
	CHECK_STR(lost(&k), "");
	CHECK_SLICE(
		first,
		"{\"model\":\"up\",\"stream\":true,\"messages\":["
		"{\"role\":\"system\",\"content\":\"Be brief.\"},"
		"{\"role\":\"user\",\"content\":[{\"type\":\"text\",\"text\":\"What is "
		"\\u00e9?\"},{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;"
		"base64,AAAA\",\"detail\":\"low\"}}]},"
		"{\"role\":\"assistant\",\"tool_plan\":\"I will look.\",\"content\":["
		"{\"type\":\"thinking\",\"thinking\":\"hm\"}],\"tool_calls\":["
		"{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"look\","
		"\"arguments\":\"{\\\"q\\\":\\\"\\\\u00e9\\\"}\"}},"
		"{\"id\":\"c2\",\"type\":\"function\",\"function\":{\"name\":\"time\","
		"\"arguments\":\"{}\"}}]},"
		"{\"role\":\"tool\",\"tool_call_id\":\"c1\",\"content\":\"a letter\"},"
		"{\"role\":\"tool\",\"tool_call_id\":\"c2\",\"content\":[{\"type\":\"text\","
		"\"text\":\"noon\"},{\"type\":\"text\",\"text\":\"{\\\"zone\\\":\\\"UTC\\\"}\"}"
		"]},"
		"{\"role\":\"user\",\"content\":\"Go on.\"}],"
		"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"look\","
		"\"description\":\"d\",\"parameters\":{\"type\":\"object\"}}},{\"type\":"
		"\"function\",\"function\":{\"name\":\"time\",\"parameters\":{\"type\":"
		"\"object\","
		"\"properties\":{}}}}],\"strict_tools\":true,\"tool_choice\":\"REQUIRED\","
		"\"max_tokens\":99,\"stop_sequences\":[\"END\",\"\\n\"],\"temperature\":0.30,"
		"\"p\":0.5,\"k\":7,\"frequency_penalty\":0.1,\"presence_penalty\":0,\"seed\":"
		"42,"
		"\"logprobs\":true,\"thinking\":{\"type\":\"enabled\",\"token_budget\":500},"
		"\"safety_mode\":\"STRICT\"}");
	CHECK_RC(read_request(&k, &again, arena_cstr(&k.a, first)), OK);
	second = write_request(&k, &again, &target);
	CHECK(slice_eq(first, second));
	done(&k);
}

static void bad_requests_are_refused_with_code_and_path(void **state UNUSED)
{
#define M(inside) "{\"model\":\"m\",\"messages\":[" inside "]}"
#define P(inside)                                                                              \
	"{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"x\"}]," inside "}"
	static const struct {
		const char *body, *code, *param;
	} rows[] = {
		{ "", "invalid_json", "" },
		{ "[]", "invalid_json", "" },
		{ "{\"messages\":[]}", "missing_field", "model" },
		{ "{\"model\":\"\"}", "invalid_value", "model" },
		{ "{\"model\":1}", "invalid_type", "model" },
		{ "{\"model\":\"m\",\"mod\\u0065l\":\"m\"}", "duplicate_field", "model" },
		{ "{\"model\":\"m\"}", "missing_field", "messages" },
		{ "{\"model\":\"m\",\"messages\":{}}", "invalid_type", "messages" },
		{ M(""), "invalid_value", "messages" },
		{ M("1"), "invalid_type", "messages[0]" },
		{ M("{}"), "missing_field", "messages[0].role" },
		{ M("{\"role\":7}"), "invalid_type", "messages[0].role" },
		{ M("{\"role\":\"bot\",\"content\":\"\"}"), "invalid_value",
		  "messages[0].role" },
		{ M("{\"role\":\"user\"}"), "missing_field", "messages[0].content" },
		{ M("{\"role\":\"user\",\"content\":1}"), "invalid_type",
		  "messages[0].content" },
		{ M("{\"role\":\"user\",\"content\":[1]}"), "invalid_type",
		  "messages[0].content[0]" },
		{ M("{\"role\":\"user\",\"content\":[{\"text\":\"\"}]}"), "missing_field",
		  "messages[0].content[0].type" },
		{ M("{\"role\":\"user\",\"content\":[{\"type\":\"text\"}]}"), "missing_field",
		  "messages[0].content[0].text" },
		{ M("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":"
		    "\"u\"}]}"),
		  "invalid_type", "messages[0].content[0].image_url" },
		{ M("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{}}]"
		    "}"),
		  "missing_field", "messages[0].content[0].image_url.url" },
		{ M("{\"role\":\"user\",\"content\":[{\"type\":\"image_url\",\"image_url\":{"
		    "\"url\":\"data:x,y\"}}]}"),
		  "invalid_value", "messages[0].content[0].image_url.url" },
		{ M("{\"role\":\"assistant\",\"tool_plan\":1}"), "invalid_type",
		  "messages[0].tool_plan" },
		{ M("{\"role\":\"assistant\",\"tool_calls\":{}}"), "invalid_type",
		  "messages[0].tool_calls" },
		{ M("{\"role\":\"assistant\",\"tool_calls\":[{}]}"), "missing_field",
		  "messages[0].tool_calls[0].id" },
		{ M("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\"}]}"),
		  "missing_field", "messages[0].tool_calls[0].function" },
		{ M("{\"role\":\"assistant\",\"tool_calls\":[{\"id\":\"c\",\"function\":{"
		    "\"name\":\"f\",\"arguments\":{}}}]}"),
		  "invalid_type", "messages[0].tool_calls[0].function.arguments" },
		{ M("{\"role\":\"tool\",\"content\":\"x\"}"), "missing_field",
		  "messages[0].tool_call_id" },
		{ M("{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":[{\"type\":"
		    "\"document\"}]}"),
		  "missing_field", "messages[0].content[0].document" },
		{ M("{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":[{\"type\":"
		    "\"document\",\"document\":{\"data\":7}}]}"),
		  "invalid_type", "messages[0].content[0].document.data" },
		{ P("\"stream\":\"yes\""), "invalid_type", "stream" },
		{ P("\"tools\":[1]"), "invalid_type", "tools[0]" },
		{ P("\"tools\":[{\"type\":\"function\"}]"), "missing_field",
		  "tools[0].function" },
		{ P("\"tools\":[{\"function\":{}}]"), "missing_field",
		  "tools[0].function.name" },
		{ P("\"tools\":[{\"function\":{\"name\":\"f\",\"parameters\":[]}}]"),
		  "invalid_type", "tools[0].function.parameters" },
		{ P("\"tool_choice\":\"AUTO\""), "invalid_value", "tool_choice" },
		{ P("\"response_format\":{}"), "missing_field", "response_format.type" },
		{ P("\"response_format\":{\"type\":\"xml\"}"), "invalid_value",
		  "response_format.type" },
		{ P("\"response_format\":{\"type\":\"json_object\",\"json_schema\":1}"),
		  "invalid_type", "response_format.json_schema" },
		{ P("\"documents\":[1]"), "invalid_type", "documents[0]" },
		{ P("\"documents\":[\"a\",{}]"), "missing_field", "documents[1].data" },
		{ P("\"documents\":[{\"data\":[]}]"), "invalid_type", "documents[0].data" },
		{ P("\"citation_options\":{\"mode\":1}"), "invalid_type",
		  "citation_options.mode" },
		{ P("\"stop_sequences\":[\"a\",2]"), "invalid_type", "stop_sequences[1]" },
		{ P("\"max_tokens\":1.5"), "invalid_value", "max_tokens" },
		{ P("\"max_tokens\":\"1\""), "invalid_type", "max_tokens" },
		{ P("\"thinking\":{\"type\":\"some\"}"), "invalid_value", "thinking.type" },
		{ P("\"thinking\":{\"type\":\"enabled\",\"token_budget\":0}"), "invalid_value",
		  "thinking.token_budget" },
		{ P("\"temperature\":\"hot\""), "invalid_type", "temperature" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct chat_request r;
		struct kit k;

		begin(&k);
		CHECK_RC(read_request(&k, &r, rows[i].body), E_BAD);
		CHECK_STR(k.why.param, rows[i].param);
		CHECK_STR(k.why.code, rows[i].code);
		CHECK(k.why.text[0] != '\0');
		done(&k);
	}
}

/* Documents of a request are what its last user message brings. */
static void documents_are_parts_and_documents_again(void **state UNUSED)
{
	const struct chat_part *p;
	struct chat_request r;
	struct kit k;

	begin(&k);
	CHECK_RC(read_request(&k, &r,
			      P("\"documents\":[\"plain\",{\"id\":\"d1\",\"data\":{\"title\":"
				"\"T\",\"snippet\":\"S\"}},{\"data\":{\"a\":1}}]")),
		 OK);
	p = r.messages->parts;
	CHECK_INT(p->kind, PART_DOCUMENT);
	CHECK_SLICE(p->u.media.url.s, "plain");
	CHECK(p->u.media.citations && r.has_documents);
	p = p->next;
	CHECK_SLICE(p->u.media.url.s, "S");
	CHECK_SLICE(p->u.media.title.s, "T");
	CHECK_SLICE(p->u.media.name.s, "d1");
	p = p->next;
	CHECK_SLICE(p->u.media.url.s, "{\\\"a\\\":1}");
	CHECK_SLICE(p->next->u.text.s, "x");
	CHECK(p->next->next == NULL);
	CHECK_SLICE(write_request(&k, &r, &target),
		    "{\"model\":\"up\",\"stream\":false,\"messages\":[{\"role\":\"user\","
		    "\"content\":[{\"type\":\"text\",\"text\":\"x\"}]}],\"documents\":["
		    "{\"data\":{\"text\":\"plain\"}},{\"id\":\"d1\",\"data\":{\"title\":\"T\","
		    "\"text\":\"S\"}},{\"data\":{\"a\":1}}]}");
	CHECK_STR(lost(&k), "");
	/* Asked for without citations, they stay without. */
	CHECK_RC(read_request(
			 &k, &r,
			 P("\"documents\":[\"d\"],\"citation_options\":{\"mode\":\"OFF\"}")),
		 OK);
	CHECK(!r.messages->parts->u.media.citations);
	CHECK(slice_find(write_request(&k, &r, &target),
			 LIT("\"citation_options\":{\"mode\":\"OFF\"}")) != SLICE_NONE);
	/* Beside a format they are text: Cohere refuses both together. */
	r.dialect = &foreign;
	r.format.kind = FORMAT_JSON;
	CHECK_SLICE(
		write_request(&k, &r, &target),
		"{\"model\":\"up\",\"stream\":false,\"messages\":[{\"role\":\"user\","
		"\"content\":[{\"type\":\"text\",\"text\":\"d\"},{\"type\":\"text\",\"text\":"
		"\"x\"}]}],\"response_format\":{\"type\":\"json_object\"}}");
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
				  .top_logprobs = 3,
				  .metadata = LIT("{}"),
				  .temperature = LIT("1.5"),
				  .top_p = LIT("1"),
				  .presence_penalty = LIT("-0.5"),
				  .parallel_tools = NO };
	struct chat_part *p;
	struct slice out;
	struct kit k;

	begin(&k);
	r.user = JTEXT("u");
	said(&k, &r, ROLE_USER, PART_AUDIO);
	p = said(&k, &r, ROLE_ASSISTANT, PART_REASONING);
	p->u.reasoning.encrypted.data = JTEXT("blob");
	p->u.reasoning.encrypted.issuer = LIT("other");
	p = said(&k, &r, ROLE_TOOL, PART_TOOL_RESULT);
	p->u.result.call_id = JTEXT("c");
	p->u.result.is_error = true;
	chat_part_append(&p->u.result.parts, &k.a, PART_IMAGE);
	chat_tool_add(&r, &k.a, TOOL_CUSTOM)->name = JTEXT("sh");
	chat_extra_add(&r, &k.a, LIT("logit_bias"), LIT("{}"));
	out = write_request(&k, &r, &target);
	CHECK_SLICE(out,
		    "{\"model\":\"up\",\"stream\":false,\"messages\":[{\"role\":\"user\","
		    "\"content\":[]},{\"role\":\"tool\",\"tool_call_id\":\"c\",\"content\":"
		    "[]}],\"temperature\":1,\"p\":0.99,\"presence_penalty\":0}");
	CHECK(k.lost.content);
	CHECK_STR(lost(&k),
		  "messages[0].content[0] (audio),messages[1].content[0] (encrypted "
		  "reasoning),is_error,messages[2].content[0] (media in a tool's "
		  "result),tools[0] "
		  "(custom),temperature,presence_penalty,n,top_logprobs,user,metadata,"
		  "parallel_tool_calls,logit_bias");
	done(&k);
}

static void signatures_go_to_their_issuer_only(void **state UNUSED)
{
	static const char body[] =
		M("{\"role\":\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":"
		  "\"hm\",\"signature\":\"weir~claude~SIG\"}],\"tool_calls\":[{\"id\":\"c\","
		  "\"signature\":\"weir~co~CALL\",\"function\":{\"name\":\"f\","
		  "\"arguments\":\"\"}}]}");
	const struct chat_part *p;
	struct chat_request r;
	struct slice out;
	struct kit k;

	begin(&k);
	CHECK_RC(read_request(&k, &r, body), OK);
	p = r.messages->parts;
	CHECK_SLICE(p->u.reasoning.signature.data.s, "SIG");
	CHECK_SLICE(p->u.reasoning.signature.issuer, "claude");
	CHECK_SLICE(p->next->signature.data.s, "CALL");
	CHECK_SLICE(r.pinned, "co");
	out = write_request(&k, &r, &target);
	CHECK(slice_find(out, LIT("SIG")) == SLICE_NONE);
	CHECK(slice_find(out, LIT("\"signature\":\"CALL\"")) != SLICE_NONE);
	done(&k);
}

static void a_choice_of_tools_is_those_tools(void **state UNUSED)
{
	struct chat_request r = { .dialect = &foreign };
	struct slice out;
	struct kit k;

	begin(&k);
	said(&k, &r, ROLE_USER, PART_TEXT)->u.text = JTEXT("x");
	chat_tool_add(&r, &k.a, TOOL_FUNCTION)->name = JTEXT("one");
	chat_tool_add(&r, &k.a, TOOL_FUNCTION)->name = JTEXT("two");
	r.choice.kind = CHOICE_NAMED;
	chat_name_add(&r.choice.names, &k.a, JTEXT("two"));
	out = write_request(&k, &r, &target);
	CHECK(slice_find(out, LIT("\"one\"")) == SLICE_NONE);
	CHECK(slice_find(out, LIT("\"two\"")) != SLICE_NONE);
	CHECK(slice_find(out, LIT("\"tool_choice\":\"REQUIRED\"")) != SLICE_NONE);
	r.format.kind = FORMAT_JSON; /* not beside tools */
	out = write_request(&k, &r, &target);
	CHECK(slice_find(out, LIT("response_format")) == SLICE_NONE);
	CHECK_STR(lost(&k), "response_format");
	done(&k);
}

/* A free-form tool's call in the history is a function's call. */
static void a_custom_call_has_its_input_as_an_argument(void **state UNUSED)
{
	struct chat_request r = { .dialect = &foreign }, again;
	struct chat_part *p;
	struct slice out;
	struct kit k;

	begin(&k);
	p = said(&k, &r, ROLE_ASSISTANT, PART_TOOL_CALL);
	p->u.call = (struct chat_call){ .id = JTEXT("c"),
					.name = JTEXT("sh"),
					.args = LIT("echo \"hi\"\n"),
					.custom = true };
	out = write_request(&k, &r, &target);
	CHECK_RC(read_request(&k, &again, arena_cstr(&k.a, out)), OK);
	CHECK_SLICE(again.messages->parts->u.call.args, "{\"input\":\"echo \\\"hi\\\"\\n\"}");
	CHECK(again.messages->parts->u.call.args_ok);
	done(&k);
}

static void efforts_are_budgets(void **state UNUSED)
{
	static const struct {
		enum effort effort;
		uint64_t budget, max_tokens;
		const char *says;
	} rows[] = {
		{ EFFORT_NONE, 0, 0, "{\"type\":\"disabled\"}" },
		{ EFFORT_LOW, 0, 0, "{\"type\":\"enabled\",\"token_budget\":2048}" },
		{ EFFORT_HIGH, 0, 4096, "{\"type\":\"enabled\"}" },
		{ EFFORT_UNSET, 77, 50, "{\"type\":\"enabled\",\"token_budget\":77}" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct chat_request r = { .dialect = &foreign,
					  .thinking.effort = rows[i].effort,
					  .thinking.budget = rows[i].budget,
					  .max_tokens = rows[i].max_tokens };
		struct slice out;
		struct kit k;

		begin(&k);
		out = write_request(&k, &r, &target);
		CHECK(slice_find(out, slice_cstr(rows[i].says)) != SLICE_NONE);
		done(&k);
	}
}

static void members_that_a_provider_does_not_take_are_left_out(void **state UNUSED)
{
	static const struct slice drop[] = { LITC("seed"), LITC("safety_mode") };
	struct chat_target t = target;
	struct chat_request r;
	struct slice out;
	struct kit k;

	t.drop_params = drop;
	t.drop_param_n = ARRAY_LEN(drop);
	t.no_sampling = true;
	begin(&k);
	CHECK_RC(read_request(&k, &r, whole_request), OK);
	out = write_request(&k, &r, &t);
	CHECK(slice_find(out, LIT("seed")) == SLICE_NONE);
	CHECK(slice_find(out, LIT("safety_mode")) == SLICE_NONE);
	CHECK(slice_find(out, LIT("temperature")) == SLICE_NONE);
	CHECK_STR(lost(&k), "temperature,p,k,seed,safety_mode");
	done(&k);
}

/* ---- answers ---- */

static const char whole_answer[] =
	"{\"id\":\"r1\",\"finish_reason\":\"TOOL_CALL\",\"message\":{\"role\":\"assistant\","
	"\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\"},{\"type\":\"text\",\"text\":"
	"\"Hi \\ud83d\\ude00\"}],\"tool_plan\":\" "
	"plan\",\"tool_calls\":[{\"id\":\"c1\",\"type\":"
	"\"function\",\"function\":{\"name\":\"look\",\"arguments\":\"{\\\"q\\\":1}\"}},{"
	"\"id\":"
	"\"c2\",\"type\":\"function\",\"function\":{\"name\":\"time\",\"arguments\":\"\"}}],"
	"\"citations\":[{\"start\":0,\"end\":2,\"text\":\"Hi\",\"sources\":[{\"type\":"
	"\"document\","
	"\"id\":\"d\",\"document\":{\"title\":\"T\",\"url\":\"u\",\"snippet\":\"S\"}}],"
	"\"content_index\":1,\"type\":\"TEXT_CONTENT\"}]},\"usage\":{\"billed_units\":"
	"{\"input_tokens\":5.0,\"output_tokens\":7,\"search_units\":1},\"tokens\":"
	"{\"input_tokens\":70,\"output_tokens\":9.0},\"cached_tokens\":30},\"logprobs\":[{"
	"\"text\":"
	"\"Hi\",\"token_ids\":[1],\"logprobs\":[-0.10]},{\"text\":\"x\",\"token_ids\":[2,3],"
	"\"logprobs\":[-0.5,-0.25]}]}";

static const char whole_says[] =
	"start r1\n"
	"reasoning hm\n"
	"text Hi \\ud83d\\ude00 plan\n"
	"call 0 c1 look {\\\"q\\\":1}\n"
	"call 1 c2 time {}\n"
	"annotation 0-2 u|T|S\n"
	"logprobs [{\"token\":\"Hi\",\"logprob\":-0.10,\"bytes\":null,\"top_logprobs\":[]},"
	"{\"token\":\"x\",\"logprob\":-0.75,\"bytes\":null,\"top_logprobs\":[]}]\n"
	"usage 40+30+0+0+0 9+0+0 billed 5 7 searches 1\n"
	"finish tools\n"
	"end\n";

static void read_answer(struct kit *k, struct chat_events *ev, struct slice body)
{
	events_init(ev, &k->a);
	CHECK_RC(dialect_cohere.answer_read(body, ev), OK);
}

static struct slice write_answer(struct kit *k, const struct chat_events *ev)
{
	const struct chat_reply to = { .id = LIT("req-1"), .issuer = LIT("co") };
	struct json_out o;

	out_init(&o, &k->a);
	dialect_cohere.answer_write(&to, ev, &o);
	CHECK(out_ok(&o));
	return out_slice(&o);
}

static void a_whole_answer_is_read(void **state UNUSED)
{
	struct chat_events ev;
	struct kit k;

	begin(&k);
	read_answer(&k, &ev, slice_cstr(whole_answer));
	CHECK_STR(chat_says(&ev, k.text, sizeof(k.text)), whole_says);
	done(&k);
}

static void an_answer_that_is_written_reads_the_same(void **state UNUSED)
{
	struct chat_events ev, again;
	struct slice out;
	struct kit k;

	begin(&k);
	read_answer(&k, &ev, slice_cstr(whole_answer));
	out = write_answer(&k, &ev);
	CHECK_SLICE(
		out,
		"{\"id\":\"req-1\",\"finish_reason\":\"TOOL_CALL\",\"message\":{\"role\":"
		"\"assistant\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"hm\"},{"
		"\"type\":"
		"\"text\",\"text\":\"Hi \\ud83d\\ude00 plan\"}],\"tool_calls\":[{\"id\":\"c1\","
		"\"type\":\"function\",\"function\":{\"name\":\"look\",\"arguments\":"
		"\"{\\\"q\\\":1}\"}},{\"id\":\"c2\",\"type\":\"function\",\"function\":{"
		"\"name\":"
		"\"time\",\"arguments\":\"{}\"}}],\"citations\":[{\"start\":0,\"end\":2,"
		"\"sources\":[{\"type\":\"document\",\"id\":\"u\",\"document\":{\"title\":"
		"\"T\","
		"\"url\":\"u\",\"text\":\"S\"}}],\"content_index\":1,\"type\":\"TEXT_CONTENT\"}"
		"]}"
		",\"usage\":{\"billed_units\":{\"input_tokens\":5,\"output_tokens\":7,"
		"\"search_units\":1},\"tokens\":{\"input_tokens\":70,\"output_tokens\":9},"
		"\"cached_tokens\":30},\"logprobs\":[{\"text\":\"Hi\",\"token_ids\":[],"
		"\"logprobs\":[-0.10]},{\"text\":\"x\",\"token_ids\":[],\"logprobs\":[-0.75]}]"
		"}");
	read_answer(&k, &again, out);
	again.v[0].id = JTEXT("r1"); /* ours now */
	CHECK_STR(chat_says(&again, k.text, sizeof(k.text)), whole_says);
	done(&k);
}

static void odd_answers_are_read_for_what_they_are(void **state UNUSED)
{
	static const struct {
		const char *body, *says;
	} rows[] = {
		/* no usage, no reason, content as a string */
		{ "{\"message\":{\"content\":\"x\"}}", "start\ntext x\nfinish stop\nend\n" },
		{ "{\"message\":{\"tool_calls\":[{\"id\":\"c\",\"function\":{\"name\":\"f\"}}]}"
		  ","
		  "\"finish_reason\":\"COMPLETE\"}",
		  "start\ncall 0 c f {}\nfinish tools\nend\n" },
		/* older ones bill only */
		{ "{\"message\":{},\"usage\":{\"billed_units\":{\"input_tokens\":3,"
		  "\"output_tokens\":4}},\"finish_reason\":\"MAX_TOKENS\"}",
		  "start\nusage 3+0+0+0+0 4+0+0 billed 3 4\nfinish length\nend\n" },
		/* more cached than there was */
		{ "{\"message\":{},\"usage\":{\"tokens\":{\"input_tokens\":3},\"cached_"
		  "tokens\":"
		  "9},\"finish_reason\":\"COMPLETE\"}",
		  "start\nusage 0+3+0+0+0 0+0+0 odd\nfinish stop\nend\n" },
		{ "{\"message\":{},\"usage\":{\"tokens\":{\"input_tokens\":1e18}}}",
		  "start\nusage 0+0+0+0+0 0+0+0 unknown odd\nfinish stop\nend\n" },
		/* an error in a good status */
		{ "{\"message\":\"no such thing\"}", "error server_error no such thing\n" },
		{ "{\"message\":{},\"finish_reason\":\"ERROR\"}",
		  "start\nerror server_error\n" },
		{ "{\"message\":{},\"finish_reason\":\"TIMEOUT\"}", "start\nerror timeout\n" },
		{ "{\"message\":{},\"finish_reason\":\"NEW\"}", "start\nfinish broken\nend\n" },
		{ "{\"message\":{},\"finish_reason\":\"ERROR_TOXIC\"}",
		  "start\nfinish filter\nend\n" },
		{ "{\"message\":{},\"finish_reason\":\"ERROR_LIMIT\"}",
		  "start\nfinish context\nend\n" },
		{ "{\"message\":{},\"finish_reason\":\"STOP_SEQUENCE\"}",
		  "start\nfinish sequence\nend\n" },
	};
	static const char *const none[] = { "", "[]", "{}", "7", "{\"message\":{}", "null" };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct chat_events ev;
		struct kit k;

		begin(&k);
		read_answer(&k, &ev, slice_cstr(rows[i].body));
		CHECK_STR(chat_says(&ev, k.text, sizeof(k.text)), rows[i].says);
		done(&k);
	}
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		struct chat_events ev;
		struct kit k;

		begin(&k);
		events_init(&ev, &k.a);
		CHECK_RC(dialect_cohere.answer_read(slice_cstr(none[i]), &ev), E_BAD);
		done(&k);
	}
}

/* ---- streams ---- */

/* Feeds every frame of a stream's text (as the writer made it) to the reader. */
static void read_stream(struct kit *k, struct chat_events *ev, struct slice text)
{
	struct cohere_reader *r = ARENA_NEW(&k->keep, struct cohere_reader);
	struct slice name = { NULL, 0 }, line, value;

	events_init(ev, &k->a);
	while (text.n > 0) {
		size_t n = slice_find_char(text, '\n');

		CHECK(n != SLICE_NONE);
		line = slice_head(text, n);
		text = slice_skip(text, n + 1);
		if (slice_starts(line, LIT("event: ")))
			name = slice_skip(line, 7);
		if (!slice_starts(line, LIT("data: ")))
			continue;
		value = slice_skip(line, 6);
		CHECK_RC(dialect_cohere.event_read(r, &k->keep, name, value, ev), OK);
	}
	dialect_cohere.stream_end(r, &k->keep, ev);
}

static struct slice write_stream(struct kit *k, const struct chat_events *ev)
{
	const struct chat_reply to = { .id = LIT("req-1"), .issuer = LIT("co") };
	struct cohere_writer *w = ARENA_NEW(&k->keep, struct cohere_writer);
	struct json_out o;

	out_init(&o, &k->a);
	for (size_t i = 0; i < ev->n; i++)
		dialect_cohere.event_write(w, &to, &k->keep, &ev->v[i], &o);
	CHECK(out_ok(&o));
	return out_slice(&o);
}

/* The same of bare data; NULL ends them. */
static enum rc read_frames(struct kit *k, struct chat_events *ev, const char *const *frames)
{
	struct cohere_reader *r = ARENA_NEW(&k->keep, struct cohere_reader);
	enum rc rc = OK;

	events_init(ev, &k->a);
	for (; rc == OK && *frames != NULL; frames++)
		rc = dialect_cohere.event_read(r, &k->keep, LIT(""), slice_cstr(*frames), ev);
	dialect_cohere.stream_end(r, &k->keep, ev);
	return rc;
}

static void a_stream_with_two_calls_at_once_is_read(void **state UNUSED)
{
	static const char *const frames[] = {
		"{\"type\":\"message-start\",\"id\":\"r1\",\"delta\":{\"message\":{}}}",
		"{\"type\":\"tool-plan-delta\",\"delta\":{\"message\":{\"tool_plan\":\"I \"}}}",
		"{\"type\":\"tool-plan-delta\",\"delta\":{\"message\":{\"tool_plan\":\"will\"}}"
		"}",
		"{\"type\":\"tool-call-start\",\"index\":3,\"delta\":{\"message\":{\"tool_"
		"calls\":"
		"{\"id\":\"c1\",\"type\":\"function\",\"function\":{\"name\":\"look\","
		"\"arguments\":\"\"}}}}}",
		"{\"type\":\"tool-call-start\",\"index\":4,\"delta\":{\"message\":{\"tool_"
		"calls\":"
		"{\"id\":\"c2\",\"function\":{\"name\":\"time\"}}}}}",
		"{\"type\":\"tool-call-delta\",\"index\":3,\"delta\":{\"message\":{\"tool_"
		"calls\":"
		"{\"function\":{\"arguments\":\"{\\\"q\\\"\"}}}}}",
		"{\"type\":\"tool-call-end\",\"index\":4}",
		"{\"type\":\"tool-call-delta\",\"index\":3,\"delta\":{\"message\":{\"tool_"
		"calls\":"
		"{\"function\":{\"arguments\":\":1}\"}}}}}",
		"{\"type\":\"tool-call-delta\",\"index\":9,\"delta\":{\"message\":{\"tool_"
		"calls\":"
		"{\"function\":{\"arguments\":\"nobody's\"}}}}}",
		"{\"type\":\"debug\",\"prompt\":\"p\"}",
		"{\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"TOOL_CALL\"}}",
		"{\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"COMPLETE\"}}",
		"[DONE]",
		NULL,
	};
	struct chat_events ev;
	struct kit k;

	begin(&k);
	CHECK_RC(read_frames(&k, &ev, frames), OK);
	CHECK_STR(chat_says(&ev, k.text, sizeof(k.text)), "start r1\ntext I will\n"
							  "call 0 c1 look {\\\"q\\\":1}\n"
							  "call 1 c2 time {}\n"
							  "finish tools\nend\n");
	done(&k);
}

/* The index of an ended call is free again, and its next call is another one. */
static void indices_that_are_used_again_are_other_calls(void **state UNUSED)
{
#define CALL(id)                                                                               \
	"{\"type\":\"tool-call-start\",\"index\":0,\"delta\":{\"message\":{\"tool_calls\":"    \
	"{\"id\":\"" id "\",\"function\":{\"name\":\"f\",\"arguments\":\"{}\"}}}}}"
	static const char *const frames[] = {
		CALL("a"),
		"{\"type\":\"tool-call-end\",\"index\":0}",
		CALL("b"),
		CALL("c"),
		"{\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"COMPLETE\"}}",
		NULL,
	};
	struct chat_events ev;
	struct kit k;

	begin(&k);
	CHECK_RC(read_frames(&k, &ev, frames), OK);
	CHECK_STR(chat_says(&ev, k.text, sizeof(k.text)),
		  "call 0 a f {}\ncall 1 b f {}\ncall 2 c f {}\nfinish tools\nend\n");
	done(&k);
}

static void more_open_calls_than_the_limit_are_refused(void **state UNUSED)
{
	struct cohere_reader r = { 0 };
	struct chat_events ev;
	enum rc rc = OK;
	struct kit k;

	begin(&k);
	events_init(&ev, &k.a);
	for (unsigned i = 0; i <= COHERE_OPEN_MAX; i++) {
		CHECK_RC(rc, OK);
		rc = dialect_cohere.event_read(
			&r, &k.keep, LIT(""),
			arena_fmt(&k.a, "{\"type\":\"tool-call-start\",\"index\":%u}", i), &ev);
	}
	CHECK_RC(rc, E_BAD);
	done(&k);
}

static void a_stream_that_breaks_off_has_no_end(void **state UNUSED)
{
	static const char *const frames[] = {
		"{\"type\":\"message-start\",\"id\":\"r\"}",
		"{\"type\":\"content-delta\",\"index\":0,\"delta\":{\"message\":{\"content\":"
		"{\"text\":\"hal\"}}}}",
		NULL,
	};
	struct chat_events ev;
	struct kit k;

	begin(&k);
	CHECK_RC(read_frames(&k, &ev, frames), OK);
	CHECK_STR(chat_says(&ev, k.text, sizeof(k.text)), "start r\ntext hal\n");
	done(&k);
}

static void errors_in_streams_are_errors(void **state UNUSED)
{
	static const char *const rows[][3] = {
		{ "{\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"ERROR\",\"error\":"
		  "\"it \\\"broke\\\"\"}}",
		  NULL, "error server_error it \"broke\"\n" },
		{ "{\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"TIMEOUT\"}}", NULL,
		  "error timeout\n" },
		{ "{\"id\":\"x\",\"message\":\"too busy\"}", NULL,
		  "error server_error too busy\n" },
		{ "{\"type\":\"message-end\",\"delta\":{\"finish_reason\":\"ERROR\",\"error\":"
		  "\"refusal: I must not.\"}}",
		  NULL, "finish refusal I must not.\nend\n" },
		{ "{\"type\":\"message-end\",\"delta\":{}}", NULL, "finish broken\nend\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct chat_events ev;
		struct kit k;

		begin(&k);
		CHECK_RC(read_frames(&k, &ev, rows[i]), OK);
		CHECK_STR(chat_says(&ev, k.text, sizeof(k.text)), rows[i][2]);
		done(&k);
	}
}

static void a_frame_that_is_not_an_object_is_refused(void **state UNUSED)
{
	static const char *const rows[][2] = { { "", NULL }, { "{", NULL }, { "[1]", NULL } };

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct chat_events ev;
		struct kit k;

		begin(&k);
		CHECK_RC(read_frames(&k, &ev, rows[i]), E_BAD);
		done(&k);
	}
}

/* The same events as a stream: the meaning is that of the plain answer. */
static void a_stream_that_is_written_reads_the_same(void **state UNUSED)
{
	struct chat_events ev, again;
	struct slice out;
	struct kit k;

	begin(&k);
	read_answer(&k, &ev, slice_cstr(whole_answer));
	out = write_stream(&k, &ev);
	CHECK(slice_starts(out, LIT("event: message-start\ndata: {\"type\":\"message-start\","
				    "\"id\":\"req-1\",\"delta\":{\"message\":{\"role\":"
				    "\"assistant\"}}}\n\n")));
	CHECK(slice_find(out, LIT("event: content-start\ndata: {\"type\":\"content-start\","
				  "\"index\":1,\"delta\":{\"message\":{\"content\":{\"type\":"
				  "\"text\",\"text\":\"\"}}}}\n\n")) != SLICE_NONE);
	CHECK(slice_find(out,
			 LIT("event: tool-call-start\ndata: {\"type\":\"tool-call-start\","
			     "\"index\":1,\"delta\":{\"message\":{\"tool_calls\":{\"id\":"
			     "\"c2\",\"type\":\"function\",\"function\":{\"name\":\"time\","
			     "\"arguments\":\"\"}}}}}\n\n")) != SLICE_NONE);
	read_stream(&k, &again, out);
	CHECK_STR(chat_says(&again, k.text, sizeof(k.text)),
		  "start req-1\n"
		  "reasoning hm\n"
		  "text Hi \\ud83d\\ude00 plan\n"
		  "call 0 c1 look {\\\"q\\\":1}\n"
		  "call 1 c2 time {}\n"
		  "annotation 0-2 u|T|S\n"
		  "logprobs [{\"token\":\"Hi\",\"logprob\":-0.10,\"bytes\":null,"
		  "\"top_logprobs\":[]}]\n"
		  "logprobs [{\"token\":\"x\",\"logprob\":-0.75,\"bytes\":null,"
		  "\"top_logprobs\":[]}]\n"
		  "usage 40+30+0+0+0 9+0+0 billed 5 7 searches 1\n"
		  "finish tools\n"
		  "end\n");
	done(&k);
}

/* What comes from other dialects: signatures, refusals, free-form calls, every finish. */
static void foreign_events_survive_both_ways(void **state UNUSED)
{
	static const char says[] = "reasoning think signed\n"
				   "signature weird\n"
				   "encrypted blob\n"
				   "text no\n"
				   "call 0 c sh {\\\"input\\\":\\\"a\\\\nb\\\"} signed CALL\n"
				   "finish tools\n"
				   "end\n";
	struct chat_events ev, again;
	struct chat_event *e;
	struct kit k;

	begin(&k);
	events_init(&ev, &k.a);
	event_text(&ev, EV_REASONING, JTEXT("think"));
	event_text(&ev, EV_REASONING, JTEXT(" signed"));
	event_add(&ev, EV_SIGNATURE)->signature = JTEXT("weird");
	e = event_add(&ev, EV_SIGNATURE);
	e->encrypted = true;
	e->text = JTEXT("blob");
	event_text(&ev, EV_REFUSAL, JTEXT("no"));
	e = event_add(&ev, EV_TOOL_BEGIN);
	e->id = JTEXT("c");
	e->name = JTEXT("sh");
	e->custom = true;
	e->signature = JTEXT("CALL");
	event_text(&ev, EV_TOOL_ARGS, JTEXT("a\\n"));
	event_text(&ev, EV_TOOL_ARGS, JTEXT("b"));
	event_add(&ev, EV_TOOL_END);
	event_add(&ev, EV_PING);
	event_finish(&ev, 0, FINISH_TOOLS);
	event_add(&ev, EV_END);
	read_answer(&k, &again, write_answer(&k, &ev));
	again.v++, again.n--; /* without its start */
	CHECK_STR(chat_says(&again, k.text, sizeof(k.text)), says);
	read_stream(&k, &again, write_stream(&k, &ev));
	again.v++, again.n--;
	CHECK_STR(chat_says(&again, k.text, sizeof(k.text)), says);
	CHECK(slice_find(write_answer(&k, &ev), LIT("\"signature\":\"weir~co~weird\"")) !=
	      SLICE_NONE);
	done(&k);
}

static void every_finish_goes_there_and_back(void **state UNUSED)
{
	static const char *const says[] = {
		[FINISH_STOP] = "finish stop\nend\n",
		[FINISH_SEQUENCE] = "finish sequence\nend\n",
		[FINISH_LENGTH] = "finish length\nend\n",
		[FINISH_CONTEXT] = "finish length\nend\n", /* it has no other word */
		[FINISH_TOOLS] = "finish tools\nend\n",
		[FINISH_FILTER] = "finish filter words\nend\n",
		[FINISH_REFUSAL] = "finish refusal words\nend\n",
		[FINISH_PAUSE] = "finish pause\nend\n",
		[FINISH_BROKEN] = "finish broken words\nend\n",
	};

	for (enum finish_kind f = FINISH_STOP; f <= FINISH_BROKEN; f++) {
		struct chat_events ev, again;
		struct chat_event *e;
		struct kit k;

		begin(&k);
		events_init(&ev, &k.a);
		e = event_add(&ev, EV_FINISH);
		e->finish = f;
		if (strstr(says[f], "words") != NULL)
			e->name = JTEXT("words");
		event_add(&ev, EV_END);
		read_answer(&k, &again, write_answer(&k, &ev));
		again.v++, again.n--;
		CHECK_STR(chat_says(&again, k.text, sizeof(k.text)), says[f]);
		read_stream(&k, &again, write_stream(&k, &ev));
		again.v++, again.n--;
		CHECK_STR(chat_says(&again, k.text, sizeof(k.text)), says[f]);
		done(&k);
	}
}

static void an_error_ends_a_stream_once(void **state UNUSED)
{
	const struct chat_reply to = { .id = LIT("req-1") };
	const struct chat_error error = { .status = 502, .message = LIT("it \"broke\"") };
	struct cohere_writer w = { 0 };
	struct json_out o;
	struct kit k;

	begin(&k);
	out_init(&o, &k.a);
	dialect_cohere.error_event_write(&w, &to, &error, &o);
	dialect_cohere.error_event_write(&w, &to, &error, &o);
	CHECK_SLICE(out_slice(&o),
		    "event: message-start\ndata: {\"type\":\"message-start\",\"id\":\"req-1\","
		    "\"delta\":{\"message\":{\"role\":\"assistant\"}}}\n\n"
		    "event: message-end\ndata: {\"type\":\"message-end\",\"delta\":{\"error\":"
		    "\"it \\\"broke\\\"\",\"finish_reason\":\"ERROR\"}}\n\n");
	done(&k);
}

/* ---- errors and lists ---- */

static void errors_are_what_their_status_and_words_say(void **state UNUSED)
{
	static const struct {
		unsigned status;
		const char *body;
		enum fault_kind kind;
		const char *message;
	} rows[] = {
		{ 400, "{\"id\":\"x\",\"message\":\"bad\"}", FAULT_CLIENT, "bad" },
		{ 400, "{\"message\":\"too many tokens: 9\"}", FAULT_CONTEXT,
		  "too many tokens: 9" },
		{ 401, "{\"message\":\"invalid api token\"}", FAULT_AUTH, "invalid api token" },
		{ 403, "", FAULT_AUTH, "" },
		{ 404, "{\"message\":\"model 'x' not found\"}", FAULT_MODEL,
		  "model 'x' not found" },
		{ 422, "{\"message\":\"\"}", FAULT_CLIENT, "" },
		{ 429, "{\"message\":\"slow down\"}", FAULT_RATE, "slow down" },
		{ 429, "{\"message\":\"limited to 1000 API calls / month\"}", FAULT_QUOTA,
		  "limited to 1000 API calls / month" },
		{ 498, "{\"message\":\"blocked\"}", FAULT_POLICY, "blocked" },
		{ 499, "{\"message\":\"cancelled\"}", FAULT_RESET, "cancelled" },
		{ 500, "<html>", FAULT_SERVER, "" },
		{ 501, "{}", FAULT_SERVER, "" },
		{ 503, "{\"error\":\"busy\"}", FAULT_OVERLOADED, "busy" },
		{ 504, "[]", FAULT_TIMEOUT, "" },
		{ 200, "", FAULT_GARBAGE, "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fault f;
		struct kit k;

		begin(&k);
		dialect_cohere.error_read(&f, rows[i].status, slice_cstr(rows[i].body), &k.a);
		CHECK_INT(f.kind, rows[i].kind);
		CHECK_INT(f.status, rows[i].status);
		CHECK_SLICE(f.message, rows[i].message);
		done(&k);
	}
}

static void errors_and_lists_have_coheres_shape(void **state UNUSED)
{
	const struct chat_error e = { .status = 400,
				      .message = LIT("no \"x\""),
				      .id = LIT("req-1") };
	const struct model_row rows[] = { { .name = LIT("a"), .context = 128000 },
					  { .name = LIT("b") } };
	struct json_out o;
	struct kit k;

	begin(&k);
	out_init(&o, &k.a);
	dialect_cohere.error_write(&e, &o);
	CHECK_SLICE(out_slice(&o), "{\"id\":\"req-1\",\"message\":\"no \\\"x\\\"\"}");
	out_init(&o, &k.a);
	dialect_cohere.models_write(rows, 2, &o);
	CHECK_SLICE(out_slice(&o),
		    "{\"models\":[{\"name\":\"a\",\"is_deprecated\":false,\"endpoints\":["
		    "\"chat\"],\"finetuned\":false,\"context_length\":128000,"
		    "\"default_endpoints\":[]},{\"name\":\"b\",\"is_deprecated\":false,"
		    "\"endpoints\":[\"chat\"],\"finetuned\":false,\"default_endpoints\":[]}]}");
	CHECK_SLICE(dialect_cohere.path(OP_CHAT, true, LIT("m"), &k.a), "/v2/chat");
	CHECK_SLICE(dialect_cohere.path(OP_EMBEDDINGS, false, LIT("m"), &k.a), "/v2/embed");
	CHECK_INT(dialect_cohere.path(OP_COUNT_TOKENS, false, LIT("m"), &k.a).n, 0);
	done(&k);
}

/* ---- memory that fails ---- */

static void all_of_it(struct test_mem *mem)
{
	const struct chat_reply to = { .id = LIT("req-1"), .issuer = LIT("co") };
	const struct request_in in = { .body = slice_cstr(whole_request), .op = OP_CHAT };
	struct cohere_writer w = { 0 };
	struct chat_refusal why;
	struct chat_lost gone = { 0 };
	struct chat_request r;
	struct chat_events ev;
	struct json_out o;
	struct arena a;
	enum rc rc;

	arena_init(&a, &mem->mem, 64, 1 << 20);
	rc = dialect_cohere.request_read(&r, &in, &a, &why);
	CHECK(rc == OK || rc == E_NOMEM);
	if (rc == OK) {
		out_init(&o, &a);
		rc = dialect_cohere.request_write(&r, &target, &o, &gone, &why);
		CHECK(rc == OK || rc == E_NOMEM);
	}
	events_init(&ev, &a);
	rc = dialect_cohere.answer_read(slice_cstr(whole_answer), &ev);
	CHECK(rc == OK || rc == E_NOMEM);
	out_init(&o, &a);
	dialect_cohere.answer_write(&to, &ev, &o);
	out_init(&o, &a);
	for (size_t i = 0; i < ev.n; i++)
		dialect_cohere.event_write(&w, &to, &a, &ev.v[i], &o);
	CHECK(mem->fail_at == 0 || !mem->failed || rc == E_NOMEM || !out_ok(&o) ||
	      arena_failed(&a));
	arena_free(&a);
}

static void no_memory_is_reported_wherever_it_fails(void **state UNUSED)
{
	sweep(all_of_it);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_read_with_all_that_it_says),
		cmocka_unit_test(what_is_written_says_what_was_read),
		cmocka_unit_test(bad_requests_are_refused_with_code_and_path),
		cmocka_unit_test(documents_are_parts_and_documents_again),
		cmocka_unit_test(what_cannot_be_said_is_named),
		cmocka_unit_test(signatures_go_to_their_issuer_only),
		cmocka_unit_test(a_choice_of_tools_is_those_tools),
		cmocka_unit_test(a_custom_call_has_its_input_as_an_argument),
		cmocka_unit_test(efforts_are_budgets),
		cmocka_unit_test(members_that_a_provider_does_not_take_are_left_out),
		cmocka_unit_test(a_whole_answer_is_read),
		cmocka_unit_test(an_answer_that_is_written_reads_the_same),
		cmocka_unit_test(odd_answers_are_read_for_what_they_are),
		cmocka_unit_test(a_stream_with_two_calls_at_once_is_read),
		cmocka_unit_test(indices_that_are_used_again_are_other_calls),
		cmocka_unit_test(more_open_calls_than_the_limit_are_refused),
		cmocka_unit_test(a_stream_that_breaks_off_has_no_end),
		cmocka_unit_test(errors_in_streams_are_errors),
		cmocka_unit_test(a_frame_that_is_not_an_object_is_refused),
		cmocka_unit_test(a_stream_that_is_written_reads_the_same),
		cmocka_unit_test(foreign_events_survive_both_ways),
		cmocka_unit_test(every_finish_goes_there_and_back),
		cmocka_unit_test(an_error_ends_a_stream_once),
		cmocka_unit_test(errors_are_what_their_status_and_words_say),
		cmocka_unit_test(errors_and_lists_have_coheres_shape),
		cmocka_unit_test(no_memory_is_reported_wherever_it_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
