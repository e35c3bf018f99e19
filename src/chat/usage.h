/* chat/usage.h -- tokens of one exchange, in counters that do not overlap (M5).
 *
 * input + cache_read + cache_write is what providers call prompt tokens; output + reasoning
 * what they call completion tokens.
 */
#ifndef WEIR_CHAT_USAGE_H
#define WEIR_CHAT_USAGE_H

#include "base/defs.h"

struct usage {
	bool known;     /* the provider said so */
	bool estimated; /* it did not; these are our estimates */
	bool odd;       /* what it said was impossible and was corrected */
	uint64_t input, cache_read, cache_write, output, reasoning;
};

static inline uint64_t usage_prompt(const struct usage *u)
{
	return u->input + u->cache_read + u->cache_write;
}

static inline uint64_t usage_completion(const struct usage *u)
{
	return u->output + u->reasoning;
}

/* When a provider says nothing: about four bytes to a token. */
static inline void usage_estimate(struct usage *u, uint64_t prompt_bytes, uint64_t text_bytes)
{
	*u = (struct usage){
		.estimated = true,
		.input = (prompt_bytes + 3) / 4,
		.output = (text_bytes + 3) / 4,
	};
}

#endif
