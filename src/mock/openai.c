/* The OpenAI dialect as a provider speaks it: chat completions, completions, embeddings,
 * models.  dialects.md, section 1; error bodies of its relatives, sections 6.2 and 6.3. */
#include "mock/exchange.h"
#include "mock/text.h"

#include "base/hash.h"

#define CREATED 1750000000

enum endpoint { CHAT, COMPLETIONS, EMBEDDINGS, MODELS, MODEL, NO_ENDPOINT };

/* What the body asks for. */
struct ask {
	enum endpoint endpoint;
	struct exchange *x;
	const struct mock_options *o;
	const struct json *root; /* NULL unless the tree was needed */
	struct slice model;      /* as asked for */
	bool stream, include_usage, logprobs;
	uint64_t choices;
	uint64_t max_tokens; /* 0: no limit */
	bool tools, format;
	/* the answer */
	uint64_t text_seed, tokens;
	struct slice text;
	const char *finish;
	struct slice finish_given;
	uint64_t calls;
	uint64_t prompt, completion;
};

static enum endpoint endpoint_of(struct slice method, struct slice path)
{
	bool post = slice_eq(method, LIT("POST"));
	size_t at;

	if (slice_ends(path, LIT("/chat/completions")))
		return post ? CHAT : NO_ENDPOINT;
	if (slice_ends(path, LIT("/completions")))
		return post ? COMPLETIONS : NO_ENDPOINT;
	if (slice_ends(path, LIT("/embeddings")))
		return post ? EMBEDDINGS : NO_ENDPOINT;
	if (slice_ends(path, LIT("/models")))
		return post ? NO_ENDPOINT : MODELS;
	at = slice_find(path, LIT("/models/"));
	return at != SLICE_NONE && !post ? MODEL : NO_ENDPOINT;
}

static bool claims(struct slice method, struct slice path)
{
	return endpoint_of(method, path) != NO_ENDPOINT;
}

static const struct json_member *member(const struct json_member *m, size_t n, const char *name)
{
	return json_member_find(m, n, slice_cstr(name), NULL);
}

static void peek(struct exchange *x, const struct json_member *m, size_t n)
{
	const struct json_member *model = member(m, n, "model");
	const struct json_member *stream = member(m, n, "stream");

	if (model != NULL && !json_string(model->value, &x->keep, &x->rec.model))
		x->rec.model = slice_of(NULL, 0);
	if (stream != NULL && !json_bool(stream->value, &x->rec.stream))
		x->rec.stream = false;
}

/* ---- errors ------------------------------------------------------------------------ */

struct error_kind {
	unsigned status;
	const char *type, *code, *message;
};

static const struct error_kind error_kinds[] = {
	{ 400, "invalid_request_error", "invalid_value", "The request is not valid." },
	{ 401, "invalid_request_error", "invalid_api_key", "Incorrect API key provided." },
	{ 402, "insufficient_quota", "insufficient_quota", "The balance is used up." },
	{ 403, "permission_error", "forbidden", "This key may not do that." },
	{ 404, "invalid_request_error", "model_not_found", "The model does not exist." },
	{ 408, "timeout_error", "request_timeout", "The request took too long." },
	{ 409, "conflict_error", "conflict", "There was a conflict." },
	{ 413, "invalid_request_error", "request_too_large", "The request is too large." },
	{ 422, "invalid_request_error", "unprocessable", "The request cannot be processed." },
	{ 429, "requests", "rate_limit_exceeded",
	  "Rate limit reached. Please try again later." },
	{ 500, "server_error", "server_error", "The server had an error." },
	{ 502, "server_error", "bad_gateway", "Bad gateway." },
	{ 503, "server_error", "server_is_overloaded", "The engine is overloaded." },
	{ 504, "server_error", "gateway_timeout", "Gateway timeout." },
	{ 529, "overloaded_error", "overloaded", "Overloaded." },
};

static const struct error_kind *error_kind(unsigned status)
{
	static const struct error_kind other = { 0, "server_error", "error",
						 "Something went wrong." };

	for (size_t i = 0; i < ARRAY_LEN(error_kinds); i++)
		if (error_kinds[i].status == status)
			return &error_kinds[i];
	return &other;
}

