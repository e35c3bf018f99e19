/* gateway/endpoints.c -- the paths there are, who may ask, and the answers that need no
 * provider. */
#include "gateway/gateway_impl.h"

#include "wire/http1.h"

enum path_kind {
	PATH_EXCHANGE,
	PATH_MODELS,
	PATH_HEALTH,
	PATH_READY,
	PATH_METRICS,
	PATH_HOME,
	PATH_DECISIONS,
	PATH_DRY_RUN,
};

struct path_row {
	/* What the path begins and ends with; between them is a model's name, unless `tail` is
	 * NULL: then `head` is all of it. */
	const char *head, *tail;
	const char *method;
	enum path_kind kind;
	const struct dialect *dialect;
	enum chat_op op;
	enum tri stream;
};

#define POST(head, dialect, op)                                                                \
	{                                                                                      \
		head, NULL, "POST", PATH_EXCHANGE, &dialect_##dialect, op, UNSET               \
	}
#define MODEL(head, tail, dialect, op, stream)                                                 \
	{                                                                                      \
		head, tail, "POST", PATH_EXCHANGE, &dialect_##dialect, op, stream              \
	}
#define LIST(head, dialect)                                                                    \
	{                                                                                      \
		head, NULL, "GET", PATH_MODELS, &dialect_##dialect, 0, UNSET                   \
	}
#define ONE(head, dialect)                                                                     \
	{                                                                                      \
		head, "", "GET", PATH_MODELS, &dialect_##dialect, 0, UNSET                     \
	}
#define OWN(head, kind)                                                                        \
	{                                                                                      \
		head, NULL, "GET", kind, NULL, 0, UNSET                                        \
	}

/* Where the dialects' official clients call when only their base URL is changed.  The first
 * that fits counts. */
static const struct path_row paths[] = {
	POST("/v1/chat/completions", openai, OP_CHAT),
	POST("/v1/responses", responses, OP_CHAT),
	POST("/v1/messages", anthropic, OP_CHAT),
	POST("/v1/messages/count_tokens", anthropic, OP_COUNT_TOKENS),
	POST("/v1/completions", openai, OP_COMPLETIONS),
	POST("/v1/embeddings", openai, OP_EMBEDDINGS),
	MODEL("/v1beta/models/", ":generateContent", gemini, OP_CHAT, NO),
	MODEL("/v1beta/models/", ":streamGenerateContent", gemini, OP_CHAT, YES),
	MODEL("/v1beta/models/", ":countTokens", gemini, OP_COUNT_TOKENS, NO),
	MODEL("/v1beta/models/", ":embedContent", gemini, OP_EMBEDDINGS, NO),
	MODEL("/v1beta/models/", ":batchEmbedContents", gemini, OP_EMBEDDINGS, NO),
	MODEL("/v1/models/", ":generateContent", gemini, OP_CHAT, NO),
	MODEL("/v1/models/", ":streamGenerateContent", gemini, OP_CHAT, YES),
	MODEL("/v1/models/", ":countTokens", gemini, OP_COUNT_TOKENS, NO),
	MODEL("/v1/models/", ":embedContent", gemini, OP_EMBEDDINGS, NO),
	MODEL("/v1/models/", ":batchEmbedContents", gemini, OP_EMBEDDINGS, NO),
	MODEL("/model/", "/converse", bedrock, OP_CHAT, NO),
	MODEL("/model/", "/converse-stream", bedrock, OP_CHAT, YES),
	MODEL("/model/", "/count-tokens", bedrock, OP_COUNT_TOKENS, NO),
	POST("/v2/chat", cohere, OP_CHAT),
	POST("/v2/embed", cohere, OP_EMBEDDINGS),
	LIST("/v1/models", openai),
	ONE("/v1/models/", openai),
	LIST("/v1/models", anthropic),
	ONE("/v1/models/", anthropic),
	LIST("/v1/models", cohere),
	ONE("/v1/models/", cohere),
	LIST("/v1beta/models", gemini),
	ONE("/v1beta/models/", gemini),
	LIST("/v1/models", gemini),
	ONE("/v1/models/", gemini),
	LIST("/foundation-models", bedrock),
	ONE("/foundation-models/", bedrock),
	OWN("/health", PATH_HEALTH),
	OWN("/ready", PATH_READY),
	OWN("/metrics", PATH_METRICS),
	OWN("/", PATH_HOME),
	OWN("/admin/v1/exchanges", PATH_DECISIONS),
	{ "/admin/v1/exchanges/", "", "GET", PATH_DECISIONS, NULL, 0, UNSET },
	{ "/admin/v1/route", NULL, "POST", PATH_DRY_RUN, NULL, OP_CHAT, UNSET },
};

