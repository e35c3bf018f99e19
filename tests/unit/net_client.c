/* The HTTP client, against servers made of plain text.  Runs on both backends. */
#include "net_peer.h"

#include "net/client.h"
#include "net/client_impl.h"

#define LIMIT_US (50 * (uint64_t)MS_US)

enum { SERVED_MAX = 16 };

/* A server whose connections the test plays by hand. */
struct stage {
	struct clockwork w;
	struct listener *listener;
	struct address at;
	struct peer served[SERVED_MAX]; /* in the order in which they came */
	size_t served_n;
	struct http_client *client;
	struct origin *o;
	char name[64]; /* its address */
	char url[80];
};

static void on_accept(void *ctx, struct conn *c)
{
	struct stage *s = ctx;

	CHECK(s->served_n < SERVED_MAX);
	peer_take(&s->served[s->served_n++], &s->w, c);
}

static struct origin *origin_of(struct stage *s, const struct proxy_settings *proxy)
{
	struct origin_options o = { .connect_timeout_us = SECOND_US, .proxy = proxy };
	struct err err = { 0 };
	struct origin *out;

	CHECK_RC(url_read(&o.url, slice_cstr(s->url), &err), OK);
	CHECK_RC(origin_get(&out, s->client, &o, &err), OK);
	return out;
}

static void begin_with(struct stage *s, struct http_client_limits limits)
{
	struct err err = { 0 };
	struct sb name;

	*s = (struct stage){ .served_n = 0 };
	clockwork_begin(&s->w);
	CHECK_RC(address_read(&s->at, LIT("127.0.0.1"), 0), OK);
	CHECK_RC(listener_open(&s->listener, s->w.l, &s->at, NULL, on_accept, s, &err), OK);
	listener_local(s->listener, &s->at);
	sb_init(&name, s->name, sizeof(s->name));
	address_print(&s->at, &name);
	snprintf(s->url, sizeof(s->url), "http://%s/", sb_cstr(&name));
	CHECK_RC(http_client_new(&s->client, s->w.l, &limits, NULL, &err), OK);
	s->o = origin_of(s, NULL);
}

static void begin(struct stage *s)
{
	begin_with(s, (struct http_client_limits){ 0 });
}

static void end(struct stage *s)
{
	const struct http_client_stats *stats = http_client_stats(s->client);

	CHECK_INT(stats->busy, 0);
	CHECK_INT(stats->waiting, 0);
	origin_put(s->o);
	CHECK_INT(stats->idle, 0);
	http_client_free(s->client);
	if (s->listener != NULL)
		listener_close(s->listener);
	for (size_t i = 0; i < s->served_n; i++)
		peer_close(&s->served[i], CONN_NOW);
	clockwork_end(&s->w);
}

static struct peer *served(struct stage *s, size_t i)
{
	while (s->served_n <= i)
		tick(&s->w);
	return &s->served[i];
}

/* One call, and what came of it. */
struct call {
	struct stage *s;
	struct http_call *c;
	struct arena arena;
	char body[2 * CONN_READ_BYTES];
	size_t body_n;
	unsigned sent, heads, ends, fails;
	unsigned status;
	enum rc why;
	char id[64];
	bool pause_at_head, pause_at_body, cancel_at_head, cancel_at_body;
	struct call *start_at_end; /* begun inside `end` */
};

static void start(struct call *c, struct stage *s, const char *method, const char *target);

static void on_sent(void *ctx)
{
	((struct call *)ctx)->sent++;
}

static void on_head(void *ctx, const struct http_head *head)
{
	struct call *c = ctx;

	CHECK(c->sent == 1 && c->heads == 0);
	c->heads++;
	c->status = head->status;
	if (c->pause_at_head)
		http_call_pause(c->c);
	if (c->cancel_at_head) {
		http_call_cancel(c->c);
		c->c = NULL;
	}
}

static void on_body(void *ctx, struct slice bytes)
{
	struct call *c = ctx;

	CHECK(c->heads == 1 && c->c != NULL && bytes.n > 0);
	CHECK(bytes.n < sizeof(c->body) - c->body_n);
	memcpy(c->body + c->body_n, bytes.p, bytes.n);
	c->body_n += bytes.n;
	c->body[c->body_n] = '\0';
	if (c->pause_at_body)
		http_call_pause(c->c);
	if (c->cancel_at_body) {
		http_call_cancel(c->c);
		c->c = NULL;
	}
}