static void pair(struct say *o, const char *name, struct slice value)
{
	say_json(o, slice_cstr(name));
	say_lit(o, ":");
	say_json(o, value);
}

static void error(struct say *o, const struct mock_options *opt, unsigned status,
		  struct slice message)
{
	const struct error_kind *k = error_kind(status);
	struct slice type = opt->error_type.n > 0 ? opt->error_type : slice_cstr(k->type);
	struct slice code = opt->error_code.n > 0 ? opt->error_code : slice_cstr(k->code);

	if (opt->error_message.n > 0)
		message = opt->error_message;
	else if (message.n == 0)
		message = slice_cstr(k->message);
	switch (opt->shape) {
	case SHAPE_OPENAI:
	case SHAPE_ARRAY:
		say_lit(o, opt->shape == SHAPE_ARRAY ? "[{\"error\":{" : "{\"error\":{");
		pair(o, "message", message);
		say_lit(o, ",");
		pair(o, "type", type);
		say_lit(o, ",\"param\":null,");
		pair(o, "code", code);
		say_lit(o, opt->shape == SHAPE_ARRAY ? "}}]" : "}}");
		return;
	case SHAPE_STRING:
	case SHAPE_DETAIL:
		say_lit(o, "{");
		pair(o, opt->shape == SHAPE_STRING ? "error" : "detail", message);
		say_lit(o, "}");
		return;
	case SHAPE_FLAT:
		say_lit(o, "{");
		pair(o, "message", message);
		say_lit(o, ",");
		pair(o, "type", type);
		say_lit(o, ",\"param\":null,");
		pair(o, "code", code);
		say_lit(o, "}");
		return;
	case SHAPE_CODE:
		say_lit(o, "{");
		pair(o, "code", code);
		say_lit(o, ",");
		pair(o, "error", message);
		say_lit(o, "}");
		return;
	case SHAPE_ERRORS:
		say_lit(o, "{\"errors\":[{");
		pair(o, "code", code);
		say_lit(o, ",");
		pair(o, "message", message);
		say_fmt(o, "}],\"trace\":\"mock\",\"status_code\":%u}", status);
		return;
	case SHAPE_FAULT:
		say_lit(o, "{\"fault\":{");
		pair(o, "faultstring", message);
		say_lit(o, ",\"detail\":{");
		pair(o, "errorcode", code);
		say_lit(o, "}}}");
		return;
	case SHAPE_BASE_RESP:
		say_fmt(o, "{\"base_resp\":{\"status_code\":%u,", status == 429 ? 1002 : 1000);
		pair(o, "status_msg", message);
		say_lit(o, "}}");
		return;
	case SHAPE_NUMERIC:
		say_fmt(o, "{\"error\":{\"code\":%u,", status);
		pair(o, "message", message);
		say_lit(o, ",\"metadata\":{\"provider_name\":\"mock\"}}}");
		return;
	case SHAPE_TEXT:
		say_str(o, message);
		return;
	case SHAPE_HTML:
		say_fmt(o, "<html>\r\n<head><title>%u</title></head>\r\n<body><h1>", status);
		say_str(o, message);
		say_lit(o, "</h1></body>\r\n</html>\r\n");
		return;
	case SHAPE_EMPTY:
		return;
	}
}

/* ---- parts of an answer ---------------------------------------------------------------- */

static struct say *fresh(struct ask *q)
{
	say_clear(&q->x->mock->out);
	return &q->x->mock->out;
}

static void put_usage(struct ask *q, struct say *o, uint64_t completion)
{
	say_fmt(o, "\"usage\":{\"prompt_tokens\":%" PRIu64, q->prompt);
	if (q->endpoint != EMBEDDINGS)
		say_fmt(o, ",\"completion_tokens\":%" PRIu64, completion);
	say_fmt(o, ",\"total_tokens\":%" PRIu64, q->prompt + completion);
	if (q->endpoint != EMBEDDINGS)
		say_fmt(o,
			",\"prompt_tokens_details\":{\"cached_tokens\":%" PRIu64
			",\"audio_tokens\":0},\"completion_tokens_details\":{"
			"\"reasoning_tokens\":0,\"audio_tokens\":0,"
			"\"accepted_prediction_tokens\":0,\"rejected_prediction_tokens\":0}",
			q->o->cached_tokens);
	say_lit(o, "}");
}

