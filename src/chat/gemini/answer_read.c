#include "chat/gemini/gemini.h"

#include "chat/gemini/partial.h"

enum { ID_MAX = 23 /* of a response, inside the ids of calls: OpenAI takes 40 characters */ };

struct choice {
	struct choice *next;
	unsigned number;
	unsigned calls;
	bool finished;
	enum finish_kind finish;
	struct json_text message; /* finishMessage */
	struct gemini_map text;
	struct slice grounding, citations; /* the last of each */
	struct gemini_node *args;          /* a call that is still open, as `calls` - 1 */
};

struct reader {
	bool started, blocked, ended;
	unsigned made; /* ids */
	char id[ID_MAX];
	size_t id_n;
	struct choice *choices, *last;
	struct usage usage;
};

_Static_assert(sizeof(struct reader) <= GEMINI_STATE_MAX, "see gemini.h");

/* What one look at a frame needs. */
struct look {
	struct reader *s;
	struct arena *keep;
	struct chat_events *ev;
	struct choice *c;
};

static struct slice keep_copy(struct look *l, struct slice s)
{
	return arena_copy(l->keep, s);
}

static struct slice object_of(const struct fields *f, const char *name)
{
	const struct json_member *m = gemini_field(f, name, NULL);

	return m != NULL && m->kind == JSON_OBJECT ? m->value : slice_of(NULL, 0);
}

static struct slice array_of(const struct fields *f, const char *name)
{
	const struct json_member *m = gemini_field(f, name, NULL);

	return m != NULL && m->kind == JSON_ARRAY ? m->value : slice_of(NULL, 0);
}

static struct chat_event *add(struct look *l, enum event_kind kind)
{
	struct chat_event *e = event_add(l->ev, kind);

	if (e != NULL && l->c != NULL)
		e->choice = l->c->number;
	return e;
}

/* ---- usage ----------------------------------------------------------------------------- */

static uint64_t tokens(const struct fields *f, const char *name, bool *odd)
{
	uint64_t v = field_u64(f, name, 0);

	if (v > USAGE_TOKENS_MAX) {
		*odd = true;
		v = 0;
	}
	return v;
}

/* Of a list of modalities, the tokens of audio. */
static uint64_t audio(const struct fields *f, const char *name, struct arena *a, bool *odd)
{
	struct json_array list = json_array(field_array(f, name));
	enum json_kind kind;
	struct slice one;
	uint64_t sum = 0;

	while (json_array_next(&list, &one, &kind) && sum <= USAGE_TOKENS_MAX) {
		struct fields m;

		if (!fields_read(&m, one, a))
			break;
		if (field_is(&m, "modality", "AUDIO"))
			sum += tokens(&m, "tokenCount", odd);
	}
	return sum;
}

/* prompt includes what came from the cache; candidates do not include thoughts, and what tools
 * put into the prompt stands beside it. */
static void usage(struct look *l, struct slice metadata)
{
	struct arena *a = l->ev->a;
	struct usage u = { .known = true, .searches = l->s->usage.searches };
	uint64_t heard, said, total, tool;
	struct fields f;
	bool odd = false;

	/* Vertex says nothing but the kind of traffic until the end. */
	if (!fields_read(&f, metadata, a) || (field(&f, "promptTokenCount") == NULL &&
					      field(&f, "candidatesTokenCount") == NULL))
		return;
	u.input = tokens(&f, "promptTokenCount", &odd);
	u.output = tokens(&f, "candidatesTokenCount", &odd);
	u.reasoning = tokens(&f, "thoughtsTokenCount", &odd);
	total = tokens(&f, "totalTokenCount", &odd);
	tool = tokens(&f, "toolUsePromptTokenCount", &odd);
	/* Some count the thoughts among the candidates: the sum tells. */
	if (u.reasoning > 0 && u.reasoning <= u.output && total == u.input + tool + u.output)
		u.output -= u.reasoning;
	heard = audio(&f, "promptTokensDetails", a, &odd);
	said = audio(&f, "candidatesTokensDetails", a, &odd);
	u.cache_read = usage_part(&u.input, tokens(&f, "cachedContentTokenCount", &odd), &odd);
	/* Audio from the cache is priced as cache. */
	heard -= size_min((size_t)heard, (size_t)audio(&f, "cacheTokensDetails", a, &odd));
	u.audio_in = usage_part(&u.input, heard, &odd);
	u.audio_out = usage_part(&u.output, said, &odd);
	u.input += tool;
	u.odd = odd;
	l->s->usage = u;
	event_usage(l->ev, &u);
}

