#include "chat/gemini/writer.h"

#include "chat/gemini/reader.h"
#include "chat/opaque.h"

/* ---- parts ----------------------------------------------------------------------------- */

static void content_close(struct gemini_write *w)
{
	if (w->role == ROLE_SYSTEM)
		return;
	out_close(w->o);
	out_close(w->o);
	w->role = ROLE_SYSTEM;
}

/* A part goes into the content of its role: neighbours of one role are one content. */
static void content_open(struct gemini_write *w, enum chat_role role)
{
	if (w->role == role)
		return;
	content_close(w);
	out_object(w->o);
	out_key(w->o, "role");
	out_lit(w->o, role == ROLE_ASSISTANT ? "model" : "user");
	out_key(w->o, "parts");
	out_array(w->o);
	w->role = role;
	w->called = false;
}

static void part_open(struct gemini_write *w, enum chat_role role)
{
	content_open(w, role);
	out_object(w->o);
}

static bool sendable(const struct gemini_write *w, const struct chat_opaque *o)
{
	return opaque_for(o, w->t->provider, w->own);
}

static void signature(struct gemini_write *w, const struct chat_opaque *o)
{
	if (!sendable(w, o))
		return;
	out_key(w->o, "thoughtSignature");
	out_text(w->o, o->data);
}

static void text_part(struct gemini_write *w, enum chat_role role, struct json_text text,
		      const struct chat_opaque *o)
{
	if (json_text_empty(text) && (o == NULL || !sendable(w, o)))
		return;
	part_open(w, role);
	out_key(w->o, "text");
	out_text(w->o, text);
	if (o != NULL)
		signature(w, o);
	out_close(w->o);
}

static struct slice mime_of(const struct chat_media *m, enum part_kind kind)
{
	struct slice mime = m->mime;

	if (mime.n == 0 && m->source == MEDIA_INLINE)
		mime = chat_media_sniff(m->data);
	if (mime.n > 0 || m->source != MEDIA_INLINE)
		return mime;
	return kind == PART_IMAGE   ? LIT("image/png")
	       : kind == PART_AUDIO ? LIT("audio/wav")
	       : kind == PART_VIDEO ? LIT("video/mp4")
				    : LIT("application/pdf");
}

/* Where the bytes of a medium by URL are Google's to find; false: lost or refused. */
static bool media_takes(struct gemini_write *w, const struct chat_part *p, size_t i)
{
	const struct chat_media *m = &p->u.media;

	if (m->source == MEDIA_INLINE || m->source == MEDIA_TEXT)
		return true;
	if (gemini_own_uri(m->url, w->o->a) || (m->source == MEDIA_FILE && w->own))
		return true;
	if (m->source == MEDIA_FILE) {
		lost_content(w->lost, w->at, i, "file");
	} else if (w->rc == OK) {
		struct slice path = arena_fmt(w->o->a, "messages[%zu].content[%zu]", w->at, i);

		w->rc = refuse_request(w->why, "media_url", arena_cstr(w->o->a, path),
				       "The model takes media as bytes, not by URL.");
	}
	return false;
}

/* The member of a part: inlineData or fileData. */
static void media_member(struct gemini_write *w, const struct chat_part *p)
{
	const struct chat_media *m = &p->u.media;
	struct slice mime = mime_of(m, p->kind);

	out_key(w->o, m->source == MEDIA_INLINE ? "inlineData" : "fileData");
	out_object(w->o);
	if (mime.n > 0)
		out_key(w->o, "mimeType"), out_str(w->o, mime);
	if (m->source == MEDIA_INLINE) {
		out_key(w->o, "data");
		out_text(w->o, (struct json_text){ m->data });
	} else {
		out_key(w->o, "fileUri");
		out_text(w->o, m->url);
	}
	out_close(w->o);
}

static void media_part(struct gemini_write *w, enum chat_role role, const struct chat_part *p,
		       size_t i)
{
	const struct chat_media *m = &p->u.media;

	if (!media_takes(w, p, i))
		return;
	if (m->citations)
		lost_param(w->lost, "citations");
	if (!json_text_empty(m->detail) && !json_text_is(m->detail, LIT("auto")))
		lost_param(w->lost, "detail");
	if (m->source == MEDIA_TEXT) {
		text_part(w, role, m->title, NULL);
		text_part(w, role, m->context, NULL);
		text_part(w, role, m->url, NULL);
		return;
	}
	part_open(w, role);
	media_member(w, p);
	out_close(w->o);
}

