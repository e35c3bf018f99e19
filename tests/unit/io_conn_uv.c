/* Connections over the real backend on the loopback interface, plain and with TLS. */
#include "cert.h"
#include "check.h"

#include "io/conn.h"
#include "io/tls.h"

enum {
	SECOND = 1000000,
	BIG = 8 << 20,
	MARK = 128 << 10, /* an echoing peer reads no further while more is queued */
};

/* What all tests share: the certificates are slow to make. */
struct world {
	struct cert ca, leaf;
	struct tls_client *client;
	struct tls_server *server;
	char *text; /* BIG */
};

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));
	struct err err = { 0 };

	cert_make(&w->ca, &(struct cert_spec){ .name = "authority", .authority = true });
	cert_make(&w->leaf, &(struct cert_spec){ .name = "localhost",
						 .alt = "DNS:localhost",
						 .issuer = &w->ca });
	CHECK_RC(tls_client_new(
			 &w->client,
			 &(struct tls_client_options){ .ca_file = slice_cstr(w->ca.cert_file) },
			 &err),
		 OK);
	CHECK_RC(tls_server_new(&w->server,
				&(struct tls_server_options){
					.cert_file = slice_cstr(w->leaf.cert_file),
					.key_file = slice_cstr(w->leaf.key_file) },
				&err),
		 OK);
	w->text = malloc(BIG);
	for (size_t i = 0; i < BIG; i++)
		w->text[i] = (char)(i * 2654435761u >> 11);
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;

	tls_client_free(w->client);
	tls_server_free(w->server);
	cert_free(&w->ca);
	cert_free(&w->leaf);
	free(w->text);
	free(w);
	return 0;
}

struct fix;

struct peer {
	struct fix *f;
	struct conn *conn;
	const char *want;  /* what must arrive, byte for byte; NULL: not checked */
	size_t n, stop_at; /* bytes that came; the loop stops when there are so many */
	bool echo, stop_on_end, stop_on_drain, stop_on_open;
	unsigned opened, drained, ended;
	enum rc why;
	struct err err;
	char head[64]; /* the first bytes */
	/* Says this when the first byte comes, then closes. */
	const char *last_words;
	enum conn_close how;
	size_t most_queued;
};

struct fix {
	struct world *w;
	struct loop *l;
	struct listener *listener;
	struct address at;
	struct timer guard;
	bool late;
	struct peer client, server;
	unsigned accepted;
};

static void on_guard(struct timer *t)
{
	struct fix *f = CONTAINER_OF(t, struct fix, guard);

	f->late = true;
	loop_stop(f->l);
}

static void on_opened(void *ctx)
{
	struct peer *p = ctx;

	p->opened++;
	if (p->stop_on_open)
		loop_stop(p->f->l);
}

static void echo(struct peer *p, struct slice bytes)
{
	CHECK_RC(conn_write(p->conn, &bytes, 1), OK);
	p->most_queued = size_max(p->most_queued, conn_queued(p->conn));
	if (conn_queued(p->conn) > MARK)
		conn_pause(p->conn);
}

static void on_data(void *ctx, struct slice bytes)
{
	struct peer *p = ctx;
	struct slice words;

	CHECK(bytes.n > 0);
	CHECK_INT(p->ended, 0);
	if (p->n < sizeof(p->head))
		memcpy(p->head + p->n, bytes.p, size_min(bytes.n, sizeof(p->head) - p->n));
	if (p->want != NULL)
		CHECK(memcmp(p->want + p->n, bytes.p, bytes.n) == 0);
	p->n += bytes.n;
	if (p->echo)
		echo(p, bytes);
	if (p->last_words != NULL) {
		words = slice_cstr(p->last_words);
		(void)!conn_write(p->conn, &words, 1);
		conn_close(p->conn, p->how);
		p->conn = NULL;
	}
	if (p->stop_at > 0 && p->n >= p->stop_at)
		loop_stop(p->f->l);
}

