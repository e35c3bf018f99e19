#include "chat/openai.h"

/* No answer has a million millions of tokens, and sums of them must not overflow. */
#define TOKENS_MAX (1ULL << 40)

static uint64_t count(const struct json_member *m, size_t n, struct slice name)
{
	const struct json_member *at = json_member_find(m, n, name, NULL);
	uint64_t v = 0;

	return at != NULL && json_u64(at->value, &v) ? v : 0;
}

/* The members of the object under this name; none when there is no such object. */
static size_t inside(const struct json_member *m, size_t n, struct slice name,
		     struct json_member *inner, size_t cap)
{
	const struct json_member *at = json_member_find(m, n, name, NULL);

	if (at == NULL || at->kind != JSON_OBJECT)
		return 0;
	return size_min(json_object(at->value, inner, cap), cap);
}

/* Takes `part` out of *whole; a part over its whole is impossible and corrected. */
static uint64_t part_of(uint64_t *whole, uint64_t part, bool *odd)
{
	if (part > *whole) {
		*odd = true;
		part = *whole;
	}
	*whole -= part;
	return part;
}

/* Cached and cache-write tokens are inside prompt_tokens, reasoning is inside
 * completion_tokens; but where total == prompt + completion + reasoning it is outside
 * (reference/dialects.md, 6.3.6). */
static void usage_read(struct usage *u, struct slice object)
{
	struct json_member m[24], in[16], out[16];
	size_t n = size_min(json_object(object, m, ARRAY_LEN(m)), ARRAY_LEN(m));
	size_t in_n = inside(m, n, LIT("prompt_tokens_details"), in, ARRAY_LEN(in));
	size_t out_n = inside(m, n, LIT("completion_tokens_details"), out, ARRAY_LEN(out));
	uint64_t prompt = count(m, n, LIT("prompt_tokens"));
	uint64_t completion = count(m, n, LIT("completion_tokens"));
	uint64_t total = count(m, n, LIT("total_tokens"));
	uint64_t reasoning = count(out, out_n, LIT("reasoning_tokens"));
	bool outside = reasoning > 0 && total - prompt - completion == reasoning;

	*u = (struct usage){ .odd = prompt > TOKENS_MAX || completion > TOKENS_MAX ||
				    reasoning > TOKENS_MAX };
	if (u->odd)
		return; /* as good as none: it will be estimated */
	u->known = true;
	u->cache_read = part_of(&prompt, count(in, in_n, LIT("cached_tokens")), &u->odd);
	u->cache_write = part_of(&prompt, count(in, in_n, LIT("cache_write_tokens")), &u->odd);
	u->input = prompt;
	u->reasoning = outside ? reasoning : part_of(&completion, reasoning, &u->odd);
	u->output = completion;
}

/* The members of a delta or message that are part of the answer. */
static void look_at_message(struct slice object, bool *content, size_t *text_bytes)
{
	static const struct slice texts[] = { LITC("content"), LITC("reasoning_content"),
					      LITC("reasoning"), LITC("refusal") };
	static const struct slice others[] = { LITC("tool_calls"), LITC("function_call"),
					       LITC("audio"), LITC("reasoning_details"),
					       LITC("images") };
	struct json_member m[16];
	size_t n = size_min(json_object(object, m, ARRAY_LEN(m)), ARRAY_LEN(m));

	for (size_t i = 0; i < n; i++) {
		for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
			if (!slice_eq(m[i].key, texts[t]))
				continue;
			if (m[i].kind == JSON_STRING && json_string_nonempty(m[i].value)) {
				*content = true;
				*text_bytes += m[i].value.n - 2;
			} else if (m[i].kind == JSON_ARRAY && m[i].value.n > 2) {
				*content = true; /* Mistral, Databricks: an array of parts */
				*text_bytes += m[i].value.n;
			}
		}
		for (size_t t = 0; t < ARRAY_LEN(others); t++)
			if (slice_eq(m[i].key, others[t]) && m[i].value.n > 2 &&
			    (m[i].kind == JSON_ARRAY || m[i].kind == JSON_OBJECT)) {
				*content = true;
				*text_bytes += m[i].value.n;
			}
	}
}

static void look_at_choice(struct slice choice, bool *content, bool *finish, size_t *text_bytes)
{
	struct json_member m[12];
	size_t n = size_min(json_object(choice, m, ARRAY_LEN(m)), ARRAY_LEN(m));

	for (size_t i = 0; i < n; i++) {
		if ((slice_eq(m[i].key, LIT("delta")) || slice_eq(m[i].key, LIT("message"))) &&
		    m[i].kind == JSON_OBJECT) {
			look_at_message(m[i].value, content, text_bytes);
		} else if (slice_eq(m[i].key, LIT("text")) && m[i].kind == JSON_STRING &&
			   json_string_nonempty(m[i].value)) {
			*content = true;
			*text_bytes += m[i].value.n - 2;
		} else if (slice_eq(m[i].key, LIT("finish_reason"))) {
			*finish |= m[i].kind == JSON_STRING && json_string_nonempty(m[i].value);
		}
	}
}

