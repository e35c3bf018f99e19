/* The head is collected whole, its lines are checked here, and llhttp then takes it apart in
 * one go: so the result cannot depend on how the bytes were cut, and two readers must agree
 * on where the head ends.  Bodies are framed here (RFC 9112, 6 and 7): for a length there is
 * only counting to do, and chunk lines are read stricter than llhttp does.
 */
#include "wire/http1.h"

#include "wire/url.h"

#include <llhttp.h>

enum {
	BLANKS_MAX = 4,     /* empty lines before a request (RFC 9112, 2.2) */
	RAW_MIN = 1024,     /* first room for a head that comes in pieces */
	HEADERS_FIRST = 24, /* room for most heads; then for HTTP1_HEADERS_MAX */
	CHUNK_DIGITS_MAX = 16,
};

enum step {
	START,
	BLANK_LF, /* the CR of an empty line before a request was seen */
	HEAD,
	FIXED,
	UNTIL_CLOSE,
	CHUNK_SIZE,
	CHUNK_EXT,
	CHUNK_LF,
	CHUNK_DATA,
	DATA_CR,
	DATA_LF,
	TRAILER, /* at the start of a line */
	TRAILER_NAME,
	TRAILER_VALUE,
	TRAILER_LF,
	LAST_LF,
	DONE,
	FAILED,
};

/* ---- characters ------------------------------------------------------------------ */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* tchar (RFC 9110, 5.6.2) */
static bool is_token(char c)
{
	static const bool tchar[256] = {
		['0' ... '9'] = true,  ['A' ... 'Z'] = true, ['a' ... 'z'] = true, ['!'] = true,
		['#' ... '\''] = true, ['*'] = true,         ['+'] = true,         ['-'] = true,
		['.'] = true,          ['^' ... '`'] = true, ['|'] = true,         ['~'] = true,
	};

	return tchar[(unsigned char)c];
}

/* VCHAR, obs-text, space and tab (RFC 9110, 5.5) */
static bool is_text(char c)
{
	return (unsigned char)c >= ' ' ? c != 0x7f : c == '\t';
}

bool http1_name_ok(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_token(s.p[i]))
			return false;
	return s.n > 0;
}

bool http1_value_ok(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (!is_text(s.p[i]))
			return false;
	return true;
}

/* ---- beginning and ending ---------------------------------------------------------- */

static COLD enum http1_step fail(struct http1 *h, const char *why, unsigned status)
{
	h->step = FAILED;
	h->why = why;
	h->status = status;
	return HTTP1_ERROR;
}

void http1_init(struct http1 *h, enum http1_kind kind, size_t head_max)
{
	*h = (struct http1){ .kind = kind, .head_max = head_max, .step = DONE };
}

void http1_begin(struct http1 *h, struct arena *arena, bool no_body)
{
	*h = (struct http1){
		.kind = h->kind,
		.head_max = h->head_max,
		.arena = arena,
		.no_body = no_body,
	};
}

bool http1_untouched(const struct http1 *h)
{
	return h->step == START || h->step == BLANK_LF;
}

static bool is_over(const struct http1 *h)
{
	return h->step == DONE || (h->step == FIXED && h->left == 0);
}

enum rc http1_eof(struct http1 *h)
{
	if (h->step == UNTIL_CLOSE)
		h->step = DONE;
	return is_over(h) || http1_untouched(h) ? OK : E_CLOSED;
}

/* ---- the start line ------------------------------------------------------------------ */

/* "HTTP/1.0", "HTTP/1.1"; *status says how it fails. */
static bool read_version(struct slice s, unsigned *minor, unsigned *status)
{
	*status = 400;
	if (s.n != 8 || !slice_starts(s, LIT("HTTP/")) || !is_digit(s.p[5]) || s.p[6] != '.' ||
	    !is_digit(s.p[7]))
		return false;
	*status = 505;
	*minor = (unsigned)(s.p[7] - '0');
	return s.p[5] == '1' && *minor <= 1;
}

