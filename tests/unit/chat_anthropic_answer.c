/* Answers of the Messages dialect, whole and streamed, both ways. */
#include "chat_anthropic.h"

#include "chat/anthropic/anthropic.h"

/* ---- events as a line of text ---------------------------------------------------------- */

static const char *const finishes[] = {
	[FINISH_STOP] = "stop",       [FINISH_SEQUENCE] = "sequence",
	[FINISH_LENGTH] = "length",   [FINISH_CONTEXT] = "context",
	[FINISH_TOOLS] = "tools",     [FINISH_FILTER] = "filter",
	[FINISH_REFUSAL] = "refusal", [FINISH_PAUSE] = "pause",
	[FINISH_BROKEN] = "broken",
};

static void usage_say(struct sb *b, const struct usage *u)
{
	sb_fmt(b,
	       "usage(%s%" PRIu64 "+%" PRIu64 "+%" PRIu64 "+%" PRIu64 " %" PRIu64 "+%" PRIu64
	       " %" PRIu64 ")",
	       u->odd ? "odd " : "", u->input, u->cache_read, u->cache_write, u->cache_write_1h,
	       u->output, u->reasoning, u->searches);
}

static void say(struct sb *b, const struct chat_event *e)
{
	const char *const name[] = {
		[EV_TEXT] = "text", [EV_REASONING] = "think", [EV_REFUSAL] = "refusal"
	};

	switch (e->kind) {
	case EV_START:
		sb_fmt(b, "start(%.*s %.*s)", SARG(e->id.s), SARG(e->name.s));
		break;
	case EV_TEXT:
	case EV_REASONING:
	case EV_REFUSAL:
		sb_fmt(b, "%s(%.*s)", name[e->kind], SARG(e->text.s));
		break;
	case EV_SIGNATURE:
		sb_fmt(b, "%s(%.*s)", e->encrypted ? "redacted" : "sign",
		       SARG(e->encrypted ? e->text.s : e->signature.s));
		break;
	case EV_TOOL_BEGIN:
		sb_fmt(b, "begin%u(%.*s %.*s)", e->index, SARG(e->id.s), SARG(e->name.s));
		break;
	case EV_TOOL_ARGS:
		sb_fmt(b, "args%u(%.*s)", e->index, SARG(e->text.s));
		break;
	case EV_TOOL_END:
		sb_fmt(b, "end%u", e->index);
		break;
	case EV_ANNOTATION:
		sb_fmt(b, "cite(%.*s|%.*s|%.*s|%" PRIu64 "-%" PRIu64 ")",
		       SARG(e->u.annotation.url.s), SARG(e->u.annotation.title.s),
		       SARG(e->u.annotation.cited.s), e->u.annotation.start,
		       e->u.annotation.end);
		break;
	case EV_OTHER:
		sb_fmt(b, "other(%.*s)", SARG(e->raw));
		break;
	case EV_USAGE:
		usage_say(b, &e->u.usage);
		break;
	case EV_FINISH:
		sb_fmt(b, "finish(%s", finishes[e->finish]);
		if (e->text.s.n > 0)
			sb_fmt(b, " %.*s", SARG(e->text.s));
		if (e->name.s.n > 0)
			sb_fmt(b, " '%.*s'", SARG(e->name.s));
		sb_lit(b, ")");
		break;
	case EV_END:
		sb_lit(b, "END");
		break;
	case EV_ERROR:
		sb_fmt(b, "error(%s %.*s)", fault_row(e->u.fault.kind)->name,
		       SARG(e->u.fault.message));
		break;
	case EV_PING:
		sb_lit(b, "ping");
		break;
	case EV_AUDIO:
	case EV_IMAGE:
	case EV_LOGPROBS:
		sb_lit(b, "?");
		break;
	}
	sb_lit(b, " ");
}

/* What was said of these events, into memory of the arena. */
static struct slice told(struct bench *b, const struct chat_events *ev)
{
	struct sb s;

	sb_init(&s, arena_bytes(&b->a, 65536), 65536);
	for (size_t i = 0; i < ev->n; i++)
		say(&s, &ev->v[i]);
	CHECK(!s.cut);
	return slice_trim(sb_slice(&s));
}

/* The same with neighbours of one kind as one, so that pieces do not matter. */
static struct chat_events joined(struct bench *b, const struct chat_events *ev)
{
	struct chat_events out;

	events_init(&out, &b->a);
	for (size_t i = 0; i < ev->n; i++) {
		const struct chat_event *e = &ev->v[i];
		struct chat_event *last = out.n > 0 ? &out.v[out.n - 1] : NULL;

		if (last != NULL && last->kind == e->kind && last->index == e->index &&
		    (e->kind == EV_TEXT || e->kind == EV_REASONING || e->kind == EV_TOOL_ARGS))
			last->text.s = arena_fmt(&b->a, "%.*s%.*s", SARG(last->text.s),
						 SARG(e->text.s));
		else if (e->kind != EV_PING)
			*event_add(&out, e->kind) = *e;
	}
	return out;
}

static struct slice whole(struct bench *b, const char *body, enum rc want)
{
	struct chat_events ev;

	events_init(&ev, &b->a);
	CHECK_RC(dialect_anthropic.answer_read(slice_cstr(body), &ev), want);
	return told(b, &ev);
}

