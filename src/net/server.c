/* net/server.c -- takes connections and reads requests; server_reply.c writes the replies.
 *
 * RFC 9112.  One request is in hand at a time per connection; what a client sends ahead of its
 * turn is held, up to HELD_MAX, and then not read any more.  As long as a connection is read,
 * its end is noticed, also while a handler works: that is how `gone` comes about.  A client
 * that ends only its sending side is taken for gone.
 */
#include "net/server.h"

#include "net/server_impl.h"
#include "wire/url.h"

/* Allowed moves; the one setter is set_state(). */
static const uint8_t moves[HC_STATES] = {
	[HC_IDLE] = 1 << HC_HEAD | 1 << HC_CLOSED,
	[HC_HEAD] = 1 << HC_BODY | 1 << HC_BUSY | 1 << HC_CLOSED,
	[HC_BODY] = 1 << HC_BUSY | 1 << HC_CLOSED,
	[HC_BUSY] = 1 << HC_FLUSH | 1 << HC_IDLE | 1 << HC_CLOSED,
	[HC_FLUSH] = 1 << HC_IDLE | 1 << HC_CLOSED,
	[HC_CLOSED] = 0,
};

static void set_state(struct http_conn *hc, enum http_conn_state to)
{
	INVARIANT((moves[hc->state] >> to & 1) != 0);
	hc->state = (uint8_t)to;
}

/* ---- the end of things ------------------------------------------------------------- */

static void free_request(struct http_request *r)
{
	struct arena a = r->arena; /* which holds `r` */

	buf_free(&r->body);
	arena_free(&a);
}

static void reap(struct later *w)
{
	struct http_server *s = CONTAINER_OF(w, struct http_server, reap);
	struct link *l;

	while ((l = list_pop_head(&s->dead_requests)) != NULL)
		free_request(CONTAINER_OF(l, struct http_request, link));
	while ((l = list_pop_head(&s->dead_conns)) != NULL) {
		struct http_conn *hc = CONTAINER_OF(l, struct http_conn, link);

		buf_free(&hc->held);
		buf_free(&hc->spill);
		mem_put(s->mem, hc, sizeof(*hc));
	}
}

/* Takes the request away from its connection. */
static void bury_request(struct http_conn *hc)
{
	struct http_server *s = hc->server;
	struct http_request *r = hc->r;

	hc->r = NULL;
	http_server_drop_cork(s, r);
	if (hc->state == HC_BUSY)
		s->stats.active--;
	list_push_tail(&s->dead_requests, &r->link);
	loop_later(s->loop, &s->reap);
}

void http_conn_close(struct http_conn *hc, enum conn_close how)
{
	struct http_server *s = hc->server;

	if (hc->r != NULL)
		bury_request(hc);
	set_state(hc, HC_CLOSED);
	conn_close(hc->conn, how);
	hc->conn = NULL;
	timer_done(&hc->timer);
	later_cancel(&hc->later);
	list_del(&hc->link);
	list_push_tail(&s->dead_conns, &hc->link);
	loop_later(s->loop, &s->reap);
	s->stats.connections--;
	if (s->draining && s->stats.connections == 0)
		loop_later(s->loop, &s->drain_later);
}

/* The handler's request cannot be answered any more. */
static void lose(struct http_conn *hc, enum rc why)
{
	struct http_server *s = hc->server;
	void *of_request = hc->r->of_request;

	http_conn_close(hc, why == E_CLOSED || why == E_RESET ? CONN_NOW : CONN_ABORT);
	s->handler->gone(s->ctx, of_request, why);
}

void http_conn_break(struct http_conn *hc, enum rc why)
{
	if (hc->broken != OK)
		return;
	hc->broken = (uint8_t)why;
	loop_later(hc->server->loop, &hc->later);
}

/* ---- between two requests ------------------------------------------------------------ */

static void become_idle(struct http_conn *hc)
{
	set_state(hc, HC_IDLE);
	timer_set(&hc->timer, hc->server->limits.idle_timeout_us);
	if (buf_len(&hc->held) > 0)
		loop_later(hc->server->loop, &hc->later);
}

