#include "io_conn_two.h"

/* ---- reading and writing ----------------------------------------------------- */

static void what_is_said_comes_back(void **state UNUSED)
{
	struct sim_faults f;
	struct two t;
	char *text = letters(100000);

	small_windows(&f);
	for (uint64_t seed = 1; seed < 20; seed++) {
		two_join(&t, seed, &f);
		t.server.echo = true;
		CHECK_RC(peer_say(&t.client, slice_of(text, 100000)), OK);
		CHECK(conn_queued(t.client.conn) > 90000);
		two_settle(&t);
		CHECK_INT(conn_queued(t.client.conn), 0);
		CHECK_INT(t.client.drained, 1);
		CHECK_INT(t.client.n, 100000);
		CHECK(memcmp(t.client.got, text, 100000) == 0);
		CHECK_INT(conn_bytes_out(t.client.conn), 100000);
		CHECK_INT(conn_bytes_in(t.client.conn), 100000);
		CHECK_INT(conn_bytes_out(t.server.conn), 100000);
		two_end(&t);
	}
	free(text);
}

static void an_idle_connection_holds_nothing_but_itself(void **state UNUSED)
{
	struct sim_mem_stats before, now;
	struct sim_faults f;
	struct two t;
	char *text = letters(100000);

	small_windows(&f);
	two_join(&t, 1, &f);
	sim_mem_stats(t.client.loop, &before);
	CHECK_RC(peer_say(&t.client, slice_of(text, 100000)), OK);
	sim_mem_stats(t.client.loop, &now);
	CHECK(now.live > before.live);
	two_settle(&t);
	sim_mem_stats(t.client.loop, &now);
	CHECK_INT(now.live, before.live);
	two_end(&t);
	free(text);
}

static void pieces_leave_in_their_order(void **state UNUSED)
{
	const struct slice v[] = { LIT("one "), LIT(""), LIT("two "), LIT("three") };
	struct two t;

	two_join(&t, 1, &sim_kind);
	CHECK_RC(conn_write(t.client.conn, v, ARRAY_LEN(v)), OK);
	CHECK_RC(conn_write(t.client.conn, v, 0), OK);
	CHECK_RC(peer_say(&t.client, LIT("!")), OK);
	two_settle(&t);
	CHECK_SLICE(slice_of(t.server.got, t.server.n), "one two three!");
	CHECK_INT(t.client.drained, 0); /* nothing ever stood in line */
	two_end(&t);
}

static void the_queue_has_a_maximum_and_refuses_whole(void **state UNUSED)
{
	struct sim_faults f;
	struct two t;
	char *text = letters(CONN_QUEUE_MAX);
	size_t taken = 0;
	enum rc rc = OK;

	small_windows(&f);
	two_join(&t, 1, &f);
	conn_pause(t.server.conn);
	while (rc == OK) {
		CHECK(conn_queued(t.client.conn) <= CONN_QUEUE_MAX);
		rc = peer_say(&t.client, slice_of(text, 70000));
		taken += rc == OK ? 70000 : 0;
		CHECK(taken < 2 * CONN_QUEUE_MAX);
	}
	CHECK_RC(rc, E_TOOBIG);
	two_settle(&t);
	CHECK_INT(t.server.n, 0);
	conn_resume(t.server.conn);
	two_settle(&t);
	CHECK_INT(t.server.n, taken);
	two_end(&t);
	free(text);
}

static void words_before_the_connection_stands_wait_for_it(void **state UNUSED)
{
	struct two t;

	two_begin(&t, 1, &sim_kind);
	CHECK_RC(peer_say(&t.client, LIT("early")), OK);
	CHECK_INT(conn_queued(t.client.conn), 5);
	two_settle(&t);
	CHECK_SLICE(slice_of(t.server.got, t.server.n), "early");
	two_end(&t);
}

static void borrowed_bytes_are_not_copied(void **state UNUSED)
{
	struct sim_mem_stats before, now;
	struct sim_faults f;
	struct two t;
	size_t n = 3 << 20;
	char *text = letters(n);

	small_windows(&f);
	f.window_max = 60000;
	for (uint64_t seed = 1; seed < 4; seed++) {
		struct slice v[] = { { text, 10 },
				     { text, 0 },
				     { text + 10, 100000 },
				     { text + 100010, n - 100010 } };

		two_join(&t, seed, &f);
		CHECK_RC(peer_say(&t.client, LIT("head ")), OK);
		sim_mem_stats(t.client.loop, &before);
		t.client.in_call = true;
		CHECK_RC(conn_write_borrowed(t.client.conn, v, ARRAY_LEN(v)), OK);
		t.client.in_call = false;
		CHECK(conn_queued(t.client.conn) > CONN_QUEUE_MAX);
		sim_mem_stats(t.client.loop, &now);
		CHECK(now.live - before.live < 1000);
		two_settle(&t);
		CHECK_INT(conn_queued(t.client.conn), 0);
		CHECK_INT(t.client.drained, 1);
		CHECK_INT(t.server.n, n + 5);
		CHECK(memcmp(t.server.got + 5, text, n) == 0);
		two_end(&t);
	}
	free(text);
}

