/* The conversation of a request, written.  Turns alternate here: what follows from the same
 * side is one turn.  A turn is opened by its first block, so that one without any is not
 * written at all. */
#include "chat/bedrock/writing.h"

#include "base/sb.h"

void bedrock_point_out(struct writing *w, enum cache_mark mark)
{
	const bool known = w->own || w->family == FAMILY_CLAUDE || w->family == FAMILY_NOVA;

	if (mark == CACHE_NONE)
		return;
	if (!known || w->marks_over > 0) {
		w->marks_over -= known;
		lost_param(w->lost, "cache_control");
		return;
	}
	out_object(w->o);
	out_key(w->o, "cachePoint");
	out_object(w->o);
	out_key(w->o, "type"), out_lit(w->o, "default");
	if (mark != CACHE_DEFAULT)
		out_key(w->o, "ttl"), out_lit(w->o, mark == CACHE_1H ? "1h" : "5m");
	out_close(w->o);
	out_close(w->o);
}

/* ---- turns ----------------------------------------------------------------------------- */

static void text_block_out(struct json_out *o, struct json_text text)
{
	out_object(o);
	out_key(o, "text"), out_text(o, text);
	out_close(o);
}

static void turn_end(struct writing *w)
{
	if (!w->turn)
		return;
	/* "If you include a document, you must also include a text." */
	if (w->turn_document && !w->turn_text && !w->own)
		text_block_out(w->o, JTEXT("See the document."));
	out_close(w->o);
	out_close(w->o);
	w->turn = false;
}

static void turn_open(struct writing *w, enum chat_role side)
{
	if (w->turn && w->side == side)
		return;
	turn_end(w);
	out_object(w->o);
	out_key(w->o, "role"), out_lit(w->o, side == ROLE_ASSISTANT ? "assistant" : "user");
	out_key(w->o, "content");
	out_array(w->o);
	w->turn = true;
	w->side = side;
	w->turn_document = w->turn_text = false;
}

/* ---- blocks ---------------------------------------------------------------------------- */

/* A part on its way, and where it was, for what is lost of it. */
struct piece {
	struct writing *w;
	enum chat_role side;
	bool inside; /* of a tool result: its list is open, and is no turn */
	size_t m, p;
};

/* {"kind":{ */
static void open_block(const struct piece *at, const char *kind)
{
	if (!at->inside)
		turn_open(at->w, at->side);
	out_object(at->w->o);
	out_key(at->w->o, kind);
	out_object(at->w->o);
}

static void close_block(const struct piece *at, enum cache_mark mark)
{
	out_close(at->w->o);
	out_close(at->w->o);
	if (!at->inside)
		bedrock_point_out(at->w, mark);
	else if (mark != CACHE_NONE)
		lost_param(at->w->lost, "cache_control");
}

static void lose(const struct piece *at, const char *what)
{
	lost_content(at->w->lost, at->m, at->p, what);
}

static void text_out(const struct piece *at, struct json_text text, enum cache_mark mark)
{
	if (json_text_blank(text))
		return; /* refused, and says nothing */
	if (!at->inside) {
		turn_open(at->w, at->side);
		at->w->turn_text = true;
	}
	text_block_out(at->w->o, text);
	if (!at->inside)
		bedrock_point_out(at->w, mark);
	else if (mark != CACHE_NONE)
		lost_param(at->w->lost, "cache_control");
}

/* ---- media ----------------------------------------------------------------------------- */

/* Media by URL would have to be fetched; nobody does it here. */
static void refuse_url(const struct piece *at)
{
	char path[64];
	struct sb b;

	if (at->w->rc != OK)
		return;
	sb_init(&b, path, sizeof(path));
	sb_fmt(&b, "messages[%zu].content[%zu]", at->m, at->p);
	at->w->rc = refuse_request(at->w->why, "media_url", sb_cstr(&b),
				   "This model takes media as bytes only, not by URL.");
}

