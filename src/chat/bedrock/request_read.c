/* The bodies of Converse, ConverseStream and CountTokens, read.  The model and whether it is a
 * stream stand in the path. */
#include "chat/bedrock/reading.h"

enum { STOPS_MAX = 2500 }; /* AWS's own limit */

/* ---- messages -------------------------------------------------------------------------- */

static void read_message(struct reading *rd, const struct where *at, struct slice value)
{
	static const struct {
		const char *name;
		enum chat_role role;
	} roles[] = {
		{ "user", ROLE_USER },
		{ "assistant", ROLE_ASSISTANT },
		{ "system", ROLE_SYSTEM },
	};
	const struct where content = { .up = at, .name = "content" };
	struct json_text role;
	struct slice list;
	struct fields f;

	if (!bedrock_members(rd, at, value, &f))
		return;
	role = bedrock_text(rd, &f, at, "role", true);
	list = bedrock_take(rd, &f, at, "content", JSON_ARRAY, true);
	for (size_t i = 0; rd->rc == OK && i < ARRAY_LEN(roles); i++) {
		if (!json_text_is(role, slice_cstr(roles[i].name)))
			continue;
		bedrock_turn(rd, &content, roles[i].role, list);
		return;
	}
	bedrock_refuse(rd, at, "role", "invalid_value",
		       "must be \"user\", \"assistant\" or \"system\"");
}

static void read_messages(struct reading *rd, const struct fields *f)
{
	const struct where list = { .name = "messages" };
	const struct where system = { .name = "system" };
	struct where at = { .up = &list };
	struct json_array it;
	enum json_kind kind;
	struct slice value;

	value = bedrock_take(rd, f, NULL, "system", JSON_ARRAY, false);
	if (value.n > 0)
		bedrock_turn(rd, &system, ROLE_SYSTEM, value);
	/* `messages` may be left out beside a stored prompt, which is not served here. */
	it = json_array(bedrock_take(rd, f, NULL, "messages", JSON_ARRAY, true));
	for (; rd->rc == OK && json_array_next(&it, &value, &kind); at.index++)
		read_message(rd, &at, value);
	if (at.index == 0)
		bedrock_refuse(rd, NULL, "messages", "invalid_value",
			       "must have at least one message");
}

/* ---- tools ----------------------------------------------------------------------------- */

static void read_spec(struct reading *rd, const struct where *at, struct slice value)
{
	const struct where input = { .up = at, .name = "inputSchema" };
	struct json_text name, description;
	struct slice schema;
	struct chat_tool *t;
	struct fields f, s;

	if (!bedrock_members(rd, at, value, &f))
		return;
	name = bedrock_text(rd, &f, at, "name", true);
	description = bedrock_text(rd, &f, at, "description", false);
	schema = bedrock_take(rd, &f, at, "inputSchema", JSON_OBJECT, true);
	bedrock_take(rd, &f, at, "strict", JSON_BOOL, false);
	if (!bedrock_members(rd, &input, schema, &s))
		return;
	schema = bedrock_take(rd, &s, &input, "json", JSON_OBJECT, true);
	t = rd->rc == OK ? chat_tool_add(rd->r, rd->a, TOOL_FUNCTION) : NULL;
	if (t == NULL) {
		rd->rc = rd->rc == OK ? E_NOMEM : rd->rc;
		return;
	}
	t->name = name;
	t->description = description;
	t->schema = schema;
	t->strict = field_tri(&f, "strict");
}

static void read_tool(struct reading *rd, const struct where *at, struct slice value,
		      struct chat_tool **last)
{
	const struct where spec = { .up = at, .name = "toolSpec" };
	const struct where point = { .up = at, .name = "cachePoint" };
	struct chat_tool *t;
	struct fields f;

	if (!bedrock_members(rd, at, value, &f))
		return;
	if (field(&f, "toolSpec") != NULL) {
		read_spec(rd, &spec, field_json(&f, "toolSpec"));
	} else if (field(&f, "cachePoint") != NULL) {
		enum cache_mark mark = bedrock_cache(rd, &point, field_json(&f, "cachePoint"));

		if (*last != NULL)
			(*last)->cache = mark;
	} else if (f.n == 0) {
		bedrock_refuse(rd, at, NULL, "invalid_value", "must have one member");
	} else {
		t = chat_tool_add(rd->r, rd->a, TOOL_HOSTED);
		if (t == NULL) {
			rd->rc = E_NOMEM;
			return;
		}
		t->type = (struct json_text){ f.m[0].key };
		t->raw = value;
	}
	if (rd->r->tools_tail != NULL)
		*last = CONTAINER_OF(rd->r->tools_tail, struct chat_tool, next);
}

