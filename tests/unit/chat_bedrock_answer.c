/* Answers of the Converse dialect, whole and streamed, both ways; errors; lists of models. */
#include "check.h"

#include "chat/bedrock/bedrock.h"
#include "chat_says.h"
#include "wire/aws_event.h"

struct kit {
	struct test_mem mem;
	struct arena a, keep;
	struct chat_events ev;
	char says[8192];
};

static void begin(struct kit *k)
{
	test_mem_init(&k->mem, 0);
	arena_init(&k->a, &k->mem.mem, 1024, 1 << 24);
	arena_init(&k->keep, &k->mem.mem, 256, 1 << 20);
	events_init(&k->ev, &k->a);
}

static void done(struct kit *k)
{
	arena_free(&k->a);
	arena_free(&k->keep);
	CHECK_INT(k->mem.live, 0);
}

static const struct chat_request request = { .dialect = &dialect_bedrock };
/* Nobody issued it: what is opaque goes as it came. */
static const struct chat_reply plain = { .req = &request, .id = LITC("req-1") };
static const struct chat_reply reply = { .req = &request,
					 .id = LITC("req-1"),
					 .issuer = LITC("prov") };

static const char *says(struct kit *k)
{
	return chat_says(&k->ev, k->says, sizeof(k->says));
}

/* What the answer says. */
static const char *whole(struct kit *k, struct slice body)
{
	events_init(&k->ev, &k->a);
	CHECK_RC(dialect_bedrock.answer_read(body, &k->ev), OK);
	return says(k);
}

/* A stream of frames "name data", a line each. */
static const char *stream(struct kit *k, const char *lines)
{
	void *state = arena_zero(&k->keep, dialect_bedrock.reader_bytes);
	struct slice rest = slice_cstr(lines), line, name;

	events_init(&k->ev, &k->a);
	while (slice_cut(rest, '\n', &line, &rest)) {
		slice_cut(line, ' ', &name, &line);
		CHECK_RC(dialect_bedrock.event_read(state, &k->keep, name, line, &k->ev), OK);
	}
	dialect_bedrock.stream_end(state, &k->keep, &k->ev);
	return says(k);
}

static struct slice written(struct kit *k, const struct chat_reply *to)
{
	struct json_out o;

	out_init(&o, &k->a);
	dialect_bedrock.answer_write(to, &k->ev, &o);
	CHECK(out_ok(&o));
	return out_slice(&o);
}

/* The events as frames, in the form that stream() takes. */
static const char *frames(struct kit *k, const struct chat_reply *to)
{
	void *state = arena_zero(&k->keep, dialect_bedrock.writer_bytes);
	struct slice all, text = { NULL, 0 };
	struct aws_reader r;
	struct aws_event ev;
	struct json_out o;
	enum aws_step step;

	out_init(&o, &k->a);
	for (size_t i = 0; i < k->ev.n; i++)
		dialect_bedrock.event_write(state, to, &k->keep, &k->ev.v[i], &o);
	CHECK(out_ok(&o));
	all = out_slice(&o);
	aws_init(&r, &k->mem.mem, 1 << 20);
	while ((step = aws_next(&r, &all, &ev)) != AWS_MORE) {
		CHECK_INT(step, AWS_EVENT);
		text = arena_fmt(&k->a, "%.*s%s%.*s %.*s\n", SARG(text),
				 ev.kind == AWS_EXCEPTION ? "exception:" : "", SARG(ev.name),
				 SARG(ev.payload));
	}
	CHECK(aws_eof(&r));
	aws_free(&r);
	return arena_cstr(&k->a, text);
}

/* ---- whole ---- */

static const char everything[] =
	"{\"metrics\":{\"latencyMs\":7},\"output\":{\"message\":{\"role\":\"assistant\","
	"\"content\":["
	"{\"reasoningContent\":{\"reasoningText\":{\"text\":\"hm\",\"signature\":\"sig\"}}},"
	"{\"reasoningContent\":{\"redactedContent\":\"cmVk\"}},"
	"{\"text\":\"Hi \\u00e9\"},"
	"{\"citationsContent\":{\"content\":[{\"text\":\"cited\"}],\"citations\":[{\"title\":"
	"\"T\",\"sourceContent\":[{\"text\":\"w\"}],\"location\":{\"web\":{\"url\":\"http://u\""
	"}}}]}},"
	"{\"later\":{}},"
	"{\"toolUse\":{\"toolUseId\":\"t1\",\"name\":\"f\",\"input\":{\"a\":\"\\u00e9\"}}},"
	"{\"toolUse\":{\"toolUseId\":\"t2\",\"name\":\"g\",\"input\":{}}}]}},"
	"\"stopReason\":\"tool_use\",\"usage\":{\"inputTokens\":10,\"outputTokens\":5,"
	"\"totalTokens\":115,\"cacheReadInputTokens\":40,\"cacheWriteInputTokens\":60,"
	"\"cacheDetails\":[{\"ttl\":\"1h\",\"inputTokens\":20},{\"ttl\":\"5m\","
	"\"inputTokens\":40}]}}";

