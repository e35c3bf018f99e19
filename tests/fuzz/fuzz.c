#include "fuzz.h"

static bool allowed(struct fuzz_mem *t)
{
	t->calls++;
	return t->fail_at == 0 || t->calls < t->fail_at;
}

static void *get(struct mem *m, size_t n)
{
	struct fuzz_mem *t = CONTAINER_OF(m, struct fuzz_mem, mem);
	void *p = allowed(t) ? malloc(n > 0 ? n : 1) : NULL;

	if (p != NULL)
		t->live += n;
	return p;
}

static void *resize(struct mem *m, void *p, size_t old, size_t n)
{
	struct fuzz_mem *t = CONTAINER_OF(m, struct fuzz_mem, mem);
	void *q = allowed(t) ? realloc(p, n > 0 ? n : 1) : NULL;

	if (q != NULL)
		t->live += n - old;
	return q;
}

static void put(struct mem *m, void *p, size_t n)
{
	struct fuzz_mem *t = CONTAINER_OF(m, struct fuzz_mem, mem);

	if (p != NULL)
		t->live -= n;
	free(p);
}

void fuzz_mem_init(struct fuzz_mem *m, size_t fail_at)
{
	*m = (struct fuzz_mem){ .mem = { get, resize, put }, .fail_at = fail_at };
}

void fuzz_cuts_init(struct fuzz_cuts *c, struct slice input)
{
	c->seed = 0xcbf29ce484222325 ^ input.n;
	for (size_t i = 0; i < input.n; i++)
		c->seed = (c->seed ^ (unsigned char)input.p[i]) * 0x100000001b3;
}

struct slice fuzz_cut(struct fuzz_cuts *c, struct slice *rest)
{
	struct slice piece;
	uint64_t draw;

	c->seed = c->seed * 6364136223846793005 + 1442695040888963407;
	draw = c->seed >> 33;
	piece = slice_head(*rest, draw % 16 == 0 ? 1 + draw / 16 % 1000 : 1 + draw / 16 % 32);
	*rest = slice_skip(*rest, piece.n);
	return piece;
}