/* ---- calls ----------------------------------------------------------------------------- */

/* Unique over the turns of a conversation, and the same whenever the answer is read again:
 * histories hold many answers, and a call is found by its id. */
static struct json_text call_id(struct look *l)
{
	struct reader *s = l->s;
	struct slice text =
		s->id_n > 0 ? arena_fmt(l->ev->a, "call_%.*s_%u", (int)s->id_n, s->id, s->made)
			    : arena_fmt(l->ev->a, "call_%u", s->made);

	s->made++;
	return (struct json_text){ text };
}

static void call_begin(struct look *l, const struct fields *f, struct json_text signature)
{
	struct chat_event *e = add(l, EV_TOOL_BEGIN);

	if (e == NULL)
		return;
	e->index = l->c->calls++;
	e->id = field_text(f, "id");
	if (json_text_empty(e->id))
		e->id = call_id(l);
	e->name = field_text(f, "name");
	e->signature = signature;
}

static void call_end(struct look *l, struct slice args)
{
	unsigned index = l->c->calls - 1;
	struct chat_event *e;

	if (args.n > 0) {
		e = add(l, EV_TOOL_ARGS);
		if (e != NULL) {
			e->index = index;
			e->text = json_text_encode(args, l->ev->a);
		}
	}
	e = add(l, EV_TOOL_END);
	if (e != NULL)
		e->index = index;
	l->c->args = NULL;
}

static void open_call_end(struct look *l)
{
	if (l->c->args != NULL)
		call_end(l, l->c->args->kids == NULL
				    ? slice_of(NULL, 0)
				    : gemini_partial_args(l->c->args, l->ev->a));
}

static void call(struct look *l, struct slice value, struct json_text signature)
{
	struct json_array list;
	enum json_kind kind;
	struct fields f;
	struct slice one, partial;
	bool more;

	if (!fields_read(&f, value, l->ev->a))
		return;
	more = field_tri(&f, "willContinue") == YES;
	partial = array_of(&f, "partialArgs");
	if (!json_text_empty(field_text(&f, "name"))) {
		open_call_end(l);
		call_begin(l, &f, signature);
		if (!more && partial.n == 0) {
			call_end(l, field_json(&f, "args"));
			return;
		}
		l->c->args = ARENA_NEW(l->keep, struct gemini_node);
	}
	list = json_array(partial);
	while (l->c->args != NULL && json_array_next(&list, &one, &kind))
		(void)gemini_partial_add(l->c->args, one, l->keep);
	if (!more)
		open_call_end(l);
}

/* ---- parts ----------------------------------------------------------------------------- */

static void text(struct look *l, const struct fields *f, struct json_text signature)
{
	struct json_text t = field_text(f, "text");
	struct chat_event *e;

	if (field_tri(f, "thought") != YES) {
		if (json_text_empty(t) && json_text_empty(signature))
			return;
		e = add(l, EV_TEXT);
		if (e == NULL)
			return;
		e->text = t;
		e->signature = signature;
		gemini_map_add(&l->c->text, t, l->keep);
		return;
	}
	if (!json_text_empty(t)) {
		e = add(l, EV_REASONING);
		if (e != NULL) {
			e->text = t;
			e->summary = true; /* Google shows summaries of thoughts only */
		}
	}
	if (!json_text_empty(signature)) {
		e = add(l, EV_SIGNATURE);
		if (e != NULL)
			e->signature = signature;
	}
}

/* False: no picture and no sound. */
static bool inline_data(struct look *l, struct slice value)
{
	struct json_text mime;
	struct chat_event *e;
	struct slice data;
	struct fields f;
	bool sound;

	if (!fields_read(&f, value, l->ev->a))
		return false;
	mime = field_text(&f, "mimeType");
	sound = slice_starts(mime.s, LIT("audio/"));
	if ((!sound && !slice_starts(mime.s, LIT("image/"))) ||
	    !gemini_base64(field_text(&f, "data"), l->ev->a, &data))
		return false;
	e = add(l, sound ? EV_AUDIO : EV_IMAGE);
	if (e == NULL)
		return true;
	e->text = (struct json_text){ data };
	if (!sound)
		e->name = mime;
	return true;
}

