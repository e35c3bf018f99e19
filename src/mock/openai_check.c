/* What OpenAI's chat completions and their relatives read, and what they refuse. */
#include "mock/openai.h"

#define TOP                                                                                    \
	"model messages max_completion_tokens max_tokens temperature top_p n stream "          \
	"stream_options stop frequency_penalty presence_penalty logit_bias logprobs "          \
	"top_logprobs seed tools tool_choice parallel_tool_calls functions function_call "     \
	"response_format reasoning_effort verbosity modalities audio prediction "              \
	"service_tier metadata store user safety_identifier prompt_cache_key "                 \
	"prompt_cache_retention prompt_cache_options web_search_options moderation"
#define TOP_MISTRAL                                                                            \
	"model messages max_tokens temperature top_p n stream stop frequency_penalty "         \
	"presence_penalty random_seed safe_prompt tools tool_choice parallel_tool_calls "      \
	"response_format reasoning_effort prompt_mode guardrails prompt_cache_key "            \
	"prediction metadata"

enum { PENDING_MAX = 128 };

struct walk {
	struct question *q;
	struct slice pending[PENDING_MAX];
	size_t pending_n;
	char path[96];
	struct slice before; /* the role of the message before */
};

static struct slice str(const struct json *o, const char *name)
{
	return json_str(json_get(o, name));
}

static bool is(const struct json *o, const char *name, const char *value)
{
	return slice_eq(str(o, name), slice_cstr(value));
}

static bool given(const struct json *o, const char *name)
{
	const struct json *v = json_get(o, name);

	return v != NULL && !json_is_null(v);
}

/* ---- reading -------------------------------------------------------------------------------
 */

static uint64_t number(const struct json_member *m, size_t n, const char *name, uint64_t other)
{
	const struct json_member *f = json_member_find(m, n, slice_cstr(name), NULL);

	if (f != NULL && !json_u64(f->value, &other))
		return other;
	return other;
}

static bool flag(const struct json_member *m, size_t n, const char *name, bool other)
{
	const struct json_member *f = json_member_find(m, n, slice_cstr(name), NULL);

	if (f != NULL && !json_bool(f->value, &other))
		return other;
	return other;
}

static void read_stream_options(struct openai_ask *a, const struct json_member *m, size_t n)
{
	const struct json_member *o = json_member_find(m, n, LIT("stream_options"), NULL);
	struct json_member so[8];

	if (o == NULL || o->kind != JSON_OBJECT)
		return;
	n = size_min(json_object(o->value, so, ARRAY_LEN(so)), ARRAY_LEN(so));
	a->include_usage = flag(so, n, "include_usage", false);
}

static void read_tools(struct question *q)
{
	const struct json *tools = json_get(q->root, "tools");
	const struct json *choice = json_get(q->root, "tool_choice");
	const struct json *messages = json_get(q->root, "messages");
	struct slice word = json_str(choice);

	for (size_t i = 0; i < json_len(tools); i++) {
		const struct json *f = json_get(json_at(tools, i), "function");

		if (f != NULL)
			ask_offer(q, str(f, "name"), json_get(f, "parameters"));
	}
	if (slice_eq(word, LIT("none")))
		q->mode = CALL_NONE;
	else if (slice_eq(word, LIT("required")) || slice_eq(word, LIT("any")) ||
		 json_is_object(choice))
		q->mode = CALL_ANY;
	q->named = str(json_get(choice, "function"), "name");
	q->one_call = !json_true(json_get(q->root, "parallel_tool_calls"), true);
	q->results_last = is(json_at(messages, json_len(messages) - 1), "role", "tool");
}

static bool thinks(const struct json *root)
{
	const struct json *thinking = json_get(root, "thinking");

	return (given(root, "reasoning_effort") && !is(root, "reasoning_effort", "none")) ||
	       given(root, "reasoning") || is(thinking, "type", "enabled") ||
	       json_true(json_get(root, "enable_thinking"), false);
}

