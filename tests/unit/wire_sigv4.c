#include "check.h"

#include "wire/sigv4.h"

#define SECRET "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"

enum {
	NOON_S = 1795176000, /* 2026-11-20 12:00:00 */
	ALL_MAX = 16,
};

struct job {
	struct test_mem mem;
	struct arena a;
	struct header headers[ALL_MAX];
	struct slice body;
	struct sigv4_request r;
	struct sigv4_key key;
	struct err err;
};

static void begin(struct job *j, const char *method, const char *path, const char *query,
		  const char *body)
{
	test_mem_init(&j->mem, 0);
	arena_init(&j->a, &j->mem.mem, 256, 65536);
	err_clear(&j->err);
	j->body = slice_cstr(body);
	j->r = (struct sigv4_request){ .method = slice_cstr(method),
				       .path = slice_cstr(path),
				       .query = slice_cstr(query),
				       .headers = j->headers,
				       .body = &j->body,
				       .body_n = j->body.n > 0 };
	j->key = (struct sigv4_key){ .id = LIT("AKIDEXAMPLE"),
				     .secret = secret_make(&j->a, LIT(SECRET)) };
}

static void header(struct job *j, const char *name, const char *value)
{
	CHECK(j->r.header_n < ALL_MAX);
	j->headers[j->r.header_n++] = (struct header){ slice_cstr(name), slice_cstr(value) };
}

static void sign_at(struct job *j, const char *region, const char *service, uint64_t now_s)
{
	struct header add[SIGV4_ADDED_MAX];
	size_t n;

	CHECK_RC(sigv4_sign(&j->r, &j->key, slice_cstr(region), slice_cstr(service), now_s,
			    &j->a, add, &n),
		 OK);
	CHECK(j->r.header_n + n <= ALL_MAX);
	for (size_t i = 0; i < n; i++)
		j->headers[j->r.header_n++] = add[i];
}

static void end(struct job *j)
{
	arena_free(&j->a);
	CHECK_INT(j->mem.live, 0);
}

static struct header *find(struct job *j, const char *name)
{
	for (size_t i = 0; i < j->r.header_n; i++)
		if (slice_eq(j->headers[i].name, slice_cstr(name)))
			return &j->headers[i];
	return NULL;
}

static enum rc verify_at(struct job *j, uint64_t now_s)
{
	struct sigv4_key keys[2];
	size_t which = 99;
	enum rc rc;

	keys[0] = (struct sigv4_key){ .id = LIT("AKIDOTHER"),
				      .secret = secret_make(&j->a, LIT("x")) };
	keys[1] = (struct sigv4_key){ .id = LIT("AKIDEXAMPLE"),
				      .secret = secret_make(&j->a, LIT(SECRET)) };
	err_clear(&j->err);
	rc = sigv4_verify(&j->r, keys, 2, LIT("bedrock"), now_s, &j->a, &which, &j->err);
	CHECK_INT(which, rc == OK ? 1 : 99);
	return rc;
}

/* The request of which all tests of checking are variants. */
static void begin_signed(struct job *j)
{
	begin(j, "POST", "/model/us.amazon.nova-2-lite-v1%3A0/converse", "", "{\"a\":1}");
	header(j, "Host", "weir.example:8080");
	header(j, "Content-Type", "application/json");
	sign_at(j, "eu-central-1", "bedrock", NOON_S);
}

/* ---- signing ---- */

/* From AWS's test suite. */
static void the_plainest_request_of_aws(void **state UNUSED)
{
	struct job j;

	begin(&j, "GET", "/", "", "");
	header(&j, "Host", "example.amazonaws.com");
	sign_at(&j, "us-east-1", "service", 1440938160);
	CHECK_SLICE(find(&j, "X-Amz-Date")->value, "20150830T123600Z");
	CHECK_SLICE(find(&j, "Authorization")->value,
		    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/"
		    "aws4_request, SignedHeaders=host;x-amz-date, Signature="
		    "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31");
	end(&j);
}

