/* Amazon Bedrock's Converse and ConverseStream: docs.aws.amazon.com/bedrock, API_runtime_*. */
#include "mock/bedrock.h"

#include "mock/aws_auth.h"

enum endpoint { CONVERSE, STREAM, COUNT, NO_ENDPOINT };

enum { CITATIONS_MAX = 100 };

static enum endpoint endpoint_of(const struct exchange *x, struct slice *model)
{
	static const struct {
		struct slice end;
		enum endpoint endpoint;
	} rows[] = { { LITC("/converse"), CONVERSE },
		     { LITC("/converse-stream"), STREAM },
		     { LITC("/count-tokens"), COUNT } };
	size_t at = slice_find(x->rec.path, LIT("/model/"));

	if (at == SLICE_NONE || !slice_eq(x->rec.head.method, LIT("POST")))
		return NO_ENDPOINT;
	*model = slice_skip(x->rec.path, at + 7);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (slice_ends(*model, rows[i].end)) {
			model->n -= rows[i].end.n;
			return rows[i].endpoint;
		}
	return NO_ENDPOINT;
}

static bool claims(const struct exchange *x)
{
	struct slice model;

	return endpoint_of(x, &model) != NO_ENDPOINT;
}

static void peek(struct exchange *x, const struct json_member *m UNUSED, size_t n UNUSED)
{
	struct slice model = { NULL, 0 };

	x->rec.stream = endpoint_of(x, &model) == STREAM;
	x->rec.model = exchange_decoded(x, model);
}

static void last_user(const struct json *root, struct say *o)
{
	const struct json *list = json_get(root, "messages");

	if (list == NULL)
		list = json_get(json_get(json_get(root, "input"), "converse"), "messages");
	for (size_t i = json_len(list); i-- > 0;)
		if (slice_eq(json_str(json_get(json_at(list, i), "role")), LIT("user"))) {
			say_texts(o, json_get(json_at(list, i), "content"));
			if (buf_len(&o->b) > 0)
				return;
		}
}

/* ---- errors -------------------------------------------------------------------------------
 */

static const char *exception(unsigned status)
{
	static const struct {
		unsigned status;
		const char *name;
	} rows[] = {
		{ 400, "ValidationException" },       { 403, "AccessDeniedException" },
		{ 404, "ResourceNotFoundException" }, { 408, "ModelTimeoutException" },
		{ 424, "ModelErrorException" },       { 429, "ThrottlingException" },
		{ 500, "InternalServerException" },   { 503, "ServiceUnavailableException" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].status == status)
			return rows[i].name;
	return status < 500 ? "ValidationException" : "InternalServerException";
}

static void error(struct say *o, const struct mock_options *opt, unsigned status,
		  struct slice message)
{
	if (opt->shape != SHAPE_OWN) {
		mock_openai.error(o, opt, status, message);
		return;
	}
	if (opt->error_message.n > 0)
		message = opt->error_message;
	else if (message.n == 0)
		message = status == 429
				  ? LIT("Too many requests, please wait before trying again.")
				  : LIT("The system encountered an unexpected error.");
	say_lit(o, "{\"message\":");
	say_json(o, message);
	say_lit(o, "}");
}

static const char *error_event(struct say *o, const struct mock_options *opt, unsigned status)
{
	error(o, opt, status, LIT(""));
	return status == 429 ? "throttlingException" : "modelStreamErrorException";
}

static void headers(const struct exchange *x, const struct plan *plan, struct say *o)
{
	bool wrong = plan->n > 0 && plan->pieces[0].kind == PIECE_ERROR && !plan->stream;

	say_lit(o, "x-amzn-RequestId: 00000000-0000-4000-8000-000000000000\r\n");
	if (!wrong)
		return;
	say_lit(o, "x-amzn-ErrorType: ");
	if (x->o->error_type.n > 0)
		say_str(o, x->o->error_type);
	else
		say_lit(o, exception(plan->status));
	say_lit(o, ":http://internal.amazon.com/coral/com.amazon.bedrock/\r\n");
}

