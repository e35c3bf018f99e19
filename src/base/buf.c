#include "base/buf.h"

#define CAP_MIN 512

void buf_init(struct buf *b, struct mem *mem, size_t max)
{
	*b = (struct buf){ .mem = mem, .max = max };
}

void buf_free(struct buf *b)
{
	if (b->p != NULL)
		mem_put(b->mem, b->p, b->cap);
	b->p = NULL;
	b->at = b->n = b->cap = 0;
}

char *buf_room(struct buf *b, size_t n, enum rc *rc)
{
	size_t unread = b->n - b->at;
	size_t want, cap;
	char *p;

	if (b->cap - b->n >= n && b->p != NULL)
		return b->p + b->n;
	if (n > b->max - unread) {
		*rc = E_TOOBIG;
		return NULL;
	}
	if (b->at > 0) {
		memmove(b->p, b->p + b->at, unread);
		b->at = 0;
		b->n = unread;
		if (b->cap - b->n >= n)
			return b->p + b->n;
	}
	want = size_max(unread + n, CAP_MIN);
	cap = b->cap > b->max / 2 ? b->max : b->cap * 2; /* cannot overflow */
	cap = size_min(size_max(cap, want), b->max);
	p = mem_resize(b->mem, b->p, b->cap, cap);
	if (p == NULL) {
		*rc = E_NOMEM;
		return NULL;
	}
	b->p = p;
	b->cap = cap;
	return b->p + b->n;
}

enum rc buf_append(struct buf *b, struct slice s)
{
	enum rc rc = OK;
	char *to;

	if (s.n == 0)
		return OK;
	to = buf_room(b, s.n, &rc);
	if (to == NULL)
		return rc;
	memcpy(to, s.p, s.n);
	b->n += s.n;
	return OK;
}
