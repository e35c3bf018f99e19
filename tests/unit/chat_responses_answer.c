#include "check.h"

#include "chat/responses/answer_out.h"
#include "chat_says.h"

struct kit {
	struct test_mem mem;
	struct arena a, keep;
	struct chat_request req;
	struct chat_refusal why;
	char text[16384];
};

static void begin(struct kit *k)
{
	*k = (struct kit){ 0 };
	test_mem_init(&k->mem, 0);
	arena_init(&k->a, &k->mem.mem, 1024, 1 << 24);
	arena_init(&k->keep, &k->mem.mem, 1024, 1 << 24);
}

static void done(struct kit *k)
{
	arena_free(&k->a);
	arena_free(&k->keep);
	CHECK_INT(k->mem.live, 0);
}

static struct chat_reply reply_to(const struct chat_request *r)
{
	return (struct chat_reply){ .req = r,
				    .id = LIT("req-0123456789abcdef"),
				    .model = LIT("gpt"),
				    .issuer = LIT("prov"),
				    .created_s = 1700000000 };
}

static bool has(struct slice text, const char *what)
{
	return slice_find(text, slice_cstr(what)) != SLICE_NONE;
}

/* ---- reading ---- */

/* A frame a line, without the event's name. */
static enum rc read_frames(struct kit *k, const char *frames, struct chat_events *ev)
{
	void *state = arena_zero(&k->keep, dialect_responses.reader_bytes);
	struct slice rest = slice_cstr(frames), line;
	enum rc rc = OK;

	events_init(ev, &k->a);
	while (rc == OK && rest.n > 0) {
		if (!slice_cut(rest, '\n', &line, &rest))
			rest.n = 0;
		rc = dialect_responses.event_read(state, &k->keep, LIT(""), line, ev);
	}
	if (rc == OK)
		dialect_responses.stream_end(state, &k->keep, ev);
	return rc;
}

static const char *says_stream(struct kit *k, const char *frames)
{
	struct chat_events ev;

	CHECK_RC(read_frames(k, frames, &ev), OK);
	return chat_says(&ev, k->text, sizeof(k->text));
}

static const char *says_answer(struct kit *k, const char *body)
{
	struct chat_events ev;

	events_init(&ev, &k->a);
	CHECK_RC(dialect_responses.answer_read(slice_cstr(body), &ev), OK);
	return chat_says(&ev, k->text, sizeof(k->text));
}

#define USAGE                                                                                  \
	"\"usage\":{\"input_tokens\":20,\"input_tokens_details\":{\"cached_tokens\":8,"        \
	"\"cache_write_tokens\":2},\"output_tokens\":9,\"output_tokens_details\":{"            \
	"\"reasoning_tokens\":4},\"total_tokens\":29}"

#define ITEM_REASON                                                                            \
	"{\"id\":\"rs_1\",\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\","     \
	"\"text\":\"one\"},{\"type\":\"summary_text\",\"text\":\"two\"}],"                     \
	"\"encrypted_content\":\"ENC\"}"
#define ITEM_MESSAGE_A                                                                         \
	"{\"id\":\"msg_1\",\"type\":\"message\",\"role\":\"assistant\",\"status\":"            \
	"\"completed\",\"content\":[{\"type\":\"output_text\",\"text\":\"Hi \\ud83d\\ude00\"," \
	"\"annotations\":[{\"type\":\"url_citation\",\"start_index\":1,\"end_index\":2,"       \
	"\"url\":\"u\",\"title\":\"t\"}],\"logprobs\":[{\"token\":\"a\"}]}]}"
#define ITEM_CALL_A                                                                            \
	"{\"id\":\"fc_1\",\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":\"f\","       \
	"\"arguments\":\"{\\\"a\\\":1}\",\"status\":\"completed\"}"
#define ITEM_CALL_B                                                                            \
	"{\"id\":\"fc_2\",\"type\":\"function_call\",\"call_id\":\"c2\",\"name\":\"g\","       \
	"\"arguments\":\"\",\"status\":\"completed\"}"
#define ITEM_CUSTOM_A                                                                          \
	"{\"id\":\"ctc\",\"type\":\"custom_tool_call\",\"call_id\":\"c3\",\"name\":\"sh\","    \
	"\"input\":\"ls\"}"
#define ITEM_SEARCH "{\"id\":\"ws\",\"type\":\"web_search_call\",\"status\":\"completed\"}"
#define OUTPUT                                                                                 \
	"\"output\":[" ITEM_REASON "," ITEM_SEARCH "," ITEM_MESSAGE_A "," ITEM_CALL_A          \
	"," ITEM_CALL_B "," ITEM_CUSTOM_A "]"
#define RESPONSE(status, rest)                                                                 \
	"{\"id\":\"resp_1\",\"object\":\"response\",\"created_at\":1.5,\"status\":\"" status   \
	"\",\"error\":null,\"incomplete_details\":null,\"model\":\"up\"," rest "}"

static const char said[] = "start resp_1 up\n"
			   "reasoning one\\n\\ntwo\n"
			   "encrypted rs_1:ENC\n"
			   "other\n"
			   "text Hi \\ud83d\\ude00\n"
			   "annotation 1-2 u|t|\n"
			   "logprobs [{\"token\":\"a\"}]\n"
			   "call 0 c1 f {\\\"a\\\":1}\n"
			   "call 1 c2 g {}\n"
			   "call 2 c3 sh ls custom\n"
			   "usage 10+8+2+0+0 5+4+0 searches 1\n"
			   "finish tools\n"
			   "end\n";

static void a_whole_answer_is_read(void **state UNUSED)
{
	struct kit k;

	begin(&k);
	CHECK_STR(says_answer(&k, "\n" RESPONSE("completed", OUTPUT "," USAGE)), said);
	done(&k);
}

#define F(type, rest)  "{\"type\":\"response." type "\",\"sequence_number\":0," rest "}\n"
#define ADDED(i, item) F("output_item.added", "\"output_index\":" i ",\"item\":" item)
#define DONE(i, item)  F("output_item.done", "\"output_index\":" i ",\"item\":" item)
#define DELTA(type, i, text)                                                                   \
	F(type ".delta", "\"item_id\":\"x\",\"output_index\":" i                               \
			 ",\"content_index\":0,\"delta\":\"" text "\"")