static void on_drained(void *ctx)
{
	struct peer *p = ctx;

	p->drained++;
	CHECK_INT(conn_queued(p->conn), 0);
	if (p->echo)
		conn_resume(p->conn);
	if (p->stop_on_drain)
		loop_stop(p->f->l);
}

static void on_ended(void *ctx, enum rc why, const struct err *err)
{
	struct peer *p = ctx;

	CHECK_INT(p->ended, 0);
	p->ended++;
	p->why = why;
	p->err = *err;
	if (p->stop_on_end)
		loop_stop(p->f->l);
}

static const struct conn_events events = {
	.opened = on_opened,
	.data = on_data,
	.drained = on_drained,
	.ended = on_ended,
};

static void on_accept(void *ctx, struct conn *c)
{
	struct fix *f = ctx;

	f->accepted++;
	CHECK(f->server.conn == NULL);
	f->server.conn = c;
	conn_listen(c, &events, &f->server);
}

static void begin(struct fix *f, struct world *w, bool tls)
{
	struct err err = { 0 };
	struct address at;

	*f = (struct fix){ .w = w };
	f->client.f = f->server.f = f;
	CHECK_RC(loop_new(&f->l, &err), OK);
	timer_init(&f->guard, f->l, on_guard);
	CHECK_RC(address_read(&at, LIT("127.0.0.1"), 0), OK);
	CHECK_RC(listener_open(&f->listener, f->l, &at, tls ? w->server : NULL, on_accept, f,
			       &err),
		 OK);
	listener_local(f->listener, &f->at);
}

static void dial(struct fix *f, bool tls, const char *name)
{
	struct err err = { 0 };

	CHECK_RC(conn_connect(&f->client.conn, f->l, &f->at, tls ? f->w->client : NULL,
			      slice_cstr(name), &events, &f->client, &err),
		 OK);
}

static void run(struct fix *f)
{
	timer_set(&f->guard, 20 * SECOND);
	loop_run(f->l);
	CHECK(!f->late);
	timer_stop(&f->guard);
}

static void run_for(struct fix *f, uint64_t us)
{
	timer_set(&f->guard, us);
	loop_run(f->l);
	CHECK(f->late);
	f->late = false;
}

/* Both ends stand. */
static void join(struct fix *f, struct world *w, bool tls)
{
	begin(f, w, tls);
	dial(f, tls, "localhost");
	while (f->client.opened == 0 || f->server.conn == NULL)
		run_for(f, 2000);
	CHECK_INT(f->client.opened, 1);
	CHECK_INT(f->accepted, 1);
}

static void end(struct fix *f)
{
	if (f->client.conn != NULL)
		conn_close(f->client.conn, CONN_NOW);
	if (f->server.conn != NULL)
		conn_close(f->server.conn, CONN_NOW);
	listener_close(f->listener);
	timer_done(&f->guard);
	loop_free(f->l);
}

/* ---- bytes -------------------------------------------------------------------- */

static void big_bodies_are_echoed_within_bounds(void **state)
{
	struct fix f;

	for (int tls = 0; tls < 2; tls++) {
		struct slice body = slice_of(((struct world *)*state)->text, BIG);

		join(&f, *state, tls != 0);
		CHECK_INT(conn_is_tls(f.client.conn), tls);
		f.server.echo = true;
		f.client.want = body.p;
		f.client.stop_at = BIG;
		CHECK_RC(conn_write_borrowed(f.client.conn, &body, 1), OK);
		CHECK(conn_queued(f.client.conn) > 0);
		run(&f);
		CHECK_INT(f.client.n, BIG);
		CHECK_INT(f.client.drained, 1);
		CHECK_INT(conn_bytes_out(f.client.conn), BIG);
		CHECK_INT(conn_bytes_in(f.client.conn), BIG);
		CHECK_INT(conn_bytes_in(f.server.conn), BIG);
		CHECK_INT(conn_bytes_out(f.server.conn), BIG);
		/* One buffer read beyond the mark, and the frames around it. */
		CHECK(f.server.most_queued <= MARK + CONN_READ_BYTES + 4096);
		CHECK_INT(f.client.ended + f.server.ended, 0);
		end(&f);
	}
}

