/* net/client_call.c -- one request and its response.
 *
 * The head is built when it is sent, and wiped after, because it holds a secret.  Head and a
 * small body are one write; a large body is lent to the connection together with its head.
 * Response bytes go to the caller out of the loop's read buffer.
 */
#include "net/client_impl.h"

/* Allowed moves; the one setter is set_state(). */
static const uint8_t moves[CALL_STATES] = {
	[CALL_WAITING] = 1 << CALL_SENT | 1 << CALL_OVER,
	[CALL_SENT] = 1 << CALL_WAITING | 1 << CALL_ANSWERED | 1 << CALL_OVER,
	[CALL_ANSWERED] = 1 << CALL_BODY | 1 << CALL_OVER,
	[CALL_BODY] = 1 << CALL_OVER,
	[CALL_OVER] = 0,
};

static void set_state(struct http_call *c, enum call_state to)
{
	INVARIANT((moves[c->state] >> to & 1) != 0);
	c->state = (uint8_t)to;
}

static struct http_client *client_of(const struct http_call *c)
{
	return c->origin->client;
}

/* ---- the line ------------------------------------------------------------------------- */

static void join_line(struct http_call *c, bool first)
{
	struct origin *o = c->origin;

	c->queued_us = loop_now_us(client_of(c)->loop);
	if (first)
		list_push_head(&o->waiting, &c->link);
	else
		list_push_tail(&o->waiting, &c->link);
	o->waiting_n++;
	client_of(c)->stats.waiting++;
}

void call_leave_line(struct http_call *c)
{
	if (c->state != CALL_WAITING || list_empty(&c->link))
		return;
	list_del(&c->link);
	c->origin->waiting_n--;
	client_of(c)->stats.waiting--;
}

/* ---- its end ---------------------------------------------------------------------------- */

static void wipe_head(struct http_call *c)
{
	if (c->head == NULL)
		return;
	mem_wipe(c->head, c->head_n);
	mem_put(client_of(c)->mem, c->head, c->head_n);
	c->head = NULL;
}

/* Lets go of the connection, which the caller sees to. */
static struct upstream *detach(struct http_call *c)
{
	struct upstream *u = c->up;

	c->up = NULL;
	if (u != NULL)
		u->call = NULL;
	return u;
}

static void over(struct http_call *c)
{
	struct http_client *client = client_of(c);

	call_leave_line(c);
	set_state(c, CALL_OVER);
	later_cancel(&c->later);
	list_push_tail(&client->dead_calls, &c->link);
	loop_later(client->loop, &client->reap);
	origin_let_go(c->origin);
}

void call_free(struct http_call *c)
{
	struct mem *mem = client_of(c)->mem;

	wipe_head(c);
	buf_free(&c->held);
	mem_put(mem, c, sizeof(*c));
}

void call_drop(struct http_call *c)
{
	(void)detach(c);
	over(c);
}

void call_fail(struct http_call *c, enum rc why, const struct err *err)
{
	struct upstream *u = detach(c);

	client_of(c)->stats.failed++;
	over(c);
	if (u != NULL)
		upstream_close(u);
	c->ev->failed(c->ctx, why, err);
}

static void fail_with(struct http_call *c, enum rc why, const char *id, const char *text)
{
	struct err err;

	err_clear(&err);
	(void)err_set(&err, why, id, "%s", text);
	call_fail(c, why, &err);
}

/* It cannot be sent; met inside somebody's call. */
static void break_off(struct http_call *c, enum rc why)
{
	call_leave_line(c);
	c->broken = (uint8_t)why;
	loop_later(client_of(c)->loop, &c->later);
}

/* ---- the request --------------------------------------------------------------------------
 */

/* What the client says by itself. */
static bool is_ours(struct slice name)
{
	switch (name.n) {
	case 4:
		return slice_ieq(name, LIT("host"));
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

static bool target_ok(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)s.p[i] <= ' ' || s.p[i] == 0x7f)
			return false;
	return s.n > 0;
}

static enum rc check_options(const struct http_call_options *o, struct err *err)
{
	if (!http1_name_ok(o->method) || !target_ok(o->target))
		return err_set(err, E_BAD, "net.target", "a bad method or target");
	for (size_t i = 0; i < o->header_n; i++)
		if (!http1_name_ok(o->headers[i].name) || !http1_value_ok(o->headers[i].value))
			return err_set(err, E_BAD, "net.header",
				       "header %.*s holds what a header may not",
				       SARG(o->headers[i].name));
	if (o->auth_name.n > 0 &&
	    (!http1_name_ok(o->auth_name) || !http1_value_ok(o->auth_prefix) ||
	     !http1_value_ok(secret_reveal(o->auth))))
		return err_set(err, E_BAD, "net.auth",
			       "the credential holds what a header may not (a line end?)");
	return OK;
}

