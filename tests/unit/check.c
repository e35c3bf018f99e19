#include "check.h"

void check_rc(enum rc got, enum rc want, const char *what, const char *file, int line)
{
	if (got != want) {
		print_error("%s: %s, not %s\n", what, rc_name(got), rc_name(want));
		_fail(file, line);
	}
}

void check_int(long long got, long long want, const char *what, const char *file, int line)
{
	if (got != want) {
		print_error("%s: %lld, not %lld\n", what, got, want);
		_fail(file, line);
	}
}

void check_slice(struct slice got, struct slice want, const char *what, const char *file,
		 int line)
{
	if (!slice_eq(got, want)) {
		print_error("%s: \"%.*s\", not \"%.*s\"\n", what, SARG(got), SARG(want));
		_fail(file, line);
	}
}

static bool allowed(struct test_mem *t)
{
	t->calls++;
	if (t->fail_at == 0 || t->calls < t->fail_at)
		return true;
	t->failed = true;
	return false;
}

static void *get(struct mem *m, size_t n)
{
	struct test_mem *t = CONTAINER_OF(m, struct test_mem, mem);
	void *p = allowed(t) ? malloc(n > 0 ? n : 1) : NULL;

	if (p != NULL)
		t->live += n;
	return p;
}

static void *resize(struct mem *m, void *p, size_t old, size_t n)
{
	struct test_mem *t = CONTAINER_OF(m, struct test_mem, mem);
	void *q = allowed(t) ? realloc(p, n > 0 ? n : 1) : NULL;

	if (q != NULL)
		t->live += n - old;
	return q;
}

static void put(struct mem *m, void *p, size_t n)
{
	struct test_mem *t = CONTAINER_OF(m, struct test_mem, mem);

	if (p != NULL)
		t->live -= n;
	free(p);
}

void test_mem_init(struct test_mem *t, size_t fail_at)
{
	*t = (struct test_mem){ .mem = { get, resize, put }, .fail_at = fail_at };
}

void sweep(void (*body)(struct test_mem *t))
{
	for (size_t fail_at = 1;; fail_at++) {
		struct test_mem t;

		test_mem_init(&t, fail_at);
		body(&t);
		CHECK_INT(t.live, 0);
		if (!t.failed)
			return;
		CHECK(fail_at < 100000);
	}
}
