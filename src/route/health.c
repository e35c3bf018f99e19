#include "route/health.h"

#define RELAXED memory_order_relaxed

unsigned prompt_size(uint64_t input_tokens)
{
	if (input_tokens < 1000)
		return 0;
	if (input_tokens < 8000)
		return 1;
	return input_tokens < 64000 ? 2 : 3;
}

/* ---- logarithms ---------------------------------------------------------------------------
 * Ratios of times are what counts here, and a load is worked out for every candidate of every
 * request: polynomials that are off by less than 0.0002.
 */

/* From about an hour up all times are alike. */
enum { LG_MAX = 32 };

/* Of two; 0 for a microsecond and less. */
static double lg(uint64_t us)
{
	unsigned whole;
	double f;

	if (us <= 1)
		return 0;
	if (us >= 1ULL << LG_MAX)
		return LG_MAX;
	whole = 63U - (unsigned)__builtin_clzll(us);
	f = (double)us / (double)(1ULL << whole) - 1;
	return whole +
	       f * (1.44174 + f * (-0.70777 + f * (0.412344 + f * (-0.190319 + f * 0.044005))));
}

/* 0 <= x < 63 */
static double two_to(double x)
{
	unsigned whole = (unsigned)x;
	double f = x - whole;

	return (double)(1ULL << whole) * (1 + f * (0.695928 + f * (0.224946 + f * 0.079126)));
}

/* 2^-x; 0 <= x */
static double half_to(double x)
{
	return x < 60 ? 1 / two_to(x) : 0;
}

/* ---- the moving average -------------------------------------------------------------------
 *
 * What makes this hard: a heavy tail (one answer in a hundred takes thirteen times the median),
 * slow answers that are known late and fast ones early, and deployments that are hardly asked
 * because they were slow.  So
 *
 *   - an attempt is judged when it has taken twice the average: a slow answer counts as much
 *     as one that took twice as long, and what becomes known of it later counts no more, once
 *     an attempt that began after it was answered in time.  Without this the last attempts of
 *     one that is not asked any more are all that is heard of it, and those are its slowest;
 *   - when none that began later was answered, a wait is news: it counts in full and at once;
 *   - the longer nothing new was heard, the more what is heard counts.  That makes the memory
 *     a matter of a second or two at any rate of requests, and one good answer of a probe
 *     brings the average half the way back;
 *   - in the load, what is above the usual falls back to it while it is not asked, so that it
 *     is asked again some seconds later.  Small differences to the usual count little, since
 *     they are mostly luck; large ones count much, since else a fleet whose attempts take
 *     long would let a slow one have its share of attempts in hand.
 *
 * The numbers are from experiments; tests/unit/route_balance.c says what they must do.
 */

#define SHARE_UP   0.015 /* of a slower answer, in the average */
#define SHARE_DOWN 0.01  /* of a faster one */
#define SHARE_NEWS 0.25  /* of a wait when nothing newer was answered */
#define SHARE_MOST 0.5   /* of one fast answer, however long nothing was heard */
#define LATE       1.0   /* log2: later than this times the average it was judged before */
#define FURTHEST   4.0   /* log2: no answer counts as further away */
#define FORGET_US  1250000
#define RETRY_US   2500000

/* Load: below LUCK (log2, above the usual) differences count so much, above so much. */
#define LUCK       0.7
#define LUCK_SLOPE 0.3
#define SLOPE      4.5
#define EXCESS_MAX 16.0 /* log2: a load stays a number that can be packed with others */

/* Nobody knows it any more. */
#define FORGOTTEN_MS 300000

/* Logarithm in the upper 20 bits, milliseconds when it was fed in the lower 44.  0: never. */
enum { AT_BITS = 44, LG_ONE = 1 << 14 };
#define AT_MASK ((1ULL << AT_BITS) - 1)

static uint64_t average_pack(double lg_us, uint64_t now_us)
{
	uint64_t v = (uint64_t)(lg_us * LG_ONE + 0.5);

	v = v < 1 ? 1 : v >= LG_MAX * LG_ONE ? LG_MAX * LG_ONE - 1 : v;
	return v << AT_BITS | (now_us / 1000 & AT_MASK);
}

static double average_lg(uint64_t packed)
{
	return (double)(packed >> AT_BITS) / LG_ONE;
}

