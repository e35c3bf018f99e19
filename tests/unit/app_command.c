#include "check.h"

#include "app/command.h"

/* What a command line prints and returns. */
struct outcome {
	int status;
	char *out, *err;
	size_t out_n, err_n;
};

static void run(struct outcome *o, char **argv)
{
	FILE *out = stdout, *err = stderr;
	int argc = 0;

	while (argv[argc] != NULL)
		argc++;
	*o = (struct outcome){ .out = NULL };
	stdout = open_memstream(&o->out, &o->out_n);
	stderr = open_memstream(&o->err, &o->err_n);
	o->status = command_line(argc, argv);
	fclose(stdout);
	fclose(stderr);
	stdout = out;
	stderr = err;
}

static void done(struct outcome *o)
{
	free(o->out);
	free(o->err);
}

static char weir_arg[] = "weir";

static void refused(char *first, char *second, char *third, const char *why)
{
	char *argv[] = { weir_arg, first, second, third, NULL };
	struct outcome o;

	run(&o, argv);
	CHECK_STR(o.err, why);
	CHECK_STR(o.out, "");
	CHECK_INT(o.status, EXIT_USAGE);
	done(&o);
}

static void what_is_not_understood_is_explained(void **state UNUSED)
{
	char srve[] = "srve", serve[] = "serve", check[] = "check", nonsense[] = "nonsense";
	char confg[] = "--confg=x", config[] = "--config", mock[] = "--mock=yes", file[] = "f";
	char workers[] = "--workers=many", level[] = "--log-level=loud", x[] = "-x";
	char man[] = "man", help[] = "help", zzzz[] = "--zzzzzzzz";

	refused(srve, NULL, NULL, "weir: unknown command \"srve\"; did you mean \"serve\"?\n");
	refused(nonsense, NULL, NULL, "weir: unknown command \"nonsense\"; see weir help\n");
	refused(serve, confg, NULL,
		"weir serve: unknown option --confg; did you mean --config?\n");
	refused(serve, zzzz, NULL,
		"weir serve: unknown option --zzzzzzzz; see weir serve --help\n");
	refused(serve, config, NULL,
		"weir serve: a value is missing after --config; see weir serve --help\n");
	refused(serve, mock, NULL,
		"weir serve: no value goes with --mock; see weir serve --help\n");
	refused(serve, file, NULL, "weir serve: no use for f; see weir serve --help\n");
	refused(check, file, file, "weir check: no use for f; see weir check --help\n");
	refused(serve, x, NULL, "weir serve: unknown option -x; see weir serve --help\n");
	refused(serve, workers, NULL,
		"weir serve: --workers: \"many\" is not a number up to 256\n");
	refused(serve, level, NULL,
		"weir serve: --log-level: \"loud\" is not debug, info, warn or error\n");
	refused(man, nonsense, NULL,
		"weir man: no page \"nonsense\"; there are weir and weir.yaml\n");
	refused(help, nonsense, NULL, "weir help: no command \"nonsense\"\n");
}

static void every_command_has_help(void **state UNUSED)
{
	for (size_t i = 0; i < command_n; i++) {
		char name[16], help[] = "--help";
		char *argv[] = { weir_arg, name, help, NULL };
		struct outcome o;

		snprintf(name, sizeof(name), "%s", commands[i].name);
		run(&o, argv);
		CHECK_INT(o.status, EXIT_OK);
		CHECK(strstr(o.out, commands[i].name) != NULL);
		CHECK_STR(o.err, "");
		done(&o);
	}
}

static void the_version_is_printed(void **state UNUSED)
{
	char version[] = "--version";
	char *argv[] = { weir_arg, version, NULL };
	struct outcome o;

	run(&o, argv);
	CHECK_STR(o.out, "weir " WEIR_VERSION "\n");
	CHECK_INT(o.status, EXIT_OK);
	done(&o);
}

/* What the table says of a command that reads its own command line is true. */
static void options_of_the_simulator_are_those_it_takes(void **state UNUSED)
{
	const struct command *c = command_find(LIT("mock"));
	char name[] = "mock", help[] = "--help";
	char *argv[] = { weir_arg, name, help, NULL };
	struct outcome o;

	assert_non_null(c);
	run(&o, argv);
	for (size_t i = 0; i < c->option_n; i++)
		CHECK(strstr(o.out, c->options[i].name) != NULL);
	done(&o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_understood_is_explained),
		cmocka_unit_test(every_command_has_help),
		cmocka_unit_test(the_version_is_printed),
		cmocka_unit_test(options_of_the_simulator_are_those_it_takes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
