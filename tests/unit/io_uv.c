/* The real backend on the loopback interface. */
#include "check.h"

#include "io/sock.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { SECOND = 1000000 };

/* A loop with a timer that stops it, so that a failing test ends. */
struct fix {
	struct loop *l;
	struct timer guard;
	bool late;
};

static void on_guard(struct timer *t)
{
	struct fix *f = CONTAINER_OF(t, struct fix, guard);

	f->late = true;
	loop_stop(f->l);
}

static void begin(struct fix *f)
{
	struct err err = { 0 };

	*f = (struct fix){ 0 };
	CHECK_RC(loop_new(&f->l, &err), OK);
	timer_init(&f->guard, f->l, on_guard);
}

/* Runs until somebody stops the loop. */
static void run(struct fix *f)
{
	timer_set(&f->guard, 10 * SECOND);
	loop_run(f->l);
	CHECK(!f->late);
	timer_stop(&f->guard);
}

/* Runs for a time. */
static void run_for(struct fix *f, uint64_t us)
{
	timer_set(&f->guard, us);
	loop_run(f->l);
	CHECK(f->late);
	f->late = false;
}

static void end(struct fix *f)
{
	timer_done(&f->guard);
	loop_free(f->l);
}

static struct address loopback(uint16_t port)
{
	struct address a;

	CHECK_RC(address_read(&a, LIT("127.0.0.1"), port), OK);
	return a;
}

/* One end of a connection, that notes what happens. */
struct end {
	struct sock *s;
	struct fix *f;
	struct sock *listener; /* accepts on readiness */
	struct end *accepted;
	unsigned ready; /* all that was told */
	int calls;
	unsigned stop_at; /* stops the loop when one of these is told */
};

static void on_end(void *ctx, unsigned ready)
{
	struct end *e = ctx;

	e->ready |= ready;
	e->calls++;
	if (ready & e->stop_at)
		loop_stop(e->f->l);
}

static void on_listener(void *ctx, unsigned ready)
{
	struct end *e = ctx;

	CHECK_INT(ready, SOCK_READ);
	e->calls++;
	CHECK_RC(sock_accept(e->listener, &e->accepted->s, on_end, e->accepted), OK);
	loop_stop(e->f->l);
}

/* A pair of connected ends. */
static void join(struct fix *f, struct end *a, struct end *b)
{
	struct end listening = { .f = f, .accepted = b };
	struct address at = loopback(0);
	struct err err = { 0 };

	*a = (struct end){ .f = f };
	*b = (struct end){ .f = f };
	CHECK_RC(sock_listen(&listening.listener, f->l, &at, 16, on_listener, &listening, &err),
		 OK);
	sock_want(listening.listener, SOCK_READ);
	sock_local(listening.listener, &at);
	CHECK(address_port(&at) != 0);
	CHECK_RC(sock_connect(&a->s, f->l, &at, on_end, a, &err), OK);
	run(f);
	CHECK_RC(sock_connected(a->s, &err), OK);
	sock_close(listening.listener, false);
}

static void part(struct end *a, struct end *b)
{
	sock_close(a->s, false);
	sock_close(b->s, false);
}

/* ---- time --------------------------------------------------------------------- */

struct tick {
	struct timer t;
	struct fix *f;
	uint64_t set_at, took_us, delay;
};

static void on_tick(struct timer *t)
{
	struct tick *k = CONTAINER_OF(t, struct tick, t);

	k->took_us = loop_clock_us(k->f->l) - k->set_at;
	loop_stop(k->f->l);
}

static void timers_are_never_early_and_not_very_late(void **state UNUSED)
{
	struct fix f;
	struct tick k = { .f = &f };

	begin(&f);
	timer_init(&k.t, f.l, on_tick);
	for (uint64_t delay = 1; delay < 30000; delay = delay * 3 + 7) {
		k.set_at = loop_clock_us(f.l);
		timer_set(&k.t, delay);
		run(&f);
		CHECK(k.took_us >= delay);
		CHECK(k.took_us < delay + SECOND); /* a busy machine may be this late */
	}
	timer_done(&k.t);
	end(&f);
}

/* The one timer of libuv must be moved when an earlier one is set, and set again when the
 * one that it was armed for was moved later. */
static void a_timer_set_earlier_or_moved_later_fires_at_its_own_time(void **state UNUSED)
{
	struct fix f;
	struct tick k = { .f = &f };

	begin(&f);
	timer_init(&k.t, f.l, on_tick);
	timer_set(&k.t, 30 * SECOND);
	run_for(&f, 2000);
	k.set_at = loop_clock_us(f.l);
	timer_set(&k.t, 5000);
	run(&f);
	CHECK(k.took_us >= 5000 && k.took_us < SECOND);
	timer_set(&k.t, 3000);
	timer_stop(&k.t);
	run_for(&f, 6000);
	k.set_at = loop_clock_us(f.l);
	timer_set(&k.t, 2000);
	timer_set(&k.t, 20000);
	run(&f);
	CHECK(k.took_us >= 20000 && k.took_us < SECOND);
	timer_done(&k.t);
	end(&f);
}

