/* Gemini's embeddings: embedContent and batchEmbedContents, told apart by their bodies, and
 * Vertex's predict.  Source: the Gemini API's reference, "Embeddings"; Vertex AI's "Text
 * embeddings API". */
#include "chat/embed/parts.h"
#include "wire/url.h"

static const struct embed_known known[] = {
	{ "model", JSON_STRING },
	{ "requests", JSON_ARRAY },
	{ "content", JSON_OBJECT },
	{ "taskType", JSON_STRING },
	{ "task_type", JSON_STRING },
	{ "title", JSON_STRING },
	{ "outputDimensionality", JSON_NUMBER },
	{ "output_dimensionality", JSON_NUMBER },
};

static const struct {
	const char *word;
	enum embed_use use;
} uses[] = {
	{ "RETRIEVAL_DOCUMENT", USE_DOCUMENT },    { "RETRIEVAL_QUERY", USE_QUERY },
	{ "CLASSIFICATION", USE_CLASSIFICATION },  { "CLUSTERING", USE_CLUSTERING },
	{ "SEMANTIC_SIMILARITY", USE_SIMILARITY }, { "QUESTION_ANSWERING", USE_QUESTION },
	{ "FACT_VERIFICATION", USE_FACT },         { "CODE_RETRIEVAL_QUERY", USE_CODE },
	{ "TASK_TYPE_UNSPECIFIED", USE_UNSET },
};

/* The texts of its parts are one text. */
static enum rc content(struct embed_reader *rd, struct slice value)
{
	struct embed_input *to = &rd->r->inputs[rd->r->n];
	struct fields f, part;
	struct json_array it;
	enum json_kind kind;
	struct json_out o;
	struct slice v;

	if (!fields_read(&f, value, rd->a))
		return E_NOMEM;
	to->raw = value;
	it = json_array(field_array(&f, "parts"));
	out_init(&o, rd->a);
	out_text_open(&o);
	for (size_t i = 0; json_array_next(&it, &v, &kind); i++) {
		if (!fields_read(&part, v, rd->a))
			return E_NOMEM;
		if (field(&part, "text") == NULL)
			to->kind = EMBED_OTHER;
		if (i > 0)
			out_text_part(&o, JTEXT("\\n"));
		out_text_part(&o, field_text(&part, "text"));
	}
	out_text_close(&o);
	to->text = json_text_of(out_slice(&o));
	rd->r->n++;
	return out_ok(&o) ? OK : E_NOMEM;
}

static enum rc use(struct embed_reader *rd, struct json_text word, bool first)
{
	for (size_t i = 0; i < ARRAY_LEN(uses); i++) {
		if (!json_text_is(word, slice_cstr(uses[i].word)))
			continue;
		if (!first && rd->r->use != uses[i].use)
			return embed_bad_value(rd, "the same in all requests");
		rd->r->use = uses[i].use;
		return OK;
	}
	return embed_bad_value(rd, "a task type");
}

/* The members beside the content; `i`: which of the batch. */
static enum rc options(struct embed_reader *rd, const struct fields *f, size_t i)
{
	const char *task = field(f, "taskType") != NULL ? "taskType" : "task_type";
	const struct json_member *m = field(f, task);
	enum rc rc = embed_dimensions(rd, f, "outputDimensionality");

	if (rc == OK)
		rc = embed_dimensions(rd, f, "output_dimensionality");
	if (rc != OK)
		return rc;
	rd->r->inputs[i].title = field_text(f, "title");
	if (rd->r->single)
		embed_at(rd, "%s", task);
	else
		embed_at(rd, "requests[%zu].%s", i, task);
	if (m == NULL)
		return i > 0 && rd->r->use != USE_UNSET
			       ? embed_bad_value(rd, "the same in all requests")
			       : OK;
	if (m->kind != JSON_STRING)
		return embed_bad_type(rd, "a string");
	return use(rd, json_text_of(m->value), i == 0);
}

static enum rc one(struct embed_reader *rd, struct slice value, size_t i)
{
	struct fields f;
	enum rc rc;

