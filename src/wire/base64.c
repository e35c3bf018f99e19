#include "wire/base64.h"

#define BAD 0xff

static const char alphabet[] =
	"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* Three bytes (fewer are padded) as four characters. */
static void group(const unsigned char *in, size_t n, char out[4])
{
	uint32_t v = (uint32_t)in[0] << 16;

	if (n > 1)
		v |= (uint32_t)in[1] << 8;
	if (n > 2)
		v |= in[2];
	out[0] = alphabet[v >> 18];
	out[1] = alphabet[v >> 12 & 63];
	out[2] = n > 1 ? alphabet[v >> 6 & 63] : '=';
	out[3] = n > 2 ? alphabet[v & 63] : '=';
}

void base64_put(struct sb *out, struct slice bytes)
{
	const unsigned char *in = (const unsigned char *)bytes.p;
	char four[4];

	for (size_t i = 0; i < bytes.n; i += 3) {
		group(in + i, size_min(bytes.n - i, 3), four);
		sb_str(out, slice_of(four, 4));
	}
}

static unsigned value_of(char c)
{
	if (c >= 'A' && c <= 'Z')
		return (unsigned)(c - 'A');
	if (c >= 'a' && c <= 'z')
		return (unsigned)(c - 'a') + 26;
	if (c >= '0' && c <= '9')
		return (unsigned)(c - '0') + 52;
	if (c == '+')
		return 62;
	return c == '/' ? 63 : BAD;
}

bool base64_read(struct slice s, char *out, size_t *n)
{
	size_t pad = 0, to = 0;

	if (s.n % 4 != 0)
		return false;
	if (s.n > 0 && s.p[s.n - 1] == '=')
		pad = s.p[s.n - 2] == '=' ? 2 : 1;

	for (size_t i = 0; i < s.n; i += 4) {
		size_t bytes = i + 4 == s.n ? 3 - pad : 3;
		uint32_t v = 0;

		for (size_t k = 0; k < 4; k++) {
			unsigned six = k > bytes ? 0 : value_of(s.p[i + k]);

			if (six == BAD)
				return false;
			v = v << 6 | six;
		}
		/* Bits that no byte takes must be zero: one text for one value. */
		if ((v & ((1U << 8 * (3 - bytes)) - 1)) != 0)
			return false;
		for (size_t k = 0; k < bytes; k++)
			out[to++] = (char)(v >> (16 - 8 * k) & 0xff);
	}
	*n = to;
	return true;
}
