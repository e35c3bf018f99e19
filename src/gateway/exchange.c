#include "gateway/exchange.h"

#include "gateway/gateway_impl.h"

#include "base/hash.h"
#include "wire/json_scan.h"

/* X1: the moves there are. */
static const unsigned char moves[X_STATES] = {
	[X_READ] = 1 << X_PLANNED | 1 << X_DONE,
	[X_PLANNED] = 1 << X_ATTEMPT | 1 << X_FETCH | 1 << X_WAIT | 1 << X_DONE,
	[X_FETCH] = 1 << X_PLANNED | 1 << X_DONE,
	[X_ATTEMPT] = 1 << X_PLANNED | 1 << X_COMMITTED | 1 << X_DONE,
	[X_WAIT] = 1 << X_PLANNED | 1 << X_DONE,
	[X_COMMITTED] = 1 << X_DONE,
	[X_DONE] = 0,
};

/* ... and how many attempts are out in each: at least, at most. */
static const unsigned char out_in[X_STATES][2] = {
	[X_ATTEMPT] = { 1, ATTEMPTS_OUT_MAX },
	[X_COMMITTED] = { 1, 1 },
};

static void move(struct exchange *x, enum exchange_state to)
{
	INVARIANT(moves[x->state] & (1 << to));
	INVARIANT(x->out_n >= out_in[to][0] && x->out_n <= out_in[to][1]);
	x->state = to;
}

static uint64_t now_us(const struct exchange *x)
{
	return loop_now_us(x->g->loop);
}

/* ---- time ------------------------------------------------------------------------------- */

/* The earlier one; 0 is never. */
static uint64_t sooner(uint64_t a, uint64_t b)
{
	return a == 0 || (b != 0 && b < a) ? b : a;
}

void exchange_arm(struct exchange *x)
{
	uint64_t due = sooner(x->deadline_us, x->step_us), now = now_us(x);

	for (unsigned i = 0; i < x->out_n; i++)
		due = sooner(due, sooner(x->out[i]->step_us, x->out[i]->waiting_us));
	if (x->state == X_ATTEMPT && x->out_n == 1)
		due = sooner(due, x->hedge_us);
	if (due == 0)
		timer_stop(&x->timer);
	else
		timer_set(&x->timer, due > now ? due - now : 0);
}

static void expect(struct exchange *x, uint64_t us)
{
	x->step_us = us == 0 ? 0 : now_us(x) + us;
	exchange_arm(x);
}

static bool is_over(uint64_t due, uint64_t now)
{
	return due != 0 && now >= due;
}

static bool proceed(struct exchange *x);
static void hedge(struct exchange *x);

/* What is waited for did not come in its time.  x may be gone afterwards. */
static void attempt_late(struct attempt *at)
{
	struct exchange *x = at->x;
	struct fault f = { .kind = FAULT_TIMEOUT };

	if (x->state == X_COMMITTED && at->done) {
		exchange_complete(at, (struct slice){ NULL, 0 }); /* all came but the close */
		return;
	}
	f.message = is_over(x->deadline_us, now_us(x))
			    ? LIT("the time for the whole request is over")
		    : x->state == X_COMMITTED ? LIT("nothing came for too long (stall)")
		    : at->status == 0         ? LIT("no answer in time (first_content)")
					      : LIT("no content in time (first_content)");
	attempt_failed(at, &f);
}

/* The wait between two attempts, or the one for media.  x may be gone afterwards. */
static void waited(struct exchange *x)
{
	if (x->state == X_FETCH) {
		exchange_refuse(
			x, END_REFUSED, A_INVALID_REQUEST, "fetch_failed", NULL,
			LIT("The media given by URL did not come in time (media.timeout)."), 0);
		return;
	}
	x->step_us = 0;
	move(x, X_PLANNED);
	proceed(x);
}

static void on_deadline(struct exchange *x)
{
	walk_stop(&x->walk);
	if (x->out_n == 0) {
		waited(x);
		return;
	}
	while (x->out_n > 1) /* the last of them is the end */
		attempt_late(x->out[x->out_n - 1]);
	attempt_late(x->out[0]);
}

