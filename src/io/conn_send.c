/* io/conn_send.c -- what a connection sends.
 *
 * Outgoing bytes stand in up to three places, and leave in this order:
 *   1. `out`, copies (plain bytes, or ciphertext) that the socket did not take;
 *   2. the TLS filter's own pending ciphertext;
 *   3. `lent`, the caller's pieces, sent (or encrypted, one record's worth at a time) only
 *      when the first two are empty.
 */
#include "io/conn_impl.h"
#include "io/tls.h"

enum { PIECES_MAX = 64 /* slices given to one sock_write() */ };

void conn_drop_lent(struct conn *c)
{
	struct lent *b = c->lent;

	c->lent = NULL;
	if (b != NULL)
		mem_put(loop_mem(c->loop), b, sizeof(*b) + b->cap * sizeof(b->v[0]));
}

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
enum sent conn_send_cipher(struct conn *c, size_t *budget)
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
		conn_drop_lent(c);
	return SENT_ALL;
}

enum sent conn_flush(struct conn *c)
{
	size_t budget = WRITE_BUDGET;

	while (budget > 0) {
		enum sent s = send_out(c, &budget);

		if (s == SENT_ALL && c->tls != NULL)
			s = conn_send_cipher(c, &budget);
		if (s == SENT_ALL && c->lent == NULL)
			return SENT_ALL;
		if (s == SENT_ALL)
			s = send_lent(c, &budget);
		if (s != SENT_ALL)
			return s;
	}
	return conn_queued(c) > 0 ? SENT_SOME : SENT_ALL;
}

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

void conn_see_emptied(struct conn *c)
{
	if ((c->wanted & SOCK_WRITE) == 0 || conn_queued(c) > 0)
		return;
	c->emptied = true;
	loop_later(c->loop, &c->later);
}

static enum rc write_tls(struct conn *c, const struct slice *v, size_t n)
{
	INVARIANT(c->state == CONN_OPEN); /* before `opened` nothing can be encrypted */
	if (encrypt(c, v, n) != OK) {
		conn_broke(c, E_TLS, CONN_BROKE_WRITE);
		return E_CLOSED;
	}
	c->bytes_out += total(v, n);
	if (conn_flush(c) == SENT_BROKE) {
		conn_broke(c, E_RESET, CONN_BROKE_WRITE);
		return E_CLOSED;
	}
	conn_see_emptied(c);
	conn_want(c);
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

	INVARIANT(conn_owned(c) && c->lent == NULL);
	if (!writable(c))
		return E_CLOSED;
	if (bytes == 0)
		return OK;
	if (bytes > CONN_QUEUE_MAX || conn_queued(c) > CONN_QUEUE_MAX - bytes)
		return E_TOOBIG;
	if (c->tls != NULL)
		return write_tls(c, v, n);
	if (buf_len(&c->out) == 0 && c->state == CONN_OPEN) {
		sent = sock_write(c->sock, v, size_min(n, PIECES_MAX), &rc);
		if (sent < 0 && rc != E_FULL) {
			conn_broke(c, E_RESET, CONN_BROKE_WRITE);
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
		conn_broke(c, E_NOMEM, CONN_BROKE_WRITE);
	else
		conn_want(c);
	return rc;
}

enum rc conn_write_borrowed(struct conn *c, const struct slice *v, size_t n)
{
	size_t bytes = total(v, n);
	struct lent *b;

	INVARIANT(conn_owned(c) && c->lent == NULL);
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
	if (c->state == CONN_OPEN && conn_flush(c) == SENT_BROKE) {
		conn_broke(c, E_RESET, CONN_BROKE_WRITE);
		return E_CLOSED;
	}
	conn_want(c);
	return OK;
}

void conn_take_back(struct conn *c)
{
	conn_drop_lent(c);
	conn_want(c);
}

size_t conn_queued(const struct conn *c)
{
	return buf_len(&c->out) + (c->tls != NULL ? tls_pending(c->tls) : 0) +
	       (c->lent != NULL ? c->lent->bytes : 0);
}
