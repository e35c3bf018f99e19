/* base/map.h -- slice to pointer, built once in an arena, then only read.
 *
 * Open addressing, at most half full.  Keeps the keys: they must live as long as it does.
 */
#ifndef WEIR_BASE_MAP_H
#define WEIR_BASE_MAP_H

#include "base/arena.h"

struct map_slot {
	struct slice key;
	void *value; /* NULL: free */
};

struct map {
	struct map_slot *slots;
	size_t mask; /* slots - 1 */
	size_t n, max;
};

/* For at most `max` keys.  E_NOMEM leaves an empty map that holds nothing. */
MUST_USE bool map_init(struct map *m, struct arena *a, size_t max);

/* False when the key is there already (the old value stays) or the map is full.
 * `value` must not be NULL. */
MUST_USE bool map_put(struct map *m, struct slice key, void *value);

/* NULL when absent. */
void *map_get(const struct map *m, struct slice key);

#endif
