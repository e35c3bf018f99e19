#include "io/uv/impl.h"

#include "io/files.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <sys/random.h>
#include <time.h>

LOOP_CORE_IS_FIRST;

enum { THREAD_STACK = 256 << 10 };

enum rc err_uv(struct err *err, enum rc rc, const char *id, int uv_error)
{
	if (err != NULL && err->rc == OK)
		err->sys = -uv_error;
	return err_set(err, rc, id, "%s", uv_strerror(uv_error));
}

static void free_mem(void *p, size_t n)
{
	mem_put(system_mem(), p, n);
}

/* ---- the clock and the turn --------------------------------------------------- */

uint64_t loop_clock_us(const struct loop *l UNUSED)
{
	return uv_hrtime() / 1000 + 1;
}

uint64_t loop_now_us(const struct loop *l)
{
	return l->in_turn ? l->now_us : loop_clock_us(l);
}

uint64_t loop_wall_us(const struct loop *l UNUSED)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

uint64_t loop_take_lag_us(struct loop *l)
{
	uint64_t lag = l->lag_us;

	l->lag_us = 0;
	return lag;
}

void loop_turn_begin(struct loop *l)
{
	l->now_us = loop_clock_us(l);
	l->in_turn = true;
}

static void turn_end(struct loop *l)
{
	uint64_t took;

	loop_core_run_laters(&l->core);
	took = loop_clock_us(l) - l->now_us;
	if (took > l->lag_us)
		l->lag_us = took;
	l->in_turn = false;
}

static void run_due(struct loop *l)
{
	uint64_t wake = loop_core_wake_us(&l->core);

	if (wake != 0 && wake <= l->now_us)
		loop_core_run_timers(&l->core, l->now_us);
}

static void on_timer(uv_timer_t *h)
{
	struct loop *l = loop_of((uv_handle_t *)h);

	l->armed_us = 0;
	loop_turn(l);
	run_due(l);
}

/* libuv's timers count in milliseconds of its own cached clock; rounding up, none is early.
 * A timer that is armed for an earlier time than needed is left: it fires once for nothing
 * and costs less than moving it in every turn. */
static void arm(struct loop *l)
{
	uint64_t wake = loop_core_wake_us(&l->core);
	uint64_t due_ms, now_ms;

	if (wake == 0 || (l->armed_us != 0 && l->armed_us <= wake))
		return;
	due_ms = wake / 1000 + 1;
	now_ms = uv_now(&l->uv);
	uv_timer_start(&l->timer, on_timer, due_ms > now_ms ? due_ms - now_ms : 0, 0);
	l->armed_us = wake;
}

static void before_wait(uv_prepare_t *h)
{
	struct loop *l = loop_of((uv_handle_t *)h);

	if (l->in_turn || !list_empty(&l->core.later) || !list_empty(&l->core.dead)) {
		loop_turn(l);
		turn_end(l);
	}
	socks_flush(l);
	arm(l);
}

static void after_wait(uv_check_t *h)
{
	struct loop *l = loop_of((uv_handle_t *)h);

	if (!l->in_turn)
		return; /* only the clock ran out: on_timer comes next */
	run_due(l);
	turn_end(l);
}

/* ---- the loop ----------------------------------------------------------------- */

enum rc loop_new(struct loop **out, struct err *err)
{
	struct loop *l = mem_zero(system_mem(), sizeof(*l));
	int e;

	if (l == NULL)
		return err_nomem(err, "loop.new");
	/* Sends say MSG_NOSIGNAL; this is for pipes. */
	signal(SIGPIPE, SIG_IGN);
	e = uv_loop_init(&l->uv);
	if (e != 0) {
		free_mem(l, sizeof(*l));
		return err_uv(err, E_SYS, "loop.new", e);
	}
	loop_core_init(&l->core, system_mem());
	list_init(&l->dirty);
	list_init(&l->resolves);
	uv_timer_init(&l->uv, &l->timer); /* these three cannot fail */
	uv_prepare_init(&l->uv, &l->prepare);
	uv_check_init(&l->uv, &l->check);
	uv_prepare_start(&l->prepare, before_wait);
	uv_check_start(&l->check, after_wait);
	*out = l;
	return OK;
}

void loop_run(struct loop *l)
{
	uv_run(&l->uv, UV_RUN_DEFAULT);
}

void loop_stop(struct loop *l)
{
	uv_stop(&l->uv);
}

struct mem *loop_mem(struct loop *l UNUSED)
{
	return system_mem();
}

void loop_random(struct loop *l, void *out, size_t n)
{
	unsigned char *to = out;

	while (n > 0) {
		size_t take = size_min(n, l->random_left);

		if (take == 0) {
			/* Up to 256 bytes come whole, and only a signal at start-up
			 * could interrupt it (getrandom(2)). */
			ssize_t got = getrandom(l->random, RANDOM_BYTES, 0);

			INVARIANT(got == RANDOM_BYTES || (got < 0 && errno == EINTR));
			l->random_left = got > 0 ? RANDOM_BYTES : 0;
			continue;
		}
		memcpy(to, l->random + RANDOM_BYTES - l->random_left, take);
		mem_wipe(l->random + RANDOM_BYTES - l->random_left, take);
		l->random_left -= take;
		to += take;
		n -= take;
	}
}

