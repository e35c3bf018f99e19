#include "chat/embed.h"

#include "chat/embed/parts.h"
#include "wire/base64.h"

const struct embed_dialect *embed_dialect_of(enum provider_dialect id)
{
	static const struct embed_dialect *const of[DIALECTS] = {
		[DIALECT_OPENAI] = &embed_openai, [DIALECT_RESPONSES] = &embed_openai,
		[DIALECT_GEMINI] = &embed_gemini, [DIALECT_BEDROCK] = &embed_bedrock,
		[DIALECT_COHERE] = &embed_cohere, [DIALECT_OLLAMA] = &embed_ollama,
		[DIALECT_ANTHROPIC] = NULL,
	};

	return of[id];
}

/* ---- reading requests ---- */

void embed_at(struct embed_reader *rd, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(rd->path, sizeof(rd->path), fmt, ap);
	va_end(ap);
}

enum rc embed_bad_type(struct embed_reader *rd, const char *want)
{
	return refuse_request(rd->why, "invalid_type", rd->path, "%s must be %s.", rd->path,
			      want);
}

enum rc embed_bad_value(struct embed_reader *rd, const char *want)
{
	return refuse_request(rd->why, "invalid_value", rd->path, "%s must be %s.", rd->path,
			      want);
}

enum rc embed_missing(struct embed_reader *rd)
{
	return refuse_request(rd->why, "missing_field", rd->path, "%s is required.", rd->path);
}

static void extra(struct embed_reader *rd, const struct json_member *m)
{
	struct chat_extra *x = ARENA_NEW(rd->a, struct chat_extra);

	if (x == NULL)
		return;
	x->key = m->key;
	x->value = m->value;
	if (rd->r->extras_tail == NULL)
		rd->r->extras_tail = &rd->r->extras;
	*rd->r->extras_tail = x;
	rd->r->extras_tail = &x->next;
}

static enum rc members(struct embed_reader *rd, const struct fields *f,
		       const struct embed_known *known, size_t known_n)
{
	static const char *const kinds[] = { "null",     "a boolean", "a number",
					     "a string", "an array",  "an object" };
	uint64_t seen = 0;

	for (size_t i = 0; i < f->n; i++) {
		const struct json_member *m = &f->m[i];
		size_t k = 0;

		while (k < known_n &&
		       json_member_find(m, 1, slice_cstr(known[k].name), NULL) == NULL)
			k++;
		if (k == known_n) {
			extra(rd, m);
			continue;
		}
		embed_at(rd, "%s", known[k].name);
		if ((seen & 1ULL << k) != 0)
			return refuse_request(rd->why, "duplicate_field", rd->path,
					      "%s is there twice.", rd->path);
		seen |= 1ULL << k;
		if (known[k].kind != JSON_NULL && m->kind != JSON_NULL &&
		    m->kind != known[k].kind)
			return embed_bad_type(rd, kinds[known[k].kind]);
	}
	return OK;
}

enum rc embed_begin(struct embed_reader *rd, const struct request_in *in, struct fields *f,
		    const struct embed_known *known, size_t known_n)
{
	enum rc rc = request_fields(in->body, rd->a, f, rd->why);

	if (rc == OK)
		rc = members(rd, f, known, known_n);
	if (rc != OK)
		return rc;
	rd->r->model = in->model.n > 0 ? in->model : field_plain(f, "model", rd->a);
	if (rd->r->model.n > 0 || arena_failed(rd->a))
		return OK;
	embed_at(rd, "model");
	return field(f, "model") == NULL ? embed_missing(rd)
					 : embed_bad_value(rd, "the name of a model");
}

enum rc embed_room(struct embed_reader *rd, struct slice array)
{
	struct json_array it = json_array(array);
	enum json_kind kind;
	struct slice v;
	size_t n = 0;

	if (json_kind(array) != JSON_ARRAY)
		n = 1;
	while (n <= EMBED_INPUTS_MAX && json_array_next(&it, &v, &kind))
		n++;
	if (n > EMBED_INPUTS_MAX)
		return refuse_request(rd->why, "invalid_value", rd->path,
				      "%s has more than %d inputs.", rd->path,
				      EMBED_INPUTS_MAX);
	if (n == 0)
		return embed_bad_value(rd, "at least one input");
	rd->r->inputs = ARENA_ARRAY(rd->a, struct embed_input, n);
	return rd->r->inputs == NULL ? E_NOMEM : OK;
}

