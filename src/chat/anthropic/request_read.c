/* POST /v1/messages and /v1/messages/count_tokens, read (Anthropic's API reference). */
#include "chat/anthropic/reading.h"

/* ---- messages -------------------------------------------------------------------------- */

/* Hangs a list of parts that was made apart into the conversation. */
static enum rc adopt(struct reading *rd, enum chat_role role, const struct chat_message *made)
{
	struct chat_message *m = chat_message_add(rd->r, rd->a, role);

	if (m == NULL)
		return E_NOMEM;
	if (made->parts != NULL) {
		m->parts = made->parts;
		m->tail = made->tail;
	}
	return OK;
}

static enum rc read_turn(struct reading *rd, const struct where *at, enum chat_role role,
			 enum blocks_of of, struct slice content)
{
	struct chat_message rest = { .tail = &rest.parts };
	struct chat_message results = { .tail = &results.parts };
	enum rc rc = anthropic_content(rd, at, content, of, &rest, &results);

	if (rc == OK && results.parts != NULL)
		rc = adopt(rd, ROLE_TOOL, &results);
	if (rc == OK && (rest.parts != NULL || results.parts == NULL))
		rc = adopt(rd, role, &rest);
	return rc;
}

static enum rc read_message(struct reading *rd, const struct where *at, struct slice value)
{
	static const struct {
		const char *name;
		enum chat_role role;
		enum blocks_of of;
	} roles[] = {
		{ "user", ROLE_USER, BLOCKS_USER },
		{ "assistant", ROLE_ASSISTANT, BLOCKS_ASSISTANT },
		{ "system", ROLE_SYSTEM, BLOCKS_SYSTEM },
	};
	const struct where inside = { .up = at, .name = "content" };
	struct json_text role;
	struct fields f;
	enum rc rc;

	if (!fields_read(&f, value, rd->a))
		return E_NOMEM;
	rc = anthropic_text(rd, &f, at, "role", true, &role);
	if (rc != OK)
		return rc;
	if (field(&f, "content") == NULL)
		return anthropic_refuse(rd, at, "content", "missing_field", "is required");
	for (size_t i = 0; i < ARRAY_LEN(roles); i++)
		if (json_text_is(role, slice_cstr(roles[i].name)))
			return read_turn(rd, &inside, roles[i].role, roles[i].of,
					 field_json(&f, "content"));
	return anthropic_refuse(rd, at, "role", "invalid_value",
				"must be \"user\", \"assistant\" or \"system\"");
}

static enum rc read_messages(struct reading *rd, const struct fields *f)
{
	const struct where list = { .name = "messages" };
	struct where at = { .up = &list };
	struct json_array it;
	enum json_kind kind;
	struct slice value;
	enum rc rc = anthropic_typed(rd, f, NULL, "messages", JSON_ARRAY, &value);

	if (rc != OK)
		return rc;
	if (value.n == 0)
		return anthropic_refuse(rd, NULL, "messages", "missing_field", "is required");
	it = json_array(value);
	for (; json_array_next(&it, &value, &kind); at.index++) {
		if (kind != JSON_OBJECT)
			return anthropic_refuse(rd, &at, NULL, "invalid_type",
						"must be an object");
		rc = read_message(rd, &at, value);
		if (rc != OK)
			return rc;
	}
	if (at.index == 0)
		return anthropic_refuse(rd, NULL, "messages", "invalid_value",
					"must have at least one message");
	return OK;
}

static enum rc read_system(struct reading *rd, const struct fields *f)
{
	const struct where at = { .name = "system" };
	struct slice value = field_json(f, "system");

	if (value.n == 0)
		return OK;
	return read_turn(rd, &at, ROLE_SYSTEM, BLOCKS_SYSTEM, value);
}

/* `cache_control` of the request itself marks its last block. */
static enum rc read_cache(struct reading *rd, const struct fields *f)
{
	struct chat_part *last = NULL;
	enum cache_mark mark;
	enum rc rc = anthropic_cache(rd, f, NULL, &mark);

	if (rc != OK || mark == CACHE_NONE)
		return rc;
	for (struct chat_message *m = rd->r->messages; m != NULL; m = m->next)
		for (struct chat_part *p = m->parts; p != NULL; p = p->next)
			last = p;
	if (last != NULL && last->cache == CACHE_NONE)
		last->cache = mark;
	return OK;
}

/* ---- tools ----------------------------------------------------------------------------- */

static enum rc read_tool(struct reading *rd, const struct where *at, struct slice value)
{
	struct json_text type, name, description;
	struct slice schema, strict;
	struct chat_tool *t;
	enum cache_mark cache;
	struct fields f;
	bool hosted;
	enum rc rc;

