#include "fuzz.h"

#include "wire/json_scan.h"

#include <yyjson.h>

/* Edits drawn from the first bytes are done twice to the JSON text that follows: by cutting
 * bytes, and on yyjson's tree.  The results are the same document. */

enum { MEMBERS = 40, EDITS = 12 };

/* A new value, for both. */
struct fresh {
	struct slice text;
	void (*set)(yyjson_mut_val *v);
};

static void set_null(yyjson_mut_val *v)
{
	yyjson_mut_set_null(v);
}

static void set_number(yyjson_mut_val *v)
{
	yyjson_mut_set_uint(v, 77);
}

static void set_string(yyjson_mut_val *v)
{
	yyjson_mut_set_str(v, "},{\"");
}

static void set_object(yyjson_mut_val *v)
{
	yyjson_mut_set_obj(v);
}

static struct fresh fresh(unsigned draw)
{
	switch (draw % 4) {
	case 0:
		return (struct fresh){ LIT("null"), set_null };
	case 1:
		return (struct fresh){ LIT(" 77 "), set_number };
	case 2:
		return (struct fresh){ LIT("\"},{\\\"\""), set_string };
	default:
		return (struct fresh){ LIT("{ }"), set_object };
	}
}

struct job {
	struct slice draws; /* one byte each time; zeros when used up */
	struct json_edits x;
	struct json_member m[MEMBERS];
	size_t n;
	bool touched[MEMBERS], removed[MEMBERS];
	struct arena a;
	yyjson_mut_doc *doc;
};

static unsigned draw(struct job *j)
{
	unsigned c = j->draws.n > 0 ? (unsigned char)j->draws.p[0] : 0;

	j->draws = slice_skip(j->draws, 1);
	return c;
}

static yyjson_mut_val *member(const struct job *j, size_t i)
{
	yyjson_mut_obj_iter it = yyjson_mut_obj_iter_with(yyjson_mut_doc_get_root(j->doc));
	yyjson_mut_val *key;

	do
		key = yyjson_mut_obj_iter_next(&it);
	while (i-- > 0);
	return yyjson_mut_obj_iter_get_val(key);
}

/* Goes down to some value inside `*text` and `v`, the same one; NULL when it is empty. */
static yyjson_mut_val *descend(struct job *j, struct slice *text, yyjson_mut_val *v)
{
	struct json_member m[8];
	enum json_kind kind;
	size_t n = 0;

	if (json_kind(*text) == JSON_OBJECT) {
		yyjson_mut_obj_iter it = yyjson_mut_obj_iter_with(v);
		size_t left;

		n = size_min(json_object(*text, m, ARRAY_LEN(m)), ARRAY_LEN(m));
		if (n == 0)
			return NULL;
		left = draw(j) % n;
		*text = m[left].value;
		do
			v = yyjson_mut_obj_iter_next(&it);
		while (left-- > 0);
		return yyjson_mut_obj_iter_get_val(v);
	}
	if (json_kind(*text) == JSON_ARRAY) {
		struct json_array a = json_array(*text);
		size_t left = draw(j) % 4;

		for (; json_array_next(&a, text, &kind); n++, left--) {
			if (left == 0)
				return yyjson_mut_arr_get(v, n);
		}
	}
	return NULL;
}

static void edit_part(struct job *j, size_t i)
{
	struct slice part = j->m[i].value;
	yyjson_mut_val *v = member(j, i);
	struct fresh f;

	do
		v = descend(j, &part, v);
	while (v != NULL && draw(j) % 2 == 0 && json_kind(part) >= JSON_ARRAY);
	if (v == NULL)
		return;
	f = fresh(draw(j));
	json_edit_part(&j->x, part, f.text);
	f.set(v);
	j->touched[i] = true;
}

static void edit(struct job *j)
{
	const unsigned what = draw(j) % 5;
	const size_t i = j->n == 0 ? 0 : draw(j) % j->n;
	struct fresh f;

	if (what == 0) {
		yyjson_mut_val *v = yyjson_mut_null(j->doc);

		json_edit_add(&j->x, LIT("\"n\\u0065w\" : [ ]"), &j->a);
		yyjson_mut_set_arr(v);
		yyjson_mut_obj_add(yyjson_mut_doc_get_root(j->doc),
				   yyjson_mut_str(j->doc, "new"), v);
	} else if (i >= j->n || j->touched[i]) {
		return;
	} else if (what == 1) {
		f = fresh(draw(j));
		json_edit_replace(&j->x, i, f.text);
		f.set(member(j, i));
		j->touched[i] = true;
	} else if (what == 2) {
		edit_part(j, i);
	} else {
		json_edit_remove(&j->x, i);
		j->touched[i] = j->removed[i] = true;
	}
}

