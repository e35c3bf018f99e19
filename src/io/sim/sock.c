/* Sockets of the simulated network.
 *
 * A wire is one connection: two ends (struct sock, either may be gone) and two pipes.  pipe[i]
 * is written by end[i] and read by the other one.  Bytes go through a pipe in pieces that
 * arrive at their time, in order; a piece may also be the stream's end or a reset.  A wire
 * lives until both ends are closed and nothing is on its way.
 *
 * As on a real system: closing with unread bytes resets; writing to a closed end resets;
 * bytes that have arrived before a reset can (by chance) still be read.
 */
#include "io/sim/sim_impl.h"

enum { BACKLOG = 128 };
/* How long a system tries to connect. */
#define CONNECT_US 130000000U
#define NEVER      UINT64_MAX

enum piece_kind { PIECE_DATA, PIECE_END, PIECE_RESET };

struct piece {
	uint64_t us; /* when it arrives */
	size_t n;
	enum piece_kind kind;
};

struct pipe {
	struct event arrival; /* of the first piece */
	struct wire *wire;
	char *ring;
	size_t cap, head, held; /* bytes in it; `seen` of them have arrived */
	size_t seen;
	struct piece *pieces; /* [first .. first+n) on the way */
	size_t first, n, pieces_cap;
	uint64_t last_us; /* no piece arrives before the one ahead of it */
	uint64_t written;
	uint64_t reset_at, end_at, stall_at; /* faults fall on this byte, or NEVER */
	size_t rate;                         /* bytes per second; 0: as they come */
	bool ended;                          /* the end was sent */
	bool end_seen;
	bool swallows; /* what is written leads nowhere */
};

struct wire {
	struct link link; /* in sim.wires */
	struct sim *sim;
	uint32_t id;
	struct event event; /* of connecting */
	struct sim_faults faults;
	struct address address[2];
	struct sock *end[2];
	struct pipe pipe[2];
	bool reset[2]; /* seen by this end */
	bool answered; /* the client knows */
	bool refused;
	bool waits; /* in a backlog: its server end does not exist yet */
	struct link backlog;
};

struct sock {
	struct loop *loop;
	sock_fn *fn;
	void *ctx;
	struct link link;  /* in loop.socks, or loop.dead */
	struct link ready; /* in loop.ready */
	unsigned want;
	bool closed;
	/* one of the two: */
	struct wire *wire;
	unsigned side;         /* 0: client */
	struct link listening; /* in sim.listeners */
	struct link backlog;   /* wires that wait */
	size_t waiting;
	bool listener;
	struct address local;
};

static event_fn arrive;
static event_fn connect_arrives;
static event_fn connect_answered;

/* ---- readiness --------------------------------------------------------------- */

static unsigned ready_now(const struct sock *s)
{
	const struct wire *w = s->wire;
	const struct pipe *in, *out;
	unsigned r = 0;

	if (s->listener)
		return s->waiting > 0 ? SOCK_READ : 0;
	if (!w->answered)
		return 0;
	if (w->refused || w->reset[s->side])
		return SOCK_READ | SOCK_WRITE;
	in = &w->pipe[1 - s->side];
	out = &w->pipe[s->side];
	if (in->seen > 0 || in->end_seen)
		r |= SOCK_READ;
	if (out->held < out->cap || out->swallows)
		r |= SOCK_WRITE;
	return r;
}

/* Called whenever something changed that its owner may want to know. */
static void update(struct sock *s)
{
	if (s == NULL || s->closed || !list_empty(&s->ready) || (ready_now(s) & s->want) == 0)
		return;
	if (rng_chance(&s->loop->sim->rng, 0.5))
		list_push_tail(&s->loop->ready, &s->ready);
	else
		list_push_head(&s->loop->ready, &s->ready);
}

