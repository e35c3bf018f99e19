/* Whole answers to clients that speak the `openai` dialect, and the pieces that streams share
 * with them (stream_write.c).  Source: OpenAI API reference, "The chat completion object".
 *
 * What OpenAI has no words for is said as its compatible servers do: reasoning_content,
 * reasoning_details and images; stop_reason; the signatures of Gemini's calls as Google's
 * own compatible API has them.  Opaque state is sealed (chat/opaque.h). */
#include "chat/openai/answering.h"
#include "chat/openai/parts.h"

#include "chat/opaque.h"

const char *openai_finish_word(enum finish_kind kind)
{
	switch (kind) {
	case FINISH_STOP:
	case FINISH_SEQUENCE:
		return "stop";
	case FINISH_LENGTH:
	case FINISH_CONTEXT:
	case FINISH_PAUSE: /* not whole: more would come if it were sent back */
		return "length";
	case FINISH_TOOLS:
		return "tool_calls";
	case FINISH_FILTER:
	case FINISH_REFUSAL:
		return "content_filter";
	case FINISH_BROKEN:
		break;
	}
	return "error";
}

void openai_google_out(struct json_out *o, const struct chat_reply *to,
		       struct json_text signature)
{
	if (json_text_empty(signature))
		return;
	out_key(o, "extra_content");
	out_object(o);
	out_key(o, "google");
	out_object(o);
	out_key(o, "thought_signature"), out_text(o, opaque_seal(o->a, to->issuer, signature));
	out_close(o);
	out_close(o);
}

void openai_annotation_out(struct json_out *o, const struct chat_annotation *a)
{
	out_object(o);
	out_key(o, "type"), out_lit(o, "url_citation");
	out_key(o, "url_citation");
	out_object(o);
	out_key(o, "start_index"), out_u64(o, a->start);
	out_key(o, "end_index"), out_u64(o, a->end);
	out_key(o, "url"), out_text(o, a->url);
	out_key(o, "title"), out_text(o, a->title);
	if (!json_text_empty(a->cited))
		out_key(o, "content"), out_text(o, a->cited);
	out_close(o);
	out_close(o);
}

void openai_image_out(struct json_out *o, const struct chat_event *e)
{
	const struct chat_media m = { .source = MEDIA_INLINE,
				      .mime = json_text_plain(e->name, o->a),
				      .data = e->text.s };

	out_object(o);
	out_key(o, "type"), out_lit(o, "image_url");
	out_key(o, "image_url");
	out_object(o);
	out_key(o, "url"), chat_media_url_out(o, &m);
	out_close(o);
	out_close(o);
}

/* ---- of one choice ---------------------------------------------------------- */

/* The events of one choice of a whole answer. */
struct answer {
	const struct chat_reply *to;
	const struct chat_events *ev;
	struct json_out *o;
	unsigned choice;
	unsigned kinds; /* a bit per event_kind that is there */
};

static bool has(const struct answer *w, enum event_kind kind)
{
	return (w->kinds & (1U << kind)) != 0;
}

/* The next event of this choice and kind, from *at on; NULL: no more. */
static const struct chat_event *next_of(const struct answer *w, enum event_kind kind,
					size_t *at)
{
	while (*at < w->ev->n) {
		const struct chat_event *e = &w->ev->v[(*at)++];

		if (e->kind == kind && e->choice == w->choice)
			return e;
	}
	return NULL;
}

/* All texts of this kind as one string. */
static void joined_out(const struct answer *w, enum event_kind kind)
{
	const struct chat_event *e;
	size_t at = 0;

	out_text_open(w->o);
	while ((e = next_of(w, kind, &at)) != NULL)
		out_text_part(w->o, e->text);
	out_text_close(w->o);
}

/* The reasoning before a signature, from event `from` on, and the signature. */
static void detail_out(const struct answer *w, size_t from, size_t sign, unsigned index)
{
	const struct chat_event *s = &w->ev->v[sign], *e;
	struct openai_detail d = {
		.encrypted = s->encrypted,
		.opaque = s->encrypted ? s->text : s->signature,
		.id = s->id,
		.index = index,
	};

	for (size_t at = from; (e = next_of(w, EV_REASONING, &at)) != NULL && at <= sign;) {
		d.summary |= e->summary;
		if (json_text_empty(d.id))
			d.id = e->id;
	}
	openai_detail_open(w->o, w->to, &d);
	if (!s->encrypted) {
		out_key(w->o, d.summary ? "summary" : "text");
		out_text_open(w->o);
		for (size_t at = from;
		     (e = next_of(w, EV_REASONING, &at)) != NULL && at <= sign;)
			out_text_part(w->o, e->text);
		out_text_close(w->o);
	}
	out_close(w->o);
}

