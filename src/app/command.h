/* app/command.h -- the commands of `weir`, in a table: from it come the reading of the command
 * line, --help and weir(1).
 */
#ifndef WEIR_APP_COMMAND_H
#define WEIR_APP_COMMAND_H

#include "base/sb.h"
#include "base/slice.h"

enum { EXIT_OK, EXIT_FAILED, EXIT_USAGE };
enum { GIVEN_MAX = 128, OPERANDS_MAX = 8 };

struct command_option {
	const char *name; /* without its dashes */
	const char *hint; /* what stands for its value; NULL: it has none */
	const char *help;
};

struct invocation;

struct command {
	const char *name;
	const char *operands; /* "[FILE]", or "" */
	const char *summary;  /* one line */
	const char *doc;      /* more, for the manual */
	const struct command_option *options;
	size_t option_n;
	unsigned operand_max;
	bool mock_options; /* also those of mock/mock.h's table */
	/* Returns the exit status.  One of the two: */
	int (*run)(const struct invocation *in);
	int (*run_raw)(int argc,
		       char **argv); /* reads its own command line; argv[0] its name */
};

/* A command line that was understood. */
struct invocation {
	const struct command *command;
	struct {
		const char *name;
		struct slice value;
	} given[GIVEN_MAX];
	size_t given_n;
	struct slice operands[OPERANDS_MAX];
	size_t operand_n;
};

extern const struct command commands[];
extern const size_t command_n;

const struct command *command_find(struct slice name);

/* The last value given for an option; false when it was not. */
bool given(const struct invocation *in, const char *name, struct slice *value);
bool given_flag(const struct invocation *in, const char *name);

/* cmd_explain.c */
int run_explain(const struct invocation *in);
int run_route(const struct invocation *in);

/* Understands and runs a command line; returns the exit status. */
int command_line(int argc, char **argv);

/* What --help prints: of one command, or (NULL) of all. */
void command_help(FILE *to, const struct command *c);

/* The commands themselves, one file each. */
int run_serve(const struct invocation *in);
int run_check(const struct invocation *in);
int run_models(const struct invocation *in);
int run_served(const struct invocation *in); /* models --served */

/* For the commands: loads it, and says what is wrong with it; an exit status.  NULL: the
 * usual places. */
struct loaded;
int load_file(struct loaded *l, const char *file);

#endif