static void read_choice(struct reading *rd, const struct where *at, struct slice value)
{
	const struct where tool = { .up = at, .name = "tool" };
	struct chat_choice *c = &rd->r->choice;
	struct json_text name;
	struct fields f, t;

	if (!bedrock_members(rd, at, value, &f))
		return;
	if (field(&f, "auto") != NULL) {
		c->kind = CHOICE_AUTO;
	} else if (field(&f, "any") != NULL) {
		c->kind = CHOICE_REQUIRED;
	} else if (field(&f, "tool") != NULL) {
		c->kind = CHOICE_NAMED;
		if (!bedrock_members(rd, &tool, field_json(&f, "tool"), &t))
			return;
		name = bedrock_text(rd, &t, &tool, "name", true);
		if (rd->rc == OK && chat_name_add(&c->names, rd->a, name) == NULL)
			rd->rc = E_NOMEM;
	} else {
		bedrock_refuse(rd, at, NULL, "invalid_value", "must be auto, any or tool");
	}
}

static void read_tools(struct reading *rd, const struct fields *f)
{
	const struct where config = { .name = "toolConfig" };
	const struct where list = { .up = &config, .name = "tools" };
	const struct where choice = { .up = &config, .name = "toolChoice" };
	struct where at = { .up = &list };
	struct chat_tool *last = NULL;
	struct json_array it;
	enum json_kind kind;
	struct slice value;
	struct fields c;

	value = bedrock_take(rd, f, NULL, "toolConfig", JSON_OBJECT, false);
	if (value.n == 0 || !bedrock_members(rd, &config, value, &c))
		return;
	it = json_array(bedrock_take(rd, &c, &config, "tools", JSON_ARRAY, true));
	for (; rd->rc == OK && json_array_next(&it, &value, &kind); at.index++)
		read_tool(rd, &at, value, &last);
	value = bedrock_take(rd, &c, &config, "toolChoice", JSON_OBJECT, false);
	if (value.n > 0)
		read_choice(rd, &choice, value);
}

/* ---- what is asked for ----------------------------------------------------------------- */

static void read_inference(struct reading *rd, const struct fields *f)
{
	const struct where at = { .name = "inferenceConfig" };
	const struct where list = { .up = &at, .name = "stopSequences" };
	struct where each = { .up = &list };
	struct chat_name **tail = &rd->r->stop;
	struct chat_request *r = rd->r;
	struct json_array it;
	enum json_kind kind;
	struct slice value;
	struct fields c;

	value = bedrock_take(rd, f, NULL, "inferenceConfig", JSON_OBJECT, false);
	if (value.n == 0 || !bedrock_members(rd, &at, value, &c))
		return;
	r->max_tokens = bedrock_whole(rd, &c, &at, "maxTokens");
	r->temperature = bedrock_take(rd, &c, &at, "temperature", JSON_NUMBER, false);
	r->top_p = bedrock_take(rd, &c, &at, "topP", JSON_NUMBER, false);
	it = json_array(bedrock_take(rd, &c, &at, "stopSequences", JSON_ARRAY, false));
	for (; rd->rc == OK && json_array_next(&it, &value, &kind); each.index++) {
		if (kind != JSON_STRING) {
			bedrock_refuse(rd, &each, NULL, "invalid_type", "must be a string");
		} else if (each.index == STOPS_MAX) {
			bedrock_refuse(rd, &list, NULL, "invalid_value",
				       "has more than 2500 elements");
		} else if (chat_name_add(tail, rd->a, json_text_of(value)) == NULL) {
			rd->rc = E_NOMEM;
		} else {
			tail = &(*tail)->next;
		}
	}
}

static void read_schema(struct reading *rd, const struct where *up, struct slice value)
{
	const struct where structure = { .up = up, .name = "structure" };
	const struct where at = { .up = &structure, .name = "jsonSchema" };
	struct chat_format *format = &rd->r->format;
	enum json_kind kind;
	struct fields f, s, j;
	struct slice schema;
	size_t n;

	if (!bedrock_members(rd, up, value, &f))
		return;
	if (!field_is(&f, "type", "json_schema")) {
		bedrock_refuse(rd, up, "type", "unsupported_value", "must be \"json_schema\"");
		return;
	}
	value = bedrock_take(rd, &f, up, "structure", JSON_OBJECT, true);
	if (!bedrock_members(rd, &structure, value, &s))
		return;
	value = bedrock_take(rd, &s, &structure, "jsonSchema", JSON_OBJECT, true);
	if (!bedrock_members(rd, &at, value, &j))
		return;
	format->kind = FORMAT_SCHEMA;
	format->name = bedrock_text(rd, &j, &at, "name", false);
	format->description = bedrock_text(rd, &j, &at, "description", false);
	schema = json_text_plain(bedrock_text(rd, &j, &at, "schema", true), rd->a);
	if (rd->rc == OK &&
	    (json_scan(schema, &kind, NULL, 0, &n, NULL) != OK || kind != JSON_OBJECT))
		bedrock_refuse(rd, &at, "schema", "invalid_value",
			       "must be a JSON Schema, as a string");
	format->schema = slice_trim(schema);
	format->strict = YES; /* there is no other here */
}

