#include "base/secret.h"

struct secret secret_make(struct arena *a, struct slice s)
{
	return (struct secret){ arena_copy(a, s) };
}

void secret_wipe(struct secret *s)
{
	/* The slice is const for readers; the bytes are the arena's, which we own. */
	if (s->hidden.n > 0)
		mem_wipe((void *)(uintptr_t)s->hidden.p, s->hidden.n);
	s->hidden = (struct slice){ NULL, 0 };
}
