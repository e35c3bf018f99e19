/* A client that asks a few things over one connection after the other, well or badly behaved as
 * the seed says, and keeps all that it is told. */
#include "harness.h"

enum { DIALS_MAX = 30 };
/* After so long without an end every client loses patience. */
#define PATIENCE_US (150 * (uint64_t)SECOND)

/* ---- what is asked ----------------------------------------------------------- */

struct text {
	char *p;
	size_t n, cap;
};

static void add(struct text *t, const char *fmt, ...) PRINTF_LIKE(2, 3);
static void add(struct text *t, const char *fmt, ...)
{
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (t->cap - t->n <= (size_t)n) {
		t->cap = (t->cap + (size_t)n) * 2 + 64;
		t->p = realloc(t->p, t->cap);
		INVARIANT(t->p != NULL);
	}
	va_start(ap, fmt);
	(void)vsnprintf(t->p + t->n, t->cap - t->n, fmt, ap);
	va_end(ap);
	t->n += (size_t)n;
}

static struct slice chat_body(struct client *c, struct ask *a)
{
	static const char *const models[] = {
		"chat", "chat", "chat", "solo", "spill", "gamma/x"
	};
	struct rng *rng = &c->run->rng;
	/* The first ones have deployments to go on with. */
	const char *model =
		models[rng_below(rng, c->run->profile.failover ? 3 : ARRAY_LEN(models))];
	size_t pad = rng_chance(rng, 0.1) ? rng_below(rng, 20000) : rng_below(rng, 200);
	struct text t = { 0 };

	if (a->kind == ASK_UNKNOWN_MODEL)
		model = "chatt";
	add(&t, "{\"model\": \"%s\", ", model);
	if (a->kind == ASK_EMBEDDING)
		add(&t, "\"input\":\"%s ", a->marker);
	else if (a->legacy)
		add(&t, "\"prompt\":\"%s ", a->marker);
	else
		add(&t, "\"messages\":[{\"role\":\"user\",\"content\":\"%s ", a->marker);
	for (size_t i = 0; i < pad; i++)
		add(&t, "%c", "abcdefgh \\n"[i % 9]);
	add(&t, "%s", a->legacy || a->kind == ASK_EMBEDDING ? "\"" : "\"}]");
	add(&t, ",\"temperature\":0.10,\"x_unknown\":[1,{\"a\":null}]");
	if (a->stream)
		add(&t, ",\"stream\": true");
	if (a->wants_usage)
		add(&t, ",\"stream_options\":{\"include_usage\":true}");
	if (a->kind == ASK_BAD_JSON)
		add(&t, ",}");
	else
		add(&t, "}");
	return slice_of(t.p, t.n);
}

static void post(struct client *c, struct ask *a, struct text *t)
{
	struct rng *rng = &c->run->rng;
	struct slice body = chat_body(c, a);
	bool chunked = rng_chance(rng, 0.2);

	add(t, "POST %s/v1/%s HTTP/1.1\r\nHost: gateway.example\r\n",
	    rng_chance(rng, 0.3) ? "/openai" : "",
	    a->kind == ASK_EMBEDDING ? "embeddings"
	    : a->legacy              ? "completions"
				     : "chat/completions");
	add(t, "Authorization: Bearer %s\r\nContent-Type: application/json\r\n",
	    a->kind == ASK_WRONG_KEY ? "nobody's" : c->key);
	if (rng_chance(rng, 0.1))
		add(t, "Expect: 100-continue\r\n");
	if (!chunked) {
		add(t, "Content-Length: %zu\r\n\r\n%.*s", body.n, SARG(body));
	} else {
		struct slice rest = body;

		add(t, "Transfer-Encoding: chunked\r\n\r\n");
		while (rest.n > 0) {
			struct slice k = slice_head(rest, 1 + rng_below(rng, 3000));

			add(t, "%zx\r\n%.*s\r\n", k.n, SARG(k));
			rest = slice_skip(rest, k.n);
		}
		add(t, "0\r\n\r\n");
	}
	free((char *)(uintptr_t)body.p);
}

static void bad_http(struct client *c, struct text *t)
{
	static const char *const texts[] = {
		"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: "
		"6\r\n\r\nabcdef",
		"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n"
		"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
		"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n folded\r\n\r\n",
		"\x16\x03\x01\x02 hello\r\n\r\n",
		"GET  / HTTP/1.1\r\n\r\n",
		"POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n"
		"Transfer-Encoding: chunked\r\n\r\nzz\r\n\r\n",
	};

	add(t, "%s", texts[rng_below(&c->run->rng, ARRAY_LEN(texts))]);
}

static enum ask_kind draw_kind(struct client *c)
{
	struct rng *rng = &c->run->rng;

	if (rng_chance(rng, 0.8))
		return ASK_CHAT;
	return (enum ask_kind)rng_below(rng, ASK_KINDS);
}

