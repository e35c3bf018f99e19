/* gateway/attempt.c -- an attempt's own matters: its memory, its time, what it says of the
 * health of its deployment, what it used, what is noted of it.
 */
#include "gateway/attempt.h"

#include "chat/ratelimit.h"
#include "gateway/gateway_impl.h"

static uint64_t now_us(const struct attempt *at)
{
	return loop_now_us(at->x->g->loop);
}

static struct metrics_provider *metrics_of(const struct attempt *at)
{
	return at->x->view->providers[at->deployment->provider->index].metrics;
}

static struct health *health_of(const struct attempt *at)
{
	return at->deployment->target.health;
}

uint64_t attempt_input(const struct attempt *at)
{
	return route_input(&at->deployment->target, &at->x->routing.facts);
}

/* ---- from its making to its end -----------------------------------------------------------
 */

struct attempt *attempt_new(struct exchange *x, unsigned candidate, bool hedge)
{
	struct attempt *at = x->spare;

	x->spare = NULL;
	if (at == NULL)
		at = arena_get(x->arena, sizeof(*at));
	if (at != NULL)
		*at = (struct attempt){ .x = x,
					.deployment = x->model->deployments[candidate],
					.candidate = candidate,
					.hedge = hedge,
					.began_us = loop_now_us(x->g->loop) };
	return at;
}

/* Whether it is the one that its breaker tries out.  It was once, and is not any more, when the
 * breaker has closed meanwhile and opened again. */
static bool is_probe(const struct attempt *at)
{
	return at->probe_until_us != 0 &&
	       at->probe_until_us == atomic_load(&health_of(at)->breaker.probe_until_us);
}

/* Only its own: another's may be out, of a breaker that was closed when this one began. */
static void give_probe_back(const struct attempt *at)
{
	if (is_probe(at))
		breaker_forget(&health_of(at)->breaker);
}

/* While a breaker is not closed its probe speaks for the deployment.  That one fails which
 * began before it opened is old news, and the probe is still out. */
static bool may_blame(const struct attempt *at)
{
	return is_probe(at) ||
	       breaker_look(&health_of(at)->breaker, now_us(at)) == BREAKER_CLOSED;
}

bool attempt_admit(struct attempt *at)
{
	struct health *h = health_of(at);
	bool tries = h != NULL && breaker_look(&h->breaker, now_us(at)) == BREAKER_HALF_OPEN;

	if (h != NULL && !breaker_admit(&h->breaker, now_us(at)))
		return false;
	if (tries)
		at->probe_until_us = atomic_load(&h->breaker.probe_until_us);
	if (key_take(at))
		return true;
	give_probe_back(at);
	return false;
}

void attempt_out(struct attempt *at)
{
	struct exchange *x = at->x;

	INVARIANT(x->out_n < ATTEMPTS_OUT_MAX);
	x->out[x->out_n++] = at;
	at->number = ++x->attempts;
	if (health_of(at) != NULL) {
		health_begin(health_of(at), now_us(at));
		atomic_fetch_add_explicit(&health_of(at)->attempts_total, 1,
					  memory_order_relaxed);
		at->counted = true;
	}
}

void attempt_drop(struct attempt *at)
{
	struct exchange *x = at->x;

	for (unsigned i = 0; i < x->out_n; i++)
		if (x->out[i] == at) {
			x->out_n--;
			memmove(&x->out[i], &x->out[i + 1],
				(x->out_n - i) * sizeof(struct attempt *));
		}
	if (at->counted)
		health_end(health_of(at));
	at->counted = false;
	if (at->call != NULL) {
		http_call_cancel(at->call);
		at->call = NULL;
	}
	at->step_us = at->waiting_us = 0;
	frames_free(&at->frames);
	arena_free(&at->scratch);
	buf_free(&at->held);
}

/* ---- time -------------------------------------------------------------------------------- */

/* A wait that is worth telling is at least so long. */
#define WAITING_MIN_US 100000

void attempt_await(struct attempt *at, uint64_t us)
{
	const struct health *h = health_of(at);
	uint64_t long_us = h == NULL ? 0 : 2 * health_ttft_us(h, now_us(at));

	if (h != NULL)
		at->waiting_us = at->began_us +
				 (long_us > WAITING_MIN_US ? long_us : WAITING_MIN_US);
	attempt_expect(at, us);
}

