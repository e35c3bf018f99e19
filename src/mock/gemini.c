/* Gemini as Google's API serves it: generateContent, streamGenerateContent (as events or as one
 * array), countTokens, embedContent, batchEmbedContents, models.  ai.google.dev/api. */
#include "mock/gemini.h"

#include "mock/text.h"
#include "wire/url.h"

enum endpoint { GENERATE, STREAM, COUNT, EMBED, EMBED_ALL, MODELS, NO_ENDPOINT };

enum { CITATIONS_MAX = 100, EMBEDDINGS_MAX = 2048 };

/* ".../models/{model}:{verb}" */
static enum endpoint endpoint_of(const struct exchange *x, struct slice *model)
{
	static const struct {
		struct slice verb;
		enum endpoint endpoint;
	} rows[] = {
		{ LITC(":generateContent"), GENERATE },
		{ LITC(":streamGenerateContent"), STREAM },
		{ LITC(":countTokens"), COUNT },
		{ LITC(":embedContent"), EMBED },
		{ LITC(":batchEmbedContents"), EMBED_ALL },
	};
	struct slice path = x->rec.path;
	size_t at = slice_find(path, LIT("/models/")), next;

	if (slice_eq(x->rec.head.method, LIT("GET")))
		return slice_ends(path, LIT("/models")) &&
				       (slice_find(path, LIT("/v1beta")) != SLICE_NONE ||
					http_header(&x->rec.head, LIT("x-goog-api-key")).n > 0)
			       ? MODELS
			       : NO_ENDPOINT;
	if (at == SLICE_NONE)
		return NO_ENDPOINT;
	*model = slice_skip(path, at + 8);
	/* a name may have the words in it, as a publisher's does */
	while ((next = slice_find(*model, LIT("/models/"))) != SLICE_NONE)
		*model = slice_skip(*model, next + 8);
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (slice_ends(*model, rows[i].verb)) {
			model->n -= rows[i].verb.n;
			return rows[i].endpoint;
		}
	return NO_ENDPOINT;
}

static bool claims(const struct exchange *x)
{
	struct slice model;

	return endpoint_of(x, &model) != NO_ENDPOINT;
}

static void peek(struct exchange *x, const struct json_member *m UNUSED, size_t n UNUSED)
{
	struct slice model = { NULL, 0 };

	x->rec.stream = endpoint_of(x, &model) == STREAM;
	x->rec.model = exchange_decoded(x, model);
}

static bool as_events(const struct exchange *x)
{
	struct slice alt;

	return url_query(x->rec.query, LIT("alt"), &alt) && slice_eq(alt, LIT("sse"));
}

/* Errors of a stream that is one array are elements of it. */
static bool wraps(const struct exchange *x)
{
	struct slice model;

	return endpoint_of(x, &model) == STREAM && !as_events(x);
}

static void last_user(const struct json *root, struct say *o)
{
	const struct json *list = gemini_get(root, "contents");

	if (list == NULL)
		list = gemini_get(gemini_get(root, "generateContentRequest"), "contents");
	for (size_t i = json_len(list); i-- > 0;)
		if (!slice_eq(json_str(json_get(json_at(list, i), "role")), LIT("model"))) {
			say_texts(o, json_get(json_at(list, i), "parts"));
			if (buf_len(&o->b) > 0)
				return;
		}
}

static unsigned auth(struct exchange *x, struct slice *why)
{
	struct slice key = http_header(&x->rec.head, LIT("x-goog-api-key"));
	struct slice bearer = http_header(&x->rec.head, LIT("authorization"));

	if (key.n == 0 && slice_starts(bearer, LIT("Bearer ")))
		key = slice_skip(bearer, 7);
	if (key.n == 0 && !url_query(x->rec.query, LIT("key"), &key))
		key.n = 0;
	if (x->o->strict && key.n == 0) {
		*why = LIT("Method doesn't allow unregistered callers (callers without "
			   "established identity). Please use API Key or other form of API "
			   "consumer identity to call this API.");
		return 403;
	}
	if (x->o->key.n > 0 && !slice_eq_consttime(key, x->o->key)) {
		*why = LIT("API key not valid. Please pass a valid API key.");
		return 400;
	}
	return 0;
}

/* ---- errors -------------------------------------------------------------------------------
 */

