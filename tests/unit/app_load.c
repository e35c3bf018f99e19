#include "check.h"

#include "app/load.h"
#include "catalogue/providers.h"

#include <unistd.h>

/* An empty folder of our own, without any key in the environment. */
static int clean(void **state UNUSED)
{
	static char folder[] = "/tmp/weir-load-XXXXXX";

	if (folder[sizeof(folder) - 2] == 'X' && mkdtemp(folder) == NULL)
		return -1;
	for (size_t i = 0; i < provider_known_n; i++) {
		unsetenv(providers_known[i].key_env);
		if (providers_known[i].key_env_too != NULL)
			unsetenv(providers_known[i].key_env_too);
	}
	setenv("XDG_CONFIG_HOME", folder, 1);
	unsetenv("HTTPS_PROXY");
	unsetenv("https_proxy");
	unsetenv("http_proxy");
	return chdir(folder);
}

static int leave(void **state UNUSED)
{
	char folder[64];

	snprintf(folder, sizeof(folder), "%s", getenv("XDG_CONFIG_HOME"));
	unlink("weir.yaml");
	return chdir("/") == 0 ? rmdir(folder) : -1;
}

static struct load_options nothing(void)
{
	return (struct load_options){ .workers = OPTION_UNSET, .log_level = OPTION_UNSET };
}

