/* OpenAI's Responses as it serves them, all stream events in their order.
 * platform.openai.com/docs/api-reference/responses, .../responses-streaming. */
#include "mock/responses.h"

#include "base/hash.h"

#define CREATED 1750000000

enum { CITATIONS_MAX = 100 };

static bool claims(const struct exchange *x)
{
	return slice_eq(x->rec.head.method, LIT("POST")) &&
	       slice_ends(x->rec.path, LIT("/responses"));
}

static void peek(struct exchange *x, const struct json_member *m, size_t n)
{
	mock_openai.peek(x, m, n);
}

static void last_user(const struct json *root, struct say *o)
{
	const struct json *list = json_get(root, "input");

	if (json_is_string(list))
		say_str(o, json_str(list));
	for (size_t i = json_is_array(list) ? json_len(list) : 0; i-- > 0;)
		if (slice_eq(json_str(json_get(json_at(list, i), "role")), LIT("user"))) {
			say_texts(o, json_get(json_at(list, i), "content"));
			return;
		}
}

static void error(struct say *o, const struct mock_options *opt, unsigned status,
		  struct slice message)
{
	mock_openai.error(o, opt, status, message);
}

static const char *error_event(struct say *o, const struct mock_options *opt,
			       unsigned status UNUSED)
{
	say_lit(o, "{\"type\":\"error\",\"sequence_number\":1000,\"code\":");
	say_json(o, opt->error_code.n > 0 ? opt->error_code : LIT("server_error"));
	say_lit(o, ",\"message\":");
	say_json(o, opt->error_message.n > 0 ? opt->error_message
					     : LIT("The server had an error."));
	say_lit(o, ",\"param\":null}");
	return "error";
}

static void headers(const struct exchange *x, const struct plan *plan, struct say *o)
{
	mock_openai.headers(x, plan, o);
}

/* ---- parts of an answer --------------------------------------------------------------------
 */

/* The state of what is told while the stream goes on. */
struct telling {
	struct responses_ask *a;
	struct plan *plan;
	uint64_t sequence;
};

/* For ids: the same text may be told twice, and is two answers. */
static uint64_t answer_number(const struct responses_ask *a)
{
	return hash_mix(a->r.seed + a->q.x->rec.seq);
}

static const char *status_of(const struct reply *r)
{
	switch (r->finish) {
	case REPLY_LENGTH:
	case REPLY_CONTEXT:
	case REPLY_FILTER:
		return "incomplete";
	case REPLY_ERROR:
		return "failed";
	case REPLY_STOP:
	case REPLY_SEQUENCE:
	case REPLY_CALLS:
	case REPLY_REFUSAL:
	case REPLY_BLOCKED:
	case REPLY_PAUSE:
	case REPLY_OTHER:
		break;
	}
	return "completed";
}

static void put_usage(struct responses_ask *a, struct say *o)
{
	const struct reply *r = &a->r;
	uint64_t output = r->used.output + r->used.reasoning;

	say_fmt(o,
		"{\"input_tokens\":%" PRIu64
		",\"input_tokens_details\":{\"cached_tokens\":%" PRIu64
		",\"cache_write_tokens\":%" PRIu64 "},\"output_tokens\":%" PRIu64
		",\"output_tokens_details\":{\"reasoning_tokens\":%" PRIu64
		"},\"total_tokens\":%" PRIu64 "}",
		reply_prompt(r), r->used.cache_read, r->used.cache_write, output,
		r->used.reasoning, reply_prompt(r) + output);
}

/* The reasoning's item; `done`: with what is in it. */
static void put_reasoning(struct responses_ask *a, struct say *o, bool done)
{
	say_fmt(o, "{\"id\":\"rs_%016" PRIx64 "\",\"type\":\"reasoning\",\"summary\":[",
		answer_number(a));
	if (done && a->summary && !a->q.o->redacted) {
		say_lit(o, "{\"type\":\"summary_text\",\"text\":");
		say_json(o, a->r.thinking);
		say_lit(o, "}");
	}
	say_lit(o, "]");
	if (a->encrypted && done) {
		say_lit(o, ",\"encrypted_content\":");
		say_json(o, a->r.signature);
	}
	say_lit(o, "}");
}

