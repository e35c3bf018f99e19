/* Requests to a provider that speaks the `openai` dialect, or nearly.  Source: OpenAI API
 * reference, "Create chat completion"; the quirks are said in catalogue/providers.h. */
#include "chat/openai/parts.h"
#include "chat/openai/writing.h"

bool param_taken(struct writing *w, const char *name)
{
	return target_param(w->t, name, w->lost);
}

/* ---- members that are copied ------------------------------------------------ */

static void json_out(struct writing *w, const char *name, struct slice value)
{
	if (value.n > 0 && param_taken(w, name))
		out_key(w->o, name), out_json(w->o, value);
}

static void text_out(struct writing *w, const char *name, struct json_text value)
{
	if (!json_text_empty(value) && param_taken(w, name))
		out_key(w->o, name), out_text(w->o, value);
}

static void tri_out(struct writing *w, const char *name, enum tri value)
{
	if (value != UNSET && param_taken(w, name))
		out_key(w->o, name), out_bool(w->o, value == YES);
}

/* ---- schemas ---------------------------------------------------------------- */

enum { SCHEMA_DEPTH_MAX = 40 };

/* Members whose value has names of our own as its keys, not words of JSON Schema. */
static bool holds_names(struct slice key)
{
	return slice_eq(key, LIT("properties")) || slice_eq(key, LIT("patternProperties")) ||
	       slice_eq(key, LIT("$defs")) || slice_eq(key, LIT("definitions"));
}

/* True: something was left out. */
static bool bare_schema_out(struct json_out *o, struct slice v, bool names, unsigned depth)
{
	struct json_member few[64];
	struct json_array it;
	enum json_kind kind;
	struct slice value;
	bool cut = false;
	size_t n;

	n = json_object(v, few, ARRAY_LEN(few));
	if (depth == SCHEMA_DEPTH_MAX || n > ARRAY_LEN(few) ||
	    (json_kind(v) != JSON_OBJECT && json_kind(v) != JSON_ARRAY)) {
		out_json(o, v);
		return false;
	}
	if (json_kind(v) == JSON_ARRAY) {
		out_array(o);
		for (it = json_array(v); json_array_next(&it, &value, &kind);)
			cut |= bare_schema_out(o, value, false, depth + 1);
		out_close(o);
		return cut;
	}
	out_object(o);
	for (size_t i = 0; i < n; i++) {
		if (!names && slice_eq(few[i].key, LIT("additionalProperties"))) {
			cut = true;
			continue;
		}
		out_key_text(o, (struct json_text){ few[i].key });
		cut |= bare_schema_out(o, few[i].value, !names && holds_names(few[i].key),
				       depth + 1);
	}
	out_close(o);
	return cut;
}

static void schema_out(struct writing *w, const char *name, struct slice schema)
{
	if (schema.n == 0)
		return;
	out_key(w->o, name);
	if (!quirk(w, QUIRK_NO_ADDITIONAL))
		out_json(w->o, schema);
	else if (bare_schema_out(w->o, schema, false, 0))
		lost_param(w->lost, "additionalProperties");
}

static void strict_out(struct writing *w, enum tri strict)
{
	if (strict == UNSET)
		return;
	if (!quirk(w, QUIRK_NO_STRICT))
		out_key(w->o, "strict"), out_bool(w->o, strict == YES);
	else if (strict == YES)
		lost_param(w->lost, "strict");
}

/* ---- tools ------------------------------------------------------------------ */

static bool has_name(const struct chat_name *n, struct json_text name)
{
	for (; n != NULL; n = n->next)
		if (slice_eq(n->name.s, name.s))
			return true;
	return false;
}

static void tool_out(struct writing *w, const struct chat_tool *t, size_t index)
{
	const char *type = t->kind == TOOL_CUSTOM ? "custom" : "function";

	if (t->cache != CACHE_NONE)
		lost_param(w->lost, "tools.cache_control");
	if (t->kind == TOOL_HOSTED) {
		if (w->own)
			out_json(w->o, t->raw);
		else
			lost_tool(w->lost, index, t->type);
		return;
	}
	out_object(w->o);
	out_key(w->o, "type"), out_lit(w->o, type);
	out_key(w->o, type);
	out_object(w->o);
	out_key(w->o, "name"), out_text(w->o, t->name);
	if (!json_text_empty(t->description))
		out_key(w->o, "description"), out_text(w->o, t->description);
	if (t->kind == TOOL_CUSTOM) {
		if (t->format.n > 0)
			out_key(w->o, "format"), out_json(w->o, t->format);
	} else {
		schema_out(w, "parameters", t->schema);
		strict_out(w, t->strict);
	}
	out_close(w->o);
	out_close(w->o);
}