/* And as botocore signs it. */
static void a_request_for_bedrock(void **state UNUSED)
{
	struct job j;

	begin(&j, "POST", "/model/anthropic.claude-3-haiku-20240307-v1%3A0/converse", "",
	      "{\"messages\":[{\"role\":\"user\",\"content\":[{\"text\":\"hi\"}]}]}");
	header(&j, "Content-Type", "application/json");
	header(&j, "Host", "bedrock-runtime.us-east-1.amazonaws.com");
	sign_at(&j, "us-east-1", "bedrock", NOON_S);
	CHECK_SLICE(find(&j, "Authorization")->value,
		    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261120/us-east-1/bedrock/"
		    "aws4_request, SignedHeaders=content-type;host;x-amz-date, Signature="
		    "88bd525d1f81f81100f8786c2eb060934e5214a11240c3298629665fe72e623b");
	CHECK_INT(j.r.header_n, 4);
	end(&j);
}

/* botocore again: a query out of order, blanks to fold, a token. */
static void a_query_and_a_token(void **state UNUSED)
{
	struct job j;

	begin(&j, "GET", "/foundation-models",
	      "byProvider=a%20b&byOutputModality=TEXT&a-b=1&a=2", "");
	j.key.token = secret_make(&j.a, LIT("TOKEN"));
	header(&j, "Host", "h.example");
	header(&j, "X-Two", "a   b  c");
	sign_at(&j, "us-east-1", "bedrock", NOON_S);
	CHECK_SLICE(find(&j, "X-Amz-Security-Token")->value, "TOKEN");
	CHECK_SLICE(find(&j, "Authorization")->value,
		    "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20261120/us-east-1/bedrock/"
		    "aws4_request, SignedHeaders=host;x-amz-date;x-amz-security-token;x-two, "
		    "Signature="
		    "31eefa5f7d35d561b4ed4ad141fec19c1a7d3dd5671761a4645729b079219526");
	end(&j);
}

/* The same request written in ways that mean the same. */
static void what_means_the_same_is_signed_the_same(void **state UNUSED)
{
	struct slice want = { NULL, 0 };

	for (int way = 0; way < 3; way++) {
		static const char *const queries[] = {
			"a=1&a-b=2&b=x%2Fy&b=a&c=",
			"c&b=x/y&b=a&a-b=2&a=1",
			"&b=%61&a=%31&b=x%2fy&&a-b=2&c=",
		};
		struct slice two[2] = { LIT("{\"a\""), LIT(":1}") };
		struct slice got;
		struct job j;

		begin(&j, "GET", "", queries[way], "{\"a\":1}");
		if (way == 1) {
			j.r.path = LIT("/");
			j.r.body = two;
			j.r.body_n = 2;
		}
		if (way != 2)
			header(&j, "X-Two", "a  b");
		header(&j, "Host", "h");
		if (way == 2)
			header(&j, "x-two", "  a b ");
		header(&j, way == 1 ? "USER-AGENT" : "Proxy-Connection", "whatever");
		header(&j, "Content-Length", way == 1 ? "1" : "2");
		sign_at(&j, "r", "s", NOON_S);
		got = find(&j, "Authorization")->value;
		CHECK(slice_find(got, LIT("=host;x-amz-date;x-two,")) != SLICE_NONE);
		if (way == 0)
			want = slice_of(strndup(got.p, got.n), got.n);
		CHECK(slice_eq(got, want));
		end(&j);
	}
	free((void *)(uintptr_t)want.p);
}

/* ---- checking ---- */

static void what_is_signed_is_accepted(void **state UNUSED)
{
	struct slice id;
	struct job j;

	begin_signed(&j);
	CHECK_RC(verify_at(&j, NOON_S), OK);
	CHECK_RC(verify_at(&j, NOON_S + SIGV4_SKEW_MAX_S), OK);
	CHECK_RC(verify_at(&j, NOON_S - SIGV4_SKEW_MAX_S), OK);
	CHECK(sigv4_key_id(find(&j, "Authorization")->value, &id));
	CHECK_SLICE(id, "AKIDEXAMPLE");
	CHECK(!sigv4_key_id(LIT("Bearer Credential=a/b"), &id));
	CHECK(!sigv4_key_id(LIT("AWS4-HMAC-SHA256 Credential=a"), &id));
	CHECK(!sigv4_key_id(LIT("AWS4-HMAC-SHA256 "), &id));
	/* A proxy on the way added something that is not signed. */
	header(&j, "X-Forwarded-For", "::1");
	CHECK_RC(verify_at(&j, NOON_S), OK);
	/* What the client says of its body is true. */
	header(&j, "X-Amz-Content-Sha256",
	       "015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862");
	CHECK_RC(verify_at(&j, NOON_S), OK);
	end(&j);
}

