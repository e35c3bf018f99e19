/* wire/url.h -- absolute http and https URLs (RFC 3986), as base URLs and proxies need them. */
#ifndef WEIR_WIRE_URL_H
#define WEIR_WIRE_URL_H

#include "base/arena.h"
#include "base/err.h"

struct url {
	bool https;
	struct slice userinfo; /* before the @, percent-encoding untouched; a secret */
	struct slice host;     /* without brackets */
	bool ipv6;             /* the host stood in brackets */
	uint16_t port;         /* 80 or 443 when not given */
	bool port_given;
	struct slice path;  /* "" or from its slash, without query */
	struct slice query; /* without the question mark */
};

/* Slices borrow from `s`.  E_BAD: `err` says what is wrong with it (never showing userinfo). */
MUST_USE enum rc url_read(struct url *u, struct slice s, struct err *err);

/* Splits a request target ("/v1/models?limit=3") into path and query.  Of one in absolute form
 * ("http://host/v1/models") scheme and authority are dropped. */
void url_target(struct slice target, struct slice *path, struct slice *query);

/* The first value of `name` in a query, undecoded; false when absent. */
bool url_query(struct slice query, struct slice name, struct slice *value);

/* "host", "host:8080", "127.0.0.1:0", "[::1]:8080" -> parts; *port is left as it was when
 * there is none.  E_BAD. */
MUST_USE enum rc url_host_port(struct slice s, struct slice *host, uint16_t *port,
			       struct err *err);

/* Percent-encoded but for unreserved characters and those in `keep`.  Borrowed when there is
 * nothing to encode, else from the arena; empty on no memory (sticky). */
struct slice url_encode(struct slice plain, const char *keep, struct arena *a);
/* And back; a "%" that begins no escape stays.  "+" is a plus.  Likewise. */
struct slice url_decode(struct slice s, struct arena *a);

#endif