static void borrowed_bytes_that_are_given_back_cut_the_stream(void **state UNUSED)
{
	struct sim_faults f;
	struct two t;
	char *text = letters(100000);
	struct slice v = { text, 100000 };

	small_windows(&f);
	two_join(&t, 1, &f);
	CHECK_RC(conn_write_borrowed(t.client.conn, &v, 1), OK);
	peer_close(&t.client, CONN_FLUSH);
	free(text); /* a read of it would be seen */
	two_settle(&t);
	CHECK_RC(t.server.why, E_RESET);
	CHECK(t.server.n < 100000);
	two_end(&t);
}

static void a_body_is_read_right_where_it_belongs(void **state UNUSED)
{
	struct two t;
	char *text = letters(10000);
	char body[6000];

	two_join(&t, 1, &sim_kind);
	conn_read_into(t.server.conn, body, sizeof(body));
	CHECK_RC(peer_say(&t.client, slice_of(text, 10000)), OK);
	two_settle(&t);
	CHECK_INT(t.server.n, 10000);
	CHECK(memcmp(t.server.got, text, 10000) == 0);
	CHECK(memcmp(body, text, sizeof(body)) == 0);
	CHECK(t.server.pieces >= 2);
	/* and with 0 it ends early */
	memset(body, 0, sizeof(body));
	conn_read_into(t.server.conn, body, sizeof(body));
	conn_read_into(t.server.conn, NULL, 0);
	CHECK_RC(peer_say(&t.client, LIT("x")), OK);
	two_settle(&t);
	CHECK_INT(t.server.n, 10001);
	CHECK_INT(body[0], 0);
	two_end(&t);
	free(text);
}

static void a_paused_reader_hears_nothing_until_it_resumes(void **state UNUSED)
{
	struct two t;

	two_join(&t, 1, &sim_kind);
	conn_pause(t.server.conn);
	CHECK_RC(peer_say(&t.client, LIT("hello")), OK);
	peer_close(&t.client, CONN_FLUSH);
	two_settle(&t);
	CHECK_INT(t.server.n, 0);
	CHECK_INT(t.server.ended, 0);
	t.server.in_call = true;
	conn_resume(t.server.conn);
	t.server.in_call = false;
	two_settle(&t);
	CHECK_SLICE(slice_of(t.server.got, t.server.n), "hello");
	CHECK_INT(t.server.ended, 1);
	CHECK_RC(t.server.why, E_CLOSED);
	two_end(&t);
}

static void pausing_takes_effect_within_one_readiness(void **state UNUSED)
{
	struct sim_faults f = sim_kind;
	struct two t;
	char *text = letters(1 << 20);

	f.window_min = f.window_max = 1 << 20;
	two_join(&t, 1, &f);
	t.server.pause_after_piece = true;
	CHECK_RC(peer_say(&t.client, slice_of(text, 1 << 20)), OK);
	two_settle(&t);
	CHECK_INT(t.server.pieces, 1);
	CHECK(t.server.n <= CONN_READ_BYTES);
	two_end(&t);
	free(text);
}

/* X8: the small one's word does not wait for the whole of the big one. */
struct neighbour {
	struct two *t;
	size_t big_at_small; /* how much of the big one had come */
	struct conn *conn;
	size_t *big;
};

static void small_data(void *ctx, struct slice bytes UNUSED)
{
	struct neighbour *k = ctx;

	k->big_at_small = *k->big;
}

static void small_ended(void *ctx UNUSED, enum rc why UNUSED, const struct err *err UNUSED)
{
}

static const struct conn_events small_events = { .data = small_data, .ended = small_ended };

static void take_small(void *ctx, struct conn *c)
{
	struct neighbour *k = ctx;

	k->conn = c;
	conn_listen(c, &small_events, k);
}

