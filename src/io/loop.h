/* io/loop.h -- one event loop: the clock, timers, work put off to the end of the turn, and
 * waking it from other threads.
 *
 * Two backends implement this and io/sock.h: io/uv/ (libuv, the real world) and io/sim/ (a
 * virtual clock and a scripted network, one thread).  Which one a program has is decided
 * when it is linked; nothing above io can tell.
 *
 * The rule for every callback of io: it is only ever called from the top of the loop, never
 * from inside a call into io.  So a callee may call anything, and a caller is never surprised.
 * What is closed or freed inside a callback stays valid until the end of the turn.
 *
 * A loop and all that hangs on it belong to one thread; only wake_send() may be called from
 * others.
 */
#ifndef WEIR_IO_LOOP_H
#define WEIR_IO_LOOP_H

#include "base/err.h"
#include "base/list.h"
#include "base/mem.h"

struct loop;

/* Returns owned: loop_free() after loop_run() has returned.  E_SYS, E_NOMEM. */
MUST_USE enum rc loop_new(struct loop **out, struct err *err);
/* Runs what was put off (so that what was closed is freed), then closes whatever still hangs
 * on the loop, without callbacks. */
void loop_free(struct loop *l);

/* Runs turns until loop_stop(). */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

/* Microseconds, monotonic; the same for a whole turn.  Never 0. */
uint64_t loop_now_us(const struct loop *l);
/* Microseconds, monotonic, read now (for measuring within a turn). */
uint64_t loop_clock_us(const struct loop *l);
/* Microseconds since 1970, UTC. */
uint64_t loop_wall_us(const struct loop *l);

/* The system's memory (in the simulator: counted, and failing when the script says so). */
struct mem *loop_mem(struct loop *l);

/* Unpredictable bytes (in the simulator: from the seed). */
void loop_random(struct loop *l, void *out, size_t n);

/* How late the last turns were: the longest time between a turn's start and its end, in
 * microseconds, since the last call. */
uint64_t loop_take_lag_us(struct loop *l);

/* ---- timers ------------------------------------------------------------------ */

struct timer;
typedef void timer_fn(struct timer *t);

/* Embedded in what it belongs to.  Setting a timer that is set moves it; moving it later,
 * which is what idle timeouts do on every byte, costs nothing (it is put in its place when
 * it would have fired). */
struct timer {
	timer_fn *fn;
	uint64_t due_us;   /* when it shall fire; 0: not set */
	uint64_t place_us; /* where it stands in the heap */
	size_t at;         /* its slot in the heap + 1; 0: not in it */
	struct loop *loop;
};

void timer_init(struct timer *t, struct loop *l, timer_fn *fn);
/* Resolution is a millisecond; never early.  E_NOMEM cannot happen: the heap grows when a
 * timer is made (timer_init), and running out there ends the program, as nothing could be
 * timed out any more. */
void timer_set(struct timer *t, uint64_t delay_us);
void timer_stop(struct timer *t);
static inline bool timer_is_set(const struct timer *t)
{
	return t->due_us != 0;
}
/* Before the memory behind it goes. */
void timer_done(struct timer *t);

/* ---- the end of the turn ----------------------------------------------------- */

struct later;
typedef void later_fn(struct later *w);

/* Run once, after the callbacks of this turn, in the order they were put off; those put off
 * meanwhile run too.  Putting off twice is once. */
struct later {
	struct link link;
	later_fn *fn;
};

static inline void later_init(struct later *w, later_fn *fn)
{
	list_init(&w->link);
	w->fn = fn;
}
void loop_later(struct loop *l, struct later *w);
/* Takes it back; harmless when it is not waiting. */
void later_cancel(struct later *w);

/* ---- other threads and signals ------------------------------------------------ */

struct wake;
typedef void wake_fn(void *ctx);

/* Returns owned: wake_free().  `fn` runs on the loop some time after wake_send(); several
 * sends may become one call. */
MUST_USE enum rc wake_new(struct wake **out, struct loop *l, wake_fn *fn, void *ctx,
			  struct err *err);
void wake_send(struct wake *w); /* any thread */
void wake_free(struct wake *w);

struct signal_watch;
typedef void signal_fn(void *ctx, int signum);
/* Calls `fn` on the loop when the process gets this signal. Returns owned. */
MUST_USE enum rc signal_watch_new(struct signal_watch **out, struct loop *l, int signum,
				  signal_fn *fn, void *ctx, struct err *err);
void signal_watch_free(struct signal_watch *s);

/* ---- threads ------------------------------------------------------------------ */

/* Runs `fn(ctx)` on a thread of its own.  Not in the simulator (E_UNSUPPORTED). */
struct thread;
MUST_USE enum rc thread_start(struct thread **out, void (*fn)(void *ctx), void *ctx,
			      const char *name, struct err *err);
void thread_join(struct thread *t); /* frees it */

#endif
