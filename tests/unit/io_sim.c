#include "check.h"

#include "base/rng.h"
#include "io/sim/sim.h"

enum { HOUR_S = 3600 };
#define SECOND    1000000U
#define STEPS_MAX 1000000U

/* One end of a connection, as these tests drive it. */
struct end {
	struct sock *sock;
	unsigned ready;  /* the last readiness */
	unsigned called; /* how often */
	bool once;       /* take the interest back when called */
};

static void note_ready(void *ctx, unsigned ready)
{
	struct end *e = ctx;

	e->ready = ready;
	e->called++;
	if (e->once)
		sock_want(e->sock, 0);
}

struct pair {
	struct sim *sim;
	struct loop *a, *b; /* two hosts */
	struct address at;
	struct end listener, client, server;
};

static void world(struct pair *p, uint64_t seed, const struct sim_faults *f)
{
	*p = (struct pair){ .at = sim_address(1, 80) };
	p->sim = sim_new(seed);
	p->a = sim_loop(p->sim, "a");
	p->b = sim_loop(p->sim, "b");
	sim_faults_at(p->sim, &p->at, f);
	p->listener.once = p->client.once = p->server.once = true;
	CHECK_RC(sock_listen(&p->listener.sock, p->b, &p->at, 16, note_ready, &p->listener,
			     NULL),
		 OK);
	sock_want(p->listener.sock, SOCK_READ);
	CHECK_RC(sock_connect(&p->client.sock, p->a, &p->at, note_ready, &p->client, NULL), OK);
	sock_want(p->client.sock, SOCK_WRITE);
}

static void settle(struct pair *p)
{
	CHECK_INT(sim_run(p->sim, NULL, NULL, HOUR_S * (uint64_t)SECOND, STEPS_MAX), SIM_QUIET);
}

static void connect_pair(struct pair *p, uint64_t seed, const struct sim_faults *f)
{
	world(p, seed, f);
	settle(p);
	CHECK_INT(p->listener.called, 1);
	CHECK_RC(sock_accept(p->listener.sock, &p->server.sock, note_ready, &p->server), OK);
	CHECK(sock_connected(p->client.sock, NULL) == OK || f->reset > 0);
	settle(p);
}

static void end_world(struct pair *p)
{
	struct sim_mem_stats m;

	if (p->client.sock != NULL)
		sock_close(p->client.sock, false);
	if (p->server.sock != NULL)
		sock_close(p->server.sock, false);
	if (p->listener.sock != NULL)
		sock_close(p->listener.sock, false);
	settle(p);
	CHECK_INT(sim_sockets(p->sim), 0);
	sim_mem_stats(p->a, &m);
	CHECK_INT(m.live, 0);
	sim_mem_stats(p->b, &m);
	CHECK_INT(m.live, 0);
	loop_free(p->a);
	loop_free(p->b);
	sim_free(p->sim);
}

/* ---- time -------------------------------------------------------------------- */

struct alarm {
	struct timer timer;
	uint64_t fired_us;
};

static void ring(struct timer *t)
{
	CONTAINER_OF(t, struct alarm, timer)->fired_us = loop_now_us(t->loop);
}

static void an_hour_passes_in_one_jump(void **state UNUSED)
{
	struct sim *s = sim_new(1);
	struct loop *l = sim_loop(s, "l");
	uint64_t begin = sim_now_us(s);
	uint64_t wall = loop_wall_us(l);
	struct alarm first = { .fired_us = 0 }, last = { .fired_us = 0 };

	timer_init(&first.timer, l, ring);
	timer_init(&last.timer, l, ring);
	timer_set(&last.timer, HOUR_S * (uint64_t)SECOND);
	timer_set(&first.timer, 7);
	CHECK_INT(sim_run(s, NULL, NULL, UINT64_MAX / 2, STEPS_MAX), SIM_QUIET);
	CHECK(first.fired_us >= begin + 7 && first.fired_us < begin + 1000);
	CHECK(last.fired_us >= begin + HOUR_S * (uint64_t)SECOND);
	CHECK(sim_turns(s) < 10);
	CHECK(loop_wall_us(l) - wall >= HOUR_S * (uint64_t)SECOND);
	timer_done(&first.timer);
	timer_done(&last.timer);
	loop_free(l);
	sim_free(s);
}

