#include "chat/gemini/gemini.h"

/* A text that came in pieces. */
struct piece {
	struct piece *next;
	struct json_text text;
};

struct pieces {
	struct piece *first, *last;
	size_t bytes;
};

enum item_kind { ITEM_TEXT, ITEM_THOUGHT, ITEM_CALL, ITEM_DATA, ITEM_OTHER };

/* A part of the answer. */
struct item {
	struct item *next;
	enum item_kind kind;
	unsigned index; /* of a call */
	bool custom, open;
	struct json_text id, name; /* of a call */
	struct json_text signature;
	struct slice mime;    /* ITEM_DATA */
	struct slice raw;     /* ITEM_OTHER */
	struct pieces pieces; /* the text, the arguments, the bytes */
};

struct note {
	struct note *next;
	struct chat_annotation a;
};

struct probs {
	struct probs *next;
	struct slice raw;
};

struct choice {
	struct choice *next;
	unsigned number;
	bool finished;
	enum finish_kind finish;
	struct json_text message;
	struct item *items, *last; /* of a stream: the calls that are open */
	struct note *notes, *last_note;
	struct probs *probs, *last_probs;
	struct gemini_map text;
};

struct writer {
	bool began, done, has_usage;
	struct choice *choices, *last;
	struct usage usage;
	struct slice tail; /* of each frame */
};

_Static_assert(sizeof(struct writer) <= GEMINI_STATE_MAX, "see gemini.h");

/* ---- gathering ------------------------------------------------------------------------- */

static void piece_add(struct pieces *to, struct json_text text, struct arena *a)
{
	struct piece *p = json_text_empty(text) ? NULL : ARENA_NEW(a, struct piece);

	if (p == NULL)
		return;
	p->text = text;
	if (to->first == NULL)
		to->first = p;
	else
		to->last->next = p;
	to->last = p;
	to->bytes += text.s.n;
}

static struct json_text pieces_join(const struct pieces *from, struct arena *a)
{
	size_t n = 0;
	char *p;

	if (from->first == from->last)
		return from->first == NULL ? (struct json_text){ { NULL, 0 } }
					   : from->first->text;
	p = arena_bytes(a, from->bytes);
	if (p == NULL)
		return (struct json_text){ { NULL, 0 } };
	for (const struct piece *i = from->first; i != NULL; i = i->next) {
		memcpy(p + n, i->text.s.p, i->text.s.n);
		n += i->text.s.n;
	}
	return (struct json_text){ slice_of(p, n) };
}

static struct choice *choice_of(struct writer *w, unsigned number, struct arena *a)
{
	struct choice *c = w->choices;

	while (c != NULL && c->number != number)
		c = c->next;
	if (c != NULL || number >= GEMINI_CHOICES_MAX)
		return c;
	c = ARENA_NEW(a, struct choice);
	if (c == NULL)
		return NULL;
	c->number = number;
	if (w->last == NULL)
		w->choices = c;
	else
		w->last->next = c;
	w->last = c;
	return c;
}

static struct item *item_add(struct choice *c, struct arena *a, enum item_kind kind)
{
	struct item *i = ARENA_NEW(a, struct item);

	if (i == NULL)
		return NULL;
	i->kind = kind;
	if (c->last == NULL)
		c->items = i;
	else
		c->last->next = i;
	c->last = i;
	return i;
}

static struct item *open_call(const struct choice *c, unsigned index)
{
	struct item *i = c->last;

	if (i != NULL && i->kind == ITEM_CALL && i->open && i->index == index)
		return i;
	for (i = c->items; i != NULL; i = i->next)
		if (i->kind == ITEM_CALL && i->open && i->index == index)
			return i;
	return NULL;
}

static void note_add(struct choice *c, struct arena *a, const struct chat_annotation *from)
{
	struct note *n = ARENA_NEW(a, struct note);

	if (n == NULL)
		return;
	n->a = *from;
	if (c->last_note == NULL)
		c->notes = n;
	else
		c->last_note->next = n;
	c->last_note = n;
}