/* ---- calls ----------------------------------------------------------------------------- */

static void args(struct gemini_write *w, const struct chat_call *c)
{
	out_key(w->o, "args");
	if (!c->custom && c->args.n > 0 && c->args_ok) {
		out_json(w->o, c->args);
		return;
	}
	/* What is no object is put into one: Gemini takes nothing else. */
	out_object(w->o);
	if (c->args.n > 0) {
		out_key(w->o, c->custom ? "input" : "_raw");
		out_str(w->o, c->args);
	}
	out_close(w->o);
}

static void call_part(struct gemini_write *w, const struct chat_part *p)
{
	const struct chat_call *c = &p->u.call;

	part_open(w, ROLE_ASSISTANT);
	out_key(w->o, "functionCall");
	out_object(w->o);
	if (!w->t->vertex && !json_text_empty(c->id))
		out_key(w->o, "id"), out_text(w->o, c->id);
	out_key(w->o, "name"), out_text(w->o, c->name);
	args(w, c);
	out_close(w->o);
	if (sendable(w, &p->signature)) {
		signature(w, &p->signature);
	} else if (!w->called && !w->model.gemma && w->model.major >= 3) {
		/* The first call of a turn must have one: Google's word for those that were
		 * made elsewhere. */
		out_key(w->o, "thoughtSignature");
		out_lit(w->o, "skip_thought_signature_validator");
	}
	out_close(w->o);
	w->called = true;
}

static void thought_part(struct gemini_write *w, const struct chat_part *p)
{
	const struct chat_reasoning *x = &p->u.reasoning;
	const struct chat_opaque *o = sendable(w, &x->signature) ? &x->signature
								 : &x->encrypted;

	if (json_text_empty(x->text) && !sendable(w, o)) {
		if (!json_text_empty(x->encrypted.data))
			lost_param(w->lost, "reasoning");
		return;
	}
	part_open(w, ROLE_ASSISTANT);
	out_key(w->o, "text"), out_text(w->o, x->text);
	out_key(w->o, "thought"), out_bool(w->o, true);
	signature(w, o);
	out_close(w->o);
}

static void other_part(struct gemini_write *w, enum chat_role role, const struct chat_part *p,
		       size_t i)
{
	if (!w->own) {
		lost_content(w->lost, w->at, i, p->u.other.what);
		return;
	}
	content_open(w, role);
	out_json(w->o, p->u.other.raw);
}

static void parts(struct gemini_write *w, enum chat_role role, const struct chat_message *m)
{
	size_t i = 0;

	for (const struct chat_part *p = m->parts; p != NULL; p = p->next, i++) {
		if (p->cache != CACHE_NONE)
			lost_param(w->lost, "cache_control");
		switch (p->kind) {
		case PART_TEXT:
		case PART_REFUSAL:
			text_part(w, role, p->u.text, &p->signature);
			break;
		case PART_IMAGE:
		case PART_AUDIO:
		case PART_DOCUMENT:
		case PART_VIDEO:
			media_part(w, role, p, i);
			break;
		case PART_TOOL_CALL:
			call_part(w, p);
			break;
		case PART_REASONING:
			thought_part(w, p);
			break;
		case PART_OTHER:
			other_part(w, role, p, i);
			break;
		case PART_TOOL_RESULT: /* only in ROLE_TOOL: results() */
			break;
		}
	}
}

/* ---- results --------------------------------------------------------------------------- */

/* Says `response` by itself, without the key of Google's that the reader would look for. */
static bool plain_object(struct gemini_write *w, struct slice raw)
{
	struct fields f;

	return json_kind(raw) == JSON_OBJECT && fields_read(&f, raw, w->o->a) &&
	       !(f.n == 1 && (field(&f, "output") != NULL || field(&f, "result") != NULL ||
			      field(&f, "error") != NULL));
}

static bool is_text(const struct chat_part *p)
{
	return p->kind == PART_TEXT || p->kind == PART_REFUSAL ||
	       (p->kind == PART_DOCUMENT && p->u.media.source == MEDIA_TEXT);
}

static bool is_json(const struct chat_part *p)
{
	return p->kind == PART_OTHER && strcmp(p->u.other.what, "json") == 0;
}