static void on_timer(struct timer *t)
{
	struct exchange *x = CONTAINER_OF(t, struct exchange, timer);
	uint64_t now = now_us(x);

	if (is_over(x->deadline_us, now)) {
		on_deadline(x);
		return;
	}
	if (is_over(x->step_us, now)) {
		waited(x);
		return;
	}
	for (unsigned i = 0; i < x->out_n; i++)
		if (is_over(x->out[i]->step_us, now)) {
			attempt_late(x->out[i]); /* sees to the timer, or it was the end */
			return;
		}
	for (unsigned i = 0; i < x->out_n; i++)
		if (is_over(x->out[i]->waiting_us, now))
			attempt_waiting(x->out[i]);
	if (x->state == X_ATTEMPT && x->out_n == 1 && is_over(x->hedge_us, now))
		hedge(x);
	exchange_arm(x); /* or something came meanwhile and moved the step */
}

/* ---- the end ---------------------------------------------------------------------------- */

/* What is kept of it. */
static void tell(struct exchange *x, enum end end, unsigned status, uint64_t bytes_out)
{
	struct gateway *g = x->g;

	count_add(&g->metrics->requests[x->ask.op][end], 1);
	count_add(&g->metrics->responses[status / 100 % STATUS_CLASSES], 1);
	metrics_time(&g->metrics->duration, loop_clock_us(g->loop) - request_began_us(x->rq));
	record_write(x, end, status, bytes_out);
	if (g->decisions != NULL)
		decision_keep(g->decisions, x, end, status);
}

/* X5 */
void exchange_finish(struct exchange *x, enum end end, unsigned status, uint64_t bytes_out)
{
	struct gateway *g = x->g;

	if (x->state == X_COMMITTED && x->out[0]->is_stream)
		g->streams--;
	while (x->out_n > 0)
		attempt_drop(x->out[x->out_n - 1]);
	move(x, X_DONE);
	fetch_free(x->fetch);
	x->fetch = NULL;
	timer_done(&x->timer);
	if (!x->ask.dry_run)
		tell(x, end, status, bytes_out);
	list_del(&x->link);
	g->open--;
}

/* Ends the exchange with an error of ours.  x is gone afterwards. */
void exchange_refuse(struct exchange *x, enum end end, enum answer what, const char *code,
		     const char *param, struct slice message, uint64_t retry_after_us)
{
	struct header extra[] = { { LIT("X-Request-Id"), slice_cstr(x->id) },
				  { LIT("Retry-After"), { NULL, 0 } } };
	const struct dialect *dialect = x->ask.dialect;
	struct http_request *rq = x->rq;
	struct view *view = x->view;

	if (retry_after_us > 0)
		extra[1].value =
			arena_fmt(x->arena, "%" PRIu64, (retry_after_us + 999999) / 1000000);
	exchange_finish(x, end, answer_row(what)->status, message.n);
	answer_error(rq, dialect, what, code, param, message, extra,
		     retry_after_us > 0 ? 2 : 1);
	view_unref(view);
}

struct slice lost_names(struct exchange *x, const struct chat_lost *lost)
{
	char room[512];
	struct sb b;

	sb_init(&b, room, sizeof(room));
	for (size_t i = 0; i < size_min(lost->n, LOST_MAX); i++) {
		if (i > 0)
			sb_lit(&b, ", ");
		sb_lit(&b, lost->v[i].name);
	}
	if (lost->n > LOST_MAX)
		sb_lit(&b, ", ...");
	return arena_copy(x->arena, sb_slice(&b));
}

