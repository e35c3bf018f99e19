/* Quirks of parameters, tools and formats.  What is not an edit of some bytes is in no place
 * here: the body is never written anew. */
#include "chat/openai/quirks.h"

enum { OBJECT_MEMBERS = 64 };

bool quirk_may_lose(const struct quirk_edit *q, const char *name)
{
	/* Where nobody is told, the provider's own error is the better answer. */
	if (q->t->lost == NULL)
		return false;
	lost_param(q->t->lost, name);
	return true;
}

static const char *end_of(struct slice s)
{
	return s.p + s.n;
}

static void cut(struct quirk_edit *q, const char *from, const char *to, struct slice put)
{
	json_edit_part(q->x, slice_of(from, (size_t)(to - from)), put);
}

/* With the comma before it, unless all before it go too: then with the one after it. */
void quirk_cut_members(struct quirk_edit *q, const struct json_member *m, size_t n,
		       const bool *gone)
{
	bool leads = true;

	for (size_t i = 0; i < n; i++) {
		if (!gone[i])
			leads = false;
		else if (!leads)
			cut(q, end_of(m[i - 1].value), end_of(m[i].value), LIT(""));
		else
			cut(q, m[i].key.p - 1,
			    i + 1 < n ? m[i + 1].key.p - 1 : end_of(m[i].value), LIT(""));
	}
}

/* A member that is there, not null, and not left out for another reason. */
static const struct json_member *kept(const struct quirk_edit *q, const char *name)
{
	const struct json_member *m =
		json_member_find(q->r->m, q->r->n, slice_cstr(name), NULL);

	if (m == NULL || m->kind == JSON_NULL)
		return NULL;
	for (size_t i = 0; i < q->t->drop_param_n; i++)
		if (slice_eq(q->t->drop_params[i], slice_cstr(name)))
			return NULL;
	return m;
}

static void remove_member(struct quirk_edit *q, const struct json_member *m)
{
	json_edit_remove(q->x, (size_t)(m - q->r->m));
}

static void rename_member(struct quirk_edit *q, const char *from, struct slice to)
{
	const struct json_member *m = kept(q, from);

	if (m == NULL)
		return;
	if (json_member_find(q->r->m, q->r->n, to, NULL) != NULL)
		remove_member(q, m);
	else
		json_edit_part(q->x, m->key, to);
}

/* ---- parameters -------------------------------------------------------------------------- */

static void one_answer(struct quirk_edit *q)
{
	const struct json_member *m = kept(q, "n");
	uint64_t n = 0;

	if (m != NULL && ((json_u64(m->value, &n) && n <= 1) || quirk_may_lose(q, "n")))
		remove_member(q, m);
}

static void lower_temperature(struct quirk_edit *q, double most, struct slice text)
{
	const struct json_member *m = kept(q, "temperature");
	char room[64];

	if (m == NULL || m->kind != JSON_NUMBER || m->value.n >= sizeof(room))
		return;
	memcpy(room, m->value.p, m->value.n);
	room[m->value.n] = '\0';
	if (strtod(room, NULL) > most && quirk_may_lose(q, "temperature"))
		json_edit_replace(q->x, (size_t)(m - q->r->m), text);
}

/* {"logprobs":true,"top_logprobs":5} is {"logprobs":5}. */
static void count_logprobs(struct quirk_edit *q)
{
	const struct json_member *m = kept(q, "logprobs"), *top = kept(q, "top_logprobs");
	bool wanted = false;

	if (m != NULL && !json_bool(m->value, &wanted))
		return; /* in its own form already */
	if (m != NULL && wanted)
		json_edit_replace(q->x, (size_t)(m - q->r->m),
				  top != NULL && top->kind == JSON_NUMBER ? top->value
									  : LIT("1"));
	else if (m != NULL)
		remove_member(q, m);
	if (top != NULL)
		remove_member(q, top);
}

