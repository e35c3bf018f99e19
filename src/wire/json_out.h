/* wire/json_out.h -- JSON written as pieces, ready for writev().
 *
 * Pure.  Small things are copied into chunks from the arena; large ones (OUT_BORROW_MIN and
 * up: media, schemas, long texts) are borrowed and become pieces of their own.  Commas and
 * colons are put by the builder: whoever writes says only what comes.
 *
 *	out_object(o);
 *	out_key(o, "type"), out_str(o, LIT("text"));
 *	out_key(o, "text"), out_text(o, part->text);
 *	out_close(o);
 *
 * Failure is sticky: out_ok() once, at the end.
 */
#ifndef WEIR_WIRE_JSON_OUT_H
#define WEIR_WIRE_JSON_OUT_H

#include "wire/json_text.h"

enum { OUT_BORROW_MIN = 1024, OUT_DEPTH_MAX = 64 };

struct json_out {
	struct arena *a;
	struct slice *v; /* pieces, in order; from the arena */
	size_t n, cap;
	size_t bytes;   /* of all pieces */
	char *at, *end; /* private: room of the open chunk */
	uint64_t array; /* private: a bit per level: ']' closes it */
	unsigned depth; /* private */
	bool comma;     /* private: the next member or element is not the first */
	bool open;      /* private: the last piece ends at `at` and may grow */
	bool failed;
};

/* Takes no memory yet.  What is written borrows until the pieces have been used. */
void out_init(struct json_out *o, struct arena *a);

void out_object(struct json_out *o); /* { */
void out_array(struct json_out *o);  /* [ */
void out_close(struct json_out *o);  /* } or ], whichever is open */
/* `key` needs no escapes (our own names). */
void out_key(struct json_out *o, const char *key);
void out_key_text(struct json_out *o, struct json_text key);

void out_text(struct json_out *o, struct json_text t); /* "t" */
void out_str(struct json_out *o, struct slice plain);  /* escaped and quoted */
void out_lit(struct json_out *o,
	     const char *plain); /* the same, of a literal that needs no escapes */
void out_json(struct json_out *o, struct slice value); /* ready JSON, as it is */
/* The same where it must stay on one line (a frame's `data:`): line ends, which can only be
 * between its tokens, become spaces. */
void out_json_line(struct json_out *o, struct slice value);
void out_u64(struct json_out *o, uint64_t v);
void out_bool(struct json_out *o, bool v);
void out_null(struct json_out *o);
/* A JSON number with at most 6 decimals, no trailing zeros. */
void out_num(struct json_out *o, double v);

/* Strings built of several parts: `"`, then parts, then `"`. */
void out_text_open(struct json_out *o);
void out_text_part(struct json_out *o, struct json_text t);
void out_str_part(struct json_out *o, struct slice plain); /* escaped on the way */
void out_text_close(struct json_out *o);

/* Bytes that are no JSON: frames, line ends.  Nothing is added to them, and the JSON that
 * follows begins anew (no comma). */
void out_raw(struct json_out *o, struct slice bytes);
void out_raw_lit(struct json_out *o, const char *s);

/* What should have been written is not to be had: the writer's own memory failed. */
static inline void out_fail(struct json_out *o)
{
	o->failed = true;
	o->open = false;
}

/* False: no memory, or nested too deeply. */
bool out_ok(const struct json_out *o);
/* All of it in one piece (copied into the arena unless it is one already); empty on failure. */
struct slice out_slice(struct json_out *o);

#endif
