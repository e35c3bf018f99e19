#include "wire/json_text.h"

#include "wire/json_bytes.h"

struct json_text json_text_of(struct slice value)
{
	if (value.n < 2 || value.p[0] != '"')
		return (struct json_text){ { NULL, 0 } };
	return (struct json_text){ { value.p + 1, value.n - 2 } };
}

struct slice json_text_plain(struct json_text t, struct arena *a)
{
	struct slice plain;

	return json_unescape(t.s, a, &plain) ? plain : slice_of(NULL, 0);
}

bool json_text_is(struct json_text t, struct slice plain)
{
	return json_unescaped_is(t.s, plain);
}

bool json_text_blank(struct json_text t)
{
	for (size_t i = 0; i < t.s.n; i++) {
		const char c = t.s.p[i];

		if (json_is_space(c))
			continue;
		if (c != '\\' || ++i == t.s.n)
			return false;
		if (t.s.p[i] != 'n' && t.s.p[i] != 't' && t.s.p[i] != 'r')
			return false;
	}
	return true;
}

/* ---- escapes ---- */

size_t json_escape_one(unsigned char c, char out[6])
{
	static const char letter[0x20] = {
		['\b'] = 'b', ['\f'] = 'f', ['\n'] = 'n', ['\r'] = 'r', ['\t'] = 't'
	};

	if (c > 0x7f) {
		memcpy(out, "\xef\xbf\xbd", 3);
		return 3;
	}
	out[0] = '\\';
	out[1] = c < 0x20 ? letter[c] : (char)c;
	if (out[1] != 0)
		return 2;
	memcpy(out + 1, "u00", 3);
	out[4] = "01"[c >> 4];
	out[5] = "0123456789abcdef"[c & 15];
	return 6;
}

size_t json_escape(char *to, struct slice s)
{
	const char *p = s.p;
	const char *end = s.n == 0 ? p : p + s.n;
	size_t n = 0;

	while (p < end) {
		const char *stop = json_asis_end(p, end);
		const size_t len = (size_t)(stop - p);
		char one[6];
		size_t one_n;

		if (to != NULL)
			memcpy(to + n, p, len);
		n += len;
		if (stop == end)
			break;
		one_n = json_escape_one((unsigned char)*stop, one);
		if (to != NULL)
			memcpy(to + n, one, one_n);
		n += one_n;
		p = stop + 1;
	}
	return n;
}

struct json_text json_text_encode(struct slice plain, struct arena *a)
{
	size_t n;
	char *p;

	if (plain.n == 0 || json_asis_end(plain.p, plain.p + plain.n) == plain.p + plain.n)
		return (struct json_text){ plain };
	n = json_escape(NULL, plain);
	p = arena_bytes(a, n);
	if (p == NULL)
		return (struct json_text){ { NULL, 0 } };
	json_escape(p, plain);
	return (struct json_text){ { p, n } };
}