#define END_WITH(status, rest) F(status, "\"response\":" RESPONSE(status, rest))
#define CREATED                F("created", "\"response\":" RESPONSE("in_progress", "\"output\":[]"))

static const char whole_stream[] = CREATED F(
	"in_progress",
	"\"response\":" RESPONSE(
		"in_progress",
		"\"output\":[]")) ADDED("0",
					"{\"type\":\"reasoning\",\"id\":\"rs_1\",\"summary\":[]"
					"}") F("reasoning_summary_part.added",
					       "\"output_index\":0,\"summary_index\":0,"
					       "\"part\":{\"type\":\"summary_text\"}")
	DELTA("reasoning_summary_text", "0", "o") DELTA("reasoning_summary_text", "0", "ne") F(
		"reasoning_summary_text.done",
		"\"output_index\":0,\"text\":\"one\"") F("reasoning_summary_part.done",
							 "\"output_index\":0,\"part\":{"
							 "}") F("reasoning_summary_"
								"part.added",
								"\"output_index\":0,"
								"\"summary_index\":1")
		DELTA("reasoning_summary_text", "0", "two") DONE("0", ITEM_REASON) ADDED(
			"1",
			"{\"type\":\"web_search_call\",\"id\":"
			"\"ws\"}") F("web_search_call.searching",
				     "\"output_index\":1") DONE("1",
								ITEM_SEARCH) ADDED("2",
										   "{\"type\":"
										   "\"message\""
										   ",\"id\":"
										   "\"msg_"
										   "1\","
										   "\"content\""
										   ":[]}")
			F("content_part.added",
			  "\"output_index\":2,\"part\":{\"type\":"
			  "\"output_text\"}") DELTA("output_text", "2",
						    "Hi \\ud83d") DELTA("output_text", "2",
									"\\ude00") F("output_"
										     "text."
										     "done",
										     "\"output_"
										     "index\":"
										     "2,"
										     "\"text\":"
										     "\"Hi "
										     "\\ud83d\\"
										     "ude00\"")
				F("content_part.done", "\"output_index\":2") DONE(
					"2", ITEM_MESSAGE_A) ADDED("3",
								   "{\"type\":\"function_"
								   "call\",\"call_id\":"
								   "\"c1\",\"name\":\"f\"}")
					ADDED("4",
					      "{\"type\":\"function_call\",\"call_"
					      "id\":\"c2\",\"name\":\"g\"}") DELTA("function_"
										   "call_"
										   "arguments",
										   "3",
										   "{\\\"a\\\"")
						F("some.future.event", "\"x\":1") DELTA(
							"funct"
							"ion_"
							"call_"
							"argum"
							"ents",
							"3",
							":1}") F("function_call_arguments.done",
								 "\"ou"
								 "tput"
								 "_ind"
								 "ex\""
								 ":3,"
								 "\"ar"
								 "gume"
								 "nts"
								 "\":"
								 "\"{}"
								 "\"") DONE("4", ITEM_CALL_B)
							DONE("3", ITEM_CALL_A) DONE(
								"3",
								ITEM_CALL_A) ADDED("5",
										   "{\"type\":"
										   "\"custom_"
										   "tool_"
										   "call\","
										   "\"call_"
										   "id\":"
										   "\"c3\","
										   "\"name\":"
										   "\"sh\"}")
								DELTA("custo"
								      "m_"
								      "tool_"
								      "call_"
								      "inpu"
								      "t",
								      "5",
								      "l") DELTA("custom_tool_"
										 "call_input",
										 "5",
										 "s") DONE("5",
											   ITEM_CUSTOM_A)
									END_WITH("comple"
										 "ted",
										 OUTPUT
										 "," USAGE)
										END_WITH(
											"comple"
											"ted",
											OUTPUT
											"," USAGE) "[DONE]\n";

static void a_stream_says_what_its_answer_says(void **state UNUSED)
{
	struct kit k;

	begin(&k);
	CHECK_STR(says_stream(&k, whole_stream), said);
	done(&k);
}

/* Servers that are compatible leave out what they think nobody reads. */
static void a_stream_may_lack_most_of_its_events(void **state UNUSED)
{
	static const struct {
		const char *frames, *says;
	} rows[] = {
		/* only the last one */
		{ END_WITH("completed", OUTPUT "," USAGE), said },
		/* items without pieces */
		{ CREATED DONE("0", ITEM_REASON) DONE("1", ITEM_SEARCH) DONE(
			  "2", ITEM_MESSAGE_A) DONE("3", ITEM_CALL_A) DONE("4", ITEM_CALL_B)
			  DONE("5", ITEM_CUSTOM_A) END_WITH("completed", OUTPUT "," USAGE),
		  said },
		/* items announced, arguments at their end */
		{ CREATED ADDED("0", "{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":"
				     "\"f\"}") DONE("0", ITEM_CALL_A)
			  END_WITH("completed", "\"output\":[" ITEM_CALL_A "]"),
		  "start resp_1 up\ncall 0 c1 f {\\\"a\\\":1}\nfinish tools\nend\n" },
		/* text that was not announced is not told twice */
		{ CREATED DELTA("output_text", "0", "Hi") DONE(
			  "0", "{\"type\":\"message\",\"content\":[{\"type\":\"output_text\","
			       "\"text\":\"Hi\"}]}")
			  END_WITH("completed",
				   "\"output\":[{\"type\":\"message\",\"content\":["
				   "{\"type\":\"output_text\",\"text\":\"Hi\"}]}]"),
		  "start resp_1 up\ntext Hi\nfinish stop\nend\n" },
		/* a call that never ends */
		{ CREATED ADDED("0", "{\"type\":\"function_call\",\"call_id\":\"c1\",\"name\":"
				     "\"f\"}") END_WITH("completed", "\"output\":[]"),
		  "start resp_1 up\ncall 0 c1 f {}\nfinish tools\nend\n" },
		/* no start, arguments as an object */
		{ DONE("0", "{\"type\":\"function_call\",\"call_id\":\"c\",\"name\":\"f\","
			    "\"arguments\":{\"a\":1}}") END_WITH("completed", "\"output\":[]"),
		  "start\ncall 0 c f {\\\"a\\\":1}\nfinish tools\nend\n" },
		/* an end mark of another API */
		{ CREATED DONE("0", "{\"type\":\"message\",\"content\":[{\"type\":"
				    "\"output_text\",\"text\":\"Hi\"}]}") "[DONE]",
		  "start resp_1 up\ntext Hi\nfinish stop\nend\n" },
		/* plain reasoning in two parts */
		{ CREATED ADDED("0", "{\"type\":\"reasoning\"}") F(
			  "content_part.added",
			  "\"output_index\":0,\"part\":{\"type\":\"reasoning_text\"}")
			  DELTA("reasoning_text", "0", "a")
				  F("content_part.added",
				    "\"output_index\":0,\"part\":{\"type\":\"reasoning_text\"}")
					  DELTA("reasoning_text", "0", "b")
						  END_WITH("completed", "\"output\":[]"),
		  "start resp_1 up\nreasoning a\\n\\nb\nfinish stop\nend\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kit k;

		begin(&k);
		CHECK_STR(says_stream(&k, rows[i].frames), rows[i].says);
		done(&k);
	}
}

static void a_stream_that_breaks_off_has_no_end(void **state UNUSED)
{
	static const char *const rows[] = {
		CREATED DELTA("output_text", "0", "Hi"),
		CREATED ADDED("0", "{\"type\":\"message\"}")
			DELTA("output_text", "0", "Hi") "[DONE]",
		CREATED "[DONE]",
		"",
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kit k;

		begin(&k);
		CHECK(strstr(says_stream(&k, rows[i]), "end") == NULL);
		done(&k);
	}
}

static void a_frame_that_cannot_be_read_is_refused(void **state UNUSED)
{
	static const char *const rows[] = { "{", "7", "[]",
					    "{\"type\":\"response.completed\"}" };
	struct chat_events ev;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kit k;

		begin(&k);
		CHECK_RC(read_frames(&k, rows[i], &ev), E_BAD);
		done(&k);
	}
}

