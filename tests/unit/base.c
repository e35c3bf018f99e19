#include "check.h"

#include "base/arena.h"
#include "base/buf.h"
#include "base/list.h"
#include "base/log.h"
#include "base/map.h"
#include "base/rng.h"
#include "base/sb.h"
#include "base/secret.h"

static void numbers_are_read_whole_or_not_at_all(void **state UNUSED)
{
	uint64_t u = 7;
	int64_t i = 7;

	CHECK(slice_u64(LIT("18446744073709551615"), &u) && u == UINT64_MAX);
	CHECK(!slice_u64(LIT("18446744073709551616"), &u));
	CHECK(!slice_u64(LIT(""), &u));
	CHECK(!slice_u64(LIT("12 "), &u));
	CHECK(!slice_u64(LIT("-1"), &u));
	CHECK(u == UINT64_MAX);
	CHECK(slice_i64(LIT("-9223372036854775808"), &i) && i == INT64_MIN);
	CHECK(!slice_i64(LIT("-9223372036854775809"), &i));
	CHECK(!slice_i64(LIT("9223372036854775808"), &i));
	CHECK(!slice_i64(LIT("--1"), &i));
}

static void slices_are_found_cut_and_trimmed(void **state UNUSED)
{
	struct slice a, b;

	CHECK_INT(slice_find(LIT("abcabd"), LIT("abd")), 3);
	CHECK(slice_find(LIT("ab"), LIT("abc")) == SLICE_NONE);
	CHECK(slice_find(LIT("aab"), LIT("ab")) == 1);
	CHECK(slice_cut(LIT("k=v=w"), '=', &a, &b));
	CHECK_SLICE(a, "k");
	CHECK_SLICE(b, "v=w");
	CHECK(!slice_cut(LIT("k"), '=', &a, &b));
	CHECK_SLICE(a, "k");
	CHECK_SLICE(b, "");
	CHECK_SLICE(slice_trim(LIT(" \t x y\t ")), "x y");
	CHECK(slice_ieq(LIT("Content-Type"), LIT("content-typE")));
	CHECK(!slice_ieq(LIT("[a"), LIT("{a")));
	CHECK_INT(slice_distance(LIT("provders"), LIT("providers")), 1);
	CHECK_INT(slice_distance(LIT(""), LIT("abc")), 3);
	CHECK(slice_eq_consttime(LIT("abc"), LIT("abc")));
	CHECK(!slice_eq_consttime(LIT("abc"), LIT("abd")));
	CHECK(!slice_eq_consttime(LIT("abc"), LIT("ab")));
}

static void an_arena_grows_fails_for_good_and_rewinds(void **state UNUSED)
{
	struct test_mem t;
	struct arena a;
	struct arena_mark m;
	char *p;

	test_mem_init(&t, 0);
	arena_init(&a, &t.mem, 256, 4096);
	CHECK_INT(t.live, 0);
	p = arena_get(&a, 100);
	CHECK(p != NULL && (uintptr_t)p % _Alignof(max_align_t) == 0);
	m = arena_mark(&a);
	CHECK(arena_get(&a, 1000) != NULL);
	CHECK_SLICE(arena_fmt(&a, "%d-%s", 12, "x"), "12-x");
	arena_rewind(&a, m);
	CHECK(arena_bytes(&a, 10) == p + 100 ||
	      arena_mark(&a).top == m.top); /* the old block is on top again */
	CHECK(arena_get(&a, 100000) == NULL);
	CHECK(arena_failed(&a));
	CHECK(arena_get(&a, 1) == NULL); /* sticky */
	CHECK_STR(arena_cstr(&a, LIT("x")), "");
	CHECK(ARENA_ARRAY(&a, uint64_t, SIZE_MAX / 4) == NULL);
	arena_free(&a);
	CHECK_INT(t.live, 0);
}

