/* gateway/gateway_impl.h -- what the files of this folder share; nobody else includes it. */
#ifndef WEIR_GATEWAY_GATEWAY_IMPL_H
#define WEIR_GATEWAY_GATEWAY_IMPL_H

#include "gateway/exchange.h"
#include "gateway/gateway.h"

struct gateway {
	struct loop *loop;
	struct mem *mem;
	struct log *log;
	struct http_server *server;
	struct http_client *client;
	struct metrics_shared *shared;
	struct metrics *metrics;
	struct view *view;
	struct rng rng;
	uint64_t id_base, id_next;
	struct link exchanges; /* struct exchange.link */
	size_t open, streams;
	size_t peak;       /* of `open`, since memory was last given back */
	bool used;         /* there was an exchange since then */
	struct timer tick; /* publishes gauges */
	struct timer drain_timer;
	bool draining, cut;
	void (*drained)(void *ctx);
	void *drained_ctx;
};

/* gateway/endpoints.c: what the server calls. */
extern const struct http_handler gateway_handler;

/* Writes an error of ours in OpenAI's shape and ends the request. `param` may be NULL;
 * `extra` (may be NULL) is one more header. */
void answer_error(struct gateway *g, struct http_request *rq, enum answer what,
		  const char *code, const char *param, struct slice message,
		  const struct header *extra, size_t extra_n);

/* Who is asking: the key of the request.  *ok false: nobody known; then *wrong says whether a
 * key was sent at all. */
const struct client_key *request_key(const struct snapshot *s, const struct http_head *h,
				     bool *ok, bool *wrong);

/* gateway/record.c: the access record of an exchange. */
void record_write(const struct exchange *x, enum end end, unsigned status, uint64_t bytes_out);

#endif
