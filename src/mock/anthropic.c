/* Anthropic's Messages API as a provider speaks it: messages, count_tokens, models.
 * docs.anthropic.com/en/api/messages, .../messages-streaming, .../errors. */
#include "mock/anthropic.h"

enum endpoint { MESSAGES, COUNT, MODELS, NO_ENDPOINT };

static enum endpoint endpoint_of(const struct exchange *x)
{
	bool post = slice_eq(x->rec.head.method, LIT("POST"));

	if (post && slice_ends(x->rec.path, LIT("/messages/count_tokens")))
		return COUNT;
	if (post && slice_ends(x->rec.path, LIT("/messages")))
		return MESSAGES;
	if (!post && slice_ends(x->rec.path, LIT("/models")) &&
	    http_header(&x->rec.head, LIT("anthropic-version")).n > 0)
		return MODELS;
	return NO_ENDPOINT;
}

static bool claims(const struct exchange *x)
{
	return endpoint_of(x) != NO_ENDPOINT;
}

static void peek(struct exchange *x, const struct json_member *m, size_t n)
{
	mock_openai.peek(x, m, n);
	if (endpoint_of(x) == COUNT)
		x->rec.stream = false;
}

static void last_user(const struct json *root, struct say *o)
{
	const struct json *list = json_get(root, "messages");

	for (size_t i = json_len(list); i-- > 0;)
		if (slice_eq(json_str(json_get(json_at(list, i), "role")), LIT("user"))) {
			say_texts(o, json_get(json_at(list, i), "content"));
			if (buf_len(&o->b) > 0)
				return;
		}
}

static unsigned auth(struct exchange *x, struct slice *why)
{
	struct slice key = http_header(&x->rec.head, LIT("x-api-key"));
	struct slice bearer = http_header(&x->rec.head, LIT("authorization"));

	if (key.n == 0 && slice_starts(bearer, LIT("Bearer ")))
		key = slice_skip(bearer, 7);
	if (x->o->strict && key.n == 0) {
		*why = LIT("x-api-key header is required");
		return 401;
	}
	if (x->o->key.n > 0 && !slice_eq_consttime(key, x->o->key)) {
		*why = LIT("invalid x-api-key");
		return 401;
	}
	if (x->o->strict && http_header(&x->rec.head, LIT("anthropic-version")).n == 0) {
		*why = LIT("anthropic-version: header is required");
		return 400;
	}
	return 0;
}

/* ---- errors -------------------------------------------------------------------------------
 */

struct error_kind {
	unsigned status;
	const char *type, *message;
};

static const struct error_kind *error_kind(unsigned status)
{
	static const struct error_kind rows[] = {
		{ 400, "invalid_request_error", "The request is not valid." },
		{ 401, "authentication_error", "invalid x-api-key" },
		{ 402, "billing_error", "Your credit balance is too low." },
		{ 403, "permission_error", "Your API key may not use this resource." },
		{ 404, "not_found_error", "model: not found" },
		{ 409, "conflict_error", "There was a conflict." },
		{ 413, "request_too_large", "Request exceeds the maximum size" },
		{ 429, "rate_limit_error", "This request would exceed your rate limit." },
		{ 504, "timeout_error", "The request timed out." },
		{ 529, "overloaded_error", "Overloaded" },
		{ 0, "api_error", "Internal server error" },
	};
	size_t i = 0;

	while (rows[i].status != 0 && rows[i].status != status)
		i++;
	return &rows[i];
}

static void error(struct say *o, const struct mock_options *opt, unsigned status,
		  struct slice message)
{
	const struct error_kind *k = error_kind(status);

	if (opt->shape != SHAPE_OWN) {
		mock_openai.error(o, opt, status, message);
		return;
	}
	if (opt->error_message.n > 0)
		message = opt->error_message;
	say_lit(o, "{\"type\":\"error\",\"error\":{\"type\":");
	say_json(o, opt->error_type.n > 0 ? opt->error_type : slice_cstr(k->type));
	say_lit(o, ",\"message\":");
	say_json(o, message.n > 0 ? message : slice_cstr(k->message));
	say_lit(o, "},\"request_id\":\"req_mock\"}");
}

static const char *error_event(struct say *o, const struct mock_options *opt, unsigned status)
{
	/* What it sends in the middle is most often this one. */
	error(o, opt, status == 500 ? 529 : status, LIT(""));
	return "error";
}

