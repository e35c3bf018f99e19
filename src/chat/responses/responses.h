/* chat/responses/responses.h -- OpenAI's Responses API, both ways.
 *
 * Pure.  Source: OpenAI's API reference ("Responses", November 2026) and what its SDKs read
 * and send.  What this dialect has and others do not:
 *
 *   items     input and output are lists of items: messages, calls, reasoning ...  Those
 *             that follow each other and are the assistant's become one message.
 *   state     the API can keep what was said.  weir keeps nothing: see
 * responses_refuse_state(). opaque    one member, `encrypted_content`, holds all that a
 * provider wants back; see struct sealed.
 */
#ifndef WEIR_CHAT_RESPONSES_RESPONSES_H
#define WEIR_CHAT_RESPONSES_RESPONSES_H

#include "chat/dialect.h"
#include "chat/opaque.h"

/* Requests that lean on stored state, and those that ask to store: E_BAD, `why` is filled.
 * To be asked for bodies that are forwarded as they are, too. */
MUST_USE enum rc responses_refuse_state(const struct fields *f, struct chat_refusal *why);

/* ---- request_items.c ---- */

#define INCLUDE_ENCRYPTED "reasoning.encrypted_content"
#define INCLUDE_LOGPROBS  "message.output_text.logprobs"

/* At the end of a PART_OTHER's `what`: it is an item, not a part of a message. */
#define RESPONSES_ITEM_MARK " item"

/* A request while it is read, and where: for the path in a refusal. */
struct reading {
	struct chat_request *r;
	struct arena *a;
	struct chat_refusal *why;
	const char *object; /* "text.format"; or */
	const char *list;   /* "input", "tools"; neither: the outermost object */
	size_t i;
	const char *part_list; /* "content", "tools"; NULL: the item itself */
	size_t part;
	struct chat_message *last;
	struct chat_part *text;     /* the newest of it */
	struct chat_opaque of_call; /* a signature for the next call */
};

/* `name` may be NULL: the thing itself. */
MUST_USE enum rc refuse_here(struct reading *q, const char *code, const char *name,
			     const char *what);
MUST_USE enum rc read_fields(struct reading *q, struct fields *f, struct slice object);
/* A member that is a string; absent when it may: empty. */
MUST_USE enum rc read_text(struct reading *q, const struct fields *f, const char *name,
			   bool must, struct json_text *out);
MUST_USE enum rc read_input(struct reading *q, const struct json_member *m);

/* ---- what requests and echoes of them in answers have alike: write_parts.c ---- */

/* [tool, ..]; hosted ones of another dialect go to `lost` (may be NULL). */
void write_tools(struct json_out *o, const struct chat_request *r, struct chat_lost *lost);
void write_choice(struct json_out *o, const struct chat_request *r);
/* {"format":..,"verbosity":..}; an echo has defaults where nothing was said. */
void write_text_config(struct json_out *o, const struct chat_request *r, bool echo);
/* {"effort":..,"summary":..} */
void write_thinking(struct json_out *o, const struct chat_request *r, bool echo);
/* It was read by this dialect: what only it has is there as it came. */
static inline bool is_own(const struct chat_request *r)
{
	return r->dialect == &dialect_responses;
}

/* ---- opaque state ---- */

/* Whatever a foreign provider wants back stands in `encrypted_content` of a reasoning item,
 * sealed (chat/opaque.h) with one letter and a colon before the data:
 *
 *   e  encrypted reasoning       t  signature of the text before it
 *   s  signature of reasoning    c  signature of the call after it
 *
 * S and E: the visible text is a summary.  The letter is inside the seal, so what OpenAI made
 * (never sealed) cannot be taken for it. */
enum sealed_kind {
	SEALED_ENCRYPTED = 'e',
	SEALED_SIGNATURE = 's',
	SEALED_TEXT = 't',
	SEALED_CALL = 'c'
};

/* Unsealed when there is no issuer. */
struct json_text responses_seal(struct arena *a, struct slice issuer, enum sealed_kind kind,
				bool summary, struct json_text data);

/* Takes the letter from `o`.  What was never sealed is SEALED_ENCRYPTED, and *summary is not
 * touched. */
enum sealed_kind responses_open(struct chat_opaque *o, bool *summary);

/* An encrypted item is bound to its id: OpenAI refuses it under another one.  Where only one
 * text can be carried (every other dialect) it is "id:content". */
struct json_text responses_with_id(struct arena *a, struct json_text id,
				   struct json_text content);
void responses_split_id(struct json_text both, struct json_text *id, struct json_text *content);

/* Visible reasoning: the texts of [{"type":..,"text":..}], with an empty line between them. */
struct json_text responses_thoughts(struct arena *a, struct slice array);

/* ---- answers ---- */

/* Tokens, from an object in this API's shape. */
void responses_usage_read(struct usage *u, struct slice object);
/* A dialect's error_read(); also of {"code":..,"message":..}. */
void responses_error_read(struct fault *f, unsigned status, struct slice body, struct arena *a);
void responses_error_event(struct chat_events *ev, struct slice object);

/* What of an answer decides how it ended. */
struct responses_ending {
	unsigned calls;
	bool refused;
	uint64_t searches;
};

/* A whole item; its calls and refusals are counted. */
void responses_item_events(struct chat_events *ev, struct slice item,
			   struct responses_ending *end);
/* The parts of items that come late in a stream. */
void responses_text_notes(struct chat_events *ev, const struct fields *text, bool annotations,
			  bool logprobs);
void responses_annotation_event(struct chat_events *ev, struct slice annotation);
void responses_logprobs_event(struct chat_events *ev, struct slice array);
/* `texts`: they have not been told yet. */
void responses_reasoning_events(struct chat_events *ev, const struct fields *item, bool texts);
void responses_start_event(struct chat_events *ev, const struct fields *response);
/* EV_USAGE, EV_FINISH and EV_END of a response that is complete, or EV_ERROR. */
void responses_end_events(struct chat_events *ev, const struct fields *response,
			  const struct responses_ending *end);

/* The name of an EV_OTHER or EV_ANNOTATION: its `raw` is in this dialect. */
#define RESPONSES_RAW JTEXT("responses")

/* ---- the table: chat/dialect.h ---- */

/* An item of the output, while the stream is read. */
struct in_item {
	struct in_item *next;
	uint64_t index; /* output_index */
	unsigned call;  /* which call it is */
	bool is_call, custom;
	bool told; /* its text or arguments, in pieces */
	bool annotated, logprobs;
	bool done;
};

struct responses_reader {
	struct in_item *items; /* the newest first */
	size_t item_n, open;
	bool started, ended;
	bool done_mark; /* [DONE]: this API has none, some servers send it */
	struct responses_ending end;
};

enum rc responses_request_read(struct chat_request *r, const struct request_in *in,
			       struct arena *a, struct chat_refusal *why);
enum rc responses_request_write(const struct chat_request *r, const struct chat_target *t,
				struct json_out *out, struct chat_lost *lost,
				struct chat_refusal *why);
enum rc responses_answer_read(struct slice body, struct chat_events *ev);
enum rc responses_event_read(void *state, struct arena *keep, struct slice name,
			     struct slice data, struct chat_events *ev);
void responses_stream_end(void *state, struct arena *keep, struct chat_events *ev);
void responses_answer_write(const struct chat_reply *to, const struct chat_events *ev,
			    struct json_out *out);
void responses_event_write(void *state, const struct chat_reply *to, struct arena *keep,
			   const struct chat_event *e, struct json_out *out);
void responses_error_event_write(void *state, const struct chat_reply *to,
				 const struct chat_error *e, struct json_out *out);

#endif