/* Frames, one to a line; each in memory that is gone when the next one comes. */
static void frames_read(struct bench *b, const char *lines, struct chat_events *all, bool end)
{
	_Alignas(max_align_t) char state[ANTHROPIC_READER_BYTES] = { 0 };
	struct slice rest = slice_cstr(lines), line;
	struct chat_events ev;

	events_init(all, &b->a);
	while (rest.n > 0) {
		struct arena frame;
		struct slice data;

		slice_cut(rest, '\n', &line, &rest);
		arena_init(&frame, &b->mem.mem, 256, 1 << 20);
		data = arena_copy(&frame, line);
		events_init(&ev, &frame);
		CHECK_RC(dialect_anthropic.event_read(state, &b->a, slice_of(NULL, 0), data,
						      &ev),
			 OK);
		for (size_t i = 0; i < ev.n; i++) {
			struct chat_event *e = event_add(all, EV_PING);

			*e = ev.v[i];
			e->text.s = arena_copy(&b->a, e->text.s);
			e->id.s = arena_copy(&b->a, e->id.s);
			e->name.s = arena_copy(&b->a, e->name.s);
			e->signature.s = arena_copy(&b->a, e->signature.s);
			e->raw = arena_copy(&b->a, e->raw);
			if (e->kind == EV_ANNOTATION) {
				struct chat_annotation *c = &e->u.annotation;

				c->url.s = arena_copy(&b->a, c->url.s);
				c->title.s = arena_copy(&b->a, c->title.s);
				c->cited.s = arena_copy(&b->a, c->cited.s);
				c->raw = arena_copy(&b->a, c->raw);
			}
			if (e->kind == EV_ERROR)
				e->u.fault.message = arena_copy(&b->a, e->u.fault.message);
		}
		arena_free(&frame);
	}
	if (end) {
		events_init(&ev, &b->a);
		dialect_anthropic.stream_end(state, &b->a, &ev);
		for (size_t i = 0; i < ev.n; i++)
			*event_add(all, EV_PING) = ev.v[i];
	}
}

static struct slice streamed(struct bench *b, const char *lines)
{
	struct chat_events all;

	frames_read(b, lines, &all, false);
	return told(b, &all);
}

#define START(id)                                                                              \
	"{\"type\":\"message_start\",\"message\":{\"id\":\"" id "\",\"model\":\"c\","          \
	"\"usage\":{\"input_tokens\":10,\"cache_creation_input_tokens\":7,"                    \
	"\"cache_read_input_tokens\":4,\"cache_creation\":{\"ephemeral_5m_input_tokens\":5,"   \
	"\"ephemeral_1h_input_tokens\":2},\"output_tokens\":1}}}\n"
#define BEGIN(i, block)                                                                        \
	"{\"type\":\"content_block_start\",\"index\":" #i ",\"content_block\":" block "}\n"
#define DELTA(i, delta)                                                                        \
	"{\"type\":\"content_block_delta\",\"index\":" #i ",\"delta\":" delta "}\n"
#define STOP(i)    "{\"type\":\"content_block_stop\",\"index\":" #i "}\n"
#define TEXT(i, t) DELTA(i, "{\"type\":\"text_delta\",\"text\":\"" t "\"}")
#define ARGS(i, t) DELTA(i, "{\"type\":\"input_json_delta\",\"partial_json\":\"" t "\"}")
#define ENDING(reason)                                                                         \
	"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"" reason                     \
	"\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":20,"                          \
	"\"output_tokens_details\":{\"thinking_tokens\":5}}}\n"
#define LAST "{\"type\":\"message_stop\"}\n"
#define U1   "usage(10+4+5+2 1+0 0)"
#define U2   "usage(10+4+5+2 15+5 0)"

/* ---- reading --------------------------------------------------------------------------- */

static void a_whole_answer_is_read(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b);
	CHECK_SLICE(
		whole(&b,
		      "{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":"
		      "\"c\",\"content\":[{\"type\":\"thinking\",\"thinking\":\"h\\n\","
		      "\"signature\":\"S\"},{\"type\":\"redacted_thinking\",\"data\":\"R\"},"
		      "{\"type\":\"text\",\"text\":\"a\\ud83d\\ude00\\n\xc3\xa9\"},"
		      "{\"type\":\"text\",\"text\":\"bc\","
		      "\"citations\":[{\"type\":\"web_search_result_location\",\"url\":\"u\","
		      "\"title\":\"t\",\"cited_text\":\"w\"}]},{\"type\":\"server_tool_use\","
		      "\"id\":\"s\"},{\"type\":\"tool_use\",\"id\":\"t1\",\"name\":\"f\","
		      "\"input\":{\"a\":\"\\\"\"}},{\"type\":\"tool_use\",\"id\":\"t2\","
		      "\"name\":"
		      "\"g\",\"input\":{}},{\"type\":\"new_thing\"}],\"stop_reason\":"
		      "\"tool_use\",\"usage\":{\"input_tokens\":3,\"output_tokens\":9,"
		      "\"server_tool_use\":{\"web_search_requests\":2}}}",
		      OK),
		"start(msg_1 c) think(h\\n) sign(S) redacted(R) "
		"text(a\\ud83d\\ude00\\n\xc3\xa9) "
		"text(bc) cite(u|t|w|4-6) other({\"type\":\"server_tool_use\",\"id\":\"s\"}) "
		"begin0(t1 f) args0({\\\"a\\\":\\\"\\\\\\\"\\\"}) end0 begin1(t2 g) args1({}) "
		"end1 "
		"finish(tools) usage(3+0+0+0 9+0 2) END");
	bench_close(&b);
}

