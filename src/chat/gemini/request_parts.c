#include "chat/gemini/reader.h"

#include "chat/opaque.h"

/* Calls without a result among which the one of a result without an id is looked for. */
enum { PENDING_LOOKS_MAX = 256 };

/* What a part is, by the member that is there. */
enum part_what {
	WHAT_NOTHING,
	WHAT_TEXT,
	WHAT_INLINE,
	WHAT_FILE,
	WHAT_CALL,
	WHAT_RESPONSE,
	WHAT_OTHER,
};

static const struct {
	const char *camel, *snake;
	enum part_what what;
} whats[] = {
	{ "text", "text", WHAT_TEXT },
	{ "inlineData", "inline_data", WHAT_INLINE },
	{ "fileData", "file_data", WHAT_FILE },
	{ "functionCall", "function_call", WHAT_CALL },
	{ "functionResponse", "function_response", WHAT_RESPONSE },
	/* Beside one of the others, or nothing that we must know. */
	{ "thought", "thought", WHAT_NOTHING },
	{ "thoughtSignature", "thought_signature", WHAT_NOTHING },
	{ "videoMetadata", "video_metadata", WHAT_NOTHING },
	{ "mediaResolution", "media_resolution", WHAT_NOTHING },
	{ "partMetadata", "part_metadata", WHAT_NOTHING },
};

static enum part_what what_is(const struct fields *f, const struct json_member **which)
{
	enum part_what found = WHAT_NOTHING;

	*which = NULL;
	for (size_t i = 0; i < f->n; i++) {
		enum part_what what = WHAT_OTHER;

		if (f->m[i].kind == JSON_NULL)
			continue;
		for (size_t k = 0; k < ARRAY_LEN(whats); k++)
			if (slice_eq(f->m[i].key, slice_cstr(whats[k].camel)) ||
			    slice_eq(f->m[i].key, slice_cstr(whats[k].snake)))
				what = whats[k].what;
		if (what == WHAT_NOTHING || (found != WHAT_NOTHING && found != WHAT_OTHER))
			continue;
		if (found == WHAT_OTHER && what == WHAT_OTHER)
			continue;
		found = what;
		*which = &f->m[i];
	}
	return found;
}

/* ---- media ----------------------------------------------------------------------------- */

static const struct slice own_uris[] = {
	LITC("gs://"),
	LITC("https://generativelanguage.googleapis.com/"),
	LITC("https://www.youtube.com/"),
	LITC("https://m.youtube.com/"),
	LITC("https://youtube.com/"),
	LITC("https://youtu.be/"),
};

enum { OWN_URIS_VIDEO = 2 }; /* from there on */

static size_t own_uri(struct json_text uri, struct arena *a)
{
	struct slice plain = json_text_plain(uri, a);
	size_t i = 0;

	while (i < ARRAY_LEN(own_uris) && !slice_starts(plain, own_uris[i]))
		i++;
	return i;
}

bool gemini_own_uri(struct json_text uri, struct arena *a)
{
	return own_uri(uri, a) < ARRAY_LEN(own_uris);
}

static enum part_kind kind_of_mime(struct slice mime)
{
	if (slice_starts(mime, LIT("image/")))
		return PART_IMAGE;
	if (slice_starts(mime, LIT("audio/")))
		return PART_AUDIO;
	return slice_starts(mime, LIT("video/")) ? PART_VIDEO : PART_DOCUMENT;
}

/* What no type was said of: by the end of its path. */
static enum part_kind kind_of_uri(struct json_text uri, struct arena *a)
{
	static const enum part_kind kinds[] = { PART_IMAGE, PART_AUDIO, PART_VIDEO };
	struct slice path, end;
	size_t at = own_uri(uri, a), dot;

	if (at >= OWN_URIS_VIDEO && at < ARRAY_LEN(own_uris))
		return PART_VIDEO;
	(void)slice_cut(uri.s, '?', &path, NULL);
	for (dot = path.n; dot > 0 && path.p[dot - 1] != '.'; dot--)
		;
	end = slice_skip(path, dot);
	for (size_t i = 0; i < ARRAY_LEN(kinds) && end.n < 8; i++)
		if (chat_media_mime(kinds[i], end).n > 0)
			return kinds[i];
	return PART_DOCUMENT;
}

