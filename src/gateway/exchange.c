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

static void move(struct exchange *x, enum exchange_state to)
{
	INVARIANT(moves[x->state] & (1 << to));
	x->state = to;
}

static uint64_t now_us(const struct exchange *x)
{
	return loop_now_us(x->g->loop);
}

/* ---- time ------------------------------------------------------------------------------- */

static void arm(struct exchange *x)
{
	uint64_t due = x->deadline_us, now = now_us(x);

	if (x->step_us != 0 && (due == 0 || x->step_us < due))
		due = x->step_us;
	if (due == 0)
		timer_stop(&x->timer);
	else
		timer_set(&x->timer, due > now ? due - now : 0);
}

void exchange_expect(struct exchange *x, uint64_t us)
{
	x->step_us = us == 0 ? 0 : now_us(x) + us;
	arm(x);
}

static bool proceed(struct exchange *x);

static void on_timer(struct timer *t)
{
	struct exchange *x = CONTAINER_OF(t, struct exchange, timer);
	struct fault f = { .kind = FAULT_TIMEOUT };
	uint64_t now = now_us(x);
	bool all = x->deadline_us != 0 && now >= x->deadline_us;

	if (!all && (x->step_us == 0 || now < x->step_us)) {
		arm(x); /* something came meanwhile and moved the step */
		return;
	}
	if (all)
		x->walk.tries = x->walk.rules.attempts; /* no other attempt */
	if (x->state == X_COMMITTED && x->at.done) {
		exchange_complete(x, (struct slice){ NULL, 0 }); /* all came but the close */
		return;
	}
	if (x->state == X_WAIT) {
		move(x, X_PLANNED);
		proceed(x);
		return;
	}
	if (x->state == X_FETCH) {
		exchange_refuse(
			x, END_REFUSED, A_INVALID_REQUEST, "fetch_failed", NULL,
			LIT("The media given by URL did not come in time (media.timeout)."), 0);
		return;
	}
	f.message = all                       ? LIT("the time for the whole request is over")
		    : x->state == X_COMMITTED ? LIT("nothing came for too long (stall)")
		    : x->at.status == 0       ? LIT("no answer in time (first_content)")
					      : LIT("no content in time (first_content)");
	attempt_failed(x, &f);
}

/* ---- the end ---------------------------------------------------------------------------- */

static void drop_attempt(struct exchange *x)
{
	struct attempt *at = &x->at;

	if (at->call != NULL) {
		http_call_cancel(at->call);
		at->call = NULL;
	}
	frames_free(&at->frames);
	arena_free(&at->scratch);
	buf_free(&at->held);
}

/* X5: the one way into DONE.  Afterwards only the reply is left to be ended. */
static void exchange_end(struct exchange *x, enum end end, unsigned status, uint64_t bytes_out)
{
	struct gateway *g = x->g;

	if (x->state == X_COMMITTED && x->at.is_stream)
		g->streams--;
	move(x, X_DONE);
	drop_attempt(x);
	fetch_free(x->fetch);
	x->fetch = NULL;
	timer_done(&x->timer);
	count_add(&g->metrics->requests[x->ask.op][end], 1);
	count_add(&g->metrics->responses[status / 100 % STATUS_CLASSES], 1);
	metrics_time(&g->metrics->duration, loop_clock_us(g->loop) - request_began_us(x->rq));
	record_write(x, end, status, bytes_out);
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
	exchange_end(x, end, answer_row(what)->status, message.n);
	answer_error(rq, dialect, what, code, param, message, extra,
		     retry_after_us > 0 ? 2 : 1);
	view_unref(view);
}

/* "seed, top_k": what the provider was not told. */
static struct slice lost_names(struct exchange *x, const struct chat_lost *lost)
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

enum { REPLY_HEADERS = 7 };