struct order {
	struct timer t;
	struct later a, b;
	struct fix *f;
	uint64_t now;
	char log[8];
	size_t n;
};

static void on_b(struct later *w)
{
	struct order *o = CONTAINER_OF(w, struct order, b);

	o->log[o->n++] = 'b';
	CHECK(loop_now_us(o->f->l) == o->now);
	loop_stop(o->f->l);
}

static void on_a(struct later *w)
{
	struct order *o = CONTAINER_OF(w, struct order, a);

	o->log[o->n++] = 'a';
	loop_later(o->f->l, &o->b);
}

static void on_order(struct timer *t)
{
	struct order *o = CONTAINER_OF(t, struct order, t);
	uint64_t until = loop_clock_us(o->f->l) + 3000;

	o->now = loop_now_us(o->f->l);
	loop_later(o->f->l, &o->a);
	o->log[o->n++] = 't';
	while (loop_clock_us(o->f->l) < until)
		; /* time passes, but not the turn's */
	CHECK(loop_now_us(o->f->l) == o->now);
}

static void work_put_off_runs_in_the_same_turn_after_the_callbacks(void **state UNUSED)
{
	struct fix f;
	struct order o = { .f = &f };

	begin(&f);
	timer_init(&o.t, f.l, on_order);
	later_init(&o.a, on_a);
	later_init(&o.b, on_b);
	timer_set(&o.t, 1000);
	run(&f);
	CHECK_STR(o.log, "tab");
	CHECK(loop_take_lag_us(f.l) >= 3000);
	CHECK_INT(loop_take_lag_us(f.l), 0);
	timer_done(&o.t);
	end(&f);
}

static void note_c(struct later *w)
{
	struct order *o = CONTAINER_OF(w, struct order, a);

	o->log[o->n++] = 'c';
}

static void work_put_off_outside_any_turn_is_done_too(void **state UNUSED)
{
	struct fix f;
	struct order o = { .f = &f };

	begin(&f);
	later_init(&o.a, note_c);
	loop_later(f.l, &o.a);
	run_for(&f, 1000);
	CHECK_STR(o.log, "c");
	loop_later(f.l, &o.a); /* and when the loop goes */
	end(&f);
	CHECK_STR(o.log, "cc");
}

/* ---- sockets ------------------------------------------------------------------ */

static void bytes_go_both_ways_and_the_end_is_seen(void **state UNUSED)
{
	const struct slice words[] = { LIT("hel"), LIT(""), LIT("lo") };
	struct address la, rb;
	struct end a, b;
	struct fix f;
	char p[16];
	enum rc rc = OK;

	begin(&f);
	join(&f, &a, &b);
	sock_local(a.s, &la);
	sock_remote(b.s, &rb);
	CHECK(la.len == rb.len && memcmp(la.bytes, rb.bytes, la.len) == 0);

	CHECK_INT(sock_read(b.s, p, sizeof(p), &rc), -1);
	CHECK_RC(rc, E_FULL);
	CHECK_INT(sock_write(a.s, words, 3, &rc), 5);
	b.stop_at = SOCK_READ;
	sock_want(b.s, SOCK_READ);
	run(&f);
	CHECK_INT(sock_read(b.s, p, sizeof(p), &rc), 5);
	CHECK(memcmp(p, "hello", 5) == 0);

	CHECK_INT(sock_write(b.s, &LIT("x"), 1, &rc), 1);
	sock_shutdown(b.s);
	a.stop_at = SOCK_READ;
	sock_want(a.s, SOCK_READ);
	run(&f);
	CHECK_INT(sock_read(a.s, p, sizeof(p), &rc), 1);
	CHECK_INT(sock_read(a.s, p, sizeof(p), &rc), 0);
	part(&a, &b);
	end(&f);
}

/* Linux hands the option down from the listening socket; we rely on it. */
static void accepted_connections_do_not_wait_to_send_small_pieces(void **state UNUSED)
{
	struct end a, b;
	struct fix f;
	int with = 0;

	begin(&f);
	join(&f, &a, &b);
	for (int fd = 3; fd < 64; fd++) {
		struct sockaddr_in sa;
		socklen_t n = sizeof(sa);
		int on = 0;

		if (getpeername(fd, (struct sockaddr *)(void *)&sa, &n) < 0 ||
		    sa.sin_family != AF_INET)
			continue;
		n = sizeof(on);
		CHECK(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, &n) == 0);
		CHECK(on != 0);
		with++;
	}
	CHECK_INT(with, 2);
	part(&a, &b);
	end(&f);
}

