#include "route/walk.h"

#include "base/arena.h"

enum rc walk_begin(struct route_walk *w, const struct route_plan *p,
		   const struct walk_rules *rules, struct arena *a)
{
	*w = (struct route_walk){ .rules = *rules, .n = p->n };
	w->stop = ARENA_ARRAY(a, struct route_stop, size_max(p->n, 1));
	if (w->stop == NULL)
		return E_NOMEM;
	for (unsigned i = 0; i < p->n; i++)
		w->stop[i] = (struct route_stop){ .candidate = p->choice[i].candidate,
						  .ready_us = p->choice[i].ready_us,
						  .dead = rules->stay && i > 0 };
	return OK;
}

static struct route_stop *stop_of(struct route_walk *w, unsigned candidate)
{
	for (unsigned i = 0; i < w->n; i++)
		if (w->stop[i].candidate == candidate)
			return &w->stop[i];
	INVARIANT(!"a candidate of this plan");
	return NULL;
}

enum walk_step walk_next(struct route_walk *w, uint64_t now_us, uint64_t until_us,
			 unsigned *candidate, uint64_t *wait_us)
{
	struct route_stop *best = NULL;

	if (w->tries >= w->rules.attempts)
		return WALK_END;
	for (unsigned i = 0; i < w->n; i++) {
		struct route_stop *s = &w->stop[i];

		if (s->dead || s->busy)
			continue;
		if (best == NULL || s->ready_us < best->ready_us)
			best = s; /* never tried: ready since 0, so in the plan's order */
	}
	if (best == NULL)
		return WALK_END;
	if (best->ready_us <= now_us) {
		best->tries++;
		best->busy = true;
		w->tries++;
		*candidate = best->candidate;
		return WALK_GO;
	}
	if (until_us != 0 && best->ready_us >= until_us)
		return WALK_END;
	*wait_us = best->ready_us - now_us;
	return WALK_WAIT;
}

bool walk_hedge(struct route_walk *w, uint64_t now_us, unsigned *candidate)
{
	for (unsigned i = 0; i < w->n; i++) {
		struct route_stop *s = &w->stop[i];

		if (s->dead || s->busy || s->no_hedge || s->tries > 0 || s->ready_us > now_us)
			continue;
		s->tries++;
		s->busy = true;
		s->hedge = true;
		*candidate = s->candidate;
		return true;
	}
	return false;
}

/* The try that is out is not one after all. */
static void take_back(struct route_walk *w, struct route_stop *s)
{
	s->tries--;
	s->busy = false;
	if (!s->hedge)
		w->tries--;
	s->hedge = false;
}

void walk_unask(struct route_walk *w, unsigned candidate)
{
	take_back(w, stop_of(w, candidate));
}

void walk_no_hedge(struct route_walk *w, unsigned candidate)
{
	struct route_stop *s = stop_of(w, candidate);

	take_back(w, s);
	s->no_hedge = true;
}

void walk_skip(struct route_walk *w, unsigned candidate)
{
	struct route_stop *s = stop_of(w, candidate);

	take_back(w, s);
	s->dead = true;
}

void walk_rests(struct route_walk *w, unsigned candidate, uint64_t ready_us, uint64_t now_us)
{
	struct route_stop *s = stop_of(w, candidate);

	take_back(w, s);
	s->ready_us = ready_us;
	s->dead = ready_us > now_us && ready_us - now_us > w->rules.retry_after_max_us;
}

void walk_failed(struct route_walk *w, unsigned candidate, bool again, uint64_t retry_after_us,
		 uint64_t now_us, struct rng *rng)
{
	struct route_stop *s = stop_of(w, candidate);
	uint64_t wait = w->rules.backoff_us;

	s->busy = s->hedge = false;
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

void walk_dropped(struct route_walk *w, unsigned candidate, bool again)
{
	struct route_stop *s = stop_of(w, candidate);

	s->busy = s->hedge = false;
	s->dead = !again;
}

void walk_stop(struct route_walk *w)
{
	w->tries = w->rules.attempts;
}
