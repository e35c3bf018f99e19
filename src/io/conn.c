/* io/conn.c -- the byte stream of io/conn.h over a backend's sockets and the TLS filter.
 *
 * Outgoing bytes stand in up to three places, and leave in this order:
 *   1. `out`, copies (plain bytes, or ciphertext) that the socket did not take;
 *   2. the TLS filter's own pending ciphertext;
 *   3. `lent`, the caller's pieces, sent (or encrypted, one record's worth at a time) only
 *      when the first two are empty.
 *
 * Incoming bytes are read into the loop's buffer, or into the caller's (conn_read_into).
 * With TLS the plaintext is handed out in that same buffer, after the ciphertext in it has
 * gone into the filter.
 *
 * An error met inside a call of the owner is kept in `broken` and told at the end of the turn.
 */
#include "io/conn.h"

#include "base/buf.h"
#include "io/conn_impl.h"
#include "io/loop_impl.h"
#include "io/tls.h"

enum {
	READ_BUDGET = 4,        /* buffers read per readiness: then others have their turn */
	WRITE_BUDGET = 1 << 20, /* bytes written per readiness */
	LAST_READS = 64,        /* buffers read out of a connection that can no longer write */
	TLS_PIECE = 16384,      /* plaintext of one TLS record */
	PIECES_MAX = 64,        /* slices given to one sock_write() */
	LINGER_BYTES = 256 << 10,
};
#define FLUSH_US  10000000U
#define LINGER_US 2000000U

enum conn_state {
	CONN_CONNECTING,
	CONN_HANDSHAKE, /* TLS */
	CONN_OPEN,
	CONN_ENDED,     /* `ended` was told */
	CONN_FLUSHING,  /* closed by its owner; bytes still leave */
	CONN_LINGERING, /* our stream has ended; the peer's is read and dropped */
	CONN_GONE,      /* waits for the end of the turn */
};

/* Pieces of the caller that have not been sent. */
struct lent {
	size_t cap, n, at; /* v[at .. n) are left; for mem_put() */
	size_t bytes;      /* in them */
	struct slice v[];
};

struct conn {
	struct sock *sock;
	struct loop *loop;
	const struct conn_events *ev; /* NULL: nobody listens */
	void *ctx;
	struct later later;
	struct tls *tls;
	struct lent *lent;
	struct buf out;
	char *into; /* conn_read_into() */
	size_t into_n;
	uint64_t bytes_in, bytes_out;
	struct timer timer;   /* made when a close has to wait */
	const char *broke_id; /* what `broken` is about */
	uint32_t dropped;     /* bytes read while lingering */
	uint8_t state;        /* enum conn_state */
	uint8_t broken;       /* enum rc: writing failed; told by on_later() */
	uint8_t wanted;       /* SOCK_* as last told to the socket */
	bool paused;
	bool linger;     /* of a FLUSHING one */
	bool timed;      /* `timer` was made */
	bool undigested; /* the TLS filter may still hold plaintext */
};

static sock_fn on_ready;
static later_fn on_later;
static void want(struct conn *c);

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

/* The owner still has it. */
static bool owned(const struct conn *c)
{
	return c->state <= CONN_ENDED;
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

static void drop_lent(struct conn *c)
{
	struct lent *b = c->lent;

	c->lent = NULL;
	if (b != NULL)
		mem_put(loop_mem(c->loop), b, sizeof(*b) + b->cap * sizeof(b->v[0]));
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
	drop_lent(c);
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
	want(c);
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
	want(c);
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
	want(c);
	return OK;
}

void conn_listen(struct conn *c, const struct conn_events *ev, void *ctx)
{
	INVARIANT(owned(c));
	c->ev = ev;
	c->ctx = ctx;
	if (c->undigested && !c->paused)
		loop_later(c->loop, &c->later);
	want(c);
}

/* ---- what happened ----------------------------------------------------------- */

static size_t queued(const struct conn *c)
{
	return buf_len(&c->out) + (c->tls != NULL ? tls_pending(c->tls) : 0) +
	       (c->lent != NULL ? c->lent->bytes : 0);
}

/* Which readiness is needed now.  Called after anything that could change it. */
static void want(struct conn *c)
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
	else if (c->state > CONN_CONNECTING && queued(c) > 0)
		w |= SOCK_WRITE;
	if (w != c->wanted) {
		c->wanted = (uint8_t)w;
		sock_want(c->sock, w);
	}
}

static void drop_queue(struct conn *c)
{
	drop_lent(c);
	buf_free(&c->out);
}

