/* tests/unit/chat_random.h -- random texts for the tests of pairs of dialects.
 */
#ifndef WEIR_TESTS_CHAT_RANDOM_H
#define WEIR_TESTS_CHAT_RANDOM_H

#include "base/rng.h"
#include "base/sb.h"
#include "wire/json_text.h"

/* Text for inside a JSON string: letters, escapes of every kind, characters of two to four
 * bytes and surrogate pairs; 1 .. `units` of them.  From the arena. */
struct json_text random_text(struct rng *r, struct arena *a, unsigned units);
/* A JSON object without spaces, whose values are such texts, numbers, lists and objects. */
struct slice random_object(struct rng *r, struct arena *a);
/* Cuts a piece from the front of *rest, between two characters; it may cut between the halves
 * of a surrogate pair.  Empty when nothing is left. */
struct json_text random_piece(struct rng *r, struct slice *rest);

/* How many cases of each pair, and from which seed: WEIR_PAIRS and WEIR_SEED. */
uint64_t random_cases(void);
uint64_t random_seed(void);

#endif
