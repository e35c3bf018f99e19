/* How OpenAI and its relatives say an answer: chat completions and the older completions,
 * plain and streamed.  What each relative does in its own way are flags of quirks.h. */
#include "mock/openai.h"

#include "mock/text.h"

#define CREATED 1750000000

enum { CITATIONS_MAX = 100 };

enum mock_usage openai_usage(const struct mock_options *o)
{
	enum mock_usage u = o->usage;

	if (u == USAGE_OWN && o->as != NULL)
		u = o->as->usage;
	return u == USAGE_OWN ? USAGE_ASKED : u;
}

static bool is_quirk(const struct openai_ask *a, enum mock_quirk q)
{
	return quirk(a->q.o, q);
}

/* The member that shows thinking; NULL: it stays hidden. */
static const char *thinking_member(const struct openai_ask *a)
{
	return a->q.o->as == NULL ? "reasoning_content" : a->q.o->as->reasoning;
}

static bool thinks_aloud(const struct openai_ask *a)
{
	return a->r.thinking.n > 0 && !a->q.o->redacted && !a->legacy &&
	       thinking_member(a) != NULL && !is_quirk(a, QUIRK_THINK_TEXT);
}

static bool refuses(const struct openai_ask *a)
{
	return a->r.finish == REPLY_REFUSAL;
}

/* ---- parts ---------------------------------------------------------------------------------
 */

static void put_details(struct say *o, const char *name, uint64_t cached, uint64_t audio,
			uint64_t written)
{
	say_fmt(o, ",\"%s\":{\"cached_tokens\":%" PRIu64 ",\"audio_tokens\":%" PRIu64, name,
		cached, audio);
	if (written > 0)
		say_fmt(o, ",\"cache_write_tokens\":%" PRIu64, written);
	say_lit(o, "}");
}

/* `said`: words of the answer so far, thinking too. */
static void put_usage(struct openai_ask *a, struct say *o, uint64_t said)
{
	const struct mock_options *opt = a->q.o;
	uint64_t prompt = reply_prompt(&a->r);
	uint64_t reasoning = a->r.used.reasoning < said ? a->r.used.reasoning : said;
	uint64_t completion = is_quirk(a, QUIRK_OUTSIDE) ? said - reasoning : said;

	say_fmt(o,
		"\"usage\":{\"prompt_tokens\":%" PRIu64 ",\"completion_tokens\":%" PRIu64
		",\"total_tokens\":%" PRIu64,
		prompt, completion, prompt + said);
	put_details(o, "prompt_tokens_details", a->r.used.cache_read, opt->audio_tokens,
		    a->r.used.cache_write);
	say_fmt(o,
		",\"completion_tokens_details\":{\"reasoning_tokens\":%" PRIu64
		",\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
		"\"rejected_prediction_tokens\":0}",
		reasoning);
	if (is_quirk(a, QUIRK_CACHE_HIT))
		say_fmt(o,
			",\"prompt_cache_hit_tokens\":%" PRIu64
			",\"prompt_cache_miss_tokens\":%" PRIu64,
			a->r.used.cache_read, prompt - a->r.used.cache_read);
	if (is_quirk(a, QUIRK_CACHE_TOP))
		say_fmt(o, ",\"cached_tokens\":%" PRIu64, a->r.used.cache_read);
	if (is_quirk(a, QUIRK_COST))
		say_lit(o, ",\"cost\":0.00123,\"is_byok\":false");
	say_lit(o, "}");
	if (is_quirk(a, QUIRK_TIME_INFO))
		say_lit(o, ",\"time_info\":{\"queue_time\":0.001,\"total_time\":0.02}");
}

static uint64_t said_in_all(const struct openai_ask *a)
{
	return a->r.used.output + a->r.used.reasoning;
}

