/* Ollama's embeddings.  Source: Ollama's API reference, "Generate embeddings". */
#include "chat/embed/parts.h"

static enum rc request_write(const struct embed_request *r, const struct chat_target *t,
			     struct json_out *out, struct chat_lost *lost,
			     struct chat_refusal *why)
{
	enum rc rc = embed_texts_only(r, "Ollama", why);

	if (rc != OK)
		return rc;
	if (!r->floats && !r->base64)
		return refuse_request(why, "unsupported_value", "embedding_types",
				      "Ollama has float only.");
	if (r->types.n > 0)
		lost_param(lost, "embedding_types");
	if (!json_text_empty(r->user))
		lost_param(lost, "user");
	embed_titles_lost(r, lost);
	if (r->use != USE_UNSET)
		lost_param(lost, "input_type");
	out_object(out);
	out_key(out, "model"), out_str(out, t->model);
	out_key(out, "input"), embed_texts_out(r, out);
	embed_dimensions_out(r, t, "dimensions", out, lost);
	embed_extras_out(r, &embed_ollama, t, out, lost);
	out_close(out);
	return out_ok(out) ? OK : E_NOMEM;
}

static struct slice path(const struct chat_target *t UNUSED, struct arena *a UNUSED)
{
	return LIT("/api/embed");
}

static enum rc answer_read(struct slice body, const struct embed_request *r,
			   struct embed_answer *ans, struct arena *a)
{
	struct fields f;
	enum rc rc = embed_answer_begin(&f, body, r, ans, a);

	if (rc != OK)
		return rc;
	embed_usage(ans, &f, "prompt_eval_count");
	return embed_vectors(ans, field_array(&f, "embeddings"));
}

const struct embed_dialect embed_ollama = {
	.name = "ollama",
	.id = DIALECT_OLLAMA,
	.request_write = request_write,
	.path = path,
	.answer_read = answer_read,
};