static struct json_text sealed(const struct chat_reply *to, struct json_text data,
			       struct arena *a)
{
	return gemini_seal(a, to->issuer, data, "");
}

/* Of a signature's event: encrypted reasoning is told apart. */
static struct json_text sealed_event(const struct chat_reply *to, const struct chat_event *e,
				     struct arena *a)
{
	if (json_text_empty(e->text))
		return gemini_seal(a, to->issuer, e->signature,
				   e->encrypted ? GEMINI_ENCRYPTED : "");
	return gemini_seal(a, to->issuer, e->text, GEMINI_ENCRYPTED);
}

/* The sound's type is what was asked for. */
static struct slice sound_of(const struct chat_reply *to, struct arena *a)
{
	struct slice mime = { NULL, 0 };
	struct fields f;

	if (to->req == NULL || !fields_read(&f, to->req->audio, a))
		return LIT("audio/wav");
	if (field_is(&f, "format", "pcm16"))
		return LIT("audio/L16;codec=pcm;rate=24000");
	mime = chat_media_mime(PART_AUDIO, field_text(&f, "format").s);
	return mime.n > 0 ? mime : LIT("audio/wav");
}

static struct slice picture_of(const struct chat_event *e, struct arena *a)
{
	struct slice mime = json_text_plain(e->name, a);

	if (mime.n == 0)
		mime = chat_media_sniff(e->text.s);
	return mime.n > 0 ? mime : LIT("image/png");
}

/* Something that Gemini itself has said, and not another's built-in tool. */
static bool is_ours(struct slice raw, struct arena *a)
{
	static const char *const words[] = { "executableCode", "codeExecutionResult",
					     "fileData",       "inlineData",
					     "toolCall",       "toolResponse" };
	struct fields f;

	if (!fields_read(&f, raw, a))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(words); i++)
		if (field_object(&f, words[i]).n > 0)
			return true;
	return false;
}

/* ---- parts ----------------------------------------------------------------------------- */

/* What a model gave as arguments may be anything: what is no object is put into one, so that
 * no text of a model can make the answer unreadable. */
static void args_write(struct json_out *o, const struct item *i)
{
	struct json_text joined = pieces_join(&i->pieces, o->a);
	struct slice plain;
	enum json_kind kind;
	size_t n;

	out_key(o, "args");
	if (i->custom || json_text_blank(joined)) {
		out_object(o);
		if (i->custom)
			out_key(o, "input"), out_text(o, joined);
		out_close(o);
		return;
	}
	plain = json_text_plain(joined, o->a);
	if (json_scan(plain, &kind, NULL, 0, &n, NULL) == OK && kind == JSON_OBJECT) {
		out_json_line(o, plain);
		return;
	}
	out_object(o);
	out_key(o, "_raw"), out_text(o, joined);
	out_close(o);
}

static void signature_write(struct json_out *o, struct json_text signature)
{
	if (!json_text_empty(signature))
		out_key(o, "thoughtSignature"), out_text(o, signature);
}

static void text_write(struct json_out *o, const struct pieces *pieces, bool thought,
		       struct json_text signature)
{
	out_object(o);
	out_key(o, "text");
	out_text_open(o);
	for (const struct piece *p = pieces->first; p != NULL; p = p->next)
		out_text_part(o, p->text);
	out_text_close(o);
	if (thought)
		out_key(o, "thought"), out_bool(o, true);
	signature_write(o, signature);
	out_close(o);
}

static void item_write(struct json_out *o, const struct item *i)
{
	switch (i->kind) {
	case ITEM_TEXT:
	case ITEM_THOUGHT:
		text_write(o, &i->pieces, i->kind == ITEM_THOUGHT, i->signature);
		return;
	case ITEM_CALL:
		out_object(o);
		out_key(o, "functionCall"), out_object(o);
		if (!json_text_empty(i->id))
			out_key(o, "id"), out_text(o, i->id);
		out_key(o, "name"), out_text(o, i->name);
		args_write(o, i);
		out_close(o);
		signature_write(o, i->signature);
		out_close(o);
		return;
	case ITEM_DATA:
		out_object(o);
		out_key(o, "inlineData"), out_object(o);
		out_key(o, "mimeType"), out_str(o, i->mime);
		out_key(o, "data"), out_text(o, pieces_join(&i->pieces, o->a));
		out_close(o), out_close(o);
		return;
	case ITEM_OTHER:
		out_json_line(o, i->raw);
		return;
	}
}

