/* A whole answer -> events, and what plain answers and streams have alike. */
#include "chat/responses/responses.h"

#include "chat/openai.h"

/* ---- usage ------------------------------------------------------------------------------- */

static uint64_t inside(struct slice object, const char *name)
{
	struct json_member m[16];
	const struct json_member *at;
	uint64_t v;

	at = json_member_find(m, size_min(json_object(object, m, ARRAY_LEN(m)), ARRAY_LEN(m)),
			      slice_cstr(name), NULL);
	return at != NULL && json_u64(at->value, &v) ? v : 0;
}

/* Cached and cache-write tokens are inside input_tokens, reasoning is inside output_tokens
 * (by some compatible servers outside: then the total says so). */
void responses_usage_read(struct usage *u, struct slice object)
{
	struct slice in = { NULL, 0 }, out = { NULL, 0 };
	uint64_t input = inside(object, "input_tokens");
	uint64_t output = inside(object, "output_tokens");
	uint64_t total = inside(object, "total_tokens");
	struct json_member m[16];
	size_t n = size_min(json_object(object, m, ARRAY_LEN(m)), ARRAY_LEN(m));
	uint64_t reasoning;

	for (size_t i = 0; i < n; i++) {
		if (slice_eq(m[i].key, LIT("input_tokens_details")))
			in = m[i].value;
		else if (slice_eq(m[i].key, LIT("output_tokens_details")))
			out = m[i].value;
	}
	reasoning = inside(out, "reasoning_tokens");
	*u = (struct usage){ .odd = input > USAGE_TOKENS_MAX || output > USAGE_TOKENS_MAX ||
				    reasoning > USAGE_TOKENS_MAX };
	if (u->odd)
		return;
	u->known = true;
	u->cache_read = usage_part(&input, inside(in, "cached_tokens"), &u->odd);
	u->cache_write = usage_part(&input, inside(in, "cache_write_tokens"), &u->odd);
	u->audio_in = usage_part(&input, inside(in, "audio_tokens"), &u->odd);
	u->input = input;
	u->audio_out = usage_part(&output, inside(out, "audio_tokens"), &u->odd);
	if (reasoning > 0 && total == inside(object, "input_tokens") + output + reasoning)
		u->reasoning = reasoning;
	else
		u->reasoning = usage_part(&output, reasoning, &u->odd);
	u->output = output;
}

/* ---- errors ------------------------------------------------------------------------------ */

/* Codes that only this API has. */
static enum fault_kind kind_of_code(const struct fields *error)
{
	static const struct {
		const char *code;
		enum fault_kind kind;
	} codes[] = {
		{ "invalid_prompt", FAULT_POLICY },
		{ "bio_policy", FAULT_POLICY },
		{ "misalignment_policy_violation", FAULT_POLICY },
		{ "image_content_policy_violation", FAULT_POLICY },
		{ "data_residency_mismatch", FAULT_CLIENT },
		{ "vector_store_timeout", FAULT_TIMEOUT },
	};
	struct slice code = field_text(error, "code").s;

	for (size_t i = 0; i < ARRAY_LEN(codes); i++)
		if (slice_eq(code, slice_cstr(codes[i].code)))
			return codes[i].kind;
	/* invalid_image_format, image_too_large ... */
	if (slice_starts(code, LIT("invalid_")) || slice_starts(code, LIT("image_")) ||
	    slice_ends(code, LIT("_image")))
		return FAULT_CLIENT;
	return FAULT_NONE;
}

void responses_error_read(struct fault *f, unsigned status, struct slice body, struct arena *a)
{
	struct slice object = body;
	enum fault_kind kind;
	enum json_kind is;
	struct fields x;
	size_t n;

	openai_error_read(f, status, body, a);
	if (json_scan(body, &is, NULL, 0, &n, NULL) != OK || !fields_read(&x, object, a))
		return;
	if (field_object(&x, "error").n > 0) {
		object = field_object(&x, "error");
		if (!fields_read(&x, object, a))
			return;
	}
	kind = kind_of_code(&x);
	/* The status is as exact as the word where it says more than "bad request". */
	if (kind != FAULT_NONE && (status < 401 || kind != FAULT_CLIENT))
		f->kind = kind;
	if (f->kind == FAULT_GARBAGE && status < 400)
		f->kind = FAULT_SERVER;
}