static void endless_items_are_refused(void **state UNUSED)
{
	void *s;
	struct chat_events ev;
	enum rc rc = OK;
	char frame[160];
	struct sb b;
	struct kit k;
	size_t n = 0;

	begin(&k);
	s = arena_zero(&k.keep, dialect_responses.reader_bytes);
	for (; rc == OK && n < 100000; n++) {
		sb_init(&b, frame, sizeof(frame));
		sb_fmt(&b,
		       "{\"type\":\"response.output_item.added\",\"output_index\":%zu,"
		       "\"item\":{\"type\":\"message\"}}",
		       n);
		events_init(&ev, &k.a);
		rc = dialect_responses.event_read(s, &k.keep, LIT(""), sb_slice(&b), &ev);
	}
	CHECK_RC(rc, E_BAD);
	CHECK_INT(n, 4097);
	done(&k);
}

static void endings_are_what_they_say(void **state UNUSED)
{
	static const struct {
		const char *body, *says;
	} rows[] = {
		{ "{\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":"
		  "\"max_output_tokens\"},\"output\":[]}",
		  "start\nfinish length\nend\n" },
		{ "{\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":"
		  "\"content_filter\"},\"output\":[]}",
		  "start\nfinish filter\nend\n" },
		{ "{\"status\":\"incomplete\",\"incomplete_details\":{\"reason\":\"steered\"},"
		  "\"output\":[]}",
		  "start\nfinish length\nend\n" },
		{ "{\"status\":\"completed\",\"output\":[{\"type\":\"message\",\"content\":[{"
		  "\"type\":\"refusal\",\"refusal\":\"no\"}]}]}",
		  "start\nrefusal no\nfinish refusal\nend\n" },
		{ "{\"output\":[]}", "start\nfinish stop\nend\n" },
		{ "{\"status\":\"failed\",\"output\":[],\"error\":{\"code\":\"server_error\","
		  "\"message\":\"m\"}}",
		  "start\nerror server_error m\n" },
		{ "{\"status\":\"failed\",\"output\":[],\"error\":{\"code\":"
		  "\"rate_limit_exceeded\",\"message\":\"m\"}}",
		  "start\nerror rate_limit m\n" },
		{ "{\"status\":\"cancelled\",\"output\":[]}", "start\nerror server_error\n" },
		{ "{\"status\":\"in_progress\",\"output\":[]}", "start\nerror server_error\n" },
		{ "{\"error\":{\"message\":\"m\",\"type\":\"x\",\"code\":\"model_not_found\"}}",
		  "error model_not_found m\n" },
		{ "{\"output\":[],\"usage\":{\"input_tokens\":1,\"input_tokens_details\":{"
		  "\"cached_tokens\":5},\"output_tokens\":2,\"output_tokens_details\":{"
		  "\"reasoning_tokens\":9},\"total_tokens\":3}}",
		  "start\nusage 0+1+0+0+0 0+2+0 odd\nfinish stop\nend\n" },
		{ "{\"output\":[],\"usage\":{\"input_tokens\":1,\"output_tokens\":2,"
		  "\"output_tokens_details\":{\"reasoning_tokens\":9},\"total_tokens\":12}}",
		  "start\nusage 1+0+0+0+0 2+9+0\nfinish stop\nend\n" },
		{ "{\"output\":[],\"usage\":{\"input_tokens\":1e30,\"output_tokens\":2}}",
		  "start\nusage 0+0+0+0+0 2+0+0\nfinish stop\nend\n" },
		{ "{\"output\":[],\"usage\":{\"input_tokens\":1099511627777}}",
		  "start\nusage 0+0+0+0+0 0+0+0 unknown odd\nfinish stop\nend\n" },
		{ "{\"output\":[{\"type\":\"image_generation_call\",\"result\":\"AAAA\"},{"
		  "\"type\":\"image_generation_call\"},7]}",
		  "start\nother\nother\nfinish stop\nend\n" },
	};
	struct chat_events ev;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kit k;

		begin(&k);
		CHECK_STR(says_answer(&k, rows[i].body), rows[i].says);
		events_init(&ev, &k.a);
		CHECK_RC(dialect_responses.answer_read(LIT("{\"id\":\"x\"}"), &ev), E_BAD);
		CHECK_RC(dialect_responses.answer_read(LIT("[1]"), &ev), E_BAD);
		done(&k);
	}
}

