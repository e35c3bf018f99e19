#include "check.h"

#include "wire/json_out.h"
#include "wire/json_scan.h"

enum { BIG = 5000 };

struct job {
	struct test_mem mem;
	struct arena a;
	struct json_out o;
	char big[BIG]; /* nothing in it needs an escape */
};

static void begin(struct job *j)
{
	test_mem_init(&j->mem, 0);
	arena_init(&j->a, &j->mem.mem, 128, 1 << 20);
	out_init(&j->o, &j->a);
	for (size_t i = 0; i < BIG; i++)
		j->big[i] = (char)('a' + i % 26);
}

/* The pieces hold what out_slice() gives, and none is empty. */
static void check_pieces(struct json_out *o)
{
	const size_t n = o->n;
	struct slice whole = out_slice(o);
	size_t at = 0;

	CHECK(out_ok(o));
	CHECK_INT(whole.n, o->bytes);
	for (size_t i = 0; i < n; i++) {
		CHECK(o->v[i].n > 0);
		CHECK(at + o->v[i].n <= whole.n);
		CHECK(memcmp(whole.p + at, o->v[i].p, o->v[i].n) == 0);
		at += o->v[i].n;
	}
	CHECK_INT(at, whole.n);
}

static void end(struct job *j, const char *want)
{
	check_pieces(&j->o);
	if (want != NULL)
		CHECK_SLICE(out_slice(&j->o), want);
	arena_free(&j->a);
	CHECK_INT(j->mem.live, 0);
}

static void commas_and_colons_are_put(void **state UNUSED)
{
	struct job j;
	struct json_out *o = &j.o;

	begin(&j);
	out_object(o);
	out_key(o, "a"), out_u64(o, 0);
	out_key(o, "b"), out_array(o);
	out_null(o), out_bool(o, true), out_bool(o, false);
	out_array(o), out_close(o);
	out_object(o), out_close(o);
	out_lit(o, "x"), out_str(o, LIT("")), out_text(o, JTEXT("\\n"));
	out_close(o);
	out_key_text(o, JTEXT("k\\\"")), out_json(o, LIT("{ \"raw\": 1 }"));
	out_key(o, "o"), out_object(o);
	out_key(o, "t"), out_text_open(o), out_text_close(o);
	out_key(o, "u"), out_u64(o, UINT64_MAX);
	out_close(o);
	out_key(o, "z"), out_lit(o, "end");
	out_close(o);
	end(&j, "{\"a\":0,\"b\":[null,true,false,[],{},\"x\",\"\",\"\\n\"],"
		"\"k\\\"\":{ \"raw\": 1 },\"o\":{\"t\":\"\",\"u\":18446744073709551615},"
		"\"z\":\"end\"}");
}

static void frames_begin_the_json_anew(void **state UNUSED)
{
	struct job j;
	struct json_out *o = &j.o;

	begin(&j);
	for (int i = 0; i < 2; i++) {
		out_raw_lit(o, "data: ");
		out_array(o), out_u64(o, 1), out_u64(o, 2), out_close(o);
		out_raw(o, LIT("\n\n"));
	}
	CHECK_INT(o->n, 1);
	end(&j, "data: [1,2]\n\ndata: [1,2]\n\n");
}