static void put_extra(struct ask *q, struct say *o)
{
	if (q->o->extra)
		say_lit(o, ",\"x_mock\":{\"big\":12345678901234567890,\"n\":1.50,"
			   "\"s\":\"\\u00e9\\/\",\"list\":[null,true,{}]}");
}

/* {"id":..., up to where choices begin */
static void put_start(struct ask *q, struct say *o)
{
	const char *object = q->endpoint == COMPLETIONS ? "text_completion"
			     : q->stream                ? "chat.completion.chunk"
							: "chat.completion";

	say_fmt(o, "{\"id\":\"%s-%016" PRIx64 "\",\"object\":\"%s\",\"created\":%d,\"model\":",
		q->endpoint == COMPLETIONS ? "cmpl" : "chatcmpl", q->text_seed, object,
		CREATED);
	say_json(o, q->model);
	say_lit(o, ",\"system_fingerprint\":\"fp_mock\"");
	put_extra(q, o);
	say_lit(o, ",\"choices\":");
}

static void put_finish(struct ask *q, struct say *o)
{
	if (q->finish_given.n > 0)
		say_json(o, q->finish_given);
	else
		say_json(o, slice_cstr(q->finish));
}

static void put_logprob(struct say *o, struct slice token)
{
	say_lit(o, "{\"token\":");
	say_json(o, token);
	say_lit(o, ",\"logprob\":-0.25,\"bytes\":null,\"top_logprobs\":[]}");
}

/* ---- tool calls -------------------------------------------------------------------------- */

/* The function that call `i` calls: the one named by tool_choice, else in turn. */
static const struct json *call_function(struct ask *q, uint64_t i)
{
	const struct json *tools = json_get(q->root, "tools");
	struct slice named = json_str(
		json_get(json_get(json_get(q->root, "tool_choice"), "function"), "name"));
	size_t n = json_len(tools);

	for (size_t k = 0; named.n > 0 && k < n; k++) {
		const struct json *f = json_get(json_at(tools, k), "function");

		if (slice_eq(json_str(json_get(f, "name")), named))
			return f;
	}
	return n == 0 ? NULL : json_get(json_at(tools, i % n), "function");
}

static uint64_t calls_wanted(struct ask *q)
{
	const struct json *messages = json_get(q->root, "messages");
	const struct json *choice = json_get(q->root, "tool_choice");
	const struct json *last = json_at(messages, json_len(messages) - 1);
	uint64_t n = q->o->tools;

	if (json_len(messages) == 0 || json_len(json_get(q->root, "tools")) == 0 ||
	    slice_eq(json_str(choice), LIT("none")) ||
	    slice_eq(json_str(json_get(last, "role")), LIT("tool")))
		return 0;
	if (n == 0 && (slice_eq(json_str(choice), LIT("required")) || json_is_object(choice)))
		n = 1;
	if (!json_true(json_get(q->root, "parallel_tool_calls"), true) && n > 1)
		n = 1;
	return n > 128 ? 128 : n;
}

/* The arguments of call `i` as JSON text, in the exchange. */
static struct slice call_arguments(struct ask *q, uint64_t i)
{
	const struct json *f = call_function(q, i);
	const struct json *schema = json_get(f, "parameters");
	struct say *o = fresh(q);

	if (schema == NULL)
		say_lit(o, "{}");
	else
		text_by_schema(o, schema, schema, q->text_seed + i);
	return arena_copy(&q->x->work, say_slice(o));
}

static void put_call_open(struct ask *q, struct say *o, uint64_t i)
{
	say_fmt(o,
		"\"id\":\"call_%016" PRIx64 "\",\"type\":\"function\",\"function\":{\"name\":",
		hash_mix(q->text_seed + i));
	say_json(o, json_str(json_get(call_function(q, i), "name")));
	say_lit(o, ",\"arguments\":");
}

/* ---- what is answered ----------------------------------------------------------------------
 */

