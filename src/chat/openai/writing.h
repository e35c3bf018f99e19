/* chat/openai/writing.h -- what writing a request needs.
 *
 * Private to this folder.
 */
#ifndef WEIR_CHAT_OPENAI_WRITING_H
#define WEIR_CHAT_OPENAI_WRITING_H

#include "chat/dialect.h"
#include "chat/opaque.h"

struct writing {
	const struct chat_request *r;
	const struct chat_target *t;
	struct json_out *o;
	struct chat_lost *lost;
	struct chat_refusal *why;
	enum rc rc; /* sticky */
	bool own;   /* the request was read from this dialect */
};

static inline bool quirk(const struct writing *w, enum provider_quirk q)
{
	return (w->t->quirks & q) != 0;
}

/* False, and it is lost: the provider does not take this member. */
bool param_taken(struct writing *w, const char *name);

/* The member `messages`. */
void openai_messages_write(struct writing *w);

#endif