static void numbers_have_no_trailing_zeros(void **state UNUSED)
{
	static const struct {
		double v;
		const char *want;
	} t[] = {
		{ 0, "0" },
		{ -0.0, "0" },
		{ 1, "1" },
		{ -1, "-1" },
		{ 0.5, "0.5" },
		{ -0.125, "-0.125" },
		{ 0.000001, "0.000001" },
		{ 0.0000001, "0" },
		{ -0.0000001, "0" },
		{ 0.9999999, "1" },
		{ 1.10, "1.1" },
		{ 10.05, "10.05" },
		{ 123456.789012, "123456.789012" },
		{ 999999999999.5, "999999999999.5" },
		{ 1e12, "1000000000000" },
		{ -2e300, "-2.0000000000000001e+300" },
		{ __builtin_inf(), "null" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		struct job j;

		begin(&j);
		out_num(&j.o, t[i].v);
		end(&j, t[i].want);
	}
}

static void large_pieces_are_borrowed(void **state UNUSED)
{
	struct job j;
	struct json_out *o = &j.o;
	size_t seen = 0;

	begin(&j);
	out_object(o);
	out_key(o, "a"), out_text(o, (struct json_text){ { j.big, BIG } });
	out_key(o, "b"), out_str(o, slice_of(j.big, OUT_BORROW_MIN));
	out_key(o, "c"), out_text_open(o);
	out_text_part(o, JTEXT("<"));
	out_str_part(o, slice_of(j.big, BIG));
	out_text_part(o, JTEXT(">"));
	out_text_close(o);
	out_key_text(o, (struct json_text){ { j.big, BIG } }), out_u64(o, 1);
	out_key(o, "small"), out_str(o, slice_of(j.big, OUT_BORROW_MIN - 1));
	out_close(o);
	for (size_t i = 0; i < o->n; i++)
		seen += o->v[i].p == j.big;
	CHECK_INT(seen, 4);
	end(&j, NULL);
}

static void escapes_are_put_into_long_texts(void **state UNUSED)
{
	struct job j;
	struct json_out *o = &j.o;
	enum json_kind kind;
	struct slice back;
	size_t n;

	begin(&j);
	j.big[10] = '"';
	j.big[3000] = '\n';
	j.big[BIG - 1] = '\\';
	out_str(o, slice_of(j.big, BIG));
	check_pieces(o);
	CHECK_INT(o->bytes, BIG + 5);
	CHECK_RC(json_scan(out_slice(o), &kind, NULL, 0, &n, NULL), OK);
	CHECK(json_string(out_slice(o), &j.a, &back));
	CHECK(slice_eq(back, slice_of(j.big, BIG)));
	end(&j, NULL);
}

static void plain_text_is_escaped(void **state UNUSED)
{
	struct job j;
	struct json_out *o = &j.o;

	begin(&j);
	out_array(o);
	out_str(o, LIT("a\"b\\c\n\x01\xc3\xa4"));
	out_str(o, LIT("bad \xff\xc3"));
	out_text(o, JTEXT("\\ud83d")); /* half a pair stays what it is */
	out_text_open(o);
	out_text_part(o, JTEXT("\\ud83d"));
	out_str_part(o, LIT("\t"));
	out_str_part(o, slice_of(NULL, 0));
	out_text_close(o);
	out_close(o);
	end(&j, "[\"a\\\"b\\\\c\\n\\u0001\xc3\xa4\",\"bad \xef\xbf\xbd\xef\xbf\xbd\","
		"\"\\ud83d\",\"\\ud83d\\t\"]");
}

static void nesting_has_a_limit(void **state UNUSED)
{
	for (int over = 0; over < 2; over++) {
		struct job j;
		struct json_out *o = &j.o;

		begin(&j);
		for (int i = 0; i < OUT_DEPTH_MAX + over; i++) {
			if (i % 2 == 0)
				out_array(o);
			else
				out_object(o), out_key(o, "k");
		}
		for (int i = 0; i < OUT_DEPTH_MAX + over; i++)
			out_close(o);
		CHECK_INT(out_ok(o), over == 0);
		if (over == 0) {
			struct slice all = out_slice(o);

			CHECK(slice_starts(all, LIT("[{\"k\":[{\"k\":[")));
			CHECK(slice_ends(all, LIT("}]}]")));
			check_pieces(o);
		} else {
			CHECK_INT(out_slice(o).n, 0);
		}
		arena_free(&j.a);
	}
}

/* Many small values: chunks follow each other, pieces stay few. */
static void many_values_make_few_pieces(void **state UNUSED)
{
	struct job j;
	struct json_out *o = &j.o;
	struct json_array it;
	struct slice v;
	enum json_kind kind;
	uint64_t n = 0, got;

	begin(&j);
	out_array(o);
	for (uint64_t i = 0; i < 20000; i++)
		out_u64(o, i);
	out_close(o);
	check_pieces(o);
	CHECK(o->n < 20);
	it = json_array(out_slice(o));
	while (json_array_next(&it, &v, &kind)) {
		CHECK(json_u64(v, &got));
		CHECK_INT(got, n++);
	}
	CHECK_INT(n, 20000);
	end(&j, NULL);
}

static void run_out(struct test_mem *m)
{
	static const char long_text[1100] = { 'x' };
	struct arena a;
	struct json_out o;
	struct slice all;

	arena_init(&a, &m->mem, 128, 65536);
	out_init(&o, &a);
	out_array(&o);
	for (int i = 0; i < 8; i++) {
		out_object(&o);
		out_key(&o, "a"), out_str(&o, LIT("\n"));
		out_key(&o, "b"), out_json(&o, slice_of(long_text, sizeof(long_text)));
		out_close(&o);
	}
	out_close(&o);
	all = out_slice(&o);
	CHECK_INT(all.n > 0, !m->failed);
	CHECK_INT(out_ok(&o), !m->failed);
	arena_free(&a);
}

static void no_memory_is_told_at_the_end(void **state UNUSED)
{
	sweep(run_out);
}

/* A frame is one line, and what is quoted in it may have been written by a person. */
static void a_value_of_many_lines_is_written_as_one(void **state UNUSED)
{
	struct test_mem mem;
	struct json_out o;
	struct arena a;

	test_mem_init(&mem, 0);
	arena_init(&a, &mem.mem, 1024, 1 << 20);
	out_init(&o, &a);
	out_array(&o);
	out_json_line(&o, LIT("{\r\n  \"a\\n\": 1\n}"));
	out_json_line(&o, LIT("{ }"));
	out_close(&o);
	CHECK_SLICE(out_slice(&o), "[{    \"a\\n\": 1 },{ }]");
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(commas_and_colons_are_put),
		cmocka_unit_test(frames_begin_the_json_anew),
		cmocka_unit_test(numbers_have_no_trailing_zeros),
		cmocka_unit_test(large_pieces_are_borrowed),
		cmocka_unit_test(escapes_are_put_into_long_texts),
		cmocka_unit_test(plain_text_is_escaped),
		cmocka_unit_test(nesting_has_a_limit),
		cmocka_unit_test(many_values_make_few_pieces),
		cmocka_unit_test(no_memory_is_told_at_the_end),
		cmocka_unit_test(a_value_of_many_lines_is_written_as_one),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
