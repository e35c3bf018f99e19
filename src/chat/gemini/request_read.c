#include "chat/gemini/reader.h"

#include "base/sb.h"

/* ---- where we are, and what is wrong there --------------------------------------------- */

size_t gemini_down(struct gemini_read *x, const char *member, size_t i)
{
	size_t back = x->path_n;
	struct sb b;

	sb_init(&b, x->path, sizeof(x->path) - 1);
	b.n = x->path_n;
	if (b.n > 0)
		sb_char(&b, '.');
	sb_lit(&b, member);
	if (i != GEMINI_NO_INDEX)
		sb_fmt(&b, "[%zu]", i);
	x->path_n = b.n;
	x->path[b.n] = '\0';
	return back;
}

void gemini_up(struct gemini_read *x, size_t back)
{
	x->path_n = back;
	x->path[back] = '\0';
}

void gemini_refuse(struct gemini_read *x, const char *code, const char *member, const char *fmt,
		   ...)
{
	size_t back = x->path_n;
	char text[160];
	va_list ap;

	if (x->rc != OK)
		return;
	va_start(ap, fmt);
	(void)vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (member != NULL)
		back = gemini_down(x, member, GEMINI_NO_INDEX);
	x->rc = refuse_request(x->why, code, x->path, "%s", text);
	gemini_up(x, back);
}

bool gemini_members(struct gemini_read *x, struct slice value, struct fields *f)
{
	f->n = 0;
	f->m = f->few;
	if (x->rc != OK)
		return false;
	if (json_kind(value) != JSON_OBJECT) {
		gemini_refuse(x, "invalid_type", NULL, "It must be an object.");
		return false;
	}
	if (!fields_read(f, value, x->a)) {
		gemini_refuse(x, "too_many_fields", NULL, "It has more than %d members.",
			      FIELDS_MAX);
		return false;
	}
	return true;
}

bool gemini_want(struct gemini_read *x, const struct fields *f, const char *name,
		 enum json_kind kind, struct slice *value)
{
	static const char *const words[] = {
		[JSON_NULL] = "null",       [JSON_BOOL] = "a boolean",
		[JSON_NUMBER] = "a number", [JSON_STRING] = "a string",
		[JSON_ARRAY] = "an array",  [JSON_OBJECT] = "an object",
	};
	const struct json_member *m;
	bool twice;

	if (x->rc != OK)
		return false;
	m = gemini_field(f, name, &twice);
	if (twice)
		gemini_refuse(x, "duplicate_field", name, "It is there more than once.");
	if (m == NULL || twice)
		return false;
	*value = m->value;
	/* Numbers may be in quotes, as protobuf writes 64-bit ones. */
	if (kind == JSON_NUMBER && m->kind == JSON_STRING) {
		enum json_kind inner = JSON_NULL;
		struct slice s = json_text_of(m->value).s;
		size_t n;

		if (json_scan(s, &inner, NULL, 0, &n, NULL) == OK && inner == JSON_NUMBER) {
			*value = slice_trim(s);
			return true;
		}
	}
	if (m->kind != kind) {
		gemini_refuse(x, "invalid_type", name, "It must be %s.", words[kind]);
		return false;
	}
	return true;
}

bool gemini_want_text(struct gemini_read *x, const struct fields *f, const char *name,
		      struct json_text *text)
{
	struct slice value;

	if (!gemini_want(x, f, name, JSON_STRING, &value))
		return false;
	*text = json_text_of(value);
	return true;
}

bool gemini_want_items(struct gemini_read *x, const struct fields *f, const char *name,
		       struct gemini_items *items)
{
	const struct json_member *m = gemini_field(f, name, NULL);
	enum json_kind kind = m != NULL && m->kind == JSON_OBJECT ? JSON_OBJECT : JSON_ARRAY;
	struct slice value;

	*items = (struct gemini_items){ 0 };
	if (!gemini_want(x, f, name, kind, &value))
		return false;
	if (kind == JSON_ARRAY)
		items->list = json_array(value);
	else
		items->only = value;
	return true;
}

bool gemini_next(struct gemini_items *items, struct slice *value)
{
	enum json_kind kind;

	if (items->only.n > 0) {
		*value = items->only;
		items->only = slice_of(NULL, 0);
		items->list = json_array(items->only);
		return true;
	}
	return json_array_next(&items->list, value, &kind);
}

static void want_number(struct gemini_read *x, const struct fields *f, const char *name,
			struct slice *out)
{
	struct slice value;

	if (gemini_want(x, f, name, JSON_NUMBER, &value))
		*out = value;
}

