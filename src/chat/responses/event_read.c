/* A stream -> events. */
#include "chat/responses/responses.h"

/* Of one answer.  Real ones have dozens. */
enum { ITEMS_MAX = 4096 };

struct frame {
	struct responses_reader *s;
	struct arena *keep;
	struct chat_events *ev;
	struct fields f;
};

static void start(struct frame *x, const struct fields *response)
{
	if (x->s->started)
		return;
	x->s->started = true;
	responses_start_event(x->ev, response);
}

/* The item that the frame is about, or the newest when it does not say; NULL: none. */
static struct in_item *item_of(const struct frame *x)
{
	uint64_t index = field_u64(&x->f, "output_index", UINT64_MAX);
	struct in_item *i = x->s->items;

	while (i != NULL && index != UINT64_MAX && i->index != index)
		i = i->next;
	return i;
}

static struct in_item *item_new(struct frame *x)
{
	struct in_item *i;

	if (x->s->item_n == ITEMS_MAX)
		return NULL;
	i = ARENA_NEW(x->keep, struct in_item);
	if (i == NULL)
		return NULL;
	i->index = field_u64(&x->f, "output_index", x->s->item_n);
	i->next = x->s->items;
	x->s->items = i;
	x->s->item_n++;
	x->s->open++;
	return i;
}

/* ---- items ------------------------------------------------------------------------------- */

static enum rc on_item_added(struct frame *x)
{
	struct slice object = field_object(&x->f, "item");
	struct chat_event *v;
	struct fields f;
	struct in_item *i;

	start(x, NULL);
	if (object.n == 0)
		return OK;
	if (!fields_read(&f, object, x->ev->a))
		return E_BAD;
	i = item_new(x);
	if (i == NULL)
		return E_BAD;
	i->custom = field_is(&f, "type", "custom_tool_call");
	i->is_call = i->custom || field_is(&f, "type", "function_call");
	if (!i->is_call)
		return OK;
	i->call = x->s->end.calls++;
	v = event_add(x->ev, EV_TOOL_BEGIN);
	if (v == NULL)
		return OK;
	v->index = i->call;
	v->custom = i->custom;
	v->id = field_text(&f, "call_id");
	v->name = field_text(&f, "name");
	return OK;
}

static void args_event(struct frame *x, struct in_item *i, struct json_text text)
{
	struct chat_event *v;

	if (json_text_empty(text))
		return;
	i->told = true;
	v = event_add(x->ev, EV_TOOL_ARGS);
	if (v == NULL)
		return;
	v->index = i->call;
	v->custom = i->custom;
	v->text = text;
}

static void call_ends(struct frame *x, struct in_item *i)
{
	struct chat_event *v = event_add(x->ev, EV_TOOL_END);

	if (v != NULL)
		v->index = i->call;
}

static void call_done(struct frame *x, struct in_item *i, const struct fields *f)
{
	const struct json_member *args = field(f, i->custom ? "input" : "arguments");

	if (!i->told && args != NULL)
		args_event(x, i,
			   args->kind == JSON_STRING ? json_text_of(args->value)
						     : json_text_encode(args->value, x->ev->a));
	call_ends(x, i);
}

/* What its pieces have not told. */
static void message_done(struct frame *x, struct in_item *i, const struct fields *f)
{
	struct json_array it = json_array(field_array(f, "content"));
	enum json_kind kind;
	struct slice value;
	struct fields part;

	while (json_array_next(&it, &value, &kind))
		if (fields_read(&part, value, x->ev->a) &&
		    field_is(&part, "type", "output_text"))
			responses_text_notes(x->ev, &part, !i->annotated, !i->logprobs);
}

static enum rc on_item_done(struct frame *x)
{
	struct slice object = field_object(&x->f, "item");
	struct in_item *i = item_of(x);
	struct fields f;