/* ---- parts of an answer --------------------------------------------------------------------
 */

static const char *stop_reason(const struct reply *r)
{
	switch (r->finish) {
	case REPLY_SEQUENCE:
		return "stop_sequence";
	case REPLY_LENGTH:
		return "max_tokens";
	case REPLY_CALLS:
		return "tool_use";
	case REPLY_FILTER:
	case REPLY_REFUSAL:
		return "content_filtered";
	case REPLY_BLOCKED:
		return "guardrail_intervened";
	case REPLY_CONTEXT:
		return "model_context_window_exceeded";
	case REPLY_ERROR:
		return "malformed_model_output";
	case REPLY_STOP:
	case REPLY_PAUSE:
	case REPLY_OTHER:
		break;
	}
	return "end_turn";
}

static void put_stop(struct say *o, const struct reply *r)
{
	say_lit(o, "\"stopReason\":");
	say_json(o, r->finish == REPLY_OTHER ? r->finish_word : slice_cstr(stop_reason(r)));
}

static void put_usage(struct say *o, const struct reply *r)
{
	uint64_t output = r->used.output + r->used.reasoning;

	say_fmt(o,
		"\"usage\":{\"inputTokens\":%" PRIu64 ",\"outputTokens\":%" PRIu64
		",\"totalTokens\":%" PRIu64,
		r->used.fresh, output, reply_prompt(r) + output);
	if (r->used.cache_read > 0 || r->used.cache_write > 0)
		say_fmt(o,
			",\"cacheReadInputTokens\":%" PRIu64
			",\"cacheWriteInputTokens\":%" PRIu64,
			r->used.cache_read, r->used.cache_write);
	say_lit(o, "},\"metrics\":{\"latencyMs\":12}");
}

static void put_citation(struct say *o, uint64_t i)
{
	say_fmt(o,
		"{\"title\":\"Source %" PRIu64
		"\",\"sourceContent\":[{\"text\":\"cited %" PRIu64
		"\"}],\"location\":{\"web\":{\"url\":\"https://mock.example/%" PRIu64
		"\",\"domain\":\"mock.example\"}}}",
		i, i, i);
}

static void put_tool_use(struct say *o, const struct reply_call *c, bool short_id)
{
	if (short_id)
		say_fmt(o, "\"toolUseId\":\"%09" PRIu64 "\",\"name\":", c->number % 1000000000);
	else
		say_fmt(o, "\"toolUseId\":\"tooluse_%016" PRIx64 "\",\"name\":", c->number);
	say_json(o, c->name);
}

static bool short_ids(const struct question *q)
{
	return slice_find(q->model, LIT("mistral")) != SLICE_NONE;
}

static uint64_t citations(const struct question *q)
{
	return q->o->citations < CITATIONS_MAX ? q->o->citations : CITATIONS_MAX;
}

static void put_text(struct question *q, struct say *o, const struct reply *r)
{
	bool cites = citations(q) > 0;

	say_lit(o, cites ? "{\"citationsContent\":{\"content\":[{\"text\":" : "{\"text\":");
	say_json(o, r->text);
	for (uint64_t i = 0; i < citations(q); i++) {
		say_lit(o, i == 0 ? "}],\"citations\":[" : ",");
		put_citation(o, i);
	}
	say_lit(o, cites ? "]}}" : "}");
}

