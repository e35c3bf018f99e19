/* wire/sse.h -- text/event-stream: where each event begins and ends, and what it says.
 *
 * Pure.  Follows the WHATWG HTML standard, 9.2.6: line ends may be LF, CR or CRLF, a
 * leading BOM is dropped, comment lines start with a colon, several data lines are joined
 * by LF.  Made for relaying: each event is given with its exact bytes, so that what is
 * forwarded is what came, and without a copy when it lies in one piece.
 *
 *	while ((step = sse_next(&s, &in, &ev)) != SSE_MORE) ...
 */
#ifndef WEIR_WIRE_SSE_H
#define WEIR_WIRE_SSE_H

#include "base/buf.h"

enum sse_step {
	SSE_MORE,  /* all of `in` was taken */
	SSE_EVENT, /* one whole event, or a block of comments (has_data false) */
	SSE_PASS,  /* bytes of an event too large to be looked into: forward them */
	SSE_ERROR, /* out of memory: the reader is spent */
};

struct sse_event {
	/* Every byte up to and with the blank line that ended it.  Blank lines that end nothing
	 * (also the LF of a CRLF that came after its CR had ended the event) are given as
	 * blocks of their own. */
	struct slice raw;
	struct slice data; /* the data lines joined by LF */
	struct slice name; /* of the `event:` field, or empty */
	bool has_data;     /* a data line was there, even an empty one */
};

struct sse {
	struct mem *mem;
	size_t event_max; /* events over this many bytes are passed, not shown */
	/* Private to sse.c. */
	struct buf held;   /* the part of an event that has come so far */
	struct buf joined; /* the data of an event with several data lines */
	bool passing;      /* inside an event over event_max */
	bool at_start;     /* nothing of the stream was read yet: there may be a BOM */
	bool given;        /* held and joined were given out: free them */
	bool line_empty, after_cr;
	bool spent;
};

/* Allocates nothing until an event is cut by the network; gives the memory back when
 * the event is complete, so an idle stream holds none. */
void sse_init(struct sse *s, struct mem *mem, size_t event_max);
void sse_free(struct sse *s);

/* Takes from the front of *in.  What `ev` points to is valid until the next call and as
 * long as the bytes behind *in are. */
enum sse_step sse_next(struct sse *s, struct slice *in, struct sse_event *ev);

/* The stream ended.  True when an event without its blank line was left: `ev` holds it, as
 * some providers end so.  `ev->raw` is then what had not been given out yet (nothing, when the
 * event was being passed). */
bool sse_eof(struct sse *s, struct sse_event *ev);

#endif
