/* POST /v1/messages, written for a deployment (Anthropic's API reference).
 *
 * What a Claude takes differs by its version: models.c says how. */
#include "chat/anthropic/writing.h"

#include <stdlib.h>

/* What is decided before anything is written. */
struct plan {
	enum thinking_kind thinking; /* NONE: no `thinking` is sent */
	bool disable;                /* thinking: disabled */
	uint64_t budget;
	enum effort effort; /* UNSET: none is sent */
	uint64_t max_tokens;
	bool forced;     /* the schema goes as a tool that must be called */
	bool schema;     /* as output_config.format */
	bool tools_free; /* no tool is forced by the client */
};

enum {
	BUDGET_MIN = 1024,
	MAX_TOKENS_DEFAULT = 4096,
};

static const struct chat_extra *extra(const struct writing *w, const char *key)
{
	return w->own ? chat_extra_find(w->r, key) : NULL;
}

/* ---- plan: thinking and the answer's length -------------------------------------------- */

static enum effort effort_for(const struct claude *c, enum effort e)
{
	if (c->top_effort == EFFORT_UNSET || e == EFFORT_UNSET)
		return EFFORT_UNSET;
	if (e == EFFORT_XHIGH && !c->xhigh)
		e = EFFORT_MAX;
	if (e < EFFORT_LOW)
		e = EFFORT_LOW;
	return e < (enum effort)c->top_effort ? e : (enum effort)c->top_effort;
}

static bool thinking_asked(const struct chat_thinking *t)
{
	return t->effort > EFFORT_NONE || t->budget > 0 || t->automatic;
}

static void plan_off(struct writing *w, struct plan *p)
{
	switch ((enum thinking_kind)w->claude->thinking) {
	case THINKING_NONE:
		return;
	case THINKING_BUDGET:
	case THINKING_ADAPTIVE:
		p->disable = true;
		return;
	case THINKING_ALWAYS: /* as little as it can */
		lost_param(w->lost, "reasoning_effort");
		p->effort = effort_for(w->claude, EFFORT_LOW);
		return;
	}
}

static void plan_budget(struct writing *w, struct plan *p)
{
	const struct chat_thinking *t = &w->r->thinking;
	enum effort e = t->effort != EFFORT_UNSET ? t->effort : EFFORT_MEDIUM;

	/* A forced call and a history without signatures are refused beside it. */
	if (p->forced || !p->tools_free || !anthropic_reasoning_whole(w)) {
		lost_param(w->lost, "reasoning_effort");
		return;
	}
	p->thinking = THINKING_BUDGET;
	p->budget = t->budget != 0 ? t->budget : effort_budget(e);
	if (p->budget < BUDGET_MIN)
		p->budget = BUDGET_MIN;
	p->effort = effort_for(w->claude, t->effort);
}

static void plan_thinking(struct writing *w, struct plan *p)
{
	const struct chat_thinking *t = &w->r->thinking;
	enum effort e = t->effort;

	if (e == EFFORT_NONE) {
		plan_off(w, p);
		return;
	}
	if (!thinking_asked(t))
		return;
	if (e == EFFORT_UNSET && t->budget > 0)
		e = effort_of_budget(t->budget);
	switch ((enum thinking_kind)w->claude->thinking) {
	case THINKING_NONE:
		lost_param(w->lost, "reasoning_effort");
		return;
	case THINKING_BUDGET:
		plan_budget(w, p);
		return;
	case THINKING_ADAPTIVE:
		p->effort = effort_for(w->claude, e);
		if (!p->tools_free) { /* the effort alone may stand beside it */
			lost_param(w->lost, "reasoning_effort");
			return;
		}
		p->thinking = THINKING_ADAPTIVE;
		return;
	case THINKING_ALWAYS:
		p->effort = effort_for(w->claude, e);
		p->thinking = THINKING_ADAPTIVE;
		return;
	}
}