/* Of inlineData or fileData at the path; NULL: refused, or no memory. */
static void media(struct gemini_read *x, struct slice value, bool file, struct chat_media *to,
		  enum part_kind *kind)
{
	struct json_text mime = { { NULL, 0 } }, data = { { NULL, 0 } };
	const char *member = file ? "fileUri" : "data";
	struct fields f;

	if (!gemini_members(x, value, &f))
		return;
	(void)gemini_want_text(x, &f, "mimeType", &mime);
	(void)gemini_want_text(x, &f, "displayName", &to->name);
	if (!gemini_want_text(x, &f, member, &data) || json_text_empty(data)) {
		gemini_refuse(x, "missing_field", member,
			      "It must be a string with something "
			      "in it.");
		return;
	}
	to->mime = json_text_plain(mime, x->a);
	*kind = kind_of_mime(to->mime);
	if (file) {
		to->source = gemini_own_uri(data, x->a) ? MEDIA_FILE : MEDIA_URL;
		to->url = data;
		if (to->mime.n == 0)
			*kind = kind_of_uri(data, x->a);
		return;
	}
	to->source = MEDIA_INLINE;
	if (!gemini_base64(data, x->a, &to->data)) {
		gemini_refuse(x, "invalid_value", member, "It is not base64.");
		return;
	}
	if (to->mime.n == 0) {
		to->mime = chat_media_sniff(to->data);
		*kind = kind_of_mime(to->mime);
	}
}

/* To the end of a list, whose end moves. */
static void media_part(struct gemini_read *x, struct chat_part ***tail, const char *member,
		       struct slice value, bool file)
{
	size_t back = gemini_down(x, member, GEMINI_NO_INDEX);
	enum part_kind kind = PART_DOCUMENT;
	struct chat_media m = { 0 };
	struct chat_part *p;

	media(x, value, file, &m, &kind);
	gemini_up(x, back);
	p = x->rc == OK ? chat_part_append(*tail, x->a, kind) : NULL;
	if (p == NULL)
		return;
	p->u.media = m;
	*tail = &p->next;
}

/* ---- calls and their results ----------------------------------------------------------- */

static struct json_text invent_id(struct gemini_read *x)
{
	return (struct json_text){ arena_fmt(x->a, "call_auto_%zu", x->invented++) };
}

static void pending_add(struct gemini_read *x, struct chat_call *call, bool invented)
{
	struct gemini_pending *p = ARENA_NEW(x->a, struct gemini_pending);

	if (p == NULL)
		return;
	p->call = call;
	p->invented = invented;
	*x->pending_tail = p;
	x->pending_tail = &p->next;
}

/* The call that this result is of: the one with its id, else the first of its name (with an
 * id of our making, when the result has one of its own). */
static struct chat_call *pending_take(struct gemini_read *x, struct json_text id,
				      struct json_text name)
{
	struct gemini_pending **at = NULL, *p;
	size_t looks = 0;

	for (struct gemini_pending **i = &x->pending; *i != NULL && looks++ < PENDING_LOOKS_MAX;
	     i = &(*i)->next) {
		const struct chat_call *call = (*i)->call;

		if (!json_text_empty(id) && slice_eq(call->id.s, id.s)) {
			at = i;
			break;
		}
		if (at == NULL && (json_text_empty(id) || (*i)->invented) &&
		    slice_eq(call->name.s, name.s))
			at = i;
	}
	if (at == NULL)
		return NULL;
	p = *at;
	*at = p->next;
	if (x->pending_tail == &p->next)
		x->pending_tail = at;
	return p->call;
}

static void call_part(struct gemini_read *x, struct chat_message *m, struct slice value,
		      const struct chat_opaque *signature)
{
	size_t back = gemini_down(x, "functionCall", GEMINI_NO_INDEX);
	struct json_text id = { { NULL, 0 } }, name = { { NULL, 0 } };
	struct slice args = { NULL, 0 };
	struct chat_part *p;
	struct fields f;

	(void)gemini_members(x, value, &f);
	(void)gemini_want_text(x, &f, "id", &id);
	if (!gemini_want_text(x, &f, "name", &name) || json_text_empty(name))
		gemini_refuse(x, "missing_field", "name", "A call needs its function's name.");
	(void)gemini_want(x, &f, "args", JSON_OBJECT, &args);
	gemini_up(x, back);
	p = x->rc == OK ? chat_part_add(m, x->a, PART_TOOL_CALL) : NULL;
	if (p == NULL)
		return;
	p->signature = *signature;
	p->u.call = (struct chat_call){ .name = name, .args = args, .args_ok = true };
	p->u.call.id = json_text_empty(id) ? invent_id(x) : id;
	pending_add(x, &p->u.call, json_text_empty(id));
}

