/* Requests of the `openai` dialect: all but their messages (messages_read.c).
 * Source: OpenAI API reference, "Create chat completion". */
#include "chat/openai/parts.h"
#include "chat/openai/reading.h"

/* Checked, but of no other dialect: an extra. */
enum { KEPT = 1 << 16 };

/* Every member that the dialect defines, and the types that it may have. */
#define TOP_TABLE(X)                                                                           \
	X(AUDIO, "audio", WANT_OBJECT)                                                         \
	X(FREQUENCY_PENALTY, "frequency_penalty", WANT_NUMBER)                                 \
	X(FUNCTION_CALL, "function_call", WANT_STRING | WANT_OBJECT)                           \
	X(FUNCTIONS, "functions", WANT_ARRAY)                                                  \
	X(LOGIT_BIAS, "logit_bias", WANT_OBJECT | KEPT)                                        \
	X(LOGPROBS, "logprobs", WANT_BOOL)                                                     \
	X(MAX_COMPLETION_TOKENS, "max_completion_tokens", WANT_NUMBER)                         \
	X(MAX_TOKENS, "max_tokens", WANT_NUMBER)                                               \
	X(MESSAGES, "messages", WANT_ARRAY)                                                    \
	X(METADATA, "metadata", WANT_OBJECT)                                                   \
	X(MODALITIES, "modalities", WANT_ARRAY)                                                \
	X(MODEL, "model", WANT_STRING)                                                         \
	X(N, "n", WANT_NUMBER)                                                                 \
	X(PARALLEL_TOOL_CALLS, "parallel_tool_calls", WANT_BOOL)                               \
	X(PREDICTION, "prediction", WANT_OBJECT | KEPT)                                        \
	X(PRESENCE_PENALTY, "presence_penalty", WANT_NUMBER)                                   \
	X(PROMPT_CACHE_KEY, "prompt_cache_key", WANT_STRING)                                   \
	X(REASONING_EFFORT, "reasoning_effort", WANT_STRING)                                   \
	X(RESPONSE_FORMAT, "response_format", WANT_OBJECT)                                     \
	X(SAFETY_IDENTIFIER, "safety_identifier", WANT_STRING)                                 \
	X(SEED, "seed", WANT_NUMBER)                                                           \
	X(SERVICE_TIER, "service_tier", WANT_STRING)                                           \
	X(STOP, "stop", WANT_STRING | WANT_ARRAY)                                              \
	X(STORE, "store", WANT_BOOL)                                                           \
	X(STREAM, "stream", WANT_BOOL)                                                         \
	X(STREAM_OPTIONS, "stream_options", WANT_OBJECT)                                       \
	X(TEMPERATURE, "temperature", WANT_NUMBER)                                             \
	X(TOOL_CHOICE, "tool_choice", WANT_STRING | WANT_OBJECT)                               \
	X(TOOLS, "tools", WANT_ARRAY)                                                          \
	X(TOP_K, "top_k", WANT_NUMBER) /* of most compatible servers */                        \
	X(TOP_LOGPROBS, "top_logprobs", WANT_NUMBER)                                           \
	X(TOP_P, "top_p", WANT_NUMBER)                                                         \
	X(USER, "user", WANT_STRING)                                                           \
	X(VERBOSITY, "verbosity", WANT_STRING)                                                 \
	X(WEB_SEARCH_OPTIONS, "web_search_options", WANT_OBJECT | KEPT)

#define TOP_ENUM(id, name, types) TOP_##id,
enum top { TOP_TABLE(TOP_ENUM) TOPS };
#undef TOP_ENUM

#define TOP_ROW(id, name, types) { LITC(name), types },
static const struct {
	struct slice name;
	unsigned types;
} tops[] = { TOP_TABLE(TOP_ROW) };
#undef TOP_ROW

static size_t top_of(const struct json_member *m)
{
	size_t i = 0;

	while (i < TOPS && (m->key_escaped ? json_member_find(m, 1, tops[i].name, NULL) == NULL
					   : !slice_eq(m->key, tops[i].name)))
		i++;
	return i;
}