static const char all_of_it[] = "start\n"
				"reasoning hm\n"
				"signature sig\n"
				"encrypted cmVk\n"
				"text Hi \\u00e9cited\n"
				"annotation 0-0 http://u|T|w\n"
				"call 0 t1 f {\\\"a\\\":\\\"\\\\u00e9\\\"}\n"
				"call 1 t2 g {}\n"
				"finish tools\n"
				"usage 10+40+40+20+0 5+0+0\n"
				"end\n";

static void a_whole_answer_is_read(void **state UNUSED)
{
	struct kit k;

	begin(&k);
	CHECK_STR(whole(&k, slice_of(everything, sizeof(everything) - 1)), all_of_it);
	done(&k);
}

static void what_is_written_reads_as_the_same(void **state UNUSED)
{
	struct kit k;

	begin(&k);
	whole(&k, slice_of(everything, sizeof(everything) - 1));
	CHECK_STR(whole(&k, written(&k, &plain)), all_of_it);
	done(&k);
}

static void a_stream_says_the_same_as_the_whole_answer(void **state UNUSED)
{
	struct kit k;

	begin(&k);
	whole(&k, slice_of(everything, sizeof(everything) - 1));
	CHECK_STR(stream(&k, frames(&k, &plain)), all_of_it);
	done(&k);
}

static void answers_are_written_as_aws_writes_them(void **state UNUSED)
{
	struct kit k;

	begin(&k);
	whole(&k, slice_of(everything, sizeof(everything) - 1));
	CHECK_SLICE(
		written(&k, &plain),
		"{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":["
		"{\"reasoningContent\":{\"reasoningText\":{\"text\":\"hm\",\"signature\":"
		"\"sig\"}}},"
		"{\"reasoningContent\":{\"redactedContent\":\"cmVk\"}},"
		"{\"citationsContent\":{\"content\":[{\"text\":\"Hi \\u00e9cited\"}],"
		"\"citations\":[{\"title\":\"T\",\"sourceContent\":[{\"text\":\"w\"}],"
		"\"location\":{\"web\":{\"url\":\"http://u\"}}}]}},"
		"{\"toolUse\":{\"toolUseId\":\"t1\",\"name\":\"f\",\"input\":{\"a\":"
		"\"\\u00e9\"}}},"
		"{\"toolUse\":{\"toolUseId\":\"t2\",\"name\":\"g\",\"input\":{}}}]}},"
		"\"stopReason\":\"tool_use\",\"usage\":{\"inputTokens\":10,\"outputTokens\":"
		"5,\"totalTokens\":115,\"cacheReadInputTokens\":40,"
		"\"cacheWriteInputTokens\":60,\"cacheDetails\":[{\"ttl\":\"1h\","
		"\"inputTokens\":20},{\"ttl\":\"5m\",\"inputTokens\":40}]},\"metrics\":"
		"{\"latencyMs\":0}}");
	done(&k);
}

static void bad_answers_are_refused_and_errors_are_told(void **state UNUSED)
{
	static const char *const bad[] = {
		"", "{", "[]", "{}", "{\"output\":{}}", "{\"output\":{\"message\":{}}}",
	};
	struct kit k;

	begin(&k);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		events_init(&k.ev, &k.a);
		CHECK_RC(dialect_bedrock.answer_read(slice_cstr(bad[i]), &k.ev), E_BAD);
	}
	CHECK_STR(whole(&k, LIT("{\"__type\":\"a#ThrottlingException\",\"message\":\"slow\"}")),
		  "error rate_limit slow\n");
	CHECK_STR(whole(&k, LIT("{\"output\":{\"message\":{\"content\":[]}}}")),
		  "start\nfinish broken\nend\n"); /* without a reason it is no clean end */
	done(&k);
}

/* ---- streams ---- */

