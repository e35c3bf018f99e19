/* What Anthropic's Messages API refuses (docs.anthropic.com: Messages, Tool use, Extended
 * thinking, Structured outputs, and its errors as met). */
#include "mock/anthropic.h"

#define TOP                                                                                    \
	"model max_tokens messages system temperature top_p top_k stop_sequences stream "      \
	"tools tool_choice thinking output_config metadata service_tier cache_control "        \
	"container inference_geo mcp_servers context_management speed fallbacks"
#define TOP_COUNT                                                                              \
	"model messages system tools tool_choice thinking output_config cache_control "        \
	"mcp_servers context_management"

enum { PENDING_MAX = 128, SCHEMA_DEPTH = 32 };

/* Where in the conversation we are. */
struct walk {
	struct question *q;
	bool user;                         /* whose turn it is */
	bool results;                      /* the turn may still bring results */
	struct slice pending[PENDING_MAX]; /* ids of calls that are not answered */
	size_t pending_n;
	struct slice calls[PENDING_MAX]; /* ids of the turn's calls */
	size_t call_n;
	size_t marks; /* cache_control seen */
	char path[96];
};

static struct slice str(const struct json *o, const char *name)
{
	return json_str(json_get(o, name));
}

static bool is(const struct json *o, const char *name, const char *value)
{
	return slice_eq(str(o, name), slice_cstr(value));
}

static bool blank(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr(" \t\r\n", s.p[i]) == NULL)
			return false;
	return true;
}

static bool cache_mark(struct walk *w, const struct json *block)
{
	const struct json *c = json_get(block, "cache_control");

	if (c == NULL || json_is_null(c))
		return true;
	if (!ask_only(w->q, c, w->path, "type ttl") || !is(c, "type", "ephemeral"))
		return ask_wrong(w->q, 0, "%s.cache_control.type: Input should be 'ephemeral'",
				 w->path);
	if (json_get(c, "ttl") != NULL && !is(c, "ttl", "5m") && !is(c, "ttl", "1h"))
		return ask_wrong(w->q, 0, "%s.cache_control.ttl: Input should be '5m' or '1h'",
				 w->path);
	if (++w->marks > 4)
		return ask_wrong(w->q, 0,
				 "A maximum of 4 blocks with cache_control may be provided. "
				 "Found %zu.",
				 w->marks);
	return true;
}

/* ---- blocks -------------------------------------------------------------------------------
 */

static bool text_block(struct walk *w, const struct json *b)
{
	if (!ask_only(w->q, b, w->path, "type text cache_control citations"))
		return false;
	if (!json_is_string(json_get(b, "text")))
		return ask_wrong(w->q, 0, "%s.text.text: Field required", w->path);
	if (str(b, "text").n == 0)
		return ask_wrong(w->q, 0, "%s: text content blocks must be non-empty", w->path);
	if (blank(str(b, "text")))
		return ask_wrong(w->q, 0,
				 "%s: text content blocks must contain non-whitespace text",
				 w->path);
	return true;
}

static bool url_source(struct walk *w, const struct json *s)
{
	if (!ask_only(w->q, s, w->path, "type url"))
		return false;
	if (!slice_starts(str(s, "url"), LIT("https://")) &&
	    !slice_starts(str(s, "url"), LIT("http://")))
		return ask_wrong(w->q, 0, "%s.source.url: Only HTTP(S) URLs are supported.",
				 w->path);
	return true;
}

static bool image_block(struct walk *w, const struct json *b)
{
	static const char kinds[] = "image/jpeg image/png image/gif image/webp";
	const struct json *s = json_get(b, "source");

	if (!ask_only(w->q, b, w->path, "type source cache_control"))
		return false;
	if (is(s, "type", "url"))
		return url_source(w, s);
	if (is(s, "type", "file"))
		return ask_only(w->q, s, w->path, "type file_id");
	if (!is(s, "type", "base64"))
		return ask_wrong(w->q, 0, "%s.image.source: unknown type", w->path);
	if (!mock_in_list(kinds, str(s, "media_type")))
		return ask_wrong(w->q, 0,
				 "%s.image.source.base64.media_type: Input should be "
				 "'image/jpeg', 'image/png', 'image/gif' or "
				 "'image/webp'",
				 w->path);
	return ask_only(w->q, s, w->path, "type media_type data") &&
	       ask_media(w->q, str(s, "data"), str(s, "media_type"), w->path);
}

