/* A streamed answer to a client (Anthropic's API reference: Streaming).
 *
 * One block is open at a time here, while calls of other dialects may overlap: what comes
 * while a call is open waits in `held` until the call has ended, in its order.
 *
 * message_start waits for the first thing of the answer, so that usage which came before it
 * can stand in it. */
#include "chat/anthropic/anthropic.h"

enum open_kind { OPEN_NONE, OPEN_TEXT, OPEN_THINKING, OPEN_TOOL };

struct piece {
	struct piece *next;
	struct json_text text;
};

/* A call with its pieces so far, or any other event. */
struct held {
	struct held *next;
	struct chat_event e;
	struct piece *pieces, **tail;
	bool ended;
};

struct writer {
	bool started, ended, finished, tools;
	enum open_kind open;
	unsigned tool; /* the open one */
	uint64_t blocks;
	struct held *held, **held_tail;
	struct usage usage;
	struct chat_event finish;
};

/* A call of a writer. */
struct to {
	struct writer *w;
	const struct chat_reply *reply;
	struct arena *keep;
	struct json_out *o;
};

_Static_assert(sizeof(struct writer) <= ANTHROPIC_WRITER_BYTES, "the table says how much");

/* ---- frames ---------------------------------------------------------------------------- */

static void frame_open(struct json_out *o, const char *type)
{
	out_raw_lit(o, "event: ");
	out_raw_lit(o, type);
	out_raw_lit(o, "\ndata: ");
	out_object(o);
	out_key(o, "type"), out_lit(o, type);
}

static void frame_close(struct json_out *o)
{
	out_close(o);
	out_raw_lit(o, "\n\n");
}

static void message_start(const struct to *t)
{
	if (t->w->started)
		return;
	t->w->started = true;
	frame_open(t->o, "message_start");
	out_key(t->o, "message");
	anthropic_message_open(t->reply, t->o);
	out_close(t->o);
	anthropic_stop_out(t->o, NULL, false);
	out_key(t->o, "usage");
	anthropic_usage_out(t->o, &t->w->usage);
	out_close(t->o);
	frame_close(t->o);
}

static void block_close(const struct to *t)
{
	if (t->w->open == OPEN_NONE)
		return;
	t->w->open = OPEN_NONE;
	frame_open(t->o, "content_block_stop");
	out_key(t->o, "index"), out_u64(t->o, t->w->blocks - 1);
	frame_close(t->o);
}

/* Up to the members of the block; block_started() is next. */
static void block_start(const struct to *t, const char *type)
{
	frame_open(t->o, "content_block_start");
	out_key(t->o, "index"), out_u64(t->o, t->w->blocks++);
	out_key(t->o, "content_block");
	if (type == NULL)
		return;
	out_object(t->o);
	out_key(t->o, "type"), out_lit(t->o, type);
}

static void block_started(const struct to *t, enum open_kind open)
{
	out_close(t->o);
	frame_close(t->o);
	t->w->open = open;
}

/* The last block goes on: `{"type":type,member:text}`. */
static void delta(const struct to *t, const char *type, const char *member,
		  struct json_text text)
{
	out_raw_lit(t->o, "event: content_block_delta\n"
			  "data: {\"type\":\"content_block_delta\",\"index\":");
	out_u64(t->o, t->w->blocks - 1);
	out_raw_lit(t->o, ",\"delta\":{\"type\":\"");
	out_raw_lit(t->o, type);
	out_raw_lit(t->o, "\",\"");
	out_raw_lit(t->o, member);
	out_raw_lit(t->o, "\":");
	out_text(t->o, text);
	out_raw_lit(t->o, "}}\n\n");
}

static void open_text(const struct to *t)
{
	if (t->w->open == OPEN_TEXT)
		return;
	block_close(t);
	block_start(t, "text");
	out_key(t->o, "text"), out_lit(t->o, "");
	block_started(t, OPEN_TEXT);
}

static void open_thinking(const struct to *t)
{
	if (t->w->open == OPEN_THINKING)
		return;
	block_close(t);
	block_start(t, "thinking");
	out_key(t->o, "thinking"), out_lit(t->o, "");
	out_key(t->o, "signature"), out_lit(t->o, "");
	block_started(t, OPEN_THINKING);
}

static void redacted(const struct to *t, struct json_text data)
{
	block_close(t);
	block_start(t, "redacted_thinking");
	out_key(t->o, "data"), out_text(t->o, data);
	block_started(t, OPEN_THINKING);
	block_close(t);
}

