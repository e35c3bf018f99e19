#include "chat/cohere/cohere.h"

#include "chat/opaque.h"

/* ---- what plain answers and streams share ---- */

/* The block that this event belongs to; BLOCK_NONE: none.  An empty text makes none. */
static enum cohere_block block_of(const struct chat_event *e)
{
	bool empty = json_text_empty(e->text) && json_text_empty(e->signature);

	if (e->choice != 0 || empty)
		return BLOCK_NONE;
	if (e->kind == EV_TEXT || e->kind == EV_REFUSAL)
		return BLOCK_TEXT;
	if (e->kind == EV_REASONING || e->kind == EV_SIGNATURE)
		return BLOCK_THINKING;
	return BLOCK_NONE;
}

static struct json_text sealed(const struct chat_reply *to, struct json_out *o,
			       struct json_text data)
{
	return opaque_seal(o->a, to->issuer, data);
}

static void usage_write(const struct usage *u, struct json_out *o)
{
	out_key(o, "usage"), out_object(o);
	out_key(o, "billed_units"), out_object(o);
	out_key(o, "input_tokens");
	out_u64(o, u->billed ? u->billed_input : usage_prompt(u));
	out_key(o, "output_tokens");
	out_u64(o, u->billed ? u->billed_output : usage_completion(u));
	if (u->searches > 0)
		out_key(o, "search_units"), out_u64(o, u->searches);
	out_close(o);
	out_key(o, "tokens"), out_object(o);
	out_key(o, "input_tokens"), out_u64(o, usage_prompt(u));
	out_key(o, "output_tokens"), out_u64(o, usage_completion(u));
	out_close(o);
	if (u->cache_read > 0)
		out_key(o, "cached_tokens"), out_u64(o, u->cache_read);
	out_close(o);
}

static void citation(const struct chat_annotation *x, unsigned block, struct json_out *o)
{
	out_object(o);
	if (x->end > 0) {
		out_key(o, "start"), out_u64(o, x->start);
		out_key(o, "end"), out_u64(o, x->end);
	}
	out_key(o, "sources"), out_array(o), out_object(o);
	out_key(o, "type"), out_lit(o, "document");
	out_key(o, "id"), out_text(o, json_text_empty(x->url) ? x->title : x->url);
	out_key(o, "document"), out_object(o);
	if (!json_text_empty(x->title))
		out_key(o, "title"), out_text(o, x->title);
	if (!json_text_empty(x->url))
		out_key(o, "url"), out_text(o, x->url);
	if (!json_text_empty(x->cited))
		out_key(o, "text"), out_text(o, x->cited);
	out_close(o);
	out_close(o), out_close(o);
	out_key(o, "content_index"), out_u64(o, block);
	out_key(o, "type"), out_lit(o, "TEXT_CONTENT");
	out_close(o);
}

/* One of OpenAI's items as one of Cohere's; the ids of tokens are not known. */
static void logprob(struct slice item, struct json_out *o)
{
	struct fields f;

	if (!fields_read(&f, item, o->a))
		return;
	out_object(o);
	out_key(o, "text"), out_text(o, field_text(&f, "token"));
	out_key(o, "token_ids"), out_array(o), out_close(o);
	out_key(o, "logprobs"), out_array(o);
	if (field_number(&f, "logprob").n > 0)
		out_json(o, field_number(&f, "logprob"));
	out_close(o);
	out_close(o);
}

static void error_text(struct cohere_end end, struct json_text words, struct json_out *o)
{
	if (end.error == NULL)
		return;
	out_key(o, "error"), out_text_open(o);
	out_str_part(o, slice_cstr(end.error));
	if (!json_text_empty(words)) {
		out_str_part(o, LIT(": "));
		out_text_part(o, words);
	}
	out_text_close(o);
}

/* ---- plain answers ---- */

/* Ends the block in hand, with what is put beside its text. */
static void block_close(struct cohere_blocks *b, const char *key, struct json_text value,
			struct json_out *o)
{
	if (b->open == BLOCK_NONE)
		return;
	out_text_close(o);
	if (!json_text_empty(value))
		out_key(o, key), out_text(o, value);
	out_close(o);
	b->open = BLOCK_NONE;
}

