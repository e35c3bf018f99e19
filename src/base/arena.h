/* base/arena.h -- memory for one job, freed in one call.
 *
 * Blocks come from a struct mem and grow (first, 2x, 4x ... up to 64 KiB, or the size
 * asked).  `cap` bounds the sum of all blocks.  Failure is sticky: after one allocation
 * failed all later ones do, so one check of arena_failed() covers a group.
 */
#ifndef WEIR_BASE_ARENA_H
#define WEIR_BASE_ARENA_H

#include "base/mem.h"
#include "base/slice.h"

struct arena_block;

struct arena {
	struct mem *mem;
	struct arena_block *top;
	char *at, *end; /* the free part of the top block */
	size_t held;    /* bytes of all blocks */
	size_t cap;
	size_t next; /* size of the next block */
	bool failed;
};

struct arena_mark {
	struct arena_block *top;
	char *at;
};

/* Takes nothing until the first allocation.  `first` is the size of the first block. */
void arena_init(struct arena *a, struct mem *mem, size_t first, size_t cap);
void arena_free(struct arena *a);

/* Not zeroed; aligned for any type.  NULL on failure, which then is sticky. */
void *arena_get(struct arena *a, size_t n);
/* Zeroed. */
void *arena_zero(struct arena *a, size_t n);
#define ARENA_NEW(a, type)        ((type *)arena_zero((a), sizeof(type)))
#define ARENA_ARRAY(a, type, len) ((type *)arena_zero_array((a), (len), sizeof(type)))
void *arena_zero_array(struct arena *a, size_t len, size_t each);

/* Bytes need no alignment: for text and bodies. */
char *arena_bytes(struct arena *a, size_t n);
/* On failure the empty slice. */
struct slice arena_copy(struct arena *a, struct slice s);
/* Zero-terminated; "" on failure (a literal: do not write). */
const char *arena_cstr(struct arena *a, struct slice s);
struct slice arena_fmt(struct arena *a, const char *fmt, ...) PRINTF_LIKE(2, 3);

static inline bool arena_failed(const struct arena *a)
{
	return a->failed;
}

/* What was allocated after the mark is given back by arena_rewind(). */
struct arena_mark arena_mark(const struct arena *a);
void arena_rewind(struct arena *a, struct arena_mark m);

#endif