static void errors_in_streams_are_errors(void **state UNUSED)
{
	static const struct {
		const char *frames, *says;
	} rows[] = {
		{ CREATED "{\"type\":\"error\",\"code\":\"server_error\",\"message\":\"m\","
			  "\"param\":null,\"sequence_number\":3}\n" END_WITH("completed",
									     "\"output\":[]"),
		  "start resp_1 up\nerror server_error m\n" },
		{ "{\"type\":\"error\",\"error\":{\"code\":\"rate_limit_exceeded\","
		  "\"message\":\"m\"}}",
		  "error rate_limit m\n" },
		{ "{\"error\":{\"message\":\"m\"}}", "error server_error m\n" },
		{ F("failed", "\"response\":{\"status\":\"failed\",\"error\":{\"code\":"
			      "\"invalid_prompt\",\"message\":\"m\"}}"),
		  "error content_policy m\n" },
		{ F("failed", "\"response\":{\"status\":\"failed\",\"error\":null}"),
		  "error server_error\n" },
		{ END_WITH("completed", "\"output\":[],\"error\":{\"code\":\"image_too_large\","
					"\"message\":\"m\"}"),
		  "start resp_1 up\nfinish stop\nend\n" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct kit k;

		begin(&k);
		CHECK_STR(says_stream(&k, rows[i].frames), rows[i].says);
		done(&k);
	}
}

static void errors_are_what_their_status_and_words_say(void **state UNUSED)
{
	static const struct {
		unsigned status;
		const char *body;
		enum fault_kind kind;
	} rows[] = {
		{ 400, "{\"error\":{\"message\":\"m\",\"code\":\"context_length_exceeded\"}}",
		  FAULT_CONTEXT },
		{ 400, "{\"error\":{\"message\":\"m\",\"code\":\"invalid_image_format\"}}",
		  FAULT_CLIENT },
		{ 401, "{\"error\":{\"message\":\"m\",\"code\":\"invalid_api_key\"}}",
		  FAULT_AUTH },
		{ 404, "{\"error\":{\"message\":\"m\",\"type\":\"invalid_request_error\"}}",
		  FAULT_MODEL },
		{ 429, "{\"error\":{\"message\":\"m\",\"code\":\"insufficient_quota\"}}",
		  FAULT_QUOTA },
		{ 400, "{\"error\":{\"message\":\"m\",\"code\":\"bio_policy\"}}",
		  FAULT_POLICY },
		{ 500, "oops", FAULT_SERVER },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct fault f = { 0 };
		struct kit k;

		begin(&k);
		dialect_responses.error_read(&f, rows[i].status, slice_cstr(rows[i].body),
					     &k.a);
		CHECK_INT(f.kind, rows[i].kind);
		CHECK_INT(f.status, rows[i].status);
		done(&k);
	}
}

/* ---- writing ---- */

/* Events for tests. */
#define T(kind_, text_)                                                                        \
	{                                                                                      \
		.kind = (kind_), .text = JTEXTC(text_)                                         \
	}
#define BEGIN(i, id_, name_)                                                                   \
	{                                                                                      \
		.kind = EV_TOOL_BEGIN, .index = (i), .id = JTEXTC(id_), .name = JTEXTC(name_)  \
	}
#define ARGS(i, text_)                                                                         \
	{                                                                                      \
		.kind = EV_TOOL_ARGS, .index = (i), .text = JTEXTC(text_)                      \
	}
#define TOOL_DONE(i)                                                                           \
	{                                                                                      \
		.kind = EV_TOOL_END, .index = (i)                                              \
	}
#define FINISHED(how)                                                                          \
	{                                                                                      \
		.kind = EV_FINISH, .finish = (how)                                             \
	}
#define END                                                                                    \
	{                                                                                      \
		.kind = EV_END                                                                 \
	}

static struct slice write_stream(struct kit *k, const struct chat_reply *to,
				 const struct chat_event *v, size_t n)
{
	void *state = arena_zero(&k->keep, dialect_responses.writer_bytes);
	struct json_out o;

	out_init(&o, &k->a);
	for (size_t i = 0; i < n; i++)
		dialect_responses.event_write(state, to, &k->keep, &v[i], &o);
	CHECK(out_ok(&o));
	return out_slice(&o);
}

/* The data of the frames, one per line; their names and numbers are looked at. */
static const char *frames_of(struct kit *k, struct slice text)
{
	struct slice line, name = { NULL, 0 };
	struct json_member m[8];
	enum json_kind kind;
	uint64_t number;
	size_t seen = 0, n;
	struct sb b;

	sb_init(&b, k->text, sizeof(k->text));
	while (slice_cut(text, '\n', &line, &text)) {
		if (slice_starts(line, LIT("event: "))) {
			name = slice_skip(line, 7);
		} else if (slice_starts(line, LIT("data: "))) {
			line = slice_skip(line, 6);
			CHECK_RC(json_scan(line, &kind, m, ARRAY_LEN(m), &n, NULL), OK);
			CHECK(json_string_is(m[0].value, name));
			CHECK(json_u64(m[1].value, &number));
			CHECK_INT(number, seen++);
			sb_str(&b, line);
			sb_char(&b, '\n');
		} else {
			CHECK(line.n == 0 || line.p[0] == ':');
		}
	}
	CHECK(!b.cut);
	return sb_cstr(&b);
}

/* Types of the frames, without "response.". */
static const char *types_of(struct kit *k, struct slice text)
{
	struct slice line;
	struct sb b;

	(void)frames_of(k, text);
	sb_init(&b, k->text, sizeof(k->text));
	while (slice_cut(text, '\n', &line, &text)) {
		if (!slice_starts(line, LIT("event: ")))
			continue;
		line = slice_skip(line, 7);
		if (slice_starts(line, LIT("response.")))
			line = slice_skip(line, 9);
		sb_lit(&b, b.n > 0 ? "," : "");
		sb_str(&b, line);
	}
	return sb_cstr(&b);
}

#define ID "0123456789abcdef"

static void a_text_is_told_in_the_documented_order(void **state UNUSED)
{
	static const struct chat_event v[] = { { .kind = EV_START },
					       T(EV_TEXT, "Hel\\\"l"),
					       { .kind = EV_PING },
					       T(EV_TEXT, "o"),
					       FINISHED(FINISH_STOP),
					       { .kind = EV_USAGE,
						 .u.usage = { .known = true,
							      .input = 3,
							      .cache_read = 2,
							      .cache_write_1h = 1,
							      .audio_in = 1,
							      .output = 4,
							      .reasoning = 5 } },
					       END };
	const struct chat_reply to = reply_to(NULL);
	struct slice out;
	struct kit k;

	begin(&k);
	out = write_stream(&k, &to, v, ARRAY_LEN(v));
	CHECK_STR(types_of(&k, out),
		  "created,in_progress,output_item.added,content_part.added,output_text.delta,"
		  "output_text.delta,output_text.done,content_part.done,output_item.done,"
		  "completed");
	CHECK(has(out, ": ping\n\n"));
	CHECK(has(out, "data: {\"type\":\"response.output_item.added\",\"sequence_number\":2,"
		       "\"output_index\":0,\"item\":{\"id\":\"msg_" ID "0000\",\"type\":"
		       "\"message\",\"status\":\"in_progress\",\"content\":[],\"role\":"
		       "\"assistant\"}}\n\n"));
	CHECK(has(out, "{\"type\":\"response.output_text.delta\",\"sequence_number\":5,"
		       "\"item_id\":\"msg_" ID "0000\",\"output_index\":0,\"content_index\":0,"
		       "\"delta\":\"o\",\"logprobs\":[]}"));
	CHECK(has(out, "{\"type\":\"response.output_text.done\",\"sequence_number\":6,"
		       "\"item_id\":\"msg_" ID "0000\",\"output_index\":0,\"content_index\":0,"
		       "\"text\":\"Hel\\\"lo\",\"logprobs\":[]}"));
	CHECK(has(out, "event: response.completed\ndata: {\"type\":\"response.completed\","
		       "\"sequence_number\":9,\"response\":{\"id\":\"resp_" ID
		       "\",\"object\":\"response\",\"created_at\":1700000000,\"status\":"
		       "\"completed\",\"error\":null,\"incomplete_details\":null,\"model\":"
		       "\"gpt\",\"output\":[{\"id\":\"msg_" ID "0000\",\"type\":\"message\","
		       "\"status\":\"completed\",\"content\":[{\"type\":\"output_text\","
		       "\"annotations\":[],\"logprobs\":[],\"text\":\"Hel\\\"lo\"}],\"role\":"
		       "\"assistant\"}],\"background\":false,"));
	CHECK(has(out, "\"usage\":{\"input_tokens\":7,\"input_tokens_details\":{"
		       "\"cached_tokens\":2,\"cache_write_tokens\":1},\"output_tokens\":9,"
		       "\"output_tokens_details\":{\"reasoning_tokens\":5},\"total_tokens\":"
		       "16}}}\n\n"));
	done(&k);
}

static const struct chat_event busy[] = {
	{ .kind = EV_START },
	{ .kind = EV_REASONING, .text = JTEXTC("th"), .summary = true },
	{ .kind = EV_REASONING, .text = JTEXTC("ink"), .summary = true },
	{ .kind = EV_SIGNATURE, .signature = JTEXTC("SIG") },
	{ .kind = EV_SIGNATURE, .encrypted = true, .text = JTEXTC("rs_1:ENC") },
	T(EV_REASONING, "raw"),
	{ .kind = EV_TEXT, .text = JTEXTC("I call"), .signature = JTEXTC("TS") },
	{ .kind = EV_ANNOTATION,
	  .u.annotation = { .url = JTEXTC("u"), .title = JTEXTC("t"), .start = 1, .end = 2 } },
	{ .kind = EV_LOGPROBS, .raw = LITC("[{\"token\":\"I\"}]") },
	BEGIN(0, "c0", "f"),
	{ .kind = EV_TOOL_BEGIN,
	  .index = 1,
	  .id = JTEXTC("c1"),
	  .name = JTEXTC("g"),
	  .signature = JTEXTC("CS") },
	ARGS(1, "{\\\"b\\\""),
	ARGS(0, "{\\\"a\\\":"),
	ARGS(1, ":2}"),
	ARGS(0, "1}"),
	TOOL_DONE(1),
	TOOL_DONE(0),
	BEGIN(2, "", "none"),
	TOOL_DONE(2),
	{ .kind = EV_TOOL_BEGIN,
	  .index = 3,
	  .custom = true,
	  .id = JTEXTC("c3"),
	  .name = JTEXTC("sh") },
	{ .kind = EV_TOOL_ARGS, .index = 3, .custom = true, .text = JTEXTC("ls") },
	TOOL_DONE(3),
	{ .kind = EV_OTHER,
	  .name = JTEXTC("responses"),
	  .raw = LITC("{\"type\":\"web_search_call\",\"id\":\"ws\"}") },
	{ .kind = EV_OTHER, .raw = LITC("{\"type\":\"server_tool_use\"}") },
	{ .kind = EV_USAGE, .u.usage = { .known = true, .input = 3, .output = 4 } },
	FINISHED(FINISH_TOOLS),
	END,
};

/* What a client hears of it; the second text is sealed. */
static const char busy_says[] = "start resp_" ID " gpt\n"
				"reasoning think\n"
				"encrypted rs_" ID "0000:weir~prov~S:SIG\n"
				"encrypted rs_" ID "0001:weir~prov~e:rs_1:ENC\n"
				"reasoning raw\n"
				"text I call\n"
				"annotation 1-2 u|t|\n"
				"logprobs [{\"token\":\"I\"}]\n"
				"encrypted rs_" ID "0004:weir~prov~t:TS\n"
				"call 0 c0 f {\\\"a\\\":1}\n"
				"encrypted rs_" ID "0006:weir~prov~c:CS\n"
				"call 1 c1 g {\\\"b\\\":2}\n"
				"call 2 call_" ID "0008 none {}\n"
				"call 3 c3 sh ls custom\n"
				"other\n"
				"usage 3+0+0+0+0 4+0+0 searches 1\n"
				"finish tools\n"
				"end\n";

static void all_kinds_at_once_are_told_in_order(void **state UNUSED)
{
	const struct chat_reply to = reply_to(NULL);
	struct slice out;
	struct kit k;

	begin(&k);
	out = write_stream(&k, &to, busy, ARRAY_LEN(busy));
	CHECK_STR(
		types_of(&k, out),
		"created,in_progress,"
		"output_item.added,reasoning_summary_part.added,reasoning_summary_text.delta,"
		"reasoning_summary_text.delta,reasoning_summary_text.done,"
		"reasoning_summary_part.done,output_item.done,"
		"output_item.added,output_item.done,"
		"output_item.added,content_part.added,reasoning_text.delta,"
		"reasoning_text.done,content_part.done,output_item.done,"
		"output_item.added,content_part.added,output_text.delta,"
		"output_text.annotation.added,output_text.delta,output_text.done,"
		"content_part.done,output_item.done,"
		"output_item.added,output_item.done,"
		"output_item.added,"
		"output_item.added,output_item.done,"
		"output_item.added,function_call_arguments.delta,"
		"function_call_arguments.delta,function_call_arguments.delta,"
		"function_call_arguments.delta,function_call_arguments.done,output_item.done,"
		"function_call_arguments.done,output_item.done,"
		"output_item.added,function_call_arguments.delta,function_call_arguments.done,"
		"output_item.done,"
		"output_item.added,custom_tool_call_input.delta,custom_tool_call_input.done,"
		"output_item.done,"
		"output_item.added,output_item.done,"
		"completed");
	CHECK(has(out, "\"item_id\":\"fc_" ID "0005\",\"output_index\":5,\"name\":\"f\","
		       "\"arguments\":\"{\\\"a\\\":1}\"}"));
	CHECK(has(out, "\"annotation_index\":0,\"annotation\":{\"type\":\"url_citation\","
		       "\"start_index\":1,\"end_index\":2,\"url\":\"u\",\"title\":\"t\"}}"));
	CHECK(!has(out, "server_tool_use"));
	done(&k);
}

static void what_is_written_reads_the_same(void **state UNUSED)
{
	const struct chat_reply to = reply_to(NULL);
	struct chat_events ev;
	struct json_out o;
	struct slice out;
	struct kit k;

	begin(&k);
	out = write_stream(&k, &to, busy, ARRAY_LEN(busy));
	CHECK_RC(read_frames(&k, arena_cstr(&k.a, slice_cstr(frames_of(&k, out))), &ev), OK);
	/* Calls that overlap are told where they begin. */
	CHECK_STR(chat_says(&ev, k.text, sizeof(k.text)), busy_says);
	events_init(&ev, &k.a);
	for (size_t i = 0; i < ARRAY_LEN(busy); i++)
		*event_add(&ev, EV_PING) = busy[i];
	out_init(&o, &k.a);
	dialect_responses.answer_write(&to, &ev, &o);
	CHECK_STR(says_answer(&k, arena_cstr(&k.a, out_slice(&o))), busy_says);
	done(&k);
}

/* Who asks for a summary finds the reasoning there, and its signature knows better. */
static void reasoning_is_a_summary_for_who_asks_for_one(void **state UNUSED)
{
	static const struct chat_event v[] = {
		T(EV_REASONING, "raw"),
		{ .kind = EV_SIGNATURE, .signature = JTEXTC("SIG") },
		FINISHED(FINISH_STOP),
		END,
	};
	struct chat_request r = { .dialect = &dialect_responses,
				  .body = LIT("{}"),
				  .thinking = { .visible = YES } };
	struct chat_reply to = reply_to(&r);
	struct slice out;
	struct kit k;

	begin(&k);
	out = write_stream(&k, &to, v, ARRAY_LEN(v));
	CHECK(has(out, "\"summary\":[{\"type\":\"summary_text\",\"text\":\"raw\"}],"
		       "\"encrypted_content\":\"weir~prov~s:SIG\""));
	to.issuer = LIT("");
	out = write_stream(&k, &to, v, ARRAY_LEN(v));
	CHECK(has(out, "\"encrypted_content\":\"SIG\""));
	done(&k);
}

static void every_finish_goes_there_and_back(void **state UNUSED)
{
	static const struct {
		enum finish_kind in;
		const char *type, *says;
	} rows[] = {
		{ FINISH_STOP, "response.completed", "finish stop\nend\n" },
		{ FINISH_SEQUENCE, "response.completed", "finish stop\nend\n" },
		{ FINISH_LENGTH, "response.incomplete", "finish length\nend\n" },
		{ FINISH_CONTEXT, "response.incomplete", "finish length\nend\n" },
		{ FINISH_FILTER, "response.incomplete", "finish filter\nend\n" },
		{ FINISH_REFUSAL, "response.completed", "refusal no\nfinish refusal\nend\n" },
		{ FINISH_PAUSE, "response.incomplete", "finish length\nend\n" },
		{ FINISH_BROKEN, "response.failed", "error server_error The model made" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct chat_event v[] = {
			T(EV_TEXT, "x"),
			{ .kind = EV_FINISH, .finish = rows[i].in, .name = JTEXTC("no") },
			END
		};
		const struct chat_reply to = reply_to(NULL);
		struct chat_events ev;
		struct json_out o;
		struct slice out;
		struct kit k;

		begin(&k);
		out = write_stream(&k, &to, v, ARRAY_LEN(v));
		CHECK(has(out, rows[i].type));
		CHECK_RC(read_frames(&k, arena_cstr(&k.a, slice_cstr(frames_of(&k, out))), &ev),
			 OK);
		CHECK(strstr(chat_says(&ev, k.text, sizeof(k.text)), rows[i].says) != NULL);
		events_init(&ev, &k.a);
		for (size_t n = 0; n < ARRAY_LEN(v); n++)
			*event_add(&ev, EV_PING) = v[n];
		out_init(&o, &k.a);
		dialect_responses.answer_write(&to, &ev, &o);
		CHECK(strstr(says_answer(&k, arena_cstr(&k.a, out_slice(&o))), rows[i].says) !=
		      NULL);
		done(&k);
	}
}

static void a_refusal_without_words_is_no_clean_end(void **state UNUSED)
{
	static const struct chat_event v[] = { FINISHED(FINISH_REFUSAL), END };
	const struct chat_reply to = reply_to(NULL);
	struct slice out;
	struct kit k;

	begin(&k);
	out = write_stream(&k, &to, v, ARRAY_LEN(v));
	CHECK(has(out, "\"incomplete_details\":{\"reason\":\"content_filter\"}"));
	done(&k);
}

static void a_call_that_was_cut_keeps_what_there_is(void **state UNUSED)
{
	static const struct chat_event v[] = { BEGIN(0, "c", "f"), ARGS(0, "{\\\"a"),
					       FINISHED(FINISH_LENGTH), END };
	const struct chat_reply to = reply_to(NULL);
	struct slice out;
	struct kit k;

	begin(&k);
	out = write_stream(&k, &to, v, ARRAY_LEN(v));
	CHECK(has(out, "\"type\":\"function_call\",\"status\":\"incomplete\",\"arguments\":"
		       "\"{\\\"a\",\"call_id\":\"c\""));
	done(&k);
}

static void the_request_is_repeated(void **state UNUSED)
{
	static const char body[] =
		"{\"model\":\"m\",\"instructions\":\"be\\nnice\",\"input\":\"x\",\"tools\":[{"
		"\"type\":\"function\",\"name\":\"f\"},{\"type\":\"web_search\"}],"
		"\"tool_choice\":{\"type\":\"web_search\"},\"temperature\":0.50,"
		"\"reasoning\":{\"effort\":\"low\"},\"text\":{\"verbosity\":\"low\"},"
		"\"metadata\":{\"a\":\"b\"},\"max_output_tokens\":99,\"max_tool_calls\":2,"
		"\"parallel_tool_calls\":false,\"user\":\"u\",\"prompt_cache_key\":\"k\","
		"\"service_tier\":\"flex\",\"truncation\":\"auto\",\"top_p\":0.1}";
	const struct request_in in = { .body = LIT(body) };
	struct chat_reply to = reply_to(NULL);
	struct chat_events ev;
	struct json_out o;
	struct kit k;

	begin(&k);
	CHECK_RC(dialect_responses.request_read(&k.req, &in, &k.a, &k.why), OK);
	to.req = &k.req;
	events_init(&ev, &k.a);
	event_finish(&ev, 0, FINISH_STOP);
	event_add(&ev, EV_END);
	out_init(&o, &k.a);
	dialect_responses.answer_write(&to, &ev, &o);
	CHECK(has(out_slice(&o),
		  "\"output\":[],\"background\":false,\"instructions\":\"be\\nnice\","
		  "\"max_output_tokens\":99,\"max_tool_calls\":2,\"metadata\":{\"a\":\"b\"},"
		  "\"parallel_tool_calls\":false,\"previous_response_id\":null,"
		  "\"prompt_cache_key\":\"k\",\"reasoning\":{\"effort\":\"low\",\"summary\":"
		  "null},\"safety_identifier\":null,\"service_tier\":\"flex\",\"store\":false,"
		  "\"temperature\":0.50,\"text\":{\"format\":{\"type\":\"text\"},"
		  "\"verbosity\":\"low\"},\"tool_choice\":{\"type\":\"web_search\"},\"tools\":["
		  "{\"type\":\"function\",\"name\":\"f\",\"parameters\":{\"type\":\"object\","
		  "\"properties\":{}}},{\"type\":\"web_search\"}],\"top_logprobs\":0,"
		  "\"top_p\":0.1,\"truncation\":\"auto\",\"user\":\"u\",\"usage\":null}"));
	done(&k);
}

/* A request that a person wrote has line ends; a frame that repeats it has one. */
static void what_is_quoted_stays_on_one_line(void **state UNUSED)
{
	static const struct chat_event v[] = {
		{ .kind = EV_START },
		{ .kind = EV_LOGPROBS, .raw = LITC("[\n{\"token\":\r\"a\"}\n]") },
		{ .kind = EV_ANNOTATION,
		  .name = JTEXTC("responses"),
		  .u.annotation.raw = LITC("{\n}") },
		{ .kind = EV_OTHER, .name = JTEXTC("responses"), .raw = LITC("{\n}") },
		FINISHED(FINISH_STOP),
		END,
	};
	const struct request_in in = {
		.body = LIT(
			"{\"model\":\"m\",\"input\":\"x\",\n\"tools\":[{\"type\":\"function\","
			"\"name\":\"f\",\"parameters\":{\n}},{\"type\":\"mcp\",\n\"a\":1},{"
			"\"type\":\"custom\",\"name\":\"c\",\"format\":{\n\"x\":1}}],"
			"\"metadata\":{\n},\"text\":{\"format\":{\"type\":\"json_schema\","
			"\"name\":\"n\",\"schema\":{\n}},\"y\":[\n]},\"tool_choice\":{\n"
			"\"type\":\"mcp\"},\"reasoning\":{\"z\":{\n}}}"),
	};
	struct chat_reply to = reply_to(NULL);
	struct kit k;

	begin(&k);
	CHECK_RC(dialect_responses.request_read(&k.req, &in, &k.a, &k.why), OK);
	to.req = &k.req;
	(void)frames_of(&k, write_stream(&k, &to, v, ARRAY_LEN(v)));
	done(&k);
}

/* The last event repeats a long text; what it costs must not grow with its pieces. */
static void a_long_text_is_kept_once(void **state UNUSED)
{
	enum { PIECES = 20000 };
	const struct chat_event piece = T(EV_TEXT, "0123456789\\n");
	const struct chat_event end = END;
	const struct chat_reply to = reply_to(NULL);
	struct responses_writer *s;
	struct json_out o;
	struct arena a;
	struct slice out;
	size_t text;
	struct kit k;

	begin(&k);
	s = arena_zero(&k.keep, sizeof(*s));
	for (size_t i = 0; i < PIECES; i++) {
		arena_init(&a, &k.mem.mem, 1024, 1 << 20);
		out_init(&o, &a);
		dialect_responses.event_write(s, &to, &k.keep, &piece, &o);
		CHECK(out_ok(&o));
		arena_free(&a);
	}
	CHECK(k.keep.held < 2 * 12 * PIECES);
	out_init(&o, &k.a);
	dialect_responses.event_write(s, &to, &k.keep, &end, &o);
	out = out_slice(&o);
	text = slice_find(out, LIT("\"text\":\"")) + 8;
	for (size_t i = 0; i < PIECES; i++)
		CHECK(slice_starts(slice_skip(out, text + 12 * i), LIT("0123456789\\n")));
	CHECK(slice_starts(slice_skip(out, text + 12 * (size_t)PIECES), LIT("\",\"logprobs")));
	done(&k);
}

static void an_error_ends_a_stream_once(void **state UNUSED)
{
	static const struct chat_event v[] = {
		{ .kind = EV_START },
		T(EV_TEXT, "par"),
		{ .kind = EV_ERROR,
		  .u.fault = { .kind = FAULT_RATE, .message = LITC("slow \"down\"") } },
		END,
	};
	const struct chat_error e = { .status = 400,
				      .message = LIT("no"),
				      .type = "invalid_request_error",
				      .code = "model_not_found",
				      .param = "model" };
	struct chat_reply to = reply_to(NULL);
	struct json_out o;
	struct slice out;
	void *s;
	struct kit k;

	begin(&k);
	out = write_stream(&k, &to, v, ARRAY_LEN(v));
	CHECK_STR(types_of(&k, out), "created,in_progress,output_item.added,content_part.added,"
				     "output_text.delta,error,failed");
	CHECK(has(out, "{\"type\":\"error\",\"sequence_number\":5,\"code\":\"rate_limit\","
		       "\"message\":\"slow \\\"down\\\"\",\"param\":null}"));
	CHECK(has(out, "\"status\":\"failed\",\"error\":{\"code\":\"rate_limit_exceeded\","
		       "\"message\":\"slow \\\"down\\\"\"}"));
	CHECK(has(out, "\"status\":\"incomplete\",\"content\":[{\"type\":\"output_text\","));
	s = arena_zero(&k.keep, dialect_responses.writer_bytes);
	out_init(&o, &k.a);
	dialect_responses.error_event_write(s, &to, &e, &o);
	dialect_responses.error_event_write(s, &to, &e, &o);
	dialect_responses.event_write(s, &to, &k.keep, &v[1], &o);
	CHECK_STR(types_of(&k, out_slice(&o)), "created,in_progress,error,failed");
	CHECK(has(out_slice(&o), "\"code\":\"model_not_found\",\"message\":\"no\",\"param\":"
				 "\"model\"}"));
	CHECK(has(out_slice(&o), "\"error\":{\"code\":\"invalid_prompt\""));
	/* After events of the provider's own. */
	to.passed = 7;
	s = arena_zero(&k.keep, dialect_responses.writer_bytes);
	out_init(&o, &k.a);
	dialect_responses.error_event_write(s, &to, &e, &o);
	CHECK(has(out_slice(&o), "{\"type\":\"error\",\"sequence_number\":7,"));
	CHECK(has(out_slice(&o), "{\"type\":\"response.failed\",\"sequence_number\":8,"));
	done(&k);
}

static void errors_and_lists_have_openais_shape(void **state UNUSED)
{
	const struct chat_error e = { .status = 400,
				      .message = LIT("a \"b\""),
				      .type = "invalid_request_error",
				      .code = "c" };
	const struct model_row row = { .name = LIT("m"), .owner = LIT("o"), .created_s = 5 };
	struct json_out o;
	struct kit k;

	begin(&k);
	out_init(&o, &k.a);
	dialect_responses.error_write(&e, &o);
	CHECK_SLICE(out_slice(&o), "{\"error\":{\"message\":\"a \\\"b\\\"\",\"type\":"
				   "\"invalid_request_error\",\"param\":null,\"code\":\"c\"}}");
	out_init(&o, &k.a);
	dialect_responses.models_write(&row, 1, &o);
	CHECK_SLICE(out_slice(&o), "{\"object\":\"list\",\"data\":[{\"id\":\"m\",\"object\":"
				   "\"model\",\"created\":5,\"owned_by\":\"o\"}]}");
	done(&k);
}

/* ---- memory ---- */

static void all_of_it(struct test_mem *mem)
{
	const struct chat_reply to = reply_to(NULL);
	struct slice rest = LIT(whole_stream), line;
	struct responses_reader reader = { 0 };
	struct responses_writer writer = { 0 };
	struct chat_events ev;
	struct arena a, keep;
	struct json_out o;
	enum rc rc = OK;

	arena_init(&a, &mem->mem, 64, 1 << 20);
	arena_init(&keep, &mem->mem, 64, 1 << 20);
	events_init(&ev, &a);
	while (rc == OK && slice_cut(rest, '\n', &line, &rest))
		rc = dialect_responses.event_read(&reader, &keep, LIT(""), line, &ev);
	CHECK(rc == OK || (mem->failed && (rc == E_NOMEM)));
	if (rc == OK) {
		out_init(&o, &a);
		for (size_t i = 0; i < ev.n; i++)
			dialect_responses.event_write(&writer, &to, &keep, &ev.v[i], &o);
		CHECK(out_ok(&o) || mem->failed);
		CHECK(!out_ok(&o) || has(out_slice(&o), "response.completed") ||
		      arena_failed(&a));
		out_init(&o, &a);
		dialect_responses.answer_write(&to, &ev, &o);
		CHECK(out_ok(&o) || mem->failed);
	}
	arena_free(&a);
	arena_free(&keep);
}

static void no_memory_is_reported_wherever_it_fails(void **state UNUSED)
{
	sweep(all_of_it);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_whole_answer_is_read),
		cmocka_unit_test(a_stream_says_what_its_answer_says),
		cmocka_unit_test(a_stream_may_lack_most_of_its_events),
		cmocka_unit_test(a_stream_that_breaks_off_has_no_end),
		cmocka_unit_test(a_frame_that_cannot_be_read_is_refused),
		cmocka_unit_test(endless_items_are_refused),
		cmocka_unit_test(endings_are_what_they_say),
		cmocka_unit_test(errors_in_streams_are_errors),
		cmocka_unit_test(errors_are_what_their_status_and_words_say),
		cmocka_unit_test(a_text_is_told_in_the_documented_order),
		cmocka_unit_test(all_kinds_at_once_are_told_in_order),
		cmocka_unit_test(what_is_written_reads_the_same),
		cmocka_unit_test(reasoning_is_a_summary_for_who_asks_for_one),
		cmocka_unit_test(every_finish_goes_there_and_back),
		cmocka_unit_test(a_refusal_without_words_is_no_clean_end),
		cmocka_unit_test(a_call_that_was_cut_keeps_what_there_is),
		cmocka_unit_test(the_request_is_repeated),
		cmocka_unit_test(what_is_quoted_stays_on_one_line),
		cmocka_unit_test(a_long_text_is_kept_once),
		cmocka_unit_test(an_error_ends_a_stream_once),
		cmocka_unit_test(errors_and_lists_have_openais_shape),
		cmocka_unit_test(no_memory_is_reported_wherever_it_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
