/* Content blocks of a request (Anthropic's API reference: Messages, "content"). */
#include "chat/anthropic/reading.h"

#include "base/sb.h"

/* ---- what is wrong, and where ---------------------------------------------------------- */

static void where_put(struct sb *b, const struct where *at)
{
	if (at == NULL)
		return;
	where_put(b, at->up); /* a handful of levels: those of the dialect, not of the body */
	if (at->name == NULL)
		sb_fmt(b, "[%zu]", at->index);
	else
		sb_fmt(b, "%s%s", b->n > 0 ? "." : "", at->name);
}

enum rc anthropic_refuse(struct reading *rd, const struct where *at, const char *member,
			 const char *code, const char *text)
{
	const struct where last = { .up = at, .name = member };
	char path[sizeof(rd->why->param)];
	struct sb b;

	sb_init(&b, path, sizeof(path));
	where_put(&b, member != NULL ? &last : at);
	return refuse_request(rd->why, code, sb_cstr(&b), "`%s` %s.", path, text);
}

enum rc anthropic_typed(struct reading *rd, const struct fields *f, const struct where *at,
			const char *name, enum json_kind kind, struct slice *out)
{
	static const char *const must[] = {
		[JSON_NULL] = "must be null",       [JSON_BOOL] = "must be true or false",
		[JSON_NUMBER] = "must be a number", [JSON_STRING] = "must be a string",
		[JSON_ARRAY] = "must be a list",    [JSON_OBJECT] = "must be an object",
	};
	const struct json_member *m = field(f, name);

	*out = slice_of(NULL, 0);
	if (m == NULL)
		return OK;
	if (m->kind != kind)
		return anthropic_refuse(rd, at, name, "invalid_type", must[kind]);
	*out = m->value;
	return OK;
}

enum rc anthropic_text(struct reading *rd, const struct fields *f, const struct where *at,
		       const char *name, bool needed, struct json_text *out)
{
	struct slice value;
	enum rc rc = anthropic_typed(rd, f, at, name, JSON_STRING, &value);

	if (rc != OK)
		return rc;
	if (needed && value.n == 0)
		return anthropic_refuse(rd, at, name, "missing_field", "is required");
	*out = json_text_of(value);
	return OK;
}

enum rc anthropic_cache(struct reading *rd, const struct fields *f, const struct where *at,
			enum cache_mark *out)
{
	const struct where here = { .up = at, .name = "cache_control" };
	struct json_text type, ttl;
	struct slice value;
	struct fields c;
	enum rc rc = anthropic_typed(rd, f, at, "cache_control", JSON_OBJECT, &value);

	*out = CACHE_NONE;
	if (rc != OK || value.n == 0)
		return rc;
	if (!fields_read(&c, value, rd->a))
		return E_NOMEM;
	rc = anthropic_text(rd, &c, &here, "type", true, &type);
	if (rc == OK)
		rc = anthropic_text(rd, &c, &here, "ttl", false, &ttl);
	if (rc != OK)
		return rc;
	if (!json_text_is(type, LIT("ephemeral")))
		return anthropic_refuse(rd, &here, "type", "invalid_value",
					"must be \"ephemeral\"");
	if (json_text_empty(ttl))
		*out = CACHE_DEFAULT;
	else if (json_text_is(ttl, LIT("5m")))
		*out = CACHE_5M;
	else if (json_text_is(ttl, LIT("1h")))
		*out = CACHE_1H;
	else
		return anthropic_refuse(rd, &here, "ttl", "invalid_value",
					"must be \"5m\" or \"1h\"");
	return OK;
}

/* ---- blocks ---------------------------------------------------------------------------- */

/* One block on its way to a part. */
struct block {
	struct reading *rd;
	const struct where *at;
	const struct fields *f;
	struct slice raw;
	struct chat_message *to, *results;
	enum cache_mark cache;
	struct chat_opaque *bound; /* a signature for the next text or call */
};

static struct chat_part *part_add(struct block *b, struct chat_message *to, enum part_kind kind)
{
	struct chat_part *p = chat_part_add(to, b->rd->a, kind);