static void a_busy_connection_does_not_starve_the_others(void **state UNUSED)
{
	struct sim_faults f = sim_kind;
	struct address at = sim_address(1, 81);
	struct listener *l;
	struct conn *c;
	struct two t;
	char *text = letters(2 << 20);
	struct slice v = { text, 2 << 20 };

	f.window_min = f.window_max = 4 << 20;
	f.latency_min_us = f.latency_max_us = 100;
	for (uint64_t seed = 1; seed < 10; seed++) {
		struct neighbour k = { .t = &t, .big_at_small = SIZE_MAX };

		two_join(&t, seed, &f);
		k.big = &t.server.n;
		CHECK_RC(listener_open(&l, t.server.loop, &at, NULL, take_small, &k, NULL), OK);
		CHECK_RC(conn_connect(&c, t.client.loop, &at, NULL, LIT(""), &small_events, &k,
				      NULL),
			 OK);
		two_settle(&t);
		CHECK_RC(conn_write_borrowed(t.client.conn, &v, 1), OK);
		CHECK_RC(conn_write(c, &(struct slice)LITC("x"), 1), OK);
		two_settle(&t);
		CHECK_INT(t.server.n, 2 << 20);
		CHECK(k.big_at_small <= 512 << 10);
		conn_close(c, CONN_NOW);
		conn_close(k.conn, CONN_NOW);
		listener_close(l);
		two_end(&t);
	}
	free(text);
}

/* ---- how it ends ------------------------------------------------------------- */

static void a_refused_connection_says_so(void **state UNUSED)
{
	struct sim_faults f = sim_kind;
	struct two t;

	f.connect_refused = 1;
	two_begin(&t, 1, &f);
	two_settle(&t);
	CHECK_INT(t.client.opened, 0);
	CHECK_INT(t.client.ended, 1);
	CHECK_RC(t.client.why, E_CONNECT);
	CHECK_RC(peer_say(&t.client, LIT("x")), E_CLOSED);
	two_end(&t);
}

static void flush_sends_what_is_queued_and_then_ends(void **state UNUSED)
{
	struct sim_faults f;
	struct two t;
	char *text = letters(100000);

	small_windows(&f);
	two_join(&t, 1, &f);
	CHECK_RC(peer_say(&t.client, slice_of(text, 100000)), OK);
	peer_close(&t.client, CONN_FLUSH);
	two_settle(&t);
	CHECK_INT(t.server.n, 100000);
	CHECK_RC(t.server.why, E_CLOSED);
	two_end(&t);
	free(text);
}

static void flush_waits_ten_seconds_and_then_cuts(void **state UNUSED)
{
	struct sim_faults f;
	struct two t;
	char *text = letters(100000);

	small_windows(&f);
	two_join(&t, 1, &f);
	conn_pause(t.server.conn);
	CHECK_RC(peer_say(&t.client, slice_of(text, 100000)), OK);
	peer_close(&t.client, CONN_FLUSH);
	two_after(&t, 9 * SECOND);
	CHECK_INT(sim_sockets(t.sim), 3);
	two_after(&t, 2 * SECOND);
	CHECK_INT(sim_sockets(t.sim), 2);
	conn_resume(t.server.conn);
	two_settle(&t);
	CHECK_RC(t.server.why, E_RESET);
	CHECK(t.server.n < 100000);
	two_end(&t);
	free(text);
}

static void now_drops_what_is_queued(void **state UNUSED)
{
	struct sim_faults f;
	struct two t;
	char *text = letters(100000);

	small_windows(&f);
	two_join(&t, 1, &f);
	CHECK_RC(peer_say(&t.client, slice_of(text, 100000)), OK);
	peer_close(&t.client, CONN_NOW);
	CHECK_INT(sim_sockets(t.sim), 2);
	two_settle(&t);
	CHECK(t.server.n < 10000);
	CHECK_INT(t.server.ended, 1);
	two_end(&t);
	free(text);
}

static void abort_is_seen_as_a_reset(void **state UNUSED)
{
	struct two t;

	for (uint64_t seed = 1; seed < 20; seed++) {
		two_join(&t, seed, &sim_kind);
		CHECK_RC(peer_say(&t.client, LIT("half an answ")), OK);
		two_settle(&t);
		peer_close(&t.client, CONN_ABORT);
		two_settle(&t);
		CHECK_RC(t.server.why, E_RESET);
		two_end(&t);
	}
}

/* A peer that is still sending reads our last words when we linger, and may lose them when we
 * do not. */