static void parameters(struct quirk_edit *q)
{
	if (has_quirk(q, QUIRK_MODEL_ID))
		json_edit_part(q->x,
			       json_member_find(q->r->m, q->r->n, LIT("model"), NULL)->key,
			       LIT("model_id"));
	if (has_quirk(q, QUIRK_RANDOM_SEED))
		rename_member(q, "seed", LIT("random_seed"));
	if (has_quirk(q, QUIRK_ONE_ANSWER))
		one_answer(q);
	if (has_quirk(q, QUIRK_TEMPERATURE_1))
		lower_temperature(q, 1, LIT("1"));
	else if (has_quirk(q, QUIRK_TEMPERATURE_1_5))
		lower_temperature(q, 1.5, LIT("1.5"));
	if (has_quirk(q, QUIRK_INT_LOGPROBS) && q->r->endpoint == OPENAI_CHAT)
		count_logprobs(q);
}

/* ---- schemas ------------------------------------------------------------------------------
 */

/* The members of an object inside the body; NULL when it is none, or on no memory. */
static struct json_member *members(struct quirk_edit *q, struct slice object,
				   struct json_member *few, size_t *n)
{
	struct json_member *m = few;

	*n = json_object(object, few, OBJECT_MEMBERS);
	if (*n <= OBJECT_MEMBERS)
		return m;
	m = arena_get(q->a, *n * sizeof(*m));
	if (m != NULL)
		json_object(object, m, *n);
	return m;
}

