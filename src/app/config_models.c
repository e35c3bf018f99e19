/* Models and their deployments. */
#include "app/config_build.h"

#include "wire/http1.h"
#include "wire/json_scan.h"

/* ---- deployments ---------------------------------------------------------------------- */

static const char *near_provider(const struct snapshot *s, struct slice name, struct arena *a)
{
	const char *best = NULL;
	size_t best_distance = 3;

	for (size_t i = 0; i < s->provider_n; i++) {
		size_t d = slice_distance(s->provider_list[i]->name, name);

		if (d < best_distance) {
			best_distance = d;
			best = arena_cstr(a, s->provider_list[i]->name);
		}
	}
	return best;
}

static void no_such_provider(struct builder *b, struct slice name, struct yaml_place at)
{
	const char *near = near_provider(b->s, name, b->p->a);

	if (provider_known(name) != NULL)
		problem_add(b->p, at,
			    "provider \"%.*s\" is not in this file; add \"%.*s: {}\" under "
			    "providers",
			    SARG(name), SARG(name));
	else if (near != NULL)
		problem_add(b->p, at,
			    "provider \"%.*s\" is not in this file; did you mean \"%s\"?",
			    SARG(name), near);
	else
		problem_add(b->p, at,
			    "provider \"%.*s\" is not in this file; add it under providers",
			    SARG(name));
}

/* "provider/model", or the two apart. */
static bool split(struct builder *b, const struct config_deployment *c, struct slice *provider,
		  struct slice *model, struct yaml_place *at)
{
	if (c->deployment.given == (c->provider.given || c->model.given)) {
		problem_add(
			b->p, c->section.at,
			c->deployment.given
				? "a deployment is either PROVIDER/MODEL or provider and model"
				: "a deployment needs a provider and a model");
		return false;
	}
	if (!c->deployment.given) {
		*at = c->provider.given ? c->provider.at : c->section.at;
		*provider = c->provider.s;
		*model = c->model.s;
		if (provider->n > 0 && model->n > 0)
			return true;
		problem_add(b->p, *at, "a deployment needs a provider and a model");
		return false;
	}
	*at = c->deployment.at;
	if (slice_cut(c->deployment.s, '/', provider, model) && provider->n > 0 && model->n > 0)
		return true;
	problem_add(b->p, *at,
		    "\"%.*s\" names no provider; write PROVIDER/MODEL, such as %.*s/%.*s",
		    SARG(c->deployment.s),
		    SARG(b->s->provider_n > 0 ? b->s->provider_list[0]->name : LIT("openai")),
		    SARG(c->deployment.s));
	return false;
}

static struct deployment *build_deployment(struct builder *b, const struct config_deployment *c,
					   size_t position)
{
	struct slice provider_name, model, family;
	const struct provider *provider;
	struct snapshot *s = b->s;
	struct yaml_place at;
	struct deployment *d;

	if (!split(b, c, &provider_name, &model, &at))
		return NULL;
	provider = map_get(&s->providers, provider_name);
	if (provider == NULL) {
		no_such_provider(b, provider_name, at);
		return NULL;
	}
	d = ARENA_NEW(&s->arena, struct deployment);
	if (d == NULL)
		return NULL;
	d->provider = provider;
	d->model = arena_copy(&s->arena, model);
	d->model_json = json_quote(&s->arena, model);
	d->name = arena_fmt(&s->arena, "%.*s/%.*s", SARG(provider_name), SARG(model));
	family = deployment_look_up(d, s->catalogue, s->day);
	d->target.weight = (unsigned)c->weight;
	d->target.priority = c->priority != OPTION_UNSET ? (unsigned)c->priority
							 : (unsigned)position;
	if (arena_failed(&s->arena))
		return NULL;
	d->target.tokens = family.n > 0 ? keep_family(b, family) : provider->tokens;
	d->target.health = keep_deployment_health(b, d->name);
	if (d->target.health == NULL)
		return NULL;
	d->index = (uint32_t)s->deployment_n;
	s->deployment_list[s->deployment_n++] = d;
	(void)!map_put(&s->deployments, d->name, d); /* false: another model has it too */
	return d;
}

/* ---- models -------------------------------------------------------------------------- */

static uint64_t or_else(uint64_t v, uint64_t other)
{
	return v != OPTION_UNSET ? v : other;
}

