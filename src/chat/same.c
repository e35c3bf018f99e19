#include "chat/same.h"

#include "wire/json_scan.h"

static enum rc read_model(struct same_request *r, const struct request_in *in, struct arena *a,
			  struct chat_refusal *why)
{
	const struct json_member *m;
	bool twice = false;

	r->model = in->model;
	r->model_at = SLICE_NONE;
	if (in->model.n > 0)
		return OK;
	m = json_member_find(r->m, r->n, LIT("model"), &twice);
	if (m == NULL)
		return refuse_request(why, "missing_model", "model",
				      "The field \"model\" is missing: name the model to ask.");
	if (twice)
		return refuse_request(why, "duplicate_field", "model",
				      "The field \"model\" is there twice; send it once.");
	if (m->kind != JSON_STRING || !json_string_nonempty(m->value))
		return refuse_request(
			why, "invalid_type", "model",
			"The field \"model\" must be a string that is not empty.");
	r->model_at = (size_t)(m - r->m);
	return json_string(m->value, a, &r->model) ? OK : E_NOMEM;
}

static enum rc read_stream(struct same_request *r, const struct request_in *in,
			   struct chat_refusal *why)
{
	const struct json_member *m;
	bool twice = false;

	if (in->stream != UNSET) {
		r->stream = in->stream == YES;
		return OK;
	}
	m = json_member_find(r->m, r->n, LIT("stream"), &twice);
	if (twice)
		return refuse_request(why, "duplicate_field", "stream",
				      "The field \"stream\" is there twice; send it once.");
	if (m != NULL && m->kind != JSON_NULL && !json_bool(m->value, &r->stream))
		return refuse_request(why, "invalid_type", "stream",
				      "The field \"stream\" must be true or false.");
	return OK;
}

enum rc same_request_read(struct same_request *r, const struct dialect *d,
			  const struct request_in *in, struct arena *a,
			  struct chat_refusal *why)
{
	struct fields *f = ARENA_NEW(a, struct fields);
	enum rc rc;

	*r = (struct same_request){ .body = in->body };
	if (f == NULL)
		return E_NOMEM;
	rc = request_fields(in->body, a, f, why);
	if (rc != OK)
		return rc;
	r->m = f->m;
	r->n = f->n;
	rc = read_model(r, in, a, why);
	if (rc == OK)
		rc = read_stream(r, in, why);
	if (rc == OK && d->request_check != NULL)
		rc = d->request_check(f, why);
	return rc;
}

static void leave_out(const struct same_request *r, const struct slice *names, size_t n,
		      struct json_edits *x)
{
	for (size_t i = 0; i < n; i++)
		for (size_t k = 0; k < r->n; k++)
			if (json_member_find(&r->m[k], 1, names[i], NULL) != NULL)
				json_edit_remove(x, k);
}

enum rc same_request_pieces(const struct same_request *r, const struct same_target *t,
			    struct arena *a, struct slice **pieces, size_t *n)
{
	struct slice all[JSON_PIECES_MAX];
	struct json_edits x;
	size_t bytes;

	json_edits_init(&x, r->body, r->m, r->n);
	if (r->model_at != SLICE_NONE && !slice_eq(r->m[r->model_at].value, t->model_json))
		json_edit_replace(&x, r->model_at, t->model_json);
	leave_out(r, t->drop, t->drop_n, &x);
	leave_out(r, t->own, t->own_n, &x);
	*n = json_edits_apply(&x, all, ARRAY_LEN(all), &bytes);
	if (x.failed)
		return arena_failed(a) ? E_NOMEM : E_TOOBIG;
	*pieces = arena_get(a, *n * sizeof(**pieces));
	if (*pieces == NULL)
		return E_NOMEM;
	memcpy(*pieces, all, *n * sizeof(**pieces));
	return OK;
}
