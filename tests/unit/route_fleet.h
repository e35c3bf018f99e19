/* tests/unit/route_fleet.h -- a small model of deployments that answer after a while: a virtual
 * clock, Poisson arrivals, log-normal times to first content, power of two choices on
 * health_load(), timers for health_waiting(), hedges and retries.  Everything from one seed. */
#ifndef WEIR_TESTS_ROUTE_FLEET_H
#define WEIR_TESTS_ROUTE_FLEET_H

#include "base/rng.h"
#include "route/hedge.h"

enum { FLEET = 4 };

struct fleet;
/* How many times its usual latency has a deployment now? */
typedef double fleet_pace_fn(unsigned deployment, double now_s);

struct fleet_rules {
	uint64_t seed;
	unsigned requests;
	double rate;                   /* a second, over all */
	double stream_s;               /* on average, after the first content */
	double hang_share, fail_share; /* of attempts: for 30 s; at once */
	uint64_t slow_start_us;
	double new_at_s; /* deployment 0 recovers then (slow start); not asked before; 0: no */
	fleet_pace_fn *pace; /* NULL: 1 */
	struct hedge_rules hedge;
};

enum { FLEET_SECONDS = 5000 };

struct fleet_result {
	unsigned attempts[FLEET];
	unsigned total, hedges;
	uint64_t gap_us; /* the longest time for which deployment 0 was not asked */
	double p50_s, p99_s;
	double cost, lost; /* of answers, and of cancelled attempts' prompts */
	/* Attempts begun in each second: at deployment 0, and at all. */
	unsigned first_in[FLEET_SECONDS], all_in[FLEET_SECONDS];
};

/* The caller's `out` is big: static or from the heap. */
void fleet_run(const struct fleet_rules *rules, struct fleet_result *out);

/* The share of deployment 0 in the seconds `from` to `to` after each of the times k * `period`,
 * in permille. */
double fleet_share(const struct fleet_result *r, unsigned period, unsigned from, unsigned to);

#endif
