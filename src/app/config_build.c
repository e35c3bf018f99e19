/* The config's structs to the gateway's snapshot: look-ups made, URLs split, names checked. */
#include "app/config_build.h"

#include "io/files.h"

struct text config_env_text(const struct config_env *env, const char *name, const char *other)
{
	const char *v = env->get(env, name);

	if (v == NULL && other != NULL)
		v = env->get(env, other);
	return (struct text){ slice_cstr(v), WHOLE_FILE, v != NULL };
}

/* ---- simple values --------------------------------------------------------------------- */

static void build_limits(struct builder *b)
{
	const struct config_timeouts *t = &b->c->timeouts;
	const struct config_limits *l = &b->c->limits;
	struct snapshot *s = b->s;

	s->server = (struct http_server_limits){
		.head_bytes = l->head,
		.arena_bytes = l->exchange,
		.head_timeout_us = t->head,
		.body_timeout_us = t->body_read,
		.idle_timeout_us = t->idle,
		.write_timeout_us = t->write,
		.connections = l->connections,
		.queue_mark = l->queue,
	};
	s->client = (struct http_client_limits){
		.head_bytes = l->upstream_head,
		.idle_per_origin = l->upstream_idle,
		.open_per_origin = l->upstream_open,
		.idle_timeout_us = t->upstream_idle,
		.dns_ttl_us = t->dns == 0 ? 1 : t->dns, /* 0 would be the default */
	};
	s->body_max = l->body;
	s->response_max = l->response;
	s->event_max = l->event;
	s->drain_us = t->drain;
}

#define OPEN_MAX_US 4000000

static uint64_t open_max(const struct config_breaker *k)
{
	if (k->open_max != OPTION_UNSET)
		return k->open_max;
	return k->open > OPEN_MAX_US ? k->open : OPEN_MAX_US;
}

static void build_rules(struct builder *b)
{
	const struct config_timeouts *t = &b->c->timeouts;
	const struct config_retries *r = &b->c->retries;
	const struct config_breaker *k = &b->c->breaker;
	struct snapshot *s = b->s;

	s->timeouts = (struct timeouts){
		.connect_us = t->connect,
		.first_content_us = t->first_content,
		.stall_us = t->stall,
		.total_us = t->total,
	};
	s->retries = (struct retries){
		.attempts = (unsigned)r->attempts,
		.backoff_us = r->backoff,
		.backoff_max_us = r->backoff_max,
		.retry_after_max_us = r->retry_after_max,
	};
	s->breaker = (struct breaker_rules){
		.failures = (unsigned)k->failures,
		.error_permille = (unsigned)k->error_rate,
		.window_min = (unsigned)k->min_requests,
		.window_us = k->window,
		.open_us = k->open,
		.open_max_us = open_max(k),
		.rest_max_us = k->rest_max,
	};
	if (r->backoff > r->backoff_max)
		problem_add(b->p, r->section.at, "retries: backoff is longer than backoff_max");
	if (k->open > s->breaker.open_max_us)
		problem_add(b->p, k->section.at, "breaker: open is longer than open_max");
	s->access_log = b->c->log.access;
	s->reply_headers = b->c->reply_headers;
	s->metrics_public = b->c->metrics.public;
	s->allow_anonymous = b->c->allow_anonymous;
}

/* A proxy as people write it: "http://proxy:3128", "proxy:3128", or nothing. */
static struct slice build_proxy_url(struct builder *b, const char *name, struct text t)
{
	struct err err = { .rc = OK };
	struct slice s = t.s;
	struct url url;

	if (!t.given || s.n == 0)
		return slice_of(NULL, 0);
	if (slice_find(s, LIT("://")) == SLICE_NONE)
		s = arena_fmt(&b->s->arena, "http://%.*s", SARG(s));
	else
		s = arena_copy(&b->s->arena, s);
	if (arena_failed(&b->s->arena))
		return s;
	if (url_read(&url, s, &err) != OK)
		/* Not err.text: it may quote a password that was not percent-encoded. */
		problem_add(b->p, t.at,
			    "%s: not the URL of a proxy, or one with characters that must be "
			    "percent-encoded (%s; value not shown)",
			    name, err.id);
	else if (url.https)
		problem_add(b->p, t.at,
			    "%s: the proxy itself is reached by http://; HTTPS to the provider "
			    "goes through it by CONNECT",
			    name);
	return s;
}

