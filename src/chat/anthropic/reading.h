/* chat/anthropic/reading.h -- what the two files that read requests share; private to them. */
#ifndef WEIR_CHAT_ANTHROPIC_READING_H
#define WEIR_CHAT_ANTHROPIC_READING_H

#include "chat/anthropic/anthropic.h"

/* Where a value is, as links on the stack: spelt out only when something is wrong with it. */
struct where {
	const struct where *up;
	const char *name; /* of a member, or NULL: */
	size_t index;     /* of an element */
};

struct reading {
	struct chat_request *r;
	struct arena *a;
	struct chat_refusal *why;
};

/* The kinds of block that a list may have. */
enum blocks_of { BLOCKS_SYSTEM, BLOCKS_USER, BLOCKS_ASSISTANT, BLOCKS_RESULT };

/* A refusal that names the member `member` (or NULL) of what is at `at`. */
enum rc anthropic_refuse(struct reading *rd, const struct where *at, const char *member,
			 const char *code, const char *text);
/* A member of a known type.  Absent or null: OK and *out empty, or missing_field when it is
 * needed; another type: invalid_type. */
enum rc anthropic_text(struct reading *rd, const struct fields *f, const struct where *at,
		       const char *name, bool needed, struct json_text *out);
enum rc anthropic_typed(struct reading *rd, const struct fields *f, const struct where *at,
			const char *name, enum json_kind kind, struct slice *out);
enum rc anthropic_cache(struct reading *rd, const struct fields *f, const struct where *at,
			enum cache_mark *out);

/* The value of `content` (a string or a list of blocks): parts to `m`; tool results of a user's
 * turn to `results`. */
enum rc anthropic_content(struct reading *rd, const struct where *at, struct slice content,
			  enum blocks_of of, struct chat_message *m,
			  struct chat_message *results);

#endif
