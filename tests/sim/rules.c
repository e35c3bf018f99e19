/* What must be true after a run, of what the clients saw, the providers did and the gateway
 * wrote down. */
#include "harness.h"

#include "gateway/gateway_impl.h"
#include "wire/json.h"
#include "wire/sse.h"

enum { STORY_MAX = 4 << 20 };

/* What an answer says, put together from all its events. */
struct story {
	struct buf content;
	char id[64]; /* of the provider's answer: the same in all events */
	unsigned events;
	bool done, error, usage, partial;
	bool mixed; /* more than one id */
	bool after; /* something came after [DONE] or an error */
	bool finish;
};

/* ---- reading ----------------------------------------------------------------- */

static void read_id(struct story *s, const struct json *v)
{
	struct slice id = json_str(json_get(v, "id"));

	if (id.n == 0)
		return;
	if (s->id[0] != '\0' && !slice_eq(slice_cstr(s->id), id))
		s->mixed = true;
	(void)snprintf(s->id, sizeof(s->id), "%.*s", SARG(id));
}

static struct slice text_of(const struct json *choice, const char *member)
{
	struct slice text = json_str(json_get(json_get(choice, member), "content"));

	return text.n > 0 ? text : json_str(json_get(choice, "text")); /* completions */
}

static void read_event(struct run *r, struct story *s, struct slice data)
{
	struct json_doc *doc = NULL;
	const struct json *v, *choice;

	if (s->done || s->error)
		s->after = true;
	s->events++;
	if (slice_eq(data, LIT("[DONE]"))) {
		s->done = true;
		return;
	}
	if (json_doc_read(&doc, r->mem, data, NULL) != OK) {
		broken(r, "X3", "an event that is not JSON: %.*s", SARG(slice_head(data, 100)));
		return;
	}
	v = json_root(doc);
	choice = json_at(json_get(v, "choices"), 0);
	read_id(s, v);
	if (json_is_object(json_get(v, "error")))
		s->error = true;
	if (json_is_object(json_get(v, "usage")))
		s->usage = true;
	if (json_is_string(json_get(choice, "finish_reason")))
		s->finish = true;
	INVARIANT(buf_append(&s->content, text_of(choice, "delta")) == OK);
	json_doc_free(doc);
}

static void read_stream(struct run *r, struct story *s, struct slice body)
{
	struct sse_event ev;
	enum sse_step step;
	struct sse sse;

	sse_init(&sse, r->mem, STORY_MAX);
	while ((step = sse_next(&sse, &body, &ev)) != SSE_MORE) {
		INVARIANT(step == SSE_EVENT);
		if (ev.has_data)
			read_event(r, s, ev.data);
	}
	s->partial = sse_eof(&sse, &ev);
	sse_free(&sse);
}

static void read_plain(struct run *r, struct story *s, struct slice body)
{
	struct json_doc *doc = NULL;
	const struct json *v;

	if (json_doc_read(&doc, r->mem, body, NULL) != OK) {
		broken(r, "X3", "a plain answer that is not JSON: %.*s",
		       SARG(slice_head(body, 100)));
		return;
	}
	v = json_at(json_get(json_root(doc), "choices"), 0);
	read_id(s, json_root(doc));
	INVARIANT(buf_append(&s->content, text_of(v, "message")) == OK);
	json_doc_free(doc);
}

/* ---- what the providers did -------------------------------------------------- */

typedef bool record_test(const struct mock_record *k, void *ctx);

/* The first request with this marker, of any provider, for which `test` holds. */
static const struct mock_record *find(struct run *r, const struct ask *a, record_test *test,
				      void *ctx)
{
	for (unsigned i = 0; i < PROVIDERS; i++)
		for (size_t k = 0; k < mock_record_n(r->mock[i]); k++) {
			const struct mock_record *rec = mock_record(r->mock[i], k);

			if (slice_find(rec->body, slice_cstr(a->marker)) != SLICE_NONE &&
			    test(rec, ctx))
				return rec;
		}
	return NULL;
}