static void open_tool(const struct to *t, const struct chat_event *e)
{
	block_close(t);
	if (!json_text_empty(e->signature))
		redacted(t, anthropic_bound(t->reply, e->signature, t->o->a));
	block_start(t, "tool_use");
	out_key(t->o, "id"), out_text(t->o, e->id);
	out_key(t->o, "name"), out_text(t->o, e->name);
	out_key(t->o, "input"), out_object(t->o), out_close(t->o);
	block_started(t, OPEN_TOOL);
	t->w->tool = e->index;
	t->w->tools = true;
	delta(t, "input_json_delta", "partial_json", JTEXT(""));
}

/* ---- events ---------------------------------------------------------------------------- */

static void put_text(const struct to *t, const struct chat_event *e)
{
	if (!json_text_empty(e->signature))
		redacted(t, anthropic_bound(t->reply, e->signature, t->o->a));
	if (json_text_empty(e->text))
		return;
	open_text(t);
	delta(t, "text_delta", "text", e->text);
}

static void put_signature(const struct to *t, const struct chat_event *e)
{
	if (e->encrypted) {
		redacted(t, opaque_seal(t->o->a, t->reply->issuer, e->text));
		return;
	}
	if (json_text_empty(e->signature))
		return;
	open_thinking(t);
	delta(t, "signature_delta", "signature",
	      opaque_seal(t->o->a, t->reply->issuer, e->signature));
	block_close(t);
}

static void put_citation(const struct to *t, const struct chat_event *e)
{
	open_text(t);
	frame_open(t->o, "content_block_delta");
	out_key(t->o, "index"), out_u64(t->o, t->w->blocks - 1);
	out_key(t->o, "delta");
	out_object(t->o);
	out_key(t->o, "type"), out_lit(t->o, "citations_delta");
	out_key(t->o, "citation"), anthropic_citation_out(t->o, &e->u.annotation);
	out_close(t->o);
	frame_close(t->o);
}

static void put_image(const struct to *t, const struct chat_event *e)
{
	open_text(t);
	delta(t, "text_delta", "text", JTEXT("["));
	delta(t, "text_delta", "text", e->name);
	delta(t, "text_delta", "text", JTEXT(": an image, which this protocol cannot show]"));
}

static void put_other(const struct to *t, const struct chat_event *e)
{
	if (!anthropic_own_block(e->raw))
		return;
	block_close(t);
	block_start(t, NULL);
	out_json_line(t->o, e->raw);
	frame_close(t->o);
	t->w->open = OPEN_THINKING; /* any: it ends at once */
	block_close(t);
}

/* Of the answer, when no call is open but its own. */
static void put(const struct to *t, const struct chat_event *e)
{
	switch (e->kind) {
	case EV_TEXT:
	case EV_REFUSAL:
		put_text(t, e);
		return;
	case EV_REASONING:
		if (json_text_empty(e->text))
			return;
		open_thinking(t);
		delta(t, "thinking_delta", "thinking", e->text);
		return;
	case EV_SIGNATURE:
		put_signature(t, e);
		return;
	case EV_TOOL_BEGIN:
		open_tool(t, e);
		return;
	case EV_TOOL_ARGS:
		if (t->w->open == OPEN_TOOL && !json_text_empty(e->text))
			delta(t, "input_json_delta", "partial_json", e->text);
		return;
	case EV_TOOL_END:
		if (t->w->open == OPEN_TOOL)
			block_close(t);
		return;
	case EV_ANNOTATION:
		put_citation(t, e);
		return;
	case EV_AUDIO: /* its words */
		if (json_text_empty(e->name))
			return;
		open_text(t);
		delta(t, "text_delta", "text", e->name);
		return;
	case EV_IMAGE:
		put_image(t, e);
		return;
	case EV_OTHER:
		put_other(t, e);
		return;
	case EV_START:
	case EV_LOGPROBS:
	case EV_USAGE:
	case EV_FINISH:
	case EV_END:
	case EV_ERROR:
	case EV_PING:
		return;
	}
}

/* ---- what waits ------------------------------------------------------------------------ */

static struct json_text kept(const struct to *t, struct json_text text)
{
	return (struct json_text){ arena_copy(t->keep, text.s) };
}

/* The event with copies of all that it borrows. */
static struct chat_event kept_event(const struct to *t, const struct chat_event *e)
{
	struct chat_event k = *e;

	k.text = kept(t, e->text);
	k.id = kept(t, e->id);
	k.name = kept(t, e->name);
	k.signature = kept(t, e->signature);
	k.raw = arena_copy(t->keep, e->raw);
	if (e->kind == EV_ANNOTATION) {
		k.u.annotation.url = kept(t, e->u.annotation.url);
		k.u.annotation.title = kept(t, e->u.annotation.title);
		k.u.annotation.cited = kept(t, e->u.annotation.cited);
		k.u.annotation.raw = arena_copy(t->keep, e->u.annotation.raw);
	}
	return k;
}

static struct held *held_call(const struct writer *w, unsigned index)
{
	struct held *found = NULL;

