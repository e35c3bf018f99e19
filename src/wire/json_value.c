/* The half of json_scan.h that reads text which json_scan() has accepted.  It is trusted to
 * be JSON, so little is checked; but no text makes these functions pass its end. */
#include "wire/json_scan.h"

#include "wire/json_bytes.h"

/* `p` is after the opening quote; the result is after the closing one. */
static const char *string_end(const char *p, const char *end)
{
	for (;;) {
		p = json_unquoted_end(p, end);
		if (p == end)
			return end;
		if (*p == '"')
			return p + 1;
		if (end - p < 2)
			return end;
		p += 2;
	}
}

/* `p` is at the opening bracket; the result is after the closing one. */
static const char *nested_end(const char *p, const char *end)
{
	size_t depth = 0;

	while ((p = json_flat_end(p, end)) < end) {
		const char c = *p++;

		if (c == '"')
			p = string_end(p, end);
		else if (c == '{' || c == '[')
			depth++;
		else if (--depth == 0)
			return p;
	}
	return end;
}

static const char *value_end(const char *p, const char *end)
{
	if (p == end)
		return end;
	if (*p == '"')
		return string_end(p + 1, end);
	if (*p == '{' || *p == '[')
		return nested_end(p, end);
	while (p < end && *p != ',' && *p != ']' && *p != '}' && !json_is_space(*p))
		p++;
	return p;
}

enum json_kind json_kind(struct slice value)
{
	if (value.n == 0)
		return JSON_NULL;
	switch (value.p[0]) {
	case '{':
		return JSON_OBJECT;
	case '[':
		return JSON_ARRAY;
	case '"':
		return JSON_STRING;
	case 't':
	case 'f':
		return JSON_BOOL;
	case 'n':
		return JSON_NULL;
	default:
		return JSON_NUMBER;
	}
}

/* ---- objects and arrays ---- */

/* A key with its quotes, and a value. */
static struct json_member member_of(const char *key, const char *key_end, const char *value,
				    const char *end)
{
	const struct slice name = { key + 1, (size_t)(key_end - key) - 2 };

	return (struct json_member){
		.key = name,
		.value = slice_of(value, (size_t)(end - value)),
		.kind = json_kind(slice_of(value, (size_t)(end - value))),
		.key_escaped = memchr(name.p, '\\', name.n) != NULL,
	};
}

size_t json_object(struct slice object, struct json_member *m, size_t cap)
{
	const char *p, *end;
	size_t n = 0;

	if (json_kind(object) != JSON_OBJECT)
		return 0;
	p = object.p;
	end = p + object.n;
	do {
		const char *key = json_space_end(p + 1, end); /* over the brace or comma */
		const char *after, *value;

		if (key == end || *key != '"')
			break;
		after = string_end(key + 1, end);
		value = json_space_end(after, end);
		if (value == end)
			break;
		value = json_space_end(value + 1, end); /* over the colon */
		p = value_end(value, end);
		if (n < cap)
			m[n] = member_of(key, after, value, p);
		n++;
		p = json_space_end(p, end);
	} while (p < end && *p == ',');
	return n;
}

struct json_array json_array(struct slice array)
{
	if (json_kind(array) != JSON_ARRAY)
		return (struct json_array){ { NULL, 0 } };
	return (struct json_array){ slice_skip(array, 1) };
}

bool json_array_next(struct json_array *a, struct slice *value, enum json_kind *kind)
{
	const char *end, *p, *at;

	if (a->rest.n == 0)
		return false;
	end = a->rest.p + a->rest.n;
	at = json_space_end(a->rest.p, end);
	p = value_end(at, end);
	if (p == at) { /* the closing bracket of [] */
		a->rest.n = 0;
		return false;
	}
	*value = slice_of(at, (size_t)(p - at));
	*kind = json_kind(*value);
	p = json_space_end(p, end);
	a->rest = p < end && *p == ',' ? slice_of(p + 1, (size_t)(end - p) - 1)
				       : slice_of(NULL, 0);
	return true;
}

const struct json_member *json_member_find(const struct json_member *m, size_t n,
					   struct slice name, bool *twice)
{
	const struct json_member *found = NULL;

