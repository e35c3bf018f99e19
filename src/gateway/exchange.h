/* gateway/exchange.h -- one client request from its first byte to its record: the state
 * machine in which rules X1-X9 are kept.
 *
 *   READ -> PLANNED -> ATTEMPT -> COMMITTED -> DONE
 *              ^ \        |
 *              |  WAIT    | failed before commit
 *              +---+------+
 *              | FETCH (media by URL, for a provider that takes bytes only)
 *
 * Nothing goes to the client before COMMITTED, except an error after the last attempt; after
 * it no other attempt is made.  exchange_end() is the one way into DONE and writes the one
 * record.
 */
#ifndef WEIR_GATEWAY_EXCHANGE_H
#define WEIR_GATEWAY_EXCHANGE_H

#include "chat/embed.h"
#include "chat/frames.h"
#include "chat/openai.h"
#include "chat/same.h"
#include "gateway/errors.h"
#include "gateway/metrics.h"
#include "gateway/view.h"
#include "route/route.h"

enum exchange_state {
	X_READ,
	X_PLANNED,
	X_FETCH, /* media are fetched for the next attempt */
	X_ATTEMPT,
	X_WAIT,
	X_COMMITTED,
	X_DONE,
	X_STATES
};

enum { ATTEMPTS_RECORDED = 8 };

/* What the record says of one attempt. */
struct attempt_note {
	const struct deployment *deployment;
	enum fault_kind fault;
	unsigned status; /* the provider's; 0: none */
	uint64_t took_us;
};

/* What the path of a request says. */
struct exchange_ask {
	const struct dialect *dialect; /* the client's */
	enum chat_op op;
	struct slice model; /* decoded; empty: the body says */
	enum tri stream;    /* UNSET: the body says */
	bool array;         /* its stream is a JSON array (Gemini without alt=sse) */
};

/* The attempt in hand. */
struct attempt {
	const struct deployment *deployment;
	unsigned candidate;
	struct http_call *call; /* NULL: none in hand */
	unsigned status;
	struct slice error_type; /* x-amzn-ErrorType: the only place for it in this dialect */
	bool is_stream;
	bool translate; /* the provider speaks another dialect, or its answer must be changed */
	uint64_t retry_after_us;
	uint64_t began_us;
	struct slice *pieces; /* the edited body */
	size_t piece_n;
	struct frames frames;
	void *reader, *writer; /* states of the two dialects, in the exchange's arena */
	struct arena scratch;  /* for what one read of the network gives */
	struct chat_reply reply;
	struct chat_lost lost; /* what the provider was not told */
	struct buf held; /* a plain answer; of a stream what came before the first content */
	bool content, finish, done; /* seen so far */
	bool large;                 /* the last event was too large to be looked into */
	bool paused;                /* the client is slower than the provider */
};

struct exchange {
	struct link link; /* gateway.exchanges */
	struct gateway *g;
	struct view *view; /* counted */
	struct http_request *rq;
	struct arena *arena; /* the request's */
	enum exchange_state state;
	struct exchange_ask ask;
	struct openai_request openai; /* the body in place: of `openai`, */
	struct same_request same;     /* and of any other dialect */
	struct chat_request *chat;    /* the body in the one form; NULL: nobody needs it */
	struct embed_request *embed;  /* the same of one for embeddings */
	struct fetch *fetch;          /* the media of `chat` that were fetched */
	struct chat_refusal why;
	struct chat_lost cannot; /* why the first deployment that cannot take it, cannot */
	bool sealed;             /* the body holds opaque state that must be unsealed */
	bool stream, wants_usage;
	struct slice asked; /* the model's name, in the arena */
	const struct client_key *key;
	const struct model *model;
	struct route_walk walk;
	struct attempt at;
	struct fault last;    /* of the last failed attempt; its message is in the arena */
	struct slice refusal; /* a provider's answer to the client's own fault, passed on */
	unsigned refusal_status;
	struct slice refusal_type; /* its x-amzn-ErrorType */
	struct timer timer;
	uint64_t deadline_us; /* of all attempts; 0: none */
	uint64_t step_us;     /* of what is waited for now; 0: nothing */
	struct usage usage;
	uint64_t text_bytes;
	uint64_t ttft_us; /* from the request's first byte to the first content */
	uint64_t prompt_bytes;
	struct attempt_note notes[ATTEMPTS_RECORDED];
	unsigned attempts;
	char id[24];
};

