/* A whole answer to a client, and what the writer of streams shares with it. */
#include "chat/bedrock/bedrock.h"

#include "wire/base64.h"

/* ---- parts ----------------------------------------------------------------------------- */

void bedrock_usage_out(struct json_out *o, const struct usage *u)
{
	const uint64_t input = u->input + u->audio_in;
	const uint64_t written = u->cache_write + u->cache_write_1h;

	out_object(o);
	out_key(o, "inputTokens"), out_u64(o, input);
	out_key(o, "outputTokens"), out_u64(o, usage_completion(u));
	out_key(o, "totalTokens"), out_u64(o, usage_prompt(u) + usage_completion(u));
	if (u->cache_read > 0 || written > 0) {
		out_key(o, "cacheReadInputTokens"), out_u64(o, u->cache_read);
		out_key(o, "cacheWriteInputTokens"), out_u64(o, written);
	}
	if (u->cache_write_1h > 0) {
		out_key(o, "cacheDetails");
		out_array(o);
		out_object(o);
		out_key(o, "ttl"), out_lit(o, "1h");
		out_key(o, "inputTokens"), out_u64(o, u->cache_write_1h);
		out_close(o);
		if (u->cache_write > 0) {
			out_object(o);
			out_key(o, "ttl"), out_lit(o, "5m");
			out_key(o, "inputTokens"), out_u64(o, u->cache_write);
			out_close(o);
		}
		out_close(o);
	}
	out_close(o);
}

static const char *stop_reason(enum finish_kind finish, bool tools)
{
	switch (finish) {
	case FINISH_STOP:
		return tools ? "tool_use" : "end_turn";
	case FINISH_SEQUENCE:
		return "stop_sequence";
	case FINISH_LENGTH:
	case FINISH_PAUSE: /* there is more to come, too */
		return "max_tokens";
	case FINISH_CONTEXT:
		return "model_context_window_exceeded";
	case FINISH_TOOLS:
		return "tool_use";
	case FINISH_FILTER:
	case FINISH_REFUSAL:
		return "content_filtered";
	case FINISH_BROKEN:
		return "malformed_model_output";
	}
	return "malformed_model_output";
}

void bedrock_stop_out(struct json_out *o, const struct chat_event *finish, bool tools)
{
	out_key(o, "stopReason"), out_lit(o, stop_reason(finish->finish, tools));
	if (json_text_empty(finish->text))
		return;
	out_key(o, "additionalModelResponseFields");
	out_object(o);
	out_key(o, "stop_sequence"), out_text(o, finish->text);
	out_close(o);
}

void bedrock_citation_out(struct json_out *o, const struct chat_annotation *c)
{
	out_object(o);
	if (!json_text_empty(c->title))
		out_key(o, "title"), out_text(o, c->title);
	if (!json_text_empty(c->cited)) {
		out_key(o, "sourceContent");
		out_array(o);
		out_object(o);
		out_key(o, "text"), out_text(o, c->cited);
		out_close(o);
		out_close(o);
	}
	if (!json_text_empty(c->url)) {
		out_key(o, "location");
		out_object(o);
		out_key(o, "web");
		out_object(o);
		out_key(o, "url"), out_text(o, c->url);
		out_close(o);
		out_close(o);
	}
	out_close(o);
}

bool bedrock_own_block(struct slice raw)
{
	static const char *const own[] = { "toolResult", "guardContent", "searchResult",
					   "video",      "audio",        "document" };
	struct json_member m[2];

	if (json_object(raw, m, ARRAY_LEN(m)) != 1)
		return false;
	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (slice_eq(m[0].key, slice_cstr(own[i])) && m[0].kind == JSON_OBJECT)
			return true;
	return false;
}

void bedrock_image_out(struct json_out *o, const struct chat_event *e)
{
	struct slice format = chat_media_format(json_text_plain(e->name, o->a));

	out_object(o);
	out_key(o, "format"), out_str(o, format.n > 0 ? format : LIT("png"));
	out_key(o, "source");
	out_object(o);
	out_key(o, "bytes"), out_text(o, e->text);
	out_close(o);
	out_close(o);
}

void bedrock_call_id_out(struct json_out *o, const struct chat_reply *to,
			 const struct chat_event *e)
{
	if (!json_text_empty(e->id))
		out_text(o, e->id);
	else
		out_str(o, arena_fmt(o->a, "tooluse_%.*s_%u", SARG(to->id), e->index));
}

