#include "check.h"

#include "wire/http1.h"

enum { HEAD_MAX = 2048 };

#define HOST  "Host: h\r\n"
#define GET   "GET / HTTP/1.1\r\n" HOST
#define POST  "POST / HTTP/1.1\r\n" HOST
#define CHUNK "Transfer-Encoding: chunked\r\n"
#define NEXT  "GET /next HTTP/1.1\r\n" HOST "\r\n"

/* ---- a reader that writes down what it saw -------------------------------------------- */

struct reader {
	struct http1 h;
	struct arena arena;
	struct sb seen;
	char room[16384];
	bool head_request; /* the responses answer HEAD */
	bool over;         /* an error came */
	int heads;
};

static void reader_init(struct reader *r, struct test_mem *t, enum http1_kind kind)
{
	http1_init(&r->h, kind, HEAD_MAX);
	arena_init(&r->arena, &t->mem, 512, 1 << 20);
	sb_init(&r->seen, r->room, sizeof(r->room));
	r->over = r->head_request = false;
	r->heads = 0;
	http1_begin(&r->h, &r->arena, false);
}

static void write_head(struct reader *r)
{
	static const char *const framings[] = { "none", "length", "chunked", "until-close" };
	const struct http_head *d = &r->h.head;

	r->heads++;
	if (r->h.kind == HTTP1_REQUEST)
		sb_fmt(&r->seen, "%.*s %.*s 1.%u", SARG(d->method), SARG(d->target), d->minor);
	else
		sb_fmt(&r->seen, "1.%u %u", d->minor, d->status);
	sb_fmt(&r->seen, " %s", framings[d->framing]);
	if (d->framing == HTTP1_LENGTH)
		sb_fmt(&r->seen, "=%" PRIu64, d->content_length);
	sb_fmt(&r->seen, "%s%s", d->keep_alive ? " keep" : "",
	       d->expect_continue ? " expect" : "");
	for (size_t i = 0; i < d->header_n; i++)
		sb_fmt(&r->seen, " %.*s=%.*s", SARG(d->headers[i].name),
		       SARG(d->headers[i].value));
	sb_lit(&r->seen, " [");
}

static void feed(struct reader *r, struct slice in)
{
	struct slice body;

	while (!r->over) {
		switch (http1_next(&r->h, &in, &body)) {
		case HTTP1_MORE:
			CHECK_INT(in.n, 0);
			return;
		case HTTP1_HEAD:
			write_head(r);
			break;
		case HTTP1_BODY:
			CHECK(body.n > 0);
			sb_str(&r->seen, body);
			break;
		case HTTP1_DONE:
			sb_lit(&r->seen, "]\n");
			http1_begin(&r->h, &r->arena, r->head_request);
			break;
		case HTTP1_ERROR:
			sb_fmt(&r->seen, "!%u %s", r->h.status, r->h.why);
			r->over = true;
			/* An error stays. */
			CHECK(http1_next(&r->h, &in, &body) == HTTP1_ERROR);
			CHECK_RC(http1_eof(&r->h), E_CLOSED);
			break;
		}
	}
}

static void finish(struct reader *r)
{
	if (!r->over)
		sb_lit(&r->seen, http1_eof(&r->h) == OK ? "." : "cut off");
	arena_free(&r->arena);
	CHECK(!r->seen.cut);
}

/* Reads `in` whole; the text lives in `r`. */
static struct slice read_whole(struct reader *r, enum http1_kind kind, struct slice in,
			       bool head_request)
{
	struct test_mem t;

	test_mem_init(&t, 0);
	reader_init(r, &t, kind);
	r->head_request = head_request;
	http1_begin(&r->h, &r->arena, head_request);
	feed(r, in);
	finish(r);
	CHECK_INT(t.live, 0);
	return sb_slice(&r->seen);
}

struct example {
	enum http1_kind kind;
	struct slice in;
	const char *seen;
	bool head_request;
};

#define REQ HTTP1_REQUEST
#define RES HTTP1_RESPONSE

