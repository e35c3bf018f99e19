/* gateway/admit.c -- a request at the door: who asks, what for, and for which model.
 */
#include "gateway/gateway_impl.h"

#include "base/date.h"
#include "chat/opaque.h"

/* False: refused, and gone. */
static bool authenticate(struct exchange *x)
{
	struct auth who = request_auth(x->view->snapshot, x->rq, loop_wall_us(x->g->loop));

	x->key = who.key;
	if (who.ok)
		return true;
	exchange_refuse(x, END_REFUSED, who.given ? A_WRONG_KEY : A_MISSING_KEY, NULL, NULL,
			slice_cstr(who.why), 0);
	return false;
}

bool exchange_in_openai(const struct exchange *x)
{
	return x->ask.dialect == &dialect_openai && x->ask.op != OP_COUNT_TOKENS;
}

enum unsupported exchange_unsupported(const struct exchange *x)
{
	return x->key != NULL && x->key->unsupported != UNSUPPORTED_UNSET
		       ? x->key->unsupported
		       : x->view->snapshot->unsupported;
}

static struct request_in request_in(const struct exchange *x)
{
	return (struct request_in){ .body = request_body(x->rq),
				    .model = x->ask.model,
				    .stream = x->ask.stream,
				    .op = x->ask.op };
}

/* False: refused, and gone. */
static bool body_ok(struct exchange *x, enum rc rc)
{
	if (rc == E_NOMEM || arena_failed(x->arena)) {
		exchange_refuse(x, END_REFUSED, A_OVERLOADED, NULL, NULL,
				LIT("The request has more parts than there is memory for."), 0);
		return false;
	}
	if (rc == OK)
		return true;
	exchange_refuse(x, END_REFUSED, A_INVALID_REQUEST, x->why.code, exchange_param(x),
			arena_copy(x->arena, slice_cstr(x->why.text)), 0);
	return false;
}

/* What must be known to find the model. */
static bool read_request(struct exchange *x)
{
	const struct request_in in = request_in(x);
	struct openai_refusal why;
	enum rc rc;

	if (exchange_in_openai(x)) {
		rc = openai_request_read(&x->openai, (enum openai_endpoint)x->ask.op, in.body,
					 x->arena, &why);
		if (rc != OK && rc != E_NOMEM)
			rc = refuse_request(&x->why, why.code, why.param, "%s", why.text);
		x->asked = x->openai.model;
		x->stream = x->openai.stream;
		x->wants_usage = x->openai.wants_usage;
	} else {
		rc = same_request_read(&x->same, x->ask.dialect, &in, x->arena, &x->why);
		x->asked = x->same.model;
		x->stream = x->same.stream;
		x->wants_usage = true;
	}
	if (rc == OK)
		x->asked = arena_copy(x->arena, x->asked);
	x->prompt_bytes = in.body.n;
	return body_ok(x, rc);
}

/* The whole of it, when a deployment speaks another dialect. */
static bool read_whole(struct exchange *x)
{
	const struct request_in in = request_in(x);
	bool needed = false, known;
	enum rc rc;

	x->sealed = opaque_in(in.body);
	for (size_t i = 0; i < x->model->deployment_n; i++)
		needed |= !exchange_is_same(x, x->model->deployments[i]);
	known = routing_needs_body(x);
	if ((!needed && !known) || x->ask.op == OP_COMPLETIONS)
		return true;
	if (x->ask.op == OP_EMBEDDINGS) {
		x->embed = ARENA_NEW(x->arena, struct embed_request);
		rc = x->embed == NULL
			     ? E_NOMEM
			     : embed_dialect_of(x->ask.dialect->id)
				       ->request_read(x->embed, &in, x->arena, &x->why);
		return body_ok(x, rc);
	}
	x->chat = ARENA_NEW(x->arena, struct chat_request);
	if (x->chat == NULL)
		return body_ok(x, E_NOMEM);
	x->chat->dialect = x->ask.dialect;
	rc = x->ask.dialect->request_read(x->chat, &in, x->arena, &x->why);
	if (rc == E_BAD && !needed) {
		/* What is forwarded as it is need not be understood by us. */
		x->chat = NULL;
		x->why = (struct chat_refusal){ 0 };
		return true;
	}
	if (!body_ok(x, rc))
		return false;
	if (x->routing.ask.any)
		routing_leave_out(x);
	return true;
}

