/* Connections with TLS; the filter itself is tested in io_tls.c. */
#include "io_conn_two.h"

static int make_pair(void **state)
{
	struct tls_pair *p = calloc(1, sizeof(*p));
	struct tls_client_options client = { .alpn = LIT("http/1.1") };
	struct tls_server_options server = { .alpn = LIT("http/1.1") };

	cert_make(&p->cert, &(struct cert_spec){ .name = "sim.example",
						 .alt = "DNS:sim.example",
						 .authority = true });
	client.ca_file = server.cert_file = slice_cstr(p->cert.cert_file);
	server.key_file = slice_cstr(p->cert.key_file);
	*state = p;
	return tls_client_new(&p->client, &client, NULL) != OK ||
	       tls_server_new(&p->server, &server, NULL) != OK;
}

static int free_pair(void **state)
{
	struct tls_pair *p = *state;

	tls_client_free(p->client);
	tls_server_free(p->server);
	cert_free(&p->cert);
	free(p);
	return 0;
}

static void join_tls(struct two *t, uint64_t seed, const struct sim_faults *f, void **state)
{
	two_begin_tls(t, seed, f, *state);
	two_settle(t);
	CHECK_INT(t->client.opened, 1);
	CHECK_INT(t->accepted, 1);
	CHECK(conn_is_tls(t->client.conn) && conn_is_tls(t->server.conn));
}

static void tls_carries_any_amount_both_ways(void **state)
{
	struct sim_faults f;
	struct two t;
	char *text = letters(CONN_QUEUE_MAX);

	small_windows(&f);
	for (uint64_t seed = 1; seed < 5; seed++) {
		join_tls(&t, seed, &f, state);
		t.server.echo = true;
		CHECK_RC(peer_say(&t.client, slice_of(text, 200000)), OK);
		two_settle(&t);
		CHECK_INT(t.client.n, 200000);
		CHECK(memcmp(t.client.got, text, 200000) == 0);
		CHECK(t.client.drained >= 1); /* the handshake's bytes may count */
		CHECK_INT(conn_bytes_out(t.client.conn), 200000);
		CHECK_INT(conn_bytes_in(t.client.conn), 200000);
		two_end(&t);
	}
	join_tls(&t, 1, &sim_kind, state);
	CHECK_RC(peer_say(&t.client, slice_of(text, CONN_QUEUE_MAX)), OK);
	CHECK_RC(peer_say(&t.client, slice_of(text, CONN_QUEUE_MAX)), E_TOOBIG);
	two_settle(&t);
	CHECK_INT(t.server.n, CONN_QUEUE_MAX);
	two_end(&t);
	free(text);
}

static void tls_borrows_without_encrypting_far_ahead(void **state)
{
	struct sim_mem_stats before, now;
	struct sim_faults f;
	struct two t;
	size_t n = 2 << 20;
	char *text = letters(n);
	struct slice v[] = { { text, 1000 }, { text + 1000, n - 1000 } };

	small_windows(&f);
	f.window_max = 60000;
	join_tls(&t, 1, &f, state);
	sim_mem_stats(t.client.loop, &before);
	CHECK_RC(conn_write_borrowed(t.client.conn, v, 2), OK);
	CHECK(conn_queued(t.client.conn) > CONN_QUEUE_MAX);
	two_settle(&t);
	sim_mem_stats(t.client.loop, &now);
	CHECK(now.peak - before.live < 100000);
	CHECK_INT(t.client.drained, 1);
	CHECK_INT(t.server.n, n);
	CHECK(memcmp(t.server.got, text, n) == 0);
	two_end(&t);
	free(text);
}

/* There was room again, but nobody had been told when more was written. */
static bool there_is_room(void *ctx)
{
	struct two *t = ctx;

	if (conn_queued(t->client.conn) == 0 || t->server.n == 0)
		return false;
	CHECK_RC(peer_say(&t->client, LIT("!")), OK);
	return conn_queued(t->client.conn) == 0;
}

static void tls_tells_that_the_queue_is_empty_however_it_became_so(void **state)
{
	struct sim_faults f = sim_kind;
	struct two t;
	char *text = letters(60000);
	unsigned emptied = 0;

	f.window_min = f.window_max = 50000;
	for (unsigned seed = 1; seed <= 20; seed++) {
		join_tls(&t, seed, &f, state);
		conn_pause(t.server.conn);
		CHECK_RC(peer_say(&t.client, slice_of(text, 60000)), OK);
		CHECK(conn_queued(t.client.conn) > 0);
		two_settle(&t);
		CHECK_INT(t.client.drained, 0);
		conn_resume(t.server.conn);
		emptied += sim_run(t.sim, there_is_room, &t, SECOND, STEPS_MAX) == SIM_DONE;
		two_settle(&t);
		CHECK(t.client.drained > 0);
		two_end(&t);
	}
	CHECK(emptied > 0);
	free(text);
}

