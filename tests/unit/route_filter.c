#include "route_targets.h"

#include "route/tokens.h"

static enum rejection filter(struct targets *w)
{
	return route_filter(&w->t[0], 0, route_rules(&w->policy), &w->policy, &w->facts,
			    &w->env);
}

static bool no(void *ctx, unsigned candidate)
{
	(void)ctx;
	(void)candidate;
	return false;
}

/* Fails every rule at once; `rule` mends those before it. */
static void fail_all(struct targets *w)
{
	static const struct slice p0[] = { LITC("p0") }, p9[] = { LITC("p9") },
				  eu[] = { LITC("eu") };

	targets_init(w, 1, 1);
	w->facts = (struct route_facts){ .allowed = no,
					 .can_say = no,
					 .day = 10,
					 .media = 1U << MEDIUM_IMAGE,
					 .caps = 1U << CAP_TOOLS | 1U << CAP_JSON_SCHEMA |
						 1U << CAP_LOGPROBS,
					 .prompt_bytes = 40000,
					 .output_tokens = 500 };
	w->policy = (struct route_policy){ .ignore = { p0, 1 },
					   .only = { p9, 1 },
					   .order = { p9, 1 },
					   .no_fallbacks = true,
					   .require_params = true,
					   .regions = { eu, 1 },
					   .zdr = true,
					   .no_collection = true,
					   .local_only = true,
					   .quantizations = 1U << QUANT_FP16,
					   .min_quality = 800,
					   .max_price_input = USD,
					   .max_cost = 1000,
					   .deadline_us = 1000 };
	w->t[0].preview = true;
	w->t[0].retired_day = 10;
	w->t[0].media_in = 1U << MEDIUM_TEXT;
	w->t[0].caps_stated = ~0U;
	w->t[0].context = 5000;
	w->t[0].max_output = 400;
	w->t[0].region = LIT("us-east-1");
	w->t[0].collects = true;
	for (unsigned i = 0; i < 50; i++)
		health_first_content(&w->health[0], 5000000, 10000, NOW);
	breaker_rest(&w->health[0].breaker, NOW, 600000000);
	for (unsigned i = 0; i < 3; i++)
		(void)breaker_failure(&w->health[0].breaker,
				      &(struct breaker_rules){ .failures = 3,
							       .open_us = 1000000000,
							       .open_max_us = 1000000000 },
				      NOW);
}

/* What makes it pass rule `r`. */
static void mend(struct targets *w, enum rejection r)
{
	struct route_target *t = &w->t[0];

	switch (r) {
	case REJECT_NONE:
		break;
	case REJECT_ACCOUNT:
		w->facts.allowed = NULL;
		break;
	case REJECT_IGNORED:
		w->policy.ignore.n = 0;
		break;
	case REJECT_NOT_ONLY:
		w->policy.only.n = 0;
		break;
	case REJECT_NOT_ORDER:
		w->policy.no_fallbacks = false;
		break;
	case REJECT_PREVIEW:
		w->facts.may_preview = true;
		break;
	case REJECT_RETIRED:
		w->facts.day = 9;
		break;
	case REJECT_MEDIA:
		t->media_in |= 1U << MEDIUM_IMAGE;
		break;
	case REJECT_TOOLS:
		t->caps |= 1U << CAP_TOOLS;
		break;
	case REJECT_SCHEMA:
		t->caps |= 1U << CAP_JSON_SCHEMA;
		break;
	case REJECT_CAPABILITY:
		t->caps |= 1U << CAP_LOGPROBS;
		break;
	case REJECT_PARAMETERS:
		w->facts.can_say = NULL;
		break;
	case REJECT_CONTEXT:
		t->context = 100000;
		break;
	case REJECT_OUTPUT:
		t->max_output = 500;
		break;
	case REJECT_REGION:
		t->region = LIT("EU-west-1");
		break;
	case REJECT_ZDR:
		t->zdr = true;
		break;
	case REJECT_COLLECTION:
		t->collects = false;
		break;
	case REJECT_NOT_LOCAL:
		t->local = true;
		break;
	case REJECT_QUANTIZATION:
		t->quantization = QUANT_FP16;
		break;
	case REJECT_QUALITY:
		t->quality = 800;
		break;
	case REJECT_UNPRICED:
		price(t, 2 * USD, USD);
		break;
	case REJECT_PRICE:
		price(t, USD, USD);
		break;
	case REJECT_COST:
		w->policy.max_cost = USD;
		break;
	case REJECT_DEADLINE:
		w->policy.deadline_us = 60000000;
		break;
	case REJECT_QUOTA:
		w->env.rest_max_us = 600000000;
		break;
	case REJECT_BREAKER:
		w->env.now_us = NOW + 1000000000;
		break;
	case REJECTION_N:
		break;
	}
}