static void on_end(void *ctx)
{
	struct call *c = ctx;

	CHECK(c->heads == 1 && c->c != NULL);
	c->ends++;
	c->c = NULL;
	if (c->start_at_end != NULL)
		start(c->start_at_end, c->s, "GET", "/next");
}

static void on_failed(void *ctx, enum rc why, const struct err *err)
{
	struct call *c = ctx;

	CHECK(c->c != NULL);
	CHECK(err != NULL && err->id != NULL && err->text[0] != '\0');
	CHECK_RC(err->rc, why);
	c->fails++;
	c->why = why;
	c->c = NULL;
	snprintf(c->id, sizeof(c->id), "%s", err->id);
}

static const struct http_call_events events = { on_sent, on_head, on_body, on_end, on_failed };

static void start_with(struct call *c, struct stage *s, struct origin *o,
		       const struct http_call_options *options)
{
	struct err err = { 0 };

	*c = (struct call){ .s = s };
	arena_init(&c->arena, loop_mem(s->w.l), 512, 1 << 20);
	CHECK_RC(http_call_start(&c->c, o, options, &c->arena, &events, c, &err), OK);
	CHECK_INT(c->sent + c->heads + c->ends + c->fails, 0);
}

static void start(struct call *c, struct stage *s, const char *method, const char *target)
{
	start_with(c, s, s->o,
		   &(struct http_call_options){ .method = slice_cstr(method),
						.target = slice_cstr(target) });
}

static void cancel(struct call *c)
{
	http_call_cancel(c->c);
	c->c = NULL;
}

static void finish(struct call *c)
{
	while (c->c != NULL)
		tick(&c->s->w);
	arena_free(&c->arena);
}

static void finish_well(struct call *c, unsigned status, const char *body)
{
	finish(c);
	CHECK_STR(c->id, "");
	CHECK_INT(c->ends, 1);
	CHECK_INT(c->status, status);
	CHECK_STR(c->body, body);
}

static void finish_badly(struct call *c, enum rc why, const char *id)
{
	finish(c);
	CHECK_INT(c->fails, 1);
	CHECK_INT(c->ends, 0);
	CHECK_STR(c->id, id);
	CHECK_RC(c->why, why);
}

static void answer(struct peer *p, const char *text)
{
	peer_say(p, slice_cstr(text));
}

/* Waits for a request's head and answers it. */
static void serve(struct peer *p, const char *text)
{
	peer_await(p, "\r\n\r\n");
	peer_forget(p);
	answer(p, text);
}

#define HELLO "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"

/* ---- plain calls ---------------------------------------------------------------------------
 */

static void a_request_is_written_whole_with_its_secret(void **state UNUSED)
{
	const struct header h[] = {
		{ LIT("Accept"), LIT("*/*") },
		{ LIT("Content-Length"), LIT("99") },
		{ LIT("host"), LIT("evil") },
	};
	const struct slice body[] = { LIT("one"), LIT(""), LIT("two") };
	struct stage s;
	struct call c;
	struct arena secrets;
	char want[300];

	begin(&s);
	arena_init(&secrets, loop_mem(s.w.l), 128, 1024);
	start_with(&c, &s, s.o,
		   &(struct http_call_options){ .method = LIT("POST"),
						.target = LIT("/v1/x?y"),
						.headers = h,
						.header_n = ARRAY_LEN(h),
						.auth_name = LIT("Authorization"),
						.auth_prefix = LIT("Bearer "),
						.auth = secret_make(&secrets, LIT("k-1")),
						.body = body,
						.body_n = ARRAY_LEN(body) });
	peer_await(served(&s, 0), "onetwo");
	snprintf(want, sizeof(want),
		 "POST /v1/x?y HTTP/1.1\r\nHost: %s\r\nAccept: */*\r\n"
		 "Authorization: Bearer k-1\r\nContent-Length: 6\r\n\r\nonetwo",
		 s.name);
	CHECK_STR(s.served[0].got, want);
	answer(&s.served[0], HELLO);
	finish_well(&c, 200, "hello");
	arena_free(&secrets);
	end(&s);
}

