#include "check.h"

#include "chat/ollama/ollama.h"
#include "chat_says.h"

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

static const struct dialect foreign = { .name = "foreign" };

static enum rc write_request(struct kit *k, const struct chat_request *r, struct slice *out)
{
	const struct chat_target t = { .model = LIT("llama"), .provider = LIT("here") };
	struct json_out o;
	enum rc rc;

	k->lost = (struct chat_lost){ 0 };
	out_init(&o, &k->a);
	rc = dialect_ollama.request_write(r, &t, &o, &k->lost, &k->why);
	*out = out_slice(&o);
	return rc;
}

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

static struct chat_part *call(struct chat_message *m, struct arena *a, struct json_text id,
			      struct slice args, bool ok)
{
	struct chat_part *p = chat_part_add(m, a, PART_TOOL_CALL);

	p->u.call =
		(struct chat_call){ .id = id, .name = JTEXT("f"), .args = args, .args_ok = ok };
	return p;
}

static void converse(struct chat_request *r, struct arena *a)
{
	struct chat_message *m = chat_message_add(r, a, ROLE_DEVELOPER);
	struct chat_part *p;

	chat_part_add(m, a, PART_TEXT)->u.text = JTEXT("Be brief.");
	m = chat_message_add(r, a, ROLE_USER);
	chat_part_add(m, a, PART_TEXT)->u.text = JTEXT("Look \\ud83d\\ude00");
	p = chat_part_add(m, a, PART_IMAGE);
	p->u.media = (struct chat_media){ .mime = LIT("image/png"), .data = LIT("AAAA") };
	p = chat_part_add(m, a, PART_DOCUMENT);
	p->u.media = (struct chat_media){ .mime = LIT("text/plain"), .data = LIT("aGkiIQ==") };
	m = chat_message_add(r, a, ROLE_ASSISTANT);
	chat_part_add(m, a, PART_REASONING)->u.reasoning.text = JTEXT("hm");
	chat_part_add(m, a, PART_TEXT)->u.text = JTEXT("So.");
	call(m, a, JTEXT("c1"), LIT("{\"q\": \"\\u00e9\"}"), true);
	call(m, a, JTEXT("c2"), LIT(""), true);
	call(m, a, JTEXT("c3"), LIT("{no"), false);
	m = chat_message_add(r, a, ROLE_TOOL);
	p = chat_part_add(m, a, PART_TOOL_RESULT);
	p->u.result.call_id = JTEXT("c1");
	p = chat_part_append(&p->u.result.parts, a, PART_OTHER);
	p->u.other.raw = LIT("{\"x\":1}");
	p->u.other.what = "json";
	p = chat_part_add(m, a, PART_TOOL_RESULT);
	p->u.result.call_id = JTEXT("c2");
	chat_part_append(&p->u.result.parts, a, PART_TEXT)->u.text = JTEXT("y");
	chat_request_finish(r);
}

static void a_request_has_ollamas_shape(void **state UNUSED)
{
	struct chat_request r = { .dialect = &foreign,
				  .stream = true,
				  .max_tokens = 5,
				  .temperature = LIT("0.10"),
				  .top_p = LIT("1"),
				  .top_k = LIT("3"),
				  .seed = LIT("9"),
				  .logprobs = YES,
				  .top_logprobs = 2,
				  .thinking.effort = EFFORT_XHIGH };
	struct slice out;
	struct kit k;

	begin(&k);
	converse(&r, &k.a);
	chat_name_add(&r.stop, &k.a, JTEXT("END"));
	chat_tool_add(&r, &k.a, TOOL_FUNCTION)->name = JTEXT("f");
	r.tools->description = JTEXT("d");
	r.format.kind = FORMAT_SCHEMA;
	r.format.schema = LIT("{\"type\":\"object\"}");
	CHECK_RC(write_request(&k, &r, &out), OK);
	CHECK_SLICE(
		out,
		"{\"model\":\"llama\",\"stream\":true,\"messages\":["
		"{\"role\":\"system\",\"content\":\"Be brief.\"},"
		"{\"role\":\"user\",\"content\":\"Look \\ud83d\\ude00\\nhi\\\"!\",\"images\":["
		"\"AAAA\"]},"
		"{\"role\":\"assistant\",\"content\":\"So.\",\"thinking\":\"hm\",\"tool_"
		"calls\":["
		"{\"id\":\"c1\",\"function\":{\"name\":\"f\",\"arguments\":{\"q\": "
		"\"\\u00e9\"}}},"
		"{\"id\":\"c2\",\"function\":{\"name\":\"f\",\"arguments\":{}}},"
		"{\"id\":\"c3\",\"function\":{\"name\":\"f\",\"arguments\":{\"input\":\"{no\"}}"
		"}]},"
		"{\"role\":\"tool\",\"content\":\"{\\\"x\\\":1}\",\"tool_name\":\"f\","
		"\"tool_call_id\":\"c1\"},"
		"{\"role\":\"tool\",\"content\":\"y\",\"tool_name\":\"f\",\"tool_call_id\":"
		"\"c2\"}],"
		"\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\","
		"\"description\":"
		"\"d\",\"parameters\":{\"type\":\"object\",\"properties\":{}}}}],"
		"\"options\":{\"temperature\":0.10,\"top_p\":1,\"top_k\":3,\"seed\":9,"
		"\"num_predict\":5,\"stop\":[\"END\"]},\"think\":\"max\",\"format\":{\"type\":"
		"\"object\"},\"logprobs\":true,\"top_logprobs\":2}");
	CHECK_STR(lost(&k), "");
	done(&k);
}

