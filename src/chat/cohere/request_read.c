#include "chat/cohere/cohere.h"

#include "chat/opaque.h"

struct reader {
	struct chat_request *r;
	struct arena *a;
	struct chat_refusal *why;
	char path[96];
	struct chat_part *documents; /* of the request: for its last user message */
	bool citations;              /* of them are wanted */
};

static const struct {
	const char *name;
	enum json_kind kind;
} known[] = {
	{ "model", JSON_STRING },
	{ "messages", JSON_ARRAY },
	{ "stream", JSON_BOOL },
	{ "tools", JSON_ARRAY },
	{ "tool_choice", JSON_STRING },
	{ "strict_tools", JSON_BOOL },
	{ "response_format", JSON_OBJECT },
	{ "documents", JSON_ARRAY },
	{ "citation_options", JSON_OBJECT },
	{ "max_tokens", JSON_NUMBER },
	{ "stop_sequences", JSON_ARRAY },
	{ "temperature", JSON_NUMBER },
	{ "p", JSON_NUMBER },
	{ "k", JSON_NUMBER },
	{ "frequency_penalty", JSON_NUMBER },
	{ "presence_penalty", JSON_NUMBER },
	{ "seed", JSON_NUMBER },
	{ "logprobs", JSON_BOOL },
	{ "thinking", JSON_OBJECT },
};

static const char *kind_name(enum json_kind kind)
{
	static const char *const names[] = { "null",     "a boolean", "a number",
					     "a string", "an array",  "an object" };

	return names[kind];
}

static const char *at(struct reader *rd, const char *fmt, ...) PRINTF_LIKE(2, 3);
static const char *at(struct reader *rd, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	(void)vsnprintf(rd->path, sizeof(rd->path), fmt, ap);
	va_end(ap);
	return rd->path;
}

/* Said of rd->path. */
static enum rc bad_type(struct reader *rd, const char *want)
{
	return refuse_request(rd->why, "invalid_type", rd->path, "%s must be %s.", rd->path,
			      want);
}

static enum rc bad_value(struct reader *rd, const char *want)
{
	return refuse_request(rd->why, "invalid_value", rd->path, "%s must be %s.", rd->path,
			      want);
}

static enum rc missing(struct reader *rd)
{
	return refuse_request(rd->why, "missing_field", rd->path, "%s is required.", rd->path);
}

/* rd->path goes on to a member of what it names. */
static void into(struct reader *rd, const char *name)
{
	size_t n = strlen(rd->path);

	(void)snprintf(rd->path + n, sizeof(rd->path) - n, ".%s", name);
}

/* A member of what rd->path names; absent is fine. */
static enum rc check(struct reader *rd, const struct fields *f, const char *name,
		     enum json_kind kind)
{
	const struct json_member *m = field(f, name);

	if (m == NULL || m->kind == kind)
		return OK;
	into(rd, name);
	return bad_type(rd, kind_name(kind));
}

/* The same, and it must be there. */
static enum rc need(struct reader *rd, const struct fields *f, const char *name,
		    enum json_kind kind)
{
	if (field(f, name) != NULL)
		return check(rd, f, name, kind);
	into(rd, name);
	return missing(rd);
}

/* ---- documents ---- */

/* Title and text of a document's data, when it has nothing else. */
static bool plain_document(const struct fields *data, struct chat_media *m)
{
	for (size_t i = 0; i < data->n; i++) {
		const struct json_member *v = &data->m[i];

		if (v->kind != JSON_STRING)
			return false;
		if (slice_eq(v->key, LIT("text")) || slice_eq(v->key, LIT("snippet")))
			m->url = json_text_of(v->value);
		else if (slice_eq(v->key, LIT("title")))
			m->title = json_text_of(v->value);
		else
			return false;
	}
	return !json_text_empty(m->url);
}

/* A string, or an object {id, data}, whose data is an object or text. */
static enum rc document(struct reader *rd, struct slice value, size_t i)
{
	enum json_kind kind = json_kind(value);
	struct fields f, data_f;
	struct chat_media m = { .source = MEDIA_TEXT, .mime = LIT("text/plain") };
	struct chat_part *p;
	struct slice data;

