/* gateway/exchange.h -- one client request from its first byte to its record: the state
 * machine in which rules X1-X9 are kept.
 *
 *   READ -> PLANNED -> ATTEMPT -> COMMITTED -> DONE
 *              ^ \        |
 *              |  WAIT    | failed before commit
 *              +---+------+
 *              | FETCH (media by URL, for a provider that takes bytes only)
 *
 * In ATTEMPT one attempt is out, or two (gateway/attempt.h); the failure of one of two moves
 * nothing.  Nothing goes to the client before COMMITTED, except an error after the last
 * attempt; after it no other attempt is made.  exchange_finish() is the one way into DONE and
 * writes the one record.
 */
#ifndef WEIR_GATEWAY_EXCHANGE_H
#define WEIR_GATEWAY_EXCHANGE_H

#include "chat/embed.h"
#include "chat/openai.h"
#include "chat/same.h"
#include "gateway/attempt.h"
#include "gateway/errors.h"
#include "gateway/metrics.h"
#include "gateway/view.h"
#include "gateway/plan.h"
#include "route/walk.h"

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

/* What the path of a request says. */
struct exchange_ask {
	const struct dialect *dialect; /* the client's */
	enum chat_op op;
	struct slice model; /* decoded; empty: the body says */
	enum tri stream;    /* UNSET: the body says */
	bool array;         /* its stream is a JSON array (Gemini without alt=sse) */
	bool dry_run;       /* it is planned and not sent */
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
	const struct chat_lost *cannot; /* why the first deployment that cannot take it, cannot;
					   NULL: none yet */
	bool sealed;                    /* the body holds opaque state that must be unsealed */
	bool stream, wants_usage;
	struct slice asked; /* the model's name, in the arena */
	const struct client_key *key;
	const struct model *model;
	struct routing routing;
	struct route_walk walk;
	/* In hand, the oldest first: one in COMMITTED, up to two in ATTEMPT, else none. */
	struct attempt *out[ATTEMPTS_OUT_MAX];
	unsigned out_n;
	/* Of whom the reply and the record speak: the one that has content, else the oldest in
	 * hand, else the last that failed.  NULL: nobody was asked. */
	struct attempt *told;
	struct attempt *spare;  /* made and not used; NULL: none */
	struct fault last;      /* of the last failed attempt; its message is in the arena */
	struct attempt *blamed; /* whose `last` is */
	struct slice refusal;   /* a provider's answer to the client's own fault, passed on */
	unsigned refusal_status;
	struct slice refusal_type; /* its x-amzn-ErrorType */
	struct timer timer;
	uint64_t deadline_us; /* of all attempts; 0: none */
	bool hurried;         /* ... which the client asked for: sooner than the route's */
	uint64_t hedge_us;    /* another is asked then, if only one is out; 0: never */
	bool hedged;          /* there was a hedge */
	uint64_t step_us;     /* of WAIT and FETCH; 0: nothing is waited for */
	struct usage usage;   /* of whom the record speaks */
	uint64_t ttft_us;     /* from the request's first byte to the first content */
	uint64_t prompt_bytes;
	struct attempt_note notes[ATTEMPTS_RECORDED];
	unsigned attempts; /* all, hedges too */
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

/* ---- between the files of the exchange -------------------------------------------------- */

/* gateway/admit.c: checks the key, reads the body as far as it must be known, finds the model.
 * False: refused; the exchange has ended and is gone. */
bool exchange_admit(struct exchange *x);
/* Ends the exchange with an error of ours; `code` NULL: the table's.  x is gone afterwards. */
void exchange_refuse(struct exchange *x, enum end end, enum answer what, const char *code,
		     const char *param, struct slice message, uint64_t retry_after_us);
/* The field that x->why names, in the arena; NULL: none. */
const char *exchange_param(const struct exchange *x);

/* gateway/prepare.c.  Whether its provider has such an endpoint. */
bool exchange_can_ask(const struct exchange *x, const struct deployment *d);
/* Media that its provider takes by URL, by part_kind bit. */
unsigned exchange_takes_urls(const struct deployment *d);
/* Whether it would be told all that the request says. */
bool exchange_says_all(struct exchange *x, const struct deployment *d);
/* Whether bytes go through as they are. */
bool exchange_is_same(const struct exchange *x, const struct deployment *d);

/* gateway/translate.c.  An error of ours for the middle of a stream, in the client's
 * dialect. */
void attempt_error(struct attempt *at, struct json_out *out, enum answer what,
		   struct slice message);

/* The first content is here: the client's head and what was held go out. */
void exchange_commit(struct attempt *at);
/* It failed, before or after commit.  Its exchange may be gone afterwards. */
void attempt_failed(struct attempt *at, const struct fault *f);
/* It is complete: settles, answers the rest, ends. `body` is a plain answer. */
void exchange_complete(struct attempt *at, struct slice body);

/* Sets the one timer to what of all that is waited for comes first. */
void exchange_arm(struct exchange *x);

#endif