static void remove_in_tree(struct job *j)
{
	yyjson_mut_obj_iter it = yyjson_mut_obj_iter_with(yyjson_mut_doc_get_root(j->doc));

	for (size_t i = 0; i < j->n; i++) {
		yyjson_mut_obj_iter_next(&it);
		if (j->removed[i])
			yyjson_mut_obj_iter_remove(&it);
	}
}

static void check_result(struct job *j)
{
	struct slice pieces[JSON_PIECES_MAX];
	size_t got_n, want_n, bytes;
	size_t at = 0;
	size_t n = json_edits_apply(&j->x, pieces, JSON_PIECES_MAX, &bytes);
	char *text = malloc(bytes + 1);
	char *want = yyjson_mut_write(j->doc, YYJSON_WRITE_NOFLAG, &want_n);
	yyjson_doc *result;
	char *got;

	INVARIANT(!j->x.failed && text != NULL && n > 0);
	for (size_t i = 0; i < n; i++) {
		memcpy(text + at, pieces[i].p, pieces[i].n);
		at += pieces[i].n;
	}
	INVARIANT(at == bytes);
	result = yyjson_read(text, bytes, YYJSON_READ_NOFLAG);
	got = result == NULL ? NULL : yyjson_write(result, YYJSON_WRITE_NOFLAG, &got_n);
	INVARIANT(got != NULL && want != NULL && got_n == want_n);
	INVARIANT(memcmp(got, want, got_n) == 0);
	free(got);
	free(want);
	free(text);
	yyjson_doc_free(result);
}

static void edit_object(struct job *j, struct slice text, struct mem *mem)
{
	yyjson_doc *doc = yyjson_read(text.p, text.n, YYJSON_READ_NOFLAG);

	if (doc == NULL) /* half a surrogate pair, 1e999: see json_scan.h */
		return;
	j->doc = yyjson_doc_mut_copy(doc, NULL);
	INVARIANT(j->doc != NULL);
	yyjson_doc_free(doc);
	arena_init(&j->a, mem, 256, 1 << 20);
	json_edits_init(&j->x, text, j->m, j->n);
	for (unsigned left = draw(j) % EDITS; left > 0; left--)
		edit(j);
	remove_in_tree(j);
	check_result(j);
	yyjson_mut_doc_free(j->doc);
	arena_free(&j->a);
}

/* Any bytes can be quoted; the quoted text is JSON and means the same. */
static void quote(struct slice s, struct mem *mem)
{
	struct slice quoted, again, back;
	enum json_kind kind;
	struct arena a;
	bool ascii = true;
	size_t n;

	for (size_t i = 0; i < s.n; i++)
		ascii = ascii && (signed char)s.p[i] >= 0;
	arena_init(&a, mem, 256, 1 << 24);
	quoted = json_quote(&a, s);
	INVARIANT(json_scan(quoted, &kind, NULL, 0, &n, NULL) == OK && kind == JSON_STRING);
	INVARIANT(json_string(quoted, &a, &back));
	INVARIANT(!ascii || slice_eq(back, s));
	again = json_quote(&a, back);
	INVARIANT(slice_eq(again, quoted));
	arena_free(&a);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice input = { (const char *)data, size_min(size, 1 << 16) };
	const size_t brace = slice_find_char(input, '{');
	const struct slice text = slice_skip(input, brace); /* empty when there is none */
	struct job j = { .draws = slice_head(input, brace) };
	struct fuzz_mem mem;
	enum json_kind kind;

	fuzz_mem_init(&mem, 0);
	quote(input, &mem.mem);
	/* What is before the first brace are the draws. */
	if (json_scan(text, &kind, j.m, MEMBERS, &j.n, NULL) == OK && j.n <= MEMBERS)
		edit_object(&j, text, &mem.mem);
	INVARIANT(mem.live == 0);
	return 0;
}