static void two_calls_may_overlap(void **state UNUSED)
{
	struct kit k;

	begin(&k);
	CHECK_STR(
		stream(&k,
		       "messageStart {\"role\":\"assistant\",\"p\":\"abc\"}\n"
		       "contentBlockDelta "
		       "{\"contentBlockIndex\":0,\"delta\":{\"text\":\"A\"}}\n"
		       "contentBlockStart {\"contentBlockIndex\":1,\"start\":{\"toolUse\":"
		       "{\"toolUseId\":\"t1\",\"name\":\"f\"}}}\n"
		       "contentBlockStart {\"contentBlockIndex\":4,\"start\":{\"toolUse\":"
		       "{\"toolUseId\":\"t2\",\"name\":\"g\"}}}\n"
		       "contentBlockDelta {\"contentBlockIndex\":4,\"delta\":{\"toolUse\":"
		       "{\"input\":\"{\\\"b\\\"\"}}}\n"
		       "contentBlockDelta {\"contentBlockIndex\":1,\"delta\":{\"toolUse\":"
		       "{\"input\":\"{\\\"a\\\":1}\"}}}\n"
		       "contentBlockDelta {\"contentBlockIndex\":4,\"delta\":{\"toolUse\":"
		       "{\"input\":\":2}\"}}}\n"
		       "contentBlockStop {\"contentBlockIndex\":1}\n"
		       "unknown {}\n"
		       "contentBlockStop {\"contentBlockIndex\":9}\n"
		       "messageStop {\"stopReason\":\"tool_use\"}\n"
		       "metadata {\"usage\":{\"inputTokens\":1,\"outputTokens\":2},\"metrics\":"
		       "{}}\n"
		       "messageStop {\"stopReason\":\"end_turn\"}\n"),
		"start\n"
		"text A\n"
		"call 0 t1 f {\\\"a\\\":1}\n"
		"call 1 t2 g {\\\"b\\\":2}\n"
		"finish tools\n"
		"usage 1+0+0+0+0 2+0+0\n"
		"end\n");
	done(&k);
}