	if (!fields_read(&f, value, rd->a))
		return E_NOMEM;
	rc = anthropic_text(rd, &f, at, "type", false, &type);
	hosted = !json_text_empty(type) && !json_text_is(type, LIT("custom"));
	if (rc == OK)
		rc = anthropic_text(rd, &f, at, "name", !hosted, &name);
	if (rc == OK)
		rc = anthropic_text(rd, &f, at, "description", false, &description);
	if (rc == OK)
		rc = anthropic_typed(rd, &f, at, "input_schema", JSON_OBJECT, &schema);
	if (rc == OK)
		rc = anthropic_typed(rd, &f, at, "strict", JSON_BOOL, &strict);
	if (rc == OK)
		rc = anthropic_cache(rd, &f, at, &cache);
	if (rc != OK)
		return rc;
	if (!hosted && schema.n == 0)
		return anthropic_refuse(rd, at, "input_schema", "missing_field", "is required");
	t = chat_tool_add(rd->r, rd->a, hosted ? TOOL_HOSTED : TOOL_FUNCTION);
	if (t == NULL)
		return E_NOMEM;
	t->name = name;
	t->description = description;
	t->schema = schema;
	t->strict = field_tri(&f, "strict");
	t->cache = cache;
	if (hosted) {
		t->type = type;
		t->raw = value;
	}
	return OK;
}

static enum rc read_tools(struct reading *rd, const struct fields *f)
{
	const struct where list = { .name = "tools" };
	struct where at = { .up = &list };
	struct json_array it;
	enum json_kind kind;
	struct slice value;
	enum rc rc = anthropic_typed(rd, f, NULL, "tools", JSON_ARRAY, &value);

	it = json_array(value);
	for (; rc == OK && json_array_next(&it, &value, &kind); at.index++) {
		if (kind != JSON_OBJECT)
			return anthropic_refuse(rd, &at, NULL, "invalid_type",
						"must be an object");
		rc = read_tool(rd, &at, value);
	}
	return rc;
}

static enum rc read_choice(struct reading *rd, const struct fields *f)
{
	static const struct {
		const char *name;
		enum choice_kind kind;
	} kinds[] = {
		{ "auto", CHOICE_AUTO },
		{ "any", CHOICE_REQUIRED },
		{ "tool", CHOICE_NAMED },
		{ "none", CHOICE_NONE },
	};
	const struct where at = { .name = "tool_choice" };
	struct chat_choice *choice = &rd->r->choice;
	struct json_text type, name;
	struct slice value, off;
	struct fields c;
	enum rc rc = anthropic_typed(rd, f, NULL, "tool_choice", JSON_OBJECT, &value);

	if (rc != OK || value.n == 0)
		return rc;
	if (!fields_read(&c, value, rd->a))
		return E_NOMEM;
	rc = anthropic_text(rd, &c, &at, "type", true, &type);
	if (rc == OK)
		rc = anthropic_typed(rd, &c, &at, "disable_parallel_tool_use", JSON_BOOL, &off);
	if (rc != OK)
		return rc;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (json_text_is(type, slice_cstr(kinds[i].name)))
			choice->kind = kinds[i].kind;
	if (choice->kind == CHOICE_UNSET)
		return anthropic_refuse(rd, &at, "type", "invalid_value",
					"must be \"auto\", \"any\", \"tool\" or \"none\"");
	if (choice->kind == CHOICE_NAMED) {
		rc = anthropic_text(rd, &c, &at, "name", true, &name);
		if (rc == OK && chat_name_add(&choice->names, rd->a, name) == NULL)
			rc = E_NOMEM;
	}
	if (off.n > 0)
		rd->r->parallel_tools = slice_eq(off, LIT("true")) ? NO : YES;
	return rc;
}

/* Far over what any API takes; each is looked for at every use. */
enum { STOPS_MAX = 1024 };

/* ---- what is asked for ----------------------------------------------------------------- */

static enum rc read_thinking_config(struct reading *rd, const struct fields *f)
{
	const struct where at = { .name = "thinking" };
	struct chat_thinking *t = &rd->r->thinking;
	struct json_text type, display;
	struct slice value, budget;
	struct fields c;
	enum rc rc = anthropic_typed(rd, f, NULL, "thinking", JSON_OBJECT, &value);

