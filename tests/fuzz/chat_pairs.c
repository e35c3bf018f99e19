#include "chat_pairs.h"

#include "wire/aws_event.h"

static const struct chat_reply reply = { .id = LITC("req-1"),
					 .model = LITC("m"),
					 .issuer = LITC("prov") };

static void is_json(struct slice text)
{
	enum json_kind kind;
	size_t n;

	/* What was nested as deeply as we read is nested deeper inside what we write. */
	INVARIANT(json_scan(text, &kind, NULL, 0, &n, NULL) != E_BAD);
}

/* ---- requests ---- */

static void request_out(const struct dialect *from, const struct dialect *to,
			const struct chat_request *r, struct arena *a)
{
	const struct chat_target t = { .model = LIT("up"), .provider = LIT("prov") };
	struct chat_lost lost = { 0 };
	struct chat_refusal why = { 0 };
	struct chat_request again;
	struct request_in in = { .op = OP_CHAT, .stream = r->stream ? YES : NO };
	struct json_out o;
	enum rc rc;

	if (to->request_write == NULL)
		return;
	out_init(&o, a);
	rc = to->request_write(r, &t, &o, &lost, &why);
	if (rc != OK) {
		INVARIANT(rc == E_NOMEM || (rc == E_BAD && why.code != NULL));
		return;
	}
	in.body = out_slice(&o);
	INVARIANT(out_ok(&o));
	is_json(in.body);
	if (from != to || to->request_read == NULL || lost.n > 0)
		return;
	in.model = LIT("up");
	rc = to->request_read(&again, &in, a, &why);
	INVARIANT(rc == OK || rc == E_NOMEM || why.code != NULL);
}

static void request(const struct dialect *d, struct slice body, struct arena *a)
{
	struct request_in in = { .body = body, .op = OP_CHAT };
	struct chat_refusal why = { 0 };
	struct chat_request r;
	enum rc rc;

	if (d->request_read == NULL)
		return;
	rc = d->request_read(&r, &in, a, &why);
	INVARIANT(rc == OK || rc == E_NOMEM || (rc == E_BAD || rc == E_TOOBIG));
	if (rc == E_BAD || rc == E_TOOBIG)
		INVARIANT(why.code != NULL && why.text[0] != '\0');
	if (rc != OK)
		return;
	r.dialect = d;
	for (enum provider_dialect to = 0; to < DIALECTS; to++)
		request_out(d, dialect_of(to), &r, a);
}

/* ---- answers ---- */

struct counts {
	size_t text, calls;
};

static struct counts count(const struct chat_events *ev)
{
	struct counts c = { 0 };

	for (size_t i = 0; i < ev->n; i++) {
		const struct chat_event *e = &ev->v[i];

		if (e->choice != 0)
			continue;
		c.text += e->kind == EV_TEXT || e->kind == EV_REFUSAL ? e->text.s.n : 0;
		c.calls += e->kind == EV_TOOL_BEGIN;
		if (e->kind == EV_USAGE)
			INVARIANT(usage_prompt(&e->u.usage) <= 5 * USAGE_TOKENS_MAX);
	}
	return c;
}

static bool has(const struct chat_events *ev, enum event_kind kind)
{
	for (size_t i = 0; i < ev->n; i++)
		if (ev->v[i].kind == kind)
			return true;
	return false;
}

static void answer_out(const struct dialect *from, const struct dialect *to,
		       const struct chat_events *ev, struct arena *a)
{
	struct counts was = count(ev), is;
	struct chat_events again;
	struct json_out o;
	struct slice text;

	if (to->answer_write == NULL)
		return;
	out_init(&o, a);
	to->answer_write(&reply, ev, &o);
	text = out_slice(&o);
	if (!out_ok(&o))
		return;
	is_json(text);
	if (from != to || has(ev, EV_ERROR))
		return;
	events_init(&again, a);
	if (to->answer_read(text, &again) != OK)
		return; /* memory, or nested too deeply */
	is = count(&again);
	INVARIANT(was.text == is.text && was.calls == is.calls);
}

static void aws_frames_hold(struct slice text)
{
	struct aws_reader r;
	struct aws_event ev;
	struct fuzz_mem mem;
	enum aws_step step;

	fuzz_mem_init(&mem, 0);
	aws_init(&r, &mem.mem, text.n);
	while ((step = aws_next(&r, &text, &ev)) != AWS_MORE) {
		INVARIANT(step == AWS_EVENT && ev.name.n > 0);
		is_json(ev.payload);
	}
	INVARIANT(aws_eof(&r));
	aws_free(&r);
}

