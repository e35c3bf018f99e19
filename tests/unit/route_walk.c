#include "check.h"

#include "base/arena.h"
#include "route/walk.h"

static const struct walk_rules rules = {
	.attempts = 5, .backoff_us = 100, .backoff_max_us = 1000, .retry_after_max_us = 5000
};

struct walking {
	struct test_mem mem;
	struct arena a;
	struct route_walk w;
	struct rng rng;
};

/* A plan of candidates 10, 11, ... */
static struct route_walk *walking(struct walking *x, const struct walk_rules *r, unsigned n,
				  uint64_t first_ready_us)
{
	struct route_choice choice[8];
	struct route_plan p = { .choice = choice, .n = n };

	for (unsigned i = 0; i < n; i++)
		choice[i] = (struct route_choice){ .candidate = (uint16_t)(10 + i),
						   .ready_us = i == 0 ? first_ready_us : 0 };
	test_mem_init(&x->mem, 0);
	arena_init(&x->a, &x->mem.mem, 1024, 1 << 16);
	rng_seed(&x->rng, 3);
	CHECK_RC(walk_begin(&x->w, &p, r, &x->a), OK);
	return &x->w;
}

static void done(struct walking *x)
{
	arena_free(&x->a);
	CHECK_INT(x->mem.live, 0);
}

static unsigned go(struct route_walk *w, uint64_t now)
{
	unsigned candidate = 99;
	uint64_t wait;

	CHECK_INT(walk_next(w, now, 0, &candidate, &wait), WALK_GO);
	return candidate;
}

static void nothing_left(struct route_walk *w, uint64_t now)
{
	unsigned candidate;
	uint64_t wait;

	CHECK_INT(walk_next(w, now, 0, &candidate, &wait), WALK_END);
}

static void the_others_go_before_the_same_one_again(void **state UNUSED)
{
	struct walking x;
	struct route_walk *w = walking(&x, &rules, 2, 0);
	unsigned candidate;
	uint64_t wait = 0;

	CHECK_INT(go(w, 1000), 10);
	walk_failed(w, 10, true, 0, 1000, &x.rng);
	CHECK_INT(go(w, 1000), 11);
	walk_failed(w, 11, true, 0, 1000, &x.rng);
	CHECK_INT(walk_next(w, 1000, 0, &candidate, &wait), WALK_WAIT);
	CHECK(wait >= 50 && wait <= 100); /* half of the backoff is luck */
	CHECK_INT(walk_next(w, 1000 + 100, 0, &candidate, &wait), WALK_GO);
	done(&x);
}

static void backoff_doubles_up_to_its_maximum(void **state UNUSED)
{
	const struct walk_rules many = { .attempts = 50,
					 .backoff_us = 100,
					 .backoff_max_us = 350 };
	const uint64_t most[] = { 100, 200, 350, 350, 350 };
	struct walking x;
	struct route_walk *w = walking(&x, &many, 1, 0);
	uint64_t now = 10, wait = 0;
	unsigned candidate;

	for (size_t i = 0; i < ARRAY_LEN(most); i++) {
		(void)go(w, now);
		walk_failed(w, 10, true, 0, now, &x.rng);
		CHECK_INT(walk_next(w, now, 0, &candidate, &wait), WALK_WAIT);
		CHECK(wait >= most[i] / 2 && wait <= most[i]);
		now += wait;
	}
	done(&x);
}

static void a_retry_after_is_waited_for_when_it_is_short(void **state UNUSED)
{
	struct walking x;
	struct route_walk *w = walking(&x, &rules, 1, 0);
	unsigned candidate;
	uint64_t wait = 0;

	(void)go(w, 1);
	walk_failed(w, 10, true, 4000, 1, &x.rng);
	CHECK_INT(walk_next(w, 1, 0, &candidate, &wait), WALK_WAIT);
	CHECK_INT(wait, 4000);
	CHECK_INT(walk_next(w, 1, 3000, &candidate, &wait), WALK_END); /* no time for it */
	(void)go(w, 4001);
	walk_failed(w, 10, true, 5001, 4001, &x.rng);
	nothing_left(w, 4001); /* too long */
	done(&x);
}

static void attempts_are_counted_over_all(void **state UNUSED)
{
	const struct walk_rules two = { .attempts = 2 };
	struct walking x;
	struct route_walk *w = walking(&x, &two, 3, 0);

	walk_failed(w, go(w, 1), true, 0, 1, &x.rng);
	walk_failed(w, go(w, 1), true, 0, 1, &x.rng);
	nothing_left(w, 1);
	done(&x);
}

