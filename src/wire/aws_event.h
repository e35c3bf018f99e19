/* wire/aws_event.h -- application/vnd.amazon.eventstream: frames with two checksums.
 *
 * Pure.  The format is AWS's "event stream encoding" (Smithy, "Amazon Event Stream
 * Specification"), all numbers big-endian:
 *
 *	u32 length of all | u32 length of the headers | u32 CRC-32 of these 8 bytes
 *	headers: u8 name length, name, u8 type, value;  a string's value: u16 length, bytes
 *	payload | u32 CRC-32 of everything before it
 *
 *	while ((step = aws_next(&s, &in, &ev)) != AWS_MORE) ...
 */
#ifndef WEIR_WIRE_AWS_EVENT_H
#define WEIR_WIRE_AWS_EVENT_H

#include "base/buf.h"
#include "wire/json_out.h"

enum {
	AWS_HEADERS_MAX = 128 * 1024,
	AWS_PAYLOAD_MAX = 24 * 1024 * 1024,
	AWS_FRAME_MIN = 16,
};

enum aws_step {
	AWS_MORE,  /* all of `in` was taken */
	AWS_EVENT, /* one whole frame, checked */
	AWS_PASS,  /* bytes of a frame too large to be looked into: forward them.  Only its
		      prelude was checked */
	AWS_ERROR, /* not this format, or no memory: the reader is spent, see `why` */
};

enum aws_kind {
	AWS_MESSAGE,   /* :message-type event; also when there is none */
	AWS_EXCEPTION, /* :message-type exception; its type is in `name` */
	AWS_FAULT,     /* :message-type error; its code is in `name`, words in `message` */
};

struct aws_event {
	struct slice raw; /* the whole frame */
	enum aws_kind kind;
	struct slice name; /* :event-type, :exception-type or :error-code */
	struct slice message;
	struct slice content_type;
	struct slice payload;
};

struct aws_reader {
	struct mem *mem;
	size_t event_max; /* frames over this many bytes are passed, not shown */
	const char *why;  /* after AWS_ERROR: "headers checksum" ..., or NULL: no memory */
	/* Private to aws_event.c. */
	struct buf held; /* the part of a frame that has come so far */
	size_t frame_n;  /* of the frame we are in; 0: its prelude has not come */
	size_t pass_n;   /* bytes of a passed frame still to come */
	bool given;      /* held was given out: free it */
	bool spent;
};

/* Allocates nothing until a frame is cut by the network; gives the memory back when it is
 * complete. */
void aws_init(struct aws_reader *s, struct mem *mem, size_t event_max);
void aws_free(struct aws_reader *s);

/* Takes from the front of *in.  What `ev` points to is valid until the next call and as long
 * as the bytes behind *in are. */
enum aws_step aws_next(struct aws_reader *s, struct slice *in, struct aws_event *ev);

/* The stream ended: true when it did between two frames. */
bool aws_eof(const struct aws_reader *s);

/* Frames a JSON payload as the event `name` / the exception `type` (both without escapes).
 * Failure, a payload over the maximum too, is the builder's. */
void aws_event_out(struct json_out *o, struct slice name, const struct json_out *payload);
void aws_exception_out(struct json_out *o, struct slice type, const struct json_out *payload);

#endif