struct json_text bedrock_redacted(const struct chat_reply *to, struct json_text data,
				  bool bound, struct arena *a)
{
	struct json_text sealed = data;
	struct slice plain;
	struct sb b;
	char *p;

	if (bound)
		sealed.s = arena_fmt(a, BOUND_MARK "%.*s", SARG(data.s));
	sealed = opaque_seal(a, to->issuer, sealed);
	if (!bound && slice_eq(sealed.s, data.s))
		return data; /* of nobody: as it came */
	plain = json_text_plain(sealed, a);
	p = arena_bytes(a, (plain.n + 2) / 3 * 4);
	if (p == NULL)
		return (struct json_text){ { NULL, 0 } };
	sb_init(&b, p, (plain.n + 2) / 3 * 4);
	base64_put(&b, plain);
	return (struct json_text){ sb_slice(&b) };
}

struct chat_opaque bedrock_redacted_open(struct json_text data, bool *bound, struct arena *a)
{
	struct chat_opaque o = { .data = data };
	struct slice coded;
	char *p;
	size_t n;

	*bound = false;
	if (!slice_starts(data.s, LIT(OPAQUE_MARK_BASE64)))
		return o;
	coded = json_text_plain(data, a);
	p = arena_bytes(a, 3 * (coded.n / 4) + 1);
	if (p == NULL || !base64_read(coded, p, &n))
		return o;
	o = opaque_open(json_text_encode(slice_of(p, n), a));
	if (o.issuer.n == 0)
		return (struct chat_opaque){ .data = data };
	*bound = slice_starts(o.data.s, LIT(BOUND_MARK));
	if (*bound)
		o.data.s = slice_skip(o.data.s, sizeof(BOUND_MARK) - 1);
	return o;
}

/* ---- the answer ------------------------------------------------------------------------ */

struct whole {
	const struct chat_reply *to;
	const struct chat_event *v;
	size_t n;
	struct json_out *o;
};

static bool mine(const struct chat_event *e)
{
	return e->choice == 0;
}

static bool is_text(const struct chat_event *e)
{
	return e->kind == EV_TEXT || e->kind == EV_REFUSAL;
}

/* What may stand between the pieces of a block without ending it. */
static bool aside(const struct chat_event *e)
{
	return !mine(e) || e->kind == EV_USAGE || e->kind == EV_PING ||
	       e->kind == EV_LOGPROBS || e->kind == EV_START || e->kind == EV_TOOL_ARGS ||
	       e->kind == EV_TOOL_END;
}

static void key_open(struct json_out *o, const char *key)
{
	out_object(o);
	out_key(o, key);
}

static void texts_out(const struct whole *w, size_t from, size_t end)
{
	out_text_open(w->o);
	for (size_t k = from; k < end; k++)
		if (mine(&w->v[k]) && is_text(&w->v[k]))
			out_text_part(w->o, w->v[k].text);
	out_text_close(w->o);
}

static void cited_out(const struct whole *w, size_t from, size_t end)
{
	key_open(w->o, "citationsContent");
	out_object(w->o);
	out_key(w->o, "content");
	out_array(w->o);
	key_open(w->o, "text");
	texts_out(w, from, end);
	out_close(w->o);
	out_close(w->o);
	out_key(w->o, "citations");
	out_array(w->o);
	for (size_t k = from; k < end; k++)
		if (mine(&w->v[k]) && w->v[k].kind == EV_ANNOTATION)
			bedrock_citation_out(w->o, &w->v[k].u.annotation);
	out_close(w->o);
	out_close(w->o);
	out_close(w->o);
}

/* The run of text and citations from `i`: one block.  Returns where it ends. */
static size_t text_run(const struct whole *w, size_t i)
{
	bool said = false, cited = false;
	size_t end = i;

	for (; end < w->n; end++) {
		const struct chat_event *e = &w->v[end];

		if (aside(e))
			continue;
		if (!is_text(e) && e->kind != EV_ANNOTATION)
			break;
		if (end > i && !json_text_empty(e->signature))
			break;
		said |= is_text(e) && !json_text_empty(e->text);
		cited |= e->kind == EV_ANNOTATION;
	}
	if (cited) {
		cited_out(w, i, end);
	} else if (said) {
		key_open(w->o, "text");
		texts_out(w, i, end);
		out_close(w->o);
	}
	return end;
}

/* Reasoning up to its signature: one block. */
static size_t reasoning_run(const struct whole *w, size_t i)
{
	struct json_text signature = { { NULL, 0 } };
	bool ended = false;
	size_t end = i;

	for (; end < w->n && !ended; end++) {
		const struct chat_event *e = &w->v[end];

		if (aside(e))
			continue;
		ended = e->kind == EV_SIGNATURE && !e->encrypted;
		if (ended)
			signature = e->signature;
		else if (e->kind != EV_REASONING)
			break;
	}
	key_open(w->o, "reasoningContent");
	key_open(w->o, "reasoningText");
	out_object(w->o);
	out_key(w->o, "text");
	out_text_open(w->o);
	for (size_t k = i; k < end; k++)
		if (mine(&w->v[k]) && w->v[k].kind == EV_REASONING)
			out_text_part(w->o, w->v[k].text);
	out_text_close(w->o);
	if (!json_text_empty(signature)) {
		out_key(w->o, "signature");
		out_text(w->o, opaque_seal(w->o->a, w->to->issuer, signature));
	}
	out_close(w->o);
	out_close(w->o);
	out_close(w->o);
	return end;
}

