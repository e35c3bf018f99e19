#include "wire/hash.h"

/* The plain functions, not EVP: they work in memory of ours and cannot fail, where EVP
 * allocates and looks its algorithm up for each of the dozen short hashes of a signature.
 * OpenSSL 3 calls them deprecated and keeps them. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include <openssl/sha.h>

_Static_assert(sizeof(SHA256_CTX) <= sizeof(struct sha256), "a context fits");
_Static_assert(SHA256_N == SHA256_DIGEST_LENGTH && SHA256_BLOCK == SHA256_CBLOCK, "SHA-256");

static SHA256_CTX *context(struct sha256 *h)
{
	return (void *)h->state;
}

void sha256_begin(struct sha256 *h)
{
	SHA256_Init(context(h));
}

void sha256_add(struct sha256 *h, struct slice s)
{
	if (s.n > 0)
		SHA256_Update(context(h), s.p, s.n);
}

void sha256_end(struct sha256 *h, unsigned char out[SHA256_N])
{
	SHA256_Final(out, context(h));
}

static struct slice bytes_of(const unsigned char *p, size_t n)
{
	return slice_of((const char *)p, n);
}

void hmac_sha256(struct slice key, struct slice data, unsigned char out[SHA256_N])
{
	unsigned char pad[SHA256_BLOCK] = { 0 };
	struct sha256 h;

	sha256_begin(&h);
	if (key.n > SHA256_BLOCK) {
		sha256_add(&h, key);
		sha256_end(&h, pad);
		sha256_begin(&h);
	} else if (key.n > 0) {
		memcpy(pad, key.p, key.n);
	}
	for (size_t i = 0; i < SHA256_BLOCK; i++)
		pad[i] ^= 0x36;
	sha256_add(&h, bytes_of(pad, SHA256_BLOCK));
	sha256_add(&h, data);
	sha256_end(&h, out);
	for (size_t i = 0; i < SHA256_BLOCK; i++)
		pad[i] ^= 0x36 ^ 0x5c;
	sha256_begin(&h);
	sha256_add(&h, bytes_of(pad, SHA256_BLOCK));
	sha256_add(&h, bytes_of(out, SHA256_N));
	sha256_end(&h, out);
}

void sha256_hex(struct sb *out, const unsigned char hash[SHA256_N])
{
	for (size_t i = 0; i < SHA256_N; i++)
		sb_hex(out, hash[i], 2);
}
