/* Cohere's embeddings, v2.  Source: Cohere's API reference, "Embed", and its Python SDK. */
#include "chat/embed/parts.h"

static const struct embed_known known[] = {
	{ "model", JSON_STRING },
	{ "texts", JSON_ARRAY },
	{ "images", JSON_ARRAY },
	{ "inputs", JSON_ARRAY },
	{ "input_type", JSON_STRING },
	{ "embedding_types", JSON_ARRAY },
	{ "output_dimension", JSON_NUMBER },
};

/* One of `inputs`: its texts as one text, or all of it when there are images. */
static enum rc mixed(struct embed_reader *rd, struct slice value)
{
	struct embed_input *to = &rd->r->inputs[rd->r->n];
	struct fields f, part;
	struct json_array it;
	enum json_kind kind;
	struct json_out o;
	struct slice v;

	if (json_kind(value) != JSON_OBJECT)
		return embed_bad_type(rd, "an object");
	if (!fields_read(&f, value, rd->a))
		return E_NOMEM;
	embed_at(rd, "inputs[%zu].content", rd->r->n);
	if (field_array(&f, "content").n == 0)
		return field(&f, "content") == NULL ? embed_missing(rd)
						    : embed_bad_type(rd, "an array");
	to->raw = value;
	out_init(&o, rd->a);
	out_text_open(&o);
	it = json_array(field_array(&f, "content"));
	for (bool first = true; json_array_next(&it, &v, &kind); first = false) {
		if (!fields_read(&part, v, rd->a))
			return E_NOMEM;
		if (!field_is(&part, "type", "text"))
			to->kind = EMBED_OTHER;
		if (!first)
			out_text_part(&o, JTEXT("\\n"));
		out_text_part(&o, field_text(&part, "text"));
	}
	out_text_close(&o);
	to->text = json_text_of(out_slice(&o));
	rd->r->n++;
	return out_ok(&o) ? OK : E_NOMEM;
}

static enum rc inputs(struct embed_reader *rd, const struct fields *f)
{
	const char *name = field(f, "texts") != NULL    ? "texts"
			   : field(f, "images") != NULL ? "images"
							: "inputs";
	struct json_array it = json_array(field_array(f, name));
	enum json_kind kind;
	struct slice v;
	enum rc rc;

	embed_at(rd, "texts");
	if (field(f, name) == NULL)
		return embed_missing(rd);
	embed_at(rd, "%s", name);
	rc = embed_room(rd, field_array(f, name));
	while (rc == OK && json_array_next(&it, &v, &kind)) {
		embed_at(rd, "%s[%zu]", name, rd->r->n);
		if (name[0] == 'i' && name[1] == 'n') {
			rc = mixed(rd, v);
		} else if (kind != JSON_STRING) {
			rc = embed_bad_type(rd, "a string");
		} else {
			struct embed_input *to = &rd->r->inputs[rd->r->n++];

			to->kind = name[0] == 't' ? EMBED_TEXT : EMBED_OTHER;
			to->text = json_text_of(v);
			to->raw = v;
		}
	}
	return rc;
}

static enum rc types(struct embed_reader *rd, const struct fields *f)
{
	struct json_array it = json_array(field_array(f, "embedding_types"));
	struct embed_request *r = rd->r;
	enum json_kind kind;
	struct slice v;
	bool any = false;

	for (size_t i = 0; json_array_next(&it, &v, &kind); i++) {
		embed_at(rd, "embedding_types[%zu]", i);
		if (kind != JSON_STRING)
			return embed_bad_type(rd, "a string");
		any = true;
		if (json_string_is(v, LIT("float")))
			r->floats = true;
		else if (json_string_is(v, LIT("base64")))
			r->base64 = true;
		else
			r->types = field_array(f, "embedding_types");
	}
	if (!any)
		r->floats = true;
	return OK;
}

static enum rc request_read(struct embed_request *r, const struct request_in *in,
			    struct arena *a, struct chat_refusal *why)
{
	struct embed_reader rd = { .r = r, .a = a, .why = why };
	struct fields f;
	enum rc rc;

	*r = (struct embed_request){ .dialect = &embed_cohere };
	rc = embed_begin(&rd, in, &f, known, ARRAY_LEN(known));
	if (rc == OK)
		rc = inputs(&rd, &f);
	if (rc == OK)
		rc = types(&rd, &f);
	if (rc == OK)
		rc = embed_dimensions(&rd, &f, "output_dimension");
	if (rc != OK)
		return rc;
	embed_at(&rd, "input_type");
	if (field(&f, "input_type") == NULL)
		return embed_missing(&rd);
	r->use = embed_use_read(field_text(&f, "input_type"));
	if (r->use == USE_UNSET && !field_is(&f, "input_type", "image"))
		return embed_bad_value(&rd, "search_document, search_query, classification, "
					    "clustering or image");
	return arena_failed(a) ? E_NOMEM : OK;
}

static void inputs_out(const struct embed_request *r, struct json_out *out)
{
	bool other = false;

	for (size_t i = 0; i < r->n; i++)
		other |= r->inputs[i].kind == EMBED_OTHER;
	if (!other) {
		out_key(out, "texts");
		embed_texts_out(r, out);
		return;
	}
	out_key(out, json_kind(r->inputs[0].raw) == JSON_STRING ? "images" : "inputs");
	out_array(out);
	for (size_t i = 0; i < r->n; i++)
		out_json(out, r->inputs[i].raw);
	out_close(out);
}

