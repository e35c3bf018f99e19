/* A streamed answer to a client (Bedrock's API reference: ConverseStream), as frames of an AWS
 * event stream.
 *
 * Blocks have an index of their own, so calls may overlap as they do elsewhere. */
#include "chat/bedrock/bedrock.h"
#include "wire/aws_event.h"

enum open_kind { OPEN_NONE, OPEN_TEXT, OPEN_REASONING };

struct open_call {
	struct open_call *next;
	unsigned index;
	bool custom;
	uint64_t block;
};

struct writer {
	bool started, finished, tools;
	enum open_kind open; /* beside the calls */
	uint64_t block;      /* the one open */
	uint64_t blocks;
	struct open_call *calls, *free;
	struct usage usage;
};

/* A call of a writer, and the frame in the making. */
struct to {
	struct writer *w;
	const struct chat_reply *reply;
	struct arena *keep;
	struct json_out *o;
	struct json_out frame;
};

_Static_assert(sizeof(struct writer) <= BEDROCK_WRITER_BYTES, "the table says how much");

/* ---- frames ---------------------------------------------------------------------------- */

static struct json_out *frame_open(struct to *t)
{
	out_init(&t->frame, t->o->a);
	out_object(&t->frame);
	return &t->frame;
}

static void frame_close(struct to *t, const char *name)
{
	out_close(&t->frame);
	aws_event_out(t->o, slice_cstr(name), &t->frame);
}

static struct json_out *block_frame(struct to *t, uint64_t block)
{
	struct json_out *f = frame_open(t);

	out_key(f, "contentBlockIndex"), out_u64(f, block);
	return f;
}

static void message_start(struct to *t)
{
	struct json_out *f;

	if (t->w->started)
		return;
	t->w->started = true;
	f = frame_open(t);
	out_key(f, "role"), out_lit(f, "assistant");
	frame_close(t, "messageStart");
}

static void block_stop(struct to *t, uint64_t block)
{
	block_frame(t, block);
	frame_close(t, "contentBlockStop");
}

static void block_close(struct to *t)
{
	if (t->w->open != OPEN_NONE)
		block_stop(t, t->w->block);
	t->w->open = OPEN_NONE;
}

static void block_open(struct to *t, enum open_kind kind)
{
	if (t->w->open == kind)
		return;
	block_close(t);
	t->w->open = kind;
	t->w->block = t->w->blocks++;
}

/* {"contentBlockIndex":i,"delta":{"kind": */
static struct json_out *delta_open(struct to *t, uint64_t block, const char *kind)
{
	struct json_out *f = block_frame(t, block);

	out_key(f, "delta");
	out_object(f);
	out_key(f, kind);
	return f;
}

static void delta_close(struct to *t)
{
	out_close(&t->frame);
	frame_close(t, "contentBlockDelta");
}

static void delta_text(struct to *t, struct json_text text)
{
	if (json_text_empty(text))
		return;
	block_open(t, OPEN_TEXT);
	out_text(delta_open(t, t->w->block, "text"), text);
	delta_close(t);
}

static void delta_reasoning(struct to *t, const char *member, struct json_text text)
{
	struct json_out *f;

	block_open(t, OPEN_REASONING);
	f = delta_open(t, t->w->block, "reasoningContent");
	out_object(f);
	out_key(f, member), out_text(f, text);
	out_close(f);
	delta_close(t);
}

static void redacted(struct to *t, struct json_text data, bool bound)
{
	block_close(t);
	delta_reasoning(t, "redactedContent", bedrock_redacted(t->reply, data, bound, t->o->a));
	block_close(t);
}

/* ---- calls ----------------------------------------------------------------------------- */

static struct open_call **call_find(struct writer *w, unsigned index)
{
	struct open_call **at = &w->calls;

	while (*at != NULL && (*at)->index != index)
		at = &(*at)->next;
	return at;
}

static void args_delta(struct to *t, const struct open_call *c, struct json_text piece)
{
	struct json_out *f = delta_open(t, c->block, "toolUse");

	out_object(f);
	out_key(f, "input"), out_text(f, piece);
	out_close(f);
	delta_close(t);
}

static void call_close(struct to *t, struct open_call **at)
{
	struct open_call *c = *at;

	if (c->custom)
		args_delta(t, c, JTEXT("\\\"}"));
	block_stop(t, c->block);
	*at = c->next;
	c->next = t->w->free;
	t->w->free = c;
}

static void call_open(struct to *t, const struct chat_event *e)
{
	struct open_call **at = call_find(t->w, e->index);
	struct open_call *c;
	struct json_out *f;

	if (*at != NULL)
		call_close(t, at);
	c = t->w->free;
	if (c != NULL)
		t->w->free = c->next;
	else
		c = ARENA_NEW(t->keep, struct open_call);
	if (c == NULL)
		return;
	*c = (struct open_call){ .index = e->index,
				 .custom = e->custom,
				 .block = t->w->blocks++,
				 .next = t->w->calls };
	t->w->calls = c;
	t->w->tools = true;
	f = block_frame(t, c->block);
	out_key(f, "start");
	out_object(f);
	out_key(f, "toolUse");
	out_object(f);
	out_key(f, "toolUseId"), bedrock_call_id_out(f, t->reply, e);
	out_key(f, "name"), out_text(f, e->name);
	out_close(f);
	out_close(f);
	frame_close(t, "contentBlockStart");
	if (c->custom) /* free words: an object with one string */
		args_delta(t, c, JTEXT("{\\\"input\\\":\\\""));
}

