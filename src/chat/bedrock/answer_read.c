/* Answers, whole and streamed, read (Bedrock's API reference: Converse, ConverseStream).
 *
 * The events of a stream are told apart by their frame's event type; the payload is what they
 * say. */
#include "chat/bedrock/bedrock.h"

enum block_kind { BLOCK_TOOL, BLOCK_FORCED, BLOCK_IMAGE, BLOCK_OTHER };

/* One that said at its start what it is, and has not ended.  Text and reasoning do not. */
struct block {
	struct block *next;
	uint64_t index;
	enum block_kind kind;
	unsigned tool;
	struct slice mime; /* IMAGE */
};

struct reader {
	struct arena *keep;
	struct chat_events *ev;
	struct block *open, *free;
	struct json_text bound; /* the signature of what comes next */
	unsigned tools;
	bool started, forced, finished, metadata, ended;
};

_Static_assert(sizeof(struct reader) <= BEDROCK_READER_BYTES, "the table says how much");

/* ---- usage ----------------------------------------------------------------------------- */

/* inputTokens has no part of the cache; what was written to it is told by lifetime. */
static uint64_t written_1h(struct slice details, struct arena *a)
{
	struct json_array it = json_array(details);
	enum json_kind kind;
	struct slice value;
	uint64_t n = 0;

	while (json_array_next(&it, &value, &kind)) {
		struct fields f;

		if (kind == JSON_OBJECT && fields_read(&f, value, a) &&
		    field_is(&f, "ttl", "1h"))
			n += size_min(field_u64(&f, "inputTokens", 0), USAGE_TOKENS_MAX);
	}
	return n;
}

static void usage_event(struct chat_events *ev, struct slice usage)
{
	struct usage u = { .known = true };
	uint64_t written, written_long;
	struct fields f;

	if (usage.n == 0 || !fields_read(&f, usage, ev->a) ||
	    field_number(&f, "inputTokens").n == 0)
		return;
	u.input = field_u64(&f, "inputTokens", UINT64_MAX);
	u.output = field_u64(&f, "outputTokens", 0);
	u.cache_read = field_u64(&f, "cacheReadInputTokens", 0);
	written = field_u64(&f, "cacheWriteInputTokens", 0);
	if (u.input > USAGE_TOKENS_MAX || u.output > USAGE_TOKENS_MAX ||
	    u.cache_read > USAGE_TOKENS_MAX || written > USAGE_TOKENS_MAX) {
		u = (struct usage){ .odd = true }; /* as good as none */
		event_usage(ev, &u);
		return;
	}
	written_long = written_1h(field_array(&f, "cacheDetails"), ev->a);
	u.cache_write_1h = usage_part(&written, written_long, &u.odd);
	u.cache_write = written;
	event_usage(ev, &u);
}

/* ---- text and what stands beside it ---------------------------------------------------- */

static struct json_text bound_taken(struct reader *r)
{
	const struct json_text t = r->bound;

	r->bound = (struct json_text){ { NULL, 0 } };
	return t;
}

static void text_event(struct reader *r, struct json_text text)
{
	struct chat_event *e = json_text_empty(text) ? NULL : event_add(r->ev, EV_TEXT);

	if (e == NULL)
		return;
	e->text = text;
	e->signature = bound_taken(r);
}

static void signature_event(struct reader *r, struct json_text signature)
{
	struct chat_event *e = json_text_empty(signature) ? NULL
							  : event_add(r->ev, EV_SIGNATURE);

	if (e != NULL)
		e->signature = signature;
}

static void redacted_event(struct reader *r, struct json_text data)
{
	struct chat_event *e;
	bool bound;
	const struct chat_opaque o = bedrock_redacted_open(data, &bound, r->ev->a);

	if (json_text_empty(data))
		return;
	if (bound) { /* of ours: another weir answered */
		r->bound = (struct json_text){ arena_copy(r->keep, o.data.s) };
		return;
	}
	e = event_add(r->ev, EV_SIGNATURE);
	if (e != NULL) {
		e->encrypted = true;
		e->text = data;
	}
}