static void build_times(const struct snapshot *s, const struct config_model *c, struct model *m)
{
	const struct config_retries *r = &c->retries;

	m->timeouts = (struct timeouts){
		.connect_us = s->timeouts.connect_us,
		.first_content_us =
			or_else(c->timeouts.first_content, s->timeouts.first_content_us),
		.stall_us = or_else(c->timeouts.stall, s->timeouts.stall_us),
		.total_us = or_else(c->timeouts.total, s->timeouts.total_us),
	};
	m->retries = (struct retries){
		.attempts = (unsigned)or_else(r->attempts, s->retries.attempts),
		.backoff_us = or_else(r->backoff, s->retries.backoff_us),
		.backoff_max_us = or_else(r->backoff_max, s->retries.backoff_max_us),
		.retry_after_max_us =
			or_else(r->retry_after_max, s->retries.retry_after_max_us),
	};
}

static void build_model(struct builder *b, const struct config_model *c, struct model *m)
{
	struct snapshot *s = b->s;
	struct deployment **list;

	*m = s->plain;
	m->name = arena_copy(&s->arena, c->section.name);
	build_times(s, c, m);
	if (!http1_value_ok(m->name))
		problem_add(b->p, c->section.at,
			    "a model's name holds bytes that no header may have");
	if (c->deployments.n == 0)
		problem_add(b->p, c->section.at,
			    "model \"%.*s\" has no deployments; add PROVIDER/MODEL",
			    SARG(m->name));
	list = ARENA_ARRAY(&s->arena, struct deployment *, c->deployments.n);
	m->deployments = list;
	for (size_t i = 0; list != NULL && i < c->deployments.n; i++) {
		const struct config_deployment *from = sections_at(&c->deployments, i);
		struct deployment *d = build_deployment(b, from, i + 1);

		if (d == NULL)
			continue;
		for (size_t j = 0; j < m->deployment_n; j++)
			if (slice_eq(list[j]->name, d->name))
				problem_add(b->p, from->section.at,
					    "\"%.*s\" is a deployment of \"%.*s\" already",
					    SARG(d->name), SARG(m->name));
		list[m->deployment_n++] = d;
	}
	m->shared = keep_shared(b, m->name);
	(void)!model_finish(m, &s->arena);
}

static int by_name(const void *a, const void *b)
{
	struct slice x = (*(struct model *const *)a)->name,
		     y = (*(struct model *const *)b)->name;
	int order = memcmp(x.p, y.p, size_min(x.n, y.n));

	return order != 0 ? order : x.n < y.n ? -1 : x.n > y.n;
}

/* What holds where nothing else is said. */
static void build_plain(struct builder *b)
{
	struct model *m = &b->s->plain;

	m->hedge = (struct hedge_rules){
		.percentile = 900,
		.min_us = 200000,
		.count = { .share_permille = 100, .cap = 10 },
		.cost = { .share_permille = 30, .cap = 100000000 },
	};
	m->retry_budget = (struct budget_rules){ .share_permille = 200, .cap = 100 };
	m->slow_start_us = 10000000;
	m->stick_max_permille = 2000;
	m->shared = keep_shared(b, (struct slice){ NULL, 0 });
}

void build_models(struct builder *b)
{
	const struct sections *from = &b->c->models;
	struct snapshot *s = b->s;
	size_t deployments = 0;
	struct model *all;

	for (size_t i = 0; i < from->n; i++)
		deployments += ((struct config_model *)sections_at(from, i))->deployments.n;
	all = ARENA_ARRAY(&s->arena, struct model, from->n);
	s->model_list = ARENA_ARRAY(&s->arena, struct model *, from->n);
	s->deployment_list = ARENA_ARRAY(&s->arena, struct deployment *, deployments);
	s->family_list = ARENA_ARRAY(&s->arena, struct kept_calibration, deployments);
	s->shared_list = ARENA_ARRAY(&s->arena, struct route_shared *, from->n + 1);
	if (arena_failed(&s->arena) || !map_init(&s->models, &s->arena, from->n) ||
	    !map_init(&s->families, &s->arena, deployments) ||
	    !map_init(&s->deployments, &s->arena, deployments))
		return;
	build_plain(b);
	for (size_t i = 0; i < from->n; i++) {
		build_model(b, sections_at(from, i), &all[i]);
		if (arena_failed(&s->arena))
			return;
		s->model_list[s->model_n++] = &all[i];
		if (!map_put(&s->models, all[i].name, &all[i]))
			problem_add(b->p, WHOLE_FILE, "the model \"%.*s\" is there twice",
				    SARG(all[i].name));
	}
	qsort(s->model_list, s->model_n, sizeof(*s->model_list), by_name);
}
