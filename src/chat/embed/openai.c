/* OpenAI's embeddings, and those of the many that copied it.  Source: OpenAI's API reference,
 * "Create embeddings"; Voyage's and Mistral's for what differs. */
#include "chat/embed/parts.h"

static const struct embed_known known[] = {
	{ "model", JSON_STRING },      { "input", JSON_NULL },
	{ "dimensions", JSON_NUMBER }, { "encoding_format", JSON_STRING },
	{ "user", JSON_STRING },       { "input_type", JSON_STRING },
};

static enum rc input(struct embed_reader *rd, struct slice value)
{
	struct embed_input *to = &rd->r->inputs[rd->r->n];

	switch (json_kind(value)) {
	case JSON_STRING:
		to->text = json_text_of(value);
		break;
	case JSON_ARRAY:
		to->kind = EMBED_TOKENS;
		to->raw = value;
		break;
	case JSON_NULL:
	case JSON_BOOL:
	case JSON_NUMBER:
	case JSON_OBJECT:
		return embed_bad_type(rd, "a string or an array of tokens");
	}
	rd->r->n++;
	return OK;
}

/* A text, an array of texts, tokens, or an array of arrays of tokens. */
static enum rc inputs(struct embed_reader *rd, const struct fields *f)
{
	const struct json_member *m = field(f, "input");
	struct json_array it, look;
	enum json_kind kind;
	struct slice v;
	enum rc rc;

	embed_at(rd, "input");
	if (m == NULL)
		return embed_missing(rd);
	if (m->kind != JSON_STRING && m->kind != JSON_ARRAY)
		return embed_bad_type(rd, "a string or an array");
	look = json_array(m->value);
	rd->r->single = m->kind == JSON_STRING ||
			(json_array_next(&look, &v, &kind) && kind == JSON_NUMBER);
	rc = embed_room(rd, rd->r->single ? LIT("") : m->value);
	if (rc != OK || rd->r->single)
		return rc != OK ? rc : input(rd, m->value);
	it = json_array(m->value);
	while (rc == OK && json_array_next(&it, &v, &kind)) {
		embed_at(rd, "input[%zu]", rd->r->n);
		rc = input(rd, v);
	}
	return rc;
}

static enum rc request_read(struct embed_request *r, const struct request_in *in,
			    struct arena *a, struct chat_refusal *why)
{
	struct embed_reader rd = { .r = r, .a = a, .why = why };
	struct fields f;
	enum rc rc;

	*r = (struct embed_request){ .dialect = &embed_openai };
	rc = embed_begin(&rd, in, &f, known, ARRAY_LEN(known));
	if (rc == OK)
		rc = inputs(&rd, &f);
	if (rc == OK)
		rc = embed_dimensions(&rd, &f, "dimensions");
	if (rc != OK)
		return rc;
	r->base64 = field_is(&f, "encoding_format", "base64");
	r->floats = !r->base64;
	r->user = field_text(&f, "user");
	r->use = embed_use_read(field_text(&f, "input_type"));
	embed_at(&rd, "encoding_format");
	if (r->floats && field(&f, "encoding_format") != NULL &&
	    !field_is(&f, "encoding_format", "float"))
		return embed_bad_value(&rd, "float or base64");
	return arena_failed(a) ? E_NOMEM : OK;
}

static void input_out(const struct embed_input *x, struct json_out *out)
{
	if (x->kind == EMBED_TEXT)
		out_text(out, x->text);
	else
		out_json(out, x->raw);
}

static void use_out(const struct embed_request *r, const struct chat_target *t,
		    struct json_out *out, struct chat_lost *lost)
{
	if (r->use == USE_UNSET)
		return;
	if ((t->quirks & QUIRK_INPUT_TYPE) != 0 &&
	    (r->use == USE_DOCUMENT || r->use == USE_QUERY))
		out_key(out, "input_type"),
			out_lit(out, r->use == USE_QUERY ? "query" : "document");
	else
		lost_param(lost, "input_type");
}

