#include "gateway_stage.h"

#include "base/sb.h"

const char content[] = "{\"choices\":[{\"delta\":{\"content\":\"hello\"}}]}";
const char finish[] = "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}";
const char plain[] = "{\"choices\":[{\"message\":{\"content\":\"hello\"}}]}";

static void on_accept(void *ctx, struct conn *c)
{
	struct stage_provider *p = ctx;

	CHECK(p->served_n < SERVED_MAX);
	peer_take(&p->served[p->served_n++], &p->stage->w, c);
}

static uint64_t log_wall(struct log *l)
{
	return loop_wall_us(CONTAINER_OF(l, struct stage, log)->w.l);
}

static void log_write(struct log *l, enum log_level level UNUSED, struct slice line)
{
	struct stage *s = CONTAINER_OF(l, struct stage, log);

	CHECK(line.n < STAGE_LOG_MAX - s->text_n);
	memcpy(s->text + s->text_n, line.p, line.n);
	s->text_n += line.n;
	s->text[s->text_n] = '\0';
}

/* ---- settings ---------------------------------------------------------------------------- */

static struct health *new_health(struct snapshot *n)
{
	struct health *h = mem_zero(n->arena.mem, sizeof(*h));

	CHECK(h != NULL);
	atomic_init(&h->refs, 1);
	return h;
}

static struct provider *add_provider(struct snapshot *n, const char *name,
				     const struct address *at)
{
	struct provider *p = ARENA_NEW(&n->arena, struct provider);
	char url[80];
	struct sb out;

	sb_init(&out, url, sizeof(url));
	sb_lit(&out, "http://");
	address_print(at, &out);
	CHECK_RC(url_read(&p->url, arena_copy(&n->arena, sb_slice(&out)), NULL), OK);
	p->name = slice_cstr(name);
	p->base_path = LIT("/v1");
	p->dialect = &dialect_openai;
	p->open_ended = true;
	p->connect_timeout_us = SECOND_US;
	p->health = new_health(n);
	p->index = (uint32_t)n->provider_n;
	CHECK(map_put(&n->providers, p->name, p));
	n->provider_list[n->provider_n++] = p;
	return p;
}

static struct deployment *add_deployment(struct snapshot *n, struct provider *p)
{
	struct deployment *d = ARENA_NEW(&n->arena, struct deployment);

	d->provider = p;
	d->name = arena_fmt(&n->arena, "%.*s/x", SARG(p->name));
	d->model = LIT("x");
	d->model_json = LIT("\"x\"");
	(void)deployment_look_up(d, NULL, 0);
	d->target.priority = p->index;
	d->target.health = new_health(n);
	d->index = (uint32_t)n->deployment_n;
	n->deployment_list[n->deployment_n++] = d;
	CHECK(map_put(&n->deployments, d->name, d));
	return d;
}

static struct model *add_model(struct snapshot *n, const char *name, size_t deployments)
{
	struct model *m = ARENA_NEW(&n->arena, struct model);

	m->name = slice_cstr(name);
	m->owned_by = m->name;
	m->deployments = n->deployment_list;
	m->deployment_n = deployments;
	m->timeouts = n->timeouts;
	m->retries = n->retries;
	CHECK(deployments == 0 || model_finish(m, &n->arena));
	CHECK(map_put(&n->models, m->name, m));
	return m;
}

struct snapshot *stage_settings(struct stage *s)
{
	static const char *const names[STAGE_PROVIDERS] = { "p", "q", "r" };
	struct snapshot *n = snapshot_new(loop_mem(s->w.l), 1 << 20);
	struct model *m;

	CHECK(n != NULL);
	n->provider_list = ARENA_ARRAY(&n->arena, struct provider *, STAGE_PROVIDERS);
	n->deployment_list = ARENA_ARRAY(&n->arena, struct deployment *, STAGE_PROVIDERS);
	CHECK(map_init(&n->models, &n->arena, 2) &&
	      map_init(&n->providers, &n->arena, STAGE_PROVIDERS) &&
	      map_init(&n->deployments, &n->arena, STAGE_PROVIDERS));
	n->timeouts = (struct timeouts){ .first_content_us = 5 * SECOND_US,
					 .stall_us = 5 * SECOND_US };
	n->retries = (struct retries){ .attempts = 1, .retry_after_max_us = SECOND_US };
	n->breaker = (struct breaker_rules){ .failures = 1,
					     .open_us = SECOND_US,
					     .open_max_us = 10 * SECOND_US,
					     .rest_max_us = 10 * SECOND_US };
	n->body_max = n->response_max = n->event_max = 1 << 20;
	n->drain_us = 2 * SECOND_US;
	n->access_log = true;
	for (size_t i = 0; i < STAGE_PROVIDERS; i++) {
		struct provider *p = add_provider(n, names[i], &s->of[i].at);
		struct deployment *d = add_deployment(n, p);

		if (s->snapshot == NULL) {
			s->of[i].provider = p;
			s->of[i].deployment = d;
		}
	}
	(void)add_model(n, "p/listed", 0);
	m = add_model(n, "all", STAGE_PROVIDERS);
	if (s->snapshot == NULL)
		s->model = m;
	return n;
}

