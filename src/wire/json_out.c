#include "wire/json_out.h"

#include "wire/json_bytes.h"

enum {
	CHUNK_MIN = 512, /* most events of a stream fit into one */
	CHUNK_GROWS = 5, /* times doubled, to 16 KiB */
	NUMBER_MAX = 40, /* characters of any number we write */
};

void out_init(struct json_out *o, struct arena *a)
{
	*o = (struct json_out){ .a = a };
}

/* ---- bytes into pieces ---- */

static void piece_add(struct json_out *o, const char *p, size_t n)
{
	if (o->n == o->cap) {
		const size_t cap = o->cap == 0 ? 4 : o->cap * 2;
		struct slice *v = arena_get(o->a, cap * sizeof(*v));

		if (v == NULL) {
			out_fail(o);
			return;
		}
		if (o->n > 0)
			memcpy(v, o->v, o->n * sizeof(*v));
		o->v = v;
		o->cap = cap;
	}
	o->v[o->n++] = slice_of(p, n);
	o->bytes += n;
}

COLD static char *room_new(struct json_out *o, size_t n)
{
	if (o->failed)
		return NULL;
	if ((size_t)(o->end - o->at) < n) {
		const size_t size =
			size_max(n, (size_t)CHUNK_MIN << size_min(o->n, CHUNK_GROWS));
		char *p = arena_bytes(o->a, size);

		if (p == NULL) {
			out_fail(o); /* also what is left of the old chunk */
			return NULL;
		}
		o->at = p;
		o->end = p + size;
	}
	piece_add(o, o->at, 0);
	o->open = !o->failed;
	return o->failed ? NULL : o->at;
}

/* What failed has no open piece.  Where `n` bytes (more than none) may be written, at the end
 * of the last piece; NULL when it failed.  Then took() says how many were. */
static inline char *room(struct json_out *o, size_t n)
{
	if (LIKELY(o->open && (size_t)(o->end - o->at) >= n))
		return o->at;
	return room_new(o, n);
}

static inline void took(struct json_out *o, const char *to)
{
	const size_t n = (size_t)(to - o->at);

	o->v[o->n - 1].n += n;
	o->bytes += n;
	o->at += n;
}

static void borrow(struct json_out *o, struct slice s)
{
	if (o->failed)
		return;
	o->open = false;
	piece_add(o, s.p, s.n);
}

/* Copied or borrowed, by its size. */
static void put(struct json_out *o, struct slice s)
{
	char *to;

	if (s.n == 0)
		return;
	if (s.n >= OUT_BORROW_MIN) {
		borrow(o, s);
		return;
	}
	to = room(o, s.n);
	if (to == NULL)
		return;
	memcpy(to, s.p, s.n);
	took(o, to + s.n);
}

/* What most calls write: a comma where one is due, and `s`, with one look for room. */
static inline void put_value(struct json_out *o, struct slice s, bool quoted)
{
	char *to;

	if (UNLIKELY(s.n >= OUT_BORROW_MIN)) {
		if (o->comma)
			put(o, LIT(","));
		if (quoted)
			put(o, LIT("\""));
		borrow(o, s);
		if (quoted)
			put(o, LIT("\""));
		o->comma = true;
		return;
	}
	to = room(o, s.n + 3);
	if (to == NULL)
		return;
	if (o->comma)
		*to++ = ',';
	if (quoted)
		*to++ = '"';
	if (s.n > 0)
		memcpy(to, s.p, s.n);
	to += s.n;
	if (quoted)
		*to++ = '"';
	took(o, to);
	o->comma = true;
}

/* ---- structure ---- */

static void open_level(struct json_out *o, char bracket)
{
	const uint64_t bit = UINT64_C(1) << (o->depth % OUT_DEPTH_MAX);
	char *to = room(o, 2);

	if (to == NULL)
		return;
	if (o->depth == OUT_DEPTH_MAX) {
		o->failed = true;
		o->open = false;
		return;
	}
	if (o->comma)
		*to++ = ',';
	*to++ = bracket;
	took(o, to);
	o->array = bracket == '[' ? o->array | bit : o->array & ~bit;
	o->depth++;
	o->comma = false;
}

void out_object(struct json_out *o)
{
	open_level(o, '{');
}

void out_array(struct json_out *o)
{
	open_level(o, '[');
}

void out_close(struct json_out *o)
{
	char *to = room(o, 1);

	if (to == NULL)
		return;
	INVARIANT(o->depth > 0);
	o->depth--;
	*to = (o->array >> o->depth & 1) != 0 ? ']' : '}';
	took(o, to + 1);
	o->comma = true;
}

void out_key(struct json_out *o, const char *key)
{
	out_key_text(o, (struct json_text){ slice_cstr(key) });
}

void out_key_text(struct json_out *o, struct json_text key)
{
	const size_t n = key.s.n;
	char *to;

	if (UNLIKELY(n >= OUT_BORROW_MIN)) {
		put_value(o, key.s, true);
		put(o, LIT(":"));
		o->comma = false;
		return;
	}
	to = room(o, n + 4);
	if (to == NULL)
		return;
	if (o->comma)
		*to++ = ',';
	*to++ = '"';
	if (n > 0)
		memcpy(to, key.s.p, n);
	to += n;
	*to++ = '"';
	*to++ = ':';
	took(o, to);
	o->comma = false;
}