static bool document_block(struct walk *w, const struct json *b)
{
	const struct json *s = json_get(b, "source");

	if (!ask_only(w->q, b, w->path, "type source title context citations cache_control"))
		return false;
	if (is(s, "type", "url"))
		return url_source(w, s);
	if (is(s, "type", "file"))
		return true;
	if (is(s, "type", "content"))
		return ask_only(w->q, s, w->path, "type content");
	if (!ask_only(w->q, s, w->path, "type media_type data"))
		return false;
	if (is(s, "type", "text"))
		return is(s, "media_type", "text/plain") && str(s, "data").n > 0
			       ? true
			       : ask_wrong(w->q, 0, "%s.document.source: text/plain and data",
					   w->path);
	if (!is(s, "type", "base64") || !is(s, "media_type", "application/pdf"))
		return ask_wrong(w->q, 0,
				 "%s.document.source.base64.media_type: Input should "
				 "be 'application/pdf'",
				 w->path);
	return ask_media(w->q, str(s, "data"), LIT("pdf"), w->path);
}

static bool tool_use_block(struct walk *w, const struct json *b)
{
	struct slice id = str(b, "id");

	if (w->user)
		return ask_wrong(w->q, 0,
				 "%s: `tool_use` blocks can only be in `assistant` "
				 "messages",
				 w->path);
	if (!ask_only(w->q, b, w->path, "type id name input cache_control caller"))
		return false;
	if (!ask_name_ok(id, 128, ""))
		return ask_wrong(w->q, 0,
				 "%s.tool_use.id: String should match pattern "
				 "'^[a-zA-Z0-9_-]+$'",
				 w->path);
	if (!ask_name_ok(str(b, "name"), 200, ""))
		return ask_wrong(w->q, 0,
				 "%s.tool_use.name: String should match pattern "
				 "'^[a-zA-Z0-9_-]{1,200}$'",
				 w->path);
	if (!json_is_object(json_get(b, "input")))
		return ask_wrong(w->q, 0,
				 "%s.tool_use.input: Input should be a valid "
				 "dictionary",
				 w->path);
	for (size_t i = 0; i < w->call_n; i++)
		if (slice_eq(w->calls[i], id))
			return ask_wrong(w->q, 0, "%s: `tool_use` ids must be unique", w->path);
	if (w->call_n < PENDING_MAX)
		w->calls[w->call_n++] = id;
	return true;
}

static bool blocks(struct walk *w, const struct json *list, bool inside);

static bool tool_result_block(struct walk *w, const struct json *b)
{
	const struct json *content = json_get(b, "content");
	struct slice id = str(b, "tool_use_id");

	if (!w->user)
		return ask_wrong(w->q, 0,
				 "%s: `tool_result` blocks can only be in `user` "
				 "messages",
				 w->path);
	if (!ask_only(w->q, b, w->path, "type tool_use_id content is_error cache_control"))
		return false;
	for (size_t i = 0; i < w->pending_n; i++) {
		if (!slice_eq(w->pending[i], id))
			continue;
		if (!w->results)
			return ask_wrong(w->q, 0,
					 "%s: `tool_result` blocks must come before other "
					 "content",
					 w->path);
		w->pending[i] = w->pending[--w->pending_n];
		if (json_get(b, "is_error") != NULL && !ask_is_bool(json_get(b, "is_error")))
			return ask_wrong(w->q, 0, "%s.is_error: not a boolean", w->path);
		return content == NULL || json_is_string(content) || blocks(w, content, true);
	}
	return ask_wrong(w->q, 0,
			 "%s: unexpected `tool_use_id` found in `tool_result` blocks: %.*s. "
			 "Each `tool_result` block must have a corresponding `tool_use` block "
			 "in the previous message.",
			 w->path, SARG(slice_head(id, 64)));
}

static bool thinking_block(struct walk *w, const struct json *b)
{
	struct slice thinking = str(b, "thinking");

	if (w->user)
		return ask_wrong(w->q, 0, "%s: thinking in a user message", w->path);
	if (is(b, "type", "redacted_thinking"))
		return ask_only(w->q, b, w->path, "type data") &&
		       (ask_token_ok(str(b, "data"), slice_of(NULL, 0)) ||
			ask_wrong(w->q, 0, "%s: Invalid `data` in `redacted_thinking` block",
				  w->path));
	if (!ask_only(w->q, b, w->path, "type thinking signature"))
		return false;
	if (!json_is_string(json_get(b, "signature")))
		return ask_wrong(w->q, 0, "%s.thinking.signature: Field required", w->path);
	if (!ask_token_ok(str(b, "signature"), thinking.n > 0 ? thinking : slice_of(NULL, 0)))
		return ask_wrong(w->q, 0, "%s: Invalid `signature` in `thinking` block",
				 w->path);
	return true;
}

