/* The items of a request's `input` -> messages. */
#include "chat/responses/responses.h"

#include "base/sb.h"

/* ---- refusals ---------------------------------------------------------------------------- */

enum rc refuse_here(struct reading *q, const char *code, const char *name, const char *what)
{
	char path[sizeof(q->why->param)];
	struct sb b;

	sb_init(&b, path, sizeof(path) - 1);
	if (q->object != NULL)
		sb_lit(&b, q->object);
	else if (q->list != NULL)
		sb_fmt(&b, "%s[%zu]", q->list, q->i);
	if (q->part_list != NULL) {
		sb_fmt(&b, "%s%s[%zu]", b.n > 0 ? "." : "", q->part_list, q->part);
	}
	if (name != NULL)
		sb_fmt(&b, "%s%s", b.n > 0 ? "." : "", name);
	path[b.n] = '\0';
	return refuse_request(q->why, code, path, "%s %s.", path, what);
}

enum rc read_text(struct reading *q, const struct fields *f, const char *name, bool must,
		  struct json_text *out)
{
	const struct json_member *m = field(f, name);

	*out = (struct json_text){ { NULL, 0 } };
	if (m == NULL)
		return must ? refuse_here(q, "missing_field", name, "is required") : OK;
	if (m->kind != JSON_STRING)
		return refuse_here(q, "invalid_type", name, "must be a string");
	*out = json_text_of(m->value);
	return OK;
}

enum rc read_fields(struct reading *q, struct fields *f, struct slice object)
{
	if (fields_read(f, object, q->a))
		return OK;
	return arena_failed(q->a)
		       ? E_NOMEM
		       : refuse_here(q, "invalid_value", NULL, "has too many members");
}

/* ---- parts ------------------------------------------------------------------------------- */

/* To the end of a list of which only the end is known. */
static struct chat_part *part_new(struct reading *q, struct chat_part ***tail,
				  enum part_kind kind)
{
	struct chat_part *p = chat_part_append(*tail, q->a, kind);

	if (p == NULL)
		return NULL;
	*tail = &p->next;
	if (kind == PART_TEXT)
		q->text = p;
	return p;
}

static enum rc read_image(struct reading *q, const struct fields *f, struct chat_media *m)
{
	struct json_text url, file;
	enum rc rc = read_text(q, f, "image_url", false, &url);

	if (rc == OK)
		rc = read_text(q, f, "file_id", false, &file);
	if (rc == OK)
		rc = read_text(q, f, "detail", false, &m->detail);
	if (rc != OK)
		return rc;
	if (!json_text_empty(url))
		return chat_media_from_url(m, url, q->a)
			       ? OK
			       : refuse_here(q, "invalid_value", "image_url",
					     "is a data URL that is not base64");
	if (json_text_empty(file))
		return refuse_here(q, "missing_field", "image_url", "is required");
	m->source = MEDIA_FILE;
	m->url = file;
	return OK;
}

/* What the name of a file says of its type. */
static struct slice mime_of_name(struct json_text name)
{
	size_t dot = name.s.n;

	while (dot > 0 && name.s.p[dot - 1] != '.')
		dot--;
	return dot == 0 ? (struct slice){ NULL, 0 }
			: chat_media_mime(PART_DOCUMENT, slice_skip(name.s, dot));
}

static enum rc read_file_data(struct reading *q, struct json_text data, struct chat_media *m)
{
	if (slice_starts(data.s, LIT("data:"))) {
		if (!chat_media_from_url(m, data, q->a))
			return refuse_here(q, "invalid_value", "file_data",
					   "is a data URL that is not base64");
	} else {
		m->source = MEDIA_INLINE;
		m->data = json_text_plain(data, q->a);
		if (!chat_media_is_base64(m->data))
			return refuse_here(q, "invalid_value", "file_data", "is not base64");
	}
	if (m->mime.n == 0)
		m->mime = mime_of_name(m->name);
	if (m->mime.n == 0)
		m->mime = chat_media_sniff(m->data);
	return OK;
}

static enum rc read_file(struct reading *q, const struct fields *f, struct chat_media *m)
{
	struct json_text data, url, id;
	enum rc rc = read_text(q, f, "filename", false, &m->name);

