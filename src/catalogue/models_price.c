/* Prices: short programs of "this kind costs that", for what holds now, above a number of
 * tokens, and from later days on. */
#include "catalogue/models_impl.h"

static uint64_t value_of(const struct model_info *m, uint32_t op)
{
	return m->price_values[op & 0xffff];
}

/* One period, up to the next day or the end; *op is left there. */
static void decode_one(const struct model_info *m, const uint32_t **op, struct model_price *p)
{
	bool in_tier = false;

	for (; **op != OP_END && **op >> 16 != OP_FROM; (*op)++) {
		uint32_t code = **op >> 16, kind = code - OP_PRICE;
		uint64_t value = value_of(m, **op);

		if (code == OP_TIER) {
			INVARIANT(p->tier_n < PRICE_TIERS_MAX);
			p->tier[p->tier_n++].above_tokens = value;
			in_tier = true;
		} else if (code == OP_BATCH) {
			p->batch_permille = (unsigned)value;
		} else if (in_tier) {
			p->tier[p->tier_n - 1].nano[kind] = value;
			p->tier[p->tier_n - 1].known |= 1U << kind;
		} else {
			p->nano[kind] = value;
			p->known |= 1U << kind;
		}
	}
}

size_t prices_decode(const struct model_info *m, struct model_price *v, size_t cap)
{
	const uint32_t *op = m->price_ops;
	size_t n = 0;

	while (n < cap) {
		v[n] = (struct model_price){ 0 };
		if (n > 0)
			v[n].from_day = (int64_t)value_of(m, *op++);
		decode_one(m, &op, &v[n++]);
		if (*op == OP_END)
			break;
	}
	return n;
}

void prices_lay(struct model_price *p, const struct model_price *over, bool tiers)
{
	for (unsigned k = 0; k < PRICE_N; k++)
		if (over->known & 1U << k)
			p->nano[k] = over->nano[k];
	p->known |= over->known;
	if (over->batch_permille != 0)
		p->batch_permille = over->batch_permille;
	if (!tiers)
		return;
	memcpy(p->tier, over->tier, sizeof(p->tier));
	p->tier_n = over->tier_n;
}

bool model_price_at(const struct model_info *m, int64_t day, struct model_price *p)
{
	const unsigned both = 1U << PRICE_INPUT | 1U << PRICE_OUTPUT;
	struct model_price next;
	const uint32_t *op = m->price_ops;

	*p = (struct model_price){ 0 };
	decode_one(m, &op, p);
	while (*op != OP_END) {
		int64_t from = (int64_t)value_of(m, *op++);

		if (from > day) {
			p->until_day = from;
			break;
		}
		next = (struct model_price){ 0 };
		decode_one(m, &op, &next);
		prices_lay(p, &next, next.tier_n > 0);
		p->from_day = from;
	}
	if (m->kind == MODEL_CHAT || m->kind == MODEL_COMPLETION || m->kind == MODEL_REALTIME)
		return (p->known & both) == both;
	return p->known != 0;
}

void model_price_tier(struct model_price *p, uint64_t input_tokens)
{
	for (size_t i = p->tier_n; i-- > 0;) {
		if (input_tokens <= p->tier[i].above_tokens)
			continue;
		for (unsigned k = 0; k < PRICE_N; k++)
			if (p->tier[i].known & 1U << k)
				p->nano[k] = p->tier[i].nano[k];
		p->known |= p->tier[i].known;
		return;
	}
}

/* ---- back to a program ----------------------------------------------------------------------
 */

enum { OPS_MAX = PRICE_PERIODS_MAX * (PRICE_TIERS_MAX + 1) * (PRICE_N + 2) + 1 };

struct program {
	uint32_t op[OPS_MAX];
	uint64_t value[OPS_MAX];
	uint32_t n;
};

static void put(struct program *g, uint32_t code, uint64_t value)
{
	INVARIANT(g->n + 1 < OPS_MAX);
	g->value[g->n] = value;
	g->op[g->n] = code << 16 | g->n;
	g->n++;
}

static void put_all(struct program *g, const uint64_t *nano, unsigned known)
{
	for (unsigned k = 0; k < PRICE_N; k++)
		if (known & 1U << k)
			put(g, OP_PRICE + k, nano[k]);
}

bool prices_encode(struct model_info *m, struct arena *a, const struct model_price *v, size_t n)
{
	struct program g = { .n = 0 };
	uint64_t *values;
	uint32_t *ops;

	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			put(&g, OP_FROM, (uint64_t)v[i].from_day);
		put_all(&g, v[i].nano, v[i].known);
		if (v[i].batch_permille != 0)
			put(&g, OP_BATCH, v[i].batch_permille);
		for (size_t t = 0; t < v[i].tier_n; t++) {
			put(&g, OP_TIER, v[i].tier[t].above_tokens);
			put_all(&g, v[i].tier[t].nano, v[i].tier[t].known);
		}
	}
	g.op[g.n] = OP_END;
	ops = ARENA_ARRAY(a, uint32_t, g.n + 1);
	values = ARENA_ARRAY(a, uint64_t, g.n + 1);
	if (ops == NULL || values == NULL)
		return false;
	memcpy(ops, g.op, (g.n + 1) * sizeof(*ops));
	memcpy(values, g.value, g.n * sizeof(*values));
	m->price_ops = ops;
	m->price_values = values;
	return true;
}
