/* mock/ask.h -- what a request asks for and what it is answered, the same for every dialect.
 *
 * A dialect reads its request into a question and judges it as its provider would (the first
 * thing wrong is kept), ask_decide() makes the reply of it and of the options, and the dialect
 * says the reply in its own words.  Nothing here is shared with src/chat: the simulator is the
 * other side, and a fault shared by both would be seen by neither.
 */
#ifndef WEIR_MOCK_ASK_H
#define WEIR_MOCK_ASK_H

#include "mock/exchange.h"

struct offered {
	struct slice name;
	const struct json *schema; /* may be NULL */
};

enum call_mode { CALL_AUTO, CALL_NONE, CALL_ANY };

enum { OFFERED_MAX = 128, STOPS_MAX = 16 };

struct question {
	struct exchange *x;
	const struct mock_options *o;
	const struct mock_dialect *d;
	const struct json *root; /* may be NULL: the tree was not needed, or it is none */
	struct slice model;
	bool stream;
	struct offered tools[OFFERED_MAX];
	size_t tool_n;
	enum call_mode mode;
	struct slice named; /* only this function may be called */
	bool one_call;
	bool results_last; /* the last turn brought results */
	bool json;         /* structured output ... */
	const struct json *schema;
	bool think;
	bool logprobs;
	uint64_t max_tokens; /* 0: no limit */
	struct slice stops[STOPS_MAX];
	size_t stop_n;
	/* What is wrong with the request. */
	struct slice problem;
	unsigned status;
};

enum reply_finish {
	REPLY_STOP,
	REPLY_SEQUENCE, /* a stop sequence */
	REPLY_LENGTH,
	REPLY_CALLS,
	REPLY_FILTER,
	REPLY_REFUSAL,
	REPLY_CONTEXT, /* the context window is full */
	REPLY_BLOCKED, /* the prompt was */
	REPLY_PAUSE,
	REPLY_ERROR,
	REPLY_OTHER, /* finish_word says it */
};

struct reply_call {
	uint64_t number; /* for ids */
	struct slice name, arguments;
};

struct reply {
	uint64_t seed;
	uint64_t words; /* of text made by number; what log-probabilities are told for */
	struct slice thinking;
	struct slice signature; /* of the thinking, or in its place */
	struct slice text;
	struct reply_call *calls;
	size_t call_n;
	enum reply_finish finish;
	struct slice finish_word;
	struct slice sequence;
	/* Disjoint. */
	struct {
		uint64_t fresh, cache_read, cache_write; /* the prompt; audio is of `fresh` */
		uint64_t output, reasoning;
	} used;
};

/* Reads the tree (q->root stays NULL when it is none). */
void ask_begin(struct question *q, struct exchange *x, const struct mock_dialect *d);
void ask_offer(struct question *q, struct slice name, const struct json *schema);
/* A text, or a list of them. */
void ask_stops(struct question *q, const struct json *v);
/* The reply, and what the plan tells of it.  False: no memory (sticky in x->work). */
MUST_USE bool ask_decide(struct question *q, struct reply *r, struct plan *plan);
static inline uint64_t reply_prompt(const struct reply *r)
{
	return r->used.fresh + r->used.cache_read + r->used.cache_write;
}

/* ---- judging ------------------------------------------------------------------------------
 */

/* Keeps the first problem; returns false.  400 unless `status`. */
bool ask_wrong(struct question *q, unsigned status, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* The object has no members but these (names with blanks between). */
bool ask_only(struct question *q, const struct json *object, const char *path,
	      const char *names);
bool ask_is_bool(const struct json *v);
/* A member that must be a text with something in it. */
bool ask_text(struct question *q, const struct json *object, const char *path,
	      const char *name);
/* Base64 of a picture of this kind ("image/png" or "png"); empty: of anything. */
bool ask_media(struct question *q, struct slice base64, struct slice kind, const char *path);
/* The plan becomes the problem, when there is one. */
bool ask_refused(struct question *q, struct plan *plan);
/* A name of 1 to `max` letters, digits, _ and -, and what `more` has. */
bool ask_name_ok(struct slice s, size_t max, const char *more);

/* ---- saying --------------------------------------------------------------------------------
 */

/* Empty, to say one piece with. */
struct say *ask_say(struct question *q);
/* What was said becomes a piece of the plan.  NULL on no memory. */
struct piece *ask_piece(struct question *q, struct plan *plan, enum piece_kind kind,
			const char *event);
/* The end of the piece of text that begins at `at`: so many words, with the blank before. */
size_t ask_piece_end(const struct question *q, struct slice text, size_t at);
/* The next piece of the calls' arguments: which call, and the piece; one call after the other,
 * or in turns.  `at` are zeroes, one per call. */
bool ask_next_arguments(const struct question *q, const struct reply *r, size_t *at,
			size_t *call, struct slice *part);
/* JSON: {"name":value ...: `name":` is written with the comma before it, if any. */
void say_member(struct say *o, bool *comma, const char *name);
/* The parts of `content` that are texts (a text, or a list of objects with `text`). */
void say_texts(struct say *o, const struct json *content);

/* A token that only we can have made, about a text (which may be empty); and whether it is one,
 * about this text when `of` has a pointer. */
struct slice ask_token(struct arena *a, struct slice of);
bool ask_token_ok(struct slice token, struct slice of);

/* An embedding's i-th coordinate. */
double ask_coordinate(uint64_t seed, uint64_t input, uint64_t i);
void say_embedding(struct say *o, uint64_t seed, uint64_t input, uint64_t dimensions);
uint64_t ask_count(struct slice text); /* words, which are our tokens */

#endif
