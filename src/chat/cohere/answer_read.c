#include "chat/cohere/cohere.h"

#include "chat/opaque.h"

/* ---- usage ---- */

static bool counts(struct fields *f, struct slice object, struct arena *a, uint64_t *in,
		   uint64_t *out)
{
	if (object.n == 0 || !fields_read(f, object, a))
		return false;
	*in = field_u64(f, "input_tokens", 0);
	*out = field_u64(f, "output_tokens", 0);
	return field(f, "input_tokens") != NULL || field(f, "output_tokens") != NULL;
}

/* `tokens` is what was used; the prompt's cached ones are inside it.  `billed_units` is what
 * is billed: without the template around the conversation. */
static void usage_read(struct chat_events *ev, struct slice object)
{
	uint64_t in = 0, out = 0, billed_in = 0, billed_out = 0;
	struct fields f, tokens, units;
	struct usage u = { 0 };
	bool used, billed;

	if (object.n == 0 || !fields_read(&f, object, ev->a))
		return;
	billed = counts(&units, field_object(&f, "billed_units"), ev->a, &billed_in,
			&billed_out);
	used = counts(&tokens, field_object(&f, "tokens"), ev->a, &in, &out);
	if (field_object(&f, "billed_units").n > 0)
		u.searches = field_u64(&units, "search_units", 0);
	if (!used && !billed)
		return;
	u.billed = billed;
	u.billed_input = billed_in;
	u.billed_output = billed_out;
	if (!used) {
		in = billed_in;
		out = billed_out;
	}
	if (in > USAGE_TOKENS_MAX || out > USAGE_TOKENS_MAX || billed_in > USAGE_TOKENS_MAX ||
	    billed_out > USAGE_TOKENS_MAX) {
		u = (struct usage){ .odd = true }; /* as good as none: it will be estimated */
	} else {
		u.known = true;
		u.cache_read = usage_part(&in, field_u64(&f, "cached_tokens", 0), &u.odd);
		u.input = in;
		u.output = out;
	}
	event_usage(ev, &u);
}

/* ---- the end ---- */

static void failed(struct chat_events *ev, enum fault_kind kind, struct json_text message)
{
	struct chat_event *e = event_add(ev, EV_ERROR);

	if (e == NULL)
		return;
	e->u.fault.kind = kind;
	e->u.fault.message = json_text_plain(message, ev->a);
}

/* Our own words for ERROR: see cohere.h. */
static bool finish_of_error(struct json_text error, enum finish_kind *finish,
			    struct json_text *words)
{
	static const struct {
		struct slice word;
		enum finish_kind finish;
	} rows[] = {
		{ LITC("content_filter"), FINISH_FILTER },
		{ LITC("refusal"), FINISH_REFUSAL },
		{ LITC("malformed"), FINISH_BROKEN },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct slice rest = slice_skip(error.s, rows[i].word.n);

		if (!slice_starts(error.s, rows[i].word) ||
		    (rest.n > 0 && !slice_starts(rest, LIT(": "))))
			continue;
		*finish = rows[i].finish;
		words->s = slice_skip(rest, 2);
		return true;
	}
	return false;
}

/* FINISH, or ERROR; false: the latter. */
static bool finish_read(struct chat_events *ev, struct json_text reason, struct json_text error,
			bool calls)
{
	static const struct {
		struct slice word;
		enum finish_kind finish;
	} rows[] = {
		{ LITC("COMPLETE"), FINISH_STOP },
		{ LITC("STOP_SEQUENCE"), FINISH_SEQUENCE },
		{ LITC("MAX_TOKENS"), FINISH_LENGTH },
		{ LITC("TOOL_CALL"), FINISH_TOOLS },
		{ LITC("ERROR_TOXIC"), FINISH_FILTER }, /* v1's */
		{ LITC("ERROR_LIMIT"), FINISH_CONTEXT },
	};
	enum finish_kind finish = FINISH_BROKEN;
	struct json_text words = { { NULL, 0 } };
	struct chat_event *e;

	if (json_text_is(reason, LIT("TIMEOUT"))) {
		failed(ev, FAULT_TIMEOUT, error);
		return false;
	}
	if (json_text_is(reason, LIT("ERROR")) && !finish_of_error(error, &finish, &words)) {
		failed(ev, FAULT_SERVER, error);
		return false;
	}
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (json_text_is(reason, rows[i].word))
			finish = rows[i].finish;
	if (finish == FINISH_LENGTH && json_text_is(error, LIT("pause")))
		finish = FINISH_PAUSE;
	if (finish == FINISH_STOP && calls)
		finish = FINISH_TOOLS;
	e = event_add(ev, EV_FINISH);
	if (e != NULL) {
		e->finish = finish;
		e->name = words;
	}
	return true;
}

