/* Server and client together, as a relay between users and an origin, on a network with
 * faults and with memory that fails.  Whatever happens: a user never takes a cut answer for a
 * whole one, nothing hangs, and nothing is left behind. */
#include "check.h"

#include "base/rng.h"
#include "../../bench/micro/relay.h"
#include "io/sim/sim.h"

#define SECOND    1000000U
#define PATIENCE  (30 * (uint64_t)SECOND)
#define STEPS_MAX 3000000U

enum { USERS = 5, PIECE_MAX = 9000 };

/* The byte at `i` of a text of `size` bytes: both sides know it. */
static char letter(size_t size, size_t i)
{
	return (char)('a' + (size * 7 + i + i / 251) % 26);
}

static bool is_text(struct slice s, size_t size, size_t from)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != letter(size, from + i))
			return false;
	return true;
}

/* ---- the origin -------------------------------------------------------------------------- */

struct world {
	struct sim *sim;
	struct loop *user_loop, *relay_loop, *origin_loop;
	struct http_server *origin;
	struct relay relay;
	bool relay_up;
	struct http_client *client;
	struct origin *to_relay;
	struct user *users;
	unsigned calls; /* of each user */
	size_t size_max;
	unsigned whole, failed, bad_gateway, cancelled;
	bool wrong; /* an answer that looked whole was not */
};

struct job {
	struct world *w;
	struct http_request *r;
	struct timer timer;
	size_t size, at;
	bool waiting; /* for `drained` */
};

/* "/w?SIZE,IN" whole, "/s?SIZE,IN" in pieces, "/l?SIZE,IN" in pieces with a length; IN is the
 * size of the request's body. */
static void read_job(const struct http_request *r, size_t *size)
{
	struct slice out, in;
	uint64_t v = 0, u = 0;

	CHECK(slice_cut(request_query(r), ',', &out, &in));
	CHECK(slice_u64(out, &v) && slice_u64(in, &u));
	/* The relay may only hand on what was whole. */
	CHECK_INT(request_body(r).n, u);
	CHECK(is_text(request_body(r), u, 0));
	*size = v;
}

static void job_over(struct job *j)
{
	timer_done(&j->timer);
}

static void on_job_timer(struct timer *t)
{
	struct job *j = CONTAINER_OF(t, struct job, timer);
	static char piece[PIECE_MAX];
	size_t n = size_min(j->size - j->at, 1 + rng_below(sim_rng(j->w->sim), PIECE_MAX - 1));
	enum rc rc;

	if (j->waiting)
		return;
	for (size_t i = 0; i < n; i++)
		piece[i] = letter(j->size, j->at + i);
	rc = reply_write(j->r, &(struct slice){ piece, n }, 1);
	if (rc == E_CLOSED)
		return; /* `gone` follows */
	j->at += n;
	j->waiting = rc == E_FULL;
	if (j->at == j->size) {
		job_over(j);
		if (rng_chance(sim_rng(j->w->sim), 0.05))
			reply_abort(j->r);
		else
			reply_end(j->r);
		return;
	}
	timer_set(&j->timer, rng_below(sim_rng(j->w->sim), 5000));
}

static size_t origin_body_max(void *ctx UNUSED, const struct http_request *r UNUSED)
{
	return 1 << 20;
}

static void origin_request(void *ctx, struct http_request *r, void **of_request)
{
	struct world *w = ctx;
	struct job *j = ARENA_NEW(request_arena(r), struct job);
	size_t size;

	read_job(r, &size);
	if (j == NULL || request_path(r).p[1] == 'w') {
		char *text = malloc(size + 1);

		for (size_t i = 0; i < size; i++)
			text[i] = letter(size, i);
		reply_send(r, j == NULL ? 500 : 200, NULL, 0, slice_of(text, size));
		free(text);
		return;
	}
	*of_request = j;
	*j = (struct job){ .w = w, .r = r, .size = size };
	timer_init(&j->timer, w->origin_loop, on_job_timer);
	timer_set(&j->timer, 0);
	reply_begin(r, 200, NULL, 0, request_path(r).p[1] == 'l' ? size : SIZE_MAX);
}

static void origin_drained(void *ctx UNUSED, void *of_request)
{
	struct job *j = of_request;

	j->waiting = false;
	timer_set(&j->timer, 0);
}

static void origin_gone(void *ctx UNUSED, void *of_request, enum rc why UNUSED)
{
	job_over(of_request);
}

static const struct http_handler origin_handler = {
	.body_max = origin_body_max,
	.request = origin_request,
	.drained = origin_drained,
	.gone = origin_gone,
};

/* ---- users
 * ----------------------------------------------------------------------------------- */

