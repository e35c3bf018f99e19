/* app/manual.h -- weir(1), weir.yaml(5) and the sample file, from the tables of the program. */
#ifndef WEIR_APP_MANUAL_H
#define WEIR_APP_MANUAL_H

#include "base/defs.h"

/* In roff, for man(7). */
void manual_weir(FILE *to);
void manual_weir_yaml(FILE *to);
/* A config file that names every option: those with a default commented out.  With the first
 * "#" of each line taken away where a letter or "-" follows, all are set. */
void manual_sample(FILE *to);

#endif
