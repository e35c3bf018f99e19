/* gateway/attempt.h -- one try at one deployment: its call, what came of it, what it used.
 *
 * An exchange has at most ATTEMPTS_OUT_MAX of them out at once: the one that its plan said, and
 * a hedge beside it.  Each stands for itself: its time, its usage, its verdict.  What a failure
 * or a first content means for the exchange is gateway/exchange.c's.
 */
#ifndef WEIR_GATEWAY_ATTEMPT_H
#define WEIR_GATEWAY_ATTEMPT_H

#include "chat/dialect.h"
#include "chat/fault.h"
#include "chat/frames.h"
#include "gateway/metrics.h"
#include "net/client.h"

struct deployment;
struct exchange;
struct provider;
struct provider_key;

enum { ATTEMPTS_RECORDED = 8, ATTEMPTS_OUT_MAX = 2 };

/* What the record says of one attempt. */
struct attempt_note {
	const struct deployment *deployment; /* NULL: it is not over */
	const struct provider_key *key;      /* NULL: its provider has none */
	enum fault_kind fault;
	bool hedge;
	unsigned status;    /* the provider's; 0: none */
	uint64_t began_us;  /* after the request's first byte */
	uint64_t ttft_us;   /* from its begin to its first content; 0: there was none */
	uint64_t took_us;   /* from its begin to its end */
	struct usage usage; /* known, estimated, or neither: it used nothing */
};

/* In the arena of its exchange, and there until that is over. */
struct attempt {
	struct exchange *x;
	const struct deployment *deployment;
	const struct provider_key *key; /* NULL: its provider has none */
	unsigned candidate;
	unsigned number;        /* counts the exchange's, from 1 */
	bool hedge;             /* asked beside another */
	struct http_call *call; /* NULL: none in hand */
	unsigned status;
	struct slice error_type; /* x-amzn-ErrorType: the only place for it in this dialect */
	bool is_stream;
	bool translate; /* the provider speaks another dialect, or its answer must be changed */
	uint64_t retry_after_us;
	uint64_t began_us;
	uint64_t ttft_us;     /* from its begin to its first content; 0: none yet */
	uint64_t waiting_us;  /* its health is told then that it waits; 0: it does not */
	uint64_t step_us;     /* what is waited for is late from then on; 0: nothing */
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
	bool was_paused;            /* ... once */
	bool key_probe;             /* its key is being tried again with it */
	uint64_t probe_until_us; /* so is its deployment: the breaker's leave; 0: it is not */
	bool counted;            /* among those that its health has in flight */
	struct usage usage;      /* its own */
	uint64_t text_bytes;
};

/* ---- gateway/attempt.c ----------------------------------------------------------------- */

/* Another one, which is not out yet; NULL: no memory. */
struct attempt *attempt_new(struct exchange *x, unsigned candidate, bool hedge);
/* May it go?  Asks the breaker, which may give it its probe, and finds a key.  False: neither
 * was taken. */
MUST_USE bool attempt_admit(struct attempt *at);
/* It is out: it counts, and has its place among x->out. */
void attempt_out(struct attempt *at);
/* Cancels its call, gives back its memory and its place.  The struct itself stays. */
void attempt_drop(struct attempt *at);
/* What the record and the metrics say of it; once, at its end. */
void attempt_note(struct attempt *at, enum fault_kind fault);
/* X6: what it used is known, or guessed and marked so; for the metrics.  Before its note. */
void attempt_settle(struct attempt *at);
/* Tokens of its prompt, before anybody has counted them. */
uint64_t attempt_input(const struct attempt *at);

/* Waits for the first content, and for `us` (0: nothing) before the step counts as failed. */
void attempt_await(struct attempt *at, uint64_t us);
/* The same of what comes after it. */
void attempt_expect(struct attempt *at, uint64_t us);
/* The head of its answer is here: its rate limits. */
void attempt_limits(struct attempt *at, const struct http_head *head);
/* It still waits: told to its health at 2, 4, 8 ... times the usual wait. */
void attempt_waiting(struct attempt *at);
/* The first content, or the whole plain answer, is here. */
void attempt_first_content(struct attempt *at);
/* It is complete; after attempt_settle(). */
void attempt_succeeded(struct attempt *at);
/* What its failure says of the health of its deployment, or of its key.  True: it was its key's
 * fault alone, and there is another key. */
