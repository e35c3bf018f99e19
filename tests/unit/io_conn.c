#include "cert.h"
#include "check.h"

#include "base/rng.h"
#include "io/conn.h"
#include "io/sim/sim.h"
#include "io/tls.h"

#define SECOND    1000000U
#define STEPS_MAX 1000000U

enum { TEXT_MAX = 4 << 20 };

/* One end of a stream, and what it was told. */
struct peer {
	struct conn *conn;
	struct loop *loop;
	char *got; /* TEXT_MAX */
	size_t n;
	unsigned opened, drained, ended, pieces;
	enum rc why;
	char id[40];
	bool echo;
	bool pause_after_piece;
	bool close_in_data;
	enum conn_close close_how;
	bool in_call; /* io was called: nothing may be told from inside */
};

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

static enum rc say(struct peer *p, struct slice s)
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
		(void)say(p, bytes);
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

static const struct conn_events events = {
	.opened = on_opened,
	.data = on_data,
	.drained = on_drained,
	.ended = on_ended,
};

struct two {
	struct sim *sim;
	struct address at;
	struct listener *listener;
	struct peer client, server;
	size_t accepted;
	struct tls_client *tls_client; /* NULL: plain */
	struct tls_server *tls_server;
};

static void on_accept(void *ctx, struct conn *c)
{
	struct two *t = ctx;

	if (t->accepted++ > 0) {
		conn_close(c, CONN_NOW);
		return;
	}
	t->server.conn = c;
	conn_listen(c, &events, &t->server);
}

static void settle(struct two *t)
{
	CHECK_INT(sim_run(t->sim, NULL, NULL, 3600 * (uint64_t)SECOND, STEPS_MAX), SIM_QUIET);
}

static void after(struct two *t, uint64_t us)
{
	enum sim_stop s = sim_run(t->sim, NULL, NULL, us, STEPS_MAX);

	CHECK(s == SIM_QUIET || s == SIM_LATE);
}

/* What TLS tests share: the library is slow to set up. */
struct tls_pair {
	struct cert cert;
	struct tls_client *client;
	struct tls_server *server;
};

static void begin_tls(struct two *t, uint64_t seed, const struct sim_faults *f,
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
			      LIT("sim.example"), &events, &t->client, NULL),
		 OK);
}

static void begin(struct two *t, uint64_t seed, const struct sim_faults *f)
{
	begin_tls(t, seed, f, NULL);
}

static void join(struct two *t, uint64_t seed, const struct sim_faults *f)
{
	begin(t, seed, f);
	settle(t);
	CHECK_INT(t->client.opened, 1);
	CHECK_INT(t->accepted, 1);
}

static void small_windows(struct sim_faults *f)
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

static void end(struct two *t)
{
	if (t->client.conn != NULL)
		conn_close(t->client.conn, CONN_NOW);
	if (t->server.conn != NULL)
		conn_close(t->server.conn, CONN_NOW);
	if (t->listener != NULL)
		listener_close(t->listener);
	settle(t);
	CHECK_INT(sim_sockets(t->sim), 0);
	end_peer(&t->client);
	end_peer(&t->server);
	sim_free(t->sim);
}

static char *letters(size_t n)
{
	char *p = malloc(n);

	for (size_t i = 0; i < n; i++)
		p[i] = (char)('a' + (i * 7 + i / 256) % 26);
	return p;
}

static void close_it(struct peer *p, enum conn_close how)
{
	conn_close(p->conn, how);
	p->conn = NULL;
}

/* ---- reading and writing ----------------------------------------------------- */

static void what_is_said_comes_back(void **state UNUSED)
{
	struct sim_faults f;
	struct two t;
	char *text = letters(100000);

	small_windows(&f);
	for (uint64_t seed = 1; seed < 20; seed++) {
		join(&t, seed, &f);
		t.server.echo = true;
		CHECK_RC(say(&t.client, slice_of(text, 100000)), OK);
		CHECK(conn_queued(t.client.conn) > 90000);
		settle(&t);
		CHECK_INT(conn_queued(t.client.conn), 0);
		CHECK_INT(t.client.drained, 1);
		CHECK_INT(t.client.n, 100000);
		CHECK(memcmp(t.client.got, text, 100000) == 0);
		CHECK_INT(conn_bytes_out(t.client.conn), 100000);
		CHECK_INT(conn_bytes_in(t.client.conn), 100000);
		CHECK_INT(conn_bytes_out(t.server.conn), 100000);
		end(&t);
	}
	free(text);
}