static void spin(struct timer *t)
{
	timer_set(t, 0);
}

static bool never(void *ctx UNUSED)
{
	return false;
}

static bool always(void *ctx UNUSED)
{
	return true;
}

static void it_says_why_it_stopped(void **state UNUSED)
{
	struct sim *s = sim_new(1);
	struct loop *l = sim_loop(s, "l");
	struct timer t;

	CHECK_INT(sim_run(s, never, NULL, SECOND, STEPS_MAX), SIM_QUIET);
	CHECK_INT(sim_run(s, always, NULL, SECOND, STEPS_MAX), SIM_DONE);
	timer_init(&t, l, spin);
	timer_set(&t, 2 * SECOND);
	CHECK_INT(sim_run(s, never, NULL, SECOND, STEPS_MAX), SIM_LATE);
	CHECK_INT(sim_run(s, never, NULL, 100 * SECOND, 1000), SIM_STEPS);
	timer_done(&t);
	loop_free(l);
	sim_free(s);
}

static void stop_at_once(struct timer *t)
{
	loop_stop(t->loop);
}

static void a_loop_of_its_own_runs_until_it_is_stopped(void **state UNUSED)
{
	struct loop *l = NULL;
	struct timer t;
	uint64_t begin;

	CHECK_RC(loop_new(&l, NULL), OK);
	begin = loop_now_us(l);
	timer_init(&t, l, stop_at_once);
	timer_set(&t, 5 * SECOND);
	loop_run(l);
	CHECK(loop_now_us(l) - begin >= 5 * SECOND);
	timer_done(&t);
	loop_free(l);
}

struct waker {
	unsigned woken, signals;
};

static void count_wake(void *ctx)
{
	((struct waker *)ctx)->woken++;
}

static void count_signal(void *ctx, int signum UNUSED)
{
	((struct waker *)ctx)->signals++;
}

static void wakes_and_signals_arrive(void **state UNUSED)
{
	struct sim *s = sim_new(1);
	struct loop *l = sim_loop(s, "l");
	struct waker w = { 0 };
	struct wake *wake;
	struct signal_watch *watch;

	CHECK_RC(wake_new(&wake, l, count_wake, &w, NULL), OK);
	CHECK_RC(signal_watch_new(&watch, l, 15, count_signal, &w, NULL), OK);
	wake_send(wake);
	wake_send(wake);
	sim_signal(l, 15);
	sim_signal(l, 1);
	CHECK_INT(w.woken, 0);
	CHECK_INT(sim_run(s, NULL, NULL, SECOND, STEPS_MAX), SIM_QUIET);
	CHECK_INT(w.woken, 1);
	CHECK_INT(w.signals, 1);
	wake_free(wake);
	signal_watch_free(watch);
	loop_free(l);
	sim_free(s);
}

/* ---- the network ------------------------------------------------------------- */

static void nobody_listens_so_it_is_refused(void **state UNUSED)
{
	struct pair p;

	world(&p, 1, &sim_kind);
	sock_close(p.listener.sock, false);
	p.listener.sock = NULL;
	settle(&p);
	CHECK_INT(p.client.called, 1);
	CHECK_RC(sock_connected(p.client.sock, NULL), E_CONNECT);
	end_world(&p);
}

static void a_hanging_connect_fails_in_the_end(void **state UNUSED)
{
	struct sim_faults f = sim_kind;
	struct pair p;

	f.connect_hang = 1;
	world(&p, 1, &f);
	CHECK_INT(sim_run(p.sim, NULL, NULL, 60 * SECOND, STEPS_MAX), SIM_LATE);
	CHECK_INT(p.client.called, 0);
	settle(&p);
	CHECK_RC(sock_connected(p.client.sock, NULL), E_CONNECT);
	end_world(&p);
}

/* Writes until the window is full; how much that was. */
static size_t fill(struct sock *s, char *text, size_t n)
{
	size_t sent = 0;
	enum rc rc = OK;

	while (sent < n) {
		struct slice v = { text + sent, n - sent };
		ptrdiff_t k = sock_write(s, &v, 1, &rc);

		if (k < 0)
			break;
		sent += (size_t)k;
	}
	return sent;
}