void openai_detail_open(struct json_out *o, const struct chat_reply *to,
			const struct openai_detail *d)
{
	struct json_text sealed = opaque_seal(o->a, to->issuer, d->opaque);

	out_object(o);
	out_key(o, "type");
	out_lit(o, d->encrypted ? "reasoning.encrypted"
		   : d->summary ? "reasoning.summary"
				: "reasoning.text");
	if (!json_text_empty(d->id))
		out_key(o, "id"), out_text(o, d->id);
	out_key(o, "index"), out_u64(o, d->index);
	out_key(o, d->encrypted ? "data" : "signature"), out_text(o, sealed);
}

static void reasoning_out(const struct answer *w)
{
	size_t from = 0, at = 0;
	unsigned index = 0;

	if (has(w, EV_REASONING))
		out_key(w->o, "reasoning_content"), joined_out(w, EV_REASONING);
	if (!has(w, EV_SIGNATURE))
		return;
	out_key(w->o, "reasoning_details");
	out_array(w->o);
	while (next_of(w, EV_SIGNATURE, &at) != NULL) {
		detail_out(w, from, at - 1, index++);
		if (!w->ev->v[at - 1].encrypted)
			from = at;
	}
	out_close(w->o);
}

/* The arguments of the call that begins at event `at`. */
static void args_out(const struct answer *w, size_t at, unsigned index, bool custom)
{
	bool any = false;

	out_text_open(w->o);
	for (; at < w->ev->n; at++) {
		const struct chat_event *e = &w->ev->v[at];

		if (e->choice != w->choice || e->index != index)
			continue;
		if (e->kind == EV_TOOL_END)
			break;
		if (e->kind != EV_TOOL_ARGS)
			continue;
		any |= !json_text_empty(e->text);
		out_text_part(w->o, e->text);
	}
	if (!any && !custom)
		out_str_part(w->o, LIT("{}"));
	out_text_close(w->o);
}

static void calls_out(const struct answer *w)
{
	const struct chat_event *e;
	size_t at = 0;

	out_key(w->o, "tool_calls");
	out_array(w->o);
	while ((e = next_of(w, EV_TOOL_BEGIN, &at)) != NULL) {
		const char *type = e->custom ? "custom" : "function";

		out_object(w->o);
		out_key(w->o, "id"), out_text(w->o, e->id);
		out_key(w->o, "type"), out_lit(w->o, type);
		out_key(w->o, type);
		out_object(w->o);
		out_key(w->o, "name"), out_text(w->o, e->name);
		out_key(w->o, e->custom ? "input" : "arguments");
		args_out(w, at, e->index, e->custom);
		out_close(w->o);
		openai_google_out(w->o, w->to, e->signature);
		out_close(w->o);
	}
	out_close(w->o);
}

static void audio_out(const struct answer *w)
{
	const struct chat_event *e;
	struct json_text id = { { NULL, 0 } };
	size_t at = 0;

	while ((e = next_of(w, EV_AUDIO, &at)) != NULL)
		if (json_text_empty(id))
			id = e->id;
	out_key(w->o, "audio");
	out_object(w->o);
	out_key(w->o, "id"), out_text(w->o, id);
	out_key(w->o, "data"), joined_out(w, EV_AUDIO);
	out_key(w->o, "transcript");
	out_text_open(w->o);
	for (at = 0; (e = next_of(w, EV_AUDIO, &at)) != NULL;)
		out_text_part(w->o, e->name);
	out_text_close(w->o);
	out_close(w->o);
}

/* Citations of documents have no URL, and no place here. */
static void annotations_out(const struct answer *w)
{
	const struct chat_event *e;
	size_t at = 0;

	out_key(w->o, "annotations");
	out_array(w->o);
	while ((e = next_of(w, EV_ANNOTATION, &at)) != NULL)
		if (!json_text_empty(e->u.annotation.url))
			openai_annotation_out(w->o, &e->u.annotation);
	out_close(w->o);
}

static void images_out(const struct answer *w)
{
	const struct chat_event *e;
	size_t at = 0;

	out_key(w->o, "images");
	out_array(w->o);
	while ((e = next_of(w, EV_IMAGE, &at)) != NULL)
		openai_image_out(w->o, e);
	out_close(w->o);
}

