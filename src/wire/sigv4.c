#include "wire/sigv4.h"

#include "base/log.h"
#include "wire/hash.h"
#include "wire/url.h"

#define ALGORITHM "AWS4-HMAC-SHA256"

enum {
	TIME_N = 16, /* "20261120T120000Z" */
	DATE_N = 8,
	HEX_N = 2 * SHA256_N,
	SCOPE_MAX = 160,
	NAMES_MAX = HTTP1_HEADERS_MAX + SIGV4_ADDED_MAX,
};

/* What a signature is made over, beside the request. */
struct scope {
	struct slice time; /* TIME_N */
	struct slice region, service;
};

/* ---- the canonical request, hashed as it is made --------------------------------------- */

static void add_char(struct sha256 *h, char c)
{
	sha256_add(h, slice_of(&c, 1));
}

/* Trimmed, and blanks in a row as one. */
static void add_value(struct sha256 *h, struct slice value)
{
	value = slice_trim(value);
	while (value.n > 0) {
		const size_t blank = slice_find(value, LIT("  "));

		sha256_add(h, slice_head(value, blank));
		if (blank == SLICE_NONE)
			return;
		add_char(h, ' ');
		value = slice_skip(value, blank);
		while (value.n > 0 && value.p[0] == ' ')
			value = slice_skip(value, 1);
	}
}

/* "name:value,value\n"; false: the request has no such header. */
static bool add_header(struct sha256 *h, const struct header *v, size_t n, struct slice name)
{
	bool found = false;

	sha256_add(h, name);
	add_char(h, ':');
	for (size_t i = 0; i < n; i++) {
		if (!slice_ieq(v[i].name, name))
			continue;
		if (found)
			add_char(h, ',');
		add_value(h, v[i].value);
		found = true;
	}
	add_char(h, '\n');
	return found;
}

static int slice_order(const void *left, const void *right)
{
	const struct slice *a = left, *b = right;
	const size_t n = size_min(a->n, b->n);
	const int order = n == 0 ? 0 : memcmp(a->p, b->p, n);

	if (order != 0)
		return order;
	return a->n < b->n ? -1 : a->n > b->n;
}

struct param {
	struct slice name, value;
};

static int param_order(const void *left, const void *right)
{
	const struct param *a = left, *b = right;
	const int order = slice_order(&a->name, &b->name);

	return order != 0 ? order : slice_order(&a->value, &b->value);
}

/* Percent-encoded anew: what needs no encoding on the wire needs it here ("/", ":"). */
static struct param param_read(struct slice pair, struct arena *a)
{
	struct slice name, value;

	slice_cut(pair, '=', &name, &value);
	return (struct param){ url_encode(url_decode(name, a), "", a),
			       url_encode(url_decode(value, a), "", a) };
}

static enum rc add_query(struct sha256 *h, struct slice query, struct arena *a)
{
	struct param v[SIGV4_PARAMS_MAX];
	size_t n = 0;

	while (query.n > 0) {
		struct slice pair;

		slice_cut(query, '&', &pair, &query);
		if (pair.n == 0)
			continue;
		if (n == SIGV4_PARAMS_MAX)
			return E_TOOBIG;
		v[n++] = param_read(pair, a);
	}
	if (n > 0)
		qsort(v, n, sizeof(v[0]), param_order);
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			add_char(h, '&');
		sha256_add(h, v[i].name);
		add_char(h, '=');
		sha256_add(h, v[i].value);
	}
	return arena_failed(a) ? E_NOMEM : OK;
}

static void body_hash(const struct sigv4_request *r, char hex[HEX_N])
{
	unsigned char hash[SHA256_N];
	struct sha256 h;
	struct sb b;

	sha256_begin(&h);
	for (size_t i = 0; i < r->body_n; i++)
		sha256_add(&h, r->body[i]);
	sha256_end(&h, hash);
	sb_init(&b, hex, HEX_N);
	sha256_hex(&b, hash);
}

/* `names` are of the headers signed: lower-case, sorted.
 * E_NOTFOUND  the request lacks one, *missing */
static enum rc canon_hash(const struct sigv4_request *r, const struct slice *names, size_t n,
			  const char body[HEX_N], struct arena *a, unsigned char out[SHA256_N],
			  struct slice *missing)
{
	struct sha256 h;
	enum rc rc;