/* Under these everything of one family is found again, so that paths which several have
 * (/v1/models) can be told apart. */
static const struct {
	struct slice prefix;
	const struct dialect *dialect, *too;
} families[] = {
	{ LITC("/openai"), &dialect_openai, &dialect_responses },
	{ LITC("/anthropic"), &dialect_anthropic, NULL },
	{ LITC("/gemini"), &dialect_gemini, NULL },
	{ LITC("/bedrock"), &dialect_bedrock, NULL },
	{ LITC("/cohere"), &dialect_cohere, NULL },
};

static bool fits(const struct path_row *row, struct slice path, struct slice *model)
{
	struct slice head = slice_cstr(row->head), tail;

	*model = (struct slice){ NULL, 0 };
	if (row->tail == NULL)
		return slice_eq(path, head);
	tail = slice_cstr(row->tail);
	if (path.n <= head.n + tail.n || !slice_starts(path, head) || !slice_ends(path, tail))
		return false;
	*model = slice_of(path.p + head.n, path.n - head.n - tail.n);
	return true;
}

struct found {
	const struct path_row *row;    /* NULL: there is no such path */
	const struct dialect *dialect; /* to answer in */
	struct slice model;            /* as in the path */
};

/* The dialect of a path that is none of ours, or not yet known to be. */
static const struct dialect *guess_dialect(struct slice path)
{
	if (slice_starts(path, LIT("/v1/messages")))
		return &dialect_anthropic;
	if (slice_starts(path, LIT("/v1beta/")))
		return &dialect_gemini;
	if (slice_starts(path, LIT("/model/")))
		return &dialect_bedrock;
	if (slice_starts(path, LIT("/v2/")))
		return &dialect_cohere;
	return &dialect_openai;
}

/* `h` (may be NULL): headers tell apart who asks for a list of models. */
static struct found find_path(struct slice path, struct slice method, const struct http_head *h)
{
	const struct dialect *of = NULL, *too = NULL;
	struct found found = { 0 };
	struct slice model;

	for (size_t i = 0; i < ARRAY_LEN(families); i++)
		if (slice_starts(path, families[i].prefix) &&
		    slice_starts(slice_skip(path, families[i].prefix.n), LIT("/"))) {
			path = slice_skip(path, families[i].prefix.n);
			of = families[i].dialect;
			too = families[i].too;
			break;
		}
	found.dialect = of != NULL ? of : guess_dialect(path);
	if (of == NULL && h != NULL && slice_starts(path, LIT("/v1/models"))) {
		if (http_header(h, LIT("anthropic-version")).n > 0)
			of = &dialect_anthropic;
		else if (http_header(h, LIT("x-goog-api-key")).n > 0)
			of = &dialect_gemini;
	}
	for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
		const struct path_row *row = &paths[i];

		if (of != NULL && row->dialect != of && (too == NULL || row->dialect != too))
			continue;
		if (!fits(row, path, &model))
			continue;
		/* The same path may be there for another method. */
		if (found.row == NULL || slice_eq(slice_cstr(row->method), method)) {
			bool better = found.row == NULL ||
				      !slice_eq(slice_cstr(found.row->method), method);

			if (better) {
				found.row = row;
				found.model = model;
				if (row->dialect != NULL)
					found.dialect = row->dialect;
			}
		}
	}
	return found;
}

/* ---- answers ---------------------------------------------------------------------------- */

static void answer(struct http_request *rq, unsigned status, struct slice type,
		   struct slice body)
{
	const struct header h[] = { { LIT("Content-Type"), type } };

	reply_send(rq, status, h, ARRAY_LEN(h), body);
}

void answer_error(struct http_request *rq, const struct dialect *d, enum answer what,
		  const char *code, const char *param, struct slice message,
		  const struct header *extra, size_t extra_n)
{
	const struct answer_row *row = answer_row(what);
	const struct chat_error e = { .status = row->status,
				      .message = message,
				      .type = row->type,
				      .code = code == NULL ? row->code : code,
				      .param = param };
	struct json_out out;
	struct slice body;
	struct header h[4];
	size_t n = 0;

	out_init(&out, request_arena(rq));
	d->error_write(&e, &out);
	body = out_slice(&out);
	h[n++] = (struct header){ LIT("Content-Type"), LIT("application/json") };
	for (size_t i = 0; i < extra_n && n < ARRAY_LEN(h); i++)
		h[n++] = extra[i];
	if (body.n == 0) /* not even memory for the words */
		body = LIT(
			"{\"error\":{\"message\":\"out of memory\",\"type\":\"server_error\","
			"\"param\":null,\"code\":\"overloaded\"}}");
	reply_send(rq, row->status, h, n, body);
}