static void whole_answers_that_are_none(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b);
	whole(&b, "", E_BAD);
	whole(&b, "[]", E_BAD);
	whole(&b, "{\"type\":\"message\"}", E_BAD);
	whole(&b, "{\"type\":\"message\",\"content\":\"x\"}", E_BAD);
	CHECK_SLICE(whole(&b,
			  "{\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\","
			  "\"message\":\"busy\"}}",
			  OK),
		    "error(overloaded busy)");
	CHECK_SLICE(whole(&b, "{\"error\":\"odd\"}", OK), "error(server_error odd)");
	CHECK_SLICE(whole(&b, "{\"content\":[],\"stop_reason\":\"end_turn\"}", OK),
		    "start( ) finish(stop) END");
	bench_close(&b);
}

static void every_stop_reason_has_its_meaning(void **state)
{
	static const struct {
		const char *reason, *means;
	} rows[] = {
		{ "end_turn", "stop" },
		{ "max_tokens", "length" },
		{ "stop_sequence", "sequence" },
		{ "tool_use", "tools" },
		{ "pause_turn", "pause" },
		{ "refusal", "refusal" },
		{ "model_context_window_exceeded", "context" },
		{ "compaction", "pause" },
		{ "of 2031", "broken" },
	};
	struct bench b;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct slice body, want;

		bench_open(&b);
		body = arena_fmt(&b.a,
				 "{\"content\":[{\"type\":\"text\",\"text\":\"x\"}],"
				 "\"stop_reason\":\"%s\"}",
				 rows[i].reason);
		want = arena_fmt(&b.a, "start( ) text(x) finish(%s) END", rows[i].means);
		CHECK_SLICE(whole(&b, arena_cstr(&b.a, body), OK), arena_cstr(&b.a, want));
		bench_close(&b);
	}
}

static void a_stream_is_read(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b);
	CHECK_SLICE(
		streamed(
			&b,
			START("m") "{\"type\":\"ping\"}\n" BEGIN(
				0,
				"{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":"
				"\"\"}") DELTA(0, "{\"type\":\"thinking_delta\",\"thinking\":"
						  "\"hm\"}") DELTA(0, "{\"type\":\"signature_"
								      "delta\","
								      "\"signature\":\"S\"}")
				STOP(0) BEGIN(1, "{\"type\":\"text\",\"text\":\"\"}") TEXT(
					1, "Hel") TEXT(1, "lo") STOP(1)
					BEGIN(2,
					      "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":"
					      "\"f\",\"input\":{}}") ARGS(2, "") ARGS(2,
										      "{\\\"a")
						ARGS(2, "\\\":1}") STOP(2) BEGIN(
							3,
							"{\"type\":\"tool_use\",\"id\":\"u\","
							"\"name\":\"g\",\"input\":{}}") ARGS(3,
											     "")
							STOP(3) "{\"type\":\"brand_new\",\"x\":"
								"[]}\n" ENDING("tool_use")
									LAST),
		"start(m c) " U1 " ping think(hm) sign(S) text(Hel) text(lo) begin0(t f) "
		"args0({\\\"a) args0(\\\":1}) end0 begin1(u g) end1 finish(tools) " U2 " END");
	bench_close(&b);
}

static void numbers_of_the_last_usage_win(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b);
	CHECK_SLICE(streamed(&b,
			     START("m") "{\"type\":\"message_delta\",\"delta\":{},\"usage\":{"
					"\"input_tokens\":12,\"cache_read_input_tokens\":0,"
					"\"output_tokens\":3}}\n"),
		    "start(m c) " U1 " usage(12+0+5+2 3+0 0)");
	/* More thinking than output, more of an hour than written at all. */
	CHECK_SLICE(whole(&b,
			  "{\"content\":[],\"stop_reason\":\"end_turn\",\"usage\":{"
			  "\"input_tokens\":1,\"output_tokens\":2,\"output_tokens_details\":{"
			  "\"thinking_tokens\":3},\"cache_creation_input_tokens\":1,"
			  "\"cache_creation\":{\"ephemeral_1h_input_tokens\":4}}}",
			  OK),
		    "start( ) finish(stop) usage(odd 1+0+0+1 0+2 0) END");
	CHECK_SLICE(whole(&b,
			  "{\"content\":[],\"stop_reason\":\"end_turn\",\"usage\":{"
			  "\"input_tokens\":18446744073709551615}}",
			  OK),
		    "start( ) finish(stop) usage(odd 0+0+0+0 0+0 0) END");
	bench_close(&b);
}

static void a_repeated_start_is_ignored_and_another_one_is_an_error(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b);
	CHECK_SLICE(streamed(&b, START("m") START("m") BEGIN(0, "{\"type\":\"text\","
								"\"text\":\"x\"}")),
		    "start(m c) " U1 " text(x)");
	CHECK_SLICE(streamed(&b, START("m") BEGIN(0, "{\"type\":\"text\",\"text\":\"x\"}")
					 START("n") TEXT(0, "y") ENDING("end_turn") LAST),
		    "start(m c) " U1 " text(x) error(bad_response another message began in the "
		    "middle of this one)");
	bench_close(&b);
}

