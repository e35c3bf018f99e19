/* net/server.h -- the HTTP/1.1 server of one loop.
 *
 * Takes connections, reads requests whole (head and body, within limits), hands them to a
 * handler one at a time per connection and in order, and writes the replies.  Answers by
 * itself, through the handler's `refuse`, what never becomes a request: malformed HTTP, too
 * large, too slow.
 *
 * A request lives from `request` until the server calls `gone` or the handler has ended the
 * reply; then its arena is freed.  Whatever the handler keeps for it goes into that arena.
 */
#ifndef WEIR_NET_SERVER_H
#define WEIR_NET_SERVER_H

#include "base/arena.h"
#include "base/log.h"
#include "io/conn.h"
#include "wire/http1.h"

struct http_server;
struct http_request; /* opaque; accessors below */

struct http_server_limits {
	size_t head_bytes;        /* 32 KiB: over it 431 */
	size_t arena_bytes;       /* memory of one exchange beside its body: 4 MiB */
	uint64_t head_timeout_us; /* from the first byte of a request to the end of its head: 10
				     s */
	uint64_t body_timeout_us; /* between two reads of a body: 30 s */
	uint64_t idle_timeout_us; /* keep-alive with no request: 75 s */
	uint64_t write_timeout_us; /* the client takes nothing of what is queued: 60 s */
	size_t connections;        /* per loop: 20,000; over it 503 and close */
	size_t queue_mark; /* reply bytes queued above which `blocked` is told: 64 KiB */
};

struct http_handler {
	/* The head is there.  Returns the largest body to read for it (0 is fine for requests
	 * without one).  A larger Content-Length is refused with 413 before it is read. */
	size_t (*body_max)(void *ctx, const struct http_request *r);
	/* The whole request is there.  The handler owns the reply from now on and may answer
	 * at once or later.  `*of_request` (kept for the other calls) is the handler's. */
	void (*request)(void *ctx, struct http_request *r, void **of_request);
	/* Room again after reply_write() returned E_FULL. */
	void (*drained)(void *ctx, void *of_request);
	/* The client went away (or was too slow) before the reply was ended: stop.  The
	 * request is freed when this returns. */
	void (*gone)(void *ctx, void *of_request, enum rc why);
	/* What never became a request: write an error body in the dialect that `path` suggests
	 * (`r` has no body, and no head when that was the trouble).  `status` and `id`
	 * ("http1.bad_chunk") are the server's; returns a body and its content type (borrowed
	 * until the next call). */
	struct slice (*refuse)(void *ctx, struct arena *a, struct slice path, unsigned status,
			       const char *id, struct slice *content_type);
};

/* One per loop; listeners are added with http_server_listen().  `handler` and `ctx` must
 * outlive it.  `log` may be NULL. */
MUST_USE enum rc http_server_new(struct http_server **out, struct loop *l,
				 const struct http_server_limits *limits,
				 const struct http_handler *handler, void *ctx, struct log *log,
				 struct err *err);
MUST_USE enum rc http_server_listen(struct http_server *s, const struct address *at,
				    struct tls_server *tls, struct err *err);
/* The address of the i-th listener (port 0 resolved). */
void http_server_address(const struct http_server *s, size_t i, struct address *out);
/* Stops accepting and closes idle connections; busy ones are closed after their reply, which
 * says "Connection: close".  `done` is called when none is left. */
void http_server_drain(struct http_server *s, void (*done)(void *ctx), void *ctx);
/* Ends every connection there is now: open requests are told `gone`, and what has not left of
 * replies is cut, visibly.  Not from inside a callback of its handler. */
void http_server_cut(struct http_server *s);
/* Other limits, from the next request or connection on. */
void http_server_set_limits(struct http_server *s, const struct http_server_limits *limits);
/* Ends everything now; open requests are told `gone`.  Not from inside a callback of its
 * handler; `done` above may call it. */
void http_server_free(struct http_server *s);

struct http_server_stats {
	uint64_t accepted, requests, refused, bytes_in, bytes_out;
	size_t connections, active; /* open now; with a request in hand now */
};
const struct http_server_stats *http_server_stats(const struct http_server *s);

/* ---- the request ---------------------------------------------------------------- */

const struct http_head *request_head(const struct http_request *r);
struct slice request_path(const struct http_request *r); /* target without its query */
struct slice request_query(const struct http_request *r);
struct slice request_body(
	const struct http_request *r); /* whole; valid until request_drop_body() */
struct arena *request_arena(struct http_request *r);
struct loop *request_loop(const struct http_request *r);
uint64_t request_began_us(const struct http_request *r); /* its first byte, loop clock */
void request_remote(const struct http_request *r, struct address *out);
bool request_is_tls(const struct http_request *r);
/* Gives the body's memory back early (after commit, when no attempt will need it). */
void request_drop_body(struct http_request *r);

/* ---- the reply ------------------------------------------------------------------- */

/* The server adds Date, Connection, and the framing; the handler gives the rest.  Header values
 * that could break the framing are dropped (http1_value_ok).  Replies to HEAD have no body. */

/* A whole reply; the body is copied.  The request is over: do not touch it afterwards. */
void reply_send(struct http_request *r, unsigned status, const struct header *h, size_t n,
		struct slice body);

/* A reply in pieces: begin, write ..., then end, or abort.  `length` SIZE_MAX: unknown
 * (chunked; for HTTP/1.0 clients until close). */
void reply_begin(struct http_request *r, unsigned status, const struct header *h, size_t n,
		 size_t length);
/* The head goes out with the first piece, in one write.
 * OK      taken
 * E_FULL  taken, and more is queued than `queue_mark`: stop until `drained`
 * E_CLOSED  the client is gone; `gone` follows */
MUST_USE enum rc reply_write(struct http_request *r, const struct slice *v, size_t n);
size_t reply_queued(const struct http_request *r);
/* The request is over. */
void reply_end(struct http_request *r);
/* The reply is cut on purpose and looks it: the connection is reset or closed without its
 * last chunk.  The request is over. */
void reply_abort(struct http_request *r);
/* Bytes of reply handed over so far, heads included. */
uint64_t reply_bytes(const struct http_request *r);

#endif
