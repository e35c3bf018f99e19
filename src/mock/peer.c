/* One connection to the simulator: reads requests, plays answers.
 *
 * Requests are answered in order, one at a time.  While one is answered the connection goes on
 * being read, so that a peer that goes away is noticed at once; what comes meanwhile (a
 * pipelined request) waits in `held`. */
#include "mock/exchange.h"

#include "base/hash.h"
#include "wire/url.h"

enum {
	HEAD_MAX = 64 << 10,
	HELD_MAX = 1 << 20,
	WRITE_MAX = 64 << 10,  /* given to the connection in one piece */
	QUEUE_MARK = 64 << 10, /* over it the player waits */
	STEPS_PER_TURN = 64,
};

enum peer_state {
	PEER_IDLE,      /* between two requests */
	PEER_READING,   /* a request has begun */
	PEER_ANSWERING, /* the player runs, or waits */
	PEER_DEAD,      /* closed; buried at the end of the turn */
};

struct peer {
	struct link link;
	struct mock *mock;
	struct conn *conn;
	struct exchange *x; /* in hand, or NULL */
	struct http1 http;
	struct buf held;
	struct timer timer; /* the player's waits; the slow reader's; idle */
	struct later bury;
	enum peer_state state;
	bool flowing; /* drained() shall go on */
	uint64_t id;
	unsigned requests;
};

/* X1's habit: one setter, one table. */
static void enter(struct peer *p, enum peer_state to)
{
	static const unsigned allowed[] = {
		[PEER_IDLE] = 1 << PEER_READING | 1 << PEER_DEAD,
		[PEER_READING] = 1 << PEER_ANSWERING | 1 << PEER_DEAD,
		[PEER_ANSWERING] = 1 << PEER_IDLE | 1 << PEER_DEAD,
		[PEER_DEAD] = 0,
	};

	INVARIANT((allowed[p->state] >> to & 1) != 0);
	p->state = to;
}

static void peer_free(struct peer *p)
{
	struct mem *mem = p->mock->mem;

	list_del(&p->link);
	later_cancel(&p->bury);
	timer_done(&p->timer);
	buf_free(&p->held);
	mem_put(mem, p, sizeof(*p));
}

static void bury(struct later *w)
{
	peer_free(CONTAINER_OF(w, struct peer, bury));
}

/* Ends the exchange in hand, if there is one, and the connection. */
static void peer_close(struct peer *p, enum conn_close how, enum mock_end end)
{
	struct exchange *x = p->x;

	if (p->state == PEER_DEAD)
		return;
	if (x != NULL) {
		size_t queued = end == MOCK_CANCELLED ? conn_queued(p->conn) : 0;

		x->rec.bytes -= size_min(queued, x->rec.bytes);
		p->x = NULL;
		exchange_end(x, end);
	}
	enter(p, PEER_DEAD);
	timer_stop(&p->timer);
	conn_close(p->conn, how);
	p->conn = NULL;
	p->mock->stats.open_connections--;
	loop_later(p->mock->loop, &p->bury);
}

/* ---- the player ---------------------------------------------------------------------- */

static uint64_t wait_before(struct exchange *x, const struct step *s)
{
	switch (s->wait) {
	case WAIT_FIRST:
		return mock_delay_us(&x->o->ttft, &x->rng);
	case WAIT_GAP:
		return mock_delay_us(&x->o->gap, &x->rng);
	case WAIT_FIXED:
		return s->wait_us;
	case WAIT_NONE:
		break;
	}
	return 0;
}

static void step_told(struct exchange *x, const struct step *s)
{
	x->rec.text_sent += s->text_n;
	x->rec.events += s->events;
	x->rec.usage_sent |= s->usage;
	x->rec.content_sent |= s->content;
	x->rec.finish_sent |= s->finish;
}

/* Gives some of the step's bytes to the connection.  False when the player must wait. */
static bool send_some(struct peer *p, struct exchange *x, const struct step *s)
{
	size_t most = x->o->split > 0 ? size_min(x->o->split, WRITE_MAX) : WRITE_MAX;
	struct slice piece = slice_head(slice_skip(s->bytes, x->off), most);
	enum rc rc;

	rc = conn_write(p->conn, &piece, 1);
	if (rc != OK) {
		if (rc != E_CLOSED) /* else `ended` follows */
			peer_close(p, CONN_ABORT, MOCK_FAULT);
		return false;
	}
	if (x->rec.first_byte_us == 0)
		x->rec.first_byte_us = loop_now_us(p->mock->loop);
	x->rec.bytes += piece.n;
	x->off += piece.n;
	if (x->off == s->bytes.n)
		step_told(x, s);
	if (conn_queued(p->conn) > QUEUE_MARK) {
		p->flowing = true;
		return false;
	}
	if (x->o->split > 0) {
		timer_set(&p->timer, x->o->split_gap_us);
		return false;
	}
	return true;
}

