/* The loop of io/loop.h in a simulated world. */
#include "io/sim/sim_impl.h"

/* 2026-11-20 00:00:00 UTC, when virtual time is 0. */
#define WALL_US 1795132800000000U

/* ---- memory that is counted, and fails when told ----------------------------- */

static bool allowed(struct sim_mem *m)
{
	m->stats.calls++;
	if (m->stats.calls != m->fail_at &&
	    (m->fail_chance <= 0 || !rng_chance(&m->sim->rng, m->fail_chance)))
		return true;
	m->stats.failed++;
	return false;
}

static void count(struct sim_mem *m, size_t more)
{
	m->stats.live += more;
	m->stats.peak = size_max(m->stats.peak, m->stats.live);
}

static void *counted_get(struct mem *mem, size_t n)
{
	struct sim_mem *m = CONTAINER_OF(mem, struct sim_mem, mem);
	void *p = allowed(m) ? malloc(n > 0 ? n : 1) : NULL;

	if (p != NULL)
		count(m, n);
	return p;
}

static void *counted_resize(struct mem *mem, void *p, size_t old, size_t n)
{
	struct sim_mem *m = CONTAINER_OF(mem, struct sim_mem, mem);
	void *q = allowed(m) ? realloc(p, n > 0 ? n : 1) : NULL;

	if (q != NULL) {
		m->stats.live -= old;
		count(m, n);
	}
	return q;
}

static void counted_put(struct mem *mem, void *p, size_t n)
{
	struct sim_mem *m = CONTAINER_OF(mem, struct sim_mem, mem);

	if (p != NULL)
		m->stats.live -= n;
	free(p);
}

/* Given back with the wrong size, `live` would not come out even: so this is not a mere count.
 */
void sim_mem_stats(const struct loop *l, struct sim_mem_stats *out)
{
	*out = l->mem.stats;
}

void sim_mem_fail(struct loop *l, uint64_t at, double chance)
{
	l->mem.fail_at = at > 0 ? l->mem.stats.calls + at : 0;
	l->mem.fail_chance = chance;
}

/* For what the loop itself cannot be without. */
static void *plain_get(struct mem *m UNUSED, size_t n)
{
	return malloc(n);
}

static void *plain_resize(struct mem *m UNUSED, void *p, size_t old UNUSED, size_t n)
{
	return realloc(p, n);
}

static void plain_put(struct mem *m UNUSED, void *p, size_t n UNUSED)
{
	free(p);
}

static const struct mem plain = { plain_get, plain_resize, plain_put };

/* ---- made and freed ---------------------------------------------------------- */

struct loop *sim_loop(struct sim *s, const char *name)
{
	struct loop *l = sim_get(sizeof(*l));

	l->plain = plain;
	loop_core_init(&l->core, &l->plain);
	l->sim = s;
	l->name = name;
	l->now_us = s->now_us;
	l->mem.mem = (struct mem){ counted_get, counted_resize, counted_put };
	l->mem.sim = s;
	list_init(&l->socks);
	list_init(&l->ready);
	list_init(&l->dead);
	list_init(&l->resolves);
	list_init(&l->wakes);
	list_init(&l->signals);
	list_push_tail(&s->loops, &l->link);
	return l;
}

enum rc loop_new(struct loop **out, struct err *err UNUSED)
{
	*out = sim_loop(sim_new(1), "loop");
	(*out)->owns_world = true;
	return OK;
}

void loop_free(struct loop *l)
{
	struct sim *s = l->sim;
	bool owns_world = l->owns_world;

	(void)loop_core_run_laters(&l->core);
	loop_core_evict(&l->core);
	socks_close_all(l);
	resolves_drop(l);
	loop_core_free(&l->core);
	list_del(&l->link);
	free(l);
	if (owns_world)
		sim_free(s);
}

/* ---- running ----------------------------------------------------------------- */

static bool stopped(void *ctx)
{
	const struct loop *l = ctx;

	return l->stop;
}

void loop_run(struct loop *l)
{
	l->stop = false;
	/* A world in which nothing can happen any more would wait for ever. */
	INVARIANT(sim_run(l->sim, stopped, l, UINT64_MAX / 2, UINT64_MAX) == SIM_DONE);
}

void loop_stop(struct loop *l)
{
	l->stop = true;
}

uint64_t loop_now_us(const struct loop *l)
{
	return l->in_turn ? l->now_us : l->sim->now_us;
}

uint64_t loop_clock_us(const struct loop *l)
{
	return l->sim->now_us;
}

uint64_t loop_wall_us(const struct loop *l)
{
	return WALL_US + l->sim->now_us;
}

