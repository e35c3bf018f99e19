#include "fuzz.h"

#include "wire/json.h"
#include "wire/json_scan.h"

#include <yyjson.h>

/* The scan accepts what yyjson accepts, and the readers of scanned text see what yyjson
 * sees.  Where the two differ, the header of the scan says so. */

enum { MEMBERS = 16 };

static void same_number(struct slice text, yyjson_val *v)
{
	uint64_t u = 0;
	const bool whole = json_u64(text, &u);

	if (yyjson_is_uint(v))
		INVARIANT(whole && u == yyjson_get_uint(v));
	else if (yyjson_is_sint(v))
		INVARIANT(whole == (yyjson_get_sint(v) == 0) && u == 0);
	else if (whole)
		INVARIANT((double)u == yyjson_get_real(v)); /* both rounded once */
}

static void same_string(struct slice text, yyjson_val *v)
{
	const struct slice want = { yyjson_get_str(v), yyjson_get_len(v) };
	struct fuzz_mem mem;
	struct arena a;
	struct slice got;

	fuzz_mem_init(&mem, 0);
	arena_init(&a, &mem.mem, 256, 1 << 24);
	INVARIANT(json_string(text, &a, &got) && slice_eq(got, want));
	INVARIANT(json_string_is(text, want));
	INVARIANT(!json_string_is(text, slice_of("another", 7)) ||
		  slice_eq(got, LIT("another")));
	INVARIANT(want.n == 0 || !json_string_is(text, slice_head(want, want.n - 1)));
	INVARIANT(json_string_nonempty(text) == (want.n > 0));
	arena_free(&a);
	INVARIANT(mem.live == 0);
}

static void same(struct slice text, yyjson_val *v);

static void same_array(struct slice text, yyjson_val *v)
{
	struct json_array a = json_array(text);
	yyjson_arr_iter it = yyjson_arr_iter_with(v);
	enum json_kind kind;
	struct slice value;

	while (json_array_next(&a, &value, &kind)) {
		INVARIANT(kind == json_kind(value));
		same(value, yyjson_arr_iter_next(&it));
	}
	INVARIANT(!yyjson_arr_iter_has_next(&it));
}

static void same_members(const struct json_member *m, size_t n, yyjson_val *v)
{
	yyjson_obj_iter it = yyjson_obj_iter_with(v);

	for (size_t i = 0; i < n; i++) {
		yyjson_val *key = yyjson_obj_iter_next(&it);
		const struct slice name = { yyjson_get_str(key), yyjson_get_len(key) };
		const struct json_member *found;
		bool twice;

		INVARIANT(key != NULL);
		same(slice_of(m[i].key.p - 1, m[i].key.n + 2), key);
		INVARIANT(m[i].key_escaped ==
			  (m[i].key.n > 0 && memchr(m[i].key.p, '\\', m[i].key.n) != NULL));
		INVARIANT(m[i].kind == json_kind(m[i].value));
		same(m[i].value, yyjson_obj_iter_get_val(key));
		found = json_member_find(m, n, name, &twice);
		INVARIANT(found != NULL && found <= &m[i] && (twice || found == &m[i]));
	}
}

static void same_object(struct slice text, yyjson_val *v)
{
	const size_t n = yyjson_obj_size(v);
	struct json_member *m = calloc(n + 1, sizeof(*m));

	INVARIANT(m != NULL);
	INVARIANT(json_object(text, m, n / 2) == n); /* counted, not stored */
	INVARIANT(json_object(text, m, n + 1) == n);
	/* Each look-up goes through all. */
	same_members(m, size_min(n, 200), v);
	free(m);
}

