/* app/load.h -- from what the command line says to a snapshot: finds the config file, or does
 * without one, and adds what was found or asked for besides.
 *
 * Blocks on files: for start-up, commands and a reload's thread.
 */
#ifndef WEIR_APP_LOAD_H
#define WEIR_APP_LOAD_H

#include "app/config.h"

/* Models of a provider that was found; all in memory of the caller. */
struct found_provider {
	const struct provider_known *known;
	struct slice *models;
	size_t model_n;
};

struct load_options {
	const char
		*file; /* NULL: look in the usual places, and do without when none is there */
	struct slice listen;      /* instead of the config's; empty: not given */
	uint64_t workers;         /* OPTION_UNSET: not given */
	uint64_t log_level;       /* likewise */
	struct slice mock_url;    /* of the simulated provider to add; empty: none */
	struct slice mock_models; /* "mock,mock-mini" */
	/* Without a file: providers whose key is in the environment are there anyway. */
	const struct found_provider *found;
	size_t found_n;
	bool locals; /* also all local servers, whether they are there or not: for asking them
		      */
	const struct snapshot *before;
	uint64_t key_seed;
};

struct loaded {
	struct arena arena; /* holds all but the snapshot; wiped when freed */
	char file[4096];    /* "" when there is none */
	struct config *config;
	struct snapshot *snapshot; /* owned */
	struct problems problems;
};

/* OK, or E_BAD with `problems`, or E_NOMEM.  In every case load_free(). */
MUST_USE enum rc load(struct loaded *l, const struct load_options *o);
void load_free(struct loaded *l);

/* The problems, one per line, and that memory ran out when it did. */
void load_complain(const struct loaded *l, enum rc rc, FILE *to);

/* The environment of the process. */
extern const struct config_env process_env;

/* Unpredictable. */
uint64_t random_seed(void);

#endif
