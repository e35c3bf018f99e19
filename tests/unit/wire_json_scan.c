#include "check.h"

#include "wire/json_scan.h"

static enum rc scan(struct slice text, struct json_problem *p)
{
	enum json_kind kind;
	size_t n;

	return json_scan(text, &kind, NULL, 0, &n, p);
}

/* In a block of its own size, so that ASAN sees a read past the end. */
static enum rc scan_exact(struct slice text, struct json_problem *p)
{
	char *copy = malloc(text.n > 0 ? text.n : 1);
	enum rc rc;

	CHECK(copy != NULL);
	if (text.n > 0)
		memcpy(copy, text.p, text.n);
	rc = scan(slice_of(copy, text.n), p);
	free(copy);
	return rc;
}

static void what_is_json_is_accepted(void **state UNUSED)
{
	static const char *const texts[] = {
		"{}",
		"[]",
		"null",
		"true",
		"false",
		"0",
		"-0",
		"10",
		"-1.5e+10",
		"1E-2",
		"0.0e0",
		"123456789012345678901234567890",
		"1e999",
		"\"\"",
		" \t\r\n{ \"a\" : [ 1 , { } , [ ] ] } \n",
		"\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u0000\\uD83D\\udE00\"",
		"\"\x7f\"",
		"\"\xc2\x80\xdf\xbf\xe0\xa0\x80\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf\"",
		"\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\"",
		"{\"\":{\"\":[[[]]]},\"\":0}",
		"[\"\\ud83d\",\"\\ude00\\ud83d\"]", /* half pairs: see the header */
	};

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (scan_exact(slice_cstr(texts[i]), NULL) != OK)
			fail_msg("refused: %s", texts[i]);
	}
}

static void what_is_not_json_is_refused(void **state UNUSED)
{
	static const char *const texts[] = {
		"",
		" ",
		"\xef\xbb\xbf{}", /* a byte order mark */
		"{",
		"[",
		"}",
		"]",
		"[}",
		"{]",
		"[1}",
		"{\"a\":1]",
		"[1,]",
		"[,1]",
		"[1 2]",
		"[1,,2]",
		"{\"a\":1,}",
		"{,}",
		"{\"a\"}",
		"{\"a\":}",
		"{\"a\" 1}",
		"{a:1}",
		"{1:1}",
		"{\"a\":1 \"b\":2}",
		"{\"a\":1,,\"b\":2}",
		"{} {}",
		"1 2",
		"{}x",
		"{}\f",
		"\v{}",
		"nul",
		"nulll",
		"True",
		"tru",
		"falsy",
		"NaN",
		"Infinity",
		"-",
		"+1",
		"01",
		"-01",
		".5",
		"1.",
		"1.e5",
		"1e",
		"1e+",
		"0x10",
		"1_000",
		"--1",
		"\"",
		"\"a",
		"'a'",
		"\"\\",
		"\"\\\"",
		"\"\\x41\"",
		"\"\\u12\"",
		"\"\\u123g\"",
		"\"\\U00e9\"",
		"\"\n\"",
		"\"\t\"",
		"\"\x1f\"",
		"\"\x80\"",
		"\"\xc0\x80\"",
		"\"\xc1\xbf\"",
		"\"\xc3\"",
		"\"\xc3(\"",
		"\"\xe0\x9f\xbf\"",
		"\"\xe2\x82\"",
		"\"\xed\xa0\x80\"",
		"\"\xf0\x8f\xbf\xbf\"",
		"\"\xf4\x90\x80\x80\"",
		"\"\xf5\x80\x80\x80\"",
		"\"\xf0\x9f\x98\"",
		"\"\xff\"",
		"\xc3\xa9",
		"[1]//",
		"/**/1",
	};
	enum json_kind kind = JSON_BOOL;
	size_t n = 9;

	for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
		if (scan_exact(slice_cstr(texts[i]), NULL) != E_BAD)
			fail_msg("not refused: %s", texts[i]);
	}
	CHECK_RC(scan(slice_of("1\0", 2), NULL), E_BAD);
	CHECK_RC(scan(slice_of("\"\0\"", 3), NULL), E_BAD);
	CHECK_RC(json_scan(LIT("{\"a\":1,"), &kind, NULL, 0, &n, NULL), E_BAD);
	CHECK_INT(n, 0);
	CHECK_INT(kind, JSON_BOOL);
}

