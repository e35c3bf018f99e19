/* The exchange, between a client and a provider that are both played by hand. */
#include "gateway_stage.h"

/* ---- the end of a stream ----------------------------------------------------------------- */

static void comments_after_the_last_event_do_not_hold_the_answer_open(void **state UNUSED)
{
	struct stage s;
	struct peer *p;
	unsigned seconds = 0;

	stage_begin(&s);
	ask(&s, true);
	p = provider(&s, 0);
	begin_stream(p);
	event(p, content);
	event(p, finish);
	event(p, "[DONE]");
	peer_await(&s.client, "[DONE]");
	while (strstr(s.client.got, "\r\n0\r\n\r\n") == NULL && seconds++ < 4)
		for (unsigned i = 0; i < 4; i++) {
			if (!p->ended)
				say(p, "8\r\n: ping\n\n\r\n");
			pass(&s.w, SECOND_US / 4);
		}
	CHECK_GOT(&s.client, "\r\n0\r\n\r\n");
	check_logged(&s, "end=complete");
	stage_end(&s);
}

static void a_cut_stream_has_its_usage(void **state UNUSED)
{
	struct stage s;
	struct peer *p;

	stage_begin(&s);
	ask(&s, true);
	p = provider(&s, 0);
	begin_stream(p);
	event(p, content);
	peer_await(&s.client, "hello");
	peer_close(p, CONN_ABORT);
	peer_await(&s.client, "broke off");
	check_logged(&s, "end=truncated");
	check_logged(&s, "usage=estimated");
	check_logged(&s, "output=2");
	stage_end(&s);
}

static void usage_of_a_failed_attempt_is_not_the_next_ones(void **state UNUSED)
{
	struct stage s;
	struct peer *p;

	stage_begin(&s);
	s.snapshot->retries.attempts = 2;
	s.snapshot->breaker.failures = 0;
	ask(&s, true);
	p = provider(&s, 0);
	begin_stream(p);
	event(p, "{\"choices\":[],\"usage\":{\"prompt_tokens\":77,\"completion_tokens\":88}}");
	event(p, "{\"error\":{\"message\":\"no\",\"type\":\"server_error\"}}");
	p = provider(&s, 1);
	begin_stream(p);
	event(p, content);
	event(p, finish);
	event(p, "[DONE]");
	say(p, "0\r\n\r\n");
	peer_await(&s.client, "\r\n0\r\n\r\n");
	check_logged(&s, "tries=2");
	check_logged(&s, "usage=estimated");
	stage_end(&s);
}

/* ---- errors of providers ----------------------------------------------------------------- */

static void a_refusal_that_is_not_json_is_told_in_our_words(void **state UNUSED)
{
	struct stage s;

	stage_begin(&s);
	ask(&s, false);
	answer(provider(&s, 0), "400 Bad", "", "<html>no</html>");
	peer_await(&s.client, "\"code\":\"upstream_refused\"");
	CHECK_GOT(&s.client, "HTTP/1.1 400 ");
	CHECK_GOT(&s.client, "p/x refused the request");
	CHECK_NOT_GOT(&s.client, "html");
	/* What is JSON goes through as it is. */
	ask(&s, false);
	answer(provider(&s, 0), "422 Bad", "", "{\"detail\":\"no\"}");
	peer_await(&s.client, "{\"detail\":\"no\"}");
	CHECK_GOT(&s.client, "HTTP/1.1 422 ");
	stage_end(&s);
}

static void an_error_that_never_ends_is_not_waited_for(void **state UNUSED)
{
	static char piece[8192];
	struct stage s;
	struct peer *p;
	uint64_t began;

	stage_begin(&s);
	memset(piece, 'x', sizeof(piece) - 1);
	ask(&s, false);
	p = provider(&s, 0);
	began = loop_now_us(s.w.l);
	say(p, "HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\nffffffff\r\n");
	for (unsigned i = 0; i < 20 && !p->ended; i++) {
		say(p, piece);
		tick(&s.w);
	}
	peer_await(&s.client, "\"code\":\"upstream_error\"");
	CHECK_GOT(&s.client, "HTTP/1.1 502 ");
	CHECK(loop_now_us(s.w.l) - began < 2 * SECOND_US);
	stage_end(&s);
}

