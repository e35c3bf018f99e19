/* base/buf.h -- bytes that come in at one end and leave at the other, up to a maximum.
 *
 * Unread bytes are p[at .. n).  Always at <= n <= cap <= max.
 */
#ifndef WEIR_BASE_BUF_H
#define WEIR_BASE_BUF_H

#include "base/err.h"
#include "base/mem.h"

struct buf {
	struct mem *mem;
	char *p;
	size_t at, n, cap, max;
};

/* Takes nothing until the first byte. */
void buf_init(struct buf *b, struct mem *mem, size_t max);
void buf_free(struct buf *b);

/* Makes room for `n` more bytes at the end and returns where they go, or NULL with *rc
 * E_TOOBIG (over max) or E_NOMEM.  Then buf_added() says how many were written. */
char *buf_room(struct buf *b, size_t n, enum rc *rc);
static inline void buf_added(struct buf *b, size_t n)
{
	INVARIANT(n <= b->cap - b->n);
	b->n += n;
}

/* All of `s` or nothing.  E_TOOBIG, E_NOMEM. */
MUST_USE enum rc buf_append(struct buf *b, struct slice s);

/* The unread bytes; valid until the next call that adds. */
static inline struct slice buf_slice(const struct buf *b)
{
	return (struct slice){ b->p + b->at, b->n - b->at };
}

static inline size_t buf_len(const struct buf *b)
{
	return b->n - b->at;
}

/* Drops the first `n` unread bytes.  Memory is kept for the next ones. */
static inline void buf_taken(struct buf *b, size_t n)
{
	INVARIANT(n <= b->n - b->at);
	b->at += n;
	if (b->at == b->n)
		b->at = b->n = 0;
}

#endif
