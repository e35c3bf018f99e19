/* chat/gemini/partial.h -- arguments of a call that come in pieces by their JSON paths.
 *
 * Vertex AI with streamFunctionCallArguments:
 *	{"name":"f","willContinue":true}
 *	{"partialArgs":[{"jsonPath":"$.city","stringValue":"Par","willContinue":true}],
 *	 "willContinue":true}
 *	{"partialArgs":[{"jsonPath":"$.city","stringValue":"is"}],"willContinue":true}
 *	{}
 */
#ifndef WEIR_CHAT_GEMINI_PARTIAL_H
#define WEIR_CHAT_GEMINI_PARTIAL_H

#include "chat/dialect.h"

enum { PARTIAL_DEPTH_MAX = 24, PARTIAL_INDEX_MAX = 65536 };

struct gemini_node {
	struct gemini_node *next;
	struct gemini_node *kids, *last;
	struct slice key; /* plain; of an array's element: none */
	size_t index;
	bool array;
	struct slice value;              /* JSON, when it is no string and has no kids */
	struct gemini_node *text, *more; /* pieces of a string: their `value` is escaped text */
	bool is_text;
};

/* One element of partialArgs, into the tree below `root` (zeroed at first).  What it borrows
 * is copied into `keep`.  False: a path that cannot be followed. */
bool gemini_partial_add(struct gemini_node *root, struct slice part, struct arena *keep);
/* The object that came of it. */
struct slice gemini_partial_args(const struct gemini_node *root, struct arena *a);

#endif