	embed_at(rd, "requests[%zu]", i);
	if (json_kind(value) != JSON_OBJECT)
		return embed_bad_type(rd, "an object");
	if (!fields_read(&f, value, rd->a))
		return E_NOMEM;
	embed_at(rd, "requests[%zu].content", i);
	if (field(&f, "content") == NULL)
		return embed_missing(rd);
	if (field_object(&f, "content").n == 0)
		return embed_bad_type(rd, "an object");
	rc = content(rd, field_object(&f, "content"));
	return rc == OK ? options(rd, &f, i) : rc;
}

static enum rc requests(struct embed_reader *rd, struct slice array)
{
	struct json_array it = json_array(array);
	enum json_kind kind;
	struct slice v;
	enum rc rc;

	embed_at(rd, "requests");
	rc = embed_room(rd, array);
	while (rc == OK && json_array_next(&it, &v, &kind))
		rc = one(rd, v, rd->r->n);
	return rc;
}

static enum rc request_read(struct embed_request *r, const struct request_in *in,
			    struct arena *a, struct chat_refusal *why)
{
	struct embed_reader rd = { .r = r, .a = a, .why = why };
	struct fields f;
	enum rc rc;

	*r = (struct embed_request){ .dialect = &embed_gemini, .floats = true };
	rc = embed_begin(&rd, in, &f, known, ARRAY_LEN(known));
	if (rc != OK)
		return rc;
	if (slice_starts(r->model, LIT("models/")))
		r->model = slice_skip(r->model, sizeof("models/") - 1);
	if (field(&f, "requests") != NULL) {
		rc = requests(&rd, field_array(&f, "requests"));
	} else {
		r->single = true;
		embed_at(&rd, "content");
		rc = field(&f, "content") == NULL ? embed_missing(&rd)
						  : embed_room(&rd, LIT(""));
		if (rc == OK)
			rc = content(&rd, field_object(&f, "content"));
		if (rc == OK)
			rc = options(&rd, &f, 0);
	}
	if (rc != OK)
		return rc;
	return arena_failed(a) ? E_NOMEM : OK;
}

static const char *task_of(enum embed_use u)
{
	for (size_t i = 0; u != USE_UNSET && i < ARRAY_LEN(uses); i++)
		if (uses[i].use == u)
			return uses[i].word;
	return NULL;
}

static void model_out(const struct chat_target *t, struct json_out *out)
{
	out_text_open(out);
	if (slice_find_char(t->model, '/') == SLICE_NONE)
		out_str_part(out, LIT("models/"));
	out_str_part(out, t->model);
	out_text_close(out);
}

static void request_out(const struct embed_request *r, const struct chat_target *t, size_t i,
			struct json_out *out, struct chat_lost *lost)
{
	const char *task = task_of(r->use);

	out_object(out);
	out_key(out, "model"), model_out(t, out);
	out_key(out, "content");
	if (r->inputs[i].kind == EMBED_OTHER) {
		out_json(out, r->inputs[i].raw);
	} else {
		out_object(out);
		out_key(out, "parts"), out_array(out), out_object(out);
		out_key(out, "text"), out_text(out, r->inputs[i].text);
		out_close(out), out_close(out);
		out_close(out);
	}
	if (task != NULL)
		out_key(out, "taskType"), out_lit(out, task);
	if (!json_text_empty(r->inputs[i].title))
		out_key(out, "title"), out_text(out, r->inputs[i].title);
	embed_dimensions_out(r, t, "outputDimensionality", out, lost);
	out_close(out);
}

/* {"instances":[{"content":..,"task_type":..}],"parameters":{..}} */
static void vertex_out(const struct embed_request *r, const struct chat_target *t,
		       struct json_out *out, struct chat_lost *lost)
{
	const char *task = task_of(r->use);

	out_key(out, "instances"), out_array(out);
	for (size_t i = 0; i < r->n; i++) {
		out_object(out);
		out_key(out, "content"), out_text(out, r->inputs[i].text);
		if (task != NULL)
			out_key(out, "task_type"), out_lit(out, task);
		if (!json_text_empty(r->inputs[i].title))
			out_key(out, "title"), out_text(out, r->inputs[i].title);
		out_close(out);
	}
	out_close(out);
	if (r->dimensions == 0)
		return;
	out_key(out, "parameters"), out_object(out);
	embed_dimensions_out(r, t, "outputDimensionality", out, lost);
	out_close(out);
}

static bool on_vertex(const struct chat_target *t)
{
	return t->vertex || (t->quirks & QUIRK_VERTEX) != 0;
}

