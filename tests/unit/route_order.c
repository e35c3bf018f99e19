#include "route_targets.h"

static const struct route_plan *first_of(struct targets *w, unsigned times, unsigned *count)
{
	memset(count, 0, w->n * sizeof(*count));
	for (unsigned i = 0; i < times; i++)
		count[planned(w)->choice[0].candidate]++;
	return &w->plan;
}

static void a_lower_priority_goes_first(void **state UNUSED)
{
	static struct targets w;

	targets_init(&w, 3, 1);
	w.t[0].priority = 2;
	w.t[1].priority = 1;
	w.t[2].priority = 3;
	w.t[2].weight = 100;
	for (int i = 0; i < 50; i++)
		CHECK_ORDER(&w, 1, 0, 2);
	CHECK_INT(w.plan.choice[0].key, 1);
	CHECK_INT(w.plan.choice[2].group, 2);
	targets_free(&w);
}

static void equals_share_by_weight(void **state UNUSED)
{
	static struct targets w;
	unsigned first[3];

	for (int given = 0; given < 2; given++) {
		targets_init(&w, 3, 7);
		w.policy.strategy = given != 0 ? BY_WEIGHT : BY_PRIORITY;
		w.t[1].weight = 3;
		w.t[2].weight = 6;
		(void)first_of(&w, 10000, first);
		CHECK(first[0] > 850 && first[0] < 1150);
		CHECK(first[1] > 2800 && first[1] < 3200);
		CHECK(first[2] > 5750 && first[2] < 6250);
		targets_free(&w);
	}
}

static void equals_without_load_share_evenly_in_every_place(void **state UNUSED)
{
	static struct targets w;
	unsigned at[5][5] = { 0 };

	targets_init(&w, 5, 11);
	for (int i = 0; i < 20000; i++) {
		(void)planned(&w);
		for (unsigned k = 0; k < 5; k++)
			at[k][w.plan.choice[k].candidate]++;
	}
	for (unsigned c = 0; c < 5; c++)
		CHECK(at[0][c] > 3800 && at[0][c] < 4200);
	/* The last must not follow from the config's order alone. */
	for (unsigned c = 0; c < 5; c++)
		CHECK(at[1][c] > 1000);
	targets_free(&w);
}

static void of_two_drawn_the_less_busy_goes_first(void **state UNUSED)
{
	static struct targets w;
	unsigned first[4];

	for (unsigned last = 0; last < 4; last += 3) { /* the busiest stands last, or first */
		targets_init(&w, 4, 3);
		for (unsigned i = 0; i < 4; i++)
			for (unsigned k = 0; k < i; k++)
				health_begin(&w.health[i ^ last], NOW);
		(void)first_of(&w, 12000, first);
		/* Pairs that it wins, of six. */
		CHECK(first[0 ^ last] > 5700 && first[0 ^ last] < 6300);
		CHECK(first[1 ^ last] > 3700 && first[1 ^ last] < 4300);
		CHECK(first[2 ^ last] > 1800 && first[2 ^ last] < 2200);
		CHECK_INT(first[3 ^ last], 0);
		/* The others follow by load. */
		for (unsigned i = 2; i < 4; i++)
			CHECK(w.plan.choice[i].load >= w.plan.choice[i - 1].load);
		targets_free(&w);
	}
}

static void each_has_its_turn(void **state UNUSED)
{
	static struct targets w;

	targets_init(&w, 4, 1);
	w.policy.strategy = BY_TURN;
	w.t[1].retired_day = -1;
	w.env.turn = 0;
	CHECK_ORDER(&w, 0, 2, 3);
	w.env.turn = 1;
	CHECK_ORDER(&w, 2, 3, 0);
	w.env.turn = 5;
	CHECK_ORDER(&w, 3, 0, 2);
	targets_free(&w);
}

static void the_fewest_in_hand_by_weight(void **state UNUSED)
{
	static struct targets w;

	targets_init(&w, 3, 1);
	w.policy.strategy = BY_LOAD;
	w.t[0].weight = 4;
	for (int i = 0; i < 3; i++)
		health_begin(&w.health[0], NOW); /* 0.75 each */
	health_begin(&w.health[1], NOW);
	health_begin(&w.health[2], NOW);
	health_begin(&w.health[2], NOW);
	CHECK_ORDER(&w, 0, 1, 2);
	targets_free(&w);
}

