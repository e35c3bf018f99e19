#include "chat/openai.h"

#include "chat/openai/quirks.h"

/* Most requests have fewer; those that have more are scanned twice. */
enum { MEMBERS_USUAL = 16 };

static enum rc refuse(struct openai_refusal *why, const char *code, const char *param,
		      const char *fmt, ...) PRINTF_LIKE(4, 5);

static enum rc refuse(struct openai_refusal *why, const char *code, const char *param,
		      const char *fmt, ...)
{
	va_list ap;

	why->code = code;
	why->param = param;
	va_start(ap, fmt);
	vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return E_BAD;
}

static enum rc scan(struct openai_request *r, struct arena *a, enum json_kind *kind,
		    struct json_problem *p)
{
	struct arena_mark before = arena_mark(a);
	enum rc rc;

	r->m = arena_get(a, MEMBERS_USUAL * sizeof(*r->m));
	if (r->m == NULL)
		return E_NOMEM;
	rc = json_scan(r->body, kind, r->m, MEMBERS_USUAL, &r->n, p);
	if (rc != OK || r->n <= MEMBERS_USUAL || r->n > OPENAI_MEMBERS_MAX)
		return rc;
	arena_rewind(a, before);
	r->m = arena_get(a, r->n * sizeof(*r->m));
	if (r->m == NULL)
		return E_NOMEM;
	return json_scan(r->body, kind, r->m, r->n, &r->n, p);
}

/* A member that may be absent (or null: *m is then NULL too), but not there twice. */
static enum rc find(const struct openai_request *r, const char *name,
		    const struct json_member **m, struct openai_refusal *why)
{
	bool twice = false;

	*m = json_member_find(r->m, r->n, slice_cstr(name), &twice);
	if (twice)
		return refuse(why, "duplicate_field", name,
			      "The field \"%s\" is there twice; send it once.", name);
	if (*m != NULL && (*m)->kind == JSON_NULL)
		*m = NULL;
	return OK;
}

static enum rc read_model(struct openai_request *r, struct arena *a, struct openai_refusal *why)
{
	const struct json_member *m;
	enum rc rc = find(r, "model", &m, why);

	if (rc != OK)
		return rc;
	if (m == NULL)
		return refuse(why, "missing_model", "model",
			      "The field \"model\" is missing: name the model to ask. GET "
			      "/v1/models lists those there are.");
	if (m->kind != JSON_STRING || !json_string_nonempty(m->value))
		return refuse(why, "invalid_type", "model",
			      "The field \"model\" must be a string that is not empty.");
	return json_string(m->value, a, &r->model) ? OK : E_NOMEM;
}

static enum rc read_stream(struct openai_request *r, struct openai_refusal *why)
{
	const struct json_member *m, *inner;
	struct json_member options[8];
	enum rc rc = find(r, "stream", &m, why);
	size_t n;

	if (rc != OK)
		return rc;
	if (m != NULL && !json_bool(m->value, &r->stream))
		return refuse(why, "invalid_type", "stream",
			      "The field \"stream\" must be true or false.");
	rc = find(r, "stream_options", &m, why);
	if (rc != OK || m == NULL)
		return rc;
	if (m->kind != JSON_OBJECT)
		return refuse(why, "invalid_type", "stream_options",
			      "The field \"stream_options\" must be an object.");
	n = json_object(m->value, options, ARRAY_LEN(options));
	if (n > ARRAY_LEN(options))
		return refuse(why, "too_many_fields", "stream_options",
			      "The field \"stream_options\" has over %zu members.",
			      ARRAY_LEN(options));
	inner = json_member_find(options, n, LIT("include_usage"), NULL);
	if (inner != NULL && inner->kind != JSON_NULL &&
	    !json_bool(inner->value, &r->wants_usage))
		return refuse(
			why, "invalid_type", "stream_options.include_usage",
			"The field \"stream_options.include_usage\" must be true or false.");
	return OK;
}

enum rc openai_request_read(struct openai_request *r, enum openai_endpoint endpoint,
			    struct slice body, struct arena *a, struct openai_refusal *why)
{
	struct json_problem p = { 0 };
	enum json_kind kind = JSON_NULL;
	enum rc rc;

	*r = (struct openai_request){ .endpoint = endpoint, .body = body };
	*why = (struct openai_refusal){ 0 };
	rc = scan(r, a, &kind, &p);
	if (rc == E_NOMEM)
		return rc;
	if (rc != OK)
		return refuse(
			why, rc == E_TOOBIG ? "json_too_deep" : "invalid_json", NULL,
			"The body is not valid JSON: %s at line %zu, column %zu (byte %zu).",
			p.what, p.line, p.column, p.at);
	if (kind != JSON_OBJECT)
		return refuse(why, "invalid_json", NULL, "The body must be a JSON object.");
	if (r->n > OPENAI_MEMBERS_MAX)
		return refuse(why, "too_many_fields", NULL,
			      "The body has %zu fields; the limit is %d.", r->n,
			      OPENAI_MEMBERS_MAX);
	rc = read_model(r, a, why);
	if (rc == OK && endpoint != OPENAI_EMBEDDINGS)
		rc = read_stream(r, why);
	return rc;
}

/* ---- edits ----------------------------------------------------------------------------- */

static size_t index_of(const struct openai_request *r, const char *name)
{
	const struct json_member *m = json_member_find(r->m, r->n, slice_cstr(name), NULL);

	return m == NULL ? SLICE_NONE : (size_t)(m - r->m);
}

/* The usage of a stream must be known (X6), so it is asked for whether or not the client did.
 */