/* A line is a frame: what is quoted in it has no line ends. */
static void logprobs_of_several_lines_are_one(void **state UNUSED)
{
	const struct chat_event e = { .kind = EV_LOGPROBS,
				      .raw = LITC("[{\"token\":\n\"a\"}]") };
	const struct chat_reply to = { .id = LITC("r"), .model = LITC("m") };
	struct json_out o;
	struct kit k;
	void *writer;

	begin(&k);
	writer = arena_zero(&k.a, dialect_ollama.writer_bytes);
	out_init(&o, &k.a);
	dialect_ollama.event_write(writer, &to, &k.a, &e, &o);
	CHECK_INT(slice_find_char(out_slice(&o), '\n'), o.bytes - 1);
	done(&k);
}

/* A schema may be asked for that is not there: what is written is JSON all the same. */
static void a_format_without_a_schema_is_json(void **state UNUSED)
{
	struct chat_request r = { .dialect = &foreign };
	struct slice out;
	struct kit k;

	begin(&k);
	converse(&r, &k.a);
	r.format.kind = FORMAT_SCHEMA;
	CHECK_RC(write_request(&k, &r, &out), OK);
	CHECK(slice_find(out, LIT("\"format\":\"json\"")) != SLICE_NONE);
	done(&k);
}

static void what_cannot_be_said_is_named(void **state UNUSED)
{
	struct chat_request r = { .dialect = &foreign, .n = 3, .parallel_tools = NO };
	struct chat_message *m;
	struct chat_part *p;
	struct slice out;
	struct kit k;

	begin(&k);
	m = chat_message_add(&r, &k.a, ROLE_USER);
	chat_part_add(m, &k.a, PART_AUDIO);
	p = chat_part_add(m, &k.a, PART_DOCUMENT);
	p->u.media.mime = LIT("application/pdf");
	p->u.media.data = LIT("AAAA");
	p = chat_part_add(m, &k.a, PART_OTHER);
	p->u.other.what = "search_result";
	chat_tool_add(&r, &k.a, TOOL_HOSTED)->type = JTEXT("web_search");
	r.choice.kind = CHOICE_REQUIRED;
	chat_extra_add(&r, &k.a, LIT("logit_bias"), LIT("{}"));
	CHECK_RC(write_request(&k, &r, &out), OK);
	CHECK_STR(lost(&k), "messages[0].content[0] (audio),messages[0].content[1] (document),"
			    "messages[0].content[2] (search_result),tools[0] (web_search),"
			    "tool_choice,n,parallel_tool_calls,logit_bias");
	done(&k);
}

static void an_image_by_url_must_be_fetched_first(void **state UNUSED)
{
	struct chat_request r = { .dialect = &foreign };
	struct chat_part *p;
	struct slice out;
	struct kit k;

	begin(&k);
	p = chat_part_add(chat_message_add(&r, &k.a, ROLE_USER), &k.a, PART_IMAGE);
	p->u.media.source = MEDIA_URL;
	p->u.media.url = JTEXT("https://x/y.png");
	CHECK_RC(write_request(&k, &r, &out), E_BAD);
	CHECK_STR(k.why.code, "unsupported_value");
	CHECK_INT(dialect_ollama.takes_urls, 0);
	done(&k);
}

