/* wire/json_scan.h -- JSON checked and mapped in place, in one pass and without a copy.
 *
 * Pure, no allocation.  Made for bodies that are forwarded as they came: the scan proves
 * that the text is one valid JSON value (RFC 8259; UTF-8 as in RFC 3629; no byte order mark)
 * and says where the members of the outermost object lie, so that a field can be read,
 * replaced, added or dropped by cutting bytes.  Strings are passed over 16 bytes at a time.
 *
 * Two things are accepted that some parsers (yyjson is one) refuse, because RFC 8259's
 * grammar has them and they do occur:
 *   "\ud83d"  half a surrogate pair: what clients send that cut text at 80 characters, and
 *             servers that stream an emoji token by token
 *   1e999     a number over the range of a double: its meaning is the receiver's business
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
 * and *kind.  All slices borrow from `text`.  On error *n is 0 and *kind untouched.
 * E_BAD     not valid JSON; `p` (may be NULL) says where
 * E_TOOBIG  nested deeper than JSON_DEPTH_MAX; `p` likewise */
MUST_USE enum rc json_scan(struct slice text, enum json_kind *kind, struct json_member *m,
			   size_t cap, size_t *n, struct json_problem *p);

/* The member with this name, escapes in its key decoded; NULL when absent.  *twice (may be
 * NULL) is set when there is more than one: the first is returned. */
const struct json_member *json_member_find(const struct json_member *m, size_t n,
					   struct slice name, bool *twice);

/* For a value inside a text that json_scan() accepted: the members of this object / the
 * elements of this array.  The text is trusted, so they cannot fail; what is not an object
 * or an array has no members or elements.  json_object() returns how many members there are,
 * which may be more than the `cap` that it stored. */
size_t json_object(struct slice object, struct json_member *m, size_t cap);

struct json_array {
	struct slice rest; /* private */
};
struct json_array json_array(struct slice array);
bool json_array_next(struct json_array *a, struct slice *value, enum json_kind *kind);

/* By its first byte; JSON_NULL for an empty slice. */
enum json_kind json_kind(struct slice value);

/* Values of scanned text.  False (and *out untouched) when it is something else or does
 * not fit.  Numbers written as 1.0 or 1e2 are read when they are whole. */
MUST_USE bool json_bool(struct slice value, bool *out);
MUST_USE bool json_u64(struct slice value, uint64_t *out);
/* A number, as near as a double gets.  One over its range, or written in more than 127 bytes
 * that a shorter way does not do for, is false. */
MUST_USE bool json_double(struct slice value, double *out);
/* The string is exactly `s` once its escapes are decoded. */
bool json_string_is(struct slice value, struct slice s);
/* A string with its escapes decoded: borrowed from the text when it has none, else from the
 * arena.  A lone surrogate becomes U+FFFD.  Not a string, or no memory: false. */
MUST_USE bool json_string(struct slice value, struct arena *a, struct slice *out);
/* True for a string with at least one character; cheap. */
bool json_string_nonempty(struct slice value);

/* ---- edits -------------------------------------------------------------------- */

enum json_edit_kind { JSON_EDIT_TEXT, JSON_EDIT_REMOVE, JSON_EDIT_ADD };

/* Private. */
struct json_edit {
	enum json_edit_kind kind;
	size_t at;        /* offset in the text; of the key for REMOVE */
	size_t cut;       /* bytes removed there */
	struct slice put; /* and these put in their place; borrowed */
	size_t member;    /* REMOVE: which */
};

enum { JSON_EDITS_MAX = 32, JSON_PIECES_MAX = 2 * JSON_EDITS_MAX + 1 };
/* With json_edits_more(): what a request can hold is bounded by its size anyway. */
enum { JSON_EDITS_MOST = 1 << 18 };

/* Edits of one text, gathered in any order.  They must not overlap. */
struct json_edits {
	struct slice text;
	const struct json_member *m;
	size_t member_n;
	struct json_edit few[JSON_EDITS_MAX];
	struct json_edit *many; /* instead of `few`, once those are full */
	size_t n, cap;
	struct arena *more;
	bool failed; /* too many, or no memory: sticky */
};

/* `m` are the members of the object `text`, all of them and in order; both are borrowed
 * until the last json_edits_apply().  `text` may have spaces around the object. */
void json_edits_init(struct json_edits *x, struct slice text, const struct json_member *m,
		     size_t member_n);
/* From now on there may be JSON_EDITS_MOST edits, in memory of the arena.  They should be
 * gathered nearly in the order of their places. */
void json_edits_more(struct json_edits *x, struct arena *a);
/* `value` is JSON text.  Replaces m[i]'s value. */
void json_edit_replace(struct json_edits *x, size_t i, struct slice value);
/* Replaces text inside m[i]'s value: `part` is a slice of the text.  An edit of a member
 * that is also removed or replaced is a fault of the caller. */
void json_edit_part(struct json_edits *x, struct slice part, struct slice put);
/* Removes m[i] with its comma.  Removing several, neighbours too, leaves valid JSON; removing
 * one twice is the same as once. */
void json_edit_remove(struct json_edits *x, size_t i);
/* Adds `"key":value` (ready JSON text such as `"a":1`) as a new member, after the others.
 * Copies `member` to the arena. */
void json_edit_add(struct json_edits *x, struct slice member, struct arena *a);
/* Makes the pieces of the edited text, in order: slices of the text and of the edits.
 * Returns how many (at most 2 * n + 1, for which `cap` must have room), and their sum in
 * *bytes; none when x->failed.  May be called again, with more edits too. */
size_t json_edits_apply(struct json_edits *x, struct slice *pieces, size_t cap, size_t *bytes);

/* `s` as JSON text: quoted and escaped.  Invalid UTF-8 becomes U+FFFD.  Empty on no memory. */
struct slice json_quote(struct arena *a, struct slice s);

#endif
