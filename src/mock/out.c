#include "mock/out.h"

#include "base/log.h"
#include "base/sb.h"
#include "wire/base64.h"

void out_init(struct out *o, struct mem *mem, size_t max)
{
	o->failed = false;
	buf_init(&o->b, mem, max);
}

void out_free(struct out *o)
{
	buf_free(&o->b);
}

void out_clear(struct out *o)
{
	buf_taken(&o->b, buf_len(&o->b));
	o->failed = false;
}

static char *room(struct out *o, size_t n)
{
	enum rc rc;
	char *p = o->failed ? NULL : buf_room(&o->b, n, &rc);

	o->failed |= p == NULL;
	return p;
}

void out_str(struct out *o, struct slice s)
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

void out_lit(struct out *o, const char *s)
{
	out_str(o, slice_cstr(s));
}

void out_u64(struct out *o, uint64_t v)
{
	char digits[20];
	struct sb sb;

	sb_init(&sb, digits, sizeof(digits));
	sb_u64(&sb, v);
	out_str(o, sb_slice(&sb));
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

void out_json_part(struct out *o, struct slice s)
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

void out_json(struct out *o, struct slice s)
{
	out_lit(o, "\"");
	out_json_part(o, s);
	out_lit(o, "\"");
}

void out_base64(struct out *o, struct slice s)
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

void out_fmt(struct out *o, const char *fmt, ...)
{
	char text[1024];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	INVARIANT(n >= 0 && (size_t)n < sizeof(text));
	out_str(o, slice_of(text, (size_t)n));
}
