#include "check.h"

#include "wire/base64.h"

/* RFC 4648, section 10 */
static const struct {
	const char *bytes, *text;
} vectors[] = {
	{ "", "" },
	{ "f", "Zg==" },
	{ "fo", "Zm8=" },
	{ "foo", "Zm9v" },
	{ "foob", "Zm9vYg==" },
	{ "fooba", "Zm9vYmE=" },
	{ "foobar", "Zm9vYmFy" },
	{ "\xff\xfe\xfb", "//77" },
};

static void the_vectors_of_the_rfc_go_both_ways(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(vectors); i++) {
		char room[16], back[16];
		struct sb b;
		size_t n;

		sb_init(&b, room, sizeof(room));
		base64_put(&b, slice_cstr(vectors[i].bytes));
		CHECK_SLICE(sb_slice(&b), vectors[i].text);
		CHECK(base64_read(sb_slice(&b), back, &n));
		CHECK_SLICE(slice_of(back, n), vectors[i].bytes);
	}
}

static void every_byte_survives_at_every_length(void **state UNUSED)
{
	char bytes[256], room[400], back[300];
	struct sb b;
	size_t n;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7 + 3);
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		sb_init(&b, room, sizeof(room));
		base64_put(&b, slice_of(bytes, len));
		CHECK_INT(b.n, (len + 2) / 3 * 4);
		CHECK(base64_read(sb_slice(&b), back, &n));
		CHECK(slice_eq(slice_of(back, n), slice_of(bytes, len)));
	}
}

static void malformed_text_is_refused(void **state UNUSED)
{
	static const struct slice bad[] = {
		LITC("Zg"),    LITC("Zg="),      LITC("Zg==="),   LITC("Z"),    LITC("===="),
		LITC("Z==="),  LITC("Zg==Zg=="), LITC("Zm9v\n"),  LITC("Zm9 "), LITC(" Zm9"),
		LITC("Zm-_"),  LITC("Zh=="),     LITC("Zm9="),    LITC("Z=g="), LITC("=Zg="),
		LITC("Zm9\0"), LITC("Zm9v===="), LITC("Zm9\xc3"), LITC("Zm=v"),
	};
	char out[16];
	size_t n = 77;

	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (base64_read(bad[i], out, &n))
			fail_msg("\"%.*s\" was read", SARG(bad[i]));
	CHECK_INT(n, 77);
}

static void what_does_not_fit_is_cut_and_told(void **state UNUSED)
{
	char room[6];
	struct sb b;

	sb_init(&b, room, sizeof(room));
	base64_put(&b, LIT("foobar"));
	CHECK(b.cut);
	CHECK_SLICE(sb_slice(&b), "Zm9vYm");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_vectors_of_the_rfc_go_both_ways),
		cmocka_unit_test(every_byte_survives_at_every_length),
		cmocka_unit_test(malformed_text_is_refused),
		cmocka_unit_test(what_does_not_fit_is_cut_and_told),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
