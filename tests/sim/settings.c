/* The gateway's snapshot: three providers, a few models with all kinds of deployment lists. */
#include "harness.h"

#include "wire/json_scan.h"
#include "wire/url.h"

/* So many answers came so late, it is said: what is slower is hedged. */
enum { LEARNED = 40, SLOW_US = 30000 };

static const char *const names[PROVIDERS] = { "alpha", "beta", "gamma" };

static struct tls_client *own_tls(struct run *r, struct snapshot *s)
{
	const struct tls_client_options o = { .ca_file = slice_cstr(r->tls->ca_file),
					      .alpn = LIT("http/1.1") };
	struct snapshot_tls *t = mem_zero(s->arena.mem, sizeof(*t));

	INVARIANT(t != NULL && tls_client_new(&t->tls, &o, NULL) == OK);
	atomic_init(&t->refs, 1);
	s->tls_list = ARENA_ARRAY(&s->arena, struct snapshot_tls *, 1);
	s->tls_list[s->tls_n++] = t;
	return t->tls;
}

static void add_key(struct snapshot *s, struct provider *p, const char *name,
		    const char *secret)
{
	struct kept_breaker *kept = mem_zero(s->arena.mem, sizeof(*kept));

	INVARIANT(kept != NULL);
	atomic_init(&kept->refs, 1);
	p->keys[p->key_n++] =
		(struct provider_key){ .name = slice_cstr(name),
				       .key = secret_make(&s->arena, slice_cstr(secret)),
				       .breaker = &kept->breaker,
				       .weight = 1 };
}

static struct provider *provider(struct run *r, struct snapshot *s, unsigned i)
{
	static const char *const plain[PROVIDERS] = { "http://alpha.example/v1",
						      "http://beta.example:8080/v1",
						      "http://10.0.0.3/v1" };
	struct arena *a = &s->arena;
	struct provider *p = ARENA_NEW(a, struct provider);
	bool tls = i == 0 && r->profile.tls_upstream;

	INVARIANT(url_read(&p->url, slice_cstr(tls ? "https://alpha.example/v1" : plain[i]),
			   NULL) == OK);
	if (tls)
		p->tls = own_tls(r, s);
	p->name = slice_cstr(names[i]);
	p->base_path = LIT("/v1");
	p->dialect = &dialect_openai;
	p->auth_name = LIT("Authorization");
	p->auth_prefix = LIT("Bearer ");
	p->keys = ARENA_ARRAY(a, struct provider_key, 2);
	if (i == 1 && r->profile.bad_key)
		add_key(s, p, "wrong", "sk-wrong");
	add_key(s, p, "right", r->secret[i]);
	p->quirks = i == 2 ? QUIRK_NO_STREAM_OPTIONS : 0;
	p->connect_timeout_us = 2 * SECOND;
	p->open_ended = i == 2;
	p->index = i;
	p->simulated = true;
	INVARIANT(map_put(&s->providers, p->name, p));
	return p;
}

static struct deployment *deployment(struct run *r, struct snapshot *s, const char *name,
				     unsigned provider, unsigned priority, unsigned weight)
{
	struct arena *a = &s->arena;
	struct deployment *d = ARENA_NEW(a, struct deployment);
	struct slice of, model;

	d->provider = s->provider_list[provider];
	d->name = slice_cstr(name);
	INVARIANT(slice_cut(d->name, '/', &of, &model));
	d->model = model;
	d->model_json = json_quote(a, d->model);
	(void)deployment_look_up(d, NULL, 0);
	d->target.priority = priority;
	d->target.weight = weight;
	d->target.health = mem_zero(a->mem, sizeof(*d->target.health));
	INVARIANT(d->target.health != NULL);
	atomic_init(&d->target.health->refs, 1);
	for (unsigned i = 0; i < LEARNED && r->profile.hedges; i++)
		health_first_content(d->target.health, SLOW_US, 10,
				     loop_now_us(r->gateway_loop));
	d->index = (uint32_t)s->deployment_n;
	s->deployment_list[s->deployment_n++] = d;
	INVARIANT(map_put(&s->deployments, d->name, d));
	return d;
}