static void use_out(const struct embed_request *r, struct json_out *out, struct chat_lost *lost)
{
	const char *word = embed_use_cohere(r->use);

	if (word == NULL && r->use != USE_UNSET)
		lost_param(lost, "taskType");
	if (word == NULL) /* one is required */
		word = r->n > 0 && r->inputs[0].kind == EMBED_OTHER ? "image"
								    : "search_document";
	out_key(out, "input_type"), out_lit(out, word);
}

static enum rc request_write(const struct embed_request *r, const struct chat_target *t,
			     struct json_out *out, struct chat_lost *lost,
			     struct chat_refusal *why)
{
	enum rc rc = r->dialect == &embed_cohere ? OK : embed_texts_only(r, "Cohere", why);

	if (rc != OK)
		return rc;
	out_object(out);
	out_key(out, "model"), out_str(out, t->model);
	inputs_out(r, out);
	use_out(r, out, lost);
	out_key(out, "embedding_types");
	if (r->types.n > 0) {
		out_json(out, r->types);
	} else {
		out_array(out);
		if (r->floats)
			out_lit(out, "float");
		if (r->base64)
			out_lit(out, "base64");
		out_close(out);
	}
	embed_dimensions_out(r, t, "output_dimension", out, lost);
	if (!json_text_empty(r->user))
		lost_param(lost, "user");
	embed_titles_lost(r, lost);
	embed_extras_out(r, &embed_cohere, t, out, lost);
	out_close(out);
	return out_ok(out) ? OK : E_NOMEM;
}

static struct slice path(const struct chat_target *t UNUSED, struct arena *a UNUSED)
{
	return LIT("/v2/embed");
}

/* Billed are texts and images; some count tokens, too. */
static enum rc usage(struct embed_answer *ans, const struct fields *f, struct arena *a)
{
	struct fields meta, units, tokens;

	if (!fields_read(&meta, field_object(f, "meta"), a) ||
	    !fields_read(&units, field_object(&meta, "billed_units"), a) ||
	    !fields_read(&tokens, field_object(&meta, "tokens"), a))
		return E_NOMEM;
	if (field(&tokens, "input_tokens") != NULL) {
		embed_usage(ans, &tokens, "input_tokens");
	} else {
		embed_usage(ans, &units, "input_tokens");
		embed_usage(ans, &units, "image_tokens");
	}
	return OK;
}

enum rc embed_cohere_answer(struct slice body, const struct embed_request *r,
			    struct embed_answer *ans, struct arena *a)
{
	struct fields f, types_f;
	enum rc rc = embed_answer_begin(&f, body, r, ans, a);

	if (rc != OK)
		return rc;
	rc = usage(ans, &f, a);
	if (rc != OK)
		return rc;
	if (field_array(&f, "embeddings").n > 0) /* v1, when no types were asked for */
		return embed_vectors(ans, field_array(&f, "embeddings"));
	if (!fields_read(&types_f, field_object(&f, "embeddings"), a))
		return E_NOMEM;
	if (field_array(&types_f, "float").n > 0)
		rc = embed_vectors(ans, field_array(&types_f, "float"));
	if (rc == OK && field_array(&types_f, "base64").n > 0)
		rc = embed_vectors(ans, field_array(&types_f, "base64"));
	return rc == OK ? embed_answer_end(ans) : rc;
}

static void vectors_out(const struct embed_answer *ans, const char *key,
			void (*write)(struct json_out *, const struct embed_vector *),
			struct json_out *out)
{
	out_key(out, key), out_array(out);
	for (size_t i = 0; i < ans->n; i++)
		write(out, &ans->v[i]);
	out_close(out);
}

static void answer_write(const struct chat_reply *to, const struct embed_request *r,
			 const struct embed_answer *ans, struct json_out *out)
{
	bool texts = true;

	out_object(out);
	out_key(out, "id"), out_str(out, to->id);
	out_key(out, "embeddings"), out_object(out);
	if (r->floats)
		vectors_out(ans, "float", embed_numbers_out, out);
	if (r->base64)
		vectors_out(ans, "base64", embed_base64_out, out);
	out_close(out);
	for (size_t i = 0; i < r->n; i++)
		texts &= r->inputs[i].kind == EMBED_TEXT;
	if (texts)
		out_key(out, "texts"), embed_texts_out(r, out);
	out_key(out, "meta"), out_object(out);
	out_key(out, "api_version"), out_object(out);
	out_key(out, "version"), out_lit(out, "2");
	out_close(out);
	out_key(out, "billed_units"), out_object(out);
	out_key(out, "input_tokens"), out_u64(out, usage_prompt(&ans->usage));
	out_close(out);
	out_close(out);
	out_key(out, "response_type"), out_lit(out, "embeddings_by_type");
	out_close(out);
}

const struct embed_dialect embed_cohere = {
	.name = "cohere",
	.id = DIALECT_COHERE,
	.request_read = request_read,
	.request_write = request_write,
	.path = path,
	.answer_read = embed_cohere_answer,
	.answer_write = answer_write,
};
