#include "check.h"

#include "base/sb.h"
#include "chat/cohere/cohere.h"

/* Everything a test needs; what it made is freed by done(). */
struct kit {
	struct test_mem mem;
	struct arena a;
	struct chat_lost lost;
	struct chat_refusal why;
	char text[8192];
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
	r.format.kind = FORMAT_SCHEMA; /* whose schema is not there */
	CHECK(slice_ends(write_request(&k, &r, &target),
			 LIT("\"response_format\":{\"type\":\"json_object\"}}")));
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
		  "messages[0].content[0] (audio),reasoning,is_error,messages[2].content[0] "
		  "(media in a tool's "
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

/* ---- memory that fails ---- */

static void all_of_it(struct test_mem *mem)
{
	const struct request_in in = { .body = slice_cstr(whole_request), .op = OP_CHAT };
	struct chat_refusal why;
	struct chat_lost gone = { 0 };
	struct chat_request r;
	struct json_out o;
	struct arena a;
	enum rc rc;

	arena_init(&a, &mem->mem, 64, 1 << 20);
	rc = dialect_cohere.request_read(&r, &in, &a, &why);
	CHECK(rc == (arena_failed(&a) ? E_NOMEM : OK));
	if (rc == OK) {
		out_init(&o, &a);
		rc = dialect_cohere.request_write(&r, &target, &o, &gone, &why);
		CHECK(rc == (arena_failed(&a) ? E_NOMEM : OK));
	}
	arena_free(&a);
}

static void no_memory_is_reported_wherever_it_fails(void **state UNUSED)
{
	sweep(all_of_it);
}

static void blank_arguments_are_an_empty_object(void **state UNUSED)
{
	struct chat_request r;
	const struct chat_part *p;
	struct kit k;

	begin(&k);
	CHECK_RC(
		read_request(&k, &r,
			     "{\"model\":\"m\",\"messages\":[{\"role\":\"assistant\","
			     "\"tool_calls\":[{\"id\":\"c\",\"type\":\"function\",\"function\":"
			     "{\"name\":\"f\",\"arguments\":\" \\n\"}}]}]}"),
		OK);
	p = r.messages->parts;
	CHECK_INT(p->kind, PART_TOOL_CALL);
	CHECK(p->u.call.args_ok && p->u.call.args.n == 0);
	done(&k);
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
		cmocka_unit_test(blank_arguments_are_an_empty_object),
		cmocka_unit_test(no_memory_is_reported_wherever_it_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
