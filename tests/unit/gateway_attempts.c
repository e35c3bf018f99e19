/* Attempts beyond the one that each request has: hedges, retries, other keys. */
#include "gateway_stage.h"

#define LEARNED 40

/* What is known of "p/x": its answers begin after 100 ms. */
static void learn(struct stage *s, unsigned provider)
{
	struct health *h = s->of[provider].deployment->target.health;

	for (unsigned i = 0; i < LEARNED; i++)
		health_first_content(h, 100 * MS_US, 10, loop_now_us(s->w.l));
}

static void begin_hedged(struct stage *s)
{
	stage_begin(s);
	s->model->hedge = (struct hedge_rules){ .on = true,
						.percentile = 900,
						.min_us = 50 * MS_US,
						.count = { .cap = 10 },
						.cost = { .cap = 1000 } };
	learn(s, 0);
}

static uint64_t hedges(const struct stage *s, enum hedge_end end)
{
	return atomic_load(&atomic_load(&s->metrics.first)->hedges[end]);
}

static void stream_all(struct peer *p)
{
	begin_stream(p);
	event(p, content);
	event(p, finish);
	event(p, "[DONE]");
	say(p, "0\r\n\r\n");
}

static bool asked(const struct stage *s, unsigned provider)
{
	return s->of[provider].served_n > 0;
}

/* ---- hedges ------------------------------------------------------------------------------ */

static void a_slow_attempt_is_hedged_and_who_has_content_first_wins(void **state UNUSED)
{
	struct peer *p, *q;
	struct stage s;
	uint64_t began;

	begin_hedged(&s);
	began = loop_now_us(s.w.l);
	ask_for(&s, "all", true);
	p = served(&s, 0, 0);
	q = served(&s, 1, 0);
	CHECK(loop_now_us(s.w.l) - began >= 100 * MS_US);
	CHECK(loop_now_us(s.w.l) - began < 200 * MS_US);
	begin_stream(p); /* a head is no content */
	stream_all(q);
	peer_await(&s.client, "\r\n0\r\n\r\n");
	CHECK_GOT(&s.client, "hello");
	peer_await_end(p);
	check_logged(&s, "attempts=p/x:hedge_lost/200,+q/x:ok");
	check_logged(&s, "provider=q");
	check_logged(&s, "tries=2");
	CHECK_INT(hedges(&s, HEDGE_WON), 1);
	stage_end(&s);
}

static void a_hedge_that_comes_second_is_cancelled(void **state UNUSED)
{
	struct peer *p, *q;
	struct stage s;

	begin_hedged(&s);
	ask_for(&s, "all", true);
	p = served(&s, 0, 0);
	q = served(&s, 1, 0);
	stream_all(p);
	peer_await(&s.client, "\r\n0\r\n\r\n");
	peer_await_end(q);
	check_logged(&s, "attempts=p/x:ok,+q/x:hedge_lost");
	check_logged(&s, "provider=p");
	CHECK_INT(hedges(&s, HEDGE_LOST), 1);
	CHECK(!asked(&s, 2));
	stage_end(&s);
}

static void a_whole_plain_answer_is_content(void **state UNUSED)
{
	struct peer *p, *q;
	struct stage s;

	begin_hedged(&s);
	ask_for(&s, "all", false);
	p = served(&s, 0, 0);
	q = served(&s, 1, 0);
	say(p, "HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{\"choices\":[");
	answer(q, "200 OK", "", plain);
	peer_await(&s.client, "hello");
	peer_await_end(p);
	check_logged(&s, "attempts=p/x:hedge_lost/200,+q/x:ok");
	stage_end(&s);
}

/* What a cancelled attempt has used is not known: its prompt, and what was seen of its answer.
 * The record is of the other. */
static void the_loser_is_accounted_and_the_record_is_the_winners(void **state UNUSED)
{
	const struct metrics_provider *m;
	struct stage s;
	struct peer *q;

	begin_hedged(&s);
	ask_for(&s, "all", false);
	(void)served(&s, 0, 0);
	q = served(&s, 1, 0);
	answer(q, "200 OK", "",
	       "{\"choices\":[{\"message\":{\"content\":\"x\"}}],\"usage\":"
	       "{\"prompt_tokens\":77,\"completion_tokens\":5}}");
	peer_await(&s.client, "\"x\"");
	check_logged(&s, "input=77");
	check_logged(&s, "usage=reported");
	m = atomic_load(&s.metrics.first)->provider[0];
	CHECK(slice_eq(slice_cstr(m->name), LIT("p")));
	CHECK_INT(atomic_load(&m->estimated), 1);
	CHECK(atomic_load(&m->tokens[0]) > 0 && atomic_load(&m->tokens[0]) < 77);
	CHECK_INT(atomic_load(&m->attempts[FAULT_LOST]), 1);
	stage_end(&s);
}