static void the_cheapest_for_this_request(void **state UNUSED)
{
	static struct targets w;

	targets_init(&w, 4, 1);
	w.policy.strategy = BY_COST;
	price(&w.t[0], 1 * USD, 10 * USD);
	price(&w.t[1], 3 * USD, 3 * USD);
	price(&w.t[2], 0, 0);
	/* 3 has no price: last, not first. */
	w.facts.prompt_bytes = 4 * 100000;
	CHECK_ORDER(&w, 2, 0, 1, 3);
	CHECK_INT(w.plan.choice[1].cost, USD / 10 + 512ULL * 10 * USD / 1000000);
	w.facts.prompt_bytes = 400;
	CHECK_ORDER(&w, 2, 1, 0, 3);
	w.facts.output_tokens = 1;
	w.facts.answers = 2;
	CHECK_ORDER(&w, 2, 0, 1, 3);
	targets_free(&w);
}

static void costs_within_a_twentieth_are_equal(void **state UNUSED)
{
	static struct targets w;
	unsigned first[4];

	targets_init(&w, 4, 1);
	w.policy.strategy = BY_COST;
	w.facts.prompt_bytes = 4000000;
	w.facts.output_tokens = 1;
	for (unsigned i = 0; i < 4; i++)
		price(&w.t[i], (unsigned[]){ 104, 100, 106, 120 }[i] * USD, 0);
	(void)first_of(&w, 2000, first);
	CHECK(first[0] > 900 && first[1] > 900);
	CHECK_INT(first[2] + first[3], 0);
	CHECK_INT(w.plan.choice[2].candidate, 2);
	CHECK_INT(w.plan.choice[0].group, w.plan.choice[1].group);
	CHECK_INT(w.plan.choice[3].group, 2);
	targets_free(&w);
}

static void tell_ttft(struct targets *w, unsigned i, uint64_t us)
{
	for (unsigned k = 0; k < 30; k++)
		health_first_content(&w->health[i], us, 100, NOW);
}

static void the_fastest_to_begin(void **state UNUSED)
{
	static struct targets w;

	targets_init(&w, 4, 1);
	w.policy.strategy = BY_TTFT;
	w.facts.prompt_bytes = 400;
	tell_ttft(&w, 0, 4000000);
	tell_ttft(&w, 1, 250000);
	tell_ttft(&w, 3, 1000000);
	/* 2 is not known: taken for the middle, and tried at times. */
	(void)planned(&w);
	CHECK_INT(w.plan.choice[0].candidate, 1);
	CHECK_INT(w.plan.choice[3].candidate, 0);
	CHECK_INT(w.plan.choice[1].group, w.plan.choice[2].group);
	CHECK(w.plan.choice[1].key > 900000 && w.plan.choice[1].key < 1300000);
	targets_free(&w);
}

static void the_most_tokens_a_second(void **state UNUSED)
{
	static struct targets w;

	targets_init(&w, 3, 1);
	w.policy.strategy = BY_TPS;
	for (unsigned k = 0; k < 30; k++) {
		health_output(&w.health[0], 50, 1000000);
		health_output(&w.health[1], 200, 1000000);
		health_output(&w.health[2], 100, 1000000);
	}
	CHECK_ORDER(&w, 1, 2, 0);
	targets_free(&w);
}

static void the_most_left_of_its_limits(void **state UNUSED)
{
	static struct targets w;

	targets_init(&w, 4, 1);
	w.policy.strategy = BY_HEADROOM;
	health_limits(&w.health[0], 300, 10000000, NOW);
	health_limits(&w.health[1], 700, 10000000, NOW);
	health_limits(&w.health[3], 0, 10000000, NOW);
	CHECK_ORDER(&w, 2, 1, 0, 3);
	/* One that has used up its limits goes last whatever the strategy. */
	w.policy.strategy = BY_PRIORITY;
	w.t[3].priority = 0;
	CHECK_INT(planned(&w)->choice[3].candidate, 3);
	targets_free(&w);
}

static void the_cheapest_that_is_good_enough_then_better_ones(void **state UNUSED)
{
	static struct targets w;

	targets_init(&w, 5, 1);
	w.policy.strategy = BY_QUALITY;
	w.policy.min_quality = 500;
	for (unsigned i = 0; i < 5; i++) {
		w.t[i].quality = (unsigned[]){ 900, 600, 700, 550, 100 }[i];
		price(&w.t[i], (unsigned[]){ 50, 10, 20, 11, 1 }[i] * USD, 0);
	}
	w.facts.prompt_bytes = 4000;
	CHECK_ORDER(&w, 1, 2, 0, 3);
	targets_free(&w);
}