static void response(struct gemini_write *w, const struct chat_result *res)
{
	const struct chat_part *json = NULL;
	size_t texts = 0;

	for (const struct chat_part *p = res->parts; p != NULL; p = p->next) {
		texts += is_text(p) || is_json(p);
		if (is_json(p))
			json = p;
	}
	out_key(w->o, "response");
	if (json != NULL && texts == 1 && !res->is_error &&
	    plain_object(w, json->u.other.raw)) {
		out_json(w->o, json->u.other.raw);
		return;
	}
	out_object(w->o);
	out_key(w->o, res->is_error ? "error" : "output");
	if (json != NULL && texts == 1) {
		out_json(w->o, json->u.other.raw);
	} else {
		out_text_open(w->o);
		for (const struct chat_part *p = res->parts; p != NULL; p = p->next) {
			if (is_json(p))
				out_str_part(w->o, p->u.other.raw);
			else if (is_text(p))
				out_text_part(w->o, p->kind == PART_DOCUMENT ? p->u.media.url
									     : p->u.text);
		}
		out_text_close(w->o);
	}
	out_close(w->o);
}

static bool is_media(const struct chat_part *p)
{
	return p->kind == PART_IMAGE || p->kind == PART_AUDIO || p->kind == PART_VIDEO ||
	       (p->kind == PART_DOCUMENT && p->u.media.source != MEDIA_TEXT);
}

/* Media inside a result, which Gemini takes from 3 on. */
static void response_media(struct gemini_write *w, const struct chat_result *res, size_t i)
{
	bool any = false;

	for (const struct chat_part *p = res->parts; p != NULL; p = p->next) {
		if (!is_media(p) || !media_takes(w, p, i))
			continue;
		if (!any) {
			out_key(w->o, "parts");
			out_array(w->o);
		}
		any = true;
		out_object(w->o);
		media_member(w, p);
		out_close(w->o);
	}
	if (any)
		out_close(w->o);
}

static void result(struct gemini_write *w, const struct chat_result *res, size_t i,
		   bool media_inside)
{
	struct json_text name = res->name;

	if (json_text_empty(name))
		name = json_text_empty(res->call_id) ? JTEXT("tool") : res->call_id;
	part_open(w, ROLE_USER);
	out_key(w->o, "functionResponse");
	out_object(w->o);
	if (!w->t->vertex && !json_text_empty(res->call_id))
		out_key(w->o, "id"), out_text(w->o, res->call_id);
	out_key(w->o, "name"), out_text(w->o, name);
	response(w, res);
	if (media_inside)
		response_media(w, res, i);
	out_close(w->o);
	out_close(w->o);
}

/* Neighbouring messages of results, up to `end`: the results first, then the media that have
 * no place in them. */
static void results(struct gemini_write *w, const struct chat_message *from,
		    const struct chat_message *end)
{
	const bool inside = !w->model.gemma && w->model.major >= 3;
	const size_t first = w->at;
	const struct chat_part *p, *in;
	size_t i;

	for (const struct chat_message *m = from; m != end; m = m->next, w->at++)
		for (p = m->parts, i = 0; p != NULL; p = p->next, i++) {
			if (p->cache != CACHE_NONE)
				lost_param(w->lost, "cache_control");
			if (p->kind != PART_TOOL_RESULT)
				continue;
			result(w, &p->u.result, i, inside);
			for (in = p->u.result.parts; in != NULL; in = in->next)
				if (!is_text(in) && !is_media(in) && !is_json(in))
					lost_content(w->lost, w->at, i,
						     in->kind == PART_OTHER ? in->u.other.what
									    : "part");
		}
	if (inside)
		return;
	w->at = first;
	for (const struct chat_message *m = from; m != end; m = m->next, w->at++)
		for (p = m->parts, i = 0; p != NULL; p = p->next, i++) {
			if (p->kind != PART_TOOL_RESULT)
				continue;
			for (in = p->u.result.parts; in != NULL; in = in->next)
				if (is_media(in))
					media_part(w, ROLE_USER, in, i);
		}
}

/* ---- contents -------------------------------------------------------------------------- */

static bool is_system(const struct chat_message *m)
{
	return m->role == ROLE_SYSTEM || m->role == ROLE_DEVELOPER;
}

/* The leading ones, as {parts}; what is no text has no place there.  Returns the first message
 * that is to go into contents. */
