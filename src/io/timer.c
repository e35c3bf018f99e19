/* A heap with four children per slot, made so that the usual lives of timers cost nothing:
 * an idle timeout that is moved later on every byte, or stopped and set again for every
 * request, only has its due time changed.  It stays where it stands in the heap, and is put
 * in its place (or dropped) when that time has come.
 */
#include "io/conn.h"
#include "io/loop_impl.h"

enum { CAP_MIN = 32 };

static void put_at(struct loop_core *c, size_t i, struct timer_slot s)
{
	c->heap[i] = s;
	s.t->at = i + 1;
}

static void sift_up(struct loop_core *c, size_t i, struct timer_slot s)
{
	while (i > 0) {
		size_t parent = (i - 1) / 4;

		if (c->heap[parent].us <= s.us)
			break;
		put_at(c, i, c->heap[parent]);
		i = parent;
	}
	put_at(c, i, s);
}

static void sift_down(struct loop_core *c, size_t i, struct timer_slot s)
{
	for (;;) {
		size_t first = i * 4 + 1;
		size_t end = size_min(first + 4, c->n);
		size_t least = first;

		if (first >= c->n)
			break;
		for (size_t k = first + 1; k < end; k++)
			if (c->heap[k].us < c->heap[least].us)
				least = k;
		if (s.us <= c->heap[least].us)
			break;
		put_at(c, i, c->heap[least]);
		i = least;
	}
	put_at(c, i, s);
}

static void heap_remove(struct loop_core *c, struct timer *t)
{
	size_t i = t->at - 1;
	struct timer_slot last = c->heap[--c->n];

	INVARIANT(i <= c->n);
	t->at = 0;
	if (last.t == t)
		return;
	if (i > 0 && last.us < c->heap[(i - 1) / 4].us)
		sift_up(c, i, last);
	else
		sift_down(c, i, last);
}

/* The first one stands at a time that is not its own any more: moved later, or stopped. */
static bool first_is_stale(const struct loop_core *c)
{
	return c->heap[0].t->due_us != c->heap[0].us;
}

static void place_first(struct loop_core *c)
{
	struct timer *t = c->heap[0].t;

	if (t->due_us == 0) {
		heap_remove(c, t);
		return;
	}
	t->place_us = t->due_us;
	sift_down(c, 0, (struct timer_slot){ t->due_us, t });
}

void loop_core_init(struct loop_core *c, struct mem *mem)
{
	*c = (struct loop_core){ .mem = mem };
	list_init(&c->later);
	list_init(&c->dead);
	list_init(&c->kept);
}

void loop_core_free(struct loop_core *c)
{
	/* What outlives the loop must not point into it. */
	for (size_t i = 0; i < c->n; i++)
		c->heap[i].t->at = 0;
	while (list_pop_head(&c->later) != NULL)
		;
	mem_put(c->mem, c->heap, c->cap * sizeof(*c->heap));
	mem_put(c->mem, c->read_buffer, CONN_READ_BYTES);
	c->read_buffer = NULL;
	c->heap = NULL;
	c->n = c->cap = 0;
}

uint64_t loop_core_next_due_us(struct loop_core *c)
{
	while (c->n > 0 && first_is_stale(c))
		place_first(c);
	return c->n > 0 ? c->heap[0].us : 0;
}

size_t loop_core_run_timers(struct loop_core *c, uint64_t now_us)
{
	size_t fired = 0;

	while (c->n > 0 && c->heap[0].us <= now_us) {
		struct timer *t = c->heap[0].t;

		if (first_is_stale(c)) {
			place_first(c);
			continue;
		}
		heap_remove(c, t);
		t->due_us = 0;
		fired++;
		t->fn(t);
	}
	return fired;
}

static void resize(struct loop_core *c, size_t cap)
{
	struct timer_slot *heap =
		mem_resize(c->mem, c->heap, c->cap * sizeof(*heap), cap * sizeof(*heap));

	if (heap == NULL)
		return;
	c->heap = heap;
	c->cap = cap;
}

void timer_init(struct timer *t, struct loop *l, timer_fn *fn)
{
	struct loop_core *c = loop_core(l);

	*t = (struct timer){ .fn = fn, .loop = l };
	if (c->made == c->cap) {
		resize(c, size_max(c->cap * 2, CAP_MIN));
		/* Without a timer nothing could be timed out any more. */
		INVARIANT(c->cap > c->made);
	}
	c->made++;
}

void timer_set(struct timer *t, uint64_t delay_us)
{
	struct loop_core *c = loop_core(t->loop);
	/* At least one: set from a timer's own callback it must not fire in the same turn. */
	uint64_t due = loop_now_us(t->loop) + (delay_us > 0 ? delay_us : 1);

	if (due < delay_us)
		due = UINT64_MAX;
	t->due_us = due;
	if (t->at != 0 && due >= t->place_us)
		return;
	t->place_us = due;
	sift_up(c, t->at != 0 ? t->at - 1 : c->n++, (struct timer_slot){ due, t });
}

void timer_stop(struct timer *t)
{
	t->due_us = 0;
}

void timer_done(struct timer *t)
{
	struct loop_core *c;

	if (t->loop == NULL)
		return;
	c = loop_core(t->loop);
	if (t->at != 0)
		heap_remove(c, t);
	t->due_us = 0;
	t->loop = NULL;
	c->made--;
	if (c->cap > CAP_MIN && c->made < c->cap / 4)
		resize(c, c->cap / 2); /* a wave of connections has gone */
}
