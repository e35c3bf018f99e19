/* The messages of a request, as OpenAI and its compatible servers take them. */
#include "chat/openai/parts.h"
#include "chat/openai/writing.h"

#include "chat/openai.h"

/* ---- parts ------------------------------------------------------------------ */

static bool marks_cache(const struct writing *w)
{
	return w->own || quirk(w, QUIRK_CACHE_MARKS);
}

static void cache_out(struct writing *w, enum cache_mark mark)
{
	if (mark == CACHE_NONE || !marks_cache(w))
		return;
	if (w->own && mark != CACHE_DEFAULT) { /* it came in this form */
		out_key(w->o, "cache_control");
		out_object(w->o);
		out_key(w->o, "type"), out_lit(w->o, "ephemeral");
		out_key(w->o, "ttl"), out_lit(w->o, mark == CACHE_1H ? "1h" : "5m");
		out_close(w->o);
		return;
	}
	if (mark == CACHE_1H) /* OpenAI keeps it for half an hour */
		lost_param(w->lost, "cache_control.ttl");
	out_key(w->o, "prompt_cache_breakpoint");
	out_object(w->o);
	out_key(w->o, "mode"), out_lit(w->o, "explicit");
	out_close(w->o);
}

static void part_open(struct writing *w, const char *type)
{
	out_object(w->o);
	out_key(w->o, "type"), out_lit(w->o, type);
}

static void part_close(struct writing *w, enum cache_mark mark)
{
	cache_out(w, mark);
	out_close(w->o);
}

static void text_out(struct writing *w, struct json_text text, enum cache_mark mark)
{
	part_open(w, "text");
	out_key(w->o, "text"), out_text(w->o, text);
	part_close(w, mark);
}

static void refuse_url(struct writing *w, const char *what)
{
	if (w->rc == OK)
		w->rc = refuse_request(w->why, "unsupported_value", NULL,
				       "This deployment takes %s as bytes only, not by URL.",
				       what);
}

static void image_out(struct writing *w, const struct chat_part *p, size_t m, size_t i)
{
	const struct chat_media *media = &p->u.media;

	if (media->source == MEDIA_FILE) {
		lost_content(w->lost, m, i, "image by file id");
		return;
	}
	if (media->source == MEDIA_URL && quirk(w, QUIRK_INLINE_MEDIA)) {
		refuse_url(w, "images");
		return;
	}
	part_open(w, "image_url");
	out_key(w->o, "image_url");
	out_object(w->o);
	out_key(w->o, "url"), chat_media_url_out(w->o, media);
	if (!json_text_empty(media->detail))
		out_key(w->o, "detail"), out_text(w->o, media->detail);
	out_close(w->o);
	part_close(w, p->cache);
}

static void audio_out(struct writing *w, const struct chat_part *p, size_t m, size_t i)
{
	const struct chat_media *media = &p->u.media;
	struct slice format = chat_media_format(media->mime), after;

	if (media->source == MEDIA_URL) {
		refuse_url(w, "audio");
		return;
	}
	if (media->source != MEDIA_INLINE) {
		lost_content(w->lost, m, i, "audio by file id");
		return;
	}
	if (format.n == 0) { /* not one of the usual: what is after "audio/" */
		slice_cut(media->mime, '/', NULL, &after);
		format = after;
	}
	part_open(w, "input_audio");
	out_key(w->o, "input_audio");
	out_object(w->o);
	out_key(w->o, "data"), out_text(w->o, (struct json_text){ media->data });
	out_key(w->o, "format"), out_str(w->o, format);
	out_close(w->o);
	part_close(w, p->cache);
}

/* A document that is text is said as text, under its title. */
static void text_document_out(struct writing *w, const struct chat_part *p)
{
	const struct chat_media *d = &p->u.media;
	const struct json_text heads[] = {
		json_text_empty(d->title) ? d->name : d->title,
		d->context,
	};

	part_open(w, "text");
	out_key(w->o, "text");
	out_text_open(w->o);
	for (size_t i = 0; i < ARRAY_LEN(heads); i++) {
		if (json_text_empty(heads[i]))
			continue;
		out_text_part(w->o, heads[i]);
		out_str_part(w->o, LIT("\n\n"));
	}
	out_text_part(w->o, d->url);
	out_text_close(w->o);
	part_close(w, p->cache);
}

