/* catalogue/models.h -- models: what they can do, what they cost and from when, and which of
 * them are no more.
 *
 * Pure.  The shipped rows are const tables made of data/catalogue.json at build time, without
 * a pointer in them: they cost no memory until they are looked at.  A file of the operator's
 * lays rows over them (catalogue_lay).  Names belong to a provider: "gpt-4o" of `openai` and
 * of `azure` are two rows.  A row's id pins (a dated snapshot); an alias follows: it stands
 * for whichever row has it now.
 *
 * Money is nano-USD (1e-9 USD) per million tokens, or per unit.  Days are counted from
 * 1970-01-01 (base/date.h).  What a source did not say is unknown, never zero or false.
 */
#ifndef WEIR_CATALOGUE_MODELS_H
#define WEIR_CATALOGUE_MODELS_H

#include "base/arena.h"
#include "base/err.h"
#include "base/sb.h"

/* The words of data/catalogue.json, in tables that tools/make-catalogue reads too. */
#define MODEL_KINDS(X)                                                                         \
	X(MODEL_CHAT, "chat")                                                                  \
	X(MODEL_COMPLETION, "completion")                                                      \
	X(MODEL_EMBEDDING, "embedding")                                                        \
	X(MODEL_IMAGE, "image")                                                                \
	X(MODEL_TRANSCRIPTION, "audio_transcription")                                          \
	X(MODEL_SPEECH, "audio_speech")                                                        \
	X(MODEL_REALTIME, "realtime")                                                          \
	X(MODEL_MODERATION, "moderation")                                                      \
	X(MODEL_RERANK, "rerank")

#define MODEL_TIERS(X)                                                                         \
	X(TIER_MINI, "mini")                                                                   \
	X(TIER_STANDARD, "standard")                                                           \
	X(TIER_FLAGSHIP, "flagship")                                                           \
	X(TIER_REASONING, "reasoning")                                                         \
	X(TIER_PREVIEW, "preview")

#define MODEL_CAPS(X)                                                                          \
	X(CAP_TOOLS, "tools")                                                                  \
	X(CAP_PARALLEL_TOOLS, "parallel_tools")                                                \
	X(CAP_JSON_SCHEMA, "json_schema")                                                      \
	X(CAP_REASONING, "reasoning")                                                          \
	X(CAP_PROMPT_CACHE, "prompt_cache")                                                    \
	X(CAP_STREAMING, "streaming")                                                          \
	X(CAP_LOGPROBS, "logprobs")

#define MODEL_MEDIA(X)                                                                         \
	X(MEDIUM_TEXT, "text")                                                                 \
	X(MEDIUM_IMAGE, "image")                                                               \
	X(MEDIUM_AUDIO, "audio")                                                               \
	X(MEDIUM_VIDEO, "video")                                                               \
	X(MEDIUM_FILE, "file")                                                                 \
	X(MEDIUM_EMBEDDING, "embedding")                                                       \
	X(MEDIUM_SCORE, "score")                                                               \
	X(MEDIUM_CODE, "code")

/* Per million tokens ... */
#define PRICE_KINDS(X)                                                                         \
	X(PRICE_INPUT, "input")                                                                \
	X(PRICE_OUTPUT, "output")                                                              \
	X(PRICE_CACHE_READ, "cache_read")                                                      \
	X(PRICE_CACHE_WRITE, "cache_write")                                                    \
	X(PRICE_CACHE_WRITE_1H, "cache_write_1h")                                              \
	X(PRICE_REASONING, "reasoning")                                                        \
	X(PRICE_AUDIO_INPUT, "audio_input")                                                    \
	X(PRICE_AUDIO_OUTPUT, "audio_output")                                                  \
	X(PRICE_IMAGE_INPUT, "image_input")                                                    \
	X(PRICE_IMAGE_OUTPUT, "image_output")                                                  \
	X(PRICE_INPUT_PRIORITY, "input_priority")                                              \
	X(PRICE_OUTPUT_PRIORITY, "output_priority")                                            \
	X(PRICE_INPUT_FLEX, "input_flex")                                                      \
	X(PRICE_OUTPUT_FLEX, "output_flex")

/* ... and per one of these. */
#define PRICE_UNITS(X)                                                                         \
	X(UNIT_IMAGE_INPUT, "image_input")                                                     \
	X(UNIT_IMAGE_OUTPUT, "image_output")                                                   \
	X(UNIT_SECOND_INPUT, "second_input")                                                   \
	X(UNIT_SECOND_OUTPUT, "second_output")                                                 \
	X(UNIT_MILLION_CHARS, "million_chars")                                                 \
	X(UNIT_QUERY, "query")                                                                 \
	X(UNIT_REQUEST, "request")

#define MODEL_WORD(name, word) name,
enum model_kind { MODEL_KINDS(MODEL_WORD) MODEL_KIND_N };
enum model_tier { TIER_UNKNOWN, MODEL_TIERS(MODEL_WORD) MODEL_TIER_N };
enum model_cap { MODEL_CAPS(MODEL_WORD) MODEL_CAP_N };
enum model_medium { MODEL_MEDIA(MODEL_WORD) MODEL_MEDIUM_N };
enum price_kind { PRICE_KINDS(MODEL_WORD) PRICE_UNITS(MODEL_WORD) PRICE_N };
#undef MODEL_WORD