static void put_content_text(struct say *o, const struct json *content)
{
	size_t n = json_len(content);

	if (json_is_string(content))
		say_str(o, json_str(content));
	for (size_t i = 0; json_is_array(content) && i < n; i++)
		say_str(o, json_str(json_get(json_at(content, i), "text")));
}

static void put_last_user_text(struct ask *q, struct say *o)
{
	const struct json *messages = json_get(q->root, "messages");

	if (q->endpoint == COMPLETIONS) {
		put_content_text(o, json_get(q->root, "prompt"));
		return;
	}
	for (size_t i = json_len(messages); i-- > 0;)
		if (slice_eq(json_str(json_get(json_at(messages, i), "role")), LIT("user"))) {
			put_content_text(o, json_get(json_at(messages, i), "content"));
			return;
		}
}

/* A value for response_format; false when it asks for text. */
static bool put_formatted(struct ask *q, struct say *o)
{
	const struct json *format = json_get(q->root, "response_format");
	struct slice type = json_str(json_get(format, "type"));
	const struct json *schema = json_get(json_get(format, "json_schema"), "schema");

	if (slice_eq(type, LIT("json_object")) ||
	    (slice_eq(type, LIT("json_schema")) && !schema)) {
		say_lit(o, "{\"answer\":\"");
		text_words(o, q->text_seed, q->tokens);
		say_lit(o, "\"}");
		return true;
	}
	if (!slice_eq(type, LIT("json_schema")))
		return false;
	text_by_schema(o, schema, schema, q->text_seed);
	return true;
}

/* How many words a text has, as the mock counts tokens. */
static uint64_t count_tokens(struct slice s)
{
	uint64_t n = 0;
	bool in_word = false;

	for (size_t i = 0; i < s.n; i++) {
		bool blank = s.p[i] == ' ' || s.p[i] == '\n' || s.p[i] == '\t';

		n += !blank && !in_word;
		in_word = !blank;
	}
	return n;
}

static void decide_text(struct ask *q)
{
	struct say *o = fresh(q);
	bool words = false;

	q->finish = "stop";
	if (q->o->text.n > 0) {
		say_str(o, q->o->text);
	} else if (q->o->echo) {
		put_last_user_text(q, o);
	} else if (!q->format || !put_formatted(q, o)) {
		words = true;
		if (q->max_tokens > 0 && q->max_tokens < q->tokens) {
			q->tokens = q->max_tokens;
			q->finish = "length";
		}
		text_words(o, q->text_seed, q->tokens);
	}
	q->text = arena_copy(&q->x->work, say_slice(o));
	q->completion = words ? q->tokens : count_tokens(q->text);
}

/* The end of the piece of text that begins at `at`: so many words, with the blank before. */
static size_t text_piece_end(struct ask *q, size_t at)
{
	uint64_t words = 0;

	for (size_t i = at + 1; i < q->text.n; i++)
		if (q->text.p[i] == ' ' && ++words == q->o->words)
			return i;
	return q->text.n;
}

/* ---- plain ------------------------------------------------------------------------------ */

static void put_plain_choice(struct ask *q, struct say *o, uint64_t index,
			     const struct slice *arguments)
{
	say_fmt(o, "{\"index\":%" PRIu64, index);
	if (q->endpoint == COMPLETIONS) {
		say_lit(o, ",\"text\":");
		say_json(o, q->text);
	} else {
		say_lit(o, ",\"message\":{\"role\":\"assistant\",\"content\":");
		if (q->calls > 0)
			say_lit(o, "null");
		else
			say_json(o, q->text);
		say_lit(o, ",\"refusal\":null,\"annotations\":[]");
		for (uint64_t i = 0; i < q->calls; i++) {
			say_lit(o, i == 0 ? ",\"tool_calls\":[{" : ",{");
			put_call_open(q, o, i);
			say_json(o, arguments[i]);
			say_lit(o, i + 1 == q->calls ? "}}]" : "}}");
		}
		say_lit(o, "}");
	}
	say_lit(o, ",\"logprobs\":");
	if (q->logprobs) {
		say_lit(o, "{\"content\":[");
		for (uint64_t i = 0; i < q->tokens && i < 1000; i++) {
			if (i > 0)
				say_lit(o, ",");
			put_logprob(o, text_word(q->text_seed, i));
		}
		say_lit(o, "],\"refusal\":null}");
	} else {
		say_lit(o, "null");
	}
	say_lit(o, ",\"finish_reason\":");
	put_finish(q, o);
	say_lit(o, "}");
}

