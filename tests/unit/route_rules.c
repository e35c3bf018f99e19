#include "check.h"

#include "route/rules.h"

#define MINUTE 60000000ULL
#define DAY    (24 * 60 * MINUTE)
/* Monday, 2026-11-16, 00:00 UTC */
#define MONDAY (20773 * DAY)

static bool holds(const struct route_rule *r, const struct rule_facts *f)
{
	static const struct route_facts none = { .caps = 0 };
	struct rule_facts g = *f;

	if (g.f == NULL)
		g.f = &none;
	return route_rule_find(r, 1, &g) != NULL;
}

static void the_first_that_holds_is_the_one(void **state UNUSED)
{
	const struct route_rule v[] = { { .min_prompt_tokens = 1000, .name = LIT("long") },
					{ .max_prompt_tokens = 500, .name = LIT("short") },
					{ .name = LIT("any") } };
	static const struct route_facts none = { .caps = 0 };
	struct rule_facts f = { .f = &none };

	f.prompt_tokens = 1000;
	CHECK_SLICE(route_rule_find(v, 3, &f)->name, "long");
	f.prompt_tokens = 999;
	CHECK_SLICE(route_rule_find(v, 3, &f)->name, "any");
	CHECK(route_rule_find(v, 2, &f) == NULL);
	f.prompt_tokens = 500;
	CHECK_SLICE(route_rule_find(v, 3, &f)->name, "short");
	CHECK(route_rule_find(v, 0, &f) == NULL);
}

static void metadata_is_compared_as_it_reads(void **state UNUSED)
{
	const struct slice metadata = LIT("{\"tier\":\"g\\u006fld\",\"n\":5,\"on\":true,"
					  "\"no\":null,\"o\":{\"x\":1},\"k\\u00e9y\":\"v\"}");
	const struct {
		struct rule_pair pair;
		bool want;
	} rows[] = {
		{ { LIT("tier"), LIT("gold") }, true },
		{ { LIT("tier"), LIT("Gold") }, false },
		{ { LIT("tier"), LIT("*") }, true },
		{ { LIT("n"), LIT("5") }, true },
		{ { LIT("n"), LIT("5.0") }, false },
		{ { LIT("on"), LIT("true") }, true },
		{ { LIT("no"), LIT("*") }, false },
		{ { LIT("no"), LIT("null") }, false },
		{ { LIT("o"), LIT("*") }, true },
		{ { LIT("o"), LIT("{\"x\":1}") }, false },
		{ { LIT("absent"), LIT("*") }, false },
		{ { LIT("k\xc3\xa9y"), LIT("v") }, true },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		const struct route_rule r = { .metadata = &rows[i].pair, .metadata_n = 1 };

		CHECK_INT(holds(&r, &(struct rule_facts){ .metadata = metadata }),
			  rows[i].want);
		CHECK(!holds(&r, &(struct rule_facts){ .stream = true }));
		CHECK(!holds(&r, &(struct rule_facts){ .metadata = LIT("[]") }));
	}
	/* All of them must hold. */
	const struct rule_pair two[] = { rows[0].pair, rows[1].pair };
	const struct route_rule r = { .metadata = two, .metadata_n = 2 };

	CHECK(!holds(&r, &(struct rule_facts){ .metadata = metadata }));
}

static void one_tag_of_the_list_is_enough(void **state UNUSED)
{
	const struct slice tags[] = { LIT("batch"), LIT("night") };
	const struct route_rule r = { .tags = tags, .tag_n = 2 };

	CHECK(holds(&r, &(struct rule_facts){ .tags = LIT("batch") }));
	CHECK(holds(&r, &(struct rule_facts){ .tags = LIT("a, night ,b") }));
	CHECK(!holds(&r, &(struct rule_facts){ .tags = LIT("nights,batc") }));
	CHECK(!holds(&r, &(struct rule_facts){ .tags = LIT(" , ,") }));
	CHECK(!holds(&r, &(struct rule_facts){ .stream = true }));
}

