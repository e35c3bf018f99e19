#include "fuzz.h"

#include "wire/url.h"

static bool inside(struct slice part, struct slice whole)
{
	return part.n == 0 || (part.p >= whole.p && part.p + part.n <= whole.p + whole.n);
}

/* What was read, written again, reads the same. */
static void read_again(const struct url *u)
{
	char room[8192];
	struct url v;
	int n = snprintf(room, sizeof(room), "%s://%.*s%s%s%.*s%s:%u%.*s%s%.*s",
			 u->https ? "https" : "http", SARG(u->userinfo),
			 u->userinfo.n > 0 ? "@" : "", u->ipv6 ? "[" : "", SARG(u->host),
			 u->ipv6 ? "]" : "", u->port, SARG(u->path), u->query.n > 0 ? "?" : "",
			 SARG(u->query));

	INVARIANT(n > 0 && (size_t)n < sizeof(room));
	INVARIANT(url_read(&v, slice_of(room, (size_t)n), NULL) == OK);
	INVARIANT(v.https == u->https && v.ipv6 == u->ipv6 && v.port == u->port);
	INVARIANT(slice_eq(v.host, u->host) && slice_eq(v.userinfo, u->userinfo));
	INVARIANT(slice_eq(v.path, u->path) && slice_eq(v.query, u->query));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice s = slice_of((const char *)data, size_min(size, 4096));
	struct slice host, path, query, value;
	struct err err = { .rc = OK };
	uint16_t port;
	struct url u;

	if (url_read(&u, s, &err) == OK) {
		INVARIANT(err.rc == OK && u.host.n > 0 && u.port > 0);
		INVARIANT(inside(u.userinfo, s) && inside(u.host, s));
		INVARIANT(inside(u.path, s) || slice_eq(u.path, LIT("/")));
		INVARIANT(inside(u.query, s));
		INVARIANT(u.path.n == 0 || u.path.p[0] == '/');
		read_again(&u);
	} else {
		INVARIANT(err.rc == E_BAD && err.text[0] != '\0');
	}
	if (url_host_port(s, &host, &port, NULL) == OK)
		INVARIANT(host.n > 0 && inside(host, s));
	url_target(s, &path, &query);
	if (url_query(query, LIT("a"), &value))
		INVARIANT(inside(value, s));
	return 0;
}