void responses_error_event(struct chat_events *ev, struct slice object)
{
	struct chat_event *v = event_add(ev, EV_ERROR);

	if (v != NULL)
		responses_error_read(&v->u.fault, 200, object.n > 0 ? object : LIT("null"),
				     ev->a);
}

/* ---- items ------------------------------------------------------------------------------- */

void responses_annotation_event(struct chat_events *ev, struct slice annotation)
{
	struct chat_event *v;
	struct fields f;

	if (json_kind(annotation) != JSON_OBJECT || !fields_read(&f, annotation, ev->a))
		return;
	v = event_add(ev, EV_ANNOTATION);
	if (v == NULL)
		return;
	v->name = RESPONSES_RAW;
	v->u.annotation.raw = annotation;
	v->u.annotation.url = field_text(&f, "url");
	v->u.annotation.title = field_text(&f, "title");
	if (json_text_empty(v->u.annotation.title))
		v->u.annotation.title = field_text(&f, "filename");
	v->u.annotation.start = field_u64(&f, "start_index", 0);
	v->u.annotation.end = field_u64(&f, "end_index", 0);
}

void responses_logprobs_event(struct chat_events *ev, struct slice array)
{
	struct json_array it = json_array(array);
	struct chat_event *v;
	enum json_kind kind;
	struct slice value;

	if (!json_array_next(&it, &value, &kind))
		return;
	v = event_add(ev, EV_LOGPROBS);
	if (v != NULL)
		v->raw = array;
}

void responses_text_notes(struct chat_events *ev, const struct fields *text, bool annotations,
			  bool logprobs)
{
	struct json_array it = json_array(field_array(text, "annotations"));
	enum json_kind kind;
	struct slice value;

	while (annotations && json_array_next(&it, &value, &kind))
		responses_annotation_event(ev, value);
	if (logprobs)
		responses_logprobs_event(ev, field_array(text, "logprobs"));
}

static void message_events(struct chat_events *ev, const struct fields *item,
			   struct responses_ending *end)
{
	struct json_array it = json_array(field_array(item, "content"));
	enum json_kind kind;
	struct slice value;
	struct fields part;

	while (json_array_next(&it, &value, &kind)) {
		if (!fields_read(&part, value, ev->a))
			return;
		if (field_is(&part, "type", "refusal")) {
			end->refused = true;
			event_text(ev, EV_REFUSAL, field_text(&part, "refusal"));
		} else if (field_is(&part, "type", "output_text")) {
			event_text(ev, EV_TEXT, field_text(&part, "text"));
			responses_text_notes(ev, &part, true, true);
		}
	}
}

static void call_events(struct chat_events *ev, const struct fields *item, bool custom,
			struct responses_ending *end)
{
	struct chat_event *v = event_add(ev, EV_TOOL_BEGIN);
	const struct json_member *args = field(item, custom ? "input" : "arguments");
	unsigned index = end->calls++;

	if (v == NULL)
		return;
	v->index = index;
	v->custom = custom;
	v->id = field_text(item, "call_id");
	v->name = field_text(item, "name");
	if (args != NULL && args->value.n > 2) {
		v = event_add(ev, EV_TOOL_ARGS);
		if (v == NULL)
			return;
		v->index = index;
		v->custom = custom;
		/* Some servers give the object itself. */
		v->text = args->kind == JSON_STRING ? json_text_of(args->value)
						    : json_text_encode(args->value, ev->a);
	}
	v = event_add(ev, EV_TOOL_END);
	if (v != NULL)
		v->index = index;
}

static void thought_event(struct chat_events *ev, struct json_text text, bool summary)
{
	struct chat_event *v;

	if (json_text_empty(text))
		return;
	v = event_add(ev, EV_REASONING);
	if (v == NULL)
		return;
	v->text = text;
	v->summary = summary;
}

void responses_reasoning_events(struct chat_events *ev, const struct fields *item, bool texts)
{
	struct json_text content = field_text(item, "encrypted_content");
	struct chat_event *v;

	if (texts) {
		thought_event(ev, responses_thoughts(ev->a, field_array(item, "summary")),
			      true);
		thought_event(ev, responses_thoughts(ev->a, field_array(item, "content")),
			      false);
	}
	if (json_text_empty(content))
		return;
	v = event_add(ev, EV_SIGNATURE);
	if (v == NULL)
		return;
	v->encrypted = true;
	v->id = field_text(item, "id");
	v->text = responses_with_id(ev->a, v->id, content);
}

