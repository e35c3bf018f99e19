#include "route/plan.h"

#include "base/arena.h"

static enum rejection filter(const struct route_target *t, unsigned candidate, unsigned rules,
			     const struct route_policy *policy, const struct route_facts *f,
			     const struct route_env *env)
{
	enum rejection r = route_filter(t, candidate, rules, policy, f, env);
	const struct route_policy *own;

	if (r != REJECT_NONE || f->demands == NULL)
		return r;
	own = f->demands[candidate];
	return route_filter(t, candidate, route_rules(own), own, f, env);
}

enum rc route_plan(struct route_plan *p, const struct route_target *const *v, size_t n,
		   const struct route_policy *policy, const struct route_facts *f,
		   const struct route_env *env, struct arena *a)
{
	unsigned rules = route_rules(policy);

	*p = (struct route_plan){ .strategy = policy->strategy };
	p->candidates = (unsigned)size_min(n, ROUTE_CANDIDATES_MAX);
	/* Not zeroed: what is used is set. */
	p->choice = arena_get(a, size_max(p->candidates, 1) * sizeof(*p->choice));
	p->rejected = arena_get(a, size_max(p->candidates, 1));
	if (p->choice == NULL || p->rejected == NULL) {
		p->candidates = 0; /* whoever keeps a record of it finds nothing to read */
		return E_NOMEM;
	}
	for (unsigned i = 0; i < p->candidates; i++) {
		enum rejection r = filter(v[i], i, rules, policy, f, env);

		p->rejected[i] = (uint8_t)r;
		if (r != REJECT_NONE)
			continue;
		p->choice[p->n].candidate = (uint16_t)i;
		p->choice[p->n].ready_us =
			v[i]->health == NULL
				? 0
				: breaker_rests_until(&v[i]->health->breaker, env->now_us);
		p->n++;
	}
	route_order(p, v, policy, f, env);
	if (p->n > 0)
		p->input_tokens = route_input(v[p->choice[0].candidate], f);
	return OK;
}
