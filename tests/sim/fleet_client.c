/* Those who ask: requests arrive at random and independently of each other (Poisson), each on a
 * kept connection or a new one, whatever became of those before.  What comes is judged on the
 * spot: all of one provider's answer, or an error in the client's own dialect. */
#include "fleet.h"

#include "wire/json.h"
#include "wire/sse.h"

#include <math.h>

enum { BODY_MAX = 1 << 20 };

/* ---- judging an answer ------------------------------------------------------- */

struct told {
	struct buf content;
	bool done, error, after;
};

static void read_event(struct fleet *f, struct told *t, struct slice data)
{
	struct json_doc *doc = NULL;
	const struct json *v;

	if (t->done || t->error)
		t->after = true;
	if (slice_eq(data, LIT("[DONE]"))) {
		t->done = true;
		return;
	}
	if (json_doc_read(&doc, f->mem, data, NULL) != OK) {
		fleet_broken(f->out, "X3", "an event that is not JSON: %.*s",
			     SARG(slice_head(data, 100)));
		return;
	}
	v = json_root(doc);
	if (json_is_object(json_get(v, "error")))
		t->error = true;
	v = json_get(json_get(json_at(json_get(v, "choices"), 0), "delta"), "content");
	INVARIANT(buf_append(&t->content, json_str(v)) == OK);
	json_doc_free(doc);
}

static void read_stream(struct fleet *f, struct told *t, struct slice body)
{
	struct sse_event ev;
	enum sse_step step;
	struct sse sse;

	sse_init(&sse, f->mem, BODY_MAX);
	while ((step = sse_next(&sse, &body, &ev)) != SSE_MORE) {
		INVARIANT(step == SSE_EVENT);
		if (ev.has_data)
			read_event(f, t, ev.data);
	}
	sse_free(&sse);
}

static void read_plain(struct fleet *f, struct told *t, struct slice body)
{
	struct json_doc *doc = NULL;
	const struct json *v;

	if (json_doc_read(&doc, f->mem, body, NULL) != OK) {
		fleet_broken(f->out, "X3", "a plain answer that is not JSON: %.*s",
			     SARG(slice_head(body, 100)));
		return;
	}
	v = json_at(json_get(json_root(doc), "choices"), 0);
	v = json_get(json_get(v, "message"), "content");
	INVARIANT(buf_append(&t->content, json_str(v)) == OK);
	t->done = true;
	json_doc_free(doc);
}

/* Whose answer this is, or begins: FLEET_PROVIDERS when nobody's. */
static unsigned whose(const struct fleet *f, const struct told *t)
{
	struct slice said = buf_slice(&t->content);

	for (unsigned i = 0; i < FLEET_PROVIDERS; i++)
		if (t->done ? slice_eq(said, f->answer[i]) : slice_starts(f->answer[i], said))
			return i;
	return FLEET_PROVIDERS;
}

static void judge_answer(struct fleet *f, const struct caller *c)
{
	struct slice body = buf_slice(&c->r.body);
	struct told t = { 0 };
	unsigned by;

	buf_init(&t.content, f->mem, BODY_MAX);
	if (c->r.sse != c->stream)
		fleet_broken(f->out, "X3", "a stream was%s asked for", c->stream ? "" : " not");
	else if (c->stream)
		read_stream(f, &t, body);
	else
		read_plain(f, &t, body);
	if (t.content.n > 0 && fleet_sabotage(f, FLEET_SPLICE))
		t.content.p[t.content.n / 2] ^= 1;
	by = whose(f, &t);
	if (by == FLEET_PROVIDERS)
		fleet_broken(f->out, "X3", "no provider gave this answer: %.*s",
			     SARG(slice_head(buf_slice(&t.content), 200)));
	else if (t.done == t.error || t.after)
		fleet_broken(f->out, "X3", "a stream that ends wrongly: done %d, error %d",
			     t.done, t.error);
	else if (t.error)
		f->out->broken_off++;
	else
		f->out->served[by]++;
	f->out->complete += t.done;
	buf_free(&t.content);
}

static void judge_error(struct fleet *f, const struct caller *c)
{
	struct slice body = buf_slice(&c->r.body);
	struct json_doc *doc = NULL;
	const struct json *e = NULL;

	if (fleet_sabotage(f, FLEET_ERROR))
		body = LIT("{\"type\":\"error\"}");
	if (json_doc_read(&doc, f->mem, body, NULL) == OK)
		e = json_get(json_root(doc), "error");
	if (json_str(json_get(e, "message")).n == 0 || json_str(json_get(e, "type")).n == 0)
		fleet_broken(f->out, "error", "status %u: %.*s", c->r.status,
			     SARG(slice_head(body, 200)));
	json_doc_free(doc);
	f->out->refused++;
}

static void note_first_content(struct fleet *f, const struct caller *c)
{
	uint64_t us = c->first_us - c->asked_us;

	f->out->ttfc_us[f->out->ttfc_n++] = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
}

static void judge(struct fleet *f, const struct caller *c)
{
	uint64_t complete = f->out->complete;

	f->answered++;
	if (c->r.state != READER_DONE)
		fleet_broken(f->out, "http", "an answer of status %u that was cut off",
			     c->r.status);
	else if (c->r.status == 200)
		judge_answer(f, c);
	else
		judge_error(f, c);
	if (f->out->complete > complete)
		note_first_content(f, c);
}

/* ---- connections ------------------------------------------------------------- */

static void caller_free(struct caller *c)
{
	if (c->conn != NULL)
		conn_close(c->conn, CONN_NOW);
	reader_free(&c->r);
	list_del(&c->link);
	free(c);
}