/* ---- parts that plain answers and streams share ---- */

static void thought(struct chat_events *ev, const struct fields *block)
{
	struct json_text signature = field_text(block, "signature");
	struct json_text encrypted = field_text(block, "encrypted");
	struct json_text text = field_text(block, "thinking");
	struct chat_event *e;

	if (!json_text_empty(text))
		event_text(ev, EV_REASONING, text);
	if (!json_text_empty(signature)) {
		e = event_add(ev, EV_SIGNATURE);
		if (e != NULL)
			e->signature = opaque_open(signature).data;
	}
	if (!json_text_empty(encrypted)) {
		e = event_add(ev, EV_SIGNATURE);
		if (e != NULL) {
			e->encrypted = true;
			e->text = opaque_open(encrypted).data;
		}
	}
}

static void text_block(struct chat_events *ev, const struct fields *block)
{
	struct json_text signature = field_text(block, "signature");
	struct json_text text = field_text(block, "text");
	struct chat_event *e;

	if (json_text_empty(text) && json_text_empty(signature))
		return;
	e = event_add(ev, EV_TEXT);
	if (e == NULL)
		return;
	e->text = text;
	e->signature = opaque_open(signature).data;
}

static struct json_text first_of(const struct fields *f, const char *a, const char *b)
{
	struct json_text t = field_text(f, a);

	return json_text_empty(t) ? field_text(f, b) : t;
}

/* Of several sources the first one that is a document is named. */
static void citation(struct chat_events *ev, struct slice object)
{
	struct chat_event *e = event_add(ev, EV_ANNOTATION);
	struct chat_annotation *to;
	struct fields f, source, doc;
	struct json_array it;
	enum json_kind kind;
	struct slice v;

	if (e == NULL || !fields_read(&f, object, ev->a))
		return;
	to = &e->u.annotation;
	to->raw = object;
	if (!field_is(&f, "type", "THINKING_CONTENT")) {
		to->start = field_u64(&f, "start", 0);
		to->end = field_u64(&f, "end", 0);
	}
	it = json_array(field_array(&f, "sources"));
	while (json_array_next(&it, &v, &kind)) {
		if (!fields_read(&source, v, ev->a))
			return;
		to->title = field_text(&source, "id");
		v = field_object(&source, "document");
		if (v.n == 0)
			continue;
		if (!fields_read(&doc, v, ev->a))
			return;
		to->url = field_text(&doc, "url");
		to->cited = first_of(&doc, "text", "snippet");
		if (!json_text_empty(field_text(&doc, "title")))
			to->title = field_text(&doc, "title");
		return;
	}
}

/* {text, token_ids, logprobs}: one number for each token of the text.  OpenAI has one for each
 * text: that of several is their sum. */
static void logprob(struct json_out *o, struct slice item, struct arena *a)
{
	struct json_array it;
	enum json_kind kind;
	double sum = 0, v;
	struct fields f;
	struct slice n, one = { NULL, 0 };
	size_t count = 0;

	if (!fields_read(&f, item, a))
		return;
	it = json_array(field_array(&f, "logprobs"));
	for (; json_array_next(&it, &n, &kind); count++) {
		if (kind != JSON_NUMBER || !json_double(n, &v))
			return;
		one = n;
		sum += v;
	}
	if (count == 0)
		return;
	out_object(o);
	out_key(o, "token"), out_text(o, field_text(&f, "text"));
	out_key(o, "logprob");
	if (count == 1)
		out_json(o, one);
	else
		out_num(o, sum);
	out_key(o, "bytes"), out_null(o);
	out_key(o, "top_logprobs"), out_array(o), out_close(o);
	out_close(o);
}

