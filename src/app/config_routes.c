/* Routes: names that stand for several models; and the names that are there unasked. */
#include "app/config_build.h"

#include "route/rules.h"

static bool is_pattern(struct slice name)
{
	return slice_find(name, LIT("*")) != SLICE_NONE;
}

/* TIER_UNKNOWN: the name of no tier that one can ask for. */
static enum model_tier tier_of(struct slice name)
{
	for (unsigned t = TIER_UNKNOWN + 1; t < TIER_PREVIEW; t++)
		if (slice_eq(name, slice_cstr(model_tier_name(t))))
			return t;
	return TIER_UNKNOWN;
}

/* TIER_UNKNOWN: of any. */
static bool of_tier(const struct deployment *d, enum model_tier tier)
{
	return d->chat && (tier == TIER_UNKNOWN || d->target.tier == tier);
}

static bool has(const struct model *m, const struct deployment *d)
{
	for (size_t i = 0; i < m->deployment_n; i++)
		if (slice_eq(m->deployments[i]->name, d->name))
			return true;
	return false;
}

/* A model of the file whose name matches has it. */
static bool in_matching(const struct snapshot *s, struct slice pattern,
			const struct deployment *d)
{
	for (size_t i = 0; i < s->model_n; i++)
		if (name_matches(pattern, s->model_list[i]->name) && has(s->model_list[i], d))
			return true;
	return false;
}

static bool in_catalogue(const struct snapshot *s, struct slice name,
			 const struct deployment *d)
{
	struct catalogued found[CATALOGUE_FOUND_MAX];
	size_t n = snapshot_catalogued(s, name, found);

	for (size_t i = 0; i < n; i++)
		if (found[i].provider == d->provider && slice_eq(found[i].model, d->model))
			return true;
	return false;
}

/* Whether a name in a route's `models` or a rule's `use` means this deployment.  What the file
 * calls by a name goes before what weir does. */
static bool stands_for(const struct snapshot *s, struct slice name, const struct deployment *d)
{
	const struct model *m = map_get(&s->models, name);

	if (is_pattern(name))
		return name_matches(name, d->name) || in_matching(s, name, d);
	if (m != NULL)
		return has(m, d);
	if (tier_of(name) != TIER_UNKNOWN)
		return of_tier(d, tier_of(name));
	return slice_eq(name, d->name) || in_catalogue(s, name, d);
}

/* ---- what a route has -------------------------------------------------------------------- */

struct gathering {
	struct builder *b;
	struct model *m;
	struct deployment **list; /* m->deployments, with room for ROUTE_CANDIDATES_MAX */
	unsigned base;            /* priority of the member at hand goes on from it */
	unsigned last;            /* the largest so far */
	size_t left_out;          /* for want of room */
	bool preview;
};

/* Each once; a copy, for it has its own place in this route. */
static void gather(struct gathering *g, const struct deployment *d, unsigned rank)
{
	struct deployment *copy;

	if (has(g->m, d))
		return;
	if (g->m->deployment_n == ROUTE_CANDIDATES_MAX) {
		g->left_out++;
		return;
	}
	copy = ARENA_NEW(&g->b->s->arena, struct deployment);
	if (copy == NULL)
		return;
	*copy = *d;
	copy->target.priority = g->base + rank;
	copy->target.preview |= g->preview;
	if (copy->target.priority > g->last)
		g->last = copy->target.priority;
	g->list[g->m->deployment_n++] = copy;
}

/* `provider/model`, or a name of the catalogue.  False: it is neither. */
static bool gather_new(struct gathering *g, struct slice name)
{
	struct catalogued found[CATALOGUE_FOUND_MAX];
	struct snapshot *s = g->b->s;
	const struct provider *p = NULL;
	struct slice of, rest;
	size_t n = 1;

	if (slice_cut(name, '/', &of, &rest) && rest.n > 0)
		p = map_get(&s->providers, of);
	if (p != NULL)
		found[0] = (struct catalogued){ p, rest };
	else
		n = snapshot_catalogued(s, name, found);
	for (size_t i = 0; i < n; i++) {
		struct slice full = arena_fmt(&s->arena, "%.*s/%.*s",
					      SARG(found[i].provider->name),
					      SARG(found[i].model));
		const struct deployment *d = map_get(&s->deployments, full);

		if (d == NULL && !arena_failed(&s->arena))
			d = build_listed(g->b, found[i].provider, found[i].model);
		if (d != NULL)
			gather(g, d, 1 + (unsigned)i);
	}
	return n > 0;
}

