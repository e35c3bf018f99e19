/* Plans to steps: framing, the look of the event stream, and what goes wrong on the wire.
 *
 * Bytes gather in `pending`; flush() makes a step of them, framed as one chunk where the
 * answer is chunked.  A step is one write: one segment on a quiet network. */
#include "mock/exchange.h"

#include "wire/http1.h"

struct shaper {
	struct exchange *x;
	const struct mock_options *o;
	struct plan *plan;
	struct say *head;    /* raw bytes, before the chunk */
	struct say *pending; /* body bytes */
	struct step told;    /* what the pending bytes say */
	unsigned batched;    /* events in them */
	bool chunked;
	bool begun; /* a piece of the stream is out */
	bool over;  /* a fault has ended the answer */
};

/* ---- steps ------------------------------------------------------------------------------ */

static struct step *step_add(struct exchange *x, enum step_kind kind, enum step_wait wait)
{
	struct steps *s = &x->steps;

	if (s->n == s->cap) {
		size_t cap = s->cap == 0 ? 16 : s->cap * 2;
		struct step *p = ARENA_ARRAY(&x->work, struct step, cap);

		if (p == NULL)
			return NULL;
		if (s->n > 0)
			memcpy(p, s->p, s->n * sizeof(*p));
		s->p = p;
		s->cap = cap;
	}
	s->p[s->n] = (struct step){ .kind = kind, .wait = wait };
	return &s->p[s->n++];
}

/* Everything gathered becomes one step; `last` adds the end of the framing. */
static void flush(struct shaper *s, enum step_wait wait, bool last)
{
	char line[HTTP1_CHUNK_LINE_MAX];
	struct slice body = say_slice(s->pending);
	struct slice parts[5] = { say_slice(s->head) };
	size_t n = 1, total = 0;
	struct step *step;
	char *to;

	if (s->chunked && body.n > 0) {
		parts[n++] = http1_chunk_line(line, body.n);
		parts[n++] = body;
		parts[n++] = LIT("\r\n");
	} else {
		parts[n++] = body;
	}
	if (last && s->chunked)
		parts[n++] = LIT("0\r\n\r\n");
	for (size_t i = 0; i < n; i++)
		total += parts[i].n;
	if (total == 0)
		return;
	step = step_add(s->x, STEP_SEND, wait);
	to = arena_bytes(&s->x->work, total);
	if (step == NULL || to == NULL)
		return;
	s->told.kind = step->kind;
	s->told.wait = step->wait;
	s->told.bytes = slice_of(to, total);
	*step = s->told;
	for (size_t i = 0; i < n; i++) {
		if (parts[i].n > 0)
			memcpy(to, parts[i].p, parts[i].n);
		to += parts[i].n;
	}
	s->told = (struct step){ 0 };
	s->batched = 0;
	say_clear(s->head);
	say_clear(s->pending);
}

/* Bytes outside of any framing. */
static void flush_raw(struct shaper *s, struct slice bytes, enum step_wait wait)
{
	bool chunked = s->chunked;

	s->chunked = false;
	say_str(s->pending, bytes);
	flush(s, wait, false);
	s->chunked = chunked;
}

static void hold(struct shaper *s)
{
	struct step *step = step_add(s->x, STEP_HOLD, WAIT_NONE);

	if (step != NULL)
		step->wait_us = s->o->hold_us;
	s->x->faulty = s->o->hold_us == 0;
}

static void stop(struct shaper *s, enum step_kind kind)
{
	step_add(s->x, kind, WAIT_NONE);
	s->x->faulty = true;
	s->over = true;
}

/* ---- the head ------------------------------------------------------------------------------
 */

static void put_head(struct shaper *s, size_t length)
{
	struct say *h = s->head;

	say_fmt(h, "HTTP/1.1 %u ", s->plan->status);
	say_str(h, http_reason(s->plan->status));
	say_lit(h, "\r\nContent-Type: ");
	say_str(h, s->plan->content_type);
	say_lit(h, "\r\nServer: weir-mock\r\n");
	if (s->plan->stream)
		say_lit(h, "Cache-Control: no-cache\r\n");
	if (s->plan->retry_after.n > 0) {
		say_lit(h, "Retry-After: ");
		say_str(h, s->plan->retry_after);
		say_lit(h, "\r\n");
	}
	if (s->plan->retry_after_ms.n > 0) {
		say_lit(h, "retry-after-ms: ");
		say_str(h, s->plan->retry_after_ms);
		say_lit(h, "\r\n");
	}
	say_str(h, s->plan->headers);
	if (s->o->vary)
		say_fmt(h, "x-request-id: req_mock_%" PRIu64 "\r\n", s->x->rec.seq);
	else
		say_lit(h, "x-request-id: req_mock\r\n");
	if (!s->o->keep_alive)
		say_lit(h, "Connection: close\r\n");
	if (s->chunked)
		say_lit(h, "Transfer-Encoding: chunked\r\n");
	else if (length != SIZE_MAX)
		say_fmt(h, "Content-Length: %zu\r\n", length);
	if (s->o->fail == FAIL_TWO_LENGTHS) {
		say_fmt(h, "Content-Length: %zu\r\n", length == SIZE_MAX ? 5 : length + 7);
		s->x->faulty = true;
	}
	say_lit(h, "\r\n");
}