void socks_run(struct loop *l)
{
	struct link now;
	struct link *at;

	/* What becomes ready meanwhile has its turn next time. */
	list_init(&now);
	while ((at = list_pop_head(&l->ready)) != NULL)
		list_push_tail(&now, at);
	while ((at = list_pop_head(&now)) != NULL) {
		struct sock *s = CONTAINER_OF(at, struct sock, ready);
		unsigned r = s->closed ? 0 : ready_now(s) & s->want;

		if (r != 0)
			s->fn(s->ctx, r);
		update(s);
	}
}

void sock_want(struct sock *s, unsigned want)
{
	s->want = want;
	update(s);
}

/* ---- made -------------------------------------------------------------------- */

static struct sock *make(struct loop *l, sock_fn *fn, void *ctx)
{
	struct sock *s = mem_zero(loop_mem(l), sizeof(*s));

	if (s == NULL)
		return NULL;
	s->loop = l;
	s->fn = fn;
	s->ctx = ctx;
	list_init(&s->ready);
	list_init(&s->backlog);
	list_init(&s->listening);
	list_push_tail(&l->socks, &s->link);
	l->sim->sockets++;
	return s;
}

/* On which byte a fault falls: small numbers are as likely as large. */
static uint64_t which_byte(struct sim *s, size_t most)
{
	unsigned bits = 0;

	while (bits < 40 && (most >> bits) > 1)
		bits++;
	return rng_below(&s->rng, (uint64_t)1 << rng_below(&s->rng, bits + 1));
}

static void pipe_init(struct sim *s, struct wire *w, struct pipe *p)
{
	const struct sim_faults *f = &w->faults;

	p->wire = w;
	p->arrival.fn = arrive;
	p->cap = sim_between(s, f->window_min, f->window_max);
	INVARIANT(p->cap > 0);
	p->reset_at = p->end_at = p->stall_at = NEVER;
}

static struct wire *wire_make(struct sim *s, const struct address *to)
{
	struct wire *w = sim_get(sizeof(*w));
	const struct sim_faults *f;

	w->sim = s;
	w->id = ++s->ids;
	w->event.fn = connect_arrives;
	w->faults = *sim_faults_of(s, to);
	f = &w->faults;
	w->address[1] = *to;
	w->address[0] = sim_address(200, s->port++);
	list_init(&w->backlog);
	pipe_init(s, w, &w->pipe[0]);
	pipe_init(s, w, &w->pipe[1]);
	if (rng_chance(&s->rng, f->reset))
		w->pipe[rng_below(&s->rng, 2)].reset_at = which_byte(s, f->cut_bytes);
	if (rng_chance(&s->rng, f->end))
		w->pipe[rng_below(&s->rng, 2)].end_at = which_byte(s, f->cut_bytes);
	if (rng_chance(&s->rng, f->stall))
		w->pipe[rng_below(&s->rng, 2)].stall_at = which_byte(s, f->cut_bytes);
	if (rng_chance(&s->rng, f->slow))
		w->pipe[rng_below(&s->rng, 2)].rate = f->slow_rate;
	list_push_tail(&s->wires, &w->link);
	return w;
}

static void wire_free(struct wire *w)
{
	for (unsigned i = 0; i < 2; i++) {
		event_stop(w->sim, &w->pipe[i].arrival);
		free(w->pipe[i].ring);
		free(w->pipe[i].pieces);
	}
	event_stop(w->sim, &w->event);
	list_del(&w->backlog);
	list_del(&w->link);
	free(w);
}

void wires_free(struct sim *s)
{
	while (!list_empty(&s->wires))
		wire_free(CONTAINER_OF(s->wires.next, struct wire, link));
}

/* Nobody will ever ask about it again. */
static void wire_unused(struct wire *w)
{
	if (w->end[0] == NULL && w->end[1] == NULL && !w->waits && w->event.at == 0)
		wire_free(w);
}

static uint64_t latency(struct wire *w)
{
	return sim_between(w->sim, w->faults.latency_min_us, w->faults.latency_max_us);
}

