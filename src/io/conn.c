/* io/conn.c -- the byte stream of io/conn.h over a backend's sockets and the TLS filter.
 *
 * How it is made and closed, what it reads and what it tells; what it sends is in
 * io/conn_send.c.
 *
 * Incoming bytes are read into the loop's buffer, or into the caller's (conn_read_into).
 * With TLS the plaintext is handed out in that same buffer, after the ciphertext in it has
 * gone into the filter.
 *
 * An error met inside a call of the owner is kept in `broken` and told at the end of the turn.
 */
#include "io/conn.h"

#include "io/conn_impl.h"
#include "io/loop_impl.h"
#include "io/tls.h"

enum {
	READ_BUDGET = 4, /* buffers read per readiness: then others have their turn */
	LAST_READS = 64, /* buffers read out of a connection that can no longer write */
	LINGER_BYTES = 256 << 10,
};
#define FLUSH_US  10000000U
#define LINGER_US 2000000U

static sock_fn on_ready;
static later_fn on_later;

/* Allowed moves; the one setter is move(). */
static const uint8_t moves[] = {
	[CONN_CONNECTING] = 1 << CONN_HANDSHAKE | 1 << CONN_OPEN | 1 << CONN_ENDED |
			    1 << CONN_GONE,
	[CONN_HANDSHAKE] = 1 << CONN_OPEN | 1 << CONN_ENDED | 1 << CONN_GONE,
	[CONN_OPEN] = 1 << CONN_HANDSHAKE | 1 << CONN_ENDED | 1 << CONN_FLUSHING |
		      1 << CONN_LINGERING | 1 << CONN_GONE,
	[CONN_ENDED] = 1 << CONN_FLUSHING | 1 << CONN_GONE,
	[CONN_FLUSHING] = 1 << CONN_LINGERING | 1 << CONN_GONE,
	[CONN_LINGERING] = 1 << CONN_GONE,
	[CONN_GONE] = 0,
};

static void move(struct conn *c, enum conn_state to)
{
	INVARIANT((moves[c->state] >> to & 1) != 0);
	c->state = (uint8_t)to;
}

/* ---- made and freed ---------------------------------------------------------- */

static struct conn *make(struct loop *l, const struct conn_events *ev, void *ctx)
{
	struct conn *c;

	if (loop_read_buffer(l) == NULL)
		return NULL;
	c = mem_zero(loop_mem(l), sizeof(*c));
	if (c == NULL)
		return NULL;
	c->loop = l;
	c->ev = ev;
	c->ctx = ctx;
	later_init(&c->later, on_later);
	buf_init(&c->out, loop_mem(l), CONN_QUEUE_MAX + 2 * TLS_PIECE);
	return c;
}

static void release(struct later *w)
{
	struct conn *c = CONTAINER_OF(w, struct conn, later);

	if (c->sock != NULL)
		sock_close(c->sock, false);
	if (c->timed)
		timer_done(&c->timer);
	if (c->tls != NULL)
		tls_close(c->tls);
	conn_drop_lent(c);
	buf_free(&c->out);
	mem_put(loop_mem(c->loop), c, sizeof(*c));
}

/* The socket goes now, the memory at the end of the turn. */
static void bury(struct conn *c, bool abort)
{
	move(c, CONN_GONE);
	sock_close(c->sock, abort);
	c->sock = NULL;
	if (c->timed)
		timer_stop(&c->timer);
	later_cancel(&c->later);
	loop_bury(c->loop, &c->later, release);
}

enum rc conn_connect(struct conn **out, struct loop *l, const struct address *to,
		     struct tls_client *tls, struct slice name, const struct conn_events *ev,
		     void *ctx, struct err *err)
{
	struct conn *c = make(l, ev, ctx);
	enum rc rc;

	if (c == NULL)
		return err_nomem(err, "conn.new");
	if (tls != NULL) {
		rc = tls_open_client(&c->tls, tls, name, loop_mem(l), err);
		if (rc != OK)
			goto out;
	}
	rc = sock_connect(&c->sock, l, to, on_ready, c, err);
	if (rc != OK)
		goto out;
	conn_want(c);
	*out = c;
	c = NULL;
out:
	if (c != NULL)
		release(&c->later);
	return rc;
}

enum rc conn_accept(struct conn **out, struct loop *l, struct sock *listener,
		    struct tls_server *tls, const struct conn_events *ev, void *ctx)
{
	struct conn *c = make(l, tls != NULL ? ev : NULL, ctx);
	enum rc rc;

