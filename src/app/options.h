/* app/options.h -- every option of the config file, in tables.
 *
 * The one place where an option is named.  From these rows come the reader and its checks
 * (config_read.c), weir.yaml(5) and the sample (manual.c).
 */
#ifndef WEIR_APP_OPTIONS_H
#define WEIR_APP_OPTIONS_H

#include "base/sb.h"
#include "base/slice.h"

enum option_type {
	OPT_BOOL,     /* bool */
	OPT_INT,      /* uint64_t */
	OPT_DURATION, /* uint64_t, microseconds */
	OPT_SIZE,     /* uint64_t, bytes */
	OPT_MONEY,    /* uint64_t, nano-USD; the limits do not hold */
	OPT_SHARE,    /* uint64_t, permille: 10%, 2.5%, 0.1 */
	OPT_DATE,     /* uint64_t, days since 1970-01-01, | DATE_MONTH; likewise */
	OPT_WORD,     /* uint64_t, index in `words` */
	OPT_YES_NO,   /* uint64_t: false, true, or OPTION_UNSET */
	OPT_TEXT,     /* struct text */
	OPT_SECRET,   /* struct text; no message shows it */
	OPT_TEXTS,    /* struct texts: a list, or one */
	OPT_PAIRS,    /* struct pairs: a map of names to texts */
	OPT_SECTION,  /* a struct of `of`, in place */
	OPT_LIST,     /* struct sections of `of`: a list, or one */
	OPT_NAMED,    /* struct sections of `of`: a map whose keys are names */
};

/* What a number is that was not given and has no default. */
#define OPTION_UNSET UINT64_MAX

/* Of a date: only its month was given, and it is that's first day. */
#define DATE_MONTH (UINT64_C(1) << 32)

struct option_table;

struct option {
	const char *name;
	enum option_type type;
	size_t at;        /* where in the section's struct */
	const char *dflt; /* as written in the file; NULL: none */
	uint64_t min, max;
	const char *const *words; /* NULL-terminated */
	const struct option_table *of;
	const char *doc;    /* one sentence or two */
	const char *sample; /* shown in the sample file; NULL: the default */
};

struct option_table {
	const char *name; /* "provider": what one is called */
	size_t size;      /* of the struct, which begins with a struct section */
	const struct option *rows;
	size_t n;
	/* Where a map of this table is expected, anything else is read as the value of
	 * this row. */
	const char *shorthand;
	const char *doc; /* said at the head of its part of the manual */
};

extern const struct option_table options_root, options_provider;
/* A row of the file that the option catalogue names. */
extern const struct option_table options_model_row;

/* NULL when there is none. */
const struct option *option_find(const struct option_table *t, struct slice name);
/* The name that was probably meant, or NULL. */
const char *option_suggest(const struct option_table *t, struct slice name);

/* options_models.c */
extern const struct option_table options_model, options_deployment, options_route,
	options_provider_key;
/* options.c: the words of data_collection. */
extern const char *const options_collection[];

/* "500ms", "5s", "2m", "1h30m", "0"; "64KiB", "8MiB", "1GB", "1000".  False when it is not
 * one, or does not fit. */
MUST_USE bool duration_read(struct slice s, uint64_t *us);
MUST_USE bool size_read(struct slice s, uint64_t *bytes);
/* "0.15" USD to nano-USD; false: no such amount, or finer than that. */
MUST_USE bool usd_read(struct slice s, uint64_t *nano);
/* "10%", "2.5%", "0.1" to permille; a number without % is at most 1. */
MUST_USE bool share_read(struct slice s, uint64_t *permille);
void share_print(struct sb *out, uint64_t permille);
void duration_print(struct sb *out, uint64_t us);
void size_print(struct sb *out, uint64_t bytes);
/* "1.25": without zeros at the end. */
void usd_print(struct sb *out, uint64_t nano);
/* Any value of a number's type, as the file would have it. */
void option_print(struct sb *out, const struct option *o, uint64_t value);

#endif