static void plan_plain(struct ask *q, struct plan *plan, const struct slice *arguments)
{
	struct say *o = fresh(q);
	struct piece *p;

	put_start(q, o);
	say_lit(o, "[");
	for (uint64_t i = 0; i < q->choices && q->o->fail != FAIL_EMPTY; i++) {
		if (i > 0)
			say_lit(o, ",");
		put_plain_choice(q, o, i, arguments);
	}
	say_lit(o, "]");
	if (q->o->usage != USAGE_OFF) {
		say_lit(o, ",");
		put_usage(q, o, q->completion);
	}
	say_lit(o, "}");
	p = plan_add(q->x, plan, PIECE_CONTENT, say_slice(o));
	if (p == NULL)
		return;
	p->text_n = q->calls > 0 ? 0 : q->text.n;
	p->usage = q->o->usage != USAGE_OFF;
	p->content = p->finish = true;
}

/* ---- streamed ---------------------------------------------------------------------------- */

/* What every chunk but the last ends with. */
static bool put_chunk_end(struct ask *q, struct say *o, uint64_t completion)
{
	bool told = q->o->usage == USAGE_CUMULATIVE;

	if (told) {
		say_lit(o, ",");
		put_usage(q, o, completion);
	} else if (q->include_usage && q->o->usage != USAGE_OFF) {
		say_lit(o, ",\"usage\":null");
	}
	say_lit(o, "}");
	return told;
}

static void plan_open(struct ask *q, struct plan *plan, uint64_t index)
{
	struct say *o = fresh(q);
	bool usage;
	struct piece *p;

	if (q->endpoint == COMPLETIONS)
		return;
	put_start(q, o);
	say_fmt(o,
		"[{\"index\":%" PRIu64 ",\"delta\":{\"role\":\"assistant\",\"content\":%s,"
		"\"refusal\":null},\"logprobs\":null,\"finish_reason\":null}]",
		index, q->calls > 0 ? "null" : "\"\"");
	usage = put_chunk_end(q, o, 0);
	p = plan_add(q->x, plan, PIECE_OPEN, say_slice(o));
	if (p != NULL)
		p->usage = usage;
}

static void plan_text(struct ask *q, struct plan *plan, uint64_t index, struct slice text,
		      uint64_t so_far)
{
	struct say *o = fresh(q);
	bool usage;
	struct piece *p;

	put_start(q, o);
	say_fmt(o, "[{\"index\":%" PRIu64, index);
	say_lit(o, q->endpoint == COMPLETIONS ? ",\"text\":" : ",\"delta\":{\"content\":");
	say_json(o, text);
	say_lit(o, q->endpoint == COMPLETIONS ? "" : "}");
	if (q->logprobs) {
		say_lit(o, ",\"logprobs\":{\"content\":[");
		put_logprob(o, text);
		say_lit(o, "],\"refusal\":null}");
	} else {
		say_lit(o, ",\"logprobs\":null");
	}
	say_lit(o, ",\"finish_reason\":null}]");
	usage = put_chunk_end(q, o, so_far);
	p = plan_add(q->x, plan, PIECE_CONTENT, say_slice(o));
	if (p == NULL)
		return;
	p->text_n = index == 0 ? text.n : 0;
	p->content = text.n > 0;
	p->usage = usage;
}

/* One delta of call `i`: `open` tells its id and name, the others bring arguments. */
static void plan_call_part(struct ask *q, struct plan *plan, uint64_t i, bool open,
			   struct slice part)
{
	struct say *o = fresh(q);
	struct piece *p;
	bool usage;

