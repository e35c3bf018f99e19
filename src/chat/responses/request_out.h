/* chat/responses/request_out.h -- a request while it is written; private to request_write.c
 * and write_input.c. */
#ifndef WEIR_CHAT_RESPONSES_REQUEST_OUT_H
#define WEIR_CHAT_RESPONSES_REQUEST_OUT_H

#include "chat/dialect.h"

struct request_out {
	const struct chat_request *r;
	const struct chat_target *t;
	struct json_out *o;
	struct chat_lost *lost;
	bool custom; /* some tool is free-form */
	/* Where: for what is lost. */
	size_t message, part;
	enum chat_role role;
	/* A message's item and its content are open. */
	bool open;
};

/* The array of items; `skip_first`: the first message is said elsewhere. */
void write_input(struct request_out *w, bool skip_first);

#endif
