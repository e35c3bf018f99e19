/* mock/bedrock.h -- how Bedrock judges a Converse request: bedrock_check.c. */
#ifndef WEIR_MOCK_BEDROCK_H
#define WEIR_MOCK_BEDROCK_H

#include "mock/ask.h"

/* Reads the request into the question and judges it.  *schema_text: a schema that came as a
 * text, to be read by the caller. */
void bedrock_check(struct question *q, struct slice *schema_text);

#endif