static void the_end_is_where_stop_and_metadata_have_come(void **state UNUSED)
{
	static const struct {
		const char *frames, *says;
	} t[] = {
		{ "metadata {\"usage\":{\"inputTokens\":1,\"outputTokens\":2}}\n"
		  "messageStop {\"stopReason\":\"end_turn\"}\n",
		  "usage 1+0+0+0+0 2+0+0\nstart\nfinish stop\nend\n" },
		{ "messageStop {\"stopReason\":\"max_tokens\"}\n",
		  "start\nfinish length\nend\n" },
		{ "messageStop {\"stopReason\":\"end_turn\"}\n"
		  "messageStop {\"stopReason\":\"max_tokens\"}\n",
		  "start\nfinish stop\nend\n" },
		{ "messageStart {\"role\":\"assistant\"}\n", "start\n" },
		{ "metadata {\"usage\":{\"inputTokens\":1,\"outputTokens\":2}}\n",
		  "usage 1+0+0+0+0 2+0+0\n" },
		{ "", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct kit k;

		begin(&k);
		CHECK_STR(stream(&k, t[i].frames), t[i].says);
		done(&k);
	}
}

/* It need not wait for the connection's end. */
static void the_end_is_seen_at_once_in_either_order(void **state UNUSED)
{
	static const char *const metadata =
		"{\"usage\":{\"inputTokens\":1,\"outputTokens\":2}}";

	for (int stop_first = 0; stop_first < 2; stop_first++) {
		struct kit k;
		void *r;

		begin(&k);
		r = arena_zero(&k.keep, dialect_bedrock.reader_bytes);
		for (int i = 0; i < 2; i++) {
			const bool stop = (i == 0) == (stop_first == 1);

			CHECK(k.ev.n == 0 || k.ev.v[k.ev.n - 1].kind != EV_END);
			CHECK_RC(dialect_bedrock.event_read(
					 r, &k.keep,
					 stop ? LIT("messageStop") : LIT("metadata"),
					 slice_cstr(stop ? "{\"stopReason\":\"end_turn\"}"
							 : metadata),
					 &k.ev),
				 OK);
		}
		CHECK_INT(k.ev.v[k.ev.n - 1].kind, EV_END);
		done(&k);
	}
}

static void exceptions_end_a_stream(void **state UNUSED)
{
	static const struct {
		const char *type, *body, *says;
	} t[] = {
		{ "throttlingException", "{\"message\":\"slow\"}", "error rate_limit slow\n" },
		{ "modelStreamErrorException", "{\"message\":\"x\",\"originalStatusCode\":500}",
		  "error server_error x\n" },
		{ "validationException", "{\"message\":\"Input is too long for model.\"}",
		  "error context_length Input is too long for model.\n" },
		{ "serviceUnavailableException", "{}", "error overloaded\n" },
		{ "internalServerException", "garbage", "error server_error\n" },
		{ "newException", "{\"Message\":\"m\"}", "error server_error m\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct kit k;
		const char *text;

		begin(&k);
		text = arena_cstr(&k.a, arena_fmt(&k.a, "exception:%s %s\nmessageStop {}\n",
						  t[i].type, t[i].body));
		CHECK_STR(stream(&k, text), t[i].says);
		done(&k);
	}
}

static void a_frame_that_is_no_json_is_refused(void **state UNUSED)
{
	struct kit k;
	void *reader;

	begin(&k);
	reader = arena_zero(&k.keep, dialect_bedrock.reader_bytes);
	CHECK_RC(dialect_bedrock.event_read(reader, &k.keep, LIT("metadata"), LIT("{"), &k.ev),
		 E_BAD);
	CHECK_RC(dialect_bedrock.event_read(reader, &k.keep, LIT("metadata"), LIT("[]"), &k.ev),
		 E_BAD);
	done(&k);
}

static void finishes_are_mapped_both_ways(void **state UNUSED)
{
	static const struct {
		const char *reason, *finish, *back;
	} t[] = {
		{ "end_turn", "stop", "end_turn" },
		{ "stop_sequence", "sequence", "stop_sequence" },
		{ "max_tokens", "length", "max_tokens" },
		{ "tool_use", "tools", "tool_use" },
		{ "guardrail_intervened", "filter", "content_filtered" },
		{ "content_filtered", "filter", "content_filtered" },
		{ "malformed_model_output", "broken", "malformed_model_output" },
		{ "malformed_tool_use", "broken", "malformed_model_output" },
		{ "model_context_window_exceeded", "context", "model_context_window_exceeded" },
		{ "something_new", "broken", "malformed_model_output" },
	};
	static const struct {
		enum finish_kind finish;
		const char *reason;
	} ours[] = { { FINISH_REFUSAL, "content_filtered" }, { FINISH_PAUSE, "max_tokens" } };
	struct kit k;

	begin(&k);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct slice body = arena_fmt(&k.a,
					      "{\"output\":{\"message\":{\"content\":[]}},"
					      "\"stopReason\":\"%s\"}",
					      t[i].reason);
		const char *want = arena_cstr(
			&k.a, arena_fmt(&k.a, "start\nfinish %s\nend\n", t[i].finish));

		CHECK_STR(whole(&k, body), want);
		body = arena_fmt(&k.a, "\"stopReason\":\"%s\"", t[i].back);
		CHECK(slice_find(written(&k, &plain), body) != SLICE_NONE);
	}
	for (size_t i = 0; i < ARRAY_LEN(ours); i++) {
		events_init(&k.ev, &k.a);
		event_finish(&k.ev, 0, ours[i].finish);
		CHECK(slice_find(written(&k, &plain), arena_fmt(&k.a, "\"stopReason\":\"%s\"",
								ours[i].reason)) != SLICE_NONE);
	}
	done(&k);
}

static void the_sequence_that_was_met_is_told(void **state UNUSED)
{
	struct kit k;

	begin(&k);
	whole(&k, LIT("{\"output\":{\"message\":{\"content\":[{\"text\":\"a\"}]}},"
		      "\"stopReason\":\"stop_sequence\",\"additionalModelResponseFields\":"
		      "{\"stop_sequence\":\"END\"}}"));
	CHECK_SLICE(k.ev.v[2].text.s, "END");
	stream(&k, frames(&k, &plain));
	CHECK_SLICE(k.ev.v[2].text.s, "END");
	done(&k);
}

static void a_forced_tools_input_is_the_text(void **state UNUSED)
{
	struct kit k;

	begin(&k);
	CHECK_STR(whole(&k, LIT("{\"output\":{\"message\":{\"content\":[{\"toolUse\":{"
				"\"toolUseId\":\"t\",\"name\":\"" FORCED_TOOL
				"\",\"input\":{\"a\":1}}}]}},\"stopReason\":\"tool_use\"}")),
		  "start\ntext {\\\"a\\\":1}\nfinish stop\nend\n");
	CHECK_STR(stream(&k,
			 "contentBlockStart {\"contentBlockIndex\":0,\"start\":{\"toolUse\":{"
			 "\"toolUseId\":\"t\",\"name\":\"" FORCED_TOOL "\"}}}\n"
			 "contentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"toolUse\":{"
			 "\"input\":\"{\\\"a\\\"\"}}}\n"
			 "contentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"toolUse\":{"
			 "\"input\":\":1}\"}}}\n"
			 "contentBlockStop {\"contentBlockIndex\":0}\n"
			 "messageStop {\"stopReason\":\"tool_use\"}\n"),
		  "start\ntext {\\\"a\\\":1}\nfinish stop\nend\n");
	done(&k);
}

static void usage_that_cannot_be_is_noted(void **state UNUSED)
{
	static const struct {
		const char *usage, *says;
	} t[] = {
		{ "null", "" },
		{ "{}", "" },
		{ "{\"inputTokens\":3,\"outputTokens\":4}", "usage 3+0+0+0+0 4+0+0\n" },
		{ "{\"inputTokens\":3,\"outputTokens\":4,\"cacheWriteInputTokens\":2,"
		  "\"cacheDetails\":[{\"ttl\":\"1h\",\"inputTokens\":5}]}",
		  "usage 3+0+0+2+0 4+0+0 odd\n" },
		{ "{\"inputTokens\":-3,\"outputTokens\":4}",
		  "usage 0+0+0+0+0 0+0+0 unknown odd\n" },
		{ "{\"inputTokens\":1e18,\"outputTokens\":4}",
		  "usage 0+0+0+0+0 0+0+0 unknown odd\n" },
	};
	struct kit k;

	begin(&k);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct slice body = arena_fmt(&k.a,
					      "{\"output\":{\"message\":{\"content\":[]}},"
					      "\"stopReason\":\"end_turn\",\"usage\":%s}",
					      t[i].usage);

		CHECK_STR(whole(&k, body),
			  arena_cstr(&k.a, arena_fmt(&k.a, "start\nfinish stop\n%send\n",
						     t[i].says)));
	}
	done(&k);
}

