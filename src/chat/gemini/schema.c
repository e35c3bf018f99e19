#include "chat/gemini/gemini.h"

/* Two levels of JSON for each: json_out takes OUT_DEPTH_MAX. */
enum { SCHEMA_DEPTH_MAX = 28, ORDER_MAX = 256 /* properties put in order */ };

enum keyword {
	KEY_AS_IT_IS,
	KEY_DROPPED, /* said by another */
	KEY_TYPE,
	KEY_FORMAT,
	KEY_ENUM,
	KEY_EXAMPLE,
	KEY_COUNT, /* an int64, which protobuf's JSON may write as a string */
	KEY_SCHEMA,
	KEY_SCHEMAS,    /* an array of them */
	KEY_PROPERTIES, /* an object of them */
};

static const struct {
	const char *name, *other, *json; /* json: in JSON Schema; NULL: the first */
	enum keyword what;
} keywords[] = {
	{ "type", NULL, NULL, KEY_TYPE },
	{ "nullable", NULL, NULL, KEY_DROPPED },
	{ "propertyOrdering", "property_ordering", NULL, KEY_DROPPED },
	{ "format", NULL, NULL, KEY_FORMAT },
	{ "enum", NULL, NULL, KEY_ENUM },
	{ "example", NULL, "examples", KEY_EXAMPLE },
	{ "minItems", "min_items", NULL, KEY_COUNT },
	{ "maxItems", "max_items", NULL, KEY_COUNT },
	{ "minLength", "min_length", NULL, KEY_COUNT },
	{ "maxLength", "max_length", NULL, KEY_COUNT },
	{ "minProperties", "min_properties", NULL, KEY_COUNT },
	{ "maxProperties", "max_properties", NULL, KEY_COUNT },
	{ "items", NULL, NULL, KEY_SCHEMA },
	{ "additionalProperties", "additional_properties", NULL, KEY_SCHEMA },
	{ "anyOf", "any_of", NULL, KEY_SCHEMAS },
	{ "prefixItems", "prefix_items", NULL, KEY_SCHEMAS },
	{ "properties", NULL, NULL, KEY_PROPERTIES },
	{ "$defs", "defs", NULL, KEY_PROPERTIES },
	{ "$ref", "ref", NULL, KEY_AS_IT_IS },
};

struct schema {
	struct json_out *o;
	struct arena *a;
	unsigned depth;
};

static void schema_write(struct schema *x, struct slice value);

/* "STRING" -> "string" */
static void type_name(struct schema *x, struct slice value)
{
	struct slice s = json_text_of(value).s;
	char small[16];

	if (s.n == 0 || s.n > sizeof(small)) {
		out_json(x->o, value);
		return;
	}
	for (size_t i = 0; i < s.n; i++)
		small[i] = s.p[i] >= 'A' && s.p[i] <= 'Z' ? (char)(s.p[i] - 'A' + 'a') : s.p[i];
	out_text(x->o, (struct json_text){ slice_of(small, s.n) });
}

static void types(struct schema *x, struct slice value, bool nullable)
{
	struct json_array list = json_array(value);
	struct slice one;
	enum json_kind kind;

	if (json_string_is(value, LIT("TYPE_UNSPECIFIED")))
		return;
	out_key(x->o, "type");
	if (json_kind(value) != JSON_ARRAY && !nullable) {
		type_name(x, value);
		return;
	}
	out_array(x->o);
	if (json_kind(value) != JSON_ARRAY)
		type_name(x, value);
	while (json_array_next(&list, &one, &kind))
		type_name(x, one);
	if (nullable)
		out_lit(x->o, "null");
	out_close(x->o);
}

/* A list of plain values or of schemas, and null or its schema behind them. */
static void list_write(struct schema *x, struct slice value, bool schemas, bool nullable)
{
	struct json_array list = json_array(value);
	struct slice one;
	enum json_kind kind;

	out_array(x->o);
	while (json_array_next(&list, &one, &kind)) {
		if (schemas)
			schema_write(x, one);
		else
			out_json(x->o, one);
	}
	if (nullable && schemas)
		out_json(x->o, LIT("{\"type\":\"null\"}"));
	else if (nullable)
		out_null(x->o);
	out_close(x->o);
}

static void property(struct schema *x, const struct json_member *m)
{
	out_key_text(x->o, (struct json_text){ m->key });
	schema_write(x, m->value);
}

/* In the order that propertyOrdering asks for: elsewhere the order in the text is the one that
 * models keep. */
