#include "gateway/gateway.h"

#include "gateway/gateway_impl.h"
#include "io/files.h"

#define TICK_US 1000000

/* At the end of a drain: for last words to leave, before connections are closed. */
#define LAST_WORDS_US 1000000

/* Exchanges at once from which on there is something to give back. */
enum { TRIM_PEAK = 200 };

static void publish(struct gateway *g)
{
	const struct http_server_stats *s = http_server_stats(g->server);
	const struct http_client_stats *c = http_client_stats(g->client);
	counter *sum = g->metrics->sums;

	count_set(&sum[SUM_CLIENT_BYTES_IN], s->bytes_in);
	count_set(&sum[SUM_CLIENT_BYTES_OUT], s->bytes_out);
	count_set(&sum[SUM_UPSTREAM_BYTES_IN], c->bytes_in);
	count_set(&sum[SUM_UPSTREAM_BYTES_OUT], c->bytes_out);
	count_set(&sum[SUM_HTTP_REFUSED], s->refused);
	count_set(&sum[SUM_CONNECTIONS], s->connections);
	count_set(&sum[SUM_EXCHANGES], g->open);
	count_set(&sum[SUM_STREAMS], g->streams);
	count_set(&sum[SUM_POOL_IDLE], c->idle);
	count_set(&sum[SUM_POOL_BUSY], c->busy);
	count_set(&sum[SUM_POOL_WAITING], c->waiting);
	count_set(&sum[SUM_POOL_OPENED], c->opened);
	count_set(&sum[SUM_POOL_REUSED], c->reused);
	count_set(&sum[SUM_POOL_RESENT], c->resent);
	count_set(&sum[SUM_LOOP_LAG_US], loop_take_lag_us(g->loop));
}

/* Memory is held for the next request while there is work, and goes back to the system after a
 * peak of many exchanges and when none has been left. */
static void trim(struct gateway *g)
{
	bool idle = g->open == 0 && g->used;

	if (g->open > g->peak)
		g->peak = g->open;
	if (!idle && (g->peak < TRIM_PEAK || g->open > g->peak / 4))
		return;
	g->peak = g->open;
	g->used = false;
	system_mem_trim();
}

static void on_tick(struct timer *t)
{
	struct gateway *g = CONTAINER_OF(t, struct gateway, tick);

	publish(g);
	trim(g);
	timer_set(t, TICK_US);
}

static void cut_all(struct gateway *g)
{
	struct link *l, *next;

	for (l = g->exchanges.next; l != &g->exchanges; l = next) {
		next = l->next;
		exchange_cut(CONTAINER_OF(l, struct exchange, link));
	}
}

static void on_drain_over(struct timer *t)
{
	struct gateway *g = CONTAINER_OF(t, struct gateway, drain_timer);

	if (g->cut) {
		/* What is left are clients that do not read their end, or trickle a request. */
		http_server_cut(g->server);
		return;
	}
	g->cut = true;
	log_event(g->log, LOG_WARN, "drain.cut", F_U64("exchanges", g->open),
		  F_U64("connections", http_server_stats(g->server)->connections));
	cut_all(g);
	timer_set(t, LAST_WORDS_US);
}

enum rc gateway_new(struct gateway **out, const struct gateway_options *o, struct err *err)
{
	struct mem *mem = loop_mem(o->loop);
	struct gateway *g = mem_zero(mem, sizeof(*g));
	struct snapshot *s = o->snapshot;
	uint64_t seed = 0;
	enum rc rc;

	if (g == NULL)
		return err_nomem(err, "gateway.new");
	g->loop = o->loop;
	g->mem = mem;
	g->log = o->log;
	g->shared = o->metrics;
	g->decisions_shared = o->decisions;
	g->plans_only = o->plans_only;
	list_init(&g->exchanges);
	timer_init(&g->tick, g->loop, on_tick);
	timer_init(&g->drain_timer, g->loop, on_drain_over);
	loop_random(g->loop, &seed, sizeof(seed));
	rng_seed(&g->rng, seed);
	g->id_base = rng_u64(&g->rng);
	g->metrics = metrics_new(g->shared, mem);
	if (o->decisions != NULL)
		g->decisions = decisions_new(o->decisions, mem);
	rc = g->metrics == NULL || (o->decisions != NULL && g->decisions == NULL)
		     ? err_nomem(err, "gateway.new")
		     : OK;
	if (rc == OK)
		rc = http_client_new(&g->client, g->loop, &s->client, g->log, err);
	if (rc == OK)
		rc = http_server_new(&g->server, g->loop, &s->server, &gateway_handler, g,
				     g->log, err);
	if (rc == OK)
		rc = view_new(&g->view, s, g->client, g->metrics, mem, err);
	if (rc != OK) {
		gateway_free(g);
		return rc;
	}
	timer_set(&g->tick, TICK_US);
	*out = g;
	return OK;
}

enum rc gateway_listen(struct gateway *g, const struct address *at, struct tls_server *tls,
		       struct err *err)
{
	return http_server_listen(g->server, at, tls, err);
}

void gateway_address(const struct gateway *g, size_t i, struct address *out)
{
	http_server_address(g->server, i, out);
}

void gateway_swap(struct gateway *g, struct snapshot *s)
{
	struct err err = { 0 };
	struct view *v;

	if (view_new(&v, s, g->client, g->metrics, g->mem, &err) != OK) {
		log_event(g->log, LOG_ERROR, "reload.failed", F_CSTR("why", err.text));
		return;
	}
	view_unref(g->view);
	g->view = v;
	http_server_set_limits(g->server, &s->server);
	http_client_set_limits(g->client, &s->client);
}

static void server_drained(void *ctx)
{
	struct gateway *g = ctx;

	timer_stop(&g->drain_timer);
	if (g->drained != NULL)
		g->drained(g->drained_ctx);
}

void gateway_drain(struct gateway *g, void (*done)(void *ctx), void *ctx)
{
	g->draining = true;
	g->drained = done;
	g->drained_ctx = ctx;
	timer_set(&g->drain_timer, g->view->snapshot->drain_us);
	http_server_drain(g->server, server_drained, g);
}

void gateway_free(struct gateway *g)
{
	/* Open requests are told `gone`, which ends their exchanges. */
	if (g->server != NULL)
		http_server_free(g->server);
	INVARIANT(g->open == 0);
	view_unref(g->view);
	if (g->client != NULL)
		http_client_free(g->client);
	timer_done(&g->tick);
	timer_done(&g->drain_timer);
	mem_put(g->mem, g, sizeof(*g));
}

size_t gateway_open(const struct gateway *g)
{
	return g->open;
}