static void part(struct look *l, struct slice value)
{
	struct json_text signature;
	struct chat_event *e;
	struct fields f;
	struct slice v;
	size_t bare;

	if (!fields_read(&f, value, l->ev->a))
		return;
	signature = field_text(&f, "thoughtSignature");
	v = field_object(&f, "functionCall");
	if (v.n > 0) {
		call(l, v, signature);
		return;
	}
	if (field(&f, "text") != NULL) {
		text(l, &f, signature);
		return;
	}
	v = field_object(&f, "inlineData");
	if (v.n > 0 && field_tri(&f, "thought") != YES && inline_data(l, v))
		return;
	bare = (field(&f, "thoughtSignature") != NULL) + (field(&f, "thought") != NULL);
	if (f.n == bare) { /* at most a signature */
		text(l, &f, signature);
		return;
	}
	e = add(l, EV_OTHER);
	if (e != NULL)
		e->raw = value;
}

/* ---- annotations ----------------------------------------------------------------------- */

static void annotate(struct look *l, const struct fields *source, struct slice raw,
		     uint64_t start, uint64_t end)
{
	struct chat_event *e = add(l, EV_ANNOTATION);

	if (e == NULL)
		return;
	e->u.annotation = (struct chat_annotation){
		.url = field_text(source, "uri"),
		.title = field_text(source, "title"),
		.raw = raw,
	};
	if (end > start && end <= l->c->text.bytes) {
		e->u.annotation.start = gemini_map_chars(&l->c->text, start);
		e->u.annotation.end = gemini_map_chars(&l->c->text, end);
	}
}

/* web, retrievedContext or maps, whatever the chunk is of. */
static bool chunk_source(struct slice chunk, struct arena *a, struct fields *source)
{
	struct fields f;

	return fields_read(&f, chunk, a) && f.n > 0 && f.m[0].kind == JSON_OBJECT &&
	       fields_read(source, f.m[0].value, a);
}

static void support(struct look *l, struct slice value, const struct slice *chunks, size_t n)
{
	struct fields f, segment, source;
	struct json_array list;
	enum json_kind kind;
	struct slice one;
	uint64_t i;

	if (!fields_read(&f, value, l->ev->a) ||
	    !fields_read(&segment, field_object(&f, "segment"), l->ev->a))
		return;
	list = json_array(array_of(&f, "groundingChunkIndices"));
	while (!l->ev->failed && json_array_next(&list, &one, &kind))
		if (json_u64(one, &i) && i < n && chunk_source(chunks[i], l->ev->a, &source))
			annotate(l, &source, value, field_u64(&segment, "startIndex", 0),
				 field_u64(&segment, "endIndex", 0));
}

static void grounding(struct look *l)
{
	enum { CHUNKS_MAX = 256 };
	struct slice chunks[CHUNKS_MAX], one, supports;
	struct json_array list;
	struct fields f, source;
	enum json_kind kind;
	size_t n = 0;

	if (!fields_read(&f, l->c->grounding, l->ev->a))
		return;
	list = json_array(array_of(&f, "groundingChunks"));
	while (n < CHUNKS_MAX && json_array_next(&list, &one, &kind))
		chunks[n++] = one;
	supports = array_of(&f, "groundingSupports");
	list = json_array(supports);
	while (!l->ev->failed && json_array_next(&list, &one, &kind))
		support(l, one, chunks, n);
	/* Found, but no word of the answer is said to be from there. */
	for (size_t i = 0; i < n && supports.n == 0; i++)
		if (chunk_source(chunks[i], l->ev->a, &source))
			annotate(l, &source, chunks[i], 0, 0);
}