static void tls_pauses_although_bytes_are_decrypted_already(void **state)
{
	struct sim_faults f = sim_kind;
	struct two t;
	char *text = letters(200000);

	f.window_min = f.window_max = 1 << 20;
	for (size_t n = 60000; n <= 200000; n += 3500) {
		join_tls(&t, n, &f, state);
		t.server.pause_after_piece = true;
		CHECK_RC(peer_say(&t.client, slice_of(text, n)), OK);
		for (unsigned i = 1; t.server.n < n; i++) {
			two_settle(&t);
			CHECK_INT(t.server.pieces, i);
			t.server.in_call = true;
			conn_resume(t.server.conn);
			t.server.in_call = false;
		}
		CHECK(memcmp(t.server.got, text, n) == 0);
		two_end(&t);
	}
	free(text);
}

static void tls_that_ends_without_saying_so_was_cut(void **state)
{
	struct two t;

	for (uint64_t seed = 1; seed < 10; seed++) {
		join_tls(&t, seed, &sim_kind, state);
		CHECK_RC(peer_say(&t.client, LIT("all of it")), OK);
		peer_close(&t.client, CONN_FLUSH);
		two_settle(&t);
		CHECK_SLICE(slice_of(t.server.got, t.server.n), "all of it");
		CHECK_RC(t.server.why, E_CLOSED);
		two_end(&t);

		join_tls(&t, seed, &sim_kind, state);
		CHECK_RC(peer_say(&t.client, LIT("a part of it")), OK);
		two_settle(&t);
		peer_close(&t.client, CONN_NOW);
		two_settle(&t);
		CHECK_SLICE(slice_of(t.server.got, t.server.n), "a part of it");
		CHECK_RC(t.server.why, E_RESET);
		CHECK_STR(t.server.id, "tls.truncated");
		two_end(&t);
	}
}

static void a_certificate_for_another_name_is_refused(void **state)
{
	const struct tls_pair *tls = *state;
	struct two t;
	struct conn *c;

	two_begin_tls(&t, 1, &sim_kind, tls);
	conn_close(t.client.conn, CONN_NOW);
	CHECK_RC(conn_connect(&c, t.client.loop, &t.at, tls->client, LIT("other.example"),
			      &peer_events, &t.client, NULL),
		 OK);
	t.client.conn = c;
	two_settle(&t);
	CHECK_INT(t.client.opened, 0);
	CHECK_INT(t.client.ended, 1);
	CHECK_RC(t.client.why, E_TLS);
	CHECK_STR(t.client.id, "tls.verify");
	CHECK_INT(t.accepted, 0);
	two_end(&t);
}

static void a_handshake_that_takes_too_long_is_dropped(void **state)
{
	const struct tls_pair *tls = *state;
	struct two t;
	struct conn *c;

	two_begin_tls(&t, 1, &sim_kind, tls);
	conn_close(t.client.conn, CONN_NOW);
	/* plain, and silent */
	CHECK_RC(conn_connect(&c, t.client.loop, &t.at, NULL, LIT(""), &peer_events, &t.client,
			      NULL),
		 OK);
	t.client.conn = c;
	two_after(&t, 9 * SECOND);
	CHECK_INT(t.client.ended, 0);
	two_after(&t, 2 * SECOND);
	CHECK_INT(t.client.ended, 1);
	CHECK_INT(t.accepted, 0);
	two_end(&t);
}

static void a_plain_stream_can_become_tls(void **state)
{
	const struct tls_pair *tls = *state;
	struct two t;

	/* The listener speaks TLS at once, so the client begins plain and then starts it. */
	two_begin_tls(&t, 1, &sim_kind, &(struct tls_pair){ .server = tls->server });
	two_after(&t, SECOND);
	CHECK_INT(t.client.opened, 1);
	CHECK(!conn_is_tls(t.client.conn));
	t.client.in_call = true;
	CHECK_RC(conn_start_tls(t.client.conn, tls->client, LIT("sim.example"), NULL), OK);
	t.client.in_call = false;
	two_settle(&t);
	CHECK_INT(t.client.opened, 2);
	CHECK_INT(t.accepted, 1);
	CHECK_RC(peer_say(&t.client, LIT("hidden")), OK);
	two_settle(&t);
	CHECK_SLICE(slice_of(t.server.got, t.server.n), "hidden");
	two_end(&t);
}

static void any_allocation_may_fail_with_tls(void **state)
{
	two_sweep_memory(*state);
}

static void fifty_bad_days_with_tls(void **state)
{
	for (uint64_t seed = 1; seed <= 50; seed++)
		two_chatter(seed, *state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tls_carries_any_amount_both_ways),
		cmocka_unit_test(tls_borrows_without_encrypting_far_ahead),
		cmocka_unit_test(tls_tells_that_the_queue_is_empty_however_it_became_so),
		cmocka_unit_test(tls_pauses_although_bytes_are_decrypted_already),
		cmocka_unit_test(tls_that_ends_without_saying_so_was_cut),
		cmocka_unit_test(a_certificate_for_another_name_is_refused),
		cmocka_unit_test(a_handshake_that_takes_too_long_is_dropped),
		cmocka_unit_test(a_plain_stream_can_become_tls),
		cmocka_unit_test(any_allocation_may_fail_with_tls),
		cmocka_unit_test(fifty_bad_days_with_tls),
	};

	return cmocka_run_group_tests(tests, make_pair, free_pair);
}
