/* net/server_reply.c -- writes replies: heads, framing, and what does not fit in one go.
 *
 * A whole reply is one write.  A reply in pieces is corked: the pieces of a turn are gathered
 * and leave as one chunk in one write, the first of them together with the head and the last
 * one together with the closing chunk.  Only one request is corked at a time; another one's
 * pieces push the first one's out.
 */
#include "net/server_impl.h"

enum {
	HEAD_FIXED_MAX = 256, /* status line, Date, Connection and framing, generously */
	HEAD_SMALL = 2048,    /* built on the stack up to here */
};

/* ---- heads ------------------------------------------------------------------------- */

/* RFC 9110, 5.6.7; made anew once a second. */
static struct slice date(struct http_server *s)
{
	static const char days[] = "ThuFriSatSunMonTueWed";
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	uint64_t now = loop_now_us(s->loop);
	uint64_t wall, sec, day, era, doe, yoe, doy, mp, month, year;
	struct sb b;

	if (now < s->date_until_us)
		return slice_of(s->date, s->date_n);
	wall = loop_wall_us(s->loop);
	s->date_until_us = now + 1000000 - wall % 1000000;
	sec = wall / 1000000;
	day = sec / 86400;
	/* The civil date from the day number, years counted from March. */
	era = (day + 719468) / 146097;
	doe = (day + 719468) % 146097;
	yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	mp = (5 * doy + 2) / 153;
	month = mp < 10 ? mp + 3 : mp - 9;
	year = era * 400 + yoe + (month <= 2 ? 1 : 0);
	sb_init(&b, s->date, sizeof(s->date));
	sb_fmt(&b, "%.3s, %02u %.3s %04u %02u:%02u:%02u GMT", days + day % 7 * 3,
	       (unsigned)(doy - (153 * mp + 2) / 5 + 1), months + (month - 1) * 3,
	       (unsigned)year, (unsigned)(sec / 3600 % 24), (unsigned)(sec / 60 % 60),
	       (unsigned)(sec % 60));
	s->date_n = b.n;
	return sb_slice(&b);
}

static void put_status(struct sb *b, unsigned status)
{
	INVARIANT(status >= 200 && status <= 599);
	sb_str(b, LIT("HTTP/1.1 "));
	sb_u64(b, status);
	sb_char(b, ' ');
	sb_str(b, http_reason(status));
	sb_str(b, LIT("\r\n"));
}

/* What the server says by itself. */
static bool is_ours(struct slice name)
{
	switch (name.n) {
	case 4:
		return slice_ieq(name, LIT("date"));
	case 10:
		return slice_ieq(name, LIT("connection")) || slice_ieq(name, LIT("keep-alive"));
	case 14:
		return slice_ieq(name, LIT("content-length"));
	case 17:
		return slice_ieq(name, LIT("transfer-encoding"));
	default:
		return false;
	}
}

static size_t head_room(const struct header *h, size_t n)
{
	size_t room = HEAD_FIXED_MAX;

	for (size_t i = 0; i < n; i++)
		room += h[i].name.n + h[i].value.n + 4;
	return room;
}

/* Decides how the reply is framed, and writes its head.  `length` SIZE_MAX: unknown. */
static void put_head(struct http_request *r, struct sb *b, unsigned status,
		     const struct header *h, size_t n, size_t length)
{
	const struct http_head *req = &r->http.head;
	struct http_server *s = r->hc->server;
	bool empty = status == 204 || status == 304;

	r->begun = true;
	r->bodyless |= empty;
	r->chunked = length == SIZE_MAX && req->minor >= 1 && !r->bodyless;
	r->until_close = length == SIZE_MAX && req->minor == 0 && !r->bodyless;
	r->left = length;

	put_status(b, status);
	sb_str(b, LIT("Date: "));
	sb_str(b, date(s));
	sb_str(b, LIT("\r\n"));
	for (size_t i = 0; i < n; i++)
		if (!is_ours(h[i].name) && http1_name_ok(h[i].name) &&
		    http1_value_ok(h[i].value))
			http1_put(b, h[i].name, h[i].value);
	if (length != SIZE_MAX && !empty) {
		sb_str(b, LIT("Content-Length: "));
		sb_u64(b, length);
		sb_str(b, LIT("\r\n"));
	} else if (r->chunked) {
		sb_str(b, LIT("Transfer-Encoding: chunked\r\n"));
	}
	if (!req->keep_alive || r->until_close || s->draining)
		sb_str(b, LIT("Connection: close\r\n"));
	else if (req->minor == 0)
		sb_str(b, LIT("Connection: keep-alive\r\n"));
	sb_str(b, LIT("\r\n"));
	INVARIANT(!b->cut);
}