	start(x, NULL);
	if (object.n == 0)
		return OK;
	if (!fields_read(&f, object, x->ev->a))
		return E_BAD;
	if (i == NULL) {
		i = item_new(x);
		if (i == NULL)
			return E_BAD;
		responses_item_events(x->ev, object, &x->s->end);
	} else if (i->done) {
		return OK;
	} else if (i->is_call) {
		call_done(x, i, &f);
	} else if (field_is(&f, "type", "reasoning")) {
		responses_reasoning_events(x->ev, &f, !i->told);
	} else if (field_is(&f, "type", "message") && i->told) {
		message_done(x, i, &f);
	} else {
		responses_item_events(x->ev, object, &x->s->end);
	}
	i->done = true;
	x->s->open--;
	return OK;
}

/* ---- pieces ------------------------------------------------------------------------------ */

static enum rc piece(struct frame *x, enum event_kind kind, bool summary)
{
	struct json_text text = field_text(&x->f, "delta");
	struct in_item *i = item_of(x);
	struct chat_event *v;

	start(x, NULL);
	if (i == NULL)
		i = item_new(x); /* it was not announced */
	if (i == NULL)
		return E_BAD;
	if (i->done || json_text_empty(text))
		return OK;
	i->told = true;
	v = event_add(x->ev, kind);
	if (v == NULL)
		return OK;
	v->text = text;
	v->summary = summary;
	return OK;
}

static enum rc on_text(struct frame *x)
{
	enum rc rc = piece(x, EV_TEXT, false);
	struct in_item *i = item_of(x);
	size_t before = x->ev->n;

	if (i == NULL || i->done)
		return rc;
	responses_logprobs_event(x->ev, field_array(&x->f, "logprobs"));
	i->logprobs |= x->ev->n > before;
	return rc;
}

static enum rc on_refusal(struct frame *x)
{
	x->s->end.refused = true;
	return piece(x, EV_REFUSAL, false);
}

static enum rc on_summary(struct frame *x)
{
	return piece(x, EV_REASONING, true);
}

static enum rc on_thought(struct frame *x)
{
	return piece(x, EV_REASONING, false);
}

/* Parts of one item's reasoning are told apart by an empty line. */
static enum rc part_begins(struct frame *x, bool summary)
{
	struct in_item *i = item_of(x);
	struct chat_event *v;

	if (i == NULL || !i->told || i->done)
		return OK;
	v = event_add(x->ev, EV_REASONING);
	if (v == NULL)
		return OK;
	v->text = JTEXT("\\n\\n");
	v->summary = summary;
	return OK;
}

static enum rc on_summary_part(struct frame *x)
{
	return part_begins(x, true);
}

/* Plain reasoning comes as parts of content, as text does. */
static enum rc on_content_part(struct frame *x)
{
	struct fields part;

	if (!fields_read(&part, field_object(&x->f, "part"), x->ev->a) ||
	    !field_is(&part, "type", "reasoning_text"))
		return OK;
	return part_begins(x, false);
}

static enum rc on_args(struct frame *x)
{
	struct in_item *i = item_of(x);

	if (i != NULL && i->is_call && !i->done)
		args_event(x, i, field_text(&x->f, "delta"));
	return OK;
}

static enum rc on_annotation(struct frame *x)
{
	struct in_item *i = item_of(x);

	if (i != NULL)
		i->annotated = true;
	responses_annotation_event(x->ev, field_object(&x->f, "annotation"));
	return OK;
}

/* ---- the whole --------------------------------------------------------------------------- */

static enum rc on_begin(struct frame *x)
{
	struct fields f;

	if (!fields_read(&f, field_object(&x->f, "response"), x->ev->a))
		return E_BAD;
	start(x, &f);
	return OK;
}

static void end_calls(struct frame *x)
{
	for (struct in_item *i = x->s->items; i != NULL; i = i->next)
		if (i->is_call && !i->done) {
			i->done = true;
			call_ends(x, i);
		}
}

static enum rc on_end(struct frame *x)
{
	struct slice response = field_object(&x->f, "response");
	struct json_array it;
	enum json_kind kind;
	struct slice item;
	struct fields f;

