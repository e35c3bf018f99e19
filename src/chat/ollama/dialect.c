#include "chat/ollama/ollama.h"

static struct slice path(enum chat_op op, bool stream UNUSED, struct slice model UNUSED,
			 struct arena *a UNUSED)
{
	switch (op) {
	case OP_CHAT:
		return LIT("/api/chat");
	case OP_EMBEDDINGS:
		return LIT("/api/embed");
	case OP_COMPLETIONS:
	case OP_COUNT_TOKENS:
	case CHAT_OPS:
		break;
	}
	return (struct slice){ NULL, 0 };
}

static void model_write(const struct model_row *m, struct json_out *out)
{
	out_object(out);
	out_key(out, "name"), out_str(out, m->name);
	out_key(out, "model"), out_str(out, m->name);
	out_close(out);
}

/* As GET /api/tags. */
static void models_write(const struct model_row *m, size_t n, struct json_out *out)
{
	out_object(out);
	out_key(out, "models"), out_array(out);
	for (size_t i = 0; i < n; i++)
		model_write(&m[i], out);
	out_close(out);
	out_close(out);
}

const struct dialect dialect_ollama = {
	.name = "ollama",
	.framing = FRAMING_LINES,
	.reader_bytes = sizeof(struct ollama_reader),
	.writer_bytes = sizeof(struct ollama_writer),
	.request_write = ollama_request_write,
	.path = path,
	.answer_read = ollama_answer_read,
	.event_read = ollama_event_read,
	.stream_end = ollama_stream_end,
	.answer_write = ollama_answer_write,
	.event_write = ollama_event_write,
	.error_read = ollama_error_read,
	.error_write = ollama_error_write,
	.error_event_write = ollama_error_event_write,
	.models_write = models_write,
	.model_write = model_write,
	.id = DIALECT_OLLAMA,
};
