/* One request, hedged, over two simulated providers, with each of the gateway's allocations
 * failing in turn: whatever fails, the client is answered or its connection ends, and nothing
 * is left over. */
#include "check.h"

#include "gateway/gateway.h"
#include "gateway/metrics.h"
#include "io/sim/sim.h"
#include "mock/mock.h"

#define SECOND 1000000U

enum { PROVIDERS = 2, STEPS_MAX = 1000000, LEARNED = 40 };

struct world {
	struct sim *sim;
	struct loop *gateway_loop, *mock_loop, *client_loop;
	struct address at[PROVIDERS], gateway_at;
	struct mock *mock[PROVIDERS];
	struct snapshot *snapshot;
	struct metrics_shared *metrics;
	struct gateway *gateway;
	struct conn *conn;
	struct slice send;
	char got[1 << 16];
	size_t n;
	bool ended;
};

/* ---- the client -------------------------------------------------------------------------- */

static void on_opened(void *ctx)
{
	struct world *w = ctx;

	CHECK_RC(conn_write(w->conn, &w->send, 1), OK);
}

static void on_data(void *ctx, struct slice bytes)
{
	struct world *w = ctx;

	CHECK(bytes.n < sizeof(w->got) - w->n);
	memcpy(w->got + w->n, bytes.p, bytes.n);
	w->n += bytes.n;
	w->got[w->n] = '\0';
}

static void on_ended(void *ctx, enum rc why UNUSED, const struct err *err UNUSED)
{
	((struct world *)ctx)->ended = true;
}

static const struct conn_events events = { .opened = on_opened,
					   .data = on_data,
					   .ended = on_ended };

/* ---- the world --------------------------------------------------------------------------- */

static struct health *learned(struct world *w)
{
	struct health *h = mem_zero(loop_mem(w->gateway_loop), sizeof(*h));

	CHECK(h != NULL);
	atomic_init(&h->refs, 1);
	for (unsigned i = 0; i < LEARNED; i++)
		health_first_content(h, SECOND / 10, 10, loop_now_us(w->gateway_loop));
	return h;
}

static void add_deployment(struct world *w, unsigned i)
{
	static const char *const urls[PROVIDERS] = { "http://10.0.0.1", "http://10.0.0.2" };
	struct snapshot *s = w->snapshot;
	struct provider *p = ARENA_NEW(&s->arena, struct provider);
	struct deployment *d = ARENA_NEW(&s->arena, struct deployment);

	CHECK_RC(url_read(&p->url, slice_cstr(urls[i]), NULL), OK);
	p->name = slice_cstr(i == 0 ? "p" : "q");
	p->base_path = LIT("/v1");
	/* Two ways of answering: as it comes, and written anew. */
	p->dialect = i == 0 ? &dialect_openai : &dialect_anthropic;
	p->connect_timeout_us = SECOND;
	p->index = i;
	p->headers = ARENA_ARRAY(&s->arena, struct header, 2);
	p->headers[p->header_n++] = (struct header){ LIT("x-api-key"), LIT("k") };
	p->headers[p->header_n++] =
		(struct header){ LIT("anthropic-version"), LIT("2023-06-01") };
	s->provider_list[s->provider_n++] = p;
	d->provider = p;
	d->name = slice_cstr(i == 0 ? "p/x" : "q/x");
	d->model = LIT("x");
	d->model_json = LIT("\"x\"");
	(void)deployment_look_up(d, NULL, 0);
	d->target.priority = i;
	d->target.health = learned(w);
	d->index = i;
	s->deployment_list[s->deployment_n++] = d;
}

static void make_snapshot(struct world *w)
{
	struct snapshot *s = snapshot_new(loop_mem(w->gateway_loop), 1 << 20);
	struct model *m;

	CHECK(s != NULL);
	w->snapshot = s;
	m = ARENA_NEW(&s->arena, struct model);
	s->provider_list = ARENA_ARRAY(&s->arena, struct provider *, PROVIDERS);
	s->deployment_list = ARENA_ARRAY(&s->arena, struct deployment *, PROVIDERS);
	CHECK(map_init(&s->models, &s->arena, 1) && map_init(&s->providers, &s->arena, 1) &&
	      map_init(&s->deployments, &s->arena, 1));
	for (unsigned i = 0; i < PROVIDERS; i++)
		add_deployment(w, i);
	m->name = LIT("m");
	m->deployments = s->deployment_list;
	m->deployment_n = PROVIDERS;
	m->timeouts =
		(struct timeouts){ .first_content_us = 5 * SECOND, .stall_us = 5 * SECOND };
	m->retries = (struct retries){ .attempts = 2 };
	m->hedge = (struct hedge_rules){
		.on = true, .percentile = 900, .count = { .cap = 1 }, .cost = { .cap = 1 }
	};
	CHECK(model_finish(m, &s->arena));
	CHECK(map_put(&s->models, m->name, m));
	s->body_max = s->response_max = s->event_max = 1 << 20;
	s->drain_us = SECOND;
	s->reply_headers = true;
}