void http_refusal_write(struct http_server *s, struct conn *c, unsigned status,
			struct slice type, struct slice body, bool bodyless)
{
	char small[HEAD_FIXED_MAX + 128];
	struct slice v[2];
	struct sb b;

	sb_init(&b, small, sizeof(small));
	put_status(&b, status);
	sb_str(&b, LIT("Date: "));
	sb_str(&b, date(s));
	sb_str(&b, LIT("\r\n"));
	if (body.n > 0 && type.n > 0 && type.n < 100 && http1_value_ok(type))
		http1_put(&b, LIT("Content-Type"), type);
	sb_str(&b, LIT("Content-Length: "));
	sb_u64(&b, body.n);
	sb_str(&b, LIT("\r\nConnection: close\r\n\r\n"));
	INVARIANT(!b.cut);
	v[0] = sb_slice(&b);
	v[1] = body;
	s->stats.bytes_out += v[0].n + (bodyless ? 0 : body.n);
	/* When it does not go out there is nobody to tell. */
	(void)!conn_write(c, v, bodyless ? 1 : 2);
}

/* ---- to the connection ------------------------------------------------------------------ */

size_t http_conn_queued(const struct http_conn *hc)
{
	return buf_len(&hc->spill) + conn_queued(hc->conn);
}

/* Gives the connection what its queue has room for. */
static void pump(struct http_conn *hc)
{
	while (buf_len(&hc->spill) > 0 && hc->broken == OK &&
	       conn_queued(hc->conn) < SPILL_STEP) {
		struct slice s = slice_head(buf_slice(&hc->spill), SPILL_STEP);
		enum rc rc = conn_write(hc->conn, &s, 1);

		if (rc != OK) {
			hc->broken = (uint8_t)rc; /* `ended` follows */
			return;
		}
		buf_taken(&hc->spill, s.n);
	}
	if (buf_len(&hc->spill) == 0)
		buf_free(&hc->spill);
}

static void put(struct http_conn *hc, const struct slice *v, size_t n)
{
	enum rc rc = E_TOOBIG;

	if (hc->broken != OK)
		return;
	if (buf_len(&hc->spill) == 0)
		rc = conn_write(hc->conn, v, n);
	if (rc == E_TOOBIG) {
		rc = OK;
		for (size_t i = 0; i < n && rc == OK; i++)
			rc = buf_append(&hc->spill, v[i]);
		if (rc != OK) {
			http_conn_break(hc, rc);
			return;
		}
		pump(hc);
	} else if (rc != OK) {
		hc->broken = (uint8_t)rc; /* `ended` follows */
		return;
	}
	http_conn_watch(hc);
}

void http_conn_drained(struct http_conn *hc)
{
	struct http_request *r = hc->r;

	pump(hc);
	hc->write_timed = false;
	if (hc->broken != OK)
		return;
	if (http_conn_queued(hc) > 0) {
		http_conn_watch(hc);
		return;
	}
	if (hc->state == HC_FLUSH) {
		http_conn_flushed(hc);
	} else if (hc->state == HC_BUSY && r->blocked) {
		r->blocked = false;
		hc->server->handler->drained(hc->server->ctx, r->of_request);
	}
}

/* ---- pieces ------------------------------------------------------------------------------ */

/* Sends head, corked pieces and `v`, as far as there are any, in one write. */
static void send_pieces(struct http_request *r, const struct slice *v, size_t n, bool last)
{
	struct http_server *s = r->hc->server;
	char line[HTTP1_CHUNK_LINE_MAX];
	struct slice iov[REPLY_PIECES + 4];
	size_t bytes = 0;
	size_t body = 0;
	size_t k = 0;

	INVARIANT(n <= REPLY_PIECES);
	if (r->head.n > 0)
		iov[k++] = r->head;
	r->head = (struct slice){ NULL, 0 };
	if (s->corked == r)
		body = s->cork_n;
	for (size_t i = 0; i < n; i++)
		body += v[i].n;
	if (body > 0 && r->chunked)
		iov[k++] = http1_chunk_line(line, body);
	if (s->corked == r) {
		iov[k++] = slice_of(s->cork, s->cork_n);
		http_server_drop_cork(s, r);
	}
	for (size_t i = 0; i < n; i++)
		iov[k++] = v[i];
	if (r->chunked && (body > 0 || last))
		iov[k++] = body == 0 ? LIT("0\r\n\r\n")
			   : last    ? LIT("\r\n0\r\n\r\n")
				     : LIT("\r\n");
	for (size_t i = 0; i < k; i++)
		bytes += iov[i].n;
	if (bytes == 0)
		return;
	r->bytes += bytes;
	s->stats.bytes_out += bytes;
	put(r->hc, iov, k);
}

