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
