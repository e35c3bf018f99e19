/* The table, and what is small. */
#include "chat/responses/answer_out.h"

static struct slice path(enum chat_op op, bool stream UNUSED, struct slice model UNUSED,
			 struct arena *a UNUSED)
{
	return op == OP_COUNT_TOKENS ? LIT("/responses/input_tokens") : LIT("/responses");
}

static void error_write(const struct chat_error *e, struct json_out *o)
{
	out_object(o);
	out_key(o, "error"), out_object(o);
	out_key(o, "message"), out_str(o, e->message);
	out_key(o, "type"), out_lit(o, e->type != NULL ? e->type : "server_error");
	out_key(o, "param");
	if (e->param != NULL)
		out_str(o, slice_cstr(e->param));
	else
		out_null(o);
	out_key(o, "code");
	if (e->code != NULL)
		out_str(o, slice_cstr(e->code));
	else
		out_null(o);
	out_close(o);
	out_close(o);
}

static void model_write(const struct model_row *m, struct json_out *o)
{
	out_object(o);
	out_key(o, "id"), out_str(o, m->name);
	out_key(o, "object"), out_lit(o, "model");
	out_key(o, "created"), out_u64(o, m->created_s);
	out_key(o, "owned_by"), out_str(o, m->owner);
	out_close(o);
}

static void models_write(const struct model_row *m, size_t n, struct json_out *o)
{
	out_object(o);
	out_key(o, "object"), out_lit(o, "list");
	out_key(o, "data"), out_array(o);
	for (size_t i = 0; i < n; i++)
		model_write(&m[i], o);
	out_close(o);
	out_close(o);
}

static void count_write(uint64_t tokens, struct json_out *o)
{
	out_object(o);
	out_key(o, "object"), out_lit(o, "response.input_tokens");
	out_key(o, "input_tokens"), out_u64(o, tokens);
	out_close(o);
}

static enum rc count_read(struct slice body, uint64_t *tokens)
{
	const struct json_member *at;
	struct json_member m[8];
	enum json_kind kind;
	size_t n;

	if (json_scan(body, &kind, m, ARRAY_LEN(m), &n, NULL) != OK)
		return E_BAD;
	at = json_member_find(m, size_min(n, ARRAY_LEN(m)), LIT("input_tokens"), NULL);
	return at != NULL && json_u64(at->value, tokens) ? OK : E_BAD;
}

const struct dialect dialect_responses = {
	.name = "responses",
	.id = DIALECT_RESPONSES,
	.framing = FRAMING_SSE,
	.reader_bytes = sizeof(struct responses_reader),
	.writer_bytes = sizeof(struct responses_writer),
	.request_read = responses_request_read,
	.request_check = responses_refuse_state,
	.request_write = responses_request_write,
	.path = path,
	.takes_urls = 1U << PART_IMAGE | 1U << PART_DOCUMENT,
	.answer_read = responses_answer_read,
	.event_read = responses_event_read,
	.stream_end = responses_stream_end,
	.answer_write = responses_answer_write,
	.event_write = responses_event_write,
	.error_read = responses_error_read,
	.error_write = error_write,
	.error_event_write = responses_error_event_write,
	.models_write = models_write,
	.model_write = model_write,
	.count_write = count_write,
	.count_read = count_read,
};