/* ---- the health of providers ---------------------------------------------------------------
 */

/* A failure opens the breaker; then the time passes until one probe may go. */
static void open_breaker(struct stage *s)
{
	ask(s, false);
	answer(provider(s, 0), "500 No", "", "{}");
	peer_await(&s->client, "HTTP/1.1 502 ");
	ask(s, false);
	peer_await(&s->client, "no_provider_available");
	pass(&s->w, SECOND_US);
}

static void a_probe_that_meets_a_rate_limit_is_given_back(void **state UNUSED)
{
	struct stage s;

	stage_begin(&s);
	open_breaker(&s);
	ask(&s, false);
	answer(provider(&s, 0), "429 Slow", "Retry-After: 2\r\n", "{}");
	peer_await(&s.client, "HTTP/1.1 429 ");
	pass(&s.w, 2 * SECOND_US);
	ask(&s, false);
	answer(provider(&s, 0), "200 OK", "",
	       "{\"choices\":[{\"message\":{\"content\":\"x\"}}]}");
	peer_await(&s.client, "HTTP/1.1 200 ");
	stage_end(&s);
}

static void a_slow_client_speaks_against_no_provider(void **state UNUSED)
{
	struct stage s;
	struct peer *p;

	stage_begin(&s);
	s.snapshot->timeouts.total_us = 3 * SECOND_US;
	s.snapshot->breaker.open_us = 10 * SECOND_US;
	ask(&s, true);
	p = provider(&s, 0);
	begin_stream(p);
	event(p, content);
	peer_await(&s.client, "hello");
	conn_pause(s.client.c);
	flood(&s, p, 5 * SECOND_US);
	conn_resume(s.client.c);
	check_logged(&s, "end=upstream_error"); /* the time for the whole request was over */
	peer_close(&s.client, CONN_NOW);
	peer_connect(&s.client, &s.w, &s.at);
	ask(&s, true);
	(void)provider(&s, 1);
	stage_end(&s);
}

/* ---- other endpoints -----------------------------------------------------------------------
 */

static void a_model_is_found_however_its_slash_is_written(void **state UNUSED)
{
	static const char *const found[] = { "p/listed", "p%2Flisted", "p%2fl%69sted" };
	static const char *const not_found[] = { "p%252Flisted", "p%2", "%", "p%zzlisted" };
	struct stage s;

	stage_begin(&s);
	for (size_t i = 0; i < ARRAY_LEN(found) + ARRAY_LEN(not_found); i++) {
		size_t k = i - ARRAY_LEN(found);
		bool good = i < ARRAY_LEN(found);
		char text[200];

		peer_forget(&s.client);
		snprintf(text, sizeof(text), "GET /v1/models/%s HTTP/1.1\r\nHost: g\r\n\r\n",
			 good ? found[i] : not_found[k]);
		say(&s.client, text);
		peer_await(&s.client, good ? "\"id\":\"p/listed\"" : "\"model_not_found\"");
	}
	stage_end(&s);
}

/* ---- stopping and reloading ---------------------------------------------------------------
 */

static void on_drained(void *ctx)
{
	((struct stage *)ctx)->drained = true;
}

static void a_drain_ends_although_a_client_trickles_its_request(void **state UNUSED)
{
	struct stage s;

	stage_begin(&s);
	say(&s.client, "POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\n"
		       "Content-Length: 1000\r\n\r\n");
	pass(&s.w, SECOND_US);
	gateway_drain(s.gateway, on_drained, &s);
	for (unsigned i = 0; i < 50 && !s.drained; i++) {
		if (!s.client.ended)
			say(&s.client, "x");
		pass(&s.w, SECOND_US / 10);
	}
	CHECK(s.drained);
	stage_end(&s);
}

