/* wire/json_bytes.h -- the byte loops that the JSON files share; private to wire/json_*.c.
 *
 * Text is looked at 16 bytes at a time where the machine has SSE2 (every x86-64), else 8
 * at a time in a plain register.  Both forms are built and tested: WEIR_PORTABLE chooses
 * the second.  No load ever passes `end`.
 */
#ifndef WEIR_WIRE_JSON_BYTES_H
#define WEIR_WIRE_JSON_BYTES_H

#include "base/arena.h"

static inline bool json_is_space(char c)
{
	/* A table: four comparisons for each byte of an indented text take twice as long. */
	static const bool space[256] = {
		[' '] = true, ['\n'] = true, ['\r'] = true, ['\t'] = true
	};

	return space[(unsigned char)c];
}

static inline const char *json_space_end(const char *p, const char *end)
{
	while (p < end && json_is_space(*p))
		p++;
	return p;
}

/* Each json_pass_*() goes over a stretch without what it looks for, in whole steps: nothing
 * before the result is a hit, the result itself may be one.  The callers below look at
 * single bytes from there on. */

#if defined(__SSE2__) && !defined(WEIR_PORTABLE)

#include <emmintrin.h>

static inline __m128i json_load(const char *p)
{
	return _mm_loadu_si128((const void *)p);
}

static inline __m128i json_same(__m128i v, char c)
{
	return _mm_cmpeq_epi8(v, _mm_set1_epi8(c));
}

static inline const char *json_pass_plain(const char *p, const char *end)
{
	for (; end - p >= 16; p += 16) {
		const __m128i v = json_load(p);
		/* The comparison is signed: bytes over 0x7f count as low. */
		const __m128i low = _mm_cmplt_epi8(v, _mm_set1_epi8(0x20));
		const __m128i mark = _mm_or_si128(json_same(v, '"'), json_same(v, '\\'));
		const int hits = _mm_movemask_epi8(_mm_or_si128(low, mark));

		if (hits != 0)
			return p + __builtin_ctz((unsigned)hits);
	}
	return p;
}

static inline const char *json_pass_unquoted(const char *p, const char *end)
{
	for (; end - p >= 16; p += 16) {
		const __m128i v = json_load(p);
		const __m128i mark = _mm_or_si128(json_same(v, '"'), json_same(v, '\\'));
		const int hits = _mm_movemask_epi8(mark);

		if (hits != 0)
			return p + __builtin_ctz((unsigned)hits);
	}
	return p;
}

static inline const char *json_pass_flat(const char *p, const char *end)
{
	for (; end - p >= 16; p += 16) {
		const __m128i v = json_load(p);
		/* '[' and '{' differ in this one bit, and so do ']' and '}'. */
		const __m128i w = _mm_or_si128(v, _mm_set1_epi8(0x20));
		const __m128i bracket = _mm_or_si128(json_same(w, '{'), json_same(w, '}'));
		const int hits = _mm_movemask_epi8(_mm_or_si128(json_same(v, '"'), bracket));

		if (hits != 0)
			return p + __builtin_ctz((unsigned)hits);
	}
	return p;
}

#else

static inline uint64_t json_load(const char *p)
{
	uint64_t v;

	memcpy(&v, p, sizeof(v));
	return v;
}

static inline uint64_t json_each(unsigned char c)
{
	return UINT64_C(0x0101010101010101) * c;
}

/* Not zero exactly when a byte of `v` is below `limit` (1 to 0x80).  Which one cannot be
 * told from the result: a borrow may mark a neighbour as well. */
static inline uint64_t json_below(uint64_t v, unsigned char limit)
{
	return (v - json_each(limit)) & ~v & json_each(0x80);
}

static inline uint64_t json_same(uint64_t v, char c)
{
	return json_below(v ^ json_each((unsigned char)c), 1);
}

static inline const char *json_pass_plain(const char *p, const char *end)
{
	for (; end - p >= 8; p += 8) {
		const uint64_t v = json_load(p);

		if ((json_same(v, '"') | json_same(v, '\\') | json_below(v, 0x20) |
		     (v & json_each(0x80))) != 0)
			break;
	}
	return p;
}

