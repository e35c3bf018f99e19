/* What a writer has gathered of an answer, as JSON. */
#include "chat/responses/answer_out.h"

#include "base/sb.h"

/* ---- text that grows --------------------------------------------------------------------- */

bool rope_add(struct rope *r, struct arena *a, struct slice s)
{
	while (s.n > 0) {
		struct rope_block *b = r->last;
		size_t cap, n;

		if (b == NULL || b->n == b->cap) {
			cap = b == NULL ? ROPE_BLOCK_MIN : size_min(b->cap * 2, ROPE_BLOCK_MAX);
			b = arena_get(a, sizeof(*b) + cap);
			if (b == NULL)
				return false;
			*b = (struct rope_block){ .cap = cap };
			if (r->last == NULL)
				r->first = b;
			else
				r->last->next = b;
			r->last = b;
		}
		n = size_min(s.n, b->cap - b->n);
		memcpy(b->bytes + b->n, s.p, n);
		b->n += n;
		s = slice_skip(s, n);
	}
	return true;
}

void rope_write(struct json_out *o, const struct rope *r)
{
	out_text_open(o);
	for (const struct rope_block *b = r->first; b != NULL; b = b->next)
		out_text_part(o, (struct json_text){ slice_of(b->bytes, b->n) });
	out_text_close(o);
}

/* ---- ids --------------------------------------------------------------------------------- */

static struct slice id_of(const struct answer_out *x)
{
	struct slice id = x->to->id;

	return slice_starts(id, LIT("req-")) ? slice_skip(id, 4) : id;
}

static void write_id(struct answer_out *x, const char *prefix, unsigned index)
{
	char place[16];
	struct sb b;

	sb_init(&b, place, sizeof(place));
	sb_hex(&b, index, index > 0xffff ? 8 : 4);
	out_text_open(x->o);
	out_str_part(x->o, slice_cstr(prefix));
	out_str_part(x->o, id_of(x));
	out_str_part(x->o, sb_slice(&b));
	out_text_close(x->o);
}

static void write_response_id(struct answer_out *x)
{
	out_text_open(x->o);
	out_str_part(x->o, LIT("resp_"));
	out_str_part(x->o, id_of(x));
	out_text_close(x->o);
}

void write_item_id(struct answer_out *x, const struct out_item *i)
{
	static const char *const prefixes[] = {
		[ITEM_MESSAGE] = "msg_",  [ITEM_CALL] = "fc_",  [ITEM_CUSTOM] = "ctc_",
		[ITEM_REASONING] = "rs_", [ITEM_IMAGE] = "ig_", [ITEM_OTHER] = "it_",
	};

	write_id(x, prefixes[i->kind], i->index);
}

void write_call_id(struct answer_out *x, const struct out_item *i)
{
	if (json_text_empty(i->call_id))
		write_id(x, "call_", i->index);
	else
		out_text(x->o, i->call_id);
}

/* ---- parts and items --------------------------------------------------------------------- */

void write_logprobs(struct answer_out *x, const struct content *c)
{
	enum json_kind kind;
	struct slice value;

	out_key(x->o, "logprobs"), out_array(x->o);
	for (const struct noted *n = c->logprobs; n != NULL; n = n->next) {
		struct json_array it = json_array(n->value);

		while (json_array_next(&it, &value, &kind))
			out_json_line(x->o, value);
	}
	out_close(x->o);
}

void write_content(struct answer_out *x, const struct content *c, bool empty)
{
	static const struct {
		const char *type, *text;
	} kinds[] = {
		[CONTENT_TEXT] = { "output_text", "text" },
		[CONTENT_REFUSAL] = { "refusal", "refusal" },
		[CONTENT_SUMMARY] = { "summary_text", "text" },
		[CONTENT_THOUGHT] = { "reasoning_text", "text" },
	};
	const struct content none = { 0 };
	const struct content *of = empty ? &none : c;

	out_object(x->o);
	out_key(x->o, "type"), out_lit(x->o, kinds[c->kind].type);
	if (c->kind == CONTENT_TEXT) {
		out_key(x->o, "annotations"), out_array(x->o);
		for (const struct noted *n = of->annotations; n != NULL; n = n->next)
			out_json_line(x->o, n->value);
		out_close(x->o);
		write_logprobs(x, of);
	}
	out_key(x->o, kinds[c->kind].text), rope_write(x->o, &of->text);
	out_close(x->o);
}