/* ---- pieces on their way ----------------------------------------------------- */

static void expect(struct pipe *p)
{
	if (p->n > 0)
		event_set(p->wire->sim, &p->arrival, p->pieces[p->first].us);
	else
		event_stop(p->wire->sim, &p->arrival);
}

static void send_piece(struct pipe *p, enum piece_kind kind, size_t n)
{
	struct wire *w = p->wire;
	uint64_t us = w->sim->now_us + latency(w);

	if (p->stall_at != NEVER && p->written >= p->stall_at) {
		p->stall_at = NEVER;
		us += sim_between(w->sim, w->faults.stall_us / 2,
				  w->faults.stall_us + w->faults.stall_us / 2);
		sim_trace_wire(w->sim, "stalls", w->id, p == &w->pipe[1], p->written);
	}
	if (us < p->last_us)
		us = p->last_us;
	if (p->rate > 0)
		us += n * 1000000U / p->rate;
	p->last_us = us;
	if (p->first + p->n == p->pieces_cap) {
		if (p->first > 0) {
			memmove(p->pieces, p->pieces + p->first, p->n * sizeof(*p->pieces));
			p->first = 0;
		} else {
			p->pieces_cap = p->pieces_cap > 0 ? p->pieces_cap * 2 : 8;
			p->pieces = realloc(p->pieces, p->pieces_cap * sizeof(*p->pieces));
			INVARIANT(p->pieces != NULL);
		}
	}
	p->pieces[p->first + p->n++] = (struct piece){ us, n, kind };
	if (p->n == 1)
		expect(p);
}

/* What has not arrived yet is lost. */
static void lose(struct pipe *p)
{
	p->n = p->first = 0;
	p->held = p->seen;
	expect(p);
}

static void send_reset(struct pipe *p)
{
	if (rng_chance(&p->wire->sim->rng, 0.5))
		lose(p);
	p->swallows = true;
	send_piece(p, PIECE_RESET, 0);
}

static void reset_arrives(struct wire *w, unsigned side)
{
	struct pipe *in = &w->pipe[1 - side];

	sim_trace_wire(w->sim, "sees a reset", w->id, side, in->seen);
	w->reset[side] = true;
	lose(in);
	if (rng_chance(&w->sim->rng, 0.5))
		in->held = in->seen = 0; /* some systems drop what was not read */
	w->pipe[side].swallows = true;
}

static void piece_arrives(struct pipe *p, struct piece a)
{
	struct wire *w = p->wire;
	unsigned reader = p == &w->pipe[0] ? 1 : 0;

	switch (a.kind) {
	case PIECE_DATA:
		if (w->end[reader] == NULL && !w->waits) {
			p->held -= a.n;
			if (w->end[1 - reader] != NULL && !p->swallows) {
				p->swallows = true;
				send_reset(&w->pipe[reader]);
			}
			return;
		}
		p->seen += a.n;
		break;
	case PIECE_END:
		sim_trace_wire(w->sim, "sees the end", w->id, reader, p->seen);
		p->end_seen = true;
		break;
	case PIECE_RESET:
		reset_arrives(w, reader);
		break;
	}
}

static void arrive(struct event *e)
{
	struct pipe *p = CONTAINER_OF(e, struct pipe, arrival);
	struct wire *w = p->wire;

	while (p->n > 0 && p->pieces[p->first].us <= w->sim->now_us) {
		struct piece a = p->pieces[p->first++];

		if (--p->n == 0)
			p->first = 0;
		piece_arrives(p, a);
	}
	expect(p);
	update(w->end[0]);
	update(w->end[1]);
}

