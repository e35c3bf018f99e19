/* gateway/relay.c -- the answer of an attempt, from its head to its end: what counts as
 * content, what is held back, what goes to the client.
 *
 * In the client's own dialect bytes are forwarded as they came, and looked into only to know
 * when to commit, what was used, and whether the end is an end.  From another dialect what
 * they say is written anew (gateway/translate.c).
 */
#include "gateway/exchange.h"

#include "gateway/gateway_impl.h"

enum { ERROR_BODY_MAX = 65536, RELAY_PIECES = 16 };

/* How long a provider may take to end its response after [DONE] before we close it. */
#define AFTER_DONE_US 1000000

static void fail_with(struct attempt *at, enum fault_kind kind, struct slice message)
{
	const struct fault f = { .kind = kind,
				 .status = at->status,
				 .retry_after_us = at->retry_after_us,
				 .message = message };

	attempt_failed(at, &f);
}

/* An error answer of the provider, in whatever shape. */
static void fail_with_body(struct attempt *at, unsigned status, struct slice body)
{
	struct exchange *x = at->x;
	struct fault f = { .retry_after_us = 0 };

	at->deployment->provider->dialect->error_read(&f, status, body, x->arena);
	if (f.retry_after_us == 0)
		f.retry_after_us = at->retry_after_us;
	attempt_failed(at, &f);
}

static void fail_with_fault(struct attempt *at, const struct fault *fault)
{
	struct fault f = *fault;

	if (f.retry_after_us == 0)
		f.retry_after_us = at->retry_after_us;
	attempt_failed(at, &f);
}

static void on_head(void *ctx, const struct http_head *head)
{
	struct attempt *at = ctx;
	struct exchange *x = at->x;
	const struct snapshot *s = x->view->snapshot;
	const struct dialect *dialect = at->deployment->provider->dialect;
	struct slice type = http_header(head, LIT("content-type"));
	bool good = head->status >= 200 && head->status < 300;

	at->status = head->status;
	if (!good && dialect == &dialect_bedrock)
		at->error_type =
			arena_copy(x->arena, http_header(head, LIT("x-amzn-errortype")));
	if (!retry_after_read(http_header(head, LIT("retry-after-ms")),
			      http_header(head, LIT("retry-after")), loop_wall_us(x->g->loop),
			      &at->retry_after_us))
		at->retry_after_us = 0;
	attempt_limits(at, head);
	at->is_stream = x->stream && good && framing_is(dialect->framing, type);
	buf_init(&at->held, x->g->mem, good ? s->response_max : ERROR_BODY_MAX);
	if (at->is_stream) {
		frames_init(&at->frames, dialect->framing, x->g->mem, s->event_max);
	} else if (good && head->framing == HTTP1_LENGTH) {
		enum rc rc = OK;

		/* One buffer of the right size. */
		if (head->content_length > s->response_max)
			fail_with(at, FAULT_GARBAGE, LIT("the answer is over limits.response"));
		else if (head->content_length > 0 &&
			 buf_room(&at->held, (size_t)head->content_length, &rc) == NULL)
			fail_with(at, FAULT_GARBAGE, LIT("no memory for the answer"));
	}
}

/* ---- streams ------------------------------------------------------------------------------
 */

/* What goes to the client of one piece from the network: runs of whole events. */
struct outgoing {
	struct slice v[RELAY_PIECES];
	size_t n;
};

static void flush(struct attempt *at, struct outgoing *o)
{
	struct exchange *x = at->x;

	if (o->n == 0)
		return;
	/* E_CLOSED: `gone` follows; there is nothing to do here. */
	if (reply_write(x->rq, o->v, o->n) == E_FULL && !at->paused) {
		at->paused = at->was_paused = true;
		if (at->call != NULL)
			http_call_pause(at->call);
	}
	o->n = 0;
}

/* Before commit it is kept, after it it goes out.  `stable`: the bytes stay where they are
 * until the whole piece has been looked at.  False: there is no room to keep it. */