/* Each place of a block of 16, and each kind of byte there, is looked at. */
static void a_bad_byte_is_found_wherever_it_is_in_a_string(void **state UNUSED)
{
	static const char bad[] = { '\0', '\n', '\x1f', '\x80', '\xff', '\xc3' };
	char text[80];

	for (size_t len = 1; len < 70; len++) {
		for (size_t at = 0; at < len; at++) {
			for (size_t b = 0; b < sizeof(bad); b++) {
				struct json_problem p;

				memset(text, 'x', sizeof(text));
				text[0] = text[len + 1] = '"';
				CHECK_RC(scan_exact(slice_of(text, len + 2), NULL), OK);
				text[1 + at] = bad[b];
				CHECK_RC(scan_exact(slice_of(text, len + 2), &p), E_BAD);
				CHECK_INT(p.at, at + 1);
			}
		}
	}
}

static void a_string_ends_at_its_first_quote_wherever_it_is(void **state UNUSED)
{
	char text[100];

	for (size_t len = 0; len < 70; len++) {
		struct json_member m;
		enum json_kind kind;
		size_t n;

		memset(text, '[', sizeof(text));
		memcpy(text, "{\"\":\"", 5);
		memcpy(text + 5 + len, "\",\"b\":2}", 8);
		CHECK_RC(json_scan(slice_of(text, len + 13), &kind, &m, 1, &n, NULL), OK);
		CHECK_INT(n, 2);
		CHECK_INT(m.value.n, len + 2);
		CHECK_INT(json_object(slice_of(text, len + 13), &m, 1), 2);
		CHECK_INT(m.value.n, len + 2);
		if (len < 1)
			continue;
		text[5 + len - 1] = '\\'; /* and not at this one */
		CHECK_RC(json_scan(slice_of(text, len + 13), &kind, &m, 1, &n, NULL), E_BAD);
	}
}

static void every_beginning_of_a_text_is_refused(void **state UNUSED)
{
	const struct slice text = LIT(
		"{\"id\":\"a\\u00e9\\n\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80\",\"n\":-1.5e+3 , "
		"\"l\":[true,false,null,[],{},{\"k\":[1]}]\t}");

	CHECK_RC(scan_exact(text, NULL), OK);
	for (size_t n = 0; n < text.n; n++) {
		struct json_problem p;

		CHECK_RC(scan_exact(slice_of(text.p, n), &p), E_BAD);
		CHECK(p.at <= n);
		/* Only a cut UTF-8 sequence is wrong before the end. */
		CHECK(p.at == n || (unsigned char)text.p[p.at] >= 0x80);
	}
}

static void the_members_of_the_outermost_object_are_mapped(void **state UNUSED)
{
	const struct slice text = LIT(" {\"model\" : \"m\",\n\"n\":1.5,\"a\":[1,{\"x\":2}],"
				      "\"\\u006f\":{\"y\":{}},\"t\":true,\"z\":null }\n");
	static const struct {
		const char *key, *value;
		enum json_kind kind;
	} want[] = {
		{ "model", "\"m\"", JSON_STRING },    { "n", "1.5", JSON_NUMBER },
		{ "a", "[1,{\"x\":2}]", JSON_ARRAY }, { "\\u006f", "{\"y\":{}}", JSON_OBJECT },
		{ "t", "true", JSON_BOOL },           { "z", "null", JSON_NULL },
	};
	struct json_member m[8], again[8];
	enum json_kind kind;
	size_t n;

	CHECK_RC(json_scan(text, &kind, m, 8, &n, NULL), OK);
	CHECK_INT(kind, JSON_OBJECT);
	CHECK_INT(n, ARRAY_LEN(want));
	for (size_t i = 0; i < n; i++) {
		CHECK_SLICE(m[i].key, want[i].key);
		CHECK_SLICE(m[i].value, want[i].value);
		CHECK_INT(m[i].kind, want[i].kind);
		CHECK_INT(m[i].key_escaped, i == 3);
	}
	/* The reader of trusted text sees the same. */
	CHECK_INT(json_object(slice_trim(slice_skip(text, 1)), again, 8), n);
	for (size_t i = 0; i < n; i++) {
		CHECK(again[i].key.p == m[i].key.p && again[i].key.n == m[i].key.n);
		CHECK(again[i].value.p == m[i].value.p && again[i].value.n == m[i].value.n);
		CHECK_INT(again[i].kind, m[i].kind);
		CHECK_INT(again[i].key_escaped, m[i].key_escaped);
	}
}