static void efforts_are_levels_of_thinking(void **state UNUSED)
{
	static const struct {
		struct chat_thinking thinking;
		const char *says;
	} rows[] = {
		{ { .effort = EFFORT_NONE }, "\"think\":false}" },
		{ { .effort = EFFORT_MINIMAL }, "\"think\":\"low\"}" },
		{ { .effort = EFFORT_MEDIUM }, "\"think\":\"medium\"}" },
		{ { .effort = EFFORT_MAX }, "\"think\":\"max\"}" },
		{ { .budget = 10000 }, "\"think\":\"high\"}" },
		{ { .automatic = true }, "\"think\":true}" },
		{ { 0 }, "\"options\":{}}" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct chat_request r = { .dialect = &foreign, .thinking = rows[i].thinking };
		struct slice out;
		struct kit k;

		begin(&k);
		CHECK_RC(write_request(&k, &r, &out), OK);
		CHECK(slice_ends(out, slice_cstr(rows[i].says)));
		done(&k);
	}
}

static void no_choice_is_no_tools_and_a_named_one_is_that_tool(void **state UNUSED)
{
	struct chat_request r = { .dialect = &foreign };
	struct slice out;
	struct kit k;

	begin(&k);
	chat_tool_add(&r, &k.a, TOOL_FUNCTION)->name = JTEXT("one");
	chat_tool_add(&r, &k.a, TOOL_FUNCTION)->name = JTEXT("two");
	r.choice.kind = CHOICE_NONE;
	CHECK_RC(write_request(&k, &r, &out), OK);
	CHECK(slice_find(out, LIT("tools")) == SLICE_NONE);
	CHECK_INT(k.lost.n, 0);
	r.choice.kind = CHOICE_NAMED;
	chat_name_add(&r.choice.names, &k.a, JTEXT("two"));
	CHECK_RC(write_request(&k, &r, &out), OK);
	CHECK(slice_find(out, LIT("\"one\"")) == SLICE_NONE);
	CHECK(slice_find(out, LIT("\"two\"")) != SLICE_NONE);
	CHECK_STR(lost(&k), "tool_choice");
	done(&k);
}

/* ---- answers ---- */

static void answers_are_read_for_what_they_are(void **state UNUSED)
{
	static const struct {
		const char *body, *says;
	} rows[] = {
		{ "{\"model\":\"l\",\"created_at\":\"t\",\"message\":{\"role\":\"assistant\","
		  "\"content\":\"Hi "
		  "\\u00e9\",\"thinking\":\"hm\"},\"done\":true,\"done_reason\":"
		  "\"stop\",\"total_duration\":1,\"prompt_eval_count\":7,\"eval_count\":3}",
		  "start l\nreasoning hm\ntext Hi \\u00e9\nusage 7+0+0+0+0 3+0+0\nfinish "
		  "stop\nend\n" },
		{ "{\"message\":{\"content\":\"\",\"tool_calls\":[{\"id\":\"a\",\"function\":{"
		  "\"name\":\"f\",\"arguments\":{\"q\":\"x\"}}},{\"id\":\"b\",\"function\":{"
		  "\"name\":\"g\",\"arguments\":\"{}\"}},{\"id\":\"c\",\"function\":{\"name\":"
		  "\"h\"}}]},\"done\":true,\"done_reason\":\"stop\"}",
		  "start\ncall 0 a f {\\\"q\\\":\\\"x\\\"}\ncall 1 b g {}\ncall 2 c h "
		  "{}\nfinish "
		  "tools\nend\n" },
		/* a cached prompt that is not counted */
		{ "{\"message\":{},\"done\":true,\"done_reason\":\"length\",\"eval_count\":4}",
		  "start\nusage 0+0+0+0+0 4+0+0 odd\nfinish length\nend\n" },
		{ "{\"message\":{},\"done\":true,\"done_reason\":\"load\"}",
		  "start\nfinish broken\nend\n" },
		{ "{\"message\":{},\"done\":true,\"done_reason\":\"unload\"}",
		  "start\nfinish broken\nend\n" },
		{ "{\"message\":{\"content\":\"x\"},\"done\":true}",
		  "start\ntext x\nfinish stop\nend\n" },
		{ "{\"message\":{},\"logprobs\":[{\"token\":\"x\",\"logprob\":-1}],\"done\":"
		  "true}",
		  "start\nlogprobs [{\"token\":\"x\",\"logprob\":-1}]\nfinish stop\nend\n" },
		{ "{\"error\":\"model 'x' not found\"}",
		  "error model_not_found model 'x' not found\n" },
		{ "{\"error\":{\"message\":\"bang\"}}", "error server_error bang\n" },
	};
	static const char *const none[] = { "", "[]", "{}", "{\"message\":\"x\"}" };
	struct chat_events ev;
	struct kit k;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		begin(&k);
		events_init(&ev, &k.a);
		CHECK_RC(dialect_ollama.answer_read(slice_cstr(rows[i].body), &ev), OK);
		CHECK_STR(chat_says(&ev, k.text, sizeof(k.text)), rows[i].says);
		done(&k);
	}
	for (size_t i = 0; i < ARRAY_LEN(none); i++) {
		begin(&k);
		events_init(&ev, &k.a);
		CHECK_RC(dialect_ollama.answer_read(slice_cstr(none[i]), &ev), E_BAD);
		done(&k);
	}
}