static void put_annotation(struct responses_ask *a, struct say *o, uint64_t i)
{
	say_fmt(o,
		"{\"type\":\"url_citation\",\"start_index\":0,\"end_index\":%zu,"
		"\"url\":\"https://mock.example/%" PRIu64 "\",\"title\":\"Source %" PRIu64
		"\"}",
		a->r.text.n, i, i);
}

static uint64_t citations(const struct responses_ask *a)
{
	return a->q.o->citations < CITATIONS_MAX ? a->q.o->citations : CITATIONS_MAX;
}

static bool refuses(const struct responses_ask *a)
{
	return a->r.finish == REPLY_REFUSAL;
}

static void put_logprobs(struct responses_ask *a, struct say *o, struct slice text)
{
	say_lit(o, ",\"logprobs\":[");
	for (size_t at = 0, end; a->q.logprobs && at < text.n; at = end) {
		end = ask_piece_end(&a->q, text, at);
		say_lit(o, at == 0 ? "{\"token\":" : ",{\"token\":");
		say_json(o, slice_of(text.p + at, end - at));
		say_lit(o, ",\"logprob\":-0.25,\"bytes\":[],\"top_logprobs\":[]}");
	}
	say_lit(o, "]");
}

/* A message's only part; `text` and annotations when it is done. */
static void put_part(struct responses_ask *a, struct say *o, bool done)
{
	struct slice text = done ? a->r.text : slice_of(NULL, 0);

	say_lit(o, refuses(a) ? "{\"type\":\"refusal\",\"refusal\":"
			      : "{\"type\":\"output_text\",\"text\":");
	say_json(o, text);
	if (!refuses(a)) {
		say_lit(o, ",\"annotations\":[");
		for (uint64_t i = 0; done && i < citations(a); i++) {
			say_lit(o, i > 0 ? "," : "");
			put_annotation(a, o, i);
		}
		say_lit(o, "]");
		put_logprobs(a, o, text);
	}
	say_lit(o, "}");
}

static void put_message(struct responses_ask *a, struct say *o, bool done)
{
	say_fmt(o,
		"{\"id\":\"msg_%016" PRIx64 "\",\"type\":\"message\",\"status\":\"%s\","
		"\"role\":\"assistant\",\"content\":[",
		answer_number(a),
		!done                         ? "in_progress"
		: a->r.finish == REPLY_LENGTH ? "incomplete"
					      : "completed");
	if (done)
		put_part(a, o, true);
	say_lit(o, "]}");
}

static void put_call(struct responses_ask *a, struct say *o, size_t i, bool done)
{
	const struct reply_call *c = &a->r.calls[i];

	say_fmt(o,
		"{\"id\":\"fc_%016" PRIx64 "\",\"type\":\"function_call\",\"status\":\"%s\","
		"\"call_id\":\"call_%016" PRIx64 "\",\"name\":",
		c->number, done ? "completed" : "in_progress", c->number);
	say_json(o, c->name);
	say_lit(o, ",\"arguments\":");
	say_json(o, done ? c->arguments : slice_of(NULL, 0));
	say_lit(o, "}");
}

static bool has_message(const struct responses_ask *a)
{
	return a->r.call_n == 0 || a->r.text.n > 0;
}

static void put_output(struct responses_ask *a, struct say *o)
{
	const char *comma = "";

	if (a->r.thinking.n > 0) {
		put_reasoning(a, o, true);
		comma = ",";
	}
	if (has_message(a) && a->q.o->fail != FAIL_EMPTY) {
		say_lit(o, comma);
		put_message(a, o, true);
		comma = ",";
	}
	for (size_t i = 0; i < a->r.call_n; i++) {
		say_lit(o, comma);
		put_call(a, o, i, true);
		comma = ",";
	}
}

