/* catalogue/models_data.h -- the tables that tools/make-catalogue writes; for models.c alone.
 *
 * Strings are offsets into one block, prices are short programs: no pointer, so nothing has
 * to be relocated when the program starts.
 */
#ifndef WEIR_CATALOGUE_MODELS_DATA_H
#define WEIR_CATALOGUE_MODELS_DATA_H

#include "base/defs.h"

struct model_row {
	uint32_t provider, id, upstream, family;
	uint32_t source; /* \1 stands for the id */
	uint32_t context, max_output;
	uint32_t price; /* of its first operation */
	uint16_t snapshot_day, retired_day;
	uint16_t successor; /* row; MODEL_ROW_NONE */
	uint8_t caps, caps_stated, media_in, media_out;
	uint8_t kind;
	uint8_t tier;
	uint8_t flags; /* enum model_flag */
};

enum model_flag { ROW_RESPONSES = 1, ROW_SAMPLING = 2, ROW_NO_SAMPLING = 4, ROW_MONTH = 8 };
enum { MODEL_ROW_NONE = 0xffff };

struct model_name {
	uint32_t name;
	uint32_t row;
};

/* An operation is `code << 16 | index of its value`; zero ends a program. */
enum price_op {
	OP_END,
	OP_TIER,  /* what follows holds above so many input tokens */
	OP_FROM,  /* what follows holds from this day on, over what was before */
	OP_BATCH, /* permille */
	OP_PRICE, /* + enum price_kind */
};

extern const char model_text[];
extern const struct model_row model_rows[]; /* by provider and id */
extern const size_t model_row_n;
extern const struct model_name model_names[]; /* ids and aliases, by name and row */
extern const size_t model_name_n;
extern const uint32_t model_price_ops[];
extern const uint64_t model_price_values[];

#endif
