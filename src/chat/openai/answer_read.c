/* Answers of providers that speak the `openai` dialect, whole or streamed: a whole answer is
 * read as one chunk whose deltas are its messages.
 *
 * Source: OpenAI API reference, "The chat completion object" and "chunk object"; and what
 * its compatible servers do otherwise, each named where it is dealt with. */
#include "chat/openai/parts.h"

#include "base/hash.h"
#include "chat/openai.h"

enum { CALLS_MAX = 4096 };

struct call {
	struct call *next;
	uint64_t wire;       /* its index as sent, or its place */
	struct json_text id; /* in the keep arena */
	struct json_text name;
	unsigned index;
	bool begun, custom, given; /* given: arguments came */
};

struct openai_choice_in {
	struct openai_choice_in *next;
	unsigned index;
	bool content;   /* something of an answer came */
	bool refused;   /* a refusal did */
	bool reasoning; /* as a plain member: what reasoning_details repeat is not read twice */
	bool finished;
	unsigned call_n;
	struct call *calls, *last; /* last: that a delta was of */
	struct call **tail;
};

/* One chunk at work. */
struct chunk {
	struct openai_reader *r;
	struct arena *keep;
	struct chat_events *ev;
	struct openai_choice_in *choice;
	bool whole; /* a plain answer's message */
};

static struct chat_event *add(struct chunk *c, enum event_kind kind)
{
	struct chat_event *e = event_add(c->ev, kind);

	if (e != NULL)
		e->choice = c->choice->index;
	return e;
}

static struct chat_event *add_text(struct chunk *c, enum event_kind kind, struct json_text text)
{
	struct chat_event *e = json_text_empty(text) ? NULL : add(c, kind);

	if (e == NULL)
		return NULL;
	e->text = text;
	c->choice->content = true;
	c->choice->refused |= kind == EV_REFUSAL;
	return e;
}

static struct json_text kept(struct chunk *c, struct json_text t)
{
	return (struct json_text){ arena_copy(c->keep, t.s) };
}

/* ---- content ---------------------------------------------------------------- */

/* An array of objects: the field of each that has text. */
static void texts_of(struct chunk *c, struct slice array, enum event_kind kind)
{
	struct json_array it = json_array(array);
	enum json_kind at;
	struct slice value;
	struct fields f;

	while (json_array_next(&it, &value, &at))
		if (fields_read(&f, value, c->ev->a))
			add_text(c, kind, field_text(&f, "text"));
}

static void signature_of(struct chunk *c, struct json_text signature)
{
	struct chat_event *e = json_text_empty(signature) ? NULL : add(c, EV_SIGNATURE);

	if (e != NULL)
		e->signature = signature;
}

/* Mistral's thinking, Databricks' reasoning. */
static void thinking_part(struct chunk *c, const struct fields *f)
{
	static const char *const names[] = { "thinking", "reasoning", "summary" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		add_text(c, EV_REASONING, field_text(f, names[i]));
		texts_of(c, field_array(f, names[i]), EV_REASONING);
	}
	signature_of(c, field_text(f, "signature"));
}

static void image_of(struct chunk *c, const struct fields *f)
{
	struct slice object = field_object(f, "image_url");
	struct json_text url = field_text(f, "image_url");
	struct chat_media m = { 0 };
	struct chat_event *e;
	struct fields in;

	if (object.n > 0 && fields_read(&in, object, c->ev->a))
		url = field_text(&in, "url");
	if (json_text_empty(url) || !chat_media_from_url(&m, url, c->ev->a) ||
	    m.source != MEDIA_INLINE)
		return;
	e = add_text(c, EV_IMAGE, (struct json_text){ m.data });
	if (e != NULL)
		e->name = json_text_encode(m.mime, c->ev->a);
}

static void content_part(struct chunk *c, struct slice value)
{
	struct fields f;

	if (!fields_read(&f, value, c->ev->a))
		return;
	if (field_is(&f, "type", "thinking") || field_is(&f, "type", "reasoning"))
		thinking_part(c, &f);
	else if (field_is(&f, "type", "image_url"))
		image_of(c, &f);
	else if (field_is(&f, "type", "refusal"))
		add_text(c, EV_REFUSAL, field_text(&f, "refusal"));
	else
		add_text(c, EV_TEXT, field_text(&f, "text"));
}