static void a_failure_while_the_hedge_is_out_is_no_end(void **state UNUSED)
{
	struct peer *p, *q;
	struct stage s;

	begin_hedged(&s);
	ask_for(&s, "all", true);
	p = served(&s, 0, 0);
	q = served(&s, 1, 0);
	answer(p, "500 No", "", "{}");
	pass(&s.w, SECOND_US);
	CHECK_INT(s.client.n, 0);
	CHECK(!asked(&s, 2));
	stream_all(q);
	peer_await(&s.client, "\r\n0\r\n\r\n");
	check_logged(&s, "attempts=p/x:server_error/500,+q/x:ok");
	CHECK_INT(hedges(&s, HEDGE_WON), 1);
	stage_end(&s);
}

static void a_hedge_that_fails_leaves_the_first_to_go_on(void **state UNUSED)
{
	struct peer *p;
	struct stage s;

	begin_hedged(&s);
	ask_for(&s, "all", true);
	p = served(&s, 0, 0);
	answer(served(&s, 1, 0), "500 No", "", "{}");
	pass(&s.w, SECOND_US);
	CHECK(!asked(&s, 2)); /* one hedge and no more */
	stream_all(p);
	peer_await(&s.client, "\r\n0\r\n\r\n");
	check_logged(&s, "attempts=p/x:ok,+q/x:server_error/500");
	CHECK_INT(hedges(&s, HEDGE_FAILED), 1);
	stage_end(&s);
}

static void when_both_fail_the_walk_goes_on(void **state UNUSED)
{
	struct peer *p, *q;
	struct stage s;

	begin_hedged(&s);
	s.model->retries.attempts = 2;
	ask_for(&s, "all", true);
	p = served(&s, 0, 0);
	q = served(&s, 1, 0);
	answer(q, "500 No", "", "{}");
	answer(p, "500 No", "", "{}");
	stream_all(served(&s, 2, 0));
	peer_await(&s.client, "\r\n0\r\n\r\n");
	check_logged(&s, "attempts=p/x:server_error/500,+q/x:server_error/500,r/x:ok");
	stage_end(&s);
}

static void when_both_fail_and_nothing_is_left_it_is_told_once(void **state UNUSED)
{
	struct peer *p, *q;
	struct stage s;

	begin_hedged(&s);
	ask_for(&s, "all", true);
	p = served(&s, 0, 0);
	q = served(&s, 1, 0);
	answer(p, "500 No", "", "{}");
	pass(&s.w, 10 * MS_US);
	answer(q, "503 No", "", "{}");
	peer_await(&s.client, "\"code\":\"upstream_overloaded\"");
	CHECK_GOT(&s.client, "q/x failed");
	CHECK_GOT(&s.client, "2 attempts");
	stage_end(&s);
}

/* The other may see it otherwise; but when it fails, nobody else is asked. */
static void a_refusal_is_told_when_the_other_fails_too(void **state UNUSED)
{
	struct peer *p, *q;
	struct stage s;

	begin_hedged(&s);
	s.model->retries.attempts = 3;
	ask_for(&s, "all", true);
	p = served(&s, 0, 0);
	q = served(&s, 1, 0);
	answer(p, "422 Bad", "", "{\"detail\":\"no\"}");
	pass(&s.w, 10 * MS_US);
	CHECK_INT(s.client.n, 0);
	answer(q, "500 No", "", "{}");
	peer_await(&s.client, "{\"detail\":\"no\"}");
	CHECK_GOT(&s.client, "HTTP/1.1 422 ");
	CHECK(!asked(&s, 2));
	stage_end(&s);
}

static void a_client_that_leaves_cancels_both(void **state UNUSED)
{
	struct peer *p, *q;
	struct stage s;

	begin_hedged(&s);
	ask_for(&s, "all", true);
	p = served(&s, 0, 0);
	q = served(&s, 1, 0);
	peer_close(&s.client, CONN_ABORT);
	peer_await_end(p);
	peer_await_end(q);
	check_logged(&s, "end=client_gone");
	check_logged(&s, "attempts=p/x:client_gone,+q/x:client_gone");
	CHECK_INT(hedges(&s, HEDGE_GONE), 1);
	stage_end(&s);
}