/* {"output": ..} and {"error": ..} are Google's own forms, {"result": ..} is what its SDKs
 * make of a function's return value; any other object is the result itself. */
static void response(struct gemini_read *x, struct slice object, struct chat_result *to)
{
	struct slice value = object;
	struct chat_part *p;
	struct fields f;

	if (!gemini_members(x, object, &f))
		return;
	if (f.n == 1 && (field(&f, "output") != NULL || field(&f, "result") != NULL ||
			 field(&f, "error") != NULL)) {
		value = f.m[0].value;
		to->is_error = field(&f, "error") != NULL;
	}
	if (json_kind(value) == JSON_STRING) {
		p = chat_part_append(&to->parts, x->a, PART_TEXT);
		if (p != NULL)
			p->u.text = json_text_of(value);
		return;
	}
	p = chat_part_append(&to->parts, x->a, PART_OTHER);
	if (p != NULL) {
		p->u.other.what = "json";
		p->u.other.raw = value;
	}
}

static void response_media(struct gemini_read *x, const struct fields *f,
			   struct chat_result *to)
{
	struct chat_part **tail = &to->parts;
	struct gemini_items list;
	struct fields one;
	struct slice value;

	if (!gemini_want_items(x, f, "parts", &list))
		return;
	if (to->parts != NULL)
		tail = &to->parts->next;
	for (size_t i = 0; gemini_next(&list, &value) && x->rc == OK; i++) {
		size_t back = gemini_down(x, "parts", i);

		(void)gemini_members(x, value, &one);
		if (gemini_want(x, &one, "inlineData", JSON_OBJECT, &value))
			media_part(x, &tail, "inlineData", value, false);
		else if (gemini_want(x, &one, "fileData", JSON_OBJECT, &value))
			media_part(x, &tail, "fileData", value, true);
		gemini_up(x, back);
	}
}

static void response_part(struct gemini_read *x, struct chat_message *m, struct slice value)
{
	size_t back = gemini_down(x, "functionResponse", GEMINI_NO_INDEX), inner;
	struct chat_result result = { .is_error = false };
	struct json_text id = { { NULL, 0 } };
	struct chat_call *call;
	struct chat_part *p;
	struct fields f;
	struct slice object;

	(void)gemini_members(x, value, &f);
	(void)gemini_want_text(x, &f, "id", &id);
	(void)gemini_want_text(x, &f, "name", &result.name);
	if (gemini_want(x, &f, "response", JSON_OBJECT, &object)) {
		inner = gemini_down(x, "response", GEMINI_NO_INDEX);
		response(x, object, &result);
		gemini_up(x, inner);
	}
	response_media(x, &f, &result);
	call = pending_take(x, id, result.name);
	if (call != NULL && json_text_empty(result.name))
		result.name = call->name;
	if (json_text_empty(result.name))
		gemini_refuse(x, "missing_field", "name",
			      "A result needs its function's name.");
	gemini_up(x, back);
	if (call != NULL && !json_text_empty(id))
		call->id = id;
	result.call_id = call != NULL ? call->id : json_text_empty(id) ? invent_id(x) : id;
	p = x->rc == OK ? chat_part_add(m, x->a, PART_TOOL_RESULT) : NULL;
	if (p != NULL)
		p->u.result = result;
}

/* ---- text and thoughts ----------------------------------------------------------------- */

static struct chat_part *last_part(const struct chat_message *m)
{
	return m->parts == NULL ? NULL : CONTAINER_OF(m->tail, struct chat_part, next);
}

