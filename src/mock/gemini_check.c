/* What Gemini's generateContent refuses (ai.google.dev/api/generate-content, .../caching, and
 * its errors as met).  Names may be in camelCase or snake_case: it is proto JSON. */
#include "mock/gemini.h"

enum { NAME_MAX_BYTES = 64, SCHEMA_DEPTH = 32, CALLS = 128 };

struct walk {
	struct question *q;
	struct slice called[CALLS]; /* names called in the turn before */
	size_t called_n;
	char path[160];
	bool three; /* a model that demands signatures */
};

/* "maxOutputTokens" of either spelling. */
static struct slice camel(struct slice s, char to[NAME_MAX_BYTES])
{
	size_t n = 0;

	for (size_t i = 0; i < s.n && n + 1 < NAME_MAX_BYTES; i++) {
		if (s.p[i] == '_' && i + 1 < s.n && s.p[i + 1] >= 'a' && s.p[i + 1] <= 'z')
			to[n++] = (char)(s.p[++i] - 'a' + 'A');
		else
			to[n++] = s.p[i];
	}
	return slice_of(to, n);
}

const struct json *gemini_get(const struct json *o, const char *name)
{
	char snake[NAME_MAX_BYTES];
	const struct json *v = json_get(o, name);
	size_t n = 0;

	if (v != NULL)
		return v;
	for (; *name != '\0' && n + 2 < sizeof(snake); name++) {
		if (*name >= 'A' && *name <= 'Z') {
			snake[n++] = '_';
			snake[n++] = (char)(*name - 'A' + 'a');
		} else {
			snake[n++] = *name;
		}
	}
	snake[n] = '\0';
	return json_get(o, snake);
}

static struct slice str(const struct json *o, const char *name)
{
	return json_str(gemini_get(o, name));
}

static bool given(const struct json *o, const char *name)
{
	const struct json *v = gemini_get(o, name);

	return v != NULL && !json_is_null(v);
}

static bool only(struct question *q, const struct json *o, const char *path, const char *names)
{
	char name[NAME_MAX_BYTES];
	struct json_iter it;
	const struct json *value;
	struct slice key;

	if (!json_is_object(o))
		return ask_wrong(q, 0, "Invalid value at '%s': expected an object", path);
	json_iter_init(&it, o);
	while (json_iter_next(&it, &key, &value))
		if (!mock_in_list(names, camel(key, name)))
			return ask_wrong(q, 0,
					 "Invalid JSON payload received. Unknown name "
					 "\"%.*s\" at '%s': Cannot find field.",
					 SARG(slice_head(key, 80)), path);
	return true;
}

/* ---- schemas -------------------------------------------------------------------------------
 */

static bool schema(struct walk *w, const struct json *s, unsigned depth);

static bool properties(struct walk *w, const struct json *s, unsigned depth)
{
	const struct json *p = gemini_get(s, "properties"), *required, *value;
	struct json_iter it;
	struct slice key;

	json_iter_init(&it, p);
	while (json_iter_next(&it, &key, &value))
		if (!schema(w, value, depth + 1))
			return false;
	required = gemini_get(s, "required");
	for (size_t i = 0; i < json_len(required); i++) {
		bool found = false;

		json_iter_init(&it, p);
		while (json_iter_next(&it, &key, &value))
			found |= slice_eq(key, json_str(json_at(required, i)));
		if (!found)
			return ask_wrong(w->q, 0, "%s.required[%zu]: property is not defined",
					 w->path, i);
	}
	return true;
}

static bool schema(struct walk *w, const struct json *s, unsigned depth)
{
	static const char names[] =
		"type format title description nullable enum default items minItems maxItems "
		"properties propertyOrdering required minProperties maxProperties minimum "
		"maximum minLength maxLength pattern anyOf example additionalProperties";
	static const char types[] = "STRING NUMBER INTEGER BOOLEAN ARRAY OBJECT NULL string "
				    "number integer boolean array object null";
	const struct json *type = gemini_get(s, "type"), *list;
	struct slice t = json_str(type);

	if (depth > SCHEMA_DEPTH)
		return true;
	if (!only(w->q, s, w->path, names))
		return false;
	if (type != NULL && !json_is_string(type))
		return ask_wrong(w->q, 0,
				 "Invalid value at '%s.type': Proto field is not "
				 "repeating, cannot start list.",
				 w->path);
	if (type == NULL ? !given(s, "anyOf") : !mock_in_list(types, t))
		return ask_wrong(w->q, 0, "%s.type: must be specified", w->path);
	if (slice_ieq(t, LIT("array")) && !given(s, "items"))
		return ask_wrong(w->q, 0, "%s.items: missing field.", w->path);
	if (slice_ieq(t, LIT("object")) && json_len(gemini_get(s, "properties")) == 0 &&
	    depth == 0)
		return ask_wrong(w->q, 0, "%s.properties: should be non-empty for OBJECT type",
				 w->path);
	list = gemini_get(s, "enum");
	if (list != NULL && !slice_ieq(t, LIT("string")))
		return ask_wrong(w->q, 0, "%s.enum: only allowed for STRING type", w->path);
	for (size_t i = 0; i < json_len(list); i++)
		if (!json_is_string(json_at(list, i)) || json_str(json_at(list, i)).n == 0)
			return ask_wrong(w->q, 0, "%s.enum[%zu]: cannot be empty", w->path, i);
	list = gemini_get(s, "anyOf");
	for (size_t i = 0; i < json_len(list); i++)
		if (!schema(w, json_at(list, i), depth + 1))
			return false;
	if (given(s, "items") && !schema(w, gemini_get(s, "items"), depth + 1))
		return false;
	return properties(w, s, depth);
}

