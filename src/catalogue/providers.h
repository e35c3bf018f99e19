/* catalogue/providers.h -- the providers that weir knows by name: where they are, which
 * dialect they speak, how they want to be asked, and how far their form of a dialect is from
 * the dialect's own.
 *
 * Pure data, as of 20 November 2026.  Providers that have closed have a row of their own kind.
 */
#ifndef WEIR_CATALOGUE_PROVIDERS_H
#define WEIR_CATALOGUE_PROVIDERS_H

#include "base/slice.h"

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

/* What is so with any provider that speaks it, unless its row says otherwise. */
struct provider_dialect_row {
	const char *name; /* in the config file */
	const char *auth_name, *auth_prefix;
	const char *header_name, *header_value; /* sent with every request, or NULL */
};

extern const struct provider_dialect_row provider_dialects[DIALECTS];

/* ---- quirks ---------------------------------------------------------------------------- */

/* What a provider's requests must be, beside or against OpenAI's.  Whoever writes a request
 * for it obeys: the writer of `openai` (request_write) and the editor of bodies that stay as
 * they are (openai_request_pieces).  What a quirk takes away from what was asked for is told
 * in `lost`; a mere other form of the same is not.
 *
 * There are none for answers: readers take every known deviation from every provider.
 *
 * name, bit, word in the config file, what it means */
#define PROVIDER_QUIRKS(X)                                                                     \
	/* ---- parameters */                                                                  \
	X(QUIRK_NO_STREAM_OPTIONS, 0, "no_stream_options",                                     \
	  "refuses stream_options; usage is taken when it comes unasked")                      \
	X(QUIRK_MAX_TOKENS, 1, "max_tokens",                                                   \
	  "knows max_tokens only; max_completion_tokens is renamed")                           \
	X(QUIRK_RANDOM_SEED, 2, "random_seed", "calls seed random_seed")                       \
	X(QUIRK_MODEL_ID, 3, "model_id", "calls model model_id")                               \
	X(QUIRK_ONE_ANSWER, 4, "one_answer", "gives one answer only; n is left out")           \
	X(QUIRK_TEMPERATURE_1, 5, "temperature_1",                                             \
	  "takes temperatures up to 1; higher ones are lowered to it")                         \
	X(QUIRK_TEMPERATURE_1_5, 6, "temperature_1_5",                                         \
	  "takes temperatures up to 1.5; higher ones are lowered to it")                       \
	X(QUIRK_INT_LOGPROBS, 7, "int_logprobs",                                               \
	  "wants logprobs as the number of alternatives, without top_logprobs")                \
	X(QUIRK_OUTPUT_DIMENSION, 8, "output_dimension",                                       \
	  "embeddings: calls dimensions output_dimension")                                     \
	/* ---- tools */                                                                       \
	X(QUIRK_CHOICE_ANY, 9, "choice_any", "calls the tool choice required any")             \
	X(QUIRK_CHOICE_AUTO, 10, "choice_auto",                                                \
	  "knows the tool choices auto and none only; others are left out")                    \
	X(QUIRK_CHOICE_OPTION, 11, "choice_option",                                            \
	  "wants auto, none and required in tool_choice_option, tools by name in "             \
	  "tool_choice")                                                                       \
	X(QUIRK_NO_STRICT, 12, "no_strict", "refuses strict in tools and schemas")             \
	X(QUIRK_NO_ADDITIONAL, 13, "no_additional",                                            \
	  "refuses additionalProperties in tools' and formats' schemas")                       \
	/* ---- response_format */                                                             \
	X(QUIRK_NO_JSON_SCHEMA, 14, "no_json_schema",                                          \
	  "knows json_object, but no json_schema; the schema is left out")                     \
	X(QUIRK_BARE_SCHEMA, 15, "bare_schema",                                                \
	  "wants a json_schema without name, description and strict")                          \
	X(QUIRK_NO_TEXT_FORMAT, 16, "no_text_format",                                          \
	  "refuses the response format text, which is the default anyway")                     \
	/* ---- messages */                                                                    \
	X(QUIRK_NO_NAMES, 17, "no_names", "refuses a name in messages")                        \
	X(QUIRK_STRING_CONTENT, 18, "string_content",                                          \
	  "wants content that is only text as one string, not as parts")                       \
	X(QUIRK_ALTERNATE, 19, "alternate",                                                    \
	  "wants turns of user and assistant in alternation; neighbours of one role are "      \
	  "joined")                                                                            \
	X(QUIRK_REASONING_NAME, 20, "reasoning_name",                                          \
	  "wants earlier reasoning as reasoning, not reasoning_content")                       \
	X(QUIRK_REASONING_TURNS, 21, "reasoning_turns",                                        \
	  "wants reasoning_content in every assistant turn, empty if there is none")           \
	X(QUIRK_SHORT_IDS, 22, "short_ids",                                                    \
	  "wants ids of tool calls to be nine letters and digits; others are replaced")        \
	X(QUIRK_INLINE_MEDIA, 23, "inline_media",                                              \
	  "takes media inside the request only; those given by URL are fetched first")         \
	/* ---- of other dialects */                                                           \
	X(QUIRK_VERTEX, 24, "vertex",                                                          \
	  "Gemini on Vertex: no ids in tool calls, labels allowed")                            \
	/* ---- beyond what all of them take */                                                \
	X(QUIRK_CACHE_MARKS, 25, "cache_marks",                                                \
	  "takes prompt_cache_breakpoint in the parts of messages")                            \
	X(QUIRK_INPUT_TYPE, 26, "input_type", "embeddings: takes input_type, query or document")

