/* The messages of a request.  Source: OpenAI API reference, "Create chat completion"; and what
 * clients send back of answers that have more than OpenAI's (reasoning, its signatures, those
 * of Gemini's calls, images). */
#include "chat/openai/parts.h"
#include "chat/openai/reading.h"

/* ---- parts of a content ----------------------------------------------------- */

/* OpenAI's own mark, and the one that its compatible servers have from Anthropic. */
static enum cache_mark cache_of(const struct fields *f, struct arena *a)
{
	struct slice mark = field_object(f, "cache_control");
	struct fields in;

	if (mark.n > 0 && fields_read(&in, mark, a) && field_is(&in, "type", "ephemeral")) {
		if (field_is(&in, "ttl", "1h"))
			return CACHE_1H;
		return field_is(&in, "ttl", "5m") ? CACHE_5M : CACHE_DEFAULT;
	}
	mark = field_object(f, "prompt_cache_breakpoint");
	return mark.n > 0 ? CACHE_DEFAULT : CACHE_NONE;
}

static struct chat_part *add_text(struct reading *rd, struct chat_part **list,
				  struct json_text text)
{
	struct chat_part *p = NULL;

	if (!json_text_empty(text))
		p = chat_part_append(list, rd->a, PART_TEXT);
	if (p != NULL)
		p->u.text = text;
	return p;
}

static void media_url(struct reading *rd, const struct where *w, const char *name,
		      struct json_text url, struct chat_media *m)
{
	if (!chat_media_from_url(m, url, rd->a))
		refuse_at(rd, w, name, "invalid_value",
			  "must be a URL, or a data URL in base64");
	else if (m->source == MEDIA_INLINE && m->mime.n == 0)
		m->mime = chat_media_sniff(m->data);
}

static void check_base64(struct reading *rd, const struct where *w, const char *name,
			 struct slice data)
{
	if (!chat_media_is_base64(data))
		refuse_at(rd, w, name, "invalid_value", "must be base64");
}

static struct chat_part *read_image(struct reading *rd, const struct where *w,
				    const struct fields *f, struct chat_part **list)
{
	const struct where in = { w, "image_url", 0 };
	struct slice value = take(rd, f, w, "image_url", WANT_STRING | WANT_OBJECT);
	struct chat_part *p = chat_part_append(list, rd->a, PART_IMAGE);
	struct fields image;

	if (p == NULL)
		return NULL;
	if (value.n == 0) {
		refuse_at(rd, w, "image_url", "missing_field", "is missing");
	} else if (json_kind(value) == JSON_STRING) { /* as Mistral has it */
		media_url(rd, w, "image_url", json_text_of(value), &p->u.media);
	} else if (members(rd, &in, value, &image)) {
		media_url(rd, &in, "url", take_needed(rd, &image, &in, "url"), &p->u.media);
		p->u.media.detail = take_text(rd, &image, &in, "detail");
	}
	return p;
}

static struct chat_part *read_audio(struct reading *rd, const struct where *w,
				    const struct fields *f, struct chat_part **list)
{
	const struct where in = { w, "input_audio", 0 };
	struct slice value = take(rd, f, w, "input_audio", WANT_OBJECT);
	struct chat_part *p = chat_part_append(list, rd->a, PART_AUDIO);
	struct fields audio;
	struct slice format;

	if (p == NULL)
		return NULL;
	if (value.n == 0) {
		refuse_at(rd, w, "input_audio", "missing_field", "is missing");
	} else if (members(rd, &in, value, &audio)) {
		p->u.media.source = MEDIA_INLINE;
		p->u.media.data = json_text_plain(take_needed(rd, &audio, &in, "data"), rd->a);
		check_base64(rd, &in, "data", p->u.media.data);
		format = json_text_plain(take_needed(rd, &audio, &in, "format"), rd->a);
		p->u.media.mime = chat_media_mime(PART_AUDIO, format);
		if (p->u.media.mime.n == 0)
			p->u.media.mime = arena_fmt(rd->a, "audio/%.*s", SARG(format));
	}
	return p;
}