static void ask_make(struct client *c, unsigned i)
{
	struct ask *a = &c->asks[i];
	struct rng *rng = &c->run->rng;
	struct text t = { 0 };

	a->kind = draw_kind(c);
	(void)snprintf(a->marker, sizeof(a->marker), "ask-%" PRIu64 "-%u-%u.", c->run->seed,
		       c->index, i);
	a->legacy = rng_chance(rng, 0.15);
	a->stream = a->kind != ASK_EMBEDDING && rng_chance(rng, 0.6);
	a->wants_usage = a->stream && rng_chance(rng, 0.3);
	switch (a->kind) {
	case ASK_CHAT:
	case ASK_EMBEDDING:
	case ASK_WRONG_KEY:
	case ASK_UNKNOWN_MODEL:
	case ASK_BAD_JSON:
		post(c, a, &t);
		break;
	case ASK_MODELS:
		add(&t,
		    "GET /v1/models HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\n\r\n",
		    c->key);
		break;
	case ASK_HEALTH:
		add(&t, "GET /health HTTP/1.1\r\nHost: a\r\n\r\n");
		break;
	case ASK_HEAD:
		add(&t, "HEAD /health HTTP/1.1\r\nHost: a\r\n\r\n");
		break;
	case ASK_BAD_HTTP:
		bad_http(c, &t);
		break;
	case ASK_TOO_LARGE:
		add(&t, "POST /v1/chat/completions HTTP/1.1\r\nHost: a\r\n"
			"Content-Length: 5000000\r\n\r\n{\"model\":\"chat\"");
		break;
	case ASK_NO_PATH:
		add(&t, "GET /nowhere/%s HTTP/1.1\r\nHost: a\r\n\r\n", a->marker);
		break;
	case ASK_KINDS:
		break;
	}
	a->bytes = slice_of(t.p, t.n);
	reader_init(&a->r, c->run->mem, a->kind == ASK_HEAD);
}

/* ---- the connection ---------------------------------------------------------- */

static void dial(struct client *c);

static uint64_t up_to(struct client *c, uint64_t us)
{
	return rng_below(&c->run->rng, us + 1);
}

static void hang_up(struct client *c, enum conn_close how)
{
	if (c->conn != NULL)
		conn_close(c->conn, how);
	c->conn = NULL;
	c->open = false;
	timer_stop(&c->send_timer);
	timer_stop(&c->read_timer);
	timer_stop(&c->leave_timer);
}

/* The connection is gone.  What it was about is given up; the rest is asked on another. */
static void gone(struct client *c)
{
	if (c->to_answer < c->n && (c->to_send > c->to_answer || c->at > 0)) {
		struct ask *a = &c->asks[c->to_answer];

		if (!a->left)
			reader_eof(&a->r);
		a->answered = a->r.state == READER_DONE;
		c->to_answer++;
	}
	c->to_send = c->to_answer;
	c->at = 0;
	hang_up(c, CONN_NOW);
	if (c->to_answer == c->n || c->dials == DIALS_MAX) {
		c->finished = true;
		return;
	}
	/* What a connection has begun to say is not said again: it may have been heard. */
	timer_set(&c->dial_timer, up_to(c, SECOND));
}

static void leave(struct timer *t)
{
	struct client *c = CONTAINER_OF(t, struct client, leave_timer);

	sim_note(c->run->sim, "client %u leaves, ask %zu", c->index, c->to_answer);
	/* Those after it are asked again. */
	if (c->to_answer < c->n && (c->to_send > c->to_answer || c->at > 0)) {
		c->asks[c->to_answer].left = true;
		c->asks[c->to_answer].left_us = loop_now_us(c->run->client_loop);
	}
	hang_up(c, c->aborts ? CONN_ABORT : CONN_NOW);
	gone(c);
}

static void send_some(struct client *c)
{
	while (c->open && c->to_send < c->n && (c->pipelines || c->to_send == c->to_answer)) {
		struct ask *a = &c->asks[c->to_send];
		struct slice rest = slice_skip(a->bytes, c->at);
		/* Large ones not in crumbs: nobody has so much time. */
		size_t most = c->piece > 0 ? size_max(c->piece, a->bytes.n / 300) : rest.n;
		struct slice piece = slice_head(rest, most);

		if (conn_write(c->conn, &piece, 1) != OK)
			return; /* `ended` follows */
		c->at += piece.n;
		if (c->at == a->bytes.n) {
			a->sent = true;
			c->to_send++;
			c->at = 0;
		}
		if (c->piece > 0) {
			timer_set(&c->send_timer, up_to(c, c->piece_us));
			return;
		}
	}
}

static void on_send_timer(struct timer *t)
{
	send_some(CONTAINER_OF(t, struct client, send_timer));
}

static void on_read_timer(struct timer *t)
{
	struct client *c = CONTAINER_OF(t, struct client, read_timer);

	if (c->conn != NULL)
		conn_resume(c->conn);
}

static void on_opened(void *ctx)
{
	struct client *c = ctx;

	c->open = true;
	send_some(c);
}