size_t reply_headers(struct exchange *x, struct slice content_type, struct header *h)
{
	const struct attempt *at = x->told;
	size_t n = 0;

	h[n++] = (struct header){ LIT("Content-Type"), content_type };
	h[n++] = (struct header){ LIT("X-Request-Id"), slice_cstr(x->id) };
	if (at != NULL && at->lost.n > 0) /* never silently */
		h[n++] = (struct header){ LIT("X-Weir-Dropped"), lost_names(x, &at->lost) };
	if (!x->view->snapshot->reply_headers || at == NULL)
		return n;
	h[n++] = (struct header){ LIT("X-Weir-Model"), at->deployment->model };
	h[n++] = (struct header){ LIT("X-Weir-Provider"), at->deployment->provider->name };
	h[n++] = (struct header){ LIT("X-Weir-Attempts"),
				  arena_fmt(x->arena, "%u", x->attempts) };
	return n;
}

static void refuse_memory(struct exchange *x)
{
	exchange_refuse(x, END_REFUSED, A_OVERLOADED, NULL, NULL, LIT("Out of memory."), 0);
}

/* ---- attempts ---------------------------------------------------------------------------- */

/* Keeps what is to be told of a failure: its words are in memory that is about to go.  That the
 * request itself is at fault outlives what others say after it. */
static void remember(struct attempt *at, const struct fault *f)
{
	struct exchange *x = at->x;

	if (x->blamed != NULL && !fault_row(x->last.kind)->other)
		return;
	x->last = *f;
	x->last.message = arena_copy(x->arena, slice_head(f->message, 300));
	x->blamed = at;
	x->refusal = (struct slice){ NULL, 0 };
	x->usage = at->usage;
}

/* What the walk learns of a failed attempt.  `other_key`: only its key was no good. */
static void walk_on(struct attempt *at, const struct fault *f, bool other_key)
{
	struct exchange *x = at->x;
	const struct fault_row *row = fault_row(f->kind);

	if (!row->other)
		walk_stop(&x->walk);
	else if (other_key)
		walk_dropped(&x->walk, at->candidate, true);
	else
		walk_failed(&x->walk, at->candidate, row->again, f->retry_after_us, now_us(x),
			    &x->g->rng);
}

/* The attempt did not come to be. */
static void attempt_stillborn(struct attempt *at, enum rc rc, const struct err *err)
{
	struct exchange *x = at->x;
	const struct fault f = { .kind = rc == E_TOOBIG ? FAULT_LOCAL : fault_of_rc(rc),
				 .message = slice_cstr(err->text) };

	attempt_note(at, f.kind);
	walk_on(at, &f, attempt_judge(at, &f));
	hedge_count(at, HEDGE_FAILED);
	remember(at, &f);
	attempt_drop(at);
	if (x->out_n == 0)
		move(x, X_PLANNED);
}

enum start { STARTED, STILLBORN, CANNOT, NO_MEMORY };

static enum rc make_call(struct attempt *at, struct http_call_options *o, struct err *err)
{
	struct exchange *x = at->x;
	const struct provider *p = at->deployment->provider;

	if (at->key != NULL)
		o->auth = at->key->key;
	return http_call_start(&at->call, x->view->providers[p->index].origin, o, x->arena,
			       &attempt_events, at, err);
}

/* CANNOT: the deployment cannot be told this, or may not be asked now; STILLBORN: x->last says
 * why. */
static enum start attempt_start(struct exchange *x, unsigned candidate, bool as_hedge)
{
	struct attempt *at = attempt_new(x, candidate, as_hedge);
	struct http_call_options o;
	struct err err = { 0 };
	enum rc rc;

	if (at == NULL)
		return NO_MEMORY;
	rc = attempt_prepare(at, &o, &err);
	if (rc == E_UNSUPPORTED || !attempt_admit(at)) {
		attempt_drop(at);
		x->spare = at;
		return CANNOT;
	}
	attempt_out(at);
	if (!as_hedge) {
		x->told = at;
		x->usage = (struct usage){ .known = false }; /* not an earlier one's */
		move(x, X_ATTEMPT);
		hedge_set(at);
	}
	if (rc == OK)
		rc = make_call(at, &o, &err);
	if (rc != OK) {
		attempt_stillborn(at, rc, &err);
		return STILLBORN;
	}
	attempt_await(at, x->model->timeouts.first_content_us);
	return STARTED;
}

