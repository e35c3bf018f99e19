/* The bodies of Converse and CountTokens, written for a deployment.
 *
 * What is Claude's, Nova's or gpt-oss's own goes to additionalModelRequestFields, as their
 * pages in the user guide say ("Model parameters"). */
#include "chat/bedrock/writing.h"

#include <stdlib.h>

enum {
	BUDGET_MIN = 1024,
	METADATA_MAX = 256,
	HISTORY_TOOLS_MAX = 128, /* each is sought among all */
};

/* What is decided before anything is written. */
struct plan {
	enum thinking_kind thinking; /* Claude's; NONE: none is sent */
	uint64_t budget;
	enum effort effort; /* UNSET: none is sent */
	uint64_t max_tokens;
	bool forced;     /* the schema goes as a tool that must be called */
	bool schema;     /* as outputConfig.textFormat */
	bool tools_free; /* no tool is forced by the client */
	bool no_sampling;
};

static enum family family_of(struct slice model)
{
	static const struct {
		const char *part;
		enum family family;
	} t[] = {
		{ "anthropic.", FAMILY_CLAUDE }, { "claude", FAMILY_CLAUDE },
		{ "nova", FAMILY_NOVA },         { "gpt-oss", FAMILY_GPT_OSS },
		{ "mistral", FAMILY_MISTRAL },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++)
		if (slice_find(model, slice_cstr(t[i].part)) != SLICE_NONE)
			return t[i].family;
	return FAMILY_OTHER;
}

static const struct chat_extra *extra(const struct writing *w, const char *key)
{
	return w->own ? chat_extra_find(w->r, key) : NULL;
}

/* ---- plan ------------------------------------------------------------------------------ */

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

static void plan_claude(struct writing *w, struct plan *p, enum effort e)
{
	const struct chat_thinking *t = &w->r->thinking;
	const enum thinking_kind kind = (enum thinking_kind)w->claude->thinking;

	if (e == EFFORT_NONE) { /* not asking for it is enough, but for those that always do */
		if (kind == THINKING_ALWAYS) {
			lost_param(w->lost, "reasoning_effort");
			p->effort = effort_for(w->claude, EFFORT_LOW);
		}
		return;
	}
	/* A forced call is refused beside it, and older ones want their signatures back. */
	if (kind == THINKING_NONE ||
	    (kind == THINKING_BUDGET &&
	     (p->forced || !p->tools_free || !bedrock_reasoning_whole(w)))) {
		lost_param(w->lost, "reasoning_effort");
		return;
	}
	p->effort = effort_for(w->claude, kind == THINKING_BUDGET ? t->effort : e);
	if (kind == THINKING_ADAPTIVE && !p->tools_free) {
		lost_param(w->lost, "reasoning_effort"); /* the effort alone may stand */
		return;
	}
	p->thinking = kind == THINKING_BUDGET ? THINKING_BUDGET : THINKING_ADAPTIVE;
	if (p->thinking == THINKING_BUDGET)
		p->budget = size_max(t->budget != 0 ? t->budget : effort_budget(e), BUDGET_MIN);
}

static void plan_thinking(struct writing *w, struct plan *p)
{
	const struct chat_thinking *t = &w->r->thinking;
	enum effort e = t->effort;

	if (e == EFFORT_UNSET && t->budget > 0)
		e = effort_of_budget(t->budget);
	if (e == EFFORT_UNSET && t->automatic)
		e = EFFORT_MEDIUM;
	if (e == EFFORT_UNSET)
		return;
	switch (w->family) {
	case FAMILY_CLAUDE:
		/* `automatic` alone asks for no effort of its own. */
		plan_claude(w, p, e);
		if (t->effort == EFFORT_UNSET && t->budget == 0)
			p->effort = EFFORT_UNSET;
		return;
	case FAMILY_GPT_OSS:
		p->effort = e < EFFORT_LOW ? EFFORT_LOW : e > EFFORT_HIGH ? EFFORT_HIGH : e;
		if (e == EFFORT_NONE)
			lost_param(w->lost, "reasoning_effort");
		return;
	case FAMILY_NOVA:
		p->effort = e == EFFORT_MINIMAL ? EFFORT_LOW
			    : e > EFFORT_HIGH   ? EFFORT_HIGH
						: e;
		return;
	case FAMILY_MISTRAL:
	case FAMILY_OTHER:
		if (e != EFFORT_NONE)
			lost_param(w->lost, "reasoning_effort");
		return;
	}
}

