/* The OpenAI dialect as a provider speaks it: chat completions, completions, embeddings,
 * models.  platform.openai.com/docs/api-reference; what its relatives do otherwise is in
 * quirks.c. */
#include "mock/openai.h"

#define CREATED 1750000000

enum endpoint { CHAT, COMPLETIONS, EMBEDDINGS, MODELS, MODEL, NO_ENDPOINT };

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

static bool claims(const struct exchange *x)
{
	return endpoint_of(x->rec.head.method, x->rec.path) != NO_ENDPOINT;
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
	/* Azure's older form: /openai/deployments/{model}/chat/completions */
	if (x->rec.model.n == 0 &&
	    slice_find(x->rec.path, LIT("/deployments/")) != SLICE_NONE) {
		struct slice rest = slice_skip(
			x->rec.path, slice_find(x->rec.path, LIT("/deployments/")) + 13);

		slice_cut(rest, '/', &rest, NULL);
		x->rec.model = exchange_decoded(x, rest);
	}
}

static void last_user(const struct json *root, struct say *o)
{
	const struct json *messages = json_get(root, "messages");

	if (messages == NULL)
		say_texts(o, json_get(root, "prompt"));
	for (size_t i = json_len(messages); i-- > 0;)
		if (slice_eq(json_str(json_get(json_at(messages, i), "role")), LIT("user"))) {
			say_texts(o, json_get(json_at(messages, i), "content"));
			return;
		}
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
	enum mock_shape shape = opt->shape == SHAPE_OWN && opt->as != NULL ? opt->as->shape
									   : opt->shape;

	if (opt->error_message.n > 0)
		message = opt->error_message;
	else if (message.n == 0)
		message = slice_cstr(k->message);
	switch (shape) {
	case SHAPE_OWN:
	case SHAPE_OPENAI:
	case SHAPE_ARRAY:
		say_lit(o, shape == SHAPE_ARRAY ? "[{\"error\":{" : "{\"error\":{");
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
		pair(o, shape == SHAPE_STRING ? "error" : "detail", message);
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
	case SHAPE_MISTRAL:
		if (status == 422) {
			say_lit(o, "{\"object\":\"error\",\"message\":{\"detail\":[{"
				   "\"type\":\"extra_forbidden\",\"loc\":[\"body\"],");
			pair(o, "msg", message);
			say_lit(o, "}]},\"type\":\"invalid_request_error\"}");
			return;
		}
		say_lit(o, "{\"object\":\"error\",");
		pair(o, "message", message);
		say_lit(o, ",");
		pair(o, "type", type);
		say_lit(o, ",\"param\":null,");
		pair(o, "code", code);
		say_lit(o, "}");
		return;
	case SHAPE_ERROR_CODE:
		say_lit(o, "{");
		pair(o, "error_code", code);
		say_lit(o, ",");
		pair(o, "message", message);
		say_lit(o, "}");
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

static const char *error_event(struct say *o, const struct mock_options *opt, unsigned status)
{
	if (!quirk(opt, QUIRK_DETAILS)) {
		error(o, opt, status, LIT(""));
		return NULL;
	}
	say_lit(o, "{\"id\":\"gen-mock\",\"object\":\"chat.completion.chunk\",\"created\":"
		   "1750000000,"
		   "\"model\":\"mock\",\"error\":{\"code\":502,\"message\":\"Provider "
		   "disconnected\"},\"choices\":[{\"index\":0,\"delta\":{\"content\":\"\"},"
		   "\"finish_reason\":\"error\"}]}");
	return NULL;
}

static void headers(const struct exchange *x, const struct plan *plan UNUSED, struct say *o)
{
	if (!x->o->limits)
		return;
	say_lit(o, "x-ratelimit-limit-requests: 1000\r\n"
		   "x-ratelimit-remaining-requests: 999\r\n"
		   "x-ratelimit-reset-requests: 60ms\r\n"
		   "x-ratelimit-limit-tokens: 100000\r\n"
		   "x-ratelimit-remaining-tokens: 99000\r\n"
		   "x-ratelimit-reset-tokens: 6m0s\r\n");
}

/* ---- embeddings and models
 * -------------------------------------------------------------------- */

static void put_base64(struct question *q, struct say *o, uint64_t input, uint64_t dimensions)
{
	char *bytes = arena_bytes(&q->x->work, dimensions * 4);

	if (bytes == NULL)
		return;
	for (uint64_t i = 0; i < dimensions; i++) {
		float f = (float)ask_coordinate(q->o->seed, input, i);
		uint32_t u;

		memcpy(&u, &f, 4);
		for (unsigned k = 0; k < 4; k++) /* little endian */
			bytes[i * 4 + k] = (char)(u >> (8 * k));
	}
	say_lit(o, "\"");
	say_base64(o, slice_of(bytes, dimensions * 4));
	say_lit(o, "\"");
}

static void check_input(struct question *q, const struct json *input)
{
	if (!json_is_string(input) && !json_is_array(input))
		ask_wrong(q, 0, "'input' must be a string or an array.");
	if (json_is_string(input) && json_str(input).n == 0)
		ask_wrong(q, 0, "'input' cannot be an empty string.");
	if (json_is_array(input) && (json_len(input) == 0 || json_len(input) > 2048))
		ask_wrong(q, 0, "'input' must have 1 to 2048 elements.");
	for (size_t i = 0; json_is_array(input) && i < json_len(input); i++)
		if (json_is_string(json_at(input, i)) && json_str(json_at(input, i)).n == 0)
			ask_wrong(q, 0, "'input[%zu]' cannot be an empty string.", i);
}

static void answer_embeddings(struct question *q, struct plan *plan)
{
	const struct json *input = json_get(q->root, "input");
	uint64_t dimensions, n;
	bool base64;
	struct say *o;
	struct piece *p;

	if (q->root == NULL)
		ask_wrong(q, 0, "We could not parse the JSON body of your request.");
	else if (q->o->strict)
		check_input(q, input);
	if (ask_refused(q, plan))
		return;
	n = json_is_array(input) && !json_is_number(json_at(input, 0)) ? json_len(input) : 1;
	n = n > 2048 ? 2048 : n;
	dimensions = json_uint(json_get(q->root, "dimensions"), q->o->dimensions);
	dimensions = dimensions > 65536 ? 65536 : dimensions;
	base64 = slice_eq(json_str(json_get(q->root, "encoding_format")), LIT("base64"));
	o = ask_say(q);
	say_lit(o, "{\"object\":\"list\",\"data\":[");
	for (uint64_t i = 0; i < n; i++) {
		say_fmt(o, "%s{\"object\":\"embedding\",\"index\":%" PRIu64 ",\"embedding\":",
			i > 0 ? "," : "", i);
		if (base64)
			put_base64(q, o, i, dimensions);
		else
			say_embedding(o, q->o->seed, i, dimensions);
		say_lit(o, "}");
	}
	say_lit(o, "],\"model\":");
	say_json(o, q->model);
	if (q->o->extra)
		say_lit(o, ",\"x_mock\":{\"big\":12345678901234567890}");
	say_fmt(o, ",\"usage\":{\"prompt_tokens\":%" PRIu64 ",\"total_tokens\":%" PRIu64 "}}",
		plan->prompt_tokens, plan->prompt_tokens);
	p = ask_piece(q, plan, PIECE_CONTENT, NULL);
	if (p != NULL)
		p->content = p->usage = true;
}

static void put_model(struct say *o, struct slice name)
{
	say_lit(o, "{\"id\":");
	say_json(o, name);
	say_fmt(o, ",\"object\":\"model\",\"created\":%d,\"owned_by\":\"weir-mock\"}", CREATED);
}

static void answer_models(struct question *q, struct plan *plan, enum endpoint e)
{
	struct slice rest = q->o->models, name;
	struct say *o = ask_say(q);

	if (e == MODEL) {
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
	ask_piece(q, plan, PIECE_CONTENT, NULL);
}

/* ---- all -----------------------------------------------------------------------------------
 */

static void complain(struct question *q, enum endpoint e, const struct json_member *m, size_t n)
{
	static const char *const needed[] = { "messages", "prompt", "input" };

	if (q->model.n == 0)
		ask_wrong(q, 0, "you must provide a model parameter");
	else if (member(m, n, needed[e]) == NULL)
		ask_wrong(q, 0, "Missing required parameter: '%s'.", needed[e]);
}

static void answer(struct exchange *x, const struct json_member *m, size_t n, struct plan *plan)
{
	enum endpoint e = endpoint_of(x->rec.head.method, x->rec.path);
	struct openai_ask a = { .legacy = e == COMPLETIONS };

	plan->content_type = LIT("application/json");
	plan->prompt_tokens = x->o->prompt_tokens > 0 ? x->o->prompt_tokens
						      : (x->rec.body.n + 3) / 4;
	ask_begin(&a.q, x, &mock_openai);
	if (e == MODELS || e == MODEL) {
		answer_models(&a.q, plan, e);
		return;
	}
	complain(&a.q, e, m, n);
	if (ask_refused(&a.q, plan))
		return;
	if (e == EMBEDDINGS) {
		answer_embeddings(&a.q, plan);
		return;
	}
	openai_read(&a, m, n);
	if (x->o->strict) {
		openai_check(&a, m, n);
		if (ask_refused(&a.q, plan))
			return;
	}
	if (!ask_decide(&a.q, &a.r, plan))
		return;
	if (a.r.finish == REPLY_BLOCKED) {
		plan_error(x, &mock_openai, plan, 400,
			   LIT("The prompt was blocked by the content filter."));
		return;
	}
	openai_say(&a, plan);
}

const struct mock_dialect mock_openai = {
	.name = "openai",
	.claims = claims,
	.peek = peek,
	.last_user = last_user,
	.answer = answer,
	.error = error,
	.error_event = error_event,
	.headers = headers,
};