static void citation_event(struct reader *r, struct slice citation)
{
	struct fields f, location, web, source;
	struct json_array it;
	struct chat_event *e;
	enum json_kind kind;
	struct slice first;

	if (!fields_read(&f, citation, r->ev->a) ||
	    !fields_read(&location, field_object(&f, "location"), r->ev->a) ||
	    !fields_read(&web, field_object(&location, "web"), r->ev->a))
		return;
	e = event_add(r->ev, EV_ANNOTATION);
	if (e == NULL)
		return;
	e->u.annotation.title = field_text(&f, "title");
	e->u.annotation.url = field_text(&web, "url");
	if (json_text_empty(e->u.annotation.url))
		e->u.annotation.url = field_text(&f, "source");
	it = json_array(field_array(&f, "sourceContent"));
	if (json_array_next(&it, &first, &kind) && fields_read(&source, first, r->ev->a))
		e->u.annotation.cited = field_text(&source, "text");
	e->u.annotation.raw = citation;
}

static void image_event(struct reader *r, struct slice mime, struct slice source)
{
	struct chat_event *e;
	struct fields f;

	if (!fields_read(&f, source, r->ev->a) || json_text_empty(field_text(&f, "bytes")))
		return;
	e = event_add(r->ev, EV_IMAGE);
	if (e == NULL)
		return;
	e->text = field_text(&f, "bytes");
	e->name = json_text_encode(mime, r->ev->a);
}

static void other_event(struct reader *r, struct slice raw)
{
	struct chat_event *e = event_add(r->ev, EV_OTHER);

	if (e != NULL)
		e->raw = raw;
}

/* ---- calls ----------------------------------------------------------------------------- */

/* Whose name is FORCED_TOOL is no call: *forced. */
static unsigned call_begin(struct reader *r, const struct fields *f, bool *forced)
{
	struct chat_event *e;

	*forced = field_is(f, "name", FORCED_TOOL);
	if (*forced) {
		r->forced = true;
		return 0;
	}
	e = event_add(r->ev, EV_TOOL_BEGIN);
	if (e != NULL) {
		e->index = r->tools;
		e->id = field_text(f, "toolUseId");
		e->name = field_text(f, "name");
		e->signature = bound_taken(r);
	}
	return r->tools++;
}

static void args_event(struct reader *r, unsigned tool, bool forced, struct json_text piece)
{
	struct chat_event *e;

	if (json_text_empty(piece))
		return;
	if (forced) { /* JSON inside a string is text inside a string */
		text_event(r, piece);
		return;
	}
	e = event_add(r->ev, EV_TOOL_ARGS);
	if (e != NULL) {
		e->index = tool;
		e->text = piece;
	}
}

static void call_end(struct reader *r, unsigned tool)
{
	struct chat_event *e = event_add(r->ev, EV_TOOL_END);

	if (e != NULL)
		e->index = tool;
}

/* ---- the message ----------------------------------------------------------------------- */

static void start_event(struct reader *r)
{
	if (!r->started)
		event_add(r->ev, EV_START);
	r->started = true;
}

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
		{ "content_filtered", FINISH_FILTER },
		{ "guardrail_intervened", FINISH_FILTER },
		{ "model_context_window_exceeded", FINISH_CONTEXT },
	};
	enum finish_kind finish = FINISH_BROKEN; /* malformed_*, and whatever is no clean end */

	for (size_t i = 0; i < ARRAY_LEN(known); i++)
		if (json_text_is(reason, slice_cstr(known[i].reason)))
			finish = known[i].finish;
	if (finish == FINISH_TOOLS && r->forced && r->tools == 0)
		return FINISH_STOP;
	return finish == FINISH_STOP && r->tools > 0 ? FINISH_TOOLS : finish;
}

/* `f` has stopReason and additionalModelResponseFields. */
static void finish_event(struct reader *r, const struct fields *f)
{
	struct fields more;
	struct chat_event *e;

	if (r->finished)
		return;
	r->finished = true;
	e = event_add(r->ev, EV_FINISH);
	if (e == NULL)
		return;
	e->finish = finish_of(r, field_text(f, "stopReason"));
	if (fields_read(&more, field_object(f, "additionalModelResponseFields"), r->ev->a))
		e->text = field_text(&more, "stop_sequence");
}

static void end_event(struct reader *r)
{
	r->ended = true;
	event_add(r->ev, EV_END);
}

static void error_event(struct reader *r, struct slice type, struct slice body)
{
	struct chat_event *e = event_add(r->ev, EV_ERROR);

	r->ended = true;
	if (e != NULL)
		bedrock_fault_read(&e->u.fault, 0, type, body, r->ev->a);
}

/* ---- a whole answer -------------------------------------------------------------------- */

static void whole_call(struct reader *r, const struct fields *f)
{
	const struct slice input = field_json(f, "input");
	bool forced;
	const unsigned tool = call_begin(r, f, &forced);

	args_event(r, tool, forced,
		   json_kind(input) == JSON_STRING ? json_text_of(input)
						   : json_text_encode(input, r->ev->a));
	if (!forced)
		call_end(r, tool);
}

