#include "chat/ollama/ollama.h"

struct writer {
	const struct chat_request *r;
	const struct chat_target *t;
	struct json_out *o;
	struct chat_lost *lost;
	struct chat_refusal *why;
	enum rc rc;
	size_t m; /* message in hand */
};

/* Its key has been written if the provider may have it. */
static bool param(struct writer *w, const char *name)
{
	if (!target_param(w->t, name, w->lost))
		return false;
	out_key(w->o, name);
	return true;
}

static bool is_text(const struct chat_part *p)
{
	return p->kind == PART_TEXT || p->kind == PART_REFUSAL;
}

/* ---- content: one string, and images beside it ---- */

static struct json_text text_of(const struct writer *w, const struct chat_part *p)
{
	if (is_text(p))
		return p->u.text;
	if (p->kind == PART_DOCUMENT)
		return chat_media_text(&p->u.media, w->o->a);
	return (struct json_text){ { NULL, 0 } };
}

static void content(struct writer *w, const struct chat_part *list, bool result)
{
	struct json_out *o = w->o;
	bool first = true;

	out_key(o, "content"), out_text_open(o);
	for (const struct chat_part *p = list; p != NULL; p = p->next) {
		struct json_text t = text_of(w, p);
		bool json = result && p->kind == PART_OTHER;

		if (json_text_empty(t) && !json)
			continue;
		if (!first)
			out_text_part(o, JTEXT("\\n"));
		first = false;
		if (json)
			out_str_part(o, p->u.other.raw);
		else
			out_text_part(o, t);
	}
	out_text_close(o);
}

static void images(struct writer *w, const struct chat_part *list)
{
	struct json_out *o = w->o;
	bool any = false;

	for (const struct chat_part *p = list; p != NULL; p = p->next) {
		if (p->kind != PART_IMAGE)
			continue;
		if (p->u.media.source == MEDIA_URL)
			w->rc = refuse_request(w->why, "unsupported_value", "messages",
					       "Ollama takes images inline only, not by URL.");
		if (p->u.media.source != MEDIA_INLINE)
			continue;
		if (!any)
			out_key(o, "images"), out_array(o);
		any = true;
		out_text(o, (struct json_text){ p->u.media.data });
	}
	if (any)
		out_close(o);
}

/* What of these parts has no place; `i` is that of the first, or of all when in a result. */
static void unsaid(struct writer *w, const struct chat_part *list, size_t i, bool result)
{
	for (const struct chat_part *p = list; p != NULL; p = p->next, i += !result) {
		const char *what = NULL;

		if (p->kind == PART_IMAGE && p->u.media.source == MEDIA_FILE)
			what = "image by file id";
		else if (p->kind == PART_AUDIO)
			what = "audio";
		else if (p->kind == PART_VIDEO)
			what = "video";
		else if (p->kind == PART_DOCUMENT && json_text_empty(text_of(w, p)))
			what = "document";
		else if (p->kind == PART_OTHER && !result)
			what = p->u.other.what;
		else if (p->kind == PART_REASONING && json_text_empty(p->u.reasoning.text))
			lost_param(w->lost, "reasoning");
		if (what != NULL)
			lost_content(w->lost, w->m, i, what);
	}
}

/* ---- messages ---- */

static void call(struct writer *w, const struct chat_call *c)
{
	struct json_out *o = w->o;

	out_object(o);
	if (!json_text_empty(c->id))
		out_key(o, "id"), out_text(o, c->id);
	out_key(o, "function"), out_object(o);
	out_key(o, "name"), out_text(o, c->name);
	out_key(o, "arguments");
	if (!c->custom && c->args_ok && slice_trim(c->args).n > 0) {
		out_json(o, c->args);
	} else { /* an object it must be */
		out_object(o);
		if (c->args.n > 0 && (c->custom || !c->args_ok))
			out_key(o, "input"), out_str(o, c->args);
		out_close(o);
	}
	out_close(o);
	out_close(o);
}

static void thoughts(struct writer *w, const struct chat_message *m)
{
	struct json_out *o = w->o;
	bool any = false;

	for (const struct chat_part *p = m->parts; p != NULL; p = p->next) {
		if (p->kind != PART_REASONING || json_text_empty(p->u.reasoning.text))
			continue;
		if (!any)
			out_key(o, "thinking"), out_text_open(o);
		else
			out_text_part(o, JTEXT("\\n"));
		any = true;
		out_text_part(o, p->u.reasoning.text);
	}
	if (any)
		out_text_close(o);
}

