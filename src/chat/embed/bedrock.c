/* Embeddings on Bedrock, by InvokeModel: what is said depends on the model.  Source: Bedrock's
 * user guide, "Amazon Titan Embeddings Text" and "Cohere Embed". */
#include "chat/embed/parts.h"
#include "wire/url.h"

enum family { FAMILY_NONE, FAMILY_TITAN_V1, FAMILY_TITAN, FAMILY_COHERE_V3, FAMILY_COHERE };

/* By its id, which may have a region before it ("us.") or be the end of an ARN. */
static enum family family_of(struct slice model)
{
	if (slice_find(model, LIT("titan-embed-text-v1")) != SLICE_NONE)
		return FAMILY_TITAN_V1;
	if (slice_find(model, LIT("titan-embed-text")) != SLICE_NONE)
		return FAMILY_TITAN;
	if (slice_find(model, LIT("cohere.embed-v")) != SLICE_NONE)
		return FAMILY_COHERE;
	if (slice_find(model, LIT("cohere.embed")) != SLICE_NONE)
		return FAMILY_COHERE_V3;
	return FAMILY_NONE;
}

static void titan(const struct embed_request *r, const struct chat_target *t,
		  struct json_out *out, struct chat_lost *lost)
{
	out_key(out, "inputText"), out_text(out, r->inputs[0].text);
	if (r->use != USE_UNSET)
		lost_param(lost, "input_type");
	if (family_of(t->model) == FAMILY_TITAN)
		embed_dimensions_out(r, t, "dimensions", out, lost);
	else if (r->dimensions > 0)
		lost_param(lost, "dimensions");
}

static void cohere(const struct embed_request *r, const struct chat_target *t,
		   struct json_out *out, struct chat_lost *lost)
{
	const char *word = embed_use_cohere(r->use);

	if (word == NULL && r->use != USE_UNSET)
		lost_param(lost, "taskType");
	out_key(out, "texts"), embed_texts_out(r, out);
	out_key(out, "input_type"), out_lit(out, word != NULL ? word : "search_document");
	out_key(out, "embedding_types"), out_array(out);
	out_lit(out, "float"); /* there is no base64 here */
	out_close(out);
	if (family_of(t->model) == FAMILY_COHERE)
		embed_dimensions_out(r, t, "output_dimension", out, lost);
	else if (r->dimensions > 0)
		lost_param(lost, "dimensions");
}

static enum rc request_write(const struct embed_request *r, const struct chat_target *t,
			     struct json_out *out, struct chat_lost *lost,
			     struct chat_refusal *why)
{
	enum family family = family_of(t->model);
	bool one = family == FAMILY_TITAN || family == FAMILY_TITAN_V1;
	enum rc rc = embed_texts_only(r, "Bedrock", why);

	if (rc != OK)
		return rc;
	if (family == FAMILY_NONE)
		return refuse_request(why, "unsupported_value", "model",
				      "Of Bedrock's models for embeddings weir knows Titan "
				      "Text and Cohere Embed.");
	if (one && r->n != 1)
		return refuse_request(why, "unsupported_value", "input",
				      "Titan takes one text per call; these are %zu.", r->n);
	if (!r->floats && !r->base64)
		return refuse_request(why, "unsupported_value", "embedding_types",
				      "On Bedrock weir asks for float only.");
	if (r->types.n > 0)
		lost_param(lost, "embedding_types");
	if (!json_text_empty(r->user))
		lost_param(lost, "user");
	embed_titles_lost(r, lost);
	out_object(out);
	if (one)
		titan(r, t, out, lost);
	else
		cohere(r, t, out, lost);
	embed_extras_out(r, &embed_bedrock, t, out, lost);
	out_close(out);
	return out_ok(out) ? OK : E_NOMEM;
}

static struct slice path(const struct chat_target *t, struct arena *a)
{
	struct slice model = url_encode(t->model, "", a);

	return arena_fmt(a, "/model/%.*s/invoke", SARG(model));
}

/* Titan's {"embedding":[..],"inputTextTokenCount":..}, or Cohere's. */
static enum rc answer_read(struct slice body, const struct embed_request *r,
			   struct embed_answer *ans, struct arena *a)
{
	struct fields f;
	enum rc rc = embed_answer_begin(&f, body, r, ans, a);

	if (rc != OK)
		return rc;
	if (field_array(&f, "embedding").n == 0)
		return embed_cohere_answer(body, r, ans, a);
	embed_usage(ans, &f, "inputTextTokenCount");
	if (ans->n != 1 || !embed_vector(&ans->v[0], field_array(&f, "embedding")))
		return E_BAD;
	return OK;
}

const struct embed_dialect embed_bedrock = {
	.name = "bedrock",
	.id = DIALECT_BEDROCK,
	.request_write = request_write,
	.path = path,
	.answer_read = answer_read,
};