	if (rc == OK)
		rc = read_text(q, f, "file_data", false, &data);
	if (rc == OK)
		rc = read_text(q, f, "file_url", false, &url);
	if (rc == OK)
		rc = read_text(q, f, "file_id", false, &id);
	if (rc != OK)
		return rc;
	if (!json_text_empty(data))
		return read_file_data(q, data, m);
	if (json_text_empty(url) && json_text_empty(id))
		return refuse_here(q, "missing_field", "file_data", "is required");
	m->source = json_text_empty(url) ? MEDIA_FILE : MEDIA_URL;
	m->url = json_text_empty(url) ? id : url;
	return OK;
}

static enum rc read_audio(struct reading *q, const struct fields *f, struct chat_media *m)
{
	struct slice object = field_object(f, "input_audio");
	struct fields inner;

	enum rc rc = read_fields(q, &inner, object);

	if (rc != OK)
		return rc;
	if (field_text(&inner, "data").s.n == 0)
		return refuse_here(q, "missing_field", "input_audio.data", "is required");
	m->source = MEDIA_INLINE;
	m->data = field_plain(&inner, "data", q->a);
	if (!chat_media_is_base64(m->data))
		return refuse_here(q, "invalid_value", "input_audio.data", "is not base64");
	m->mime = chat_media_mime(PART_AUDIO, field_plain(&inner, "format", q->a));
	return OK;
}

static enum rc read_known_part(struct reading *q, const struct fields *f, struct chat_part *p)
{
	switch (p->kind) {
	case PART_TEXT:
		return read_text(q, f, "text", true, &p->u.text);
	case PART_REFUSAL:
		return read_text(q, f, "refusal", true, &p->u.text);
	case PART_IMAGE:
		return read_image(q, f, &p->u.media);
	case PART_DOCUMENT:
		return read_file(q, f, &p->u.media);
	case PART_AUDIO:
		return read_audio(q, f, &p->u.media);
	case PART_VIDEO:
	case PART_TOOL_CALL:
	case PART_TOOL_RESULT:
	case PART_REASONING:
	case PART_OTHER:
		break;
	}
	return OK;
}

static enum rc read_part(struct reading *q, struct slice value, struct chat_part ***tail)
{
	static const struct {
		const char *type;
		enum part_kind kind;
	} kinds[] = {
		{ "input_text", PART_TEXT },     { "output_text", PART_TEXT },
		{ "text", PART_TEXT },           { "input_image", PART_IMAGE },
		{ "input_file", PART_DOCUMENT }, { "refusal", PART_REFUSAL },
		{ "input_audio", PART_AUDIO },
	};
	enum part_kind kind = PART_OTHER;
	struct json_text type;
	struct chat_part *p;
	struct fields f;
	enum rc rc;

	if (json_kind(value) != JSON_OBJECT)
		return refuse_here(q, "invalid_type", NULL, "must be an object");
	rc = read_fields(q, &f, value);
	if (rc == OK)
		rc = read_text(q, &f, "type", true, &type);
	if (rc != OK)
		return rc;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (json_text_is(type, slice_cstr(kinds[i].type)))
			kind = kinds[i].kind;
	p = part_new(q, tail, kind);
	if (p == NULL)
		return E_NOMEM;
	if (kind == PART_OTHER) {
		p->u.other.what = arena_cstr(q->a, type.s);
		p->u.other.raw = value;
		return OK;
	}
	if (field_object(&f, "prompt_cache_breakpoint").n > 0)
		p->cache = CACHE_DEFAULT;
	return read_known_part(q, &f, p);
}

/* A string, or an array of parts: of a message or of a call's result. */
static enum rc read_parts(struct reading *q, const struct fields *f, const char *name,
			  struct chat_part ***tail)
{
	const struct json_member *m = field(f, name);
	struct json_array it;
	struct chat_part *p;
	enum json_kind kind;
	struct slice value;
	enum rc rc = OK;

	if (m == NULL)
		return refuse_here(q, "missing_field", name, "is required");
	if (m->kind == JSON_STRING) {
		p = part_new(q, tail, PART_TEXT);
		if (p == NULL)
			return E_NOMEM;
		p->u.text = json_text_of(m->value);
		return OK;
	}
	if (m->kind != JSON_ARRAY)
		return refuse_here(q, "invalid_type", name, "must be a string or an array");
	it = json_array(m->value);
	q->part_list = name;
	for (q->part = 0; rc == OK && json_array_next(&it, &value, &kind); q->part++)
		rc = read_part(q, value, tail);
	if (rc == OK)
		q->part_list = NULL;
	return rc;
}

/* ---- items ------------------------------------------------------------------------------- */