static void errors_and_refusals_end_a_stream(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b);
	CHECK_SLICE(streamed(&b, START("m") "{\"type\":\"error\",\"error\":{\"type\":"
					    "\"overloaded_error\",\"message\":\"no\"}}\n" LAST),
		    "start(m c) " U1 " error(overloaded no)");
	CHECK_SLICE(streamed(&b, "{\"error\":{\"message\":\"proxy\"}}\n"),
		    "error(server_error proxy)");
	CHECK_SLICE(streamed(&b, START("m") "{\"type\":\"message_delta\",\"delta\":{"
					    "\"stop_reason\":\"refusal\",\"stop_details\":{"
					    "\"type\":\"refusal\",\"explanation\":\"bio\"}},"
					    "\"usage\":{\"output_tokens\":1}}\n" LAST),
		    "start(m c) " U1 " finish(refusal 'bio') usage(10+4+5+2 1+0 0) END");
	CHECK_SLICE(streamed(&b, START("m") "{\"type\":\"message_delta\",\"delta\":{"
					    "\"stop_reason\":\"stop_sequence\","
					    "\"stop_sequence\":\"\\n\\n\"}}\n" LAST),
		    "start(m c) " U1 " finish(sequence \\n\\n) " U1 " END");
	bench_close(&b);
}

static void server_tools_and_citations_pass(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b);
	CHECK_SLICE(
		streamed(&b,
			 START("m") BEGIN(0, "{\"type\":\"server_tool_use\",\"id\":\"s\","
					     "\"name\":\"web_search\",\"input\":{}}")
				 ARGS(0, "{\\\"q\\\":") ARGS(0, "\\\"x\\\"}") STOP(0) BEGIN(
					 1,
					 "{\"type\":\"web_search_tool_result\",\"content\":["
					 "]}") STOP(1) BEGIN(2,
							     "{\"type\":\"text\",\"text\":\"\","
							     "\"citations\":[]}") TEXT(2, "ab")
					 DELTA(2, "{\"type\":\"citations_delta\",\"citation\":"
						  "{\"type\":\"char_location\","
						  "\"document_title\":\"D\",\"cited_text\":"
						  "\"w\"}}") STOP(2)),
		"start(m c) " U1 " other({\"type\":\"server_tool_use\",\"id\":\"s\",\"name\":"
		"\"web_search\",\"input\":{\"q\":\"x\"}}) "
		"other({\"type\":\"web_search_tool_result\",\"content\":[]}) text(ab) "
		"cite(|D|w|0-2)");
	bench_close(&b);
}

static void the_forced_tool_is_the_text_of_the_answer(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b);
	CHECK_SLICE(whole(&b,
			  "{\"content\":[{\"type\":\"tool_use\",\"id\":\"t\",\"name\":"
			  "\"weir_json_output\",\"input\":{\"a\":1}}],\"stop_reason\":\"tool_"
			  "use\"}",
			  OK),
		    "start( ) text({\\\"a\\\":1}) finish(stop) END");
	CHECK_SLICE(streamed(&b,
			     START("m") BEGIN(0, "{\"type\":\"tool_use\",\"id\":\"t\","
						 "\"name\":\"weir_json_output\",\"input\":{}}")
				     ARGS(0, "{\\\"a\\\":") ARGS(0, "1}") STOP(0)
					     ENDING("tool_use") LAST),
		    "start(m c) " U1 " text({\\\"a\\\":) text(1}) finish(stop) " U2 " END");
	bench_close(&b);
}

static void imitations_are_understood(void **state)
{
	struct bench b;

	(void)state;
	bench_open(&b);
	/* The whole input at once, no stop of the block, no start, [DONE] at the end. */
	CHECK_SLICE(streamed(&b, BEGIN(0, "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\","
					  "\"input\":{\"a\":1}}") ENDING("end_turn") LAST
			     "[DONE]\n" TEXT(0, "late")),
		    "start( ) begin0(t f) args0({\\\"a\\\":1}) end0 finish(tools) "
		    "usage(0+0+0+0 15+5 0) END");
	/* Two blocks at once, and a second stop reason. */
	CHECK_SLICE(streamed(&b, BEGIN(0, "{\"type\":\"tool_use\",\"id\":\"t\",\"name\":\"f\"}")
					 BEGIN(1, "{\"type\":\"tool_use\",\"id\":\"u\","
						  "\"name\":\"g\"}") ARGS(0, "{") ARGS(1, "{")
						 ARGS(0, "}") ARGS(1, "}") STOP(1) STOP(0)
							 ENDING("tool_use") ENDING("end_turn")
								 LAST),
		    "start( ) begin0(t f) begin1(u g) args0({) args1({) args0(}) args1(}) end1 "
		    "end0 finish(tools) usage(0+0+0+0 15+5 0) usage(0+0+0+0 15+5 0) END");
	bench_close(&b);
}

static void an_end_without_its_mark_is_one_only_after_a_stop_reason(void **state)
{
	struct chat_events all;
	struct bench b;

	(void)state;
	bench_open(&b);
	frames_read(&b,
		    START("m") BEGIN(0, "{\"type\":\"text\",\"text\":\"x\"}")
			    ENDING("end_turn"),
		    &all, true);
	CHECK_SLICE(told(&b, &all), "start(m c) " U1 " text(x) finish(stop) " U2 " END");
	frames_read(&b, START("m") BEGIN(0, "{\"type\":\"text\",\"text\":\"x\"}"), &all, true);
	CHECK_SLICE(told(&b, &all), "start(m c) " U1 " text(x)");
	bench_close(&b);
}

