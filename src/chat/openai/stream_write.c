/* Streams to clients that speak the `openai` dialect.  Source: OpenAI API reference, "The chat
 * completion chunk object".  What all chunks share is written once and kept. */
#include "chat/openai/answering.h"
#include "chat/openai/parts.h"

struct call_out {
	struct call_out *next;
	unsigned index;
	bool custom, given;
};

struct openai_choice_out {
	struct openai_choice_out *next;
	unsigned index, details;
	bool refused, summary;
	struct call_out *calls; /* the newest first */
	/* The reasoning since the last signature: a signature is of no use without its text. */
	char *thought;
	size_t thought_n, thought_cap;
	struct json_text thought_id;
};

/* One event at work. */
struct frame {
	struct openai_writer *s;
	const struct chat_reply *to;
	struct arena *keep;
	struct json_out *o;
	struct openai_choice_out *choice;
};

/* ---- chunks ----------------------------------------------------------------- */

static void head_make(struct frame *f)
{
	struct json_out h;

	out_init(&h, f->keep);
	out_raw_lit(&h, "data: {");
	openai_head_out(&h, f->to, "chat.completion.chunk");
	out_raw_lit(&h, ",\"choices\":[");
	f->s->head = out_slice(&h);
	f->s->shows_usage = f->to->req != NULL && f->to->req->wants_usage;
	if (f->s->head.n == 0)
		out_fail(f->o);
}

static void delta_open(struct frame *f)
{
	out_raw(f->o, f->s->head);
	out_raw_lit(f->o, "{\"index\":");
	out_u64(f->o, f->choice->index);
	out_raw_lit(f->o, ",\"delta\":{");
}

static void chunk_close(struct frame *f)
{
	out_raw_lit(f->o, f->s->shows_usage ? "}],\"usage\":null}\n\n" : "}]}\n\n");
}

static void delta_close(struct frame *f)
{
	out_raw_lit(f->o, "},\"logprobs\":null,\"finish_reason\":null");
	chunk_close(f);
}

/* A chunk whose delta is one string. */
static void delta_text(struct frame *f, const char *name, struct json_text text)
{
	delta_open(f);
	out_key(f->o, name), out_text(f->o, text);
	delta_close(f);
}

static void role_out(struct frame *f)
{
	delta_open(f);
	out_raw_lit(f->o, "\"role\":\"assistant\",\"content\":\"\",\"refusal\":null");
	delta_close(f);
}

/* The choice that an event is of; it begins with its role. */
static bool choice_find(struct frame *f, unsigned index)
{
	struct openai_choice_out **at = &f->s->choices;

	while (*at != NULL && (*at)->index != index)
		at = &(*at)->next;
	f->choice = *at;
	if (f->choice != NULL)
		return true;
	*at = f->choice = ARENA_NEW(f->keep, struct openai_choice_out);
	if (f->choice == NULL) {
		out_fail(f->o);
		return false;
	}
	f->choice->index = index;
	role_out(f);
	return true;
}

/* ---- reasoning -------------------------------------------------------------- */

static void thought_add(struct frame *f, const struct chat_event *e)
{
	struct openai_choice_out *c = f->choice;
	size_t need = c->thought_n + e->text.s.n, cap = size_max(c->thought_cap, 256);
	char *p;

	c->summary |= e->summary;
	if (!json_text_empty(e->id) && json_text_empty(c->thought_id))
		c->thought_id.s = arena_copy(f->keep, e->id.s);
	while (cap < need)
		cap *= 2;
	if (cap > c->thought_cap) {
		p = arena_bytes(f->keep, cap);
		if (p == NULL) {
			out_fail(f->o);
			return;
		}
		if (c->thought_n > 0)
			memcpy(p, c->thought, c->thought_n);
		c->thought = p;
		c->thought_cap = cap;
	}
	if (e->text.s.n > 0)
		memcpy(c->thought + c->thought_n, e->text.s.p, e->text.s.n);
	c->thought_n = need;
}