/* How many choices there are. */
static size_t look_at_choices(struct slice array, bool *content, bool *finish, size_t *bytes)
{
	struct json_array it = json_array(array);
	enum json_kind kind;
	struct slice value;
	size_t n = 0;

	for (; json_array_next(&it, &value, &kind); n++)
		if (kind == JSON_OBJECT)
			look_at_choice(value, content, finish, bytes);
	return n;
}

void openai_event_read(struct openai_event *e, struct slice data)
{
	struct json_member m[24];
	bool has_usage = false;
	enum json_kind kind;
	size_t n, choices = 0;

	*e = (struct openai_event){ 0 };
	if (slice_eq(slice_trim(data), LIT("[DONE]"))) {
		e->valid = e->done = true;
		return;
	}
	if (json_scan(data, &kind, m, ARRAY_LEN(m), &n, NULL) != OK)
		return;
	e->valid = true;
	e->error = kind == JSON_ARRAY; /* some wrap their errors so; no chunk is a list */
	n = size_min(n, ARRAY_LEN(m));
	for (size_t i = 0; kind == JSON_OBJECT && i < n; i++) {
		if (slice_eq(m[i].key, LIT("choices")) && m[i].kind == JSON_ARRAY)
			choices = look_at_choices(m[i].value, &e->content, &e->finish,
						  &e->text_bytes);
		else if (slice_eq(m[i].key, LIT("usage")) && m[i].kind == JSON_OBJECT) {
			usage_read(&e->usage, m[i].value);
			has_usage = true;
		} else if (slice_eq(m[i].key, LIT("error")) && m[i].kind != JSON_NULL)
			e->error = true;
	}
	e->usage_only = has_usage && choices == 0 && !e->error;
}

void openai_answer_read(struct openai_answer *e, enum openai_endpoint endpoint,
			struct slice body)
{
	struct slice list = endpoint == OPENAI_EMBEDDINGS ? LIT("data") : LIT("choices");
	const struct json_member *at;
	struct json_member m[32];
	bool content = false, finish = false;
	enum json_kind kind;
	size_t n;

	*e = (struct openai_answer){ 0 };
	if (json_scan(body, &kind, m, ARRAY_LEN(m), &n, NULL) != OK)
		return;
	e->error = kind == JSON_ARRAY; /* some wrap their errors so; no answer is a list */
	if (kind != JSON_OBJECT)
		return;
	n = size_min(n, ARRAY_LEN(m));
	at = json_member_find(m, n, LIT("usage"), NULL);
	if (at != NULL && at->kind == JSON_OBJECT)
		usage_read(&e->usage, at->value);
	at = json_member_find(m, n, list, NULL);
	if (at == NULL || at->kind != JSON_ARRAY) {
		/* No answer in it: an error in some shape, or nothing we know. */
		e->error = true;
		return;
	}
	e->valid = true;
	if (endpoint == OPENAI_EMBEDDINGS) {
		e->empty = at->value.n <= 2;
		return;
	}
	e->empty = look_at_choices(at->value, &content, &finish, &e->text_bytes) == 0 ||
		   (!content && !finish);
}

/* ---- errors ----------------------------------------------------------------------------- */

/* Where providers put what went wrong (reference/dialects.md, 6.3.8). */
struct words {
	struct slice message, type, code;
};

static void take_string(struct slice value, struct arena *a, struct slice *out)
{
	if (out->n == 0 && json_kind(value) == JSON_STRING)
		(void)!json_string(value, a, out);
	else if (out->n == 0 && json_kind(value) == JSON_NUMBER)
		*out = value;
}

static void words_read(struct words *w, struct slice value, struct arena *a, unsigned depth)
{
	static const struct slice inside[] = { LITC("error"),   LITC("detail"),
					       LITC("fault"),   LITC("base_resp"),
					       LITC("message"), LITC("errors") };
	struct json_member m[24];
	struct json_array it;
	enum json_kind kind = json_kind(value);
	size_t n;

	if (depth > 4)
		return;
	if (kind == JSON_STRING) {
		take_string(value, a, &w->message);
		return;
	}
	if (kind == JSON_ARRAY) {
		it = json_array(value);
		if (json_array_next(&it, &value, &kind))
			words_read(w, value, a, depth + 1);
		return;
	}
	if (kind != JSON_OBJECT)
		return;
	n = size_min(json_object(value, m, ARRAY_LEN(m)), ARRAY_LEN(m));
	for (size_t k = 0; k < ARRAY_LEN(inside); k++)
		for (size_t i = 0; i < n; i++)
			if (slice_eq(m[i].key, inside[k]))
				words_read(w, m[i].value, a, depth + 1);
	for (size_t i = 0; i < n; i++) {
		if (slice_eq(m[i].key, LIT("type")))
			take_string(m[i].value, a, &w->type);
		else if (slice_eq(m[i].key, LIT("code")) ||
			 slice_eq(m[i].key, LIT("error_code")) ||
			 slice_eq(m[i].key, LIT("status_code")))
			take_string(m[i].value, a, &w->code);
		else if (slice_eq(m[i].key, LIT("msg")) ||
			 slice_eq(m[i].key, LIT("faultstring")) ||
			 slice_eq(m[i].key, LIT("status_msg")))
			take_string(m[i].value, a, &w->message);
	}
}

