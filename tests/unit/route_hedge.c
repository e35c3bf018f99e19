#include "check.h"

#include "base/rng.h"
#include "route/hedge.h"

static const struct hedge_rules rules = {
	.on = true,
	.percentile = 900,
	.min_us = 200000,
	.max_us = 10000000,
	.count = { .share_permille = 100, .cap = 2 },
	.cost = { .share_permille = 30, .cap = 1000 },
};

/* One whose answers to prompts of `tokens` begin after `us`. */
static struct health *answered(unsigned n, uint64_t us, uint64_t tokens)
{
	struct health *h = calloc(1, sizeof(*h));

	assert_non_null(h);
	for (unsigned i = 0; i < n; i++)
		health_first_content(h, us, tokens, 1000000000);
	return h;
}

static bool near(uint64_t x, uint64_t want)
{
	return x * 5 <= want * 6 && x * 6 >= want * 5;
}

static void the_delay_is_the_percentile_of_such_prompts(void **state UNUSED)
{
	struct health *h = answered(100, 1000000, 100);
	const struct route_target t = { .health = h };

	for (unsigned i = 0; i < 100; i++)
		health_first_content(h, i < 85 ? 2000000 : 8000000, 50000, 1000000000);
	CHECK(near(hedge_delay(&rules, &t, 100), 1000000));
	CHECK(near(hedge_delay(&rules, &t, 50000), 8000000));
	CHECK(near(hedge_delay(&rules, &t, 5000), 2000000)); /* of all sizes, 92 % */
	free(h);
}

static void the_delay_is_kept_within_its_limits(void **state UNUSED)
{
	struct health *fast = answered(100, 10000, 100), *slow = answered(100, 60000000, 100);
	struct route_target t = { .health = fast };
	struct hedge_rules open = rules;

	CHECK_INT(hedge_delay(&rules, &t, 100), 200000);
	t.health = slow;
	CHECK_INT(hedge_delay(&rules, &t, 100), 10000000);
	open.max_us = 0;
	CHECK(near(hedge_delay(&open, &t, 100), 60000000));
	free(fast);
	free(slow);
}

static void some_are_not_hedged(void **state UNUSED)
{
	struct health *h = answered(20, 1000000, 100), *few = answered(19, 1000000, 100);
	struct hedge_rules off = rules, despite = rules;
	struct route_target t = { .health = h };

	off.on = false;
	despite.despite_billing = true;
	CHECK(hedge_delay(&rules, &t, 100) != 0);
	CHECK_INT(hedge_delay(&off, &t, 100), 0);
	t.cancel_bills = true;
	CHECK_INT(hedge_delay(&rules, &t, 100), 0);
	CHECK(hedge_delay(&despite, &t, 100) != 0);
	t = (struct route_target){ .health = few };
	CHECK_INT(hedge_delay(&rules, &t, 100), 0);
	t.health = NULL;
	CHECK_INT(hedge_delay(&rules, &t, 100), 0);
	free(h);
	free(few);
}

static void a_hedge_is_paid_for_in_attempts_and_in_money(void **state UNUSED)
{
	const struct route_target t = { .weight = 1 };
	struct hedge_budget b = { 0 };

	CHECK(!hedge_take(&b, &rules, &t, 1001)); /* too dear: and no attempt is taken */
	CHECK_INT(budget_left(&b.count, &rules.count), 2);
	CHECK(hedge_take(&b, &rules, &t, 600));
	CHECK(!hedge_take(&b, &rules, &t, 600));
	CHECK(hedge_take(&b, &rules, &t, 400));
	CHECK(!hedge_take(&b, &rules, &t, 0));
	for (unsigned i = 0; i < 10; i++)
		hedge_earn(&b, &rules);
	CHECK(!hedge_take(&b, &rules, &t, 30));
	hedge_earn_cost(&b, &rules, 1000);
	CHECK(hedge_take(&b, &rules, &t, 30));
	CHECK(!hedge_take(&b, &rules, &t, 0));
}

static void one_whose_cancelling_is_billed_is_not_asked_beside_another(void **state UNUSED)
{
	const struct route_target t = { .cancel_bills = true };
	struct hedge_rules despite = rules, off = rules;
	struct hedge_budget b = { 0 };

	despite.despite_billing = true;
	off.on = false;
	CHECK(!hedge_take(&b, &rules, &t, 1));
	CHECK(!hedge_take(&b, &off, &(struct route_target){ .weight = 1 }, 1));
	CHECK_INT(budget_left(&b.count, &rules.count), 2);
	CHECK(hedge_take(&b, &despite, &t, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_delay_is_the_percentile_of_such_prompts),
		cmocka_unit_test(the_delay_is_kept_within_its_limits),
		cmocka_unit_test(some_are_not_hedged),
		cmocka_unit_test(a_hedge_is_paid_for_in_attempts_and_in_money),
		cmocka_unit_test(one_whose_cancelling_is_billed_is_not_asked_beside_another),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
