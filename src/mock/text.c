#include "mock/text.h"

#include "base/hash.h"

static const struct slice words[] = {
	LITC("water"), LITC("over"),  LITC("the"),   LITC("weir"),   LITC("runs"),
	LITC("slow"),  LITC("and"),   LITC("clear"), LITC("below"),  LITC("it"),
	LITC("reeds"), LITC("stand"), LITC("in"),    LITC("mist"),   LITC("a"),
	LITC("heron"), LITC("waits"), LITC("for"),   LITC("small"),  LITC("fish"),
	LITC("while"), LITC("old"),   LITC("gates"), LITC("hold"),   LITC("what"),
	LITC("they"),  LITC("can"),   LITC("rest"),  LITC("spills"), LITC("down"),
	LITC("to"),    LITC("sea"),
};

struct slice text_word(uint64_t seed, uint64_t i)
{
	return words[hash_mix(seed * 1000003 + i) % ARRAY_LEN(words)];
}

void text_words(struct say *o, uint64_t seed, uint64_t tokens)
{
	for (uint64_t i = 0; i < tokens; i++) {
		if (i > 0)
			say_lit(o, " ");
		say_str(o, text_word(seed, i));
	}
}

/* ---- by schema ------------------------------------------------------------------- */

enum { SCHEMA_DEPTH_MAX = 24, SCHEMA_BYTES_MAX = 1 << 20 };

struct maker {
	struct say *o;
	const struct json *root;
	uint64_t seed;
	uint64_t made; /* values so far: numbers the words */
	unsigned depth;
};

static void make(struct maker *m, const struct json *schema);

/* "#/$defs/Step" */
static const struct json *referred(const struct json *root, struct slice ref)
{
	const struct json *at = root;
	struct slice part;

	if (!slice_starts(ref, LIT("#")))
		return NULL;
	ref = slice_skip(ref, 1);
	while (at != NULL && slice_starts(ref, LIT("/"))) {
		struct json_iter it;
		const struct json *value, *found = NULL;
		struct slice key, rest;

		ref = slice_skip(ref, 1);
		if (!slice_cut(ref, '/', &part, &rest))
			rest = slice_of(NULL, 0);
		ref = rest.n > 0 ? slice_of(rest.p - 1, rest.n + 1) : rest;
		json_iter_init(&it, at);
		while (json_iter_next(&it, &key, &value))
			if (slice_eq(key, part))
				found = value;
		at = found;
	}
	return at;
}

static void make_object(struct maker *m, const struct json *schema)
{
	struct json_iter it;
	const struct json *value;
	struct slice key;
	bool first = true;

	say_lit(m->o, "{");
	json_iter_init(&it, json_get(schema, "properties"));
	while (json_iter_next(&it, &key, &value)) {
		if (!first)
			say_lit(m->o, ",");
		first = false;
		say_json(m->o, key);
		say_lit(m->o, ":");
		make(m, value);
	}
	say_lit(m->o, "}");
}

static void make_array(struct maker *m, const struct json *schema)
{
	uint64_t n = json_uint(json_get(schema, "minItems"), 2);

	n = n > 16 ? 16 : n;
	say_lit(m->o, "[");
	for (uint64_t i = 0; i < n; i++) {
		if (i > 0)
			say_lit(m->o, ",");
		make(m, json_get(schema, "items"));
	}
	say_lit(m->o, "]");
}

static void make_number(struct maker *m, const struct json *schema, bool whole)
{
	double low = json_num(json_get(schema, "minimum"), 0);
	double v = low + (double)(hash_mix(m->seed + m->made) % 10);

	if (whole)
		say_fmt(m->o, "%.0f", v);
	else
		say_fmt(m->o, "%.2f", v + 0.25);
}

static void make_string(struct maker *m, const struct json *schema)
{
	uint64_t least = json_uint(json_get(schema, "minLength"), 1);
	uint64_t n = 0;

	least = least > 1000 ? 1000 : least;
	say_lit(m->o, "\"");
	for (uint64_t i = 0; n < least; i++) {
		struct slice w = text_word(m->seed, m->made + i);

		if (i > 0)
			say_lit(m->o, " ");
		say_str(m->o, w);
		n += w.n + (i > 0);
	}
	say_lit(m->o, "\"");
}

static void make_json(struct maker *m, const struct json *value)
{
	struct slice text;

	if (json_write(value, m->o->b.mem, &text) != OK) {
		m->o->failed = true;
		return;
	}
	say_str(m->o, text);
	mem_put(m->o->b.mem, (void *)(uintptr_t)text.p, text.n);
}

/* The schema itself, or what stands for it. */
static const struct json *followed(struct maker *m, const struct json *s)
{
	static const char *const choices[] = { "anyOf", "oneOf", "allOf" };

	for (unsigned hops = 0; hops < 8; hops++) {
		struct slice ref = json_str(json_get(s, "$ref"));
		const struct json *next = NULL;

		if (ref.n > 0)
			next = referred(m->root, ref);
		for (size_t i = 0; next == NULL && i < ARRAY_LEN(choices); i++)
			next = json_at(json_get(s, choices[i]), 0);
		if (next == NULL)
			return s;
		s = next;
	}
	return s;
}

static void make(struct maker *m, const struct json *schema)
{
	const struct json *type;
	struct slice t;

	schema = followed(m, schema);
	m->made++;
	if (++m->depth > SCHEMA_DEPTH_MAX || buf_len(&m->o->b) > SCHEMA_BYTES_MAX) {
		say_lit(m->o, "null");
		m->depth--;
		return;
	}
	type = json_get(schema, "type");
	/* Google writes them in capitals. */
	t = json_str(json_is_array(type) ? json_at(type, 0) : type);
	if (json_get(schema, "const") != NULL)
		make_json(m, json_get(schema, "const"));
	else if (json_len(json_get(schema, "enum")) > 0)
		make_json(m, json_at(json_get(schema, "enum"),
				     m->made % json_len(json_get(schema, "enum"))));
	else if (slice_ieq(t, LIT("object")) || json_get(schema, "properties") != NULL)
		make_object(m, schema);
	else if (slice_ieq(t, LIT("array")))
		make_array(m, schema);
	else if (slice_ieq(t, LIT("integer")) || slice_ieq(t, LIT("number")))
		make_number(m, schema, slice_ieq(t, LIT("integer")));
	else if (slice_ieq(t, LIT("boolean")))
		say_lit(m->o, hash_mix(m->seed + m->made) % 2 == 0 ? "true" : "false");
	else if (slice_ieq(t, LIT("null")))
		say_lit(m->o, "null");
	else
		make_string(m, schema);
	m->depth--;
}

void text_by_schema(struct say *o, const struct json *root, const struct json *schema,
		    uint64_t seed)
{
	struct maker m = { .o = o, .root = root, .seed = seed };

	make(&m, schema);
}
