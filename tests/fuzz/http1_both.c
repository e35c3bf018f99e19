#include "http1_both.h"

#include "fuzz.h"

#include <llhttp.h>

enum { HEAD_MAX = 1024, LOG_BYTES = 1 << 17 };

struct reading {
	struct http1 h;
	struct arena arena;
	struct sb log; /* what was read, to be compared */
	bool no_body, over;
	uint64_t body;    /* bytes of this message */
	const char *from; /* where this message began; NULL when it came in pieces */
};

static bool trimmed(struct slice s)
{
	struct slice t = slice_trim(s);

	return t.n == s.n;
}

static void check_head(const struct reading *r)
{
	const struct http_head *d = &r->h.head;
	const struct header *te = http_header_find(d, LIT("transfer-encoding"));
	const struct header *cl = http_header_find(d, LIT("content-length"));

	INVARIANT(d->minor <= 1 && d->header_n <= HTTP1_HEADERS_MAX);
	INVARIANT(te == NULL || cl == NULL);
	for (size_t i = 0; i < d->header_n; i++) {
		INVARIANT(http1_name_ok(d->headers[i].name));
		INVARIANT(http1_value_ok(d->headers[i].value) && trimmed(d->headers[i].value));
	}
	if (r->h.kind == HTTP1_REQUEST) {
		INVARIANT(http1_name_ok(d->method) && d->target.n > 0);
		INVARIANT(slice_find_char(d->target, ' ') == SLICE_NONE);
		INVARIANT(http1_value_ok(d->target));
		INVARIANT(d->minor == 0 || http_header(d, LIT("host")).n > 0);
		INVARIANT(d->framing != HTTP1_UNTIL_CLOSE);
		INVARIANT((te != NULL) == (d->framing == HTTP1_CHUNKED));
		INVARIANT((cl != NULL) == (d->framing == HTTP1_LENGTH));
	} else {
		INVARIANT(d->status >= 200 && d->status <= 599);
		INVARIANT(d->framing != HTTP1_UNTIL_CLOSE || !d->keep_alive);
		INVARIANT(!r->no_body || d->framing == HTTP1_NO_BODY);
	}
}

static void log_head(struct reading *r)
{
	const struct http_head *d = &r->h.head;

	sb_fmt(&r->log, "\n%u %u %d %" PRIu64 " %d%d ", d->status, d->minor, (int)d->framing,
	       d->content_length, d->keep_alive, d->expect_continue);
	sb_str(&r->log, d->method);
	sb_str(&r->log, d->target);
	for (size_t i = 0; i < d->header_n; i++) {
		sb_str(&r->log, d->headers[i].name);
		sb_char(&r->log, '=');
		sb_str(&r->log, d->headers[i].value);
		sb_char(&r->log, '\n');
	}
}

/* ---- llhttp's opinion ---------------------------------------------------------------- */

static int count_body(llhttp_t *p, const char *at UNUSED, size_t n)
{
	*(uint64_t *)p->data += n;
	return HPE_OK;
}

static int headers_without_body(llhttp_t *p UNUSED)
{
	return 1;
}

static int pause_at_end(llhttp_t *p)
{
	/* An interim response is passed over. */
	return p->type == HTTP_RESPONSE && p->status_code < 200 ? HPE_OK : HPE_PAUSED;
}

/* The message that we read from `m` was to end at `end`: llhttp finds the same end, and the
 * same length of body. */
static void check_beside_llhttp(const struct reading *r, struct slice m, const char *end)
{
	llhttp_settings_t settings = { .on_body = count_body,
				       .on_message_complete = pause_at_end };
	uint64_t body = 0;
	llhttp_t p;

	if (r->no_body)
		settings.on_headers_complete = headers_without_body;
	llhttp_init(&p, r->h.kind == HTTP1_REQUEST ? HTTP_REQUEST : HTTP_RESPONSE, &settings);
	p.data = &body;
	switch ((int)llhttp_execute(&p, m.p, m.n)) {
	case HPE_PAUSED:
		break;
	case HPE_STRICT: /* it knows the grammar of chunk extensions; here they only end */
		return;
	case HPE_INVALID_TRANSFER_ENCODING:
	case HPE_INVALID_CONTENT_LENGTH:
	case HPE_UNEXPECTED_CONTENT_LENGTH: /* among the trailers */
		INVARIANT(r->h.head.framing == HTTP1_CHUNKED || r->h.interim > 0);
		return;
	default: /* what an interim response said about its framing counts for llhttp */
		INVARIANT(r->h.interim > 0);
		return;
	}
	INVARIANT(llhttp_get_error_pos(&p) == end || llhttp_get_error_pos(&p) == end - 1);
	INVARIANT(body == r->body);
}