static void block_open(struct cohere_blocks *b, enum cohere_block kind, struct json_out *o)
{
	const char *name = kind == BLOCK_TEXT ? "text" : "thinking";

	if (b->open == kind)
		return;
	block_close(b, NULL, JTEXT(""), o);
	b->open = kind;
	b->n++;
	out_object(o);
	out_key(o, "type"), out_lit(o, name);
	out_key(o, name), out_text_open(o);
}

static void block_event(struct cohere_blocks *b, const struct chat_reply *to,
			const struct chat_event *e, struct json_out *o)
{
	enum cohere_block kind = block_of(e);

	if (kind == BLOCK_NONE)
		return;
	block_open(b, kind, o);
	if (e->kind == EV_SIGNATURE && e->encrypted) {
		block_close(b, "encrypted", sealed(to, o, e->text), o);
		return;
	}
	if (e->kind != EV_SIGNATURE)
		out_text_part(o, e->text);
	if (!json_text_empty(e->signature))
		block_close(b, "signature", sealed(to, o, e->signature), o);
}

static void content(const struct chat_reply *to, const struct chat_events *ev, bool calls,
		    struct json_out *o)
{
	struct cohere_blocks b = { 0 };
	bool any = false;

	for (size_t i = 0; i < ev->n && !any; i++)
		any = block_of(&ev->v[i]) != BLOCK_NONE;
	if (!any && calls)
		return;
	out_key(o, "content"), out_array(o);
	if (!any)
		block_open(&b, BLOCK_TEXT, o); /* clients look at content[0].text */
	for (size_t i = 0; i < ev->n; i++)
		block_event(&b, to, &ev->v[i], o);
	block_close(&b, NULL, JTEXT(""), o);
	out_close(o);
}

/* Its arguments are among the events from `i` to its end. */
static void call_args(const struct chat_events *ev, size_t i, struct json_out *o)
{
	const struct chat_event *begin = &ev->v[i];
	bool any = false;

	out_key(o, "arguments"), out_text_open(o);
	if (begin->custom)
		out_text_part(o, JTEXT("{\\\"input\\\":\\\""));
	for (i++; i < ev->n; i++) {
		const struct chat_event *e = &ev->v[i];

		if (e->choice != 0 || e->index != begin->index)
			continue;
		if (e->kind == EV_TOOL_END)
			break;
		if (e->kind != EV_TOOL_ARGS || json_text_empty(e->text))
			continue;
		any = true;
		if (begin->custom)
			out_str_part(o, e->text.s); /* escaped once more */
		else
			out_text_part(o, e->text);
	}
	if (begin->custom)
		out_text_part(o, JTEXT("\\\"}"));
	else if (!any)
		out_text_part(o, JTEXT("{}"));
	out_text_close(o);
}

static void call_open(const struct chat_reply *to, const struct chat_event *e,
		      struct json_out *o)
{
	out_object(o);
	out_key(o, "id"), out_text(o, e->id);
	out_key(o, "type"), out_lit(o, "function");
	if (!json_text_empty(e->signature))
		out_key(o, "signature"), out_text(o, sealed(to, o, e->signature));
	out_key(o, "function"), out_object(o);
	out_key(o, "name"), out_text(o, e->name);
}

static void calls_write(const struct chat_reply *to, const struct chat_events *ev,
			struct json_out *o)
{
	out_key(o, "tool_calls"), out_array(o);
	for (size_t i = 0; i < ev->n; i++) {
		if (ev->v[i].kind != EV_TOOL_BEGIN || ev->v[i].choice != 0)
			continue;
		call_open(to, &ev->v[i], o);
		call_args(ev, i, o);
		out_close(o);
		out_close(o);
	}
	out_close(o);
}

