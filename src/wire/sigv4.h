/* wire/sigv4.h -- AWS Signature Version 4, for requests to AWS and for those of its clients.
 *
 * Pure.  Source: AWS IAM user guide, "Create a signed AWS API request".  As all services but
 * S3 do, the path is percent-encoded once more for the signature; it is not normalised (dot
 * segments, doubled slashes), as no path of ours has such.  The whole body is hashed.
 */
#ifndef WEIR_WIRE_SIGV4_H
#define WEIR_WIRE_SIGV4_H

#include "base/arena.h"
#include "base/err.h"
#include "base/secret.h"
#include "wire/http1.h"

/* All as they stand on the wire. */
struct sigv4_request {
	struct slice method;
	struct slice path;  /* without the query; empty is "/" */
	struct slice query; /* without the question mark */
	const struct header *headers;
	size_t header_n;
	const struct slice *body;
	size_t body_n;
};

struct sigv4_key {
	struct slice id;      /* "AKIA..." */
	struct secret secret; /* the secret access key */
	struct secret token;  /* of temporary credentials; empty: none */
};

enum {
	SIGV4_ADDED_MAX = 3,
	SIGV4_PARAMS_MAX = 64,
	SIGV4_SKEW_MAX_S = 300, /* AWS's own limit */
};

/* The headers to add: X-Amz-Date, X-Amz-Security-Token with a token, Authorization.  The
 * request's own, Host among them, are signed but for those that change on the way.  What is
 * added borrows from `key` and the arena.
 * E_TOOBIG  too many headers or parameters;  E_NOMEM */
MUST_USE enum rc sigv4_sign(const struct sigv4_request *r, const struct sigv4_key *key,
			    struct slice region, struct slice service, uint64_t now_s,
			    struct arena *a, struct header add[SIGV4_ADDED_MAX], size_t *n);

/* Whether an Authorization header is of this kind, and whose key it names. */
bool sigv4_key_id(struct slice authorization, struct slice *id);

/* Checks a request that came against the keys of its possible senders; *which is the one that
 * signed it.  The region is the client's affair.  In time that says nothing about where a
 * signature differs.  `err` gets a sentence for the client, and ids:
 * E_BAD      sigv4.missing (not signed so), sigv4.malformed, sigv4.headers (one is not there,
 *            or Host is not signed), sigv4.body (it is not what was signed, or unsigned)
 * E_REFUSED  sigv4.key (unknown), sigv4.time (signed over five minutes ago or ahead),
 *            sigv4.service, sigv4.signature (does not match)
 * E_TOOBIG, E_NOMEM */
MUST_USE enum rc sigv4_verify(const struct sigv4_request *r, const struct sigv4_key *keys,
			      size_t key_n, struct slice service, uint64_t now_s,
			      struct arena *a, size_t *which, struct err *err);

#endif
