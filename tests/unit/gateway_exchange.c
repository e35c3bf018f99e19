/* The exchange, between a client and a provider that are both played by hand. */
#include "net_peer.h"

#include "base/sb.h"
#include "gateway/gateway.h"
#include "gateway/metrics.h"

enum { SERVED_MAX = 8, LOG_MAX = 1 << 16 };

struct stage {
	struct clockwork w;
	struct listener *listener; /* the provider's */
	struct peer served[SERVED_MAX];
	size_t served_n;
	struct snapshot *snapshot;
	struct provider *provider;
	struct metrics_shared metrics;
	struct gateway *gateway;
	struct address at; /* of the gateway */
	struct peer client;
	struct log log;
	char text[LOG_MAX]; /* what was logged */
	size_t text_n;
	bool drained;
};

static void on_accept(void *ctx, struct conn *c)
{
	struct stage *s = ctx;

	CHECK(s->served_n < SERVED_MAX);
	peer_take(&s->served[s->served_n++], &s->w, c);
}

static uint64_t log_wall(struct log *l)
{
	return loop_wall_us(CONTAINER_OF(l, struct stage, log)->w.l);
}

static void log_write(struct log *l, enum log_level level UNUSED, struct slice line)
{
	struct stage *s = CONTAINER_OF(l, struct stage, log);

	CHECK(line.n < LOG_MAX - s->text_n);
	memcpy(s->text + s->text_n, line.p, line.n);
	s->text_n += line.n;
	s->text[s->text_n] = '\0';
}

/* One open-ended provider "p"; one attempt, a breaker that opens at once. */
/* "p/x", with a breaker of its own. */
static void list_deployment(struct snapshot *n, struct provider *p)
{
	struct deployment *d = ARENA_NEW(&n->arena, struct deployment);

	d->provider = p;
	d->name = LIT("p/x");
	d->model = LIT("x");
	d->model_json = LIT("\"x\"");
	(void)deployment_look_up(d, NULL, 0);
	d->target.health = mem_zero(n->arena.mem, sizeof(*d->target.health));
	CHECK(d->target.health != NULL);
	atomic_init(&d->target.health->refs, 1);
	n->deployment_list = ARENA_ARRAY(&n->arena, struct deployment *, 1);
	n->deployment_list[n->deployment_n++] = d;
	CHECK(map_put(&n->deployments, d->name, d));
}

static struct snapshot *settings(struct stage *s, const struct address *at)
{
	struct snapshot *n = snapshot_new(loop_mem(s->w.l), 1 << 20);
	struct provider *p;
	struct model *m;
	char url[80];
	struct sb out;

	CHECK(n != NULL);
	sb_init(&out, url, sizeof(url));
	sb_lit(&out, "http://");
	address_print(at, &out);
	p = ARENA_NEW(&n->arena, struct provider);
	n->provider_list = ARENA_ARRAY(&n->arena, struct provider *, 1);
	CHECK(map_init(&n->models, &n->arena, 1) && map_init(&n->providers, &n->arena, 1) &&
	      map_init(&n->deployments, &n->arena, 1));
	CHECK_RC(url_read(&p->url, arena_copy(&n->arena, sb_slice(&out)), NULL), OK);
	m = ARENA_NEW(&n->arena, struct model);
	m->name = m->owned_by = LIT("p/listed");
	CHECK(map_put(&n->models, m->name, m));
	p->name = LIT("p");
	p->base_path = LIT("/v1");
	p->dialect = &dialect_openai;
	p->open_ended = true;
	p->connect_timeout_us = SECOND_US;
	p->health = mem_zero(n->arena.mem, sizeof(*p->health));
	CHECK(p->health != NULL);
	atomic_init(&p->health->refs, 1);
	CHECK(map_put(&n->providers, p->name, p));
	n->provider_list[n->provider_n++] = p;
	list_deployment(n, p);
	n->timeouts = (struct timeouts){ .first_content_us = 5 * SECOND_US,
					 .stall_us = 5 * SECOND_US };
	n->retries = (struct retries){ .attempts = 1, .retry_after_max_us = SECOND_US };
	n->breaker = (struct breaker_rules){ .failures = 1,
					     .open_us = SECOND_US,
					     .open_max_us = 10 * SECOND_US };
	n->body_max = n->response_max = n->event_max = 1 << 20;
	n->drain_us = 2 * SECOND_US;
	n->access_log = true;
	s->provider = p;
	return n;
}