static void a_connection_is_used_again_the_last_one_first(void **state UNUSED)
{
	struct stage s;
	struct call a, b, c;

	begin(&s);
	start(&a, &s, "GET", "/a");
	start(&b, &s, "GET", "/b");
	serve(served(&s, 1), HELLO);
	serve(served(&s, 0), HELLO);
	finish_well(&a, 200, "hello");
	finish_well(&b, 200, "hello");
	for (unsigned i = 0; i < 5; i++) {
		start(&c, &s, "GET", "/again");
		tick(&s.w);
		CHECK(http_call_times(c.c)->reused);
		serve(&s.served[0], "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
				    "2\r\nch\r\n4\r\nunks\r\n0\r\nT: x\r\n\r\n");
		finish_well(&c, 200, "chunks");
	}
	CHECK_INT(s.served_n, 2);
	CHECK_INT(http_client_stats(s.client)->opened, 2);
	CHECK_INT(http_client_stats(s.client)->reused, 5);
	CHECK_INT(http_client_stats(s.client)->idle, 2);
	end(&s);
}

static void the_next_call_may_start_in_the_end_of_the_last(void **state UNUSED)
{
	struct stage s;
	struct call a, b;

	begin(&s);
	start(&a, &s, "GET", "/a");
	a.start_at_end = &b;
	serve(served(&s, 0), HELLO);
	while (a.ends == 0)
		tick(&s.w);
	finish_well(&a, 200, "hello");
	peer_await(&s.served[0], "GET /next");
	serve(&s.served[0], HELLO);
	finish_well(&b, 200, "hello");
	CHECK_INT(s.served_n, 1);
	end(&s);
}

static void any_cut_of_the_response_gives_the_same(void **state UNUSED)
{
	static const char *const texts[] = {
		"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
		"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n"
		"Transfer-Encoding: chunked\r\n\r\n2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\n\r\n",
	};
	struct stage s;

	begin(&s);
	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		struct slice whole = slice_cstr(texts[i]);

		for (size_t cut = 1; cut < whole.n; cut++) {
			struct call c;

			start(&c, &s, "GET", "/cut");
			peer_await(served(&s, 0), "\r\n\r\n");
			peer_forget(&s.served[0]);
			peer_say(&s.served[0], slice_head(whole, cut));
			tick(&s.w);
			tick(&s.w);
			CHECK_INT(c.ends + c.fails, 0);
			peer_say(&s.served[0], slice_skip(whole, cut));
			finish_well(&c, 200, "hello");
		}
	}
	CHECK_INT(s.served_n, 1);
	end(&s);
}