/* Only OpenAI's own clients name a subset of the tools in OpenAI's words; for others the rest
 * is left out, which means the same and is understood everywhere. */
static bool filters_tools(const struct writing *w)
{
	return w->r->choice.kind == CHOICE_ALLOWED && !w->own;
}

/* False: there are none. */
static bool tools_out(struct writing *w)
{
	size_t index = 0;
	bool open = false;

	for (const struct chat_tool *t = w->r->tools; t != NULL; t = t->next, index++) {
		if (t->kind == TOOL_HOSTED && !w->own) {
			lost_tool(w->lost, index, t->type);
			continue;
		}
		if (filters_tools(w) && !has_name(w->r->choice.names, t->name))
			continue;
		if (!open) {
			out_key(w->o, "tools");
			out_array(w->o);
			open = true;
		}
		tool_out(w, t, index);
	}
	if (open)
		out_close(w->o);
	return open;
}

static bool is_custom(const struct chat_request *r, struct json_text name)
{
	for (const struct chat_tool *t = r->tools; t != NULL; t = t->next)
		if (t->kind == TOOL_CUSTOM && slice_eq(t->name.s, name.s))
			return true;
	return false;
}

/* {"type":"function","function":{"name":..}} */
static void named_out(struct writing *w, struct json_text name)
{
	const char *type = is_custom(w->r, name) ? "custom" : "function";

	out_object(w->o);
	out_key(w->o, "type"), out_lit(w->o, type);
	out_key(w->o, type);
	out_object(w->o);
	out_key(w->o, "name"), out_text(w->o, name);
	out_close(w->o);
	out_close(w->o);
}

static void allowed_out(struct writing *w, const struct chat_choice *c)
{
	out_object(w->o);
	out_key(w->o, "type"), out_lit(w->o, "allowed_tools");
	out_key(w->o, "allowed_tools");
	out_object(w->o);
	out_key(w->o, "mode"), out_lit(w->o, c->allowed_required ? "required" : "auto");
	out_key(w->o, "tools");
	out_array(w->o);
	for (const struct chat_name *n = c->names; n != NULL; n = n->next)
		named_out(w, n->name);
	out_close(w->o);
	out_close(w->o);
	out_close(w->o);
}

static const char *choice_word(const struct writing *w, enum choice_kind kind)
{
	if (kind == CHOICE_REQUIRED)
		return quirk(w, QUIRK_CHOICE_ANY) ? "any" : "required";
	return kind == CHOICE_NONE ? "none" : "auto";
}

static void choice_out(struct writing *w)
{
	const struct chat_choice *c = &w->r->choice;
	enum choice_kind kind = c->kind;

	if (kind == CHOICE_UNSET || !param_taken(w, "tool_choice"))
		return;
	if (filters_tools(w))
		kind = c->allowed_required ? CHOICE_REQUIRED : CHOICE_AUTO;
	if (quirk(w, QUIRK_CHOICE_AUTO) && kind != CHOICE_AUTO && kind != CHOICE_NONE) {
		lost_param(w->lost, "tool_choice");
		return;
	}
	if (kind == CHOICE_NAMED && c->names != NULL) {
		out_key(w->o, "tool_choice");
		named_out(w, c->names->name);
	} else if (kind == CHOICE_ALLOWED) {
		out_key(w->o, "tool_choice");
		allowed_out(w, c);
	} else {
		out_key(w->o,
			quirk(w, QUIRK_CHOICE_OPTION) ? "tool_choice_option" : "tool_choice");
		out_lit(w->o, choice_word(w, kind));
	}
}

static void tool_members_out(struct writing *w)
{
	if (w->r->tools != NULL && tools_out(w)) {
		choice_out(w);
		tri_out(w, "parallel_tool_calls", w->r->parallel_tools);
	} else if (w->r->choice.kind == CHOICE_REQUIRED || w->r->choice.kind == CHOICE_NAMED ||
		   w->r->choice.kind == CHOICE_ALLOWED) {
		lost_param(w->lost, "tool_choice");
	}
}