static void begin(struct stage *s)
{
	struct address at;
	struct err err = { 0 };
	struct gateway_options o = { 0 };

	memset(s, 0, sizeof(*s));
	clockwork_begin(&s->w);
	CHECK_RC(address_read(&at, LIT("127.0.0.1"), 0), OK);
	CHECK_RC(listener_open(&s->listener, s->w.l, &at, NULL, on_accept, s, &err), OK);
	listener_local(s->listener, &at);
	s->snapshot = settings(s, &at);
	s->log = (struct log){ LOG_INFO, LOG_LOGFMT, log_wall, log_write };
	o = (struct gateway_options){ s->w.l, s->snapshot, &s->log, &s->metrics };
	CHECK_RC(gateway_new(&s->gateway, &o, &err), OK);
	CHECK_RC(address_read(&s->at, LIT("127.0.0.1"), 0), OK);
	CHECK_RC(gateway_listen(s->gateway, &s->at, NULL, &err), OK);
	gateway_address(s->gateway, 0, &s->at);
	peer_connect(&s->client, &s->w, &s->at);
}

static void end(struct stage *s)
{
	struct mem *mem = loop_mem(s->w.l);

	peer_close(&s->client, CONN_NOW);
	gateway_free(s->gateway);
	listener_close(s->listener);
	for (size_t i = 0; i < s->served_n; i++)
		peer_close(&s->served[i], CONN_NOW);
	snapshot_unref(s->snapshot);
	metrics_shared_free(&s->metrics, mem);
	clockwork_end(&s->w);
}

static void say(struct peer *p, const char *text)
{
	peer_say(p, slice_cstr(text));
}

static void ask(struct stage *s, bool stream)
{
	char text[400];
	const char *body = stream ? "{\"model\":\"p/x\",\"stream\":true}"
				  : "{\"model\":\"p/x\"}";

	peer_forget(&s->client);
	snprintf(text, sizeof(text),
		 "POST /v1/chat/completions HTTP/1.1\r\nHost: g\r\nContent-Length: "
		 "%zu\r\n\r\n%s",
		 strlen(body), body);
	say(&s->client, text);
}

/* The provider's i-th connection, with a request on it. */
static struct peer *provider(struct stage *s, size_t i)
{
	while (s->served_n <= i)
		tick(&s->w);
	peer_await(&s->served[i], "\r\n\r\n{");
	peer_forget(&s->served[i]);
	return &s->served[i];
}

static void answer(struct peer *p, const char *status, const char *headers, const char *body)
{
	char text[2048];

	snprintf(text, sizeof(text), "HTTP/1.1 %s\r\n%sContent-Length: %zu\r\n\r\n%s", status,
		 headers, strlen(body), body);
	say(p, text);
}

static void begin_stream(struct peer *p)
{
	say(p, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n"
	       "Transfer-Encoding: chunked\r\n\r\n");
}

static void event(struct peer *p, const char *data)
{
	char *text = malloc(strlen(data) + 64);

	CHECK(text != NULL);
	snprintf(text, strlen(data) + 64, "%zx\r\ndata: %s\n\n\r\n", strlen(data) + 8, data);
	say(p, text);
	free(text);
}

/* More than the client takes, or than fits anywhere on the way to it. */
static void flood(struct stage *s, struct peer *p, uint64_t us)
{
	uint64_t until = loop_now_us(s->w.l) + us;
	static char data[8192];

	snprintf(data, sizeof(data), "{\"choices\":[{\"delta\":{\"content\":\"%08000d\"}}]}",
		 0);
	while (loop_now_us(s->w.l) < until) {
		if (!p->ended && conn_queued(p->c) < 65536)
			event(p, data);
		pass(&s->w, us / 40);
	}
}

static const char content[] = "{\"choices\":[{\"delta\":{\"content\":\"hello\"}}]}";
static const char finish[] = "{\"choices\":[{\"delta\":{},\"finish_reason\":\"stop\"}]}";