/* It asked for a rest after the plan was made: it has it. */
static bool rests(struct exchange *x, unsigned candidate)
{
	const struct health *h = x->model->targets[candidate]->health;
	uint64_t now = now_us(x), until = h == NULL ? 0 : breaker_rests_until(&h->breaker, now);

	if (until > 0)
		walk_rests(&x->walk, candidate, until, now);
	return until > 0;
}

/* The one that is out is slow: another is asked beside it, if there is one and it may. */
static void hedge(struct exchange *x)
{
	unsigned candidate;

	x->hedge_us = 0;
	while (walk_hedge(&x->walk, now_us(x), &candidate)) {
		if (rests(x, candidate))
			continue;
		if (!hedge_fits(x, candidate)) {
			walk_no_hedge(&x->walk, candidate);
			continue;
		}
		if (!hedge_pay(x, candidate)) {
			walk_unask(&x->walk, candidate);
			return;
		}
		switch (attempt_start(x, candidate, true)) {
		case STARTED:
		case STILLBORN:
			x->hedged = true;
			return;
		case CANNOT:
			hedge_pay_back(x, candidate);
			walk_skip(&x->walk, candidate);
			break;
		case NO_MEMORY:
			hedge_pay_back(x, candidate);
			walk_unask(&x->walk, candidate);
			return;
		}
	}
}

/* ---- media by URL ------------------------------------------------------------------------ */

static void on_fetched(void *ctx, bool ok)
{
	struct exchange *x = ctx;

	if (!ok) {
		exchange_refuse(x, END_REFUSED, A_INVALID_REQUEST, x->why.code,
				exchange_param(x),
				arena_copy(x->arena, slice_cstr(x->why.text)), 0);
		return;
	}
	x->why = (struct chat_refusal){ 0 };
	expect(x, 0);
	move(x, X_PLANNED);
	proceed(x);
}

enum fetching { FETCH_NOT, FETCHING, FETCH_REFUSED };

/* For a provider that takes bytes only.  FETCH_REFUSED: the exchange has ended and is gone. */
static enum fetching fetch_first(struct exchange *x, const struct deployment *d)
{
	const struct fetch_rules *rules = &x->view->snapshot->media;
	unsigned takes = exchange_takes_urls(d);
	enum rc rc;

	if (x->fetch != NULL || x->chat == NULL || exchange_is_same(x, d) ||
	    !fetch_needed(x->chat, takes))
		return FETCH_NOT;
	rc = fetch_start(&x->fetch, x->g->client, rules, x->chat, takes, x->arena, x->g->mem,
			 &x->why, on_fetched, x);
	if (rc != OK) {
		exchange_refuse(x, END_REFUSED, rc == E_BAD ? A_INVALID_REQUEST : A_OVERLOADED,
				rc == E_BAD ? x->why.code : NULL, exchange_param(x),
				rc == E_BAD ? arena_copy(x->arena, slice_cstr(x->why.text))
					    : LIT("There is no memory for the media."),
				0);
		return FETCH_REFUSED;
	}
	move(x, X_FETCH);
	expect(x, rules->timeout_us);
	return FETCHING;
}

/* Goes on from PLANNED.  False: the exchange has ended and is gone. */
static bool proceed(struct exchange *x)
{
	for (;;) {
		unsigned candidate = 0;
		uint64_t wait = 0;

		switch (walk_next(&x->walk, now_us(x), x->deadline_us, &candidate, &wait)) {
		case WALK_END:
			exchange_fail(x);
			return false;
		case WALK_WAIT:
			move(x, X_WAIT);
			expect(x, wait);
			return true;
		case WALK_GO:
			break;
		}
		if (rests(x, candidate))
			continue;
		switch (fetch_first(x, x->model->deployments[candidate])) {
		case FETCHING:
			walk_unask(&x->walk, candidate); /* it is no attempt */
			return true;
		case FETCH_REFUSED:
			return false;
		case FETCH_NOT:
			break;
		}
		if (!extra_retry(x)) {
			exchange_fail(x);
			return false;
		}
		switch (attempt_start(x, candidate, false)) {
		case STARTED:
			return true;
		case CANNOT:
			extra_retry_back(x);
			walk_skip(&x->walk, candidate);
			break;
		case STILLBORN:
			break;
		case NO_MEMORY:
			extra_retry_back(x);
			refuse_memory(x);
			return false;
		}
	}
}

