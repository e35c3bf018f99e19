/* catalogue/models_impl.h -- shared by models*.c. */
#ifndef WEIR_CATALOGUE_MODELS_IMPL_H
#define WEIR_CATALOGUE_MODELS_IMPL_H

#include "catalogue/models.h"
#include "catalogue/models_data.h"

#define ORDER_EXTRA (1U << 31)

struct extra_name {
	struct slice name;
	uint32_t extra;
};

struct catalogue {
	const struct model_info *extra; /* the operator's, by provider and id */
	size_t extra_n;
	const struct extra_name *names; /* their ids and aliases, by name */
	size_t name_n;
	const uint8_t *replaced; /* a bit per shipped row that an extra one stands for */
	const uint32_t *order; /* all, by provider and id: shipped rows, or extras | ORDER_EXTRA
				*/
	size_t n;
};

int model_slice_cmp(struct slice a, struct slice b);
void model_of_row(uint32_t i, struct model_info *m);

/* The prices of one program: what holds at first, then what each later day changes.  Returns
 * how many there are, at most `cap`. */
enum { PRICE_PERIODS_MAX = 9 };
size_t prices_decode(const struct model_info *m, struct model_price *v, size_t cap);
/* And back; false: no memory. */
bool prices_encode(struct model_info *m, struct arena *a, const struct model_price *v,
		   size_t n);
/* Lays what `over` knows over `p`. */
void prices_lay(struct model_price *p, const struct model_price *over, bool tiers);

#endif
