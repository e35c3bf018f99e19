/* Proxies and TLS: who is asked, how, and what when they do not behave.  Runs on both backends.
 */
#include "net_peer.h"

#include "base/sb.h"
#include "cert.h"
#include "io/tls.h"
#include "net/client.h"
#include "net/proxy.h"
#include "net/server.h"

/* ---- who is asked --------------------------------------------------------------------- */

static void no_proxy_names_hosts_suffixes_ports_and_networks(void **state UNUSED)
{
	static const struct {
		const char *list, *host;
		unsigned port;
		bool exempt;
	} rows[] = {
		{ "", "a.example", 443, false },
		{ "*", "a.example", 443, true },
		{ "a.example", "a.example", 443, true },
		{ "A.Example", "a.eXample", 443, true },
		{ "a.example", "b.a.example", 443, true },
		{ ".a.example", "b.a.example", 443, true },
		{ ".a.example", "a.example", 443, true },
		{ "*.a.example", "b.a.example", 443, true },
		{ "a.example", "ba.example", 443, false },
		{ "a.example", "a.example.org", 443, false },
		{ "a.example", "a.example.", 443, true },
		{ "x, ,y b.example\ta.example", "a.example", 443, true },
		{ "a.example:8080", "a.example", 8080, true },
		{ "a.example:8080", "a.example", 443, false },
		{ "a.example:x", "a.example", 443, false },
		{ "127.0.0.1", "127.0.0.1", 80, true },
		{ "127.0.0.1", "127.0.0.10", 80, false },
		{ "7.0.0.1", "127.0.0.1", 80, false },
		{ "127.0.0.1:80", "127.0.0.1", 80, true },
		{ "10.0.0.0/8", "10.255.1.2", 80, true },
		{ "10.0.0.0/8", "11.0.0.1", 80, false },
		{ "10.1.2.128/25", "10.1.2.200", 80, true },
		{ "10.1.2.128/25", "10.1.2.100", 80, false },
		{ "0.0.0.0/0", "1.2.3.4", 80, true },
		{ "10.0.0.0/33", "10.0.0.0", 80, false },
		{ "10.0.0.0/x", "10.0.0.0", 80, false },
		{ "10.0.0.0/8", "10.example", 80, false },
		{ "::1", "::1", 80, true },
		{ "[::1]", "::1", 80, true },
		{ "[::1]:80", "::1", 80, true },
		{ "[::1]:81", "::1", 80, false },
		{ "::1", "0:0:0:0:0:0:0:1", 80, true },
		{ "fd00::/8", "fd12::1", 80, true },
		{ "fd00::/8", "fe80::1", 80, false },
		{ "[", "a", 80, false },
		{ ":", "a", 80, false },
		{ "/", "a", 80, false },
		{ ".", "a", 80, false },
		{ "*.", "a", 80, false },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		bool got = proxy_exempt(slice_cstr(rows[i].list), slice_cstr(rows[i].host),
					(uint16_t)rows[i].port);

		if (got != rows[i].exempt)
			print_error("\"%s\" and %s\n", rows[i].list, rows[i].host);
		CHECK_INT(got, rows[i].exempt);
	}
}

static void a_proxy_is_read_with_its_credentials(void **state UNUSED)
{
	static const struct {
		const char *proxy;
		enum rc rc;
		const char *host;
		unsigned port;
		const char *auth;
	} rows[] = {
		{ "", OK, "", 0, "" },
		{ "http://p.example:3128", OK, "p.example", 3128, "" },
		{ "http://p.example/", OK, "p.example", 80, "" },
		{ "p.example:3128", OK, "p.example", 3128, "" },
		{ "http://user:pa%3Ass@[::1]:8080", OK, "::1", 8080, "Basic dXNlcjpwYTpzcw==" },
		{ "http://user@p", OK, "p", 80, "Basic dXNlcjo=" },
		{ "http://u%4:p@p", E_BAD, "", 0, "" },
		{ "http://u%zz:p@p", E_BAD, "", 0, "" },
		{ "https://p.example", E_BAD, "", 0, "" },
		{ "socks5://p.example", E_BAD, "", 0, "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct proxy_settings s = { .https_proxy = slice_cstr(rows[i].proxy),
						  .http_proxy = LIT("http://other") };
		struct err err = { 0 };
		struct test_mem mem;
		struct arena a;
		struct proxy p;
		struct url to;

		test_mem_init(&mem, 0);
		arena_init(&a, &mem.mem, 256, 8192);
		CHECK_RC(url_read(&to, LIT("https://api.example"), &err), OK);
		CHECK_RC(proxy_for(&p, &s, &to, &a, &err), rows[i].rc);
		if (rows[i].rc == OK) {
			CHECK_SLICE(p.host, rows[i].host);
			CHECK_INT(p.port, rows[i].port);
			CHECK_SLICE(secret_reveal(p.auth), rows[i].auth);
		} else {
			CHECK(err.text[0] != '\0' && strstr(err.text, ":p@") == NULL);
		}
		arena_free(&a);
		CHECK_INT(mem.live, 0);
	}
}