static void an_idle_connection_holds_nothing_but_itself(void **state UNUSED)
{
	struct sim_mem_stats before, now;
	struct sim_faults f;
	struct two t;
	char *text = letters(100000);

	small_windows(&f);
	join(&t, 1, &f);
	sim_mem_stats(t.client.loop, &before);
	CHECK_RC(say(&t.client, slice_of(text, 100000)), OK);
	sim_mem_stats(t.client.loop, &now);
	CHECK(now.live > before.live);
	settle(&t);
	sim_mem_stats(t.client.loop, &now);
	CHECK_INT(now.live, before.live);
	end(&t);
	free(text);
}

static void pieces_leave_in_their_order(void **state UNUSED)
{
	const struct slice v[] = { LIT("one "), LIT(""), LIT("two "), LIT("three") };
	struct two t;

	join(&t, 1, &sim_kind);
	CHECK_RC(conn_write(t.client.conn, v, ARRAY_LEN(v)), OK);
	CHECK_RC(conn_write(t.client.conn, v, 0), OK);
	CHECK_RC(say(&t.client, LIT("!")), OK);
	settle(&t);
	CHECK_SLICE(slice_of(t.server.got, t.server.n), "one two three!");
	CHECK_INT(t.client.drained, 0); /* nothing ever stood in line */
	end(&t);
}

static void the_queue_has_a_maximum_and_refuses_whole(void **state UNUSED)
{
	struct sim_faults f;
	struct two t;
	char *text = letters(CONN_QUEUE_MAX);
	size_t taken = 0;
	enum rc rc = OK;

	small_windows(&f);
	join(&t, 1, &f);
	conn_pause(t.server.conn);
	while (rc == OK) {
		CHECK(conn_queued(t.client.conn) <= CONN_QUEUE_MAX);
		rc = say(&t.client, slice_of(text, 70000));
		taken += rc == OK ? 70000 : 0;
		CHECK(taken < 2 * CONN_QUEUE_MAX);
	}
	CHECK_RC(rc, E_TOOBIG);
	settle(&t);
	CHECK_INT(t.server.n, 0);
	conn_resume(t.server.conn);
	settle(&t);
	CHECK_INT(t.server.n, taken);
	end(&t);
	free(text);
}

static void words_before_the_connection_stands_wait_for_it(void **state UNUSED)
{
	struct two t;

	begin(&t, 1, &sim_kind);
	CHECK_RC(say(&t.client, LIT("early")), OK);
	CHECK_INT(conn_queued(t.client.conn), 5);
	settle(&t);
	CHECK_SLICE(slice_of(t.server.got, t.server.n), "early");
	end(&t);
}

static void borrowed_bytes_are_not_copied(void **state UNUSED)
{
	struct sim_mem_stats before, now;
	struct sim_faults f;
	struct two t;
	size_t n = 3 << 20;
	char *text = letters(n);

	small_windows(&f);
	f.window_max = 60000;
	for (uint64_t seed = 1; seed < 4; seed++) {
		struct slice v[] = { { text, 10 },
				     { text, 0 },
				     { text + 10, 100000 },
				     { text + 100010, n - 100010 } };

		join(&t, seed, &f);
		CHECK_RC(say(&t.client, LIT("head ")), OK);
		sim_mem_stats(t.client.loop, &before);
		t.client.in_call = true;
		CHECK_RC(conn_write_borrowed(t.client.conn, v, ARRAY_LEN(v)), OK);
		t.client.in_call = false;
		CHECK(conn_queued(t.client.conn) > CONN_QUEUE_MAX);
		sim_mem_stats(t.client.loop, &now);
		CHECK(now.live - before.live < 1000);
		settle(&t);
		CHECK_INT(conn_queued(t.client.conn), 0);
		CHECK_INT(t.client.drained, 1);
		CHECK_INT(t.server.n, n + 5);
		CHECK(memcmp(t.server.got + 5, text, n) == 0);
		end(&t);
	}
	free(text);
}

static void borrowed_bytes_that_are_given_back_cut_the_stream(void **state UNUSED)
{
	struct sim_faults f;
	struct two t;
	char *text = letters(100000);
	struct slice v = { text, 100000 };

	small_windows(&f);
	join(&t, 1, &f);
	CHECK_RC(conn_write_borrowed(t.client.conn, &v, 1), OK);
	close_it(&t.client, CONN_FLUSH);
	free(text); /* a read of it would be seen */
	settle(&t);
	CHECK_RC(t.server.why, E_RESET);
	CHECK(t.server.n < 100000);
	end(&t);
}