	if (c == NULL)
		return E_NOMEM;
	/* The socket first: one that cannot be served is taken out of the line all the same. */
	rc = sock_accept(listener, &c->sock, on_ready, c);
	if (rc == OK && tls != NULL)
		rc = tls_open_server(&c->tls, tls, loop_mem(l), NULL);
	if (rc != OK) {
		release(&c->later);
		return rc;
	}
	move(c, tls != NULL ? CONN_HANDSHAKE : CONN_OPEN);
	conn_want(c);
	*out = c;
	return OK;
}

enum rc conn_start_tls(struct conn *c, struct tls_client *tls, struct slice name,
		       struct err *err)
{
	enum rc rc;

	INVARIANT(c->tls == NULL && conn_queued(c) == 0);
	if (c->state != CONN_OPEN || c->broken != OK)
		return err_set(err, E_CLOSED, "conn.closed", "the connection has ended");
	rc = tls_open_client(&c->tls, tls, name, loop_mem(c->loop), err);
	if (rc != OK)
		return rc;
	move(c, CONN_HANDSHAKE);
	c->into_n = 0;
	c->undigested = true; /* on_later() takes the first step */
	loop_later(c->loop, &c->later);
	conn_want(c);
	return OK;
}

void conn_listen(struct conn *c, const struct conn_events *ev, void *ctx)
{
	INVARIANT(conn_owned(c));
	c->ev = ev;
	c->ctx = ctx;
	if (c->undigested && !c->paused)
		loop_later(c->loop, &c->later);
	conn_want(c);
}

/* ---- what happened ----------------------------------------------------------- */

void conn_want(struct conn *c)
{
	unsigned w = 0;

	switch ((enum conn_state)c->state) {
	case CONN_CONNECTING:
		w = SOCK_WRITE;
		break;
	case CONN_HANDSHAKE:
		w = SOCK_READ;
		break;
	case CONN_OPEN:
		w = c->paused || c->ev == NULL ? 0 : SOCK_READ;
		break;
	case CONN_FLUSHING:
	case CONN_LINGERING:
		w = c->linger ? SOCK_READ : 0;
		break;
	case CONN_ENDED:
		break;
	case CONN_GONE:
		return;
	}
	if (c->broken != OK)
		w = 0;
	else if (c->state > CONN_CONNECTING && conn_queued(c) > 0)
		w |= SOCK_WRITE;
	if (w != c->wanted) {
		c->wanted = (uint8_t)w;
		sock_want(c->sock, w);
	}
}

static void tell_ended(struct conn *c, enum rc why, const struct err *err)
{
	INVARIANT(c->state < CONN_ENDED);
	move(c, CONN_ENDED);
	conn_want(c);
	if (c->ev != NULL)
		c->ev->ended(c->ctx, why, err);
}

static void tell_simple(struct conn *c, enum rc why, const char *id)
{
	struct err err;

	err_clear(&err);
	(void)err_set(&err, why, id, "%s", rc_text(why));
	tell_ended(c, why, &err);
}

void conn_broke(struct conn *c, enum rc why, const char *id)
{
	if (c->broken == OK) {
		c->broken = (uint8_t)why;
		c->broke_id = id;
	}
	conn_drop_lent(c);
	buf_free(&c->out);
	conn_want(c);
	loop_later(c->loop, &c->later);
}

/* ---- reading ----------------------------------------------------------------- */

static bool reading(const struct conn *c)
{
	return c->state == CONN_OPEN && !c->paused && c->ev != NULL;
}

static void give(struct conn *c, struct slice bytes)
{
	c->bytes_in += bytes.n;
	c->ev->data(c->ctx, bytes);
}

/* What reading says when it gives no bytes.  True: `ended` was told. */
static bool read_stopped(struct conn *c, ptrdiff_t got, enum rc rc)
{
	if (got < 0 && rc == E_FULL)
		return false;
	if (got < 0)
		tell_simple(c, rc, "conn.read");
	else if (c->tls == NULL)
		tell_simple(c, E_CLOSED, "conn.closed");
	else if (c->state == CONN_HANDSHAKE)
		tell_simple(c, E_TLS, "tls.handshake_closed");
	else
		tell_simple(c, E_RESET, "tls.truncated"); /* no close_notify came first */
	return true;
}

static void read_plain(struct conn *c, unsigned budget)
{
	while (budget-- > 0 && reading(c)) {
		char *p = c->into_n > 0 ? c->into : loop_read_buffer(c->loop);
		size_t room = c->into_n > 0 ? c->into_n : CONN_READ_BYTES;
		enum rc rc = OK;
		ptrdiff_t n = sock_read(c->sock, p, room, &rc);

		if (n <= 0) {
			(void)read_stopped(c, n, rc);
			return;
		}
		if (c->into_n > 0) {
			c->into += n;
			c->into_n -= (size_t)n;
		}
		give(c, slice_of(p, (size_t)n));
		if ((size_t)n < room)
			return; /* most likely there is no more: readiness will say */
	}
}