	sha256_begin(&h);
	sha256_add(&h, r->method);
	add_char(&h, '\n');
	sha256_add(&h, r->path.n == 0 ? LIT("/") : url_encode(r->path, "/", a));
	add_char(&h, '\n');
	rc = add_query(&h, r->query, a);
	if (rc != OK)
		return rc;
	add_char(&h, '\n');
	for (size_t i = 0; i < n; i++) {
		if (!add_header(&h, r->headers, r->header_n, names[i])) {
			*missing = names[i];
			return E_NOTFOUND;
		}
	}
	add_char(&h, '\n');
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			add_char(&h, ';');
		sha256_add(&h, names[i]);
	}
	add_char(&h, '\n');
	sha256_add(&h, slice_of(body, HEX_N));
	sha256_end(&h, out);
	return OK;
}

/* ---- the signature --------------------------------------------------------------------- */

static struct slice bytes_of(const unsigned char *p)
{
	return slice_of((const char *)p, SHA256_N);
}

static void scope_put(struct sb *b, const struct scope *s)
{
	sb_str(b, slice_head(s->time, DATE_N));
	sb_char(b, '/');
	sb_str(b, s->region);
	sb_char(b, '/');
	sb_str(b, s->service);
	sb_lit(b, "/aws4_request");
}

/* The key of a day, region and service. */
static void signing_key(const struct scope *s, struct secret secret,
			unsigned char key[SHA256_N], struct arena *a)
{
	const struct slice plain = secret_reveal(secret);
	char *first = arena_bytes(a, plain.n + 4);

	if (first == NULL)
		return;
	memcpy(first, "AWS4", 4);
	if (plain.n > 0)
		memcpy(first + 4, plain.p, plain.n);
	hmac_sha256(slice_of(first, plain.n + 4), slice_head(s->time, DATE_N), key);
	mem_wipe(first, plain.n + 4);
	hmac_sha256(bytes_of(key), s->region, key);
	hmac_sha256(bytes_of(key), s->service, key);
	hmac_sha256(bytes_of(key), LIT("aws4_request"), key);
}

/* E_TOOBIG: region and service are too long;  E_NOMEM */
static enum rc signature_of(const struct scope *s, struct secret secret,
			    const unsigned char canon[SHA256_N], struct arena *a,
			    char hex[HEX_N])
{
	char text[sizeof(ALGORITHM) + TIME_N + SCOPE_MAX + HEX_N + 8];
	unsigned char key[SHA256_N] = { 0 };
	struct sb b;

	sb_init(&b, text, sizeof(text));
	sb_lit(&b, ALGORITHM "\n");
	sb_str(&b, s->time);
	sb_char(&b, '\n');
	scope_put(&b, s);
	sb_char(&b, '\n');
	sha256_hex(&b, canon);
	if (b.cut)
		return E_TOOBIG;
	signing_key(s, secret, key, a);
	hmac_sha256(bytes_of(key), sb_slice(&b), key);
	sb_init(&b, hex, HEX_N);
	sha256_hex(&b, key);
	mem_wipe(key, sizeof(key));
	return arena_failed(a) ? E_NOMEM : OK;
}

/* ---- signing --------------------------------------------------------------------------- */

/* What hops change, so that a signature over it would not hold. */
static bool never_signed(struct slice name)
{
	static const char *const names[] = {
		"authorization",
		"connection",
		"expect",
		"keep-alive",
		"te",
		"trailer",
		"transfer-encoding",
		"upgrade",
		"user-agent",
		"x-amzn-trace-id",
		"content-length",
	};

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (slice_ieq(name, slice_cstr(names[i])))
			return true;
	return slice_ieq(slice_head(name, 6), LIT("proxy-"));
}

static struct slice lower(struct slice s, struct arena *a)
{
	char *p = arena_bytes(a, s.n);

	if (p == NULL)
		return slice_of(NULL, 0);
	for (size_t i = 0; i < s.n; i++)
		p[i] = (char)(s.p[i] >= 'A' && s.p[i] <= 'Z' ? s.p[i] + 32 : s.p[i]);
	return slice_of(p, s.n);
}