/* ---- contents ------------------------------------------------------------------------------
 */

/* Bytes in proto JSON may be in either alphabet of base64: in the common one. */
static struct slice common_base64(struct walk *w, struct slice s)
{
	char *p = arena_bytes(&w->q->x->work, s.n);

	if (p == NULL)
		return slice_of(NULL, 0);
	for (size_t i = 0; i < s.n; i++)
		p[i] = s.p[i] == '-' ? '+' : s.p[i] == '_' ? '/' : s.p[i];
	return slice_of(p, s.n);
}

static bool signature(struct walk *w, const struct json *part, struct slice of)
{
	struct slice sign = str(part, "thoughtSignature");

	if (sign.n == 0 || slice_eq(sign, LIT("skip_thought_signature_validator")))
		return true;
	return ask_token_ok(common_base64(w, sign), of) ||
	       ask_wrong(w->q, 0, "%s: Corrupted thought signature.", w->path);
}

static bool inline_data(struct walk *w, const struct json *d)
{
	struct slice kind = str(d, "mimeType");

	if (!only(w->q, d, w->path, "mimeType data displayName"))
		return false;
	if (slice_find_char(kind, '/') == SLICE_NONE)
		return ask_wrong(w->q, 0,
				 "%s.inline_data.mime_type: Unsupported MIME type: "
				 "%.*s",
				 w->path, SARG(slice_head(kind, 40)));
	return ask_media(w->q, common_base64(w, str(d, "data")), kind, w->path);
}

static bool call(struct walk *w, const struct json *part, const struct json *c, bool model)
{
	struct slice name = str(c, "name");

	if (!model)
		return ask_wrong(w->q, 0, "%s: function calls are the model's", w->path);
	if (!only(w->q, c, w->path, "id name args partialArgs willContinue"))
		return false;
	if (!ask_name_ok(name, 128, ".:"))
		return ask_wrong(w->q, 0, "%s.function_call.name: Name cannot be empty.",
				 w->path);
	if (given(c, "args") && !json_is_object(gemini_get(c, "args")))
		return ask_wrong(w->q, 0,
				 "Invalid value at '%s.function_call.args' "
				 "(type.googleapis.com/google.protobuf.Struct)",
				 w->path);
	if (w->three && w->called_n == 0 && str(part, "thoughtSignature").n == 0)
		return ask_wrong(w->q, 0,
				 "Function call is missing a thought_signature in functionCall "
				 "parts. %s",
				 w->path);
	if (w->called_n < CALLS)
		w->called[w->called_n++] = name;
	return signature(w, part, name);
}

static bool response(struct walk *w, const struct json *r, size_t i)
{
	if (!only(w->q, r, w->path, "id name response parts willContinue scheduling"))
		return false;
	if (!json_is_object(gemini_get(r, "response")))
		return ask_wrong(w->q, 0,
				 "Invalid value at '%s.function_response.response' "
				 "(type.googleapis.com/google.protobuf.Struct)",
				 w->path);
	if (str(r, "name").n == 0)
		return ask_wrong(w->q, 0, "%s.function_response.name: Name cannot be empty.",
				 w->path);
	for (size_t k = 0; k < w->called_n; k++)
		if (slice_eq(w->called[k], str(r, "name")))
			return true;
	return ask_wrong(w->q, 0, "%s.function_response.name (%zu): was not called", w->path,
			 i);
}