static void a_body_is_read_right_where_it_belongs(void **state UNUSED)
{
	struct two t;
	char *text = letters(10000);
	char body[6000];

	join(&t, 1, &sim_kind);
	conn_read_into(t.server.conn, body, sizeof(body));
	CHECK_RC(say(&t.client, slice_of(text, 10000)), OK);
	settle(&t);
	CHECK_INT(t.server.n, 10000);
	CHECK(memcmp(t.server.got, text, 10000) == 0);
	CHECK(memcmp(body, text, sizeof(body)) == 0);
	CHECK(t.server.pieces >= 2);
	/* and with 0 it ends early */
	memset(body, 0, sizeof(body));
	conn_read_into(t.server.conn, body, sizeof(body));
	conn_read_into(t.server.conn, NULL, 0);
	CHECK_RC(say(&t.client, LIT("x")), OK);
	settle(&t);
	CHECK_INT(t.server.n, 10001);
	CHECK_INT(body[0], 0);
	end(&t);
	free(text);
}

static void a_paused_reader_hears_nothing_until_it_resumes(void **state UNUSED)
{
	struct two t;

	join(&t, 1, &sim_kind);
	conn_pause(t.server.conn);
	CHECK_RC(say(&t.client, LIT("hello")), OK);
	close_it(&t.client, CONN_FLUSH);
	settle(&t);
	CHECK_INT(t.server.n, 0);
	CHECK_INT(t.server.ended, 0);
	t.server.in_call = true;
	conn_resume(t.server.conn);
	t.server.in_call = false;
	settle(&t);
	CHECK_SLICE(slice_of(t.server.got, t.server.n), "hello");
	CHECK_INT(t.server.ended, 1);
	CHECK_RC(t.server.why, E_CLOSED);
	end(&t);
}

static void pausing_takes_effect_within_one_readiness(void **state UNUSED)
{
	struct sim_faults f = sim_kind;
	struct two t;
	char *text = letters(1 << 20);

	f.window_min = f.window_max = 1 << 20;
	join(&t, 1, &f);
	t.server.pause_after_piece = true;
	CHECK_RC(say(&t.client, slice_of(text, 1 << 20)), OK);
	settle(&t);
	CHECK_INT(t.server.pieces, 1);
	CHECK(t.server.n <= CONN_READ_BYTES);
	end(&t);
	free(text);
}

/* X8: the small one's word does not wait for the whole of the big one. */
struct neighbour {
	struct two *t;
	size_t big_at_small; /* how much of the big one had come */
	struct conn *conn;
	size_t *big;
};

static void small_data(void *ctx, struct slice bytes UNUSED)
{
	struct neighbour *k = ctx;

	k->big_at_small = *k->big;
}

static void small_ended(void *ctx UNUSED, enum rc why UNUSED, const struct err *err UNUSED)
{
}

static const struct conn_events small_events = { .data = small_data, .ended = small_ended };

static void take_small(void *ctx, struct conn *c)
{
	struct neighbour *k = ctx;

	k->conn = c;
	conn_listen(c, &small_events, k);
}

static void a_busy_connection_does_not_starve_the_others(void **state UNUSED)
{
	struct sim_faults f = sim_kind;
	struct address at = sim_address(1, 81);
	struct listener *l;
	struct conn *c;
	struct two t;
	char *text = letters(2 << 20);
	struct slice v = { text, 2 << 20 };

	f.window_min = f.window_max = 4 << 20;
	f.latency_min_us = f.latency_max_us = 100;
	for (uint64_t seed = 1; seed < 10; seed++) {
		struct neighbour k = { .t = &t, .big_at_small = SIZE_MAX };

		join(&t, seed, &f);
		k.big = &t.server.n;
		CHECK_RC(listener_open(&l, t.server.loop, &at, NULL, take_small, &k, NULL), OK);
		CHECK_RC(conn_connect(&c, t.client.loop, &at, NULL, LIT(""), &small_events, &k,
				      NULL),
			 OK);
		settle(&t);
		CHECK_RC(conn_write_borrowed(t.client.conn, &v, 1), OK);
		CHECK_RC(conn_write(c, &(struct slice)LITC("x"), 1), OK);
		settle(&t);
		CHECK_INT(t.server.n, 2 << 20);
		CHECK(k.big_at_small <= 512 << 10);
		conn_close(c, CONN_NOW);
		conn_close(k.conn, CONN_NOW);
		listener_close(l);
		end(&t);
	}
	free(text);
}

/* ---- how it ends ------------------------------------------------------------- */