	put_start(q, o);
	say_fmt(o, "[{\"index\":0,\"delta\":{\"tool_calls\":[{\"index\":%" PRIu64 ",", i);
	if (open)
		put_call_open(q, o, i);
	else
		say_lit(o, "\"function\":{\"arguments\":");
	say_json(o, part);
	say_lit(o, "}}]},\"logprobs\":null,\"finish_reason\":null}]");
	usage = put_chunk_end(q, o, q->completion);
	p = plan_add(q->x, plan, PIECE_CONTENT, say_slice(o));
	if (p == NULL)
		return;
	p->content = true;
	p->usage = usage;
}

static void plan_call(struct ask *q, struct plan *plan, uint64_t i, struct slice arguments)
{
	plan_call_part(q, plan, i, true, LIT(""));
	for (; arguments.n > 0; arguments = slice_skip(arguments, q->o->arg_bytes))
		plan_call_part(q, plan, i, false, slice_head(arguments, q->o->arg_bytes));
}

static void plan_finish(struct ask *q, struct plan *plan, uint64_t index)
{
	bool here = q->o->usage == USAGE_TWICE || q->o->usage == USAGE_FINISH;
	struct say *o = fresh(q);
	struct piece *p;
	bool usage = here;

	put_start(q, o);
	say_fmt(o, "[{\"index\":%" PRIu64, index);
	say_lit(o, q->endpoint == COMPLETIONS ? ",\"text\":\"\"" : ",\"delta\":{}");
	say_lit(o, ",\"logprobs\":null,\"finish_reason\":");
	put_finish(q, o);
	say_lit(o, "}]");
	if (here) {
		say_lit(o, ",");
		put_usage(q, o, q->completion);
		say_lit(o, "}");
	} else {
		usage = put_chunk_end(q, o, q->completion);
	}
	p = plan_add(q->x, plan, PIECE_FINISH, say_slice(o));
	if (p == NULL)
		return;
	p->finish = true;
	p->usage = usage;
}

static void plan_usage(struct ask *q, struct plan *plan)
{
	bool asked = q->include_usage &&
		     (q->o->usage == USAGE_ASKED || q->o->usage == USAGE_CUMULATIVE);
	struct say *o = fresh(q);
	struct piece *p;

	if (!asked && q->o->usage != USAGE_ALWAYS && q->o->usage != USAGE_TWICE)
		return;
	put_start(q, o);
	say_lit(o, "[],");
	put_usage(q, o, q->completion);
	say_lit(o, "}");
	p = plan_add(q->x, plan, PIECE_USAGE, say_slice(o));
	if (p != NULL)
		p->usage = true;
}

static void plan_stream(struct ask *q, struct plan *plan, const struct slice *arguments)
{
	plan->stream = true;
	plan->content_type = LIT("text/event-stream; charset=utf-8");
	for (uint64_t c = 0; c < q->choices; c++)
		plan_open(q, plan, c);
	if (q->o->fail == FAIL_HUGE && q->calls == 0) {
		/* One event as large as asked for: the text is repeated in it. */
		plan_text(q, plan, 0, q->text, q->completion);
	} else if (q->calls > 0) {
		for (uint64_t i = 0; i < q->calls; i++)
			plan_call(q, plan, i, arguments[i]);
	} else {
		uint64_t so_far = 0;

		for (size_t at = 0, end; at < q->text.n; at = end) {
			end = text_piece_end(q, at);
			so_far += q->o->words;
			for (uint64_t c = 0; c < q->choices; c++)
				plan_text(q, plan, c, slice_of(q->text.p + at, end - at),
					  so_far < q->completion ? so_far : q->completion);
		}
	}
	for (uint64_t c = 0; c < q->choices; c++)
		plan_finish(q, plan, c);
	plan_usage(q, plan);
	plan_add(q->x, plan, PIECE_DONE, LIT("[DONE]"));
}

/* ---- chat and completions ------------------------------------------------------------------
 */

static uint64_t number(const struct json_member *m, size_t n, const char *name, uint64_t other)
{
	const struct json_member *found = member(m, n, name);

	if (found != NULL && !json_u64(found->value, &other))
		return other;
	return other;
}

