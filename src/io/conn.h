/* io/conn.h -- a byte stream to a peer: TCP, or TLS over TCP.  Common to both backends.
 *
 * Reading is pushed: bytes arrive in `data`, borrowed from a buffer that all connections of
 * a loop share, so an idle connection holds none.  Writing goes to the socket at once;
 * what it does not take waits in a queue with a maximum.  Backpressure is the reader's
 * business: when conn_queued() of the side you write to is over your mark, conn_pause() the
 * side you read from, and resume it in `drained`.
 *
 * The rule of io/loop.h holds: none of these calls calls back.  An error met while writing is
 * told by `ended` in the same turn, later.
 */
#ifndef WEIR_IO_CONN_H
#define WEIR_IO_CONN_H

#include "io/sock.h"

struct conn;
struct tls_client;
struct tls_server;

struct conn_events {
	/* An outgoing connection, its TLS handshake too, is ready.  NULL where not needed. */
	void (*opened)(void *ctx);
	void (*data)(void *ctx, struct slice bytes);
	/* The queue was not empty and now is (TLS queues a few bytes of its own, too).  May be
	 * NULL. */
	void (*drained)(void *ctx);
	/* The last event: nothing more will be read.  E_CLOSED: the peer ended its stream in
	 * an orderly way; else what broke (E_RESET, E_CONNECT, E_TLS, E_TIMEOUT ...), and `err`
	 * says more.  The connection must still be closed by its owner. */
	void (*ended)(void *ctx, enum rc why, const struct err *err);
};

enum { CONN_QUEUE_MAX = 1 << 20, CONN_READ_BYTES = 65536 };

/* Begins to connect.  `tls` NULL: plain; `name` is the host for SNI and the certificate
 * check.  `tls` must outlive the connection.  Returns owned: conn_close(). */
MUST_USE enum rc conn_connect(struct conn **out, struct loop *l, const struct address *to,
			      struct tls_client *tls, struct slice name,
			      const struct conn_events *ev, void *ctx, struct err *err);

/* Adds TLS to a plain, connected stream (after a proxy's answer to CONNECT); `opened` tells
 * when it is ready.  Nothing may be queued. */
MUST_USE enum rc conn_start_tls(struct conn *c, struct tls_client *tls, struct slice name,
				struct err *err);

/* Who hears of it from now on. */
void conn_listen(struct conn *c, const struct conn_events *ev, void *ctx);

/* Sends copies: after it returns the bytes are the connection's.  With TLS only once it has
 * opened.
 * E_TOOBIG  the queue would pass CONN_QUEUE_MAX: nothing was taken
 * E_CLOSED  the connection has ended: nothing was taken
 * E_NOMEM */
MUST_USE enum rc conn_write(struct conn *c, const struct slice *v, size_t n);

/* Sends without a copy, for large bodies: the bytes stay the caller's and must stay valid and
 * unchanged until `drained` (or until conn_queued() is 0, or conn_close()).  One at a time:
 * nothing else may be written until then.  E_CLOSED, E_NOMEM. */
MUST_USE enum rc conn_write_borrowed(struct conn *c, const struct slice *v, size_t n);

/* Gives lent bytes back before they were all sent: nothing is read from them any more.  If
 * any were left the stream is cut there: only reading and closing make sense after it. */
void conn_take_back(struct conn *c);

/* Bytes written that the system has not taken yet. */
size_t conn_queued(const struct conn *c);

/* Stops and continues `data`.  The end and errors are still told while paused when they are
 * met by writing; else on resume. */
void conn_pause(struct conn *c);
void conn_resume(struct conn *c);

/* The next bytes are to be read right here (at most `n` of them), so that a body needs no
 * copy; `data` then gets a slice of it.  Ends when they are filled, or with n = 0. For TLS
 * connections it may be ignored. */
void conn_read_into(struct conn *c, char *p, size_t n);

enum conn_close {
	CONN_NOW,    /* what is queued is dropped */
	CONN_FLUSH,  /* send what is queued, then close; at most 10 s */
	CONN_LINGER, /* flush, end our stream, then read and drop what the peer still sends (at
		      * most 2 s and 256 KiB), so that it can read our last words */
	CONN_ABORT,  /* the peer sees a reset: a cut answer must never look whole */
};
/* No event follows.  The memory goes at the end of the turn, or when it is flushed. */
void conn_close(struct conn *c, enum conn_close how);

bool conn_is_tls(const struct conn *c);
void conn_remote(const struct conn *c, struct address *out);
void conn_local(const struct conn *c, struct address *out);
/* Bytes so far, over the wire's payload (plaintext for TLS). */
uint64_t conn_bytes_in(const struct conn *c);
uint64_t conn_bytes_out(const struct conn *c);

/* ---- listening ----------------------------------------------------------------- */

struct listener;
/* `c` is owned by the callee, which calls conn_listen() at once; for TLS the handshake has
 * been done. */
typedef void accept_fn(void *ctx, struct conn *c);

/* `tls` NULL: plain.  TLS handshakes that take over 10 s are dropped.  When descriptors run
 * out it pauses for 100 ms.  Returns owned. */
MUST_USE enum rc listener_open(struct listener **out, struct loop *l, const struct address *at,
			       struct tls_server *tls, accept_fn *fn, void *ctx,
			       struct err *err);
void listener_local(const struct listener *l, struct address *out);
/* Takes what already waits in line, then accepts no more; TLS handshakes go on.  Calls `fn`
 * from inside, which is the one exception to the rule of io/loop.h. */
void listener_stop(struct listener *l);
/* After listener_stop(): how many TLS handshakes are still going on. */
size_t listener_shaking(const struct listener *l);
/* Stops accepting; those already handed over live on. */
void listener_close(struct listener *l);

#endif
