/* net/client_impl.h -- what client.c (origins and pools), client_dial.c (opening connections)
 * and client_call.c (requests and responses) share; nobody else includes it.
 *
 * An upstream is one connection.  It is dialled for an origin, not for a call: calls wait in
 * the origin's line and take whichever connection is ready first.  A dial that fails takes
 * one call with it, the oldest that waited when it began.
 *
 * What is over goes on the client's dead lists until the turn ends.
 */
#ifndef WEIR_NET_CLIENT_IMPL_H
#define WEIR_NET_CLIENT_IMPL_H

#include "base/buf.h"
#include "net/client.h"
#include "net/proxy.h"

enum {
	ADDRESSES_MAX = 8,       /* of one name that are tried */
	BODY_BORROW_MIN = 65536, /* from here on a request's body is not copied */
	PROXY_HEAD_MAX = 16384,  /* of a proxy's answer to CONNECT */
	HEAD_ON_STACK = 2048,    /* a request's head that is longer is built elsewhere */
	CALL_PIECES = 24,        /* of a request's body, before memory is asked for the list */
};

enum upstream_state {
	UP_RESOLVING,
	UP_CONNECTING, /* TCP, and TLS unless a proxy is asked first */
	UP_PROXY,      /* CONNECT was sent */
	UP_TLS,        /* through the proxy */
	UP_IDLE,
	UP_BUSY,
	UP_CLOSED,
	UP_STATES
};

/* What a connection needs only until it is open. */
struct dial {
	struct upstream *up;
	struct timer timer; /* this address's share of the time */
	struct later later; /* it failed inside somebody's call */
	uint64_t started_us, deadline_us, resolved_us;
	size_t tried; /* addresses */
	size_t at;    /* the one being tried */
	bool ahead;   /* for origin_warm(): no call asked for it */
	enum rc rc;   /* the last failure */
	struct err err;
	struct arena arena; /* the proxy's answer */
	struct http1 http;
};

struct upstream {
	struct link link; /* the origin's dialling, idle or busy ones; the client's dead ones */
	struct origin *origin;
	struct conn *conn;      /* NULL until connecting and when closed */
	struct http_call *call; /* BUSY */
	struct dial *dial;      /* until it is open */
	uint64_t idle_since_us;
	uint8_t state; /* enum upstream_state */
};

struct origin {
	struct link link; /* of the client's */
	struct http_client *client;
	size_t users; /* origin_get() less origin_put() */
	size_t held;  /* calls and connections: the memory stays as long */
	struct arena arena;
	bool https;
	struct slice host;
	uint16_t port;
	struct tls_client *tls;
	uint64_t connect_timeout_us;
	struct slice host_value; /* of the Host header */
	struct slice absolute;   /* "http://host:port" before targets, through an http proxy */
	struct proxy proxy;
	bool tunnel; /* CONNECT comes first */
	bool public_only;

	struct slice peer; /* whom TCP goes to: the host, or the proxy */
	uint16_t peer_port;
	struct address addresses[ADDRESSES_MAX];
	size_t address_n;
	size_t address_good; /* the one that worked last */
	uint64_t fresh_until_us;
	bool literal; /* the peer is an address: never looked up */
	struct resolve *resolving;

	struct link dialling, idle, busy; /* idle: the last used comes first */
	size_t dialling_n, idle_n, busy_n;
	struct link waiting; /* calls, in order */
	size_t waiting_n;
	struct timer idle_timer; /* for the last of `idle` */
	struct later kick;       /* there was no memory to dial: say so */
};

struct http_client {
	struct loop *loop;
	struct mem *mem;
	struct http_client_limits limits;
	struct log *log;
	struct link origins;
	struct link dead_calls, dead_upstreams, dead_origins;
	struct later reap;
	struct http_client_stats stats;
};

enum call_state {
	CALL_WAITING,  /* for a connection */
	CALL_SENT,     /* nothing was answered yet */
	CALL_ANSWERED, /* the head is not complete */
	CALL_BODY,
	CALL_OVER,
	CALL_STATES
};

struct http_call {
	struct link link; /* the origin's waiting, the client's dead ones */
	struct origin *origin;
	struct upstream *up;
	struct http_call_options o;
	struct arena *arena;
	const struct http_call_events *ev;
	void *ctx;
	struct http1 http;
	struct http_call_times times;
	struct later later; /* tells `sent`, goes on with held bytes */
	struct buf held;    /* came after the caller had paused */
	char *head;         /* lent to the connection; holds a secret */
	size_t head_n;
	uint64_t queued_us; /* waiting since */
	uint8_t state;      /* enum call_state */
	uint8_t ended;      /* enum rc: the connection ended behind the held bytes */
	uint8_t broken;     /* enum rc: it could not be sent; told by `later` */
	bool paused;
	bool fresh; /* only a new connection will do: it was sent on an old one before */
	bool cut;   /* the response came before all of the request had left */
	bool tell_sent;
};

/* ---- client.c ----------------------------------------------------------------------- */

void upstream_set_state(struct upstream *u, enum upstream_state to);
/* Closes it and gives its place to the next. */
void upstream_close(struct upstream *u);
/* It can take a call: the first that waits, or it becomes idle. */
void upstream_ready(struct upstream *u);
/* Dials as many as calls wait for, within the limit. */
void origin_dial_for_waiting(struct origin *o);
/* E_REFUSED: the host is, or has no other than, private addresses. */
enum rc err_private(struct err *err, struct slice host);
void origin_hold(struct origin *o);
void origin_let_go(struct origin *o);

/* ---- client_dial.c -------------------------------------------------------------------- */

/* Begins to open a connection; false when there is no memory.  Calls nobody back. */
MUST_USE bool dial_start(struct origin *o, bool ahead);
/* Frees what belongs to opening. */
void dial_free(struct upstream *u);
/* What happens on a connection while it is being opened. */
void dial_opened(struct upstream *u);
void dial_data(struct upstream *u, struct slice bytes);
void dial_ended(struct upstream *u, enum rc why, const struct err *err);

/* ---- client_call.c --------------------------------------------------------------------- */

/* Sends a call on `u`, which is busy with it then.  False: it could not; `u` is to be closed,
 * and the call waits on or will be told, later, that it failed. */
bool call_send(struct http_call *c, struct upstream *u);
/* Leaves the line of those who wait, if it stands there. */
void call_leave_line(struct http_call *c);
void call_data(struct http_call *c, struct slice bytes);
void call_drained(struct http_call *c);
void call_conn_ended(struct http_call *c, enum rc why, const struct err *err);
/* Ends a call and tells it. */
void call_fail(struct http_call *c, enum rc why, const struct err *err);
/* Ends a call without telling, and lets go of its connection, which the caller closes. */
void call_drop(struct http_call *c);
void call_free(struct http_call *c);

/* For client_dial.c: events of upstreams, whatever their state. */
extern const struct conn_events upstream_events;

#endif