/* Whether it can be written; what cannot is lost or refused. */
static bool source_ok(const struct piece *at, const struct chat_media *m, const char *what)
{
	switch (m->source) {
	case MEDIA_INLINE:
		return true;
	case MEDIA_TEXT:
		if (slice_eq(slice_cstr(what), LIT("document")))
			return true;
		break;
	case MEDIA_URL:
		if (slice_starts(m->url.s, LIT("s3://")))
			return true;
		refuse_url(at);
		return false;
	case MEDIA_FILE:
		if (slice_starts(m->url.s, LIT("s3://")))
			return true;
		break;
	}
	lose(at, what);
	return false;
}

static void source_out(struct json_out *o, const struct chat_media *m)
{
	out_key(o, "source");
	out_object(o);
	if (m->source == MEDIA_INLINE) {
		out_key(o, "bytes"), out_text(o, (struct json_text){ m->data });
	} else if (m->source == MEDIA_TEXT) {
		out_key(o, "text"), out_text(o, m->url);
	} else {
		out_key(o, "s3Location");
		out_object(o);
		out_key(o, "uri"), out_text(o, m->url);
		out_close(o);
	}
	out_close(o);
}

static bool one_of(struct slice s, const char *const *v, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq(s, slice_cstr(v[i])))
			return true;
	return false;
}

static struct slice format_of(const struct chat_media *m)
{
	struct slice format = chat_media_format(m->mime);

	if (format.n == 0)
		format = chat_media_format(chat_media_sniff(m->data));
	if (format.n == 0 && m->source == MEDIA_FILE) /* "s3://bucket/key.png" */
		for (size_t i = m->url.s.n; i > 0 && format.n == 0; i--)
			if (m->url.s.p[i - 1] == '.')
				format = slice_skip(m->url.s, i);
	return format;
}

static void media_out(const struct piece *at, const struct chat_part *p, const char *kind,
		      const char *const *formats, size_t format_n)
{
	const struct chat_media *m = &p->u.media;
	const struct slice format = format_of(m);

	if (!source_ok(at, m, kind))
		return;
	if (!one_of(format, formats, format_n)) {
		lose(at, arena_cstr(at->w->a,
				    arena_fmt(at->w->a, "%s of an unknown format", kind)));
		return;
	}
	if (!json_text_empty(m->detail) && !json_text_is(m->detail, LIT("auto")))
		lost_param(at->w->lost, "image_url.detail");
	open_block(at, kind);
	out_key(at->w->o, "format"), out_str(at->w->o, format);
	source_out(at->w->o, m);
	close_block(at, p->cache);
}

/* Of a file that says no type, by its name's end; of a text, "txt". */
static struct slice document_format(const struct chat_media *m)
{
	static const char *const known[] = { "pdf",  "csv",  "doc", "docx", "xls",
					     "xlsx", "html", "txt", "md" };
	struct slice format = format_of(m), name = m->name.s;
	size_t dot = name.n;

	if (one_of(format, known, ARRAY_LEN(known)))
		return format;
	while (dot > 0 && name.p[dot - 1] != '.')
		dot--;
	name = slice_skip(name, dot);
	if (dot > 0 && one_of(name, known, ARRAY_LEN(known)))
		return name;
	if (m->source == MEDIA_TEXT || slice_starts(m->mime, LIT("text/")))
		return LIT("txt");
	return slice_of(NULL, 0);
}

static void document_out(const struct piece *at, const struct chat_part *p)
{
	const struct chat_media *m = &p->u.media;
	const struct slice format = document_format(m);
	const struct json_text name = json_text_empty(m->name) ? m->title : m->name;
	struct writing *w = at->w;

	if (!source_ok(at, m, "document"))
		return;
	if (format.n == 0) {
		lose(at, "document of an unknown format");
		return;
	}
	open_block(at, "document");
	out_key(w->o, "format"), out_str(w->o, format);
	out_key(w->o, "name");
	if (w->own && !json_text_empty(m->name))
		out_text(w->o, m->name);
	else
		out_text(w->o,
			 bedrock_document_name(name, ++w->document_n, &w->documents, w->a));
	source_out(w->o, m);
	if (!json_text_empty(m->context))
		out_key(w->o, "context"), out_text(w->o, m->context);
	if (m->citations) {
		out_key(w->o, "citations");
		out_object(w->o);
		out_key(w->o, "enabled"), out_bool(w->o, true);
		out_close(w->o);
	}
	if (!at->inside)
		w->turn_document = true;
	close_block(at, p->cache);
}

