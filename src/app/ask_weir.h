/* app/ask_weir.h -- one request of a command to a gateway that runs, and its whole answer.
 *
 * Blocks; runs a loop of its own, or the caller's until the answer is there.
 */
#ifndef WEIR_APP_ASK_WEIR_H
#define WEIR_APP_ASK_WEIR_H

#include "base/arena.h"
#include "base/err.h"

enum { ASK_WEIR_BYTES_MAX = 16 << 20 };

struct loop;

struct weir_question {
	struct slice url; /* "http://127.0.0.1:8080" */
	struct slice key; /* empty: none */
	const char *method;
	struct slice path; /* and query */
	struct slice body; /* empty: none */
	struct loop *loop; /* NULL: one is made */
};

struct weir_answer {
	unsigned status;
	struct slice body; /* in the caller's arena */
};

/* E_BAD for a URL that is none, what http_call_start() and its `failed` say, E_TIMEOUT after
 * 30 s, E_TOOBIG, E_NOMEM. */
MUST_USE enum rc ask_weir(const struct weir_question *q, struct weir_answer *answer,
			  struct arena *a, struct err *err);

#endif
