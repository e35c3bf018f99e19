/* route/tokens.h -- how many tokens a prompt will be, before anybody has counted them.
 *
 * Pure.  Per family of models (their tokenizers differ, their users' languages too): a moving
 * average of bytes to a token, learned from the usage that comes back, and of how far off the
 * estimates were.  Shared by all loops through atomics; outlives reloads.
 */
#ifndef WEIR_ROUTE_TOKENS_H
#define WEIR_ROUTE_TOKENS_H

#include "base/slice.h"

#include <stdatomic.h>

/* All zero: four bytes to a token, nothing learned. */
struct calibration {
	atomic_uint refs;
	_Atomic uint32_t milli_bytes;    /* per token, * 1000; 0: nothing learned */
	_Atomic uint32_t error_permille; /* moving average of |estimate - truth| / truth */
	_Atomic uint64_t samples;
};

/* NULL stands for one that has learned nothing. */
uint64_t tokens_estimate(const struct calibration *c, uint64_t prompt_bytes);
/* A prompt of so many bytes (inline media not counted) was so many tokens. */
void tokens_learn(struct calibration *c, uint64_t prompt_bytes, uint64_t tokens);

#endif
