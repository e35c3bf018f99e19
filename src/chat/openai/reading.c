#include "chat/openai/reading.h"

#include "base/sb.h"

enum { WHERE_DEPTH = 12 };

static void path_of(struct sb *b, const struct where *w, const char *name)
{
	const struct where *chain[WHERE_DEPTH];
	size_t n = 0;

	for (; w != NULL && n < ARRAY_LEN(chain); w = w->up)
		chain[n++] = w;
	while (n-- > 0) {
		if (chain[n]->name == NULL)
			sb_fmt(b, "[%zu]", chain[n]->index);
		else
			sb_fmt(b, "%s%s", b->n > 0 ? "." : "", chain[n]->name);
	}
	if (name != NULL)
		sb_fmt(b, "%s%s", b->n > 0 ? "." : "", name);
}

void refuse_at(struct reading *rd, const struct where *w, const char *name, const char *code,
	       const char *text)
{
	char path[sizeof(rd->why->param)];
	struct sb b;

	if (rd->rc != OK)
		return;
	sb_init(&b, path, sizeof(path));
	path_of(&b, w, name);
	sb_cstr(&b);
	rd->rc = refuse_request(rd->why, code, path, "The field \"%s\" %s.", path, text);
}

static const char *must_be(unsigned wanted)
{
	switch (wanted) {
	case WANT_STRING:
		return "must be a string";
	case WANT_NUMBER:
		return "must be a number";
	case WANT_BOOL:
		return "must be true or false";
	case WANT_ARRAY:
		return "must be an array";
	case WANT_OBJECT:
		return "must be an object";
	case WANT_STRING | WANT_ARRAY:
		return "must be a string or an array";
	case WANT_STRING | WANT_OBJECT:
		return "must be a string or an object";
	default:
		return "is of the wrong type";
	}
}

bool typed(struct reading *rd, const struct where *w, const char *name, struct slice value,
	   unsigned wanted)
{
	if (value.n == 0 || (wanted & (1U << json_kind(value))) != 0)
		return true;
	refuse_at(rd, w, name, "invalid_type", must_be(wanted));
	return false;
}

bool members(struct reading *rd, const struct where *w, struct slice object, struct fields *f)
{
	f->n = 0;
	if (json_kind(object) != JSON_OBJECT) {
		refuse_at(rd, w, NULL, "invalid_type", must_be(WANT_OBJECT));
		return false;
	}
	if (fields_read(f, object, rd->a))
		return true;
	if (rd->rc == OK && arena_failed(rd->a))
		rd->rc = E_NOMEM;
	refuse_at(rd, w, NULL, "too_many_fields", "has too many members");
	return false;
}

struct slice take(struct reading *rd, const struct fields *f, const struct where *w,
		  const char *name, unsigned wanted)
{
	const struct slice none = { NULL, 0 };
	const struct json_member *m;
	bool twice;

	m = json_member_find(f->m, f->n, slice_cstr(name), &twice);
	if (twice) {
		refuse_at(rd, w, name, "duplicate_field", "is there twice; send it once");
		return none;
	}
	if (m == NULL || m->kind == JSON_NULL || !typed(rd, w, name, m->value, wanted))
		return none;
	return m->value;
}

struct json_text take_text(struct reading *rd, const struct fields *f, const struct where *w,
			   const char *name)
{
	return json_text_of(take(rd, f, w, name, WANT_STRING));
}

struct json_text take_needed(struct reading *rd, const struct fields *f, const struct where *w,
			     const char *name)
{
	struct json_text t = take_text(rd, f, w, name);

	if (json_text_empty(t))
		refuse_at(rd, w, name,
			  field(f, name) == NULL ? "missing_field" : "invalid_value",
			  field(f, name) == NULL ? "is missing" : "must not be empty");
	return t;
}

enum tri take_tri(struct reading *rd, const struct fields *f, const struct where *w,
		  const char *name)
{
	bool v;

	if (!json_bool(take(rd, f, w, name, WANT_BOOL), &v))
		return UNSET;
	return v ? YES : NO;
}

uint64_t whole(struct reading *rd, const struct where *w, const char *name, struct slice value)
{
	uint64_t v = 0;

	if (value.n > 0 && typed(rd, w, name, value, WANT_NUMBER) && !json_u64(value, &v))
		refuse_at(rd, w, name, "invalid_value", "must be a whole number, 0 or more");
	return v;
}
