#include "base/hash.h"

uint64_t hash_mix(uint64_t x)
{
	x ^= x >> 30;
	x *= 0xbf58476d1ce4e5b9U;
	x ^= x >> 27;
	x *= 0x94d049bb133111ebU;
	return x ^ (x >> 31);
}

uint64_t hash_bytes(struct slice s, uint64_t seed)
{
	uint64_t h = 0xcbf29ce484222325U ^ seed;

	for (size_t i = 0; i < s.n; i++)
		h = (h ^ (unsigned char)s.p[i]) * 0x100000001b3U;
	return hash_mix(h);
}