/* The whole object; `done`: with what came out of it. */
static void put_response(struct responses_ask *a, struct say *o, bool done)
{
	const char *status = done ? status_of(&a->r) : "in_progress";

	say_fmt(o,
		"{\"id\":\"resp_%016" PRIx64 "\",\"object\":\"response\",\"created_at\":%d,"
		"\"status\":\"%s\",\"background\":false,\"error\":",
		answer_number(a), CREATED, status);
	say_lit(o, done && a->r.finish == REPLY_ERROR
			   ? "{\"code\":\"server_error\",\"message\":\"It failed.\"}"
			   : "null");
	say_lit(o, ",\"incomplete_details\":");
	if (done && strcmp(status, "incomplete") == 0)
		say_lit(o, a->r.finish == REPLY_FILTER ? "{\"reason\":\"content_filter\"}"
						       : "{\"reason\":\"max_output_tokens\"}");
	else
		say_lit(o, "null");
	say_lit(o, ",\"instructions\":null,\"max_output_tokens\":null,\"model\":");
	say_json(o, a->q.model);
	if (a->q.o->extra)
		say_lit(o, ",\"x_mock\":{\"big\":12345678901234567890,\"n\":1.50}");
	say_lit(o, ",\"output\":[");
	if (done)
		put_output(a, o);
	say_lit(o,
		"],\"parallel_tool_calls\":true,\"previous_response_id\":null,"
		"\"reasoning\":{\"effort\":null,\"summary\":null},\"service_tier\":\"default\","
		"\"store\":false,\"temperature\":1.0,\"text\":{\"format\":{\"type\":\"text\"}},"
		"\"tool_choice\":\"auto\",\"tools\":[],\"top_p\":1.0,"
		"\"truncation\":\"disabled\",\"usage\":");
	if (done && a->q.o->usage != USAGE_OFF)
		put_usage(a, o);
	else
		say_lit(o, "null");
	say_lit(o, ",\"user\":null,\"metadata\":{}}");
}

static void plan_plain(struct responses_ask *a, struct plan *plan)
{
	struct piece *p;

	put_response(a, ask_say(&a->q), true);
	p = ask_piece(&a->q, plan, PIECE_CONTENT, NULL);
	if (p == NULL)
		return;
	p->text_n = a->r.text.n;
	p->content = p->finish = true;
	p->usage = a->q.o->usage != USAGE_OFF;
}

/* ---- streamed ------------------------------------------------------------------------------
 */

static struct say *begin(struct telling *t, const char *type)
{
	struct say *o = ask_say(&t->a->q);

	say_fmt(o, "{\"type\":\"%s\",\"sequence_number\":%" PRIu64, type, t->sequence++);
	return o;
}

static struct piece *end(struct telling *t, enum piece_kind kind, const char *type)
{
	struct piece *p;

	say_lit(&t->a->q.x->mock->out, "}");
	p = ask_piece(&t->a->q, t->plan, kind, type);
	if (p != NULL)
		p->content = kind == PIECE_CONTENT;
	return p;
}

static struct piece *say_response(struct telling *t, enum piece_kind kind, const char *type,
				  bool done)
{
	struct say *o = begin(t, type);

	say_lit(o, ",\"response\":");
	put_response(t->a, o, done);
	return end(t, kind, type);
}

/* output_item.added and .done: the item is said between. */
static struct say *item_begin(struct telling *t, const char *type, size_t index)
{
	struct say *o = begin(t, type);

	say_fmt(o, ",\"output_index\":%zu,\"item\":", index);
	return o;
}

