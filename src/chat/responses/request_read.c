/* A request's body -> struct chat_request. */
#include "chat/responses/responses.h"

static void keep(struct reading *q, const char *key, struct slice value)
{
	chat_extra_add(q->r, q->a, slice_cstr(key), value);
}

/* What of an object is not in `known` stays as extras called "object.member". */
static void keep_rest(struct reading *q, const char *object, const struct fields *f,
		      const char *const *known, size_t n)
{
	for (size_t i = 0; i < f->n; i++) {
		size_t k = 0;

		while (k < n &&
		       !json_text_is((struct json_text){ f->m[i].key }, slice_cstr(known[k])))
			k++;
		if (k == n && f->m[i].kind != JSON_NULL)
			chat_extra_add(q->r, q->a,
				       arena_fmt(q->a, "%s.%.*s", object, SARG(f->m[i].key)),
				       f->m[i].value);
	}
}

/* ---- plain members ----------------------------------------------------------------------- */

static enum rc on_model(struct reading *q, const struct json_member *m)
{
	q->r->model = json_text_plain(json_text_of(m->value), q->a);
	if (json_text_of(m->value).s.n == 0)
		return refuse_here(q, "invalid_value", "model", "must not be empty");
	return OK;
}

static enum rc on_stream(struct reading *q, const struct json_member *m)
{
	return json_bool(m->value, &q->r->stream) ? OK : E_BAD;
}

static enum rc on_instructions(struct reading *q, const struct json_member *m)
{
	struct chat_message *s = chat_message_add(q->r, q->a, ROLE_SYSTEM);
	struct chat_part *p = chat_part_add(s, q->a, PART_TEXT);

	if (p == NULL)
		return E_NOMEM;
	p->u.text = json_text_of(m->value);
	return OK;
}

static enum rc on_max_output_tokens(struct reading *q, const struct json_member *m)
{
	if (!json_u64(m->value, &q->r->max_tokens) || q->r->max_tokens == 0)
		return refuse_here(q, "invalid_value", "max_output_tokens",
				   "must be a whole number over 0");
	return OK;
}

static enum rc on_temperature(struct reading *q, const struct json_member *m)
{
	q->r->temperature = m->value;
	return OK;
}

static enum rc on_top_p(struct reading *q, const struct json_member *m)
{
	q->r->top_p = m->value;
	return OK;
}

static enum rc on_top_logprobs(struct reading *q, const struct json_member *m)
{
	if (!json_u64(m->value, &q->r->top_logprobs) || q->r->top_logprobs > 20)
		return refuse_here(q, "invalid_value", "top_logprobs",
				   "must be a whole number from 0 to 20");
	if (q->r->top_logprobs > 0)
		q->r->logprobs = YES;
	return OK;
}

static enum rc on_parallel(struct reading *q, const struct json_member *m)
{
	bool on;

	if (!json_bool(m->value, &on))
		return E_BAD;
	q->r->parallel_tools = on ? YES : NO;
	return OK;
}

static enum rc on_metadata(struct reading *q, const struct json_member *m)
{
	struct fields f;
	enum rc rc;

	rc = read_fields(q, &f, m->value);
	if (rc != OK)
		return rc;
	for (size_t i = 0; i < f.n; i++)
		if (f.m[i].kind != JSON_STRING)
			return refuse_here(q, "invalid_type", "metadata",
					   "must have strings only");
	q->r->metadata = m->value;
	return OK;
}

/* The newer name of the two is asked for last, and wins. */
static enum rc on_user(struct reading *q, const struct json_member *m)
{
	q->r->user = json_text_of(m->value);
	return OK;
}

static enum rc on_cache_key(struct reading *q, const struct json_member *m)
{
	q->r->cache_key = json_text_of(m->value);
	return OK;
}

static enum rc on_service_tier(struct reading *q, const struct json_member *m)
{
	q->r->service_tier = json_text_of(m->value);
	return OK;
}

