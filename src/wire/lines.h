/* wire/lines.h -- newline-delimited JSON: where each line begins and ends.
 *
 * Pure.  Used as wire/sse.h is: each line is given with its exact bytes, without a copy when
 * it lies in one piece.
 *
 *	while ((step = lines_next(&s, &in, &line)) != LINES_MORE) ...
 */
#ifndef WEIR_WIRE_LINES_H
#define WEIR_WIRE_LINES_H

#include "base/buf.h"

enum lines_step {
	LINES_MORE,  /* all of `in` was taken */
	LINES_LINE,  /* one whole line, perhaps an empty one */
	LINES_PASS,  /* bytes of a line too long to be looked into: forward them */
	LINES_ERROR, /* out of memory: the reader is spent */
};

struct line {
	struct slice raw;  /* with its LF */
	struct slice text; /* without it, and without a CR before it */
};

struct lines {
	struct mem *mem;
	size_t line_max; /* lines over this many bytes, their LF counted, are passed */
	/* Private to lines.c. */
	struct buf held;
	bool passing, given, spent;
};

/* Allocates nothing until a line is cut by the network; gives the memory back when it is
 * complete. */
void lines_init(struct lines *s, struct mem *mem, size_t line_max);
void lines_free(struct lines *s);

/* Takes from the front of *in.  What `line` points to is valid until the next call and as
 * long as the bytes behind *in are. */
enum lines_step lines_next(struct lines *s, struct slice *in, struct line *line);

/* The stream ended.  True when a line without its LF was left: `line` holds it; its `raw` is
 * what had not been given out yet (nothing, when the line was being passed). */
bool lines_eof(struct lines *s, struct line *line);

#endif
