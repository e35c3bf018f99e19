/* Cohere's API, version 2: chat, embed, models.  docs.cohere.com/reference/chat,
 * .../chat-stream,
 * .../embed. */
#include "mock/ask.h"

enum endpoint { CHAT, EMBED, MODELS, NO_ENDPOINT };

/* `tokens` counts a template around the messages too; what is billed does not. */
enum { TEMPLATE_TOKENS = 66, CITATIONS_MAX = 100, CALLS_MAX = 128, EMBED_MAX = 96 };

static enum endpoint endpoint_of(const struct exchange *x)
{
	bool post = slice_eq(x->rec.head.method, LIT("POST"));

	if (slice_ends(x->rec.path, LIT("/v2/chat")))
		return post ? CHAT : NO_ENDPOINT;
	if (slice_ends(x->rec.path, LIT("/v2/embed")))
		return post ? EMBED : NO_ENDPOINT;
	return !post && slice_ends(x->rec.path, LIT("/models")) &&
			       slice_find(x->rec.query, LIT("endpoint=")) != SLICE_NONE
		       ? MODELS
		       : NO_ENDPOINT;
}

static bool claims(const struct exchange *x)
{
	return endpoint_of(x) != NO_ENDPOINT;
}

static void peek(struct exchange *x, const struct json_member *m, size_t n)
{
	mock_openai.peek(x, m, n);
}

static void last_user(const struct json *root, struct say *o)
{
	mock_openai.last_user(root, o);
}

/* ---- errors -------------------------------------------------------------------------------
 */

static struct slice error_words(const struct mock_options *opt, unsigned status,
				struct slice message)
{
	if (opt->error_message.n > 0)
		return opt->error_message;
	if (message.n > 0)
		return message;
	switch (status) {
	case 401:
		return LIT("invalid api token");
	case 404:
		return LIT("model not found");
	case 429:
		return LIT(
			"You are past the per minute request limit, please wait and try again "
			"later.");
	default:
		return LIT("internal server error");
	}
}

static void error(struct say *o, const struct mock_options *opt, unsigned status,
		  struct slice message)
{
	if (opt->shape != SHAPE_OWN) {
		mock_openai.error(o, opt, status, message);
		return;
	}
	say_lit(o, "{\"id\":\"00000000-0000-4000-8000-000000000000\",\"message\":");
	say_json(o, error_words(opt, status, message));
	say_lit(o, "}");
}

static const char *error_event(struct say *o, const struct mock_options *opt, unsigned status)
{
	say_lit(o, "{\"type\":\"message-end\",\"delta\":{\"error\":");
	say_json(o, error_words(opt, status, slice_of(NULL, 0)));
	say_lit(o, ",\"finish_reason\":\"ERROR\"}}");
	return "message-end";
}

/* ---- reading -------------------------------------------------------------------------------
 */

struct walk {
	struct question *q;
	struct slice pending[CALLS_MAX];
	size_t pending_n;
};

static struct slice str(const struct json *o, const char *name)
{
	return json_str(json_get(o, name));
}

static bool is(const struct json *o, const char *name, const char *value)
{
	return slice_eq(str(o, name), slice_cstr(value));
}

static bool part(struct walk *w, const struct json *p, size_t i, const char *kinds)
{
	struct slice type = str(p, "type"), url, kind, rest;

	if (!mock_in_list(kinds, type))
		return ask_wrong(w->q, 0,
				 "invalid request: message at index %zu: content of type "
				 "'%.*s' is not allowed; expected one of: %s",
				 i, SARG(slice_head(type, 40)), kinds);
	if (slice_eq(type, LIT("text")))
		return json_is_string(json_get(p, "text")) ||
		       ask_wrong(w->q, 0, "invalid request: message at index %zu: no text", i);
	if (!slice_eq(type, LIT("image_url")))
		return true;
	url = str(json_get(p, "image_url"), "url");
	if (slice_starts(url, LIT("https://")) || slice_starts(url, LIT("http://")))
		return true;
	if (!slice_starts(url, LIT("data:")) ||
	    !slice_cut(slice_skip(url, 5), ';', &kind, &rest) ||
	    !slice_starts(rest, LIT("base64,")))
		return ask_wrong(w->q, 0,
				 "invalid request: message at index %zu: invalid image "
				 "url",
				 i);
	return ask_media(w->q, slice_skip(rest, 7), kind, "invalid request: image_url");
}