static void over_long_credentials_are_refused(void **state UNUSED)
{
	char text[1000] = "http://";
	struct proxy_settings s = { .https_proxy = slice_cstr(text) };
	struct err err = { 0 };
	struct test_mem mem;
	struct arena a;
	struct proxy p;
	struct url to;

	memset(text + 7, 'u', 900);
	snprintf(text + 907, sizeof(text) - 907, ":p@host");
	s.https_proxy = slice_cstr(text);
	test_mem_init(&mem, 0);
	arena_init(&a, &mem.mem, 256, 8192);
	CHECK_RC(url_read(&to, LIT("https://api.example"), &err), OK);
	CHECK_RC(proxy_for(&p, &s, &to, &a, &err), E_BAD);
	arena_free(&a);
}

/* ---- a stage: an origin with TLS, a proxy played by hand -------------------------------- */

struct stage {
	struct clockwork w;
	struct cert cert;
	struct tls_client *tls;
	struct tls_server *tls_server;
	struct http_server *origin;
	struct address origin_at;
	struct listener *proxy;
	struct address proxy_at;
	struct peer asked[4]; /* connections to the proxy */
	size_t asked_n;
	struct http_client *client;
	struct arena arena;
	bool over, ended;
	unsigned status;
	char body[100];
	size_t body_n;
	enum rc why;
	struct err err;
};

static size_t body_max(void *ctx UNUSED, const struct http_request *r UNUSED)
{
	return 100;
}

static void on_request(void *ctx UNUSED, struct http_request *r, void **of_request UNUSED)
{
	reply_send(r, 200, NULL, 0, request_is_tls(r) ? LIT("sealed") : LIT("open"));
}

static void on_gone(void *ctx UNUSED, void *of_request UNUSED, enum rc why UNUSED)
{
}

static const struct http_handler handler = {
	.body_max = body_max,
	.request = on_request,
	.drained = NULL,
	.gone = on_gone,
};

static void on_asked(void *ctx, struct conn *c)
{
	struct stage *s = ctx;

	CHECK(s->asked_n < ARRAY_LEN(s->asked));
	peer_take(&s->asked[s->asked_n++], &s->w, c);
}

static void begin(struct stage *s)
{
	const struct http_server_limits server_limits = { 0 };
	const struct http_client_limits client_limits = { 0 };
	struct tls_client_options c = { .alpn = LIT("http/1.1") };
	struct tls_server_options t = { .alpn = LIT("http/1.1") };
	struct err err = { 0 };
	struct address any;

	*s = (struct stage){ .over = false };
	clockwork_begin(&s->w);
	cert_make(&s->cert, &(struct cert_spec){
				    .name = "origin.example",
				    .alt = "DNS:origin.example,IP:127.0.0.1,IP:10.0.0.100",
				    .authority = true,
			    });
	c.ca_file = t.cert_file = slice_cstr(s->cert.cert_file);
	t.key_file = slice_cstr(s->cert.key_file);
	CHECK_RC(tls_client_new(&s->tls, &c, &err), OK);
	CHECK_RC(tls_server_new(&s->tls_server, &t, &err), OK);
	CHECK_RC(address_read(&any, LIT("127.0.0.1"), 0), OK);
	CHECK_RC(http_server_new(&s->origin, s->w.l, &server_limits, &handler, s, NULL, &err),
		 OK);
	CHECK_RC(http_server_listen(s->origin, &any, s->tls_server, &err), OK);
	http_server_address(s->origin, 0, &s->origin_at);
	CHECK_RC(listener_open(&s->proxy, s->w.l, &any, NULL, on_asked, s, &err), OK);
	listener_local(s->proxy, &s->proxy_at);
	CHECK_RC(http_client_new(&s->client, s->w.l, &client_limits, NULL, &err), OK);
	arena_init(&s->arena, loop_mem(s->w.l), 512, 65536);
}