static void check_logged(const struct stage *s, const char *what)
{
	if (strstr(s->text, what) == NULL) {
		print_error("no \"%s\" in the log:\n%s\n", what, s->text);
		fail();
	}
}

/* ---- the end of a stream ----------------------------------------------------------------- */

static void comments_after_the_last_event_do_not_hold_the_answer_open(void **state UNUSED)
{
	struct stage s;
	struct peer *p;
	unsigned seconds = 0;

	begin(&s);
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
	end(&s);
}

static void a_cut_stream_has_its_usage(void **state UNUSED)
{
	struct stage s;
	struct peer *p;

	begin(&s);
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
	end(&s);
}

static void usage_of_a_failed_attempt_is_not_the_next_ones(void **state UNUSED)
{
	struct stage s;
	struct peer *p;

	begin(&s);
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
	end(&s);
}

/* ---- errors of providers ----------------------------------------------------------------- */

static void a_refusal_that_is_not_json_is_told_in_our_words(void **state UNUSED)
{
	struct stage s;

	begin(&s);
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
	end(&s);
}

static void an_error_that_never_ends_is_not_waited_for(void **state UNUSED)
{
	static char piece[8192];
	struct stage s;
	struct peer *p;
	uint64_t began;

	begin(&s);
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
	end(&s);
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

	begin(&s);
	open_breaker(&s);
	ask(&s, false);
	answer(provider(&s, 0), "429 Slow", "Retry-After: 2\r\n", "{}");
	peer_await(&s.client, "HTTP/1.1 429 ");
	pass(&s.w, 2 * SECOND_US);
	ask(&s, false);
	answer(provider(&s, 0), "200 OK", "",
	       "{\"choices\":[{\"message\":{\"content\":\"x\"}}]}");
	peer_await(&s.client, "HTTP/1.1 200 ");
	end(&s);
}

static void a_slow_client_speaks_against_no_provider(void **state UNUSED)
{
	struct stage s;
	struct peer *p;

	begin(&s);
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
	end(&s);
}

/* ---- other endpoints -----------------------------------------------------------------------
 */

static void a_model_is_found_however_its_slash_is_written(void **state UNUSED)
{
	static const char *const found[] = { "p/listed", "p%2Flisted", "p%2fl%69sted" };
	static const char *const not_found[] = { "p%252Flisted", "p%2", "%", "p%zzlisted" };
	struct stage s;

	begin(&s);
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
	end(&s);
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

	begin(&s);
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
	end(&s);
}

static void a_drain_ends_although_a_client_does_not_read(void **state UNUSED)
{
	struct stage s;
	struct peer *p;

	begin(&s);
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
	end(&s);
}

static void a_stream_that_lacks_only_its_close_is_complete_at_the_stop(void **state UNUSED)
{
	struct stage s;
	struct peer *p;

	begin(&s);
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
	end(&s);
}

static void the_record_of_a_stream_cut_by_the_stop_has_its_attempt(void **state UNUSED)
{
	struct stage s;
	struct peer *p;

	begin(&s);
	ask(&s, true);
	p = provider(&s, 0);
	begin_stream(p);
	event(p, content);
	peer_await(&s.client, "hello");
	gateway_drain(s.gateway, on_drained, &s);
	peer_await(&s.client, "the gateway is stopping");
	check_logged(&s, "attempts=p/x:gateway");
	check_logged(&s, "usage=estimated");
	end(&s);
}

static void limits_of_a_new_configuration_hold_at_once(void **state UNUSED)
{
	struct stage s;
	struct snapshot *next;
	struct address at;
	char text[2200];

	begin(&s);
	listener_local(s.listener, &at);
	next = settings(&s, &at);
	next->server.head_bytes = 1024;
	gateway_swap(s.gateway, next);
	snapshot_unref(next);
	snprintf(text, sizeof(text), "GET /health HTTP/1.1\r\nHost: g\r\nX: %01500d\r\n\r\n",
		 0);
	say(&s.client, text);
	peer_await(&s.client, "HTTP/1.1 431 ");
	end(&s);
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
