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
#include "route/affinity.h"
#include "route/hedge.h"
#include "route/policy.h"
#include "route/tokens.h"
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

/* What outlives reloads is counted by the snapshots that hold it and comes from their mem. */
struct kept_breaker {
	atomic_uint refs;
	struct breaker breaker;
};

/* One of a provider's keys. */
struct provider_key {
	struct slice name; /* empty: its only one has none */
	struct secret key;
	/* Of a struct kept_breaker, carried over reloads by provider, name and value; NULL:
	 * nothing is kept. */
	struct breaker *breaker;
	unsigned weight; /* share of the requests; >= 1 */
};

struct provider {
	struct slice name;
	const struct dialect *dialect; /* that it speaks */
	struct url url;
	struct slice base_path; /* "/v1": what requests' paths are appended to; no slash at its
				   end */
	struct slice auth_name; /* "Authorization"; empty: none */
	struct slice auth_prefix;  /* "Bearer " */
	struct provider_key *keys; /* none: it asks for none, or requests are signed */
	size_t key_n;
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
	/* Requests are signed with these instead of carrying a key; empty id: they are not. */
	struct sigv4_key aws;
	struct slice aws_region, aws_service;
	unsigned quirks;
	uint64_t connect_timeout_us;
	uint32_t index; /* 0 .. snapshot.provider_n - 1 */
	/* Shared by the `provider/model` names that no model has; carried over like theirs. */
	struct health *health;
	struct calibration *tokens; /* of its models without a known family; likewise */
	struct slice region;        /* where it computes: "eu"; empty: not known */
	bool zdr;                   /* keeps nothing of what it is sent */
	bool collects;              /* may keep it and learn from it */
	bool local;                 /* on this machine or the owner's network */
	bool cancel_bills;          /* a cancelled request costs as if it had been read whole */
	bool simulated;             /* weir mock: said so wherever it shows */
	bool open_ended;            /* `provider/anything` is allowed */
	unsigned warm;              /* connections each loop opens ahead of need */
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
	/* What routing knows of it.  Its health is carried over reloads by name, its
	 * calibration by family; of an unlisted one both are the provider's. */
	struct route_target target;
	bool chat;              /* it is not known to be for something else */
	bool no_sampling;       /* it refuses temperature, top_p and top_k */
	struct slice successor; /* its provider's model to take when it is retired; may be empty
				 */
	uint32_t index; /* 0 .. snapshot.deployment_n - 1; DEPLOYMENT_UNLISTED: made for a
			 * `provider/model` that no model of the config names */
};

/* What the requests of one name have spent and done together.  Outlives reloads, by name. */
struct route_shared {
	atomic_uint refs;
	struct budget retries;
	struct hedge_budget hedges;
	_Atomic uint64_t turn; /* of BY_TURN */
};

struct route_rule; /* route/rules.h */

/* Whose a deployment is, where a request names several models. */
struct model_part {
	const struct model *of;
	size_t place; /* among its deployments */
	uint8_t rank; /* which of the names it came by */
};

struct model {
	struct slice name;
	/* For lists of models: of the first deployment. */
	struct slice owned_by;        /* its provider */
	uint64_t context, max_output; /* tokens; 0: unknown */
	uint64_t created_s;
	struct deployment *const *deployments;
	const struct route_target *const *targets; /* the same ones' */
	size_t deployment_n;
	const struct model_part *parts; /* of each deployment; NULL: they are its own */
	struct timeouts timeouts;
	struct retries retries;
	struct route_policy policy;
	struct hedge_rules hedge;
	struct budget_rules retry_budget; /* in attempts beyond the first */
	uint64_t slow_start_us;           /* 0: none */
	uint64_t sticky_ttl_us;           /* 0: it does not stick */
	unsigned stick_max_permille;      /* see struct route_env */
	const struct route_rule *rules;
	size_t rule_n;
	/* Its deployments differ in what they can do, or its policy or rules ask what the
	 * request holds: it must be read whole before it is planned. */
	bool needs_facts;
	bool implicit; /* the config does not name it: a tier, `auto`; keys are asked of each
			  of its deployments */
	struct route_shared *shared; /* NULL: in tests; there are no budgets then */
};

