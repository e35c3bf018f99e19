/* chat/gemini/reader.h -- what the two files that read requests share; private to them. */
#ifndef WEIR_CHAT_GEMINI_READER_H
#define WEIR_CHAT_GEMINI_READER_H

#include "chat/gemini/gemini.h"

/* A call that no result has been given for yet, in the last turn of the model. */
struct gemini_pending {
	struct gemini_pending *next;
	struct chat_call *call;
	bool invented; /* its id */
};

struct gemini_read {
	struct chat_request *r;
	struct arena *a;
	struct chat_refusal *why;
	enum rc rc; /* sticky: the first refusal; nothing is read after it */
	/* Where we are: "contents[2].parts[0]". */
	char path[80];
	size_t path_n;
	/* Ids are optional in this dialect. */
	struct gemini_pending *pending, **pending_tail;
	size_t invented;
	/* A text that grows by pieces: which one, and its room. */
	struct json_text *joined;
	char *joined_at;
	size_t joined_cap;
};

/* One step down: "contents" or "parts[3]".  Returns what gemini_up() takes. */
size_t gemini_down(struct gemini_read *x, const char *member, size_t i);
#define GEMINI_NO_INDEX SIZE_MAX
void gemini_up(struct gemini_read *x, size_t back);

/* `member` of the object at the path, or NULL for that itself. */
void gemini_refuse(struct gemini_read *x, const char *code, const char *member, const char *fmt,
		   ...) PRINTF_LIKE(4, 5);

/* The members of what must be an object; none and false: refused. */
bool gemini_members(struct gemini_read *x, struct slice value, struct fields *f);
/* A member of that type: false when it is absent, null, or refused as something else. */
bool gemini_want(struct gemini_read *x, const struct fields *f, const char *name,
		 enum json_kind kind, struct slice *value);
bool gemini_want_text(struct gemini_read *x, const struct fields *f, const char *name,
		      struct json_text *text);

/* A list, or its only element without the brackets, which Google takes too. */
struct gemini_items {
	struct json_array list;
	struct slice only;
};

bool gemini_want_items(struct gemini_read *x, const struct fields *f, const char *name,
		       struct gemini_items *items);
bool gemini_next(struct gemini_items *items, struct slice *value);

/* request_parts.c */
void gemini_contents_read(struct gemini_read *x, const struct fields *f);
void gemini_system_read(struct gemini_read *x, const struct fields *f);
/* Something that Google stores or finds by itself: gs://, the Files API, YouTube. */
bool gemini_own_uri(struct json_text uri, struct arena *a);

#endif
