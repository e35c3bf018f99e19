/* gateway/relay.c -- the answer of an attempt, from its head to its end: what counts as
 * content, what is held back, what goes to the client.
 *
 * Bytes are forwarded as they came.  They are looked into only to know when to commit, what
 * was used, and whether the end is an end.
 */
#include "gateway/exchange.h"

#include "gateway/gateway_impl.h"

enum { ERROR_BODY_MAX = 65536, RELAY_PIECES = 16 };

/* How long a provider may take to end its response after [DONE] before we close it. */
#define AFTER_DONE_US 1000000

static void fail_with(struct exchange *x, enum fault_kind kind, struct slice message)
{
	const struct fault f = { .kind = kind,
				 .status = x->at.status,
				 .retry_after_us = x->at.retry_after_us,
				 .message = message };

	attempt_failed(x, &f);
}

/* An error answer of the provider, in whatever shape. */
static void fail_with_body(struct exchange *x, unsigned status, struct slice body)
{
	struct fault f = { .retry_after_us = x->at.retry_after_us };

	openai_error_read(&f, status, body, x->arena);
	attempt_failed(x, &f);
}

static void on_head(void *ctx, const struct http_head *head)
{
	struct exchange *x = ctx;
	struct attempt *at = &x->at;
	const struct snapshot *s = x->view->snapshot;
	struct slice type = http_header(head, LIT("content-type"));
	bool good = head->status >= 200 && head->status < 300;

	at->status = head->status;
	if (!retry_after_read(http_header(head, LIT("retry-after-ms")),
			      http_header(head, LIT("retry-after")), loop_wall_us(x->g->loop),
			      &at->retry_after_us))
		at->retry_after_us = 0;
	at->is_sse = x->req.stream && good &&
		     slice_ieq(slice_head(type, 17), LIT("text/event-stream"));
	buf_init(&at->held, x->g->mem, good ? s->response_max : ERROR_BODY_MAX);
	if (at->is_sse) {
		sse_init(&at->sse, x->g->mem, s->event_max);
	} else if (good && head->framing == HTTP1_LENGTH) {
		enum rc rc = OK;

		/* One buffer of the right size. */
		if (head->content_length > s->response_max)
			fail_with(x, FAULT_GARBAGE, LIT("the answer is over limits.response"));
		else if (head->content_length > 0 &&
			 buf_room(&at->held, (size_t)head->content_length, &rc) == NULL)
			fail_with(x, FAULT_GARBAGE, LIT("no memory for the answer"));
	}
}

/* ---- streams ------------------------------------------------------------------------------
 */

/* What goes to the client of one piece from the network: runs of whole events. */
struct outgoing {
	struct slice v[RELAY_PIECES];
	size_t n;
};

static void flush(struct exchange *x, struct outgoing *o)
{
	if (o->n == 0)
		return;
	/* E_CLOSED: `gone` follows; there is nothing to do here. */
	if (reply_write(x->rq, o->v, o->n) == E_FULL && !x->at.paused) {
		x->at.paused = true;
		if (x->at.call != NULL)
			http_call_pause(x->at.call);
	}
	o->n = 0;
}

/* Before commit it is kept, after it it goes out.  `stable`: the bytes stay where they are
 * until the whole piece has been looked at.  False: there is no room to keep it. */
static bool forward(struct exchange *x, struct outgoing *o, struct slice raw, bool stable)
{
	struct slice *last = o->n > 0 ? &o->v[o->n - 1] : NULL;

	if (x->state != X_COMMITTED)
		return buf_append(&x->at.held, raw) == OK;
	if (last != NULL && last->p + last->n == raw.p) {
		last->n += raw.n;
	} else {
		if (o->n == RELAY_PIECES)
			flush(x, o);
		o->v[o->n++] = raw;
	}
	if (!stable)
		flush(x, o);
	return true;
}

static void commit(struct exchange *x)
{
	struct outgoing o = { .n = 1 };

	exchange_commit(x);
	o.v[0] = buf_slice(&x->at.held);
	if (o.v[0].n > 0)
		flush(x, &o);
	buf_free(&x->at.held);
}

/* One event.  False: the attempt has failed; x may be gone. */
static bool take_event(struct exchange *x, struct outgoing *o, const struct sse_event *ev,
		       bool stable)
{
	struct attempt *at = &x->at;
	struct openai_event e = { .valid = true };

	if (at->done)
		return true; /* nothing counts after [DONE] */
	if (ev->has_data)
		openai_event_read(&e, ev->data);
	if (e.usage.known)
		x->usage = e.usage;
	x->text_bytes += e.text_bytes;
	at->finish |= e.finish;
	at->done = e.done;
	if (!e.valid || e.error || (e.done && x->state != X_COMMITTED && !at->finish)) {
		flush(x, o);
		if (e.error)
			fail_with_body(x, 200, ev->data);
		else if (e.done)
			fail_with(x, FAULT_EMPTY, LIT("the stream ended without an answer"));
		else
			fail_with(x, FAULT_GARBAGE, LIT("an event of the stream is not JSON"));
		return false;
	}
	if (x->state != X_COMMITTED && (e.content || e.finish))
		commit(x);
	if (e.usage_only && !x->req.wants_usage)
		return true; /* X6: asked for by us, not shown */
	/* Comments pass too: they keep the client's connection alive. */
	if (forward(x, o, ev->raw, stable))
		return true;
	fail_with(x, FAULT_GARBAGE, LIT("too much came before the first content"));
	return false;
}

