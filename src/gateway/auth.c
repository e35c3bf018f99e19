/* gateway/auth.c -- who is asking.
 *
 * Every dialect's official client sends its key in its own header; each is taken on every
 * path, since a key is a key.
 */
#include "gateway/gateway_impl.h"

/* In the order in which they are looked for. */
static const struct slice key_headers[] = { LITC("x-api-key"), LITC("x-goog-api-key"),
					    LITC("api-key") };

static struct slice bearer(struct slice given)
{
	struct slice scheme, rest;

	if (!slice_cut(given, ' ', &scheme, &rest) || !slice_ieq(scheme, LIT("bearer")))
		return (struct slice){ NULL, 0 };
	return slice_trim(rest);
}

/* Of "a=1&key=K": Gemini's older way. */
static struct slice query_key(struct slice query)
{
	struct slice one, rest = query;

	while (rest.n > 0) {
		slice_cut(rest, '&', &one, &rest);
		if (slice_starts(one, LIT("key=")))
			return slice_skip(one, 4);
	}
	return rest;
}

/* A client of AWS signs its request with the key as the secret. */
static struct auth signature(const struct snapshot *s, struct http_request *rq,
			     uint64_t wall_us)
{
	const struct http_head *h = request_head(rq);
	const struct slice body = request_body(rq);
	struct arena *a = request_arena(rq);
	const struct sigv4_request r = { .method = h->method,
					 .path = request_path(rq),
					 .query = request_query(rq),
					 .headers = h->headers,
					 .header_n = h->header_n,
					 .body = &body,
					 .body_n = 1 };
	struct err err = { 0 };
	size_t which;

	if (s->signer_n > 0 && sigv4_verify(&r, s->aws_keys, s->signer_n, LIT("bedrock"),
					    wall_us / 1000000, a, &which, &err) == OK)
		return (struct auth){ .key = s->signer[which], .ok = true, .given = true };
	return (struct auth){
		.given = true,
		.why = s->signer_n == 0 ? "No key of this gateway has an access_key_id, so "
					  "signed requests cannot be checked."
					: arena_cstr(a, slice_cstr(err.text))
	};
}

struct auth request_auth(const struct snapshot *s, struct http_request *rq, uint64_t wall_us)
{
	const struct http_head *h = request_head(rq);
	struct slice authorization = http_header(h, LIT("authorization")), key;

	if (s->key_n == 0)
		return (struct auth){ .ok = true };
	if (sigv4_key_id(authorization, &key))
		return signature(s, rq, wall_us);
	key = bearer(authorization);
	for (size_t i = 0; key.n == 0 && i < ARRAY_LEN(key_headers); i++)
		key = http_header(h, key_headers[i]);
	if (key.n == 0)
		key = query_key(request_query(rq));
	if (key.n == 0 && authorization.n == 0)
		return (struct auth){ .why = "An API key is needed: send it as "
					     "\"Authorization: Bearer KEY\"." };
	return (struct auth){ .key = snapshot_key(s, key),
			      .ok = snapshot_key(s, key) != NULL,
			      .given = true,
			      .why = "The API key is not known here. Use a key of this "
				     "gateway, not one of the provider's." };
}