/* The assistant's items that follow each other are one message, and so are results. */
static struct chat_message *message_of(struct reading *q, enum chat_role role)
{
	bool joins = role == ROLE_ASSISTANT || role == ROLE_TOOL;

	if (!joins || q->last == NULL || q->last->role != role) {
		q->last = chat_message_add(q->r, q->a, role);
		q->text = NULL;
	}
	return q->last;
}

static enum rc read_message(struct reading *q, const struct fields *f)
{
	static const struct {
		const char *name;
		enum chat_role role;
	} roles[] = {
		{ "user", ROLE_USER },
		{ "assistant", ROLE_ASSISTANT },
		{ "system", ROLE_SYSTEM },
		{ "developer", ROLE_DEVELOPER },
	};
	struct chat_message *m = NULL;
	struct json_text role;
	enum rc rc = read_text(q, f, "role", true, &role);
	size_t i = 0;

	if (rc != OK)
		return rc;
	while (i < ARRAY_LEN(roles) && !json_text_is(role, slice_cstr(roles[i].name)))
		i++;
	if (i == ARRAY_LEN(roles))
		return refuse_here(q, "invalid_value", "role",
				   "must be user, assistant, system or developer");
	m = message_of(q, roles[i].role);
	return m == NULL ? E_NOMEM : read_parts(q, f, "content", &m->tail);
}

static struct chat_part *item_part(struct reading *q, enum chat_role role, enum part_kind kind)
{
	return chat_part_add(message_of(q, role), q->a, kind);
}

static enum rc read_call(struct reading *q, const struct fields *f, bool custom)
{
	struct json_text id, name, args;
	struct chat_part *p;
	enum rc rc = read_text(q, f, "call_id", true, &id);

	if (rc == OK)
		rc = read_text(q, f, "name", true, &name);
	if (rc == OK)
		rc = read_text(q, f, custom ? "input" : "arguments", true, &args);
	if (rc != OK)
		return rc;
	p = item_part(q, ROLE_ASSISTANT, PART_TOOL_CALL);
	if (p == NULL)
		return E_NOMEM;
	p->u.call.id = id;
	p->u.call.name = name;
	p->u.call.custom = custom;
	chat_call_args(&p->u.call, args, q->a);
	p->signature = q->of_call;
	q->of_call = (struct chat_opaque){ { { NULL, 0 } }, { NULL, 0 } };
	return OK;
}

static enum rc read_result(struct reading *q, const struct fields *f)
{
	struct chat_part **tail, *p;
	struct json_text id;
	enum rc rc = read_text(q, f, "call_id", true, &id);

	if (rc != OK)
		return rc;
	p = item_part(q, ROLE_TOOL, PART_TOOL_RESULT);
	if (p == NULL)
		return E_NOMEM;
	p->u.result.call_id = id;
	tail = &p->u.result.parts;
	return read_parts(q, f, "output", &tail);
}

/* `summary` or `content`: [{"type":..,"text":..}]. */
static enum rc read_thoughts(struct reading *q, const struct fields *f, const char *name,
			     struct json_text *out)
{
	const struct json_member *m = field(f, name);
	struct json_array it;
	enum json_kind kind;
	struct json_text text;
	struct slice value;
	struct fields inner;
	enum rc rc = OK;

	*out = (struct json_text){ { NULL, 0 } };
	if (m == NULL)
		return OK;
	if (m->kind != JSON_ARRAY)
		return refuse_here(q, "invalid_type", name, "must be an array");
	it = json_array(m->value);
	q->part_list = name;
	for (q->part = 0; rc == OK && json_array_next(&it, &value, &kind); q->part++) {
		if (kind != JSON_OBJECT)
			return refuse_here(q, "invalid_type", NULL, "must be an object");
		rc = read_fields(q, &inner, value);
		if (rc == OK)
			rc = read_text(q, &inner, "text", true, &text);
	}
	if (rc != OK)
		return rc;
	q->part_list = NULL;
	*out = responses_thoughts(q->a, m->value);
	return OK;
}

static enum rc add_reasoning(struct reading *q, struct json_text id, struct json_text text,
			     bool summary, struct chat_part **out)
{
	struct chat_part *p = item_part(q, ROLE_ASSISTANT, PART_REASONING);

	if (p == NULL)
		return E_NOMEM;
	p->u.reasoning.id = id;
	p->u.reasoning.text = text;
	p->u.reasoning.summary = summary;
	*out = p;
	return OK;
}

