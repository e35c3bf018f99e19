#include "check.h"

#include "base/date.h"
#include "catalogue/models.h"
#include "catalogue/providers.h"

#define USD UINT64_C(1000000000)

static int64_t day(const char *text)
{
	int64_t d = 0;

	CHECK(date_read(slice_cstr(text), &d));
	return d;
}

static struct model_info found(const struct catalogue *c, const char *provider,
			       const char *name)
{
	struct model_info m = { 0 };

	CHECK(catalogue_find(c, slice_cstr(provider), slice_cstr(name), &m));
	return m;
}

static uint64_t price(const struct model_info *m, const char *on, enum price_kind k)
{
	struct model_price p;

	(void)model_price_at(m, day(on), &p);
	return p.known & 1U << k ? p.nano[k] : UINT64_MAX;
}

/* ---- the shipped rows ----------------------------------------------------------------------
 */

static void every_row_makes_sense(void **state UNUSED)
{
	struct model_info m, again, before = { 0 };
	struct slice aliases[8];
	struct model_price p;
	size_t priced = 0;

	CHECK(catalogue_count(NULL) > 1800);
	for (size_t i = 0; i < catalogue_count(NULL); i++) {
		char room[300];
		struct sb source;

		catalogue_at(NULL, i, &m);
		CHECK(provider_known(m.provider) != NULL);
		CHECK(m.id.n > 0 && m.upstream.n > 0 && m.family.n > 0);
		CHECK(m.kind != MODEL_CHAT || m.media_in != 0);
		CHECK((m.caps & ~m.caps_stated) == 0);
		CHECK(m.tier != TIER_UNKNOWN);
		if (i > 0 && slice_eq(before.provider, m.provider))
			CHECK(memcmp(before.id.p, m.id.p, size_min(before.id.n, m.id.n) + 1) <
			      0);
		before = m;
		again = found(NULL, m.provider.p, m.id.p);
		CHECK(again.row == m.row);
		for (size_t k = model_aliases(&m, aliases, ARRAY_LEN(aliases)); k-- > 0;)
			CHECK(found(NULL, m.provider.p, aliases[k].p).row == m.row);
		if (m.successor.n > 0) {
			again = found(NULL, m.provider.p, m.successor.p);
			CHECK(m.retired_day != 0 && !slice_eq(again.id, m.id));
			CHECK(again.retired_day == 0 || again.retired_day > m.retired_day);
		}
		if (model_price_at(&m, day("2026-11-20"), &p))
			priced++;
		/* Nobody asks more than a thousand dollars for a million tokens. */
		for (unsigned k = 0; k < UNIT_IMAGE_INPUT; k++)
			CHECK(p.nano[k] <= 1000 * USD);
		sb_init(&source, room, sizeof(room));
		model_source(&m, &source);
		CHECK(source.n > 0 && !source.cut &&
		      slice_find_char(sb_slice(&source), '\1') == SLICE_NONE);
	}
	CHECK(priced > 1600);
}

static void a_snapshot_pins_and_an_alias_follows(void **state UNUSED)
{
	struct model_info m = found(NULL, "openai", "gpt-4o-2024-11-20");

	CHECK_SLICE(m.id, "gpt-4o-2024-11-20");
	CHECK_INT(m.snapshot_day, day("2024-11-20"));
	CHECK_INT(found(NULL, "openai", "gpt-4o").snapshot_day, 0);
	m = found(NULL, "anthropic", "claude-3-haiku");
	CHECK_SLICE(m.id, "claude-3-haiku-20240307");
	CHECK_SLICE(m.upstream, "claude-3-haiku-20240307");
	m = found(NULL, "fireworks", "deepseek-v3p1");
	CHECK_SLICE(m.upstream, "accounts/fireworks/models/deepseek-v3p1");
	CHECK(!catalogue_find(NULL, LIT("openai"), LIT("gpt-4o-1999-01-01"), &m));
	CHECK(!catalogue_find(NULL, LIT("groq"), LIT("gpt-4o"), &m));
	CHECK(!catalogue_find(NULL, LIT("openai"), LIT(""), &m));
}

static void a_name_is_found_at_all_its_providers(void **state UNUSED)
{
	struct model_info v[64];
	size_t n = catalogue_find_all(NULL, LIT("gpt-4o"), v, ARRAY_LEN(v));

	CHECK(n >= 2);
	for (size_t i = 0; i < n; i++)
		CHECK(slice_ends(v[i].id, LIT("gpt-4o"))); /* "openai/gpt-4o" of a reseller */
	CHECK_INT(catalogue_find_all(NULL, LIT("gpt-4o"), v, 0), n);
	CHECK_INT(catalogue_find_all(NULL, LIT("no-such-model"), v, 64), 0);
}