static bool target_ok(struct slice method, struct slice t)
{
	static const struct slice schemes[] = { LITC("http://"), LITC("https://") };

	for (size_t i = 0; i < t.n; i++)
		if (t.p[i] <= ' ' || t.p[i] >= 0x7f || t.p[i] == '#')
			return false;
	if (t.n > 0 && t.p[0] == '/')
		return true;
	for (size_t i = 0; i < ARRAY_LEN(schemes); i++) {
		struct slice rest = slice_skip(t, schemes[i].n), host;
		uint16_t port;
		size_t n = 0;

		if (!slice_ieq(slice_head(t, schemes[i].n), schemes[i]))
			continue;
		while (n < rest.n && rest.p[n] != '/' && rest.p[n] != '?')
			n++;
		return url_host_port(slice_head(rest, n), &host, &port, NULL) == OK;
	}
	return slice_eq(t, LIT("*")) && slice_eq(method, LIT("OPTIONS"));
}

/* "GET /path HTTP/1.1".  llhttp reads it too, but would take more spaces and other protocols.
 * The slices that it leaves in the head are set anew when the head has its own memory. */
static bool read_request_line(struct http1 *h, struct slice line)
{
	struct http_head *head = &h->head;
	struct slice version;
	unsigned status;

	if (!slice_cut(line, ' ', &head->method, &version) ||
	    !slice_cut(version, ' ', &head->target, &version) || !http1_name_ok(head->method)) {
		fail(h, "http1.start_line", 400);
		return false;
	}
	if (!read_version(version, &head->minor, &status)) {
		fail(h, status == 505 ? "http1.version" : "http1.start_line", status);
		return false;
	}
	if (slice_eq(head->method, LIT("CONNECT"))) {
		fail(h, "http1.method", 501);
		return false;
	}
	if (!target_ok(head->method, head->target)) {
		fail(h, "http1.target", 400);
		return false;
	}
	return true;
}

/* "HTTP/1.1 200 OK", also without the reason and its space. */
static bool read_status_line(struct http1 *h, struct slice line)
{
	struct slice version, rest, code, reason;
	unsigned status;
	uint64_t v;

	if (slice_cut(line, ' ', &version, &rest) &&
	    read_version(version, &h->head.minor, &status)) {
		slice_cut(rest, ' ', &code, &reason);
		if (code.n == 3 && slice_u64(code, &v) && v >= 100 && v <= 599 &&
		    http1_value_ok(reason)) {
			h->head.status = (unsigned)v;
			return true;
		}
	}
	fail(h, "http1.start_line", 400);
	return false;
}

static bool read_start_line(struct http1 *h, struct slice line)
{
	return h->kind == HTTP1_REQUEST ? read_request_line(h, line)
					: read_status_line(h, line);
}

/* ---- the headers, by llhttp ------------------------------------------------------------ */

struct fields {
	struct http1 *h;
	size_t cap;
	bool in_name;
};

static bool more_headers(struct fields *f)
{
	struct http_head *head = &f->h->head;
	struct header *grown;

	if (head->header_n == HTTP1_HEADERS_MAX) {
		fail(f->h, "http1.too_many_headers", 431);
		return false;
	}
	f->cap = f->cap == 0 ? HEADERS_FIRST : HTTP1_HEADERS_MAX;
	grown = arena_get(f->h->arena, f->cap * sizeof(*grown));
	if (grown == NULL) {
		fail(f->h, "http1.memory", 503);
		return false;
	}
	if (head->header_n > 0)
		memcpy(grown, head->headers, head->header_n * sizeof(*grown));
	head->headers = grown;
	return true;
}

/* The head is in one piece, so a span that comes in several calls is still one. */
static void extend(struct slice *s, const char *at, size_t n)
{
	if (s->p == NULL)
		s->p = at;
	s->n = (size_t)(at - s->p) + n;
}

