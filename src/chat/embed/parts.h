/* chat/embed/parts.h -- what the dialects of chat/embed.h share. */
#ifndef WEIR_CHAT_EMBED_PARTS_H
#define WEIR_CHAT_EMBED_PARTS_H

#include "chat/embed.h"

/* ---- reading requests ---- */

struct embed_reader {
	struct embed_request *r;
	struct arena *a;
	struct chat_refusal *why;
	char path[96]; /* of what is looked at */
};

/* A member that a dialect defines. */
struct embed_known {
	const char *name;
	enum json_kind kind; /* JSON_NULL: of any */
};

/* rd->path, for refusals. */
void embed_at(struct embed_reader *rd, const char *fmt, ...) PRINTF_LIKE(2, 3);
enum rc embed_bad_type(struct embed_reader *rd, const char *want);
enum rc embed_bad_value(struct embed_reader *rd, const char *want);
enum rc embed_missing(struct embed_reader *rd);

/* Starts: the body's members, their types, the others as extras, and the model. */
enum rc embed_begin(struct embed_reader *rd, const struct request_in *in, struct fields *f,
		    const struct embed_known *known, size_t known_n);
/* Room for as many inputs as this array has elements (or one, when it is none). */
enum rc embed_room(struct embed_reader *rd, struct slice array);
/* "dimensions" and its like: whole and more than 0, or absent. */
enum rc embed_dimensions(struct embed_reader *rd, const struct fields *f, const char *name);

/* ---- writing requests ---- */

/* `named`: what the target calls dimensions; only when there are some. */
void embed_dimensions_out(const struct embed_request *r, const struct chat_target *t,
			  const char *named, struct json_out *out, struct chat_lost *lost);
/* Its own extras, or the names of another dialect's. */
void embed_extras_out(const struct embed_request *r, const struct embed_dialect *own,
		      const struct chat_target *t, struct json_out *out,
		      struct chat_lost *lost);
/* E_BAD when there is anything but texts. */
enum rc embed_texts_only(const struct embed_request *r, const char *target,
			 struct chat_refusal *why);
/* Only Gemini has titles. */
void embed_titles_lost(const struct embed_request *r, struct chat_lost *lost);
/* An array of all the texts. */
void embed_texts_out(const struct embed_request *r, struct json_out *out);

/* "search_document", of Cohere; NULL: it has no such word. */
const char *embed_use_cohere(enum embed_use use);
enum embed_use embed_use_read(struct json_text word);

/* ---- reading answers ---- */

/* Its members; E_BAD: no object. */
enum rc embed_answer_begin(struct fields *f, struct slice body, const struct embed_request *r,
			   struct embed_answer *ans, struct arena *a);
/* All vectors are there. */
enum rc embed_answer_end(const struct embed_answer *ans);
/* Vectors of an array of arrays (or of base64 strings). */
enum rc embed_vectors(struct embed_answer *ans, struct slice array);
/* One vector, by its value's kind; false: it is none. */
bool embed_vector(struct embed_vector *v, struct slice value);
/* Prompt tokens as the only usage. */
void embed_usage(struct embed_answer *ans, const struct fields *f, const char *name);

/* Cohere's, for Bedrock too. */
enum rc embed_cohere_answer(struct slice body, const struct embed_request *r,
			    struct embed_answer *ans, struct arena *a);

#endif