static uint64_t average_age_ms(uint64_t packed, uint64_t now_us)
{
	uint64_t age = (now_us / 1000 - packed) & AT_MASK;

	/* Another loop's clock may be ahead of ours. */
	return age > AT_MASK / 2 ? 0 : age;
}

/* Moves the average towards `x` by `share` of the way; by more when it is `fresh` (nothing
 * that began later was answered) and nothing was heard for long. */
static void average_feed(struct health *h, double x, double share, bool fresh, uint64_t now_us)
{
	uint64_t old = atomic_load_explicit(&h->ttft, RELAXED);
	double m = average_lg(old), d, quiet;

	if (old == 0) {
		atomic_store_explicit(&h->ttft, average_pack(x, now_us), RELAXED);
		return;
	}
	if (fresh) {
		quiet = (double)average_age_ms(old, now_us) * 1000 / FORGET_US;
		share = 1 - (1 - share) * half_to(quiet * quiet);
	}
	d = x - m;
	if (d < 0 && share > SHARE_MOST)
		share = SHARE_MOST;
	d = d < -FURTHEST ? -FURTHEST : d > FURTHEST ? FURTHEST : d;
	atomic_store_explicit(&h->ttft, average_pack(m + share * d, now_us), RELAXED);
}

static uint64_t began(uint64_t waited_us, uint64_t now_us)
{
	return waited_us < now_us ? now_us - waited_us : 0;
}

/* It took so long, or longer. */
static void average_slow(struct health *h, double x, uint64_t began_us, uint64_t now_us)
{
	uint64_t packed = atomic_load_explicit(&h->ttft, RELAXED);
	bool news = began_us >= atomic_load_explicit(&h->good_us, RELAXED);

	if (packed != 0 && x <= average_lg(packed))
		return;
	if (packed != 0 && !news && x > average_lg(packed) + LATE)
		return;
	average_feed(h, x, news ? SHARE_NEWS : SHARE_UP, news, now_us);
}

static void average_content(struct health *h, uint64_t ttft_us, uint64_t now_us)
{
	uint64_t packed = atomic_load_explicit(&h->ttft, RELAXED);
	uint64_t begun = began(ttft_us, now_us);
	uint64_t good = atomic_load_explicit(&h->good_us, RELAXED);
	double x = lg(ttft_us), m = packed != 0 ? average_lg(packed) : x;

	if (x > m + LATE) {
		average_slow(h, x, begun, now_us);
		return;
	}
	if (begun > good)
		atomic_store_explicit(&h->good_us, begun, RELAXED);
	average_feed(h, x, x > m ? SHARE_UP : SHARE_DOWN, begun >= good, now_us);
}

/* ---- percentiles --------------------------------------------------------------------------
 */

enum { ENOUGH = 20, STEPS = 4 /* buckets to a doubling */ };
#define LG_FIRST 9.965784 /* of 1 ms in us, where bucket 0 ends */

static unsigned bucket_of(uint64_t us)
{
	double x = (lg(us) - LG_FIRST) * STEPS;
	unsigned b;

	if (x <= 0)
		return 0;
	b = (unsigned)x;
	b += x > b;
	return b < LATENCY_BUCKETS ? b : LATENCY_BUCKETS - 1;
}

static void histogram_add(struct latency_histogram *g, uint64_t us)
{
	uint32_t n, left = 0;

	atomic_fetch_add_explicit(&g->bucket[bucket_of(us)], 1, RELAXED);
	n = atomic_fetch_add_explicit(&g->n, 1, RELAXED) + 1;
	if (n <= LATENCY_MEMORY ||
	    !atomic_compare_exchange_strong_explicit(&g->n, &n, n / 2, RELAXED, RELAXED))
		return;
	/* Whoever set the count halves; what others add meanwhile may be lost. */
	for (unsigned b = 0; b < LATENCY_BUCKETS; b++) {
		uint32_t half = atomic_load_explicit(&g->bucket[b], RELAXED) / 2;

		atomic_store_explicit(&g->bucket[b], half, RELAXED);
		left += half;
	}
	atomic_store_explicit(&g->n, left, RELAXED);
}

/* Of `k` histograms together, which have counted `n`.  Their counts may be one or two off the
 * sums of their buckets (other loops are at it), so the last bucket that holds anything is the
 * end. */