/* Invented ids differ from call to call and from answer to answer. */
static void missing_ids_are_invented(void **state UNUSED)
{
#define TIMED(t)                                                                               \
	"{\"created_at\":\"" t "\",\"message\":{\"tool_calls\":[{\"function\":{\"name\":"      \
	"\"f\"}},{\"function\":{\"name\":\"f\"}}]},\"done\":true}"
	struct json_text id[4];
	struct chat_events ev;
	size_t n = 0;
	struct kit k;

	begin(&k);
	events_init(&ev, &k.a);
	CHECK_RC(dialect_ollama.answer_read(LIT(TIMED("one")), &ev), OK);
	CHECK_RC(dialect_ollama.answer_read(LIT(TIMED("two")), &ev), OK);
	for (size_t i = 0; i < ev.n; i++)
		if (ev.v[i].kind == EV_TOOL_BEGIN)
			id[n++] = ev.v[i].id;
	CHECK_INT(n, 4);
	for (size_t i = 0; i < n; i++) {
		CHECK(slice_starts(id[i].s, LIT("call_")));
		for (size_t j = 0; j < i; j++)
			CHECK(!slice_eq(id[i].s, id[j].s));
	}
	done(&k);
}

static enum rc read_lines(struct kit *k, struct chat_events *ev, struct slice text)
{
	struct ollama_reader r = { 0 };
	struct slice line;
	enum rc rc = OK;

	events_init(ev, &k->a);
	while (rc == OK && text.n > 0) {
		if (!slice_cut(text, '\n', &line, &text))
			text.n = 0;
		rc = dialect_ollama.event_read(&r, &k->a, LIT(""), line, ev);
	}
	dialect_ollama.stream_end(&r, &k->a, ev);
	return rc;
}

static void streams_are_read_line_by_line(void **state UNUSED)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ "{\"model\":\"l\",\"message\":{\"content\":\"\",\"thinking\":\"h\"},\"done\":"
		  "false}\n"
		  "{\"model\":\"l\",\"message\":{\"content\":\"\",\"thinking\":\"m\"},\"done\":"
		  "false}\n"
		  "{\"model\":\"l\",\"message\":{\"content\":\"Hi\"},\"done\":false}\n\n"
		  "{\"model\":\"l\",\"message\":{\"content\":\"\",\"tool_calls\":[{\"id\":"
		  "\"a\","
		  "\"function\":{\"name\":\"f\",\"arguments\":{}}}]},\"done\":false}\n"
		  "{\"model\":\"l\",\"message\":{\"tool_calls\":[{\"id\":\"b\",\"function\":{"
		  "\"index\":0,\"name\":\"g\",\"arguments\":{}}}]},\"done\":false}\n"
		  "{\"model\":\"l\",\"done\":true,\"done_reason\":\"stop\",\"prompt_eval_"
		  "count\":"
		  "2,\"eval_count\":1}\n"
		  "{\"model\":\"l\",\"done\":true}\n",
		  "start l\nreasoning hm\ntext Hi\ncall 0 a f {}\ncall 1 b g {}\nusage "
		  "2+0+0+0+0 1+0+0\nfinish tools\nend\n" },
		{ "{\"message\":{\"content\":\"ha\"},\"done\":false}\n", "start\ntext ha\n" },
		{ "{\"message\":{\"content\":\"ha\"},\"done\":false}\n{\"error\":\"boom\"}\n"
		  "{\"message\":{\"content\":\"lf\"},\"done\":true}\n",
		  "start\ntext ha\nerror server_error boom\n" },
	};
	struct chat_events ev;
	struct kit k;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		begin(&k);
		CHECK_RC(read_lines(&k, &ev, slice_cstr(rows[i].text)), OK);
		CHECK_STR(chat_says(&ev, k.text, sizeof(k.text)), rows[i].says);
		done(&k);
	}
	begin(&k);
	CHECK_RC(read_lines(&k, &ev, LIT("{\"mess")), E_BAD);
	done(&k);
}

