/* chat/event.h -- the one form of an answer: a sequence of events, streamed or whole.
 *
 * Pure data.  A reader appends what one frame (or a whole plain answer) says to a list; the
 * events borrow from that frame and from the list's arena, until both go.
 *
 * Order, per choice: START once (choice 0 only); then TEXT, REASONING, SIGNATURE, REFUSAL,
 * TOOL_BEGIN .. TOOL_ARGS .. TOOL_END (calls may overlap, told apart by `index`), AUDIO,
 * IMAGE, ANNOTATION, LOGPROBS in any order; FINISH once per choice; USAGE before END (the
 * last one given counts: it is the whole so far, never a part to be added); END once, when the
 * dialect's own end mark came.  ERROR ends it.
 */
#ifndef WEIR_CHAT_EVENT_H
#define WEIR_CHAT_EVENT_H

#include "chat/fault.h"
#include "chat/usage.h"
#include "wire/json_text.h"

enum event_kind {
	EV_START,      /* id, name (the provider's name of the model) */
	EV_TEXT,       /* text, signature */
	EV_REASONING,  /* text; `summary` */
	EV_SIGNATURE,  /* of the reasoning before it: signature; or encrypted reasoning: text */
	EV_REFUSAL,    /* text */
	EV_TOOL_BEGIN, /* index, id, name, signature; `custom` */
	EV_TOOL_ARGS,  /* index, text: a piece of the arguments' JSON text (escaped once, as a
			  piece of a string of it); of a custom tool: of its input */
	EV_TOOL_END,   /* index; arguments that never came are {} */
	EV_AUDIO,      /* id, text: base64; name: transcript */
	EV_IMAGE,      /* text: base64; name: MIME type */
	EV_ANNOTATION, /* annotation */
	EV_LOGPROBS, /* raw: an array in OpenAI's shape [{token,logprob,bytes,top_logprobs}] */
	EV_OTHER,  /* raw: something of the same dialect only (a built-in tool's result); `name`
		      may say which dialect it is */
	EV_USAGE,  /* usage */
	EV_FINISH, /* finish, text: the stop sequence that was met, name: words for a refusal */
	EV_END,
	EV_ERROR, /* fault */
	EV_PING,  /* nothing, to keep the connection alive */
};

enum finish_kind {
	FINISH_STOP,
	FINISH_SEQUENCE, /* a stop sequence */
	FINISH_LENGTH,   /* max tokens */
	FINISH_CONTEXT,  /* the context window is full */
	FINISH_TOOLS,
	FINISH_FILTER,  /* the provider's filter cut or blocked it */
	FINISH_REFUSAL, /* the model refused */
	FINISH_PAUSE,   /* a long turn: to be continued by sending it back */
	FINISH_BROKEN,  /* the model produced a malformed call or nothing usable */
};

struct chat_annotation {
	struct json_text url, title, cited; /* cited: the words of the source */
	uint64_t start, end; /* of the answer's text in characters; end 0: not said */
	struct slice raw;    /* as its own dialect said it */
};

struct chat_event {
	enum event_kind kind;
	unsigned choice;
	unsigned index; /* of a tool call, counted from 0 in each choice */
	bool custom, summary, encrypted;
	enum finish_kind finish;
	struct json_text text, id, name;
	struct json_text signature;
	struct slice raw;
	union {
		struct usage usage;
		struct fault fault;
		struct chat_annotation annotation;
	} u;
};

enum { EVENTS_MAX = 65536 }; /* of one frame or plain answer */

struct chat_events {
	struct arena *a; /* for what must be decoded, and for the list */
	struct chat_event *v;
	size_t n, cap;
	bool failed; /* no memory or too many: sticky */
};

static inline void events_init(struct chat_events *e, struct arena *a)
{
	*e = (struct chat_events){ .a = a };
}

/* Appends a zeroed event.  NULL when it failed. */
struct chat_event *event_add(struct chat_events *e, enum event_kind kind);

/* The shapes that most readers need. */
void event_text(struct chat_events *e, enum event_kind kind, struct json_text text);
/* One whole call whose arguments are a JSON object (text of a scanned value). */
void event_call(struct chat_events *e, unsigned index, struct json_text id,
		struct json_text name, struct slice args_object);
/* The arguments (a custom tool's input) of the whole call that begins at `i`, decoded and
 * trimmed; empty also on no memory (sticky in the arena). */
struct slice event_args(const struct chat_event *v, size_t n, size_t i, struct arena *a);
void event_usage(struct chat_events *e, const struct usage *u);
void event_finish(struct chat_events *e, unsigned choice, enum finish_kind finish);

/* Part of the answer, so that it commits an exchange: text that is not empty, a tool call ...
 */
bool event_is_content(const struct chat_event *e);

#endif
