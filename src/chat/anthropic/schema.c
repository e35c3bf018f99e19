/* JSON Schema as structured output takes it: the keywords that the API refuses go into the
 * description, where the model reads them, and objects are closed.
 * Source: Anthropic's "Structured outputs", JSON Schema limitations. */
#include "chat/anthropic/anthropic.h"

/* Deeper parts are left as they are: out_object() has an end. */
enum { SCHEMA_DEPTH_MAX = 24 };

enum how {
	HOW_AS_IT_IS,
	HOW_REFUSED,
	HOW_SCHEMA,  /* one */
	HOW_SCHEMAS, /* a list of them */
	HOW_MAP,     /* by name */
	HOW_FORMAT,
	HOW_ADDITIONAL,
	HOW_DESCRIPTION,
};

static enum how how_of(struct slice key)
{
	static const struct {
		const char *name;
		enum how how;
	} known[] = {
		{ "minimum", HOW_REFUSED },
		{ "maximum", HOW_REFUSED },
		{ "exclusiveMinimum", HOW_REFUSED },
		{ "exclusiveMaximum", HOW_REFUSED },
		{ "multipleOf", HOW_REFUSED },
		{ "minLength", HOW_REFUSED },
		{ "maxLength", HOW_REFUSED },
		{ "pattern", HOW_REFUSED },
		{ "minItems", HOW_REFUSED },
		{ "maxItems", HOW_REFUSED },
		{ "uniqueItems", HOW_REFUSED },
		{ "minProperties", HOW_REFUSED },
		{ "maxProperties", HOW_REFUSED },
		{ "not", HOW_REFUSED },
		{ "items", HOW_SCHEMA },
		{ "anyOf", HOW_SCHEMAS },
		{ "allOf", HOW_SCHEMAS },
		{ "oneOf", HOW_SCHEMAS },
		{ "prefixItems", HOW_SCHEMAS },
		{ "properties", HOW_MAP },
		{ "$defs", HOW_MAP },
		{ "definitions", HOW_MAP },
		{ "format", HOW_FORMAT },
		{ "additionalProperties", HOW_ADDITIONAL },
		{ "description", HOW_DESCRIPTION },
	};

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (slice_eq(key, slice_cstr(known[i].name)))
			return known[i].how;
	return HOW_AS_IT_IS;
}

static bool format_taken(struct slice value)
{
	static const char *const taken[] = { "date-time", "time", "date", "duration", "email",
					     "hostname",  "uri",  "ipv4", "ipv6",     "uuid" };

	for (size_t i = 0; i < ARRAY_LEN(taken); i++)
		if (json_string_is(value, slice_cstr(taken[i])))
			return true;
	return false;
}

static bool refused(const struct json_member *m)
{
	enum how how = how_of(m->key);

	return how == HOW_REFUSED || (how == HOW_FORMAT && !format_taken(m->value));
}

/* An object must be closed. */
static bool is_object(const struct fields *f)
{
	return field_is(f, "type", "object") || field_object(f, "properties").n > 0;
}

static bool is_closed(const struct fields *f)
{
	return field_tri(f, "additionalProperties") == NO;
}

static bool dirty(struct slice schema, struct arena *a, unsigned depth);

static bool any_dirty(struct slice list, struct arena *a, unsigned depth)
{
	struct json_array it = json_array(list);
	enum json_kind kind;
	struct slice value;

	while (json_array_next(&it, &value, &kind))
		if (dirty(value, a, depth))
			return true;
	return false;
}

static bool map_dirty(struct slice map, struct arena *a, unsigned depth)
{
	struct fields f;

	if (!fields_read(&f, map, a))
		return false;
	for (size_t i = 0; i < f.n; i++)
		if (dirty(f.m[i].value, a, depth))
			return true;
	return false;
}

