#include "chat_page.h"

/* ---- answers ---------------------------------------------------------------- */

static void answer_reads(const char *body, const char *want)
{
	struct page p;

	page_open(&p);
	CHECK_RC(dialect_openai.answer_read(slice_cstr(body), &p.ev), OK);
	dump_events(&p.b, &p.ev);
	CHECK_STR(sb_cstr(&p.b), want);
	page_close(&p);
}

/* Frames end with a NULL. */
static void stream_reads(const char *const *frames, const char *want)
{
	uint64_t room[64] = { 0 };
	struct page p;

	CHECK(dialect_openai.reader_bytes <= sizeof(room));
	page_open(&p);
	for (; *frames != NULL; frames++)
		CHECK_RC(dialect_openai.event_read(room, &p.keep, LIT(""), slice_cstr(*frames),
						   &p.ev),
			 OK);
	dialect_openai.stream_end(room, &p.keep, &p.ev);
	dump_events(&p.b, &p.ev);
	CHECK_STR(sb_cstr(&p.b), want);
	page_close(&p);
}

#define WHOLE(message, rest)                                                                   \
	"{\"id\":\"i\",\"model\":\"m\",\"created\":1.5,\"choices\":[{\"message\":" message "," \
	"\"finish_reason\":" rest
#define DELTA(delta)                                                                           \
	"{\"id\":\"i\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":" delta "}]}"
#define FINISH(word) "{\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"" word "\"}]}"

static void a_whole_answer_is_read(void **state UNUSED)
{
	answer_reads(
		"\n\n" WHOLE(
			"{\"role\":\"assistant\",\"content\":\"a\\u00e9\",\"refusal\":null,"
			"\"reasoning_content\":\"t\",\"annotations\":[{\"type\":\"url_"
			"citation\","
			"\"url_citation\":{\"url\":\"u\",\"title\":\"w\",\"start_index\":1,"
			"\"end_index\":2}}],\"images\":[{\"type\":\"image_url\",\"image_url\":{"
			"\"url\":\"data:image/png;base64,iVBO\"}}],\"audio\":{\"id\":\"au\","
			"\"data\":\"AAAA\",\"transcript\":\"s\"},\"tool_calls\":[{\"id\":\"c\","
			"\"type\":\"function\",\"function\":{\"name\":\"f\",\"arguments\":"
			"\"{\\\"x\\\":1}\"}},{\"id\":\"d\",\"type\":\"custom\",\"custom\":{"
			"\"name\":\"g\",\"input\":\"y\"}}]},\"logprobs\":{\"content\":[{"
			"\"token\":"
			"\"a\"}],\"refusal\":null}",
			"\"tool_calls\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":"
			"2}}"),
		"start id=i name=m\nreasoning \"t\"\ntext \"a\\u00e9\"\n"
		"image name=image/png \"iVBO\"\naudio id=au name=s \"AAAA\"\n"
		"annotation url=u title=w 1-2\n"
		"begin 0 id=c name=f\nargs 0 \"{\\\"x\\\":1}\"\n"
		"begin 1 id=d name=g custom\nargs 1 \"y\"\n"
		"logprobs raw=[{\"token\":\"a\"}]\nend 0\nend 1\n"
		"finish tools\nusage input=3 output=2\nEND\n");
}

static void several_choices_are_told_apart(void **state UNUSED)
{
	answer_reads("{\"id\":\"i\",\"choices\":[{\"index\":0,\"message\":{\"content\":\"a\"},"
		     "\"finish_reason\":\"stop\"},{\"index\":1,\"message\":{\"content\":\"b\"},"
		     "\"finish_reason\":\"length\"}]}",
		     "start id=i\ntext \"a\"\nfinish stop\ntext choice=1 \"b\"\n"
		     "finish choice=1 length\nEND\n");
}

