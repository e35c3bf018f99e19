/* gateway/prepare.c -- the call for one deployment: body, path and headers.
 *
 * In the provider's own dialect the client's body is forwarded and a few of its bytes are
 * edited; for another it is written anew from the one form.
 */
#include "gateway/gateway_impl.h"

#include "chat/opaque.h"

bool exchange_is_same(const struct exchange *x, const struct deployment *d)
{
	/* Embeddings of the Responses dialect are OpenAI's own. */
	if (x->ask.op == OP_EMBEDDINGS && x->ask.dialect == &dialect_openai &&
	    d->provider->dialect == &dialect_responses)
		return true;
	return d->provider->dialect == x->ask.dialect && !x->sealed && !x->ask.array;
}

/* ---- the body ---------------------------------------------------------------------------- */

static enum rc same_body(struct attempt *at)
{
	struct exchange *x = at->x;
	const struct deployment *d = at->deployment;
	const struct provider *p = d->provider;
	const struct openai_target target = {
		.model_json = d->model_json,
		.drop_params = p->drop_params,
		.drop_param_n = p->drop_param_n,
		.own_params = x->routing.own,
		.own_param_n = x->routing.own_n,
		.add_members = p->add_members,
		.add_member_n = p->add_member_n,
		.quirks = p->quirks,
		.lost = &at->lost,
	};
	const struct same_target same = {
		.model_json = d->model_json,
		.drop = p->drop_params,
		.drop_n = p->drop_param_n,
		.own = x->routing.own,
		.own_n = x->routing.own_n,
	};
	size_t bytes;

	if (exchange_in_openai(x))
		return openai_request_pieces(&x->openai, &target, x->arena, &at->pieces,
					     &at->piece_n, &bytes);
	return same_request_pieces(&x->same, &same, x->arena, &at->pieces, &at->piece_n);
}

/* What it cannot be told, as the policy wants it: dropped and named, or not asked at all. */
static bool may_lose(const struct exchange *x, const struct chat_lost *lost)
{
	switch (exchange_unsupported(x)) {
	case UNSUPPORTED_REFUSE:
		return lost->n == 0;
	case UNSUPPORTED_DROP:
		return !lost->content;
	case UNSUPPORTED_DROP_ALL:
	case UNSUPPORTED_UNSET:
		break;
	}
	return true;
}

static struct chat_target target_of(const struct deployment *d)
{
	const struct provider *p = d->provider;

	return (struct chat_target){
		.model = d->model,
		.provider = p->name,
		.quirks = p->quirks,
		.max_output = d->target.max_output,
		.no_sampling = d->no_sampling,
		.vertex = (p->quirks & QUIRK_VERTEX) != 0,
		.drop_params = p->drop_params,
		.drop_param_n = p->drop_param_n,
	};
}

static enum rc translated_body(struct attempt *at, struct chat_refusal *why)
{
	struct exchange *x = at->x;
	const struct deployment *d = at->deployment;
	const struct dialect *theirs = d->provider->dialect;
	const struct chat_target target = target_of(d);
	struct json_out out;
	enum rc rc;

	INVARIANT(x->chat != NULL || x->embed != NULL);
	out_init(&out, x->arena);
	if (x->embed != NULL)
		rc = embed_dialect_of(theirs->id)
			     ->request_write(x->embed, &target, &out, &at->lost, why);
	else
		rc = theirs->request_write(x->chat, &target, &out, &at->lost, why);
	if (rc == OK && !out_ok(&out))
		rc = E_NOMEM;
	at->pieces = out.v;
	at->piece_n = out.n;
	return rc;
}

/* Keeps why a deployment cannot be asked: the first one's reason is told. */
static enum rc cannot(struct attempt *at, enum rc rc, const struct chat_refusal *why)
{
	struct exchange *x = at->x;

	if (rc == E_BAD && x->why.code == NULL)
		x->why = *why;
	if (rc == OK && x->cannot == NULL) {
		struct chat_lost *kept = arena_get(x->arena, sizeof(*kept));

		if (kept != NULL)
			*kept = at->lost;
		x->cannot = kept;
	}
	return E_UNSUPPORTED;
}