/* A signature of the text before it, or of the call after it. */
static void keep_signature(struct reading *q, enum sealed_kind kind, struct chat_opaque o)
{
	if (kind == SEALED_CALL) {
		q->of_call = o;
		return;
	}
	if (q->last != NULL && q->last->role == ROLE_ASSISTANT && q->text != NULL)
		q->text->signature = o;
}

static enum rc read_reasoning(struct reading *q, const struct fields *f)
{
	struct json_text id, summary, content, sealed;
	struct chat_part *p = NULL;
	enum sealed_kind kind;
	struct chat_opaque o;
	bool is_summary;
	enum rc rc = read_text(q, f, "id", false, &id);

	if (rc == OK)
		rc = read_text(q, f, "encrypted_content", false, &sealed);
	if (rc == OK)
		rc = read_thoughts(q, f, "summary", &summary);
	if (rc == OK)
		rc = read_thoughts(q, f, "content", &content);
	if (rc != OK)
		return rc;
	o = opaque_open(sealed);
	is_summary = json_text_empty(content) && !json_text_empty(summary);
	kind = responses_open(&o, &is_summary);
	if (kind == SEALED_TEXT || kind == SEALED_CALL) {
		keep_signature(q, kind, o);
		return OK;
	}
	/* With both, the writer makes one item of them again: they have one id. */
	if (!json_text_empty(content) && !json_text_empty(summary))
		rc = add_reasoning(q, id, summary, true, &p);
	if (rc == OK)
		rc = add_reasoning(q, id, json_text_empty(content) ? summary : content,
				   is_summary, &p);
	if (rc != OK)
		return rc;
	if (kind == SEALED_SIGNATURE)
		p->u.reasoning.signature = o;
	else
		p->u.reasoning.encrypted = o;
	return OK;
}

/* The mark tells items from parts of messages when they are written again. */
static enum rc read_other(struct reading *q, struct json_text type, struct slice item)
{
	/* computer_call_output, mcp_approval_response: from the caller. */
	bool theirs = slice_ends(type.s, LIT("_output")) ||
		      slice_ends(type.s, LIT("_response"));
	struct chat_part *p;

	p = item_part(q, theirs ? ROLE_USER : ROLE_ASSISTANT, PART_OTHER);
	if (p == NULL)
		return E_NOMEM;
	p->u.other.what =
		arena_cstr(q->a, arena_fmt(q->a, "%.*s" RESPONSES_ITEM_MARK, SARG(type.s)));
	p->u.other.raw = item;
	return OK;
}

static enum rc read_item(struct reading *q, struct slice item)
{
	struct json_text type;
	struct fields f;
	enum rc rc;

	if (json_kind(item) != JSON_OBJECT)
		return refuse_here(q, "invalid_type", NULL, "must be an object");
	rc = read_fields(q, &f, item);
	if (rc == OK)
		rc = read_text(q, &f, "type", false, &type);
	if (rc != OK)
		return rc;
	if (json_text_empty(type) || json_text_is(type, LIT("message")))
		return read_message(q, &f);
	if (json_text_is(type, LIT("function_call")))
		return read_call(q, &f, false);
	if (json_text_is(type, LIT("custom_tool_call")))
		return read_call(q, &f, true);
	if (json_text_is(type, LIT("function_call_output")) ||
	    json_text_is(type, LIT("custom_tool_call_output")))
		return read_result(q, &f);
	if (json_text_is(type, LIT("reasoning")))
		return read_reasoning(q, &f);
	return read_other(q, type, item);
}

enum rc read_input(struct reading *q, const struct json_member *m)
{
	struct json_array it;
	enum json_kind kind;
	struct chat_part *p;
	struct slice item;
	enum rc rc = OK;

	if (m->kind == JSON_STRING) {
		p = item_part(q, ROLE_USER, PART_TEXT);
		if (p == NULL)
			return E_NOMEM;
		p->u.text = json_text_of(m->value);
		return OK;
	}
	if (m->kind != JSON_ARRAY)
		return refuse_here(q, "invalid_type", "input", "must be a string or an array");
	it = json_array(m->value);
	q->list = "input";
	for (q->i = 0; rc == OK && json_array_next(&it, &item, &kind); q->i++) {
		q->part_list = NULL;
		rc = read_item(q, item);
	}
	if (rc == OK)
		q->list = NULL;
	return rc;
}