static enum rc request_write(const struct embed_request *r, const struct chat_target *t,
			     struct json_out *out, struct chat_lost *lost,
			     struct chat_refusal *why)
{
	bool own = r->dialect == &embed_gemini && !on_vertex(t);
	enum rc rc = own ? OK : embed_texts_only(r, "Gemini", why);

	if (rc != OK)
		return rc;
	if (!r->floats && !r->base64)
		return refuse_request(why, "unsupported_value", "embedding_types",
				      "Gemini has float only.");
	if (r->types.n > 0)
		lost_param(lost, "embedding_types");
	if (!json_text_empty(r->user))
		lost_param(lost, "user");
	out_object(out);
	if (on_vertex(t)) {
		vertex_out(r, t, out, lost);
	} else {
		out_key(out, "requests"), out_array(out);
		for (size_t i = 0; i < r->n; i++)
			request_out(r, t, i, out, lost);
		out_close(out);
	}
	embed_extras_out(r, &embed_gemini, t, out, lost);
	out_close(out);
	return out_ok(out) ? OK : E_NOMEM;
}

static struct slice path(const struct chat_target *t, struct arena *a)
{
	struct slice model = url_encode(t->model, "/", a);
	const char *folder = slice_find_char(t->model, '/') == SLICE_NONE ? "models/" : "";

	return arena_fmt(a, "/%s%.*s:%s", folder, SARG(model),
			 on_vertex(t) ? "predict" : "batchEmbedContents");
}

/* {"values":[..],"statistics":{"token_count":..}} */
static enum rc one_answer(struct embed_answer *ans, size_t i, struct slice object,
			  struct arena *a)
{
	struct fields f, statistics;

	if (i >= ans->n)
		return E_BAD;
	if (!fields_read(&f, object, a) ||
	    !fields_read(&statistics, field_object(&f, "statistics"), a))
		return E_NOMEM;
	embed_usage(ans, &statistics, "token_count");
	return embed_vector(&ans->v[i], field_array(&f, "values")) ? OK : E_BAD;
}

static enum rc answer_read(struct slice body, const struct embed_request *r,
			   struct embed_answer *ans, struct arena *a)
{
	struct fields f, inner;
	struct json_array it;
	enum json_kind kind;
	struct slice v;
	bool vertex;
	enum rc rc = embed_answer_begin(&f, body, r, ans, a);

	if (rc != OK)
		return rc;
	if (!fields_read(&inner, field_object(&f, "usageMetadata"), a))
		return E_NOMEM;
	embed_usage(ans, &inner, "promptTokenCount");
	if (field_object(&f, "embedding").n > 0)
		rc = one_answer(ans, 0, field_object(&f, "embedding"), a);
	vertex = field_array(&f, "predictions").n > 0;
	it = json_array(field_array(&f, vertex ? "predictions" : "embeddings"));
	for (size_t i = 0; rc == OK && json_array_next(&it, &v, &kind); i++) {
		if (vertex && !fields_read(&inner, v, a))
			return E_NOMEM;
		rc = one_answer(ans, i, vertex ? field_object(&inner, "embeddings") : v, a);
	}
	return rc == OK ? embed_answer_end(ans) : rc;
}

static void answer_write(const struct chat_reply *to UNUSED, const struct embed_request *r,
			 const struct embed_answer *ans, struct json_out *out)
{
	out_object(out);
	out_key(out, r->single ? "embedding" : "embeddings");
	if (!r->single)
		out_array(out);
	for (size_t i = 0; i < ans->n; i++) {
		out_object(out);
		out_key(out, "values"), embed_numbers_out(out, &ans->v[i]);
		out_close(out);
	}
	if (!r->single)
		out_close(out);
	if (ans->usage.known || ans->usage.estimated) {
		out_key(out, "usageMetadata"), out_object(out);
		out_key(out, "promptTokenCount");
		out_u64(out, usage_prompt(&ans->usage));
		out_close(out);
	}
	out_close(out);
}

const struct embed_dialect embed_gemini = {
	.name = "gemini",
	.id = DIALECT_GEMINI,
	.request_read = request_read,
	.request_write = request_write,
	.path = path,
	.answer_read = answer_read,
	.answer_write = answer_write,
};