/* {"google":{"thought_signature":..}} under extra_content. */
static struct json_text google_signature(const struct fields *f, struct arena *a)
{
	struct slice extra = field_object(f, "extra_content");
	struct fields in, google;

	if (extra.n == 0 || !fields_read(&in, extra, a) ||
	    !fields_read(&google, field_object(&in, "google"), a))
		return (struct json_text){ { NULL, 0 } };
	return field_text(&google, "thought_signature");
}

static void content_of(struct chunk *c, const struct fields *f)
{
	struct json_text signature = google_signature(f, c->ev->a);
	struct json_array it = json_array(field_array(f, "content"));
	struct chat_event *e = add_text(c, EV_TEXT, field_text(f, "content"));
	enum json_kind kind;
	struct slice value;

	while (json_array_next(&it, &value, &kind))
		content_part(c, value);
	if (json_text_empty(signature))
		return;
	if (e == NULL)
		e = add(c, EV_TEXT);
	if (e != NULL)
		e->signature = signature;
}

/* ---- reasoning -------------------------------------------------------------- */

static struct json_text detail_text(const struct fields *f)
{
	struct json_text text = field_text(f, "text");

	return json_text_empty(text) ? field_text(f, "summary") : text;
}

/* OpenRouter's, MiniMax's and weir's own. */
static void detail_of(struct chunk *c, struct slice value, bool texts)
{
	struct chat_event *e = NULL;
	struct json_text sign;
	struct fields f;

	if (!fields_read(&f, value, c->ev->a))
		return;
	sign = field_text(&f, "signature");
	if (texts)
		e = add_text(c, EV_REASONING, detail_text(&f));
	if (e != NULL) {
		e->summary = field_is(&f, "type", "reasoning.summary");
		e->id = field_text(&f, "id");
	}
	if (field_is(&f, "type", "reasoning.encrypted") &&
	    !json_text_empty(field_text(&f, "data"))) {
		e = add(c, EV_SIGNATURE);
		if (e == NULL)
			return;
		e->encrypted = true;
		e->text = field_text(&f, "data");
		e->id = field_text(&f, "id");
		return;
	}
	if (json_text_empty(sign))
		return;
	e = add(c, EV_SIGNATURE);
	if (e != NULL) {
		e->signature = sign;
		e->id = field_text(&f, "id");
	}
}

static bool details_say(struct chunk *c, struct slice array)
{
	struct json_array it = json_array(array);
	enum json_kind kind;
	struct slice value;
	struct fields f;

	while (json_array_next(&it, &value, &kind))
		if (fields_read(&f, value, c->ev->a) && !json_text_empty(detail_text(&f)))
			return true;
	return false;
}

/* The same thoughts may be there under two names.  In a whole answer the details are exact: in
 * a stream they may be a repetition at the end, so what came first is read. */
static void reasoning_of(struct chunk *c, const struct fields *f)
{
	struct slice details = field_array(f, "reasoning_details");
	struct json_array it = json_array(details);
	bool texts = !c->choice->reasoning;
	struct json_text plain;
	enum json_kind kind;
	struct slice value;

	plain = field_text(f, "reasoning_content");
	if (json_text_empty(plain))
		plain = field_text(f, "reasoning");
	if (!json_text_empty(plain) && !(c->whole && details_say(c, details))) {
		add_text(c, EV_REASONING, plain);
		c->choice->reasoning = true;
		texts = false;
	} else {
		texts_of(c, field_array(f, "reasoning_content"), EV_REASONING);
		texts_of(c, field_array(f, "reasoning"), EV_REASONING);
	}
	while (json_array_next(&it, &value, &kind))
		detail_of(c, value, texts);
}

/* ---- tool calls ------------------------------------------------------------- */

