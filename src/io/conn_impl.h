/* io/conn_impl.h -- what io/conn.c and io/listener.c share; nobody else includes it. */
#ifndef WEIR_IO_CONN_IMPL_H
#define WEIR_IO_CONN_IMPL_H

#include "io/conn.h"

/* Takes a waiting connection from `listener`.  Plain ones are silent until conn_listen();
 * with `tls` the server's side of the handshake begins and `opened` or `ended` is told to
 * (ev, ctx), which conn_listen() replaces later.
 * E_NOTFOUND none waits; E_FULL, E_NOMEM try again later; else this one was lost. */
MUST_USE enum rc conn_accept(struct conn **out, struct loop *l, struct sock *listener,
			     struct tls_server *tls, const struct conn_events *ev, void *ctx);

#endif