static void a_refused_connection_says_so(void **state UNUSED)
{
	struct end a = { .stop_at = SOCK_WRITE };
	struct err err = { 0 };
	struct address at = loopback(0);
	struct sock *held;
	struct fix f;
	enum rc rc;

	begin(&f);
	a.f = &f;
	/* A port that nobody else has, and that does not listen any more. */
	CHECK_RC(sock_listen(&held, f.l, &at, 1, on_end, &a, &err), OK);
	sock_local(held, &at);
	sock_close(held, false);
	rc = sock_connect(&a.s, f.l, &at, on_end, &a, &err);
	if (rc == OK) {
		sock_want(a.s, SOCK_WRITE);
		run(&f);
		rc = sock_connected(a.s, &err);
		CHECK_RC(sock_connected(a.s, NULL), E_CONNECT); /* asked again: the same */
		sock_close(a.s, false);
	}
	CHECK_RC(rc, E_CONNECT);
	CHECK_STR(err.id, "connect.failed");
	CHECK_INT(err.sys, ECONNREFUSED);
	end(&f);
}

static void a_port_in_use_by_others_is_told(void **state UNUSED)
{
	struct address at = loopback(0);
	struct end e = { 0 };
	struct err err = { 0 };
	struct sockaddr_in sa = { .sin_family = AF_INET };
	socklen_t n = sizeof(sa);
	struct sock *s;
	struct fix f;
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	begin(&f);
	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(bind(fd, (struct sockaddr *)(void *)&sa, sizeof(sa)) == 0);
	CHECK(listen(fd, 1) == 0);
	CHECK(getsockname(fd, (struct sockaddr *)(void *)&sa, &n) == 0);
	at = loopback(ntohs(sa.sin_port));
	CHECK_RC(sock_listen(&s, f.l, &at, 1, on_end, &e, &err), E_SYS);
	CHECK_STR(err.id, "listen.bind");
	CHECK_INT(err.sys, EADDRINUSE);
	close(fd);
	end(&f);
}

static void a_reset_is_seen_and_differs_from_an_end(void **state UNUSED)
{
	struct end a, b;
	struct fix f;
	char p[16];
	enum rc rc = OK;

	begin(&f);
	join(&f, &a, &b);
	sock_close(a.s, true);
	b.stop_at = SOCK_READ;
	sock_want(b.s, SOCK_READ);
	run(&f);
	CHECK_INT(sock_read(b.s, p, sizeof(p), &rc), -1);
	CHECK_RC(rc, E_RESET);
	CHECK_INT(sock_write(b.s, &LIT("x"), 1, &rc), -1);
	CHECK_RC(rc, E_RESET);
	sock_close(b.s, false);
	end(&f);
}

/* What is not read stays in the system; nobody is told while nobody wants it, and the loop
 * sleeps meanwhile. */
static void readiness_is_told_only_while_it_is_wanted(void **state UNUSED)
{
	struct end a, b;
	struct fix f;
	struct rusage before, after;
	enum rc rc = OK;
	char p[16];
	long ms;

	begin(&f);
	join(&f, &a, &b);
	sock_want(b.s, SOCK_READ);
	run_for(&f, 2000);
	CHECK_INT(b.calls, 0);
	sock_want(b.s, 0);
	CHECK_INT(sock_write(a.s, &LIT("x"), 1, &rc), 1);
	getrusage(RUSAGE_SELF, &before);
	run_for(&f, 300000);
	getrusage(RUSAGE_SELF, &after);
	CHECK_INT(b.calls, 0);
	ms = (after.ru_utime.tv_sec + after.ru_stime.tv_sec - before.ru_utime.tv_sec -
	      before.ru_stime.tv_sec) *
		     1000 +
	     (after.ru_utime.tv_usec + after.ru_stime.tv_usec - before.ru_utime.tv_usec -
	      before.ru_stime.tv_usec) /
		     1000;
	CHECK(ms < 100); /* it would be 300 if it spun */
	sock_want(b.s, SOCK_READ);
	b.stop_at = SOCK_READ;
	run(&f);
	CHECK_INT(b.calls, 1);
	CHECK_INT(b.ready, SOCK_READ);
	run(&f); /* level-triggered: told again */
	CHECK_INT(b.calls, 2);
	CHECK_INT(sock_read(b.s, p, sizeof(p), &rc), 1);
	run_for(&f, 2000);
	CHECK_INT(b.calls, 2);
	sock_want(a.s, SOCK_WRITE);
	a.stop_at = SOCK_WRITE;
	run(&f);
	CHECK_INT(a.ready, SOCK_WRITE);
	sock_want(a.s, SOCK_READ);
	run_for(&f, 2000);
	CHECK_INT(a.calls, 1);
	part(&a, &b);
	end(&f);
}