/* Faults that need no head.  True when the answer is over. */
static bool before_head(struct shaper *s)
{
	switch ((int)s->o->fail) {
	case FAIL_REFUSE:
	case FAIL_CLOSE:
		stop(s, STEP_CLOSE);
		return true;
	case FAIL_RESET:
		stop(s, STEP_RESET);
		return true;
	case FAIL_GARBAGE:
		flush_raw(s, LIT("\x16\x03\x01 this is not HTTP\r\n\r\n\xff\xfe\xfd"),
			  WAIT_FIRST);
		stop(s, STEP_CLOSE);
		return true;
	case FAIL_HALF_HEAD:
		flush_raw(s, LIT("HTTP/1.1 200 OK\r\nContent-Ty"), WAIT_FIRST);
		stop(s, STEP_CLOSE);
		return true;
	case FAIL_STALL_HEAD:
		hold(s);
		return false;
	default:
		return false;
	}
}

/* Signs of life while the first token is awaited; the wait is cut into pieces. */
static void keep_alive(struct shaper *s)
{
	uint64_t delay = mock_delay_us(&s->o->ttft, &s->x->rng);
	struct step *step;

	flush(s, WAIT_NONE, false);
	for (unsigned i = 0; delay > s->o->keepalive_us && i < 1000; i++) {
		if (s->plan->stream)
			frame_sign(s->pending, s->plan->framing, s->o);
		else
			say_lit(s->pending, "\n");
		flush(s, WAIT_FIXED, false);
		step = s->x->steps.n > 0 ? &s->x->steps.p[s->x->steps.n - 1] : NULL;
		if (step != NULL)
			step->wait_us = s->o->keepalive_us;
		delay -= s->o->keepalive_us;
	}
	step = delay > 0 ? step_add(s->x, STEP_HOLD, WAIT_NONE) : NULL;
	if (step != NULL)
		step->wait_us = delay;
}

/* ---- streamed
 * ---------------------------------------------------------------------------------- */

static void tell(struct shaper *s, const struct piece *p)
{
	s->told.text_n += p->text_n;
	s->told.events++;
	s->told.usage |= p->usage;
	s->told.content |= p->content;
	s->told.finish |= p->finish;
	s->batched++;
}

static void put_piece(struct shaper *s, const struct piece *p)
{
	if (!s->begun)
		frame_begin(s->pending, s->plan->framing, s->o);
	frame_put(s->pending, s->plan->framing, s->o, p, !s->begun);
	s->begun = true;
	tell(s, p);
}

/* Half of the piece's frame. */
static void put_half(struct shaper *s, const struct piece *p)
{
	struct say *o = s->pending;
	size_t before = buf_len(&o->b), whole;

	frame_put(o, s->plan->framing, s->o, p, !s->begun);
	whole = buf_len(&o->b) - before;
	o->b.n -= whole - whole / 2;
}

/* The fault in the middle, before piece `p`. */
static void middle(struct shaper *s, const struct piece *p)
{
	flush(s, WAIT_GAP, false);
	switch ((int)s->o->fail) {
	case FAIL_STALL:
		hold(s);
		return;
	case FAIL_CUT:
		stop(s, STEP_CLOSE);
		return;
	case FAIL_HALF_EVENT:
		put_half(s, p);
		flush(s, WAIT_GAP, false);
		stop(s, STEP_RESET);
		return;
	case FAIL_BAD_CHUNK:
		flush_raw(s, LIT("zz\r\nthis is no chunk\r\n"), WAIT_GAP);
		stop(s, STEP_CLOSE);
		return;
	case FAIL_BAD_JSON:
	case FAIL_BAD_FRAME:
		frame_bad(s->pending, s->plan->framing, s->o, p, !s->begun);
		frame_end(s->pending, s->plan->framing);
		break;
	case FAIL_ERROR_MID:
		put_piece(s, &s->plan->error_event);
		frame_end(s->pending, s->plan->framing);
		break;
	default: /* FAIL_TRUNCATE */
		break;
	}
	flush(s, WAIT_GAP, true);
	s->x->faulty = true;
	s->over = true;
}