static struct call *call_new(struct chunk *c, uint64_t wire)
{
	struct openai_choice_in *ch = c->choice;
	struct call *call = ch->call_n < CALLS_MAX ? ARENA_NEW(c->keep, struct call) : NULL;

	if (call == NULL) {
		c->ev->failed = true;
		return NULL;
	}
	call->wire = wire;
	call->index = ch->call_n++;
	if (ch->tail == NULL)
		ch->tail = &ch->calls;
	*ch->tail = call;
	ch->tail = &call->next;
	return call;
}

static struct call *call_at(const struct openai_choice_in *ch, uint64_t wire)
{
	struct call *found = NULL;

	if (ch->last != NULL && ch->last->wire == wire)
		return ch->last;
	for (struct call *call = ch->calls; call != NULL; call = call->next)
		if (call->wire == wire)
			found = call;
	return found;
}

/* Which call a delta is of.  Most number them; Mistral does not (then an id or a name begins
 * one, and what has neither goes on with the last); some number all of them 0 (then another id
 * together with a name begins one).  DashScope sends "" as the id of what goes on, others
 * repeat it. */
static struct call *call_of(struct chunk *c, const struct fields *f, size_t place,
			    struct json_text id, struct json_text name)
{
	struct openai_choice_in *ch = c->choice;
	const bool named = !json_text_empty(name), has_id = !json_text_empty(id);
	struct call *call;
	uint64_t wire;

	if (c->whole) /* each is one, whatever its id */
		return call_new(c, place);
	if (json_u64(field_number(f, "index"), &wire)) {
		call = call_at(ch, wire);
		if (call == NULL || (named && has_id && !json_text_empty(call->id) &&
				     !slice_eq(call->id.s, id.s)))
			call = call_new(c, wire);
		return call;
	}
	if (has_id)
		for (call = ch->calls; call != NULL; call = call->next)
			if (slice_eq(call->id.s, id.s))
				return call;
	if (has_id || named || ch->last == NULL)
		return call_new(c, UINT64_MAX - ch->call_n);
	/* Several at once, without a word on which is which: by their place. */
	call = place > 0 ? ch->calls : ch->last;
	for (; place > 0 && call->next != NULL; place--)
		call = call->next;
	return call;
}

/* Ids that were not given must be ours, and not the same ones in every answer of a
 * conversation. */
static struct json_text id_invented(struct chunk *c, const struct call *call)
{
	uint64_t h = hash_mix(c->r->id_seed + c->choice->index * 1000003U + call->index);

	return (struct json_text){ arena_fmt(c->ev->a, "call_%016" PRIx64, h) };
}

static void call_begin(struct chunk *c, struct call *call, struct json_text signature)
{
	struct chat_event *e = call->begun ? NULL : add(c, EV_TOOL_BEGIN);

	if (e == NULL)
		return;
	call->begun = true;
	c->choice->content = true;
	e->index = call->index;
	e->id = json_text_empty(call->id) ? id_invented(c, call) : call->id;
	e->name = call->name;
	e->custom = call->custom;
	e->signature = signature;
}

static void call_end(struct chunk *c, struct call *call)
{
	struct chat_event *e;

	call_begin(c, call, (struct json_text){ { NULL, 0 } });
	e = add(c, EV_TOOL_END);
	if (e != NULL)
		e->index = call->index;
}

/* A piece of a string; or, with some servers, an object; or null. */
static struct json_text args_of(struct chunk *c, struct slice value)
{
	if (json_kind(value) == JSON_STRING)
		return json_text_of(value);
	if (json_kind(value) == JSON_NULL)
		return (struct json_text){ { NULL, 0 } };
	return json_text_encode(value, c->ev->a);
}

static void call_args(struct chunk *c, struct call *call, struct slice value)
{
	struct json_text args = args_of(c, value);
	struct chat_event *e;

	if (json_text_empty(args))
		return;
	call_begin(c, call, (struct json_text){ { NULL, 0 } });
	e = add_text(c, EV_TOOL_ARGS, args);
	if (e != NULL)
		e->index = call->index;
	call->given = true;
}

