/* The operator's rows of the catalogue: their options, and from them to catalogue_lay(). */
#include "app/config_build.h"

#include "io/files.h"

enum { CATALOGUE_BYTES_MAX = 16 << 20, PRICE_TOKEN_N = UNIT_IMAGE_INPUT };

/* ---- a row, as structs ---------------------------------------------------------------------
 */

struct row_prices {
	struct section section;
	uint64_t nano[PRICE_N];
	uint64_t batch_discount; /* nano: 0.5 is 500,000,000 */
	uint64_t above, from;    /* of a tier; of a change */
};

struct row_supports {
	struct section section;
	uint64_t cap[MODEL_CAP_N];
};

struct model_row_config {
	struct section section;
	struct text provider, id, upstream, family, successor, source;
	struct texts aliases, media_in, media_out;
	uint64_t kind, api, tier, snapshot, context, max_output, sampling, retired_on;
	struct row_supports supports;
	struct row_prices per_mtok, per_unit;
	struct sections tiers, changes;
};

/* ---- their options --------------------------------------------------------------------------
 */

#define WORD(name, word) word,
static const char *const kind_words[] = { MODEL_KINDS(WORD) NULL };
static const char *const tier_words[] = { MODEL_TIERS(WORD) NULL };
static const char *const medium_words[] = { MODEL_MEDIA(WORD) NULL };
#undef WORD
static const char *const api_words[] = { "chat", "responses", NULL };
static const char *const truth_words[] = { "false", "true", NULL };

#define CAP_ROW(name, word)                                                                    \
	{ word,                                                                                \
	  OPT_WORD,                                                                            \
	  offsetof(struct row_supports, cap[name]),                                            \
	  .words = truth_words,                                                                \
	  .doc = "Whether it can do that.",                                                    \
	  .sample = "true" },
static const struct option support_rows[] = { MODEL_CAPS(CAP_ROW) };
#undef CAP_ROW
static const struct option_table supports_table = {
	.name = "supports",
	.size = sizeof(struct row_supports),
	.rows = support_rows,
	.n = ARRAY_LEN(support_rows),
};

#define PRICE_ROW(name, word)                                                                  \
	{ word, OPT_MONEY, offsetof(struct row_prices, nano[name]),                            \
	  .doc = "What that costs, in USD.", .sample = "0.15" },
static const struct option per_mtok_rows[] = {
	PRICE_KINDS(PRICE_ROW){
		"batch_discount", OPT_MONEY, offsetof(struct row_prices, batch_discount),
		.doc = "What a batch is cheaper by: 0.5 is half the price.", .sample = "0.5" },
};
static const struct option per_unit_rows[] = { PRICE_UNITS(PRICE_ROW) };
static const struct option price_tier_rows[] = {
	{ "above_input_tokens", OPT_INT, offsetof(struct row_prices, above), NULL, 1, 1 << 30,
	  .doc = "With more input tokens the whole request costs this.", .sample = "200000" },
	PRICE_KINDS(PRICE_ROW)
};
static const struct option price_change_rows[] = {
	{ "from", OPT_DATE, offsetof(struct row_prices, from),
	  .doc = "From this day on it costs this; what is not named stays.",
	  .sample = "2027-01-01" },
	PRICE_KINDS(PRICE_ROW)
};
#undef PRICE_ROW

#define PRICE_TABLE(of, rows_)                                                                 \
	{                                                                                      \
		.name = of, .size = sizeof(struct row_prices), .rows = rows_,                  \
		.n = ARRAY_LEN(rows_)                                                          \
	}
static const struct option_table per_mtok_table = PRICE_TABLE("price_per_mtok", per_mtok_rows);
static const struct option_table per_unit_table = PRICE_TABLE("price_per_unit", per_unit_rows);
static const struct option_table tier_table = PRICE_TABLE("price tier", price_tier_rows);
static const struct option_table change_table = PRICE_TABLE("price change", price_change_rows);