static void properties(struct schema *x, struct slice value, struct slice order)
{
	struct json_array list = json_array(order);
	bool done[ORDER_MAX] = { false };
	struct fields f;
	struct slice one;
	enum json_kind kind;
	size_t n = 0;

	if (!fields_read(&f, value, x->a)) {
		x->o->failed = true;
		return;
	}
	out_object(x->o);
	while (f.n <= ORDER_MAX && n++ < ORDER_MAX && json_array_next(&list, &one, &kind)) {
		const struct json_member *m =
			json_member_find(f.m, f.n, json_text_of(one).s, NULL);

		if (m == NULL || done[m - f.m])
			continue;
		done[m - f.m] = true;
		property(x, m);
	}
	for (size_t i = 0; i < f.n; i++)
		if (i >= ORDER_MAX || !done[i])
			property(x, &f.m[i]);
	out_close(x->o);
}

/* "3" -> 3 */
static void count(struct schema *x, struct slice value)
{
	struct slice s = json_text_of(value).s;
	uint64_t v;

	out_json(x->o, slice_u64(s, &v) ? s : value);
}

static void keyword(struct schema *x, const struct json_member *m, const struct fields *f,
		    bool nullable)
{
	const struct json_member *order;
	enum keyword what = KEY_AS_IT_IS;
	struct slice key = m->key;

	for (size_t i = 0; i < ARRAY_LEN(keywords); i++) {
		if (!slice_eq(m->key, slice_cstr(keywords[i].name)) &&
		    (keywords[i].other == NULL ||
		     !slice_eq(m->key, slice_cstr(keywords[i].other))))
			continue;
		what = keywords[i].what;
		key = slice_cstr(keywords[i].json != NULL ? keywords[i].json
							  : keywords[i].name);
		break;
	}
	if (m->kind == JSON_NULL && what != KEY_AS_IT_IS)
		return;
	if (what == KEY_DROPPED ||
	    (what == KEY_FORMAT && json_string_is(m->value, LIT("enum"))))
		return;
	if (what == KEY_TYPE) {
		types(x, m->value, nullable);
		return;
	}
	out_key_text(x->o, (struct json_text){ key });
	switch (what) {
	case KEY_ENUM:
		list_write(x, m->value, false, nullable);
		return;
	case KEY_EXAMPLE:
		out_array(x->o);
		out_json(x->o, m->value);
		out_close(x->o);
		return;
	case KEY_COUNT:
		count(x, m->value);
		return;
	case KEY_SCHEMA:
		schema_write(x, m->value);
		return;
	case KEY_SCHEMAS:
		list_write(x, m->value, true, nullable && slice_eq(key, LIT("anyOf")));
		return;
	case KEY_PROPERTIES:
		order = gemini_field(f, "propertyOrdering", NULL);
		properties(x, m->value, order != NULL ? order->value : slice_of(NULL, 0));
		return;
	case KEY_AS_IT_IS:
	case KEY_FORMAT:
	case KEY_TYPE:
	case KEY_DROPPED:
		out_json(x->o, m->value);
		return;
	}
}

static void schema_write(struct schema *x, struct slice value)
{
	struct fields f;
	bool nullable;

	if (json_kind(value) != JSON_OBJECT) { /* additionalProperties: false */
		out_json(x->o, value);
		return;
	}
	if (x->depth == SCHEMA_DEPTH_MAX || !fields_read(&f, value, x->a)) {
		x->o->failed = true;
		return;
	}
	x->depth++;
	nullable = field_tri(&f, "nullable") == YES;
	out_object(x->o);
	for (size_t i = 0; i < f.n; i++)
		keyword(x, &f.m[i], &f, nullable);
	out_close(x->o);
	x->depth--;
}

struct slice gemini_schema_read(struct slice schema, struct arena *a)
{
	struct json_out o;
	struct schema x = { .o = &o, .a = a };

	out_init(&o, a);
	schema_write(&x, schema);
	return out_slice(&o);
}

bool gemini_schema_empty(struct slice schema, struct arena *a)
{
	static const char *const says[] = {
		"$ref", "anyOf", "oneOf", "allOf", "additionalProperties", "patternProperties"
	};
	struct fields f, p;

	if (schema.n == 0)
		return true;
	if (json_kind(schema) != JSON_OBJECT || !fields_read(&f, schema, a))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(says); i++)
		if (field(&f, says[i]) != NULL &&
		    json_kind(field_json(&f, says[i])) != JSON_BOOL)
			return false;
	if (field(&f, "type") != NULL && !field_is(&f, "type", "object"))
		return false;
	return fields_read(&p, field_json(&f, "properties"), a) && p.n == 0;
}