unsigned exchange_takes_urls(const struct deployment *d)
{
	return d->provider->quirks & QUIRK_INLINE_MEDIA ? 0 : d->provider->dialect->takes_urls;
}

bool exchange_can_ask(const struct exchange *x, const struct deployment *d)
{
	const struct dialect *theirs = d->provider->dialect;

	switch (x->ask.op) {
	case OP_CHAT:
		return true;
	case OP_COUNT_TOKENS:
		return theirs->count_read != NULL;
	case OP_EMBEDDINGS:
		return embed_dialect_of(theirs->id) != NULL;
	case OP_COMPLETIONS:
	case CHAT_OPS:
		break;
	}
	return exchange_is_same(x, d);
}

static enum rc make_body(struct attempt *at)
{
	struct exchange *x = at->x;
	const struct deployment *d = at->deployment;
	struct arena_mark before = arena_mark(x->arena);
	struct chat_refusal why = { 0 };
	enum rc rc;

	at->lost = (struct chat_lost){ 0 };
	if (!exchange_can_ask(x, d))
		return cannot(at,
			      refuse_request(&why, "unsupported_endpoint", "model",
					     "The provider of %.*s has no %s.", SARG(d->name),
					     chat_op_name(x->ask.op)),
			      &why);
	at->translate = !exchange_is_same(x, d);
	rc = at->translate ? translated_body(at, &why) : same_body(at);
	if (rc != E_BAD && (rc != OK || may_lose(x, &at->lost)))
		return rc;
	arena_rewind(x->arena, before);
	return cannot(at, rc, &why);
}

bool exchange_says_all(struct exchange *x, const struct deployment *d)
{
	struct arena_mark before = arena_mark(x->arena);
	struct attempt at = { .x = x, .deployment = d };
	struct chat_refusal why = { 0 };
	bool all = exchange_can_ask(x, d);

	at.translate = !exchange_is_same(x, d);
	if (all)
		all = (at.translate ? translated_body(&at, &why) : same_body(&at)) == OK &&
		      at.lost.n == 0;
	arena_rewind(x->arena, before);
	return all;
}

/* ---- the rest ---------------------------------------------------------------------------- */

/* In the client's own dialect: the very path it called, with the provider's name for the
 * model. */
static struct slice embed_path(struct attempt *at)
{
	struct exchange *x = at->x;
	const struct deployment *d = at->deployment;
	struct slice path = request_path(x->rq), verb;
	size_t colon = slice_find(path, LIT(":"));
	const struct chat_target target = target_of(d);

	if (x->ask.dialect != &dialect_gemini || colon == SLICE_NONE)
		return embed_dialect_of(d->provider->dialect->id)->path(&target, x->arena);
	while ((verb = slice_skip(path, colon + 1)).n > 0 &&
	       slice_find(verb, LIT(":")) != SLICE_NONE)
		colon += 1 + slice_find(verb, LIT(":"));
	return arena_fmt(x->arena, "/models/%.*s:%.*s", SARG(d->model), SARG(verb));
}

static struct slice make_path(struct attempt *at)
{
	struct exchange *x = at->x;
	const struct deployment *d = at->deployment;
	const struct provider *p = d->provider;
	const struct provider_view *pv = &x->view->providers[p->index];
	struct slice path;

	if (p->dialect == &dialect_openai ||
	    (x->ask.op == OP_EMBEDDINGS && p->dialect == &dialect_responses))
		return pv->target[x->ask.op][x->stream];
	if (x->ask.op == OP_EMBEDDINGS && at->translate) {
		const struct chat_target target = target_of(d);

		path = embed_dialect_of(p->dialect->id)->path(&target, x->arena);
	} else if (x->ask.op == OP_EMBEDDINGS) {
		path = embed_path(at);
	} else {
		path = p->dialect->path(x->ask.op, x->stream, d->model, x->arena);
	}
	return arena_fmt(x->arena, "%.*s%.*s", SARG(p->base_path), SARG(path));
}

