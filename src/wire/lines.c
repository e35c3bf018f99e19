#include "wire/lines.h"

void lines_init(struct lines *s, struct mem *mem, size_t line_max)
{
	*s = (struct lines){ .mem = mem, .line_max = line_max };
	buf_init(&s->held, mem, line_max);
}

void lines_free(struct lines *s)
{
	buf_free(&s->held);
	s->given = false;
}

static struct line line_of(struct slice raw)
{
	size_t n = raw.n;

	if (n > 0 && raw.p[n - 1] == '\n')
		n--;
	if (n < raw.n && n > 0 && raw.p[n - 1] == '\r')
		n--;
	return (struct line){ raw, slice_head(raw, n) };
}

/* What was held of a line that turned out to be too long goes first, the rest as it comes. */
static enum lines_step pass(struct lines *s, struct slice *in, struct line *line, size_t n,
			    bool ended)
{
	if (s->held.n > 0) { /* nothing of `in` is taken yet */
		line->raw = buf_slice(&s->held);
		s->given = true;
		s->passing = true;
		return LINES_PASS;
	}
	line->raw = slice_head(*in, n);
	*in = slice_skip(*in, n);
	s->passing = !ended;
	return LINES_PASS;
}

enum lines_step lines_next(struct lines *s, struct slice *in, struct line *line)
{
	const char *lf;
	size_t n;

	if (s->spent)
		return LINES_ERROR;
	if (s->given)
		lines_free(s);
	if (in->n == 0)
		return LINES_MORE;
	*line = (struct line){ 0 };
	lf = memchr(in->p, '\n', in->n);
	n = lf == NULL ? in->n : (size_t)(lf - in->p) + 1;
	if (s->passing || n > s->line_max - s->held.n)
		return pass(s, in, line, n, lf != NULL);
	if (lf != NULL && s->held.n == 0) {
		*line = line_of(slice_head(*in, n));
		*in = slice_skip(*in, n);
		return LINES_LINE;
	}
	if (buf_append(&s->held, slice_head(*in, n)) != OK) {
		s->spent = true;
		lines_free(s);
		return LINES_ERROR;
	}
	*in = slice_skip(*in, n);
	if (lf == NULL)
		return LINES_MORE;
	*line = line_of(buf_slice(&s->held));
	s->given = true;
	return LINES_LINE;
}

bool lines_eof(struct lines *s, struct line *line)
{
	const bool passing = s->passing;

	*line = (struct line){ 0 };
	if (s->spent)
		return false;
	if (s->given)
		lines_free(s);
	s->passing = false;
	if (s->held.n == 0)
		return passing;
	*line = line_of(buf_slice(&s->held));
	s->given = true;
	return true;
}
