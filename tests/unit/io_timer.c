/* The heap of timers and the list of work put off, with a clock of the test's own. */
#include "check.h"

#include "base/rng.h"
#include "io/loop_impl.h"

struct loop {
	struct loop_core core;
	uint64_t now;
};

LOOP_CORE_IS_FIRST;

uint64_t loop_now_us(const struct loop *l)
{
	return l->now;
}

struct probe {
	struct timer t;
	uint64_t fired_at;
	int n;
	uint64_t again; /* sets itself again with this delay */
	bool repeat;
	struct probe *stops; /* stops and ends this one */
};

static void on_probe(struct timer *t)
{
	struct probe *p = CONTAINER_OF(t, struct probe, t);

	p->fired_at = loop_now_us(t->loop);
	p->n++;
	if (p->repeat)
		timer_set(t, p->again);
	if (p->stops != NULL)
		timer_done(&p->stops->t);
}

static void start(struct loop *l, struct test_mem *mem)
{
	test_mem_init(mem, 0);
	l->now = 1000;
	loop_core_init(&l->core, &mem->mem);
}

static void finish(struct loop *l, struct test_mem *mem)
{
	CHECK_INT(l->core.made, 0);
	loop_core_free(&l->core);
	CHECK_INT(mem->live, 0);
}

static void heap_is_sound(const struct loop_core *c)
{
	CHECK(c->n <= c->made && c->made <= c->cap);
	for (size_t i = 0; i < c->n; i++) {
		CHECK(c->heap[i].t->at == i + 1);
		CHECK(c->heap[i].t->place_us == c->heap[i].us);
		CHECK(i == 0 || c->heap[(i - 1) / 4].us <= c->heap[i].us);
		CHECK(c->heap[i].t->due_us == 0 || c->heap[i].t->due_us >= c->heap[i].us);
	}
}

static void a_timer_fires_once_when_due_and_never_early(void **state UNUSED)
{
	struct test_mem mem;
	struct loop l;
	struct probe p = { 0 };

	start(&l, &mem);
	timer_init(&p.t, &l, on_probe);
	CHECK(!timer_is_set(&p.t));
	timer_set(&p.t, 500);
	CHECK(timer_is_set(&p.t));
	l.now = 1499;
	CHECK_INT(loop_core_run_timers(&l.core, l.now), 0);
	l.now = 1500;
	CHECK_INT(loop_core_run_timers(&l.core, l.now), 1);
	CHECK_INT(p.n, 1);
	CHECK(!timer_is_set(&p.t));
	l.now = 9999;
	CHECK_INT(loop_core_run_timers(&l.core, l.now), 0);
	CHECK_INT(loop_core_wake_us(&l.core), 0);
	timer_done(&p.t);
	timer_done(&p.t); /* harmless */
	finish(&l, &mem);
}

static void moving_a_timer_later_leaves_its_place_until_then(void **state UNUSED)
{
	struct test_mem mem;
	struct loop l;
	struct probe p = { 0 };

	start(&l, &mem);
	timer_init(&p.t, &l, on_probe);
	timer_set(&p.t, 100);
	l.now += 50;
	timer_set(&p.t, 100);
	CHECK_INT(loop_core_wake_us(&l.core), 1100); /* not touched */
	CHECK_INT(loop_core_next_due_us(&l.core), 1150);
	CHECK_INT(loop_core_wake_us(&l.core), 1150);
	timer_set(&p.t, 500);
	l.now = 1200;
	CHECK_INT(loop_core_run_timers(&l.core, l.now), 0);
	CHECK_INT(loop_core_wake_us(&l.core), 1550);
	timer_set(&p.t, 1); /* earlier: moved at once */
	CHECK_INT(loop_core_wake_us(&l.core), 1201);
	l.now = 1201;
	CHECK_INT(loop_core_run_timers(&l.core, l.now), 1);
	timer_done(&p.t);
	finish(&l, &mem);
}

static void a_stopped_timer_does_not_fire_and_may_be_set_again(void **state UNUSED)
{
	struct test_mem mem;
	struct loop l;
	struct probe p = { 0 };

	start(&l, &mem);
	timer_init(&p.t, &l, on_probe);
	timer_set(&p.t, 100);
	timer_stop(&p.t);
	timer_stop(&p.t);
	CHECK(!timer_is_set(&p.t));
	CHECK_INT(loop_core_next_due_us(&l.core), 0);
	timer_set(&p.t, 100);
	timer_stop(&p.t);
	l.now = 5000;
	CHECK_INT(loop_core_run_timers(&l.core, l.now), 0);
	timer_set(&p.t, 100);
	timer_stop(&p.t);
	timer_set(&p.t, 300);
	l.now = 5200;
	CHECK_INT(loop_core_run_timers(&l.core, l.now), 0);
	l.now = 5300;
	CHECK_INT(loop_core_run_timers(&l.core, l.now), 1);
	timer_done(&p.t);
	finish(&l, &mem);
}

static void a_timer_set_in_its_callback_waits_for_the_next_turn(void **state UNUSED)
{
	struct test_mem mem;
	struct loop l;
	struct probe p = { .repeat = true, .again = 0 };

	start(&l, &mem);
	timer_init(&p.t, &l, on_probe);
	timer_set(&p.t, 0);
	l.now++;
	CHECK_INT(loop_core_run_timers(&l.core, l.now), 1);
	CHECK_INT(loop_core_run_timers(&l.core, l.now), 0);
	l.now++;
	CHECK_INT(loop_core_run_timers(&l.core, l.now), 1);
	timer_done(&p.t);
	finish(&l, &mem);
}

