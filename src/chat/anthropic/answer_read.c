/* Answers, whole and streamed, read (Anthropic's API reference: Messages, and Streaming).
 *
 * A whole answer is read as the stream that would have given it. */
#include "chat/anthropic/anthropic.h"

enum block_kind {
	BLOCK_TEXT,
	BLOCK_THINKING,
	BLOCK_TOOL,
	BLOCK_FORCED, /* FORCED_TOOL: its input is the answer's text */
	BLOCK_OTHER,  /* of a server tool */
	BLOCK_IGNORED,
};

/* Each is looked for at every piece; the API has one. */
enum { OPEN_MAX = 64 };

struct piece {
	struct piece *next;
	struct slice text;
};

/* One that has begun and not ended.  The API has one at a time; some who imitate it have more.
 */
struct block {
	struct block *next;
	uint64_t index;
	enum block_kind kind;
	unsigned tool;
	uint64_t begins;                     /* characters of the answer's text before it */
	bool fed;                            /* pieces of its input came */
	struct slice input;                  /* that it began with: used when no piece comes */
	struct slice raw;                    /* OTHER: the block */
	struct piece *pieces, **pieces_tail; /* OTHER: of its input */
};

/* Usage as it was last said; each number is a total so far. */
struct counts {
	bool known, has_creation;
	uint64_t input, output, thinking, read, creation, creation_1h, creation_5m, searches;
};

struct reader {
	struct arena *keep; /* NULL: all of the answer stays where it is */
	struct chat_events *ev;
	struct slice id;
	struct block *open, *free;
	unsigned open_n;
	struct counts counts;
	uint64_t chars;
	unsigned tools;
	bool started, content, forced, finished, ended;
};

_Static_assert(sizeof(struct reader) <= ANTHROPIC_READER_BYTES, "the table says how much");

static struct slice kept(const struct reader *r, struct slice s)
{
	return r->keep == NULL ? s : arena_copy(r->keep, s);
}

/* ---- usage ----------------------------------------------------------------------------- */

static void count(const struct fields *f, const char *name, uint64_t *out, bool *seen)
{
	uint64_t v;

	if (!json_u64(field_number(f, name), &v))
		return;
	*out = v;
	*seen = true;
}

static void counts_read(struct counts *c, struct slice usage, struct arena *a)
{
	struct fields f, in;
	bool seen = false;

	if (!fields_read(&f, usage, a))
		return;
	count(&f, "input_tokens", &c->input, &c->known);
	count(&f, "output_tokens", &c->output, &c->known);
	count(&f, "cache_read_input_tokens", &c->read, &seen);
	count(&f, "cache_creation_input_tokens", &c->creation, &c->has_creation);
	if (fields_read(&in, field_object(&f, "cache_creation"), a)) {
		count(&in, "ephemeral_5m_input_tokens", &c->creation_5m, &seen);
		count(&in, "ephemeral_1h_input_tokens", &c->creation_1h, &seen);
	}
	if (fields_read(&in, field_object(&f, "output_tokens_details"), a))
		count(&in, "thinking_tokens", &c->thinking, &seen);
	if (fields_read(&in, field_object(&f, "server_tool_use"), a))
		count(&in, "web_search_requests", &c->searches, &seen);
}

static void usage_event(struct reader *r)
{
	const struct counts *c = &r->counts;
	struct usage u = { .known = true };
	uint64_t creation, output = c->output;

	if (!c->known)
		return;
	if (c->input > USAGE_TOKENS_MAX || c->output > USAGE_TOKENS_MAX ||
	    c->read > USAGE_TOKENS_MAX || c->creation > USAGE_TOKENS_MAX ||
	    c->creation_5m > USAGE_TOKENS_MAX || c->creation_1h > USAGE_TOKENS_MAX) {
		u = (struct usage){ .odd = true }; /* as good as none */
		event_usage(r->ev, &u);
		return;
	}
	creation = c->has_creation ? c->creation : c->creation_5m + c->creation_1h;
	u.input = c->input;
	u.cache_read = c->read;
	u.cache_write_1h = usage_part(&creation, c->creation_1h, &u.odd);
	u.cache_write = creation;
	u.reasoning = usage_part(&output, c->thinking, &u.odd);
	u.output = output;
	u.searches = c->searches;
	event_usage(r->ev, &u);
}

/* ---- text and what stands beside it ---------------------------------------------------- */

