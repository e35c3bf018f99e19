/* A whole answer to a client, and what it shares with a streamed one (Anthropic's API
 * reference: Messages). */
#include "chat/anthropic/anthropic.h"

/* ---- shared ---------------------------------------------------------------------------- */

void anthropic_message_open(const struct chat_reply *to, struct json_out *o)
{
	out_object(o);
	out_key(o, "id");
	out_text_open(o);
	out_str_part(o, LIT("msg_"));
	out_str_part(o, to->id);
	out_text_close(o);
	out_key(o, "type"), out_lit(o, "message");
	out_key(o, "role"), out_lit(o, "assistant");
	out_key(o, "model"), out_str(o, to->model);
	out_key(o, "content");
	out_array(o);
}

/* The counters do not overlap here either, but for thinking, which is inside the output. */
void anthropic_usage_out(struct json_out *o, const struct usage *u)
{
	out_object(o);
	out_key(o, "input_tokens"), out_u64(o, u->input + u->audio_in);
	if (!u->known && !u->estimated) { /* in message_start: these must be there */
		out_key(o, "output_tokens"), out_u64(o, 0);
		out_close(o);
		return;
	}
	out_key(o, "cache_creation_input_tokens");
	out_u64(o, u->cache_write + u->cache_write_1h);
	out_key(o, "cache_read_input_tokens"), out_u64(o, u->cache_read);
	out_key(o, "cache_creation");
	out_object(o);
	out_key(o, "ephemeral_5m_input_tokens"), out_u64(o, u->cache_write);
	out_key(o, "ephemeral_1h_input_tokens"), out_u64(o, u->cache_write_1h);
	out_close(o);
	out_key(o, "output_tokens"), out_u64(o, usage_completion(u));
	if (u->reasoning > 0) {
		out_key(o, "output_tokens_details");
		out_object(o);
		out_key(o, "thinking_tokens"), out_u64(o, u->reasoning);
		out_close(o);
	}
	if (u->searches > 0) {
		out_key(o, "server_tool_use");
		out_object(o);
		out_key(o, "web_search_requests"), out_u64(o, u->searches);
		out_key(o, "web_fetch_requests"), out_u64(o, 0);
		out_close(o);
	}
	out_close(o);
}

static const char *reason_of(enum finish_kind finish, bool tools)
{
	switch (finish) {
	case FINISH_STOP:
		return tools ? "tool_use" : "end_turn";
	case FINISH_SEQUENCE:
		return "stop_sequence";
	case FINISH_LENGTH:
		return "max_tokens";
	case FINISH_CONTEXT:
		return "model_context_window_exceeded";
	case FINISH_TOOLS:
		return "tool_use";
	case FINISH_PAUSE:
		return "pause_turn";
	case FINISH_FILTER:
	case FINISH_REFUSAL:
	case FINISH_BROKEN: /* there is no nearer word that is no clean end */
		return "refusal";
	}
	return "refusal";
}

void anthropic_stop_out(struct json_out *o, const struct chat_event *finish, bool tools)
{
	const char *reason = finish == NULL ? NULL : reason_of(finish->finish, tools);

	out_key(o, "stop_reason");
	if (reason != NULL)
		out_lit(o, reason);
	else
		out_null(o);
	out_key(o, "stop_sequence");
	if (finish != NULL && finish->finish == FINISH_SEQUENCE)
		out_text(o, finish->text);
	else
		out_null(o);
	if (reason == NULL || strcmp(reason, "refusal") != 0)
		return;
	out_key(o, "stop_details");
	out_object(o);
	out_key(o, "type"), out_lit(o, "refusal");
	out_key(o, "category"), out_null(o);
	out_key(o, "explanation");
	if (!json_text_empty(finish->name))
		out_text(o, finish->name);
	else if (finish->finish == FINISH_BROKEN)
		out_lit(o, "The model's answer was malformed.");
	else
		out_null(o);
	out_close(o);
}

/* An object whose `type` ends so. */
static bool type_ends(struct slice raw, const char *with)
{
	struct json_member m[16];
	const struct json_member *type;
	size_t n;

	if (json_kind(raw) != JSON_OBJECT)
		return false;
	n = size_min(json_object(raw, m, ARRAY_LEN(m)), ARRAY_LEN(m));
	type = json_member_find(m, n, LIT("type"), NULL);
	return type != NULL && slice_ends(json_text_of(type->value).s, slice_cstr(with));
}