static void want_u64(struct gemini_read *x, const struct fields *f, const char *name,
		     uint64_t *out)
{
	struct slice value;

	if (gemini_want(x, f, name, JSON_NUMBER, &value) && !json_u64(value, out))
		gemini_refuse(x, "invalid_value", name, "It must be a whole number from 0.");
}

static enum tri want_bool(struct gemini_read *x, const struct fields *f, const char *name)
{
	struct slice value;
	bool v;

	if (!gemini_want(x, f, name, JSON_BOOL, &value) || !json_bool(value, &v))
		return UNSET;
	return v ? YES : NO;
}

/* Google's enums are read without a look at the case. */
static bool says(struct json_text t, const char *word)
{
	return slice_ieq(t.s, slice_cstr(word));
}

/* Members that were not asked for by name are extras, as "prefix.name". */
static void extras(struct gemini_read *x, const struct fields *f, const char *const *known,
		   const char *prefix)
{
	struct fields one = { .n = 1 };

	for (size_t i = 0; i < f->n && x->rc == OK; i++) {
		const char *const *k = known;

		one.m = &f->m[i];
		if (f->m[i].kind == JSON_NULL)
			continue;
		while (*k != NULL && gemini_field(&one, *k, NULL) == NULL)
			k++;
		if (*k == NULL)
			chat_extra_add(x->r, x->a,
				       arena_fmt(x->a, "%s%.*s", prefix, SARG(f->m[i].key)),
				       f->m[i].value);
	}
}

/* ---- tools ----------------------------------------------------------------------------- */

static struct slice schema(struct gemini_read *x, const struct fields *f, const char *own,
			   const char *json)
{
	struct slice value, out;

	if (gemini_want(x, f, json, JSON_OBJECT, &value))
		return value;
	if (!gemini_want(x, f, own, JSON_OBJECT, &value))
		return slice_of(NULL, 0);
	out = gemini_schema_read(value, x->a);
	if (out.n == 0)
		gemini_refuse(x, "too_deep", own, "The schema is nested too deeply.");
	return slice_eq(out, LIT("{}")) ? slice_of(NULL, 0) : out;
}

static void declaration(struct gemini_read *x, struct slice value)
{
	struct json_text name = { { NULL, 0 } };
	struct chat_tool *t;
	struct fields f;

	if (!gemini_members(x, value, &f))
		return;
	if (!gemini_want_text(x, &f, "name", &name) || json_text_empty(name)) {
		gemini_refuse(x, "missing_field", "name", "A function needs a name.");
		return;
	}
	t = chat_tool_add(x->r, x->a, TOOL_FUNCTION);
	if (t == NULL)
		return;
	t->name = name;
	(void)gemini_want_text(x, &f, "description", &t->description);
	t->schema = schema(x, &f, "parameters", "parametersJsonSchema");
}

/* "google_search" -> "googleSearch" */
static struct json_text camel(struct slice key, struct arena *a)
{
	char *p = arena_bytes(a, key.n);
	size_t n = 0;

	if (p == NULL)
		return (struct json_text){ { NULL, 0 } };
	for (size_t i = 0; i < key.n; i++) {
		char c = key.p[i];

		if (c == '_' && i + 1 < key.n && key.p[i + 1] >= 'a' && key.p[i + 1] <= 'z')
			c = (char)(key.p[++i] - 'a' + 'A');
		p[n++] = c;
	}
	return (struct json_text){ slice_of(p, n) };
}

/* One of Google's own tools: each is an entry by itself. */
static void hosted(struct gemini_read *x, const struct json_member *m)
{
	struct chat_tool *t = chat_tool_add(x->r, x->a, TOOL_HOSTED);
	struct json_out o;

	if (t == NULL)
		return;
	t->type = camel(m->key, x->a);
	out_init(&o, x->a);
	out_object(&o);
	out_key_text(&o, t->type);
	out_json(&o, m->value);
	out_close(&o);
	t->raw = out_slice(&o);
}

static void tools(struct gemini_read *x, const struct fields *f)
{
	struct gemini_items list, functions;
	struct slice value, one;
	struct fields tool;

	if (!gemini_want_items(x, f, "tools", &list))
		return;
	for (size_t i = 0; gemini_next(&list, &value) && x->rc == OK; i++) {
		size_t back = gemini_down(x, "tools", i), inner;
		const struct json_member *m;

		(void)gemini_members(x, value, &tool);
		m = gemini_field(&tool, "functionDeclarations", NULL);
		if (gemini_want_items(x, &tool, "functionDeclarations", &functions))
			for (size_t k = 0; gemini_next(&functions, &one) && x->rc == OK; k++) {
				inner = gemini_down(x, "functionDeclarations", k);
				declaration(x, one);
				gemini_up(x, inner);
			}
		for (size_t k = 0; k < tool.n; k++)
			if (&tool.m[k] != m && tool.m[k].kind != JSON_NULL)
				hosted(x, &tool.m[k]);
		gemini_up(x, back);
	}
}

