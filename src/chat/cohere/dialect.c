#include "chat/cohere/cohere.h"

static struct slice path(enum chat_op op, bool stream UNUSED, struct slice model UNUSED,
			 struct arena *a UNUSED)
{
	switch (op) {
	case OP_CHAT:
		return LIT("/v2/chat");
	case OP_EMBEDDINGS:
		return LIT("/v2/embed");
	case OP_COMPLETIONS:
	case OP_COUNT_TOKENS: /* /v1/tokenize counts a text, not a conversation */
	case CHAT_OPS:
		break;
	}
	return (struct slice){ NULL, 0 };
}

/* ---- errors ---- */

static bool says(struct slice message, const char *what)
{
	return slice_find(message, slice_cstr(what)) != SLICE_NONE;
}

static enum fault_kind kind_of(unsigned status, struct slice message)
{
	switch (status) {
	case 401:
	case 403:
		return FAULT_AUTH;
	case 402:
		return FAULT_QUOTA;
	case 404:
		return FAULT_MODEL;
	case 408:
	case 504:
		return FAULT_TIMEOUT;
	case 429:
		/* a trial key's month is over; waiting a minute does not help */
		return says(message, "/ month") || says(message, "per month") ? FAULT_QUOTA
									      : FAULT_RATE;
	case 498: /* a blocked token is in what was asked or answered */
		return FAULT_POLICY;
	case 499: /* it takes us for gone, which we are not if we read this */
		return FAULT_RESET;
	case 503:
		return FAULT_OVERLOADED;
	default:
		break;
	}
	if (status >= 500)
		return FAULT_SERVER;
	if (status < 400)
		return message.n > 0 ? FAULT_SERVER : FAULT_GARBAGE;
	if (says(message, "too many tokens") || says(message, "context length"))
		return FAULT_CONTEXT;
	return FAULT_CLIENT;
}

void cohere_error_read(struct fault *f, unsigned status, struct slice body, struct arena *a)
{
	struct fields top;
	size_t n;

	*f = (struct fault){ .status = status };
	if (json_scan(body, &(enum json_kind){ JSON_NULL }, NULL, 0, &n, NULL) == OK &&
	    fields_read(&top, slice_trim(body), a)) {
		f->message = field_plain(&top, "message", a);
		if (f->message.n == 0)
			f->message = field_plain(&top, "error", a);
		if (f->message.n == 0)
			f->message = field_plain(&top, "detail", a);
	}
	f->kind = kind_of(status, f->message);
}

void cohere_error_write(const struct chat_error *e, struct json_out *out)
{
	out_object(out);
	if (e->id.n > 0)
		out_key(out, "id"), out_str(out, e->id);
	out_key(out, "message"), out_str(out, e->message);
	out_close(out);
}

/* ---- models ---- */

static void model_write(const struct model_row *m, struct json_out *out)
{
	out_object(out);
	out_key(out, "name"), out_str(out, m->name);
	out_key(out, "is_deprecated"), out_bool(out, false);
	out_key(out, "endpoints"), out_array(out), out_lit(out, "chat"), out_close(out);
	out_key(out, "finetuned"), out_bool(out, false);
	if (m->context > 0)
		out_key(out, "context_length"), out_u64(out, m->context);
	out_key(out, "default_endpoints"), out_array(out), out_close(out);
	out_close(out);
}

static void models_write(const struct model_row *m, size_t n, struct json_out *out)
{
	out_object(out);
	out_key(out, "models"), out_array(out);
	for (size_t i = 0; i < n; i++)
		model_write(&m[i], out);
	out_close(out);
	out_close(out);
}

/* ---- how it ended ---- */

struct cohere_end cohere_end_of(enum finish_kind finish)
{
	switch (finish) {
	case FINISH_STOP:
		return (struct cohere_end){ "COMPLETE", NULL };
	case FINISH_SEQUENCE:
		return (struct cohere_end){ "STOP_SEQUENCE", NULL };
	case FINISH_LENGTH:
	case FINISH_CONTEXT:
		return (struct cohere_end){ "MAX_TOKENS", NULL };
	case FINISH_PAUSE: /* the nearest: there is more, and it can be asked for */
		return (struct cohere_end){ "MAX_TOKENS", "pause" };
	case FINISH_TOOLS:
		return (struct cohere_end){ "TOOL_CALL", NULL };
	case FINISH_FILTER:
		return (struct cohere_end){ "ERROR", "content_filter" };
	case FINISH_REFUSAL:
		return (struct cohere_end){ "ERROR", "refusal" };
	case FINISH_BROKEN:
		break;
	}
	return (struct cohere_end){ "ERROR", "malformed" };
}

const struct dialect dialect_cohere = {
	.name = "cohere",
	.framing = FRAMING_SSE,
	.reader_bytes = sizeof(struct cohere_reader),
	.writer_bytes = sizeof(struct cohere_writer),
	.request_read = cohere_request_read,
	.request_write = cohere_request_write,
	.path = path,
	.takes_urls = 1U << PART_IMAGE,
	.answer_read = cohere_answer_read,
	.event_read = cohere_event_read,
	.stream_end = cohere_stream_end,
	.answer_write = cohere_answer_write,
	.event_write = cohere_event_write,
	.error_read = cohere_error_read,
	.error_write = cohere_error_write,
	.error_event_write = cohere_error_event_write,
	.models_write = models_write,
	.model_write = model_write,
	/* no count_write, count_read: it has no such question */
	.id = DIALECT_COHERE,
};
