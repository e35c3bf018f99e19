#include "check.h"

#include "wire/url.h"

static void a_url_is_read_in_parts(void **state UNUSED)
{
	struct url u;

	CHECK_RC(url_read(&u, LIT("https://api.openai.com/v1?api-version=2024-10-21&x"), NULL),
		 OK);
	CHECK(u.https && !u.ipv6 && !u.port_given);
	CHECK_SLICE(u.host, "api.openai.com");
	CHECK_INT(u.port, 443);
	CHECK_SLICE(u.path, "/v1");
	CHECK_SLICE(u.query, "api-version=2024-10-21&x");
	CHECK_SLICE(u.userinfo, "");

	CHECK_RC(url_read(&u, LIT("HTTP://me:p%40ss@proxy.local:3128"), NULL), OK);
	CHECK(!u.https && u.port_given);
	CHECK_SLICE(u.userinfo, "me:p%40ss");
	CHECK_SLICE(u.host, "proxy.local");
	CHECK_INT(u.port, 3128);
	CHECK_SLICE(u.path, "");
	CHECK_SLICE(u.query, "");

	CHECK_RC(url_read(&u, LIT("http://[::1]:11434/"), NULL), OK);
	CHECK(u.ipv6);
	CHECK_SLICE(u.host, "::1");
	CHECK_INT(u.port, 11434);
	CHECK_SLICE(u.path, "/");

	CHECK_RC(url_read(&u, LIT("http://h?a=/b?c"), NULL), OK);
	CHECK_INT(u.port, 80);
	CHECK_SLICE(u.path, "");
	CHECK_SLICE(u.query, "a=/b?c");
}

static void hosts_of_every_good_kind_are_taken(void **state UNUSED)
{
	static const char *const good[] = {
		"http://a",
		"http://my_service-1.svc.cluster.local.",
		"http://127.0.0.1",
		"http://[::]",
		"http://[1::]",
		"http://[1:2:3:4:5:6:7:8]",
		"http://[1:2:3:4:5:6:1.2.3.4]",
		"http://[::ffff:192.168.0.1]",
		"http://[fe80::a:b]",
		"http://[1:2:3:4:5:6:7::]",
		"http://xn--bcher-kva.example:65535/a%20b/c;d=1,2@:!$&'()*+",
	};
	struct err err = { .rc = OK };
	struct url u;

	for (size_t i = 0; i < ARRAY_LEN(good); i++)
		if (url_read(&u, slice_cstr(good[i]), &err) != OK)
			fail_msg("%s: %s", good[i], err.text);
}

static void a_bad_url_is_refused_and_named(void **state UNUSED)
{
	static const struct {
		struct slice url;
		const char *id;
	} bad[] = {
		{ LITC(""), "url.scheme" },
		{ LITC("api.openai.com/v1"), "url.scheme" },
		{ LITC("ftp://a"), "url.scheme" },
		{ LITC("http:/a"), "url.scheme" },
		{ LITC(" http://a"), "url.scheme" },
		{ LITC("http://"), "url.host" },
		{ LITC("http:///v1"), "url.host" },
		{ LITC("http://:80"), "url.host" },
		{ LITC("http://a..b"), "url.host" },
		{ LITC("http://.a"), "url.host" },
		{ LITC("http://a b"), "url.host" },
		{ LITC("http://a\0b"), "url.host" },
		{ LITC("http://a\r\nX: y"), "url.host" },
		{ LITC("http://b\xc3\xbc"
		       "cher"),
		  "url.host" },
		{ LITC("http://a%2fb"), "url.host" },
		{ LITC("http://a\\b"), "url.host" },
		{ LITC("http://"
		       "0123456789012345678901234567890123456789012345678901234567890123"),
		  "url.host" },
		{ LITC("http://::1"), "url.host" },
		{ LITC("http://[::1"), "url.host" },
		{ LITC("http://[::1]x"), "url.host" },
		{ LITC("http://[]"), "url.host" },
		{ LITC("http://[:]"), "url.host" },
		{ LITC("http://[:::]"), "url.host" },
		{ LITC("http://[1::2::3]"), "url.host" },
		{ LITC("http://[1:2:3:4:5:6:7]"), "url.host" },
		{ LITC("http://[1:2:3:4:5:6:7:8:9]"), "url.host" },
		{ LITC("http://[1:2:3:4:5:6:7:8::]"), "url.host" },
		{ LITC("http://[12345::]"), "url.host" },
		{ LITC("http://[1:2:3:4:5:6:7:]"), "url.host" },
		{ LITC("http://[::1.2.3]"), "url.host" },
		{ LITC("http://[::1.2.3.256]"), "url.host" },
		{ LITC("http://[::1.2.3.04]"), "url.host" },
		{ LITC("http://[::1.2.3.4:5]"), "url.host" },
		{ LITC("http://[fe80::1%25eth0]"), "url.host" },
		{ LITC("http://a:"), "url.port" },
		{ LITC("http://a:0"), "url.port" },
		{ LITC("http://a:65536"), "url.port" },
		{ LITC("http://a:+80"), "url.port" },
		{ LITC("http://a:000080"), "url.port" },
		{ LITC("http://a:80a"), "url.port" },
		{ LITC("http://u@v@a"), "url.userinfo" },
		{ LITC("http://u%zz@a"), "url.userinfo" },
		{ LITC("http://a/b c"), "url.path" },
		{ LITC("http://a/%2"), "url.path" },
		{ LITC("http://a/<"), "url.path" },
		{ LITC("http://a/?b=\""), "url.query" },
		{ LITC("http://a/#f"), "url.fragment" },
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = { .rc = OK };
		struct url u;

		if (url_read(&u, bad[i].url, &err) != E_BAD)
			fail_msg("\"%.*s\" was read", SARG(bad[i].url));
		CHECK_STR(err.id, bad[i].id);
		CHECK(err.text[0] != '\0');
	}
}

