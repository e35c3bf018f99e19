/* tests/sim/watch.h -- what passes between the gateway's own files, seen from outside: the
 * linker's --wrap leads the calls through watch.c, so the product has no hooks for tests.
 *
 * A world's owner (sim_own()) is a watch; whoever makes a world has one as its first member. */
#ifndef WEIR_TESTS_SIM_WATCH_H
#define WEIR_TESTS_SIM_WATCH_H

#include "gateway/gateway_impl.h"
#include "io/sim/sim.h"

/* Any may be NULL. */
struct watch {
	/* A request came to an exchange, or to none: `x` NULL.  `recorded`: it ended at once.
	 */
	void (*begun)(struct watch *w, const struct exchange *x, bool recorded);
	/* An exchange ends, before its record is written; how many times it shall be: 1. */
	unsigned (*ended)(struct watch *w, const struct exchange *x, enum end end,
			  unsigned status);
	/* Bytes were given to a client's connection. */
	void (*queued)(struct watch *w, const struct http_request *rq);
	/* A provider is asked, for an exchange: an attempt begins. */
	void (*asked)(struct watch *w, const struct attempt *at, struct slice host);
	uint64_t ends; /* exchanges that ended so far */
};

#endif