static void a_refused_connection_says_so(void **state UNUSED)
{
	struct sim_faults f = sim_kind;
	struct two t;

	f.connect_refused = 1;
	begin(&t, 1, &f);
	settle(&t);
	CHECK_INT(t.client.opened, 0);
	CHECK_INT(t.client.ended, 1);
	CHECK_RC(t.client.why, E_CONNECT);
	CHECK_RC(say(&t.client, LIT("x")), E_CLOSED);
	end(&t);
}

static void flush_sends_what_is_queued_and_then_ends(void **state UNUSED)
{
	struct sim_faults f;
	struct two t;
	char *text = letters(100000);

	small_windows(&f);
	join(&t, 1, &f);
	CHECK_RC(say(&t.client, slice_of(text, 100000)), OK);
	close_it(&t.client, CONN_FLUSH);
	settle(&t);
	CHECK_INT(t.server.n, 100000);
	CHECK_RC(t.server.why, E_CLOSED);
	end(&t);
	free(text);
}

static void flush_waits_ten_seconds_and_then_cuts(void **state UNUSED)
{
	struct sim_faults f;
	struct two t;
	char *text = letters(100000);

	small_windows(&f);
	join(&t, 1, &f);
	conn_pause(t.server.conn);
	CHECK_RC(say(&t.client, slice_of(text, 100000)), OK);
	close_it(&t.client, CONN_FLUSH);
	after(&t, 9 * SECOND);
	CHECK_INT(sim_sockets(t.sim), 3);
	after(&t, 2 * SECOND);
	CHECK_INT(sim_sockets(t.sim), 2);
	conn_resume(t.server.conn);
	settle(&t);
	CHECK_RC(t.server.why, E_RESET);
	CHECK(t.server.n < 100000);
	end(&t);
	free(text);
}

static void now_drops_what_is_queued(void **state UNUSED)
{
	struct sim_faults f;
	struct two t;
	char *text = letters(100000);

	small_windows(&f);
	join(&t, 1, &f);
	CHECK_RC(say(&t.client, slice_of(text, 100000)), OK);
	close_it(&t.client, CONN_NOW);
	CHECK_INT(sim_sockets(t.sim), 2);
	settle(&t);
	CHECK(t.server.n < 10000);
	CHECK_INT(t.server.ended, 1);
	end(&t);
	free(text);
}

static void abort_is_seen_as_a_reset(void **state UNUSED)
{
	struct two t;

	for (uint64_t seed = 1; seed < 20; seed++) {
		join(&t, seed, &sim_kind);
		CHECK_RC(say(&t.client, LIT("half an answ")), OK);
		settle(&t);
		close_it(&t.client, CONN_ABORT);
		settle(&t);
		CHECK_RC(t.server.why, E_RESET);
		end(&t);
	}
}

/* A peer that is still sending reads our last words when we linger, and may lose them when we
 * do not. */
static unsigned last_words_read(enum conn_close how)
{
	struct sim_faults f = sim_kind;
	struct two t;
	char *text = letters(100000);
	unsigned read = 0;

	f.window_min = f.window_max = 20000;
	for (uint64_t seed = 1; seed < 40; seed++) {
		join(&t, seed, &f);
		t.server.pause_after_piece = true;
		CHECK_RC(say(&t.client, slice_of(text, 100000)), OK);
		after(&t, SECOND);
		CHECK(t.server.n > 0 && t.server.n < 100000);
		CHECK_RC(say(&t.server, LIT("413")), OK);
		close_it(&t.server, how);
		settle(&t);
		CHECK_INT(t.client.ended, 1);
		read += t.client.n == 3;
		end(&t);
	}
	free(text);
	return read;
}

static void lingering_lets_the_peer_read_our_last_words(void **state UNUSED)
{
	CHECK_INT(last_words_read(CONN_LINGER), 39);
	CHECK(last_words_read(CONN_FLUSH) < 39);
}

static void lingering_ends_after_two_seconds_or_enough_bytes(void **state UNUSED)
{
	struct two t;
	char *text = letters(CONN_QUEUE_MAX);

	join(&t, 1, &sim_kind);
	close_it(&t.server, CONN_LINGER);
	after(&t, SECOND);
	CHECK_INT(sim_sockets(t.sim), 3);
	after(&t, 2 * SECOND);
	CHECK_INT(sim_sockets(t.sim), 2);
	end(&t);

	join(&t, 1, &sim_kind);
	conn_pause(t.client.conn); /* it does not even see the end */
	CHECK_RC(say(&t.client, slice_of(text, CONN_QUEUE_MAX)), OK);
	close_it(&t.server, CONN_LINGER);
	after(&t, SECOND);
	CHECK_INT(sim_sockets(t.sim), 2);
	end(&t);
	free(text);
}