/* ---- what stands beside the parts ------------------------------------------------------ */

static void finish_write(struct json_out *o, const struct choice *c)
{
	static const char *const words[] = {
		[FINISH_STOP] = "STOP",         [FINISH_SEQUENCE] = "STOP",
		[FINISH_LENGTH] = "MAX_TOKENS", [FINISH_CONTEXT] = "MAX_TOKENS",
		[FINISH_TOOLS] = "STOP",        [FINISH_FILTER] = "SAFETY",
		[FINISH_REFUSAL] = "SAFETY",    [FINISH_PAUSE] = "OTHER",
		[FINISH_BROKEN] = "OTHER",
	};

	if (!c->finished)
		return;
	out_key(o, "finishReason"), out_lit(o, words[c->finish]);
	if (!json_text_empty(c->message))
		out_key(o, "finishMessage"), out_text(o, c->message);
	else if (c->finish == FINISH_PAUSE)
		out_key(o, "finishMessage"),
			out_lit(o, "The turn is not over: send it back to go on.");
}

static void chunk_write(struct json_out *o, const struct chat_annotation *a)
{
	bool web = !json_text_empty(a->url);

	out_object(o);
	out_key(o, web ? "web" : "retrievedContext"), out_object(o);
	if (web)
		out_key(o, "uri"), out_text(o, a->url);
	if (!json_text_empty(a->title))
		out_key(o, "title"), out_text(o, a->title);
	if (!web && !json_text_empty(a->cited))
		out_key(o, "text"), out_text(o, a->cited);
	out_close(o), out_close(o);
}

static void notes_write(struct json_out *o, const struct choice *c)
{
	size_t i = 0;

	if (c->notes == NULL)
		return;
	out_key(o, "groundingMetadata"), out_object(o);
	out_key(o, "groundingChunks"), out_array(o);
	for (const struct note *n = c->notes; n != NULL; n = n->next)
		chunk_write(o, &n->a);
	out_close(o);
	out_key(o, "groundingSupports"), out_array(o);
	for (const struct note *n = c->notes; n != NULL; n = n->next, i++) {
		if (n->a.end <= n->a.start)
			continue;
		out_object(o);
		out_key(o, "segment"), out_object(o);
		out_key(o, "startIndex"), out_u64(o, gemini_map_bytes(&c->text, n->a.start));
		out_key(o, "endIndex"), out_u64(o, gemini_map_bytes(&c->text, n->a.end));
		out_close(o);
		out_key(o, "groundingChunkIndices"), out_array(o), out_u64(o, i), out_close(o);
		out_close(o);
	}
	out_close(o), out_close(o);
}

static void token_write(struct json_out *o, const struct fields *f)
{
	struct slice p = field_number(f, "logprob");

	out_object(o);
	out_key(o, "token"), out_text(o, field_text(f, "token"));
	out_key(o, "logProbability"), out_json(o, p.n > 0 ? p : LIT("0"));
	out_close(o);
}

/* One of the two lists that OpenAI's one becomes. */
static void tokens_write(struct json_out *o, const struct probs *first, bool tops)
{
	out_array(o);
	for (const struct probs *p = first; p != NULL; p = p->next) {
		struct json_array list = json_array(p->raw), inner;
		struct slice one, top;
		enum json_kind kind;
		struct fields f, t;

		while (json_array_next(&list, &one, &kind)) {
			if (!fields_read(&f, one, o->a))
				break;
			if (!tops) {
				token_write(o, &f);
				continue;
			}
			out_object(o), out_key(o, "candidates"), out_array(o);
			inner = json_array(field_array(&f, "top_logprobs"));
			while (json_array_next(&inner, &top, &kind))
				if (fields_read(&t, top, o->a))
					token_write(o, &t);
			out_close(o), out_close(o);
		}
	}
	out_close(o);
}