	for (struct held *h = w->held; h != NULL; h = h->next)
		if (h->e.kind == EV_TOOL_BEGIN && h->e.index == index)
			found = h;
	return found;
}

static void hold_piece(const struct to *t, struct held *h, struct json_text text)
{
	struct piece *p = ARENA_NEW(t->keep, struct piece);

	if (p == NULL)
		return;
	p->text = kept(t, text);
	*h->tail = p;
	h->tail = &p->next;
}

static void hold(const struct to *t, const struct chat_event *e)
{
	struct writer *w = t->w;
	struct held *h;

	if (e->kind == EV_TOOL_ARGS || e->kind == EV_TOOL_END) {
		h = held_call(w, e->index);
		if (h == NULL || h->ended)
			return;
		if (e->kind == EV_TOOL_END)
			h->ended = true;
		else
			hold_piece(t, h, e->text);
		return;
	}
	h = ARENA_NEW(t->keep, struct held);
	if (h == NULL)
		return;
	h->e = kept_event(t, e);
	h->tail = &h->pieces;
	if (w->held == NULL)
		w->held_tail = &w->held;
	*w->held_tail = h;
	w->held_tail = &h->next;
}

/* Writes what waits, up to a call that has not ended; `all`: nothing more will come. */
static void release(const struct to *t, bool all)
{
	struct writer *w = t->w;

	while (w->held != NULL && (all || w->open != OPEN_TOOL)) {
		struct held *h = w->held;

		if (w->open == OPEN_TOOL)
			block_close(t);
		w->held = h->next;
		put(t, &h->e);
		for (struct piece *p = h->pieces; p != NULL; p = p->next)
			delta(t, "input_json_delta", "partial_json", p->text);
		if (h->ended)
			block_close(t);
	}
	if (all)
		block_close(t);
}

static void content(const struct to *t, const struct chat_event *e)
{
	struct writer *w = t->w;
	bool of_open = (e->kind == EV_TOOL_BEGIN || e->kind == EV_TOOL_ARGS ||
			e->kind == EV_TOOL_END) &&
		       e->index == w->tool;

	message_start(t);
	if (w->open != OPEN_TOOL) {
		put(t, e);
	} else if (!of_open) {
		hold(t, e);
	} else if (e->kind != EV_TOOL_BEGIN) {
		put(t, e);
		release(t, false);
	}
}

/* ---- the end --------------------------------------------------------------------------- */

static void finish(const struct to *t, const struct chat_event *e)
{
	if (t->w->finished)
		return;
	message_start(t);
	release(t, true);
	t->w->finished = true;
	t->w->finish = kept_event(t, e);
}

static void end(const struct to *t)
{
	struct writer *w = t->w;

	message_start(t);
	release(t, true);
	w->ended = true;
	frame_open(t->o, "message_delta");
	out_key(t->o, "delta");
	out_object(t->o);
	anthropic_stop_out(t->o, w->finished ? &w->finish : NULL, w->tools);
	out_close(t->o);
	out_key(t->o, "usage");
	anthropic_usage_out(t->o, &w->usage);
	frame_close(t->o);
	frame_open(t->o, "message_stop");
	frame_close(t->o);
}

void anthropic_event_write(void *state, const struct chat_reply *to, struct arena *keep,
			   const struct chat_event *e, struct json_out *out)
{
	struct writer *w = state;
	const struct to t = { .w = w, .reply = to, .keep = keep, .o = out };

	if (w->ended || e->choice != 0)
		return;
	switch (e->kind) {
	case EV_START:
	case EV_LOGPROBS:
		return;
	case EV_USAGE:
		w->usage = e->u.usage;
		return;
	case EV_PING:
		frame_open(out, "ping");
		frame_close(out);
		return;
	case EV_ERROR:
		w->ended = true;
		anthropic_fault_event(&e->u.fault, out);
		return;
	case EV_FINISH:
		finish(&t, e);
		break;
	case EV_END:
		end(&t);
		break;
	case EV_TEXT:
	case EV_REASONING:
	case EV_SIGNATURE:
	case EV_REFUSAL:
	case EV_TOOL_BEGIN:
	case EV_TOOL_ARGS:
	case EV_TOOL_END:
	case EV_AUDIO:
	case EV_IMAGE:
	case EV_ANNOTATION:
	case EV_OTHER:
		if (!w->finished)
			content(&t, e);
		break;
	}
	if (arena_failed(keep))
		out->failed = true;
}

void anthropic_error_event_write(void *state, const struct chat_reply *to,
				 const struct chat_error *e, struct json_out *out)
{
	struct writer *w = state;

	(void)to;
	w->ended = true;
	out_raw_lit(out, "event: error\ndata: ");
	anthropic_error_write(e, out);
	out_raw_lit(out, "\n\n");
}