static void write_file(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void without_a_file_keys_of_the_environment_are_used(void **state UNUSED)
{
	struct load_options o = nothing();
	const struct provider *p;
	struct loaded l;

	setenv("GROQ_API_KEY", "gk", 1);
	setenv("GOOGLE_API_KEY", "by-its-other-name", 1);
	setenv("OPENAI_API_KEY", "", 1);
	CHECK_RC(load(&l, &o), OK);
	CHECK_STR(l.file, "");
	CHECK_INT(l.snapshot->provider_n, 2);
	p = map_get(&l.snapshot->providers, LIT("groq"));
	CHECK(p != NULL && secret_eq(provider_key(p), LIT("gk")) && p->open_ended);
	p = map_get(&l.snapshot->providers, LIT("google"));
	CHECK(p != NULL && secret_eq(provider_key(p), LIT("by-its-other-name")));
	load_free(&l);
	unsetenv("GROQ_API_KEY");
	unsetenv("GOOGLE_API_KEY");

	CHECK_RC(load(&l, &o), OK);
	CHECK_INT(l.snapshot->provider_n, 0);
	load_free(&l);
}

static void found_models_get_both_their_names(void **state UNUSED)
{
	struct slice groq[] = { LIT("llama"), LIT("openai/gpt-oss") };
	struct slice ollama[] = { LIT("llama"), LIT("qwen"), LIT("ollama/odd"), LIT("qwen") };
	const struct found_provider found[] = {
		{ provider_known(LIT("ollama")), ollama, ARRAY_LEN(ollama) },
		{ provider_known(LIT("groq")), groq, ARRAY_LEN(groq) },
	};
	struct load_options o = nothing();
	const struct model *m;
	struct loaded l;

	setenv("GROQ_API_KEY", "gk", 1);
	o.found = found;
	o.found_n = ARRAY_LEN(found);
	CHECK_RC(load(&l, &o), OK);
	m = map_get(&l.snapshot->models, LIT("groq/llama"));
	CHECK(m != NULL && slice_eq(m->deployments[0]->model, LIT("llama")));
	/* The first that has it. */
	m = map_get(&l.snapshot->models, LIT("llama"));
	CHECK(m != NULL && slice_eq(m->deployments[0]->name, LIT("ollama/llama")));
	/* A path, but of no provider here. */
	m = map_get(&l.snapshot->models, LIT("openai/gpt-oss"));
	CHECK(m != NULL && slice_eq(m->deployments[0]->name, LIT("groq/openai/gpt-oss")));
	/* Would be mistaken for the model `odd` of ollama. */
	CHECK(map_get(&l.snapshot->models, LIT("ollama/odd")) == NULL);
	CHECK(map_get(&l.snapshot->models, LIT("ollama/ollama/odd")) != NULL);
	CHECK_INT(l.snapshot->model_n, 8);
	load_free(&l);
	unsetenv("GROQ_API_KEY");
}

static void local_servers_are_candidates_only_when_asked_for(void **state UNUSED)
{
	struct load_options o = nothing();
	const struct provider *p;
	struct loaded l;

	o.locals = true;
	CHECK_RC(load(&l, &o), OK);
	CHECK_INT(l.snapshot->provider_n, 4);
	p = map_get(&l.snapshot->providers, LIT("ollama"));
	CHECK(p != NULL && !p->use_proxy && secret_empty(provider_key(p)));
	load_free(&l);
}

static void the_simulated_provider_is_added_beside_a_file(void **state UNUSED)
{
	struct load_options o = nothing();
	const struct provider *p;
	const struct model *m;
	struct loaded l;

	o.mock_url = LIT("http://127.0.0.1:9/v1");
	o.mock_models = LIT("mock,mock-mini");
	write_file("weir.yaml", "providers: {x: {base_url: http://10.0.0.1/v1}}\n"
				"models: {mock: x/mine}\n");
	CHECK_RC(load(&l, &o), OK);
	CHECK_STR(l.file, "./weir.yaml");
	p = map_get(&l.snapshot->providers, LIT("mock"));
	CHECK(p != NULL && p->simulated && p->url.port == 9);
	/* What the file says stays. */
	m = map_get(&l.snapshot->models, LIT("mock"));
	CHECK(m != NULL && slice_eq(m->owned_by, LIT("x")));
	m = map_get(&l.snapshot->models, LIT("mock-mini"));
	CHECK(m != NULL && m->deployments[0]->provider == p);
	load_free(&l);
	unlink("weir.yaml");
}

static void the_command_line_wins(void **state UNUSED)
{
	struct load_options o = nothing();
	struct address at;
	struct loaded l;

	write_file("weir.yaml", "listen: [127.0.0.1:1, 127.0.0.1:2]\nworkers: 3\n"
				"log: {level: error}\n"
				"providers: {x: {base_url: http://10.0.0.1/v1}}\n");
	o.listen = LIT("127.0.0.1:7777");
	o.workers = 5;
	o.log_level = LOG_DEBUG;
	CHECK_RC(load(&l, &o), OK);
	CHECK_INT(l.config->listen.n, 1);
	CHECK_RC(config_address(l.config, 0, &at, NULL), OK);
	CHECK_INT(address_port(&at), 7777);
	CHECK_INT(l.config->workers, 5);
	CHECK_INT(l.config->log.level, LOG_DEBUG);
	load_free(&l);

	/* Also where others could connect. */
	o.listen = LIT("0.0.0.0:80");
	CHECK_RC(load(&l, &o), E_BAD);
	CHECK_INT(l.problems.n, 1);
	load_free(&l);
	unlink("weir.yaml");
}

static void a_file_that_was_asked_for_must_be_there(void **state UNUSED)
{
	struct load_options o = nothing();
	struct loaded l;

	o.file = "no-such.yaml";
	CHECK_RC(load(&l, &o), E_BAD);
	CHECK_INT(l.problems.n, 1);
	CHECK_SLICE(l.problems.v[0].text, "No such file or directory");
	load_free(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(without_a_file_keys_of_the_environment_are_used),
		cmocka_unit_test(found_models_get_both_their_names),
		cmocka_unit_test(local_servers_are_candidates_only_when_asked_for),
		cmocka_unit_test(the_simulated_provider_is_added_beside_a_file),
		cmocka_unit_test(the_command_line_wins),
		cmocka_unit_test(a_file_that_was_asked_for_must_be_there),
	};

	return cmocka_run_group_tests(tests, clean, leave);
}