static bool forward(struct attempt *at, struct outgoing *o, struct slice raw, bool stable)
{
	struct exchange *x = at->x;
	struct slice *last = o->n > 0 ? &o->v[o->n - 1] : NULL;

	if (x->state != X_COMMITTED)
		return buf_append(&at->held, raw) == OK;
	if (last != NULL && last->p + last->n == raw.p) {
		last->n += raw.n;
	} else {
		if (o->n == RELAY_PIECES)
			flush(at, o);
		o->v[o->n++] = raw;
	}
	if (!stable)
		flush(at, o);
	return true;
}

static void commit(struct attempt *at)
{
	struct outgoing o = { .n = 1 };

	exchange_commit(at);
	o.v[0] = buf_slice(&at->held);
	if (o.v[0].n > 0)
		flush(at, &o);
	buf_free(&at->held);
}

/* What a frame's events are for the client.  False: the attempt has failed. */
static bool forward_events(struct attempt *at, struct outgoing *o, struct look *k)
{
	struct json_out out;
	bool ok;

	out_init(&out, &at->scratch);
	ok = translate_frames(at, k, &out);
	for (size_t i = 0; ok && i < out.n; i++)
		ok = forward(at, o, out.v[i], false);
	if (!ok)
		fail_with(at, FAULT_LOCAL, LIT("no memory for the translation"));
	return ok;
}

/* Passes on what was looked at: commits with the first content.  False: the attempt has
 * failed; x may be gone. */
static bool take_look(struct attempt *at, struct outgoing *o, const struct frame *f,
		      struct look *k, bool stable)
{
	struct exchange *x = at->x;

	at->finish |= k->finish;
	at->done = k->done;
	if (!k->valid || k->error || (k->done && x->state != X_COMMITTED && !at->finish)) {
		flush(at, o);
		if (k->error)
			fail_with_fault(at, &k->fault);
		else if (k->done)
			fail_with(at, FAULT_EMPTY, LIT("the stream ended without an answer"));
		else
			fail_with(at, FAULT_GARBAGE,
				  LIT("an event of the stream cannot be read"));
		return false;
	}
	if (x->state != X_COMMITTED && (k->content || k->finish))
		commit(at);
	if (at->translate)
		return forward_events(at, o, k);
	if (k->usage_only && !x->wants_usage)
		return true; /* X6: asked for by us, not shown */
	/* Comments pass too: they keep the client's connection alive. */
	if (f == NULL)
		return true;
	at->reply.passed += f->has_data;
	if (forward(at, o, f->raw, stable))
		return true;
	fail_with(at, FAULT_GARBAGE, LIT("too much came before the first content"));
	return false;
}

static bool take_frame(struct attempt *at, struct outgoing *o, const struct frame *f,
		       bool stable)
{
	struct arena_mark before = arena_mark(&at->scratch);
	struct look k;
	bool ok;

	if (at->done)
		return true; /* nothing counts after the end mark */
	at->large &= !f->has_data;
	translate_look(at, f, &k);
	ok = take_look(at, o, f, &k, stable);
	if (ok) /* else x may be gone */
		arena_rewind(&at->scratch, before);
	return ok;
}

/* Too large to be looked into; nothing but content is that large. */
static bool take_large(struct attempt *at, struct outgoing *o, struct slice raw, bool stable)
{
	struct exchange *x = at->x;

	if (at->translate) {
		flush(at, o);
		fail_with(at, FAULT_GARBAGE,
			  LIT("an event is over limits.event and cannot be translated"));
		return false;
	}
	if (x->state != X_COMMITTED)
		commit(at);
	at->reply.passed += !at->large;
	at->large = true;
	at->text_bytes += raw.n;
	if (!at->done)
		forward(at, o, raw, stable);
	return true;
}

/* False: the attempt has failed; x may be gone. */
static bool take_stream(struct attempt *at, struct slice bytes)
{
	const char *from = bytes.p, *to = bytes.p + bytes.n;
	struct outgoing o = { .n = 0 };
	struct frame f;
	enum sse_step step;

	while ((step = frames_next(&at->frames, &bytes, &f)) != SSE_MORE) {
		bool stable = f.raw.p >= from && f.raw.p < to;

		if (step == SSE_ERROR) {
			flush(at, &o);
			fail_with(at, FAULT_GARBAGE,
				  LIT("the stream's framing is broken, or there is no memory "
				      "for an event"));
			return false;
		}
		if (!(step == SSE_PASS ? take_large(at, &o, f.raw, stable)
				       : take_frame(at, &o, &f, stable)))
			return false;
	}
	flush(at, &o);
	return true;
}