static const struct example examples[] = {
	{ REQ, LITC(GET "\r\n"), "GET / 1.1 none keep Host=h []\n." },
	{ REQ, LITC("GET / HTTP/1.0\r\n\r\n"), "GET / 1.0 none []\n." },
	{ REQ, LITC("GET / HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n"),
	  "GET / 1.0 none keep Connection=Keep-Alive []\n." },
	{ REQ,
	  LITC("POST /v1/chat?a=b HTTP/1.1\r\nhost: [::1]:80\r\nContent-Length: 5\r\n\r\n"
	       "hello"),
	  "POST /v1/chat?a=b 1.1 length=5 keep host=[::1]:80 Content-Length=5 [hello]\n." },
	{ REQ, LITC(POST "content-length:  0 \r\nX-Empty:\r\nX-Blank: \t \r\n\r\n"),
	  "POST / 1.1 length=0 keep Host=h content-length=0 X-Empty= X-Blank= []\n." },
	{ REQ,
	  LITC(POST "Transfer-Encoding:  ChunKed \r\n\r\n"
		    "5\r\nhello\r\n06;a=\"b c\";d\r\n world\r\n0000\r\n\r\n"),
	  "POST / 1.1 chunked keep Host=h Transfer-Encoding=ChunKed [hello world]\n." },
	{ REQ,
	  LITC(POST CHUNK "\r\nA\r\n0123456789\r\n0\r\nX-Sum: 1\r\nHost: b\r\n"
			  "Content-Length: 9\r\n\r\n" NEXT),
	  "POST / 1.1 chunked keep Host=h Transfer-Encoding=chunked [0123456789]\n"
	  "GET /next 1.1 none keep Host=h []\n." },
	{ REQ, LITC(POST "Content-Length: 3\r\n\r\nabc" GET "\r\n" NEXT),
	  "POST / 1.1 length=3 keep Host=h Content-Length=3 [abc]\n"
	  "GET / 1.1 none keep Host=h []\nGET /next 1.1 none keep Host=h []\n." },
	{ REQ, LITC("\r\n\r\n" GET "\r\n\r\n" NEXT),
	  "GET / 1.1 none keep Host=h []\nGET /next 1.1 none keep Host=h []\n." },
	{ REQ, LITC(GET "Connection: x, CLOSE\r\n\r\n"),
	  "GET / 1.1 none Host=h Connection=x, CLOSE []\n." },
	{ REQ, LITC(GET "Connection: keep-alive\r\nConnection: close\r\n\r\n"),
	  "GET / 1.1 none Host=h Connection=keep-alive Connection=close []\n." },
	{ REQ, LITC(POST "Expect: 100-Continue\r\nContent-Length: 1\r\n\r\nx"),
	  "POST / 1.1 length=1 keep expect Host=h Expect=100-Continue Content-Length=1 "
	  "[x]\n." },
	/* RFC 9110, 10.1.1: not for HTTP/1.0 */
	{ REQ, LITC("POST / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n"),
	  "POST / 1.0 none Expect=100-continue []\n." },
	{ REQ, LITC("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"),
	  "OPTIONS * 1.1 none keep Host=h []\n." },
	{ REQ, LITC("GET http://a:8080/x HTTP/1.1\r\n" HOST "\r\n"),
	  "GET http://a:8080/x 1.1 none keep Host=h []\n." },
	/* An upgrade is not followed: what comes next is the next request. */
	{ REQ, LITC(GET "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n" NEXT),
	  "GET / 1.1 none keep Host=h Connection=Upgrade, HTTP2-Settings Upgrade=h2c []\n"
	  "GET /next 1.1 none keep Host=h []\n." },
	{ REQ,
	  LITC(POST "Connection: upgrade\r\nUpgrade: websocket\r\n"
		    "Content-Length: 2\r\n\r\nab" NEXT),
	  "POST / 1.1 length=2 keep Host=h Connection=upgrade Upgrade=websocket "
	  "Content-Length=2 [ab]\nGET /next 1.1 none keep Host=h []\n." },
	{ REQ, LITC(GET "X: caf\xc3\xa9\t~\r\n\r\n"),
	  "GET / 1.1 none keep Host=h X=caf\xc3\xa9\t~ []\n." },
	{ REQ, LITC(""), "." },
	{ REQ, LITC("\r\n"), "." },
	{ REQ, LITC("G"), "cut off" },
	{ REQ, LITC(GET), "cut off" },
	{ REQ, LITC(POST "Content-Length: 3\r\n\r\nab"),
	  "POST / 1.1 length=3 keep Host=h Content-Length=3 [abcut off" },
	{ REQ, LITC(POST CHUNK "\r\n1\r\na\r\n0\r\n"),
	  "POST / 1.1 chunked keep Host=h Transfer-Encoding=chunked [acut off" },

	{ RES, LITC("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"),
	  "1.1 200 length=2 keep Content-Length=2 [ok]\n." },
	{ RES, LITC("HTTP/1.1 429\r\nContent-Length: 0\r\nretry-after: 7\r\n\r\n"),
	  "1.1 429 length=0 keep Content-Length=0 retry-after=7 []\n." },
	{ RES, LITC("HTTP/1.1 200 \r\n\r\nall of it"), "1.1 200 until-close [all of it." },
	{ RES, LITC("HTTP/1.0 200 It's \xc3\xbc OK\r\nConnection: keep-alive\r\n\r\nx"),
	  "1.0 200 until-close Connection=keep-alive [x." },
	{ RES,
	  LITC("HTTP/1.1 100 Continue\r\nX: y\r\n\r\nHTTP/1.1 103 Early Hints\r\n\r\n"
	       "HTTP/1.1 200 OK\r\n" CHUNK "\r\n2\r\nab\r\n0\r\n\r\n"),
	  "1.1 200 chunked keep Transfer-Encoding=chunked [ab]\n." },
	{ RES, LITC("HTTP/1.1 100 Continue\r\n\r\n"), "cut off" },
	{ RES,
	  LITC("HTTP/1.1 204 No Content\r\n\r\nHTTP/1.1 304 Not Modified\r\n"
	       "Content-Length: 99\r\n\r\n"),
	  "1.1 204 none keep []\n1.1 304 none keep Content-Length=99 []\n." },
	/* A 204 that announces a body leaves a connection in doubt. */
	{ RES, LITC("HTTP/1.1 204 No Content\r\nContent-Length: 9\r\n\r\n"),
	  "1.1 204 none Content-Length=9 []\n." },
	{ RES, LITC("HTTP/1.1 204 No Content\r\n" CHUNK "\r\n"),
	  "1.1 204 none Transfer-Encoding=chunked []\n." },
	{ RES,
	  LITC("HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nHTTP/1.1 200 OK\r\n" CHUNK "\r\n"),
	  "1.1 200 none keep Content-Length=5 []\n1.1 200 none keep "
	  "Transfer-Encoding=chunked []\n.",
	  true },
	{ RES, LITC("HTTP/1.1 200 OK\r\n\r\n"), "1.1 200 none keep []\n.", true },
};