/* Their names: lower-case, sorted, each once. */
static size_t names_of(const struct header *v, size_t n, struct slice *names, struct arena *a)
{
	size_t once = 0;

	for (size_t i = 0; i < n; i++)
		names[i] = lower(v[i].name, a);
	if (arena_failed(a))
		return 0;
	qsort(names, n, sizeof(names[0]), slice_order);
	for (size_t i = 0; i < n; i++)
		if (once == 0 || !slice_eq(names[once - 1], names[i]))
			names[once++] = names[i];
	return once;
}

/* "20261120T120000Z" */
static struct slice time_text(uint64_t now_s, struct arena *a)
{
	char text[40], *to = arena_bytes(a, TIME_N);
	struct sb b, ts;

	if (to == NULL)
		return slice_of(NULL, 0);
	sb_init(&b, text, sizeof(text));
	log_time(&b, now_s * 1000000); /* "2026-11-20T12:00:00.000000Z" */
	sb_init(&ts, to, TIME_N);
	for (size_t i = 0; i < b.n && text[i] != '.'; i++)
		if (text[i] != '-' && text[i] != ':')
			sb_char(&ts, text[i]);
	sb_char(&ts, 'Z');
	return sb_slice(&ts);
}

static struct slice authorization(const struct scope *s, const struct sigv4_key *key,
				  const struct slice *names, size_t n, const char hex[HEX_N],
				  struct arena *a)
{
	size_t cap = sizeof(ALGORITHM) + key->id.n + SCOPE_MAX + HEX_N + 64;
	struct sb b;
	char *p;

	for (size_t i = 0; i < n; i++)
		cap += names[i].n + 1;
	p = arena_bytes(a, cap);
	if (p == NULL)
		return slice_of(NULL, 0);
	sb_init(&b, p, cap);
	sb_lit(&b, ALGORITHM " Credential=");
	sb_str(&b, key->id);
	sb_char(&b, '/');
	scope_put(&b, s);
	sb_lit(&b, ", SignedHeaders=");
	for (size_t i = 0; i < n; i++) {
		if (i > 0)
			sb_char(&b, ';');
		sb_str(&b, names[i]);
	}
	sb_lit(&b, ", Signature=");
	sb_str(&b, slice_of(hex, HEX_N));
	return sb_slice(&b);
}

enum rc sigv4_sign(const struct sigv4_request *r, const struct sigv4_key *key,
		   struct slice region, struct slice service, uint64_t now_s, struct arena *a,
		   struct header add[SIGV4_ADDED_MAX], size_t *n)
{
	const struct scope scope = { time_text(now_s, a), region, service };
	char body[HEX_N], hex[HEX_N];
	unsigned char canon[SHA256_N];
	struct header v[NAMES_MAX];
	struct slice names[NAMES_MAX], missing;
	struct sigv4_request with = *r;
	size_t name_n, added = 0, v_n = 0;
	enum rc rc;

	*n = 0;
	if (r->header_n > HTTP1_HEADERS_MAX)
		return E_TOOBIG;
	add[added++] = (struct header){ LIT("X-Amz-Date"), scope.time };
	if (!secret_empty(key->token))
		add[added++] = (struct header){ LIT("X-Amz-Security-Token"),
						secret_reveal(key->token) };
	for (size_t i = 0; i < r->header_n; i++)
		if (!never_signed(r->headers[i].name))
			v[v_n++] = r->headers[i];
	for (size_t i = 0; i < added; i++)
		v[v_n++] = add[i];
	name_n = names_of(v, v_n, names, a);
	if (arena_failed(a))
		return E_NOMEM;
	with.headers = v;
	with.header_n = v_n;
	body_hash(r, body);
	rc = canon_hash(&with, names, name_n, body, a, canon, &missing);
	if (rc == OK)
		rc = signature_of(&scope, key->secret, canon, a, hex);
	if (rc != OK)
		return rc;
	add[added++] = (struct header){ LIT("Authorization"),
					authorization(&scope, key, names, name_n, hex, a) };
	*n = added;
	return arena_failed(a) ? E_NOMEM : OK;
}

/* ---- checking -------------------------------------------------------------------------- */

