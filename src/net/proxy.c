/* net/proxy.c -- reads HTTPS_PROXY, http_proxy and NO_PROXY the way curl and the clients of
 * most languages do: there is no standard for them. */
#include "net/proxy.h"

#include "wire/base64.h"

#include <arpa/inet.h>

enum { USERINFO_MAX = 512 };

/* ---- NO_PROXY ---------------------------------------------------------------------- */

/* An IPv4 (4 bytes) or IPv6 (16 bytes) address; 0 when it is neither. */
static size_t read_ip(struct slice s, unsigned char out[16])
{
	char text[INET6_ADDRSTRLEN + 1];

	if (s.n >= 2 && s.p[0] == '[' && s.p[s.n - 1] == ']')
		s = slice_of(s.p + 1, s.n - 2);
	if (s.n == 0 || s.n >= sizeof(text))
		return 0;
	memcpy(text, s.p, s.n);
	text[s.n] = '\0';
	if (inet_pton(AF_INET, text, out) == 1)
		return 4;
	return inet_pton(AF_INET6, text, out) == 1 ? 16 : 0;
}

static bool same_network(const unsigned char *a, const unsigned char *b, size_t bits)
{
	size_t whole = bits / 8;
	unsigned rest = bits % 8;

	if (memcmp(a, b, whole) != 0)
		return false;
	return rest == 0 || ((a[whole] ^ b[whole]) >> (8 - rest)) == 0;
}

static bool network_matches(struct slice net, struct slice bits, struct slice host)
{
	unsigned char a[16], b[16];
	size_t n = read_ip(net, a);
	uint64_t v;

	return n > 0 && read_ip(host, b) == n && slice_u64(bits, &v) && v <= n * 8 &&
	       same_network(a, b, (size_t)v);
}

static bool name_matches(struct slice entry, struct slice host)
{
	unsigned char a[16], b[16];
	size_t n = read_ip(entry, a);

	if (n > 0)
		return read_ip(host, b) == n && memcmp(a, b, n) == 0;
	if (slice_starts(entry, LIT("*.")))
		entry = slice_skip(entry, 1);
	if (slice_starts(entry, LIT(".")))
		entry = slice_skip(entry, 1);
	if (entry.n == 0 || entry.n > host.n)
		return false;
	if (entry.n < host.n && host.p[host.n - entry.n - 1] != '.')
		return false;
	return slice_ieq(slice_skip(host, host.n - entry.n), entry);
}

/* Takes the port off "name:port" and "[::1]:port", but not off "::1". */
static void cut_port(struct slice *entry, struct slice *port)
{
	size_t at = entry->n;

	*port = (struct slice){ NULL, 0 };
	while (at > 0 && entry->p[at - 1] != ':')
		at--;
	if (at == 0)
		return;
	if (entry->p[0] == '[' ? entry->p[at - 2] != ']'
			       : slice_find_char(*entry, ':') != at - 1)
		return;
	*port = slice_skip(*entry, at);
	*entry = slice_head(*entry, at - 1);
}

static bool entry_matches(struct slice entry, struct slice host, uint16_t port)
{
	struct slice net, bits, wanted;
	uint64_t v;

	if (slice_eq(entry, LIT("*")))
		return true;
	if (slice_cut(entry, '/', &net, &bits))
		return network_matches(net, bits, host);
	cut_port(&entry, &wanted);
	if (wanted.n > 0 && (!slice_u64(wanted, &v) || v != port))
		return false;
	return name_matches(entry, host);
}

static bool is_blank(char c)
{
	return c == ',' || c == ' ' || c == '\t' || c == '\n';
}

bool proxy_exempt(struct slice list, struct slice host, uint16_t port)
{
	if (host.n > 0 && host.p[host.n - 1] == '.')
		host.n--; /* the root's dot */
	while (list.n > 0) {
		size_t n = 0;

		while (n < list.n && !is_blank(list.p[n]))
			n++;
		if (n > 0 && entry_matches(slice_head(list, n), host, port))
			return true;
		list = slice_skip(list, n + 1);
	}
	return false;
}

/* ---- the proxy ------------------------------------------------------------------------ */

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* "user%40corp:pass" -> "Basic ..." */
static enum rc read_userinfo(struct secret *out, struct slice in, struct arena *arena,
			     struct err *err)
{
	char plain[USERINFO_MAX];
	char coded[USERINFO_MAX / 3 * 4 + 16];
	bool colon = false;
	size_t n = 0;
	struct sb b;

	if (in.n >= USERINFO_MAX - 1)
		return err_set(err, E_BAD, "proxy.userinfo", "the proxy's user is too long");
	for (size_t i = 0; i < in.n; i++) {
		char c = in.p[i];

		if (c == '%') {
			int hi = i + 2 < in.n ? hex(in.p[i + 1]) : -1;
			int lo = i + 2 < in.n ? hex(in.p[i + 2]) : -1;

			if (hi < 0 || lo < 0)
				return err_set(
					err, E_BAD, "proxy.userinfo",
					"a bad %%-escape in the proxy's user or password");
			c = (char)(hi * 16 + lo);
			i += 2;
		}
		colon |= in.p[i] == ':';
		plain[n++] = c;
	}
	if (!colon)
		plain[n++] = ':';
	sb_init(&b, coded, sizeof(coded));
	sb_str(&b, LIT("Basic "));
	base64_put(&b, slice_of(plain, n));
	INVARIANT(!b.cut);
	*out = secret_make(arena, sb_slice(&b));
	mem_wipe(plain, sizeof(plain));
	mem_wipe(coded, sizeof(coded));
	return arena_failed(arena) ? err_nomem(err, "proxy.userinfo") : OK;
}

static enum rc read_proxy(struct proxy *out, struct slice text, struct arena *arena,
			  struct err *err)
{
	struct url u;
	enum rc rc;

	if (slice_find(text, LIT("://")) == SLICE_NONE) {
		/* "proxy.example:3128" */
		char full[USERINFO_MAX + 300];
		struct sb b;

		sb_init(&b, full, sizeof(full));
		sb_str(&b, LIT("http://"));
		sb_str(&b, text);
		if (b.cut)
			return err_set(err, E_BAD, "proxy.url", "the proxy's URL is too long");
		text = arena_copy(arena, sb_slice(&b));
		if (arena_failed(arena))
			return err_nomem(err, "proxy.url");
	}
	rc = url_read(&u, text, err);
	if (rc != OK)
		return rc;
	if (u.https)
		return err_set(err, E_BAD, "proxy.scheme",
			       "a proxy that is itself reached by https is not supported; "
			       "give it as http://");
	out->host = u.host;
	out->port = u.port;
	return u.userinfo.n > 0 ? read_userinfo(&out->auth, u.userinfo, arena, err) : OK;
}

enum rc proxy_for(struct proxy *out, const struct proxy_settings *s, const struct url *to,
		  struct arena *arena, struct err *err)
{
	struct slice text;

	*out = (struct proxy){ .port = 0 };
	if (s == NULL)
		return OK;
	text = slice_trim(to->https ? s->https_proxy : s->http_proxy);
	if (text.n == 0 || proxy_exempt(s->no_proxy, to->host, to->port))
		return OK;
	return read_proxy(out, text, arena, err);
}
