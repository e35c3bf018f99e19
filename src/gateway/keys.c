/* gateway/keys.c -- which of a provider's keys an attempt takes, and what its end says of it.
 *
 * Keys take turns by their weights, on each loop for itself.  One that the provider refuses, or
 * whose quota or rate is used up, is benched: the key, not the provider.  With one key there is
 * nothing to choose, and all of it speaks of the deployment.
 */
#include "gateway/gateway_impl.h"

static uint64_t now_us(const struct exchange *x)
{
	return loop_now_us(x->g->loop);
}

static bool usable(const struct provider_key *k, uint64_t now)
{
	const struct breaker *b = k->breaker;

	if (b == NULL)
		return true;
	if (breaker_rests_until(b, now) != 0)
		return false;
	switch (breaker_look(b, now)) {
	case BREAKER_CLOSED:
		return true;
	case BREAKER_HALF_OPEN: /* unless its probe is out */
		return atomic_load(&b->probe_until_us) <= now;
	case BREAKER_OPEN:
		break;
	}
	return false;
}

/* The smooth weighted rotation: whose turn it is has the most credit, and pays for it. */
static bool take_turn(const struct exchange *x, const struct provider *p,
		      const struct provider_key **key)
{
	struct provider_view *pv = &x->view->providers[p->index];
	uint64_t now = now_us(x);
	int64_t sum = 0;
	size_t best = p->key_n;

	for (size_t i = 0; i < p->key_n; i++) {
		if (!usable(&p->keys[i], now))
			continue;
		pv->key_credit[i] += p->keys[i].weight;
		sum += p->keys[i].weight;
		if (best == p->key_n || pv->key_credit[i] > pv->key_credit[best])
			best = i;
	}
	if (best == p->key_n)
		return false;
	pv->key_credit[best] -= sum;
	*key = &p->keys[best];
	return true;
}

bool key_take(struct attempt *at)
{
	const struct provider *p = at->deployment->provider;
	uint64_t now = now_us(at->x);

	at->key = p->key_n > 0 ? &p->keys[0] : NULL;
	if (p->key_n < 2)
		return true;
	/* Another loop may be quicker to send the probe of one. */
	for (size_t tries = 0; tries < p->key_n; tries++) {
		struct breaker *b;

		if (!take_turn(at->x, p, &at->key))
			return false;
		b = at->key->breaker;
		at->key_probe = b != NULL && breaker_look(b, now) == BREAKER_HALF_OPEN;
		if (b == NULL || breaker_admit(b, now))
			return true;
	}
	return false;
}

bool key_left(const struct exchange *x, const struct provider *p)
{
	for (size_t i = 0; i < p->key_n; i++)
		if (usable(&p->keys[i], now_us(x)))
			return true;
	return p->key_n == 0;
}

uint64_t keys_ready_us(const struct exchange *x, const struct provider *p)
{
	uint64_t now = now_us(x), first = 0;

	if (p->key_n < 2 || key_left(x, p))
		return 0;
	for (size_t i = 0; i < p->key_n; i++) {
		const struct breaker *b = p->keys[i].breaker; /* it is not usable: it has one */
		uint64_t open = atomic_load(&b->open_until_us);
		uint64_t rest = breaker_rests_until(b, now);
		uint64_t until = rest > open ? rest : open;

		if (first == 0 || until < first)
			first = until;
	}
	return first;
}

bool key_is_one_of_many(const struct attempt *at)
{
	return at->deployment->provider->key_n > 1 && at->key->breaker != NULL;
}

static void moved(const struct attempt *at, const char *event)
{
	log_event(at->x->g->log, LOG_WARN, event,
		  F_STR("provider", at->deployment->provider->name),
		  F_STR("key", at->key->name));
}

void key_rest(const struct attempt *at, uint64_t us)
{
	if (key_is_one_of_many(at) && us > 0)
		breaker_rest(at->key->breaker, now_us(at->x), us);
}

void key_forget(const struct attempt *at)
{
	if (at->key_probe && key_is_one_of_many(at))
		breaker_forget(at->key->breaker);
}

void key_proved(const struct attempt *at)
{
	if (key_is_one_of_many(at) &&
	    breaker_success(at->key->breaker, &at->x->view->snapshot->breaker, now_us(at->x)))
		moved(at, "key.back");
}

bool key_blame(const struct attempt *at, const struct fault *f)
{
	struct breaker_rules once = at->x->view->snapshot->breaker;
	uint64_t rest = f->retry_after_us < once.rest_max_us ? f->retry_after_us
							     : once.rest_max_us;

	if (!key_is_one_of_many(at))
		return false;
	if (f->kind != FAULT_AUTH && f->kind != FAULT_QUOTA && f->kind != FAULT_RATE) {
		key_forget(at);
		return false;
	}
	if (f->kind == FAULT_RATE && rest > 0) {
		key_forget(at);
		key_rest(at, rest);
		return true;
	}
	once.failures = 1; /* it is not a matter of luck */
	if (breaker_failure(at->key->breaker, &once, now_us(at->x)))
		moved(at, "key.benched");
	return true;
}