static void a_password_never_shows_in_a_message(void **state UNUSED)
{
	static const char *const bad[] = {
		"http://me:hunter2@",     "http://me:hunter2@a:99999", "http://me:hunter2@@a",
		"http://me:hunter2@[::1", "http://me:hun@hunter2@a",   "http://me:hunter2 @a",
		"http://me:hunter2@a b/", "http://me:hunter2@a/#",
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		struct err err = { .rc = OK };
		struct url u;

		CHECK_RC(url_read(&u, slice_cstr(bad[i]), &err), E_BAD);
		CHECK(strstr(err.text, "hunter2") == NULL);
	}
}

static void a_target_is_split_at_its_first_question_mark(void **state UNUSED)
{
	static const struct {
		const char *target, *path, *query;
	} rows[] = {
		{ "/v1/models?limit=3", "/v1/models", "limit=3" },
		{ "/", "/", "" },
		{ "/?", "/", "" },
		{ "/a?b?c", "/a", "b?c" },
		{ "*", "*", "" },
		{ "http://h:1/v1?x", "/v1", "x" },
		{ "HTTPS://h", "/", "" },
		{ "http://h?q=1", "/", "q=1" },
		{ "", "", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct slice path, query;

		url_target(slice_cstr(rows[i].target), &path, &query);
		CHECK_SLICE(path, rows[i].path);
		CHECK_SLICE(query, rows[i].query);
	}
}

static void a_query_gives_the_first_value_of_a_name(void **state UNUSED)
{
	const struct slice q = LIT("alt=sse&&key=a%20b=c&key=2&flag&=x&alternative=1");
	struct slice v = LIT("untouched");

	CHECK(url_query(q, LIT("alt"), &v));
	CHECK_SLICE(v, "sse");
	CHECK(url_query(q, LIT("key"), &v));
	CHECK_SLICE(v, "a%20b=c");
	CHECK(url_query(q, LIT("flag"), &v));
	CHECK_SLICE(v, "");
	CHECK(url_query(q, LIT(""), &v));
	CHECK_SLICE(v, "x");
	CHECK(!url_query(q, LIT("fla"), &v));
	CHECK(!url_query(q, LIT("Key"), &v));
	CHECK(!url_query(LIT(""), LIT(""), &v));
	CHECK_SLICE(v, "x");
}

static void a_host_and_its_port_are_parted(void **state UNUSED)
{
	struct slice host;
	uint16_t port = 7;

	CHECK_RC(url_host_port(LIT("localhost"), &host, &port, NULL), OK);
	CHECK_SLICE(host, "localhost");
	CHECK_INT(port, 7); /* none given: left alone */
	CHECK_RC(url_host_port(LIT("127.0.0.1:0"), &host, &port, NULL), OK);
	CHECK_SLICE(host, "127.0.0.1");
	CHECK_INT(port, 0);
	CHECK_RC(url_host_port(LIT("[::1]:8080"), &host, &port, NULL), OK);
	CHECK_SLICE(host, "::1");
	CHECK_INT(port, 8080);
	CHECK_RC(url_host_port(LIT("::1"), &host, &port, NULL), E_BAD);
	CHECK_RC(url_host_port(LIT(":8080"), &host, &port, NULL), E_BAD);
	CHECK_RC(url_host_port(LIT(""), &host, &port, NULL), E_BAD);
	CHECK_RC(url_host_port(LIT("a:b"), &host, &port, NULL), E_BAD);
	CHECK_RC(url_host_port(LIT("a/"), &host, &port, NULL), E_BAD);
	CHECK_RC(url_host_port(LIT("u@a"), &host, &port, NULL), E_BAD);
}

static void what_is_encoded_is_decoded_to_the_same(void **state UNUSED)
{
	static const struct {
		const char *plain, *keep, *coded;
	} t[] = {
		{ "", "", "" },
		{ "aZ09-._~", "", "aZ09-._~" },
		{ "a:b/c d", "", "a%3Ab%2Fc%20d" },
		{ "a:b/c%", "/", "a%3Ab/c%25" },
		{ "\xc3\xa4+", "", "%C3%A4%2B" },
	};
	struct test_mem m;
	struct arena a;

	test_mem_init(&m, 0);
	arena_init(&a, &m.mem, 128, 65536);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		CHECK_SLICE(url_encode(slice_cstr(t[i].plain), t[i].keep, &a), t[i].coded);
		CHECK_SLICE(url_decode(slice_cstr(t[i].coded), &a), t[i].plain);
	}
	CHECK_SLICE(url_decode(LIT("%3a%%4%zz%"), &a), ":%%4%zz%");
	CHECK_INT(url_encode(slice_of("\0", 1), "", &a).n, 3);
	arena_free(&a);
	arena_init(&a, &m.mem, 128, 0);
	CHECK_SLICE(url_encode(LIT(":"), "", &a), "");
	CHECK(arena_failed(&a));
	arena_free(&a);
	CHECK_INT(m.live, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_encoded_is_decoded_to_the_same),
		cmocka_unit_test(a_url_is_read_in_parts),
		cmocka_unit_test(hosts_of_every_good_kind_are_taken),
		cmocka_unit_test(a_bad_url_is_refused_and_named),
		cmocka_unit_test(a_password_never_shows_in_a_message),
		cmocka_unit_test(a_target_is_split_at_its_first_question_mark),
		cmocka_unit_test(a_query_gives_the_first_value_of_a_name),
		cmocka_unit_test(a_host_and_its_port_are_parted),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