/* Characters of an escaped text; an escaped surrogate pair is one. */
static uint64_t chars_of(struct slice s)
{
	uint64_t n = 0;

	for (size_t i = 0; i < s.n; i++) {
		unsigned char c = (unsigned char)s.p[i];

		if (c == '\\' && i + 1 < s.n && s.p[++i] == 'u' && i + 4 < s.n) {
			bool low = (s.p[i + 1] | 32) == 'd' && (s.p[i + 2] | 32) >= 'c';

			i += 4;
			n += !low;
			continue;
		}
		n += (c & 0xc0) != 0x80;
	}
	return n;
}

static void text_event(struct reader *r, struct json_text text)
{
	if (json_text_empty(text))
		return;
	event_text(r->ev, EV_TEXT, text);
	r->chars += chars_of(text.s);
	r->content = true;
}

static void reasoning_event(struct reader *r, struct json_text text)
{
	if (json_text_empty(text))
		return;
	event_text(r->ev, EV_REASONING, text);
	r->content = true;
}

static void signature_event(struct reader *r, struct json_text signature)
{
	struct chat_event *e;

	if (json_text_empty(signature))
		return;
	e = event_add(r->ev, EV_SIGNATURE);
	if (e != NULL)
		e->signature = signature;
}

static void redacted_event(struct reader *r, struct json_text data)
{
	struct chat_event *e;

	if (json_text_empty(data))
		return;
	e = event_add(r->ev, EV_SIGNATURE);
	if (e != NULL) {
		e->encrypted = true;
		e->text = data;
	}
	r->content = true;
}

static struct json_text either(const struct fields *f, const char *name, const char *other)
{
	struct json_text t = field_text(f, name);

	return json_text_empty(t) ? field_text(f, other) : t;
}

static void citation_event(struct reader *r, const struct block *b, struct slice citation)
{
	struct chat_event *e;
	struct fields f;

	if (json_kind(citation) != JSON_OBJECT || !fields_read(&f, citation, r->ev->a))
		return;
	e = event_add(r->ev, EV_ANNOTATION);
	if (e == NULL)
		return;
	e->u.annotation = (struct chat_annotation){
		.url = either(&f, "url", "source"),
		.title = either(&f, "title", "document_title"),
		.cited = field_text(&f, "cited_text"),
		.start = b->begins,
		.end = r->chars,
		.raw = citation,
	};
}

static void args_event(struct reader *r, struct block *b, struct json_text piece)
{
	struct chat_event *e;

	if (json_text_empty(piece))
		return;
	b->fed = true;
	if (b->kind == BLOCK_FORCED) {
		text_event(r, piece); /* JSON inside a string is text inside a string */
		return;
	}
	e = event_add(r->ev, EV_TOOL_ARGS);
	if (e != NULL) {
		e->index = b->tool;
		e->text = piece;
	}
}

/* ---- blocks ---------------------------------------------------------------------------- */

static void tool_begin(struct reader *r, struct block *b, const struct fields *f)
{
	struct slice input = field_object(f, "input");
	struct chat_event *e;

	if (field_is(f, "name", FORCED_TOOL)) {
		b->kind = BLOCK_FORCED;
		r->forced = true;
	} else {
		b->kind = BLOCK_TOOL;
		b->tool = r->tools++;
		r->content = true;
		e = event_add(r->ev, EV_TOOL_BEGIN);
		if (e != NULL) {
			e->index = b->tool;
			e->id = field_text(f, "id");
			e->name = field_text(f, "name");
		}
	}
	if (r->keep == NULL || input.n > 2)
		b->input = kept(r, input);
}

static void text_begin(struct reader *r, struct block *b, const struct fields *f)
{
	struct json_array it = json_array(field_array(f, "citations"));
	enum json_kind kind;
	struct slice value;

	b->kind = BLOCK_TEXT;
	text_event(r, field_text(f, "text"));
	while (json_array_next(&it, &value, &kind))
		citation_event(r, b, value);
}

