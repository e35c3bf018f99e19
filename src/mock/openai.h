/* mock/openai.h -- OpenAI's dialect in parts: openai.c has the endpoints and errors, _check.c
 * reads and judges, _chat.c says the answer. */
#ifndef WEIR_MOCK_OPENAI_H
#define WEIR_MOCK_OPENAI_H

#include "mock/ask.h"

/* What only this dialect asks for. */
struct openai_ask {
	struct question q;
	struct reply r;
	bool legacy; /* completions, not chat */
	bool include_usage;
	uint64_t choices, top;
	bool role_sent;
};

/* Reads the body; what is wrong with it is in a->q. */
void openai_read(struct openai_ask *a, const struct json_member *m, size_t n);
void openai_check(struct openai_ask *a, const struct json_member *m, size_t n);
/* a->r is decided: into the plan. */
void openai_say(struct openai_ask *a, struct plan *plan);

/* What `strict` demands of a schema: objects are closed and all their members required.  `what`
 * names it in the refusal. */
bool openai_strict_schema(struct question *q, const struct json *schema, struct slice what,
			  unsigned depth);

enum mock_usage openai_usage(const struct mock_options *o);

#endif