static void messages_are_read(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(examples); i++) {
		const struct example *e = &examples[i];
		struct reader r;

		CHECK_SLICE(read_whole(&r, e->kind, e->in, e->head_request), e->seen);
	}
}

/* ---- what is refused ----------------------------------------------------------------------
 */

struct refusal {
	struct slice in;
	unsigned status;
	const char *why;
	int heads; /* read before it was noticed */
};

/* Each is tried with another request behind it, which must not be read. */
static const struct refusal refusals[] = {
	/* two lengths */
	{ LITC(POST "Content-Length: 6\r\n" CHUNK "\r\n0\r\n\r\nG"), 400,
	  "http1.transfer_encoding" },
	{ LITC(POST CHUNK "Content-Length: 6\r\n\r\n0\r\n\r\nG"), 400, "http1.content_length" },
	{ LITC(POST "Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello"), 400,
	  "http1.content_length" },
	{ LITC(POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello"), 400,
	  "http1.content_length" },
	{ LITC(POST "Content-Length: 5, 5\r\n\r\nhello"), 400, "http1.content_length" },
	/* a length that is no number */
	{ LITC(POST "Content-Length: +5\r\n\r\nhello"), 400, "http1.content_length" },
	{ LITC(POST "Content-Length: -5\r\n\r\nhello"), 400, "http1.content_length" },
	{ LITC(POST "Content-Length: 0x5\r\n\r\nhello"), 400, "http1.content_length" },
	{ LITC(POST "Content-Length: 1 1\r\n\r\nhello"), 400, "http1.content_length" },
	{ LITC(POST "Content-Length: 5;\r\n\r\nhello"), 400, "http1.content_length" },
	{ LITC(POST "Content-Length: \"5\"\r\n\r\nhello"), 400, "http1.content_length" },
	{ LITC(POST "Content-Length:\r\n\r\nhello"), 400, "http1.content_length" },
	{ LITC(POST "Content-Length: 18446744073709551616\r\n\r\n"), 400,
	  "http1.content_length" },
	{ LITC(POST "Content-Length: 99999999999999999999999\r\n\r\n"), 400,
	  "http1.content_length" },
	/* a coding that is not just chunked */
	{ LITC(POST "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n"), 501,
	  "http1.transfer_encoding" },
	{ LITC(POST "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n"), 501,
	  "http1.transfer_encoding" },
	{ LITC(POST "Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n"), 400,
	  "http1.transfer_encoding" },
	{ LITC(POST "Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n"), 400,
	  "http1.transfer_encoding" },
	{ LITC(POST "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n"), 501,
	  "http1.transfer_encoding" },
	{ LITC(POST "Transfer-Encoding: \"chunked\"\r\n\r\n0\r\n\r\n"), 501,
	  "http1.transfer_encoding" },
	{ LITC(POST "Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n"), 501,
	  "http1.transfer_encoding" },
	{ LITC(POST "Transfer-Encoding:\r\n\r\n0\r\n\r\n"), 501, "http1.transfer_encoding" },
	{ LITC(POST CHUNK CHUNK "\r\n0\r\n\r\n"), 400, "http1.transfer_encoding" },
	{ LITC(POST CHUNK "Transfer-Encoding: identity\r\n\r\n0\r\n\r\n"), 400,
	  "http1.transfer_encoding" },
	{ LITC(POST "Transfer-Encoding:\vchunked\r\n\r\n0\r\n\r\n"), 400, "http1.header" },
	{ LITC(POST "Transfer-Encoding: \0chunked\r\n\r\n0\r\n\r\n"), 400, "http1.header" },
	{ LITC("POST / HTTP/1.0\r\n" HOST CHUNK "\r\n0\r\n\r\n"), 400,
	  "http1.transfer_encoding" },
	/* names that some trim */
	{ LITC(POST "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n"), 400, "http1.header" },
	{ LITC(POST "Content-Length\t: 5\r\n\r\nhello"), 400, "http1.header" },
	{ LITC(POST " Content-Length: 5\r\n\r\nhello"), 400, "http1.fold" },
	{ LITC(POST "X: y\r\n Content-Length: 5\r\n\r\nhello"), 400, "http1.fold" },
	{ LITC(POST "X: y\r\n\tz\r\n\r\n"), 400, "http1.fold" },
	{ LITC(POST "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n"), 400, "http1.fold" },
	{ LITC("GET / HTTP/1.1\r\n Host: h\r\n\r\n"), 400, "http1.fold" },
	{ LITC(POST "X: y\r\n \r\n\r\n"), 400, "http1.fold" },
	{ LITC(POST "Content-Length\0: 5\r\n\r\nhello"), 400, "http1.header" },
	{ LITC(POST "Content\xc2\xa0Length: 5\r\n\r\nhello"), 400, "http1.header" },
	{ LITC(POST "(X): 5\r\n\r\n"), 400, "http1.header" },
	{ LITC(POST ": 5\r\n\r\n"), 400, "http1.header" },
	{ LITC(POST "X\r\n\r\n"), 400, "http1.header" },
	/* line ends */
	{ LITC(POST "X: y\nContent-Length: 5\r\n\r\nhello"), 400, "http1.line_end" },
	{ LITC(POST "X: y\rContent-Length: 5\r\n\r\nhello"), 400, "http1.line_end" },
	{ LITC(POST "X: y\r\r\n\r\n"), 400, "http1.line_end" },
	{ LITC(POST "X: y\r\n\n"), 400, "http1.line_end" },
	{ LITC(POST "X: y\n\n"), 400, "http1.line_end" },
	{ LITC(POST "\rX: y\r\n\r\n"), 400, "http1.line_end" },
	{ LITC("GET / HTTP/1.1\n" HOST "\r\n"), 400, "http1.line_end" },
	{ LITC("GET / HTTP/1.1\r" HOST "\r\n"), 400, "http1.line_end" },
	{ LITC("GET /\rX HTTP/1.1\r\n" HOST "\r\n"), 400, "http1.line_end" },
	{ LITC("\n" GET "\r\n"), 400, "http1.start_line" },
	{ LITC("\rGET / HTTP/1.1\r\n" HOST "\r\n"), 400, "http1.line_end" },
	{ LITC("\r\n\r\n\r\n\r\n\r\n" GET "\r\n"), 400, "http1.line_end" },
	/* other bytes */
	{ LITC(GET "X: a\0b\r\n\r\n"), 400, "http1.header" },
	{ LITC(GET "X: a\x7f\r\n\r\n"), 400, "http1.header" },
	{ LITC(GET "X: a\x01\r\n\r\n"), 400, "http1.header" },
	{ LITC("\x16\x03\x01\x02"), 400, "http1.start_line" },
	{ LITC("\0"), 400, "http1.start_line" },
	/* start lines */
	{ LITC("GET  / HTTP/1.1\r\n" HOST "\r\n"), 400, "http1.start_line" },
	{ LITC("GET /  HTTP/1.1\r\n" HOST "\r\n"), 400, "http1.start_line" },
	{ LITC("GET / HTTP/1.1 \r\n" HOST "\r\n"), 400, "http1.start_line" },
	{ LITC("GET / a HTTP/1.1\r\n" HOST "\r\n"), 400, "http1.start_line" },
	{ LITC("GET\t/ HTTP/1.1\r\n" HOST "\r\n"), 400, "http1.start_line" },
	{ LITC(" GET / HTTP/1.1\r\n" HOST "\r\n"), 400, "http1.start_line" },
	{ LITC("GET /\r\n\r\n"), 400, "http1.start_line" },
	{ LITC("GET / http/1.1\r\n" HOST "\r\n"), 400, "http1.start_line" },
	{ LITC("GET / HTTP/1.10\r\n" HOST "\r\n"), 400, "http1.start_line" },
	{ LITC("GET / RTSP/1.0\r\n" HOST "\r\n"), 400, "http1.start_line" },
	{ LITC("SOURCE / ICE/1.0\r\n" HOST "\r\n"), 400, "http1.start_line" },
	{ LITC("GET / HTTP/1.2\r\n" HOST "\r\n"), 505, "http1.version" },
	{ LITC("GET / HTTP/0.9\r\n" HOST "\r\n"), 505, "http1.version" },
	{ LITC("GET / HTTP/2.0\r\n" HOST "\r\n"), 505, "http1.version" },
	{ LITC("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), 505, "http1.version" },
	{ LITC("BREW / HTTP/1.1\r\n" HOST "\r\n"), 501, "http1.method" },
	{ LITC("get / HTTP/1.1\r\n" HOST "\r\n"), 501, "http1.method" },
	{ LITC("GETS / HTTP/1.1\r\n" HOST "\r\n"), 501, "http1.method" },
	{ LITC("DESCRIBE / HTTP/1.1\r\n" HOST "\r\n"), 501, "http1.method" },
	{ LITC("CONNECT h:443 HTTP/1.1\r\n" HOST "\r\n"), 501, "http1.method" },
	{ LITC("GET * HTTP/1.1\r\n" HOST "\r\n"), 400, "http1.target" },
	{ LITC("GET v1 HTTP/1.1\r\n" HOST "\r\n"), 400, "http1.target" },
	{ LITC("GET h:443 HTTP/1.1\r\n" HOST "\r\n"), 400, "http1.target" },
	{ LITC("GET /#f HTTP/1.1\r\n" HOST "\r\n"), 400, "http1.target" },
	{ LITC("GET /\xc3\xa9 HTTP/1.1\r\n" HOST "\r\n"), 400, "http1.target" },
	{ LITC("GET /\0 HTTP/1.1\r\n" HOST "\r\n"), 400, "http1.target" },
	{ LITC("GET http:///x HTTP/1.1\r\n" HOST "\r\n"), 400, "http1.target" },
	{ LITC("GET http://u@h/x HTTP/1.1\r\n" HOST "\r\n"), 400, "http1.target" },
	{ LITC("GET ftp://h/x HTTP/1.1\r\n" HOST "\r\n"), 400, "http1.target" },
	/* hosts */
	{ LITC("GET / HTTP/1.1\r\n\r\n"), 400, "http1.host" },
	{ LITC(GET HOST "\r\n"), 400, "http1.host" },
	{ LITC(GET "hOST: evil\r\n\r\n"), 400, "http1.host" },
	{ LITC("GET / HTTP/1.0\r\n" HOST HOST "\r\n"), 400, "http1.host" },
	{ LITC("GET / HTTP/1.1\r\nHost:\r\n\r\n"), 400, "http1.host" },
	{ LITC("GET / HTTP/1.1\r\nHost: a, b\r\n\r\n"), 400, "http1.host" },
	{ LITC("GET / HTTP/1.1\r\nHost: a/b\r\n\r\n"), 400, "http1.host" },
	{ LITC("GET / HTTP/1.1\r\nHost: u@a\r\n\r\n"), 400, "http1.host" },
	{ LITC("GET / HTTP/1.1\r\nHost: a:99999\r\n\r\n"), 400, "http1.host" },
/* chunks */
#define CHUNKED POST CHUNK "\r\n"
	{ LITC(CHUNKED "+5\r\nhello\r\n0\r\n\r\n"), 400, "http1.bad_chunk", 1 },
	{ LITC(CHUNKED "-5\r\nhello\r\n0\r\n\r\n"), 400, "http1.bad_chunk", 1 },
	{ LITC(CHUNKED "0x5\r\nhello\r\n0\r\n\r\n"), 400, "http1.bad_chunk", 1 },
	{ LITC(CHUNKED " 5\r\nhello\r\n0\r\n\r\n"), 400, "http1.bad_chunk", 1 },
	{ LITC(CHUNKED "5 \r\nhello\r\n0\r\n\r\n"), 400, "http1.bad_chunk", 1 },
	{ LITC(CHUNKED "5 ;a\r\nhello\r\n0\r\n\r\n"), 400, "http1.bad_chunk", 1 },
	{ LITC(CHUNKED "5\t\r\nhello\r\n0\r\n\r\n"), 400, "http1.bad_chunk", 1 },
	{ LITC(CHUNKED "\r\nhello\r\n0\r\n\r\n"), 400, "http1.bad_chunk", 1 },
	{ LITC(CHUNKED ";a\r\nhello\r\n0\r\n\r\n"), 400, "http1.bad_chunk", 1 },
	{ LITC(CHUNKED "g\r\nhello\r\n0\r\n\r\n"), 400, "http1.bad_chunk", 1 },
	{ LITC(CHUNKED "5\nhello\r\n0\r\n\r\n"), 400, "http1.bad_chunk", 1 },
	{ LITC(CHUNKED "5\rhello\r\n0\r\n\r\n"), 400, "http1.bad_chunk", 1 },
	{ LITC(CHUNKED "5;a\nhello\r\n0\r\n\r\n"), 400, "http1.bad_chunk", 1 },
	{ LITC(CHUNKED "5;a\rb\r\nhello\r\n0\r\n\r\n"), 400, "http1.bad_chunk", 1 },
	{ LITC(CHUNKED "5;\0\r\nhello\r\n0\r\n\r\n"), 400, "http1.bad_chunk", 1 },
	{ LITC(CHUNKED "5\r\nhello\n0\r\n\r\n"), 400, "http1.bad_chunk", 1 },
	{ LITC(CHUNKED "5\r\nhello0\r\n\r\n"), 400, "http1.bad_chunk", 1 },
	{ LITC(CHUNKED "5\r\nhello!\r\n0\r\n\r\n"), 400, "http1.bad_chunk", 1 },
	{ LITC(CHUNKED "5\r\nhello\rX0\r\n\r\n"), 400, "http1.bad_chunk", 1 },
	{ LITC(CHUNKED "10000000000000005\r\nhello\r\n0\r\n\r\n"), 400, "http1.bad_chunk", 1 },
	{ LITC(CHUNKED "00000000000000005\r\nhello\r\n0\r\n\r\n"), 400, "http1.bad_chunk", 1 },
	{ LITC(CHUNKED "0\n\r\n"), 400, "http1.bad_chunk", 1 },
	{ LITC(CHUNKED "0\r\n\n"), 400, "http1.bad_trailer", 1 },
	{ LITC(CHUNKED "0\r\nGET / HTTP/1.1\r\n"), 400, "http1.bad_trailer", 1 },
	{ LITC(CHUNKED "0\r\nX : y\r\n\r\n"), 400, "http1.bad_trailer", 1 },
	{ LITC(CHUNKED "0\r\nX: y\r\n z\r\n\r\n"), 400, "http1.bad_trailer", 1 },
	{ LITC(CHUNKED "0\r\nX: y\nZ: z\r\n\r\n"), 400, "http1.bad_trailer", 1 },
	{ LITC(CHUNKED "0\r\nX: y\rZ: z\r\n\r\n"), 400, "http1.bad_trailer", 1 },
	{ LITC(CHUNKED "0\r\n: y\r\n\r\n"), 400, "http1.bad_trailer", 1 },
	{ LITC(CHUNKED "0\r\nX: \0\r\n\r\n"), 400, "http1.bad_trailer", 1 },
	{ LITC(CHUNKED "0\r\n\rX"), 400, "http1.bad_trailer", 1 },
};

static void check_refused(enum http1_kind kind, const struct refusal *w)
{
	char in[512], want[64];
	struct reader r;
	struct slice seen;

	CHECK(w->in.n + sizeof(NEXT) <= sizeof(in));
	memcpy(in, w->in.p, w->in.n);
	memcpy(in + w->in.n, NEXT, sizeof(NEXT) - 1);
	snprintf(want, sizeof(want), "!%u %s", w->status, w->why);
	seen = read_whole(&r, kind, slice_of(in, w->in.n + sizeof(NEXT) - 1), false);
	if (!slice_ends(seen, slice_cstr(want)) || r.heads != w->heads)
		fail_msg("%.*s\nwanted %s after %d, got %.*s", SARG(w->in), want, w->heads,
			 SARG(seen));
}

static void what_could_smuggle_a_request_is_refused(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		check_refused(HTTP1_REQUEST, &refusals[i]);
}

static const struct refusal bad_responses[] = {
	{ LITC("HTTP/1.1 101 Switching Protocols\r\n\r\n"), 400, "http1.switched" },
	{ LITC("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n" CHUNK "\r\n"), 400,
	  "http1.transfer_encoding" },
	{ LITC("HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n"), 400,
	  "http1.content_length" },
	{ LITC("HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n"), 501,
	  "http1.transfer_encoding" },
	{ LITC("HTTP/1.0 200 OK\r\n" CHUNK "\r\n"), 400, "http1.transfer_encoding" },
	{ LITC("HTTP/1.1 200 OK\nX: y\r\n\r\n"), 400, "http1.line_end" },
	{ LITC("HTTP/1.1 200 O\rK\r\n\r\n"), 400, "http1.line_end" },
	{ LITC("HTTP/1.1 200 OK\r\nX: y\r\n z\r\n\r\n"), 400, "http1.fold" },
	{ LITC("HTTP/1.1 200 OK\r\nX : y\r\n\r\n"), 400, "http1.header" },
	{ LITC("HTTP/1.1 200 O\0K\r\n\r\n"), 400, "http1.start_line" },
	{ LITC("HTTP/1.1 20 OK\r\n\r\n"), 400, "http1.start_line" },
	{ LITC("HTTP/1.1 2000 OK\r\n\r\n"), 400, "http1.start_line" },
	{ LITC("HTTP/1.1 600 OK\r\n\r\n"), 400, "http1.start_line" },
	{ LITC("HTTP/1.1 099 OK\r\n\r\n"), 400, "http1.start_line" },
	{ LITC("HTTP/1.1 +20 OK\r\n\r\n"), 400, "http1.start_line" },
	{ LITC("HTTP/1.1  200 OK\r\n\r\n"), 400, "http1.start_line" },
	{ LITC("HTTP/1.1\r\n\r\n"), 400, "http1.start_line" },
	{ LITC("HTTP/2 200 OK\r\n\r\n"), 400, "http1.start_line" },
	{ LITC("ICY 200 OK\r\n\r\n"), 400, "http1.start_line" },
	{ LITC("\r\nHTTP/1.1 200 OK\r\n\r\n"), 400, "http1.start_line" },
	{ LITC("<html>"), 400, "http1.start_line" },
	{ LITC("HTTP/1.1 200 OK\r\n" CHUNK "\r\n5 \r\nhello\r\n"), 400, "http1.bad_chunk", 1 },
	{ LITC("HTTP/1.1 100 Continue\r\n\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"), 400,
	  "http1.start_line" },
};

static void a_malformed_response_is_refused(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(bad_responses); i++)
		check_refused(HTTP1_RESPONSE, &bad_responses[i]);
}

/* ---- cuts ------------------------------------------------------------------------------- */

static void check_cut(enum http1_kind kind, struct slice in, bool head_request, size_t cut,
		      struct slice want)
{
	struct test_mem t;
	struct reader r;

	test_mem_init(&t, 0);
	reader_init(&r, &t, kind);
	r.head_request = head_request;
	http1_begin(&r.h, &r.arena, head_request);
	if (cut == SLICE_NONE) { /* byte by byte */
		for (size_t i = 0; i < in.n; i++)
			feed(&r, slice_of(in.p + i, 1));
	} else {
		feed(&r, slice_head(in, cut));
		feed(&r, slice_skip(in, cut));
	}
	finish(&r);
	CHECK_INT(t.live, 0);
	if (!slice_eq(sb_slice(&r.seen), want))
		fail_msg("cut at %zu: %.*s\nwhole: %.*s", cut, SARG(sb_slice(&r.seen)),
			 SARG(want));
}

static void check_all_cuts(enum http1_kind kind, struct slice in, bool head_request)
{
	struct reader whole;
	struct slice want = read_whole(&whole, kind, in, head_request);

	for (size_t cut = 0; cut <= in.n; cut++)
		check_cut(kind, in, head_request, cut, want);
	check_cut(kind, in, head_request, SLICE_NONE, want);
}

static void any_cut_gives_the_same_result(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(examples); i++)
		check_all_cuts(examples[i].kind, examples[i].in, examples[i].head_request);
	for (size_t i = 0; i < ARRAY_LEN(refusals); i++)
		check_all_cuts(HTTP1_REQUEST, refusals[i].in, false);
	for (size_t i = 0; i < ARRAY_LEN(bad_responses); i++)
		check_all_cuts(HTTP1_RESPONSE, bad_responses[i].in, false);
}

/* ---- limits ----------------------------------------------------------------------------- */

/* `before`, then `fill` as often as it takes to be `n` bytes, then `after`. */
static struct slice filled(char *room, const char *before, char fill, size_t n,
			   const char *after)
{
	size_t b = strlen(before), a = strlen(after);

	memcpy(room, before, b);
	memset(room + b, fill, n - b - a);
	memcpy(room + n - a, after, a);
	return slice_of(room, n);
}

static void check_limit(enum http1_kind kind, struct slice in, const char *end)
{
	struct reader r;
	struct slice seen = read_whole(&r, kind, in, false);

	if (!slice_ends(seen, slice_cstr(end)))
		fail_msg("wanted ... %s, got %.*s", end, SARG(slice_head(seen, 200)));
	check_cut(kind, in, false, SLICE_NONE, seen);
	check_cut(kind, in, false, in.n / 2, seen);
	check_cut(kind, in, false, in.n - 1, seen);
}

static void a_head_over_its_limit_is_refused(void **state UNUSED)
{
	char room[2 * HEAD_MAX];

	check_limit(HTTP1_REQUEST, filled(room, GET "X: ", 'x', HEAD_MAX, "\r\n\r\n"), "[]\n.");
	check_limit(HTTP1_REQUEST, filled(room, GET "X: ", 'x', HEAD_MAX + 1, "\r\n\r\n"),
		    "!431 http1.header_too_large");
	check_limit(HTTP1_REQUEST, filled(room, GET "X: ", 'x', HEAD_MAX + 500, "\r\n\r\n"),
		    "!431 http1.header_too_large");
	check_limit(HTTP1_REQUEST, filled(room, "GET /", 'x', HEAD_MAX + 99, " HTTP/1.1\r\n"),
		    "!414 http1.uri_too_long");
	check_limit(HTTP1_RESPONSE, filled(room, "HTTP/1.1 200 ", 'x', HEAD_MAX + 1, "\r\n"),
		    "!431 http1.header_too_large");
}

static void a_head_has_at_most_so_many_headers(void **state UNUSED)
{
	for (int n = HTTP1_HEADERS_MAX - 1; n <= HTTP1_HEADERS_MAX; n++) {
		char room[HEAD_MAX];
		struct sb b;

		sb_init(&b, room, sizeof(room));
		sb_lit(&b, GET);
		for (int i = 0; i < n; i++)
			sb_fmt(&b, "x%d: %d\r\n", i, i);
		sb_lit(&b, "\r\n");
		CHECK(!b.cut);
		check_limit(HTTP1_REQUEST, sb_slice(&b),
			    n < HTTP1_HEADERS_MAX ? " x98=98 []\n."
						  : "!431 http1.too_many_headers");
	}
}

static void a_chunk_line_and_the_trailers_have_limits(void **state UNUSED)
{
	char room[3 * HEAD_MAX];

	check_limit(
		HTTP1_REQUEST,
		filled(room, CHUNKED "1;", 'x', sizeof(CHUNKED) + 1000, "\r\na\r\n0\r\n\r\n"),
		"[a]\n.");
	check_limit(
		HTTP1_REQUEST,
		filled(room, CHUNKED "1;", 'x', sizeof(CHUNKED) + 1100, "\r\na\r\n0\r\n\r\n"),
		"!400 http1.bad_chunk");
	check_limit(HTTP1_REQUEST,
		    filled(room, CHUNKED "0\r\nX:", 'x', sizeof(CHUNKED) - 1 + 3 + HEAD_MAX,
			   "\r\n\r\n"),
		    "[]\n.");
	check_limit(HTTP1_REQUEST,
		    filled(room, CHUNKED "0\r\nX:", 'x', sizeof(CHUNKED) + 3 + HEAD_MAX,
			   "\r\n\r\n"),
		    "!431 http1.trailer_too_large");
}

static void interim_responses_are_passed_over_but_not_for_ever(void **state UNUSED)
{
	for (int n = HTTP1_INTERIM_MAX; n <= HTTP1_INTERIM_MAX + 1; n++) {
		char room[1024];
		struct sb b;

		sb_init(&b, room, sizeof(room));
		for (int i = 0; i < n; i++)
			sb_lit(&b, "HTTP/1.1 102 Processing\r\n\r\n");
		sb_lit(&b, "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
		check_limit(HTTP1_RESPONSE, sb_slice(&b),
			    n == HTTP1_INTERIM_MAX ? "[]\n." : "!400 http1.interim");
	}
}

static void a_huge_length_is_only_a_number(void **state UNUSED)
{
	struct slice in = LIT(POST "Content-Length: 18446744073709551615\r\n\r\nab"), body;
	struct test_mem t;
	struct reader r;

	test_mem_init(&t, 0);
	reader_init(&r, &t, HTTP1_REQUEST);
	CHECK(http1_next(&r.h, &in, &body) == HTTP1_HEAD);
	CHECK(r.h.head.content_length == UINT64_MAX);
	CHECK(http1_next(&r.h, &in, &body) == HTTP1_BODY);
	CHECK_SLICE(body, "ab");
	CHECK(http1_next(&r.h, &in, &body) == HTTP1_MORE);
	CHECK_RC(http1_eof(&r.h), E_CLOSED);
	arena_free(&r.arena);
}

/* ---- memory ----------------------------------------------------------------------------- */

static void sweep_body(struct test_mem *t)
{
	static const struct slice in =
		LITC(POST CHUNK "a: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\n"
				"a: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\n"
				"a: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\n"
				"a: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\na: 1\r\n"
				"\r\n1\r\na\r\n0\r\n\r\n");

	for (size_t piece = 7; piece <= in.n; piece += in.n - 7) {
		struct slice rest = in;
		struct reader r;

		reader_init(&r, t, HTTP1_REQUEST);
		while (rest.n > 0) {
			feed(&r, slice_head(rest, piece));
			rest = slice_skip(rest, piece);
		}
		if (r.over)
			CHECK_SLICE(sb_slice(&r.seen), "!503 http1.memory");
		else
			CHECK(slice_ends(sb_slice(&r.seen), LIT("[a]\n")));
		arena_free(&r.arena);
	}
}

static void reading_survives_failing_memory(void **state UNUSED)
{
	sweep(sweep_body);
}

/* ---- the rest --------------------------------------------------------------------------- */

static void a_connection_is_untouched_until_the_first_byte_of_a_message(void **state UNUSED)
{
	struct slice in = LIT("\r\n\r"), body;
	struct test_mem t;
	struct reader r;

	test_mem_init(&t, 0);
	reader_init(&r, &t, HTTP1_REQUEST);
	CHECK(http1_untouched(&r.h));
	CHECK(http1_next(&r.h, &in, &body) == HTTP1_MORE);
	CHECK(http1_untouched(&r.h));
	in = LIT("\nG");
	CHECK(http1_next(&r.h, &in, &body) == HTTP1_MORE);
	CHECK(!http1_untouched(&r.h));
	CHECK_RC(http1_eof(&r.h), E_CLOSED);
	http1_begin(&r.h, &r.arena, false);
	CHECK(http1_untouched(&r.h));
	in = LIT(GET "\r\n");
	CHECK(http1_next(&r.h, &in, &body) == HTTP1_HEAD);
	CHECK(!http1_untouched(&r.h));
	CHECK_RC(http1_eof(&r.h), OK); /* no body: it is whole */
	CHECK(http1_next(&r.h, &in, &body) == HTTP1_DONE);
	CHECK(http1_next(&r.h, &in, &body) == HTTP1_DONE); /* until it is begun again */
	arena_free(&r.arena);
}

static void a_body_is_handed_over_without_a_copy(void **state UNUSED)
{
	struct slice in = LIT(POST "Content-Length: 5\r\n\r\nhello" NEXT), body, all = in;
	struct test_mem t;
	struct reader r;

	test_mem_init(&t, 0);
	reader_init(&r, &t, HTTP1_REQUEST);
	CHECK(http1_next(&r.h, &in, &body) == HTTP1_HEAD);
	CHECK(r.h.head.method.p < all.p || r.h.head.method.p >= all.p + all.n);
	CHECK(http1_next(&r.h, &in, &body) == HTTP1_BODY);
	CHECK(body.p > all.p && body.p + body.n == in.p);
	CHECK(http1_next(&r.h, &in, &body) == HTTP1_DONE);
	CHECK(slice_eq(in, LIT(NEXT)));
	arena_free(&r.arena);
}

static void headers_are_found_whatever_their_case(void **state UNUSED)
{
	struct header fields[] = {
		{ LITC("X-A"), LITC("1") },
		{ LITC("x-a"), LITC("2") },
		{ LITC("X-B"), LITC("") },
	};
	const struct http_head h = { .headers = fields, .header_n = ARRAY_LEN(fields) };

	CHECK_SLICE(http_header(&h, LIT("x-A")), "1");
	CHECK_SLICE(http_header(&h, LIT("x-b")), "");
	CHECK(http_header_find(&h, LIT("x-b")) == &fields[2]);
	CHECK(http_header_find(&h, LIT("x-c")) == NULL);
}

static void a_value_that_could_break_a_head_is_told(void **state UNUSED)
{
	CHECK(http1_value_ok(LIT("")));
	CHECK(http1_value_ok(LIT("text/plain;\tcharset=\"\xc3\xbc\"")));
	CHECK(!http1_value_ok(LIT("a\r\nb: c")));
	CHECK(!http1_value_ok(LIT("a\nb")));
	CHECK(!http1_value_ok(LIT("a\rb")));
	CHECK(!http1_value_ok(LIT("a\0b")));
	CHECK(!http1_value_ok(LIT("\x7f")));
	CHECK(http1_name_ok(LIT("x-request-id_1.~|")));
	CHECK(!http1_name_ok(LIT("")));
	CHECK(!http1_name_ok(LIT("a b")));
	CHECK(!http1_name_ok(LIT("a:")));
	CHECK(!http1_name_ok(LIT("a\0")));
	CHECK(!http1_name_ok(LIT("\xc3\xbc")));
}

static void heads_and_chunk_lines_are_written(void **state UNUSED)
{
	char room[64], line[HTTP1_CHUNK_LINE_MAX];
	struct sb b;

	sb_init(&b, room, sizeof(room));
	http1_put(&b, LIT("Content-Type"), LIT("text/plain"));
	CHECK_SLICE(sb_slice(&b), "Content-Type: text/plain\r\n");
	CHECK_SLICE(http1_chunk_line(line, 1), "1\r\n");
	CHECK_SLICE(http1_chunk_line(line, 500), "1f4\r\n");
	CHECK_SLICE(http1_chunk_line(line, SIZE_MAX), "ffffffffffffffff\r\n");
	CHECK_SLICE(http_reason(503), "Service Unavailable");
	CHECK_SLICE(http_reason(100), "Continue");
	CHECK_SLICE(http_reason(799), "Status");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_are_read),
		cmocka_unit_test(what_could_smuggle_a_request_is_refused),
		cmocka_unit_test(a_malformed_response_is_refused),
		cmocka_unit_test(any_cut_gives_the_same_result),
		cmocka_unit_test(a_head_over_its_limit_is_refused),
		cmocka_unit_test(a_head_has_at_most_so_many_headers),
		cmocka_unit_test(a_chunk_line_and_the_trailers_have_limits),
		cmocka_unit_test(interim_responses_are_passed_over_but_not_for_ever),
		cmocka_unit_test(a_huge_length_is_only_a_number),
		cmocka_unit_test(reading_survives_failing_memory),
		cmocka_unit_test(a_connection_is_untouched_until_the_first_byte_of_a_message),
		cmocka_unit_test(a_body_is_handed_over_without_a_copy),
		cmocka_unit_test(headers_are_found_whatever_their_case),
		cmocka_unit_test(a_value_that_could_break_a_head_is_told),
		cmocka_unit_test(heads_and_chunk_lines_are_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