void stage_begin(struct stage *s)
{
	struct err err = { 0 };
	struct gateway_options o = { 0 };

	memset(s, 0, sizeof(*s));
	clockwork_begin(&s->w);
	for (size_t i = 0; i < STAGE_PROVIDERS; i++) {
		struct stage_provider *p = &s->of[i];

		p->stage = s;
		CHECK_RC(address_read(&p->at, LIT("127.0.0.1"), 0), OK);
		CHECK_RC(listener_open(&p->listener, s->w.l, &p->at, NULL, on_accept, p, &err),
			 OK);
		listener_local(p->listener, &p->at);
	}
	s->snapshot = stage_settings(s);
	s->log = (struct log){ LOG_INFO, LOG_LOGFMT, log_wall, log_write };
	o = (struct gateway_options){ s->w.l, s->snapshot, &s->log, &s->metrics };
	CHECK_RC(gateway_new(&s->gateway, &o, &err), OK);
	CHECK_RC(address_read(&s->at, LIT("127.0.0.1"), 0), OK);
	CHECK_RC(gateway_listen(s->gateway, &s->at, NULL, &err), OK);
	gateway_address(s->gateway, 0, &s->at);
	peer_connect(&s->client, &s->w, &s->at);
}

void stage_end(struct stage *s)
{
	struct mem *mem = loop_mem(s->w.l);

	peer_close(&s->client, CONN_NOW);
	gateway_free(s->gateway);
	for (size_t i = 0; i < STAGE_PROVIDERS; i++) {
		struct stage_provider *p = &s->of[i];

		/* Whoever began has ended, however it was. */
		CHECK_INT(atomic_load(&p->deployment->target.health->inflight), 0);
		listener_close(p->listener);
		for (size_t k = 0; k < p->served_n; k++)
			peer_close(&p->served[k], CONN_NOW);
	}
	snapshot_unref(s->snapshot);
	metrics_shared_free(&s->metrics, mem);
	clockwork_end(&s->w);
}

/* ---- what is played ---------------------------------------------------------------------- */

void say(struct peer *p, const char *text)
{
	peer_say(p, slice_cstr(text));
}

void ask_for(struct stage *s, const char *model, bool stream)
{
	char text[400], body[200];

	peer_forget(&s->client);
	snprintf(body, sizeof(body), "{\"model\":\"%s\"%s}", model,
		 stream ? ",\"stream\":true" : "");
	snprintf(text, sizeof(text),
		 "POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nContent-Length: "
		 "%zu\r\n\r\n%s",
		 strlen(body), body);
	say(&s->client, text);
}

void ask(struct stage *s, bool stream)
{
	ask_for(s, "p/x", stream);
}

struct peer *served(struct stage *s, unsigned provider, size_t i)
{
	struct stage_provider *p = &s->of[provider];

	while (p->served_n <= i)
		tick(&s->w);
	peer_await(&p->served[i], "\r\n\r\n{");
	peer_forget(&p->served[i]);
	return &p->served[i];
}

struct peer *provider(struct stage *s, size_t i)
{
	return served(s, 0, i);
}

void answer(struct peer *p, const char *status, const char *headers, const char *body)
{
	char text[2048];

	snprintf(text, sizeof(text), "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", status,
		 headers, strlen(body), body);
	say(p, text);
}

void begin_stream(struct peer *p)
{
	say(p, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
	       "Transfer-Encoding: chunked\r\n\r\n");
}

void event(struct peer *p, const char *data)
{
	char *text = malloc(strlen(data) + 64);

	CHECK(text != NULL);
	snprintf(text, strlen(data) + 64, "%zx\r\ndata: %s\n\n\r\n", strlen(data) + 8, data);
	say(p, text);
	free(text);
}

void flood(struct stage *s, struct peer *p, uint64_t us)
{
	uint64_t until = loop_now_us(s->w.l) + us;
	static char data[8192];

	snprintf(data, sizeof(data), "{\"choices\":[{\"delta\":{\"content\":\"%08000d\"}}]}",
		 0);
	while (loop_now_us(s->w.l) < until) {
		if (!p->ended && conn_queued(p->c) < 65536)
			event(p, data);
		pass(&s->w, us / 40);
	}
}

/* ---- what is looked at ------------------------------------------------------------------- */

void check_logged(const struct stage *s, const char *what)
{
	if (strstr(s->text, what) == NULL) {
		print_error("no \"%s\" in the log:\n%s\n", what, s->text);
		fail();
	}
}

void check_not_logged(const struct stage *s, const char *what)
{
	if (strstr(s->text, what) != NULL) {
		print_error("\"%s\" is in the log:\n%s\n", what, s->text);
		fail();
	}
}

const char *last_logged(const struct stage *s, const char *event)
{
	const char *last = "";
	char word[64];

	snprintf(word, sizeof(word), "event=%s", event);
	for (const char *at = s->text; (at = strstr(at, word)) != NULL; at++)
		last = at;
	return last;
}
