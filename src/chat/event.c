#include "chat/event.h"

#include "wire/json_out.h"

struct chat_event *event_add(struct chat_events *e, enum event_kind kind)
{
	struct chat_event *v;

	if (e->failed)
		return NULL;
	if (e->n == e->cap) {
		size_t cap = e->cap == 0 ? 4 : e->cap * 2;

		v = e->n >= EVENTS_MAX ? NULL : arena_get(e->a, cap * sizeof(*v));
		if (v == NULL) {
			e->failed = true;
			return NULL;
		}
		if (e->n > 0)
			memcpy(v, e->v, e->n * sizeof(*v));
		e->v = v;
		e->cap = cap;
	}
	v = &e->v[e->n++];
	*v = (struct chat_event){ .kind = kind };
	return v;
}

void event_text(struct chat_events *e, enum event_kind kind, struct json_text text)
{
	struct chat_event *v = event_add(e, kind);

	if (v != NULL)
		v->text = text;
}

void event_call(struct chat_events *e, unsigned index, struct json_text id,
		struct json_text name, struct slice args_object)
{
	struct chat_event *v = event_add(e, EV_TOOL_BEGIN);

	if (v != NULL) {
		v->index = index;
		v->id = id;
		v->name = name;
	}
	if (args_object.n > 0) {
		v = event_add(e, EV_TOOL_ARGS);
		if (v != NULL) {
			v->index = index;
			v->text = json_text_encode(args_object, e->a);
		}
	}
	v = event_add(e, EV_TOOL_END);
	if (v != NULL)
		v->index = index;
}

struct slice event_args(const struct chat_event *v, size_t n, size_t i, struct arena *a)
{
	struct json_text first = { { NULL, 0 } };
	size_t pieces = 0;
	struct json_out o;

	out_init(&o, a);
	for (size_t k = i + 1; k < n; k++) {
		const struct chat_event *e = &v[k];

		if (e->choice != v[i].choice || e->index != v[i].index)
			continue;
		if (e->kind == EV_TOOL_END || e->kind == EV_TOOL_BEGIN)
			break;
		if (e->kind != EV_TOOL_ARGS)
			continue;
		/* Nearly always there is one piece: it is not copied. */
		if (pieces++ == 0)
			first = e->text;
		else if (pieces == 2)
			out_raw(&o, first.s);
		if (pieces > 1)
			out_raw(&o, e->text.s);
	}
	if (pieces > 1)
		first.s = out_slice(&o);
	return slice_trim(json_text_plain(first, a));
}

void event_usage(struct chat_events *e, const struct usage *u)
{
	struct chat_event *v = event_add(e, EV_USAGE);

	if (v != NULL)
		v->u.usage = *u;
}

void event_finish(struct chat_events *e, unsigned choice, enum finish_kind finish)
{
	struct chat_event *v = event_add(e, EV_FINISH);

	if (v != NULL) {
		v->choice = choice;
		v->finish = finish;
	}
}

bool event_is_content(const struct chat_event *e)
{
	switch (e->kind) {
	case EV_TEXT:
	case EV_REASONING:
	case EV_REFUSAL:
	case EV_TOOL_ARGS:
	case EV_AUDIO:
	case EV_IMAGE:
		return e->text.s.n > 0;
	case EV_TOOL_BEGIN:
	case EV_SIGNATURE:
	case EV_ANNOTATION:
	case EV_OTHER:
		return true;
	case EV_START:
	case EV_TOOL_END:
	case EV_LOGPROBS:
	case EV_USAGE:
	case EV_FINISH:
	case EV_END:
	case EV_ERROR:
	case EV_PING:
		return false;
	}
	return false;
}