void http_server_uncork(struct http_server *s)
{
	if (s->corked != NULL)
		send_pieces(s->corked, NULL, 0, false);
}

void http_server_drop_cork(struct http_server *s, const struct http_request *r)
{
	if (s->corked != r)
		return;
	s->corked = NULL;
	s->cork_n = 0;
}

/* False: there is no room, send it. */
static bool cork(struct http_request *r, const struct slice *v, size_t n, size_t total)
{
	struct http_server *s = r->hc->server;

	if (s->corked != r)
		http_server_uncork(s);
	if (s->cork == NULL)
		s->cork = mem_get(s->mem, CORK_BYTES);
	if (s->cork == NULL || total > CORK_BYTES - s->cork_n)
		return false;
	s->corked = r;
	for (size_t i = 0; i < n; i++) {
		if (v[i].n > 0)
			memcpy(s->cork + s->cork_n, v[i].p, v[i].n);
		s->cork_n += v[i].n;
	}
	loop_later(s->loop, &s->uncork);
	return true;
}

/* ---- for the handler -----------------------------------------------------------------------
 */

void reply_send(struct http_request *r, unsigned status, const struct header *h, size_t n,
		struct slice body)
{
	char small[HEAD_SMALL];
	size_t room = head_room(h, n);
	char *p = room <= sizeof(small) ? small : arena_bytes(&r->arena, room);
	struct slice v[2];
	struct sb b;

	INVARIANT(r->hc->state == HC_BUSY && r->hc->r == r && !r->begun);
	if (p == NULL) {
		reply_abort(r);
		return;
	}
	sb_init(&b, p, room <= sizeof(small) ? sizeof(small) : room);
	put_head(r, &b, status, h, n, body.n);
	v[0] = sb_slice(&b);
	v[1] = r->bodyless ? (struct slice){ NULL, 0 } : body;
	r->hc->server->stats.bytes_out += v[0].n + v[1].n;
	put(r->hc, v, 2);
	http_request_over(r);
}

void reply_begin(struct http_request *r, unsigned status, const struct header *h, size_t n,
		 size_t length)
{
	size_t room = head_room(h, n);
	char *p = arena_bytes(&r->arena, room);
	struct sb b;

	INVARIANT(r->hc->state == HC_BUSY && r->hc->r == r && !r->begun);
	if (p == NULL) {
		r->begun = true;
		http_conn_break(r->hc, E_NOMEM);
		return;
	}
	sb_init(&b, p, room);
	put_head(r, &b, status, h, n, length);
	r->head = sb_slice(&b);
}

static bool counted(struct http_request *r, size_t total)
{
	if (r->chunked || r->until_close)
		return true;
	if (total > r->left)
		return false;
	r->left -= total;
	return true;
}

enum rc reply_write(struct http_request *r, const struct slice *v, size_t n)
{
	struct http_conn *hc = r->hc;
	size_t total = 0;

	INVARIANT(hc->r == r && r->begun);
	for (size_t i = 0; i < n; i++)
		total += v[i].n;
	if (hc->broken == OK && !r->bodyless && total > 0) {
		if (!counted(r, total)) {
			/* More than was promised would be read as the next reply. */
			http_conn_break(hc, E_BAD);
			return E_CLOSED;
		}
		if (n > REPLY_PIECES || !cork(r, v, n, total)) {
			for (; n > REPLY_PIECES; n -= REPLY_PIECES, v += REPLY_PIECES)
				send_pieces(r, v, REPLY_PIECES, false);
			send_pieces(r, v, n, false);
		}
	}
	if (hc->broken != OK)
		return E_CLOSED;
	/* With an empty queue nothing would drain. */
	if (http_conn_queued(hc) == 0 || reply_queued(r) <= hc->server->limits.queue_mark)
		return OK;
	r->blocked = true;
	return E_FULL;
}

size_t reply_queued(const struct http_request *r)
{
	const struct http_server *s = r->hc->server;

	return http_conn_queued(r->hc) + r->head.n + (s->corked == r ? s->cork_n : 0);
}

void reply_end(struct http_request *r)
{
	INVARIANT(r->hc->r == r && r->begun);
	if (!r->bodyless && !r->chunked && !r->until_close && r->left > 0) {
		reply_abort(r); /* shorter than promised: it must not look whole */
		return;
	}
	if (r->hc->broken == OK)
		send_pieces(r, NULL, 0, true);
	http_request_over(r);
}

void reply_abort(struct http_request *r)
{
	INVARIANT(r->hc->state == HC_BUSY && r->hc->r == r);
	http_conn_close(r->hc, CONN_ABORT);
}

uint64_t reply_bytes(const struct http_request *r)
{
	const struct http_server *s = r->hc->server;

	return r->bytes + (s->corked == r ? s->cork_n : 0);
}