static void build_proxy(struct builder *b)
{
	const struct config_proxy *c = &b->c->proxy;
	const struct config_env *env = b->o->env;
	struct text https = c->https, http = c->http, no = c->no;
	const char *https_name = "proxy.https", *http_name = "proxy.http";

	if (!https.given) {
		https = config_env_text(env, "HTTPS_PROXY", "https_proxy");
		https_name = "the environment variable HTTPS_PROXY";
	}
	if (!http.given) {
		/* Not HTTP_PROXY: a CGI's client can set that one (httpoxy). */
		http = config_env_text(env, "http_proxy", NULL);
		http_name = "the environment variable http_proxy";
	}
	if (!no.given)
		no = config_env_text(env, "NO_PROXY", "no_proxy");
	b->s->proxy.https_proxy = build_proxy_url(b, https_name, https);
	b->s->proxy.http_proxy = build_proxy_url(b, http_name, http);
	b->s->proxy.no_proxy = arena_copy(&b->s->arena, no.s);
}

/* ---- TLS -----------------------------------------------------------------------------------
 */

static struct snapshot_tls *find_tls(struct snapshot_tls *const *list, size_t n, uint64_t hash)
{
	for (size_t i = 0; i < n; i++)
		if (list[i]->ca_hash == hash)
			return list[i];
	return NULL;
}

static struct snapshot_tls *new_tls(struct builder *b, struct text ca_file, uint64_t hash)
{
	const struct tls_client_options options = { .ca_file = ca_file.s,
						    .alpn = LIT("http/1.1") };
	struct snapshot_tls *t = mem_zero(b->o->mem, sizeof(*t));
	struct err err = { .rc = OK };

	if (t == NULL) {
		b->no_memory = true;
		return NULL;
	}
	t->ca_hash = hash;
	atomic_init(&t->refs, 0);
	if (tls_client_new(&t->tls, &options, &err) == OK)
		return t;
	problem_add(b->p, ca_file.at, "ca_file: %s", err.text);
	mem_put(b->o->mem, t, sizeof(*t));
	return NULL;
}

/* By the path and what the file holds now: a renewed authority takes effect on reload. */
static bool hash_ca(struct builder *b, struct text ca_file, uint64_t *hash)
{
	struct err err = { .rc = OK };
	struct slice pem;

	*hash = 0;
	if (!ca_file.given)
		return true;
	if (file_read(&pem, b->p->a, ca_file.s, 16 << 20, &err) != OK) {
		problem_add(b->p, ca_file.at, "ca_file: \"%.*s\": %s", SARG(ca_file.s),
			    err.text);
		return false;
	}
	*hash = hash_bytes(pem, hash_bytes(ca_file.s, 1)) | 1;
	return true;
}

struct tls_client *build_tls(struct builder *b, struct text ca_file)
{
	const struct snapshot *before = b->o->before;
	struct snapshot_tls *t;
	uint64_t hash;

	if (!hash_ca(b, ca_file, &hash))
		return NULL;
	t = find_tls(b->s->tls_list, b->s->tls_n, hash);
	if (t != NULL)
		return t->tls;
	if (before != NULL)
		t = find_tls(before->tls_list, before->tls_n, hash);
	if (t == NULL)
		t = new_tls(b, ca_file, hash);
	if (t == NULL)
		return NULL;
	atomic_fetch_add(&t->refs, 1);
	b->s->tls_list[b->s->tls_n++] = t;
	return t->tls;
}

/* ---- keys ----------------------------------------------------------------------------------
 */

/* Could the pattern ever match a name of this provider, "name/..."? */
static bool reaches_provider(struct slice pattern, const struct provider *p)
{
	struct slice literal;
	bool star = slice_cut(pattern, '*', &literal, NULL);
	size_t n = size_min(literal.n, p->name.n);

	if (!p->open_ended || !slice_eq(slice_head(literal, n), slice_head(p->name, n)))
		return false;
	if (literal.n <= p->name.n)
		return star;
	return literal.p[p->name.n] == '/' && (star || literal.n > p->name.n + 1);
}