static void citations(struct look *l)
{
	struct json_array list;
	struct fields f, one;
	enum json_kind kind;
	struct slice value;

	if (!fields_read(&f, l->c->citations, l->ev->a))
		return;
	value = array_of(&f, "citationSources"); /* AI Studio */
	if (value.n == 0)
		value = array_of(&f, "citations"); /* Vertex AI */
	list = json_array(value);
	while (!l->ev->failed && json_array_next(&list, &value, &kind))
		if (fields_read(&one, value, l->ev->a))
			annotate(l, &one, value, field_u64(&one, "startIndex", 0),
				 field_u64(&one, "endIndex", 0));
}

/* ---- log-probabilities ----------------------------------------------------------------- */

static void token_members(struct json_out *o, const struct fields *f)
{
	struct slice p = field_number(f, "logProbability");

	out_key(o, "token"), out_text(o, field_text(f, "token"));
	out_key(o, "logprob"), out_json(o, p.n > 0 ? p : LIT("0"));
	out_key(o, "bytes"), out_null(o);
}

static void tops(struct json_out *o, struct slice candidates, struct arena *a)
{
	struct json_array list = json_array(candidates);
	enum json_kind kind;
	struct slice one;
	struct fields f;

	out_key(o, "top_logprobs");
	out_array(o);
	while (json_array_next(&list, &one, &kind))
		if (fields_read(&f, one, a)) {
			out_object(o);
			token_members(o, &f);
			out_close(o);
		}
	out_close(o);
}

/* chosenCandidates and topCandidates, side by side -> OpenAI's one list. */
static void logprobs(struct look *l, struct slice result)
{
	struct json_array chosen, top;
	struct arena *a = l->ev->a;
	struct fields f, token, alternatives;
	struct chat_event *e;
	struct json_out o;
	enum json_kind kind;
	struct slice one;

	if (!fields_read(&f, result, a))
		return;
	chosen = json_array(array_of(&f, "chosenCandidates"));
	top = json_array(array_of(&f, "topCandidates"));
	out_init(&o, a);
	out_array(&o);
	while (json_array_next(&chosen, &one, &kind)) {
		if (!fields_read(&token, one, a))
			return;
		if (!json_array_next(&top, &one, &kind))
			one = slice_of(NULL, 0);
		if (!fields_read(&alternatives, one, a))
			return;
		out_object(&o);
		token_members(&o, &token);
		tops(&o, field_array(&alternatives, "candidates"), a);
		out_close(&o);
	}
	out_close(&o);
	e = add(l, EV_LOGPROBS);
	if (e != NULL)
		e->raw = out_slice(&o);
}

/* ---- candidates ------------------------------------------------------------------------ */

static const struct {
	const char *word;
	enum finish_kind finish;
} reasons[] = {
	{ "STOP", FINISH_STOP },
	{ "MAX_TOKENS", FINISH_LENGTH },
	{ "SAFETY", FINISH_FILTER },
	{ "RECITATION", FINISH_FILTER },
	{ "LANGUAGE", FINISH_FILTER },
	{ "BLOCKLIST", FINISH_FILTER },
	{ "PROHIBITED_CONTENT", FINISH_FILTER },
	{ "SPII", FINISH_FILTER },
	{ "MODEL_ARMOR", FINISH_FILTER },
	{ "IMAGE_SAFETY", FINISH_FILTER },
	{ "IMAGE_PROHIBITED_CONTENT", FINISH_FILTER },
	{ "IMAGE_RECITATION", FINISH_FILTER },
	{ "CONTINUATION", FINISH_PAUSE },
	/* The others are no clean stop: OTHER, NO_IMAGE, IMAGE_OTHER, MALFORMED_FUNCTION_CALL,
	 * MALFORMED_RESPONSE, UNEXPECTED_TOOL_CALL, TOO_MANY_TOOL_CALLS,
	 * MISSING_THOUGHT_SIGNATURE, and those to come. */
};

static enum finish_kind finish_of(struct json_text word)
{
	for (size_t i = 0; i < ARRAY_LEN(reasons); i++)
		if (json_text_is(word, slice_cstr(reasons[i].word)))
			return reasons[i].finish;
	return FINISH_BROKEN;
}

static struct choice *choice_of(struct look *l, uint64_t number)
{
	struct choice *c = l->s->choices;