static void prices_are_whole_nano_usd(void **state UNUSED)
{
	struct model_info m = found(NULL, "openai", "gpt-4o");

	CHECK_INT(price(&m, "2026-11-20", PRICE_INPUT), 5 * USD / 2);
	CHECK_INT(price(&m, "2026-11-20", PRICE_OUTPUT), 10 * USD);
	CHECK_INT(price(&m, "2026-11-20", PRICE_CACHE_READ), 5 * USD / 4);
	/* What is not said is not free. */
	CHECK(price(&m, "2026-11-20", PRICE_CACHE_WRITE) == UINT64_MAX);
	m = found(NULL, "ollama", "llama3.1");
	CHECK_INT(price(&m, "2026-11-20", PRICE_INPUT), 0);
}

static void an_announced_price_holds_from_its_day(void **state UNUSED)
{
	struct model_info m = found(NULL, "google", "gemini-3.8-flash");
	struct model_price p;

	CHECK(model_price_at(&m, day("2026-12-31"), &p));
	CHECK_INT(p.until_day, day("2027-01-01"));
	CHECK(p.nano[PRICE_INPUT] != 3 * USD / 2);
	CHECK(model_price_at(&m, day("2027-01-01"), &p));
	CHECK_INT(p.nano[PRICE_INPUT], 3 * USD / 2);
	CHECK_INT(p.nano[PRICE_OUTPUT], 15 * USD / 2);
	CHECK_INT(p.from_day, day("2027-01-01"));
	CHECK_INT(p.until_day, 0);
}

static void a_long_prompt_reprices_the_whole_request(void **state UNUSED)
{
	struct model_info m = found(NULL, "google", "gemini-2.5-pro");
	struct model_price p, q;

	CHECK(model_price_at(&m, day("2026-11-20"), &p));
	CHECK_INT(p.tier_n, 1);
	CHECK_INT(p.tier[0].above_tokens, 200000);
	CHECK_INT(p.nano[PRICE_INPUT], 5 * USD / 4);
	q = p;
	model_price_tier(&q, 200000);
	CHECK_INT(q.nano[PRICE_INPUT], 5 * USD / 4);
	model_price_tier(&q, 200001);
	CHECK_INT(q.nano[PRICE_INPUT], 5 * USD / 2);
	CHECK_INT(q.nano[PRICE_OUTPUT], 15 * USD);
}

static void retired_models_say_when_and_what_instead(void **state UNUSED)
{
	struct model_info m = found(NULL, "openai", "gpt-4o-2024-05-13");

	CHECK(!model_retired(&m, day("2026-10-22")));
	CHECK(model_retired(&m, day("2026-10-23")));
	CHECK_SLICE(m.successor, "gpt-4o");
	CHECK(catalogue_retired(NULL, LIT("claude-3-opus-20240229"), day("2026-11-20"), &m));
	CHECK_INT(m.retired_day, day("2026-05-01"));
	CHECK(m.successor.n > 0);
	/* Some provider still has it, or none ever had. */
	CHECK(!catalogue_retired(NULL, LIT("gpt-4o"), day("2026-11-20"), &m));
	CHECK(!catalogue_retired(NULL, LIT("no-such-model"), day("2026-11-20"), &m));
}

/* ---- rows over them ------------------------------------------------------------------------
 */

static const struct model_alias moved[] = { { LITC("claude-3-haiku") } };

static struct model_change change(const char *provider, const char *id)
{
	return (struct model_change){ .provider = slice_cstr(provider),
				      .id = slice_cstr(id),
				      .kind = -1,
				      .tier = -1,
				      .responses_only = -1,
				      .no_sampling = -1 };
}

static size_t changes(struct model_change v[4], struct model_price *later)
{
	v[0] = change("openai", "gpt-4o");
	v[0].price.known = 1U << PRICE_INPUT;
	v[0].price.nano[PRICE_INPUT] = 2 * USD;
	*later = (struct model_price){ .from_day = 21000, .known = 1U << PRICE_OUTPUT };
	later->nano[PRICE_OUTPUT] = 7 * USD;
	v[0].changes = later;
	v[0].change_n = 1;
	v[1] = change("my-own", "llama");
	v[1].context = 1000;
	v[1].caps = v[1].caps_stated = 1U << CAP_TOOLS;
	v[2] = change("anthropic", "claude-haiku-5-5");
	v[2].aliases = moved;
	v[2].alias_n = 1;
	v[2].aliases_given = true;
	v[2].caps_stated = 1U << CAP_TOOLS;
	v[3] = change("groq", "aaa");
	v[3].retired_day = 20000;
	v[3].successor = LIT("bbb");
	v[3].kind = MODEL_EMBEDDING;
	return 4;
}

