/* base/sb.h -- a string builder over memory of the caller.
 *
 * What does not fit is cut and `cut` is set: one check covers a group of calls.
 */
#ifndef WEIR_BASE_SB_H
#define WEIR_BASE_SB_H

#include "base/slice.h"

struct sb {
	char *p;
	size_t n, cap;
	bool cut;
};

static inline void sb_init(struct sb *b, char *p, size_t cap)
{
	*b = (struct sb){ .p = p, .cap = cap };
}

/* The part of sb_str() that is seldom needed. */
COLD void sb_str_cut(struct sb *b, struct slice s);

/* In the header because heads are made of many short pieces, most of a known length. */
static inline void sb_str(struct sb *b, struct slice s)
{
	if (UNLIKELY(s.n > b->cap - b->n)) {
		sb_str_cut(b, s);
		return;
	}
	if (s.n > 0)
		memcpy(b->p + b->n, s.p, s.n);
	b->n += s.n;
}

static inline void sb_char(struct sb *b, char c)
{
	if (UNLIKELY(b->n == b->cap)) {
		b->cut = true;
		return;
	}
	b->p[b->n++] = c;
}

void sb_u64(struct sb *b, uint64_t v);
void sb_i64(struct sb *b, int64_t v);
/* Lower-case hexadecimal, `digits` wide (1..16). */
void sb_hex(struct sb *b, uint64_t v, unsigned digits);
void sb_fmt(struct sb *b, const char *fmt, ...) PRINTF_LIKE(2, 3);

static inline void sb_lit(struct sb *b, const char *s)
{
	sb_str(b, slice_cstr(s));
}

static inline struct slice sb_slice(const struct sb *b)
{
	return (struct slice){ b->p, b->n };
}

/* Zero-terminates (cutting the last byte when full) and returns the start. */
const char *sb_cstr(struct sb *b);

#endif
