#include "chat/event.h"

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