static void a_peer_that_breaks_while_paused_does_not_spin_the_loop(void **state UNUSED)
{
	struct end a, b;
	struct fix f;
	struct rusage before, after;
	enum rc rc = OK;
	char p[4];

	begin(&f);
	join(&f, &a, &b);
	sock_want(b.s, SOCK_READ);
	run_for(&f, 1000);
	sock_want(b.s, 0);
	sock_close(a.s, true);
	getrusage(RUSAGE_SELF, &before);
	run_for(&f, 300000);
	getrusage(RUSAGE_SELF, &after);
	CHECK_INT(b.calls, 0);
	CHECK((after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1000000 +
		      (after.ru_stime.tv_usec - before.ru_stime.tv_usec) <
	      100000);
	b.stop_at = SOCK_READ;
	sock_want(b.s, SOCK_READ);
	run(&f);
	CHECK_INT(sock_read(b.s, p, sizeof(p), &rc), -1);
	CHECK_RC(rc, E_RESET);
	sock_close(b.s, false);
	end(&f);
}

/* An echo of 4 MB, where every write takes what it can and every read is small. */
struct pump {
	struct end a, b;
	struct sock *sa, *sb;
	struct fix *f;
	size_t sent, got, total;
	char held[4096]; /* what b has read and not yet written */
	size_t held_at, held_n;
	bool partial;
};

static char byte_at(size_t i)
{
	return (char)(i * 2654435761u >> 13);
}

/* More than one call takes. */
enum { PIECES = 100 };

static void on_pump_a(void *ctx, unsigned ready)
{
	struct pump *p = ctx;
	char chunk[8192];
	enum rc rc = OK;

	if (ready & SOCK_WRITE) {
		struct slice v[PIECES];
		size_t left = size_min(sizeof(chunk), p->total - p->sent);
		ptrdiff_t n;

		for (size_t i = 0; i < left; i++)
			chunk[i] = byte_at(p->sent + i);
		for (size_t i = 0; i < PIECES; i++)
			v[i] = slice_head(
				slice_skip(slice_of(chunk, left), i * (left / PIECES + 1)),
				left / PIECES + 1);
		n = sock_write(p->sa, v, PIECES, &rc);
		CHECK(n >= 0 || rc == E_FULL);
		p->partial |= n >= 0 && (size_t)n < left;
		p->sent += n > 0 ? (size_t)n : 0;
		if (p->sent == p->total)
			sock_want(p->sa, SOCK_READ);
	}
	if (ready & SOCK_READ) {
		ptrdiff_t n = sock_read(p->sa, chunk, sizeof(chunk), &rc);

		CHECK(n > 0 || rc == E_FULL);
		for (ptrdiff_t i = 0; i < n; i++)
			CHECK(chunk[i] == byte_at(p->got + (size_t)i));
		p->got += n > 0 ? (size_t)n : 0;
		if (p->got == p->total)
			loop_stop(p->f->l);
	}
}

static void on_pump_b(void *ctx, unsigned ready)
{
	struct pump *p = ctx;
	enum rc rc = OK;

	if (ready & SOCK_READ) {
		ptrdiff_t n = sock_read(p->sb, p->held, sizeof(p->held), &rc);

		CHECK(n > 0 || rc == E_FULL);
		p->held_at = 0;
		p->held_n = n > 0 ? (size_t)n : 0;
	}
	if (p->held_n > p->held_at) {
		struct slice v = slice_of(p->held + p->held_at, p->held_n - p->held_at);
		ptrdiff_t n = sock_write(p->sb, &v, 1, &rc);

		CHECK(n >= 0 || rc == E_FULL);
		p->held_at += n > 0 ? (size_t)n : 0;
	}
	sock_want(p->sb, p->held_at < p->held_n ? SOCK_WRITE : SOCK_READ);
}

static void on_pump_listener(void *ctx, unsigned ready UNUSED)
{
	struct pump *p = ctx;

	CHECK_RC(sock_accept(p->b.s, &p->sb, on_pump_b, p), OK);
	sock_want(p->sb, SOCK_READ);
}

static void a_large_echo_arrives_whole_in_partial_writes(void **state UNUSED)
{
	struct address at = loopback(0);
	struct err err = { 0 };
	struct pump p = { .total = 4 << 20 };
	struct fix f;

	begin(&f);
	p.f = &f;
	CHECK_RC(sock_listen(&p.b.s, f.l, &at, 16, on_pump_listener, &p, &err), OK);
	sock_want(p.b.s, SOCK_READ);
	sock_local(p.b.s, &at);
	CHECK_RC(sock_connect(&p.sa, f.l, &at, on_pump_a, &p, &err), OK);
	sock_want(p.sa, SOCK_READ | SOCK_WRITE);
	run(&f);
	CHECK_INT(p.got, p.total);
	CHECK(p.partial);
	sock_close(p.sa, false);
	sock_close(p.sb, false);
	sock_close(p.b.s, false);
	end(&f);
}

static void a_unix_socket_works_and_a_stale_one_is_replaced(void **state UNUSED)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	struct address at = { .len = sizeof(un) };
	struct end b = { 0 }, listening = { .accepted = &b }, a = { 0 };
	struct err err = { 0 };
	struct sock *second;
	struct sb text;
	char room[160];
	struct fix f;

	begin(&f);
	a.f = b.f = listening.f = &f;
	snprintf(un.sun_path, sizeof(un.sun_path), "/tmp/weir-uv-%d.sock", (int)getpid());
	memcpy(at.bytes, &un, sizeof(un));
	for (int round = 0; round < 2; round++) {
		CHECK_RC(sock_listen(&listening.listener, f.l, &at, 16, on_listener, &listening,
				     &err),
			 OK);
		/* In use by a living process: not taken away from it. */
		CHECK_RC(sock_listen(&second, f.l, &at, 16, on_listener, &listening, NULL),
			 E_SYS);
		sock_want(listening.listener, SOCK_READ);
		CHECK_RC(sock_connect(&a.s, f.l, &at, on_end, &a, &err), OK);
		run(&f); /* the try above waits in the queue, too */
		CHECK_RC(sock_connected(a.s, &err), OK);
		part(&a, &b);
		sock_close(listening.listener, false); /* the path stays: stale now */
	}
	sb_init(&text, room, sizeof(room));
	address_print(&at, &text);
	CHECK(slice_starts(sb_slice(&text), LIT("unix:/tmp/weir-uv-")));
	CHECK(slice_ends(sb_slice(&text), LIT(".sock")));
	unlink(un.sun_path);
	CHECK_RC(sock_connect(&a.s, f.l, &at, on_end, &a, &err), E_CONNECT);
	CHECK_INT(err.sys, ENOENT);
	end(&f);
}

