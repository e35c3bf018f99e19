/* AWS Signature Version 4, from the receiver's side (docs.aws.amazon.com/IAM: "Create a signed
 * AWS API request").  Written apart from the signer on purpose. */
#include "mock/aws_auth.h"

#include "wire/hash.h"

enum { HASH = SHA256_N };

struct signature {
	struct slice id, date, region, service, end; /* of the credential */
	struct slice headers, hex;
};

static void put_hex(struct say *o, const unsigned char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		say_fmt(o, "%02x", p[i]);
}

static void hash(struct slice s, unsigned char out[HASH])
{
	struct sha256 h;

	sha256_begin(&h);
	sha256_add(&h, s);
	sha256_end(&h, out);
}

static struct slice bytes_of(const unsigned char key[HASH])
{
	return slice_of((const char *)key, HASH);
}

/* "name=value" of a list with commas; the scheme's word is dropped before. */
static struct slice field(struct slice s, const char *name)
{
	struct slice one, key, value;

	while (s.n > 0) {
		if (!slice_cut(s, ',', &one, &s))
			s = slice_of(NULL, 0);
		if (slice_cut(slice_trim(one), '=', &key, &value) &&
		    slice_eq(key, slice_cstr(name)))
			return value;
	}
	return slice_of(NULL, 0);
}

static bool read_signature(struct slice given, struct signature *s)
{
	struct slice rest = field(given, "Credential"),
		     *parts[] = { &s->id, &s->date, &s->region, &s->service };

	for (size_t i = 0; i < ARRAY_LEN(parts); i++)
		if (!slice_cut(rest, '/', parts[i], &rest))
			return false;
	s->end = rest;
	s->headers = field(given, "SignedHeaders");
	s->hex = field(given, "Signature");
	return s->id.n > 0 && s->hex.n == 2 * HASH && s->headers.n > 0;
}

static bool in_list(struct slice list, struct slice name)
{
	struct slice one;

	while (list.n > 0) {
		if (!slice_cut(list, ';', &one, &list))
			list = slice_of(NULL, 0);
		if (slice_eq(one, name))
			return true;
	}
	return false;
}

/* What is wrong with its form; NULL: nothing. */
static const char *malformed(const struct exchange *x, const struct signature *s)
{
	struct slice date = http_header(&x->rec.head, LIT("x-amz-date"));
	struct slice sum = http_header(&x->rec.head, LIT("x-amz-content-sha256"));
	unsigned char body[HASH];
	struct say hex;
	bool same;

	if (date.n != 16 || date.p[8] != 'T' || date.p[15] != 'Z')
		return "Date must be in ISO-8601 'basic format' (x-amz-date).";
	if (!slice_eq(s->date, slice_head(date, 8)))
		return "Date in Credential scope does not match YYYYMMDD from ISO-8601 version "
		       "of date from HTTP.";
	if (!slice_eq(s->service, LIT("bedrock")))
		return "Credential should be scoped to correct service: 'bedrock'.";
	if (!slice_eq(s->end, LIT("aws4_request")))
		return "Credential should be scoped with a valid terminator: 'aws4_request'.";
	if (!in_list(s->headers, LIT("host")) || !in_list(s->headers, LIT("x-amz-date")))
		return "'Host' and 'X-Amz-Date' must be in SignedHeaders.";
	if (http_header(&x->rec.head, LIT("x-amz-security-token")).n > 0 &&
	    !in_list(s->headers, LIT("x-amz-security-token")))
		return "'X-Amz-Security-Token' must be a 'SignedHeader'.";
	if (sum.n == 0 || slice_eq(sum, LIT("UNSIGNED-PAYLOAD")))
		return NULL;
	say_init(&hex, x->mock->mem, 1024);
	hash(x->rec.body, body);
	put_hex(&hex, body, HASH);
	same = slice_eq(say_slice(&hex), sum);
	say_free(&hex);
	return same ? NULL : "The provided 'x-amz-content-sha256' header does not match.";
}

/* The path as it came over the wire, encoded once more. */
static void put_path(struct say *o, struct slice path)
{
	for (size_t i = 0; i < path.n; i++) {
		unsigned char c = (unsigned char)path.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || strchr("-._~/", c) != NULL)
			say_str(o, slice_of(path.p + i, 1));
		else
			say_fmt(o, "%%%02X", c);
	}
}