static size_t body_bytes(const struct http_call_options *o)
{
	size_t n = 0;

	for (size_t i = 0; i < o->body_n; i++)
		INVARIANT(size_add(n, o->body[i].n, &n));
	return n;
}

static size_t head_room(const struct http_call *c)
{
	const struct http_call_options *o = &c->o;
	const struct origin *g = c->origin;
	size_t n = 128; /* the fixed words, and the length's digits */

	n += o->method.n + g->absolute.n + o->target.n + g->host_value.n;
	n += o->auth_name.n + o->auth_prefix.n + secret_reveal(o->auth).n;
	n += secret_reveal(g->proxy.auth).n;
	for (size_t i = 0; i < o->header_n; i++)
		n += o->headers[i].name.n + o->headers[i].value.n + 4;
	return n;
}

static bool wants_length(const struct http_call_options *o, size_t body)
{
	return body > 0 || slice_eq(o->method, LIT("POST")) ||
	       slice_eq(o->method, LIT("PUT")) || slice_eq(o->method, LIT("PATCH"));
}

static void put_head(struct sb *b, const struct http_call *c, size_t body)
{
	const struct http_call_options *o = &c->o;
	const struct origin *g = c->origin;

	sb_str(b, o->method);
	sb_char(b, ' ');
	sb_str(b, g->absolute);
	sb_str(b, o->target);
	sb_str(b, LIT(" HTTP/1.1\r\nHost: "));
	sb_str(b, g->host_value);
	sb_str(b, LIT("\r\n"));
	for (size_t i = 0; i < o->header_n; i++)
		if (!is_ours(o->headers[i].name))
			http1_put(b, o->headers[i].name, o->headers[i].value);
	if (o->auth_name.n > 0) {
		sb_str(b, o->auth_name);
		sb_str(b, LIT(": "));
		sb_str(b, o->auth_prefix);
		sb_str(b, secret_reveal(o->auth));
		sb_str(b, LIT("\r\n"));
	}
	if (g->absolute.n > 0 && !secret_empty(g->proxy.auth))
		http1_put(b, LIT("Proxy-Authorization"), secret_reveal(g->proxy.auth));
	if (wants_length(o, body)) {
		sb_str(b, LIT("Content-Length: "));
		sb_u64(b, body);
		sb_str(b, LIT("\r\n"));
	}
	sb_str(b, LIT("\r\n"));
	INVARIANT(!b->cut);
}

/* Head and body in one write. */
static enum rc write_all(struct http_call *c, struct conn *to, struct slice head, bool lend)
{
	struct mem *mem = client_of(c)->mem;
	struct slice few[CALL_PIECES];
	struct slice *v = few;
	size_t n = c->o.body_n + 1;
	enum rc rc;

	if (n > ARRAY_LEN(few))
		v = mem_get(mem, n * sizeof(*v));
	if (v == NULL)
		return E_NOMEM;
	v[0] = head;
	if (n > 1)
		memcpy(v + 1, c->o.body, (n - 1) * sizeof(*v));
	rc = lend ? conn_write_borrowed(to, v, n) : conn_write(to, v, n);
	if (v != few)
		mem_put(mem, v, n * sizeof(*v));
	return rc;
}

static enum rc write_request(struct http_call *c, struct conn *to)
{
	size_t body = body_bytes(&c->o);
	size_t room = head_room(c);
	bool lend = body >= BODY_BORROW_MIN;
	char small[HEAD_ON_STACK];
	struct sb b;
	enum rc rc;

	if (!lend && room <= sizeof(small)) {
		sb_init(&b, small, sizeof(small));
	} else {
		c->head = mem_get(client_of(c)->mem, room);
		c->head_n = room;
		if (c->head == NULL)
			return E_NOMEM;
		sb_init(&b, c->head, room);
	}
	put_head(&b, c, body);
	rc = write_all(c, to, sb_slice(&b), lend);
	client_of(c)->stats.bytes_out += rc == OK ? b.n + body : 0;
	if (c->head == NULL)
		mem_wipe(small, b.n);
	else if (!lend || rc != OK || conn_queued(to) == 0)
		wipe_head(c);
	return rc;
}

