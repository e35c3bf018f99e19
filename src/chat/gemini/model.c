#include "chat/gemini/gemini.h"

/* ---- names of members ------------------------------------------------------------------ */

const struct json_member *gemini_field(const struct fields *f, const char *camel, bool *twice)
{
	const struct json_member *m = NULL, *other = NULL;
	bool again = false, again_other = false;
	char snake[64];
	size_t n = 0;

	m = json_member_find(f->m, f->n, slice_cstr(camel), &again);
	for (const char *p = camel; *p != '\0' && n + 2 < sizeof(snake); p++) {
		bool upper = *p >= 'A' && *p <= 'Z';

		if (upper)
			snake[n++] = '_';
		snake[n++] = upper ? (char)(*p - 'A' + 'a') : *p;
	}
	if (n > strlen(camel))
		other = json_member_find(f->m, f->n, slice_of(snake, n), &again_other);
	if (twice != NULL)
		*twice = again || again_other || (m != NULL && other != NULL);
	m = m != NULL && m->kind != JSON_NULL ? m : other;
	return m == NULL || m->kind == JSON_NULL ? NULL : m;
}

/* ---- models ---------------------------------------------------------------------------- */

static unsigned number(struct slice *s)
{
	unsigned v = 0;

	while (s->n > 0 && s->p[0] >= '0' && s->p[0] <= '9' && v < 1000) {
		v = v * 10 + (unsigned)(s->p[0] - '0');
		*s = slice_skip(*s, 1);
	}
	return v;
}

struct gemini_model gemini_model_of(struct slice name)
{
	struct gemini_model m = { .major = 3 };
	size_t at = slice_find(name, LIT("gemini-"));
	struct slice rest;

	if (at == SLICE_NONE) {
		m.gemma = slice_find(name, LIT("gemma")) != SLICE_NONE;
		return m;
	}
	rest = slice_skip(name, at + sizeof("gemini-") - 1);
	m.pro = slice_find(rest, LIT("pro")) != SLICE_NONE;
	m.lite = slice_find(rest, LIT("lite")) != SLICE_NONE;
	if (rest.n == 0 || rest.p[0] < '0' || rest.p[0] > '9')
		return m; /* gemini-flash-latest, gemini-exp-1206 */
	m.major = number(&rest);
	if (rest.n > 1 && rest.p[0] == '.') {
		rest = slice_skip(rest, 1);
		m.minor = number(&rest);
	}
	return m;
}
