/* mock/gemini.h -- how Google judges a request: gemini_check.c. */
#ifndef WEIR_MOCK_GEMINI_H
#define WEIR_MOCK_GEMINI_H

#include "mock/ask.h"

/* A member by its name in camelCase, or in snake_case, which the API takes as well. */
const struct json *gemini_get(const struct json *o, const char *name);
/* A generateContent request: reads it into the question and judges it.  *aloud: thoughts are to
 * be shown. */
void gemini_check(struct question *q, const struct json *request, bool *aloud);

#endif