/* False: the attempt has failed; x may be gone. */
static bool take_stream(struct exchange *x, struct slice bytes)
{
	const char *from = bytes.p, *to = bytes.p + bytes.n;
	struct outgoing o = { .n = 0 };
	struct sse_event ev;
	enum sse_step step;

	while ((step = sse_next(&x->at.sse, &bytes, &ev)) != SSE_MORE) {
		bool stable = ev.raw.p >= from && ev.raw.p < to;

		if (step == SSE_ERROR) {
			flush(x, &o);
			fail_with(x, FAULT_GARBAGE,
				  LIT("no memory for an event of the stream"));
			return false;
		}
		if (step == SSE_PASS) {
			/* Too large to be looked into; nothing but content is that large. */
			if (x->state != X_COMMITTED)
				commit(x);
			x->text_bytes += ev.raw.n;
			if (!x->at.done)
				forward(x, &o, ev.raw, stable);
		} else if (!take_event(x, &o, &ev, stable)) {
			return false;
		}
	}
	flush(x, &o);
	return true;
}

static void on_body(void *ctx, struct slice bytes)
{
	struct exchange *x = ctx;
	struct attempt *at = &x->at;
	bool was_done = at->done;

	if (at->is_sse) {
		if (!take_stream(x, bytes) || x->state != X_COMMITTED)
			return;
		if (was_done)
			return; /* nothing that comes now makes the wait longer */
		if (at->done)
			exchange_expect(x, AFTER_DONE_US);
		else if (at->paused)
			x->step_us = 0; /* the client's slowness is the server's to time */
		else if (x->model->timeouts.stall_us != 0) /* the timer itself need not move */
			x->step_us = loop_now_us(x->g->loop) + x->model->timeouts.stall_us;
		return;
	}
	if (at->status >= 300)
		bytes = slice_head(bytes, ERROR_BODY_MAX - buf_len(&at->held));
	if (buf_append(&at->held, bytes) != OK)
		fail_with(x, FAULT_GARBAGE, LIT("the answer is over limits.response"));
	else if (at->status >= 300 && buf_len(&at->held) == ERROR_BODY_MAX)
		fail_with_body(x, at->status, buf_slice(&at->held)); /* it may never end */
}

/* ---- the end ------------------------------------------------------------------------------
 */

static void end_of_stream(struct exchange *x)
{
	struct attempt *at = &x->at;
	struct outgoing o = { .n = 0 };
	struct sse_event ev;

	if (sse_eof(&at->sse, &ev)) {
		if (at->sse.passing) {
			fail_with(x, FAULT_TRUNCATED, LIT("the stream ended inside an event"));
			return;
		}
		if (!take_event(x, &o, &ev, false))
			return;
		flush(x, &o);
		if (x->state == X_COMMITTED && ev.has_data) {
			o.v[o.n++] = LIT("\n\n"); /* the event's own end did not come */
			flush(x, &o);
		}
	}
	if (x->state != X_COMMITTED) {
		fail_with(x, FAULT_EMPTY, LIT("the stream ended without an answer"));
		return;
	}
	if (!at->done && !at->finish) {
		fail_with(x, FAULT_TRUNCATED, LIT("the stream ended without a finish_reason"));
		return;
	}
	if (!at->done) {
		/* Some providers never say it; clients wait for it. */
		o.v[o.n++] = LIT("data: [DONE]\n\n");
		flush(x, &o);
	}
	exchange_complete(x, (struct slice){ NULL, 0 });
}

static void end_of_answer(struct exchange *x)
{
	struct attempt *at = &x->at;
	struct slice body = buf_slice(&at->held);
	struct openai_answer e;

	if (at->status < 200 || at->status >= 300) {
		fail_with_body(x, at->status, body);
		return;
	}
	openai_answer_read(&e, x->endpoint, body);
	if (e.error) {
		fail_with_body(x, at->status, body);
	} else if (!e.valid) {
		fail_with(x, FAULT_GARBAGE,
			  body.n == 0 ? LIT("the answer is empty")
				      : LIT("the answer is not JSON"));
	} else if (x->req.stream) {
		fail_with(x, FAULT_GARBAGE,
			  LIT("a stream was asked for and a plain answer came"));
	} else if (e.empty) {
		fail_with(x, FAULT_EMPTY, LIT("the answer has no content"));
	} else {
		x->usage = e.usage;
		x->text_bytes = e.text_bytes;
		exchange_complete(x, body);
	}
}

static void on_end(void *ctx)
{
	struct exchange *x = ctx;

	x->at.call = NULL;
	if (x->at.is_sse)
		end_of_stream(x);
	else
		end_of_answer(x);
}

static void on_failed(void *ctx, enum rc why, const struct err *err)
{
	struct exchange *x = ctx;
	struct attempt *at = &x->at;
	enum fault_kind kind = fault_of_rc(why);

	at->call = NULL;
	if (at->is_sse && at->done && x->state == X_COMMITTED) {
		exchange_complete(x, (struct slice){ NULL, 0 }); /* all of it came */
		return;
	}
	if (at->status != 0 && (kind == FAULT_RESET || kind == FAULT_CONNECT))
		kind = FAULT_TRUNCATED;
	fail_with(x, kind, err != NULL ? slice_cstr(err->text) : slice_cstr(rc_text(why)));
}

const struct http_call_events attempt_events = {
	.head = on_head,
	.body = on_body,
	.end = on_end,
	.failed = on_failed,
};