static void model(struct run *r, struct snapshot *s, const char *name,
		  struct deployment *const *d, size_t n)
{
	struct arena *a = &s->arena;
	struct model *m = ARENA_NEW(a, struct model);
	struct deployment **list = ARENA_ARRAY(a, struct deployment *, n);

	memcpy(list, d, n * sizeof(*d));
	m->name = slice_cstr(name);
	m->deployments = list;
	m->deployment_n = n;
	m->timeouts = s->timeouts;
	m->retries = s->retries;
	m->hedge = (struct hedge_rules){ .on = r->profile.hedges,
					 .percentile = 900,
					 .count = { .cap = 10 },
					 .cost = { .cap = 10 } };
	INVARIANT(model_finish(m, a));
	s->model_list[s->model_n++] = m;
	INVARIANT(map_put(&s->models, m->name, m));
}

static void limits(struct snapshot *s)
{
	s->timeouts = (struct timeouts){ .connect_us = 2 * SECOND,
					 .first_content_us = 10 * SECOND,
					 .stall_us = 5 * SECOND,
					 .total_us = 60 * SECOND };
	s->retries = (struct retries){ .attempts = 4,
				       .backoff_us = SECOND / 5,
				       .backoff_max_us = 2 * SECOND,
				       .retry_after_max_us = 5 * SECOND };
	s->breaker = (struct breaker_rules){ .failures = 5,
					     .open_us = 2 * SECOND,
					     .open_max_us = 10 * SECOND,
					     .rest_max_us = 10 * SECOND };
	s->server = (struct http_server_limits){ .head_bytes = 8192,
						 .arena_bytes = 4 << 20,
						 .head_timeout_us = 10 * SECOND,
						 .body_timeout_us = 10 * SECOND,
						 .idle_timeout_us = 15 * SECOND,
						 .write_timeout_us = 20 * SECOND,
						 .connections = 100,
						 .queue_mark = QUEUE_MARK };
	s->client = (struct http_client_limits){ .head_bytes = 16384,
						 .idle_per_origin = 4,
						 .idle_timeout_us = 20 * SECOND,
						 .dns_ttl_us = 30 * SECOND };
	s->body_max = 100000;
	s->response_max = 1 << 20;
	s->event_max = EVENT_MAX;
	s->access_log = true;
	s->reply_headers = true;
	s->metrics_public = true;
	s->drain_us = 10 * SECOND;
}

static void keys(struct run *r, struct snapshot *s)
{
	struct arena *a = &s->arena;

	s->keys = ARENA_ARRAY(a, struct client_key, CLIENTS_MAX);
	s->key_seed = rng_u64(&r->rng);
	INVARIANT(map_init(&s->key_by_hash, a, CLIENTS_MAX));
	for (unsigned i = 0; i < r->clients; i++) {
		struct client_key *k = &s->keys[s->key_n++];

		k->name = arena_fmt(a, "client%u", i);
		INVARIANT(snapshot_put_key(s, k, slice_cstr(r->client[i].key)) == OK);
	}
}

struct snapshot *settings_new(struct run *r, struct mem *mem)
{
	struct snapshot *s = snapshot_new(mem, 1 << 20);
	struct arena *a = &s->arena;
	struct deployment *d[6];

	limits(s);
	INVARIANT(map_init(&s->models, a, 8) && map_init(&s->providers, a, PROVIDERS) &&
		  map_init(&s->deployments, a, 8));
	s->provider_list = ARENA_ARRAY(a, struct provider *, PROVIDERS);
	s->deployment_list = ARENA_ARRAY(a, struct deployment *, 8);
	s->model_list = ARENA_ARRAY(a, struct model *, 8);
	for (unsigned i = 0; i < PROVIDERS; i++)
		s->provider_list[s->provider_n++] = provider(r, s, i);
	d[0] = deployment(r, s, "alpha/m", 0, 0, 1);
	d[1] = deployment(r, s, "beta/m", 1, 0, 2);
	d[2] = deployment(r, s, "gamma/m", 2, 1, 1);
	d[3] = deployment(r, s, "beta/other", 1, 1, 1);
	model(r, s, "chat", d, 3);
	model(r, s, "solo", d, 1);
	model(r, s, "spill", (struct deployment *const[]){ d[0], d[3], d[2] }, 3);
	keys(r, s);
	s->version = 1;
	INVARIANT(!arena_failed(a));
	return s;
}