static bool content(struct walk *w, const struct json *m, size_t i, const char *kinds)
{
	const struct json *c = json_get(m, "content");

	if (json_is_string(c))
		return json_str(c).n > 0 ||
		       ask_wrong(w->q, 0,
				 "invalid request: message at index %zu must have "
				 "non-empty content",
				 i);
	if (!json_is_array(c) || json_len(c) == 0)
		return ask_wrong(w->q, 0,
				 "invalid request: message at index %zu must have "
				 "content",
				 i);
	for (size_t k = 0; k < json_len(c); k++)
		if (!part(w, json_at(c, k), i, kinds))
			return false;
	return true;
}

static bool assistant(struct walk *w, const struct json *m, size_t i)
{
	const struct json *calls = json_get(m, "tool_calls");

	if (!ask_only(w->q, m, "message", "role content tool_calls tool_plan citations"))
		return false;
	if (json_len(calls) == 0)
		return content(w, m, i, "text thinking");
	for (size_t k = 0; k < json_len(calls); k++) {
		const struct json *c = json_at(calls, k), *f = json_get(c, "function");

		if (!is(c, "type", "function") || str(c, "id").n == 0 ||
		    str(f, "name").n == 0 || !json_is_string(json_get(f, "arguments")))
			return ask_wrong(w->q, 0,
					 "invalid request: message at index %zu: invalid "
					 "tool call at index %zu",
					 i, k);
		if (w->pending_n < CALLS_MAX)
			w->pending[w->pending_n++] = str(c, "id");
	}
	return true;
}

static bool result(struct walk *w, const struct json *m, size_t i)
{
	struct slice id = str(m, "tool_call_id");

	if (!ask_only(w->q, m, "message", "role tool_call_id content"))
		return false;
	for (size_t k = 0; k < w->pending_n; k++)
		if (slice_eq(w->pending[k], id)) {
			w->pending[k] = w->pending[--w->pending_n];
			return content(w, m, i, "text document");
		}
	return ask_wrong(w->q, 0, "tool call id %.*s not found in previous tool calls",
			 SARG(slice_head(id, 64)));
}

static bool message(struct walk *w, const struct json *m, size_t i)
{
	if (is(m, "role", "tool"))
		return result(w, m, i);
	if (w->pending_n > 0)
		return ask_wrong(w->q, 0, "tool call id %.*s has no corresponding tool message",
				 SARG(slice_head(w->pending[0], 64)));
	if (is(m, "role", "assistant"))
		return assistant(w, m, i);
	if (!is(m, "role", "user") && !is(m, "role", "system"))
		return ask_wrong(w->q, 0,
				 "invalid request: message at index %zu: invalid role "
				 "'%.*s'",
				 i, SARG(slice_head(str(m, "role"), 40)));
	return ask_only(w->q, m, "message", "role content documents") &&
	       content(w, m, i, is(m, "role", "user") ? "text image_url document" : "text");
}

static bool tools(struct question *q)
{
	const struct json *list = json_get(q->root, "tools"), *f;
	struct slice choice = str(q->root, "tool_choice");

	for (size_t i = 0; i < json_len(list); i++) {
		f = json_get(json_at(list, i), "function");
		if (!is(json_at(list, i), "type", "function") || str(f, "name").n == 0)
			return ask_wrong(q, 0, "invalid request: tool at index %zu is invalid",
					 i);
		if (!ask_only(q, f, "tools.function", "name description parameters"))
			return false;
		if (json_get(f, "parameters") != NULL &&
		    !is(json_get(f, "parameters"), "type", "object"))
			return ask_wrong(q, 0,
					 "invalid request: tool at index %zu: parameters must "
					 "be of type object",
					 i);
		ask_offer(q, str(f, "name"), json_get(f, "parameters"));
	}
	if (json_get(q->root, "tool_choice") == NULL)
		return true;
	if (!mock_in_list("REQUIRED NONE", choice))
		return ask_wrong(q, 0,
				 "invalid request: tool_choice must be one of REQUIRED, NONE");
	if (q->tool_n == 0)
		return ask_wrong(q, 0,
				 "invalid request: tool_choice cannot be set without tools");
	q->mode = slice_eq(choice, LIT("NONE")) ? CALL_NONE : CALL_ANY;
	return true;
}