static void a_write_that_fails_is_told_later_in_the_turn(void **state UNUSED)
{
	struct sim_faults f = sim_kind;
	struct two t;
	enum rc rc;

	f.short_read = 0;
	join(&t, 1, &f);
	conn_pause(t.client.conn);
	close_it(&t.server, CONN_ABORT);
	settle(&t);
	CHECK_INT(t.client.ended, 0); /* paused, and nothing was written */
	rc = say(&t.client, LIT("x"));
	CHECK_RC(rc, E_CLOSED);
	CHECK_INT(t.client.ended, 0);
	settle(&t);
	CHECK_INT(t.client.ended, 1);
	CHECK_RC(t.client.why, E_RESET);
	CHECK_STR(t.client.id, "conn.write");
	end(&t);
}

static void an_early_answer_is_read_although_writing_fails(void **state UNUSED)
{
	struct two t;
	unsigned read = 0;

	for (uint64_t seed = 1; seed < 40; seed++) {
		join(&t, seed, &sim_kind);
		conn_pause(t.client.conn);
		CHECK_RC(say(&t.server, LIT("413 no")), OK);
		settle(&t);
		close_it(&t.server, CONN_ABORT);
		settle(&t);
		t.client.in_call = true;
		conn_resume(t.client.conn);
		t.client.in_call = false;
		(void)say(&t.client, LIT("body"));
		settle(&t);
		CHECK_RC(t.client.why, E_RESET);
		CHECK(t.client.n == 6 || t.client.n == 0);
		read += t.client.n == 6;
		end(&t);
	}
	CHECK(read > 5); /* unless the system drops it */
}

static void closing_inside_data_ends_the_calls(void **state UNUSED)
{
	static const enum conn_close hows[] = { CONN_NOW, CONN_FLUSH, CONN_LINGER, CONN_ABORT };
	struct two t;
	char *text = letters(200000);

	for (size_t i = 0; i < ARRAY_LEN(hows); i++) {
		join(&t, i + 1, &sim_kind);
		t.server.close_in_data = true;
		t.server.echo = true;
		t.server.close_how = hows[i];
		CHECK_RC(say(&t.client, slice_of(text, 200000)), OK);
		settle(&t);
		CHECK_INT(t.server.pieces, 1);
		CHECK_INT(t.server.ended, 0);
		CHECK_INT(t.client.ended, 1);
		end(&t);
	}
	free(text);
}

static void a_loop_that_goes_takes_its_closing_connections_along(void **state UNUSED)
{
	struct two t;
	char *text = letters(100000);
	struct sim_faults f;

	small_windows(&f);
	join(&t, 1, &f);
	CHECK_RC(say(&t.client, slice_of(text, 100000)), OK);
	close_it(&t.client, CONN_FLUSH);
	CHECK_RC(say(&t.server, LIT("x")), OK);
	close_it(&t.server, CONN_LINGER);
	listener_close(t.listener);
	loop_free(t.client.loop); /* what is not freed is reported as a leak */
	loop_free(t.server.loop);
	CHECK_INT(sim_sockets(t.sim), 0);
	sim_free(t.sim);
	free(t.client.got);
	free(t.server.got);
	free(text);
}

/* ---- listening --------------------------------------------------------------- */

static void without_descriptors_accepting_pauses_and_goes_on(void **state UNUSED)
{
	struct sim_faults f = sim_kind;
	struct two t;
	uint64_t turns;

	f.accept_full = 1;
	begin(&t, 1, &f);
	after(&t, SECOND);
	turns = sim_turns(t.sim);
	after(&t, SECOND);
	CHECK(sim_turns(t.sim) - turns < 30); /* it does not spin */
	CHECK_INT(t.accepted, 0);
	end(&t);

	f.accept_full = 0.9;
	begin(&t, 1, &f);
	settle(&t);
	CHECK_INT(t.accepted, 1);
	end(&t);
}

static void a_lost_connection_does_not_stop_the_listener(void **state UNUSED)
{
	struct sim_faults f = sim_kind;
	struct two t;
	struct conn *c;

	f.accept_lost = 1;
	begin(&t, 1, &f);
	settle(&t);
	CHECK_INT(t.accepted, 0);
	CHECK_INT(t.client.ended, 1);
	sim_faults(t.sim, &sim_kind);
	CHECK_RC(conn_connect(&c, t.client.loop, &t.at, NULL, LIT(""), &small_events,
			      &(struct neighbour){ 0 }, NULL),
		 OK);
	settle(&t);
	CHECK_INT(t.accepted, 1);
	conn_close(c, CONN_NOW);
	end(&t);
}

