/* app/config_build.h -- what the parts of the building of a snapshot share.
 *
 * On no memory each part leaves quietly; config_build() looks once, at the end.
 */
#ifndef WEIR_APP_CONFIG_BUILD_H
#define WEIR_APP_CONFIG_BUILD_H

#include "app/config.h"
#include "base/hash.h"
#include "io/tls.h"

/* "auto", and the tiers. */
enum { IMPLICIT_NAMES = MODEL_TIER_N };

/* The place of what is wrong with the file as a whole. */
#define WHOLE_FILE ((struct yaml_place){ 0, 0 })

struct builder {
	const struct config *c;
	const struct config_build *o;
	struct problems *p;
	struct snapshot *s;
	bool no_memory;                   /* outside of the arena */
	const struct config_model *plain; /* with every option as it is when not given */
};

/* What is built now is incomplete: nothing of it is to be complained about. */
static inline bool out_of_memory(const struct builder *b)
{
	return b->no_memory || arena_failed(&b->s->arena);
}

/* The TLS settings for this authority file (not given: the system's), shared.  NULL when
 * it is no good, which has been reported. */
struct tls_client *build_tls(struct builder *b, struct text ca_file);
/* The first of these variables that is set. */
struct text config_env_text(const struct config_env *env, const char *name, const char *other);

/* config_keep.c.  NULL: no memory, which b->no_memory says; references are taken and noted in
 * the snapshot, but for the health, which belongs to the deployment's. */
struct health *keep_deployment_health(struct builder *b, struct slice name);
/* Its health, calibration and its keys' breakers. */
void keep_provider(struct builder *b, struct provider *p);
struct calibration *keep_family(struct builder *b, struct slice family);
/* Empty name: the one of names that no model of the config has. */
struct route_shared *keep_shared(struct builder *b, struct slice name);
/* Some model is sticky. */
void keep_affinity(struct builder *b);

/* config_routing.c */
void build_times(const struct snapshot *s, const struct config_model_timeouts *t,
		 const struct config_retries *r, struct model *m);
/* Policy, hedging and the like; deployments, name and rules are there already.  `at`: of the
 * name. */
void build_routing(struct builder *b, const struct config_routing *c, struct yaml_place at,
		   struct model *m);
/* 1 << position of each text in `words`, NULL-terminated; "" there is no word. */
unsigned build_words(struct builder *b, const char *option, const char *const *words,
		     const struct texts *t);
/* The model can be asked for, and listed, by its name and its aliases. */
void build_name(struct builder *b, struct model *m, const struct texts *aliases,
		struct yaml_place at);

/* config_models.c: a new deployment that is listed in the snapshot; `model` is copied.  NULL:
 * no memory. */
struct deployment *build_listed(struct builder *b, const struct provider *p,
				struct slice model);
void no_such_provider(struct builder *b, struct slice name, struct yaml_place at);

/* config_routes.c */
void build_routes(struct builder *b);

/* config_catalogue.c, config_providers.c, config_models.c */
void build_catalogue(struct builder *b);
void build_providers(struct builder *b);
void build_models(struct builder *b);

#endif
