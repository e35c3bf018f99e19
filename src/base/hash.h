/* base/hash.h -- a fast hash for tables whose keys we chose (config, not clients), and CRC. */
#ifndef WEIR_BASE_HASH_H
#define WEIR_BASE_HASH_H

#include "base/slice.h"

/* FNV-1a, 64 bits, finished with a mixer.  Not for keys that an attacker picks. */
uint64_t hash_bytes(struct slice s, uint64_t seed);
/* Mixes all bits of one number (splitmix64's finisher). */
uint64_t hash_mix(uint64_t x);

#endif