/* {"id":..., up to where choices begin */
static void put_start(struct openai_ask *a, struct say *o, const char *object)
{
	say_fmt(o, "{\"id\":\"%s-%016" PRIx64 "\",\"object\":\"%s\",\"created\":%d,\"model\":",
		a->legacy ? "cmpl" : "chatcmpl", a->r.seed, object, CREATED);
	say_json(o, a->q.model);
	say_lit(o, ",\"system_fingerprint\":\"fp_mock\"");
	if (a->q.o->extra)
		say_lit(o, ",\"x_mock\":{\"big\":12345678901234567890,\"n\":1.50,"
			   "\"s\":\"\\u00e9\\/\",\"list\":[null,true,{}]}");
	for (uint64_t i = 0;
	     is_quirk(a, QUIRK_CITATIONS) && i < a->q.o->citations && i < CITATIONS_MAX; i++)
		say_fmt(o, "%s\"https://mock.example/%" PRIu64 "\"%s",
			i == 0 ? ",\"citations\":[" : ",", i,
			i + 1 == a->q.o->citations ? "]" : "");
	say_lit(o, ",\"choices\":");
}

static const char *chunk_object(const struct openai_ask *a)
{
	return a->legacy ? "text_completion" : "chat.completion.chunk";
}

static const char *finish_word(const struct openai_ask *a)
{
	switch (a->r.finish) {
	case REPLY_LENGTH:
	case REPLY_CONTEXT:
		return "length";
	case REPLY_CALLS:
		return is_quirk(a, QUIRK_STOP_CALLS) ? "stop" : "tool_calls";
	case REPLY_FILTER:
		return "content_filter";
	case REPLY_ERROR:
		return "error";
	case REPLY_STOP:
	case REPLY_SEQUENCE:
	case REPLY_REFUSAL:
	case REPLY_BLOCKED:
	case REPLY_PAUSE:
	case REPLY_OTHER:
		break;
	}
	return a->q.o->as != NULL && a->q.o->as->stop_word != NULL && a->r.finish == REPLY_STOP
		       ? a->q.o->as->stop_word
		       : "stop";
}

static void put_finish(struct openai_ask *a, struct say *o)
{
	if (a->r.finish == REPLY_OTHER)
		say_json(o, a->r.finish_word);
	else
		say_json(o, slice_cstr(finish_word(a)));
}

static void put_logprob(struct openai_ask *a, struct say *o, struct slice token)
{
	say_lit(o, "{\"token\":");
	say_json(o, token);
	say_lit(o, ",\"logprob\":-0.25,\"bytes\":null,\"top_logprobs\":[");
	for (uint64_t i = 0; i < a->top && i < 20; i++) {
		say_lit(o, i == 0 ? "{\"token\":" : ",{\"token\":");
		say_json(o, i == 0 ? token : text_word(a->r.seed, i));
		say_fmt(o, ",\"logprob\":%s,\"bytes\":null}", i == 0 ? "-0.25" : "-2.5");
	}
	say_lit(o, "]}");
}

/* ,"logprobs":... of so much of the text */
static void put_logprobs(struct openai_ask *a, struct say *o, struct slice text)
{
	bool flat = is_quirk(a, QUIRK_LOGPROBS_FLAT), comma = false;

	say_lit(o, ",\"logprobs\":");
	if (!a->q.logprobs || text.n == 0) {
		say_lit(o, "null");
		return;
	}
	say_lit(o, flat ? "{\"tokens\":[" : "{\"content\":[");
	for (size_t at = 0, end; at < text.n; at = end) {
		struct slice token;

		end = ask_piece_end(&a->q, text, at);
		token = slice_of(text.p + at, end - at);
		if (comma)
			say_lit(o, ",");
		comma = true;
		if (flat)
			say_json(o, token);
		else
			put_logprob(a, o, token);
	}
	if (!flat) {
		say_lit(o, "],\"refusal\":null}");
		return;
	}
	say_lit(o, "],\"token_ids\":[],\"token_logprobs\":[");
	for (size_t at = 0; at < text.n; at = ask_piece_end(&a->q, text, at))
		say_lit(o, at == 0 ? "-0.25" : ",-0.25");
	say_lit(o, "]}");
}