static void write_parts(struct answer_out *x, const char *name, const struct out_item *i,
			bool summaries, bool empty)
{
	out_key(x->o, name), out_array(x->o);
	for (const struct content *c = i->parts; c != NULL && !empty; c = c->next)
		if ((c->kind == CONTENT_SUMMARY) == summaries)
			write_content(x, c, false);
	out_close(x->o);
}

static void write_message(struct answer_out *x, const struct out_item *i, bool empty)
{
	write_parts(x, "content", i, false, empty);
	out_key(x->o, "role"), out_lit(x->o, "assistant");
}

static void write_call(struct answer_out *x, const struct out_item *i, bool empty)
{
	const struct rope none = { NULL, NULL };

	out_key(x->o, i->kind == ITEM_CUSTOM ? "input" : "arguments");
	rope_write(x->o, empty ? &none : &i->text);
	out_key(x->o, "call_id"), write_call_id(x, i);
	out_key(x->o, "name"), out_text(x->o, i->name);
}

static void write_reasoning(struct answer_out *x, const struct out_item *i, bool empty)
{
	write_parts(x, "summary", i, true, empty);
	if (i->part_n > i->summary_n)
		write_parts(x, "content", i, false, empty);
	if (!empty && !json_text_empty(i->sealed)) {
		out_key(x->o, "encrypted_content");
		out_text(x->o, i->sealed);
	}
}

static void write_image(struct answer_out *x, const struct out_item *i, bool empty)
{
	out_key(x->o, "result");
	if (empty)
		out_null(x->o);
	else
		rope_write(x->o, &i->text);
}

void write_item(struct answer_out *x, const struct out_item *i, bool empty)
{
	static const char *const types[] = {
		[ITEM_MESSAGE] = "message",
		[ITEM_CALL] = "function_call",
		[ITEM_CUSTOM] = "custom_tool_call",
		[ITEM_REASONING] = "reasoning",
		[ITEM_IMAGE] = "image_generation_call",
		[ITEM_OTHER] = "",
	};
	static void (*const bodies[])(struct answer_out *, const struct out_item *, bool) = {
		[ITEM_MESSAGE] = write_message, [ITEM_CALL] = write_call,
		[ITEM_CUSTOM] = write_call,     [ITEM_REASONING] = write_reasoning,
		[ITEM_IMAGE] = write_image,
	};

	if (i->kind == ITEM_OTHER) {
		out_json_line(x->o, i->raw);
		return;
	}
	out_object(x->o);
	out_key(x->o, "id"), write_item_id(x, i);
	out_key(x->o, "type"), out_lit(x->o, types[i->kind]);
	out_key(x->o, "status");
	if (empty || (!i->done && !x->s->ended))
		out_lit(x->o, "in_progress");
	else
		out_lit(x->o, i->done && !i->cut ? "completed" : "incomplete");
	bodies[i->kind](x, i, empty);
	out_close(x->o);
}

/* ---- the response ------------------------------------------------------------------------ */

static void write_usage(struct answer_out *x)
{
	const struct usage *u = &x->s->usage;
	uint64_t prompt = usage_prompt(u), completion = usage_completion(u);

	out_key(x->o, "usage");
	if (!x->s->has_usage) {
		out_null(x->o);
		return;
	}
	out_object(x->o);
	out_key(x->o, "input_tokens"), out_u64(x->o, prompt);
	out_key(x->o, "input_tokens_details"), out_object(x->o);
	out_key(x->o, "cached_tokens"), out_u64(x->o, u->cache_read);
	out_key(x->o, "cache_write_tokens");
	out_u64(x->o, u->cache_write + u->cache_write_1h);
	out_close(x->o);
	out_key(x->o, "output_tokens"), out_u64(x->o, completion);
	out_key(x->o, "output_tokens_details"), out_object(x->o);
	out_key(x->o, "reasoning_tokens"), out_u64(x->o, u->reasoning);
	out_close(x->o);
	out_key(x->o, "total_tokens"), out_u64(x->o, prompt + completion);
	out_close(x->o);
}

static void json_or(struct json_out *o, const char *key, struct slice value, const char *other)
{
	out_key(o, key);
	out_json_line(o, value.n > 0 ? value : slice_cstr(other));
}

