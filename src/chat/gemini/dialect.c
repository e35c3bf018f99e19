#include "chat/gemini/gemini.h"

/* ---- paths ----------------------------------------------------------------------------- */

/* What may stand in a segment as it is (RFC 3986, 3.3), but for the colon: it is Google's mark
 * of a method. */
static bool plain_in_path(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '-' || c == '.' || c == '_' || c == '~' || c == '@';
}

static struct slice escaped(struct slice name, struct arena *a)
{
	static const char digits[] = "0123456789ABCDEF";
	char *p = arena_bytes(a, name.n * 3);
	size_t n = 0;

	if (p == NULL)
		return slice_of(NULL, 0);
	for (size_t i = 0; i < name.n; i++) {
		unsigned char c = (unsigned char)name.p[i];

		if (plain_in_path(name.p[i])) {
			p[n++] = name.p[i];
			continue;
		}
		p[n++] = '%';
		p[n++] = digits[c >> 4];
		p[n++] = digits[c & 15];
	}
	return slice_of(p, n);
}

static const char *method_of(enum chat_op op, bool stream)
{
	switch (op) {
	case OP_COUNT_TOKENS:
		return "countTokens";
	case OP_EMBEDDINGS: /* one or many, in one call */
		return "batchEmbedContents";
	case OP_CHAT:
	case OP_COMPLETIONS:
	case CHAT_OPS:
		break;
	}
	return stream ? "streamGenerateContent?alt=sse" : "generateContent";
}

static struct slice path(enum chat_op op, bool stream, struct slice model, struct arena *a)
{
	static const struct {
		struct slice before;
		const char *folder;
	} folders[] = {
		{ LITC("models/"), "models" },
		{ LITC("tunedModels/"), "tunedModels" },
		{ LITC("tuned/"), "tunedModels" },
	};
	const char *folder = "models";

	for (size_t i = 0; i < ARRAY_LEN(folders); i++)
		if (slice_starts(model, folders[i].before)) {
			folder = folders[i].folder;
			model = slice_skip(model, folders[i].before.n);
			break;
		}
	return arena_fmt(a, "/%s/%.*s:%s", folder, SARG(escaped(model, a)),
			 method_of(op, stream));
}

/* ---- models and counts ----------------------------------------------------------------- */

static void model_write(const struct model_row *m, struct json_out *out)
{
	out_object(out);
	out_key(out, "name");
	out_text_open(out);
	out_str_part(out, LIT("models/"));
	out_str_part(out, m->name);
	out_text_close(out);
	out_key(out, "displayName"), out_str(out, m->name);
	if (m->context > 0)
		out_key(out, "inputTokenLimit"), out_u64(out, m->context);
	if (m->max_output > 0)
		out_key(out, "outputTokenLimit"), out_u64(out, m->max_output);
	out_key(out, "supportedGenerationMethods"), out_array(out);
	out_lit(out, "generateContent"), out_lit(out, "streamGenerateContent");
	out_lit(out, "countTokens");
	out_close(out), out_close(out);
}

static void models_write(const struct model_row *m, size_t n, struct json_out *out)
{
	out_object(out);
	out_key(out, "models"), out_array(out);
	for (size_t i = 0; i < n; i++)
		model_write(&m[i], out);
	out_close(out), out_close(out);
}

static void count_write(uint64_t tokens, struct json_out *out)
{
	out_object(out);
	out_key(out, "totalTokens"), out_u64(out, tokens);
	out_close(out);
}

static enum rc count_read(struct slice body, uint64_t *tokens)
{
	struct json_member m[16];
	const struct json_member *total;
	enum json_kind kind;
	size_t n;

	if (json_scan(body, &kind, m, ARRAY_LEN(m), &n, NULL) != OK)
		return E_BAD;
	total = json_member_find(m, size_min(n, ARRAY_LEN(m)), LIT("totalTokens"), NULL);
	return total != NULL && json_u64(total->value, tokens) ? OK : E_BAD;
}

const struct dialect dialect_gemini = {
	.name = "gemini",
	.id = DIALECT_GEMINI,
	.framing = FRAMING_SSE,
	.reader_bytes = GEMINI_STATE_MAX,
	.writer_bytes = GEMINI_STATE_MAX,
	.request_read = gemini_request_read,
	.request_write = gemini_request_write,
	.path = path,
	.answer_read = gemini_answer_read,
	.event_read = gemini_event_read,
	.stream_end = gemini_stream_end,
	.answer_write = gemini_answer_write,
	.event_write = gemini_event_write,
	.error_read = gemini_error_read,
	.error_write = gemini_error_write,
	.error_event_write = gemini_error_event_write,
	.models_write = models_write,
	.model_write = model_write,
	.count_write = count_write,
	.count_read = count_read,
};