enum rc embed_dimensions(struct embed_reader *rd, const struct fields *f, const char *name)
{
	uint64_t n;

	if (field(f, name) == NULL)
		return OK;
	embed_at(rd, "%s", name);
	if (!json_u64(field_number(f, name), &n) || n == 0)
		return embed_bad_value(rd, "a positive integer");
	if (rd->r->dimensions != 0 && rd->r->dimensions != n)
		return embed_bad_value(rd, "the same for all inputs");
	rd->r->dimensions = n;
	return OK;
}

/* ---- writing requests ---- */

void embed_dimensions_out(const struct embed_request *r, const struct chat_target *t,
			  const char *named, struct json_out *out, struct chat_lost *lost)
{
	if (r->dimensions == 0 || !target_param(t, named, lost))
		return;
	out_key(out, named);
	out_u64(out, r->dimensions);
}

void embed_extras_out(const struct embed_request *r, const struct embed_dialect *own,
		      const struct chat_target *t, struct json_out *out, struct chat_lost *lost)
{
	for (const struct chat_extra *x = r->extras; x != NULL; x = x->next) {
		if (r->dialect != own || !target_takes(t, x->key)) {
			lost_key(lost, x->key);
			continue;
		}
		out_key_text(out, (struct json_text){ x->key });
		out_json(out, x->value);
	}
}

enum rc embed_texts_only(const struct embed_request *r, const char *target,
			 struct chat_refusal *why)
{
	char path[32];

	for (size_t i = 0; i < r->n; i++) {
		if (r->inputs[i].kind == EMBED_TEXT)
			continue;
		(void)snprintf(path, sizeof(path), "input[%zu]", i);
		return refuse_request(why, "unsupported_value", path, "%s takes texts, not %s.",
				      target,
				      r->inputs[i].kind == EMBED_TOKENS ? "tokens" : "images");
	}
	return OK;
}

void embed_titles_lost(const struct embed_request *r, struct chat_lost *lost)
{
	for (size_t i = 0; i < r->n; i++)
		if (!json_text_empty(r->inputs[i].title))
			lost_param(lost, "title");
}

void embed_texts_out(const struct embed_request *r, struct json_out *out)
{
	out_array(out);
	for (size_t i = 0; i < r->n; i++)
		out_text(out, r->inputs[i].text);
	out_close(out);
}

/* Gemini's words are in gemini.c; Voyage's are "document" and "query". */
static const struct {
	struct slice cohere;
	struct slice short_one;
} uses[] = {
	[USE_DOCUMENT] = { LITC("search_document"), LITC("document") },
	[USE_QUERY] = { LITC("search_query"), LITC("query") },
	[USE_CLASSIFICATION] = { LITC("classification"), LITC("classification") },
	[USE_CLUSTERING] = { LITC("clustering"), LITC("clustering") },
};

const char *embed_use_cohere(enum embed_use use)
{
	return use < ARRAY_LEN(uses) ? uses[use].cohere.p : NULL;
}

enum embed_use embed_use_read(struct json_text word)
{
	for (enum embed_use u = USE_DOCUMENT; u < ARRAY_LEN(uses); u++)
		if (json_text_is(word, uses[u].cohere) || json_text_is(word, uses[u].short_one))
			return u;
	return USE_UNSET;
}

/* ---- reading answers ---- */

enum rc embed_answer_begin(struct fields *f, struct slice body, const struct embed_request *r,
			   struct embed_answer *ans, struct arena *a)
{
	enum json_kind kind;
	size_t n;

	*ans = (struct embed_answer){ .n = r->n };
	if (json_scan(body, &kind, NULL, 0, &n, NULL) != OK || kind != JSON_OBJECT)
		return E_BAD;
	ans->v = ARENA_ARRAY(a, struct embed_vector, r->n);
	return ans->v != NULL && fields_read(f, slice_trim(body), a) ? OK : E_NOMEM;
}

bool embed_vector(struct embed_vector *v, struct slice value)
{
	struct json_array it = json_array(value);
	enum json_kind kind;
	struct slice first;

	if (json_kind(value) == JSON_STRING) {
		v->base64 = json_text_of(value);
		return !json_text_empty(v->base64);
	}
	/* The others are not looked at: a vector is thousands of numbers. */
	if (!json_array_next(&it, &first, &kind) || kind != JSON_NUMBER)
		return false;
	v->numbers = value;
	return true;
}

