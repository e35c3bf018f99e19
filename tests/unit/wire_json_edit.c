#include "check.h"

#include "wire/json_scan.h"

enum { ROOM = 64 };

/* A text, its members and its edits; the result is written out and checked to be JSON. */
struct job {
	struct test_mem mem;
	struct arena a;
	struct json_member m[ROOM];
	struct json_edits x;
	char text[4096];
};

static void begin(struct job *j, const char *text, size_t fail_at)
{
	enum json_kind kind;
	size_t n;

	test_mem_init(&j->mem, fail_at);
	arena_init(&j->a, &j->mem.mem, 256, 65536);
	CHECK_RC(json_scan(slice_cstr(text), &kind, j->m, ROOM, &n, NULL), OK);
	CHECK(n <= ROOM);
	json_edits_init(&j->x, slice_cstr(text), j->m, n);
}

static struct slice result(struct job *j)
{
	struct slice pieces[JSON_PIECES_MAX];
	enum json_kind kind;
	size_t bytes, n;
	size_t at = 0;

	n = json_edits_apply(&j->x, pieces, JSON_PIECES_MAX, &bytes);
	for (size_t i = 0; i < n; i++) {
		CHECK(pieces[i].n > 0);
		CHECK(pieces[i].n <= sizeof(j->text) - at);
		memcpy(j->text + at, pieces[i].p, pieces[i].n);
		at += pieces[i].n;
	}
	CHECK_INT(at, bytes);
	CHECK_RC(json_scan(slice_of(j->text, at), &kind, NULL, 0, &n, NULL), OK);
	return slice_of(j->text, at);
}

static void end(struct job *j)
{
	arena_free(&j->a);
	CHECK_INT(j->mem.live, 0);
}

/* Removes the members whose bit is set, and adds `add` if not NULL. */
static void check_removal(const char *text, unsigned which, const char *add, const char *want)
{
	struct job j;

	begin(&j, text, 0);
	for (size_t i = j.x.member_n; i-- > 0;) { /* in any order */
		if (which >> i & 1)
			json_edit_remove(&j.x, i);
	}
	if (add != NULL)
		json_edit_add(&j.x, slice_cstr(add), &j.a);
	CHECK_SLICE(result(&j), want);
	end(&j);
}

static void no_edit_is_one_piece_of_the_same_bytes(void **state UNUSED)
{
	struct slice piece;
	struct job j;
	size_t bytes;

	begin(&j, " {\"a\":1} ", 0);
	CHECK_INT(json_edits_apply(&j.x, &piece, 1, &bytes), 1);
	CHECK(piece.p == j.x.text.p);
	CHECK_INT(piece.n, 9);
	CHECK_INT(bytes, 9);
	end(&j);
}

static void a_value_is_replaced_and_all_other_bytes_stay(void **state UNUSED)
{
	struct job j;

	begin(&j, "{ \"model\" : \"a\" ,\n\"x\":{ \"y\": [1] },\"n\":1}", 0);
	json_edit_replace(&j.x, 2, LIT("22"));
	json_edit_replace(&j.x, 0, LIT("\"longer\""));
	CHECK_SLICE(result(&j), "{ \"model\" : \"longer\" ,\n\"x\":{ \"y\": [1] },\"n\":22}");
	end(&j);
}

static void a_part_of_a_value_is_replaced(void **state UNUSED)
{
	struct json_member in[4];
	struct job j;

	begin(&j, "{\"a\":{\"u\":false,\"v\":[1]},\"b\":2}", 0);
	CHECK_INT(json_object(j.m[0].value, in, 4), 2);
	json_edit_part(&j.x, in[0].value, LIT("true"));
	/* An empty part: put in. */
	json_edit_part(&j.x, slice_of(j.m[0].value.p + 1, 0), LIT("\"t\":0,"));
	json_edit_part(&j.x, slice_of(in[1].value.p + 2, 0), LIT(",2"));
	json_edit_remove(&j.x, 1);
	CHECK_SLICE(result(&j), "{\"a\":{\"t\":0,\"u\":true,\"v\":[1,2]}}");
	end(&j);
}

