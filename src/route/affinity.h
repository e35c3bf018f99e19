/* route/affinity.h -- who a session, or a prompt's beginning, went to before: its cache is warm
 * there.
 *
 * Pure.  A table of fixed size, shared by all loops, of 64-bit cells that are read and written
 * whole: a lost or overwritten cell costs a cold cache, never a wrong answer.  Keys are hashes
 * that include the account: nobody meets another's sessions.
 */
#ifndef WEIR_ROUTE_AFFINITY_H
#define WEIR_ROUTE_AFFINITY_H

#include "base/slice.h"

#include <stdatomic.h>

/* A power of two; 8 bytes each. */
enum { AFFINITY_CELLS = 16384 };

struct affinity {
	_Atomic uint64_t cell[AFFINITY_CELLS];
};

/* Whom it went to: a hash of the deployment's name, so that it survives reloads.  0: nobody, or
 * longer than `ttl_us` ago. */
uint32_t affinity_get(const struct affinity *t, uint64_t key, uint64_t ttl_us, uint64_t now_us);
void affinity_put(struct affinity *t, uint64_t key, uint32_t whom, uint64_t now_us);
/* The deployment's cache turned out to be cold: forget it if it is still the one. */
void affinity_drop(struct affinity *t, uint64_t key, uint32_t whom);
/* The name of a deployment as `whom`: 24 bits, never 0. */
uint32_t affinity_name(struct slice deployment);

#endif
