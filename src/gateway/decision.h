/* gateway/decision.h -- the last exchanges of one loop: who could have answered, who was asked,
 * in which order and why, how long each took and what it cost.
 *
 * No prompt, no answer, no key: names, numbers and times.  A loop writes only its own; the loop
 * that is asked for one reads everybody's.  Each record lies in a slot of fixed size and is
 * read under a sequence count: a reader that was overtaken by the writer looks again, the
 * writer never waits.
 */
#ifndef WEIR_GATEWAY_DECISION_H
#define WEIR_GATEWAY_DECISION_H

#include "base/mem.h"
#include "gateway/metrics.h"
#include "wire/json_out.h"

struct exchange;

enum { DECISION_BYTES = 4096, DECISIONS_KEPT = 256, DECISIONS_LISTED = 50 };

struct decisions;

/* Takes no memory for slots until the first is kept.  Joins `all`, where it stays.  NULL: no
 * memory. */
struct decisions_shared {
	_Atomic(struct decisions *) first;
};
struct decisions *decisions_new(struct decisions_shared *all, struct mem *mem);
void decisions_shared_free(struct decisions_shared *all, struct mem *mem);

/* The exchange has ended like this.  Without memory it is not kept. */
void decision_keep(struct decisions *own, const struct exchange *x, enum end end,
		   unsigned status);

/* What was planned for it so far, as a JSON object. */
void decision_plan(const struct exchange *x, struct json_out *o);

/* The record with this id ("req-..") as a JSON object.  False: it is not (or no more) kept. */
MUST_USE bool decision_write(struct decisions_shared *all, struct slice id, struct json_out *o);
/* The newest, each in short, as a JSON array. */
void decisions_list(struct decisions_shared *all, struct json_out *o);

#endif
