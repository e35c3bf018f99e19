/* chat/anthropic/writing.h -- what the two files that write requests share; private to them. */
#ifndef WEIR_CHAT_ANTHROPIC_WRITING_H
#define WEIR_CHAT_ANTHROPIC_WRITING_H

#include "chat/anthropic/anthropic.h"

enum { MARKS_MAX = 4 }; /* cache breakpoints of one request */

struct writing {
	const struct chat_request *r;
	const struct chat_target *t;
	const struct claude *claude;
	struct json_out *o;
	struct arena *a;
	struct chat_lost *lost;
	bool own;          /* the client speaks this dialect too */
	size_t marks_over; /* cache breakpoints still to be left out, the earliest */
	bool only_system;  /* nobody else speaks: then it is the user's words */
	bool turn;         /* one is open, of this role: */
	enum chat_role role;
};

void anthropic_mark(struct writing *w, enum cache_mark mark);
/* {"type":"text","text":..} unless it is blank. */
void anthropic_text_out(struct writing *w, struct json_text text, enum cache_mark mark);
/* `system` and `messages`.  `say`: an instruction of ours for the end of the system prompt, or
 * empty. */
void anthropic_conversation_out(struct writing *w, struct slice say);
/* The assistant turn that the newest tool results answer begins with reasoning that can be
 * sent, or there is no such turn. */
bool anthropic_reasoning_whole(const struct writing *w);

#endif
