/* Models as tables and as JSON. */
#include "app/models.h"

#include "app/options.h"
#include "base/date.h"
#include "base/log.h"

enum { CELL_MAX = 160, COLUMNS_MAX = 10, GAP = 2 };

/* ---- cells ------------------------------------------------------------------------------- */

/* "128K", "1.05M": tokens as their makers count them, in thousands. */
static void put_tokens(struct sb *out, uint64_t n)
{
	const char *unit = n >= 1000000 ? "M" : "K";
	uint64_t in = n >= 1000000 ? 1000000 : 1000;
	uint64_t hundredths = n * 100 / in;

	if (n == 0) {
		sb_char(out, '-');
	} else if (n < 1000) {
		sb_u64(out, n);
	} else {
		sb_u64(out, hundredths / 100);
		if (hundredths % 100 != 0 && in == 1000000)
			sb_fmt(out, ".%02u", (unsigned)(hundredths % 100));
		sb_lit(out, unit);
	}
}

static void put_price(struct sb *out, const struct model_price *p, unsigned kind)
{
	if (p->known & 1U << kind)
		usd_print(out, p->nano[kind]);
	else
		sb_char(out, '-');
}

static void put_day(struct sb *out, int64_t day)
{
	if (day == 0)
		sb_char(out, '-');
	else
		date_print(out, day);
}

static void put_media(struct sb *out, unsigned media)
{
	size_t n = out->n;

	for (unsigned i = 0; i < MODEL_MEDIUM_N; i++)
		if (media & 1U << i)
			sb_fmt(out, "%s%s", out->n > n ? "," : "", model_medium_name(i));
	if (out->n == n)
		sb_char(out, '-');
}

/* What it can do beside text in, text out. */
static void put_abilities(struct sb *out, const struct model_info *m)
{
	static const struct {
		const char *word;
		enum model_cap cap;
	} shown[] = { { "tools", CAP_TOOLS },
		      { "schema", CAP_JSON_SCHEMA },
		      { "reasoning", CAP_REASONING } };
	const unsigned more = m->media_in & ~(1U << MEDIUM_TEXT);
	size_t n = out->n;

	if (m->kind != MODEL_CHAT)
		sb_lit(out, model_kind_name(m->kind));
	for (size_t i = 0; i < ARRAY_LEN(shown); i++)
		if (model_has(m, shown[i].cap))
			sb_fmt(out, "%s%s", out->n > n ? " " : "", shown[i].word);
	for (unsigned i = 0; i < MODEL_MEDIUM_N; i++)
		if (more & 1U << i)
			sb_fmt(out, "%s%s", out->n > n ? " " : "", model_medium_name(i));
}

/* ---- the list -----------------------------------------------------------------------------
 */

enum column { NAME, TIER, CONTEXT, OUTPUT, IN_PRICE, OUT_PRICE, ABLE, RETIRED, INSTEAD };

static const struct {
	const char *title;
	bool right;
	unsigned width; /* at least; what the values need, if that is more */
} columns_of[] = {
	[NAME] = { "MODEL", false, 20 },      [TIER] = { "TIER", false, 9 },
	[CONTEXT] = { "CONTEXT", true, 7 },   [OUTPUT] = { "OUTPUT", true, 6 },
	[IN_PRICE] = { "IN $/M", true, 6 },   [OUT_PRICE] = { "OUT $/M", true, 7 },
	[ABLE] = { "CAN DO", false, 12 },     [RETIRED] = { "RETIRED", false, 10 },
	[INSTEAD] = { "INSTEAD", false, 10 },
};

/* What goes first when there is little room. */
static const enum column least[] = { ABLE, OUTPUT, TIER };

static void put_cell(struct sb *out, enum column c, const struct model_info *m, int64_t day)
{
	struct model_price p;

	(void)model_price_at(m, day, &p);
	switch (c) {
	case NAME:
		sb_fmt(out, "%.*s/%.*s", SARG(m->provider), SARG(m->id));
		break;
	case TIER:
		sb_lit(out, model_tier_name(m->tier));
		break;
	case CONTEXT:
		put_tokens(out, m->context);
		break;
	case OUTPUT:
		put_tokens(out, m->max_output);
		break;
	case IN_PRICE:
		put_price(out, &p, PRICE_INPUT);
		break;
	case OUT_PRICE:
		put_price(out, &p, PRICE_OUTPUT);
		break;
	case ABLE:
		put_abilities(out, m);
		break;
	case RETIRED:
		put_day(out, m->retired_day);
		break;
	case INSTEAD:
		sb_str(out, m->successor.n > 0 ? m->successor : LIT("-"));
		break;
	}
}

