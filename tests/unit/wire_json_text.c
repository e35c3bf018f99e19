#include "check.h"

#include "wire/json_scan.h"
#include "wire/json_text.h"

static struct json_text text(const char *s)
{
	return (struct json_text){ slice_cstr(s) };
}

static void a_strings_text_is_what_stands_in_its_quotes(void **state UNUSED)
{
	CHECK_SLICE(json_text_of(LIT("\"a\\nb\"")).s, "a\\nb");
	CHECK(json_text_empty(json_text_of(LIT("\"\""))));
	CHECK(json_text_empty(json_text_of(LIT("12"))));
	CHECK(json_text_empty(json_text_of(LIT("[\"a\"]"))));
	CHECK(json_text_empty(json_text_of(LIT("null"))));
	CHECK(json_text_empty(json_text_of(slice_of(NULL, 0))));
	CHECK_SLICE(JTEXT("abc").s, "abc");
}

static const struct {
	const char *escaped, *plain;
} decoded[] = {
	{ "", "" },
	{ "abc", "abc" },
	{ "\\\"\\\\\\/\\b\\f\\n\\r\\t", "\"\\/\b\f\n\r\t" },
	{ "a\\u0041\\u00e4\\u20ac", "aA\xc3\xa4\xe2\x82\xac" },
	{ "\\ud83d\\ude00!", "\xf0\x9f\x98\x80!" },
	{ "\\ud83d", "\xef\xbf\xbd" },
	{ "\\ude00\\ud83d", "\xef\xbf\xbd\xef\xbf\xbd" },
	{ "\\ud83d\\u0041", "\xef\xbf\xbd\x41" },
	{ "\\ud83dx", "\xef\xbf\xbdx" },
};

static void escapes_are_decoded(void **state UNUSED)
{
	struct test_mem m;
	struct arena a;

	test_mem_init(&m, 0);
	arena_init(&a, &m.mem, 128, 65536);
	for (size_t i = 0; i < ARRAY_LEN(decoded); i++) {
		CHECK_SLICE(json_text_plain(text(decoded[i].escaped), &a), decoded[i].plain);
		CHECK(json_text_is(text(decoded[i].escaped), slice_cstr(decoded[i].plain)));
		CHECK(!json_text_is(text(decoded[i].escaped), LIT("other")));
	}
	CHECK(json_text_is((struct json_text){ { NULL, 0 } }, LIT("")));
	CHECK(!json_text_is((struct json_text){ { NULL, 0 } }, LIT("a")));
	CHECK(!json_text_is(text("ab"), LIT("a")));
	CHECK(!json_text_is(text("a"), LIT("ab")));
	arena_free(&a);
	CHECK_INT(m.live, 0);
}

static void what_has_no_escapes_is_borrowed(void **state UNUSED)
{
	const struct slice s =
		LIT("gr\xc3\xbc\xc3\x9f \xf0\x9f\x98\x80 dich, du Welt von sechzehn");
	struct test_mem m;
	struct arena a;

	test_mem_init(&m, 1);
	arena_init(&a, &m.mem, 128, 65536);
	CHECK(json_text_plain((struct json_text){ s }, &a).p == s.p);
	CHECK(json_text_encode(s, &a).s.p == s.p);
	CHECK_INT(json_text_encode(s, &a).s.n, s.n);
	CHECK(!arena_failed(&a));
	CHECK_SLICE(json_text_encode(LIT("\n"), &a).s, "");
	CHECK(arena_failed(&a));
	arena_free(&a);
}

static void what_is_encoded_is_decoded_to_the_same(void **state UNUSED)
{
	static const struct {
		const char *plain, *escaped;
	} t[] = {
		{ "", "" },
		{ "a\"b\\c/d", "a\\\"b\\\\c/d" },
		{ "\b\f\n\r\t\x01\x1f\x7f", "\\b\\f\\n\\r\\t\\u0001\\u001f\x7f" },
		{ "\xc3\xa4\n\xf0\x9f\x98\x80", "\xc3\xa4\\n\xf0\x9f\x98\x80" },
		{ "0123456789abcdef0123456789abcde\xc3\xa4\"",
		  "0123456789abcdef0123456789abcde\xc3\xa4\\\"" },
	};
	struct test_mem m;
	struct arena a;

	test_mem_init(&m, 0);
	arena_init(&a, &m.mem, 128, 65536);
	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct json_text got = json_text_encode(slice_cstr(t[i].plain), &a);

		CHECK_SLICE(got.s, t[i].escaped);
		CHECK_SLICE(json_text_plain(got, &a), t[i].plain);
	}
	CHECK_SLICE(json_text_encode(slice_of("\0", 1), &a).s, "\\u0000");
	arena_free(&a);
	CHECK_INT(m.live, 0);
}

static void what_is_not_utf8_becomes_the_replacement_character(void **state UNUSED)
{
	static const struct {
		const char *plain, *escaped;
	} t[] = {
		{ "\xff", "\xef\xbf\xbd" },
		{ "a\xc3", "a\xef\xbf\xbd" },
		{ "\xc3\xa4\xc3", "\xc3\xa4\xef\xbf\xbd" },
		{ "\xe2\x82z", "\xef\xbf\xbd\xef\xbf\xbdz" },
		{ "\xc0\x80", "\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\xed\xa0\xbd", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd" },
		{ "\x80\xc3\xa4", "\xef\xbf\xbd\xc3\xa4" },
	};
	struct test_mem m;
	struct arena a;

	test_mem_init(&m, 0);
	arena_init(&a, &m.mem, 128, 65536);
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		CHECK_SLICE(json_text_encode(slice_cstr(t[i].plain), &a).s, t[i].escaped);
	arena_free(&a);
}

static void only_spaces_are_blank(void **state UNUSED)
{
	CHECK(json_text_blank(text("")));
	CHECK(json_text_blank((struct json_text){ { NULL, 0 } }));
	CHECK(json_text_blank(text(" \\n\\t \\r")));
	CHECK(json_text_blank(text(" \n\t\r")));
	CHECK(!json_text_blank(text(" x")));
	CHECK(!json_text_blank(text("\\\\n")));
	CHECK(!json_text_blank(text("\\u0041")));
}

static void run_out(struct test_mem *m)
{
	struct arena a;
	struct slice s;

	arena_init(&a, &m->mem, 128, 65536);
	s = json_text_plain(text("a\\n"), &a);
	if (!arena_failed(&a)) {
		CHECK_SLICE(s, "a\n");
		s = json_text_encode(s, &a).s;
	}
	CHECK_SLICE(s, arena_failed(&a) ? "" : "a\\n");
	arena_free(&a);
}

static void no_memory_gives_the_empty_text(void **state UNUSED)
{
	sweep(run_out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_strings_text_is_what_stands_in_its_quotes),
		cmocka_unit_test(escapes_are_decoded),
		cmocka_unit_test(what_has_no_escapes_is_borrowed),
		cmocka_unit_test(what_is_encoded_is_decoded_to_the_same),
		cmocka_unit_test(what_is_not_utf8_becomes_the_replacement_character),
		cmocka_unit_test(only_spaces_are_blank),
		cmocka_unit_test(no_memory_gives_the_empty_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