static void a_reader_that_pauses_stops_the_writer_and_loses_nothing(void **state)
{
	struct world *w = *state;
	struct fix f;

	for (int tls = 0; tls < 2; tls++) {
		size_t sent = 0;
		enum rc rc = OK;

		join(&f, w, tls != 0);
		conn_pause(f.client.conn);
		f.client.want = w->text;
		/* Until the writer's queue is full, though the system takes some, too. */
		while (rc == OK && sent + 30000 <= BIG) {
			struct slice s = slice_of(w->text + sent, 30000);

			rc = conn_write(f.server.conn, &s, 1);
			sent += rc == OK ? 30000 : 0;
		}
		CHECK_RC(rc, E_TOOBIG);
		CHECK(conn_queued(f.server.conn) <= CONN_QUEUE_MAX + CONN_QUEUE_MAX / 50);
		run_for(&f, 50000);
		CHECK_INT(f.client.n, 0);
		CHECK_INT(f.server.drained, 0);
		f.client.stop_at = sent;
		conn_resume(f.client.conn);
		conn_pause(f.client.conn);
		conn_resume(f.client.conn);
		run(&f);
		CHECK_INT(f.client.n, sent);
		run_for(&f, 1000);
		CHECK_INT(f.server.drained, 1);
		end(&f);
	}
}

static void a_body_is_read_where_it_belongs(void **state)
{
	struct world *w = *state;
	struct slice body = slice_of(w->text, 1 << 20);
	char *room = malloc(body.n);
	struct fix f;

	join(&f, w, false);
	conn_read_into(f.server.conn, room, body.n);
	f.server.stop_at = body.n;
	CHECK_RC(conn_write_borrowed(f.client.conn, &body, 1), OK);
	run(&f);
	CHECK_INT(f.server.n, body.n);
	CHECK(memcmp(room, body.p, body.n) == 0);
	f.server.stop_at++; /* the next goes where it usually does */
	CHECK_RC(conn_write(f.client.conn, &LIT("x"), 1), OK);
	run(&f);
	CHECK(memcmp(room, body.p, body.n) == 0);
	end(&f);
	free(room);
}

static void many_pieces_leave_in_order(void **state)
{
	struct world *w = *state;
	struct slice v[300];
	struct fix f;
	size_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(v); i++) {
		v[i] = slice_of(w->text + n, i % 7 * 100);
		n += v[i].n;
	}
	for (int tls = 0; tls < 2; tls++) {
		join(&f, w, tls != 0);
		f.server.want = w->text;
		f.server.stop_at = n;
		CHECK_RC(conn_write(f.client.conn, v, ARRAY_LEN(v)), OK);
		run(&f);
		CHECK_INT(f.server.n, n);
		end(&f);
	}
}

/* ---- ends --------------------------------------------------------------------- */

struct close_case {
	enum conn_close how;
	enum rc plain, tls;
};

static void each_way_to_close_looks_different(void **state)
{
	static const struct close_case cases[] = {
		{ CONN_NOW, E_CLOSED, E_RESET }, /* TLS: no close_notify came: it was cut */
		{ CONN_FLUSH, E_CLOSED, E_CLOSED },
		{ CONN_LINGER, E_CLOSED, E_CLOSED },
		{ CONN_ABORT, E_RESET, E_RESET },
	};
	struct fix f;

	for (size_t i = 0; i < ARRAY_LEN(cases) * 2; i++) {
		const struct close_case *c = &cases[i / 2];
		bool tls = i % 2 != 0;

		join(&f, *state, tls);
		f.client.stop_on_end = true;
		conn_close(f.server.conn, c->how);
		f.server.conn = NULL;
		run(&f);
		CHECK_RC(f.client.why, tls ? c->tls : c->plain);
		CHECK_RC(f.client.err.rc, f.client.why);
		CHECK_RC(conn_write(f.client.conn, &LIT("x"), 1), E_CLOSED);
		run_for(&f, 1000);
		CHECK_INT(f.client.ended, 1);
		CHECK_INT(f.server.ended, 0);
		end(&f);
	}
}