static bool has_content(const struct mock_record *k, void *ctx UNUSED)
{
	/* A part of an event too large to be looked into counts: only content is that large. */
	return k->content_sent || k->finish_sent || k->bytes > EVENT_MAX;
}

/* A whole answer, as it was seen. */
struct whole {
	struct slice content;
	unsigned events; /* 0: a plain one, or not to be counted */
	bool wants_usage;
};

static bool says(const struct mock_record *k, void *ctx)
{
	return slice_eq(k->text, ((const struct whole *)ctx)->content);
}

/* Short texts may be alike, so the events are counted, too. */
static bool says_all(const struct mock_record *k, void *ctx)
{
	const struct whole *w = ctx;
	unsigned hidden = k->usage_sent && !w->wants_usage ? 1 : 0;
	unsigned added = strcmp(k->fault, "no_done") == 0 ? 1 : 0;

	return says(k, ctx) && (w->events == 0 || w->events == k->events - hidden + added);
}

static bool begins(const struct mock_record *k, void *ctx)
{
	return slice_starts(k->text, *(const struct slice *)ctx);
}

/* ---- one answer -------------------------------------------------------------- */

/* X3: all of one provider's answer, and of no other. */
static void check_whole(struct run *r, struct ask *a, struct story *s, const char *who)
{
	struct whole w = { .events = a->r.sse ? s->events : 0, .wants_usage = a->wants_usage };
	const struct mock_record *k;

	if (s->content.n > 0 && sabotage(r, SABOTAGE_TAIL))
		s->content.n--;
	if (s->content.n > 0 && sabotage(r, SABOTAGE_SPLICE))
		s->content.p[0] ^= 1;
	w.content = buf_slice(&s->content);
	if (a->r.sse && (s->usage || sabotage(r, SABOTAGE_USAGE)) && !a->wants_usage)
		broken(r, "X6", "%s: usage was shown to who did not ask", who);
	if (find(r, a, says_all, &w) != NULL)
		return;
	k = find(r, a, says, &w);
	if (k == NULL)
		broken(r, "X3", "%s: no provider gave this answer: %.*s (%zu bytes)", who,
		       SARG(slice_head(w.content, 80)), w.content.n);
	else
		broken(r, "X3", "%s: %u events came of %u (usage sent %d, fault %s)", who,
		       s->events, k->events, k->usage_sent, k->fault);
}

static void check_prefix(struct run *r, struct ask *a, struct story *s, const char *who)
{
	struct slice content = buf_slice(&s->content);

	if (content.n > 0 && find(r, a, begins, &content) == NULL)
		broken(r, "X3", "%s: no provider began an answer like this: %.*s", who,
		       SARG(slice_head(content, 80)));
}

static const struct record *record_of(const struct run *r, const char *id)
{
	for (size_t i = 0; i < r->records; i++)
		if (strcmp(r->record[i].id, id) == 0)
			return &r->record[i];
	return NULL;
}

/* How a stream ended and what was recorded must agree. */
static void check_end(struct run *r, const struct ask *a, const struct story *s,
		      const char *who)
{
	const struct record *k = record_of(r, a->r.id);
	bool complete;

	if (k == NULL)
		return; /* told by check_record_of() */
	complete = strcmp(k->end, "complete") == 0;
	if (a->answered && s->done && !complete)
		broken(r, "X5", "%s: a whole stream, recorded as %s", who, k->end);
	if (s->error && complete)
		broken(r, "X5", "%s: a failed stream, recorded as complete", who);
	if (!a->answered && !a->left && complete && r->profile.clients.reset <= 0 &&
	    r->profile.poor <= 0)
		broken(r, "X5", "%s: cut by the gateway, recorded as complete", who);
}