	at(rd, "documents[%zu]", i);
	if (kind == JSON_STRING) {
		m.url = json_text_of(value);
	} else if (kind == JSON_OBJECT) {
		if (!fields_read(&f, value, rd->a))
			return E_NOMEM;
		data = field_json(&f, "data");
		m.name = field_text(&f, "id");
		at(rd, "documents[%zu].data", i);
		if (data.n == 0)
			return missing(rd);
		if (json_kind(data) == JSON_STRING) {
			m.url = json_text_of(data);
		} else if (json_kind(data) == JSON_OBJECT) {
			if (!fields_read(&data_f, data, rd->a))
				return E_NOMEM;
			if (!plain_document(&data_f, &m)) {
				/* Names and values are for the model to read: as JSON. */
				m.title = (struct json_text){ { NULL, 0 } };
				m.url = json_text_encode(data, rd->a);
			}
		} else {
			return bad_type(rd, "an object or a string");
		}
	} else {
		return bad_type(rd, "a string or an object");
	}
	p = chat_part_append(&rd->documents, rd->a, PART_DOCUMENT);
	if (p != NULL)
		p->u.media = m;
	return OK;
}

static enum rc documents(struct reader *rd, const struct fields *f)
{
	struct slice options = field_object(f, "citation_options");
	struct json_array it = json_array(field_array(f, "documents"));
	enum json_kind kind;
	struct fields o;
	struct slice v;
	enum rc rc = OK;

	rd->citations = true;
	for (size_t i = 0; rc == OK && json_array_next(&it, &v, &kind); i++)
		rc = document(rd, v, i);
	if (rc != OK || options.n == 0)
		return rc;
	if (!fields_read(&o, options, rd->a))
		return E_NOMEM;
	at(rd, "citation_options");
	rc = check(rd, &o, "mode", JSON_STRING);
	if (rc != OK)
		return rc;
	if (rd->documents != NULL &&
	    (field_is(&o, "mode", "OFF") || field_is(&o, "mode", "DISABLED")))
		rd->citations = false;
	else if (!field_is(&o, "mode", "ENABLED"))
		chat_extra_add(rd->r, rd->a, LIT("citation_options"), options);
	return OK;
}

/* In front of the last user message: there every dialect can say them. */
static void place_documents(struct reader *rd)
{
	struct chat_message *m = rd->r->messages, *user = NULL;
	struct chat_part *p = rd->documents;

	if (p == NULL)
		return;
	for (; m != NULL; m = m->next)
		if (m->role == ROLE_USER)
			user = m;
	if (user == NULL)
		user = chat_message_add(rd->r, rd->a, ROLE_USER);
	if (user == NULL)
		return;
	for (;; p = p->next) {
		p->u.media.citations = rd->citations;
		if (p->next == NULL)
			break;
	}
	p->next = user->parts;
	if (user->parts == NULL)
		user->tail = &p->next;
	user->parts = rd->documents;
}

/* ---- content ---- */

static enum rc image(struct reader *rd, const struct fields *f, struct chat_part *p)
{
	const struct json_member *m = field(f, "image_url");
	struct fields url;
	enum rc rc = need(rd, f, "image_url", JSON_OBJECT);

	if (rc != OK)
		return rc;
	if (!fields_read(&url, m->value, rd->a))
		return E_NOMEM;
	into(rd, "image_url");
	rc = check(rd, &url, "detail", JSON_STRING);
	if (rc == OK)
		rc = need(rd, &url, "url", JSON_STRING);
	if (rc != OK)
		return rc;
	p->u.media.detail = field_text(&url, "detail");
	if (chat_media_from_url(&p->u.media, field_text(&url, "url"), rd->a))
		return OK;
	into(rd, "url");
	return bad_value(rd, "a URL, or a data URL in base64");
}

/* One part; rd->path is its own.  NULL or several in the list are fine. */
static enum rc part(struct reader *rd, struct slice value, enum chat_role role,
		    struct chat_part **list)
{
	struct chat_part *p;
	struct fields f;
	enum rc rc;