static void probs_write(struct json_out *o, const struct probs *first)
{
	if (first == NULL)
		return;
	out_key(o, "logprobsResult"), out_object(o);
	out_key(o, "chosenCandidates"), tokens_write(o, first, false);
	out_key(o, "topCandidates"), tokens_write(o, first, true);
	out_close(o);
}

/* TEXT and AUDIO of a sum, where there is any sound. */
static void modalities_write(struct json_out *o, const char *key, uint64_t sum, uint64_t audio)
{
	const struct {
		const char *word;
		uint64_t n;
	} rows[] = { { "TEXT", sum - audio }, { "AUDIO", audio } };

	if (audio == 0)
		return;
	out_key(o, key), out_array(o);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		out_object(o);
		out_key(o, "modality"), out_lit(o, rows[i].word);
		out_key(o, "tokenCount"), out_u64(o, rows[i].n);
		out_close(o);
	}
	out_close(o);
}

static void usage_write(struct json_out *o, const struct usage *u)
{
	const uint64_t prompt = usage_prompt(u), said = u->output + u->audio_out;

	out_key(o, "usageMetadata"), out_object(o);
	out_key(o, "promptTokenCount"), out_u64(o, prompt);
	out_key(o, "candidatesTokenCount"), out_u64(o, said);
	out_key(o, "totalTokenCount"), out_u64(o, prompt + usage_completion(u));
	if (u->cache_read > 0)
		out_key(o, "cachedContentTokenCount"), out_u64(o, u->cache_read);
	if (u->reasoning > 0)
		out_key(o, "thoughtsTokenCount"), out_u64(o, u->reasoning);
	modalities_write(o, "promptTokensDetails", prompt, u->audio_in);
	modalities_write(o, "candidatesTokensDetails", said, u->audio_out);
	out_close(o);
}

static void names_write(struct json_out *o, const struct chat_reply *to)
{
	out_key(o, "modelVersion"), out_str(o, to->model);
	out_key(o, "responseId"), out_str(o, to->id);
}

/* ---- a whole answer -------------------------------------------------------------------- */

static void gather_call(struct choice *c, const struct chat_reply *to,
			const struct chat_event *e, struct arena *a)
{
	struct item *i;

	if (e->kind == EV_TOOL_BEGIN) {
		i = item_add(c, a, ITEM_CALL);
		if (i == NULL)
			return;
		i->open = true;
		i->index = e->index;
		i->custom = e->custom;
		i->id = e->id;
		i->name = e->name;
		i->signature = sealed(to, e->signature, a);
		return;
	}
	i = open_call(c, e->index);
	if (i != NULL && e->kind == EV_TOOL_ARGS)
		piece_add(&i->pieces, e->text, a);
	else if (i != NULL)
		i->open = false;
}

/* Texts that follow each other are one part, up to a signature. */
static void gather_text(struct choice *c, const struct chat_reply *to,
			const struct chat_event *e, struct arena *a)
{
	enum item_kind kind = e->kind == EV_REASONING || e->kind == EV_SIGNATURE ? ITEM_THOUGHT
										 : ITEM_TEXT;
	struct json_text signature = e->kind == EV_SIGNATURE ? sealed_event(to, e, a)
							     : sealed(to, e->signature, a);
	struct item *i = c->last;

	if (json_text_empty(e->text) && json_text_empty(signature))
		return;
	if (i == NULL || i->kind != kind || !json_text_empty(i->signature))
		i = item_add(c, a, kind);
	if (i == NULL)
		return;
	i->signature = signature;
	if (e->kind == EV_SIGNATURE)
		return;
	piece_add(&i->pieces, e->text, a);
	if (kind == ITEM_TEXT)
		gemini_map_add(&c->text, e->text, a);
}