static void an_operators_rows_change_add_and_retire(void **state UNUSED)
{
	struct model_change v[4];
	struct model_price later;
	struct model_info m, old;
	struct catalogue *c;
	struct test_mem mem;
	struct arena a;

	test_mem_init(&mem, 0);
	arena_init(&a, &mem.mem, 4096, 1 << 20);
	CHECK_RC(catalogue_lay(&c, &a, v, changes(v, &later)), OK);
	m = found(c, "openai", "gpt-4o");
	old = found(NULL, "openai", "gpt-4o");
	CHECK(m.ours && !old.ours);
	CHECK_INT(m.context, old.context);
	CHECK_INT(m.caps, old.caps);
	CHECK_INT(price(&m, "2026-11-20", PRICE_INPUT), 2 * USD);
	CHECK_INT(price(&m, "2026-11-20", PRICE_OUTPUT), 10 * USD);
	CHECK_INT(price(&m, "2030-01-01", PRICE_INPUT), 2 * USD);
	CHECK_INT(price(&m, "2030-01-01", PRICE_OUTPUT), 7 * USD);
	m = found(c, "my-own", "llama");
	CHECK_SLICE(m.upstream, "llama");
	CHECK(model_has(&m, CAP_TOOLS) && m.context == 1000);
	CHECK(!model_price_at(&m, 20000, &later));
	/* The alias follows to the row that has it now. */
	m = found(c, "anthropic", "claude-3-haiku");
	CHECK_SLICE(m.id, "claude-haiku-5-5");
	CHECK(!model_has(&m, CAP_TOOLS));
	CHECK_INT(catalogue_find_all(c, LIT("claude-3-haiku"), &old, 1),
		  catalogue_find_all(NULL, LIT("claude-3-haiku"), &old, 1));
	CHECK_SLICE(found(c, "anthropic", "claude-3-haiku-20240307").id,
		    "claude-3-haiku-20240307");
	CHECK(catalogue_retired(c, LIT("aaa"), 20000, &m));
	CHECK_SLICE(m.successor, "bbb");
	arena_free(&a);
	CHECK_INT(mem.live, 0);
}

static void all_are_listed_in_order_and_once(void **state UNUSED)
{
	struct model_info m, before = { 0 };
	struct model_change v[4];
	struct model_price later;
	struct catalogue *c;
	struct test_mem mem;
	size_t ours = 0;
	struct arena a;

	test_mem_init(&mem, 0);
	arena_init(&a, &mem.mem, 4096, 1 << 20);
	CHECK_RC(catalogue_lay(&c, &a, v, changes(v, &later)), OK);
	CHECK_INT(catalogue_count(c), catalogue_count(NULL) + 2);
	for (size_t i = 0; i < catalogue_count(c); i++) {
		char left[200], right[200];

		catalogue_at(c, i, &m);
		ours += m.ours ? 1 : 0;
		snprintf(left, sizeof(left), "%.*s\1%.*s", SARG(before.provider),
			 SARG(before.id));
		snprintf(right, sizeof(right), "%.*s\1%.*s", SARG(m.provider), SARG(m.id));
		CHECK(strcmp(left, right) < 0);
		before = m;
	}
	CHECK_INT(ours, 4);
	arena_free(&a);
}

static void laying_sweep(struct test_mem *t)
{
	struct model_change v[4];
	struct model_price later;
	struct catalogue *c;
	struct arena a;
	enum rc rc;

	arena_init(&a, &t->mem, 64, 1 << 20);
	rc = catalogue_lay(&c, &a, v, changes(v, &later));
	CHECK(rc == OK || rc == E_NOMEM);
	if (rc == OK)
		CHECK_INT(found(c, "my-own", "llama").context, 1000);
	arena_free(&a);
}

static void laying_survives_failing_memory(void **state UNUSED)
{
	sweep(laying_sweep);
}

/* ---- days ----------------------------------------------------------------------------------
 */

static void days_are_counted_from_1970(void **state UNUSED)
{
	static const struct {
		const char *text;
		int64_t days;
	} rows[] = {
		{ "1970-01-01", 0 },     { "1969-12-31", -1 },    { "2000-02-29", 11016 },
		{ "2026-11-20", 20777 }, { "2100-03-01", 47541 }, { "0001-01-01", -719162 },
	};
	static const char *const bad[] = { "",           "2026",       "2026-13",  "2026-00-10",
					   "2023-02-29", "2026-04-31", "26-11-20", "2026/11/20",
					   "2026-11-2x", "2026-11-00", "2026-11-" };
	char room[16];
	int64_t d = 7;
	struct sb b;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK_INT(day(rows[i].text), rows[i].days);
		sb_init(&b, room, sizeof(room));
		date_print(&b, rows[i].days);
		CHECK_STR(sb_cstr(&b), rows[i].text);
	}
	CHECK_INT(day("2026-11"), day("2026-11-01"));
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!date_read(slice_cstr(bad[i]), &d));
	CHECK_INT(d, 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_row_makes_sense),
		cmocka_unit_test(a_snapshot_pins_and_an_alias_follows),
		cmocka_unit_test(a_name_is_found_at_all_its_providers),
		cmocka_unit_test(prices_are_whole_nano_usd),
		cmocka_unit_test(an_announced_price_holds_from_its_day),
		cmocka_unit_test(a_long_prompt_reprices_the_whole_request),
		cmocka_unit_test(retired_models_say_when_and_what_instead),
		cmocka_unit_test(an_operators_rows_change_add_and_retire),
		cmocka_unit_test(all_are_listed_in_order_and_once),
		cmocka_unit_test(laying_survives_failing_memory),
		cmocka_unit_test(days_are_counted_from_1970),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
