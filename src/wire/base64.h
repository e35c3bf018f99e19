/* wire/base64.h -- RFC 4648, standard alphabet with padding. */
#ifndef WEIR_WIRE_BASE64_H
#define WEIR_WIRE_BASE64_H

#include "base/sb.h"

void base64_put(struct sb *out, struct slice bytes);

/* Strict: padding is required, no blanks.  False when malformed; on true *n bytes are in
 * `out`, which must have room for 3 * (s.n / 4). */
MUST_USE bool base64_read(struct slice s, char *out, size_t *n);

#endif