static void what_was_changed_is_refused(void **state UNUSED)
{
	for (int what = 0; what < 6; what++) {
		struct job j;

		begin_signed(&j);
		if (what == 0)
			j.r.method = LIT("PUT");
		if (what == 1)
			j.r.path = LIT("/model/us.amazon.nova-2-pro-v1%3A0/converse");
		if (what == 2)
			j.r.query = LIT("a=1");
		if (what == 3)
			j.body = LIT("{\"a\":2}");
		if (what == 4)
			find(&j, "Host")->value = LIT("other");
		if (what == 5)
			header(&j, "content-type", "text/plain");
		CHECK_RC(verify_at(&j, NOON_S), E_REFUSED);
		CHECK_STR(j.err.id, "sigv4.signature");
		end(&j);
	}
}

static void every_digit_of_a_signature_counts(void **state UNUSED)
{
	for (size_t i = 0; i < 64; i++) {
		struct job j;
		struct slice *v;
		char *p;

		begin_signed(&j);
		v = &find(&j, "Authorization")->value;
		*v = arena_copy(&j.a, *v);
		p = (char *)(uintptr_t)v->p + v->n - 64 + i;
		*p = *p == '0' ? '1' : '0';
		CHECK_RC(verify_at(&j, NOON_S), E_REFUSED);
		CHECK_STR(j.err.id, "sigv4.signature");
		end(&j);
	}
}

static void old_and_early_requests_are_refused(void **state UNUSED)
{
	struct job j;

	begin_signed(&j);
	CHECK_RC(verify_at(&j, NOON_S + SIGV4_SKEW_MAX_S + 1), E_REFUSED);
	CHECK_STR(j.err.id, "sigv4.time");
	CHECK(slice_find(slice_cstr(j.err.text), LIT("301 s ago")) != SLICE_NONE);
	CHECK_RC(verify_at(&j, NOON_S - SIGV4_SKEW_MAX_S - 1), E_REFUSED);
	CHECK_STR(j.err.id, "sigv4.time");
	end(&j);
}

/* Every day is written and read as the same: leap years, ends of months. */
static void any_time_is_read_as_it_is_written(void **state UNUSED)
{
	for (uint64_t t = 0; t < 150ULL * 365 * 86400; t += 86400ULL * 7 + 4321) {
		struct job j;

		begin(&j, "POST", "/", "", "");
		header(&j, "Host", "h");
		sign_at(&j, "r", "bedrock", t);
		CHECK_RC(verify_at(&j, t + SIGV4_SKEW_MAX_S), OK);
		CHECK_RC(verify_at(&j, t + SIGV4_SKEW_MAX_S + 1), E_REFUSED);
		end(&j);
	}
}

static void other_keys_and_services_are_refused(void **state UNUSED)
{
	struct job j;

	begin(&j, "POST", "/", "", "");
	j.key.id = LIT("AKIDSTRANGER");
	header(&j, "Host", "h");
	sign_at(&j, "r", "bedrock", NOON_S);
	CHECK_RC(verify_at(&j, NOON_S), E_REFUSED);
	CHECK_STR(j.err.id, "sigv4.key");
	end(&j);

	begin(&j, "POST", "/", "", "");
	j.key.id = LIT("AKIDOTHER"); /* known, but this is not its secret */
	header(&j, "Host", "h");
	sign_at(&j, "r", "bedrock", NOON_S);
	CHECK_RC(verify_at(&j, NOON_S), E_REFUSED);
	CHECK_STR(j.err.id, "sigv4.signature");
	end(&j);

	begin(&j, "POST", "/", "", "");
	header(&j, "Host", "h");
	sign_at(&j, "r", "s3", NOON_S);
	CHECK_RC(verify_at(&j, NOON_S), E_REFUSED);
	CHECK_STR(j.err.id, "sigv4.service");
	end(&j);
}