static void a_skipped_candidate_costs_no_attempt(void **state UNUSED)
{
	const struct walk_rules one = { .attempts = 1 };
	struct walking x;
	struct route_walk *w = walking(&x, &one, 2, 0);

	CHECK_INT(go(w, 1), 10);
	walk_skip(w, 10);
	CHECK_INT(go(w, 1), 11);
	done(&x);
}

static void one_that_something_else_comes_before_is_next_again(void **state UNUSED)
{
	const struct walk_rules one = { .attempts = 1 };
	struct walking x;
	struct route_walk *w = walking(&x, &one, 2, 0);

	CHECK_INT(go(w, 1), 10);
	walk_unask(w, 10);
	CHECK_INT(go(w, 1), 10);
	done(&x);
}

static void a_resting_one_waits_while_others_are_ready(void **state UNUSED)
{
	struct walking x;
	struct route_walk *w = walking(&x, &rules, 2, 500);
	unsigned candidate;
	uint64_t wait = 0;

	CHECK_INT(go(w, 100), 11);
	walk_failed(w, 11, false, 0, 100, &x.rng);
	CHECK_INT(walk_next(w, 100, 0, &candidate, &wait), WALK_WAIT);
	CHECK_INT(wait, 400);
	CHECK_INT(go(w, 500), 10);
	done(&x);
}

static void one_that_rests_after_all_comes_later_or_not_at_all(void **state UNUSED)
{
	struct walking x;
	struct route_walk *w = walking(&x, &rules, 2, 0);
	unsigned candidate;
	uint64_t wait = 0;

	CHECK_INT(go(w, 1000), 10);
	walk_rests(w, 10, 3000, 1000);
	CHECK_INT(w->tries, 0);
	CHECK_INT(go(w, 1000), 11);
	walk_failed(w, 11, false, 0, 1000, &x.rng);
	CHECK_INT(walk_next(w, 1000, 0, &candidate, &wait), WALK_WAIT);
	CHECK_INT(wait, 2000);
	CHECK_INT(go(w, 3000), 10);
	walk_rests(w, 10, 3000 + rules.retry_after_max_us + 1, 3000);
	nothing_left(w, 3000);
	CHECK_INT(w->tries, 1);
	done(&x);
}

static void without_fallbacks_the_first_is_asked_again_and_nobody_else(void **state UNUSED)
{
	const struct walk_rules stay = {
		.attempts = 5, .stay = true, .backoff_us = 10, .backoff_max_us = 10
	};
	struct walking x;
	struct route_walk *w = walking(&x, &stay, 3, 0);
	unsigned candidate;

	CHECK_INT(go(w, 1), 10);
	CHECK(!walk_hedge(w, 1, &candidate));
	walk_failed(w, 10, true, 0, 1, &x.rng);
	CHECK_INT(go(w, 100), 10);
	walk_failed(w, 10, false, 0, 100, &x.rng);
	nothing_left(w, 1000);
	done(&x);
}

static void a_hedge_goes_to_the_best_that_was_never_tried(void **state UNUSED)
{
	const struct walk_rules two = { .attempts = 2, .backoff_us = 10, .backoff_max_us = 10 };
	struct walking x;
	struct route_walk *w = walking(&x, &two, 4, 0);
	unsigned candidate = 0;

	walk_failed(w, go(w, 1), true, 0, 1, &x.rng);
	CHECK_INT(go(w, 1), 11);
	CHECK(walk_hedge(w, 1000, &candidate));
	CHECK_INT(candidate, 12); /* 10 could be tried again, but not as a hedge */
	walk_failed(w, 12, false, 0, 1000, &x.rng);
	CHECK(walk_hedge(w, 1000, &candidate));
	CHECK_INT(candidate, 13);
	CHECK(!walk_hedge(w, 1000, &candidate));
	/* None of that was counted: two attempts are over, no more. */
	CHECK_INT(w->tries, 2);
	done(&x);
}

static void a_hedge_does_not_go_to_one_that_rests(void **state UNUSED)
{
	struct walking x;
	struct route_walk *w = walking(&x, &rules, 2, 500);
	unsigned candidate;

	CHECK_INT(go(w, 100), 11);
	CHECK(!walk_hedge(w, 100, &candidate));
	CHECK(walk_hedge(w, 500, &candidate));
	CHECK_INT(candidate, 10);
	walk_skip(w, 10);
	CHECK(!walk_hedge(w, 500, &candidate));
	CHECK_INT(w->tries, 1);
	done(&x);
}