static void allowed(struct gemini_read *x, const struct fields *f)
{
	struct chat_choice *c = &x->r->choice;
	struct chat_name **tail = &c->names;
	struct json_array list;
	struct slice value;
	enum json_kind kind;

	if (!gemini_want(x, f, "allowedFunctionNames", JSON_ARRAY, &value))
		return;
	list = json_array(value);
	for (size_t i = 0; json_array_next(&list, &value, &kind); i++) {
		size_t back = gemini_down(x, "allowedFunctionNames", i);

		if (kind != JSON_STRING)
			gemini_refuse(x, "invalid_type", NULL, "It must be a string.");
		else if (chat_name_add(tail, x->a, json_text_of(value)) != NULL)
			tail = &(*tail)->next;
		gemini_up(x, back);
	}
}

/* VALIDATED: text or a call whose arguments fit the schema. */
static void all_strict(struct chat_request *r)
{
	for (struct chat_tool *t = r->tools; t != NULL; t = t->next)
		if (t->kind == TOOL_FUNCTION)
			t->strict = YES;
}

static void choice(struct gemini_read *x, struct slice config)
{
	struct chat_choice *c = &x->r->choice;
	struct json_text mode = JTEXT("AUTO");
	struct fields f;

	if (!gemini_members(x, config, &f))
		return;
	(void)gemini_want_text(x, &f, "mode", &mode);
	allowed(x, &f);
	if (says(mode, "NONE")) {
		c->kind = CHOICE_NONE;
	} else if (says(mode, "ANY")) {
		c->kind = c->names == NULL         ? CHOICE_REQUIRED
			  : c->names->next == NULL ? CHOICE_NAMED
						   : CHOICE_ALLOWED;
		c->allowed_required = c->kind == CHOICE_ALLOWED;
	} else if (says(mode, "AUTO") || says(mode, "VALIDATED") ||
		   says(mode, "MODE_UNSPECIFIED")) {
		c->kind = c->names == NULL ? CHOICE_AUTO : CHOICE_ALLOWED;
		if (says(mode, "VALIDATED"))
			all_strict(x->r);
	} else {
		gemini_refuse(x, "unsupported_value", "mode",
			      "It must be AUTO, ANY, NONE or VALIDATED.");
	}
	if (c->kind == CHOICE_NONE)
		c->names = NULL;
}

static void tool_config(struct gemini_read *x, const struct fields *f)
{
	static const char *const known[] = { "functionCallingConfig", NULL };
	size_t back, inner;
	struct fields config;
	struct slice value;

	if (!gemini_want(x, f, "toolConfig", JSON_OBJECT, &value))
		return;
	back = gemini_down(x, "toolConfig", GEMINI_NO_INDEX);
	if (gemini_members(x, value, &config)) {
		if (gemini_want(x, &config, known[0], JSON_OBJECT, &value)) {
			inner = gemini_down(x, known[0], GEMINI_NO_INDEX);
			choice(x, value);
			gemini_up(x, inner);
		}
		extras(x, &config, known, "toolConfig.");
	}
	gemini_up(x, back);
}

/* ---- generationConfig ------------------------------------------------------------------ */

static void thinking(struct gemini_read *x, const struct fields *f)
{
	struct chat_thinking *t = &x->r->thinking;
	struct json_text level;
	struct fields config;
	struct slice value;
	size_t back;

	if (!gemini_want(x, f, "thinkingConfig", JSON_OBJECT, &value))
		return;
	back = gemini_down(x, "thinkingConfig", GEMINI_NO_INDEX);
	(void)gemini_members(x, value, &config);
	t->visible = want_bool(x, &config, "includeThoughts");
	if (gemini_want(x, &config, "thinkingBudget", JSON_NUMBER, &value)) {
		if (slice_eq(value, LIT("-1")))
			t->automatic = true;
		else if (!json_u64(value, &t->budget))
			gemini_refuse(x, "invalid_value", "thinkingBudget",
				      "It must be a whole number from -1.");
		else if (t->budget == 0)
			t->effort = EFFORT_NONE;
	}
	if (gemini_want_text(x, &config, "thinkingLevel", &level) &&
	    !says(level, "THINKING_LEVEL_UNSPECIFIED")) {
		for (enum effort e = EFFORT_MINIMAL; e <= EFFORT_XHIGH; e++)
			if (says(level, effort_name(e)))
				t->effort = e;
		if (t->effort == EFFORT_UNSET)
			gemini_refuse(x, "unsupported_value", "thinkingLevel",
				      "It must be MINIMAL, LOW, MEDIUM, HIGH or XHIGH.");
	}
	gemini_up(x, back);
}