static void both_are_late_for_themselves(void **state UNUSED)
{
	struct stage s;
	struct peer *p;

	begin_hedged(&s);
	s.model->timeouts.first_content_us = SECOND_US;
	ask_for(&s, "all", true);
	p = served(&s, 0, 0);
	(void)served(&s, 1, 0);
	peer_await_end(p);
	CHECK_INT(s.client.n, 0); /* the hedge began later */
	peer_await(&s.client, "\"code\":\"upstream_timeout\"");
	check_logged(&s, "attempts=p/x:timeout,+q/x:timeout");
	stage_end(&s);
}

static void the_time_for_all_ends_both(void **state UNUSED)
{
	struct stage s;

	begin_hedged(&s);
	s.model->timeouts.total_us = SECOND_US;
	s.model->retries.attempts = 3;
	ask_for(&s, "all", true);
	(void)served(&s, 0, 0);
	(void)served(&s, 1, 0);
	peer_await(&s.client, "\"code\":\"upstream_timeout\"");
	check_logged(&s, "attempts=p/x:timeout,+q/x:timeout");
	CHECK(!asked(&s, 2));
	stage_end(&s);
}

static void nothing_is_hedged_after_the_first_content(void **state UNUSED)
{
	struct stage s;
	struct peer *p;

	begin_hedged(&s);
	ask_for(&s, "all", true);
	p = served(&s, 0, 0);
	begin_stream(p);
	event(p, content);
	peer_await(&s.client, "hello");
	pass(&s.w, SECOND_US);
	CHECK(!asked(&s, 1));
	stage_end(&s);
}

static void of_what_little_is_known_is_not_hedged(void **state UNUSED)
{
	struct stage s;

	begin_hedged(&s);
	memset(s.of[0].deployment->target.health->size, 0,
	       sizeof(s.of[0].deployment->target.health->size));
	ask_for(&s, "all", true);
	(void)served(&s, 0, 0);
	pass(&s.w, SECOND_US);
	CHECK(!asked(&s, 1));
	stage_end(&s);
}

static void hedges_have_a_budget(void **state UNUSED)
{
	struct route_shared shared = { .refs = 1 };
	struct stage s;
	struct peer *p;

	begin_hedged(&s);
	s.model->shared = &shared;
	s.model->hedge.count = (struct budget_rules){ .cap = 1 };
	for (unsigned i = 0; i < 2; i++) {
		ask_for(&s, "all", false);
		p = served(&s, 0, 0);
		pass(&s.w, SECOND_US);
		answer(p, "200 OK", "", plain);
		peer_await(&s.client, "hello");
		learn(&s, 0);
	}
	CHECK_INT(s.of[1].served_n, 1);
	CHECK_INT(hedges(&s, HEDGE_LOST), 1);
	s.model->shared = NULL;
	stage_end(&s);
}

/* It was neither a success nor a failure: a probe that loses leaves the probe to the next. */
static void a_loser_is_no_verdict(void **state UNUSED)
{
	struct breaker *b;
	struct peer *p, *q;
	struct stage s;

	begin_hedged(&s);
	b = &s.of[0].deployment->target.health->breaker;
	atomic_store(&b->open_until_us, 1); /* half open: the first attempt is the probe */
	ask_for(&s, "all", true);
	p = served(&s, 0, 0);
	q = served(&s, 1, 0);
	stream_all(q);
	peer_await(&s.client, "\r\n0\r\n\r\n");
	peer_await_end(p);
	CHECK_INT(breaker_look(b, loop_now_us(s.w.l)), BREAKER_HALF_OPEN);
	CHECK_INT(atomic_load(&b->probe_until_us), 0);
	stage_end(&s);
}

/* An attempt that began before its breaker opened has no probe to give back. */
static void an_attempt_gives_back_no_probe_but_its_own(void **state UNUSED)
{
	struct breaker *b;
	struct stage s;

	begin_hedged(&s);
	b = &s.of[0].deployment->target.health->breaker;
	ask_for(&s, "all", true);
	(void)served(&s, 0, 0);
	atomic_store(&b->open_until_us, 1);
	CHECK(breaker_admit(b, loop_now_us(s.w.l))); /* somebody else's */
	peer_close(&s.client, CONN_ABORT);
	pass(&s.w, SECOND_US);
	check_logged(&s, "client_gone");
	CHECK(atomic_load(&b->probe_until_us) != 0);
	stage_end(&s);
}

