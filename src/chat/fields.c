#include "chat/fields.h"

bool fields_read(struct fields *f, struct slice object, struct arena *a)
{
	/* A whole body may begin with line ends. */
	while (object.n > 0 && (unsigned char)object.p[0] <= ' ')
		object = slice_skip(object, 1);
	f->m = f->few;
	f->n = json_object(object, f->few, ARRAY_LEN(f->few));
	if (f->n <= ARRAY_LEN(f->few))
		return true;
	f->m = f->n > FIELDS_MAX ? NULL : arena_get(a, f->n * sizeof(*f->m));
	if (f->m == NULL) {
		f->n = 0;
		return false;
	}
	json_object(object, f->m, f->n);
	return true;
}

/* Without what JSON allows around a value. */
static struct slice trimmed(struct slice s)
{
	while (s.n > 0 && (unsigned char)s.p[0] <= ' ')
		s = slice_skip(s, 1);
	while (s.n > 0 && (unsigned char)s.p[s.n - 1] <= ' ')
		s.n--;
	return s;
}

enum rc fields_scan(struct fields *f, struct slice text, struct arena *a, enum json_kind *kind,
		    struct json_problem *p)
{
	struct json_problem none;
	enum rc rc;

	if (p == NULL)
		p = &none;
	f->m = f->few;
	rc = json_scan(text, kind, f->few, ARRAY_LEN(f->few), &f->n, p);
	if (rc != OK || f->n <= ARRAY_LEN(f->few))
		return rc;
	p->what = NULL;
	if (f->n > FIELDS_MAX) {
		f->n = 0;
		return E_TOOBIG;
	}
	return fields_read(f, trimmed(text), a) ? OK : E_NOMEM;
}

const struct json_member *field(const struct fields *f, const char *name)
{
	const struct json_member *m = json_member_find(f->m, f->n, slice_cstr(name), NULL);

	return m == NULL || m->kind == JSON_NULL ? NULL : m;
}

static struct slice of_kind(const struct fields *f, const char *name, enum json_kind kind)
{
	const struct json_member *m = field(f, name);

	return m != NULL && m->kind == kind ? m->value : (struct slice){ NULL, 0 };
}

struct slice field_json(const struct fields *f, const char *name)
{
	const struct json_member *m = field(f, name);

	return m != NULL ? m->value : (struct slice){ NULL, 0 };
}

struct slice field_object(const struct fields *f, const char *name)
{
	return of_kind(f, name, JSON_OBJECT);
}

struct slice field_array(const struct fields *f, const char *name)
{
	return of_kind(f, name, JSON_ARRAY);
}

struct slice field_number(const struct fields *f, const char *name)
{
	return of_kind(f, name, JSON_NUMBER);
}

struct json_text field_text(const struct fields *f, const char *name)
{
	return json_text_of(of_kind(f, name, JSON_STRING));
}

struct slice field_plain(const struct fields *f, const char *name, struct arena *a)
{
	return json_text_plain(field_text(f, name), a);
}

bool field_is(const struct fields *f, const char *name, const char *text)
{
	struct slice s = of_kind(f, name, JSON_STRING);

	return s.n > 0 && json_string_is(s, slice_cstr(text));
}

uint64_t field_u64(const struct fields *f, const char *name, uint64_t other)
{
	uint64_t v;

	return json_u64(field_number(f, name), &v) ? v : other;
}

enum tri field_tri(const struct fields *f, const char *name)
{
	bool v;

	if (!json_bool(of_kind(f, name, JSON_BOOL), &v))
		return UNSET;
	return v ? YES : NO;
}