/* Left to the model when nobody said; over a thinking budget. */
static void plan_length(struct writing *w, struct plan *p)
{
	uint64_t cap = w->t->max_output;
	uint64_t max = w->r->max_tokens;

	if (cap == 0 && w->claude != NULL)
		cap = w->claude->cap;
	if (max > 0 && p->budget >= max)
		max += p->budget;
	if (cap > 0 && max > cap)
		max = cap;
	p->max_tokens = max;
	if (max == 0 || p->budget < max)
		return;
	p->budget = max / 2;
	if (p->budget < BUDGET_MIN) { /* no room for it */
		lost_param(w->lost, "reasoning_effort");
		p->thinking = THINKING_NONE;
		p->budget = 0;
	}
}

static bool object_schema(const struct writing *w, struct slice schema)
{
	struct fields f;

	return schema.n > 0 && fields_read(&f, schema, w->a) && field_is(&f, "type", "object");
}

static void plan_format(struct writing *w, struct plan *p)
{
	const struct chat_format *f = &w->r->format;
	const enum choice_kind choice = w->r->choice.kind;
	const bool named = choice == CHOICE_NAMED || choice == CHOICE_REQUIRED ||
			   (choice == CHOICE_ALLOWED && w->r->choice.allowed_required);

	p->tools_free = !named || w->r->tools == NULL;
	if (f->kind != FORMAT_SCHEMA)
		return;
	if (w->own || w->claude == NULL || w->claude->schema)
		p->schema = f->schema.n > 0 && target_param(w->t, "outputConfig", w->lost);
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
	if (w->own || !fields_read(&f, schema, w->a) || field(&f, "type") != NULL) {
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

static void spec_out(struct writing *w, struct json_text name, struct json_text description,
		     struct slice schema, bool strict)
{
	out_object(w->o);
	out_key(w->o, "toolSpec");
	out_object(w->o);
	out_key(w->o, "name"), out_text(w->o, name);
	if (!json_text_empty(description)) /* an empty one is refused */
		out_key(w->o, "description"), out_text(w->o, description);
	out_key(w->o, "inputSchema");
	out_object(w->o);
	out_key(w->o, "json");
	if (strict && !w->own && w->claude != NULL && schema.n > 0) {
		if (claude_schema_out(w->o, schema, w->a))
			lost_param(w->lost, "tools.schema");
	} else {
		input_schema_out(w, schema);
	}
	out_close(w->o);
	if (strict)
		out_key(w->o, "strict"), out_bool(w->o, true);
	out_close(w->o);
	out_close(w->o);
}

struct tool_list {
	struct writing *w;
	bool open;
};

static void list_open(struct tool_list *l)
{
	if (!l->open) {
		out_key(l->w->o, "toolConfig");
		out_object(l->w->o);
		out_key(l->w->o, "tools");
		out_array(l->w->o);
	}
	l->open = true;
}

static void tool_out(struct tool_list *l, const struct chat_tool *t, size_t i)
{
	struct writing *w = l->w;
	/* An old Claude refuses `strict`. */
	const bool strict = t->strict == YES &&
			    (w->own || w->claude == NULL || w->claude->schema);

	if (!tool_allowed(w, t))
		return;
	if (t->kind == TOOL_CUSTOM) {
		lost_param(w->lost, "tools.custom");
		return;
	}
	if (t->kind == TOOL_HOSTED && !w->own) {
		lost_tool(w->lost, i, t->type);
		return;
	}
	list_open(l);
	if (t->kind == TOOL_HOSTED) {
		out_json(w->o, t->raw);
		return;
	}
	if (t->strict == YES && !strict)
		lost_param(w->lost, "tools.strict");
	spec_out(w, t->name, t->description, t->schema, strict);
	bedrock_point_out(w, t->cache);
}

/* A history of calls is refused without tools: then they are named as far as they are known. */
static void history_tools_out(struct tool_list *l)
{
	struct chat_name *seen = NULL;
	size_t named = 0;

	for (const struct chat_message *m = l->w->r->messages; m != NULL; m = m->next) {
		for (const struct chat_part *p = m->parts; p != NULL; p = p->next) {
			const struct chat_name *n = seen;
			struct json_text name;

			if (p->kind == PART_TOOL_CALL)
				name = p->u.call.name;
			else if (p->kind == PART_TOOL_RESULT)
				name = p->u.result.name;
			else
				continue;
			while (n != NULL && !slice_eq(n->name.s, name.s))
				n = n->next;
			if (n != NULL || json_text_empty(name))
				continue;
			if (named++ == HISTORY_TOOLS_MAX ||
			    chat_name_add(&seen, l->w->a, name) == NULL)
				return;
			list_open(l);
			spec_out(l->w, name, (struct json_text){ { NULL, 0 } },
				 slice_of(NULL, 0), false);
		}
	}
}

static void choice_out(struct writing *w, const struct plan *p)
{
	const struct chat_choice *c = &w->r->choice;
	const char *kind = "auto";

	if (p->forced)
		kind = "any";
	else if (c->kind == CHOICE_UNSET || c->kind == CHOICE_NONE)
		return;
	else if (c->kind == CHOICE_NAMED)
		kind = "tool";
	else if (c->kind == CHOICE_REQUIRED ||
		 (c->kind == CHOICE_ALLOWED && c->allowed_required))
		kind = "any";
	/* A model that always thinks takes no forced call. */
	if (w->claude != NULL && w->claude->thinking == THINKING_ALWAYS && !p->tools_free) {
		lost_param(w->lost, "tool_choice");
		kind = "auto";
	}
	if (!target_param(w->t, "toolChoice", w->lost))
		return;
	out_key(w->o, "toolChoice");
	out_object(w->o);
	out_key(w->o, kind);
	out_object(w->o);
	if (slice_eq(slice_cstr(kind), LIT("tool")) && c->names != NULL)
		out_key(w->o, "name"), out_text(w->o, c->names->name);
	out_close(w->o);
	out_close(w->o);
}

static void forced_out(struct tool_list *l)
{
	const struct chat_format *f = &l->w->r->format;

	list_open(l);
	spec_out(l->w, JTEXT(FORCED_TOOL),
		 json_text_empty(f->description)
			 ? JTEXT("Gives the answer. Call it once, with the whole answer.")
			 : f->description,
		 f->schema, false);
}

/* There is no "none": without tools, none is called. */
static void tools_out(struct writing *w, const struct plan *p)
{
	const bool history = chat_has_tool_blocks(w->r);
	struct tool_list l = { .w = w };
	size_t i = 0;

	if (w->r->choice.kind == CHOICE_NONE && w->r->tools != NULL && history)
		lost_param(w->lost, "tool_choice");
	if (w->r->choice.kind != CHOICE_NONE || history)
		for (const struct chat_tool *t = w->r->tools; t != NULL; t = t->next, i++)
			tool_out(&l, t, i);
	if (!l.open && history && !w->own)
		history_tools_out(&l);
	if (p->forced)
		forced_out(&l);
	if (!l.open)
		return;
	out_close(w->o);
	if (p->forced || w->r->tools != NULL)
		choice_out(w, p);
	out_close(w->o);
}

/* ---- inferenceConfig, outputConfig ----------------------------------------------------- */

/* An object that is opened by its first member. */
struct lazy {
	struct json_out *o;
	const char *name;
	bool open;
};

static void lazy_key(struct lazy *l, const char *key)
{
	if (!l->open)
		out_key(l->o, l->name), out_object(l->o);
	l->open = true;
	out_key(l->o, key);
}

static void lazy_close(struct lazy *l)
{
	if (l->open)
		out_close(l->o);
}

static void lost_number(struct writing *w, const char *member, struct slice number)
{
	if (number.n > 0)
		lost_param(w->lost, member);
}

static void sampling_out(struct writing *w, struct lazy *l, const struct plan *p)
{
	struct slice temperature = w->r->temperature, top_p = w->r->top_p;

	if (p->no_sampling) {
		lost_number(w, "temperature", temperature);
		lost_number(w, "top_p", top_p);
		return;
	}
	if (temperature.n > 0 && strtod(arena_cstr(w->a, temperature), NULL) > 1) {
		lost_param(w->lost, "temperature"); /* others go to 2 */
		temperature = LIT("1");
	}
	if (w->claude != NULL && w->claude->one_sampling && temperature.n > 0 && top_p.n > 0) {
		lost_param(w->lost, "top_p");
		top_p = slice_of(NULL, 0);
	}
	if (temperature.n > 0 && target_param(w->t, "temperature", w->lost))
		lazy_key(l, "temperature"), out_json(w->o, temperature);
	if (top_p.n > 0 && target_param(w->t, "topP", w->lost))
		lazy_key(l, "topP"), out_json(w->o, top_p);
}

static void inference_out(struct writing *w, const struct plan *p)
{
	struct lazy l = { .o = w->o, .name = "inferenceConfig" };
	bool stops = false;

	if (p->max_tokens > 0 && target_param(w->t, "maxTokens", w->lost))
		lazy_key(&l, "maxTokens"), out_u64(w->o, p->max_tokens);
	sampling_out(w, &l, p);
	for (const struct chat_name *n = w->r->stop; n != NULL; n = n->next) {
		if (!w->own && json_text_blank(n->name) &&
		    (w->claude != NULL || json_text_empty(n->name))) {
			lost_param(w->lost, "stop"); /* refused */
			continue;
		}
		if (!stops && !target_param(w->t, "stopSequences", w->lost))
			break;
		if (!stops)
			lazy_key(&l, "stopSequences"), out_array(w->o);
		stops = true;
		out_text(w->o, n->name);
	}
	if (stops)
		out_close(w->o);
	lazy_close(&l);
}

/* The schema is a string here. */
static void schema_out(struct writing *w)
{
	const struct chat_format *f = &w->r->format;
	struct slice schema = f->schema;
	struct json_out o;

	if (!w->own && w->claude != NULL) {
		out_init(&o, w->a);
		if (claude_schema_out(&o, f->schema, w->a))
			lost_param(w->lost, "response_format.schema");
		schema = out_slice(&o);
	}
	out_key(w->o, "outputConfig");
	out_object(w->o);
	out_key(w->o, "textFormat");
	out_object(w->o);
	out_key(w->o, "type"), out_lit(w->o, "json_schema");
	out_key(w->o, "structure");
	out_object(w->o);
	out_key(w->o, "jsonSchema");
	out_object(w->o);
	out_key(w->o, "schema"), out_str(w->o, schema);
	if (!json_text_empty(f->name))
		out_key(w->o, "name"), out_text(w->o, f->name);
	if (!json_text_empty(f->description))
		out_key(w->o, "description"), out_text(w->o, f->description);
	for (int i = 0; i < 4; i++)
		out_close(w->o);
}

/* ---- additionalModelRequestFields ------------------------------------------------------ */

static void thinking_out(struct writing *w, struct lazy *l, const struct plan *p)
{
	const enum tri visible = thinking_shown(w->r, &dialect_bedrock);
	const bool adaptive = p->thinking == THINKING_ADAPTIVE;

	if (p->thinking == THINKING_NONE)
		return;
	lazy_key(l, "thinking");
	out_object(w->o);
	out_key(w->o, "type"), out_lit(w->o, adaptive ? "adaptive" : "enabled");
	if (!adaptive)
		out_key(w->o, "budget_tokens"), out_u64(w->o, p->budget);
	/* A budget's thoughts are shown unless told otherwise. */
	if (visible == NO)
		out_key(w->o, "display"), out_lit(w->o, "omitted");
	else if (adaptive && visible == YES)
		out_key(w->o, "display"), out_lit(w->o, "summarized");
	out_close(w->o);
}

static void claude_out(struct writing *w, struct lazy *l, const struct plan *p)
{
	const enum choice_kind c = w->r->choice.kind;

	thinking_out(w, l, p);
	if (p->effort != EFFORT_UNSET) {
		lazy_key(l, "output_config");
		out_object(w->o);
		out_key(w->o, "effort"), out_lit(w->o, effort_name(p->effort));
		out_close(w->o);
	}
	if (w->r->top_k.n > 0 && !p->no_sampling)
		lazy_key(l, "top_k"), out_json(w->o, w->r->top_k);
	else
		lost_number(w, "top_k", w->r->top_k);
	if (w->r->parallel_tools != NO || w->r->tools == NULL || c == CHOICE_NONE)
		return;
	if (p->forced) /* one call is forced, and there is one tool */
		return;
	if (!p->tools_free) { /* a call is forced, but there may be more than one */
		lost_param(w->lost, "parallel_tool_calls");
		return;
	}
	lazy_key(l, "tool_choice");
	out_object(w->o);
	out_key(w->o, "type"), out_lit(w->o, "auto");
	out_key(w->o, "disable_parallel_tool_use"), out_bool(w->o, true);
	out_close(w->o);
}

static void nova_out(struct writing *w, struct lazy *l, const struct plan *p)
{
	if (p->effort != EFFORT_UNSET) {
		lazy_key(l, "reasoningConfig");
		out_object(w->o);
		out_key(w->o, "type");
		out_lit(w->o, p->effort == EFFORT_NONE ? "disabled" : "enabled");
		if (p->effort != EFFORT_NONE) {
			out_key(w->o, "maxReasoningEffort");
			out_lit(w->o, effort_name(p->effort));
		}
		out_close(w->o);
	}
	if (w->r->top_k.n > 0) {
		lazy_key(l, "inferenceConfig");
		out_object(w->o);
		out_key(w->o, "topK"), out_json(w->o, w->r->top_k);
		out_close(w->o);
	}
}

static void own_fields_out(struct writing *w, const struct plan *p)
{
	struct lazy l = { .o = w->o, .name = "additionalModelRequestFields" };

	if (extra(w, l.name) != NULL)
		return; /* written as it came */
	if (w->family == FAMILY_CLAUDE)
		claude_out(w, &l, p);
	else if (w->family == FAMILY_NOVA)
		nova_out(w, &l, p);
	else
		lost_number(w, "top_k", w->r->top_k);
	if (w->family == FAMILY_GPT_OSS && p->effort != EFFORT_UNSET)
		lazy_key(&l, "reasoning_effort"), out_lit(w->o, effort_name(p->effort));
	if (w->family != FAMILY_CLAUDE && w->r->parallel_tools == NO && w->r->tools != NULL)
		lost_param(w->lost, "parallel_tool_calls");
	lazy_close(&l);
	/* Which stop sequence it was stands in the answer only when asked for. */
	if (w->family == FAMILY_CLAUDE && w->r->stop != NULL &&
	    extra(w, "additionalModelResponseFieldPaths") == NULL)
		out_key(w->o, "additionalModelResponseFieldPaths"),
			out_json(w->o, LIT("[\"/stop_sequence\"]"));
}

/* ---- the rest -------------------------------------------------------------------------- */

static bool metadata_ok(struct slice s)
{
	for (size_t i = 0; i < s.n; i++) {
		const char c = s.p[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z') &&
		    !(c >= '0' && c <= '9') && (c == '\0' || strchr(" :_@$#=/+,-.", c) == NULL))
			return false;
	}
	return s.n <= METADATA_MAX;
}

static void metadata_out(struct writing *w)
{
	struct lazy l = { .o = w->o, .name = "requestMetadata" };
	bool user = false;
	struct fields f;

	if (!fields_read(&f, w->r->metadata, w->a))
		f.n = 0;
	if ((f.n > 0 || !json_text_empty(w->r->user)) &&
	    !target_param(w->t, "requestMetadata", w->lost))
		return;
	for (size_t i = 0; i < f.n; i++) {
		const struct json_text value = json_text_of(f.m[i].value);

		user |= slice_eq(f.m[i].key, LIT("user_id"));
		if (f.m[i].kind != JSON_STRING || f.m[i].key.n == 0 ||
		    !metadata_ok(f.m[i].key) || !metadata_ok(value.s)) {
			lost_param(w->lost, "metadata");
			continue;
		}
		lazy_key(&l, arena_cstr(w->a, f.m[i].key)), out_text(w->o, value);
	}
	if (!json_text_empty(w->r->user) && !user) {
		if (metadata_ok(w->r->user.s))
			lazy_key(&l, "user_id"), out_text(w->o, w->r->user);
		else
			lost_param(w->lost, "user");
	}
	lazy_close(&l);
}

static void tier_out(struct writing *w)
{
	static const char *const tiers[] = { "default", "flex", "priority" };
	const struct json_text tier = w->r->service_tier;

	if (json_text_empty(tier) || json_text_is(tier, LIT("auto")) ||
	    !target_param(w->t, "serviceTier", w->lost))
		return;
	for (size_t i = 0; i < ARRAY_LEN(tiers); i++) {
		if (!json_text_is(tier, slice_cstr(tiers[i])))
			continue;
		out_key(w->o, "serviceTier");
		out_object(w->o);
		out_key(w->o, "type"), out_text(w->o, tier);
		out_close(w->o);
		return;
	}
	lost_param(w->lost, "service_tier");
}

/* What no request of this dialect can say. */
static void lose_rest(struct writing *w)
{
	const struct chat_request *r = w->r;

	lost_number(w, "seed", r->seed);
	lost_number(w, "frequency_penalty", r->frequency_penalty);
	lost_number(w, "presence_penalty", r->presence_penalty);
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

	for (; p != NULL; p = p->next)
		n += p->cache != CACHE_NONE;
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
static void conversation_out(struct writing *w, const struct plan *p)
{
	tools_out(w, p);
	bedrock_conversation_out(w, w->r->format.kind == FORMAT_JSON
					    ? LIT("Answer with one valid JSON object and "
						  "nothing else: no words around it, no "
						  "code fence.")
					    : slice_of(NULL, 0));
}

static void answer_out(struct writing *w, const struct plan *p)
{
	conversation_out(w, p);
	inference_out(w, p);
	if (p->schema)
		schema_out(w);
	own_fields_out(w, p);
	metadata_out(w);
	tier_out(w);
	lose_rest(w);
	for (const struct chat_extra *x = w->r->extras; w->own && x != NULL; x = x->next) {
		out_key_text(w->o, (struct json_text){ x->key });
		out_json(w->o, x->value);
	}
}

enum rc bedrock_request_write(const struct chat_request *r, const struct chat_target *t,
			      struct json_out *out, struct chat_lost *lost,
			      struct chat_refusal *why)
{
	struct writing w = {
		.r = r,
		.t = t,
		.family = family_of(t->model),
		.o = out,
		.a = out->a,
		.lost = lost,
		.why = why,
		.own = r->dialect == &dialect_bedrock,
	};
	const size_t n = marks(r);
	struct plan p = { 0 };

	if (w.family == FAMILY_CLAUDE)
		w.claude = claude_of(t->model);
	w.marks_over = n > MARKS_MAX ? n - MARKS_MAX : 0;
	plan_format(&w, &p);
	plan_thinking(&w, &p);
	plan_length(&w, &p);
	p.no_sampling = t->no_sampling || p.thinking != THINKING_NONE ||
			(w.claude != NULL && w.claude->no_sampling);
	out_object(out);
	if (r->wants == CHAT_COUNT_TOKENS) {
		out_key(out, "input"), out_object(out);
		out_key(out, "converse"), out_object(out);
		conversation_out(&w, &p);
		out_close(out);
		out_close(out);
	} else {
		answer_out(&w, &p);
	}
	out_close(out);
	if (w.rc != OK)
		return w.rc;
	return out_ok(out) ? OK : E_NOMEM;
}