static void block_begin(struct reader *r, uint64_t index, struct slice raw)
{
	struct block *b = r->free;
	struct fields f;

	if (json_kind(raw) != JSON_OBJECT || !fields_read(&f, raw, r->ev->a))
		return;
	if (b != NULL)
		r->free = b->next;
	else
		b = arena_get(r->keep != NULL ? r->keep : r->ev->a, sizeof(*b));
	if (b == NULL) {
		r->ev->failed = true;
		return;
	}
	*b = (struct block){ .index = index, .begins = r->chars, .next = r->open };
	b->pieces_tail = &b->pieces;
	b->kind = BLOCK_IGNORED;
	r->open = b;
	r->open_n++;
	if (field_is(&f, "type", "text")) {
		text_begin(r, b, &f);
	} else if (field_is(&f, "type", "thinking")) {
		b->kind = BLOCK_THINKING;
		reasoning_event(r, field_text(&f, "thinking"));
		signature_event(r, field_text(&f, "signature"));
	} else if (field_is(&f, "type", "redacted_thinking")) {
		redacted_event(r, field_text(&f, "data"));
	} else if (field_is(&f, "type", "tool_use")) {
		tool_begin(r, b, &f);
	} else if (anthropic_own_block(raw)) {
		b->kind = BLOCK_OTHER;
		b->raw = kept(r, raw);
	}
}

/* The input of a server tool came in pieces: the block with it. */
static struct slice assembled(struct reader *r, const struct block *b)
{
	struct json_out o;
	struct slice input;
	struct fields f;
	enum json_kind kind;
	struct json_text text;
	size_t n;

	out_init(&o, r->ev->a);
	for (const struct piece *p = b->pieces; p != NULL; p = p->next)
		out_raw(&o, p->text);
	text.s = out_slice(&o);
	input = json_text_plain(text, r->ev->a);
	if (json_scan(input, &kind, NULL, 0, &n, NULL) != OK || kind != JSON_OBJECT ||
	    !fields_read(&f, b->raw, r->ev->a))
		return b->raw;
	out_init(&o, r->ev->a);
	out_object(&o);
	for (size_t i = 0; i < f.n; i++) {
		if (slice_eq(f.m[i].key, LIT("input")))
			continue;
		out_key_text(&o, (struct json_text){ f.m[i].key });
		out_json(&o, f.m[i].value);
	}
	out_key(&o, "input"), out_json(&o, input);
	out_close(&o);
	return out_slice(&o);
}

static void block_end(struct reader *r, struct block *b)
{
	struct chat_event *e;

	if (b->kind == BLOCK_FORCED && !b->fed && b->input.n == 0)
		b->input = LIT("{}");
	if ((b->kind == BLOCK_TOOL || b->kind == BLOCK_FORCED) && !b->fed)
		args_event(r, b, json_text_encode(b->input, r->ev->a));
	if (b->kind == BLOCK_TOOL) {
		e = event_add(r->ev, EV_TOOL_END);
		if (e != NULL)
			e->index = b->tool;
	} else if (b->kind == BLOCK_OTHER) {
		e = event_add(r->ev, EV_OTHER);
		if (e != NULL)
			e->raw = b->pieces != NULL ? assembled(r, b) : b->raw;
		r->content = true;
	}
}

static struct block **block_find(struct reader *r, uint64_t index)
{
	struct block **at = &r->open;

	while (*at != NULL && (*at)->index != index)
		at = &(*at)->next;
	return at;
}

static void block_close(struct reader *r, struct block **at)
{
	struct block *b = *at;

	block_end(r, b);
	*at = b->next;
	r->open_n--;
	b->next = r->free;
	r->free = b;
}

static void piece_add(struct reader *r, struct block *b, struct slice text)
{
	struct piece *p = text.n == 0 ? NULL : ARENA_NEW(r->keep, struct piece);

	if (p == NULL)
		return;
	p->text = arena_copy(r->keep, text);
	*b->pieces_tail = p;
	b->pieces_tail = &p->next;
}

static void block_delta(struct reader *r, struct block *b, struct slice delta)
{
	struct fields f;

	if (json_kind(delta) != JSON_OBJECT || !fields_read(&f, delta, r->ev->a))
		return;
	if (field_is(&f, "type", "text_delta"))
		text_event(r, field_text(&f, "text"));
	else if (field_is(&f, "type", "thinking_delta"))
		reasoning_event(r, field_text(&f, "thinking"));
	else if (field_is(&f, "type", "signature_delta"))
		signature_event(r, field_text(&f, "signature"));
	else if (field_is(&f, "type", "citations_delta"))
		citation_event(r, b, field_object(&f, "citation"));
	else if (!field_is(&f, "type", "input_json_delta"))
		return;
	else if (b->kind == BLOCK_OTHER)
		piece_add(r, b, field_text(&f, "partial_json").s);
	else if (b->kind == BLOCK_TOOL || b->kind == BLOCK_FORCED)
		args_event(r, b, field_text(&f, "partial_json"));
}

