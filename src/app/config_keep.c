/* What outlives reloads: taken over from the snapshot before by name, or new and empty. */
#include "app/config_build.h"

static struct health *keep_health(struct builder *b, struct health *h)
{
	if (h == NULL)
		h = mem_zero(b->o->mem, sizeof(*h));
	if (h == NULL)
		b->no_memory = true;
	else
		atomic_fetch_add(&h->refs, 1);
	return h;
}

static struct calibration *keep_calibration(struct builder *b, struct calibration *c)
{
	if (c == NULL)
		c = mem_zero(b->o->mem, sizeof(*c));
	if (c == NULL)
		b->no_memory = true;
	else
		atomic_fetch_add(&c->refs, 1);
	return c;
}

/* Of another model's deployment, of the snapshot before, or new. */
struct health *keep_deployment_health(struct builder *b, struct slice name)
{
	const struct deployment *d = map_get(&b->s->deployments, name);

	if (d == NULL && b->o->before != NULL)
		d = map_get(&b->o->before->deployments, name);
	return keep_health(b, d != NULL ? d->target.health : NULL);
}

/* ---- providers --------------------------------------------------------------------------- */

/* A key that was changed is another one: nothing is known of it. */
static struct breaker *breaker_before(const struct provider *before,
				      const struct provider_key *k)
{
	for (size_t i = 0; before != NULL && i < before->key_n; i++)
		if (slice_eq(before->keys[i].name, k->name) &&
		    secret_same(before->keys[i].key, k->key))
			return before->keys[i].breaker;
	return NULL;
}

static void keep_breaker(struct builder *b, const struct provider *before,
			 struct provider_key *k)
{
	struct breaker *was = breaker_before(before, k);
	struct kept_breaker *kept = was != NULL
					    ? CONTAINER_OF(was, struct kept_breaker, breaker)
					    : mem_zero(b->o->mem, sizeof(*kept));

	if (kept == NULL) {
		b->no_memory = true;
		return;
	}
	atomic_fetch_add(&kept->refs, 1);
	k->breaker = &kept->breaker;
}

void keep_provider(struct builder *b, struct provider *p)
{
	const struct provider *before =
		b->o->before == NULL ? NULL : map_get(&b->o->before->providers, p->name);

	p->health = keep_health(b, before != NULL ? before->health : NULL);
	p->tokens = keep_calibration(b, before != NULL ? before->tokens : NULL);
	for (size_t i = 0; i < p->key_n; i++)
		keep_breaker(b, before, &p->keys[i]);
}

/* ---- families of models ------------------------------------------------------------------ */

struct calibration *keep_family(struct builder *b, struct slice family)
{
	struct snapshot *s = b->s;
	struct kept_calibration *k;
	struct calibration *c = map_get(&s->families, family);

	if (c != NULL)
		return c;
	if (b->o->before != NULL)
		c = map_get(&b->o->before->families, family);
	c = keep_calibration(b, c);
	if (c == NULL)
		return NULL;
	k = &s->family_list[s->family_n++];
	*k = (struct kept_calibration){ arena_copy(&s->arena, family), c };
	if (!map_put(&s->families, k->family, c))
		b->no_memory = true;
	return c;
}

/* ---- names ------------------------------------------------------------------------------- */

static struct route_shared *shared_before(const struct snapshot *s, struct slice name)
{
	const struct model *m = s == NULL ? NULL : map_get(&s->models, name);

	if (s != NULL && name.n == 0)
		return s->plain.shared;
	return m == NULL ? NULL : m->shared;
}

struct route_shared *keep_shared(struct builder *b, struct slice name)
{
	struct route_shared *r = shared_before(b->o->before, name);

	if (r == NULL)
		r = mem_zero(b->o->mem, sizeof(*r));
	if (r == NULL) {
		b->no_memory = true;
		return NULL;
	}
	atomic_fetch_add(&r->refs, 1);
	b->s->shared_list[b->s->shared_n++] = r;
	return r;
}

void keep_affinity(struct builder *b)
{
	const struct snapshot *before = b->o->before;
	struct kept_affinity *k;

	if (b->s->affinity != NULL)
		return;
	k = before != NULL && before->affinity != NULL
		    ? CONTAINER_OF(before->affinity, struct kept_affinity, table)
		    : mem_zero(b->o->mem, sizeof(*k));
	if (k == NULL) {
		b->no_memory = true;
		return;
	}
	atomic_fetch_add(&k->refs, 1);
	b->s->affinity = &k->table;
}
