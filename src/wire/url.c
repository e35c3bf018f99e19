#include "wire/url.h"

#include "base/sb.h"

enum { HOST_MAX = 253, LABEL_MAX = 63 }; /* RFC 1035, 2.3.4 */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

static bool is_alnum(char c)
{
	return is_digit(c) || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

/* True when `s` holds only unreserved characters, sub-delims, those of `more`, and whole
 * percent-encodings (RFC 3986, 2 and 3.3). */
static bool chars_ok(struct slice s, const char *more)
{
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '%') {
			if (s.n - i < 3 || !is_hex(s.p[i + 1]) || !is_hex(s.p[i + 2]))
				return false;
			i += 2;
		} else if (c == '\0' || (!is_alnum(c) && strchr("-._~!$&'()*+,;=", c) == NULL &&
					 strchr(more, c) == NULL)) {
			return false;
		}
	}
	return true;
}

/* Letters, digits, "-", "_" and dots between them; one dot may end it.  Other reg-names
 * (percent-encoded, Unicode) mean nothing to DNS. */
static bool name_ok(struct slice s)
{
	size_t label = 0;

	if (s.n == 0 || s.n > HOST_MAX)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '.' ? label == 0 : !is_alnum(c) && c != '-' && c != '_')
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > LABEL_MAX)
			return false;
	}
	return true;
}

static bool ipv4_ok(struct slice s)
{
	for (int part = 0; part < 4; part++) {
		struct slice digits;
		bool more = slice_cut(s, '.', &digits, &s);
		uint64_t v;

		if (more != (part < 3) || digits.n > 3 || !slice_u64(digits, &v) || v > 255)
			return false;
		if (digits.n > 1 && digits.p[0] == '0')
			return false; /* some read it as octal */
	}
	return true;
}

/* RFC 4291, 2.2, without a zone: up to 8 groups, one "::", IPv4 at the end. */
static bool ipv6_ok(struct slice s)
{
	unsigned groups = 0;
	bool gap = false;
	size_t i = 0;

	if (slice_starts(s, LIT("::"))) {
		gap = true;
		i = 2;
	}
	while (i < s.n) {
		size_t from = i;

		while (i < s.n && is_hex(s.p[i]))
			i++;
		if (i < s.n && s.p[i] == '.') {
			groups += 2;
			if (!ipv4_ok(slice_skip(s, from)))
				return false;
			break;
		}
		if (i == from || i - from > 4)
			return false;
		groups++;
		if (i == s.n)
			break;
		if (s.p[i++] != ':' || i == s.n)
			return false;
		if (s.p[i] == ':') {
			if (gap)
				return false;
			gap = true;
			i++;
		}
	}
	return gap ? groups < 8 : groups == 8;
}

static enum rc read_port(struct slice s, uint16_t *port, struct err *err)
{
	uint64_t v;

	if (!slice_u64(s, &v) || v > 65535 || s.n > 5)
		return err_set(err, E_BAD, "url.port",
			       "the port \"%.*s\" is not a number from 0 to 65535",
			       SARG(slice_head(s, 32)));
	*port = (uint16_t)v;
	return OK;
}

struct authority {
	struct slice host;
	bool ipv6, has_port;
	uint16_t port;
};

static enum rc read_bracketed(struct authority *a, struct slice s, struct slice *rest,
			      struct err *err)
{
	size_t end = slice_find_char(s, ']');

	if (end == SLICE_NONE)
		return err_set(err, E_BAD, "url.host", "the \"[\" of the host is not closed");
	a->ipv6 = true;
	a->host = slice_of(s.p + 1, end - 1);
	*rest = slice_skip(s, end + 1);
	if (slice_find_char(a->host, '%') != SLICE_NONE)
		return err_set(err, E_BAD, "url.host",
			       "an IPv6 address with a zone (%%) is not supported");
	if (!ipv6_ok(a->host))
		return err_set(err, E_BAD, "url.host", "\"%.*s\" is not an IPv6 address",
			       SARG(slice_head(a->host, 64)));
	if (rest->n > 0 && rest->p[0] != ':')
		return err_set(err, E_BAD, "url.host", "only a port may follow the \"]\"");
	return OK;
}

static enum rc read_name(struct authority *a, struct slice s, struct slice *rest,
			 struct err *err)
{
	size_t colon = slice_find_char(s, ':');

	a->host = slice_head(s, colon);
	*rest = slice_skip(s, colon);
	if (colon == SLICE_NONE)
		*rest = (struct slice){ NULL, 0 };
	else if (slice_find_char(slice_skip(*rest, 1), ':') != SLICE_NONE)
		return err_set(err, E_BAD, "url.host",
			       "more than one \":\": an IPv6 address goes into brackets, as in "
			       "[::1]:8080");
	if (a->host.n == 0)
		return err_set(err, E_BAD, "url.host", "the host is missing");
	if (!name_ok(a->host))
		return err_set(err, E_BAD, "url.host", "\"%.*s\" is not a host name",
			       SARG(slice_head(a->host, 64)));
	return OK;
}

static enum rc read_authority(struct authority *a, struct slice s, struct err *err)
{
	struct slice rest = { NULL, 0 };
	enum rc rc;

	*a = (struct authority){ .host = { NULL, 0 } };
	rc = s.n > 0 && s.p[0] == '[' ? read_bracketed(a, s, &rest, err)
				      : read_name(a, s, &rest, err);
	if (rc != OK || rest.n == 0)
		return rc;
	a->has_port = true;
	return read_port(slice_skip(rest, 1), &a->port, err);
}