/* Sends what the filter made (handshake, alerts, key updates). */
static void tls_flush(struct conn *c)
{
	if (c->broken == OK && tls_pending(c->tls) > 0 && buf_len(&c->out) == 0) {
		size_t budget = WRITE_BUDGET;

		if (conn_send_cipher(c, &budget) == SENT_BROKE)
			conn_broke(c, E_RESET, CONN_BROKE_WRITE);
		else
			conn_see_emptied(c);
	}
	conn_want(c);
}

static void tls_failed(struct conn *c, const struct err *err)
{
	tls_flush(c); /* the alert, if it goes */
	tell_ended(c, err->rc != OK ? err->rc : E_TLS, err);
}

/* One step of the handshake.  `opened` may be told, and more. */
static void shake(struct conn *c)
{
	struct err err;

	err_clear(&err);
	switch (tls_handshake(c->tls, &err)) {
	case TLS_MORE:
		tls_flush(c);
		break;
	case TLS_READY:
		move(c, CONN_OPEN);
		c->undigested = true; /* the peer's first words may have come along */
		tls_flush(c);
		if (c->ev != NULL && c->ev->opened != NULL)
			c->ev->opened(c->ctx);
		break;
	case TLS_END:
	case TLS_ERROR:
		tls_failed(c, &err);
		break;
	}
}

/* Hands out what the filter holds. */
static void digest(struct conn *c)
{
	while (reading(c) && c->undigested) {
		char *p = loop_read_buffer(c->loop);
		struct err err;
		size_t got = 0;

		err_clear(&err);
		switch (tls_read(c->tls, p, CONN_READ_BYTES, &got, &err)) {
		case TLS_MORE:
			c->undigested = false;
			tls_flush(c);
			break;
		case TLS_READY:
			give(c, slice_of(p, got));
			break;
		case TLS_END:
			tell_simple(c, E_CLOSED, "conn.closed");
			return;
		case TLS_ERROR:
			tls_failed(c, &err);
			return;
		}
	}
}

static void read_tls(struct conn *c, unsigned budget)
{
	digest(c);
	while (budget-- > 0 && (reading(c) || c->state == CONN_HANDSHAKE)) {
		char *p = loop_read_buffer(c->loop);
		enum rc rc = OK;
		ptrdiff_t n = sock_read(c->sock, p, CONN_READ_BYTES, &rc);

		if (n <= 0) {
			(void)read_stopped(c, n, rc);
			return;
		}
		if (!tls_put(c->tls, slice_of(p, (size_t)n))) {
			tell_simple(c, E_NOMEM, "conn.read");
			return;
		}
		if (c->state == CONN_HANDSHAKE)
			shake(c);
		else
			c->undigested = true;
		digest(c);
		if (n < CONN_READ_BYTES)
			return;
	}
}

static void read_some(struct conn *c, unsigned budget)
{
	if (c->tls != NULL)
		read_tls(c, budget);
	else
		read_plain(c, budget);
}

void conn_pause(struct conn *c)
{
	c->paused = true;
	conn_want(c);
}

void conn_resume(struct conn *c)
{
	c->paused = false;
	if (c->undigested)
		loop_later(c->loop, &c->later);
	conn_want(c);
}

void conn_read_into(struct conn *c, char *p, size_t n)
{
	if (c->tls != NULL)
		return;
	c->into = p;
	c->into_n = n;
}

/* ---- readiness --------------------------------------------------------------- */

static void connected(struct conn *c)
{
	struct err err;
	enum rc rc;

	err_clear(&err);
	rc = sock_connected(c->sock, &err);
	if (rc != OK) {
		tell_ended(c, rc, &err);
		return;
	}
	if (c->tls != NULL) {
		move(c, CONN_HANDSHAKE);
		shake(c);
		return;
	}
	move(c, CONN_OPEN);
	conn_want(c);
	if (c->ev != NULL && c->ev->opened != NULL)
		c->ev->opened(c->ctx);
}

static void tell_drained(struct conn *c)
{
	c->emptied = false;
	if (conn_queued(c) == 0 && c->state == CONN_OPEN && c->ev != NULL &&
	    c->ev->drained != NULL)
		c->ev->drained(c->ctx);
}

static void ready_to_write(struct conn *c)
{
	bool had = conn_queued(c) > 0;

	if (!had)
		return;
	if (conn_flush(c) == SENT_BROKE) {
		conn_broke(c, E_RESET, CONN_BROKE_WRITE);
		return;
	}
	conn_want(c);
	tell_drained(c);
}

static void closing_step(struct conn *c, unsigned ready);

