/* bench/hist.h -- latencies in logarithmic buckets: 128 to each power of two, so a value is
 * kept to better than 1 %.  From a nanosecond to 18 minutes.
 */
#ifndef WEIR_BENCH_HIST_H
#define WEIR_BENCH_HIST_H

#include "common.h"

enum { HIST_BITS = 7, HIST_STEP = 1 << HIST_BITS, HIST_TOP = 40 };
enum { HIST_BUCKETS = (HIST_TOP - HIST_BITS + 1) * HIST_STEP };

struct hist {
	uint64_t n, max, sum;
	uint64_t bucket[HIST_BUCKETS];
};

static inline size_t hist_index(uint64_t v)
{
	unsigned top;

	if (v >> HIST_TOP)
		v = (1ULL << HIST_TOP) - 1;
	if (v < HIST_STEP)
		return (size_t)v;
	top = 63U - (unsigned)__builtin_clzll(v); /* >= HIST_BITS */
	return ((size_t)(top - HIST_BITS + 1) << HIST_BITS) + (size_t)(v >> (top - HIST_BITS)) -
	       HIST_STEP;
}

/* The middle of a bucket. */
static inline double hist_value(size_t i)
{
	size_t group = i >> HIST_BITS;
	double low, width;

	if (group == 0)
		return (double)i;
	width = (double)(1ULL << (group - 1));
	low = (double)(HIST_STEP + (i & (HIST_STEP - 1))) * width;
	return low + width / 2;
}

static inline void hist_add(struct hist *h, uint64_t v)
{
	h->n++;
	h->sum += v;
	h->max = v > h->max ? v : h->max;
	h->bucket[hist_index(v)]++;
}

static inline double hist_quantile(const struct hist *h, double q)
{
	uint64_t rank = (uint64_t)(q * (double)h->n), seen = 0;

	for (size_t i = 0; i < HIST_BUCKETS; i++) {
		seen += h->bucket[i];
		if (seen > rank)
			return hist_value(i);
	}
	return (double)h->max;
}

#endif
