/* net/client.c -- the client of one loop: its origins, and their pools of connections. */
#include "net/client.h"

#include "net/client_impl.h"

enum { HOST_VALUE_MAX = 300, ORIGIN_ARENA_MAX = 16384 };

#define CONNECT_TIMEOUT_US 10000000U

/* Allowed moves; the one setter is upstream_set_state(). */
static const uint8_t moves[UP_STATES] = {
	[UP_RESOLVING] = 1 << UP_CONNECTING | 1 << UP_CLOSED,
	[UP_CONNECTING] = 1 << UP_CONNECTING | 1 << UP_PROXY | 1 << UP_IDLE | 1 << UP_BUSY |
			  1 << UP_CLOSED,
	[UP_PROXY] = 1 << UP_CONNECTING | 1 << UP_TLS | 1 << UP_CLOSED,
	[UP_TLS] = 1 << UP_CONNECTING | 1 << UP_IDLE | 1 << UP_BUSY | 1 << UP_CLOSED,
	[UP_IDLE] = 1 << UP_BUSY | 1 << UP_CLOSED,
	[UP_BUSY] = 1 << UP_BUSY | 1 << UP_IDLE | 1 << UP_CLOSED,
	[UP_CLOSED] = 0,
};

/* Takes it off the list of its state, or puts it there (`by` is -1 or +1). */
static void count(struct upstream *u, int by)
{
	struct origin *o = u->origin;
	struct http_client_stats *stats = &o->client->stats;
	size_t d = (size_t)by;

	switch ((enum upstream_state)u->state) {
	case UP_RESOLVING:
	case UP_CONNECTING:
	case UP_PROXY:
	case UP_TLS:
		o->dialling_n += d;
		break;
	case UP_IDLE:
		o->idle_n += d;
		stats->idle += d;
		break;
	case UP_BUSY:
		o->busy_n += d;
		stats->busy += d;
		break;
	case UP_CLOSED:
	case UP_STATES:
		break;
	}
}

void upstream_set_state(struct upstream *u, enum upstream_state to)
{
	struct origin *o = u->origin;
	struct link *lists[UP_STATES] = {
		[UP_RESOLVING] = &o->dialling,
		[UP_CONNECTING] = &o->dialling,
		[UP_PROXY] = &o->dialling,
		[UP_TLS] = &o->dialling,
		[UP_IDLE] = &o->idle,
		[UP_BUSY] = &o->busy,
		[UP_CLOSED] = &o->client->dead_upstreams,
	};

	INVARIANT((moves[u->state] >> to & 1) != 0);
	count(u, -1);
	if (lists[u->state] != lists[to]) {
		list_del(&u->link);
		if (to == UP_IDLE)
			list_push_head(lists[to], &u->link);
		else
			list_push_tail(lists[to], &u->link);
	}
	u->state = (uint8_t)to;
	count(u, +1);
}

/* ---- the end of things -------------------------------------------------------------- */

static void free_origin(struct origin *o)
{
	struct arena a = o->arena; /* which holds `o` */

	secret_wipe(&o->proxy.auth);
	arena_free(&a);
}

static void reap(struct later *w)
{
	struct http_client *c = CONTAINER_OF(w, struct http_client, reap);
	struct link *l;

	while ((l = list_pop_head(&c->dead_calls)) != NULL)
		call_free(CONTAINER_OF(l, struct http_call, link));
	while ((l = list_pop_head(&c->dead_upstreams)) != NULL)
		mem_put(c->mem, CONTAINER_OF(l, struct upstream, link),
			sizeof(struct upstream));
	while ((l = list_pop_head(&c->dead_origins)) != NULL)
		free_origin(CONTAINER_OF(l, struct origin, link));
}

static void bury_if_unused(struct origin *o)
{
	struct http_client *c = o->client;

	if (o->users > 0 || o->held > 0)
		return;
	if (o->resolving != NULL)
		resolve_cancel(o->resolving);
	timer_done(&o->idle_timer);
	later_cancel(&o->kick);
	list_del(&o->link);
	list_push_tail(&c->dead_origins, &o->link);
	loop_later(c->loop, &c->reap);
}

