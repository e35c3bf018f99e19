/* Models and their deployments. */
#include "app/config_build.h"

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

void no_such_provider(struct builder *b, struct slice name, struct yaml_place at)
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

struct deployment *build_listed(struct builder *b, const struct provider *p, struct slice model)
{
	struct snapshot *s = b->s;
	struct deployment *d = ARENA_NEW(&s->arena, struct deployment);
	struct slice family;

	if (d == NULL)
		return NULL;
	d->provider = p;
	d->model = arena_copy(&s->arena, model);
	d->model_json = json_quote(&s->arena, model);
	d->name = arena_fmt(&s->arena, "%.*s/%.*s", SARG(p->name), SARG(model));
	family = deployment_look_up(d, s->catalogue, s->day);
	if (arena_failed(&s->arena))
		return NULL;
	d->target.tokens = family.n > 0 ? keep_family(b, family) : p->tokens;
	d->target.health = keep_deployment_health(b, d->name);
	if (d->target.health == NULL)
		return NULL;
	d->index = (uint32_t)s->deployment_n;
	s->deployment_list[s->deployment_n++] = d;
	(void)!map_put(&s->deployments, d->name, d); /* false: another model has it too */
	return d;
}

/* What its owner says of it. */
static void build_target(struct builder *b, const struct config_deployment *c, size_t position,
			 struct route_target *t)
{
	t->weight = (unsigned)c->weight;
	t->priority = c->priority != OPTION_UNSET ? (unsigned)c->priority : (unsigned)position;
	if (c->region.given)
		t->region = arena_copy(&b->s->arena, c->region.s);
	if (c->quantization != OPTION_UNSET)
		t->quantization = (enum quantization)c->quantization;
	if (c->quality != OPTION_UNSET)
		t->quality = (unsigned)c->quality;
	t->preview = c->preview;
}

static struct deployment *build_deployment(struct builder *b, const struct config_deployment *c,
					   size_t position)
{
	struct slice provider_name, model;
	const struct provider *provider;
	struct yaml_place at;
	struct deployment *d;

	if (!split(b, c, &provider_name, &model, &at))
		return NULL;
	provider = map_get(&b->s->providers, provider_name);
	if (provider == NULL) {
		no_such_provider(b, provider_name, at);
		return NULL;
	}
	d = build_listed(b, provider, model);
	if (d != NULL)
		build_target(b, c, position, &d->target);
	return d;
}

/* ---- models -------------------------------------------------------------------------- */

static void build_deployments(struct builder *b, const struct config_model *c, struct model *m)
{
	struct deployment **list =
		ARENA_ARRAY(&b->s->arena, struct deployment *, c->deployments.n);

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
		if (from->priority != OPTION_UNSET && c->routing.strategy != OPTION_UNSET &&
		    c->routing.strategy != BY_PRIORITY)
			problem_add(b->p, from->section.at,
				    "priority: \"%.*s\" does not go by the strategy priority",
				    SARG(m->name));
		d->target.preview |= c->preview;
		list[m->deployment_n++] = d;
	}
}

static void build_model(struct builder *b, const struct config_model *c, struct model *m)
{
	struct snapshot *s = b->s;

	*m = s->plain;
	m->name = arena_copy(&s->arena, c->section.name);
	build_times(s, &c->timeouts, &c->retries, m);
	if (c->deployments.n == 0)
		problem_add(b->p, c->section.at,
			    "model \"%.*s\" has no deployments; add PROVIDER/MODEL",
			    SARG(m->name));
	build_deployments(b, c, m);
	build_routing(b, &c->routing, c->section.at, m);
	m->shared = keep_shared(b, m->name);
	if (model_finish(m, &s->arena))
		build_name(b, m, &c->aliases, c->section.at);
}

static int by_name(const void *a, const void *b)
{
	struct slice x = (*(struct model *const *)a)->name,
		     y = (*(struct model *const *)b)->name;
	int order = memcmp(x.p, y.p, size_min(x.n, y.n));

	return order != 0 ? order : x.n < y.n ? -1 : x.n > y.n;
}

/* What holds where nothing else is said. */
static bool build_plain(struct builder *b)
{
	struct config_model *c = ARENA_NEW(b->p->a, struct config_model);
	struct model *m = &b->s->plain;

	if (c == NULL)
		return false;
	config_section_defaults(&options_model, c);
	b->plain = c;
	m->hedge.count.cap = 10;
	m->hedge.cost.cap = 100000000; /* 0.1 USD */
	build_routing(b, &c->routing, WHOLE_FILE, m);
	m->shared = keep_shared(b, (struct slice){ NULL, 0 });
	return true;
}

/* Room for all that models, aliases and routes could need. */
static bool make_room(struct builder *b)
{
	const struct sections *models = &b->c->models, *routes = &b->c->routes;
	size_t deployments = 0, names = models->n + routes->n + IMPLICIT_NAMES;
	struct snapshot *s = b->s;

	for (size_t i = 0; i < models->n; i++) {
		const struct config_model *m = sections_at(models, i);

		deployments += m->deployments.n;
		names += m->aliases.n;
	}
	for (size_t i = 0; i < routes->n; i++) {
		const struct config_route *r = sections_at(routes, i);

		deployments += r->models.n * CATALOGUE_FOUND_MAX;
		names += r->aliases.n;
	}
	s->model_list = ARENA_ARRAY(&s->arena, struct model *, names);
	s->deployment_list = ARENA_ARRAY(&s->arena, struct deployment *, deployments);
	s->family_list = ARENA_ARRAY(&s->arena, struct kept_calibration, deployments);
	s->shared_list = ARENA_ARRAY(&s->arena, struct route_shared *, names + 1);
	return !arena_failed(&s->arena) && map_init(&s->models, &s->arena, names) &&
	       map_init(&s->families, &s->arena, deployments) &&
	       map_init(&s->deployments, &s->arena, deployments);
}

void build_models(struct builder *b)
{
	const struct sections *from = &b->c->models;
	struct snapshot *s = b->s;
	struct model *all = ARENA_ARRAY(&s->arena, struct model, from->n);

	if (!make_room(b) || !build_plain(b))
		return;
	for (size_t i = 0; i < from->n; i++) {
		build_model(b, sections_at(from, i), &all[i]);
		if (arena_failed(&s->arena))
			return;
	}
	build_routes(b);
	qsort(s->model_list, s->model_n, sizeof(*s->model_list), by_name);
}
