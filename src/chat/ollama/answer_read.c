#include "chat/ollama/ollama.h"

#include "base/hash.h"

/* ---- errors ---- */

static bool says(struct slice message, const char *what)
{
	return slice_find(message, slice_cstr(what)) != SLICE_NONE;
}

static enum fault_kind kind_of(unsigned status, struct slice message)
{
	switch (status) {
	case 401:
	case 403:
		return FAULT_AUTH;
	case 404:
		return FAULT_MODEL;
	case 408:
	case 504:
		return FAULT_TIMEOUT;
	case 429:
		return FAULT_RATE;
	case 503:
		return FAULT_OVERLOADED;
	default:
		break;
	}
	if (says(message, "not found"))
		return FAULT_MODEL;
	if (says(message, "context length") || says(message, "context window"))
		return FAULT_CONTEXT;
	if (status >= 400 && status < 500)
		return FAULT_CLIENT;
	return status >= 500 || message.n > 0 ? FAULT_SERVER : FAULT_GARBAGE;
}

/* A string, or an object with a message. */
static struct slice error_words(const struct fields *top, struct arena *a)
{
	struct fields inner;

	if (field_object(top, "error").n == 0)
		return field_plain(top, "error", a);
	if (!fields_read(&inner, field_object(top, "error"), a))
		return (struct slice){ NULL, 0 };
	return field_plain(&inner, "message", a);
}

static enum rc scanned(struct fields *f, struct slice text, struct arena *a)
{
	enum json_kind kind;
	size_t n;

	if (json_scan(text, &kind, NULL, 0, &n, NULL) != OK || kind != JSON_OBJECT)
		return E_BAD;
	return fields_read(f, slice_trim(text), a) ? OK : E_NOMEM;
}

void ollama_error_read(struct fault *f, unsigned status, struct slice body, struct arena *a)
{
	struct fields top;

	*f = (struct fault){ .status = status };
	if (scanned(&top, body, a) == OK)
		f->message = error_words(&top, a);
	f->kind = kind_of(status, f->message);
}

/* ---- answers: a plain one is a stream of one line ---- */

static struct json_text call_id(const struct fields *top, const struct fields *call, unsigned n,
				struct arena *a)
{
	struct json_text id = field_text(call, "id");
	uint64_t seed;

	if (!json_text_empty(id))
		return id;
	seed = hash_bytes(field_text(top, "created_at").s, n);
	return (struct json_text){ arena_fmt(a, "call_%016" PRIx64, seed) };
}

static enum rc calls(struct ollama_reader *r, const struct fields *top, struct slice array,
		     struct chat_events *ev)
{
	struct json_array it = json_array(array);
	struct fields call, function;
	enum json_kind kind;
	struct slice v, args;

	while (json_array_next(&it, &v, &kind)) {
		if (!fields_read(&call, v, ev->a) ||
		    !fields_read(&function, field_object(&call, "function"), ev->a))
			return E_NOMEM;
		args = field_object(&function, "arguments");
		if (args.n == 0) /* OpenAI's way, from what pretends to be Ollama */
			args = field_plain(&function, "arguments", ev->a);
		event_call(ev, r->calls, call_id(top, &call, r->calls, ev->a),
			   field_text(&function, "name"), args);
		r->calls++;
	}
	return OK;
}

static void usage(const struct fields *top, struct chat_events *ev)
{
	struct usage u = { .known = true };

	if (field(top, "eval_count") == NULL && field(top, "prompt_eval_count") == NULL)
		return;
	u.input = field_u64(top, "prompt_eval_count", 0);
	u.output = field_u64(top, "eval_count", 0);
	u.odd = u.input == 0; /* no prompt is empty: it was cached and not counted */
	if (u.input > USAGE_TOKENS_MAX || u.output > USAGE_TOKENS_MAX)
		u = (struct usage){ .odd = true };
	event_usage(ev, &u);
}

static enum finish_kind finish_of(struct json_text reason, bool called)
{
	static const struct {
		struct slice word;
		enum finish_kind finish;
	} rows[] = {
		{ LITC("stop"), FINISH_STOP },
		{ LITC("length"), FINISH_LENGTH },
		{ LITC("tool_calls"), FINISH_TOOLS },
		{ LITC("content_filter"), FINISH_FILTER }, /* ours: see answer_write.c */
		{ LITC("refusal"), FINISH_REFUSAL },
	};
	enum finish_kind finish = FINISH_BROKEN;

	if (json_text_empty(reason)) /* older ones say done only */
		finish = FINISH_STOP;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (json_text_is(reason, rows[i].word))
			finish = rows[i].finish;
	return finish == FINISH_STOP && called ? FINISH_TOOLS : finish;
}

static enum rc line(struct ollama_reader *r, struct slice text, bool whole,
		    struct chat_events *ev)
{
	struct fields top, message;
	struct chat_event *e;
	enum rc rc = scanned(&top, text, ev->a);

	if (rc != OK)
		return rc;
	if (field(&top, "error") != NULL) {
		r->done = true;
		e = event_add(ev, EV_ERROR);
		if (e != NULL) {
			e->u.fault.message = error_words(&top, ev->a);
			e->u.fault.kind = kind_of(0, e->u.fault.message);
		}
		return OK;
	}
	if (field_object(&top, "message").n == 0 && field(&top, "done") == NULL)
		return E_BAD;
	e = r->started ? NULL : event_add(ev, EV_START);
	if (e != NULL)
		e->name = field_text(&top, "model");
	r->started = true;
	if (!fields_read(&message, field_object(&top, "message"), ev->a))
		return E_NOMEM;
	if (!json_text_empty(field_text(&message, "thinking")))
		event_text(ev, EV_REASONING, field_text(&message, "thinking"));
	if (!json_text_empty(field_text(&message, "content")))
		event_text(ev, EV_TEXT, field_text(&message, "content"));
	rc = calls(r, &top, field_array(&message, "tool_calls"), ev);
	if (rc != OK)
		return rc;
	e = field_array(&top, "logprobs").n > 2 ? event_add(ev, EV_LOGPROBS) : NULL;
	if (e != NULL)
		e->raw = field_array(&top, "logprobs");
	if (!whole && field_tri(&top, "done") != YES)
		return OK;
	r->done = true;
	usage(&top, ev);
	event_finish(ev, 0, finish_of(field_text(&top, "done_reason"), r->calls > 0));
	event_add(ev, EV_END);
	return OK;
}

enum rc ollama_answer_read(struct slice body, struct chat_events *ev)
{
	struct ollama_reader r = { 0 };
	enum rc rc = line(&r, body, true, ev);

	if (rc != OK)
		return rc;
	return ev->failed || arena_failed(ev->a) ? E_NOMEM : OK;
}

enum rc ollama_event_read(void *state, struct arena *keep UNUSED, struct slice name UNUSED,
			  struct slice data, struct chat_events *ev)
{
	struct ollama_reader *r = state;
	enum rc rc;

	if (r->done || slice_trim(data).n == 0)
		return OK;
	rc = line(r, data, false, ev);
	if (rc != OK)
		return rc;
	return ev->failed || arena_failed(ev->a) ? E_NOMEM : OK;
}

/* Nothing is whole without its done:true. */
void ollama_stream_end(void *state UNUSED, struct arena *keep UNUSED,
		       struct chat_events *ev UNUSED)
{
}