static void no_descriptors_left_is_told_apart(void **state UNUSED)
{
	struct end b = { 0 }, listening = { .accepted = &b }, a = { 0 };
	struct address at = loopback(0);
	struct rlimit old, low;
	struct err err = { 0 };
	struct sock *s;
	struct fix f;
	int used;

	begin(&f);
	a.f = b.f = listening.f = &f;
	CHECK_RC(sock_listen(&listening.listener, f.l, &at, 16, on_listener, &listening, &err),
		 OK);
	CHECK_RC(sock_accept(listening.listener, &b.s, on_end, &b), E_NOTFOUND);
	sock_local(listening.listener, &at);
	CHECK_RC(sock_connect(&a.s, f.l, &at, on_end, &a, &err), OK);
	a.stop_at = SOCK_WRITE;
	sock_want(a.s, SOCK_WRITE);
	run(&f);
	used = dup(0);
	CHECK(used >= 0 && close(used) == 0);
	CHECK(getrlimit(RLIMIT_NOFILE, &old) == 0);
	low = old;
	low.rlim_cur = (rlim_t)used; /* the lowest free one is not allowed */
	CHECK(setrlimit(RLIMIT_NOFILE, &low) == 0);
	CHECK_RC(sock_accept(listening.listener, &b.s, on_end, &b), E_FULL);
	CHECK_RC(sock_connect(&s, f.l, &at, on_end, &a, &err), E_SYS);
	CHECK_INT(err.sys, EMFILE);
	CHECK(setrlimit(RLIMIT_NOFILE, &old) == 0);
	CHECK_RC(sock_accept(listening.listener, &b.s, on_end, &b), OK);
	part(&a, &b);
	sock_close(listening.listener, false);
	end(&f);
}

/* A socket that is closed in another's callback of the same turn gets no callback, even when
 * it was ready as well. */
struct killer {
	struct end *self, *other;
};

static void on_killer(void *ctx, unsigned ready UNUSED)
{
	struct killer *k = ctx;

	k->self->calls++;
	sock_want(k->self->s, 0);
	if (k->other->s != NULL)
		sock_close(k->other->s, false);
	k->other->s = NULL;
	loop_stop(k->self->f->l);
}