static void message(struct writer *w, const struct chat_message *m, const char *role)
{
	struct json_out *o = w->o;
	bool calls = false;

	out_object(o);
	out_key(o, "role"), out_lit(o, role);
	content(w, m->parts, false);
	images(w, m->parts);
	thoughts(w, m);
	for (const struct chat_part *p = m->parts; p != NULL; p = p->next) {
		if (p->kind != PART_TOOL_CALL)
			continue;
		if (!calls)
			out_key(o, "tool_calls"), out_array(o);
		calls = true;
		call(w, &p->u.call);
	}
	if (calls)
		out_close(o);
	out_close(o);
	unsaid(w, m->parts, 0, false);
}

static void results(struct writer *w, const struct chat_message *m)
{
	struct json_out *o = w->o;
	size_t i = 0;

	for (const struct chat_part *p = m->parts; p != NULL; p = p->next, i++) {
		const struct chat_result *x = &p->u.result;

		if (p->kind != PART_TOOL_RESULT)
			continue;
		if (x->is_error) /* its text says so too, or should */
			lost_param(w->lost, "is_error");
		out_object(o);
		out_key(o, "role"), out_lit(o, "tool");
		content(w, x->parts, true);
		images(w, x->parts);
		if (!json_text_empty(x->name))
			out_key(o, "tool_name"), out_text(o, x->name);
		if (!json_text_empty(x->call_id))
			out_key(o, "tool_call_id"), out_text(o, x->call_id);
		out_close(o);
		unsaid(w, x->parts, i, true);
	}
}

static void messages(struct writer *w)
{
	static const char *const roles[] = { [ROLE_SYSTEM] = "system",
					     [ROLE_DEVELOPER] = "system",
					     [ROLE_USER] = "user",
					     [ROLE_ASSISTANT] = "assistant",
					     [ROLE_TOOL] = "tool" };

	out_key(w->o, "messages"), out_array(w->o);
	w->m = 0;
	for (const struct chat_message *m = w->r->messages; m != NULL; m = m->next, w->m++) {
		if (!json_text_empty(m->name))
			lost_param(w->lost, "name");
		if (m->role == ROLE_TOOL)
			results(w, m);
		else
			message(w, m, roles[m->role]);
	}
	out_close(w->o);
}

/* ---- tools ---- */

/* There is no tool_choice: none is no tools, and some are those tools. */
static bool chosen(const struct chat_request *r, const struct chat_tool *t)
{
	if (r->choice.kind == CHOICE_NONE)
		return false;
	if (r->choice.kind != CHOICE_NAMED && r->choice.kind != CHOICE_ALLOWED)
		return true;
	for (const struct chat_name *n = r->choice.names; n != NULL; n = n->next)
		if (slice_eq(n->name.s, t->name.s))
			return true;
	return false;
}

static void tool(struct writer *w, const struct chat_tool *t)
{
	struct json_out *o = w->o;

	out_object(o);
	out_key(o, "type"), out_lit(o, "function");
	out_key(o, "function"), out_object(o);
	out_key(o, "name"), out_text(o, t->name);
	if (!json_text_empty(t->description))
		out_key(o, "description"), out_text(o, t->description);
	out_key(o, "parameters");
	if (t->schema.n > 0)
		out_json(o, t->schema);
	else
		out_json(o, LIT("{\"type\":\"object\",\"properties\":{}}"));
	out_close(o);
	out_close(o);
}

static void tools(struct writer *w)
{
	enum choice_kind choice = w->r->choice.kind;
	size_t i = 0;
	bool any = false;

	for (const struct chat_tool *t = w->r->tools; t != NULL; t = t->next, i++) {
		if (t->kind != TOOL_FUNCTION)
			lost_tool(w->lost, i,
				  t->kind == TOOL_CUSTOM ? JTEXT("custom") : t->type);
		if (t->kind != TOOL_FUNCTION || !chosen(w->r, t))
			continue;
		if (!any)
			out_key(w->o, "tools"), out_array(w->o);
		any = true;
		tool(w, t);
	}
	if (any)
		out_close(w->o);
	if (choice == CHOICE_REQUIRED || choice == CHOICE_NAMED ||
	    (choice == CHOICE_ALLOWED && w->r->choice.allowed_required))
		lost_param(w->lost, "tool_choice"); /* that one must be called */
}

/* ---- parameters ---- */

static void number(struct writer *w, const char *name, struct slice v)
{
	if (v.n > 0 && param(w, name))
		out_json(w->o, v);
}