static void members_over_the_room_are_counted_and_not_stored(void **state UNUSED)
{
	struct json_member m[3] = { [2] = { .key = LITC("untouched") } };
	enum json_kind kind;
	size_t n;

	CHECK_RC(json_scan(LIT("{\"a\":1,\"b\":2,\"c\":3,\"d\":4}"), &kind, m, 2, &n, NULL),
		 OK);
	CHECK_INT(n, 4);
	CHECK_SLICE(m[1].key, "b");
	CHECK_SLICE(m[2].key, "untouched");
	CHECK_INT(json_object(LIT("{\"a\":1,\"b\":2,\"c\":3 }"), m, 2), 3);
	CHECK_SLICE(m[2].key, "untouched");
	CHECK_RC(json_scan(LIT(" [1]"), &kind, m, 2, &n, NULL), OK);
	CHECK_INT(n, 0);
	CHECK_INT(kind, JSON_ARRAY);
	CHECK_RC(json_scan(LIT("{ }"), &kind, m, 2, &n, NULL), OK);
	CHECK_INT(n, 0);
	CHECK_INT(kind, JSON_OBJECT);
}

static struct slice nested(char *room, size_t depth, bool objects)
{
	size_t n = 0;

	for (size_t i = 0; i < depth; i++) {
		const struct slice open = objects && i % 2 == 0 ? LIT("{\"a\":") : LIT("[");

		memcpy(room + n, open.p, open.n);
		n += open.n;
	}
	room[n++] = '1';
	for (size_t i = depth; i-- > 0;)
		room[n++] = objects && i % 2 == 0 ? '}' : ']';
	return slice_of(room, n);
}

static void the_limit_of_depth_is_exact(void **state UNUSED)
{
	char room[8 * (JSON_DEPTH_MAX + 2)];
	struct json_problem p;

	for (int objects = 0; objects < 2; objects++) {
		CHECK_RC(scan(nested(room, JSON_DEPTH_MAX, objects), NULL), OK);
		CHECK_RC(scan(nested(room, JSON_DEPTH_MAX + 1, objects), &p), E_TOOBIG);
		CHECK_STR(p.what, "nested too deeply");
	}
	CHECK_INT(p.at, JSON_DEPTH_MAX / 2 * 6);
	/* Depth is given back: many side by side are fine. */
	CHECK_RC(scan(LIT("{\"a\":[[[]],[[]],[[]]],\"b\":[{},{},{\"a\":[]}],\"c\":[]}"), NULL),
		 OK);
}

static void a_problem_has_its_line_and_column(void **state UNUSED)
{
	struct json_problem p;

	CHECK_RC(scan(LIT("{\n  \"a\": 1,\n  \"b\": tru\n}"), &p), E_BAD);
	CHECK_STR(p.what, "unexpected character");
	CHECK_INT(p.at, 22);
	CHECK_INT(p.line, 3);
	CHECK_INT(p.column, 11);
	CHECK_RC(scan(LIT("[1,]"), &p), E_BAD);
	CHECK_STR(p.what, "comma before the end");
	CHECK_INT(p.line, 1);
	CHECK_INT(p.column, 4);
	CHECK_RC(scan(LIT("[1,\n"), &p), E_BAD);
	CHECK_STR(p.what, "unexpected end");
	CHECK_INT(p.at, 4);
	CHECK_INT(p.line, 2);
	CHECK_INT(p.column, 1);
	CHECK_RC(scan(LIT(""), &p), E_BAD);
	CHECK_STR(p.what, "unexpected end");
	CHECK_INT(p.line, 1);
	CHECK_INT(p.column, 1);
	CHECK_RC(scan(slice_of(NULL, 0), &p), E_BAD);
	CHECK_RC(scan(LIT("{\"a\" 1}"), &p), E_BAD);
	CHECK_STR(p.what, "expected a colon");
	CHECK_RC(scan(LIT("{\"a\":1 2}"), &p), E_BAD);
	CHECK_STR(p.what, "expected a comma or }");
	CHECK_RC(scan(LIT("{} x"), &p), E_BAD);
	CHECK_STR(p.what, "more after the end");
	CHECK_INT(p.at, 3);
}

