#include "chat_random.h"

static const char *const units[] = {
	"a",
	"be",
	"see ",
	"x1",
	"?",
	"{",
	"[",
	",",
	":",
	"\\n",
	"\\\"",
	"\\\\",
	"\\/",
	"\\t",
	"\\b",
	"\\f",
	"\\r",
	"\\u0001",
	"\\u00e9",
	"\\u2028",
	"\\ud83d\\ude00",
	"\\uD834\\uDD1E",
	"\xc3\xa9",
	"\xe2\x82\xac",
	"\xf0\x9f\x98\x80",
	"<b>",
	"'",
	"data: ",
	"event",
	"\\u0022",
};

struct json_text random_text(struct rng *r, struct arena *a, unsigned n)
{
	char text[4096];
	struct sb b;

	sb_init(&b, text, sizeof(text));
	sb_lit(&b, "t"); /* blank texts mean nothing to some */
	for (uint64_t i = rng_below(r, n); i > 0; i--)
		sb_lit(&b, units[rng_below(r, ARRAY_LEN(units))]);
	return (struct json_text){ arena_copy(a, sb_slice(&b)) };
}

struct slice random_object(struct rng *r, struct arena *a)
{
	static const char *const values[] = { "1",    "-0.10", "1e3",     "true",
					      "null", "[]",    "[1,[2]]", "{\"in\":{}}" };
	char text[4096];
	struct sb b;

	sb_init(&b, text, sizeof(text));
	sb_char(&b, '{');
	for (uint64_t i = 0, n = rng_below(r, 4); i < n; i++) {
		sb_fmt(&b, "%s\"k%d\":", i > 0 ? "," : "", (int)i);
		if (rng_chance(r, 0.6)) {
			struct json_text t = random_text(r, a, 12);

			sb_fmt(&b, "\"%.*s\"", SARG(t.s));
		} else {
			sb_lit(&b, values[rng_below(r, ARRAY_LEN(values))]);
		}
	}
	sb_char(&b, '}');
	return arena_copy(a, sb_slice(&b));
}

/* Bytes of the character at the front: an escape counts as one. */
static size_t unit_bytes(struct slice s)
{
	unsigned char c = (unsigned char)s.p[0];

	if (c == '\\')
		return s.n > 1 && s.p[1] == 'u' ? 6 : 2;
	return c < 0x80 ? 1 : c < 0xe0 ? 2 : c < 0xf0 ? 3 : 4;
}

struct json_text random_piece(struct rng *r, struct slice *rest)
{
	size_t n = 0;

	for (uint64_t i = 1 + rng_below(r, 9); i > 0 && n < rest->n; i--)
		n += unit_bytes(slice_skip(*rest, n));
	struct json_text t = { slice_head(*rest, n) };

	*rest = slice_skip(*rest, n);
	return t;
}

static uint64_t from_environment(const char *name, uint64_t other)
{
	uint64_t v;

	return slice_u64(slice_cstr(getenv(name)), &v) ? v : other;
}

uint64_t random_cases(void)
{
	return from_environment("WEIR_PAIRS", 200);
}

uint64_t random_seed(void)
{
	return from_environment("WEIR_SEED", 20261120);
}