	if (p == NULL)
		return NULL;
	p->cache = b->cache;
	if (kind == PART_TEXT || kind == PART_TOOL_CALL) {
		p->signature = *b->bound;
		*b->bound = (struct chat_opaque){ 0 };
	}
	return p;
}

static enum rc read_other(struct block *b, const char *what)
{
	struct chat_part *p = part_add(b, b->to, PART_OTHER);

	if (p == NULL)
		return E_NOMEM;
	p->u.other.what = what;
	p->u.other.raw = b->raw;
	return OK;
}

static enum rc read_text(struct block *b)
{
	struct json_text text;
	struct chat_part *p;
	enum rc rc = anthropic_text(b->rd, b->f, b->at, "text", true, &text);

	if (rc != OK)
		return rc;
	p = part_add(b, b->to, PART_TEXT);
	if (p == NULL)
		return E_NOMEM;
	p->u.text = text;
	return OK;
}

static enum rc read_inline(struct block *b, const struct fields *f, const struct where *at,
			   struct chat_media *m)
{
	struct json_text data, mime;
	enum rc rc = anthropic_text(b->rd, f, at, "data", true, &data);

	if (rc == OK)
		rc = anthropic_text(b->rd, f, at, "media_type", true, &mime);
	if (rc != OK)
		return rc;
	m->source = MEDIA_INLINE;
	m->data = json_text_plain(data, b->rd->a);
	m->mime = json_text_plain(mime, b->rd->a);
	if (!arena_failed(b->rd->a) && (m->data.n == 0 || !chat_media_is_base64(m->data)))
		return anthropic_refuse(b->rd, at, "data", "invalid_value", "must be base64");
	return OK;
}

/* The text of a document that is given as blocks: joined.  False: not only text. */
static bool blocks_text(struct slice content, struct arena *a, struct json_text *out)
{
	struct json_array it = json_array(content);
	struct slice text = { NULL, 0 }, value;
	enum json_kind kind;

	if (json_kind(content) == JSON_STRING) {
		*out = json_text_of(content);
		return true;
	}
	while (json_array_next(&it, &value, &kind)) {
		struct slice next;
		struct fields f;

		if (!fields_read(&f, value, a) || !field_is(&f, "type", "text"))
			return false;
		next = field_text(&f, "text").s;
		text = text.n == 0 ? next : arena_fmt(a, "%.*s\\n%.*s", SARG(text), SARG(next));
	}
	out->s = text;
	return true;
}

/* The source of an image or a document.  *other: one of a kind we do not know. */
static enum rc read_source(struct block *b, struct chat_media *m, bool *other)
{
	const struct where at = { .up = b->at, .name = "source" };
	struct reading *rd = b->rd;
	struct json_text type;
	struct slice value;
	struct fields f;
	enum rc rc = anthropic_typed(rd, b->f, b->at, "source", JSON_OBJECT, &value);

	if (rc != OK)
		return rc;
	if (value.n == 0)
		return anthropic_refuse(rd, b->at, "source", "missing_field", "is required");
	if (!fields_read(&f, value, rd->a))
		return E_NOMEM;
	rc = anthropic_text(rd, &f, &at, "type", true, &type);
	if (rc != OK)
		return rc;
	if (json_text_is(type, LIT("base64")))
		return read_inline(b, &f, &at, m);
	m->mime = field_plain(&f, "media_type", rd->a);
	if (json_text_is(type, LIT("url"))) {
		m->source = MEDIA_URL;
		return anthropic_text(rd, &f, &at, "url", true, &m->url);
	}
	if (json_text_is(type, LIT("file"))) {
		m->source = MEDIA_FILE;
		return anthropic_text(rd, &f, &at, "file_id", true, &m->url);
	}
	m->source = MEDIA_TEXT;
	if (json_text_is(type, LIT("text")))
		return anthropic_text(rd, &f, &at, "data", true, &m->url);
	*other = !json_text_is(type, LIT("content")) ||
		 !blocks_text(field_json(&f, "content"), rd->a, &m->url);
	m->mime = LIT("text/plain");
	return OK;
}