static size_t drain(struct sock *s, char *text, size_t n, enum rc *rc)
{
	size_t got = 0;

	*rc = OK;
	while (got < n) {
		ptrdiff_t k = sock_read(s, text + got, n - got, rc);

		if (k == 0)
			*rc = E_CLOSED;
		if (k <= 0)
			break;
		got += (size_t)k;
	}
	return got;
}

static void a_full_window_stops_the_writer(void **state UNUSED)
{
	struct sim_faults f = sim_kind;
	struct pair p;
	char out[300], in[300];
	enum rc rc;

	f.window_min = f.window_max = 100;
	f.short_read = f.short_write = 0.5;
	connect_pair(&p, 3, &f);
	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (char)('a' + i % 26);
	CHECK_INT(fill(p.client.sock, out, sizeof(out)), 100);
	CHECK_INT(drain(p.server.sock, in, sizeof(in), &rc), 0); /* still on its way */
	CHECK_RC(rc, E_FULL);
	settle(&p);
	p.client.called = 0;
	sock_want(p.client.sock, SOCK_WRITE);
	settle(&p);
	CHECK_INT(p.client.called, 0);
	CHECK_INT(drain(p.server.sock, in, 40, &rc), 40);
	settle(&p);
	CHECK_INT(p.client.called, 1);
	CHECK_INT(fill(p.client.sock, out + 100, 200), 40);
	settle(&p);
	CHECK_INT(drain(p.server.sock, in + 40, 260, &rc), 100);
	CHECK(memcmp(in, out, 140) == 0);
	end_world(&p);
}

static void the_end_comes_after_all_bytes(void **state UNUSED)
{
	struct pair p;
	char out[50], in[100];
	enum rc rc;

	memset(out, 'x', sizeof(out));
	for (uint64_t seed = 1; seed < 20; seed++) {
		connect_pair(&p, seed, &sim_kind);
		CHECK_INT(fill(p.client.sock, out, sizeof(out)), sizeof(out));
		sock_close(p.client.sock, false);
		p.client.sock = NULL;
		settle(&p);
		CHECK_INT(drain(p.server.sock, in, sizeof(in), &rc), sizeof(out));
		CHECK_RC(rc, E_CLOSED);
		end_world(&p);
	}
}

static void closing_with_unread_bytes_resets(void **state UNUSED)
{
	struct pair p;
	char out[50], in[100];
	enum rc rc;

	memset(out, 'x', sizeof(out));
	connect_pair(&p, 1, &sim_kind);
	CHECK_INT(fill(p.client.sock, out, sizeof(out)), sizeof(out));
	settle(&p);
	sock_close(p.server.sock, false);
	p.server.sock = NULL;
	settle(&p);
	CHECK_INT(drain(p.client.sock, in, sizeof(in), &rc), 0);
	CHECK_RC(rc, E_RESET);
	end_world(&p);
}

static void writing_to_a_closed_end_is_answered_by_a_reset(void **state UNUSED)
{
	struct pair p;
	char out[50], in[100];
	enum rc rc;

	memset(out, 'x', sizeof(out));
	connect_pair(&p, 1, &sim_kind);
	sock_close(p.server.sock, false);
	p.server.sock = NULL;
	settle(&p);
	CHECK_INT(fill(p.client.sock, out, sizeof(out)), sizeof(out));
	settle(&p);
	(void)drain(p.client.sock, in, sizeof(in), &rc);
	CHECK_RC(rc, E_RESET);
	CHECK_INT(fill(p.client.sock, out, sizeof(out)), 0);
	end_world(&p);
}

/* What one side gets of 2000 bytes when the network cuts somewhere in the first 1000. */
static size_t cut_after(uint64_t seed, const struct sim_faults *f, enum rc *rc)
{
	struct pair p;
	char out[2000], in[3000];
	size_t got;

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (char)(i * 7);
	connect_pair(&p, seed, f);
	(void)fill(p.client.sock, out, sizeof(out));
	(void)fill(p.server.sock, out, sizeof(out));
	settle(&p);
	got = drain(p.server.sock, in, sizeof(in), rc);
	CHECK(memcmp(in, out, got) == 0);
	end_world(&p);
	return got;
}

