/* gateway/gateway_impl.h -- what the files of this folder share; nobody else includes it. */
#ifndef WEIR_GATEWAY_GATEWAY_IMPL_H
#define WEIR_GATEWAY_GATEWAY_IMPL_H

#include "gateway/decision.h"
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
	struct decisions_shared *decisions_shared;
	struct decisions *decisions; /* of this loop; NULL: none are kept */
	struct view *view;
	struct rng rng;
	uint64_t id_base, id_next;
	struct link exchanges; /* struct exchange.link */
	size_t open, streams;
	size_t peak;       /* of `open`, since memory was last given back */
	bool used;         /* there was an exchange since then */
	struct timer tick; /* publishes gauges */
	struct timer drain_timer;
	bool plans_only;
	bool draining, cut;
	void (*drained)(void *ctx);
	void *drained_ctx;
};

/* gateway/endpoints.c: what the server calls. */
extern const struct http_handler gateway_handler;

/* Writes an error of ours in the client's dialect and ends the request.  `code` NULL: the
 * table's; `param` may be NULL; `extra` (may be NULL) are more headers, at most 2. */
void answer_error(struct http_request *rq, const struct dialect *d, enum answer what,
		  const char *code, const char *param, struct slice message,
		  const struct header *extra, size_t extra_n);

/* gateway/auth.c: who is asking, by whichever header the client's dialect has for it. */
struct auth {
	const struct client_key *key; /* NULL: nobody known, or no keys are asked for */
	bool ok;
	bool given;      /* a key was sent */
	const char *why; /* a sentence, when not ok */
};
struct auth request_auth(const struct snapshot *s, struct http_request *rq, uint64_t wall_us);

/* X5: the one way into DONE.  Afterwards only the reply is left to be ended. */
void exchange_finish(struct exchange *x, enum end end, unsigned status, uint64_t bytes_out);
/* The headers that say what was done.  At most REPLY_HEADERS. */
enum { REPLY_HEADERS = 7 };
size_t reply_headers(struct exchange *x, struct slice content_type, struct header *h);
/* "seed, top_k": what a provider is not told. */
struct slice lost_names(struct exchange *x, const struct chat_lost *lost);

/* gateway/fail.c: nothing is left to try, or there never was.  x is gone afterwards. */
void exchange_fail(struct exchange *x);
/* What the provider or the network said, as part of a sentence. */
struct slice fault_words(const struct fault *f);

/* gateway/admin.c.  Whether who asks may ask for what only owners see; false: refused. */
bool admin_may(struct gateway *g, struct http_request *rq);
/* The exchange with this id, or (empty) the last ones. */
void admin_exchanges(struct gateway *g, struct http_request *rq, struct slice id);

/* gateway/record.c: the access record of an exchange. */
void record_write(const struct exchange *x, enum end end, unsigned status, uint64_t bytes_out);

/* Both the client's body and what is edited of it are OpenAI's. */
bool exchange_in_openai(const struct exchange *x);
/* What the account wants done about what a provider cannot be told. */
enum unsupported exchange_unsupported(const struct exchange *x);

#endif