void openai_read(struct openai_ask *a, const struct json_member *m, size_t n)
{
	struct question *q = &a->q;
	const struct json *format = json_get(q->root, "response_format");
	uint64_t choices = number(m, n, "n", 1);

	a->choices = choices < 1 ? 1 : choices > 128 ? 128 : choices;
	a->top = number(m, n, "top_logprobs", 0);
	q->max_tokens = number(m, n, "max_completion_tokens", number(m, n, "max_tokens", 0));
	q->logprobs = flag(m, n, "logprobs", false) ||
		      (!a->legacy && number(m, n, "logprobs", 0) > 0);
	read_stream_options(a, m, n);
	if (q->root == NULL)
		return;
	read_tools(q);
	q->think = thinks(q->root);
	ask_stops(q, json_get(q->root, "stop"));
	q->json = is(format, "type", "json_object") || is(format, "type", "json_schema");
	q->schema = json_get(json_get(format, "json_schema"), "schema");
	if (q->schema == NULL)
		q->schema = json_get(format, "schema");
}

/* ---- messages ------------------------------------------------------------------------------
 */

static bool image(struct walk *w, const struct json *part)
{
	const struct json *v = json_get(part, "image_url");
	struct slice url = json_is_string(v) ? json_str(v) : str(v, "url"), kind, rest;

	if (slice_starts(url, LIT("https://")) || slice_starts(url, LIT("http://")))
		return true;
	if (!slice_starts(url, LIT("data:")) ||
	    !slice_cut(slice_skip(url, 5), ';', &kind, &rest) ||
	    !slice_starts(rest, LIT("base64,")))
		return ask_wrong(w->q, 0, "Invalid '%s.image_url.url'. Expected a valid URL.",
				 w->path);
	if (!mock_in_list("image/png image/jpeg image/jpg image/gif image/webp", kind))
		return ask_wrong(w->q, 0, "%s: You uploaded an unsupported image (%.*s).",
				 w->path, SARG(slice_head(kind, 40)));
	return ask_media(w->q, slice_skip(rest, 7), kind, w->path);
}

static bool audio(struct walk *w, const struct json *part)
{
	const struct json *v = json_get(part, "input_audio");

	if (json_is_string(v)) /* Mistral's */
		return true;
	if (!is(v, "format", "wav") && !is(v, "format", "mp3"))
		return ask_wrong(w->q, 0,
				 "Invalid value: '%s.input_audio.format'. Supported "
				 "values are: 'wav' and 'mp3'.",
				 w->path);
	return ask_media(w->q, str(v, "data"), LIT(""), w->path);
}

static bool file(struct walk *w, const struct json *part)
{
	const struct json *v = json_get(part, "file");
	struct slice data = str(v, "file_data"), rest;

	if (str(v, "file_id").n > 0)
		return true;
	if (slice_starts(data, LIT("data:")) && slice_cut(data, ',', NULL, &rest))
		data = rest;
	if (data.n == 0)
		return ask_wrong(w->q, 0, "Missing required parameter: '%s.file.file_id'.",
				 w->path);
	return ask_media(w->q, data, LIT(""), w->path);
}

static bool part(struct walk *w, const struct json *p, struct slice role)
{
	const char *kinds = "text";
	struct slice type = str(p, "type");

	if (slice_eq(role, LIT("user")))
		kinds = "text image_url input_audio file";
	else if (slice_eq(role, LIT("assistant")))
		kinds = "text refusal";
	if (quirk(w->q->o, QUIRK_CONTENT_LIST) &&
	    mock_in_list("thinking reasoning document_url reference", type))
		return true;
	if (!mock_in_list(kinds, type))
		return ask_wrong(w->q, 0,
				 "Invalid value: '%.*s' at '%s.type'. Supported values "
				 "are: %s.",
				 SARG(slice_head(type, 40)), w->path, kinds);
	if (slice_eq(type, LIT("image_url")))
		return image(w, p);
	if (slice_eq(type, LIT("input_audio")))
		return audio(w, p);
	if (slice_eq(type, LIT("file")))
		return file(w, p);
	if (!json_is_string(json_get(p, slice_eq(type, LIT("text")) ? "text" : "refusal")))
		return ask_wrong(w->q, 0, "Missing required parameter: '%s.text'.", w->path);
	return true;
}