static enum rc request_write(const struct embed_request *r, const struct chat_target *t,
			     struct json_out *out, struct chat_lost *lost,
			     struct chat_refusal *why)
{
	const char *dimensions = (t->quirks & QUIRK_OUTPUT_DIMENSION) != 0 ? "output_dimension"
									   : "dimensions";

	for (size_t i = 0; i < r->n; i++)
		if (r->inputs[i].kind == EMBED_OTHER)
			return embed_texts_only(r, "This provider", why);
	if (!r->floats && !r->base64)
		return refuse_request(why, "unsupported_value", "embedding_types",
				      "This provider has float and base64 only.");
	if (r->types.n > 0)
		lost_param(lost, "embedding_types");
	out_object(out);
	out_key(out, "model"), out_str(out, t->model);
	out_key(out, "input");
	if (r->single) {
		input_out(&r->inputs[0], out);
	} else {
		out_array(out);
		for (size_t i = 0; i < r->n; i++)
			input_out(&r->inputs[i], out);
		out_close(out);
	}
	/* "float" is the default, and to some an unknown word */
	if (!r->floats && target_param(t, "encoding_format", lost))
		out_key(out, "encoding_format"), out_lit(out, "base64");
	embed_dimensions_out(r, t, dimensions, out, lost);
	if (!json_text_empty(r->user) && target_param(t, "user", lost))
		out_key(out, "user"), out_text(out, r->user);
	embed_titles_lost(r, lost);
	use_out(r, t, out, lost);
	embed_extras_out(r, &embed_openai, t, out, lost);
	out_close(out);
	return out_ok(out) ? OK : E_NOMEM;
}

static struct slice path(const struct chat_target *t UNUSED, struct arena *a UNUSED)
{
	return LIT("/embeddings");
}

static enum rc answer_read(struct slice body, const struct embed_request *r,
			   struct embed_answer *ans, struct arena *a)
{
	struct json_array it;
	struct fields f, item;
	enum json_kind kind;
	struct slice v;
	size_t n = 0;
	enum rc rc = embed_answer_begin(&f, body, r, ans, a);

	if (rc != OK)
		return rc;
	it = json_array(field_array(&f, "data"));
	for (; json_array_next(&it, &v, &kind); n++) {
		uint64_t at;

		if (!fields_read(&item, v, a))
			return E_NOMEM;
		at = field_u64(&item, "index", n);
		if (at >= ans->n || !embed_vector(&ans->v[at], field_json(&item, "embedding")))
			return E_BAD;
	}
	if (n != ans->n)
		return E_BAD;
	if (!fields_read(&item, field_object(&f, "usage"), a))
		return E_NOMEM;
	embed_usage(ans, &item,
		    field(&item, "prompt_tokens") != NULL ? "prompt_tokens" : "total_tokens");
	return embed_answer_end(ans);
}

static void answer_write(const struct chat_reply *to, const struct embed_request *r,
			 const struct embed_answer *ans, struct json_out *out)
{
	uint64_t tokens = usage_prompt(&ans->usage);

	out_object(out);
	out_key(out, "object"), out_lit(out, "list");
	out_key(out, "data"), out_array(out);
	for (size_t i = 0; i < ans->n; i++) {
		out_object(out);
		out_key(out, "object"), out_lit(out, "embedding");
		out_key(out, "index"), out_u64(out, i);
		out_key(out, "embedding");
		if (r->base64)
			embed_base64_out(out, &ans->v[i]);
		else
			embed_numbers_out(out, &ans->v[i]);
		out_close(out);
	}
	out_close(out);
	out_key(out, "model"), out_str(out, to->model);
	out_key(out, "usage"), out_object(out);
	out_key(out, "prompt_tokens"), out_u64(out, tokens);
	out_key(out, "total_tokens"), out_u64(out, tokens);
	out_close(out);
	out_close(out);
}

const struct embed_dialect embed_openai = {
	.name = "openai",
	.id = DIALECT_OPENAI,
	.request_read = request_read,
	.request_write = request_write,
	.path = path,
	.answer_read = answer_read,
	.answer_write = answer_write,
};
