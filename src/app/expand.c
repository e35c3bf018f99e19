#include "app/expand.h"

/* U+E000 and U+E001: as wide as a brace in characters, and nothing to YAML. */
#define OPEN  "\xee\x80\x80"
#define CLOSE "\xee\x80\x81"

enum { NAME_MAX_BYTES = 255 };

/* Counts, and writes where there is room: the first pass measures, the second fills. */
struct writer {
	char *p;
	size_t n;
};

static void put(struct writer *w, struct slice s)
{
	if (w->p != NULL && s.n > 0)
		memcpy(w->p + w->n, s.p, s.n);
	w->n += s.n;
}

static bool name_char(char c, bool first)
{
	return c == '_' || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
	       (!first && c >= '0' && c <= '9');
}

static size_t name_len(struct slice s)
{
	size_t n = 0;

	while (n < s.n && name_char(s.p[n], n == 0))
		n++;
	return n;
}

/* How long the reference at the start of `s` is ("${A:-b}"), or 0 when there is none. */
static size_t reference_len(struct slice s)
{
	size_t n, end;

	if (!slice_starts(s, LIT("${")))
		return 0;
	n = name_len(slice_skip(s, 2));
	if (n == 0)
		return 0;
	end = slice_find_char(s, '}');
	if (end == SLICE_NONE || memchr(s.p, '\n', end) != NULL)
		return 0;
	if (end != 2 + n && !slice_starts(slice_skip(s, 2 + n), LIT(":-")))
		return 0;
	return end + 1;
}

static void hide(struct writer *w, struct slice text)
{
	while (text.n > 0) {
		size_t at = slice_find_char(text, '$');
		size_t n;

		put(w, slice_head(text, at));
		text = slice_skip(text, at);
		if (text.n == 0)
			break;
		n = reference_len(text);
		if (n > 0) {
			put(w, LIT("$" OPEN));
			put(w, slice_of(text.p + 2, n - 3));
			put(w, LIT(CLOSE));
		} else {
			put(w, LIT("$"));
			n = 1;
		}
		text = slice_skip(text, n);
	}
}

static void show(struct writer *w, struct slice text)
{
	while (text.n > 0) {
		size_t n = 3;

		if (slice_starts(text, LIT(OPEN)))
			put(w, LIT("{"));
		else if (slice_starts(text, LIT(CLOSE)))
			put(w, LIT("}"));
		else
			put(w, slice_head(text, n = 1));
		text = slice_skip(text, n);
	}
}

static struct slice twice(void pass(struct writer *w, struct slice text), struct arena *a,
			  struct slice text)
{
	struct writer w = { 0 };

	pass(&w, text);
	w.p = arena_bytes(a, w.n);
	if (w.p == NULL)
		return slice_of(NULL, 0);
	w.n = 0;
	pass(&w, text);
	return slice_of(w.p, w.n);
}

struct slice expand_hide(struct arena *a, struct slice text)
{
	return slice_find(text, LIT("${")) == SLICE_NONE ? text : twice(hide, a, text);
}

struct slice expand_show(struct arena *a, struct slice hidden)
{
	if (slice_find(hidden, LIT("\xee\x80")) == SLICE_NONE)
		return hidden;
	return twice(show, a, hidden);
}

/* One reference without its braces: "A" or "A:-b". */
static bool put_reference(struct writer *w, struct slice inside, const struct config_env *env,
			  struct yaml_place at, struct problems *p)
{
	char name[NAME_MAX_BYTES + 1];
	size_t n = name_len(inside);
	struct slice rest = slice_skip(inside, n);
	const char *value;

	if (n == 0 || n > NAME_MAX_BYTES || (rest.n > 0 && !slice_starts(rest, LIT(":-")))) {
		problem_add(p, at,
			    "\"${\" is not followed by a variable's name; write ${NAME} or "
			    "${NAME:-default}, or $${ for the characters themselves");
		return false;
	}
	memcpy(name, inside.p, n);
	name[n] = '\0';
	value = env->get(env, name);
	if (value == NULL && rest.n == 0) {
		problem_add(
			p, at,
			"the environment variable %s is not set; set it, or give a default: "
			"${%s:-...}",
			name, name);
		return false;
	}
	if (rest.n > 0 && (value == NULL || value[0] == '\0'))
		put(w, slice_skip(rest, 2));
	else
		put(w, slice_cstr(value));
	return true;
}

static bool replace(struct writer *w, struct slice s, const struct config_env *env,
		    struct yaml_place at, struct problems *p)
{
	while (s.n > 0) {
		size_t dollar = slice_find_char(s, '$'), end;

		put(w, slice_head(s, dollar));
		s = slice_skip(s, dollar);
		if (slice_starts(s, LIT("$${"))) {
			put(w, LIT("${"));
			s = slice_skip(s, 3);
			continue;
		}
		if (!slice_starts(s, LIT("${"))) {
			put(w, slice_head(s, 1));
			s = slice_skip(s, 1);
			continue;
		}
		end = slice_find_char(s, '}');
		if (end == SLICE_NONE) {
			problem_add(p, at,
				    "\"${\" without its \"}\"; write $${ for the characters "
				    "themselves");
			return false;
		}
		if (!put_reference(w, slice_of(s.p + 2, end - 2), env, at, p))
			return false;
		s = slice_skip(s, end + 1);
	}
	return true;
}

bool expand(struct slice *out, struct arena *a, struct slice value,
	    const struct config_env *env, struct yaml_place at, struct problems *p)
{
	struct writer w = { 0 };

	value = expand_show(a, value);
	if (slice_find(value, LIT("${")) == SLICE_NONE) {
		*out = value;
		return true;
	}
	if (!replace(&w, value, env, at, p))
		return false;
	w.p = arena_bytes(a, w.n);
	if (w.p == NULL)
		return false;
	w.n = 0;
	if (!replace(&w, value, env, at, p))
		return false;
	*out = slice_of(w.p, w.n);
	return true;
}
