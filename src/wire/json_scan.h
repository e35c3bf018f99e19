/* wire/json_scan.h -- JSON checked and mapped in place, in one pass and without a copy.
 *
 * Pure, no allocation.  Made for bodies that are forwarded as they came: the scan proves
 * that the text is one valid JSON value (RFC 8259; UTF-8 as in RFC 3629; lone surrogates
 * in \u escapes allowed, as most parsers do) and says where the members of
 * the outermost object lie, so that a field can be read, replaced, added or dropped by
 * cutting bytes.  Strings are passed over 16 bytes at a time.
 */
#ifndef WEIR_WIRE_JSON_SCAN_H
#define WEIR_WIRE_JSON_SCAN_H

#include "base/arena.h"
#include "base/err.h"

enum { JSON_DEPTH_MAX = 128 };

enum json_kind { JSON_NULL, JSON_BOOL, JSON_NUMBER, JSON_STRING, JSON_ARRAY, JSON_OBJECT };

struct json_member {
	struct slice key;   /* between the quotes, escapes as written */
	struct slice value; /* the value's text, strings with their quotes */
	enum json_kind kind;
	bool key_escaped; /* the key has a backslash */
};

/* What is wrong and where: byte offset, and line and column (from 1, in bytes). */
struct json_problem {
	const char *what; /* "unexpected character", "nested too deeply", ... */
	size_t at;
	size_t line, column;
};

/* Scans a whole text.  When it is an object, its first `cap` members go to `m` in their
 * order and *n is how many it has (it may be more than `cap`).  Other values give *n == 0
 * and *kind.  All slices borrow from `text`.
 * E_BAD     not valid JSON; `p` (may be NULL) says where
 * E_TOOBIG  nested deeper than JSON_DEPTH_MAX; `p` likewise */
MUST_USE enum rc json_scan(struct slice text, enum json_kind *kind, struct json_member *m,
			   size_t cap, size_t *n, struct json_problem *p);

/* The member with this name, escapes in its key decoded; NULL when absent.  *twice (may be
 * NULL) is set when there is more than one: the first is returned. */
const struct json_member *json_member_find(const struct json_member *m, size_t n,
					   struct slice name, bool *twice);

/* For a value inside a text that json_scan() accepted: the members of this object / the
 * elements of this array.  The text is trusted, so they cannot fail. */
size_t json_object(struct slice object, struct json_member *m, size_t cap);

struct json_array {
	struct slice rest; /* private */
};
struct json_array json_array(struct slice array);
bool json_array_next(struct json_array *a, struct slice *value, enum json_kind *kind);

enum json_kind json_kind(struct slice value); /* by its first byte */

/* Values of scanned text.  False (and *out untouched) when it is something else or does
 * not fit.  Numbers written as 1.0 or 1e2 are read when they are whole. */
MUST_USE bool json_bool(struct slice value, bool *out);
MUST_USE bool json_u64(struct slice value, uint64_t *out);
/* The string is exactly `s` once its escapes are decoded. */
bool json_string_is(struct slice value, struct slice s);
/* A string with its escapes decoded: borrowed from the text when it has none, else from the
 * arena.  Not a string, or no memory: false. */
MUST_USE bool json_string(struct slice value, struct arena *a, struct slice *out);
/* True for a string with at least one character; cheap. */
bool json_string_nonempty(struct slice value);

/* ---- edits -------------------------------------------------------------------- */

struct json_edit {
	size_t at;        /* offset in the text */
	size_t cut;       /* bytes removed there */
	struct slice put; /* and these put in their place; borrowed */
};

enum { JSON_EDITS_MAX = 32 };

/* Edits of one text, gathered in any order.  They must not overlap. */
struct json_edits {
	struct slice text;
	const struct json_member *m;
	size_t member_n;
	struct json_edit e[JSON_EDITS_MAX];
	size_t n;
	bool failed; /* too many, or no memory: sticky */
	bool added;  /* a member was put in already */
};

/* `m` are the members of the object `text`, all of them. */
void json_edits_init(struct json_edits *x, struct slice text, const struct json_member *m,
		     size_t member_n);
/* `value` is JSON text.  Replaces m[i]'s value. */
void json_edit_replace(struct json_edits *x, size_t i, struct slice value);
/* Replaces text inside m[i]'s value: `part` is a slice of the text. */
void json_edit_part(struct json_edits *x, struct slice part, struct slice put);
/* Removes m[i] with its comma. Removing several, neighbours too, leaves valid JSON. */
void json_edit_remove(struct json_edits *x, size_t i);
/* Adds `"key":value` (ready JSON text such as `"a":1`) as a new member. */
void json_edit_add(struct json_edits *x, struct slice member, struct arena *a);
/* Makes the pieces of the edited text, in order: slices of the text and of the edits.
 * Returns how many (at most 2 * JSON_EDITS_MAX + 1), and their sum in *bytes. */
size_t json_edits_apply(struct json_edits *x, struct slice *pieces, size_t cap, size_t *bytes);

/* `s` as JSON text: quoted and escaped.  Invalid UTF-8 becomes U+FFFD.  Empty on no memory. */
struct slice json_quote(struct arena *a, struct slice s);

#endif
