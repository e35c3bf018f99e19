#include "base/arena.h"

#define BLOCK_MAX  65536
#define ALIGNMENT  _Alignof(max_align_t)
#define BLOCK_HEAD ((sizeof(struct arena_block) + ALIGNMENT - 1) & ~(ALIGNMENT - 1))

struct arena_block {
	struct arena_block *below;
	size_t size; /* with this head */
};

void arena_init(struct arena *a, struct mem *mem, size_t first, size_t cap)
{
	*a = (struct arena){ .mem = mem, .cap = cap, .next = size_max(first, 128) };
}

void arena_free(struct arena *a)
{
	while (a->top != NULL) {
		struct arena_block *b = a->top;

		a->top = b->below;
		mem_put(a->mem, b, b->size);
	}
	a->at = a->end = NULL;
	a->held = 0;
}

static bool add_block(struct arena *a, size_t n)
{
	struct arena_block *b;
	size_t size;

	if (!size_add(n, BLOCK_HEAD + ALIGNMENT, &size))
		return false;
	size = size_max(size, a->next);
	if (size > a->cap - a->held)
		size = n + BLOCK_HEAD + ALIGNMENT; /* no room to be generous */
	if (size > a->cap - a->held)
		return false;
	b = mem_get(a->mem, size);
	if (b == NULL)
		return false;
	b->below = a->top;
	b->size = size;
	a->top = b;
	a->at = (char *)b + BLOCK_HEAD;
	a->end = (char *)b + size;
	a->held += size;
	if (a->next < BLOCK_MAX)
		a->next *= 2;
	return true;
}

static void *take(struct arena *a, size_t n, size_t align)
{
	size_t pad;
	char *p;

	if (a->failed)
		return NULL;
	pad = (size_t)(-(uintptr_t)a->at & (align - 1));
	if (a->at == NULL || (size_t)(a->end - a->at) < pad ||
	    (size_t)(a->end - a->at) - pad < n) {
		if (!add_block(a, n)) {
			a->failed = true;
			return NULL;
		}
		pad = 0; /* a block's first byte is aligned */
	}
	p = a->at + pad;
	a->at = p + n;
	return p;
}

void *arena_get(struct arena *a, size_t n)
{
	return take(a, n, ALIGNMENT);
}

void *arena_zero(struct arena *a, size_t n)
{
	void *p = take(a, n, ALIGNMENT);

	if (p != NULL)
		memset(p, 0, n);
	return p;
}

void *arena_zero_array(struct arena *a, size_t len, size_t each)
{
	size_t n;

	if (!size_mul(len, each, &n)) {
		a->failed = true;
		return NULL;
	}
	return arena_zero(a, n);
}

char *arena_bytes(struct arena *a, size_t n)
{
	return take(a, n, 1);
}

struct slice arena_copy(struct arena *a, struct slice s)
{
	char *p = take(a, s.n, 1);

	if (p == NULL)
		return (struct slice){ NULL, 0 };
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	return (struct slice){ p, s.n };
}

const char *arena_cstr(struct arena *a, struct slice s)
{
	char *p = s.n == SIZE_MAX ? NULL : take(a, s.n + 1, 1);

	if (p == NULL)
		return "";
	if (s.n > 0)
		memcpy(p, s.p, s.n);
	p[s.n] = '\0';
	return p;
}

struct slice arena_fmt(struct arena *a, const char *fmt, ...)
{
	va_list ap;
	char *p;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	INVARIANT(n >= 0);
	p = take(a, (size_t)n + 1, 1);
	if (p == NULL)
		return (struct slice){ NULL, 0 };
	va_start(ap, fmt);
	vsnprintf(p, (size_t)n + 1, fmt, ap);
	va_end(ap);
	return (struct slice){ p, (size_t)n };
}

struct arena_mark arena_mark(const struct arena *a)
{
	return (struct arena_mark){ a->top, a->at };
}

void arena_rewind(struct arena *a, struct arena_mark m)
{
	while (a->top != m.top) {
		struct arena_block *b = a->top;

		a->top = b->below;
		a->held -= b->size;
		mem_put(a->mem, b, b->size);
	}
	a->at = m.at;
	a->end = a->top == NULL ? NULL : (char *)a->top + a->top->size;
}