static void a_key_is_asked_for_by_its_name(void **state UNUSED)
{
	const struct slice keys[] = { LIT("ci") };
	const struct route_rule r = { .keys = keys, .key_n = 1 };

	CHECK(holds(&r, &(struct rule_facts){ .key = LIT("ci") }));
	CHECK(!holds(&r, &(struct rule_facts){ .key = LIT("web") }));
	CHECK(!holds(&r, &(struct rule_facts){ .stream = true }));
}

static bool at(const struct route_rule *r, unsigned day, unsigned hour, unsigned minute)
{
	const uint64_t us = MONDAY + day * DAY + (hour * 60 + minute) * MINUTE;

	return holds(r, &(struct rule_facts){ .wall_us = us + 59999999 });
}

static void hours_of_the_day_are_utc(void **state UNUSED)
{
	const struct route_rule day = { .from_minute = 9 * 60, .until_minute = 17 * 60 + 30 };
	const struct route_rule night = { .from_minute = 22 * 60, .until_minute = 6 * 60 };

	CHECK(!at(&day, 0, 8, 59) && at(&day, 0, 9, 0) && at(&day, 0, 17, 29));
	CHECK(!at(&day, 0, 17, 30) && !at(&day, 0, 23, 0));
	CHECK(!at(&night, 0, 21, 59) && at(&night, 0, 22, 0) && at(&night, 0, 23, 59));
	CHECK(at(&night, 0, 0, 0) && at(&night, 0, 5, 59) && !at(&night, 0, 6, 0));
	CHECK(!at(&night, 0, 12, 0));
}

static void a_weekday_is_that_on_which_the_night_begins(void **state UNUSED)
{
	const struct route_rule weekend = { .weekdays = 1U << 5 | 1U << 6 };
	const struct route_rule friday_night = { .weekdays = 1U << 4,
						 .from_minute = 22 * 60,
						 .until_minute = 6 * 60 };
	const struct route_rule monday_night = { .weekdays = 1U << 0,
						 .from_minute = 22 * 60,
						 .until_minute = 6 * 60 };

	for (unsigned d = 0; d < 14; d++)
		CHECK_INT(at(&weekend, d, 12, 0), d % 7 >= 5);
	CHECK(at(&friday_night, 4, 23, 0) && at(&friday_night, 5, 3, 0));
	CHECK(!at(&friday_night, 4, 3, 0) && !at(&friday_night, 5, 23, 0));
	CHECK(at(&monday_night, 0, 23, 0) && at(&monday_night, 1, 3, 0));
	CHECK(!at(&monday_night, 0, 3, 0));
	/* The very first day was a Thursday. */
	CHECK(holds(&(struct route_rule){ .weekdays = 1U << 3 },
		    &(struct rule_facts){ .wall_us = 0 }));
	CHECK(holds(&(struct route_rule){ .weekdays = 1U << 2,
					  .from_minute = 60,
					  .until_minute = 30 },
		    &(struct rule_facts){ .wall_us = 0 }));
}

static void needs_media_and_streams_are_looked_at(void **state UNUSED)
{
	const struct route_facts f = { .caps = 1U << CAP_TOOLS, .media = 1U << MEDIUM_IMAGE };
	const struct rule_facts facts = { .f = &f, .stream = true };

	CHECK(holds(&(struct route_rule){ .needs = 1U << CAP_TOOLS }, &facts));
	CHECK(!holds(&(struct route_rule){ .needs = 1U << CAP_TOOLS | 1U << CAP_LOGPROBS },
		     &facts));
	CHECK(holds(&(struct route_rule){ .media = 1U << MEDIUM_IMAGE }, &facts));
	CHECK(!holds(&(struct route_rule){ .media = 1U << MEDIUM_AUDIO }, &facts));
	CHECK(holds(&(struct route_rule){ .stream = TRI_YES }, &facts));
	CHECK(!holds(&(struct route_rule){ .stream = TRI_NO }, &facts));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_first_that_holds_is_the_one),
		cmocka_unit_test(metadata_is_compared_as_it_reads),
		cmocka_unit_test(one_tag_of_the_list_is_enough),
		cmocka_unit_test(a_key_is_asked_for_by_its_name),
		cmocka_unit_test(hours_of_the_day_are_utc),
		cmocka_unit_test(a_weekday_is_that_on_which_the_night_begins),
		cmocka_unit_test(needs_media_and_streams_are_looked_at),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
