/* HTTP/1.1 responses, as strict as they come: what a client may rely on.  On purpose it shares
 * nothing with wire/http1, so that a misunderstanding there is seen here. */
#include "harness.h"

enum { BODY_MAX = 8 << 20 };

void reader_init(struct reader *r, struct mem *mem, bool no_body)
{
	*r = (struct reader){ .state = READER_HEAD, .no_body = no_body };
	buf_init(&r->body, mem, BODY_MAX);
}

void reader_free(struct reader *r)
{
	buf_free(&r->body);
}

static void bad(struct reader *r, const char *what)
{
	r->state = READER_BAD;
	if (r->bad == NULL)
		r->bad = what;
}

static bool token_char(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool status_line(struct reader *r, struct slice line)
{
	uint64_t status;

	if (!slice_starts(line, LIT("HTTP/1.1 ")) || line.n < 13 || line.p[12] != ' ' ||
	    !slice_u64(slice_of(line.p + 9, 3), &status) || status < 100 || status > 599)
		return false;
	r->status = (unsigned)status;
	return true;
}

static void header(struct reader *r, struct slice name, struct slice value, bool *length)
{
	if (slice_ieq(name, LIT("content-length"))) {
		if (*length || r->chunked || !slice_u64(value, &r->left))
			bad(r, "Content-Length");
		*length = true;
	} else if (slice_ieq(name, LIT("transfer-encoding"))) {
		if (*length || r->chunked || !slice_eq(value, LIT("chunked")))
			bad(r, "Transfer-Encoding");
		r->chunked = true;
	} else if (slice_ieq(name, LIT("connection"))) {
		r->close |= slice_ieq(value, LIT("close"));
	} else if (slice_ieq(name, LIT("content-type"))) {
		r->sse = slice_starts(value, LIT("text/event-stream"));
	} else if (slice_ieq(name, LIT("x-request-id"))) {
		(void)snprintf(r->id, sizeof(r->id), "%.*s", SARG(value));
	}
}

static void head_done(struct reader *r)
{
	struct slice rest = { r->head, r->head_n - 4 }, line;
	bool length = false, first = true, more = true;

	while (more && r->state != READER_BAD) {
		size_t end = slice_find(rest, LIT("\r\n"));
		struct slice name, value;

		more = end != SLICE_NONE;
		line = more ? slice_head(rest, end) : rest;
		rest = slice_skip(rest, line.n + 2);
		if (first) {
			if (!status_line(r, line))
				bad(r, "status line");
			first = false;
			continue;
		}
		if (!slice_cut(line, ':', &name, &value) || name.n == 0)
			bad(r, "header line");
		for (size_t i = 0; i < name.n; i++)
			if (!token_char(name.p[i]))
				bad(r, "header name");
		for (size_t i = 0; i < value.n; i++)
			if ((unsigned char)value.p[i] < ' ' && value.p[i] != '\t')
				bad(r, "header value");
		header(r, name, slice_trim(value), &length);
	}
	if (r->state == READER_BAD)
		return;
	if (r->status == 100) { /* after Expect: the real one follows */
		r->head_n = 0;
		return;
	}
	if (r->status < 200)
		bad(r, "an interim response nobody asked for");
	else if (r->no_body || r->status == 204 || r->status == 304)
		r->state = READER_DONE;
	else if (r->chunked)
		r->state = READER_CHUNK_LINE;
	else if (length)
		r->state = r->left > 0 ? READER_LENGTH : READER_DONE;
	else if (r->close)
		r->state = READER_UNTIL_CLOSE;
	else
		bad(r, "no framing");
}

static size_t feed_head(struct reader *r, struct slice in)
{
	for (size_t i = 0; i < in.n; i++) {
		if (r->head_n == sizeof(r->head)) {
			bad(r, "head too large");
			return i;
		}
		r->head[r->head_n++] = in.p[i];
		if (r->head_n >= 4 && memcmp(r->head + r->head_n - 4, "\r\n\r\n", 4) == 0) {
			head_done(r);
			return i + 1;
		}
	}
	return in.n;
}

static size_t feed_body(struct reader *r, struct slice in)
{
	struct slice s = slice_head(in, r->left < in.n ? (size_t)r->left : in.n);

	if (buf_append(&r->body, s) != OK)
		bad(r, "body too large");
	r->left -= s.n;
	return s.n;
}

/* One line of the chunked coding.  True when it is whole (in r->line). */
static bool feed_line(struct reader *r, char c)
{
	if (r->line_n == sizeof(r->line)) {
		bad(r, "chunk line too long");
		return false;
	}
	r->line[r->line_n++] = c;
	if (c != '\n')
		return false;
	if (r->line_n < 2 || r->line[r->line_n - 2] != '\r') {
		bad(r, "bare LF");
		return false;
	}
	r->line_n -= 2;
	return true;
}

static void chunk_size(struct reader *r)
{
	uint64_t n = 0;

	if (r->line_n == 0 || r->line_n > 8)
		bad(r, "chunk size");
	for (size_t i = 0; i < r->line_n; i++) {
		const char *hex = "0123456789abcdefABCDEF";
		const char *at = r->line[i] == '\0' ? NULL : strchr(hex, r->line[i]);
		uint64_t digit = at == NULL ? 0 : (uint64_t)(at - hex);

		if (at == NULL)
			bad(r, "chunk size");
		n = n * 16 + (digit > 15 ? digit - 6 : digit);
	}
	r->line_n = 0;
	r->left = n;
	if (r->state != READER_BAD)
		r->state = n > 0 ? READER_CHUNK : READER_TRAILER;
}

static size_t feed_one(struct reader *r, struct slice in)
{
	switch (r->state) {
	case READER_HEAD:
		return feed_head(r, in);
	case READER_LENGTH: {
		size_t n = feed_body(r, in);

		if (r->left == 0 && r->state != READER_BAD)
			r->state = READER_DONE;
		return n;
	}
	case READER_CHUNK: {
		size_t n = feed_body(r, in);

		if (r->left == 0 && r->state != READER_BAD)
			r->state = READER_CHUNK_END;
		return n;
	}
	case READER_CHUNK_LINE:
		if (feed_line(r, in.p[0]))
			chunk_size(r);
		return 1;
	case READER_CHUNK_END:
	case READER_TRAILER:
		if (feed_line(r, in.p[0])) {
			if (r->line_n != 0)
				bad(r, "bytes after a chunk");
			else
				r->state = r->state == READER_TRAILER ? READER_DONE
								      : READER_CHUNK_LINE;
			r->line_n = 0;
		}
		return 1;
	case READER_UNTIL_CLOSE:
		r->left = in.n;
		return feed_body(r, in);
	case READER_DONE:
	case READER_BAD:
		break;
	}
	return 0;
}

size_t reader_feed(struct reader *r, struct slice in)
{
	size_t taken = 0;

	while (taken < in.n && r->state != READER_DONE && r->state != READER_BAD)
		taken += feed_one(r, slice_skip(in, taken));
	return taken;
}

void reader_eof(struct reader *r)
{
	if (r->state == READER_UNTIL_CLOSE)
		r->state = READER_DONE;
}