static void check_stream(struct run *r, struct ask *a, const char *who)
{
	struct story s = { 0 };
	bool whole = a->answered;

	buf_init(&s.content, r->mem, STORY_MAX);
	read_stream(r, &s, buf_slice(&a->r.body));
	if (!whole && s.content.n > 0 && !s.done && r->sabotage == SABOTAGE_WHOLE)
		whole = s.done = true;
	if (s.mixed)
		broken(r, "X3", "%s: events of two answers", who);
	if (s.after)
		broken(r, "X3", "%s: events after the last one", who);
	if (s.done && s.error)
		broken(r, "X3", "%s: an error and [DONE]", who);
	if (whole && s.partial)
		broken(r, "X3", "%s: ends inside an event", who);
	if (whole && !s.done && !s.error)
		broken(r, "X3", "%s: an end with neither [DONE] nor an error", who);
	if (s.done)
		check_whole(r, a, &s, who);
	else
		check_prefix(r, a, &s, who);
	check_end(r, a, &s, who);
	buf_free(&s.content);
}

static void check_plain(struct run *r, struct ask *a, const char *who)
{
	struct story s = { 0 };

	if (!a->answered)
		return; /* cut by the network: its length says so */
	buf_init(&s.content, r->mem, STORY_MAX);
	read_plain(r, &s, buf_slice(&a->r.body));
	check_whole(r, a, &s, who);
	buf_free(&s.content);
}

static void check_error(struct run *r, struct ask *a, const char *who)
{
	struct json_doc *doc = NULL;
	struct err err = { 0 };
	const struct json *e;

	if (!a->answered || (r->profile.poor > 0 && a->r.status == 503))
		return; /* without memory there may be no words */
	if (json_doc_read(&doc, r->mem, buf_slice(&a->r.body), &err) != OK) {
		broken(r, "error", "%s: status %u and no JSON: %.*s", who, a->r.status,
		       SARG(slice_head(buf_slice(&a->r.body), 100)));
		return;
	}
	e = json_get(json_root(doc), "error");
	if (json_str(json_get(e, "message")).n == 0 || json_str(json_get(e, "type")).n == 0)
		broken(r, "error", "%s: status %u without message or type: %.*s", who,
		       a->r.status, SARG(slice_head(buf_slice(&a->r.body), 200)));
	json_doc_free(doc);
}

void rules_begun(struct run *r, struct ask *a, const char *who)
{
	if (find(r, a, has_content, NULL) == NULL || sabotage(r, SABOTAGE_EARLY))
		broken(r, "X2", "%s: a 200 began and no provider had sent content", who);
}

static unsigned status_of(enum ask_kind k)
{
	switch (k) {
	case ASK_CHAT:
	case ASK_EMBEDDING:
	case ASK_MODELS:
	case ASK_HEALTH:
	case ASK_HEAD:
		return 200;
	case ASK_WRONG_KEY:
		return 401;
	case ASK_UNKNOWN_MODEL:
	case ASK_NO_PATH:
		return 404;
	case ASK_BAD_JSON:
	case ASK_BAD_HTTP:
		return 400;
	case ASK_TOO_LARGE:
		return 413;
	case ASK_KINDS:
		break;
	}
	return 0;
}

static void check_ask(struct run *r, struct ask *a, const char *who)
{
	unsigned want = status_of(a->kind);

	if (r->profile.calm && !a->answered)
		broken(r, "calm", "%s was not answered", who);
	if (a->answered && a->r.status != want &&
	    (r->profile.calm || (a->kind != ASK_CHAT && a->kind != ASK_EMBEDDING)) &&
	    a->r.status != 503 && a->r.status != 408)
		broken(r, "status", "%s: status %u, not %u", who, a->r.status, want);
	if (r->profile.failover && (a->kind == ASK_CHAT || a->kind == ASK_EMBEDDING) &&
	    (!a->answered || a->r.status != 200))
		broken(r, "X2", "%s: status %u although the others were well: %.*s", who,
		       a->r.status, SARG(slice_head(buf_slice(&a->r.body), 200)));
	if (!a->begun || a->r.status == 0)
		return;
	if (a->r.status >= 300) {
		check_error(r, a, who);
		return;
	}
	if (a->kind != ASK_CHAT)
		return;
	if (a->r.sse != a->stream)
		broken(r, "X3", "%s: a stream was%s asked for", who, a->stream ? "" : " not");
	else if (a->stream)
		check_stream(r, a, who);
	else
		check_plain(r, a, who);
}