static void refusal_out(const struct answer *w, const struct chat_event *finish)
{
	out_key(w->o, "refusal");
	if (has(w, EV_REFUSAL))
		joined_out(w, EV_REFUSAL);
	else if (finish != NULL && finish->finish == FINISH_REFUSAL &&
		 !json_text_empty(finish->name))
		out_text(w->o, finish->name);
	else
		out_null(w->o);
}

static void message_out(const struct answer *w, const struct chat_event *finish)
{
	struct json_text signature = { { NULL, 0 } };
	const struct chat_event *e;
	size_t at = 0;

	out_object(w->o);
	out_key(w->o, "role"), out_lit(w->o, "assistant");
	out_key(w->o, "content");
	if (has(w, EV_TEXT) || !(has(w, EV_TOOL_BEGIN) || has(w, EV_REFUSAL)))
		joined_out(w, EV_TEXT);
	else
		out_null(w->o);
	refusal_out(w, finish);
	reasoning_out(w);
	while ((e = next_of(w, EV_TEXT, &at)) != NULL)
		if (!json_text_empty(e->signature))
			signature = e->signature;
	openai_google_out(w->o, w->to, signature);
	if (has(w, EV_TOOL_BEGIN))
		calls_out(w);
	if (has(w, EV_AUDIO))
		audio_out(w);
	if (has(w, EV_IMAGE))
		images_out(w);
	if (has(w, EV_ANNOTATION))
		annotations_out(w);
	out_close(w->o);
}

static void logprobs_out(const struct answer *w)
{
	const struct chat_event *e;
	struct json_array it;
	enum json_kind kind;
	struct slice value;
	size_t at = 0;

	out_key(w->o, "logprobs");
	if (!has(w, EV_LOGPROBS)) {
		out_null(w->o);
		return;
	}
	out_object(w->o);
	out_key(w->o, "content");
	out_array(w->o);
	while ((e = next_of(w, EV_LOGPROBS, &at)) != NULL)
		for (it = json_array(e->raw); json_array_next(&it, &value, &kind);)
			out_json(w->o, value);
	out_close(w->o);
	out_key(w->o, "refusal"), out_null(w->o);
	out_close(w->o);
}

static void choice_out(struct answer *w)
{
	const struct chat_event *finish;
	size_t at = 0;

	w->kinds = 0;
	for (size_t i = 0; i < w->ev->n; i++)
		if (w->ev->v[i].choice == w->choice)
			w->kinds |= 1U << w->ev->v[i].kind;
	finish = next_of(w, EV_FINISH, &at);
	out_object(w->o);
	out_key(w->o, "index"), out_u64(w->o, w->choice);
	out_key(w->o, "message"), message_out(w, finish);
	logprobs_out(w);
	out_key(w->o, "finish_reason");
	out_lit(w->o, openai_finish_word(finish == NULL ? FINISH_BROKEN : finish->finish));
	if (finish != NULL && finish->finish == FINISH_SEQUENCE &&
	    !json_text_empty(finish->text))
		out_key(w->o, "stop_reason"), out_text(w->o, finish->text);
	out_close(w->o);
}

void openai_answer_to(const struct chat_reply *to, const struct chat_events *ev,
		      struct json_out *out)
{
	struct answer w = { .to = to, .ev = ev, .o = out };
	const struct usage *usage = NULL;
	unsigned choices = 1;

	for (size_t i = 0; i < ev->n; i++) {
		if (ev->v[i].choice >= choices && ev->v[i].choice < OPENAI_CHOICES_MAX)
			choices = ev->v[i].choice + 1;
		if (ev->v[i].kind == EV_USAGE)
			usage = &ev->v[i].u.usage;
	}
	out_object(out);
	openai_head_out(out, to, "chat.completion");
	out_key(out, "choices");
	out_array(out);
	for (; w.choice < choices; w.choice++)
		choice_out(&w);
	out_close(out);
	if (usage != NULL)
		out_key(out, "usage"), openai_usage_write(out, usage);
	out_close(out);
}

void openai_head_out(struct json_out *o, const struct chat_reply *to, const char *object)
{
	out_key(o, "id");
	out_text_open(o);
	out_str_part(o, LIT("chatcmpl-"));
	out_str_part(o, to->id);
	out_text_close(o);
	out_key(o, "object"), out_lit(o, object);
	out_key(o, "created"), out_u64(o, to->created_s);
	out_key(o, "model"), out_str(o, to->model);
}