/* A form that only Gemini has goes as it is, to Gemini. */
static void format_extra(struct gemini_read *x, const struct fields *f, const char *name)
{
	const struct json_member *m = gemini_field(f, name, NULL);

	if (m != NULL)
		chat_extra_add(x->r, x->a,
			       arena_fmt(x->a, "generationConfig.%.*s", SARG(m->key)),
			       m->value);
}

static void format(struct gemini_read *x, const struct fields *f)
{
	struct chat_format *to = &x->r->format;
	struct json_text mime = { { NULL, 0 } };

	(void)gemini_want_text(x, f, "responseMimeType", &mime);
	if (json_text_empty(mime) || json_text_is(mime, LIT("application/json"))) {
		to->schema = schema(x, f, "responseSchema", "responseJsonSchema");
		if (to->schema.n > 0)
			to->kind = FORMAT_SCHEMA;
		else if (!json_text_empty(mime))
			to->kind = FORMAT_JSON;
	} else if (json_text_is(mime, LIT("text/plain"))) {
		to->kind = FORMAT_TEXT;
	} else { /* text/x.enum */
		format_extra(x, f, "responseMimeType");
		format_extra(x, f, "responseSchema");
		format_extra(x, f, "responseJsonSchema");
	}
}

static void stops(struct gemini_read *x, const struct fields *f)
{
	struct chat_name **tail = &x->r->stop;
	struct json_array list;
	struct slice value;
	enum json_kind kind;

	if (!gemini_want(x, f, "stopSequences", JSON_ARRAY, &value))
		return;
	list = json_array(value);
	for (size_t i = 0; json_array_next(&list, &value, &kind); i++) {
		size_t back = gemini_down(x, "stopSequences", i);

		if (kind != JSON_STRING)
			gemini_refuse(x, "invalid_type", NULL, "It must be a string.");
		else if (chat_name_add(tail, x->a, json_text_of(value)) != NULL)
			tail = &(*tail)->next;
		gemini_up(x, back);
	}
}

static void modalities(struct gemini_read *x, const struct fields *f)
{
	struct json_array list;
	struct slice value;
	enum json_kind kind;

	if (!gemini_want(x, f, "responseModalities", JSON_ARRAY, &value))
		return;
	list = json_array(value);
	for (size_t i = 0; json_array_next(&list, &value, &kind); i++) {
		size_t back = gemini_down(x, "responseModalities", i);

		if (kind != JSON_STRING)
			gemini_refuse(x, "invalid_type", NULL, "It must be a string.");
		x->r->wants_audio |= says(json_text_of(value), "AUDIO");
		x->r->wants_images |= says(json_text_of(value), "IMAGE");
		gemini_up(x, back);
	}
}

/* One voice is a thing that others know too; the rest of it is not. */
static bool speech(struct gemini_read *x, const struct fields *f)
{
	static const char *const steps[] = { "voiceConfig", "prebuiltVoiceConfig" };
	struct json_text voice;
	struct fields at;
	struct slice value;
	struct json_out o;

	if (!gemini_want(x, f, "speechConfig", JSON_OBJECT, &value) ||
	    !gemini_members(x, value, &at))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
		const struct json_member *m = gemini_field(&at, steps[i], NULL);

		if (at.n != 1 || m == NULL || !fields_read(&at, m->value, x->a))
			return false;
	}
	voice = field_text(&at, "voiceName");
	if (json_text_empty(voice))
		voice = field_text(&at, "voice_name");
	if (at.n != 1 || json_text_empty(voice))
		return false;
	out_init(&o, x->a);
	out_object(&o);
	out_key(&o, "voice"), out_text(&o, voice);
	out_key(&o, "format"), out_lit(&o, "pcm16");
	out_close(&o);
	x->r->audio = out_slice(&o);
	return true;
}