	if (twice != NULL)
		*twice = false;
	for (size_t i = 0; i < n; i++) {
		/* A key's text is what json_string_is() wants, but for its quotes. */
		const struct slice quoted = { m[i].key.p - 1, m[i].key.n + 2 };

		if (m[i].key_escaped ? !json_string_is(quoted, name)
				     : !slice_eq(m[i].key, name))
			continue;
		if (found != NULL) {
			*twice = true;
			break;
		}
		found = &m[i];
		if (twice == NULL)
			break;
	}
	return found;
}

/* ---- scalars ---- */

bool json_bool(struct slice value, bool *out)
{
	const bool yes = slice_eq(value, LIT("true"));

	if (!yes && !slice_eq(value, LIT("false")))
		return false;
	*out = yes;
	return true;
}

/* A number as digits x 10^ten, the last digit not being zero.  False when the digits do not
 * fit: then either the number does not fit or it is not whole. */
static bool number_read(struct slice s, uint64_t *digits, int64_t *ten)
{
	/* Far over what the length of any text can make up for. */
	const int64_t far = INT64_MAX / 4;
	uint64_t v = 0;
	int64_t zeros = 0; /* not yet in v */
	int64_t places = 0;
	int64_t e = 0;
	bool point = false;
	bool minus = false;
	size_t i = 0;

	for (; i < s.n && (s.p[i] | 0x20) != 'e'; i++) {
		const char c = s.p[i];

		if (c == '.') {
			point = true;
			continue;
		}
		places += point ? 1 : 0;
		zeros++; /* room for this digit */
		if (c == '0')
			continue;
		for (; zeros > 0; zeros--) {
			if (__builtin_mul_overflow(v, 10, &v))
				return false;
		}
		if (__builtin_add_overflow(v, (uint64_t)(c - '0'), &v))
			return false;
	}
	if (i < s.n) {
		i++;
		minus = i < s.n && s.p[i] == '-';
		i += i < s.n && (s.p[i] == '-' || s.p[i] == '+') ? 1 : 0;
	}
	for (; i < s.n; i++)
		e = e > far / 10 ? far : e * 10 + (s.p[i] - '0');
	*digits = v;
	*ten = (minus ? -e : e) + zeros - places;
	return true;
}

bool json_u64(struct slice value, uint64_t *out)
{
	bool minus = value.n > 0 && value.p[0] == '-';
	uint64_t v;
	int64_t ten;

	if (value.n == 0 || json_kind(value) != JSON_NUMBER)
		return false;
	if (!number_read(slice_skip(value, minus ? 1 : 0), &v, &ten))
		return false;
	if (v == 0) {
		*out = 0;
		return true;
	}
	if (minus || ten < 0 || ten > 19)
		return false;
	for (; ten > 0; ten--) {
		if (__builtin_mul_overflow(v, 10, &v))
			return false;
	}
	*out = v;
	return true;
}

/* Up to here digits and powers of ten are exact in a double, so that one multiplication or
 * division rounds once: correctly. */
static bool double_exact(struct slice digits, double *out)
{
	static const double tens[] = { 1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
				       1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
				       1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22 };
	const int64_t max = (int64_t)ARRAY_LEN(tens) - 1;
	uint64_t v;
	int64_t ten;

	if (!number_read(digits, &v, &ten) || v > 1ULL << 53)
		return false;
	if (v != 0 && (ten < -max || ten > max))
		return false;
	*out = v == 0 ? 0 : ten < 0 ? (double)v / tens[-ten] : (double)v * tens[ten];
	return true;
}

bool json_double(struct slice value, double *out)
{
	bool minus = value.n > 0 && value.p[0] == '-';
	char text[128];
	double v;

	if (value.n == 0 || json_kind(value) != JSON_NUMBER)
		return false;
	if (double_exact(slice_skip(value, minus ? 1 : 0), &v)) {
		*out = minus ? -v : v;
		return true;
	}
	if (value.n >= sizeof(text))
		return false;
	memcpy(text, value.p, value.n);
	text[value.n] = '\0';
	v = strtod(text, NULL);
	if (v - v != 0) /* infinite */
		return false;
	*out = v;
	return true;
}

/* ---- strings ---- */