struct client_key {
	struct slice name;
	struct secret key;
	struct slice *models; /* patterns with `*`; none: all */
	size_t model_n;
	enum unsupported unsupported;
	bool preview; /* it may use previews */
	bool admin;   /* it may ask /admin/v1 */
};

struct kept_affinity {
	atomic_uint refs;
	struct affinity table;
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
	struct map families; /* name -> struct calibration, of the deployments' models */
	struct kept_calibration {
		struct slice family;
		struct calibration *tokens;
	} * family_list;
	size_t family_n;
	/* One per name of the config, and the one of all other names: no name. */
	struct route_shared **shared_list;
	size_t shared_n;
	/* What names have that no model of the config has: no deployments, only rules. */
	struct model plain;
	/* Who went where before; NULL: no model is sticky.  Of a struct kept_affinity, carried
	 * over reloads. */
	struct affinity *affinity;
	int64_t day; /* when it was built: its prices are of then */
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

/* For whoever builds it: the target of a deployment whose provider, model and name are set,
 * from what the catalogue and its provider say; of health and calibration it sets none.
 * Returns the model's family; empty: not known. */
struct slice deployment_look_up(struct deployment *d, const struct catalogue *c, int64_t day);
/* For whoever builds it: m->targets and m->needs_facts from the rest of it.  False: no
 * memory. */
MUST_USE bool model_finish(struct model *m, struct arena *a);
/* 0 .. 1000, of a model of which nothing else is known. */
unsigned tier_quality(enum model_tier t);

/* For whoever builds it: gives `k` its secret and makes it findable; key_by_hash must have
 * room.  E_REFUSED: this key is there already; E_NOMEM. */
MUST_USE enum rc snapshot_put_key(struct snapshot *s, struct client_key *k, struct slice key);

/* ---- gateway/names.c ---------------------------------------------------------------------
 */

/* Deployments that the catalogue knows under a name: of providers that are open-ended, in the
 * order of the file; the retired are left out.  Returns how many. */
enum { CATALOGUE_FOUND_MAX = 16 };
struct catalogued {
	const struct provider *provider;
	struct slice model; /* what the provider calls it */
};
size_t snapshot_catalogued(const struct snapshot *s, struct slice name,
			   struct catalogued v[CATALOGUE_FOUND_MAX]);

/* The model a client asked for: a name of the config (a model, its aliases, a route), `auto` or
 * a tier, `provider/model` of a provider that is open-ended, or a name that the catalogue has
 * for such providers; `a` gives the memory for the last two.  NULL: unknown. */
const struct model *snapshot_find(const struct snapshot *s, struct slice name, struct arena *a);

/* One model out of several names: their deployments in this order, each once, all else as the
 * first has it.  NULL: names[*missing] is unknown, or no memory when that is n. */
const struct model *snapshot_join(const struct snapshot *s, const struct slice *names, size_t n,
				  struct arena *a, size_t *missing);

/* The configured name nearest to an unknown one, or empty. */
struct slice snapshot_suggest(const struct snapshot *s, struct slice name);

/* `*` in a pattern stands for any run of bytes. */
bool name_matches(struct slice pattern, struct slice name);

/* ---- keys --------------------------------------------------------------------------------
 */

/* The key to ask a provider with where nothing speaks for another; empty: it has none. */
static inline struct secret provider_key(const struct provider *p)
{
	return p->key_n > 0 ? p->keys[0].key : (struct secret){ { NULL, 0 } };
}

/* Whose key this is; NULL: nobody's.  Compared in constant time. */
const struct client_key *snapshot_key(const struct snapshot *s, struct slice presented);
/* Whether the key may use this model: one of its patterns matches, or it has none. */
bool client_key_allows(const struct client_key *k, struct slice model);

#endif
