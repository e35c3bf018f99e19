#include "check.h"

#include "wire/hash.h"

static void check_hex(const unsigned char hash[SHA256_N], const char *want)
{
	char hex[2 * SHA256_N];
	struct sb b;

	sb_init(&b, hex, sizeof(hex));
	sha256_hex(&b, hash);
	CHECK_SLICE(sb_slice(&b), want);
}

static void check_sha(struct slice s, const char *want)
{
	unsigned char hash[SHA256_N];
	struct sha256 h;

	for (size_t cut = 0; cut <= s.n; cut++) {
		sha256_begin(&h);
		sha256_add(&h, slice_head(s, cut));
		sha256_add(&h, slice_skip(s, cut));
		sha256_end(&h, hash);
		check_hex(hash, want);
	}
}

/* FIPS 180-4's examples. */
static void sha256_of_known_texts(void **state UNUSED)
{
	static char million[1000000];
	unsigned char hash[SHA256_N];
	struct sha256 h;

	check_sha(LIT(""), "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
	check_sha(LIT("abc"),
		  "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
	check_sha(LIT("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"),
		  "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
	memset(million, 'a', sizeof(million));
	sha256_begin(&h);
	sha256_add(&h, slice_of(million, sizeof(million)));
	sha256_end(&h, hash);
	check_hex(hash, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

/* RFC 4231: a short key, one as long as a block, one that is longer. */
static void hmac_of_known_texts(void **state UNUSED)
{
	unsigned char out[SHA256_N];
	char key[131];

	memset(key, 0x0b, 20);
	hmac_sha256(slice_of(key, 20), LIT("Hi There"), out);
	check_hex(out, "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
	hmac_sha256(LIT("Jefe"), LIT("what do ya want for nothing?"), out);
	check_hex(out, "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
	memset(key, 0xaa, sizeof(key));
	hmac_sha256(slice_of(key, sizeof(key)),
		    LIT("Test Using Larger Than Block-Size Key - Hash Key First"), out);
	check_hex(out, "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sha256_of_known_texts),
		cmocka_unit_test(hmac_of_known_texts),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
