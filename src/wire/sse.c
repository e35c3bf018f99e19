#include "wire/sse.h"

/* How far a line end is looked for at a time: a stream with CR alone must not make every
 * line search the whole input for an LF. */
#define WINDOW 1024

void sse_init(struct sse *s, struct mem *mem, size_t event_max)
{
	INVARIANT(event_max < SIZE_MAX);
	*s = (struct sse){
		.mem = mem, .event_max = event_max, .at_start = true, .line_empty = true
	};
	buf_init(&s->held, mem, event_max + 1); /* the LF of the last CRLF is not counted */
	buf_init(&s->joined, mem, event_max + 1);
}

void sse_free(struct sse *s)
{
	buf_free(&s->held);
	buf_free(&s->joined);
	s->given = false;
}

/* The first CR or LF, or NULL. */
static const char *line_end(const char *p, const char *end)
{
	while (p < end) {
		size_t n = size_min((size_t)(end - p), WINDOW);
		const char *lf = memchr(p, '\n', n);
		const char *cr;

		if (lf != NULL)
			n = (size_t)(lf - p);
		cr = memchr(p, '\r', n);
		if (cr != NULL)
			return cr;
		if (lf != NULL)
			return lf;
		p += n;
	}
	return NULL;
}

static const char *skip_line_end(const char *p, const char *end)
{
	if (*p == '\r' && p + 1 < end && p[1] == '\n')
		return p + 2;
	return p + 1;
}

/* Goes on looking for the blank line that ends the event we are in.  Returns how many bytes
 * belong to the event, its blank line included, and sets *ended; without an end, all. */
static size_t scan(struct sse *s, struct slice in, bool *ended)
{
	const char *p = in.p, *end = in.p + in.n;

	*ended = false;
	if (s->after_cr && *p == '\n')
		p++;
	s->after_cr = false;
	while (p < end) {
		if (s->line_empty && (*p == '\n' || *p == '\r')) {
			*ended = true;
			return (size_t)(skip_line_end(p, end) - in.p);
		}
		p = line_end(p, end);
		s->line_empty = p != NULL;
		if (p == NULL)
			break;
		s->after_cr = *p == '\r' && p + 1 == end;
		p = skip_line_end(p, end);
	}
	return in.n;
}

static bool is_line_end(char c)
{
	return c == '\n' || c == '\r';
}

/* Blank lines before an event: nothing hangs on them, so they need not be held. */
static size_t blank_lines(struct slice in)
{
	size_t n = 0;

	while (n < in.n && is_line_end(in.p[n]))
		n++;
	return n;
}

/* "data: x" -> "data", "x" */
static void split_field(struct slice line, struct slice *name, struct slice *value)
{
	slice_cut(line, ':', name, value);
	if (value->n > 0 && value->p[0] == ' ')
		*value = slice_skip(*value, 1);
}

static enum rc add_data(struct sse *s, struct sse_event *ev, struct slice value)
{
	enum rc rc;

	if (!ev->has_data) {
		ev->has_data = true;
		ev->data = value;
		return OK;
	}
	/* The second line and on: no longer one piece of what came. */
	if (buf_len(&s->joined) == 0) {
		rc = buf_append(&s->joined, ev->data);
		if (rc != OK)
			return rc;
	}
	rc = buf_append(&s->joined, LIT("\n"));
	if (rc == OK)
		rc = buf_append(&s->joined, value);
	ev->data = buf_slice(&s->joined);
	s->given = true;
	return rc;
}

/* Reads the fields of `ev->raw`. */
static enum rc read_fields(struct sse *s, struct sse_event *ev)
{
	const char *p = ev->raw.p, *end = ev->raw.p + ev->raw.n;