void http_conn_flushed(struct http_conn *hc)
{
	if (hc->close_after)
		/* A client that sent more than we read would see a reset, and might lose
		 * the reply by it, if the socket were just closed. */
		http_conn_close(hc, buf_len(&hc->held) > 0 ? CONN_LINGER : CONN_FLUSH);
	else
		become_idle(hc);
}

void http_request_over(struct http_request *r)
{
	struct http_conn *hc = r->hc;

	hc->close_after = !r->http.head.keep_alive || r->until_close || hc->server->draining;
	bury_request(hc);
	if (hc->broken != OK) {
		http_conn_close(hc, CONN_ABORT);
	} else if (http_conn_queued(hc) > 0) {
		set_state(hc, HC_FLUSH);
		http_conn_watch(hc);
	} else {
		http_conn_flushed(hc);
	}
}

/* ---- reading a request --------------------------------------------------------------- */

/* Answers what never becomes a request.  The connection is over: its framing cannot be trusted,
 * or nobody wants to read the rest. */
static void refuse(struct http_conn *hc, unsigned status, const char *id)
{
	struct http_server *s = hc->server;
	struct http_request *r = hc->r;
	struct slice type = { NULL, 0 };
	struct slice body = { NULL, 0 };

	s->stats.refused++;
	log_event(s->log, LOG_DEBUG, "http.refused", F_U64("status", status), F_CSTR("id", id));
	if (s->handler->refuse != NULL)
		body = s->handler->refuse(s->ctx, &r->arena, r->path, status, id, &type);
	http_refusal_write(s, hc->conn, status, type, body, r->bodyless);
	http_conn_close(hc, CONN_LINGER);
}

static bool begin_request(struct http_conn *hc)
{
	struct http_server *s = hc->server;
	struct http_request *r;
	struct arena a;

	arena_init(&a, s->mem, ARENA_FIRST, s->limits.arena_bytes);
	r = ARENA_NEW(&a, struct http_request);
	if (r == NULL) {
		arena_free(&a);
		http_conn_close(hc, CONN_NOW);
		return false;
	}
	r->arena = a;
	r->hc = hc;
	r->began_us = loop_now_us(s->loop);
	list_init(&r->link);
	buf_init(&r->body, s->mem, 0);
	http1_init(&r->http, HTTP1_REQUEST, s->limits.head_bytes);
	http1_begin(&r->http, &r->arena, false);
	hc->r = r;
	hc->turn_n = hc->turn_us == r->began_us ? hc->turn_n + 1 : 0;
	hc->turn_us = r->began_us;
	set_state(hc, HC_HEAD);
	return true;
}

/* False: the connection is closed. */
static bool take_head(struct http_conn *hc, struct http_request *r, bool more)
{
	struct http_server *s = hc->server;
	const struct http_head *h = &r->http.head;
	enum rc rc = OK;

	url_target(h->target, &r->path, &r->query);
	r->bodyless = slice_eq(h->method, LIT("HEAD"));
	r->body_max = s->handler->body_max(s->ctx, r);
	if (h->framing == HTTP1_NO_BODY)
		return true;
	if (h->framing == HTTP1_LENGTH && h->content_length > r->body_max) {
		refuse(hc, 413, "http.body_too_large");
		return false;
	}
	set_state(hc, HC_BODY);
	r->body.max = r->body_max;
	if (h->framing == HTTP1_LENGTH && h->content_length > 0) {
		/* One buffer of just that size, which the rest is read into. */
		r->body.max = (size_t)h->content_length;
		if (buf_room(&r->body, r->body.max, &rc) == NULL) {
			refuse(hc, 503, "http.no_memory");
			return false;
		}
	}
	if (h->expect_continue && h->minor >= 1 && !more)
		/* Should this fail, `ended` follows. */
		(void)!conn_write(hc->conn, &LIT("HTTP/1.1 100 Continue\r\n\r\n"), 1);
	return true;
}