static void the_first_rule_in_the_tables_order_is_told(void **state UNUSED)
{
	static struct targets w;

	fail_all(&w);
	for (unsigned r = 1; r < REJECTION_N; r++) {
		CHECK_STR(rejection_code(filter(&w)), rejection_code(r));
		mend(&w, r);
	}
	CHECK_INT(filter(&w), REJECT_NONE);
	targets_free(&w);
}

static void what_is_unknown_refuses_only_where_a_guess_could_harm(void **state UNUSED)
{
	static const struct slice eu[] = { LITC("eu") };
	const struct {
		struct route_policy policy;
		enum rejection want;
	} rows[] = {
		{ { .regions = { eu, 1 } }, REJECT_REGION },
		{ { .zdr = true }, REJECT_ZDR },
		{ { .local_only = true }, REJECT_NOT_LOCAL },
		{ { .quantizations = 1U << QUANT_FP16 }, REJECT_QUANTIZATION },
		{ { .quantizations = 1U << QUANT_UNKNOWN }, REJECT_NONE },
		{ { .free_only = true }, REJECT_UNPRICED },
		{ { .max_price_output = USD }, REJECT_UNPRICED },
		{ { .max_price_output = UINT64_MAX }, REJECT_NONE },
		{ { .max_cost = USD }, REJECT_UNPRICED },
		{ { .deadline_us = 1 }, REJECT_NONE },
		{ { .max_ttft_us = 1, .min_tps = 1000 }, REJECT_NONE },
	};
	static struct targets w;

	targets_init(&w, 1, 1);
	w.facts = (struct route_facts){
		.caps = ~0U, .media = ~0U, .prompt_bytes = 1 << 30, .output_tokens = 1 << 30
	};
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		w.policy = rows[i].policy;
		CHECK_STR(rejection_code(filter(&w)), rejection_code(rows[i].want));
	}
	w.t[0].health = NULL;
	w.policy = (struct route_policy){ .deadline_us = 1 };
	CHECK_INT(filter(&w), REJECT_NONE);
	targets_free(&w);
}

/* Whatever the context: the truth is within 10 % of the estimate. */
static void an_estimate_a_tenth_off_neither_refuses_nor_sends_for_sure(void **state UNUSED)
{
	static struct calibration learned = { .milli_bytes = 4000, .samples = 100 };
	static struct targets w;
	struct rng rng;

	rng_seed(&rng, 3);
	targets_init(&w, 1, 1);
	w.t[0].tokens = &learned;
	for (int i = 0; i < 20000; i++) {
		uint64_t truth = 1000 + rng_below(&rng, 300000);
		double off = 0.903 + 0.194 * rng_unit(&rng);
		uint64_t answer = 1 + rng_below(&rng, 5000);
		bool fits;

		w.facts.prompt_bytes = (uint64_t)((double)truth * off) * 4;
		w.facts.output_tokens = answer;
		w.t[0].context = truth + answer - 200 + rng_below(&rng, 400);
		fits = truth + answer <= w.t[0].context;
		if (fits)
			CHECK(route_fits(&w.t[0], &w.facts) != FITS_NOT);
		else
			CHECK(route_fits(&w.t[0], &w.facts) != FITS);
	}
	targets_free(&w);
}

static void a_prompt_far_from_the_context_is_told_apart(void **state UNUSED)
{
	static struct targets w;

	targets_init(&w, 1, 1);
	w.t[0].context = 8192;
	w.t[0].max_output = 8192; /* is not set aside when nobody asked for it */
	w.facts.prompt_bytes = 4 * 5700;
	CHECK_INT(route_fits(&w.t[0], &w.facts), FITS);
	w.facts.prompt_bytes = 4 * 7000; /* a quarter either way, since nothing is learned */
	CHECK_INT(route_fits(&w.t[0], &w.facts), FITS_PERHAPS);
	w.facts.prompt_bytes = 4 * 9700;
	CHECK_INT(route_fits(&w.t[0], &w.facts), FITS_NOT);
	w.facts.prompt_bytes = 4;
	w.facts.output_tokens = 8192;
	CHECK_INT(route_fits(&w.t[0], &w.facts), FITS_NOT);
	w.facts.output_tokens = 8000;
	w.facts.media_tokens = 200;
	CHECK_INT(route_fits(&w.t[0], &w.facts), FITS_NOT);
	w.facts.prompt_bytes = UINT64_MAX;
	w.facts.media_tokens = UINT64_MAX;
	CHECK_INT(route_fits(&w.t[0], &w.facts), FITS_NOT);
	targets_free(&w);
}