/* `items` is one item or an array of them. */
static void logprobs(struct chat_events *ev, struct slice items)
{
	struct json_array it = json_array(items);
	struct chat_event *e;
	enum json_kind kind;
	struct json_out o;
	struct slice v;

	if (json_kind(items) != JSON_ARRAY && json_kind(items) != JSON_OBJECT)
		return;
	out_init(&o, ev->a);
	out_array(&o);
	if (json_kind(items) == JSON_OBJECT)
		logprob(&o, items, ev->a);
	while (json_array_next(&it, &v, &kind))
		if (kind == JSON_OBJECT)
			logprob(&o, v, ev->a);
	out_close(&o);
	v = out_slice(&o);
	if (!out_ok(&o)) {
		ev->failed = true;
		return;
	}
	if (v.n <= 2)
		return;
	e = event_add(ev, EV_LOGPROBS);
	if (e != NULL)
		e->raw = v;
}

static void started(struct chat_events *ev, struct json_text id)
{
	struct chat_event *e = event_add(ev, EV_START);

	if (e != NULL)
		e->id = id;
}

static void call_begin(struct chat_events *ev, const struct fields *call,
		       const struct fields *function, unsigned index)
{
	struct chat_event *e = event_add(ev, EV_TOOL_BEGIN);

	if (e == NULL)
		return;
	e->index = index;
	e->id = field_text(call, "id");
	e->name = field_text(function, "name");
	e->signature = opaque_open(field_text(call, "signature")).data;
}

static void call_args(struct chat_events *ev, const struct fields *function, unsigned index)
{
	struct json_text args = field_text(function, "arguments");
	struct slice object = field_object(function, "arguments");
	struct chat_event *e;

	if (object.n > 0)
		args = json_text_encode(object, ev->a);
	if (json_text_empty(args))
		return;
	e = event_add(ev, EV_TOOL_ARGS);
	if (e == NULL)
		return;
	e->index = index;
	e->text = args;
}

static void call_end(struct chat_events *ev, unsigned index)
{
	struct chat_event *e = event_add(ev, EV_TOOL_END);

	if (e != NULL)
		e->index = index;
}

/* ---- plain answers ---- */

static bool content(struct chat_events *ev, struct slice value)
{
	struct json_array it = json_array(value);
	enum json_kind kind;
	struct fields f;
	struct slice v;

	if (json_kind(value) == JSON_STRING && value.n > 2)
		event_text(ev, EV_TEXT, json_text_of(value));
	while (json_array_next(&it, &v, &kind)) {
		if (!fields_read(&f, v, ev->a))
			return false;
		if (field_is(&f, "type", "thinking"))
			thought(ev, &f);
		else if (field_is(&f, "type", "text"))
			text_block(ev, &f);
	}
	return true;
}

static bool calls(struct chat_events *ev, struct slice array, unsigned *n)
{
	struct json_array it = json_array(array);
	struct fields call, function;
	enum json_kind kind;
	struct slice v;

	for (; json_array_next(&it, &v, &kind); ++*n) {
		if (!fields_read(&call, v, ev->a) ||
		    !fields_read(&function, field_object(&call, "function"), ev->a))
			return false;
		call_begin(ev, &call, &function, *n);
		call_args(ev, &function, *n);
		call_end(ev, *n);
	}
	return true;
}

static enum rc message(struct chat_events *ev, struct slice object, unsigned *call_n)
{
	struct json_array it;
	enum json_kind kind;
	struct fields m;
	struct slice v;

	if (!fields_read(&m, object, ev->a) || !content(ev, field_json(&m, "content")))
		return E_NOMEM;
	if (!json_text_empty(field_text(&m, "tool_plan")))
		event_text(ev, EV_TEXT, field_text(&m, "tool_plan"));
	if (!calls(ev, field_array(&m, "tool_calls"), call_n))
		return E_NOMEM;
	it = json_array(field_array(&m, "citations"));
	while (json_array_next(&it, &v, &kind))
		if (kind == JSON_OBJECT)
			citation(ev, v);
	return OK;
}

