/* net/proxy.h -- which proxy stands between us and an origin, if any.  No I/O. */
#ifndef WEIR_NET_PROXY_H
#define WEIR_NET_PROXY_H

#include "base/arena.h"
#include "base/secret.h"
#include "net/client.h"
#include "wire/url.h"

struct proxy {
	struct slice host; /* empty: none, go directly */
	uint16_t port;
	struct secret auth; /* "Basic ...", or empty */
};

/* Decides for `to`.  *out borrows from `s`, but for `auth`, which is written to `arena`.
 * A proxy is "http://[user:password@]host[:port]" or "host:port".
 * E_BAD: it cannot be understood (`err` never shows the password); E_NOMEM. */
MUST_USE enum rc proxy_for(struct proxy *out, const struct proxy_settings *s,
			   const struct url *to, struct arena *arena, struct err *err);

/* True when NO_PROXY names this host.  `list` is parted by commas or blanks; an entry is "*",
 * a name (which stands for everything below it as well; ".name" and "*.name" are the same),
 * an address, or a network ("10.0.0.0/8", "fd00::/8"); each but the last may have a port. */
bool proxy_exempt(struct slice list, struct slice host, uint16_t port);

#endif