static bool content(struct walk *w, const struct json *m, struct slice role)
{
	const struct json *c = json_get(m, "content");
	size_t end = strlen(w->path);
	bool ok = true;

	if (json_is_string(c))
		return true;
	if (c == NULL || json_is_null(c)) {
		if (slice_eq(role, LIT("assistant")) &&
		    (json_len(json_get(m, "tool_calls")) > 0 || given(m, "function_call") ||
		     given(m, "refusal") || given(m, "audio") || given(m, "reasoning_details")))
			return true;
		return ask_wrong(w->q, 0,
				 "Invalid value for 'content' at '%s': expected a "
				 "string, got null.",
				 w->path);
	}
	if (!json_is_array(c) || json_len(c) == 0)
		return ask_wrong(w->q, 0,
				 "Invalid type for '%s.content': expected a string or "
				 "an array of objects.",
				 w->path);
	for (size_t i = 0; ok && i < json_len(c); i++) {
		snprintf(w->path + end, sizeof(w->path) - end, ".content[%zu]", i);
		ok = part(w, json_at(c, i), role);
	}
	w->path[end] = '\0';
	return ok;
}

static bool id_ok(struct walk *w, struct slice id)
{
	if (!quirk(w->q->o, QUIRK_ID_9))
		return id.n > 0;
	return id.n == 9 && ask_name_ok(id, 9, "") && slice_find_char(id, '_') == SLICE_NONE &&
	       slice_find_char(id, '-') == SLICE_NONE;
}

static bool calls(struct walk *w, const struct json *list)
{
	if (!json_is_array(list) || json_len(list) == 0)
		return ask_wrong(w->q, 0,
				 "Invalid '%s.tool_calls': empty array. Expected an "
				 "array with minimum length 1.",
				 w->path);
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *c = json_at(list, i), *f = json_get(c, "function");

		if (!id_ok(w, str(c, "id")))
			return ask_wrong(w->q, 0, "Invalid '%s.tool_calls[%zu].id'.", w->path,
					 i);
		for (size_t k = 0; k < w->pending_n; k++)
			if (slice_eq(w->pending[k], str(c, "id")))
				return ask_wrong(w->q, 0,
						 "Duplicate value for 'tool_call_id' "
						 "of '%.*s'",
						 SARG(slice_head(str(c, "id"), 64)));
		if (w->pending_n < PENDING_MAX)
			w->pending[w->pending_n++] = str(c, "id");
		if (is(c, "type", "custom"))
			continue;
		if (!is(c, "type", "function") && w->q->o->as == NULL)
			return ask_wrong(w->q, 0,
					 "Missing required parameter: "
					 "'%s.tool_calls[%zu].type'.",
					 w->path, i);
		if (!ask_name_ok(str(f, "name"), 64, ""))
			return ask_wrong(w->q, 0,
					 "Invalid '%s.tool_calls[%zu].function.name': "
					 "string does not match pattern.",
					 w->path, i);
		if (!json_is_string(json_get(f, "arguments")))
			return ask_wrong(w->q, 0,
					 "Invalid type for '%s.tool_calls[%zu].function."
					 "arguments': expected a string.",
					 w->path, i);
	}
	return true;
}

/* What OpenRouter issued must come back as it was. */
static bool details(struct walk *w, const struct json *list)
{
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *d = json_at(list, i);
		struct slice sign = str(d, "signature");
		bool ok = true;

		if (is(d, "type", "reasoning.encrypted"))
			ok = ask_token_ok(str(d, "data"), slice_of(NULL, 0));
		else if (sign.n > 0)
			ok = ask_token_ok(sign, str(d, "text"));
		if (!ok)
			return ask_wrong(w->q, 0,
					 "%s.reasoning_details[%zu]: Invalid signature",
					 w->path, i);
	}
	return true;
}

static bool unanswered(struct walk *w)
{
	return ask_wrong(w->q, 0,
			 "An assistant message with 'tool_calls' must be followed by tool "
			 "messages responding to each 'tool_call_id'. The following "
			 "tool_call_ids did not have response messages: %.*s",
			 SARG(slice_head(w->pending[0], 64)));
}

static bool result(struct walk *w, const struct json *m)
{
	struct slice id = str(m, "tool_call_id");

	for (size_t i = 0; i < w->pending_n; i++)
		if (slice_eq(w->pending[i], id)) {
			w->pending[i] = w->pending[--w->pending_n];
			return content(w, m, LIT("tool"));
		}
	return ask_wrong(w->q, 0,
			 "Invalid parameter at '%s': messages with role 'tool' must be a "
			 "response to a preceeding message with 'tool_calls'.",
			 w->path);
}

