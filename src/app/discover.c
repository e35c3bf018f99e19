#include "app/discover.h"

#include "base/buf.h"
#include "wire/json.h"

#define LOCAL_CONNECT_US  300000
#define LOCAL_ANSWER_US   2000000
#define HOSTED_CONNECT_US 5000000
#define HOSTED_ANSWER_US  10000000

enum { MODEL_NAME_MAX = 200 };

struct probe {
	struct discovery *d;
	const struct provider *provider;
	const struct provider_known *known;
	struct origin *origin;
	struct http_call *call;
	struct arena arena; /* of the response's head */
	struct buf body;
	struct timer timer;
	struct slice target;
	struct header *headers;
	unsigned status;
	struct err start; /* why it could not even begin */
	bool over;
};

struct discovery {
	struct loop *loop;
	struct snapshot *snapshot;
	struct http_client *client;
	struct arena arena; /* names of models */
	struct probe *probes;
	size_t probe_n, open;
	struct found_provider *found;
	size_t found_n;
	const struct discover_events *ev;
	void *ctx;
	struct later finish;
};

static const struct header probe_headers[] = {
	{ LITC("Accept"), LITC("application/json") },
	{ LITC("User-Agent"), LITC("weir/" WEIR_VERSION) },
};

/* ---- one answer -----------------------------------------------------------------------------
 */

/* Google's layer writes "models/gemini-...", which it also takes without.  A name that could
 * end a shell's quotes is none: names stand in the command to try that is printed. */
static struct slice clean_name(struct slice id)
{
	if (slice_starts(id, LIT("models/")))
		id = slice_skip(id, 7);
	for (size_t i = 0; i < id.n; i++)
		if ((unsigned char)id.p[i] <= ' ' || id.p[i] == 0x7f || id.p[i] == '\'' ||
		    id.p[i] == '"' || id.p[i] == '\\')
			return slice_of(NULL, 0);
	return id.n <= MODEL_NAME_MAX ? id : slice_of(NULL, 0);
}

static bool read_models(struct probe *p, const struct json *list, struct found_provider *f)
{
	size_t n = size_min(json_len(list), DISCOVER_MODELS_MAX);
	struct arena *a = &p->d->arena;

	f->known = p->known;
	f->models = ARENA_ARRAY(a, struct slice, n);
	for (size_t i = 0; f->models != NULL && i < n; i++) {
		const struct json *row = json_at(list, i), *id = json_get(row, "id");
		struct slice name =
			clean_name(json_str(id != NULL ? id : json_get(row, "name")));

		if (name.n > 0)
			f->models[f->model_n++] = arena_copy(a, name);
	}
	return !arena_failed(a);
}

static void over(struct probe *p);

static void failed(struct probe *p, const char *why)
{
	if (!p->known->local)
		p->d->ev->failed(p->d->ctx, p->known, why);
	over(p);
}

static void answered(struct probe *p)
{
	struct discovery *d = p->d;
	struct found_provider *f = &d->found[d->found_n];
	struct json_doc *doc = NULL;
	const struct json *root, *list;
	bool good;

	if (p->status == 401 || p->status == 403) {
		failed(p, "it does not accept the key");
		return;
	}
	if (p->status != 200 ||
	    json_doc_read(&doc, loop_mem(d->loop), buf_slice(&p->body), NULL) != OK) {
		failed(p, "it does not list its models");
		return;
	}
	root = json_root(doc);
	list = json_is_array(root) ? root : json_get(root, "data");
	if (list == NULL)
		list = json_get(root, "models");
	good = json_is_array(list) && read_models(p, list, f);
	json_doc_free(doc);
	if (!good) {
		*f = (struct found_provider){ 0 };
		failed(p, "its list of models is not one that we know");
		return;
	}
	d->found_n++;
	d->ev->found(d->ctx, f);
	over(p);
}

static void over(struct probe *p)
{
	struct discovery *d = p->d;

	if (p->over)
		return;
	p->over = true;
	timer_stop(&p->timer);
	buf_free(&p->body);
	if (--d->open == 0)
		loop_later(d->loop, &d->finish);
}

/* ---- its call
 * ----------------------------------------------------------------------------------- */

static void on_head(void *ctx, const struct http_head *head)
{
	struct probe *p = ctx;

	p->status = head->status;
}

static void on_body(void *ctx, struct slice bytes)
{
	struct probe *p = ctx;

	if (p->over || buf_append(&p->body, bytes) == OK)
		return;
	http_call_cancel(p->call);
	p->call = NULL;
	failed(p, "its list of models is too long");
}

static void on_end(void *ctx)
{
	struct probe *p = ctx;

	p->call = NULL;
	answered(p);
}

static void on_failed(void *ctx, enum rc why, const struct err *err)
{
	struct probe *p = ctx;

	p->call = NULL;
	failed(p, err != NULL && err->text[0] != '\0' ? err->text : rc_text(why));
}

static const struct http_call_events call_events = {
	.head = on_head,
	.body = on_body,
	.end = on_end,
	.failed = on_failed,
};

static void on_timeout(struct timer *t)
{
	struct probe *p = CONTAINER_OF(t, struct probe, timer);

	if (p->call != NULL)
		http_call_cancel(p->call);
	p->call = NULL;
	failed(p, p->start.rc != OK ? p->start.text : "it did not answer in time");
}