static void call_delta(struct chunk *c, struct slice value, size_t place)
{
	struct slice function, custom;
	struct json_text id, name;
	struct fields f, in;
	struct call *call;

	if (!fields_read(&f, value, c->ev->a))
		return;
	function = field_object(&f, "function");
	custom = field_object(&f, "custom");
	if (!fields_read(&in, custom.n > 0 ? custom : function, c->ev->a))
		return;
	id = field_text(&f, "id");
	name = field_text(&in, "name");
	call = call_of(c, &f, place, id, name);
	if (call == NULL)
		return;
	c->choice->last = call;
	call->custom |= custom.n > 0;
	if (!call->begun) {
		if (!json_text_empty(id))
			call->id = kept(c, id);
		if (!json_text_empty(name))
			call->name = kept(c, name);
		/* Some send the name after the id. */
		if (!json_text_empty(call->name))
			call_begin(c, call, google_signature(&f, c->ev->a));
	}
	call_args(c, call, field_json(&in, call->custom ? "input" : "arguments"));
}

static void calls_of(struct chunk *c, const struct fields *f)
{
	struct json_array it = json_array(field_array(f, "tool_calls"));
	enum json_kind kind;
	struct slice value;

	for (size_t place = 0; json_array_next(&it, &value, &kind); place++)
		call_delta(c, value, place);
}

/* The deprecated form: one call, which has no id. */
static void function_call_of(struct chunk *c, const struct fields *f)
{
	struct slice value = field_object(f, "function_call");
	struct json_text name;
	struct call *call;
	struct fields in;

	if (value.n == 0 || !fields_read(&in, value, c->ev->a))
		return;
	name = field_text(&in, "name");
	call = c->choice->calls != NULL ? c->choice->calls : call_new(c, 0);
	if (call == NULL)
		return;
	if (!call->begun && !json_text_empty(name)) {
		call->name = kept(c, name);
		call_begin(c, call, (struct json_text){ { NULL, 0 } });
	}
	call_args(c, call, field_json(&in, "arguments"));
}

/* ---- what else a message has ------------------------------------------------ */

static void audio_of(struct chunk *c, const struct fields *f)
{
	struct slice audio = field_object(f, "audio");
	struct chat_event *e;
	struct fields in;

	if (audio.n == 0 || !fields_read(&in, audio, c->ev->a))
		return;
	e = add(c, EV_AUDIO);
	if (e == NULL)
		return;
	e->id = field_text(&in, "id");
	e->text = field_text(&in, "data");
	e->name = field_text(&in, "transcript");
	c->choice->content = true;
}

static void images_of(struct chunk *c, const struct fields *f)
{
	struct json_array it = json_array(field_array(f, "images"));
	enum json_kind kind;
	struct slice value;
	struct fields in;

	while (json_array_next(&it, &value, &kind))
		if (fields_read(&in, value, c->ev->a))
			image_of(c, &in);
}

static void annotation_of(struct chunk *c, struct slice value)
{
	struct chat_event *e;
	struct fields f, in;
	struct slice cite;

	if (!fields_read(&f, value, c->ev->a) || !field_is(&f, "type", "url_citation"))
		return;
	cite = field_object(&f, "url_citation");
	if (!fields_read(&in, cite.n > 0 ? cite : value, c->ev->a))
		return;
	e = add(c, EV_ANNOTATION);
	if (e == NULL)
		return;
	e->u.annotation = (struct chat_annotation){
		.url = field_text(&in, "url"),
		.title = field_text(&in, "title"),
		.cited = field_text(&in, "content"),
		.start = field_u64(&in, "start_index", 0),
		.end = field_u64(&in, "end_index", 0),
		.raw = value,
	};
}

static void message_of(struct chunk *c, struct slice message)
{
	struct json_array it;
	enum json_kind kind;
	struct slice value;
	struct fields f;

	if (!fields_read(&f, message, c->ev->a))
		return;
	reasoning_of(c, &f);
	content_of(c, &f);
	add_text(c, EV_REFUSAL, field_text(&f, "refusal"));
	images_of(c, &f);
	audio_of(c, &f);
	for (it = json_array(field_array(&f, "annotations"));
	     json_array_next(&it, &value, &kind);)
		annotation_of(c, value);
	calls_of(c, &f);
	function_call_of(c, &f);
}

