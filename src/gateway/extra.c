/* gateway/extra.c -- attempts beyond the one that each request has: hedges and retries, when
 * they may be made and from which budget they are paid.
 *
 * The budgets are shared by all requests of a name (struct route_shared) and earned by them, so
 * that an outage is not multiplied by everybody's retries.
 */
#include "gateway/gateway_impl.h"

void extra_earn(struct exchange *x)
{
	const struct model *m = x->model;

	if (m->shared == NULL)
		return;
	budget_earn(&m->shared->retries, &m->retry_budget, 1);
	if (m->hedge.on)
		hedge_earn(&m->shared->hedges, &m->hedge);
}

void extra_earn_cost(struct exchange *x, const struct attempt *at)
{
	const struct model *m = x->model;
	const struct route_target *t = &at->deployment->target;

	if (m->shared == NULL || !m->hedge.on || !t->priced)
		return;
	hedge_earn_cost(&m->shared->hedges, &m->hedge,
			route_cost(t, usage_prompt(&at->usage), usage_completion(&at->usage)));
}

/* ---- retries ----------------------------------------------------------------------------- */

bool extra_retry(struct exchange *x)
{
	const struct model *m = x->model;

	/* Attempts of the walk: a hedge is none. */
	if (x->walk.tries <= 1 || m->shared == NULL ||
	    budget_take(&m->shared->retries, &m->retry_budget, 1))
		return true;
	count_add(&x->g->metrics->sums[SUM_RETRIES_REFUSED], 1);
	return false;
}

void extra_retry_back(struct exchange *x)
{
	if (x->walk.tries > 1 && x->model->shared != NULL)
		budget_give(&x->model->shared->retries, 1);
}

/* ---- hedges ------------------------------------------------------------------------------ */

/* Counting tokens is cheap and quick; and what is not chat, text or embeddings may do something
 * twice that should be done once. */
static bool op_is_hedged(enum chat_op op)
{
	return op == OP_CHAT || op == OP_COMPLETIONS || op == OP_EMBEDDINGS;
}

void hedge_set(struct attempt *at)
{
	struct exchange *x = at->x;
	const struct model *m = x->model;
	uint64_t delay;

	x->hedge_us = 0;
	if (!m->hedge.on || x->hedged || m->deployment_n < 2 || !op_is_hedged(x->ask.op))
		return;
	delay = hedge_delay(&m->hedge, &at->deployment->target, attempt_input(at));
	if (delay > 0)
		x->hedge_us = at->began_us + delay;
}

/* Opaque state in the history can only be read by whoever made it; media are not fetched for a
 * hedge; a probe is for whoever can wait; and what is billed to its end is not cancelled. */
bool hedge_fits(const struct exchange *x, unsigned candidate)
{
	const struct deployment *d = x->model->deployments[candidate];
	const struct health *h = d->target.health;

	if (d->target.cancel_bills && !x->model->hedge.despite_billing)
		return false;
	if (h != NULL && breaker_look(&h->breaker, loop_now_us(x->g->loop)) != BREAKER_CLOSED)
		return false;
	if (x->chat == NULL)
		return true;
	if (x->chat->pinned.n > 0 && !slice_eq(x->chat->pinned, d->provider->name))
		return false;
	return x->fetch != NULL || exchange_is_same(x, d) ||
	       !fetch_needed(x->chat, exchange_takes_urls(d));
}

/* Either may be the one that is cancelled: the dearer prompt. */
static uint64_t lost_cost(const struct exchange *x, const struct deployment *d)
{
	const struct attempt *first = x->out[0];
	uint64_t tokens = attempt_input(first);
	uint64_t own = route_cost(&d->target, tokens, 0);
	uint64_t other = route_cost(&first->deployment->target, tokens, 0);

	return own > other ? own : other;
}

bool hedge_pay(struct exchange *x, unsigned candidate)
{
	const struct model *m = x->model;
	const struct deployment *d = m->deployments[candidate];

	return m->shared == NULL ||
	       hedge_take(&m->shared->hedges, &m->hedge, &d->target, lost_cost(x, d));
}

void hedge_pay_back(struct exchange *x, unsigned candidate)
{
	const struct model *m = x->model;

	if (m->shared == NULL)
		return;
	budget_give(&m->shared->hedges.count, 1);
	budget_give(&m->shared->hedges.cost, lost_cost(x, m->deployments[candidate]));
}

void hedge_count(const struct attempt *at, enum hedge_end end)
{
	if (at->hedge)
		count_add(&at->x->g->metrics->hedges[end], 1);
}