/* fields_read() of text that was not scanned before. */
static enum rc scanned(struct fields *f, struct slice text, struct arena *a)
{
	enum json_kind kind;
	size_t n;

	if (json_scan(text, &kind, NULL, 0, &n, NULL) != OK || kind != JSON_OBJECT)
		return E_BAD;
	return fields_read(f, slice_trim(text), a) ? OK : E_NOMEM;
}

enum rc cohere_answer_read(struct slice body, struct chat_events *ev)
{
	struct json_text reason;
	unsigned call_n = 0;
	struct fields f;
	enum rc rc = scanned(&f, body, ev->a);

	if (rc != OK)
		return rc;
	if (field_object(&f, "message").n == 0) {
		/* An error has its words there. */
		if (json_text_empty(field_text(&f, "message")))
			return E_BAD;
		failed(ev, FAULT_SERVER, field_text(&f, "message"));
		return ev->failed ? E_NOMEM : OK;
	}
	started(ev, field_text(&f, "id"));
	rc = message(ev, field_object(&f, "message"), &call_n);
	if (rc != OK)
		return rc;
	logprobs(ev, field_json(&f, "logprobs"));
	usage_read(ev, field_object(&f, "usage"));
	reason = field_text(&f, "finish_reason");
	if (json_text_empty(reason))
		reason = JTEXT("COMPLETE"); /* it is whole, and it says nothing else */
	if (finish_read(ev, reason, field_text(&f, "error"), call_n > 0))
		event_add(ev, EV_END);
	return ev->failed || arena_failed(ev->a) ? E_NOMEM : OK;
}

/* ---- streams ---- */

/* Steps down `path`, a list of members that ends with NULL; empty: not there. */
static struct slice below(const struct fields *f, const char *const *path, struct arena *a)
{
	struct slice v = field_object(f, *path++);
	struct fields inner;

	for (; v.n > 0 && *path != NULL; path++) {
		if (!fields_read(&inner, v, a))
			return (struct slice){ NULL, 0 };
		v = field_json(&inner, *path);
	}
	return v;
}

static enum rc content_event(const struct fields *f, struct chat_events *ev)
{
	static const char *const at[] = { "delta", "message", "content", NULL };
	struct fields block;

	if (!fields_read(&block, below(f, at, ev->a), ev->a))
		return E_NOMEM;
	if (field(&block, "text") != NULL)
		text_block(ev, &block);
	else
		thought(ev, &block);
	logprobs(ev, field_json(f, "logprobs"));
	return OK;
}

/* The place of the call with this index in the stream; NULL: there is none. */
static unsigned *call_at(struct cohere_reader *r, const struct fields *f, bool end)
{
	uint64_t theirs = field_u64(f, "index", 0);

	for (size_t i = 0; i < COHERE_OPEN_MAX; i++)
		if (r->call[i].open && r->call[i].theirs == theirs) {
			r->call[i].open = !end;
			return &r->call[i].ours;
		}
	return NULL;
}

static enum rc call_start(struct cohere_reader *r, const struct fields *f,
			  struct chat_events *ev)
{
	static const char *const at[] = { "delta", "message", "tool_calls", NULL };
	const unsigned *old = call_at(r, f, true); /* one that was never ended */
	struct fields call, function;
	struct slice v = below(f, at, ev->a);
	struct json_array it = json_array(v);
	enum json_kind kind;
	size_t i = 0;

	if (old != NULL)
		call_end(ev, *old);
	while (i < COHERE_OPEN_MAX && r->call[i].open)
		i++;
	if (i == COHERE_OPEN_MAX)
		return E_BAD;
	if (json_kind(v) == JSON_ARRAY && !json_array_next(&it, &v, &kind))
		return OK;
	if (!fields_read(&call, v, ev->a) ||
	    !fields_read(&function, field_object(&call, "function"), ev->a))
		return E_NOMEM;
	r->call[i].open = true;
	r->call[i].theirs = field_u64(f, "index", 0);
	r->call[i].ours = r->calls++;
	call_begin(ev, &call, &function, r->call[i].ours);
	call_args(ev, &function, r->call[i].ours);
	return OK;
}

