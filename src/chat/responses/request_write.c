/* struct chat_request -> a request's body. */
#include "chat/responses/responses.h"

#include "chat/responses/request_out.h"

enum { MIN_TOKENS = 16 }; /* fewer are refused */

/* ---- what the target takes --------------------------------------------------------------- */

/* Opens the member, or notes that it is lost. */
static bool member(struct request_out *w, const char *name)
{
	if (!target_param(w->t, name, w->lost))
		return false;
	out_key(w->o, name);
	return true;
}

static void text_member(struct request_out *w, const char *name, struct json_text t)
{
	if (!json_text_empty(t) && member(w, name))
		out_text(w->o, t);
}

static void json_member_of(struct request_out *w, const char *name, struct slice value)
{
	if (value.n > 0 && member(w, name))
		out_json(w->o, value);
}

/* ---- members ----------------------------------------------------------------------------- */

/* The first system prompt when it is one text and something follows it. */
static const struct chat_part *instructions_of(const struct request_out *w)
{
	const struct chat_message *m = w->r->messages;

	if (m == NULL || m->role != ROLE_SYSTEM || m->next == NULL || m->parts == NULL)
		return NULL;
	if (m->parts->next != NULL || m->parts->kind != PART_TEXT ||
	    m->parts->cache != CACHE_NONE || !json_text_empty(m->name))
		return NULL;
	return !target_takes(w->t, slice_cstr("instructions")) ? NULL : m->parts;
}

static void write_conversation(struct request_out *w)
{
	const struct chat_part *instructions = instructions_of(w);

	if (instructions != NULL) {
		out_key(w->o, "instructions");
		out_text(w->o, instructions->u.text);
	}
	out_key(w->o, "input");
	write_input(w, instructions != NULL);
}

static void write_limit(struct request_out *w)
{
	uint64_t n = w->r->max_tokens;

	if (n == 0)
		return;
	if (n < MIN_TOKENS && !is_own(w->r)) {
		lost_param(w->lost, "max_tokens");
		n = MIN_TOKENS;
	}
	if (member(w, "max_output_tokens"))
		out_u64(w->o, n);
}

static void write_sampling(struct request_out *w)
{
	const struct chat_request *r = w->r;

	if (w->t->no_sampling) {
		if (r->temperature.n > 0)
			lost_param(w->lost, "temperature");
		if (r->top_p.n > 0)
			lost_param(w->lost, "top_p");
	} else {
		json_member_of(w, "temperature", r->temperature);
		json_member_of(w, "top_p", r->top_p);
	}
	if (r->top_logprobs > 0 && member(w, "top_logprobs"))
		out_u64(w->o, r->top_logprobs);
}

static void write_tool_members(struct request_out *w)
{
	const struct chat_request *r = w->r;

	if (r->tools != NULL && member(w, "tools"))
		write_tools(w->o, r, w->lost);
	if (r->choice.kind != CHOICE_UNSET && member(w, "tool_choice"))
		write_choice(w->o, r);
	if (r->parallel_tools != UNSET && r->tools != NULL && member(w, "parallel_tool_calls"))
		out_bool(w->o, r->parallel_tools == YES);
}

static bool has_rest(const struct chat_request *r, struct slice object)
{
	for (const struct chat_extra *x = r->extras; is_own(r) && x != NULL; x = x->next)
		if (slice_starts(x->key, object))
			return true;
	return false;
}

static void write_text_members(struct request_out *w)
{
	const struct chat_request *r = w->r;
	const struct chat_thinking *t = &r->thinking;
	bool thinking = t->effort != EFFORT_UNSET || t->budget > 0 ||
			!json_text_empty(t->summary) || t->visible == YES;

	if ((thinking || has_rest(r, LIT("reasoning."))) && member(w, "reasoning"))
		write_thinking(w->o, r, false);
	if ((r->format.kind != FORMAT_UNSET || !json_text_empty(r->verbosity) ||
	     has_rest(r, LIT("text."))) &&
	    member(w, "text"))
		write_text_config(w->o, r, false);
}

/* A client of another dialect cannot ask for what it must send back.  Models that do not
 * reason refuse to be asked. */
static bool wants_encrypted(const struct request_out *w)
{
	const struct chat_thinking *t = &w->r->thinking;

	if (is_own(w->r) || t->encrypted != UNSET)
		return t->encrypted == YES;
	if (t->effort == EFFORT_NONE)
		return false;
	return w->t->no_sampling || t->effort != EFFORT_UNSET || t->budget > 0 || t->automatic;
}