static void options(struct writer *w)
{
	const struct chat_request *r = w->r;
	struct json_out *o = w->o;

	out_key(o, "options"), out_object(o);
	if (!w->t->no_sampling) {
		number(w, "temperature", r->temperature);
		number(w, "top_p", r->top_p);
		number(w, "top_k", r->top_k);
	} else {
		if (r->temperature.n > 0)
			lost_param(w->lost, "temperature");
		if (r->top_p.n > 0)
			lost_param(w->lost, "top_p");
		if (r->top_k.n > 0)
			lost_param(w->lost, "top_k");
	}
	number(w, "frequency_penalty", r->frequency_penalty);
	number(w, "presence_penalty", r->presence_penalty);
	number(w, "seed", r->seed);
	if (r->max_tokens > 0 && param(w, "num_predict"))
		out_u64(o, r->max_tokens);
	if (r->stop != NULL && param(w, "stop")) {
		out_array(o);
		for (const struct chat_name *n = r->stop; n != NULL; n = n->next)
			out_text(o, n->name);
		out_close(o);
	}
	out_close(o);
}

/* Models without levels take any level for true. */
static void think(struct writer *w)
{
	static const char *const levels[] = {
		[EFFORT_MINIMAL] = "low", [EFFORT_LOW] = "low",   [EFFORT_MEDIUM] = "medium",
		[EFFORT_HIGH] = "high",   [EFFORT_XHIGH] = "max", [EFFORT_MAX] = "max",
	};
	const struct chat_thinking *x = &w->r->thinking;
	enum effort effort = x->effort;

	if (effort == EFFORT_UNSET && x->budget > 0)
		effort = effort_of_budget(x->budget);
	if ((effort == EFFORT_UNSET && !x->automatic) || !param(w, "think"))
		return;
	if (effort == EFFORT_UNSET || effort == EFFORT_NONE)
		out_bool(w->o, effort == EFFORT_UNSET);
	else
		out_lit(w->o, levels[effort]);
}

static void parameters(struct writer *w)
{
	const struct chat_request *r = w->r;
	struct json_out *o = w->o;

	options(w);
	think(w);
	if (r->format.schema.n > 0 && param(w, "format"))
		out_json(o, r->format.schema);
	else if (r->format.kind >= FORMAT_JSON && param(w, "format"))
		out_lit(o, "json");
	if (r->logprobs != UNSET && param(w, "logprobs"))
		out_bool(o, r->logprobs == YES);
	if (r->top_logprobs > 0 && param(w, "top_logprobs"))
		out_u64(o, r->top_logprobs);
}

static bool cache_marks(const struct chat_request *r)
{
	for (const struct chat_tool *t = r->tools; t != NULL; t = t->next)
		if (t->cache != CACHE_NONE)
			return true;
	for (const struct chat_message *m = r->messages; m != NULL; m = m->next)
		for (const struct chat_part *p = m->parts; p != NULL; p = p->next)
			if (p->cache != CACHE_NONE)
				return true;
	return false;
}

/* What there is no word for. */
static void wordless(struct writer *w)
{
	const struct chat_request *r = w->r;
	bool tier = !json_text_empty(r->service_tier) &&
		    !json_text_is(r->service_tier, LIT("auto")) &&
		    !json_text_is(r->service_tier, LIT("default"));
	const struct {
		bool there;
		const char *name;
	} rows[] = {
		{ r->n > 1, "n" },
		{ !json_text_empty(r->user), "user" },
		{ r->metadata.n > 0, "metadata" },
		{ !json_text_empty(r->cache_key), "prompt_cache_key" },
		{ tier, "service_tier" },
		{ !json_text_empty(r->verbosity), "verbosity" },
		{ r->store == YES, "store" },
		{ r->wants_audio || r->audio.n > 0, "audio" },
		{ r->wants_images, "modalities" },
		{ r->parallel_tools == NO, "parallel_tool_calls" },
		{ cache_marks(r), "cache_control" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (rows[i].there)
			lost_param(w->lost, rows[i].name);
	lost_extras(w->lost, r);
}

enum rc ollama_request_write(const struct chat_request *r, const struct chat_target *t,
			     struct json_out *out, struct chat_lost *lost,
			     struct chat_refusal *why)
{
	struct writer w = { .r = r, .t = t, .o = out, .lost = lost, .why = why };

	if (r->wants != CHAT_ANSWER)
		return refuse_request(why, "unsupported_value", NULL,
				      "Ollama does not count the tokens of a conversation.");
	out_object(out);
	out_key(out, "model"), out_str(out, t->model);
	out_key(out, "stream"), out_bool(out, r->stream); /* it would be true */
	messages(&w);
	tools(&w);
	parameters(&w);
	wordless(&w);
	out_close(out);
	if (!out_ok(out))
		return E_NOMEM;
	return w.rc;
}