struct claim {
	struct slice key_id;
	struct scope scope;
	struct slice date; /* of the scope */
	struct slice names[NAMES_MAX];
	size_t name_n;
	struct slice signature;
};

bool sigv4_key_id(struct slice authorization_value, struct slice *id)
{
	size_t at;

	if (!slice_starts(authorization_value, LIT(ALGORITHM " ")))
		return false;
	at = slice_find(authorization_value, LIT("Credential="));
	if (at == SLICE_NONE)
		return false;
	return slice_cut(slice_skip(authorization_value, at + 11), '/', id, NULL);
}

/* "id/20261120/us-east-1/bedrock/aws4_request" */
static bool credential_read(struct claim *c, struct slice s)
{
	return slice_cut(s, '/', &c->key_id, &s) && slice_cut(s, '/', &c->date, &s) &&
	       slice_cut(s, '/', &c->scope.region, &s) &&
	       slice_cut(s, '/', &c->scope.service, &s) && slice_eq(s, LIT("aws4_request")) &&
	       c->key_id.n > 0 && c->scope.region.n + c->scope.service.n < SCOPE_MAX / 2;
}

/* "content-type;host;x-amz-date": in order, each once. */
static bool names_read(struct claim *c, struct slice s)
{
	while (s.n > 0) {
		struct slice name;

		slice_cut(s, ';', &name, &s);
		for (size_t i = 0; i < name.n; i++)
			if (name.p[i] >= 'A' && name.p[i] <= 'Z')
				return false;
		if (name.n == 0 || c->name_n == NAMES_MAX ||
		    (c->name_n > 0 && slice_order(&c->names[c->name_n - 1], &name) >= 0))
			return false;
		c->names[c->name_n++] = name;
	}
	return c->name_n > 0;
}

static bool claim_read(struct claim *c, struct slice s)
{
	bool credential = false, names = false;

	s = slice_skip(s, sizeof(ALGORITHM));
	while (s.n > 0) {
		struct slice field, name, value;

		slice_cut(s, ',', &field, &s);
		slice_cut(slice_trim(field), '=', &name, &value);
		if (slice_eq(name, LIT("Credential")) && !credential)
			credential = credential_read(c, value);
		else if (slice_eq(name, LIT("SignedHeaders")) && !names)
			names = names_read(c, value);
		else if (slice_eq(name, LIT("Signature")) && c->signature.n == 0)
			c->signature = value;
		else
			return false;
	}
	return credential && names && c->signature.n == HEX_N;
}

static bool signs(const struct claim *c, struct slice name)
{
	for (size_t i = 0; i < c->name_n; i++)
		if (slice_eq(c->names[i], name))
			return true;
	return false;
}

static struct slice header_of(const struct sigv4_request *r, struct slice name)
{
	for (size_t i = 0; i < r->header_n; i++)
		if (slice_ieq(r->headers[i].name, name))
			return r->headers[i].value;
	return slice_of(NULL, 0);
}

/* "20261120T120000Z" -> seconds since 1970. */
static bool time_read(struct slice s, uint64_t *out_s)
{
	static const unsigned char at[] = { 0, 4, 6, 9, 11, 13, TIME_N - 1 };
	static const unsigned before[] = {
		0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334
	};
	uint64_t v[6], days;

	if (s.n != TIME_N || s.p[8] != 'T' || s.p[15] != 'Z')
		return false;
	for (size_t i = 0; i < 6; i++) {
		const size_t to = i == 2 ? 8 : at[i + 1];

		if (!slice_u64(slice_of(s.p + at[i], to - at[i]), &v[i]))
			return false;
	}
	if (v[0] < 1970 || v[1] < 1 || v[1] > 12 || v[2] < 1 || v[2] > 31 || v[3] > 23 ||
	    v[4] > 59 || v[5] > 60)
		return false;
	days = (v[0] - 1970) * 365 + (v[0] - 1969) / 4 - (v[0] - 1901) / 100 +
	       (v[0] - 1601) / 400 + before[v[1] - 1] + v[2] - 1;
	if (v[1] > 2 && v[0] % 4 == 0 && (v[0] % 100 != 0 || v[0] % 400 == 0))
		days++;
	*out_s = ((days * 24 + v[3]) * 60 + v[4]) * 60 + v[5];
	return true;
}