/* Our streams have no obfuscation, and always show their usage. */
static enum rc on_stream_options(struct reading *q, const struct json_member *m)
{
	static const char *const known[] = { "include_obfuscation" };
	struct fields f;
	enum rc rc;

	rc = read_fields(q, &f, m->value);
	if (rc != OK)
		return rc;
	keep_rest(q, "stream_options", &f, known, ARRAY_LEN(known));
	return OK;
}

static enum rc on_truncation(struct reading *q, const struct json_member *m)
{
	if (!json_string_is(m->value, LIT("disabled"))) /* what everybody else does */
		keep(q, "truncation", m->value);
	return OK;
}

static enum rc on_store(struct reading *q, const struct json_member *m UNUSED)
{
	q->r->store = NO; /* YES has been refused */
	return OK;
}

static enum rc on_nothing(struct reading *q UNUSED, const struct json_member *m UNUSED)
{
	return OK;
}

/* ---- objects ----------------------------------------------------------------------------- */

static enum rc on_reasoning(struct reading *q, const struct json_member *m)
{
	static const char *const known[] = { "effort", "summary", "generate_summary" };
	struct chat_thinking *t = &q->r->thinking;
	struct json_text effort;
	struct fields f;
	enum rc rc;

	rc = read_fields(q, &f, m->value);
	if (rc != OK)
		return rc;
	q->part_list = NULL;
	rc = read_text(q, &f, "effort", false, &effort);
	if (rc == OK)
		rc = read_text(q, &f, "summary", false, &t->summary);
	if (rc == OK && json_text_empty(t->summary))
		rc = read_text(q, &f, "generate_summary", false, &t->summary);
	if (rc != OK)
		return rc;
	t->effort = effort_read(effort);
	if (t->effort == EFFORT_UNSET && !json_text_empty(effort))
		return refuse_here(q, "invalid_value", "effort", "is not an effort we know");
	if (!json_text_empty(t->summary))
		t->visible = YES;
	keep_rest(q, "reasoning", &f, known, ARRAY_LEN(known));
	return OK;
}

static enum rc format(struct reading *q, struct slice object)
{
	struct chat_format *to = &q->r->format;
	struct json_text type;
	struct fields f;
	enum rc rc;

	rc = read_fields(q, &f, object);
	if (rc != OK)
		return rc;
	rc = read_text(q, &f, "type", true, &type);
	if (rc != OK)
		return rc;
	if (json_text_is(type, LIT("text"))) {
		to->kind = FORMAT_TEXT;
		return OK;
	}
	if (json_text_is(type, LIT("json_object"))) {
		to->kind = FORMAT_JSON;
		return OK;
	}
	if (!json_text_is(type, LIT("json_schema")))
		return refuse_here(q, "invalid_value", "type",
				   "must be text, json_object or json_schema");
	to->kind = FORMAT_SCHEMA;
	to->strict = field_tri(&f, "strict");
	to->schema = field_object(&f, "schema");
	if (to->schema.n == 0)
		return refuse_here(
			q, field(&f, "schema") == NULL ? "missing_field" : "invalid_type",
			"schema", "must be an object");
	rc = read_text(q, &f, "name", true, &to->name);
	return rc == OK ? read_text(q, &f, "description", false, &to->description) : rc;
}

static enum rc on_text(struct reading *q, const struct json_member *m)
{
	static const char *const known[] = { "format", "verbosity" };
	const struct json_member *at;
	struct fields f;
	enum rc rc;

	rc = read_fields(q, &f, m->value);
	if (rc != OK)
		return rc;
	rc = read_text(q, &f, "verbosity", false, &q->r->verbosity);
	if (rc != OK)
		return rc;
	keep_rest(q, "text", &f, known, ARRAY_LEN(known));
	at = field(&f, "format");
	if (at == NULL)
		return OK;
	if (at->kind != JSON_OBJECT)
		return refuse_here(q, "invalid_type", "format", "must be an object");
	q->object = "text.format";
	return format(q, at->value);
}