static bool block(struct walk *w, const struct json *b, bool inside)
{
	static const char others[] =
		"server_tool_use web_search_tool_result web_fetch_tool_result "
		"code_execution_tool_result bash_code_execution_tool_result "
		"text_editor_code_execution_tool_result tool_search_tool_result "
		"container_upload search_result mid_conv_system mcp_tool_use mcp_tool_result";
	struct slice type = str(b, "type");

	if (slice_eq(type, LIT("text")))
		return text_block(w, b);
	if (slice_eq(type, LIT("image")))
		return (w->user ||
			ask_wrong(w->q, 0, "%s: image in an assistant message", w->path)) &&
		       image_block(w, b);
	if (slice_eq(type, LIT("document")))
		return document_block(w, b);
	if (!inside && slice_eq(type, LIT("tool_use")))
		return tool_use_block(w, b);
	if (!inside && slice_eq(type, LIT("tool_result")))
		return tool_result_block(w, b);
	if (!inside && slice_ends(type, LIT("thinking")))
		return thinking_block(w, b);
	if (mock_in_list(others, type))
		return true;
	return ask_wrong(w->q, 0,
			 "%s: Input tag '%.*s' found using 'type' does not match any of the "
			 "expected tags",
			 w->path, SARG(slice_head(type, 64)));
}

static bool blocks(struct walk *w, const struct json *list, bool inside)
{
	size_t n = json_len(list), end = strlen(w->path);
	bool ok = true;

	if (!json_is_array(list))
		return ask_wrong(w->q, 0, "%s.content: Input should be a valid list", w->path);
	for (size_t i = 0; ok && i < n; i++) {
		const struct json *b = json_at(list, i);

		snprintf(w->path + end, sizeof(w->path) - end, ".content.%zu", i);
		ok = block(w, b, inside) && cache_mark(w, b);
		if (!inside && !is(b, "type", "tool_result"))
			w->results = false;
	}
	w->path[end] = '\0';
	return ok;
}

/* ---- messages ------------------------------------------------------------------------------
 */

static bool unanswered(struct walk *w, size_t i)
{
	return ask_wrong(w->q, 0,
			 "messages.%zu: `tool_use` ids were found without `tool_result` blocks "
			 "immediately after: %.*s. Each `tool_use` block must have a "
			 "corresponding `tool_result` block in the next message.",
			 i, SARG(slice_head(w->pending[0], 64)));
}

/* Consecutive messages of one role are one turn. */
static bool turn(struct walk *w, size_t i, bool user)
{
	if (i > 0 && w->user == user)
		return true;
	if (w->pending_n > 0)
		return unanswered(w, i);
	if (user) {
		memcpy(w->pending, w->calls, sizeof(w->pending));
		w->pending_n = w->call_n;
		w->call_n = 0;
	}
	w->user = user;
	w->results = user;
	return true;
}

/* With a budget, the last turn that calls begins with its thinking. */
static bool thinks_first(struct walk *w, const struct json *m, size_t i)
{
	const struct json *list = json_get(m, "content");
	bool calls = false;

	if (!is(json_get(w->q->root, "thinking"), "type", "enabled") || !json_is_array(list))
		return true;
	for (size_t k = 0; k < json_len(list); k++)
		calls |= is(json_at(list, k), "type", "tool_use");
	if (!calls || slice_ends(str(json_at(list, 0), "type"), LIT("thinking")))
		return true;
	return ask_wrong(
		w->q, 0,
		"messages.%zu.content.0.type: Expected `thinking` or "
		"`redacted_thinking`, but found `%.*s`. When `thinking` is enabled, a "
		"final `assistant` message must start with a thinking block "
		"(preceeding the lastmost set of `tool_use` and `tool_result` blocks).",
		i, SARG(slice_head(str(json_at(list, 0), "type"), 32)));
}