/* After commit there is no other attempt: the client is told in its own dialect, and what it
 * got is never ended as if it were whole (X3). */
static void cut(struct attempt *at, const struct fault *f)
{
	struct exchange *x = at->x;
	enum answer what = answer_of_fault(f->kind == FAULT_RESET ? FAULT_TRUNCATED : f->kind);
	struct http_request *rq = x->rq;
	struct view *view = x->view;
	struct json_out out;
	bool told;

	out_init(&out, x->arena);
	if (frames_passing(&at->frames) && at->frames.framing == FRAMING_SSE)
		out_raw_lit(&out, "\n\n");
	attempt_error(at, &out, what,
		      arena_fmt(x->arena,
				"The answer of %.*s broke off: %.*s (%s). What came before is "
				"incomplete.",
				SARG(at->deployment->name), SARG(fault_words(f)),
				fault_row(f->kind)->name));
	told = out_ok(&out) && out.n > 0 && reply_write(rq, out.v, out.n) != E_CLOSED;
	exchange_finish(x,
			f->kind == FAULT_SERVER || f->kind == FAULT_TIMEOUT ? END_UPSTREAM_ERROR
									    : END_TRUNCATED,
			200, reply_bytes(rq));
	if (told)
		reply_end(rq);
	else
		reply_abort(rq); /* without the words at least without a clean end */
	view_unref(view);
}

/* Only what a client of this dialect can read is passed on; a page of HTML is not. */
static bool is_object(struct slice body)
{
	enum json_kind kind;
	size_t n;

	return json_scan(body, &kind, NULL, 0, &n, NULL) == OK && kind == JSON_OBJECT;
}

/* X9: some providers quote what they were sent. */
static struct slice scrub(struct exchange *x, const struct provider *p, struct slice text)
{
	for (size_t i = 0; i < p->key_n; i++)
		text = secret_scrub(x->arena, p->keys[i].key, text);
	return secret_scrub(x->arena, p->aws.token, text);
}

/* A provider's words on the client's own fault, to be passed on as they are. */
static void keep_refusal(struct attempt *at, const struct fault *f)
{
	struct exchange *x = at->x;
	struct slice body = buf_slice(&at->held);

	if (x->blamed != at || at->translate || fault_row(f->kind)->again || at->status < 400 ||
	    at->status >= 500 || f->kind == FAULT_AUTH || f->kind == FAULT_QUOTA ||
	    !is_object(body))
		return;
	x->refusal = arena_copy(x->arena, scrub(x, at->deployment->provider, body));
	x->refusal_status = at->status;
	x->refusal_type = at->error_type;
}

void attempt_failed(struct attempt *at, const struct fault *given)
{
	struct exchange *x = at->x;
	struct fault f = *given;
	bool other_key;

	f.message = scrub(x, at->deployment->provider, given->message);
	other_key = attempt_judge(at, &f);
	if (x->state == X_COMMITTED) {
		attempt_settle(at);
		x->usage = at->usage;
		attempt_note(at, f.kind);
		cut(at, &f);
		return;
	}
	attempt_note(at, f.kind);
	remember(at, &f);
	keep_refusal(at, &f);
	hedge_count(at, HEDGE_FAILED);
	attempt_drop(at);
	walk_on(at, &f, other_key);
	if (x->out_n > 0) { /* the other of the two goes on */
		x->told = x->out[0];
		exchange_arm(x);
		return;
	}
	move(x, X_PLANNED);
	proceed(x);
}

/* ---- success ----------------------------------------------------------------------------- */

static void first_content(struct attempt *at)
{
	struct exchange *x = at->x;

	x->ttft_us = loop_clock_us(x->g->loop) - request_began_us(x->rq);
	attempt_first_content(at);
}

static struct slice stream_type(const struct exchange *x)
{
	return framing_type(x->ask.array ? FRAMING_ARRAY : x->ask.dialect->framing);
}

