/* chat/gemini/gemini.h -- what the files of this dialect share; private to them.
 *
 * Pure.  Source: Google's reference of the Gemini API (generateContent, v1beta) and of
 * Vertex AI (v1beta1), as of November 2026.
 */
#ifndef WEIR_CHAT_GEMINI_GEMINI_H
#define WEIR_CHAT_GEMINI_GEMINI_H

#include "chat/dialect.h"

enum {
	GEMINI_CHOICES_MAX = 128, /* candidateCount is at most 8, OpenAI's n 128 */
	GEMINI_LOGPROBS_MAX = 20,
};

/* ---- base64 (RFC 4648) as JSON text ---------------------------------------------------- */

/* What a client sent as bytes: standard or URL-safe alphabet, with padding or without ->
 * standard, padded; borrowed when it is that already.  False: something else (or no memory,
 * sticky). */
MUST_USE bool gemini_base64(struct json_text t, struct arena *a, struct slice *out);
/* Sealed state on its way to a client (chat/opaque.h), whose SDK takes base64 only.  `more` is
 * put behind it: see gemini_open(). */
struct json_text gemini_seal(struct arena *a, struct slice issuer, struct json_text data,
			     const char *more);
/* A thoughtSignature as it came back.  *encrypted: it was not a signature but encrypted
 * reasoning: GEMINI_ENCRYPTED stood behind it. */
#define GEMINI_ENCRYPTED "~encrypted"
struct chat_opaque gemini_open(struct json_text t, struct arena *a, bool *encrypted);

/* ---- schemas --------------------------------------------------------------------------- */

/* Gemini's own form, a subset of OpenAPI 3.0 ("STRING", nullable, propertyOrdering) -> JSON
 * Schema.  From the arena; empty: nested too deeply, or no memory (sticky there). */
struct slice gemini_schema_read(struct slice schema, struct arena *a);
/* A schema of parameters that has none: Gemini wants it left out. */
bool gemini_schema_empty(struct slice schema, struct arena *a);

/* ---- what a model can do, by its name -------------------------------------------------- */

struct gemini_model {
	bool gemma;
	unsigned major, minor; /* 2, 5; aliases without a number count as the newest: 3 */
	bool pro, lite;
};

struct gemini_model gemini_model_of(struct slice name);

/* ---- names of members ------------------------------------------------------------------ */

/* The member by its camelCase name or, as Google takes it too, in snake_case.  NULL: absent or
 * null.  *twice (may be NULL): it is there more than once. */
const struct json_member *gemini_field(const struct fields *f, const char *camel, bool *twice);

/* ---- offsets in text ------------------------------------------------------------------- */

/* Google counts a text in bytes, everybody else in characters.  The map is fed with the text
 * and keeps what is not ASCII. */
struct gemini_run {
	struct gemini_run *next;
	size_t bytes, chars; /* before it */
	size_t chars_end;
	struct slice text;
};

struct gemini_map {
	struct gemini_run *runs;
	struct gemini_run **tail; /* NULL: &runs */
	size_t bytes, chars;
};

void gemini_map_add(struct gemini_map *m, struct json_text t, struct arena *keep);
size_t gemini_map_chars(const struct gemini_map *m, size_t bytes);
size_t gemini_map_bytes(const struct gemini_map *m, size_t chars);

/* ---- the functions of the table -------------------------------------------------------- */

enum rc gemini_request_read(struct chat_request *r, const struct request_in *in,
			    struct arena *a, struct chat_refusal *why);
enum rc gemini_request_write(const struct chat_request *r, const struct chat_target *t,
			     struct json_out *out, struct chat_lost *lost,
			     struct chat_refusal *why);

/* Of a stream, between its events; both files assert that theirs fits. */
enum { GEMINI_STATE_MAX = 256 };
enum rc gemini_answer_read(struct slice body, struct chat_events *ev);
enum rc gemini_event_read(void *state, struct arena *keep, struct slice name, struct slice data,
			  struct chat_events *ev);
void gemini_stream_end(void *state, struct arena *keep, struct chat_events *ev);

void gemini_answer_write(const struct chat_reply *to, const struct chat_events *ev,
			 struct json_out *out);
void gemini_event_write(void *state, const struct chat_reply *to, struct arena *keep,
			const struct chat_event *e, struct json_out *out);
void gemini_error_event_write(void *state, const struct chat_reply *to,
			      const struct chat_error *e, struct json_out *out);

void gemini_error_read(struct fault *f, unsigned status, struct slice body, struct arena *a);
void gemini_error_write(const struct chat_error *e, struct json_out *out);

#endif
