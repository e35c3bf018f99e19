/* The `openai` dialect: OpenAI's chat completions, and those of its compatible servers. */
#include "chat/dialect.h"

#include "chat/openai.h"
#include "chat/openai/parts.h"

static struct slice path_of(enum chat_op op, bool stream, struct slice model, struct arena *a)
{
	static const struct slice paths[CHAT_OPS] = {
		[OP_CHAT] = LITC("/chat/completions"),
		[OP_COMPLETIONS] = LITC("/completions"),
		[OP_EMBEDDINGS] = LITC("/embeddings"),
		/* OP_COUNT_TOKENS: there is none */
	};

	(void)stream;
	(void)model;
	(void)a;
	return paths[op];
}

/* ---- errors ----------------------------------------------------------------- */

void openai_error_object(struct json_out *o, const struct chat_error *e)
{
	out_object(o);
	out_key(o, "message"), out_str(o, e->message);
	out_key(o, "type"), out_lit(o, e->type == NULL ? "server_error" : e->type);
	out_key(o, "param");
	if (e->param != NULL && e->param[0] != '\0')
		out_str(o, slice_cstr(e->param));
	else
		out_null(o);
	out_key(o, "code");
	if (e->code != NULL)
		out_lit(o, e->code);
	else
		out_null(o);
	out_close(o);
}

static void error_to(const struct chat_error *e, struct json_out *out)
{
	out_object(out);
	out_key(out, "error"), openai_error_object(out, e);
	out_close(out);
}

/* ---- models ----------------------------------------------------------------- */

static void model_to(const struct model_row *m, struct json_out *out)
{
	out_object(out);
	out_key(out, "id"), out_str(out, m->name);
	out_key(out, "object"), out_lit(out, "model");
	out_key(out, "created"), out_u64(out, m->created_s);
	out_key(out, "owned_by"), out_str(out, m->owner);
	out_close(out);
}

static void models_to(const struct model_row *m, size_t n, struct json_out *out)
{
	out_object(out);
	out_key(out, "object"), out_lit(out, "list");
	out_key(out, "data");
	out_array(out);
	for (size_t i = 0; i < n; i++)
		model_to(&m[i], out);
	out_close(out);
	out_close(out);
}

const struct dialect dialect_openai = {
	.name = "openai",
	.id = DIALECT_OPENAI,
	.framing = FRAMING_SSE,
	.reader_bytes = sizeof(struct openai_reader),
	.writer_bytes = sizeof(struct openai_writer),
	.request_read = openai_request_from,
	.request_write = openai_request_to,
	.path = path_of,
	.takes_urls = 1U << PART_IMAGE,
	.answer_read = openai_answer_from,
	.event_read = openai_event_from,
	.stream_end = openai_stream_end,
	.answer_write = openai_answer_to,
	.event_write = openai_event_to,
	.error_read = openai_error_read,
	.error_write = error_to,
	.error_event_write = openai_error_event_to,
	.models_write = models_to,
	.model_write = model_to,
	/* no count_write, count_read: it has no such question */
};
