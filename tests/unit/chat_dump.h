/* tests/unit/chat_dump.h -- requests and answers in their one form, as lines of text to
 * compare.
 *
 * What is not there is not said.  Texts stay escaped as they are.
 */
#ifndef WEIR_TESTS_CHAT_DUMP_H
#define WEIR_TESTS_CHAT_DUMP_H

#include "base/sb.h"
#include "chat/event.h"
#include "chat/request.h"

/* One line per message, part, tool and parameter. */
void dump_request(struct sb *b, const struct chat_request *r);
/* One line per event. */
void dump_events(struct sb *b, const struct chat_events *ev);

#endif
