/* Ollama's own API: chat as lines of JSON, embed, tags.  github.com/ollama/ollama, docs/api.md.
 * It is written in Go: what has the wrong type is refused, what is unknown is passed over. */
#include "mock/ask.h"

enum endpoint { CHAT, EMBED, TAGS, NO_ENDPOINT };

#define TIMES                                                                                  \
	"\"total_duration\":5000000,\"load_duration\":1000000,\"prompt_eval_duration\":"       \
	"1000000,"                                                                             \
	"\"eval_duration\":3000000"
#define CREATED "2026-11-20T12:00:00Z"

static enum endpoint endpoint_of(const struct exchange *x)
{
	bool post = slice_eq(x->rec.head.method, LIT("POST"));

	if (slice_ends(x->rec.path, LIT("/api/chat")))
		return post ? CHAT : NO_ENDPOINT;
	if (slice_ends(x->rec.path, LIT("/api/embed")))
		return post ? EMBED : NO_ENDPOINT;
	return !post && slice_ends(x->rec.path, LIT("/api/tags")) ? TAGS : NO_ENDPOINT;
}

static bool claims(const struct exchange *x)
{
	return endpoint_of(x) != NO_ENDPOINT;
}

static void peek(struct exchange *x, const struct json_member *m, size_t n)
{
	x->rec.stream = false;
	mock_openai.peek(x, m, n);
	/* streams unless told not to */
	if (endpoint_of(x) == CHAT && json_member_find(m, n, LIT("stream"), NULL) == NULL)
		x->rec.stream = true;
}

static void error(struct say *o, const struct mock_options *opt, unsigned status,
		  struct slice message)
{
	if (opt->shape != SHAPE_OWN) {
		mock_openai.error(o, opt, status, message);
		return;
	}
	if (opt->error_message.n > 0)
		message = opt->error_message;
	say_lit(o, "{\"error\":");
	say_json(o, message.n > 0 ? message
				  : LIT("an error was encountered while running the model"));
	say_lit(o, "}");
}

/* ---- reading -------------------------------------------------------------------------------
 */

static struct slice str(const struct json *o, const char *name)
{
	return json_str(json_get(o, name));
}

static bool images(struct question *q, const struct json *list, const char *path)
{
	for (size_t i = 0; i < json_len(list); i++)
		if (!ask_media(q, json_str(json_at(list, i)), slice_of(NULL, 0), path))
			return false;
	return true;
}

static bool message(struct question *q, const struct json *m, size_t i)
{
	const struct json *content = json_get(m, "content"), *calls = json_get(m, "tool_calls");
	char path[40];

	snprintf(path, sizeof(path), "messages[%zu]", i);
	if (!mock_in_list("system user assistant tool", str(m, "role")))
		return ask_wrong(q, 0,
				 "invalid role: \"%.*s\", role must be one of [system user "
				 "assistant tool]",
				 SARG(slice_head(str(m, "role"), 40)));
	if (content != NULL && !json_is_null(content) && !json_is_string(content))
		return ask_wrong(q, 0,
				 "json: cannot unmarshal array into Go struct field "
				 "Message.%s.content of type string",
				 path);
	for (size_t k = 0; k < json_len(calls); k++) {
		const struct json *f = json_get(json_at(calls, k), "function");

		if (str(f, "name").n == 0 || !json_is_object(json_get(f, "arguments")))
			return ask_wrong(q, 0,
					 "json: cannot unmarshal string into Go struct field "
					 "%s.tool_calls.function.arguments of type "
					 "api.ToolCallFunctionArguments",
					 path);
	}
	return images(q, json_get(m, "images"), path);
}

static bool format(struct question *q, const struct json *f)
{
	if (f == NULL || json_is_null(f))
		return true;
	q->json = true;
	if (json_is_object(f))
		q->schema = f;
	else if (!slice_eq(json_str(f), LIT("json")) && json_str(f).n > 0)
		return ask_wrong(q, 0,
				 "invalid format: \"%.*s\"; expected \"json\" or a valid "
				 "JSON Schema object",
				 SARG(slice_head(json_str(f), 40)));
	else if (!json_is_string(f))
		return ask_wrong(q, 0, "invalid format");
	return true;
}