static void read_output(struct reading *rd, const struct fields *f)
{
	const struct where at = { .name = "outputConfig" };
	const struct where format = { .up = &at, .name = "textFormat" };
	struct json_text effort;
	struct slice value;
	struct fields c;

	value = bedrock_take(rd, f, NULL, "outputConfig", JSON_OBJECT, false);
	if (value.n == 0 || !bedrock_members(rd, &at, value, &c))
		return;
	effort = bedrock_text(rd, &c, &at, "effort", false);
	rd->r->thinking.effort = effort_read(effort);
	if (!json_text_empty(effort) && rd->r->thinking.effort == EFFORT_UNSET)
		bedrock_refuse(rd, &at, "effort", "invalid_value", "is no known effort");
	value = bedrock_take(rd, &c, &at, "textFormat", JSON_OBJECT, false);
	if (value.n > 0)
		read_schema(rd, &format, value);
}

/* ---- additionalModelRequestFields: the model's own ------------------------------------- */

/* Claude's {"type":"enabled","budget_tokens":..}. */
static bool own_thinking(struct reading *rd, const struct fields *f)
{
	struct chat_thinking *t = &rd->r->thinking;

	if (field_is(f, "type", "enabled")) {
		t->budget = field_u64(f, "budget_tokens", 0);
		t->visible = YES;
	} else if (field_is(f, "type", "adaptive")) {
		t->automatic = true;
	} else if (field_is(f, "type", "disabled")) {
		t->effort = EFFORT_NONE;
	} else {
		return false;
	}
	if (field_is(f, "display", "summarized"))
		t->visible = YES;
	else if (field_is(f, "display", "omitted"))
		t->visible = NO;
	return t->effort == EFFORT_NONE || t->automatic || t->budget > 0;
}

static bool own_effort(struct reading *rd, struct json_text text)
{
	const enum effort e = effort_read(text);

	if (e != EFFORT_UNSET)
		rd->r->thinking.effort = e;
	return e != EFFORT_UNSET;
}

/* Claude's {"effort":..,"format":{"type":"json_schema","schema":{..}}}. */
static bool own_output(struct reading *rd, const struct fields *f)
{
	struct slice format = field_object(f, "format");
	struct fields c;

	if (field(f, "effort") != NULL && !own_effort(rd, field_text(f, "effort")))
		return false;
	if (format.n == 0)
		return f->n <= 1;
	if (!fields_read(&c, format, rd->a) || !field_is(&c, "type", "json_schema") ||
	    field_object(&c, "schema").n == 0)
		return false;
	rd->r->format = (struct chat_format){ .kind = FORMAT_SCHEMA,
					      .schema = field_object(&c, "schema"),
					      .strict = YES };
	return f->n <= 2;
}

static bool own_choice(struct reading *rd, const struct fields *f)
{
	if (field_tri(f, "disable_parallel_tool_use") != YES)
		return false;
	rd->r->parallel_tools = NO;
	return true;
}

/* Nova's {"type":"enabled","maxReasoningEffort":..}. */
static bool own_reasoning(struct reading *rd, const struct fields *f)
{
	if (!field_is(f, "type", "disabled"))
		return own_effort(rd, field_text(f, "maxReasoningEffort"));
	rd->r->thinking.effort = EFFORT_NONE;
	return true;
}

static bool own_inference(struct reading *rd, const struct fields *f)
{
	rd->r->top_k = field_number(f, "topK");
	return rd->r->top_k.n > 0 && f->n == 1;
}

/* False: not of those that other dialects can say too. */
static bool own_member(struct reading *rd, const struct json_member *m)
{
	static const struct {
		const char *name;
		bool (*read)(struct reading *rd, const struct fields *f);
	} objects[] = {
		{ "thinking", own_thinking },         { "output_config", own_output },
		{ "tool_choice", own_choice },        { "reasoningConfig", own_reasoning },
		{ "inferenceConfig", own_inference },
	};
	struct fields f;

	if (slice_eq(m->key, LIT("top_k")) && m->kind == JSON_NUMBER) {
		rd->r->top_k = m->value;
		return true;
	}
	if (slice_eq(m->key, LIT("reasoning_effort")))
		return own_effort(rd, json_text_of(m->value));
	for (size_t i = 0; i < ARRAY_LEN(objects); i++)
		if (slice_eq(m->key, slice_cstr(objects[i].name)))
			return m->kind == JSON_OBJECT && fields_read(&f, m->value, rd->a) &&
			       objects[i].read(rd, &f);
	return false;
}