static void probe_start(struct probe *p)
{
	const struct provider *v = p->provider;
	const struct origin_options at = {
		.url = v->url,
		.tls = v->tls,
		.proxy = v->use_proxy ? &p->d->snapshot->proxy : NULL,
		.connect_timeout_us = p->known->local ? LOCAL_CONNECT_US : HOSTED_CONNECT_US,
	};
	const struct http_call_options call = {
		.method = LIT("GET"),
		.target = p->target,
		.headers = p->headers,
		.header_n = ARRAY_LEN(probe_headers) + v->header_n,
		.auth_name = v->auth_name,
		.auth_prefix = v->auth_prefix,
		.auth = provider_key(v),
	};
	enum rc rc = p->headers == NULL ? err_nomem(&p->start, "discover.probe")
					: origin_get(&p->origin, p->d->client, &at, &p->start);

	if (rc == OK)
		rc = http_call_start(&p->call, p->origin, &call, &p->arena, &call_events, p,
				     &p->start);
	/* No event may come from here: a timer that fires at once tells of a failure. */
	timer_set(&p->timer, rc != OK          ? 0
			     : p->known->local ? LOCAL_ANSWER_US
					       : HOSTED_ANSWER_US);
}

/* ---- all of them
 * ---------------------------------------------------------------------------------- */

static void on_finish(struct later *w)
{
	struct discovery *d = CONTAINER_OF(w, struct discovery, finish);

	d->ev->done(d->ctx);
}

static bool is_own(const struct provider *p, const uint16_t *ports, size_t n)
{
	if (!slice_eq(p->url.host, LIT("127.0.0.1")))
		return false;
	for (size_t i = 0; i < n; i++)
		if (ports[i] == p->url.port)
			return true;
	return false;
}

static void add_probe(struct discovery *d, const struct provider *v,
		      const struct provider_known *known)
{
	struct probe *p = &d->probes[d->probe_n++];

	p->d = d;
	p->provider = v;
	p->known = known;
	p->target = arena_fmt(&d->arena, "%.*s%s", SARG(v->base_path),
			      known->models_path != NULL ? known->models_path : "/models");
	p->headers =
		ARENA_ARRAY(&d->arena, struct header, ARRAY_LEN(probe_headers) + v->header_n);
	if (p->headers != NULL) {
		memcpy(p->headers, probe_headers, sizeof(probe_headers));
		if (v->header_n > 0)
			memcpy(p->headers + ARRAY_LEN(probe_headers), v->headers,
			       v->header_n * sizeof(*v->headers));
	}
	arena_init(&p->arena, loop_mem(d->loop), 1024, 1 << 20);
	buf_init(&p->body, loop_mem(d->loop), DISCOVER_BYTES_MAX);
	timer_init(&p->timer, d->loop, on_timeout);
	d->open++;
}

enum rc discover_start(struct discovery **out, struct loop *l, struct snapshot *s,
		       const uint16_t *skip_ports, size_t skip_n,
		       const struct discover_events *ev, void *ctx, struct err *err)
{
	struct discovery *d = mem_zero(loop_mem(l), sizeof(*d));
	enum rc rc;

	if (d == NULL)
		return err_nomem(err, "discover.new");
	d->loop = l;
	d->snapshot = snapshot_ref(s);
	d->ev = ev;
	d->ctx = ctx;
	later_init(&d->finish, on_finish);
	arena_init(&d->arena, loop_mem(l), 4096, 64 << 20);
	d->probes = ARENA_ARRAY(&d->arena, struct probe, s->provider_n);
	d->found = ARENA_ARRAY(&d->arena, struct found_provider, s->provider_n);
	rc = arena_failed(&d->arena) ? err_nomem(err, "discover.new")
				     : http_client_new(&d->client, l, &s->client, NULL, err);
	if (rc != OK) {
		discover_free(d);
		return rc;
	}
	for (size_t i = 0; i < s->provider_n; i++) {
		const struct provider *p = s->provider_list[i];
		const struct provider_known *known = provider_known(p->name);

		if (known != NULL && known->lists_models && !p->simulated &&
		    p->dialect->id == known->dialect && !is_own(p, skip_ports, skip_n))
			add_probe(d, p, known);
	}
	for (size_t i = 0; i < d->probe_n; i++)
		probe_start(&d->probes[i]);
	if (d->open == 0)
		loop_later(l, &d->finish);
	*out = d;
	return OK;
}

const struct found_provider *discover_found(const struct discovery *d, size_t *n)
{
	*n = d == NULL ? 0 : d->found_n;
	return d == NULL ? NULL : d->found;
}

void discover_free(struct discovery *d)
{
	struct mem *mem;

	if (d == NULL)
		return;
	mem = loop_mem(d->loop);
	later_cancel(&d->finish);
	for (size_t i = 0; i < d->probe_n; i++) {
		struct probe *p = &d->probes[i];

		if (p->call != NULL)
			http_call_cancel(p->call);
		if (p->origin != NULL)
			origin_put(p->origin);
		timer_done(&p->timer);
		buf_free(&p->body);
	}
	if (d->client != NULL)
		http_client_free(d->client);
	for (size_t i = 0; i < d->probe_n; i++)
		arena_free(&d->probes[i].arena);
	arena_free(&d->arena);
	snapshot_unref(d->snapshot);
	mem_put(mem, d, sizeof(*d));
}
