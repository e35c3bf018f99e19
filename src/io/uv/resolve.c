/* Look-ups in libuv's threads, by the system's resolver. */
#include "io/uv/impl.h"

#include "io/files.h"
#include "io/sock.h"

#include <netdb.h>
#include <netinet/in.h>

enum {
	NAME_MAX_BYTES = 253, /* RFC 1035, 2.3.4 */
	ADDRESSES_MAX = 16,
};

struct resolve {
	uv_getaddrinfo_t req;
	struct link link;
	resolve_fn *fn; /* NULL: cancelled */
	void *ctx;
	uint16_t port;
	char host[NAME_MAX_BYTES + 1];
};

static size_t collect(struct address *to, const struct addrinfo *from, uint16_t port)
{
	size_t n = 0;

	for (; from != NULL && n < ADDRESSES_MAX; from = from->ai_next) {
		struct address *a = &to[n];
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;

		*a = (struct address){ 0 };
		if (from->ai_family == AF_INET && from->ai_addrlen == sizeof(v4)) {
			memcpy(&v4, from->ai_addr, sizeof(v4));
			v4.sin_port = htons(port);
			memcpy(a->bytes, &v4, sizeof(v4));
			a->len = sizeof(v4);
			n++;
		} else if (from->ai_family == AF_INET6 && from->ai_addrlen == sizeof(v6)) {
			memcpy(&v6, from->ai_addr, sizeof(v6));
			v6.sin6_port = htons(port);
			memcpy(a->bytes, &v6, sizeof(v6));
			a->len = sizeof(v6);
			n++;
		}
	}
	return n;
}

static void on_resolved(uv_getaddrinfo_t *req, int status, struct addrinfo *res)
{
	struct resolve *r = CONTAINER_OF(req, struct resolve, req);
	struct address found[ADDRESSES_MAX];
	struct err err = { 0 };
	enum rc rc = OK;
	size_t n = 0;

	list_del(&r->link);
	if (r->fn != NULL) {
		loop_turn(CONTAINER_OF(req->loop, struct loop, uv));
		if (status == 0)
			n = collect(found, res, r->port);
		if (n == 0)
			rc = err_set(&err, E_DNS, "dns.lookup", "%s: %s", r->host,
				     status != 0 ? uv_strerror(status) : "no address");
		r->fn(r->ctx, rc, found, n, &err);
	}
	uv_freeaddrinfo(res);
	mem_put(system_mem(), r, sizeof(*r));
}

/* Where only IPv4 or only IPv6 is configured the other kind is not asked for; but this
 * machine's own name has both everywhere. */
static int flags_for(struct slice host)
{
	return slice_ieq(host, LIT("localhost")) ? 0 : AI_ADDRCONFIG;
}

enum rc resolve_start(struct resolve **out, struct loop *l, struct slice host, uint16_t port,
		      resolve_fn *fn, void *ctx, struct err *err)
{
	const struct addrinfo hints = {
		.ai_socktype = SOCK_STREAM,
		.ai_flags = flags_for(host),
	};
	struct resolve *r;
	int e;

	if (host.n == 0 || host.n > NAME_MAX_BYTES || memchr(host.p, '\0', host.n) != NULL)
		return err_set(err, E_DNS, "dns.name", "not a host name: %.*s", SARG(host));
	r = mem_zero(system_mem(), sizeof(*r));
	if (r == NULL)
		return err_nomem(err, "dns.lookup");
	r->fn = fn;
	r->ctx = ctx;
	r->port = port;
	memcpy(r->host, host.p, host.n);
	e = uv_getaddrinfo(&l->uv, &r->req, on_resolved, r->host, NULL, &hints);
	if (e != 0) {
		mem_put(system_mem(), r, sizeof(*r));
		return err_uv(err, E_DNS, "dns.lookup", e);
	}
	list_push_tail(&l->resolves, &r->link);
	*out = r;
	return OK;
}

void resolve_cancel(struct resolve *r)
{
	if (r == NULL)
		return;
	r->fn = NULL;
	/* When a thread is busy with it the answer is dropped on arrival. */
	uv_cancel((uv_req_t *)&r->req);
}

void resolves_discard(struct loop *l)
{
	for (struct link *at = l->resolves.next; at != &l->resolves; at = at->next)
		resolve_cancel(CONTAINER_OF(at, struct resolve, link));
}