static uint64_t quantile(const struct latency_histogram *g, unsigned k, uint64_t n,
			 unsigned permille)
{
	uint64_t rank = n * (permille < 1000 ? permille : 1000), sum = 0;
	double inside = 1;
	unsigned at = 0;

	for (unsigned b = 0; b < LATENCY_BUCKETS; b++) {
		uint64_t v = 0;

		for (unsigned i = 0; i < k; i++)
			v += atomic_load_explicit(&g[i].bucket[b], RELAXED);
		if (v == 0)
			continue;
		at = b;
		if ((sum + v) * 1000 >= rank) {
			inside = rank > sum * 1000
					 ? (double)(rank - sum * 1000) / (double)(v * 1000)
					 : 0;
			break;
		}
		sum += v;
	}
	return (uint64_t)two_to(LG_FIRST + (at + inside - 1) / STEPS);
}

static COLD uint64_t ttft_at(const struct health *h, uint64_t input_tokens, unsigned permille)
{
	const struct latency_histogram *g = &h->size[prompt_size(input_tokens)];
	uint64_t n = atomic_load_explicit(&g->n, RELAXED);

	if (n >= ENOUGH)
		return quantile(g, 1, n, permille);
	n = 0;
	for (unsigned s = 0; s < PROMPT_SIZES; s++)
		n += atomic_load_explicit(&h->size[s].n, RELAXED);
	return n < ENOUGH ? 0 : quantile(h->size, PROMPT_SIZES, n, permille);
}

/* What was last asked about a size and found, until another time is told: a plan asks of every
 * candidate, and one of them is told something between two plans. */
enum { MEMO_BITS = 54 };
#define MEMO_MASK ((1ULL << MEMO_BITS) - 1)

static void memos_drop(struct health *h)
{
	for (unsigned s = 0; s < PROMPT_SIZES; s++)
		atomic_store_explicit(&h->size[s].memo, 0, RELAXED);
}

uint64_t health_ttft_at(struct health *h, uint64_t input_tokens, unsigned permille)
{
	_Atomic uint64_t *memo = &h->size[prompt_size(input_tokens)].memo;
	uint64_t v = atomic_load_explicit(memo, RELAXED), us;

	permille = permille < 1000 ? permille : 1000;
	if (v != 0 && v >> MEMO_BITS == permille)
		return (v & MEMO_MASK) - 1;
	us = ttft_at(h, input_tokens, permille);
	atomic_store_explicit(memo, (uint64_t)permille << MEMO_BITS | (us + 1), RELAXED);
	return us;
}

/* ---- what is told -------------------------------------------------------------------------
 */

void health_begin(struct health *h, uint64_t now_us)
{
	atomic_fetch_add_explicit(&h->inflight, 1, RELAXED);
	atomic_store_explicit(&h->begun_us, now_us, RELAXED);
}

void health_end(struct health *h)
{
	atomic_fetch_sub_explicit(&h->inflight, 1, RELAXED);
}

void health_first_content(struct health *h, uint64_t ttft_us, uint64_t input_tokens,
			  uint64_t now_us)
{
	average_content(h, ttft_us, now_us);
	histogram_add(&h->size[prompt_size(input_tokens)], ttft_us);
	memos_drop(h);
}

void health_waiting(struct health *h, uint64_t waited_us, uint64_t now_us)
{
	average_slow(h, lg(waited_us), began(waited_us, now_us), now_us);
}

void health_given_up(struct health *h, uint64_t waited_us, uint64_t input_tokens)
{
	histogram_add(&h->size[prompt_size(input_tokens)],
		      waited_us < UINT64_MAX / 2 ? 2 * waited_us : waited_us);
	memos_drop(h);
}

void health_output(struct health *h, uint64_t tokens, uint64_t took_us)
{
	uint64_t old = atomic_load_explicit(&h->tps_milli, RELAXED);
	double now, tps;

	if (tokens == 0 || took_us == 0)
		return;
	now = (double)tokens / (double)took_us * 1e9;
	now = now < 1 ? 1 : now > 1e12 ? 1e12 : now;
	tps = old == 0 ? now : (double)old + (now - (double)old) / 8;
	atomic_store_explicit(&h->tps_milli, (uint64_t)tps, RELAXED);
}

void health_recovered(struct health *h, uint64_t now_us)
{
	atomic_store_explicit(&h->healthy_since_us, now_us > 0 ? now_us : 1, RELAXED);
}