/* ---- what a provider would send ---- */

static const char whole_says[] = "start m\n"
				 "reasoning hm\n"
				 "text Hi\n"
				 "call 0 a f {\\\"q\\\":[1]}\n"
				 "call 1 b sh {\\\"input\\\":\\\"x\\\\ny\\\"}\n"
				 "usage 5+0+0+0+0 3+0+0\n"
				 "finish tools\n"
				 "end\n";

static void whole(struct chat_events *ev)
{
	struct usage u = { .known = true, .input = 5, .output = 1, .reasoning = 2 };
	struct chat_event *e;

	event_add(ev, EV_START);
	event_text(ev, EV_REASONING, JTEXT("hm"));
	event_text(ev, EV_TEXT, JTEXT("Hi"));
	e = event_add(ev, EV_TOOL_BEGIN);
	e->id = JTEXT("a"), e->name = JTEXT("f");
	event_text(ev, EV_TOOL_ARGS, JTEXT("{\\\"q\\\":"));
	e = event_add(ev, EV_TOOL_BEGIN); /* while the first one is open */
	e->id = JTEXT("b"), e->name = JTEXT("sh"), e->index = 1, e->custom = true;
	event_text(ev, EV_TOOL_ARGS, JTEXT("[1]}"));
	event_add(ev, EV_TOOL_END);
	e = event_add(ev, EV_TOOL_ARGS);
	e->index = 1, e->text = JTEXT("x\\ny");
	event_add(ev, EV_TOOL_END)->index = 1;
	event_usage(ev, &u);
	event_finish(ev, 0, FINISH_TOOLS);
	event_add(ev, EV_END);
}

static void what_is_written_reads_the_same(void **state UNUSED)
{
	const struct chat_reply to = { .model = LIT("m") };
	struct ollama_writer w = { 0 };
	struct chat_events ev, again;
	struct json_out o;
	struct kit k;

	begin(&k);
	events_init(&ev, &k.a);
	whole(&ev);
	out_init(&o, &k.a);
	dialect_ollama.answer_write(&to, &ev, &o);
	events_init(&again, &k.a);
	CHECK_RC(dialect_ollama.answer_read(out_slice(&o), &again), OK);
	CHECK_STR(chat_says(&again, k.text, sizeof(k.text)), whole_says);
	out_init(&o, &k.a);
	for (size_t i = 0; i < ev.n; i++)
		dialect_ollama.event_write(&w, &to, &k.a, &ev.v[i], &o);
	CHECK_RC(read_lines(&k, &again, out_slice(&o)), OK);
	CHECK_STR(chat_says(&again, k.text, sizeof(k.text)), whole_says);
	done(&k);
}

static void every_finish_goes_there_and_back(void **state UNUSED)
{
	static const char *const says[] = {
		[FINISH_STOP] = "start m\nfinish stop\nend\n",
		[FINISH_SEQUENCE] = "start m\nfinish stop\nend\n", /* no other word */
		[FINISH_LENGTH] = "start m\nfinish length\nend\n",
		[FINISH_CONTEXT] = "start m\nfinish length\nend\n",
		[FINISH_TOOLS] = "start m\nfinish stop\nend\n", /* and there are none */
		[FINISH_FILTER] = "start m\nfinish filter\nend\n",
		[FINISH_REFUSAL] = "start m\nfinish refusal\nend\n",
		[FINISH_PAUSE] = "start m\nfinish length\nend\n",
		[FINISH_BROKEN] = "start m\nfinish broken\nend\n",
	};
	const struct chat_reply to = { .model = LIT("m") };

	for (enum finish_kind f = FINISH_STOP; f <= FINISH_BROKEN; f++) {
		struct chat_events ev, again;
		struct json_out o;
		struct kit k;

		begin(&k);
		events_init(&ev, &k.a);
		event_finish(&ev, 0, f);
		event_add(&ev, EV_END);
		out_init(&o, &k.a);
		dialect_ollama.answer_write(&to, &ev, &o);
		events_init(&again, &k.a);
		CHECK_RC(dialect_ollama.answer_read(out_slice(&o), &again), OK);
		CHECK_STR(chat_says(&again, k.text, sizeof(k.text)), says[f]);
		done(&k);
	}
}

