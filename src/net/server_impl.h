/* net/server_impl.h -- what server.c (taking connections, reading requests) and
 * server_reply.c (writing replies) share; nobody else includes it.
 *
 * A connection goes IDLE -> HEAD -> BODY -> BUSY -> (FLUSH ->) IDLE ... CLOSED; set_state() in
 * server.c is the one setter.  An idle connection is a struct http_conn and nothing more:
 * parser, arena and body belong to the request, which lives from its first byte to the end
 * of its reply.
 *
 * What is over goes on the server's dead lists until the turn ends, so that whoever is up the
 * stack may still look at it.
 */
#ifndef WEIR_NET_SERVER_IMPL_H
#define WEIR_NET_SERVER_IMPL_H

#include "base/buf.h"
#include "net/server.h"

enum {
	HELD_MAX = 65536,    /* pipelined bytes held before the connection is paused */
	CORK_BYTES = 16384,  /* reply pieces gathered within a turn */
	SPILL_STEP = 262144, /* of a spilled reply, given to the connection at a time */
	SPILL_MAX = 1 << 30, /* one reply given whole may not be larger */
	ARENA_FIRST = 4096,  /* holds the request itself, a usual head and what belongs to it */
	READ_INTO_MIN =
		8192,      /* less of a body to come than this is not worth a read of its own */
	REPLY_PIECES = 24, /* slices of one reply_write() that go out in one chunk */
	TURN_REQUESTS = 16, /* of one connection, answered within one turn */
	DRAIN_IDLE_US =
		200000, /* a client may have sent a request just now: wait so long for it */
	DRAIN_LOOK_US = 20000, /* while only TLS handshakes are left: look again after */
	DATE_MAX = 40,
};

enum http_conn_state {
	HC_IDLE,   /* no byte of a request yet */
	HC_HEAD,   /* in a request's head */
	HC_BODY,   /* in its body */
	HC_BUSY,   /* the handler has it */
	HC_FLUSH,  /* the reply is over, but not all of it has left */
	HC_CLOSED, /* waits for the end of the turn */
	HC_STATES
};

struct http_conn {
	struct link link; /* of the server's open or dead connections */
	struct http_server *server;
	struct conn *conn;      /* NULL once closed */
	struct http_request *r; /* HEAD, BODY, BUSY */
	struct timer timer;     /* what it means depends on the state; see on_timer() */
	struct later later;     /* goes on with held bytes, or tells that writing failed */
	struct buf held;        /* bytes that came while a request was in hand */
	struct buf spill;       /* reply bytes that the connection's queue had no room for */
	uint64_t progress;      /* of the queue, when the write timer was set */
	uint64_t turn_us;       /* the turn in which `turn_n` requests were begun */
	uint16_t turn_n;
	uint8_t state;    /* enum http_conn_state */
	uint8_t broken;   /* enum rc: the reply cannot go on; told by `later` */
	bool paused;      /* conn_pause() */
	bool ended;       /* the peer ended its stream in an orderly way */
	bool close_after; /* FLUSH: then close */
	bool write_timed; /* the timer watches the queue */
};

struct http_request {
	struct link link; /* of the server's dead requests */
	struct http_conn *hc;
	struct arena arena; /* holds this struct, too */
	struct http1 http;
	struct slice path, query;
	struct buf body;
	size_t body_max;
	uint64_t began_us;
	void *of_request;

	/* The reply. */
	struct slice head; /* built, not sent yet */
	size_t left;       /* bytes still to come when the length was given */
	uint64_t bytes;
	bool begun;
	bool chunked;
	bool until_close;
	bool bodyless; /* HEAD, 204, 304 */
	bool blocked;  /* reply_write() said E_FULL */
};

struct http_listener {
	struct link link;
	struct http_server *server;
	struct listener *listener;
};

struct http_server {
	struct loop *loop;
	struct mem *mem;
	struct http_server_limits limits;
	const struct http_handler *handler;
	void *ctx;
	struct log *log;
	struct link listeners;
	struct link conns;
	struct link dead_conns, dead_requests;
	struct later reap;
	struct http_server_stats stats;

	bool draining;
	void (*drained)(void *ctx);
	void *drained_ctx;
	struct later drain_later;
	struct timer drain_timer;

	/* Pieces of one request's reply, gathered until the turn ends: what came from
	 * upstream in one read goes to the client in one write. */
	struct http_request *corked;
	struct later uncork;
	char *cork; /* CORK_BYTES, once needed */
	size_t cork_n;

	uint64_t date_until_us; /* loop clock */
	char date[DATE_MAX];
	size_t date_n;
};

/* ---- server.c ------------------------------------------------------------------- */

/* The reply is over: the request is freed at the end of the turn, and the connection goes on
 * as it should. */
void http_request_over(struct http_request *r);
/* Ends the connection; a request in hand is not told. */
void http_conn_close(struct http_conn *hc, enum conn_close how);
/* The reply cannot go on: `gone` follows, later. */
void http_conn_break(struct http_conn *hc, enum rc why);
/* All of a reply has left that was over before. */
void http_conn_flushed(struct http_conn *hc);
/* Something is queued: see that it leaves in time. */
void http_conn_watch(struct http_conn *hc);

/* ---- server_reply.c --------------------------------------------------------------- */

/* The connection's queue is empty. */
void http_conn_drained(struct http_conn *hc);
/* Reply bytes that have not left: spilled or queued. */
size_t http_conn_queued(const struct http_conn *hc);
/* Sends what is corked. */
void http_server_uncork(struct http_server *s);
/* Forgets what is corked for `r`. */
void http_server_drop_cork(struct http_server *s, const struct http_request *r);
/* A whole reply, outside of any request, after which the connection is to be closed. */
void http_refusal_write(struct http_server *s, struct conn *c, unsigned status,
			struct slice type, struct slice body, bool bodyless);

#endif
