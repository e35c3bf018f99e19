#include "route/hedge.h"

static bool may_cancel(const struct hedge_rules *r, const struct route_target *t)
{
	return r->despite_billing || !t->cancel_bills;
}

uint64_t hedge_delay(const struct hedge_rules *r, const struct route_target *t,
		     uint64_t input_tokens)
{
	uint64_t delay;

	if (!r->on || t->health == NULL || !may_cancel(r, t))
		return 0;
	delay = health_ttft_at(t->health, input_tokens, r->percentile);
	if (delay == 0)
		return 0;
	if (r->max_us != 0 && delay > r->max_us)
		delay = r->max_us;
	return delay > r->min_us ? delay : r->min_us;
}

void hedge_earn(struct hedge_budget *b, const struct hedge_rules *r)
{
	budget_earn(&b->count, &r->count, 1);
}

void hedge_earn_cost(struct hedge_budget *b, const struct hedge_rules *r, uint64_t cost)
{
	budget_earn(&b->cost, &r->cost, cost);
}

bool hedge_take(struct hedge_budget *b, const struct hedge_rules *r,
		const struct route_target *t, uint64_t lost)
{
	if (!r->on || !may_cancel(r, t) || !budget_take(&b->count, &r->count, 1))
		return false;
	if (budget_take(&b->cost, &r->cost, lost))
		return true;
	budget_give(&b->count, 1);
	return false;
}