static void one_that_is_no_hedge_is_passed_over_and_may_be_asked_later(void **state UNUSED)
{
	struct walking x;
	struct route_walk *w = walking(&x, &rules, 3, 0);
	unsigned candidate;

	CHECK_INT(go(w, 1), 10);
	CHECK(walk_hedge(w, 1, &candidate));
	CHECK_INT(candidate, 11);
	walk_no_hedge(w, 11);
	CHECK(walk_hedge(w, 1, &candidate));
	CHECK_INT(candidate, 12);
	walk_failed(w, 12, false, 0, 1, &x.rng);
	walk_failed(w, 10, false, 0, 1, &x.rng);
	CHECK_INT(w->tries, 1);
	CHECK_INT(go(w, 1), 11);
	done(&x);
}

static void one_that_is_out_is_not_asked_twice(void **state UNUSED)
{
	struct walking x;
	struct route_walk *w = walking(&x, &rules, 2, 0);
	unsigned candidate;

	CHECK_INT(go(w, 1), 10);
	CHECK(walk_hedge(w, 1, &candidate));
	nothing_left(w, 1);
	walk_dropped(w, 11, true); /* at once again */
	CHECK_INT(go(w, 1), 11);
	walk_dropped(w, 11, false);
	nothing_left(w, 1);
	done(&x);
}

static void after_a_stop_there_is_nothing(void **state UNUSED)
{
	struct walking x;
	struct route_walk *w = walking(&x, &rules, 3, 0);

	CHECK_INT(go(w, 1), 10);
	walk_stop(w);
	walk_failed(w, 10, true, 0, 1, &x.rng);
	nothing_left(w, 1000000);
	done(&x);
}

/* Whatever fails: never more attempts than allowed, nobody busy is asked, time moves on. */
static void any_walk_comes_to_an_end(void **state UNUSED)
{
	for (uint64_t seed = 0; seed < 500; seed++) {
		struct walking x;
		const unsigned n = 1 + (unsigned)(seed % 8);
		const struct walk_rules r = { .attempts = 1 + (unsigned)(seed % 11),
					      .backoff_us = 100,
					      .backoff_max_us = 5000,
					      .retry_after_max_us = 5000 };
		struct route_walk *w = walking(&x, &r, n, 0);
		uint64_t now = 1, wait = 0;
		unsigned attempts = 0, candidate = 0;
		enum walk_step step;

		rng_seed(&x.rng, seed);
		while ((step = walk_next(w, now, 0, &candidate, &wait)) != WALK_END) {
			CHECK(++attempts < 1000);
			if (step == WALK_WAIT) {
				CHECK(wait > 0);
				now += wait;
				continue;
			}
			CHECK(candidate >= 10 && candidate < 10 + n);
			walk_failed(w, candidate, rng_chance(&x.rng, 0.7),
				    rng_below(&x.rng, 6000), now, &x.rng);
		}
		CHECK(w->tries <= r.attempts);
		done(&x);
	}
}

static void begin(struct test_mem *mem)
{
	struct route_choice choice[2] = { { .candidate = 0 }, { .candidate = 1 } };
	const struct route_plan p = { .choice = choice, .n = 2 };
	struct route_walk w;
	struct arena a;
	enum rc rc;

	arena_init(&a, &mem->mem, 16, 1 << 16);
	rc = walk_begin(&w, &p, &rules, &a);
	CHECK_RC(rc, mem->failed ? E_NOMEM : OK);
	arena_free(&a);
}

static void no_memory_is_an_answer(void **state UNUSED)
{
	sweep(begin);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_others_go_before_the_same_one_again),
		cmocka_unit_test(backoff_doubles_up_to_its_maximum),
		cmocka_unit_test(a_retry_after_is_waited_for_when_it_is_short),
		cmocka_unit_test(attempts_are_counted_over_all),
		cmocka_unit_test(a_skipped_candidate_costs_no_attempt),
		cmocka_unit_test(one_that_something_else_comes_before_is_next_again),
		cmocka_unit_test(a_resting_one_waits_while_others_are_ready),
		cmocka_unit_test(one_that_rests_after_all_comes_later_or_not_at_all),
		cmocka_unit_test(without_fallbacks_the_first_is_asked_again_and_nobody_else),
		cmocka_unit_test(a_hedge_goes_to_the_best_that_was_never_tried),
		cmocka_unit_test(a_hedge_does_not_go_to_one_that_rests),
		cmocka_unit_test(one_that_is_no_hedge_is_passed_over_and_may_be_asked_later),
		cmocka_unit_test(one_that_is_out_is_not_asked_twice),
		cmocka_unit_test(after_a_stop_there_is_nothing),
		cmocka_unit_test(any_walk_comes_to_an_end),
		cmocka_unit_test(no_memory_is_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
