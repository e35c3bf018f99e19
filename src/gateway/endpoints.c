/* gateway/endpoints.c -- the paths there are, who may ask, and the answers that need no
 * provider. */
#include "gateway/gateway_impl.h"

#include "wire/http1.h"

enum path_kind { PATH_EXCHANGE, PATH_MODELS, PATH_HEALTH, PATH_READY, PATH_METRICS, PATH_HOME };

struct path_row {
	struct slice path;
	struct slice method;
	enum path_kind kind;
	enum openai_endpoint endpoint;
};

/* Each under /v1/ is also there under /openai/v1/.  A path that ends in a slash stands for
 * what is below it. */
static const struct path_row paths[] = {
	{ LITC("/v1/chat/completions"), LITC("POST"), PATH_EXCHANGE, OPENAI_CHAT },
	{ LITC("/v1/completions"), LITC("POST"), PATH_EXCHANGE, OPENAI_COMPLETIONS },
	{ LITC("/v1/embeddings"), LITC("POST"), PATH_EXCHANGE, OPENAI_EMBEDDINGS },
	{ LITC("/v1/models"), LITC("GET"), PATH_MODELS, 0 },
	{ LITC("/v1/models/"), LITC("GET"), PATH_MODELS, 0 },
	{ LITC("/health"), LITC("GET"), PATH_HEALTH, 0 },
	{ LITC("/ready"), LITC("GET"), PATH_READY, 0 },
	{ LITC("/metrics"), LITC("GET"), PATH_METRICS, 0 },
	{ LITC("/"), LITC("GET"), PATH_HOME, 0 },
};

static const struct path_row *find_path(struct slice path)
{
	if (slice_starts(path, LIT("/openai/v1/")))
		path = slice_skip(path, sizeof("/openai") - 1);
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		struct slice p = paths[i].path;

		if (slice_eq(path, p) || (p.n > 1 && slice_ends(p, LIT("/")) &&
					  slice_starts(path, p) && path.n > p.n))
			return &paths[i];
	}
	return NULL;
}

/* ---- answers ---------------------------------------------------------------------------- */

static void answer(struct http_request *rq, unsigned status, struct slice type,
		   struct slice body)
{
	const struct header h[] = { { LIT("Content-Type"), type } };

	reply_send(rq, status, h, ARRAY_LEN(h), body);
}

void answer_error(struct gateway *g, struct http_request *rq, enum answer what,
		  const char *code, const char *param, struct slice message,
		  const struct header *extra, size_t extra_n)
{
	const struct answer_row *row = answer_row(what);
	struct slice body = openai_error_write(request_arena(rq), message, row->type, param,
					       code == NULL ? row->code : code);
	struct header h[4];
	size_t n = 0;

	(void)g;
	h[n++] = (struct header){ LIT("Content-Type"), LIT("application/json") };
	for (size_t i = 0; i < extra_n && n < ARRAY_LEN(h); i++)
		h[n++] = extra[i];
	if (body.n == 0) /* not even memory for the words */
		body = LIT(
			"{\"error\":{\"message\":\"out of memory\",\"type\":\"server_error\","
			"\"param\":null,\"code\":\"overloaded\"}}");
	reply_send(rq, row->status, h, n, body);
}

const struct client_key *request_key(const struct snapshot *s, const struct http_head *h,
				     bool *ok, bool *wrong)
{
	struct slice given = http_header(h, LIT("authorization")), scheme, rest;
	const struct client_key *key;

	*ok = s->key_n == 0;
	*wrong = false;
	if (*ok)
		return NULL;
	if (given.n > 0) {
		if (!slice_cut(given, ' ', &scheme, &rest) || !slice_ieq(scheme, LIT("bearer")))
			rest = (struct slice){ NULL, 0 };
		given = slice_trim(rest);
	} else {
		given = http_header(h, LIT("api-key"));
		if (given.n == 0)
			given = http_header(h, LIT("x-api-key"));
	}
	*wrong = given.n > 0;
	key = snapshot_key(s, given);
	*ok = key != NULL;
	return key;
}

/* False: refused. */
static bool may_ask(struct gateway *g, struct http_request *rq, const struct client_key **key)
{
	bool ok, wrong;

	*key = request_key(g->view->snapshot, request_head(rq), &ok, &wrong);
	if (!ok)
		answer_error(g, rq, wrong ? A_WRONG_KEY : A_MISSING_KEY, NULL, NULL,
			     LIT("A key of this gateway is needed: send it as "
				 "\"Authorization: Bearer KEY\"."),
			     NULL, 0);
	return ok;
}