/* The last step is done.  False when the connection is gone. */
static void finish(struct peer *p)
{
	struct exchange *x = p->x;
	const struct mock_options *o = x->o;
	bool keep = x->rec.head.keep_alive && o->keep_alive && !x->http10;

	if (o->close_after > 0 && p->requests >= o->close_after)
		keep = false;
	if (!keep) {
		peer_close(p, CONN_LINGER, x->faulty ? MOCK_FAULT : MOCK_COMPLETE);
		return;
	}
	p->x = NULL;
	exchange_end(x, x->faulty ? MOCK_FAULT : MOCK_COMPLETE);
	enter(p, PEER_IDLE);
	if (p->mock->o->idle_us > 0)
		timer_set(&p->timer, p->mock->o->idle_us);
}

/* Plays until it must wait.  Afterwards the state tells what happened. */
static void play(struct peer *p)
{
	struct exchange *x = p->x;

	for (unsigned turn = 0; x->at < x->steps.n; turn++) {
		const struct step *s = &x->steps.p[x->at];
		uint64_t wait = x->waited ? 0 : wait_before(x, s);

		x->waited = true;
		if (wait > 0 || turn >= STEPS_PER_TURN) {
			timer_set(&p->timer, wait);
			return;
		}
		if (s->kind == STEP_CLOSE || s->kind == STEP_RESET) {
			peer_close(p, s->kind == STEP_CLOSE ? CONN_FLUSH : CONN_ABORT,
				   MOCK_FAULT);
			return;
		}
		if (s->kind == STEP_HOLD) {
			x->at++;
			x->waited = true;
			if (s->wait_us > 0)
				timer_set(&p->timer, s->wait_us);
			return;
		}
		if (x->off < s->bytes.n && !send_some(p, x, s))
			return;
		if (x->off == s->bytes.n) {
			x->at++;
			x->off = 0;
			x->waited = false;
		}
	}
	if (conn_queued(p->conn) > 0) {
		p->flowing = true;
		return;
	}
	finish(p);
}

/* ---- reading -------------------------------------------------------------------------- */

static void begin(struct peer *p)
{
	p->x = exchange_new(p->mock, p);
	if (p->x == NULL) {
		peer_close(p, CONN_ABORT, MOCK_FAULT);
		return;
	}
	timer_stop(&p->timer);
	p->x->rec.connection = p->id;
	p->x->rec.on_connection = ++p->requests;
	http1_begin(&p->http, &p->x->keep, false);
	enter(p, PEER_READING);
}

static void on_head(struct peer *p)
{
	static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";
	struct exchange *x = p->x;
	struct slice changes;

	x->rec.head = p->http.head;
	x->http10 = p->http.head.minor == 0;
	url_target(x->rec.head.target, &x->rec.path, &x->rec.query);
	x->control = slice_starts(x->rec.path, LIT("/mock/"));
	if (!x->control) {
		exchange_enter(x);
		rng_seed(&x->rng, hash_mix(p->mock->o->seed * 2654435761U + x->rec.seq));
		if (script_take(p->mock, STAGE_HEAD, slice_of(NULL, 0), &x->keep, &changes)) {
			struct mock_options *o = arena_get(&x->keep, sizeof(*o));

			x->scripted = true;
			if (o != NULL) {
				*o = *p->mock->o;
				x->o = o;
				/* it was checked when the script came */
				if (mock_options_query(o, changes, &x->keep, NULL) != OK)
					x->scripted = false;
			}
		}
	}
	if (x->rec.head.expect_continue) {
		struct slice line = slice_of(go_on, sizeof(go_on) - 1);

		if (conn_write(p->conn, &line, 1) != OK)
			return;
	}
}

static void on_body(struct peer *p, struct slice bytes)
{
	struct exchange *x = p->x;

	if (buf_append(&x->body, bytes) != OK) {
		peer_close(p, CONN_ABORT, MOCK_FAULT);
		return;
	}
	if (x->o->slow_read_us > 0) {
		conn_pause(p->conn);
		timer_set(&p->timer, x->o->slow_read_us);
	}
}

static void on_request(struct peer *p)
{
	struct exchange *x = p->x;

	enter(p, PEER_ANSWERING);
	timer_stop(&p->timer);
	conn_resume(p->conn);
	x->rec.body = buf_slice(&x->body);
	x->rec.body_complete = true;
	x->rec.received_us = loop_now_us(p->mock->loop);
	if (x->control)
		control_answer(x);
	else
		answer_build(x);
	if (arena_failed(&x->work) || arena_failed(&x->keep)) {
		peer_close(p, CONN_ABORT, MOCK_FAULT);
		return;
	}
	play(p);
}