/* It has content; the other, if there is one, is not needed any more. */
static void win(struct attempt *at)
{
	struct exchange *x = at->x;

	hedge_count(at, HEDGE_WON);
	for (unsigned i = x->out_n; i-- > 0;)
		if (x->out[i] != at) {
			hedge_count(x->out[i], HEDGE_LOST);
			walk_dropped(&x->walk, x->out[i]->candidate, false);
			attempt_lost(x->out[i]);
		}
	x->told = at;
}

void exchange_commit(struct attempt *at)
{
	struct exchange *x = at->x;
	struct header h[REPLY_HEADERS + 1];
	size_t n;

	win(at);
	n = reply_headers(x, stream_type(x), h);
	h[n++] = (struct header){ LIT("Cache-Control"), LIT("no-cache") };
	move(x, X_COMMITTED);
	x->g->streams++;
	first_content(at);
	reply_begin(x->rq, 200, h, n, SIZE_MAX);
	if (!at->translate) {
		/* No other attempt will need it; a writer may still echo parts of it. */
		request_drop_body(x->rq);
		x->openai.body = x->same.body = (struct slice){ NULL, 0 };
	}
	attempt_expect(at, x->model->timeouts.stall_us);
}

void exchange_complete(struct attempt *at, struct slice body)
{
	struct exchange *x = at->x;
	struct http_request *rq = x->rq;
	struct view *view = x->view;
	struct arena scratch;
	struct header h[REPLY_HEADERS];
	struct buf held;
	size_t n;

	attempt_settle(at);
	x->usage = at->usage;
	extra_earn_cost(x, at);
	if (!at->is_stream) {
		win(at);
		first_content(at);
	}
	attempt_succeeded(at);
	routing_learn(x, at->deployment, &at->usage);
	attempt_note(at, FAULT_NONE);
	if (at->is_stream) {
		exchange_finish(x, END_COMPLETE, 200, reply_bytes(rq));
		reply_end(rq);
		view_unref(view);
		return;
	}
	n = reply_headers(x, LIT("application/json"), h);
	/* The answer's memory would end with the attempt. */
	held = at->held;
	scratch = at->scratch;
	at->held = (struct buf){ 0 };
	at->scratch = (struct arena){ 0 };
	exchange_finish(x, END_COMPLETE, 200, body.n);
	reply_send(rq, 200, h, n, body);
	buf_free(&held);
	arena_free(&scratch);
	view_unref(view);
}

/* ---- the beginning ------------------------------------------------------------------------
 */

static void make_id(struct exchange *x)
{
	struct sb id;

	sb_init(&id, x->id, sizeof(x->id));
	sb_lit(&id, "req-");
	sb_hex(&id, hash_mix(x->g->id_base + x->g->id_next++), 16);
	sb_cstr(&id);
}

/* No provider of the model counts: about four bytes to a token, and said so. */
static void answer_estimate(struct exchange *x)
{
	struct http_request *rq = x->rq;
	struct view *view = x->view;
	struct header h[REPLY_HEADERS + 1];
	size_t n = reply_headers(x, LIT("application/json"), h);
	struct json_out out;
	struct slice body;

	h[n++] = (struct header){ LIT("X-Weir-Estimated"), LIT("true") };
	out_init(&out, x->arena);
	usage_estimate(&x->usage, x->prompt_bytes, 0);
	x->ask.dialect->count_write(x->usage.input, &out);
	body = out_slice(&out);
	if (body.n == 0) {
		refuse_memory(x);
		return;
	}
	exchange_finish(x, END_COMPLETE, 200, body.n);
	reply_send(rq, 200, h, n, body);
	view_unref(view);
}

static bool nobody_counts(const struct exchange *x)
{
	if (x->ask.op != OP_COUNT_TOKENS)
		return false;
	for (size_t i = 0; i < x->model->deployment_n; i++)
		if (exchange_can_ask(x, x->model->deployments[i]))
			return false;
	return true;
}