static void a_member_is_found_however_its_key_is_written(void **state UNUSED)
{
	struct json_member m[8];
	enum json_kind kind;
	bool twice = true;
	size_t n;

	CHECK_RC(json_scan(LIT("{\"models\":0,\"mod\\u0065l\":1,\"mode\":2,\"a\\nb\":3,"
			       "\"mod\\u0065\":4,\"\xf0\x9f\x98\x80\":5}"),
			   &kind, m, 8, &n, NULL),
		 OK);
	CHECK(json_member_find(m, n, LIT("model"), &twice) == &m[1]);
	CHECK(!twice);
	CHECK(json_member_find(m, n, LIT("models"), NULL) == &m[0]);
	CHECK(json_member_find(m, n, LIT("mode"), &twice) == &m[2]);
	CHECK(twice);
	CHECK(json_member_find(m, n, LIT("a\nb"), &twice) == &m[3]);
	CHECK(json_member_find(m, n, LIT("a\\nb"), NULL) == NULL);
	CHECK(json_member_find(m, n, LIT("\xf0\x9f\x98\x80"), NULL) == &m[5]);
	CHECK(json_member_find(m, n, LIT(""), &twice) == NULL);
	CHECK(!twice);
	CHECK(json_member_find(m, 0, LIT("model"), NULL) == NULL);
}

static void an_array_is_walked(void **state UNUSED)
{
	static const char *const want[] = { "1", "\"]\"", "[2,[3]]", "{\"a\":[\"}\"]}",
					    "null" };
	struct json_array a = json_array(LIT("[ 1,\"]\" , [2,[3]],{\"a\":[\"}\"]},\nnull ]"));
	struct slice value;
	enum json_kind kind;
	size_t n = 0;

	for (; json_array_next(&a, &value, &kind); n++) {
		CHECK(n < ARRAY_LEN(want));
		CHECK_SLICE(value, want[n]);
		CHECK_INT(kind, json_kind(slice_cstr(want[n])));
	}
	CHECK_INT(n, ARRAY_LEN(want));
	CHECK(!json_array_next(&a, &value, &kind));
	a = json_array(LIT("[ ]"));
	CHECK(!json_array_next(&a, &value, &kind));
	a = json_array(LIT("{}"));
	CHECK(!json_array_next(&a, &value, &kind));
	CHECK_INT(json_object(LIT("[]"), NULL, 0), 0);
	CHECK_INT(json_object(slice_of(NULL, 0), NULL, 0), 0);
}

static void an_escaped_quote_does_not_end_a_string(void **state UNUSED)
{
	const struct slice text =
		LIT("{\"a\\\\\":\"\\\"}\\\\\",\"b\\\"\":[\"\\\\\",\"]\\\"\"]}");
	struct json_member m[4];
	struct slice value;
	enum json_kind kind;
	struct json_array a;
	size_t n;

	for (int trusted = 0; trusted < 2; trusted++) {
		if (trusted)
			n = json_object(text, m, 4);
		else
			CHECK_RC(json_scan(text, &kind, m, 4, &n, NULL), OK);
		CHECK_INT(n, 2);
		CHECK_SLICE(m[0].key, "a\\\\");
		CHECK_SLICE(m[0].value, "\"\\\"}\\\\\"");
		CHECK_SLICE(m[1].key, "b\\\"");
		CHECK_SLICE(m[1].value, "[\"\\\\\",\"]\\\"\"]");
	}
	a = json_array(m[1].value);
	CHECK(json_array_next(&a, &value, &kind));
	CHECK_SLICE(value, "\"\\\\\"");
	CHECK(json_array_next(&a, &value, &kind));
	CHECK_SLICE(value, "\"]\\\"\"");
	CHECK(!json_array_next(&a, &value, &kind));
}