/* What a client may say to its own dialect's provider beside the body. */
static const struct {
	const struct dialect *dialect;
	struct slice name;
} passed_headers[] = {
	{ &dialect_anthropic, LITC("anthropic-beta") },
	{ &dialect_anthropic, LITC("anthropic-version") },
	{ &dialect_openai, LITC("openai-beta") },
	{ &dialect_responses, LITC("openai-beta") },
};

/* A header of the client's stands instead of the provider's fixed one. */
static bool put_header(struct exchange *x, struct http_call_options *o, struct header h,
		       const struct provider_view *pv)
{
	struct header *all = (struct header *)(uintptr_t)o->headers;

	if (o->headers == pv->headers[x->stream]) {
		all = arena_get(x->arena,
				(o->header_n + ARRAY_LEN(passed_headers) + SIGV4_ADDED_MAX) *
					sizeof(*all));
		if (all == NULL)
			return false;
		memcpy(all, o->headers, o->header_n * sizeof(*all));
		o->headers = all;
	}
	for (size_t i = 0; i < o->header_n; i++)
		if (slice_ieq(all[i].name, h.name)) {
			all[i].value = h.value;
			return true;
		}
	all[o->header_n++] = h;
	return true;
}

/* An AWS account's signature instead of a key. */
static enum rc sign(struct exchange *x, const struct provider *p, struct http_call_options *o,
		    const struct provider_view *pv)
{
	struct header signed_headers[16], add[SIGV4_ADDED_MAX];
	struct sigv4_request r = { .method = o->method,
				   .headers = signed_headers,
				   .body = o->body,
				   .body_n = o->body_n };
	size_t n = 0;
	enum rc rc;

	url_target(o->target, &r.path, &r.query);
	signed_headers[r.header_n++] = (struct header){ LIT("host"), origin_host(pv->origin) };
	signed_headers[r.header_n++] = o->headers[0]; /* Content-Type */
	rc = sigv4_sign(&r, &p->aws, p->aws_region, p->aws_service,
			loop_wall_us(x->g->loop) / 1000000, x->arena, add, &n);
	for (size_t i = 0; rc == OK && i < n; i++)
		if (!put_header(x, o, add[i], pv))
			rc = E_NOMEM;
	return rc;
}

static bool pass_headers(struct exchange *x, struct http_call_options *o,
			 const struct provider_view *pv)
{
	for (size_t i = 0; i < ARRAY_LEN(passed_headers); i++) {
		struct header h = { .name = passed_headers[i].name };

		if (passed_headers[i].dialect != x->ask.dialect)
			continue;
		h.value = http_header(request_head(x->rq), h.name);
		if (h.value.n > 0 && !put_header(x, o, h, pv))
			return false;
	}
	return true;
}

enum rc attempt_prepare(struct attempt *at, struct http_call_options *o, struct err *err)
{
	struct exchange *x = at->x;
	const struct deployment *d = at->deployment;
	const struct provider *p = d->provider;
	const struct provider_view *pv = &x->view->providers[p->index];
	enum rc rc = make_body(at);

	if (rc != OK)
		return err_set(err, rc, "exchange.body", "the request could not be written: %s",
			       rc_text(rc));
	*o = (struct http_call_options){
		.method = LIT("POST"),
		.target = make_path(at),
		.headers = pv->headers[x->stream],
		.header_n = pv->header_n,
		.auth_name = p->auth_name,
		.auth_prefix = p->auth_prefix,
		.body = at->pieces,
		.body_n = at->piece_n,
	};
	if ((!at->translate && !pass_headers(x, o, pv)) || arena_failed(x->arena))
		return err_nomem(err, "exchange.headers");
	if (p->aws.id.n > 0) {
		o->auth_name = (struct slice){ NULL, 0 };
		rc = sign(x, p, o, pv);
		if (rc != OK)
			return err_set(err, rc, "exchange.sign",
				       "the request could not be signed");
	}
	if (!at->translate && p->dialect == &dialect_openai)
		return OK;
	rc = translate_begin(at);
	return rc == OK ? OK : err_nomem(err, "exchange.states");
}