static void gather_data(struct choice *c, const struct chat_reply *to,
			const struct chat_event *e, struct arena *a)
{
	struct item *i;

	if (e->kind == EV_AUDIO && !json_text_empty(e->name)) { /* what is heard */
		i = item_add(c, a, ITEM_TEXT);
		if (i != NULL)
			piece_add(&i->pieces, e->name, a);
	}
	if (json_text_empty(e->text))
		return;
	i = item_add(c, a, ITEM_DATA);
	if (i == NULL)
		return;
	i->mime = e->kind == EV_AUDIO ? sound_of(to, a) : picture_of(e, a);
	piece_add(&i->pieces, e->text, a);
}

static void gather_probs(struct choice *c, const struct chat_event *e, struct arena *a)
{
	struct probs *p = ARENA_NEW(a, struct probs);

	if (p == NULL)
		return;
	p->raw = e->raw;
	if (c->last_probs == NULL)
		c->probs = p;
	else
		c->last_probs->next = p;
	c->last_probs = p;
}

static void gather_finish(struct choice *c, const struct chat_event *e)
{
	if (c->finished)
		return;
	c->finished = true;
	c->finish = e->finish;
	c->message = e->name;
}

static void gather(struct writer *w, const struct chat_reply *to, const struct chat_event *e,
		   struct arena *a)
{
	struct choice *c = choice_of(w, e->choice, a);
	struct item *i;

	if (c == NULL)
		return;
	switch (e->kind) {
	case EV_TEXT:
	case EV_REFUSAL:
	case EV_REASONING:
	case EV_SIGNATURE:
		gather_text(c, to, e, a);
		return;
	case EV_TOOL_BEGIN:
	case EV_TOOL_ARGS:
	case EV_TOOL_END:
		gather_call(c, to, e, a);
		return;
	case EV_AUDIO:
	case EV_IMAGE:
		gather_data(c, to, e, a);
		return;
	case EV_ANNOTATION:
		note_add(c, a, &e->u.annotation);
		return;
	case EV_LOGPROBS:
		gather_probs(c, e, a);
		return;
	case EV_OTHER:
		i = is_ours(e->raw, a) ? item_add(c, a, ITEM_OTHER) : NULL;
		if (i != NULL)
			i->raw = e->raw;
		return;
	case EV_USAGE:
		w->usage = e->u.usage;
		w->has_usage = true;
		return;
	case EV_FINISH:
		gather_finish(c, e);
		return;
	case EV_START:
	case EV_END:
	case EV_ERROR:
	case EV_PING:
		return;
	}
}

static void candidate_write(struct json_out *o, const struct choice *c)
{
	out_object(o);
	out_key(o, "content"), out_object(o);
	out_key(o, "parts"), out_array(o);
	for (const struct item *i = c->items; i != NULL; i = i->next)
		item_write(o, i);
	out_close(o);
	out_key(o, "role"), out_lit(o, "model");
	out_close(o);
	finish_write(o, c);
	out_key(o, "index"), out_u64(o, c->number);
	notes_write(o, c);
	probs_write(o, c->probs);
	out_close(o);
}

void gemini_answer_write(const struct chat_reply *to, const struct chat_events *ev,
			 struct json_out *out)
{
	struct writer w = { .began = false };

	for (size_t i = 0; i < ev->n; i++)
		gather(&w, to, &ev->v[i], out->a);
	out_object(out);
	out_key(out, "candidates"), out_array(out);
	for (const struct choice *c = w.choices; c != NULL; c = c->next)
		candidate_write(out, c);
	out_close(out);
	if (w.has_usage)
		usage_write(out, &w.usage);
	names_write(out, to);
	out_close(out);
}

/* ---- a stream -------------------------------------------------------------------------- */

static void frame_open(struct writer *w, const struct chat_reply *to, struct json_out *o)
{
	if (!to->array)
		out_raw_lit(o, "data: ");
	else
		out_raw_lit(o, w->began ? ",\r\n" : "[");
	w->began = true;
}

