/* chat/ollama/ollama.h -- what the files of the `ollama` dialect share: the native API of
 * Ollama, which weir speaks with providers only.
 *
 * Source: Ollama's API reference, "Generate a chat completion".  Its streams are lines of JSON.
 * There is no request_read(); answers are written too, since tests need a provider.
 *
 * Choices of ours:
 *   ids      of calls are often missing: invented from the answer's time and their number
 *   usage    a prompt that was cached is sometimes not counted: that is odd (usage.odd)
 *   "load", "unload" as done_reason, or one we do not know, is no answer (FINISH_BROKEN)
 */
#ifndef WEIR_CHAT_OLLAMA_OLLAMA_H
#define WEIR_CHAT_OLLAMA_OLLAMA_H

#include "chat/dialect.h"

enum rc ollama_request_write(const struct chat_request *r, const struct chat_target *t,
			     struct json_out *out, struct chat_lost *lost,
			     struct chat_refusal *why);

enum rc ollama_answer_read(struct slice body, struct chat_events *ev);
enum rc ollama_event_read(void *state, struct arena *keep, struct slice name, struct slice data,
			  struct chat_events *ev);
void ollama_stream_end(void *state, struct arena *keep, struct chat_events *ev);
void ollama_error_read(struct fault *f, unsigned status, struct slice body, struct arena *a);

void ollama_answer_write(const struct chat_reply *to, const struct chat_events *ev,
			 struct json_out *out);
void ollama_event_write(void *state, const struct chat_reply *to, struct arena *keep,
			const struct chat_event *e, struct json_out *out);
void ollama_error_write(const struct chat_error *e, struct json_out *out);
void ollama_error_event_write(void *state, const struct chat_reply *to,
			      const struct chat_error *e, struct json_out *out);

struct ollama_reader {
	bool started, done;
	unsigned calls; /* so far */
};

/* A call whose arguments are being gathered: they are sent whole. */
struct ollama_call {
	struct ollama_call *next;
	unsigned index;
	struct json_text id, name;
	char *args; /* JSON text, escaped once */
	size_t n, cap;
	bool custom;
};

struct ollama_writer {
	bool ended, finished;
	enum finish_kind finish;
	struct usage usage;
	struct ollama_call *calls; /* open */
};

#endif