static void citations_write(const struct chat_events *ev, struct json_out *o)
{
	struct cohere_blocks b = { 0 };

	out_key(o, "citations"), out_array(o);
	for (size_t i = 0; i < ev->n; i++) {
		const struct chat_event *e = &ev->v[i];
		enum cohere_block kind = block_of(e);

		if (kind != BLOCK_NONE && kind != b.open)
			b.n++;
		if (kind != BLOCK_NONE)
			b.open = json_text_empty(e->signature) && !e->encrypted ? kind
										: BLOCK_NONE;
		if (e->kind == EV_ANNOTATION && e->choice == 0)
			citation(&e->u.annotation, b.n > 0 ? b.n - 1 : 0, o);
	}
	out_close(o);
}

static void logprobs_write(const struct chat_events *ev, struct json_out *o)
{
	enum json_kind kind;
	struct slice v;

	out_key(o, "logprobs"), out_array(o);
	for (size_t i = 0; i < ev->n; i++) {
		struct json_array it = json_array(ev->v[i].raw);

		if (ev->v[i].kind != EV_LOGPROBS || ev->v[i].choice != 0)
			continue;
		while (json_array_next(&it, &v, &kind))
			logprob(v, o);
	}
	out_close(o);
}

/* The last event of this kind; NULL: none. */
static const struct chat_event *last(const struct chat_events *ev, enum event_kind kind)
{
	for (size_t i = ev->n; i-- > 0;)
		if (ev->v[i].kind == kind && ev->v[i].choice == 0)
			return &ev->v[i];
	return NULL;
}

static void end_write(const struct chat_events *ev, struct json_out *o)
{
	const struct chat_event *finish = last(ev, EV_FINISH), *error = last(ev, EV_ERROR);
	struct cohere_end end = cohere_end_of(finish != NULL ? finish->finish : FINISH_BROKEN);

	if (error != NULL) {
		out_key(o, "finish_reason"), out_lit(o, "ERROR");
		out_key(o, "error"), out_str(o, error->u.fault.message);
		return;
	}
	out_key(o, "finish_reason"), out_lit(o, end.reason);
	error_text(end, finish != NULL ? finish->name : JTEXT(""), o);
}

void cohere_answer_write(const struct chat_reply *to, const struct chat_events *ev,
			 struct json_out *out)
{
	const struct chat_event *usage = last(ev, EV_USAGE);
	bool calls = last(ev, EV_TOOL_BEGIN) != NULL;

	out_object(out);
	out_key(out, "id"), out_str(out, to->id);
	end_write(ev, out);
	out_key(out, "message"), out_object(out);
	out_key(out, "role"), out_lit(out, "assistant");
	content(to, ev, calls, out);
	if (calls)
		calls_write(to, ev, out);
	if (last(ev, EV_ANNOTATION) != NULL)
		citations_write(ev, out);
	out_close(out);
	if (usage != NULL)
		usage_write(&usage->u.usage, out);
	if (last(ev, EV_LOGPROBS) != NULL)
		logprobs_write(ev, out);
	out_close(out);
}

/* ---- streams ---- */

/* Opens a frame up to its members' end: {"type":"..","index":.. */
static void frame(const char *type, struct json_out *o)
{
	out_raw(o, LIT("event: "));
	out_raw_lit(o, type);
	out_raw(o, LIT("\ndata: "));
	out_object(o);
	out_key(o, "type"), out_lit(o, type);
}

static void frame_end(struct json_out *o)
{
	out_close(o);
	out_raw(o, LIT("\n\n"));
}

static void frame_at(const char *type, unsigned index, struct json_out *o)
{
	frame(type, o);
	out_key(o, "index"), out_u64(o, index);
}

/* "delta":{"message":{"key": and three ends. */
static void delta(const char *key, struct json_out *o)
{
	out_key(o, "delta"), out_object(o);
	out_key(o, "message"), out_object(o);
	out_key(o, key);
}

static void delta_end(struct json_out *o)
{
	out_close(o), out_close(o);
	frame_end(o);
}

static void start(struct cohere_writer *w, const struct chat_reply *to, struct json_out *o)
{
	if (w->started)
		return;
	w->started = true;
	frame("message-start", o);
	out_key(o, "id"), out_str(o, to->id);
	out_key(o, "delta"), out_object(o);
	out_key(o, "message"), out_object(o);
	out_key(o, "role"), out_lit(o, "assistant");
	delta_end(o);
}