static void on_bad(struct peer *p)
{
	struct slice text = arena_fmt(&p->x->work,
				      "HTTP/1.1 %u %s\r\nContent-Length: 0\r\n"
				      "Connection: close\r\n\r\n",
				      p->http.status, p->http.why);

	if (conn_write(p->conn, &text, 1) != OK)
		text.n = 0; /* it is closed anyway */
	peer_close(p, CONN_LINGER, MOCK_FAULT);
}

/* Reads requests until bytes run out, or one must be answered first. */
static void take(struct peer *p, struct slice *in)
{
	while (p->state == PEER_IDLE || p->state == PEER_READING) {
		struct slice body;

		if (p->state == PEER_IDLE) {
			if (in->n == 0)
				return;
			begin(p);
			continue;
		}
		switch (http1_next(&p->http, in, &body)) {
		case HTTP1_MORE:
			return;
		case HTTP1_HEAD:
			on_head(p);
			break;
		case HTTP1_BODY:
			on_body(p, body);
			break;
		case HTTP1_DONE:
			on_request(p);
			break;
		case HTTP1_ERROR:
			on_bad(p);
			return;
		}
	}
}

/* What waited while a request was answered. */
static void take_held(struct peer *p)
{
	while (p->state == PEER_IDLE && buf_len(&p->held) > 0) {
		struct slice in = buf_slice(&p->held);
		size_t before = in.n;

		take(p, &in);
		if (p->state == PEER_DEAD)
			return;
		buf_taken(&p->held, before - in.n);
	}
}

static void on_data(void *ctx, struct slice bytes)
{
	struct peer *p = ctx;

	if (p->state == PEER_DEAD)
		return;
	if (buf_len(&p->held) == 0)
		take(p, &bytes);
	if (p->state != PEER_DEAD && bytes.n > 0 && buf_append(&p->held, bytes) != OK)
		peer_close(p, CONN_ABORT, MOCK_CANCELLED);
	if (p->state != PEER_DEAD)
		take_held(p);
}

static void go_on(struct peer *p)
{
	play(p);
	if (p->state != PEER_DEAD)
		take_held(p);
}

static void on_drained(void *ctx)
{
	struct peer *p = ctx;

	if (p->state != PEER_ANSWERING || !p->flowing)
		return;
	p->flowing = false;
	if (p->x->o->split > 0 && timer_is_set(&p->timer))
		return;
	go_on(p);
}

static void on_timer(struct timer *t)
{
	struct peer *p = CONTAINER_OF(t, struct peer, timer);

	switch (p->state) {
	case PEER_IDLE:
		peer_close(p, CONN_NOW, MOCK_COMPLETE);
		return;
	case PEER_READING:
		conn_resume(p->conn);
		return;
	case PEER_ANSWERING:
		go_on(p);
		return;
	case PEER_DEAD:
		return;
	}
}

static void on_ended(void *ctx, enum rc why UNUSED, const struct err *err UNUSED)
{
	struct peer *p = ctx;

	if (p->state != PEER_DEAD)
		peer_close(p, CONN_NOW, MOCK_CANCELLED);
}

static const struct conn_events peer_events = {
	.data = on_data,
	.drained = on_drained,
	.ended = on_ended,
};

/* ---- accepting ----------------------------------------------------------------------------
 */

static bool refused(struct mock *m)
{
	struct arena scratch;
	struct slice changes;
	bool taken;

	arena_init(&scratch, m->mem, 256, 65536);
	taken = script_take(m, STAGE_ACCEPT, slice_of(NULL, 0), &scratch, &changes);
	arena_free(&scratch);
	return taken || (m->o->fail == FAIL_REFUSE && m->o->fail_rate >= 1);
}

void peer_accept(void *listener, struct conn *c)
{
	struct mock_listener *l = listener;
	struct mock *m = l->mock;
	struct peer *p;

	m->stats.connections++;
	p = refused(m) ? NULL : mem_zero(m->mem, sizeof(*p));
	if (p == NULL) {
		conn_close(c, CONN_NOW);
		return;
	}
	p->mock = m;
	p->conn = c;
	p->id = m->stats.connections;
	list_push_tail(&m->peers, &p->link);
	timer_init(&p->timer, m->loop, on_timer);
	later_init(&p->bury, bury);
	buf_init(&p->held, m->mem, HELD_MAX);
	http1_init(&p->http, HTTP1_REQUEST, HEAD_MAX);
	m->stats.open_connections++;
	conn_listen(c, &peer_events, p);
}

void peer_free_all(struct mock *m)
{
	while (!list_empty(&m->peers)) {
		struct peer *p = CONTAINER_OF(m->peers.next, struct peer, link);

		if (p->x != NULL) {
			struct exchange *x = p->x;

			p->x = NULL;
			exchange_end(x, MOCK_CANCELLED);
		}
		if (p->conn != NULL)
			conn_close(p->conn, CONN_NOW);
		peer_free(p);
	}
}