/* ---- to clients ---- */

static struct chat_event *event(struct kit *k, enum event_kind kind, const char *text)
{
	struct chat_event *e = event_add(&k->ev, kind);

	e->text.s = slice_cstr(text);
	return e;
}

static void a_stream_is_framed_as_aws_does(void **state UNUSED)
{
	struct usage u = {
		.known = true, .input = 1, .audio_in = 2, .output = 3, .reasoning = 4
	};
	struct chat_event *e;
	struct kit k;

	begin(&k);
	event(&k, EV_START, "");
	event(&k, EV_PING, "");
	event(&k, EV_REASONING, "hm");
	event(&k, EV_TEXT, "a");
	event(&k, EV_TEXT, "");
	event(&k, EV_TEXT, "b");
	event(&k, EV_TEXT, "other")->choice = 1;
	e = event(&k, EV_TOOL_BEGIN, "");
	e->name = JTEXT("f");
	event(&k, EV_TOOL_ARGS, "{}");
	event(&k, EV_TOOL_END, "");
	event_usage(&k.ev, &u);
	event_finish(&k.ev, 0, FINISH_STOP);
	event_finish(&k.ev, 0, FINISH_LENGTH);
	event(&k, EV_END, "");
	CHECK_STR(
		frames(&k, &reply),
		"messageStart {\"role\":\"assistant\"}\n"
		"contentBlockDelta {\"contentBlockIndex\":0,\"delta\":{\"reasoningContent\":"
		"{\"text\":\"hm\"}}}\n"
		"contentBlockStop {\"contentBlockIndex\":0}\n"
		"contentBlockDelta {\"contentBlockIndex\":1,\"delta\":{\"text\":\"a\"}}\n"
		"contentBlockDelta {\"contentBlockIndex\":1,\"delta\":{\"text\":\"b\"}}\n"
		"contentBlockStop {\"contentBlockIndex\":1}\n"
		"contentBlockStart {\"contentBlockIndex\":2,\"start\":{\"toolUse\":{"
		"\"toolUseId\":\"tooluse_req-1_0\",\"name\":\"f\"}}}\n"
		"contentBlockDelta {\"contentBlockIndex\":2,\"delta\":{\"toolUse\":{\"input\":"
		"\"{}\"}}}\n"
		"contentBlockStop {\"contentBlockIndex\":2}\n"
		"messageStop {\"stopReason\":\"tool_use\"}\n"
		"metadata {\"usage\":{\"inputTokens\":3,\"outputTokens\":7,\"totalTokens\":10},"
		"\"metrics\":{\"latencyMs\":0}}\n");
	done(&k);
}

static void overlapping_calls_keep_their_indexes(void **state UNUSED)
{
	struct kit k;

	begin(&k);
	for (unsigned i = 0; i < 2; i++) {
		struct chat_event *e = event(&k, EV_TOOL_BEGIN, "");

		e->index = i;
		e->id = i == 0 ? JTEXT("a") : JTEXT("b");
		e->name = JTEXT("f");
	}
	event(&k, EV_TOOL_ARGS, "{\\\"x\\\"")->index = 1;
	event(&k, EV_TOOL_ARGS, "{}")->index = 0;
	event(&k, EV_TOOL_ARGS, ":1}")->index = 1;
	event(&k, EV_TOOL_END, "")->index = 0;
	event_finish(&k.ev, 0, FINISH_TOOLS); /* it ends what is open */
	event(&k, EV_END, "");
	CHECK_STR(stream(&k, frames(&k, &reply)),
		  "start\ncall 0 a f {}\ncall 1 b f {\\\"x\\\":1}\nfinish tools\n"
		  "usage 0+0+0+0+0 0+0+0\nend\n");
	done(&k);
}

