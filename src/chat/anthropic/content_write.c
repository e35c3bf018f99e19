/* The conversation of a request, written (Anthropic's API reference: Messages).
 *
 * Turns alternate here: what follows from the same side is one turn, and in a user's turn the
 * results of tools come first.  A turn is opened by its first block, so that one without any
 * is not written at all. */
#include "chat/anthropic/writing.h"

#include "wire/base64.h"

void anthropic_mark(struct writing *w, enum cache_mark mark)
{
	if (mark == CACHE_NONE)
		return;
	if (w->marks_over > 0) {
		w->marks_over--;
		lost_param(w->lost, "cache_control");
		return;
	}
	out_key(w->o, "cache_control");
	out_object(w->o);
	out_key(w->o, "type"), out_lit(w->o, "ephemeral");
	if (mark != CACHE_DEFAULT)
		out_key(w->o, "ttl"), out_lit(w->o, mark == CACHE_1H ? "1h" : "5m");
	out_close(w->o);
}

/* ---- turns ----------------------------------------------------------------------------- */

static void turn_end(struct writing *w)
{
	if (w->turn) {
		out_close(w->o);
		out_close(w->o);
	}
	w->turn = false;
}

static void block_open(struct writing *w, enum chat_role role, const char *type)
{
	if (!w->turn || w->role != role) {
		turn_end(w);
		out_object(w->o);
		out_key(w->o, "role");
		out_lit(w->o, role == ROLE_ASSISTANT ? "assistant"
			      : role == ROLE_SYSTEM  ? "system"
						     : "user");
		out_key(w->o, "content");
		out_array(w->o);
		w->turn = true;
		w->role = role;
	}
	if (type != NULL) {
		out_object(w->o);
		out_key(w->o, "type"), out_lit(w->o, type);
	}
}

/* ---- blocks ---------------------------------------------------------------------------- */

/* A part on its way, and where it was, for what is lost of it. */
struct piece {
	struct writing *w;
	enum chat_role role;
	bool inside; /* of a tool result: its list is open, and is no turn */
	size_t m, p;
};

static void open_piece(const struct piece *at, const char *type)
{
	if (!at->inside) {
		block_open(at->w, at->role, type);
	} else if (type != NULL) {
		out_object(at->w->o);
		out_key(at->w->o, "type"), out_lit(at->w->o, type);
	}
}

static void lose(const struct piece *at, const char *what)
{
	lost_content(at->w->lost, at->m, at->p, what);
}

void anthropic_text_out(struct writing *w, struct json_text text, enum cache_mark mark)
{
	out_object(w->o);
	out_key(w->o, "type"), out_lit(w->o, "text");
	out_key(w->o, "text"), out_text(w->o, text);
	anthropic_mark(w, mark);
	out_close(w->o);
}

static void text_out(const struct piece *at, struct json_text text, enum cache_mark mark)
{
	if (json_text_blank(text))
		return; /* refused, and says nothing */
	open_piece(at, NULL);
	anthropic_text_out(at->w, text, mark);
}

/* Only these are taken. */
static struct slice image_mime(const struct chat_media *m)
{
	static const char *const taken[] = { "jpeg", "png", "gif", "webp" };
	struct slice format = chat_media_format(m->mime);

	if (format.n == 0)
		format = chat_media_format(chat_media_sniff(m->data));
	for (size_t i = 0; i < ARRAY_LEN(taken); i++)
		if (slice_eq(format, slice_cstr(taken[i])))
			return chat_media_mime(PART_IMAGE, format);
	return slice_of(NULL, 0);
}

static void source_out(struct json_out *o, const char *type, const char *member,
		       struct json_text value)
{
	out_key(o, "source");
	out_object(o);
	out_key(o, "type"), out_lit(o, type);
	out_key(o, member), out_text(o, value);
	out_close(o);
}

static void inline_out(struct json_out *o, const char *type, struct slice mime,
		       struct json_text data)
{
	out_key(o, "source");
	out_object(o);
	out_key(o, "type"), out_lit(o, type);
	out_key(o, "media_type"), out_str(o, mime);
	out_key(o, "data"), out_text(o, data);
	out_close(o);
}

static void image_out(const struct piece *at, const struct chat_part *p)
{
	const struct chat_media *m = &p->u.media;
	struct slice mime = { NULL, 0 };

	if (m->source == MEDIA_INLINE)
		mime = image_mime(m);
	if ((m->source == MEDIA_INLINE && mime.n == 0) || m->source == MEDIA_TEXT) {
		lose(at, "image format");
		return;
	}
	if (m->source == MEDIA_FILE && !at->w->own) {
		lose(at, "image by file id");
		return;
	}
	if (!json_text_empty(m->detail) && !json_text_is(m->detail, LIT("auto")))
		lost_param(at->w->lost, "image_url.detail");
	open_piece(at, "image");
	if (m->source == MEDIA_INLINE)
		inline_out(at->w->o, "base64", mime, (struct json_text){ m->data });
	else if (m->source == MEDIA_URL)
		source_out(at->w->o, "url", "url", m->url);
	else
		source_out(at->w->o, "file", "file_id", m->url);
	anthropic_mark(at->w, p->cache);
	out_close(at->w->o);
}

