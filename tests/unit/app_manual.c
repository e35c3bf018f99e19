#include "check.h"

#include "app/config.h"
#include "app/manual.h"

static const char *no_env(const struct config_env *e UNUSED, const char *name UNUSED)
{
	return NULL;
}

static const struct config_env empty_env = { no_env };

static const char *app_env(const struct config_env *e UNUSED, const char *name)
{
	return strcmp(name, "APP_KEY") == 0 ? "weir-app-key" : NULL;
}

static const struct config_env some_env = { app_env };

static char *printed(void print(FILE *to), size_t *n)
{
	char *text = NULL;
	FILE *to = open_memstream(&text, n);

	assert_non_null(to);
	print(to);
	fclose(to);
	assert_non_null(text);
	return text;
}

/* Takes away the "#" before options: "#a: 1", "  #- b". */
static void uncomment(char *text)
{
	char *to = text;
	bool blank = true; /* so far on this line */

	for (const char *p = text; *p != '\0'; p++) {
		if (blank && *p == '#' && p[1] != ' ' && p[1] != '\n') {
			blank = false;
			continue;
		}
		blank = *p == '\n' || (blank && *p == ' ');
		*to++ = *p;
	}
	*to = '\0';
}

static void read_it(struct slice text, const struct config_env *env, struct config **c,
		    struct arena *a)
{
	struct problems p;
	enum rc rc;

	problems_init(&p, a);
	rc = config_read(c, a, text, env, &p);
	for (size_t i = 0; i < p.n; i++)
		print_error("sample:%u:%u: %.*s\n", p.v[i].at.line, p.v[i].at.column,
			    SARG(p.v[i].text));
	CHECK_RC(rc, OK);
}

static void the_sample_is_a_config_that_works(void **state UNUSED)
{
	struct snapshot *s = NULL;
	struct config *c = NULL;
	struct problems p;
	struct test_mem t;
	struct arena a;
	size_t n;
	char *text = printed(manual_sample, &n);

	test_mem_init(&t, 0);
	arena_init(&a, &t.mem, 4096, 16 << 20);
	problems_init(&p, &a);
	read_it(slice_of(text, n), &empty_env, &c, &a);
	CHECK_RC(config_build(&s, c, &(struct config_build){ .mem = &t.mem, .env = &empty_env },
			      &p),
		 OK);
	CHECK_INT(s->provider_n, 1);
	CHECK(map_get(&s->models, LIT("gpt-4o-mini")) != NULL);
	snapshot_unref(s);
	arena_free(&a);
	free(text);
	CHECK_INT(t.live, 0);
}

/* With every option set: each is there, read without complaint, and those shown with their
 * default change nothing. */
static void the_sample_has_every_option(void **state UNUSED)
{
	struct config *c = NULL, *plain;
	struct test_mem t;
	struct arena a;
	size_t n;
	char *text = printed(manual_sample, &n);

	test_mem_init(&t, 0);
	arena_init(&a, &t.mem, 4096, 16 << 20);
	uncomment(text);
	read_it(slice_cstr(text), &some_env, &c, &a);
	plain = config_defaults(&a);
	assert_non_null(plain);
	CHECK_INT(c->listen.n, 1);
	CHECK_INT(c->keys.n, 1);
	CHECK_INT(c->providers.n, 2);
	CHECK_INT(c->models.n, 2);
	CHECK_INT(c->timeouts.dns, plain->timeouts.dns);
	CHECK_INT(c->limits.body, plain->limits.body);
	CHECK_INT(c->breaker.rest_max, plain->breaker.rest_max);
	CHECK_INT(((struct config_provider *)sections_at(&c->providers, 1))->warm, 2);
	CHECK_INT(((struct config_model *)sections_at(&c->models, 1))->retries.attempts, 2);
	arena_free(&a);
	free(text);
	CHECK_INT(t.live, 0);
}

static void every_option_is_in_the_manual(void **state UNUSED)
{
	size_t n;
	char *text = printed(manual_weir_yaml, &n);

	for (size_t i = 0; i < options_root.n; i++) {
		char item[64];

		snprintf(item, sizeof(item), "\n.B %s\n", options_root.rows[i].name);
		CHECK(strstr(text, item) != NULL);
	}
	CHECK(strstr(text, "\n.SS models.NAME.deployments[]\n") != NULL);
	CHECK(strstr(text, "\n.SS timeouts\n") != NULL);
	CHECK(strstr(text, "GROQ_API_KEY") != NULL);
	free(text);
	text = printed(manual_weir, &n);
	CHECK(strstr(text, ".SS weir serve") != NULL);
	CHECK(strstr(text, "\\-\\-log\\-level") != NULL);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_sample_is_a_config_that_works),
		cmocka_unit_test(the_sample_has_every_option),
		cmocka_unit_test(every_option_is_in_the_manual),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