/* One response is whole.  False: the connection is no more. */
static bool answered(struct client *c)
{
	struct ask *a = &c->asks[c->to_answer];
	bool early = c->to_send == c->to_answer; /* not even all of the question was sent */

	a->answered = true;
	sim_note(c->run->sim, "client %u ask %zu: status %u, whole", c->index, c->to_answer,
		 a->r.status);
	c->to_answer++;
	if (a->r.close || early || c->to_answer == c->n) {
		/* What was sent beyond it will not be answered here. */
		c->to_send = c->to_answer;
		c->at = 0;
		gone(c);
		return false;
	}
	if (!c->pipelines)
		timer_set(&c->send_timer, up_to(c, SECOND / 2));
	return true;
}

static void on_data(void *ctx, struct slice bytes)
{
	struct client *c = ctx;
	struct run *r = c->run;

	(void)!buf_append(&c->raw, bytes);
	while (bytes.n > 0) {
		struct ask *a = &c->asks[c->to_answer];
		size_t n;

		if (c->to_answer == c->n || (c->to_send == c->to_answer && c->at == 0)) {
			broken(r, "http", "client %u was told what it did not ask: %.*s",
			       c->index, SARG(slice_head(bytes, 60)));
			return;
		}
		if (!a->begun && sabotage(r, SABOTAGE_FRAMING)) {
			char wrong = (char)(bytes.p[0] ^ 1);

			(void)reader_feed(&a->r, slice_of(&wrong, 1));
			bytes = slice_skip(bytes, 1);
		}
		a->begun = true;
		n = reader_feed(&a->r, bytes);
		bytes = slice_skip(bytes, n);
		if (!a->looked && reader_has_head(a->r.state) && a->kind == ASK_CHAT &&
		    a->r.status == 200) {
			a->looked = true;
			rules_begun(r, a, a->marker);
		}
		if (a->r.state == READER_BAD) {
			broken(r, "http", "client %u ask %zu: bad %s, status %u", c->index,
			       c->to_answer, a->r.bad, a->r.status);
			gone(c);
			return;
		}
		if (a->r.state == READER_DONE && !answered(c))
			return;
	}
	if (c->read_pause_us > 0) {
		conn_pause(c->conn);
		timer_set(&c->read_timer, up_to(c, c->read_pause_us));
	}
}

static void on_ended(void *ctx, enum rc why, const struct err *err UNUSED)
{
	struct client *c = ctx;

	sim_note(c->run->sim, "client %u: %s", c->index, rc_name(why));
	gone(c);
}

static const struct conn_events events = {
	.opened = on_opened,
	.data = on_data,
	.ended = on_ended,
};

static void on_dial_timer(struct timer *t)
{
	dial(CONTAINER_OF(t, struct client, dial_timer));
}

static void dial(struct client *c)
{
	struct run *r = c->run;
	uint64_t patience = PATIENCE_US;

	c->dials++;
	if (conn_connect(&c->conn, r->client_loop, &r->gateway_at,
			 r->profile.tls_clients ? r->tls->client : NULL, LIT("gateway.example"),
			 &events, c, NULL) != OK) {
		c->conn = NULL;
		gone(c);
		return;
	}
	if (rng_chance(&r->rng, c->leaves))
		patience = up_to(c, up_to(c, 8 * SECOND));
	timer_set(&c->leave_timer, patience);
}

void client_begin(struct client *c)
{
	struct run *r = c->run;
	bool bad = !r->profile.calm && !r->profile.failover;

	c->n = 1 + rng_below(&r->rng, ASKS_MAX);
	c->pipelines = rng_chance(&r->rng, 0.3);
	if (rng_chance(&r->rng, 0.3)) {
		c->piece = 1 + rng_below(&r->rng, 400);
		c->piece_us = rng_below(&r->rng, SECOND / 50);
	}
	if (rng_chance(&r->rng, 0.3))
		c->read_pause_us = rng_below(&r->rng, SECOND / 4);
	if (bad && rng_chance(&r->rng, 0.5))
		c->leaves = 0.5;
	c->aborts = rng_chance(&r->rng, 0.5);
	buf_init(&c->raw, r->mem, RAW_MAX);
	for (unsigned i = 0; i < c->n; i++)
		ask_make(c, i);
	timer_init(&c->send_timer, r->client_loop, on_send_timer);
	timer_init(&c->read_timer, r->client_loop, on_read_timer);
	timer_init(&c->leave_timer, r->client_loop, leave);
	timer_init(&c->dial_timer, r->client_loop, on_dial_timer);
	timer_set(&c->dial_timer, up_to(c, 3 * SECOND));
}

void client_free(struct client *c)
{
	hang_up(c, CONN_NOW);
	timer_done(&c->send_timer);
	timer_done(&c->read_timer);
	timer_done(&c->leave_timer);
	timer_done(&c->dial_timer);
	for (unsigned i = 0; i < c->n; i++) {
		free((char *)(uintptr_t)c->asks[i].bytes.p);
		reader_free(&c->asks[i].r);
	}
	buf_free(&c->raw);
}
