/* wire/json_text.h -- strings as they stand in JSON text: escaped, without their quotes.
 *
 * Pure.  What goes from one dialect to another is a string on both sides, so it is carried
 * as it was written and never decoded on the way: a copy instead of two passes, and the
 * bytes of the text stay what they were.  It is a type of its own, so that it cannot be
 * mistaken for plain text.
 */
#ifndef WEIR_WIRE_JSON_TEXT_H
#define WEIR_WIRE_JSON_TEXT_H

#include "base/arena.h"

struct json_text {
	struct slice s; /* valid inside quotes: escaped, valid UTF-8; may be empty */
};

/* A literal that needs no escapes. */
#define JTEXT(literal) ((struct json_text){ { "" literal, sizeof(literal) - 1 } })
#define JTEXTC(literal)                                                                        \
	{                                                                                      \
		{                                                                              \
			"" literal, sizeof(literal) - 1                                        \
		}                                                                              \
	}

/* Of a scanned value (wire/json_scan.h): what is inside its quotes; empty for anything but a
 * string.  Borrows. */
struct json_text json_text_of(struct slice value);
/* Decoded: borrowed when nothing is escaped, else from the arena.  A lone surrogate becomes
 * U+FFFD.  Empty on no memory (sticky in the arena). */
struct slice json_text_plain(struct json_text t, struct arena *a);
/* Encoded: borrowed when nothing needs an escape, else from the arena.  Invalid UTF-8 becomes
 * U+FFFD.  Empty on no memory (sticky). */
struct json_text json_text_encode(struct slice plain, struct arena *a);
/* Exactly `plain` once decoded; no allocation. */
bool json_text_is(struct json_text t, struct slice plain);
/* True when nothing is in it but spaces, tabs and line ends (as such or as \n \t \r). */
bool json_text_blank(struct json_text t);

static inline bool json_text_empty(struct json_text t)
{
	return t.s.n == 0;
}

#endif
