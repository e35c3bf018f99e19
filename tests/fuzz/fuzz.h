/* tests/fuzz/fuzz.h -- what the fuzz targets share.
 *
 * A target is one file, TARGET.c, that defines LLVMFuzzerTestOneInput() and a row in
 * meson.build.  It says what must hold with INVARIANT(), which aborts.  Two programs are
 * made of it: replay_TARGET runs the committed inputs in corpus/TARGET/ as a test, and
 * with -Dfuzz=true fuzz_TARGET searches for new ones.
 */
#ifndef WEIR_TESTS_FUZZ_H
#define WEIR_TESTS_FUZZ_H

#include "base/mem.h"
#include "base/slice.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The system's memory, counted: a target ends with live == 0.  Allocation number `fail_at`
 * (1, 2, ...) and all after it fail; 0: none. */
struct fuzz_mem {
	struct mem mem;
	size_t live;
	size_t calls, fail_at;
};

void fuzz_mem_init(struct fuzz_mem *m, size_t fail_at);

/* Cuts of a stream, drawn from the input itself so that a finding repeats: each call gives
 * the next piece of *rest and drops it there; empty when nothing is left.  Pieces are 1 to
 * 32 bytes, and now and then longer. */
struct fuzz_cuts {
	uint64_t seed;
};

void fuzz_cuts_init(struct fuzz_cuts *c, struct slice input);
struct slice fuzz_cut(struct fuzz_cuts *c, struct slice *rest);

#endif