static void every_finish_reason_is_understood(void **state UNUSED)
{
	static const struct {
		const char *body, *want;
	} rows[] = {
		{ "\"stop\"", "finish stop" },
		{ "\"eos\"", "finish stop" },
		{ "null", "finish stop" }, /* there is an answer, and it is whole */
		{ "\"\"", "finish stop" },
		{ "\"length\"", "finish length" },
		{ "\"model_length\"", "finish context" },
		{ "\"tool_use\"", "finish tools" },
		{ "\"function_call\"", "finish tools" },
		{ "\"content_filter\"", "finish filter" },
		{ "\"error\"", "finish broken" },
		{ "\"no_such\"", "finish broken" },
		{ "\"stop\",\"stop_reason\":\"X\"", "finish sequence \"X\"" },
		{ "\"stop\",\"stop_reason\":7", "finish stop" },
	};
	char body[256], want[128];
	struct sb b;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		sb_init(&b, body, sizeof(body));
		sb_fmt(&b,
		       "{\"choices\":[{\"message\":{\"content\":\"a\"},\"finish_reason\":%s}]}",
		       rows[i].body);
		sb_cstr(&b);
		sb_init(&b, want, sizeof(want));
		sb_fmt(&b, "start\ntext \"a\"\n%s\nEND\n", rows[i].want);
		answer_reads(body, sb_cstr(&b));
	}
	answer_reads("{\"choices\":[{\"message\":{\"refusal\":\"no\"},\"finish_reason\":"
		     "\"stop\"}]}",
		     "start\nrefusal \"no\"\nfinish refusal\nEND\n");
	answer_reads("{\"choices\":[{\"message\":{\"content\":\"a\"},\"finish_reason\":"
		     "\"insufficient_system_resource\"}]}",
		     "start\ntext \"a\"\nerror overloaded 200 insufficient_system_resource\n");
}

static void reasoning_is_found_under_its_names(void **state UNUSED)
{
#define GIVES(message, events)                                                                 \
	answer_reads("{\"choices\":[{\"message\":{" message "},\"finish_reason\":\"stop\"}]}", \
		     "start\n" events "finish stop\nEND\n")
	GIVES("\"reasoning\":\"t\",\"content\":\"a\"", "reasoning \"t\"\ntext \"a\"\n");
	GIVES("\"reasoning\":\"t\",\"reasoning_content\":\"t\"", "reasoning \"t\"\n");
	GIVES("\"reasoning_content\":[{\"type\":\"text\",\"text\":\"t\"}]",
	      "reasoning \"t\"\n");
	GIVES("\"reasoning\":\"tu\",\"reasoning_details\":[{\"type\":\"reasoning.text\","
	      "\"text\":\"t\",\"signature\":\"S\"},{\"type\":\"reasoning.summary\",\"summary\":"
	      "\"u\",\"id\":\"r\"},{\"type\":\"reasoning.encrypted\",\"data\":\"E\"}]",
	      "reasoning \"t\"\nsignature signature=S\nreasoning id=r \"u\" summary\n"
	      "signature \"E\" encrypted\n");
	GIVES("\"content\":[{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":"
	      "\"t\"}]},{\"type\":\"text\",\"text\":\"a\"}]",
	      "reasoning \"t\"\ntext \"a\"\n");
	GIVES("\"content\":[{\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\","
	      "\"text\":\"t\"}]},{\"type\":\"text\",\"text\":\"a\"}]",
	      "reasoning \"t\"\ntext \"a\"\n");
	GIVES("\"content\":\"a\",\"extra_content\":{\"google\":{\"thought_signature\":\"S\"}}",
	      "text \"a\" signature=S\n");
}

static void errors_in_a_good_status_are_errors(void **state UNUSED)
{
	static const struct {
		const char *body, *want;
	} rows[] = {
		{ "{\"error\":{\"message\":\"m\",\"code\":429}}", "rate_limit 200 m" },
		{ "{\"error\":\"m\"}", "server_error 200 m" },
		{ "[{\"error\":{\"message\":\"m\",\"type\":\"overloaded_error\"}}]",
		  "overloaded 200 m" },
		{ "{\"detail\":\"m\"}", "server_error 200 m" },
		{ "{\"object\":\"error\",\"message\":\"m\",\"choices\":[]}",
		  "server_error 200 m" },
		{ "{\"choices\":null,\"base_resp\":{\"status_code\":1002,\"status_msg\":\"m\"}"
		  "}",
		  "server_error 200 m" },
		{ "{\"choices\":[],\"error\":{\"message\":\"m\",\"code\":502}}",
		  "server_error 200 m" },
		{ "{\"message\":\"m\",\"type\":\"invalid_request_error\"}", "client 200 m" },
	};
	char want[128];
	struct sb b;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const char *const frames[] = { rows[i].body, "[DONE]", NULL };

		sb_init(&b, want, sizeof(want));
		sb_fmt(&b, "error %s\n", rows[i].want);
		answer_reads(rows[i].body, sb_cstr(&b));
		stream_reads(frames, want);
	}
	answer_reads("{\"choices\":[{\"message\":{\"content\":\"a\"}}],\"error\":null,"
		     "\"base_resp\":{\"status_code\":0}}",
		     "start\ntext \"a\"\nfinish stop\nEND\n");
}