static void whole_reasoning(struct reader *r, const struct fields *f)
{
	struct fields t;

	redacted_event(r, field_text(f, "redactedContent"));
	if (!fields_read(&t, field_object(f, "reasoningText"), r->ev->a))
		return;
	if (!json_text_empty(field_text(&t, "text")))
		event_text(r->ev, EV_REASONING, field_text(&t, "text"));
	signature_event(r, field_text(&t, "signature"));
}

static void whole_cited(struct reader *r, const struct fields *f)
{
	struct json_array it = json_array(field_array(f, "content"));
	enum json_kind kind;
	struct slice value;
	struct fields t;

	while (json_array_next(&it, &value, &kind))
		if (fields_read(&t, value, r->ev->a))
			text_event(r, field_text(&t, "text"));
	it = json_array(field_array(f, "citations"));
	while (json_array_next(&it, &value, &kind))
		citation_event(r, value);
}

static void whole_image(struct reader *r, const struct fields *f)
{
	image_event(r, chat_media_mime(PART_IMAGE, field_plain(f, "format", r->ev->a)),
		    field_object(f, "source"));
}

static void whole_block(struct reader *r, struct slice block)
{
	static const struct {
		const char *name;
		void (*read)(struct reader *r, const struct fields *f);
	} kinds[] = {
		{ "toolUse", whole_call },
		{ "reasoningContent", whole_reasoning },
		{ "citationsContent", whole_cited },
		{ "image", whole_image },
	};
	struct fields f, inner;

	if (json_kind(block) != JSON_OBJECT || !fields_read(&f, block, r->ev->a))
		return;
	if (field(&f, "text") != NULL) {
		text_event(r, field_text(&f, "text"));
		return;
	}
	for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
		struct slice value = field_object(&f, kinds[i].name);

		if (value.n > 0 && fields_read(&inner, value, r->ev->a)) {
			kinds[i].read(r, &inner);
			return;
		}
	}
	if (bedrock_own_block(block))
		other_event(r, block);
}

static enum rc answer_end(const struct chat_events *ev)
{
	return ev->failed || arena_failed(ev->a) ? E_NOMEM : OK;
}

enum rc bedrock_answer_read(struct slice body, struct chat_events *ev)
{
	struct reader r = { .ev = ev, .keep = ev->a };
	struct fields f, output, message;
	struct json_array it;
	enum json_kind kind;
	struct slice value;
	size_t n;

	if (json_scan(body, &kind, NULL, 0, &n, NULL) != OK || kind != JSON_OBJECT)
		return E_BAD;
	if (!fields_read(&f, slice_trim(body), ev->a) ||
	    !fields_read(&output, field_object(&f, "output"), ev->a) ||
	    !fields_read(&message, field_object(&output, "message"), ev->a))
		return arena_failed(ev->a) ? E_NOMEM : E_BAD;
	if (field_array(&message, "content").n == 0) {
		if (field(&f, "message") == NULL && field(&f, "Message") == NULL &&
		    field(&f, "__type") == NULL)
			return E_BAD;
		error_event(&r, slice_of(NULL, 0), body);
		return answer_end(ev);
	}
	start_event(&r);
	it = json_array(field_array(&message, "content"));
	while (json_array_next(&it, &value, &kind))
		whole_block(&r, value);
	finish_event(&r, &f);
	usage_event(ev, field_object(&f, "usage"));
	end_event(&r);
	return answer_end(ev);
}

/* ---- streams --------------------------------------------------------------------------- */

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

	if (b->kind == BLOCK_TOOL)
		call_end(r, b->tool);
	*at = b->next;
	b->next = r->free;
	r->free = b;
}

static void block_open(struct reader *r, uint64_t index, const struct block *like)
{
	struct block *b = r->free;

	if (b != NULL)
		r->free = b->next;
	else
		b = ARENA_NEW(r->keep, struct block);
	if (b == NULL)
		return;
	*b = *like;
	b->index = index;
	b->next = r->open;
	r->open = b;
}

static void on_message_start(struct reader *r, const struct fields *f)
{
	(void)f;
	start_event(r);
}