	if (rc != OK || value.n == 0)
		return rc;
	if (!fields_read(&c, value, rd->a))
		return E_NOMEM;
	rc = anthropic_text(rd, &c, &at, "type", true, &type);
	if (rc == OK)
		rc = anthropic_text(rd, &c, &at, "display", false, &display);
	if (rc == OK)
		rc = anthropic_typed(rd, &c, &at, "budget_tokens", JSON_NUMBER, &budget);
	if (rc != OK)
		return rc;
	if (json_text_is(type, LIT("enabled"))) {
		if (!json_u64(budget, &t->budget) || t->budget == 0)
			return anthropic_refuse(rd, &at, "budget_tokens", "invalid_value",
						"must be a whole number over zero");
		t->visible = YES;
	} else if (json_text_is(type, LIT("adaptive"))) {
		t->automatic = true;
	} else if (json_text_is(type, LIT("disabled"))) {
		t->effort = EFFORT_NONE;
	} else { /* between_tools, or newer: no other dialect has it */
		chat_extra_add(rd->r, rd->a, LIT("thinking"), value);
	}
	if (json_text_is(display, LIT("summarized")))
		t->visible = YES;
	else if (json_text_is(display, LIT("omitted")))
		t->visible = NO;
	return OK;
}

static enum rc read_format(struct reading *rd, const struct where *up, const struct fields *f)
{
	const struct where at = { .up = up, .name = "format" };
	struct json_text type;
	struct slice value;
	struct fields c;
	enum rc rc = anthropic_typed(rd, f, up, "format", JSON_OBJECT, &value);

	if (rc != OK || value.n == 0)
		return rc;
	if (!fields_read(&c, value, rd->a))
		return E_NOMEM;
	rc = anthropic_text(rd, &c, &at, "type", true, &type);
	if (rc == OK)
		rc = anthropic_typed(rd, &c, &at, "schema", JSON_OBJECT, &value);
	if (rc != OK)
		return rc;
	if (!json_text_is(type, LIT("json_schema")))
		return anthropic_refuse(rd, &at, "type", "unsupported_value",
					"must be \"json_schema\"");
	if (value.n == 0)
		return anthropic_refuse(rd, &at, "schema", "missing_field", "is required");
	rd->r->format.kind = FORMAT_SCHEMA;
	rd->r->format.schema = value;
	rd->r->format.strict = YES; /* there is no other here */
	return OK;
}

static enum rc read_output_config(struct reading *rd, const struct fields *f)
{
	const struct where at = { .name = "output_config" };
	struct chat_thinking *t = &rd->r->thinking;
	struct json_text effort;
	struct slice value;
	struct fields c;
	enum effort e;
	enum rc rc = anthropic_typed(rd, f, NULL, "output_config", JSON_OBJECT, &value);

	if (rc != OK || value.n == 0)
		return rc;
	if (!fields_read(&c, value, rd->a))
		return E_NOMEM;
	rc = anthropic_text(rd, &c, &at, "effort", false, &effort);
	if (rc != OK)
		return rc;
	e = effort_read(effort);
	if (!json_text_empty(effort) && e < EFFORT_LOW)
		return anthropic_refuse(
			rd, &at, "effort", "invalid_value",
			"must be \"low\", \"medium\", \"high\", \"xhigh\" or \"max\"");
	if (t->effort == EFFORT_UNSET) /* else thinking is disabled, which says more */
		t->effort = e;
	return read_format(rd, &at, &c);
}

static enum rc read_numbers(struct reading *rd, const struct fields *f, enum chat_op op)
{
	struct chat_request *r = rd->r;
	struct slice max, stream;
	enum rc rc = anthropic_typed(rd, f, NULL, "max_tokens", JSON_NUMBER, &max);

	if (rc == OK)
		rc = anthropic_typed(rd, f, NULL, "temperature", JSON_NUMBER, &r->temperature);
	if (rc == OK)
		rc = anthropic_typed(rd, f, NULL, "top_p", JSON_NUMBER, &r->top_p);
	if (rc == OK)
		rc = anthropic_typed(rd, f, NULL, "top_k", JSON_NUMBER, &r->top_k);
	if (rc == OK)
		rc = anthropic_typed(rd, f, NULL, "stream", JSON_BOOL, &stream);
	if (rc != OK)
		return rc;
	r->stream = slice_eq(stream, LIT("true"));
	if (max.n == 0)
		return op == OP_COUNT_TOKENS ? OK
					     : anthropic_refuse(rd, NULL, "max_tokens",
								"missing_field", "is required");
	if (!json_u64(max, &r->max_tokens))
		return anthropic_refuse(rd, NULL, "max_tokens", "invalid_value",
					"must be a whole number, not negative");
	if (r->max_tokens == 0) /* only warms the cache, which no other dialect can say */
		chat_extra_add(r, rd->a, LIT("max_tokens"), max);
	return OK;
}

static enum rc read_stops(struct reading *rd, const struct fields *f)
{
	const struct where list = { .name = "stop_sequences" };
	struct where at = { .up = &list };
	struct json_array it;
	enum json_kind kind;
	struct slice value;
	enum rc rc = anthropic_typed(rd, f, NULL, "stop_sequences", JSON_ARRAY, &value);