void anthropic_citation_out(struct json_out *o, const struct chat_annotation *c)
{
	if (type_ends(c->raw, "_location")) { /* this dialect's own */
		out_json_line(o, c->raw);
		return;
	}
	out_object(o);
	out_key(o, "cited_text"), out_text(o, c->cited);
	out_key(o, "title"), out_text(o, c->title);
	if (!json_text_empty(c->url)) {
		out_key(o, "type"), out_lit(o, "web_search_result_location");
		out_key(o, "url"), out_text(o, c->url);
		out_key(o, "encrypted_index"), out_lit(o, "");
	} else {
		out_key(o, "type"), out_lit(o, "search_result_location");
		out_key(o, "source"), out_text(o, c->title);
		out_key(o, "search_result_index"), out_u64(o, 0);
		out_key(o, "start_block_index"), out_u64(o, 0);
		out_key(o, "end_block_index"), out_u64(o, 1);
	}
	out_close(o);
}

bool anthropic_own_block(struct slice raw)
{
	static const char *const own[] = {
		"server_tool_use",  "_tool_result", "mcp_tool_use",
		"container_upload", "compaction",
	};

	for (size_t i = 0; i < ARRAY_LEN(own); i++)
		if (type_ends(raw, own[i]))
			return true;
	return false;
}

struct json_text anthropic_bound(const struct chat_reply *to, struct json_text signature,
				 struct arena *a)
{
	struct json_text marked = { arena_fmt(a, BOUND_MARK "%.*s", SARG(signature.s)) };

	return opaque_seal(a, to->issuer, marked);
}

/* ---- a whole answer -------------------------------------------------------------------- */

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

static void typed(struct json_out *o, const char *type)
{
	out_object(o);
	out_key(o, "type"), out_lit(o, type);
}

static void redacted_out(struct json_out *o, struct json_text data)
{
	typed(o, "redacted_thinking");
	out_key(o, "data"), out_text(o, data);
	out_close(o);
}

/* What may stand between the pieces of a block without ending it. */
static bool aside(const struct chat_event *e)
{
	switch (e->kind) {
	case EV_USAGE:
	case EV_PING:
	case EV_LOGPROBS:
	case EV_START:
	case EV_TOOL_ARGS:
	case EV_TOOL_END:
		return true;
	case EV_TEXT:
	case EV_REASONING:
	case EV_SIGNATURE:
	case EV_REFUSAL:
	case EV_TOOL_BEGIN:
	case EV_AUDIO:
	case EV_IMAGE:
	case EV_ANNOTATION:
	case EV_OTHER:
	case EV_FINISH:
	case EV_END:
	case EV_ERROR:
		return !mine(e);
	}
	return false;
}

static bool is_text(const struct chat_event *e)
{
	return e->kind == EV_TEXT || e->kind == EV_REFUSAL;
}

/* The run of text and citations from `i`: one block.  Returns where it ends. */
static size_t text_run(const struct whole *w, size_t i)
{
	bool said = false, cited = false;
	size_t end = i + 1;

	for (; end < w->n; end++) {
		const struct chat_event *e = &w->v[end];
		bool runs = mine(e) && (is_text(e) || e->kind == EV_ANNOTATION) &&
			    json_text_empty(e->signature);

		if (!runs && !aside(e))
			break;
	}
	for (size_t k = i; k < end; k++) {
		said |= mine(&w->v[k]) && is_text(&w->v[k]) && w->v[k].text.s.n > 0;
		cited |= mine(&w->v[k]) && w->v[k].kind == EV_ANNOTATION;
	}
	if (!said && !cited)
		return end;
	typed(w->o, "text");
	out_key(w->o, "text");
	out_text_open(w->o);
	for (size_t k = i; k < end; k++)
		if (mine(&w->v[k]) && is_text(&w->v[k]))
			out_text_part(w->o, w->v[k].text);
	out_text_close(w->o);
	if (cited) {
		out_key(w->o, "citations");
		out_array(w->o);
		for (size_t k = i; k < end; k++)
			if (mine(&w->v[k]) && w->v[k].kind == EV_ANNOTATION)
				anthropic_citation_out(w->o, &w->v[k].u.annotation);
		out_close(w->o);
	}
	out_close(w->o);
	return end;
}

