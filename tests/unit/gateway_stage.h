/* tests/unit/gateway_stage.h -- a gateway between a client and up to three providers, all of
 * them played by hand. */
#ifndef WEIR_TESTS_GATEWAY_STAGE_H
#define WEIR_TESTS_GATEWAY_STAGE_H

#include "net_peer.h"

#include "gateway/gateway.h"
#include "gateway/metrics.h"

enum { STAGE_PROVIDERS = 3, SERVED_MAX = 8, STAGE_LOG_MAX = 1 << 16 };

/* "p", "q" or "r", which is open-ended and has "p/x", with a health of its own. */
struct stage_provider {
	struct stage *stage;
	struct listener *listener;
	struct address at;
	struct peer served[SERVED_MAX]; /* its connections, in order */
	size_t served_n;
	struct provider *provider;
	struct deployment *deployment;
};

struct stage {
	struct clockwork w;
	struct stage_provider of[STAGE_PROVIDERS];
	struct snapshot *snapshot; /* may be changed until it is asked */
	struct model *model;       /* "all": every deployment, p/x first */
	struct metrics_shared metrics;
	struct gateway *gateway;
	struct address at; /* of the gateway */
	struct peer client;
	struct log log;
	char text[STAGE_LOG_MAX]; /* what was logged */
	size_t text_n;
	bool drained;
};

/* One attempt, breakers that open at once, no hedges. */
void stage_begin(struct stage *s);
void stage_end(struct stage *s);
/* Another snapshot like the first. */
struct snapshot *stage_settings(struct stage *s);

void say(struct peer *p, const char *text);
/* POST of a chat to this model. */
void ask_for(struct stage *s, const char *model, bool stream);
/* ... "p/x" */
void ask(struct stage *s, bool stream);
/* The i-th connection of a provider, with a request on it. */
struct peer *served(struct stage *s, unsigned provider, size_t i);
/* ... of "p" */
struct peer *provider(struct stage *s, size_t i);
void answer(struct peer *p, const char *status, const char *headers, const char *body);
void begin_stream(struct peer *p);
void event(struct peer *p, const char *data);
/* More than the client takes, or than fits anywhere on the way to it. */
void flood(struct stage *s, struct peer *p, uint64_t us);
void check_logged(const struct stage *s, const char *what);
void check_not_logged(const struct stage *s, const char *what);
/* The last line of this event. */
const char *last_logged(const struct stage *s, const char *event);

extern const char content[], finish[], plain[];

#endif
