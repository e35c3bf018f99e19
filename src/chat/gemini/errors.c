#include "chat/gemini/gemini.h"

/* google.rpc.Code, as words, and the HTTP status each comes with (google/rpc/code.proto).
 * The first of a status is the one that we say. */
static const struct {
	const char *word;
	unsigned status;
	enum fault_kind kind;
} codes[] = {
	{ "INVALID_ARGUMENT", 400, FAULT_CLIENT },
	{ "FAILED_PRECONDITION", 400, FAULT_CLIENT },
	{ "OUT_OF_RANGE", 400, FAULT_CLIENT },
	{ "UNAUTHENTICATED", 401, FAULT_AUTH },
	{ "RESOURCE_EXHAUSTED", 402, FAULT_QUOTA },
	{ "PERMISSION_DENIED", 403, FAULT_AUTH },
	{ "NOT_FOUND", 404, FAULT_MODEL },
	{ "DEADLINE_EXCEEDED", 408, FAULT_TIMEOUT },
	{ "ABORTED", 409, FAULT_SERVER },
	{ "ALREADY_EXISTS", 409, FAULT_CLIENT },
	{ "RESOURCE_EXHAUSTED", 429, FAULT_RATE },
	{ "CANCELLED", 499, FAULT_SERVER },
	{ "INTERNAL", 500, FAULT_SERVER },
	{ "UNKNOWN", 500, FAULT_SERVER },
	{ "DATA_LOSS", 500, FAULT_SERVER },
	{ "UNIMPLEMENTED", 501, FAULT_MODEL },
	{ "UNAVAILABLE", 503, FAULT_OVERLOADED },
	{ "DEADLINE_EXCEEDED", 504, FAULT_TIMEOUT },
};

/* ---- reading --------------------------------------------------------------------------- */

static enum fault_kind kind_of_status(unsigned status)
{
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (codes[i].status == status)
			return codes[i].kind;
	if (status == 529)
		return FAULT_OVERLOADED;
	if (status >= 500)
		return FAULT_SERVER;
	return status >= 400 ? FAULT_CLIENT : FAULT_GARBAGE;
}

static enum fault_kind kind_of_word(struct json_text word)
{
	enum fault_kind kind = FAULT_NONE;

	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (json_text_is(word, slice_cstr(codes[i].word)) && codes[i].status != 402)
			kind = codes[i].kind;
	return kind;
}

/* {"error":{..}}, or that in an array of one. */
static bool error_of(struct slice body, struct arena *a, struct fields *error)
{
	struct json_array list;
	enum json_kind kind;
	struct fields f;
	struct slice one, inner;
	size_t n;

	error->n = 0;
	error->m = error->few;
	if (json_scan(body, &kind, NULL, 0, &n, NULL) != OK)
		return false;
	body = slice_trim(body);
	while (body.n > 0 && (body.p[0] == '\n' || body.p[0] == '\r'))
		body = slice_trim(slice_skip(body, 1));
	if (kind == JSON_ARRAY) {
		list = json_array(body);
		if (!json_array_next(&list, &one, &kind))
			return false;
		body = one;
	}
	if (!fields_read(&f, body, a))
		return false;
	inner = field_object(&f, "error");
	return inner.n > 0 && fields_read(error, inner, a);
}

/* "34.4s" */
static uint64_t delay_us(struct slice s)
{
	uint64_t whole = 0, us = 0, unit = 100000;
	size_t i = 0;

	for (; i < s.n && s.p[i] >= '0' && s.p[i] <= '9' && whole < 1000000; i++)
		whole = whole * 10 + (uint64_t)(s.p[i] - '0');
	if (i == 0)
		return 0;
	if (i < s.n && s.p[i] == '.')
		for (i++; i < s.n && s.p[i] >= '0' && s.p[i] <= '9'; i++) {
			us += unit * (uint64_t)(s.p[i] - '0');
			unit /= 10;
		}
	return i + 1 == s.n && s.p[i] == 's' ? whole * 1000000 + us : 0;
}

/* A day's quota does not come back by waiting, nor does one of nothing. */
static bool quota_is_spent(struct slice detail, struct arena *a)
{
	struct json_array list;
	enum json_kind kind;
	struct slice one;
	struct fields f;

	if (!fields_read(&f, detail, a))
		return false;
	list = json_array(field_array(&f, "violations"));
	while (json_array_next(&list, &one, &kind)) {
		struct fields v;

		if (!fields_read(&v, one, a))
			return false;
		if (slice_find(field_text(&v, "quotaId").s, LIT("PerDay")) != SLICE_NONE ||
		    field_is(&v, "quotaValue", "0"))
			return true;
	}
	return false;
}