	if (s->at_start && slice_starts(ev->raw, LIT("\xef\xbb\xbf")))
		p += 3;
	while (p < end) {
		const char *stop = line_end(p, end);
		struct slice line = slice_of(p, (size_t)((stop == NULL ? end : stop) - p));
		struct slice name, value;
		enum rc rc;

		p = stop == NULL ? end : skip_line_end(stop, end);
		if (line.n == 0 || line.p[0] == ':' || (line.p[0] != 'd' && line.p[0] != 'e'))
			continue;
		split_field(line, &name, &value);
		if (slice_eq(name, LIT("data"))) {
			rc = add_data(s, ev, value);
			if (rc != OK)
				return rc;
		} else if (slice_eq(name, LIT("event"))) {
			ev->name = value;
		}
	}
	return OK;
}

static enum sse_step spend(struct sse *s)
{
	s->spent = true;
	sse_free(s);
	return SSE_ERROR;
}

static enum sse_step give_event(struct sse *s, struct sse_event *ev)
{
	s->line_empty = true;
	s->after_cr = false;
	if (read_fields(s, ev) != OK)
		return spend(s);
	s->at_start = false;
	return SSE_EVENT;
}

/* Bytes of an event that is too large: what was held goes first, the rest as it comes. */
static enum sse_step pass(struct sse *s, struct slice *in, struct sse_event *ev, size_t n,
			  bool ended)
{
	ev->raw = slice_head(*in, n);
	*in = slice_skip(*in, n);
	s->at_start = false;
	s->passing = !ended;
	if (ended) {
		s->line_empty = true;
		s->after_cr = false;
	}
	return SSE_PASS;
}

static enum sse_step pass_held(struct sse *s, struct sse_event *ev)
{
	ev->raw = buf_slice(&s->held);
	s->given = true;
	s->passing = true;
	return SSE_PASS;
}

enum sse_step sse_next(struct sse *s, struct slice *in, struct sse_event *ev)
{
	bool line_empty, after_cr, ended;
	size_t n, size;

	if (s->spent)
		return SSE_ERROR;
	if (s->given)
		sse_free(s);
	if (in->n == 0)
		return SSE_MORE;
	*ev = (struct sse_event){ 0 };
	line_empty = s->line_empty;
	after_cr = s->after_cr;

	if (!s->passing && s->held.n == 0 && is_line_end(in->p[0])) {
		n = blank_lines(*in);
		ev->raw = slice_head(*in, n);
		*in = slice_skip(*in, n);
		s->at_start = false;
		return SSE_EVENT;
	}
	n = scan(s, *in, &ended);
	if (s->passing)
		return pass(s, in, ev, n, ended);

	size = s->held.n + n;
	if (ended && in->p[n - 1] == '\n' && n > 1 && in->p[n - 2] == '\r')
		size--; /* so that it does not matter whether this LF came in time */
	if (size > s->event_max) {
		if (s->held.n == 0)
			return pass(s, in, ev, n, ended);
		/* Nothing of `in` is taken yet: the next call scans it again. */
		s->line_empty = line_empty;
		s->after_cr = after_cr;
		return pass_held(s, ev);
	}
	if (ended && s->held.n == 0) {
		ev->raw = slice_head(*in, n);
		*in = slice_skip(*in, n);
		return give_event(s, ev);
	}
	if (buf_append(&s->held, slice_head(*in, n)) != OK)
		return spend(s);
	*in = slice_skip(*in, n);
	if (!ended)
		return SSE_MORE;
	ev->raw = buf_slice(&s->held);
	s->given = true;
	return give_event(s, ev);
}

bool sse_eof(struct sse *s, struct sse_event *ev)
{
	*ev = (struct sse_event){ 0 };
	if (s->spent)
		return false;
	if (s->given)
		sse_free(s);
	if (s->passing) {
		s->passing = false;
		return true;
	}
	if (s->held.n == 0)
		return false;
	ev->raw = buf_slice(&s->held);
	s->given = true;
	if (give_event(s, ev) != SSE_EVENT) {
		*ev = (struct sse_event){ 0 };
		return false;
	}
	return true;
}
