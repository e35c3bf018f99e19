#include "check.h"

#include "base/hash.h"
#include "base/rng.h"
#include "route/affinity.h"

#define SECOND 1000000ULL
#define TTL    (300 * SECOND)

static struct affinity *fresh(void)
{
	struct affinity *t = calloc(1, sizeof(*t));

	assert_non_null(t);
	return t;
}

static void a_name_is_never_nobody(void **state UNUSED)
{
	char text[16];

	CHECK(affinity_name((struct slice){ "", 0 }) != 0);
	CHECK_INT(affinity_name(slice_cstr("a/b")), affinity_name(slice_cstr("a/b")));
	CHECK(affinity_name(slice_cstr("a/b")) != affinity_name(slice_cstr("a/c")));
	for (unsigned i = 0; i < 1000; i++) {
		uint32_t name;

		(void)snprintf(text, sizeof(text), "p/%u", i);
		name = affinity_name(slice_cstr(text));
		CHECK(name != 0 && name < 1U << 24);
	}
}

static void what_was_put_is_there_until_its_time_is_over(void **state UNUSED)
{
	struct affinity *t = fresh();
	uint64_t now = 1000 * SECOND;

	CHECK_INT(affinity_get(t, 7, TTL, now), 0);
	affinity_put(t, 7, 5, now);
	CHECK_INT(affinity_get(t, 7, TTL, now), 5);
	CHECK_INT(affinity_get(t, 7, TTL, now - SECOND), 5); /* another loop's clock */
	CHECK_INT(affinity_get(t, 8, TTL, now), 0);
	CHECK_INT(affinity_get(t, 7, TTL, now + 298 * SECOND), 5);
	CHECK_INT(affinity_get(t, 7, TTL, now + 303 * SECOND), 0);
	affinity_put(t, 7, 6, now + 303 * SECOND);
	CHECK_INT(affinity_get(t, 7, TTL, now + 303 * SECOND), 6);
	free(t);
}

static void only_the_one_it_stays_with_is_dropped(void **state UNUSED)
{
	struct affinity *t = fresh();

	affinity_put(t, 7, 5, SECOND);
	affinity_drop(t, 7, 6);
	CHECK_INT(affinity_get(t, 7, TTL, SECOND), 5);
	affinity_drop(t, 7, 5);
	CHECK_INT(affinity_get(t, 7, TTL, SECOND), 0);
	free(t);
}

static void each_of_many_has_its_own(void **state UNUSED)
{
	for (uint64_t seed = 0; seed < 10; seed++) {
		struct affinity *t = fresh();
		unsigned found = 0, wrong = 0;

		for (uint64_t i = 0; i < 4000; i++)
			affinity_put(t, hash_mix(seed << 32 | i), 1 + (uint32_t)i, SECOND + i);
		for (uint64_t i = 0; i < 4000; i++) {
			uint32_t whom = affinity_get(t, hash_mix(seed << 32 | i), TTL, SECOND);

			found += whom == 1 + i;
			wrong += whom != 0 && whom != 1 + i;
		}
		CHECK(found > 3800);
		CHECK(wrong < 3);
		free(t);
	}
}

static void the_older_makes_room(void **state UNUSED)
{
	struct affinity *t = fresh();
	uint64_t key[3], n = 0;

	/* Three keys of one pair of cells. */
	for (uint64_t k = 1; n < 3; k++)
		if (hash_mix(k) % AFFINITY_CELLS / 2 == 3)
			key[n++] = k;
	affinity_put(t, key[0], 1, 10 * SECOND);
	affinity_put(t, key[1], 2, 20 * SECOND);
	affinity_put(t, key[0], 1, 30 * SECOND); /* used again: key[1] is the older now */
	affinity_put(t, key[2], 3, 40 * SECOND);
	CHECK_INT(affinity_get(t, key[0], TTL, 40 * SECOND), 1);
	CHECK_INT(affinity_get(t, key[1], TTL, 40 * SECOND), 0);
	CHECK_INT(affinity_get(t, key[2], TTL, 40 * SECOND), 3);
	free(t);
}

static void any_number_will_do(void **state UNUSED)
{
	struct affinity *t = fresh();
	struct rng rng;

	rng_seed(&rng, 1);
	for (unsigned i = 0; i < 100000; i++) {
		uint64_t now = rng_u64(&rng) >> (1 + rng_below(&rng, 60));
		uint64_t key = rng_u64(&rng) >> rng_below(&rng, 64);
		uint32_t whom = 1 + (uint32_t)rng_below(&rng, 0xffffff);

		affinity_put(t, key, whom, now);
		CHECK_INT(affinity_get(t, key, TTL, now), whom);
		CHECK_INT(affinity_get(t, key, UINT64_MAX, now / 2), whom);
		if (rng_chance(&rng, 0.3))
			affinity_drop(t, key, whom);
	}
	free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_name_is_never_nobody),
		cmocka_unit_test(what_was_put_is_there_until_its_time_is_over),
		cmocka_unit_test(only_the_one_it_stays_with_is_dropped),
		cmocka_unit_test(each_of_many_has_its_own),
		cmocka_unit_test(the_older_makes_room),
		cmocka_unit_test(any_number_will_do),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