static void a_callback_may_end_a_timer_that_is_due_too(void **state UNUSED)
{
	struct test_mem mem;
	struct loop l;
	struct probe b = { 0 };
	struct probe a = { .stops = &b };

	start(&l, &mem);
	timer_init(&a.t, &l, on_probe);
	timer_init(&b.t, &l, on_probe);
	timer_set(&a.t, 10);
	timer_set(&b.t, 20);
	l.now += 100;
	CHECK_INT(loop_core_run_timers(&l.core, l.now), 1);
	CHECK_INT(b.n, 0);
	timer_done(&a.t);
	finish(&l, &mem);
}

static void a_delay_beyond_all_time_never_fires(void **state UNUSED)
{
	struct test_mem mem;
	struct loop l;
	struct probe p = { 0 };

	start(&l, &mem);
	timer_init(&p.t, &l, on_probe);
	timer_set(&p.t, UINT64_MAX);
	CHECK_INT(loop_core_run_timers(&l.core, UINT64_MAX - 1), 0);
	CHECK(timer_is_set(&p.t));
	timer_done(&p.t);
	finish(&l, &mem);
}

/* Against a model: after any series of sets and stops each fires exactly when its last
 * setting says, in order. */
static void any_series_fires_what_the_model_says(void **state UNUSED)
{
	enum { N = 300 };
	struct probe p[N];
	uint64_t due[N] = { 0 };
	struct test_mem mem;
	struct loop l;
	struct rng r;

	rng_seed(&r, 7);
	start(&l, &mem);
	memset(p, 0, sizeof(p));
	for (size_t i = 0; i < N; i++)
		timer_init(&p[i].t, &l, on_probe);
	for (int step = 0; step < 20000; step++) {
		size_t i = rng_below(&r, N);
		uint64_t delay = rng_below(&r, 1000) + 1;

		if (rng_chance(&r, 0.2)) {
			timer_stop(&p[i].t);
			due[i] = 0;
		} else {
			timer_set(&p[i].t, delay);
			due[i] = l.now + delay;
		}
		if (!rng_chance(&r, 0.1))
			continue;
		heap_is_sound(&l.core);
		if (rng_chance(&r, 0.5)) {
			uint64_t least = 0;

			for (size_t k = 0; k < N; k++)
				if (due[k] != 0 && (least == 0 || due[k] < least))
					least = due[k];
			CHECK_INT(loop_core_next_due_us(&l.core), least);
			heap_is_sound(&l.core);
		}
		l.now += rng_below(&r, 200);
		loop_core_run_timers(&l.core, l.now);
		for (size_t k = 0; k < N; k++) {
			bool fire = due[k] != 0 && due[k] <= l.now;

			CHECK_INT(p[k].n, fire ? 1 : 0);
			p[k].n = 0;
			if (fire)
				due[k] = 0;
			CHECK(timer_is_set(&p[k].t) == (due[k] != 0));
		}
	}
	for (size_t i = 0; i < N; i++)
		timer_done(&p[i].t);
	CHECK(l.core.cap < N); /* the room goes with the timers */
	finish(&l, &mem);
}

/* ---- work put off ------------------------------------------------------------- */

struct task {
	struct later w;
	struct loop *l;
	char name;
	struct task *then;
	char *log;
};

static void on_task(struct later *w)
{
	struct task *t = CONTAINER_OF(w, struct task, w);
	size_t n = strlen(t->log);

	t->log[n] = t->name;
	t->log[n + 1] = '\0';
	if (t->then != NULL) {
		loop_later(t->l, &t->then->w);
		t->then = NULL;
	}
}

static void work_put_off_runs_once_in_order_with_what_it_puts_off(void **state UNUSED)
{
	struct test_mem mem;
	struct loop l;
	char log[16] = "";
	struct task c = { .l = &l, .name = 'c', .log = log };
	struct task a = { .l = &l, .name = 'a', .log = log, .then = &c };
	struct task b = { .l = &l, .name = 'b', .log = log };
	struct task d = { .l = &l, .name = 'd', .log = log };

	start(&l, &mem);
	later_init(&a.w, on_task);
	later_init(&b.w, on_task);
	later_init(&c.w, on_task);
	later_init(&d.w, on_task);
	later_cancel(&d.w); /* harmless */
	loop_later(&l, &a.w);
	loop_later(&l, &d.w);
	loop_later(&l, &b.w);
	loop_later(&l, &a.w);
	later_cancel(&d.w);
	CHECK_INT(loop_core_run_laters(&l.core), 3);
	CHECK_STR(log, "abc");
	CHECK_INT(loop_core_run_laters(&l.core), 0);
	loop_later(&l, &a.w); /* dropped with the loop */
	finish(&l, &mem);
	CHECK_STR(log, "abc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_timer_fires_once_when_due_and_never_early),
		cmocka_unit_test(moving_a_timer_later_leaves_its_place_until_then),
		cmocka_unit_test(a_stopped_timer_does_not_fire_and_may_be_set_again),
		cmocka_unit_test(a_timer_set_in_its_callback_waits_for_the_next_turn),
		cmocka_unit_test(a_callback_may_end_a_timer_that_is_due_too),
		cmocka_unit_test(a_delay_beyond_all_time_never_fires),
		cmocka_unit_test(any_series_fires_what_the_model_says),
		cmocka_unit_test(work_put_off_runs_once_in_order_with_what_it_puts_off),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
