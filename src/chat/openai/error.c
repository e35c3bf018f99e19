#include "chat/openai.h"

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
					       LITC("message"), LITC("errors"),
					       LITC("x_groq") };
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
