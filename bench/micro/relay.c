#include "relay.h"

#include "base/buf.h"

enum { BODY_MAX = 64 << 20 };

struct job {
	struct relay *relay;
	struct http_request *r;
	struct http_call *call; /* NULL: over */
	struct slice body;
	struct header headers[2];
	unsigned status;
	bool begun;
	struct slice type;
	struct buf whole;
};

static void on_head(void *ctx, const struct http_head *head)
{
	struct job *j = ctx;
	const struct header h = { LIT("Content-Type"), http_header(head, LIT("content-type")) };

	j->status = head->status;
	j->type = h.value;
	if (j->relay->whole)
		return;
	j->begun = true;
	reply_begin(j->r, head->status, &h, h.value.n > 0,
		    head->framing == HTTP1_LENGTH ? (size_t)head->content_length : SIZE_MAX);
}

static void on_body(void *ctx, struct slice bytes)
{
	struct job *j = ctx;

	if (j->relay->whole) {
		if (buf_append(&j->whole, bytes) != OK) {
			http_call_cancel(j->call);
			j->call = NULL;
			buf_free(&j->whole);
			reply_abort(j->r);
		}
		return;
	}
	if (reply_write(j->r, &bytes, 1) == E_FULL)
		http_call_pause(j->call);
}

static void on_end(void *ctx)
{
	struct job *j = ctx;
	const struct header h = { LIT("Content-Type"), j->type };

	j->call = NULL;
	if (j->relay->whole) {
		reply_send(j->r, j->status, &h, h.value.n > 0, buf_slice(&j->whole));
		buf_free(&j->whole);
	} else {
		reply_end(j->r);
	}
}

static void on_failed(void *ctx, enum rc why UNUSED, const struct err *err)
{
	struct job *j = ctx;

	j->call = NULL;
	buf_free(&j->whole);
	if (j->begun)
		reply_abort(j->r);
	else
		reply_send(j->r, 502, NULL, 0, slice_cstr(err->id));
}

static const struct http_call_events call_events = {
	.head = on_head,
	.body = on_body,
	.end = on_end,
	.failed = on_failed,
};

static size_t body_max(void *ctx UNUSED, const struct http_request *r UNUSED)
{
	return BODY_MAX;
}

static void on_request(void *ctx, struct http_request *r, void **of_request)
{
	struct relay *relay = ctx;
	const struct http_head *head = request_head(r);
	struct job *j = ARENA_NEW(request_arena(r), struct job);
	struct slice type = http_header(head, LIT("content-type"));
	struct http_call_options o = { .method = head->method, .target = head->target };

	if (j == NULL) {
		reply_send(r, 503, NULL, 0, LIT("no memory"));
		return;
	}
	*of_request = j;
	j->relay = relay;
	j->r = r;
	j->body = request_body(r);
	buf_init(&j->whole, loop_mem(request_loop(r)), BODY_MAX);
	if (type.n > 0)
		j->headers[o.header_n++] = (struct header){ LIT("Content-Type"), type };
	o.headers = j->headers;
	o.body = &j->body;
	o.body_n = j->body.n > 0;
	if (http_call_start(&j->call, relay->origin, &o, request_arena(r), &call_events, j,
			    NULL) != OK)
		reply_send(r, 502, NULL, 0, LIT("not started"));
}

static void on_drained(void *ctx UNUSED, void *of_request)
{
	struct job *j = of_request;

	if (j->call != NULL)
		http_call_resume(j->call);
}

static void on_gone(void *ctx UNUSED, void *of_request, enum rc why UNUSED)
{
	struct job *j = of_request;

	if (j->call != NULL)
		http_call_cancel(j->call);
	j->call = NULL;
	buf_free(&j->whole);
}

static const struct http_handler handler = {
	.body_max = body_max,
	.request = on_request,
	.drained = on_drained,
	.gone = on_gone,
};

enum rc relay_begin(struct relay *r, struct loop *l, const struct address *at, struct slice url,
		    struct err *err)
{
	const struct http_server_limits server_limits = { 0 };
	const struct http_client_limits client_limits = { 0 };
	struct origin_options o = { .connect_timeout_us = 5000000 };
	enum rc rc;

	rc = url_read(&o.url, url, err);
	if (rc == OK)
		rc = http_client_new(&r->client, l, &client_limits, NULL, err);
	if (rc == OK)
		rc = origin_get(&r->origin, r->client, &o, err);
	if (rc == OK)
		rc = http_server_new(&r->server, l, &server_limits, &handler, r, NULL, err);
	if (rc == OK)
		rc = http_server_listen(r->server, at, NULL, err);
	if (rc != OK)
		relay_end(r);
	return rc;
}

void relay_end(struct relay *r)
{
	http_server_free(r->server); /* which cancels the calls */
	if (r->origin != NULL)
		origin_put(r->origin);
	http_client_free(r->client);
	r->server = NULL;
	r->origin = NULL;
	r->client = NULL;
}