/* max_tokens must be given, at most what the model takes, and over a thinking budget. */
static void plan_length(const struct writing *w, struct plan *p)
{
	uint64_t cap = w->t->max_output != 0 ? w->t->max_output : w->claude->cap;
	uint64_t max = w->r->max_tokens, room;

	if (max == 0)
		max = w->t->max_output != 0 ? w->t->max_output : MAX_TOKENS_DEFAULT;
	room = max; /* for what is said */
	if (p->budget >= max)
		max += p->budget;
	if (cap != 0 && max > cap)
		max = cap;
	p->max_tokens = max;
	if (p->thinking != THINKING_BUDGET || p->budget < max)
		return;
	p->budget = max / 2 > room ? max - room : max / 2;
	if (p->budget < BUDGET_MIN) { /* no room for it */
		lost_param(w->lost, "reasoning_effort");
		p->thinking = THINKING_NONE;
		p->budget = 0;
	}
}

/* ---- plan: structured output ----------------------------------------------------------- */

static bool object_schema(const struct writing *w, struct slice schema)
{
	struct fields f;

	return schema.n > 0 && fields_read(&f, schema, w->a) && field_is(&f, "type", "object");
}

static void plan_format(struct writing *w, struct plan *p)
{
	const struct chat_format *f = &w->r->format;
	enum choice_kind choice = w->r->choice.kind;
	bool named = choice == CHOICE_NAMED || choice == CHOICE_REQUIRED ||
		     (choice == CHOICE_ALLOWED && w->r->choice.allowed_required);

	p->tools_free = !named || w->r->tools == NULL;
	if (f->kind != FORMAT_SCHEMA)
		return;
	if (w->claude->schema)
		p->schema = f->schema.n > 0 && target_param(w->t, "output_config", w->lost);
	else
		p->forced = p->tools_free && object_schema(w, f->schema);
	if (!p->schema && !p->forced)
		lost_param(w->lost, "response_format");
}

/* ---- tools ----------------------------------------------------------------------------- */

static bool tool_allowed(const struct writing *w, const struct chat_tool *t)
{
	const struct chat_choice *c = &w->r->choice;

	if (c->kind != CHOICE_ALLOWED)
		return true;
	for (const struct chat_name *n = c->names; n != NULL; n = n->next)
		if (slice_eq(n->name.s, t->name.s))
			return true;
	return false;
}

/* It must have `type: object`, which others leave out. */
static void input_schema_out(struct writing *w, struct slice schema)
{
	struct fields f;

	if (schema.n == 0) {
		out_json(w->o, LIT("{\"type\":\"object\",\"properties\":{}}"));
		return;
	}
	if (!fields_read(&f, schema, w->a) || field(&f, "type") != NULL) {
		out_json(w->o, schema);
		return;
	}
	out_object(w->o);
	out_key(w->o, "type"), out_lit(w->o, "object");
	for (size_t i = 0; i < f.n; i++) {
		if (json_text_is((struct json_text){ f.m[i].key }, LIT("type")))
			continue; /* null */
		out_key_text(w->o, (struct json_text){ f.m[i].key });
		out_json(w->o, f.m[i].value);
	}
	out_close(w->o);
}

static void function_out(struct writing *w, const struct chat_tool *t)
{
	bool strict = t->strict == YES && w->claude->schema;

	if (t->strict == YES && !strict)
		lost_param(w->lost, "tools.strict");
	out_object(w->o);
	out_key(w->o, "name"), out_text(w->o, t->name);
	if (!json_text_empty(t->description))
		out_key(w->o, "description"), out_text(w->o, t->description);
	out_key(w->o, "input_schema");
	if (!strict || w->own || t->schema.n == 0)
		input_schema_out(w, t->schema);
	else if (claude_schema_out(w->o, t->schema, w->a))
		lost_param(w->lost, "tools.schema");
	if (strict)
		out_key(w->o, "strict"), out_bool(w->o, true);
	anthropic_mark(w, t->cache);
	out_close(w->o);
}

