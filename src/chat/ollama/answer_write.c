#include "chat/ollama/ollama.h"

/* A provider's side, for tests: a client's it is never. */

/* {"model":..,"message":{"role":"assistant" */
static void open_line(const struct chat_reply *to, struct json_out *o)
{
	out_object(o);
	out_key(o, "model"), out_str(o, to->model);
	out_key(o, "message"), out_object(o);
	out_key(o, "role"), out_lit(o, "assistant");
}

/* A string of all events of one kind, or nothing. */
static void texts(const struct chat_events *ev, const char *key, enum event_kind kind,
		  enum event_kind also, struct json_out *o)
{
	out_key(o, key), out_text_open(o);
	for (size_t i = 0; i < ev->n; i++)
		if ((ev->v[i].kind == kind || ev->v[i].kind == also) && ev->v[i].choice == 0)
			out_text_part(o, ev->v[i].text);
	out_text_close(o);
}

/* A free-form input is one argument. */
static void call_write(const struct ollama_call *c, struct json_out *o)
{
	struct json_text args = { { c->args, c->n } };
	struct slice plain = json_text_plain(args, o->a);
	enum json_kind kind;
	size_t n;

	out_object(o);
	if (!json_text_empty(c->id))
		out_key(o, "id"), out_text(o, c->id);
	out_key(o, "function"), out_object(o);
	out_key(o, "name"), out_text(o, c->name);
	out_key(o, "arguments");
	if (!c->custom && json_scan(plain, &kind, NULL, 0, &n, NULL) == OK &&
	    kind == JSON_OBJECT) {
		out_json_line(o, plain);
	} else {
		out_object(o);
		if (plain.n > 0)
			out_key(o, "input"), out_text(o, args);
		out_close(o);
	}
	out_close(o);
	out_close(o);
}

/* After the message: what ends it. */
static void end(bool finished, enum finish_kind finish, const struct usage *u,
		struct json_out *o)
{
	static const char *const words[] = {
		[FINISH_STOP] = "stop",       [FINISH_SEQUENCE] = "stop",
		[FINISH_LENGTH] = "length",   [FINISH_CONTEXT] = "length",
		[FINISH_TOOLS] = "stop",      [FINISH_FILTER] = "content_filter",
		[FINISH_REFUSAL] = "refusal", [FINISH_PAUSE] = "length",
		[FINISH_BROKEN] = "load",
	};

	out_key(o, "done"), out_bool(o, true);
	out_key(o, "done_reason"), out_lit(o, finished ? words[finish] : "load");
	if (u == NULL || !(u->known || u->estimated))
		return;
	out_key(o, "prompt_eval_count"), out_u64(o, usage_prompt(u));
	out_key(o, "eval_count"), out_u64(o, usage_completion(u));
}

static void logprobs(const struct chat_events *ev, struct json_out *o)
{
	enum json_kind kind;
	struct slice v;
	bool any = false;

	for (size_t i = 0; i < ev->n; i++) {
		struct json_array it = json_array(ev->v[i].raw);

		if (ev->v[i].kind != EV_LOGPROBS || ev->v[i].choice != 0)
			continue;
		if (!any)
			out_key(o, "logprobs"), out_array(o);
		any = true;
		while (json_array_next(&it, &v, &kind))
			out_json(o, v);
	}
	if (any)
		out_close(o);
}

/* ---- streams ---- */

static struct ollama_call **call_at(struct ollama_writer *w, unsigned index)
{
	struct ollama_call **at = &w->calls;

	while (*at != NULL && (*at)->index != index)
		at = &(*at)->next;
	return at;
}

static void call_begin(struct ollama_writer *w, struct arena *keep, const struct chat_event *e)
{
	struct ollama_call *c = ARENA_NEW(keep, struct ollama_call);

	if (c == NULL)
		return;
	c->index = e->index;
	c->id.s = arena_copy(keep, e->id.s);
	c->name.s = arena_copy(keep, e->name.s);
	c->custom = e->custom;
	c->next = w->calls;
	w->calls = c;
}

static void call_args(struct ollama_writer *w, struct arena *keep, const struct chat_event *e)
{
	struct ollama_call *c = *call_at(w, e->index);
	size_t n;
	char *p;

	if (c == NULL || e->text.s.n == 0 || !size_add(c->n, e->text.s.n, &n))
		return;
	if (n > c->cap) {
		p = arena_bytes(keep, size_max(n, 2 * c->cap));
		if (p == NULL)
			return;
		if (c->n > 0)
			memcpy(p, c->args, c->n);
		c->args = p;
		c->cap = size_max(n, 2 * c->cap);
	}
	memcpy(c->args + c->n, e->text.s.p, e->text.s.n);
	c->n = n;
}

static void line_end(bool done, struct json_out *o)
{
	if (!done)
		out_key(o, "done"), out_bool(o, false);
	out_close(o);
	out_raw(o, LIT("\n"));
}

static void call_end(struct ollama_writer *w, const struct chat_reply *to, unsigned index,
		     struct json_out *o)
{
	struct ollama_call **at = call_at(w, index), *c = *at;