static void put_call_id(struct openai_ask *a, struct say *o, const struct reply_call *c)
{
	char id[10];

	if (!is_quirk(a, QUIRK_ID_9)) {
		say_fmt(o, "call_%016" PRIx64, c->number);
		return;
	}
	snprintf(id, sizeof(id), "%09" PRIu64, c->number % 1000000000);
	say_lit(o, id);
}

/* "id":"...","type":"function","function":{"name":"...","arguments": */
static void put_call_open(struct openai_ask *a, struct say *o, const struct reply_call *c)
{
	say_lit(o, "\"id\":\"");
	put_call_id(a, o, c);
	say_lit(o, is_quirk(a, QUIRK_TOOL_NO_INDEX) ? "\",\"function\":{\"name\":"
						    : "\",\"type\":\"function\",\"function\":"
						      "{\"name\":");
	say_json(o, c->name);
	say_lit(o, ",\"arguments\":");
}

static void put_arguments(struct openai_ask *a, struct say *o, struct slice arguments)
{
	if (is_quirk(a, QUIRK_ARGS_OBJECT))
		say_str(o, arguments);
	else
		say_json(o, arguments);
}

/* [{"type":"url_citation",...}] */
static void put_annotations(struct openai_ask *a, struct say *o)
{
	say_lit(o, "[");
	for (uint64_t i = 0; i < a->q.o->citations && i < CITATIONS_MAX; i++)
		say_fmt(o,
			"%s{\"type\":\"url_citation\",\"url_citation\":{\"start_index\":0,"
			"\"end_index\":%zu,\"url\":\"https://mock.example/%" PRIu64
			"\",\"title\":\"Source %" PRIu64 "\"}}",
			i > 0 ? "," : "", a->r.text.n, i, i);
	say_lit(o, "]");
}

/* One element of reasoning_details; `end`: with its signature. */
static void put_detail(struct openai_ask *a, struct say *o, struct slice text, bool end)
{
	say_lit(o, "\"reasoning_details\":[{\"type\":");
	if (a->q.o->redacted) {
		say_lit(o, "\"reasoning.encrypted\",\"data\":");
		say_json(o, a->r.signature);
	} else {
		say_lit(o, "\"reasoning.text\",\"text\":");
		say_json(o, text);
		if (end) {
			say_lit(o, ",\"signature\":");
			say_json(o, a->r.signature);
		}
	}
	say_lit(o, ",\"format\":\"mock-v1\",\"index\":0}]");
}

/* A part of a list as content, holding thinking. */
static void put_thinking_part(struct openai_ask *a, struct say *o, struct slice text)
{
	if (slice_eq(slice_cstr(thinking_member(a)), LIT("thinking")))
		say_lit(o, "{\"type\":\"thinking\",\"thinking\":[{\"type\":\"text\",\"text\":");
	else
		say_lit(o, "{\"type\":\"reasoning\",\"summary\":[{\"type\":\"summary_text\","
			   "\"text\":");
	say_json(o, text);
	say_lit(o, "}]}");
}

/* ---- plain ---------------------------------------------------------------------------------
 */

static void put_content(struct openai_ask *a, struct say *o)
{
	if (refuses(a) || (a->r.text.n == 0 && a->r.call_n > 0)) {
		say_lit(o, "null");
	} else if (thinks_aloud(a) && is_quirk(a, QUIRK_CONTENT_LIST)) {
		say_lit(o, "[");
		put_thinking_part(a, o, a->r.thinking);
		say_lit(o, ",{\"type\":\"text\",\"text\":");
		say_json(o, a->r.text);
		say_lit(o, "}]");
	} else {
		say_json(o, a->r.text);
	}
}