void origin_hold(struct origin *o)
{
	o->held++;
}

void origin_let_go(struct origin *o)
{
	INVARIANT(o->held > 0);
	o->held--;
	bury_if_unused(o);
}

void upstream_close(struct upstream *u)
{
	struct origin *o = u->origin;
	struct http_client *c = o->client;

	INVARIANT(u->call == NULL);
	dial_free(u);
	if (u->conn != NULL)
		conn_close(u->conn, CONN_NOW);
	u->conn = NULL;
	upstream_set_state(u, UP_CLOSED);
	loop_later(c->loop, &c->reap);
	origin_dial_for_waiting(o);
	origin_let_go(o);
}

/* ---- the pool -------------------------------------------------------------------------- */

static bool may_open(const struct origin *o)
{
	size_t limit = o->client->limits.open_per_origin;

	return limit == 0 || o->dialling_n + o->idle_n + o->busy_n < limit;
}

void origin_dial_for_waiting(struct origin *o)
{
	while (o->dialling_n < o->waiting_n && may_open(o)) {
		if (!dial_start(o, false)) {
			loop_later(o->client->loop, &o->kick);
			return;
		}
	}
}

/* There was no memory to open a connection.  Those who wait for one that is being opened or is
 * in use may still get it; others would wait for ever. */
static void on_kick(struct later *w)
{
	struct origin *o = CONTAINER_OF(w, struct origin, kick);
	struct err err;

	origin_hold(o);
	while (o->waiting_n > 0 && o->dialling_n + o->busy_n == 0) {
		err_clear(&err);
		(void)err_nomem(&err, "net.connect");
		call_fail(CONTAINER_OF(o->waiting.next, struct http_call, link), E_NOMEM, &err);
	}
	origin_let_go(o);
}

static void on_idle_timer(struct timer *t)
{
	struct origin *o = CONTAINER_OF(t, struct origin, idle_timer);
	uint64_t timeout = o->client->limits.idle_timeout_us;
	uint64_t now = loop_now_us(o->client->loop);

	origin_hold(o);
	while (!list_empty(&o->idle)) {
		struct upstream *u = CONTAINER_OF(o->idle.prev, struct upstream, link);

		if (u->idle_since_us + timeout > now) {
			timer_set(t, u->idle_since_us + timeout - now);
			break;
		}
		upstream_close(u);
	}
	origin_let_go(o);
}

static void become_idle(struct upstream *u)
{
	struct origin *o = u->origin;

	if (o->users == 0 || o->idle_n >= o->client->limits.idle_per_origin) {
		upstream_close(u);
		return;
	}
	upstream_set_state(u, UP_IDLE);
	u->idle_since_us = loop_now_us(o->client->loop);
	if (!timer_is_set(&o->idle_timer))
		timer_set(&o->idle_timer, o->client->limits.idle_timeout_us);
}

void upstream_ready(struct upstream *u)
{
	struct origin *o = u->origin;
	bool fresh = u->dial != NULL;

	for (struct link *l = o->waiting.next; l != &o->waiting; l = l->next) {
		struct http_call *c = CONTAINER_OF(l, struct http_call, link);

		if (c->fresh && !fresh)
			continue;
		if (!call_send(c, u))
			upstream_close(u);
		else
			dial_free(u);
		return;
	}
	dial_free(u);
	become_idle(u);
}

/* ---- events of connections ----------------------------------------------------------------
 */

static void on_opened(void *ctx)
{
	dial_opened(ctx);
}

static void on_data(void *ctx, struct slice bytes)
{
	struct upstream *u = ctx;

	u->origin->client->stats.bytes_in += bytes.n;
	if (u->state == UP_BUSY)
		call_data(u->call, bytes);
	else if (u->state == UP_IDLE)
		upstream_close(u); /* nobody asked: it would be taken for the next answer */
	else
		dial_data(u, bytes);
}

static void on_drained(void *ctx)
{
	struct upstream *u = ctx;

	if (u->state == UP_BUSY)
		call_drained(u->call);
}

