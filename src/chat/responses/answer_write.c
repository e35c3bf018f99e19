/* Events -> the items of an answer, and a plain answer. */
#include "chat/responses/answer_out.h"

/* The stream cannot go on: what was kept of it would not be all. */
static void fail(struct answer_out *x)
{
	x->s->broken = true;
	out_fail(x->o);
}

static struct json_text kept(struct answer_out *x, struct json_text t)
{
	struct json_text copy = { arena_copy(x->keep, t.s) };

	if (copy.s.n != t.s.n)
		fail(x);
	return copy;
}

static void grow(struct answer_out *x, struct rope *r, struct json_text t)
{
	if (!rope_add(r, x->keep, t.s))
		fail(x);
}

static void note(struct answer_out *x, struct noted ***tail, struct slice value)
{
	struct noted *n = ARENA_NEW(x->keep, struct noted);

	if (n == NULL) {
		fail(x);
		return;
	}
	n->value = kept(x, (struct json_text){ value }).s;
	**tail = n;
	*tail = &n->next;
}

/* ---- items and their parts --------------------------------------------------------------- */

static struct out_item *item_add(struct answer_out *x, enum item_kind kind)
{
	struct responses_writer *s = x->s;
	struct out_item *i = ARENA_NEW(x->keep, struct out_item);

	if (i == NULL) {
		fail(x);
		return NULL;
	}
	i->kind = kind;
	i->index = s->item_n++;
	if (s->last == NULL)
		s->items = i;
	else
		s->last->next = i;
	s->last = i;
	return i;
}

static void part_end(struct answer_out *x, struct out_item *i)
{
	if (i->part == NULL)
		return;
	tell_text_done(x, i, i->part);
	tell_part(x, i, i->part, true);
}

static struct content *part_open(struct answer_out *x, struct out_item *i,
				 enum content_kind kind)
{
	struct content *c;

	if (i->part != NULL && i->part->kind == kind)
		return i->part;
	part_end(x, i);
	c = ARENA_NEW(x->keep, struct content);
	if (c == NULL) {
		fail(x);
		return NULL;
	}
	c->kind = kind;
	c->index = kind == CONTENT_SUMMARY ? i->summary_n++ : i->part_n - i->summary_n;
	i->part_n++;
	c->annotations_tail = &c->annotations;
	c->logprobs_tail = &c->logprobs;
	if (i->part == NULL)
		i->parts = c;
	else
		i->part->next = c;
	i->part = c;
	tell_part(x, i, c, false);
	return c;
}

static void item_end(struct answer_out *x, struct out_item *i)
{
	if (i->done)
		return;
	part_end(x, i);
	if (i->kind == ITEM_CALL || i->kind == ITEM_CUSTOM)
		tell_args_done(x, i);
	i->done = true;
	tell_item(x, i, true);
}

/* Kept, whether it could be sealed or not. */
static struct json_text sealed(struct answer_out *x, enum sealed_kind kind, bool summary,
			       struct json_text data)
{
	struct json_text text;

	if (x->to->issuer.n == 0 || json_text_empty(data))
		return kept(x, data);
	text = responses_seal(x->keep, x->to->issuer, kind, summary, data);
	if (json_text_empty(text))
		fail(x);
	return text;
}

/* A reasoning item that has nothing but state. */
static void state_item(struct answer_out *x, enum sealed_kind kind, struct json_text data)
{
	struct out_item *i = item_add(x, ITEM_REASONING);

	if (i == NULL)
		return;
	tell_item(x, i, false);
	i->sealed = sealed(x, kind, false, data);
	item_end(x, i);
}

static void current_end(struct answer_out *x)
{
	struct json_text signature = x->s->text_signature;

	if (x->s->current != NULL)
		item_end(x, x->s->current);
	x->s->current = NULL;
	if (json_text_empty(signature))
		return;
	x->s->text_signature = (struct json_text){ { NULL, 0 } };
	state_item(x, SEALED_TEXT, signature);
}

/* The open message or reasoning; what is open of the other kind ends. */
static struct out_item *current(struct answer_out *x, enum item_kind kind)
{
	struct out_item *i = x->s->current;

