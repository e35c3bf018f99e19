/* route/target.h -- what routing knows of one deployment that does not change between reloads.
 *
 * Pure data, made at load time.  What changes is in its health (route/health.h), its provider's
 * keys and its family's calibration (route/tokens.h), which outlive reloads.
 *
 * Money is nano-USD.  What is not known is zero where the comment says so, and then no filter
 * speaks against it: an unknown limit refuses nobody.
 */
#ifndef WEIR_ROUTE_TARGET_H
#define WEIR_ROUTE_TARGET_H

#include "base/slice.h"
#include "catalogue/models.h"
#include "route/health.h"

/* How coarse its weights are stored. */
#define QUANTIZATIONS(X)                                                                       \
	X(QUANT_UNKNOWN, "unknown")                                                            \
	X(QUANT_INT4, "int4")                                                                  \
	X(QUANT_INT8, "int8")                                                                  \
	X(QUANT_FP4, "fp4")                                                                    \
	X(QUANT_FP6, "fp6")                                                                    \
	X(QUANT_FP8, "fp8")                                                                    \
	X(QUANT_FP16, "fp16")                                                                  \
	X(QUANT_BF16, "bf16")                                                                  \
	X(QUANT_FP32, "fp32")
#define QUANTIZATION_ID(id, word) id,
enum quantization { QUANTIZATIONS(QUANTIZATION_ID) QUANTIZATION_N };
#undef QUANTIZATION_ID
const char *quantization_name(enum quantization q);

struct calibration; /* route/tokens.h */

struct route_target {
	struct slice name;     /* "provider/model" */
	struct slice provider; /* its name in the config */
	struct slice model;    /* upstream name */
	struct slice region;   /* "eu", "us-east-1"; empty: not known */
	enum model_tier tier;
	enum quantization quantization;
	unsigned caps;             /* 1 << enum model_cap: it has it */
	unsigned caps_stated;      /* ... and it is known whether it has it */
	unsigned media_in;         /* 1 << enum model_medium; 0: not known */
	uint64_t context;          /* tokens, prompt and answer; 0: not known */
	uint64_t max_output;       /* tokens; 0: not known */
	bool priced;               /* the four below are known */
	uint64_t price_input;      /* per million tokens */
	uint64_t price_output;     /* likewise */
	uint64_t price_cache_read; /* likewise; price_input where there is no such price */
	uint64_t tier_above; /* over so many tokens of input the two below hold instead of the
				first two, for all of it; 0: they always hold */
	uint64_t tier_input, tier_output;
	uint64_t price_request; /* each */
	uint64_t price_image;   /* each, beside its tokens; 0: nothing, or not known */
	unsigned quality;       /* 0 .. 1000: stated by the owner, else by its tier */
	bool zdr;               /* keeps nothing of what it is sent */
	bool collects;          /* may keep and learn from it */
	bool local;             /* in this process, on this machine or the owner's network */
	bool preview;           /* only for accounts that may */
	bool cancel_bills;     /* a cancelled attempt costs as if it had been read to its end */
	int64_t retired_day;   /* from then on it answers no more; 0: not known to end */
	unsigned priority;     /* lower goes first */
	unsigned weight;       /* share among equals; >= 1 */
	struct health *health; /* NULL: nothing is known or kept */
	struct calibration *tokens; /* of its family; NULL: four bytes to a token */
};

/* What it costs to send so many tokens and get so many; 0 when it is not priced (ask `priced`
 * first).  Rounded up; UINT64_MAX when it is more. */
uint64_t route_cost(const struct route_target *t, uint64_t input, uint64_t output);
/* What a million tokens cost in a request of so many tokens of input. */
static inline uint64_t route_price_input(const struct route_target *t, uint64_t input)
{
	return t->tier_above != 0 && input > t->tier_above ? t->tier_input : t->price_input;
}
static inline uint64_t route_price_output(const struct route_target *t, uint64_t input)
{
	return t->tier_above != 0 && input > t->tier_above ? t->tier_output : t->price_output;
}

#endif
