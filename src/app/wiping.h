/* app/wiping.h -- the system's memory, overwritten before it is given back: for what holds
 * keys in passing. */
#ifndef WEIR_APP_WIPING_H
#define WEIR_APP_WIPING_H

#include "base/mem.h"

struct mem *wiping_mem(void);

#endif
