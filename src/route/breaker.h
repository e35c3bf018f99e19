/* route/breaker.h -- when a deployment, or one key of a provider, is left alone for a while.
 *
 * Pure.  One per deployment and one per key, shared by all loops through atomics; there is no
 * lock, and a lost update costs one attempt, never a wrong answer.
 *
 *   closed     attempts pass; `failures` in a row open it, and so does a share of failures in
 *              the window that reaches `error_permille`
 *   open       none pass until `open_until_us`
 *   half open  one attempt (the probe) passes; its success closes, its failure opens again
 *              for twice as long, up to open_max_us
 *
 * A rate limit with a Retry-After is no failure: it rests for that long (the caller sees to it
 * that it is not for ever), after which all pass again.
 */
#ifndef WEIR_ROUTE_BREAKER_H
#define WEIR_ROUTE_BREAKER_H

#include "base/defs.h"

#include <stdatomic.h>

struct breaker_rules {
	unsigned failures;       /* in a row; 0: not counted */
	unsigned error_permille; /* of the attempts in the window; 0: not looked at */
	unsigned window_min;     /* attempts there must be in the window for that; >= 1 */
	uint64_t window_us;
	uint64_t open_us;     /* the first time */
	uint64_t open_max_us; /* at most */
	uint64_t rest_max_us; /* of a rest that a provider asks for; the callers' */
};

enum breaker_view { BREAKER_CLOSED, BREAKER_OPEN, BREAKER_HALF_OPEN };
const char *breaker_view_name(enum breaker_view v);

/* All zero is a closed breaker. */
struct breaker {
	atomic_uint failures;            /* in a row */
	atomic_uint opened;              /* times in a row, for the doubling */
	_Atomic uint64_t open_until_us;  /* 0: closed */
	_Atomic uint64_t probe_until_us; /* a probe is out; another may go when it never came
					    back */
	_Atomic uint64_t rest_until_us;  /* it asked for a rest until then */
	_Atomic uint64_t window[2];      /* private: attempts and failures of now and before */
	_Atomic uint64_t opens_total;
};

enum breaker_view breaker_look(const struct breaker *b, uint64_t now_us);

/* May an attempt go now?  In half-open state the first asker gets the probe. */
bool breaker_admit(struct breaker *b, uint64_t now_us);
/* Both return true when the breaker moved (opened or closed), for the log. */
bool breaker_success(struct breaker *b, const struct breaker_rules *rules, uint64_t now_us);
bool breaker_failure(struct breaker *b, const struct breaker_rules *rules, uint64_t now_us);

/* The attempt ended without a verdict (the client went away): its probe is given back. */
void breaker_forget(struct breaker *b);

/* It asked not to be asked for `rest_us`. */
void breaker_rest(struct breaker *b, uint64_t now_us, uint64_t rest_us);
/* Until when it rests; 0: it does not. */
uint64_t breaker_rests_until(const struct breaker *b, uint64_t now_us);

#endif
