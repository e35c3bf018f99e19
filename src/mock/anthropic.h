/* mock/anthropic.h -- how Anthropic judges a request: anthropic_check.c. */
#ifndef WEIR_MOCK_ANTHROPIC_H
#define WEIR_MOCK_ANTHROPIC_H

#include "mock/ask.h"

/* Everything that the API refuses, as far as documented or met.  `counting`: count_tokens. */
void anthropic_check(struct question *q, bool counting);

#endif
