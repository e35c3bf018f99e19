/* The blocks of a conversation, read.  A block is an object with one member, whose name says
 * what it is (a union, in AWS's words). */
#include "chat/bedrock/reading.h"

/* Where blocks go. */
struct blocks {
	struct chat_message rest;    /* all but tool results */
	struct chat_message results; /* tool results */
	struct chat_part *last;      /* what a cache point stands after */
	struct json_text bound;      /* a signature that waits for its block */
	struct slice bound_issuer;
	bool inside; /* of a tool result */
};

static void blocks_init(struct blocks *to)
{
	*to = (struct blocks){ 0 };
	to->rest.tail = &to->rest.parts;
	to->results.tail = &to->results.parts;
}

static struct chat_part *add(struct reading *rd, struct blocks *to, enum part_kind kind)
{
	struct chat_part *p =
		chat_part_add(kind == PART_TOOL_RESULT ? &to->results : &to->rest, rd->a, kind);

	if (p == NULL) {
		rd->rc = E_NOMEM;
		return NULL;
	}
	to->last = p;
	if (!json_text_empty(to->bound)) {
		p->signature = (struct chat_opaque){ to->bound, to->bound_issuer };
		to->bound = (struct json_text){ { NULL, 0 } };
	}
	return p;
}

static void add_text(struct reading *rd, struct blocks *to, struct json_text text)
{
	struct chat_part *p = rd->rc == OK ? add(rd, to, PART_TEXT) : NULL;

	if (p != NULL)
		p->u.text = text;
}

static void add_other(struct reading *rd, struct blocks *to, const char *what, struct slice raw)
{
	struct chat_part *p = rd->rc == OK ? add(rd, to, PART_OTHER) : NULL;

	if (p == NULL)
		return;
	p->u.other.what = what;
	p->u.other.raw = raw;
}

/* ---- media ----------------------------------------------------------------------------- */

/* [{"text":..},..] as one text. */
static struct json_text texts_joined(struct reading *rd, const struct where *at,
				     struct slice list)
{
	struct json_array it = json_array(list);
	struct where each = { .up = at };
	struct json_out o;
	enum json_kind kind;
	struct slice value;

	out_init(&o, rd->a);
	for (; json_array_next(&it, &value, &kind); each.index++) {
		struct fields f;

		if (!bedrock_members(rd, &each, value, &f))
			break;
		if (each.index > 0)
			out_raw_lit(&o, "\\n");
		out_raw(&o, bedrock_text(rd, &f, &each, "text", true).s);
	}
	return (struct json_text){ out_slice(&o) };
}

static void read_source(struct reading *rd, const struct where *at, struct chat_media *m,
			struct slice source)
{
	const struct where s3 = { .up = at, .name = "s3Location" };
	const struct where content = { .up = at, .name = "content" };
	struct slice location, list;
	struct json_text bytes;
	struct fields f, l;

	if (!bedrock_members(rd, at, source, &f))
		return;
	bytes = bedrock_text(rd, &f, at, "bytes", false);
	location = bedrock_take(rd, &f, at, "s3Location", JSON_OBJECT, false);
	list = bedrock_take(rd, &f, at, "content", JSON_ARRAY, false);
	if (!json_text_empty(bytes)) {
		m->source = MEDIA_INLINE;
		m->data = json_text_plain(bytes, rd->a);
		if (!chat_media_is_base64(m->data))
			bedrock_refuse(rd, at, "bytes", "invalid_value", "must be base64");
	} else if (location.n > 0) {
		m->source = MEDIA_FILE;
		if (bedrock_members(rd, &s3, location, &l))
			m->url = bedrock_text(rd, &l, &s3, "uri", true);
	} else if (list.n > 0) {
		m->source = MEDIA_TEXT;
		m->url = texts_joined(rd, &content, list);
	} else {
		m->source = MEDIA_TEXT;
		m->url = bedrock_text(rd, &f, at, "text", true);
	}
}

static void read_media(struct reading *rd, const struct where *at, struct blocks *to,
		       enum part_kind kind, struct slice value)
{
	const struct where source = { .up = at, .name = "source" };
	const struct where cites = { .up = at, .name = "citations" };
	struct json_text format;
	struct chat_media *m;
	struct chat_part *p;
	struct fields f, c;
	struct slice s;

