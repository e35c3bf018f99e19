/* gateway/metrics.h -- what each loop counts, and /metrics, which adds it up.
 *
 * A loop writes only its own counters; the loop that answers /metrics reads everybody's.  So
 * the counters are atomics without order: a plain add for the writer, no lock for anyone.
 * Names and labels are in docs/metrics.md, made from the tables here.
 */
#ifndef WEIR_GATEWAY_METRICS_H
#define WEIR_GATEWAY_METRICS_H

#include "base/arena.h"
#include "base/buf.h"
#include "chat/dialect.h"

#include <stdatomic.h>

typedef _Atomic uint64_t counter; /* the one typedef: an atomic type has no other short name */

static inline void count_add(counter *c, uint64_t n)
{
	atomic_store_explicit(c, atomic_load_explicit(c, memory_order_relaxed) + n,
			      memory_order_relaxed);
}

static inline void count_set(counter *c, uint64_t v)
{
	atomic_store_explicit(c, v, memory_order_relaxed);
}

/* How an exchange ended (X5). */
#define END_TABLE(X)                                                                           \
	X(END_COMPLETE, "complete")                                                            \
	X(END_CLIENT_GONE, "client_gone")                                                      \
	X(END_UPSTREAM_ERROR, "upstream_error")                                                \
	X(END_TRUNCATED, "truncated")                                                          \
	X(END_REFUSED, "refused")
#define END_ENUM(id, name) id,
enum end { END_TABLE(END_ENUM) ENDS };
#undef END_ENUM
const char *end_name(enum end e);

/* What came of a hedge. */
#define HEDGE_TABLE(X)                                                                         \
	X(HEDGE_WON, "won")       /* it had content first */                                   \
	X(HEDGE_LOST, "lost")     /* the other had, and it was cancelled */                    \
	X(HEDGE_FAILED, "failed") /* it failed by itself */                                    \
	X(HEDGE_GONE, "gone")     /* the client had left, or the gateway stopped */
#define HEDGE_ENUM(id, name) id,
enum hedge_end { HEDGE_TABLE(HEDGE_ENUM) HEDGE_ENDS };
#undef HEDGE_ENUM

/* Sums over the loops: id, kind, name, help */
#define SUM_TABLE(X)                                                                           \
	X(SUM_CLIENT_BYTES_IN, "counter", "client_bytes_in_total", "Bytes read from clients.") \
	X(SUM_CLIENT_BYTES_OUT, "counter", "client_bytes_out_total",                           \
	  "Bytes written to clients.")                                                         \
	X(SUM_UPSTREAM_BYTES_IN, "counter", "upstream_bytes_in_total",                         \
	  "Bytes read from providers.")                                                        \
	X(SUM_UPSTREAM_BYTES_OUT, "counter", "upstream_bytes_out_total",                       \
	  "Bytes written to providers.")                                                       \
	X(SUM_HTTP_REFUSED, "counter", "http_refused_total",                                   \
	  "Connections and requests refused before they became an exchange.")                  \
	X(SUM_CONNECTIONS, "gauge", "client_connections", "Open client connections.")          \
	X(SUM_EXCHANGES, "gauge", "exchanges_open", "Exchanges in hand.")                      \
	X(SUM_STREAMS, "gauge", "streams_open", "Streams being relayed.")                      \
	X(SUM_POOL_IDLE, "gauge", "pool_idle", "Idle upstream connections.")                   \
	X(SUM_POOL_BUSY, "gauge", "pool_busy", "Upstream connections in use.")                 \
	X(SUM_POOL_WAITING, "gauge", "pool_waiting", "Calls waiting for a connection.")        \
	X(SUM_POOL_OPENED, "counter", "pool_opened_total", "Upstream connections opened.")     \
	X(SUM_POOL_REUSED, "counter", "pool_reused_total", "Calls on a kept connection.")      \
	X(SUM_POOL_RESENT, "counter", "pool_resent_total",                                     \
	  "Calls sent again because a kept connection was closed.")                            \
	X(SUM_RETRIES_REFUSED, "counter", "retries_refused_total",                             \
	  "Further attempts that the budget of retries did not allow.")                        \
	X(SUM_LOOP_LAG_US, "gauge_max", "loop_lag_seconds",                                    \
	  "The longest turn of any loop in the last second.")
#define SUM_ENUM(id, kind, name, help) id,
enum sum { SUM_TABLE(SUM_ENUM) SUMS };
#undef SUM_ENUM

enum { HISTOGRAM_BUCKETS = 16, METRICS_PROVIDERS_MAX = 64, STATUS_CLASSES = 6 };

struct histogram {
	counter bucket[HISTOGRAM_BUCKETS + 1]; /* the last: above all bounds */
	counter sum_us;
};

struct metrics_provider {
	char name[65];                 /* as long as the config lets it be */
	counter attempts[FAULT_KINDS]; /* FAULT_NONE: those that succeeded */
	counter tokens[USAGE_COUNTERS];
	counter estimated;     /* exchanges whose usage we had to estimate */
	struct histogram ttft; /* from starting the attempt to its first content */
};

/* One loop's. */
struct metrics {
	struct metrics *next; /* set before it is published */
	counter requests[CHAT_OPS][ENDS];
	counter responses[STATUS_CLASSES];
	counter sums[SUMS];
	counter hedges[HEDGE_ENDS];
	struct histogram duration;
	atomic_uint provider_n;
	struct metrics_provider *provider[METRICS_PROVIDERS_MAX];
};

struct metrics_shared {
	_Atomic(struct metrics *) first;
};

/* Joins the shared list; stays there until metrics_shared_free().  NULL: no memory. */
struct metrics *metrics_new(struct metrics_shared *s, struct mem *mem);
void metrics_shared_free(struct metrics_shared *s, struct mem *mem);

/* This loop's row for a provider; the 64th and later names share one called "other".
 * NULL only without memory. */
struct metrics_provider *metrics_provider(struct metrics *m, struct slice name,
					  struct mem *mem);

void metrics_time(struct histogram *h, uint64_t us);
void metrics_usage(struct metrics_provider *p, const struct usage *u);

/* The text of /metrics (Prometheus 0.0.4), of all loops.  E_NOMEM, E_TOOBIG. */
MUST_USE enum rc metrics_write(const struct metrics_shared *s, struct buf *out);

struct snapshot;
/* What is not any loop's: of the deployments themselves, and of families of models.  E_NOMEM,
 * E_TOOBIG. */
MUST_USE enum rc metrics_write_deployments(const struct snapshot *s, uint64_t now_us,
					   struct buf *out);

#endif