static void frame_close(const struct chat_reply *to, struct json_out *o)
{
	if (!to->array)
		out_raw_lit(o, "\r\n\r\n");
}

/* What each frame ends with, made once. */
static void tail_write(struct writer *w, const struct chat_reply *to, struct arena *keep,
		       struct json_out *o)
{
	struct json_out made;

	if (w->tail.n == 0) {
		out_init(&made, keep);
		out_object(&made);
		names_write(&made, to);
		out_close(&made);
		w->tail = slice_skip(out_slice(&made), 1);
	}
	out_raw_lit(o, ",");
	out_raw(o, w->tail);
}

static void part_open(struct writer *w, const struct chat_reply *to, struct json_out *o)
{
	frame_open(w, to, o);
	out_raw_lit(o, "{\"candidates\":[{\"content\":{\"parts\":[");
}

static void part_close(struct writer *w, const struct chat_reply *to, struct arena *keep,
		       const struct choice *c, struct json_out *o)
{
	out_raw_lit(o, "],\"role\":\"model\"},\"index\":");
	out_u64(o, c->number);
	out_raw_lit(o, "}]");
	tail_write(w, to, keep, o);
	frame_close(to, o);
}

/* One item, as a frame of its own. */
static void stream_item(struct writer *w, const struct chat_reply *to, struct arena *keep,
			const struct choice *c, const struct item *i, struct json_out *o)
{
	part_open(w, to, o);
	item_write(o, i);
	part_close(w, to, keep, c, o);
}

static void stream_text(struct writer *w, const struct chat_reply *to, struct arena *keep,
			struct choice *c, const struct chat_event *e, struct json_out *o)
{
	struct piece piece = { .text = e->text };
	struct item i = { .kind = ITEM_TEXT };

	if (e->kind == EV_REASONING || e->kind == EV_SIGNATURE)
		i.kind = ITEM_THOUGHT;
	if (e->kind == EV_SIGNATURE)
		i.signature = sealed_event(to, e, o->a);
	else if (!json_text_empty(e->signature))
		i.signature = sealed(to, e->signature, o->a);
	if (e->kind != EV_SIGNATURE && !json_text_empty(e->text))
		i.pieces = (struct pieces){ &piece, &piece, e->text.s.n };
	if (i.pieces.first == NULL && json_text_empty(i.signature))
		return;
	if (i.kind == ITEM_TEXT)
		gemini_map_add(&c->text, e->text, keep);
	stream_item(w, to, keep, c, &i, o);
}

static struct json_text kept(struct json_text t, struct arena *keep)
{
	return (struct json_text){ arena_copy(keep, t.s) };
}

static void call_drop(struct choice *c, const struct item *call)
{
	struct item **at = &c->items, *before = NULL;

	while (*at != call) {
		before = *at;
		at = &(*at)->next;
	}
	*at = call->next;
	if (c->last == call)
		c->last = before;
}

/* Google streams calls whole, and its SDKs expect that: they are held until they end. */
static void stream_call(struct writer *w, const struct chat_reply *to, struct arena *keep,
			struct choice *c, const struct chat_event *e, struct json_out *o)
{
	struct chat_event copy = *e;
	struct item *i;

	if (e->kind == EV_TOOL_END) {
		i = open_call(c, e->index);
		if (i == NULL)
			return;
		stream_item(w, to, keep, c, i, o);
		call_drop(c, i);
		return;
	}
	copy.id = kept(e->id, keep);
	copy.name = kept(e->name, keep);
	copy.text = kept(e->text, keep);
	gather_call(c, to, &copy, keep);
}

static void stream_data(struct writer *w, const struct chat_reply *to, struct arena *keep,
			struct choice *c, const struct chat_event *e, struct json_out *o)
{
	struct choice one = { .number = c->number };

	gather_data(&one, to, e, o->a);
	for (const struct item *i = one.items; i != NULL; i = i->next)
		stream_item(w, to, keep, c, i, o);
}