static void what_is_queued_is_flushed_before_the_end(void **state)
{
	struct world *w = *state;
	struct slice s = slice_of(w->text, 1000000);
	struct fix f;

	for (int i = 0; i < 4; i++) {
		join(&f, w, i % 2 != 0);
		f.client.want = w->text;
		f.client.stop_on_end = true;
		conn_pause(f.client.conn);
		/* The system takes a part of it. */
		while (conn_queued(f.server.conn) == 0 && s.p + 2 * s.n <= w->text + BIG) {
			CHECK_RC(conn_write(f.server.conn, &s, 1), OK);
			s.p += s.n;
		}
		s.p += s.n;
		conn_close(f.server.conn, i / 2 != 0 ? CONN_LINGER : CONN_FLUSH);
		f.server.conn = NULL;
		run_for(&f, 5000);
		conn_resume(f.client.conn);
		run(&f);
		CHECK_RC(f.client.why, E_CLOSED);
		CHECK_INT(f.client.n, (size_t)(s.p - s.n - w->text));
		s.p = w->text;
		end(&f);
	}
}

/* A server that answers before it has read the request, and closes: the client, still in the
 * middle of a large body, must be able to read the answer. */
static void last_words_reach_a_client_that_is_still_sending(void **state)
{
	struct world *w = *state;
	struct fix f;

	for (int i = 0; i < 20; i++) {
		/* The small one is read to its end and dropped, so nothing breaks. */
		bool small = i / 2 % 2 != 0;
		struct slice body = slice_of(w->text, small ? 200000 : BIG);

		join(&f, w, i % 2 != 0);
		f.server.last_words = "413 too large";
		f.server.how = CONN_LINGER;
		f.client.stop_on_end = true;
		CHECK_RC(conn_write_borrowed(f.client.conn, &body, 1), OK);
		run(&f);
		CHECK_SLICE(slice_of(f.client.head, f.client.n), "413 too large");
		if (small)
			CHECK_RC(f.client.why, E_CLOSED);
		end(&f);
	}
}

/* The client notices by writing that the server is gone, when the answer is there already. */
static void an_answer_is_read_although_writing_fails(void **state)
{
	struct world *w = *state;
	struct fix f;

	for (int tls = 0; tls < 2; tls++) {
		enum rc rc = OK;

		join(&f, w, tls != 0);
		f.client.stop_on_end = true;
		conn_pause(f.client.conn);
		CHECK_RC(conn_write(f.server.conn, &LIT("401 no"), 1), OK);
		conn_close(f.server.conn, CONN_ABORT);
		f.server.conn = NULL;
		run_for(&f, 5000);
		conn_resume(f.client.conn);
		for (int i = 0; i < 3 && rc == OK; i++)
			rc = conn_write(f.client.conn, &LIT("body"), 1);
		CHECK_RC(rc, E_CLOSED);
		CHECK_INT(f.client.n, 0); /* not from inside the call */
		run(&f);
		CHECK_SLICE(slice_of(f.client.head, f.client.n), "401 no");
		CHECK_RC(f.client.why, E_RESET);
		end(&f);
	}
}

