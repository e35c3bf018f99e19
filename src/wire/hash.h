/* wire/hash.h -- SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104).
 *
 * Pure, no allocation: the one adapter to OpenSSL on this floor.  For checksums and tables
 * see base/hash.h.
 */
#ifndef WEIR_WIRE_HASH_H
#define WEIR_WIRE_HASH_H

#include "base/sb.h"

enum { SHA256_N = 32, SHA256_BLOCK = 64 };

struct sha256 {
	uint64_t state[14]; /* private: OpenSSL's */
};

void sha256_begin(struct sha256 *h);
void sha256_add(struct sha256 *h, struct slice s);
void sha256_end(struct sha256 *h, unsigned char out[SHA256_N]);

void hmac_sha256(struct slice key, struct slice data, unsigned char out[SHA256_N]);

/* In lower-case hexadecimal. */
void sha256_hex(struct sb *out, const unsigned char hash[SHA256_N]);

#endif
