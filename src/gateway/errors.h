/* gateway/errors.h -- the gateway's own answers when something is wrong: one table for
 * status, type and code.  The codes are stable; docs/errors.md explains each.
 */
#ifndef WEIR_GATEWAY_ERRORS_H
#define WEIR_GATEWAY_ERRORS_H

#include "chat/fault.h"
#include "base/err.h"

/* id, status, OpenAI "type", stable "code", what the manual says */
#define ANSWER_TABLE(X)                                                                        \
	X(A_INVALID_REQUEST, 400, "invalid_request_error", "invalid_request",                  \
	  "The request is malformed; the code says how.")                                      \
	X(A_MISSING_KEY, 401, "authentication_error", "missing_api_key",                       \
	  "No key was sent. Send it as `Authorization: Bearer KEY`.")                          \
	X(A_WRONG_KEY, 401, "authentication_error", "invalid_api_key",                         \
	  "The key is not one of this gateway's.")                                             \
	X(A_MODEL_NOT_ALLOWED, 403, "permission_error", "model_not_allowed",                   \
	  "The key may not use this model.")                                                   \
	X(A_NOT_ADMIN, 403, "permission_error", "not_admin",                                   \
	  "The path is for keys with `admin` in the config.")                                  \
	X(A_NOT_FOUND, 404, "invalid_request_error", "not_found", "There is no such path.")    \
	X(A_METHOD, 405, "invalid_request_error", "method_not_allowed",                        \
	  "The path exists, but not for this method.")                                         \
	X(A_MODEL_NOT_FOUND, 404, "invalid_request_error", "model_not_found",                  \
	  "No model of this name is configured.")                                              \
	X(A_MODEL_RETIRED, 404, "invalid_request_error", "model_retired",                      \
	  "Its provider has retired the model; the message says since when, and what to take " \
	  "instead.")                                                                          \
	X(A_NO_CANDIDATE, 400, "invalid_request_error", "no_candidate",                        \
	  "No deployment of the model can do what the request needs, or meets what it or the " \
	  "route asks for; the message says of each which rule it failed first.")              \
	X(A_UNSUPPORTED, 400, "invalid_request_error", "unsupported_parameter",                \
	  "No deployment of the model can be told this, and the policy (`unsupported`) is "    \
	  "not "                                                                               \
	  "to drop it; the message names what and who could.")                                 \
	X(A_UPSTREAM_REFUSED, 400, "invalid_request_error", "upstream_refused",                \
	  "The provider refused the request itself; its words are in the message.")            \
	X(A_UPSTREAM_POLICY, 400, "invalid_request_error", "content_filter",                   \
	  "The provider's content policy refused it.")                                         \
	X(A_UPSTREAM_AUTH, 502, "upstream_error", "upstream_auth",                             \
	  "The provider did not accept the gateway's key for it.")                             \
	X(A_UPSTREAM_QUOTA, 429, "insufficient_quota", "insufficient_quota",                   \
	  "The gateway's account at the provider is used up.")                                 \
	X(A_UPSTREAM_RATE, 429, "rate_limit_error", "upstream_rate_limited",                   \
	  "The provider limits the rate; try again after Retry-After.")                        \
	X(A_UPSTREAM_ERROR, 502, "upstream_error", "upstream_error",                           \
	  "The provider failed; its words are in the message.")                                \
	X(A_UPSTREAM_OVERLOADED, 503, "upstream_error", "upstream_overloaded",                 \
	  "The provider says that it is overloaded.")                                          \
	X(A_UPSTREAM_UNREACHABLE, 502, "upstream_error", "upstream_unreachable",               \
	  "The provider could not be reached: name, connection or TLS.")                       \
	X(A_UPSTREAM_BAD_RESPONSE, 502, "upstream_error", "upstream_bad_response",             \
	  "What the provider sent was not an answer, or an empty one.")                        \
	X(A_UPSTREAM_TRUNCATED, 502, "upstream_error", "upstream_truncated",                   \
	  "The provider's answer broke off; what came before it is incomplete.")               \
	X(A_UPSTREAM_TIMEOUT, 504, "upstream_error", "upstream_timeout",                       \
	  "The provider took too long.")                                                       \
	X(A_NO_PROVIDER, 503, "upstream_error", "no_provider_available",                       \
	  "Every deployment of the model is out of use after failures.")                       \
	X(A_OVERLOADED, 503, "server_error", "overloaded",                                     \
	  "The gateway itself has no room for more; try again.")

#define ANSWER_ENUM(id, status, type, code, doc) id,
enum answer { ANSWER_TABLE(ANSWER_ENUM) ANSWERS };
#undef ANSWER_ENUM

struct answer_row {
	unsigned status;
	const char *type, *code, *doc;
};

const struct answer_row *answer_row(enum answer id);

/* How a failed attempt is told when nothing was left to try. */
enum answer answer_of_fault(enum fault_kind kind);

/* A transport's error as a fault. */
enum fault_kind fault_of_rc(enum rc rc);

#endif
