/* /mock/...: how a test outside of the process sees and steers the simulator. */
#include "mock/exchange.h"

#include "wire/url.h"

static const char *end_name(enum mock_end e)
{
	static const char *const names[] = {
		[MOCK_OPEN] = "open",
		[MOCK_COMPLETE] = "complete",
		[MOCK_FAULT] = "fault",
		[MOCK_CANCELLED] = "cancelled",
	};

	return names[e];
}

/* X9: a key that was sent is shown as its last four characters. */
static bool is_secret(struct slice name)
{
	static const char *const names[] = { "authorization", "api-key", "x-api-key",
					     "x-goog-api-key", "proxy-authorization" };

	for (size_t i = 0; i < ARRAY_LEN(names); i++)
		if (slice_ieq(name, slice_cstr(names[i])))
			return true;
	return false;
}

static void put_headers(struct say *o, const struct http_head *h)
{
	say_lit(o, "[");
	for (size_t i = 0; i < h->header_n; i++) {
		struct slice v = h->headers[i].value;

		say_lit(o, i > 0 ? ",[" : "[");
		say_json(o, h->headers[i].name);
		say_lit(o, ",");
		if (is_secret(h->headers[i].name)) {
			say_lit(o, "\"***");
			say_json_part(o, v.n > 8 ? slice_skip(v, v.n - 4) : slice_of("", 0));
			say_lit(o, "\"");
		} else {
			say_json(o, v);
		}
		say_lit(o, "]");
	}
	say_lit(o, "]");
}

static void put_bool(struct say *o, const char *name, bool v)
{
	say_fmt(o, ",\"%s\":%s", name, v ? "true" : "false");
}

static void put_number(struct say *o, const char *name, uint64_t v)
{
	say_fmt(o, ",\"%s\":%" PRIu64, name, v);
}

static void put_text(struct say *o, const char *name, struct slice v)
{
	say_fmt(o, ",\"%s\":", name);
	say_json(o, v);
}

static void put_record(struct say *o, const struct mock_record *r)
{
	say_fmt(o, "{\"seq\":%" PRIu64, r->seq);
	put_text(o, "method", r->head.method);
	put_text(o, "path", r->path);
	put_text(o, "query", r->query);
	say_lit(o, ",\"headers\":");
	put_headers(o, &r->head);
	put_text(o, "model", r->model);
	put_bool(o, "stream", r->stream);
	say_lit(o, ",\"body_b64\":\"");
	say_base64(o, r->body);
	say_lit(o, "\"");
	put_bool(o, "body_complete", r->body_complete);
	put_text(o, "fault", slice_cstr(r->fault));
	put_number(o, "status", r->status);
	put_number(o, "bytes", r->bytes);
	put_number(o, "events", r->events);
	put_text(o, "text", r->text);
	put_number(o, "text_sent", r->text_sent);
	put_number(o, "prompt_tokens", r->prompt_tokens);
	put_number(o, "completion_tokens", r->completion_tokens);
	put_bool(o, "usage_sent", r->usage_sent);
	put_bool(o, "content_sent", r->content_sent);
	put_bool(o, "finish_sent", r->finish_sent);
	put_text(o, "end", slice_cstr(end_name(r->end)));
	put_number(o, "began_us", r->began_us);
	put_number(o, "received_us", r->received_us);
	put_number(o, "first_byte_us", r->first_byte_us);
	put_number(o, "ended_us", r->ended_us);
	put_number(o, "connection", r->connection);
	put_number(o, "on_connection", r->on_connection);
	say_lit(o, "}");
}

static uint64_t query_number(const struct exchange *x, struct slice name, uint64_t other)
{
	struct slice v;

	if (url_query(x->rec.query, name, &v) && !slice_u64(v, &other))
		return other;
	return other;
}

static void put_records(struct exchange *x, struct say *o)
{
	struct mock *m = x->mock;
	uint64_t since = query_number(x, LIT("since"), 0);
	bool first = true;

	say_lit(o, "[");
	for (size_t i = 0; i < m->record_n; i++) {
		const struct mock_record *r = mock_record(m, i);

		if (r->seq <= since)
			continue;
		say_lit(o, first ? "\n" : ",\n");
		first = false;
		put_record(o, r);
	}
	say_lit(o, "]\n");
}

static void put_health(struct exchange *x, struct say *o)
{
	const struct mock *m = x->mock;

	say_fmt(o,
		"{\"status\":\"ok\",\"requests\":%" PRIu64 ",\"connections\":%" PRIu64
		",\"open_requests\":%zu,\"open_connections\":%zu,\"script_left\":%zu,"
		"\"records\":%zu}\n",
		m->stats.requests, m->stats.connections, m->stats.open_requests,
		m->stats.open_connections, m->script_left, m->record_n);
}

static void put_words(struct exchange *x, struct say *o)
{
	const struct mock *m = x->mock;
	uint64_t tokens = query_number(x, LIT("tokens"), m->o->tokens.min);
	struct slice text = mock_text(&x->work, m->o->seed,
				      tokens > MOCK_TOKENS_MAX ? MOCK_TOKENS_MAX : tokens);

	say_lit(o, "{\"text\":");
	say_json(o, text);
	say_lit(o, "}\n");
}

static void put_providers(struct say *o)
{
	for (size_t i = 0; mock_as_name(i) != NULL; i++) {
		say_lit(o, i == 0 ? "[" : ",");
		say_json(o, slice_cstr(mock_as_name(i)));
	}
	say_lit(o, "]\n");
}

static unsigned changed(struct exchange *x, struct say *o, enum rc rc, const struct err *err)
{
	say_clear(o);
	if (rc == OK) {
		say_fmt(o, "{\"status\":\"ok\",\"script_left\":%zu}\n", x->mock->script_left);
		return 200;
	}
	say_lit(o, "{\"error\":");
	say_json(o, slice_cstr(err->rc == OK ? rc_text(rc) : err->text));
	say_lit(o, "}\n");
	return 400;
}

static unsigned respond(struct exchange *x, struct say *o)
{
	struct mock *m = x->mock;
	struct slice path = slice_skip(x->rec.path, sizeof("/mock/") - 1);
	bool post = slice_eq(x->rec.head.method, LIT("POST"));
	bool gone = slice_eq(x->rec.head.method, LIT("DELETE"));
	bool get = slice_eq(x->rec.head.method, LIT("GET"));
	struct err err = { .rc = OK };

	if (get && slice_eq(path, LIT("health"))) {
		put_health(x, o);
	} else if (get && slice_eq(path, LIT("records"))) {
		put_records(x, o);
	} else if (get && slice_eq(path, LIT("text"))) {
		put_words(x, o);
	} else if (get && slice_eq(path, LIT("providers"))) {
		put_providers(o);
	} else if (gone && slice_eq(path, LIT("records"))) {
		mock_records_clear(m);
		return changed(x, o, OK, &err);
	} else if (gone && slice_eq(path, LIT("script"))) {
		mock_script_clear(m);
		return changed(x, o, OK, &err);
	} else if (post && slice_eq(path, LIT("script"))) {
		return changed(x, o, mock_script(m, x->rec.body, &err), &err);
	} else if (post && slice_eq(path, LIT("options"))) {
		return changed(x, o, mock_set(m, slice_trim(x->rec.body), &err), &err);
	} else {
		say_lit(o, "{\"error\":\"there is no such control\"}\n");
		return 404;
	}
	return 200;
}

void control_answer(struct exchange *x)
{
	struct say *o = &x->mock->out;
	unsigned status;

	x->o = x->mock->control;
	say_clear(o);
	status = respond(x, o);
	shape_control(x, status, say_slice(o));
}