static void frames_that_are_not_json_are_refused(void **state)
{
	_Alignas(max_align_t) char st[ANTHROPIC_READER_BYTES] = { 0 };
	struct chat_events ev;
	struct bench b;

	(void)state;
	bench_open(&b);
	events_init(&ev, &b.a);
	CHECK_RC(dialect_anthropic.event_read(st, &b.a, LIT("ping"), LIT("{\"a"), &ev), E_BAD);
	CHECK_RC(dialect_anthropic.event_read(st, &b.a, LIT("ping"), LIT("[]"), &ev), E_BAD);
	CHECK_RC(dialect_anthropic.event_read(st, &b.a, LIT("ping"), LIT(" "), &ev), OK);
	CHECK_RC(dialect_anthropic.event_read(st, &b.a, LIT("ping"), LIT("{}"), &ev), OK);
	CHECK_SLICE(told(&b, &ev), "ping"); /* by the event's name */
	bench_close(&b);
}

/* ---- writing --------------------------------------------------------------------------- */

static const struct chat_reply reply = { .id = LITC("req-1"),
					 .model = LITC("shown"),
					 .issuer = LITC("prov") };

static struct chat_event *add(struct chat_events *ev, enum event_kind kind, unsigned index,
			      const char *text)
{
	struct chat_event *e = event_add(ev, kind);

	e->index = index;
	e->text = (struct json_text){ slice_cstr(text) };
	return e;
}

static void call_add(struct chat_events *ev, unsigned index, const char *id, const char *name)
{
	struct chat_event *e = add(ev, EV_TOOL_BEGIN, index, "");

	e->id.s = slice_cstr(id);
	e->name.s = slice_cstr(name);
}

/* All kinds, with calls that overlap each other and text between them. */
static void everything(struct bench *b, struct chat_events *ev)
{
	struct usage u = { .known = true,
			   .input = 10,
			   .cache_read = 4,
			   .cache_write = 5,
			   .cache_write_1h = 2,
			   .output = 15,
			   .reasoning = 5,
			   .searches = 1 };
	struct chat_event *e;

	events_init(ev, &b->a);
	event_add(ev, EV_START)->id = JTEXT("x");
	add(ev, EV_REASONING, 0, "hm");
	add(ev, EV_REASONING, 0, "\\u00e9");
	event_add(ev, EV_SIGNATURE)->signature = JTEXT("S");
	e = add(ev, EV_SIGNATURE, 0, "R");
	e->encrypted = true;
	add(ev, EV_REASONING, 0, "more");
	add(ev, EV_TEXT, 0, "Hel");
	add(ev, EV_TEXT, 0, "");
	add(ev, EV_TEXT, 0, "lo \\ud83d");
	add(ev, EV_TEXT, 0, "\\ude00");
	e = event_add(ev, EV_ANNOTATION);
	e->u.annotation = (struct chat_annotation){ .url = JTEXT("u"),
						    .title = JTEXT("t"),
						    .cited = JTEXT("w") };
	call_add(ev, 0, "t0", "f");
	add(ev, EV_TOOL_ARGS, 0, "{\\\"a\\\"");
	call_add(ev, 1, "t1", "g");
	add(ev, EV_TOOL_ARGS, 1, "{\\\"b\\\"");
	add(ev, EV_TOOL_ARGS, 0, ":");
	add(ev, EV_TOOL_ARGS, 1, ":");
	add(ev, EV_TOOL_ARGS, 0, "1}");
	call_add(ev, 2, "t2", "h");
	add(ev, EV_TOOL_END, 2, "");
	add(ev, EV_TOOL_END, 0, "");
	add(ev, EV_TOOL_ARGS, 1, "2}");
	add(ev, EV_TOOL_END, 1, "");
	event_finish(ev, 0, FINISH_TOOLS);
	event_usage(ev, &u);
	event_add(ev, EV_END);
}

#define TOLD                                                                                   \
	"start(msg_req-1 shown) %sthink(hm\\u00e9) sign(weir~prov~S) redacted(weir~prov~R) "   \
	"think(more) text(Hello \\ud83d\\ude00) cite(u|t|w|0-7) begin0(t0 f) "                 \
	"args0({\\\"a\\\":1}) end0 begin1(t1 g) args1({\\\"b\\\":2}) end1 begin2(t2 h) "       \
	"%send2 finish(tools) usage(10+4+5+2 15+5 1) END"

static void a_whole_answer_survives_being_written_and_read(void **state)
{
	struct chat_events ev, again, one;
	struct json_out o;
	struct bench b;

	(void)state;
	bench_open(&b);
	everything(&b, &ev);
	out_init(&o, &b.a);
	dialect_anthropic.answer_write(&reply, &ev, &o);
	CHECK(out_ok(&o));
	events_init(&again, &b.a);
	CHECK_RC(dialect_anthropic.answer_read(out_slice(&o), &again), OK);
	one = joined(&b, &again);
	CHECK_SLICE(told(&b, &one), arena_cstr(&b.a, arena_fmt(&b.a, TOLD, "", "args2({}) ")));
	bench_close(&b);
}

/* The bytes of these events; each one's text is gone when it has been written. */
static const char *bytes_of(struct bench *b, const struct chat_events *ev,
			    const struct chat_reply *to)
{
	_Alignas(max_align_t) char st[ANTHROPIC_WRITER_BYTES] = { 0 };
	struct sb s;

	sb_init(&s, arena_bytes(&b->a, 65536), 65536);
	for (size_t i = 0; i < ev->n; i++) {
		struct chat_event e = ev->v[i];
		struct json_out o;
		struct arena a;

		arena_init(&a, &b->mem.mem, 256, 1 << 20);
		e.text.s = arena_copy(&a, e.text.s);
		e.id.s = arena_copy(&a, e.id.s);
		out_init(&o, &a);
		dialect_anthropic.event_write(st, to, &b->a, &e, &o);
		CHECK(out_ok(&o));
		sb_str(&s, out_slice(&o));
		arena_free(&a);
	}
	CHECK(!s.cut);
	return sb_cstr(&s);
}