static void the_largest_answer_is_what_is_known_of_it(void **state UNUSED)
{
	static struct targets w;

	targets_init(&w, 1, 1);
	w.facts.prompt_bytes = 4000;
	CHECK_INT(route_output_max(&w.t[0], &w.facts), ROUTE_OUTPUT_UNKNOWN);
	w.t[0].context = 8000;
	CHECK_INT(route_output_max(&w.t[0], &w.facts), 7000);
	w.t[0].max_output = 4096;
	CHECK_INT(route_output_max(&w.t[0], &w.facts), 4096);
	w.facts.answers = 3;
	CHECK_INT(route_output_max(&w.t[0], &w.facts), 3 * 4096);
	CHECK_INT(route_output_usual(&w.facts), 3 * ROUTE_OUTPUT_USUAL);
	w.facts.output_tokens = 100;
	CHECK_INT(route_output_max(&w.t[0], &w.facts), 300);
	CHECK_INT(route_output_usual(&w.facts), 300);
	w.facts.prompt_bytes = 400000;
	w.facts = (struct route_facts){ .prompt_bytes = 400000 };
	w.t[0].max_output = 0;
	CHECK_INT(route_output_max(&w.t[0], &w.facts), 1);
	targets_free(&w);
}

static void a_cost_ceiling_refuses_an_answer_without_an_end(void **state UNUSED)
{
	static struct targets w;

	targets_init(&w, 1, 1);
	price(&w.t[0], USD, USD);
	w.policy.max_cost = 1000 * USD;
	CHECK_INT(filter(&w), REJECT_COST);
	w.facts.output_tokens = 1000000;
	CHECK_INT(filter(&w), REJECT_NONE);
	w.facts.output_tokens = 0;
	price(&w.t[0], USD, 0);
	CHECK_INT(filter(&w), REJECT_NONE);
	/* To the nano-USD: 1,000 tokens at 1 USD per million. */
	w.facts.prompt_bytes = 4000;
	w.policy.max_cost = 1000000;
	CHECK_INT(filter(&w), REJECT_NONE);
	w.policy.max_cost = 999999;
	CHECK_INT(filter(&w), REJECT_COST);
	targets_free(&w);
}

static void free_is_free_of_everything(void **state UNUSED)
{
	static struct targets w;

	targets_init(&w, 1, 1);
	w.policy.free_only = true;
	price(&w.t[0], 0, 0);
	CHECK_INT(filter(&w), REJECT_NONE);
	w.t[0].price_request = 1;
	CHECK_INT(filter(&w), REJECT_PRICE);
	w.t[0].price_request = 0;
	w.t[0].price_image = 1;
	CHECK_INT(filter(&w), REJECT_NONE);
	w.facts.media = 1U << MEDIUM_IMAGE;
	CHECK_INT(filter(&w), REJECT_PRICE);
	w.policy = (struct route_policy){ .max_price_image = 1 };
	CHECK_INT(filter(&w), REJECT_NONE);
	w.t[0].price_image = 2;
	CHECK_INT(filter(&w), REJECT_PRICE);
	targets_free(&w);
}

static void a_short_rest_is_no_rejection(void **state UNUSED)
{
	static struct targets w;

	targets_init(&w, 2, 1);
	breaker_rest(&w.health[0].breaker, NOW, 1000000);
	CHECK_INT(filter(&w), REJECT_NONE);
	CHECK_ORDER(&w, 1, 0);
	CHECK_INT(w.plan.choice[1].ready_us, NOW + 1000000);
	w.env.rest_max_us = 999999;
	CHECK_INT(filter(&w), REJECT_QUOTA);
	targets_free(&w);
}

static void names_stand_for_a_provider_or_one_of_its_models(void **state UNUSED)
{
	static const struct slice names[] = { LITC("x"), LITC("P0/M"), LITC("p0") };
	static struct targets w;

	targets_init(&w, 1, 1);
	CHECK_INT(route_names_find(&(struct route_names){ names, 3 }, &w.t[0]), 1);
	CHECK_INT(route_names_find(&(struct route_names){ names + 2, 1 }, &w.t[0]), 0);
	CHECK(route_names_find(&(struct route_names){ names, 1 }, &w.t[0]) == SLICE_NONE);
	CHECK(route_name_covers(LIT("a"), LIT("A/b")));
	CHECK(!route_name_covers(LIT("a"), LIT("ab")));
	CHECK(!route_name_covers(LIT("a/b"), LIT("a")));
	CHECK(!route_name_covers(LIT("a/b"), LIT("a/b/c")));
	CHECK(route_name_covers(LIT("a"), LIT("a/b/c")));
	targets_free(&w);
}