struct user {
	struct world *w;
	struct http_call *call;
	struct arena arena;
	struct timer timer; /* patience, or the pause between two calls */
	struct timer resume;
	unsigned left;
	size_t size, got, in_size;
	char *in;
	struct slice body;
	char target[64];
	unsigned status;
	size_t quit_at; /* cancels when so much has come */
};

static void user_next(struct user *u);

static void user_over(struct user *u)
{
	u->call = NULL;
	timer_stop(&u->resume);
	arena_free(&u->arena);
	free(u->in);
	u->in = NULL;
	timer_set(&u->timer, 1 + rng_below(sim_rng(u->w->sim), 20000));
}

static void user_head(void *ctx, const struct http_head *head)
{
	((struct user *)ctx)->status = head->status;
}

static void user_body(void *ctx, struct slice bytes)
{
	struct user *u = ctx;

	if (u->status == 200 && !is_text(bytes, u->size, u->got))
		u->w->wrong = true;
	u->got += bytes.n;
	if (u->got >= u->quit_at) {
		u->w->cancelled++;
		http_call_cancel(u->call);
		user_over(u);
	} else if (rng_chance(sim_rng(u->w->sim), 0.05)) {
		http_call_pause(u->call);
		timer_set(&u->resume, rng_below(sim_rng(u->w->sim), SECOND));
	}
}

static void user_end(void *ctx)
{
	struct user *u = ctx;

	if (u->status == 200) {
		u->w->whole++;
		u->w->wrong |= u->got != u->size;
	} else {
		u->w->bad_gateway++;
	}
	user_over(u);
}

static void user_failed(void *ctx, enum rc why, const struct err *err)
{
	struct user *u = ctx;

	CHECK(why != OK && err != NULL);
	u->w->failed++;
	user_over(u);
}

static const struct http_call_events user_events = {
	.head = user_head,
	.body = user_body,
	.end = user_end,
	.failed = user_failed,
};

static void on_user_timer(struct timer *t)
{
	struct user *u = CONTAINER_OF(t, struct user, timer);

	if (u->call != NULL) {
		u->w->cancelled++;
		http_call_cancel(u->call);
		user_over(u);
	} else if (u->left > 0) {
		user_next(u);
	}
}

static void on_resume_timer(struct timer *t)
{
	http_call_resume(CONTAINER_OF(t, struct user, resume)->call);
}

static void user_next(struct user *u)
{
	struct rng *rng = sim_rng(u->w->sim);
	struct http_call_options o = { .method = LIT("POST"), .body = &u->body, .body_n = 1 };

	u->left--;
	u->size = rng_below(rng, 2) ? rng_below(rng, 300) + 1
				    : rng_below(rng, u->w->size_max) + 1;
	u->in_size = rng_below(rng, 2) ? rng_below(rng, 3000) : rng_below(rng, u->w->size_max);
	u->in = malloc(u->in_size + 1);
	for (size_t i = 0; i < u->in_size; i++)
		u->in[i] = letter(u->in_size, i);
	u->body = slice_of(u->in, u->in_size);
	snprintf(u->target, sizeof(u->target), "/%c?%zu,%zu", "wsl"[rng_below(rng, 3)],
		 u -> size, u -> in_size);
	o.target = slice_cstr(u->target);
	u->got = 0;
	u->status = 0;
	u->quit_at = rng_chance(rng, 0.1) ? rng_below(rng, u->size) + 1 : SIZE_MAX;
	arena_init(&u->arena, loop_mem(u->w->user_loop), 512, 65536);
	if (http_call_start(&u->call, u->w->to_relay, &o, &u->arena, &user_events, u, NULL) !=
	    OK)
		user_over(u);
	else
		timer_set(&u->timer, PATIENCE);
}

static bool all_served(void *ctx)
{
	struct world *w = ctx;

	for (size_t i = 0; i < USERS; i++)
		if (w->users[i].left > 0 || w->users[i].call != NULL)
			return false;
	return true;
}

/* ---- a run
 * ------------------------------------------------------------------------------------- */