static bool in_middle(enum mock_fail f)
{
	return f == FAIL_STALL || f == FAIL_CUT || f == FAIL_HALF_EVENT ||
	       f == FAIL_BAD_CHUNK || f == FAIL_BAD_JSON || f == FAIL_BAD_FRAME ||
	       f == FAIL_ERROR_MID || f == FAIL_TRUNCATE;
}

/* Is this piece left out by the fault? */
static bool dropped(enum mock_fail f, enum piece_kind k)
{
	switch ((int)f) {
	case FAIL_EMPTY:
		return k == PIECE_CONTENT || k == PIECE_BLOCK || k == PIECE_FINISH ||
		       k == PIECE_USAGE;
	case FAIL_NOTHING:
		return true;
	case FAIL_NO_FINISH:
		return k == PIECE_FINISH || k == PIECE_USAGE;
	case FAIL_NO_DONE:
		return k == PIECE_DONE;
	case FAIL_BARE_END:
		return k == PIECE_FINISH || k == PIECE_USAGE || k == PIECE_DONE;
	default:
		return false;
	}
}

static size_t drop_pieces(struct shaper *s)
{
	struct plan *plan = s->plan;
	size_t n = 0;

	for (size_t i = 0; i < plan->n; i++)
		if (!dropped(s->o->fail, plan->pieces[i].kind))
			plan->pieces[n++] = plan->pieces[i];
	if (n < plan->n)
		s->x->faulty = true;
	return n;
}

/* How many content pieces go before a fault in the middle. */
static size_t fault_at(const struct shaper *s)
{
	size_t contents = 0;

	for (size_t i = 0; i < s->plan->n; i++)
		contents += s->plan->pieces[i].kind == PIECE_CONTENT;
	return s->o->at < contents      ? (size_t)s->o->at
	       : s->o->at == UINT64_MAX ? contents / 2
					: contents;
}

static void stream_pieces(struct shaper *s)
{
	struct plan *plan = s->plan;
	size_t at = fault_at(s), contents = 0;
	bool fault = in_middle(s->o->fail);

	for (size_t i = 0; i < plan->n; i++) {
		const struct piece *p = &plan->pieces[i];
		bool content = p->kind == PIECE_CONTENT;
		bool last = i + 1 == plan->n;

		if (fault && p->kind != PIECE_OPEN && contents == at) {
			fault = false;
			middle(s, p);
			if (s->over)
				return;
		}
		put_piece(s, p);
		if (i == 0 && s->o->fail == FAIL_STALL_CONTENT) {
			flush(s, WAIT_FIRST, false);
			hold(s);
		}
		contents += content;
		if (last)
			frame_end(s->pending, plan->framing);
		if (s->batched >= s->o->batch || last)
			flush(s,
			      i == 0 && s->o->keepalive_us == 0 ? WAIT_FIRST
			      : content && contents > 1         ? WAIT_GAP
								: WAIT_NONE,
			      last);
	}
	if (plan->n == 0)
		flush(s, WAIT_FIRST, true);
}

static void shape_stream(struct shaper *s)
{
	s->chunked = !s->x->http10;
	put_head(s, SIZE_MAX);
	if (s->o->early_head || s->o->fail == FAIL_CLOSE_HEAD)
		flush(s, WAIT_NONE, false);
	if (s->o->fail == FAIL_CLOSE_HEAD) {
		stop(s, STEP_CLOSE);
		return;
	}
	if (s->o->keepalive_us > 0)
		keep_alive(s);
	if (s->o->fail == FAIL_ERROR_FIRST) {
		put_piece(s, &s->plan->error_event);
		frame_end(s->pending, s->plan->framing);
		flush(s, WAIT_FIRST, true);
		s->x->faulty = true;
		return;
	}
	s->plan->n = drop_pieces(s);
	stream_pieces(s);
}

/* ---- plain
 * ----------------------------------------------------------------------------------------- */

static void tell_plain(struct shaper *s, const struct piece *p)
{
	tell(s, p);
	s->told.events = 0;
}

/* Half of the body, then what the fault says. */
static void plain_middle(struct shaper *s, const struct piece *p)
{
	struct slice half = slice_head(p->data, p->data.n / 2);

	say_str(s->pending, half);
	flush(s, WAIT_FIRST, false);
	switch ((int)s->o->fail) {
	case FAIL_STALL:
		hold(s);
		say_str(s->pending, slice_skip(p->data, half.n));
		tell_plain(s, p);
		flush(s, WAIT_NONE, true);
		return;
	case FAIL_BAD_CHUNK:
		flush_raw(s, LIT("zz\r\nthis is no chunk\r\n"), WAIT_NONE);
		stop(s, STEP_CLOSE);
		return;
	case FAIL_HALF_EVENT:
		stop(s, STEP_RESET);
		return;
	default: /* FAIL_CUT, FAIL_SHORT */
		stop(s, STEP_CLOSE);
		return;
	}
}