static bool part(struct walk *w, const struct json *p, bool model, size_t *results)
{
	static const char kinds[] = "text inlineData fileData functionCall functionResponse "
				    "executableCode codeExecutionResult toolCall toolResponse";
	char name[NAME_MAX_BYTES];
	struct json_iter it;
	const struct json *value;
	struct slice key;
	size_t n = 0;

	if (!only(w->q, p, w->path,
		  "text inlineData fileData functionCall functionResponse executableCode "
		  "codeExecutionResult toolCall toolResponse thought thoughtSignature "
		  "videoMetadata mediaResolution partMetadata"))
		return false;
	json_iter_init(&it, p);
	while (json_iter_next(&it, &key, &value))
		n += mock_in_list(kinds, camel(key, name));
	if (n != 1)
		return ask_wrong(w->q, 0,
				 "%s.data: required oneof field 'data' must have one "
				 "initialized field",
				 w->path);
	if (given(p, "text"))
		return (json_is_string(gemini_get(p, "text")) ||
			ask_wrong(w->q, 0, "Invalid value at '%s.text' (TYPE_STRING)",
				  w->path)) &&
		       signature(w, p, slice_of(NULL, 0));
	if (given(p, "inlineData"))
		return inline_data(w, gemini_get(p, "inlineData"));
	if (given(p, "functionCall"))
		return call(w, p, gemini_get(p, "functionCall"), model);
	if (given(p, "functionResponse"))
		return response(w, gemini_get(p, "functionResponse"), (*results)++);
	if (given(p, "fileData") && str(gemini_get(p, "fileData"), "fileUri").n == 0)
		return ask_wrong(w->q, 0, "%s.file_data.file_uri: required", w->path);
	return true;
}

/* One turn.  Calls of the turn before are in w->called. */
static bool content(struct walk *w, const struct json *c, size_t i)
{
	const struct json *parts = gemini_get(c, "parts");
	struct slice role = str(c, "role");
	bool model = slice_eq(role, LIT("model"));
	size_t pending = w->called_n, results = 0, end;

	snprintf(w->path, sizeof(w->path), "contents[%zu]", i);
	if (!only(w->q, c, w->path, "role parts"))
		return false;
	if (!model && role.n > 0 && !slice_eq(role, LIT("user")) &&
	    !slice_eq(role, LIT("function")))
		return ask_wrong(w->q, 0, "Please use a valid role: user, model.");
	if (json_len(parts) == 0)
		return ask_wrong(w->q, 0, "%s.parts: contents.parts must not be empty.",
				 w->path);
	if (model) {
		if (pending > 0)
			return ask_wrong(w->q, 0,
					 "Please ensure that function response turn "
					 "comes immediately after a function call turn.");
		w->called_n = 0;
	}
	end = strlen(w->path);
	for (size_t k = 0; k < json_len(parts); k++) {
		snprintf(w->path + end, sizeof(w->path) - end, ".parts[%zu]", k);
		if (!part(w, json_at(parts, k), model, &results))
			return false;
	}
	if (model && w->called_n > 0 && i == 0)
		return ask_wrong(w->q, 0,
				 "Please ensure that function call turn comes "
				 "immediately after a user turn or after a function "
				 "response turn.");
	if (!model && results != pending)
		return ask_wrong(w->q, 0,
				 "Please ensure that the number of function response "
				 "parts is equal to the number of function call parts "
				 "of the function call turn.");
	if (!model)
		w->called_n = 0;
	w->q->results_last = results > 0;
	return true;
}

static bool contents(struct walk *w, const struct json *list)
{
	if (!json_is_array(list) || json_len(list) == 0)
		return ask_wrong(w->q, 0,
				 "* GenerateContentRequest.contents: contents is not "
				 "specified");
	for (size_t i = 0; i < json_len(list); i++)
		if (!content(w, json_at(list, i), i))
			return false;
	return w->called_n == 0 ||
	       ask_wrong(w->q, 0,
			 "Please ensure that function response turn comes immediately "
			 "after a function call turn.");
}

/* ---- the rest ------------------------------------------------------------------------------
 */

static bool declaration(struct walk *w, const struct json *f)
{
	const struct json *p = gemini_get(f, "parameters");
	const struct json *j = gemini_get(f, "parametersJsonSchema");

	if (!only(w->q, f, w->path,
		  "name description parameters parametersJsonSchema response "
		  "responseJsonSchema behavior"))
		return false;
	if (!ask_name_ok(str(f, "name"), 128, ".:") ||
	    strchr("0123456789.:-", str(f, "name").p[0]))
		return ask_wrong(w->q, 0,
				 "%s.name: Invalid function name. Must start with a "
				 "letter or an underscore.",
				 w->path);
	if (p != NULL && j != NULL)
		return ask_wrong(w->q, 0,
				 "%s: parameters and parameters_json_schema are "
				 "exclusive",
				 w->path);
	ask_offer(w->q, str(f, "name"), p != NULL ? p : j);
	snprintf(w->path + strlen(w->path), 12, ".parameters");
	return p == NULL || schema(w, p, 0);
}