static void begin(struct world *w, uint64_t seed, const struct sim_faults *f)
{
	const struct http_client_limits client_limits = { .open_per_origin = 3 };
	const struct http_server_limits server_limits = { 0 };
	struct address origin_at = sim_address(3, 80), relay_at = sim_address(2, 80);
	struct origin_options o = { .connect_timeout_us = 5 * SECOND };

	w->sim = sim_new(seed);
	w->user_loop = sim_loop(w->sim, "user");
	w->relay_loop = sim_loop(w->sim, "relay");
	w->origin_loop = sim_loop(w->sim, "origin");
	w->users = calloc(USERS, sizeof(*w->users));
	sim_faults(w->sim, f);
	sim_name(w->sim, LIT("origin.example"), &origin_at, 1);
	CHECK_RC(http_server_new(&w->origin, w->origin_loop, &server_limits, &origin_handler, w,
				 NULL, NULL),
		 OK);
	CHECK_RC(http_server_listen(w->origin, &origin_at, NULL, NULL), OK);
	CHECK_RC(http_client_new(&w->client, w->user_loop, &client_limits, NULL, NULL), OK);
	CHECK_RC(url_read(&o.url, LIT("http://10.0.0.2/"), NULL), OK);
	CHECK_RC(origin_get(&w->to_relay, w->client, &o, NULL), OK);
	w->relay_up = relay_begin(&w->relay, w->relay_loop, &relay_at,
				  LIT("http://origin.example/"), NULL) == OK;
	for (size_t i = 0; i < USERS; i++) {
		struct user *u = &w->users[i];

		u->w = w;
		u->left = w->calls;
		timer_init(&u->timer, w->user_loop, on_user_timer);
		timer_init(&u->resume, w->user_loop, on_resume_timer);
		timer_set(&u->timer, 1);
	}
}

static void gone(struct loop *l)
{
	struct sim_mem_stats m;

	sim_mem_stats(l, &m);
	CHECK_INT(m.live, 0);
	loop_free(l);
}

static void end(struct world *w)
{
	for (size_t i = 0; i < USERS; i++) {
		timer_done(&w->users[i].timer);
		timer_done(&w->users[i].resume);
	}
	origin_put(w->to_relay);
	http_client_free(w->client);
	if (w->relay_up)
		relay_end(&w->relay);
	http_server_free(w->origin);
	CHECK_INT(sim_run(w->sim, NULL, NULL, 3600 * (uint64_t)SECOND, STEPS_MAX), SIM_QUIET);
	CHECK_INT(sim_sockets(w->sim), 0);
	gone(w->user_loop);
	gone(w->relay_loop);
	gone(w->origin_loop);
	sim_free(w->sim);
	free(w->users);
}

static void live(struct world *w, uint64_t seed)
{
	enum sim_stop stop = sim_run(w->sim, all_served, w, 3600 * (uint64_t)SECOND, STEPS_MAX);

	if (stop != SIM_DONE || w->wrong) {
		print_error("seed %llu: %s\n", (unsigned long long)seed, sim_stop_name(stop));
		sim_trace(w->sim, stderr, 60);
	}
	CHECK_INT(stop, SIM_DONE);
	CHECK(!w->wrong);
}

/* ---- tests
 * -------------------------------------------------------------------------------------- */

static void on_a_kind_network_everything_arrives(void **state UNUSED)
{
	for (uint64_t seed = 1; seed <= 3; seed++) {
		struct world w = { .calls = 20, .size_max = 300000 };

		begin(&w, seed, &sim_kind);
		w.relay.whole = seed == 2;
		live(&w, seed);
		CHECK(w.whole > 70 && w.cancelled > 0);
		/* The origin aborts some. */
		CHECK(w.failed + w.bad_gateway < 20);
		CHECK(http_client_stats(w.client)->reused > 30);
		end(&w);
	}
}

static void on_an_evil_network_nothing_wrong_looks_right(void **state UNUSED)
{
	unsigned whole = 0, failed = 0, resent = 0, bad_gateway = 0;

	for (uint64_t seed = 1; seed <= 30; seed++) {
		struct world w = { .calls = 10, .size_max = 150000 };
		struct sim_faults f = sim_kind;

		f.connect_refused = 0.05;
		f.connect_hang = 0.02;
		f.accept_full = 0.05;
		f.accept_lost = 0.05;
		f.reset = 0.1;
		f.end = 0.1;
		f.stall = 0.05;
		f.slow = 0.05;
		f.short_read = f.short_write = 0.2;
		f.dns_fail = f.dns_slow = 0.1;
		f.cut_bytes = 100000;
		f.stall_us = 10 * SECOND;
		f.slow_rate = 20000;
		f.window_min = 1000;
		begin(&w, seed, &f);
		w.relay.whole = seed % 3 == 0;
		live(&w, seed);
		whole += w.whole;
		failed += w.failed;
		bad_gateway += w.bad_gateway;
		resent += (unsigned)http_client_stats(w.client)->resent;
		end(&w);
	}
	/* Else the faults do not reach what they are for. */
	CHECK(whole > 300 && failed > 50 && bad_gateway > 20 && resent > 2);
}

