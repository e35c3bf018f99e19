/* chat/dialect.h -- what every dialect can do, behind one const table.
 *
 * Pure.  Source: reference/dialects.md of the design; each dialect's files say which sections.
 * A dialect is a folder here: request_read.c, request_write.c, answer_read.c, answer_write.c
 *and dialect.c (the table, errors, lists of models, paths).  Whoever knows one knows all.
 *
 *	request_read    wire bytes -> request        answer_read   wire bytes -> events
 *	request_write   request -> wire bytes        answer_write  events -> wire bytes
 *	error_read      wire bytes -> fault          error_write   error -> wire bytes
 *
 * Readers of answers ignore what they do not know (fields, events, comments) and never fail on
 * it.  Readers of requests keep what they do not know as `extras`.
 */
#ifndef WEIR_CHAT_DIALECT_H
#define WEIR_CHAT_DIALECT_H

#include "catalogue/providers.h"
#include "chat/event.h"
#include "chat/fields.h"
#include "chat/request.h"
#include "wire/json_out.h"

/* How a stream is framed. */
enum framing {
	FRAMING_SSE,
	FRAMING_LINES, /* a JSON value per line: Ollama */
	FRAMING_AWS,   /* application/vnd.amazon.eventstream: wire/aws_event.h */
	FRAMING_ARRAY, /* one JSON array, an element at a time: Gemini without alt=sse; to
			  clients only */
};

/* What can be asked for. */
enum chat_op {
	OP_CHAT,
	OP_COMPLETIONS, /* legacy text completions: openai to openai only */
	OP_EMBEDDINGS,
	OP_COUNT_TOKENS,
	CHAT_OPS,
};

/* "chat", "completions", ...: in logs and metrics. */
const char *chat_op_name(enum chat_op op);

/* Why a request is refused: for a 400 in the caller's dialect. */
struct chat_refusal {
	const char *code; /* stable: "invalid_json", "missing_field", "invalid_type" ... */
	char param[96];   /* the member's path: "messages[2].content[0].image_url"; may be empty
			   */
	char text[200];
};

/* What came, beside the body. */
struct request_in {
	struct slice body;
	struct slice model; /* from the path, decoded; empty: the body says */
	enum tri stream;    /* from the path; UNSET: the body says */
	enum chat_op op;
};

/* The deployment that a request is written for. */
struct chat_target {
	struct slice model;              /* its upstream name, plain */
	struct slice provider;           /* its name in the config: for opaque state */
	unsigned quirks;                 /* enum provider_quirk */
	uint64_t max_output;             /* tokens, from the catalogue; 0: unknown */
	bool no_sampling;                /* the model refuses temperature, top_p and top_k */
	bool vertex;                     /* Gemini on Vertex: no ids in calls, labels allowed */
	const struct slice *drop_params; /* members its provider does not take */
	size_t drop_param_n;
};

/* Whether its provider takes the member (it is none of drop_params). */
bool target_takes(const struct chat_target *t, struct slice member);

/* What a target could not say.  Never silently: the account's policy is asked. */
enum { LOST_MAX = 24 };
struct chat_lost {
	struct {
		char name[64]; /* in the caller's terms where possible: "seed",
				  "messages[1].content[0] (audio)" */
		bool content;  /* part of the conversation, not a parameter */
	} v[LOST_MAX];
	size_t n; /* may be more than LOST_MAX: the rest is not named */
	bool content;
};
void lost_param(struct chat_lost *l, const char *name);
/* target_takes(); what it does not take is named as lost. */
bool target_param(const struct chat_target *t, const char *name, struct chat_lost *l);
void lost_key(struct chat_lost *l, struct slice name);
/* `what`: "audio"; `m`, `p`: which message and part (from 0). */
void lost_content(struct chat_lost *l, size_t m, size_t p, const char *what);
/* A tool that only its own dialect has (TOOL_HOSTED): "tools[2] (web_search)".  Part of the
 * conversation: an answer without it would not be what was asked for. */
void lost_tool(struct chat_lost *l, size_t i, struct json_text type);
/* All extras of the request, for targets of another dialect. */
void lost_extras(struct chat_lost *l, const struct chat_request *r);

/* What an answer to a client needs beside its events. */
struct chat_reply {
	const struct chat_request *req;
	struct slice id;     /* unique, [A-Za-z0-9-]: "req-0123456789abcdef" */
	struct slice model;  /* the name to show: as the client asked */
	struct slice issuer; /* the provider's name, to seal opaque state with */
	uint64_t created_s;  /* Unix time */
	bool array;          /* Gemini without alt=sse: a stream is one JSON array */
	uint64_t passed;     /* events of the provider's that went to the client as they came */
};

/* An error for the client. */
struct chat_error {
	unsigned status;
	struct slice message;
	const char *type;  /* OpenAI's: "invalid_request_error"; each dialect has its own by
			      status */
	const char *code;  /* stable, ours: "model_not_found" */
	const char *param; /* or NULL */
	struct slice id;   /* of the request; may be empty */
};

