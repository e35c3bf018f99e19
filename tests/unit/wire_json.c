#include "check.h"

#include "wire/json.h"
#include "wire/json_scan.h"

static void a_tree_is_read_and_looked_at(void **state UNUSED)
{
	const struct slice text = LIT(
		"{\"s\":\"a\\u00e9\",\"u\":18446744073709551615,\"i\":-3,\"w\":2.0,\"f\":1.5,"
		"\"t\":true,\"n\":null,\"a\":[1,\"two\",[3]],\"o\":{\"k\":{\"l\":7}},\"e\":"
		"\"\"}");
	struct json_doc *d = NULL;
	const struct json *v;
	struct test_mem t;

	test_mem_init(&t, 0);
	CHECK_RC(json_doc_read(&d, &t.mem, text, NULL), OK);
	v = json_root(d);
	CHECK(json_is_object(v));
	CHECK_INT(json_len(v), 10);
	CHECK_SLICE(json_str(json_get(v, "s")), "a\xc3\xa9");
	CHECK(json_is_string(json_get(v, "e")));
	CHECK(json_uint(json_get(v, "u"), 1) == UINT64_MAX);
	CHECK_INT(json_uint(json_get(v, "i"), 1), 1);
	CHECK_INT(json_uint(json_get(v, "w"), 1), 2);
	CHECK_INT(json_uint(json_get(v, "f"), 1), 1);
	CHECK(json_num(json_get(v, "f"), 0) > 1.49 && json_num(json_get(v, "f"), 0) < 1.51);
	CHECK(json_num(json_get(v, "i"), 0) < -2.9);
	CHECK(json_is_number(json_get(v, "i")));
	CHECK(json_true(json_get(v, "t"), false));
	CHECK(json_true(json_get(v, "n"), true));
	CHECK(json_is_null(json_get(v, "n")));
	CHECK(json_is_array(json_get(v, "a")));
	CHECK_INT(json_len(json_get(v, "a")), 3);
	CHECK_SLICE(json_str(json_at(json_get(v, "a"), 1)), "two");
	CHECK(json_at(json_get(v, "a"), 3) == NULL);
	CHECK_INT(json_uint(json_get(json_get(json_get(v, "o"), "k"), "l"), 0), 7);
	json_doc_free(d);
	CHECK_INT(t.live, 0);
}

static void what_is_absent_gives_the_empty_answer(void **state UNUSED)
{
	struct slice key;
	const struct json *v;
	struct json_iter it;

	CHECK(json_get(json_at(json_get(NULL, "a"), 0), "b") == NULL);
	CHECK_SLICE(json_str(NULL), "");
	CHECK_INT(json_uint(NULL, 4), 4);
	CHECK(json_num(NULL, 0.5) > 0.4);
	CHECK(json_true(NULL, true));
	CHECK(!json_is_null(NULL));
	CHECK(!json_is_object(NULL));
	CHECK_INT(json_len(NULL), 0);
	json_iter_init(&it, NULL);
	CHECK(!json_iter_next(&it, &key, &v));
	json_doc_free(NULL);
}

static void objects_and_arrays_are_walked_in_order(void **state UNUSED)
{
	static const char *const keys[] = { "a", "b\n", "a" };
	struct json_doc *d = NULL;
	const struct json *v;
	struct json_iter it;
	struct test_mem t;
	struct slice key;
	size_t n = 0;

	test_mem_init(&t, 0);
	CHECK_RC(json_doc_read(&d, &t.mem, LIT("{\"a\":[[],0],\"b\\n\":1,\"a\":[2,[3],{}]}"),
			       NULL),
		 OK);
	for (json_iter_init(&it, json_root(d)); json_iter_next(&it, &key, &v); n++)
		CHECK_SLICE(key, keys[n]);
	CHECK_INT(n, 3);
	CHECK_INT(json_len(v), 3); /* the last one */
	n = 0;
	for (json_iter_init(&it, v); json_iter_next(&it, &key, &v); n++)
		CHECK_SLICE(key, "");
	CHECK_INT(n, 3);
	CHECK(json_is_object(v));
	json_doc_free(d);
	CHECK_INT(t.live, 0);
}