static enum rc put_model(struct buf *out, struct arena *a, const struct model *m, bool first)
{
	struct slice id = json_quote(a, m->name), owner = json_quote(a, m->owned_by);
	struct slice text = arena_fmt(
		a, "%s{\"id\":%.*s,\"object\":\"model\",\"created\":0,\"owned_by\":%.*s}",
		first ? "" : ",", SARG(id), SARG(owner));

	return arena_failed(a) ? E_NOMEM : buf_append(out, text);
}

static void list_models(struct gateway *g, struct http_request *rq,
			const struct client_key *key)
{
	const struct snapshot *s = g->view->snapshot;
	struct arena *a = request_arena(rq);
	struct buf out;
	bool first = true;
	enum rc rc;

	buf_init(&out, g->mem, 64 << 20);
	rc = buf_append(&out, LIT("{\"object\":\"list\",\"data\":["));
	for (size_t i = 0; rc == OK && i < s->model_n; i++) {
		struct arena_mark before = arena_mark(a);

		if (key != NULL && !client_key_allows(key, s->model_list[i]->name))
			continue;
		rc = put_model(&out, a, s->model_list[i], first);
		arena_rewind(a, before);
		first = false;
	}
	if (rc == OK)
		rc = buf_append(&out, LIT("]}"));
	if (rc == OK)
		answer(rq, 200, LIT("application/json"), buf_slice(&out));
	else
		answer_error(g, rq, A_OVERLOADED, NULL, NULL, LIT("Out of memory."), NULL, 0);
	buf_free(&out);
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c = (char)(c | 0x20);
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Clients write "provider/model" as provider%2Fmodel here.  What is no escape stays. */
static struct slice unescape(struct arena *a, struct slice s)
{
	char *p;
	size_t n = 0;

	if (slice_find_char(s, '%') == SLICE_NONE)
		return s;
	p = arena_bytes(a, s.n);
	for (size_t i = 0; p != NULL && i < s.n; n++) {
		int hi = s.n - i > 2 && s.p[i] == '%' ? hex(s.p[i + 1]) : -1;
		int lo = hi >= 0 ? hex(s.p[i + 2]) : -1;

		p[n] = lo >= 0 ? (char)(hi * 16 + lo) : s.p[i];
		i += lo >= 0 ? 3 : 1;
	}
	return slice_of(p, n);
}

static void one_model(struct gateway *g, struct http_request *rq, const struct client_key *key,
		      struct slice name)
{
	const struct snapshot *s = g->view->snapshot;
	struct arena *a = request_arena(rq);
	const struct model *m = map_get(&s->models, name);
	struct buf out;

	if (m == NULL || (key != NULL && !client_key_allows(key, name))) {
		answer_error(g, rq, A_MODEL_NOT_FOUND, NULL, "model",
			     arena_fmt(a, "There is no model \"%.*s\" here.",
				       SARG(slice_head(name, 200))),
			     NULL, 0);
		return;
	}
	buf_init(&out, g->mem, 65536);
	if (put_model(&out, a, m, true) == OK)
		answer(rq, 200, LIT("application/json"), buf_slice(&out));
	else
		answer_error(g, rq, A_OVERLOADED, NULL, NULL, LIT("Out of memory."), NULL, 0);
	buf_free(&out);
}

static void models(struct gateway *g, struct http_request *rq)
{
	struct slice path = request_path(rq);
	const struct client_key *key;
	size_t at = slice_find(path, LIT("/models/"));

	if (!may_ask(g, rq, &key))
		return;
	if (at == SLICE_NONE)
		list_models(g, rq, key);
	else
		one_model(g, rq, key,
			  unescape(request_arena(rq),
				   slice_skip(path, at + sizeof("/models/") - 1)));
}

static void metrics(struct gateway *g, struct http_request *rq)
{
	const struct client_key *key;
	struct buf out;

	if (!g->view->snapshot->metrics_public && !may_ask(g, rq, &key))
		return;
	buf_init(&out, g->mem, 4 << 20);
	if (metrics_write(g->shared, &out) == OK)
		answer(rq, 200, LIT("text/plain; version=0.0.4; charset=utf-8"),
		       buf_slice(&out));
	else
		answer_error(g, rq, A_OVERLOADED, NULL, NULL, LIT("Out of memory."), NULL, 0);
	buf_free(&out);
}

static void home(struct gateway *g, struct http_request *rq)
{
	const struct snapshot *s = g->view->snapshot;

	answer(rq, 200, LIT("text/plain; charset=utf-8"),
	       arena_fmt(request_arena(rq),
			 "weir %s is running: %zu models of %zu providers.\n\n"
			 "  POST /v1/chat/completions    chat, plain and streamed\n"
			 "  POST /v1/completions         legacy completions\n"
			 "  POST /v1/embeddings          embeddings\n"
			 "  GET  /v1/models              what can be asked\n"
			 "  GET  /health /ready /metrics\n",
			 WEIR_VERSION, s->model_n, s->provider_n));
}

/* ---- what the server calls ----------------------------------------------------------------
 */

static size_t body_max(void *ctx, const struct http_request *rq)
{
	struct gateway *g = ctx;
	const struct path_row *row = find_path(request_path(rq));

	return row != NULL && row->kind == PATH_EXCHANGE ? g->view->snapshot->body_max : 65536;
}

static void wrong_method(struct gateway *g, struct http_request *rq, const struct path_row *row)
{
	const struct header allow = { LIT("Allow"), row->method };

	answer_error(
		g, rq, A_METHOD, NULL, NULL,
		arena_fmt(request_arena(rq), "This path takes %.*s only.", SARG(row->method)),
		&allow, 1);
}

static void on_request(void *ctx, struct http_request *rq, void **of_request)
{
	struct gateway *g = ctx;
	const struct path_row *row = find_path(request_path(rq));
	struct slice method = request_head(rq)->method;
	bool head = slice_eq(method, LIT("HEAD"));

	*of_request = NULL;
	if (row == NULL) {
		answer_error(g, rq, A_NOT_FOUND, NULL, NULL,
			     arena_fmt(request_arena(rq),
				       "There is no path %.*s. Chat completions are at "
				       "/v1/chat/completions.",
				       SARG(slice_head(request_path(rq), 200))),
			     NULL, 0);
		return;
	}
	if (!slice_eq(method, row->method) && !(head && slice_eq(row->method, LIT("GET")))) {
		wrong_method(g, rq, row);
		return;
	}
	switch (row->kind) {
	case PATH_EXCHANGE:
		*of_request = exchange_begin(g, rq, row->endpoint);
		break;
	case PATH_MODELS:
		models(g, rq);
		break;
	case PATH_HEALTH:
		answer(rq, 200, LIT("application/json"), LIT("{\"status\":\"ok\"}"));
		break;
	case PATH_READY:
		if (g->draining)
			answer(rq, 503, LIT("application/json"),
			       LIT("{\"status\":\"stopping\"}"));
		else
			answer(rq, 200, LIT("application/json"), LIT("{\"status\":\"ready\"}"));
		break;
	case PATH_METRICS:
		metrics(g, rq);
		break;
	case PATH_HOME:
		home(g, rq);
		break;
	}
}

static void on_drained(void *ctx, void *of_request)
{
	(void)ctx;
	if (of_request != NULL)
		exchange_drained(of_request);
}

static void on_gone(void *ctx, void *of_request, enum rc why)
{
	(void)ctx;
	if (of_request != NULL)
		exchange_gone(of_request, why);
}

static const char *refusal_words(unsigned status)
{
	switch (status) {
	case 408:
		return "The request took too long to arrive.";
	case 413:
		return "The body is larger than this gateway takes (limits.body).";
	case 414:
	case 431:
		return "The request's head is larger than this gateway takes (limits.head).";
	case 501:
		return "The method or transfer coding is not known here.";
	case 503:
		return "The gateway has no room for more connections at present.";
	case 505:
		return "Only HTTP/1.0 and HTTP/1.1 are spoken here.";
	default:
		return "The request is not well-formed HTTP; the connection is closed.";
	}
}

static struct slice on_refuse(void *ctx, struct arena *a, struct slice path, unsigned status,
			      const char *id, struct slice *content_type)
{
	(void)ctx;
	(void)path; /* one dialect so far */
	*content_type = LIT("application/json");
	return openai_error_write(a, slice_cstr(refusal_words(status)),
				  status >= 500 ? "server_error" : "invalid_request_error",
				  NULL, id);
}

const struct http_handler gateway_handler = {
	.body_max = body_max,
	.request = on_request,
	.drained = on_drained,
	.gone = on_gone,
	.refuse = on_refuse,
};
