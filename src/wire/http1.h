/* wire/http1.h -- HTTP/1.0 and 1.1 messages: bytes to heads and bodies, and back.
 *
 * Pure.  The reader is the one adapter of llhttp; it is strict: whatever two parsers could
 * read in two ways (conflicting or repeated lengths, Transfer-Encoding beside
 * Content-Length, bad chunking, obs-fold, bare CR or LF, a space before the colon) is an
 * error after which the connection must be closed (RFC 9112, sections 6 and 11.2).
 *
 * Accepted and worth knowing: a target in absolute form ("http://host/path", for proxies)
 * or "*" with OPTIONS; empty lines before a request (a few); trailers, which are checked and
 * dropped.  Upgrade and CONNECT never switch protocols: the header is left to the caller, the
 * method gets 501, a 101 is an error.
 *
 * It is pulled, not pushed: nothing is called back, so the caller may do anything
 * between two steps.
 *
 *	struct slice in = ..., body;
 *	for (;;)
 *		switch (http1_next(&h, &in, &body)) {
 *		case HTTP1_MORE: return;           all of `in` was taken
 *		case HTTP1_HEAD: ... h.head ...    the head is complete
 *		case HTTP1_BODY: ... body ...      borrowed from `in`, chunking removed
 *		case HTTP1_DONE: ...               message over; `in` may hold the next one
 *		case HTTP1_ERROR: ... h.why, h.status ...
 *		}
 */
#ifndef WEIR_WIRE_HTTP1_H
#define WEIR_WIRE_HTTP1_H

#include "base/arena.h"
#include "base/err.h"
#include "base/sb.h"

enum { HTTP1_HEADERS_MAX = 100 };

struct header {
	struct slice name, value; /* value without surrounding blanks */
};

enum http1_kind { HTTP1_REQUEST, HTTP1_RESPONSE };

enum http1_framing {
	HTTP1_NO_BODY,
	HTTP1_LENGTH, /* content_length says how many bytes */
	HTTP1_CHUNKED,
	HTTP1_UNTIL_CLOSE, /* responses only */
};

/* All slices lie in the arena given to http1_begin(). */
struct http_head {
	struct slice method, target; /* requests; target as sent */
	unsigned status;             /* responses: 200..599 (1xx is passed over) */
	unsigned minor;              /* HTTP/1.minor */
	struct header *headers;
	size_t header_n;
	enum http1_framing framing;
	uint64_t content_length; /* when framing is HTTP1_LENGTH */
	bool keep_alive;         /* the connection may be used again */
	bool expect_continue;    /* requests: "Expect: 100-continue" */
};

/* The value of the first header of this name (case ignored), or the empty slice. */
struct slice http_header(const struct http_head *h, struct slice name);
/* Like it, but tells an absent header from an empty one. */
const struct header *http_header_find(const struct http_head *h, struct slice name);

enum http1_step { HTTP1_MORE, HTTP1_HEAD, HTTP1_BODY, HTTP1_DONE, HTTP1_ERROR };

/* Room for one line before a chunk, and how many 1xx responses are passed over. */
enum { HTTP1_CHUNK_LINE_IN_MAX = 1024, HTTP1_INTERIM_MAX = 8 };

struct http1 {
	enum http1_kind kind;
	size_t head_max; /* bytes of start line and headers */
	struct arena *arena;
	struct http_head head;
	/* After HTTP1_ERROR: a stable dotted id ("http1.header_too_large") and, for requests,
	 * the status to answer with (400, 414, 431, 501, 503 when out of memory, 505). */
	const char *why;
	unsigned status;
	/* Private to http1.c. */
	char *raw; /* the head so far, when it came in pieces */
	size_t raw_n, raw_cap;
	size_t line;   /* where the current line of the head begins */
	uint64_t left; /* bytes of the body, or of the chunk, still to come */
	size_t frame;  /* bytes of the chunk line, or of the trailers, so far */
	unsigned digits;
	unsigned char step, blanks, interim;
	bool no_body;
};

/* `head_max` bounds the start line and headers together; HTTP1_HEADERS_MAX their number.
 * Allocates nothing.  May be copied while no message is open. */
void http1_init(struct http1 *h, enum http1_kind kind, size_t head_max);

/* Before each message, and once before the first.  The head's memory comes from `arena` (kept
 * until the message is done).  `no_body`: the response answers a HEAD request. */
void http1_begin(struct http1 *h, struct arena *arena, bool no_body);

/* Drops from *in what it took.  HTTP1_DONE and HTTP1_ERROR stay until http1_begin(); after
 * an error the connection's framing is lost: never begin another message on it. */
enum http1_step http1_next(struct http1 *h, struct slice *in, struct slice *body);

/* The peer closed.  OK: it was allowed to (no message begun, or a body that runs until the
 * close, which is complete now).  E_CLOSED: in the middle of a message. */
MUST_USE enum rc http1_eof(struct http1 *h);

/* True from http1_begin() until the first byte of the message (empty lines before a request
 * are not part of it). */
bool http1_untouched(const struct http1 *h);

/* True when `s` may stand as a header value, or as a name.  A value from outside that is
 * written into a head is checked with it: no CR, LF or NUL passes. */
bool http1_value_ok(struct slice s);
bool http1_name_ok(struct slice s);

/* "name: value\r\n" */
void http1_put(struct sb *out, struct slice name, struct slice value);

/* The line before a chunk of `n` bytes (n > 0), e.g. "1f4\r\n"; the chunk is followed by
 * "\r\n" and the last one by "0\r\n\r\n". */
enum { HTTP1_CHUNK_LINE_MAX = 18 };
struct slice http1_chunk_line(char line[HTTP1_CHUNK_LINE_MAX], size_t n);

/* "Service Unavailable" for 503; "Status" for what has no name. */
struct slice http_reason(unsigned status);

#endif