static void text_or(struct json_out *o, const char *key, struct json_text t, const char *other)
{
	out_key(o, key);
	if (!json_text_empty(t))
		out_text(o, t);
	else if (other != NULL)
		out_lit(o, other);
	else
		out_null(o);
}

static void count_or_null(struct json_out *o, const char *key, uint64_t v)
{
	out_key(o, key);
	if (v > 0)
		out_u64(o, v);
	else
		out_null(o);
}

/* The API repeats what it was asked, defaults included. */
static void write_echo(struct answer_out *x)
{
	const struct chat_request *r = x->r;
	const struct echo *e = &x->s->echo;
	struct json_out *o = x->o;

	json_or(o, "background", LIT("false"), "");
	json_or(o, "instructions", e->instructions, "null");
	count_or_null(o, "max_output_tokens", r->max_tokens);
	json_or(o, "max_tool_calls", e->max_tool_calls, "null");
	json_or(o, "metadata", r->metadata, "{}");
	out_key(o, "parallel_tool_calls"), out_bool(o, r->parallel_tools != NO);
	json_or(o, "previous_response_id", LIT("null"), "");
	text_or(o, "prompt_cache_key", r->cache_key, NULL);
	out_key(o, "reasoning"), write_thinking(o, r, true);
	json_or(o, "safety_identifier", e->safety_identifier, "null");
	text_or(o, "service_tier", r->service_tier, "default");
	out_key(o, "store"), out_bool(o, false);
	json_or(o, "temperature", r->temperature, "1.0");
	out_key(o, "text"), write_text_config(o, r, true);
	out_key(o, "tool_choice");
	if (e->tool_choice.n > 0)
		out_json_line(o, e->tool_choice);
	else
		write_choice(o, r);
	out_key(o, "tools"), write_tools(o, r, NULL);
	out_key(o, "top_logprobs"), out_u64(o, r->top_logprobs);
	json_or(o, "top_p", r->top_p, "1.0");
	json_or(o, "truncation", e->truncation, "\"disabled\"");
	json_or(o, "user", e->user, "null");
}

static void write_end(struct answer_out *x, const char *status, const struct response_error *e)
{
	struct json_out *o = x->o;
	bool incomplete = strcmp(status, "incomplete") == 0;

	out_key(o, "error");
	if (e != NULL && e->code != NULL) {
		out_object(o);
		out_key(o, "code"), out_lit(o, e->code);
		out_key(o, "message"), out_str(o, e->message);
		out_close(o);
	} else {
		out_null(o);
	}
	out_key(o, "incomplete_details");
	if (!incomplete) {
		out_null(o);
		return;
	}
	out_object(o);
	out_key(o, "reason");
	out_lit(o, x->s->finish == FINISH_FILTER || x->s->finish == FINISH_REFUSAL
			   ? "content_filter"
			   : "max_output_tokens");
	out_close(o);
}

void write_response(struct answer_out *x, const char *status, const struct response_error *e)
{
	struct json_out *o = x->o;

	out_object(o);
	out_key(o, "id"), write_response_id(x);
	out_key(o, "object"), out_lit(o, "response");
	out_key(o, "created_at"), out_u64(o, x->to->created_s);
	out_key(o, "status"), out_lit(o, status);
	write_end(x, status, e);
	out_key(o, "model"), out_str(o, x->to->model);
	out_key(o, "output"), out_array(o);
	for (const struct out_item *i = x->s->items; i != NULL; i = i->next)
		write_item(x, i, false);
	out_close(o);
	write_echo(x);
	write_usage(x);
	out_close(o);
}

const char *ending_of(const struct responses_writer *s, struct response_error *e)
{
	*e = s->error;
	if (e->code != NULL)
		return "failed";
	switch (s->finish) {
	case FINISH_STOP:
	case FINISH_SEQUENCE:
	case FINISH_TOOLS:
		return "completed";
	case FINISH_REFUSAL:
		return s->refused ? "completed" : "incomplete";
	case FINISH_LENGTH:
	case FINISH_CONTEXT:
	case FINISH_FILTER:
	case FINISH_PAUSE:
		return "incomplete";
	case FINISH_BROKEN:
		break;
	}
	e->code = "server_error";
	e->message = LIT("The model made a malformed tool call, or nothing usable.");
	return "failed";
}