/* False: the connection is closed. */
static bool take_body(struct http_conn *hc, struct http_request *r, struct slice piece)
{
	enum rc rc = OK;

	if (r->body.p != NULL && piece.p == r->body.p + r->body.n)
		buf_added(&r->body, piece.n); /* read where it belongs (conn_read_into) */
	else
		rc = buf_append(&r->body, piece);
	if (rc == OK)
		return true;
	if (rc == E_TOOBIG)
		refuse(hc, 413, "http.body_too_large");
	else
		refuse(hc, 503, "http.no_memory");
	return false;
}

static void dispatch(struct http_conn *hc, struct http_request *r)
{
	struct http_server *s = hc->server;

	set_state(hc, HC_BUSY);
	s->stats.requests++;
	s->stats.active++;
	s->handler->request(s->ctx, r, &r->of_request);
}

/* Reads up to the end of one request.  Returns what was not taken. */
static struct slice feed(struct http_conn *hc, struct slice in)
{
	struct http_request *r;
	struct slice piece;

	if (hc->r == NULL && !begin_request(hc))
		return in;
	r = hc->r;
	for (;;) {
		switch (http1_next(&r->http, &in, &piece)) {
		case HTTP1_MORE:
			return in;
		case HTTP1_HEAD:
			if (!take_head(hc, r, in.n > 0))
				return in;
			break;
		case HTTP1_BODY:
			if (!take_body(hc, r, piece))
				return in;
			break;
		case HTTP1_DONE:
			dispatch(hc, r);
			return in;
		case HTTP1_ERROR:
			refuse(hc, r->http.status, r->http.why);
			return in;
		}
	}
}

/* After feeding: the time for what is still to come, and where to put it. */
static void expect(struct http_conn *hc)
{
	const struct http_server_limits *limits = &hc->server->limits;
	struct http_request *r = hc->r;
	uint64_t past;

	if (hc->state == HC_HEAD) {
		past = loop_now_us(hc->server->loop) - r->began_us;
		timer_set(&hc->timer,
			  limits->head_timeout_us > past ? limits->head_timeout_us - past : 0);
	} else if (hc->state == HC_BODY) {
		timer_set(&hc->timer, limits->body_timeout_us);
		if (r->http.head.framing == HTTP1_LENGTH &&
		    r->body.max - r->body.n >= READ_INTO_MIN)
			conn_read_into(hc->conn, r->body.p + r->body.n,
				       r->body.max - r->body.n);
	}
}

/* Keeps what came before its turn. */
static void hold(struct http_conn *hc, struct slice bytes)
{
	struct http_server *s = hc->server;

	if (buf_append(&hc->held, bytes) != OK) {
		if (hc->state == HC_BUSY)
			lose(hc, E_NOMEM);
		else
			http_conn_close(hc, CONN_ABORT);
		return;
	}
	if (buf_len(&hc->held) >= HELD_MAX) {
		hc->paused = true;
		conn_pause(hc->conn);
	}
	if (hc->state == HC_IDLE)
		loop_later(s->loop, &hc->later);
}

static void on_data(void *ctx, struct slice bytes)
{
	struct http_conn *hc = ctx;

	hc->server->stats.bytes_in += bytes.n;
	if (hc->state <= HC_BODY && buf_len(&hc->held) == 0) {
		bytes = feed(hc, bytes);
		expect(hc);
	}
	if (bytes.n > 0 && hc->state != HC_CLOSED)
		hold(hc, bytes);
}

/* The next request out of what is held. */
static void go_on(struct http_conn *hc)
{
	struct slice in = buf_slice(&hc->held);
	struct slice left;

	if (hc->state != HC_IDLE || in.n == 0)
		return;
	if (hc->turn_us == loop_now_us(hc->server->loop) && hc->turn_n >= TURN_REQUESTS) {
		timer_set(&hc->timer, 0); /* others have their turn first */
		return;
	}
	left = feed(hc, in);
	if (hc->state == HC_CLOSED)
		return; /* `held` goes with the connection */
	buf_taken(&hc->held, in.n - left.n);
	if (buf_len(&hc->held) == 0)
		buf_free(&hc->held);
	else if (hc->state == HC_IDLE)
		loop_later(hc->server->loop, &hc->later);
	if (hc->paused && buf_len(&hc->held) < HELD_MAX) {
		hc->paused = false;
		conn_resume(hc->conn);
	}
	expect(hc);
}