static void stream_block_close(struct cohere_writer *w, struct json_out *o)
{
	if (w->blocks.open == BLOCK_NONE)
		return;
	frame_at("content-end", w->blocks.n - 1, o);
	frame_end(o);
	w->blocks.open = BLOCK_NONE;
}

static void stream_block_open(struct cohere_writer *w, enum cohere_block kind,
			      struct json_out *o)
{
	const char *name = kind == BLOCK_TEXT ? "text" : "thinking";

	if (w->blocks.open == kind)
		return;
	stream_block_close(w, o);
	w->blocks.open = kind;
	frame_at("content-start", w->blocks.n++, o);
	delta("content", o);
	out_object(o);
	out_key(o, "type"), out_lit(o, name);
	out_key(o, name), out_lit(o, "");
	out_close(o);
	delta_end(o);
}

static void content_delta(struct cohere_writer *w, const char *key, struct json_text value,
			  const char *also, struct json_text also_value, struct json_out *o)
{
	frame_at("content-delta", w->blocks.n - 1, o);
	delta("content", o);
	out_object(o);
	out_key(o, key), out_text(o, value);
	if (!json_text_empty(also_value))
		out_key(o, also), out_text(o, also_value);
	out_close(o);
	delta_end(o);
}

static void stream_content(struct cohere_writer *w, const struct chat_reply *to,
			   const struct chat_event *e, struct json_out *o)
{
	enum cohere_block kind = block_of(e);
	struct json_text signature = sealed(to, o, e->signature);

	if (kind == BLOCK_NONE)
		return;
	stream_block_open(w, kind, o);
	if (e->kind != EV_SIGNATURE) {
		content_delta(w, kind == BLOCK_TEXT ? "text" : "thinking", e->text, "signature",
			      signature, o);
	} else {
		if (e->encrypted)
			content_delta(w, "encrypted", sealed(to, o, e->text), NULL, JTEXT(""),
				      o);
		else
			content_delta(w, "signature", signature, NULL, JTEXT(""), o);
		stream_block_close(w, o); /* what follows is another thought */
	}
}

/* ---- calls of a stream ---- */

static bool bit(const uint64_t *set, unsigned i)
{
	return i < COHERE_CALLS_MAX && (set[i / 64] >> i % 64 & 1) != 0;
}

static void bit_set(uint64_t *set, unsigned i)
{
	if (i < COHERE_CALLS_MAX)
		set[i / 64] |= 1ULL << i % 64;
}

/* A frame around one piece of the arguments, which the caller writes. */
static void args_open(unsigned index, struct json_out *o)
{
	frame_at("tool-call-delta", index, o);
	delta("tool_calls", o);
	out_object(o);
	out_key(o, "function"), out_object(o);
	out_key(o, "arguments"), out_text_open(o);
}

static void args_close(struct json_out *o)
{
	out_text_close(o);
	out_close(o), out_close(o);
	delta_end(o);
}

static void args_literal(unsigned index, struct json_text text, struct json_out *o)
{
	args_open(index, o);
	out_text_part(o, text);
	args_close(o);
}

static void stream_call_begin(struct cohere_writer *w, const struct chat_reply *to,
			      const struct chat_event *e, struct json_out *o)
{
	stream_block_close(w, o);
	frame_at("tool-call-start", e->index, o);
	delta("tool_calls", o);
	call_open(to, e, o);
	out_key(o, "arguments"), out_lit(o, "");
	out_close(o), out_close(o);
	delta_end(o);
	if (e->custom)
		bit_set(w->custom, e->index);
	if (bit(w->custom, e->index))
		args_literal(e->index, JTEXT("{\\\"input\\\":\\\""), o);
}

static void stream_call_args(struct cohere_writer *w, const struct chat_event *e,
			     struct json_out *o)
{
	if (json_text_empty(e->text))
		return;
	bit_set(w->has_args, e->index);
	args_open(e->index, o);
	if (bit(w->custom, e->index))
		out_str_part(o, e->text.s); /* escaped once more */
	else
		out_text_part(o, e->text);
	args_close(o);
}

