/* gateway/view.h -- one loop's side of a snapshot: the origins of its providers and the
 * heads of the requests to them, made once when the snapshot is swapped in.
 *
 * Counted within its loop: the gateway holds the current one, each exchange the one it
 * began with.
 */
#ifndef WEIR_GATEWAY_VIEW_H
#define WEIR_GATEWAY_VIEW_H

#include "gateway/metrics.h"
#include "gateway/snapshot.h"

struct provider_view {
	struct origin *origin;
	/* Of the `openai` dialect, by op: "/v1/chat/completions". */
	struct slice target[CHAT_OPS][2]; /* plain, streamed */
	const struct header *headers[2];  /* plain, streamed */
	size_t header_n;
	struct metrics_provider *metrics;
	int64_t *key_credit; /* of each of its keys, for their rotation; this loop's own */
};

struct view {
	unsigned refs;
	struct mem *mem;
	struct arena arena;
	struct snapshot *snapshot;
	struct provider_view *providers; /* by provider.index */
};

/* Takes a reference to the snapshot.  E_NOMEM, and what origin_get() says. */
MUST_USE enum rc view_new(struct view **out, struct snapshot *s, struct http_client *c,
			  struct metrics *m, struct mem *mem, struct err *err);
struct view *view_ref(struct view *v);
void view_unref(struct view *v); /* NULL is allowed */

#endif
