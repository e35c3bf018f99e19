/* Messages -> the items of a request's `input`. */
#include "chat/responses/request_out.h"

#include "base/sb.h"
#include "chat/responses/responses.h"

static void lose(struct request_out *w, const char *what)
{
	lost_content(w->lost, w->message, w->part, what);
}

/* Ids of files and marks of caches are OpenAI's in both of its dialects. */
static bool is_openai(const struct request_out *w)
{
	return is_own(w->r) || w->r->dialect == &dialect_openai;
}

/* ---- parts of messages ------------------------------------------------------------------- */

static void open_part(struct request_out *w, const struct chat_part *p, const char *type)
{
	out_object(w->o);
	out_key(w->o, "type"), out_lit(w->o, type);
	if (p->cache == CACHE_NONE || w->role == ROLE_ASSISTANT)
		return;
	/* Where they are not known, what can be is cached unasked. */
	if (!is_openai(w)) {
		lost_param(w->lost, "cache_control");
		return;
	}
	out_key(w->o, "prompt_cache_breakpoint"), out_object(w->o);
	out_key(w->o, "mode"), out_lit(w->o, "explicit");
	out_close(w->o);
}

static void write_text_part(struct request_out *w, const struct chat_part *p,
			    struct json_text text)
{
	bool said = w->role == ROLE_ASSISTANT;

	open_part(w, p, said ? "output_text" : "input_text");
	out_key(w->o, "text"), out_text(w->o, text);
	if (said) {
		out_key(w->o, "annotations"), out_array(w->o);
		out_close(w->o);
	}
	out_close(w->o);
}

static void write_image(struct request_out *w, const struct chat_part *p)
{
	struct chat_media m = p->u.media;

	open_part(w, p, "input_image");
	if (m.source == MEDIA_INLINE && m.mime.n == 0)
		m.mime = chat_media_sniff(m.data);
	out_key(w->o, m.source == MEDIA_FILE ? "file_id" : "image_url");
	if (m.source == MEDIA_FILE)
		out_text(w->o, m.url);
	else
		chat_media_url_out(w->o, &m);
	out_key(w->o, "detail");
	if (json_text_empty(m.detail))
		out_lit(w->o, "auto");
	else
		out_text(w->o, m.detail);
	out_close(w->o);
}

/* A name is needed: the API goes by what follows its dot. */
static void write_file_name(struct request_out *w, const struct chat_media *m)
{
	struct slice format = chat_media_format(m->mime);
	char name[32];
	struct sb b;

	out_key(w->o, "filename");
	if (!json_text_empty(m->name)) {
		out_text(w->o, m->name);
		return;
	}
	sb_init(&b, name, sizeof(name));
	sb_lit(&b, "document.");
	sb_str(&b, format.n > 0 ? format : LIT("pdf"));
	out_str(w->o, sb_slice(&b));
}

static void write_document(struct request_out *w, const struct chat_part *p)
{
	struct chat_media m = p->u.media;

	if (m.source == MEDIA_TEXT) {
		write_text_part(w, p, m.url);
		return;
	}
	open_part(w, p, "input_file");
	if (m.source == MEDIA_INLINE) {
		if (m.mime.n == 0)
			m.mime = chat_media_sniff(m.data);
		write_file_name(w, &m);
		out_key(w->o, "file_data");
		chat_media_url_out(w->o, &m);
	} else {
		out_key(w->o, m.source == MEDIA_URL ? "file_url" : "file_id");
		out_text(w->o, m.url);
	}
	out_close(w->o);
}

static void write_audio(struct request_out *w, const struct chat_part *p)
{
	open_part(w, p, "input_audio");
	out_key(w->o, "input_audio"), out_object(w->o);
	out_key(w->o, "data"), out_text(w->o, (struct json_text){ p->u.media.data });
	out_key(w->o, "format"), out_str(w->o, chat_media_format(p->u.media.mime));
	out_close(w->o);
	out_close(w->o);
}

static void write_refusal(struct request_out *w, const struct chat_part *p)
{
	out_object(w->o);
	out_key(w->o, "type"), out_lit(w->o, "refusal");
	out_key(w->o, "refusal"), out_text(w->o, p->u.text);
	out_close(w->o);
}

static bool is_item(const struct chat_part *p)
{
	return p->kind == PART_OTHER && p->u.other.what != NULL &&
	       slice_ends(slice_cstr(p->u.other.what), LIT(RESPONSES_ITEM_MARK));
}