static const char *status_word(unsigned status)
{
	static const struct {
		unsigned status;
		const char *word;
	} rows[] = {
		{ 400, "INVALID_ARGUMENT" },  { 401, "UNAUTHENTICATED" },
		{ 403, "PERMISSION_DENIED" }, { 404, "NOT_FOUND" },
		{ 409, "ABORTED" },           { 429, "RESOURCE_EXHAUSTED" },
		{ 499, "CANCELLED" },         { 500, "INTERNAL" },
		{ 503, "UNAVAILABLE" },       { 504, "DEADLINE_EXCEEDED" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].status == status)
			return rows[i].word;
	return "UNKNOWN";
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
	else if (message.n == 0)
		message = status == 503
				  ? LIT("The model is overloaded. Please try again later.")
				  : LIT("An error has occurred.");
	say_fmt(o, "{\"error\":{\"code\":%u,\"message\":", status);
	say_json(o, message);
	say_lit(o, ",\"status\":");
	say_json(o, opt->error_type.n > 0 ? opt->error_type : slice_cstr(status_word(status)));
	if (opt->retry_after.n > 0) {
		say_lit(o,
			",\"details\":[{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\","
			"\"retryDelay\":\"");
		say_json_part(o, opt->retry_after);
		say_lit(o, "s\"}]");
	}
	say_lit(o, "}}");
}

static const char *error_event(struct say *o, const struct mock_options *opt, unsigned status)
{
	error(o, opt, status == 500 ? 503 : status, LIT(""));
	return NULL;
}

/* ---- parts of an answer --------------------------------------------------------------------
 */

struct telling {
	struct question q;
	struct reply r;
	bool aloud;  /* thoughts are shown */
	bool signs;  /* parts carry signatures */
	bool vertex; /* no ids of calls, figures only at the end */
};

static const char *finish_reason(const struct reply *r)
{
	switch (r->finish) {
	case REPLY_LENGTH:
	case REPLY_CONTEXT:
		return "MAX_TOKENS";
	case REPLY_FILTER:
		return "SAFETY";
	case REPLY_REFUSAL:
		return "PROHIBITED_CONTENT";
	case REPLY_ERROR:
		return "MALFORMED_FUNCTION_CALL";
	case REPLY_PAUSE:
		return "OTHER";
	case REPLY_STOP:
	case REPLY_SEQUENCE:
	case REPLY_CALLS:
	case REPLY_BLOCKED:
	case REPLY_OTHER:
		break;
	}
	return "STOP";
}

static void put_signature(struct telling *t, struct say *o, struct slice of)
{
	if (!t->signs)
		return;
	say_lit(o, ",\"thoughtSignature\":");
	say_json(o, ask_token(&t->q.x->work, of));
}

static void put_call(struct telling *t, struct say *o, size_t i)
{
	const struct reply_call *c = &t->r.calls[i];

	say_lit(o, "{\"functionCall\":{");
	if (!t->vertex)
		say_fmt(o, "\"id\":\"fc_%016" PRIx64 "\",", c->number);
	say_lit(o, "\"name\":");
	say_json(o, c->name);
	say_lit(o, ",\"args\":");
	say_str(o, c->arguments);
	say_lit(o, "}");
	if (i == 0)
		put_signature(t, o, c->name);
	say_lit(o, "}");
}

static void put_thought(struct say *o, struct slice text)
{
	say_lit(o, "{\"text\":");
	say_json(o, text);
	say_lit(o, ",\"thought\":true}");
}

static bool shows_thoughts(const struct telling *t)
{
	return t->aloud && t->r.thinking.n > 0 && !t->q.o->redacted;
}

static void put_usage(struct telling *t, struct say *o, uint64_t output, bool last)
{
	uint64_t prompt = reply_prompt(&t->r), audio = t->q.o->audio_tokens;

	say_lit(o, ",\"usageMetadata\":{");
	if (t->vertex && !last) {
		say_lit(o, "\"trafficType\":\"ON_DEMAND\"}");
		return;
	}
	say_fmt(o, "\"promptTokenCount\":%" PRIu64, prompt);
	if (output > 0)
		say_fmt(o, ",\"candidatesTokenCount\":%" PRIu64, output);
	if (t->r.used.reasoning > 0)
		say_fmt(o, ",\"thoughtsTokenCount\":%" PRIu64, t->r.used.reasoning);
	if (t->r.used.cache_read > 0)
		say_fmt(o, ",\"cachedContentTokenCount\":%" PRIu64, t->r.used.cache_read);
	say_fmt(o,
		",\"totalTokenCount\":%" PRIu64
		",\"promptTokensDetails\":[{\"modality\":\"TEXT\",\"tokenCount\":%" PRIu64 "}",
		prompt + output + t->r.used.reasoning,
		prompt - (audio < prompt ? audio : prompt));
	if (audio > 0)
		say_fmt(o, ",{\"modality\":\"AUDIO\",\"tokenCount\":%" PRIu64 "}", audio);
	say_lit(o, "]}");
}