struct model_row { /* of a list of models */
	struct slice name, owner;
	uint64_t created_s;
	uint64_t context, max_output; /* tokens; 0: unknown */
};

/* Functions that may be NULL: count_write and count_read where the dialect has no such question
 * (openai, cohere, ollama: path() is empty for OP_COUNT_TOKENS then, and request_write()
 * refuses it); request_read of ollama, which no client speaks to us. */
/* What is known of a stream while it is watched in its own dialect: see stream_look(). */
struct dialect {
	const char *name;
	enum framing framing; /* of its streams, as a provider sends them */
	/* The state that a stream's reader and writer keep between calls; zeroed by the caller
	 * and never freed: what they hold is in the `keep` arena. */
	size_t reader_bytes, writer_bytes;

	/* ---- requests.  All memory from `a`.
	 * E_BAD: `why` is filled, a 400;  E_TOOBIG: nested too deeply, likewise;  E_NOMEM */
	enum rc (*request_read)(struct chat_request *r, const struct request_in *in,
				struct arena *a, struct chat_refusal *why);
	/* What is refused even when the body is forwarded as it is (state that is kept
	 * nowhere); NULL: nothing. */
	enum rc (*request_check)(const struct fields *f, struct chat_refusal *why);
	/* The body for that deployment.  r->stream decides between the two forms.  What cannot
	 * be said goes to `lost`.  E_NOMEM; E_BAD: `why`: this deployment cannot take it at all
	 * (media by URL where only bytes are taken: the caller fetches first). */
	enum rc (*request_write)(const struct chat_request *r, const struct chat_target *t,
				 struct json_out *out, struct chat_lost *lost,
				 struct chat_refusal *why);
	/* The path below the provider's base path, with its query: "/chat/completions",
	 * "/models/gemini-3:streamGenerateContent?alt=sse".  From the arena. */
	struct slice (*path)(enum chat_op op, bool stream, struct slice model, struct arena *a);
	/* Media that it takes by URL, by part_kind bit (1 << PART_IMAGE). */
	unsigned takes_urls;

	/* ---- answers.
	 * A whole plain answer, with USAGE (when given), FINISH and END at its end.  An error
	 * in a good status becomes EV_ERROR.  E_BAD: not an answer; E_NOMEM. */
	enum rc (*answer_read)(struct slice body, struct chat_events *ev);
	/* One frame of a stream.  `name` is the SSE or AWS event's name, or empty; an AWS
	 * exception comes with the name "exception:" its type.  E_BAD: not readable. */
	enum rc (*event_read)(void *state, struct arena *keep, struct slice name,
			      struct slice data, struct chat_events *ev);
	/* The stream ended without its end mark (many providers send none): appends what is
	 * missing (FINISH when content makes it plain; END) if what came is a whole answer by
	 * this dialect's rules, or nothing when it broke off. */
	void (*stream_end)(void *state, struct arena *keep, struct chat_events *ev);

	/* A whole answer of these events to a client.  They are complete: END is there. */
	void (*answer_write)(const struct chat_reply *to, const struct chat_events *ev,
			     struct json_out *out);
	/* One event of a stream to a client, framed; may write nothing, or several frames.
	 * After EV_END the stream is complete. */
	void (*event_write)(void *state, const struct chat_reply *to, struct arena *keep,
			    const struct chat_event *e, struct json_out *out);

	/* ---- errors.  The message is borrowed from the body or from the arena. */
	void (*error_read)(struct fault *f, unsigned status, struct slice body,
			   struct arena *a);
	void (*error_write)(const struct chat_error *e, struct json_out *out);
	/* The same in the middle of a stream, framed. */
	void (*error_event_write)(void *state, const struct chat_reply *to,
				  const struct chat_error *e, struct json_out *out);

	/* ---- the list of models, and one of it, in its own shape */
	void (*models_write)(const struct model_row *m, size_t n, struct json_out *out);
	void (*model_write)(const struct model_row *m, struct json_out *out);
	/* The answer to a question for a count. */
	void (*count_write)(uint64_t tokens, struct json_out *out);
	enum rc (*count_read)(struct slice body, uint64_t *tokens);

	/* Which provider_dialect speaks it: for the providers table. */
	enum provider_dialect id;
};

extern const struct dialect dialect_openai, dialect_responses, dialect_anthropic,
	dialect_gemini, dialect_bedrock, dialect_cohere, dialect_ollama;

/* By its id in the providers table. */
const struct dialect *dialect_of(enum provider_dialect id);
/* By its name; NULL: none. */
const struct dialect *dialect_named(struct slice name);

/* ---- for readers of requests --------------------------------------------------------- */

/* Fills `why` and returns E_BAD.  `param` may be NULL. */
MUST_USE enum rc refuse_request(struct chat_refusal *why, const char *code, const char *param,
				const char *fmt, ...) PRINTF_LIKE(4, 5);
/* Checks that the body is valid JSON and an object, and gives its members. */
MUST_USE enum rc request_fields(struct slice body, struct arena *a, struct fields *f,
				struct chat_refusal *why);

#endif