static void put_message(struct openai_ask *a, struct say *o)
{
	say_lit(o, "{\"role\":\"assistant\",\"content\":");
	put_content(a, o);
	if (thinks_aloud(a) && !is_quirk(a, QUIRK_CONTENT_LIST)) {
		say_fmt(o, ",\"%s\":", thinking_member(a));
		say_json(o, a->r.thinking);
	}
	if (a->r.thinking.n > 0 && is_quirk(a, QUIRK_DETAILS)) {
		say_lit(o, ",");
		put_detail(a, o, a->r.thinking, true);
	}
	say_lit(o, ",\"refusal\":");
	if (refuses(a))
		say_json(o, a->r.text);
	else
		say_lit(o, "null");
	say_lit(o, ",\"annotations\":");
	put_annotations(a, o);
	for (size_t i = 0; i < a->r.call_n; i++) {
		say_lit(o, i == 0 ? ",\"tool_calls\":[{" : ",{");
		put_call_open(a, o, &a->r.calls[i]);
		put_arguments(a, o, a->r.calls[i].arguments);
		say_lit(o, i + 1 == a->r.call_n ? "}}]" : "}}");
	}
	say_lit(o, "}");
}

#define AZURE_RESULTS                                                                          \
	"{\"hate\":{\"filtered\":false,\"severity\":\"safe\"},"                                \
	"\"violence\":{\"filtered\":false,\"severity\":\"safe\"}}"

static void plan_plain(struct openai_ask *a, struct plan *plan)
{
	struct say *o = ask_say(&a->q);
	bool usage = openai_usage(a->q.o) != USAGE_OFF;
	struct piece *p;

	put_start(a, o, a->legacy ? "text_completion" : "chat.completion");
	say_lit(o, "[");
	for (uint64_t i = 0; i < a->choices && a->q.o->fail != FAIL_EMPTY; i++) {
		say_fmt(o, "%s{\"index\":%" PRIu64, i > 0 ? "," : "", i);
		say_lit(o, a->legacy ? ",\"text\":" : ",\"message\":");
		if (a->legacy)
			say_json(o, a->r.text);
		else
			put_message(a, o);
		put_logprobs(a, o, a->r.text);
		say_lit(o, ",\"finish_reason\":");
		put_finish(a, o);
		say_lit(o, is_quirk(a, QUIRK_AZURE)
				   ? ",\"content_filter_results\":" AZURE_RESULTS "}"
				   : "}");
	}
	say_lit(o, "]");
	if (usage) {
		say_lit(o, ",");
		put_usage(a, o, said_in_all(a));
	}
	if (is_quirk(a, QUIRK_X_GROQ))
		say_lit(o, ",\"x_groq\":{\"id\":\"req_mock\"}");
	say_lit(o, "}");
	p = ask_piece(&a->q, plan, PIECE_CONTENT, NULL);
	if (p == NULL)
		return;
	p->text_n = a->r.text.n;
	p->usage = usage;
	p->content = p->finish = true;
}

/* ---- streamed ------------------------------------------------------------------------------
 */

/* `choices` with one choice, up to what its delta has. */
static struct say *delta_begin(struct openai_ask *a, uint64_t index)
{
	struct say *o = ask_say(&a->q);

	put_start(a, o, chunk_object(a));
	say_fmt(o, "[{\"index\":%" PRIu64, index);
	if (a->legacy)
		return o;
	say_lit(o, ",\"delta\":{");
	if (is_quirk(a, QUIRK_ROLE_EVERY) || (is_quirk(a, QUIRK_ROLE_FIRST) && !a->role_sent))
		say_lit(o, "\"role\":\"assistant\",");
	a->role_sent = true;
	return o;
}

/* The end of a chunk that is not the last; `text`: what log-probabilities are told for. */
static struct piece *delta_end(struct openai_ask *a, struct plan *plan, enum piece_kind kind,
			       struct slice text, uint64_t said)
{
	struct say *o = &a->q.x->mock->out;
	bool told = openai_usage(a->q.o) == USAGE_CUMULATIVE;
	struct piece *p;

