/* base/hash.h -- a fast hash for tables whose keys we chose (config, not clients), and CRC. */
#ifndef WEIR_BASE_HASH_H
#define WEIR_BASE_HASH_H

#include "base/slice.h"

/* FNV-1a, 64 bits, finished with a mixer.  Not for keys that an attacker picks. */
uint64_t hash_bytes(struct slice s, uint64_t seed);
/* Mixes all bits of one number (splitmix64's finisher). */
uint64_t hash_mix(uint64_t x);

/* CRC-32 as in gzip and Ethernet (polynomial 0x04c11db7, reflected), of what gave `crc` (0 at
 * the start) followed by `s`. */
uint32_t crc32_add(uint32_t crc, struct slice s);

#endif