struct layout {
	enum column c[COLUMNS_MAX];
	unsigned width[COLUMNS_MAX];
	size_t n;
};

static unsigned total(const struct layout *l)
{
	unsigned sum = 0;

	for (size_t i = 0; i < l->n; i++)
		sum += l->width[i] + (i > 0 ? GAP : 0);
	return sum;
}

static void leave_out(struct layout *l, enum column c)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		if (l->c[i] != c) {
			l->c[n] = l->c[i];
			l->width[n++] = l->width[i];
		}
	l->n = n;
}

static void lay_out(struct layout *l, const struct model_info *v, size_t n, int64_t day,
		    bool retired, unsigned columns)
{
	static const enum column live[] = { NAME,     TIER,      CONTEXT, OUTPUT,
					    IN_PRICE, OUT_PRICE, ABLE };
	static const enum column gone[] = { NAME, RETIRED, INSTEAD };

	l->n = retired ? ARRAY_LEN(gone) : ARRAY_LEN(live);
	memcpy(l->c, retired ? gone : live, l->n * sizeof(l->c[0]));
	for (size_t i = 0; i < l->n; i++) {
		l->width[i] = columns_of[l->c[i]].width;
		for (size_t k = 0; k < n; k++) {
			char room[CELL_MAX];
			struct sb cell;

			sb_init(&cell, room, sizeof(room));
			put_cell(&cell, l->c[i], &v[k], day);
			if (cell.n > l->width[i])
				l->width[i] = (unsigned)cell.n;
		}
	}
	for (size_t i = 0; columns > 0 && total(l) > columns && i < ARRAY_LEN(least); i++) {
		/* The abilities may be cut as long as something of them is left. */
		unsigned over = total(l) - columns, last = l->width[l->n - 1];

		if (least[i] == ABLE && !retired && last >= over + columns_of[ABLE].width)
			l->width[l->n - 1] = last - over;
		else
			leave_out(l, least[i]);
	}
	if (columns > 0 && total(l) > columns) {
		unsigned over = total(l) - columns;

		l->width[0] = l->width[0] > over + 8 ? l->width[0] - over : 8;
	}
}

static void put_padded(FILE *to, struct slice s, unsigned width, bool right, bool last)
{
	if (s.n > width) /* a dot more than fits is a hint that there is more */
		fprintf(to, "%.*s~", (int)width - 1, s.p);
	else if (right)
		fprintf(to, "%*.*s", (int)width, SARG(s));
	else if (last)
		fprintf(to, "%.*s", SARG(s));
	else
		fprintf(to, "%-*.*s", (int)width, SARG(s));
	fputs(last ? "\n" : "  ", to);
}

void models_table(FILE *to, const struct model_info *v, size_t n, int64_t day, bool retired,
		  unsigned columns)
{
	struct layout l;

	lay_out(&l, v, n, day, retired, columns);
	for (size_t i = 0; i < l.n; i++)
		put_padded(to, slice_cstr(columns_of[l.c[i]].title), l.width[i],
			   columns_of[l.c[i]].right, i + 1 == l.n);
	for (size_t k = 0; k < n; k++)
		for (size_t i = 0; i < l.n; i++) {
			char room[CELL_MAX];
			struct sb cell;

			sb_init(&cell, room, sizeof(room));
			put_cell(&cell, l.c[i], &v[k], day);
			put_padded(to, sb_slice(&cell), l.width[i], columns_of[l.c[i]].right,
				   i + 1 == l.n);
		}
}

/* ---- side by side --------------------------------------------------------------------------
 */

typedef void fact_fn(struct sb *out, const struct model_info *m, const struct model_price *p);

static void fact_names(struct sb *out, const struct model_info *m,
		       const struct model_price *p UNUSED)
{
	struct slice alias[8];
	size_t n = size_min(model_aliases(m, alias, ARRAY_LEN(alias)), ARRAY_LEN(alias));

	for (size_t i = 0; i < n; i++)
		sb_fmt(out, "%s%.*s", i == 0 ? "" : ", ", SARG(alias[i]));
	if (n == 0)
		sb_char(out, '-');
}

static void fact_provider(struct sb *out, const struct model_info *m,
			  const struct model_price *p UNUSED)
{
	sb_str(out, m->provider);
}

static void fact_upstream(struct sb *out, const struct model_info *m,
			  const struct model_price *p UNUSED)
{
	sb_str(out, m->upstream);
}