static bool newer(struct slice model)
{
	static const char *const names[] = { "claude-opus-4-7", "claude-opus-4-8",
					     "claude-sonnet-5", "claude-opus-5",
					     "claude-fable-5",  "claude-haiku-5" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (slice_find(model, slice_cstr(names[i])) != SLICE_NONE)
			return true;
	return false;
}

static bool message(struct walk *w, const struct json *m, size_t i)
{
	const struct json *content = json_get(m, "content");
	bool user = is(m, "role", "user");

	snprintf(w->path, sizeof(w->path), "messages.%zu", i);
	if (!ask_only(w->q, m, w->path, "role content"))
		return false;
	if (is(m, "role", "system") && newer(w->q->model) && i > 0)
		return true;
	if (!user && !is(m, "role", "assistant"))
		return ask_wrong(w->q, 0, "%s.role: Input should be 'user' or 'assistant'",
				 w->path);
	if (i == 0 && !user)
		return ask_wrong(w->q, 0, "messages: first message must use the \"user\" role");
	if (!turn(w, i, user))
		return false;
	if (json_is_string(content)) {
		w->results = false;
		if (blank(json_str(content)))
			return ask_wrong(w->q, 0,
					 "%s: user messages must have non-empty "
					 "content",
					 w->path);
		return true;
	}
	if (json_is_array(content) && json_len(content) == 0 && user)
		return ask_wrong(w->q, 0, "%s: user messages must have non-empty content",
				 w->path);
	return blocks(w, content, false);
}

/* The last message is the assistant's: the answer shall go on from it. */
static bool prefill(struct walk *w, const struct json *content)
{
	struct slice text = json_is_string(content)
				    ? json_str(content)
				    : str(json_at(content, json_len(content) - 1), "text");

	if (newer(w->q->model))
		return ask_wrong(w->q, 0,
				 "This model does not support assistant message prefill. "
				 "The conversation must end with a user message.");
	if (text.n > 0 && strchr(" \n\t\r", text.p[text.n - 1]) != NULL)
		return ask_wrong(w->q, 0,
				 "messages: final assistant content cannot end with "
				 "trailing whitespace");
	return true;
}

static bool last_message(struct walk *w, const struct json *list)
{
	size_t n = json_len(list);

	if (w->pending_n > 0)
		return unanswered(w, n - 1);
	if (w->call_n > 0) {
		w->pending[0] = w->calls[0];
		return unanswered(w, n - 1);
	}
	for (size_t i = n; i-- > 0;)
		if (is(json_at(list, i), "role", "assistant"))
			return i + 1 == n ? prefill(w, json_get(json_at(list, i), "content"))
					  : thinks_first(w, json_at(list, i), i);
	return true;
}

static bool messages(struct walk *w)
{
	const struct json *list = json_get(w->q->root, "messages");
	size_t n = json_len(list);

	if (!json_is_array(list))
		return ask_wrong(w->q, 0, "messages: Field required");
	if (n == 0)
		return ask_wrong(w->q, 0, "messages: at least one message is required");
	for (size_t i = 0; i < n; i++)
		if (!message(w, json_at(list, i), i))
			return false;
	return last_message(w, list);
}

/* ---- the rest ------------------------------------------------------------------------------
 */

static bool system_prompt(struct walk *w)
{
	const struct json *s = json_get(w->q->root, "system");

	if (s == NULL || json_is_string(s))
		return true;
	for (size_t i = 0; i < json_len(s); i++) {
		snprintf(w->path, sizeof(w->path), "system.%zu", i);
		if (!is(json_at(s, i), "type", "text"))
			return ask_wrong(w->q, 0, "%s: Input tag must be 'text'", w->path);
		if (!text_block(w, json_at(s, i)) || !cache_mark(w, json_at(s, i)))
			return false;
	}
	return json_is_array(s) || ask_wrong(w->q, 0, "system: Input should be a valid string");
}

static bool tool(struct walk *w, const struct json *t, size_t i)
{
	const struct json *schema = json_get(t, "input_schema");

	snprintf(w->path, sizeof(w->path), "tools.%zu", i);
	if (json_get(t, "type") != NULL && !is(t, "type", "custom"))
		return ask_text(w->q, t, w->path, "name") && cache_mark(w, t);
	if (!ask_only(w->q, t, w->path,
		      "type name description input_schema strict cache_control input_examples "
		      "defer_loading eager_input_streaming allowed_callers"))
		return false;
	if (!ask_name_ok(str(t, "name"), 128, ""))
		return ask_wrong(w->q, 0,
				 "%s.custom.name: String should match pattern "
				 "'^[a-zA-Z0-9_-]{1,128}$'",
				 w->path);
	if (!json_is_object(schema))
		return ask_wrong(w->q, 0, "%s.custom.input_schema: Field required", w->path);
	if (!is(schema, "type", "object"))
		return ask_wrong(w->q, 0, "%s.custom.input_schema.type: Field required",
				 w->path);
	for (size_t k = 0; k < w->q->tool_n; k++)
		if (slice_eq(w->q->tools[k].name, str(t, "name")))
			return ask_wrong(w->q, 0, "tools: Tool names must be unique.");
	ask_offer(w->q, str(t, "name"), schema);
	return cache_mark(w, t);
}

static bool tool_choice(struct question *q)
{
	const struct json *c = json_get(q->root, "tool_choice");

	if (c == NULL)
		return true;
	if (!ask_only(q, c, "tool_choice",
		      is(c, "type", "none")   ? "type"
		      : is(c, "type", "tool") ? "type name disable_parallel_tool_use"
					      : "type disable_parallel_tool_use"))
		return false;
	if (json_len(json_get(q->root, "tools")) == 0 && !is(c, "type", "none"))
		return ask_wrong(q, 0,
				 "tool_choice may only be specified while providing tools");
	q->one_call = json_true(json_get(c, "disable_parallel_tool_use"), false);
	if (is(c, "type", "none")) {
		q->mode = CALL_NONE;
	} else if (is(c, "type", "any")) {
		q->mode = CALL_ANY;
	} else if (is(c, "type", "tool")) {
		q->named = str(c, "name");
		for (size_t i = 0; i < q->tool_n; i++)
			if (slice_eq(q->tools[i].name, q->named))
				return true;
		return ask_wrong(q, 0, "Tool '%.*s' not found in provided tools",
				 SARG(slice_head(q->named, 64)));
	} else if (!is(c, "type", "auto")) {
		return ask_wrong(q, 0,
				 "tool_choice: Input tag does not match any of the "
				 "expected tags: 'auto', 'any', 'tool', 'none'");
	}
	return true;
}

static bool thinking(struct question *q, bool counting)
{
	const struct json *t = json_get(q->root, "thinking");
	uint64_t budget = json_uint(json_get(t, "budget_tokens"), 0);

	if (t == NULL)
		return true;
	if (is(t, "type", "disabled"))
		return ask_only(q, t, "thinking", "type");
	q->think = true;
	if (is(t, "type", "adaptive"))
		return ask_only(q, t, "thinking", "type display");
	if (!is(t, "type", "enabled"))
		return ask_wrong(q, 0,
				 "thinking: Input tag does not match any of the expected "
				 "tags: 'enabled', 'disabled', 'adaptive'");
	if (!ask_only(q, t, "thinking", "type budget_tokens display"))
		return false;
	if (newer(q->model))
		return ask_wrong(q, 0,
				 "thinking.type.enabled is not supported for this model. "
				 "Use thinking.type.adaptive.");
	if (budget < 1024)
		return ask_wrong(q, 0,
				 "thinking.enabled.budget_tokens: Input should be greater "
				 "than or equal to 1024");
	if (!counting && budget >= q->max_tokens)
		return ask_wrong(q, 0,
				 "`max_tokens` must be greater than "
				 "`thinking.budget_tokens`.");
	if (json_num(json_get(q->root, "temperature"), 1) < 1 ||
	    json_get(q->root, "top_k") != NULL)
		return ask_wrong(q, 0,
				 "`temperature` may only be set to 1 when thinking is "
				 "enabled, and `top_k` must be unset.");
	if (q->mode == CALL_ANY || q->named.n > 0)
		return ask_wrong(q, 0,
				 "Thinking may not be enabled when tool_choice forces "
				 "tool use.");
	return true;
}

static bool schema(struct question *q, const struct json *s, unsigned depth)
{
	static const char never[] = "minimum maximum exclusiveMinimum exclusiveMaximum "
				    "multipleOf minLength maxLength minProperties "
				    "maxProperties uniqueItems not";
	struct json_iter it;
	const struct json *value;
	struct slice key;

	if (!json_is_object(s) || depth > SCHEMA_DEPTH)
		return true;
	if (is(s, "type", "object") && json_true(json_get(s, "additionalProperties"), true))
		return ask_wrong(q, 0,
				 "output_config.format.schema: For 'object' type, "
				 "'additionalProperties' must be explicitly set to false");
	json_iter_init(&it, s);
	while (json_iter_next(&it, &key, &value))
		if (mock_in_list(never, key))
			return ask_wrong(q, 0,
					 "output_config.format.schema: property '%.*s' is "
					 "not supported",
					 SARG(key));
	json_iter_init(&it, json_get(s, "properties"));
	while (json_iter_next(&it, &key, &value))
		if (!schema(q, value, depth + 1))
			return false;
	return schema(q, json_get(s, "items"), depth + 1);
}

static bool output(struct question *q)
{
	const struct json *c = json_get(q->root, "output_config"), *f = json_get(c, "format");

	if (c == NULL)
		return true;
	if (!ask_only(q, c, "output_config", "effort format"))
		return false;
	if (json_get(c, "effort") != NULL &&
	    !mock_in_list("low medium high xhigh max", str(c, "effort")))
		return ask_wrong(q, 0,
				 "output_config.effort: Input should be 'low', 'medium', "
				 "'high', 'xhigh' or 'max'");
	if (f == NULL || json_is_null(f))
		return true;
	q->json = true;
	q->schema = json_get(f, "schema");
	if (!ask_only(q, f, "output_config.format", "type schema"))
		return false;
	if (!is(f, "type", "json_schema") || !json_is_object(q->schema))
		return ask_wrong(q, 0, "output_config.format: type and schema are required");
	return schema(q, q->schema, 0);
}

static bool number_in(struct question *q, const char *name, double most)
{
	const struct json *v = json_get(q->root, name);
	double d = json_num(v, -1);

	if (v == NULL)
		return true;
	if (!json_is_number(v) || d < 0 || d > most)
		return ask_wrong(q, 0, "%s: range: 0..%g", name, most);
	if (newer(q->model))
		return ask_wrong(q, 0, "`%s` is not supported by this model.", name);
	return true;
}

static bool numbers(struct question *q, bool counting)
{
	const struct json *max = json_get(q->root, "max_tokens");

	if (!counting && max == NULL)
		return ask_wrong(q, 0, "max_tokens: Field required");
	q->max_tokens = json_uint(max, UINT64_MAX);
	if (!counting && q->max_tokens == UINT64_MAX)
		return ask_wrong(q, 0, "max_tokens: Input should be a valid integer");
	return number_in(q, "temperature", 1) && number_in(q, "top_p", 1) &&
	       number_in(q, "top_k", 1e9);
}

static bool stops(struct question *q)
{
	const struct json *s = json_get(q->root, "stop_sequences");

	if (s != NULL && !json_is_array(s))
		return ask_wrong(q, 0, "stop_sequences: Input should be a valid list");
	for (size_t i = 0; i < json_len(s); i++)
		if (blank(json_str(json_at(s, i))))
			return ask_wrong(q, 0,
					 "stop_sequences: each stop sequence must contain "
					 "non-whitespace");
	ask_stops(q, s);
	return true;
}

void anthropic_check(struct question *q, bool counting)
{
	struct walk w = { .q = q };
	const struct json *tools = json_get(q->root, "tools");
	bool ok = ask_only(q, q->root, "body", counting ? TOP_COUNT : TOP) &&
		  ask_text(q, q->root, "body", "model") && numbers(q, counting) && stops(q) &&
		  system_prompt(&w);

	for (size_t i = 0; ok && i < json_len(tools); i++)
		ok = tool(&w, json_at(tools, i), i);
	if (!ok || !tool_choice(q) || !thinking(q, counting) || !output(q) || !messages(&w))
		return;
	if (json_get(q->root, "metadata") != NULL &&
	    !ask_only(q, json_get(q->root, "metadata"), "metadata", "user_id"))
		return;
	q->results_last = false;
	if (json_get(q->root, "service_tier") != NULL &&
	    !mock_in_list("auto standard_only", str(q->root, "service_tier")))
		ask_wrong(q, 0, "service_tier: Input should be 'auto' or 'standard_only'");
	if (json_get(q->root, "stream") != NULL && !ask_is_bool(json_get(q->root, "stream")))
		ask_wrong(q, 0, "stream: Input should be a valid boolean");
}