/* What is asked for beside the answer.  Names that we do not know stay together. */
static enum rc on_include(struct reading *q, const struct json_member *m)
{
	struct json_array it = json_array(m->value);
	enum json_kind kind;
	struct slice value;
	bool others = false;

	q->list = "include";
	for (q->i = 0; json_array_next(&it, &value, &kind); q->i++) {
		if (kind != JSON_STRING)
			return refuse_here(q, "invalid_type", NULL, "must be a string");
		if (json_string_is(value, slice_cstr(INCLUDE_ENCRYPTED)))
			q->r->thinking.encrypted = YES;
		else if (json_string_is(value, slice_cstr(INCLUDE_LOGPROBS)))
			q->r->logprobs = YES;
		else
			others = true;
	}
	q->list = NULL;
	if (others)
		keep(q, "include", m->value);
	return OK;
}

/* ---- tools ------------------------------------------------------------------------------- */

/* Chat completions have one object more around a grammar; that shape is the common one. */
static struct slice common_format(struct reading *q, const struct fields *tool)
{
	struct slice object = field_object(tool, "format");
	struct fields f;
	struct slice definition, syntax;

	if (object.n == 0 || !fields_read(&f, object, q->a) || !field_is(&f, "type", "grammar"))
		return object;
	definition = field_json(&f, "definition");
	syntax = field_json(&f, "syntax");
	if (definition.n == 0 || syntax.n == 0)
		return object;
	return arena_fmt(
		q->a,
		"{\"type\":\"grammar\",\"grammar\":{\"definition\":%.*s,\"syntax\":%.*s}}",
		SARG(definition), SARG(syntax));
}

static enum rc tool(struct reading *q, struct slice value)
{
	const struct json_member *at;
	struct json_text type, name;
	struct chat_tool *t;
	struct fields f;
	bool custom;
	enum rc rc;

	if (json_kind(value) != JSON_OBJECT)
		return refuse_here(q, "invalid_type", NULL, "must be an object");
	rc = read_fields(q, &f, value);
	if (rc != OK)
		return rc;
	rc = read_text(q, &f, "type", true, &type);
	if (rc != OK)
		return rc;
	custom = json_text_is(type, LIT("custom"));
	if (!custom && !json_text_is(type, LIT("function"))) {
		t = chat_tool_add(q->r, q->a, TOOL_HOSTED);
		if (t == NULL)
			return E_NOMEM;
		t->raw = value;
		t->type = type;
		return OK;
	}
	rc = read_text(q, &f, "name", true, &name);
	if (rc != OK)
		return rc;
	at = custom ? NULL : field(&f, "parameters");
	if (at != NULL && at->kind != JSON_OBJECT)
		return refuse_here(q, "invalid_type", "parameters", "must be an object");
	t = chat_tool_add(q->r, q->a, custom ? TOOL_CUSTOM : TOOL_FUNCTION);
	if (t == NULL)
		return E_NOMEM;
	t->name = name;
	t->strict = field_tri(&f, "strict");
	if (custom)
		t->format = common_format(q, &f);
	else if (at != NULL)
		t->schema = at->value;
	return read_text(q, &f, "description", false, &t->description);
}

static enum rc on_tools(struct reading *q, const struct json_member *m)
{
	struct json_array it = json_array(m->value);
	enum json_kind kind;
	struct slice value;
	enum rc rc = OK;

	q->list = "tools";
	for (q->i = 0; rc == OK && json_array_next(&it, &value, &kind); q->i++)
		rc = tool(q, value);
	if (rc == OK)
		q->list = NULL;
	return rc;
}