static void what_is_no_answer_is_refused(void **state UNUSED)
{
	static const char *const bodies[] = { "",  "<html>",           "{}",
					      "1", "{\"choices\":{}}", "{\"choices\":[" };

	for (size_t i = 0; i < ARRAY_LEN(bodies); i++) {
		struct page p;

		page_open(&p);
		CHECK_RC(dialect_openai.answer_read(slice_cstr(bodies[i]), &p.ev), E_BAD);
		page_close(&p);
	}
}

/* ---- streams ---------------------------------------------------------------- */

static void a_stream_is_read(void **state UNUSED)
{
	static const char *const frames[] = {
		"{\"choices\":[],\"prompt_filter_results\":[]}", /* Azure */
		DELTA("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}"),
		DELTA("{\"reasoning_content\":\"t\"}"),
		DELTA("{\"content\":\"\\ud83d\"}"),
		DELTA("{\"content\":\"\\ude00\"}"),
		FINISH("stop"),
		"{\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}",
		" [DONE]",
		DELTA("{\"content\":\"late\"}"),
		NULL,
	};

	stream_reads(frames, "start id=i name=m\nreasoning \"t\"\ntext \"\\ud83d\"\n"
			     "text \"\\ude00\"\nfinish stop\nusage input=3 output=2\nEND\n");
}

static void interleaved_calls_are_told_apart(void **state UNUSED)
{
	static const char *const frames[] = {
		DELTA("{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"type\":\"function\","
		      "\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]}"),
		DELTA("{\"tool_calls\":[{\"index\":1,\"id\":\"b\",\"type\":\"function\","
		      "\"function\":{\"name\":\"g\",\"arguments\":\"\"}}]}"),
		DELTA("{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\\\"\"}}]"
		      "}"),
		DELTA("{\"tool_calls\":[{\"index\":1,\"id\":\"\",\"function\":{\"name\":null,"
		      "\"arguments\":\"{}\"}}]}"),
		DELTA("{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\","
		      "\"arguments\":\"x\\\":1}\"}}]}"),
		FINISH("stop"),
		"[DONE]",
		NULL,
	};

	stream_reads(frames, "start id=i name=m\nbegin 0 id=a name=f\nbegin 1 id=b name=g\n"
			     "args 0 \"{\\\"\"\nargs 1 \"{}\"\nargs 0 \"x\\\":1}\"\n"
			     "end 0\nend 1\nfinish tools\nEND\n");
}

static void calls_without_numbers_are_told_apart(void **state UNUSED)
{
	/* Mistral: whole calls, no index */
	static const char *const mistral[] = {
		DELTA("{\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\","
		      "\"arguments\":\"{}\"}},{\"id\":\"b\",\"function\":{\"name\":\"f\","
		      "\"arguments\":{\"x\":1}}}]}"),
		"{\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\"}]}", NULL
	};
	/* pieces without an index go on with the last */
	static const char *const pieces[] = {
		DELTA("{\"tool_calls\":[{\"id\":\"a\",\"function\":{\"name\":\"f\","
		      "\"arguments\":null}}]}"),
		DELTA("{\"tool_calls\":[{\"function\":{\"arguments\":\"{\"}}]}"),
		DELTA("{\"tool_calls\":[{\"id\":\"a\",\"function\":{\"arguments\":\"}\"}}]}"),
		DELTA("{\"tool_calls\":[{\"id\":\"b\",\"function\":{\"name\":\"g\"}}]}"),
		"[DONE]",
		NULL
	};
	/* all numbered 0 */
	static const char *const zeros[] = {
		DELTA("{\"tool_calls\":[{\"index\":0,\"id\":\"a\",\"function\":{\"name\":\"f\","
		      "\"arguments\":\"{}\"}}]}"),
		DELTA("{\"tool_calls\":[{\"index\":0,\"id\":\"b\",\"function\":{\"name\":\"g\","
		      "\"arguments\":\"{}\"}}]}"),
		"[DONE]", NULL
	};

	stream_reads(mistral, "start id=i name=m\nbegin 0 id=a name=f\nargs 0 \"{}\"\n"
			      "begin 1 id=b name=f\nargs 1 \"{\\\"x\\\":1}\"\n"
			      "end 0\nend 1\nfinish tools\nEND\n");
	stream_reads(pieces, "start id=i name=m\nbegin 0 id=a name=f\nargs 0 \"{\"\n"
			     "args 0 \"}\"\nbegin 1 id=b name=g\nend 0\nend 1\n"
			     "finish tools\nEND\n");
	stream_reads(zeros, "start id=i name=m\nbegin 0 id=a name=f\nargs 0 \"{}\"\n"
			    "begin 1 id=b name=g\nargs 1 \"{}\"\nend 0\nend 1\n"
			    "finish tools\nEND\n");
}

