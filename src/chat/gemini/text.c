#include "chat/gemini/gemini.h"

#include "base/sb.h"
#include "chat/opaque.h"
#include "wire/base64.h"

/* ---- base64 ---------------------------------------------------------------------------- */

enum { NOT_BASE64, STANDARD, URL_SAFE, PADDING };

static int alphabet_of(char c)
{
	if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
	    c == '+' || c == '/')
		return STANDARD;
	if (c == '-' || c == '_')
		return URL_SAFE;
	return c == '=' ? PADDING : NOT_BASE64;
}

bool gemini_base64(struct json_text t, struct arena *a, struct slice *out)
{
	const struct slice s = json_text_plain(t, a); /* some write \/ in base64 */
	size_t n = s.n, pad;
	bool url = false;
	char *p;

	while (n > 0 && s.n - n < 2 && s.p[n - 1] == '=')
		n--;
	for (size_t i = 0; i < n; i++) {
		int what = alphabet_of(s.p[i]);

		if (what == NOT_BASE64 || what == PADDING)
			return false;
		url |= what == URL_SAFE;
	}
	pad = (4 - n % 4) % 4;
	if (pad == 3 || (s.n > n && s.n - n != pad))
		return false;
	*out = s;
	if (!url && s.n - n == pad)
		return true;
	p = arena_bytes(a, n + pad);
	if (p == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		p[i] = s.p[i] == '-' ? '+' : s.p[i] == '_' ? '/' : s.p[i];
	memset(p + n, '=', pad);
	*out = slice_of(p, n + pad);
	return true;
}

struct json_text gemini_seal(struct arena *a, struct slice issuer, struct json_text data,
			     const char *more)
{
	const struct json_text none = { { NULL, 0 } };
	struct slice plain;
	struct sb b;
	size_t n;
	char *p;

	if (json_text_empty(data))
		return none;
	if (issuer.n == 0) /* Gemini's own, on its way to a client of Gemini: base64 already */
		return more[0] == '\0' ? data : none;
	plain = json_text_plain(opaque_seal(a, issuer, data), a);
	plain = arena_fmt(a, "%.*s%s", SARG(plain), more);
	n = (plain.n + 2) / 3 * 4;
	p = plain.n == 0 ? NULL : arena_bytes(a, n);
	if (p == NULL)
		return none;
	sb_init(&b, p, n);
	base64_put(&b, plain);
	return (struct json_text){ sb_slice(&b) };
}

struct chat_opaque gemini_open(struct json_text t, struct arena *a, bool *encrypted)
{
	const struct slice more = LIT(GEMINI_ENCRYPTED);
	struct chat_opaque o;
	struct slice coded;
	size_t n;
	char *p;

	*encrypted = false;
	if (!slice_starts(t.s, LIT(OPAQUE_MARK_BASE64)) || !gemini_base64(t, a, &coded))
		return opaque_open(t);
	p = arena_bytes(a, coded.n);
	if (p == NULL || !base64_read(coded, p, &n))
		return opaque_open(t);
	/* Whatever is in there came from the client: escaped like any text. */
	o = opaque_open(json_text_encode(slice_of(p, n), a));
	if (o.issuer.n == 0)
		return (struct chat_opaque){ .data = t };
	if (slice_ends(o.data.s, more)) {
		*encrypted = true;
		o.data.s.n -= more.n;
	}
	return o;
}

/* ---- bytes and characters -------------------------------------------------------------- */

static bool continues(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

static size_t chars_in(struct slice s)
{
	size_t n = 0;

	for (size_t i = 0; i < s.n; i++)
		n += !continues(s.p[i]);
	return n;
}

void gemini_map_add(struct gemini_map *m, struct json_text t, struct arena *keep)
{
	struct gemini_run *run;
	struct slice plain;
	size_t i = 0, chars;

	while (i < t.s.n && t.s.p[i] != '\\' && (unsigned char)t.s.p[i] < 0x80)
		i++;
	plain = i == t.s.n ? t.s : json_text_plain(t, keep);
	chars = i == t.s.n ? plain.n : chars_in(plain);
	if (chars != plain.n) {
		run = ARENA_NEW(keep, struct gemini_run);
		if (run == NULL)
			return;
		*run = (struct gemini_run){ .bytes = m->bytes,
					    .chars = m->chars,
					    .chars_end = m->chars + chars,
					    .text = arena_copy(keep, plain) };
		if (m->tail == NULL)
			m->tail = &m->runs;
		*m->tail = run;
		m->tail = &run->next;
	}
	m->bytes += plain.n;
	m->chars += chars;
}

size_t gemini_map_chars(const struct gemini_map *m, size_t bytes)
{
	size_t more = 0; /* bytes over characters, before `bytes` */

	for (const struct gemini_run *r = m->runs; r != NULL && r->bytes < bytes; r = r->next) {
		struct slice head = slice_head(r->text, bytes - r->bytes);

		more = r->bytes - r->chars + head.n - chars_in(head);
	}
	return bytes - more;
}

size_t gemini_map_bytes(const struct gemini_map *m, size_t chars)
{
	size_t more = 0;

	for (const struct gemini_run *r = m->runs; r != NULL && r->chars < chars; r = r->next) {
		size_t left = chars - r->chars, i = 0;

		while (i < r->text.n && (left > 0 || continues(r->text.p[i])))
			left -= !continues(r->text.p[i++]);
		more = r->bytes - r->chars + i - chars_in(slice_head(r->text, i));
	}
	return chars + more;
}
