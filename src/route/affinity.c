#include "route/affinity.h"

#include "base/hash.h"

#define RELAXED memory_order_relaxed

/* A cell: of the key 20 bits, of the time 20 bits (each about a second: it comes round after
 * 12 days), whom in 24.  0: empty.  Two cells are looked at for a key. */
enum { WHOM_BITS = 24, TIME_BITS = 20, TICK_SHIFT = 20 };
#define WHOM_MASK ((1U << WHOM_BITS) - 1)
#define TIME_MASK ((1U << TIME_BITS) - 1)

static size_t cell_of(uint64_t key)
{
	return hash_mix(key) % AFFINITY_CELLS;
}

static uint64_t tag_of(uint64_t key)
{
	return hash_mix(key) >> (WHOM_BITS + TIME_BITS);
}

static bool is_of(uint64_t cell, uint64_t key)
{
	return cell != 0 && cell >> (WHOM_BITS + TIME_BITS) == tag_of(key);
}

static uint32_t ticks(uint64_t now_us)
{
	return (uint32_t)(now_us >> TICK_SHIFT) & TIME_MASK;
}

static uint32_t age_of(uint64_t cell, uint64_t now_us)
{
	uint32_t age = (ticks(now_us) - (uint32_t)(cell >> WHOM_BITS)) & TIME_MASK;

	/* Another loop's clock may be ahead of ours. */
	return age == TIME_MASK ? 0 : age;
}

uint32_t affinity_get(const struct affinity *t, uint64_t key, uint64_t ttl_us, uint64_t now_us)
{
	size_t at = cell_of(key);

	for (size_t i = 0; i < 2; i++) {
		uint64_t cell = atomic_load_explicit(&t->cell[at ^ i], RELAXED);

		if (!is_of(cell, key))
			continue;
		if ((uint64_t)age_of(cell, now_us) << TICK_SHIFT > ttl_us)
			return 0;
		return (uint32_t)cell & WHOM_MASK;
	}
	return 0;
}

void affinity_put(struct affinity *t, uint64_t key, uint32_t whom, uint64_t now_us)
{
	size_t at = cell_of(key);
	uint64_t a = atomic_load_explicit(&t->cell[at], RELAXED);
	uint64_t b = atomic_load_explicit(&t->cell[at ^ 1], RELAXED);
	uint64_t cell = tag_of(key) << (WHOM_BITS + TIME_BITS) |
			(uint64_t)ticks(now_us) << WHOM_BITS | (whom & WHOM_MASK);

	/* Its own, else an empty one, else the older. */
	if (!is_of(a, key) &&
	    (is_of(b, key) || (a != 0 && (b == 0 || age_of(b, now_us) > age_of(a, now_us)))))
		at ^= 1;
	atomic_store_explicit(&t->cell[at], cell, RELAXED);
}

void affinity_drop(struct affinity *t, uint64_t key, uint32_t whom)
{
	size_t at = cell_of(key);

	for (size_t i = 0; i < 2; i++) {
		uint64_t cell = atomic_load_explicit(&t->cell[at ^ i], RELAXED);

		if (is_of(cell, key) && ((uint32_t)cell & WHOM_MASK) == (whom & WHOM_MASK))
			(void)atomic_compare_exchange_strong_explicit(&t->cell[at ^ i], &cell,
								      0, RELAXED, RELAXED);
	}
}

uint32_t affinity_name(struct slice deployment)
{
	uint32_t name = (uint32_t)hash_bytes(deployment, 0) & WHOM_MASK;

	return name != 0 ? name : 1;
}