static void stream_call_end(struct cohere_writer *w, const struct chat_event *e,
			    struct json_out *o)
{
	if (bit(w->custom, e->index))
		args_literal(e->index, JTEXT("\\\"}"), o);
	else if (e->index < COHERE_CALLS_MAX && !bit(w->has_args, e->index))
		args_literal(e->index, JTEXT("{}"), o);
	frame_at("tool-call-end", e->index, o);
	frame_end(o);
}

/* ---- the rest of a stream ---- */

static void stream_citation(struct cohere_writer *w, const struct chat_event *e,
			    struct json_out *o)
{
	frame_at("citation-start", w->citations, o);
	delta("citations", o);
	citation(&e->u.annotation, w->blocks.n > 0 ? w->blocks.n - 1 : 0, o);
	delta_end(o);
	frame_at("citation-end", w->citations, o);
	frame_end(o);
	w->citations++;
}

static void stream_logprobs(struct cohere_writer *w, struct slice items, struct json_out *o)
{
	struct json_array it = json_array(items);
	enum json_kind kind;
	struct slice v;

	while (json_array_next(&it, &v, &kind)) {
		stream_block_open(w, BLOCK_TEXT, o);
		frame_at("content-delta", w->blocks.n - 1, o);
		out_key(o, "logprobs"), logprob(v, o);
		delta("content", o);
		out_object(o);
		out_key(o, "text"), out_lit(o, "");
		out_close(o);
		delta_end(o);
	}
}

/* `message`: of an error that is none of the finishes; NULL: it is one. */
static void message_end(struct cohere_writer *w, const struct slice *message,
			struct json_out *o)
{
	struct cohere_end end = cohere_end_of(w->finished ? w->finish : FINISH_BROKEN);

	stream_block_close(w, o);
	w->ended = true;
	frame("message-end", o);
	out_key(o, "delta"), out_object(o);
	if (message != NULL) {
		out_key(o, "error"), out_str(o, *message);
		out_key(o, "finish_reason"), out_lit(o, "ERROR");
	} else {
		error_text(end, w->words, o);
		out_key(o, "finish_reason"), out_lit(o, end.reason);
	}
	if (w->usage.known || w->usage.estimated)
		usage_write(&w->usage, o);
	out_close(o);
	frame_end(o);
}

void cohere_event_write(void *state, const struct chat_reply *to, struct arena *keep,
			const struct chat_event *e, struct json_out *out)
{
	struct cohere_writer *w = state;

	if (w->ended || e->choice != 0)
		return;
	if (e->kind == EV_PING) {
		out_raw(out, LIT(": \n\n"));
		return;
	}
	start(w, to, out);
	switch (e->kind) {
	case EV_TEXT:
	case EV_REFUSAL:
	case EV_REASONING:
	case EV_SIGNATURE:
		stream_content(w, to, e, out);
		break;
	case EV_TOOL_BEGIN:
		stream_call_begin(w, to, e, out);
		break;
	case EV_TOOL_ARGS:
		stream_call_args(w, e, out);
		break;
	case EV_TOOL_END:
		stream_call_end(w, e, out);
		break;
	case EV_ANNOTATION:
		stream_citation(w, e, out);
		break;
	case EV_LOGPROBS:
		stream_logprobs(w, e->raw, out);
		break;
	case EV_USAGE:
		w->usage = e->u.usage;
		break;
	case EV_FINISH: /* said in the same frame as the usage, which may follow */
		w->finished = true;
		w->finish = e->finish;
		w->words.s = arena_copy(keep, e->name.s);
		break;
	case EV_END:
		message_end(w, NULL, out);
		break;
	case EV_ERROR:
		message_end(w, &e->u.fault.message, out);
		break;
	case EV_START:
	case EV_AUDIO: /* Cohere's answers have neither sound nor pictures */
	case EV_IMAGE:
	case EV_OTHER:
	case EV_PING:
		break;
	}
}

void cohere_error_event_write(void *state, const struct chat_reply *to,
			      const struct chat_error *e, struct json_out *out)
{
	struct cohere_writer *w = state;

	if (w->ended)
		return;
	start(w, to, out);
	message_end(w, &e->message, out);
}
