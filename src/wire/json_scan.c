#include "wire/json_scan.h"

#include "wire/json_bytes.h"

/* The functions here take the place to read at and return the place after what they read,
 * or NULL when it is wrong: fail() has noted why. */
struct scan {
	const char *end;
	enum rc rc;
	const char *what; /* is wrong */
	const char *bad;  /* and where */
	bool escaped;     /* a backslash was met since this was cleared */
	size_t depth;
	char close[JSON_DEPTH_MAX]; /* the bracket that ends each open object or array */
};

static COLD const char *fail(struct scan *s, const char *at, const char *what)
{
	s->rc = E_BAD;
	s->bad = at;
	s->what = at < s->end ? what : "unexpected end";
	return NULL;
}

/* The sequences of one run of bytes over 0x7f. */
static const char *beyond_ascii(struct scan *s, const char *p)
{
	while (p < s->end && (signed char)*p < 0) {
		const size_t n = json_utf8(p, s->end);

		if (n == 0)
			return fail(s, p, "invalid UTF-8 in a string");
		p += n;
	}
	return p;
}

static bool is_hex(char c)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'f');
}

/* `p` is after \u. */
static const char *unicode(struct scan *s, const char *p)
{
	for (int i = 0; i < 4; i++, p++) {
		if (p == s->end || !is_hex(*p))
			return fail(s, p, "invalid \\u escape");
	}
	return p;
}

/* One escape or several in a row; `p` is at the first backslash. */
static const char *escapes(struct scan *s, const char *p)
{
	/* A table: in code, which escape comes next is hard to predict. */
	static const bool simple[256] = {
		['"'] = true, ['\\'] = true, ['/'] = true, ['b'] = true,
		['f'] = true, ['n'] = true,  ['r'] = true, ['t'] = true
	};

	s->escaped = true;
	while (p < s->end && *p == '\\') {
		if (s->end - p < 2)
			return fail(s, s->end, "");
		if (LIKELY(simple[(unsigned char)p[1]]))
			p += 2;
		else if (p[1] == 'u')
			p = unicode(s, p + 2);
		else
			return fail(s, p, "invalid escape");
		if (p == NULL)
			return NULL;
	}
	return p;
}

/* `p` is after the opening quote; the result is after the closing one. */
static const char *string(struct scan *s, const char *p)
{
	for (;;) {
		p = json_plain_end(p, s->end);
		if (p == s->end)
			return fail(s, p, "");
		if (LIKELY(*p == '"'))
			return p + 1;
		if (*p == '\\')
			p = escapes(s, p);
		else if ((signed char)*p < 0)
			p = beyond_ascii(s, p);
		else
			return fail(s, p, "control character in a string");
		if (p == NULL)
			return NULL;
	}
}

static inline bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* One digit or more. */
static const char *digits(struct scan *s, const char *p)
{
	if (p == s->end || !is_digit(*p))
		return fail(s, p, "invalid number");
	while (p < s->end && is_digit(*p))
		p++;
	return p;
}

static const char *number(struct scan *s, const char *p)
{
	if (*p == '-')
		p++;
	if (p < s->end && *p == '0') {
		p++;
		if (p < s->end && is_digit(*p))
			return fail(s, p, "number with a leading zero");
	} else {
		p = digits(s, p);
	}
	if (p != NULL && p < s->end && *p == '.')
		p = digits(s, p + 1);
	if (p != NULL && p < s->end && (*p | 0x20) == 'e') {
		p++;
		if (p < s->end && (*p == '+' || *p == '-'))
			p++;
		p = digits(s, p);
	}
	return p;
}

static const char *word(struct scan *s, const char *p, struct slice w)
{
	for (size_t i = 0; i < w.n; i++) {
		if (p + i == s->end || p[i] != w.p[i])
			return fail(s, p + i, "unexpected character");
	}
	return p + w.n;
}

/* Anything that has no parts. */
static const char *scalar(struct scan *s, const char *p)
{
	switch (*p) {
	case '"':
		return string(s, p + 1);
	case 't':
		return word(s, p, LIT("true"));
	case 'f':
		return word(s, p, LIT("false"));
	case 'n':
		return word(s, p, LIT("null"));
	default:
		if (*p == '-' || is_digit(*p))
			return number(s, p);
		return fail(s, p, "unexpected character");
	}
}

/* A key with its quotes. */
static inline const char *key(struct scan *s, const char *p)
{
	if (p == s->end || *p != '"')
		return fail(s, p, "expected a key in quotes");
	return string(s, p + 1);
}

