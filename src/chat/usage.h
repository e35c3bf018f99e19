/* chat/usage.h -- tokens of one exchange, in counters that do not overlap (M5).
 *
 * What providers call prompt tokens is the sum of the first five, what they call completion
 * tokens the sum of the rest.
 */
#ifndef WEIR_CHAT_USAGE_H
#define WEIR_CHAT_USAGE_H

#include "base/defs.h"

/* No answer has a million millions of tokens, and sums of them must not overflow. */
#define USAGE_TOKENS_MAX (1ULL << 40)

/* Every counter of tokens, by its name in metrics and records. */
#define USAGE_TABLE(X)                                                                         \
	X(input)                                                                               \
	X(cache_read)                                                                          \
	X(cache_write)                                                                         \
	X(cache_write_1h)                                                                      \
	X(audio_in)                                                                            \
	X(output)                                                                              \
	X(reasoning)                                                                           \
	X(audio_out)
#define USAGE_COUNT(name) +1
enum { USAGE_COUNTERS = 0 USAGE_TABLE(USAGE_COUNT) };
#undef USAGE_COUNT

struct usage {
	bool known;     /* the provider said so */
	bool estimated; /* it did not; these are our estimates */
	bool odd;       /* what it said was impossible and was corrected */
	/* prompt */
	uint64_t input; /* text (and images), neither read from nor written to a cache */
	uint64_t cache_read;
	uint64_t cache_write;    /* for the usual lifetime (five minutes, or not said) */
	uint64_t cache_write_1h; /* for an hour */
	uint64_t audio_in;
	/* completion */
	uint64_t output; /* visible text, tool calls */
	uint64_t reasoning;
	uint64_t audio_out;
	/* not tokens */
	uint64_t searches; /* web searches that a built-in tool made */
	/* What is billed instead of the above, by a provider that counts both (Cohere's
	 * billed_units leave out its template around the conversation). */
	bool billed;
	uint64_t billed_input, billed_output;
};

static inline uint64_t usage_prompt(const struct usage *u)
{
	return u->input + u->cache_read + u->cache_write + u->cache_write_1h + u->audio_in;
}

static inline uint64_t usage_completion(const struct usage *u)
{
	return u->output + u->reasoning + u->audio_out;
}

/* Takes `part` out of *whole; a part over its whole is impossible and corrected. */
static inline uint64_t usage_part(uint64_t *whole, uint64_t part, bool *odd)
{
	if (part > *whole) {
		*odd = true;
		part = *whole;
	}
	*whole -= part;
	return part;
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