static void forced_out(struct writing *w)
{
	const struct chat_format *f = &w->r->format;

	out_object(w->o);
	out_key(w->o, "name"), out_lit(w->o, FORCED_TOOL);
	out_key(w->o, "description");
	if (json_text_empty(f->description))
		out_lit(w->o, "Gives the answer. Call it once, with the whole answer.");
	else
		out_text(w->o, f->description);
	out_key(w->o, "input_schema"), out_json(w->o, f->schema);
	out_close(w->o);
}

static bool tool_written(struct writing *w, const struct chat_tool *t, size_t i)
{
	if (!tool_allowed(w, t))
		return false;
	if (t->kind == TOOL_FUNCTION || (t->kind == TOOL_HOSTED && w->own))
		return true;
	lost_tool(w->lost, i, t->kind == TOOL_CUSTOM ? JTEXT("custom") : t->type);
	return false;
}

/* How many were written. */
static size_t tools_out(struct writing *w, const struct plan *p)
{
	size_t n = 0, i = 0;

	for (const struct chat_tool *t = w->r->tools; t != NULL; t = t->next, i++) {
		if (!tool_written(w, t, i))
			continue;
		if (n++ == 0)
			out_key(w->o, "tools"), out_array(w->o);
		if (t->kind == TOOL_HOSTED)
			out_json(w->o, t->raw);
		else
			function_out(w, t);
	}
	if (p->forced) {
		if (n++ == 0)
			out_key(w->o, "tools"), out_array(w->o);
		forced_out(w);
	}
	if (n > 0)
		out_close(w->o);
	return n;
}

static const char *choice_type(const struct writing *w, const struct plan *p)
{
	const struct chat_choice *c = &w->r->choice;

	switch (c->kind) {
	case CHOICE_UNSET:
	case CHOICE_AUTO:
		if (p->forced)
			return "any";
		return c->kind == CHOICE_AUTO || w->r->parallel_tools == NO ? "auto" : NULL;
	case CHOICE_NONE:
		return p->forced ? "any" : "none";
	case CHOICE_REQUIRED:
		return "any";
	case CHOICE_NAMED:
		return "tool";
	case CHOICE_ALLOWED:
		return c->allowed_required || p->forced ? "any" : "auto";
	}
	return NULL;
}

static void choice_out(struct writing *w, const struct plan *p, size_t tools)
{
	const struct chat_choice *c = &w->r->choice;
	const char *type = choice_type(w, p);
	struct json_text name = { { NULL, 0 } };

	if (tools == 0 || type == NULL || !target_param(w->t, "tool_choice", w->lost))
		return;
	if (c->kind == CHOICE_NAMED && c->names != NULL)
		name = c->names->name;
	if (p->forced && (c->kind == CHOICE_NONE || tools == 1)) {
		type = "tool";
		name = JTEXT(FORCED_TOOL);
	}
	/* A model that always thinks takes no forced call. */
	if (w->claude->thinking == THINKING_ALWAYS && !p->tools_free) {
		lost_param(w->lost, "tool_choice");
		type = "auto";
		name = (struct json_text){ { NULL, 0 } };
	}
	out_key(w->o, "tool_choice");
	out_object(w->o);
	out_key(w->o, "type"), out_lit(w->o, type);
	if (!json_text_empty(name))
		out_key(w->o, "name"), out_text(w->o, name);
	if (w->r->parallel_tools == NO && c->kind != CHOICE_NONE)
		out_key(w->o, "disable_parallel_tool_use"), out_bool(w->o, true);
	out_close(w->o);
}

/* ---- thinking, format, sampling -------------------------------------------------------- */

