/* gateway/target.c -- what routing knows of a deployment, and what planning a model needs to
 * know of a request. */
#include "gateway/snapshot.h"

#include "route/rules.h"

/* A model of a better tier is taken to be better, until its owner says otherwise. */
unsigned tier_quality(enum model_tier t)
{
	switch (t) {
	case TIER_MINI:
		return 400;
	case TIER_STANDARD:
		return 600;
	case TIER_FLAGSHIP:
		return 800;
	case TIER_REASONING:
		return 850;
	case TIER_UNKNOWN:
	case TIER_PREVIEW:
	case MODEL_TIER_N:
		break;
	}
	return 500;
}

/* A long prompt costs more: of several tiers the dearest price from the first one on. */
static void look_up_tiers(struct route_target *t, const struct model_price *p)
{
	t->tier_input = t->price_input;
	t->tier_output = t->price_output;
	for (size_t i = 0; i < p->tier_n; i++) {
		const uint64_t *nano = p->tier[i].nano;
		unsigned known = p->tier[i].known;

		if ((known & 1U << PRICE_INPUT) != 0 && nano[PRICE_INPUT] > t->tier_input)
			t->tier_input = nano[PRICE_INPUT];
		if ((known & 1U << PRICE_OUTPUT) != 0 && nano[PRICE_OUTPUT] > t->tier_output)
			t->tier_output = nano[PRICE_OUTPUT];
	}
	t->tier_above = p->tier_n > 0 ? p->tier[0].above_tokens : 0;
}

static void look_up_price(struct route_target *t, const struct model_info *m, int64_t day)
{
	struct model_price p;

	if (!model_price_at(m, day, &p))
		return;
	t->priced = true;
	t->price_input = p.nano[PRICE_INPUT];
	t->price_output = p.nano[PRICE_OUTPUT];
	t->price_cache_read = p.known & 1U << PRICE_CACHE_READ ? p.nano[PRICE_CACHE_READ]
							       : p.nano[PRICE_INPUT];
	look_up_tiers(t, &p);
	t->price_image = p.known & 1U << UNIT_IMAGE_INPUT ? p.nano[UNIT_IMAGE_INPUT] : 0;
	t->price_request = p.known & 1U << UNIT_REQUEST ? p.nano[UNIT_REQUEST] : 0;
}

struct slice deployment_look_up(struct deployment *d, const struct catalogue *c, int64_t day)
{
	const struct provider *p = d->provider;
	struct route_target *t = &d->target;
	struct model_info m;

	*t = (struct route_target){
		.name = d->name,
		.provider = p->name,
		.model = d->model,
		.region = p->region,
		.quality = tier_quality(TIER_UNKNOWN),
		.zdr = p->zdr,
		.collects = p->collects,
		.local = p->local,
		.cancel_bills = p->cancel_bills,
		.weight = 1,
	};
	d->chat = true;
	if (!catalogue_find(c, p->name, d->model, &m))
		return (struct slice){ NULL, 0 };
	t->tier = m.tier;
	t->quality = tier_quality(m.tier);
	t->caps = m.caps;
	t->caps_stated = m.caps_stated;
	t->media_in = m.media_in;
	t->context = m.context;
	t->max_output = m.max_output;
	t->retired_day = m.retired_day;
	look_up_price(t, &m, day);
	d->chat = m.kind == MODEL_CHAT;
	d->no_sampling = m.no_sampling;
	d->successor = m.successor;
	return m.family;
}

/* ---- facts ------------------------------------------------------------------------------- */

static bool same_abilities(const struct route_target *a, const struct route_target *b)
{
	return a->caps == b->caps && a->caps_stated == b->caps_stated &&
	       a->media_in == b->media_in && a->context == b->context &&
	       a->max_output == b->max_output;
}

/* How much it costs depends on how long an answer is asked for. */
static bool strategy_counts(enum strategy s)
{
	return s == BY_COST || s == BY_QUALITY || s == BY_BALANCE;
}

static bool needs_facts(const struct model *m)
{
	const struct route_policy *p = &m->policy;
	/* What an image costs is held against a ceiling when there is one. */
	bool needs = p->max_cost != 0 || p->require_params || p->free_only ||
		     (p->max_price_image != 0 && p->max_price_image != UINT64_MAX);

	/* ... and so is what a long prompt costs. */
	for (size_t i = 0; i < m->deployment_n; i++)
		needs |= m->targets[i]->tier_above != 0 &&
			 (p->max_price_input != 0 || p->max_price_output != 0);
	for (size_t i = 1; i < m->deployment_n; i++)
		needs |= strategy_counts(m->policy.strategy) ||
			 !same_abilities(m->targets[0], m->targets[i]);
	for (size_t i = 0; i < m->rule_n; i++)
		needs |= m->rules[i].min_prompt_tokens != 0 ||
			 m->rules[i].max_prompt_tokens != 0 || m->rules[i].needs != 0 ||
			 m->rules[i].media != 0 || m->rules[i].metadata_n > 0 ||
			 strategy_counts(m->rules[i].strategy);
	return needs;
}

bool model_finish(struct model *m, struct arena *a)
{
	const struct route_target **t =
		ARENA_ARRAY(a, const struct route_target *, m->deployment_n);

	if (t == NULL)
		return false;
	for (size_t i = 0; i < m->deployment_n; i++)
		t[i] = &m->deployments[i]->target;
	m->targets = t;
	if (m->deployment_n > 0) {
		m->owned_by = m->deployments[0]->provider->name;
		m->context = t[0]->context;
		m->max_output = t[0]->max_output;
	}
	m->needs_facts = needs_facts(m);
	return true;
}