	if (!a->legacy)
		say_lit(o, "}");
	put_logprobs(a, o, text);
	say_lit(o, is_quirk(a, QUIRK_FINISH_ABSENT) ? "}]" : ",\"finish_reason\":null}]");
	if (told) {
		say_lit(o, ",");
		put_usage(a, o, said);
	} else if (a->include_usage && openai_usage(a->q.o) != USAGE_OFF) {
		say_lit(o, ",\"usage\":null");
	}
	if (is_quirk(a, QUIRK_X_GROQ) && kind == PIECE_OPEN)
		say_lit(o, ",\"x_groq\":{\"id\":\"req_mock\"}");
	say_lit(o, "}");
	p = ask_piece(&a->q, plan, kind, NULL);
	if (p != NULL) {
		p->usage = told;
		p->content = kind == PIECE_CONTENT;
	}
	return p;
}

static void plan_azure(struct openai_ask *a, struct plan *plan)
{
	say_lit(ask_say(&a->q),
		"{\"choices\":[],\"created\":0,\"id\":\"\",\"model\":\"\",\"object\":\"\","
		"\"prompt_filter_results\":[{\"prompt_index\":0,"
		"\"content_filter_results\":" AZURE_RESULTS "}]}");
	ask_piece(&a->q, plan, PIECE_OPEN, NULL);
}

static void plan_open(struct openai_ask *a, struct plan *plan, uint64_t index)
{
	if (a->legacy || is_quirk(a, QUIRK_ROLE_FIRST))
		return;
	a->role_sent = true;
	say_lit(delta_begin(a, index), is_quirk(a, QUIRK_ROLE_EVERY)
					       ? "\"content\":\"\""
					       : "\"role\":\"assistant\",\"content\":");
	if (!is_quirk(a, QUIRK_ROLE_EVERY))
		say_lit(&a->q.x->mock->out, a->r.call_n > 0 && a->r.text.n == 0
						    ? "null,\"refusal\":null"
						    : "\"\",\"refusal\":null");
	delta_end(a, plan, PIECE_OPEN, slice_of(NULL, 0), 0);
}

static void plan_thinking(struct openai_ask *a, struct plan *plan)
{
	uint64_t said = 0;

	if (a->r.thinking.n > 0 && is_quirk(a, QUIRK_DETAILS) && a->q.o->redacted) {
		put_detail(a, delta_begin(a, 0), slice_of(NULL, 0), true);
		delta_end(a, plan, PIECE_CONTENT, slice_of(NULL, 0), a->r.used.reasoning);
	}
	if (!thinks_aloud(a))
		return;
	for (size_t at = 0, end; at < a->r.thinking.n; at = end) {
		struct say *o = delta_begin(a, 0);
		struct slice part;

		end = ask_piece_end(&a->q, a->r.thinking, at);
		part = slice_of(a->r.thinking.p + at, end - at);
		if (is_quirk(a, QUIRK_CONTENT_LIST)) {
			say_lit(o, "\"content\":[");
			put_thinking_part(a, o, part);
			say_lit(o, "]");
		} else {
			say_lit(o, is_quirk(a, QUIRK_NULL_CONTENT) ? "\"content\":null," : "");
			say_fmt(o, "\"%s\":", thinking_member(a));
			say_json(o, part);
		}
		if (is_quirk(a, QUIRK_DETAILS)) {
			say_lit(o, ",");
			put_detail(a, o, part, false);
		}
		said += a->q.o->words;
		delta_end(a, plan, PIECE_CONTENT, slice_of(NULL, 0),
			  said < a->r.used.reasoning ? said : a->r.used.reasoning);
	}
	if (is_quirk(a, QUIRK_DETAILS)) {
		put_detail(a, delta_begin(a, 0), LIT(""), true);
		delta_end(a, plan, PIECE_CONTENT, slice_of(NULL, 0), a->r.used.reasoning);
	}
}