static void stream_probs(struct writer *w, const struct chat_reply *to, struct arena *keep,
			 const struct choice *c, const struct chat_event *e, struct json_out *o)
{
	const struct probs p = { .raw = e->raw };

	part_open(w, to, o);
	out_raw_lit(o, "{\"text\":\"\"}],\"role\":\"model\"},\"index\":");
	out_u64(o, c->number);
	out_raw_lit(o, ",");
	probs_write(o, &p);
	out_raw_lit(o, "}]");
	tail_write(w, to, keep, o);
	frame_close(to, o);
}

/* The last frame: why each choice has ended, and what it has taken. */
static void stream_end(struct writer *w, const struct chat_reply *to, struct arena *keep,
		       struct json_out *o)
{
	for (struct choice *c = w->choices; c != NULL; c = c->next)
		for (; c->items != NULL; c->items = c->items->next)
			stream_item(w, to, keep, c, c->items, o);
	frame_open(w, to, o);
	out_object(o);
	out_key(o, "candidates"), out_array(o);
	for (const struct choice *c = w->choices; c != NULL; c = c->next) {
		out_object(o);
		out_key(o, "content");
		out_json(o, LIT("{\"parts\":[{\"text\":\"\"}],\"role\":\"model\"}"));
		finish_write(o, c);
		out_key(o, "index"), out_u64(o, c->number);
		notes_write(o, c);
		out_close(o);
	}
	out_close(o);
	if (w->has_usage)
		usage_write(o, &w->usage);
	names_write(o, to);
	out_close(o);
	if (to->array)
		out_raw_lit(o, "]");
	frame_close(to, o);
	w->done = true;
}

static void stream_note(struct choice *c, struct arena *keep, const struct chat_annotation *a)
{
	struct chat_annotation copy = *a;

	copy.url = kept(a->url, keep);
	copy.title = kept(a->title, keep);
	copy.cited = kept(a->cited, keep);
	copy.raw = slice_of(NULL, 0);
	note_add(c, keep, &copy);
}

void gemini_event_write(void *state, const struct chat_reply *to, struct arena *keep,
			const struct chat_event *e, struct json_out *out)
{
	struct writer *w = state;
	struct choice *c = w->done ? NULL : choice_of(w, e->choice, keep);
	struct item other = { .kind = ITEM_OTHER, .raw = e->raw };

	if (c == NULL)
		return;
	switch (e->kind) {
	case EV_TEXT:
	case EV_REFUSAL:
	case EV_REASONING:
	case EV_SIGNATURE:
		stream_text(w, to, keep, c, e, out);
		return;
	case EV_TOOL_BEGIN:
	case EV_TOOL_ARGS:
	case EV_TOOL_END:
		stream_call(w, to, keep, c, e, out);
		return;
	case EV_AUDIO:
	case EV_IMAGE:
		stream_data(w, to, keep, c, e, out);
		return;
	case EV_LOGPROBS:
		stream_probs(w, to, keep, c, e, out);
		return;
	case EV_OTHER:
		if (is_ours(e->raw, out->a))
			stream_item(w, to, keep, c, &other, out);
		return;
	case EV_ANNOTATION:
		stream_note(c, keep, &e->u.annotation);
		return;
	case EV_USAGE:
		w->usage = e->u.usage;
		w->has_usage = true;
		return;
	case EV_FINISH:
		gather_finish(c, e);
		c->message = kept(c->message, keep);
		return;
	case EV_END:
		stream_end(w, to, keep, out);
		return;
	case EV_START:
	case EV_ERROR:
	case EV_PING: /* its SDKs know no comments, and no frames without candidates */
		return;
	}
}

void gemini_error_event_write(void *state, const struct chat_reply *to,
			      const struct chat_error *e, struct json_out *out)
{
	struct writer *w = state;

	if (w->done)
		return;
	frame_open(w, to, out);
	gemini_error_write(e, out);
	if (to->array)
		out_raw_lit(out, "]");
	frame_close(to, out);
	w->done = true;
}