/* The network breaks the connection, as its faults say. */
static void cut(struct wire *w, enum piece_kind kind, uint64_t at)
{
	sim_trace_wire(w->sim,
		       kind == PIECE_END ? "is ended by the network"
					 : "is reset by the network",
		       w->id, 0, at);
	for (unsigned i = 0; i < 2; i++) {
		struct pipe *p = &w->pipe[i];

		p->reset_at = p->end_at = NEVER;
		if (p->swallows)
			continue;
		p->swallows = true;
		if (kind == PIECE_RESET || !p->ended)
			send_piece(p, kind, 0);
		p->ended = true;
	}
}

/* ---- connecting -------------------------------------------------------------- */

enum rc sock_connect(struct sock **out, struct loop *l, const struct address *to, sock_fn *fn,
		     void *ctx, struct err *err)
{
	struct sock *s = make(l, fn, ctx);
	struct wire *w;

	if (s == NULL)
		return err_nomem(err, "sock.new");
	w = wire_make(l->sim, to);
	s->wire = w;
	w->end[0] = s;
	s->local = w->address[0];
	if (rng_chance(&l->sim->rng, w->faults.connect_hang)) {
		w->refused = true;
		w->event.fn = connect_answered;
		event_set(l->sim, &w->event, l->sim->now_us + CONNECT_US);
	} else {
		event_set(l->sim, &w->event, l->sim->now_us + latency(w));
	}
	sim_trace_wire(l->sim, l->name, w->id, 0, address_port(to));
	*out = s;
	return OK;
}

/* Several may listen at one address: by chance. */
static struct sock *who_listens(struct sim *s, const struct address *at)
{
	struct sock *found = NULL;
	uint64_t n = 0;

	for (struct link *i = s->listeners.next; i != &s->listeners; i = i->next) {
		struct sock *k = CONTAINER_OF(i, struct sock, listening);

		if (address_same(&k->local, at) && rng_below(&s->rng, ++n) == 0)
			found = k;
	}
	return found;
}

static void connect_arrives(struct event *e)
{
	struct wire *w = CONTAINER_OF(e, struct wire, event);
	struct sock *k = who_listens(w->sim, &w->address[1]);

	w->event.fn = connect_answered;
	event_set(w->sim, &w->event, w->sim->now_us + latency(w));
	w->refused = k == NULL || k->waiting == BACKLOG ||
		     rng_chance(&w->sim->rng, w->faults.connect_refused);
	if (w->refused)
		return;
	w->waits = true;
	list_push_tail(&k->backlog, &w->backlog);
	k->waiting++;
	update(k);
}

static void connect_answered(struct event *e)
{
	struct wire *w = CONTAINER_OF(e, struct wire, event);

	w->answered = true;
	if (w->refused)
		sim_trace_wire(w->sim, "is refused", w->id, 0, 0);
	if (w->pipe[0].reset_at == 0 || w->pipe[1].reset_at == 0)
		cut(w, PIECE_RESET, 0);
	if (w->pipe[0].end_at == 0 || w->pipe[1].end_at == 0)
		cut(w, PIECE_END, 0);
	update(w->end[0]);
	update(w->end[1]);
	wire_unused(w);
}

enum rc sock_connected(struct sock *s, struct err *err)
{
	if (s->wire->refused)
		return err_set(err, E_CONNECT, "connect.refused", "the connection was refused");
	if (s->wire->reset[0])
		return err_set(err, E_CONNECT, "connect.reset", "the connection was reset");
	return OK;
}

/* ---- listening --------------------------------------------------------------- */

enum rc sock_listen(struct sock **out, struct loop *l, const struct address *at,
		    int backlog UNUSED, sock_fn *fn, void *ctx, struct err *err)
{
	struct sock *s = make(l, fn, ctx);

	if (s == NULL)
		return err_nomem(err, "sock.new");
	s->listener = true;
	s->local = *at;
	if (address_port(at) == 0) {
		struct sim *sim = l->sim;

		s->local = sim_address(100, sim->port++);
	}
	list_push_tail(&l->sim->listeners, &s->listening);
	*out = s;
	return OK;
}