static void plan_text(struct openai_ask *a, struct plan *plan, uint64_t index,
		      struct slice text, uint64_t said)
{
	struct say *o = delta_begin(a, index);
	bool list = is_quirk(a, QUIRK_CONTENT_LIST) && thinks_aloud(a) &&
		    slice_eq(slice_cstr(thinking_member(a)), LIT("summary"));
	struct piece *p;

	if (list)
		say_lit(o, "\"content\":[{\"type\":\"text\",\"text\":");
	else
		say_lit(o, a->legacy    ? ",\"text\":"
			   : refuses(a) ? "\"refusal\":"
					: "\"content\":");
	say_json(o, text);
	say_lit(o, list ? "}]" : "");
	p = delta_end(a, plan, PIECE_CONTENT, text, said);
	if (p == NULL)
		return;
	p->text_n = index == 0 ? text.n : 0;
	p->content = text.n > 0;
}

static void plan_texts(struct openai_ask *a, struct plan *plan)
{
	uint64_t said = a->r.used.reasoning;

	for (size_t at = 0, end; at < a->r.text.n; at = end) {
		end = ask_piece_end(&a->q, a->r.text, at);
		said += a->q.o->words;
		for (uint64_t c = 0; c < a->choices; c++)
			plan_text(a, plan, c, slice_of(a->r.text.p + at, end - at),
				  said < said_in_all(a) ? said : said_in_all(a));
	}
	if (a->q.o->citations == 0 || is_quirk(a, QUIRK_CITATIONS) || a->legacy)
		return;
	say_lit(delta_begin(a, 0), "\"annotations\":");
	put_annotations(a, &a->q.x->mock->out);
	delta_end(a, plan, PIECE_CONTENT, slice_of(NULL, 0), said_in_all(a));
}

/* One delta of call `i`: `open` tells its id and name, the others bring arguments. */
static void plan_call_part(struct openai_ask *a, struct plan *plan, size_t i, bool open,
			   struct slice part)
{
	struct say *o = delta_begin(a, 0);

	say_lit(o, "\"tool_calls\":[{");
	if (!is_quirk(a, QUIRK_TOOL_NO_INDEX))
		say_fmt(o, "\"index\":%zu,", i);
	if (open)
		put_call_open(a, o, &a->r.calls[i]);
	else
		say_lit(o, is_quirk(a, QUIRK_TOOL_ID_EMPTY)
				   ? "\"id\":\"\",\"type\":\"function\",\"function\":{"
				     "\"arguments\":"
				   : "\"function\":{\"arguments\":");
	if (open && is_quirk(a, QUIRK_TOOL_WHOLE))
		put_arguments(a, o, part);
	else
		say_json(o, part);
	say_lit(o, "}}]");
	delta_end(a, plan, PIECE_CONTENT, slice_of(NULL, 0), said_in_all(a));
}

static void plan_calls(struct openai_ask *a, struct plan *plan)
{
	bool whole = is_quirk(a, QUIRK_TOOL_WHOLE), in_turns = a->q.o->interleave && !whole;
	size_t *at = ARENA_ARRAY(&a->q.x->work, size_t, a->r.call_n);
	size_t call = 0, opened = 0;
	struct slice part;

	if (at == NULL)
		return;
	for (; opened < a->r.call_n && (whole || in_turns); opened++)
		plan_call_part(a, plan, opened, true,
			       whole ? a->r.calls[opened].arguments : LIT(""));
	while (!whole && ask_next_arguments(&a->q, &a->r, at, &call, &part)) {
		for (; opened <= call; opened++)
			plan_call_part(a, plan, opened, true, LIT(""));
		plan_call_part(a, plan, call, false, part);
	}
}