/* Some servers give all calls of an answer one id. */
static void calls_of_a_whole_answer_are_as_many_as_there_are(void **state UNUSED)
{
	answer_reads("{\"choices\":[{\"message\":{\"tool_calls\":[{\"id\":\"a\",\"function\":{"
		     "\"name\":\"f\",\"arguments\":\"{}\"}},{\"id\":\"a\",\"index\":0,"
		     "\"function\":{\"name\":\"g\",\"arguments\":\"{}\"}}]}}]}",
		     "start\nbegin 0 id=a name=f\nargs 0 \"{}\"\nbegin 1 id=a name=g\n"
		     "args 1 \"{}\"\nend 0\nend 1\nfinish tools\nEND\n");
}

static void a_call_without_an_id_is_given_one(void **state UNUSED)
{
	struct page p;

	page_open(&p);
	CHECK_RC(dialect_openai.answer_read(
			 LIT("{\"id\":\"i\",\"choices\":[{\"message\":{\"function_call\":{"
			     "\"name\":\"f\",\"arguments\":\"{}\"},\"tool_calls\":[{"
			     "\"function\":"
			     "{\"name\":\"g\"}}]}}]}"),
			 &p.ev),
		 OK);
	CHECK_INT(p.ev.v[1].kind, EV_TOOL_BEGIN);
	CHECK(slice_starts(p.ev.v[1].id.s, LIT("call_")));
	CHECK_INT(p.ev.v[1].id.s.n, 21);
	page_close(&p);
}

static void the_end_of_a_stream_is_judged(void **state UNUSED)
{
	/* no [DONE], but every choice has ended */
	static const char *const whole[] = { DELTA("{\"content\":\"a\"}"), FINISH("stop"),
					     NULL };
	/* broken off */
	static const char *const half[] = { DELTA("{\"content\":\"a\"}"), NULL };
	static const char *const none[] = { NULL };
	/* [DONE] without a finish_reason, a second one, and one more after it */
	static const char *const done[] = { DELTA("{\"content\":\"a\"}"), "[DONE]", "[DONE]",
					    NULL };
	static const char *const twice[] = { DELTA("{\"content\":\"a\"}"), FINISH("length"),
					     FINISH("stop"), "[DONE]", NULL };
	/* Groq's usage; Perplexity's on every chunk, its sources, and its last object */
	static const char *const groq[] = { DELTA("{\"content\":\"a\"}"),
					    "{\"choices\":[{\"delta\":{},\"finish_reason\":"
					    "\"stop\"}],\"x_groq\":{\"usage\":"
					    "{\"prompt_tokens\":1,\"completion_tokens\":1}}}",
					    "[DONE]", NULL };
	static const char *const perplexity[] = {
		"{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"},\"message\":{"
		"\"content\":\"a\"}}],\"citations\":[\"u\"],\"usage\":{\"prompt_tokens\":1,"
		"\"completion_tokens\":1}}",
		"{\"choices\":[{\"index\":0,\"delta\":{\"content\":\"b\"},\"message\":{"
		"\"content\":\"ab\"},\"finish_reason\":\"stop\"}],\"citations\":[\"u\"],"
		"\"usage\":{\"prompt_tokens\":1,\"completion_tokens\":2},\"object\":"
		"\"chat.completion.done\"}",
		NULL
	};

	stream_reads(whole, "start id=i name=m\ntext \"a\"\nfinish stop\nEND\n");
	stream_reads(half, "start id=i name=m\ntext \"a\"\n");
	stream_reads(none, "");
	stream_reads(done, "start id=i name=m\ntext \"a\"\nfinish stop\nEND\n");
	stream_reads(twice, "start id=i name=m\ntext \"a\"\nfinish length\nEND\n");
	stream_reads(groq, "start id=i name=m\ntext \"a\"\nfinish stop\nusage input=1 "
			   "output=1\nEND\n");
	stream_reads(perplexity, "start\ntext \"a\"\nannotation url=u 0-0\nusage input=1 "
				 "output=1\ntext \"b\"\nfinish stop\nusage input=1 output=2\n"
				 "END\n");
}

/* ---- answers to clients ----------------------------------------------------- */