static void on_later(struct later *w)
{
	struct http_conn *hc = CONTAINER_OF(w, struct http_conn, later);

	if (hc->broken == OK)
		go_on(hc);
	else if (hc->state == HC_BUSY)
		lose(hc, (enum rc)hc->broken);
	else
		http_conn_close(hc, CONN_ABORT);
}

static void on_ended(void *ctx, enum rc why, const struct err *err UNUSED)
{
	struct http_conn *hc = ctx;

	switch ((enum http_conn_state)hc->state) {
	case HC_IDLE:
	case HC_HEAD:
	case HC_BODY:
		http_conn_close(hc, CONN_NOW);
		break;
	case HC_BUSY:
		lose(hc, why);
		break;
	case HC_FLUSH:
		/* It may still read what is on its way. */
		if (why == E_CLOSED && buf_len(&hc->spill) == 0)
			http_conn_close(hc, CONN_FLUSH);
		else
			http_conn_close(hc, CONN_ABORT);
		break;
	case HC_CLOSED:
	case HC_STATES:
		break;
	}
}

static void on_drained(void *ctx)
{
	http_conn_drained(ctx);
}

/* ---- time ------------------------------------------------------------------------------ */

/* Changes when the client takes something.  (With TLS bytes count as out when they are
 * encrypted, so there the queue is looked at.) */
static uint64_t progress(const struct http_conn *hc)
{
	uint64_t out = conn_bytes_out(hc->conn);

	return conn_is_tls(hc->conn) ? out - conn_queued(hc->conn) : out;
}

void http_conn_watch(struct http_conn *hc)
{
	if (hc->write_timed || conn_queued(hc->conn) == 0)
		return;
	hc->write_timed = true;
	hc->progress = progress(hc);
	timer_set(&hc->timer, hc->server->limits.write_timeout_us);
}

static void check_progress(struct http_conn *hc)
{
	uint64_t now = progress(hc);

	if (!hc->write_timed)
		return; /* it was set for something that is over */
	if (now != hc->progress) {
		hc->progress = now;
		timer_set(&hc->timer, hc->server->limits.write_timeout_us);
	} else if (hc->state == HC_BUSY) {
		lose(hc, E_TIMEOUT);
	} else {
		http_conn_close(hc, CONN_ABORT);
	}
}

/* A timer left behind by an earlier state may fire in BUSY and FLUSH, which then do not mind:
 * stopping it for each request would cost more. */
static void on_timer(struct timer *t)
{
	struct http_conn *hc = CONTAINER_OF(t, struct http_conn, timer);

	switch ((enum http_conn_state)hc->state) {
	case HC_IDLE:
		if (buf_len(&hc->held) > 0)
			go_on(hc);
		else
			http_conn_close(hc, CONN_FLUSH);
		break;
	case HC_HEAD:
		if (http1_untouched(&hc->r->http))
			http_conn_close(hc, CONN_FLUSH);
		else
			refuse(hc, 408, "http.head_timeout");
		break;
	case HC_BODY:
		refuse(hc, 408, "http.body_timeout");
		break;
	case HC_BUSY:
	case HC_FLUSH:
		check_progress(hc);
		break;
	case HC_CLOSED:
	case HC_STATES:
		break;
	}
}

/* ---- taking connections ------------------------------------------------------------------ */

static const struct conn_events conn_ev = {
	.data = on_data,
	.drained = on_drained,
	.ended = on_ended,
};

static void turn_away(struct http_server *s, struct conn *c)
{
	struct slice type = { NULL, 0 };
	struct slice body = { NULL, 0 };
	struct arena a;

	arena_init(&a, s->mem, 1024, s->limits.arena_bytes);
	s->stats.refused++;
	if (s->handler->refuse != NULL)
		body = s->handler->refuse(s->ctx, &a, (struct slice){ NULL, 0 }, 503,
					  "http.too_many_connections", &type);
	http_refusal_write(s, c, 503, type, body, false);
	conn_close(c, CONN_LINGER);
	arena_free(&a);
}