/* All that a pattern matches: models of the file, then single deployments. */
static bool gather_matching(struct gathering *g, struct slice pattern)
{
	const struct snapshot *s = g->b->s;
	bool any = false;

	for (size_t i = 0; i < s->model_n; i++) {
		const struct model *m = s->model_list[i];

		if (!name_matches(pattern, m->name))
			continue;
		any = true;
		for (size_t j = 0; j < m->deployment_n; j++)
			gather(g, m->deployments[j], 1);
	}
	for (size_t i = 0; i < s->deployment_n; i++) {
		if (!name_matches(pattern, s->deployment_list[i]->name))
			continue;
		any = true;
		gather(g, s->deployment_list[i], 1);
	}
	return any;
}

static bool gather_tier(struct gathering *g, enum model_tier tier)
{
	const struct snapshot *s = g->b->s;
	bool any = false;

	for (size_t i = 0; i < s->deployment_n; i++) {
		if (!of_tier(s->deployment_list[i], tier))
			continue;
		any = true;
		gather(g, s->deployment_list[i], 1);
	}
	return any;
}

/* False: nothing is called so. */
static bool gather_named(struct gathering *g, struct slice name)
{
	const struct model *m = map_get(&g->b->s->models, name);

	g->base = g->last;
	for (size_t i = 0; m != NULL && i < m->deployment_n; i++)
		gather(g, m->deployments[i], m->targets[i]->priority);
	if (m != NULL)
		return true;
	if (is_pattern(name))
		return gather_matching(g, name);
	return tier_of(name) != TIER_UNKNOWN ? gather_tier(g, tier_of(name))
					     : gather_new(g, name);
}

static bool is_route(const struct config *c, struct slice name)
{
	for (size_t i = 0; i < c->routes.n; i++)
		if (slice_eq(((struct section *)sections_at(&c->routes, i))->name, name))
			return true;
	return false;
}

static void names_nothing(struct builder *b, struct text t)
{
	struct slice of, near = snapshot_suggest(b->s, t.s);

	if (is_pattern(t.s))
		problem_add(b->p, t.at, "models: \"%.*s\" matches no model and no deployment",
			    SARG(t.s));
	else if (tier_of(t.s) != TIER_UNKNOWN)
		problem_add(b->p, t.at, "models: this file has no model of the tier %.*s",
			    SARG(t.s));
	else if (near.n > 0)
		problem_add(b->p, t.at,
			    "models: \"%.*s\" is no model of this file; did you mean "
			    "\"%.*s\"?",
			    SARG(t.s), SARG(near));
	else if (slice_cut(t.s, '/', &of, NULL))
		no_such_provider(b, of, t.at);
	else
		problem_add(b->p, t.at,
			    "models: \"%.*s\" is no model of this file, no PROVIDER/MODEL and "
			    "no tier",
			    SARG(t.s));
}

static void build_members(struct builder *b, const struct config_route *c, struct model *m)
{
	struct deployment **list =
		ARENA_ARRAY(&b->s->arena, struct deployment *, ROUTE_CANDIDATES_MAX);
	struct gathering g = { .b = b, .m = m, .list = list, .preview = c->preview };

	if (list == NULL)
		return;
	m->deployments = list;
	for (size_t i = 0; i < c->models.n; i++) {
		struct text t = c->models.v[i];

		if (map_get(&b->s->models, t.s) == NULL && is_route(b->c, t.s))
			problem_add(b->p, t.at,
				    "models: \"%.*s\" is a route; name what it has instead",
				    SARG(t.s));
		else if (!gather_named(&g, t.s) && !out_of_memory(b))
			names_nothing(b, t);
	}
	if (c->models.n == 0)
		problem_add(b->p, c->section.at,
			    "route \"%.*s\" has no models; add \"models: [...]\"",
			    SARG(m->name));
	if (g.left_out > 0)
		problem_add(b->p, c->section.at,
			    "route \"%.*s\" has %zu deployments; at most %d", SARG(m->name),
			    g.left_out + m->deployment_n, ROUTE_CANDIDATES_MAX);
}

/* ---- rules ------------------------------------------------------------------------------- */

/* "22:30" to minutes; 24:00 is the end of the day. */
static bool minute_read(struct slice s, unsigned *out)
{
	struct slice h, m;
	uint64_t hour, minute;

	if (!slice_cut(s, ':', &h, &m) || h.n == 0 || h.n > 2 || m.n != 2 ||
	    !slice_u64(h, &hour) || !slice_u64(m, &minute))
		return false;
	if (hour > 24 || minute > 59 || (hour == 24 && minute > 0))
		return false;
	*out = (unsigned)(hour * 60 + minute);
	return true;
}

