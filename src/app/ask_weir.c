#include "app/ask_weir.h"

#include "base/buf.h"
#include "io/loop.h"
#include "io/tls.h"
#include "net/client.h"

#define ANSWER_US  30000000
#define CONNECT_US 5000000

struct asking {
	const struct weir_question *q;
	struct loop *loop;
	struct http_client *client;
	struct origin *origin;
	struct tls_client *tls;
	struct http_call *call;
	struct timer timer;
	struct arena head;
	struct buf body;
	unsigned status;
	enum rc rc;
	struct err *err;
};

static void over(struct asking *k, enum rc rc)
{
	k->rc = rc;
	loop_stop(k->loop);
}

static void on_head(void *ctx, const struct http_head *head)
{
	((struct asking *)ctx)->status = head->status;
}

static void on_body(void *ctx, struct slice bytes)
{
	struct asking *k = ctx;
	enum rc rc = buf_append(&k->body, bytes);

	if (rc == OK || k->call == NULL)
		return;
	http_call_cancel(k->call);
	k->call = NULL;
	over(k, err_set(k->err, rc, "ask.body", "the answer is too long"));
}

static void on_end(void *ctx)
{
	struct asking *k = ctx;

	k->call = NULL;
	over(k, OK);
}

static void on_failed(void *ctx, enum rc why, const struct err *err)
{
	struct asking *k = ctx;

	k->call = NULL;
	over(k, err_set(k->err, why, "ask.failed", "%.*s does not answer: %s", SARG(k->q->url),
			err != NULL && err->text[0] != '\0' ? err->text : rc_text(why)));
}

static const struct http_call_events call_events = {
	.head = on_head,
	.body = on_body,
	.end = on_end,
	.failed = on_failed,
};

static void on_timeout(struct timer *t)
{
	struct asking *k = CONTAINER_OF(t, struct asking, timer);

	if (k->call != NULL)
		http_call_cancel(k->call);
	k->call = NULL;
	over(k, err_set(k->err, E_TIMEOUT, "ask.timeout", "%.*s did not answer within 30 s",
			SARG(k->q->url)));
}

static enum rc connect_to(struct asking *k, struct slice *base)
{
	const struct http_client_limits limits = { .head_bytes = 65536,
						   .idle_per_origin = 1,
						   .idle_timeout_us = 1000000,
						   .dns_ttl_us = 30000000 };
	const struct tls_client_options tls = { .ca_file = { NULL, 0 } };
	struct origin_options o = { .connect_timeout_us = CONNECT_US };
	enum rc rc = url_read(&o.url, k->q->url, k->err);

	*base = o.url.path;
	while (base->n > 0 && base->p[base->n - 1] == '/')
		base->n--;
	if (rc == OK && o.url.https)
		rc = tls_client_new(&k->tls, &tls, k->err);
	o.tls = k->tls;
	if (rc == OK)
		rc = http_client_new(&k->client, k->loop, &limits, NULL, k->err);
	return rc == OK ? origin_get(&k->origin, k->client, &o, k->err) : rc;
}

static enum rc start(struct asking *k, struct arena *a)
{
	static const struct header headers[] = {
		{ LITC("Content-Type"), LITC("application/json") },
		{ LITC("Accept"), LITC("application/json") },
		{ LITC("User-Agent"), LITC("weir/" WEIR_VERSION) },
	};
	struct http_call_options o = { .method = slice_cstr(k->q->method),
				       .headers = headers,
				       .header_n = ARRAY_LEN(headers),
				       .auth_prefix = LIT("Bearer "),
				       .body = &k->q->body,
				       .body_n = k->q->body.n > 0 ? 1 : 0 };
	struct slice base;
	enum rc rc = connect_to(k, &base);

	if (rc != OK)
		return rc;
	if (k->q->key.n > 0) {
		o.auth_name = LIT("Authorization");
		o.auth = secret_make(a, k->q->key);
	}
	o.target = arena_fmt(a, "%.*s%.*s", SARG(base), SARG(k->q->path));
	if (arena_failed(a))
		return err_nomem(k->err, "ask.start");
	return http_call_start(&k->call, k->origin, &o, &k->head, &call_events, k, k->err);
}

static void finish(struct asking *k)
{
	timer_done(&k->timer);
	if (k->call != NULL)
		http_call_cancel(k->call);
	if (k->origin != NULL)
		origin_put(k->origin);
	if (k->client != NULL)
		http_client_free(k->client);
	if (k->tls != NULL)
		tls_client_free(k->tls);
	buf_free(&k->body);
	arena_free(&k->head);
	if (k->q->loop == NULL)
		loop_free(k->loop);
}

enum rc ask_weir(const struct weir_question *q, struct weir_answer *answer, struct arena *a,
		 struct err *err)
{
	struct asking k = { .q = q, .loop = q->loop, .err = err };
	enum rc rc = q->loop == NULL ? loop_new(&k.loop, err) : OK;

	if (rc != OK)
		return rc;
	arena_init(&k.head, loop_mem(k.loop), 1024, 1 << 20);
	buf_init(&k.body, loop_mem(k.loop), ASK_WEIR_BYTES_MAX);
	timer_init(&k.timer, k.loop, on_timeout);
	timer_set(&k.timer, ANSWER_US);
	rc = start(&k, a);
	if (rc == OK) {
		loop_run(k.loop);
		rc = k.rc;
	}
	if (rc == OK) {
		answer->status = k.status;
		answer->body = arena_copy(a, buf_slice(&k.body));
		if (arena_failed(a))
			rc = err_nomem(err, "ask.answer");
	}
	finish(&k);
	return rc;
}