static void give_up(struct wire *w)
{
	w->waits = false;
	list_del(&w->backlog);
	send_reset(&w->pipe[1]);
	wire_unused(w);
}

enum rc sock_accept(struct sock *k, struct sock **out, sock_fn *fn, void *ctx)
{
	struct sim *sim = k->loop->sim;
	struct wire *w;
	struct sock *s;

	if (k->waiting == 0)
		return E_NOTFOUND;
	w = CONTAINER_OF(k->backlog.next, struct wire, backlog);
	if (rng_chance(&sim->rng, w->faults.accept_full))
		return E_FULL;
	k->waiting--;
	if (rng_chance(&sim->rng, w->faults.accept_lost)) {
		give_up(w);
		return E_SYS;
	}
	s = make(k->loop, fn, ctx);
	if (s == NULL) {
		give_up(w);
		return E_NOMEM;
	}
	list_del(&w->backlog);
	w->waits = false;
	w->answered = true; /* as far as this end is concerned: it may speak first */
	w->end[1] = s;
	s->wire = w;
	s->side = 1;
	s->local = w->address[1];
	sim_trace_wire(sim, "accepted", w->id, 1, 0);
	*out = s;
	return OK;
}

/* ---- reading and writing ----------------------------------------------------- */

/* Fewer than asked, now and then. */
static size_t short_of(struct sim *s, size_t n, double chance)
{
	return n > 1 && rng_chance(&s->rng, chance) ? 1 + rng_below(&s->rng, n) : n;
}

ptrdiff_t sock_read(struct sock *s, char *p, size_t n, enum rc *rc)
{
	struct wire *w = s->wire;
	struct pipe *in = &w->pipe[1 - s->side];
	size_t k = size_min(n, in->seen);
	size_t first;

	INVARIANT(!s->listener && !s->closed && n > 0);
	if (k == 0) {
		if (w->reset[s->side] || w->refused) {
			*rc = E_RESET;
			return -1;
		}
		if (in->end_seen)
			return 0;
		*rc = E_FULL;
		return -1;
	}
	k = short_of(w->sim, k, w->faults.short_read);
	first = size_min(k, in->cap - in->head);
	memcpy(p, in->ring + in->head, first);
	memcpy(p + first, in->ring, k - first);
	in->head = (in->head + k) % in->cap;
	in->held -= k;
	in->seen -= k;
	sim_trace_wire(w->sim, "reads", w->id, s->side, k);
	update(w->end[1 - s->side]);
	return (ptrdiff_t)k;
}

static void put(struct pipe *p, struct slice s)
{
	size_t at, first;

	if (p->ring == NULL)
		p->ring = sim_get(p->cap);
	at = (p->head + p->held) % p->cap;
	first = size_min(s.n, p->cap - at);
	memcpy(p->ring + at, s.p, first);
	memcpy(p->ring, s.p + first, s.n - first);
	p->held += s.n;
	p->written += s.n;
}

/* At most `n` bytes of the pieces. */
static void put_some(struct pipe *p, const struct slice *v, size_t n)
{
	size_t sent = 0;

	for (size_t i = 0; n > 0; i++) {
		struct slice s = slice_head(v[i], n);

		put(p, s);
		n -= s.n;
		sent += s.n;
	}
	while (sent > 0) {
		/* A slow line gives twenty pieces per second. */
		size_t k = p->rate > 0 ? size_min(sent, p->rate / 20 + 1) : sent;

		send_piece(p, PIECE_DATA, k);
		sent -= k;
	}
}