static void build_hours(struct builder *b, struct text t, struct route_rule *r)
{
	struct slice from, until;
	unsigned begin, end;

	if (!t.given)
		return;
	if (!slice_cut(t.s, '-', &from, &until) || !minute_read(slice_trim(from), &begin) ||
	    !minute_read(slice_trim(until), &end)) {
		problem_add(b->p, t.at, "hours: \"%.*s\" is not a range such as 22:00-06:00",
			    SARG(t.s));
		return;
	}
	r->from_minute = begin % 1440;
	r->until_minute = end % 1440;
	if (begin == end)
		problem_add(b->p, t.at, "hours: \"%.*s\" is no time at all", SARG(t.s));
	else if (r->from_minute == r->until_minute)
		problem_add(b->p, t.at, "hours: \"%.*s\" is all day; leave it out", SARG(t.s));
}

static const struct slice *build_slices(struct builder *b, const struct texts *t, size_t *n)
{
	struct slice *v = ARENA_ARRAY(&b->s->arena, struct slice, t->n);

	for (size_t i = 0; v != NULL && i < t->n; i++)
		v[i] = arena_copy(&b->s->arena, t->v[i].s);
	*n = v == NULL ? 0 : t->n;
	return v;
}

static void check_key(struct builder *b, struct text t)
{
	for (size_t i = 0; i < b->c->keys.n; i++)
		if (slice_eq(((struct config_key *)sections_at(&b->c->keys, i))->name.s, t.s))
			return;
	problem_add(b->p, t.at, "keys: \"%.*s\" is no key of this file", SARG(t.s));
}

static void build_metadata(struct builder *b, const struct pairs *p, struct route_rule *r)
{
	struct rule_pair *v = ARENA_ARRAY(&b->s->arena, struct rule_pair, p->n);

	for (size_t i = 0; v != NULL && i < p->n; i++)
		v[i] = (struct rule_pair){ arena_copy(&b->s->arena, p->v[i].name),
					   arena_copy(&b->s->arena, p->v[i].value.s) };
	r->metadata = v;
	r->metadata_n = v == NULL ? 0 : p->n;
}

static void build_when(struct builder *b, const struct config_when *c, struct route_rule *r)
{
	/* What a request can need and have: see struct route_facts. */
	static const char *const days[] = { "mon", "tue", "wed", "thu",
					    "fri", "sat", "sun", NULL };
	static const char *const needs[] = {
		[CAP_TOOLS] = "tools",
		[CAP_PARALLEL_TOOLS] = "parallel_tools",
		[CAP_JSON_SCHEMA] = "json_schema",
		[CAP_REASONING] = "reasoning",
		[CAP_PROMPT_CACHE] = "",
		[CAP_STREAMING] = "",
		[CAP_LOGPROBS] = "logprobs",
		[MODEL_CAP_N] = NULL,
	};
	static const char *const media[] = {
		[MEDIUM_TEXT] = "",       [MEDIUM_IMAGE] = "image", [MEDIUM_AUDIO] = "audio",
		[MEDIUM_VIDEO] = "video", [MEDIUM_FILE] = "file",   [MEDIUM_FILE + 1] = NULL,
	};

	if (c->tokens_over != OPTION_UNSET)
		r->min_prompt_tokens = c->tokens_over + 1;
	if (c->tokens_under != OPTION_UNSET)
		r->max_prompt_tokens = c->tokens_under - 1;
	if (r->max_prompt_tokens != 0 && r->min_prompt_tokens > r->max_prompt_tokens)
		problem_add(b->p, c->section.at,
			    "when: no prompt has over %llu and under %llu tokens",
			    (unsigned long long)c->tokens_over,
			    (unsigned long long)c->tokens_under);
	build_metadata(b, &c->metadata, r);
	r->tags = build_slices(b, &c->tags, &r->tag_n);
	r->keys = build_slices(b, &c->keys, &r->key_n);
	for (size_t i = 0; i < c->keys.n; i++)
		check_key(b, c->keys.v[i]);
	r->weekdays = build_words(b, "days", days, &c->days);
	build_hours(b, c->hours, r);
	r->needs = build_words(b, "needs", needs, &c->needs);
	r->media = build_words(b, "media", media, &c->media);
	r->stream = c->stream == OPTION_UNSET ? TRI_ANY : c->stream != 0 ? TRI_YES : TRI_NO;
}

static void build_use(struct builder *b, const struct texts *use, const struct model *m,
		      struct route_rule *r)
{
	uint64_t *bits = ARENA_ARRAY(&b->s->arena, uint64_t, ROUTE_CANDIDATES_MAX / 64);