	if (json_kind(value) != JSON_OBJECT)
		return bad_type(rd, "an object");
	if (!fields_read(&f, value, rd->a))
		return E_NOMEM;
	rc = need(rd, &f, "type", JSON_STRING);
	if (rc != OK)
		return rc;
	if (field_is(&f, "type", "text")) {
		rc = need(rd, &f, "text", JSON_STRING);
		p = chat_part_append(list, rd->a, PART_TEXT);
		if (rc == OK && p != NULL) {
			p->u.text = field_text(&f, "text");
			p->signature = opaque_open(field_text(&f, "signature"));
		}
		return rc;
	}
	if (role == ROLE_USER && field_is(&f, "type", "image_url")) {
		p = chat_part_append(list, rd->a, PART_IMAGE);
		return p == NULL ? E_NOMEM : image(rd, &f, p);
	}
	if (role == ROLE_ASSISTANT && field_is(&f, "type", "thinking")) {
		rc = need(rd, &f, "thinking", JSON_STRING);
		p = chat_part_append(list, rd->a, PART_REASONING);
		if (rc == OK && p != NULL) {
			p->u.reasoning.text = field_text(&f, "thinking");
			p->u.reasoning.signature = opaque_open(field_text(&f, "signature"));
			p->u.reasoning.encrypted = opaque_open(field_text(&f, "encrypted"));
		}
		return rc;
	}
	p = chat_part_append(list, rd->a, PART_OTHER);
	if (p != NULL) {
		p->u.other.raw = value;
		p->u.other.what = arena_cstr(rd->a, field_plain(&f, "type", rd->a));
	}
	return OK;
}

/* A document in a tool's result: what it holds, as text. */
static enum rc result_part(struct reader *rd, struct slice value, struct chat_part **list)
{
	struct fields f, d;
	struct chat_part *p;
	struct slice data;
	enum rc rc;

	if (json_kind(value) != JSON_OBJECT)
		return bad_type(rd, "an object");
	if (!fields_read(&f, value, rd->a))
		return E_NOMEM;
	if (!field_is(&f, "type", "document"))
		return part(rd, value, ROLE_TOOL, list);
	rc = need(rd, &f, "document", JSON_OBJECT);
	if (rc != OK)
		return rc;
	if (!fields_read(&d, field_object(&f, "document"), rd->a))
		return E_NOMEM;
	data = field_json(&d, "data");
	into(rd, "document.data");
	if (data.n == 0)
		return missing(rd);
	if (json_kind(data) != JSON_STRING && json_kind(data) != JSON_OBJECT)
		return bad_type(rd, "an object or a string");
	p = chat_part_append(list, rd->a, PART_TEXT);
	if (p != NULL)
		p->u.text = json_kind(data) == JSON_STRING ? json_text_of(data)
							   : json_text_encode(data, rd->a);
	return OK;
}

static enum rc content(struct reader *rd, const struct fields *f, size_t i, enum chat_role role,
		       struct chat_part **list)
{
	const struct json_member *m = field(f, "content");
	struct json_array it;
	enum json_kind kind;
	struct chat_part *p;
	struct slice v;
	enum rc rc = OK;

	at(rd, "messages[%zu].content", i);
	if (m == NULL)
		return role == ROLE_ASSISTANT ? OK : missing(rd);
	if (m->kind == JSON_STRING) {
		if (role == ROLE_ASSISTANT && m->value.n <= 2)
			return OK;
		p = chat_part_append(list, rd->a, PART_TEXT);
		if (p != NULL)
			p->u.text = json_text_of(m->value);
		return OK;
	}
	if (m->kind != JSON_ARRAY)
		return bad_type(rd, "a string or an array");
	it = json_array(m->value);
	for (size_t j = 0; rc == OK && json_array_next(&it, &v, &kind); j++) {
		at(rd, "messages[%zu].content[%zu]", i, j);
		rc = role == ROLE_TOOL ? result_part(rd, v, list) : part(rd, v, role, list);
		while (*list != NULL) /* keeps appending cheap */
			list = &(*list)->next;
	}
	return rc;
}

/* ---- messages ---- */

static enum rc tool_call(struct reader *rd, struct slice value, size_t i, size_t j,
			 struct chat_message *m)
{
	struct fields f, fn;
	struct chat_part *p;
	enum rc rc;

	at(rd, "messages[%zu].tool_calls[%zu]", i, j);
	if (json_kind(value) != JSON_OBJECT)
		return bad_type(rd, "an object");
	if (!fields_read(&f, value, rd->a))
		return E_NOMEM;
	rc = need(rd, &f, "id", JSON_STRING);
	if (rc == OK)
		rc = need(rd, &f, "function", JSON_OBJECT);
	if (rc != OK)
		return rc;
	if (!fields_read(&fn, field_object(&f, "function"), rd->a))
		return E_NOMEM;
	into(rd, "function");
	rc = check(rd, &fn, "arguments", JSON_STRING);
	if (rc == OK)
		rc = need(rd, &fn, "name", JSON_STRING);
	p = chat_part_add(m, rd->a, PART_TOOL_CALL);
	if (rc != OK || p == NULL)
		return rc != OK ? rc : E_NOMEM;
	p->signature = opaque_open(field_text(&f, "signature"));
	p->u.call.id = field_text(&f, "id");
	p->u.call.name = field_text(&fn, "name");
	chat_call_args(&p->u.call, field_text(&fn, "arguments"), rd->a);
	return OK;
}

