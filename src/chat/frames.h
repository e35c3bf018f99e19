/* chat/frames.h -- the frames of a provider's stream, whatever frames them.
 *
 * Pure.  One manner of reading for event streams, lines of JSON and AWS event streams, so that
 * whoever relays need not know which it is:
 *
 *	while ((step = frames_next(&f, &in, &frame)) != SSE_MORE) ...
 */
#ifndef WEIR_CHAT_FRAMES_H
#define WEIR_CHAT_FRAMES_H

#include "chat/dialect.h"
#include "wire/aws_event.h"
#include "wire/lines.h"
#include "wire/sse.h"

struct frames {
	enum framing framing;
	bool begun; /* false: zeroed, nothing to free */
	char name[128];
	union {
		struct sse sse;
		struct lines lines;
		struct aws_reader aws;
	} u;
};

struct frame {
	struct slice raw;  /* every byte of it */
	struct slice data; /* its JSON */
	struct slice name; /* of the event, or empty; an AWS exception: "exception:" type */
	bool has_data;
};

void frames_init(struct frames *f, enum framing framing, struct mem *mem, size_t frame_max);
void frames_free(struct frames *f); /* also of a zeroed one */
/* As sse_next().  SSE_ERROR also for a frame whose framing is broken (a wrong checksum). */
enum sse_step frames_next(struct frames *f, struct slice *in, struct frame *frame);
/* As sse_eof(). */
bool frames_eof(struct frames *f, struct frame *frame);
/* In the middle of a frame that is too large to be looked into. */
bool frames_passing(const struct frames *f);
/* Whether a response's content type says that it is such a stream. */
bool framing_is(enum framing framing, struct slice content_type);
/* The content type of a stream with this framing. */
struct slice framing_type(enum framing framing);

#endif