static void put_end(struct telling *t, struct say *o)
{
	say_lit(o, ",\"modelVersion\":");
	say_json(o, t->q.model);
	say_fmt(o, ",\"responseId\":\"resp%016" PRIx64 "\"", t->r.seed);
	if (t->q.o->extra)
		say_lit(o, ",\"x_mock\":{\"big\":12345678901234567890,\"n\":1.50}");
	say_lit(o, "}");
}

static void put_grounding(struct telling *t, struct say *o)
{
	uint64_t n = t->q.o->citations < CITATIONS_MAX ? t->q.o->citations : CITATIONS_MAX;

	if (n == 0)
		return;
	say_lit(o, ",\"groundingMetadata\":{\"groundingChunks\":[");
	for (uint64_t i = 0; i < n; i++)
		say_fmt(o,
			"%s{\"web\":{\"uri\":\"https://mock.example/%" PRIu64
			"\",\"title\":\"Source %" PRIu64 "\"}}",
			i > 0 ? "," : "", i, i);
	say_lit(o, "],\"groundingSupports\":[");
	for (uint64_t i = 0; i < n; i++) {
		say_fmt(o, "%s{\"segment\":{\"startIndex\":0,\"endIndex\":%zu,\"text\":",
			i > 0 ? "," : "", t->r.text.n);
		say_json(o, t->r.text);
		say_fmt(o, "},\"groundingChunkIndices\":[%" PRIu64 "]}", i);
	}
	say_lit(o, "]}");
}

static void put_logprobs(struct telling *t, struct say *o, struct slice text)
{
	if (!t->q.logprobs || text.n == 0)
		return;
	say_lit(o, ",\"avgLogprobs\":-0.25,\"logprobsResult\":{\"chosenCandidates\":[");
	for (size_t at = 0, end; at < text.n; at = end) {
		end = ask_piece_end(&t->q, text, at);
		say_lit(o, at == 0 ? "{\"token\":" : ",{\"token\":");
		say_json(o, slice_of(text.p + at, end - at));
		say_lit(o, ",\"logProbability\":-0.25}");
	}
	say_lit(o, "],\"topCandidates\":[]}");
}

static void put_finish(struct telling *t, struct say *o)
{
	say_lit(o, ",\"finishReason\":");
	say_json(o, t->r.finish == REPLY_OTHER ? t->r.finish_word
					       : slice_cstr(finish_reason(&t->r)));
	if (t->r.finish == REPLY_FILTER)
		say_lit(o, ",\"safetyRatings\":[{\"category\":\"HARM_CATEGORY_HARASSMENT\","
			   "\"probability\":\"HIGH\",\"blocked\":true}]");
}

static struct say *begin(struct telling *t)
{
	struct say *o = ask_say(&t->q);

	say_lit(o, "{\"candidates\":[{\"content\":{\"role\":\"model\",\"parts\":[");
	return o;
}

/* A prompt that was blocked has no candidates. */
static void plan_blocked(struct telling *t, struct plan *plan)
{
	struct say *o = ask_say(&t->q);
	struct piece *p;

	say_lit(o, "{\"promptFeedback\":{\"blockReason\":\"SAFETY\",\"safetyRatings\":[{"
		   "\"category\":\"HARM_CATEGORY_HARASSMENT\",\"probability\":\"HIGH\","
		   "\"blocked\":true}]}");
	put_usage(t, o, 0, true);
	put_end(t, o);
	p = ask_piece(&t->q, plan, PIECE_FINISH, NULL);
	if (p != NULL)
		p->usage = p->finish = true;
}

static bool has_text(const struct telling *t)
{
	return t->r.text.n > 0 && t->r.finish != REPLY_REFUSAL && t->q.o->fail != FAIL_EMPTY;
}

