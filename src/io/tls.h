/* io/tls.h -- TLS settings for either side; the one adapter of OpenSSL's TLS is io/tls.c.
 *
 * TLS 1.2 and 1.3.  Clients always check the certificate chain and the name; there is no
 * switch for "do not check": a private authority is named with `ca_file`.
 * Both may be shared by all loops (OpenSSL counts references atomically).
 */
#ifndef WEIR_IO_TLS_H
#define WEIR_IO_TLS_H

#include "base/err.h"
#include "base/mem.h"
#include "base/slice.h"

struct tls_client;
struct tls_server;

struct tls_client_options {
	struct slice ca_file; /* PEM; empty: SSL_CERT_FILE / SSL_CERT_DIR, else the system's */
	struct slice alpn;    /* "http/1.1"; empty: none */
};

/* Costs nothing until the first handshake: the library is set up, and the authorities are
 * read, only then (an idle gateway without TLS upstreams stays small).  A `ca_file` is read
 * at once, so that a wrong path is told at start.  Sessions are kept for reuse, per name.
 * E_TLS, E_NOMEM. */
MUST_USE enum rc tls_client_new(struct tls_client **out, const struct tls_client_options *o,
				struct err *err);
/* No new connection may use it; those that are open or being closed keep what they need. */
void tls_client_free(struct tls_client *t);

struct tls_server_options {
	struct slice cert_file; /* PEM, leaf first */
	struct slice key_file;  /* PEM */
	struct slice alpn;
};

MUST_USE enum rc tls_server_new(struct tls_server **out, const struct tls_server_options *o,
				struct err *err);
void tls_server_free(struct tls_server *t);

/* ---- for io/conn.c: TLS as a filter between bytes ------------------------------- */

struct tls; /* one connection's */

MUST_USE enum rc tls_open_client(struct tls **out, struct tls_client *t, struct slice name,
				 struct mem *mem, struct err *err);
MUST_USE enum rc tls_open_server(struct tls **out, struct tls_server *t, struct mem *mem,
				 struct err *err);
void tls_close(struct tls *s);

enum tls_step {
	TLS_MORE,  /* needs bytes from the peer */
	TLS_READY, /* handshake: done; read: bytes were given */
	TLS_END,   /* the peer sent close_notify */
	TLS_ERROR, /* `err` has the reason */
};

/* Ciphertext from the network goes in whole (false: no memory) ... */
MUST_USE bool tls_put(struct tls *s, struct slice cipher);
/* ... ciphertext for the network comes out: at most `n` bytes, 0 when there is none. */
size_t tls_take(struct tls *s, char *p, size_t n);
/* How much tls_take() could give. */
size_t tls_pending(const struct tls *s);

enum tls_step tls_handshake(struct tls *s, struct err *err);
/* Plaintext into `p`; *got bytes with TLS_READY. */
enum tls_step tls_read(struct tls *s, char *p, size_t n, size_t *got, struct err *err);
/* Takes all of it (it becomes ciphertext to take), or fails. */
MUST_USE enum rc tls_write(struct tls *s, struct slice plain, struct err *err);
/* Queues close_notify. */
void tls_finish(struct tls *s);
/* The protocol agreed by ALPN, or empty. */
struct slice tls_alpn(const struct tls *s);

#endif