static void plan_plain(struct question *q, const struct reply *r, struct plan *plan)
{
	struct say *o = ask_say(q);
	const char *comma = "";
	struct piece *p;

	say_lit(o, "{\"output\":{\"message\":{\"role\":\"assistant\",\"content\":[");
	if (r->thinking.n > 0) {
		say_lit(o, "{\"reasoningContent\":{");
		say_lit(o, q->o->redacted ? "\"redactedContent\":"
					  : "\"reasoningText\":{\"text\":");
		say_json(o, q->o->redacted ? r->signature : r->thinking);
		if (!q->o->redacted) {
			say_lit(o, ",\"signature\":");
			say_json(o, r->signature);
			say_lit(o, "}");
		}
		say_lit(o, "}}");
		comma = ",";
	}
	if (r->text.n > 0 && q->o->fail != FAIL_EMPTY) {
		say_lit(o, comma);
		put_text(q, o, r);
		comma = ",";
	}
	for (size_t i = 0; i < r->call_n; i++) {
		say_lit(o, comma);
		say_lit(o, "{\"toolUse\":{");
		put_tool_use(o, &r->calls[i], short_ids(q));
		say_lit(o, ",\"input\":");
		say_str(o, r->calls[i].arguments);
		say_lit(o, "}}");
		comma = ",";
	}
	say_lit(o, "]}},");
	put_stop(o, r);
	if (q->o->usage != USAGE_OFF) {
		say_lit(o, ",");
		put_usage(o, r);
	}
	if (q->o->extra)
		say_lit(o, ",\"x_mock\":{\"big\":12345678901234567890,\"n\":1.50}");
	say_lit(o, "}");
	p = ask_piece(q, plan, PIECE_CONTENT, NULL);
	if (p == NULL)
		return;
	p->text_n = r->text.n;
	p->content = p->finish = true;
	p->usage = q->o->usage != USAGE_OFF;
}

/* ---- streamed ------------------------------------------------------------------------------
 */

/* One delta: `open` is JSON up to the text, `close` what is open then. */
static struct piece *delta(struct question *q, struct plan *plan, size_t index,
			   const char *open, struct slice part, const char *close)
{
	struct say *o = ask_say(q);
	struct piece *p;

	say_fmt(o, "{\"contentBlockIndex\":%zu,\"delta\":{", index);
	say_lit(o, open);
	say_json(o, part);
	say_lit(o, close);
	/* padding, so that lengths tell nothing: readers ignore it */
	say_lit(o, "},\"p\":\"abcdefghij\"}");
	p = ask_piece(q, plan, PIECE_CONTENT, "contentBlockDelta");
	if (p != NULL)
		p->content = true;
	return p;
}

static void block_stop(struct question *q, struct plan *plan, size_t index)
{
	say_fmt(ask_say(q), "{\"contentBlockIndex\":%zu,\"p\":\"abc\"}", index);
	ask_piece(q, plan, PIECE_BLOCK, "contentBlockStop");
}

static void plan_thinking(struct question *q, const struct reply *r, struct plan *plan,
			  size_t index)
{
	if (q->o->redacted)
		delta(q, plan, index,
		      "\"reasoningContent\":{\"redactedContent\":", r->signature, "}");
	for (size_t at = 0, end; !q->o->redacted && at < r->thinking.n; at = end) {
		end = ask_piece_end(q, r->thinking, at);
		delta(q, plan, index,
		      "\"reasoningContent\":{\"text\":", slice_of(r->thinking.p + at, end - at),
		      "}");
	}
	if (!q->o->redacted)
		delta(q, plan, index, "\"reasoningContent\":{\"signature\":", r->signature,
		      "}");
	block_stop(q, plan, index);
}

static void plan_text(struct question *q, const struct reply *r, struct plan *plan,
		      size_t index)
{
	for (size_t at = 0, end; at < r->text.n; at = end) {
		struct piece *p;

		end = ask_piece_end(q, r->text, at);
		p = delta(q, plan, index, "\"text\":", slice_of(r->text.p + at, end - at), "");
		if (p != NULL)
			p->text_n = end - at;
	}
	for (uint64_t i = 0; i < citations(q); i++) {
		struct say *o = ask_say(q);

		say_fmt(o, "{\"contentBlockIndex\":%zu,\"delta\":{\"citation\":", index);
		put_citation(o, i);
		say_lit(o, "}}");
		ask_piece(q, plan, PIECE_CONTENT, "contentBlockDelta");
	}
	block_stop(q, plan, index);
}