static void fact_family(struct sb *out, const struct model_info *m,
			const struct model_price *p UNUSED)
{
	sb_str(out, m->family);
}

static void fact_tier(struct sb *out, const struct model_info *m,
		      const struct model_price *p UNUSED)
{
	sb_lit(out, model_tier_name(m->tier));
}

static void fact_kind(struct sb *out, const struct model_info *m,
		      const struct model_price *p UNUSED)
{
	sb_lit(out, model_kind_name(m->kind));
	sb_lit(out, m->responses_only ? " (responses only)" : "");
}

static void fact_snapshot(struct sb *out, const struct model_info *m,
			  const struct model_price *p UNUSED)
{
	put_day(out, m->snapshot_day);
	if (m->snapshot_month)
		out->n -= 3; /* the day is not known */
}

static void fact_retired(struct sb *out, const struct model_info *m,
			 const struct model_price *p UNUSED)
{
	put_day(out, m->retired_day);
}

static void fact_successor(struct sb *out, const struct model_info *m,
			   const struct model_price *p UNUSED)
{
	sb_str(out, m->successor.n > 0 ? m->successor : LIT("-"));
}

static void fact_context(struct sb *out, const struct model_info *m,
			 const struct model_price *p UNUSED)
{
	put_tokens(out, m->context);
}

static void fact_output(struct sb *out, const struct model_info *m,
			const struct model_price *p UNUSED)
{
	put_tokens(out, m->max_output);
}

static void fact_takes(struct sb *out, const struct model_info *m,
		       const struct model_price *p UNUSED)
{
	put_media(out, m->media_in);
}

static void fact_gives(struct sb *out, const struct model_info *m,
		       const struct model_price *p UNUSED)
{
	put_media(out, m->media_out);
}

static void fact_sampling(struct sb *out, const struct model_info *m,
			  const struct model_price *p UNUSED)
{
	sb_lit(out, m->no_sampling ? "refused" : "-");
}

static void fact_batch(struct sb *out, const struct model_info *m UNUSED,
		       const struct model_price *p)
{
	if (p->batch_permille != 0)
		sb_fmt(out, "%u", p->batch_permille / 10);
	else
		sb_char(out, '-');
}

static void fact_tiers(struct sb *out, const struct model_info *m UNUSED,
		       const struct model_price *p)
{
	for (size_t i = 0; i < p->tier_n; i++) {
		struct model_price t = *p;

		model_price_tier(&t, p->tier[i].above_tokens + 1);
		sb_lit(out, i == 0 ? "over " : ", over ");
		put_tokens(out, p->tier[i].above_tokens);
		sb_lit(out, ": ");
		put_price(out, &t, PRICE_INPUT);
		sb_char(out, '/');
		put_price(out, &t, PRICE_OUTPUT);
	}
	if (p->tier_n == 0)
		sb_char(out, '-');
}

static void fact_until(struct sb *out, const struct model_info *m UNUSED,
		       const struct model_price *p)
{
	put_day(out, p->until_day);
}

static void fact_source(struct sb *out, const struct model_info *m,
			const struct model_price *p UNUSED)
{
	model_source(m, out);
}

struct fact {
	const char *title;
	fact_fn *put;
};

static const struct fact facts_first[] = {
	{ "provider", fact_provider },
	{ "called there", fact_upstream },
	{ "also called", fact_names },
	{ "family", fact_family },
	{ "tier", fact_tier },
	{ "kind", fact_kind },
	{ "snapshot of", fact_snapshot },
	{ "retired on", fact_retired },
	{ "instead", fact_successor },
	{ "context, tokens", fact_context },
	{ "output, tokens", fact_output },
	{ "takes", fact_takes },
	{ "gives", fact_gives },
	{ "temperature and such", fact_sampling },
};

static const struct fact facts_last[] = {
	{ "batch, % of it", fact_batch },
	{ "long prompts, $/M", fact_tiers },
	{ "other prices from", fact_until },
	{ "source", fact_source },
};

/* One line of the comparison; false: there is no such line. */
static bool put_fact(struct sb *out, size_t line, const struct model_info *m, int64_t day,
		     struct sb *title)
{
	struct model_price p;

