#include "route/policy.h"

#include "base/arena.h"

/* Stands for nobody: no provider, model or region begins with it.  A list that two lists leave
 * nothing of holds this one name, since an empty list stands for all. */
static const struct slice nobody = LITC("\n");

const char *strategy_name(enum strategy s)
{
#define STRATEGY_WORD(id, word, doc) word,
	static const char *const words[] = { STRATEGIES(STRATEGY_WORD) };
#undef STRATEGY_WORD

	return words[s];
}

bool route_name_covers(struct slice wide, struct slice name)
{
	if (!slice_ieq(slice_head(name, wide.n), wide))
		return false;
	if (name.n == wide.n)
		return true;
	/* A model's name may have slashes of its own: "p/a" is not the provider of "p/a/b". */
	return name.p[wide.n] == '/' && slice_find_char(wide, '/') == SLICE_NONE;
}

size_t route_names_find(const struct route_names *names, const struct route_target *t)
{
	for (size_t i = 0; i < names->n; i++)
		if (slice_ieq(names->v[i], t->provider) || slice_ieq(names->v[i], t->name))
			return i;
	return SLICE_NONE;
}

/* ---- what a route and a request say, together --------------------------------------------
 */

/* The narrower of the two when one is within the other; false when they are apart. */
static bool narrower(struct slice a, struct slice b, bool regions, struct slice *out)
{
	bool in_a = regions ? slice_ieq(slice_head(b, a.n), a) : route_name_covers(a, b);
	bool in_b = regions ? slice_ieq(slice_head(a, b.n), b) : route_name_covers(b, a);

	*out = in_a ? b : a;
	return in_a || in_b;
}

/* What is in both. */
static void both(struct route_names *p, const struct route_names *asked, bool regions,
		 struct arena *a)
{
	struct slice *v;
	size_t most, n = 0;

	if (asked->n == 0)
		return;
	if (p->n == 0) {
		*p = *asked;
		return;
	}
	if (!size_mul(p->n, asked->n, &most))
		return;
	v = ARENA_ARRAY(a, struct slice, most);
	if (v == NULL)
		return;
	for (size_t i = 0; i < p->n; i++)
		for (size_t k = 0; k < asked->n; k++)
			if (narrower(p->v[i], asked->v[k], regions, &v[n]))
				n++;
	if (n == 0)
		v[n++] = nobody;
	*p = (struct route_names){ v, n };
}

/* What is in either. */
static void either(struct route_names *p, const struct route_names *asked, struct arena *a)
{
	struct slice *v;

	if (asked->n == 0)
		return;
	if (p->n == 0) {
		*p = *asked;
		return;
	}
	v = ARENA_ARRAY(a, struct slice, p->n + asked->n);
	if (v == NULL)
		return;
	memcpy(v, p->v, p->n * sizeof(*v));
	memcpy(v + p->n, asked->v, asked->n * sizeof(*v));
	*p = (struct route_names){ v, p->n + asked->n };
}

/* Of two limits of which zero is none. */
static uint64_t lower(uint64_t a, uint64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

static uint64_t higher(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static unsigned both_quantizations(unsigned a, unsigned b)
{
	if (a == 0 || b == 0)
		return a | b;
	return (a & b) != 0 ? a & b : 1U << QUANTIZATION_N; /* which nobody has */
}

static void join_order(struct route_policy *p, const struct route_policy *asked)
{
	if (asked->strategy_given) {
		p->strategy = asked->strategy;
		p->strategy_given = true;
		/* Else the route's list would go first and the strategy say nothing. */
		p->order = (struct route_names){ NULL, 0 };
	}
	if (asked->order.n > 0)
		p->order = asked->order;
	if (asked->percentile != 0)
		p->percentile = asked->percentile;
	if (asked->shares.cost + asked->shares.latency + asked->shares.quality > 0)
		p->shares = asked->shares;
	p->max_ttft_us = lower(p->max_ttft_us, asked->max_ttft_us);
	p->min_tps = higher(p->min_tps, asked->min_tps);
}

bool route_policy_join(struct route_policy *p, const struct route_policy *asked,
		       struct arena *a)
{
	join_order(p, asked);
	p->no_fallbacks |= asked->no_fallbacks;
	p->require_params |= asked->require_params;
	p->zdr |= asked->zdr;
	p->no_collection |= asked->no_collection;
	p->local_only |= asked->local_only;
	p->free_only |= asked->free_only;
	both(&p->only, &asked->only, false, a);
	either(&p->ignore, &asked->ignore, a);
	both(&p->regions, &asked->regions, true, a);
	p->quantizations = both_quantizations(p->quantizations, asked->quantizations);
	p->max_price_input = lower(p->max_price_input, asked->max_price_input);
	p->max_price_output = lower(p->max_price_output, asked->max_price_output);
	p->max_price_request = lower(p->max_price_request, asked->max_price_request);
	p->max_price_image = lower(p->max_price_image, asked->max_price_image);
	p->max_cost = lower(p->max_cost, asked->max_cost);
	p->min_quality = (unsigned)higher(p->min_quality, asked->min_quality);
	p->deadline_us = lower(p->deadline_us, asked->deadline_us);
	return !arena_failed(a);
}