/* What of it is the model's alone stays, all of it, for its own dialect. */
static void read_own(struct reading *rd, const struct fields *f)
{
	const struct where at = { .name = "additionalModelRequestFields" };
	bool all = true;
	struct slice value;
	struct fields c;

	value = bedrock_take(rd, f, NULL, "additionalModelRequestFields", JSON_OBJECT, false);
	if (value.n == 0 || !bedrock_members(rd, &at, value, &c))
		return;
	for (size_t i = 0; i < c.n; i++)
		all = own_member(rd, &c.m[i]) && all;
	if (!all)
		chat_extra_add(rd->r, rd->a, LIT("additionalModelRequestFields"), value);
}

/* ---- the rest -------------------------------------------------------------------------- */

static void read_account(struct reading *rd, const struct fields *f)
{
	static const char *const tiers[] = { "default", "priority", "flex" };
	const struct where at = { .name = "serviceTier" };
	const struct where meta = { .name = "requestMetadata" };
	struct chat_request *r = rd->r;
	struct json_text tier;
	struct slice value;
	struct fields c;

	r->metadata = bedrock_take(rd, f, NULL, "requestMetadata", JSON_OBJECT, false);
	if (r->metadata.n > 0 && bedrock_members(rd, &meta, r->metadata, &c))
		r->user = bedrock_text(rd, &c, &meta, "user_id", false);
	value = bedrock_take(rd, f, NULL, "serviceTier", JSON_OBJECT, false);
	if (value.n == 0 || !bedrock_members(rd, &at, value, &c))
		return;
	tier = bedrock_text(rd, &c, &at, "type", true);
	for (size_t i = 0; i < ARRAY_LEN(tiers); i++)
		if (json_text_is(tier, slice_cstr(tiers[i])))
			r->service_tier = tier;
	if (json_text_empty(r->service_tier)) /* reserved */
		chat_extra_add(r, rd->a, LIT("serviceTier"), value);
}

static void read_extras(struct reading *rd, const struct fields *f)
{
	static const char *const known[] = {
		"messages",        "system",       "inferenceConfig",
		"toolConfig",      "outputConfig", "additionalModelRequestFields",
		"requestMetadata", "serviceTier",
	};

	for (size_t i = 0; i < f->n; i++) {
		bool is_known = f->m[i].kind == JSON_NULL;

		for (size_t k = 0; k < ARRAY_LEN(known); k++)
			is_known |= slice_eq(f->m[i].key, slice_cstr(known[k]));
		if (!is_known)
			chat_extra_add(rd->r, rd->a, f->m[i].key, f->m[i].value);
	}
}

/* CountTokens: {"input":{"converse":{..}}}. */
static void read_counted(struct reading *rd, const struct fields *top, struct fields *f)
{
	const struct where input = { .name = "input" };
	const struct where converse = { .up = &input, .name = "converse" };
	struct slice value;
	struct fields in;

	value = bedrock_take(rd, top, NULL, "input", JSON_OBJECT, true);
	if (!bedrock_members(rd, &input, value, &in))
		return;
	if (field(&in, "invokeModel") != NULL) {
		bedrock_refuse(rd, &input, "invokeModel", "unsupported_value",
			       "is a body of one model's own protocol; use converse");
		return;
	}
	value = bedrock_take(rd, &in, &input, "converse", JSON_OBJECT, true);
	(void)bedrock_members(rd, &converse, value, f);
}

enum rc bedrock_request_read(struct chat_request *r, const struct request_in *in,
			     struct arena *a, struct chat_refusal *why)
{
	struct reading rd = { .r = r, .a = a, .why = why };
	struct fields top, inner;
	const struct fields *f = &top;

	rd.rc = request_fields(in->body, a, &top, why);
	if (rd.rc != OK)
		return rd.rc;
	*r = (struct chat_request){
		.dialect = &dialect_bedrock,
		.body = in->body,
		.model = in->model,
		.stream = in->stream == YES,
		.wants = in->op == OP_COUNT_TOKENS ? CHAT_COUNT_TOKENS : CHAT_ANSWER,
		.wants_usage = true,
	};
	if (r->wants == CHAT_COUNT_TOKENS) {
		read_counted(&rd, &top, &inner);
		f = &inner;
	}
	if (rd.rc == OK)
		read_messages(&rd, f);
	if (rd.rc == OK)
		read_tools(&rd, f);
	if (rd.rc == OK)
		read_inference(&rd, f);
	if (rd.rc == OK)
		read_output(&rd, f);
	if (rd.rc == OK)
		read_own(&rd, f);
	if (rd.rc == OK)
		read_account(&rd, f);
	if (rd.rc == OK)
		read_extras(&rd, f);
	if (rd.rc == OK)
		chat_request_finish(r);
	return rd.rc == OK && arena_failed(a) ? E_NOMEM : rd.rc;
}
