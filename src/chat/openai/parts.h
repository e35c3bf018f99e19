/* chat/openai/parts.h -- what the files of this folder share: the in-place path
 * (chat/openai.h) and the dialect (chat/dialect.h).
 */
#ifndef WEIR_CHAT_OPENAI_PARTS_H
#define WEIR_CHAT_OPENAI_PARTS_H

#include "chat/dialect.h"

/* The object under `usage`, of any provider that speaks this dialect.  Impossible figures are
 * corrected and marked; figures beyond all measure make it unknown. */
void openai_usage_read(struct usage *u, struct slice object);

#endif