/* The data of each frame, one to a line; its event's name is its type. */
static const char *data_lines(struct bench *b, const char *sse)
{
	struct slice rest = slice_cstr(sse), line, name = { NULL, 0 };
	struct sb s;

	sb_init(&s, arena_bytes(&b->a, 65536), 65536);
	while (rest.n > 0) {
		slice_cut(rest, '\n', &line, &rest);
		if (slice_starts(line, LIT("event: ")))
			name = slice_skip(line, 7);
		if (!slice_starts(line, LIT("data: ")))
			continue;
		line = slice_skip(line, 6);
		CHECK(slice_starts(slice_skip(line, sizeof("{\"type\":\"") - 1), name));
		sb_str(&s, line);
		sb_char(&s, '\n');
	}
	return sb_cstr(&s);
}

static void a_stream_survives_being_written_and_read(void **state)
{
	struct chat_events ev, again, one;
	const char *lines;
	struct slice want;
	struct bench b;

	(void)state;
	bench_open(&b);
	everything(&b, &ev);
	lines = data_lines(&b, bytes_of(&b, &ev, &reply));
	frames_read(&b, lines, &again, false);
	one = joined(&b, &again);
	want = arena_fmt(&b.a, TOLD, "usage(0+0+0+0 0+0 0) ", "");
	CHECK_SLICE(told(&b, &one), arena_cstr(&b.a, want));
	bench_close(&b);
}

/* One block at a time, their indexes without a gap, deltas to the open one only. */
static void blocks_are_opened_and_closed_in_order(void **state)
{
	struct chat_events ev;
	struct slice rest, line;
	uint64_t next = 0;
	bool open = false;
	struct bench b;

	(void)state;
	bench_open(&b);
	everything(&b, &ev);
	rest = slice_cstr(data_lines(&b, bytes_of(&b, &ev, &reply)));
	while (rest.n > 0) {
		struct fields f;

		slice_cut(rest, '\n', &line, &rest);
		CHECK(fields_read(&f, line, &b.a));
		if (field_is(&f, "type", "content_block_start")) {
			CHECK(!open);
			CHECK_INT(field_u64(&f, "index", 99), next++);
			open = true;
		} else if (field(&f, "index") != NULL) {
			CHECK(open);
			CHECK_INT(field_u64(&f, "index", 99), next - 1);
			open = !field_is(&f, "type", "content_block_stop");
		}
	}
	CHECK(!open);
	CHECK_INT(next, 7);
	bench_close(&b);
}

static void a_small_stream_to_the_byte(void **state)
{
	struct usage u = { .known = true, .input = 3, .output = 2 };
	struct chat_events ev;
	struct bench b;

	(void)state;
	bench_open(&b);
	events_init(&ev, &b.a);
	event_add(&ev, EV_START);
	event_usage(&ev, &u);
	add(&ev, EV_TEXT, 0, "Hi");
	event_add(&ev, EV_PING);
	event_finish(&ev, 0, FINISH_SEQUENCE);
	ev.v[ev.n - 1].text = JTEXT("\\n");
	event_add(&ev, EV_END);
	add(&ev, EV_TEXT, 0, "after the end");
#define USAGE                                                                                  \
	"\"usage\":{\"input_tokens\":3,\"cache_creation_input_tokens\":0,"                     \
	"\"cache_read_input_tokens\":0,\"cache_creation\":{\"ephemeral_5m_input_tokens\":0,"   \
	"\"ephemeral_1h_input_tokens\":0},\"output_tokens\":2}"
	CHECK_STR(
		bytes_of(&b, &ev, &reply),
		"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":"
		"\"msg_req-1\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"shown\","
		"\"content\":[],\"stop_reason\":null,\"stop_sequence\":null," USAGE "}}\n\n"
		"event: content_block_start\ndata: {\"type\":\"content_block_start\","
		"\"index\":0,\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n"
		"event: content_block_delta\ndata: {\"type\":\"content_block_delta\","
		"\"index\":0,\"delta\":{\"type\":\"text_delta\",\"text\":\"Hi\"}}\n\n"
		"event: ping\ndata: {\"type\":\"ping\"}\n\n"
		"event: content_block_stop\ndata: {\"type\":\"content_block_stop\","
		"\"index\":0}\n\n"
		"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{"
		"\"stop_reason\":\"stop_sequence\",\"stop_sequence\":\"\\n\"}," USAGE "}\n\n"
		"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n");
	bench_close(&b);
}