	(void)model_price_at(m, day, &p);
	if (line < ARRAY_LEN(facts_first)) {
		sb_lit(title, facts_first[line].title);
		facts_first[line].put(out, m, &p);
		return true;
	}
	line -= ARRAY_LEN(facts_first);
	if (line < MODEL_CAP_N) {
		sb_lit(title, model_cap_name((enum model_cap)line));
		sb_lit(out, model_has(m, (enum model_cap)line)   ? "yes"
			    : (m->caps_stated & 1U << line) != 0 ? "no"
								 : "-");
		return true;
	}
	line -= MODEL_CAP_N;
	if (line < PRICE_N) {
		sb_fmt(title, "%s, $%s", price_kind_name((enum price_kind)line),
		       line < UNIT_IMAGE_INPUT ? "/M" : " each");
		put_price(out, &p, (unsigned)line);
		return true;
	}
	line -= PRICE_N;
	if (line >= ARRAY_LEN(facts_last))
		return false;
	sb_lit(title, facts_last[line].title);
	facts_last[line].put(out, m, &p);
	return true;
}

enum { TITLE_WIDTH = 22, MODELS_ABREAST = 8 };

void models_compare(FILE *to, const struct model_info *v, size_t n, int64_t day,
		    unsigned columns)
{
	unsigned width = 400;
	bool more = true;

	INVARIANT(n <= MODELS_ABREAST);
	if (n > 1 && columns > 0)
		width = (unsigned)size_max((size_max(columns, TITLE_WIDTH) - TITLE_WIDTH) / n,
					   8 + GAP) -
			GAP;
	else if (n > 1)
		width = 32;
	fprintf(to, "%-*s", TITLE_WIDTH, "");
	for (size_t i = 0; i < n; i++)
		put_padded(to, v[i].id, width, false, i + 1 == n);
	for (size_t line = 0; more; line++) {
		char titles[64], rooms[MODELS_ABREAST][400];
		struct sb title, cell[MODELS_ABREAST];
		bool known = false;

		for (size_t i = 0; i < n && more; i++) {
			sb_init(&title, titles, sizeof(titles));
			sb_init(&cell[i], rooms[i], sizeof(rooms[i]));
			more = put_fact(&cell[i], line, &v[i], day, &title);
			known = known || !slice_eq(sb_slice(&cell[i]), LIT("-"));
		}
		if (!more || !known) /* nobody knows: no line */
			continue;
		fprintf(to, "%-*s", TITLE_WIDTH, sb_cstr(&title));
		for (size_t i = 0; i < n; i++)
			put_padded(to, sb_slice(&cell[i]), width, false, i + 1 == n);
	}
}

/* ---- JSON
 * ------------------------------------------------------------------------------------ */

static void json_text(FILE *to, struct slice s)
{
	char room[1024];
	struct sb out;

	sb_init(&out, room, sizeof(room));
	log_json_string(&out, s);
	fwrite(out.p, 1, out.n, to);
}

static void json_word(FILE *to, const char *key, struct slice s)
{
	if (s.n == 0)
		return;
	fprintf(to, ", \"%s\": ", key);
	json_text(to, s);
}

static void json_number(FILE *to, const char *key, uint64_t v)
{
	if (v > 0)
		fprintf(to, ", \"%s\": %" PRIu64, key, v);
}

static void json_day(FILE *to, const char *key, int64_t day, bool month)
{
	char room[24];
	struct sb out;

	if (day == 0)
		return;
	sb_init(&out, room, sizeof(room));
	date_print(&out, day);
	json_word(to, key, slice_head(sb_slice(&out), month ? 7 : 10));
}

static void json_words(FILE *to, const char *key, unsigned bits, const char *name(unsigned))
{
	const char *comma = "";

	if (bits == 0)
		return;
	fprintf(to, ", \"%s\": [", key);
	for (unsigned i = 0; i < 32; i++)
		if (bits & 1U << i) {
			fprintf(to, "%s\"%s\"", comma, name(i));
			comma = ", ";
		}
	fputc(']', to);
}

static const char *medium(unsigned i)
{
	return model_medium_name(i);
}

/* `lead` opens the first one. */
static const char *json_prices(FILE *to, const uint64_t *nano, unsigned known, unsigned first,
			       unsigned end, const char *lead)
{
	for (unsigned k = first; k < end; k++) {
		char room[40];
		struct sb out;

		if (!(known & 1U << k))
			continue;
		sb_init(&out, room, sizeof(room));
		usd_print(&out, nano[k]);
		fprintf(to, "%s\"%s\": %s", lead, price_kind_name(k), sb_cstr(&out));
		lead = ", ";
	}
	return lead;
}

