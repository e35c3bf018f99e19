/* tests/unit/check.h -- cmocka with our types, and memory that fails on purpose. */
#ifndef WEIR_TESTS_CHECK_H
#define WEIR_TESTS_CHECK_H

#include "base/err.h"
#include "base/mem.h"

#include <setjmp.h>

#include <cmocka.h>

#define CHECK(x)           assert_true(x)
#define CHECK_RC(x, want)  check_rc((x), (want), #x, __FILE__, __LINE__)
#define CHECK_INT(x, want) check_int((long long)(x), (long long)(want), #x, __FILE__, __LINE__)
/* `x` is a struct slice, `want` a C string. */
#define CHECK_SLICE(x, want) check_slice((x), slice_cstr(want), #x, __FILE__, __LINE__)
/* Both C strings. */
#define CHECK_STR(x, want) check_slice(slice_cstr(x), slice_cstr(want), #x, __FILE__, __LINE__)

void check_rc(enum rc got, enum rc want, const char *what, const char *file, int line);
void check_int(long long got, long long want, const char *what, const char *file, int line);
void check_slice(struct slice got, struct slice want, const char *what, const char *file,
		 int line);

/* The system's memory, with a count of what is out: a test ends with live == 0.
 * The allocation number `fail_at` (1, 2, ...) and all after it fail; 0: none. */
struct test_mem {
	struct mem mem;
	size_t live;  /* bytes out */
	size_t calls; /* allocations asked for */
	size_t fail_at;
	bool failed; /* the failure was reached */
};

void test_mem_init(struct test_mem *t, size_t fail_at);

/* The sweep: runs `body` with allocation 1, 2, 3 ... failing until a run meets no failure.
 * `body` must leave nothing allocated, and must report (not crash on) failure. */
void sweep(void (*body)(struct test_mem *t));

#endif
