#include "route/budget.h"

#define RELAXED memory_order_relaxed

/* Thousandths of so many units; enough is enough. */
static int64_t milli(uint64_t units, uint64_t permille)
{
	unsigned __int128 v = (unsigned __int128)units * permille;

	return v < INT64_MAX / 4 ? (int64_t)v : INT64_MAX / 4;
}

static void give_back(struct budget *b, int64_t back)
{
	int64_t old = atomic_load_explicit(&b->spent, RELAXED), now;

	do {
		if (old <= 0)
			return; /* the usual case: full, and nothing is written */
		now = old > back ? old - back : 0;
	} while (
		!atomic_compare_exchange_weak_explicit(&b->spent, &old, now, RELAXED, RELAXED));
}

void budget_earn(struct budget *b, const struct budget_rules *r, uint64_t units)
{
	give_back(b, milli(units, r->share_permille));
}

bool budget_take(struct budget *b, const struct budget_rules *r, uint64_t units)
{
	int64_t old = atomic_load_explicit(&b->spent, RELAXED);
	int64_t cap = milli(r->cap, 1000), want = milli(units, 1000);

	do {
		if (old + want > cap)
			return false;
	} while (!atomic_compare_exchange_weak_explicit(&b->spent, &old, old + want, RELAXED,
							RELAXED));
	return true;
}

void budget_give(struct budget *b, uint64_t units)
{
	give_back(b, milli(units, 1000));
}

uint64_t budget_left(const struct budget *b, const struct budget_rules *r)
{
	int64_t left = milli(r->cap, 1000) - atomic_load_explicit(&b->spent, RELAXED);

	return left > 0 ? (uint64_t)left / 1000 : 0;
}