static void all_kinds(struct page *p)
{
	struct chat_event *e = event_add(&p->ev, EV_START);

	e->id = JTEXT("up-1");
	event_text(&p->ev, EV_REASONING, JTEXT("t"));
	event_text(&p->ev, EV_REASONING, JTEXT("u"));
	event_add(&p->ev, EV_SIGNATURE)->signature = JTEXT("S");
	e = event_add(&p->ev, EV_SIGNATURE);
	e->encrypted = true;
	e->text = JTEXT("E");
	event_add(&p->ev, EV_PING);
	event_text(&p->ev, EV_TEXT, JTEXT("a\\n"));
	event_text(&p->ev, EV_TEXT, JTEXT("b"));
	e = event_add(&p->ev, EV_ANNOTATION);
	e->u.annotation.url = JTEXT("http://x");
	e->u.annotation.title = JTEXT("X");
	e->u.annotation.end = 2;
	e = event_add(&p->ev, EV_IMAGE);
	e->text = JTEXT("iVBO");
	e->name = JTEXT("image/png");
	event_add(&p->ev, EV_LOGPROBS)->raw = LIT("[{\"token\":\"a\"}]");
	event_call(&p->ev, 0, JTEXT("c0"), JTEXT("f"), LIT("{\"k\":\"v\"}"));
	event_call(&p->ev, 1, JTEXT("c1"), JTEXT("g"), LIT(""));
	p->ev.v[p->ev.n - 2].signature = JTEXT("G");
	event_finish(&p->ev, 0, FINISH_TOOLS);
	event_usage(&p->ev, &(struct usage){ .known = true,
					     .input = 5,
					     .cache_read = 3,
					     .cache_write = 2,
					     .output = 7,
					     .reasoning = 1 });
	event_add(&p->ev, EV_END);
}

static const struct chat_request asked = { .wants_usage = true };
static const struct chat_reply reply = { .req = &asked,
					 .id = LITC("r1"),
					 .model = LITC("m"),
					 .issuer = LITC("gem"),
					 .created_s = 9 };

#define USAGE                                                                                  \
	"{\"prompt_tokens\":10,\"completion_tokens\":8,\"total_tokens\":18,"                   \
	"\"prompt_tokens_details\":{\"cached_tokens\":3,\"cache_write_tokens\":2,"             \
	"\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":1,"           \
	"\"audio_tokens\":0,\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":"  \
	"0}}"

static void a_whole_answer_is_written(void **state UNUSED)
{
	struct json_out o;
	struct page p;

	page_open(&p);
	all_kinds(&p);
	out_init(&o, &p.a);
	dialect_openai.answer_write(&reply, &p.ev, &o);
	CHECK(out_ok(&o));
	CHECK_SLICE(
		out_slice(&o),
		"{\"id\":\"chatcmpl-r1\",\"object\":\"chat.completion\",\"created\":9,"
		"\"model\":"
		"\"m\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
		"\"content\":\"a\\nb\",\"refusal\":null,\"reasoning_content\":\"tu\","
		"\"reasoning_details\":[{\"type\":\"reasoning.text\",\"index\":0,\"signature\":"
		"\"weir~gem~S\",\"text\":\"tu\"},{\"type\":\"reasoning.encrypted\",\"index\":1,"
		"\"data\":\"weir~gem~E\"}],\"tool_calls\":[{\"id\":\"c0\",\"type\":"
		"\"function\","
		"\"function\":{\"name\":\"f\",\"arguments\":\"{\\\"k\\\":\\\"v\\\"}\"}},{"
		"\"id\":"
		"\"c1\",\"type\":\"function\",\"function\":{\"name\":\"g\",\"arguments\":\"{}"
		"\"},"
		"\"extra_content\":{\"google\":{\"thought_signature\":\"weir~gem~G\"}}}],"
		"\"images\":[{\"type\":\"image_url\",\"image_url\":{\"url\":\"data:image/png;"
		"base64,iVBO\"}}],\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":"
		"{"
		"\"start_index\":0,\"end_index\":2,\"url\":\"http://x\",\"title\":\"X\"}}]},"
		"\"logprobs\":{\"content\":[{\"token\":\"a\"}],\"refusal\":null},"
		"\"finish_reason\":\"tool_calls\"}],\"usage\":" USAGE "}");
	page_close(&p);
}

#define CHUNK(delta)                                                                           \
	"data: {\"id\":\"chatcmpl-r1\",\"object\":\"chat.completion.chunk\",\"created\":9,"    \
	"\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{" delta "},\"logprobs\":null,"   \
	"\"finish_reason\":null}],\"usage\":null}\n\n"

/* Writes all events of the page as a stream. */
static void stream_write(struct page *p, const struct chat_reply *to)
{
	uint64_t room[64] = { 0 };

	CHECK(dialect_openai.writer_bytes <= sizeof(room));
	for (size_t i = 0; i < p->ev.n; i++) {
		struct json_out o;

		out_init(&o, &p->a);
		dialect_openai.event_write(room, to, &p->keep, &p->ev.v[i], &o);
		CHECK(out_ok(&o));
		sb_str(&p->b, out_slice(&o));
	}
	sb_cstr(&p->b);
}