static void same(struct slice text, yyjson_val *v)
{
	bool b;

	INVARIANT(v != NULL);
	INVARIANT(json_bool(text, &b) == yyjson_is_bool(v));
	switch (json_kind(text)) {
	case JSON_NULL:
		INVARIANT(yyjson_is_null(v) && slice_eq(text, LIT("null")));
		break;
	case JSON_BOOL:
		INVARIANT(b == yyjson_get_bool(v));
		break;
	case JSON_NUMBER:
		INVARIANT(yyjson_is_num(v));
		same_number(text, v);
		break;
	case JSON_STRING:
		INVARIANT(yyjson_is_str(v));
		same_string(text, v);
		break;
	case JSON_ARRAY:
		INVARIANT(yyjson_is_arr(v));
		same_array(text, v);
		break;
	case JSON_OBJECT:
		INVARIANT(yyjson_is_obj(v));
		same_object(text, v);
		break;
	}
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static void accepted(struct slice text, enum json_kind kind, const struct json_member *m,
		     size_t n, yyjson_val *root)
{
	while (is_space(text.p[0]))
		text = slice_skip(text, 1);
	while (is_space(text.p[text.n - 1]))
		text.n--;
	INVARIANT(kind == json_kind(text));
	INVARIANT(n == (yyjson_is_obj(root) ? yyjson_obj_size(root) : 0));
	same_members(m, size_min(n, MEMBERS), root);
	same(text, root);
}

/* What stands before the place of the problem is the beginning of some JSON text. */
static void refused(struct slice text, const struct json_problem *p)
{
	struct json_problem before;
	enum json_kind kind;
	size_t n;

	INVARIANT(p->at <= text.n && p->line >= 1 && p->column >= 1);
	INVARIANT(p->column <= p->at + 1 && p->what != NULL);
	if (json_scan(slice_head(text, p->at), &kind, NULL, 0, &n, &before) != OK)
		INVARIANT(before.at == p->at &&
			  slice_eq(slice_cstr(before.what), LIT("unexpected end")));
}

static void decodes_to(struct slice text, struct slice want)
{
	struct fuzz_mem mem;
	struct arena a;
	struct slice got;

	fuzz_mem_init(&mem, 0);
	arena_init(&a, &mem.mem, 256, 1 << 24);
	INVARIANT(json_string(text, &a, &got) && slice_eq(got, want));
	arena_free(&a);
}

/* Here half pairs are compared too: the tree's text and ours. */
static void same_in_tree(const struct json *root, const struct json_member *m, size_t n)
{
	const struct json *v;
	struct json_iter it;
	struct slice key;

	json_iter_init(&it, root);
	for (size_t i = 0; i < n; i++) {
		INVARIANT(json_iter_next(&it, &key, &v));
		decodes_to(slice_of(m[i].key.p - 1, m[i].key.n + 2), key);
		INVARIANT(json_is_string(v) == (m[i].kind == JSON_STRING));
		if (m[i].kind == JSON_STRING)
			decodes_to(m[i].value, json_str(v));
	}
}

/* The tree takes what the scan takes, but for numbers over the range. */
static void tree(struct slice text, enum rc want, const struct json_member *m, size_t n)
{
	struct err err = { .rc = OK };
	struct json_doc *d = NULL;
	struct fuzz_mem mem;
	enum rc rc;

	fuzz_mem_init(&mem, 0);
	rc = json_doc_read(&d, &mem.mem, text, &err);
	if (rc != want)
		INVARIANT(want == OK && rc == E_BAD &&
			  slice_eq(slice_cstr(err.id), LIT("json.number")));
	if (rc == OK)
		same_in_tree(json_root(d), m, n);
	json_doc_free(d);
	INVARIANT(mem.live == 0);
}

/* Accepted by the scan and not by yyjson: there are the two reasons of the header. */
static void differs(struct slice text, yyjson_read_err e)
{
	char *p = (char *)(uintptr_t)text.p;
	struct slice at;

	if (e.code == YYJSON_READ_ERROR_INVALID_NUMBER) { /* 1e999 */
		yyjson_doc *doc =
			yyjson_read_opts(p, text.n, YYJSON_READ_BIGNUM_AS_RAW, NULL, &e);

		yyjson_doc_free(doc);
		if (doc != NULL)
			return;
	}
	INVARIANT(e.code == YYJSON_READ_ERROR_INVALID_STRING);
	at = slice_skip(text, e.pos); /* the half pair is here or right before */
	if (!slice_starts(at, LIT("\\ud")) && !slice_starts(at, LIT("\\uD"))) {
		INVARIANT(e.pos >= 6);
		at = slice_skip(text, e.pos - 6);
	}
	INVARIANT(slice_starts(at, LIT("\\ud")) || slice_starts(at, LIT("\\uD")));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice text = { (const char *)data, size };
	struct json_member m[MEMBERS];
	struct json_problem p;
	yyjson_read_err e = { 0 };
	enum json_kind kind;
	size_t n;
	enum rc rc = json_scan(text, &kind, m, MEMBERS, &n, &p);
	yyjson_doc *doc =
		yyjson_read_opts((char *)(uintptr_t)data, size, YYJSON_READ_NOFLAG, NULL, &e);

	if (rc == OK && doc != NULL)
		accepted(text, kind, m, n, yyjson_doc_get_root(doc));
	else if (rc == OK)
		differs(text, e);
	else
		INVARIANT(n == 0 && (rc == E_TOOBIG || (rc == E_BAD && doc == NULL)));
	if (rc != OK)
		refused(text, &p);
	tree(text, rc, m, size_min(n, MEMBERS));
	yyjson_doc_free(doc);
	return 0;
}