/* The headers that say what was done.  At most REPLY_HEADERS. */
static size_t reply_headers(struct exchange *x, struct slice content_type, struct header *h)
{
	size_t n = 0;

	h[n++] = (struct header){ LIT("Content-Type"), content_type };
	h[n++] = (struct header){ LIT("X-Request-Id"), slice_cstr(x->id) };
	if (x->at.lost.n > 0) /* never silently */
		h[n++] = (struct header){ LIT("X-Weir-Dropped"), lost_names(x, &x->at.lost) };
	if (!x->view->snapshot->reply_headers || x->at.deployment == NULL)
		return n;
	h[n++] = (struct header){ LIT("X-Weir-Model"), x->at.deployment->model };
	h[n++] = (struct header){ LIT("X-Weir-Provider"), x->at.deployment->provider->name };
	h[n++] = (struct header){ LIT("X-Weir-Attempts"),
				  arena_fmt(x->arena, "%u", x->attempts) };
	return n;
}

/* A provider's answer to the client's own fault goes to the client as it is. */
static void pass_refusal(struct exchange *x)
{
	struct http_request *rq = x->rq;
	struct slice body = x->refusal;
	unsigned status = x->refusal_status;
	struct view *view = x->view;
	struct header h[REPLY_HEADERS + 1];
	size_t n = reply_headers(x, LIT("application/json"), h);

	if (x->refusal_type.n > 0)
		h[n++] = (struct header){ LIT("x-amzn-ErrorType"), x->refusal_type };
	exchange_end(x, END_REFUSED, status, body.n);
	reply_send(rq, status, h, n, body);
	view_unref(view);
}

const char *exchange_param(const struct exchange *x)
{
	return x->why.param[0] != '\0' ? arena_cstr(x->arena, slice_cstr(x->why.param)) : NULL;
}

/* ---- after the last attempt -------------------------------------------------------------- */

/* When the first deployment may be asked again, and whether that one only rests. */
static uint64_t earliest_retry_us(const struct exchange *x, bool *rests)
{
	uint64_t now = now_us(x), best = 0;

	*rests = false;
	for (size_t i = 0; i < x->model->deployment_n; i++) {
		const struct health *h = x->model->deployments[i]->health;
		uint64_t rest = h == NULL ? 0 : breaker_rests_until(&h->breaker, now);
		uint64_t open = h == NULL ? 0 : atomic_load(&h->breaker.open_until_us);
		uint64_t until = rest > open ? rest : open;

		if (until > now && (best == 0 || until - now < best)) {
			best = until - now;
			*rests = rest > open;
		}
	}
	return best > 0 ? best : 1000000;
}

/* Deployments of the model whose provider speaks the client's dialect: they could. */
static struct slice who_could(struct exchange *x)
{
	const struct snapshot *s = x->view->snapshot;
	char room[256];
	struct sb b;

	sb_init(&b, room, sizeof(room));
	for (size_t i = 0; i < s->deployment_n && !b.cut; i++) {
		if (s->deployment_list[i]->provider->dialect != x->ask.dialect ||
		    (x->key != NULL && !client_key_allows(x->key, s->deployment_list[i]->name)))
			continue;
		if (b.n > 0)
			sb_lit(&b, ", ");
		sb_str(&b, s->deployment_list[i]->name);
	}
	return arena_copy(x->arena, sb_slice(&b));
}

/* No deployment of the model can be told what the request says. */
static void fail_unsupported(struct exchange *x)
{
	struct slice could, names;
	const char *param;

	if (x->cannot.n == 0) {
		exchange_refuse(x, END_REFUSED, A_INVALID_REQUEST, x->why.code,
				exchange_param(x),
				arena_copy(x->arena, slice_cstr(x->why.text)), 0);
		return;
	}
	could = who_could(x);
	names = lost_names(x, &x->cannot);
	param = arena_cstr(x->arena, slice_cstr(x->cannot.v[0].name));
	exchange_refuse(x, END_REFUSED, A_UNSUPPORTED, NULL, param,
			arena_fmt(x->arena, "No deployment of %.*s can be told: %.*s. %s%.*s%s",
				  SARG(x->model->name), SARG(names),
				  could.n > 0 ? "These could: " : "Leave it out.", SARG(could),
				  could.n > 0 ? "." : ""),
			0);
}

