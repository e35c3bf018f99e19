#include "io_conn_two.h"

static void told(struct peer *p)
{
	CHECK(!p->in_call);
	CHECK_INT(p->ended, 0); /* the end is the last word */
}

static void on_opened(void *ctx)
{
	struct peer *p = ctx;

	told(p);
	p->opened++;
}

enum rc peer_say(struct peer *p, struct slice s)
{
	enum rc rc;

	p->in_call = true;
	rc = conn_write(p->conn, &s, 1);
	p->in_call = false;
	return rc;
}

static void on_data(void *ctx, struct slice bytes)
{
	struct peer *p = ctx;

	told(p);
	CHECK(bytes.n > 0 && p->n + bytes.n <= TEXT_MAX);
	memcpy(p->got + p->n, bytes.p, bytes.n);
	p->n += bytes.n;
	p->pieces++;
	if (p->echo) {
		(void)peer_say(p, bytes);
		/* What was read stays as it was while its bytes are written. */
		CHECK(memcmp(p->got + p->n - bytes.n, bytes.p, bytes.n) == 0);
	}
	if (p->pause_after_piece)
		conn_pause(p->conn);
	if (p->close_in_data) {
		conn_close(p->conn, p->close_how);
		p->conn = NULL;
	}
}

static void on_drained(void *ctx)
{
	struct peer *p = ctx;

	told(p);
	CHECK_INT(conn_queued(p->conn), 0);
	p->drained++;
}

static void on_ended(void *ctx, enum rc why, const struct err *err)
{
	struct peer *p = ctx;

	told(p);
	p->ended++;
	p->why = why;
	CHECK_RC(err->rc, why);
	(void)snprintf(p->id, sizeof(p->id), "%s", err->id);
}

const struct conn_events peer_events = {
	.opened = on_opened,
	.data = on_data,
	.drained = on_drained,
	.ended = on_ended,
};

static void on_accept(void *ctx, struct conn *c)
{
	struct two *t = ctx;

	if (t->accepted++ > 0) {
		conn_close(c, CONN_NOW);
		return;
	}
	t->server.conn = c;
	conn_listen(c, &peer_events, &t->server);
}

void two_settle(struct two *t)
{
	CHECK_INT(sim_run(t->sim, NULL, NULL, 3600 * (uint64_t)SECOND, STEPS_MAX), SIM_QUIET);
}

void two_after(struct two *t, uint64_t us)
{
	enum sim_stop s = sim_run(t->sim, NULL, NULL, us, STEPS_MAX);

	CHECK(s == SIM_QUIET || s == SIM_LATE);
}

void two_begin_tls(struct two *t, uint64_t seed, const struct sim_faults *f,
		   const struct tls_pair *tls)
{
	*t = (struct two){ .at = sim_address(1, 80) };
	if (tls != NULL) {
		t->tls_client = tls->client;
		t->tls_server = tls->server;
	}
	t->sim = sim_new(seed);
	t->client.loop = sim_loop(t->sim, "client");
	t->server.loop = sim_loop(t->sim, "server");
	t->client.got = malloc(TEXT_MAX);
	t->server.got = malloc(TEXT_MAX);
	sim_faults(t->sim, f);
	CHECK_RC(listener_open(&t->listener, t->server.loop, &t->at, t->tls_server, on_accept,
			       t, NULL),
		 OK);
	CHECK_RC(conn_connect(&t->client.conn, t->client.loop, &t->at, t->tls_client,
			      LIT("sim.example"), &peer_events, &t->client, NULL),
		 OK);
}

void two_begin(struct two *t, uint64_t seed, const struct sim_faults *f)
{
	two_begin_tls(t, seed, f, NULL);
}

void two_join(struct two *t, uint64_t seed, const struct sim_faults *f)
{
	two_begin(t, seed, f);
	two_settle(t);
	CHECK_INT(t->client.opened, 1);
	CHECK_INT(t->accepted, 1);
}

void small_windows(struct sim_faults *f)
{
	*f = sim_kind;
	f->window_min = 1000;
	f->window_max = 5000;
	f->short_read = f->short_write = 0.3;
}

static void end_peer(struct peer *p)
{
	struct sim_mem_stats m;

	sim_mem_stats(p->loop, &m);
	CHECK_INT(m.live, 0);
	loop_free(p->loop);
	free(p->got);
}