static void what_ends_and_what_may_be_used_again(void **state UNUSED)
{
	static const struct {
		const char *method, *text;
		bool close; /* the server does */
		enum rc why;
		const char *id;
		bool kept;
		const char *body;
	} rows[] = {
		{ "GET", "HTTP/1.1 200 OK\r\n\r\nuntil close", true, OK, "", false,
		  "until close" },
		{ "HEAD", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", false, OK, "", true,
		  "" },
		{ "GET", "HTTP/1.1 204 No Content\r\n\r\n", false, OK, "", true, "" },
		{ "GET", "HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\nx", false, OK, "", false,
		  "x" },
		{ "GET", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n\r\nx",
		  false, OK, "", false, "x" },
		{ "GET", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxextra", false, OK, "",
		  false, "x" },
		{ "GET", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nshort", true, E_CLOSED,
		  "net.broke_off", false, "short" },
		{ "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n",
		  true, E_CLOSED, "net.broke_off", false, "hi" },
		{ "GET", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nz",
		  false, E_BAD, "http1.bad_chunk", false, "hi" },
		{ "GET", "HTTP/1.1 20", true, E_CLOSED, "net.broke_off", false, "" },
		{ "GET", "", true, E_CLOSED, "net.no_answer", false, "" },
		{ "GET", "SSH-2.0-x\r\n", false, E_BAD, "http1.start_line", false, "" },
		{ "GET", "HTTP/1.1 101 Switching\r\n\r\n", false, E_BAD, "http1.switched",
		  false, "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct stage s;
		struct call c;

		begin(&s);
		start(&c, &s, rows[i].method, "/x");
		serve(served(&s, 0), rows[i].text);
		if (rows[i].close) {
			conn_close(s.served[0].c, CONN_FLUSH);
			s.served[0].c = NULL;
		}
		if (rows[i].why == OK)
			finish_well(&c,
				    rows[i].text[9] == '2' && rows[i].text[11] == '4' ? 204
										      : 200,
				    rows[i].body);
		else
			finish_badly(&c, rows[i].why, rows[i].id);
		CHECK_STR(c.body, rows[i].body);
		CHECK_INT(http_client_stats(s.client)->idle, rows[i].kept);
		CHECK_INT(http_client_stats(s.client)->failed, rows[i].why != OK);
		end(&s);
	}
}

static void a_head_without_end_is_too_big(void **state UNUSED)
{
	struct stage s;
	struct call c;

	begin_with(&s, (struct http_client_limits){ .head_bytes = 1000 });
	start(&c, &s, "GET", "/x");
	serve(served(&s, 0), "HTTP/1.1 200 OK\r\nX: ");
	for (unsigned i = 0; i < 200; i++)
		answer(&s.served[0], "xxxxxxxxxx");
	finish_badly(&c, E_TOOBIG, "http1.header_too_large");
	end(&s);
}

static void a_request_that_would_break_its_framing_is_refused(void **state UNUSED)
{
	static const struct {
		const char *method, *target, *name, *value, *secret;
	} rows[] = {
		{ "GET", "/x y", "A", "b", "k" },      { "GET", "", "A", "b", "k" },
		{ "G T", "/", "A", "b", "k" },         { "GET", "/", "A:", "b", "k" },
		{ "GET", "/", "A", "b\r\nC: d", "k" }, { "GET", "/", "A", "b", "key\n" },
	};
	struct stage s;

	begin(&s);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct header h = { slice_cstr(rows[i].name), slice_cstr(rows[i].value) };
		struct http_call *c = NULL;
		struct err err = { 0 };
		struct arena a;

		arena_init(&a, loop_mem(s.w.l), 512, 4096);
		CHECK_RC(http_call_start(
				 &c, s.o,
				 &(struct http_call_options){
					 .method = slice_cstr(rows[i].method),
					 .target = slice_cstr(rows[i].target),
					 .headers = &h,
					 .header_n = 1,
					 .auth_name = LIT("X-Key"),
					 .auth = secret_make(&a, slice_cstr(rows[i].secret)),
				 },
				 &a, &events, NULL, &err),
			 E_BAD);
		CHECK(c == NULL && strstr(err.text, "key\n") == NULL);
		arena_free(&a);
	}
	end(&s);
}

/* ---- connections that were closed under it
 * ------------------------------------------------------ */

static void warm_up(struct stage *s)
{
	struct call c;

	start(&c, s, "GET", "/warm");
	serve(served(s, 0), HELLO);
	finish_well(&c, 200, "hello");
}

static void a_call_that_met_a_closed_connection_is_sent_again(void **state UNUSED)
{
	for (int how = 0; how < 2; how++) {
		struct stage s;
		struct call c;

		begin(&s);
		warm_up(&s);
		start(&c, &s, "POST", "/again");
		peer_await(&s.served[0], "POST /again");
		conn_close(s.served[0].c, how == 0 ? CONN_NOW : CONN_ABORT);
		s.served[0].c = NULL;
		serve(served(&s, 1), HELLO);
		finish_well(&c, 200, "hello");
		CHECK_INT(http_client_stats(s.client)->resent, 1);
		CHECK_INT(c.sent, 1);
		end(&s);
	}
}

static void it_is_sent_again_only_once(void **state UNUSED)
{
	struct stage s;
	struct call c;

	begin(&s);
	warm_up(&s);
	start(&c, &s, "POST", "/again");
	peer_await(&s.served[0], "POST /again");
	conn_close(s.served[0].c, CONN_NOW);
	s.served[0].c = NULL;
	peer_await(served(&s, 1), "POST /again");
	conn_close(s.served[1].c, CONN_NOW);
	s.served[1].c = NULL;
	finish_badly(&c, E_CLOSED, "net.no_answer");
	CHECK_INT(s.served_n, 2);
	end(&s);
}

