/* What Bedrock's Converse refuses (docs.aws.amazon.com/bedrock: API_runtime_Converse and its
 * types, and the validation errors as met). */
#include "mock/bedrock.h"

enum { PENDING_MAX = 128 };

struct walk {
	struct question *q;
	struct slice calls[PENDING_MAX]; /* ids of the assistant's last turn */
	size_t call_n;
	bool tools; /* a tool block was met */
	char path[96];
};

static struct slice str(const struct json *o, const char *name)
{
	return json_str(json_get(o, name));
}

static bool blank(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (strchr(" \t\r\n", s.p[i]) == NULL)
			return false;
	return true;
}

/* The one member of a union; NULL and refused otherwise. */
static const struct json *member_of(struct walk *w, const struct json *u, const char *names,
				    struct slice *name)
{
	struct json_iter it;
	const struct json *value = NULL;

	if (!json_is_object(u) || json_len(u) != 1) {
		ask_wrong(w->q, 0,
			  "Invalid number of parameters set for tagged union structure %s. "
			  "Exactly one member must be set.",
			  w->path);
		return NULL;
	}
	json_iter_init(&it, u);
	if (!json_iter_next(&it, name, &value) || !mock_in_list(names, *name)) {
		ask_wrong(w->q, 0, "Unknown member %.*s in %s", SARG(slice_head(*name, 64)),
			  w->path);
		return NULL;
	}
	return value;
}

/* ---- blocks -------------------------------------------------------------------------------
 */

static bool text(struct walk *w, const struct json *v)
{
	if (!json_is_string(v) || blank(json_str(v)))
		return ask_wrong(
			w->q, 0,
			"The text field in the ContentBlock object at %s is blank. Add "
			"text to the text field, and try again.",
			w->path);
	return true;
}

static bool media(struct walk *w, const struct json *v, const char *names, const char *formats)
{
	const struct json *source = json_get(v, "source"), *value;
	struct slice kind, format = str(v, "format");

	if (!ask_only(w->q, v, w->path, names))
		return false;
	if (!mock_in_list(formats, format))
		return ask_wrong(w->q, 0,
				 "Value '%.*s' at '%s.format' failed to satisfy "
				 "constraint: Member must satisfy enum value set: [%s]",
				 SARG(slice_head(format, 40)), w->path, formats);
	value = member_of(w, source, "bytes s3Location text content", &kind);
	if (value == NULL)
		return false;
	if (slice_eq(kind, LIT("bytes")))
		return ask_media(w->q, json_str(value), format, w->path);
	return !slice_eq(kind, LIT("s3Location")) || str(value, "uri").n > 0 ||
	       ask_wrong(w->q, 0, "%s.source.s3Location.uri is required", w->path);
}

static bool document(struct walk *w, const struct json *v)
{
	struct slice name = str(v, "name");
	bool ok = name.n > 0 && name.n <= 200;

	for (size_t i = 0; i < name.n; i++)
		ok &= ask_name_ok(slice_of(name.p + i, 1), 1, " ()[]") && name.p[i] != '_' &&
		      !(i > 0 && name.p[i] == ' ' && name.p[i - 1] == ' ');
	if (!ok)
		return ask_wrong(w->q, 0,
				 "The document file name at %s can only contain alphanumeric "
				 "characters, whitespace characters, hyphens, parentheses, and "
				 "square brackets.",
				 w->path);
	return media(w, v, "format name source context citations",
		     "pdf csv doc docx xls xlsx html txt md");
}

static bool tool_use(struct walk *w, const struct json *v)
{
	struct slice id = str(v, "toolUseId");

	w->tools = true;
	if (!ask_only(w->q, v, w->path, "toolUseId name input type"))
		return false;
	if (!ask_name_ok(id, 64, ".:"))
		return ask_wrong(w->q, 0,
				 "Value at '%s.toolUse.toolUseId' failed to satisfy "
				 "constraint: [a-zA-Z0-9_.:-]{1,64}",
				 w->path);
	if (slice_find(w->q->model, LIT("mistral")) != SLICE_NONE && id.n != 9)
		return ask_wrong(w->q, 0, "%s: tool call id must be 9 characters", w->path);
	if (!ask_name_ok(str(v, "name"), 64, ""))
		return ask_wrong(w->q, 0,
				 "Value at '%s.toolUse.name' failed to satisfy "
				 "constraint: [a-zA-Z0-9_-]{1,64}",
				 w->path);
	if (!json_is_object(json_get(v, "input")))
		return ask_wrong(w->q, 0,
				 "The format of the value at %s.toolUse.input is "
				 "invalid. Provide a json object for the field and try "
				 "again.",
				 w->path);
	for (size_t i = 0; i < w->call_n; i++)
		if (slice_eq(w->calls[i], id))
			return ask_wrong(w->q, 0, "%s: duplicate toolUseId", w->path);
	if (w->call_n < PENDING_MAX)
		w->calls[w->call_n++] = id;
	return true;
}

