/* What OpenAI's Responses read and refuse (platform.openai.com/docs/api-reference/responses,
 * and its errors as met).  Every request is taken to be stateless: nothing is stored here. */
#include "mock/responses.h"

#define TOP                                                                                    \
	"model input instructions previous_response_id conversation max_output_tokens "        \
	"max_tool_calls tools tool_choice parallel_tool_calls temperature top_p top_logprobs " \
	"reasoning text truncation include store stream stream_options background "            \
	"service_tier prompt metadata context_management moderation user safety_identifier "   \
	"prompt_cache_key prompt_cache_retention prompt_cache_options"

enum { CALLS_MAX = 128 };

struct walk {
	struct responses_ask *a;
	struct question *q;
	struct slice calls[CALLS_MAX]; /* ids that have no output yet */
	size_t call_n;
	bool reasoning; /* the item before was one */
	char path[64];
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

/* "Unknown parameter: 'input[0].x'." */
static bool only(struct question *q, const struct json *o, const char *path, const char *names)
{
	struct json_iter it;
	const struct json *value;
	struct slice key;

	if (!json_is_object(o))
		return ask_wrong(q, 0, "Invalid type for '%s': expected an object.", path);
	json_iter_init(&it, o);
	while (json_iter_next(&it, &key, &value))
		if (!mock_in_list(names, key))
			return ask_wrong(q, 0, "Unknown parameter: '%s%s%.*s'.", path,
					 *path != '\0' ? "." : "", SARG(slice_head(key, 64)));
	return true;
}

/* ---- content -------------------------------------------------------------------------------
 */

static bool data_url(struct walk *w, struct slice url, const char *what)
{
	struct slice kind, rest;

	if (!slice_starts(url, LIT("data:")) ||
	    !slice_cut(slice_skip(url, 5), ';', &kind, &rest) ||
	    !slice_starts(rest, LIT("base64,")))
		return ask_wrong(w->q, 0,
				 "Invalid '%s.%s'. Expected a base64-encoded data URL.",
				 w->path, what);
	return ask_media(w->q, slice_skip(rest, 7), kind, w->path);
}

static bool image(struct walk *w, const struct json *p)
{
	struct slice url = str(p, "image_url");

	if (!only(w->q, p, w->path, "type image_url file_id detail prompt_cache_breakpoint"))
		return false;
	if (given(p, "detail") && !mock_in_list("auto low high original", str(p, "detail")))
		return ask_wrong(w->q, 0, "Invalid value at '%s.detail'.", w->path);
	if (str(p, "file_id").n > 0 || slice_starts(url, LIT("https://")) ||
	    slice_starts(url, LIT("http://")))
		return true;
	return data_url(w, url, "image_url");
}

static bool file(struct walk *w, const struct json *p)
{
	struct slice data = str(p, "file_data");

	if (!only(w->q, p, w->path,
		  "type file_id file_data filename file_url detail prompt_cache_breakpoint"))
		return false;
	if (str(p, "file_id").n > 0 || str(p, "file_url").n > 0)
		return true;
	if (str(p, "filename").n == 0)
		return ask_wrong(w->q, 0, "Missing required parameter: '%s.filename'.",
				 w->path);
	return data_url(w, data, "file_data");
}

static bool part(struct walk *w, const struct json *p, bool assistant)
{
	const char *kinds = assistant ? "output_text refusal"
				      : "input_text input_image input_file input_audio";
	struct slice type = str(p, "type");

	if (!mock_in_list(kinds, type))
		return ask_wrong(w->q, 0,
				 "Invalid value: '%.*s' at '%s.type'. Supported values "
				 "are: %s.",
				 SARG(slice_head(type, 40)), w->path, kinds);
	if (slice_eq(type, LIT("input_image")))
		return image(w, p);
	if (slice_eq(type, LIT("input_file")))
		return file(w, p);
	if (slice_ends(type, LIT("_text")) && !json_is_string(json_get(p, "text")))
		return ask_wrong(w->q, 0, "Missing required parameter: '%s.text'.", w->path);
	return !slice_ends(type, LIT("_text")) ||
	       only(w->q, p, w->path, "type text annotations logprobs prompt_cache_breakpoint");
}

static bool parts(struct walk *w, const struct json *c, const char *name, bool assistant)
{
	size_t end = strlen(w->path);
	bool ok = true;

	if (json_is_string(c))
		return true;
	if (!json_is_array(c))
		return ask_wrong(w->q, 0, "Invalid type for '%s.%s'.", w->path, name);
	for (size_t i = 0; ok && i < json_len(c); i++) {
		snprintf(w->path + end, sizeof(w->path) - end, ".%s[%zu]", name, i);
		ok = part(w, json_at(c, i), assistant);
	}
	w->path[end] = '\0';
	return ok;
}

/* ---- items ---------------------------------------------------------------------------------
 */

static bool message(struct walk *w, const struct json *m)
{
	if (!only(w->q, m, w->path, "type role content status id phase"))
		return false;
	if (!mock_in_list("user assistant system developer", str(m, "role")))
		return ask_wrong(w->q, 0,
				 "Invalid value: '%.*s' at '%s.role'. Supported values "
				 "are: 'assistant', 'system', 'developer', and 'user'.",
				 SARG(slice_head(str(m, "role"), 40)), w->path);
	return parts(w, json_get(m, "content"), "content", is(m, "role", "assistant"));
}

static bool call(struct walk *w, const struct json *c)
{
	if (!only(w->q, c, w->path, "type id call_id name arguments status namespace"))
		return false;
	if (str(c, "call_id").n == 0 || str(c, "call_id").n > 64)
		return ask_wrong(w->q, 0, "Invalid '%s.call_id': a string of 1 to 64.",
				 w->path);
	if (given(c, "id") && !slice_starts(str(c, "id"), LIT("fc")))
		return ask_wrong(w->q, 0,
				 "Invalid '%s.id': '%.*s'. Expected an ID that begins "
				 "with 'fc'.",
				 w->path, SARG(slice_head(str(c, "id"), 40)));
	if (!ask_name_ok(str(c, "name"), 128, ""))
		return ask_wrong(w->q, 0, "Invalid '%s.name': string does not match pattern.",
				 w->path);
	if (!json_is_string(json_get(c, "arguments")))
		return ask_wrong(w->q, 0, "Invalid type for '%s.arguments': expected a string.",
				 w->path);
	if (w->call_n < CALLS_MAX)
		w->calls[w->call_n++] = str(c, "call_id");
	return true;
}

static bool result(struct walk *w, const struct json *r)
{
	struct slice id = str(r, "call_id");

	if (!only(w->q, r, w->path, "type id call_id output status"))
		return false;
	for (size_t i = 0; i < w->call_n; i++)
		if (slice_eq(w->calls[i], id)) {
			w->calls[i] = w->calls[--w->call_n];
			return parts(w, json_get(r, "output"), "output", false);
		}
	return ask_wrong(w->q, 0,
			 "No tool call found for function call output with call_id "
			 "%.*s.",
			 SARG(slice_head(id, 64)));
}

static bool reasoning(struct walk *w, const struct json *r)
{
	struct slice token = str(r, "encrypted_content");

	if (!only(w->q, r, w->path, "type id summary content encrypted_content status"))
		return false;
	if (!json_is_array(json_get(r, "summary")))
		return ask_wrong(w->q, 0, "Missing required parameter: '%s.summary'.", w->path);
	if (token.n == 0)
		return ask_wrong(w->q, 0,
				 "Item with id '%.*s' not found. Items are not persisted "
				 "when `store` is set to false. Try again with `store` "
				 "set to true, or remove this item from your input.",
				 SARG(slice_head(str(r, "id"), 64)));
	return ask_token_ok(token, slice_of(NULL, 0)) ||
	       ask_wrong(w->q, 0, "The encrypted content for item %.*s could not be verified.",
			 SARG(slice_head(str(r, "id"), 64)));
}

static bool item(struct walk *w, const struct json *m, size_t i)
{
	static const char others[] =
		"custom_tool_call custom_tool_call_output web_search_call file_search_call "
		"computer_call computer_call_output code_interpreter_call "
		"image_generation_call "
		"local_shell_call local_shell_call_output shell_call shell_call_output "
		"apply_patch_call apply_patch_call_output mcp_list_tools mcp_approval_request "
		"mcp_approval_response mcp_call compaction tool_search_call tool_search_output";
	struct slice type = str(m, "type");

	snprintf(w->path, sizeof(w->path), "input[%zu]", i);
	w->reasoning = slice_eq(type, LIT("reasoning"));
	w->q->results_last = slice_eq(type, LIT("function_call_output"));
	if (type.n == 0 || slice_eq(type, LIT("message")))
		return message(w, m);
	if (slice_eq(type, LIT("function_call")))
		return call(w, m);
	if (w->q->results_last)
		return result(w, m);
	if (w->reasoning)
		return reasoning(w, m);
	if (slice_eq(type, LIT("item_reference")))
		return ask_wrong(w->q, 0, "Item with id '%.*s' not found.",
				 SARG(slice_head(str(m, "id"), 64)));
	return mock_in_list(others, type) ||
	       ask_wrong(w->q, 0, "Invalid value: '%.*s' at '%s.type'.",
			 SARG(slice_head(type, 40)), w->path);
}

static bool input(struct walk *w)
{
	const struct json *list = json_get(w->q->root, "input");

	if (json_is_string(list))
		return true;
	if (!json_is_array(list))
		return given(w->q->root, "prompt") ||
		       ask_wrong(w->q, 0, "Missing required parameter: 'input'.");
	for (size_t i = 0; i < json_len(list); i++)
		if (!item(w, json_at(list, i), i))
			return false;
	if (w->reasoning)
		return ask_wrong(w->q, 0,
				 "Item of type 'reasoning' was provided without its "
				 "required following item.");
	if (w->call_n > 0)
		return ask_wrong(w->q, 0, "No tool output found for function call %.*s.",
				 SARG(slice_head(w->calls[0], 64)));
	return true;
}

/* ---- the rest ------------------------------------------------------------------------------
 */

static bool tools(struct question *q)
{
	static const char hosted[] =
		"custom web_search web_search_preview file_search code_interpreter "
		"image_generation mcp computer computer_use_preview shell local_shell "
		"apply_patch "
		"tool_search namespace";
	const struct json *list = json_get(q->root, "tools");

	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *t = json_at(list, i);
		char path[32];

		snprintf(path, sizeof(path), "tools[%zu]", i);
		if (!is(t, "type", "function")) {
			if (!mock_in_list(hosted, str(t, "type")))
				return ask_wrong(q, 0, "Invalid value: '%.*s' at '%s.type'.",
						 SARG(slice_head(str(t, "type"), 40)), path);
			continue;
		}
		if (!ask_name_ok(str(t, "name"), 128, ""))
			return ask_wrong(q, 0, "Missing required parameter: '%s.name'.", path);
		if (!only(q, t, path, "type name parameters strict description defer_loading"))
			return false;
		if (given(t, "parameters") && !is(json_get(t, "parameters"), "type", "object"))
			return ask_wrong(q, 0,
					 "Invalid schema for function '%.*s': schema must "
					 "be a JSON Schema of 'type: \"object\"'.",
					 SARG(str(t, "name")));
		if (json_true(json_get(t, "strict"), false) &&
		    !openai_strict_schema(q, json_get(t, "parameters"), str(t, "name"), 0))
			return false;
		ask_offer(q, str(t, "name"), json_get(t, "parameters"));
	}
	return true;
}