static void an_arena_never_holds_more_than_its_cap(void **state UNUSED)
{
	struct test_mem t;
	struct arena a;

	test_mem_init(&t, 0);
	arena_init(&a, &t.mem, 128, 10000);
	while (arena_bytes(&a, 300) != NULL)
		CHECK(t.live <= 10000);
	CHECK(t.live > 9000);
	arena_free(&a);
	CHECK_INT(t.live, 0);
}

static void a_buffer_refuses_what_is_over_its_maximum(void **state UNUSED)
{
	struct test_mem t;
	struct buf b;

	test_mem_init(&t, 0);
	buf_init(&b, &t.mem, 1000);
	for (int i = 0; i < 10; i++)
		CHECK_RC(buf_append(
				 &b,
				 slice_of("0123456789012345678901234567890123456789012345678901"
					  "234567890123456789012345678901234567890123456789",
					  100)),
			 OK);
	CHECK_RC(buf_append(&b, LIT("x")), E_TOOBIG);
	buf_taken(&b, 150);
	CHECK_RC(buf_append(&b, LIT("the end")), OK); /* moved down, not grown */
	CHECK_INT(buf_len(&b), 857);
	CHECK(b.cap <= 1000);
	buf_taken(&b, 850);
	CHECK_SLICE(buf_slice(&b), "the end");
	buf_free(&b);
	CHECK_INT(t.live, 0);
}

static void buffer_sweep(struct test_mem *t)
{
	struct buf b;

	buf_init(&b, &t->mem, 100000);
	for (int i = 0; i < 100; i++) {
		size_t before = buf_len(&b);

		if (buf_append(&b, LIT("some bytes that make the buffer grow now and then")) !=
		    OK)
			CHECK_INT(buf_len(&b), before); /* all or nothing */
	}
	buf_free(&b);
}

static void buffers_survive_failing_memory(void **state UNUSED)
{
	sweep(buffer_sweep);
}

static void a_builder_cuts_and_says_so(void **state UNUSED)
{
	char room[8];
	struct sb b;

	sb_init(&b, room, sizeof(room));
	sb_u64(&b, 1234);
	sb_i64(&b, -5);
	CHECK_SLICE(sb_slice(&b), "1234-5");
	CHECK(!b.cut);
	sb_hex(&b, 0xabc, 3);
	CHECK(b.cut);
	CHECK_SLICE(sb_slice(&b), "1234-5ab");
	CHECK_STR(sb_cstr(&b), "1234-5a");
	sb_init(&b, room, sizeof(room));
	sb_fmt(&b, "%s", "123456789");
	CHECK(b.cut);
	CHECK_SLICE(sb_slice(&b), "1234567");
}

static void a_map_finds_each_key_and_no_other(void **state UNUSED)
{
	static char keys[200][8];
	struct test_mem t;
	struct arena a;
	struct map m;

	test_mem_init(&t, 0);
	arena_init(&a, &t.mem, 1024, 1 << 20);
	CHECK(map_init(&m, &a, 200));
	for (int i = 0; i < 200; i++) {
		snprintf(keys[i], sizeof(keys[i]), "key%d", i);
		CHECK(map_put(&m, slice_cstr(keys[i]), keys[i]));
	}
	CHECK(!map_put(&m, LIT("one more"), keys));
	for (int i = 0; i < 200; i++)
		CHECK(map_get(&m, slice_cstr(keys[i])) == keys[i]);
	CHECK(map_get(&m, LIT("key200")) == NULL);
	arena_free(&a);
}

static void the_log_writes_both_formats(void **state UNUSED)
{
	const struct field f[] = { F_STR("plain", LIT("abc")),
				   F_STR("odd", LIT("a \"b\"\n\xff")), F_U64("n", 7),
				   F_MS("took", 1234567), F_BOOL("ok", true) };
	char room[512];
	struct sb b;

	sb_init(&b, room, sizeof(room));
	log_line(&b, LOG_LOGFMT, 1795160467123456, LOG_INFO, "a.b", f, ARRAY_LEN(f));
	CHECK_SLICE(sb_slice(&b),
		    "time=2026-11-20T07:41:07.123456Z level=info event=a.b plain=abc "
		    "odd=\"a \\\"b\\\"\\n\xef\xbf\xbd\" n=7 took=1234.567 ok=true");
	sb_init(&b, room, sizeof(room));
	log_line(&b, LOG_JSON, 951782400000000, LOG_WARN, "x", f, 1);
	CHECK_SLICE(sb_slice(&b),
		    "{\"time\":\"2000-02-29T00:00:00.000000Z\",\"level\":\"warn\","
		    "\"event\":\"x\",\"plain\":\"abc\"}");
}

