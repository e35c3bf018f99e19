/* An operator's rows, laid over the shipped ones. */
#include "catalogue/models_impl.h"

static struct slice copy_or(struct arena *a, struct slice given, struct slice other)
{
	return given.n > 0 ? arena_copy(a, given) : other;
}

static void lay_names(struct model_info *m, struct arena *a, const struct model_change *v)
{
	struct model_alias *to;
	struct slice old[32];
	size_t n = v->alias_n;

	if (!v->aliases_given && !m->ours) /* a shipped row keeps its own */
		n = size_min(model_aliases(m, old, ARRAY_LEN(old)), ARRAY_LEN(old));
	else if (!v->aliases_given)
		n = 0;
	to = ARENA_ARRAY(a, struct model_alias, n);
	if (to == NULL)
		return;
	for (size_t i = 0; i < n; i++)
		to[i].name = v->aliases_given ? arena_copy(a, v->aliases[i].name) : old[i];
	m->aliases = to;
	m->alias_n = n;
}

static bool lay_prices(struct model_info *m, struct arena *a, const struct model_change *v,
		       bool shipped)
{
	struct model_price p[PRICE_PERIODS_MAX] = { 0 };
	size_t n = shipped ? prices_decode(m, p, PRICE_PERIODS_MAX) : 1;

	if (v->price.known == 0 && v->price.batch_permille == 0 && !v->tiers_given &&
	    v->change_n == 0 && shipped)
		return true;
	/* Who sets a price does not want the shipped announcements to change it later. */
	n = 1;
	prices_lay(&p[0], &v->price, v->tiers_given);
	for (size_t i = 0; i < v->change_n && n < PRICE_PERIODS_MAX; i++)
		p[n++] = v->changes[i];
	return prices_encode(m, a, p, n);
}

static bool lay_one(struct model_info *m, struct arena *a, const struct model_change *v,
		    bool shipped)
{
	if (!shipped)
		*m = (struct model_info){ .ours = true };
	lay_names(m, a, v);
	m->ours = true;
	m->provider = arena_copy(a, v->provider);
	m->id = arena_copy(a, v->id);
	m->upstream = copy_or(a, v->upstream, shipped ? m->upstream : m->id);
	m->family = copy_or(a, v->family, m->family);
	m->successor = copy_or(a, v->successor, m->successor);
	m->source = copy_or(a, v->source, m->source);
	if (v->kind >= 0)
		m->kind = (enum model_kind)v->kind;
	if (v->tier >= 0)
		m->tier = (enum model_tier)v->tier;
	if (v->responses_only >= 0)
		m->responses_only = v->responses_only == 1;
	if (v->no_sampling >= 0)
		m->no_sampling = v->no_sampling == 1;
	if (v->snapshot_day != 0) {
		m->snapshot_day = v->snapshot_day;
		m->snapshot_month = v->snapshot_month;
	}
	if (v->retired_day != 0)
		m->retired_day = v->retired_day;
	if (v->context != 0)
		m->context = v->context;
	if (v->max_output != 0)
		m->max_output = v->max_output;
	m->caps = (m->caps & ~v->caps_stated) | v->caps;
	m->caps_stated |= v->caps_stated;
	if (v->media_in != 0)
		m->media_in = v->media_in;
	if (v->media_out != 0)
		m->media_out = v->media_out;
	return lay_prices(m, a, v, shipped);
}

/* ---- order
 * ----------------------------------------------------------------------------------- */

static int by_place(const void *left, const void *right)
{
	const struct model_info *a = left, *b = right;
	int cmp = model_slice_cmp(a->provider, b->provider);

	return cmp != 0 ? cmp : model_slice_cmp(a->id, b->id);
}

static int by_name(const void *left, const void *right)
{
	const struct extra_name *a = left, *b = right;
	int cmp = model_slice_cmp(a->name, b->name);

	return cmp != 0 ? cmp : (a->extra > b->extra) - (a->extra < b->extra);
}

static bool make_names(struct catalogue *c, struct arena *a)
{
	struct extra_name *names;
	size_t n = 0;

	for (size_t i = 0; i < c->extra_n; i++)
		n += 1 + c->extra[i].alias_n;
	names = ARENA_ARRAY(a, struct extra_name, n);
	if (names == NULL)
		return false;
	n = 0;
	for (uint32_t i = 0; i < c->extra_n; i++) {
		names[n++] = (struct extra_name){ c->extra[i].id, i };
		for (size_t k = 0; k < c->extra[i].alias_n; k++)
			names[n++] = (struct extra_name){ c->extra[i].aliases[k].name, i };
	}
	qsort(names, n, sizeof(*names), by_name);
	c->names = names;
	c->name_n = n;
	return true;
}

/* The extras between the shipped rows that are not replaced. */
static bool make_order(struct catalogue *c, struct arena *a)
{
	uint32_t *order = ARENA_ARRAY(a, uint32_t, model_row_n + c->extra_n);
	struct model_info shipped;
	size_t x = 0, n = 0;

	if (order == NULL)
		return false;
	for (uint32_t i = 0; i < model_row_n; i++) {
		if (c->replaced[i / 8] & 1U << i % 8)
			continue;
		model_of_row(i, &shipped);
		while (x < c->extra_n && by_place(&c->extra[x], &shipped) < 0)
			order[n++] = (uint32_t)x++ | ORDER_EXTRA;
		order[n++] = i;
	}
	while (x < c->extra_n)
		order[n++] = (uint32_t)x++ | ORDER_EXTRA;
	c->order = order;
	c->n = n;
	return true;
}

enum rc catalogue_lay(struct catalogue **out, struct arena *a, const struct model_change *v,
		      size_t n)
{
	struct catalogue *c = ARENA_NEW(a, struct catalogue);
	struct model_info *extra = ARENA_ARRAY(a, struct model_info, n);
	uint8_t *replaced = ARENA_ARRAY(a, uint8_t, model_row_n / 8 + 1);

	if (c == NULL || extra == NULL || replaced == NULL)
		return E_NOMEM;
	for (size_t i = 0; i < n; i++) {
		bool shipped = catalogue_find(NULL, v[i].provider, v[i].id, &extra[i]) &&
			       slice_eq(extra[i].id, v[i].id);
		uint32_t row = extra[i].row;

		if (shipped)
			replaced[row / 8] |= (uint8_t)(1U << row % 8);
		if (!lay_one(&extra[i], a, &v[i], shipped))
			return E_NOMEM;
	}
	qsort(extra, n, sizeof(*extra), by_place);
	c->extra = extra;
	c->extra_n = n;
	c->replaced = replaced;
	if (!make_names(c, a) || !make_order(c, a) || arena_failed(a))
		return E_NOMEM;
	*out = c;
	return OK;
}