/* ---- the end of a choice ---------------------------------------------------- */

/* What kind an end is: nothing becomes a clean stop that was none. */
static bool finish_of(struct json_text word, enum finish_kind *kind)
{
	static const struct {
		struct slice word;
		enum finish_kind kind;
	} words[] = {
		{ LITC("stop"), FINISH_STOP },
		{ LITC("eos"), FINISH_STOP },       /* Together */
		{ LITC("eos_token"), FINISH_STOP }, /* Hugging Face's servers */
		{ LITC("end_turn"), FINISH_STOP },  /* passed through from Anthropic */
		{ LITC("stop_sequence"), FINISH_SEQUENCE },
		{ LITC("length"), FINISH_LENGTH },
		{ LITC("max_tokens"), FINISH_LENGTH },
		{ LITC("model_length"), FINISH_CONTEXT },                  /* Mistral */
		{ LITC("model_context_window_exceeded"), FINISH_CONTEXT }, /* Z.ai */
		{ LITC("tool_calls"), FINISH_TOOLS },
		{ LITC("tool_use"), FINISH_TOOLS },
		{ LITC("function_call"), FINISH_TOOLS },
		{ LITC("content_filter"), FINISH_FILTER },
		{ LITC("sensitive"), FINISH_FILTER }, /* Z.ai */
		{ LITC("refusal"), FINISH_REFUSAL },
	};

	if (json_text_empty(word))
		return false;
	*kind = FINISH_BROKEN;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (json_text_is(word, words[i].word))
			*kind = words[i].kind;
	return true;
}

static void finish(struct chunk *c, enum finish_kind kind, struct json_text sequence)
{
	struct openai_choice_in *ch = c->choice;
	struct chat_event *e;

	if (ch->finished)
		return;
	ch->finished = true;
	for (struct call *call = ch->calls; call != NULL; call = call->next)
		call_end(c, call);
	if (kind == FINISH_STOP && ch->calls != NULL)
		kind = FINISH_TOOLS;
	else if (kind == FINISH_STOP && !json_text_empty(sequence))
		kind = FINISH_SEQUENCE;
	if (ch->refused && (kind == FINISH_STOP || kind == FINISH_FILTER))
		kind = FINISH_REFUSAL;
	e = add(c, EV_FINISH);
	if (e == NULL)
		return;
	e->finish = kind;
	e->text = sequence;
}

static void fault_event(struct chunk *c, enum fault_kind kind, const char *message)
{
	struct chat_event *e = event_add(c->ev, EV_ERROR);

	c->r->ended = true;
	if (e != NULL)
		e->u.fault = (struct fault){ .kind = kind,
					     .status = 200,
					     .message = slice_cstr(message) };
}

static void end_of(struct chunk *c, const struct fields *f)
{
	struct json_text word = field_text(f, "finish_reason");
	enum finish_kind kind;

	if (json_text_is(word, LIT("insufficient_system_resource"))) /* DeepSeek */
		fault_event(c, FAULT_OVERLOADED, "insufficient_system_resource");
	else if (json_text_is(word, LIT("network_error"))) /* Z.ai */
		fault_event(c, FAULT_SERVER, "network_error");
	else if (finish_of(word, &kind))
		finish(c, kind, field_text(f, "stop_reason")); /* vLLM's: the sequence */
}

/* ---- chunks ----------------------------------------------------------------- */

static struct openai_choice_in *choice_at(struct chunk *c, uint64_t index)
{
	struct openai_choice_in **at = &c->r->choices;

	while (*at != NULL && (*at)->index != index)
		at = &(*at)->next;
	if (*at != NULL || index >= OPENAI_CHOICES_MAX)
		return *at;
	*at = ARENA_NEW(c->keep, struct openai_choice_in);
	if (*at == NULL)
		c->ev->failed = true;
	else
		(*at)->index = (unsigned)index;
	return *at;
}