	while (c != NULL && c->number != number)
		c = c->next;
	if (c != NULL || number >= GEMINI_CHOICES_MAX)
		return c;
	c = ARENA_NEW(l->keep, struct choice);
	if (c == NULL)
		return NULL;
	c->number = (unsigned)number;
	if (l->s->last == NULL)
		l->s->choices = c;
	else
		l->s->last->next = c;
	l->s->last = c;
	return c;
}

static void searches(struct look *l, struct slice metadata)
{
	struct json_array list;
	enum json_kind kind;
	struct fields f;
	struct slice one;
	uint64_t n = 0;

	if (!fields_read(&f, metadata, l->ev->a))
		return;
	list = json_array(array_of(&f, "webSearchQueries"));
	while (json_array_next(&list, &one, &kind))
		n++;
	if (n > l->s->usage.searches)
		l->s->usage.searches = n;
}

static void candidate(struct look *l, const struct fields *f)
{
	struct json_text reason = field_text(f, "finishReason");
	struct json_array list;
	struct fields content;
	enum json_kind kind;
	struct slice one;

	if (fields_read(&content, field_object(f, "content"), l->ev->a)) {
		list = json_array(field_array(&content, "parts"));
		while (!l->ev->failed && json_array_next(&list, &one, &kind))
			part(l, one);
	}
	one = object_of(f, "logprobsResult");
	if (one.n > 0)
		logprobs(l, one);
	one = object_of(f, "groundingMetadata");
	if (one.n > 0) {
		l->c->grounding = keep_copy(l, one);
		searches(l, one);
	}
	one = object_of(f, "citationMetadata");
	if (one.n > 0)
		l->c->citations = keep_copy(l, one);
	if (json_text_empty(reason) || l->c->finished ||
	    json_text_is(reason, LIT("FINISH_REASON_UNSPECIFIED")))
		return;
	l->c->finished = true;
	l->c->finish = finish_of(reason);
	l->c->message.s = keep_copy(l, field_text(f, "finishMessage").s);
}

/* The prompt was refused: there will be no candidates. */
static void blocked(struct look *l, struct slice feedback)
{
	struct json_text reason, words;
	struct fields f;

	if (!fields_read(&f, feedback, l->ev->a))
		return;
	reason = field_text(&f, "blockReason");
	words = field_text(&f, "blockReasonMessage");
	if (json_text_empty(reason) || l->s->choices != NULL)
		return;
	l->c = choice_of(l, 0);
	if (l->c == NULL)
		return;
	l->s->blocked = true;
	l->c->finished = true;
	l->c->finish = FINISH_FILTER;
	l->c->message.s = keep_copy(l, json_text_empty(words) ? reason.s : words.s);
}

/* ---- frames ---------------------------------------------------------------------------- */

static void start(struct look *l, const struct fields *f)
{
	struct reader *s = l->s;
	struct json_text id = field_text(f, "responseId");
	struct chat_event *e;

	if (s->started)
		return;
	s->started = true;
	for (size_t i = 0; i < id.s.n && s->id_n < ID_MAX; i++) {
		char c = id.s.p[i];

		if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		    (c >= '0' && c <= '9') || c == '-' || c == '_')
			s->id[s->id_n++] = c;
	}
	e = event_add(l->ev, EV_START);
	if (e == NULL)
		return;
	e->id = id;
	e->name = field_text(f, "modelVersion");
}

static enum rc error_event(struct chat_events *ev, struct slice body)
{
	struct fault fault = { .kind = FAULT_NONE };
	struct chat_event *e;

	gemini_error_read(&fault, 200, body, ev->a);
	if (fault.kind == FAULT_GARBAGE) /* an array of something else */
		return E_BAD;
	e = event_add(ev, EV_ERROR);
	if (e != NULL)
		e->u.fault = fault;
	return OK;
}

/* The members of a frame or of a plain answer. */
static enum rc scan(struct slice data, struct arena *a, struct fields *f, enum json_kind *kind)
{
	f->m = f->few;
	if (json_scan(data, kind, f->few, ARRAY_LEN(f->few), &f->n, NULL) != OK)
		return E_BAD;
	if (f->n > ARRAY_LEN(f->few) && !fields_read(f, slice_trim(data), a))
		return arena_failed(a) ? E_NOMEM : E_BAD;
	return *kind == JSON_OBJECT || *kind == JSON_ARRAY ? OK : E_BAD;
}

