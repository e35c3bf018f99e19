/* How a name's deployments are chosen among: what models and routes have in common. */
#include "app/config_build.h"

#include "route/rules.h"
#include "wire/http1.h"

static uint64_t or_else(uint64_t v, uint64_t other)
{
	return v != OPTION_UNSET ? v : other;
}

void build_times(const struct snapshot *s, const struct config_model_timeouts *t,
		 const struct config_retries *r, struct model *m)
{
	m->timeouts = (struct timeouts){
		.connect_us = s->timeouts.connect_us,
		.first_content_us = or_else(t->first_content, s->timeouts.first_content_us),
		.stall_us = or_else(t->stall, s->timeouts.stall_us),
		.total_us = or_else(t->total, s->timeouts.total_us),
	};
	m->retries = (struct retries){
		.attempts = (unsigned)or_else(r->attempts, s->retries.attempts),
		.backoff_us = or_else(r->backoff, s->retries.backoff_us),
		.backoff_max_us = or_else(r->backoff_max, s->retries.backoff_max_us),
		.retry_after_max_us =
			or_else(r->retry_after_max, s->retries.retry_after_max_us),
	};
}

/* ---- policy ------------------------------------------------------------------------------ */

static bool is_named(struct slice name, const struct model *m)
{
	for (size_t i = 0; i < m->deployment_n; i++)
		if (slice_eq(name, m->deployments[i]->name) ||
		    slice_eq(name, m->deployments[i]->provider->name))
			return true;
	return false;
}

static struct route_names build_names(struct builder *b, const char *option,
				      const struct texts *t, const struct model *m)
{
	struct slice *v = ARENA_ARRAY(&b->s->arena, struct slice, t->n);

	for (size_t i = 0; v != NULL && i < t->n; i++) {
		if (!is_named(t->v[i].s, m))
			problem_add(b->p, t->v[i].at,
				    "%s: \"%.*s\" is no provider and no deployment of \"%.*s\"",
				    option, SARG(t->v[i].s), SARG(m->name));
		v[i] = arena_copy(&b->s->arena, t->v[i].s);
	}
	return (struct route_names){ v, v == NULL ? 0 : t->n };
}

static struct route_names build_regions(struct builder *b, const struct texts *t)
{
	struct slice *v = ARENA_ARRAY(&b->s->arena, struct slice, t->n);

	for (size_t i = 0; v != NULL && i < t->n; i++)
		v[i] = arena_copy(&b->s->arena, t->v[i].s);
	return (struct route_names){ v, v == NULL ? 0 : t->n };
}

#define WORD_OF(id, word, ...) word,

unsigned build_words(struct builder *b, const char *option, const char *const *words,
		     const struct texts *t)
{
	unsigned all = 0;

	for (size_t i = 0; i < t->n; i++) {
		unsigned w = 0;
		char room[200];
		struct sb list;

		sb_init(&list, room, sizeof(room));
		for (; words[w] != NULL && !slice_eq(slice_cstr(words[w]), t->v[i].s); w++)
			sb_fmt(&list, "%s%s", list.n > 0 && words[w][0] != '\0' ? ", " : "",
			       words[w]);
		if (words[w] == NULL)
			problem_add(b->p, t->v[i].at, "%s: \"%.*s\" is not one of %s", option,
				    SARG(t->v[i].s), sb_cstr(&list));
		else
			all |= 1U << w;
	}
	return all;
}

/* In the struct 0 stands for any price; nothing costs less than this but what is free. */
static uint64_t ceiling(uint64_t price)
{
	return price == OPTION_UNSET ? 0 : price == 0 ? 1 : price;
}

static void build_policy(struct builder *b, const struct config_routing *c, struct model *m)
{
	static const char *const words[] = { QUANTIZATIONS(WORD_OF) NULL };
	struct route_policy *p = &m->policy;

	*p = (struct route_policy){
		.strategy = (enum strategy)or_else(c->strategy, BY_PRIORITY),
		.no_fallbacks = !c->fallbacks,
		.require_params = c->require_parameters,
		.zdr = c->zdr,
		.no_collection = c->data_collection == COLLECTION_DENY,
		.local_only = c->local_only,
		.only = build_names(b, "only", &c->only, m),
		.ignore = build_names(b, "ignore", &c->ignore, m),
		.regions = build_regions(b, &c->regions),
		.quantizations = build_words(b, "quantizations", words, &c->quantizations),
		.max_price_input = ceiling(c->max_price.input),
		.max_price_output = ceiling(c->max_price.output),
		.max_price_request = ceiling(c->max_price.request),
		.max_price_image = ceiling(c->max_price.image),
		.max_cost = or_else(c->max_cost, 0),
		.min_quality = (unsigned)or_else(c->min_quality, 0),
		.percentile = (unsigned)or_else(c->percentile, 0) * 10,
		.max_ttft_us = or_else(c->max_latency, 0),
		.min_tps = or_else(c->min_throughput, 0),
		.shares = { (unsigned)c->balance.cost, (unsigned)c->balance.latency,
			    (unsigned)c->balance.quality },
	};
	if (c->max_price.input == 0 && c->max_price.output == 0)
		p->free_only = true;
}