/* ---- the rest --------------------------------------------------------------- */

static void format_out(struct writing *w)
{
	const struct chat_format *f = &w->r->format;
	const bool bare = quirk(w, QUIRK_BARE_SCHEMA);
	bool schema = f->kind == FORMAT_SCHEMA;

	/* Text is what they give anyway, and not all know the word. */
	if (f->kind == FORMAT_UNSET ||
	    (f->kind == FORMAT_TEXT && (!w->own || quirk(w, QUIRK_NO_TEXT_FORMAT))) ||
	    !param_taken(w, "response_format"))
		return;
	if (schema && quirk(w, QUIRK_NO_JSON_SCHEMA)) {
		lost_param(w->lost, "response_format.json_schema");
		schema = false;
	}
	out_key(w->o, "response_format");
	out_object(w->o);
	out_key(w->o, "type");
	out_lit(w->o, schema ? "json_schema" : f->kind == FORMAT_TEXT ? "text" : "json_object");
	if (schema) {
		out_key(w->o, "json_schema");
		out_object(w->o);
		if (!bare) {
			out_key(w->o, "name");
			out_text(w->o, json_text_empty(f->name) ? JTEXT("answer") : f->name);
			if (!json_text_empty(f->description))
				out_key(w->o, "description"), out_text(w->o, f->description);
		}
		schema_out(w, "schema", f->schema);
		if (!bare)
			strict_out(w, f->strict);
		out_close(w->o);
	}
	out_close(w->o);
}

/* A limit over the model's own is refused by some, and does not mean more than that. */
static void max_tokens_out(struct writing *w)
{
	const char *name = quirk(w, QUIRK_MAX_TOKENS) ? "max_tokens" : "max_completion_tokens";
	uint64_t most = w->r->max_tokens;

	if (most == 0 || !param_taken(w, name))
		return;
	if (w->t->max_output > 0 && most > w->t->max_output)
		most = w->t->max_output;
	out_key(w->o, name), out_u64(w->o, most);
}

static void temperature_out(struct writing *w)
{
	const double most = quirk(w, QUIRK_TEMPERATURE_1)     ? 1
			    : quirk(w, QUIRK_TEMPERATURE_1_5) ? 1.5
							      : 0;
	struct slice t = w->r->temperature;
	double wanted = 0;

	if (t.n == 0 || !param_taken(w, "temperature"))
		return;
	out_key(w->o, "temperature");
	if (most > 0 && json_double(t, &wanted) && wanted > most) {
		lost_param(w->lost, "temperature");
		out_num(w->o, most);
	} else {
		out_json(w->o, t);
	}
}

static void sampling_out(struct writing *w)
{
	const struct chat_request *r = w->r;

	if (w->t->no_sampling) {
		if (r->temperature.n > 0)
			lost_param(w->lost, "temperature");
		if (r->top_p.n > 0)
			lost_param(w->lost, "top_p");
	} else {
		temperature_out(w);
		json_out(w, "top_p", r->top_p);
	}
	/* Not OpenAI's, but of many of its compatible servers: whoever asked in this dialect
	 * knows whom. */
	if (w->own && !w->t->no_sampling)
		json_out(w, "top_k", r->top_k);
	else if (r->top_k.n > 0)
		lost_param(w->lost, "top_k");
	json_out(w, "frequency_penalty", r->frequency_penalty);
	json_out(w, "presence_penalty", r->presence_penalty);
	json_out(w, quirk(w, QUIRK_RANDOM_SEED) ? "random_seed" : "seed", r->seed);
}

static void logprobs_out(struct writing *w)
{
	const struct chat_request *r = w->r;

	if (quirk(w, QUIRK_INT_LOGPROBS)) {
		if (r->logprobs == YES && param_taken(w, "logprobs"))
			out_key(w->o, "logprobs"),
				out_u64(w->o, r->top_logprobs > 0 ? r->top_logprobs : 1);
		return;
	}
	tri_out(w, "logprobs", r->logprobs);
	if (r->top_logprobs > 0 && param_taken(w, "top_logprobs"))
		out_key(w->o, "top_logprobs"), out_u64(w->o, r->top_logprobs);
}