static void document_out(struct writing *w, const struct chat_part *p, size_t m, size_t i)
{
	const struct chat_media *d = &p->u.media;

	if (d->citations)
		lost_param(w->lost, "citations");
	if (d->source == MEDIA_TEXT) {
		text_document_out(w, p);
		return;
	}
	if (d->source == MEDIA_URL) {
		refuse_url(w, "documents");
		return;
	}
	if (d->source == MEDIA_FILE && !w->own) {
		lost_content(w->lost, m, i, "document by file id");
		return;
	}
	if (!json_text_empty(d->context))
		lost_content(w->lost, m, i, "context of a document");
	part_open(w, "file");
	out_key(w->o, "file");
	out_object(w->o);
	if (d->source == MEDIA_FILE) {
		out_key(w->o, "file_id"), out_text(w->o, d->url);
	} else { /* OpenAI wants a name with the data */
		struct json_text name = json_text_empty(d->name) ? d->title : d->name;

		out_key(w->o, "filename");
		out_text(w->o, json_text_empty(name) ? JTEXT("document.pdf") : name);
		out_key(w->o, "file_data"), chat_media_url_out(w->o, d);
	}
	out_close(w->o);
	part_close(w, p->cache);
}

static bool is_json(const struct chat_part *p)
{
	return p->kind == PART_OTHER && slice_eq(slice_cstr(p->u.other.what), LIT("json"));
}

/* One element of a content array, or nothing and it is lost. */
static void part_out(struct writing *w, const struct chat_part *p, size_t m, size_t i)
{
	switch (p->kind) {
	case PART_TEXT:
	case PART_REFUSAL:
		if (!json_text_empty(p->u.text))
			text_out(w, p->u.text, p->cache);
		break;
	case PART_IMAGE:
		image_out(w, p, m, i);
		break;
	case PART_AUDIO:
		audio_out(w, p, m, i);
		break;
	case PART_DOCUMENT:
		document_out(w, p, m, i);
		break;
	case PART_VIDEO:
		lost_content(w->lost, m, i, "video");
		break;
	case PART_OTHER:
		if (is_json(p))
			text_out(w, json_text_encode(p->u.other.raw, w->o->a), p->cache);
		else if (w->own)
			out_json(w->o, p->u.other.raw);
		else
			lost_content(w->lost, m, i, p->u.other.what);
		break;
	case PART_TOOL_CALL:
	case PART_TOOL_RESULT:
	case PART_REASONING:
		lost_content(w->lost, m, i, "part of another role");
		break;
	}
}

/* ---- contents --------------------------------------------------------------- */

static bool is_media(const struct chat_part *p)
{
	return p->kind == PART_IMAGE || p->kind == PART_AUDIO || p->kind == PART_DOCUMENT ||
	       p->kind == PART_VIDEO;
}

/* The parts of the messages from `m` up to `until`, looked at before they are written. */
struct content {
	size_t texts; /* that are not empty */
	bool others;  /* that only an array can hold */
	bool marks;
};

static struct content look_at(const struct writing *w, const struct chat_part *p)
{
	struct content c = { 0 };

	for (; p != NULL; p = p->next) {
		const bool text = p->kind == PART_TEXT || p->kind == PART_REFUSAL;

		c.texts += (text && !json_text_empty(p->u.text)) || is_json(p) ? 1 : 0;
		c.others |= is_media(p) || (p->kind == PART_OTHER && !is_json(p) && w->own);
		c.marks |= p->cache != CACHE_NONE;
	}
	return c;
}