static void read_chat(struct question *q)
{
	const struct json *list = json_get(q->root, "messages"), *o, *tools, *think;

	if (q->model.n == 0)
		ask_wrong(q, 0, "model is required");
	if (!json_is_array(list))
		ask_wrong(q, 0, "messages: not a list");
	for (size_t i = 0; i < json_len(list); i++)
		if (!message(q, json_at(list, i), i))
			return;
	q->results_last = slice_eq(str(json_at(list, json_len(list) - 1), "role"), LIT("tool"));
	tools = json_get(q->root, "tools");
	for (size_t i = 0; i < json_len(tools); i++) {
		const struct json *f = json_get(json_at(tools, i), "function");

		if (str(f, "name").n == 0)
			ask_wrong(q, 0, "tools[%zu].function.name: missing", i);
		ask_offer(q, str(f, "name"), json_get(f, "parameters"));
	}
	o = json_get(q->root, "options");
	if (o != NULL && !json_is_object(o) && !json_is_null(o))
		ask_wrong(q, 0,
			  "json: cannot unmarshal into Go struct field ChatRequest.options");
	q->max_tokens = json_uint(json_get(o, "num_predict"), 0);
	if (json_get(o, "stop") != NULL && !json_is_array(json_get(o, "stop")))
		ask_wrong(q, 0, "option \"stop\" must be of type array");
	ask_stops(q, json_get(o, "stop"));
	think = json_get(q->root, "think");
	q->think = json_true(think, false) || json_str(think).n > 0;
	if (json_str(think).n > 0 && !mock_in_list("low medium high max", json_str(think)))
		ask_wrong(q, 0, "invalid think value: \"%.*s\"",
			  SARG(slice_head(json_str(think), 40)));
	q->logprobs = json_true(json_get(q->root, "logprobs"), false);
	format(q, json_get(q->root, "format"));
}

/* ---- saying --------------------------------------------------------------------------------
 */

static struct say *begin(struct question *q)
{
	struct say *o = ask_say(q);

	say_lit(o, "{\"model\":");
	say_json(o, q->model);
	say_lit(o, ",\"created_at\":\"" CREATED "\"");
	if (q->o->extra)
		say_lit(o, ",\"x_mock\":{\"big\":12345678901234567890,\"n\":1.50}");
	say_lit(o, ",\"message\":{\"role\":\"assistant\",\"content\":");
	return o;
}

static void put_calls(struct say *o, const struct reply *r, size_t from, size_t to)
{
	for (size_t i = from; i < to; i++) {
		say_fmt(o,
			"%s{\"id\":\"call_%016" PRIx64
			"\",\"function\":{\"index\":%zu,\"name\":",
			i == from ? ",\"tool_calls\":[" : ",", r->calls[i].number, i);
		say_json(o, r->calls[i].name);
		say_lit(o, ",\"arguments\":");
		say_str(o, r->calls[i].arguments);
		say_lit(o, i + 1 == to ? "}}]" : "}}");
	}
}

static void put_logprobs(struct question *q, struct say *o, struct slice text)
{
	if (!q->logprobs || text.n == 0)
		return;
	say_lit(o, ",\"logprobs\":[");
	for (size_t at = 0, end; at < text.n; at = end) {
		end = ask_piece_end(q, text, at);
		say_lit(o, at > 0 ? ",{\"token\":" : "{\"token\":");
		say_json(o, slice_of(text.p + at, end - at));
		say_lit(o, ",\"logprob\":-0.25}");
	}
	say_lit(o, "]");
}

static void put_end(struct question *q, struct say *o, const struct reply *r)
{
	say_lit(o, ",\"done\":true,\"done_reason\":");
	if (r->finish == REPLY_OTHER)
		say_json(o, r->finish_word);
	else
		say_lit(o, r->finish == REPLY_LENGTH || r->finish == REPLY_CONTEXT
				   ? "\"length\""
				   : "\"stop\"");
	if (q->o->usage != USAGE_OFF)
		say_fmt(o,
			"," TIMES ",\"prompt_eval_count\":%" PRIu64 ",\"eval_count\":%" PRIu64,
			reply_prompt(r), r->used.output + r->used.reasoning);
	say_lit(o, "}");
}

static void plan_plain(struct question *q, const struct reply *r, struct plan *plan)
{
	struct say *o = begin(q);
	struct piece *p;

	say_json(o, r->text);
	if (r->thinking.n > 0 && !q->o->redacted) {
		say_lit(o, ",\"thinking\":");
		say_json(o, r->thinking);
	}
	put_calls(o, r, 0, r->call_n);
	say_lit(o, "}");
	put_logprobs(q, o, r->text);
	put_end(q, o, r);
	p = ask_piece(q, plan, PIECE_CONTENT, NULL);
	if (p == NULL)
		return;
	p->text_n = r->text.n;
	p->content = p->finish = true;
	p->usage = q->o->usage != USAGE_OFF;
}

static struct piece *line(struct question *q, struct plan *plan, struct slice logged)
{
	struct say *o = &q->x->mock->out;
	struct piece *p;

	say_lit(o, "}");
	put_logprobs(q, o, logged);
	say_lit(o, ",\"done\":false}");
	p = ask_piece(q, plan, PIECE_CONTENT, NULL);
	if (p != NULL)
		p->content = true;
	return p;
}