static const struct chat_message *system_write(struct gemini_write *w)
{
	const struct chat_message *m = w->r->messages, *rest = m;
	bool any = false;

	while (rest != NULL && is_system(rest))
		rest = rest->next;
	/* Gemma has none, and there must be something in contents. */
	if (w->model.gemma || rest == NULL)
		return m;
	for (; m != rest; m = m->next, w->at++) {
		size_t i = 0;

		for (const struct chat_part *p = m->parts; p != NULL; p = p->next, i++) {
			if (p->cache != CACHE_NONE)
				lost_param(w->lost, "cache_control");
			if (p->kind != PART_TEXT) {
				lost_content(w->lost, w->at, i, "in a system prompt");
				continue;
			}
			if (json_text_empty(p->u.text))
				continue;
			if (!any) {
				out_key(w->o, "systemInstruction");
				out_object(w->o);
				out_key(w->o, "parts");
				out_array(w->o);
			}
			any = true;
			out_object(w->o);
			out_key(w->o, "text"), out_text(w->o, p->u.text);
			out_close(w->o);
		}
	}
	if (any) {
		out_close(w->o);
		out_close(w->o);
	}
	return rest;
}

static void contents(struct gemini_write *w)
{
	const struct chat_message *m = system_write(w), *end;

	out_key(w->o, "contents");
	out_array(w->o);
	w->role = ROLE_SYSTEM;
	while (m != NULL) {
		if (!json_text_empty(m->name))
			lost_param(w->lost, "name");
		if (m->role != ROLE_TOOL) {
			parts(w, m->role == ROLE_ASSISTANT ? ROLE_ASSISTANT : ROLE_USER, m);
			m = m->next;
			w->at++;
			continue;
		}
		for (end = m; end != NULL && end->role == ROLE_TOOL; end = end->next)
			;
		results(w, m, end);
		m = end;
	}
	content_close(w);
	out_close(w->o);
}

/* ---- tools ----------------------------------------------------------------------------- */

static void declaration(struct gemini_write *w, const struct chat_tool *t)
{
	if (t->cache != CACHE_NONE)
		lost_param(w->lost, "cache_control");
	out_object(w->o);
	out_key(w->o, "name"), out_text(w->o, t->name);
	if (!json_text_empty(t->description))
		out_key(w->o, "description"), out_text(w->o, t->description);
	if (!gemini_schema_empty(t->schema, w->o->a))
		out_key(w->o, "parametersJsonSchema"), out_json(w->o, t->schema);
	out_close(w->o);
}

/* True: there are functions. */
static bool tools(struct gemini_write *w)
{
	bool functions = false, any = false;
	size_t i = 0;

	for (const struct chat_tool *t = w->r->tools; t != NULL; t = t->next, i++) {
		bool is_ours = t->kind == TOOL_HOSTED && w->own;

		functions |= t->kind == TOOL_FUNCTION;
		any |= is_ours;
		if (t->kind == TOOL_CUSTOM)
			lost_tool(w->lost, i, t->name);
		else if (t->kind == TOOL_HOSTED && !is_ours)
			lost_tool(w->lost, i, t->type);
	}
	if (!functions && !any)
		return false;
	out_key(w->o, "tools");
	out_array(w->o);
	if (functions) {
		out_object(w->o);
		out_key(w->o, "functionDeclarations");
		out_array(w->o);
		for (const struct chat_tool *t = w->r->tools; t != NULL; t = t->next)
			if (t->kind == TOOL_FUNCTION)
				declaration(w, t);
		out_close(w->o);
		out_close(w->o);
	}
	for (const struct chat_tool *t = w->r->tools; any && t != NULL; t = t->next)
		if (t->kind == TOOL_HOSTED)
			out_json(w->o, t->raw);
	out_close(w->o);
	return functions;
}

static bool strict(const struct chat_request *r)
{
	for (const struct chat_tool *t = r->tools; t != NULL; t = t->next)
		if (t->kind == TOOL_FUNCTION && t->strict == YES)
			return true;
	return false;
}

static const char *mode_of(const struct chat_request *r)
{
	const struct chat_choice *c = &r->choice;

	switch (c->kind) {
	case CHOICE_UNSET:
		return strict(r) ? "VALIDATED" : NULL;
	case CHOICE_AUTO:
		return strict(r) ? "VALIDATED" : "AUTO";
	case CHOICE_NONE:
		return "NONE";
	case CHOICE_REQUIRED:
	case CHOICE_NAMED:
		return "ANY";
	case CHOICE_ALLOWED: /* names go with ANY and VALIDATED only */
		return c->allowed_required ? "ANY" : "VALIDATED";
	}
	return NULL;
}

