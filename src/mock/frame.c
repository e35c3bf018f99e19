/* The framings of streams: event streams (WHATWG HTML, 9.2.6), lines of JSON, AWS event stream
 * frames (Smithy, "Amazon Event Stream specification"), and one JSON array. */
#include "mock/exchange.h"

static struct slice eol(const struct mock_options *opt)
{
	return opt->eol == EOL_CRLF ? LIT("\r\n") : opt->eol == EOL_CR ? LIT("\r") : LIT("\n");
}

/* ---- AWS --------------------------------------------------------------------------------- */

/* CRC-32 of IEEE 802.3, a bit at a time: slow, obvious, and nobody else's. */
static uint32_t crc32_of(uint32_t crc, struct slice s)
{
	crc = ~crc;
	for (size_t i = 0; i < s.n; i++) {
		crc ^= (unsigned char)s.p[i];
		for (unsigned k = 0; k < 8; k++)
			crc = (crc & 1) != 0 ? crc >> 1 ^ 0xedb88320U : crc >> 1;
	}
	return ~crc;
}

static void put_u32(struct say *o, uint32_t v)
{
	const char b[4] = { (char)(v >> 24), (char)(v >> 16), (char)(v >> 8), (char)v };

	say_str(o, slice_of(b, 4));
}

enum { AWS_STRING = 7 };

static char *put_header(char *at, const char *name, const char *value)
{
	size_t n = strlen(name), v = strlen(value);

	*at++ = (char)n;
	memcpy(at, name, n);
	at += n;
	*at++ = AWS_STRING;
	*at++ = (char)(v >> 8);
	*at++ = (char)v;
	memcpy(at, value, v);
	return at + v;
}

static void put_aws(struct say *o, const struct piece *p, bool bad_crc)
{
	const char *name = p->event == NULL ? "unknown" : p->event;
	bool exception = p->kind == PIECE_ERROR;
	char headers[256], *at = headers;
	char prelude[8];
	size_t start = buf_len(&o->b);
	uint32_t total, crc;

	INVARIANT(strlen(name) < 64);
	at = put_header(at, exception ? ":exception-type" : ":event-type", name);
	at = put_header(at, ":content-type", "application/json");
	at = put_header(at, ":message-type", exception ? "exception" : "event");
	total = (uint32_t)(12 + (size_t)(at - headers) + p->data.n + 4);
	put_u32(o, total);
	put_u32(o, (uint32_t)(at - headers));
	if (o->failed)
		return;
	memcpy(prelude, say_slice(o).p + start, 8);
	put_u32(o, crc32_of(0, slice_of(prelude, 8)));
	say_str(o, slice_of(headers, (size_t)(at - headers)));
	say_str(o, p->data);
	if (o->failed)
		return;
	crc = crc32_of(0, slice_skip(say_slice(o), start));
	put_u32(o, bad_crc ? ~crc : crc);
}

/* ---- all ----------------------------------------------------------------------------------
 */

void frame_begin(struct say *o, enum framing f, const struct mock_options *opt)
{
	if (opt->bom && f != FRAMING_AWS)
		say_lit(o, "\xef\xbb\xbf");
	if (f == FRAMING_ARRAY)
		say_lit(o, "[");
}

static void put_comments(struct say *o, const struct mock_options *opt, uint64_t n)
{
	for (uint64_t i = 0; i < n && i < 10000; i++)
		frame_sign(o, FRAMING_SSE, opt);
}

static void put_sse(struct say *o, const struct mock_options *opt, const char *event,
		    struct slice data)
{
	if (event != NULL) {
		say_lit(o, opt->space ? "event: " : "event:");
		say_lit(o, event);
		say_str(o, eol(opt));
	}
	say_lit(o, opt->space ? "data: " : "data:");
	say_str(o, data);
	say_str(o, eol(opt));
	say_str(o, eol(opt));
}

void frame_put(struct say *o, enum framing f, const struct mock_options *opt,
	       const struct piece *p, bool first)
{
	uint64_t comments;

	switch (f) {
	case FRAMING_SSE:
		comments = opt->comments > 0 || opt->as == NULL ? opt->comments
								: opt->as->comments;
		put_comments(o, opt, first ? comments : opt->comments > 0);
		put_sse(o, opt, p->event, p->data);
		return;
	case FRAMING_LINES:
		say_str(o, p->data);
		say_str(o, eol(opt));
		return;
	case FRAMING_AWS:
		put_aws(o, p, false);
		return;
	case FRAMING_ARRAY:
		if (!first) {
			say_lit(o, ",");
			say_str(o, eol(opt));
		}
		say_str(o, p->data);
		return;
	}
}

void frame_bad(struct say *o, enum framing f, const struct mock_options *opt,
	       const struct piece *p, bool first)
{
	struct piece half = *p;

	half.data = slice_head(p->data, p->data.n / 2);
	if (f == FRAMING_AWS && opt->fail == FAIL_BAD_FRAME)
		put_aws(o, p, true);
	else
		frame_put(o, f, opt, &half, first);
}

void frame_sign(struct say *o, enum framing f, const struct mock_options *opt)
{
	static const struct piece unknown = { .kind = PIECE_BLOCK,
					      .event = "mockKeepAlive",
					      .data = LITC("{\"p\":\"abcd\"}") };

	switch (f) {
	case FRAMING_SSE:
		say_lit(o, opt->as != NULL && opt->as->comment != NULL ? opt->as->comment
								       : ": keep-alive");
		say_str(o, eol(opt));
		say_str(o, eol(opt));
		return;
	case FRAMING_LINES:
	case FRAMING_ARRAY:
		say_str(o, eol(opt));
		return;
	case FRAMING_AWS:
		put_aws(o, &unknown, false);
		return;
	}
}

void frame_end(struct say *o, enum framing f)
{
	if (f == FRAMING_ARRAY)
		say_lit(o, "]");
}