/* ---- tools and reasoning --------------------------------------------------------------- */

static void call_out(const struct piece *at, const struct chat_part *p)
{
	const struct chat_call *call = &p->u.call;
	struct json_out *o = at->w->o;

	open_block(at, "toolUse");
	out_key(o, "toolUseId");
	bedrock_id_out(o, call->id, at->w->family == FAMILY_MISTRAL);
	out_key(o, "name"), out_text(o, call->name);
	out_key(o, "input");
	if (call->args.n == 0 && !call->custom) {
		out_json(o, LIT("{}"));
	} else if (call->args_ok && !call->custom) {
		out_json(o, call->args);
	} else { /* an input is an object, whatever the model had said */
		if (!call->custom)
			lose(at, "tool arguments that are not JSON");
		out_object(o);
		out_key(o, call->custom ? "input" : "arguments"), out_str(o, call->args);
		out_close(o);
	}
	close_block(at, p->cache);
}

static void part_out(const struct piece *at, const struct chat_part *p);

static void result_out(const struct piece *at, const struct chat_part *p)
{
	const struct chat_result *res = &p->u.result;
	struct piece inner = *at;
	struct json_out *o = at->w->o;

	inner.inside = true;
	open_block(at, "toolResult");
	out_key(o, "toolUseId");
	bedrock_id_out(o, res->call_id, at->w->family == FAMILY_MISTRAL);
	out_key(o, "content");
	out_array(o);
	for (const struct chat_part *q = res->parts; q != NULL; q = q->next)
		part_out(&inner, q);
	out_close(o);
	if (res->is_error)
		out_key(o, "status"), out_lit(o, "error");
	close_block(at, p->cache);
}

static bool may_go(const struct writing *w, const struct chat_opaque *state)
{
	return opaque_for(state, w->t->provider, w->own);
}

static void reasoning_out(const struct piece *at, const struct chat_part *p)
{
	const struct chat_reasoning *r = &p->u.reasoning;
	struct json_out *o = at->w->o;
	const bool is_signed = may_go(at->w, &r->signature);
	/* Without any signature: of a model that signs nothing, and its own. */
	const bool plain = at->w->own && json_text_empty(r->signature.data) &&
			   !json_text_empty(r->text);
	const bool encrypted = may_go(at->w, &r->encrypted);

	if (is_signed || plain) {
		open_block(at, "reasoningContent");
		out_key(o, "reasoningText");
		out_object(o);
		out_key(o, "text"), out_text(o, r->text);
		if (is_signed)
			out_key(o, "signature"), out_text(o, r->signature.data);
		out_close(o);
		close_block(at, CACHE_NONE);
	}
	if (encrypted) {
		open_block(at, "reasoningContent");
		out_key(o, "redactedContent"), out_text(o, r->encrypted.data);
		close_block(at, CACHE_NONE);
	}
	/* Of another provider, or unsigned: refused here, and no part of what was said. */
	if (!is_signed && !plain && !encrypted)
		lost_param(at->w->lost, "reasoning");
}

bool bedrock_reasoning_whole(const struct writing *w)
{
	const struct chat_message *calls = NULL;
	bool results = false;

	for (const struct chat_message *m = w->r->messages; m != NULL; m = m->next) {
		if (m->role == ROLE_ASSISTANT)
			calls = m;
		results = m->role == ROLE_TOOL || (results && m->role != ROLE_ASSISTANT);
	}
	if (!results || calls == NULL)
		return true;
	for (const struct chat_part *p = calls->parts; p != NULL; p = p->next)
		if (p->kind == PART_REASONING)
			return may_go(w, &p->u.reasoning.signature) ||
			       may_go(w, &p->u.reasoning.encrypted);
	return false;
}

