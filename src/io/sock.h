/* io/sock.h -- sockets that say when they are ready: what a backend provides beside the
 * loop.  Only io/conn.c and io/listener.c use it; the rest of the house uses those.
 */
#ifndef WEIR_IO_SOCK_H
#define WEIR_IO_SOCK_H

#include "base/sb.h"
#include "io/loop.h"

/* An address: IPv4, IPv6 or a Unix path, as the system has it. */
struct address {
	_Alignas(8) unsigned char bytes[128]; /* struct sockaddr_storage */
	unsigned len;
};

/* "127.0.0.1:80", "[::1]:80", "unix:/path"; for logs. */
void address_print(const struct address *a, struct sb *out);
/* Literal IPv4 or IPv6 only, no look-up.  E_BAD. */
MUST_USE enum rc address_read(struct address *a, struct slice host, uint16_t port);
uint16_t address_port(const struct address *a);
/* Anybody on the internet may have it: not this machine, a private or shared network, a
 * link, a group, documentation, or a form that hides one of those (RFC 6890, and IPv4 inside
 * IPv6).  For whom clients may make us connect to. */
bool address_is_public(const struct address *a);

struct sock;

enum { SOCK_READ = 1, SOCK_WRITE = 2 };

/* `ready` is a set of SOCK_*.  A connecting socket becomes ready to write when it is
 * connected or has failed. */
typedef void sock_fn(void *ctx, unsigned ready);

/* Begins to connect.  Returns owned: sock_close().  The result is told by readiness and
 * sock_connected().  E_SYS, E_CONNECT, E_NOMEM. */
MUST_USE enum rc sock_connect(struct sock **out, struct loop *l, const struct address *to,
			      sock_fn *fn, void *ctx, struct err *err);
/* OK once connected; E_CONNECT with the reason. */
MUST_USE enum rc sock_connected(struct sock *s, struct err *err);

/* Listens with SO_REUSEPORT, so that every loop has its own.  Port 0 picks one; see
 * sock_local().  Ready to read: sock_accept().  E_SYS. */
MUST_USE enum rc sock_listen(struct sock **out, struct loop *l, const struct address *at,
			     int backlog, sock_fn *fn, void *ctx, struct err *err);
/* Takes one waiting connection; E_NOTFOUND when there is none; E_FULL when the process has no
 * descriptors left (try again later); other errors concern that one connection. */
MUST_USE enum rc sock_accept(struct sock *listener, struct sock **out, sock_fn *fn, void *ctx);

/* Which readiness is wanted from now on (level-triggered). */
void sock_want(struct sock *s, unsigned want);

/* How many bytes, 0 at the end of the stream, or -1 with *rc: E_FULL (would block; wait for
 * readiness) or E_RESET. */
ptrdiff_t sock_read(struct sock *s, char *p, size_t n, enum rc *rc);
/* How many bytes (may be fewer than given), or -1 likewise. */
ptrdiff_t sock_write(struct sock *s, const struct slice *v, size_t n, enum rc *rc);

void sock_shutdown(struct sock *s);          /* sends the end of our stream */
void sock_close(struct sock *s, bool abort); /* abort: the peer sees a reset */

void sock_local(struct sock *s, struct address *out);
void sock_remote(struct sock *s, struct address *out);

/* ---- names --------------------------------------------------------------------- */

struct resolve;
/* `n` addresses (at least one when rc is OK), borrowed until it returns. */
typedef void resolve_fn(void *ctx, enum rc rc, const struct address *a, size_t n,
			const struct err *err);
/* Looks a name up without blocking the loop; both address families, in the system's order.
 * Returns owned until the callback or resolve_cancel(), after which it is gone. */
MUST_USE enum rc resolve_start(struct resolve **out, struct loop *l, struct slice host,
			       uint16_t port, resolve_fn *fn, void *ctx, struct err *err);
void resolve_cancel(struct resolve *r);

#endif
