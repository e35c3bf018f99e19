#include "chat/bedrock/reading.h"

#include "base/sb.h"

/* ---- where ----------------------------------------------------------------------------- */

static void where_put(struct sb *b, const struct where *at)
{
	if (at == NULL)
		return;
	where_put(b, at->up); /* as deep as the code that reads: a dozen at most */
	if (at->name == NULL) {
		sb_char(b, '[');
		sb_u64(b, at->index);
		sb_char(b, ']');
		return;
	}
	if (b->n > 0)
		sb_char(b, '.');
	sb_lit(b, at->name);
}

void bedrock_refuse(struct reading *rd, const struct where *at, const char *name,
		    const char *code, const char *text)
{
	const struct where member = { .up = at, .name = name };
	char path[sizeof(rd->why->param)];
	struct sb b;

	if (rd->rc != OK)
		return;
	sb_init(&b, path, sizeof(path));
	where_put(&b, name == NULL ? at : &member);
	rd->rc = refuse_request(rd->why, code, sb_cstr(&b), "%s %s.", path, text);
}

/* ---- members --------------------------------------------------------------------------- */

static const char *kind_text(enum json_kind kind)
{
	switch (kind) {
	case JSON_NULL:
		return "must be null";
	case JSON_BOOL:
		return "must be true or false";
	case JSON_NUMBER:
		return "must be a number";
	case JSON_STRING:
		return "must be a string";
	case JSON_ARRAY:
		return "must be an array";
	case JSON_OBJECT:
		return "must be an object";
	}
	return "has a wrong type";
}

bool bedrock_members(struct reading *rd, const struct where *at, struct slice object,
		     struct fields *f)
{
	f->n = 0;
	f->m = f->few;
	if (rd->rc != OK)
		return false;
	if (json_kind(object) != JSON_OBJECT) {
		bedrock_refuse(rd, at, NULL, "invalid_type", kind_text(JSON_OBJECT));
		return false;
	}
	if (!fields_read(f, object, rd->a))
		rd->rc = E_NOMEM;
	return rd->rc == OK;
}

struct slice bedrock_take(struct reading *rd, const struct fields *f, const struct where *at,
			  const char *name, enum json_kind kind, bool needed)
{
	const struct slice none = { NULL, 0 };
	const struct json_member *m;
	bool twice;

	if (rd->rc != OK)
		return none;
	m = json_member_find(f->m, f->n, slice_cstr(name), &twice);
	if (twice) {
		bedrock_refuse(rd, at, name, "duplicate_field", "is there twice");
		return none;
	}
	if (m == NULL || m->kind == JSON_NULL) {
		if (needed)
			bedrock_refuse(rd, at, name, "missing_field", "is required");
		return none;
	}
	if (m->kind != kind) {
		bedrock_refuse(rd, at, name, "invalid_type", kind_text(kind));
		return none;
	}
	return m->value;
}

struct json_text bedrock_text(struct reading *rd, const struct fields *f,
			      const struct where *at, const char *name, bool needed)
{
	return json_text_of(bedrock_take(rd, f, at, name, JSON_STRING, needed));
}

uint64_t bedrock_whole(struct reading *rd, const struct fields *f, const struct where *at,
		       const char *name)
{
	struct slice value = bedrock_take(rd, f, at, name, JSON_NUMBER, false);
	uint64_t v = 0;

	if (value.n > 0 && (!json_u64(value, &v) || v == 0))
		bedrock_refuse(rd, at, name, "invalid_value",
			       "must be a whole number over zero");
	return v;
}

enum cache_mark bedrock_cache(struct reading *rd, const struct where *at, struct slice point)
{
	struct json_text ttl;
	struct fields f;

	if (!bedrock_members(rd, at, point, &f))
		return CACHE_NONE;
	ttl = bedrock_text(rd, &f, at, "ttl", false);
	if (json_text_empty(ttl))
		return CACHE_DEFAULT;
	if (json_text_is(ttl, LIT("5m")))
		return CACHE_5M;
	if (!json_text_is(ttl, LIT("1h")))
		bedrock_refuse(rd, at, "ttl", "invalid_value", "must be \"5m\" or \"1h\"");
	return CACHE_1H;
}