/* A client may ask for it by the name alone: see snapshot_find(). */
static bool reaches_catalogue(const struct snapshot *s, struct slice pattern)
{
	struct catalogued found[CATALOGUE_FOUND_MAX];
	struct model_info m;

	if (slice_find(pattern, LIT("*")) == SLICE_NONE)
		return snapshot_catalogued(s, pattern, found) > 0;
	for (size_t i = 0; i < catalogue_count(s->catalogue); i++) {
		const struct provider *p;

		catalogue_at(s->catalogue, i, &m);
		p = map_get(&s->providers, m.provider);
		if (p != NULL && p->open_ended && name_matches(pattern, m.id) &&
		    !model_retired(&m, s->day))
			return true;
	}
	return false;
}

static bool names_something(const struct snapshot *s, struct slice pattern)
{
	const struct client_key only = { .models = &pattern, .model_n = 1 };

	/* `auto` and such are found but not listed. */
	if (map_get(&s->models, pattern) != NULL)
		return true;
	for (size_t i = 0; i < s->model_n; i++)
		if (client_key_allows(&only, s->model_list[i]->name))
			return true;
	for (size_t i = 0; i < s->provider_n; i++)
		if (reaches_provider(pattern, s->provider_list[i]))
			return true;
	return reaches_catalogue(s, pattern);
}

static void build_key_models(struct builder *b, struct client_key *k, const struct texts *t)
{
	k->models = ARENA_ARRAY(&b->s->arena, struct slice, t->n);
	for (size_t i = 0; k->models != NULL && i < t->n; i++) {
		if (!names_something(b->s, t->v[i].s)) {
			struct slice near = snapshot_suggest(b->s, t->v[i].s);

			problem_add(b->p, t->v[i].at,
				    "models: \"%.*s\" matches no model%s%.*s%s",
				    SARG(t->v[i].s), near.n > 0 ? "; did you mean \"" : "",
				    SARG(near), near.n > 0 ? "\"?" : "");
		}
		k->models[k->model_n++] = arena_copy(&b->s->arena, t->v[i].s);
	}
}

static enum unsupported build_unsupported(uint64_t word)
{
	return word == OPTION_UNSET ? UNSUPPORTED_UNSET
				    : (enum unsupported)(UNSUPPORTED_DROP + word);
}

static void build_key(struct builder *b, const struct config_key *c, struct client_key *k)
{
	struct yaml_place at = c->section.at;
	enum rc rc;

	if (!c->name.given || c->name.s.n == 0)
		problem_add(b->p, at, "a key has no name; add \"name: ...\", for the records");
	if (!c->key.given || c->key.s.n == 0) {
		problem_add(b->p, c->key.given ? c->key.at : at,
			    "the key \"%.*s\" is empty; add \"key: ...\"", SARG(c->name.s));
		return;
	}
	k->name = arena_copy(&b->s->arena, c->name.s);
	rc = snapshot_put_key(b->s, k, c->key.s);
	if (rc == E_REFUSED)
		problem_add(b->p, c->key.at,
			    "the key \"%.*s\" has the same value as another one",
			    SARG(c->name.s));
	build_key_models(b, k, &c->models);
	if (c->access_key_id.s.n > 0) {
		b->s->aws_keys[b->s->signer_n] =
			(struct sigv4_key){ .id = arena_copy(&b->s->arena, c->access_key_id.s),
					    .secret = k->key };
		b->s->signer[b->s->signer_n++] = k;
	}
	k->unsupported = build_unsupported(c->unsupported);
	k->preview = c->preview;
	k->admin = c->admin;
}

