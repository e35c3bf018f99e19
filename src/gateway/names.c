/* gateway/names.c -- from a name that a client asks for to the model behind it. */
#include "gateway/snapshot.h"

#include "route/plan.h"
#include "wire/json_scan.h"

/* How many names a suggestion looks at: a client may ask for nonsense as often as it likes. */
#define SUGGEST_NAMES_MAX 512

static struct deployment *unlisted(const struct snapshot *s, const struct provider *p,
				   struct slice name, struct slice model, struct arena *a)
{
	struct deployment *d = ARENA_NEW(a, struct deployment);
	struct slice family;

	if (d == NULL)
		return NULL;
	d->provider = p;
	d->model = arena_copy(a, model);
	d->model_json = json_quote(a, model);
	d->name = name;
	d->index = DEPLOYMENT_UNLISTED;
	family = deployment_look_up(d, s->catalogue, s->day);
	d->target.health = p->health;
	d->target.tokens = map_get(&s->families, family);
	if (d->target.tokens == NULL)
		d->target.tokens = p->tokens;
	return arena_failed(a) ? NULL : d;
}

/* Room for a model of `n` deployments that the config does not have. */
static struct model *plain_model(const struct snapshot *s, size_t n, struct deployment ***list,
				 struct arena *a)
{
	struct model *m = ARENA_NEW(a, struct model);

	*list = ARENA_ARRAY(a, struct deployment *, n);
	if (m == NULL || *list == NULL)
		return NULL;
	*m = s->plain;
	m->timeouts = s->timeouts;
	m->retries = s->retries;
	m->deployments = *list;
	return m;
}

/* The one of the config, when there is one: its breaker knows more than a new one. */
static struct deployment *deployment_of(const struct snapshot *s, const struct provider *p,
					struct slice model, struct arena *a)
{
	struct slice name = arena_fmt(a, "%.*s/%.*s", SARG(p->name), SARG(model));
	struct deployment *d = map_get(&s->deployments, name);

	return d != NULL || arena_failed(a) ? d : unlisted(s, p, name, model, a);
}

static const struct model *passthrough(const struct snapshot *s, struct slice name,
				       struct arena *a)
{
	const struct provider *p;
	struct slice of, rest;
	struct deployment **list;
	struct model *m;

	if (!slice_cut(name, '/', &of, &rest) || rest.n == 0)
		return NULL;
	p = map_get(&s->providers, of);
	if (p == NULL || !p->open_ended)
		return NULL;
	m = plain_model(s, 1, &list, a);
	if (m == NULL)
		return NULL;
	list[0] = deployment_of(s, p, rest, a);
	if (list[0] == NULL)
		return NULL;
	m->name = list[0]->name;
	m->deployment_n = 1;
	return model_finish(m, a) ? m : NULL;
}

size_t snapshot_catalogued(const struct snapshot *s, struct slice name,
			   struct catalogued v[CATALOGUE_FOUND_MAX])
{
	struct model_info m;
	size_t n = 0;

	for (size_t i = 0; i < s->provider_n && n < CATALOGUE_FOUND_MAX; i++) {
		const struct provider *p = s->provider_list[i];

		if (p->open_ended && catalogue_find(s->catalogue, p->name, name, &m) &&
		    !model_retired(&m, s->day))
			v[n++] = (struct catalogued){ p, m.upstream };
	}
	return n;
}

/* A client need not know who has it. */
static const struct model *by_catalogue(const struct snapshot *s, struct slice name,
					struct arena *a)
{
	struct catalogued found[CATALOGUE_FOUND_MAX];
	size_t n = snapshot_catalogued(s, name, found);
	struct deployment **list;
	struct model *m;

	m = n == 0 ? NULL : plain_model(s, n, &list, a);
	if (m == NULL)
		return NULL;
	m->name = arena_copy(a, name);
	for (size_t i = 0; i < n; i++) {
		list[i] = deployment_of(s, found[i].provider, found[i].model, a);
		if (list[i] == NULL)
			return NULL;
		m->deployment_n++;
	}
	return model_finish(m, a) ? m : NULL;
}