/* ... nor does its failure open the breaker again: the probe is still out, and another would go
 * beside it. */
static void while_a_probe_is_out_it_alone_speaks(void **state UNUSED)
{
	struct breaker *b;
	struct peer *p, *q;
	uint64_t until;
	struct stage s;

	begin_hedged(&s);
	b = &s.of[0].deployment->target.health->breaker;
	ask_for(&s, "all", true);
	p = served(&s, 0, 0);
	q = served(&s, 1, 0);
	atomic_store(&b->open_until_us, 1);
	CHECK(breaker_admit(b, loop_now_us(s.w.l))); /* somebody else's */
	until = atomic_load(&b->probe_until_us);
	answer(p, "500 Oops", "", "{}");
	stream_all(q);
	peer_await(&s.client, "\r\n0\r\n\r\n");
	CHECK_INT(breaker_look(b, loop_now_us(s.w.l)), BREAKER_HALF_OPEN);
	CHECK_INT(atomic_load(&b->probe_until_us), until);
	stage_end(&s);
}

static void nobody_is_hedged_with_one_that_is_being_tried_out(void **state UNUSED)
{
	struct stage s;

	begin_hedged(&s);
	atomic_store(&s.of[1].deployment->target.health->breaker.open_until_us, 1);
	ask_for(&s, "all", true);
	(void)served(&s, 0, 0);
	pass(&s.w, SECOND_US);
	CHECK(!asked(&s, 1));
	stage_end(&s);
}

/* ---- retries ----------------------------------------------------------------------------- */

static void further_attempts_are_paid_from_the_budget(void **state UNUSED)
{
	struct route_shared shared = { .refs = 1 };
	struct stage s;

	stage_begin(&s);
	s.model->retries.attempts = 3;
	s.model->shared = &shared;
	s.model->retry_budget = (struct budget_rules){ .cap = 1 };
	ask_for(&s, "all", false);
	answer(served(&s, 0, 0), "500 No", "", "{}");
	answer(served(&s, 1, 0), "500 No", "", "{}");
	peer_await(&s.client, "\"code\":\"upstream_error\"");
	CHECK(!asked(&s, 2));
	CHECK_INT(atomic_load(&atomic_load(&s.metrics.first)->sums[SUM_RETRIES_REFUSED]), 1);
	s.model->shared = NULL;
	stage_end(&s);
}

/* ---- keys -------------------------------------------------------------------------------- */

static struct kept_breaker *add_key(struct stage *s, const char *name, const char *secret,
				    unsigned weight)
{
	struct snapshot *n = s->snapshot;
	struct provider *p = s->of[0].provider;
	struct kept_breaker *b = mem_zero(n->arena.mem, sizeof(*b));

	CHECK(b != NULL);
	atomic_init(&b->refs, 1);
	if (p->keys == NULL)
		p->keys = ARENA_ARRAY(&n->arena, struct provider_key, 3);
	p->keys[p->key_n++] =
		(struct provider_key){ .name = slice_cstr(name),
				       .key = secret_make(&n->arena, slice_cstr(secret)),
				       .breaker = &b->breaker,
				       .weight = weight };
	p->auth_name = LIT("Authorization");
	p->auth_prefix = LIT("Bearer ");
	/* The view has its credits by the number of keys. */
	gateway_swap(s->gateway, n);
	return b;
}

/* Asks and answers; which key was sent. */
static const char *key_of_turn(struct stage *s, size_t i, const char *status,
			       const char *headers, const char *body)
{
	struct stage_provider *sp = &s->of[0];
	const char *key = "none";

	while (sp->served_n <= i)
		tick(&s->w);
	peer_await(&sp->served[i], "\r\n\r\n{");
	if (strstr(sp->served[i].got, "Bearer one\r\n") != NULL)
		key = "one";
	if (strstr(sp->served[i].got, "Bearer two\r\n") != NULL)
		key = "two";
	peer_forget(&sp->served[i]);
	answer(&sp->served[i], status, headers, body);
	return key;
}