static void a_line_that_is_cut_is_still_json(void **state UNUSED)
{
	const struct field f[] = { F_U64("n", 7),
				   F_STR("long", LIT("0123456789012345678901234567")) };
	char room[100];
	struct sb b;

	sb_init(&b, room, sizeof(room));
	log_line(&b, LOG_JSON, 0, LOG_WARN, "x", f, 2);
	CHECK(b.cut);
	CHECK(slice_ends(sb_slice(&b), LIT("\"n\":7}")));
}

static void random_numbers_repeat_with_their_seed(void **state UNUSED)
{
	struct rng a, b;
	unsigned seen = 0;

	rng_seed(&a, 42);
	rng_seed(&b, 42);
	for (int i = 0; i < 1000; i++) {
		uint64_t x = rng_below(&a, 6);

		CHECK_INT(x, rng_below(&b, 6));
		CHECK(x < 6);
		seen |= 1U << x;
	}
	CHECK_INT(seen, 63);
}

static void a_secret_is_taken_out_of_the_words_of_others(void **state UNUSED)
{
	struct test_mem t;
	struct arena a;
	struct secret s;
	struct slice text = LIT("no key here");

	test_mem_init(&t, 0);
	arena_init(&a, &t.mem, 256, 1024);
	s = secret_make(&a, LIT("sk-12345678"));
	CHECK(secret_scrub(&a, s, text).p == text.p);
	CHECK_SLICE(secret_scrub(&a, s, LIT("sk-12345678 and sk-12345678sk-1234567")),
		    "*********** and ***********sk-1234567");
	CHECK_INT(secret_scrub(&a, (struct secret){ 0 }, text).n, text.n);
	CHECK(arena_bytes(&a, 2000) == NULL);
	CHECK_INT(secret_scrub(&a, s, LIT("sk-12345678")).n, 0);
	arena_free(&a);
	CHECK_INT(t.live, 0);
}

static void a_secret_is_compared_and_wiped(void **state UNUSED)
{
	struct test_mem t;
	struct arena a;
	struct secret s;
	struct slice bytes;

	test_mem_init(&t, 0);
	arena_init(&a, &t.mem, 256, 4096);
	s = secret_make(&a, LIT("sk-123"));
	CHECK(secret_eq(s, LIT("sk-123")));
	CHECK(!secret_eq(s, LIT("sk-124")));
	CHECK_SLICE(secret_scrub(&a, s, LIT("key sk-123")), "key sk-123"); /* too short */
	bytes = secret_reveal(s);
	secret_wipe(&s);
	CHECK(bytes.p[0] == 0 && bytes.p[5] == 0);
	CHECK(secret_empty(s));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(numbers_are_read_whole_or_not_at_all),
		cmocka_unit_test(slices_are_found_cut_and_trimmed),
		cmocka_unit_test(an_arena_grows_fails_for_good_and_rewinds),
		cmocka_unit_test(an_arena_never_holds_more_than_its_cap),
		cmocka_unit_test(a_buffer_refuses_what_is_over_its_maximum),
		cmocka_unit_test(buffers_survive_failing_memory),
		cmocka_unit_test(a_builder_cuts_and_says_so),
		cmocka_unit_test(a_map_finds_each_key_and_no_other),
		cmocka_unit_test(the_log_writes_both_formats),
		cmocka_unit_test(a_line_that_is_cut_is_still_json),
		cmocka_unit_test(random_numbers_repeat_with_their_seed),
		cmocka_unit_test(a_secret_is_compared_and_wiped),
		cmocka_unit_test(a_secret_is_taken_out_of_the_words_of_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