const struct model *snapshot_find(const struct snapshot *s, struct slice name, struct arena *a)
{
	const struct model *m = map_get(&s->models, name);

	/* Names are printed together: behind a NUL one could be hidden from whoever reads them,
	 * and a key's patterns would be asked about another name than the one that is used. */
	if (m == NULL && slice_find_char(name, '\0') != SLICE_NONE)
		return NULL;
	if (m == NULL)
		m = passthrough(s, name, a);
	if (m == NULL && !arena_failed(a))
		m = by_catalogue(s, name, a);
	return m;
}

static bool has_deployment(struct deployment *const *v, size_t n, const struct deployment *d)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq(v[i]->name, d->name))
			return true;
	return false;
}

/* Those of one name, as part `part` of the whole. */
static void join_one(struct model *m, struct deployment **list, struct model_part *parts,
		     const struct model *from, size_t part)
{
	for (size_t i = 0; i < from->deployment_n && m->deployment_n < ROUTE_CANDIDATES_MAX;
	     i++) {
		if (has_deployment(list, m->deployment_n, from->deployments[i]))
			continue;
		parts[m->deployment_n] =
			(struct model_part){ .of = from, .place = i, .rank = (uint8_t)part };
		list[m->deployment_n++] = from->deployments[i];
	}
}

const struct model *snapshot_join(const struct snapshot *s, const struct slice *names, size_t n,
				  struct arena *a, size_t *missing)
{
	const struct model **from = ARENA_ARRAY(a, const struct model *, n);
	struct deployment **list;
	struct model_part *parts;
	struct model *m;
	size_t all = 0;

	*missing = n;
	for (size_t i = 0; from != NULL && i < n; i++) {
		from[i] = snapshot_find(s, names[i], a);
		if (from[i] == NULL && !arena_failed(a))
			*missing = i;
		if (from[i] == NULL)
			return NULL;
		all += from[i]->deployment_n;
	}
	if (from == NULL || n == 0)
		return NULL;
	if (n == 1)
		return from[0];
	m = plain_model(s, all, &list, a);
	parts = ARENA_ARRAY(a, struct model_part, all);
	if (m == NULL || parts == NULL)
		return NULL;
	*m = *from[0];
	m->deployments = list;
	m->deployment_n = 0;
	/* Rules speak of their own route's deployments by number: see the parts. */
	m->parts = parts;
	m->rules = NULL;
	m->rule_n = 0;
	for (size_t i = 0; i < n; i++)
		join_one(m, list, parts, from[i], i);
	return model_finish(m, a) ? m : NULL;
}

struct slice snapshot_suggest(const struct snapshot *s, struct slice name)
{
	/* A third of it may be wrong, but of a short name not more than two letters. */
	size_t best_distance = size_max(name.n / 3, 2) + 1, looked = 0;
	struct slice best = { NULL, 0 };

	for (size_t i = 0; i < s->model_n && looked < SUGGEST_NAMES_MAX; i++) {
		struct slice known = s->model_list[i]->name;
		size_t apart = known.n > name.n ? known.n - name.n : name.n - known.n;
		size_t d;

		if (apart >= best_distance)
			continue;
		looked++;
		d = slice_distance(known, name);
		if (d < best_distance && d < known.n) {
			best = known;
			best_distance = d;
		}
	}
	return best;
}

/* Goes back to the last star only: no blow-up. */
bool name_matches(struct slice pattern, struct slice s)
{
	size_t p = 0, i = 0, star = SLICE_NONE, star_i = 0;

	while (i < s.n) {
		if (p < pattern.n && pattern.p[p] == '*') {
			star = p++;
			star_i = i;
		} else if (p < pattern.n && pattern.p[p] == s.p[i]) {
			p++;
			i++;
		} else if (star != SLICE_NONE) {
			p = star + 1;
			i = ++star_i;
		} else {
			return false;
		}
	}
	while (p < pattern.n && pattern.p[p] == '*')
		p++;
	return p == pattern.n;
}
