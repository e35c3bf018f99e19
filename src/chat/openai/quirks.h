/* chat/openai/quirks.h -- the edits of a forwarded body that a provider's quirks ask for
 * (catalogue/providers.h), shared by the files that make them.
 */
#ifndef WEIR_CHAT_OPENAI_QUIRKS_H
#define WEIR_CHAT_OPENAI_QUIRKS_H

#include "chat/dialect.h"
#include "chat/openai.h"

struct quirk_edit {
	const struct openai_request *r;
	const struct openai_target *t;
	struct json_edits *x;
	struct arena *a;
};

static inline bool has_quirk(const struct quirk_edit *q, unsigned quirks)
{
	return (q->t->quirks & quirks) != 0;
}

/* True when it may be left out: somebody is told. */
bool quirk_may_lose(const struct quirk_edit *q, const char *name);

/* Cuts the members marked in `gone` out of an object inside the body, with their commas. */
void quirk_cut_members(struct quirk_edit *q, const struct json_member *m, size_t n,
		       const bool *gone);

/* Those of the quirks that are about messages; `messages` is the value. */
void quirk_edit_messages(struct quirk_edit *q, struct slice messages);

/* All of them; called only when there are any. */
void quirk_edit(struct quirk_edit *q);

#endif
