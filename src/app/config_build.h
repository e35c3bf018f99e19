/* app/config_build.h -- what the parts of the building of a snapshot share.
 *
 * On no memory each part leaves quietly; config_build() looks once, at the end.
 */
#ifndef WEIR_APP_CONFIG_BUILD_H
#define WEIR_APP_CONFIG_BUILD_H

#include "app/config.h"
#include "base/hash.h"
#include "io/tls.h"

/* The place of what is wrong with the file as a whole. */
#define WHOLE_FILE ((struct yaml_place){ 0, 0 })

struct builder {
	const struct config *c;
	const struct config_build *o;
	struct problems *p;
	struct snapshot *s;
	bool no_memory; /* outside of the arena */
};

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

/* config_catalogue.c, config_providers.c, config_models.c */
void build_catalogue(struct builder *b);
void build_providers(struct builder *b);
void build_models(struct builder *b);

#endif