static void plan_call(struct question *q, const struct reply_call *c, struct plan *plan,
		      size_t index)
{
	struct reply one = { .calls = (struct reply_call *)(uintptr_t)c, .call_n = 1 };
	struct say *o = ask_say(q);
	struct slice part;
	size_t at = 0, call = 0;

	say_fmt(o, "{\"contentBlockIndex\":%zu,\"start\":{\"toolUse\":{", index);
	put_tool_use(o, c, short_ids(q));
	say_lit(o, "}},\"p\":\"abcd\"}");
	ask_piece(q, plan, PIECE_BLOCK, "contentBlockStart");
	while (c->arguments.n > 2 && ask_next_arguments(q, &one, &at, &call, &part))
		delta(q, plan, index, "\"toolUse\":{\"input\":", part, "}");
	block_stop(q, plan, index);
}

static void plan_stream(struct question *q, const struct reply *r, struct plan *plan)
{
	size_t index = 0;
	struct say *o;
	struct piece *p;

	plan->stream = true;
	plan->framing = FRAMING_AWS;
	plan->content_type = LIT("application/vnd.amazon.eventstream");
	say_lit(ask_say(q), "{\"role\":\"assistant\",\"p\":\"abcdef\"}");
	ask_piece(q, plan, PIECE_OPEN, "messageStart");
	if (r->thinking.n > 0)
		plan_thinking(q, r, plan, index++);
	if (r->text.n > 0)
		plan_text(q, r, plan, index++);
	for (size_t i = 0; i < r->call_n; i++)
		plan_call(q, &r->calls[i], plan, index++);
	o = ask_say(q);
	say_lit(o, "{");
	put_stop(o, r);
	say_lit(o, ",\"p\":\"ab\"}");
	p = ask_piece(q, plan, PIECE_FINISH, "messageStop");
	if (p != NULL)
		p->finish = true;
	if (q->o->usage == USAGE_OFF)
		return;
	o = ask_say(q);
	say_lit(o, "{");
	put_usage(o, r);
	say_lit(o, ",\"p\":\"abcdefgh\"}");
	p = ask_piece(q, plan, PIECE_DONE, "metadata");
	if (p != NULL)
		p->usage = true;
}

static void answer(struct exchange *x, const struct json_member *m UNUSED, size_t n UNUSED,
		   struct plan *plan)
{
	struct json_doc *schema = NULL;
	struct slice model, text;
	enum endpoint e = endpoint_of(x, &model);
	struct question q;
	struct reply r;

	plan->content_type = LIT("application/json");
	ask_begin(&q, x, &mock_bedrock);
	if (e == COUNT) {
		plan->prompt_tokens = x->o->prompt_tokens > 0 ? x->o->prompt_tokens
							      : (x->rec.body.n + 3) / 4;
		say_fmt(ask_say(&q), "{\"inputTokens\":%" PRIu64 "}", plan->prompt_tokens);
		ask_piece(&q, plan, PIECE_CONTENT, NULL);
		return;
	}
	if (q.root == NULL) {
		plan_error(x, &mock_bedrock, plan, 400, LIT("Malformed input request."));
		return;
	}
	bedrock_check(&q, &text);
	if (text.n > 0 && json_doc_read(&schema, x->mock->mem, text, NULL) != OK)
		ask_wrong(&q, 0, "outputConfig.textFormat: the schema is not JSON");
	if (schema != NULL)
		q.schema = json_root(schema);
	if ((!x->o->strict || !ask_refused(&q, plan)) && ask_decide(&q, &r, plan)) {
		if (e == STREAM)
			plan_stream(&q, &r, plan);
		else
			plan_plain(&q, &r, plan);
	}
	json_doc_free(schema);
}

const struct mock_dialect mock_bedrock = {
	.name = "bedrock",
	.claims = claims,
	.peek = peek,
	.last_user = last_user,
	.auth = aws_auth,
	.answer = answer,
	.error = error,
	.error_event = error_event,
	.headers = headers,
};