static void keys_take_turns_by_their_weights(void **state UNUSED)
{
	unsigned one = 0;
	struct stage s;

	stage_begin(&s);
	(void)add_key(&s, "a", "one", 2);
	(void)add_key(&s, "b", "two", 1);
	for (unsigned i = 0; i < 6; i++) {
		ask(&s, false);
		one += strcmp(key_of_turn(&s, 0, "200 OK", "", plain), "one") == 0;
		peer_await(&s.client, "hello");
	}
	CHECK_INT(one, 4);
	check_logged(&s, "attempts=p/x[a]:ok");
	check_logged(&s, "attempts=p/x[b]:ok");
	check_not_logged(&s, "two");
	stage_end(&s);
}

static void a_bad_key_is_benched_and_another_is_used_at_once(void **state UNUSED)
{
	struct kept_breaker *bad;
	unsigned again = 0;
	struct stage s;

	stage_begin(&s);
	s.snapshot->breaker.failures = 5; /* of a key one is enough */
	s.snapshot->retries.attempts = 2;
	bad = add_key(&s, "a", "one", 1);
	(void)add_key(&s, "b", "two", 1);
	ask(&s, false);
	CHECK(strcmp(key_of_turn(&s, 0, "401 No", "", "{}"), "one") == 0);
	CHECK(strcmp(key_of_turn(&s, 0, "200 OK", "", plain), "two") == 0);
	peer_await(&s.client, "hello");
	check_logged(&s, "event=key.benched");
	check_logged(&s, "attempts=p/x[a]:auth/401,p/x[b]:ok");
	check_not_logged(&s, "breaker.open");
	CHECK_INT(breaker_look(&bad->breaker, loop_now_us(s.w.l)), BREAKER_OPEN);
	for (unsigned i = 0; i < 3; i++) {
		ask(&s, false);
		CHECK(strcmp(key_of_turn(&s, 0, "200 OK", "", plain), "two") == 0);
		peer_await(&s.client, "hello");
	}
	/* After a while one request tries it again. */
	pass(&s.w, SECOND_US);
	for (unsigned i = 0; i < 2; i++) {
		ask(&s, false);
		again += strcmp(key_of_turn(&s, 0, "200 OK", "", plain), "one") == 0;
		peer_await(&s.client, "hello");
	}
	CHECK_INT(again, 1);
	check_logged(&s, "event=key.back");
	stage_end(&s);
}

static void a_key_whose_rate_is_used_up_rests(void **state UNUSED)
{
	struct kept_breaker *b;
	struct stage s;

	stage_begin(&s);
	s.snapshot->retries.attempts = 2;
	b = add_key(&s, "a", "one", 1);
	(void)add_key(&s, "b", "two", 1);
	ask(&s, false);
	CHECK(strcmp(key_of_turn(&s, 0, "429 Slow", "Retry-After: 3\r\n", "{}"), "one") == 0);
	CHECK(strcmp(key_of_turn(&s, 0, "200 OK", "", plain), "two") == 0);
	peer_await(&s.client, "hello");
	CHECK(breaker_rests_until(&b->breaker, loop_now_us(s.w.l)) > 0);
	CHECK_INT(breaker_rests_until(&s.of[0].deployment->target.health->breaker,
				      loop_now_us(s.w.l)),
		  0);
	stage_end(&s);
}

static void without_a_usable_key_the_provider_is_not_asked(void **state UNUSED)
{
	struct stage s;

	stage_begin(&s);
	s.snapshot->retries.attempts = s.model->retries.attempts = 3;
	(void)add_key(&s, "a", "one", 1);
	(void)add_key(&s, "b", "two", 1);
	ask(&s, false);
	(void)key_of_turn(&s, 0, "401 No", "", "{}");
	(void)key_of_turn(&s, 0, "402 No", "", "{}");
	peer_await(&s.client, "\"code\":\"insufficient_quota\"");
	ask(&s, false);
	peer_await(&s.client, "no_provider_available");
	CHECK_GOT(&s.client, "Retry-After: 1\r\n");
	ask_for(&s, "all", false);
	answer(served(&s, 1, 0), "200 OK", "", plain);
	peer_await(&s.client, "hello");
	stage_end(&s);
}

static void what_is_the_clients_fault_benches_no_key(void **state UNUSED)
{
	struct kept_breaker *b;
	struct stage s;

	stage_begin(&s);
	b = add_key(&s, "a", "one", 1);
	(void)add_key(&s, "b", "two", 1);
	ask(&s, false);
	CHECK(strcmp(key_of_turn(&s, 0, "400 Bad", "", "{\"error\":{}}"), "one") == 0);
	peer_await(&s.client, "HTTP/1.1 400 ");
	CHECK_INT(breaker_look(&b->breaker, loop_now_us(s.w.l)), BREAKER_CLOSED);
	stage_end(&s);
}

