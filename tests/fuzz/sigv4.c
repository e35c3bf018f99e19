#include "fuzz.h"

#include "base/err.h"
#include "wire/sigv4.h"
#include "wire/url.h"

/* Lines of the input: Authorization, X-Amz-Date, target, Host; the rest is the body. */
enum { LINES = 4, NOW_S = 1795176000 };

static void check_url(struct slice s, struct arena *a)
{
	const struct slice once = url_encode(s, "", a);
	const struct slice back = url_decode(once, a);

	INVARIANT(slice_eq(back, s));
	INVARIANT(url_decode(s, a).n <= s.n);
	for (size_t i = 0; i < once.n; i++)
		INVARIANT(once.p[i] > 0x20 && once.p[i] < 0x7f && once.p[i] != '/');
}

/* What we sign we accept. */
static void sign_and_verify(struct sigv4_request r, struct slice host, struct arena *a)
{
	const struct sigv4_key key = { .id = LIT("AKID"), .secret = secret_make(a, LIT("s")) };
	struct header v[2 + SIGV4_ADDED_MAX] = { { LITC("Host"), host }, { LITC("X"), host } };
	size_t n, which;
	enum rc rc;

	r.headers = v;
	r.header_n = 2;
	rc = sigv4_sign(&r, &key, LIT("r"), LIT("bedrock"), NOW_S, a, v + 2, &n);
	INVARIANT(rc == OK || rc == E_TOOBIG);
	if (rc != OK)
		return;
	r.header_n += n;
	INVARIANT(sigv4_verify(&r, &key, 1, LIT("bedrock"), NOW_S, a, &which, NULL) == OK);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice rest = slice_of((const char *)data, size_min(size, 1 << 14));
	struct slice line[LINES], id, path, query;
	struct sigv4_request r = { .method = LIT("POST"), .body = &rest, .body_n = 1 };
	struct header v[4];
	struct sigv4_key keys[2] = { { .id = LIT("AKIDEXAMPLE") }, { .id = LIT("AKIDOTHER") } };
	struct fuzz_mem mem;
	struct arena a;
	struct err err;
	size_t which = 9;
	enum rc rc;

	for (size_t i = 0; i < LINES; i++)
		slice_cut(rest, '\n', &line[i], &rest);
	fuzz_mem_init(&mem, 0);
	arena_init(&a, &mem.mem, 1024, 1 << 22);
	err_clear(&err);
	v[0] = (struct header){ LIT("authorization"), line[0] };
	v[1] = (struct header){ LIT("x-amz-date"), line[1] };
	v[2] = (struct header){ LIT("host"), line[3] };
	v[3] = (struct header){ LIT("x-amz-content-sha256"), LIT("") };
	r.headers = v;
	r.header_n = 4;
	url_target(line[2], &path, &query);
	r.path = path;
	r.query = query;
	keys[0].secret = secret_make(&a, LIT("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"));
	rc = sigv4_verify(&r, keys, 2, LIT("bedrock"), NOW_S, &a, &which, &err);
	INVARIANT(rc == OK ? which < 2 : err.rc == rc && err.id != NULL);
	INVARIANT(rc != OK || sigv4_key_id(line[0], &id));
	sign_and_verify(r, line[3], &a);
	check_url(line[2], &a);
	arena_free(&a);
	INVARIANT(mem.live == 0);
	return 0;
}
