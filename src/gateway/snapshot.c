#include "gateway/snapshot.h"

#include "base/hash.h"
#include "io/tls.h"
#include "wire/json_scan.h"

/* How many names a suggestion looks at: a client may ask for nonsense as often as it likes. */
#define SUGGEST_NAMES_MAX 512

struct snapshot *snapshot_new(struct mem *mem, size_t max_bytes)
{
	struct snapshot *s = mem_zero(mem, sizeof(*s));

	if (s == NULL)
		return NULL;
	arena_init(&s->arena, mem, 4096, max_bytes);
	atomic_init(&s->refs, 1);
	return s;
}

struct snapshot *snapshot_ref(struct snapshot *s)
{
	unsigned before = atomic_fetch_add_explicit(&s->refs, 1, memory_order_relaxed);

	INVARIANT(before > 0);
	return s;
}

/* The last holder must see all that the others did. */
static bool was_last(atomic_uint *refs)
{
	unsigned before = atomic_fetch_sub_explicit(refs, 1, memory_order_acq_rel);

	INVARIANT(before > 0);
	return before == 1;
}

/* The arena's bytes are ours to overwrite, though readers see them as const. */
static void wipe(struct slice s)
{
	mem_wipe((void *)(uintptr_t)s.p, s.n);
}

static void wipe_secrets(struct snapshot *s)
{
	for (size_t i = 0; i < s->provider_n; i++) {
		secret_wipe(&s->provider_list[i]->key);
		secret_wipe(&s->provider_list[i]->aws.secret);
		secret_wipe(&s->provider_list[i]->aws.token);
	}
	for (size_t i = 0; i < s->key_n; i++)
		secret_wipe(&s->keys[i].key);
	/* Proxies may be written with a password. */
	wipe(s->proxy.https_proxy);
	wipe(s->proxy.http_proxy);
}

static void health_unref(struct health *h, struct mem *mem)
{
	if (h != NULL && was_last(&h->refs))
		mem_put(mem, h, sizeof(*h));
}

void snapshot_unref(struct snapshot *s)
{
	struct mem *mem;

	if (s == NULL || !was_last(&s->refs))
		return;
	mem = s->arena.mem;
	wipe_secrets(s);
	for (size_t i = 0; i < s->deployment_n; i++)
		health_unref(s->deployment_list[i]->health, mem);
	for (size_t i = 0; i < s->provider_n; i++)
		health_unref(s->provider_list[i]->health, mem);
	for (size_t i = 0; i < s->tls_n; i++) {
		struct snapshot_tls *tls = s->tls_list[i];

		if (!was_last(&tls->refs))
			continue;
		tls_client_free(tls->tls);
		mem_put(mem, tls, sizeof(*tls));
	}
	arena_free(&s->arena);
	mem_put(mem, s, sizeof(*s));
}

/* ---- models ---------------------------------------------------------------------- */

void deployment_look_up(struct deployment *d, const struct catalogue *c)
{
	struct model_info m;

	if (!catalogue_find(c, d->provider->name, d->model, &m))
		return;
	d->max_output = m.max_output;
	d->context = m.context;
	d->no_sampling = m.no_sampling;
	d->retired_day = m.retired_day;
	d->successor = m.successor;
}

static struct deployment *unlisted(const struct snapshot *s, const struct provider *p,
				   struct slice name, struct slice model, struct arena *a)
{
	struct deployment *d = ARENA_NEW(a, struct deployment);

	if (d == NULL)
		return NULL;
	d->provider = p;
	d->model = arena_copy(a, model);
	d->model_json = json_quote(a, model);
	d->name = arena_copy(a, name);
	d->weight = 1;
	d->index = DEPLOYMENT_UNLISTED;
	d->health = p->health;
	deployment_look_up(d, s->catalogue);
	return arena_failed(a) ? NULL : d;
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
	m = ARENA_NEW(a, struct model);
	list = ARENA_ARRAY(a, struct deployment *, 1);
	if (m == NULL || list == NULL)
		return NULL;
	/* The one of the config, when there is one: its breaker knows more than a new one. */
	list[0] = map_get(&s->deployments, name);
	if (list[0] == NULL)
		list[0] = unlisted(s, p, name, rest, a);
	if (list[0] == NULL)
		return NULL;
	m->name = list[0]->name;
	m->owned_by = p->name;
	m->context = list[0]->context;
	m->max_output = list[0]->max_output;
	m->deployments = list;
	m->deployment_n = 1;
	m->timeouts = s->timeouts;
	m->retries = s->retries;
	return m;
}

const struct model *snapshot_model(const struct snapshot *s, struct slice name, struct arena *a)
{
	const struct model *m = map_get(&s->models, name);

	return m != NULL ? m : passthrough(s, name, a);
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

/* ---- keys ------------------------------------------------------------------------ */

/* The map compares these hashes in plain; only whoever knows the seed could learn from
 * its timing.  The keys themselves are compared in constant time. */
static struct slice hash_key(const struct snapshot *s, struct slice key, uint64_t *room)
{
	*room = hash_bytes(key, s->key_seed);
	return slice_of((const char *)room, sizeof(*room));
}

enum rc snapshot_put_key(struct snapshot *s, struct client_key *k, struct slice key)
{
	uint64_t *room = ARENA_NEW(&s->arena, uint64_t);

	if (room == NULL)
		return E_NOMEM;
	k->key = secret_make(&s->arena, key);
	if (arena_failed(&s->arena))
		return E_NOMEM;
	return map_put(&s->key_by_hash, hash_key(s, key, room), k) ? OK : E_REFUSED;
}

const struct client_key *snapshot_key(const struct snapshot *s, struct slice presented)
{
	const struct client_key *k;
	uint64_t room;

	k = map_get(&s->key_by_hash, hash_key(s, presented, &room));
	return k != NULL && secret_eq(k->key, presented) ? k : NULL;
}

/* `*` stands for any run of bytes.  Goes back to the last star only: no blow-up. */
static bool matches(struct slice pattern, struct slice s)
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

bool client_key_allows(const struct client_key *k, struct slice model)
{
	for (size_t i = 0; i < k->model_n; i++)
		if (matches(k->models[i], model))
			return true;
	return k->model_n == 0;
}