static unsigned last_words_read(enum conn_close how)
{
	struct sim_faults f = sim_kind;
	struct two t;
	char *text = letters(100000);
	unsigned read = 0;

	f.window_min = f.window_max = 20000;
	for (uint64_t seed = 1; seed < 40; seed++) {
		two_join(&t, seed, &f);
		t.server.pause_after_piece = true;
		CHECK_RC(peer_say(&t.client, slice_of(text, 100000)), OK);
		two_after(&t, SECOND);
		CHECK(t.server.n > 0 && t.server.n < 100000);
		CHECK_RC(peer_say(&t.server, LIT("413")), OK);
		peer_close(&t.server, how);
		two_settle(&t);
		CHECK_INT(t.client.ended, 1);
		read += t.client.n == 3;
		two_end(&t);
	}
	free(text);
	return read;
}

static void lingering_lets_the_peer_read_our_last_words(void **state UNUSED)
{
	CHECK_INT(last_words_read(CONN_LINGER), 39);
	CHECK(last_words_read(CONN_FLUSH) < 39);
}

static void lingering_ends_after_two_seconds_or_enough_bytes(void **state UNUSED)
{
	struct two t;
	char *text = letters(CONN_QUEUE_MAX);

	two_join(&t, 1, &sim_kind);
	peer_close(&t.server, CONN_LINGER);
	two_after(&t, SECOND);
	CHECK_INT(sim_sockets(t.sim), 3);
	two_after(&t, 2 * SECOND);
	CHECK_INT(sim_sockets(t.sim), 2);
	two_end(&t);

	two_join(&t, 1, &sim_kind);
	conn_pause(t.client.conn); /* it does not even see the end */
	CHECK_RC(peer_say(&t.client, slice_of(text, CONN_QUEUE_MAX)), OK);
	peer_close(&t.server, CONN_LINGER);
	two_after(&t, SECOND);
	CHECK_INT(sim_sockets(t.sim), 2);
	two_end(&t);
	free(text);
}

static void a_write_that_fails_is_told_later_in_the_turn(void **state UNUSED)
{
	struct sim_faults f = sim_kind;
	struct two t;
	enum rc rc;

	f.short_read = 0;
	two_join(&t, 1, &f);
	conn_pause(t.client.conn);
	peer_close(&t.server, CONN_ABORT);
	two_settle(&t);
	CHECK_INT(t.client.ended, 0); /* paused, and nothing was written */
	rc = peer_say(&t.client, LIT("x"));
	CHECK_RC(rc, E_CLOSED);
	CHECK_INT(t.client.ended, 0);
	two_settle(&t);
	CHECK_INT(t.client.ended, 1);
	CHECK_RC(t.client.why, E_RESET);
	CHECK_STR(t.client.id, "conn.write");
	two_end(&t);
}

static void an_early_answer_is_read_although_writing_fails(void **state UNUSED)
{
	struct two t;
	unsigned read = 0;

	for (uint64_t seed = 1; seed < 40; seed++) {
		two_join(&t, seed, &sim_kind);
		conn_pause(t.client.conn);
		CHECK_RC(peer_say(&t.server, LIT("413 no")), OK);
		two_settle(&t);
		peer_close(&t.server, CONN_ABORT);
		two_settle(&t);
		t.client.in_call = true;
		conn_resume(t.client.conn);
		t.client.in_call = false;
		(void)peer_say(&t.client, LIT("body"));
		two_settle(&t);
		CHECK_RC(t.client.why, E_RESET);
		CHECK(t.client.n == 6 || t.client.n == 0);
		read += t.client.n == 6;
		two_end(&t);
	}
	CHECK(read > 5); /* unless the system drops it */
}

static void closing_inside_data_ends_the_calls(void **state UNUSED)
{
	static const enum conn_close hows[] = { CONN_NOW, CONN_FLUSH, CONN_LINGER, CONN_ABORT };
	struct two t;
	char *text = letters(200000);

	for (size_t i = 0; i < ARRAY_LEN(hows); i++) {
		two_join(&t, i + 1, &sim_kind);
		t.server.close_in_data = true;
		t.server.echo = true;
		t.server.close_how = hows[i];
		CHECK_RC(peer_say(&t.client, slice_of(text, 200000)), OK);
		two_settle(&t);
		CHECK_INT(t.server.pieces, 1);
		CHECK_INT(t.server.ended, 0);
		CHECK_INT(t.client.ended, 1);
		two_end(&t);
	}
	free(text);
}