static void a_loop_may_go_while_connections_are_closing(void **state)
{
	struct world *w = *state;
	struct slice body = slice_of(w->text, CONN_QUEUE_MAX / 2);
	struct fix f;

	for (int tls = 0; tls < 2; tls++) {
		join(&f, w, tls != 0);
		conn_pause(f.client.conn);
		while (conn_queued(f.server.conn) == 0)
			CHECK_RC(conn_write(f.server.conn, &body, 1), OK);
		conn_close(f.server.conn, CONN_FLUSH);
		f.server.conn = NULL;
		end(&f);
	}
	/* And while one is being opened. */
	begin(&f, w, true);
	dial(&f, true, "localhost");
	end(&f);
}

/* ---- what may go wrong -------------------------------------------------------- */

static void a_certificate_for_another_name_is_refused(void **state)
{
	struct fix f;

	begin(&f, *state, true);
	f.client.stop_on_end = true;
	dial(&f, true, "example.org");
	run(&f);
	CHECK_RC(f.client.why, E_TLS);
	CHECK_STR(f.client.err.id, "tls.verify");
	CHECK_INT(f.client.opened, 0);
	run_for(&f, 5000);
	CHECK_INT(f.accepted, 0); /* the handshake was never done */
	end(&f);
}

static void plain_and_tls_do_not_meet(void **state)
{
	struct fix f;

	/* A plain client at a TLS server: closed. */
	begin(&f, *state, true);
	f.client.stop_on_end = true;
	dial(&f, false, "localhost");
	CHECK_RC(conn_write(f.client.conn, &LIT("GET / HTTP/1.1\r\n\r\n"), 1), OK);
	run(&f);
	CHECK(f.client.why == E_CLOSED || f.client.why == E_RESET);
	CHECK_INT(f.accepted, 0);
	end(&f);

	/* A TLS client at a plain server says what it met. */
	begin(&f, *state, false);
	f.client.stop_on_end = true;
	f.server.last_words = "HTTP/1.1 400 Bad Request\r\n\r\n";
	f.server.how = CONN_LINGER;
	dial(&f, true, "localhost");
	run(&f);
	CHECK_RC(f.client.why, E_TLS);
	CHECK_STR(f.client.err.text, "TLS handshake: the peer does not speak TLS");
	end(&f);
}

static void a_refused_connection_says_so(void **state)
{
	struct fix f;

	begin(&f, *state, false);
	/* Port 1 of an address of this machine that nobody uses. */
	CHECK_RC(address_read(&f.at, LIT("127.0.0.3"), 1), OK);
	f.client.stop_on_end = true;
	dial(&f, false, "localhost");
	run(&f);
	CHECK_RC(f.client.why, E_CONNECT);
	CHECK_STR(f.client.err.id, "connect.failed");
	CHECK_STR(f.client.err.text, "could not connect: Connection refused");
	end(&f);
}

/* ---- many, and on two threads ------------------------------------------------- */

enum { CLIENTS = 100, ROUNDS = 20 };

struct crowd {
	struct loop *l;
	struct listener *listener;
	struct wake *stop;
	struct timer guard;
	bool late;
	unsigned left;
};

struct member {
	struct crowd *in; /* of the side that it is on */
	struct conn *conn;
	bool server;
	size_t n, round, size;
	char text[3000];
};

static void member_ask(struct member *m)
{
	struct slice s = slice_of(m->text, m->size);

	m->n = 0;
	CHECK_RC(conn_write(m->conn, &s, 1), OK);
}

static void member_opened(void *ctx)
{
	member_ask(ctx);
}

static void member_data(void *ctx, struct slice bytes)
{
	struct member *m = ctx;

	if (m->server) {
		CHECK_RC(conn_write(m->conn, &bytes, 1), OK);
		return;
	}
	CHECK(m->n + bytes.n <= m->size && memcmp(m->text + m->n, bytes.p, bytes.n) == 0);
	m->n += bytes.n;
	if (m->n < m->size)
		return;
	if (++m->round < ROUNDS) {
		member_ask(m);
		return;
	}
	conn_close(m->conn, CONN_FLUSH);
	m->conn = NULL;
	if (--m->in->left == 0)
		loop_stop(m->in->l);
}

