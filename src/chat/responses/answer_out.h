/* chat/responses/answer_out.h -- an answer while it is written; private to answer_write.c,
 * answer_items.c and event_write.c.
 *
 * The last event of a stream repeats the whole answer, so all of it is kept: in pieces, since
 * it grows by a few bytes at a time and nobody knows how long it becomes.
 */
#ifndef WEIR_CHAT_RESPONSES_ANSWER_OUT_H
#define WEIR_CHAT_RESPONSES_ANSWER_OUT_H

#include "chat/responses/responses.h"

struct rope_block {
	struct rope_block *next;
	size_t n, cap;
	char bytes[];
};

/* Text that grows: each block is twice the last one, until two fill a block of the arena. */
struct rope {
	struct rope_block *first, *last;
};

enum rope_size { ROPE_BLOCK_MIN = 256, ROPE_BLOCK_MAX = 32704 };

/* False: no memory. */
MUST_USE bool rope_add(struct rope *r, struct arena *a, struct slice s);
static inline bool rope_empty(const struct rope *r)
{
	return r->first == NULL;
}
/* As one string. */
void rope_write(struct json_out *o, const struct rope *r);

/* JSON values that were noted beside a text. */
struct noted {
	struct noted *next;
	struct slice value;
};

enum content_kind { CONTENT_TEXT, CONTENT_REFUSAL, CONTENT_SUMMARY, CONTENT_THOUGHT };

/* A part of a message or of reasoning.  Summaries are counted apart from the others. */
struct content {
	struct content *next;
	enum content_kind kind;
	unsigned index;
	struct rope text;
	struct noted *annotations, **annotations_tail;
	struct noted *logprobs, **logprobs_tail; /* arrays */
	unsigned annotation_n;
};

enum item_kind { ITEM_MESSAGE, ITEM_CALL, ITEM_CUSTOM, ITEM_REASONING, ITEM_IMAGE, ITEM_OTHER };

struct out_item {
	struct out_item *next;
	enum item_kind kind;
	unsigned index; /* output_index */
	bool done;
	bool cut;                       /* it ended before its end */
	struct json_text call_id, name; /* call_id empty: made of the item's place */
	struct rope text;               /* arguments; an image's data */
	struct content *parts, *part;   /* the last one is open */
	unsigned part_n, summary_n;
	struct json_text sealed; /* encrypted_content */
	bool summary;            /* the reasoning was told as a summary */
	struct slice raw;        /* ITEM_OTHER */
};

/* What a response repeats of its request, as it was written. */
struct echo {
	struct slice instructions, tool_choice, max_tool_calls, truncation, user,
		safety_identifier;
};

/* An error inside a response. */
struct response_error {
	const char *code; /* of the API's list */
	struct slice message;
};

struct responses_writer {
	uint64_t sequence;
	bool started, ended;
	bool broken; /* no memory: nothing more is written */
	bool refused;
	struct echo echo;
	struct out_item *items, *last;
	unsigned item_n;
	struct out_item *current; /* the open message or reasoning */
	struct out_item **calls;  /* by index */
	unsigned call_cap;
	struct json_text text_signature; /* of the open message: told after it */
	struct usage usage;
	bool has_usage, has_finish;
	enum finish_kind finish;
	struct response_error error; /* it broke off */
};

/* One call of the writer. */
struct answer_out {
	struct responses_writer *s;
	const struct chat_reply *to;
	const struct chat_request *r;
	struct arena *keep;
	struct json_out *o;
	bool quiet; /* a plain answer: no frames */
};

/* ---- answer_items.c: what has been gathered, as JSON ---- */

/* "msg_0123456789abcdef0002": from the request's id and the item's place. */
void write_item_id(struct answer_out *x, const struct out_item *i);
void write_call_id(struct answer_out *x, const struct out_item *i);
void write_content(struct answer_out *x, const struct content *c, bool empty);
/* `empty`: as it is announced. */
void write_item(struct answer_out *x, const struct out_item *i, bool empty);
void write_logprobs(struct answer_out *x, const struct content *c);
/* The response object.  `status`: "in_progress", "completed" ... */
void write_response(struct answer_out *x, const char *status, const struct response_error *e);
/* How it ended; *e is filled for "failed". */
const char *ending_of(const struct responses_writer *s, struct response_error *e);

/* ---- answer_write.c: events into items, telling each step ---- */

void answer_take(struct answer_out *x, const struct chat_event *e);
void answer_start(struct answer_out *x);

/* ---- event_write.c: frames.  Nothing is written when quiet. ---- */

/* False: quiet. */
bool frame_open(struct answer_out *x, const char *type);
void frame_close(struct answer_out *x);
void tell_item(struct answer_out *x, const struct out_item *i, bool done);
void tell_part(struct answer_out *x, const struct out_item *i, const struct content *c,
	       bool done);
/* A piece of it, with its own logprobs when it has any. */
void tell_delta(struct answer_out *x, const struct out_item *i, const struct content *c,
		struct json_text delta, struct slice logprobs);
void tell_text_done(struct answer_out *x, const struct out_item *i, const struct content *c);
void tell_args(struct answer_out *x, const struct out_item *i, struct json_text delta);
void tell_args_done(struct answer_out *x, const struct out_item *i);
void tell_annotation(struct answer_out *x, const struct out_item *i, const struct content *c,
		     struct slice annotation);
void tell_image_done(struct answer_out *x, const struct out_item *i);
void tell_start(struct answer_out *x);
void tell_end(struct answer_out *x);
void tell_error(struct answer_out *x, const char *code, struct slice message, const char *param,
		const char *response_code);

#endif