/* All texts as one string. */
static void string_out(struct writing *w, const struct chat_message *m,
		       const struct chat_message *until, struct slice before)
{
	bool first = true;

	out_text_open(w->o);
	out_str_part(w->o, before);
	for (; m != until; m = m->next) {
		for (const struct chat_part *p = m->parts; p != NULL; p = p->next) {
			const bool json = is_json(p);

			if (p->kind != PART_TEXT && p->kind != PART_REFUSAL && !json)
				continue;
			if (!first)
				out_str_part(w->o, LIT("\n\n"));
			first = false;
			if (json)
				out_str_part(w->o, p->u.other.raw);
			else
				out_text_part(w->o, p->u.text);
		}
	}
	out_text_close(w->o);
}

/* The content of user and system messages: of one, or of neighbours that are joined. */
static void content_out(struct writing *w, const struct chat_message *from,
			const struct chat_message *until, size_t index)
{
	struct content all = { 0 };

	for (const struct chat_message *m = from; m != until; m = m->next) {
		struct content c = look_at(w, m->parts);

		all.texts += c.texts;
		all.others |= c.others;
		all.marks |= c.marks;
	}
	if (all.marks && !marks_cache(w))
		lost_param(w->lost, "cache_control");
	out_key(w->o, "content");
	if (!all.others && !(all.marks && marks_cache(w)) &&
	    (all.texts <= 1 || quirk(w, QUIRK_STRING_CONTENT))) {
		/* What is lost of it is named. */
		for (const struct chat_message *m = from; m != until; m = m->next) {
			size_t i = 0;

			for (const struct chat_part *p = m->parts; p != NULL; p = p->next, i++)
				if (p->kind == PART_OTHER && !is_json(p))
					lost_content(w->lost, index, i, p->u.other.what);
			index++;
		}
		string_out(w, from, until, (struct slice){ NULL, 0 });
		return;
	}
	out_array(w->o);
	for (const struct chat_message *m = from; m != until; m = m->next, index++) {
		size_t i = 0;

		for (const struct chat_part *p = m->parts; p != NULL; p = p->next)
			part_out(w, p, index, i++);
	}
	out_close(w->o);
}

/* ---- ids of calls ----------------------------------------------------------- */

static void id_out(struct writing *w, struct json_text id)
{
	if (quirk(w, QUIRK_SHORT_IDS))
		out_str(w->o, openai_short_id(json_text_plain(id, w->o->a), w->o->a));
	else
		out_text(w->o, id);
}

/* ---- what an assistant said ------------------------------------------------- */

static bool state_for(const struct writing *w, const struct chat_opaque *o)
{
	return opaque_for(o, w->t->provider, w->own);
}

/* Those who do not ask for earlier reasoning may refuse it: they get back what has state of
 * their own, or what the client wrote in this very dialect. */
static bool reasoning_goes(const struct writing *w, const struct chat_reasoning *g)
{
	const bool own = w->own && g->signature.issuer.n == 0 && g->encrypted.issuer.n == 0;

	return own || quirk(w, QUIRK_REASONING_NAME) || quirk(w, QUIRK_REASONING_TURNS) ||
	       state_for(w, &g->signature) || state_for(w, &g->encrypted);
}

static void detail_out(struct writing *w, const struct chat_reasoning *g, size_t index)
{
	const bool signs = state_for(w, &g->signature), hides = state_for(w, &g->encrypted);

	out_object(w->o);
	out_key(w->o, "type");
	out_lit(w->o, hides        ? "reasoning.encrypted"
		      : g->summary ? "reasoning.summary"
				   : "reasoning.text");
	if (hides)
		out_key(w->o, "data"), out_text(w->o, g->encrypted.data);
	else
		out_key(w->o, g->summary ? "summary" : "text"), out_text(w->o, g->text);
	if (signs && !hides)
		out_key(w->o, "signature"), out_text(w->o, g->signature.data);
	if (!json_text_empty(g->id))
		out_key(w->o, "id"), out_text(w->o, g->id);
	out_key(w->o, "index"), out_u64(w->o, index);
	out_close(w->o);
}