	it = json_array(value);
	for (; rc == OK && json_array_next(&it, &value, &kind); at.index++) {
		if (kind != JSON_STRING)
			return anthropic_refuse(rd, &at, NULL, "invalid_type",
						"must be a string");
		if (at.index == STOPS_MAX)
			return anthropic_refuse(rd, NULL, "stop_sequences", "invalid_value",
						"has too many elements");
		if (chat_name_add(&rd->r->stop, rd->a, json_text_of(value)) == NULL)
			return E_NOMEM;
	}
	return rc;
}

static enum rc read_account(struct reading *rd, const struct fields *f)
{
	const struct where at = { .name = "metadata" };
	struct chat_request *r = rd->r;
	struct json_text tier;
	struct slice value;
	struct fields c;
	enum rc rc = anthropic_typed(rd, f, NULL, "metadata", JSON_OBJECT, &value);

	if (rc == OK && !fields_read(&c, value, rd->a))
		rc = E_NOMEM;
	if (rc == OK)
		rc = anthropic_text(rd, &c, &at, "user_id", false, &r->user);
	if (rc == OK)
		rc = anthropic_text(rd, f, NULL, "service_tier", false, &tier);
	if (rc != OK || json_text_empty(tier))
		return rc;
	if (json_text_is(tier, LIT("auto")))
		r->service_tier = JTEXT("auto");
	else if (json_text_is(tier, LIT("standard_only")))
		r->service_tier = JTEXT("default");
	else
		return anthropic_refuse(rd, NULL, "service_tier", "invalid_value",
					"must be \"auto\" or \"standard_only\"");
	return OK;
}

/* ---- the whole ------------------------------------------------------------------------- */

/* Members without a place here are kept as they are; those that have one, once only. */
static enum rc read_names(struct reading *rd, const struct fields *f)
{
	static const char *const known[] = {
		"model",       "max_tokens",   "messages",      "system",
		"temperature", "top_p",        "top_k",         "stop_sequences",
		"stream",      "tools",        "tool_choice",   "thinking",
		"metadata",    "service_tier", "output_config", "cache_control",
	};
	uint32_t seen = 0;

	for (size_t i = 0; i < f->n; i++) {
		const struct json_member *m = &f->m[i];
		size_t k = 0;

		while (k < ARRAY_LEN(known) &&
		       !json_text_is((struct json_text){ m->key }, slice_cstr(known[k])))
			k++;
		if (k == ARRAY_LEN(known)) {
			if (m->kind != JSON_NULL)
				chat_extra_add(rd->r, rd->a, m->key, m->value);
			continue;
		}
		if ((seen & 1U << k) != 0)
			return anthropic_refuse(rd, NULL, known[k], "duplicate_field",
						"is there twice");
		seen |= 1U << k;
	}
	return OK;
}

static enum rc read_model(struct reading *rd, const struct fields *f, struct slice given)
{
	struct json_text model;
	enum rc rc;

	if (given.n > 0) {
		rd->r->model = given;
		return OK;
	}
	rc = anthropic_text(rd, f, NULL, "model", true, &model);
	if (rc != OK)
		return rc;
	if (json_text_empty(model))
		return anthropic_refuse(rd, NULL, "model", "invalid_value",
					"must name a model");
	rd->r->model = json_text_plain(model, rd->a);
	return OK;
}

enum rc anthropic_request_read(struct chat_request *r, const struct request_in *in,
			       struct arena *a, struct chat_refusal *why)
{
	static enum rc (*const parts[])(struct reading *, const struct fields *) = {
		read_names,           read_system,        read_messages, read_cache,
		read_tools,           read_choice,        read_stops,    read_account,
		read_thinking_config, read_output_config,
	};
	struct reading rd = { .r = r, .a = a, .why = why };
	struct fields f;
	enum rc rc = request_fields(in->body, a, &f, why);

	if (rc != OK)
		return rc;
	*r = (struct chat_request){
		.dialect = &dialect_anthropic,
		.wants = in->op == OP_COUNT_TOKENS ? CHAT_COUNT_TOKENS : CHAT_ANSWER,
		.body = in->body,
		.wants_usage = true,
	};
	rc = read_model(&rd, &f, in->model);
	if (rc == OK)
		rc = read_numbers(&rd, &f, in->op);
	for (size_t i = 0; rc == OK && i < ARRAY_LEN(parts); i++)
		rc = parts[i](&rd, &f);
	if (rc != OK)
		return rc;
	if (in->stream != UNSET)
		r->stream = in->stream == YES;
	chat_request_finish(r);
	return arena_failed(a) ? E_NOMEM : OK;
}