static void plan_plain(struct telling *t, struct plan *plan)
{
	struct say *o = begin(t);
	const char *comma = "";
	struct piece *p;

	if (shows_thoughts(t)) {
		put_thought(o, t->r.thinking);
		comma = ",";
	}
	if (has_text(t)) {
		say_lit(o, comma);
		say_lit(o, "{\"text\":");
		say_json(o, t->r.text);
		if (t->r.call_n == 0)
			put_signature(t, o, t->r.text);
		say_lit(o, "}");
		comma = ",";
	}
	for (size_t i = 0; i < t->r.call_n; i++) {
		say_lit(o, comma);
		put_call(t, o, i);
		comma = ",";
	}
	say_lit(o, "]}");
	put_finish(t, o);
	say_lit(o, ",\"index\":0");
	put_logprobs(t, o, t->r.text);
	put_grounding(t, o);
	say_lit(o, "}]");
	if (t->q.o->usage != USAGE_OFF)
		put_usage(t, o, t->r.used.output, true);
	put_end(t, o);
	p = ask_piece(&t->q, plan, PIECE_CONTENT, NULL);
	if (p == NULL)
		return;
	p->text_n = t->r.text.n;
	p->content = p->finish = true;
	p->usage = t->q.o->usage != USAGE_OFF;
}

/* ---- streamed ------------------------------------------------------------------------------
 */

/* The end of a frame that is not the last. */
static struct piece *end(struct telling *t, struct plan *plan, struct slice text, uint64_t said)
{
	struct say *o = &t->q.x->mock->out;
	struct piece *p;

	say_lit(o, "]},\"index\":0");
	put_logprobs(t, o, text);
	say_lit(o, "}]");
	if (t->q.o->usage != USAGE_OFF)
		put_usage(t, o, said, false);
	put_end(t, o);
	p = ask_piece(&t->q, plan, PIECE_CONTENT, NULL);
	if (p != NULL) {
		p->content = true;
		p->text_n = text.n;
		p->usage = t->q.o->usage != USAGE_OFF && !t->vertex;
	}
	return p;
}

static void plan_thoughts(struct telling *t, struct plan *plan)
{
	for (size_t at = 0, to; shows_thoughts(t) && at < t->r.thinking.n; at = to) {
		to = ask_piece_end(&t->q, t->r.thinking, at);
		put_thought(begin(t), slice_of(t->r.thinking.p + at, to - at));
		end(t, plan, slice_of(NULL, 0), 0);
	}
}

static void plan_text(struct telling *t, struct plan *plan)
{
	uint64_t said = 0;

	for (size_t at = 0, to; has_text(t) && at < t->r.text.n; at = to) {
		struct say *o = begin(t);

		to = ask_piece_end(&t->q, t->r.text, at);
		said += t->q.o->words;
		say_lit(o, "{\"text\":");
		say_json(o, slice_of(t->r.text.p + at, to - at));
		say_lit(o, "}");
		end(t, plan, slice_of(t->r.text.p + at, to - at),
		    said < t->r.used.output ? said : t->r.used.output);
	}
}

/* The last frame has an empty text, and the signature where no call carried it. */
static void plan_finish(struct telling *t, struct plan *plan)
{
	struct say *o = begin(t);
	struct piece *p;

	say_lit(o, "{\"text\":\"\"");
	if (t->r.call_n == 0)
		put_signature(t, o, t->r.text);
	say_lit(o, "}]}");
	put_finish(t, o);
	say_lit(o, ",\"index\":0");
	put_grounding(t, o);
	say_lit(o, "}]");
	if (t->q.o->usage != USAGE_OFF)
		put_usage(t, o, t->r.used.output, true);
	put_end(t, o);
	p = ask_piece(&t->q, plan, PIECE_FINISH, NULL);
	if (p != NULL) {
		p->finish = true;
		p->usage = t->q.o->usage != USAGE_OFF;
	}
}

static void plan_stream(struct telling *t, struct plan *plan)
{
	plan->stream = true;
	plan->framing = as_events(t->q.x) ? FRAMING_SSE : FRAMING_ARRAY;
	plan->content_type = plan->framing == FRAMING_SSE ? LIT("text/event-stream")
							  : LIT("application/json");
	if (t->r.finish == REPLY_BLOCKED) {
		plan_blocked(t, plan);
		return;
	}
	plan_thoughts(t, plan);
	plan_text(t, plan);
	for (size_t i = 0; i < t->r.call_n; i++) {
		put_call(t, begin(t), i);
		end(t, plan, slice_of(NULL, 0), t->r.used.output);
	}
	plan_finish(t, plan);
}

/* ---- the endpoints -------------------------------------------------------------------------
 */

static void put_embedding(struct telling *t, struct say *o, const struct json *r, uint64_t i)
{
	uint64_t n = json_uint(gemini_get(r, "outputDimensionality"), t->q.o->dimensions);

	say_lit(o, "{\"values\":");
	say_embedding(o, t->q.o->seed, i, n < 65536 ? n : 65536);
	say_lit(o, "}");
}