static size_t utf8_put(uint32_t c, char out[4])
{
	if (c < 0x80) {
		out[0] = (char)c;
		return 1;
	}
	if (c < 0x800) {
		out[0] = (char)(0xc0 | c >> 6);
		out[1] = (char)(0x80 | (c & 0x3f));
		return 2;
	}
	if (c < 0x10000) {
		out[0] = (char)(0xe0 | c >> 12);
		out[1] = (char)(0x80 | (c >> 6 & 0x3f));
		out[2] = (char)(0x80 | (c & 0x3f));
		return 3;
	}
	out[0] = (char)(0xf0 | c >> 18);
	out[1] = (char)(0x80 | (c >> 12 & 0x3f));
	out[2] = (char)(0x80 | (c >> 6 & 0x3f));
	out[3] = (char)(0x80 | (c & 0x3f));
	return 4;
}

/* `*p` is after \u; a pair of surrogates is taken as one, half a pair becomes U+FFFD. */
static uint32_t unicode(const char **p, const char *end)
{
	uint32_t c, low;

	if (end - *p < 4) {
		*p = end;
		return 0xfffd;
	}
	c = json_hex4(*p);
	*p += 4;
	if (c < 0xd800 || c > 0xdfff)
		return c;
	if (c > 0xdbff || end - *p < 6 || (*p)[0] != '\\' || (*p)[1] != 'u')
		return 0xfffd;
	low = json_hex4(*p + 2);
	if (low < 0xdc00 || low > 0xdfff)
		return 0xfffd;
	*p += 6;
	return 0x10000 + ((c - 0xd800) << 10) + (low - 0xdc00);
}

/* Decodes the escape at *p and goes past it.  Never longer than what it is made from. */
static size_t escape_read(const char **p, const char *end, char out[4])
{
	const char c = end - *p < 2 ? '\\' : (*p)[1];

	*p += end - *p < 2 ? 1 : 2;
	switch (c) {
	case 'b':
		out[0] = '\b';
		return 1;
	case 'f':
		out[0] = '\f';
		return 1;
	case 'n':
		out[0] = '\n';
		return 1;
	case 'r':
		out[0] = '\r';
		return 1;
	case 't':
		out[0] = '\t';
		return 1;
	case 'u':
		return utf8_put(unicode(p, end), out);
	default:
		out[0] = c;
		return 1;
	}
}

/* What stands between the quotes; false when it is not a string. */
static bool inside(struct slice value, struct slice *out)
{
	if (value.n < 2 || value.p[0] != '"')
		return false;
	*out = slice_of(value.p + 1, value.n - 2);
	return true;
}

/* Takes what comes before the next backslash. */
static struct slice run(const char **p, const char *end)
{
	const char *from = *p;
	const char *slash = from == end ? NULL : memchr(from, '\\', (size_t)(end - from));

	*p = slash == NULL ? end : slash;
	return slice_of(from, (size_t)(*p - from));
}

bool json_unescaped_is(struct slice in, struct slice s)
{
	const char *end, *p;
	size_t at = 0;

	if (in.n == 0)
		return s.n == 0;
	end = in.p + in.n;
	for (p = in.p;;) {
		struct slice part = run(&p, end);
		char c[4];

		if (!slice_starts(slice_skip(s, at), part))
			return false;
		at += part.n;
		if (p == end)
			return at == s.n;
		part = slice_of(c, escape_read(&p, end, c));
		if (!slice_starts(slice_skip(s, at), part))
			return false;
		at += part.n;
	}
}

bool json_string_is(struct slice value, struct slice s)
{
	struct slice in;

	return inside(value, &in) && json_unescaped_is(in, s);
}

bool json_unescape(struct slice in, struct arena *a, struct slice *out)
{
	const char *p, *end;
	char *to;
	size_t n = 0;

	if (in.n == 0 || memchr(in.p, '\\', in.n) == NULL) {
		*out = in;
		return true;
	}
	to = arena_bytes(a, in.n);
	if (to == NULL)
		return false;
	end = in.p + in.n;
	for (p = in.p; p < end;) {
		const struct slice part = run(&p, end);
		char c[4];

		memcpy(to + n, part.p, part.n);
		n += part.n;
		if (p < end) {
			const size_t len = escape_read(&p, end, c);

			memcpy(to + n, c, len);
			n += len;
		}
	}
	*out = slice_of(to, n);
	return true;
}

bool json_string(struct slice value, struct arena *a, struct slice *out)
{
	struct slice in;

	return inside(value, &in) && json_unescape(in, a, out);
}

bool json_string_nonempty(struct slice value)
{
	return value.n > 2 && value.p[0] == '"';
}
