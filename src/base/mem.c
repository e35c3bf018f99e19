#include "base/mem.h"

void *mem_zero(struct mem *m, size_t n)
{
	void *p = mem_get(m, n);

	if (p != NULL)
		memset(p, 0, n);
	return p;
}

void mem_wipe(void *p, size_t n)
{
	if (n == 0)
		return;
	memset(p, 0, n);
	__asm__ volatile("" : : "r"(p) : "memory");
}
