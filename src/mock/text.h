/* mock/text.h -- what the simulated model says: words by number, and JSON by schema. */
#ifndef WEIR_MOCK_TEXT_H
#define WEIR_MOCK_TEXT_H

#include "mock/say.h"
#include "wire/json.h"

/* Word `i` of the text of `seed`. */
struct slice text_word(uint64_t seed, uint64_t i);
/* `tokens` words with blanks between them. */
void text_words(struct say *o, uint64_t seed, uint64_t tokens);

/* A value that satisfies a JSON schema: type (or a list of them), properties, items,
 * minItems, enum, const, anyOf, oneOf, allOf (the first), minimum, minLength, and $ref to a
 * place in `root`.  All properties are given. */
void text_by_schema(struct say *o, const struct json *root, const struct json *schema,
		    uint64_t seed);

#endif