/* ---- TLS --------------------------------------------------------------------- */

static int make_pair(void **state)
{
	struct tls_pair *p = calloc(1, sizeof(*p));
	struct tls_client_options client = { .alpn = LIT("http/1.1") };
	struct tls_server_options server = { .alpn = LIT("http/1.1") };

	cert_make(&p->cert, &(struct cert_spec){ .name = "sim.example",
						 .alt = "DNS:sim.example",
						 .authority = true });
	client.ca_file = server.cert_file = slice_cstr(p->cert.cert_file);
	server.key_file = slice_cstr(p->cert.key_file);
	*state = p;
	return tls_client_new(&p->client, &client, NULL) != OK ||
	       tls_server_new(&p->server, &server, NULL) != OK;
}

static int free_pair(void **state)
{
	struct tls_pair *p = *state;

	tls_client_free(p->client);
	tls_server_free(p->server);
	cert_free(&p->cert);
	free(p);
	return 0;
}

static void join_tls(struct two *t, uint64_t seed, const struct sim_faults *f, void **state)
{
	begin_tls(t, seed, f, *state);
	settle(t);
	CHECK_INT(t->client.opened, 1);
	CHECK_INT(t->accepted, 1);
	CHECK(conn_is_tls(t->client.conn) && conn_is_tls(t->server.conn));
}

static void tls_carries_any_amount_both_ways(void **state)
{
	struct sim_faults f;
	struct two t;
	char *text = letters(CONN_QUEUE_MAX);

	small_windows(&f);
	for (uint64_t seed = 1; seed < 5; seed++) {
		join_tls(&t, seed, &f, state);
		t.server.echo = true;
		CHECK_RC(say(&t.client, slice_of(text, 200000)), OK);
		settle(&t);
		CHECK_INT(t.client.n, 200000);
		CHECK(memcmp(t.client.got, text, 200000) == 0);
		CHECK(t.client.drained >= 1); /* the handshake's bytes may count */
		CHECK_INT(conn_bytes_out(t.client.conn), 200000);
		CHECK_INT(conn_bytes_in(t.client.conn), 200000);
		end(&t);
	}
	join_tls(&t, 1, &sim_kind, state);
	CHECK_RC(say(&t.client, slice_of(text, CONN_QUEUE_MAX)), OK);
	CHECK_RC(say(&t.client, slice_of(text, CONN_QUEUE_MAX)), E_TOOBIG);
	settle(&t);
	CHECK_INT(t.server.n, CONN_QUEUE_MAX);
	end(&t);
	free(text);
}

static void tls_borrows_without_encrypting_far_ahead(void **state)
{
	struct sim_mem_stats before, now;
	struct sim_faults f;
	struct two t;
	size_t n = 2 << 20;
	char *text = letters(n);
	struct slice v[] = { { text, 1000 }, { text + 1000, n - 1000 } };

	small_windows(&f);
	f.window_max = 60000;
	join_tls(&t, 1, &f, state);
	sim_mem_stats(t.client.loop, &before);
	CHECK_RC(conn_write_borrowed(t.client.conn, v, 2), OK);
	CHECK(conn_queued(t.client.conn) > CONN_QUEUE_MAX);
	settle(&t);
	sim_mem_stats(t.client.loop, &now);
	CHECK(now.peak - before.live < 100000);
	CHECK_INT(t.client.drained, 1);
	CHECK_INT(t.server.n, n);
	CHECK(memcmp(t.server.got, text, n) == 0);
	end(&t);
	free(text);
}

static void tls_pauses_although_bytes_are_decrypted_already(void **state)
{
	struct sim_faults f = sim_kind;
	struct two t;
	char *text = letters(200000);

	f.window_min = f.window_max = 1 << 20;
	for (size_t n = 60000; n <= 200000; n += 3500) {
		join_tls(&t, n, &f, state);
		t.server.pause_after_piece = true;
		CHECK_RC(say(&t.client, slice_of(text, n)), OK);
		for (unsigned i = 1; t.server.n < n; i++) {
			settle(&t);
			CHECK_INT(t.server.pieces, i);
			t.server.in_call = true;
			conn_resume(t.server.conn);
			t.server.in_call = false;
		}
		CHECK(memcmp(t.server.got, text, n) == 0);
		end(&t);
	}
	free(text);
}