/* The text of a text file; false: it is none. */
static bool file_text(const struct piece *at, const struct chat_media *m, struct json_text *out)
{
	struct arena *a = at->w->a;
	char *p;
	size_t n;

	if (!slice_starts(m->mime, LIT("text/")))
		return false;
	p = arena_bytes(a, 3 * (m->data.n / 4) + 1);
	if (p == NULL || !base64_read(m->data, p, &n))
		return false;
	*out = json_text_encode(slice_of(p, n), a);
	return true;
}

static void document_out(const struct piece *at, const struct chat_part *p)
{
	const struct chat_media *m = &p->u.media;
	struct slice format = chat_media_format(m->mime);
	struct json_out *o = at->w->o;
	struct json_text text = m->url;
	bool is_text = m->source == MEDIA_TEXT;
	bool pdf =
		slice_eq(format, LIT("pdf")) ||
		(format.n == 0 && slice_eq(chat_media_sniff(m->data), LIT("application/pdf")));

	if (m->source == MEDIA_INLINE && !pdf)
		is_text = file_text(at, m, &text);
	if (m->source == MEDIA_INLINE && !pdf && !is_text) {
		lose(at, "document format");
		return;
	}
	if (m->source == MEDIA_FILE && !at->w->own) {
		lose(at, "document by file id");
		return;
	}
	open_piece(at, "document");
	if (is_text)
		inline_out(o, "text", LIT("text/plain"), text);
	else if (m->source == MEDIA_INLINE)
		inline_out(o, "base64", LIT("application/pdf"), (struct json_text){ m->data });
	else if (m->source == MEDIA_URL)
		source_out(o, "url", "url", m->url);
	else
		source_out(o, "file", "file_id", m->url);
	if (!json_text_empty(m->title) || !json_text_empty(m->name))
		out_key(o, "title"),
			out_text(o, json_text_empty(m->title) ? m->name : m->title);
	if (!json_text_empty(m->context))
		out_key(o, "context"), out_text(o, m->context);
	if (m->citations) {
		out_key(o, "citations");
		out_object(o);
		out_key(o, "enabled"), out_bool(o, true);
		out_close(o);
	}
	anthropic_mark(at->w, p->cache);
	out_close(o);
}

/* Ids of other providers may have dots and colons, which are refused here. */
static void id_out(struct json_out *o, struct json_text id)
{
	out_text_open(o);
	if (json_text_empty(id))
		out_str_part(o, LIT("toolu_0"));
	for (size_t i = 0; i < id.s.n;) {
		size_t n = i;

		while (n < id.s.n && ((id.s.p[n] >= 'a' && id.s.p[n] <= 'z') ||
				      (id.s.p[n] >= 'A' && id.s.p[n] <= 'Z') ||
				      (id.s.p[n] >= '0' && id.s.p[n] <= '9') ||
				      id.s.p[n] == '_' || id.s.p[n] == '-'))
			n++;
		out_str_part(o, slice_of(id.s.p + i, n - i));
		if (n < id.s.n)
			out_str_part(o, LIT("_"));
		i = n + 1;
	}
	out_text_close(o);
}

static void call_out(const struct piece *at, const struct chat_part *p)
{
	const struct chat_call *call = &p->u.call;
	struct json_out *o = at->w->o;

	open_piece(at, "tool_use");
	out_key(o, "id"), id_out(o, call->id);
	out_key(o, "name"), out_text(o, call->name);
	out_key(o, "input");
	if (call->args.n == 0 && !call->custom) {
		out_json(o, LIT("{}"));
	} else if (call->args_ok && !call->custom) {
		out_json(o, call->args);
	} else { /* an input is an object, whatever the model had said */
		if (!call->custom)
			lose(at, "arguments not JSON");
		out_object(o);
		out_key(o, call->custom ? "input" : "arguments"), out_str(o, call->args);
		out_close(o);
	}
	anthropic_mark(at->w, p->cache);
	out_close(o);
}

static void part_out(const struct piece *at, const struct chat_part *p);

static void result_out(const struct piece *at, const struct chat_part *p)
{
	const struct chat_result *res = &p->u.result;
	struct piece inner = *at;
	struct json_out *o = at->w->o;

	inner.inside = true;
	open_piece(at, "tool_result");
	out_key(o, "tool_use_id"), id_out(o, res->call_id);
	if (res->parts != NULL) {
		out_key(o, "content");
		out_array(o);
		for (const struct chat_part *q = res->parts; q != NULL; q = q->next)
			part_out(&inner, q);
		out_close(o);
	}
	if (res->is_error)
		out_key(o, "is_error"), out_bool(o, true);
	anthropic_mark(at->w, p->cache);
	out_close(o);
}

