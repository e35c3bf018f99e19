/* chat/bedrock/bedrock.h -- what the files of the Converse dialect share.
 *
 * Private to this folder.  Source: Amazon Bedrock's API reference (Converse, ConverseStream,
 * CountTokens, ListFoundationModels) and its user guide, as of November 2026.
 *
 * Three things are carried in forms of our own, and undone by the readers here:
 *
 *   - Opaque state of other providers in redactedContent, which clients take for base64: what
 *     is sealed (chat/opaque.h) is in base64 there.
 *   - The signature that Gemini puts on a text or a call has no place in a block.  It goes as
 *     a redactedContent right before the block that it belongs to; inside the seal it begins
 *     with BOUND_MARK.
 *   - Claudes without structured output get a tool named FORCED_TOOL whose input is the
 *     answer.  What comes back under that name is text.
 */
#ifndef WEIR_CHAT_BEDROCK_BEDROCK_H
#define WEIR_CHAT_BEDROCK_BEDROCK_H

#include "chat/dialect.h"
#include "chat/opaque.h"

/* No base64 has a colon. */
#define BOUND_MARK  "next:"
#define FORCED_TOOL "weir_json_output"

/* ---- requests ------------------------------------------------------------------------ */

enum rc bedrock_request_read(struct chat_request *r, const struct request_in *in,
			     struct arena *a, struct chat_refusal *why);
enum rc bedrock_request_write(const struct chat_request *r, const struct chat_target *t,
			      struct json_out *out, struct chat_lost *lost,
			      struct chat_refusal *why);

/* ---- answers ------------------------------------------------------------------------- */

/* At least what their states take; checked where those are. */
enum { BEDROCK_READER_BYTES = 128, BEDROCK_WRITER_BYTES = 256 };

enum rc bedrock_answer_read(struct slice body, struct chat_events *ev);
enum rc bedrock_event_read(void *state, struct arena *keep, struct slice name,
			   struct slice data, struct chat_events *ev);
void bedrock_stream_end(void *state, struct arena *keep, struct chat_events *ev);
void bedrock_answer_write(const struct chat_reply *to, const struct chat_events *ev,
			  struct json_out *out);
void bedrock_event_write(void *state, const struct chat_reply *to, struct arena *keep,
			 const struct chat_event *e, struct json_out *out);

/* Parts that both writers need. */
void bedrock_usage_out(struct json_out *o, const struct usage *u);
/* `tools`: calls were written.  The members stopReason and additionalModelResponseFields. */
void bedrock_stop_out(struct json_out *o, const struct chat_event *finish, bool tools);
void bedrock_citation_out(struct json_out *o, const struct chat_annotation *c);
/* A block of this dialect that no other has. */
bool bedrock_own_block(struct slice raw);
/* {"format":..,"source":{"bytes":..}} of an image event. */
void bedrock_image_out(struct json_out *o, const struct chat_event *e);
/* The id of the call that began with this event; calls without one get one. */
void bedrock_call_id_out(struct json_out *o, const struct chat_reply *to,
			 const struct chat_event *e);
/* For redactedContent: sealed, in base64.  `bound`: it belongs to the next block. */
struct json_text bedrock_redacted(const struct chat_reply *to, struct json_text data,
				  bool bound, struct arena *a);
/* And back. */
struct chat_opaque bedrock_redacted_open(struct json_text data, bool *bound, struct arena *a);

/* ---- errors -------------------------------------------------------------------------- */

void bedrock_error_read(struct fault *f, unsigned status, struct slice body, struct arena *a);
/* `type`: of an exception, or empty; `status`: 0 in a stream. */
void bedrock_fault_read(struct fault *f, unsigned status, struct slice type, struct slice body,
			struct arena *a);
void bedrock_error_write(const struct chat_error *e, struct json_out *out);
void bedrock_error_event_write(void *state, const struct chat_reply *to,
			       const struct chat_error *e, struct json_out *out);
/* A fault in the middle of a stream, as an exception frame. */
void bedrock_fault_event(const struct fault *f, struct json_out *out);

#endif