ptrdiff_t sock_write(struct sock *s, const struct slice *v, size_t n, enum rc *rc)
{
	struct wire *w = s->wire;
	struct pipe *p = &w->pipe[s->side];
	size_t bytes = 0;
	uint64_t stop;

	INVARIANT(!s->listener && !s->closed);
	if (w->reset[s->side] || w->refused || !w->answered || (p->ended && !p->swallows)) {
		*rc = E_RESET;
		return -1;
	}
	for (size_t i = 0; i < n; i++)
		bytes += v[i].n;
	bytes = p->swallows ? bytes : size_min(bytes, p->cap - p->held);
	if (bytes == 0) {
		*rc = E_FULL;
		return -1;
	}
	bytes = short_of(w->sim, bytes, w->faults.short_write);
	sim_trace_wire(w->sim, "writes", w->id, s->side, bytes);
	if (p->swallows) {
		/* Into the void: sooner or later the void says so. */
		if (rng_chance(&w->sim->rng, 0.5) && w->pipe[1 - s->side].n == 0)
			send_piece(&w->pipe[1 - s->side], PIECE_RESET, 0);
		return (ptrdiff_t)bytes;
	}
	stop = p->reset_at < p->end_at ? p->reset_at : p->end_at;
	if (stop != NEVER && p->written + bytes >= stop) {
		bool reset = stop == p->reset_at;

		put_some(p, v, (size_t)(stop > p->written ? stop - p->written : 0));
		cut(w, reset ? PIECE_RESET : PIECE_END, stop);
		return (ptrdiff_t)bytes;
	}
	put_some(p, v, bytes);
	return (ptrdiff_t)bytes;
}

/* ---- closing ----------------------------------------------------------------- */

void sock_shutdown(struct sock *s)
{
	struct pipe *p = &s->wire->pipe[s->side];

	if (p->ended || p->swallows || s->wire->reset[s->side])
		return;
	p->ended = true;
	sim_trace_wire(s->loop->sim, "ends", s->wire->id, s->side, p->written);
	send_piece(p, PIECE_END, 0);
}

static void close_end(struct sock *s, bool abort)
{
	struct wire *w = s->wire;
	struct pipe *in = &w->pipe[1 - s->side];
	struct pipe *out = &w->pipe[s->side];

	sim_trace_wire(w->sim, abort ? "aborts" : "closes", w->id, s->side, in->seen);
	w->end[s->side] = NULL;
	if (w->refused || w->reset[s->side]) {
		/* the other one knows */
	} else if ((abort || in->seen > 0) && !out->swallows) {
		send_reset(out);
	} else if (!out->ended && !out->swallows) {
		out->ended = true;
		send_piece(out, PIECE_END, 0);
	}
	in->held -= in->seen;
	in->seen = 0;
	update(w->end[1 - s->side]);
	wire_unused(w);
}

static void close_listener(struct sock *k)
{
	list_del(&k->listening);
	while (k->waiting > 0) {
		k->waiting--;
		give_up(CONTAINER_OF(k->backlog.next, struct wire, backlog));
	}
}

void sock_close(struct sock *s, bool abort)
{
	INVARIANT(!s->closed);
	s->closed = true;
	s->loop->sim->sockets--;
	if (s->listener)
		close_listener(s);
	else
		close_end(s, abort);
	s->wire = NULL;
	list_del(&s->ready);
	list_del(&s->link);
	list_push_tail(&s->loop->dead, &s->link);
}

void socks_bury(struct loop *l)
{
	struct link *at;

	while ((at = list_pop_head(&l->dead)) != NULL) {
		struct sock *s = CONTAINER_OF(at, struct sock, link);

		/* It may have been called ready by socks_run() after it was closed. */
		list_del(&s->ready);
		mem_put(loop_mem(l), s, sizeof(*s));
	}
}

void socks_close_all(struct loop *l)
{
	while (!list_empty(&l->socks))
		sock_close(CONTAINER_OF(l->socks.next, struct sock, link), true);
	socks_bury(l);
}

void sock_local(struct sock *s, struct address *out)
{
	*out = s->local;
}

void sock_remote(struct sock *s, struct address *out)
{
	*out = s->wire->address[1 - s->side];
}