#define HEAD                                                                                   \
	"data: {\"id\":\"chatcmpl-r1\",\"object\":\"chat.completion.chunk\",\"created\":9,"    \
	"\"model\":\"m\",\"choices\":["

static void a_stream_is_written(void **state UNUSED)
{
	static const char *const frames[] = {
		CHUNK("\"role\":\"assistant\",\"content\":\"\",\"refusal\":null"),
		CHUNK("\"reasoning_content\":\"t\""),
		CHUNK("\"reasoning_content\":\"u\""),
		CHUNK("\"reasoning_details\":[{\"type\":\"reasoning.text\",\"index\":0,"
		      "\"signature\":\"weir~gem~S\",\"text\":\"tu\"}]"),
		CHUNK("\"reasoning_details\":[{\"type\":\"reasoning.encrypted\",\"index\":1,"
		      "\"data\":\"weir~gem~E\"}]"),
		": keep-alive\n\n",
		CHUNK("\"content\":\"a\\n\""),
		CHUNK("\"content\":\"b\""),
		CHUNK("\"annotations\":[{\"type\":\"url_citation\",\"url_citation\":{"
		      "\"start_index\":0,\"end_index\":2,\"url\":\"http://x\",\"title\":"
		      "\"X\"}}]"),
		CHUNK("\"images\":[{\"type\":\"image_url\",\"image_url\":{\"url\":"
		      "\"data:image/png;base64,iVBO\"}}]"),
		HEAD "{\"index\":0,\"delta\":{},\"logprobs\":{\"content\":[{\"token\":\"a\"}],"
		     "\"refusal\":null},\"finish_reason\":null}],\"usage\":null}\n\n",
		CHUNK("\"tool_calls\":[{\"index\":0,\"id\":\"c0\",\"type\":\"function\","
		      "\"function\":{\"name\":\"f\",\"arguments\":\"\"}}]"),
		CHUNK("\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":"
		      "\"{\\\"k\\\":\\\"v\\\"}\"}}]"),
		CHUNK("\"tool_calls\":[{\"index\":1,\"id\":\"c1\",\"type\":\"function\","
		      "\"function\":{\"name\":\"g\",\"arguments\":\"\"},\"extra_content\":{"
		      "\"google\":{\"thought_signature\":\"weir~gem~G\"}}}]"),
		CHUNK("\"tool_calls\":[{\"index\":1,\"function\":{\"arguments\":\"{}\"}}]"),
		HEAD "{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":"
		     "\"tool_calls\"}],\"usage\":null}\n\n",
		HEAD "],\"usage\":" USAGE "}\n\n",
		"data: [DONE]\n\n",
	};
	struct page p;
	size_t at = 0;

	page_open(&p);
	all_kinds(&p);
	stream_write(&p, &reply);
	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		struct slice want = slice_cstr(frames[i]);

		CHECK_SLICE(slice_head(slice_skip(sb_slice(&p.b), at), want.n), frames[i]);
		at += want.n;
	}
	CHECK_INT(at, p.b.n);
	page_close(&p);
}

static void a_frame_is_one_line_whatever_it_quotes(void **state UNUSED)
{
	struct page p;

	page_open(&p);
	event_add(&p.ev, EV_LOGPROBS)->raw = LIT("[{\"token\":\r\n\"a\\n\"}\n]");
	stream_write(&p, &reply);
	CHECK(slice_find(sb_slice(&p.b), LIT("{\"content\":[{\"token\":  \"a\\n\"} ],")) !=
	      SLICE_NONE);
	page_close(&p);
}

static void usage_is_shown_to_those_who_asked_for_it(void **state UNUSED)
{
	static const struct chat_request quiet = { 0 };
	const struct chat_reply to = { .req = &quiet, .id = LITC("r"), .model = LITC("m") };
	struct page p;

	page_open(&p);
	event_text(&p.ev, EV_TEXT, JTEXT("a"));
	event_usage(&p.ev, &(struct usage){ .known = true, .input = 1 });
	event_add(&p.ev, EV_END);
	stream_write(&p, &to);
	CHECK(slice_find(sb_slice(&p.b), LIT("usage")) == SLICE_NONE);
	CHECK(slice_ends(sb_slice(&p.b), LIT("data: [DONE]\n\n")));
	page_close(&p);
}

