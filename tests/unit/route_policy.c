#include "check.h"

#include "base/arena.h"
#include "route/policy.h"

static const struct slice openai = LITC("openai"), mini = LITC("OpenAI/mini"),
			  azure = LITC("azure");

static struct route_policy join(struct test_mem *mem, struct arena *a, struct route_policy p,
				const struct route_policy *asked)
{
	test_mem_init(mem, 0);
	arena_init(a, &mem->mem, 256, 1 << 16);
	CHECK(route_policy_join(&p, asked, a));
	return p;
}

static struct route_names names(const struct slice *v, size_t n)
{
	return (struct route_names){ v, n };
}

static bool takes(const struct route_names *n, const char *provider, const char *name)
{
	const struct route_target t = { .provider = slice_cstr(provider),
					.name = slice_cstr(name) };

	return n->n == 0 || route_names_find(n, &t) != SLICE_NONE;
}

static void where_both_name_some_only_what_both_name_is_left(void **state UNUSED)
{
	const struct slice route[] = { openai, azure }, asked[] = { mini, LIT("groq") };
	struct route_policy p = { .only = names(route, 2) };
	const struct route_policy q = { .only = names(asked, 2) };
	struct test_mem mem;
	struct arena a;

	p = join(&mem, &a, p, &q);
	CHECK(takes(&p.only, "openai", "openai/mini"));
	CHECK(!takes(&p.only, "openai", "openai/big"));
	CHECK(!takes(&p.only, "azure", "azure/mini"));
	CHECK(!takes(&p.only, "groq", "groq/mini"));
	arena_free(&a);
	/* The other way round it is the same. */
	p = join(&mem, &a, q, &(struct route_policy){ .only = names(route, 2) });
	CHECK(takes(&p.only, "openai", "openai/mini"));
	CHECK(!takes(&p.only, "openai", "openai/big"));
	arena_free(&a);
}

static void two_lists_without_a_name_in_common_leave_nobody(void **state UNUSED)
{
	const struct slice eu[] = { LIT("eu") }, us[] = { LIT("us-east-1") };
	struct route_policy p = { .only = names(&openai, 1),
				  .regions = names(eu, 1),
				  .quantizations = 1U << QUANT_FP8 };
	const struct route_policy q = { .only = names(&azure, 1),
					.regions = names(us, 1),
					.quantizations = 1U << QUANT_INT4 };
	struct test_mem mem;
	struct arena a;

	p = join(&mem, &a, p, &q);
	CHECK_INT(p.only.n, 1);
	CHECK(!takes(&p.only, "openai", "openai/mini"));
	CHECK(!takes(&p.only, "azure", "azure/mini"));
	CHECK_INT(p.regions.n, 1);
	CHECK(!slice_starts(LIT("eu"), p.regions.v[0]));
	CHECK(p.quantizations != 0);
	for (unsigned i = 0; i < QUANTIZATION_N; i++)
		CHECK((p.quantizations & 1U << i) == 0);
	arena_free(&a);
}

static void a_region_within_a_region_is_the_narrower_one(void **state UNUSED)
{
	const struct slice eu[] = { LIT("eu") }, west[] = { LIT("EU-west-1") };
	struct test_mem mem;
	struct arena a;
	struct route_policy p = join(&mem, &a, (struct route_policy){ .regions = names(eu, 1) },
				     &(struct route_policy){ .regions = names(west, 1) });

	CHECK_SLICE(p.regions.v[0], "EU-west-1");
	arena_free(&a);
}

static void what_either_ignores_is_ignored(void **state UNUSED)
{
	struct test_mem mem;
	struct arena a;
	struct route_policy p = join(&mem, &a,
				     (struct route_policy){ .ignore = names(&openai, 1) },
				     &(struct route_policy){ .ignore = names(&azure, 1) });

	CHECK_INT(p.ignore.n, 2);
	CHECK(takes(&p.ignore, "openai", "openai/x") && takes(&p.ignore, "azure", "azure/x"));
	arena_free(&a);
}