/* ---- values ---- */

void out_text(struct json_out *o, struct json_text t)
{
	put_value(o, t.s, true);
}

void out_str(struct json_out *o, struct slice plain)
{
	if (plain.n == 0 || json_asis_end(plain.p, plain.p + plain.n) == plain.p + plain.n) {
		put_value(o, plain, true);
		return;
	}
	out_text_open(o);
	out_str_part(o, plain);
	out_text_close(o);
}

void out_lit(struct json_out *o, const char *plain)
{
	put_value(o, slice_cstr(plain), true);
}

void out_json(struct json_out *o, struct slice value)
{
	put_value(o, value, false);
}

void out_json_line(struct json_out *o, struct slice value)
{
	char *p;

	if (slice_find_char(value, '\n') == SLICE_NONE &&
	    slice_find_char(value, '\r') == SLICE_NONE) {
		out_json(o, value);
		return;
	}
	p = arena_bytes(o->a, value.n);
	if (p == NULL) {
		out_fail(o);
		return;
	}
	for (size_t i = 0; i < value.n; i++)
		p[i] = value.p[i] == '\n' || value.p[i] == '\r' ? ' ' : value.p[i];
	out_json(o, slice_of(p, value.n));
}

/* The digits of `v`, at least `least`; ends at `end`. */
static char *digits(char *end, uint64_t v, unsigned least)
{
	for (unsigned i = 0; v > 0 || i < least; i++) {
		*--end = (char)('0' + v % 10);
		v /= 10;
	}
	return end;
}

void out_u64(struct json_out *o, uint64_t v)
{
	char text[NUMBER_MAX];
	char *end = text + sizeof(text);
	char *p = digits(end, v, 1);

	put_value(o, slice_of(p, (size_t)(end - p)), false);
}

void out_bool(struct json_out *o, bool v)
{
	put_value(o, v ? LIT("true") : LIT("false"), false);
}

void out_null(struct json_out *o)
{
	put_value(o, LIT("null"), false);
}

void out_num(struct json_out *o, double v)
{
	const double size = v < 0 ? -v : v;
	char text[NUMBER_MAX];
	char *end = text + sizeof(text);
	char *p = end;
	uint64_t whole, millionths;

	if (!__builtin_isfinite(v)) { /* JSON has no word for it */
		out_null(o);
		return;
	}
	if (size >= 1e12) { /* decimals no longer matter, and 64 bits would not do */
		int n = snprintf(text, sizeof(text), "%.17g", v);

		INVARIANT(n > 0 && (size_t)n < sizeof(text));
		put_value(o, slice_of(text, (size_t)n), false);
		return;
	}
	whole = (uint64_t)size;
	millionths = (uint64_t)((size - (double)whole) * 1e6 + 0.5);
	if (millionths == 1000000) {
		millionths = 0;
		whole++;
	}
	if (millionths != 0) {
		uint64_t decimals = millionths;
		unsigned places = 6;

		for (; decimals % 10 == 0; places--)
			decimals /= 10;
		p = digits(p, decimals, places);
		*--p = '.';
	}
	p = digits(p, whole, 1);
	if (v < 0 && (whole | millionths) != 0)
		*--p = '-';
	put_value(o, slice_of(p, (size_t)(end - p)), false);
}

/* ---- strings in parts ---- */

void out_text_open(struct json_out *o)
{
	char *to = room(o, 2);

	if (to == NULL)
		return;
	if (o->comma)
		*to++ = ',';
	*to++ = '"';
	took(o, to);
}

void out_text_part(struct json_out *o, struct json_text t)
{
	put(o, t.s);
}

void out_str_part(struct json_out *o, struct slice plain)
{
	const char *p = plain.p;
	const char *end = plain.n == 0 ? p : p + plain.n;

	while (p < end) {
		const char *stop = json_asis_end(p, end);
		char one[6];

		put(o, slice_of(p, (size_t)(stop - p)));
		if (stop == end)
			break;
		put(o, slice_of(one, json_escape_one((unsigned char)*stop, one)));
		p = stop + 1;
	}
}

void out_text_close(struct json_out *o)
{
	put(o, LIT("\""));
	o->comma = true;
}

/* ---- the rest ---- */

void out_raw(struct json_out *o, struct slice bytes)
{
	put(o, bytes);
	o->comma = false;
}

void out_raw_lit(struct json_out *o, const char *s)
{
	out_raw(o, slice_cstr(s));
}

bool out_ok(const struct json_out *o)
{
	/* What is written was often made in the same arena: had that failed, it lacks
	 * something. */
	return !o->failed && !arena_failed(o->a);
}

struct slice out_slice(struct json_out *o)
{
	char *p;
	size_t n = 0;

	if (!out_ok(o) || o->n == 0)
		return slice_of(NULL, 0);
	if (o->n == 1)
		return o->v[0];
	p = arena_bytes(o->a, o->bytes);
	if (p == NULL) {
		o->failed = true;
		return slice_of(NULL, 0);
	}
	for (size_t i = 0; i < o->n; i++) {
		memcpy(p + n, o->v[i].p, o->v[i].n);
		n += o->v[i].n;
	}
	return slice_of(p, n);
}