static void errors_are_what_their_status_and_words_say(void **state UNUSED)
{
	static const struct {
		unsigned status;
		const char *body;
		enum fault_kind kind;
		const char *message;
	} rows[] = {
		{ 400, "{\"error\":\"bad\"}", FAULT_CLIENT, "bad" },
		{ 400, "{\"error\":\"input exceeds the context length\"}", FAULT_CONTEXT,
		  "input exceeds the context length" },
		{ 401, "", FAULT_AUTH, "" },
		{ 404, "{\"error\":\"model 'x' not found\"}", FAULT_MODEL,
		  "model 'x' not found" },
		{ 429, "{\"error\":{\"message\":\"slow\"}}", FAULT_RATE, "slow" },
		{ 500, "oops", FAULT_SERVER, "" },
		{ 502, "{}", FAULT_SERVER, "" },
		{ 503, "{\"error\":\"busy\"}", FAULT_OVERLOADED, "busy" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fault f;
		struct kit k;

		begin(&k);
		dialect_ollama.error_read(&f, rows[i].status, slice_cstr(rows[i].body), &k.a);
		CHECK_INT(f.kind, rows[i].kind);
		CHECK_SLICE(f.message, rows[i].message);
		done(&k);
	}
}

static void all_of_it(struct test_mem *mem)
{
	const struct chat_target t = { .model = LIT("m") };
	const struct chat_reply to = { .model = LIT("m") };
	struct ollama_writer w = { 0 };
	struct chat_request r = { .dialect = &foreign, .temperature = LIT("1") };
	struct chat_lost gone = { 0 };
	struct chat_refusal why;
	struct chat_events ev;
	struct test_mem good;
	struct arena a, b;
	struct json_out o;
	enum rc rc;

	test_mem_init(&good, 0);
	arena_init(&a, &mem->mem, 64, 1 << 20);
	arena_init(&b, &good.mem, 1024, 1 << 20);
	converse(&r, &b);
	out_init(&o, &a);
	rc = dialect_ollama.request_write(&r, &t, &o, &gone, &why);
	CHECK(rc == OK || rc == E_NOMEM);
	events_init(&ev, &b);
	whole(&ev);
	out_init(&o, &a);
	dialect_ollama.answer_write(&to, &ev, &o);
	out_init(&o, &a);
	for (size_t i = 0; i < ev.n; i++)
		dialect_ollama.event_write(&w, &to, &a, &ev.v[i], &o);
	events_init(&ev, &a);
	rc = dialect_ollama.answer_read(LIT(TIMED("one")), &ev);
	CHECK(rc == (arena_failed(&a) ? E_NOMEM : OK));
	arena_free(&a);
	arena_free(&b);
}

static void no_memory_is_reported_wherever_it_fails(void **state UNUSED)
{
	sweep(all_of_it);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_has_ollamas_shape),
		cmocka_unit_test(logprobs_of_several_lines_are_one),
		cmocka_unit_test(a_format_without_a_schema_is_json),
		cmocka_unit_test(what_cannot_be_said_is_named),
		cmocka_unit_test(an_image_by_url_must_be_fetched_first),
		cmocka_unit_test(efforts_are_levels_of_thinking),
		cmocka_unit_test(no_choice_is_no_tools_and_a_named_one_is_that_tool),
		cmocka_unit_test(answers_are_read_for_what_they_are),
		cmocka_unit_test(missing_ids_are_invented),
		cmocka_unit_test(streams_are_read_line_by_line),
		cmocka_unit_test(what_is_written_reads_the_same),
		cmocka_unit_test(every_finish_goes_there_and_back),
		cmocka_unit_test(errors_are_what_their_status_and_words_say),
		cmocka_unit_test(no_memory_is_reported_wherever_it_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