	if (i != NULL && i->kind == kind)
		return i;
	current_end(x);
	i = item_add(x, kind);
	x->s->current = i;
	if (i != NULL)
		tell_item(x, i, false);
	return i;
}

/* ---- text and reasoning ------------------------------------------------------------------ */

static void add_text(struct answer_out *x, struct out_item *i, enum content_kind kind,
		     struct json_text text)
{
	struct content *c = i == NULL ? NULL : part_open(x, i, kind);

	if (c == NULL)
		return;
	grow(x, &c->text, text);
	tell_delta(x, i, c, text, (struct slice){ NULL, 0 });
}

static void take_text(struct answer_out *x, const struct chat_event *e)
{
	if (!json_text_empty(e->text))
		add_text(x, current(x, ITEM_MESSAGE), CONTENT_TEXT, e->text);
	if (!json_text_empty(e->signature))
		x->s->text_signature = kept(x, e->signature);
}

static void take_refusal(struct answer_out *x, struct json_text words)
{
	x->s->refused = true;
	add_text(x, current(x, ITEM_MESSAGE), CONTENT_REFUSAL, words);
}

/* Who asks for a summary looks for it there; the seal remembers what it was. */
static void take_reasoning(struct answer_out *x, const struct chat_event *e)
{
	bool asked = x->r->thinking.visible == YES;
	struct out_item *i;

	if (json_text_empty(e->text))
		return;
	i = current(x, ITEM_REASONING);
	if (i != NULL)
		i->summary = e->summary;
	add_text(x, i, e->summary || asked ? CONTENT_SUMMARY : CONTENT_THOUGHT, e->text);
}

static void take_signature(struct answer_out *x, const struct chat_event *e)
{
	struct json_text data = e->encrypted ? e->text : e->signature;
	struct out_item *i = current(x, ITEM_REASONING);

	if (i == NULL)
		return;
	i->sealed =
		sealed(x, e->encrypted ? SEALED_ENCRYPTED : SEALED_SIGNATURE, i->summary, data);
	current_end(x); /* what follows is reasoning of its own */
}

/* ---- calls ------------------------------------------------------------------------------- */

/* Where the call with this index is kept; NULL: nowhere. */
static struct out_item **call_at(struct answer_out *x, unsigned index)
{
	struct responses_writer *s = x->s;
	struct out_item **v;
	unsigned cap = s->call_cap == 0 ? 8 : s->call_cap;

	if (index >= EVENTS_MAX)
		return NULL;
	while (cap <= index)
		cap *= 2;
	if (cap == s->call_cap)
		return &s->calls[index];
	v = ARENA_ARRAY(x->keep, struct out_item *, cap);
	if (v == NULL) {
		fail(x);
		return NULL;
	}
	if (s->call_cap > 0)
		memcpy(v, s->calls, s->call_cap * sizeof(struct out_item *));
	s->calls = v;
	s->call_cap = cap;
	return &v[index];
}

static void add_args(struct answer_out *x, struct out_item *i, struct json_text text)
{
	grow(x, &i->text, text);
	tell_args(x, i, text);
}

static void call_end(struct answer_out *x, struct out_item **at)
{
	struct out_item *i = *at;

	if (i->kind == ITEM_CALL && rope_empty(&i->text) && !i->cut)
		add_args(x, i, JTEXT("{}"));
	item_end(x, i);
	*at = NULL;
}

static void take_call(struct answer_out *x, const struct chat_event *e)
{
	struct out_item **at = call_at(x, e->index);
	struct out_item *i;

	current_end(x);
	if (at == NULL)
		return;
	if (*at != NULL)
		call_end(x, at); /* the index is used again */
	if (!json_text_empty(e->signature))
		state_item(x, SEALED_CALL, e->signature);
	i = item_add(x, e->custom ? ITEM_CUSTOM : ITEM_CALL);
	if (i == NULL)
		return;
	i->call_id = kept(x, e->id);
	i->name = kept(x, e->name);
	*at = i;
	tell_item(x, i, false);
}