static enum rc read_media(struct block *b, enum part_kind kind)
{
	struct chat_media m = { 0 };
	struct chat_part *p;
	struct slice cites;
	bool other = false;
	struct fields c;
	enum rc rc = read_source(b, &m, &other);

	if (rc == OK && kind == PART_DOCUMENT) {
		rc = anthropic_text(b->rd, b->f, b->at, "title", false, &m.title);
		if (rc == OK)
			rc = anthropic_text(b->rd, b->f, b->at, "context", false, &m.context);
		if (rc == OK)
			rc = anthropic_typed(b->rd, b->f, b->at, "citations", JSON_OBJECT,
					     &cites);
		if (rc == OK && fields_read(&c, cites, b->rd->a))
			m.citations = field_tri(&c, "enabled") == YES;
	}
	if (rc != OK)
		return rc;
	if (other || (kind == PART_IMAGE && m.source == MEDIA_TEXT))
		return read_other(b, kind == PART_IMAGE ? "image" : "document");
	p = part_add(b, b->to, kind);
	if (p == NULL)
		return E_NOMEM;
	p->u.media = m;
	return OK;
}

static enum rc read_call(struct block *b)
{
	struct chat_call call = { .args_ok = true };
	struct chat_part *p;
	enum rc rc = anthropic_text(b->rd, b->f, b->at, "id", true, &call.id);

	if (rc == OK)
		rc = anthropic_text(b->rd, b->f, b->at, "name", true, &call.name);
	if (rc == OK)
		rc = anthropic_typed(b->rd, b->f, b->at, "input", JSON_OBJECT, &call.args);
	if (rc != OK)
		return rc;
	if (call.args.n == 0)
		return anthropic_refuse(b->rd, b->at, "input", "missing_field", "is required");
	p = part_add(b, b->to, PART_TOOL_CALL);
	if (p == NULL)
		return E_NOMEM;
	p->u.call = call;
	return OK;
}

static enum rc read_result(struct block *b)
{
	struct chat_message inside = { .tail = &inside.parts };
	const struct where at = { .up = b->at, .name = "content" };
	struct chat_result res = { 0 };
	struct slice is_error;
	struct chat_part *p;
	enum rc rc = anthropic_text(b->rd, b->f, b->at, "tool_use_id", true, &res.call_id);

	if (rc == OK)
		rc = anthropic_typed(b->rd, b->f, b->at, "is_error", JSON_BOOL, &is_error);
	if (rc == OK && field(b->f, "content") != NULL)
		rc = anthropic_content(b->rd, &at, field_json(b->f, "content"), BLOCKS_RESULT,
				       &inside, NULL);
	if (rc != OK)
		return rc;
	res.is_error = field_tri(b->f, "is_error") == YES;
	res.parts = inside.parts;
	p = part_add(b, b->results, PART_TOOL_RESULT);
	if (p == NULL)
		return E_NOMEM;
	p->u.result = res;
	return OK;
}

static enum rc read_thinking(struct block *b)
{
	struct json_text text, signature;
	struct chat_part *p;
	enum rc rc = anthropic_text(b->rd, b->f, b->at, "thinking", true, &text);

	if (rc == OK)
		rc = anthropic_text(b->rd, b->f, b->at, "signature", false, &signature);
	if (rc != OK)
		return rc;
	p = part_add(b, b->to, PART_REASONING);
	if (p == NULL)
		return E_NOMEM;
	p->u.reasoning.text = text;
	p->u.reasoning.signature = opaque_open(signature);
	return OK;
}

static enum rc read_redacted(struct block *b)
{
	struct chat_opaque state;
	struct json_text data;
	struct chat_part *p;
	enum rc rc = anthropic_text(b->rd, b->f, b->at, "data", true, &data);

	if (rc != OK)
		return rc;
	state = opaque_open(data);
	if (slice_starts(state.data.s, LIT(BOUND_MARK))) {
		state.data.s = slice_skip(state.data.s, sizeof(BOUND_MARK) - 1);
		*b->bound = state;
		return OK;
	}
	p = part_add(b, b->to, PART_REASONING);
	if (p == NULL)
		return E_NOMEM;
	p->u.reasoning.encrypted = state;
	return OK;
}