static void every_finish_has_its_stop_reason(void **state)
{
	static const struct {
		enum finish_kind finish;
		const char *reason;
	} rows[] = {
		{ FINISH_STOP, "end_turn" },
		{ FINISH_SEQUENCE, "stop_sequence" },
		{ FINISH_LENGTH, "max_tokens" },
		{ FINISH_CONTEXT, "model_context_window_exceeded" },
		{ FINISH_TOOLS, "tool_use" },
		{ FINISH_FILTER, "refusal" },
		{ FINISH_REFUSAL, "refusal" },
		{ FINISH_PAUSE, "pause_turn" },
		{ FINISH_BROKEN, "refusal" },
	};
	struct bench b;

	(void)state;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct chat_events ev;
		struct json_out o;
		struct fields f;

		bench_open(&b);
		events_init(&ev, &b.a);
		event_finish(&ev, 0, rows[i].finish);
		ev.v[0].name = JTEXT("why");
		event_add(&ev, EV_END);
		out_init(&o, &b.a);
		dialect_anthropic.answer_write(&reply, &ev, &o);
		CHECK(fields_read(&f, out_slice(&o), &b.a));
		CHECK_SLICE(field_text(&f, "stop_reason").s, rows[i].reason);
		CHECK_INT(field(&f, "stop_details") != NULL,
			  strcmp(rows[i].reason, "refusal") == 0);
		CHECK(strstr(bytes_of(&b, &ev, &reply), rows[i].reason) != NULL);
		bench_close(&b);
	}
}

/* Gemini signs calls and texts; the client must bring that back with them. */
static void a_signature_of_a_call_comes_back_with_it(void **state)
{
	struct chat_request r;
	struct chat_events ev;
	const struct chat_part *p;
	struct json_out o;
	struct fields f;
	struct bench b;

	(void)state;
	bench_open(&b);
	events_init(&ev, &b.a);
	add(&ev, EV_TEXT, 0, "a");
	add(&ev, EV_TEXT, 0, "b")->signature = JTEXT("S1");
	call_add(&ev, 0, "t", "f");
	ev.v[ev.n - 1].signature = JTEXT("S2");
	add(&ev, EV_TOOL_END, 0, "");
	add(&ev, EV_TEXT, 0, "")->signature = JTEXT("S3");
	event_finish(&ev, 0, FINISH_STOP);
	event_add(&ev, EV_END);
	for (int streamed_too = 0; streamed_too < 2; streamed_too++) {
		struct slice content, body;

		out_init(&o, &b.a);
		if (streamed_too) {
			struct chat_events again;

			frames_read(&b, data_lines(&b, bytes_of(&b, &ev, &reply)), &again,
				    false);
			/* As a client gathers it; its own answers are sealed already. */
			dialect_anthropic.answer_write(&(struct chat_reply){ .id = reply.id },
						       &again, &o);
		} else {
			dialect_anthropic.answer_write(&reply, &ev, &o);
		}
		CHECK(fields_read(&f, out_slice(&o), &b.a));
		content = field_json(&f, "content");
		body = arena_fmt(&b.a,
				 "{\"model\":\"m\",\"max_tokens\":1,\"messages\":[{\"role\":"
				 "\"assistant\",\"content\":%.*s}]}",
				 SARG(content));
		CHECK_RC(bench_read(&b, arena_cstr(&b.a, body), &r), OK);
		p = r.messages->parts;
		CHECK_SLICE(p->u.text.s, "a");
		CHECK_INT(p->signature.data.s.n, 0);
		p = p->next;
		CHECK_SLICE(p->u.text.s, "b");
		CHECK_SLICE(p->signature.data.s, "S1");
		p = p->next;
		CHECK_INT(p->kind, PART_TOOL_CALL);
		CHECK_SLICE(p->signature.data.s, "S2");
		CHECK_SLICE(p->signature.issuer, "prov");
		p = p->next;
		CHECK_SLICE(p->signature.data.s, "S3");
		CHECK(p->next == NULL);
	}
	bench_close(&b);
}

static void errors_in_a_stream_are_events(void **state)
{
	_Alignas(max_align_t) char st[ANTHROPIC_WRITER_BYTES] = { 0 };
	const struct chat_error e = { .status = 529, .message = LIT("x"), .id = LIT("r") };
	struct chat_events ev;
	struct json_out o;
	struct bench b;

	(void)state;
	bench_open(&b);
	out_init(&o, &b.a);
	dialect_anthropic.error_event_write(st, &reply, &e, &o);
	CHECK_SLICE(out_slice(&o),
		    "event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":"
		    "\"overloaded_error\",\"message\":\"x\"},\"request_id\":\"r\"}\n\n");
	events_init(&ev, &b.a);
	add(&ev, EV_TEXT, 0, "a");
	event_add(&ev, EV_ERROR)->u.fault = (struct fault){ .kind = FAULT_RATE };
	event_add(&ev, EV_END);
	CHECK_SLICE(streamed(&b, data_lines(&b, bytes_of(&b, &ev, &reply))),
		    "start(msg_req-1 shown) usage(0+0+0+0 0+0 0) text(a) error(rate_limit "
		    "rate_limit)");
	bench_close(&b);
}

static void arguments_that_are_no_object_are_wrapped(void **state)
{
	struct chat_events ev;
	struct json_out o;
	struct bench b;

	(void)state;
	bench_open(&b);
	events_init(&ev, &b.a);
	call_add(&ev, 0, "t", "f");
	add(&ev, EV_TOOL_ARGS, 0, "{\\\"a");
	event_finish(&ev, 0, FINISH_LENGTH);
	event_add(&ev, EV_END);
	out_init(&o, &b.a);
	dialect_anthropic.answer_write(&reply, &ev, &o);
	CHECK(slice_find(out_slice(&o), LIT("\"input\":{\"arguments\":\"{\\\"a\"}}")) !=
	      SLICE_NONE);
	bench_close(&b);
}