static void start(struct chunk *c, const struct fields *f)
{
	struct json_text id = field_text(f, "id");
	struct chat_event *e;

	if (c->r->started)
		return;
	c->r->started = true;
	c->r->id_seed = hash_bytes(id.s, field_u64(f, "created", 0));
	e = event_add(c->ev, EV_START);
	if (e == NULL)
		return;
	e->id = id;
	e->name = field_text(f, "model");
}

static void choice_of(struct chunk *c, struct slice value, size_t place)
{
	struct slice raw;
	struct fields f, logprobs;
	struct chat_event *e;

	if (!fields_read(&f, value, c->ev->a))
		return;
	c->choice = choice_at(c, field_u64(&f, "index", place));
	if (c->choice == NULL || c->choice->finished)
		return;
	/* Perplexity's chunks have the whole message so far beside their delta. */
	raw = field_object(&f, "delta");
	if (raw.n == 0 && (c->whole || !c->choice->content))
		raw = field_object(&f, "message");
	message_of(c, raw);
	raw = field_object(&f, "logprobs");
	if (raw.n > 0 && fields_read(&logprobs, raw, c->ev->a)) {
		raw = field_array(&logprobs, "content");
		e = raw.n > 2 ? add(c, EV_LOGPROBS) : NULL;
		if (e != NULL)
			e->raw = raw;
	}
	end_of(c, &f);
}

/* Perplexity's sources: at the top of every chunk, so they are told once. */
static void sources_of(struct chunk *c, const struct fields *f)
{
	struct slice list = field_array(f, "search_results"), value;
	struct json_array it;
	struct chat_event *e;
	enum json_kind kind;
	struct fields in;

	if (list.n == 0)
		list = field_array(f, "citations");
	if (list.n <= 2 || c->r->sources || c->r->choices == NULL)
		return;
	c->r->sources = true;
	for (it = json_array(list); json_array_next(&it, &value, &kind);) {
		if (kind != JSON_STRING && kind != JSON_OBJECT)
			continue;
		e = event_add(c->ev, EV_ANNOTATION);
		if (e == NULL || !fields_read(&in, value, c->ev->a))
			return;
		e->u.annotation.url = kind == JSON_STRING ? json_text_of(value)
							  : field_text(&in, "url");
		e->u.annotation.title = field_text(&in, "title");
		e->u.annotation.raw = value;
	}
}

static void usage_of(struct chunk *c, const struct fields *f)
{
	struct slice usage = field_object(f, "usage"), groq = field_object(f, "x_groq");
	struct usage u = { 0 };
	struct fields in;

	if (usage.n == 0 && groq.n > 0 && fields_read(&in, groq, c->ev->a))
		usage = field_object(&in, "usage");
	if (usage.n == 0)
		return;
	openai_usage_read(&u, usage);
	if (u.known || u.odd)
		event_usage(c->ev, &u);
}

/* MiniMax has base_resp in every answer: an error is one whose code is not 0. */
static bool base_resp_fails(const struct fields *f, struct arena *a)
{
	struct slice base = field_object(f, "base_resp");
	struct fields in;

	return base.n > 0 && fields_read(&in, base, a) && field_u64(&in, "status_code", 0) != 0;
}

static bool groq_fails(const struct fields *f, struct arena *a)
{
	struct slice groq = field_object(f, "x_groq");
	struct fields in;

	return groq.n > 0 && fields_read(&in, groq, a) && field(&in, "error") != NULL;
}

/* An error instead of an answer: wrapped, flat, as a word, or beside an empty answer. */
static bool is_error(const struct fields *f, struct arena *a)
{
	static const char *const words[] = { "detail",     "errors",        "fault",  "code",
					     "error_code", "error_message", "message" };
	const struct json_member *error = field(f, "error");

	if (error != NULL && error->kind != JSON_BOOL &&
	    !(error->kind == JSON_STRING && error->value.n == 2))
		return true;
	if (base_resp_fails(f, a) || groq_fails(f, a) || field_is(f, "object", "error"))
		return true;
	if (field(f, "choices") != NULL || field(f, "usage") != NULL)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (field(f, words[i]) != NULL)
			return true;
	return false;
}