/* By the name's ending. */
static struct slice mime_of_name(struct json_text name)
{
	struct slice rest = name.s, after;

	while (slice_cut(rest, '.', NULL, &after))
		rest = after;
	return rest.n < name.s.n ? chat_media_mime(PART_DOCUMENT, rest)
				 : (struct slice){ NULL, 0 };
}

static void read_file_data(struct reading *rd, const struct where *w, struct json_text data,
			   struct chat_media *m)
{
	if (slice_starts(data.s, LIT("data:"))) {
		media_url(rd, w, "file_data", data, m);
		return;
	}
	m->source = MEDIA_INLINE;
	m->data = json_text_plain(data, rd->a);
	check_base64(rd, w, "file_data", m->data);
	m->mime = chat_media_sniff(m->data);
	if (m->mime.n == 0)
		m->mime = mime_of_name(m->name);
	if (m->mime.n == 0)
		m->mime = LIT("application/pdf");
}

static struct chat_part *read_file(struct reading *rd, const struct where *w,
				   const struct fields *f, struct chat_part **list)
{
	const struct where in = { w, "file", 0 };
	struct slice value = take(rd, f, w, "file", WANT_OBJECT);
	struct chat_part *p = chat_part_append(list, rd->a, PART_DOCUMENT);
	struct json_text data, id;
	struct fields file;

	if (p == NULL)
		return NULL;
	if (value.n == 0) {
		refuse_at(rd, w, "file", "missing_field", "is missing");
	} else if (members(rd, &in, value, &file)) {
		p->u.media.name = take_text(rd, &file, &in, "filename");
		data = take_text(rd, &file, &in, "file_data");
		id = take_text(rd, &file, &in, "file_id");
		if (!json_text_empty(data)) {
			read_file_data(rd, &in, data, &p->u.media);
		} else if (!json_text_empty(id)) {
			p->u.media.source = MEDIA_FILE;
			p->u.media.url = id;
		} else {
			refuse_at(rd, &in, "file_data", "missing_field",
				  "or file_id is missing");
		}
	}
	return p;
}

/* Mistral's: {"type":"thinking","thinking":[{"type":"text","text":..}] or a string}. */
static void read_thinking(struct reading *rd, const struct fields *f, struct chat_part **list)
{
	struct json_array it = json_array(field_array(f, "thinking"));
	struct chat_opaque signature = opaque_open(field_text(f, "signature"));
	struct json_text text = field_text(f, "thinking");
	enum json_kind kind;
	struct chat_part *p;
	struct slice value;
	struct fields in;

	do {
		if (json_array_next(&it, &value, &kind) && fields_read(&in, value, rd->a))
			text = field_text(&in, "text");
		if (json_text_empty(text))
			continue;
		p = chat_part_append(list, rd->a, PART_REASONING);
		if (p == NULL)
			return;
		p->u.reasoning.text = text;
		p->u.reasoning.signature = signature;
		signature = (struct chat_opaque){ 0 };
	} while (it.rest.n > 0);
}

static void read_part(struct reading *rd, const struct where *w, struct slice value,
		      struct chat_part **list)
{
	struct chat_part *p = NULL;
	struct json_text type;
	struct fields f;

	if (!members(rd, w, value, &f))
		return;
	type = take_needed(rd, &f, w, "type");
	if (json_text_is(type, LIT("text"))) {
		if (take(rd, &f, w, "text", WANT_STRING).n == 0)
			refuse_at(rd, w, "text", "missing_field", "is missing");
		p = add_text(rd, list, take_text(rd, &f, w, "text"));
	} else if (json_text_is(type, LIT("image_url"))) {
		p = read_image(rd, w, &f, list);
	} else if (json_text_is(type, LIT("input_audio"))) {
		p = read_audio(rd, w, &f, list);
	} else if (json_text_is(type, LIT("file"))) {
		p = read_file(rd, w, &f, list);
	} else if (json_text_is(type, LIT("refusal"))) {
		p = chat_part_append(list, rd->a, PART_REFUSAL);
		if (p != NULL)
			p->u.text = take_text(rd, &f, w, "refusal");
	} else if (json_text_is(type, LIT("thinking"))) {
		read_thinking(rd, &f, list);
	} else if (rd->rc == OK) {
		p = chat_part_append(list, rd->a, PART_OTHER);
		if (p != NULL) {
			p->u.other.what = arena_cstr(rd->a, json_text_plain(type, rd->a));
			p->u.other.raw = value;
		}
	}
	if (p != NULL)
		p->cache = cache_of(&f, rd->a);
}