static void a_closed_socket_is_not_called_any_more(void **state UNUSED)
{
	struct address at = loopback(0);
	struct end listening, x, y, unused = { 0 };
	struct killer kx = { &x, &y }, ky = { &y, &x };
	struct sock *accepted[2];
	struct err err = { 0 };
	enum rc rc = OK;
	struct fix f;

	begin(&f);
	x = y = listening = (struct end){ .f = &f, .stop_at = SOCK_READ };
	CHECK_RC(sock_listen(&listening.s, f.l, &at, 16, on_end, &listening, &err), OK);
	sock_local(listening.s, &at);
	CHECK_RC(sock_connect(&x.s, f.l, &at, on_killer, &kx, &err), OK);
	CHECK_RC(sock_connect(&y.s, f.l, &at, on_killer, &ky, &err), OK);
	for (int i = 0; i < 2; i++) {
		while ((rc = sock_accept(listening.s, &accepted[i], on_end, &unused)) ==
		       E_NOTFOUND)
			;
		CHECK_RC(rc, OK);
		CHECK_INT(sock_write(accepted[i], &LIT("x"), 1, &rc), 1);
	}
	sock_want(x.s, SOCK_READ);
	sock_want(y.s, SOCK_READ);
	run(&f);
	CHECK_INT(x.calls + y.calls, 1);
	run_for(&f, 1000);
	if (x.s != NULL)
		sock_close(x.s, false);
	if (y.s != NULL)
		sock_close(y.s, false);
	sock_close(accepted[0], false);
	sock_close(accepted[1], false);
	sock_close(listening.s, false);
	end(&f);
}

static void addresses_are_read_and_printed(void **state UNUSED)
{
	static const struct {
		const char *host, *want;
	} good[] = {
		{ "127.0.0.1", "127.0.0.1:80" },
		{ "::1", "[::1]:80" },
		{ "2001:DB8::1", "[2001:db8::1]:80" },
	};
	static const char *const bad[] = {
		"",           "localhost",
		"127.0.0.1 ", "1.2.3",
		"1.2.3.4.5",  "[::1]",
		"::g",        "1234567890123456789012345678901234567890123456789",
	};
	struct address a;
	struct sb text;
	char room[80];

	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		CHECK_RC(address_read(&a, slice_cstr(good[i].host), 80), OK);
		CHECK_INT(address_port(&a), 80);
		sb_init(&text, room, sizeof(room));
		address_print(&a, &text);
		CHECK_SLICE(sb_slice(&text), good[i].want);
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK_RC(address_read(&a, slice_cstr(bad[i]), 80), E_BAD);
}

/* ---- names -------------------------------------------------------------------- */

struct lookup {
	struct fix *f;
	enum rc rc;
	size_t n;
	int calls;
	uint16_t port;
	bool loopback;
	struct err err;
};

static void on_lookup(void *ctx, enum rc rc, const struct address *a, size_t n,
		      const struct err *err)
{
	struct lookup *k = ctx;
	char room[80];
	struct sb text;

	k->rc = rc;
	k->n = n;
	k->calls++;
	k->err = *err;
	for (size_t i = 0; i < n; i++) {
		sb_init(&text, room, sizeof(room));
		address_print(&a[i], &text);
		k->loopback |= slice_starts(sb_slice(&text), LIT("127.0.0.1:")) ||
			       slice_starts(sb_slice(&text), LIT("[::1]:"));
		k->port = address_port(&a[i]);
	}
	loop_stop(k->f->l);
}

static void this_machine_is_found_by_name(void **state UNUSED)
{
	struct err err = { 0 };
	struct resolve *r;
	struct fix f;
	struct lookup k = { .f = &f };

	begin(&f);
	CHECK_RC(resolve_start(&r, f.l, LIT("localhost"), 8080, on_lookup, &k, &err), OK);
	CHECK_INT(k.calls, 0);
	run(&f);
	CHECK_RC(k.rc, OK);
	CHECK(k.n >= 1 && k.loopback);
	CHECK_INT(k.port, 8080);
	end(&f);
}

static void names_that_cannot_be_are_refused(void **state UNUSED)
{
	char long_name[300];
	struct err err = { 0 };
	struct resolve *r;
	struct fix f;
	struct lookup k = { .f = &f };

	begin(&f);
	memset(long_name, 'a', sizeof(long_name));
	CHECK_RC(resolve_start(&r, f.l, LIT(""), 1, on_lookup, &k, &err), E_DNS);
	CHECK_RC(resolve_start(&r, f.l, LIT("a\0b"), 1, on_lookup, &k, &err), E_DNS);
	CHECK_RC(resolve_start(&r, f.l, slice_of(long_name, 254), 1, on_lookup, &k, &err),
		 E_DNS);
	CHECK_STR(err.id, "dns.name");
	/* No network is needed to know that this one is not there (RFC 6761). */
	CHECK_RC(resolve_start(&r, f.l, LIT("no such name"), 1, on_lookup, &k, &err), OK);
	run(&f);
	CHECK_RC(k.rc, E_DNS);
	CHECK_INT(k.n, 0);
	CHECK_STR(k.err.id, "dns.lookup");
	CHECK(slice_starts(slice_cstr(k.err.text), LIT("no such name: ")));
	end(&f);
}

