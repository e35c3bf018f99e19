/* chat/bedrock/writing.h -- what the files that write requests share; private to them. */
#ifndef WEIR_CHAT_BEDROCK_WRITING_H
#define WEIR_CHAT_BEDROCK_WRITING_H

#include "chat/anthropic/anthropic.h"
#include "chat/bedrock/bedrock.h"

enum { MARKS_MAX = 4 }; /* cache points of one request */

/* Whose model it is, as far as requests differ by it. */
enum family { FAMILY_OTHER, FAMILY_CLAUDE, FAMILY_NOVA, FAMILY_GPT_OSS, FAMILY_MISTRAL };

struct writing {
	const struct chat_request *r;
	const struct chat_target *t;
	enum family family;
	const struct claude *claude; /* of FAMILY_CLAUDE, else NULL */
	struct json_out *o;
	struct arena *a;
	struct chat_lost *lost;
	struct chat_refusal *why;
	enum rc rc;
	bool own;            /* the client speaks this dialect too */
	size_t marks_over;   /* cache points still to be left out, the earliest */
	bool turn;           /* one is open, of this side: */
	enum chat_role side; /* ROLE_USER or ROLE_ASSISTANT */
	bool turn_document, turn_text;
	struct chat_name *documents; /* names that were written */
	size_t document_n;
};

/* {"cachePoint":..}, a block of its own. */
void bedrock_point_out(struct writing *w, enum cache_mark mark);
/* `system` and `messages`.  `say`: an instruction of ours for the end of the system prompt, or
 * empty. */
void bedrock_conversation_out(struct writing *w, struct slice say);
/* The assistant turn that the newest tool results answer begins with reasoning that can be
 * sent, or there is no such turn. */
bool bedrock_reasoning_whole(const struct writing *w);

/* names.c: `id` when it is one that AWS takes, else one made of it: equal ids stay equal. */
void bedrock_id_out(struct json_out *o, struct json_text id, bool mistral);
/* A document's name: of the characters that AWS takes, and not one of `taken`, to which it is
 * added. */
struct json_text bedrock_document_name(struct json_text name, size_t number,
				       struct chat_name **taken, struct arena *a);

#endif