static void on_body(void *ctx, struct slice bytes)
{
	struct attempt *at = ctx;
	struct exchange *x = at->x;
	bool was_done = at->done;

	if (at->is_stream) {
		if (!take_stream(at, bytes) || x->state != X_COMMITTED)
			return;
		if (was_done)
			return; /* nothing that comes now makes the wait longer */
		if (at->done)
			attempt_expect(at, AFTER_DONE_US);
		else if (at->paused)
			at->step_us = 0; /* the client's slowness is the server's to time */
		else if (x->model->timeouts.stall_us != 0) /* the timer itself need not move */
			at->step_us = loop_now_us(x->g->loop) + x->model->timeouts.stall_us;
		return;
	}
	if (at->status >= 300)
		bytes = slice_head(bytes, ERROR_BODY_MAX - buf_len(&at->held));
	if (buf_append(&at->held, bytes) != OK)
		fail_with(at, FAULT_GARBAGE, LIT("the answer is over limits.response"));
	else if (at->status >= 300 && buf_len(&at->held) == ERROR_BODY_MAX)
		fail_with_body(at, at->status, buf_slice(&at->held)); /* it may never end */
}

/* ---- the end ------------------------------------------------------------------------------
 */

/* The last frame may lack its end.  False: the attempt has failed. */
static bool take_rest(struct attempt *at, struct outgoing *o)
{
	struct exchange *x = at->x;
	struct frame f;

	if (!frames_eof(&at->frames, &f))
		return true;
	if (frames_passing(&at->frames)) {
		fail_with(at, FAULT_TRUNCATED, LIT("the stream ended inside an event"));
		return false;
	}
	if (!take_frame(at, o, &f, false))
		return false;
	flush(at, o);
	if (!at->translate && x->state == X_COMMITTED && f.has_data &&
	    at->frames.framing == FRAMING_SSE) {
		o->v[o->n++] = LIT("\n\n"); /* the event's own end did not come */
		flush(at, o);
	}
	return true;
}

/* Some dialects have the whole answer, images and all, in their last event: the client has got
 * it as it came, and an error after it would be our invention. */
static bool may_end_large(const struct deployment *d)
{
	return d->provider->dialect == &dialect_responses ||
	       d->provider->dialect == &dialect_gemini;
}

/* The end mark did not come: was that all?  False: the attempt has failed. */
static bool take_end(struct attempt *at, struct outgoing *o)
{
	struct exchange *x = at->x;
	struct look k;

	translate_look_at_end(at, &k);
	if (!k.done && at->large && !at->translate && may_end_large(at->deployment))
		return true;
	if (!k.done) {
		if (x->state == X_COMMITTED || at->finish)
			fail_with(at, FAULT_TRUNCATED,
				  LIT("the stream ended without saying why"));
		else
			fail_with(at, FAULT_EMPTY, LIT("the stream ended without an answer"));
		return false;
	}
	if (!take_look(at, o, NULL, &k, false))
		return false;
	if (!at->translate && x->ask.dialect == &dialect_openai) {
		/* Some providers never say it; clients wait for it. */
		o->v[o->n++] = LIT("data: [DONE]\n\n");
	}
	flush(at, o);
	return true;
}

static void end_of_stream(struct attempt *at)
{
	struct exchange *x = at->x;
	struct outgoing o = { .n = 0 };

	if (!take_rest(at, &o))
		return;
	if (x->state != X_COMMITTED && at->done) {
		fail_with(at, FAULT_EMPTY, LIT("the stream ended without an answer"));
		return;
	}
	if (!at->done && !take_end(at, &o))
		return;
	exchange_complete(at, (struct slice){ NULL, 0 });
}