/* A streamed answer comes back in pieces, as its frames were: they are one text. */
static void join(struct gemini_read *x, struct json_text *to, struct json_text more)
{
	size_t n = to->s.n + more.s.n;
	char *p;

	if (more.s.n == 0)
		return;
	if (to->s.n == 0) {
		*to = more;
		return;
	}
	if (x->joined != to || n > x->joined_cap) {
		p = arena_bytes(x->a, n * 2);
		if (p == NULL)
			return;
		memcpy(p, to->s.p, to->s.n);
		x->joined = to;
		x->joined_at = p;
		x->joined_cap = n * 2;
	} else {
		p = x->joined_at;
	}
	memcpy(p + to->s.n, more.s.p, more.s.n);
	to->s = slice_of(p, n);
}

static void text_part(struct gemini_read *x, struct chat_message *m, struct json_text text,
		      const struct chat_opaque *signature)
{
	struct chat_part *p = last_part(m);

	if (m->role == ROLE_ASSISTANT && json_text_empty(text) &&
	    json_text_empty(signature->data))
		return;
	if (m->role != ROLE_ASSISTANT || p == NULL || p->kind != PART_TEXT ||
	    !json_text_empty(p->signature.data))
		p = chat_part_add(m, x->a, PART_TEXT);
	if (p == NULL)
		return;
	join(x, &p->u.text, text);
	p->signature = *signature;
}

static void thought_part(struct gemini_read *x, struct chat_message *m, struct json_text text,
			 const struct chat_opaque *signature, bool encrypted)
{
	struct chat_part *p = last_part(m);
	struct chat_reasoning *to;

	if (p == NULL || p->kind != PART_REASONING ||
	    !json_text_empty(p->u.reasoning.signature.data) ||
	    !json_text_empty(p->u.reasoning.encrypted.data))
		p = chat_part_add(m, x->a, PART_REASONING);
	if (p == NULL)
		return;
	to = &p->u.reasoning;
	join(x, &to->text, text);
	to->summary = true;
	if (encrypted)
		to->encrypted = *signature;
	else
		to->signature = *signature;
}

/* ---- contents -------------------------------------------------------------------------- */

/* The messages that one content becomes: results first, since they answer the calls before
 * them, and then what was said beside them. */
struct content {
	struct chat_message *says, *results;
	enum chat_role role;
};

static struct chat_message *said(struct gemini_read *x, struct content *c)
{
	if (c->says == NULL)
		c->says = chat_message_add(x->r, x->a, c->role);
	return c->says;
}

static void result_part(struct gemini_read *x, struct content *c, struct slice value)
{
	if (c->results == NULL) {
		c->results = chat_message_add(x->r, x->a, ROLE_TOOL);
		/* Something was said before it: they change places. */
		if (c->results != NULL && c->says != NULL && c->says->next == c->results) {
			struct chat_message *first = c->says, *second = c->results;
			struct chat_message *end = second->next;

			*second = *first;
			second->next = end;
			*first = (struct chat_message){ .role = ROLE_TOOL, .next = second };
			first->tail = &first->parts;
			if (second->parts == NULL)
				second->tail = &second->parts;
			c->says = second;
			c->results = first;
		}
	}
	if (c->results != NULL)
		response_part(x, c->results, value);
}

static void other_part(struct gemini_read *x, struct content *c, const char *what,
		       struct slice raw)
{
	struct chat_message *m = said(x, c);
	struct chat_part *p = m == NULL ? NULL : chat_part_add(m, x->a, PART_OTHER);

	if (p == NULL)
		return;
	p->u.other.what = what;
	p->u.other.raw = raw;
}

static void thought_or_text(struct gemini_read *x, struct content *c, bool thought,
			    struct json_text text, const struct chat_opaque *o, bool encrypted)
{
	struct chat_message *m;

	if (json_text_empty(text) && json_text_empty(o->data) && c->role == ROLE_ASSISTANT)
		return;
	m = said(x, c);
	if (m == NULL)
		return;
	if (thought && c->role == ROLE_ASSISTANT)
		thought_part(x, m, text, o, encrypted);
	else
		text_part(x, m, text, o);
}

