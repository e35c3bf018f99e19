#include "wire/json.h"

#include "wire/json_bytes.h"
#include "wire/json_scan.h"

#include <yyjson.h>

struct json_doc {
	struct mem *mem;
	yyjson_doc *tree;
};

/* A struct json is yyjson's value under our name.  Its getters do not write but take
 * pointers without const. */
static yyjson_val *val(const struct json *v)
{
	return (yyjson_val *)(uintptr_t)v;
}

static const struct json *ours(const yyjson_val *v)
{
	return (const struct json *)v;
}

/* ---- memory ---- */

/* yyjson gives memory back without saying how much it was: the size stands in front. */
union head {
	size_t n; /* with this head */
	max_align_t align;
};

static void *alc_get(void *ctx, size_t n)
{
	union head *h;

	if (!size_add(n, sizeof(*h), &n))
		return NULL;
	h = mem_get(ctx, n);
	if (h == NULL)
		return NULL;
	h->n = n;
	return h + 1;
}

static void *alc_resize(void *ctx, void *p, size_t old UNUSED, size_t n)
{
	union head *h = p;

	if (h == NULL)
		return alc_get(ctx, n);
	h--;
	if (!size_add(n, sizeof(*h), &n))
		return NULL;
	h = mem_resize(ctx, h, h->n, n);
	if (h == NULL)
		return NULL;
	h->n = n;
	return h + 1;
}

static void alc_put(void *ctx, void *p)
{
	union head *h = p;

	if (h != NULL)
		mem_put(ctx, h - 1, h[-1].n);
}

static yyjson_alc alc_of(struct mem *mem)
{
	return (yyjson_alc){ alc_get, alc_resize, alc_put, mem };
}

/* ---- reading ---- */

/* The UTF-16 unit that an escape like \ud83d at `p` stands for, or 0. */
static unsigned escaped_unit(const char *p, const char *end)
{
	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return 0;
	return json_hex4(p + 2);
}

/* The scan allows half a surrogate pair, yyjson does not: puts U+FFFD in its place, which
 * as an escape has the same length. */
static void mend_surrogates(char *p, const char *end)
{
	while ((p = memchr(p, '\\', (size_t)(end - p))) != NULL) {
		const unsigned unit = escaped_unit(p, end);
		const unsigned low = unit == 0 ? 0 : escaped_unit(p + 6, end);

		if (p[1] != 'u') {
			p += 2;
		} else if (unit < 0xd800 || unit > 0xdfff) {
			p += 6;
		} else if (unit < 0xdc00 && low >= 0xdc00 && low <= 0xdfff) {
			p += 12;
		} else {
			memcpy(p, "\\ufffd", 6);
			p += 6;
		}
	}
}

static yyjson_doc *read_mended(struct mem *mem, struct slice text, yyjson_read_err *e)
{
	const yyjson_alc alc = alc_of(mem);
	yyjson_doc *tree = NULL;
	char *copy = mem_get(mem, text.n);

	if (copy == NULL) {
		e->code = YYJSON_READ_ERROR_MEMORY_ALLOCATION;
		return NULL;
	}
	memcpy(copy, text.p, text.n);
	mend_surrogates(copy, copy + text.n);
	tree = yyjson_read_opts(copy, text.n, YYJSON_READ_NOFLAG, &alc, e);
	mem_put(mem, copy, text.n);
	return tree;
}

/* `text` was accepted by json_scan(). */
static enum rc read_tree(yyjson_doc **tree, struct mem *mem, struct slice text, struct err *err)
{
	const yyjson_alc alc = alc_of(mem);
	yyjson_read_err e = { 0 };

	/* Not written to: that would take YYJSON_READ_INSITU. */
	*tree = yyjson_read_opts((char *)(uintptr_t)text.p, text.n, YYJSON_READ_NOFLAG, &alc,
				 &e);
	if (*tree == NULL && e.code == YYJSON_READ_ERROR_INVALID_STRING)
		*tree = read_mended(mem, text, &e);
	if (*tree != NULL)
		return OK;
	if (e.code == YYJSON_READ_ERROR_MEMORY_ALLOCATION)
		return err_nomem(err, "json.read");
	if (e.code == YYJSON_READ_ERROR_INVALID_NUMBER) /* 1e999 */
		return err_set(err, E_BAD, "json.number", "a number is out of range (byte %zu)",
			       e.pos + 1);
	return err_set(err, E_BAD, "json.read", "%s (byte %zu)", e.msg, e.pos + 1);
}

