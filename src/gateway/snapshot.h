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
#include "catalogue/models.h"
#include "gateway/fetch.h"
#include "net/client.h"
#include "net/server.h"
#include "route/health.h"
#include "wire/sigv4.h"

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

/* What is done about what a provider's dialect cannot say. */
enum unsupported {
	UNSUPPORTED_UNSET,    /* of a key: as for everybody */
	UNSUPPORTED_DROP,     /* parameters are dropped and named; content is refused */
	UNSUPPORTED_DROP_ALL, /* content too */
	UNSUPPORTED_REFUSE,
};

struct provider {
	struct slice name;
	const struct dialect *dialect; /* that it speaks */
	struct url url;
	struct slice base_path; /* "/v1": what requests' paths are appended to; no slash at its
				   end */
	struct slice auth_name; /* "Authorization"; empty: none */
	struct slice auth_prefix; /* "Bearer " */
	struct secret key;
	struct tls_client *tls; /* NULL for http; kept by snapshot.tls_list */
	bool use_proxy;
	struct header *headers; /* sent with every request */
	size_t header_n;
	struct slice *drop_params; /* members of the body it does not take */
	size_t drop_param_n;
	struct slice *add_members; /* `"key":"value"`, put into bodies that lack the key */
	size_t add_member_n;
	/* Where its paths below base_path are not its dialect's own; else empty. */
	struct slice chat_path, chat_stream_path, embeddings_path;
	/* Requests are signed with these instead of carrying `key`; empty id: they are not. */
	struct sigv4_key aws;
	struct slice aws_region, aws_service;
	unsigned quirks;
	uint64_t connect_timeout_us;
	uint32_t index; /* 0 .. snapshot.provider_n - 1 */
	/* Shared by the `provider/model` names that no model has; carried over like theirs. */
	struct health *health;
	bool simulated;  /* weir mock: said so wherever it shows */
	bool open_ended; /* `provider/anything` is allowed */
	unsigned warm;   /* connections each loop opens ahead of need */
};

/* TLS settings that outlive reloads, so that sessions and idle connections do too.  From the
 * snapshot's mem. */
struct snapshot_tls {
	atomic_uint refs; /* snapshots that hold it */
	struct tls_client *tls;
	uint64_t ca_hash; /* of the authority file's path and content; 0: none */
};

#define DEPLOYMENT_UNLISTED UINT32_MAX

struct deployment {
	const struct provider *provider;
	struct slice model;      /* upstream name */
	struct slice model_json; /* the same, quoted */
	struct slice name;       /* "provider/model": in logs and metrics */
	uint64_t max_output;     /* tokens, from the catalogue; 0: unknown */
	uint64_t context;        /* likewise */
	bool no_sampling;        /* it refuses temperature, top_p and top_k */
	int64_t retired_day;     /* from then on it answers no more; 0: not known to end */
	struct slice successor;  /* its provider's model to take then; may be empty */
	unsigned priority;       /* lower goes first */
	unsigned weight;         /* share among equals; >= 1 */
	/* Carried over reloads by name; from the snapshot's mem.  Unlisted: the provider's. */
	struct health *health;
	uint32_t index; /* 0 .. snapshot.deployment_n - 1; DEPLOYMENT_UNLISTED: made for a
			 * `provider/model` that no model of the config names */
};

struct model {
	struct slice name;
	/* For lists of models: of the first deployment. */
	struct slice owned_by;        /* its provider */
	uint64_t context, max_output; /* tokens; 0: unknown */
	uint64_t created_s;
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
	enum unsupported unsupported;
};

struct snapshot {
	struct arena arena;
	atomic_uint refs;
	uint64_t version;                  /* counts reloads, from 1 */
	const struct catalogue *catalogue; /* in the arena; NULL: as shipped */
	struct map models;                 /* name -> struct model */
	struct model **model_list;         /* sorted by name */
	size_t model_n;
	struct map providers; /* name -> struct provider */
	struct provider **provider_list;
	size_t provider_n;
	struct map deployments; /* name -> struct deployment; the first when several share it */
	struct deployment **deployment_list;
	size_t deployment_n;
	struct snapshot_tls **tls_list;
	size_t tls_n;
	struct client_key *keys; /* none: no key is asked for */
	size_t key_n;
	/* Of clients that sign instead of sending their key, which is then the secret;
	 * signer[i] is whose aws_keys[i] is. */
	struct sigv4_key *aws_keys;
	const struct client_key **signer;
	size_t signer_n;
	struct map key_by_hash;   /* look-up of a presented key: see snapshot_key() */
	uint64_t key_seed;        /* unpredictable: keys are hashed with it */
	struct timeouts timeouts; /* for `provider/model` names */
	struct retries retries;
	struct breaker_rules breaker;
	struct proxy_settings proxy;
	struct http_server_limits server;
	struct http_client_limits client;
	size_t body_max;     /* of a request: 413 over it */
	size_t response_max; /* of a plain response, and of what is held before commit */
	size_t event_max;    /* of one stream event that is looked into */
	enum unsupported unsupported;
	struct fetch_rules media; /* its tls is kept by tls_list */
	bool access_log;
	bool reply_headers;  /* X-Weir-* headers on replies */
	bool metrics_public; /* /metrics without a key */
	bool allow_anonymous;
	uint64_t drain_us; /* graceful stop: at most this long */
};

/* An empty one with one reference, in memory of `mem`; whoever builds it fills it in, and
 * from then on nothing but the counts changes.  NULL on no memory. */
struct snapshot *snapshot_new(struct mem *mem, size_t max_bytes);
struct snapshot *snapshot_ref(struct snapshot *s);
/* NULL is allowed; the last one wipes the secrets and frees it. */
void snapshot_unref(struct snapshot *s);

/* For whoever builds it: what the catalogue knows of the deployment's model. */
void deployment_look_up(struct deployment *d, const struct catalogue *c);

/* For whoever builds it: gives `k` its secret and makes it findable; key_by_hash must have
 * room.  E_REFUSED: this key is there already; E_NOMEM. */
MUST_USE enum rc snapshot_put_key(struct snapshot *s, struct client_key *k, struct slice key);

/* The model a client asked for: a configured name, or `provider/model` of a provider that
 * is open-ended, for which `a` gives the memory.  NULL: unknown. */
const struct model *snapshot_model(const struct snapshot *s, struct slice name,
				   struct arena *a);

/* The configured name nearest to an unknown one, or empty. */
struct slice snapshot_suggest(const struct snapshot *s, struct slice name);

/* Whose key this is; NULL: nobody's.  Compared in constant time. */
const struct client_key *snapshot_key(const struct snapshot *s, struct slice presented);
/* Whether the key may use this model: one of its patterns matches, or it has none. */
bool client_key_allows(const struct client_key *k, struct slice model);

#endif