/* What stands in a message and not beside it.  What cannot is noted. */
static bool is_content(struct request_out *w, const struct chat_part *p)
{
	bool said = w->role == ROLE_ASSISTANT;

	switch (p->kind) {
	case PART_TEXT:
	case PART_REFUSAL:
		return true;
	case PART_IMAGE:
		if (!said && (p->u.media.source != MEDIA_FILE || is_openai(w)))
			return true;
		lose(w, said ? "image" : "file id");
		return false;
	case PART_DOCUMENT:
		if (!said && (p->u.media.source != MEDIA_FILE || is_openai(w)))
			return true;
		lose(w, said ? "document" : "file id");
		return false;
	case PART_AUDIO:
		if (is_own(w->r) && p->u.media.source == MEDIA_INLINE)
			return true;
		lose(w, "audio");
		return false;
	case PART_VIDEO:
		lose(w, "video");
		return false;
	case PART_OTHER:
		if (is_own(w->r))
			return !is_item(p);
		lose(w, p->u.other.what != NULL ? p->u.other.what : "other");
		return false;
	case PART_TOOL_CALL:
	case PART_TOOL_RESULT:
	case PART_REASONING:
		return false;
	}
	return false;
}

static void write_content(struct request_out *w, const struct chat_part *p)
{
	/* Only the assistant refuses. */
	if (p->kind == PART_REFUSAL && w->role == ROLE_ASSISTANT)
		write_refusal(w, p);
	else if (p->kind == PART_TEXT || p->kind == PART_REFUSAL)
		write_text_part(w, p, p->u.text);
	else if (p->kind == PART_IMAGE)
		write_image(w, p);
	else if (p->kind == PART_DOCUMENT)
		write_document(w, p);
	else if (p->kind == PART_AUDIO)
		write_audio(w, p);
	else
		out_json(w->o, p->u.other.raw);
}

/* ---- items ------------------------------------------------------------------------------- */

static const char *role_name(enum chat_role role)
{
	switch (role) {
	case ROLE_SYSTEM:
		return "system";
	case ROLE_DEVELOPER:
		return "developer";
	case ROLE_ASSISTANT:
		return "assistant";
	case ROLE_USER:
	case ROLE_TOOL:
		break;
	}
	return "user";
}

static void open_item(struct request_out *w)
{
	out_object(w->o);
	out_key(w->o, "role"), out_lit(w->o, role_name(w->role));
	out_key(w->o, "content");
}

static void open_message(struct request_out *w)
{
	if (w->open)
		return;
	w->open = true;
	open_item(w);
	out_array(w->o);
}

static void close_message(struct request_out *w)
{
	if (!w->open)
		return;
	w->open = false;
	out_close(w->o);
	out_close(w->o);
}

static void write_call(struct request_out *w, const struct chat_call *c)
{
	out_object(w->o);
	out_key(w->o, "type"), out_lit(w->o, c->custom ? "custom_tool_call" : "function_call");
	out_key(w->o, "call_id"), out_text(w->o, c->id);
	out_key(w->o, "name"), out_text(w->o, c->name);
	out_key(w->o, c->custom ? "input" : "arguments");
	out_str(w->o, c->args.n > 0 || c->custom ? c->args : LIT("{}"));
	out_close(w->o);
}

static void write_thoughts(struct request_out *w, const char *list, const char *type,
			   struct json_text text)
{
	out_key(w->o, list), out_array(w->o);
	if (!json_text_empty(text)) {
		out_object(w->o);
		out_key(w->o, "type"), out_lit(w->o, type);
		out_key(w->o, "text"), out_text(w->o, text);
		out_close(w->o);
	}
	out_close(w->o);
}

/* One of our items with both a summary and the reasoning was read as two parts. */
static const struct chat_part *other_half(const struct request_out *w,
					  const struct chat_part *p)
{
	const struct chat_part *q = p->next;

	if (!is_own(w->r) || q == NULL || q->kind != PART_REASONING ||
	    !p->u.reasoning.summary || json_text_empty(p->u.reasoning.id) ||
	    !slice_eq(p->u.reasoning.id.s, q->u.reasoning.id.s))
		return NULL;
	return q;
}

static void write_reasoning_item(struct request_out *w, const struct chat_reasoning *t,
				 struct json_text summary)
{
	bool sealed = t->encrypted.issuer.n > 0;
	struct json_text id = t->id, content = t->encrypted.data, none = { { NULL, 0 } };
	/* What a client of another dialect brought back was a summary here. */
	bool as_summary = t->summary || sealed;

	if (sealed)
		responses_split_id(t->encrypted.data, &id, &content);
	out_object(w->o);
	out_key(w->o, "type"), out_lit(w->o, "reasoning");
	if (!json_text_empty(id)) {
		out_key(w->o, "id");
		out_text(w->o, id);
	}
	write_thoughts(w, "summary", "summary_text",
		       !json_text_empty(summary) ? summary
		       : as_summary              ? t->text
						 : none);
	if (!as_summary && !json_text_empty(t->text))
		write_thoughts(w, "content", "reasoning_text", t->text);
	if (!json_text_empty(content)) {
		out_key(w->o, "encrypted_content");
		out_text(w->o, content);
	}
	out_close(w->o);
}

