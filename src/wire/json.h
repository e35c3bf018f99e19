/* wire/json.h -- JSON documents as trees; the one adapter of yyjson.
 *
 * Pure.  For what is read whole and answered by us: error bodies, model lists, the mock's
 * requests, dialect translation.  What is forwarded is scanned in place instead
 * (wire/json_scan.h).
 */
#ifndef WEIR_WIRE_JSON_H
#define WEIR_WIRE_JSON_H

#include "base/err.h"
#include "base/mem.h"
#include "base/slice.h"

struct json_doc;
struct json; /* a value inside a document; borrowed from it */

/* Copies what it needs from `text`.  Returns owned: json_doc_free().
 * Accepts what json_scan() accepts, except numbers over the range of a double (1e999); half a
 * surrogate pair becomes U+FFFD.
 * E_BAD with where and why, E_TOOBIG (nested over JSON_DEPTH_MAX of json_scan.h), E_NOMEM. */
MUST_USE enum rc json_doc_read(struct json_doc **out, struct mem *mem, struct slice text,
			       struct err *err);
void json_doc_free(struct json_doc *d); /* NULL is allowed */
const struct json *json_root(const struct json_doc *d);

/* Each getter takes NULL and gives the empty answer, so look-ups can be chained. */
const struct json *json_get(const struct json *object, const char *key);
const struct json *json_at(const struct json *array, size_t i);
size_t json_len(const struct json *array_or_object);
bool json_is_null(const struct json *v); /* JSON null; false for NULL */
bool json_is_string(const struct json *v);
bool json_is_object(const struct json *v);
bool json_is_array(const struct json *v);
bool json_is_number(const struct json *v);
struct slice json_str(const struct json *v); /* "" when not a string */
/* `other` when not one that fits; 1.0 and 1e2 are whole too. */
uint64_t json_uint(const struct json *v, uint64_t other);
double json_num(const struct json *v, double other);
bool json_true(const struct json *v, bool other);

/* for (json_iter_init(&it, v); json_iter_next(&it, &key, &value);) -- arrays leave key empty.
 */
struct json_iter {
	const struct json *at, *of;
	size_t left;
	bool object;
};
void json_iter_init(struct json_iter *it, const struct json *array_or_object);
bool json_iter_next(struct json_iter *it, struct slice *key, const struct json **value);

/* The value (not NULL) as JSON text, compact.  Owned by `mem`: mem_put(mem, text.p, text.n).
 * E_NOMEM. */
MUST_USE enum rc json_write(const struct json *v, struct mem *mem, struct slice *text);

#endif
