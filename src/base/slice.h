/* base/slice.h -- bytes that somebody else owns: a pointer and a length, passed by value.
 *
 * Not zero-terminated.  An empty slice may have a null pointer.  A function that takes a
 * slice borrows it until it returns unless its comment says *keeps*.
 */
#ifndef WEIR_BASE_SLICE_H
#define WEIR_BASE_SLICE_H

#include "base/defs.h"

struct slice {
	const char *p;
	size_t n;
};

/* A string literal as a slice; LITC() where a constant expression is needed. */
#define LIT(s) ((struct slice){ (s), sizeof(s) - 1 })
#define LITC(s)                                                                                \
	{                                                                                      \
		(s), sizeof(s) - 1                                                             \
	}

/* For printf: "%.*s", SARG(s) */
#define SARG(s) (int)((s).n > INT32_MAX ? INT32_MAX : (s).n), (s).n > 0 ? (s).p : ""

static inline struct slice slice_of(const char *p, size_t n)
{
	return (struct slice){ p, n };
}

/* A zero-terminated string; NULL gives the empty slice. */
static inline struct slice slice_cstr(const char *s)
{
	return s == NULL ? (struct slice){ NULL, 0 } : (struct slice){ s, strlen(s) };
}

static inline bool slice_eq(struct slice a, struct slice b)
{
	return a.n == b.n && (a.n == 0 || memcmp(a.p, b.p, a.n) == 0);
}

/* ASCII case is ignored. */
bool slice_ieq(struct slice a, struct slice b);

static inline bool slice_starts(struct slice s, struct slice prefix)
{
	return s.n >= prefix.n && (prefix.n == 0 || memcmp(s.p, prefix.p, prefix.n) == 0);
}

static inline bool slice_ends(struct slice s, struct slice suffix)
{
	return s.n >= suffix.n &&
	       (suffix.n == 0 || memcmp(s.p + s.n - suffix.n, suffix.p, suffix.n) == 0);
}

/* The first `n` bytes, or all when there are fewer. */
static inline struct slice slice_head(struct slice s, size_t n)
{
	return (struct slice){ s.p, n < s.n ? n : s.n };
}

/* All but the first `n` bytes, or nothing when there are fewer. */
static inline struct slice slice_skip(struct slice s, size_t n)
{
	if (n >= s.n)
		return (struct slice){ NULL, 0 };
	return (struct slice){ s.p + n, s.n - n };
}

#define SLICE_NONE SIZE_MAX

/* Where `c` or `what` first occurs, or SLICE_NONE. */
size_t slice_find_char(struct slice s, char c);
size_t slice_find(struct slice s, struct slice what);

/* Cuts at the first `c`: *before and *after get the two sides, and true; or false with
 * everything in *before.  Either may be NULL. */
bool slice_cut(struct slice s, char c, struct slice *before, struct slice *after);

/* Without spaces and tabs at both ends. */
struct slice slice_trim(struct slice s);

/* Reads the whole slice as a decimal number.  False (and *out untouched) when it is
 * empty, has any other byte, or does not fit. */
MUST_USE bool slice_u64(struct slice s, uint64_t *out);
MUST_USE bool slice_i64(struct slice s, int64_t *out);

/* Edit distance (Levenshtein) of short names, for "did you mean"; at most 63 bytes of
 * each are looked at. */
size_t slice_distance(struct slice a, struct slice b);

/* Time depends on n alone, not on where the first difference is. */
bool slice_eq_consttime(struct slice a, struct slice b);

#endif
