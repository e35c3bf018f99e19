/* app/discover.h -- asks providers which models they have: GET base/models.
 *
 * Local servers get 300 ms to accept and 2 s to answer, hosted ones 10 s.
 */
#ifndef WEIR_APP_DISCOVER_H
#define WEIR_APP_DISCOVER_H

#include "app/load.h"
#include "io/loop.h"

struct discovery;

enum { DISCOVER_MODELS_MAX = 5000, DISCOVER_BYTES_MAX = 16 << 20 };

struct discover_events {
	/* One answered; its models are valid as long as the discovery. */
	void (*found)(void *ctx, const struct found_provider *f);
	/* A hosted one did not, or not in a way we know.  Local ones that are not there are
	 * passed over. */
	void (*failed)(void *ctx, const struct provider_known *known, const char *why);
	/* All have answered or failed; what was found stays until discover_free(). */
	void (*done)(void *ctx);
};

/* Asks every provider of `s` that is known to the catalogue, except those at `skip_ports` of
 * this machine (our own).  No event comes from inside this call.  Takes a reference of `s`.
 * Returns owned. */
MUST_USE enum rc discover_start(struct discovery **out, struct loop *l, struct snapshot *s,
				const uint16_t *skip_ports, size_t skip_n,
				const struct discover_events *ev, void *ctx, struct err *err);
const struct found_provider *discover_found(const struct discovery *d, size_t *n);
void discover_free(struct discovery *d); /* NULL is allowed; at any time but from its events */

#endif