static void read_content(struct reading *rd, const struct where *w, struct slice content,
			 struct chat_part **list)
{
	const struct where in = { w, "content", 0 };
	struct where at = { &in, NULL, 0 };
	struct json_array it = json_array(content);
	enum json_kind kind;
	struct slice value;

	if (json_kind(content) == JSON_STRING)
		add_text(rd, list, json_text_of(content));
	for (; rd->rc == OK && json_array_next(&it, &value, &kind); at.index++) {
		read_part(rd, &at, value, list);
		while (*list != NULL) /* the next goes to the end without a walk */
			list = &(*list)->next;
	}
}

/* ---- what an assistant said ------------------------------------------------- */

static struct chat_part *add_part(struct reading *rd, struct chat_part **list,
				  enum part_kind kind)
{
	return rd->rc == OK ? chat_part_append(list, rd->a, kind) : NULL;
}

/* One element of reasoning_details, as OpenRouter has made them and weir writes them. */
static void read_detail(struct reading *rd, struct slice value, struct chat_part **list)
{
	struct chat_reasoning *g;
	struct chat_part *p;
	struct fields f;

	if (!fields_read(&f, value, rd->a))
		return;
	p = add_part(rd, list, PART_REASONING);
	if (p == NULL)
		return;
	g = &p->u.reasoning;
	g->id = field_text(&f, "id");
	if (field_is(&f, "type", "reasoning.encrypted")) {
		g->encrypted = opaque_open(field_text(&f, "data"));
	} else if (field_is(&f, "type", "reasoning.summary")) {
		g->text = field_text(&f, "summary");
		g->summary = true;
		g->signature = opaque_open(field_text(&f, "signature"));
	} else {
		g->text = field_text(&f, "text");
		g->signature = opaque_open(field_text(&f, "signature"));
	}
}

/* reasoning_details say it exactly; when they have signatures only, the text is in one of the
 * two plain members. */
static void read_reasoning(struct reading *rd, const struct where *w, const struct fields *f,
			   struct chat_part **list)
{
	struct json_array it = json_array(take(rd, f, w, "reasoning_details", WANT_ARRAY));
	struct json_text text = field_text(f, "reasoning_content");
	struct chat_part *details = NULL, **last = &details, *p;
	enum json_kind kind;
	struct slice value;
	bool said = false;

	if (json_text_empty(text))
		text = field_text(f, "reasoning");
	while (rd->rc == OK && json_array_next(&it, &value, &kind)) {
		read_detail(rd, value, last);
		if (*last == NULL)
			continue;
		said |= !json_text_empty((*last)->u.reasoning.text);
		last = &(*last)->next;
	}
	while (*list != NULL)
		list = &(*list)->next;
	*list = details;
	if (said || json_text_empty(text))
		return;
	if (details != NULL && json_text_empty(details->u.reasoning.encrypted.data)) {
		details->u.reasoning.text = text;
		return;
	}
	*list = NULL;
	p = add_part(rd, list, PART_REASONING);
	if (p == NULL)
		return;
	p->u.reasoning.text = text;
	p->next = details;
}

/* {"google":{"thought_signature":..}}, as in Google's own compatible API. */
static struct chat_opaque google_signature(const struct fields *f, struct arena *a)
{
	struct slice extra = field_object(f, "extra_content"), google;
	struct fields in;

