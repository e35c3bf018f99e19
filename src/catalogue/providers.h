/* catalogue/providers.h -- the providers that weir knows by name: where they are, how they
 * want to be asked, and how far their OpenAI dialect is from OpenAI's.
 *
 * Pure data, as of November 2026.  Providers that have closed are not listed.
 */
#ifndef WEIR_CATALOGUE_PROVIDERS_H
#define WEIR_CATALOGUE_PROVIDERS_H

#include "base/slice.h"

/* How far a provider's OpenAI dialect is from OpenAI's. */
enum provider_quirk {
	QUIRK_NO_STREAM_OPTIONS = 1 << 0, /* refuses stream_options */
	QUIRK_MAX_TOKENS = 1 << 1,        /* knows max_tokens, not max_completion_tokens */
	QUIRK_NO_DONE = 1 << 2,           /* streams end without [DONE] */
};

struct provider_quirk_name {
	const char *name; /* as in the config file */
	unsigned quirk;
	const char *help;
};

extern const struct provider_quirk_name provider_quirk_names[];
extern const size_t provider_quirk_n;

/* The wire protocol spoken with a provider. */
enum provider_dialect {
	DIALECT_OPENAI,
	DIALECT_RESPONSES,
	DIALECT_ANTHROPIC,
	DIALECT_GEMINI,
	DIALECT_BEDROCK,
	DIALECT_COHERE,
	DIALECT_OLLAMA,
	DIALECTS,
};

enum { PROVIDER_DROP_MAX = 12 };

struct provider_known {
	const char *name;  /* in the config file and in `provider/model` */
	const char *title; /* for people */
	enum provider_dialect dialect;
	/* What requests' paths are appended to; no slash at its end.  NULL: it differs per
	 * customer and must be given; `base_hint` then shows its form. */
	const char *base_url;
	const char *base_hint;
	const char *key_env;     /* environment variable of the key; NULL: needs none */
	const char *key_env_too; /* a second name that people use, or NULL */
	const char *auth_name;   /* "Authorization"; NULL: none */
	const char *auth_prefix; /* "Bearer " or "" */
	unsigned quirks;
	/* Members of a request it refuses and that may be left out without changing what is
	 * asked for (`n` and `tools` may not: there its own error is the better answer).
	 * NULL-terminated when shorter. */
	const char *drop[PROVIDER_DROP_MAX];
	bool local;        /* a server on this machine, looked for on its usual port */
	bool lists_models; /* GET base/models answers in OpenAI's shape (or a bare array) */
};

/* Sorted by name. */
extern const struct provider_known providers_known[];
extern const size_t provider_known_n;

/* NULL: not known. */
const struct provider_known *provider_known(struct slice name);
/* The name nearest to a misspelt one, or NULL when none is near. */
const char *provider_suggest(struct slice name);

#endif