static void signature_out(struct frame *f, const struct chat_event *e)
{
	struct openai_choice_out *c = f->choice;
	const struct openai_detail d = {
		.encrypted = e->encrypted,
		.summary = c->summary,
		.opaque = e->encrypted ? e->text : e->signature,
		.id = json_text_empty(e->id) ? c->thought_id : e->id,
		.index = c->details++,
	};

	delta_open(f);
	out_key(f->o, "reasoning_details");
	out_array(f->o);
	openai_detail_open(f->o, f->to, &d);
	if (!e->encrypted) {
		struct slice text = arena_copy(f->o->a, slice_of(c->thought, c->thought_n));

		out_key(f->o, c->summary ? "summary" : "text");
		out_text(f->o, (struct json_text){ text });
		c->thought_n = 0;
		c->summary = false;
		c->thought_id = (struct json_text){ { NULL, 0 } };
	}
	out_close(f->o);
	out_close(f->o);
	delta_close(f);
}

/* ---- tool calls ------------------------------------------------------------- */

static struct call_out *call_find(struct frame *f, unsigned index)
{
	struct call_out *c = f->choice->calls;

	while (c != NULL && c->index != index)
		c = c->next;
	return c;
}

static void calls_open(struct frame *f, unsigned index)
{
	delta_open(f);
	out_raw_lit(f->o, "\"tool_calls\":[{\"index\":");
	out_u64(f->o, index);
}

static void calls_close(struct frame *f)
{
	out_raw_lit(f->o, "}]");
	delta_close(f);
}

static void call_begin(struct frame *f, const struct chat_event *e)
{
	struct call_out *c = ARENA_NEW(f->keep, struct call_out);
	const char *type = e->custom ? "custom" : "function";

	if (c == NULL) {
		out_fail(f->o);
		return;
	}
	c->index = e->index;
	c->custom = e->custom;
	c->next = f->choice->calls;
	f->choice->calls = c;
	calls_open(f, e->index);
	out_key(f->o, "id"), out_text(f->o, e->id);
	out_key(f->o, "type"), out_lit(f->o, type);
	out_key(f->o, type);
	out_object(f->o);
	out_key(f->o, "name"), out_text(f->o, e->name);
	out_key(f->o, e->custom ? "input" : "arguments"), out_lit(f->o, "");
	out_close(f->o);
	openai_google_out(f->o, f->to, e->signature);
	calls_close(f);
}

static void call_args(struct frame *f, unsigned index, struct json_text args)
{
	struct call_out *c = call_find(f, index);
	const bool custom = c != NULL && c->custom;

	if (json_text_empty(args))
		return;
	if (c != NULL)
		c->given = true;
	calls_open(f, index);
	out_raw_lit(f->o, custom ? ",\"custom\":{\"input\":" : ",\"function\":{\"arguments\":");
	out_text(f->o, args);
	out_raw_lit(f->o, "}");
	calls_close(f);
}

static void call_end(struct frame *f, unsigned index)
{
	struct call_out *c = call_find(f, index);

	if (c != NULL && !c->custom && !c->given)
		call_args(f, index, JTEXT("{}"));
}

/* ---- the rest --------------------------------------------------------------- */

static void text_out(struct frame *f, const struct chat_event *e)
{
	if (json_text_empty(e->text) && json_text_empty(e->signature))
		return;
	delta_open(f);
	out_key(f->o, "content"), out_text(f->o, e->text);
	openai_google_out(f->o, f->to, e->signature);
	delta_close(f);
}

static void audio_out(struct frame *f, const struct chat_event *e)
{
	delta_open(f);
	out_key(f->o, "audio");
	out_object(f->o);
	if (!json_text_empty(e->id))
		out_key(f->o, "id"), out_text(f->o, e->id);
	if (!json_text_empty(e->text))
		out_key(f->o, "data"), out_text(f->o, e->text);
	if (!json_text_empty(e->name))
		out_key(f->o, "transcript"), out_text(f->o, e->name);
	out_close(f->o);
	delta_close(f);
}

static void image_out(struct frame *f, const struct chat_event *e)
{
	delta_open(f);
	out_key(f->o, "images");
	out_array(f->o);
	openai_image_out(f->o, e);
	out_close(f->o);
	delta_close(f);
}

static void annotation_out(struct frame *f, const struct chat_event *e)
{
	if (json_text_empty(e->u.annotation.url))
		return;
	delta_open(f);
	out_key(f->o, "annotations");
	out_array(f->o);
	openai_annotation_out(f->o, &e->u.annotation);
	out_close(f->o);
	delta_close(f);
}