static void take_args(struct answer_out *x, const struct chat_event *e)
{
	if (e->index < x->s->call_cap && x->s->calls[e->index] != NULL &&
	    !json_text_empty(e->text))
		add_args(x, x->s->calls[e->index], e->text);
}

static void take_call_end(struct answer_out *x, const struct chat_event *e)
{
	if (e->index < x->s->call_cap && x->s->calls[e->index] != NULL)
		call_end(x, &x->s->calls[e->index]);
}

/* ---- the others -------------------------------------------------------------------------- */

static void take_image(struct answer_out *x, const struct chat_event *e)
{
	struct out_item *i;

	if (json_text_empty(e->text))
		return;
	current_end(x);
	i = item_add(x, ITEM_IMAGE);
	if (i == NULL)
		return;
	tell_item(x, i, false);
	grow(x, &i->text, e->text);
	tell_image_done(x, i);
	item_end(x, i);
}

static bool is_ours(const struct chat_event *e)
{
	return json_text_is(e->name, RESPONSES_RAW.s);
}

static void take_other(struct answer_out *x, const struct chat_event *e)
{
	struct out_item *i;

	if (!is_ours(e) || e->raw.n == 0)
		return;
	current_end(x);
	i = item_add(x, ITEM_OTHER);
	if (i == NULL)
		return;
	i->raw = kept(x, (struct json_text){ e->raw }).s;
	tell_item(x, i, false);
	item_end(x, i);
}

/* {"type":"url_citation",..}; what has no URL cannot be said.  Empty: that, or no memory. */
static struct slice citation(struct answer_out *x, const struct chat_annotation *a)
{
	struct json_out o;

	if (json_text_empty(a->url))
		return (struct slice){ NULL, 0 };
	out_init(&o, x->keep);
	out_object(&o);
	out_key(&o, "type"), out_lit(&o, "url_citation");
	out_key(&o, "start_index"), out_u64(&o, a->start);
	out_key(&o, "end_index"), out_u64(&o, a->end);
	out_key(&o, "url"), out_text(&o, a->url);
	out_key(&o, "title"), out_text(&o, a->title);
	out_close(&o);
	if (!out_ok(&o))
		fail(x);
	return out_slice(&o);
}

static void take_annotation(struct answer_out *x, const struct chat_event *e)
{
	const struct chat_annotation *a = &e->u.annotation;
	struct slice value = is_ours(e) && a->raw.n > 0 ? a->raw : citation(x, a);
	struct out_item *i;
	struct content *c;

	if (value.n == 0)
		return;
	i = current(x, ITEM_MESSAGE);
	c = i == NULL ? NULL : part_open(x, i, CONTENT_TEXT);
	if (c == NULL)
		return;
	note(x, &c->annotations_tail, value);
	tell_annotation(x, i, c, value);
	c->annotation_n++;
}

static void take_logprobs(struct answer_out *x, const struct chat_event *e)
{
	struct out_item *i;
	struct content *c;

	if (json_kind(e->raw) != JSON_ARRAY)
		return;
	i = current(x, ITEM_MESSAGE);
	c = i == NULL ? NULL : part_open(x, i, CONTENT_TEXT);
	if (c == NULL)
		return;
	note(x, &c->logprobs_tail, e->raw);
	tell_delta(x, i, c, (struct json_text){ { NULL, 0 } }, e->raw);
}

/* ---- the whole --------------------------------------------------------------------------- */

static void all_end(struct answer_out *x, bool cut)
{
	struct responses_writer *s = x->s;

	for (unsigned n = 0; n < s->call_cap; n++) {
		if (s->calls[n] == NULL)
			continue;
		s->calls[n]->cut = cut;
		call_end(x, &s->calls[n]);
	}
	if (s->current != NULL)
		s->current->cut = cut;
	current_end(x);
}

static void take_finish(struct answer_out *x, const struct chat_event *e)
{
	bool cut = e->finish == FINISH_LENGTH || e->finish == FINISH_CONTEXT ||
		   e->finish == FINISH_FILTER || e->finish == FINISH_BROKEN;

	if (x->s->has_finish)
		return;
	x->s->has_finish = true;
	x->s->finish = e->finish;
	if (e->finish == FINISH_REFUSAL && !x->s->refused && !json_text_empty(e->name))
		take_refusal(x, e->name);
	all_end(x, cut);
}