/* What the client named itself and we have no place for. */
static void write_other_includes(struct request_out *w)
{
	struct json_array it;
	enum json_kind kind;
	struct slice value;

	for (const struct chat_extra *x = w->r->extras; is_own(w->r) && x != NULL;
	     x = x->next) {
		if (!slice_eq(x->key, LIT("include")))
			continue;
		it = json_array(x->value);
		while (json_array_next(&it, &value, &kind))
			if (!json_string_is(value, LIT(INCLUDE_ENCRYPTED)) &&
			    !json_string_is(value, LIT(INCLUDE_LOGPROBS)))
				out_json(w->o, value);
	}
}

static void write_include(struct request_out *w)
{
	bool encrypted = wants_encrypted(w), logprobs = w->r->logprobs == YES;

	if (!encrypted && !logprobs && !has_rest(w->r, LIT("include")))
		return;
	if (!member(w, "include"))
		return;
	out_array(w->o);
	if (encrypted)
		out_lit(w->o, INCLUDE_ENCRYPTED);
	if (logprobs)
		out_lit(w->o, INCLUDE_LOGPROBS);
	write_other_includes(w);
	out_close(w->o);
}

/* Under the name that it came with; the older one is taken by all. */
static void write_user(struct request_out *w)
{
	struct fields f;

	if (!is_own(w->r) || !fields_read(&f, w->r->body, w->o->a)) {
		text_member(w, "user", w->r->user);
		return;
	}
	text_member(w, "user", field_text(&f, "user"));
	text_member(w, "safety_identifier", field_text(&f, "safety_identifier"));
}

/* Members of objects have been written with them. */
static bool is_part_of_object(struct slice key)
{
	return slice_starts(key, LIT("text.")) || slice_starts(key, LIT("reasoning."));
}

static void write_extras(struct request_out *w)
{
	const struct slice options = LIT("stream_options.");

	for (const struct chat_extra *x = w->r->extras; x != NULL; x = x->next) {
		if (is_part_of_object(x->key) || slice_starts(x->key, options) ||
		    slice_eq(x->key, LIT("include")))
			continue;
		out_key_text(w->o, (struct json_text){ x->key });
		out_json(w->o, x->value);
	}
	if (!has_rest(w->r, options))
		return;
	out_key(w->o, "stream_options"), out_object(w->o);
	for (const struct chat_extra *x = w->r->extras; x != NULL; x = x->next) {
		if (!slice_starts(x->key, options))
			continue;
		out_key_text(w->o, (struct json_text){ slice_skip(x->key, options.n) });
		out_json(w->o, x->value);
	}
	out_close(w->o);
}

static void note_lost(struct request_out *w)
{
	const struct chat_request *r = w->r;
	const struct {
		const char *name;
		bool there;
	} rows[] = {
		{ "stop", r->stop != NULL },
		{ "seed", r->seed.n > 0 },
		{ "top_k", r->top_k.n > 0 },
		{ "frequency_penalty", r->frequency_penalty.n > 0 },
		{ "presence_penalty", r->presence_penalty.n > 0 },
		{ "n", r->n > 1 },
		{ "modalities", r->wants_audio || r->wants_images },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].there)
			lost_param(w->lost, rows[i].name);
}

/* What a question for a count does not take. */
static void write_answer_members(struct request_out *w)
{
	const struct chat_request *r = w->r;

	if (r->stream) {
		out_key(w->o, "stream");
		out_bool(w->o, true);
	}
	/* What is not refused is stored there; weir was not asked for that. */
	if (member(w, "store"))
		out_bool(w->o, r->store == YES);
	write_limit(w);
	write_sampling(w);
	write_include(w);
	json_member_of(w, "metadata", r->metadata);
	write_user(w);
	text_member(w, "prompt_cache_key", r->cache_key);
	text_member(w, "service_tier", r->service_tier);
	if (is_own(r))
		write_extras(w);
	else
		lost_extras(w->lost, r);
	note_lost(w);
}

enum rc responses_request_write(const struct chat_request *r, const struct chat_target *t,
				struct json_out *out, struct chat_lost *lost,
				struct chat_refusal *why UNUSED)
{
	struct request_out w = { .r = r, .t = t, .o = out, .lost = lost };

	for (const struct chat_tool *tool = r->tools; tool != NULL; tool = tool->next)
		w.custom |= tool->kind == TOOL_CUSTOM;
	out_object(out);
	out_key(out, "model");
	out_str(out, t->model);
	write_conversation(&w);
	write_tool_members(&w);
	write_text_members(&w);
	if (r->wants == CHAT_ANSWER)
		write_answer_members(&w);
	out_close(out);
	return out_ok(out) ? OK : E_NOMEM;
}