static bool assistant(struct walk *w, const struct json *m)
{
	if (quirk(w->q->o, QUIRK_WANTS_THOUGHTS) &&
	    slice_find(w->q->model, LIT("v4")) != SLICE_NONE &&
	    !json_is_string(json_get(m, "reasoning_content")))
		return ask_wrong(w->q, 0,
				 "Missing `reasoning_content` field in the assistant "
				 "message at '%s'",
				 w->path);
	if (quirk(w->q->o, QUIRK_DETAILS) && !details(w, json_get(m, "reasoning_details")))
		return false;
	if (!content(w, m, LIT("assistant")))
		return false;
	return !given(m, "tool_calls") || calls(w, json_get(m, "tool_calls"));
}

static bool message(struct walk *w, const struct json *m, size_t i)
{
	static const char roles[] = "system developer user assistant tool function";
	struct slice role = str(m, "role"), before = w->before;

	snprintf(w->path, sizeof(w->path), "messages[%zu]", i);
	w->before = role;
	if (!json_is_object(m))
		return ask_wrong(w->q, 0, "Invalid type for '%s': expected an object.",
				 w->path);
	if (!mock_in_list(roles, role))
		return ask_wrong(w->q, 0,
				 "Invalid value: '%.*s' at '%s.role'. Supported values "
				 "are: %s.",
				 SARG(slice_head(role, 40)), w->path, roles);
	if (slice_eq(role, LIT("tool")))
		return result(w, m);
	if (w->pending_n > 0)
		return unanswered(w);
	if (quirk(w->q->o, QUIRK_TAKES_TURNS) && i > 0 && slice_eq(role, before) &&
	    !slice_eq(role, LIT("system")))
		return ask_wrong(w->q, 0,
				 "After the (optional) system message(s), user and "
				 "assistant roles should be alternating.");
	if (slice_eq(role, LIT("assistant")))
		return assistant(w, m);
	return slice_eq(role, LIT("function")) || content(w, m, role);
}

static bool messages(struct walk *w)
{
	const struct json *list = json_get(w->q->root, "messages");

	if (!json_is_array(list))
		return ask_wrong(w->q, 0,
				 "Invalid type for 'messages': expected an array of "
				 "objects.");
	if (json_len(list) == 0)
		return ask_wrong(w->q, 0,
				 "Invalid 'messages': empty array. Expected an array "
				 "with minimum length 1.");
	for (size_t i = 0; i < json_len(list); i++)
		if (!message(w, json_at(list, i), i))
			return false;
	return w->pending_n == 0 || unanswered(w);
}

/* ---- the rest ------------------------------------------------------------------------------
 */

enum { SCHEMA_DEPTH = 32 };

static bool strict_members(struct question *q, const struct json *s, struct slice what,
			   unsigned depth)
{
	const struct json *p = json_get(s, "properties"), *required = json_get(s, "required");
	const struct json *value;
	struct json_iter it;
	struct slice key;

	json_iter_init(&it, p);
	while (json_iter_next(&it, &key, &value)) {
		bool found = false;

		for (size_t i = 0; i < json_len(required); i++)
			found |= slice_eq(json_str(json_at(required, i)), key);
		if (!found)
			return ask_wrong(q, 0,
					 "Invalid schema for '%.*s': 'required' is required "
					 "to be supplied and to be an array including "
					 "every key in properties. Missing '%.*s'.",
					 SARG(what), SARG(slice_head(key, 64)));
		if (!openai_strict_schema(q, value, what, depth + 1))
			return false;
	}
	return true;
}

bool openai_strict_schema(struct question *q, const struct json *s, struct slice what,
			  unsigned depth)
{
	const struct json *any = json_get(s, "anyOf");

	if (!json_is_object(s) || depth > SCHEMA_DEPTH)
		return true;
	if (is(s, "type", "object") && json_true(json_get(s, "additionalProperties"), true))
		return ask_wrong(q, 0,
				 "Invalid schema for '%.*s': 'additionalProperties' is "
				 "required to be supplied and to be false.",
				 SARG(what));
	for (size_t i = 0; i < json_len(any); i++)
		if (!openai_strict_schema(q, json_at(any, i), what, depth + 1))
			return false;
	return strict_members(q, s, what, depth) &&
	       openai_strict_schema(q, json_get(s, "items"), what, depth + 1);
}

