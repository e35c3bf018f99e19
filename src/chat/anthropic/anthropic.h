/* chat/anthropic/anthropic.h -- what the files of the Messages dialect share.
 *
 * Private to this folder.  Source: Anthropic's API reference (Messages, Messages streaming,
 * Errors, Models, extended and adaptive thinking, structured outputs), version 2023-06-01, as
 * of November 2026.
 *
 * Two things are carried in forms of our own, and undone by the readers here:
 *
 *   - The signature that Gemini puts on a text or a call has no place in a block.  It goes to
 *     the client as a redacted_thinking block right before the block that it belongs to, whose
 *     data is sealed (chat/opaque.h) and begins with BOUND_MARK.  Clients must send such
 *     blocks back unchanged, and in their place.
 *   - Models without structured output get a tool named FORCED_TOOL whose input is the answer.
 *     What comes back under that name is text.
 */
#ifndef WEIR_CHAT_ANTHROPIC_ANTHROPIC_H
#define WEIR_CHAT_ANTHROPIC_ANTHROPIC_H

#include "chat/dialect.h"
#include "chat/opaque.h"

/* No base64 has a colon. */
#define BOUND_MARK  "next:"
#define FORCED_TOOL "weir_json_output"

/* ---- models (models.c) --------------------------------------------------------------- */

enum thinking_kind {
	THINKING_NONE,
	THINKING_BUDGET,   /* {type: enabled, budget_tokens} */
	THINKING_ADAPTIVE, /* {type: adaptive}, and output_config.effort */
	THINKING_ALWAYS,   /* adaptive, and cannot be turned off */
};

struct claude {
	uint16_t from, to;     /* versions, 100 * major + minor */
	struct slice line;     /* "opus"; empty: any */
	uint32_t cap;          /* the most max_tokens it takes; 0: unknown */
	uint8_t thinking;      /* enum thinking_kind */
	uint8_t top_effort;    /* enum effort, the highest; 0: takes none */
	bool xhigh;            /* knows it; where not, it becomes max */
	bool no_sampling : 1;  /* refuses temperature, top_p and top_k */
	bool one_sampling : 1; /* refuses temperature and top_p together */
	bool schema : 1;       /* has output_config.format and strict tools */
	bool system_turns : 1; /* takes system messages in the middle */
	bool no_prefill : 1;   /* refuses an assistant turn at the end */
};

/* By the upstream name of a model, whoever hosts it.  Never NULL: what is not known is treated
 * as the newest Claude, or (no Claude at all) as what takes the least. */
const struct claude *claude_of(struct slice model);

/* ---- schemas (schema.c) -------------------------------------------------------------- */

/* Writes a schema for structured output; one without refused keywords as it is.  True: some
 * were moved to the descriptions, where they no longer bind. */
bool claude_schema_out(struct json_out *o, struct slice schema, struct arena *a);

/* ---- answers, both ways (answer_read.c, answer_write.c, stream_write.c) ---------------- */

enum rc anthropic_answer_read(struct slice body, struct chat_events *ev);
enum rc anthropic_event_read(void *state, struct arena *keep, struct slice name,
			     struct slice data, struct chat_events *ev);
void anthropic_stream_end(void *state, struct arena *keep, struct chat_events *ev);
/* At least what their states take; checked where those are. */
enum { ANTHROPIC_READER_BYTES = 256, ANTHROPIC_WRITER_BYTES = 512 };

void anthropic_answer_write(const struct chat_reply *to, const struct chat_events *ev,
			    struct json_out *out);
void anthropic_event_write(void *state, const struct chat_reply *to, struct arena *keep,
			   const struct chat_event *e, struct json_out *out);

/* Parts that both writers need. */
void anthropic_message_open(const struct chat_reply *to, struct json_out *o);
void anthropic_usage_out(struct json_out *o, const struct usage *u);
void anthropic_stop_out(struct json_out *o, const struct chat_event *finish, bool tools);
void anthropic_citation_out(struct json_out *o, const struct chat_annotation *c);
/* Whether it is one of the blocks of this dialect's server tools. */
bool anthropic_own_block(struct slice raw);
struct json_text anthropic_bound(const struct chat_reply *to, struct json_text signature,
				 struct arena *a);

/* ---- requests ------------------------------------------------------------------------ */

enum rc anthropic_request_read(struct chat_request *r, const struct request_in *in,
			       struct arena *a, struct chat_refusal *why);
enum rc anthropic_request_write(const struct chat_request *r, const struct chat_target *t,
				struct json_out *out, struct chat_lost *lost,
				struct chat_refusal *why);

/* ---- errors (error.c) ---------------------------------------------------------------- */

void anthropic_error_read(struct fault *f, unsigned status, struct slice body, struct arena *a);
void anthropic_error_write(const struct chat_error *e, struct json_out *out);
/* {"type":..,"message":..} in the body of an answer or of a stream's event. */
void anthropic_fault_read(struct fault *f, unsigned status, struct slice error,
			  struct arena *a);
const char *anthropic_error_type(unsigned status);
/* {"type":"error","error":{..}} for a fault in the middle of a stream, as an event. */
void anthropic_fault_event(const struct fault *f, struct json_out *out);
void anthropic_error_event_write(void *state, const struct chat_reply *to,
				 const struct chat_error *e, struct json_out *out);

#endif