enum rc json_doc_read(struct json_doc **out, struct mem *mem, struct slice text,
		      struct err *err)
{
	struct json_problem problem;
	enum json_kind kind;
	struct json_doc *d;
	size_t n;
	/* yyjson has no limit of depth of its own. */
	enum rc rc = json_scan(text, &kind, NULL, 0, &n, &problem);

	if (rc != OK)
		return err_set(err, rc, rc == E_TOOBIG ? "json.depth" : "json.syntax",
			       "%s at line %zu, column %zu", problem.what, problem.line,
			       problem.column);
	d = mem_zero(mem, sizeof(*d));
	if (d == NULL)
		return err_nomem(err, "json.read");
	d->mem = mem;
	rc = read_tree(&d->tree, mem, text, err);
	if (rc != OK) {
		json_doc_free(d);
		return rc;
	}
	*out = d;
	return OK;
}

void json_doc_free(struct json_doc *d)
{
	if (d == NULL)
		return;
	yyjson_doc_free(d->tree);
	mem_put(d->mem, d, sizeof(*d));
}

const struct json *json_root(const struct json_doc *d)
{
	return ours(yyjson_doc_get_root(d->tree));
}

/* ---- looking ---- */

const struct json *json_get(const struct json *object, const char *key)
{
	return ours(yyjson_obj_get(val(object), key));
}

const struct json *json_at(const struct json *array, size_t i)
{
	return ours(yyjson_arr_get(val(array), i));
}

size_t json_len(const struct json *array_or_object)
{
	return yyjson_is_ctn(val(array_or_object)) ? yyjson_get_len(val(array_or_object)) : 0;
}

bool json_is_null(const struct json *v)
{
	return yyjson_is_null(val(v));
}

bool json_is_string(const struct json *v)
{
	return yyjson_is_str(val(v));
}

bool json_is_object(const struct json *v)
{
	return yyjson_is_obj(val(v));
}

bool json_is_array(const struct json *v)
{
	return yyjson_is_arr(val(v));
}

bool json_is_number(const struct json *v)
{
	return yyjson_is_num(val(v));
}

struct slice json_str(const struct json *v)
{
	if (!yyjson_is_str(val(v)))
		return slice_of("", 0);
	return slice_of(yyjson_get_str(val(v)), yyjson_get_len(val(v)));
}

uint64_t json_uint(const struct json *v, uint64_t other)
{
	double d;

	if (yyjson_is_uint(val(v)))
		return yyjson_get_uint(val(v));
	if (!yyjson_is_real(val(v)))
		return other;
	/* 1.0 and 1e2 are whole too.  The limit is 2^64: any double below it fits. */
	d = yyjson_get_real(val(v));
	if (d < 0 || d >= 18446744073709551616.0 || d != (double)(uint64_t)d)
		return other;
	return (uint64_t)d;
}

double json_num(const struct json *v, double other)
{
	return yyjson_is_num(val(v)) ? yyjson_get_num(val(v)) : other;
}

bool json_true(const struct json *v, bool other)
{
	return yyjson_is_bool(val(v)) ? yyjson_get_bool(val(v)) : other;
}

void json_iter_init(struct json_iter *it, const struct json *array_or_object)
{
	*it = (struct json_iter){ .of = array_or_object, .left = json_len(array_or_object) };
	if (it->left > 0) {
		it->object = json_is_object(array_or_object);
		it->at = ours(unsafe_yyjson_get_first(val(array_or_object)));
	}
}

bool json_iter_next(struct json_iter *it, struct slice *key, const struct json **value)
{
	if (it->left == 0)
		return false;
	it->left--;
	*key = it->object ? json_str(it->at) : slice_of("", 0);
	/* A key has no parts: its value stands right behind it. */
	*value = it->object ? ours(val(it->at) + 1) : it->at;
	it->at = ours(unsafe_yyjson_get_next(val(*value)));
	return true;
}

/* ---- writing ---- */

enum rc json_write(const struct json *v, struct mem *mem, struct slice *text)
{
	const yyjson_alc alc = alc_of(mem);
	size_t n = 0;
	char *ready, *copy;

	INVARIANT(v != NULL);
	ready = yyjson_val_write_opts(val(v), YYJSON_WRITE_NOFLAG, &alc, &n, NULL);
	if (ready == NULL)
		return E_NOMEM;
	/* The caller gives back n bytes, so they must be a block of their own. */
	copy = mem_get(mem, n);
	if (copy != NULL) {
		memcpy(copy, ready, n);
		*text = slice_of(copy, n);
	}
	alc_put(mem, ready);
	return copy == NULL ? E_NOMEM : OK;
}