#define PROVIDER_QUIRK_ENUM(name, bit, word, help) name = 1 << (bit),
enum provider_quirk { PROVIDER_QUIRKS(PROVIDER_QUIRK_ENUM) };
#undef PROVIDER_QUIRK_ENUM

struct provider_quirk_name {
	const char *name; /* as in the config file */
	unsigned quirk;
	const char *help;
};

extern const struct provider_quirk_name provider_quirk_names[];
extern const size_t provider_quirk_n;

/* ---- providers --------------------------------------------------------------------------- */

enum { PROVIDER_DROP_MAX = 12, PROVIDER_ALSO_MAX = 3 };

/* Another dialect that the same provider speaks, with the same key. */
struct provider_way {
	enum provider_dialect dialect;
	const char *base_url;  /* NULL: base_hint, or the row's own when that is NULL too */
	const char *base_hint; /* when it differs per customer */
	const char *auth_name; /* NULL: as in the row */
	const char *auth_prefix;
};

struct provider_known {
	const char *name;  /* in the config file and in `provider/model` */
	const char *title; /* for people */
	enum provider_dialect dialect;
	/* What requests' paths are appended to; no slash at its end.  NULL: it differs per
	 * customer and must be given; `base_hint` then shows its form. */
	const char *base_url;
	const char *base_hint;
	/* Paths with their queries, where they are not the dialect's own; NULL: they are. */
	const char *chat_path;
	const char *chat_stream_path; /* NULL: chat_path */
	const char *embeddings_path;
	const char *models_path; /* "/models" when NULL and lists_models */
	const char *key_env;     /* environment variable of the key; NULL: needs none */
	const char *key_env_too; /* a second name that people use, or NULL */
	const char *auth_name;   /* "Authorization"; NULL: none */
	const char *auth_prefix; /* "Bearer " or "" */
	bool sigv4; /* requests may be signed with the keys of an AWS account instead */
	unsigned quirks;
	/* Members of a request it refuses and that change little when they are left out (`n`
	 * and `tools` are none).  NULL-terminated when shorter. */
	const char *drop[PROVIDER_DROP_MAX];
	/* Other dialects it speaks.  Ends with the first that has no base and is DIALECT_OPENAI
	 * (zeros) when shorter. */
	struct provider_way also[PROVIDER_ALSO_MAX];
	/* A stream that is cancelled is billed as if it had been read to its end (OpenRouter's
	 * list of providers, docs on stream cancellation); of others it is known, or taken,
	 * that the bill stops. */
	bool cancel_bills;
	bool local;        /* a server on this machine, looked for on its usual port */
	bool lists_models; /* its models can be listed: a bare array, or one under `data` or
			      `models`, of objects with `id` or `name` */
};

/* Sorted by name. */
extern const struct provider_known providers_known[];
extern const size_t provider_known_n;

/* NULL: not known. */
const struct provider_known *provider_known(struct slice name);
/* The name nearest to a misspelt one, or NULL when none is near. */
const char *provider_suggest(struct slice name);

/* How to speak `dialect` with it: false when it does not speak it.  *way is complete: nothing
 * in it stands for the row's own any more. */
bool provider_speaks(const struct provider_known *p, enum provider_dialect dialect,
		     struct provider_way *way);

/* One that people may still have in their configs. */
struct provider_closed {
	const char *name, *title;
	const char *on; /* "2026-07-30": since then it answers no more */
};

extern const struct provider_closed providers_closed[];
extern const size_t provider_closed_n;

/* NULL: not one of them. */
const struct provider_closed *provider_closed(struct slice name);

#endif
