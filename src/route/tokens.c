#include "route/tokens.h"

#define RELAXED memory_order_relaxed

/* Bytes to a token, in thousandths: what is believed when nothing is known, and at all. */
enum { MILLI_BYTES = 4000, MILLI_BYTES_MIN = 250, MILLI_BYTES_MAX = 64000 };
enum { ERROR_MAX = 10000 };

/* A short prompt is mostly the markup around it: it says little of the rest. */
enum { MARKUP_TOKENS = 64 };

static uint32_t milli_bytes(const struct calibration *c)
{
	uint32_t v = c != NULL ? atomic_load_explicit(&c->milli_bytes, RELAXED) : 0;

	return v != 0 ? v : MILLI_BYTES;
}

uint64_t tokens_estimate(const struct calibration *c, uint64_t prompt_bytes)
{
	uint32_t per = milli_bytes(c);
	unsigned __int128 v;

	/* Of every real prompt; a wide division takes ten times as long. */
	if (prompt_bytes < 1ULL << 50)
		return (prompt_bytes * 1000 + per - 1) / per;
	v = ((unsigned __int128)prompt_bytes * 1000 + per - 1) / per;
	return v < UINT64_MAX ? (uint64_t)v : UINT64_MAX;
}

void tokens_learn(struct calibration *c, uint64_t prompt_bytes, uint64_t tokens)
{
	uint64_t n = atomic_load_explicit(&c->samples, RELAXED);
	uint32_t error = atomic_load_explicit(&c->error_permille, RELAXED);
	double old = milli_bytes(c), now, off, share;

	if (prompt_bytes == 0 || tokens == 0)
		return;
	/* The first ones count most: there is only the default to hold against them. */
	share = n < 31 ? 1 / (double)(n + 1) : 1.0 / 32;

	off = (double)tokens_estimate(c, prompt_bytes) / (double)tokens - 1;
	off = (off < 0 ? -off : off) * 1000;
	off = off < ERROR_MAX ? off : ERROR_MAX;
	off = error + (off - error) * share;
	atomic_store_explicit(&c->error_permille, (uint32_t)(off + 0.5), RELAXED);

	now = (double)prompt_bytes / (double)tokens * 1000;
	now = now < MILLI_BYTES_MIN ? MILLI_BYTES_MIN : now;
	now = now > MILLI_BYTES_MAX ? MILLI_BYTES_MAX : now;
	share *= (double)tokens / ((double)tokens + MARKUP_TOKENS);
	atomic_store_explicit(&c->milli_bytes, (uint32_t)(old + (now - old) * share + 0.5),
			      RELAXED);
	atomic_store_explicit(&c->samples, n + 1, RELAXED);
}