/* ---- the message ----------------------------------------------------------------------- */

static enum finish_kind finish_of(const struct reader *r, struct json_text reason)
{
	static const struct {
		const char *reason;
		enum finish_kind finish;
	} known[] = {
		{ "end_turn", FINISH_STOP },
		{ "stop_sequence", FINISH_SEQUENCE },
		{ "max_tokens", FINISH_LENGTH },
		{ "tool_use", FINISH_TOOLS },
		{ "pause_turn", FINISH_PAUSE },
		{ "compaction", FINISH_PAUSE },
		{ "refusal", FINISH_REFUSAL },
		{ "model_context_window_exceeded", FINISH_CONTEXT },
	};
	enum finish_kind finish = FINISH_BROKEN; /* whatever it is, it is no clean end */

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (json_text_is(reason, slice_cstr(known[i].reason)))
			finish = known[i].finish;
	if (finish == FINISH_TOOLS && r->forced && r->tools == 0)
		return FINISH_STOP;
	return finish == FINISH_STOP && r->tools > 0 ? FINISH_TOOLS : finish;
}

/* `f`: the message, or the delta of one. */
static void finish_event(struct reader *r, const struct fields *f)
{
	struct json_text reason = field_text(f, "stop_reason");
	struct fields details;
	struct chat_event *e;

	if (json_text_empty(reason) || r->finished)
		return;
	while (r->open != NULL)
		block_close(r, &r->open);
	r->finished = true;
	e = event_add(r->ev, EV_FINISH);
	if (e == NULL)
		return;
	e->finish = finish_of(r, reason);
	e->text = field_text(f, "stop_sequence");
	if (fields_read(&details, field_object(f, "stop_details"), r->ev->a))
		e->name = field_text(&details, "explanation");
}

static void start_event(struct reader *r, const struct fields *message)
{
	struct chat_event *e = event_add(r->ev, EV_START);

	r->started = true;
	if (e == NULL || message == NULL)
		return;
	e->id = field_text(message, "id");
	e->name = field_text(message, "model");
}

static void end_event(struct reader *r)
{
	while (r->open != NULL)
		block_close(r, &r->open);
	if (!r->finished && r->content)
		event_finish(r->ev, 0, r->tools > 0 ? FINISH_TOOLS : FINISH_STOP);
	r->finished = r->ended = true;
	event_add(r->ev, EV_END);
}

static void error_event(struct reader *r, unsigned status, struct slice error)
{
	struct chat_event *e = event_add(r->ev, EV_ERROR);

	r->ended = true;
	if (e != NULL)
		anthropic_fault_read(&e->u.fault, status, error, r->ev->a);
}

enum rc anthropic_answer_read(struct slice body, struct chat_events *ev)
{
	struct reader r = { .ev = ev };
	struct json_array it;
	enum json_kind kind;
	struct slice value;
	struct fields f;
	size_t n;

	if (json_scan(body, &kind, NULL, 0, &n, NULL) != OK || kind != JSON_OBJECT)
		return E_BAD;
	if (!fields_read(&f, slice_trim(body), ev->a))
		return arena_failed(ev->a) ? E_NOMEM : E_BAD;
	if (field_is(&f, "type", "error") ||
	    (field(&f, "error") != NULL && field_array(&f, "content").n == 0)) {
		error_event(&r, 0, field_json(&f, "error"));
		return ev->failed ? E_NOMEM : OK;
	}
	if (field_array(&f, "content").n == 0)
		return E_BAD;
	start_event(&r, &f);
	it = json_array(field_array(&f, "content"));
	for (uint64_t i = 0; json_array_next(&it, &value, &kind); i++) {
		block_begin(&r, i, value);
		if (r.open != NULL)
			block_close(&r, &r.open);
	}
	counts_read(&r.counts, field_object(&f, "usage"), ev->a);
	finish_event(&r, &f);
	usage_event(&r);
	end_event(&r);
	return ev->failed || arena_failed(ev->a) ? E_NOMEM : OK;
}

/* ---- streams --------------------------------------------------------------------------- */

