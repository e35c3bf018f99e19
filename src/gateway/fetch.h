/* gateway/fetch.h -- media that a client gave by URL, for providers that take bytes only.
 *
 * The addresses are the client's choice, so they are checked: http and https only, no user
 * names, public addresses only (after the look-up, and again after every redirect), a few
 * redirects, limits on size, number and time.  What comes must be of the kind that was named.
 */
#ifndef WEIR_GATEWAY_FETCH_H
#define WEIR_GATEWAY_FETCH_H

#include "chat/dialect.h"
#include "net/client.h"

enum { FETCH_ITEMS_MAX = 32, FETCH_REDIRECTS_MAX = 3 };

struct fetch_rules {
	bool enabled;
	size_t bytes_max;       /* of one medium */
	size_t total_bytes_max; /* of all media of a request */
	uint64_t timeout_us;    /* all together */
	bool allow_private;     /* addresses that are not public too */
	struct tls_client *tls; /* for https; NULL: only http */
};

struct fetch;

/* `ok` false: `why` says so, a 400.  The fetch stays; it holds the media. */
typedef void fetch_done_fn(void *ctx, bool ok);

/* Begins to fetch every medium by URL of `r` that is not among `takes_urls` (bits by
 * part_kind).  When `done` is called with ok they are inline.  Not from inside this call.
 * Everything is borrowed until fetch_free().  Returns owned.
 * E_BAD: `why` says what is wrong at once;  E_NOTFOUND: there is nothing to fetch;  E_NOMEM */
MUST_USE enum rc fetch_start(struct fetch **out, struct http_client *client,
			     const struct fetch_rules *rules, struct chat_request *r,
			     unsigned takes_urls, struct arena *a, struct mem *mem,
			     struct chat_refusal *why, fetch_done_fn *done, void *ctx);
/* Ends what is under way and gives the media back.  NULL is allowed. */
void fetch_free(struct fetch *f);

/* Whether there is something that fetch_start() would fetch. */
bool fetch_needed(const struct chat_request *r, unsigned takes_urls);

#endif