static void refuse_retired(struct exchange *x, int64_t day, struct slice successor)
{
	char text[16];
	struct sb b;

	sb_init(&b, text, sizeof(text));
	date_print(&b, day);
	exchange_refuse(x, END_REFUSED, A_MODEL_RETIRED, NULL, "model",
			arena_fmt(x->arena, "The model \"%.*s\" was retired on %.*s.%s%.*s%s",
				  SARG(slice_head(x->asked, 200)), SARG(sb_slice(&b)),
				  successor.n > 0 ? " Take \"" : "", SARG(successor),
				  successor.n > 0 ? "\" instead." : ""),
			0);
}

/* A name that nobody lists, of a model that is no more.  What the file lists is asked for: its
 * owner may know better. */
static bool is_retired(struct exchange *x)
{
	const struct catalogue *c = x->view->snapshot->catalogue;
	int64_t today = (int64_t)(loop_wall_us(x->g->loop) / 86400000000ULL);
	struct model_info m;

	if (x->model != NULL) {
		const struct deployment *d = x->model->deployments[0];

		if (d->index != DEPLOYMENT_UNLISTED || d->target.retired_day == 0 ||
		    today < d->target.retired_day)
			return false;
		refuse_retired(x, d->target.retired_day, d->successor);
		return true;
	}
	if (!catalogue_retired(c, x->asked, today, &m))
		return false;
	refuse_retired(x, m.retired_day, m.successor);
	return true;
}

static bool not_allowed(struct exchange *x, struct slice name)
{
	exchange_refuse(x, END_REFUSED, A_MODEL_NOT_ALLOWED, NULL, "model",
			arena_fmt(x->arena, "The key \"%.*s\" may not use the model \"%.*s\".",
				  SARG(x->key->name), SARG(slice_head(name, 200))),
			0);
	return false;
}

/* By the name that is asked for, with its suffix or without, and those beside it.  Of names
 * that the config does not have, such as tiers, each deployment is looked at by the plan. */
static bool may_use(struct exchange *x)
{
	const struct routing *r = &x->routing;

	if (x->key == NULL || x->model->implicit)
		return true;
	if (!client_key_allows(x->key, x->asked) && !client_key_allows(x->key, r->bare))
		return not_allowed(x, x->asked);
	for (size_t i = 0; i < r->ask.model_n; i++)
		if (!client_key_allows(x->key, r->ask.models[i]))
			return not_allowed(x, r->ask.models[i]);
	return true;
}

static bool find_model(struct exchange *x)
{
	const struct snapshot *s = x->view->snapshot;
	struct slice missing, near;
	enum rc rc = routing_find(x, &missing);

	if (rc == E_NOMEM) {
		exchange_refuse(x, END_REFUSED, A_OVERLOADED, NULL, NULL, LIT("Out of memory."),
				0);
		return false;
	}
	if (rc == OK)
		return may_use(x) && !is_retired(x);
	/* What a key may not use it need not know of either. */
	if (x->key != NULL && !client_key_allows(x->key, missing))
		return not_allowed(x, missing);
	x->model = NULL;
	if (is_retired(x))
		return false;
	near = snapshot_suggest(s, missing);
	exchange_refuse(
		x, END_REFUSED, A_MODEL_NOT_FOUND, NULL, "model",
		arena_fmt(x->arena,
			  "There is no model \"%.*s\" here.%s%.*s%s GET /v1/models lists them.",
			  SARG(slice_head(missing, 200)), near.n > 0 ? " Did you mean \"" : "",
			  SARG(near), near.n > 0 ? "\"?" : ""),
		0);
	return false;
}

bool exchange_admit(struct exchange *x)
{
	return authenticate(x) && read_request(x) && routing_read(x) && find_model(x) &&
	       read_whole(x);
}