static void make_mock(struct world *w, unsigned i, const char *options)
{
	w->at[i] = sim_address(i + 1, 80);
	CHECK_RC(mock_new(&w->mock[i], w->mock_loop, NULL, NULL, NULL), OK);
	CHECK_RC(mock_set(w->mock[i], slice_cstr(options), NULL), OK);
	CHECK_RC(mock_listen(w->mock[i], &w->at[i], NULL, NULL), OK);
}

static void set_up(struct world *w)
{
	struct gateway_options o;
	struct err err = { 0 };

	*w = (struct world){ .sim = sim_new(1) };
	w->gateway_loop = sim_loop(w->sim, "gateway");
	w->mock_loop = sim_loop(w->sim, "mock");
	w->client_loop = sim_loop(w->sim, "client");
	make_mock(w, 0, "ttft=3s&tokens=3");
	make_mock(w, 1, "ttft=10ms&tokens=3");
	make_snapshot(w);
	w->metrics = mem_zero(loop_mem(w->gateway_loop), sizeof(*w->metrics));
	o = (struct gateway_options){ .loop = w->gateway_loop,
				      .snapshot = w->snapshot,
				      .metrics = w->metrics };
	CHECK_RC(gateway_new(&w->gateway, &o, &err), OK);
	w->gateway_at = sim_address(10, 80);
	CHECK_RC(gateway_listen(w->gateway, &w->gateway_at, NULL, &err), OK);
}

static void tear_down(struct world *w)
{
	struct mem *mem = loop_mem(w->gateway_loop);
	struct sim_mem_stats m;

	if (w->conn != NULL)
		conn_close(w->conn, CONN_NOW);
	sim_run(w->sim, NULL, NULL, SECOND, STEPS_MAX);
	CHECK_INT(gateway_open(w->gateway), 0);
	for (unsigned i = 0; i < PROVIDERS; i++) {
		const struct deployment *d = w->snapshot->deployment_list[i];

		CHECK_INT(atomic_load(&d->target.health->inflight), 0);
		CHECK_INT(atomic_load(&d->target.health->breaker.probe_until_us), 0);
	}
	gateway_free(w->gateway);
	snapshot_unref(w->snapshot);
	metrics_shared_free(w->metrics, mem);
	mem_put(mem, w->metrics, sizeof(*w->metrics));
	for (unsigned i = 0; i < PROVIDERS; i++)
		mock_free(w->mock[i]);
	sim_run(w->sim, NULL, NULL, SECOND, STEPS_MAX);
	CHECK_INT(sim_sockets(w->sim), 0);
	sim_mem_stats(w->gateway_loop, &m);
	CHECK_INT(m.live, 0);
	loop_free(w->gateway_loop);
	loop_free(w->mock_loop);
	loop_free(w->client_loop);
	sim_free(w->sim);
}

static bool is_over(void *ctx)
{
	const struct world *w = ctx;

	return w->ended || strstr(w->got, "[DONE]\n\n\r\n0\r\n\r\n") != NULL ||
	       strstr(w->got, "\"error\"") != NULL;
}

/* ---- the tests --------------------------------------------------------------------------- */

static const char request[] =
	"POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nContent-Length: 74\r\n\r\n"
	"{\"model\":\"m\",\"stream\":true,\"messages\":[{\"role\":\"user\",\"content\":"
	"\"hello\"}]}";

/* Returns whether an allocation failed. */
static bool ask_with_failure(uint64_t at, bool *hedged)
{
	struct sim_mem_stats m;
	struct err err = { 0 };
	struct world *w = calloc(1, sizeof(*w));

	CHECK(w != NULL);
	set_up(w);
	w->send = slice_cstr(request);
	CHECK_RC(conn_connect(&w->conn, w->client_loop, &w->gateway_at, NULL,
			      (struct slice){ NULL, 0 }, &events, w, &err),
		 OK);
	sim_mem_fail(w->gateway_loop, at, 0);
	CHECK(sim_run(w->sim, is_over, w, 60 * SECOND, STEPS_MAX) == SIM_DONE);
	sim_mem_fail(w->gateway_loop, 0, 0);
	sim_mem_stats(w->gateway_loop, &m);
	*hedged = atomic_load(&atomic_load(&w->metrics->first)->hedges[HEDGE_WON]) == 1;
	tear_down(w);
	free(w);
	return m.failed > 0;
}

static void a_hedged_request_survives_failing_memory(void **state UNUSED)
{
	unsigned won = 0;
	bool hedged;

	for (uint64_t at = 1; ask_with_failure(at, &hedged); at++) {
		won += hedged;
		CHECK(at < 10000);
	}
	CHECK(hedged); /* the one that met no failure */
	CHECK(won > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_hedged_request_survives_failing_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