static void on_accept(void *ctx, struct conn *c)
{
	struct http_listener *hl = ctx;
	struct http_server *s = hl->server;
	struct http_conn *hc;

	s->stats.accepted++;
	if (s->stats.connections >= s->limits.connections) {
		turn_away(s, c);
		return;
	}
	hc = mem_zero(s->mem, sizeof(*hc));
	if (hc == NULL) {
		conn_close(c, CONN_NOW);
		return;
	}
	hc->server = s;
	hc->conn = c;
	later_init(&hc->later, on_later);
	timer_init(&hc->timer, s->loop, on_timer);
	buf_init(&hc->held, s->mem, HELD_MAX + CONN_READ_BYTES);
	buf_init(&hc->spill, s->mem, SPILL_MAX);
	list_push_tail(&s->conns, &hc->link);
	s->stats.connections++;
	timer_set(&hc->timer, s->draining ? DRAIN_IDLE_US : s->limits.idle_timeout_us);
	conn_listen(c, &conn_ev, hc);
}

enum rc http_server_listen(struct http_server *s, const struct address *at,
			   struct tls_server *tls, struct err *err)
{
	struct http_listener *hl = mem_zero(s->mem, sizeof(*hl));
	enum rc rc;

	if (hl == NULL)
		return err_nomem(err, "http.listen");
	hl->server = s;
	rc = listener_open(&hl->listener, s->loop, at, tls, on_accept, hl, err);
	if (rc != OK) {
		mem_put(s->mem, hl, sizeof(*hl));
		return rc;
	}
	list_push_tail(&s->listeners, &hl->link);
	return OK;
}

void http_server_address(const struct http_server *s, size_t i, struct address *out)
{
	struct link *l = s->listeners.next;

	while (i-- > 0 && l != &s->listeners)
		l = l->next;
	INVARIANT(l != &s->listeners);
	listener_local(CONTAINER_OF(l, struct http_listener, link)->listener, out);
}

/* ---- the server itself ---------------------------------------------------------------------
 */

static void close_listeners(struct http_server *s)
{
	struct link *l;

	while ((l = list_pop_head(&s->listeners)) != NULL) {
		struct http_listener *hl = CONTAINER_OF(l, struct http_listener, link);

		listener_close(hl->listener);
		mem_put(s->mem, hl, sizeof(*hl));
	}
}

static void on_drain(struct later *w)
{
	struct http_server *s = CONTAINER_OF(w, struct http_server, drain_later);
	void (*drained)(void *ctx) = s->drained;

	if (s->stats.connections > 0)
		return; /* it came out of a handshake meanwhile; its end is told again */
	for (struct link *l = s->listeners.next; l != &s->listeners; l = l->next)
		if (listener_shaking(CONTAINER_OF(l, struct http_listener, link)->listener) >
		    0) {
			timer_set(&s->drain_timer, DRAIN_LOOK_US);
			return;
		}
	close_listeners(s);
	s->drained = NULL;
	if (drained != NULL)
		drained(s->drained_ctx);
}

static void on_drain_timer(struct timer *t)
{
	on_drain(&CONTAINER_OF(t, struct http_server, drain_timer)->drain_later);
}

static void on_uncork(struct later *w)
{
	http_server_uncork(CONTAINER_OF(w, struct http_server, uncork));
}

/* Zero stands for the default. */
static void defaults(struct http_server_limits *l)
{
	l->head_bytes = l->head_bytes > 0 ? l->head_bytes : 32U << 10;
	l->arena_bytes = l->arena_bytes > 0 ? l->arena_bytes : 4U << 20;
	l->head_timeout_us = l->head_timeout_us > 0 ? l->head_timeout_us : 10000000;
	l->body_timeout_us = l->body_timeout_us > 0 ? l->body_timeout_us : 30000000;
	l->idle_timeout_us = l->idle_timeout_us > 0 ? l->idle_timeout_us : 75000000;
	l->write_timeout_us = l->write_timeout_us > 0 ? l->write_timeout_us : 60000000;
	l->connections = l->connections > 0 ? l->connections : 20000;
	l->queue_mark = l->queue_mark > 0 ? l->queue_mark : 64U << 10;
}