static void plan_reasoning(struct telling *t, size_t index)
{
	struct responses_ask *a = t->a;
	struct slice all = a->r.thinking;
	char place[128];
	struct say *o;

	put_reasoning(a, item_begin(t, "response.output_item.added", index), false);
	end(t, PIECE_BLOCK, "response.output_item.added");
	snprintf(place, sizeof(place),
		 ",\"item_id\":\"rs_%016" PRIx64 "\",\"output_index\":%zu,\"summary_index\":0",
		 answer_number(a), index);
	if (a->summary && !a->q.o->redacted) {
		o = begin(t, "response.reasoning_summary_part.added");
		say_lit(o, place);
		say_lit(o, ",\"part\":{\"type\":\"summary_text\",\"text\":\"\"}");
		end(t, PIECE_BLOCK, "response.reasoning_summary_part.added");
		for (size_t at = 0, to; at < all.n; at = to) {
			to = ask_piece_end(&a->q, all, at);
			o = begin(t, "response.reasoning_summary_text.delta");
			say_lit(o, place);
			say_lit(o, ",\"delta\":");
			say_json(o, slice_of(all.p + at, to - at));
			end(t, PIECE_CONTENT, "response.reasoning_summary_text.delta");
		}
		o = begin(t, "response.reasoning_summary_text.done");
		say_lit(o, place);
		say_lit(o, ",\"text\":");
		say_json(o, all);
		end(t, PIECE_BLOCK, "response.reasoning_summary_text.done");
		o = begin(t, "response.reasoning_summary_part.done");
		say_lit(o, place);
		say_lit(o, ",\"part\":{\"type\":\"summary_text\",\"text\":");
		say_json(o, all);
		say_lit(o, "}");
		end(t, PIECE_BLOCK, "response.reasoning_summary_part.done");
	}
	put_reasoning(a, item_begin(t, "response.output_item.done", index), true);
	end(t, PIECE_BLOCK, "response.output_item.done");
}

static void plan_text_deltas(struct telling *t, const char *place)
{
	struct responses_ask *a = t->a;
	const char *type = refuses(a) ? "response.refusal.delta" : "response.output_text.delta";

	for (size_t at = 0, to; at < a->r.text.n; at = to) {
		struct say *o = begin(t, type);
		struct slice part;
		struct piece *p;

		to = ask_piece_end(&a->q, a->r.text, at);
		part = slice_of(a->r.text.p + at, to - at);
		say_lit(o, place);
		say_lit(o, ",\"delta\":");
		say_json(o, part);
		if (!refuses(a))
			put_logprobs(a, o, part);
		p = end(t, PIECE_CONTENT, type);
		if (p != NULL)
			p->text_n = part.n;
	}
	for (uint64_t i = 0; i < citations(a) && !refuses(a); i++) {
		struct say *o = begin(t, "response.output_text.annotation.added");

		say_lit(o, place);
		say_fmt(o, ",\"annotation_index\":%" PRIu64 ",\"annotation\":", i);
		put_annotation(a, o, i);
		end(t, PIECE_BLOCK, "response.output_text.annotation.added");
	}
}

static void plan_message(struct telling *t, size_t index)
{
	struct responses_ask *a = t->a;
	const char *done = refuses(a) ? "response.refusal.done" : "response.output_text.done";
	char place[128];
	struct say *o;

	put_message(a, item_begin(t, "response.output_item.added", index), false);
	end(t, PIECE_BLOCK, "response.output_item.added");
	snprintf(place, sizeof(place),
		 ",\"item_id\":\"msg_%016" PRIx64 "\",\"output_index\":%zu,\"content_index\":0",
		 answer_number(a), index);
	o = begin(t, "response.content_part.added");
	say_lit(o, place);
	say_lit(o, ",\"part\":");
	put_part(a, o, false);
	end(t, PIECE_BLOCK, "response.content_part.added");
	plan_text_deltas(t, place);
	o = begin(t, done);
	say_lit(o, place);
	say_lit(o, refuses(a) ? ",\"refusal\":" : ",\"text\":");
	say_json(o, a->r.text);
	if (!refuses(a))
		put_logprobs(a, o, a->r.text);
	end(t, PIECE_BLOCK, done);
	o = begin(t, "response.content_part.done");
	say_lit(o, place);
	say_lit(o, ",\"part\":");
	put_part(a, o, true);
	end(t, PIECE_BLOCK, "response.content_part.done");
	put_message(a, item_begin(t, "response.output_item.done", index), true);
	end(t, PIECE_BLOCK, "response.output_item.done");
}

static void call_added(struct telling *t, size_t i, size_t index)
{
	put_call(t->a, item_begin(t, "response.output_item.added", index), i, false);
	end(t, PIECE_BLOCK, "response.output_item.added");
}