static void a_balance_of_cost_latency_and_quality(void **state UNUSED)
{
	static struct targets w;

	targets_init(&w, 3, 1);
	w.policy.strategy = BY_BALANCE;
	w.facts.prompt_bytes = 4000;
	for (unsigned i = 0; i < 3; i++) {
		price(&w.t[i], (unsigned[]){ 1, 2, 4 }[i] * USD, 0);
		tell_ttft(&w, i, (unsigned[]){ 3200000, 1000000, 900000 }[i]);
		w.t[i].quality = (unsigned[]){ 500, 600, 900 }[i];
	}
	CHECK_INT(planned(&w)->choice[0].candidate, 1);
	w.policy.shares = (struct route_shares){ .cost = 1 };
	CHECK_ORDER(&w, 0, 1, 2);
	w.policy.shares = (struct route_shares){ .quality = 1 };
	CHECK_ORDER(&w, 2, 1, 0);
	w.policy.shares = (struct route_shares){ .latency = 1 };
	CHECK_INT(planned(&w)->choice[2].candidate, 0);
	/* The busier one gets worse. */
	w.policy.shares = (struct route_shares){ .cost = 1 };
	for (int i = 0; i < 10; i++)
		health_begin(&w.health[0], NOW);
	CHECK_INT(planned(&w)->choice[0].candidate, 1);
	targets_free(&w);
}

static void those_named_in_order_go_first(void **state UNUSED)
{
	static const struct slice names[] = { LITC("p4"), LITC("nobody"), LITC("p2/m"),
					      LITC("P1") };
	static struct targets w;

	targets_init(&w, 5, 1);
	w.policy.order = (struct route_names){ names, 4 };
	w.policy.strategy = BY_COST;
	price(&w.t[0], 1, 1);
	price(&w.t[3], USD, USD);
	CHECK_ORDER(&w, 4, 2, 1, 0, 3);
	w.policy.no_fallbacks = true;
	CHECK_ORDER(&w, 4, 2, 1);
	CHECK_INT(w.plan.rejected[0], REJECT_NOT_ORDER);
	targets_free(&w);
}

static void who_issued_the_state_that_is_sent_goes_first(void **state UNUSED)
{
	static const struct slice names[] = { LITC("p0") };
	static struct targets w;

	targets_init(&w, 3, 1);
	w.t[0].priority = 2;
	w.t[2].priority = 3;
	w.facts.pinned = LIT("p2");
	CHECK_ORDER(&w, 2, 1, 0);
	w.policy.order = (struct route_names){ names, 1 };
	CHECK_ORDER(&w, 0, 2, 1);
	targets_free(&w);
}

static void those_that_miss_what_is_preferred_go_last(void **state UNUSED)
{
	static struct targets w;

	targets_init(&w, 4, 1);
	for (unsigned i = 0; i < 4; i++)
		w.t[i].priority = i;
	w.facts.prompt_bytes = 400;
	tell_ttft(&w, 0, 3000000);
	tell_ttft(&w, 2, 500000);
	w.policy.max_ttft_us = 1000000;
	CHECK_ORDER(&w, 1, 2, 3, 0);
	w.policy.max_ttft_us = 0;
	w.policy.min_tps = 60;
	health_output(&w.health[1], 59, 1000000);
	health_output(&w.health[2], 61, 1000000);
	CHECK_ORDER(&w, 0, 2, 3, 1);
	w.policy.min_tps = 0;
	w.t[0].context = 700; /* 100 tokens and 512, perhaps */
	w.facts.prompt_bytes = 4 * 180;
	CHECK_ORDER(&w, 1, 2, 3, 0);
	targets_free(&w);
}

static void it_stays_with_a_warm_cache_while_that_is_not_too_busy(void **state UNUSED)
{
	static struct targets w;

	targets_init(&w, 3, 1);
	w.t[2].priority = 9;
	w.env.stick_to = 2;
	CHECK_INT(planned(&w)->choice[0].candidate, 2);
	CHECK(w.plan.stuck);
	CHECK_INT(w.plan.choice[0].group, 0);
	CHECK_INT(w.plan.choice[1].group, 1);
	CHECK_INT(w.plan.choice[2].group, 1);
	for (int i = 0; i < 2; i++)
		health_begin(&w.health[2], NOW); /* three times the load, two are allowed */
	CHECK_INT(planned(&w)->choice[2].candidate, 2);
	CHECK(!w.plan.stuck);
	w.env.stick_max_permille = 3001;
	CHECK(planned(&w)->stuck);
	breaker_rest(&w.health[2].breaker, NOW, 1000);
	CHECK(!planned(&w)->stuck);
	w.env.stick_to = 7; /* does not take part */
	CHECK(!planned(&w)->stuck);
	targets_free(&w);
}

