/* base/defs.h -- the few words every file uses: attributes, asserts, checked sums.
 *
 * Also bans the C functions that cannot be given a length (style, card 13): every
 * system header they come from is included here, before the ban.
 */
#ifndef WEIR_BASE_DEFS_H
#define WEIR_BASE_DEFS_H

#include <inttypes.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MUST_USE             __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, at) __attribute__((format(printf, fmt, at)))
#define NO_RETURN            __attribute__((noreturn))
#define UNUSED               __attribute__((unused))
#define COLD                 __attribute__((cold, noinline))
#define LIKELY(x)            __builtin_expect(!!(x), 1)
#define UNLIKELY(x)          __builtin_expect(!!(x), 0)

#define ARRAY_LEN(a)                    (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))

/* For our own invariants only, never for what a peer sent or for lack of memory.
 * Stays on in release: a wrong bill is worse than a restart. */
#define INVARIANT(x)                                                                           \
	do {                                                                                   \
		if (UNLIKELY(!(x)))                                                            \
			invariant_failed(#x, __FILE__, __LINE__);                              \
	} while (0)

NO_RETURN COLD void invariant_failed(const char *what, const char *file, int line);

/* Overflow-checked; false on overflow, *out untouched then. */
static inline bool size_add(size_t a, size_t b, size_t *out)
{
	size_t r;

	if (__builtin_add_overflow(a, b, &r))
		return false;
	*out = r;
	return true;
}

static inline bool size_mul(size_t a, size_t b, size_t *out)
{
	size_t r;

	if (__builtin_mul_overflow(a, b, &r))
		return false;
	*out = r;
	return true;
}

static inline size_t size_min(size_t a, size_t b)
{
	return a < b ? a : b;
}

static inline size_t size_max(size_t a, size_t b)
{
	return a > b ? a : b;
}

/* With _FORTIFY_SOURCE some C libraries make these macros, which cannot be poisoned. */
#undef sprintf
#undef vsprintf
#pragma GCC poison strcpy strcat strncpy strncat sprintf vsprintf strtok gets atoi atol atoll
#pragma GCC poison sscanf vsscanf

#endif