/* Reasoning up to its signature: one block. */
static size_t thinking_run(const struct whole *w, size_t i)
{
	struct json_text signature = { { NULL, 0 } };
	bool marked = false;
	size_t end = i;

	for (; end < w->n && !marked; end++) {
		const struct chat_event *e = &w->v[end];

		marked = mine(e) && e->kind == EV_SIGNATURE && !e->encrypted;
		if (marked)
			signature = e->signature;
		else if (!(mine(e) && e->kind == EV_REASONING) && !aside(e))
			break;
	}
	typed(w->o, "thinking");
	out_key(w->o, "thinking");
	out_text_open(w->o);
	for (size_t k = i; k < end; k++)
		if (mine(&w->v[k]) && w->v[k].kind == EV_REASONING)
			out_text_part(w->o, w->v[k].text);
	out_text_close(w->o);
	out_key(w->o, "signature");
	out_text(w->o, opaque_seal(w->o->a, w->to->issuer, signature));
	out_close(w->o);
	return end;
}

static void call_out(const struct whole *w, size_t i)
{
	const struct chat_event *e = &w->v[i];
	struct slice input = event_args(w->v, w->n, i, w->o->a);
	enum json_kind kind = JSON_NULL;
	size_t n;

	typed(w->o, "tool_use");
	out_key(w->o, "id"), out_text(w->o, e->id);
	out_key(w->o, "name"), out_text(w->o, e->name);
	out_key(w->o, "input");
	if (input.n == 0) {
		out_json(w->o, LIT("{}"));
	} else if (!e->custom && json_scan(input, &kind, NULL, 0, &n, NULL) == OK &&
		   kind == JSON_OBJECT) {
		out_json(w->o, input);
	} else { /* the model's arguments are no object, and an input must be one */
		out_object(w->o);
		out_key(w->o, e->custom ? "input" : "arguments"), out_str(w->o, input);
		out_close(w->o);
	}
	out_close(w->o);
}

static void note_out(struct json_out *o, const struct chat_event *e)
{
	typed(o, "text");
	out_key(o, "text");
	out_text_open(o);
	out_str_part(o, LIT("["));
	out_text_part(o, e->name);
	out_str_part(o, LIT(": an image, which this protocol cannot show]"));
	out_text_close(o);
	out_close(o);
}

/* The block that begins with event `i`; returns the event after it. */
static size_t block_out(const struct whole *w, size_t i)
{
	const struct chat_event *e = &w->v[i];

	if (aside(e))
		return i + 1;
	if (!json_text_empty(e->signature) && e->kind != EV_SIGNATURE)
		redacted_out(w->o, anthropic_bound(w->to, e->signature, w->o->a));
	switch (e->kind) {
	case EV_TEXT:
	case EV_REFUSAL:
	case EV_ANNOTATION:
		return text_run(w, i);
	case EV_REASONING:
		return thinking_run(w, i);
	case EV_SIGNATURE:
		if (!e->encrypted)
			return thinking_run(w, i);
		redacted_out(w->o, opaque_seal(w->o->a, w->to->issuer, e->text));
		return i + 1;
	case EV_TOOL_BEGIN:
		call_out(w, i);
		return i + 1;
	case EV_AUDIO:
		if (!json_text_empty(e->name)) {
			typed(w->o, "text");
			out_key(w->o, "text"), out_text(w->o, e->name);
			out_close(w->o);
		}
		return i + 1;
	case EV_IMAGE:
		note_out(w->o, e);
		return i + 1;
	case EV_OTHER:
		if (anthropic_own_block(e->raw))
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

void anthropic_answer_write(const struct chat_reply *to, const struct chat_events *ev,
			    struct json_out *out)
{
	const struct whole w = { .to = to, .v = ev->v, .n = ev->n, .o = out };
	const struct chat_event *finish = NULL;
	struct usage usage = { 0 };
	bool tools = false;

	anthropic_message_open(to, out);
	for (size_t i = 0; i < ev->n;)
		i = block_out(&w, i);
	out_close(out);
	for (size_t i = 0; i < ev->n; i++) {
		const struct chat_event *e = &ev->v[i];

		if (e->kind == EV_USAGE)
			usage = e->u.usage;
		else if (e->kind == EV_FINISH && mine(e))
			finish = e;
		tools |= e->kind == EV_TOOL_BEGIN && mine(e);
	}
	anthropic_stop_out(out, finish, tools);
	out_key(out, "usage");
	anthropic_usage_out(out, &usage);
	out_close(out);
}