static void a_frame_is_one_line(void **state)
{
	static const char body[] =
		"{\"content\":[{\n\"type\":\r\n\"server_tool_use\"},{\"type\":\"text\","
		"\"text\":\"x\","
		"\"citations\":[{\"type\":\"a_location\",\n\"title\":\"t\"}]}],"
		"\"stop_reason\":\"end_turn\"}";
	struct chat_events ev;
	struct bench b;

	(void)state;
	bench_open(&b);
	events_init(&ev, &b.a);
	CHECK_RC(dialect_anthropic.answer_read(LIT(body), &ev), OK);
	CHECK_SLICE(
		streamed(&b, data_lines(&b, bytes_of(&b, &ev, &reply))),
		"start(msg_req-1 shown) usage(0+0+0+0 0+0 0) "
		"other({ \"type\":  \"server_tool_use\"}) text(x) cite(|t||0-1) finish(stop) "
		"usage(0+0+0+0 0+0 0) END");
	bench_close(&b);
}

/* ---- memory ---------------------------------------------------------------------------- */

static void one_answer(struct test_mem *mem)
{
	static const char body[] =
		"{\"id\":\"m\",\"content\":[{\"type\":\"text\",\"text\":\"x\",\"citations\":[{"
		"\"type\":\"x\",\"url\":\"u\"}]},{\"type\":\"tool_use\",\"id\":\"t\",\"name\":"
		"\"f\",\"input\":{\"a\":\"\\\"\"}}],\"stop_reason\":\"tool_use\",\"usage\":{"
		"\"output_tokens\":1}}";
	_Alignas(max_align_t) char st[ANTHROPIC_WRITER_BYTES] = { 0 };
	struct chat_events ev;
	struct json_out o;
	struct arena a;
	enum rc rc;

	arena_init(&a, &mem->mem, 64, 1 << 20);
	events_init(&ev, &a);
	rc = dialect_anthropic.answer_read(LIT(body), &ev);
	CHECK(rc == OK || (rc == E_NOMEM && mem->failed));
	if (rc == OK) {
		out_init(&o, &a);
		dialect_anthropic.answer_write(&reply, &ev, &o);
		CHECK(out_ok(&o) || mem->failed);
		out_init(&o, &a);
		for (size_t i = 0; i < ev.n; i++)
			dialect_anthropic.event_write(st, &reply, &a, &ev.v[i], &o);
		CHECK(out_ok(&o) || mem->failed);
	}
	arena_free(&a);
}

static void one_stream(struct test_mem *mem)
{
	static const char *const frames[] = {
		"{\"type\":\"message_start\",\"message\":{\"id\":\"m\"}}",
		"{\"type\":\"content_block_start\",\"index\":0,\"content_block\":{\"type\":"
		"\"server_tool_use\"}}",
		"{\"type\":\"content_block_delta\",\"index\":0,\"delta\":{\"type\":"
		"\"input_json_delta\",\"partial_json\":\"{}\"}}",
		"{\"type\":\"content_block_stop\",\"index\":0}",
		"{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\"}}",
		"{\"type\":\"message_stop\"}",
	};
	_Alignas(max_align_t) char st[ANTHROPIC_READER_BYTES] = { 0 };
	struct arena keep;
	bool ended = false;

	arena_init(&keep, &mem->mem, 64, 1 << 20);
	for (size_t i = 0; i < ARRAY_LEN(frames); i++) {
		struct chat_events ev;
		struct arena a;
		enum rc rc;

		arena_init(&a, &mem->mem, 64, 1 << 20);
		events_init(&ev, &a);
		rc = dialect_anthropic.event_read(st, &keep, slice_of(NULL, 0),
						  slice_cstr(frames[i]), &ev);
		CHECK(rc == OK || (rc == E_NOMEM && mem->failed));
		ended = rc == OK && ev.n > 0 && ev.v[ev.n - 1].kind == EV_END;
		arena_free(&a);
	}
	CHECK(ended || mem->failed);
	arena_free(&keep);
}

static void no_memory_is_an_error(void **state)
{
	(void)state;
	sweep(one_answer);
	sweep(one_stream);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_answer_is_read),
		cmocka_unit_test(whole_answers_that_are_none),
		cmocka_unit_test(every_stop_reason_has_its_meaning),
		cmocka_unit_test(a_stream_is_read),
		cmocka_unit_test(numbers_of_the_last_usage_win),
		cmocka_unit_test(a_repeated_start_is_ignored_and_another_one_is_an_error),
		cmocka_unit_test(errors_and_refusals_end_a_stream),
		cmocka_unit_test(server_tools_and_citations_pass),
		cmocka_unit_test(the_forced_tool_is_the_text_of_the_answer),
		cmocka_unit_test(imitations_are_understood),
		cmocka_unit_test(an_end_without_its_mark_is_one_only_after_a_stop_reason),
		cmocka_unit_test(frames_that_are_not_json_are_refused),
		cmocka_unit_test(a_whole_answer_survives_being_written_and_read),
		cmocka_unit_test(a_stream_survives_being_written_and_read),
		cmocka_unit_test(blocks_are_opened_and_closed_in_order),
		cmocka_unit_test(a_small_stream_to_the_byte),
		cmocka_unit_test(every_finish_has_its_stop_reason),
		cmocka_unit_test(a_signature_of_a_call_comes_back_with_it),
		cmocka_unit_test(errors_in_a_stream_are_events),
		cmocka_unit_test(arguments_that_are_no_object_are_wrapped),
		cmocka_unit_test(a_frame_is_one_line),
		cmocka_unit_test(no_memory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