static int on_name(llhttp_t *p, const char *at, size_t n)
{
	struct fields *f = p->data;
	struct http_head *head = &f->h->head;

	if (!f->in_name) {
		if (head->header_n == f->cap && !more_headers(f))
			return HPE_USER;
		head->headers[head->header_n++] = (struct header){ .name = { NULL, 0 } };
		f->in_name = true;
	}
	extend(&head->headers[head->header_n - 1].name, at, n);
	return HPE_OK;
}

static int on_name_complete(llhttp_t *p)
{
	struct fields *f = p->data;

	f->in_name = false;
	return HPE_OK;
}

static int on_value(llhttp_t *p, const char *at, size_t n)
{
	struct fields *f = p->data;

	extend(&f->h->head.headers[f->h->head.header_n - 1].value, at, n);
	return HPE_OK;
}

static int on_headers_complete(llhttp_t *p UNUSED)
{
	return HPE_PAUSED; /* and never resumed: bodies are framed here */
}

static const llhttp_settings_t settings = {
	.on_header_field = on_name,
	.on_header_field_complete = on_name_complete,
	.on_header_value = on_value,
	.on_headers_complete = on_headers_complete,
};

static COLD void fail_by_llhttp(struct http1 *h, llhttp_errno_t e)
{
	if (h->step == FAILED)
		return; /* a callback has said why */
	switch ((int)e) {
	case HPE_INVALID_METHOD:
	case HPE_INVALID_CONSTANT: /* a method of RTSP; the protocol was checked before */
		fail(h, "http1.method", 501);
		return;
	case HPE_UNEXPECTED_CONTENT_LENGTH:
	case HPE_INVALID_CONTENT_LENGTH:
		fail(h, "http1.content_length", 400);
		return;
	case HPE_INVALID_TRANSFER_ENCODING:
		fail(h, "http1.transfer_encoding", 400);
		return;
	default:
		fail(h, "http1.header", 400);
	}
}