static void read_ask(struct ask *q, const struct json_member *m, size_t n)
{
	const struct json_member *options = member(m, n, "stream_options");
	const struct json_member *logprobs = member(m, n, "logprobs");

	q->model = q->x->rec.model;
	q->stream = q->x->rec.stream;
	q->choices = number(m, n, "n", 1);
	q->choices = q->choices < 1 ? 1 : q->choices > 128 ? 128 : q->choices;
	q->max_tokens = number(m, n, "max_completion_tokens", number(m, n, "max_tokens", 0));
	q->tools = member(m, n, "tools") != NULL;
	q->format = member(m, n, "response_format") != NULL;
	if (logprobs != NULL && !json_bool(logprobs->value, &q->logprobs))
		q->logprobs = false;
	if (options != NULL && options->kind == JSON_OBJECT) {
		struct json_member so[8];
		size_t k = size_min(json_object(options->value, so, ARRAY_LEN(so)), 8);
		const struct json_member *u = member(so, k, "include_usage");

		if (u != NULL && !json_bool(u->value, &q->include_usage))
			q->include_usage = false;
	}
}

/* False when the tree could not be made: the plan is an error then. */
static bool need_tree(struct ask *q, struct plan *plan)
{
	struct exchange *x = q->x;
	struct err err = { .rc = OK };

	if (json_doc_read(&x->doc, x->mock->mem, x->rec.body, &err) != OK) {
		plan_error(x, &mock_openai, plan, 400, slice_cstr(err.text));
		return false;
	}
	q->root = json_root(x->doc);
	return true;
}

static void answer_chat(struct ask *q, struct plan *plan)
{
	struct slice *arguments = NULL;

	if ((q->tools || q->format || q->o->echo) && !need_tree(q, plan))
		return;
	if (q->tools)
		q->calls = calls_wanted(q);
	if (q->calls > 0) {
		arguments = ARENA_ARRAY(&q->x->work, struct slice, q->calls);
		for (uint64_t i = 0; arguments != NULL && i < q->calls; i++) {
			arguments[i] = call_arguments(q, i);
			q->completion += count_tokens(arguments[i]) + 1;
		}
		if (arguments == NULL)
			return;
		q->finish = "tool_calls";
	} else {
		decide_text(q);
		q->completion *= q->choices;
	}
	if (q->o->fail == FAIL_HUGE && q->calls == 0) {
		struct say *o = fresh(q);

		while (buf_len(&o->b) < q->o->size && !o->failed)
			say_lit(o, "weir ");
		q->text = arena_copy(&q->x->work, slice_head(say_slice(o), q->o->size));
		q->completion = count_tokens(q->text);
	}
	plan->text = q->text;
	plan->completion_tokens = q->completion;
	plan->cacheable = !q->tools && !q->format && !q->o->echo && !q->o->vary;
	if (q->stream)
		plan_stream(q, plan, arguments);
	else
		plan_plain(q, plan, arguments);
}

/* ---- embeddings and models
 * -------------------------------------------------------------------- */

static double coordinate(struct ask *q, uint64_t input, uint64_t i)
{
	return (double)(hash_mix(q->text_seed + input * 65537 + i) % 2001) / 1000 - 1;
}

static void put_embedding(struct ask *q, struct say *o, uint64_t input, uint64_t dimensions,
			  bool base64)
{
	if (!base64) {
		say_lit(o, "[");
		for (uint64_t i = 0; i < dimensions; i++)
			say_fmt(o, "%s%.3f", i > 0 ? "," : "", coordinate(q, input, i));
		say_lit(o, "]");
		return;
	}
	char *bytes = arena_bytes(&q->x->work, dimensions * 4);

	if (bytes == NULL)
		return;
	for (uint64_t i = 0; i < dimensions; i++) {
		float f = (float)coordinate(q, input, i);
		uint32_t u;

		memcpy(&u, &f, 4);
		for (unsigned k = 0; k < 4; k++) /* little endian */
			bytes[i * 4 + k] = (char)(u >> (8 * k));
	}
	say_lit(o, "\"");
	say_base64(o, slice_of(bytes, dimensions * 4));
	say_lit(o, "\"");
}