static void other_out(const struct piece *at, const struct chat_part *p)
{
	const char *what = p->u.other.what != NULL ? p->u.other.what : "other";
	const bool json = at->inside && slice_eq(slice_cstr(what), LIT("json"));

	if (json) {
		out_object(at->w->o);
		out_key(at->w->o, "json"), out_json(at->w->o, p->u.other.raw);
		out_close(at->w->o);
	} else if (at->w->own) {
		if (!at->inside)
			turn_open(at->w, at->side);
		out_json(at->w->o, p->u.other.raw);
	} else {
		lose(at, what);
	}
}

static void part_out(const struct piece *at, const struct chat_part *p)
{
	static const char *const images[] = { "png", "jpeg", "gif", "webp" };
	static const char *const videos[] = { "mp4", "mov",  "mkv", "webm",
					      "flv", "mpeg", "mpg", "wmv" };
	static const char *const audios[] = { "mp3", "wav", "flac", "ogg",  "opus",
					      "aac", "m4a", "mp4",  "webm", "mka" };

	switch (p->kind) {
	case PART_TEXT:
	case PART_REFUSAL:
		text_out(at, p->u.text, p->cache);
		return;
	case PART_IMAGE:
		media_out(at, p, "image", images, ARRAY_LEN(images));
		return;
	case PART_VIDEO:
		media_out(at, p, "video", videos, ARRAY_LEN(videos));
		return;
	case PART_AUDIO:
		if (at->inside) { /* a result may have all but this */
			lose(at, "audio");
			return;
		}
		media_out(at, p, "audio", audios, ARRAY_LEN(audios));
		return;
	case PART_DOCUMENT:
		document_out(at, p);
		return;
	case PART_TOOL_CALL:
		call_out(at, p);
		return;
	case PART_TOOL_RESULT:
		result_out(at, p);
		return;
	case PART_REASONING:
		reasoning_out(at, p);
		return;
	case PART_OTHER:
		other_out(at, p);
		return;
	}
}

/* ---- the conversation ------------------------------------------------------------------ */

static bool is_system(const struct chat_message *m)
{
	return m->role == ROLE_SYSTEM || m->role == ROLE_DEVELOPER;
}

/* Where the leading system prompts end.  A conversation of nothing else is the user's. */
static const struct chat_message *after_system(const struct chat_request *r)
{
	const struct chat_message *m = r->messages;

	while (m != NULL && is_system(m))
		m = m->next;
	return m != NULL ? m : r->messages;
}

static void system_block_open(struct writing *w, bool *open)
{
	if (!*open)
		out_key(w->o, "system"), out_array(w->o);
	*open = true;
}

/* Returns how many messages it was. */
static size_t system_out(struct writing *w, const struct chat_message *end, struct slice say)
{
	bool open = false;
	size_t m = 0;

	for (const struct chat_message *msg = w->r->messages; msg != end;
	     msg = msg->next, m++) {
		size_t i = 0;

		for (const struct chat_part *p = msg->parts; p != NULL; p = p->next, i++) {
			if (p->kind == PART_OTHER && w->own) {
				system_block_open(w, &open);
				out_json(w->o, p->u.other.raw);
			} else if (p->kind != PART_TEXT) {
				lost_content(w->lost, m, i, "not text, in a system prompt");
			} else if (!json_text_blank(p->u.text)) {
				system_block_open(w, &open);
				text_block_out(w->o, p->u.text);
				bedrock_point_out(w, p->cache);
			}
		}
	}
	if (say.n > 0) {
		system_block_open(w, &open);
		text_block_out(w->o, json_text_encode(say, w->a));
	}
	if (open)
		out_close(w->o);
	return m;
}

void bedrock_conversation_out(struct writing *w, struct slice say)
{
	const struct chat_message *first = after_system(w->r);
	struct piece at = { .w = w, .m = system_out(w, first, say) };

	out_key(w->o, "messages");
	out_array(w->o);
	for (const struct chat_message *m = first; m != NULL; m = m->next, at.m++) {
		/* A system prompt in the middle keeps its place, as the user's words. */
		at.side = m->role == ROLE_ASSISTANT ? ROLE_ASSISTANT : ROLE_USER;
		at.p = 0;
		for (const struct chat_part *p = m->parts; p != NULL; p = p->next, at.p++)
			part_out(&at, p);
	}
	turn_end(w);
	out_close(w->o);
}