/* A piece of a custom tool's input is a string in an object in a string: escaped once more. */
static void call_piece(struct to *t, const struct chat_event *e)
{
	const struct open_call *c = *call_find(t->w, e->index);

	if (c == NULL || json_text_empty(e->text))
		return;
	args_delta(t, c, c->custom ? json_text_encode(e->text.s, t->o->a) : e->text);
}

static void call_end(struct to *t, const struct chat_event *e)
{
	struct open_call **at = call_find(t->w, e->index);

	if (*at != NULL)
		call_close(t, at);
}

/* ---- events ---------------------------------------------------------------------------- */

static void put_citation(struct to *t, const struct chat_event *e)
{
	block_open(t, OPEN_TEXT);
	bedrock_citation_out(delta_open(t, t->w->block, "citation"), &e->u.annotation);
	delta_close(t);
}

static void put_image(struct to *t, const struct chat_event *e)
{
	const uint64_t block = t->w->blocks;
	struct slice format = chat_media_format(json_text_plain(e->name, t->o->a));
	struct json_out *f;

	block_close(t);
	t->w->blocks++;
	f = block_frame(t, block);
	out_key(f, "start");
	out_object(f);
	out_key(f, "image");
	out_object(f);
	out_key(f, "format"), out_str(f, format.n > 0 ? format : LIT("png"));
	out_close(f);
	out_close(f);
	frame_close(t, "contentBlockStart");
	f = delta_open(t, block, "image");
	out_object(f);
	out_key(f, "source");
	out_object(f);
	out_key(f, "bytes"), out_text(f, e->text);
	out_close(f);
	out_close(f);
	delta_close(t);
	block_stop(t, block);
}

static void put_signature(struct to *t, const struct chat_event *e)
{
	if (e->encrypted) {
		redacted(t, e->text, false);
		return;
	}
	if (json_text_empty(e->signature))
		return;
	delta_reasoning(t, "signature", opaque_seal(t->o->a, t->reply->issuer, e->signature));
	block_close(t); /* what is reasoned after it is another block */
}

static void put_finish(struct to *t, const struct chat_event *e)
{
	struct json_out *f;

	if (t->w->finished)
		return;
	t->w->finished = true;
	block_close(t);
	while (t->w->calls != NULL)
		call_close(t, &t->w->calls);
	f = frame_open(t);
	bedrock_stop_out(f, e, t->w->tools);
	frame_close(t, "messageStop");
}

static void put_end(struct to *t)
{
	struct json_out *f = frame_open(t);

	out_key(f, "usage"), bedrock_usage_out(f, &t->w->usage);
	out_key(f, "metrics"), out_json(f, LIT("{\"latencyMs\":0}"));
	frame_close(t, "metadata");
}

static void put_content(struct to *t, const struct chat_event *e)
{
	if (!json_text_empty(e->signature) && e->kind != EV_SIGNATURE)
		redacted(t, e->signature, true);
	switch (e->kind) {
	case EV_TEXT:
	case EV_REFUSAL:
		delta_text(t, e->text);
		return;
	case EV_AUDIO: /* its words */
		delta_text(t, e->name);
		return;
	case EV_REASONING:
		if (!json_text_empty(e->text))
			delta_reasoning(t, "text", e->text);
		return;
	case EV_SIGNATURE:
		put_signature(t, e);
		return;
	case EV_TOOL_BEGIN:
		block_close(t);
		call_open(t, e);
		return;
	case EV_TOOL_ARGS:
		call_piece(t, e);
		return;
	case EV_TOOL_END:
		call_end(t, e);
		return;
	case EV_ANNOTATION:
		put_citation(t, e);
		return;
	case EV_IMAGE:
		put_image(t, e);
		return;
	case EV_FINISH:
		put_finish(t, e);
		return;
	case EV_OTHER: /* has no form in a stream */
	case EV_START:
	case EV_LOGPROBS:
	case EV_USAGE:
	case EV_END:
	case EV_ERROR:
	case EV_PING:
		return;
	}
}

void bedrock_event_write(void *state, const struct chat_reply *to, struct arena *keep,
			 const struct chat_event *e, struct json_out *out)
{
	struct to t = { .w = state, .reply = to, .keep = keep, .o = out };

	if (e->kind == EV_ERROR) {
		bedrock_fault_event(&e->u.fault, out);
		return;
	}
	if (e->kind == EV_USAGE)
		t.w->usage = e->u.usage;
	if (e->kind == EV_USAGE || e->kind == EV_PING || e->kind == EV_LOGPROBS)
		return; /* nothing to say of it now */
	message_start(&t);
	if (e->kind == EV_END)
		put_end(&t);
	else if (e->choice == 0 && !t.w->finished)
		put_content(&t, e);
}