void health_cached(struct health *h, uint64_t cached, uint64_t prompt)
{
	uint32_t old = atomic_load_explicit(&h->cached_permille, RELAXED);
	uint32_t n = atomic_load_explicit(&h->cached_samples, RELAXED);
	double now;

	if (prompt == 0)
		return;
	now = cached < prompt ? (double)cached / (double)prompt * 1000 : 1000;
	now = n == 0 ? now : old + (now - old) / 8;
	atomic_store_explicit(&h->cached_permille, (uint32_t)(now + 0.5), RELAXED);
	if (n < UINT32_MAX)
		atomic_store_explicit(&h->cached_samples, n + 1, RELAXED);
}

/* ---- limits: thousandths in 10 bits, until when (ms) above them --------------------------
 */

enum { LEFT_BITS = 10 };
#define LIMIT_RESET_MAX_US 86400000000ULL /* a day: who says more is not believed */

void health_limits(struct health *h, unsigned left_permille, uint64_t reset_us, uint64_t now_us)
{
	uint64_t left = left_permille < 1000 ? left_permille : 1000;
	uint64_t reset = reset_us < LIMIT_RESET_MAX_US ? reset_us : LIMIT_RESET_MAX_US;
	uint64_t until_ms = now_us / 1000 + reset / 1000 + 1;

	atomic_store_explicit(&h->limits, until_ms << LEFT_BITS | left, RELAXED);
}

unsigned health_headroom(const struct health *h, uint64_t now_us)
{
	uint64_t v = atomic_load_explicit(&h->limits, RELAXED);

	if (now_us / 1000 >= v >> LEFT_BITS)
		return 1000;
	return (unsigned)(v & ((1U << LEFT_BITS) - 1));
}

/* ---- what is asked ------------------------------------------------------------------------
 */

uint64_t health_ttft_us(const struct health *h, uint64_t now_us)
{
	uint64_t packed = atomic_load_explicit(&h->ttft, RELAXED);

	if (packed == 0 || average_age_ms(packed, now_us) > FORGOTTEN_MS)
		return 0;
	return (uint64_t)two_to(average_lg(packed));
}

/* log2 of the time that is expected of it, as far as its load goes. */
static double expected(const struct health *h, double usual, uint64_t now_us)
{
	uint64_t packed = atomic_load_explicit(&h->ttft, RELAXED);
	uint64_t begun = atomic_load_explicit(&h->begun_us, RELAXED);
	double d;

	if (packed == 0 || average_age_ms(packed, now_us) > FORGOTTEN_MS)
		return usual;
	d = average_lg(packed) - usual;
	if (d > 0 && begun < now_us)
		d *= half_to((double)(now_us - begun) / RETRY_US);
	d = d < LUCK ? d * LUCK_SLOPE : LUCK * LUCK_SLOPE + (d - LUCK) * SLOPE;
	return usual + (d < EXCESS_MAX ? d : EXCESS_MAX);
}

/* 8 at its beginning, 1 at its end and ever after. */
static double slow_start(const struct health *h, uint64_t slow_start_us, uint64_t now_us)
{
	uint64_t since = atomic_load_explicit(&h->healthy_since_us, RELAXED);
	uint64_t age = now_us > since ? now_us - since : 0;

	if (since == 0 || age >= slow_start_us)
		return 1;
	return 1 + 7 * (1 - (double)age / (double)slow_start_us);
}

uint64_t health_load(const struct health *h, unsigned weight, uint64_t usual_us,
		     uint64_t slow_start_us, uint64_t now_us)
{
	enum { NOBODY_KNOWS_US = 1000000, BUSY_MAX = 1 << 18, EXPECTED_MAX = 40 };
	int busy = atomic_load_explicit(&h->inflight, RELAXED);
	double x = expected(h, lg(usual_us != 0 ? usual_us : NOBODY_KNOWS_US), now_us);

	x = x < 0 ? 0 : x > EXPECTED_MAX ? EXPECTED_MAX : x;
	busy = busy < 0 ? 0 : busy > BUSY_MAX ? BUSY_MAX : busy;
	/* At most 2^40 * 2^18 * 8. */
	return (uint64_t)(two_to(x) * (busy + 1) * slow_start(h, slow_start_us, now_us) /
			  (weight > 0 ? weight : 1));
}