static bool may_go(const struct writing *w, const struct chat_opaque *state)
{
	return opaque_for(state, w->t->provider, w->own);
}

static void reasoning_out(const struct piece *at, const struct chat_part *p)
{
	const struct chat_reasoning *r = &p->u.reasoning;
	struct json_out *o = at->w->o;
	bool any = false;

	if (may_go(at->w, &r->signature)) {
		open_piece(at, "thinking");
		out_key(o, "thinking"), out_text(o, r->text);
		out_key(o, "signature"), out_text(o, r->signature.data);
		out_close(o);
		any = true;
	}
	if (may_go(at->w, &r->encrypted)) {
		open_piece(at, "redacted_thinking");
		out_key(o, "data"), out_text(o, r->encrypted.data);
		out_close(o);
		any = true;
	}
	/* Of another provider, or unsigned: refused here, and no part of what was said. */
	if (!any)
		lost_param(at->w->lost, "reasoning");
}

static void other_out(const struct piece *at, const struct chat_part *p)
{
	if (at->w->own) {
		open_piece(at, NULL);
		out_json(at->w->o, p->u.other.raw);
	} else if (at->inside) { /* a result's JSON, which is text here */
		open_piece(at, "text");
		out_key(at->w->o, "text"), out_str(at->w->o, p->u.other.raw);
		out_close(at->w->o);
	} else {
		lose(at, p->u.other.what != NULL ? p->u.other.what : "other");
	}
}

static void part_out(const struct piece *at, const struct chat_part *p)
{
	switch (p->kind) {
	case PART_TEXT:
	case PART_REFUSAL:
		text_out(at, p->u.text, p->cache);
		return;
	case PART_IMAGE:
		image_out(at, p);
		return;
	case PART_DOCUMENT:
		document_out(at, p);
		return;
	case PART_AUDIO:
		lose(at, "audio");
		return;
	case PART_VIDEO:
		lose(at, "video");
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

static void system_out(struct writing *w, const struct chat_message *end, struct slice say)
{
	bool open = false;
	size_t m = 0;

	for (const struct chat_message *msg = w->r->messages; msg != end;
	     msg = msg->next, m++) {
		size_t i = 0;

		for (const struct chat_part *p = msg->parts; p != NULL; p = p->next, i++) {
			if (p->kind != PART_TEXT) {
				lost_content(w->lost, m, i, "not text");
				continue;
			}
			if (json_text_blank(p->u.text))
				continue;
			if (!open)
				out_key(w->o, "system"), out_array(w->o);
			open = true;
			anthropic_text_out(w, p->u.text, p->cache);
		}
	}
	if (say.n > 0) {
		if (!open)
			out_key(w->o, "system"), out_array(w->o);
		open = true;
		anthropic_text_out(w, json_text_encode(say, w->a), CACHE_NONE);
	}
	if (open)
		out_close(w->o);
}

static enum chat_role side_of(const struct writing *w, const struct chat_message *m)
{
	if (m->role == ROLE_ASSISTANT)
		return ROLE_ASSISTANT;
	return is_system(m) && w->claude->system_turns && !w->only_system ? ROLE_SYSTEM
									  : ROLE_USER;
}

/* The messages from `m` to `end` are one turn. */
static void turn_out(struct writing *w, const struct chat_message *from,
		     const struct chat_message *end, size_t index)
{
	struct piece at = { .w = w, .role = side_of(w, from) };

	for (int results = 1; results >= 0; results--) {
		at.m = index;
		for (const struct chat_message *m = from; m != end; m = m->next, at.m++) {
			at.p = 0;
			for (const struct chat_part *p = m->parts; p != NULL; p = p->next) {
				if ((p->kind == PART_TOOL_RESULT) == (results == 1))
					part_out(&at, p);
				at.p++;
			}
		}
	}
	for (const struct chat_message *m = from; m != end; m = m->next)
		if (!json_text_empty(m->name))
			lost_param(w->lost, "messages.name");
}

void anthropic_conversation_out(struct writing *w, struct slice say)
{
	const struct chat_message *m = after_system(w->r);
	size_t index = 0;

	w->only_system = m != NULL && m == w->r->messages && is_system(m);
	for (const struct chat_message *s = w->r->messages; s != m; s = s->next)
		index++;
	system_out(w, m, say);
	out_key(w->o, "messages");
	out_array(w->o);
	while (m != NULL) {
		const struct chat_message *end = m->next;
		size_t n = 1;

		while (end != NULL && side_of(w, end) == side_of(w, m)) {
			end = end->next;
			n++;
		}
		if (end == NULL && m->role == ROLE_ASSISTANT && w->claude->no_prefill)
			lost_content(w->lost, index, 0, "prefill");
		else
			turn_out(w, m, end, index);
		index += n;
		m = end;
	}
	turn_end(w);
	out_close(w->o);
}

bool anthropic_reasoning_whole(const struct writing *w)
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