static void call_done(struct telling *t, size_t i, size_t index)
{
	struct reply_call *c = &t->a->r.calls[i];
	struct say *o = begin(t, "response.function_call_arguments.done");

	say_fmt(o,
		",\"item_id\":\"fc_%016" PRIx64 "\",\"output_index\":%zu,\"name\":", c->number,
		index);
	say_json(o, c->name);
	say_lit(o, ",\"arguments\":");
	say_json(o, c->arguments);
	end(t, PIECE_BLOCK, "response.function_call_arguments.done");
	put_call(t->a, item_begin(t, "response.output_item.done", index), i, true);
	end(t, PIECE_BLOCK, "response.output_item.done");
}

/* One call after the other, or all at once and their pieces in turns. */
static void plan_calls(struct telling *t, size_t index)
{
	struct responses_ask *a = t->a;
	size_t *at = ARENA_ARRAY(&a->q.x->work, size_t, a->r.call_n);
	size_t call = 0, added = 0, done = 0;
	struct slice part;

	if (at == NULL)
		return;
	for (; a->q.o->interleave && added < a->r.call_n; added++)
		call_added(t, added, index + added);
	while (ask_next_arguments(&a->q, &a->r, at, &call, &part)) {
		struct say *o;

		for (; !a->q.o->interleave && done < call; done++)
			call_done(t, done, index + done);
		for (; added <= call; added++)
			call_added(t, added, index + added);
		o = begin(t, "response.function_call_arguments.delta");
		say_fmt(o, ",\"item_id\":\"fc_%016" PRIx64 "\",\"output_index\":%zu,\"delta\":",
			a->r.calls[call].number, index + call);
		say_json(o, part);
		end(t, PIECE_CONTENT, "response.function_call_arguments.delta");
	}
	for (; done < a->r.call_n; done++)
		call_done(t, done, index + done);
}

static void plan_stream(struct responses_ask *a, struct plan *plan)
{
	struct telling t = { .a = a, .plan = plan };
	size_t index = 0;
	char last[32];
	struct piece *p;

	plan->stream = true;
	plan->content_type = LIT("text/event-stream; charset=utf-8");
	say_response(&t, PIECE_OPEN, "response.created", false);
	say_response(&t, PIECE_OPEN, "response.in_progress", false);
	if (a->r.thinking.n > 0)
		plan_reasoning(&t, index++);
	if (has_message(a))
		plan_message(&t, index++);
	if (a->r.call_n > 0)
		plan_calls(&t, index);
	snprintf(last, sizeof(last), "response.%s", status_of(&a->r));
	p = say_response(&t, PIECE_FINISH, last, true);
	if (p == NULL)
		return;
	p->event = arena_cstr(&a->q.x->work, slice_cstr(last));
	p->finish = true;
	p->usage = a->q.o->usage != USAGE_OFF;
}

static void answer(struct exchange *x, const struct json_member *m UNUSED, size_t n UNUSED,
		   struct plan *plan)
{
	struct responses_ask a = { .summary = false };

	plan->content_type = LIT("application/json");
	ask_begin(&a.q, x, &mock_responses);
	if (a.q.root == NULL)
		ask_wrong(&a.q, 0, "We could not parse the JSON body of your request.");
	else
		responses_check(&a);
	if (((x->o->strict || a.q.root == NULL) && ask_refused(&a.q, plan)) ||
	    !ask_decide(&a.q, &a.r, plan))
		return;
	if (a.r.finish == REPLY_BLOCKED)
		plan_error(x, &mock_responses, plan, 400,
			   LIT("The prompt was flagged as violating the usage policy."));
	else if (a.q.stream)
		plan_stream(&a, plan);
	else
		plan_plain(&a, plan);
}

const struct mock_dialect mock_responses = {
	.name = "responses",
	.claims = claims,
	.peek = peek,
	.last_user = last_user,
	.answer = answer,
	.error = error,
	.error_event = error_event,
	.headers = headers,
};