static void a_body_that_is_not_what_was_hashed_is_refused(void **state UNUSED)
{
	static const char *const said[] = { "UNSIGNED-PAYLOAD",
					    "STREAMING-UNSIGNED-PAYLOAD-TRAILER", "00" };

	for (size_t i = 0; i < ARRAY_LEN(said); i++) {
		struct job j;

		begin(&j, "POST", "/", "", "{}");
		header(&j, "Host", "h");
		header(&j, "x-amz-content-sha256", said[i]);
		sign_at(&j, "r", "bedrock", NOON_S);
		CHECK_RC(verify_at(&j, NOON_S), E_BAD);
		CHECK_STR(j.err.id, "sigv4.body");
		end(&j);
	}
}

#define SIG  "Signature=0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
#define CRED "Credential=AKIDEXAMPLE/20261120/r/bedrock/aws4_request"

static void malformed_headers_are_refused(void **state UNUSED)
{
	static const struct {
		const char *authorization, *date, *id;
	} t[] = {
		{ "Bearer x", "20261120T120000Z", "sigv4.missing" },
		{ "", "20261120T120000Z", "sigv4.missing" },
		{ "AWS4-HMAC-SHA256", "20261120T120000Z", "sigv4.missing" },
		{ "AWS4-ECDSA-P256-SHA256 x", "20261120T120000Z", "sigv4.missing" },
		{ "AWS4-HMAC-SHA256 ", "20261120T120000Z", "sigv4.malformed" },
		{ "AWS4-HMAC-SHA256 " CRED ", " SIG, "20261120T120000Z", "sigv4.malformed" },
		{ "AWS4-HMAC-SHA256 " CRED ", SignedHeaders=, " SIG, "20261120T120000Z",
		  "sigv4.malformed" },
		{ "AWS4-HMAC-SHA256 " CRED ", SignedHeaders=x-amz-date;host, " SIG,
		  "20261120T120000Z", "sigv4.malformed" },
		{ "AWS4-HMAC-SHA256 " CRED ", SignedHeaders=host;host;x-amz-date, " SIG,
		  "20261120T120000Z", "sigv4.malformed" },
		{ "AWS4-HMAC-SHA256 " CRED ", SignedHeaders=Host;x-amz-date, " SIG,
		  "20261120T120000Z", "sigv4.malformed" },
		{ "AWS4-HMAC-SHA256 " CRED ", SignedHeaders=host;;x-amz-date, " SIG,
		  "20261120T120000Z", "sigv4.malformed" },
		{ "AWS4-HMAC-SHA256 " CRED ", SignedHeaders=host;x-amz-date, Signature=00",
		  "20261120T120000Z", "sigv4.malformed" },
		{ "AWS4-HMAC-SHA256 " CRED ", " CRED ", SignedHeaders=host;x-amz-date, " SIG,
		  "20261120T120000Z", "sigv4.malformed" },
		{ "AWS4-HMAC-SHA256 " CRED ", SignedHeaders=host;x-amz-date, X=1, " SIG,
		  "20261120T120000Z", "sigv4.malformed" },
		{ "AWS4-HMAC-SHA256 Credential=AKID/20261120/r/bedrock, "
		  "SignedHeaders=host;x-amz-date, " SIG,
		  "20261120T120000Z", "sigv4.malformed" },
		{ "AWS4-HMAC-SHA256 Credential=/20261120/r/bedrock/aws4_request, "
		  "SignedHeaders=host;x-amz-date, " SIG,
		  "20261120T120000Z", "sigv4.malformed" },
		{ "AWS4-HMAC-SHA256 " CRED ", SignedHeaders=x-amz-date, " SIG,
		  "20261120T120000Z", "sigv4.headers" },
		{ "AWS4-HMAC-SHA256 " CRED ", SignedHeaders=host, " SIG, "20261120T120000Z",
		  "sigv4.headers" },
		{ "AWS4-HMAC-SHA256 " CRED ", SignedHeaders=gone;host;x-amz-date, " SIG,
		  "20261120T120000Z", "sigv4.headers" },
		{ "AWS4-HMAC-SHA256 " CRED ",SignedHeaders=host;x-amz-date," SIG,
		  "20261120T120000Z", "sigv4.signature" }, /* no blanks: as good */
		{ "AWS4-HMAC-SHA256 " CRED ", SignedHeaders=host;x-amz-date, " SIG, "",
		  "sigv4.malformed" },
		{ "AWS4-HMAC-SHA256 " CRED ", SignedHeaders=host;x-amz-date, " SIG,
		  "20261121T120000Z", "sigv4.malformed" },
		{ "AWS4-HMAC-SHA256 " CRED ", SignedHeaders=host;x-amz-date, " SIG,
		  "20261120T12000Z0", "sigv4.malformed" },
		{ "AWS4-HMAC-SHA256 " CRED ", SignedHeaders=host;x-amz-date, " SIG,
		  "20261120T240000Z", "sigv4.malformed" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		enum rc rc;
		struct job j;

		begin(&j, "POST", "/", "", "");
		header(&j, "host", "h");
		header(&j, "x-amz-date", t[i].date);
		header(&j, "authorization", t[i].authorization);
		rc = verify_at(&j, NOON_S);
		CHECK(rc == E_BAD || rc == E_REFUSED);
		if (strcmp(j.err.id, t[i].id) != 0)
			fail_msg("%s: %s, not %s", t[i].authorization, j.err.id, t[i].id);
		end(&j);
	}
}

static void run_out(struct test_mem *m)
{
	struct sigv4_request r = { .method = LIT("POST"),
				   .path = LIT("/a%3Ab"),
				   .query = LIT("x=%20&y=2") };
	struct header v[1 + SIGV4_ADDED_MAX] = { { LITC("Host"), LITC("h") } };
	struct header add[SIGV4_ADDED_MAX];
	struct sigv4_key key = { .id = LIT("AKID") };
	struct arena a;
	size_t n, which;
	enum rc rc;

	arena_init(&a, &m->mem, 128, 65536);
	r.headers = v;
	r.header_n = 1;
	rc = sigv4_sign(&r, &key, LIT("r"), LIT("bedrock"), NOON_S, &a, add, &n);
	if (rc == OK) {
		memcpy(v + 1, add, n * sizeof(v[0]));
		r.header_n += n;
		rc = sigv4_verify(&r, &key, 1, LIT("bedrock"), NOON_S, &a, &which, NULL);
	}
	CHECK_RC(rc, m->failed ? E_NOMEM : OK);
	arena_free(&a);
}

static void no_memory_is_told(void **state UNUSED)
{
	sweep(run_out);
}

static void too_many_parameters_are_refused(void **state UNUSED)
{
	char query[2 * SIGV4_PARAMS_MAX + 8];
	struct header add[SIGV4_ADDED_MAX];
	struct job j;
	size_t n;

	memset(query, 'a', sizeof(query));
	for (size_t i = 1; i < sizeof(query); i += 2)
		query[i] = '&';
	begin(&j, "GET", "/", "", "");
	j.r.query = slice_of(query, 2 * SIGV4_PARAMS_MAX);
	CHECK_RC(sigv4_sign(&j.r, &j.key, LIT("r"), LIT("s"), NOON_S, &j.a, add, &n), OK);
	j.r.query = slice_of(query, 2 * SIGV4_PARAMS_MAX + 1);
	CHECK_RC(sigv4_sign(&j.r, &j.key, LIT("r"), LIT("s"), NOON_S, &j.a, add, &n), E_TOOBIG);
	end(&j);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_plainest_request_of_aws),
		cmocka_unit_test(a_request_for_bedrock),
		cmocka_unit_test(what_means_the_same_is_signed_the_same),
		cmocka_unit_test(a_query_and_a_token),
		cmocka_unit_test(what_is_signed_is_accepted),
		cmocka_unit_test(what_was_changed_is_refused),
		cmocka_unit_test(every_digit_of_a_signature_counts),
		cmocka_unit_test(old_and_early_requests_are_refused),
		cmocka_unit_test(any_time_is_read_as_it_is_written),
		cmocka_unit_test(other_keys_and_services_are_refused),
		cmocka_unit_test(a_body_that_is_not_what_was_hashed_is_refused),
		cmocka_unit_test(malformed_headers_are_refused),
		cmocka_unit_test(too_many_parameters_are_refused),
		cmocka_unit_test(no_memory_is_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
