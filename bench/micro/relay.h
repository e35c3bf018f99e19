/* bench/micro/relay.h -- the least that net/ can be used for: a server that passes every
 * request on to one origin.  bench/micro/relay_main.c measures it, tests/unit/net_sim.c breaks
 * it. */
#ifndef WEIR_BENCH_RELAY_H
#define WEIR_BENCH_RELAY_H

#include "net/client.h"
#include "net/server.h"

struct relay {
	struct http_server *server;
	struct http_client *client;
	struct origin *origin;
	bool whole; /* collect a response and answer with it in one piece */
};

/* E_*: nothing is left open. */
MUST_USE enum rc relay_begin(struct relay *r, struct loop *l, const struct address *at,
			     struct slice url, struct err *err);
void relay_end(struct relay *r);

#endif