static void details_read(struct fault *f, struct slice details, struct arena *a)
{
	struct json_array list = json_array(details);
	enum json_kind kind;
	struct slice one;
	struct fields d;

	while (json_array_next(&list, &one, &kind)) {
		struct slice type;

		if (!fields_read(&d, one, a))
			return;
		type = field_text(&d, "@type").s;
		if (slice_ends(type, LIT("google.rpc.RetryInfo"))) {
			uint64_t us = delay_us(field_text(&d, "retryDelay").s);

			f->retry_after_us = us > 0 ? us : f->retry_after_us;
		}
		if (slice_ends(type, LIT("google.rpc.QuotaFailure")) && f->kind == FAULT_RATE &&
		    quota_is_spent(one, a))
			f->kind = FAULT_QUOTA;
		else if (slice_ends(type, LIT("google.rpc.ErrorInfo")) &&
			 (field_is(&d, "reason", "API_KEY_INVALID") ||
			  field_is(&d, "reason", "API_KEY_SERVICE_BLOCKED")))
			f->kind = FAULT_AUTH;
	}
}

static bool has(struct slice s, const char *words)
{
	return slice_find(s, slice_cstr(words)) != SLICE_NONE;
}

/* What INVALID_ARGUMENT and FAILED_PRECONDITION say in words only. */
static enum fault_kind kind_of_words(struct slice message)
{
	if (has(message, "API key not valid") || has(message, "API key expired") ||
	    has(message, "API Key not found") || has(message, "User location is not supported"))
		return FAULT_AUTH;
	if (has(message, "exceeds the maximum number of tokens") ||
	    (has(message, "token count") && has(message, "exceeds")))
		return FAULT_CONTEXT;
	if (has(message, "billing") || has(message, "free tier is not available"))
		return FAULT_QUOTA;
	return FAULT_NONE;
}

void gemini_error_read(struct fault *f, unsigned status, struct slice body, struct arena *a)
{
	enum fault_kind word = FAULT_NONE;
	struct fields error;
	uint64_t code;

	f->status = status;
	f->message = slice_of(NULL, 0);
	if (error_of(body, a, &error)) {
		code = field_u64(&error, "code", 0);
		f->message = field_plain(&error, "message", a);
		word = kind_of_word(field_text(&error, "status"));
		/* Inside a 200 the code is the status that should have been sent. */
		if (status < 400 && code >= 400 && code < 600)
			status = (unsigned)code;
	}
	f->kind = word != FAULT_NONE ? word : kind_of_status(status);
	if (f->kind == FAULT_GARBAGE && error.n > 0)
		f->kind = FAULT_SERVER;
	if (f->kind == FAULT_CLIENT) {
		word = kind_of_words(f->message);
		f->kind = word != FAULT_NONE ? word : FAULT_CLIENT;
	}
	details_read(f, field_array(&error, "details"), a);
}

/* ---- writing --------------------------------------------------------------------------- */

static const char *word_of(unsigned status)
{
	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (codes[i].status == status)
			return codes[i].word;
	if (status >= 500)
		return status == 502 || status == 529 ? "UNAVAILABLE" : "INTERNAL";
	return "INVALID_ARGUMENT";
}

static void detail_open(struct json_out *out, const char *type)
{
	out_object(out);
	out_key(out, "@type");
	out_text_open(out);
	out_str_part(out, LIT("type.googleapis.com/google.rpc."));
	out_str_part(out, slice_cstr(type));
	out_text_close(out);
}

static void details_write(const struct chat_error *e, struct json_out *out)
{
	out_key(out, "details");
	out_array(out);
	if (e->code != NULL) {
		detail_open(out, "ErrorInfo");
		out_key(out, "reason"), out_str(out, slice_cstr(e->code));
		out_key(out, "domain"), out_lit(out, "weir");
		out_close(out);
	}
	if (e->param != NULL && e->param[0] != '\0') {
		detail_open(out, "BadRequest");
		out_key(out, "fieldViolations"), out_array(out), out_object(out);
		out_key(out, "field"), out_str(out, slice_cstr(e->param));
		out_key(out, "description"), out_str(out, e->message);
		out_close(out), out_close(out), out_close(out);
	}
	if (e->id.n > 0) {
		detail_open(out, "RequestInfo");
		out_key(out, "requestId"), out_str(out, e->id);
		out_close(out);
	}
	out_close(out);
}

void gemini_error_write(const struct chat_error *e, struct json_out *out)
{
	out_object(out);
	out_key(out, "error");
	out_object(out);
	out_key(out, "code"), out_u64(out, e->status);
	out_key(out, "message"), out_str(out, e->message);
	out_key(out, "status"), out_lit(out, word_of(e->status));
	if (e->code != NULL || (e->param != NULL && e->param[0] != '\0') || e->id.n > 0)
		details_write(e, out);
	out_close(out);
	out_close(out);
}