void attempt_expect(struct attempt *at, uint64_t us)
{
	at->step_us = us == 0 ? 0 : now_us(at) + us;
	exchange_arm(at->x);
}

void attempt_waiting(struct attempt *at)
{
	uint64_t now = now_us(at), waited = now - at->began_us;

	health_waiting(health_of(at), waited, now);
	at->waiting_us = at->began_us + 2 * waited;
}

/* ---- what is written down -----------------------------------------------------------------
 */

void attempt_note(struct attempt *at, enum fault_kind fault)
{
	struct exchange *x = at->x;
	uint64_t request_us = request_began_us(x->rq);

	INVARIANT(at->number > 0);
	x->notes[size_min(at->number, ATTEMPTS_RECORDED) - 1] = (struct attempt_note){
		.deployment = at->deployment,
		.key = at->key,
		.fault = fault,
		.hedge = at->hedge,
		.status = at->status,
		.began_us = at->began_us > request_us ? at->began_us - request_us : 0,
		.ttft_us = at->ttft_us,
		.took_us = now_us(at) - at->began_us,
		.usage = at->usage,
	};
	count_add(&metrics_of(at)->attempts[fault], 1);
}

void attempt_settle(struct attempt *at)
{
	if (!at->usage.known)
		usage_estimate(&at->usage, at->x->prompt_bytes, at->text_bytes);
	metrics_usage(metrics_of(at), &at->usage);
}

/* ---- health ------------------------------------------------------------------------------ */

static void moved(const struct attempt *at, const char *event)
{
	log_event(at->x->g->log, LOG_WARN, event, F_STR("deployment", at->deployment->name));
}

/* What holds for every model of a provider. */
static bool is_provider_wide(enum fault_kind kind)
{
	return kind == FAULT_CONNECT || kind == FAULT_TLS || kind == FAULT_AUTH ||
	       kind == FAULT_QUOTA;
}

/* It was given up without content: that long it is known to have taken.  One that had no more
 * than the usual time says nothing. */
static void given_up(struct attempt *at)
{
	struct health *h = health_of(at);
	uint64_t waited = now_us(at) - at->began_us;

	if (at->ttft_us == 0 && waited > health_ttft_us(h, now_us(at)))
		health_given_up(h, waited, attempt_input(at));
}

/* The client has less time than the provider is given: that says nothing of the provider, or a
 * few requests in a hurry would close it to all. */
static bool is_hurried(const struct attempt *at, const struct fault *f)
{
	const struct exchange *x = at->x;

	return f->kind == FAULT_TIMEOUT && x->hurried && now_us(at) >= x->deadline_us;
}

bool attempt_judge(struct attempt *at, const struct fault *f)
{
	const struct deployment *d = at->deployment;
	const struct breaker_rules *rules = &at->x->view->snapshot->breaker;
	uint64_t rest = f->retry_after_us < rules->rest_max_us ? f->retry_after_us
							       : rules->rest_max_us;
	bool of_key = key_blame(at, f);
	/* Names that are not listed share their provider's state: one broken model, or its
	 * rate limit, must not close the way to the others.  And while the client stops us
	 * from reading the provider, nothing speaks against it. */
	bool counts = fault_row(f->kind)->health && !at->paused && !of_key &&
		      !is_hurried(at, f) &&
		      (d->index != DEPLOYMENT_UNLISTED || is_provider_wide(f->kind));
	struct health *h = health_of(at);

	if (h == NULL)
		return of_key && key_left(at->x, d->provider);
	if (f->kind == FAULT_TIMEOUT)
		given_up(at);
	if (counts)
		atomic_fetch_add_explicit(&h->failures_total, 1, memory_order_relaxed);
	if (!counts) {
		give_probe_back(at);
	} else if (f->kind == FAULT_RATE && rest > 0) {
		give_probe_back(at);
		breaker_rest(&h->breaker, now_us(at), rest);
	} else if (may_blame(at) && breaker_failure(&h->breaker, rules, now_us(at))) {
		moved(at, "breaker.open");
	}
	return of_key && key_left(at->x, d->provider);
}

