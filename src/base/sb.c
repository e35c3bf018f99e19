#include "base/sb.h"

void sb_str_cut(struct sb *b, struct slice s)
{
	size_t n = b->cap - b->n; /* less than s.n */

	if (n > 0)
		memcpy(b->p + b->n, s.p, n);
	b->n += n;
	b->cut = true;
}

void sb_u64(struct sb *b, uint64_t v)
{
	char digits[20];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (char)('0' + v % 10);
		v /= 10;
	} while (v > 0);
	sb_str(b, (struct slice){ digits + at, sizeof(digits) - at });
}

void sb_i64(struct sb *b, int64_t v)
{
	if (v < 0)
		sb_char(b, '-');
	sb_u64(b, v < 0 ? 0 - (uint64_t)v : (uint64_t)v);
}

void sb_hex(struct sb *b, uint64_t v, unsigned digits)
{
	INVARIANT(digits >= 1 && digits <= 16);
	for (unsigned i = digits; i-- > 0;)
		sb_char(b, "0123456789abcdef"[(v >> (i * 4)) & 15]);
}

void sb_fmt(struct sb *b, const char *fmt, ...)
{
	size_t room = b->cap - b->n;
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(b->p == NULL ? NULL : b->p + b->n, room, fmt, ap);
	va_end(ap);
	INVARIANT(n >= 0);
	/* vsnprintf() spends the last byte on the zero. */
	if ((size_t)n >= room) {
		b->n += room > 0 ? room - 1 : 0;
		b->cut = true;
	} else {
		b->n += (size_t)n;
	}
}

const char *sb_cstr(struct sb *b)
{
	if (b->cap == 0)
		return "";
	if (b->n == b->cap) {
		b->n--;
		b->cut = true;
	}
	b->p[b->n] = '\0';
	return b->p;
}
