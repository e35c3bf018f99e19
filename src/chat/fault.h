/* chat/fault.h -- what went wrong at a provider, in the terms that routing needs.
 *
 * Source: reference/dialects.md, 6.4 ("Status -> gateway action").
 */
#ifndef WEIR_CHAT_FAULT_H
#define WEIR_CHAT_FAULT_H

#include "base/slice.h"

/* kind, name in logs and metrics, another deployment may do better, the same may do better
 * later, it speaks against the deployment's health */
#define FAULT_TABLE(X)                                                                         \
	X(FAULT_NONE, "none", false, false, false)                                             \
	X(FAULT_CLIENT, "client", false, false, false)                                         \
	X(FAULT_POLICY, "content_policy", false, false, false)                                 \
	X(FAULT_MODEL, "model_not_found", true, false, false)                                  \
	X(FAULT_CONTEXT, "context_length", true, false, false)                                 \
	X(FAULT_AUTH, "auth", true, false, true)                                               \
	X(FAULT_QUOTA, "quota", true, false, true)                                             \
	X(FAULT_RATE, "rate_limit", true, true, true)                                          \
	X(FAULT_SERVER, "server_error", true, true, true)                                      \
	X(FAULT_OVERLOADED, "overloaded", true, true, true)                                    \
	X(FAULT_CONNECT, "connect", true, true, true)                                          \
	X(FAULT_TLS, "tls", true, true, true)                                                  \
	X(FAULT_TIMEOUT, "timeout", true, true, true)                                          \
	X(FAULT_RESET, "reset", true, true, true)                                              \
	X(FAULT_GARBAGE, "bad_response", true, true, true)                                     \
	X(FAULT_EMPTY, "empty", true, true, true)                                              \
	X(FAULT_TRUNCATED, "truncated", true, true, true)                                      \
	X(FAULT_LOCAL, "gateway", true, false, false)                                          \
	X(FAULT_GONE, "client_gone", false, false, false)                                      \
	X(FAULT_LOST, "hedge_lost", true, true, false)

#define FAULT_ENUM(kind, name, other, again, health) kind,
enum fault_kind { FAULT_TABLE(FAULT_ENUM) FAULT_KINDS };
#undef FAULT_ENUM

struct fault_row {
	const char *name;
	bool other;  /* fail over */
	bool again;  /* try the same one again, later */
	bool health; /* counts for its breaker */
};

const struct fault_row *fault_row(enum fault_kind kind);

struct fault {
	enum fault_kind kind;
	unsigned status;         /* the provider's HTTP status; 0: none */
	uint64_t retry_after_us; /* as it asked; 0: it did not */
	struct slice message;    /* its own words, borrowed; may be empty */
};

/* Milliseconds (`retry-after-ms`), else seconds ("3", "0.5"), an HTTP date against `wall_us`,
 * or any other form that wait_read() knows; at most a year.  False when it cannot be read. What
 * else may say it: rate_limits_wait(), wait_in_text() (chat/ratelimit.h). */
MUST_USE bool retry_after_read(struct slice ms_header, struct slice header, uint64_t wall_us,
			       uint64_t *out_us);

#endif