static void logprobs_out(struct frame *f, const struct chat_event *e)
{
	delta_open(f);
	out_raw_lit(f->o, "},\"logprobs\":{\"content\":");
	out_json_line(f->o, e->raw);
	out_raw_lit(f->o, ",\"refusal\":null},\"finish_reason\":null");
	chunk_close(f);
}

static void finish_out(struct frame *f, const struct chat_event *e)
{
	if (e->finish == FINISH_REFUSAL && !f->choice->refused && !json_text_empty(e->name))
		delta_text(f, "refusal", e->name);
	delta_open(f);
	out_raw_lit(f->o, "},\"logprobs\":null,\"finish_reason\":");
	out_lit(f->o, openai_finish_word(e->finish));
	if (e->finish == FINISH_SEQUENCE && !json_text_empty(e->text)) {
		out_raw_lit(f->o, ",\"stop_reason\":");
		out_text(f->o, e->text);
	}
	chunk_close(f);
}

static void end_out(struct frame *f)
{
	const struct usage *u = &f->s->usage;

	if (f->s->shows_usage && (u->known || u->estimated)) {
		out_raw(f->o, f->s->head);
		out_raw_lit(f->o, "],\"usage\":");
		openai_usage_write(f->o, u);
		out_raw_lit(f->o, "}\n\n");
	}
	out_raw_lit(f->o, "data: [DONE]\n\n");
}

static void error_out(struct json_out *o, const struct chat_error *e)
{
	out_raw_lit(o, "data: {\"error\":");
	openai_error_object(o, e);
	out_raw_lit(o, "}\n\n");
}

void openai_error_event_to(void *state, const struct chat_reply *to, const struct chat_error *e,
			   struct json_out *out)
{
	(void)state;
	(void)to;
	error_out(out, e);
}

static void fault_out(struct json_out *o, const struct fault *fault)
{
	const struct chat_error e = {
		.message = fault->message.n > 0 ? fault->message : LIT("The provider failed."),
		.type = "server_error",
		.code = fault_row(fault->kind)->name,
	};

	error_out(o, &e);
}

/* What is of a choice. */
static void choice_event(struct frame *f, const struct chat_event *e)
{
	switch (e->kind) {
	case EV_TEXT:
		text_out(f, e);
		break;
	case EV_REASONING:
		thought_add(f, e);
		if (!json_text_empty(e->text))
			delta_text(f, "reasoning_content", e->text);
		break;
	case EV_SIGNATURE:
		signature_out(f, e);
		break;
	case EV_REFUSAL:
		f->choice->refused |= !json_text_empty(e->text);
		delta_text(f, "refusal", e->text);
		break;
	case EV_TOOL_BEGIN:
		call_begin(f, e);
		break;
	case EV_TOOL_ARGS:
		call_args(f, e->index, e->text);
		break;
	case EV_TOOL_END:
		call_end(f, e->index);
		break;
	case EV_AUDIO:
		audio_out(f, e);
		break;
	case EV_IMAGE:
		image_out(f, e);
		break;
	case EV_ANNOTATION:
		annotation_out(f, e);
		break;
	case EV_LOGPROBS:
		logprobs_out(f, e);
		break;
	case EV_FINISH:
		finish_out(f, e);
		break;
	case EV_START:
	case EV_OTHER:
	case EV_USAGE:
	case EV_END:
	case EV_ERROR:
	case EV_PING:
		break;
	}
}

void openai_event_to(void *state, const struct chat_reply *to, struct arena *keep,
		     const struct chat_event *e, struct json_out *out)
{
	struct frame f = { .s = state, .to = to, .keep = keep, .o = out };

	if (f.s->head.n == 0)
		head_make(&f);
	if (out->failed)
		return;
	if (e->kind == EV_PING)
		out_raw_lit(out, ": keep-alive\n\n");
	else if (e->kind == EV_USAGE)
		f.s->usage = e->u.usage;
	else if (e->kind == EV_ERROR)
		fault_out(out, &e->u.fault);
	else if (e->kind == EV_END)
		end_out(&f);
	else if (e->kind != EV_OTHER && choice_find(&f, e->choice))
		choice_event(&f, e);
	if (arena_failed(keep))
		out_fail(out);
}
