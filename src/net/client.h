/* net/client.h -- the HTTP/1.1 client of one loop, with its pools of connections.
 *
 * An origin is where calls go: scheme, host, port, TLS settings, proxy.  Each loop keeps a
 * pool per origin.  A call takes an idle connection or opens one; a call that met a
 * connection closed under it, before any byte was answered, is sent once more on a
 * fresh one, unseen by the caller (RFC 9112, 9.3.1).
 */
#ifndef WEIR_NET_CLIENT_H
#define WEIR_NET_CLIENT_H

#include "base/arena.h"
#include "base/log.h"
#include "base/secret.h"
#include "io/conn.h"
#include "wire/http1.h"
#include "wire/url.h"

struct http_client;
struct origin;
struct http_call;

struct http_client_limits {
	size_t head_bytes;        /* of a response: 64 KiB */
	size_t idle_per_origin;   /* connections kept: 64 */
	size_t open_per_origin;   /* 0: no limit; over it calls wait in order */
	uint64_t idle_timeout_us; /* an idle connection is closed after: 60 s */
	uint64_t dns_ttl_us;      /* addresses are kept: 30 s */
};

/* From HTTPS_PROXY, HTTP_PROXY (lower case only: see httpoxy), NO_PROXY, or the config. */
struct proxy_settings {
	struct slice https_proxy, http_proxy, no_proxy;
};

MUST_USE enum rc http_client_new(struct http_client **out, struct loop *l,
				 const struct http_client_limits *limits, struct log *log,
				 struct err *err);
/* Other limits, from the next call or connection on. */
void http_client_set_limits(struct http_client *c, const struct http_client_limits *limits);
/* Ends every call without telling, closes all connections.  Not from inside an event. */
void http_client_free(struct http_client *c);

struct origin_options {
	struct url url;                     /* scheme, host and port count; copied */
	struct tls_client *tls;             /* for https; must outlive the client */
	const struct proxy_settings *proxy; /* NULL: none; copied */
	uint64_t connect_timeout_us;        /* DNS, TCP, proxy and TLS together */
	/* Only addresses that are anybody's are connected to (address_is_public): for hosts
	 * that a client named.  Not with a proxy.  A name that has no such address fails with
	 * E_REFUSED, "net.private_address". */
	bool public_only;
};
/* Finds or makes the origin of these options, counted: origin_put() gives it back, and the
 * last one closes its idle connections.  E_BAD for a proxy that cannot be understood;
 * E_REFUSED for a literal address that is not public. */
MUST_USE enum rc origin_get(struct origin **out, struct http_client *c,
			    const struct origin_options *o, struct err *err);
void origin_put(struct origin *o);
/* The value of the Host header of calls to it; borrowed. */
struct slice origin_host(const struct origin *o);
/* Opens connections ahead of need until `n` are idle or opening. */
void origin_warm(struct origin *o, size_t n);

struct http_call_events {
	/* The request is on a connection (for timing).  May be NULL. */
	void (*sent)(void *ctx);
	/* `head` is valid until `end` or `failed`. */
	void (*head)(void *ctx, const struct http_head *head);
	void (*body)(void *ctx, struct slice bytes); /* borrowed */
	/* The response is complete and was framed properly.  The call is gone. */
	void (*end)(void *ctx);
	/* It did not come, or broke off.  E_DNS, E_CONNECT, E_TLS, E_TIMEOUT (connect only; the
	 * other times are the caller's), E_RESET, E_CLOSED (broke off), E_BAD (not HTTP),
	 * E_TOOBIG, E_NOMEM.  The call is gone. */
	void (*failed)(void *ctx, enum rc why, const struct err *err);
};

struct http_call_options {
	struct slice method;
	struct slice target; /* origin form: "/v1/chat/completions" */
	/* Besides Host, Content-Length and Connection, which the client writes. */
	const struct header *headers;
	size_t header_n;
	/* Written after the headers as "Name: prefix<secret>"; empty name: none. */
	struct slice auth_name, auth_prefix;
	struct secret auth;
	const struct slice *body; /* pieces, sent without a copy when large */
	size_t body_n;
};

/* Everything in `o` is borrowed until `head`, `failed` or http_call_cancel() (the request may
 * have to be sent twice).  None of the events comes from inside this call.
 * `arena` holds the response's head.  Returns owned until end, failed or cancel. */
MUST_USE enum rc http_call_start(struct http_call **out, struct origin *o,
				 const struct http_call_options *options, struct arena *arena,
				 const struct http_call_events *ev, void *ctx, struct err *err);
/* Closes its connection (that is how the provider learns of it); no event follows. */
void http_call_cancel(struct http_call *c);
/* Stops and continues `body`. */
void http_call_pause(struct http_call *c);
void http_call_resume(struct http_call *c);

struct http_call_times { /* loop clock; 0: did not happen */
	uint64_t started_us, resolved_us, connected_us, sent_us, first_byte_us;
	bool reused; /* an idle connection was taken */
};
const struct http_call_times *http_call_times(const struct http_call *c);

struct http_client_stats {
	uint64_t opened, reused, failed, resent, bytes_in, bytes_out;
	size_t idle, busy, waiting;
};
const struct http_client_stats *http_client_stats(const struct http_client *c);

#endif