static void a_warm_cache_is_worth_what_it_saves(void **state UNUSED)
{
	static struct targets w;

	targets_init(&w, 2, 1);
	w.policy.strategy = BY_COST;
	w.facts.prompt_bytes = 4 * 100000;
	w.facts.output_tokens = 1;
	price(&w.t[0], 10 * USD, 0);
	price(&w.t[1], 16 * USD, 0);
	w.t[1].price_cache_read = 1 * USD;
	w.env.stick_to = 1;
	/* Half of it is expected: 8 + 0.5 <= 10. */
	CHECK_ORDER(&w, 1, 0);
	CHECK(w.plan.stuck);
	/* What comes back says it is less. */
	for (int i = 0; i < 30; i++)
		health_cached(&w.health[1], 20000, 100000);
	CHECK_ORDER(&w, 0, 1);
	for (int i = 0; i < 100; i++)
		health_cached(&w.health[1], 95000, 100000);
	CHECK_ORDER(&w, 1, 0);
	w.t[1].priced = false; /* not known to be worth it */
	CHECK_ORDER(&w, 0, 1);
	targets_free(&w);
}

static void staying_does_not_pass_an_order_that_was_asked_for(void **state UNUSED)
{
	static const struct slice names[] = { LITC("p1") };
	static struct targets w;

	targets_init(&w, 2, 1);
	w.policy.order = (struct route_names){ names, 1 };
	w.env.stick_to = 0;
	CHECK_ORDER(&w, 1, 0);
	CHECK(!w.plan.stuck);
	targets_free(&w);
}

/* Long lists are sorted in another way than short ones. */
static void long_lists_come_out_in_order(void **state UNUSED)
{
	static struct targets w;

	for (size_t n = 1; n <= TARGETS_MAX; n += 1 + n / 7) {
		targets_init(&w, n, n);
		for (size_t i = 0; i < n; i++)
			w.t[i].priority = (unsigned)rng_below(&w.rng, 1000);
		(void)planned(&w);
		for (unsigned i = 1; i < n; i++)
			CHECK(w.plan.choice[i].key >= w.plan.choice[i - 1].key);
		for (size_t i = 0; i < n; i++) {
			w.t[i].priority = 1;
			for (uint64_t k = rng_below(&w.rng, 20); k > 0; k--)
				health_begin(&w.health[i], NOW);
		}
		(void)planned(&w);
		for (unsigned i = 2; i < n; i++)
			CHECK(w.plan.choice[i].load >= w.plan.choice[i - 1].load);
		targets_free(&w);
	}
}

static void the_first_of_several_names_goes_before_the_others(void **state UNUSED)
{
	static const uint8_t rank[] = { 0, 1, 0, 2 };
	static const struct slice order[] = { LITC("p3"), LITC("p2") };
	static struct targets w;

	targets_init(&w, 4, 1);
	w.env.rank = rank;
	w.policy.strategy = BY_COST;
	price(&w.t[0], 9 * USD, 9 * USD);
	price(&w.t[1], 2 * USD, 2 * USD);
	price(&w.t[2], 8 * USD, 8 * USD);
	price(&w.t[3], 1 * USD, 1 * USD);
	CHECK_ORDER(&w, 2, 0, 1, 3);
	/* An order is one within each of them. */
	w.policy.order = (struct route_names){ order, 2 };
	price(&w.t[2], 10 * USD, 10 * USD);
	CHECK_ORDER(&w, 2, 0, 1, 3);
	/* As an affinity is. */
	w.env.stick_to = 3;
	CHECK_ORDER(&w, 2, 0, 1, 3);
	w.env.stick_to = ROUTE_NOBODY;
	w.env.rank = NULL;
	CHECK_ORDER(&w, 3, 2, 1, 0);
	targets_free(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_lower_priority_goes_first),
		cmocka_unit_test(equals_share_by_weight),
		cmocka_unit_test(equals_without_load_share_evenly_in_every_place),
		cmocka_unit_test(of_two_drawn_the_less_busy_goes_first),
		cmocka_unit_test(each_has_its_turn),
		cmocka_unit_test(the_fewest_in_hand_by_weight),
		cmocka_unit_test(the_cheapest_for_this_request),
		cmocka_unit_test(costs_within_a_twentieth_are_equal),
		cmocka_unit_test(the_fastest_to_begin),
		cmocka_unit_test(the_most_tokens_a_second),
		cmocka_unit_test(the_most_left_of_its_limits),
		cmocka_unit_test(the_cheapest_that_is_good_enough_then_better_ones),
		cmocka_unit_test(a_balance_of_cost_latency_and_quality),
		cmocka_unit_test(those_named_in_order_go_first),
		cmocka_unit_test(who_issued_the_state_that_is_sent_goes_first),
		cmocka_unit_test(those_that_miss_what_is_preferred_go_last),
		cmocka_unit_test(it_stays_with_a_warm_cache_while_that_is_not_too_busy),
		cmocka_unit_test(a_warm_cache_is_worth_what_it_saves),
		cmocka_unit_test(staying_does_not_pass_an_order_that_was_asked_for),
		cmocka_unit_test(the_first_of_several_names_goes_before_the_others),
		cmocka_unit_test(long_lists_come_out_in_order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
