/* chat/openai.h -- the `openai` dialect where it is spoken on both sides: what must be known
 * of a request and of an answer, and the few bytes that are edited on the way.
 *
 * Pure.  Source: reference/dialects.md, sections 1 and 6.  Requests, answers and events are
 * scanned in place and never written again: all other bytes, unknown fields included, survive.
 */
#ifndef WEIR_CHAT_OPENAI_H
#define WEIR_CHAT_OPENAI_H

#include "catalogue/providers.h"
#include "chat/fault.h"
#include "chat/usage.h"
#include "wire/json_scan.h"

struct chat_lost; /* chat/dialect.h */

enum openai_endpoint { OPENAI_CHAT, OPENAI_COMPLETIONS, OPENAI_EMBEDDINGS };

enum { OPENAI_MEMBERS_MAX = 256 };

struct openai_request {
	enum openai_endpoint endpoint;
	struct slice body; /* borrowed */
	struct json_member *m;
	size_t n;
	struct slice model; /* as asked for, decoded */
	bool stream;
	bool wants_usage; /* stream_options.include_usage */
};

/* Why a request is refused: for the answer. */
struct openai_refusal {
	const char *code;  /* "invalid_json", "missing_model", "too_deep" ... */
	const char *param; /* the member's name, or NULL */
	char text[200];
};

/* Reads a request body; its members' places come from the arena.
 * E_BAD    `why` is filled: a 400
 * E_NOMEM */
MUST_USE enum rc openai_request_read(struct openai_request *r, enum openai_endpoint endpoint,
				     struct slice body, struct arena *a,
				     struct openai_refusal *why);

/* What one deployment wants changed. */
struct openai_target {
	struct slice model_json;         /* its name for the model, quoted */
	const struct slice *drop_params; /* members it does not take */
	size_t drop_param_n;
	const struct slice
		*own_params; /* members that were for the gateway: left out, not told */
	size_t own_param_n;
	const struct slice *add_members; /* `"key":"value"`: added where the key is not there */
	size_t add_member_n;
	unsigned quirks; /* enum provider_quirk */
	/* Told what was left out or changed in its meaning; NULL: such things stay in, and the
	 * provider may refuse them. */
	struct chat_lost *lost;
};

/* The body for that deployment as pieces (in the arena) of the original and of the edits.
 * Edits: `model`; `stream_options.include_usage` is set when streaming; dropped, renamed and
 * added parameters; what the quirks ask for.  E_NOMEM; E_TOOBIG: more edits than there may be
 * (without quirks JSON_EDITS_MAX: a dropped parameter that is there dozens of times). */
MUST_USE enum rc openai_request_pieces(const struct openai_request *r,
				       const struct openai_target *t, struct arena *a,
				       struct slice **pieces, size_t *n, size_t *bytes);

/* An id of a tool call as nine letters and digits (QUIRK_SHORT_IDS): itself when it is that,
 * else made from it, always the same. */
struct slice openai_short_id(struct slice id, struct arena *a);

/* ---- answers ----------------------------------------------------------------------- */

struct openai_event {
	bool valid;   /* JSON, or [DONE] */
	bool done;    /* data: [DONE] */
	bool error;   /* an error object instead of choices */
	bool content; /* something of the answer: text, reasoning, a tool call, audio, a refusal
		       */
	bool finish;  /* a choice has its finish_reason */
	bool usage_only; /* the extra chunk that include_usage asks for */
	size_t text_bytes;
	struct usage usage; /* when usage.known */
};

/* Looks into one event of a stream. */
void openai_event_read(struct openai_event *e, struct slice data);

struct openai_answer {
	bool valid; /* a JSON object with choices (or data, for embeddings) */
	bool error; /* an error in spite of its status */
	bool empty; /* no choice, or nothing in it */
	size_t text_bytes;
	struct usage usage;
};

/* Looks into a whole plain answer. */
void openai_answer_read(struct openai_answer *e, enum openai_endpoint endpoint,
			struct slice body);

/* What an error answer means.  `status` is the HTTP status (200 for an error inside a 200 or
 * inside a stream).  Understands the shapes of reference/dialects.md, 6.3.8.  The message is
 * borrowed from `body` or from the arena. */
void openai_error_read(struct fault *f, unsigned status, struct slice body, struct arena *a);

/* {"error":{"message":..,"type":..,"param":..,"code":..}}; empty when out of memory. */
struct slice openai_error_write(struct arena *a, struct slice message, const char *type,
				const char *param, const char *code);

#endif