static void on_ready(void *ctx, unsigned ready)
{
	struct conn *c = ctx;

	if (c->state >= CONN_FLUSHING) {
		closing_step(c, ready);
		return;
	}
	if (c->state == CONN_CONNECTING) {
		connected(c);
		return;
	}
	if ((ready & SOCK_WRITE) != 0)
		ready_to_write(c);
	/* The owner may have closed it just now. */
	if ((ready & SOCK_READ) != 0 && c->state < CONN_ENDED && c->broken == OK)
		read_some(c, READ_BUDGET);
}

/* The end of the turn: what the owner's own calls have left to be told. */
static void on_later(struct later *w)
{
	struct conn *c = CONTAINER_OF(w, struct conn, later);
	enum rc why = (enum rc)c->broken;

	if (why == OK) {
		if (c->emptied)
			tell_drained(c);
		if (c->state == CONN_HANDSHAKE)
			shake(c);
		if (c->undigested)
			digest(c);
		return;
	}
	/* The peer does not read any more, but its last words (an early answer) may be here. */
	if (c->state == CONN_OPEN)
		read_some(c, LAST_READS);
	if (c->state < CONN_ENDED)
		tell_simple(c, why, c->broke_id);
}

/* ---- closing ----------------------------------------------------------------- */

static void flushed(struct conn *c)
{
	if (!c->linger) {
		bury(c, false);
		return;
	}
	if (c->state == CONN_LINGERING)
		return;
	move(c, CONN_LINGERING);
	sock_shutdown(c->sock);
	timer_set(&c->timer, LINGER_US);
	conn_want(c);
}

/* Reads and drops.  False: there is no point in waiting longer. */
static bool drop_input(struct conn *c)
{
	for (unsigned i = 0; i < READ_BUDGET; i++) {
		enum rc rc = OK;
		ptrdiff_t n =
			sock_read(c->sock, loop_read_buffer(c->loop), CONN_READ_BYTES, &rc);

		if (n <= 0)
			return n < 0 && rc == E_FULL;
		c->dropped += (uint32_t)n;
		if (c->dropped > LINGER_BYTES)
			return false;
	}
	return true;
}

static void closing_step(struct conn *c, unsigned ready)
{
	if (c->state == CONN_GONE)
		return;
	if ((ready & SOCK_WRITE) != 0) {
		switch (conn_flush(c)) {
		case SENT_ALL:
			flushed(c);
			break;
		case SENT_SOME:
			break;
		case SENT_BROKE:
			bury(c, false);
			break;
		}
	}
	if ((ready & SOCK_READ) == 0 || c->state == CONN_GONE || drop_input(c))
		return;
	if (c->state == CONN_LINGERING) {
		bury(c, false);
		return;
	}
	c->linger = false; /* nothing to read out any more; what is queued may still leave */
	conn_want(c);
}

static void too_slow(struct timer *t)
{
	struct conn *c = CONTAINER_OF(t, struct conn, timer);

	/* Cut in the middle of the queue, it must not look like an end. */
	bury(c, c->state == CONN_FLUSHING);
}

static void close_slowly(struct conn *c, bool linger)
{
	if (c->tls != NULL)
		tls_finish(c->tls);
	later_cancel(&c->later);
	c->ev = NULL;
	c->linger = linger && c->state == CONN_OPEN; /* an ended peer sends no more */
	move(c, CONN_FLUSHING);
	timer_init(&c->timer, c->loop, too_slow);
	c->timed = true;
	timer_set(&c->timer, FLUSH_US);
	loop_keep(c->loop, &c->later, release);
	switch (conn_flush(c)) {
	case SENT_ALL:
		flushed(c);
		break;
	case SENT_SOME:
		conn_want(c);
		break;
	case SENT_BROKE:
		bury(c, false);
		break;
	}
}

void conn_close(struct conn *c, enum conn_close how)
{
	INVARIANT(conn_owned(c));
	if (how == CONN_ABORT) {
		bury(c, true);
		return;
	}
	/* Lent bytes go back to their owner now: without them the stream is cut. */
	if (c->lent != NULL) {
		bury(c, true);
		return;
	}
	if (how == CONN_NOW || c->broken != OK || c->state < CONN_OPEN) {
		c->ev = NULL;
		bury(c, false);
		return;
	}
	close_slowly(c, how == CONN_LINGER);
}

/* ---- facts ------------------------------------------------------------------- */

bool conn_is_tls(const struct conn *c)
{
	return c->tls != NULL;
}

void conn_remote(const struct conn *c, struct address *out)
{
	sock_remote(c->sock, out);
}

void conn_local(const struct conn *c, struct address *out)
{
	sock_local(c->sock, out);
}

uint64_t conn_bytes_in(const struct conn *c)
{
	return c->bytes_in;
}

uint64_t conn_bytes_out(const struct conn *c)
{
	return c->bytes_out;
}