/* Sorts the members into those we know, in v[], and the others. */
static void sort_members(struct reading *rd, const struct fields *f, struct slice *v)
{
	bool seen[TOPS] = { false };

	for (size_t i = 0; i < f->n && rd->rc == OK; i++) {
		size_t at = top_of(&f->m[i]);
		const char *name = at < TOPS ? tops[at].name.p : NULL;

		if (at == TOPS) {
			if (f->m[i].kind != JSON_NULL)
				chat_extra_add(rd->r, rd->a, f->m[i].key, f->m[i].value);
		} else if (seen[at]) {
			refuse_at(rd, NULL, name, "duplicate_field",
				  "is there twice; send it once");
		} else if (f->m[i].kind != JSON_NULL &&
			   typed(rd, NULL, name, f->m[i].value, tops[at].types & ~KEPT)) {
			v[at] = f->m[i].value;
			if ((tops[at].types & KEPT) != 0)
				chat_extra_add(rd->r, rd->a, f->m[i].key, f->m[i].value);
		}
		if (at < TOPS)
			seen[at] = true;
	}
}

/* ---- tools ------------------------------------------------------------------ */

static void read_function(struct reading *rd, const struct where *w, struct slice object)
{
	struct chat_tool *t = chat_tool_add(rd->r, rd->a, TOOL_FUNCTION);
	struct fields f;

	if (t == NULL || !members(rd, w, object, &f))
		return;
	t->name = take_needed(rd, &f, w, "name");
	t->description = take_text(rd, &f, w, "description");
	t->schema = take(rd, &f, w, "parameters", WANT_OBJECT);
	t->strict = take_tri(rd, &f, w, "strict");
}

static void read_custom(struct reading *rd, const struct where *w, struct slice object)
{
	struct chat_tool *t = chat_tool_add(rd->r, rd->a, TOOL_CUSTOM);
	struct fields f;

	if (t == NULL || !members(rd, w, object, &f))
		return;
	t->name = take_needed(rd, &f, w, "name");
	t->description = take_text(rd, &f, w, "description");
	t->format = take(rd, &f, w, "format", WANT_OBJECT);
}

static void read_tool(struct reading *rd, const struct where *w, struct slice tool)
{
	const struct where function = { w, "function", 0 }, custom = { w, "custom", 0 };
	struct json_text type;
	struct chat_tool *t;
	struct slice inner;
	struct fields f;

	if (!members(rd, w, tool, &f))
		return;
	type = take_text(rd, &f, w, "type");
	if (json_text_empty(type) || json_text_is(type, LIT("function"))) {
		inner = take(rd, &f, w, "function", WANT_OBJECT);
		if (inner.n == 0)
			refuse_at(rd, w, "function", "missing_field", "is missing");
		else
			read_function(rd, &function, inner);
	} else if (json_text_is(type, LIT("custom"))) {
		inner = take(rd, &f, w, "custom", WANT_OBJECT);
		if (inner.n == 0)
			refuse_at(rd, w, "custom", "missing_field", "is missing");
		else
			read_custom(rd, &custom, inner);
	} else { /* some servers run tools of their own */
		t = chat_tool_add(rd->r, rd->a, TOOL_HOSTED);
		if (t != NULL) {
			t->type = type;
			t->raw = tool;
		}
	}
}

static void read_tools(struct reading *rd, struct slice tools, struct slice functions)
{
	struct where list = { NULL, "tools", 0 }, at = { &list, NULL, 0 };
	struct json_array it = json_array(tools);
	enum json_kind kind;
	struct slice value;

	for (; rd->rc == OK && json_array_next(&it, &value, &kind); at.index++)
		read_tool(rd, &at, value);
	list.name = "functions";
	at.index = 0;
	it = json_array(functions);
	for (; rd->rc == OK && json_array_next(&it, &value, &kind); at.index++)
		read_function(rd, &at, value);
}

/* {"name": ..} under `name`, or directly for the deprecated function_call. */
static void choice_name(struct reading *rd, const struct where *w, const struct fields *f,
			const char *name)
{
	const struct where at = { w, name, 0 };
	struct slice object = take(rd, f, w, name, WANT_OBJECT);
	struct fields inner;

	if (object.n == 0) {
		refuse_at(rd, w, name, "missing_field", "is missing");
		return;
	}
	if (members(rd, &at, object, &inner))
		chat_name_add(&rd->r->choice.names, rd->a,
			      take_needed(rd, &inner, &at, "name"));
}

