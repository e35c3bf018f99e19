#include "route/breaker.h"

/* A probe that has not come back after this long is given up, and another may go. */
#define PROBE_US 60000000ULL

#define RELAXED memory_order_relaxed

enum breaker_view breaker_look(const struct deployment_state *s, uint64_t now_us)
{
	uint64_t until = atomic_load_explicit(&s->open_until_us, RELAXED);

	if (until == 0)
		return BREAKER_CLOSED;
	return now_us < until ? BREAKER_OPEN : BREAKER_HALF_OPEN;
}

bool breaker_admit(struct deployment_state *s, uint64_t now_us)
{
	uint64_t probe;

	switch (breaker_look(s, now_us)) {
	case BREAKER_CLOSED:
		return true;
	case BREAKER_OPEN:
		return false;
	case BREAKER_HALF_OPEN:
		break;
	}
	probe = atomic_load_explicit(&s->probe_until_us, RELAXED);
	if (now_us < probe)
		return false;
	/* Of those that come at once exactly one gets it. */
	return atomic_compare_exchange_strong_explicit(&s->probe_until_us, &probe,
						       now_us + PROBE_US, RELAXED, RELAXED);
}

bool breaker_success(struct deployment_state *s)
{
	/* The usual case writes nothing: the line stays shared between the loops. */
	if (atomic_load_explicit(&s->failures, RELAXED) != 0)
		atomic_store_explicit(&s->failures, 0, RELAXED);
	if (atomic_load_explicit(&s->open_until_us, RELAXED) == 0)
		return false;
	atomic_store_explicit(&s->opened, 0, RELAXED);
	atomic_store_explicit(&s->probe_until_us, 0, RELAXED);
	return atomic_exchange_explicit(&s->open_until_us, 0, RELAXED) != 0;
}

bool breaker_failure(struct deployment_state *s, const struct breaker_rules *rules,
		     uint64_t now_us)
{
	unsigned failures = atomic_fetch_add_explicit(&s->failures, 1, RELAXED) + 1;
	enum breaker_view view = breaker_look(s, now_us);
	uint64_t wait = rules->open_us;
	unsigned times;

	if (rules->failures == 0 || view == BREAKER_OPEN)
		return false;
	if (view == BREAKER_CLOSED && failures < rules->failures)
		return false;
	times = atomic_fetch_add_explicit(&s->opened, 1, RELAXED);
	for (unsigned i = 0; i < times && wait < rules->open_max_us; i++)
		wait *= 2;
	if (wait > rules->open_max_us)
		wait = rules->open_max_us;
	atomic_store_explicit(&s->probe_until_us, 0, RELAXED);
	atomic_store_explicit(&s->open_until_us, now_us + wait, RELAXED);
	atomic_fetch_add_explicit(&s->opens_total, 1, RELAXED);
	return true;
}

void breaker_forget(struct deployment_state *s)
{
	if (atomic_load_explicit(&s->probe_until_us, RELAXED) != 0)
		atomic_store_explicit(&s->probe_until_us, 0, RELAXED);
}

void breaker_rest(struct deployment_state *s, uint64_t now_us, uint64_t rest_us)
{
	uint64_t until = now_us + rest_us;

	if (until > atomic_load_explicit(&s->rest_until_us, RELAXED))
		atomic_store_explicit(&s->rest_until_us, until, RELAXED);
}

uint64_t breaker_rests_until(const struct deployment_state *s, uint64_t now_us)
{
	uint64_t until = atomic_load_explicit(&s->rest_until_us, RELAXED);

	return until > now_us ? until : 0;
}