	if (extra.n == 0 || !fields_read(&in, extra, a))
		return (struct chat_opaque){ 0 };
	google = field_object(&in, "google");
	if (google.n == 0 || !fields_read(&in, google, a))
		return (struct chat_opaque){ 0 };
	return opaque_open(field_text(&in, "thought_signature"));
}

static void read_call(struct reading *rd, const struct where *w, struct slice value,
		      struct chat_part **list)
{
	struct where in = { w, "function", 0 };
	struct chat_part *p;
	struct fields f, of;
	struct slice inner;

	if (!members(rd, w, value, &f))
		return;
	p = add_part(rd, list, PART_TOOL_CALL);
	if (p == NULL)
		return;
	p->signature = google_signature(&f, rd->a);
	p->u.call.custom = field_is(&f, "type", "custom");
	in.name = p->u.call.custom ? "custom" : "function";
	p->u.call.id = take_needed(rd, &f, w, "id");
	inner = take(rd, &f, w, in.name, WANT_OBJECT);
	if (inner.n == 0)
		refuse_at(rd, w, in.name, "missing_field", "is missing");
	if (rd->rc != OK || !members(rd, &in, inner, &of))
		return;
	p->u.call.name = take_needed(rd, &of, &in, "name");
	chat_call_args(&p->u.call,
		       take_text(rd, &of, &in, p->u.call.custom ? "input" : "arguments"),
		       rd->a);
}

static void read_calls(struct reading *rd, const struct where *w, const struct fields *f,
		       struct chat_part **list)
{
	struct json_array it = json_array(take(rd, f, w, "tool_calls", WANT_ARRAY));
	const struct where in = { w, "tool_calls", 0 };
	struct where at = { &in, NULL, 0 };
	enum json_kind kind;
	struct slice value;

	for (; rd->rc == OK && json_array_next(&it, &value, &kind); at.index++) {
		read_call(rd, &at, value, list);
		while (*list != NULL)
			list = &(*list)->next;
	}
}

/* The deprecated form: one call, without an id. */
static void read_function_call(struct reading *rd, const struct where *w,
			       const struct fields *f, struct chat_part **list)
{
	struct slice value = take(rd, f, w, "function_call", WANT_OBJECT);
	const struct where in = { w, "function_call", 0 };
	struct chat_part *p;
	struct fields of;

	if (value.n == 0 || !members(rd, &in, value, &of))
		return;
	p = add_part(rd, list, PART_TOOL_CALL);
	if (p == NULL)
		return;
	rd->function_id.s = arena_fmt(rd->a, "call_%zu", w->index);
	p->u.call.id = rd->function_id;
	p->u.call.name = take_needed(rd, &of, &in, "name");
	chat_call_args(&p->u.call, take_text(rd, &of, &in, "arguments"), rd->a);
}

static void read_images(struct reading *rd, const struct where *w, const struct fields *f,
			struct chat_part **list)
{
	struct json_array it = json_array(take(rd, f, w, "images", WANT_ARRAY));
	const struct where in = { w, "images", 0 };
	struct where at = { &in, NULL, 0 };
	enum json_kind kind;
	struct slice value;
	struct fields image;

	for (; rd->rc == OK && json_array_next(&it, &value, &kind); at.index++)
		if (members(rd, &at, value, &image))
			read_image(rd, &at, &image, list);
}

/* The last text has the signature of the message; where there is none, one without words. */
static void sign_text(struct reading *rd, const struct fields *f, struct chat_part **list)
{
	struct chat_opaque signature = google_signature(f, rd->a);
	struct chat_part *last = NULL;

	if (json_text_empty(signature.data))
		return;
	for (struct chat_part *p = *list; p != NULL; p = p->next)
		if (p->kind == PART_TEXT)
			last = p;
	if (last == NULL)
		last = add_part(rd, list, PART_TEXT);
	if (last != NULL)
		last->signature = signature;
}

static void read_assistant(struct reading *rd, const struct where *w, const struct fields *f,
			   struct chat_part **list)
{
	struct slice audio = take(rd, f, w, "audio", WANT_OBJECT);
	struct json_text refusal = take_text(rd, f, w, "refusal");
	struct chat_part *p;

