#include "base/secret.h"

struct secret secret_make(struct arena *a, struct slice s)
{
	return (struct secret){ arena_copy(a, s) };
}

struct slice secret_scrub(struct arena *a, struct secret s, struct slice text)
{
	size_t at = s.hidden.n < SECRET_SCRUB_MIN ? SLICE_NONE : slice_find(text, s.hidden);
	char *p;

	if (at == SLICE_NONE)
		return text;
	p = arena_bytes(a, text.n);
	if (p == NULL)
		return (struct slice){ NULL, 0 };
	memcpy(p, text.p, text.n);
	for (size_t from = 0; at != SLICE_NONE;
	     at = slice_find(slice_skip(text, from), s.hidden)) {
		memset(p + from + at, '*', s.hidden.n);
		from += at + s.hidden.n;
	}
	return slice_of(p, text.n);
}

void secret_wipe(struct secret *s)
{
	/* The slice is const for readers; the bytes are the arena's, which we own. */
	if (s->hidden.n > 0)
		mem_wipe((void *)(uintptr_t)s->hidden.p, s->hidden.n);
	s->hidden = (struct slice){ NULL, 0 };
}