/* {"type":"function","name":..}  False: a tool that has no name of its own. */
static bool tool_name(struct reading *q, struct slice value, struct chat_name ***tail)
{
	struct fields f;

	if (!fields_read(&f, value, q->a) ||
	    !(field_is(&f, "type", "function") || field_is(&f, "type", "custom")) ||
	    json_text_empty(field_text(&f, "name")))
		return false;
	if (chat_name_add(*tail, q->a, field_text(&f, "name")) != NULL)
		*tail = &(**tail)->next;
	return true;
}

static enum rc choice_object(struct reading *q, const struct json_member *m)
{
	struct chat_choice *c = &q->r->choice;
	struct chat_name **tail = &c->names;
	struct json_text type;
	struct json_array it;
	enum json_kind kind;
	struct slice value;
	struct fields f;
	enum rc rc;

	rc = read_fields(q, &f, m->value);
	if (rc != OK)
		return rc;
	rc = read_text(q, &f, "type", true, &type);
	if (rc != OK)
		return rc;
	if (json_text_is(type, LIT("function")) || json_text_is(type, LIT("custom"))) {
		if (json_text_empty(field_text(&f, "name")))
			return refuse_here(q, "missing_field", "name", "is required");
		c->kind = CHOICE_NAMED;
		(void)tool_name(q, m->value, &tail);
		return OK;
	}
	if (json_text_is(type, LIT("allowed_tools"))) {
		it = json_array(field_array(&f, "tools"));
		c->kind = CHOICE_ALLOWED;
		c->allowed_required = field_is(&f, "mode", "required");
		while (json_array_next(&it, &value, &kind))
			if (!tool_name(q, value, &tail))
				c->kind = CHOICE_UNSET;
		if (c->kind == CHOICE_ALLOWED)
			return OK;
	}
	*c = (struct chat_choice){ .kind = CHOICE_UNSET };
	keep(q, "tool_choice", m->value); /* of a hosted tool */
	return OK;
}

static enum rc on_tool_choice(struct reading *q, const struct json_member *m)
{
	static const struct {
		const char *name;
		enum choice_kind kind;
	} words[] = {
		{ "auto", CHOICE_AUTO },
		{ "none", CHOICE_NONE },
		{ "required", CHOICE_REQUIRED },
	};

	if (m->kind == JSON_OBJECT) {
		q->object = "tool_choice";
		return choice_object(q, m);
	}
	if (m->kind != JSON_STRING)
		return refuse_here(q, "invalid_type", "tool_choice",
				   "must be a string or an object");
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (json_string_is(m->value, slice_cstr(words[i].name)))
			q->r->choice.kind = words[i].kind;
	if (q->r->choice.kind == CHOICE_UNSET)
		return refuse_here(q, "invalid_value", "tool_choice",
				   "must be none, auto or required");
	return OK;
}

/* ---- the whole --------------------------------------------------------------------------- */

static const char *const kind_words[] = {
	[JSON_NULL] = "null",       [JSON_BOOL] = "true or false", [JSON_NUMBER] = "a number",
	[JSON_STRING] = "a string", [JSON_ARRAY] = "an array",     [JSON_OBJECT] = "an object",
};

/* In the order in which they are read: instructions become the first message.  JSON_NULL: the
 * function looks itself. */
