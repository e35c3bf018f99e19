/* base/rng.h -- seeded pseudo-random numbers (xoshiro256**): for jitter, balancing,
 * simulation.  Never for keys or tokens. */
#ifndef WEIR_BASE_RNG_H
#define WEIR_BASE_RNG_H

#include "base/defs.h"

struct rng {
	uint64_t s[4];
};

void rng_seed(struct rng *r, uint64_t seed);
uint64_t rng_u64(struct rng *r);
/* 0 .. n-1; n > 0. */
uint64_t rng_below(struct rng *r, uint64_t n);
/* 0 <= x < 1 */
double rng_unit(struct rng *r);
/* True with probability p. */
bool rng_chance(struct rng *r, double p);

#endif
