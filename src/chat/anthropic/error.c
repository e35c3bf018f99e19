/* Errors, both ways (Anthropic's API reference: Errors).
 *
 * {"type":"error","error":{"type","message","details"?},"request_id"}; what stands in front of
 * the API (413, 502) may answer with no JSON at all. */
#include "chat/anthropic/anthropic.h"

static const struct {
	const char *type;
	unsigned status;
	enum fault_kind kind;
} types[] = {
	/* the first of a status is what we write */
	{ "invalid_request_error", 400, FAULT_CLIENT },
	{ "authentication_error", 401, FAULT_AUTH },
	{ "billing_error", 402, FAULT_QUOTA },
	{ "permission_error", 403, FAULT_AUTH },
	{ "not_found_error", 404, FAULT_MODEL },
	{ "timeout_error", 408, FAULT_TIMEOUT },
	{ "conflict_error", 409, FAULT_SERVER },
	{ "request_too_large", 413, FAULT_CLIENT },
	{ "rate_limit_error", 429, FAULT_RATE },
	{ "api_error", 500, FAULT_SERVER },
	{ "overloaded_error", 503, FAULT_OVERLOADED },
	{ "timeout_error", 504, FAULT_TIMEOUT },
	{ "overloaded_error", 529, FAULT_OVERLOADED },
};

const char *anthropic_error_type(unsigned status)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].status == status)
			return types[i].type;
	return status >= 500 ? "api_error" : "invalid_request_error";
}

/* ---- reading --------------------------------------------------------------------------- */

static enum fault_kind kind_of_status(unsigned status)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].status == status)
			return types[i].kind;
	if (status == 524)
		return FAULT_TIMEOUT;
	return status >= 500 ? FAULT_SERVER : status >= 400 ? FAULT_CLIENT : FAULT_GARBAGE;
}

static bool says(struct slice message, const char *what)
{
	return slice_find(message, slice_cstr(what)) != SLICE_NONE;
}

/* A plain invalid_request_error is also said where other types would be more exact. */
static enum fault_kind kind_of_words(enum fault_kind kind, struct slice message)
{
	if (kind != FAULT_CLIENT)
		return kind;
	if (says(message, "prompt is too long") || says(message, "exceed context limit"))
		return FAULT_CONTEXT;
	if (says(message, "credit balance") || says(message, "usage limits"))
		return FAULT_QUOTA;
	if (says(message, "content filtering policy"))
		return FAULT_POLICY;
	return kind;
}

void anthropic_fault_read(struct fault *f, unsigned status, struct slice error, struct arena *a)
{
	enum fault_kind kind = FAULT_NONE;
	struct fields e, details;

	*f = (struct fault){ .status = status };
	if (json_kind(error) == JSON_STRING)
		f->message = json_text_plain(json_text_of(error), a);
	if (!fields_read(&e, error, a))
		e.n = 0;
	if (field(&e, "message") != NULL)
		f->message = field_plain(&e, "message", a);
	for (size_t i = 0; i < ARRAY_LEN(types) && kind == FAULT_NONE; i++)
		if (field_is(&e, "type", types[i].type))
			kind = types[i].kind;
	/* invalid_request_error says less than 401 or 404 do. */
	if (kind == FAULT_NONE || (kind == FAULT_CLIENT && status >= 400))
		kind = kind_of_status(status);
	if (kind == FAULT_GARBAGE && f->message.n > 0)
		kind = FAULT_SERVER;
	if (fields_read(&details, field_object(&e, "details"), a) &&
	    field_is(&details, "error_code", "enforced_spend_limit_reached"))
		kind = FAULT_QUOTA;
	f->kind = kind_of_words(kind, f->message);
}

void anthropic_error_read(struct fault *f, unsigned status, struct slice body, struct arena *a)
{
	enum json_kind kind = JSON_NULL;
	struct slice error = { NULL, 0 };
	struct fields top;
	size_t n;

	if (json_scan(body, &kind, NULL, 0, &n, NULL) == OK && kind == JSON_OBJECT &&
	    fields_read(&top, slice_trim(body), a)) {
		error = field_json(&top, "error");
		if (error.n == 0) /* some in front of it: {"message":..}, {"detail":..} */
			error = field(&top, "detail") != NULL ? field_json(&top, "detail")
							      : slice_trim(body);
	}
	anthropic_fault_read(f, status, error, a);
}

/* ---- writing --------------------------------------------------------------------------- */

static void error_out(struct json_out *o, const char *type, struct slice message,
		      struct slice id)
{
	out_object(o);
	out_key(o, "type"), out_lit(o, "error");
	out_key(o, "error");
	out_object(o);
	out_key(o, "type"), out_lit(o, type);
	out_key(o, "message"), out_str(o, message);
	out_close(o);
	out_key(o, "request_id");
	if (id.n > 0)
		out_str(o, id);
	else
		out_null(o);
	out_close(o);
}

void anthropic_error_write(const struct chat_error *e, struct json_out *out)
{
	error_out(out, anthropic_error_type(e->status), e->message, e->id);
}

static unsigned status_of(enum fault_kind kind)
{
	switch (kind) {
	case FAULT_CLIENT:
	case FAULT_POLICY:
	case FAULT_CONTEXT:
		return 400;
	case FAULT_MODEL:
		return 404;
	case FAULT_QUOTA:
	case FAULT_RATE:
		return 429;
	case FAULT_OVERLOADED:
		return 529;
	case FAULT_TIMEOUT:
		return 504;
	case FAULT_NONE:
	case FAULT_AUTH: /* ours with the provider, not the client's with us */
	case FAULT_SERVER:
	case FAULT_CONNECT:
	case FAULT_TLS:
	case FAULT_RESET:
	case FAULT_GARBAGE:
	case FAULT_EMPTY:
	case FAULT_TRUNCATED:
	case FAULT_LOCAL:
	case FAULT_GONE:
	case FAULT_LOST:
	case FAULT_KINDS:
		return 500;
	}
	return 500;
}

void anthropic_fault_event(const struct fault *f, struct json_out *out)
{
	struct slice message = f->message;

	if (message.n == 0)
		message = slice_cstr(fault_row(f->kind)->name);
	out_raw_lit(out, "event: error\ndata: ");
	error_out(out, anthropic_error_type(status_of(f->kind)), message, slice_of(NULL, 0));
	out_raw_lit(out, "\n\n");
}
