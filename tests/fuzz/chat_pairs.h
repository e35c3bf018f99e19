/* tests/fuzz/chat_pairs.h -- one dialect's readers fuzzed, and every dialect's writers with
 * what they read.
 *
 * The input's first byte says what the rest is: '0' + 0 a request, 1 a plain answer, 2 the
 * frames of a stream (one per line), 3 an error; other bytes count modulo 4.  What must hold:
 * readers say OK or refuse with a code; what a writer writes is JSON (or frames of it); what
 * the dialect itself writes it can read, and it has the same texts and as many calls.
 */
#ifndef WEIR_TESTS_FUZZ_CHAT_PAIRS_H
#define WEIR_TESTS_FUZZ_CHAT_PAIRS_H

#include "fuzz.h"

#include "chat/dialect.h"

void chat_pairs(const struct dialect *d, struct slice input);

#endif
