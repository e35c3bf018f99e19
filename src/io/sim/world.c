/* The world: its clock, what will happen in it, whose turn it is, and its trace. */
#include "io/sim/sim_impl.h"

#include <arpa/inet.h>
#include <netinet/in.h>

const struct sim_faults sim_kind = {
	.cut_bytes = 4096,
	.stall_us = 60000000,
	.slow_rate = 2000,
	.latency_min_us = 50,
	.latency_max_us = 1000,
	.window_min = 65536,
	.window_max = 65536,
};

/* Where virtual time begins: not 0, and after any delay that code may subtract. */
#define BEGIN_US 1000000000U
/* What a turn of a loop costs, at most. */
#define TURN_US 20

void *sim_get(size_t n)
{
	void *p = calloc(1, n > 0 ? n : 1);

	INVARIANT(p != NULL);
	return p;
}

struct sim *sim_new(uint64_t seed)
{
	struct sim *s = sim_get(sizeof(*s));

	rng_seed(&s->rng, seed);
	s->seed = seed;
	s->now_us = BEGIN_US;
	s->port = 40000;
	s->faults = sim_kind;
	s->note = sim_get(NOTES * sizeof(*s->note));
	list_init(&s->loops);
	list_init(&s->listeners);
	list_init(&s->wires);
	list_init(&s->places);
	list_init(&s->names);
	return s;
}

void sim_free(struct sim *s)
{
	struct link *at;

	INVARIANT(list_empty(&s->loops));
	wires_free(s);
	while ((at = list_pop_head(&s->places)) != NULL)
		free(CONTAINER_OF(at, struct place, link));
	while ((at = list_pop_head(&s->names)) != NULL) {
		struct known_name *k = CONTAINER_OF(at, struct known_name, link);

		free(k->host);
		free(k->a);
		free(k);
	}
	free(s->heap);
	free(s->note);
	free(s);
}

/* ---- events: a binary heap --------------------------------------------------- */

static bool earlier(const struct event *a, const struct event *b)
{
	return a->us != b->us ? a->us < b->us : a->order < b->order;
}

static void put_at(struct sim *s, size_t i, struct event *e)
{
	s->heap[i] = e;
	e->at = i + 1;
}

static void sift(struct sim *s, size_t i, struct event *e)
{
	while (i > 0 && earlier(e, s->heap[(i - 1) / 2])) {
		put_at(s, i, s->heap[(i - 1) / 2]);
		i = (i - 1) / 2;
	}
	for (;;) {
		size_t k = 2 * i + 1;

		if (k + 1 < s->heap_n && earlier(s->heap[k + 1], s->heap[k]))
			k++;
		if (k >= s->heap_n || !earlier(s->heap[k], e))
			break;
		put_at(s, i, s->heap[k]);
		i = k;
	}
	put_at(s, i, e);
}

void event_set(struct sim *s, struct event *e, uint64_t us)
{
	if (e->at == 0 && s->heap_n == s->heap_cap) {
		s->heap_cap = s->heap_cap > 0 ? s->heap_cap * 2 : 64;
		s->heap = realloc(s->heap, s->heap_cap * sizeof(struct event *));
		INVARIANT(s->heap != NULL);
	}
	e->us = us;
	e->order = s->order++;
	sift(s, e->at != 0 ? e->at - 1 : s->heap_n++, e);
}

void event_stop(struct sim *s, struct event *e)
{
	struct event *last;
	size_t i;

	if (e->at == 0)
		return;
	i = e->at - 1;
	e->at = 0;
	last = s->heap[--s->heap_n];
	if (last != e)
		sift(s, i, last);
}

/* ---- settings ---------------------------------------------------------------- */

bool address_same(const struct address *a, const struct address *b)
{
	return a->len == b->len && memcmp(a->bytes, b->bytes, a->len) == 0;
}

struct address sim_address(unsigned host, uint16_t port)
{
	struct sockaddr_in sin = { .sin_family = AF_INET,
				   .sin_port = htons(port),
				   .sin_addr.s_addr = htonl(0x0a000000U + host) };
	struct address a = { .len = sizeof(sin) };

	memcpy(a.bytes, &sin, sizeof(sin));
	return a;
}

void sim_faults(struct sim *s, const struct sim_faults *f)
{
	s->faults = *f;
}

static struct place *place_at(const struct sim *s, const struct address *at)
{
	for (struct link *i = s->places.next; i != &s->places; i = i->next) {
		struct place *p = CONTAINER_OF(i, struct place, link);

		if (address_same(&p->at, at))
			return p;
	}
	return NULL;
}

void sim_faults_at(struct sim *s, const struct address *at, const struct sim_faults *f)
{
	struct place *p = place_at(s, at);

	if (p == NULL) {
		p = sim_get(sizeof(*p));
		p->at = *at;
		list_push_tail(&s->places, &p->link);
	}
	p->faults = *f;
}

const struct sim_faults *sim_faults_of(const struct sim *s, const struct address *at)
{
	const struct place *p = place_at(s, at);

	return p != NULL ? &p->faults : &s->faults;
}