/* Nobody was asked. */
static void fail_unasked(struct exchange *x)
{
	bool rests;
	uint64_t retry_us;

	if (x->cannot.n > 0 || x->why.code != NULL) {
		fail_unsupported(x);
		return;
	}
	retry_us = earliest_retry_us(x, &rests);
	if (rests)
		exchange_refuse(
			x, END_UPSTREAM_ERROR, A_UPSTREAM_RATE, NULL, NULL,
			arena_fmt(x->arena,
				  "The provider of %.*s limits the rate and asked for a pause, "
				  "which is not over.",
				  SARG(x->model->name)),
			retry_us);
	else
		exchange_refuse(
			x, END_UPSTREAM_ERROR, A_NO_PROVIDER, NULL, NULL,
			arena_fmt(x->arena,
				  "No deployment of %.*s can be used at present: all of them "
				  "failed repeatedly and are left alone for a while.",
				  SARG(x->model->name)),
			retry_us);
}

/* What the provider or the network said, as part of a sentence. */
static struct slice fault_words(const struct fault *f)
{
	struct slice words = slice_head(f->message, 300);

	while (words.n > 0 && (words.p[words.n - 1] == '.' || words.p[words.n - 1] == ' '))
		words.n--;
	return words.n > 0 ? words : LIT("it gave no reason");
}

static void fail(struct exchange *x)
{
	const struct fault *f = &x->last;
	struct slice message;

	if (x->refusal.n > 0 && !fault_row(f->kind)->again) {
		pass_refusal(x);
		return;
	}
	if (x->attempts == 0) {
		fail_unasked(x);
		return;
	}
	message = arena_fmt(x->arena, "%.*s failed: %.*s (%s; %u attempt%s).",
			    SARG(x->at.deployment->name), SARG(fault_words(f)),
			    fault_row(f->kind)->name, x->attempts, x->attempts == 1 ? "" : "s");
	exchange_refuse(x, END_UPSTREAM_ERROR, answer_of_fault(f->kind), NULL, NULL, message,
			f->kind == FAULT_RATE || f->kind == FAULT_OVERLOADED ? f->retry_after_us
									     : 0);
}

/* ---- attempts ---------------------------------------------------------------------------- */

static struct provider_view *provider_of(const struct exchange *x, const struct deployment *d)
{
	return &x->view->providers[d->provider->index];
}

static void note(struct exchange *x, enum fault_kind fault)
{
	const struct attempt *at = &x->at;
	struct attempt_note *last;

	INVARIANT(x->attempts > 0);
	last = &x->notes[size_min(x->attempts, ATTEMPTS_RECORDED) - 1];
	*last = (struct attempt_note){ .deployment = at->deployment,
				       .fault = fault,
				       .status = at->status,
				       .took_us = now_us(x) - at->began_us };
	count_add(&provider_of(x, at->deployment)->metrics->attempts[fault], 1);
}

static void health_moved(struct exchange *x, const char *event)
{
	log_event(x->g->log, LOG_WARN, event, F_STR("deployment", x->at.deployment->name));
}

/* What holds for every model of a provider. */
static bool is_provider_wide(enum fault_kind kind)
{
	return kind == FAULT_CONNECT || kind == FAULT_TLS || kind == FAULT_AUTH ||
	       kind == FAULT_QUOTA;
}

static void judge_health(struct exchange *x, const struct fault *f)
{
	const struct deployment *d = x->at.deployment;
	const struct breaker_rules *rules = &x->view->snapshot->breaker;
	uint64_t rest = f->retry_after_us < rules->open_max_us ? f->retry_after_us
							       : rules->open_max_us;
	/* Names that are not listed share their provider's state: one broken model, or its
	 * rate limit, must not close the way to the others.  And while the client stops us
	 * from reading the provider, nothing speaks against it. */
	bool counts = fault_row(f->kind)->health && !x->at.paused &&
		      (d->index != DEPLOYMENT_UNLISTED || is_provider_wide(f->kind));

	if (d->health == NULL)
		return;
	if (!counts) {
		breaker_forget(&d->health->breaker);
	} else if (f->kind == FAULT_RATE && rest > 0) {
		breaker_forget(&d->health->breaker);
		breaker_rest(&d->health->breaker, now_us(x), rest);
	} else if (breaker_failure(&d->health->breaker, rules, now_us(x))) {
		health_moved(x, "breaker.open");
	}
}

/* X6: what the attempt used is known, or guessed and marked so. */
static void settle(struct exchange *x)
{
	if (!x->usage.known)
		usage_estimate(&x->usage, x->prompt_bytes, x->text_bytes);
	metrics_usage(provider_of(x, x->at.deployment)->metrics, &x->usage);
}

