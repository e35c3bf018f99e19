/* mock/out.h -- a text that grows: what answers are built with.
 *
 * Failure is sticky, so one check of `failed` covers a whole answer.
 */
#ifndef WEIR_MOCK_OUT_H
#define WEIR_MOCK_OUT_H

#include "base/buf.h"

struct out {
	struct buf b;
	bool failed;
};

void out_init(struct out *o, struct mem *mem, size_t max);
void out_free(struct out *o);
/* Empties it, keeps its memory. */
void out_clear(struct out *o);
/* Valid until the next call. */
static inline struct slice out_slice(const struct out *o)
{
	return buf_slice(&o->b);
}

void out_str(struct out *o, struct slice s);
void out_lit(struct out *o, const char *s);
void out_u64(struct out *o, uint64_t v);
void out_json(struct out *o, struct slice s);      /* quoted and escaped */
void out_json_part(struct out *o, struct slice s); /* escaped, without quotes */
void out_base64(struct out *o, struct slice s);
void out_fmt(struct out *o, const char *fmt, ...) PRINTF_LIKE(2, 3); /* at most 1 KiB */

#endif