static void whole_numbers_are_read_in_any_notation(void **state UNUSED)
{
	static const struct {
		const char *text;
		uint64_t want;
	} good[] = {
		{ "0", 0 },
		{ "-0", 0 },
		{ "0.000e5", 0 },
		{ "0e99999999999999999999999", 0 },
		{ "7", 7 },
		{ "1.0", 1 },
		{ "1e2", 100 },
		{ "1E+2", 100 },
		{ "1.5e1", 15 },
		{ "1200e-2", 12 },
		{ "0.00012e5", 12 },
		{ "10.00100e3", 10001 },
		{ "18446744073709551615", UINT64_MAX },
		{ "18446744073709551615.000", UINT64_MAX },
		{ "1844674407370955161.5e1", UINT64_MAX },
		{ "1e19", UINT64_C(10000000000000000000) },
		{ "100000000000000000000e-10", UINT64_C(10000000000) },
	};
	static const char *const bad[] = { "1.5",
					   "-1",
					   "18446744073709551616",
					   "1e20",
					   "1e-1",
					   "0.1",
					   "1e99999999999999999999999",
					   "1e-99999999999999999999999",
					   "1.00000000000000000000001",
					   "null",
					   "\"1\"",
					   "true",
					   "[1]",
					   "" };
	uint64_t v = 5;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		if (json_u64(slice_cstr(bad[i]), &v))
			fail_msg("%s", bad[i]);
		CHECK_INT(v, 5);
	}
	for (size_t i = 0; i < ARRAY_LEN(good); i++) {
		if (!json_u64(slice_cstr(good[i].text), &v) || v != good[i].want)
			fail_msg("%s", good[i].text);
	}
}

static void booleans_are_read_and_nothing_else_is_one(void **state UNUSED)
{
	bool v = false;

	CHECK(json_bool(LIT("true"), &v) && v);
	CHECK(json_bool(LIT("false"), &v) && !v);
	CHECK(!json_bool(LIT("null"), &v));
	CHECK(!json_bool(LIT("1"), &v));
	CHECK(!json_bool(LIT("\"true\""), &v));
	CHECK(!json_bool(slice_of(NULL, 0), &v));
}

static void strings_are_decoded(void **state UNUSED)
{
	static const struct {
		const char *text, *want;
	} t[] = {
		{ "\"plain\"", "plain" },
		{ "\"\"", "" },
		{ "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t" },
		{ "\"a\\u00e9b\"", "a\xc3\xa9"
				   "b" },
		{ "\"\\u20AC\\uffff\\u007f\\u0080\\u07ff\\u0800\"",
		  "\xe2\x82\xac\xef\xbf\xbf\x7f\xc2\x80\xdf\xbf\xe0\xa0\x80" },
		{ "\"\\uD83D\\uDE00\"", "\xf0\x9f\x98\x80" },
		{ "\"\\udbff\\udfff\"", "\xf4\x8f\xbf\xbf" },
		{ "\"\\ud800\"", "\xef\xbf\xbd" },
		{ "\"\\ude00x\"", "\xef\xbf\xbdx" },
		{ "\"\\ud83d\\n\"", "\xef\xbf\xbd\n" },
		{ "\"\\ud83d\\uffff\"", "\xef\xbf\xbd\xef\xbf\xbf" },
		{ "\"\\ud83d\\u0041\"", "\xef\xbf\xbd"
					"A" },
		{ "\"\\ud83d\\ud83d\\ude00\"", "\xef\xbf\xbd\xf0\x9f\x98\x80" },
	};
	struct test_mem mem;
	struct arena a;
	struct slice out = LIT("untouched");

	test_mem_init(&mem, 0);
	arena_init(&a, &mem.mem, 256, 4096);
	CHECK(!json_string(LIT("1"), &a, &out));
	CHECK(!json_string(slice_of(NULL, 0), &a, &out));
	CHECK_SLICE(out, "untouched");
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		const struct slice text = slice_cstr(t[i].text);
		const struct slice want = slice_cstr(t[i].want);

		CHECK(json_string(text, &a, &out));
		CHECK_SLICE(out, t[i].want);
		CHECK(json_string_is(text, want));
		CHECK(!json_string_is(text, slice_of("another", 7)));
		if (want.n > 0)
			CHECK(!json_string_is(text, slice_head(want, want.n - 1)));
		CHECK(json_string_nonempty(text) == (want.n > 0));
	}
	CHECK(json_string(LIT("\"a\\u0000b\""), &a, &out));
	CHECK(slice_eq(out, slice_of("a\0b", 3)));
	CHECK(!json_string_is(LIT("\"abc\""), LIT("abcd")));
	CHECK(!json_string_is(LIT("null"), LIT("null")));
	CHECK(!json_string_nonempty(LIT("null")));
	arena_free(&a);
	CHECK_INT(mem.live, 0);
}