	if (c == NULL)
		return;
	*at = c->next;
	open_line(to, o);
	out_key(o, "content"), out_lit(o, "");
	out_key(o, "tool_calls"), out_array(o);
	call_write(c, o);
	out_close(o);
	out_close(o);
	line_end(false, o);
}

static void text_line(const struct chat_reply *to, const struct chat_event *e,
		      struct json_out *o)
{
	bool thinking = e->kind == EV_REASONING;

	if (json_text_empty(e->text))
		return;
	open_line(to, o);
	out_key(o, "content"), out_text(o, thinking ? JTEXT("") : e->text);
	if (thinking)
		out_key(o, "thinking"), out_text(o, e->text);
	out_close(o);
	line_end(false, o);
}

static void last_line(struct ollama_writer *w, const struct chat_reply *to, struct json_out *o)
{
	while (w->calls != NULL)
		call_end(w, to, w->calls->index, o);
	w->ended = true;
	open_line(to, o);
	out_key(o, "content"), out_lit(o, "");
	out_close(o);
	end(w->finished, w->finish, &w->usage, o);
	line_end(true, o);
}

static void error_line(struct ollama_writer *w, struct slice message, struct json_out *o)
{
	w->ended = true;
	out_object(o);
	out_key(o, "error"), out_str(o, message);
	out_close(o);
	out_raw(o, LIT("\n"));
}

void ollama_event_write(void *state, const struct chat_reply *to, struct arena *keep,
			const struct chat_event *e, struct json_out *out)
{
	struct ollama_writer *w = state;

	if (w->ended || e->choice != 0)
		return;
	switch (e->kind) {
	case EV_TEXT:
	case EV_REFUSAL:
	case EV_REASONING:
		text_line(to, e, out);
		break;
	case EV_TOOL_BEGIN:
		call_begin(w, keep, e);
		break;
	case EV_TOOL_ARGS:
		call_args(w, keep, e);
		break;
	case EV_TOOL_END:
		call_end(w, to, e->index, out);
		break;
	case EV_LOGPROBS:
		open_line(to, out);
		out_key(out, "content"), out_lit(out, "");
		out_close(out);
		out_key(out, "logprobs"), out_json_line(out, e->raw);
		line_end(false, out);
		break;
	case EV_USAGE:
		w->usage = e->u.usage;
		break;
	case EV_FINISH:
		w->finished = true;
		w->finish = e->finish;
		break;
	case EV_END:
		last_line(w, to, out);
		break;
	case EV_ERROR:
		error_line(w, e->u.fault.message, out);
		break;
	case EV_START:
	case EV_SIGNATURE:
	case EV_AUDIO:
	case EV_IMAGE:
	case EV_ANNOTATION:
	case EV_OTHER:
	case EV_PING:
		break;
	}
}

/* ---- plain answers ---- */

static void calls_write(const struct chat_events *ev, struct json_out *o)
{
	bool any = false;

	for (size_t i = 0; i < ev->n; i++) {
		struct ollama_writer w = { 0 };
		const struct chat_event *begin = &ev->v[i];

		if (begin->kind != EV_TOOL_BEGIN || begin->choice != 0)
			continue;
		if (!any)
			out_key(o, "tool_calls"), out_array(o);
		any = true;
		call_begin(&w, o->a, begin);
		for (size_t k = i + 1; k < ev->n; k++) {
			const struct chat_event *e = &ev->v[k];

			if (e->choice != 0 || e->index != begin->index)
				continue;
			if (e->kind == EV_TOOL_END)
				break;
			if (e->kind == EV_TOOL_ARGS)
				call_args(&w, o->a, e);
		}
		if (w.calls != NULL)
			call_write(w.calls, o);
		else
			out_fail(o);
	}
	if (any)
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

void ollama_answer_write(const struct chat_reply *to, const struct chat_events *ev,
			 struct json_out *out)
{
	const struct chat_event *usage = last(ev, EV_USAGE), *finish = last(ev, EV_FINISH);
	const struct chat_event *error = last(ev, EV_ERROR);

	if (error != NULL) {
		out_object(out);
		out_key(out, "error"), out_str(out, error->u.fault.message);
		out_close(out);
		return;
	}
	open_line(to, out);
	texts(ev, "content", EV_TEXT, EV_REFUSAL, out);
	if (last(ev, EV_REASONING) != NULL)
		texts(ev, "thinking", EV_REASONING, EV_REASONING, out);
	calls_write(ev, out);
	out_close(out);
	logprobs(ev, out);
	end(finish != NULL, finish != NULL ? finish->finish : FINISH_BROKEN,
	    usage != NULL ? &usage->u.usage : NULL, out);
	out_close(out);
}

void ollama_error_write(const struct chat_error *e, struct json_out *out)
{
	out_object(out);
	out_key(out, "error"), out_str(out, e->message);
	out_close(out);
}

void ollama_error_event_write(void *state, const struct chat_reply *to UNUSED,
			      const struct chat_error *e, struct json_out *out)
{
	struct ollama_writer *w = state;

	if (!w->ended)
		error_line(w, e->message, out);
}
