/* app/models.h -- `weir models`: the catalogue for people and programs. */
#ifndef WEIR_APP_MODELS_H
#define WEIR_APP_MODELS_H

#include "catalogue/models.h"

/* `day`: the prices of that day. */

/* One line each; fits into `columns` (0: as wide as it gets). */
void models_table(FILE *to, const struct model_info *v, size_t n, int64_t day, bool retired,
		  unsigned columns);
/* Side by side. */
void models_compare(FILE *to, const struct model_info *v, size_t n, int64_t day,
		    unsigned columns);
/* As data/catalogue.json has them, so that it can be taken as an operator's file. */
void models_json(FILE *to, const struct model_info *v, size_t n);

#endif