static void custom_calls_and_bad_arguments_stay_readable(void **state UNUSED)
{
	struct chat_event *e;
	struct slice body;
	struct kit k;

	begin(&k);
	e = event(&k, EV_TOOL_BEGIN, "");
	e->custom = true;
	e->id = JTEXT("c");
	e->name = JTEXT("shell");
	event(&k, EV_TOOL_ARGS, "echo \\\"hi\\n");
	event(&k, EV_TOOL_ARGS, "\\u00e9");
	event(&k, EV_TOOL_END, "");
	e = event(&k, EV_TOOL_BEGIN, "");
	e->index = 1;
	e->id = JTEXT("d");
	e->name = JTEXT("f");
	event(&k, EV_TOOL_ARGS, "{\\\"x\\\"")->index = 1;
	event(&k, EV_TOOL_END, "")->index = 1;
	event_finish(&k.ev, 0, FINISH_TOOLS);
	event(&k, EV_END, "");
	body = written(&k, &reply);
	CHECK(slice_find(body, LIT("\"input\":{\"input\":\"echo \\\"hi\\n\xc3\xa9\"}")) !=
	      SLICE_NONE);
	CHECK(slice_find(body, LIT("\"input\":\"{\\\"x\\\"\"")) != SLICE_NONE);
	CHECK_STR(
		stream(&k, frames(&k, &reply)),
		"start\ncall 0 c shell {\\\"input\\\":\\\"echo \\\\\\\"hi\\\\n\\\\u00e9\\\"}\n"
		"call 1 d f {\\\"x\\\"\nfinish tools\nusage 0+0+0+0+0 0+0+0\nend\n");
	CHECK_STR(whole(&k, body),
		  "start\ncall 0 c shell {\\\"input\\\":\\\"echo \\\\\\\"hi\\\\n\xc3\xa9\\\"}\n"
		  "call 1 d f {\\\"x\\\"\nfinish tools\nusage 0+0+0+0+0 0+0+0\nend\n");
	done(&k);
}

/* Signatures, encrypted reasoning and Gemini's signature of a call, sealed on their way out and
 * opened when they come back as history. */
static void opaque_state_is_sealed_and_comes_back(void **state UNUSED)
{
	struct request_in in = { .op = OP_CHAT };
	struct chat_request r;
	const struct chat_part *p;
	struct chat_refusal why;
	struct chat_event *e;
	struct slice body;
	struct kit k;
	size_t at;

	begin(&k);
	event(&k, EV_REASONING, "hm");
	event(&k, EV_SIGNATURE, "")->signature = JTEXT("s1");
	e = event(&k, EV_SIGNATURE, "red");
	e->encrypted = true;
	e = event(&k, EV_TOOL_BEGIN, "");
	e->id = JTEXT("t");
	e->name = JTEXT("f");
	e->signature = JTEXT("s2");
	event(&k, EV_TOOL_END, "");
	event_finish(&k.ev, 0, FINISH_TOOLS);
	event(&k, EV_END, "");
	body = written(&k, &reply);
	at = slice_find(body, LIT("[{\"reasoning"));
	CHECK(at != SLICE_NONE);
	body = slice_head(slice_skip(body, at),
			  slice_find(body, LIT("]}},\"stopReason")) + 1 - at);
	in.body = arena_fmt(&k.a, "{\"messages\":[{\"role\":\"assistant\",\"content\":%.*s}]}",
			    SARG(body));
	CHECK(opaque_in(in.body));
	CHECK_RC(dialect_bedrock.request_read(&r, &in, &k.a, &why), OK);
	p = r.messages->parts;
	CHECK_SLICE(p->u.reasoning.text.s, "hm");
	CHECK_SLICE(p->u.reasoning.signature.data.s, "s1");
	CHECK_SLICE(p->u.reasoning.signature.issuer, "prov");
	p = p->next;
	CHECK_SLICE(p->u.reasoning.encrypted.data.s, "red");
	CHECK_SLICE(p->u.reasoning.encrypted.issuer, "prov");
	p = p->next;
	CHECK_INT(p->kind, PART_TOOL_CALL);
	CHECK_SLICE(p->signature.data.s, "s2");
	CHECK_SLICE(p->signature.issuer, "prov");
	CHECK(p->next == NULL);
	CHECK_SLICE(r.pinned, "prov");
	CHECK_STR(stream(&k, frames(&k, &reply)),
		  "start\nreasoning hm\nsignature weir~prov~s1\n"
		  "encrypted d2Vpcn5wcm92fnJlZA==\n"
		  "call 0 t f {} signed s2\nfinish tools\nusage 0+0+0+0+0 0+0+0\nend\n");
	done(&k);
}