static void end(struct stage *s)
{
	arena_free(&s->arena);
	http_client_free(s->client);
	http_server_free(s->origin);
	listener_close(s->proxy);
	for (size_t i = 0; i < s->asked_n; i++)
		peer_close(&s->asked[i], CONN_NOW);
	clockwork_end(&s->w);
	tls_client_free(s->tls);
	tls_server_free(s->tls_server);
	cert_free(&s->cert);
}

static void on_head(void *ctx, const struct http_head *head)
{
	((struct stage *)ctx)->status = head->status;
}

static void on_body(void *ctx, struct slice bytes)
{
	struct stage *s = ctx;

	CHECK(bytes.n < sizeof(s->body) - s->body_n);
	memcpy(s->body + s->body_n, bytes.p, bytes.n);
	s->body_n += bytes.n;
}

static void on_end(void *ctx)
{
	struct stage *s = ctx;

	s->over = s->ended = true;
}

static void on_failed(void *ctx, enum rc why, const struct err *err)
{
	struct stage *s = ctx;

	s->over = true;
	s->why = why;
	s->err = *err;
}

static const struct http_call_events call_events = {
	.head = on_head,
	.body = on_body,
	.end = on_end,
	.failed = on_failed,
};

/* GET /x of `scheme`://`host`:(the origin's port), by the proxy if `user` is not NULL. */
static struct origin *get(struct stage *s, const char *scheme, const char *host,
			  const char *user)
{
	const struct http_call_options o = { .method = LIT("GET"), .target = LIT("/x") };
	struct origin_options oo = { .tls = s->tls, .connect_timeout_us = 5 * SECOND_US };
	char url[200], proxy[300], at[64];
	struct proxy_settings p = { .no_proxy = { NULL, 0 } };
	struct err err = { 0 };
	struct http_call *call;
	struct origin *origin;
	struct sb b;

	sb_init(&b, at, sizeof(at));
	address_print(&s->proxy_at, &b);
	snprintf(proxy, sizeof(proxy), "http://%s%s", user != NULL ? user : "", sb_cstr(&b));
	snprintf(url, sizeof(url), "%s://%s:%u", scheme, host, address_port(&s->origin_at));
	p.http_proxy = p.https_proxy = slice_cstr(proxy);
	oo.proxy = user != NULL ? &p : NULL;
	CHECK_RC(url_read(&oo.url, slice_cstr(url), &err), OK);
	CHECK_RC(origin_get(&origin, s->client, &oo, &err), OK);
	s->over = s->ended = false;
	s->body_n = 0;
	CHECK_RC(http_call_start(&call, origin, &o, &s->arena, &call_events, s, &err), OK);
	return origin;
}

static struct peer *asked(struct stage *s, size_t i)
{
	while (s->asked_n <= i)
		tick(&s->w);
	peer_await(&s->asked[i], "\r\n\r\n");
	return &s->asked[i];
}

static void finish(struct stage *s)
{
	while (!s->over)
		tick(&s->w);
}

/* Carries bytes between the two until the call is over. */
static void carry(struct stage *s, struct peer *a, struct peer *b)
{
	while (!s->over) {
		struct peer *from[2] = { a, b }, *to[2] = { b, a };

		for (size_t i = 0; i < 2; i++) {
			if (from[i]->n > 0)
				peer_say(to[i], slice_of(from[i]->got, from[i]->n));
			peer_forget(from[i]);
		}
		tick(&s->w);
	}
}

/* ---- how -----------------------------------------------------------------------------------
 */

static void plain_calls_name_the_origin_to_the_proxy(void **state UNUSED)
{
	struct stage s;
	struct origin *o;
	char want[300];

	begin(&s);
	o = get(&s, "http", "origin.example", "user:secret@");
	snprintf(want, sizeof(want),
		 "GET http://origin.example:%u/x HTTP/1.1\r\nHost: origin.example:%u\r\n"
		 "Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n\r\n",
		 address_port(&s.origin_at), address_port(&s.origin_at));
	CHECK_STR(asked(&s, 0)->got, want);
	peer_say(&s.asked[0], LIT("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"));
	finish(&s);
	CHECK(s.ended);
	CHECK_STR(s.body, "ok");
	origin_put(o);
	end(&s);
}