static enum rc call_delta(struct cohere_reader *r, const struct fields *f,
			  struct chat_events *ev)
{
	static const char *const at[] = { "delta", "message", "tool_calls", "function", NULL };
	const unsigned *index = call_at(r, f, false);
	struct fields function;

	if (index == NULL)
		return OK;
	if (!fields_read(&function, below(f, at, ev->a), ev->a))
		return E_NOMEM;
	call_args(ev, &function, *index);
	return OK;
}

static enum rc message_end(struct cohere_reader *r, const struct fields *f,
			   struct chat_events *ev)
{
	struct fields delta;

	if (!fields_read(&delta, field_object(f, "delta"), ev->a))
		return E_NOMEM;
	for (size_t i = 0; i < COHERE_OPEN_MAX; i++)
		if (r->call[i].open)
			call_end(ev, r->call[i].ours);
	r->done = true;
	usage_read(ev, field_object(&delta, "usage"));
	if (finish_read(ev, field_text(&delta, "finish_reason"), field_text(&delta, "error"),
			r->calls > 0))
		event_add(ev, EV_END);
	return OK;
}

static enum rc one_event(struct cohere_reader *r, struct json_text type, const struct fields *f,
			 struct chat_events *ev)
{
	static const char *const plan[] = { "delta", "message", "tool_plan", NULL };
	static const char *const cited[] = { "delta", "message", "citations", NULL };
	struct slice v;

	if (json_text_is(type, LIT("message-start")))
		started(ev, field_text(f, "id"));
	else if (json_text_is(type, LIT("content-delta")) ||
		 json_text_is(type, LIT("content-start")))
		return content_event(f, ev);
	else if (json_text_is(type, LIT("tool-call-start")))
		return call_start(r, f, ev);
	else if (json_text_is(type, LIT("tool-call-delta")))
		return call_delta(r, f, ev);
	else if (json_text_is(type, LIT("message-end")))
		return message_end(r, f, ev);
	else if (json_text_is(type, LIT("tool-call-end"))) {
		const unsigned *index = call_at(r, f, true);

		if (index != NULL)
			call_end(ev, *index);
	} else if (json_text_is(type, LIT("tool-plan-delta"))) {
		v = below(f, plan, ev->a);
		if (json_kind(v) == JSON_STRING && v.n > 2)
			event_text(ev, EV_TEXT, json_text_of(v));
	} else if (json_text_is(type, LIT("citation-start"))) {
		v = below(f, cited, ev->a);
		if (json_kind(v) == JSON_OBJECT)
			citation(ev, v);
	} else if (json_text_empty(field_text(f, "type")) &&
		   !json_text_empty(field_text(f, "message"))) {
		r->done = true; /* an error's body in the middle of a stream */
		failed(ev, FAULT_SERVER, field_text(f, "message"));
	}
	return OK;
}

enum rc cohere_event_read(void *state, struct arena *keep UNUSED, struct slice name,
			  struct slice data, struct chat_events *ev)
{
	struct cohere_reader *r = state;
	struct json_text type;
	struct fields f;
	enum rc rc;

	if (r->done || slice_eq(slice_trim(data), LIT("[DONE]")))
		return OK;
	rc = scanned(&f, data, ev->a);
	if (rc != OK)
		return rc;
	type = field_text(&f, "type");
	if (json_text_empty(type))
		type.s = name;
	rc = one_event(r, type, &f, ev);
	if (rc != OK)
		return rc;
	return ev->failed || arena_failed(ev->a) ? E_NOMEM : OK;
}

/* Nothing is whole without its message-end. */
void cohere_stream_end(void *state UNUSED, struct arena *keep UNUSED,
		       struct chat_events *ev UNUSED)
{
}