static void a_cancelled_look_up_never_calls_back(void **state UNUSED)
{
	enum { N = 20 };
	struct err err = { 0 };
	struct resolve *r[N];
	struct fix f;
	struct lookup k = { .f = &f };

	begin(&f);
	for (int i = 0; i < N; i++)
		CHECK_RC(resolve_start(&r[i], f.l, LIT("localhost"), 1, on_lookup, &k, &err),
			 OK);
	for (int i = 0; i < N - 1; i++)
		resolve_cancel(r[i]);
	run(&f);
	run_for(&f, 20000);
	CHECK_INT(k.calls, 1);
	/* Left to loop_free(). */
	for (int i = 0; i < N; i++)
		CHECK_RC(resolve_start(&r[i], f.l, LIT("localhost"), 1, on_lookup, &k, &err),
			 OK);
	end(&f);
	CHECK_INT(k.calls, 1);
}

/* ---- threads and signals ------------------------------------------------------ */

struct mail {
	struct wake *w;
	struct fix *f;
	pthread_mutex_t lock;
	int sent, seen, calls;
};

static void on_mail(void *ctx)
{
	struct mail *m = ctx;

	m->calls++;
	pthread_mutex_lock(&m->lock);
	m->seen = m->sent;
	pthread_mutex_unlock(&m->lock);
	if (m->seen == 1000)
		loop_stop(m->f->l);
}

static void send_mail(void *ctx)
{
	struct mail *m = ctx;

	for (int i = 0; i < 1000; i++) {
		pthread_mutex_lock(&m->lock);
		m->sent++;
		pthread_mutex_unlock(&m->lock);
		wake_send(m->w);
	}
}

static void another_thread_wakes_the_loop_and_nothing_is_lost(void **state UNUSED)
{
	struct err err = { 0 };
	struct thread *t;
	struct fix f;
	struct mail m = { .f = &f, .lock = PTHREAD_MUTEX_INITIALIZER };

	begin(&f);
	CHECK_RC(wake_new(&m.w, f.l, on_mail, &m, &err), OK);
	CHECK_RC(thread_start(&t, send_mail, &m, "a-name-that-is-long", &err), OK);
	run(&f);
	CHECK(m.calls >= 1 && m.seen == 1000);
	thread_join(t);
	wake_free(m.w);
	end(&f);
}

/* Two loops, each on its own thread, each with its own listening socket on one port. */
struct worker {
	struct loop *l;
	struct sock *listener;
	struct wake *stop;
	int accepted;
};

static void on_worker(void *ctx, unsigned ready UNUSED)
{
	struct worker *w = ctx;
	struct sock *s;

	while (sock_accept(w->listener, &s, on_worker, w) == OK) {
		w->accepted++;
		sock_close(s, false);
	}
}

static void on_worker_stop(void *ctx)
{
	struct worker *w = ctx;

	loop_stop(w->l);
}

static void worker_main(void *ctx)
{
	struct worker *w = ctx;

	loop_run(w->l);
}

static void two_loops_share_a_port(void **state UNUSED)
{
	enum { N = 64 };
	struct address at = loopback(0);
	struct worker w[2] = { 0 };
	struct thread *t[2];
	struct err err = { 0 };

	for (int i = 0; i < 2; i++) {
		CHECK_RC(loop_new(&w[i].l, &err), OK);
		CHECK_RC(sock_listen(&w[i].listener, w[i].l, &at, 64, on_worker, &w[i], &err),
			 OK);
		sock_local(w[i].listener, &at); /* the second takes the first one's port */
		sock_want(w[i].listener, SOCK_READ);
		CHECK_RC(wake_new(&w[i].stop, w[i].l, on_worker_stop, &w[i], &err), OK);
	}
	for (int i = 0; i < 2; i++)
		CHECK_RC(thread_start(&t[i], worker_main, &w[i], "loop", &err), OK);
	for (int i = 0; i < N; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);
		char c;

		CHECK(connect(fd, (struct sockaddr *)(void *)at.bytes, at.len) == 0);
		CHECK(read(fd, &c, 1) == 0); /* it was accepted and closed */
		close(fd);
	}
	for (int i = 0; i < 2; i++) {
		wake_send(w[i].stop);
		thread_join(t[i]);
		loop_free(w[i].l); /* with all that hangs on it */
	}
	CHECK_INT(w[0].accepted + w[1].accepted, N);
	CHECK(w[0].accepted > 0 && w[1].accepted > 0);
}

