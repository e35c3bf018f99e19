/* A config file's text, read and built, in an environment of the tests' own. */
#ifndef WEIR_APP_CONFIG_MADE_H
#define WEIR_APP_CONFIG_MADE_H

#include "app/config.h"
#include "check.h"

/* 2026-11-20: what prices are of. */
enum { TEST_DAY = 20777 };

extern const struct config_env test_env;

struct made {
	struct test_mem t;
	struct arena a;
	struct problems p;
	struct config *c;
	struct snapshot *s;
	enum rc rc;
};

void make(struct made *m, const char *text);
void make_in(struct made *m, struct slice text, const struct config_env *env);
void unmake(struct made *m);
/* All problems, one per line. */
const char *problems(struct made *m);

#define OPENAI "providers: {openai: {}}\n"

#endif