enum rc embed_vectors(struct embed_answer *ans, struct slice array)
{
	struct json_array it = json_array(array);
	enum json_kind kind;
	struct slice v;
	size_t i = 0;

	for (; json_array_next(&it, &v, &kind); i++)
		if (i == ans->n || !embed_vector(&ans->v[i], v))
			return E_BAD;
	return i == ans->n ? OK : E_BAD;
}

enum rc embed_answer_end(const struct embed_answer *ans)
{
	for (size_t i = 0; i < ans->n; i++)
		if (ans->v[i].numbers.n == 0 && json_text_empty(ans->v[i].base64))
			return E_BAD;
	return OK;
}

void embed_usage(struct embed_answer *ans, const struct fields *f, const char *name)
{
	uint64_t n;

	if (!json_u64(field_number(f, name), &n))
		return;
	ans->usage.odd = n > USAGE_TOKENS_MAX;
	if (ans->usage.odd)
		return;
	ans->usage.known = true;
	ans->usage.input += n;
}

/* ---- numbers and base64 ---- */

/* The shortest decimal that is read as the same float again. */
static void float_out(struct json_out *o, float x)
{
	char text[32];
	double back = 0;
	int n = 0;

	if (x - x != 0) { /* JSON has no infinity, and no vector should */
		out_u64(o, 0);
		return;
	}
	for (int digits = 6; digits <= 9; digits++) {
		n = snprintf(text, sizeof(text), "%.*g", digits, (double)x);
		if (json_double(slice_of(text, (size_t)n), &back) && (float)back == x)
			break;
	}
	out_json(o, arena_copy(o->a, slice_of(text, (size_t)n)));
}

void embed_numbers_out(struct json_out *out, const struct embed_vector *v)
{
	struct slice text = json_text_plain(v->base64, out->a);
	unsigned char *bytes;
	size_t n = 0;

	if (v->numbers.n > 0) {
		out_json(out, v->numbers);
		return;
	}
	out_array(out);
	bytes = (unsigned char *)arena_bytes(out->a, text.n / 4 * 3 + 1);
	if (bytes == NULL)
		out_fail(out);
	else if (!base64_read(text, (char *)bytes, &n) || n % 4 != 0)
		n = 0;
	for (size_t i = 0; i < n; i += 4) {
		uint32_t bits = (uint32_t)bytes[i] | (uint32_t)bytes[i + 1] << 8 |
				(uint32_t)bytes[i + 2] << 16 | (uint32_t)bytes[i + 3] << 24;
		float x;

		memcpy(&x, &bits, sizeof(x));
		float_out(out, x);
	}
	out_close(out);
}

/* How many elements, at most: one more than there are commas. */
static size_t count_of(struct slice numbers)
{
	size_t n = 1;

	for (size_t i = 0; i < numbers.n; i++)
		n += numbers.p[i] == ',';
	return n;
}

static bool floats_of(struct slice numbers, unsigned char *to, size_t *n)
{
	struct json_array it = json_array(numbers);
	enum json_kind kind;
	struct slice v;

	for (*n = 0; json_array_next(&it, &v, &kind); *n += 4) {
		uint32_t bits;
		double d;
		float x;

		/* Over the range of a float is no number of a vector. */
		if (!json_double(v, &d) || d > 3.4028235e38 || d < -3.4028235e38)
			return false;
		x = (float)d;
		memcpy(&bits, &x, sizeof(bits));
		for (unsigned i = 0; i < 4; i++)
			to[*n + i] = (unsigned char)(bits >> 8 * i);
	}
	return true;
}

void embed_base64_out(struct json_out *out, const struct embed_vector *v)
{
	size_t n = 0, most;
	unsigned char *bytes;
	struct sb text;
	char *p;

	if (!json_text_empty(v->base64)) {
		out_text(out, v->base64);
		return;
	}
	most = count_of(v->numbers) * 4;
	bytes = (unsigned char *)arena_bytes(out->a, most);
	p = arena_bytes(out->a, (most + 2) / 3 * 4);
	if (bytes == NULL || p == NULL) {
		out_fail(out);
		return;
	}
	if (!floats_of(v->numbers, bytes, &n))
		n = 0;
	sb_init(&text, p, (most + 2) / 3 * 4);
	base64_put(&text, slice_of((const char *)bytes, n));
	out_text(out, (struct json_text){ sb_slice(&text) });
}