struct caught {
	struct fix *f;
	int signum, calls;
};

static void on_caught(void *ctx, int signum)
{
	struct caught *c = ctx;

	c->signum = signum;
	c->calls++;
	loop_stop(c->f->l);
}

static void signals_arrive_on_the_loop(void **state UNUSED)
{
	struct signal_watch *hup, *term, *left;
	struct err err = { 0 };
	struct fix f;
	struct caught a = { .f = &f }, b = { .f = &f };

	begin(&f);
	CHECK_RC(signal_watch_new(&hup, f.l, SIGHUP, on_caught, &a, &err), OK);
	CHECK_RC(signal_watch_new(&term, f.l, SIGTERM, on_caught, &b, &err), OK);
	CHECK_RC(signal_watch_new(&left, f.l, SIGUSR1, on_caught, &b, &err), OK);
	CHECK_RC(signal_watch_new(&left, f.l, SIGKILL, on_caught, &b, &err), E_SYS);
	kill(getpid(), SIGHUP);
	run(&f);
	CHECK_INT(a.signum, SIGHUP);
	CHECK_INT(b.calls, 0);
	kill(getpid(), SIGTERM);
	run(&f);
	CHECK_INT(b.signum, SIGTERM);
	signal_watch_free(hup);
	signal_watch_free(term);
	end(&f); /* SIGUSR1's goes with the loop */
}

static void random_bytes_differ(void **state UNUSED)
{
	unsigned char big[1000], again[1000];
	struct fix f;

	begin(&f);
	memset(big, 0, sizeof(big));
	loop_random(f.l, big, sizeof(big));
	loop_random(f.l, again, sizeof(again));
	CHECK(memcmp(big, again, sizeof(big)) != 0);
	for (size_t i = 0; i + 16 <= sizeof(big); i += 16) {
		static const unsigned char zero[16];

		CHECK(memcmp(big + i, zero, 16) != 0);
		CHECK(memcmp(big + i, again + i, 16) != 0);
	}
	end(&f);
}

static void a_loop_takes_all_that_hangs_on_it_along(void **state UNUSED)
{
	struct end a, b, listening = { 0 };
	struct address at = loopback(0);
	struct err err = { 0 };
	struct wake *w;
	struct mail m = { 0 };
	struct fix f;
	int before, after;

	before = dup(0);
	close(before);
	begin(&f);
	join(&f, &a, &b);
	sock_want(a.s, SOCK_READ | SOCK_WRITE);
	CHECK_RC(sock_listen(&listening.s, f.l, &at, 16, on_end, &listening, &err), OK);
	CHECK_RC(wake_new(&w, f.l, on_mail, &m, &err), OK);
	wake_send(w);
	end(&f);
	CHECK_INT(a.calls + b.calls + listening.calls + m.calls, 0);
	after = dup(0);
	close(after);
	CHECK_INT(after, before);
	loop_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_are_never_early_and_not_very_late),
		cmocka_unit_test(a_timer_set_earlier_or_moved_later_fires_at_its_own_time),
		cmocka_unit_test(work_put_off_runs_in_the_same_turn_after_the_callbacks),
		cmocka_unit_test(work_put_off_outside_any_turn_is_done_too),
		cmocka_unit_test(bytes_go_both_ways_and_the_end_is_seen),
		cmocka_unit_test(accepted_connections_do_not_wait_to_send_small_pieces),
		cmocka_unit_test(a_refused_connection_says_so),
		cmocka_unit_test(a_port_in_use_by_others_is_told),
		cmocka_unit_test(a_reset_is_seen_and_differs_from_an_end),
		cmocka_unit_test(readiness_is_told_only_while_it_is_wanted),
		cmocka_unit_test(a_peer_that_breaks_while_paused_does_not_spin_the_loop),
		cmocka_unit_test(a_large_echo_arrives_whole_in_partial_writes),
		cmocka_unit_test(a_unix_socket_works_and_a_stale_one_is_replaced),
		cmocka_unit_test(no_descriptors_left_is_told_apart),
		cmocka_unit_test(a_closed_socket_is_not_called_any_more),
		cmocka_unit_test(addresses_are_read_and_printed),
		cmocka_unit_test(this_machine_is_found_by_name),
		cmocka_unit_test(names_that_cannot_be_are_refused),
		cmocka_unit_test(a_cancelled_look_up_never_calls_back),
		cmocka_unit_test(another_thread_wakes_the_loop_and_nothing_is_lost),
		cmocka_unit_test(two_loops_share_a_port),
		cmocka_unit_test(signals_arrive_on_the_loop),
		cmocka_unit_test(random_bytes_differ),
		cmocka_unit_test(a_loop_takes_all_that_hangs_on_it_along),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