static bool numbers(struct question *q)
{
	static const struct {
		const char *name;
		double low, high;
	} rows[] = {
		{ "temperature", 0, 1 },
		{ "p", 0.01, 0.99 },
		{ "k", 0, 500 },
		{ "frequency_penalty", 0, 1 },
		{ "presence_penalty", 0, 1 },
		{ "max_tokens", 1, 1e9 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct json *v = json_get(q->root, rows[i].name);
		double d = json_num(v, -1);

		if (v != NULL && !json_is_null(v) && (d < rows[i].low || d > rows[i].high))
			return ask_wrong(q, 0, "invalid request: %s must be between %g and %g.",
					 rows[i].name, rows[i].low, rows[i].high);
	}
	if (json_len(json_get(q->root, "stop_sequences")) > 5)
		return ask_wrong(q, 0, "invalid request: too many stop sequences, at most 5");
	return true;
}

static bool format(struct question *q)
{
	const struct json *f = json_get(q->root, "response_format");

	if (f == NULL || is(f, "type", "text"))
		return true;
	if (!is(f, "type", "json_object"))
		return ask_wrong(q, 0,
				 "invalid request: response_format.type must be one of text, "
				 "json_object");
	if (!ask_only(q, f, "response_format", "type json_schema schema"))
		return false;
	if (q->tool_n > 0)
		return ask_wrong(q, 0,
				 "invalid request: cannot specify both tools and "
				 "response_format of type json_object");
	q->json = true;
	q->schema = json_get(f, "json_schema");
	return true;
}

static bool thinking(struct question *q)
{
	const struct json *t = json_get(q->root, "thinking");

	if (t == NULL)
		return true;
	if (!ask_only(q, t, "thinking", "type token_budget"))
		return false;
	if (!is(t, "type", "enabled") && !is(t, "type", "disabled"))
		return ask_wrong(q, 0,
				 "invalid request: thinking.type must be one of enabled, "
				 "disabled");
	q->think = is(t, "type", "enabled");
	return true;
}

static void read_chat(struct question *q)
{
	const struct json *list = json_get(q->root, "messages");
	struct walk w = { .q = q };

	if (!ask_only(
		    q, q->root, "request",
		    "model messages stream tools tool_choice strict_tools response_format "
		    "documents citation_options safety_mode max_tokens stop_sequences "
		    "temperature p k frequency_penalty presence_penalty seed logprobs thinking "
		    "priority raw_prompting")) {
		q->status = 422;
		return;
	}
	if (q->model.n == 0)
		ask_wrong(q, 0, "invalid request: model is required");
	if (!json_is_array(list) || json_len(list) == 0)
		ask_wrong(q, 0, "invalid request: at least one message is required");
	q->max_tokens = json_uint(json_get(q->root, "max_tokens"), 0);
	q->logprobs = json_true(json_get(q->root, "logprobs"), false);
	ask_stops(q, json_get(q->root, "stop_sequences"));
	if (!tools(q) || !numbers(q) || !format(q) || !thinking(q))
		return;
	for (size_t i = 0; i < json_len(list); i++)
		if (!message(&w, json_at(list, i), i))
			return;
	if (w.pending_n > 0)
		ask_wrong(q, 0, "tool call id %.*s has no corresponding tool message",
			  SARG(slice_head(w.pending[0], 64)));
	q->results_last = is(json_at(list, json_len(list) - 1), "role", "tool");
}

/* ---- parts of an answer --------------------------------------------------------------------
 */

static const char *finish_reason(const struct reply *r)
{
	switch (r->finish) {
	case REPLY_SEQUENCE:
		return "STOP_SEQUENCE";
	case REPLY_LENGTH:
	case REPLY_CONTEXT:
		return "MAX_TOKENS";
	case REPLY_CALLS:
		return "TOOL_CALL";
	case REPLY_FILTER:
	case REPLY_REFUSAL:
	case REPLY_BLOCKED:
	case REPLY_ERROR:
		return "ERROR";
	case REPLY_STOP:
	case REPLY_PAUSE:
	case REPLY_OTHER:
		break;
	}
	return "COMPLETE";
}

static void put_finish(struct say *o, const struct reply *r)
{
	say_lit(o, "\"finish_reason\":");
	say_json(o, r->finish == REPLY_OTHER ? r->finish_word : slice_cstr(finish_reason(r)));
}

static void put_usage(struct say *o, const struct reply *r)
{
	uint64_t prompt = reply_prompt(r), output = r->used.output + r->used.reasoning;

	say_fmt(o,
		"\"usage\":{\"billed_units\":{\"input_tokens\":%" PRIu64
		",\"output_tokens\":%" PRIu64 "},\"tokens\":{\"input_tokens\":%" PRIu64
		",\"output_tokens\":%" PRIu64 "},\"cached_tokens\":%" PRIu64 "}",
		prompt, output, prompt + TEMPLATE_TOKENS, output, r->used.cache_read);
}

static void put_citation(struct say *o, const struct reply *r, uint64_t i)
{
	struct slice text = slice_head(r->text, 64);

	while (text.n > 0 && text.n < r->text.n &&
	       ((unsigned char)r->text.p[text.n] & 0xc0) == 0x80)
		text.n--;
	say_fmt(o, "{\"start\":0,\"end\":%zu,\"text\":", text.n);
	say_json(o, text);
	say_fmt(o,
		",\"type\":\"TEXT_CONTENT\",\"content_index\":%u,\"sources\":[{\"type\":"
		"\"document\",\"id\":\"doc:%" PRIu64 "\",\"document\":{\"id\":\"doc:%" PRIu64
		"\",\"title\":\"Source %" PRIu64 "\",\"url\":\"https://mock.example/%" PRIu64
		"\"}}]}",
		r->thinking.n > 0 ? 1U : 0U, i, i, i, i);
}

static uint64_t citations(const struct question *q)
{
	return q->o->citations < CITATIONS_MAX ? q->o->citations : CITATIONS_MAX;
}

static void put_call(struct say *o, const struct reply_call *c, struct slice arguments)
{
	say_fmt(o,
		"{\"id\":\"call_%016" PRIx64 "\",\"type\":\"function\",\"function\":{\"name\":",
		c->number);
	say_json(o, c->name);
	say_lit(o, ",\"arguments\":");
	say_json(o, arguments);
	say_lit(o, "}}");
}

static void put_logprobs(struct question *q, struct say *o, struct slice text)
{
	if (!q->logprobs || text.n == 0)
		return;
	say_lit(o, ",\"logprobs\":[");
	for (size_t at = 0, end; at < text.n; at = end) {
		end = ask_piece_end(q, text, at);
		say_lit(o, at == 0 ? "{\"token_ids\":[1],\"text\":"
				   : ",{\"token_ids\":[1],\"text\":");
		say_json(o, slice_of(text.p + at, end - at));
		say_lit(o, ",\"logprobs\":[-0.25]}");
	}
	say_lit(o, "]");
}

/* What is said before calls is a plan. */
static bool has_plan(const struct reply *r)
{
	return r->call_n > 0 && r->text.n > 0;
}

static void put_content(struct question *q, struct say *o, const struct reply *r)
{
	bool thinks = r->thinking.n > 0 && !q->o->redacted;

	if (r->call_n > 0 && !thinks)
		return;
	say_lit(o, ",\"content\":[");
	if (thinks) {
		say_lit(o, "{\"type\":\"thinking\",\"thinking\":");
		say_json(o, r->thinking);
		say_lit(o, "}");
	}
	if (r->call_n == 0 && q->o->fail != FAIL_EMPTY) {
		say_lit(o, thinks ? ",{\"type\":\"text\",\"text\":"
				  : "{\"type\":\"text\",\"text\":");
		say_json(o, r->text);
		say_lit(o, "}");
	}
	say_lit(o, "]");
}

static void plan_plain(struct question *q, const struct reply *r, struct plan *plan)
{
	struct say *o = ask_say(q);
	struct piece *p;

	say_fmt(o, "{\"id\":\"%016" PRIx64 "\",", r->seed);
	put_finish(o, r);
	say_lit(o, ",\"message\":{\"role\":\"assistant\"");
	put_content(q, o, r);
	if (has_plan(r)) {
		say_lit(o, ",\"tool_plan\":");
		say_json(o, r->text);
	}
	for (size_t i = 0; i < r->call_n; i++) {
		say_lit(o, i == 0 ? ",\"tool_calls\":[" : ",");
		put_call(o, &r->calls[i], r->calls[i].arguments);
		say_lit(o, i + 1 == r->call_n ? "]" : "");
	}
	for (uint64_t i = 0; i < citations(q); i++) {
		say_lit(o, i == 0 ? ",\"citations\":[" : ",");
		put_citation(o, r, i);
		say_lit(o, i + 1 == citations(q) ? "]" : "");
	}
	say_lit(o, "}");
	if (q->o->usage != USAGE_OFF) {
		say_lit(o, ",");
		put_usage(o, r);
	}
	put_logprobs(q, o, r->text);
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

static struct say *begin(struct question *q, const char *type, size_t index)
{
	struct say *o = ask_say(q);

	say_fmt(o, "{\"type\":\"%s\",\"index\":%zu", type, index);
	return o;
}

static void end_of(struct question *q, struct plan *plan, const char *type, size_t index)
{
	say_lit(begin(q, type, index), "}");
	ask_piece(q, plan, PIECE_BLOCK, type);
}

/* A text of the answer as content `index`: "text" or "thinking". */
static void plan_content(struct question *q, struct plan *plan, size_t index, const char *kind,
			 struct slice text)
{
	bool said = strcmp(kind, "text") == 0;

	say_fmt(begin(q, "content-start", index),
		",\"delta\":{\"message\":{\"content\":{\"type\":\"%s\",\"%s\":\"\"}}}}", kind,
		kind);
	ask_piece(q, plan, PIECE_BLOCK, "content-start");
	for (size_t at = 0, end; at < text.n; at = end) {
		struct say *o = begin(q, "content-delta", index);
		struct slice part;
		struct piece *p;

		end = ask_piece_end(q, text, at);
		part = slice_of(text.p + at, end - at);
		say_fmt(o, ",\"delta\":{\"message\":{\"content\":{\"%s\":", kind);
		say_json(o, part);
		say_lit(o, "}}}");
		if (said)
			put_logprobs(q, o, part);
		say_lit(o, "}");
		p = ask_piece(q, plan, PIECE_CONTENT, "content-delta");
		if (p != NULL) {
			p->content = true;
			p->text_n = said ? part.n : 0;
		}
	}
	end_of(q, plan, "content-end", index);
}

static void plan_tool_plan(struct question *q, const struct reply *r, struct plan *plan)
{
	for (size_t at = 0, end; at < r->text.n; at = end) {
		struct say *o = ask_say(q);
		struct piece *p;

		end = ask_piece_end(q, r->text, at);
		say_lit(o,
			"{\"type\":\"tool-plan-delta\",\"delta\":{\"message\":{\"tool_plan\":");
		say_json(o, slice_of(r->text.p + at, end - at));
		say_lit(o, "}}}");
		p = ask_piece(q, plan, PIECE_CONTENT, "tool-plan-delta");
		if (p != NULL)
			p->text_n = end - at;
	}
}

static void plan_call(struct question *q, const struct reply_call *c, struct plan *plan,
		      size_t index)
{
	struct reply one = { .calls = (struct reply_call *)(uintptr_t)c, .call_n = 1 };
	struct say *o = begin(q, "tool-call-start", index);
	struct slice part;
	size_t at = 0, call = 0;

	say_lit(o, ",\"delta\":{\"message\":{\"tool_calls\":");
	put_call(o, c, LIT(""));
	say_lit(o, "}}}");
	ask_piece(q, plan, PIECE_BLOCK, "tool-call-start");
	while (ask_next_arguments(q, &one, &at, &call, &part)) {
		struct piece *p;

		o = begin(q, "tool-call-delta", index);
		say_lit(o, ",\"delta\":{\"message\":{\"tool_calls\":{\"function\":{"
			   "\"arguments\":");
		say_json(o, part);
		say_lit(o, "}}}}}");
		p = ask_piece(q, plan, PIECE_CONTENT, "tool-call-delta");
		if (p != NULL)
			p->content = true;
	}
	end_of(q, plan, "tool-call-end", index);
}

static void plan_citations(struct question *q, const struct reply *r, struct plan *plan)
{
	for (uint64_t i = 0; i < citations(q); i++) {
		struct say *o = begin(q, "citation-start", (size_t)i);

		say_lit(o, ",\"delta\":{\"message\":{\"citations\":");
		put_citation(o, r, i);
		say_lit(o, "}}}");
		ask_piece(q, plan, PIECE_BLOCK, "citation-start");
		end_of(q, plan, "citation-end", (size_t)i);
	}
}

static void plan_stream(struct question *q, const struct reply *r, struct plan *plan)
{
	size_t index = 0;
	struct say *o = ask_say(q);
	struct piece *p;

	plan->stream = true;
	plan->content_type = LIT("text/event-stream");
	say_fmt(o,
		"{\"id\":\"%016" PRIx64 "\",\"type\":\"message-start\",\"delta\":{\"message\":{"
		"\"role\":\"assistant\",\"content\":[],\"tool_plan\":\"\",\"tool_calls\":[],"
		"\"citations\":[]}}}",
		r->seed);
	ask_piece(q, plan, PIECE_OPEN, "message-start");
	if (r->thinking.n > 0 && !q->o->redacted)
		plan_content(q, plan, index++, "thinking", r->thinking);
	if (has_plan(r))
		plan_tool_plan(q, r, plan);
	else if (r->call_n == 0)
		plan_content(q, plan, index, "text", r->text);
	for (size_t i = 0; i < r->call_n; i++)
		plan_call(q, &r->calls[i], plan, i);
	plan_citations(q, r, plan);
	o = ask_say(q);
	say_lit(o, "{\"type\":\"message-end\",\"delta\":{");
	put_finish(o, r);
	if (q->o->usage != USAGE_OFF) {
		say_lit(o, ",");
		put_usage(o, r);
	}
	say_lit(o, "}}");
	p = ask_piece(q, plan, PIECE_FINISH, "message-end");
	if (p != NULL) {
		p->finish = true;
		p->usage = q->o->usage != USAGE_OFF;
	}
}

/* ---- embed and models ----------------------------------------------------------------------
 */

static bool check_embed(struct question *q, size_t n)
{
	static const char kinds[] =
		"search_document search_query classification clustering image";

	if (q->model.n == 0)
		return ask_wrong(q, 0, "invalid request: model is required");
	if (!mock_in_list(kinds, str(q->root, "input_type")))
		return ask_wrong(q, 0,
				 "invalid request: valid input_type must be provided with the "
				 "provided model");
	if (n == 0 || n > EMBED_MAX)
		return ask_wrong(q, 0, "invalid request: at least 1 and at most 96 inputs");
	return ask_only(q, q->root, "request",
			"model input_type texts images inputs embedding_types output_dimension "
			"max_tokens truncate priority");
}

/* 32-bit floats, little-endian, with the three decimals that numbers have too. */
static void put_packed(struct question *q, struct say *o, uint64_t input, uint64_t dimensions)
{
	float *v = arena_get(&q->x->work, size_max(dimensions, 1) * sizeof(*v));

	for (uint64_t k = 0; v != NULL && k < dimensions; k++) {
		double x = ask_coordinate(q->o->seed, input, k) * 1000;

		v[k] = (float)((double)(long)(x < 0 ? x - 0.5 : x + 0.5) / 1000);
	}
	say_lit(o, "\"");
	if (v != NULL)
		say_base64(o, slice_of((const char *)v, dimensions * sizeof(*v)));
	say_lit(o, "\"");
}

static void put_vectors(struct question *q, struct say *o, struct slice type, size_t n)
{
	uint64_t dimensions =
		json_uint(json_get(q->root, "output_dimension"), q->o->dimensions);
	bool whole = !slice_eq(type, LIT("float"));

	dimensions = dimensions < 65536 ? dimensions : 65536;
	say_json(o, type);
	say_lit(o, ":[");
	for (size_t i = 0; i < n; i++) {
		say_lit(o, i > 0 ? "," : "");
		if (!whole) {
			say_embedding(o, q->o->seed, i, dimensions);
			continue;
		}
		if (slice_eq(type, LIT("base64"))) {
			put_packed(q, o, i, dimensions);
			continue;
		}
		say_lit(o, "[");
		for (uint64_t k = 0; k < dimensions; k++)
			say_fmt(o, "%s%d", k > 0 ? "," : "",
				(int)(ask_coordinate(q->o->seed, i, k) * 127));
		say_lit(o, "]");
	}
	say_lit(o, "]");
}

static void answer_embed(struct question *q, struct plan *plan)
{
	const struct json *types = json_get(q->root, "embedding_types");
	size_t n = json_len(json_get(q->root, "texts")) +
		   json_len(json_get(q->root, "images")) +
		   json_len(json_get(q->root, "inputs"));
	struct say *o;

	if (!check_embed(q, n) && q->o->strict && ask_refused(q, plan))
		return;
	o = ask_say(q);
	say_lit(o, "{\"id\":\"00000000-0000-4000-8000-000000000000\",\"embeddings\":{");
	for (size_t i = 0; i < json_len(types); i++) {
		say_lit(o, i > 0 ? "," : "");
		put_vectors(q, o, json_str(json_at(types, i)), n);
	}
	if (json_len(types) == 0)
		put_vectors(q, o, LIT("float"), n);
	say_fmt(o,
		"},\"meta\":{\"api_version\":{\"version\":\"2\"},\"billed_units\":{"
		"\"input_tokens\":%zu}},\"response_type\":\"embeddings_by_type\"}",
		(q->x->rec.body.n + 3) / 4);
	ask_piece(q, plan, PIECE_CONTENT, NULL);
}

static void answer_models(struct question *q, struct plan *plan)
{
	struct slice rest = q->o->models, name;
	struct say *o = ask_say(q);

	say_lit(o, "{\"models\":[");
	for (bool first = true; rest.n > 0; first = false) {
		if (!slice_cut(rest, ',', &name, &rest))
			rest = slice_of(NULL, 0);
		say_lit(o, first ? "{\"name\":" : ",{\"name\":");
		say_json(o, slice_trim(name));
		say_lit(o, ",\"endpoints\":[\"chat\"],\"context_length\":128000}");
	}
	say_lit(o, "]}");
	ask_piece(q, plan, PIECE_CONTENT, NULL);
}

static void answer(struct exchange *x, const struct json_member *m UNUSED, size_t n UNUSED,
		   struct plan *plan)
{
	enum endpoint e = endpoint_of(x);
	struct question q;
	struct reply r;

	plan->content_type = LIT("application/json");
	ask_begin(&q, x, &mock_cohere);
	if (e == MODELS) {
		answer_models(&q, plan);
		return;
	}
	if (q.root == NULL)
		ask_wrong(&q, 0, "invalid json syntax");
	else if (e == CHAT)
		read_chat(&q);
	if ((x->o->strict || q.root == NULL) && ask_refused(&q, plan))
		return;
	if (e == EMBED) {
		answer_embed(&q, plan);
	} else if (ask_decide(&q, &r, plan)) {
		if (q.stream)
			plan_stream(&q, &r, plan);
		else
			plan_plain(&q, &r, plan);
	}
}

const struct mock_dialect mock_cohere = {
	.name = "cohere",
	.claims = claims,
	.peek = peek,
	.last_user = last_user,
	.answer = answer,
	.error = error,
	.error_event = error_event,
};