static void json_price(FILE *to, const struct model_price *p)
{
	const char *open = ", \"price_per_mtok\": {";
	const char *lead = json_prices(to, p->nano, p->known, 0, UNIT_IMAGE_INPUT, open);

	if (p->batch_permille != 0) {
		fprintf(to, "%s\"batch_discount\": 0.%03u", lead, 1000 - p->batch_permille);
		lead = ", ";
	}
	if (lead != open)
		fputc('}', to);
	open = ", \"price_per_unit\": {";
	if (json_prices(to, p->nano, p->known, UNIT_IMAGE_INPUT, PRICE_N, open) != open)
		fputc('}', to);
	for (size_t i = 0; i < p->tier_n; i++) {
		fprintf(to, "%s{\"above_input_tokens\": %" PRIu64,
			i == 0 ? ", \"price_tiers\": [" : ", ", p->tier[i].above_tokens);
		json_prices(to, p->tier[i].nano, p->tier[i].known, 0, UNIT_IMAGE_INPUT, ", ");
		fputs(i + 1 == p->tier_n ? "}]" : "}", to);
	}
}

static void json_changes(FILE *to, const struct model_info *m)
{
	struct model_price p, before;
	char room[24];
	struct sb day;
	bool any = false;

	(void)model_price_at(m, 0, &before);
	for (int64_t next = before.until_day; next != 0; next = before.until_day) {
		unsigned changed = 0;

		(void)model_price_at(m, next, &p);
		for (unsigned k = 0; k < UNIT_IMAGE_INPUT; k++)
			if ((p.known & 1U << k) &&
			    (!(before.known & 1U << k) || p.nano[k] != before.nano[k]))
				changed |= 1U << k;
		sb_init(&day, room, sizeof(room));
		date_print(&day, next);
		fprintf(to, "%s{\"from\": \"%s\"", any ? ", " : ", \"price_changes\": [",
			sb_cstr(&day));
		json_prices(to, p.nano, changed, 0, UNIT_IMAGE_INPUT, ", ");
		fputc('}', to);
		any = true;
		before = p;
	}
	if (any)
		fputc(']', to);
}

static void json_supports(FILE *to, const struct model_info *m)
{
	const char *lead = ", \"supports\": {";

	for (unsigned i = 0; i < MODEL_CAP_N; i++)
		if (m->caps_stated & 1U << i) {
			fprintf(to, "%s\"%s\": %s", lead, model_cap_name(i),
				model_has(m, i) ? "true" : "false");
			lead = ", ";
		}
	fputs(m->caps_stated != 0 ? "}" : "", to);
}

static void json_row(FILE *to, const struct model_info *m)
{
	struct slice alias[32];
	size_t n = size_min(model_aliases(m, alias, ARRAY_LEN(alias)), ARRAY_LEN(alias));
	struct model_price p;
	char room[400];
	struct sb source;

	fputs("{\"provider\": ", to);
	json_text(to, m->provider);
	json_word(to, "id", m->id);
	if (!slice_eq(m->upstream, m->id))
		json_word(to, "upstream_model", m->upstream);
	for (size_t i = 0; i < n; i++) {
		fputs(i == 0 ? ", \"aliases\": [" : ", ", to);
		json_text(to, alias[i]);
	}
	fputs(n > 0 ? "]" : "", to);
	json_word(to, "kind", slice_cstr(model_kind_name(m->kind)));
	json_word(to, "api", m->responses_only ? LIT("responses") : slice_of(NULL, 0));
	json_word(to, "family", m->family);
	json_word(to, "tier", slice_cstr(model_tier_name(m->tier)));
	json_day(to, "snapshot", m->snapshot_day, m->snapshot_month);
	json_number(to, "context_window", m->context);
	json_number(to, "max_output", m->max_output);
	json_words(to, "modalities_in", m->media_in, medium);
	json_words(to, "modalities_out", m->media_out, medium);
	json_supports(to, m);
	if (m->no_sampling)
		fputs(", \"sampling_params\": false", to);
	(void)model_price_at(m, 0, &p);
	json_price(to, &p);
	json_changes(to, m);
	json_day(to, "retired_on", m->retired_day, false);
	json_word(to, "successor", m->successor);
	sb_init(&source, room, sizeof(room));
	model_source(m, &source);
	json_word(to, "source", sb_slice(&source));
	fputc('}', to);
}

void models_json(FILE *to, const struct model_info *v, size_t n)
{
	fputs("[\n", to);
	for (size_t i = 0; i < n; i++) {
		json_row(to, &v[i]);
		fputs(i + 1 < n ? ",\n" : "\n", to);
	}
	fputs("]\n", to);
}
