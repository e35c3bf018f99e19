/* gateway/snapshot.h -- everything the request path needs of the configuration, immutable.
 *
 * Built by app/ from the config file (or from what was found without one), swapped whole on
 * reload.  A loop holds one reference, an exchange another; the last one frees it.  All
 * that could be computed at load time has been: URLs are split, names are quoted,
 * headers are checked, look-ups are maps.
 */
#ifndef WEIR_GATEWAY_SNAPSHOT_H
#define WEIR_GATEWAY_SNAPSHOT_H

#include "base/arena.h"
#include "base/map.h"
#include "base/secret.h"
#include "catalogue/providers.h"
#include "net/client.h"
#include "net/server.h"
#include "route/breaker.h"

#include <stdatomic.h>

struct timeouts {                  /* microseconds; 0: none */
	uint64_t connect_us;       /* DNS, TCP, proxy, TLS */
	uint64_t first_content_us; /* from sending to the first content, or the whole plain
				      answer */
	uint64_t stall_us;         /* between two pieces after that */
	uint64_t total_us;         /* the whole exchange, all attempts */
};

struct retries {
	unsigned attempts;   /* at most, all deployments together; >= 1 */
	uint64_t backoff_us; /* before the second try of the same deployment; doubles */
	uint64_t backoff_max_us;
	uint64_t retry_after_max_us; /* a longer Retry-After is not waited for */
};

struct provider {
	struct slice name;
	struct url url;
	struct slice base_path; /* "/v1": what requests' paths are appended to; no slash at its
				   end */
	struct slice auth_name; /* "Authorization"; empty: none */
	struct slice auth_prefix; /* "Bearer " */
	struct secret key;
	struct tls_client *tls; /* NULL for http; owned by the snapshot */
	bool use_proxy;
	struct header *headers; /* sent with every request */
	size_t header_n;
	struct slice *drop_params; /* members of the body it does not take */
	size_t drop_param_n;
	unsigned quirks;
	uint64_t connect_timeout_us;
	bool simulated;  /* weir mock: said so wherever it shows */
	bool open_ended; /* `provider/anything` is allowed */
};

struct deployment {
	const struct provider *provider;
	struct slice model;             /* upstream name */
	struct slice model_json;        /* the same, quoted */
	struct slice name;              /* "provider/model": in logs and metrics */
	unsigned priority;              /* lower goes first */
	unsigned weight;                /* share among equals; >= 1 */
	struct deployment_state *state; /* outlives reloads: carried over by name */
	uint32_t index;                 /* 0 .. snapshot.deployment_n - 1 */
};

struct model {
	struct slice name;
	struct slice owned_by; /* for /v1/models: the first deployment's provider */
	struct deployment *const *deployments;
	size_t deployment_n;
	struct timeouts timeouts;
	struct retries retries;
};

struct client_key {
	struct slice name;
	struct secret key;
	struct slice *models; /* patterns with `*`; none: all */
	size_t model_n;
};

struct snapshot {
	struct arena arena;
	atomic_uint refs;
	uint64_t version;          /* counts reloads, from 1 */
	struct map models;         /* name -> struct model */
	struct model **model_list; /* sorted by name */
	size_t model_n;
	struct map providers; /* name -> struct provider */
	struct provider **provider_list;
	size_t provider_n;
	struct deployment **deployment_list;
	size_t deployment_n;
	struct client_key *keys; /* none: no key is asked for */
	size_t key_n;
	struct map key_by_hash;   /* look-up of a presented key: see snapshot_key() */
	struct timeouts timeouts; /* for `provider/model` names */
	struct retries retries;
	struct breaker_rules breaker;
	struct proxy_settings proxy;
	struct http_server_limits server;
	struct http_client_limits client;
	size_t body_max;     /* of a request: 413 over it */
	size_t response_max; /* of a plain response, and of what is held before commit */
	size_t event_max;    /* of one stream event that is looked into */
	bool access_log;
	bool metrics_public; /* /metrics without a key */
	bool allow_anonymous;
	uint64_t drain_us; /* graceful stop: at most this long */
};

struct snapshot *snapshot_ref(struct snapshot *s);
void snapshot_unref(
	struct snapshot *s); /* NULL is allowed; wipes the secrets when it was the last */

/* The model a client asked for: a configured name, or `provider/model` of a provider that
 * is open-ended, for which `a` gives the memory.  NULL: unknown. */
const struct model *snapshot_model(const struct snapshot *s, struct slice name,
				   struct arena *a);

/* The configured name nearest to an unknown one, or empty. */
struct slice snapshot_suggest(const struct snapshot *s, struct slice name);

/* Whose key this is; NULL: nobody's.  Compared in constant time. */
const struct client_key *snapshot_key(const struct snapshot *s, struct slice presented);
bool client_key_allows(const struct client_key *k, struct slice model);

#endif