static void it_is_not_sent_again_once_a_byte_was_answered(void **state UNUSED)
{
	struct stage s;
	struct call c;

	begin(&s);
	warm_up(&s);
	start(&c, &s, "POST", "/once");
	serve(&s.served[0], "H");
	conn_close(s.served[0].c, CONN_FLUSH);
	s.served[0].c = NULL;
	finish_badly(&c, E_CLOSED, "net.broke_off");
	CHECK_INT(s.served_n, 1);
	end(&s);
}

/* The second idle connection may be as dead as the first: a new one is made. */
static void it_is_sent_again_on_a_new_connection_only(void **state UNUSED)
{
	struct stage s;
	struct call a, b, c;

	begin(&s);
	start(&a, &s, "GET", "/a");
	start(&b, &s, "GET", "/b");
	serve(served(&s, 0), HELLO);
	serve(served(&s, 1), HELLO);
	finish(&a);
	finish(&b);
	start(&c, &s, "GET", "/c");
	while (strstr(s.served[0].got, "/c") == NULL && strstr(s.served[1].got, "/c") == NULL)
		tick(&s.w);
	for (size_t i = 0; i < 2; i++) {
		if (strstr(s.served[i].got, "/c") == NULL)
			continue;
		conn_close(s.served[i].c, CONN_NOW);
		s.served[i].c = NULL;
	}
	serve(served(&s, 2), HELLO);
	finish_well(&c, 200, "hello");
	end(&s);
}

/* One that was busy and becomes free meanwhile will not do either. */
static void it_waits_for_the_new_connection(void **state UNUSED)
{
	struct stage s;
	struct call a, b;
	size_t of_a;

	begin(&s);
	origin_warm(s.o, 2);
	while (http_client_stats(s.client)->idle < 2)
		tick(&s.w);
	start(&a, &s, "GET", "/a");
	start(&b, &s, "GET", "/b");
	while (served(&s, 1)->n == 0 || s.served[0].n == 0)
		tick(&s.w);
	of_a = strstr(s.served[0].got, "/a") != NULL ? 0 : 1;
	conn_close(s.served[of_a].c, CONN_NOW);
	s.served[of_a].c = NULL;
	serve(&s.served[1 - of_a], HELLO);
	serve(served(&s, 2), HELLO);
	finish_well(&a, 200, "hello");
	finish_well(&b, 200, "hello");
	CHECK_INT(peer_count(&s.served[1 - of_a], "GET"), 0);
	end(&s);
}

static void an_idle_connection_that_ends_or_talks_is_dropped(void **state UNUSED)
{
	for (int talks = 0; talks < 2; talks++) {
		struct stage s;

		begin(&s);
		warm_up(&s);
		CHECK_INT(http_client_stats(s.client)->idle, 1);
		if (talks) {
			answer(&s.served[0], "HTTP/1.1 408 Timeout\r\n\r\n");
		} else {
			conn_close(s.served[0].c, CONN_NOW);
			s.served[0].c = NULL;
		}
		while (http_client_stats(s.client)->idle > 0)
			tick(&s.w);
		end(&s);
	}
}

static void idle_connections_are_few_and_do_not_stay_for_ever(void **state UNUSED)
{
	struct stage s;
	struct call c[4];

	begin_with(&s, (struct http_client_limits){ .idle_per_origin = 2,
						    .idle_timeout_us = LIMIT_US });
	for (size_t i = 0; i < 4; i++)
		start(&c[i], &s, "GET", "/x");
	for (size_t i = 0; i < 4; i++)
		serve(served(&s, i), HELLO);
	for (size_t i = 0; i < 4; i++)
		finish(&c[i]);
	CHECK_INT(http_client_stats(s.client)->idle, 2);
	pass(&s.w, LIMIT_US / 2);
	CHECK_INT(http_client_stats(s.client)->idle, 2);
	pass(&s.w, LIMIT_US);
	CHECK_INT(http_client_stats(s.client)->idle, 0);
	end(&s);
}

/* ---- the line
 * ------------------------------------------------------------------------------------- */