static void edits_at_one_place_have_an_order(void **state UNUSED)
{
	struct job j;

	begin(&j, "{\"a\":1}", 0);
	json_edit_add(&j.x, LIT("\"b\":2"), &j.a);
	json_edit_part(&j.x, slice_of(j.m[0].value.p + 1, 0), LIT("5")); /* still of "a" */
	json_edit_part(&j.x, j.m[0].value, LIT("4"));
	json_edit_part(&j.x, slice_of(j.m[0].value.p, 0), LIT("3"));
	CHECK_SLICE(result(&j), "{\"a\":345,\"b\":2}");
	end(&j);
}

static void any_members_can_be_removed(void **state UNUSED)
{
	const char *text = "{\"a\":1,\"b\":2,\"c\":3,\"d\":4}";

	check_removal(text, 0x1, NULL, "{\"b\":2,\"c\":3,\"d\":4}");
	check_removal(text, 0x2, NULL, "{\"a\":1,\"c\":3,\"d\":4}");
	check_removal(text, 0x8, NULL, "{\"a\":1,\"b\":2,\"c\":3}");
	check_removal(text, 0x3, NULL, "{\"c\":3,\"d\":4}");
	check_removal(text, 0x6, NULL, "{\"a\":1,\"d\":4}");
	check_removal(text, 0xc, NULL, "{\"a\":1,\"b\":2}");
	check_removal(text, 0x5, NULL, "{\"b\":2,\"d\":4}");
	check_removal(text, 0xa, NULL, "{\"a\":1,\"c\":3}");
	check_removal(text, 0x9, NULL, "{\"b\":2,\"c\":3}");
	check_removal(text, 0xb, NULL, "{\"c\":3}");
	check_removal(text, 0xd, NULL, "{\"b\":2}");
	check_removal(text, 0x7, NULL, "{\"d\":4}");
	check_removal(text, 0xe, NULL, "{\"a\":1}");
	check_removal(text, 0xf, NULL, "{}");
	check_removal(" { \"a\" : 1 , \"b\" : 2 } ", 0x1, NULL, " { \"b\" : 2 } ");
	check_removal(" { \"a\" : 1 , \"b\" : 2 } ", 0x2, NULL, " { \"a\" : 1 } ");
	check_removal(" { \"a\" : 1 , \"b\" : 2 } ", 0x3, NULL, " {  } ");
}

static void a_member_can_be_added_to_any_object(void **state UNUSED)
{
	check_removal("{\"a\":1,\"b\":2}", 0, "\"c\":3", "{\"a\":1,\"b\":2,\"c\":3}");
	check_removal("{\"a\":1,\"b\":2}", 0x1, "\"c\":3", "{\"b\":2,\"c\":3}");
	check_removal("{\"a\":1,\"b\":2}", 0x2, "\"c\":3", "{\"a\":1,\"c\":3}");
	check_removal("{\"a\":1,\"b\":2}", 0x3, "\"c\":3", "{\"c\":3}");
	check_removal("{}", 0, "\"c\":3", "{\"c\":3}");
	check_removal(" { }\n", 0, "\"c\":3", " {\"c\":3 }\n");
	check_removal("{\"a\":1 }", 0, "\"c\":3", "{\"a\":1,\"c\":3 }");
}

static void several_members_are_added_in_order(void **state UNUSED)
{
	struct job j;

	begin(&j, "{\"a\":1}", 0);
	json_edit_add(&j.x, LIT("\"b\":2"), &j.a);
	json_edit_replace(&j.x, 0, LIT("0"));
	json_edit_add(&j.x, LIT("\"c\":3"), &j.a);
	CHECK_SLICE(result(&j), "{\"a\":0,\"b\":2,\"c\":3}");
	end(&j);
	begin(&j, "{\"a\":1}", 0);
	json_edit_add(&j.x, LIT("\"b\":2"), &j.a);
	json_edit_add(&j.x, LIT("\"c\":3"), &j.a);
	json_edit_remove(&j.x, 0);
	CHECK_SLICE(result(&j), "{\"b\":2,\"c\":3}");
	/* Once more, and then with one more: a retry edits again. */
	CHECK_SLICE(result(&j), "{\"b\":2,\"c\":3}");
	json_edit_add(&j.x, LIT("\"d\":4"), &j.a);
	CHECK_SLICE(result(&j), "{\"b\":2,\"c\":3,\"d\":4}");
	end(&j);
}