/* A count of tokens: nothing but a number. */
static void end_of_count(struct attempt *at, struct slice body)
{
	struct exchange *x = at->x;
	const struct dialect *theirs = at->deployment->provider->dialect;
	struct json_out out;
	uint64_t tokens;

	if (theirs->count_read(body, &tokens) != OK) {
		fail_with(at, FAULT_GARBAGE, LIT("the count of tokens cannot be read"));
		return;
	}
	if (at->translate) {
		out_init(&out, &at->scratch);
		x->ask.dialect->count_write(tokens, &out);
		body = out_slice(&out);
	}
	if (body.n > 0)
		exchange_complete(at, body);
	else
		fail_with(at, FAULT_LOCAL, LIT("no memory for the count"));
}

/* Embeddings: into the client's form, or forwarded and only counted. */
static void end_of_embeddings(struct attempt *at, struct slice body)
{
	struct exchange *x = at->x;
	const struct dialect *theirs = at->deployment->provider->dialect;
	struct fault f = { .retry_after_us = 0 };
	struct slice out = body;

	if (at->translate && translate_embeddings(at, body, &out) == E_BAD) {
		theirs->error_read(&f, at->status, body, x->arena);
		fail_with_fault(at, &f);
		return;
	}
	if (out.n > 0)
		exchange_complete(at, out);
	else
		fail_with(at, FAULT_LOCAL, LIT("no memory for the embeddings"));
}

/* What a whole answer says, whichever way it is looked into. */
static void look_at_answer(struct attempt *at, struct slice body, struct look *k, bool *empty)
{
	struct exchange *x = at->x;
	struct openai_answer e;

	if (at->translate || !exchange_in_openai(x)) {
		translate_answer_look(at, body, k);
		*empty = !k->content && !k->finish;
		return;
	}
	openai_answer_read(&e, x->openai.endpoint, body);
	*k = (struct look){ .valid = e.valid, .error = e.error };
	*empty = e.empty;
	at->usage = e.usage;
	at->text_bytes = e.text_bytes;
	if (e.error)
		openai_error_read(&k->fault, at->status, body, x->arena);
}

static void end_of_answer(struct attempt *at)
{
	struct exchange *x = at->x;
	struct slice body = buf_slice(&at->held);
	struct look k;
	bool empty;

	if (at->status < 200 || at->status >= 300) {
		fail_with_body(at, at->status, body);
		return;
	}
	if (x->ask.op == OP_COUNT_TOKENS) {
		end_of_count(at, body);
		return;
	}
	if (x->ask.op == OP_EMBEDDINGS && (at->translate || !exchange_in_openai(x))) {
		end_of_embeddings(at, body);
		return;
	}
	look_at_answer(at, body, &k, &empty);
	if (k.error) {
		fail_with_fault(at, &k.fault);
	} else if (!k.valid) {
		fail_with(at, FAULT_GARBAGE,
			  body.n == 0 ? LIT("the answer is empty")
				      : LIT("the answer cannot be read"));
	} else if (x->stream) {
		fail_with(at, FAULT_GARBAGE,
			  LIT("a stream was asked for and a plain answer came"));
	} else if (empty) {
		fail_with(at, FAULT_EMPTY, LIT("the answer has no content"));
	} else if (!at->translate) {
		exchange_complete(at, body);
	} else {
		body = translate_answer(at, &k);
		if (body.n > 0)
			exchange_complete(at, body);
		else
			fail_with(at, FAULT_LOCAL, LIT("no memory for the translation"));
	}
}

static void on_end(void *ctx)
{
	struct attempt *at = ctx;

	at->call = NULL;
	if (at->is_stream)
		end_of_stream(at);
	else
		end_of_answer(at);
}

static void on_failed(void *ctx, enum rc why, const struct err *err)
{
	struct attempt *at = ctx;
	struct exchange *x = at->x;
	enum fault_kind kind = fault_of_rc(why);

	at->call = NULL;
	if (at->is_stream && at->done && x->state == X_COMMITTED) {
		exchange_complete(at, (struct slice){ NULL, 0 }); /* all of it came */
		return;
	}
	if (at->status != 0 && (kind == FAULT_RESET || kind == FAULT_CONNECT))
		kind = FAULT_TRUNCATED;
	fail_with(at, kind, err != NULL ? slice_cstr(err->text) : slice_cstr(rc_text(why)));
}

const struct http_call_events attempt_events = {
	.head = on_head,
	.body = on_body,
	.end = on_end,
	.failed = on_failed,
};