static void the_network_resets_and_ends_at_any_byte(void **state UNUSED)
{
	struct sim_faults f = sim_kind;
	size_t seen_short = 0;
	enum rc rc;

	f.cut_bytes = 1000;
	for (uint64_t seed = 1; seed < 100; seed++) {
		f.reset = 1;
		f.end = 0;
		(void)cut_after(seed, &f, &rc);
		CHECK_RC(rc, E_RESET);
		f.reset = 0;
		f.end = 1;
		seen_short += cut_after(seed, &f, &rc) < 2000;
		CHECK(rc == E_CLOSED || rc == E_RESET); /* reset: it wrote after the end */
	}
	CHECK(seen_short > 20 && seen_short < 80); /* either direction */
}

static void a_stall_delays_but_loses_nothing(void **state UNUSED)
{
	struct sim_faults f = sim_kind;
	struct pair p;
	char out[2000], in[3000];
	size_t late = 0;
	enum rc rc;

	memset(out, 'x', sizeof(out));
	f.stall = 1;
	f.cut_bytes = 2;
	for (uint64_t seed = 1; seed < 30; seed++) {
		size_t got;

		connect_pair(&p, seed, &f);
		CHECK_INT(fill(p.client.sock, out, 10), 10);
		CHECK_INT(sim_run(p.sim, NULL, NULL, SECOND, STEPS_MAX) == SIM_STEPS, 0);
		CHECK_INT(fill(p.client.sock, out, 10), 10);
		CHECK_INT(sim_run(p.sim, NULL, NULL, SECOND, STEPS_MAX) == SIM_STEPS, 0);
		got = drain(p.server.sock, in, sizeof(in), &rc);
		late += got < 20;
		settle(&p);
		CHECK_INT(got + drain(p.server.sock, in, sizeof(in), &rc), 20);
		end_world(&p);
	}
	CHECK(late > 5);
}

static void accepting_fails_when_told(void **state UNUSED)
{
	struct sim_faults f = sim_kind;
	struct pair p;
	enum rc rc;
	char in[10];

	f.accept_full = 1;
	world(&p, 1, &f);
	settle(&p);
	CHECK_RC(sock_accept(p.listener.sock, &p.server.sock, note_ready, &p.server), E_FULL);
	end_world(&p);
	f.accept_full = 0;
	f.accept_lost = 1;
	world(&p, 1, &f);
	settle(&p);
	CHECK_RC(sock_accept(p.listener.sock, &p.server.sock, note_ready, &p.server), E_SYS);
	CHECK_RC(sock_accept(p.listener.sock, &p.server.sock, note_ready, &p.server),
		 E_NOTFOUND);
	settle(&p);
	CHECK_INT(drain(p.client.sock, in, sizeof(in), &rc), 0);
	CHECK_RC(rc, E_RESET);
	end_world(&p);
}

/* ---- names ------------------------------------------------------------------- */

struct looked_up {
	unsigned called;
	enum rc rc;
	size_t n;
	char text[64];
};

static void note_name(void *ctx, enum rc rc, const struct address *a, size_t n,
		      const struct err *err)
{
	struct looked_up *k = ctx;
	struct sb sb;

	k->called++;
	k->rc = rc;
	k->n = n;
	sb_init(&sb, k->text, sizeof(k->text));
	if (n > 0)
		address_print(&a[n - 1], &sb);
	else
		sb_lit(&sb, err->id);
	(void)sb_cstr(&sb);
}

static struct looked_up look_up(struct sim *s, struct loop *l, struct slice name)
{
	struct looked_up k = { 0 };
	struct resolve *r;

	CHECK_RC(resolve_start(&r, l, name, 443, note_name, &k, NULL), OK);
	CHECK_INT(k.called, 0);
	CHECK_INT(sim_run(s, NULL, NULL, SECOND, STEPS_MAX), SIM_QUIET);
	CHECK_INT(k.called, 1);
	return k;
}

