/* base/secret.h -- X9: bytes that no log, error, header or response can print.
 *
 * The bytes are reached only through secret_reveal(); tools/check-secrets lists the few
 * places that may call it (where a request for its own provider is written).
 */
#ifndef WEIR_BASE_SECRET_H
#define WEIR_BASE_SECRET_H

#include "base/arena.h"

struct secret {
	struct slice hidden; /* never read directly */
};

/* Copies into the arena, whose owner calls secret_wipe() before it goes. */
struct secret secret_make(struct arena *a, struct slice s);
void secret_wipe(struct secret *s);

static inline bool secret_empty(struct secret s)
{
	return s.hidden.n == 0;
}

/* For words of others that may quote it (a provider's "wrong key: sk-..."): `text` itself when
 * it does not, else a copy with stars instead; empty on no memory.  Secrets under
 * SECRET_SCRUB_MIN bytes ("none", "x") are left: they guard nothing, and are in every word. */
enum { SECRET_SCRUB_MIN = 8 };
struct slice secret_scrub(struct arena *a, struct secret s, struct slice text);

/* In time that depends on the length alone. */
static inline bool secret_eq(struct secret s, struct slice given)
{
	return slice_eq_consttime(s.hidden, given);
}

static inline bool secret_same(struct secret a, struct secret b)
{
	return slice_eq_consttime(a.hidden, b.hidden);
}

static inline struct slice secret_reveal(struct secret s)
{
	return s.hidden;
}

#endif
