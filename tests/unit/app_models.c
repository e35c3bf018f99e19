#include "check.h"

#include "app/command.h"
#include "app/models.h"
#include "app/options.h"
#include "base/date.h"

static char *run(int want, char *first, char *second, char *third, char *fourth)
{
	char weir[] = "weir", models[] = "models";
	char *argv[] = { weir, models, first, second, third, fourth, NULL };
	FILE *out = stdout, *err = stderr;
	int argc = 0, status;
	char *text = NULL;
	size_t n = 0;

	while (argv[argc] != NULL)
		argc++;
	stdout = stderr = open_memstream(&text, &n);
	status = command_line(argc, argv);
	fclose(stdout);
	stdout = out;
	stderr = err;
	CHECK_INT(status, want);
	return text;
}

static size_t lines(const char *s)
{
	size_t n = 0;

	for (; *s != '\0'; s++)
		n += *s == '\n' ? 1 : 0;
	return n;
}

static void amounts_are_exact(void **state UNUSED)
{
	static const struct {
		const char *text;
		uint64_t nano;
	} rows[] = {
		{ "0", 0 },           { "0.15", 150000000 },  { "600", 600000000000 },
		{ "0.000000001", 1 }, { "1.25", 1250000000 },
	};
	static const char *const bad[] = { "",    ".5",          "1.",
					   "-1",  "1e3",         "0.0000000001",
					   "1,5", "99999999999", "1.5x" };
	char room[40];
	uint64_t nano;
	struct sb b;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		CHECK(usd_read(slice_cstr(rows[i].text), &nano));
		CHECK_INT(nano, rows[i].nano);
		sb_init(&b, room, sizeof(room));
		usd_print(&b, nano);
		CHECK_STR(sb_cstr(&b), rows[i].text);
	}
	CHECK(usd_read(LIT("2.50"), &nano) && nano == 2500000000);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!usd_read(slice_cstr(bad[i]), &nano));
}

static void a_table_fits_into_the_terminal(void **state UNUSED)
{
	static const unsigned widths[] = { 40, 60, 80, 100, 132 };
	struct model_info v[400];
	int64_t day = 20777;

	for (size_t i = 0; i < ARRAY_LEN(v); i++)
		catalogue_at(NULL, i, &v[i]);
	for (size_t w = 0; w < ARRAY_LEN(widths); w++) {
		char *text = NULL;
		size_t n = 0, at = 0;
		FILE *to = open_memstream(&text, &n);

		models_table(to, v, ARRAY_LEN(v), day, w % 2 == 1, widths[w]);
		models_compare(to, v, 3, day, widths[w] < 60 ? 60 : widths[w]);
		fclose(to);
		for (struct slice rest = slice_of(text, n), line; rest.n > 0; at++) {
			(void)slice_cut(rest, '\n', &line, &rest);
			CHECK(line.n <= widths[w] || (widths[w] < 60 && line.n <= 60));
		}
		CHECK(at > ARRAY_LEN(v));
		free(text);
	}
}

static void filters_leave_only_what_fits(void **state UNUSED)
{
	char provider[] = "--provider=anthropic", tier[] = "--tier=mini", json[] = "--json";
	char price[] = "--max-price=0.5", context[] = "--min-context=1M";
	char able[] = "--supports=tools,vision", sort[] = "--sort=price";
	char nothing[] = "--search=no such thing";
	char *s;

	s = run(EXIT_OK, provider, tier, NULL, NULL);
	CHECK(lines(s) > 2 && strstr(s, "anthropic/claude-haiku-5-5 ") != NULL);
	CHECK(strstr(s, "opus") == NULL && strstr(s, "openai/") == NULL);
	free(s);
	s = run(EXIT_OK, price, context, able, sort);
	CHECK(strstr(s, "anthropic/claude-haiku-5-5 ") != NULL);
	CHECK(strstr(s, "openai/gpt-4o ") == NULL);
	free(s);
	s = run(EXIT_FAILED, nothing, NULL, NULL, NULL);
	CHECK_STR(s, "weir models: no model is like that\n");
	free(s);
	s = run(EXIT_OK, nothing, json, NULL, NULL);
	CHECK_STR(s, "[\n]\n");
	free(s);
}

static void the_retired_are_listed_apart(void **state UNUSED)
{
	char provider[] = "--provider=google", retired[] = "--retired";
	char *s = run(EXIT_OK, provider, NULL, NULL, NULL);

	CHECK(strstr(s, "gemini-2.0-flash ") == NULL && strstr(s, "gemini-3.8-flash") != NULL);
	free(s);
	s = run(EXIT_OK, provider, retired, NULL, NULL);
	CHECK(strstr(s, "google/gemini-2.0-flash ") != NULL);
	CHECK(strstr(s, "2026-06-01  gemini-3.8-flash\n") != NULL);
	free(s);
}

static void one_is_shown_and_several_are_compared(void **state UNUSED)
{
	char show[] = "show", compare[] = "compare", haiku[] = "claude-3-haiku";
	char mini[] = "gpt-4o-mini", azure[] = "azure/gpt-4o-mini", slip[] = "gtp-4o";
	char *s;

	s = run(EXIT_OK, show, haiku, NULL, NULL);
	CHECK(strstr(s, "claude-3-haiku-20240307") != NULL);
	CHECK(strstr(s, "snapshot of           2024-03-07\n") != NULL);
	CHECK(strstr(s, "output, $/M           1.25\n") != NULL);
	free(s);
	s = run(EXIT_OK, compare, mini, azure, haiku);
	CHECK(strstr(s, "\nprovider              openai ") != NULL);
	CHECK(strstr(s, " azure ") != NULL && strstr(s, " 0.165 ") != NULL);
	free(s);
	s = run(EXIT_FAILED, show, slip, NULL, NULL);
	CHECK_STR(s, "weir models: no model \"gtp-4o\"; did you mean \"gpt-4o\"?\n");
	free(s);
	s = run(EXIT_USAGE, compare, mini, NULL, NULL);
	CHECK_STR(s, "weir models: compare needs two or more models\n");
	free(s);
	s = run(EXIT_USAGE, mini, NULL, NULL, NULL);
	CHECK_STR(s, "weir models: no use for gpt-4o-mini; write show or compare before "
		     "names\n");
	free(s);
}

static void bad_values_are_explained(void **state UNUSED)
{
	static const struct {
		const char *arg, *says;
	} rows[] = {
		{ "--tier=huge", "a tier is mini, standard, flagship, reasoning or preview" },
		{ "--kind=talk", "a kind is chat, completion, embedding" },
		{ "--supports=tools,flying", "no \"flying\"; there are tools, " },
		{ "--max-price=cheap", "write USD per million tokens" },
		{ "--min-context=long", "write tokens" },
		{ "--sort=age", "sort by price, context or name" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		char arg[64];
		char *s;

		snprintf(arg, sizeof(arg), "%s", rows[i].arg);
		s = run(EXIT_USAGE, arg, NULL, NULL, NULL);
		CHECK(strstr(s, rows[i].says) != NULL);
		free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(amounts_are_exact),
		cmocka_unit_test(a_table_fits_into_the_terminal),
		cmocka_unit_test(filters_leave_only_what_fits),
		cmocka_unit_test(the_retired_are_listed_apart),
		cmocka_unit_test(one_is_shown_and_several_are_compared),
		cmocka_unit_test(bad_values_are_explained),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