static bool tool_choice(struct question *q)
{
	const struct json *c = json_get(q->root, "tool_choice");

	q->one_call = !json_true(json_get(q->root, "parallel_tool_calls"), true);
	if (!given(q->root, "tool_choice"))
		return true;
	if (json_is_string(c)) {
		if (!mock_in_list("none auto required", json_str(c)))
			return ask_wrong(q, 0, "Invalid value at 'tool_choice'.");
		if (slice_eq(json_str(c), LIT("none")))
			q->mode = CALL_NONE;
		if (slice_eq(json_str(c), LIT("required")))
			q->mode = CALL_ANY;
		if (q->mode == CALL_ANY && json_len(json_get(q->root, "tools")) == 0)
			return ask_wrong(q, 0,
					 "Tool choice 'required' must be specified with "
					 "'tools' parameter.");
		return true;
	}
	if (!is(c, "type", "function"))
		return json_is_object(c) || ask_wrong(q, 0, "Invalid type for 'tool_choice'.");
	if (!only(q, c, "tool_choice", "type name"))
		return false;
	q->named = str(c, "name");
	for (size_t i = 0; i < q->tool_n; i++)
		if (slice_eq(q->tools[i].name, q->named))
			return true;
	return ask_wrong(q, 0, "Tool choice '%.*s' not found in 'tools' parameter.",
			 SARG(slice_head(q->named, 64)));
}

