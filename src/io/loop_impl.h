/* io/loop_impl.h -- what the two backends of io/loop.h have in common: the timers' heap and
 * the list of work put off.  Only io/timer.c, io/later.c, io/conn.c,
 * io/listener.c and the backends include it.
 *
 * A backend's struct loop begins with a struct loop_core and provides loop_now_us().  Its
 * turn is: wait until loop_core_wake_us() or something is ready; callbacks; when the time
 * has come loop_core_run_timers(); then loop_core_run_laters(), before it waits again.
 */
#ifndef WEIR_IO_LOOP_IMPL_H
#define WEIR_IO_LOOP_IMPL_H

#include "io/loop.h"

struct timer_slot {
	uint64_t us; /* == t->place_us: comparing needs no look at the timer */
	struct timer *t;
};

struct loop_core {
	struct mem *mem;         /* for the heap: one that does not fail on purpose */
	struct timer_slot *heap; /* each has four children; the earliest is first */
	size_t n, cap;
	size_t made; /* timers that exist: always n <= made <= cap */
	struct link later;
	struct link dead;  /* struct later: run when the turn's other work is done */
	struct link kept;  /* struct later: run when the loop goes */
	char *read_buffer; /* CONN_READ_BYTES, from the first connection on */
};

static inline struct loop_core *loop_core(struct loop *l)
{
	return (struct loop_core *)(void *)l;
}

/* In the backend, beside its struct loop. */
#define LOOP_CORE_IS_FIRST                                                                     \
	_Static_assert(offsetof(struct loop, core) == 0, "loop_core() relies on it")

void loop_core_init(struct loop_core *c, struct mem *mem);
void loop_core_free(struct loop_core *c);

/* When the heap wants to be looked at: never after the next timer is due, but it may be
 * before, where timers were moved later or stopped.  0: no need.  Cheap: for real clocks. */
static inline uint64_t loop_core_wake_us(const struct loop_core *c)
{
	return c->n > 0 ? c->heap[0].us : 0;
}

/* Exactly when the next timer is due; 0: none is set.  Puts moved ones in their place:
 * for the virtual clock, which jumps there. */
uint64_t loop_core_next_due_us(struct loop_core *c);

/* Fires what is due at `now_us` (== loop_now_us()), earliest first.  How many.  A timer set
 * meanwhile waits for a later turn. */
size_t loop_core_run_timers(struct loop_core *c, uint64_t now_us);

/* Runs what was put off, until there is no more, then buries the dead.  How many. */
size_t loop_core_run_laters(struct loop_core *c);

/* When the loop goes, before its sockets do: frees what was kept. */
void loop_core_evict(struct loop_core *c);

/* For memory that others may still look at in this turn: `fn` frees it after all that was put
 * off has run.  `w` must not be waiting. */
void loop_bury(struct loop *l, struct later *w, later_fn *fn);

/* For what has no owner any more but lives on by itself (a connection that is being flushed):
 * `fn` frees it if it is still there when the loop goes.  later_cancel() takes it back. */
void loop_keep(struct loop *l, struct later *w, later_fn *fn);

/* CONN_READ_BYTES, shared by all connections of the loop: what is in it is good until the next
 * one reads.  NULL: no memory (not once it was there). */
char *loop_read_buffer(struct loop *l);

#endif
