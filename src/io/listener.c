/* io/listener.c -- accepting, and the TLS handshake before a connection is handed over. */
#include "io/conn_impl.h"
#include "io/loop_impl.h"

enum {
	BACKLOG = 1024,
	ACCEPTS = 32, /* per readiness: then others have their turn */
};
#define HANDSHAKE_US 10000000U
#define PAUSE_US     100000U

struct listener {
	struct loop *loop;
	struct sock *sock;
	struct tls_server *tls;
	accept_fn *fn;
	void *ctx;
	struct timer pause;
	struct link shaking; /* struct newcomer */
	struct later later;
	bool closed;
};

/* A connection in its TLS handshake. */
struct newcomer {
	struct link link;
	struct timer timer;
	struct listener *listener;
	struct conn *conn;
	struct later later;
};

static void newcomer_free(struct later *w)
{
	struct newcomer *n = CONTAINER_OF(w, struct newcomer, later);

	timer_done(&n->timer);
	mem_put(loop_mem(n->listener->loop), n, sizeof(*n));
}

/* Its connection is closed, or somebody else's now. */
static void forget(struct newcomer *n)
{
	list_del(&n->link);
	timer_stop(&n->timer);
	loop_bury(n->listener->loop, &n->later, newcomer_free);
}

static void shaken(void *ctx)
{
	struct newcomer *n = ctx;
	struct listener *l = n->listener;

	forget(n);
	l->fn(l->ctx, n->conn);
}

static void failed(void *ctx, enum rc why UNUSED, const struct err *err UNUSED)
{
	struct newcomer *n = ctx;

	forget(n);
	conn_close(n->conn, CONN_NOW);
}

static void too_slow(struct timer *t)
{
	struct newcomer *n = CONTAINER_OF(t, struct newcomer, timer);

	forget(n);
	conn_close(n->conn, CONN_NOW);
}

/* Nothing is given to it before its owner listens. */
static void no_data(void *ctx UNUSED, struct slice bytes UNUSED)
{
}

static const struct conn_events newcomer_events = {
	.opened = shaken,
	.data = no_data,
	.ended = failed,
};

static enum rc accept_tls(struct listener *l)
{
	struct newcomer *n = mem_zero(loop_mem(l->loop), sizeof(*n));
	enum rc rc;

	if (n == NULL)
		return E_NOMEM;
	rc = conn_accept(&n->conn, l->loop, l->sock, l->tls, &newcomer_events, n);
	if (rc != OK) {
		mem_put(loop_mem(l->loop), n, sizeof(*n));
		return rc;
	}
	n->listener = l;
	later_init(&n->later, newcomer_free);
	timer_init(&n->timer, l->loop, too_slow);
	timer_set(&n->timer, HANDSHAKE_US);
	list_push_tail(&l->shaking, &n->link);
	return OK;
}

static enum rc accept_plain(struct listener *l)
{
	struct conn *c;
	enum rc rc = conn_accept(&c, l->loop, l->sock, NULL, NULL, NULL);

	if (rc == OK)
		l->fn(l->ctx, c);
	return rc;
}

static void on_ready(void *ctx, unsigned ready UNUSED)
{
	struct listener *l = ctx;

	for (unsigned i = 0; i < ACCEPTS && !l->closed; i++) {
		enum rc rc = l->tls != NULL ? accept_tls(l) : accept_plain(l);

		if (rc == E_NOTFOUND)
			return;
		if (rc == E_FULL || rc == E_NOMEM) {
			/* Asking again at once would only spin. */
			sock_want(l->sock, 0);
			timer_set(&l->pause, PAUSE_US);
			return;
		}
	}
}

static void go_on(struct timer *t)
{
	struct listener *l = CONTAINER_OF(t, struct listener, pause);

	sock_want(l->sock, SOCK_READ);
}

static void listener_free(struct later *w)
{
	struct listener *l = CONTAINER_OF(w, struct listener, later);

	timer_done(&l->pause);
	mem_put(loop_mem(l->loop), l, sizeof(*l));
}

enum rc listener_open(struct listener **out, struct loop *loop, const struct address *at,
		      struct tls_server *tls, accept_fn *fn, void *ctx, struct err *err)
{
	struct listener *l = mem_zero(loop_mem(loop), sizeof(*l));
	enum rc rc;

	if (l == NULL)
		return err_nomem(err, "listener.new");
	rc = sock_listen(&l->sock, loop, at, BACKLOG, on_ready, l, err);
	if (rc != OK) {
		mem_put(loop_mem(loop), l, sizeof(*l));
		return rc;
	}
	l->loop = loop;
	l->tls = tls;
	l->fn = fn;
	l->ctx = ctx;
	list_init(&l->shaking);
	later_init(&l->later, listener_free);
	timer_init(&l->pause, loop, go_on);
	sock_want(l->sock, SOCK_READ);
	*out = l;
	return OK;
}

void listener_local(const struct listener *l, struct address *out)
{
	sock_local(l->sock, out);
}

void listener_stop(struct listener *l)
{
	enum rc rc = OK;

	/* A connection that waits in line was made as far as its client knows: to close on it
	 * would be to lose its request. */
	for (unsigned i = 0; i < BACKLOG && rc != E_NOTFOUND && rc != E_FULL && rc != E_NOMEM;
	     i++)
		rc = l->tls != NULL ? accept_tls(l) : accept_plain(l);
	timer_stop(&l->pause);
	sock_close(l->sock, false);
	l->sock = NULL;
}

size_t listener_shaking(const struct listener *l)
{
	size_t n = 0;

	for (const struct link *at = l->shaking.next; at != &l->shaking; at = at->next)
		n++;
	return n;
}

void listener_close(struct listener *l)
{
	l->closed = true;
	while (!list_empty(&l->shaking)) {
		struct newcomer *n = CONTAINER_OF(l->shaking.next, struct newcomer, link);

		forget(n);
		conn_close(n->conn, CONN_NOW);
	}
	timer_stop(&l->pause);
	if (l->sock != NULL)
		sock_close(l->sock, false);
	l->sock = NULL;
	loop_bury(l->loop, &l->later, listener_free);
}