static bool skip_scheme(struct slice *s, bool *https)
{
	*https = slice_ieq(slice_head(*s, 8), LIT("https://"));
	if (!*https && !slice_ieq(slice_head(*s, 7), LIT("http://")))
		return false;
	*s = slice_skip(*s, *https ? 8 : 7);
	return true;
}

/* Where the authority ends. */
static size_t authority_len(struct slice s)
{
	size_t n = 0;

	while (n < s.n && s.p[n] != '/' && s.p[n] != '?' && s.p[n] != '#')
		n++;
	return n;
}

enum rc url_read(struct url *u, struct slice s, struct err *err)
{
	struct slice host, rest;
	struct authority a;
	size_t at;
	enum rc rc;

	*u = (struct url){ .https = false };
	if (!skip_scheme(&s, &u->https))
		return err_set(err, E_BAD, "url.scheme",
			       "a URL starts with http:// or https://");
	at = authority_len(s);
	host = slice_head(s, at);
	rest = slice_skip(s, at);

	at = slice_find_char(host, '@');
	if (at != SLICE_NONE) {
		u->userinfo = slice_head(host, at);
		host = slice_skip(host, at + 1);
		/* A second @ would put half of a password into the messages below. */
		if (slice_find_char(host, '@') != SLICE_NONE || !chars_ok(u->userinfo, ":"))
			return err_set(err, E_BAD, "url.userinfo",
				       "the part before the @ has characters that must be "
				       "percent-encoded");
	}
	rc = read_authority(&a, host, err);
	if (rc != OK)
		return rc;
	if (a.has_port && a.port == 0)
		return err_set(err, E_BAD, "url.port", "the port is 0");
	u->host = a.host;
	u->ipv6 = a.ipv6;
	u->port_given = a.has_port;
	u->port = a.has_port ? a.port : u->https ? 443 : 80;

	url_target(rest, &u->path, &u->query);
	if (slice_find_char(rest, '#') != SLICE_NONE)
		return err_set(err, E_BAD, "url.fragment", "a \"#\" has no meaning here");
	if (!chars_ok(u->path, ":@/"))
		return err_set(err, E_BAD, "url.path",
			       "the path has characters that must be percent-encoded");
	if (!chars_ok(u->query, ":@/?"))
		return err_set(err, E_BAD, "url.query",
			       "the query has characters that must be percent-encoded");
	return OK;
}

void url_target(struct slice target, struct slice *path, struct slice *query)
{
	bool https;

	if (skip_scheme(&target, &https)) {
		target = slice_skip(target, authority_len(target));
		if (target.n == 0 || target.p[0] != '/') {
			*path = LIT("/");
			*query = slice_skip(target, 1);
			return;
		}
	}
	slice_cut(target, '?', path, query);
}

bool url_query(struct slice query, struct slice name, struct slice *value)
{
	while (query.n > 0) {
		struct slice pair, key, v;

		slice_cut(query, '&', &pair, &query);
		slice_cut(pair, '=', &key, &v);
		if (pair.n > 0 && slice_eq(key, name)) {
			*value = v;
			return true;
		}
	}
	return false;
}

enum rc url_host_port(struct slice s, struct slice *host, uint16_t *port, struct err *err)
{
	struct authority a;
	enum rc rc = read_authority(&a, s, err);

	if (rc != OK)
		return rc;
	*host = a.host;
	if (a.has_port)
		*port = a.port;
	return OK;
}

/* ---- percent-encoding ---- */

/* Unreserved (RFC 3986, 2.3), or one of `keep`. */
static bool unreserved(char c, const char *keep)
{
	return is_alnum(c) || c == '-' || c == '.' || c == '_' || c == '~' ||
	       (c != '\0' && strchr(keep, c) != NULL);
}

struct slice url_encode(struct slice plain, const char *keep, struct arena *a)
{
	struct sb b;
	size_t n = 0;
	char *p;

	for (size_t i = 0; i < plain.n; i++)
		n += unreserved(plain.p[i], keep) ? 1 : 3;
	if (n == plain.n)
		return plain;
	p = arena_bytes(a, n);
	if (p == NULL)
		return slice_of(NULL, 0);
	sb_init(&b, p, n);
	for (size_t i = 0; i < plain.n; i++) {
		const unsigned char c = (unsigned char)plain.p[i];

		if (unreserved(plain.p[i], keep)) {
			sb_char(&b, plain.p[i]);
			continue;
		}
		sb_char(&b, '%');
		sb_char(&b, "0123456789ABCDEF"[c >> 4]);
		sb_char(&b, "0123456789ABCDEF"[c & 15]);
	}
	return sb_slice(&b);
}

static unsigned hex_value(char c)
{
	return (unsigned)(c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
}

struct slice url_decode(struct slice s, struct arena *a)
{
	size_t n = 0;
	char *p;

	if (slice_find_char(s, '%') == SLICE_NONE)
		return s;
	p = arena_bytes(a, s.n);
	if (p == NULL)
		return slice_of(NULL, 0);
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '%' && s.n - i >= 3 && is_hex(s.p[i + 1]) && is_hex(s.p[i + 2])) {
			p[n++] = (char)(unsigned char)(hex_value(s.p[i + 1]) << 4 |
						       hex_value(s.p[i + 2]));
			i += 2;
		} else {
			p[n++] = s.p[i];
		}
	}
	return slice_of(p, n);
}