static const struct member {
	const char *name;
	enum json_kind kind;
	enum rc (*read)(struct reading *q, const struct json_member *m);
	bool object; /* its own members are named in refusals: "text.format" */
} members[] = {
	{ "model", JSON_STRING, on_model, false },
	{ "stream", JSON_BOOL, on_stream, false },
	{ "instructions", JSON_STRING, on_instructions, false },
	{ "input", JSON_NULL, read_input, false },
	{ "max_output_tokens", JSON_NUMBER, on_max_output_tokens, false },
	{ "tools", JSON_ARRAY, on_tools, false },
	{ "tool_choice", JSON_NULL, on_tool_choice, false },
	{ "parallel_tool_calls", JSON_BOOL, on_parallel, false },
	{ "temperature", JSON_NUMBER, on_temperature, false },
	{ "top_p", JSON_NUMBER, on_top_p, false },
	{ "top_logprobs", JSON_NUMBER, on_top_logprobs, false },
	{ "reasoning", JSON_OBJECT, on_reasoning, true },
	{ "text", JSON_OBJECT, on_text, true },
	{ "include", JSON_ARRAY, on_include, false },
	{ "metadata", JSON_OBJECT, on_metadata, false },
	{ "user", JSON_STRING, on_user, false },
	{ "safety_identifier", JSON_STRING, on_user, false },
	{ "prompt_cache_key", JSON_STRING, on_cache_key, false },
	{ "service_tier", JSON_STRING, on_service_tier, false },
	{ "truncation", JSON_STRING, on_truncation, false },
	{ "stream_options", JSON_OBJECT, on_stream_options, false },
	{ "store", JSON_BOOL, on_store, false },
	{ "background", JSON_BOOL, on_nothing, false },
	{ "previous_response_id", JSON_NULL, on_nothing, false },
	{ "conversation", JSON_NULL, on_nothing, false },
	{ "prompt", JSON_NULL, on_nothing, false },
};

static enum rc read_member(struct reading *q, const struct fields *f, const struct member *row)
{
	bool twice = false;
	const struct json_member *m =
		json_member_find(f->m, f->n, slice_cstr(row->name), &twice);
	char what[40];

	if (twice)
		return refuse_here(q, "duplicate_field", row->name, "is there twice");
	if (m == NULL || m->kind == JSON_NULL)
		return OK;
	if (row->kind != JSON_NULL && m->kind != row->kind) {
		(void)snprintf(what, sizeof(what), "must be %s", kind_words[row->kind]);
		return refuse_here(q, "invalid_type", row->name, what);
	}
	q->object = row->object ? row->name : NULL;
	return row->read(q, m);
}

static void keep_unknown(struct reading *q, const struct fields *f)
{
	for (size_t i = 0; i < f->n; i++) {
		size_t k = 0;

		while (k < ARRAY_LEN(members) &&
		       !json_text_is((struct json_text){ f->m[i].key },
				     slice_cstr(members[k].name)))
			k++;
		if (k == ARRAY_LEN(members) && f->m[i].kind != JSON_NULL)
			chat_extra_add(q->r, q->a, f->m[i].key, f->m[i].value);
	}
}

static enum rc read_whole(struct reading *q, const struct request_in *in,
			  const struct fields *f)
{
	enum rc rc = responses_refuse_state(f, q->why);

	for (size_t i = 0; rc == OK && i < ARRAY_LEN(members); i++)
		rc = read_member(q, f, &members[i]);
	if (rc != OK)
		return rc;
	q->object = NULL;
	if (in->model.n > 0)
		q->r->model = in->model;
	if (in->stream != UNSET)
		q->r->stream = in->stream == YES;
	if (q->r->model.n == 0 && !arena_failed(q->a))
		return refuse_here(q, "missing_field", "model", "is required");
	if (field(f, "input") == NULL)
		return refuse_here(q, "missing_field", "input", "is required");
	keep_unknown(q, f);
	return OK;
}

enum rc responses_request_read(struct chat_request *r, const struct request_in *in,
			       struct arena *a, struct chat_refusal *why)
{
	struct reading q = { .r = r, .a = a, .why = why };
	struct fields f;
	enum rc rc;

	*r = (struct chat_request){ .body = in->body,
				    .wants_usage = true,
				    .dialect = &dialect_responses };
	r->wants = in->op == OP_COUNT_TOKENS ? CHAT_COUNT_TOKENS : CHAT_ANSWER;
	rc = request_fields(in->body, a, &f, why);
	if (rc == OK)
		rc = read_whole(&q, in, &f);
	if (rc == OK)
		chat_request_finish(r);
	return arena_failed(a) ? E_NOMEM : rc;
}