static void reasoning_out(struct writing *w, const struct chat_message *m)
{
	bool goes = false, details = false;
	size_t i = 0;

	for (const struct chat_part *p = m->parts; p != NULL; p = p->next) {
		if (p->kind != PART_REASONING)
			continue;
		if (!reasoning_goes(w, &p->u.reasoning)) {
			lost_param(w->lost, "reasoning");
			continue;
		}
		goes |= !json_text_empty(p->u.reasoning.text);
		details |= state_for(w, &p->u.reasoning.signature) ||
			   state_for(w, &p->u.reasoning.encrypted);
	}
	if (goes || quirk(w, QUIRK_REASONING_TURNS)) {
		out_key(w->o,
			quirk(w, QUIRK_REASONING_NAME) ? "reasoning" : "reasoning_content");
		out_text_open(w->o);
		for (const struct chat_part *p = m->parts; p != NULL; p = p->next)
			if (p->kind == PART_REASONING && reasoning_goes(w, &p->u.reasoning))
				out_text_part(w->o, p->u.reasoning.text);
		out_text_close(w->o);
	}
	if (!details)
		return;
	out_key(w->o, "reasoning_details");
	out_array(w->o);
	for (const struct chat_part *p = m->parts; p != NULL; p = p->next)
		if (p->kind == PART_REASONING && reasoning_goes(w, &p->u.reasoning))
			detail_out(w, &p->u.reasoning, i++);
	out_close(w->o);
}

static void google_out(struct writing *w, const struct chat_opaque *signature)
{
	if (!state_for(w, signature))
		return;
	out_key(w->o, "extra_content");
	out_object(w->o);
	out_key(w->o, "google");
	out_object(w->o);
	out_key(w->o, "thought_signature"), out_text(w->o, signature->data);
	out_close(w->o);
	out_close(w->o);
}

static void call_out(struct writing *w, const struct chat_part *p)
{
	const struct chat_call *c = &p->u.call;
	const char *type = c->custom ? "custom" : "function";

	out_object(w->o);
	out_key(w->o, "id"), id_out(w, c->id);
	out_key(w->o, "type"), out_lit(w->o, type);
	out_key(w->o, type);
	out_object(w->o);
	out_key(w->o, "name"), out_text(w->o, c->name);
	if (c->custom)
		out_key(w->o, "input"), out_str(w->o, c->args);
	else
		out_key(w->o, "arguments"), out_str(w->o, c->args.n > 0 ? c->args : LIT("{}"));
	out_close(w->o);
	google_out(w, &p->signature);
	out_close(w->o);
}

/* Parts of this dialect that are not known here: as they came, in an array. */
static bool has_unknown(const struct writing *w, const struct chat_message *m)
{
	for (const struct chat_part *p = m->parts; w->own && p != NULL; p = p->next)
		if (p->kind == PART_OTHER &&
		    !slice_eq(slice_cstr(p->u.other.what), LIT(OPENAI_AUDIO_ID)))
			return true;
	return false;
}

static void said_out(struct writing *w, const struct chat_message *m, size_t index)
{
	bool texts = false, calls = false, marks = false;
	const bool array = has_unknown(w, m);
	size_t i = 0;

	for (const struct chat_part *p = m->parts; p != NULL; p = p->next, i++) {
		texts |= p->kind == PART_TEXT && !json_text_empty(p->u.text);
		calls |= p->kind == PART_TOOL_CALL;
		marks |= p->cache != CACHE_NONE;
		if (is_media(p) && !(w->own && p->kind == PART_IMAGE))
			lost_content(w->lost, index, i, "media in an assistant's message");
		else if (p->kind == PART_OTHER && !w->own)
			lost_content(w->lost, index, i, p->u.other.what);
	}
	if (marks && !(array && marks_cache(w)))
		lost_param(w->lost, "cache_control");
	out_key(w->o, "content");
	if (!texts && !array && calls) {
		out_null(w->o);
		return;
	}
	if (array)
		out_array(w->o);
	else
		out_text_open(w->o);
	i = 0;
	for (const struct chat_part *p = m->parts; p != NULL; p = p->next, i++) {
		if (array && (p->kind == PART_TEXT ||
			      (p->kind == PART_OTHER &&
			       !slice_eq(slice_cstr(p->u.other.what), LIT(OPENAI_AUDIO_ID)))))
			part_out(w, p, index, i);
		else if (!array && p->kind == PART_TEXT)
			out_text_part(w->o, p->u.text);
	}
	if (array)
		out_close(w->o);
	else
		out_text_close(w->o);
}

