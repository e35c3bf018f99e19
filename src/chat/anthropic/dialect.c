/* chat/anthropic -- Anthropic's Messages API, in and out: the table, paths, lists of models,
 * counts.  anthropic.h says what the other files do. */
#include "chat/anthropic/anthropic.h"

#include "base/log.h"

static struct slice path(enum chat_op op, bool stream, struct slice model, struct arena *a)
{
	(void)stream, (void)model, (void)a;
	return op == OP_COUNT_TOKENS ? LIT("/messages/count_tokens") : LIT("/messages");
}

static void model_out(struct json_out *o, const struct model_row *m)
{
	char time[40];
	struct sb b;

	sb_init(&b, time, sizeof(time));
	log_time(&b, m->created_s * 1000000);
	out_object(o);
	out_key(o, "type"), out_lit(o, "model");
	out_key(o, "id"), out_str(o, m->name);
	out_key(o, "display_name"), out_str(o, m->name);
	out_key(o, "created_at"), out_str(o, sb_slice(&b));
	out_key(o, "lifecycle"), out_lit(o, "active");
	if (m->context > 0)
		out_key(o, "max_input_tokens"), out_u64(o, m->context);
	if (m->max_output > 0)
		out_key(o, "max_tokens"), out_u64(o, m->max_output);
	out_close(o);
}

static void model_write(const struct model_row *m, struct json_out *out)
{
	model_out(out, m);
}

static void id_or_null(struct json_out *o, const char *key, const struct model_row *m)
{
	out_key(o, key);
	if (m != NULL)
		out_str(o, m->name);
	else
		out_null(o);
}

/* One page, whatever `limit` said: clients follow has_more. */
static void models_write(const struct model_row *m, size_t n, struct json_out *out)
{
	out_object(out);
	out_key(out, "data");
	out_array(out);
	for (size_t i = 0; i < n; i++)
		model_out(out, &m[i]);
	out_close(out);
	out_key(out, "has_more"), out_bool(out, false);
	id_or_null(out, "first_id", n > 0 ? &m[0] : NULL);
	id_or_null(out, "last_id", n > 0 ? &m[n - 1] : NULL);
	out_close(out);
}

static void count_write(uint64_t tokens, struct json_out *out)
{
	out_object(out);
	out_key(out, "input_tokens"), out_u64(out, tokens);
	out_close(out);
}

static enum rc count_read(struct slice body, uint64_t *tokens)
{
	const struct json_member *count;
	struct json_member m[16];
	enum json_kind kind;
	size_t n;

	if (json_scan(body, &kind, m, ARRAY_LEN(m), &n, NULL) != OK || kind != JSON_OBJECT)
		return E_BAD;
	count = json_member_find(m, size_min(n, ARRAY_LEN(m)), LIT("input_tokens"), NULL);
	return count != NULL && json_u64(count->value, tokens) ? OK : E_BAD;
}

const struct dialect dialect_anthropic = {
	.name = "anthropic",
	.id = DIALECT_ANTHROPIC,
	.framing = FRAMING_SSE,
	.reader_bytes = ANTHROPIC_READER_BYTES,
	.writer_bytes = ANTHROPIC_WRITER_BYTES,
	.request_read = anthropic_request_read,
	.request_write = anthropic_request_write,
	.path = path,
	.takes_urls = 1U << PART_IMAGE | 1U << PART_DOCUMENT,
	.answer_read = anthropic_answer_read,
	.event_read = anthropic_event_read,
	.stream_end = anthropic_stream_end,
	.answer_write = anthropic_answer_write,
	.event_write = anthropic_event_write,
	.error_read = anthropic_error_read,
	.error_write = anthropic_error_write,
	.error_event_write = anthropic_error_event_write,
	.models_write = models_write,
	.model_write = model_write,
	.count_write = count_write,
	.count_read = count_read,
};