static void answer_embeddings(struct ask *q, struct plan *plan)
{
	const struct json *input;
	uint64_t dimensions, n;
	bool base64;
	struct say *o;

	if (!need_tree(q, plan))
		return;
	input = json_get(q->root, "input");
	n = json_is_array(input) && !json_is_number(json_at(input, 0)) ? json_len(input) : 1;
	n = n > 2048 ? 2048 : n;
	dimensions = json_uint(json_get(q->root, "dimensions"), q->o->dimensions);
	dimensions = dimensions > 65536 ? 65536 : dimensions;
	base64 = slice_eq(json_str(json_get(q->root, "encoding_format")), LIT("base64"));
	o = fresh(q);
	say_lit(o, "{\"object\":\"list\",\"data\":[");
	for (uint64_t i = 0; i < n; i++) {
		say_fmt(o, "%s{\"object\":\"embedding\",\"index\":%" PRIu64 ",\"embedding\":",
			i > 0 ? "," : "", i);
		put_embedding(q, o, i, dimensions, base64);
		say_lit(o, "}");
	}
	say_lit(o, "],\"model\":");
	say_json(o, q->model);
	put_extra(q, o);
	say_lit(o, ",");
	put_usage(q, o, 0);
	say_lit(o, "}");
	plan->completion_tokens = 0;
	struct piece *p = plan_add(q->x, plan, PIECE_CONTENT, say_slice(o));
	if (p != NULL)
		p->content = p->usage = true;
}

static void put_model(struct say *o, struct slice name)
{
	say_lit(o, "{\"id\":");
	say_json(o, name);
	say_fmt(o, ",\"object\":\"model\",\"created\":%d,\"owned_by\":\"weir-mock\"}", CREATED);
}

static void answer_models(struct ask *q, struct plan *plan)
{
	struct slice rest = q->o->models, name;
	struct say *o = fresh(q);

	if (q->endpoint == MODEL) {
		size_t at = slice_find(q->x->rec.path, LIT("/models/"));

		put_model(o, slice_skip(q->x->rec.path, at + 8));
	} else {
		say_lit(o, "{\"object\":\"list\",\"data\":[");
		for (bool first = true; rest.n > 0; first = false) {
			if (!slice_cut(rest, ',', &name, &rest))
				rest = slice_of(NULL, 0);
			if (!first)
				say_lit(o, ",");
			put_model(o, slice_trim(name));
		}
		say_lit(o, "]}");
	}
	plan_add(q->x, plan, PIECE_CONTENT, say_slice(o));
}

static bool complain(struct ask *q, struct plan *plan, const struct json_member *m, size_t n)
{
	static const char *const needed[] = { "messages", "prompt", "input" };
	const char *need = needed[q->endpoint];

	if (q->model.n == 0)
		plan_error(q->x, &mock_openai, plan, 400,
			   LIT("you must provide a model parameter"));
	else if (member(m, n, need) == NULL)
		plan_error(q->x, &mock_openai, plan, 400,
			   arena_fmt(&q->x->work, "Missing required parameter: '%s'.", need));
	else
		return false;
	return true;
}

static void answer(struct exchange *x, const struct json_member *m, size_t n, struct plan *plan)
{
	struct ask q = { .endpoint = endpoint_of(x->rec.head.method, x->rec.path),
			 .x = x,
			 .o = x->o };

	plan->content_type = LIT("application/json");
	read_ask(&q, m, n);
	q.text_seed = x->o->vary ? hash_mix(x->o->seed + x->rec.seq) : x->o->seed;
	q.tokens = x->o->tokens.min +
		   rng_below(&x->rng, x->o->tokens.max - x->o->tokens.min + 1);
	q.prompt = x->o->prompt_tokens > 0 ? x->o->prompt_tokens : (x->rec.body.n + 3) / 4;
	plan->prompt_tokens = q.prompt;
	if (q.endpoint == MODELS || q.endpoint == MODEL) {
		answer_models(&q, plan);
		return;
	}
	if (complain(&q, plan, m, n))
		return;
	if (q.endpoint == EMBEDDINGS)
		answer_embeddings(&q, plan);
	else
		answer_chat(&q, plan);
}

const struct mock_dialect mock_openai = {
	.name = "openai",
	.claims = claims,
	.peek = peek,
	.answer = answer,
	.error = error,
};