static bool check_embed(struct question *q, const struct json *r, bool model)
{
	const struct json *parts = gemini_get(gemini_get(r, "content"), "parts");

	if (!json_is_string(json_get(json_at(parts, 0), "text")))
		return ask_wrong(q, 0,
				 "EmbedContentRequest.content: contents is not specified");
	if (model && !slice_starts(json_str(json_get(r, "model")), LIT("models/")))
		return ask_wrong(q, 0,
				 "requests[].model: model is required, as models/{model}");
	return true;
}

static void answer_embed(struct telling *t, struct plan *plan, bool all)
{
	const struct json *list = gemini_get(t->q.root, "requests");
	struct say *o;
	struct piece *p;

	if (!all)
		check_embed(&t->q, t->q.root, false);
	for (size_t i = 0; all && i < json_len(list); i++)
		check_embed(&t->q, json_at(list, i), true);
	if (all && (json_len(list) == 0 || json_len(list) > EMBEDDINGS_MAX))
		ask_wrong(&t->q, 0, "BatchEmbedContentsRequest.requests: empty, or too many");
	if (ask_refused(&t->q, plan))
		return;
	o = ask_say(&t->q);
	say_lit(o, all ? "{\"embeddings\":[" : "{\"embedding\":");
	for (size_t i = 0; i < (all ? json_len(list) : 1); i++) {
		say_lit(o, i > 0 ? "," : "");
		put_embedding(t, o, all ? json_at(list, i) : t->q.root, i);
	}
	say_lit(o, all ? "]}" : "}");
	p = ask_piece(&t->q, plan, PIECE_CONTENT, NULL);
	if (p != NULL)
		p->content = true;
}

static void answer_models(struct question *q, struct plan *plan)
{
	struct slice rest = q->o->models, name;
	struct say *o = ask_say(q);

	say_lit(o, "{\"models\":[");
	for (bool first = true; rest.n > 0; first = false) {
		if (!slice_cut(rest, ',', &name, &rest))
			rest = slice_of(NULL, 0);
		say_lit(o, first ? "{\"name\":\"models/" : ",{\"name\":\"models/");
		say_json_part(o, slice_trim(name));
		say_lit(o, "\",\"displayName\":\"Mock\",\"inputTokenLimit\":100000,"
			   "\"outputTokenLimit\":8192,\"supportedGenerationMethods\":["
			   "\"generateContent\",\"countTokens\"]}");
	}
	say_lit(o, "]}");
	ask_piece(q, plan, PIECE_CONTENT, NULL);
}

static void answer(struct exchange *x, const struct json_member *m UNUSED, size_t n UNUSED,
		   struct plan *plan)
{
	struct telling t = { .vertex = quirk(x->o, QUIRK_USAGE_LATE) };
	struct slice model;
	enum endpoint e = endpoint_of(x, &model);
	const struct json *request;

	plan->content_type = LIT("application/json; charset=UTF-8");
	ask_begin(&t.q, x, &mock_gemini);
	if (e == MODELS) {
		answer_models(&t.q, plan);
		return;
	}
	if (t.q.root == NULL)
		ask_wrong(&t.q, 0, "Invalid JSON payload received.");
	if (ask_refused(&t.q, plan))
		return;
	if (e == EMBED || e == EMBED_ALL) {
		answer_embed(&t, plan, e == EMBED_ALL);
		return;
	}
	request = e == COUNT ? gemini_get(t.q.root, "generateContentRequest") : NULL;
	gemini_check(&t.q, request != NULL ? request : t.q.root, &t.aloud);
	if ((x->o->strict && ask_refused(&t.q, plan)) || !ask_decide(&t.q, &t.r, plan))
		return;
	t.signs = t.r.thinking.n > 0 || slice_starts(t.q.model, LIT("gemini-3"));
	if (e == COUNT) {
		say_fmt(ask_say(&t.q), "{\"totalTokens\":%" PRIu64 "}", reply_prompt(&t.r));
		ask_piece(&t.q, plan, PIECE_CONTENT, NULL);
	} else if (e == STREAM) {
		plan_stream(&t, plan);
	} else if (t.r.finish == REPLY_BLOCKED) {
		plan_blocked(&t, plan);
	} else {
		plan_plain(&t, plan);
	}
}

const struct mock_dialect mock_gemini = {
	.name = "gemini",
	.claims = claims,
	.peek = peek,
	.last_user = last_user,
	.auth = auth,
	.answer = answer,
	.error = error,
	.error_event = error_event,
	.wraps_errors = wraps,
};
