/* Names of the simulated world. */
#include "io/sim/sim_impl.h"

#include <arpa/inet.h>
#include <netinet/in.h>

#define DNS_US 20000U

struct resolve {
	struct event event;
	struct link link; /* in loop.resolves */
	struct loop *loop;
	resolve_fn *fn;
	void *ctx;
	const struct known_name *found; /* NULL: no such name */
	struct address literal;
	uint16_t port;
	bool is_literal;
	bool fails;
	bool answered;
};

static void answered(struct event *e)
{
	struct resolve *r = CONTAINER_OF(e, struct resolve, event);

	r->answered = true;
	r->loop->posted = true;
}

static const struct known_name *known(const struct sim *s, struct slice host)
{
	for (struct link *i = s->names.next; i != &s->names; i = i->next) {
		const struct known_name *k = CONTAINER_OF(i, struct known_name, link);

		if (slice_ieq(slice_of(k->host, k->host_n), host))
			return k;
	}
	return NULL;
}

enum rc resolve_start(struct resolve **out, struct loop *l, struct slice host, uint16_t port,
		      resolve_fn *fn, void *ctx, struct err *err)
{
	struct sim *s = l->sim;
	struct resolve *r = mem_zero(loop_mem(l), sizeof(*r));
	uint64_t us;

	if (r == NULL)
		return err_nomem(err, "resolve.new");
	r->loop = l;
	r->fn = fn;
	r->ctx = ctx;
	r->port = port;
	r->event.fn = answered;
	r->is_literal = address_read(&r->literal, host, port) == OK;
	r->found = known(s, host);
	r->fails = !r->is_literal && rng_chance(&s->rng, s->faults.dns_fail);
	us = sim_between(s, 0, DNS_US);
	if (rng_chance(&s->rng, s->faults.dns_slow))
		us += sim_between(s, s->faults.stall_us / 2, s->faults.stall_us);
	list_push_tail(&l->resolves, &r->link);
	event_set(s, &r->event, s->now_us + us);
	*out = r;
	return OK;
}

void resolve_cancel(struct resolve *r)
{
	event_stop(r->loop->sim, &r->event);
	list_del(&r->link);
	mem_put(loop_mem(r->loop), r, sizeof(*r));
}

static void set_port(struct address *a, uint16_t port)
{
	struct sockaddr_in sin;

	memcpy(&sin, a->bytes, sizeof(sin));
	sin.sin_port = htons(port);
	memcpy(a->bytes, &sin, sizeof(sin));
}

enum { ADDRESSES_MAX = 8 };

static void tell(struct resolve *r)
{
	struct address a[ADDRESSES_MAX];
	resolve_fn *fn = r->fn;
	void *ctx = r->ctx;
	struct err err;
	size_t n = 0;

	err_clear(&err);
	if (r->is_literal) {
		a[n++] = r->literal;
	} else if (r->found != NULL && !r->fails) {
		for (; n < r->found->n && n < ADDRESSES_MAX; n++) {
			a[n] = r->found->a[n];
			set_port(&a[n], r->port);
		}
	} else {
		(void)err_set(&err, E_DNS, "dns.not_found", "the name is not known");
	}
	sim_note(r->loop->sim, "%s: a name was looked up: %zu addresses", r->loop->name, n);
	resolve_cancel(r);
	fn(ctx, n > 0 ? OK : E_DNS, a, n, &err);
}

void resolves_run(struct loop *l)
{
	struct link *i = l->resolves.next;

	while (i != &l->resolves) {
		struct resolve *r = CONTAINER_OF(i, struct resolve, link);

		i = i->next;
		if (!r->answered)
			continue;
		tell(r);
		i = l->resolves.next; /* the callback may have cancelled any of them */
	}
}

void resolves_drop(struct loop *l)
{
	while (!list_empty(&l->resolves))
		resolve_cancel(CONTAINER_OF(l->resolves.next, struct resolve, link));
}