static void on_block_start(struct reader *r, const struct fields *f)
{
	const uint64_t index = field_u64(f, "contentBlockIndex", 0);
	struct block **at = block_find(r, index);
	struct block b = { .kind = BLOCK_OTHER };
	struct fields start, inner;
	bool forced;

	if (*at != NULL)
		block_close(r, at);
	if (!fields_read(&start, field_object(f, "start"), r->ev->a))
		return;
	if (fields_read(&inner, field_object(&start, "toolUse"), r->ev->a) && inner.n > 0) {
		b.tool = call_begin(r, &inner, &forced);
		b.kind = forced ? BLOCK_FORCED : BLOCK_TOOL;
	} else if (fields_read(&inner, field_object(&start, "image"), r->ev->a) &&
		   inner.n > 0) {
		b.kind = BLOCK_IMAGE;
		b.mime = chat_media_mime(PART_IMAGE, field_plain(&inner, "format", r->ev->a));
	} else {
		return; /* of text or reasoning: nothing is said */
	}
	block_open(r, index, &b);
}

static void reasoning_delta(struct reader *r, const struct fields *f)
{
	if (!json_text_empty(field_text(f, "text")))
		event_text(r->ev, EV_REASONING, field_text(f, "text"));
	signature_event(r, field_text(f, "signature"));
	redacted_event(r, field_text(f, "redactedContent"));
}

static void on_block_delta(struct reader *r, const struct fields *f)
{
	const struct block *b = *block_find(r, field_u64(f, "contentBlockIndex", 0));
	struct fields delta, inner;
	struct slice s;

	if (!fields_read(&delta, field_object(f, "delta"), r->ev->a))
		return;
	text_event(r, field_text(&delta, "text"));
	s = field_object(&delta, "toolUse");
	if (s.n > 0 && b != NULL && b->kind <= BLOCK_FORCED && fields_read(&inner, s, r->ev->a))
		args_event(r, b->tool, b->kind == BLOCK_FORCED, field_text(&inner, "input"));
	s = field_object(&delta, "reasoningContent");
	if (s.n > 0 && fields_read(&inner, s, r->ev->a))
		reasoning_delta(r, &inner);
	s = field_object(&delta, "citation");
	if (s.n > 0)
		citation_event(r, s);
	s = field_object(&delta, "image");
	if (s.n > 0 && b != NULL && b->kind == BLOCK_IMAGE && fields_read(&inner, s, r->ev->a))
		image_event(r, b->mime, field_object(&inner, "source"));
}

static void on_block_stop(struct reader *r, const struct fields *f)
{
	struct block **at = block_find(r, field_u64(f, "contentBlockIndex", 0));

	if (*at != NULL)
		block_close(r, at);
}

static void on_message_stop(struct reader *r, const struct fields *f)
{
	while (r->open != NULL)
		block_close(r, &r->open);
	finish_event(r, f);
	if (r->metadata)
		end_event(r);
}

/* Normally the last. */
static void on_metadata(struct reader *r, const struct fields *f)
{
	usage_event(r->ev, field_object(f, "usage"));
	r->metadata = true;
	if (r->finished)
		end_event(r);
}

enum rc bedrock_event_read(void *state, struct arena *keep, struct slice name,
			   struct slice data, struct chat_events *ev)
{
	static const struct {
		const char *name;
		void (*read)(struct reader *r, const struct fields *f);
	} types[] = {
		{ "contentBlockDelta", on_block_delta },
		{ "contentBlockStart", on_block_start },
		{ "contentBlockStop", on_block_stop },
		{ "messageStart", on_message_start },
		{ "messageStop", on_message_stop },
		{ "metadata", on_metadata },
	};
	struct reader *r = state;
	enum json_kind kind;
	struct fields f;
	size_t n;

	if (r->ended)
		return OK;
	r->keep = keep;
	r->ev = ev;
	if (slice_starts(name, LIT("exception:"))) {
		error_event(r, slice_skip(name, sizeof("exception:") - 1), data);
		return answer_end(ev);
	}
	if (json_scan(data, &kind, NULL, 0, &n, NULL) != OK || kind != JSON_OBJECT)
		return E_BAD;
	if (!fields_read(&f, slice_trim(data), ev->a))
		return arena_failed(ev->a) ? E_NOMEM : E_BAD;
	for (size_t i = 0; i < ARRAY_LEN(types); i++) {
		if (!slice_eq(name, slice_cstr(types[i].name)))
			continue;
		if (types[i].read != on_metadata)
			start_event(r);
		types[i].read(r, &f);
		break;
	}
	return arena_failed(keep) ? E_NOMEM : answer_end(ev);
}

void bedrock_stream_end(void *state, struct arena *keep, struct chat_events *ev)
{
	struct reader *r = state;

	/* Its usage may be missing; without its stop reason it broke off. */
	if (!r->finished || r->ended)
		return;
	r->keep = keep;
	r->ev = ev;
	end_event(r);
}