/* What was written is read as the same answer, whole and streamed. */
static void answers_survive_a_round_trip(void **state UNUSED)
{
	static const enum finish_kind kinds[] = {
		FINISH_STOP,   FINISH_SEQUENCE, FINISH_LENGTH,
		FINISH_FILTER, FINISH_REFUSAL,  FINISH_BROKEN
	};

	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		uint64_t room[64] = { 0 };
		struct chat_events back;
		struct slice rest;
		struct json_out o;
		struct page p;

		page_open(&p);
		event_text(&p.ev, EV_TEXT, JTEXT("a"));
		event_finish(&p.ev, 0, kinds[i]);
		if (kinds[i] == FINISH_SEQUENCE)
			p.ev.v[1].text = JTEXT("END");
		if (kinds[i] == FINISH_REFUSAL)
			p.ev.v[1].name = JTEXT("no");
		event_add(&p.ev, EV_END);
		out_init(&o, &p.a);
		dialect_openai.answer_write(&reply, &p.ev, &o);
		events_init(&back, &p.a);
		CHECK_RC(dialect_openai.answer_read(out_slice(&o), &back), OK);
		CHECK_INT(back.v[back.n - 2].finish, kinds[i]);
		CHECK(slice_eq(back.v[back.n - 2].text.s, p.ev.v[1].text.s));
		stream_write(&p, &reply);
		events_init(&back, &p.a);
		rest = sb_slice(&p.b);
		while (rest.n > 0) {
			size_t at = slice_find(rest, LIT("\n\n"));

			CHECK_RC(dialect_openai.event_read(room, &p.keep, LIT(""),
							   slice_skip(slice_head(rest, at), 6),
							   &back),
				 OK);
			rest = slice_skip(rest, at + 2);
		}
		CHECK_INT(back.v[back.n - 1].kind, EV_END);
		CHECK_INT(back.v[back.n - 2].finish, kinds[i]);
		page_close(&p);
	}
}

/* Only the words on a refusal are one: others are of the gateway, or of the provider. */
static void words_on_an_end_are_no_refusal(void **state UNUSED)
{
	struct chat_event *e;
	struct json_out o;
	struct page p;

	page_open(&p);
	event_text(&p.ev, EV_TEXT, JTEXT("a"));
	e = event_add(&p.ev, EV_FINISH);
	e->finish = FINISH_PAUSE;
	e->name = JTEXT("to be continued");
	event_add(&p.ev, EV_END);
	out_init(&o, &p.a);
	dialect_openai.answer_write(&reply, &p.ev, &o);
	CHECK(slice_find(out_slice(&o), LIT("\"refusal\":null")) != SLICE_NONE);
	stream_write(&p, &reply);
	CHECK(slice_find(sb_slice(&p.b), LIT("continued")) == SLICE_NONE);
	page_close(&p);
}

static void errors_have_openais_shape(void **state UNUSED)
{
	const struct chat_error e = { .status = 400,
				      .message = LITC("a \"b\""),
				      .type = "invalid_request_error",
				      .code = "c",
				      .param = "messages[0]" };
	struct json_out o;
	struct page p;

	page_open(&p);
	out_init(&o, &p.a);
	dialect_openai.error_write(&e, &o);
#define ERROR                                                                                  \
	"{\"error\":{\"message\":\"a "                                                         \
	"\\\"b\\\"\",\"type\":\"invalid_request_error\",\"param\":"                            \
	"\"messages[0]\",\"code\":\"c\"}}"
	CHECK_SLICE(out_slice(&o), ERROR);
	out_init(&o, &p.a);
	dialect_openai.error_event_write(NULL, &reply, &e, &o);
	CHECK_SLICE(out_slice(&o), "data: " ERROR "\n\n");
	event_add(&p.ev, EV_ERROR)->u.fault =
		(struct fault){ .kind = FAULT_OVERLOADED, .message = LITC("busy") };
	stream_write(&p, &reply);
	CHECK_STR(p.text, "data: {\"error\":{\"message\":\"busy\",\"type\":\"server_error\","
			  "\"param\":null,\"code\":\"overloaded\"}}\n\n");
	page_close(&p);
}

static void models_and_paths_are_openais(void **state UNUSED)
{
	const struct model_row m = { .name = LITC("gpt"), .owner = LITC("o"), .created_s = 3 };
	struct json_out o;
	struct page p;

	page_open(&p);
	out_init(&o, &p.a);
	dialect_openai.models_write(&m, 1, &o);
	CHECK_SLICE(out_slice(&o), "{\"object\":\"list\",\"data\":[{\"id\":\"gpt\",\"object\":"
				   "\"model\",\"created\":3,\"owned_by\":\"o\"}]}");
	CHECK_SLICE(dialect_openai.path(OP_CHAT, true, LIT("m"), &p.a), "/chat/completions");
	CHECK_SLICE(dialect_openai.path(OP_COUNT_TOKENS, true, LIT("m"), &p.a), "");
	page_close(&p);
}

