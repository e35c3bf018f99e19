/* base/mem.h -- where memory comes from.
 *
 * The pure floors have no malloc of their own: they are given a struct mem.  The daemon
 * hands them the system's (io/mem.h), tests hand them one that fails on purpose.
 * Memory is given back with the size it was asked for, so that an owner can count.
 */
#ifndef WEIR_BASE_MEM_H
#define WEIR_BASE_MEM_H

#include "base/defs.h"

struct mem {
	/* NULL when there is none.  Aligned for any type. */
	void *(*get)(struct mem *m, size_t n);
	/* Like realloc; on NULL the old block stays valid.  `p` may be NULL (old == 0). */
	void *(*resize)(struct mem *m, void *p, size_t old, size_t n);
	/* `p` may be NULL. */
	void (*put)(struct mem *m, void *p, size_t n);
};

static inline void *mem_get(struct mem *m, size_t n)
{
	return m->get(m, n);
}

static inline void *mem_resize(struct mem *m, void *p, size_t old, size_t n)
{
	return m->resize(m, p, old, n);
}

static inline void mem_put(struct mem *m, void *p, size_t n)
{
	m->put(m, p, n);
}

/* Zeroed. */
void *mem_zero(struct mem *m, size_t n);

/* Overwrites in a way that the compiler keeps. */
void mem_wipe(void *p, size_t n);

#endif