static void bad_text_is_refused_with_its_place(void **state UNUSED)
{
	struct err err = { .rc = OK };
	struct json_doc *d = NULL;
	struct test_mem t;
	char deep[2 * JSON_DEPTH_MAX + 2];

	test_mem_init(&t, 0);
	CHECK_RC(json_doc_read(&d, &t.mem, LIT("{\n\"a\":x}"), &err), E_BAD);
	CHECK_STR(err.id, "json.syntax");
	CHECK_STR(err.text, "unexpected character at line 2, column 5");
	err_clear(&err);
	memset(deep, '[', JSON_DEPTH_MAX + 1);
	memset(deep + JSON_DEPTH_MAX + 1, ']', JSON_DEPTH_MAX + 1);
	CHECK_RC(json_doc_read(&d, &t.mem, slice_of(deep, sizeof(deep)), &err), E_TOOBIG);
	CHECK_STR(err.id, "json.depth");
	err_clear(&err);
	CHECK_RC(json_doc_read(&d, &t.mem, LIT("[1e999]"), &err), E_BAD);
	CHECK_STR(err.id, "json.number");
	CHECK(d == NULL);
	CHECK_INT(t.live, 0);
}

static void half_a_surrogate_pair_becomes_a_replacement_character(void **state UNUSED)
{
	struct json_doc *d = NULL;
	struct test_mem t;

	test_mem_init(&t, 0);
	CHECK_RC(json_doc_read(
			 &d, &t.mem,
			 LIT("[\"\\ud83d\",\"\\\\ud83d\\ude00\",\"\\ud83d\\ude00\\ud83d\\n\","
			     "\"\\u0000\\ud83d\\u0041\\udfffx\"]"),
			 NULL),
		 OK);
	CHECK_SLICE(json_str(json_at(json_root(d), 0)), "\xef\xbf\xbd");
	CHECK_SLICE(json_str(json_at(json_root(d), 1)), "\\ud83d\xef\xbf\xbd");
	CHECK_SLICE(json_str(json_at(json_root(d), 2)), "\xf0\x9f\x98\x80\xef\xbf\xbd\n");
	CHECK(slice_eq(json_str(json_at(json_root(d), 3)), LIT("\0\xef\xbf\xbd"
							       "A\xef\xbf\xbdx")));
	json_doc_free(d);
	CHECK_INT(t.live, 0);
}

static void a_value_is_written_compactly(void **state UNUSED)
{
	struct json_doc *d = NULL;
	struct slice text;
	struct test_mem t;

	test_mem_init(&t, 0);
	CHECK_RC(json_doc_read(
			 &d, &t.mem,
			 LIT(" { \"a\" : [ 1 , 2.5 , null ] ,\n\"b\":{\"c\":\"\\u0041\\n\"}}"),
			 NULL),
		 OK);
	CHECK_RC(json_write(json_root(d), &t.mem, &text), OK);
	CHECK_SLICE(text, "{\"a\":[1,2.5,null],\"b\":{\"c\":\"A\\n\"}}");
	mem_put(&t.mem, (void *)(uintptr_t)text.p, text.n);
	CHECK_RC(json_write(json_get(json_root(d), "b"), &t.mem, &text), OK);
	CHECK_SLICE(text, "{\"c\":\"A\\n\"}");
	mem_put(&t.mem, (void *)(uintptr_t)text.p, text.n);
	json_doc_free(d);
	CHECK_INT(t.live, 0);
}

static void tree_body(struct test_mem *t)
{
	struct err err = { .rc = OK };
	struct json_doc *d = NULL;
	struct slice text;
	enum rc rc;

	/* The half pair makes it take the longer way; the size makes yyjson grow. */
	rc = json_doc_read(
		&d, &t->mem,
		LIT("{\"a\":\"\\ud83d\",\"b\":[1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,"
		    "0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9,0,1,2,3,4,5,6,7,8,9],"
		    "\"c\":[[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[],[]]}"),
		&err);
	if (rc != OK) {
		CHECK_RC(rc, E_NOMEM);
		CHECK_INT(err.rc, E_NOMEM);
		CHECK(d == NULL);
		return;
	}
	rc = json_write(json_root(d), &t->mem, &text);
	if (rc == OK)
		mem_put(&t->mem, (void *)(uintptr_t)text.p, text.n);
	else
		CHECK_RC(rc, E_NOMEM);
	json_doc_free(d);
}

static void trees_survive_failing_memory(void **state UNUSED)
{
	sweep(tree_body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_tree_is_read_and_looked_at),
		cmocka_unit_test(what_is_absent_gives_the_empty_answer),
		cmocka_unit_test(objects_and_arrays_are_walked_in_order),
		cmocka_unit_test(bad_text_is_refused_with_its_place),
		cmocka_unit_test(half_a_surrogate_pair_becomes_a_replacement_character),
		cmocka_unit_test(a_value_is_written_compactly),
		cmocka_unit_test(trees_survive_failing_memory),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