static bool has_extras(const struct gemini_write *w, const char *prefix)
{
	for (const struct chat_extra *x = w->own ? w->r->extras : NULL; x != NULL; x = x->next)
		if (slice_starts(x->key, slice_cstr(prefix)))
			return true;
	return false;
}

static void tool_config(struct gemini_write *w, bool functions)
{
	const struct chat_request *r = w->r;
	const char *mode = functions ? mode_of(r) : NULL;

	if (functions && r->parallel_tools == NO)
		lost_param(w->lost, "parallel_tool_calls");
	if (mode == NULL && !has_extras(w, TOOL_CONFIG))
		return;
	out_key(w->o, "toolConfig");
	out_object(w->o);
	if (mode != NULL) {
		out_key(w->o, "functionCallingConfig");
		out_object(w->o);
		out_key(w->o, "mode"), out_lit(w->o, mode);
		if (r->choice.names != NULL) {
			out_key(w->o, "allowedFunctionNames");
			out_array(w->o);
			for (const struct chat_name *n = r->choice.names; n != NULL;
			     n = n->next)
				out_text(w->o, n->name);
			out_close(w->o);
		}
		out_close(w->o);
	}
	gemini_extras_write(w, TOOL_CONFIG);
	out_close(w->o);
}

/* ---- the whole ------------------------------------------------------------------------- */

static void tier(struct gemini_write *w)
{
	const struct json_text t = w->r->service_tier;

	if (json_text_empty(t) || json_text_is(t, LIT("auto")))
		return;
	if (w->t->vertex) {
		if (!json_text_is(t, LIT("default")))
			lost_param(w->lost, "service_tier");
		return;
	}
	if (!json_text_is(t, LIT("default")) && !json_text_is(t, LIT("flex")) &&
	    !json_text_is(t, LIT("priority")) && !w->own) {
		lost_param(w->lost, "service_tier");
		return;
	}
	out_key(w->o, "serviceTier");
	out_text(w->o, json_text_is(t, LIT("default")) ? JTEXT("standard") : t);
}

/* What there is no word for. */
static void no_words(struct gemini_write *w)
{
	const struct chat_request *r = w->r;

	if (!json_text_empty(r->user))
		lost_param(w->lost, "user");
	if (!json_text_empty(r->cache_key))
		lost_param(w->lost, "prompt_cache_key");
	if (!json_text_empty(r->verbosity))
		lost_param(w->lost, "verbosity");
	if (r->store == YES)
		lost_param(w->lost, "store");
	if (r->metadata.n > 0 && !w->t->vertex && !w->own)
		lost_param(w->lost, "metadata");
	if (!w->own)
		lost_extras(w->lost, r);
}

static void request(struct gemini_write *w)
{
	bool functions;

	contents(w);
	functions = tools(w);
	tool_config(w, functions);
	gemini_config_write(w);
	tier(w);
	if (w->r->metadata.n > 0 && (w->t->vertex || w->own))
		out_key(w->o, "labels"), out_json(w->o, w->r->metadata);
	gemini_extras_write(w, "");
	no_words(w);
}

enum rc gemini_request_write(const struct chat_request *r, const struct chat_target *t,
			     struct json_out *out, struct chat_lost *lost,
			     struct chat_refusal *why)
{
	/* AI Studio counts what is more than contents in a request of this name only. */
	const bool inner = r->wants == CHAT_COUNT_TOKENS && !t->vertex;
	struct gemini_write w = {
		.r = r,
		.t = t,
		.o = out,
		.lost = lost,
		.why = why,
		.model = gemini_model_of(t->model),
		.own = r->dialect == &dialect_gemini,
		.role = ROLE_SYSTEM,
	};
	struct slice name = t->model;

	if (slice_starts(name, LIT("models/")))
		name = slice_skip(name, sizeof("models/") - 1);
	out_object(out);
	if (inner) {
		out_key(out, "generateContentRequest");
		out_object(out);
		out_key(out, "model");
		out_text_open(out);
		out_str_part(out, LIT("models/"));
		out_str_part(out, name);
		out_text_close(out);
	}
	request(&w);
	if (inner)
		out_close(out);
	out_close(out);
	if (!out_ok(out))
		return E_NOMEM;
	return w.rc;
}
