/* net/client_dial.c -- opens connections: name, address after address, proxy, TLS.
 *
 * All of it together has the origin's connect timeout; each address that is left has an
 * equal share of what is left of that.  The order is the system's, from the address that worked
 * last.  Addresses are kept for a while (dns_ttl_us); when a later look-up fails the old ones
 * are used, as a resolver that is down for a moment is no reason to stop.
 */
#include "net/client_impl.h"

enum { RETRY_DNS_US = 1000000 }; /* after a look-up that failed while old addresses are known */

static resolve_fn on_resolved;

static struct loop *loop_of(const struct upstream *u)
{
	return u->origin->client->loop;
}

void dial_free(struct upstream *u)
{
	struct dial *d = u->dial;

	if (d == NULL)
		return;
	u->dial = NULL;
	timer_done(&d->timer);
	later_cancel(&d->later);
	arena_free(&d->arena);
	mem_put(u->origin->client->mem, d, sizeof(*d));
}

/* The call that this failure ends: the oldest that was waiting when the dial began. */
static struct http_call *victim(const struct origin *o, uint64_t started_us)
{
	for (struct link *l = o->waiting.next; l != &o->waiting; l = l->next) {
		struct http_call *c = CONTAINER_OF(l, struct http_call, link);

		if (c->queued_us <= started_us)
			return c;
	}
	return NULL;
}

/* It did not open.  From the top of the loop only: a call is told. */
static void dial_failed(struct upstream *u)
{
	struct origin *o = u->origin;
	struct err err = u->dial->err;
	enum rc why = u->dial->rc;
	struct http_call *c = victim(o, u->dial->started_us);

	log_event(o->client->log, LOG_DEBUG, "net.connect_failed", F_STR("host", o->host),
		  F_CSTR("id", err.id != NULL ? err.id : ""), F_CSTR("text", err.text));
	o->fresh_until_us = 0; /* the name may have moved */
	origin_hold(o);
	if (c == NULL) {
		upstream_close(u); /* which dials again for those who came later */
	} else {
		/* The call first, or another connection would be opened for it. */
		call_leave_line(c);
		upstream_close(u);
		call_fail(c, why, &err);
	}
	origin_let_go(o);
}

static void on_dial_later(struct later *w)
{
	dial_failed(CONTAINER_OF(w, struct dial, later)->up);
}

/* Tries the next address.  False: there is none, or no time; `rc` and `err` say what was. */
static bool connect_next(struct upstream *u)
{
	struct origin *o = u->origin;
	struct dial *d = u->dial;
	uint64_t now = loop_now_us(loop_of(u));

	arena_free(&d->arena);
	while (d->tried < o->address_n && now < d->deadline_us) {
		uint64_t share = (d->deadline_us - now) / (o->address_n - d->tried);

		d->at = (o->address_good + d->tried++) % o->address_n;
		err_clear(&d->err);
		d->rc = conn_connect(&u->conn, loop_of(u), &o->addresses[d->at],
				     o->tunnel ? NULL : o->tls, o->host, &upstream_events, u,
				     &d->err);
		if (d->rc != OK) {
			u->conn = NULL;
			continue;
		}
		upstream_set_state(u, UP_CONNECTING);
		timer_set(&d->timer, share);
		return true;
	}
	if (d->rc == OK)
		d->rc = err_set(&d->err, E_TIMEOUT, "net.connect_timeout",
				"connecting to %.*s took too long", SARG(o->peer));
	return false;
}

/* This address is no good. */
static void try_next(struct upstream *u)
{
	if (u->conn != NULL)
		conn_close(u->conn, CONN_NOW);
	u->conn = NULL;
	if (!connect_next(u))
		dial_failed(u);
}

static void on_dial_timer(struct timer *t)
{
	struct dial *d = CONTAINER_OF(t, struct dial, timer);
	bool looking = d->up->state == UP_RESOLVING;

	err_clear(&d->err);
	d->rc = err_set(&d->err, E_TIMEOUT, looking ? "net.dns_timeout" : "net.connect_timeout",
			"%s %.*s took too long", looking ? "looking up" : "connecting to",
			SARG(d->up->origin->peer));
	if (looking)
		dial_failed(d->up);
	else
		try_next(d->up);
}