static void tls_that_ends_without_saying_so_was_cut(void **state)
{
	struct two t;

	for (uint64_t seed = 1; seed < 10; seed++) {
		join_tls(&t, seed, &sim_kind, state);
		CHECK_RC(say(&t.client, LIT("all of it")), OK);
		close_it(&t.client, CONN_FLUSH);
		settle(&t);
		CHECK_SLICE(slice_of(t.server.got, t.server.n), "all of it");
		CHECK_RC(t.server.why, E_CLOSED);
		end(&t);

		join_tls(&t, seed, &sim_kind, state);
		CHECK_RC(say(&t.client, LIT("a part of it")), OK);
		settle(&t);
		close_it(&t.client, CONN_NOW);
		settle(&t);
		CHECK_SLICE(slice_of(t.server.got, t.server.n), "a part of it");
		CHECK_RC(t.server.why, E_RESET);
		CHECK_STR(t.server.id, "tls.truncated");
		end(&t);
	}
}

static void a_certificate_for_another_name_is_refused(void **state)
{
	const struct tls_pair *tls = *state;
	struct two t;
	struct conn *c;

	begin_tls(&t, 1, &sim_kind, tls);
	conn_close(t.client.conn, CONN_NOW);
	CHECK_RC(conn_connect(&c, t.client.loop, &t.at, tls->client, LIT("other.example"),
			      &events, &t.client, NULL),
		 OK);
	t.client.conn = c;
	settle(&t);
	CHECK_INT(t.client.opened, 0);
	CHECK_INT(t.client.ended, 1);
	CHECK_RC(t.client.why, E_TLS);
	CHECK_STR(t.client.id, "tls.verify");
	CHECK_INT(t.accepted, 0);
	end(&t);
}

static void a_handshake_that_takes_too_long_is_dropped(void **state)
{
	const struct tls_pair *tls = *state;
	struct two t;
	struct conn *c;

	begin_tls(&t, 1, &sim_kind, tls);
	conn_close(t.client.conn, CONN_NOW);
	/* plain, and silent */
	CHECK_RC(
		conn_connect(&c, t.client.loop, &t.at, NULL, LIT(""), &events, &t.client, NULL),
		OK);
	t.client.conn = c;
	after(&t, 9 * SECOND);
	CHECK_INT(t.client.ended, 0);
	after(&t, 2 * SECOND);
	CHECK_INT(t.client.ended, 1);
	CHECK_INT(t.accepted, 0);
	end(&t);
}

static void a_plain_stream_can_become_tls(void **state)
{
	const struct tls_pair *tls = *state;
	struct two t;

	/* The listener speaks TLS at once, so the client begins plain and then starts it. */
	begin_tls(&t, 1, &sim_kind, &(struct tls_pair){ .server = tls->server });
	after(&t, SECOND);
	CHECK_INT(t.client.opened, 1);
	CHECK(!conn_is_tls(t.client.conn));
	t.client.in_call = true;
	CHECK_RC(conn_start_tls(t.client.conn, tls->client, LIT("sim.example"), NULL), OK);
	t.client.in_call = false;
	settle(&t);
	CHECK_INT(t.client.opened, 2);
	CHECK_INT(t.accepted, 1);
	CHECK_RC(say(&t.client, LIT("hidden")), OK);
	settle(&t);
	CHECK_SLICE(slice_of(t.server.got, t.server.n), "hidden");
	end(&t);
}

/* ---- memory and faults ------------------------------------------------------- */

/* With the n-th allocation of either side failing nothing leaks, nothing is told twice, and
 * what arrives is a beginning of what was sent. */
static void sweep_memory(const struct tls_pair *tls)
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
				 tls != NULL ? tls->client : NULL, LIT("sim.example"), &events,
				 &t.client, NULL) != OK)
			t.client.conn = NULL;
		settle(&t);
		if (t.client.opened && !t.client.ended)
			(void)say(&t.client, slice_of(text, 20000));
		settle(&t);
		CHECK(memcmp(t.server.got, text, t.server.n) == 0);
		CHECK(memcmp(t.client.got, text, t.client.n) == 0);
		sim_mem_stats(t.client.loop, &a);
		sim_mem_stats(t.server.loop, &b);
		met = a.failed + b.failed > 0;
		if (!met)
			CHECK_INT(t.client.n, 20000);
		end(&t);
	}
	free(text);
}