static void redacted_out(const struct whole *w, struct json_text data, bool bound)
{
	key_open(w->o, "reasoningContent");
	key_open(w->o, "redactedContent");
	out_text(w->o, bedrock_redacted(w->to, data, bound, w->o->a));
	out_close(w->o);
	out_close(w->o);
}

static void call_out(const struct whole *w, size_t i)
{
	const struct chat_event *e = &w->v[i];
	const struct slice input = event_args(w->v, w->n, i, w->o->a);
	enum json_kind kind;
	size_t n;

	key_open(w->o, "toolUse");
	out_object(w->o);
	out_key(w->o, "toolUseId"), bedrock_call_id_out(w->o, w->to, e);
	out_key(w->o, "name"), out_text(w->o, e->name);
	out_key(w->o, "input");
	if (e->custom) {
		out_object(w->o);
		out_key(w->o, "input"), out_str(w->o, input);
		out_close(w->o);
	} else if (input.n == 0) {
		out_json(w->o, LIT("{}"));
	} else if (json_scan(input, &kind, NULL, 0, &n, NULL) == OK && kind == JSON_OBJECT) {
		out_json(w->o, input);
	} else { /* no object, but whatever the model said is JSON as a string */
		out_str(w->o, input);
	}
	out_close(w->o);
	out_close(w->o);
}

/* The block that begins with event `i`; returns the event after it. */
static size_t block_out(const struct whole *w, size_t i)
{
	const struct chat_event *e = &w->v[i];

	if (aside(e))
		return i + 1;
	if (!json_text_empty(e->signature) && e->kind != EV_SIGNATURE)
		redacted_out(w, e->signature, true);
	switch (e->kind) {
	case EV_TEXT:
	case EV_REFUSAL:
	case EV_ANNOTATION:
		return text_run(w, i);
	case EV_REASONING:
		return reasoning_run(w, i);
	case EV_SIGNATURE:
		if (!e->encrypted)
			return reasoning_run(w, i);
		redacted_out(w, e->text, false);
		return i + 1;
	case EV_TOOL_BEGIN:
		call_out(w, i);
		return i + 1;
	case EV_AUDIO: /* its words */
		if (!json_text_empty(e->name)) {
			key_open(w->o, "text");
			out_text(w->o, e->name);
			out_close(w->o);
		}
		return i + 1;
	case EV_IMAGE:
		key_open(w->o, "image");
		bedrock_image_out(w->o, e);
		out_close(w->o);
		return i + 1;
	case EV_OTHER:
		if (bedrock_own_block(e->raw))
			out_json(w->o, e->raw);
		return i + 1;
	case EV_START:
	case EV_TOOL_ARGS:
	case EV_TOOL_END:
	case EV_LOGPROBS:
	case EV_USAGE:
	case EV_FINISH:
	case EV_END:
	case EV_ERROR:
	case EV_PING:
		return i + 1;
	}
	return i + 1;
}

void bedrock_answer_write(const struct chat_reply *to, const struct chat_events *ev,
			  struct json_out *out)
{
	const struct whole w = { .to = to, .v = ev->v, .n = ev->n, .o = out };
	struct chat_event finish = { .finish = FINISH_BROKEN };
	struct usage usage = { 0 };
	bool tools = false;

	out_object(out);
	out_key(out, "output");
	key_open(out, "message");
	out_object(out);
	out_key(out, "role"), out_lit(out, "assistant");
	out_key(out, "content");
	out_array(out);
	for (size_t i = 0; i < ev->n;)
		i = block_out(&w, i);
	out_close(out);
	out_close(out);
	out_close(out);
	for (size_t i = 0; i < ev->n; i++) {
		const struct chat_event *e = &ev->v[i];

		if (e->kind == EV_USAGE)
			usage = e->u.usage;
		if (mine(e) && e->kind == EV_FINISH)
			finish = *e;
		tools |= mine(e) && e->kind == EV_TOOL_BEGIN;
	}
	bedrock_stop_out(out, &finish, tools);
	out_key(out, "usage"), bedrock_usage_out(out, &usage);
	/* Clients look for it; how long it took they see themselves. */
	out_key(out, "metrics"), out_json(out, LIT("{\"latencyMs\":0}"));
	out_close(out);
}