/* ---- X4: who leaves is not worked for ---------------------------------------- */

static void check_left(struct run *r, struct ask *a, const char *who)
{
	uint64_t slack = SECOND + 6 * (r->profile.clients.latency_max_us +
				       r->profile.upstream.latency_max_us);

	if (!a->left || !r->profile.prompt)
		return;
	for (unsigned i = 0; i < PROVIDERS; i++)
		for (size_t k = 0; k < mock_record_n(r->mock[i]); k++) {
			const struct mock_record *rec = mock_record(r->mock[i], k);
			bool runs_on = rec->end == MOCK_CANCELLED &&
				       sabotage(r, SABOTAGE_RUNS_ON);

			if (slice_find(rec->body, slice_cstr(a->marker)) == SLICE_NONE)
				continue;
			if (runs_on ||
			    (rec->end == MOCK_COMPLETE && rec->ended_us > a->left_us + slack))
				broken(r, "X4",
				       "%s left, and a provider went on for %" PRIu64 " us",
				       who, rec->ended_us - a->left_us);
			if (rec->began_us > a->left_us + slack)
				broken(r, "X4", "%s left, and a provider was asked later", who);
		}
}

static void check_providers(struct run *r)
{
	for (unsigned i = 0; i < PROVIDERS; i++)
		for (size_t k = 0; k < mock_record_n(r->mock[i]); k++) {
			const struct mock_record *rec = mock_record(r->mock[i], k);

			if (rec->end == MOCK_OPEN)
				broken(r, "X4", "provider %u still works on request %" PRIu64,
				       i, rec->seq);
		}
}

/* ---- X5: one record each ----------------------------------------------------- */

static void check_records(struct run *r)
{
	if (r->begun != r->recorded || r->records != r->recorded)
		broken(r, "X5", "%zu exchanges, %zu ended, %zu records", r->begun, r->recorded,
		       r->records);
	if (gateway_open(r->gateway) != 0)
		broken(r, "X5", "%zu exchanges are still open", gateway_open(r->gateway));
	for (size_t i = 0; i < r->records; i++) {
		const struct record *k = &r->record[i];

		if (k->id[0] == '\0' || k->end[0] == '\0')
			broken(r, "X5", "a record without id or end");
		if (record_of(r, k->id) != k)
			broken(r, "X5", "two records for %s", k->id);
	}
}

static void check_record_of(struct run *r, const struct ask *a, const char *who)
{
	const struct record *k = record_of(r, a->r.id);

	if (!a->answered || a->r.id[0] == '\0')
		return;
	if (k == NULL) {
		broken(r, "X5", "%s: no record for %s", who, a->r.id);
		return;
	}
	if (k->status != a->r.status)
		broken(r, "X5", "%s: status %u, recorded as %u", who, a->r.status, k->status);
	if (a->r.status == 200 && !a->r.sse && strcmp(k->end, "complete") != 0)
		broken(r, "X5", "%s: whole, recorded as %s", who, k->end);
}

void rules_check(struct run *r)
{
	check_records(r);
	check_providers(r);
	for (unsigned i = 0; i < r->clients; i++)
		for (size_t k = 0; k < r->client[i].n; k++) {
			struct ask *a = &r->client[i].asks[k];
			char who[80];

			(void)snprintf(who, sizeof(who), "client %u ask %zu (%s)", i, k,
				       a->marker);
			check_ask(r, a, who);
			check_left(r, a, who);
			check_record_of(r, a, who);
		}
}