/* Under these the keys are names of the schema's author. */
static bool holds_names(const struct json_member *m)
{
	static const char *const names[] = { "properties", "$defs", "definitions",
					     "patternProperties" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (json_member_find(m, 1, slice_cstr(names[i]), NULL) != NULL)
			return true;
	return false;
}

static void clean_schema(struct quirk_edit *q, struct slice value, bool names, unsigned depth);

static void clean_list(struct quirk_edit *q, struct slice list, unsigned depth)
{
	struct json_array a = json_array(list);
	enum json_kind kind;
	struct slice v;

	while (json_array_next(&a, &v, &kind))
		clean_schema(q, v, false, depth);
}

/* Takes additionalProperties out of a schema and all inside it.  `names`: the keys of this
 * object are names, not words of JSON Schema. */
static void clean_schema(struct quirk_edit *q, struct slice value, bool names, unsigned depth)
{
	enum json_kind kind = json_kind(value);
	struct json_member *m;
	bool *gone;
	size_t n;

	if (depth == JSON_DEPTH_MAX) /* the scan allows no deeper ones */
		return;
	if (kind == JSON_ARRAY)
		clean_list(q, value, depth + 1);
	if (kind != JSON_OBJECT)
		return;
	n = json_object(value, NULL, 0);
	if (n == 0)
		return;
	m = ARENA_ARRAY(q->a, struct json_member, n);
	gone = ARENA_ARRAY(q->a, bool, n);
	if (m == NULL || gone == NULL)
		return;
	json_object(value, m, n);
	for (size_t i = 0; i < n; i++) {
		gone[i] = !names &&
			  json_member_find(&m[i], 1, LIT("additionalProperties"), NULL) != NULL;
		if (gone[i])
			gone[i] = quirk_may_lose(q, "additionalProperties");
		else
			clean_schema(q, m[i].value, !names && holds_names(&m[i]), depth + 1);
	}
	quirk_cut_members(q, m, n, gone);
}

/* `strict`, `schema` or `parameters` inside a tool's function or a format's json_schema. */
static void clean_definition(struct quirk_edit *q, struct slice object, const char *schema,
			     bool bare)
{
	struct json_member few[OBJECT_MEMBERS], *m;
	bool gone[OBJECT_MEMBERS] = { false };
	size_t n;

	m = members(q, object, few, &n);
	if (m == NULL || n > OBJECT_MEMBERS)
		return;
	for (size_t i = 0; i < n; i++) {
		bool strict = false;

		if (json_member_find(&m[i], 1, LIT("strict"), NULL) != NULL) {
			gone[i] = has_quirk(q, QUIRK_NO_STRICT) || bare;
			if (!bare && gone[i] && json_bool(m[i].value, &strict) && strict)
				gone[i] = quirk_may_lose(q, "strict");
		} else if (bare &&
			   (json_member_find(&m[i], 1, LIT("name"), NULL) != NULL ||
			    json_member_find(&m[i], 1, LIT("description"), NULL) != NULL)) {
			gone[i] = true;
		} else if (has_quirk(q, QUIRK_NO_ADDITIONAL) &&
			   json_member_find(&m[i], 1, slice_cstr(schema), NULL) != NULL) {
			clean_schema(q, m[i].value, false, 0);
		}
	}
	quirk_cut_members(q, m, n, gone);
}

static void tools(struct quirk_edit *q)
{
	const struct json_member *m = kept(q, "tools"), *f;
	struct json_member few[OBJECT_MEMBERS], *t;
	struct json_array a;
	enum json_kind kind;
	struct slice tool;
	size_t n;

	if (m == NULL)
		return;
	a = json_array(m->value);
	while (json_array_next(&a, &tool, &kind)) {
		t = members(q, tool, few, &n);
		f = t == NULL ? NULL : json_member_find(t, n, LIT("function"), NULL);
		if (f != NULL)
			clean_definition(q, f->value, "parameters", false);
	}
}

static void tool_choice(struct quirk_edit *q)
{
	const struct json_member *m = kept(q, "tool_choice");
	bool required;

	if (m == NULL)
		return;
	required = json_string_is(m->value, LIT("required"));
	if (has_quirk(q, QUIRK_CHOICE_AUTO)) {
		if ((required || m->kind == JSON_OBJECT) && quirk_may_lose(q, "tool_choice"))
			remove_member(q, m);
	} else if (has_quirk(q, QUIRK_CHOICE_OPTION)) {
		if (m->kind == JSON_STRING)
			rename_member(q, "tool_choice", LIT("tool_choice_option"));
	} else if (has_quirk(q, QUIRK_CHOICE_ANY) && required) {
		json_edit_replace(q->x, (size_t)(m - q->r->m), LIT("\"any\""));
	}
}

static void response_format(struct quirk_edit *q)
{
	const struct json_member *m = kept(q, "response_format"), *type, *schema;
	struct json_member few[8];
	size_t n;

	if (m == NULL || m->kind != JSON_OBJECT)
		return;
	n = size_min(json_object(m->value, few, ARRAY_LEN(few)), ARRAY_LEN(few));
	type = json_member_find(few, n, LIT("type"), NULL);
	schema = json_member_find(few, n, LIT("json_schema"), NULL);
	if (type == NULL)
		return;
	if (json_string_is(type->value, LIT("text"))) {
		if (has_quirk(q, QUIRK_NO_TEXT_FORMAT))
			remove_member(q, m);
	} else if (!json_string_is(type->value, LIT("json_schema")) || schema == NULL) {
		return;
	} else if (has_quirk(q, QUIRK_NO_JSON_SCHEMA)) {
		if (quirk_may_lose(q, "response_format.json_schema"))
			json_edit_replace(q->x, (size_t)(m - q->r->m),
					  LIT("{\"type\":\"json_object\"}"));
	} else {
		clean_definition(q, schema->value, "schema", has_quirk(q, QUIRK_BARE_SCHEMA));
	}
}

/* ---- all of them --------------------------------------------------------------------------
 */

void quirk_edit(struct quirk_edit *q)
{
	const struct json_member *messages;

	json_edits_more(q->x, q->a);
	parameters(q);
	if (q->r->endpoint == OPENAI_EMBEDDINGS) {
		if (has_quirk(q, QUIRK_OUTPUT_DIMENSION))
			rename_member(q, "dimensions", LIT("output_dimension"));
		return;
	}
	if (q->r->endpoint != OPENAI_CHAT)
		return;
	if (has_quirk(q, QUIRK_NO_STRICT | QUIRK_NO_ADDITIONAL))
		tools(q);
	if (has_quirk(q, QUIRK_CHOICE_ANY | QUIRK_CHOICE_AUTO | QUIRK_CHOICE_OPTION))
		tool_choice(q);
	if (has_quirk(q, QUIRK_NO_TEXT_FORMAT | QUIRK_NO_JSON_SCHEMA | QUIRK_BARE_SCHEMA |
				 QUIRK_NO_STRICT | QUIRK_NO_ADDITIONAL))
		response_format(q);
	messages = kept(q, "messages");
	if (messages != NULL && messages->kind == JSON_ARRAY &&
	    has_quirk(q, QUIRK_NO_NAMES | QUIRK_STRING_CONTENT | QUIRK_ALTERNATE |
				 QUIRK_REASONING_NAME | QUIRK_REASONING_TURNS |
				 QUIRK_SHORT_IDS))
		quirk_edit_messages(q, messages->value);
}
