#include "base/map.h"

#include "base/hash.h"

bool map_init(struct map *m, struct arena *a, size_t max)
{
	size_t slots = 4;

	*m = (struct map){ 0 };
	while (slots / 2 < max)
		if (!size_mul(slots, 2, &slots))
			return false;
	m->slots = ARENA_ARRAY(a, struct map_slot, slots);
	if (m->slots == NULL)
		return false;
	m->mask = slots - 1;
	m->max = max;
	return true;
}

static struct map_slot *find(const struct map *m, struct slice key)
{
	size_t at = (size_t)hash_bytes(key, 0) & m->mask;

	while (m->slots[at].value != NULL && !slice_eq(m->slots[at].key, key))
		at = (at + 1) & m->mask;
	return &m->slots[at];
}

bool map_put(struct map *m, struct slice key, void *value)
{
	struct map_slot *slot;

	INVARIANT(value != NULL);
	if (m->n == m->max)
		return false;
	slot = find(m, key);
	if (slot->value != NULL)
		return false;
	*slot = (struct map_slot){ key, value };
	m->n++;
	return true;
}

void *map_get(const struct map *m, struct slice key)
{
	return m->slots == NULL ? NULL : find(m, key)->value;
}