	if (bits == NULL || use->n == 0)
		return;
	r->use = bits;
	for (size_t i = 0; i < use->n; i++) {
		bool any = false;

		for (size_t j = 0; j < m->deployment_n; j++) {
			if (!stands_for(b->s, use->v[i].s, m->deployments[j]))
				continue;
			bits[j / 64] |= UINT64_C(1) << j % 64;
			any = true;
		}
		if (!any && !out_of_memory(b))
			problem_add(b->p, use->v[i].at,
				    "use: \"%.*s\" is nothing that \"%.*s\" has",
				    SARG(use->v[i].s), SARG(m->name));
	}
}

static bool always_holds(const struct route_rule *r)
{
	return r->min_prompt_tokens == 0 && r->max_prompt_tokens == 0 && r->metadata_n == 0 &&
	       r->tag_n == 0 && r->key_n == 0 && r->weekdays == 0 &&
	       r->from_minute == r->until_minute && r->needs == 0 && r->media == 0 &&
	       r->stream == TRI_ANY;
}

static void build_rules(struct builder *b, const struct config_route *c, struct model *m)
{
	struct route_rule *v = ARENA_ARRAY(&b->s->arena, struct route_rule, c->rules.n);

	if (v == NULL)
		return;
	m->rules = v;
	for (size_t i = 0; i < c->rules.n; i++) {
		const struct config_rule *from = sections_at(&c->rules, i);
		size_t before = b->p->n;

		if (from->use.n == 0 && from->strategy == OPTION_UNSET)
			problem_add(b->p, from->section.at,
				    "rules: a rule needs \"use\" or \"strategy\"");
		if (i > 0 && always_holds(&v[i - 1]) && before == b->p->n)
			problem_add(b->p, from->section.at,
				    "rules: is never reached; the one before it always holds");
		build_when(b, &from->when, &v[i]);
		build_use(b, &from->use, m, &v[i]);
		v[i].strategy_given = from->strategy != OPTION_UNSET;
		if (v[i].strategy_given)
			v[i].strategy = (enum strategy)from->strategy;
		v[i].name = from->name.given ? arena_copy(&b->s->arena, from->name.s)
					     : arena_fmt(&b->s->arena, "rule %zu", i + 1);
		m->rule_n++;
	}
}

/* ---- routes ------------------------------------------------------------------------------ */

static void build_route(struct builder *b, const struct config_route *c, struct model *m)
{
	struct snapshot *s = b->s;

	*m = s->plain;
	m->name = arena_copy(&s->arena, c->section.name);
	build_times(s, &c->timeouts, &c->retries, m);
	build_members(b, c, m);
	build_rules(b, c, m);
	build_routing(b, &c->routing, c->section.at, m);
	m->shared = keep_shared(b, m->name);
	(void)!model_finish(m, &s->arena);
}

/* ---- names that are there unasked -------------------------------------------------------- */

/* All chat models of the file, or those of a tier; not when the file has such a name. */
static void build_implicit(struct builder *b, struct slice name, enum model_tier tier)
{
	struct deployment **list =
		ARENA_ARRAY(&b->s->arena, struct deployment *, ROUTE_CANDIDATES_MAX);
	struct model *m = ARENA_NEW(&b->s->arena, struct model);
	struct snapshot *s = b->s;

	if (m == NULL || list == NULL || map_get(&s->models, name) != NULL)
		return;
	*m = s->plain;
	m->name = name;
	m->implicit = true;
	m->deployments = list;
	m->policy.strategy = BY_BALANCE;
	build_times(s, &b->plain->timeouts, &b->plain->retries, m);
	for (size_t i = 0; i < s->deployment_n && m->deployment_n < ROUTE_CANDIDATES_MAX; i++) {
		struct deployment *d = s->deployment_list[i];

		if (of_tier(d, tier) && !has(m, d))
			list[m->deployment_n++] = d;
	}
	if (m->deployment_n == 0)
		return;
	m->shared = keep_shared(b, m->name);
	if (!model_finish(m, &s->arena) || !map_put(&s->models, m->name, m))
		b->no_memory = true;
}

void build_routes(struct builder *b)
{
	const struct sections *from = &b->c->routes;
	struct model *all = ARENA_ARRAY(&b->s->arena, struct model, from->n);

	if (all == NULL)
		return;
	/* None of them is to be found while they are made: routes do not hold routes. */
	for (size_t i = 0; i < from->n; i++)
		build_route(b, sections_at(from, i), &all[i]);
	for (size_t i = 0; i < from->n; i++) {
		const struct config_route *c = sections_at(from, i);

		build_name(b, &all[i], &c->aliases, c->section.at);
	}
	if (arena_failed(&b->s->arena))
		return;
	build_implicit(b, LIT("auto"), TIER_UNKNOWN);
	for (unsigned t = TIER_UNKNOWN + 1; t < TIER_PREVIEW; t++)
		build_implicit(b, slice_cstr(model_tier_name(t)), t);
}
