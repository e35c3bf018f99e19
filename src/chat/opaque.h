/* chat/opaque.h -- a provider's opaque state on its way through a foreign client.
 *
 * Signatures of reasoning, encrypted items and thought signatures mean something to the
 * provider that made them only, and it refuses a history without them.  When the client
 * speaks another dialect they are sealed with the provider's name, so that they are returned
 * to it and to nobody else:  "weir~" provider "~" data.  Where a dialect's clients take nothing
 * but base64 (Gemini), all of that is in base64 once more.
 */
#ifndef WEIR_CHAT_OPAQUE_H
#define WEIR_CHAT_OPAQUE_H

#include "chat/request.h"

/* How base64 of what is sealed begins, whatever the provider's name. */
#define OPAQUE_MARK_BASE64 "d2Vpcn"

/* Empty data stays empty.  From the arena. */
struct json_text opaque_seal(struct arena *a, struct slice issuer, struct json_text data);
/* Undoes it; what was never sealed has no issuer.  Borrows. */
struct chat_opaque opaque_open(struct json_text sealed);
/* May it go to this provider?  `own_dialect`: the client speaks the provider's dialect, so that
 * what is not sealed may be its own. */
bool opaque_for(const struct chat_opaque *o, struct slice provider, bool own_dialect);
/* Whether a body has anything sealed in it: then it is not forwarded as it is. */
bool opaque_in(struct slice body);

#endif