#define AT(member) offsetof(struct model_row_config, member)
static const struct option model_row_rows[] = {
	{ "provider", OPT_TEXT, AT(provider), .doc = "The provider's name, as in providers." },
	{ "id", OPT_TEXT, AT(id), .doc = "The model's name." },
	{ "upstream_model", OPT_TEXT, AT(upstream),
	  .doc = "What the provider calls it; its id without it." },
	{ "aliases", OPT_TEXTS, AT(aliases), .doc = "Other names of it." },
	{ "kind", OPT_WORD, AT(kind), .words = kind_words, .doc = "What it is for." },
	{ "api", OPT_WORD, AT(api), .words = api_words,
	  .doc = "responses: it answers on POST /responses alone." },
	{ "family", OPT_TEXT, AT(family), .doc = "What it belongs to." },
	{ "tier", OPT_WORD, AT(tier), .words = tier_words, .doc = "How large it is." },
	{ "snapshot", OPT_DATE, AT(snapshot), .doc = "The date in its name, if it has one." },
	{ "context_window", OPT_INT, AT(context), NULL, 0, 1 << 30,
	  .doc = "Input tokens at most." },
	{ "max_output", OPT_INT, AT(max_output), NULL, 0, 1 << 30,
	  .doc = "Output tokens at most." },
	{ "modalities_in", OPT_TEXTS, AT(media_in),
	  .doc = "What it takes: text, image, audio, video, file." },
	{ "modalities_out", OPT_TEXTS, AT(media_out),
	  .doc = "What it gives: text, image, audio, video, embedding, score, code." },
	{ "supports", OPT_SECTION, AT(supports), .of = &supports_table,
	  .doc = "What it can do." },
	{ "sampling_params", OPT_WORD, AT(sampling), .words = truth_words,
	  .doc = "false: it refuses temperature, top_p and top_k." },
	{ "price_per_mtok", OPT_SECTION, AT(per_mtok), .of = &per_mtok_table,
	  .doc = "USD per million tokens." },
	{ "price_per_unit", OPT_SECTION, AT(per_unit), .of = &per_unit_table,
	  .doc = "USD for one of them." },
	{ "price_tiers", OPT_LIST, AT(tiers), .of = &tier_table,
	  .doc = "USD per million tokens of requests with long prompts." },
	{ "price_changes", OPT_LIST, AT(changes), .of = &change_table,
	  .doc = "USD per million tokens from a day on." },
	{ "retired_on", OPT_DATE, AT(retired_on), .doc = "From this day on it is no more." },
	{ "successor", OPT_TEXT, AT(successor),
	  .doc = "The provider's model to take instead." },
	{ "source", OPT_TEXT, AT(source), .doc = "Where this is from." },
};
#undef AT
const struct option_table options_model_row = {
	.name = "model",
	.size = sizeof(struct model_row_config),
	.rows = model_row_rows,
	.n = ARRAY_LEN(model_row_rows),
};

/* ---- checking and laying --------------------------------------------------------------------
 */

static uint64_t number_or(uint64_t v)
{
	return v == OPTION_UNSET ? 0 : v;
}

static int64_t day_or(uint64_t v)
{
	return (int64_t)(number_or(v) & ~DATE_MONTH);
}

static void lay_price(struct model_price *p, const struct row_prices *c, unsigned first,
		      unsigned end)
{
	for (unsigned k = first; k < end; k++) {
		if (c->nano[k] == OPTION_UNSET)
			continue;
		p->nano[k] = c->nano[k];
		p->known |= 1U << k;
	}
}

static unsigned read_media(struct builder *b, const char *what, const struct texts *t)
{
	unsigned bits = 0;

	for (size_t i = 0; i < t->n; i++) {
		unsigned k = 0;

		while (medium_words[k] != NULL &&
		       !slice_eq(slice_cstr(medium_words[k]), t->v[i].s))
			k++;
		if (medium_words[k] != NULL)
			bits |= 1U << k;
		else
			problem_add(
				b->p, t->v[i].at,
				"%s: \"%.*s\" is not one of text, image, audio, video, file, "
				"embedding, score, code",
				what, SARG(slice_head(t->v[i].s, 60)));
	}
	return bits;
}