/* ---- lists of blocks ------------------------------------------------------------------- */

/* bits of enum blocks_of */
#define IN_ALL       0xf
#define IN_USER      (1U << BLOCKS_USER)
#define IN_ASSISTANT (1U << BLOCKS_ASSISTANT)
#define IN_RESULT    (1U << BLOCKS_RESULT)

static enum rc read_image(struct block *b)
{
	return read_media(b, PART_IMAGE);
}

static enum rc read_document(struct block *b)
{
	return read_media(b, PART_DOCUMENT);
}

static enum rc read_block(struct block *b, enum blocks_of of)
{
	static const struct {
		const char *type;
		unsigned in;
		enum rc (*read)(struct block *b);
	} kinds[] = {
		{ "text", IN_ALL, read_text },
		{ "image", IN_USER | IN_RESULT, read_image },
		{ "document", IN_USER | IN_RESULT, read_document },
		{ "tool_use", IN_ASSISTANT, read_call },
		{ "tool_result", IN_USER, read_result },
		{ "thinking", IN_ASSISTANT, read_thinking },
		{ "redacted_thinking", IN_ASSISTANT, read_redacted },
	};
	static const char *const misplaced[] = {
		[BLOCKS_SYSTEM] = "must be \"text\" in a system prompt",
		[BLOCKS_USER] = "is not for a user's turn",
		[BLOCKS_ASSISTANT] = "is not for an assistant's turn",
		[BLOCKS_RESULT] = "is not for a tool's result",
	};
	struct json_text type;
	enum rc rc = anthropic_text(b->rd, b->f, b->at, "type", true, &type);

	if (rc == OK)
		rc = anthropic_cache(b->rd, b->f, b->at, &b->cache);
	if (rc != OK)
		return rc;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		if (!json_text_is(type, slice_cstr(kinds[i].type)))
			continue;
		if ((kinds[i].in & 1U << of) != 0)
			return kinds[i].read(b);
		return anthropic_refuse(b->rd, b->at, "type", "invalid_value", misplaced[of]);
	}
	if (of == BLOCKS_SYSTEM)
		return anthropic_refuse(b->rd, b->at, "type", "invalid_value", misplaced[of]);
	return read_other(b, arena_cstr(b->rd->a, json_text_plain(type, b->rd->a)));
}

static enum rc read_string(struct reading *rd, struct slice content, struct chat_message *m)
{
	struct chat_part *p = chat_part_add(m, rd->a, PART_TEXT);

	if (p == NULL)
		return E_NOMEM;
	p->u.text = json_text_of(content);
	return OK;
}

enum rc anthropic_content(struct reading *rd, const struct where *at, struct slice content,
			  enum blocks_of of, struct chat_message *m,
			  struct chat_message *results)
{
	struct where here = { .up = at };
	struct json_array it = json_array(content);
	struct chat_opaque bound = { 0 };
	enum json_kind kind = json_kind(content);
	struct slice value;
	enum rc rc;

	if (kind == JSON_STRING)
		return read_string(rd, content, m);
	if (kind != JSON_ARRAY)
		return anthropic_refuse(rd, at, NULL, "invalid_type",
					"must be a string or a list of blocks");
	for (; json_array_next(&it, &value, &kind); here.index++) {
		struct fields f;
		struct block b = { .rd = rd,
				   .at = &here,
				   .f = &f,
				   .raw = value,
				   .to = m,
				   .results = results,
				   .bound = &bound };

		if (kind != JSON_OBJECT)
			return anthropic_refuse(rd, &here, NULL, "invalid_type",
						"must be an object");
		if (!fields_read(&f, value, rd->a))
			return E_NOMEM;
		rc = read_block(&b, of);
		if (rc != OK)
			return rc;
	}
	if (!json_text_empty(bound.data)) { /* Gemini ends some answers with one */
		struct chat_part *p = chat_part_add(m, rd->a, PART_TEXT);

		if (p == NULL)
			return E_NOMEM;
		p->signature = bound;
	}
	return OK;
}