static void no_memory(struct http_request *rq, const struct dialect *d)
{
	answer_error(rq, d, A_OVERLOADED, NULL, NULL, LIT("Out of memory."), NULL, 0);
}

/* False: refused. */
static bool may_ask(struct gateway *g, struct http_request *rq, const struct dialect *d,
		    const struct client_key **key)
{
	struct auth who = request_auth(g->view->snapshot, rq, loop_wall_us(g->loop));

	*key = who.key;
	if (!who.ok)
		answer_error(rq, d, who.given ? A_WRONG_KEY : A_MISSING_KEY, NULL, NULL,
			     slice_cstr(who.why), NULL, 0);
	return who.ok;
}

/* ---- models ------------------------------------------------------------------------------ */

static struct model_row row_of(const struct model *m)
{
	return (struct model_row){ .name = m->name,
				   .owner = m->owned_by,
				   .created_s = m->created_s,
				   .context = m->context,
				   .max_output = m->max_output };
}

static void send_out(struct http_request *rq, const struct dialect *d, struct json_out *out)
{
	struct slice body = out_slice(out);

	if (body.n > 0)
		answer(rq, 200, LIT("application/json"), body);
	else
		no_memory(rq, d);
}

/* What it may not ask for it is not shown: of previews, where there is nothing else in it. */
static bool may_see(const struct client_key *key, const struct model *m, struct slice name)
{
	if (key == NULL)
		return true;
	if (!client_key_allows(key, name))
		return false;
	for (size_t i = 0; i < m->deployment_n; i++)
		if (key->preview || !m->targets[i]->preview)
			return true;
	return m->deployment_n == 0;
}