static void take_end(struct answer_out *x)
{
	all_end(x, false);
	tell_end(x);
	x->s->ended = true;
}

static const char *response_code_of(enum fault_kind kind)
{
	if (kind == FAULT_RATE || kind == FAULT_QUOTA)
		return "rate_limit_exceeded";
	if (kind == FAULT_CLIENT || kind == FAULT_POLICY || kind == FAULT_CONTEXT)
		return "invalid_prompt";
	return "server_error";
}

static void take_error(struct answer_out *x, const struct fault *f)
{
	struct slice message = f->message.n > 0 ? f->message : LIT("The provider failed.");

	x->s->ended = true;
	x->s->error.code = response_code_of(f->kind);
	x->s->error.message = kept(x, (struct json_text){ message }).s;
	tell_error(x, fault_row(f->kind)->name, message, NULL, x->s->error.code);
}

void answer_start(struct answer_out *x)
{
	struct responses_writer *s = x->s;
	struct fields f;

	if (s->started)
		return;
	s->started = true;
	if (is_own(x->r) && fields_read(&f, x->r->body, x->keep))
		s->echo = (struct echo){
			.instructions = field_json(&f, "instructions"),
			.tool_choice = field_json(&f, "tool_choice"),
			.max_tool_calls = field_json(&f, "max_tool_calls"),
			.truncation = field_json(&f, "truncation"),
			.user = field_json(&f, "user"),
			.safety_identifier = field_json(&f, "safety_identifier"),
		};
	tell_start(x);
}

static void take(struct answer_out *x, const struct chat_event *e)
{
	switch (e->kind) {
	case EV_TEXT:
		take_text(x, e);
		break;
	case EV_REASONING:
		take_reasoning(x, e);
		break;
	case EV_SIGNATURE:
		take_signature(x, e);
		break;
	case EV_REFUSAL:
		if (!json_text_empty(e->text))
			take_refusal(x, e->text);
		break;
	case EV_TOOL_BEGIN:
		take_call(x, e);
		break;
	case EV_TOOL_ARGS:
		take_args(x, e);
		break;
	case EV_TOOL_END:
		take_call_end(x, e);
		break;
	case EV_AUDIO: /* cannot be asked for here; its words can be told */
		if (!json_text_empty(e->name))
			add_text(x, current(x, ITEM_MESSAGE), CONTENT_TEXT, e->name);
		break;
	case EV_IMAGE:
		take_image(x, e);
		break;
	case EV_ANNOTATION:
		take_annotation(x, e);
		break;
	case EV_LOGPROBS:
		take_logprobs(x, e);
		break;
	case EV_OTHER:
		take_other(x, e);
		break;
	case EV_USAGE:
		x->s->usage = e->u.usage;
		x->s->has_usage = true;
		break;
	case EV_FINISH:
		take_finish(x, e);
		break;
	case EV_END:
		take_end(x);
		break;
	case EV_ERROR:
		take_error(x, &e->u.fault);
		break;
	case EV_START:
	case EV_PING:
		break;
	}
}

void answer_take(struct answer_out *x, const struct chat_event *e)
{
	/* One answer is all that there can be. */
	if (x->s->ended || e->choice > 0)
		return;
	if (x->s->broken) {
		out_fail(x->o);
		return;
	}
	answer_start(x);
	take(x, e);
}

void responses_answer_write(const struct chat_reply *to, const struct chat_events *ev,
			    struct json_out *out)
{
	static const struct chat_request none;
	struct responses_writer s = { 0 };
	struct answer_out x = { .s = &s,
				.to = to,
				.r = to->req != NULL ? to->req : &none,
				.keep = out->a,
				.o = out,
				.quiet = true };
	struct response_error error;
	const char *status;

	for (size_t i = 0; i < ev->n; i++)
		answer_take(&x, &ev->v[i]);
	answer_start(&x);
	status = ending_of(&s, &error);
	write_response(&x, status, &error);
}
