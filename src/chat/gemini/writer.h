/* chat/gemini/writer.h -- what the two files that write requests share; private to them. */
#ifndef WEIR_CHAT_GEMINI_WRITER_H
#define WEIR_CHAT_GEMINI_WRITER_H

#include "chat/gemini/gemini.h"

/* What the reader puts before the names of extras from in there. */
#define GENERATION  "generationConfig."
#define TOOL_CONFIG "toolConfig."

struct gemini_write {
	const struct chat_request *r;
	const struct chat_target *t;
	struct json_out *o;
	struct chat_lost *lost;
	struct chat_refusal *why;
	enum rc rc; /* sticky */
	struct gemini_model model;
	bool own; /* the client speaks this dialect */
	/* Of the content that is being written. */
	enum chat_role role; /* ROLE_USER or ROLE_ASSISTANT; ROLE_SYSTEM: none is open */
	bool called;         /* a call is in it */
	size_t at;           /* number of the message */
};

/* Extras of the client's own words, below `prefix` ("": at the top). */
void gemini_extras_write(struct gemini_write *w, const char *prefix);

/* request_config.c: generationConfig. */
void gemini_config_write(struct gemini_write *w);

#endif