bool call_send(struct http_call *c, struct upstream *u)
{
	bool fresh = u->dial != NULL;
	enum rc rc = write_request(c, u->conn);

	if (rc == E_CLOSED && !fresh)
		return false; /* it died in the pool: another one may do */
	if (rc != OK) {
		break_off(c, rc == E_CLOSED ? E_RESET : rc);
		return false;
	}
	call_leave_line(c);
	set_state(c, CALL_SENT);
	upstream_set_state(u, UP_BUSY);
	u->call = c;
	c->up = u;
	c->times.sent_us = loop_now_us(client_of(c)->loop);
	c->times.reused = !fresh;
	if (fresh) {
		c->times.resolved_us = u->dial->resolved_us;
		c->times.connected_us = c->times.sent_us;
	} else {
		client_of(c)->stats.reused++;
	}
	http1_init(&c->http, HTTP1_RESPONSE, client_of(c)->limits.head_bytes);
	http1_begin(&c->http, c->arena, slice_eq(c->o.method, LIT("HEAD")));
	if (c->paused)
		conn_pause(u->conn);
	if (c->tell_sent)
		loop_later(client_of(c)->loop, &c->later);
	return true;
}

void call_drained(struct http_call *c)
{
	wipe_head(c); /* nothing is lent any more */
}

/* It met a connection that was closed in the pool before any byte was answered: once more,
 * on a new one (RFC 9112, 9.3.1). */
static void resend(struct http_call *c)
{
	struct upstream *u = detach(c);

	client_of(c)->stats.resent++;
	c->fresh = true;
	c->times.sent_us = 0;
	c->times.reused = false;
	set_state(c, CALL_WAITING);
	join_line(c, true);
	upstream_close(u); /* which dials for the line */
	wipe_head(c);
}

/* ---- the response ---------------------------------------------------------------------------
 */

static void fail_parse(struct http_call *c)
{
	const char *id = c->http.why;
	struct err err;
	enum rc why = E_BAD;

	if (slice_eq(slice_cstr(id), LIT("http1.memory")))
		why = E_NOMEM;
	else if (c->http.status == 431 || c->http.status == 414)
		why = E_TOOBIG;
	err_clear(&err);
	(void)err_set(&err, why, id, "the response from %.*s is not proper HTTP (%s)",
		      SARG(c->origin->host), id);
	call_fail(c, why, &err);
}

static void take_head(struct http_call *c)
{
	set_state(c, CALL_BODY);
	if (conn_queued(c->up->conn) > 0) {
		/* What it answers without having read the request: the rest is not sent,
		 * and the caller gets its bytes back. */
		c->cut = true;
		conn_take_back(c->up->conn);
		wipe_head(c);
	}
	c->ev->head(c->ctx, &c->http.head);
}

static void done(struct http_call *c, bool more)
{
	struct upstream *u = detach(c);
	const struct http_head *h = &c->http.head;
	bool keep = h->keep_alive && h->framing != HTTP1_UNTIL_CLOSE && !more && !c->cut &&
		    c->ended == OK && conn_queued(u->conn) == 0;

	over(c);
	if (keep)
		upstream_ready(u);
	else
		upstream_close(u);
	c->ev->end(c->ctx);
}

static void tell_sent(struct http_call *c)
{
	if (!c->tell_sent)
		return;
	c->tell_sent = false;
	c->ev->sent(c->ctx);
}

/* Returns what was not taken, because the caller has paused. */
static struct slice read_response(struct http_call *c, struct slice in)
{
	const struct slice none = { NULL, 0 };
	struct slice piece;

	while (!c->paused) {
		switch (http1_next(&c->http, &in, &piece)) {
		case HTTP1_MORE:
			return none;
		case HTTP1_HEAD:
			take_head(c);
			break;
		case HTTP1_BODY:
			c->ev->body(c->ctx, piece);
			break;
		case HTTP1_DONE:
			done(c, in.n > 0);
			return none;
		case HTTP1_ERROR:
			fail_parse(c);
			return none;
		}
		if (c->state == CALL_OVER)
			return none;
	}
	return in;
}

void call_data(struct http_call *c, struct slice bytes)
{
	if (c->state == CALL_SENT) {
		set_state(c, CALL_ANSWERED);
		c->times.first_byte_us = loop_now_us(client_of(c)->loop);
		tell_sent(c); /* a server may be quicker than the end of the turn */
		if (c->state == CALL_OVER)
			return;
	}
	if (buf_len(&c->held) == 0)
		bytes = read_response(c, bytes);
	if (bytes.n > 0 && buf_append(&c->held, bytes) != OK)
		fail_with(c, E_NOMEM, "net.hold", "no memory for a paused response");
}