static size_t blank_lines(const struct shaper *s)
{
	uint64_t n = s->o->blank_lines;

	if (n == 0 && s->o->as != NULL)
		n = s->o->as->blank_lines;
	return n < 10000 ? (size_t)n : 10000;
}

static void shape_plain_body(struct shaper *s, const struct piece *p, size_t length)
{
	put_head(s, length);
	switch ((int)s->o->fail) {
	case FAIL_CLOSE_HEAD:
		flush(s, WAIT_FIRST, false);
		stop(s, STEP_CLOSE);
		return;
	case FAIL_STALL_CONTENT:
		flush(s, WAIT_FIRST, false);
		hold(s);
		break;
	case FAIL_STALL:
	case FAIL_CUT:
	case FAIL_SHORT:
	case FAIL_HALF_EVENT:
	case FAIL_BAD_CHUNK:
		plain_middle(s, p);
		return;
	default:
		break;
	}
	if (s->o->early_head)
		flush(s, WAIT_NONE, false);
	if (s->o->keepalive_us > 0)
		keep_alive(s);
	for (size_t i = 0; i < blank_lines(s); i++)
		say_lit(s->pending, "\n");
	say_str(s->pending, p->data);
	tell_plain(s, p);
	flush(s, s->o->keepalive_us > 0 ? WAIT_NONE : WAIT_FIRST, true);
	if (s->o->fail == FAIL_LONG)
		stop(s, STEP_CLOSE);
}

static void shape_plain(struct shaper *s)
{
	struct piece p = s->plan->n > 0 ? s->plan->pieces[0] : (struct piece){ 0 };
	size_t length;

	s->chunked = !s->x->http10 && (s->o->keepalive_us > 0 || s->o->fail == FAIL_BAD_CHUNK);
	if (s->o->fail == FAIL_NOTHING && s->plan->status == 200) {
		p = (struct piece){ 0 };
		s->x->faulty = true;
	}
	if ((s->o->fail == FAIL_BAD_JSON || s->o->fail == FAIL_TRUNCATE) && p.data.n > 0) {
		p = (struct piece){ .data = slice_head(p.data, p.data.n / 2) };
		s->x->faulty = true;
	}
	length = p.data.n + blank_lines(s);
	if (s->o->fail == FAIL_SHORT)
		length += 100;
	else if (s->o->fail == FAIL_LONG && length > 7)
		length -= 7;
	if (s->x->http10 && s->o->keepalive_us > 0)
		length = SIZE_MAX;
	shape_plain_body(s, &p, length);
}

/* ---- all
 * --------------------------------------------------------------------------------------------
 */

void shape(struct exchange *x, struct plan *plan)
{
	struct shaper s = { .x = x,
			    .o = x->o,
			    .plan = plan,
			    .head = &x->mock->out,
			    .pending = &x->mock->frame };

	x->rec.fault = mock_fail_name(x->o->fail);
	x->rec.status = plan->status;
	x->rec.text = plan->text;
	x->rec.prompt_tokens = plan->prompt_tokens;
	x->rec.completion_tokens = plan->completion_tokens;
	x->faulty = x->o->fail == FAIL_EMPTY || x->o->fail == FAIL_ERROR_200 ||
		    (!plan->stream && plan->n > 0 && plan->pieces[0].kind == PIECE_ERROR &&
		     plan->status == 200);
	say_clear(s.head);
	say_clear(s.pending);
	if (before_head(&s)) {
		x->rec.status = 0;
		return;
	}
	if (plan->stream)
		shape_stream(&s);
	else
		shape_plain(&s);
	if (s.head->failed || s.pending->failed)
		x->work.failed = true;
}

void shape_control(struct exchange *x, unsigned status, struct slice json)
{
	struct plan plan = { .status = status, .content_type = LIT("application/json") };
	struct shaper s = { .x = x, .o = x->o, .plan = &plan, .head = &x->mock->frame };
	struct say body;

	/* `json` may lie in mock.out; the pending bytes need a place of their own. */
	say_init(&body, x->mock->mem, SIZE_MAX);
	s.pending = &body;
	say_clear(s.head);
	x->rec.status = status;
	put_head(&s, json.n);
	say_str(&body, json);
	flush(&s, WAIT_NONE, true);
	if (s.head->failed || body.failed)
		x->work.failed = true;
	say_free(&body);
}