static bool tools(struct walk *w, const struct json *list)
{
	for (size_t i = 0; i < json_len(list); i++) {
		const struct json *t = json_at(list, i);
		const struct json *f = gemini_get(t, "functionDeclarations");

		snprintf(w->path, sizeof(w->path), "tools[%zu]", i);
		if (!only(w->q, t, w->path,
			  "functionDeclarations googleSearch googleSearchRetrieval "
			  "codeExecution "
			  "urlContext computerUse fileSearch googleMaps enterpriseWebSearch "
			  "retrieval mcpServers"))
			return false;
		for (size_t k = 0; k < json_len(f); k++) {
			snprintf(w->path, sizeof(w->path),
				 "tools[%zu].function_declarations[%zu]", i, k);
			if (!declaration(w, json_at(f, k)))
				return false;
		}
	}
	return true;
}

static bool tool_config(struct question *q, const struct json *c)
{
	const struct json *f = gemini_get(c, "functionCallingConfig");
	const struct json *names = gemini_get(f, "allowedFunctionNames");
	struct slice mode = str(f, "mode");

	if (c == NULL)
		return true;
	if (!only(q, c, "tool_config",
		  "functionCallingConfig retrievalConfig "
		  "includeServerSideToolInvocations"))
		return false;
	if (f == NULL)
		return true;
	if (!only(q, f, "tool_config.function_calling_config",
		  "mode allowedFunctionNames streamFunctionCallArguments"))
		return false;
	if (mode.n > 0 && !mock_in_list("MODE_UNSPECIFIED AUTO ANY NONE VALIDATED", mode))
		return ask_wrong(q, 0,
				 "Invalid value at 'tool_config.function_calling_config."
				 "mode': \"%.*s\"",
				 SARG(slice_head(mode, 40)));
	if (q->tool_n == 0 && slice_eq(mode, LIT("ANY")))
		return ask_wrong(q, 0,
				 "Function calling config is set without "
				 "function_declarations.");
	if (json_len(names) > 0 && !mock_in_list("ANY VALIDATED", mode))
		return ask_wrong(q, 0,
				 "Allowed function names can only be set when the mode is "
				 "ANY or VALIDATED.");
	if (slice_eq(mode, LIT("NONE")))
		q->mode = CALL_NONE;
	if (slice_eq(mode, LIT("ANY")))
		q->mode = CALL_ANY;
	for (size_t i = 0; i < json_len(names); i++) {
		bool found = false;

		for (size_t k = 0; k < q->tool_n; k++)
			found |= slice_eq(q->tools[k].name, json_str(json_at(names, i)));
		if (!found)
			return ask_wrong(q, 0, "allowed_function_names[%zu]: is not declared",
					 i);
	}
	if (json_len(names) == 1)
		q->named = json_str(json_at(names, 0));
	return true;
}

static bool thinking(struct question *q, const struct json *t, bool *aloud)
{
	struct slice level = str(t, "thinkingLevel");

	if (t == NULL)
		return true;
	if (!only(q, t, "generation_config.thinking_config",
		  "includeThoughts thinkingBudget thinkingLevel"))
		return false;
	if (given(t, "thinkingBudget") && level.n > 0)
		return ask_wrong(q, 0,
				 "You can only set only one of thinking budget and thinking "
				 "level.");
	if (level.n > 0 && !mock_in_list("MINIMAL LOW MEDIUM HIGH minimal low medium high "
					 "THINKING_LEVEL_UNSPECIFIED",
					 level))
		return ask_wrong(q, 0,
				 "Invalid value at 'generation_config.thinking_config."
				 "thinking_level': \"%.*s\"",
				 SARG(slice_head(level, 40)));
	*aloud = json_true(gemini_get(t, "includeThoughts"), false);
	q->think = !(json_is_number(gemini_get(t, "thinkingBudget")) &&
		     json_num(gemini_get(t, "thinkingBudget"), 1) == 0);
	return true;
}

