/* Addresses as the system has them; no look-up of names here. */
#include "io/sock.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

_Static_assert(sizeof(((struct address *)NULL)->bytes) >= sizeof(struct sockaddr_storage),
	       "an address holds any of the system's");

static int family(const struct address *a)
{
	struct sockaddr sa;

	if (a->len < sizeof(sa.sa_family))
		return AF_UNSPEC;
	memcpy(&sa, a->bytes, sizeof(sa));
	return sa.sa_family;
}

static void print_unix(const struct address *a, struct sb *out)
{
	size_t head = offsetof(struct sockaddr_un, sun_path);
	const char *path = (const char *)a->bytes + head;
	size_t n = a->len > head ? a->len - head : 0;

	sb_lit(out, "unix:");
	if (n > 0 && path[0] == '\0') {
		/* Linux's abstract names. */
		sb_char(out, '@');
		sb_str(out, slice_of(path + 1, n - 1));
	} else {
		sb_str(out, slice_of(path, strnlen(path, n)));
	}
}

void address_print(const struct address *a, struct sb *out)
{
	char text[INET6_ADDRSTRLEN];
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	switch (family(a)) {
	case AF_INET:
		memcpy(&v4, a->bytes, sizeof(v4));
		inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
		sb_fmt(out, "%s:%u", text, ntohs(v4.sin_port));
		break;
	case AF_INET6:
		memcpy(&v6, a->bytes, sizeof(v6));
		inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
		sb_fmt(out, "[%s]:%u", text, ntohs(v6.sin6_port));
		break;
	case AF_UNIX:
		print_unix(a, out);
		break;
	default:
		sb_lit(out, "unknown");
		break;
	}
}

enum rc address_read(struct address *a, struct slice host, uint16_t port)
{
	char text[INET6_ADDRSTRLEN];
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_port = htons(port) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_port = htons(port) };

	if (host.n == 0 || host.n >= sizeof(text) || memchr(host.p, '\0', host.n) != NULL)
		return E_BAD;
	memcpy(text, host.p, host.n);
	text[host.n] = '\0';
	*a = (struct address){ 0 };
	if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
		memcpy(a->bytes, &v4, sizeof(v4));
		a->len = sizeof(v4);
		return OK;
	}
	if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1) {
		memcpy(a->bytes, &v6, sizeof(v6));
		a->len = sizeof(v6);
		return OK;
	}
	return E_BAD;
}

uint16_t address_port(const struct address *a)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	switch (family(a)) {
	case AF_INET:
		memcpy(&v4, a->bytes, sizeof(v4));
		return ntohs(v4.sin_port);
	case AF_INET6:
		memcpy(&v6, a->bytes, sizeof(v6));
		return ntohs(v6.sin6_port);
	default:
		return 0;
	}
}

static bool public_v4(uint32_t a)
{
	/* RFC 6890, 5735: network, its length. */
	static const struct {
		uint32_t net;
		unsigned bits;
	} not_public[] = {
		{ 0x00000000, 8 },  /* this network */
		{ 0x0a000000, 8 },  /* private */
		{ 0x64400000, 10 }, /* shared by a carrier */
		{ 0x7f000000, 8 },  /* loopback */
		{ 0xa9fe0000, 16 }, /* link; clouds' metadata */
		{ 0xac100000, 12 }, /* private */
		{ 0xc0000000, 24 }, /* protocol assignments */
		{ 0xc0000200, 24 }, /* documentation */
		{ 0xc0586300, 24 }, /* 6to4 relays */
		{ 0xc0a80000, 16 }, /* private */
		{ 0xc6120000, 15 }, /* benchmarks */
		{ 0xc6336400, 24 }, /* documentation */
		{ 0xcb007100, 24 }, /* documentation */
		{ 0xe0000000, 3 },  /* groups, reserved, broadcast */
	};

	for (size_t i = 0; i < ARRAY_LEN(not_public); i++)
		if ((a ^ not_public[i].net) >> (32 - not_public[i].bits) == 0)
			return false;
	return true;
}

static uint32_t v4_inside(const unsigned char *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 | (uint32_t)p[2] << 8 | p[3];
}

static bool public_v6(const unsigned char *p)
{
	static const unsigned char mapped[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };
	static const unsigned char nat64[12] = { 0, 0x64, 0xff, 0x9b };

	if (memcmp(p, mapped, sizeof(mapped)) == 0 || memcmp(p, nat64, sizeof(nat64)) == 0)
		return public_v4(v4_inside(p + 12));
	if ((p[0] & 0xe0) != 0x20)
		return false;             /* not global unicast (2000::/3) */
	if (p[0] == 0x20 && p[1] == 0x02) /* 6to4 */
		return public_v4(v4_inside(p + 2));
	/* 2001::/23 (Teredo and other protocols), 2001:db8::/32 and 3fff::/20 (documentation)
	 */
	if (p[0] == 0x20 && p[1] == 0x01 && p[2] < 0x02)
		return false;
	if (p[0] == 0x20 && p[1] == 0x01 && p[2] == 0x0d && p[3] == 0xb8)
		return false;
	return !(p[0] == 0x3f && p[1] == 0xff && p[2] < 0x10);
}

bool address_is_public(const struct address *a)
{
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;

	switch (family(a)) {
	case AF_INET:
		memcpy(&v4, a->bytes, sizeof(v4));
		return public_v4(ntohl(v4.sin_addr.s_addr));
	case AF_INET6:
		memcpy(&v6, a->bytes, sizeof(v6));
		return public_v6(v6.sin6_addr.s6_addr);
	default:
		return false;
	}
}