static void a_string_without_escapes_is_borrowed(void **state UNUSED)
{
	const struct slice text = LIT("\"as it is\"");
	struct slice out;

	CHECK(json_string(text, NULL, &out));
	CHECK(out.p == text.p + 1);
	CHECK_INT(out.n, 8);
}

static void decoding_body(struct test_mem *t)
{
	struct slice out = LIT("untouched");
	struct arena a;

	arena_init(&a, &t->mem, 128, 4096);
	if (json_string(LIT("\"a\\nb\""), &a, &out))
		CHECK_SLICE(out, "a\nb");
	else
		CHECK_SLICE(out, "untouched");
	arena_free(&a);
}

static void decoding_survives_failing_memory(void **state UNUSED)
{
	sweep(decoding_body);
}

static void numbers_are_read_as_doubles(void **state UNUSED)
{
	static const struct {
		const char *text;
		bool ok;
		double v;
	} rows[] = {
		{ "0", true, 0 },
		{ "-0.0", true, 0 },
		{ "0.1", true, 0.1 },
		{ "-12.50e-1", true, -1.25 },
		{ "9007199254740993", true, 9007199254740992.0 },
		{ "123456789012345678901234567890", true, 123456789012345678901234567890.0 },
		{ "1e-30", true, 1e-30 },
		{ "2.2250738585072014e-308", true, 2.2250738585072014e-308 },
		{ "1e400", false, 0 },
		{ "\"1\"", false, 0 },
		{ "", false, 0 },
		{ "true", false, 0 },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		double v = 77;

		CHECK_INT(json_double(slice_cstr(rows[i].text), &v), rows[i].ok);
		CHECK(v == (rows[i].ok ? rows[i].v : 77));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_as_doubles),
		cmocka_unit_test(what_is_json_is_accepted),
		cmocka_unit_test(what_is_not_json_is_refused),
		cmocka_unit_test(a_bad_byte_is_found_wherever_it_is_in_a_string),
		cmocka_unit_test(a_string_ends_at_its_first_quote_wherever_it_is),
		cmocka_unit_test(every_beginning_of_a_text_is_refused),
		cmocka_unit_test(the_members_of_the_outermost_object_are_mapped),
		cmocka_unit_test(members_over_the_room_are_counted_and_not_stored),
		cmocka_unit_test(the_limit_of_depth_is_exact),
		cmocka_unit_test(a_problem_has_its_line_and_column),
		cmocka_unit_test(a_member_is_found_however_its_key_is_written),
		cmocka_unit_test(an_array_is_walked),
		cmocka_unit_test(an_escaped_quote_does_not_end_a_string),
		cmocka_unit_test(whole_numbers_are_read_in_any_notation),
		cmocka_unit_test(booleans_are_read_and_nothing_else_is_one),
		cmocka_unit_test(strings_are_decoded),
		cmocka_unit_test(a_string_without_escapes_is_borrowed),
		cmocka_unit_test(decoding_survives_failing_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
