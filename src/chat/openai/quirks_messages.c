/* Quirks of messages: names, reasoning, ids of tool calls, text in parts, turns of one role. */
#include "base/hash.h"
#include "chat/openai/quirks.h"

enum { MESSAGE_MEMBERS = 24 };

enum turn { TURN_USER, TURN_ASSISTANT, TURN_TOOL, TURN_OTHER };

struct message {
	struct slice whole;
	struct json_member m[MESSAGE_MEMBERS];
	size_t n;
	bool gone[MESSAGE_MEMBERS];
	enum turn turn;
};

static const struct json_member *member(const struct message *v, const char *name)
{
	const struct json_member *m = json_member_find(v->m, v->n, slice_cstr(name), NULL);

	return m == NULL || m->kind == JSON_NULL ? NULL : m;
}

/* False: no message that we know how to edit. */
static bool read_message(struct message *v, struct slice whole)
{
	const struct json_member *role;

	*v = (struct message){ .whole = whole, .turn = TURN_OTHER };
	v->n = json_object(whole, v->m, MESSAGE_MEMBERS);
	if (v->n == 0 || v->n > MESSAGE_MEMBERS)
		return false;
	role = member(v, "role");
	if (role == NULL)
		return false;
	if (json_string_is(role->value, LIT("user")))
		v->turn = TURN_USER;
	else if (json_string_is(role->value, LIT("assistant")))
		v->turn = TURN_ASSISTANT;
	else if (json_string_is(role->value, LIT("tool")))
		v->turn = TURN_TOOL;
	else if (json_string_is(role->value, LIT("function")))
		return false; /* long gone, and its name is needed */
	return true;
}

static struct slice inner(struct slice string)
{
	return slice_of(string.p + 1, string.n - 2);
}

/* ---- text in several places to one string --------------------------------------------------
 */

/* Cuts out what is between texts, from `at` on. */
struct joiner {
	struct quirk_edit *q;
	const char *at;
	struct slice put; /* before the next text */
};

static void join_text(struct joiner *j, struct slice text, struct slice before_next)
{
	json_edit_part(j->q->x, slice_of(j->at, (size_t)(text.p - j->at)), j->put);
	j->at = text.p + text.n;
	j->put = before_next;
}

static void join_end(struct joiner *j, const char *end, struct slice put)
{
	json_edit_part(j->q->x, slice_of(j->at, (size_t)(end - j->at)), put);
}

/* The text of a part that is nothing else. */
static bool text_part(struct slice part, struct slice *text)
{
	struct json_member few[8];
	size_t n = json_object(part, few, ARRAY_LEN(few));
	const struct json_member *type, *t;

	if (n == 0 || n > ARRAY_LEN(few))
		return false;
	type = json_member_find(few, n, LIT("type"), NULL);
	t = json_member_find(few, n, LIT("text"), NULL);
	if (type == NULL || t == NULL || t->kind != JSON_STRING ||
	    !json_string_is(type->value, LIT("text")))
		return false;
	*text = inner(t->value);
	return true;
}

/* A string, or parts that are all text. */
static bool only_text(struct slice content)
{
	struct json_array a = json_array(content);
	enum json_kind kind;
	struct slice part, text;

	if (json_kind(content) == JSON_STRING)
		return true;
	if (json_kind(content) != JSON_ARRAY)
		return false;
	while (json_array_next(&a, &part, &kind))
		if (!text_part(part, &text))
			return false;
	return true;
}

static void join_content(struct joiner *j, struct slice content, struct slice after)
{
	struct json_array a = json_array(content);
	enum json_kind kind;
	struct slice part, text;

	if (json_kind(content) == JSON_STRING) {
		join_text(j, inner(content), after);
		return;
	}
	while (json_array_next(&a, &part, &kind))
		if (text_part(part, &text))
			join_text(j, text, LIT("\\n"));
	/* Only between texts there is something: none, none. */
	if (j->put.n == 2 && j->put.p[1] == 'n')
		j->put = after;
}

static void content_to_string(struct quirk_edit *q, const struct message *v)
{
	const struct json_member *m = member(v, "content");
	struct joiner j = { .q = q };

	if (m == NULL || m->kind != JSON_ARRAY || !only_text(m->value))
		return;
	j.at = m->value.p;
	j.put = LIT("\"");
	join_content(&j, m->value, LIT(""));
	/* No text at all: then the opening quote was not put. */
	join_end(&j, m->value.p + m->value.n, j.at == m->value.p ? LIT("\"\"") : LIT("\""));
}

/* ---- turns in alternation ------------------------------------------------------------------
 */

static bool can_join(const struct message *v)
{
	const struct json_member *content = member(v, "content");

	return (v->turn == TURN_USER || v->turn == TURN_ASSISTANT) && content != NULL &&
	       only_text(content->value) && member(v, "tool_calls") == NULL;
}

/* How many messages from here on are of one role and can be one; `a` is left after the
 * first. */
static size_t run_length(const struct message *first, struct json_array a)
{
	enum json_kind kind;
	struct message v;
	struct slice s;
	size_t n = 1;

	if (!can_join(first))
		return 1;
	while (json_array_next(&a, &s, &kind) && read_message(&v, s) && v.turn == first->turn &&
	       can_join(&v))
		n++;
	return n;
}