	if (response.n == 0 || !fields_read(&f, response, x->ev->a))
		return E_BAD;
	start(x, &f);
	end_calls(x);
	/* Nothing has been told yet: all of it is here. */
	it = json_array(field_array(&f, "output"));
	while (x->s->item_n == 0 && json_array_next(&it, &item, &kind))
		responses_item_events(x->ev, item, &x->s->end);
	responses_end_events(x->ev, &f, &x->s->end);
	x->s->ended = true;
	return OK;
}

static enum rc on_failed(struct frame *x)
{
	struct fields f;

	if (!fields_read(&f, field_object(&x->f, "response"), x->ev->a))
		return E_BAD;
	responses_error_event(x->ev, field_object(&f, "error"));
	x->s->ended = true;
	return OK;
}

/* {"type":"error","code":..,"message":..}, or with an object `error`. */
static enum rc on_error(struct frame *x, struct slice data)
{
	struct slice inner = field_object(&x->f, "error");

	responses_error_event(x->ev, inner.n > 0 ? inner : data);
	x->s->ended = true;
	return OK;
}

static const struct {
	const char *type;
	enum rc (*read)(struct frame *x);
} kinds[] = {
	{ "response.output_text.delta", on_text },
	{ "response.function_call_arguments.delta", on_args },
	{ "response.reasoning_summary_text.delta", on_summary },
	{ "response.reasoning_text.delta", on_thought },
	{ "response.custom_tool_call_input.delta", on_args },
	{ "response.refusal.delta", on_refusal },
	{ "response.output_item.added", on_item_added },
	{ "response.output_item.done", on_item_done },
	{ "response.reasoning_summary_part.added", on_summary_part },
	{ "response.content_part.added", on_content_part },
	{ "response.output_text.annotation.added", on_annotation },
	{ "response.created", on_begin },
	{ "response.queued", on_begin },
	{ "response.in_progress", on_begin },
	{ "response.completed", on_end },
	{ "response.incomplete", on_end },
	{ "response.failed", on_failed },
};

static enum rc read_frame(struct frame *x, struct slice name, struct slice data)
{
	struct slice type = field_text(&x->f, "type").s;

	if (type.n == 0)
		type = name;
	if (slice_eq(type, LIT("error")) || (type.n == 0 && field_object(&x->f, "error").n > 0))
		return on_error(x, data);
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++)
		if (slice_eq(type, slice_cstr(kinds[i].type)))
			return kinds[i].read(x);
	return OK;
}

enum rc responses_event_read(void *state, struct arena *keep, struct slice name,
			     struct slice data, struct chat_events *ev)
{
	struct frame x = { .s = state, .keep = keep, .ev = ev };
	enum json_kind kind;
	enum rc rc;
	size_t n;

	if (x.s->ended)
		return OK;
	if (slice_eq(slice_trim(data), LIT("[DONE]"))) {
		x.s->done_mark = true;
		return OK;
	}
	if (json_scan(data, &kind, NULL, 0, &n, NULL) != OK || kind != JSON_OBJECT)
		return E_BAD;
	rc = fields_read(&x.f, data, ev->a) ? read_frame(&x, name, data) : E_BAD;
	return ev->failed || arena_failed(ev->a) || arena_failed(keep) ? E_NOMEM : rc;
}

/* The last event is part of this API, and without it the stream broke off; only where an end
 * mark of another API came is the answer whole when its items are. */
void responses_stream_end(void *state, struct arena *keep UNUSED, struct chat_events *ev)
{
	struct responses_reader *s = state;

	if (s->ended || !s->done_mark || s->open > 0 || s->item_n == 0)
		return;
	s->ended = true;
	event_finish(ev, 0,
		     s->end.calls > 0 ? FINISH_TOOLS
		     : s->end.refused ? FINISH_REFUSAL
				      : FINISH_STOP);
	event_add(ev, EV_END);
}