static bool result_part(struct walk *w, const struct json *part)
{
	struct slice kind;
	const struct json *v =
		member_of(w, part, "text json image document video searchResult", &kind);

	if (v == NULL)
		return false;
	if (slice_eq(kind, LIT("text")))
		return json_is_string(v) || ask_wrong(w->q, 0, "%s.text: no text", w->path);
	if (slice_eq(kind, LIT("json")))
		return json_is_object(v) ||
		       ask_wrong(w->q, 0,
				 "The format of the value at %s.toolResult.content.json "
				 "is invalid. Provide a json object.",
				 w->path);
	if (slice_eq(kind, LIT("image")))
		return media(w, v, "format source", "png jpeg gif webp");
	return !slice_eq(kind, LIT("document")) || document(w, v);
}

static bool tool_result(struct walk *w, const struct json *v)
{
	struct slice id = str(v, "toolUseId");
	const struct json *list = json_get(v, "content");

	w->tools = true;
	if (!ask_only(w->q, v, w->path, "toolUseId content status type"))
		return false;
	if (json_get(v, "status") != NULL && !mock_in_list("success error", str(v, "status")))
		return ask_wrong(w->q, 0, "%s.toolResult.status: success or error", w->path);
	if (!json_is_array(list))
		return ask_wrong(w->q, 0, "%s.toolResult.content: must not be null", w->path);
	for (size_t i = 0; i < json_len(list); i++)
		if (!result_part(w, json_at(list, i)))
			return false;
	for (size_t i = 0; i < w->call_n; i++)
		if (slice_eq(w->calls[i], id)) {
			w->calls[i] = w->calls[--w->call_n];
			return true;
		}
	return ask_wrong(w->q, 0,
			 "The toolResult block at %s has an id that no toolUse block of the "
			 "previous turn has, or exceeds their number: %.*s",
			 w->path, SARG(slice_head(id, 64)));
}

static bool reasoning(struct walk *w, const struct json *v)
{
	struct slice kind, sign;
	const struct json *inner = member_of(w, v, "reasoningText redactedContent", &kind);
	bool ok;

	if (inner == NULL)
		return false;
	if (slice_eq(kind, LIT("redactedContent"))) {
		ok = ask_token_ok(json_str(inner), slice_of(NULL, 0));
	} else {
		if (!ask_only(w->q, inner, w->path, "text signature"))
			return false;
		sign = str(inner, "signature");
		/* models other than Claude have none */
		ok = sign.n == 0 ? slice_find(w->q->model, LIT("claude")) == SLICE_NONE
				 : ask_token_ok(sign, str(inner, "text"));
	}
	return ok || ask_wrong(w->q, 0, "%s.reasoningContent: Invalid signature in reasoning",
			       w->path);
}

static bool block(struct walk *w, const struct json *b, bool user)
{
	struct slice kind;
	const struct json *v = member_of(
		w, b,
		user ? "text image document video audio toolResult cachePoint guardContent "
		       "searchResult"
		     : "text toolUse reasoningContent cachePoint citationsContent image",
		&kind);

	if (v == NULL)
		return false;
	if (slice_eq(kind, LIT("text")))
		return text(w, v);
	if (slice_eq(kind, LIT("image")))
		return media(w, v, "format source", "png jpeg gif webp");
	if (slice_eq(kind, LIT("document")))
		return document(w, v);
	if (slice_eq(kind, LIT("audio")))
		return media(
			w, v, "format source",
			"mp3 opus wav aac flac mp4 ogg mkv mka x-aac m4a mpeg mpga pcm webm");
	if (slice_eq(kind, LIT("toolUse")))
		return tool_use(w, v);
	if (slice_eq(kind, LIT("toolResult")))
		return tool_result(w, v);
	if (slice_eq(kind, LIT("reasoningContent")))
		return reasoning(w, v);
	if (slice_eq(kind, LIT("cachePoint")) && !slice_eq(str(v, "type"), LIT("default")))
		return ask_wrong(w->q, 0, "%s.cachePoint.type: must be default", w->path);
	return true;
}

/* ---- messages ------------------------------------------------------------------------------
 */

