/* chat/bedrock -- Amazon Bedrock's Converse API, in and out: the table, paths, lists of models,
 * counts.  bedrock.h says what the other files do. */
#include "chat/bedrock/bedrock.h"

#include "wire/url.h"

static struct slice path(enum chat_op op, bool stream, struct slice model, struct arena *a)
{
	const struct slice id = url_encode(model, "", a);
	const char *verb = "converse";

	switch (op) {
	case OP_CHAT:
		verb = stream ? "converse-stream" : "converse";
		break;
	case OP_COUNT_TOKENS:
		verb = "count-tokens";
		break;
	case OP_COMPLETIONS:
	case OP_EMBEDDINGS:
	case CHAT_OPS:
		verb = "invoke"; /* each model's own protocol */
		break;
	}
	return arena_fmt(a, "/model/%.*s/%s", SARG(id), verb);
}

/* ListFoundationModels and GetFoundationModel. */
static void model_out(struct json_out *o, const struct model_row *m)
{
	out_object(o);
	out_key(o, "modelArn");
	out_text_open(o);
	out_str_part(o, LIT("arn:aws:bedrock:::foundation-model/"));
	out_str_part(o, m->name);
	out_text_close(o);
	out_key(o, "modelId"), out_str(o, m->name);
	out_key(o, "modelName"), out_str(o, m->name);
	out_key(o, "providerName"), out_str(o, m->owner);
	out_key(o, "inputModalities"), out_json(o, LIT("[\"TEXT\"]"));
	out_key(o, "outputModalities"), out_json(o, LIT("[\"TEXT\"]"));
	out_key(o, "responseStreamingSupported"), out_bool(o, true);
	out_key(o, "inferenceTypesSupported"), out_json(o, LIT("[\"ON_DEMAND\"]"));
	out_key(o, "modelLifecycle"), out_json(o, LIT("{\"status\":\"ACTIVE\"}"));
	out_close(o);
}

static void models_write(const struct model_row *m, size_t n, struct json_out *out)
{
	out_object(out);
	out_key(out, "modelSummaries");
	out_array(out);
	for (size_t i = 0; i < n; i++)
		model_out(out, &m[i]);
	out_close(out);
	out_close(out);
}

static void model_write(const struct model_row *m, struct json_out *out)
{
	out_object(out);
	out_key(out, "modelDetails");
	model_out(out, m);
	out_close(out);
}

static void count_write(uint64_t tokens, struct json_out *out)
{
	out_object(out);
	out_key(out, "inputTokens"), out_u64(out, tokens);
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
	count = json_member_find(m, size_min(n, ARRAY_LEN(m)), LIT("inputTokens"), NULL);
	return count != NULL && json_u64(count->value, tokens) ? OK : E_BAD;
}

const struct dialect dialect_bedrock = {
	.name = "bedrock",
	.id = DIALECT_BEDROCK,
	.framing = FRAMING_AWS,
	.reader_bytes = BEDROCK_READER_BYTES,
	.writer_bytes = BEDROCK_WRITER_BYTES,
	.request_read = bedrock_request_read,
	.request_write = bedrock_request_write,
	.path = path,
	.takes_urls = 0,
	.answer_read = bedrock_answer_read,
	.event_read = bedrock_event_read,
	.stream_end = bedrock_stream_end,
	.answer_write = bedrock_answer_write,
	.event_write = bedrock_event_write,
	.error_read = bedrock_error_read,
	.error_write = bedrock_error_write,
	.error_event_write = bedrock_error_event_write,
	.models_write = models_write,
	.model_write = model_write,
	.count_write = count_write,
	.count_read = count_read,
};