static void write_reasoning(struct request_out *w, const struct chat_reasoning *t,
			    struct json_text summary)
{
	bool own = is_own(w->r);
	bool plain = own && json_text_empty(t->signature.data) &&
		     json_text_empty(t->encrypted.data);

	if (plain || opaque_for(&t->encrypted, w->t->provider, own))
		write_reasoning_item(w, t, summary);
	else
		lost_param(w->lost, "reasoning");
}

/* ---- results ----------------------------------------------------------------------------- */

/* What other dialects give as JSON is told as its text. */
static bool is_json(const struct request_out *w, const struct chat_part *p)
{
	return !is_own(w->r) && p->kind == PART_OTHER && p->u.other.what != NULL &&
	       strcmp(p->u.other.what, "json") == 0;
}

static void write_words(struct request_out *w, struct slice plain)
{
	out_object(w->o);
	out_key(w->o, "type"), out_lit(w->o, "input_text");
	out_key(w->o, "text"), out_str(w->o, plain);
	out_close(w->o);
}

static void write_output(struct request_out *w, const struct chat_result *res)
{
	const struct chat_part *p = res->parts;

	out_array(w->o);
	if (res->is_error)
		write_words(w, LIT("Error: "));
	for (; p != NULL; p = p->next) {
		if (is_json(w, p))
			write_words(w, p->u.other.raw);
		else if (is_content(w, p))
			write_content(w, p);
	}
	out_close(w->o);
}

static void write_result(struct request_out *w, const struct chat_result *res)
{
	const struct chat_call *call = w->custom ? chat_call_find(w->r, res->call_id) : NULL;
	const struct chat_part *p = res->parts;
	bool text = p != NULL && p->next == NULL && p->kind == PART_TEXT &&
		    p->cache == CACHE_NONE;

	out_object(w->o);
	out_key(w->o, "type");
	out_lit(w->o, call != NULL && call->custom ? "custom_tool_call_output"
						   : "function_call_output");
	out_key(w->o, "call_id"), out_text(w->o, res->call_id);
	out_key(w->o, "output");
	if (p != NULL && !text) {
		write_output(w, res);
	} else {
		/* There is no place for "this is an error" but the words. */
		out_text_open(w->o);
		if (res->is_error)
			out_text_part(w->o, JTEXT("Error: "));
		if (text)
			out_text_part(w->o, p->u.text);
		out_text_close(w->o);
	}
	out_close(w->o);
}

/* ---- the whole --------------------------------------------------------------------------- */

/* A text with nothing beside it in its message needs no list. */
static bool stands_alone(const struct request_out *w, const struct chat_part *p)
{
	const struct chat_part *next = p->next;

	return !w->open && p->kind == PART_TEXT && p->cache == CACHE_NONE &&
	       (next == NULL || next->kind == PART_TOOL_CALL || next->kind == PART_REASONING);
}

/* Returns the last part that was written. */
static const struct chat_part *write_part(struct request_out *w, const struct chat_part *p)
{
	const struct json_text none = { { NULL, 0 } };
	const struct chat_part *half;

	/* Calls often come with an empty text beside them. */
	if (p->kind == PART_TEXT && w->role == ROLE_ASSISTANT && json_text_empty(p->u.text))
		return p;
	if (stands_alone(w, p)) {
		open_item(w);
		out_text(w->o, p->u.text);
		out_close(w->o);
		return p;
	}
	if (is_content(w, p)) {
		open_message(w);
		write_content(w, p);
		return p;
	}
	if (p->kind == PART_REASONING) {
		close_message(w);
		half = other_half(w, p);
		write_reasoning(w, half != NULL ? &half->u.reasoning : &p->u.reasoning,
				half != NULL ? p->u.reasoning.text : none);
		return half != NULL ? half : p;
	}
	if (p->kind == PART_TOOL_CALL) {
		close_message(w);
		write_call(w, &p->u.call);
	} else if (p->kind == PART_TOOL_RESULT) {
		close_message(w);
		write_result(w, &p->u.result);
	} else if (p->kind == PART_OTHER && is_own(w->r)) {
		close_message(w);
		out_json(w->o, p->u.other.raw);
	}
	return p;
}

void write_input(struct request_out *w, bool skip_first)
{
	const struct chat_message *m = w->r->messages;

	if (skip_first)
		m = m->next;
	w->message = skip_first ? 1 : 0;
	out_array(w->o);
	for (; m != NULL; m = m->next, w->message++) {
		w->role = m->role;
		w->part = 0;
		if (!json_text_empty(m->name))
			lost_param(w->lost, "name");
		for (const struct chat_part *p = m->parts; p != NULL; p = p->next, w->part++)
			p = write_part(w, p);
		close_message(w);
	}
	out_close(w->o);
}
