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

/* The table is linear: an entry is the sum of those of its bits. */
#define CRC(i)                                                                                 \
	(((i)&1 ? 0x77073096U : 0) ^ ((i)&2 ? 0xee0e612cU : 0) ^ ((i)&4 ? 0x076dc419U : 0) ^   \
	 ((i)&8 ? 0x0edb8832U : 0) ^ ((i)&16 ? 0x1db71064U : 0) ^ ((i)&32 ? 0x3b6e20c8U : 0) ^ \
	 ((i)&64 ? 0x76dc4190U : 0) ^ ((i)&128 ? 0xedb88320U : 0))
#define CRC_4(i)  CRC(i), CRC((i) + 1), CRC((i) + 2), CRC((i) + 3)
#define CRC_16(i) CRC_4(i), CRC_4((i) + 4), CRC_4((i) + 8), CRC_4((i) + 12)
#define CRC_64(i) CRC_16(i), CRC_16((i) + 16), CRC_16((i) + 32), CRC_16((i) + 48)

uint32_t crc32_add(uint32_t crc, struct slice s)
{
	static const uint32_t table[256] = { CRC_64(0), CRC_64(64), CRC_64(128), CRC_64(192) };

	crc = ~crc;
	for (size_t i = 0; i < s.n; i++)
		crc = crc >> 8 ^ table[(crc ^ (unsigned char)s.p[i]) & 0xff];
	return ~crc;
}