static void image_event(struct chat_events *ev, const struct fields *item, struct slice raw)
{
	struct json_text data = field_text(item, "result");
	struct slice mime;
	struct chat_event *v;

	if (json_text_empty(data)) {
		v = event_add(ev, EV_OTHER);
		if (v != NULL) {
			v->name = RESPONSES_RAW;
			v->raw = raw;
		}
		return;
	}
	mime = chat_media_mime(PART_IMAGE, field_text(item, "output_format").s);
	v = event_add(ev, EV_IMAGE);
	if (v == NULL)
		return;
	v->text = data;
	v->name = (struct json_text){ mime.n > 0 ? mime : LIT("image/png") };
}

void responses_item_events(struct chat_events *ev, struct slice item,
			   struct responses_ending *end)
{
	struct chat_event *v;
	struct fields f;

	if (json_kind(item) != JSON_OBJECT || !fields_read(&f, item, ev->a))
		return;
	if (field_is(&f, "type", "message")) {
		message_events(ev, &f, end);
	} else if (field_is(&f, "type", "function_call")) {
		call_events(ev, &f, false, end);
	} else if (field_is(&f, "type", "custom_tool_call")) {
		call_events(ev, &f, true, end);
	} else if (field_is(&f, "type", "reasoning")) {
		responses_reasoning_events(ev, &f, true);
	} else if (field_is(&f, "type", "image_generation_call")) {
		image_event(ev, &f, item);
	} else {
		if (field_is(&f, "type", "web_search_call"))
			end->searches++;
		v = event_add(ev, EV_OTHER);
		if (v == NULL)
			return;
		v->name = RESPONSES_RAW;
		v->raw = item;
	}
}

/* ---- the whole --------------------------------------------------------------------------- */

void responses_start_event(struct chat_events *ev, const struct fields *response)
{
	struct chat_event *v = event_add(ev, EV_START);

	if (v == NULL || response == NULL)
		return;
	v->id = field_text(response, "id");
	v->name = field_text(response, "model");
}

static enum finish_kind finish_of(struct arena *a, const struct fields *response,
				  const struct responses_ending *end)
{
	struct fields why;

	if (field_is(response, "status", "incomplete")) {
		if (fields_read(&why, field_object(response, "incomplete_details"), a) &&
		    field_is(&why, "reason", "content_filter"))
			return FINISH_FILTER;
		return FINISH_LENGTH; /* whatever it was, the answer is not whole */
	}
	if (end->calls > 0)
		return FINISH_TOOLS;
	return end->refused ? FINISH_REFUSAL : FINISH_STOP;
}

void responses_end_events(struct chat_events *ev, const struct fields *response,
			  const struct responses_ending *end)
{
	static const char *const bad[] = { "failed", "cancelled", "queued", "in_progress" };
	struct slice usage = field_object(response, "usage");
	struct usage u;

	if (field(response, "error") != NULL) {
		responses_error_event(ev, field_json(response, "error"));
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		if (field_is(response, "status", bad[i])) {
			responses_error_event(ev, (struct slice){ NULL, 0 });
			return;
		}
	if (usage.n > 0) {
		responses_usage_read(&u, usage);
		u.searches = end->searches;
		event_usage(ev, &u);
	}
	event_finish(ev, 0, finish_of(ev->a, response, end));
	event_add(ev, EV_END);
}

enum rc responses_answer_read(struct slice body, struct chat_events *ev)
{
	struct responses_ending end = { 0 };
	struct json_array it;
	enum json_kind kind;
	struct slice item;
	struct fields f;
	size_t n;

	if (json_scan(body, &kind, NULL, 0, &n, NULL) != OK || kind != JSON_OBJECT)
		return E_BAD;
	if (!fields_read(&f, body, ev->a))
		return arena_failed(ev->a) ? E_NOMEM : E_BAD;
	if (field_array(&f, "output").n == 0) {
		if (field(&f, "error") == NULL)
			return E_BAD;
		responses_error_event(ev, body);
		return ev->failed ? E_NOMEM : OK;
	}
	responses_start_event(ev, &f);
	it = json_array(field_array(&f, "output"));
	while (json_array_next(&it, &item, &kind))
		responses_item_events(ev, item, &end);
	responses_end_events(ev, &f, &end);
	return ev->failed || arena_failed(ev->a) ? E_NOMEM : OK;
}