	if (!bedrock_members(rd, at, value, &f))
		return;
	format = bedrock_text(rd, &f, at, "format", kind != PART_DOCUMENT);
	s = bedrock_take(rd, &f, at, "source", JSON_OBJECT, true);
	p = rd->rc == OK ? add(rd, to, kind) : NULL;
	if (p == NULL)
		return;
	m = &p->u.media;
	m->mime = chat_media_mime(kind, json_text_plain(format, rd->a));
	read_source(rd, &source, m, s);
	if (kind != PART_DOCUMENT)
		return;
	m->name = bedrock_text(rd, &f, at, "name", false);
	m->context = bedrock_text(rd, &f, at, "context", false);
	s = bedrock_take(rd, &f, at, "citations", JSON_OBJECT, false);
	if (s.n > 0 && bedrock_members(rd, &cites, s, &c))
		m->citations = field_tri(&c, "enabled") == YES;
}

static void read_image(struct reading *rd, const struct where *at, struct blocks *to,
		       struct slice value)
{
	read_media(rd, at, to, PART_IMAGE, value);
}

static void read_document(struct reading *rd, const struct where *at, struct blocks *to,
			  struct slice value)
{
	read_media(rd, at, to, PART_DOCUMENT, value);
}

static void read_video(struct reading *rd, const struct where *at, struct blocks *to,
		       struct slice value)
{
	read_media(rd, at, to, PART_VIDEO, value);
}

static void read_audio(struct reading *rd, const struct where *at, struct blocks *to,
		       struct slice value)
{
	read_media(rd, at, to, PART_AUDIO, value);
}

/* ---- text and reasoning ---------------------------------------------------------------- */

static void read_text(struct reading *rd, const struct where *at, struct blocks *to,
		      struct slice value)
{
	if (json_kind(value) != JSON_STRING)
		bedrock_refuse(rd, at, NULL, "invalid_type", "must be a string");
	add_text(rd, to, json_text_of(value));
}

/* What the model said with its sources: its words. */
static void read_cited(struct reading *rd, const struct where *at, struct blocks *to,
		       struct slice value)
{
	const struct where content = { .up = at, .name = "content" };
	struct slice list;
	struct fields f;

	if (!bedrock_members(rd, at, value, &f))
		return;
	list = bedrock_take(rd, &f, at, "content", JSON_ARRAY, false);
	if (list.n > 0)
		add_text(rd, to, texts_joined(rd, &content, list));
}

static void read_redacted(struct reading *rd, struct blocks *to, struct json_text data)
{
	struct chat_part *p;
	bool bound;
	struct chat_opaque o = bedrock_redacted_open(data, &bound, rd->a);

	if (bound) {
		to->bound = o.data;
		to->bound_issuer = o.issuer;
		return;
	}
	p = add(rd, to, PART_REASONING);
	if (p != NULL)
		p->u.reasoning.encrypted = o;
}

static void read_reasoning(struct reading *rd, const struct where *at, struct blocks *to,
			   struct slice value)
{
	const struct where inner = { .up = at, .name = "reasoningText" };
	struct json_text redacted, text, signature;
	struct chat_part *p;
	struct fields f, t;
	struct slice s;

	if (!bedrock_members(rd, at, value, &f))
		return;
	redacted = bedrock_text(rd, &f, at, "redactedContent", false);
	s = bedrock_take(rd, &f, at, "reasoningText", JSON_OBJECT, false);
	if (rd->rc == OK && !json_text_empty(redacted)) {
		read_redacted(rd, to, redacted);
		return;
	}
	if (s.n == 0) {
		bedrock_refuse(rd, at, NULL, "missing_field",
			       "must have reasoningText or redactedContent");
		return;
	}
	if (!bedrock_members(rd, &inner, s, &t))
		return;
	text = bedrock_text(rd, &t, &inner, "text", true);
	signature = bedrock_text(rd, &t, &inner, "signature", false);
	p = rd->rc == OK ? add(rd, to, PART_REASONING) : NULL;
	if (p == NULL)
		return;
	p->u.reasoning.text = text;
	p->u.reasoning.signature = opaque_open(signature);
}

/* ---- tools ----------------------------------------------------------------------------- */

static void read_call(struct reading *rd, const struct where *at, struct blocks *to,
		      struct slice value)
{
	struct json_text id, name;
	struct chat_call *call;
	struct chat_part *p;
	struct slice input;
	struct fields f;

	if (!bedrock_members(rd, at, value, &f))
		return;
	id = bedrock_text(rd, &f, at, "toolUseId", true);
	name = bedrock_text(rd, &f, at, "name", true);
	input = field_json(&f, "input");
	p = rd->rc == OK ? add(rd, to, PART_TOOL_CALL) : NULL;
	if (p == NULL)
		return;
	call = &p->u.call;
	call->id = id;
	call->name = name;
	call->args_ok = input.n == 0 || json_kind(input) == JSON_OBJECT;
	/* A string: what a model had said that was no JSON (answer_write.c). */
	call->args = json_kind(input) == JSON_STRING
			     ? json_text_plain(json_text_of(input), rd->a)
			     : input;
}