/* OpenAI does; its relatives take what comes. */
static bool judges_schemas(const struct question *q)
{
	return q->o->as == NULL || quirk(q->o, QUIRK_REASONING_RULES);
}

static bool tools(struct question *q)
{
	const struct json *list = json_get(q->root, "tools");

	if (!given(q->root, "tools")) {
		if (given(q->root, "tool_choice") && !is(q->root, "tool_choice", "none"))
			return ask_wrong(q, 0,
					 "Invalid value for 'tool_choice': 'tool_choice' "
					 "is only allowed when 'tools' are specified.");
		if (given(q->root, "parallel_tool_calls"))
			return ask_wrong(q, 0,
					 "Invalid value for 'parallel_tool_calls': "
					 "'parallel_tool_calls' is only allowed when "
					 "'tools' are specified.");
		return true;
	}
	if (!json_is_array(list) || json_len(list) == 0)
		return ask_wrong(q, 0,
				 "Invalid 'tools': empty array. Expected an array with "
				 "minimum length 1.");
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *t = json_at(list, i), *f = json_get(t, "function");

		if (!is(t, "type", "function"))
			continue; /* custom, or hosted by a relative */
		if (!ask_name_ok(str(f, "name"), 64, ""))
			return ask_wrong(q, 0,
					 "Invalid 'tools[%zu].function.name': string does "
					 "not match pattern.",
					 i);
		if (given(f, "parameters") && !json_is_object(json_get(f, "parameters")))
			return ask_wrong(q, 0,
					 "Invalid type for 'tools[%zu].function."
					 "parameters': expected an object.",
					 i);
		if (given(f, "parameters") && given(json_get(f, "parameters"), "type") &&
		    !is(json_get(f, "parameters"), "type", "object"))
			return ask_wrong(q, 0,
					 "Invalid schema for function '%.*s': schema must "
					 "be a JSON Schema of 'type: \"object\"'.",
					 SARG(str(f, "name")));
	}
	return true;
}

static bool tool_choice(struct question *q)
{
	const struct json *c = json_get(q->root, "tool_choice");
	const char *words = q->o->as == NULL ? "none auto required" : "none auto required any";

	if (c == NULL || json_is_null(c))
		return true;
	if (json_is_string(c))
		return mock_in_list(words, json_str(c)) ||
		       ask_wrong(q, 0, "Invalid value: '%.*s' at 'tool_choice'.",
				 SARG(slice_head(json_str(c), 40)));
	if (!is(c, "type", "function"))
		return json_is_object(c) || ask_wrong(q, 0, "Invalid type for 'tool_choice'.");
	for (size_t i = 0; i < q->tool_n; i++)
		if (slice_eq(q->tools[i].name, q->named))
			return true;
	return ask_wrong(q, 0,
			 "Invalid value for 'tool_choice': function '%.*s' not found in "
			 "'tools'.",
			 SARG(slice_head(q->named, 64)));
}

static bool in_range(struct question *q, const char *name, double low, double high)
{
	const struct json *v = json_get(q->root, name);
	double d = json_num(v, 0);

	if (v == NULL || json_is_null(v))
		return true;
	if (!json_is_number(v) || d < low || d > high)
		return ask_wrong(q, 0, "Invalid '%s': expected a number in %g..%g.", name, low,
				 high);
	return true;
}

static bool format(struct question *q)
{
	const struct json *f = json_get(q->root, "response_format");
	const struct json *s = json_get(f, "json_schema");

	if (f == NULL || json_is_null(f))
		return true;
	if (!mock_in_list("text json_object json_schema", str(f, "type")))
		return ask_wrong(q, 0, "Invalid value: '%.*s' at 'response_format.type'.",
				 SARG(slice_head(str(f, "type"), 40)));
	if (!is(f, "type", "json_schema") || (s == NULL && q->o->as != NULL) ||
	    (quirk(q->o, QUIRK_TAKES_TURNS) && s != NULL))
		return true;
	if (json_true(json_get(s, "strict"), false) && judges_schemas(q) &&
	    !openai_strict_schema(q, json_get(s, "schema"), LIT("response_format"), 0))
		return false;
	if (quirk(q->o, QUIRK_STRICT) && !ask_name_ok(str(s, "name"), 64, ""))
		return ask_wrong(q, 0,
				 "Missing required parameter: "
				 "'response_format.json_schema.name'.");
	return true;
}