static void thinking_out(struct writing *w, const struct plan *p)
{
	enum tri visible = thinking_shown(w->r, &dialect_anthropic);
	bool adaptive = p->thinking == THINKING_ADAPTIVE;

	if (extra(w, "thinking") != NULL)
		return; /* of a kind that only this dialect has: written as it came */
	if ((!p->disable && p->thinking == THINKING_NONE) ||
	    !target_param(w->t, "thinking", w->lost))
		return;
	out_key(w->o, "thinking");
	out_object(w->o);
	out_key(w->o, "type");
	out_lit(w->o, p->disable ? "disabled" : adaptive ? "adaptive" : "enabled");
	if (p->thinking == THINKING_BUDGET)
		out_key(w->o, "budget_tokens"), out_u64(w->o, p->budget);
	/* A budget's thoughts are shown unless told otherwise. */
	if (!p->disable && visible == NO)
		out_key(w->o, "display"), out_lit(w->o, "omitted");
	else if (adaptive && visible == YES)
		out_key(w->o, "display"), out_lit(w->o, "summarized");
	out_close(w->o);
}

static void output_config_out(struct writing *w, const struct plan *p)
{
	bool effort = p->effort != EFFORT_UNSET &&
		      (p->schema || target_param(w->t, "output_config", w->lost));

	if (!effort && !p->schema)
		return;
	out_key(w->o, "output_config");
	out_object(w->o);
	if (effort)
		out_key(w->o, "effort"), out_lit(w->o, effort_name(p->effort));
	if (p->schema) {
		out_key(w->o, "format");
		out_object(w->o);
		out_key(w->o, "type"), out_lit(w->o, "json_schema");
		out_key(w->o, "schema");
		if (w->own)
			out_json(w->o, w->r->format.schema);
		else if (claude_schema_out(w->o, w->r->format.schema, w->a))
			lost_param(w->lost, "response_format.schema");
		out_close(w->o);
	}
	out_close(w->o);
}

static void number_out(struct writing *w, const char *member, struct slice number)
{
	if (number.n > 0 && target_param(w->t, member, w->lost))
		out_key(w->o, member), out_json(w->o, number);
}

static void lost_number(struct writing *w, const char *member, struct slice number)
{
	if (number.n > 0)
		lost_param(w->lost, member);
}

static void sampling_out(struct writing *w, const struct plan *p)
{
	const struct chat_request *r = w->r;
	struct slice temperature = r->temperature, top_p = r->top_p;

	if (w->t->no_sampling || w->claude->no_sampling || p->thinking != THINKING_NONE) {
		lost_number(w, "temperature", temperature);
		lost_number(w, "top_p", top_p);
		lost_number(w, "top_k", r->top_k);
		return;
	}
	if (temperature.n > 0 && strtod(arena_cstr(w->a, temperature), NULL) > 1) {
		lost_param(w->lost, "temperature"); /* others go to 2 */
		temperature = LIT("1");
	}
	if (temperature.n > 0 && top_p.n > 0 && w->claude->one_sampling) {
		lost_param(w->lost, "top_p");
		top_p = slice_of(NULL, 0);
	}
	number_out(w, "temperature", temperature);
	number_out(w, "top_p", top_p);
	number_out(w, "top_k", r->top_k);
}

/* ---- the rest -------------------------------------------------------------------------- */

static void stops_out(struct writing *w)
{
	bool open = false;

	for (const struct chat_name *n = w->r->stop; n != NULL; n = n->next) {
		if (json_text_blank(n->name)) {
			lost_param(w->lost, "stop"); /* refused */
			continue;
		}
		if (!open && !target_param(w->t, "stop_sequences", w->lost))
			return;
		if (!open)
			out_key(w->o, "stop_sequences"), out_array(w->o);
		open = true;
		out_text(w->o, n->name);
	}
	if (open)
		out_close(w->o);
}

static void account_out(struct writing *w)
{
	struct json_text tier = w->r->service_tier;

	if (!json_text_empty(w->r->user) && target_param(w->t, "metadata", w->lost)) {
		out_key(w->o, "metadata");
		out_object(w->o);
		out_key(w->o, "user_id"), out_text(w->o, w->r->user);
		out_close(w->o);
	}
	if (json_text_empty(tier) || !target_param(w->t, "service_tier", w->lost))
		return;
	if (json_text_is(tier, LIT("auto")) || json_text_is(tier, LIT("priority")) ||
	    json_text_is(tier, LIT("fast")))
		out_key(w->o, "service_tier"), out_lit(w->o, "auto");
	else if (json_text_is(tier, LIT("default")))
		out_key(w->o, "service_tier"), out_lit(w->o, "standard_only");
	else
		lost_param(w->lost, "service_tier");
}

