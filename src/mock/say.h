/* mock/say.h -- a text that grows: what answers are built with.
 *
 * Failure is sticky, so one check of `failed` covers a whole answer.
 */
#ifndef WEIR_MOCK_SAY_H
#define WEIR_MOCK_SAY_H

#include "base/buf.h"

struct say {
	struct buf b;
	bool failed;
};

void say_init(struct say *o, struct mem *mem, size_t max);
void say_free(struct say *o);
/* Empties it, keeps its memory. */
void say_clear(struct say *o);
/* Valid until the next call. */
static inline struct slice say_slice(const struct say *o)
{
	return buf_slice(&o->b);
}

void say_str(struct say *o, struct slice s);
void say_lit(struct say *o, const char *s);
void say_u64(struct say *o, uint64_t v);
void say_json(struct say *o, struct slice s);      /* quoted and escaped */
void say_json_part(struct say *o, struct slice s); /* escaped, without quotes */
void say_base64(struct say *o, struct slice s);
void say_fmt(struct say *o, const char *fmt, ...) PRINTF_LIKE(2, 3); /* at most 1 KiB */

#endif
