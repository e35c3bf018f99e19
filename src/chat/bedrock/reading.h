/* chat/bedrock/reading.h -- what the two files that read requests share; private to them.
 *
 * The first thing that is wrong is kept in `rc` and `why`; what is read after it is of no use,
 * so one check covers a group of calls.
 */
#ifndef WEIR_CHAT_BEDROCK_READING_H
#define WEIR_CHAT_BEDROCK_READING_H

#include "chat/bedrock/bedrock.h"

/* Where a value is, as links on the stack: spelt out only when something is wrong with it. */
struct where {
	const struct where *up;
	const char *name; /* of a member; NULL: */
	size_t index;     /* of an element */
};

struct reading {
	struct chat_request *r;
	struct arena *a;
	struct chat_refusal *why;
	enum rc rc;
};

/* Refuses the member `name` (NULL: the value itself) of what is at `at` (NULL: the body). */
void bedrock_refuse(struct reading *rd, const struct where *at, const char *name,
		    const char *code, const char *text);
/* The members of an object; false: refused, or no memory. */
bool bedrock_members(struct reading *rd, const struct where *at, struct slice object,
		     struct fields *f);
/* A member of this type, not there twice; empty: absent or null (refused when `needed`). */
struct slice bedrock_take(struct reading *rd, const struct fields *f, const struct where *at,
			  const char *name, enum json_kind kind, bool needed);
struct json_text bedrock_text(struct reading *rd, const struct fields *f,
			      const struct where *at, const char *name, bool needed);
/* A whole number; 0: absent. */
uint64_t bedrock_whole(struct reading *rd, const struct fields *f, const struct where *at,
		       const char *name);
/* {"type":"default","ttl":"5m"} */
enum cache_mark bedrock_cache(struct reading *rd, const struct where *at, struct slice point);

/* The blocks of a message or of `system`: tool results go to a ROLE_TOOL message, the rest to
 * one of `role` after it. */
void bedrock_turn(struct reading *rd, const struct where *at, enum chat_role role,
		  struct slice blocks);

#endif