static void on_start(struct reader *r, const struct fields *f)
{
	static const char spliced[] = "another message began in the middle of this one";
	struct chat_event *e;
	struct fields m;

	if (!fields_read(&m, field_object(f, "message"), r->ev->a))
		return;
	if (r->started) {
		/* Some proxies repeat it; another one is another answer. */
		if (slice_eq(r->id, field_text(&m, "id").s))
			return;
		e = event_add(r->ev, EV_ERROR);
		if (e != NULL)
			e->u.fault = (struct fault){ .kind = FAULT_GARBAGE,
						     .message = LIT(spliced) };
		r->ended = true;
		return;
	}
	r->id = arena_copy(r->keep, field_text(&m, "id").s);
	start_event(r, &m);
	counts_read(&r->counts, field_object(&m, "usage"), r->ev->a);
	usage_event(r);
}

static void on_block_start(struct reader *r, const struct fields *f)
{
	uint64_t index = field_u64(f, "index", 0);
	struct block **at = block_find(r, index);

	if (*at != NULL)
		block_close(r, at);
	if (r->open_n == OPEN_MAX)
		block_close(r, &r->open);
	block_begin(r, index, field_object(f, "content_block"));
}

static void on_block_delta(struct reader *r, const struct fields *f)
{
	struct block *b = *block_find(r, field_u64(f, "index", 0));

	if (b != NULL)
		block_delta(r, b, field_object(f, "delta"));
}

static void on_block_stop(struct reader *r, const struct fields *f)
{
	struct block **at = block_find(r, field_u64(f, "index", 0));

	if (*at != NULL)
		block_close(r, at);
}

static void on_delta(struct reader *r, const struct fields *f)
{
	struct fields delta;

	if (!fields_read(&delta, field_object(f, "delta"), r->ev->a))
		return;
	counts_read(&r->counts, field_object(f, "usage"), r->ev->a);
	finish_event(r, &delta);
	usage_event(r);
}

static void on_stop(struct reader *r, const struct fields *f)
{
	(void)f;
	end_event(r);
}

static void on_ping(struct reader *r, const struct fields *f)
{
	(void)f;
	event_add(r->ev, EV_PING);
}

static void on_error(struct reader *r, const struct fields *f)
{
	error_event(r, 0, field_json(f, "error"));
}

enum rc anthropic_event_read(void *state, struct arena *keep, struct slice name,
			     struct slice data, struct chat_events *ev)
{
	static const struct {
		const char *type;
		void (*read)(struct reader *r, const struct fields *f);
		bool inside; /* a message must have begun */
	} types[] = {
		{ "content_block_delta", on_block_delta, true },
		{ "content_block_start", on_block_start, true },
		{ "content_block_stop", on_block_stop, true },
		{ "message_start", on_start, false },
		{ "message_delta", on_delta, true },
		{ "message_stop", on_stop, true },
		{ "ping", on_ping, false },
		{ "error", on_error, false },
	};
	struct reader *r = state;
	enum json_kind kind;
	struct slice type;
	struct fields f;

	if (slice_trim(data).n == 0 || slice_eq(slice_trim(data), LIT("[DONE]")) || r->ended)
		return OK; /* of those who imitate it */
	r->keep = keep;
	r->ev = ev;
	f.m = f.few;
	if (json_scan(data, &kind, f.few, ARRAY_LEN(f.few), &f.n, NULL) != OK ||
	    kind != JSON_OBJECT)
		return E_BAD;
	if (f.n > ARRAY_LEN(f.few) && !fields_read(&f, slice_trim(data), ev->a))
		return arena_failed(ev->a) ? E_NOMEM : E_BAD;
	type = field_plain(&f, "type", ev->a);
	if (type.n == 0)
		type = field(&f, "error") != NULL ? LIT("error") : name;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (!slice_eq(type, slice_cstr(types[i].type)))
			continue;
		if (types[i].inside && !r->started)
			start_event(r, NULL);
		types[i].read(r, &f);
		break;
	}
	return ev->failed || arena_failed(keep) || arena_failed(ev->a) ? E_NOMEM : OK;
}

void anthropic_stream_end(void *state, struct arena *keep, struct chat_events *ev)
{
	struct reader *r = state;

	/* Without its last event, but with its stop reason and usage, it is whole. */
	if (!r->finished || r->ended)
		return;
	r->keep = keep;
	r->ev = ev;
	end_event(r);
}