static void stop_out(struct writing *w)
{
	if (w->r->stop == NULL || !param_taken(w, "stop"))
		return;
	out_key(w->o, "stop");
	out_array(w->o);
	for (const struct chat_name *n = w->r->stop; n != NULL; n = n->next)
		out_text(w->o, n->name);
	out_close(w->o);
}

static void thinking_out(struct writing *w)
{
	const struct chat_thinking *t = &w->r->thinking;
	enum effort effort = t->effort;

	if (effort == EFFORT_UNSET && t->budget > 0)
		effort = effort_of_budget(t->budget);
	if (effort != EFFORT_UNSET && param_taken(w, "reasoning_effort"))
		out_key(w->o, "reasoning_effort"), out_lit(w->o, effort_name(effort));
	/* Whether thoughts are shown cannot be asked for: those who do show them always do. */
	if (!json_text_empty(t->summary))
		lost_param(w->lost, "reasoning.summary");
	if (t->encrypted == YES)
		lost_param(w->lost, "reasoning.encrypted_content");
}

static void modalities_out(struct writing *w)
{
	const struct chat_request *r = w->r;

	if ((r->wants_audio || r->wants_images) && param_taken(w, "modalities")) {
		out_key(w->o, "modalities");
		out_array(w->o);
		out_lit(w->o, "text");
		if (r->wants_audio)
			out_lit(w->o, "audio");
		if (r->wants_images)
			out_lit(w->o, "image");
		out_close(w->o);
	}
	json_out(w, "audio", r->audio);
}

static void n_out(struct writing *w)
{
	if (w->r->n == 0)
		return;
	if (!quirk(w, QUIRK_ONE_ANSWER))
		out_key(w->o, "n"), out_u64(w->o, w->r->n);
	else if (w->r->n > 1)
		lost_param(w->lost, "n");
}

static void stream_out(struct writing *w)
{
	if (!w->r->stream)
		return;
	out_key(w->o, "stream"), out_bool(w->o, true);
	if (quirk(w, QUIRK_NO_STREAM_OPTIONS) || !target_takes(w->t, LIT("stream_options")))
		return;
	/* The usage of a stream must be known, whether or not the client wants to see it. */
	out_key(w->o, "stream_options");
	out_object(w->o);
	out_key(w->o, "include_usage"), out_bool(w->o, true);
	out_close(w->o);
}

static void extras_out(struct writing *w)
{
	struct json_text name;

	if (!w->own) {
		lost_extras(w->lost, w->r);
		return;
	}
	for (const struct chat_extra *x = w->r->extras; x != NULL; x = x->next) {
		name.s = x->key;
		if (param_taken(w, arena_cstr(w->o->a, json_text_plain(name, w->o->a))))
			out_key_text(w->o, name), out_json(w->o, x->value);
	}
}

enum rc openai_request_to(const struct chat_request *r, const struct chat_target *t,
			  struct json_out *out, struct chat_lost *lost,
			  struct chat_refusal *why)
{
	struct writing w = { .r = r,
			     .t = t,
			     .o = out,
			     .lost = lost,
			     .why = why,
			     .own = r->dialect == &dialect_openai };

	if (r->wants == CHAT_COUNT_TOKENS)
		return refuse_request(why, "unsupported_value", NULL,
				      "This deployment cannot count tokens.");
	out_object(out);
	out_key(out, quirk(&w, QUIRK_MODEL_ID) ? "model_id" : "model");
	out_str(out, t->model);
	openai_messages_write(&w);
	stream_out(&w);
	tool_members_out(&w);
	format_out(&w);
	thinking_out(&w);
	max_tokens_out(&w);
	sampling_out(&w);
	n_out(&w);
	stop_out(&w);
	logprobs_out(&w);
	modalities_out(&w);
	text_out(&w, "user", r->user);
	json_out(&w, "metadata", r->metadata);
	text_out(&w, "prompt_cache_key", r->cache_key);
	text_out(&w, "service_tier", r->service_tier);
	text_out(&w, "verbosity", r->verbosity);
	tri_out(&w, "store", r->store);
	extras_out(&w);
	out_close(out);
	if (w.rc != OK)
		return w.rc;
	return out_ok(out) && !arena_failed(out->a) ? OK : E_NOMEM;
}
