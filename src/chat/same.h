/* chat/same.h -- a request that is forwarded in its own dialect: what must be known of it, and
 * the bytes that are edited.
 *
 * Pure.  For every dialect but `openai`, which has more to edit (chat/openai.h).  All other
 * bytes, unknown fields included, survive.
 */
#ifndef WEIR_CHAT_SAME_H
#define WEIR_CHAT_SAME_H

#include "chat/dialect.h"

struct same_request {
	struct slice body; /* borrowed */
	struct json_member *m;
	size_t n;
	size_t model_at;    /* which member; SLICE_NONE: the path says it */
	struct slice model; /* as asked for, decoded */
	bool stream;
};

/* E_BAD: `why`, a 400;  E_NOMEM */
MUST_USE enum rc same_request_read(struct same_request *r, const struct dialect *d,
				   const struct request_in *in, struct arena *a,
				   struct chat_refusal *why);
/* What one deployment wants changed. */
struct same_target {
	struct slice model_json;  /* its name for the model, quoted */
	const struct slice *drop; /* members it does not take */
	size_t drop_n;
	const struct slice *own; /* members that were for the gateway */
	size_t own_n;
};

/* The body for it as pieces (in the arena) of the original and of the edits.  E_NOMEM;
 * E_TOOBIG: too many edits. */
MUST_USE enum rc same_request_pieces(const struct same_request *r, const struct same_target *t,
				     struct arena *a, struct slice **pieces, size_t *n);

#endif