static enum rc assistant(struct reader *rd, const struct fields *f, size_t i)
{
	struct chat_message *m = chat_message_add(rd->r, rd->a, ROLE_ASSISTANT);
	struct json_array it;
	struct chat_part *p;
	enum json_kind kind;
	struct slice v;
	enum rc rc;

	if (m == NULL)
		return E_NOMEM;
	rc = content(rd, f, i, ROLE_ASSISTANT, &m->parts);
	while (*m->tail != NULL)
		m->tail = &(*m->tail)->next;
	at(rd, "messages[%zu]", i);
	if (rc == OK)
		rc = check(rd, f, "tool_plan", JSON_STRING);
	if (rc == OK)
		rc = check(rd, f, "tool_calls", JSON_ARRAY);
	if (rc != OK)
		return rc;
	if (!json_text_empty(field_text(f, "tool_plan"))) {
		p = chat_part_add(m, rd->a, PART_TEXT);
		if (p != NULL)
			p->u.text = field_text(f, "tool_plan");
	}
	it = json_array(field_array(f, "tool_calls"));
	for (size_t j = 0; rc == OK && json_array_next(&it, &v, &kind); j++)
		rc = tool_call(rd, v, i, j, m);
	return rc;
}

/* `last` is the message before it: results in a row are one message. */
static enum rc tool(struct reader *rd, const struct fields *f, size_t i,
		    struct chat_message **last)
{
	struct chat_part *p;
	enum rc rc;

	at(rd, "messages[%zu]", i);
	rc = need(rd, f, "tool_call_id", JSON_STRING);
	if (rc != OK)
		return rc;
	if (*last == NULL || (*last)->role != ROLE_TOOL)
		*last = chat_message_add(rd->r, rd->a, ROLE_TOOL);
	p = chat_part_add(*last, rd->a, PART_TOOL_RESULT);
	if (p == NULL)
		return E_NOMEM;
	p->u.result.call_id = field_text(f, "tool_call_id");
	return content(rd, f, i, ROLE_TOOL, &p->u.result.parts);
}

static enum rc message(struct reader *rd, struct slice value, size_t i,
		       struct chat_message **last)
{
	struct chat_message *m;
	enum chat_role role;
	struct fields f;
	enum rc rc;

	at(rd, "messages[%zu]", i);
	if (json_kind(value) != JSON_OBJECT)
		return bad_type(rd, "an object");
	if (!fields_read(&f, value, rd->a))
		return E_NOMEM;
	rc = need(rd, &f, "role", JSON_STRING);
	if (rc != OK)
		return rc;
	if (field_is(&f, "role", "tool"))
		return tool(rd, &f, i, last);
	*last = NULL;
	if (field_is(&f, "role", "assistant"))
		return assistant(rd, &f, i);
	role = field_is(&f, "role", "user") ? ROLE_USER : ROLE_SYSTEM;
	if (role == ROLE_SYSTEM && !field_is(&f, "role", "system")) {
		at(rd, "messages[%zu].role", i);
		return bad_value(rd, "system, user, assistant or tool");
	}
	m = chat_message_add(rd->r, rd->a, role);
	if (m == NULL)
		return E_NOMEM;
	rc = content(rd, &f, i, role, &m->parts);
	while (*m->tail != NULL)
		m->tail = &(*m->tail)->next;
	return rc;
}

static enum rc messages(struct reader *rd, const struct fields *f)
{
	struct json_array it = json_array(field_array(f, "messages"));
	struct chat_message *last = NULL;
	enum json_kind kind;
	struct slice v;
	enum rc rc = OK;
	size_t i = 0;

	for (; rc == OK && json_array_next(&it, &v, &kind); i++)
		rc = message(rd, v, i, &last);
	if (rc != OK)
		return rc;
	at(rd, "messages");
	if (field(f, "messages") == NULL)
		return missing(rd);
	return i == 0 ? bad_value(rd, "an array with at least one message") : OK;
}