/* ---- what is learned --------------------------------------------------------------------- */

static void rate_limits_in_any_answer_are_heeded(void **state UNUSED)
{
	struct health *h;
	struct stage s;

	stage_begin(&s);
	h = s.of[0].deployment->target.health;
	ask(&s, false);
	answer(provider(&s, 0), "200 OK",
	       "x-ratelimit-limit-requests: 100\r\nx-ratelimit-remaining-requests: 25\r\n"
	       "x-ratelimit-reset-requests: 20s\r\n",
	       plain);
	peer_await(&s.client, "hello");
	CHECK(health_headroom(h, loop_now_us(s.w.l)) >= 240);
	CHECK(health_headroom(h, loop_now_us(s.w.l)) <= 260);
	CHECK_INT(breaker_rests_until(&h->breaker, loop_now_us(s.w.l)), 0);
	ask(&s, false);
	answer(provider(&s, 0), "200 OK",
	       "x-ratelimit-limit-requests: 100\r\nx-ratelimit-remaining-requests: 0\r\n"
	       "x-ratelimit-reset-requests: 4s\r\n",
	       plain);
	peer_await(&s.client, "hello");
	CHECK(breaker_rests_until(&h->breaker, loop_now_us(s.w.l)) > loop_now_us(s.w.l));
	ask(&s, false);
	peer_await(&s.client, "\"code\":\"upstream_rate_limited\"");
	stage_end(&s);
}

static void whoever_waits_is_told_before_it_has_an_answer(void **state UNUSED)
{
	struct health *h;
	struct stage s;

	stage_begin(&s);
	h = s.of[0].deployment->target.health;
	learn(&s, 0);
	ask(&s, false);
	(void)provider(&s, 0);
	CHECK(health_ttft_us(h, loop_now_us(s.w.l)) < 150 * MS_US);
	pass(&s.w, 4 * SECOND_US);
	CHECK(health_ttft_us(h, loop_now_us(s.w.l)) > 200 * MS_US);
	stage_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_slow_attempt_is_hedged_and_who_has_content_first_wins),
		cmocka_unit_test(a_hedge_that_comes_second_is_cancelled),
		cmocka_unit_test(a_whole_plain_answer_is_content),
		cmocka_unit_test(the_loser_is_accounted_and_the_record_is_the_winners),
		cmocka_unit_test(a_failure_while_the_hedge_is_out_is_no_end),
		cmocka_unit_test(a_hedge_that_fails_leaves_the_first_to_go_on),
		cmocka_unit_test(when_both_fail_the_walk_goes_on),
		cmocka_unit_test(when_both_fail_and_nothing_is_left_it_is_told_once),
		cmocka_unit_test(a_refusal_is_told_when_the_other_fails_too),
		cmocka_unit_test(a_client_that_leaves_cancels_both),
		cmocka_unit_test(both_are_late_for_themselves),
		cmocka_unit_test(the_time_for_all_ends_both),
		cmocka_unit_test(nothing_is_hedged_after_the_first_content),
		cmocka_unit_test(of_what_little_is_known_is_not_hedged),
		cmocka_unit_test(hedges_have_a_budget),
		cmocka_unit_test(a_loser_is_no_verdict),
		cmocka_unit_test(an_attempt_gives_back_no_probe_but_its_own),
		cmocka_unit_test(while_a_probe_is_out_it_alone_speaks),
		cmocka_unit_test(nobody_is_hedged_with_one_that_is_being_tried_out),
		cmocka_unit_test(further_attempts_are_paid_from_the_budget),
		cmocka_unit_test(keys_take_turns_by_their_weights),
		cmocka_unit_test(a_bad_key_is_benched_and_another_is_used_at_once),
		cmocka_unit_test(a_key_whose_rate_is_used_up_rests),
		cmocka_unit_test(without_a_usable_key_the_provider_is_not_asked),
		cmocka_unit_test(what_is_the_clients_fault_benches_no_key),
		cmocka_unit_test(rate_limits_in_any_answer_are_heeded),
		cmocka_unit_test(whoever_waits_is_told_before_it_has_an_answer),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