static void removing_twice_is_removing_once(void **state UNUSED)
{
	struct job j;

	begin(&j, "{\"a\":1,\"b\":2}", 0);
	json_edit_remove(&j.x, 0);
	json_edit_remove(&j.x, 0);
	CHECK_SLICE(result(&j), "{\"b\":2}");
	end(&j);
}

/* The model: each member is kept, replaced or removed, in all combinations of five. */
static void all_mixtures_of_edits_agree_with_a_model(void **state UNUSED)
{
	const char *text = "{\"a\":1,\"b\":[2],\"c\":\"3\",\"d\":{},\"e\":5}";
	static const char *const was[] = { "\"a\":1", "\"b\":[2]", "\"c\":\"3\"", "\"d\":{}",
					   "\"e\":5" };

	for (unsigned code = 0; code < 3 * 3 * 3 * 3 * 3 * 2; code++) {
		unsigned rest = code / 2;
		char want[256];
		size_t n = 0;
		struct job j;

		begin(&j, text, 0);
		if (code % 2 == 1)
			json_edit_add(&j.x, LIT("\"z\":9"), &j.a);
		for (size_t i = 0; i < 5; i++, rest /= 3) {
			const char *comma = n > 0 ? "," : "";

			if (rest % 3 == 0) {
				n += (size_t)snprintf(want + n, sizeof(want) - n, "%s%s", comma,
						      was[i]);
			} else if (rest % 3 == 1) {
				json_edit_replace(&j.x, i, LIT("null"));
				n += (size_t)snprintf(want + n, sizeof(want) - n,
						      "%s\"%c\":null", comma, was[i][1]);
			} else {
				json_edit_remove(&j.x, i);
			}
		}
		if (code % 2 == 1)
			n += (size_t)snprintf(want + n, sizeof(want) - n, "%s\"z\":9",
					      n > 0 ? "," : "");
		CHECK(slice_eq(slice_of(want, n), slice_head(slice_skip(result(&j), 1), n)));
		CHECK_INT(result(&j).n, n + 2);
		end(&j);
	}
}

static void too_many_edits_are_refused_for_good(void **state UNUSED)
{
	struct slice pieces[JSON_PIECES_MAX];
	size_t bytes = 1;
	struct job j;

	begin(&j, "{\"a\":1}", 0);
	for (int i = 0; i < JSON_EDITS_MAX; i++)
		json_edit_add(&j.x, LIT("\"b\":2"), &j.a);
	CHECK(!j.x.failed);
	CHECK_INT(json_edits_apply(&j.x, pieces, JSON_PIECES_MAX, &bytes), JSON_EDITS_MAX + 2);
	json_edit_remove(&j.x, 0);
	CHECK(j.x.failed);
	CHECK_INT(json_edits_apply(&j.x, pieces, JSON_PIECES_MAX, &bytes), 0);
	CHECK_INT(bytes, 0);
	end(&j);
}

/* A conversation of a thousand turns, each edited in two places. */
static void with_an_arena_there_may_be_thousands(void **state UNUSED)
{
	enum { N = 5000 };
	struct slice *pieces;
	char text[2 * N + 8] = "[", *at = text + 1;
	size_t bytes, n;
	struct job j;

	for (int i = 0; i < N; i++, at += 2)
		memcpy(at, i + 1 < N ? "1," : "1]", 2);
	begin(&j, "{\"a\":1}", 0);
	json_edits_init(&j.x, slice_cstr(text), NULL, 0);
	j.a.cap = 4 << 20;
	json_edits_more(&j.x, &j.a);
	for (size_t i = 0; i < N; i++)
		json_edit_part(&j.x, slice_of(text + 1 + 2 * i, 1), LIT("22"));
	CHECK(!j.x.failed);
	pieces = ARENA_ARRAY(&j.a, struct slice, 2 * N + 1);
	n = json_edits_apply(&j.x, pieces, 2 * N + 1, &bytes);
	CHECK_INT(n, 2 * N + 1);
	CHECK_INT(bytes, 1 + 3 * N);
	CHECK_SLICE(pieces[2 * N - 1], "22");
	CHECK_SLICE(pieces[2 * N], "]");
	end(&j);
}