/* Something in it must be written differently. */
static bool dirty(struct slice schema, struct arena *a, unsigned depth)
{
	struct fields f;

	if (depth == SCHEMA_DEPTH_MAX || json_kind(schema) != JSON_OBJECT ||
	    !fields_read(&f, schema, a))
		return false;
	if (is_object(&f) && !is_closed(&f))
		return true;
	for (size_t i = 0; i < f.n; i++) {
		const struct json_member *m = &f.m[i];
		enum how how = how_of(m->key);

		if (refused(m) || (how == HOW_SCHEMA && dirty(m->value, a, depth + 1)) ||
		    (how == HOW_SCHEMAS && any_dirty(m->value, a, depth + 1)) ||
		    (how == HOW_MAP && map_dirty(m->value, a, depth + 1)))
			return true;
	}
	return false;
}

/* The words that stand for what was refused: "... (minimum: 1, pattern: \"^a\")". */
static bool description_out(struct json_out *o, const struct fields *f)
{
	struct json_text said = field_text(f, "description");
	bool any = false;

	for (size_t i = 0; i < f->n; i++) {
		if (!refused(&f->m[i]))
			continue;
		if (!any) {
			out_key(o, "description");
			out_text_open(o);
			out_text_part(o, said);
		}
		out_str_part(o, any ? LIT(", ") : json_text_empty(said) ? LIT("(") : LIT(" ("));
		out_text_part(o, (struct json_text){ f->m[i].key });
		out_str_part(o, LIT(": "));
		out_str_part(o, f->m[i].value);
		any = true;
	}
	if (any) {
		out_str_part(o, LIT(")"));
		out_text_close(o);
	} else if (!json_text_empty(said)) {
		out_key(o, "description");
		out_text(o, said);
	}
	return any;
}

static bool schema_out(struct json_out *o, struct slice schema, struct arena *a,
		       unsigned depth);

static bool list_out(struct json_out *o, struct slice list, struct arena *a, unsigned depth)
{
	struct json_array it = json_array(list);
	enum json_kind kind;
	struct slice value;
	bool moved = false;

	out_array(o);
	while (json_array_next(&it, &value, &kind))
		moved |= schema_out(o, value, a, depth);
	out_close(o);
	return moved;
}

static bool map_out(struct json_out *o, struct slice map, struct arena *a, unsigned depth)
{
	struct fields f;
	bool moved = false;

	if (json_kind(map) != JSON_OBJECT || !fields_read(&f, map, a)) {
		out_json(o, map);
		return false;
	}
	out_object(o);
	for (size_t i = 0; i < f.n; i++) {
		out_key_text(o, (struct json_text){ f.m[i].key });
		moved |= schema_out(o, f.m[i].value, a, depth);
	}
	out_close(o);
	return moved;
}

static bool member_out(struct json_out *o, const struct json_member *m, struct arena *a,
		       unsigned depth)
{
	enum how how = how_of(m->key);

	if (refused(m) || how == HOW_ADDITIONAL || how == HOW_DESCRIPTION)
		return false; /* written at the end */
	out_key_text(o, (struct json_text){ m->key });
	if (how == HOW_SCHEMA)
		return schema_out(o, m->value, a, depth);
	if (how == HOW_SCHEMAS && m->kind == JSON_ARRAY)
		return list_out(o, m->value, a, depth);
	if (how == HOW_MAP)
		return map_out(o, m->value, a, depth);
	out_json(o, m->value);
	return false;
}

static bool schema_out(struct json_out *o, struct slice schema, struct arena *a, unsigned depth)
{
	struct fields f;
	bool moved = false, open;

	if (depth == SCHEMA_DEPTH_MAX || json_kind(schema) != JSON_OBJECT ||
	    !fields_read(&f, schema, a)) {
		out_json(o, schema);
		return false;
	}
	out_object(o);
	for (size_t i = 0; i < f.n; i++)
		moved |= member_out(o, &f.m[i], a, depth + 1);
	moved |= description_out(o, &f);
	open = field(&f, "additionalProperties") != NULL && !is_closed(&f);
	if (is_object(&f) || field(&f, "additionalProperties") != NULL) {
		out_key(o, "additionalProperties");
		out_bool(o, false);
	}
	out_close(o);
	return moved || open;
}

bool claude_schema_out(struct json_out *o, struct slice schema, struct arena *a)
{
	if (!dirty(schema, a, 0)) {
		out_json(o, schema);
		return false;
	}
	return schema_out(o, schema, a, 0);
}