/* ---- reading --------------------------------------------------------------------------- */

static void begin(struct reading *r, const char *from)
{
	arena_free(&r->arena);
	r->body = 0;
	r->from = from;
	http1_begin(&r->h, &r->arena, r->no_body);
	INVARIANT(http1_untouched(&r->h) && http1_eof(&r->h) == OK);
}

static void on_done(struct reading *r, struct slice rest, const char *end)
{
	const struct http_head *d = &r->h.head;

	INVARIANT(d->framing != HTTP1_LENGTH || r->body == d->content_length);
	INVARIANT(d->framing != HTTP1_NO_BODY || r->body == 0);
	INVARIANT(http1_eof(&r->h) == OK);
	sb_lit(&r->log, "\ndone");
	if (r->from != NULL)
		check_beside_llhttp(r, slice_of(r->from, (size_t)(end - r->from)),
				    rest.n > 0 ? rest.p : end);
	r->over = !d->keep_alive;
}

static void on_error(struct reading *r, struct slice in)
{
	struct slice body;

	INVARIANT(r->h.why != NULL && r->h.status >= 400 && r->h.status <= 505);
	INVARIANT(http1_next(&r->h, &in, &body) == HTTP1_ERROR);
	INVARIANT(http1_eof(&r->h) == E_CLOSED);
	sb_fmt(&r->log, "\n!%u %s", r->h.status, r->h.why);
	r->over = true;
}

static void feed(struct reading *r, struct slice in, bool whole)
{
	const char *end = in.p + in.n;
	struct slice body;

	while (!r->over) {
		size_t before = in.n;

		switch (http1_next(&r->h, &in, &body)) {
		case HTTP1_MORE:
			INVARIANT(in.n == 0);
			return;
		case HTTP1_HEAD:
			check_head(r);
			log_head(r);
			break;
		case HTTP1_BODY:
			INVARIANT(body.n > 0 && body.n <= before - in.n);
			r->body += body.n;
			sb_str(&r->log, body);
			break;
		case HTTP1_DONE:
			on_done(r, in, end);
			if (!r->over)
				begin(r, whole ? end - in.n : NULL);
			break;
		case HTTP1_ERROR:
			on_error(r, in);
			break;
		}
	}
}

static void read_all(struct reading *r, enum http1_kind kind, struct slice in, bool no_body,
		     struct fuzz_mem *mem, struct fuzz_cuts *cuts)
{
	r->no_body = no_body;
	r->over = false;
	r->log.n = 0;
	http1_init(&r->h, kind, HEAD_MAX);
	arena_init(&r->arena, &mem->mem, 128, 1 << 16);
	begin(r, cuts == NULL ? in.p : NULL);
	if (cuts == NULL)
		feed(r, in, true);
	while (cuts != NULL && in.n > 0)
		feed(r, fuzz_cut(cuts, &in), false);
	if (!r->over)
		sb_fmt(&r->log, "\neof %d", (int)http1_eof(&r->h));
	arena_free(&r->arena);
	INVARIANT(mem->live == 0 && !r->log.cut);
}

void http1_both_check(enum http1_kind kind, struct slice in, bool no_body)
{
	char *room = malloc(2 * LOG_BYTES);
	struct reading whole, cut;
	struct fuzz_cuts cuts;
	struct fuzz_mem mem;

	INVARIANT(room != NULL);
	in = slice_head(in, 16384);
	sb_init(&whole.log, room, LOG_BYTES);
	sb_init(&cut.log, room + LOG_BYTES, LOG_BYTES);
	fuzz_mem_init(&mem, 0);
	read_all(&whole, kind, in, no_body, &mem, NULL);
	fuzz_cuts_init(&cuts, in);
	read_all(&cut, kind, in, no_body, &mem, &cuts);
	INVARIANT(slice_eq(sb_slice(&whole.log), sb_slice(&cut.log)));

	fuzz_mem_init(&mem, 1 + in.n % 4);
	read_all(&cut, kind, in, no_body, &mem, &cuts);
	INVARIANT(slice_eq(sb_slice(&whole.log), sb_slice(&cut.log)) ||
		  slice_ends(sb_slice(&cut.log), LIT("\n!503 http1.memory")));
	free(room);
}