static void error_of(struct chunk *c, struct slice data)
{
	struct chat_event *e = event_add(c->ev, EV_ERROR);

	c->r->ended = true; /* nothing that follows makes it a whole answer */
	if (e != NULL)
		openai_error_read(&e->u.fault, 200, data, c->ev->a);
}

static void chunk_of(struct chunk *c, const struct fields *f)
{
	struct json_array it = json_array(field_array(f, "choices"));
	enum json_kind kind;
	struct slice value;

	/* Azure's first chunk has no choices, and neither id nor model. */
	for (size_t place = 0; json_array_next(&it, &value, &kind); place++) {
		start(c, f);
		choice_of(c, value, place);
	}
	sources_of(c, f);
	usage_of(c, f);
}

/* The ends that did not come: of choices that have something in them. */
static void finish_all(struct chunk *c)
{
	for (struct openai_choice_in *ch = c->r->choices; ch != NULL; ch = ch->next) {
		c->choice = ch;
		if (ch->content)
			finish(c, FINISH_STOP, (struct json_text){ { NULL, 0 } });
	}
}

static void end(struct chunk *c)
{
	if (c->r->ended)
		return;
	c->r->ended = true;
	finish_all(c);
	event_add(c->ev, EV_END);
}

/* ---- the table's functions -------------------------------------------------- */

static bool all_well(const struct chunk *c)
{
	return !c->ev->failed && !arena_failed(c->ev->a) && !arena_failed(c->keep);
}

/* Reads `data` as an object, or as an error.  False: there is no more to read in it. */
static bool object_of(struct chunk *c, struct slice name, struct slice data, struct fields *f,
		      enum rc *rc)
{
	enum json_kind kind = JSON_NULL;

	*rc = fields_scan(f, data, c->ev->a, &kind, NULL);
	if (*rc == OK && kind != JSON_OBJECT && kind != JSON_ARRAY)
		*rc = E_BAD;
	if (*rc != OK) {
		*rc = *rc == E_NOMEM ? E_NOMEM : E_BAD;
		return false;
	}
	/* Some wrap their errors in a list; no chunk and no answer is one. */
	if (kind == JSON_OBJECT && !is_error(f, c->ev->a) && !slice_eq(name, LIT("error")))
		return true;
	if (kind == JSON_OBJECT)
		usage_of(c, f);
	error_of(c, data);
	return false;
}

enum rc openai_event_from(void *state, struct arena *keep, struct slice name, struct slice data,
			  struct chat_events *ev)
{
	struct chunk c = { .r = state, .keep = keep, .ev = ev };
	struct slice text = slice_trim(data);
	struct fields f;
	enum rc rc = OK;

	if (text.n == 0 || c.r->ended)
		return OK;
	if (slice_eq(text, LIT("[DONE]")))
		end(&c);
	else if (object_of(&c, name, data, &f, &rc))
		chunk_of(&c, &f);
	return rc != OK ? rc : all_well(&c) ? OK : E_NOMEM;
}

void openai_stream_end(void *state, struct arena *keep, struct chat_events *ev)
{
	struct chunk c = { .r = state, .keep = keep, .ev = ev };

	/* Without [DONE] it is whole when every choice has said how it ended. */
	if (c.r->ended || c.r->choices == NULL)
		return;
	for (struct openai_choice_in *ch = c.r->choices; ch != NULL; ch = ch->next)
		if (!ch->finished)
			return;
	end(&c);
}

enum rc openai_answer_from(struct slice body, struct chat_events *ev)
{
	struct openai_reader r = { 0 };
	struct chunk c = { .r = &r, .keep = ev->a, .ev = ev, .whole = true };
	struct fields f;
	enum rc rc;

	if (object_of(&c, (struct slice){ NULL, 0 }, body, &f, &rc)) {
		if (field_array(&f, "choices").n == 0)
			return E_BAD;
		chunk_of(&c, &f);
		start(&c, &f);
		end(&c);
	}
	return rc != OK ? rc : all_well(&c) ? OK : E_NOMEM;
}
