/* Looking up, in the shipped tables and in the operator's rows over them. */
#include "catalogue/models.h"

#include "catalogue/models_impl.h"

#define MODEL_WORD(name, word) word,
static const char *const kind_words[] = { MODEL_KINDS(MODEL_WORD) };
static const char *const tier_words[] = { "", MODEL_TIERS(MODEL_WORD) };
static const char *const cap_words[] = { MODEL_CAPS(MODEL_WORD) };
static const char *const medium_words[] = { MODEL_MEDIA(MODEL_WORD) };
static const char *const price_words[] = { PRICE_KINDS(MODEL_WORD) PRICE_UNITS(MODEL_WORD) };
#undef MODEL_WORD

const char *model_kind_name(enum model_kind k)
{
	INVARIANT((unsigned)k < ARRAY_LEN(kind_words));
	return kind_words[k];
}

const char *model_tier_name(enum model_tier t)
{
	INVARIANT((unsigned)t < ARRAY_LEN(tier_words));
	return tier_words[t];
}

const char *model_cap_name(enum model_cap c)
{
	INVARIANT((unsigned)c < ARRAY_LEN(cap_words));
	return cap_words[c];
}

const char *model_medium_name(enum model_medium m)
{
	INVARIANT((unsigned)m < ARRAY_LEN(medium_words));
	return medium_words[m];
}

const char *price_kind_name(enum price_kind k)
{
	INVARIANT((unsigned)k < ARRAY_LEN(price_words));
	return price_words[k];
}

int model_slice_cmp(struct slice a, struct slice b)
{
	size_t n = size_min(a.n, b.n);
	int cmp = n == 0 ? 0 : memcmp(a.p, b.p, n);

	if (cmp != 0)
		return cmp;
	return a.n < b.n ? -1 : a.n > b.n;
}

/* ---- the shipped rows ----------------------------------------------------------------------
 */

static struct slice text(uint32_t at)
{
	return slice_cstr(model_text + at);
}

void model_of_row(uint32_t i, struct model_info *m)
{
	const struct model_row *r = &model_rows[i];

	*m = (struct model_info){
		.provider = text(r->provider),
		.id = text(r->id),
		.upstream = text(r->upstream),
		.family = text(r->family),
		.kind = r->kind,
		.tier = r->tier,
		.responses_only = (r->flags & ROW_RESPONSES) != 0,
		.no_sampling = (r->flags & ROW_NO_SAMPLING) != 0,
		.snapshot_day = r->snapshot_day,
		.snapshot_month = (r->flags & ROW_MONTH) != 0,
		.retired_day = r->retired_day,
		.context = r->context,
		.max_output = r->max_output,
		.caps = r->caps,
		.caps_stated = r->caps_stated,
		.media_in = r->media_in,
		.media_out = r->media_out,
		.source = text(r->source),
		.price_ops = model_price_ops + r->price,
		.price_values = model_price_values,
		.row = i,
	};
	if (r->successor != MODEL_ROW_NONE)
		m->successor = text(model_rows[r->successor].id);
}

/* The first of the shipped names that is not before this one. */
static size_t first_name(struct slice name)
{
	size_t low = 0, high = model_name_n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (model_slice_cmp(text(model_names[mid].name), name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool is_name(size_t at, struct slice name)
{
	return at < model_name_n && slice_eq(text(model_names[at].name), name);
}

static bool is_replaced(const struct catalogue *c, uint32_t row)
{
	return c != NULL && c->replaced != NULL && (c->replaced[row / 8] & 1U << row % 8) != 0;
}

/* ---- the operator's rows -------------------------------------------------------------------
 */

static size_t first_extra(const struct catalogue *c, struct slice name)
{
	size_t low = 0, high = c == NULL ? 0 : c->name_n;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (model_slice_cmp(c->names[mid].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static bool is_extra(const struct catalogue *c, size_t at, struct slice name)
{
	return c != NULL && at < c->name_n && slice_eq(c->names[at].name, name);
}

/* ---- look-ups ------------------------------------------------------------------------------
 */

bool catalogue_find(const struct catalogue *c, struct slice provider, struct slice name,
		    struct model_info *m)
{
	for (size_t i = first_extra(c, name); is_extra(c, i, name); i++) {
		const struct model_info *x = &c->extra[c->names[i].extra];

		if (!slice_eq(x->provider, provider))
			continue;
		*m = *x;
		return true;
	}
	for (size_t i = first_name(name); is_name(i, name); i++) {
		uint32_t row = model_names[i].row;

		if (is_replaced(c, row) || !slice_eq(text(model_rows[row].provider), provider))
			continue;
		model_of_row(row, m);
		return true;
	}
	return false;
}

/* A provider that the operator gave this name shows once. */
static bool has_extra(const struct catalogue *c, struct slice provider, struct slice name)
{
	for (size_t i = first_extra(c, name); is_extra(c, i, name); i++)
		if (slice_eq(c->extra[c->names[i].extra].provider, provider))
			return true;
	return false;
}

size_t catalogue_find_all(const struct catalogue *c, struct slice name, struct model_info *v,
			  size_t cap)
{
	size_t n = 0;

	for (size_t i = first_extra(c, name); is_extra(c, i, name); i++, n++)
		if (n < cap)
			v[n] = c->extra[c->names[i].extra];
	for (size_t i = first_name(name); is_name(i, name); i++) {
		uint32_t row = model_names[i].row;

		if (is_replaced(c, row) || has_extra(c, text(model_rows[row].provider), name))
			continue;
		if (n < cap)
			model_of_row(row, &v[n]);
		n++;
	}
	return n;
}

bool catalogue_retired(const struct catalogue *c, struct slice name, int64_t day,
		       struct model_info *m)
{
	struct model_info v[64];
	size_t n = size_min(catalogue_find_all(c, name, v, ARRAY_LEN(v)), ARRAY_LEN(v));
	const struct model_info *last = NULL;

	for (size_t i = 0; i < n; i++) {
		if (!model_retired(&v[i], day))
			return false;
		if (last == NULL || v[i].retired_day > last->retired_day ||
		    (v[i].retired_day == last->retired_day && last->successor.n == 0))
			last = &v[i];
	}
	if (last != NULL)
		*m = *last;
	return last != NULL;
}

size_t catalogue_count(const struct catalogue *c)
{
	return c == NULL ? model_row_n : c->n;
}

void catalogue_at(const struct catalogue *c, size_t i, struct model_info *m)
{
	uint32_t at;

	INVARIANT(i < catalogue_count(c));
	at = c == NULL ? (uint32_t)i : c->order[i];
	if (at & ORDER_EXTRA)
		*m = c->extra[at & ~ORDER_EXTRA];
	else
		model_of_row(at, m);
}

/* ---- what is seldom asked
 * -------------------------------------------------------------------- */

void model_source(const struct model_info *m, struct sb *out)
{
	for (size_t i = 0; i < m->source.n; i++) {
		if (m->source.p[i] == '\1')
			sb_str(out, m->id);
		else
			sb_char(out, m->source.p[i]);
	}
}

size_t model_aliases(const struct model_info *m, struct slice *v, size_t cap)
{
	size_t n = 0;

	if (m->aliases != NULL || m->ours) {
		for (; n < m->alias_n; n++)
			if (n < cap)
				v[n] = m->aliases[n].name;
		return n;
	}
	for (size_t i = 0; i < model_name_n; i++) {
		if (model_names[i].row != m->row ||
		    model_names[i].name == model_rows[m->row].id)
			continue;
		if (n < cap)
			v[n] = text(model_names[i].name);
		n++;
	}
	return n;
}