/* Writes `n` messages, of which `first` is read and the others follow in `a`, as one. */
static void join_messages(struct quirk_edit *q, struct message *first, struct json_array *a,
			  size_t n)
{
	struct joiner j = { .q = q, .at = first->whole.p };
	struct message v = *first;
	enum json_kind kind;
	struct slice s;

	j.put = first->turn == TURN_USER ? LIT("{\"role\":\"user\",\"content\":\"")
					 : LIT("{\"role\":\"assistant\",\"content\":\"");
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && (!json_array_next(a, &s, &kind) || !read_message(&v, s)))
			return; /* cannot be: run_length() saw them */
		join_content(&j, member(&v, "content")->value, LIT("\\n\\n"));
	}
	join_end(&j, v.whole.p + v.whole.n,
		 j.at == first->whole.p ? (first->turn == TURN_USER
						   ? LIT("{\"role\":\"user\",\"content\":\"\"}")
						   : LIT("{\"role\":\"assistant\","
							 "\"content\":\"\"}"))
					: LIT("\"}"));
}

/* ---- ids -----------------------------------------------------------------------------------
 */

static bool is_short_id(struct slice id)
{
	for (size_t i = 0; i < id.n; i++) {
		char c = id.p[i];

		if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !(c >= '0' && c <= '9'))
			return false;
	}
	return id.n == 9;
}

struct slice openai_short_id(struct slice id, struct arena *a)
{
	static const char digits[] =
		"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuv"
		"wxyz";
	uint64_t h = hash_bytes(id, 9);
	char *p;

	if (is_short_id(id))
		return id;
	p = arena_bytes(a, 9);
	for (size_t i = 0; p != NULL && i < 9; i++, h /= 62)
		p[i] = digits[h % 62];
	return slice_of(p, p == NULL ? 0 : 9);
}

static void shorten(struct quirk_edit *q, const struct json_member *m)
{
	struct slice id;

	if (m == NULL || m->kind != JSON_STRING || is_short_id(inner(m->value)))
		return;
	id = openai_short_id(inner(m->value), q->a);
	if (id.n > 0)
		json_edit_part(q->x, inner(m->value), id);
}

static void short_ids(struct quirk_edit *q, const struct message *v)
{
	const struct json_member *calls = member(v, "tool_calls");
	struct json_member few[8];
	struct json_array a;
	enum json_kind kind;
	struct slice call;
	size_t n;

	if (v->turn == TURN_TOOL)
		shorten(q, member(v, "tool_call_id"));
	if (v->turn != TURN_ASSISTANT || calls == NULL)
		return;
	a = json_array(calls->value);
	while (json_array_next(&a, &call, &kind)) {
		n = size_min(json_object(call, few, ARRAY_LEN(few)), ARRAY_LEN(few));
		shorten(q, json_member_find(few, n, LIT("id"), NULL));
	}
}

/* ---- names and reasoning -------------------------------------------------------------------
 */

static void no_name(struct quirk_edit *q, struct message *v)
{
	const struct json_member *m = member(v, "name");

	/* A tool's result is known by its id. */
	if (m != NULL && (v->turn == TURN_TOOL || quirk_may_lose(q, "name")))
		v->gone[m - v->m] = true;
}

/* The old reasoners refuse their own reasoning, which all later ones demand. */
static bool refuses_reasoning(const struct openai_target *t)
{
	return slice_find(t->model_json, LIT("reasoner")) != SLICE_NONE ||
	       slice_find(t->model_json, LIT("-r1")) != SLICE_NONE;
}

static void one_reasoning(struct quirk_edit *q, struct message *v, const char *from,
			  const char *to)
{
	const struct json_member *old = member(v, from);

	if (old == NULL)
		return;
	if (json_member_find(v->m, v->n, slice_cstr(to), NULL) != NULL)
		v->gone[old - v->m] = true;
	else
		json_edit_part(q->x, old->key, slice_cstr(to));
}

static void demand_reasoning(struct quirk_edit *q, struct message *v)
{
	const struct json_member *m =
		json_member_find(v->m, v->n, LIT("reasoning_content"), NULL);

	if (refuses_reasoning(q->t)) {
		if (m != NULL)
			v->gone[m - v->m] = true;
	} else if (m != NULL && m->kind == JSON_NULL) {
		json_edit_part(q->x, m->value, LIT("\"\""));
	} else if (m == NULL && member(v, "reasoning") != NULL) {
		one_reasoning(q, v, "reasoning", "reasoning_content");
	} else if (m == NULL) {
		json_edit_part(q->x, slice_head(v->whole, 1),
			       LIT("{\"reasoning_content\":\"\","));
	}
}

static void edit_message(struct quirk_edit *q, struct message *v)
{
	if (has_quirk(q, QUIRK_NO_NAMES))
		no_name(q, v);
	if (v->turn == TURN_ASSISTANT && has_quirk(q, QUIRK_REASONING_NAME))
		one_reasoning(q, v, "reasoning_content", "reasoning");
	else if (v->turn == TURN_ASSISTANT && has_quirk(q, QUIRK_REASONING_TURNS))
		demand_reasoning(q, v);
	if (has_quirk(q, QUIRK_STRING_CONTENT))
		content_to_string(q, v);
	if (has_quirk(q, QUIRK_SHORT_IDS))
		short_ids(q, v);
	quirk_cut_members(q, v->m, v->n, v->gone);
}

void quirk_edit_messages(struct quirk_edit *q, struct slice messages)
{
	struct json_array a = json_array(messages);
	enum json_kind kind;
	struct message v;
	struct slice s;

	while (json_array_next(&a, &s, &kind)) {
		size_t n;

		if (!read_message(&v, s))
			continue;
		n = has_quirk(q, QUIRK_ALTERNATE) ? run_length(&v, a) : 1;
		if (n > 1)
			join_messages(q, &v, &a, n);
		else
			edit_message(q, &v);
	}
}
