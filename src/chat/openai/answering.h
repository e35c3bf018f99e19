/* chat/openai/answering.h -- what whole answers and streams to clients have in common.
 *
 * Private to this folder.
 */
#ifndef WEIR_CHAT_OPENAI_ANSWERING_H
#define WEIR_CHAT_OPENAI_ANSWERING_H

#include "chat/dialect.h"

const char *openai_finish_word(enum finish_kind kind);

/* The members id, object, created and model. */
void openai_head_out(struct json_out *o, const struct chat_reply *to, const char *object);
/* The member extra_content, when there is a signature. */
void openai_google_out(struct json_out *o, const struct chat_reply *to,
		       struct json_text signature);
void openai_annotation_out(struct json_out *o, const struct chat_annotation *a);
void openai_image_out(struct json_out *o, const struct chat_event *e);

/* An element of reasoning_details. */
struct openai_detail {
	bool encrypted, summary;
	struct json_text opaque; /* the signature, or what is encrypted */
	struct json_text id;
	unsigned index;
};

/* Opens it and writes all but its text; out_close() ends it. */
void openai_detail_open(struct json_out *o, const struct chat_reply *to,
			const struct openai_detail *d);

#endif