/* ---- names ----------------------------------------------------------------------------- */

static void keep_addresses(struct origin *o, const struct address *a, size_t n)
{
	struct address good = o->addresses[o->address_good];
	bool had = o->address_n > 0;

	o->address_n = 0;
	o->address_good = 0;
	for (size_t i = 0; i < n && o->address_n < ADDRESSES_MAX; i++) {
		/* What is connected to is what was checked: it is not looked up again. */
		if (o->public_only && !address_is_public(&a[i]))
			continue;
		if (had && a[i].len == good.len &&
		    memcmp(a[i].bytes, good.bytes, good.len) == 0)
			o->address_good = o->address_n;
		o->addresses[o->address_n++] = a[i];
	}
}

static void on_resolved(void *ctx, enum rc rc, const struct address *a, size_t n,
			const struct err *err)
{
	struct origin *o = ctx;
	uint64_t now = loop_now_us(o->client->loop);
	struct link batch, *l, *next;

	o->resolving = NULL;
	if (rc == OK && n > 0) {
		keep_addresses(o, a, n);
		o->fresh_until_us = now + o->client->limits.dns_ttl_us;
	} else if (o->address_n > 0) {
		o->fresh_until_us = now + RETRY_DNS_US;
	}
	/* A failed call's owner may dial again at once: that one is not of this batch. */
	list_init(&batch);
	for (l = o->dialling.next; l != &o->dialling; l = next) {
		next = l->next;
		if (CONTAINER_OF(l, struct upstream, link)->state == UP_RESOLVING) {
			list_del(l);
			list_push_tail(&batch, l);
		}
	}
	origin_hold(o);
	while ((l = list_pop_head(&batch)) != NULL) {
		struct upstream *u = CONTAINER_OF(l, struct upstream, link);

		list_push_tail(&o->dialling, l);
		u->dial->resolved_us = now;
		if (o->address_n > 0) {
			if (!connect_next(u))
				dial_failed(u);
			continue;
		}
		u->dial->rc = rc != OK ? rc : E_DNS;
		if (err != NULL)
			u->dial->err = *err;
		if (rc == OK && n > 0)
			u->dial->rc = err_private(&u->dial->err, o->peer);
		dial_failed(u);
	}
	origin_let_go(o);
}

/* ---- beginning --------------------------------------------------------------------------- */

bool dial_start(struct origin *o, bool ahead)
{
	struct mem *mem = o->client->mem;
	uint64_t now = loop_now_us(o->client->loop);
	struct upstream *u = mem_zero(mem, sizeof(*u));
	struct dial *d = mem_zero(mem, sizeof(*d));

	if (u == NULL || d == NULL) {
		mem_put(mem, u, sizeof(*u));
		mem_put(mem, d, sizeof(*d));
		return false;
	}
	u->origin = o;
	u->dial = d;
	d->up = u;
	d->ahead = ahead;
	d->started_us = now;
	d->deadline_us = now + o->connect_timeout_us;
	timer_init(&d->timer, o->client->loop, on_dial_timer);
	later_init(&d->later, on_dial_later);
	arena_init(&d->arena, mem, 1024, 4 * (size_t)PROXY_HEAD_MAX);
	list_push_tail(&o->dialling, &u->link);
	o->dialling_n++;
	origin_hold(o);

	if (o->literal || (o->address_n > 0 && now < o->fresh_until_us)) {
		if (!connect_next(u))
			loop_later(o->client->loop, &d->later);
		return true;
	}
	timer_set(&d->timer, o->connect_timeout_us);
	if (o->resolving != NULL)
		return true;
	d->rc = resolve_start(&o->resolving, o->client->loop, o->peer, o->peer_port,
			      on_resolved, o, &d->err);
	if (d->rc != OK) {
		o->resolving = NULL;
		loop_later(o->client->loop, &d->later);
	}
	return true;
}

/* ---- a tunnel through a proxy (RFC 9110, 9.3.6) --------------------------------------------
 */

