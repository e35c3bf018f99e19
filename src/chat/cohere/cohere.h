/* chat/cohere/cohere.h -- what the files of the `cohere` dialect (v2 chat) share.
 *
 * Source: Cohere's API reference, "Chat" v2, and the types of its Python SDK (cohere 7).
 *
 * Choices of ours, where the two forms differ:
 *   tool_plan   is text: the model's words before its calls.  Every dialect can say text
 *               beside calls and gets it back from its clients, reasoning it would lose.  On
 *               the way in content comes first, then the plan, then the calls; on the way out
 *               the text of an assistant's message with calls is its tool_plan.  Answers to
 *               clients have it as content in both modes: a stream cannot know what follows.
 *   usage       `tokens` is what was used and is shown; `billed_units` is what is billed, and
 *               goes beside it (struct usage, billed).  Where only one is there it is both.
 *   documents   of a request are text documents in front of its last user message.
 *   signatures  of other providers go in members of our own: "signature" and "encrypted" of a
 *               thinking block, "signature" of a text block or call.  Cohere's SDKs keep what
 *               they do not know.
 *   ERROR       its reason is in "error" of the message-end (and of a plain answer, where
 *               Cohere has none): "content_filter", "refusal" and "malformed" are ours.
 */
#ifndef WEIR_CHAT_COHERE_COHERE_H
#define WEIR_CHAT_COHERE_COHERE_H

#include "chat/dialect.h"

/* A finish that is an ERROR in Cohere's words, and why. */
struct cohere_end {
	const char *reason; /* "COMPLETE" */
	const char *error;  /* NULL: none */
};

struct cohere_end cohere_end_of(enum finish_kind finish);

enum rc cohere_request_read(struct chat_request *r, const struct request_in *in,
			    struct arena *a, struct chat_refusal *why);
enum rc cohere_request_write(const struct chat_request *r, const struct chat_target *t,
			     struct json_out *out, struct chat_lost *lost,
			     struct chat_refusal *why);

enum rc cohere_answer_read(struct slice body, struct chat_events *ev);
enum rc cohere_event_read(void *state, struct arena *keep, struct slice name, struct slice data,
			  struct chat_events *ev);
void cohere_stream_end(void *state, struct arena *keep, struct chat_events *ev);
void cohere_error_read(struct fault *f, unsigned status, struct slice body, struct arena *a);

void cohere_answer_write(const struct chat_reply *to, const struct chat_events *ev,
			 struct json_out *out);
void cohere_event_write(void *state, const struct chat_reply *to, struct arena *keep,
			const struct chat_event *e, struct json_out *out);
void cohere_error_write(const struct chat_error *e, struct json_out *out);
void cohere_error_event_write(void *state, const struct chat_reply *to,
			      const struct chat_error *e, struct json_out *out);

/* Calls that may be open at the same time in a provider's stream. */
enum { COHERE_OPEN_MAX = 64 };

struct cohere_reader {
	unsigned calls; /* begun */
	struct {
		bool open;
		unsigned ours;
		uint64_t theirs; /* the index in the stream */
	} call[COHERE_OPEN_MAX];
	bool done;
};

/* Of which calls it is known whether they had arguments. */
enum { COHERE_CALLS_MAX = 1024 };

enum cohere_block { BLOCK_NONE, BLOCK_TEXT, BLOCK_THINKING };

/* The blocks of an answer's content, made of events one after the other. */
struct cohere_blocks {
	enum cohere_block open;
	unsigned n; /* begun */
};

struct cohere_writer {
	bool started, ended;
	struct cohere_blocks blocks;
	unsigned citations; /* begun */
	bool finished;
	enum finish_kind finish;
	struct json_text words; /* for a refusal */
	struct usage usage;
	uint64_t has_args[COHERE_CALLS_MAX / 64], custom[COHERE_CALLS_MAX / 64];
};

#endif