/* ---- tools ---- */

static enum rc tool_read(struct reader *rd, struct slice value, size_t i, enum tri strict)
{
	struct chat_tool *t;
	struct fields f, fn;
	enum rc rc;

	at(rd, "tools[%zu]", i);
	if (json_kind(value) != JSON_OBJECT)
		return bad_type(rd, "an object");
	if (!fields_read(&f, value, rd->a))
		return E_NOMEM;
	rc = check(rd, &f, "type", JSON_STRING);
	if (rc != OK)
		return rc;
	if (field(&f, "type") != NULL && !field_is(&f, "type", "function")) {
		t = chat_tool_add(rd->r, rd->a, TOOL_HOSTED);
		if (t == NULL)
			return E_NOMEM;
		t->raw = value;
		t->type = field_text(&f, "type");
		return OK;
	}
	rc = need(rd, &f, "function", JSON_OBJECT);
	if (rc != OK)
		return rc;
	if (!fields_read(&fn, field_object(&f, "function"), rd->a))
		return E_NOMEM;
	into(rd, "function");
	rc = check(rd, &fn, "description", JSON_STRING);
	if (rc == OK)
		rc = check(rd, &fn, "parameters", JSON_OBJECT);
	if (rc == OK)
		rc = need(rd, &fn, "name", JSON_STRING);
	t = chat_tool_add(rd->r, rd->a, TOOL_FUNCTION);
	if (rc != OK || t == NULL)
		return rc != OK ? rc : E_NOMEM;
	t->name = field_text(&fn, "name");
	t->description = field_text(&fn, "description");
	t->schema = field_object(&fn, "parameters");
	t->strict = strict;
	return OK;
}

static enum rc tools(struct reader *rd, const struct fields *f)
{
	struct json_array it = json_array(field_array(f, "tools"));
	enum tri strict = field_tri(f, "strict_tools");
	enum json_kind kind;
	struct slice v;
	enum rc rc = OK;

	for (size_t i = 0; rc == OK && json_array_next(&it, &v, &kind); i++)
		rc = tool_read(rd, v, i, strict);
	if (rc != OK || field(f, "tool_choice") == NULL)
		return rc;
	at(rd, "tool_choice");
	if (field_is(f, "tool_choice", "REQUIRED"))
		rd->r->choice.kind = CHOICE_REQUIRED;
	else if (field_is(f, "tool_choice", "NONE"))
		rd->r->choice.kind = CHOICE_NONE;
	else
		return bad_value(rd, "REQUIRED or NONE");
	return OK;
}

/* ---- parameters ---- */

static enum rc format(struct reader *rd, const struct fields *top)
{
	struct chat_format *to = &rd->r->format;
	struct fields f;
	enum rc rc;

	if (field(top, "response_format") == NULL)
		return OK;
	if (!fields_read(&f, field_object(top, "response_format"), rd->a))
		return E_NOMEM;
	at(rd, "response_format");
	rc = check(rd, &f, "json_schema", JSON_OBJECT);
	if (rc == OK)
		rc = need(rd, &f, "type", JSON_STRING);
	if (rc != OK)
		return rc;
	at(rd, "response_format.type");
	if (field_is(&f, "type", "text")) {
		to->kind = FORMAT_TEXT;
		return OK;
	}
	if (!field_is(&f, "type", "json_object"))
		return bad_value(rd, "text or json_object");
	to->schema = field_object(&f, "json_schema");
	to->kind = to->schema.n > 0 ? FORMAT_SCHEMA : FORMAT_JSON;
	return OK;
}

static enum rc thinking(struct reader *rd, const struct fields *top)
{
	struct chat_thinking *to = &rd->r->thinking;
	struct fields f;
	enum rc rc;

	if (field(top, "thinking") == NULL)
		return OK;
	if (!fields_read(&f, field_object(top, "thinking"), rd->a))
		return E_NOMEM;
	at(rd, "thinking");
	rc = check(rd, &f, "token_budget", JSON_NUMBER);
	if (rc == OK)
		rc = need(rd, &f, "type", JSON_STRING);
	if (rc != OK)
		return rc;
	if (field_is(&f, "type", "disabled")) {
		to->effort = EFFORT_NONE;
		return OK;
	}
	at(rd, "thinking.type");
	if (!field_is(&f, "type", "enabled"))
		return bad_value(rd, "enabled or disabled");
	to->visible = YES; /* always, in this dialect */
	to->budget = field_u64(&f, "token_budget", 0);
	to->automatic = to->budget == 0;
	at(rd, "thinking.token_budget");
	return to->budget == 0 && field(&f, "token_budget") != NULL
		       ? bad_value(rd, "a positive integer")
		       : OK;
}