/* Where it would go; nobody is asked. */
static void answer_plan(struct exchange *x)
{
	struct http_request *rq = x->rq;
	struct view *view = x->view;
	struct header h[REPLY_HEADERS];
	size_t n = reply_headers(x, LIT("application/json"), h);
	struct json_out out;
	struct slice body;

	out_init(&out, x->arena);
	decision_plan(x, &out);
	body = out_slice(&out);
	if (body.n == 0) {
		exchange_refuse(x, END_REFUSED, A_OVERLOADED, NULL, NULL, LIT("Out of memory."),
				0);
		return;
	}
	exchange_finish(x, END_COMPLETE, 200, body.n);
	reply_send(rq, 200, h, n, body);
	view_unref(view);
}

/* Of all attempts: the route's, or the request's own where that is sooner. */
static void set_deadline(struct exchange *x)
{
	uint64_t us = x->model->timeouts.total_us, asked = x->routing.policy->deadline_us;

	x->hurried = asked != 0 && (us == 0 || asked < us);
	if (x->hurried)
		us = asked;
	if (us != 0)
		x->deadline_us = request_began_us(x->rq) + us;
}

struct exchange *exchange_begin(struct gateway *g, struct http_request *rq,
				const struct exchange_ask *ask)
{
	struct arena *a = request_arena(rq);
	struct exchange *x = ARENA_NEW(a, struct exchange);

	if (x == NULL) {
		answer_error(rq, ask->dialect, A_OVERLOADED, NULL, NULL, LIT("Out of memory."),
			     NULL, 0);
		return NULL;
	}
	x->g = g;
	x->rq = rq;
	x->arena = a;
	x->ask = *ask;
	x->view = view_ref(g->view);
	make_id(x);
	timer_init(&x->timer, g->loop, on_timer);
	list_push_tail(&g->exchanges, &x->link);
	g->open++;
	g->used = true;
	if (!exchange_admit(x))
		return NULL;
	if (nobody_counts(x)) {
		answer_estimate(x);
		return NULL;
	}
	if (!routing_plan(x))
		return NULL;
	if (x->ask.dry_run) {
		answer_plan(x);
		return NULL;
	}
	set_deadline(x);
	move(x, X_PLANNED);
	extra_earn(x);
	return proceed(x) ? x : NULL;
}

void exchange_drained(struct exchange *x)
{
	struct attempt *at = x->state == X_COMMITTED ? x->out[0] : NULL;

	if (at == NULL || !at->paused)
		return;
	at->paused = false;
	if (at->call != NULL)
		http_call_resume(at->call);
	if (!at->done) /* then only its close is waited for */
		attempt_expect(at, x->model->timeouts.stall_us);
}

/* They end without a verdict on their providers.  X4: those learn of it by the close of their
 * connections. */
static void stop_attempts(struct exchange *x, enum fault_kind why)
{
	for (unsigned i = 0; i < x->out_n; i++) {
		struct attempt *at = x->out[i];

		if (x->state == X_ATTEMPT) {
			attempt_no_verdict(at);
			hedge_count(at, HEDGE_GONE);
		}
		attempt_settle(at);
		attempt_note(at, why);
		if (at == x->told)
			x->usage = at->usage;
	}
}

void exchange_gone(struct exchange *x, enum rc why)
{
	struct view *view = x->view;

	(void)why;
	stop_attempts(x, FAULT_GONE);
	exchange_finish(x, END_CLIENT_GONE, 499, reply_bytes(x->rq));
	view_unref(view);
}

void exchange_cut(struct exchange *x)
{
	const struct fault f = { .kind = FAULT_LOCAL,
				 .message = LIT("the gateway is stopping") };

	if (x->state == X_COMMITTED && x->out[0]->done) {
		exchange_complete(x->out[0], (struct slice){ NULL, 0 }); /* all but the close */
		return;
	}
	stop_attempts(x, f.kind);
	if (x->state == X_COMMITTED)
		cut(x->out[0], &f);
	else
		exchange_refuse(x, END_REFUSED, A_OVERLOADED, NULL, NULL,
				LIT("The gateway is stopping; try again."), 0);
}