static void headers(const struct exchange *x, const struct plan *plan UNUSED, struct say *o)
{
	static const char *const kinds[] = { "requests", "tokens", "input-tokens",
					     "output-tokens" };

	say_lit(o, "request-id: req_mock\r\n");
	for (size_t i = 0; x->o->limits && i < ARRAY_LEN(kinds); i++)
		say_fmt(o,
			"anthropic-ratelimit-%s-limit: %u\r\n"
			"anthropic-ratelimit-%s-remaining: %u\r\n"
			"anthropic-ratelimit-%s-reset: 2026-11-20T12:00:30Z\r\n",
			kinds[i], i == 0 ? 1000U : 100000U, kinds[i], i == 0 ? 999U : 99000U,
			kinds[i]);
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
	case REPLY_BLOCKED:
		return "refusal";
	case REPLY_CONTEXT:
		return "model_context_window_exceeded";
	case REPLY_PAUSE:
		return "pause_turn";
	case REPLY_STOP:
	case REPLY_ERROR:
	case REPLY_OTHER:
		break;
	}
	return "end_turn";
}

/* "stop_reason":...,"stop_sequence":... */
static void put_stop(struct say *o, const struct reply *r)
{
	say_lit(o, "\"stop_reason\":");
	say_json(o, r->finish == REPLY_OTHER ? r->finish_word : slice_cstr(stop_reason(r)));
	say_lit(o, ",\"stop_sequence\":");
	if (r->finish == REPLY_SEQUENCE)
		say_json(o, r->sequence);
	else
		say_lit(o, "null");
	if (r->finish == REPLY_REFUSAL)
		say_lit(o, ",\"stop_details\":{\"type\":\"refusal\",\"category\":\"cyber\","
			   "\"explanation\":\"This was refused.\"}");
}

static void put_usage(struct say *o, const struct reply *r, uint64_t output)
{
	say_fmt(o,
		"{\"input_tokens\":%" PRIu64 ",\"cache_creation_input_tokens\":%" PRIu64
		",\"cache_read_input_tokens\":%" PRIu64
		",\"cache_creation\":{\"ephemeral_5m_input_tokens\":%" PRIu64
		",\"ephemeral_1h_input_tokens\":0},\"output_tokens\":%" PRIu64,
		r->used.fresh, r->used.cache_write, r->used.cache_read, r->used.cache_write,
		output);
	if (r->used.reasoning > 0)
		say_fmt(o, ",\"output_tokens_details\":{\"thinking_tokens\":%" PRIu64 "}",
			r->used.reasoning);
	say_lit(o, ",\"service_tier\":\"standard\"}");
}

static void put_citation(struct question *q, struct say *o, uint64_t i)
{
	struct slice token = ask_token(&q->x->work, LIT("cited"));

	say_fmt(o,
		"{\"type\":\"web_search_result_location\",\"cited_text\":\"cited %" PRIu64
		"\",\"url\":\"https://mock.example/%" PRIu64 "\",\"title\":\"Source %" PRIu64
		"\",\"encrypted_index\":",
		i, i, i);
	say_json(o, token);
	say_lit(o, "}");
}

static void put_call(struct say *o, const struct reply_call *c, struct slice input)
{
	say_fmt(o,
		"{\"type\":\"tool_use\",\"id\":\"toolu_%016" PRIx64 "\",\"name\":", c->number);
	say_json(o, c->name);
	say_lit(o, ",\"input\":");
	say_str(o, input);
	say_lit(o, "}");
}

static bool has_text(const struct question *q, const struct reply *r)
{
	return r->text.n > 0 && r->finish != REPLY_BLOCKED && q->o->fail != FAIL_EMPTY;
}

static void put_thinking(struct question *q, struct say *o, const struct reply *r)
{
	if (q->o->redacted) {
		say_lit(o, "{\"type\":\"redacted_thinking\",\"data\":");
		say_json(o, r->signature);
	} else {
		say_lit(o, "{\"type\":\"thinking\",\"thinking\":");
		say_json(o, r->thinking);
		say_lit(o, ",\"signature\":");
		say_json(o, r->signature);
	}
	say_lit(o, "}");
}

static void put_head(struct question *q, struct say *o, const struct reply *r)
{
	say_fmt(o,
		"{\"id\":\"msg_%016" PRIx64 "\",\"type\":\"message\",\"role\":\"assistant\","
		"\"model\":",
		r->seed);
	say_json(o, q->model);
	if (q->o->extra)
		say_lit(o, ",\"x_mock\":{\"big\":12345678901234567890,\"n\":1.50}");
	say_lit(o, ",\"content\":[");
}

