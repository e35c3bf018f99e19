/* chat/ratelimit.h -- what providers say of their rate limits, in one shape.
 *
 * Pure.  Source: reference/dialects.md, 1.7 (OpenAI), 2.7 (Anthropic), 6.2 and 6.4.  Names are
 * taken apart into words, since every provider has its own order and additions of them:
 *
 *	x-ratelimit-remaining-tokens                OpenAI, Azure, Groq, xAI and many others
 *	x-ratelimit-reset-requests-day              Cerebras: with the window
 *	x-ratelimit-limit-tokens-prompt             Fireworks: of the input
 *	anthropic-ratelimit-input-tokens-reset      Anthropic
 *	X-RateLimit-Reset, ratelimit-remaining      OpenRouter, the IETF's draft: of requests
 */
#ifndef WEIR_CHAT_RATELIMIT_H
#define WEIR_CHAT_RATELIMIT_H

#include "base/slice.h"

/* Of several windows the one with the least left of it. */
struct rate_limit {
	uint64_t limit, remaining;
	uint64_t reset_us; /* from now on, until it is whole again (or begins to be) */
	bool has_limit, has_remaining, has_reset;
};

struct rate_limits {
	struct rate_limit requests, tokens, input_tokens, output_tokens;
	bool known; /* any of them */
	/* Private: the window that each one's figures are of. */
	uint8_t window[4];
};

/* Takes what one header of an answer says, if it is about this.  `l` begins zeroed; `wall_us`
 * is Unix time, for resets that are points in time. */
void rate_limits_read(struct rate_limits *l, struct slice name, struct slice value,
		      uint64_t wall_us);

/* How long to wait by these: for the slowest of what is used up, or when nothing is, for
 * whatever resets first.  False: they do not say. */
MUST_USE bool rate_limits_wait(const struct rate_limits *l, uint64_t *us);

/* A wait in any form that occurs: "6m0s", "120ms", "1.5", seconds or milliseconds since 1970,
 * RFC 3339, an HTTP date.  From now on; 0 when it is past; at most a year. */
MUST_USE bool wait_read(struct slice s, uint64_t wall_us, uint64_t *us);

/* A number of units and nothing else: "250" of 1000 us. */
MUST_USE bool wait_read_number(struct slice s, uint64_t unit_us, uint64_t *us);

/* "... Please try again in 1.2s ...", "retry after 20 seconds": in an error's words. */
MUST_USE bool wait_in_text(struct slice message, uint64_t *us);

#endif