static void text_is_quoted(void **state UNUSED)
{
	static const struct {
		const char *s, *want;
	} t[] = {
		{ "", "\"\"" },
		{ "plain", "\"plain\"" },
		{ "a long text that has more than sixteen bytes", "\"a long text that has more "
								  "than sixteen bytes\"" },
		{ "\"\\/\b\f\n\r\t\x01\x1f\x7f",
		  "\"\\\"\\\\/\\b\\f\\n\\r\\t\\u0001\\u001f\x7f\"" },
		{ "\xc3\xa9\xf0\x9f\x98\x80", "\"\xc3\xa9\xf0\x9f\x98\x80\"" },
		{ "a\xff"
		  "b\xc3",
		  "\"a\xef\xbf\xbd"
		  "b\xef\xbf\xbd\"" },
	};
	struct test_mem mem;
	struct arena a;
	struct slice back;

	test_mem_init(&mem, 0);
	arena_init(&a, &mem.mem, 256, 65536);
	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		CHECK_SLICE(json_quote(&a, slice_cstr(t[i].s)), t[i].want);
	CHECK_SLICE(json_quote(&a, slice_of(NULL, 0)), "\"\"");
	CHECK_SLICE(json_quote(&a, slice_of("\0", 1)), "\"\\u0000\"");
	for (int c = 0; c < 128; c++) {
		const char s[] = { 'x', (char)c, 'y' };

		CHECK(json_string(json_quote(&a, slice_of(s, 3)), &a, &back));
		CHECK(slice_eq(back, slice_of(s, 3)));
	}
	arena_free(&a);
	CHECK_INT(mem.live, 0);
}

static void editing_body(struct test_mem *t)
{
	struct slice pieces[JSON_PIECES_MAX];
	struct json_edits x;
	struct slice quoted;
	struct arena a;
	size_t bytes;

	arena_init(&a, &t->mem, 128, 4096);
	json_edits_init(&x, LIT("{}"), NULL, 0);
	json_edit_add(&x, LIT("\"a\":1"), &a);
	if (x.failed)
		CHECK_INT(json_edits_apply(&x, pieces, JSON_PIECES_MAX, &bytes), 0);
	else
		CHECK_INT(json_edits_apply(&x, pieces, JSON_PIECES_MAX, &bytes), 3);
	quoted = json_quote(&a,
			    LIT("a text that takes another block of the arena, because it is "
				"long: at least as long as the first block is, and more, so "
				"that memory is asked for once again"));
	CHECK(quoted.n == 0 || quoted.p[quoted.n - 1] == '"');
	CHECK((quoted.n == 0) == arena_failed(&a));
	arena_free(&a);
}

static void edits_and_quotes_survive_failing_memory(void **state UNUSED)
{
	sweep(editing_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_edit_is_one_piece_of_the_same_bytes),
		cmocka_unit_test(a_value_is_replaced_and_all_other_bytes_stay),
		cmocka_unit_test(a_part_of_a_value_is_replaced),
		cmocka_unit_test(edits_at_one_place_have_an_order),
		cmocka_unit_test(any_members_can_be_removed),
		cmocka_unit_test(a_member_can_be_added_to_any_object),
		cmocka_unit_test(several_members_are_added_in_order),
		cmocka_unit_test(removing_twice_is_removing_once),
		cmocka_unit_test(all_mixtures_of_edits_agree_with_a_model),
		cmocka_unit_test(too_many_edits_are_refused_for_good),
		cmocka_unit_test(with_an_arena_there_may_be_thousands),
		cmocka_unit_test(text_is_quoted),
		cmocka_unit_test(edits_and_quotes_survive_failing_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