static void judge_success(struct exchange *x)
{
	struct health *h = x->at.deployment->health;

	if (h != NULL && breaker_success(&h->breaker, &x->view->snapshot->breaker, now_us(x)))
		health_moved(x, "breaker.closed");
}

/* Keeps what is to be told of a failure: its words are in memory that is about to go. */
static void remember(struct exchange *x, const struct fault *f)
{
	x->last = *f;
	x->last.message = arena_copy(x->arena, slice_head(f->message, 300));
}

/* The attempt did not come to be. */
static void attempt_stillborn(struct exchange *x, enum rc rc, const struct err *err)
{
	const struct fault f = { .kind = rc == E_TOOBIG ? FAULT_LOCAL : fault_of_rc(rc),
				 .message = slice_cstr(err->text) };

	note(x, f.kind);
	judge_health(x, &f);
	remember(x, &f);
	drop_attempt(x);
	move(x, X_PLANNED);
	route_failed(&x->walk, x->at.candidate, fault_row(f.kind)->again, 0, now_us(x),
		     &x->g->rng);
}

static void attempt_set(struct exchange *x, unsigned candidate)
{
	x->at = (struct attempt){ .deployment = x->model->deployments[candidate],
				  .candidate = candidate,
				  .began_us = now_us(x) };
	x->usage = (struct usage){ .known = false }; /* an earlier one's is not this one's */
	x->text_bytes = 0;
}

enum start { STARTED, STILLBORN, CANNOT };

/* CANNOT: the deployment cannot be told this; STILLBORN: x->last says why. */
static enum start attempt_start(struct exchange *x, unsigned candidate)
{
	const struct deployment *d = x->model->deployments[candidate];
	struct attempt before = x->at;
	struct http_call_options o;
	struct err err = { 0 };
	enum rc rc;

	attempt_set(x, candidate);
	rc = attempt_prepare(x, d, &o, &err);
	if (rc == E_UNSUPPORTED) {
		x->at = before; /* its name stays in what is told of the last attempt */
		return CANNOT;
	}
	if (d->health != NULL && !breaker_admit(&d->health->breaker, now_us(x))) {
		drop_attempt(x);
		x->at = before;
		return CANNOT;
	}
	x->attempts++;
	move(x, X_ATTEMPT);
	if (rc == OK)
		rc = http_call_start(&x->at.call, provider_of(x, d)->origin, &o, x->arena,
				     &attempt_events, x, &err);
	if (rc != OK) {
		attempt_stillborn(x, rc, &err);
		return STILLBORN;
	}
	exchange_expect(x, x->model->timeouts.first_content_us);
	return STARTED;
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
	exchange_expect(x, 0);
	move(x, X_PLANNED);
	proceed(x);
}

enum fetching { FETCH_NOT, FETCHING, FETCH_REFUSED };

/* For a provider that takes bytes only.  FETCH_REFUSED: the exchange has ended and is gone. */
static enum fetching fetch_first(struct exchange *x, const struct deployment *d)
{
	const struct fetch_rules *rules = &x->view->snapshot->media;
	unsigned takes =
		d->provider->quirks & QUIRK_INLINE_MEDIA ? 0 : d->provider->dialect->takes_urls;
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
	exchange_expect(x, rules->timeout_us);
	return FETCHING;
}

/* Goes on from PLANNED.  False: the exchange has ended and is gone. */
static bool proceed(struct exchange *x)
{
	for (;;) {
		unsigned candidate = 0;
		uint64_t wait = 0;

		switch (route_next(&x->walk, now_us(x), x->deadline_us, &candidate, &wait)) {
		case ROUTE_END:
			fail(x);
			return false;
		case ROUTE_WAIT:
			move(x, X_WAIT);
			exchange_expect(x, wait);
			return true;
		case ROUTE_GO:
			break;
		}
		switch (fetch_first(x, x->model->deployments[candidate])) {
		case FETCHING:
			route_unask(&x->walk, candidate); /* it is no attempt */
			return true;
		case FETCH_REFUSED:
			return false;
		case FETCH_NOT:
			break;
		}
		switch (attempt_start(x, candidate)) {
		case STARTED:
			return true;
		case CANNOT:
			route_skip(&x->walk, candidate);
			break;
		case STILLBORN:
			break;
		}
	}
}