/* From after a key to its value. */
static inline const char *colon(struct scan *s, const char *p)
{
	p = json_space_end(p, s->end);
	if (p == s->end || *p != ':')
		return fail(s, p, "expected a colon");
	return json_space_end(p + 1, s->end);
}

/* Goes into the object or array at `p`, to its first key or element, or to the bracket
 * that ends it. */
static inline const char *enter(struct scan *s, const char *p)
{
	if (s->depth == JSON_DEPTH_MAX) {
		fail(s, p, "nested too deeply");
		s->rc = E_TOOBIG;
		return NULL;
	}
	s->close[s->depth++] = *p == '{' ? '}' : ']';
	p = json_space_end(p + 1, s->end);
	return p == s->end ? fail(s, p, "") : p;
}

/* From after a value, when something around it is open: over the comma to the next key or
 * element; or to the bracket that ends it. */
static inline const char *next(struct scan *s, const char *p)
{
	const char close = s->close[s->depth - 1];

	p = json_space_end(p, s->end);
	if (p == s->end)
		return fail(s, p, "");
	if (*p == close)
		return p;
	if (*p != ',')
		return fail(s, p,
			    close == '}' ? "expected a comma or }" : "expected a comma or ]");
	p = json_space_end(p + 1, s->end);
	if (p == s->end || *p == close)
		return fail(s, p, "comma before the end");
	return p;
}

/* One value with all that is in it.  Not recursive: what is open stands in s->close. */
static const char *value(struct scan *s, const char *p)
{
	const size_t base = s->depth;

	for (;;) {
		if (p == s->end)
			return fail(s, p, "");
		if (*p == '{' || *p == '[') {
			p = enter(s, p);
		} else {
			p = scalar(s, p);
			if (p != NULL && s->depth > base)
				p = next(s, p);
		}
		while (p != NULL && s->depth > base && *p == s->close[s->depth - 1]) {
			s->depth--;
			p++;
			if (s->depth > base)
				p = next(s, p);
		}
		if (p == NULL || s->depth == base)
			return p;
		if (s->close[s->depth - 1] == '}') {
			p = key(s, p);
			p = p == NULL ? NULL : colon(s, p);
			if (p == NULL)
				return NULL;
		}
	}
}

/* The outermost object, noting its members. */
static const char *members(struct scan *s, const char *p, struct json_member *m, size_t cap,
			   size_t *n)
{
	p = enter(s, p);
	while (p != NULL && *p != '}') {
		struct json_member one;
		const char *from = p;

		s->escaped = false;
		p = key(s, p);
		if (p == NULL)
			return NULL;
		one.key = slice_of(from + 1, (size_t)(p - from) - 2);
		one.key_escaped = s->escaped;
		from = colon(s, p);
		p = from == NULL ? NULL : value(s, from);
		if (p == NULL)
			return NULL;
		one.value = slice_of(from, (size_t)(p - from));
		one.kind = json_kind(one.value);
		if (*n < cap)
			m[*n] = one;
		++*n;
		p = next(s, p);
	}
	return p == NULL ? NULL : p + 1;
}

static COLD void describe(const struct scan *s, struct slice text, struct json_problem *p)
{
	const size_t at = s->bad == NULL ? 0 : (size_t)(s->bad - text.p);
	size_t line = 1;
	size_t start = 0; /* of the line */

	for (size_t i = 0; i < at; i++) {
		if (text.p[i] == '\n') {
			line++;
			start = i + 1;
		}
	}
	*p = (struct json_problem){ s->what, at, line, at - start + 1 };
}

static bool whole(struct scan *s, const char *p, struct json_member *m, size_t cap, size_t *n)
{
	p = json_space_end(p, s->end);
	if (p < s->end && *p == '{')
		p = members(s, p, m, cap, n);
	else
		p = value(s, p);
	if (p == NULL)
		return false;
	p = json_space_end(p, s->end);
	return p == s->end || fail(s, p, "more after the end") != NULL;
}

enum rc json_scan(struct slice text, enum json_kind *kind, struct json_member *m, size_t cap,
		  size_t *n, struct json_problem *p)
{
	struct scan s;
	const char *at = text.n == 0 ? "" : text.p;

	/* One by one: s.close needs no zeros, and most texts are short. */
	s.end = at + text.n;
	s.rc = OK;
	s.bad = s.what = NULL;
	s.escaped = false;
	s.depth = 0;
	*n = 0;
	if (!whole(&s, at, m, cap, n)) {
		*n = 0;
		if (p != NULL)
			describe(&s, slice_of(at, text.n), p);
		return s.rc;
	}
	*kind = json_kind(slice_of(json_space_end(at, s.end), 1));
	return OK;
}