static void build_keys(struct builder *b)
{
	const struct sections *keys = &b->c->keys;

	b->s->keys = ARENA_ARRAY(&b->s->arena, struct client_key, keys->n);
	b->s->aws_keys = ARENA_ARRAY(&b->s->arena, struct sigv4_key, keys->n);
	b->s->signer = ARENA_ARRAY(&b->s->arena, const struct client_key *, keys->n);
	if (b->s->keys == NULL || b->s->aws_keys == NULL || b->s->signer == NULL ||
	    !map_init(&b->s->key_by_hash, &b->s->arena, keys->n))
		return;
	b->s->key_seed = b->o->key_seed;
	for (size_t i = 0; i < keys->n; i++) {
		const struct config_key *c = sections_at(keys, i);

		for (size_t j = 0; j < i; j++) {
			const struct config_key *other = sections_at(keys, j);

			if (c->name.given && slice_eq(other->name.s, c->name.s))
				problem_add(b->p, c->name.at,
					    "the name \"%.*s\" is another key's already",
					    SARG(c->name.s));
		}
		build_key(b, c, &b->s->keys[b->s->key_n++]);
	}
}

/* ---- listeners ------------------------------------------------------------------------------
 */

static bool is_loopback(const struct address *a)
{
	char room[160];
	struct sb out;

	sb_init(&out, room, sizeof(room));
	address_print(a, &out);
	return slice_starts(sb_slice(&out), LIT("127.")) ||
	       slice_starts(sb_slice(&out), LIT("[::1]:"));
}

static void check_listener(struct builder *b, size_t i)
{
	const struct config_listen *l = sections_at(&b->c->listen, i);
	struct yaml_place at = l->address.given ? l->address.at : l->section.at;
	struct err err = { .rc = OK };
	struct address address;

	if (config_address(b->c, i, &address, &err) != OK) {
		problem_add(b->p, at, "listen: %s", err.text);
		return;
	}
	if (l->tls.section.given && (!l->tls.cert.given || !l->tls.key.given))
		problem_add(b->p, l->tls.section.at, "tls: needs both cert and key");
	if (b->c->keys.n == 0 && !b->c->allow_anonymous && !is_loopback(&address))
		problem_add(b->p, at,
			    "listen: others could use %.*s without a key; add keys, or "
			    "\"allow_anonymous: true\" if that is meant",
			    SARG(l->address.s));
}

/* Some provider is asked with bytes instead of URLs. */
static bool takes_bytes(const struct snapshot *s)
{
	for (size_t i = 0; i < s->provider_n; i++)
		if (s->provider_list[i]->url.https ||
		    s->provider_list[i]->dialect->takes_urls == 0 ||
		    (s->provider_list[i]->quirks & QUIRK_INLINE_MEDIA))
			return true;
	return false;
}

static void build_media(struct builder *b)
{
	const struct config_media *c = &b->c->media;

	b->s->media = (struct fetch_rules){
		.enabled = c->fetch,
		.bytes_max = c->max_bytes,
		.total_bytes_max = c->max_total,
		.timeout_us = c->timeout,
		.allow_private = c->allow_private,
	};
	/* The authorities take memory: only where they may be needed. */
	if (c->fetch && takes_bytes(b->s))
		b->s->media.tls = build_tls(b, (struct text){ 0 });
}

/* ---- all of it ------------------------------------------------------------------------------
 */

enum rc config_build(struct snapshot **out, const struct config *c,
		     const struct config_build *o, struct problems *p)
{
	struct builder b = { .c = c, .o = o, .p = p };

	b.s = snapshot_new(o->mem, SNAPSHOT_BYTES_MAX);
	if (b.s == NULL)
		return E_NOMEM;
	b.s->unsupported = build_unsupported(c->unsupported);
	b.s->version = o->before == NULL ? 1 : o->before->version + 1;
	b.s->day = o->day;
	build_limits(&b);
	build_rules(&b);
	build_proxy(&b);
	build_catalogue(&b);
	build_providers(&b);
	build_media(&b);
	build_models(&b);
	build_keys(&b);
	for (size_t i = 0; i < c->listen.n; i++)
		check_listener(&b, i);
	if (c->providers.n == 0 && !o->may_be_empty)
		problem_add(p, c->providers.given ? c->providers.at : WHOLE_FILE,
			    "there is no provider; add one, such as \"providers: {openai: "
			    "{}}\"");
	if (b.no_memory || arena_failed(&b.s->arena) || arena_failed(p->a)) {
		snapshot_unref(b.s);
		return E_NOMEM;
	}
	if (p->n > 0) {
		snapshot_unref(b.s);
		return E_BAD;
	}
	*out = b.s;
	return OK;
}