/* Allocation 1, 2, 3 ... of the relay fails, then everything from time to time. */
static void any_allocation_may_fail(void **state UNUSED)
{
	struct sim_mem_stats m;
	uint64_t at = 1;

	do {
		struct world w = { .calls = 3, .size_max = 100000 };
		struct sim_faults f = sim_kind;

		f.window_min = 1000;
		f.window_max = 4000;
		begin(&w, 7, &f);
		CHECK(w.relay_up);
		sim_mem_fail(w.relay_loop, at++, 0);
		live(&w, at);
		sim_mem_stats(w.relay_loop, &m);
		end(&w);
	} while (m.failed > 0 && at < 2000);
	CHECK(at > 50);
	for (uint64_t seed = 1; seed <= 20; seed++) {
		struct world w = { .calls = 10, .size_max = 100000 };

		begin(&w, seed, &sim_kind);
		w.relay.whole = seed % 2 == 0;
		sim_mem_fail(w.relay_loop, 0, 0.02);
		sim_mem_fail(w.origin_loop, 0, 0.01);
		sim_mem_fail(w.user_loop, 0, 0.01);
		live(&w, seed);
		end(&w);
	}
}

static void a_relay_that_cannot_begin_leaves_nothing(void **state UNUSED)
{
	for (uint64_t at = 1; at < 20; at++) {
		struct sim *sim = sim_new(at);
		struct loop *l = sim_loop(sim, "relay");
		struct address here = sim_address(2, 80);
		struct relay r = { .whole = false };

		sim_mem_fail(l, at, 0);
		if (relay_begin(&r, l, &here, LIT("http://h/"), NULL) == OK)
			relay_end(&r);
		CHECK_INT(sim_run(sim, NULL, NULL, SECOND, STEPS_MAX), SIM_QUIET);
		gone(l);
		sim_free(sim);
	}
}

/* A name with several addresses: the first that works is used, and tried first from then on. */
static void addresses_are_tried_in_turn(void **state UNUSED)
{
	for (int hang = 0; hang < 2; hang++) {
		struct world w = { .calls = 1, .size_max = 1000 };
		struct address many[3] = { sim_address(8, 80), sim_address(9, 80),
					   sim_address(3, 80) };
		struct sim_faults dead = sim_kind;
		uint64_t began;

		dead.connect_hang = hang;
		dead.connect_refused = !hang;
		begin(&w, 5, &sim_kind);
		sim_faults_at(w.sim, &many[0], &dead);
		sim_faults_at(w.sim, &many[1], &dead);
		sim_name(w.sim, LIT("origin.example"), many, 3);
		began = sim_now_us(w.sim);
		live(&w, 5);
		CHECK_INT(w.whole + w.cancelled, USERS);
		/* Two thirds of the five seconds, shared by the two that hang. */
		CHECK(!hang || sim_now_us(w.sim) - began > 3 * SECOND);
		CHECK(sim_now_us(w.sim) - began < 5 * SECOND);
		end(&w);
	}
}

static void connecting_takes_no_longer_than_it_may(void **state UNUSED)
{
	struct world w = { .calls = 1, .size_max = 1000 };
	struct address at = sim_address(3, 80);
	struct sim_faults dead = sim_kind;
	uint64_t began;

	dead.connect_hang = 1;
	begin(&w, 5, &sim_kind);
	sim_faults_at(w.sim, &at, &dead);
	began = sim_now_us(w.sim);
	live(&w, 5);
	CHECK_INT(w.bad_gateway, USERS);
	CHECK(sim_now_us(w.sim) - began > 5 * SECOND);
	CHECK(sim_now_us(w.sim) - began < 15 * SECOND); /* three at a time */
	end(&w);
}

/* A call that comes when another one has given up on a dead address has all of its time. */
static void a_call_does_not_inherit_the_dial_of_one_that_gave_up(void **state UNUSED)
{
	struct world w = { .calls = 0, .size_max = 1000 };
	struct address at = sim_address(2, 80);
	struct sim_faults dead = sim_kind;
	struct user *a, *b;
	uint64_t began;

	dead.connect_hang = 1;
	begin(&w, 5, &sim_kind);
	sim_faults_at(w.sim, &at, &dead);
	a = &w.users[0];
	b = &w.users[1];
	user_next(a);
	CHECK_INT(sim_run(w.sim, NULL, NULL, 4 * SECOND, STEPS_MAX), SIM_LATE);
	http_call_cancel(a->call);
	user_over(a);
	user_next(b);
	a->left = b->left = 0;
	began = sim_now_us(w.sim);
	live(&w, 5);
	CHECK_INT(w.failed, 1);
	CHECK(sim_now_us(w.sim) - began > 5 * SECOND);
	CHECK(sim_now_us(w.sim) - began < 5 * SECOND + SECOND / 2);
	end(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(on_a_kind_network_everything_arrives),
		cmocka_unit_test(on_an_evil_network_nothing_wrong_looks_right),
		cmocka_unit_test(any_allocation_may_fail),
		cmocka_unit_test(a_relay_that_cannot_begin_leaves_nothing),
		cmocka_unit_test(addresses_are_tried_in_turn),
		cmocka_unit_test(connecting_takes_no_longer_than_it_may),
		cmocka_unit_test(a_call_does_not_inherit_the_dial_of_one_that_gave_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