static void tls_goes_through_a_tunnel(void **state UNUSED)
{
	struct stage s;
	struct peer out;
	struct origin *o, *again;
	char want[300];

	begin(&s);
	o = get(&s, "https", "origin.example", "user:secret@");
	snprintf(want, sizeof(want),
		 "CONNECT origin.example:%u HTTP/1.1\r\nHost: origin.example:%u\r\n"
		 "Proxy-Authorization: Basic dXNlcjpzZWNyZXQ=\r\n\r\n",
		 address_port(&s.origin_at), address_port(&s.origin_at));
	CHECK_STR(asked(&s, 0)->got, want);
	peer_forget(&s.asked[0]);
	peer_connect(&out, &s.w, &s.origin_at);
	peer_say(&s.asked[0], LIT("HTTP/1.1 200 Connection established\r\n"));
	tick(&s.w);
	peer_say(&s.asked[0], LIT("Via: test\r\n\r\n"));
	carry(&s, &s.asked[0], &out);
	CHECK(s.ended);
	CHECK_INT(s.status, 200);
	CHECK_STR(s.body, "sealed");
	/* The tunnel is kept, and the origin is found again. */
	again = get(&s, "https", "origin.example", "user:secret@");
	CHECK(again == o);
	carry(&s, &s.asked[0], &out);
	CHECK(s.ended);
	CHECK_INT(s.asked_n, 1);
	origin_put(o);
	origin_put(again);
	peer_close(&out, CONN_NOW);
	end(&s);
}

static void a_proxy_that_does_not_open_the_tunnel_is_a_failed_call(void **state UNUSED)
{
	static const struct {
		const char *answer, *id;
	} rows[] = {
		{ "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 100\r\n\r\n",
		  "proxy.refused" },
		{ "HTTP/1.1 200 OK\r\n\r\nsurprise", "proxy.extra" },
		{ "220 smtp ready\r\n", "proxy.bad" },
		{ "", "net.closed" },
		{ "HTTP/1.1 20", "net.closed" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct stage s;
		struct origin *o;

		begin(&s);
		o = get(&s, "https", "origin.example", "user:secret@");
		peer_say(asked(&s, 0), slice_cstr(rows[i].answer));
		if (strcmp(rows[i].id, "net.closed") == 0) {
			conn_close(s.asked[0].c, CONN_FLUSH);
			s.asked[0].c = NULL;
		}
		finish(&s);
		CHECK(!s.ended);
		CHECK_RC(s.why, E_CONNECT);
		CHECK_STR(s.err.id, rows[i].id);
		CHECK(strstr(s.err.text, "secret") == NULL);
		origin_put(o);
		end(&s);
	}
}

static void tls_is_spoken_directly_and_the_name_is_checked(void **state UNUSED)
{
	struct stage s;
	struct origin *o;
	char host[64];
	struct sb b;

	begin(&s);
	sb_init(&b, host, sizeof(host));
	address_print(&s.origin_at, &b);
	*strchr(host, ':') = '\0';
	o = get(&s, "https", host, NULL);
	finish(&s);
	CHECK(s.ended);
	CHECK_STR(s.body, "sealed");
	origin_put(o);
	/* The same server under a name that its certificate does not have. */
	o = get(&s, "https", "other.example", "");
	asked(&s, 0);
	peer_forget(&s.asked[0]);
	{
		struct peer out;

		peer_connect(&out, &s.w, &s.origin_at);
		peer_say(&s.asked[0], LIT("HTTP/1.1 200 OK\r\n\r\n"));
		carry(&s, &s.asked[0], &out);
		peer_close(&out, CONN_NOW);
	}
	CHECK(!s.ended);
	CHECK_RC(s.why, E_TLS);
	origin_put(o);
	end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_proxy_names_hosts_suffixes_ports_and_networks),
		cmocka_unit_test(a_proxy_is_read_with_its_credentials),
		cmocka_unit_test(over_long_credentials_are_refused),
		cmocka_unit_test(plain_calls_name_the_origin_to_the_proxy),
		cmocka_unit_test(tls_goes_through_a_tunnel),
		cmocka_unit_test(a_proxy_that_does_not_open_the_tunnel_is_a_failed_call),
		cmocka_unit_test(tls_is_spoken_directly_and_the_name_is_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