static void calls_over_the_limit_wait_in_order(void **state UNUSED)
{
	struct stage s;
	struct call c[4];

	begin_with(&s, (struct http_client_limits){ .open_per_origin = 1 });
	for (size_t i = 0; i < 4; i++) {
		static const char *const targets[] = { "/0", "/1", "/2", "/3" };

		start(&c[i], &s, "GET", targets[i]);
	}
	CHECK_INT(http_client_stats(s.client)->waiting, 4);
	peer_await(served(&s, 0), "GET /0");
	CHECK_INT(http_client_stats(s.client)->waiting, 3);
	cancel(&c[1]);
	finish(&c[1]);
	serve(&s.served[0], HELLO);
	finish_well(&c[0], 200, "hello");
	peer_await(&s.served[0], "GET /2");
	/* One that does not keep its connection: the next needs a new one. */
	serve(&s.served[0],
	      "HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
	finish_well(&c[2], 200, "");
	peer_await(served(&s, 1), "GET /3");
	serve(&s.served[1], HELLO);
	finish_well(&c[3], 200, "hello");
	CHECK_INT(s.served_n, 2);
	end(&s);
}

static void connections_are_opened_ahead_of_need(void **state UNUSED)
{
	struct stage s;
	struct call c;

	begin(&s);
	origin_warm(s.o, 3);
	origin_warm(s.o, 2);
	while (http_client_stats(s.client)->idle < 3)
		tick(&s.w);
	start(&c, &s, "GET", "/x");
	tick(&s.w);
	CHECK(http_call_times(c.c)->reused);
	for (size_t i = 0; i < 3; i++)
		if (served(&s, i)->n > 0)
			serve(&s.served[i], HELLO);
	finish_well(&c, 200, "hello");
	CHECK_INT(s.served_n, 3);
	end(&s);
}

static void nobody_listening_is_a_failed_call(void **state UNUSED)
{
	struct stage s;
	struct call a, b;

	begin(&s);
	listener_close(s.listener);
	s.listener = NULL;
	tick(&s.w);
	start(&a, &s, "GET", "/a");
	start(&b, &s, "GET", "/b");
	finish(&a);
	finish(&b);
	CHECK_RC(a.why, E_CONNECT);
	CHECK_RC(b.why, E_CONNECT);
	CHECK_INT(http_client_stats(s.client)->failed, 2);
	end(&s);
}

static void an_unknown_name_is_a_failed_call(void **state UNUSED)
{
	struct origin_options o = { .connect_timeout_us = 20 * (uint64_t)SECOND_US };
	struct err err = { 0 };
	struct origin *nowhere;
	struct stage s;
	struct call a;

	begin(&s);
	CHECK_RC(url_read(&o.url, LIT("http://does-not-exist.invalid/"), &err), OK);
	CHECK_RC(origin_get(&nowhere, s.client, &o, &err), OK);
	start_with(&a, &s, nowhere,
		   &(struct http_call_options){ .method = LIT("GET"), .target = LIT("/") });
	finish(&a);
	CHECK_INT(a.fails, 1);
	CHECK_RC(a.why, E_DNS);
	origin_put(nowhere);
	end(&s);
}

static void origins_with_the_same_options_are_one(void **state UNUSED)
{
	const struct proxy_settings p = { .http_proxy = LIT("http://u:p@10.0.0.1:3128") };
	const struct proxy_settings q = { .http_proxy = LIT("http://u:q@10.0.0.1:3128") };
	const struct proxy_settings r = { .http_proxy = LIT("http://u:q@10.0.0.1:3128"),
					  .no_proxy = LIT("127.0.0.0/8,10.0.0.0/8") };
	struct origin *a, *b, *c, *d;
	struct stage s;

	begin(&s);
	a = origin_of(&s, NULL);
	b = origin_of(&s, &p);
	c = origin_of(&s, &q);
	d = origin_of(&s, &r);
	CHECK(a == s.o && b != a && c != b && d == a);
	origin_put(a);
	origin_put(b);
	origin_put(c);
	origin_put(d);
	end(&s);
}

/* ---- large requests, early answers
 * ------------------------------------------------------------------ */

static void a_large_body_is_sent_whole(void **state UNUSED)
{
	const size_t size = 3000000;
	char *body = malloc(size);
	struct stage s;
	struct call c;
	struct slice pieces[30];

	CHECK(body != NULL);
	for (size_t i = 0; i < size; i++)
		body[i] = (char)('a' + i % 23);
	for (size_t i = 0; i < ARRAY_LEN(pieces); i++)
		pieces[i] = slice_of(body + i * (size / ARRAY_LEN(pieces)),
				     size / ARRAY_LEN(pieces));
	begin(&s);
	start_with(&c, &s, s.o,
		   &(struct http_call_options){ .method = LIT("POST"),
						.target = LIT("/big"),
						.body = pieces,
						.body_n = ARRAY_LEN(pieces) });
	peer_await(served(&s, 0), "\r\n\r\n");
	CHECK_GOT(&s.served[0], "Content-Length: 3000000\r\n");
	while (s.served[0].n < size + 60)
		tick(&s.w);
	pass(&s.w, 5 * MS_US);
	CHECK(memcmp(strstr(s.served[0].got, "\r\n\r\n") + 4, body, size) == 0);
	answer(&s.served[0], HELLO);
	finish_well(&c, 200, "hello");
	CHECK_INT(http_client_stats(s.client)->idle, 1);
	end(&s);
	free(body);
}

/* The server says 413 at once and reads no further. */
static void an_early_answer_gives_the_body_back(void **state UNUSED)
{
	const size_t size = 8000000;
	char *body = malloc(size);
	struct stage s;
	struct call c;

	CHECK(body != NULL);
	memset(body, 'x', size);
	begin(&s);
	start_with(&c, &s, s.o,
		   &(struct http_call_options){ .method = LIT("POST"),
						.target = LIT("/big"),
						.body = &(struct slice){ body, size },
						.body_n = 1 });
	peer_await(served(&s, 0), "\r\n\r\n");
	conn_pause(s.served[0].c);
	answer(&s.served[0], "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nb");
	while (c.heads == 0)
		tick(&s.w);
	free(body); /* it was borrowed until the head */
	pass(&s.w, 5 * MS_US);
	conn_resume(s.served[0].c);
	pass(&s.w, 5 * MS_US);
	answer(&s.served[0], "ig");
	finish_well(&c, 413, "big");
	CHECK_INT(http_client_stats(s.client)->idle, 0);
	end(&s);
}

/* ---- stopping
 * --------------------------------------------------------------------------------------- */

static void a_cancelled_call_closes_its_connection(void **state UNUSED)
{
	struct stage s;
	struct call waiting, sent, head, body;

	begin(&s);
	start(&waiting, &s, "GET", "/w");
	cancel(&waiting);
	finish(&waiting);
	pass(&s.w, 5 * MS_US);
	CHECK_INT(waiting.sent + waiting.fails, 0);

	start(&sent, &s, "GET", "/s");
	while (sent.sent == 0)
		tick(&s.w);
	cancel(&sent);
	finish(&sent);
	for (size_t i = 0; i < s.served_n; i++)
		peer_await_end(&s.served[i]);

	start(&head, &s, "GET", "/h");
	head.cancel_at_head = true;
	while (head.sent == 0)
		tick(&s.w);
	serve(&s.served[s.served_n - 1], HELLO);
	finish(&head);
	CHECK_INT(head.heads, 1);
	CHECK_INT(head.body_n, 0);
	peer_await_end(&s.served[s.served_n - 1]);

	start(&body, &s, "GET", "/b");
	body.cancel_at_body = true;
	while (body.sent == 0)
		tick(&s.w);
	serve(&s.served[s.served_n - 1], HELLO);
	finish(&body);
	CHECK_STR(body.body, "hello");
	CHECK_INT(body.ends + body.fails, 0);
	peer_await_end(&s.served[s.served_n - 1]);
	CHECK_INT(http_client_stats(s.client)->idle, 0);
	end(&s);
}

static void a_paused_call_stops_its_server_and_goes_on(void **state UNUSED)
{
	static char block[60000];
	struct stage s;
	struct call c;
	size_t total = 0;

	begin(&s);
	memset(block, 'y', sizeof(block));
	start(&c, &s, "GET", "/p");
	c.pause_at_head = true;
	serve(served(&s, 0), "HTTP/1.1 200 OK\r\nContent-Length: 9000000\r\n\r\nfirst");
	total = 5;
	while (c.heads == 0)
		tick(&s.w);
	pass(&s.w, 5 * MS_US);
	CHECK_INT(c.body_n, 0);
	while (conn_queued(s.served[0].c) == 0) {
		peer_say(&s.served[0], slice_of(block, sizeof(block)));
		total += sizeof(block);
		tick(&s.w);
		CHECK(total < 8000000);
	}
	CHECK(http_client_stats(s.client)->bytes_in < 200000);
	c.pause_at_body = true;
	while (total > 0) {
		size_t had = c.body_n;

		http_call_resume(c.c);
		while (c.body_n == had)
			tick(&s.w);
		had = c.body_n;
		pass(&s.w, 5 * MS_US);
		CHECK_INT(c.body_n, had); /* one piece at a time */
		total -= had;
		c.body_n = 0;
	}
	cancel(&c);
	finish(&c);
	end(&s);
}

static void an_end_behind_a_pause_is_told_after_it(void **state UNUSED)
{
	static const char *const texts[] = {
		HELLO,
		"HTTP/1.1 200 OK\r\n\r\nhello",
		"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		for (int at_head = 0; at_head < 2; at_head++) {
			struct stage s;
			struct call c;

			begin(&s);
			start(&c, &s, "GET", "/p");
			c.pause_at_head = at_head != 0;
			c.pause_at_body = at_head == 0;
			serve(served(&s, 0), texts[i]);
			conn_close(s.served[0].c, CONN_FLUSH);
			s.served[0].c = NULL;
			while (c.heads == 0)
				tick(&s.w);
			pass(&s.w, 5 * MS_US);
			CHECK_INT(c.ends, 0);
			http_call_resume(c.c);
			finish_well(&c, 200, "hello");
			pass(&s.w, 5 * MS_US);
			end(&s);
		}
	}
}