/* The words; "" for TIER_UNKNOWN. */
const char *model_kind_name(enum model_kind k);
const char *model_tier_name(enum model_tier t);
const char *model_cap_name(enum model_cap c);
const char *model_medium_name(enum model_medium m);
const char *price_kind_name(enum price_kind k);

/* ---- a model ----------------------------------------------------------------------------- */

struct model_alias;

/* Filled by the look-ups; borrows from the catalogue. */
struct model_info {
	struct slice provider, id;
	struct slice upstream;  /* what the provider calls it */
	struct slice family;    /* "gpt-5"; may be empty */
	struct slice successor; /* the provider's model to take instead of a retired one; may be
				   empty */
	enum model_kind kind;
	enum model_tier tier;
	bool responses_only;          /* answers on POST /responses alone */
	bool no_sampling;             /* refuses temperature, top_p and top_k */
	int64_t snapshot_day;         /* the date in its id; 0: none, the name moves on */
	bool snapshot_month;          /* and that is only a month */
	int64_t retired_day;          /* from then on it answers no more; 0: not known to end */
	uint64_t context;             /* tokens; 0: unknown */
	uint64_t max_output;          /* likewise */
	unsigned caps;                /* 1 << enum model_cap: it has it */
	unsigned caps_stated;         /* a source says whether it has it */
	unsigned media_in, media_out; /* 1 << enum model_medium */
	bool ours;                    /* of the operator's file */
	struct slice source;          /* private, of the shipped: see model_source() */
	const uint32_t *price_ops;    /* private */
	const uint64_t *price_values; /* private */
	const struct model_alias *aliases; /* private, of the operator's rows */
	size_t alias_n;
	uint32_t row; /* private, of the shipped */
};

struct model_alias {
	struct slice name;
};

static inline bool model_has(const struct model_info *m, enum model_cap c)
{
	return (m->caps & 1U << c) != 0;
}

static inline bool model_retired(const struct model_info *m, int64_t day)
{
	return m->retired_day != 0 && day >= m->retired_day;
}

/* Where the row's figures are from. */
void model_source(const struct model_info *m, struct sb *out);
/* Its other names; returns how many there are, which may be more than `cap`. */
size_t model_aliases(const struct model_info *m, struct slice *v, size_t cap);

/* ---- prices ------------------------------------------------------------------------------ */

enum { PRICE_TIERS_MAX = 4 };

struct model_price {
	uint64_t nano[PRICE_N];  /* nano-USD per million tokens, or per unit */
	unsigned known;          /* 1 << enum price_kind: the others are unknown, not zero */
	unsigned batch_permille; /* what a batch costs of it; 0: unknown */
	/* Over so many input tokens (all kinds of them) the whole request costs this instead;
	 * ascending. */
	struct {
		uint64_t above_tokens;
		uint64_t nano[PRICE_N];
		unsigned known;
	} tier[PRICE_TIERS_MAX];
	size_t tier_n;
	int64_t from_day;  /* it holds from then on; 0: always */
	int64_t until_day; /* another one holds from then on; 0: none is known */
};

/* What it costs on this day.  False: no input or output price is known, so no bill can be
 * made. */
bool model_price_at(const struct model_info *m, int64_t day, struct model_price *p);
/* For a request of so many input tokens: lays the tier that holds over `nano`. */
void model_price_tier(struct model_price *p, uint64_t input_tokens);

/* ---- the catalogue ------------------------------------------------------------------------
 */

struct catalogue;

/* Everywhere below NULL is the shipped one. */

/* The model of this provider with this id or alias. */
bool catalogue_find(const struct catalogue *c, struct slice provider, struct slice name,
		    struct model_info *m);
/* Those of any provider; returns how many there are, which may be more than `cap`. */
size_t catalogue_find_all(const struct catalogue *c, struct slice name, struct model_info *v,
			  size_t cap);
/* A name that nobody serves any more: every row that has it is retired on this day.  *m is the
 * one that was last; for "this model was retired on .., use ..". */
bool catalogue_retired(const struct catalogue *c, struct slice name, int64_t day,
		       struct model_info *m);

/* All, sorted by provider and id. */
size_t catalogue_count(const struct catalogue *c);
void catalogue_at(const struct catalogue *c, size_t i, struct model_info *m);

/* ---- an operator's rows --------------------------------------------------------------------
 */

/* One row of a file, read and checked.  What is not given stays as shipped, or unknown. */
struct model_change {
	struct slice provider, id;
	struct slice upstream, family, successor, source; /* empty: not given */
	const struct model_alias *aliases;
	size_t alias_n;
	bool aliases_given;
	int kind, tier, responses_only, no_sampling; /* -1: not given */
	int64_t snapshot_day, retired_day;           /* 0: not given */
	bool snapshot_month;                         /* of snapshot_day: only a month */
	uint64_t context, max_output;                /* 0: not given */
	unsigned caps, caps_stated;                  /* only those stated are given */
	unsigned media_in, media_out;                /* 0: not given */
	struct model_price price;                    /* what holds now; known: those given */
	bool tiers_given;
	/* Later prices; each one changes what it names of the one before. */
	const struct model_price *changes; /* by from_day; may be NULL */
	size_t change_n;
};

/* Lays them over the shipped rows; copies what it needs into the arena.  E_NOMEM. */
MUST_USE enum rc catalogue_lay(struct catalogue **out, struct arena *a,
			       const struct model_change *v, size_t n);

#endif
