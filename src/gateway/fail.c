/* gateway/fail.c -- what a client is told when no attempt has succeeded and none is left, or
 * nobody could be asked at all.
 */
#include "gateway/gateway_impl.h"

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
	exchange_finish(x, END_REFUSED, status, body.n);
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
	uint64_t now = loop_now_us(x->g->loop), best = 0;

	*rests = false;
	for (size_t i = 0; i < x->model->deployment_n; i++) {
		const struct health *h = x->model->deployments[i]->target.health;
		uint64_t rest = h == NULL ? 0 : breaker_rests_until(&h->breaker, now);
		uint64_t open = h == NULL ? 0 : atomic_load(&h->breaker.open_until_us);
		uint64_t keys = keys_ready_us(x, x->model->deployments[i]->provider);
		uint64_t until = rest > open ? rest : open;

		until = keys > until ? keys : until;
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

	if (x->cannot == NULL) {
		exchange_refuse(x, END_REFUSED, A_INVALID_REQUEST, x->why.code,
				exchange_param(x),
				arena_copy(x->arena, slice_cstr(x->why.text)), 0);
		return;
	}
	could = who_could(x);
	names = lost_names(x, x->cannot);
	param = arena_cstr(x->arena, slice_cstr(x->cannot->v[0].name));
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

	if (x->cannot != NULL || x->why.code != NULL) {
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

struct slice fault_words(const struct fault *f)
{
	struct slice words = slice_head(f->message, 300);

	while (words.n > 0 && (words.p[words.n - 1] == '.' || words.p[words.n - 1] == ' '))
		words.n--;
	return words.n > 0 ? words : LIT("it gave no reason");
}

/* It is the request's own fault: nobody else is asked. */
static void fail_refused(struct exchange *x)
{
	const struct fault *f = &x->last;

	if (x->refusal.n > 0)
		pass_refusal(x);
	else
		exchange_refuse(x, END_REFUSED, answer_of_fault(f->kind), NULL, NULL,
				arena_fmt(x->arena, "%.*s refused the request: %.*s (%s).",
					  SARG(x->blamed->deployment->name),
					  SARG(fault_words(f)), fault_row(f->kind)->name),
				0);
}

void exchange_fail(struct exchange *x)
{
	const struct fault *f = &x->last;
	const struct fault_row *row = fault_row(f->kind);

	if (x->blamed == NULL) {
		fail_unasked(x);
		return;
	}
	x->told = x->blamed;
	if (!row->other) {
		fail_refused(x);
		return;
	}
	if (x->refusal.n > 0 && !row->again) {
		pass_refusal(x);
		return;
	}
	exchange_refuse(x, END_UPSTREAM_ERROR, answer_of_fault(f->kind), NULL, NULL,
			arena_fmt(x->arena, "%.*s failed: %.*s (%s; %u attempt%s).",
				  SARG(x->blamed->deployment->name), SARG(fault_words(f)),
				  row->name, x->attempts, x->attempts == 1 ? "" : "s"),
			f->kind == FAULT_RATE || f->kind == FAULT_OVERLOADED ? f->retry_after_us
									     : 0);
}
