#include "route/breaker.h"

/* A probe that has not come back after this long is given up, and another may go. */
#define PROBE_US 60000000ULL

#define RELAXED memory_order_relaxed

const char *breaker_view_name(enum breaker_view v)
{
	static const char *const names[] = { "closed", "open", "half_open" };

	return names[v];
}

enum breaker_view breaker_look(const struct breaker *b, uint64_t now_us)
{
	uint64_t until = atomic_load_explicit(&b->open_until_us, RELAXED);

	if (until == 0)
		return BREAKER_CLOSED;
	return now_us < until ? BREAKER_OPEN : BREAKER_HALF_OPEN;
}

bool breaker_admit(struct breaker *b, uint64_t now_us)
{
	uint64_t probe;

	switch (breaker_look(b, now_us)) {
	case BREAKER_CLOSED:
		return true;
	case BREAKER_OPEN:
		return false;
	case BREAKER_HALF_OPEN:
		break;
	}
	probe = atomic_load_explicit(&b->probe_until_us, RELAXED);
	if (now_us < probe)
		return false;
	/* Of those that come at once exactly one gets it. */
	return atomic_compare_exchange_strong_explicit(&b->probe_until_us, &probe,
						       now_us + PROBE_US, RELAXED, RELAXED);
}

/* ---- the window: epoch in 24 bits, attempts and failures in 20 each -----------------------
 */

enum { WINDOW_BITS = 20 };
#define WINDOW_MASK ((1ULL << WINDOW_BITS) - 1)

static uint64_t window_epoch(const struct breaker_rules *rules, uint64_t now_us)
{
	return (now_us / rules->window_us + 1) & 0xffffff;
}

static void window_add(struct breaker *b, const struct breaker_rules *rules, uint64_t now_us,
		       bool failed)
{
	uint64_t epoch = window_epoch(rules, now_us);
	_Atomic uint64_t *w = &b->window[epoch & 1];
	uint64_t old = atomic_load_explicit(w, RELAXED), base;

	base = old >> (2 * WINDOW_BITS) == epoch ? old : epoch << (2 * WINDOW_BITS);
	if ((base >> WINDOW_BITS & WINDOW_MASK) == WINDOW_MASK)
		return; /* a million attempts say enough */
	/* A lost update costs one attempt of the count. */
	atomic_store_explicit(w, base + (1ULL << WINDOW_BITS) + (failed ? 1 : 0), RELAXED);
}

static bool window_bad(const struct breaker *b, const struct breaker_rules *rules,
		       uint64_t now_us)
{
	uint64_t epoch = window_epoch(rules, now_us), n = 0, failed = 0;

	for (unsigned i = 0; i < 2; i++) {
		uint64_t w = atomic_load_explicit(&b->window[i], RELAXED);
		uint64_t of = w >> (2 * WINDOW_BITS);

		if (of != epoch && of != ((epoch - 1) & 0xffffff))
			continue;
		n += w >> WINDOW_BITS & WINDOW_MASK;
		failed += w & WINDOW_MASK;
	}
	return n >= rules->window_min && n > 0 && failed * 1000 >= rules->error_permille * n;
}

static bool window_counts(const struct breaker_rules *rules)
{
	return rules->error_permille != 0 && rules->window_us != 0;
}

/* ---- verdicts -----------------------------------------------------------------------------
 */

bool breaker_success(struct breaker *b, const struct breaker_rules *rules, uint64_t now_us)
{
	if (window_counts(rules))
		window_add(b, rules, now_us, false);
	/* The usual case writes nothing: the line stays shared between the loops. */
	if (atomic_load_explicit(&b->failures, RELAXED) != 0)
		atomic_store_explicit(&b->failures, 0, RELAXED);
	if (atomic_load_explicit(&b->open_until_us, RELAXED) == 0)
		return false;
	atomic_store_explicit(&b->opened, 0, RELAXED);
	atomic_store_explicit(&b->probe_until_us, 0, RELAXED);
	for (unsigned i = 0; i < 2; i++)
		atomic_store_explicit(&b->window[i], 0, RELAXED);
	return atomic_exchange_explicit(&b->open_until_us, 0, RELAXED) != 0;
}

static bool must_open(const struct breaker *b, const struct breaker_rules *rules,
		      unsigned failures, uint64_t now_us)
{
	if (rules->failures != 0 && failures >= rules->failures)
		return true;
	return window_counts(rules) && window_bad(b, rules, now_us);
}

bool breaker_failure(struct breaker *b, const struct breaker_rules *rules, uint64_t now_us)
{
	unsigned failures = atomic_fetch_add_explicit(&b->failures, 1, RELAXED) + 1;
	enum breaker_view view = breaker_look(b, now_us);
	uint64_t wait = rules->open_us;
	unsigned times;

	if (window_counts(rules))
		window_add(b, rules, now_us, true);
	else if (rules->failures == 0)
		return false;
	if (view == BREAKER_OPEN ||
	    (view == BREAKER_CLOSED && !must_open(b, rules, failures, now_us)))
		return false;
	times = atomic_fetch_add_explicit(&b->opened, 1, RELAXED);
	for (unsigned i = 0; i < times && wait < rules->open_max_us; i++)
		wait *= 2;
	if (wait > rules->open_max_us)
		wait = rules->open_max_us;
	atomic_store_explicit(&b->probe_until_us, 0, RELAXED);
	atomic_store_explicit(&b->open_until_us, now_us + wait, RELAXED);
	atomic_fetch_add_explicit(&b->opens_total, 1, RELAXED);
	return true;
}

void breaker_forget(struct breaker *b)
{
	if (atomic_load_explicit(&b->probe_until_us, RELAXED) != 0)
		atomic_store_explicit(&b->probe_until_us, 0, RELAXED);
}

void breaker_rest(struct breaker *b, uint64_t now_us, uint64_t rest_us)
{
	uint64_t until = now_us + rest_us;

	if (until > atomic_load_explicit(&b->rest_until_us, RELAXED))
		atomic_store_explicit(&b->rest_until_us, until, RELAXED);
}

uint64_t breaker_rests_until(const struct breaker *b, uint64_t now_us)
{
	uint64_t until = atomic_load_explicit(&b->rest_until_us, RELAXED);

	return until > now_us ? until : 0;
}