static void a_loop_that_goes_takes_its_closing_connections_along(void **state UNUSED)
{
	struct two t;
	char *text = letters(100000);
	struct sim_faults f;

	small_windows(&f);
	two_join(&t, 1, &f);
	CHECK_RC(peer_say(&t.client, slice_of(text, 100000)), OK);
	peer_close(&t.client, CONN_FLUSH);
	CHECK_RC(peer_say(&t.server, LIT("x")), OK);
	peer_close(&t.server, CONN_LINGER);
	listener_close(t.listener);
	loop_free(t.client.loop); /* what is not freed is reported as a leak */
	loop_free(t.server.loop);
	CHECK_INT(sim_sockets(t.sim), 0);
	sim_free(t.sim);
	free(t.client.got);
	free(t.server.got);
	free(text);
}

/* ---- listening --------------------------------------------------------------- */

static void without_descriptors_accepting_pauses_and_goes_on(void **state UNUSED)
{
	struct sim_faults f = sim_kind;
	struct two t;
	uint64_t turns;

	f.accept_full = 1;
	two_begin(&t, 1, &f);
	two_after(&t, SECOND);
	turns = sim_turns(t.sim);
	two_after(&t, SECOND);
	CHECK(sim_turns(t.sim) - turns < 30); /* it does not spin */
	CHECK_INT(t.accepted, 0);
	two_end(&t);

	f.accept_full = 0.9;
	two_begin(&t, 1, &f);
	two_settle(&t);
	CHECK_INT(t.accepted, 1);
	two_end(&t);
}

static void a_lost_connection_does_not_stop_the_listener(void **state UNUSED)
{
	struct sim_faults f = sim_kind;
	struct two t;
	struct conn *c;

	f.accept_lost = 1;
	two_begin(&t, 1, &f);
	two_settle(&t);
	CHECK_INT(t.accepted, 0);
	CHECK_INT(t.client.ended, 1);
	sim_faults(t.sim, &sim_kind);
	CHECK_RC(conn_connect(&c, t.client.loop, &t.at, NULL, LIT(""), &small_events,
			      &(struct neighbour){ 0 }, NULL),
		 OK);
	two_settle(&t);
	CHECK_INT(t.accepted, 1);
	conn_close(c, CONN_NOW);
	two_end(&t);
}

/* ---- memory and faults ------------------------------------------------------- */

static void any_allocation_may_fail(void **state UNUSED)
{
	two_sweep_memory(NULL);
}

static void two_hundred_bad_days_on_the_network(void **state UNUSED)
{
	for (uint64_t seed = 1; seed <= 200; seed++)
		two_chatter(seed, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_said_comes_back),
		cmocka_unit_test(an_idle_connection_holds_nothing_but_itself),
		cmocka_unit_test(pieces_leave_in_their_order),
		cmocka_unit_test(the_queue_has_a_maximum_and_refuses_whole),
		cmocka_unit_test(words_before_the_connection_stands_wait_for_it),
		cmocka_unit_test(borrowed_bytes_are_not_copied),
		cmocka_unit_test(borrowed_bytes_that_are_given_back_cut_the_stream),
		cmocka_unit_test(a_body_is_read_right_where_it_belongs),
		cmocka_unit_test(a_paused_reader_hears_nothing_until_it_resumes),
		cmocka_unit_test(pausing_takes_effect_within_one_readiness),
		cmocka_unit_test(a_busy_connection_does_not_starve_the_others),
		cmocka_unit_test(a_refused_connection_says_so),
		cmocka_unit_test(flush_sends_what_is_queued_and_then_ends),
		cmocka_unit_test(flush_waits_ten_seconds_and_then_cuts),
		cmocka_unit_test(now_drops_what_is_queued),
		cmocka_unit_test(abort_is_seen_as_a_reset),
		cmocka_unit_test(lingering_lets_the_peer_read_our_last_words),
		cmocka_unit_test(lingering_ends_after_two_seconds_or_enough_bytes),
		cmocka_unit_test(a_write_that_fails_is_told_later_in_the_turn),
		cmocka_unit_test(an_early_answer_is_read_although_writing_fails),
		cmocka_unit_test(closing_inside_data_ends_the_calls),
		cmocka_unit_test(a_loop_that_goes_takes_its_closing_connections_along),
		cmocka_unit_test(without_descriptors_accepting_pauses_and_goes_on),
		cmocka_unit_test(a_lost_connection_does_not_stop_the_listener),
		cmocka_unit_test(any_allocation_may_fail),
		cmocka_unit_test(two_hundred_bad_days_on_the_network),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