/* Whatever the request says, and however well the deployment is. */
static bool is_for_ever(enum rejection r)
{
	return r == REJECT_IGNORED || r == REJECT_NOT_ONLY || r == REJECT_REGION ||
	       r == REJECT_ZDR || r == REJECT_COLLECTION || r == REJECT_NOT_LOCAL ||
	       r == REJECT_QUANTIZATION || r == REJECT_QUALITY || r == REJECT_UNPRICED ||
	       r == REJECT_PRICE;
}

/* A policy that none of the deployments can meet would refuse every request. */
static void check_policy(struct builder *b, struct yaml_place at, const struct model *m)
{
	const unsigned rules = route_rules(&m->policy);
	const struct route_facts any = { .may_preview = true };
	const struct route_env now = { .now_us = 0 };
	char room[300];
	struct sb out;

	sb_init(&out, room, sizeof(room));
	for (size_t i = 0; i < m->deployment_n; i++) {
		const struct route_target *t = &m->deployments[i]->target;
		enum rejection r = route_filter(t, (unsigned)i, rules, &m->policy, &any, &now);

		if (!is_for_ever(r))
			return;
		sb_fmt(&out, "%s%.*s (%s)", i == 0 ? "" : ", ", SARG(t->name),
		       rejection_code(r));
	}
	if (m->deployment_n > 0)
		problem_add(b->p, at, "no deployment of \"%.*s\" meets its policy: %s",
			    SARG(m->name), sb_cstr(&out));
}

/* ---- hedging, retries, stickiness -------------------------------------------------------- */

static void build_hedge(struct builder *b, const struct config_hedge *c, struct model *m)
{
	m->hedge.on = c->section.given && c->on;
	m->hedge.percentile = (unsigned)c->percentile * 10;
	m->hedge.min_us = c->min_delay;
	m->hedge.max_us = c->max_delay;
	m->hedge.count.share_permille = (unsigned)c->share;
	m->hedge.cost.share_permille = (unsigned)c->cost_share;
	m->hedge.despite_billing = c->despite_billing;
	if (c->max_delay != 0 && c->min_delay > c->max_delay)
		problem_add(b->p, c->section.at, "hedge: min_delay is longer than max_delay");
	if (m->hedge.on && m->deployment_n == 1)
		problem_add(b->p, c->section.at,
			    "hedge: \"%.*s\" has one deployment; there is nobody else to ask",
			    SARG(m->name));
}

static void build_sticky(struct builder *b, const struct config_sticky *c, struct model *m)
{
	bool on = c->section.given && c->on;

	m->sticky_ttl_us = on ? c->ttl : 0;
	m->stick_max_permille = (unsigned)c->max_load;
	if (on && m->deployment_n == 1)
		problem_add(b->p, c->section.at,
			    "sticky: \"%.*s\" has one deployment; all go there anyway",
			    SARG(m->name));
	if (on)
		keep_affinity(b);
}

/* The route or one of its rules goes by it. */
static bool goes_by(const struct model *m, enum strategy s)
{
	bool does = m->policy.strategy == s;

	for (size_t i = 0; i < m->rule_n; i++)
		does |= m->rules[i].strategy_given && m->rules[i].strategy == s;
	return does;
}

void build_routing(struct builder *b, const struct config_routing *c, struct yaml_place at,
		   struct model *m)
{
	if (out_of_memory(b))
		return;
	build_policy(b, c, m);
	check_policy(b, at, m);
	build_hedge(b, &c->hedge, m);
	build_sticky(b, &c->sticky, m);
	m->retry_budget = (struct budget_rules){
		.share_permille = (unsigned)c->retry_budget.share,
		.cap = c->retry_budget.burst,
	};
	m->slow_start_us = c->slow_start;
	if (c->balance.section.given && !goes_by(m, BY_BALANCE))
		problem_add(b->p, c->balance.section.at,
			    "balance: is of the strategy balanced, which \"%.*s\" does not go "
			    "by",
			    SARG(m->name));
	if (c->balance.cost + c->balance.latency + c->balance.quality == 0)
		problem_add(b->p, c->balance.section.at, "balance: nothing weighs anything");
	if (c->percentile != OPTION_UNSET && !goes_by(m, BY_TTFT))
		problem_add(b->p, at,
			    "percentile: is of the strategy fastest, which \"%.*s\" does not "
			    "go by",
			    SARG(m->name));
}

/* ---- names ------------------------------------------------------------------------------- */

static void list(struct builder *b, struct model *m, struct yaml_place at)
{
	struct snapshot *s = b->s;

	if (!http1_value_ok(m->name))
		problem_add(b->p, at, "a model's name holds bytes that no header may have");
	s->model_list[s->model_n++] = m;
	if (!map_put(&s->models, m->name, m))
		problem_add(b->p, at, "the name \"%.*s\" is another model's already",
			    SARG(m->name));
}

void build_name(struct builder *b, struct model *m, const struct texts *aliases,
		struct yaml_place at)
{
	list(b, m, at);
	for (size_t i = 0; i < aliases->n; i++) {
		struct model *alias = ARENA_NEW(&b->s->arena, struct model);

		if (alias == NULL)
			return;
		*alias = *m;
		alias->name = arena_copy(&b->s->arena, aliases->v[i].s);
		if (alias->name.n == 0)
			problem_add(b->p, aliases->v[i].at, "aliases: an empty name");
		list(b, alias, aliases->v[i].at);
	}
}