static bool message(struct walk *w, const struct json *m, size_t i)
{
	const struct json *list = json_get(m, "content");
	bool user = slice_eq(str(m, "role"), LIT("user"));
	size_t answered = w->call_n;

	snprintf(w->path, sizeof(w->path), "messages.%zu", i);
	if (!ask_only(w->q, m, w->path, "role content"))
		return false;
	if (!user && !slice_eq(str(m, "role"), LIT("assistant")))
		return ask_wrong(w->q, 0,
				 "Value '%.*s' at 'messages.%zu.member.role' failed to "
				 "satisfy constraint: Member must satisfy enum value "
				 "set: [user, assistant]",
				 SARG(slice_head(str(m, "role"), 40)), i);
	if (i == 0 && !user)
		return ask_wrong(w->q, 0,
				 "A conversation must start with a user message. Try "
				 "again with a conversation that starts with a user "
				 "message.");
	if (user != (i % 2 == 0))
		return ask_wrong(w->q, 0,
				 "A conversation must alternate between user and "
				 "assistant roles. Make sure the conversation alternates "
				 "between user and assistant roles and try again.");
	if (json_len(list) == 0)
		return ask_wrong(w->q, 0,
				 "The content field in the Message object at "
				 "messages.%zu is empty. Add a ContentBlock object to "
				 "the content field and try again.",
				 i);
	for (size_t k = 0; k < json_len(list); k++) {
		snprintf(w->path, sizeof(w->path), "messages.%zu.content.%zu", i, k);
		if (!block(w, json_at(list, k), user))
			return false;
	}
	w->q->results_last = user && w->call_n < answered;
	if (user && w->call_n > 0)
		return ask_wrong(w->q, 0,
				 "Expected toolResult blocks at messages.%zu.content for "
				 "the following Ids: %.*s",
				 i, SARG(slice_head(w->calls[0], 64)));
	return true;
}

static bool messages(struct walk *w)
{
	const struct json *list = json_get(w->q->root, "messages");

	if (json_len(list) == 0)
		return ask_wrong(w->q, 0,
				 "The messages field is required and must not be empty.");
	for (size_t i = 0; i < json_len(list); i++)
		if (!message(w, json_at(list, i), i))
			return false;
	if (w->call_n > 0)
		return ask_wrong(w->q, 0,
				 "Expected toolResult blocks at messages.%zu.content for "
				 "the following Ids: %.*s",
				 json_len(list), SARG(slice_head(w->calls[0], 64)));
	if (w->tools && json_get(w->q->root, "toolConfig") == NULL)
		return ask_wrong(w->q, 0,
				 "The toolConfig field must be defined when using "
				 "toolUse and toolResult content blocks.");
	return true;
}

/* ---- the rest ------------------------------------------------------------------------------
 */

static bool system_prompt(struct walk *w)
{
	const struct json *list = json_get(w->q->root, "system"), *v;
	struct slice kind;

	if (list != NULL && !json_is_array(list))
		return ask_wrong(w->q, 0, "system: must be a list");
	for (size_t i = 0; i < json_len(list); i++) {
		snprintf(w->path, sizeof(w->path), "system.%zu", i);
		v = member_of(w, json_at(list, i), "text cachePoint guardContent", &kind);
		if (v == NULL || (slice_eq(kind, LIT("text")) && !text(w, v)))
			return false;
	}
	return true;
}

static bool tool(struct walk *w, const struct json *t)
{
	struct slice kind;
	const struct json *v = member_of(w, t, "toolSpec systemTool cachePoint", &kind);
	const struct json *schema = json_get(json_get(v, "inputSchema"), "json");
	const struct json *about = json_get(v, "description");

	if (v == NULL)
		return false;
	if (!slice_eq(kind, LIT("toolSpec")))
		return true;
	if (!ask_only(w->q, v, w->path, "name description inputSchema strict"))
		return false;
	if (!ask_name_ok(str(v, "name"), 64, ""))
		return ask_wrong(w->q, 0,
				 "Value at '%s.toolSpec.name' failed to satisfy "
				 "constraint: [a-zA-Z0-9_-]{1,64}",
				 w->path);
	if (about != NULL && json_str(about).n == 0)
		return ask_wrong(w->q, 0,
				 "Value at '%s.toolSpec.description' failed to satisfy "
				 "constraint: Member must have length greater than or "
				 "equal to 1",
				 w->path);
	if (!json_is_object(schema) || !slice_eq(str(schema, "type"), LIT("object")))
		return ask_wrong(w->q, 0,
				 "The value at %s.toolSpec.inputSchema.json.type must be "
				 "one of the following: object.",
				 w->path);
	ask_offer(w->q, str(v, "name"), schema);
	return true;
}

static bool tool_choice(struct walk *w, const struct json *c)
{
	struct slice kind;
	const struct json *v;

	if (c == NULL)
		return true;
	snprintf(w->path, sizeof(w->path), "toolConfig.toolChoice");
	v = member_of(w, c, "auto any tool", &kind);
	if (v == NULL)
		return false;
	if (!json_is_object(v))
		return ask_wrong(w->q, 0, "%s: not an object", w->path);
	if (slice_eq(kind, LIT("any")))
		w->q->mode = CALL_ANY;
	if (!slice_eq(kind, LIT("tool")))
		return true;
	w->q->named = str(v, "name");
	for (size_t i = 0; i < w->q->tool_n; i++)
		if (slice_eq(w->q->tools[i].name, w->q->named))
			return true;
	return ask_wrong(w->q, 0, "toolConfig.toolChoice.tool.name: there is no such tool");
}