static void a_drain_ends_although_a_client_does_not_read(void **state UNUSED)
{
	struct stage s;
	struct peer *p;

	stage_begin(&s);
	ask(&s, true);
	p = provider(&s, 0);
	begin_stream(p);
	event(p, content);
	peer_await(&s.client, "hello");
	conn_pause(s.client.c);
	flood(&s, p, SECOND_US);
	gateway_drain(s.gateway, on_drained, &s);
	pass(&s.w, 5 * SECOND_US);
	CHECK(s.drained);
	conn_resume(s.client.c);
	peer_await_end(&s.client);
	CHECK_NOT_GOT(&s.client, "\r\n0\r\n\r\n"); /* X3 */
	stage_end(&s);
}

static void a_stream_that_lacks_only_its_close_is_complete_at_the_stop(void **state UNUSED)
{
	struct stage s;
	struct peer *p;

	stage_begin(&s);
	s.snapshot->drain_us = SECOND_US / 2;
	ask(&s, true);
	p = provider(&s, 0);
	begin_stream(p);
	event(p, content);
	event(p, finish);
	event(p, "[DONE]");
	peer_await(&s.client, "[DONE]");
	gateway_drain(s.gateway, on_drained, &s);
	peer_await(&s.client, "\r\n0\r\n\r\n");
	CHECK_NOT_GOT(&s.client, "stopping");
	check_logged(&s, "end=complete");
	stage_end(&s);
}

static void the_record_of_a_stream_cut_by_the_stop_has_its_attempt(void **state UNUSED)
{
	struct stage s;
	struct peer *p;

	stage_begin(&s);
	ask(&s, true);
	p = provider(&s, 0);
	begin_stream(p);
	event(p, content);
	peer_await(&s.client, "hello");
	gateway_drain(s.gateway, on_drained, &s);
	peer_await(&s.client, "the gateway is stopping");
	check_logged(&s, "attempts=p/x:gateway");
	check_logged(&s, "usage=estimated");
	stage_end(&s);
}

static void limits_of_a_new_configuration_hold_at_once(void **state UNUSED)
{
	struct stage s;
	struct snapshot *next;
	char text[2200];

	stage_begin(&s);
	next = stage_settings(&s);
	next->server.head_bytes = 1024;
	gateway_swap(s.gateway, next);
	snapshot_unref(next);
	snprintf(text, sizeof(text), "GET /health HTTP/1.1\r\nHost: g\r\nX: %01500d\r\n\r\n",
		 0);
	say(&s.client, text);
	peer_await(&s.client, "HTTP/1.1 431 ");
	stage_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(comments_after_the_last_event_do_not_hold_the_answer_open),
		cmocka_unit_test(a_cut_stream_has_its_usage),
		cmocka_unit_test(usage_of_a_failed_attempt_is_not_the_next_ones),
		cmocka_unit_test(a_refusal_that_is_not_json_is_told_in_our_words),
		cmocka_unit_test(an_error_that_never_ends_is_not_waited_for),
		cmocka_unit_test(a_probe_that_meets_a_rate_limit_is_given_back),
		cmocka_unit_test(a_slow_client_speaks_against_no_provider),
		cmocka_unit_test(a_model_is_found_however_its_slash_is_written),
		cmocka_unit_test(a_drain_ends_although_a_client_trickles_its_request),
		cmocka_unit_test(a_drain_ends_although_a_client_does_not_read),
		cmocka_unit_test(a_stream_that_lacks_only_its_close_is_complete_at_the_stop),
		cmocka_unit_test(the_record_of_a_stream_cut_by_the_stop_has_its_attempt),
		cmocka_unit_test(limits_of_a_new_configuration_hold_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
