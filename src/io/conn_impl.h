/* io/conn_impl.h -- what io/conn.c, io/conn_send.c and io/listener.c share; nobody else
 * includes it. */
#ifndef WEIR_IO_CONN_IMPL_H
#define WEIR_IO_CONN_IMPL_H

#include "base/buf.h"
#include "io/conn.h"

enum {
	TLS_PIECE = 16384,      /* plaintext of one TLS record */
	WRITE_BUDGET = 1 << 20, /* bytes written per readiness */
};

enum conn_state {
	CONN_CONNECTING,
	CONN_HANDSHAKE, /* TLS */
	CONN_OPEN,
	CONN_ENDED,     /* `ended` was told */
	CONN_FLUSHING,  /* closed by its owner; bytes still leave */
	CONN_LINGERING, /* our stream has ended; the peer's is read and dropped */
	CONN_GONE,      /* waits for the end of the turn */
};

/* Pieces of the caller that have not been sent. */
struct lent {
	size_t cap, n, at; /* v[at .. n) are left; for mem_put() */
	size_t bytes;      /* in them */
	struct slice v[];
};

struct conn {
	struct sock *sock;
	struct loop *loop;
	const struct conn_events *ev; /* NULL: nobody listens */
	void *ctx;
	struct later later;
	struct tls *tls;
	struct lent *lent;
	struct buf out;
	char *into; /* conn_read_into() */
	size_t into_n;
	uint64_t bytes_in, bytes_out;
	struct timer timer;   /* made when a close has to wait */
	const char *broke_id; /* what `broken` is about */
	uint32_t dropped;     /* bytes read while lingering */
	uint8_t state;        /* enum conn_state */
	uint8_t broken;       /* enum rc: writing failed; told by on_later() */
	uint8_t wanted;       /* SOCK_* as last told to the socket */
	bool paused;
	bool linger;     /* of a FLUSHING one */
	bool timed;      /* `timer` was made */
	bool undigested; /* the TLS filter may still hold plaintext */
	bool emptied;    /* the queue was, inside somebody's call: `drained` is to be told */
};

/* The owner still has it. */
static inline bool conn_owned(const struct conn *c)
{
	return c->state <= CONN_ENDED;
}

/* ---- conn.c -------------------------------------------------------------------- */

/* Which readiness is needed now.  Called after anything that could change it. */
void conn_want(struct conn *c);

/* The stream can no longer be written to, and `ended` is to be told at the end of the turn. */
void conn_broke(struct conn *c, enum rc why, const char *id);

#define CONN_BROKE_WRITE "conn.write"

/* Takes a waiting connection from `listener`.  Plain ones are silent until conn_listen();
 * with `tls` the server's side of the handshake begins and `opened` or `ended` is told to
 * (ev, ctx), which conn_listen() replaces later.
 * E_NOTFOUND none waits; E_FULL, E_NOMEM try again later; else this one was lost. */
MUST_USE enum rc conn_accept(struct conn **out, struct loop *l, struct sock *listener,
			     struct tls_server *tls, const struct conn_events *ev, void *ctx);

/* ---- conn_send.c ---------------------------------------------------------------- */

enum sent {
	SENT_ALL,
	SENT_SOME, /* the socket is full, or the budget is spent */
	SENT_BROKE,
};

/* Sends what stands in line, as far as the socket takes it. */
enum sent conn_flush(struct conn *c);
/* Of that only the TLS filter's bytes; `out` must be empty. */
enum sent conn_send_cipher(struct conn *c, size_t *budget);
void conn_drop_lent(struct conn *c);
/* With TLS what is queued may leave although the socket has not said that there is room; then
 * no readiness will come that `drained` could be told on.  To be asked before conn_want(). */
void conn_see_emptied(struct conn *c);

#endif