void sim_name(struct sim *s, struct slice host, const struct address *a, size_t n)
{
	struct known_name *k = sim_get(sizeof(*k));

	k->host = sim_get(host.n);
	memcpy(k->host, host.p, host.n);
	k->host_n = host.n;
	k->a = sim_get(n * sizeof(*a));
	memcpy(k->a, a, n * sizeof(*a));
	k->n = n;
	list_push_head(&s->names, &k->link); /* the last word counts */
}

void sim_own(struct sim *s, void *owner)
{
	s->owner = owner;
}

void *sim_owner(const struct loop *l)
{
	return l->sim->owner;
}

/* ---- living ------------------------------------------------------------------ */

uint64_t sim_now_us(const struct sim *s)
{
	return s->now_us;
}

uint64_t sim_turns(const struct sim *s)
{
	return s->turns;
}

struct rng *sim_rng(struct sim *s)
{
	return &s->rng;
}

uint64_t sim_between(struct sim *s, uint64_t least, uint64_t most)
{
	return most > least ? least + rng_below(&s->rng, most - least + 1) : least;
}

/* All events of the network whose time has come. */
static void happen(struct sim *s)
{
	while (s->heap_n > 0 && s->heap[0]->us <= s->now_us) {
		struct event *e = s->heap[0];

		event_stop(s, e);
		e->fn(e);
	}
}

/* One of those that have something to do, by chance; NULL: none. */
static struct loop *whose_turn(struct sim *s)
{
	struct loop *chosen = NULL;
	uint64_t n = 0;

	for (struct link *i = s->loops.next; i != &s->loops; i = i->next) {
		struct loop *l = CONTAINER_OF(i, struct loop, link);

		if (loop_runnable(l) && rng_below(&s->rng, ++n) == 0)
			chosen = l;
	}
	return chosen;
}

/* When something will happen next; 0: never. */
static uint64_t next_us(const struct sim *s)
{
	uint64_t us = s->heap_n > 0 ? s->heap[0]->us : 0;

	for (struct link *i = s->loops.next; i != &s->loops; i = i->next) {
		struct loop *l = CONTAINER_OF(i, struct loop, link);
		uint64_t due = loop_core_next_due_us(&l->core);

		if (due != 0 && (us == 0 || due < us))
			us = due;
	}
	return us;
}

enum sim_stop sim_run(struct sim *s, bool (*done)(void *ctx), void *ctx, uint64_t us,
		      uint64_t steps)
{
	uint64_t end = s->now_us + us;

	while (done == NULL || !done(ctx)) {
		struct loop *l;
		uint64_t next;

		happen(s);
		l = whose_turn(s);
		if (l != NULL) {
			if (steps-- == 0)
				return SIM_STEPS;
			s->turns++;
			loop_turn(l);
			s->now_us += rng_below(&s->rng, TURN_US);
			continue;
		}
		next = next_us(s);
		if (next == 0)
			return SIM_QUIET;
		if (next > end) {
			s->now_us = size_max(s->now_us, end);
			return SIM_LATE;
		}
		if (next > s->now_us)
			s->now_us = next;
	}
	return SIM_DONE;
}

const char *sim_stop_name(enum sim_stop stop)
{
	switch (stop) {
	case SIM_DONE:
		return "done";
	case SIM_QUIET:
		return "quiet: nothing will ever happen";
	case SIM_LATE:
		return "out of virtual time";
	case SIM_STEPS:
		return "out of turns";
	}
	return "?";
}

size_t sim_sockets(const struct sim *s)
{
	return s->sockets;
}

/* ---- the trace --------------------------------------------------------------- */

static struct note *note_next(struct sim *s)
{
	struct note *n = &s->note[s->notes++ % NOTES];

	n->us = s->now_us;
	return n;
}

void sim_trace_wire(struct sim *s, const char *what, uint32_t wire, unsigned side,
		    uint64_t count)
{
	struct note *n = note_next(s);

	n->what = what;
	n->wire = wire;
	n->side = side;
	n->n = count;
}

void sim_note(struct sim *s, const char *fmt, ...)
{
	struct note *n = note_next(s);
	va_list ap;

	n->what = NULL;
	va_start(ap, fmt);
	(void)vsnprintf(n->text, sizeof(n->text), fmt, ap);
	va_end(ap);
}

void sim_trace(const struct sim *s, FILE *to, size_t last)
{
	uint64_t first = s->notes > NOTES ? s->notes - NOTES : 0;

	if (s->notes - first > last)
		first = s->notes - last;
	for (uint64_t i = first; i < s->notes; i++) {
		const struct note *n = &s->note[i % NOTES];

		fprintf(to, "%12.6f ", (double)(n->us - BEGIN_US) / 1e6);
		if (n->what == NULL)
			fprintf(to, "%s\n", n->text);
		else
			fprintf(to, "wire %" PRIu32 " %s %s %" PRIu64 "\n", n->wire,
				n->side == 0 ? "client" : "server", n->what, n->n);
	}
}
