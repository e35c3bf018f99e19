#include "base/slice.h"

static inline unsigned char lower(char c)
{
	return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : (unsigned char)c;
}

bool slice_ieq(struct slice a, struct slice b)
{
	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		if (a.p[i] != b.p[i] && lower(a.p[i]) != lower(b.p[i]))
			return false;
	return true;
}

size_t slice_find_char(struct slice s, char c)
{
	const char *at = s.n == 0 ? NULL : memchr(s.p, c, s.n);

	return at == NULL ? SLICE_NONE : (size_t)(at - s.p);
}

size_t slice_find(struct slice s, struct slice what)
{
	size_t from = 0;

	if (what.n == 0)
		return 0;
	while (s.n - from >= what.n) {
		const char *at = memchr(s.p + from, what.p[0], s.n - from - what.n + 1);

		if (at == NULL)
			break;
		if (memcmp(at, what.p, what.n) == 0)
			return (size_t)(at - s.p);
		from = (size_t)(at - s.p) + 1;
	}
	return SLICE_NONE;
}

bool slice_cut(struct slice s, char c, struct slice *before, struct slice *after)
{
	size_t at = slice_find_char(s, c);
	bool found = at != SLICE_NONE;

	if (before != NULL)
		*before = found ? slice_head(s, at) : s;
	if (after != NULL)
		*after = found ? slice_skip(s, at + 1) : (struct slice){ NULL, 0 };
	return found;
}

struct slice slice_trim(struct slice s)
{
	while (s.n > 0 && (s.p[0] == ' ' || s.p[0] == '\t'))
		s = slice_skip(s, 1);
	while (s.n > 0 && (s.p[s.n - 1] == ' ' || s.p[s.n - 1] == '\t'))
		s.n--;
	return s;
}

bool slice_u64(struct slice s, uint64_t *out)
{
	uint64_t v = 0;

	if (s.n == 0)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
		if (__builtin_mul_overflow(v, (uint64_t)10, &v) ||
		    __builtin_add_overflow(v, (uint64_t)(s.p[i] - '0'), &v))
			return false;
	}
	*out = v;
	return true;
}

bool slice_i64(struct slice s, int64_t *out)
{
	bool minus = s.n > 0 && s.p[0] == '-';
	uint64_t v;

	if (!slice_u64(minus ? slice_skip(s, 1) : s, &v))
		return false;
	if (v > (uint64_t)INT64_MAX + (minus ? 1 : 0))
		return false;
	*out = minus ? (int64_t)(0 - v) : (int64_t)v;
	return true;
}

size_t slice_distance(struct slice a, struct slice b)
{
	unsigned char row[64];

	a = slice_head(a, sizeof(row) - 1);
	b = slice_head(b, sizeof(row) - 1);
	for (size_t j = 0; j <= b.n; j++)
		row[j] = (unsigned char)j;
	for (size_t i = 1; i <= a.n; i++) {
		unsigned char diagonal = row[0];

		row[0] = (unsigned char)i;
		for (size_t j = 1; j <= b.n; j++) {
			unsigned char above = row[j];
			size_t best = diagonal + (a.p[i - 1] == b.p[j - 1] ? 0U : 1U);

			best = size_min(best, size_min(above, row[j - 1]) + 1);
			row[j] = (unsigned char)best;
			diagonal = above;
		}
	}
	return row[b.n];
}

bool slice_eq_consttime(struct slice a, struct slice b)
{
	unsigned char diff = 0;

	if (a.n != b.n)
		return false;
	for (size_t i = 0; i < a.n; i++)
		diff |= (unsigned char)(a.p[i] ^ b.p[i]);
	return diff == 0;
}
