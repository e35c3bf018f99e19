#include "app/wiping.h"

#include "io/files.h"

static void *get(struct mem *m UNUSED, size_t n)
{
	return mem_get(system_mem(), n);
}

static void put(struct mem *m UNUSED, void *p, size_t n)
{
	if (p != NULL)
		mem_wipe(p, n);
	mem_put(system_mem(), p, n);
}

/* Never in place: realloc() would leave a copy behind. */
static void *resize(struct mem *m, void *p, size_t old, size_t n)
{
	void *q = get(m, n);

	if (q == NULL)
		return NULL;
	if (p != NULL)
		memcpy(q, p, size_min(old, n));
	put(m, p, old);
	return q;
}

struct mem *wiping_mem(void)
{
	static const struct mem m = { get, resize, put };

	/* It has no state: the pointer is not const only because other kinds do. */
	return (struct mem *)(uintptr_t)&m;
}