static bool ask_proxy(struct upstream *u)
{
	struct origin *o = u->origin;
	struct dial *d = u->dial;
	char text[2048];
	struct slice head;
	struct sb b;

	sb_init(&b, text, sizeof(text));
	for (int i = 0; i < 2; i++) {
		bool ipv6 = slice_find_char(o->host, ':') != SLICE_NONE;

		sb_str(&b, i == 0 ? LIT("CONNECT ") : LIT("Host: "));
		sb_str(&b, ipv6 ? LIT("[") : LIT(""));
		sb_str(&b, o->host);
		sb_str(&b, ipv6 ? LIT("]:") : LIT(":"));
		sb_u64(&b, o->port);
		sb_str(&b, i == 0 ? LIT(" HTTP/1.1\r\n") : LIT("\r\n"));
	}
	if (!secret_empty(o->proxy.auth))
		http1_put(&b, LIT("Proxy-Authorization"), secret_reveal(o->proxy.auth));
	sb_str(&b, LIT("\r\n"));
	INVARIANT(!b.cut); /* a host has 255 bytes, the userinfo a maximum */
	head = sb_slice(&b);
	d->rc = conn_write(u->conn, &head, 1);
	mem_wipe(text, b.n);
	if (d->rc != OK)
		return false;
	http1_init(&d->http, HTTP1_RESPONSE, PROXY_HEAD_MAX);
	http1_begin(&d->http, &d->arena, true);
	upstream_set_state(u, UP_PROXY);
	return true;
}

/* Another address of the same proxy would say the same. */
static void proxy_refused(struct upstream *u, const char *id, const char *text)
{
	struct dial *d = u->dial;

	err_clear(&d->err);
	d->rc = err_set(&d->err, E_CONNECT, id, "%s (status %u)", text, d->http.head.status);
	dial_failed(u);
}

static void tunnel_ready(struct upstream *u, bool extra)
{
	struct origin *o = u->origin;
	struct dial *d = u->dial;

	if (d->http.head.status > 299) {
		proxy_refused(u, "proxy.refused", "the proxy refused CONNECT");
		return;
	}
	if (extra) {
		proxy_refused(u, "proxy.extra", "the proxy sent more than its answer");
		return;
	}
	err_clear(&d->err);
	d->rc = conn_start_tls(u->conn, o->tls, o->host, &d->err);
	if (d->rc == OK)
		upstream_set_state(u, UP_TLS);
	else
		try_next(u);
}

void dial_data(struct upstream *u, struct slice bytes)
{
	struct dial *d = u->dial;
	struct slice none;

	if (u->state != UP_PROXY)
		return;
	for (;;) {
		switch (http1_next(&d->http, &bytes, &none)) {
		case HTTP1_MORE:
			return;
		case HTTP1_HEAD:
		case HTTP1_BODY:
			break;
		case HTTP1_DONE:
			tunnel_ready(u, bytes.n > 0);
			return;
		case HTTP1_ERROR:
			d->http.head.status = 0;
			proxy_refused(u, "proxy.bad", "the proxy's answer is not HTTP");
			return;
		}
	}
}

/* ---- its end -------------------------------------------------------------------------------
 */

void dial_ended(struct upstream *u, enum rc why, const struct err *err)
{
	struct dial *d = u->dial;

	err_clear(&d->err);
	if (err != NULL)
		d->err = *err;
	if (why == E_CLOSED || why == E_RESET) {
		err_clear(&d->err);
		why = err_set(&d->err, E_CONNECT, "net.closed",
			      "%.*s closed the connection before it was ready",
			      SARG(u->origin->peer));
	}
	d->rc = why;
	try_next(u);
}

void dial_opened(struct upstream *u)
{
	struct origin *o = u->origin;

	if (o->tunnel && u->state == UP_CONNECTING) {
		if (!ask_proxy(u))
			dial_ended(u, E_RESET, NULL);
		return;
	}
	if (o->address_n > 0)
		o->address_good = u->dial->at % o->address_n;
	o->client->stats.opened++;
	upstream_ready(u);
}