static void plan_stream(struct question *q, const struct reply *r, struct plan *plan)
{
	struct piece *p;
	struct say *o;

	plan->stream = true;
	plan->framing = FRAMING_LINES;
	plan->content_type = LIT("application/x-ndjson");
	for (size_t at = 0, end; !q->o->redacted && at < r->thinking.n; at = end) {
		end = ask_piece_end(q, r->thinking, at);
		o = begin(q);
		say_lit(o, "\"\",\"thinking\":");
		say_json(o, slice_of(r->thinking.p + at, end - at));
		line(q, plan, slice_of(NULL, 0));
	}
	for (size_t at = 0, end; at < r->text.n; at = end) {
		struct slice part;

		end = ask_piece_end(q, r->text, at);
		part = slice_of(r->text.p + at, end - at);
		say_json(begin(q), part);
		p = line(q, plan, part);
		if (p != NULL)
			p->text_n = part.n;
	}
	for (size_t i = 0; i < r->call_n; i++) {
		o = begin(q);
		say_lit(o, "\"\"");
		put_calls(o, r, i, i + 1);
		line(q, plan, slice_of(NULL, 0));
	}
	o = begin(q);
	say_lit(o, "\"\"}");
	put_end(q, o, r);
	p = ask_piece(q, plan, PIECE_FINISH, NULL);
	if (p != NULL) {
		p->finish = true;
		p->usage = q->o->usage != USAGE_OFF;
	}
}

static void answer_embed(struct question *q, struct plan *plan)
{
	const struct json *input = json_get(q->root, "input");
	uint64_t dimensions = json_uint(json_get(q->root, "dimensions"), q->o->dimensions);
	size_t n = json_is_array(input) ? json_len(input) : 1;
	struct say *o;

	if (q->model.n == 0)
		ask_wrong(q, 0, "model is required");
	if (!json_is_string(input) && !json_is_array(input))
		ask_wrong(q, 0, "invalid input type");
	if (ask_refused(q, plan))
		return;
	o = ask_say(q);
	say_lit(o, "{\"model\":");
	say_json(o, q->model);
	say_lit(o, ",\"embeddings\":[");
	for (size_t i = 0; i < n && i < 2048; i++) {
		say_lit(o, i > 0 ? "," : "");
		say_embedding(o, q->o->seed, i, dimensions < 65536 ? dimensions : 65536);
	}
	say_fmt(o,
		"],\"total_duration\":5000000,\"load_duration\":1000000,"
		"\"prompt_eval_count\":%zu}",
		(q->x->rec.body.n + 3) / 4);
	ask_piece(q, plan, PIECE_CONTENT, NULL);
}

static void answer_tags(struct question *q, struct plan *plan)
{
	struct slice rest = q->o->models, name;
	struct say *o = ask_say(q);

	say_lit(o, "{\"models\":[");
	for (bool first = true; rest.n > 0; first = false) {
		if (!slice_cut(rest, ',', &name, &rest))
			rest = slice_of(NULL, 0);
		say_lit(o, first ? "{\"name\":" : ",{\"name\":");
		say_json(o, slice_trim(name));
		say_lit(o, ",\"model\":");
		say_json(o, slice_trim(name));
		say_lit(o, ",\"modified_at\":\"" CREATED "\",\"size\":1,\"digest\":\"0\"}");
	}
	say_lit(o, "]}");
	ask_piece(q, plan, PIECE_CONTENT, NULL);
}

static void answer(struct exchange *x, const struct json_member *m UNUSED, size_t n UNUSED,
		   struct plan *plan)
{
	enum endpoint e = endpoint_of(x);
	struct question q;
	struct reply r;

	plan->content_type = LIT("application/json; charset=utf-8");
	ask_begin(&q, x, &mock_ollama);
	if (e == TAGS) {
		answer_tags(&q, plan);
		return;
	}
	if (q.root == NULL)
		ask_wrong(&q, 0, "invalid character in the body");
	else if (e == CHAT)
		read_chat(&q);
	if ((x->o->strict || q.root == NULL) && ask_refused(&q, plan))
		return;
	if (e == EMBED) {
		answer_embed(&q, plan);
	} else if (ask_decide(&q, &r, plan)) {
		if (q.stream)
			plan_stream(&q, &r, plan);
		else
			plan_plain(&q, &r, plan);
	}
}

static void last_user(const struct json *root, struct say *o)
{
	mock_openai.last_user(root, o);
}

const struct mock_dialect mock_ollama = {
	.name = "ollama",
	.claims = claims,
	.peek = peek,
	.last_user = last_user,
	.answer = answer,
	.error = error,
};
