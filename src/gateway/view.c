#include "gateway/view.h"

#include "chat/frames.h"

static const struct slice op_paths[CHAT_OPS] = {
	[OP_CHAT] = LITC("/chat/completions"),
	[OP_COMPLETIONS] = LITC("/completions"),
	[OP_EMBEDDINGS] = LITC("/embeddings"),
};

static const struct header *make_headers(struct arena *a, const struct provider *p, bool stream,
					 size_t *n)
{
	struct header *h = arena_get(a, (p->header_n + 3) * sizeof(*h));

	if (h == NULL)
		return NULL;
	*n = 0;
	h[(*n)++] = (struct header){ LIT("Content-Type"), LIT("application/json") };
	h[(*n)++] = (struct header){ LIT("Accept"), stream ? framing_type(p->dialect->framing)
							   : LIT("application/json") };
	h[(*n)++] = (struct header){ LIT("User-Agent"), LIT("weir/" WEIR_VERSION) };
	for (size_t i = 0; i < p->header_n; i++)
		h[(*n)++] = p->headers[i];
	return h;
}

/* Some have paths of their own. */
static struct slice path_of(const struct provider *p, enum chat_op op, bool stream)
{
	if (op == OP_CHAT && stream && p->chat_stream_path.n > 0)
		return p->chat_stream_path;
	if (op == OP_CHAT && p->chat_path.n > 0)
		return p->chat_path;
	if (op == OP_EMBEDDINGS && p->embeddings_path.n > 0)
		return p->embeddings_path;
	return op_paths[op];
}

static enum rc provider_open(struct view *v, const struct provider *p,
			     struct provider_view *out, struct http_client *c,
			     struct metrics *m, struct err *err)
{
	const struct origin_options o = {
		.url = p->url,
		.tls = p->tls,
		.proxy = p->use_proxy ? &v->snapshot->proxy : NULL,
		.connect_timeout_us = p->connect_timeout_us,
	};
	enum rc rc;

	for (size_t i = 0; i < CHAT_OPS * 2; i++)
		out->target[i / 2][i % 2] =
			arena_fmt(&v->arena, "%.*s%.*s", SARG(p->base_path),
				  SARG(path_of(p, (enum chat_op)(i / 2), i % 2 == 1)));
	for (size_t i = 0; i < 2; i++)
		out->headers[i] = make_headers(&v->arena, p, i == 1, &out->header_n);
	out->metrics = metrics_provider(m, p->name, v->mem);
	out->key_credit = ARENA_ARRAY(&v->arena, int64_t, size_max(p->key_n, 1));
	if (arena_failed(&v->arena) || out->metrics == NULL)
		return err_nomem(err, "view.provider");
	rc = origin_get(&out->origin, c, &o, err);
	if (rc == OK && p->warm > 0)
		origin_warm(out->origin, p->warm);
	return rc;
}

static void close_view(struct view *v)
{
	for (size_t i = 0; v->providers != NULL && i < v->snapshot->provider_n; i++)
		if (v->providers[i].origin != NULL)
			origin_put(v->providers[i].origin);
	snapshot_unref(v->snapshot);
	arena_free(&v->arena);
	mem_put(v->mem, v, sizeof(*v));
}

enum rc view_new(struct view **out, struct snapshot *s, struct http_client *c,
		 struct metrics *m, struct mem *mem, struct err *err)
{
	struct view *v = mem_zero(mem, sizeof(*v));
	enum rc rc = OK;

	if (v == NULL)
		return err_nomem(err, "view.new");
	v->refs = 1;
	v->mem = mem;
	v->snapshot = snapshot_ref(s);
	arena_init(&v->arena, mem, 2048, 16 << 20);
	v->providers = ARENA_ARRAY(&v->arena, struct provider_view, s->provider_n);
	if (v->providers == NULL)
		rc = err_nomem(err, "view.new");
	for (size_t i = 0; rc == OK && i < s->provider_n; i++)
		rc = provider_open(v, s->provider_list[i], &v->providers[i], c, m, err);
	if (rc != OK) {
		close_view(v);
		return rc;
	}
	*out = v;
	return OK;
}

struct view *view_ref(struct view *v)
{
	v->refs++;
	return v;
}

void view_unref(struct view *v)
{
	if (v != NULL && --v->refs == 0)
		close_view(v);
}