static bool format(struct walk *w, const struct json *g)
{
	const struct json *s = gemini_get(g, "responseSchema");
	const struct json *j = gemini_get(g, "responseJsonSchema");
	struct question *q = w->q;
	struct slice kind = str(g, "responseMimeType");

	if (kind.n > 0 && !mock_in_list("text/plain application/json text/x.enum", kind))
		return ask_wrong(q, 0, "generation_config.response_mime_type: Unsupported");
	q->json = slice_eq(kind, LIT("application/json"));
	if ((s != NULL || j != NULL) && !q->json)
		return ask_wrong(q, 0,
				 "generation_config.response_mime_type: must be set to "
				 "application/json when a schema is set");
	if (s != NULL && j != NULL)
		return ask_wrong(q, 0,
				 "response_schema and response_json_schema are exclusive");
	if (q->json && q->tool_n > 0 && slice_starts(q->model, LIT("gemini-2")))
		return ask_wrong(q, 0,
				 "Function calling with a response mime type: "
				 "'application/json' is unsupported");
	q->schema = s != NULL ? s : j;
	snprintf(w->path, sizeof(w->path), "generation_config.response_schema");
	return s == NULL || schema(w, s, 0);
}

static bool config(struct walk *w, const struct json *g, bool *aloud)
{
	struct question *q = w->q;
	double temperature = json_num(gemini_get(g, "temperature"), 0);

	if (g == NULL)
		return true;
	if (!only(q, g, "generation_config",
		  "temperature topP topK candidateCount maxOutputTokens stopSequences "
		  "presencePenalty frequencyPenalty seed responseMimeType responseSchema "
		  "responseJsonSchema responseLogprobs logprobs responseModalities "
		  "speechConfig imageConfig mediaResolution thinkingConfig audioTimestamp "
		  "enableEnhancedCivicAnswers routingConfig"))
		return false;
	if (temperature < 0 || temperature > 2)
		return ask_wrong(q, 0, "generation_config.temperature: out of range [0, 2]");
	if (json_len(gemini_get(g, "stopSequences")) > 5)
		return ask_wrong(q, 0, "generation_config.stop_sequences: at most 5");
	q->logprobs = json_true(gemini_get(g, "responseLogprobs"), false);
	if (given(g, "logprobs") && !q->logprobs)
		return ask_wrong(q, 0,
				 "generation_config.logprobs: response_logprobs must be "
				 "true");
	q->max_tokens = json_uint(gemini_get(g, "maxOutputTokens"), 0);
	if (given(g, "maxOutputTokens") && q->max_tokens == 0)
		return ask_wrong(q, 0, "generation_config.max_output_tokens: must be positive");
	ask_stops(q, gemini_get(g, "stopSequences"));
	return thinking(q, gemini_get(g, "thinkingConfig"), aloud) && format(w, g);
}

static bool safety(struct question *q, const struct json *list)
{
	static const char thresholds[] = "OFF BLOCK_NONE BLOCK_ONLY_HIGH "
					 "BLOCK_MEDIUM_AND_ABOVE BLOCK_LOW_AND_ABOVE "
					 "HARM_BLOCK_THRESHOLD_UNSPECIFIED";

	for (size_t i = 0; i < json_len(list); i++)
		if (!slice_starts(str(json_at(list, i), "category"), LIT("HARM_CATEGORY_")) ||
		    !mock_in_list(thresholds, str(json_at(list, i), "threshold")))
			return ask_wrong(q, 0, "Invalid value at 'safety_settings[%zu]'", i);
	return true;
}

static bool system_instruction(struct question *q, const struct json *s)
{
	const struct json *parts = gemini_get(s, "parts");

	if (s == NULL || json_is_string(s))
		return true;
	if (!only(q, s, "system_instruction", "role parts"))
		return false;
	for (size_t i = 0; i < json_len(parts); i++)
		if (!json_is_string(json_get(json_at(parts, i), "text")))
			return ask_wrong(q, 0,
					 "system_instruction.parts[%zu]: only text is "
					 "supported",
					 i);
	return json_len(parts) > 0 ||
	       ask_wrong(q, 0, "system_instruction.parts: must not be empty");
}

void gemini_check(struct question *q, const struct json *r, bool *aloud)
{
	struct walk w = { .q = q, .three = slice_starts(q->model, LIT("gemini-3")) };

	*aloud = false;
	if (!only(q, r, "request",
		  "contents systemInstruction tools toolConfig safetySettings generationConfig "
		  "cachedContent model serviceTier labels store modelArmorConfig") ||
	    !tools(&w, gemini_get(r, "tools")) ||
	    !tool_config(q, gemini_get(r, "toolConfig")) ||
	    !config(&w, gemini_get(r, "generationConfig"), aloud) ||
	    !safety(q, gemini_get(r, "safetySettings")) ||
	    !system_instruction(q, gemini_get(r, "systemInstruction")))
		return;
	if (!contents(&w, gemini_get(r, "contents")))
		return;
}