static void list_models(struct gateway *g, struct http_request *rq, const struct dialect *d,
			const struct client_key *key)
{
	const struct snapshot *s = g->view->snapshot;
	struct model_row *rows;
	struct json_out out;
	struct arena a;
	size_t n = 0;

	/* More than a request's own memory may hold. */
	arena_init(&a, g->mem, 4096, 64 << 20);
	rows = arena_get(&a, size_max(s->model_n, 1) * sizeof(*rows));
	for (size_t i = 0; rows != NULL && i < s->model_n; i++)
		if (may_see(key, s->model_list[i], s->model_list[i]->name))
			rows[n++] = row_of(s->model_list[i]);
	out_init(&out, &a);
	if (rows != NULL)
		d->models_write(rows, n, &out);
	send_out(rq, d, &out);
	arena_free(&a);
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

static void one_model(struct gateway *g, struct http_request *rq, const struct dialect *d,
		      const struct client_key *key, struct slice name)
{
	const struct model *m = map_get(&g->view->snapshot->models, name);
	struct model_row row;
	struct json_out out;

	if (m == NULL || !may_see(key, m, name)) {
		answer_error(rq, d, A_MODEL_NOT_FOUND, NULL, "model",
			     arena_fmt(request_arena(rq), "There is no model \"%.*s\" here.",
				       SARG(slice_head(name, 200))),
			     NULL, 0);
		return;
	}
	row = row_of(m);
	out_init(&out, request_arena(rq));
	d->model_write(&row, &out);
	send_out(rq, d, &out);
}

static void models(struct gateway *g, struct http_request *rq, const struct found *f)
{
	const struct client_key *key;

	if (!may_ask(g, rq, f->dialect, &key))
		return;
	if (f->model.n == 0)
		list_models(g, rq, f->dialect, key);
	else
		one_model(g, rq, f->dialect, key, unescape(request_arena(rq), f->model));
}

static void metrics(struct gateway *g, struct http_request *rq)
{
	const struct client_key *key;
	struct buf out;

	if (!g->view->snapshot->metrics_public && !may_ask(g, rq, &dialect_openai, &key))
		return;
	buf_init(&out, g->mem, 4 << 20);
	if (metrics_write(g->shared, &out) == OK &&
	    metrics_write_deployments(g->view->snapshot, loop_now_us(g->loop), &out) == OK)
		answer(rq, 200, LIT("text/plain; version=0.0.4; charset=utf-8"),
		       buf_slice(&out));
	else
		no_memory(rq, &dialect_openai);
	buf_free(&out);
}

static void home(struct gateway *g, struct http_request *rq)
{
	const struct snapshot *s = g->view->snapshot;

	answer(rq, 200, LIT("text/plain; charset=utf-8"),
	       arena_fmt(request_arena(rq),
			 "weir %s is running: %zu models of %zu providers.\n\n"
			 "  POST /v1/chat/completions    OpenAI chat completions\n"
			 "  POST /v1/responses           OpenAI Responses\n"
			 "  POST /v1/messages            Anthropic Messages\n"
			 "  POST /v1beta/models/...      Gemini\n"
			 "  POST /model/.../converse     Bedrock Converse\n"
			 "  POST /v2/chat                Cohere\n"
			 "  POST /v1/completions         legacy completions\n"
			 "  POST /v1/embeddings          embeddings (/v2/embed and Gemini's "
			 "too)\n"
			 "  GET  /v1/models              what can be asked\n"
			 "  GET  /health /ready /metrics\n"
			 "  GET  /admin/v1/exchanges     why requests went where they did\n",
			 WEIR_VERSION, s->model_n, s->provider_n));
}

/* ---- what the server calls ----------------------------------------------------------------
 */

static size_t body_max(void *ctx, const struct http_request *rq)
{
	const struct found f = find_path(request_path(rq), request_head(rq)->method, NULL);
	struct gateway *g = ctx;

	bool large = f.row != NULL &&
		     (f.row->kind == PATH_EXCHANGE || f.row->kind == PATH_DRY_RUN);

	return large ? g->view->snapshot->body_max : 65536;
}

static void wrong_method(struct http_request *rq, const struct found *f)
{
	const struct header allow = { LIT("Allow"), slice_cstr(f->row->method) };

	answer_error(rq, f->dialect, A_METHOD, NULL, NULL,
		     arena_fmt(request_arena(rq), "This path takes %s only.", f->row->method),
		     &allow, 1);
}

static void *begin(struct gateway *g, struct http_request *rq, const struct found *f)
{
	struct slice query = request_query(rq);
	const struct exchange_ask ask = {
		.dialect = f->row->dialect,
		.op = f->row->op,
		.model = unescape(request_arena(rq), f->model),
		.stream = f->row->stream,
		.array = f->row->dialect == &dialect_gemini && f->row->stream == YES &&
			 slice_find(query, LIT("alt=sse")) == SLICE_NONE,
	};

	return exchange_begin(g, rq, &ask);
}

/* A chat request of any dialect (?dialect=NAME), which is planned and not sent. */
static void *dry_run(struct gateway *g, struct http_request *rq)
{
	struct exchange_ask ask = { .dialect = &dialect_openai,
				    .op = OP_CHAT,
				    .dry_run = true };
	struct slice name;

	if (!admin_may(g, rq))
		return NULL;
	if (url_query(request_query(rq), LIT("dialect"), &name))
		ask.dialect = dialect_named(name);
	if (ask.dialect != NULL)
		return exchange_begin(g, rq, &ask);
	answer_error(rq, &dialect_openai, A_INVALID_REQUEST, "invalid_value", "dialect",
		     LIT("There are openai, responses, anthropic, gemini, bedrock and cohere."),
		     NULL, 0);
	return NULL;
}

static void on_request(void *ctx, struct http_request *rq, void **of_request)
{
	struct gateway *g = ctx;
	struct slice method = request_head(rq)->method;
	const struct found f = find_path(request_path(rq), method, request_head(rq));
	const struct path_row *row = f.row;
	bool head = slice_eq(method, LIT("HEAD"));

	*of_request = NULL;
	if (row == NULL) {
		answer_error(rq, f.dialect, A_NOT_FOUND, NULL, NULL,
			     arena_fmt(request_arena(rq),
				       "There is no path %.*s. Chat completions are at "
				       "/v1/chat/completions.",
				       SARG(slice_head(request_path(rq), 200))),
			     NULL, 0);
		return;
	}
	if (!slice_eq(method, slice_cstr(row->method)) &&
	    !(head && slice_eq(slice_cstr(row->method), LIT("GET")))) {
		wrong_method(rq, &f);
		return;
	}
	if (g->plans_only && row->kind != PATH_DRY_RUN) {
		answer_error(rq, f.dialect, A_NOT_FOUND, NULL, NULL,
			     LIT("This gateway plans requests and sends none."), NULL, 0);
		return;
	}
	switch (row->kind) {
	case PATH_EXCHANGE:
		*of_request = begin(g, rq, &f);
		break;
	case PATH_MODELS:
		models(g, rq, &f);
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
	case PATH_DECISIONS:
		admin_exchanges(g, rq, f.model);
		break;
	case PATH_DRY_RUN:
		*of_request = dry_run(g, rq);
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
	const struct found f = find_path(path, LIT("POST"), NULL);
	const struct chat_error e = { .status = status,
				      .message = slice_cstr(refusal_words(status)),
				      .type = status >= 500 ? "server_error"
							    : "invalid_request_error",
				      .code = id };
	struct json_out out;

	(void)ctx;
	*content_type = LIT("application/json");
	out_init(&out, a);
	f.dialect->error_write(&e, &out);
	return out_slice(&out);
}

const struct http_handler gateway_handler = {
	.body_max = body_max,
	.request = on_request,
	.drained = on_drained,
	.gone = on_gone,
	.refuse = on_refuse,
};