static bool says(const struct words *w, const char *what)
{
	return slice_eq(w->code, slice_cstr(what)) || slice_eq(w->type, slice_cstr(what));
}

static enum fault_kind kind_of_code(const struct words *w)
{
	static const struct {
		const char *word;
		enum fault_kind kind;
	} known[] = {
		{ "insufficient_quota", FAULT_QUOTA },
		{ "exceeded_current_quota_error", FAULT_QUOTA },
		{ "billing_hard_limit_reached", FAULT_QUOTA },
		{ "rate_limit_exceeded", FAULT_RATE },
		{ "rate_limit_error", FAULT_RATE },
		{ "model_not_found", FAULT_MODEL },
		{ "model_decommissioned", FAULT_MODEL },
		{ "context_length_exceeded", FAULT_CONTEXT },
		{ "exceed_context_size_error", FAULT_CONTEXT },
		{ "content_policy_violation", FAULT_POLICY },
		{ "content_filter", FAULT_POLICY },
		{ "data_inspection_failed", FAULT_POLICY },
		{ "invalid_api_key", FAULT_AUTH },
		{ "authentication_error", FAULT_AUTH },
		{ "server_is_overloaded", FAULT_OVERLOADED },
		{ "overloaded_error", FAULT_OVERLOADED },
		{ "engine_overloaded_error", FAULT_OVERLOADED },
		{ "slow_down", FAULT_OVERLOADED },
		{ "server_error", FAULT_SERVER },
		{ "invalid_request_error", FAULT_CLIENT },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (says(w, known[i].word))
			return known[i].kind;
	return FAULT_NONE;
}

static enum fault_kind kind_of_status(unsigned status)
{
	switch (status) {
	case 401:
	case 403:
		return FAULT_AUTH;
	case 402:
		return FAULT_QUOTA;
	case 408:
	case 504:
	case 524:
		return FAULT_TIMEOUT;
	case 409:
	case 425:
		return FAULT_SERVER;
	case 429:
	case 498:
		return FAULT_RATE;
	case 503:
	case 529:
		return FAULT_OVERLOADED;
	default:
		return status >= 500   ? FAULT_SERVER
		       : status >= 400 ? FAULT_CLIENT
				       : FAULT_GARBAGE;
	}
}

void openai_error_read(struct fault *f, unsigned status, struct slice body, struct arena *a)
{
	struct words w = { 0 };
	enum fault_kind by_code;
	enum json_kind kind;
	uint64_t code;
	size_t n;

	f->status = status;
	f->kind = FAULT_NONE;
	if (json_scan(body, &kind, NULL, 0, &n, NULL) == OK)
		words_read(&w, body, a, 0);
	f->message = w.message;
	/* Inside a 200 the code is often the status that should have been sent. */
	if (status < 400 && slice_u64(w.code, &code) && code >= 400 && code < 600)
		status = (unsigned)code;
	by_code = kind_of_code(&w);
	f->kind = kind_of_status(status);
	/* A word is more exact than a status, but a plain "invalid_request_error" is also said
	 * with 401 and 404, and adds nothing there. */
	if (by_code != FAULT_NONE && (by_code != FAULT_CLIENT || status < 400))
		f->kind = by_code;
	/* A wrong 404 is the base URL; only a model that is not there may be elsewhere. */
	if (f->kind == FAULT_CLIENT && status == 404)
		f->kind = FAULT_MODEL;
	if (f->kind == FAULT_GARBAGE && (w.message.n > 0 || w.code.n > 0))
		f->kind = FAULT_SERVER;
}

struct slice openai_error_write(struct arena *a, struct slice message, const char *type,
				const char *param, const char *code)
{
	struct slice text = json_quote(a, message);

	if (text.n == 0)
		return text;
	return arena_fmt(a,
			 "{\"error\":{\"message\":%.*s,\"type\":\"%s\",\"param\":%s%s%s,"
			 "\"code\":\"%s\"}}",
			 SARG(text), type, param == NULL ? "" : "\"",
			 param == NULL ? "null" : param, param == NULL ? "" : "\"", code);
}