/* Every frame that was written holds JSON. */
static void frames_hold(const struct dialect *d, struct slice text)
{
	struct slice line;

	if (d->framing == FRAMING_AWS) {
		aws_frames_hold(text);
		return;
	}
	while (slice_cut(text, '\n', &line, &text)) {
		if (d->framing == FRAMING_SSE && !slice_starts(line, LIT("data: ")))
			continue;
		line = d->framing == FRAMING_SSE ? slice_skip(line, 6) : line;
		if (line.n > 0 && !slice_eq(line, LIT("[DONE]")))
			is_json(line);
	}
}

static void events_out(const struct dialect *to, const struct chat_events *ev, struct arena *a)
{
	struct json_out o;
	void *state;

	if (to->event_write == NULL)
		return;
	state = arena_zero(a, to->writer_bytes > 0 ? to->writer_bytes : 1);
	if (state == NULL)
		return;
	out_init(&o, a);
	for (size_t i = 0; i < ev->n; i++)
		to->event_write(state, &reply, a, &ev->v[i], &o);
	if (out_ok(&o))
		frames_hold(to, out_slice(&o));
}

static void answers_out(const struct dialect *d, const struct chat_events *ev, struct arena *a)
{
	for (enum provider_dialect to = 0; to < DIALECTS; to++) {
		answer_out(d, dialect_of(to), ev, a);
		events_out(dialect_of(to), ev, a);
	}
}

static void answer(const struct dialect *d, struct slice body, struct arena *a)
{
	struct chat_events ev;
	enum rc rc;

	events_init(&ev, a);
	rc = d->answer_read(body, &ev);
	INVARIANT(rc == OK || rc == E_BAD || rc == E_NOMEM || rc == E_TOOBIG);
	if (rc == OK)
		answers_out(d, &ev, a);
}

static void stream(const struct dialect *d, struct slice text, struct arena *a)
{
	void *state = arena_zero(a, d->reader_bytes > 0 ? d->reader_bytes : 1);
	struct chat_events ev;
	struct slice line, name;
	enum rc rc = OK;

	events_init(&ev, a);
	while (rc == OK && text.n > 0) {
		if (!slice_cut(text, '\n', &line, &text))
			text.n = 0;
		name = LIT("");
		if (d->framing == FRAMING_AWS) /* "messageStart {..}" */
			slice_cut(line, ' ', &name, &line);
		rc = d->event_read(state, a, name, line, &ev);
		INVARIANT(rc == OK || rc == E_BAD || rc == E_NOMEM || rc == E_TOOBIG);
	}
	d->stream_end(state, a, &ev);
	answers_out(d, &ev, a);
}

/* ---- errors ---- */

static void error(const struct dialect *d, struct slice body, struct arena *a)
{
	struct chat_error e = { .status = 502, .type = "server_error", .code = "upstream" };
	struct fault f = { 0 };
	struct json_out o;

	d->error_read(&f, 500, body, a);
	INVARIANT(f.kind != FAULT_NONE && f.status == 500);
	e.message = f.message;
	for (enum provider_dialect to = 0; to < DIALECTS; to++) {
		const struct dialect *x = dialect_of(to);

		if (x->error_write == NULL)
			continue;
		out_init(&o, a);
		x->error_write(&e, &o);
		if (out_slice(&o).n > 0)
			is_json(out_slice(&o));
	}
}

void chat_pairs(const struct dialect *d, struct slice input)
{
	struct slice rest = slice_skip(slice_head(input, 65536), 1);
	struct fuzz_mem mem;
	struct arena a;

	fuzz_mem_init(&mem, 0);
	arena_init(&a, &mem.mem, 4096, 64 << 20);
	switch (input.n > 0 ? (unsigned char)input.p[0] % 4 : 0) {
	case 0:
		request(d, rest, &a);
		break;
	case 1:
		answer(d, rest, &a);
		break;
	case 2:
		stream(d, rest, &a);
		break;
	default:
		error(d, rest, &a);
		break;
	}
	arena_free(&a);
	INVARIANT(mem.live == 0);
}
