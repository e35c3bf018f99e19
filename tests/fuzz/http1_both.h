/* tests/fuzz/http1_both.h -- what must hold of any bytes read as HTTP/1 messages. */
#ifndef WEIR_TESTS_FUZZ_HTTP1_BOTH_H
#define WEIR_TESTS_FUZZ_HTTP1_BOTH_H

#include "wire/http1.h"

/* Reads `in` whole, in pieces, with failing memory, and beside llhttp's own framing. */
void http1_both_check(enum http1_kind kind, struct slice in, bool no_body);

#endif