static void any_allocation_may_fail(void **state UNUSED)
{
	sweep_memory(NULL);
}

static void any_allocation_may_fail_with_tls(void **state)
{
	sweep_memory(*state);
}

/* Both sides talk and close at random on a network with every fault there is. */
static void chatter(uint64_t seed, const struct tls_pair *tls)
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

	begin_tls(&t, seed, &f, tls);
	r = sim_rng(t.sim);
	t.server.echo = rng_chance(r, 0.7);
	t.server.close_in_data = rng_chance(r, 0.2);
	t.server.close_how = (enum conn_close)rng_below(r, 4);
	after(&t, rng_below(r, SECOND));
	for (int i = 0; i < 5 && t.client.opened && !t.client.ended; i++) {
		size_t n = rng_below(r, 4001);

		if (say(&t.client, slice_of(text + sent, n)) != OK)
			break;
		sent += n;
		after(&t, rng_below(r, SECOND));
		if (rng_chance(r, 0.1) && t.server.conn != NULL)
			conn_pause(t.server.conn);
	}
	after(&t, rng_below(r, 10 * SECOND));
	if (rng_chance(r, 0.5))
		close_it(&t.client, (enum conn_close)rng_below(r, 4));
	after(&t, 100 * SECOND);
	CHECK(memcmp(t.server.got, text, t.server.n) == 0);
	CHECK(memcmp(t.client.got, text, t.client.n) == 0);
	CHECK(t.client.ended <= 1 && t.server.ended <= 1);
	end(&t);
	free(text);
}

static void two_hundred_bad_days_on_the_network(void **state UNUSED)
{
	for (uint64_t seed = 1; seed <= 200; seed++)
		chatter(seed, NULL);
}

static void fifty_bad_days_with_tls(void **state)
{
	for (uint64_t seed = 1; seed <= 50; seed++)
		chatter(seed, *state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_comes_back),
		cmocka_unit_test(an_idle_connection_holds_nothing_but_itself),
		cmocka_unit_test(pieces_leave_in_their_order),
		cmocka_unit_test(the_queue_has_a_maximum_and_refuses_whole),
		cmocka_unit_test(words_before_the_connection_stands_wait_for_it),
		cmocka_unit_test(borrowed_bytes_are_not_copied),
		cmocka_unit_test(borrowed_bytes_that_are_given_back_cut_the_stream),
		cmocka_unit_test(a_body_is_read_right_where_it_belongs),
		cmocka_unit_test(a_paused_reader_hears_nothing_until_it_resumes),
		cmocka_unit_test(pausing_takes_effect_within_one_readiness),
		cmocka_unit_test(a_busy_connection_does_not_starve_the_others),
		cmocka_unit_test(a_refused_connection_says_so),
		cmocka_unit_test(flush_sends_what_is_queued_and_then_ends),
		cmocka_unit_test(flush_waits_ten_seconds_and_then_cuts),
		cmocka_unit_test(now_drops_what_is_queued),
		cmocka_unit_test(abort_is_seen_as_a_reset),
		cmocka_unit_test(lingering_lets_the_peer_read_our_last_words),
		cmocka_unit_test(lingering_ends_after_two_seconds_or_enough_bytes),
		cmocka_unit_test(a_write_that_fails_is_told_later_in_the_turn),
		cmocka_unit_test(an_early_answer_is_read_although_writing_fails),
		cmocka_unit_test(closing_inside_data_ends_the_calls),
		cmocka_unit_test(a_loop_that_goes_takes_its_closing_connections_along),
		cmocka_unit_test(without_descriptors_accepting_pauses_and_goes_on),
		cmocka_unit_test(a_lost_connection_does_not_stop_the_listener),
		cmocka_unit_test(any_allocation_may_fail),
		cmocka_unit_test(two_hundred_bad_days_on_the_network),
		cmocka_unit_test(tls_carries_any_amount_both_ways),
		cmocka_unit_test(tls_borrows_without_encrypting_far_ahead),
		cmocka_unit_test(tls_pauses_although_bytes_are_decrypted_already),
		cmocka_unit_test(tls_that_ends_without_saying_so_was_cut),
		cmocka_unit_test(a_certificate_for_another_name_is_refused),
		cmocka_unit_test(a_handshake_that_takes_too_long_is_dropped),
		cmocka_unit_test(a_plain_stream_can_become_tls),
		cmocka_unit_test(any_allocation_may_fail_with_tls),
		cmocka_unit_test(fifty_bad_days_with_tls),
	};

	return cmocka_run_group_tests(tests, make_pair, free_pair);
}