static void images_and_refusals_are_written(void **state UNUSED)
{
	struct kit k;

	begin(&k);
	event(&k, EV_REFUSAL, "no");
	event(&k, EV_IMAGE, "AAAA")->name = JTEXT("image/jpeg");
	event_finish(&k.ev, 0, FINISH_REFUSAL);
	event(&k, EV_END, "");
	CHECK(slice_find(written(&k, &reply),
			 LIT("[{\"text\":\"no\"},{\"image\":{\"format\":\"jpeg\",\"source\":"
			     "{\"bytes\":\"AAAA\"}}}]")) != SLICE_NONE);
	stream(&k, frames(&k, &reply));
	CHECK_INT(k.ev.v[2].kind, EV_IMAGE);
	CHECK_SLICE(k.ev.v[2].text.s, "AAAA");
	CHECK_SLICE(k.ev.v[2].name.s, "image/jpeg");
	done(&k);
}

/* ---- errors ---- */

static void errors_are_read(void **state UNUSED)
{
	static const struct {
		unsigned status;
		const char *body;
		enum fault_kind kind;
		const char *message;
	} t[] = {
		{ 400, "{\"message\":\"bad\"}", FAULT_CLIENT, "bad" },
		{ 400, "{\"__type\":\"ServiceQuotaExceededException\",\"message\":\"q\"}",
		  FAULT_QUOTA, "q" },
		{ 400, "{\"message\":\"Input is too long for requested model.\"}",
		  FAULT_CONTEXT, "Input is too long for requested model." },
		{ 400, "{\"message\":\"The provided model identifier is invalid.\"}",
		  FAULT_MODEL, "The provided model identifier is invalid." },
		{ 403, "{\"Message\":\"no\"}", FAULT_AUTH, "no" },
		{ 403, "{\"__type\":\"x#ExpiredTokenException:http://u\"}", FAULT_AUTH, "" },
		{ 404, "{}", FAULT_MODEL, "" },
		{ 404, "{\"Output\":{\"__type\":\"a#UnknownOperationException\"}}", FAULT_MODEL,
		  "" },
		{ 408, "", FAULT_TIMEOUT, "" },
		{ 424, "{\"message\":\"m\",\"originalStatusCode\":500}", FAULT_SERVER, "m" },
		{ 429, "{\"message\":\"Too many requests\"}", FAULT_RATE, "Too many requests" },
		{ 429, "{\"message\":\"Too many tokens per day\"}", FAULT_QUOTA,
		  "Too many tokens per day" },
		{ 429, "{\"__type\":\"ModelNotReadyException\"}", FAULT_OVERLOADED, "" },
		{ 500, "<html>", FAULT_SERVER, "" },
		{ 503, "", FAULT_OVERLOADED, "" },
		{ 302, "", FAULT_GARBAGE, "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct fault f;
		struct kit k;

		begin(&k);
		dialect_bedrock.error_read(&f, t[i].status, slice_cstr(t[i].body), &k.a);
		CHECK_INT(f.kind, t[i].kind);
		CHECK_INT(f.status, t[i].status);
		CHECK_SLICE(f.message, t[i].message);
		done(&k);
	}
}

static void errors_are_written(void **state UNUSED)
{
	static const struct {
		unsigned status;
		const char *type, *exception;
	} t[] = {
		{ 400, "ValidationException", "validationException" },
		{ 401, "UnrecognizedClientException", "validationException" },
		{ 403, "AccessDeniedException", "validationException" },
		{ 404, "ResourceNotFoundException", "validationException" },
		{ 422, "ValidationException", "validationException" },
		{ 429, "ThrottlingException", "throttlingException" },
		{ 500, "InternalServerException", "internalServerException" },
		{ 503, "ServiceUnavailableException", "serviceUnavailableException" },
		{ 504, "ModelTimeoutException", "modelStreamErrorException" },
	};
	struct kit k;

	begin(&k);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		const struct chat_error e = { .status = t[i].status, .message = LIT("a\"b") };
		struct slice text;
		struct aws_reader r;
		struct aws_event ev;
		struct json_out o;

		out_init(&o, &k.a);
		dialect_bedrock.error_write(&e, &o);
		text = arena_fmt(&k.a, "{\"__type\":\"%s\",\"message\":\"a\\\"b\"}", t[i].type);
		CHECK(slice_eq(out_slice(&o), text));
		out_init(&o, &k.a);
		dialect_bedrock.error_event_write(NULL, &reply, &e, &o);
		text = out_slice(&o);
		aws_init(&r, &k.mem.mem, 4096);
		CHECK_INT(aws_next(&r, &text, &ev), AWS_EVENT);
		CHECK_INT(ev.kind, AWS_EXCEPTION);
		CHECK_SLICE(ev.name, t[i].exception);
		CHECK_SLICE(ev.payload, "{\"message\":\"a\\\"b\"}");
		aws_free(&r);
	}
	done(&k);
}