static inline const char *json_pass_unquoted(const char *p, const char *end)
{
	for (; end - p >= 8; p += 8) {
		const uint64_t v = json_load(p);

		if ((json_same(v, '"') | json_same(v, '\\')) != 0)
			break;
	}
	return p;
}

static inline const char *json_pass_flat(const char *p, const char *end)
{
	for (; end - p >= 8; p += 8) {
		const uint64_t v = json_load(p);
		const uint64_t w = v | json_each(0x20);

		if ((json_same(v, '"') | json_same(w, '{') | json_same(w, '}')) != 0)
			break;
	}
	return p;
}

#endif

/* The first byte that is special in a string: a quote, a backslash, a control character or
 * a byte over 0x7f; `end` when there is none. */
static inline const char *json_plain_end(const char *p, const char *end)
{
	p = json_pass_plain(p, end);
	while (p < end && *p != '"' && *p != '\\' && (signed char)*p >= 0x20)
		p++;
	return p;
}

/* The first quote or backslash, or `end`. */
static inline const char *json_unquoted_end(const char *p, const char *end)
{
	p = json_pass_unquoted(p, end);
	while (p < end && *p != '"' && *p != '\\')
		p++;
	return p;
}

/* The first quote or bracket, or `end`. */
static inline const char *json_flat_end(const char *p, const char *end)
{
	p = json_pass_flat(p, end);
	while (p < end && *p != '"' && (*p | 0x20) != '{' && (*p | 0x20) != '}')
		p++;
	return p;
}

/* The number that four valid hexadecimal digits stand for. */
static inline unsigned json_hex4(const char *p)
{
	unsigned v = 0;

	for (int i = 0; i < 4; i++) {
		const unsigned c = (unsigned char)p[i];

		v = v << 4 | (c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10);
	}
	return v;
}

static inline bool json_utf8_more(unsigned char c)
{
	return (c & 0xc0) == 0x80;
}

/* The length (2 to 4) of the sequence at `at`, whose first byte is over 0x7f, or 0 when it
 * is not one of RFC 3629, section 4: overlong, a surrogate, over U+10FFFF, or cut. */
static inline size_t json_utf8(const char *at, const char *end)
{
	const unsigned char *p = (const unsigned char *)at;
	const size_t left = (size_t)(end - at);

	if (p[0] < 0xc2)
		return 0;
	if (p[0] < 0xe0)
		return left >= 2 && json_utf8_more(p[1]) ? 2 : 0;
	if (p[0] < 0xf0) {
		if (left < 3 || !json_utf8_more(p[1]) || !json_utf8_more(p[2]))
			return 0;
		if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] >= 0xa0))
			return 0;
		return 3;
	}
	if (p[0] > 0xf4 || left < 4 || !json_utf8_more(p[1]) || !json_utf8_more(p[2]) ||
	    !json_utf8_more(p[3]))
		return 0;
	if ((p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] >= 0x90))
		return 0;
	return 4;
}

/* The first byte that cannot stand in a string as it is: a quote, a backslash, a control
 * character or what is not UTF-8; `end` when there is none. */
static inline const char *json_asis_end(const char *p, const char *end)
{
	for (;;) {
		size_t n;

		p = json_plain_end(p, end);
		do {
			n = p < end && (signed char)*p < 0 ? json_utf8(p, end) : 0;
			p += n;
		} while (n > 0 && p < end && (signed char)*p < 0);
		if (n == 0)
			return p;
	}
}

/* ---- json_text.c ---- */

/* What stands for the byte that json_asis_end() stopped at: an escape or U+FFFD. */
size_t json_escape_one(unsigned char c, char out[6]);
/* Escapes all of `s`, or only counts when `to` is NULL. */
size_t json_escape(char *to, struct slice s);

/* ---- json_value.c: of what stands between the quotes ---- */

bool json_unescaped_is(struct slice in, struct slice s);
/* As json_string(). */
MUST_USE bool json_unescape(struct slice in, struct arena *a, struct slice *out);

#endif