static void on_ended(void *ctx, enum rc why, const struct err *err)
{
	struct upstream *u = ctx;

	if (u->state == UP_BUSY)
		call_conn_ended(u->call, why, err);
	else if (u->state == UP_IDLE)
		upstream_close(u);
	else
		dial_ended(u, why, err);
}

const struct conn_events upstream_events = {
	.opened = on_opened,
	.data = on_data,
	.drained = on_drained,
	.ended = on_ended,
};

/* ---- origins
 * --------------------------------------------------------------------------------- */

static struct slice host_value(struct arena *a, const struct url *u)
{
	char text[HOST_VALUE_MAX];
	struct sb b;

	sb_init(&b, text, sizeof(text));
	sb_str(&b, u->ipv6 ? LIT("[") : LIT(""));
	sb_str(&b, u->host);
	sb_str(&b, u->ipv6 ? LIT("]") : LIT(""));
	if (u->port != (u->https ? 443 : 80)) {
		sb_char(&b, ':');
		sb_u64(&b, u->port);
	}
	return b.cut ? (struct slice){ NULL, 0 } : arena_copy(a, sb_slice(&b));
}

enum rc err_private(struct err *err, struct slice host)
{
	return err_set(err, E_REFUSED, "net.private_address", "%.*s is not a public address",
		       SARG(slice_head(host, 100)));
}

static enum rc fill_origin(struct origin *o, const struct origin_options *opt, struct err *err)
{
	const struct url *u = &opt->url;
	struct arena *a = &o->arena;
	enum rc rc;

	INVARIANT(!u->https || opt->tls != NULL);
	rc = proxy_for(&o->proxy, opt->proxy, u, a, err);
	if (rc != OK)
		return rc;
	o->https = u->https;
	o->host = arena_copy(a, u->host);
	o->port = u->port;
	o->tls = u->https ? opt->tls : NULL;
	o->connect_timeout_us = opt->connect_timeout_us > 0 ? opt->connect_timeout_us
							    : CONNECT_TIMEOUT_US;
	o->host_value = host_value(a, u);
	o->peer = o->host;
	o->peer_port = o->port;
	if (o->proxy.host.n > 0) {
		o->proxy.host = arena_copy(a, o->proxy.host);
		o->peer = o->proxy.host;
		o->peer_port = o->proxy.port;
		o->tunnel = o->https;
		if (!o->tunnel)
			o->absolute = arena_fmt(a, "http://%.*s", SARG(o->host_value));
	}
	if (arena_failed(a))
		return err_nomem(err, "net.origin");
	if (o->host.n == 0 || o->host_value.n == 0 || !http1_value_ok(o->host_value))
		return err_set(err, E_BAD, "net.host", "this is no host to connect to");
	INVARIANT(!opt->public_only || opt->proxy == NULL);
	o->public_only = opt->public_only;
	if (address_read(&o->addresses[0], o->peer, o->peer_port) == OK) {
		o->literal = true;
		o->address_n = 1;
		if (o->public_only && !address_is_public(&o->addresses[0]))
			return err_private(err, o->peer);
	}
	return OK;
}

static bool same_origin(const struct origin *a, const struct origin *b)
{
	return a->public_only == b->public_only && a->https == b->https && a->port == b->port &&
	       a->tls == b->tls && a->connect_timeout_us == b->connect_timeout_us &&
	       slice_ieq(a->host, b->host) && slice_ieq(a->proxy.host, b->proxy.host) &&
	       a->proxy.port == b->proxy.port &&
	       secret_eq(a->proxy.auth, secret_reveal(b->proxy.auth));
}

static struct origin *find_origin(const struct http_client *c, const struct origin *like)
{
	for (struct link *l = c->origins.next; l != &c->origins; l = l->next) {
		struct origin *o = CONTAINER_OF(l, struct origin, link);

		if (same_origin(o, like))
			return o;
	}
	return NULL;
}

enum rc origin_get(struct origin **out, struct http_client *c, const struct origin_options *opt,
		   struct err *err)
{
	struct origin *o, *found;
	struct arena a;
	enum rc rc;

