/* gateway/exchange.h -- one client request from its first byte to its record: the state
 * machine in which rules X1-X9 are kept.
 *
 *   READ -> PLANNED -> ATTEMPT -> COMMITTED -> DONE
 *              ^ \        |
 *              |  WAIT    | failed before commit
 *              +---+------+
 *
 * Nothing goes to the client before COMMITTED, except an error after the last attempt; after
 * it no other attempt is made.  exchange_end() is the one way into DONE and writes the one
 * record.
 */
#ifndef WEIR_GATEWAY_EXCHANGE_H
#define WEIR_GATEWAY_EXCHANGE_H

#include "chat/openai.h"
#include "gateway/errors.h"
#include "gateway/metrics.h"
#include "gateway/view.h"
#include "route/route.h"
#include "wire/sse.h"

enum exchange_state { X_READ, X_PLANNED, X_ATTEMPT, X_WAIT, X_COMMITTED, X_DONE, X_STATES };

enum { ATTEMPTS_RECORDED = 8 };

/* What the record says of one attempt. */
struct attempt_note {
	const struct deployment *deployment;
	enum fault_kind fault;
	unsigned status; /* the provider's; 0: none */
	uint64_t took_us;
};

/* The attempt in hand. */
struct attempt {
	const struct deployment *deployment;
	unsigned candidate;
	struct http_call *call; /* NULL: none in hand */
	unsigned status;
	bool is_sse; /* the answer is an event stream */
	uint64_t retry_after_us;
	uint64_t began_us;
	struct slice *pieces; /* the edited body */
	size_t piece_n;
	struct sse sse;
	struct buf held; /* a plain answer; of a stream what came before the first content */
	bool content, finish, done; /* seen so far */
	bool paused;                /* the client is slower than the provider */
};

struct exchange {
	struct link link; /* gateway.exchanges */
	struct gateway *g;
	struct view *view; /* counted */
	struct http_request *rq;
	struct arena *arena; /* the request's */
	enum exchange_state state;
	enum openai_endpoint endpoint;
	struct openai_request req;
	struct slice asked; /* the model's name, in the arena */
	const struct client_key *key;
	const struct model *model;
	struct route_walk walk;
	struct attempt at;
	struct fault last;    /* of the last failed attempt; its message is in the arena */
	struct slice refusal; /* a provider's answer to the client's own fault, passed on */
	unsigned refusal_status;
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

/* A complete request for one of the endpoints.  Owns it from now on; answers at once or
 * later. Returns what the server keeps for the request, or NULL when it was answered. */
struct exchange *exchange_begin(struct gateway *g, struct http_request *rq,
				enum openai_endpoint endpoint);
void exchange_drained(struct exchange *x);
void exchange_gone(struct exchange *x, enum rc why);

/* The gateway stops: tells the client and ends it. */
void exchange_cut(struct exchange *x);

/* ---- between exchange.c and relay.c -------------------------------------------------- */

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