static void a_client_that_ends_tells_nobody(void **state UNUSED)
{
	struct stage s;
	struct call sent, waiting;

	begin_with(&s, (struct http_client_limits){ .open_per_origin = 1 });
	warm_up(&s);
	start(&sent, &s, "GET", "/s");
	start(&waiting, &s, "GET", "/w");
	peer_await(&s.served[0], "GET /s");
	http_client_free(s.client);
	pass(&s.w, 5 * MS_US);
	CHECK_INT(sent.fails + waiting.fails, 0);
	arena_free(&sent.arena);
	arena_free(&waiting.arena);
	listener_close(s.listener);
	peer_close(&s.served[0], CONN_NOW);
	clockwork_end(&s.w);
}

static void an_idle_connection_is_small(void **state UNUSED)
{
	CHECK(sizeof(struct upstream) <= 80);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_written_whole_with_its_secret),
		cmocka_unit_test(a_connection_is_used_again_the_last_one_first),
		cmocka_unit_test(the_next_call_may_start_in_the_end_of_the_last),
		cmocka_unit_test(any_cut_of_the_response_gives_the_same),
		cmocka_unit_test(what_ends_and_what_may_be_used_again),
		cmocka_unit_test(a_head_without_end_is_too_big),
		cmocka_unit_test(a_request_that_would_break_its_framing_is_refused),
		cmocka_unit_test(a_call_that_met_a_closed_connection_is_sent_again),
		cmocka_unit_test(it_is_sent_again_only_once),
		cmocka_unit_test(it_is_not_sent_again_once_a_byte_was_answered),
		cmocka_unit_test(it_is_sent_again_on_a_new_connection_only),
		cmocka_unit_test(it_waits_for_the_new_connection),
		cmocka_unit_test(an_idle_connection_that_ends_or_talks_is_dropped),
		cmocka_unit_test(idle_connections_are_few_and_do_not_stay_for_ever),
		cmocka_unit_test(calls_over_the_limit_wait_in_order),
		cmocka_unit_test(connections_are_opened_ahead_of_need),
		cmocka_unit_test(nobody_listening_is_a_failed_call),
		cmocka_unit_test(an_unknown_name_is_a_failed_call),
		cmocka_unit_test(origins_with_the_same_options_are_one),
		cmocka_unit_test(a_large_body_is_sent_whole),
		cmocka_unit_test(an_early_answer_gives_the_body_back),
		cmocka_unit_test(a_cancelled_call_closes_its_connection),
		cmocka_unit_test(a_paused_call_stops_its_server_and_goes_on),
		cmocka_unit_test(an_end_behind_a_pause_is_told_after_it),
		cmocka_unit_test(a_client_that_ends_tells_nobody),
		cmocka_unit_test(an_idle_connection_is_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