static void read_json(struct reading *rd, const struct where *at, struct blocks *to,
		      struct slice value)
{
	(void)at;
	add_other(rd, to, "json", value);
}

static void read_list(struct reading *rd, const struct where *at, struct blocks *to,
		      struct slice list);

static void read_result(struct reading *rd, const struct where *at, struct blocks *to,
			struct slice value)
{
	const struct where content = { .up = at, .name = "content" };
	struct json_text id, status;
	struct blocks inner;
	struct chat_part *p;
	struct slice list;
	struct fields f;

	if (!bedrock_members(rd, at, value, &f))
		return;
	id = bedrock_text(rd, &f, at, "toolUseId", true);
	status = bedrock_text(rd, &f, at, "status", false);
	list = bedrock_take(rd, &f, at, "content", JSON_ARRAY, true);
	blocks_init(&inner);
	inner.inside = true;
	if (rd->rc == OK)
		read_list(rd, &content, &inner, list);
	p = rd->rc == OK ? add(rd, to, PART_TOOL_RESULT) : NULL;
	if (p == NULL)
		return;
	p->u.result.call_id = id;
	p->u.result.parts = inner.rest.parts;
	p->u.result.is_error = json_text_is(status, LIT("error"));
}

/* ---- blocks ---------------------------------------------------------------------------- */

static void read_point(struct reading *rd, const struct where *at, struct blocks *to,
		       struct slice value)
{
	const enum cache_mark mark = bedrock_cache(rd, at, value);

	if (to->last != NULL)
		to->last->cache = mark;
}

enum { IN_TURN = 1, IN_RESULT = 2 };

static const struct {
	const char *name;
	unsigned where;
	void (*read)(struct reading *rd, const struct where *at, struct blocks *to,
		     struct slice value);
} kinds[] = {
	{ "text", IN_TURN | IN_RESULT, read_text },
	{ "image", IN_TURN | IN_RESULT, read_image },
	{ "document", IN_TURN | IN_RESULT, read_document },
	{ "video", IN_TURN | IN_RESULT, read_video },
	{ "audio", IN_TURN | IN_RESULT, read_audio },
	{ "json", IN_RESULT, read_json },
	{ "toolUse", IN_TURN, read_call },
	{ "toolResult", IN_TURN, read_result },
	{ "reasoningContent", IN_TURN, read_reasoning },
	{ "citationsContent", IN_TURN, read_cited },
	{ "cachePoint", IN_TURN | IN_RESULT, read_point },
};

static void read_block(struct reading *rd, const struct where *at, struct blocks *to,
		       struct slice value)
{
	const unsigned here = to->inside ? IN_RESULT : IN_TURN;
	struct fields f;

	if (!bedrock_members(rd, at, value, &f))
		return;
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		const struct json_member *m = field(&f, kinds[i].name);

		if (m != NULL && (kinds[i].where & here) != 0) {
			const struct where inner = { .up = at, .name = kinds[i].name };

			kinds[i].read(rd, &inner, to, m->value);
			return;
		}
	}
	if (f.n == 0)
		bedrock_refuse(rd, at, NULL, "invalid_value", "must have one member");
	else /* guardContent, searchResult, and those to come */
		add_other(rd, to, arena_cstr(rd->a, slice_head(f.m[0].key, 40)), value);
}

static void read_list(struct reading *rd, const struct where *at, struct blocks *to,
		      struct slice list)
{
	struct where each = { .up = at };
	struct json_array it = json_array(list);
	enum json_kind kind;
	struct slice value;

	for (; rd->rc == OK && json_array_next(&it, &value, &kind); each.index++)
		read_block(rd, &each, to, value);
}

/* Hangs a list of parts into the conversation. */
static void adopt(struct reading *rd, enum chat_role role, const struct chat_message *made)
{
	struct chat_message *m = chat_message_add(rd->r, rd->a, role);

	if (m == NULL) {
		rd->rc = E_NOMEM;
	} else if (made->parts != NULL) {
		m->parts = made->parts;
		m->tail = made->tail;
	}
}

void bedrock_turn(struct reading *rd, const struct where *at, enum chat_role role,
		  struct slice blocks)
{
	struct blocks to;

	blocks_init(&to);
	read_list(rd, at, &to, blocks);
	if (rd->rc == OK && to.results.parts != NULL)
		adopt(rd, ROLE_TOOL, &to.results);
	if (rd->rc == OK && (to.rest.parts != NULL || to.results.parts == NULL))
		adopt(rd, role, &to.rest);
}