static void ask(struct caller *c)
{
	if (conn_write(c->conn, &c->fleet->ask[c->stream], 1) != OK)
		return; /* `ended` follows */
}

static void on_opened(void *ctx)
{
	struct caller *c = ctx;

	c->open = true;
	ask(c);
}

/* The answer is whole, or will never be. */
static void over(struct caller *c)
{
	struct fleet *f = c->fleet;

	judge(f, c);
	c->busy = false;
	reader_free(&c->r);
	reader_init(&c->r, f->mem, false);
	list_del(&c->link);
	list_push_head(&f->idle, &c->link);
}

/* Not freed in its own callback: with the next arrival, or at the end. */
static void gone(struct caller *c)
{
	if (c->busy) {
		reader_eof(&c->r);
		over(c);
	}
	conn_close(c->conn, CONN_NOW);
	c->conn = NULL;
	list_del(&c->link);
	list_push_tail(&c->fleet->gone, &c->link);
}

static void on_data(void *ctx, struct slice bytes)
{
	struct caller *c = ctx;
	size_t n;

	if (!c->busy) {
		fleet_broken(c->fleet->out, "http", "bytes that nobody asked for: %.*s",
			     SARG(slice_head(bytes, 60)));
		return;
	}
	n = reader_feed(&c->r, bytes);
	if (c->first_us == 0 && reader_has_head(c->r.state))
		c->first_us = loop_now_us(c->fleet->client_loop);
	if (c->r.state == READER_BAD) {
		fleet_broken(c->fleet->out, "http", "bad %s", c->r.bad);
		gone(c);
		return;
	}
	if (c->r.state != READER_DONE)
		return;
	if (n < bytes.n)
		fleet_broken(c->fleet->out, "http", "%zu bytes beyond an answer", bytes.n - n);
	if (c->r.close)
		gone(c);
	else
		over(c);
}

static void on_ended(void *ctx, enum rc why UNUSED, const struct err *err UNUSED)
{
	gone(ctx);
}

static const struct conn_events events = {
	.opened = on_opened,
	.data = on_data,
	.ended = on_ended,
};

static struct caller *new_caller(struct fleet *f)
{
	struct caller *c = calloc(1, sizeof(*c));

	INVARIANT(c != NULL);
	c->fleet = f;
	reader_init(&c->r, f->mem, false);
	INVARIANT(conn_connect(&c->conn, f->client_loop, &f->gateway_at, NULL, LIT("gateway"),
			       &events, c, NULL) == OK);
	return c;
}

/* ---- arrivals ---------------------------------------------------------------- */

static void bury(struct fleet *f)
{
	while (!list_empty(&f->gone))
		caller_free(CONTAINER_OF(f->gone.next, struct caller, link));
}

static void next_arrival(struct fleet *f)
{
	/* 1 - x is never 0. */
	f->next_us += -log(1 - rng_unit(&f->rng)) * 1e6 / f->scenario.rate;
	timer_set(&f->arrival, fleet_until_us(f, (uint64_t)f->next_us));
}

static void on_arrival(struct timer *t)
{
	struct fleet *f = CONTAINER_OF(t, struct fleet, arrival);
	struct caller *c;

	bury(f);
	if (list_empty(&f->idle)) {
		c = new_caller(f);
	} else {
		c = CONTAINER_OF(f->idle.next, struct caller, link);
		list_del(&c->link);
	}
	list_push_tail(&f->busy, &c->link);
	c->busy = true;
	c->stream = rng_chance(&f->rng, 0.5);
	c->asked_us = loop_now_us(f->client_loop);
	c->first_us = 0;
	f->sent++;
	if (c->open)
		ask(c);
	if (f->sent < f->spec->requests)
		next_arrival(f);
}

static struct slice question(bool stream)
{
	char body[4096], text[8192];
	/* About as long as so many tokens are. */
	int pad = PROMPT_TOKENS * 4 - 100;
	int n = snprintf(body, sizeof(body),
			 "{\"model\":\"chat\",\"stream\":%s,\"messages\":[{\"role\":\"user\","
			 "\"content\":\"%*s\"}]}",
			 stream ? "true" : "false", pad, "tell me about fish");
	int m = snprintf(text, sizeof(text),
			 "POST /v1/chat/completions HTTP/1.1\r\nHost: gateway\r\n"
			 "Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s",
			 n, body);
	char *p = malloc((size_t)m);

	INVARIANT(p != NULL && n < (int)sizeof(body) && m < (int)sizeof(text));
	memcpy(p, text, (size_t)m);
	return slice_of(p, (size_t)m);
}

void fleet_clients_begin(struct fleet *f)
{
	list_init(&f->idle);
	list_init(&f->busy);
	list_init(&f->gone);
	f->ask[0] = question(false);
	f->ask[1] = question(true);
	timer_init(&f->arrival, f->client_loop, on_arrival);
	next_arrival(f);
}

void fleet_clients_free(struct fleet *f)
{
	struct link *lists[] = { &f->idle, &f->busy, &f->gone };

	for (size_t i = 0; i < ARRAY_LEN(lists); i++)
		while (!list_empty(lists[i]))
			caller_free(CONTAINER_OF(lists[i]->next, struct caller, link));
	timer_done(&f->arrival);
	for (unsigned i = 0; i < 2; i++)
		free((char *)(uintptr_t)f->ask[i].p);
}

bool fleet_clients_done(void *fleet)
{
	const struct fleet *f = fleet;

	return f->answered == f->spec->requests;
}