static void calls_out(struct writing *w, const struct chat_message *m)
{
	bool open = false;

	for (const struct chat_part *p = m->parts; p != NULL; p = p->next) {
		if (p->kind != PART_TOOL_CALL)
			continue;
		if (!open) {
			out_key(w->o, "tool_calls");
			out_array(w->o);
			open = true;
		}
		call_out(w, p);
	}
	if (open)
		out_close(w->o);
}

/* What an assistant's message has beside its content. */
static void beside_out(struct writing *w, const struct chat_message *m, size_t index)
{
	const struct chat_part *signed_text = NULL;
	bool refused = false, images = false;
	size_t i = 0;

	for (const struct chat_part *p = m->parts; p != NULL; p = p->next) {
		refused |= p->kind == PART_REFUSAL;
		images |= w->own && p->kind == PART_IMAGE;
		if (p->kind == PART_TEXT && !json_text_empty(p->signature.data))
			signed_text = p;
		if (w->own && p->kind == PART_OTHER &&
		    slice_eq(slice_cstr(p->u.other.what), LIT(OPENAI_AUDIO_ID)))
			out_key(w->o, "audio"), out_json(w->o, p->u.other.raw);
	}
	if (refused) {
		out_key(w->o, "refusal");
		out_text_open(w->o);
		for (const struct chat_part *p = m->parts; p != NULL; p = p->next)
			if (p->kind == PART_REFUSAL)
				out_text_part(w->o, p->u.text);
		out_text_close(w->o);
	}
	if (images) {
		out_key(w->o, "images");
		out_array(w->o);
		for (const struct chat_part *p = m->parts; p != NULL; p = p->next, i++)
			if (p->kind == PART_IMAGE)
				image_out(w, p, index, i);
		out_close(w->o);
	}
	if (signed_text != NULL)
		google_out(w, &signed_text->signature);
}

static void name_out(struct writing *w, const struct chat_message *m)
{
	if (json_text_empty(m->name))
		return;
	if (quirk(w, QUIRK_NO_NAMES))
		lost_param(w->lost, "messages.name");
	else
		out_key(w->o, "name"), out_text(w->o, m->name);
}

static void assistant_out(struct writing *w, const struct chat_message *m, size_t index)
{
	out_object(w->o);
	out_key(w->o, "role"), out_lit(w->o, "assistant");
	name_out(w, m);
	reasoning_out(w, m);
	said_out(w, m, index);
	beside_out(w, m, index);
	calls_out(w, m);
	out_close(w->o);
}

/* ---- tool results ----------------------------------------------------------- */

/* There is no place for "this is an error" but the words. */
static struct slice error_words(const struct chat_result *res)
{
	return res->is_error ? LIT("Error: ") : (struct slice){ NULL, 0 };
}