static bool is_answer(const struct fields *f)
{
	return array_of(f, "candidates").n > 0 || object_of(f, "promptFeedback").n > 0 ||
	       object_of(f, "usageMetadata").n > 0;
}

static void frame(struct look *l, const struct fields *f)
{
	struct json_array list = json_array(array_of(f, "candidates"));
	enum json_kind kind;
	struct fields one;
	struct slice value;

	start(l, f);
	while (!l->ev->failed && json_array_next(&list, &value, &kind)) {
		if (!fields_read(&one, value, l->ev->a))
			break;
		l->c = choice_of(l, field_u64(&one, "index", 0));
		if (l->c != NULL)
			candidate(l, &one);
	}
	l->c = NULL;
	value = object_of(f, "promptFeedback");
	if (value.n > 0)
		blocked(l, value);
	l->c = NULL;
	value = object_of(f, "usageMetadata");
	if (value.n > 0)
		usage(l, value);
}

static bool all_finished(const struct reader *s)
{
	for (const struct choice *c = s->choices; c != NULL; c = c->next)
		if (!c->finished)
			return false;
	return s->choices != NULL;
}

/* What is known only when all is there. */
static void end(struct look *l)
{
	for (l->c = l->s->choices; l->c != NULL; l->c = l->c->next) {
		struct chat_event *e;

		open_call_end(l);
		grounding(l);
		citations(l);
		e = add(l, EV_FINISH);
		if (e == NULL)
			return;
		e->finish = l->c->finish == FINISH_STOP && l->c->calls > 0 ? FINISH_TOOLS
									   : l->c->finish;
		e->name = l->c->message;
	}
	(void)event_add(l->ev, EV_END);
	l->s->ended = true;
}

enum rc gemini_event_read(void *state, struct arena *keep, struct slice name UNUSED,
			  struct slice data, struct chat_events *ev)
{
	struct look l = { .s = state, .keep = keep, .ev = ev };
	struct fields f;
	enum json_kind kind;
	enum rc rc;

	if (l.s->ended)
		return OK;
	if (slice_eq(slice_trim(data), LIT("[DONE]"))) { /* of some that imitate Google */
		gemini_stream_end(state, keep, ev);
		return ev->failed ? E_NOMEM : OK;
	}
	rc = scan(data, ev->a, &f, &kind);
	if (rc != OK)
		return rc;
	if (kind == JSON_ARRAY || object_of(&f, "error").n > 0) {
		l.s->ended = true;
		rc = error_event(ev, data);
	} else {
		frame(&l, &f);
	}
	return ev->failed || arena_failed(ev->a) || arena_failed(keep) ? E_NOMEM : rc;
}

void gemini_stream_end(void *state, struct arena *keep, struct chat_events *ev)
{
	struct look l = { .s = state, .keep = keep, .ev = ev };

	if (!l.s->ended && all_finished(l.s))
		end(&l);
}

/* A plain answer without a reason has ended by itself, if it has said something. */
static void finish_plain(struct look *l)
{
	bool said = false;

	for (size_t i = 0; i < l->ev->n; i++)
		said |= event_is_content(&l->ev->v[i]);
	if (l->s->choices == NULL)
		(void)choice_of(l, 0);
	for (struct choice *c = l->s->choices; c != NULL; c = c->next)
		if (!c->finished) {
			c->finished = true;
			c->finish = said ? FINISH_STOP : FINISH_BROKEN;
		}
}

enum rc gemini_answer_read(struct slice body, struct chat_events *ev)
{
	struct reader s = { .started = false };
	struct look l = { .s = &s, .keep = ev->a, .ev = ev };
	struct fields f;
	enum json_kind kind;
	enum rc rc = scan(body, ev->a, &f, &kind);

	if (rc != OK)
		return rc;
	if (kind == JSON_ARRAY || object_of(&f, "error").n > 0) {
		rc = error_event(ev, body);
	} else if (!is_answer(&f)) {
		return E_BAD;
	} else {
		frame(&l, &f);
		finish_plain(&l);
		end(&l);
	}
	return ev->failed || arena_failed(ev->a) ? E_NOMEM : rc;
}