static void plan_plain(struct question *q, const struct reply *r, struct plan *plan)
{
	struct say *o = ask_say(q);
	const char *comma = "";
	struct piece *p;

	put_head(q, o, r);
	if (r->thinking.n > 0) {
		put_thinking(q, o, r);
		comma = ",";
	}
	if (has_text(q, r)) {
		say_lit(o, comma);
		comma = ",";
		say_lit(o, "{\"type\":\"text\",\"text\":");
		say_json(o, r->text);
		for (uint64_t i = 0; i < q->o->citations && i < 100; i++) {
			say_lit(o, i == 0 ? ",\"citations\":[" : ",");
			put_citation(q, o, i);
		}
		say_lit(o, q->o->citations > 0 ? "]}" : "}");
	}
	for (size_t i = 0; i < r->call_n; i++) {
		say_lit(o, comma);
		comma = ",";
		put_call(o, &r->calls[i], r->calls[i].arguments);
	}
	say_lit(o, "],");
	put_stop(o, r);
	if (q->o->usage != USAGE_OFF) {
		say_lit(o, ",\"usage\":");
		put_usage(o, r, r->used.output + r->used.reasoning);
	}
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

static void plan_open(struct question *q, const struct reply *r, struct plan *plan)
{
	struct say *o = ask_say(q);
	struct piece *p;

	say_lit(o, "{\"type\":\"message_start\",\"message\":");
	put_head(q, o, r);
	say_lit(o, "],\"stop_reason\":null,\"stop_sequence\":null");
	if (q->o->usage != USAGE_OFF) {
		say_lit(o, ",\"usage\":");
		put_usage(o, r, 1);
	}
	say_lit(o, "}}");
	p = ask_piece(q, plan, PIECE_OPEN, "message_start");
	if (p != NULL)
		p->usage = q->o->usage != USAGE_OFF;
}

/* What begins a block; the rest is said by the caller, then block_end(). */
static struct say *block_begin(struct question *q, size_t index)
{
	struct say *o = ask_say(q);

	say_fmt(o, "{\"type\":\"content_block_start\",\"index\":%zu,\"content_block\":", index);
	return o;
}

static void block_begun(struct question *q, struct plan *plan, size_t index)
{
	say_lit(&q->x->mock->out, "}");
	ask_piece(q, plan, PIECE_BLOCK, "content_block_start");
	if (index > 0)
		return;
	say_lit(ask_say(q), "{\"type\":\"ping\"}");
	ask_piece(q, plan, PIECE_BLOCK, "ping");
}

static void block_end(struct question *q, struct plan *plan, size_t index)
{
	say_fmt(ask_say(q), "{\"type\":\"content_block_stop\",\"index\":%zu}", index);
	ask_piece(q, plan, PIECE_BLOCK, "content_block_stop");
}

static struct piece *delta(struct question *q, struct plan *plan, size_t index,
			   const char *type, const char *member, struct slice part)
{
	struct say *o = ask_say(q);
	struct piece *p;

	say_fmt(o,
		"{\"type\":\"content_block_delta\",\"index\":%zu,\"delta\":{\"type\":\"%s\","
		"\"%s\":",
		index, type, member);
	say_json(o, part);
	say_lit(o, "}}");
	p = ask_piece(q, plan, PIECE_CONTENT, "content_block_delta");
	if (p != NULL)
		p->content = true;
	return p;
}

static void plan_thinking(struct question *q, const struct reply *r, struct plan *plan,
			  size_t index)
{
	if (q->o->redacted) {
		put_thinking(q, block_begin(q, index), r);
		block_begun(q, plan, index);
		block_end(q, plan, index);
		return;
	}
	say_lit(block_begin(q, index),
		"{\"type\":\"thinking\",\"thinking\":\"\",\"signature\":\"\"}");
	block_begun(q, plan, index);
	for (size_t at = 0, end; at < r->thinking.n; at = end) {
		end = ask_piece_end(q, r->thinking, at);
		delta(q, plan, index, "thinking_delta", "thinking",
		      slice_of(r->thinking.p + at, end - at));
	}
	delta(q, plan, index, "signature_delta", "signature", r->signature);
	block_end(q, plan, index);
}

static void plan_text(struct question *q, const struct reply *r, struct plan *plan,
		      size_t index)
{
	say_lit(block_begin(q, index), "{\"type\":\"text\",\"text\":\"\"}");
	block_begun(q, plan, index);
	for (size_t at = 0, end; at < r->text.n; at = end) {
		struct piece *p;

		end = ask_piece_end(q, r->text, at);
		p = delta(q, plan, index, "text_delta", "text",
			  slice_of(r->text.p + at, end - at));
		if (p != NULL)
			p->text_n = end - at;
	}
	for (uint64_t i = 0; i < q->o->citations && i < 100; i++) {
		struct say *o = ask_say(q);

		say_fmt(o,
			"{\"type\":\"content_block_delta\",\"index\":%zu,\"delta\":{"
			"\"type\":\"citations_delta\",\"citation\":",
			index);
		put_citation(q, o, i);
		say_lit(o, "}}");
		ask_piece(q, plan, PIECE_CONTENT, "content_block_delta");
	}
	block_end(q, plan, index);
}

/* The first delta is empty; that is all a call without arguments has. */
static void plan_call(struct question *q, const struct reply_call *c, struct plan *plan,
		      size_t index)
{
	struct reply one = { .calls = (struct reply_call *)(uintptr_t)c, .call_n = 1 };
	struct slice part;
	size_t at = 0, call = 0;

	put_call(block_begin(q, index), c, LIT("{}"));
	block_begun(q, plan, index);
	delta(q, plan, index, "input_json_delta", "partial_json", LIT(""));
	while (c->arguments.n > 2 && ask_next_arguments(q, &one, &at, &call, &part))
		delta(q, plan, index, "input_json_delta", "partial_json", part);
	block_end(q, plan, index);
}

static void plan_finish(struct question *q, const struct reply *r, struct plan *plan)
{
	struct say *o = ask_say(q);
	struct piece *p;

	say_lit(o, "{\"type\":\"message_delta\",\"delta\":{");
	put_stop(o, r);
	say_lit(o, "}");
	if (q->o->usage != USAGE_OFF) {
		say_lit(o, ",\"usage\":");
		put_usage(o, r, r->used.output + r->used.reasoning);
	}
	say_lit(o, "}");
	p = ask_piece(q, plan, PIECE_FINISH, "message_delta");
	if (p != NULL) {
		p->finish = true;
		p->usage = q->o->usage != USAGE_OFF;
	}
	say_lit(ask_say(q), "{\"type\":\"message_stop\"}");
	ask_piece(q, plan, PIECE_DONE, "message_stop");
}

static void plan_stream(struct question *q, const struct reply *r, struct plan *plan)
{
	size_t index = 0;

	plan->stream = true;
	plan->content_type = LIT("text/event-stream; charset=utf-8");
	plan_open(q, r, plan);
	if (r->thinking.n > 0)
		plan_thinking(q, r, plan, index++);
	if (has_text(q, r))
		plan_text(q, r, plan, index++);
	for (size_t i = 0; i < r->call_n; i++)
		plan_call(q, &r->calls[i], plan, index++);
	plan_finish(q, r, plan);
}

/* ---- the endpoints -------------------------------------------------------------------------
 */

static void answer_models(struct question *q, struct plan *plan)
{
	struct slice rest = q->o->models, name;
	struct say *o = ask_say(q);

	say_lit(o, "{\"data\":[");
	for (bool first = true; rest.n > 0; first = false) {
		if (!slice_cut(rest, ',', &name, &rest))
			rest = slice_of(NULL, 0);
		say_lit(o,
			first ? "{\"type\":\"model\",\"id\":" : ",{\"type\":\"model\",\"id\":");
		say_json(o, slice_trim(name));
		say_lit(o, ",\"display_name\":\"Mock\","
			   "\"created_at\":\"2026-01-01T00:00:00Z\"}");
	}
	say_lit(o, "],\"has_more\":false,\"first_id\":null,\"last_id\":null}");
	ask_piece(q, plan, PIECE_CONTENT, NULL);
}

static bool brings_results(const struct json *root)
{
	const struct json *list = json_get(root, "messages");
	const struct json *last = json_get(json_at(list, json_len(list) - 1), "content");

	for (size_t i = 0; json_is_array(last) && i < json_len(last); i++)
		if (slice_eq(json_str(json_get(json_at(last, i), "type")), LIT("tool_result")))
			return true;
	return false;
}

static void answer(struct exchange *x, const struct json_member *m UNUSED, size_t n UNUSED,
		   struct plan *plan)
{
	enum endpoint e = endpoint_of(x);
	struct question q;
	struct reply r;

	plan->content_type = LIT("application/json");
	ask_begin(&q, x, &mock_anthropic);
	if (e == MODELS) {
		answer_models(&q, plan);
		return;
	}
	if (q.root == NULL)
		ask_wrong(&q, 0, "The request body is not valid JSON");
	else
		anthropic_check(&q, e == COUNT);
	if ((x->o->strict || q.root == NULL) && ask_refused(&q, plan))
		return;
	q.results_last = brings_results(q.root);
	if (!ask_decide(&q, &r, plan))
		return;
	if (e == COUNT) {
		say_fmt(ask_say(&q), "{\"input_tokens\":%" PRIu64 "}", reply_prompt(&r));
		ask_piece(&q, plan, PIECE_CONTENT, NULL);
		plan->completion_tokens = 0;
	} else if (q.stream) {
		plan_stream(&q, &r, plan);
	} else {
		plan_plain(&q, &r, plan);
	}
}

const struct mock_dialect mock_anthropic = {
	.name = "anthropic",
	.claims = claims,
	.peek = peek,
	.last_user = last_user,
	.auth = auth,
	.answer = answer,
	.error = error,
	.error_event = error_event,
	.headers = headers,
};