static void result_out(struct writing *w, const struct chat_part *p, size_t index, size_t i)
{
	const struct chat_result *res = &p->u.result;
	const struct chat_message inner = { .parts = res->parts };
	struct content c = look_at(w, res->parts);

	if ((c.marks || p->cache != CACHE_NONE) && !(marks_cache(w) && c.marks))
		lost_param(w->lost, "cache_control");
	out_object(w->o);
	out_key(w->o, "role"), out_lit(w->o, "tool");
	out_key(w->o, "tool_call_id"), id_out(w, res->call_id);
	out_key(w->o, "content");
	if (c.texts <= 1 || quirk(w, QUIRK_STRING_CONTENT)) {
		string_out(w, &inner, NULL, error_words(res));
	} else {
		out_array(w->o);
		if (res->is_error)
			text_out(w, JTEXT("Error: "), CACHE_NONE);
		for (const struct chat_part *q = res->parts; q != NULL; q = q->next)
			if (q->kind == PART_TEXT || is_json(q))
				part_out(w, q, index, i);
		out_close(w->o);
	}
	for (const struct chat_part *q = res->parts; q != NULL; q = q->next)
		if (q->kind == PART_OTHER && !is_json(q))
			lost_content(w->lost, index, i, q->u.other.what);
	out_close(w->o);
}

/* Results can be text only here: media follow as the user's, after the last result. */
static void result_media_out(struct writing *w, const struct chat_message *from,
			     const struct chat_message *until, size_t index)
{
	bool open = false;

	for (const struct chat_message *m = from; m != until; m = m->next, index++) {
		size_t i = 0;

		for (const struct chat_part *p = m->parts; p != NULL; p = p->next, i++) {
			const struct chat_part *q = p->u.result.parts;

			if (p->kind != PART_TOOL_RESULT)
				continue;
			while (q != NULL && !is_media(q))
				q = q->next;
			if (q == NULL)
				continue;
			if (!open) {
				out_object(w->o);
				out_key(w->o, "role"), out_lit(w->o, "user");
				out_key(w->o, "content");
				out_array(w->o);
				open = true;
			}
			part_open(w, "text");
			out_key(w->o, "text");
			out_text_open(w->o);
			out_str_part(w->o, LIT("Of the result of tool call "));
			out_text_part(w->o, p->u.result.call_id);
			out_str_part(w->o, LIT(":"));
			out_text_close(w->o);
			out_close(w->o);
			for (; q != NULL; q = q->next)
				if (is_media(q))
					part_out(w, q, index, i);
		}
	}
	if (open) {
		out_close(w->o);
		out_close(w->o);
	}
}

/* ---- messages --------------------------------------------------------------- */

static const char *role_name(const struct writing *w, enum chat_role role)
{
	if (role == ROLE_USER)
		return "user";
	/* Most compatible servers do not know developers, and OpenAI takes the one for the
	 * other. */
	return role == ROLE_DEVELOPER && w->own ? "developer" : "system";
}

/* The first message after `m` that is not written together with it. */
static const struct chat_message *run_end(const struct writing *w, const struct chat_message *m)
{
	const struct chat_message *end = m->next;
	const bool joins = m->role == ROLE_TOOL ||
			   (quirk(w, QUIRK_ALTERNATE) && m->role != ROLE_ASSISTANT);

	while (joins && end != NULL && end->role == m->role)
		end = end->next;
	return end;
}

static void run_out(struct writing *w, const struct chat_message *m,
		    const struct chat_message *until, size_t index)
{
	const struct chat_message *from = m;
	const size_t first = index;

	if (m->role == ROLE_ASSISTANT) {
		assistant_out(w, m, index);
	} else if (m->role == ROLE_TOOL) {
		for (; m != until; m = m->next, index++) {
			size_t i = 0;

			for (const struct chat_part *p = m->parts; p != NULL; p = p->next, i++)
				if (p->kind == PART_TOOL_RESULT)
					result_out(w, p, index, i);
		}
		result_media_out(w, from, until, first);
	} else {
		out_object(w->o);
		out_key(w->o, "role"), out_lit(w->o, role_name(w, m->role));
		name_out(w, m);
		content_out(w, m, until, index);
		out_close(w->o);
	}
}

void openai_messages_write(struct writing *w)
{
	const struct chat_message *m = w->r->messages, *until;
	size_t index = 0;

	out_key(w->o, "messages");
	out_array(w->o);
	while (m != NULL) {
		until = run_end(w, m);
		run_out(w, m, until, index);
		for (; m != until; m = m->next)
			index++;
	}
	out_close(w->o);
}
