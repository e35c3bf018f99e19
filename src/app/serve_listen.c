/* Where the gateway listens. */
#include "app/serve.h"

#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

enum { FALL_BACK_PORTS = 10 };

/* Our own sockets share their port with each other (SO_REUSEPORT), and would with another
 * program of ours that listens there already: half of the requests would go to each.  So one
 * socket that does not share is bound first, to see. */
static int try_bind(const struct address *at)
{
	struct sockaddr_storage sa;
	int one = 1, e = 0, fd;

	memcpy(&sa, at->bytes, sizeof(sa));
	fd = socket(sa.ss_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return errno;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    bind(fd, (struct sockaddr *)&sa, at->len) < 0)
		e = errno;
	close(fd);
	return e;
}

static bool address_text(const struct address *at, char *room, size_t n)
{
	struct sb out;

	sb_init(&out, room, n);
	address_print(at, &out);
	(void)sb_cstr(&out);
	return !out.cut;
}

static void complain(const struct address *at, int e)
{
	char text[160];

	(void)address_text(at, text, sizeof(text));
	if (e == EADDRINUSE)
		fprintf(stderr,
			"weir: another program listens on %s already; stop it, or choose "
			"another address with --listen or \"listen:\"\n",
			text);
	else if (e == EACCES)
		fprintf(stderr,
			"weir: not allowed to listen on %s; ports below 1024 need "
			"CAP_NET_BIND_SERVICE\n",
			text);
	else
		fprintf(stderr, "weir: cannot listen on %s: %s\n", text, strerror(e));
}

/* The address, or with `fall_back` the next free port after it. */
static bool claim(struct address *at, bool fall_back)
{
	int first = try_bind(at), e = first;

	if (e == 0)
		return true;
	for (uint16_t i = 1; fall_back && e == EADDRINUSE && i <= FALL_BACK_PORTS; i++) {
		struct address next;

		if (address_read(&next, LIT("127.0.0.1"), (uint16_t)(address_port(at) + i)) !=
		    OK)
			break;
		e = try_bind(&next);
		if (e == 0) {
			*at = next;
			return true;
		}
	}
	complain(at, first);
	return false;
}

bool listener_tls(const struct config_listen *l, struct tls_server **out, struct err *err)
{
	const struct tls_server_options o = {
		.cert_file = l->tls.cert.s,
		.key_file = l->tls.key.s,
		.alpn = LIT("http/1.1"),
	};

	*out = NULL;
	return !l->tls.section.given || tls_server_new(out, &o, err) == OK;
}

bool listeners_plan(struct serve *s, const struct config *c, bool fall_back)
{
	size_t n = size_max(c->listen.n, 1);

	if (n > LISTENERS_MAX) {
		fprintf(stderr, "weir: at most %d addresses to listen on\n", LISTENERS_MAX);
		return false;
	}
	for (size_t i = 0; i < n; i++) {
		struct listener_plan *plan = &s->listeners[i];
		struct err err = { .rc = OK };

		*plan = (struct listener_plan){ .tls = NULL };
		if (config_address(c, i, &plan->at, &err) != OK) {
			fprintf(stderr, "weir: listen: %s\n", err.text);
			return false;
		}
		if (c->listen.n > 0 &&
		    !listener_tls(sections_at(&c->listen, i), &plan->tls, &err)) {
			fprintf(stderr, "weir: tls: %s\n", err.text);
			return false;
		}
		s->listener_n = i + 1;
		if (!claim(&plan->at, fall_back && c->listen.n == 0))
			return false;
	}
	return true;
}

void listeners_free(struct serve *s)
{
	for (size_t i = 0; i < s->listener_n; i++)
		if (s->listeners[i].tls != NULL)
			tls_server_free(s->listeners[i].tls);
}

bool listeners_same(const struct serve *s, const struct config *c)
{
	if (size_max(c->listen.n, 1) != s->listener_n)
		return false;
	for (size_t i = 0; i < c->listen.n; i++) {
		const struct config_listen *l = sections_at(&c->listen, i);
		struct address at;

		if (config_address(c, i, &at, NULL) != OK ||
		    l->tls.section.given != (s->listeners[i].tls != NULL))
			return false;
		/* Port 0 was exchanged for a free one. */
		if (address_port(&at) != 0 &&
		    (at.len != s->listeners[i].at.len ||
		     memcmp(at.bytes, s->listeners[i].at.bytes, at.len) != 0))
			return false;
	}
	return true;
}