static bool text(struct question *q)
{
	const struct json *t = json_get(q->root, "text"), *f = json_get(t, "format");

	if (!given(q->root, "text"))
		return true;
	if (!only(q, t, "text", "format verbosity"))
		return false;
	if (!given(t, "format") || is(f, "type", "text"))
		return true;
	if (!is(f, "type", "json_object") && !is(f, "type", "json_schema"))
		return ask_wrong(q, 0, "Invalid value at 'text.format.type'.");
	if (!only(q, f, "text.format", "type name schema strict description"))
		return false;
	q->json = true;
	if (is(f, "type", "json_object"))
		return true;
	q->schema = json_get(f, "schema");
	if (!ask_name_ok(str(f, "name"), 64, ""))
		return ask_wrong(q, 0, "Missing required parameter: 'text.format.name'.");
	if (!json_is_object(q->schema))
		return ask_wrong(q, 0, "Missing required parameter: 'text.format.schema'.");
	return !json_true(json_get(f, "strict"), false) ||
	       openai_strict_schema(q, q->schema, LIT("text.format.schema"), 0);
}

static bool effort(struct responses_ask *a)
{
	const struct json *r = json_get(a->q.root, "reasoning");

	if (!given(a->q.root, "reasoning"))
		return true;
	if (!only(&a->q, r, "reasoning", "effort summary generate_summary mode context"))
		return false;
	if (given(r, "effort") &&
	    !mock_in_list("none minimal low medium high xhigh max", str(r, "effort")))
		return ask_wrong(&a->q, 0, "Invalid value at 'reasoning.effort'.");
	if (given(r, "summary") && !mock_in_list("auto concise detailed", str(r, "summary")))
		return ask_wrong(&a->q, 0, "Invalid value at 'reasoning.summary'.");
	a->summary = given(r, "summary");
	a->q.think = !is(r, "effort", "none");
	return true;
}