static void a_long_prompt_is_held_against_its_own_price(void **state UNUSED)
{
	static struct targets w;

	targets_init(&w, 1, 1);
	price(&w.t[0], 2 * USD, 10 * USD);
	w.t[0].tier_above = 200000;
	w.t[0].tier_input = 4 * USD;
	w.t[0].tier_output = 15 * USD;
	w.policy.max_price_input = 3 * USD;
	w.facts.prompt_bytes = 4 * 200000;
	CHECK_INT(planned(&w)->n, 1);
	w.facts.prompt_bytes += 4;
	CHECK_INT(planned(&w)->rejected[0], REJECT_PRICE);
	CHECK_INT(route_cost(&w.t[0], 200000, 100), 200000 * 2000 + 100 * 10000);
	CHECK_INT(route_cost(&w.t[0], 200001, 100), 200001 * 4000 + 100 * 15000);
	targets_free(&w);
}

static void images_cost_what_each_of_them_does(void **state UNUSED)
{
	static struct targets w;

	targets_init(&w, 1, 1);
	price(&w.t[0], 0, 0);
	w.t[0].price_image = 1000;
	w.t[0].max_output = 100;
	w.facts.images = 3;
	w.facts.media = 1U << MEDIUM_IMAGE;
	w.policy.max_cost = 3000;
	CHECK_INT(planned(&w)->n, 1);
	w.policy.max_cost = 2999;
	CHECK_INT(planned(&w)->rejected[0], REJECT_COST);
	targets_free(&w);
}

static void what_cannot_be_sized_fits(void **state UNUSED)
{
	static struct targets w;

	targets_init(&w, 1, 1);
	w.t[0].context = 512;
	w.facts.prompt_bytes = 1000000;
	CHECK_INT(planned(&w)->rejected[0], REJECT_CONTEXT);
	w.facts.any_size = true;
	CHECK_INT(planned(&w)->n, 1);
	targets_free(&w);
}

static void only_what_passes_by_itself_is_said_to_pass(void **state UNUSED)
{
	CHECK(rejection_passes(REJECT_BREAKER) && rejection_passes(REJECT_QUOTA));
	CHECK(!rejection_passes(REJECT_CONTEXT) && !rejection_passes(REJECT_ACCOUNT));
	CHECK(!rejection_passes(REJECT_DEADLINE)); /* it is the request's */
	for (unsigned r = 1; r < REJECTION_N; r++)
		CHECK(*rejection_text(r) != '\0');
}

/* Against the same in 128 bits. */
static void a_cost_is_rounded_up_and_never_wraps(void **state UNUSED)
{
	struct rng rng;

	rng_seed(&rng, 5);
	for (int i = 0; i < 20000; i++) {
		struct route_target t = { .priced = true };
		uint64_t in = rng_u64(&rng) >> rng_below(&rng, 64);
		uint64_t out = rng_u64(&rng) >> rng_below(&rng, 64);
		unsigned __int128 a, b, sum;

		t.price_input = rng_u64(&rng) >> rng_below(&rng, 64);
		t.price_output = rng_u64(&rng) >> rng_below(&rng, 64);
		t.price_request = rng_u64(&rng) >> (1 + rng_below(&rng, 63));
		a = (unsigned __int128)in * t.price_input;
		b = (unsigned __int128)out * t.price_output;
		sum = a / 1000000 + b / 1000000 +
		      (a % 1000000 + b % 1000000 + 999999) / 1000000 + t.price_request;
		CHECK(route_cost(&t, in, out) ==
		      (sum > UINT64_MAX ? UINT64_MAX : (uint64_t)sum));
	}
	CHECK_INT(route_cost(&(struct route_target){ .price_input = USD }, 1000, 0), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_rule_in_the_tables_order_is_told),
		cmocka_unit_test(what_is_unknown_refuses_only_where_a_guess_could_harm),
		cmocka_unit_test(an_estimate_a_tenth_off_neither_refuses_nor_sends_for_sure),
		cmocka_unit_test(a_prompt_far_from_the_context_is_told_apart),
		cmocka_unit_test(the_largest_answer_is_what_is_known_of_it),
		cmocka_unit_test(a_cost_ceiling_refuses_an_answer_without_an_end),
		cmocka_unit_test(free_is_free_of_everything),
		cmocka_unit_test(a_short_rest_is_no_rejection),
		cmocka_unit_test(names_stand_for_a_provider_or_one_of_its_models),
		cmocka_unit_test(a_long_prompt_is_held_against_its_own_price),
		cmocka_unit_test(images_cost_what_each_of_them_does),
		cmocka_unit_test(what_cannot_be_sized_fits),
		cmocka_unit_test(only_what_passes_by_itself_is_said_to_pass),
		cmocka_unit_test(a_cost_is_rounded_up_and_never_wraps),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