static enum rc time_check(const struct claim *c, uint64_t now_s, struct err *err)
{
	uint64_t then_s, off_s;

	if (!time_read(c->scope.time, &then_s) ||
	    !slice_eq(c->date, slice_head(c->scope.time, DATE_N)))
		return err_set(err, E_BAD, "sigv4.malformed",
			       "X-Amz-Date is missing or is not the day of the credential");
	off_s = now_s > then_s ? now_s - then_s : then_s - now_s;
	if (off_s > SIGV4_SKEW_MAX_S)
		return err_set(err, E_REFUSED, "sigv4.time",
			       "the request was signed %" PRIu64
			       " s %s, over the limit of %d s: "
			       "check the client's clock",
			       off_s, now_s > then_s ? "ago" : "ahead of us", SIGV4_SKEW_MAX_S);
	return OK;
}

/* A client may say what its body's hash is; then it must be that. */
static enum rc body_check(const struct sigv4_request *r, const char body[HEX_N],
			  struct err *err)
{
	const struct slice said = header_of(r, LIT("x-amz-content-sha256"));

	if (said.n == 0 || slice_eq(said, slice_of(body, HEX_N)))
		return OK;
	return err_set(err, E_BAD, "sigv4.body",
		       "X-Amz-Content-Sha256 is not the SHA-256 of the body");
}

static enum rc claim_check(const struct sigv4_request *r, const struct claim *c,
			   struct secret secret, struct arena *a, struct err *err)
{
	unsigned char canon[SHA256_N];
	char body[HEX_N], hex[HEX_N];
	struct slice missing;
	enum rc rc;

	body_hash(r, body);
	rc = body_check(r, body, err);
	if (rc != OK)
		return rc;
	rc = canon_hash(r, c->names, c->name_n, body, a, canon, &missing);
	if (rc == E_NOTFOUND)
		return err_set(err, E_BAD, "sigv4.headers",
			       "the signed header %.*s is not in the request", SARG(missing));
	if (rc == OK)
		rc = signature_of(&c->scope, secret, canon, a, hex);
	if (rc != OK)
		return err_set(err, rc, "sigv4.limit", "%s", rc_text(rc));
	if (!slice_eq_consttime(slice_of(hex, HEX_N), c->signature))
		return err_set(err, E_REFUSED, "sigv4.signature",
			       "the signature does not match: the secret key differs, or the "
			       "request was changed on its way");
	return OK;
}

enum rc sigv4_verify(const struct sigv4_request *r, const struct sigv4_key *keys, size_t key_n,
		     struct slice service, uint64_t now_s, struct arena *a, size_t *which,
		     struct err *err)
{
	const struct slice text = header_of(r, LIT("authorization"));
	struct claim c = { 0 };
	size_t i = 0;
	enum rc rc;

	if (!slice_starts(text, LIT(ALGORITHM " ")))
		return err_set(err, E_BAD, "sigv4.missing",
			       "there is no Authorization header of " ALGORITHM);
	c.scope.time = header_of(r, LIT("x-amz-date"));
	if (!claim_read(&c, text))
		return err_set(err, E_BAD, "sigv4.malformed",
			       "the Authorization header is not " ALGORITHM
			       " Credential=..., SignedHeaders=..., Signature=...");
	if (!signs(&c, LIT("host")) || !signs(&c, LIT("x-amz-date")))
		return err_set(err, E_BAD, "sigv4.headers",
			       "Host and X-Amz-Date must be among the signed headers");
	if (!slice_eq(c.scope.service, service))
		return err_set(err, E_REFUSED, "sigv4.service",
			       "the request is signed for another service than %.*s",
			       SARG(service));
	rc = time_check(&c, now_s, err);
	if (rc != OK)
		return rc;
	while (i < key_n && !slice_eq(keys[i].id, c.key_id))
		i++;
	if (i == key_n)
		return err_set(err, E_REFUSED, "sigv4.key", "the access key id is not known");
	rc = claim_check(r, &c, keys[i].secret, a, err);
	if (rc == OK)
		*which = i;
	return rc;
}