void attempt_no_verdict(struct attempt *at)
{
	key_forget(at);
	if (health_of(at) == NULL)
		return;
	give_probe_back(at);
	given_up(at);
}

void attempt_first_content(struct attempt *at)
{
	struct health *h = health_of(at);
	uint64_t now = loop_clock_us(at->x->g->loop);

	at->ttft_us = now - at->began_us;
	at->waiting_us = 0;
	metrics_time(&metrics_of(at)->ttft, at->ttft_us);
	key_proved(at);
	if (h == NULL)
		return;
	/* A count comes at once and says nothing of how long content takes. */
	if (at->x->ask.op != OP_COUNT_TOKENS)
		health_first_content(h, at->ttft_us, attempt_input(at), now);
	if (breaker_success(&h->breaker, &at->x->view->snapshot->breaker, now)) {
		health_recovered(h, now);
		moved(at, "breaker.closed");
	}
}

void attempt_succeeded(struct attempt *at)
{
	struct health *h = health_of(at);
	uint64_t took = loop_clock_us(at->x->g->loop) - at->began_us;
	const struct usage *u = &at->usage;

	if (h == NULL)
		return;
	/* Of a plain answer it is not known when it began; and a client that reads slowly says
	 * nothing about the provider. */
	if (at->is_stream && !at->was_paused && took > at->ttft_us)
		health_output(h, usage_completion(u), took - at->ttft_us);
}

void attempt_lost(struct attempt *at)
{
	attempt_no_verdict(at);
	attempt_settle(at);
	attempt_note(at, FAULT_LOST);
	attempt_drop(at);
}

/* ---- rate limits ------------------------------------------------------------------------- */

/* Without a word on when it is whole again. */
#define RESET_USUAL_US 60000000

/* What is left of the scarcest, 0 .. 1000, and until when; and how long nothing can be had. */
static unsigned scarcest(const struct rate_limits *l, uint64_t *reset_us, uint64_t *rest_us)
{
	const struct rate_limit *const all[] = { &l->requests, &l->tokens, &l->input_tokens,
						 &l->output_tokens };
	unsigned least = 1000;

	*rest_us = 0;
	*reset_us = RESET_USUAL_US;
	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		const struct rate_limit *one = all[i];
		uint64_t left;

		if (!one->has_remaining || (one->remaining > 0 && !one->has_limit))
			continue;
		left = one->remaining >= one->limit
			       ? (one->remaining > 0 ? 1000 : 0)
			       : (uint64_t)((double)one->remaining * 1000 / (double)one->limit);
		if (left < least) {
			least = (unsigned)left;
			*reset_us = one->has_reset ? one->reset_us : RESET_USUAL_US;
		}
		if (one->remaining == 0 && one->has_reset && one->reset_us > *rest_us)
			*rest_us = one->reset_us;
	}
	return least;
}

void attempt_limits(struct attempt *at, const struct http_head *head)
{
	const uint64_t most = at->x->view->snapshot->breaker.rest_max_us;
	struct health *h = health_of(at);
	const uint64_t wall = loop_wall_us(at->x->g->loop);
	struct rate_limits l = { .known = false };
	uint64_t reset_us, rest_us;
	unsigned left;

	for (size_t i = 0; i < head->header_n; i++)
		rate_limits_read(&l, head->headers[i].name, head->headers[i].value, wall);
	if (!l.known)
		return;
	if (at->status == 429 && at->retry_after_us == 0 &&
	    !rate_limits_wait(&l, &at->retry_after_us))
		at->retry_after_us = 0;
	left = scarcest(&l, &reset_us, &rest_us);
	if (rest_us > most)
		rest_us = most;
	/* Of several keys each has limits of its own; a provider's, of models that no model of
	 * the config names, are of many. */
	if (key_is_one_of_many(at)) {
		key_rest(at, rest_us);
	} else if (h != NULL && at->deployment->index != DEPLOYMENT_UNLISTED) {
		health_limits(h, left, reset_us, now_us(at));
		if (rest_us > 0)
			breaker_rest(&h->breaker, now_us(at), rest_us);
	}
}