struct mem *loop_mem(struct loop *l)
{
	return &l->mem.mem;
}

void loop_random(struct loop *l, void *out, size_t n)
{
	char *p = out;

	while (n > 0) {
		uint64_t r = rng_u64(&l->sim->rng);
		size_t k = size_min(n, sizeof(r));

		memcpy(p, &r, k);
		p += k;
		n -= k;
	}
}

uint64_t loop_take_lag_us(struct loop *l UNUSED)
{
	return 0; /* time stands still while code runs */
}

/* ---- wakes and signals ------------------------------------------------------- */

struct wake {
	struct link link;
	struct loop *loop;
	wake_fn *fn;
	void *ctx;
	bool sent;
};

enum rc wake_new(struct wake **out, struct loop *l, wake_fn *fn, void *ctx, struct err *err)
{
	struct wake *w = mem_zero(loop_mem(l), sizeof(*w));

	if (w == NULL)
		return err_nomem(err, "wake.new");
	*w = (struct wake){ .loop = l, .fn = fn, .ctx = ctx };
	list_push_tail(&l->wakes, &w->link);
	*out = w;
	return OK;
}

void wake_send(struct wake *w)
{
	w->sent = true;
	w->loop->posted = true;
}

void wake_free(struct wake *w)
{
	list_del(&w->link);
	mem_put(loop_mem(w->loop), w, sizeof(*w));
}

struct signal_watch {
	struct link link;
	struct loop *loop;
	int signum;
	signal_fn *fn;
	void *ctx;
	bool sent;
};

enum rc signal_watch_new(struct signal_watch **out, struct loop *l, int signum, signal_fn *fn,
			 void *ctx, struct err *err)
{
	struct signal_watch *s = mem_zero(loop_mem(l), sizeof(*s));

	if (s == NULL)
		return err_nomem(err, "signal.new");
	*s = (struct signal_watch){ .loop = l, .signum = signum, .fn = fn, .ctx = ctx };
	list_push_tail(&l->signals, &s->link);
	*out = s;
	return OK;
}

void signal_watch_free(struct signal_watch *s)
{
	list_del(&s->link);
	mem_put(loop_mem(s->loop), s, sizeof(*s));
}

void sim_signal(struct loop *l, int signum)
{
	for (struct link *i = l->signals.next; i != &l->signals; i = i->next) {
		struct signal_watch *s = CONTAINER_OF(i, struct signal_watch, link);

		if (s->signum == signum)
			s->sent = l->posted = true;
	}
}

/* One at a time from the front: a callback may free any of them. */
static void wakes_run(struct loop *l)
{
	struct link *i = l->wakes.next;

	while (i != &l->wakes) {
		struct wake *w = CONTAINER_OF(i, struct wake, link);

		i = i->next;
		if (!w->sent)
			continue;
		w->sent = false;
		w->fn(w->ctx);
		i = l->wakes.next;
	}
}

static void signals_run(struct loop *l)
{
	struct link *i = l->signals.next;

	while (i != &l->signals) {
		struct signal_watch *s = CONTAINER_OF(i, struct signal_watch, link);

		i = i->next;
		if (!s->sent)
			continue;
		s->sent = false;
		s->fn(s->ctx, s->signum);
		i = l->signals.next;
	}
}

/* ---- one turn ---------------------------------------------------------------- */

bool loop_runnable(struct loop *l)
{
	uint64_t due;

	if (l->posted || !list_empty(&l->ready) || !list_empty(&l->core.later) ||
	    !list_empty(&l->dead))
		return true;
	due = loop_core_next_due_us(&l->core);
	return due != 0 && due <= l->sim->now_us;
}

void loop_turn(struct loop *l)
{
	bool timers_first = rng_chance(&l->sim->rng, 0.5);

	l->now_us = l->sim->now_us;
	l->in_turn = true;
	if (timers_first)
		(void)loop_core_run_timers(&l->core, l->now_us);
	if (l->posted) {
		l->posted = false;
		resolves_run(l);
		wakes_run(l);
		signals_run(l);
	}
	socks_run(l);
	if (!timers_first)
		(void)loop_core_run_timers(&l->core, l->now_us);
	(void)loop_core_run_laters(&l->core);
	socks_bury(l);
	l->in_turn = false;
}

/* ---- threads: none ----------------------------------------------------------- */

enum rc thread_start(struct thread **out UNUSED, void (*fn)(void *ctx) UNUSED, void *ctx UNUSED,
		     const char *name UNUSED, struct err *err)
{
	return err_set(err, E_UNSUPPORTED, "thread.sim", "no threads in the simulator");
}

void thread_join(struct thread *t UNUSED)
{
}