static void read_allowed(struct reading *rd, const struct where *w, const struct fields *choice)
{
	const struct where in = { w, "allowed_tools", 0 }, list = { &in, "tools", 0 };
	struct slice object = take(rd, choice, w, "allowed_tools", WANT_OBJECT);
	struct where at = { &list, NULL, 0 };
	struct json_text mode;
	struct fields f, tool;
	struct json_array it;
	struct slice value;
	enum json_kind kind;

	rd->r->choice.kind = CHOICE_ALLOWED;
	if (object.n == 0) {
		refuse_at(rd, w, "allowed_tools", "missing_field", "is missing");
		return;
	}
	if (!members(rd, &in, object, &f))
		return;
	mode = take_text(rd, &f, &in, "mode");
	rd->r->choice.allowed_required = json_text_is(mode, LIT("required"));
	if (!rd->r->choice.allowed_required && !json_text_is(mode, LIT("auto")))
		refuse_at(rd, &in, "mode", "invalid_value", "must be \"auto\" or \"required\"");
	it = json_array(take(rd, &f, &in, "tools", WANT_ARRAY));
	for (; rd->rc == OK && json_array_next(&it, &value, &kind); at.index++)
		if (members(rd, &at, value, &tool))
			choice_name(rd, &at, &tool,
				    field_is(&tool, "type", "custom") ? "custom" : "function");
	if (rd->r->choice.names == NULL)
		refuse_at(rd, &in, "tools", "missing_field", "must name a tool");
}

static void read_choice(struct reading *rd, struct slice value)
{
	static const struct {
		struct slice name;
		enum choice_kind kind;
	} words[] = { { LITC("auto"), CHOICE_AUTO },
		      { LITC("none"), CHOICE_NONE },
		      { LITC("required"), CHOICE_REQUIRED } };
	const struct where w = { NULL, "tool_choice", 0 };
	struct fields f;

	if (json_kind(value) == JSON_STRING) {
		for (size_t i = 0; i < ARRAY_LEN(words); i++)
			if (json_string_is(value, words[i].name))
				rd->r->choice.kind = words[i].kind;
		if (rd->r->choice.kind == CHOICE_UNSET)
			refuse_at(rd, &w, NULL, "invalid_value",
				  "must be \"auto\", \"none\", \"required\" or an object");
		return;
	}
	if (!members(rd, &w, value, &f))
		return;
	rd->r->choice.kind = CHOICE_NAMED;
	if (field_is(&f, "type", "function"))
		choice_name(rd, &w, &f, "function");
	else if (field_is(&f, "type", "custom"))
		choice_name(rd, &w, &f, "custom");
	else if (field_is(&f, "type", "allowed_tools"))
		read_allowed(rd, &w, &f);
	else
		refuse_at(rd, &w, "type", "invalid_value",
			  "must be \"function\", \"custom\" or \"allowed_tools\"");
}

/* The deprecated function_call: "none", "auto" or {"name": ..}. */
static void read_function_call(struct reading *rd, struct slice value)
{
	const struct where w = { NULL, "function_call", 0 };
	struct fields f;

	if (json_kind(value) == JSON_STRING) {
		if (json_string_is(value, LIT("none")))
			rd->r->choice.kind = CHOICE_NONE;
		else if (json_string_is(value, LIT("auto")))
			rd->r->choice.kind = CHOICE_AUTO;
		else
			refuse_at(rd, &w, NULL, "invalid_value",
				  "must be \"none\", \"auto\" or an object");
		return;
	}
	rd->r->choice.kind = CHOICE_NAMED;
	if (members(rd, &w, value, &f))
		chat_name_add(&rd->r->choice.names, rd->a, take_needed(rd, &f, &w, "name"));
}

/* ---- the rest --------------------------------------------------------------- */