static void names_lead_to_the_addresses_they_were_given(void **state UNUSED)
{
	struct sim *s = sim_new(1);
	struct loop *l = sim_loop(s, "l");
	struct address a[2] = { sim_address(1, 0), sim_address(2, 0) };
	struct sim_faults f = sim_kind;
	struct sim_mem_stats m;
	struct looked_up k;
	struct resolve *r;

	sim_name(s, LIT("api.example"), a, 2);
	k = look_up(s, l, LIT("API.example"));
	CHECK_RC(k.rc, OK);
	CHECK_INT(k.n, 2);
	CHECK_STR(k.text, "10.0.0.2:443");
	k = look_up(s, l, LIT("10.1.2.3"));
	CHECK_STR(k.text, "10.1.2.3:443");
	k = look_up(s, l, LIT("other.example"));
	CHECK_RC(k.rc, E_DNS);
	CHECK_STR(k.text, "dns.not_found");
	f.dns_fail = 1;
	sim_faults(s, &f);
	CHECK_RC(look_up(s, l, LIT("api.example")).rc, E_DNS);
	CHECK_RC(resolve_start(&r, l, LIT("api.example"), 1, note_name, &k, NULL), OK);
	resolve_cancel(r);
	sim_mem_stats(l, &m);
	CHECK_INT(m.live, 0);
	loop_free(l);
	sim_free(s);
}

/* ---- seeds and memory -------------------------------------------------------- */

static uint64_t fingerprint(uint64_t seed)
{
	struct sim_faults f = sim_kind;
	struct pair p;
	char text[500];
	enum rc rc;
	uint64_t sum;

	f.short_read = f.short_write = 0.5;
	memset(text, 'x', sizeof(text));
	connect_pair(&p, seed, &f);
	(void)fill(p.client.sock, text, sizeof(text));
	settle(&p);
	sum = drain(p.server.sock, text, sizeof(text), &rc);
	sum = sum * 31 + sim_now_us(p.sim);
	sum = sum * 31 + sim_turns(p.sim);
	sum = sum * 31 + rng_u64(sim_rng(p.sim));
	end_world(&p);
	return sum;
}

static void the_same_seed_is_the_same_run(void **state UNUSED)
{
	CHECK(fingerprint(5) == fingerprint(5));
	CHECK(fingerprint(5) != fingerprint(6));
}

static void the_allocation_that_was_named_fails(void **state UNUSED)
{
	struct sim *s = sim_new(1);
	struct loop *l = sim_loop(s, "l");
	struct mem *mem = loop_mem(l);
	struct sim_mem_stats m;
	void *p;

	sim_mem_fail(l, 2, 0);
	p = mem_get(mem, 10);
	CHECK(p != NULL);
	CHECK(mem_get(mem, 10) == NULL);
	p = mem_resize(mem, p, 10, 5000);
	CHECK(p != NULL);
	sim_mem_stats(l, &m);
	CHECK_INT(m.failed, 1);
	CHECK_INT(m.live, 5000);
	CHECK_INT(m.calls, 3);
	sim_mem_fail(l, 0, 1);
	CHECK(mem_get(mem, 1) == NULL);
	mem_put(mem, p, 5000);
	loop_free(l);
	sim_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_hour_passes_in_one_jump),
		cmocka_unit_test(it_says_why_it_stopped),
		cmocka_unit_test(a_loop_of_its_own_runs_until_it_is_stopped),
		cmocka_unit_test(wakes_and_signals_arrive),
		cmocka_unit_test(nobody_listens_so_it_is_refused),
		cmocka_unit_test(a_hanging_connect_fails_in_the_end),
		cmocka_unit_test(a_full_window_stops_the_writer),
		cmocka_unit_test(the_end_comes_after_all_bytes),
		cmocka_unit_test(closing_with_unread_bytes_resets),
		cmocka_unit_test(writing_to_a_closed_end_is_answered_by_a_reset),
		cmocka_unit_test(the_network_resets_and_ends_at_any_byte),
		cmocka_unit_test(a_stall_delays_but_loses_nothing),
		cmocka_unit_test(accepting_fails_when_told),
		cmocka_unit_test(names_lead_to_the_addresses_they_were_given),
		cmocka_unit_test(the_same_seed_is_the_same_run),
		cmocka_unit_test(the_allocation_that_was_named_fails),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