static bool read_headers(struct http1 *h, struct slice raw)
{
	struct fields f = { .h = h };
	llhttp_errno_t e;
	llhttp_t p;

	h->head.headers = NULL;
	h->head.header_n = 0;
	llhttp_init(&p, h->kind == HTTP1_REQUEST ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
	p.data = &f;
	e = llhttp_execute(&p, raw.p, raw.n);
	/* Paused at the last LF or behind it: both mean that the head ends there. */
	if (e == HPE_PAUSED && llhttp_get_error_pos(&p) >= raw.p + raw.n - 1)
		return true;
	fail_by_llhttp(h, e);
	return false;
}

/* ---- what the headers mean ---------------------------------------------------------- */

struct meaning {
	unsigned hosts, lengths, encodings;
	bool close, keep;
};

static bool read_host(struct http1 *h, struct slice value)
{
	struct slice host;
	uint16_t port;

	if (h->kind == HTTP1_RESPONSE || url_host_port(value, &host, &port, NULL) == OK)
		return true;
	fail(h, "http1.host", 400);
	return false;
}

static bool read_length(struct http1 *h, struct slice value)
{
	if (slice_u64(value, &h->head.content_length))
		return true;
	fail(h, "http1.content_length", 400);
	return false;
}

static bool read_encoding(struct http1 *h, struct slice value)
{
	if (slice_ieq(value, LIT("chunked")))
		return true;
	fail(h, "http1.transfer_encoding", 501);
	return false;
}

static void read_connection(struct meaning *m, struct slice value)
{
	while (value.n > 0) {
		struct slice option;

		slice_cut(value, ',', &option, &value);
		option = slice_trim(option);
		m->close |= slice_ieq(option, LIT("close"));
		m->keep |= slice_ieq(option, LIT("keep-alive"));
	}
}

static bool read_header(struct http1 *h, struct meaning *m, const struct header *f)
{
	/* Most headers are none of these; the length tells at once. */
	switch (f->name.n) {
	case sizeof("host") - 1:
		if (!slice_ieq(f->name, LIT("host")))
			return true;
		m->hosts++;
		return read_host(h, f->value);
	case sizeof("expect") - 1:
		if (slice_ieq(f->name, LIT("expect")) && h->head.minor > 0)
			h->head.expect_continue |= slice_ieq(f->value, LIT("100-continue"));
		return true;
	case sizeof("connection") - 1:
		if (slice_ieq(f->name, LIT("connection")))
			read_connection(m, f->value);
		return true;
	case sizeof("content-length") - 1:
		if (!slice_ieq(f->name, LIT("content-length")))
			return true;
		m->lengths++;
		return read_length(h, f->value);
	case sizeof("transfer-encoding") - 1:
		if (!slice_ieq(f->name, LIT("transfer-encoding")))
			return true;
		m->encodings++;
		return read_encoding(h, f->value);
	default:
		return true;
	}
}

/* What two readers could take in two ways (RFC 9112, 6.1 and 6.3).  llhttp refuses most of it
 * already; that is not to be relied on. */
static bool framing_ok(struct http1 *h, const struct meaning *m)
{
	if (h->kind == HTTP1_REQUEST && (m->hosts > 1 || (m->hosts == 0 && h->head.minor > 0)))
		fail(h, "http1.host", 400);
	else if (m->lengths > 1 || (m->lengths > 0 && m->encodings > 0))
		fail(h, "http1.content_length", 400);
	else if (m->encodings > 1 || (m->encodings > 0 && h->head.minor == 0))
		fail(h, "http1.transfer_encoding", 400);
	else
		return true;
	return false;
}

static void settle_framing(struct http1 *h, const struct meaning *m)
{
	struct http_head *head = &h->head;
	bool response = h->kind == HTTP1_RESPONSE;

	head->keep_alive = !m->close && (head->minor > 0 || m->keep);
	if (response && (h->no_body || head->status == 204 || head->status == 304)) {
		head->framing = HTTP1_NO_BODY;
		/* A body may follow where none can be: the connection is not to be trusted. */
		if (head->status == 204 && (m->encodings > 0 || head->content_length > 0))
			head->keep_alive = false;
	} else if (m->encodings > 0) {
		head->framing = HTTP1_CHUNKED;
	} else if (m->lengths > 0) {
		head->framing = HTTP1_LENGTH;
	} else if (response) {
		head->framing = HTTP1_UNTIL_CLOSE;
		head->keep_alive = false;
	}
	switch (head->framing) {
	case HTTP1_CHUNKED:
		h->step = CHUNK_SIZE;
		h->frame = h->digits = 0;
		break;
	case HTTP1_UNTIL_CLOSE:
		h->step = UNTIL_CLOSE;
		break;
	case HTTP1_LENGTH:
		h->step = FIXED;
		h->left = head->content_length;
		break;
	case HTTP1_NO_BODY:
		h->step = FIXED;
		head->content_length = 0;
		break;
	}
}

/* `raw` is the whole head, in the arena. */
static enum http1_step read_head(struct http1 *h, struct slice raw)
{
	struct meaning m = { .hosts = 0 };
	struct slice line = slice_head(raw, slice_find_char(raw, '\r'));

	h->head = (struct http_head){ .status = 0 };
	if (!read_start_line(h, line) || !read_headers(h, raw))
		return HTTP1_ERROR;
	for (size_t i = 0; i < h->head.header_n; i++) {
		struct header *f = &h->head.headers[i];

		f->value = slice_trim(f->value);
		if (!read_header(h, &m, f))
			return HTTP1_ERROR;
	}
	if (!framing_ok(h, &m))
		return HTTP1_ERROR;
	if (h->kind == HTTP1_REQUEST || h->head.status >= 200) {
		settle_framing(h, &m);
		return HTTP1_HEAD;
	}
	if (h->head.status == 101)
		return fail(h, "http1.switched", 400);
	if (++h->interim > HTTP1_INTERIM_MAX)
		return fail(h, "http1.interim", 400);
	h->raw_n = h->line = 0;
	h->step = HEAD;
	return HTTP1_MORE;
}

/* ---- collecting the head ------------------------------------------------------------- */

/* Checks the lines of the head that end in p[from .. n); HTTP1_HEAD when the empty one is
 * among them, *end is then behind it. */
static enum http1_step read_lines(struct http1 *h, const char *p, size_t from, size_t n,
				  size_t *end)
{
	const char *lf;

	for (; (lf = memchr(p + from, '\n', n - from)) != NULL; from = h->line) {
		const char *line = p + h->line;
		size_t len = (size_t)(lf - line);

		/* The first CR is the one before the LF. */
		if (len == 0 || memchr(line, '\r', len) != lf - 1)
			return fail(h, "http1.line_end", 400);
		if (h->line == 0 && !read_start_line(h, slice_of(line, len - 1)))
			return HTTP1_ERROR;
		if (line[0] == ' ' || line[0] == '\t')
			return fail(h, "http1.fold", 400);
		h->line = (size_t)(lf - p) + 1;
		if (len == 1) {
			*end = h->line;
			return HTTP1_HEAD;
		}
	}
	if (n < h->head_max)
		return HTTP1_MORE;
	return h->line == 0 && h->kind == HTTP1_REQUEST
		       ? fail(h, "http1.uri_too_long", 414)
		       : fail(h, "http1.header_too_large", 431);
}

static bool keep_raw(struct http1 *h, struct slice s)
{
	size_t need = h->raw_n + s.n; /* at most head_max */

	if (need > h->raw_cap) {
		size_t cap = size_min(size_max(h->raw_cap * 2, need + RAW_MIN), h->head_max);
		char *p = arena_bytes(h->arena, cap);

		if (p == NULL)
			return false;
		if (h->raw_n > 0)
			memcpy(p, h->raw, h->raw_n);
		h->raw = p;
		h->raw_cap = cap;
	}
	memcpy(h->raw + h->raw_n, s.p, s.n);
	h->raw_n = need;
	return true;
}

static enum http1_step next_head(struct http1 *h, struct slice *in)
{
	struct slice s = slice_head(*in, h->head_max - h->raw_n), raw;
	size_t before = h->raw_n, end = 0;
	enum http1_step step;

	if (in->n == 0)
		return HTTP1_MORE;
	if (before == 0) {
		/* Nearly always the head is whole, and copied once. */
		step = read_lines(h, s.p, 0, s.n, &end);
		if (step == HTTP1_HEAD)
			raw = arena_copy(h->arena, slice_head(s, end));
		else if (step == HTTP1_MORE && !keep_raw(h, s))
			return fail(h, "http1.memory", 503);
	} else {
		if (!keep_raw(h, s))
			return fail(h, "http1.memory", 503);
		step = read_lines(h, h->raw, before, h->raw_n, &end);
		raw = slice_of(h->raw, end);
	}
	if (step != HTTP1_HEAD) {
		*in = slice_skip(*in, s.n);
		return step;
	}
	*in = slice_skip(*in, end - before);
	if (raw.p == NULL)
		return fail(h, "http1.memory", 503);
	/* An interim response's memory must not be written over: the next head has its own. */
	h->raw = NULL;
	h->raw_cap = 0;
	return read_head(h, raw);
}

/* The first byte tells a wrong protocol at once (TLS to a plain port, say). */
static enum http1_step next_start(struct http1 *h, struct slice *in)
{
	char c = in->p[0];

	if (h->step == BLANK_LF) {
		if (c != '\n' || ++h->blanks > BLANKS_MAX)
			return fail(h, "http1.line_end", 400);
		h->step = START;
		*in = slice_skip(*in, 1);
	} else if (c == '\r' && h->kind == HTTP1_REQUEST) {
		h->step = BLANK_LF;
		*in = slice_skip(*in, 1);
	} else if (h->kind == HTTP1_REQUEST ? !is_token(c) : c != 'H') {
		return fail(h, "http1.start_line", 400);
	} else {
		h->step = HEAD;
	}
	return HTTP1_MORE;
}

/* ---- bodies ---------------------------------------------------------------------------- */

static enum http1_step take_body(struct http1 *h, struct slice *in, struct slice *body)
{
	*body = slice_head(*in, h->left);
	*in = slice_skip(*in, body->n);
	h->left -= body->n;
	return HTTP1_BODY;
}

static bool read_size_digit(struct http1 *h, char c)
{
	unsigned v;

	if (is_digit(c))
		v = (unsigned)(c - '0');
	else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		v = (unsigned)(c | 0x20) - 'a' + 10;
	else
		return false;
	h->left = (h->digits == 0 ? 0 : h->left << 4) | v;
	return ++h->digits <= CHUNK_DIGITS_MAX;
}

static bool chunk_size_byte(struct http1 *h, char c)
{
	if (h->digits > 0 && c == '\r')
		h->step = CHUNK_LF;
	else if (h->digits > 0 && c == ';')
		h->step = CHUNK_EXT;
	else
		return read_size_digit(h, c);
	return true;
}

/* Extensions mean nothing to us (RFC 9112, 7.1.1) but must not hide a line end. */
static bool chunk_ext_byte(struct http1 *h, char c)
{
	if (c == '\r')
		h->step = CHUNK_LF;
	else
		return is_text(c) && ++h->frame < HTTP1_CHUNK_LINE_IN_MAX;
	return true;
}

static bool trailer_byte(struct http1 *h, char c)
{
	switch (h->step) {
	case TRAILER:
		h->step = c == '\r' ? LAST_LF : TRAILER_NAME;
		return c == '\r' || is_token(c);
	case TRAILER_NAME:
		if (c == ':')
			h->step = TRAILER_VALUE;
		return c == ':' || is_token(c);
	case TRAILER_VALUE:
		if (c == '\r')
			h->step = TRAILER_LF;
		return c == '\r' || is_text(c);
	case TRAILER_LF:
		h->step = TRAILER;
		return c == '\n';
	default: /* LAST_LF */
		h->step = DONE;
		return c == '\n';
	}
}

/* One byte that is not data.  False when it may not stand there. */
static bool chunk_byte(struct http1 *h, char c)
{
	switch (h->step) {
	case CHUNK_SIZE:
		return chunk_size_byte(h, c);
	case CHUNK_EXT:
		return chunk_ext_byte(h, c);
	case CHUNK_LF:
		h->step = h->left > 0 ? CHUNK_DATA : TRAILER;
		h->frame = h->digits = 0;
		return c == '\n';
	case DATA_CR:
		h->step = DATA_LF;
		return c == '\r';
	case DATA_LF:
		h->step = CHUNK_SIZE;
		return c == '\n';
	default:
		return trailer_byte(h, c);
	}
}

static enum http1_step next_chunked(struct http1 *h, struct slice *in, struct slice *body)
{
	size_t i = 0;

	while (i < in->n && h->step != CHUNK_DATA && h->step != DONE) {
		bool trailer = h->step >= TRAILER;

		if (trailer && ++h->frame > h->head_max)
			return fail(h, "http1.trailer_too_large", 431);
		if (!chunk_byte(h, in->p[i++]))
			return fail(h, trailer ? "http1.bad_trailer" : "http1.bad_chunk", 400);
	}
	*in = slice_skip(*in, i);
	if (h->step == DONE)
		return HTTP1_DONE;
	if (h->step != CHUNK_DATA || in->n == 0)
		return HTTP1_MORE;
	take_body(h, in, body);
	if (h->left == 0)
		h->step = DATA_CR;
	return HTTP1_BODY;
}

enum http1_step http1_next(struct http1 *h, struct slice *in, struct slice *body)
{
	enum http1_step step = HTTP1_MORE;

	*body = (struct slice){ NULL, 0 };
	if (h->step == FAILED)
		return HTTP1_ERROR;
	if (is_over(h)) {
		h->step = DONE;
		return HTTP1_DONE;
	}
	while (step == HTTP1_MORE && in->n > 0 && h->step <= HEAD)
		step = h->step == HEAD ? next_head(h, in) : next_start(h, in);
	if (step != HTTP1_MORE || h->step <= HEAD || in->n == 0)
		return step;
	if (h->step == FIXED)
		return take_body(h, in, body);
	if (h->step == UNTIL_CLOSE) {
		*body = *in;
		*in = slice_skip(*in, in->n);
		return HTTP1_BODY;
	}
	return next_chunked(h, in, body);
}

/* ---- looking and writing ---------------------------------------------------------------- */

const struct header *http_header_find(const struct http_head *h, struct slice name)
{
	for (size_t i = 0; i < h->header_n; i++)
		if (slice_ieq(h->headers[i].name, name))
			return &h->headers[i];
	return NULL;
}

struct slice http_header(const struct http_head *h, struct slice name)
{
	const struct header *f = http_header_find(h, name);

	return f == NULL ? (struct slice){ NULL, 0 } : f->value;
}

void http1_put(struct sb *out, struct slice name, struct slice value)
{
	sb_str(out, name);
	sb_str(out, LIT(": "));
	sb_str(out, value);
	sb_str(out, LIT("\r\n"));
}

struct slice http1_chunk_line(char line[HTTP1_CHUNK_LINE_MAX], size_t n)
{
	size_t at = HTTP1_CHUNK_LINE_MAX;

	INVARIANT(n > 0);
	line[--at] = '\n';
	line[--at] = '\r';
	for (; n > 0; n >>= 4)
		line[--at] = "0123456789abcdef"[n & 15];
	return slice_of(line + at, HTTP1_CHUNK_LINE_MAX - at);
}

struct slice http_reason(unsigned status)
{
	static const struct {
		unsigned status;
		struct slice text;
	} reasons[] = {
		{ 200, LITC("OK") },
		{ 201, LITC("Created") },
		{ 202, LITC("Accepted") },
		{ 204, LITC("No Content") },
		{ 206, LITC("Partial Content") },
		{ 301, LITC("Moved Permanently") },
		{ 302, LITC("Found") },
		{ 303, LITC("See Other") },
		{ 304, LITC("Not Modified") },
		{ 307, LITC("Temporary Redirect") },
		{ 308, LITC("Permanent Redirect") },
		{ 400, LITC("Bad Request") },
		{ 401, LITC("Unauthorized") },
		{ 402, LITC("Payment Required") },
		{ 403, LITC("Forbidden") },
		{ 404, LITC("Not Found") },
		{ 405, LITC("Method Not Allowed") },
		{ 406, LITC("Not Acceptable") },
		{ 408, LITC("Request Timeout") },
		{ 409, LITC("Conflict") },
		{ 410, LITC("Gone") },
		{ 411, LITC("Length Required") },
		{ 412, LITC("Precondition Failed") },
		{ 413, LITC("Content Too Large") },
		{ 414, LITC("URI Too Long") },
		{ 415, LITC("Unsupported Media Type") },
		{ 417, LITC("Expectation Failed") },
		{ 418, LITC("I'm a teapot") },
		{ 421, LITC("Misdirected Request") },
		{ 422, LITC("Unprocessable Content") },
		{ 424, LITC("Failed Dependency") },
		{ 425, LITC("Too Early") },
		{ 426, LITC("Upgrade Required") },
		{ 428, LITC("Precondition Required") },
		{ 429, LITC("Too Many Requests") },
		{ 431, LITC("Request Header Fields Too Large") },
		{ 451, LITC("Unavailable For Legal Reasons") },
		{ 499, LITC("Client Closed Request") },
		{ 500, LITC("Internal Server Error") },
		{ 501, LITC("Not Implemented") },
		{ 502, LITC("Bad Gateway") },
		{ 503, LITC("Service Unavailable") },
		{ 504, LITC("Gateway Timeout") },
		{ 505, LITC("HTTP Version Not Supported") },
		{ 507, LITC("Insufficient Storage") },
		{ 508, LITC("Loop Detected") },
		{ 529, LITC("Overloaded") },
	};

	if (status == 100)
		return LIT("Continue");
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (reasons[i].status == status)
			return reasons[i].text;
	return LIT("Status");
}
