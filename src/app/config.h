/* app/config.h -- the config file: text to structs, structs to the gateway's snapshot.
 *
 * Both steps report everything that is wrong, each with its place and what to do about it,
 * and not just the first.
 */
#ifndef WEIR_APP_CONFIG_H
#define WEIR_APP_CONFIG_H

#include "app/options.h"
#include "gateway/snapshot.h"
#include "io/sock.h"
#include "wire/yaml.h"

/* ---- what is wrong ---------------------------------------------------------------- */

enum { PROBLEMS_MAX = 100 };

struct problem {
	const char *file;     /* NULL: the config file itself */
	struct yaml_place at; /* line 0: of the whole file */
	struct slice text;
};

struct problems {
	struct arena *a;
	const char *file; /* that is being read; NULL: the config file itself */
	struct problem v[PROBLEMS_MAX];
	size_t n;
	size_t more; /* that did not fit */
};

/* The texts come from `a`. */
void problems_init(struct problems *p, struct arena *a);
void problem_add(struct problems *p, struct yaml_place at, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
void problems_sort(struct problems *p);
/* "weir.yaml:3:5: what is wrong"; `file` is the config file's name. */
void problem_print(struct sb *out, const char *file, const struct problem *problem);

/* ---- the file, as structs --------------------------------------------------------- */

struct text {
	struct slice s;
	struct yaml_place at;
	bool given;
};

struct texts {
	struct text *v;
	size_t n;
};

struct pair {
	struct slice name;
	struct yaml_place name_at;
	struct text value;
};

struct pairs {
	struct pair *v;
	size_t n;
};

/* Begins every section's struct. */
struct section {
	struct slice name; /* of named ones */
	struct yaml_place at;
	bool given;
};

/* v[0 .. n), each `each` bytes. */
struct sections {
	void *v;
	size_t n, each;
	struct yaml_place at;
	bool given;
};

static inline void *sections_at(const struct sections *s, size_t i)
{
	INVARIANT(i < s->n);
	return (char *)s->v + i * s->each;
}

struct config_tls {
	struct section section;
	struct text cert, key;
};

struct config_listen {
	struct section section;
	struct text address;
	struct config_tls tls;
};

struct config_log {
	struct section section;
	uint64_t level, format;
	bool access;
};

struct config_key {
	struct section section;
	struct text name, key, access_key_id;
	struct texts models;
	uint64_t unsupported;
	bool preview, admin;
};

struct config_limits {
	struct section section;
	uint64_t head, body, response, event, exchange, connections, queue;
	uint64_t upstream_head, upstream_idle, upstream_open;
};

struct config_timeouts {
	struct section section;
	uint64_t connect, first_content, stall, total;
	uint64_t head, body_read, idle, write, drain;
	uint64_t upstream_idle, dns;
};

/* Per model: OPTION_UNSET where the global one holds. */
struct config_model_timeouts {
	struct section section;
	uint64_t first_content, stall, total;
};

struct config_retries {
	struct section section;
	uint64_t attempts, backoff, backoff_max, retry_after_max;
};

struct config_breaker {
	struct section section;
	uint64_t failures, open, open_max, rest_max;
	uint64_t error_rate, min_requests, window;
};

struct config_proxy {
	struct section section;
	struct text https, http, no;
};

struct config_media {
	struct section section;
	bool fetch, allow_private;
	uint64_t max_bytes, max_total, timeout;
};

struct config_metrics {
	struct section section;
	bool public;
};

struct config_provider_key {
	struct section section;
	struct text name, key;
	uint64_t weight;
};

/* In the order of their words. */
enum config_collection { COLLECTION_ALLOW, COLLECTION_DENY };
enum config_cancel { CANCEL_STOPS_BILLING, CANCEL_BILLS };

struct config_provider {
	struct section section;
	struct text base_url, api_key, auth_header, auth_prefix, ca_file;
	struct text region, access_key_id, secret_access_key, session_token;
	struct pairs headers, add_params;
	struct texts drop_params, quirks;
	uint64_t dialect; /* enum provider_dialect */
	uint64_t connect_timeout, warm;
	struct sections api_keys;
	uint64_t zdr, local, data_collection, cancel; /* OPTION_UNSET: as is known */
	bool proxy, open_ended;
	bool simulated; /* not an option: `weir serve --mock` sets it */
};

struct config_deployment {
	struct section section;
	struct text deployment, provider, model, region;
	uint64_t weight, priority;
	uint64_t quantization, quality; /* OPTION_UNSET: as is known */
	bool preview;
};

struct config_hedge {
	struct section section;
	bool on, despite_billing;
	uint64_t percentile, min_delay, max_delay, share, cost_share;
};

struct config_retry_budget {
	struct section section;
	uint64_t share, burst;
};

struct config_sticky {
	struct section section;
	bool on;
	uint64_t ttl, max_load;
};

struct config_max_price {
	struct section section;
	uint64_t input, output, request, image;
};

struct config_balance {
	struct section section;
	uint64_t cost, latency, quality;
};

/* What a model and a route have in common: how one of the deployments is chosen. */
struct config_routing {
	uint64_t strategy; /* OPTION_UNSET: priority */
	struct config_hedge hedge;
	struct config_retry_budget retry_budget;
	struct config_sticky sticky;
	struct config_max_price max_price;
	struct config_balance balance;
	struct texts only, ignore, regions, quantizations;
	uint64_t slow_start, data_collection, max_cost, min_quality, percentile;
	uint64_t max_latency, min_throughput;
	bool zdr, local_only, require_parameters, fallbacks;
};

struct config_model {
	struct section section;
	struct sections deployments;
	struct texts aliases;
	bool preview;
	struct config_model_timeouts timeouts;
	struct config_retries retries;
	struct config_routing routing;
};

struct config_when {
	struct section section;
	uint64_t tokens_over, tokens_under, stream;
	struct pairs metadata;
	struct texts tags, keys, days, needs, media;
	struct text hours;
};

struct config_rule {
	struct section section;
	struct text name;
	struct config_when when;
	struct texts use;
	uint64_t strategy;
};

struct config_route {
	struct section section;
	struct texts models, aliases;
	struct sections rules;
	bool preview;
	struct config_model_timeouts timeouts;
	struct config_retries retries;
	struct config_routing routing;
};

struct config {
	struct section section;
	struct sections listen;
	uint64_t workers;
	struct config_log log;
	struct sections keys;
	bool allow_anonymous, reply_headers;
	uint64_t unsupported;
	struct config_limits limits;
	struct config_timeouts timeouts;
	struct config_retries retries;
	struct config_breaker breaker;
	struct config_proxy proxy;
	struct config_metrics metrics;
	struct config_media media;
	struct text catalogue;
	struct sections providers, models, routes;
};

/* ---- reading ------------------------------------------------------------------------ */

enum { CONFIG_BYTES_MAX = 4 << 20, CONFIG_WORKERS_MAX = 256 };

/* The environment; tests bring their own. */
struct config_env {
	const char *(*get)(const struct config_env *e, const char *name);
};

/* Everything as if the file were empty.  NULL on no memory. */
struct config *config_defaults(struct arena *a);

/* A section of this table as if nothing were given; `section` is its zeroed struct. */
void config_section_defaults(const struct option_table *t, void *section);

/* Reads the text of a file; ${NAME} and ${NAME:-default} in values are replaced.
 * E_BAD: `p` says what is wrong (and *out is not set); E_NOMEM.  All memory from `a`. */
MUST_USE enum rc config_read(struct config **out, struct arena *a, struct slice text,
			     const struct config_env *env, struct problems *p);

/* Reads a file that is a list of rows of this table; everything else as above.  Problems that
 * there are already do not count. */
MUST_USE enum rc config_read_rows(struct sections *out, struct arena *a, struct slice text,
				  const struct option_table *of, const struct config_env *env,
				  struct problems *p);

/* The i-th address to listen on.  E_BAD: `err` says why. */
MUST_USE enum rc config_address(const struct config *c, size_t i, struct address *out,
				struct err *err);

/* ---- building ----------------------------------------------------------------------- */

enum { SNAPSHOT_BYTES_MAX = 256 << 20 };

struct config_build {
	struct mem *mem;
	const struct config_env *env;
	/* Breaker states and TLS settings are taken over from it; may be NULL. */
	const struct snapshot *before;
	uint64_t key_seed; /* unpredictable */
	int64_t day;       /* since 1970-01-01: prices are of then */
	bool may_be_empty; /* no provider at all is fine */
};

/* Returns owned: snapshot_unref().  Copies what it needs of `c`.
 * E_BAD: `p` says what is wrong; E_NOMEM. */
MUST_USE enum rc config_build(struct snapshot **out, const struct config *c,
			      const struct config_build *b, struct problems *p);

#endif