/* ---- other threads and signals ------------------------------------------------ */

struct wake {
	uv_async_t async;
	wake_fn *fn;
	void *ctx;
};

static void wake_closed(uv_handle_t *h)
{
	free_mem(CONTAINER_OF(h, struct wake, async), sizeof(struct wake));
}

static void on_wake(uv_async_t *h)
{
	struct wake *w = CONTAINER_OF(h, struct wake, async);

	loop_turn(loop_of((uv_handle_t *)h));
	w->fn(w->ctx);
}

enum rc wake_new(struct wake **out, struct loop *l, wake_fn *fn, void *ctx, struct err *err)
{
	struct wake *w = mem_zero(system_mem(), sizeof(*w));
	int e;

	if (w == NULL)
		return err_nomem(err, "wake.new");
	w->fn = fn;
	w->ctx = ctx;
	e = uv_async_init(&l->uv, &w->async, on_wake);
	if (e != 0) {
		free_mem(w, sizeof(*w));
		return err_uv(err, E_SYS, "wake.new", e);
	}
	*out = w;
	return OK;
}

void wake_send(struct wake *w)
{
	uv_async_send(&w->async);
}

void wake_free(struct wake *w)
{
	if (w != NULL)
		uv_close((uv_handle_t *)&w->async, wake_closed);
}

struct signal_watch {
	uv_signal_t sig;
	signal_fn *fn;
	void *ctx;
};

static void signal_closed(uv_handle_t *h)
{
	free_mem(CONTAINER_OF(h, struct signal_watch, sig), sizeof(struct signal_watch));
}

static void on_signal(uv_signal_t *h, int signum)
{
	struct signal_watch *s = CONTAINER_OF(h, struct signal_watch, sig);

	loop_turn(loop_of((uv_handle_t *)h));
	s->fn(s->ctx, signum);
}

enum rc signal_watch_new(struct signal_watch **out, struct loop *l, int signum, signal_fn *fn,
			 void *ctx, struct err *err)
{
	struct signal_watch *s = mem_zero(system_mem(), sizeof(*s));
	int e;

	if (s == NULL)
		return err_nomem(err, "signal.new");
	s->fn = fn;
	s->ctx = ctx;
	e = uv_signal_init(&l->uv, &s->sig);
	if (e != 0) {
		free_mem(s, sizeof(*s));
		return err_uv(err, E_SYS, "signal.new", e);
	}
	e = uv_signal_start(&s->sig, on_signal, signum);
	if (e != 0) {
		uv_close((uv_handle_t *)&s->sig, signal_closed);
		return err_uv(err, E_SYS, "signal.new", e);
	}
	*out = s;
	return OK;
}

void signal_watch_free(struct signal_watch *s)
{
	if (s != NULL)
		uv_close((uv_handle_t *)&s->sig, signal_closed);
}

/* ---- the end ------------------------------------------------------------------ */

static void discard(uv_handle_t *h, void *arg UNUSED)
{
	if (uv_is_closing(h))
		return;
	/* The loop owns no handles of other kinds. */
	if (h->type == UV_POLL)
		sock_discard(h);
	else if (h->type == UV_ASYNC)
		uv_close(h, wake_closed);
	else if (h->type == UV_SIGNAL)
		uv_close(h, signal_closed);
	else
		uv_close(h, NULL);
}

void loop_free(struct loop *l)
{
	if (l == NULL)
		return;
	loop_turn(l);
	loop_core_run_laters(&l->core);
	loop_core_evict(&l->core);
	uv_walk(&l->uv, discard, NULL);
	resolves_discard(l);
	/* A look-up that a thread is busy with is waited for. */
	while (uv_loop_close(&l->uv) == UV_EBUSY)
		uv_run(&l->uv, UV_RUN_DEFAULT);
	loop_core_free(&l->core);
	free_mem(l, sizeof(*l));
}

/* ---- threads ------------------------------------------------------------------ */

struct thread {
	uv_thread_t id;
	void (*fn)(void *ctx);
	void *ctx;
	char name[16]; /* what the kernel keeps */
};

static void thread_main(void *arg)
{
	struct thread *t = arg;

	pthread_setname_np(pthread_self(), t->name);
	t->fn(t->ctx);
}

enum rc thread_start(struct thread **out, void (*fn)(void *ctx), void *ctx, const char *name,
		     struct err *err)
{
	const uv_thread_options_t options = {
		.flags = UV_THREAD_HAS_STACK_SIZE,
		.stack_size = THREAD_STACK,
	};
	struct thread *t = mem_zero(system_mem(), sizeof(*t));
	struct slice short_name = slice_head(slice_cstr(name), sizeof(t->name) - 1);
	int e;

	if (t == NULL)
		return err_nomem(err, "thread.start");
	t->fn = fn;
	t->ctx = ctx;
	memcpy(t->name, short_name.p, short_name.n);
	e = uv_thread_create_ex(&t->id, &options, thread_main, t);
	if (e != 0) {
		free_mem(t, sizeof(*t));
		return err_uv(err, E_SYS, "thread.start", e);
	}
	*out = t;
	return OK;
}

void thread_join(struct thread *t)
{
	if (t == NULL)
		return;
	uv_thread_join(&t->id);
	free_mem(t, sizeof(*t));
}