static bool parameters(struct openai_ask *a)
{
	struct question *q = &a->q;
	const struct json *stop = json_get(q->root, "stop");

	if (!in_range(q, "temperature", 0, 2) || !in_range(q, "top_p", 0, 1) ||
	    !in_range(q, "frequency_penalty", -2, 2) ||
	    !in_range(q, "presence_penalty", -2, 2) || !in_range(q, "n", 1, 128) ||
	    !in_range(q, "top_logprobs", 0, 20) || !in_range(q, "max_tokens", 1, 1e9) ||
	    !in_range(q, "max_completion_tokens", 1, 1e9))
		return false;
	if (given(q->root, "top_logprobs") && !q->logprobs)
		return ask_wrong(q, 0,
				 "The 'logprobs' parameter must be set to true when "
				 "'top_logprobs' is used.");
	if (given(q->root, "stream_options") && !q->stream)
		return ask_wrong(q, 0,
				 "The 'stream_options' parameter is only allowed when "
				 "'stream' is enabled.");
	if (given(q->root, "max_tokens") && given(q->root, "max_completion_tokens"))
		return ask_wrong(q, 0,
				 "Setting 'max_tokens' and 'max_completion_tokens' at the "
				 "same time is not supported.");
	if (json_is_array(stop) && json_len(stop) > 4)
		return ask_wrong(q, 0,
				 "Invalid 'stop': array too long. Expected an array with "
				 "maximum length 4.");
	if (given(q->root, "reasoning_effort") &&
	    !mock_in_list("none minimal low medium high xhigh max default",
			  str(q->root, "reasoning_effort")))
		return ask_wrong(q, 0, "Invalid value: '%.*s' at 'reasoning_effort'.",
				 SARG(slice_head(str(q->root, "reasoning_effort"), 40)));
	return true;
}

static bool reasons(struct slice model)
{
	static const char *const names[] = { "o1", "o3", "o4", "gpt-5", "gpt-6" };

	if (slice_starts(model, LIT("gpt-5-chat")))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (slice_starts(model, slice_cstr(names[i])))
			return true;
	return false;
}

/* Members that this provider, or this model of it, does not take. */
static bool refused(struct question *q, const struct json_member *m, size_t n)
{
	static const char never[] = "max_tokens top_p frequency_penalty presence_penalty "
				    "logit_bias logprobs top_logprobs";
	const struct mock_as *as = q->o->as;
	bool rules = quirk(q->o, QUIRK_REASONING_RULES) && reasons(q->model);
	bool own_list = as != NULL && quirk(q->o, QUIRK_ID_9);

	for (size_t i = 0; as != NULL && i < n; i++) {
		if (m[i].kind == JSON_NULL)
			continue;
		if (as->refused != NULL && mock_in_list(as->refused, m[i].key))
			return ask_wrong(q, as->refused_status, "Unsupported parameter: '%.*s'",
					 SARG(m[i].key));
		if (rules && mock_in_list(never, m[i].key))
			return ask_wrong(q, 0,
					 "Unsupported parameter: '%.*s' is not supported "
					 "with this model.",
					 SARG(m[i].key));
		if (quirk(q->o, QUIRK_STRICT) &&
		    !mock_in_list(own_list ? TOP_MISTRAL : TOP, m[i].key))
			return ask_wrong(q, own_list ? 422 : 400,
					 "Unrecognized request argument supplied: %.*s",
					 SARG(slice_head(m[i].key, 64)));
	}
	if (rules && json_num(json_get(q->root, "temperature"), 1) != 1)
		return ask_wrong(q, 0,
				 "Unsupported value: 'temperature' does not support %g with "
				 "this model. Only the default (1) value is supported.",
				 json_num(json_get(q->root, "temperature"), 1));
	return true;
}

void openai_check(struct openai_ask *a, const struct json_member *m, size_t n)
{
	struct walk w = { .q = &a->q };

	if (a->q.root == NULL || a->legacy || !refused(&a->q, m, n) || !parameters(a) ||
	    !tools(&a->q) || !tool_choice(&a->q) || !format(&a->q))
		return;
	if (!messages(&w))
		return;
}