static void tell_ended(struct conn *c, enum rc why, const struct err *err)
{
	INVARIANT(c->state < CONN_ENDED);
	move(c, CONN_ENDED);
	want(c);
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

/* The stream can no longer be written to, and `ended` is to be told at the end of the turn. */
static void broke(struct conn *c, enum rc why, const char *id)
{
	if (c->broken == OK) {
		c->broken = (uint8_t)why;
		c->broke_id = id;
	}
	drop_queue(c);
	want(c);
	loop_later(c->loop, &c->later);
}

/* ---- writing ----------------------------------------------------------------- */

enum sent {
	SENT_ALL,
	SENT_SOME, /* the socket is full, or the budget is spent */
	SENT_BROKE,
};

static enum sent send_out(struct conn *c, size_t *budget)
{
	struct slice s = buf_slice(&c->out);
	enum rc rc = OK;
	ptrdiff_t n;

	if (s.n == 0)
		return SENT_ALL;
	n = sock_write(c->sock, &s, 1, &rc);
	if (n < 0)
		return rc == E_FULL ? SENT_SOME : SENT_BROKE;
	buf_taken(&c->out, (size_t)n);
	if (c->tls == NULL)
		c->bytes_out += (uint64_t)n;
	*budget -= size_min(*budget, (size_t)n);
	if (buf_len(&c->out) > 0)
		return SENT_SOME;
	buf_free(&c->out); /* an idle connection holds nothing */
	return SENT_ALL;
}

/* Through the stack and not the loop's buffer: the caller may be inside `data` with bytes
 * there. */
static enum sent send_cipher(struct conn *c, size_t *budget)
{
	char tmp[TLS_PIECE + 1024];

	while (tls_pending(c->tls) > 0 && *budget > 0) {
		struct slice s = { tmp, tls_take(c->tls, tmp, sizeof(tmp)) };
		enum rc rc = OK;
		ptrdiff_t n = sock_write(c->sock, &s, 1, &rc);

		if (n < 0 && rc != E_FULL)
			return SENT_BROKE;
		n = n < 0 ? 0 : n;
		*budget -= size_min(*budget, (size_t)n);
		if ((size_t)n == s.n)
			continue;
		return buf_append(&c->out, slice_skip(s, (size_t)n)) == OK ? SENT_SOME
									   : SENT_BROKE;
	}
	return tls_pending(c->tls) == 0 ? SENT_ALL : SENT_SOME;
}

static size_t total(const struct slice *v, size_t n)
{
	size_t sum = 0;

	for (size_t i = 0; i < n; i++)
		INVARIANT(size_add(sum, v[i].n, &sum));
	return sum;
}

static void lent_taken(struct lent *b, size_t n)
{
	b->bytes -= n;
	while (b->at < b->n && n >= b->v[b->at].n)
		n -= b->v[b->at++].n;
	if (n > 0)
		b->v[b->at] = slice_skip(b->v[b->at], n);
}

static enum sent send_lent(struct conn *c, size_t *budget)
{
	struct lent *b = c->lent;
	enum rc rc = OK;
	ptrdiff_t n;

	if (c->tls != NULL) {
		struct slice s = slice_head(b->v[b->at], TLS_PIECE);

		if (s.n > 0 && tls_write(c->tls, s, NULL) != OK)
			return SENT_BROKE;
		c->bytes_out += s.n;
		lent_taken(b, s.n);
	} else {
		size_t pieces = size_min(b->n - b->at, PIECES_MAX);
		size_t offered = total(b->v + b->at, pieces);

		n = sock_write(c->sock, b->v + b->at, pieces, &rc);
		if (n < 0)
			return rc == E_FULL ? SENT_SOME : SENT_BROKE;
		c->bytes_out += (uint64_t)n;
		*budget -= size_min(*budget, (size_t)n);
		lent_taken(b, (size_t)n);
		if ((size_t)n < offered)
			return SENT_SOME; /* asking again would only be told that it is full */
	}
	if (b->bytes == 0)
		drop_lent(c);
	return SENT_ALL;
}

/* Sends what stands in line, as far as the socket takes it. */
static enum sent flush(struct conn *c)
{
	size_t budget = WRITE_BUDGET;

	while (budget > 0) {
		enum sent s = send_out(c, &budget);

		if (s == SENT_ALL && c->tls != NULL)
			s = send_cipher(c, &budget);
		if (s == SENT_ALL && c->lent == NULL)
			return SENT_ALL;
		if (s == SENT_ALL)
			s = send_lent(c, &budget);
		if (s != SENT_ALL)
			return s;
	}
	return queued(c) > 0 ? SENT_SOME : SENT_ALL;
}

/* How the system says that the peer is gone; else we ran out of memory. */
static const char broke_write[] = "conn.write";

static bool writable(const struct conn *c)
{
	return c->state <= CONN_OPEN && c->broken == OK;
}

/* Pieces become full records: each costs 22 bytes and a run of the cipher. */
static enum rc encrypt(struct conn *c, const struct slice *v, size_t n)
{
	char record[TLS_PIECE];
	size_t held = 0;
	enum rc rc = OK;

	if (n == 1)
		return tls_write(c->tls, v[0], NULL);
	for (size_t i = 0; i < n; i++) {
		struct slice s = v[i];

		while (s.n > 0 && rc == OK) {
			size_t take = size_min(s.n, TLS_PIECE - held);

			memcpy(record + held, s.p, take);
			held += take;
			s = slice_skip(s, take);
			if (held == TLS_PIECE) {
				rc = tls_write(c->tls, slice_of(record, held), NULL);
				held = 0;
			}
		}
	}
	return rc == OK ? tls_write(c->tls, slice_of(record, held), NULL) : rc;
}

static enum rc write_tls(struct conn *c, const struct slice *v, size_t n)
{
	INVARIANT(c->state == CONN_OPEN); /* before `opened` nothing can be encrypted */
	if (encrypt(c, v, n) != OK) {
		broke(c, E_TLS, broke_write);
		return E_CLOSED;
	}
	c->bytes_out += total(v, n);
	if (flush(c) == SENT_BROKE) {
		broke(c, E_RESET, broke_write);
		return E_CLOSED;
	}
	want(c);
	return OK;
}

/* Queues all but the first `skip` bytes. */
static enum rc queue(struct conn *c, const struct slice *v, size_t n, size_t skip)
{
	enum rc rc = OK;

	for (size_t i = 0; i < n && rc == OK; i++) {
		struct slice s = slice_skip(v[i], skip);

		skip -= size_min(skip, v[i].n);
		rc = buf_append(&c->out, s);
	}
	return rc;
}

enum rc conn_write(struct conn *c, const struct slice *v, size_t n)
{
	size_t bytes = total(v, n);
	enum rc rc = OK;
	ptrdiff_t sent = 0;

	INVARIANT(owned(c) && c->lent == NULL);
	if (!writable(c))
		return E_CLOSED;
	if (bytes == 0)
		return OK;
	if (bytes > CONN_QUEUE_MAX || queued(c) > CONN_QUEUE_MAX - bytes)
		return E_TOOBIG;
	if (c->tls != NULL)
		return write_tls(c, v, n);
	if (buf_len(&c->out) == 0 && c->state == CONN_OPEN) {
		sent = sock_write(c->sock, v, size_min(n, PIECES_MAX), &rc);
		if (sent < 0 && rc != E_FULL) {
			broke(c, E_RESET, broke_write);
			return E_CLOSED;
		}
		sent = sent < 0 ? 0 : sent;
		c->bytes_out += (uint64_t)sent;
		if ((size_t)sent == bytes)
			return OK;
	}
	/* A hole in the stream must not be: without memory for the rest it is broken. */
	rc = queue(c, v, n, (size_t)sent);
	if (rc != OK)
		broke(c, E_NOMEM, broke_write);
	else
		want(c);
	return rc;
}

enum rc conn_write_borrowed(struct conn *c, const struct slice *v, size_t n)
{
	size_t bytes = total(v, n);
	struct lent *b;

	INVARIANT(owned(c) && c->lent == NULL);
	if (!writable(c))
		return E_CLOSED;
	if (bytes == 0)
		return OK;
	INVARIANT(c->tls == NULL || c->state == CONN_OPEN);
	b = mem_get(loop_mem(c->loop), sizeof(*b) + n * sizeof(b->v[0]));
	if (b == NULL)
		return E_NOMEM;
	*b = (struct lent){ .cap = n, .bytes = bytes };
	for (size_t i = 0; i < n; i++)
		if (v[i].n > 0)
			b->v[b->n++] = v[i];
	c->lent = b;
	if (c->state == CONN_OPEN && flush(c) == SENT_BROKE) {
		broke(c, E_RESET, broke_write);
		return E_CLOSED;
	}
	want(c);
	return OK;
}

void conn_take_back(struct conn *c)
{
	drop_lent(c);
	want(c);
}

size_t conn_queued(const struct conn *c)
{
	return queued(c);
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

		if (send_cipher(c, &budget) == SENT_BROKE)
			broke(c, E_RESET, broke_write);
	}
	want(c);
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
	want(c);
}

void conn_resume(struct conn *c)
{
	c->paused = false;
	if (c->undigested)
		loop_later(c->loop, &c->later);
	want(c);
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
	want(c);
	if (c->ev != NULL && c->ev->opened != NULL)
		c->ev->opened(c->ctx);
}

static void ready_to_write(struct conn *c)
{
	bool had = queued(c) > 0;

	if (!had)
		return;
	if (flush(c) == SENT_BROKE) {
		broke(c, E_RESET, broke_write);
		return;
	}
	want(c);
	if (queued(c) == 0 && c->state == CONN_OPEN && c->ev != NULL && c->ev->drained != NULL)
		c->ev->drained(c->ctx);
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
	want(c);
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
		switch (flush(c)) {
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
	want(c);
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
	switch (flush(c)) {
	case SENT_ALL:
		flushed(c);
		break;
	case SENT_SOME:
		want(c);
		break;
	case SENT_BROKE:
		bury(c, false);
		break;
	}
}

void conn_close(struct conn *c, enum conn_close how)
{
	INVARIANT(owned(c));
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
