#include "mock/say.h"

#include "base/log.h"
#include "base/sb.h"
#include "wire/base64.h"

void say_init(struct say *o, struct mem *mem, size_t max)
{
	o->failed = false;
	buf_init(&o->b, mem, max);
}

void say_free(struct say *o)
{
	buf_free(&o->b);
}

void say_clear(struct say *o)
{
	buf_taken(&o->b, buf_len(&o->b));
	o->failed = false;
}

static char *room(struct say *o, size_t n)
{
	enum rc rc;
	char *p = o->failed ? NULL : buf_room(&o->b, n, &rc);

	o->failed |= p == NULL;
	return p;
}

void say_str(struct say *o, struct slice s)
{
	char *p;

	if (s.n == 0)
		return;
	p = room(o, s.n);
	if (p == NULL)
		return;
	memcpy(p, s.p, s.n);
	buf_added(&o->b, s.n);
}

void say_lit(struct say *o, const char *s)
{
	say_str(o, slice_cstr(s));
}

void say_u64(struct say *o, uint64_t v)
{
	char digits[20];
	struct sb sb;

	sb_init(&sb, digits, sizeof(digits));
	sb_u64(&sb, v);
	say_str(o, sb_slice(&sb));
}

/* Cut into pieces, so that the worst case (\u00XX, or U+FFFD per byte) is reserved for a
 * piece and not for the whole.  A piece never ends inside a UTF-8 sequence. */
static size_t piece_of(struct slice s)
{
	size_t n = size_min(s.n, 4096);

	for (unsigned back = 0; n < s.n && back < 3 && ((unsigned char)s.p[n] & 0xc0) == 0x80;
	     back++)
		n--;
	return n;
}

void say_json_part(struct say *o, struct slice s)
{
	while (s.n > 0) {
		struct slice piece = slice_head(s, piece_of(s));
		char *p = room(o, piece.n * 6 + 2);
		struct sb sb;

		if (p == NULL)
			return;
		sb_init(&sb, p, piece.n * 6 + 2);
		log_json_string(&sb, piece);
		/* its quotes are not wanted */
		memmove(p, p + 1, sb.n - 2);
		buf_added(&o->b, sb.n - 2);
		s = slice_skip(s, piece.n);
	}
}

void say_json(struct say *o, struct slice s)
{
	say_lit(o, "\"");
	say_json_part(o, s);
	say_lit(o, "\"");
}

void say_base64(struct say *o, struct slice s)
{
	size_t n;
	struct sb sb;
	char *p;

	if (!size_add(s.n / 3 * 4, 8, &n))
		n = SIZE_MAX;
	p = room(o, n);
	if (p == NULL)
		return;
	sb_init(&sb, p, n);
	base64_put(&sb, s);
	buf_added(&o->b, sb.n);
}

void say_fmt(struct say *o, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	INVARIANT(n >= 0 && (size_t)n < sizeof(text));
	say_str(o, slice_of(text, (size_t)n));
}
