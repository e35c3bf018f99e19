/* chat/openai/parts.h -- what the files of this folder share: the in-place path
 * (chat/openai.h) and the dialect (chat/dialect.h).
 */
#ifndef WEIR_CHAT_OPENAI_PARTS_H
#define WEIR_CHAT_OPENAI_PARTS_H

#include "chat/dialect.h"

enum { OPENAI_CHOICES_MAX = 128 };

/* What a PART_OTHER is that stands for {"audio":{"id":..}} of an assistant's message. */
#define OPENAI_AUDIO_ID "audio id"

/* The object under `usage`, of any provider that speaks this dialect.  Impossible figures are
 * corrected and marked; figures beyond all measure make it unknown. */
void openai_usage_read(struct usage *u, struct slice object);
/* The same, as OpenAI has it. */
void openai_usage_write(struct json_out *o, const struct usage *u);

/* {"message":..,"type":..,"param":..,"code":..} */
void openai_error_object(struct json_out *o, const struct chat_error *e);

/* What a stream's reader and writer keep between calls. */
struct openai_choice_in;
struct openai_reader {
	bool started, ended, sources;
	uint64_t id_seed; /* for the ids of calls that have none */
	struct openai_choice_in *choices;
};

struct openai_choice_out;
struct openai_writer {
	struct slice head; /* what all chunks begin with, up to their choices */
	bool shows_usage;
	struct usage usage;
	struct openai_choice_out *choices;
};

/* The functions of the table in dialect.c: chat/dialect.h says what they do. */
enum rc openai_request_from(struct chat_request *r, const struct request_in *in,
			    struct arena *a, struct chat_refusal *why);
enum rc openai_request_to(const struct chat_request *r, const struct chat_target *t,
			  struct json_out *out, struct chat_lost *lost,
			  struct chat_refusal *why);
enum rc openai_answer_from(struct slice body, struct chat_events *ev);
enum rc openai_event_from(void *state, struct arena *keep, struct slice name, struct slice data,
			  struct chat_events *ev);
void openai_stream_end(void *state, struct arena *keep, struct chat_events *ev);
void openai_answer_to(const struct chat_reply *to, const struct chat_events *ev,
		      struct json_out *out);
void openai_event_to(void *state, const struct chat_reply *to, struct arena *keep,
		     const struct chat_event *e, struct json_out *out);
void openai_error_event_to(void *state, const struct chat_reply *to, const struct chat_error *e,
			   struct json_out *out);

#endif
