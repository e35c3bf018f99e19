/* app/serve.h -- what the parts of `weir serve` share.
 *
 * One loop and one gateway per worker.  Worker 0 runs on the main thread and is the only one
 * that reads files, reloads, discovers and hears signals; the others are sent snapshots
 * and the word to stop, through their `wake`.
 */
#ifndef WEIR_APP_SERVE_H
#define WEIR_APP_SERVE_H

#include "app/command.h"
#include "app/discover.h"
#include "app/load.h"
#include "gateway/gateway.h"
#include "gateway/decision.h"
#include "gateway/metrics.h"
#include "io/files.h"
#include "io/tls.h"
#include "mock/mock.h"

enum { LISTENERS_MAX = 32 };

struct listener_plan {
	struct address at;
	struct slice tls_cert, tls_key; /* empty: plain */
	struct tls_server *tls;
};

struct worker {
	struct serve *serve;
	struct loop *loop;
	struct gateway *gateway;
	struct wake *wake;
	struct thread *thread;           /* NULL for worker 0 */
	_Atomic(struct snapshot *) next; /* to be taken into use; owned */
	atomic_bool stop;
	bool draining; /* the worker's own */
};

enum serve_busy { SERVE_IDLE, SERVE_RELOADING, SERVE_DISCOVERING };

struct serve {
	struct load_options options;
	struct arena arena; /* lives as long as the program */
	char file[4096];    /* of the config; "" for none */
	struct snapshot *now;
	struct listener_plan listeners[LISTENERS_MAX];
	size_t listener_n;
	struct log_sink *sink;
	struct log *log;
	struct metrics_shared metrics;
	struct decisions_shared decisions;
	struct loop *loop; /* worker 0's */
	struct worker *workers;
	size_t worker_n;
	atomic_uint running; /* workers that have not drained */
	struct wake *drained;
	struct signal_watch *signals[3];
	bool stopping;

	/* Reload and discovery, of which there is one at a time. */
	enum serve_busy busy;
	bool again; /* asked for meanwhile */
	struct thread *reload_thread;
	struct wake *reloaded;
	struct loaded *reload;
	enum rc reload_rc;
	struct discovery *discovery, *before; /* `before`: what was found the last time */
	struct timer settle;                  /* gathers what is found into one snapshot */
	bool settle_ready;

	struct mock *mock;
	char mock_url[64];
};

/* serve_listen.c: fills `listeners` from the config, checks that nobody else listens there,
 * reads certificates.  `fall_back`: the default port may be exchanged for a free one.  Says
 * what is wrong. */
bool listeners_plan(struct serve *s, const struct config *c, bool fall_back);
void listeners_free(struct serve *s);
/* The same addresses as those planned? */
bool listeners_same(const struct serve *s, const struct config *c);
/* Can the certificate be used?  For `weir check`. */
bool listener_tls(const struct config_listen *l, struct tls_server **out, struct err *err);

/* serve_reload.c */
MUST_USE enum rc reload_begin(struct serve *s, struct err *err); /* once loop 0 is there */
void reload_ask(struct serve *s);
void reload_discover(struct serve *s);
void reload_end(struct serve *s); /* joins, frees */
/* Hands a snapshot to every worker; takes the reference. */
void reload_publish(struct serve *s, struct snapshot *next);

/* serve_say.c: what people read on stdout */
void say_start(const struct serve *s);
void say_found(const struct found_provider *f);
void say_not_found(const struct provider_known *known, const char *why);
void say_nothing(const struct serve *s);
void say_address(struct sb *out, const struct address *at, bool tls);

#endif