bool attempt_judge(struct attempt *at, const struct fault *f);
/* It ends without a verdict on the provider. */
void attempt_no_verdict(struct attempt *at);
/* The other of the two has content: it is cancelled, accounted and noted. */
void attempt_lost(struct attempt *at);

/* ---- gateway/keys.c ---------------------------------------------------------------------- */

/* The next key to ask its provider with, of those that nothing speaks against.  A key that is
 * tried again after a while gets one probe.  False: there are keys and none can be used now. */
MUST_USE bool key_take(struct attempt *at);
/* Whether key_take() would find one. */
bool key_left(const struct exchange *x, const struct provider *p);
/* Whether the fault is one of the key and there are others to use instead; then it is benched.
 */
bool key_blame(const struct attempt *at, const struct fault *f);
/* It was answered with this key. */
void key_proved(const struct attempt *at);
/* Nothing was learned of it. */
void key_forget(const struct attempt *at);
/* It may not be used for so long. */
void key_rest(const struct attempt *at, uint64_t us);
/* Whether its provider has several. */
bool key_is_one_of_many(const struct attempt *at);
/* When the first of them may be used again; 0: one can be used now, or there is none. */
uint64_t keys_ready_us(const struct exchange *x, const struct provider *p);

/* ---- gateway/extra.c --------------------------------------------------------------------- */

/* A request earns for the budgets of its name, and so does what it cost. */
void extra_earn(struct exchange *x);
void extra_earn_cost(struct exchange *x, const struct attempt *at);
/* May the walk's next attempt be made?  Any but the first is paid from the budget of retries.
 */
MUST_USE bool extra_retry(struct exchange *x);
/* It was not made after all; before it is taken out of the walk. */
void extra_retry_back(struct exchange *x);
/* When another is to be asked beside it: into x->hedge_us. */
void hedge_set(struct attempt *at);
/* Whether this one could be asked beside the one that is out, whatever that costs. */
bool hedge_fits(const struct exchange *x, unsigned candidate);
/* May it?  Pays when true. */
MUST_USE bool hedge_pay(struct exchange *x, unsigned candidate);
void hedge_pay_back(struct exchange *x, unsigned candidate);
/* What came of it, if it is a hedge. */
void hedge_count(const struct attempt *at, enum hedge_end end);

/* ---- gateway/prepare.c ------------------------------------------------------------------- */

/* The call for its deployment: body, path and headers; all but the key.
 * E_UNSUPPORTED: it cannot be told this (x->cannot says what, or x->why);  E_NOMEM, E_TOOBIG */
MUST_USE enum rc attempt_prepare(struct attempt *at, struct http_call_options *o,
				 struct err *err);

/* ---- gateway/relay.c --------------------------------------------------------------------- */

/* Its answer, as it comes; the events of its call.  Their `ctx` is the attempt. */
extern const struct http_call_events attempt_events;

/* ---- gateway/translate.c ----------------------------------------------------------------- */

/* The states of both dialects; E_NOMEM. */
MUST_USE enum rc translate_begin(struct attempt *at);
/* A whole answer of embeddings for the client, in the scratch arena; empty: no memory.
 * E_BAD: it cannot be read. */
MUST_USE enum rc translate_embeddings(struct attempt *at, struct slice body, struct slice *out);
/* What a frame of the provider's stream says. */
struct look {
	bool valid, error, content, finish, done, usage_only;
	struct fault fault;        /* when error */
	struct chat_events events; /* not of `openai` to `openai` */
};
void translate_look(struct attempt *at, const struct frame *f, struct look *k);
/* The stream ended without its end mark. */
void translate_look_at_end(struct attempt *at, struct look *k);
/* The frames for the client, in the scratch arena. */
MUST_USE bool translate_frames(struct attempt *at, struct look *k, struct json_out *out);
/* A whole answer.  The client's body is in the scratch arena. */
void translate_answer_look(struct attempt *at, struct slice body, struct look *k);
struct slice translate_answer(struct attempt *at, struct look *k);

#endif