static void part(struct gemini_read *x, struct content *c, struct slice value)
{
	const struct json_member *m;
	struct chat_opaque signature = { 0 };
	struct json_text text = { { NULL, 0 } };
	bool encrypted = false, thought;
	enum part_what what;
	struct fields f;

	if (!gemini_members(x, value, &f))
		return;
	if (gemini_want_text(x, &f, "thoughtSignature", &text))
		signature = gemini_open(text, x->a, &encrypted);
	thought = field_tri(&f, "thought") == YES;
	what = what_is(&f, &m);
	if (thought && what != WHAT_TEXT && what != WHAT_NOTHING)
		what = WHAT_OTHER; /* an image on the way to the one that was asked for */
	if (x->rc != OK)
		return;
	text = (struct json_text){ { NULL, 0 } };
	switch (what) {
	case WHAT_NOTHING:
		thought_or_text(x, c, thought, text, &signature, encrypted);
		return;
	case WHAT_TEXT:
		if (gemini_want_text(x, &f, "text", &text))
			thought_or_text(x, c, thought, text, &signature, encrypted);
		return;
	case WHAT_INLINE:
	case WHAT_FILE:
		if (said(x, c) != NULL)
			media_part(x, &c->says->tail,
				   what == WHAT_FILE ? "fileData" : "inlineData", m->value,
				   what == WHAT_FILE);
		return;
	case WHAT_CALL:
		if (c->role != ROLE_ASSISTANT)
			gemini_refuse(x, "invalid_value", "functionCall",
				      "Only the role \"model\" calls functions.");
		else if (said(x, c) != NULL)
			call_part(x, c->says, m->value, &signature);
		return;
	case WHAT_RESPONSE:
		if (c->role != ROLE_USER)
			gemini_refuse(x, "invalid_value", "functionResponse",
				      "Only the role \"user\" gives results of functions.");
		else
			result_part(x, c, m->value);
		return;
	case WHAT_OTHER:
		other_part(x, c, arena_cstr(x->a, m->key), value);
		return;
	}
}

static void parts(struct gemini_read *x, struct content *c, const struct fields *f)
{
	struct gemini_items list;
	struct slice value;

	if (!gemini_want_items(x, f, "parts", &list))
		return;
	for (size_t i = 0; gemini_next(&list, &value) && x->rc == OK; i++) {
		size_t back = gemini_down(x, "parts", i);

		part(x, c, value);
		gemini_up(x, back);
	}
}

static enum chat_role role_of(struct gemini_read *x, const struct fields *f)
{
	struct json_text t;

	if (!gemini_want_text(x, f, "role", &t) || json_text_empty(t) ||
	    slice_ieq(t.s, LIT("user")) || slice_ieq(t.s, LIT("function")))
		return ROLE_USER;
	if (!slice_ieq(t.s, LIT("model")))
		gemini_refuse(x, "unsupported_value", "role",
			      "It must be \"user\" or \"model\".");
	return ROLE_ASSISTANT;
}

void gemini_contents_read(struct gemini_read *x, const struct fields *f)
{
	struct chat_message *last = NULL;
	struct gemini_items list;
	struct slice value;
	size_t n = 0;

	x->pending_tail = &x->pending;
	if (!gemini_want_items(x, f, "contents", &list)) {
		gemini_refuse(x, "missing_field", "contents", "There must be contents.");
		return;
	}
	for (; gemini_next(&list, &value) && x->rc == OK; n++) {
		size_t back = gemini_down(x, "contents", n);
		struct content c = { .says = NULL };
		struct fields one;

		(void)gemini_members(x, value, &one);
		c.role = role_of(x, &one);
		/* Frames of a stream come back as contents of their own: one turn. */
		if (c.role == ROLE_ASSISTANT && last != NULL && last->role == c.role)
			c.says = last;
		else if (c.role == ROLE_ASSISTANT)
			x->pending_tail = &x->pending, x->pending = NULL;
		parts(x, &c, &one);
		/* What was said stands behind the results. */
		last = c.says != NULL ? c.says : c.results != NULL ? c.results : last;
		gemini_up(x, back);
	}
	if (n == 0)
		gemini_refuse(x, "missing_field", "contents", "There must be contents.");
}

void gemini_system_read(struct gemini_read *x, const struct fields *f)
{
	struct content c = { .role = ROLE_SYSTEM };
	struct fields one;
	struct slice value;
	size_t back;

	if (!gemini_want(x, f, "systemInstruction", JSON_OBJECT, &value))
		return;
	back = gemini_down(x, "systemInstruction", GEMINI_NO_INDEX);
	if (gemini_members(x, value, &one))
		parts(x, &c, &one);
	gemini_up(x, back);
}
