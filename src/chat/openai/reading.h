/* chat/openai/reading.h -- what reading a request needs: the type checks, and the path of what
 * is wrong.
 *
 * Private to this folder.  The first thing that is wrong is kept in `rc` and `why`; what is
 * read after it is of no use, so one check covers a group of calls.
 */
#ifndef WEIR_CHAT_OPENAI_READING_H
#define WEIR_CHAT_OPENAI_READING_H

#include "chat/dialect.h"
#include "chat/opaque.h"

/* A place in the body, as a chain to the outermost object: written out only to be told. */
struct where {
	const struct where *up;
	const char *name; /* of the member; NULL: an element */
	size_t index;
};

struct reading {
	struct chat_request *r;
	struct arena *a;
	struct chat_refusal *why;
	enum rc rc;
	/* The id given to the last call that has none: the deprecated function_call. */
	struct json_text function_id;
};

/* Refuses the member `name` (NULL: the value itself) at `w` (NULL: the body). */
void refuse_at(struct reading *rd, const struct where *w, const char *name, const char *code,
	       const char *text);

enum {
	WANT_STRING = 1 << JSON_STRING,
	WANT_NUMBER = 1 << JSON_NUMBER,
	WANT_BOOL = 1 << JSON_BOOL,
	WANT_ARRAY = 1 << JSON_ARRAY,
	WANT_OBJECT = 1 << JSON_OBJECT,
};

/* `value` has one of these types; else it is refused.  Empty (absent) passes. */
bool typed(struct reading *rd, const struct where *w, const char *name, struct slice value,
	   unsigned wanted);
/* The members of an object; refused when it is none. */
bool members(struct reading *rd, const struct where *w, struct slice object, struct fields *f);

/* The value of a member, with its type checked and not there twice; empty: absent or null. */
struct slice take(struct reading *rd, const struct fields *f, const struct where *w,
		  const char *name, unsigned wanted);
struct json_text take_text(struct reading *rd, const struct fields *f, const struct where *w,
			   const char *name);
/* The same; refused when absent or "". */
struct json_text take_needed(struct reading *rd, const struct fields *f, const struct where *w,
			     const char *name);
enum tri take_tri(struct reading *rd, const struct fields *f, const struct where *w,
		  const char *name);
/* A whole number, 0 or more. */
uint64_t whole(struct reading *rd, const struct where *w, const char *name, struct slice value);

/* The array under `messages`. */
void openai_messages_read(struct reading *rd, struct slice array);

#endif