static void of_two_limits_the_stricter_holds(void **state UNUSED)
{
	const struct route_policy strict = { .max_price_input = 5,
					     .max_price_output = 5,
					     .max_price_request = 5,
					     .max_price_image = 5,
					     .max_cost = 5,
					     .min_quality = 900,
					     .deadline_us = 5,
					     .max_ttft_us = 5,
					     .min_tps = 50,
					     .zdr = true };
	const struct route_policy loose = { .max_price_input = UINT64_MAX,
					    .max_price_output = 6,
					    .max_cost = 6,
					    .min_quality = 100,
					    .deadline_us = 6,
					    .max_ttft_us = 6,
					    .min_tps = 40,
					    .local_only = true };
	struct test_mem mem;
	struct arena a;

	for (int i = 0; i < 2; i++) {
		struct route_policy p =
			join(&mem, &a, i == 0 ? strict : loose, i == 0 ? &loose : &strict);

		CHECK_INT(p.max_price_input, 5);
		CHECK_INT(p.max_price_output, 5);
		CHECK_INT(p.max_price_request, 5);
		CHECK_INT(p.max_price_image, 5);
		CHECK_INT(p.max_cost, 5);
		CHECK_INT(p.min_quality, 900);
		CHECK_INT(p.deadline_us, 5);
		CHECK_INT(p.max_ttft_us, 5);
		CHECK_INT(p.min_tps, 50);
		CHECK(p.zdr && p.local_only && !p.no_collection);
		arena_free(&a);
	}
}

static void an_order_or_a_strategy_asked_for_stands_instead(void **state UNUSED)
{
	const struct route_policy route = { .strategy = BY_COST,
					    .order = names(&openai, 1),
					    .percentile = 900,
					    .shares = { .cost = 1 } };
	struct test_mem mem;
	struct arena a;
	struct route_policy p = join(&mem, &a, route, &(struct route_policy){ .zdr = true });

	CHECK_INT(p.strategy, BY_COST);
	CHECK_INT(p.order.n, 1);
	CHECK_INT(p.percentile, 900);
	CHECK_INT(p.shares.cost, 1);
	arena_free(&a);
	p = join(&mem, &a, route,
		 &(struct route_policy){ .strategy = BY_TPS, .strategy_given = true });
	CHECK_INT(p.strategy, BY_TPS);
	CHECK_INT(p.order.n, 0);
	arena_free(&a);
	p = join(&mem, &a, route,
		 &(struct route_policy){ .order = names(&azure, 1), .percentile = 990 });
	CHECK_INT(p.strategy, BY_COST);
	CHECK_SLICE(p.order.v[0], "azure");
	CHECK_INT(p.percentile, 990);
	arena_free(&a);
}

static void join_all(struct test_mem *mem)
{
	const struct slice two[] = { openai, azure };
	struct route_policy p = { .only = names(two, 2), .ignore = names(two, 2) };
	struct arena a;

	arena_init(&a, &mem->mem, 16, 1 << 16);
	CHECK(route_policy_join(&p,
				&(struct route_policy){ .only = names(&mini, 1),
							.ignore = names(&mini, 1) },
				&a) == !mem->failed);
	arena_free(&a);
}

static void no_memory_is_an_answer(void **state UNUSED)
{
	sweep(join_all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(where_both_name_some_only_what_both_name_is_left),
		cmocka_unit_test(two_lists_without_a_name_in_common_leave_nobody),
		cmocka_unit_test(a_region_within_a_region_is_the_narrower_one),
		cmocka_unit_test(what_either_ignores_is_ignored),
		cmocka_unit_test(of_two_limits_the_stricter_holds),
		cmocka_unit_test(an_order_or_a_strategy_asked_for_stands_instead),
		cmocka_unit_test(no_memory_is_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