void two_end(struct two *t)
{
	if (t->client.conn != NULL)
		conn_close(t->client.conn, CONN_NOW);
	if (t->server.conn != NULL)
		conn_close(t->server.conn, CONN_NOW);
	if (t->listener != NULL)
		listener_close(t->listener);
	two_settle(t);
	CHECK_INT(sim_sockets(t->sim), 0);
	end_peer(&t->client);
	end_peer(&t->server);
	sim_free(t->sim);
}

char *letters(size_t n)
{
	char *p = malloc(n);

	for (size_t i = 0; i < n; i++)
		p[i] = (char)('a' + (i * 7 + i / 256) % 26);
	return p;
}

void peer_close(struct peer *p, enum conn_close how)
{
	conn_close(p->conn, how);
	p->conn = NULL;
}

void two_sweep_memory(const struct tls_pair *tls)
{
	struct sim_faults f;
	char *text = letters(20000);
	bool met = true;

	small_windows(&f);
	for (uint64_t at = 1; met; at++) {
		struct sim_mem_stats a, b;
		struct two t = { .at = sim_address(1, 80) };

		t.sim = sim_new(at);
		t.client.loop = sim_loop(t.sim, "client");
		t.server.loop = sim_loop(t.sim, "server");
		t.client.got = malloc(TEXT_MAX);
		t.server.got = malloc(TEXT_MAX);
		sim_faults(t.sim, &f);
		sim_mem_fail(t.client.loop, at, 0);
		sim_mem_fail(t.server.loop, at, 0);
		t.server.echo = true;
		if (listener_open(&t.listener, t.server.loop, &t.at,
				  tls != NULL ? tls->server : NULL, on_accept, &t, NULL) != OK)
			t.listener = NULL;
		if (conn_connect(&t.client.conn, t.client.loop, &t.at,
				 tls != NULL ? tls->client : NULL, LIT("sim.example"),
				 &peer_events, &t.client, NULL) != OK)
			t.client.conn = NULL;
		two_settle(&t);
		if (t.client.opened && !t.client.ended)
			(void)peer_say(&t.client, slice_of(text, 20000));
		two_settle(&t);
		CHECK(memcmp(t.server.got, text, t.server.n) == 0);
		CHECK(memcmp(t.client.got, text, t.client.n) == 0);
		sim_mem_stats(t.client.loop, &a);
		sim_mem_stats(t.server.loop, &b);
		met = a.failed + b.failed > 0;
		if (!met)
			CHECK_INT(t.client.n, 20000);
		two_end(&t);
	}
	free(text);
}

void two_chatter(uint64_t seed, const struct tls_pair *tls)
{
	struct sim_faults f = { .connect_refused = 0.05,
				.connect_hang = 0.02,
				.accept_full = 0.2,
				.accept_lost = 0.05,
				.reset = 0.2,
				.end = 0.2,
				.stall = 0.1,
				.slow = 0.1,
				.short_read = 0.3,
				.short_write = 0.3,
				.cut_bytes = 30000,
				.stall_us = 20 * SECOND,
				.slow_rate = 3000,
				.latency_min_us = 10,
				.latency_max_us = 3000,
				.window_min = 10,
				.window_max = 9000 };
	char *text = letters(20000);
	struct two t;
	struct rng *r;
	size_t sent = 0;

	two_begin_tls(&t, seed, &f, tls);
	r = sim_rng(t.sim);
	t.server.echo = rng_chance(r, 0.7);
	t.server.close_in_data = rng_chance(r, 0.2);
	t.server.close_how = (enum conn_close)rng_below(r, 4);
	two_after(&t, rng_below(r, SECOND));
	for (int i = 0; i < 5 && t.client.opened && !t.client.ended; i++) {
		size_t n = rng_below(r, 4001);

		if (peer_say(&t.client, slice_of(text + sent, n)) != OK)
			break;
		sent += n;
		two_after(&t, rng_below(r, SECOND));
		if (rng_chance(r, 0.1) && t.server.conn != NULL)
			conn_pause(t.server.conn);
	}
	two_after(&t, rng_below(r, 10 * SECOND));
	if (rng_chance(r, 0.5))
		peer_close(&t.client, (enum conn_close)rng_below(r, 4));
	two_after(&t, 100 * SECOND);
	CHECK(memcmp(t.server.got, text, t.server.n) == 0);
	CHECK(memcmp(t.client.got, text, t.client.n) == 0);
	CHECK(t.client.ended <= 1 && t.server.ended <= 1);
	two_end(&t);
	free(text);
}