static enum rc parameters(struct reader *rd, const struct fields *f)
{
	struct json_array it = json_array(field_array(f, "stop_sequences"));
	struct chat_request *r = rd->r;
	struct chat_name **stop = &r->stop;
	enum json_kind kind;
	struct slice v;

	for (size_t i = 0; json_array_next(&it, &v, &kind); i++) {
		at(rd, "stop_sequences[%zu]", i);
		if (kind != JSON_STRING)
			return bad_type(rd, "a string");
		if (chat_name_add(stop, rd->a, json_text_of(v)) == NULL)
			return E_NOMEM;
		stop = &(*stop)->next;
	}
	at(rd, "max_tokens");
	if (field(f, "max_tokens") != NULL &&
	    !json_u64(field_number(f, "max_tokens"), &r->max_tokens))
		return bad_value(rd, "a positive integer");
	r->temperature = field_number(f, "temperature");
	r->top_p = field_number(f, "p");
	r->top_k = field_number(f, "k");
	r->frequency_penalty = field_number(f, "frequency_penalty");
	r->presence_penalty = field_number(f, "presence_penalty");
	r->seed = field_number(f, "seed");
	r->logprobs = field_tri(f, "logprobs");
	return OK;
}

/* ---- the whole ---- */

/* Types of the members we know, none of them twice; the others are kept. */
static enum rc members(struct reader *rd, const struct fields *f)
{
	uint64_t seen = 0;

	for (size_t i = 0; i < f->n; i++) {
		const struct json_member *m = &f->m[i];
		size_t k = 0;

		while (k < ARRAY_LEN(known) &&
		       json_member_find(m, 1, slice_cstr(known[k].name), NULL) == NULL)
			k++;
		if (k == ARRAY_LEN(known)) {
			chat_extra_add(rd->r, rd->a, m->key, m->value);
			continue;
		}
		at(rd, "%s", known[k].name);
		if ((seen & 1ULL << k) != 0)
			return refuse_request(rd->why, "duplicate_field", rd->path,
					      "%s is there twice.", rd->path);
		seen |= 1ULL << k;
		if (m->kind != JSON_NULL && m->kind != known[k].kind)
			return bad_type(rd, kind_name(known[k].kind));
	}
	return OK;
}

static enum rc model(struct reader *rd, const struct request_in *in, const struct fields *f)
{
	at(rd, "model");
	rd->r->model = in->model.n > 0 ? in->model : field_plain(f, "model", rd->a);
	if (rd->r->model.n > 0 || arena_failed(rd->a))
		return OK;
	return field(f, "model") == NULL ? missing(rd) : bad_value(rd, "the name of a model");
}

enum rc cohere_request_read(struct chat_request *r, const struct request_in *in,
			    struct arena *a, struct chat_refusal *why)
{
	struct reader rd = { .r = r, .a = a, .why = why };
	struct fields f;
	enum rc rc = request_fields(in->body, a, &f, why);

	*r = (struct chat_request){ .dialect = &dialect_cohere, .body = in->body };
	if (rc != OK)
		return rc;
	rc = members(&rd, &f);
	if (rc == OK)
		rc = model(&rd, in, &f);
	if (rc == OK)
		rc = documents(&rd, &f);
	if (rc == OK)
		rc = messages(&rd, &f);
	if (rc == OK)
		rc = tools(&rd, &f);
	if (rc == OK)
		rc = format(&rd, &f);
	if (rc == OK)
		rc = thinking(&rd, &f);
	if (rc == OK)
		rc = parameters(&rd, &f);
	if (arena_failed(a))
		return E_NOMEM;
	if (rc != OK)
		return rc;
	r->stream = in->stream != UNSET ? in->stream == YES : field_tri(&f, "stream") == YES;
	r->wants_usage = true;
	place_documents(&rd);
	chat_request_finish(r);
	return arena_failed(a) ? E_NOMEM : OK;
}