static void read_tiers(struct builder *b, const struct model_row_config *c,
		       struct model_change *out)
{
	for (size_t i = 0; i < c->tiers.n; i++) {
		const struct row_prices *t = sections_at(&c->tiers, i);
		struct model_price one = { 0 };
		size_t n = out->price.tier_n;

		if (t->above == OPTION_UNSET)
			problem_add(b->p, t->section.at,
				    "price_tiers: above_input_tokens is missing");
		else if (n > 0 && out->price.tier[n - 1].above_tokens >= t->above)
			problem_add(b->p, t->section.at,
				    "price_tiers: each needs more tokens than the one before");
		else if (n == PRICE_TIERS_MAX)
			problem_add(b->p, t->section.at, "price_tiers: there may be %d",
				    PRICE_TIERS_MAX);
		else {
			lay_price(&one, t, 0, PRICE_TOKEN_N);
			out->price.tier[n].above_tokens = t->above;
			memcpy(out->price.tier[n].nano, one.nano, sizeof(one.nano));
			out->price.tier[n].known = one.known;
			out->price.tier_n++;
		}
	}
	out->tiers_given = c->tiers.given;
}

static void read_changes(struct builder *b, const struct model_row_config *c,
			 struct model_change *out)
{
	struct model_price *v = ARENA_ARRAY(b->p->a, struct model_price, c->changes.n);

	for (size_t i = 0; v != NULL && i < c->changes.n; i++) {
		const struct row_prices *r = sections_at(&c->changes, i);

		if (r->from == OPTION_UNSET)
			problem_add(b->p, r->section.at, "price_changes: from is missing");
		else if (out->change_n > 0 && v[out->change_n - 1].from_day >= day_or(r->from))
			problem_add(b->p, r->section.at,
				    "price_changes: each begins after the one before");
		else if (out->change_n == 8)
			problem_add(b->p, r->section.at, "price_changes: there may be 8");
		else {
			lay_price(&v[out->change_n], r, 0, PRICE_TOKEN_N);
			v[out->change_n++].from_day = day_or(r->from);
		}
	}
	out->changes = v;
}

static int word_or(uint64_t word, int add)
{
	return word == OPTION_UNSET ? -1 : (int)word + add;
}

static void read_price(struct builder *b, const struct model_row_config *c,
		       struct model_change *out)
{
	uint64_t discount = c->per_mtok.batch_discount;

	lay_price(&out->price, &c->per_mtok, 0, PRICE_TOKEN_N);
	lay_price(&out->price, &c->per_unit, PRICE_TOKEN_N, PRICE_N);
	if (discount != OPTION_UNSET && discount >= 1000000000)
		problem_add(b->p, c->per_mtok.section.at,
			    "batch_discount: is a part of the price, less than 1");
	else if (discount != OPTION_UNSET)
		out->price.batch_permille = 1000 - (unsigned)(discount / 1000000);
}

static void read_row(struct builder *b, const struct model_row_config *c,
		     struct model_change *out)
{
	struct model_alias *alias = ARENA_ARRAY(b->p->a, struct model_alias, c->aliases.n);

	*out = (struct model_change){
		.provider = c->provider.s,
		.id = c->id.s,
		.upstream = c->upstream.s,
		.family = c->family.s,
		.successor = c->successor.s,
		.source = c->source.s,
		.aliases = alias,
		.aliases_given = c->aliases.v != NULL,
		.kind = word_or(c->kind, 0),
		.tier = word_or(c->tier, TIER_MINI),
		.responses_only = word_or(c->api, 0),
		.no_sampling = c->sampling == OPTION_UNSET ? -1 : c->sampling == 0,
		.snapshot_day = day_or(c->snapshot),
		.snapshot_month = (number_or(c->snapshot) & DATE_MONTH) != 0,
		.retired_day = day_or(c->retired_on),
		.context = number_or(c->context),
		.max_output = number_or(c->max_output),
		.media_in = read_media(b, "modalities_in", &c->media_in),
		.media_out = read_media(b, "modalities_out", &c->media_out),
	};
	for (size_t i = 0; alias != NULL && i < c->aliases.n; i++)
		alias[out->alias_n++].name = c->aliases.v[i].s;
	for (unsigned i = 0; i < MODEL_CAP_N; i++) {
		out->caps_stated |= c->supports.cap[i] != OPTION_UNSET ? 1U << i : 0;
		out->caps |= c->supports.cap[i] == 1 ? 1U << i : 0;
	}
	read_price(b, c, out);
	read_tiers(b, c, out);
	read_changes(b, c, out);
	if (c->provider.s.n == 0 || c->id.s.n == 0)
		problem_add(b->p, c->section.at, "a model needs a provider and an id");
}

