/* app/expand.h -- ${NAME} and ${NAME:-default} in the values of the config file.
 *
 * The file is YAML first, so a value never changes the file's shape.  But a brace means
 * something to YAML inside {...} and [...]: so that `{key: ${APP_KEY}}` reads as it looks,
 * the braces of references are hidden from the YAML reader as characters of the private use
 * area, one for one, which keeps all places.
 */
#ifndef WEIR_APP_EXPAND_H
#define WEIR_APP_EXPAND_H

#include "app/config.h"

/* The text with the braces of its references hidden.  Empty on no memory (see the arena). */
struct slice expand_hide(struct arena *a, struct slice text);
/* The text as it stood in the file. */
struct slice expand_show(struct arena *a, struct slice hidden);
/* A value of the hidden text with its references replaced; "$${" gives "${".  False when
 * something is wrong with it: `p` has it. */
bool expand(struct slice *out, struct arena *a, struct slice value,
	    const struct config_env *env, struct yaml_place at, struct problems *p);

#endif