void call_conn_ended(struct http_call *c, enum rc why, const struct err *err)
{
	if (c->state == CALL_SENT && c->times.reused && (why == E_CLOSED || why == E_RESET)) {
		resend(c);
	} else if (why == E_CLOSED && c->paused) {
		c->ended = (uint8_t)why; /* what is held comes first */
	} else if (why != E_CLOSED) {
		call_fail(c, why, err);
	} else if (c->state == CALL_BODY && http1_eof(&c->http) == OK) {
		done(c, true);
	} else if (c->state == CALL_SENT) {
		fail_with(c, E_CLOSED, "net.no_answer",
			  "the server closed the connection without an answer");
	} else {
		fail_with(c, E_CLOSED, "net.broke_off",
			  "the server closed the connection in the middle of its answer");
	}
}

static void go_on(struct http_call *c)
{
	struct slice in = buf_slice(&c->held);
	struct slice left = in;

	if (c->state >= CALL_ANSWERED)
		left = read_response(c, in);
	if (c->state == CALL_OVER)
		return;
	buf_taken(&c->held, in.n - left.n);
	if (c->paused)
		return;
	buf_free(&c->held);
	if (c->ended != OK)
		call_conn_ended(c, (enum rc)c->ended, NULL);
	else if (c->up != NULL)
		conn_resume(c->up->conn);
}

static void on_call_later(struct later *w)
{
	struct http_call *c = CONTAINER_OF(w, struct http_call, later);

	if (c->broken != OK) {
		fail_with(c, (enum rc)c->broken, "net.send", rc_text((enum rc)c->broken));
		return;
	}
	if (c->state != CALL_WAITING)
		tell_sent(c);
	if (c->state != CALL_OVER && !c->paused)
		go_on(c);
}

/* ---- for the caller
 * ---------------------------------------------------------------------------- */

/* An idle connection, the last used first; one that turns out to be dead is dropped. */
static bool send_on_idle(struct http_call *c)
{
	struct origin *o = c->origin;

	while (!list_empty(&o->idle) && c->broken == OK) {
		struct upstream *u = CONTAINER_OF(o->idle.next, struct upstream, link);

		if (call_send(c, u))
			return true;
		upstream_close(u);
	}
	return c->broken != OK;
}

enum rc http_call_start(struct http_call **out, struct origin *o,
			const struct http_call_options *options, struct arena *arena,
			const struct http_call_events *ev, void *ctx, struct err *err)
{
	struct http_client *client = o->client;
	enum rc rc = check_options(options, err);
	struct http_call *c;

	if (rc != OK)
		return rc;
	c = mem_zero(client->mem, sizeof(*c));
	if (c == NULL)
		return err_nomem(err, "net.call");
	c->origin = o;
	c->o = *options;
	c->arena = arena;
	c->ev = ev;
	c->ctx = ctx;
	c->times.started_us = loop_now_us(client->loop);
	c->tell_sent = ev->sent != NULL;
	list_init(&c->link);
	later_init(&c->later, on_call_later);
	buf_init(&c->held, client->mem, 2 * (size_t)CONN_READ_BYTES);
	origin_hold(o);
	if (!send_on_idle(c)) {
		join_line(c, false);
		origin_dial_for_waiting(o);
	}
	*out = c;
	return OK;
}

/* A dial that was begun for a call which is gone now would only be in the way of the next: it
 * may be about to fail. */
static void drop_surplus_dial(struct origin *o)
{
	struct upstream *oldest = NULL;
	size_t n = 0;

	for (struct link *l = o->dialling.prev; l != &o->dialling; l = l->prev) {
		struct upstream *u = CONTAINER_OF(l, struct upstream, link);

		if (u->dial->ahead)
			continue;
		oldest = u;
		n++;
	}
	if (n > o->waiting_n)
		upstream_close(oldest);
}

void http_call_cancel(struct http_call *c)
{
	struct origin *o = c->origin;
	struct upstream *u = detach(c);

	origin_hold(o);
	over(c);
	if (u != NULL)
		upstream_close(u);
	else
		drop_surplus_dial(o);
	origin_let_go(o);
}

void http_call_pause(struct http_call *c)
{
	c->paused = true;
	if (c->up != NULL)
		conn_pause(c->up->conn);
}

void http_call_resume(struct http_call *c)
{
	if (!c->paused)
		return;
	c->paused = false;
	loop_later(client_of(c)->loop, &c->later);
}

const struct http_call_times *http_call_times(const struct http_call *c)
{
	return &c->times;
}
