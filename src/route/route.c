#include "route/route.h"

/* Takes one of stop[from..n) with a chance by its weight to the front, among those of the
 * lowest priority that is left. */
static void draw(struct route_walk *w, unsigned from, const struct route_candidate *c,
		 struct rng *rng)
{
	unsigned priority = UINT32_MAX;
	uint64_t sum = 0, at;

	for (unsigned i = from; i < w->n; i++) {
		const struct route_candidate *x = &c[w->stop[i].candidate];

		if (x->priority < priority) {
			priority = x->priority;
			sum = 0;
		}
		if (x->priority == priority)
			sum += x->weight;
	}
	at = sum > 0 ? rng_below(rng, sum) : 0;
	for (unsigned i = from; i < w->n; i++) {
		const struct route_candidate *x = &c[w->stop[i].candidate];
		struct route_stop picked = w->stop[i];

		if (x->priority != priority)
			continue;
		if (at >= x->weight) {
			at -= x->weight;
			continue;
		}
		w->stop[i] = w->stop[from];
		w->stop[from] = picked;
		return;
	}
}

void route_plan(struct route_walk *w, const struct route_rules *rules,
		const struct route_candidate *c, size_t n, struct rng *rng)
{
	w->rules = *rules;
	w->n = w->tries = w->refused = 0;
	for (size_t i = 0; i < n && i < ROUTE_CANDIDATES_MAX; i++) {
		if (c[i].open)
			w->refused++;
		else
			w->stop[w->n++] = (struct route_stop){ .candidate = (uint16_t)i,
							       .ready_us = c[i].ready_us };
	}
	for (unsigned i = 0; i + 1 < w->n; i++)
		draw(w, i, c, rng);
}

static struct route_stop *stop_of(struct route_walk *w, unsigned candidate)
{
	for (unsigned i = 0; i < w->n; i++)
		if (w->stop[i].candidate == candidate)
			return &w->stop[i];
	INVARIANT(!"a candidate of this plan");
	return NULL;
}

enum route_step route_next(struct route_walk *w, uint64_t now_us, uint64_t until_us,
			   unsigned *candidate, uint64_t *wait_us)
{
	struct route_stop *best = NULL;

	if (w->tries >= w->rules.attempts)
		return ROUTE_END;
	for (unsigned i = 0; i < w->n; i++) {
		struct route_stop *s = &w->stop[i];

		if (s->dead)
			continue;
		if (best == NULL || s->ready_us < best->ready_us)
			best = s; /* never tried: ready since 0, so in the plan's order */
	}
	if (best == NULL)
		return ROUTE_END;
	if (best->ready_us <= now_us) {
		best->tries++;
		w->tries++;
		*candidate = best->candidate;
		return ROUTE_GO;
	}
	if (until_us != 0 && best->ready_us >= until_us)
		return ROUTE_END;
	*wait_us = best->ready_us - now_us;
	return ROUTE_WAIT;
}

void route_unask(struct route_walk *w, unsigned candidate)
{
	stop_of(w, candidate)->tries--;
	w->tries--;
}

void route_skip(struct route_walk *w, unsigned candidate)
{
	struct route_stop *s = stop_of(w, candidate);

	s->dead = true;
	s->tries--;
	w->tries--;
	w->refused++;
}

void route_failed(struct route_walk *w, unsigned candidate, bool again, uint64_t retry_after_us,
		  uint64_t now_us, struct rng *rng)
{
	struct route_stop *s = stop_of(w, candidate);
	uint64_t wait = w->rules.backoff_us;

	if (!again || retry_after_us > w->rules.retry_after_max_us) {
		s->dead = true;
		return;
	}
	for (unsigned i = 1; i < s->tries && wait < w->rules.backoff_max_us; i++)
		wait *= 2;
	if (wait > w->rules.backoff_max_us)
		wait = w->rules.backoff_max_us;
	/* Half of it is luck, so that clients that failed together do not come back together.
	 */
	wait = wait / 2 + (wait > 1 ? rng_below(rng, wait / 2 + 1) : 0);
	if (wait < retry_after_us)
		wait = retry_after_us;
	s->ready_us = now_us + (wait > 0 ? wait : 1);
}