/* What no request of this dialect can say. */
static void lose_rest(struct writing *w)
{
	const struct chat_request *r = w->r;

	lost_number(w, "seed", r->seed);
	lost_number(w, "frequency_penalty", r->frequency_penalty);
	lost_number(w, "presence_penalty", r->presence_penalty);
	lost_number(w, "metadata", r->metadata);
	lost_number(w, "prompt_cache_key", r->cache_key.s);
	lost_number(w, "verbosity", r->verbosity.s);
	if (r->n > 1)
		lost_param(w->lost, "n");
	if (r->logprobs == YES || r->top_logprobs > 0)
		lost_param(w->lost, "logprobs");
	if (r->store == YES)
		lost_param(w->lost, "store");
	if (r->wants_audio || r->wants_images)
		lost_param(w->lost, "modalities");
	if (!w->own)
		lost_extras(w->lost, r);
}

static size_t part_marks(const struct chat_part *p)
{
	size_t n = 0;

	for (; p != NULL; p = p->next) {
		n += p->cache != CACHE_NONE;
		if (p->kind != PART_TOOL_RESULT)
			continue;
		for (const struct chat_part *q = p->u.result.parts; q != NULL; q = q->next)
			n += q->cache != CACHE_NONE;
	}
	return n;
}

static size_t marks(const struct chat_request *r)
{
	size_t n = 0;

	for (const struct chat_tool *t = r->tools; t != NULL; t = t->next)
		n += t->cache != CACHE_NONE;
	for (const struct chat_message *m = r->messages; m != NULL; m = m->next)
		n += part_marks(m->parts);
	return n;
}

/* What may also be asked for when only tokens are counted. */
static void body_out(struct writing *w, struct plan *p)
{
	bool json = w->r->format.kind == FORMAT_JSON;
	size_t tools;

	tools = tools_out(w, p);
	choice_out(w, p, tools);
	anthropic_conversation_out(w, json ? LIT("Answer with one valid JSON object and "
						 "nothing else: no words around it, no "
						 "code fence.")
					   : slice_of(NULL, 0));
	thinking_out(w, p);
	output_config_out(w, p);
}

enum rc anthropic_request_write(const struct chat_request *r, const struct chat_target *t,
				struct json_out *out, struct chat_lost *lost,
				struct chat_refusal *why)
{
	struct writing w = {
		.r = r,
		.t = t,
		.claude = claude_of(t->model),
		.o = out,
		.a = out->a,
		.lost = lost,
		.own = r->dialect == &dialect_anthropic,
	};
	struct plan p = { 0 };
	size_t n = marks(r);

	(void)why; /* every conversation can be said somehow */
	w.marks_over = n > MARKS_MAX ? n - MARKS_MAX : 0;
	plan_format(&w, &p);
	plan_thinking(&w, &p);
	plan_length(&w, &p);
	out_object(out);
	out_key(out, "model"), out_str(out, t->model);
	if (r->wants != CHAT_COUNT_TOKENS && extra(&w, "max_tokens") == NULL)
		out_key(out, "max_tokens"), out_u64(out, p.max_tokens);
	body_out(&w, &p);
	if (r->wants != CHAT_COUNT_TOKENS) {
		if (r->stream)
			out_key(out, "stream"), out_bool(out, true);
		sampling_out(&w, &p);
		stops_out(&w);
		account_out(&w);
		lose_rest(&w);
		for (const struct chat_extra *x = r->extras; w.own && x != NULL; x = x->next) {
			out_key_text(out, (struct json_text){ x->key });
			out_json(out, x->value);
		}
	}
	out_close(out);
	return out_ok(out) ? OK : E_NOMEM;
}
