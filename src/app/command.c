/* Reading the command line by the table of commands.c. */
#include "app/command.h"

#include "mock/mock.h"

const struct command *command_find(struct slice name)
{
	for (size_t i = 0; i < command_n; i++)
		if (slice_eq(slice_cstr(commands[i].name), name))
			return &commands[i];
	return NULL;
}

bool given(const struct invocation *in, const char *name, struct slice *value)
{
	for (size_t i = in->given_n; i-- > 0;) {
		if (strcmp(in->given[i].name, name) != 0)
			continue;
		*value = in->given[i].value;
		return true;
	}
	return false;
}

bool given_flag(const struct invocation *in, const char *name)
{
	struct slice value;

	return given(in, name, &value);
}

/* ---- options -------------------------------------------------------------------------- */

/* The i-th option of a command: its own, then the simulator's. */
static bool option_at(const struct command *c, size_t i, struct command_option *out)
{
	const struct mock_option_row *rows;
	size_t n;

	if (i < c->option_n) {
		*out = c->options[i];
		return true;
	}
	if (!c->mock_options)
		return false;
	rows = mock_option_rows(&n);
	i -= c->option_n;
	if (i >= n)
		return false;
	*out = (struct command_option){ rows[i].name, rows[i].hint, rows[i].help };
	return true;
}

static bool find_option(const struct command *c, struct slice name, struct command_option *out)
{
	for (size_t i = 0; option_at(c, i, out); i++)
		if (slice_eq(slice_cstr(out->name), name))
			return true;
	return false;
}

static void unknown_option(const struct command *c, struct slice name)
{
	const char *near = NULL;
	struct command_option o;
	size_t best = 3;

	for (size_t i = 0; option_at(c, i, &o); i++) {
		size_t d = slice_distance(slice_cstr(o.name), name);

		if (d < best) {
			best = d;
			near = o.name;
		}
	}
	fprintf(stderr, "weir %s: unknown option --%.*s", c->name, SARG(name));
	if (near != NULL)
		fprintf(stderr, "; did you mean --%s?\n", near);
	else
		fprintf(stderr, "; see weir %s --help\n", c->name);
}

static int usage(const struct command *c, const char *what, struct slice which)
{
	fprintf(stderr, "weir %s: %s%.*s; see weir %s --help\n", c->name, what, SARG(which),
		c->name);
	return EXIT_USAGE;
}

/* One "--name", "--name=value" or "--name value"; *next is the argument after it. */
static int take_option(struct invocation *in, struct slice arg, char ***next)
{
	struct slice name, value = { NULL, 0 };
	struct command_option o;
	bool has_value = slice_cut(slice_skip(arg, 2), '=', &name, &value);

	if (!find_option(in->command, name, &o)) {
		unknown_option(in->command, name);
		return EXIT_USAGE;
	}
	if (o.hint == NULL && has_value)
		return usage(in->command, "no value goes with --", name);
	if (o.hint != NULL && !has_value) {
		if (**next == NULL)
			return usage(in->command, "a value is missing after --", name);
		value = slice_cstr(*(*next)++);
	}
	if (in->given_n == GIVEN_MAX)
		return usage(in->command, "too many options, from --", name);
	in->given[in->given_n].name = o.name;
	in->given[in->given_n++].value = value;
	return EXIT_OK;
}

static int take_all(struct invocation *in, char **next, bool *help)
{
	bool options = true;

	while (*next != NULL) {
		struct slice arg = slice_cstr(*next++);

		if (options && slice_eq(arg, LIT("--"))) {
			options = false;
		} else if (options &&
			   (slice_eq(arg, LIT("--help")) || slice_eq(arg, LIT("-h")))) {
			*help = true;
		} else if (options && slice_starts(arg, LIT("--"))) {
			int rc = take_option(in, arg, &next);

			if (rc != EXIT_OK)
				return rc;
		} else if (options && arg.n > 1 && arg.p[0] == '-') {
			return usage(in->command, "unknown option ", arg);
		} else if (in->operand_n == in->command->operand_max) {
			return usage(in->command, "no use for ", arg);
		} else {
			in->operands[in->operand_n++] = arg;
		}
	}
	return EXIT_OK;
}

static int unknown_command(struct slice name)
{
	const char *near = NULL;
	size_t best = 3;

	for (size_t i = 0; i < command_n; i++) {
		size_t d = slice_distance(slice_cstr(commands[i].name), name);

		if (d < best) {
			best = d;
			near = commands[i].name;
		}
	}
	fprintf(stderr, "weir: unknown command \"%.*s\"", SARG(name));
	if (near != NULL)
		fprintf(stderr, "; did you mean \"%s\"?\n", near);
	else
		fprintf(stderr, "; see weir help\n");
	return EXIT_USAGE;
}

int command_line(int argc, char **argv)
{
	struct invocation in = { 0 };
	bool help = false;
	struct slice name;
	int rc;

	if (argc < 2) {
		command_help(stderr, NULL);
		return EXIT_USAGE;
	}
	name = slice_cstr(argv[1]);
	if (slice_eq(name, LIT("--help")) || slice_eq(name, LIT("-h")))
		name = LIT("help");
	if (slice_eq(name, LIT("--version")) || slice_eq(name, LIT("-V")))
		name = LIT("version");
	in.command = command_find(name);
	if (in.command == NULL)
		return unknown_command(name);
	if (in.command->run_raw != NULL)
		return in.command->run_raw(argc - 1, argv + 1);
	rc = take_all(&in, argv + 2, &help);
	if (rc != EXIT_OK)
		return rc;
	if (help) {
		command_help(stdout, in.command);
		return EXIT_OK;
	}
	return in.command->run(&in);
}

/* ---- help ------------------------------------------------------------------------------- */

static void help_all(FILE *to)
{
	fprintf(to, "weir %s: one endpoint in front of every language model\n\n", WEIR_VERSION);
	for (size_t i = 0; i < command_n; i++)
		fprintf(to, "  weir %-8s %s\n", commands[i].name, commands[i].summary);
	fprintf(to, "\nweir COMMAND --help says more; so do weir(1) and weir.yaml(5).\n");
}

void command_help(FILE *to, const struct command *c)
{
	struct command_option o;

	if (c == NULL) {
		help_all(to);
		return;
	}
	fprintf(to, "weir %s%s%s%s\n\n%s\n", c->name,
		c->option_n > 0 || c->mock_options ? " [OPTION...]" : "",
		c->operands[0] != '\0' ? " " : "", c->operands, c->summary);
	for (size_t i = 0; option_at(c, i, &o); i++) {
		char left[64];

		if (i == 0)
			fputc('\n', to);
		snprintf(left, sizeof(left), "--%s%s%s", o.name, o.hint == NULL ? "" : " ",
			 o.hint == NULL ? "" : o.hint);
		fprintf(to, "  %-28s %s\n", left, o.help);
	}
}