static void put_value(struct say *o, struct slice v)
{
	bool blank = false;

	v = slice_trim(v);
	for (size_t i = 0; i < v.n; i++) {
		if (v.p[i] == ' ' && blank)
			continue;
		blank = v.p[i] == ' ';
		say_str(o, slice_of(v.p + i, 1));
	}
}

/* Only queries of at most one pair are asked for: nothing is sorted. */
static void put_canonical(struct say *o, const struct exchange *x, const struct signature *s)
{
	struct slice list = s->headers, name;
	unsigned char body[HASH];

	say_str(o, x->rec.head.method);
	say_lit(o, "\n");
	put_path(o, x->rec.path);
	say_lit(o, "\n");
	say_str(o, x->rec.query);
	say_lit(o, "\n");
	while (list.n > 0) {
		if (!slice_cut(list, ';', &name, &list))
			list = slice_of(NULL, 0);
		say_str(o, name);
		say_lit(o, ":");
		put_value(o, http_header(&x->rec.head, name));
		say_lit(o, "\n");
	}
	say_lit(o, "\n");
	say_str(o, s->headers);
	say_lit(o, "\n");
	hash(x->rec.body, body);
	put_hex(o, body, HASH);
}

static bool sign(struct exchange *x, const struct signature *s, struct slice secret,
		 struct slice *hex)
{
	const struct slice scope[] = { s->date, s->region, s->service, s->end };
	unsigned char sum[HASH], key[HASH], next[HASH];
	struct say *o = &x->mock->out;

	say_clear(o);
	put_canonical(o, x, s);
	hash(say_slice(o), sum);
	say_clear(o);
	say_lit(o, "AWS4");
	say_str(o, secret);
	for (size_t i = 0; i < ARRAY_LEN(scope); i++) {
		hmac_sha256(i == 0 ? say_slice(o) : bytes_of(key), scope[i], next);
		memcpy(key, next, HASH);
	}
	say_clear(o);
	say_fmt(o, "AWS4-HMAC-SHA256\n%.*s\n%.*s/%.*s/%.*s/%.*s\n",
		SARG(http_header(&x->rec.head, LIT("x-amz-date"))), SARG(s->date),
		SARG(slice_head(s->region, 64)), SARG(s->service), SARG(s->end));
	put_hex(o, sum, HASH);
	hmac_sha256(bytes_of(key), say_slice(o), sum);
	say_clear(o);
	put_hex(o, sum, HASH);
	*hex = arena_copy(&x->work, say_slice(o));
	return !o->failed;
}

static unsigned check_signature(struct exchange *x, struct slice given, struct slice *why)
{
	struct slice id, secret, hex;
	struct signature s;
	const char *wrong;

	if (!read_signature(given, &s)) {
		*why = LIT("Authorization header requires 'Credential', 'SignedHeaders' and "
			   "'Signature' parameters.");
		return 403;
	}
	wrong = malformed(x, &s);
	if (wrong != NULL) {
		*why = slice_cstr(wrong);
		return 403;
	}
	if (x->o->aws_key.n == 0)
		return 0;
	slice_cut(x->o->aws_key, ':', &id, &secret);
	if (!slice_eq(id, s.id)) {
		*why = LIT("The security token included in the request is invalid.");
		return 403;
	}
	if (!sign(x, &s, secret, &hex) || !slice_eq_consttime(hex, s.hex)) {
		*why = LIT(
			"The request signature we calculated does not match the signature you "
			"provided. Check your AWS Secret Access Key and signing method.");
		return 403;
	}
	return 0;
}

unsigned aws_auth(struct exchange *x, struct slice *why)
{
	struct slice given = http_header(&x->rec.head, LIT("authorization"));

	if (slice_starts(given, LIT("AWS4-HMAC-SHA256 ")))
		return x->o->strict || x->o->aws_key.n > 0
			       ? check_signature(x, slice_skip(given, 17), why)
			       : 0;
	*why = LIT("Missing Authentication Token");
	if (x->o->aws_key.n > 0 && x->o->key.n == 0)
		return 403;
	if (!slice_starts(given, LIT("Bearer ")))
		return x->o->strict || x->o->key.n > 0 ? 403 : 0;
	*why = LIT("Authentication failed: Please make sure your API Key is valid.");
	return x->o->key.n == 0 || slice_eq_consttime(slice_skip(given, 7), x->o->key) ? 0
										       : 403;
}