static bool include(struct responses_ask *a)
{
	static const char known[] =
		"file_search_call.results web_search_call.results "
		"web_search_call.action.sources message.input_image.image_url "
		"computer_call_output.output.image_url code_interpreter_call.outputs "
		"reasoning.encrypted_content message.output_text.logprobs";
	const struct json *list = json_get(a->q.root, "include");

	for (size_t i = 0; i < json_len(list); i++) {
		struct slice s = json_str(json_at(list, i));

		if (!mock_in_list(known, s))
			return ask_wrong(&a->q, 0, "Invalid value: '%.*s' at 'include[%zu]'.",
					 SARG(slice_head(s, 64)), i);
		a->encrypted |= slice_eq(s, LIT("reasoning.encrypted_content"));
		a->q.logprobs |= slice_eq(s, LIT("message.output_text.logprobs"));
	}
	return true;
}

static bool numbers(struct question *q)
{
	const struct json *max = json_get(q->root, "max_output_tokens");
	double t = json_num(json_get(q->root, "temperature"), 1);
	double p = json_num(json_get(q->root, "top_p"), 1);

	if (given(q->root, "max_output_tokens")) {
		q->max_tokens = json_uint(max, 0);
		if (q->max_tokens < 16)
			return ask_wrong(q, 0,
					 "Invalid 'max_output_tokens': integer below minimum "
					 "value. Expected a value >= 16.");
	}
	if (t < 0 || t > 2 || p < 0 || p > 1)
		return ask_wrong(q, 0, "Invalid 'temperature' or 'top_p'.");
	if (given(q->root, "previous_response_id"))
		return ask_wrong(q, 0, "Previous response with id '%.*s' not found.",
				 SARG(slice_head(str(q->root, "previous_response_id"), 64)));
	return true;
}

void responses_check(struct responses_ask *a)
{
	struct walk w = { .a = a, .q = &a->q };

	if (a->q.model.n == 0)
		ask_wrong(&a->q, 0, "Missing required parameter: 'model'.");
	if (!only(&a->q, a->q.root, "", TOP) || !numbers(&a->q) || !tools(&a->q) ||
	    !tool_choice(&a->q) || !text(&a->q) || !effort(a) || !include(a))
		return;
	if (!input(&w))
		return;
}
