/* gateway/gateway.h -- the gateway of one loop: its listeners, its upstream connections, its
 * exchanges.  Any number of loops may run one each; they share the snapshot, the breakers and
 * nothing else.
 */
#ifndef WEIR_GATEWAY_GATEWAY_H
#define WEIR_GATEWAY_GATEWAY_H

#include "gateway/snapshot.h"

struct gateway;
struct metrics_shared;   /* gateway/metrics.h: every loop's counters, for /metrics */
struct decisions_shared; /* gateway/decision.h: the last exchanges, for /admin/v1 */

struct gateway_options {
	struct loop *loop;
	struct snapshot *snapshot; /* the gateway takes a reference */
	struct log *log;           /* events and access records; may be NULL */
	struct metrics_shared *metrics;
	struct decisions_shared *decisions; /* where the last exchanges are kept; may be NULL */
	bool plans_only;                    /* says where requests would go, and sends none */
};

/* Returns owned: gateway_free() on its loop's thread. */
MUST_USE enum rc gateway_new(struct gateway **out, const struct gateway_options *o,
			     struct err *err);
MUST_USE enum rc gateway_listen(struct gateway *g, const struct address *at,
				struct tls_server *tls, struct err *err);
void gateway_address(const struct gateway *g, size_t i, struct address *out);
/* New requests use `s` from now on; those in hand keep the one they began with. */
void gateway_swap(struct gateway *g, struct snapshot *s);
/* /ready says no, listeners close, requests in hand are finished; those left when the
 * snapshot's drain time is over are cut, and a second later their connections.  Then
 * `done`. */
void gateway_drain(struct gateway *g, void (*done)(void *ctx), void *ctx);
void gateway_free(struct gateway *g);

/* How many exchanges are open. */
size_t gateway_open(const struct gateway *g);

#endif