static bool tool_config(struct walk *w)
{
	const struct json *c = json_get(w->q->root, "toolConfig"), *list = json_get(c, "tools");

	if (c == NULL)
		return true;
	if (!ask_only(w->q, c, "toolConfig", "tools toolChoice"))
		return false;
	if (json_len(list) == 0)
		return ask_wrong(w->q, 0,
				 "Value '[]' at 'toolConfig.tools' failed to satisfy "
				 "constraint: Member must have length greater than or "
				 "equal to 1");
	for (size_t i = 0; i < json_len(list); i++) {
		snprintf(w->path, sizeof(w->path), "toolConfig.tools.%zu", i);
		if (!tool(w, json_at(list, i)))
			return false;
	}
	return tool_choice(w, json_get(c, "toolChoice"));
}

static bool inference(struct question *q)
{
	static const char *const units[] = { "temperature", "topP" };
	const struct json *c = json_get(q->root, "inferenceConfig");
	const struct json *stops = json_get(c, "stopSequences");

	if (c == NULL)
		return true;
	if (!ask_only(q, c, "inferenceConfig", "maxTokens temperature topP stopSequences"))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(units); i++) {
		double v = json_num(json_get(c, units[i]), 0);

		if (v < 0 || v > 1)
			return ask_wrong(q, 0,
					 "Value '%g' at 'inferenceConfig.%s' failed to "
					 "satisfy constraint: Member must have value less "
					 "than or equal to 1",
					 v, units[i]);
	}
	if (json_get(c, "maxTokens") != NULL) {
		q->max_tokens = json_uint(json_get(c, "maxTokens"), 0);
		if (q->max_tokens == 0)
			return ask_wrong(q, 0,
					 "Value at 'inferenceConfig.maxTokens' failed to "
					 "satisfy constraint: Member must have value "
					 "greater than or equal to 1");
	}
	for (size_t i = 0; i < json_len(stops); i++)
		if (json_str(json_at(stops, i)).n == 0)
			return ask_wrong(q, 0, "inferenceConfig.stopSequences: an empty one");
	ask_stops(q, stops);
	return true;
}

static bool output(struct question *q, struct slice *schema)
{
	const struct json *c = json_get(q->root, "outputConfig");
	const struct json *f = json_get(c, "textFormat");
	const struct json *s = json_get(json_get(f, "structure"), "jsonSchema");

	if (c == NULL)
		return true;
	if (!ask_only(q, c, "outputConfig", "textFormat effort"))
		return false;
	if (f == NULL)
		return true;
	q->json = true;
	*schema = str(s, "schema");
	if (!slice_eq(str(f, "type"), LIT("json_schema")) || schema->n == 0)
		return ask_wrong(q, 0,
				 "outputConfig.textFormat.structure.jsonSchema.schema: must "
				 "be a string of JSON");
	return ask_only(q, s, "outputConfig.textFormat.structure.jsonSchema",
			"schema name description");
}

static bool extra(struct question *q)
{
	const struct json *more = json_get(q->root, "additionalModelRequestFields");
	const struct json *t = json_get(more, "thinking");

	if (more != NULL && !json_is_object(more))
		return ask_wrong(q, 0, "additionalModelRequestFields: must be an object");
	if (t == NULL)
		t = json_get(more, "reasoning_config");
	q->think = mock_in_list("enabled adaptive", str(t, "type")) ||
		   json_get(more, "reasoning_effort") != NULL ||
		   slice_eq(str(json_get(more, "reasoningConfig"), "type"), LIT("enabled"));
	if (slice_eq(str(t, "type"), LIT("enabled")) && q->max_tokens > 0 &&
	    json_uint(json_get(t, "budget_tokens"), 0) >= q->max_tokens)
		return ask_wrong(q, 0,
				 "The model returned the following errors: `max_tokens` must "
				 "be greater than `thinking.budget_tokens`.");
	return true;
}

void bedrock_check(struct question *q, struct slice *schema_text)
{
	struct walk w = { .q = q };

	*schema_text = slice_of(NULL, 0);
	if (!ask_only(q, q->root, "request",
		      "messages system inferenceConfig toolConfig outputConfig "
		      "additionalModelRequestFields additionalModelResponseFieldPaths "
		      "serviceTier "
		      "performanceConfig guardrailConfig requestMetadata promptVariables") ||
	    !system_prompt(&w) || !inference(q) || !tool_config(&w) ||
	    !output(q, schema_text) || !extra(q))
		return;
	if (!messages(&w))
		return;
}