static void config(struct gemini_read *x, const struct fields *top)
{
	/* The last is an extra when speech() cannot say it otherwise. */
	static const char *const all[] = {
		"temperature",
		"topP",
		"topK",
		"candidateCount",
		"maxOutputTokens",
		"stopSequences",
		"presencePenalty",
		"frequencyPenalty",
		"seed",
		"responseMimeType",
		"responseSchema",
		"responseJsonSchema",
		"responseLogprobs",
		"logprobs",
		"responseModalities",
		"thinkingConfig",
		"speechConfig",
		NULL,
	};
	const char *known[ARRAY_LEN(all)];
	struct chat_request *r = x->r;
	struct fields f;
	struct slice value;
	size_t back;

	if (!gemini_want(x, top, "generationConfig", JSON_OBJECT, &value))
		return;
	back = gemini_down(x, "generationConfig", GEMINI_NO_INDEX);
	(void)gemini_members(x, value, &f);
	want_number(x, &f, "temperature", &r->temperature);
	want_number(x, &f, "topP", &r->top_p);
	want_number(x, &f, "topK", &r->top_k);
	want_number(x, &f, "presencePenalty", &r->presence_penalty);
	want_number(x, &f, "frequencyPenalty", &r->frequency_penalty);
	want_number(x, &f, "seed", &r->seed);
	want_u64(x, &f, "candidateCount", &r->n);
	want_u64(x, &f, "maxOutputTokens", &r->max_tokens);
	want_u64(x, &f, "logprobs", &r->top_logprobs);
	r->logprobs = want_bool(x, &f, "responseLogprobs");
	stops(x, &f);
	format(x, &f);
	modalities(x, &f);
	thinking(x, &f);
	memcpy(known, all, sizeof(all));
	if (!speech(x, &f))
		known[ARRAY_LEN(all) - 2] = NULL;
	extras(x, &f, known, "generationConfig.");
	gemini_up(x, back);
}

/* ---- the whole ------------------------------------------------------------------------- */

static void tier(struct gemini_read *x, const struct fields *f)
{
	struct json_text t;

	if (!gemini_want_text(x, f, "serviceTier", &t) || says(t, "unspecified"))
		return;
	x->r->service_tier = says(t, "standard") ? JTEXT("default") : t;
}

static void model(struct gemini_read *x, const struct request_in *in, const struct fields *f)
{
	struct json_text said = { { NULL, 0 } };
	struct slice name = in->model;

	(void)gemini_want_text(x, f, "model", &said);
	if (name.n == 0)
		name = json_text_plain(said, x->a);
	if (slice_starts(name, LIT("models/")))
		name = slice_skip(name, sizeof("models/") - 1);
	if (name.n == 0)
		gemini_refuse(x, "missing_field", "model", "The path must name a model.");
	x->r->model = name;
}

static void request(struct gemini_read *x, const struct request_in *in, const struct fields *f)
{
	static const char *const known[] = { "model",  "contents",    "systemInstruction",
					     "tools",  "toolConfig",  "generationConfig",
					     "labels", "serviceTier", "generateContentRequest",
					     NULL };
	struct slice value;

	model(x, in, f);
	gemini_system_read(x, f);
	gemini_contents_read(x, f);
	tools(x, f);
	tool_config(x, f);
	config(x, f);
	tier(x, f);
	if (gemini_want(x, f, "labels", JSON_OBJECT, &value))
		x->r->metadata = value;
	extras(x, f, known, "");
}

enum rc gemini_request_read(struct chat_request *r, const struct request_in *in,
			    struct arena *a, struct chat_refusal *why)
{
	static const char *const inner = "generateContentRequest";
	struct gemini_read x = { .r = r, .a = a, .why = why };
	struct fields f, asked;
	struct slice value;
	enum rc rc = request_fields(in->body, a, &f, why);

	if (rc != OK)
		return rc;
	*r = (struct chat_request){
		.dialect = &dialect_gemini,
		.wants = in->op == OP_COUNT_TOKENS ? CHAT_COUNT_TOKENS : CHAT_ANSWER,
		.body = in->body,
		.stream = in->stream == YES,
		.wants_usage = true,
	};
	if (r->wants == CHAT_COUNT_TOKENS && gemini_want(&x, &f, inner, JSON_OBJECT, &value)) {
		(void)gemini_down(&x, inner, GEMINI_NO_INDEX);
		if (gemini_members(&x, value, &asked))
			request(&x, in, &asked);
	} else {
		request(&x, in, &f);
	}
	/* Without memory things seem to be missing. */
	if (arena_failed(a))
		return E_NOMEM;
	if (x.rc == OK)
		chat_request_finish(r);
	return x.rc;
}