/* A complete request; `ask` is copied.  Owns it from now on; answers at once or
 * later. Returns what the server keeps for the request, or NULL when it was answered. */
struct exchange *exchange_begin(struct gateway *g, struct http_request *rq,
				const struct exchange_ask *ask);
void exchange_drained(struct exchange *x);
void exchange_gone(struct exchange *x, enum rc why);

/* The gateway stops: tells the client and ends it. */
void exchange_cut(struct exchange *x);

/* ---- between exchange.c and relay.c -------------------------------------------------- */

/* gateway/admit.c: checks the key, reads the body as far as it must be known, finds the model.
 * False: refused; the exchange has ended and is gone. */
bool exchange_admit(struct exchange *x);
/* Ends the exchange with an error of ours; `code` NULL: the table's.  x is gone afterwards. */
void exchange_refuse(struct exchange *x, enum end end, enum answer what, const char *code,
		     const char *param, struct slice message, uint64_t retry_after_us);
/* The field that x->why names, in the arena; NULL: none. */
const char *exchange_param(const struct exchange *x);

/* gateway/prepare.c: the call for a deployment: its body, path and headers.  Fills x->at.
 * E_UNSUPPORTED: it cannot be told this (x->cannot says what, or x->why);  E_NOMEM, E_TOOBIG */
MUST_USE enum rc attempt_prepare(struct exchange *x, const struct deployment *d,
				 struct http_call_options *o, struct err *err);
/* Whether its provider has such an endpoint. */
bool exchange_can_ask(const struct exchange *x, const struct deployment *d);
/* Whether bytes go through as they are. */
bool exchange_is_same(const struct exchange *x, const struct deployment *d);

/* gateway/translate.c.  A whole answer of embeddings for the client, in the scratch arena;
 * empty: no memory.  E_BAD: it cannot be read. */
MUST_USE enum rc translate_embeddings(struct exchange *x, struct slice body, struct slice *out);
/* gateway/translate.c.  The states of both dialects for a new attempt; E_NOMEM. */
MUST_USE enum rc translate_begin(struct exchange *x);
/* What a frame of the provider's stream says. */
struct look {
	bool valid, error, content, finish, done, usage_only;
	struct fault fault;        /* when error */
	struct chat_events events; /* not of `openai` to `openai` */
};
void translate_look(struct exchange *x, const struct frame *f, struct look *k);
/* The stream ended without its end mark. */
void translate_look_at_end(struct exchange *x, struct look *k);
/* The frames for the client, in the scratch arena. */
MUST_USE bool translate_frames(struct exchange *x, struct look *k, struct json_out *out);
/* A whole answer.  The client's body is in the scratch arena. */
void translate_answer_look(struct exchange *x, struct slice body, struct look *k);
struct slice translate_answer(struct exchange *x, struct look *k);
/* An error of ours, in the client's dialect: whole, or for the middle of a stream. */
void exchange_error(struct exchange *x, struct json_out *out, enum answer what,
		    const char *code, const char *param, struct slice message, bool in_stream);

/* The attempt's answer, as it comes; the events of its call. */
extern const struct http_call_events attempt_events;

/* The first content is here: the client's head and what was held go out. */
void exchange_commit(struct exchange *x);
/* The attempt failed, before or after commit. */
void attempt_failed(struct exchange *x, const struct fault *f);
/* It is complete: settles, answers the rest, ends. `body` is a plain answer. */
void exchange_complete(struct exchange *x, struct slice body);

/* Waits for `us` (0: nothing) before the step counts as failed. */
void exchange_expect(struct exchange *x, uint64_t us);

#endif
