#include "check.h"

#include "chat/cohere/cohere.h"
#include "chat_says.h"

/* Everything a test needs; what it made is freed by done(). */
struct kit {
	struct test_mem mem;
	struct arena a, keep;
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
	struct cohere_writer w = { 0 };
	struct chat_events ev;
	struct json_out o;
	struct arena a;
	enum rc rc;

	arena_init(&a, &mem->mem, 64, 1 << 20);
	events_init(&ev, &a);
	rc = dialect_cohere.answer_read(slice_cstr(whole_answer), &ev);
	CHECK(rc == (arena_failed(&a) ? E_NOMEM : OK));
	out_init(&o, &a);
	dialect_cohere.answer_write(&to, &ev, &o);
	CHECK(out_ok(&o) || arena_failed(&a));
	out_init(&o, &a);
	for (size_t i = 0; i < ev.n; i++)
		dialect_cohere.event_write(&w, &to, &a, &ev.v[i], &o);
	CHECK(out_ok(&o) || arena_failed(&a));
	arena_free(&a);
}

static void no_memory_is_reported_wherever_it_fails(void **state UNUSED)
{
	sweep(all_of_it);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
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
