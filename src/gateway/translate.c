/* gateway/translate.c -- an answer on its way from the provider's dialect to the client's.
 *
 * A frame becomes events, events become frames.  Where both speak the same dialect the events
 * only say what the bytes mean, and the bytes are forwarded.
 */
#include "gateway/gateway_impl.h"

static const struct dialect *theirs(const struct attempt *at)
{
	return at->deployment->provider->dialect;
}

enum rc translate_begin(struct attempt *at)
{
	struct exchange *x = at->x;

	at->reply = (struct chat_reply){
		.req = x->chat,
		.id = slice_cstr(x->id),
		.model = x->asked,
		.issuer = at->deployment->provider->name,
		.created_s = loop_wall_us(x->g->loop) / 1000000,
		.array = x->ask.array,
	};
	arena_init(&at->scratch, x->g->mem, 2048, x->view->snapshot->response_max * 2);
	at->reader = arena_zero(x->arena, size_max(theirs(at)->reader_bytes, 1));
	at->writer = arena_zero(x->arena, size_max(x->ask.dialect->writer_bytes, 1));
	return arena_failed(x->arena) ? E_NOMEM : OK;
}

/* ---- what it says ------------------------------------------------------------------------ */

static size_t text_of(const struct chat_event *e)
{
	return event_is_content(e) ? e->text.s.n + e->name.s.n : 0;
}

static void sum_up(struct attempt *at, struct look *k, enum rc rc)
{
	k->valid = rc == OK && !k->events.failed;
	for (size_t i = 0; i < k->events.n; i++) {
		const struct chat_event *e = &k->events.v[i];

		at->text_bytes += text_of(e);
		k->content |= event_is_content(e);
		k->finish |= e->kind == EV_FINISH;
		k->done |= e->kind == EV_END;
		if (e->kind == EV_USAGE && e->u.usage.known)
			at->usage = e->u.usage;
		if (e->kind == EV_ERROR && !k->error) {
			k->error = true;
			k->fault = e->u.fault;
		}
	}
}

static void look_at_openai(struct attempt *at, const struct frame *f, struct look *k)
{
	struct exchange *x = at->x;
	struct openai_event e;

	openai_event_read(&e, f->data);
	if (e.usage.known)
		at->usage = e.usage;
	at->text_bytes += e.text_bytes;
	*k = (struct look){ .valid = e.valid,
			    .error = e.error,
			    .content = e.content,
			    .finish = e.finish,
			    .done = e.done,
			    .usage_only = e.usage_only };
	if (e.error)
		openai_error_read(&k->fault, 200, f->data, x->arena);
}

void translate_look(struct attempt *at, const struct frame *f, struct look *k)
{
	struct exchange *x = at->x;

	*k = (struct look){ .valid = true };
	if (!f->has_data)
		return;
	if (!at->translate && theirs(at) == &dialect_openai) {
		look_at_openai(at, f, k);
		return;
	}
	events_init(&k->events, &at->scratch);
	sum_up(at, k,
	       theirs(at)->event_read(at->reader, x->arena, f->name, f->data, &k->events));
}

void translate_look_at_end(struct attempt *at, struct look *k)
{
	struct exchange *x = at->x;

	*k = (struct look){ .valid = true };
	if (!at->translate && theirs(at) == &dialect_openai) {
		k->done = at->finish; /* some providers never say [DONE] */
		return;
	}
	events_init(&k->events, &at->scratch);
	theirs(at)->stream_end(at->reader, x->arena, &k->events);
	sum_up(at, k, OK);
}

void translate_answer_look(struct attempt *at, struct slice body, struct look *k)
{
	*k = (struct look){ .valid = true };
	events_init(&k->events, &at->scratch);
	sum_up(at, k, theirs(at)->answer_read(body, &k->events));
}

/* ---- what the client is told --------------------------------------------------------------
 */

/* X6: clients of dialects that always show usage get our estimate where there is none. */
static void put_estimate(struct attempt *at, struct json_out *out)
{
	struct exchange *x = at->x;
	struct chat_event e = { .kind = EV_USAGE };

	usage_estimate(&e.u.usage, x->prompt_bytes, at->text_bytes);
	x->ask.dialect->event_write(at->writer, &at->reply, x->arena, &e, out);
}

bool translate_frames(struct attempt *at, struct look *k, struct json_out *out)
{
	struct exchange *x = at->x;

	for (size_t i = 0; i < k->events.n; i++) {
		const struct chat_event *e = &k->events.v[i];

		if (e->kind == EV_END && !at->usage.known)
			put_estimate(at, out);
		x->ask.dialect->event_write(at->writer, &at->reply, x->arena, e, out);
	}
	return out_ok(out) && !arena_failed(x->arena);
}

struct slice translate_answer(struct attempt *at, struct look *k)
{
	struct exchange *x = at->x;
	struct json_out out;

	if (!at->usage.known) {
		/* Before END, which is the last. */
		struct chat_event *e = event_add(&k->events, EV_END);

		if (e != NULL && e > k->events.v) {
			e[-1] = (struct chat_event){ .kind = EV_USAGE };
			usage_estimate(&e[-1].u.usage, x->prompt_bytes, at->text_bytes);
		}
	}
	out_init(&out, &at->scratch);
	x->ask.dialect->answer_write(&at->reply, &k->events, &out);
	return k->events.failed ? (struct slice){ NULL, 0 } : out_slice(&out);
}

enum rc translate_embeddings(struct attempt *at, struct slice body, struct slice *out)
{
	struct exchange *x = at->x;
	struct embed_answer ans = { 0 };
	struct json_out o;
	enum rc rc;

	rc = embed_dialect_of(theirs(at)->id)->answer_read(body, x->embed, &ans, &at->scratch);
	if (rc != OK)
		return rc;
	if (ans.usage.known)
		at->usage = ans.usage;
	else
		usage_estimate(&ans.usage, x->prompt_bytes, 0);
	out_init(&o, &at->scratch);
	embed_dialect_of(x->ask.dialect->id)->answer_write(&at->reply, x->embed, &ans, &o);
	*out = out_slice(&o);
	return OK;
}

void attempt_error(struct attempt *at, struct json_out *out, enum answer what,
		   struct slice message)
{
	struct exchange *x = at->x;
	const struct answer_row *row = answer_row(what);
	const struct dialect *d = x->ask.dialect;
	const struct chat_error e = { .status = row->status,
				      .message = message,
				      .type = row->type,
				      .code = row->code,
				      .id = slice_cstr(x->id) };

	if (at->writer == NULL)
		at->writer = arena_zero(x->arena, size_max(d->writer_bytes, 1));
	if (at->writer != NULL)
		d->error_event_write(at->writer, &at->reply, &e, out);
}