static void ask_usage(const struct openai_request *r, struct json_edits *x, struct arena *a)
{
	size_t at = index_of(r, "stream_options");
	const struct json_member *inner;
	struct json_member options[8];
	struct slice value;
	size_t n;

	if (at == SLICE_NONE) {
		json_edit_add(x, LIT("\"stream_options\":{\"include_usage\":true}"), a);
		return;
	}
	value = r->m[at].value;
	if (r->m[at].kind != JSON_OBJECT) { /* null */
		json_edit_replace(x, at, LIT("{\"include_usage\":true}"));
		return;
	}
	n = json_object(value, options, ARRAY_LEN(options));
	inner = json_member_find(options, n, LIT("include_usage"), NULL);
	if (inner != NULL)
		json_edit_part(x, inner->value, LIT("true"));
	else
		json_edit_part(x, slice_head(value, 1),
			       n == 0 ? LIT("{\"include_usage\":true")
				      : LIT("{\"include_usage\":true,"));
}

static bool dropped(const struct openai_target *t, struct slice name)
{
	for (size_t i = 0; i < t->drop_param_n; i++)
		if (slice_eq(t->drop_params[i], name))
			return true;
	return false;
}

/* By what the key says, however it is written ("sto\u0072e"). */
static void drop_params(const struct openai_request *r, const struct openai_target *t,
			struct json_edits *x)
{
	for (size_t i = 0; i < r->n; i++)
		for (size_t p = 0; p < t->drop_param_n; p++)
			if (json_member_find(&r->m[i], 1, t->drop_params[p], NULL) != NULL) {
				json_edit_remove(x, i);
				if (t->lost != NULL && r->m[i].kind != JSON_NULL)
					lost_key(t->lost, t->drop_params[p]);
			}
}

static void leave_out_own(const struct openai_request *r, const struct openai_target *t,
			  struct json_edits *x)
{
	for (size_t i = 0; i < r->n; i++)
		for (size_t p = 0; p < t->own_param_n; p++)
			if (json_member_find(&r->m[i], 1, t->own_params[p], NULL) != NULL)
				json_edit_remove(x, i);
}

/* The key of `"key":...`, escaped as it may be. */
static struct slice key_of(struct slice member)
{
	size_t n = 1;

	while (n < member.n && member.p[n] != '"')
		n += member.p[n] == '\\' ? 2 : 1;
	return slice_head(member, n + 1);
}

static void add_members(const struct openai_request *r, const struct openai_target *t,
			struct json_edits *x, struct arena *a)
{
	for (size_t i = 0; i < t->add_member_n; i++) {
		struct slice key;

		if (json_string(key_of(t->add_members[i]), a, &key) &&
		    json_member_find(r->m, r->n, key, NULL) == NULL)
			json_edit_add(x, t->add_members[i], a);
	}
}

/* Those who know only the older name get the limit under it. */
static void rename_max_tokens(const struct openai_request *r, struct json_edits *x,
			      struct arena *a)
{
	size_t at = index_of(r, "max_completion_tokens");

	if (at == SLICE_NONE)
		return;
	if (index_of(r, "max_tokens") == SLICE_NONE)
		json_edit_add(x, arena_fmt(a, "\"max_tokens\":%.*s", SARG(r->m[at].value)), a);
	json_edit_remove(x, at);
}

static void edit_all(const struct openai_request *r, const struct openai_target *t,
		     struct json_edits *x, struct arena *a)
{
	size_t at = index_of(r, "model");

	INVARIANT(at != SLICE_NONE);
	if (!slice_eq(r->m[at].value, t->model_json))
		json_edit_replace(x, at, t->model_json);
	if (t->drop_param_n > 0)
		drop_params(r, t, x);
	if (t->own_param_n > 0)
		leave_out_own(r, t, x);
	if (t->add_member_n > 0)
		add_members(r, t, x, a);
	if ((t->quirks & QUIRK_MAX_TOKENS) && !dropped(t, LIT("max_completion_tokens")))
		rename_max_tokens(r, x, a);
	if (r->stream && !r->wants_usage && !(t->quirks & QUIRK_NO_STREAM_OPTIONS) &&
	    !dropped(t, LIT("stream_options")))
		ask_usage(r, x, a);
	if (t->quirks & ~(unsigned)(QUIRK_NO_STREAM_OPTIONS | QUIRK_MAX_TOKENS)) {
		struct quirk_edit q = { r, t, x, a };

		quirk_edit(&q);
	}
}

enum rc openai_request_pieces(const struct openai_request *r, const struct openai_target *t,
			      struct arena *a, struct slice **pieces, size_t *n, size_t *bytes)
{
	struct json_edits x;

	json_edits_init(&x, r->body, r->m, r->n);
	edit_all(r, t, &x, a);
	if (x.failed || arena_failed(a))
		return arena_failed(a) ? E_NOMEM : E_TOOBIG;
	/* Two for each edit and one more, of which most are not needed: few go by the stack. */
	if (x.n <= JSON_EDITS_MAX) {
		struct slice few[JSON_PIECES_MAX];

		*n = json_edits_apply(&x, few, ARRAY_LEN(few), bytes);
		*pieces = arena_get(a, *n * sizeof(**pieces));
		if (*pieces != NULL)
			memcpy(*pieces, few, *n * sizeof(**pieces));
	} else {
		*pieces = arena_get(a, (2 * x.n + 1) * sizeof(**pieces));
		if (*pieces != NULL)
			*n = json_edits_apply(&x, *pieces, 2 * x.n + 1, bytes);
	}
	return *pieces == NULL ? E_NOMEM : OK;
}