/* ---- memory ----------------------------------------------------------------- */

#define ASKS(messages, rest) "{\"model\":\"m\",\"messages\":[" messages "]" rest "}"
#define HELLO                "{\"role\":\"user\",\"content\":\"hi\"}"

static const struct chat_target plain = { .model = LITC("up"), .provider = LITC("p") };

static const char everything[] = ASKS(
	HELLO ",{\"role\":\"assistant\",\"reasoning_content\":\"t\",\"content\":[{\"type\":"
	      "\"text\",\"text\":\"x\"}],\"tool_calls\":[{\"id\":\"c\",\"function\":{"
	      "\"name\":\"f\",\"arguments\":\"{\\\"a\\\":1}\"}}]},{\"role\":\"tool\","
	      "\"tool_call_id\":\"c\",\"content\":\"r\"}",
	",\"tools\":[{\"type\":\"function\",\"function\":{\"name\":\"f\",\"parameters\":{}}}"
	"],\"stop\":[\"a\",\"b\"],\"x\":1,\"tool_choice\":{\"type\":\"function\","
	"\"function\":{\"name\":\"f\"}}");

static void all_of_it(struct test_mem *mem)
{
	const struct request_in in = { .body = slice_of(everything, sizeof(everything) - 1) };
	static const struct slice frames[] = {
		LITC(DELTA(
			"{\"reasoning\":\"t\",\"content\":\"a\",\"tool_calls\":[{\"index\":0,"
			"\"id\":\"a\",\"function\":{\"name\":\"f\",\"arguments\":{\"b\":1}}}]"
			"}")),
		LITC(FINISH("stop")),
		LITC("[DONE]"),
	};
	uint64_t reader[64] = { 0 }, writer[64] = { 0 };
	struct chat_lost lost = { 0 };
	struct chat_refusal why;
	struct arena a, keep;
	struct chat_request r;
	struct chat_events ev;
	struct json_out o;
	enum rc rc;

	arena_init(&a, &mem->mem, 64, 1 << 20);
	arena_init(&keep, &mem->mem, 64, 1 << 20);
	rc = dialect_openai.request_read(&r, &in, &a, &why);
	CHECK(rc == OK || rc == E_NOMEM);
	CHECK(rc == OK || mem->failed);
	out_init(&o, &a);
	if (rc == OK) {
		rc = dialect_openai.request_write(&r, &plain, &o, &lost, &why);
		CHECK(rc == OK || (rc == E_NOMEM && mem->failed));
	}
	events_init(&ev, &a);
	for (size_t i = 0; rc == OK && i < ARRAY_LEN(frames); i++)
		rc = dialect_openai.event_read(reader, &keep, LIT(""), frames[i], &ev);
	CHECK(rc == OK || (rc == E_NOMEM && mem->failed));
	out_init(&o, &a);
	for (size_t i = 0; rc == OK && i < ev.n; i++)
		dialect_openai.event_write(writer, &reply, &keep, &ev.v[i], &o);
	if (rc == OK)
		dialect_openai.answer_write(&reply, &ev, &o);
	CHECK(out_ok(&o) || mem->failed);
	arena_free(&a);
	arena_free(&keep);
}

static void without_memory_it_says_so(void **state UNUSED)
{
	sweep(all_of_it);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_answer_is_read),
		cmocka_unit_test(several_choices_are_told_apart),
		cmocka_unit_test(every_finish_reason_is_understood),
		cmocka_unit_test(reasoning_is_found_under_its_names),
		cmocka_unit_test(errors_in_a_good_status_are_errors),
		cmocka_unit_test(what_is_no_answer_is_refused),
		cmocka_unit_test(a_stream_is_read),
		cmocka_unit_test(interleaved_calls_are_told_apart),
		cmocka_unit_test(calls_without_numbers_are_told_apart),
		cmocka_unit_test(calls_of_a_whole_answer_are_as_many_as_there_are),
		cmocka_unit_test(a_call_without_an_id_is_given_one),
		cmocka_unit_test(the_end_of_a_stream_is_judged),
		cmocka_unit_test(a_whole_answer_is_written),
		cmocka_unit_test(a_stream_is_written),
		cmocka_unit_test(a_frame_is_one_line_whatever_it_quotes),
		cmocka_unit_test(usage_is_shown_to_those_who_asked_for_it),
		cmocka_unit_test(answers_survive_a_round_trip),
		cmocka_unit_test(words_on_an_end_are_no_refusal),
		cmocka_unit_test(errors_have_openais_shape),
		cmocka_unit_test(models_and_paths_are_openais),
		cmocka_unit_test(without_memory_it_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
