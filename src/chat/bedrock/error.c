/* Errors, both ways (Bedrock's API reference: Common errors, Converse, ConverseStream).
 *
 * {"__type":"ThrottlingException","message":".."}, where the type may have a namespace before
 * it and a URI after it, or stand in the header x-amzn-ErrorType alone. */
#include "chat/bedrock/bedrock.h"
#include "wire/aws_event.h"

static const struct {
	const char *type;
	unsigned status;
	enum fault_kind kind;
} types[] = {
	/* the first of a status is what we write */
	{ "ValidationException", 400, FAULT_CLIENT },
	{ "UnrecognizedClientException", 401, FAULT_AUTH },
	{ "ServiceQuotaExceededException", 402, FAULT_QUOTA },
	{ "AccessDeniedException", 403, FAULT_AUTH },
	{ "ResourceNotFoundException", 404, FAULT_MODEL },
	{ "ModelTimeoutException", 408, FAULT_TIMEOUT },
	{ "ModelErrorException", 424, FAULT_SERVER },
	{ "ThrottlingException", 429, FAULT_RATE },
	{ "ModelNotReadyException", 429, FAULT_OVERLOADED },
	{ "InternalServerException", 500, FAULT_SERVER },
	{ "ServiceUnavailableException", 502, FAULT_OVERLOADED },
	{ "ServiceUnavailableException", 503, FAULT_OVERLOADED },
	{ "ModelTimeoutException", 504, FAULT_TIMEOUT },
	{ "ServiceUnavailableException", 529, FAULT_OVERLOADED },
	{ "ModelStreamErrorException", 0, FAULT_SERVER },
	{ "ExpiredTokenException", 0, FAULT_AUTH },
	{ "InvalidSignatureException", 0, FAULT_AUTH },
	{ "SignatureDoesNotMatch", 0, FAULT_AUTH },
	{ "IncompleteSignatureException", 0, FAULT_AUTH },
	{ "MissingAuthenticationTokenException", 0, FAULT_AUTH },
	{ "InternalFailure", 0, FAULT_SERVER },
	{ "UnknownOperationException", 0, FAULT_MODEL },
};

/* ---- reading --------------------------------------------------------------------------- */

static enum fault_kind kind_of_status(unsigned status)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].status == status && status != 0)
			return types[i].kind;
	return status >= 500 ? FAULT_SERVER : status >= 400 ? FAULT_CLIENT : FAULT_GARBAGE;
}

static bool says(struct slice message, const char *what)
{
	return slice_find(message, slice_cstr(what)) != SLICE_NONE;
}

/* ValidationException is said of many things. */
static enum fault_kind kind_of_words(enum fault_kind kind, struct slice message)
{
	if (kind == FAULT_RATE)
		return says(message, "per day") ? FAULT_QUOTA : kind;
	if (kind != FAULT_CLIENT)
		return kind;
	if (says(message, "nput is too long") || says(message, "prompt is too long") ||
	    says(message, "oo many input tokens") || says(message, "maximum context length") ||
	    says(message, "exceed context limit"))
		return FAULT_CONTEXT;
	if (says(message, "model identifier is invalid") ||
	    says(message, "on-demand throughput isn") || says(message, "model ID"))
		return FAULT_MODEL;
	return kind;
}

/* "com.amazon.coral.service#ThrottlingException:http://..." */
static struct slice bare(struct slice type)
{
	const size_t at = slice_find_char(type, '#');
	struct slice name = at == SLICE_NONE ? type : slice_skip(type, at + 1);

	(void)slice_cut(name, ':', &name, NULL);
	return name;
}

static struct slice message_of(const struct fields *f, struct arena *a)
{
	return field(f, "message") != NULL ? field_plain(f, "message", a)
					   : field_plain(f, "Message", a);
}

void bedrock_fault_read(struct fault *f, unsigned status, struct slice type, struct slice body,
			struct arena *a)
{
	enum fault_kind kind = FAULT_NONE;
	struct fields top, inner;
	enum json_kind what;
	size_t n;

	*f = (struct fault){ .status = status };
	if (json_scan(body, &what, NULL, 0, &n, NULL) != OK || what != JSON_OBJECT ||
	    !fields_read(&top, slice_trim(body), a) ||
	    !fields_read(&inner, field_object(&top, "Output"), a)) {
		top.n = inner.n = 0;
		top.m = inner.m = NULL;
	}
	f->message = message_of(&top, a);
	if (type.n == 0)
		type = field_plain(&top, "__type", a);
	if (type.n == 0)
		type = field_plain(&top, "code", a);
	if (type.n == 0)
		type = field_plain(&inner, "__type", a);
	type = bare(type);
	/* Exceptions in a stream begin with a small letter. */
	for (size_t i = 0; i < ARRAY_LEN(types) && kind == FAULT_NONE; i++)
		if (slice_ieq(type, slice_cstr(types[i].type)))
			kind = types[i].kind;
	if (kind == FAULT_NONE)
		kind = kind_of_status(status);
	if (kind == FAULT_GARBAGE && (type.n > 0 || f->message.n > 0))
		kind = FAULT_SERVER;
	f->kind = kind_of_words(kind, f->message);
}

void bedrock_error_read(struct fault *f, unsigned status, struct slice body, struct arena *a)
{
	bedrock_fault_read(f, status, slice_of(NULL, 0), body, a);
}

/* ---- writing --------------------------------------------------------------------------- */

static const char *type_of_status(unsigned status)
{
	for (size_t i = 0; i < ARRAY_LEN(types); i++)
		if (types[i].status == status && status != 0)
			return types[i].type;
	return status >= 500 ? "InternalServerException" : "ValidationException";
}

void bedrock_error_write(const struct chat_error *e, struct json_out *out)
{
	out_object(out);
	out_key(out, "__type"), out_lit(out, type_of_status(e->status));
	out_key(out, "message"), out_str(out, e->message);
	out_close(out);
}

/* ConverseStream has five. */
static void exception_out(struct json_out *out, unsigned status, struct slice message)
{
	struct json_out payload;
	const char *type = "internalServerException";

	if (status == 429 || status == 402)
		type = "throttlingException";
	else if (status == 502 || status == 503 || status == 529)
		type = "serviceUnavailableException";
	else if (status == 408 || status == 424 || status == 504)
		type = "modelStreamErrorException";
	else if (status >= 400 && status < 500)
		type = "validationException";
	out_init(&payload, out->a);
	out_object(&payload);
	out_key(&payload, "message"), out_str(&payload, message);
	out_close(&payload);
	aws_exception_out(out, slice_cstr(type), &payload);
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
		return 503;
	case FAULT_TIMEOUT:
	case FAULT_RESET:
	case FAULT_GARBAGE:
	case FAULT_EMPTY:
	case FAULT_TRUNCATED:
		return 424;
	case FAULT_NONE:
	case FAULT_AUTH: /* ours with the provider, not the client's with us */
	case FAULT_SERVER:
	case FAULT_CONNECT:
	case FAULT_TLS:
	case FAULT_LOCAL:
	case FAULT_GONE:
	case FAULT_LOST:
	case FAULT_KINDS:
		return 500;
	}
	return 500;
}

void bedrock_error_event_write(void *state, const struct chat_reply *to,
			       const struct chat_error *e, struct json_out *out)
{
	(void)state, (void)to;
	exception_out(out, e->status, e->message);
}

void bedrock_fault_event(const struct fault *f, struct json_out *out)
{
	exception_out(out, status_of(f->kind),
		      f->message.n > 0 ? f->message : slice_cstr(fault_row(f->kind)->name));
}