static void member_ended(void *ctx, enum rc why, const struct err *err UNUSED)
{
	struct member *m = ctx;

	CHECK(m->server); /* clients close by themselves */
	CHECK_RC(why, E_CLOSED);
	conn_close(m->conn, CONN_NOW);
	free(m);
}

static const struct conn_events member_events = {
	.opened = member_opened,
	.data = member_data,
	.ended = member_ended,
};

static void crowd_accept(void *ctx, struct conn *c)
{
	struct member *m = calloc(1, sizeof(*m));

	m->in = ctx;
	m->conn = c;
	m->server = true;
	conn_listen(c, &member_events, m);
}

static void crowd_late(struct timer *t)
{
	struct crowd *c = CONTAINER_OF(t, struct crowd, guard);

	c->late = true;
	loop_stop(c->l);
}

static void crowd_stop(void *ctx)
{
	struct crowd *c = ctx;

	/* A moment more, so that the last ends are seen. */
	timer_set(&c->guard, SECOND / 5);
}

static void crowd_main(void *ctx)
{
	struct crowd *c = ctx;

	loop_run(c->l);
}

static void a_crowd_on_two_loops(void **state)
{
	struct world *w = *state;
	struct crowd server = { 0 }, client = { 0 };
	struct member *m = calloc(CLIENTS, sizeof(*m));
	struct err err = { 0 };
	struct address at;
	struct thread *t;

	CHECK_RC(loop_new(&server.l, &err), OK);
	CHECK_RC(loop_new(&client.l, &err), OK);
	timer_init(&server.guard, server.l, crowd_late);
	timer_init(&client.guard, client.l, crowd_late);
	timer_set(&client.guard, 60 * (uint64_t)SECOND);
	CHECK_RC(address_read(&at, LIT("127.0.0.1"), 0), OK);
	CHECK_RC(listener_open(&server.listener, server.l, &at, w->server, crowd_accept,
			       &server, &err),
		 OK);
	listener_local(server.listener, &at);
	CHECK_RC(wake_new(&server.stop, server.l, crowd_stop, &server, &err), OK);
	CHECK_RC(thread_start(&t, crowd_main, &server, "server", &err), OK);
	client.left = CLIENTS;
	for (size_t i = 0; i < CLIENTS; i++) {
		m[i].in = &client;
		m[i].size = i * 30 + 1;
		memcpy(m[i].text, w->text + i, m[i].size);
		CHECK_RC(conn_connect(&m[i].conn, client.l, &at, w->client, LIT("localhost"),
				      &member_events, &m[i], &err),
			 OK);
	}
	loop_run(client.l);
	CHECK(!client.late);
	wake_send(server.stop);
	thread_join(t);
	timer_done(&server.guard);
	timer_done(&client.guard);
	listener_close(server.listener);
	loop_free(server.l);
	loop_free(client.l);
	free(m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(big_bodies_are_echoed_within_bounds),
		cmocka_unit_test(a_reader_that_pauses_stops_the_writer_and_loses_nothing),
		cmocka_unit_test(a_body_is_read_where_it_belongs),
		cmocka_unit_test(many_pieces_leave_in_order),
		cmocka_unit_test(each_way_to_close_looks_different),
		cmocka_unit_test(what_is_queued_is_flushed_before_the_end),
		cmocka_unit_test(last_words_reach_a_client_that_is_still_sending),
		cmocka_unit_test(an_answer_is_read_although_writing_fails),
		cmocka_unit_test(a_loop_may_go_while_connections_are_closing),
		cmocka_unit_test(a_certificate_for_another_name_is_refused),
		cmocka_unit_test(plain_and_tls_do_not_meet),
		cmocka_unit_test(a_refused_connection_says_so),
		cmocka_unit_test(a_crowd_on_two_loops),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
