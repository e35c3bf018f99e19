#include "gateway/snapshot.h"

#include "base/hash.h"
#include "io/tls.h"

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
		struct provider *p = s->provider_list[i];

		for (size_t j = 0; j < p->key_n; j++)
			secret_wipe(&p->keys[j].key);
		secret_wipe(&p->aws.secret);
		secret_wipe(&p->aws.token);
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

static void calibration_unref(struct calibration *c, struct mem *mem)
{
	if (c != NULL && was_last(&c->refs))
		mem_put(mem, c, sizeof(*c));
}

static void breaker_unref(struct breaker *b, struct mem *mem)
{
	struct kept_breaker *k = b == NULL ? NULL
					   : CONTAINER_OF(b, struct kept_breaker, breaker);

	if (k != NULL && was_last(&k->refs))
		mem_put(mem, k, sizeof(*k));
}

static void affinity_unref(struct affinity *t, struct mem *mem)
{
	struct kept_affinity *k = t == NULL ? NULL
					    : CONTAINER_OF(t, struct kept_affinity, table);

	if (k != NULL && was_last(&k->refs))
		mem_put(mem, k, sizeof(*k));
}

static void provider_unref(struct provider *p, struct mem *mem)
{
	health_unref(p->health, mem);
	calibration_unref(p->tokens, mem);
	for (size_t i = 0; i < p->key_n; i++)
		breaker_unref(p->keys[i].breaker, mem);
}

/* What outlives it, when there are others that hold it. */
static void let_go(struct snapshot *s, struct mem *mem)
{
	for (size_t i = 0; i < s->deployment_n; i++)
		health_unref(s->deployment_list[i]->target.health, mem);
	for (size_t i = 0; i < s->provider_n; i++)
		provider_unref(s->provider_list[i], mem);
	for (size_t i = 0; i < s->family_n; i++)
		calibration_unref(s->family_list[i].tokens, mem);
	for (size_t i = 0; i < s->shared_n; i++)
		if (was_last(&s->shared_list[i]->refs))
			mem_put(mem, s->shared_list[i], sizeof(struct route_shared));
	affinity_unref(s->affinity, mem);
	for (size_t i = 0; i < s->tls_n; i++) {
		struct snapshot_tls *tls = s->tls_list[i];

		if (!was_last(&tls->refs))
			continue;
		tls_client_free(tls->tls);
		mem_put(mem, tls, sizeof(*tls));
	}
}

void snapshot_unref(struct snapshot *s)
{
	struct mem *mem;

	if (s == NULL || !was_last(&s->refs))
		return;
	mem = s->arena.mem;
	wipe_secrets(s);
	let_go(s, mem);
	arena_free(&s->arena);
	mem_put(mem, s, sizeof(*s));
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

bool client_key_allows(const struct client_key *k, struct slice model)
{
	for (size_t i = 0; i < k->model_n; i++)
		if (name_matches(k->models[i], model))
			return true;
	return k->model_n == 0;
}
