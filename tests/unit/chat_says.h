/* tests/unit/chat_says.h -- what a sequence of events says, as text to compare.
 *
 * A line each; pieces of one text are one line, a call is one line with all its arguments, so
 * that a stream and a plain answer of the same meaning are the same text:
 *
 *	start r1
 *	text Hello
 *	call 0 c1 look {\"q\":1}
 *	usage 10+2+0+0+0 5+3+0
 *	finish tools
 *	end
 */
#ifndef WEIR_TESTS_CHAT_SAYS_H
#define WEIR_TESTS_CHAT_SAYS_H

#include "base/sb.h"
#include "chat/event.h"

/* Into `out`, zero-terminated, and returned. */
const char *chat_says(const struct chat_events *ev, char *out, size_t cap);

#endif