/* What can only be seen when all rows are there. */
static void check_rows(struct builder *b, const struct sections *rows,
		       const struct catalogue *all)
{
	struct map seen;

	if (!map_init(&seen, b->p->a, rows->n))
		return;
	for (size_t i = 0; i < rows->n; i++) {
		struct model_row_config *c = sections_at(rows, i);
		struct slice name =
			arena_fmt(b->p->a, "%.*s\n%.*s", SARG(c->provider.s), SARG(c->id.s));
		struct model_info m;

		if (arena_failed(b->p->a))
			return;
		if (!map_put(&seen, name, c))
			problem_add(b->p, c->id.at, "id: %.*s/%.*s is in this file twice",
				    SARG(c->provider.s), SARG(c->id.s));
		if (c->successor.given &&
		    !catalogue_find(all, c->provider.s, c->successor.s, &m))
			problem_add(b->p, c->successor.at,
				    "successor: %.*s has no model \"%.*s\"",
				    SARG(c->provider.s), SARG(slice_head(c->successor.s, 100)));
		for (size_t k = 0; k < c->aliases.n; k++)
			if (catalogue_find(all, c->provider.s, c->aliases.v[k].s, &m) &&
			    !slice_eq(m.id, c->id.s))
				problem_add(b->p, c->aliases.v[k].at,
					    "aliases: \"%.*s\" is %.*s/%.*s already",
					    SARG(slice_head(c->aliases.v[k].s, 100)),
					    SARG(m.provider), SARG(m.id));
			else if (catalogue_find(NULL, c->provider.s, c->aliases.v[k].s, &m) &&
				 slice_eq(m.id, c->aliases.v[k].s) && !slice_eq(m.id, c->id.s))
				problem_add(b->p, c->aliases.v[k].at,
					    "aliases: \"%.*s\" is the id of a model of %.*s",
					    SARG(m.id), SARG(m.provider));
	}
}

static enum rc lay(struct builder *b, const struct sections *rows)
{
	struct model_change *v = ARENA_ARRAY(b->p->a, struct model_change, rows->n);
	struct catalogue *out;
	size_t before = b->p->n;
	enum rc rc;

	if (v == NULL)
		return E_NOMEM;
	for (size_t i = 0; i < rows->n; i++)
		read_row(b, sections_at(rows, i), &v[i]);
	if (b->p->n > before)
		return E_BAD;
	rc = catalogue_lay(&out, &b->s->arena, v, rows->n);
	if (rc != OK)
		return rc;
	check_rows(b, rows, out);
	b->s->catalogue = out;
	return OK;
}

void build_catalogue(struct builder *b)
{
	const struct text *file = &b->c->catalogue;
	struct err err = { .rc = OK };
	struct sections rows;
	struct slice text;
	enum rc rc;

	if (!file->given || file->s.n == 0)
		return;
	rc = file_read(&text, b->p->a, file->s, CATALOGUE_BYTES_MAX, &err);
	if (rc != OK) {
		problem_add(b->p, file->at, "catalogue: \"%.*s\": %s", SARG(file->s), err.text);
		return;
	}
	b->p->file = arena_cstr(b->p->a, file->s);
	rc = config_read_rows(&rows, b->p->a, text, &options_model_row, b->o->env, b->p);
	if (rc == OK)
		rc = lay(b, &rows);
	b->p->file = NULL;
	if (rc == E_NOMEM)
		b->no_memory = true;
}