static void plan_finish(struct openai_ask *a, struct plan *plan, uint64_t index)
{
	enum mock_usage when = openai_usage(a->q.o);
	bool here = when == USAGE_TWICE || when == USAGE_FINISH || when == USAGE_CUMULATIVE;
	bool inside = here && is_quirk(a, QUIRK_USAGE_CHOICE);
	struct say *o = ask_say(&a->q);
	struct piece *p;

	put_start(a, o,
		  is_quirk(a, QUIRK_DONE_OBJECT) ? "chat.completion.done" : chunk_object(a));
	say_fmt(o, "[{\"index\":%" PRIu64, index);
	say_lit(o, a->legacy                       ? ",\"text\":\"\""
		   : is_quirk(a, QUIRK_ROLE_EVERY) ? ",\"delta\":{\"role\":\"assistant\","
						     "\"content\":\"\"}"
						   : ",\"delta\":{}");
	if (is_quirk(a, QUIRK_DONE_OBJECT)) {
		say_lit(o, ",\"message\":");
		put_message(a, o);
	}
	say_lit(o, ",\"logprobs\":null,\"finish_reason\":");
	put_finish(a, o);
	if (inside) {
		say_lit(o, ",");
		put_usage(a, o, said_in_all(a));
	}
	say_lit(o, "}]");
	if (here && !inside) {
		say_lit(o, ",");
		put_usage(a, o, said_in_all(a));
	} else if (!here && a->include_usage && when != USAGE_OFF) {
		say_lit(o, ",\"usage\":null");
	}
	if (is_quirk(a, QUIRK_X_GROQ)) {
		say_lit(o, ",\"x_groq\":{\"id\":\"req_mock\",");
		put_usage(a, o, said_in_all(a));
		say_lit(o, "}");
	}
	say_lit(o, "}");
	p = ask_piece(&a->q, plan, PIECE_FINISH, NULL);
	if (p == NULL)
		return;
	p->finish = true;
	p->usage = here;
}

static void plan_usage(struct openai_ask *a, struct plan *plan)
{
	enum mock_usage when = openai_usage(a->q.o);
	bool asked = a->include_usage && (when == USAGE_ASKED || when == USAGE_CUMULATIVE);
	struct say *o = ask_say(&a->q);
	struct piece *p;

	if (!asked && when != USAGE_ALWAYS && when != USAGE_TWICE)
		return;
	put_start(a, o, chunk_object(a));
	say_lit(o, "[],");
	put_usage(a, o, said_in_all(a));
	say_lit(o, "}");
	p = ask_piece(&a->q, plan, PIECE_USAGE, NULL);
	if (p != NULL)
		p->usage = true;
}

static void plan_stream(struct openai_ask *a, struct plan *plan)
{
	plan->stream = true;
	plan->content_type = LIT("text/event-stream; charset=utf-8");
	if (is_quirk(a, QUIRK_AZURE))
		plan_azure(a, plan);
	for (uint64_t c = 0; c < a->choices; c++)
		plan_open(a, plan, c);
	plan_thinking(a, plan);
	plan_texts(a, plan);
	if (a->r.call_n > 0)
		plan_calls(a, plan);
	for (uint64_t c = 0; c < a->choices; c++)
		plan_finish(a, plan, c);
	plan_usage(a, plan);
	if (is_quirk(a, QUIRK_NO_DONE))
		return;
	say_lit(ask_say(&a->q), "[DONE]");
	ask_piece(&a->q, plan, PIECE_DONE, NULL);
}

/* Thinking that is said as a part of the text. */
static void think_in_text(struct openai_ask *a, struct plan *plan)
{
	a->r.text = arena_fmt(&a->q.x->work, "<think>\n%.*s\n</think>\n\n%.*s",
			      SARG(a->r.thinking), SARG(a->r.text));
	plan->text = a->r.text;
}

void openai_say(struct openai_ask *a, struct plan *plan)
{
	if (a->r.call_n > 0)
		a->choices = 1;
	a->r.used.output *= a->choices;
	plan->completion_tokens = said_in_all(a);
	if (a->r.thinking.n > 0 && is_quirk(a, QUIRK_THINK_TEXT))
		think_in_text(a, plan);
	plan->cacheable = a->r.call_n == 0 && !a->q.o->vary;
	if (a->q.stream)
		plan_stream(a, plan);
	else
		plan_plain(a, plan);
}