static void faults_in_a_stream_are_exceptions(void **state UNUSED)
{
	struct kit k;

	begin(&k);
	for (unsigned kind = 0; kind < FAULT_KINDS; kind++) {
		const char *text;

		events_init(&k.ev, &k.a);
		event(&k, EV_ERROR, "")->u.fault.kind = (enum fault_kind)kind;
		text = frames(&k, &reply);
		CHECK(slice_starts(slice_cstr(text), LIT("exception:")));
		stream(&k, text);
		CHECK_INT(k.ev.n, 1);
		CHECK_INT(k.ev.v[0].kind, EV_ERROR);
	}
	done(&k);
}

static void models_are_listed(void **state UNUSED)
{
	static const struct model_row m = { .name = LITC("a\"m"), .owner = LITC("o") };
	struct json_out o;
	struct kit k;

	begin(&k);
	out_init(&o, &k.a);
	dialect_bedrock.models_write(&m, 1, &o);
	CHECK_SLICE(out_slice(&o),
		    "{\"modelSummaries\":[{\"modelArn\":\"arn:aws:bedrock:::foundation-model/"
		    "a\\\"m\",\"modelId\":\"a\\\"m\",\"modelName\":\"a\\\"m\",\"providerName\":"
		    "\"o\",\"inputModalities\":[\"TEXT\"],\"outputModalities\":[\"TEXT\"],"
		    "\"responseStreamingSupported\":true,\"inferenceTypesSupported\":["
		    "\"ON_DEMAND\"],\"modelLifecycle\":{\"status\":\"ACTIVE\"}}]}");
	out_init(&o, &k.a);
	dialect_bedrock.model_write(&m, &o);
	CHECK(slice_starts(out_slice(&o), LIT("{\"modelDetails\":{\"modelArn\":")));
	done(&k);
}

/* ---- memory ---- */

static void run_out(struct test_mem *mem)
{
	struct arena a, keep;
	struct chat_events ev;
	struct json_out o;
	bool ok = false;
	void *writer;
	enum rc rc;

	arena_init(&a, &mem->mem, 256, 1 << 20);
	arena_init(&keep, &mem->mem, 128, 1 << 20);
	events_init(&ev, &a);
	rc = dialect_bedrock.answer_read(slice_of(everything, sizeof(everything) - 1), &ev);
	writer = rc == OK ? arena_zero(&keep, dialect_bedrock.writer_bytes) : NULL;
	if (writer != NULL) {
		out_init(&o, &a);
		for (size_t i = 0; i < ev.n; i++)
			dialect_bedrock.event_write(writer, &reply, &keep, &ev.v[i], &o);
		ok = out_ok(&o) && !arena_failed(&keep);
		out_init(&o, &a);
		dialect_bedrock.answer_write(&reply, &ev, &o);
		ok = ok && out_ok(&o);
	}
	CHECK_INT(ok, !mem->failed);
	CHECK(rc == OK || rc == E_NOMEM);
	arena_free(&a);
	arena_free(&keep);
}

static void no_memory_is_told(void **state UNUSED)
{
	sweep(run_out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_answer_is_read),
		cmocka_unit_test(what_is_written_reads_as_the_same),
		cmocka_unit_test(a_stream_says_the_same_as_the_whole_answer),
		cmocka_unit_test(answers_are_written_as_aws_writes_them),
		cmocka_unit_test(bad_answers_are_refused_and_errors_are_told),
		cmocka_unit_test(two_calls_may_overlap),
		cmocka_unit_test(the_end_is_where_stop_and_metadata_have_come),
		cmocka_unit_test(the_end_is_seen_at_once_in_either_order),
		cmocka_unit_test(exceptions_end_a_stream),
		cmocka_unit_test(a_frame_that_is_no_json_is_refused),
		cmocka_unit_test(finishes_are_mapped_both_ways),
		cmocka_unit_test(the_sequence_that_was_met_is_told),
		cmocka_unit_test(a_forced_tools_input_is_the_text),
		cmocka_unit_test(usage_that_cannot_be_is_noted),
		cmocka_unit_test(a_stream_is_framed_as_aws_does),
		cmocka_unit_test(overlapping_calls_keep_their_indexes),
		cmocka_unit_test(custom_calls_and_bad_arguments_stay_readable),
		cmocka_unit_test(opaque_state_is_sealed_and_comes_back),
		cmocka_unit_test(images_and_refusals_are_written),
		cmocka_unit_test(errors_are_read),
		cmocka_unit_test(errors_are_written),
		cmocka_unit_test(faults_in_a_stream_are_exceptions),
		cmocka_unit_test(models_are_listed),
		cmocka_unit_test(no_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