	read_reasoning(rd, w, f, list);
	read_content(rd, w, take(rd, f, w, "content", WANT_STRING | WANT_ARRAY), list);
	if (!json_text_empty(refusal)) {
		p = add_part(rd, list, PART_REFUSAL);
		if (p != NULL)
			p->u.text = refusal;
	}
	sign_text(rd, f, list);
	read_images(rd, w, f, list);
	if (audio.n > 0) {
		p = add_part(rd, list, PART_OTHER);
		if (p != NULL) {
			p->u.other.what = OPENAI_AUDIO_ID;
			p->u.other.raw = audio;
		}
	}
	read_calls(rd, w, f, list);
	read_function_call(rd, w, f, list);
}

/* ---- messages --------------------------------------------------------------- */

static struct slice needed_content(struct reading *rd, const struct where *w,
				   const struct fields *f)
{
	struct slice content = take(rd, f, w, "content", WANT_STRING | WANT_ARRAY);

	if (content.n == 0)
		refuse_at(rd, w, "content", "missing_field", "is missing");
	return content;
}

static void read_result(struct reading *rd, const struct where *w, const struct fields *f,
			struct chat_part **list, bool function)
{
	struct chat_part *p = add_part(rd, list, PART_TOOL_RESULT);
	struct chat_result *res;

	if (p == NULL)
		return;
	res = &p->u.result;
	res->name = take_text(rd, f, w, "name");
	if (!function) {
		res->call_id = take_needed(rd, f, w, "tool_call_id");
		read_content(rd, w, needed_content(rd, w, f), &res->parts);
		return;
	}
	res->name = take_needed(rd, f, w, "name");
	res->call_id = rd->function_id;
	if (json_text_empty(res->call_id))
		res->call_id = JTEXT("call_function");
	read_content(rd, w, take(rd, f, w, "content", WANT_STRING | WANT_ARRAY), &res->parts);
}

static void read_message(struct reading *rd, const struct where *w, struct slice value)
{
	static const struct {
		struct slice name;
		enum chat_role role;
	} roles[] = { { LITC("user"), ROLE_USER },     { LITC("assistant"), ROLE_ASSISTANT },
		      { LITC("tool"), ROLE_TOOL },     { LITC("system"), ROLE_SYSTEM },
		      { LITC("function"), ROLE_TOOL }, { LITC("developer"), ROLE_DEVELOPER } };
	struct json_text role;
	struct chat_message *m;
	struct fields f;
	size_t i = 0;

	if (!members(rd, w, value, &f))
		return;
	role = take_needed(rd, &f, w, "role");
	while (i < ARRAY_LEN(roles) && !json_text_is(role, roles[i].name))
		i++;
	if (i == ARRAY_LEN(roles)) {
		refuse_at(rd, w, "role", "invalid_value",
			  "must be system, developer, user, assistant or tool");
		return;
	}
	m = rd->rc == OK ? chat_message_add(rd->r, rd->a, roles[i].role) : NULL;
	if (m == NULL)
		return;
	if (m->role == ROLE_TOOL) {
		read_result(rd, w, &f, &m->parts, roles[i].name.n > 4);
	} else {
		m->name = take_text(rd, &f, w, "name");
		if (m->role == ROLE_ASSISTANT)
			read_assistant(rd, w, &f, &m->parts);
		else
			read_content(rd, w, needed_content(rd, w, &f), &m->parts);
	}
	while (*m->tail != NULL)
		m->tail = &(*m->tail)->next;
}

void openai_messages_read(struct reading *rd, struct slice array)
{
	const struct where w = { NULL, "messages", 0 };
	struct where at = { &w, NULL, 0 };
	struct json_array it = json_array(array);
	enum json_kind kind;
	struct slice value;

	for (; rd->rc == OK && json_array_next(&it, &value, &kind); at.index++)
		read_message(rd, &at, value);
	if (rd->r->messages == NULL)
		refuse_at(rd, NULL, "messages", "invalid_value", "must have a message");
}