static void read_format(struct reading *rd, struct slice value)
{
	const struct where w = { NULL, "response_format", 0 }, in = { &w, "json_schema", 0 };
	struct chat_format *format = &rd->r->format;
	struct fields f, schema;
	struct slice inner;

	if (!members(rd, &w, value, &f))
		return;
	if (field_is(&f, "type", "text")) {
		format->kind = FORMAT_TEXT;
	} else if (field_is(&f, "type", "json_object")) {
		format->kind = FORMAT_JSON;
	} else if (field_is(&f, "type", "json_schema")) {
		format->kind = FORMAT_SCHEMA;
		inner = take(rd, &f, &w, "json_schema", WANT_OBJECT);
		if (inner.n == 0)
			refuse_at(rd, &w, "json_schema", "missing_field", "is missing");
		else if (members(rd, &in, inner, &schema)) {
			format->name = take_text(rd, &schema, &in, "name");
			format->description = take_text(rd, &schema, &in, "description");
			format->schema = take(rd, &schema, &in, "schema", WANT_OBJECT);
			format->strict = take_tri(rd, &schema, &in, "strict");
			/* Without one it is JSON of any kind: other dialects need a schema. */
			if (format->schema.n == 0)
				format->kind = FORMAT_JSON;
		}
	} else {
		refuse_at(rd, &w, "type", "invalid_value",
			  "must be \"text\", \"json_object\" or \"json_schema\"");
	}
}

static void read_stop(struct reading *rd, struct slice value)
{
	const struct where w = { NULL, "stop", 0 };
	struct where at = { &w, NULL, 0 };
	struct chat_name **last = &rd->r->stop;
	struct json_array it = json_array(value);
	enum json_kind kind;

	if (json_kind(value) == JSON_STRING) {
		chat_name_add(last, rd->a, json_text_of(value));
		return;
	}
	for (; rd->rc == OK && json_array_next(&it, &value, &kind); at.index++)
		if (typed(rd, &at, NULL, value, WANT_STRING) &&
		    chat_name_add(last, rd->a, json_text_of(value)) != NULL)
			last = &(*last)->next;
}

static void read_modalities(struct reading *rd, struct slice value)
{
	const struct where w = { NULL, "modalities", 0 };
	struct where at = { &w, NULL, 0 };
	struct json_array it = json_array(value);
	enum json_kind kind;

	for (; rd->rc == OK && json_array_next(&it, &value, &kind); at.index++) {
		if (!typed(rd, &at, NULL, value, WANT_STRING))
			return;
		rd->r->wants_audio |= json_string_is(value, LIT("audio"));
		rd->r->wants_images |= json_string_is(value, LIT("image"));
	}
}

static void read_effort(struct reading *rd, struct slice value)
{
	struct chat_thinking *t = &rd->r->thinking;

	t->effort = effort_read(json_text_of(value));
	if (json_string_is(value, LIT("default"))) /* Groq's word for: not said */
		return;
	if (t->effort == EFFORT_UNSET)
		refuse_at(rd, NULL, "reasoning_effort", "invalid_value",
			  "must be none, minimal, low, medium, high, xhigh or max");
}

static void read_metadata(struct reading *rd, struct slice value)
{
	const struct where w = { NULL, "metadata", 0 };
	struct fields f;

	if (!members(rd, &w, value, &f))
		return;
	for (size_t i = 0; i < f.n; i++)
		if (f.m[i].kind != JSON_STRING)
			refuse_at(rd, &w, NULL, "invalid_type", "must have strings as values");
	rd->r->metadata = value;
}

static void read_model(struct reading *rd, const struct request_in *in, struct slice value)
{
	rd->r->model = in->model;
	if (in->model.n > 0)
		return;
	if (value.n == 0)
		refuse_at(rd, NULL, "model", "missing_field",
			  "is missing: name the model to ask");
	else if (!json_string_nonempty(value))
		refuse_at(rd, NULL, "model", "invalid_value", "must not be empty");
	else if (!json_string(value, rd->a, &rd->r->model))
		rd->rc = E_NOMEM;
}

static void read_stream(struct reading *rd, const struct request_in *in, const struct slice *v)
{
	const struct where w = { NULL, "stream_options", 0 };
	struct fields f;
	bool on = false;

	rd->r->stream = v[TOP_STREAM].n > 0 && json_bool(v[TOP_STREAM], &on) && on;
	if (in->stream != UNSET)
		rd->r->stream = in->stream == YES;
	if (v[TOP_STREAM_OPTIONS].n > 0 && members(rd, &w, v[TOP_STREAM_OPTIONS], &f))
		rd->r->wants_usage = take_tri(rd, &f, &w, "include_usage") == YES;
}