enum rc http_server_new(struct http_server **out, struct loop *l,
			const struct http_server_limits *limits,
			const struct http_handler *handler, void *ctx, struct log *log,
			struct err *err)
{
	struct mem *mem = loop_mem(l);
	struct http_server *s = mem_zero(mem, sizeof(*s));

	if (s == NULL)
		return err_nomem(err, "http.server");
	s->loop = l;
	s->mem = mem;
	s->limits = *limits;
	defaults(&s->limits);
	s->handler = handler;
	s->ctx = ctx;
	s->log = log;
	list_init(&s->listeners);
	list_init(&s->conns);
	list_init(&s->dead_conns);
	list_init(&s->dead_requests);
	later_init(&s->reap, reap);
	later_init(&s->drain_later, on_drain);
	timer_init(&s->drain_timer, s->loop, on_drain_timer);
	later_init(&s->uncork, on_uncork);
	*out = s;
	return OK;
}

void http_server_drain(struct http_server *s, void (*done)(void *ctx), void *ctx)
{
	s->drained = done;
	s->drained_ctx = ctx;
	if (s->stats.connections == 0)
		loop_later(s->loop, &s->drain_later);
	if (s->draining)
		return;
	s->draining = true;
	for (struct link *l = s->listeners.next; l != &s->listeners; l = l->next)
		listener_stop(CONTAINER_OF(l, struct http_listener, link)->listener);
	for (struct link *l = s->conns.next; l != &s->conns; l = l->next) {
		struct http_conn *hc = CONTAINER_OF(l, struct http_conn, link);

		if (hc->state == HC_IDLE && buf_len(&hc->held) == 0)
			timer_set(&hc->timer, DRAIN_IDLE_US);
	}
}

void http_server_cut(struct http_server *s)
{
	while (!list_empty(&s->conns)) {
		struct http_conn *hc = CONTAINER_OF(s->conns.next, struct http_conn, link);

		if (hc->state == HC_BUSY)
			lose(hc, E_CANCELLED);
		else
			http_conn_close(hc, hc->state == HC_FLUSH ? CONN_ABORT : CONN_NOW);
	}
}

void http_server_set_limits(struct http_server *s, const struct http_server_limits *limits)
{
	s->limits = *limits;
	defaults(&s->limits);
}

void http_server_free(struct http_server *s)
{
	if (s == NULL)
		return;
	close_listeners(s);
	http_server_cut(s);
	later_cancel(&s->uncork);
	later_cancel(&s->drain_later);
	timer_done(&s->drain_timer);
	later_cancel(&s->reap);
	reap(&s->reap);
	mem_put(s->mem, s->cork, s->cork != NULL ? CORK_BYTES : 0);
	mem_put(s->mem, s, sizeof(*s));
}

const struct http_server_stats *http_server_stats(const struct http_server *s)
{
	return &s->stats;
}

/* ---- the request
 * ----------------------------------------------------------------------------- */

const struct http_head *request_head(const struct http_request *r)
{
	return &r->http.head;
}

struct slice request_path(const struct http_request *r)
{
	return r->path;
}

struct slice request_query(const struct http_request *r)
{
	return r->query;
}

struct slice request_body(const struct http_request *r)
{
	return buf_slice(&r->body);
}

struct arena *request_arena(struct http_request *r)
{
	return &r->arena;
}

struct loop *request_loop(const struct http_request *r)
{
	return r->hc->server->loop;
}

uint64_t request_began_us(const struct http_request *r)
{
	return r->began_us;
}

void request_remote(const struct http_request *r, struct address *out)
{
	conn_remote(r->hc->conn, out);
}

bool request_is_tls(const struct http_request *r)
{
	return conn_is_tls(r->hc->conn);
}

void request_drop_body(struct http_request *r)
{
	buf_free(&r->body);
}
