/* route/health.h -- what is learned of one deployment while it is used: its breaker, how fast
 * it is, how busy, how much of its limits is left.
 *
 * Pure.  Shared by all loops through relaxed atomics: a lost update makes an estimate a little
 * older.  All zero is a deployment of which nothing is known.  It outlives reloads.
 *
 * Time to first content is kept twice: as a moving average of its logarithm, for the load; and
 * as a decaying histogram per size of the prompt, for percentiles.  The average is of a second
 * or two, judges an attempt when it has taken twice the average (a heavy tail does not own it,
 * and one that hangs is noticed before it ends), and falls back to what is usual while the
 * deployment is not asked, so that it is tried again: health.c says how.
 */
#ifndef WEIR_ROUTE_HEALTH_H
#define WEIR_ROUTE_HEALTH_H

#include "route/breaker.h"

/* Sizes of prompts that are told apart, in estimated tokens: below 1,000, 8,000, 64,000, and
 * above. */
enum { PROMPT_SIZES = 4 };
unsigned prompt_size(uint64_t input_tokens);

/* Bucket b holds times of up to 1 ms * 2^(b/4): from 1 ms to 15 minutes, 19 % apart. */
enum { LATENCY_BUCKETS = 80 };

struct latency_histogram {
	_Atomic uint32_t bucket[LATENCY_BUCKETS];
	_Atomic uint64_t memo; /* private: the latest answer of health_ttft_at() */
	_Atomic uint32_t n;    /* halved with the buckets when it gets over LATENCY_MEMORY */
};
enum { LATENCY_MEMORY = 2048 };

struct health {
	atomic_uint refs; /* deployments and providers that hold it, of all snapshots */
	struct breaker breaker;
	atomic_int inflight;      /* attempts that have begun and not ended */
	_Atomic uint64_t ttft;    /* private: the moving average, and when it was fed */
	_Atomic uint64_t good_us; /* private: when the latest attempt began that was answered in
				     time */
	_Atomic uint64_t begun_us;  /* private: when the latest attempt began */
	_Atomic uint64_t tps_milli; /* moving average of output tokens per second, * 1000;
				       0: not known */
	_Atomic uint64_t healthy_since_us; /* for the slow start; 0: always */
	_Atomic uint64_t limits; /* private: what is left of its rate limits, until when */
	struct latency_histogram size[PROMPT_SIZES];
	_Atomic uint64_t attempts_total, failures_total;
	/* Of the prompt tokens sent with an affinity, how many came from its cache: moving
	 * average, 0 .. 1000; and whether it was ever fed. */
	_Atomic uint32_t cached_permille;
	_Atomic uint32_t cached_samples;
};

/* An attempt begins, and ends in whatever way.  Times must be above 0 and of one clock. */
void health_begin(struct health *h, uint64_t now_us);
void health_end(struct health *h);

/* The first content came after `ttft_us` of waiting. */
void health_first_content(struct health *h, uint64_t ttft_us, uint64_t input_tokens,
			  uint64_t now_us);
/* An attempt has waited for so long and still waits.  To be told when it has waited for 2, 4, 8
 * ... times what health_ttft_us() was when it began (100 ms at least): without it one that
 * hangs goes unnoticed.  Raises the average, never lowers it. */
void health_waiting(struct health *h, uint64_t waited_us, uint64_t now_us);
/* An attempt ended without content after so long, not for a fault that came at once: it was
 * cancelled (its hedge or the client was faster) or timed out.  For the percentiles, which
 * would otherwise know only those that were fast enough to win. */
void health_given_up(struct health *h, uint64_t waited_us, uint64_t input_tokens);
/* So many tokens came in so long after the first content. */
void health_output(struct health *h, uint64_t tokens, uint64_t took_us);
/* It works again (its breaker closed, it is new): begins its slow start. */
void health_recovered(struct health *h, uint64_t now_us);
/* So many of the prompt's tokens came from its cache. */
void health_cached(struct health *h, uint64_t cached, uint64_t prompt);

/* What its rate-limit headers say is left, 0 .. 1000 of the scarcest, until `reset_us` from
 * now. */
void health_limits(struct health *h, unsigned left_permille, uint64_t reset_us,
		   uint64_t now_us);
/* 1000 when it has not said, or what it said is over. */
unsigned health_headroom(const struct health *h, uint64_t now_us);

/* The moving average of the time to first content, in us; 0: nothing is known, or nothing was
 * heard for five minutes. */
uint64_t health_ttft_us(const struct health *h, uint64_t now_us);
/* The time within which `permille` of the answers to such prompts began; 0: fewer than 20
 * are known (of that size, and of all sizes together). */
uint64_t health_ttft_at(struct health *h, uint64_t input_tokens, unsigned permille);

/* What a further attempt would meet there: the average times those in hand, by weight, with
 * those of a slow start counted more (8 times, falling evenly to once).  Smaller is better;
 * comparable between deployments at one time only.  `usual_us` is what is usual among those it
 * is compared with: the lower median of those of their health_ttft_us() that are not 0; 0:
 * none is.  It stands for the average where that is not known, and the average of one that is
 * not asked falls back to it, by half in 2.5 s. */
uint64_t health_load(const struct health *h, unsigned weight, uint64_t usual_us,
		     uint64_t slow_start_us, uint64_t now_us);

#endif