static void read_numbers(struct reading *rd, const struct slice *v)
{
	struct chat_request *r = rd->r;
	struct slice most = v[TOP_MAX_COMPLETION_TOKENS];

	r->max_tokens = whole(rd, NULL, "max_tokens", v[TOP_MAX_TOKENS]);
	if (most.n > 0)
		r->max_tokens = whole(rd, NULL, "max_completion_tokens", most);
	r->temperature = v[TOP_TEMPERATURE];
	r->top_p = v[TOP_TOP_P];
	r->top_k = v[TOP_TOP_K];
	r->frequency_penalty = v[TOP_FREQUENCY_PENALTY];
	r->presence_penalty = v[TOP_PRESENCE_PENALTY];
	r->seed = v[TOP_SEED];
	r->top_logprobs = whole(rd, NULL, "top_logprobs", v[TOP_TOP_LOGPROBS]);
	r->n = whole(rd, NULL, "n", v[TOP_N]);
	/* Every answer wanted is memory and money. */
	if (v[TOP_N].n > 0 && (r->n < 1 || r->n > OPENAI_CHOICES_MAX))
		refuse_at(rd, NULL, "n", "invalid_value", "must be from 1 to 128");
}

static enum tri tri_of(struct slice value)
{
	bool v;

	return !json_bool(value, &v) ? UNSET : v ? YES : NO;
}

static void read_plain_members(struct reading *rd, const struct slice *v)
{
	struct chat_request *r = rd->r;

	r->user = json_text_of(v[v[TOP_USER].n > 0 ? TOP_USER : TOP_SAFETY_IDENTIFIER]);
	r->cache_key = json_text_of(v[TOP_PROMPT_CACHE_KEY]);
	r->service_tier = json_text_of(v[TOP_SERVICE_TIER]);
	r->verbosity = json_text_of(v[TOP_VERBOSITY]);
	r->parallel_tools = tri_of(v[TOP_PARALLEL_TOOL_CALLS]);
	r->logprobs = tri_of(v[TOP_LOGPROBS]);
	r->store = tri_of(v[TOP_STORE]);
	r->audio = v[TOP_AUDIO];
	if (v[TOP_USER].n > 0 && v[TOP_SAFETY_IDENTIFIER].n > 0)
		chat_extra_add(r, rd->a, LIT("safety_identifier"), v[TOP_SAFETY_IDENTIFIER]);
}

static void read_all(struct reading *rd, const struct request_in *in, const struct slice *v)
{
	read_model(rd, in, v[TOP_MODEL]);
	read_stream(rd, in, v);
	if (v[TOP_MESSAGES].n == 0)
		refuse_at(rd, NULL, "messages", "missing_field", "is missing");
	openai_messages_read(rd, v[TOP_MESSAGES]);
	read_numbers(rd, v);
	read_plain_members(rd, v);
	read_tools(rd, v[TOP_TOOLS], v[TOP_FUNCTIONS]);
	if (v[TOP_TOOL_CHOICE].n > 0)
		read_choice(rd, v[TOP_TOOL_CHOICE]);
	else if (v[TOP_FUNCTION_CALL].n > 0)
		read_function_call(rd, v[TOP_FUNCTION_CALL]);
	if (v[TOP_RESPONSE_FORMAT].n > 0)
		read_format(rd, v[TOP_RESPONSE_FORMAT]);
	if (v[TOP_STOP].n > 0)
		read_stop(rd, v[TOP_STOP]);
	if (v[TOP_MODALITIES].n > 0)
		read_modalities(rd, v[TOP_MODALITIES]);
	if (v[TOP_REASONING_EFFORT].n > 0)
		read_effort(rd, v[TOP_REASONING_EFFORT]);
	if (v[TOP_METADATA].n > 0)
		read_metadata(rd, v[TOP_METADATA]);
}

enum rc openai_request_from(struct chat_request *r, const struct request_in *in,
			    struct arena *a, struct chat_refusal *why)
{
	struct reading rd = { .r = r, .a = a, .why = why };
	struct slice v[TOPS] = { 0 };
	struct fields f;
	enum rc rc;

	*r = (struct chat_request){ .dialect = &dialect_openai, .body = in->body };
	if (in->op == OP_COUNT_TOKENS)
		r->wants = CHAT_COUNT_TOKENS;
	rc = request_fields(in->body, a, &f, why);
	if (rc != OK)
		return rc;
	sort_members(&rd, &f, v);
	if (rd.rc == OK)
		read_all(&rd, in, v);
	if (arena_failed(a))
		return E_NOMEM;
	if (rd.rc == OK)
		chat_request_finish(r);
	return rd.rc;
}