/* After commit there is no other attempt: the client is told in its own dialect, and what it
 * got is never ended as if it were whole (X3). */
static void cut(struct exchange *x, const struct fault *f)
{
	enum answer what = answer_of_fault(f->kind == FAULT_RESET ? FAULT_TRUNCATED : f->kind);
	struct http_request *rq = x->rq;
	struct view *view = x->view;
	struct json_out out;
	bool told;

	out_init(&out, x->arena);
	if (frames_passing(&x->at.frames) && x->at.frames.framing == FRAMING_SSE)
		out_raw_lit(&out, "\n\n");
	exchange_error(x, &out, what, NULL, NULL,
		       arena_fmt(x->arena,
				 "The answer of %.*s broke off: %.*s (%s). What came before is "
				 "incomplete.",
				 SARG(x->at.deployment->name), SARG(fault_words(f)),
				 fault_row(f->kind)->name),
		       true);
	told = out_ok(&out) && out.n > 0 && reply_write(rq, out.v, out.n) != E_CLOSED;
	exchange_end(x,
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
	text = secret_scrub(x->arena, p->key, text);
	return secret_scrub(x->arena, p->aws.token, text);
}

void attempt_failed(struct exchange *x, const struct fault *given)
{
	const struct provider *p = x->at.deployment->provider;
	struct fault own = *given;
	const struct fault *f = &own;
	const struct fault_row *row = fault_row(f->kind);

	own.message = scrub(x, p, given->message);

	note(x, f->kind);
	judge_health(x, f);
	if (x->state == X_COMMITTED) {
		settle(x);
		cut(x, f);
		return;
	}
	remember(x, f);
	x->refusal = (struct slice){ NULL, 0 };
	if (!x->at.translate && !row->again && x->at.status >= 400 && x->at.status < 500 &&
	    f->kind != FAULT_AUTH && f->kind != FAULT_QUOTA &&
	    is_object(buf_slice(&x->at.held))) {
		x->refusal = arena_copy(x->arena, scrub(x, p, buf_slice(&x->at.held)));
		x->refusal_status = x->at.status;
		x->refusal_type = x->at.error_type;
	}
	drop_attempt(x);
	move(x, X_PLANNED);
	if (!row->other) {
		if (x->refusal.n > 0)
			pass_refusal(x);
		else
			exchange_refuse(x, END_REFUSED, answer_of_fault(f->kind), NULL, NULL,
					arena_fmt(x->arena,
						  "%.*s refused the request: %.*s (%s).",
						  SARG(x->at.deployment->name),
						  SARG(fault_words(&x->last)), row->name),
					0);
		return;
	}
	route_failed(&x->walk, x->at.candidate, row->again, f->retry_after_us, now_us(x),
		     &x->g->rng);
	proceed(x);
}

/* ---- success ----------------------------------------------------------------------------- */

static void first_content(struct exchange *x)
{
	uint64_t now = loop_clock_us(x->g->loop);

	x->ttft_us = now - request_began_us(x->rq);
	metrics_time(&provider_of(x, x->at.deployment)->metrics->ttft, now - x->at.began_us);
	judge_success(x);
}

static struct slice stream_type(const struct exchange *x)
{
	return framing_type(x->ask.array ? FRAMING_ARRAY : x->ask.dialect->framing);
}

void exchange_commit(struct exchange *x)
{
	struct header h[REPLY_HEADERS + 1];
	size_t n = reply_headers(x, stream_type(x), h);

	h[n++] = (struct header){ LIT("Cache-Control"), LIT("no-cache") };
	move(x, X_COMMITTED);
	x->g->streams++;
	first_content(x);
	reply_begin(x->rq, 200, h, n, SIZE_MAX);
	if (!x->at.translate) {
		/* No other attempt will need it; a writer may still echo parts of it. */
		request_drop_body(x->rq);
		x->openai.body = x->same.body = (struct slice){ NULL, 0 };
	}
	exchange_expect(x, x->model->timeouts.stall_us);
}

void exchange_complete(struct exchange *x, struct slice body)
{
	struct http_request *rq = x->rq;
	struct view *view = x->view;
	bool stream = x->at.is_stream;
	struct arena scratch;
	struct header h[REPLY_HEADERS];
	struct buf held;
	size_t n;

	settle(x);
	note(x, FAULT_NONE);
	if (stream) {
		exchange_end(x, END_COMPLETE, 200, reply_bytes(rq));
		reply_end(rq);
		view_unref(view);
		return;
	}
	first_content(x);
	n = reply_headers(x, LIT("application/json"), h);
	/* The answer's memory would end with the attempt. */
	held = x->at.held;
	scratch = x->at.scratch;
	x->at.held = (struct buf){ 0 };
	x->at.scratch = (struct arena){ 0 };
	exchange_end(x, END_COMPLETE, 200, body.n);
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

static void make_plan(struct exchange *x)
{
	struct route_candidate c[ROUTE_CANDIDATES_MAX];
	const struct model *m = x->model;
	const struct route_rules rules = {
		.attempts = m->retries.attempts,
		.backoff_us = m->retries.backoff_us,
		.backoff_max_us = m->retries.backoff_max_us,
		.retry_after_max_us = m->retries.retry_after_max_us,
	};
	size_t n = size_min(m->deployment_n, ARRAY_LEN(c));
	uint64_t now = now_us(x);

	for (size_t i = 0; i < n; i++) {
		const struct deployment *d = m->deployments[i];
		uint64_t rest =
			d->health == NULL ? 0 : breaker_rests_until(&d->health->breaker, now);

		c[i] = (struct route_candidate){
			.priority = d->priority,
			.weight = d->weight,
			.open = d->health != NULL &&
				breaker_look(&d->health->breaker, now) == BREAKER_OPEN,
			.ready_us = rest > now + rules.retry_after_max_us ? 0 : rest,
		};
		/* Opaque state in the history goes back to whoever made it, if at all possible.
		 */
		if (x->chat != NULL && x->chat->pinned.n > 0)
			c[i].priority = slice_eq(d->provider->name, x->chat->pinned)
						? 0
						: d->priority + 1;
		c[i].open |= rest > now + rules.retry_after_max_us;
	}
	route_plan(&x->walk, &rules, c, n, &x->g->rng);
	if (m->timeouts.total_us != 0)
		x->deadline_us = request_began_us(x->rq) + m->timeouts.total_us;
	move(x, X_PLANNED);
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
		exchange_refuse(x, END_REFUSED, A_OVERLOADED, NULL, NULL, LIT("Out of memory."),
				0);
		return;
	}
	exchange_end(x, END_COMPLETE, 200, body.n);
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
	make_plan(x);
	return proceed(x) ? x : NULL;
}

void exchange_drained(struct exchange *x)
{
	if (!x->at.paused)
		return;
	x->at.paused = false;
	if (x->at.call != NULL)
		http_call_resume(x->at.call);
	if (!x->at.done) /* then only its close is waited for */
		exchange_expect(x, x->model->timeouts.stall_us);
}

/* It ends without a verdict on the provider. */
static void stop_attempt(struct exchange *x, enum fault_kind why)
{
	if (x->state != X_ATTEMPT && x->state != X_COMMITTED)
		return;
	/* X4: the provider learns of it by the close of its connection. */
	if (x->at.deployment->health != NULL && x->state == X_ATTEMPT)
		breaker_forget(&x->at.deployment->health->breaker);
	settle(x);
	note(x, why);
}

void exchange_gone(struct exchange *x, enum rc why)
{
	struct view *view = x->view;

	(void)why;
	stop_attempt(x, FAULT_GONE);
	exchange_end(x, END_CLIENT_GONE, 499, reply_bytes(x->rq));
	view_unref(view);
}

void exchange_cut(struct exchange *x)
{
	const struct fault f = { .kind = FAULT_LOCAL,
				 .message = LIT("the gateway is stopping") };

	if (x->state == X_COMMITTED && x->at.done) {
		exchange_complete(x, (struct slice){ NULL, 0 }); /* all came but the close */
		return;
	}
	stop_attempt(x, f.kind);
	if (x->state == X_COMMITTED)
		cut(x, &f);
	else
		exchange_refuse(x, END_REFUSED, A_OVERLOADED, NULL, NULL,
				LIT("The gateway is stopping; try again."), 0);
}