	arena_init(&a, c->mem, sizeof(*o) + 512, ORIGIN_ARENA_MAX);
	o = ARENA_NEW(&a, struct origin);
	if (o == NULL) {
		arena_free(&a);
		return err_nomem(err, "net.origin");
	}
	o->arena = a;
	o->client = c;
	rc = fill_origin(o, opt, err);
	found = rc == OK ? find_origin(c, o) : NULL;
	if (rc != OK || found != NULL) {
		free_origin(o);
		if (rc != OK)
			return rc;
		o = found;
	} else {
		list_init(&o->dialling);
		list_init(&o->idle);
		list_init(&o->busy);
		list_init(&o->waiting);
		timer_init(&o->idle_timer, c->loop, on_idle_timer);
		later_init(&o->kick, on_kick);
		list_push_tail(&c->origins, &o->link);
	}
	o->users++;
	*out = o;
	return OK;
}

struct slice origin_host(const struct origin *o)
{
	return o->host_value;
}

void origin_put(struct origin *o)
{
	INVARIANT(o->users > 0);
	o->users--;
	if (o->users > 0)
		return;
	origin_hold(o);
	while (!list_empty(&o->idle))
		upstream_close(CONTAINER_OF(o->idle.next, struct upstream, link));
	if (o->waiting_n == 0)
		while (!list_empty(&o->dialling))
			upstream_close(CONTAINER_OF(o->dialling.next, struct upstream, link));
	origin_let_go(o);
}

void origin_warm(struct origin *o, size_t n)
{
	n = size_min(n, o->client->limits.idle_per_origin);
	while (o->idle_n + o->dialling_n < n && may_open(o))
		if (!dial_start(o, true))
			return; /* it was only ahead of need */
}

/* ---- the client -----------------------------------------------------------------------------
 */

/* Zero stands for the default; open_per_origin 0 for no limit. */
static void defaults(struct http_client_limits *l)
{
	l->head_bytes = l->head_bytes > 0 ? l->head_bytes : 64U << 10;
	l->idle_per_origin = l->idle_per_origin > 0 ? l->idle_per_origin : 64;
	l->idle_timeout_us = l->idle_timeout_us > 0 ? l->idle_timeout_us : 60000000;
	l->dns_ttl_us = l->dns_ttl_us > 0 ? l->dns_ttl_us : 30000000;
}

enum rc http_client_new(struct http_client **out, struct loop *l,
			const struct http_client_limits *limits, struct log *log,
			struct err *err)
{
	struct mem *mem = loop_mem(l);
	struct http_client *c = mem_zero(mem, sizeof(*c));

	if (c == NULL)
		return err_nomem(err, "net.client");
	c->loop = l;
	c->mem = mem;
	c->limits = *limits;
	defaults(&c->limits);
	c->log = log;
	list_init(&c->origins);
	list_init(&c->dead_calls);
	list_init(&c->dead_upstreams);
	list_init(&c->dead_origins);
	later_init(&c->reap, reap);
	*out = c;
	return OK;
}

void http_client_set_limits(struct http_client *c, const struct http_client_limits *limits)
{
	c->limits = *limits;
	defaults(&c->limits);
}

static void close_all(struct link *list)
{
	while (!list_empty(list)) {
		struct upstream *u = CONTAINER_OF(list->next, struct upstream, link);

		if (u->call != NULL)
			call_drop(u->call);
		upstream_close(u);
	}
}

void http_client_free(struct http_client *c)
{
	if (c == NULL)
		return;
	while (!list_empty(&c->origins)) {
		struct origin *o = CONTAINER_OF(c->origins.next, struct origin, link);

		origin_hold(o);
		while (!list_empty(&o->waiting))
			call_drop(CONTAINER_OF(o->waiting.next, struct http_call, link));
		close_all(&o->dialling);
		close_all(&o->idle);
		close_all(&o->busy);
		o->users = 0;
		origin_let_go(o);
	}
	later_cancel(&c->reap);
	reap(&c->reap);
	mem_put(c->mem, c, sizeof(*c));
}

const struct http_client_stats *http_client_stats(const struct http_client *c)
{
	return &c->stats;
}
