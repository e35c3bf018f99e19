/* gateway/attempt.c -- an attempt's own matters: its memory, its time, what it says of the
 * health of its deployment, what it used, what is noted of it.
 */
#include "gateway/attempt.h"

#include "gateway/gateway_impl.h"

static uint64_t now_us(const struct attempt *at)
{
	return loop_now_us(at->x->g->loop);
}

static struct metrics_provider *metrics_of(const struct attempt *at)
{
	return at->x->view->providers[at->deployment->provider->index].metrics;
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

void attempt_out(struct attempt *at)
{
	struct exchange *x = at->x;

	INVARIANT(x->out_n < ATTEMPTS_OUT_MAX);
	x->out[x->out_n++] = at;
	at->number = ++x->attempts;
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
	if (at->call != NULL) {
		http_call_cancel(at->call);
		at->call = NULL;
	}
	at->step_us = 0;
	frames_free(&at->frames);
	arena_free(&at->scratch);
	buf_free(&at->held);
}

void attempt_expect(struct attempt *at, uint64_t us)
{
	at->step_us = us == 0 ? 0 : now_us(at) + us;
	exchange_arm(at->x);
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

void attempt_judge(struct attempt *at, const struct fault *f)
{
	const struct deployment *d = at->deployment;
	const struct breaker_rules *rules = &at->x->view->snapshot->breaker;
	uint64_t rest = f->retry_after_us < rules->open_max_us ? f->retry_after_us
							       : rules->open_max_us;
	/* Names that are not listed share their provider's state: one broken model, or its
	 * rate limit, must not close the way to the others.  And while the client stops us
	 * from reading the provider, nothing speaks against it. */
	bool counts = fault_row(f->kind)->health && !at->paused &&
		      (d->index != DEPLOYMENT_UNLISTED || is_provider_wide(f->kind));

	if (d->target.health == NULL)
		return;
	if (!counts) {
		breaker_forget(&d->target.health->breaker);
	} else if (f->kind == FAULT_RATE && rest > 0) {
		breaker_forget(&d->target.health->breaker);
		breaker_rest(&d->target.health->breaker, now_us(at), rest);
	} else if (breaker_failure(&d->target.health->breaker, rules, now_us(at))) {
		moved(at, "breaker.open");
	}
}

void attempt_no_verdict(struct attempt *at)
{
	if (at->deployment->target.health != NULL)
		breaker_forget(&at->deployment->target.health->breaker);
}

void attempt_first_content(struct attempt *at)
{
	struct health *h = at->deployment->target.health;

	at->ttft_us = loop_clock_us(at->x->g->loop) - at->began_us;
	metrics_time(&metrics_of(at)->ttft, at->ttft_us);
	if (h != NULL &&
	    breaker_success(&h->breaker, &at->x->view->snapshot->breaker, now_us(at)))
		moved(at, "breaker.closed");
}
