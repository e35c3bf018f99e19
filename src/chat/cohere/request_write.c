#include "chat/cohere/cohere.h"

#include "chat/opaque.h"

struct writer {
	const struct chat_request *r;
	const struct chat_target *t;
	struct json_out *o;
	struct chat_lost *lost;
	bool own;       /* the client speaks Cohere's dialect too */
	bool documents; /* may be said as such */
	size_t m;       /* message in hand */
};

/* ---- what a provider may have been told not to get ---- */

/* Its key has been written if it may be there. */
static bool param(struct writer *w, const char *name)
{
	if (!target_param(w->t, name, w->lost))
		return false;
	out_key(w->o, name);
	return true;
}

/* ---- documents ---- */

/* {"id":..,"data":{"title":..,"text":..}}.  What was read from an object with other members is
 * that object's text, and is given back as it came. */
static void document_out(struct writer *w, const struct chat_media *m, struct json_text text)
{
	struct slice plain = { NULL, 0 };
	enum json_kind kind = JSON_NULL;
	struct json_out *o = w->o;
	size_t n;

	if (w->own && slice_starts(text.s, LIT("{")))
		plain = json_text_plain(text, o->a);
	if (plain.n > 0 && json_scan(plain, &kind, NULL, 0, &n, NULL) != OK)
		kind = JSON_NULL;
	out_object(o);
	if (!json_text_empty(m->name))
		out_key(o, "id"), out_text(o, m->name);
	out_key(o, "data");
	if (kind == JSON_OBJECT) {
		out_json(o, plain);
	} else {
		out_object(o);
		if (!json_text_empty(m->title))
			out_key(o, "title"), out_text(o, m->title);
		out_key(o, "text"), out_text(o, text);
		if (!json_text_empty(m->context))
			out_key(o, "context"), out_text(o, m->context);
		out_close(o);
	}
	out_close(o);
}

static void documents(struct writer *w)
{
	bool any = false, citations = false, said = false;
	struct json_out *o = w->o;

	if (!w->documents)
		return;
	for (const struct chat_message *m = w->r->messages; m != NULL; m = m->next)
		for (const struct chat_part *p = m->parts; p != NULL; p = p->next) {
			struct json_text text;

			if (p->kind != PART_DOCUMENT)
				continue;
			text = chat_media_text(&p->u.media, w->o->a);
			if (json_text_empty(text))
				continue; /* named where the message is written */
			if (!any)
				out_key(o, "documents"), out_array(o);
			any = true;
			citations |= p->u.media.citations;
			document_out(w, &p->u.media, text);
		}
	if (!any)
		return;
	out_close(o);
	for (const struct chat_extra *x = w->r->extras; x != NULL; x = x->next)
		said |= w->own && slice_eq(x->key, LIT("citation_options"));
	if (!citations && !said && param(w, "citation_options")) {
		out_object(o);
		out_key(o, "mode"), out_lit(o, "OFF");
		out_close(o);
	}
}

/* ---- content ---- */

static void text_part(struct writer *w, struct json_text text,
		      const struct chat_opaque *signature)
{
	struct json_out *o = w->o;

	out_object(o);
	out_key(o, "type"), out_lit(o, "text");
	out_key(o, "text"), out_text(o, text);
	if (signature != NULL && opaque_for(signature, w->t->provider, w->own))
		out_key(o, "signature"), out_text(o, signature->data);
	out_close(o);
}

static void image(struct writer *w, const struct chat_media *m)
{
	struct json_out *o = w->o;

	out_object(o);
	out_key(o, "type"), out_lit(o, "image_url");
	out_key(o, "image_url"), out_object(o);
	out_key(o, "url"), chat_media_url_out(o, m);
	if (!json_text_empty(m->detail))
		out_key(o, "detail"), out_text(o, m->detail);
	out_close(o);
	out_close(o);
}

static const char *media_name(enum part_kind kind)
{
	return kind == PART_IMAGE      ? "image"
	       : kind == PART_AUDIO    ? "audio"
	       : kind == PART_DOCUMENT ? "document"
	       : kind == PART_VIDEO    ? "video"
				       : "part";
}

static bool is_text(const struct chat_part *p)
{
	return p->kind == PART_TEXT || p->kind == PART_REFUSAL;
}

/* A part of a user's or a system's message, in an array of parts. */
static void user_part(struct writer *w, const struct chat_part *p, size_t i)
{
	struct json_text text;

	if (is_text(p)) {
		text_part(w, p->u.text, NULL);
	} else if (p->kind == PART_IMAGE && p->u.media.source != MEDIA_FILE) {
		image(w, &p->u.media);
	} else if (p->kind == PART_DOCUMENT) {
		text = chat_media_text(&p->u.media, w->o->a);
		if (json_text_empty(text))
			lost_content(w->lost, w->m, i, "document");
		else if (!w->documents)
			text_part(w, text, NULL);
	} else if (p->kind == PART_OTHER && w->own) {
		out_json(w->o, p->u.other.raw);
	} else {
		lost_content(w->lost, w->m, i,
			     p->kind == PART_OTHER ? p->u.other.what : media_name(p->kind));
	}
}

static void user(struct writer *w, const struct chat_message *m)
{
	struct json_out *o = w->o;
	bool system = m->role == ROLE_SYSTEM || m->role == ROLE_DEVELOPER;
	size_t i = 0;

	out_object(o);
	out_key(o, "role"), out_lit(o, system ? "system" : "user");
	out_key(o, "content");
	if (m->parts == NULL) {
		out_lit(o, "");
	} else if (is_text(m->parts) && m->parts->next == NULL) {
		out_text(o, m->parts->u.text);
	} else {
		out_array(o);
		for (const struct chat_part *p = m->parts; p != NULL; p = p->next)
			user_part(w, p, i++);
		out_close(o);
	}
	out_close(o);
}

/* ---- the assistant's ---- */

/* What there is to say of a message of the assistant. */
struct said {
	size_t texts, thoughts, calls, others;
};

static bool thought_goes(const struct writer *w, const struct chat_reasoning *x)
{
	return !json_text_empty(x->text) || opaque_for(&x->encrypted, w->t->provider, w->own) ||
	       opaque_for(&x->signature, w->t->provider, w->own);
}

static struct said look(struct writer *w, const struct chat_message *m)
{
	struct said s = { 0 };
	size_t i = 0;

	for (const struct chat_part *p = m->parts; p != NULL; p = p->next, i++) {
		if (is_text(p))
			s.texts += !json_text_empty(p->u.text);
		else if (p->kind == PART_TOOL_CALL)
			s.calls++;
		else if (p->kind == PART_REASONING && thought_goes(w, &p->u.reasoning))
			s.thoughts++;
		else if (p->kind == PART_REASONING)
			lost_param(w->lost, "reasoning");
		else if (p->kind == PART_OTHER && w->own)
			s.others++;
		else
			lost_content(w->lost, w->m, i,
				     p->kind == PART_OTHER ? p->u.other.what
							   : media_name(p->kind));
	}
	return s;
}

static void thought(struct writer *w, const struct chat_reasoning *x)
{
	struct json_out *o = w->o;

	out_object(o);
	out_key(o, "type"), out_lit(o, "thinking");
	out_key(o, "thinking"), out_text(o, x->text);
	if (opaque_for(&x->signature, w->t->provider, w->own))
		out_key(o, "signature"), out_text(o, x->signature.data);
	if (opaque_for(&x->encrypted, w->t->provider, w->own))
		out_key(o, "encrypted"), out_text(o, x->encrypted.data);
	out_close(o);
}

/* Beside calls the text is their plan. */
static void plan(struct writer *w, const struct chat_message *m)
{
	struct json_out *o = w->o;
	bool first = true;

	out_key(o, "tool_plan"), out_text_open(o);
	for (const struct chat_part *p = m->parts; p != NULL; p = p->next) {
		if (!is_text(p) || json_text_empty(p->u.text))
			continue;
		if (!first)
			out_text_part(o, JTEXT("\\n"));
		first = false;
		out_text_part(o, p->u.text);
	}
	out_text_close(o);
}

static void assistant_content(struct writer *w, const struct chat_message *m,
			      const struct said *s)
{
	bool texts = s->calls == 0;
	struct json_out *o = w->o;

	out_key(o, "content");
	if (s->thoughts + s->others == 0 && s->texts == 1) {
		for (const struct chat_part *p = m->parts; p != NULL; p = p->next)
			if (is_text(p) && !json_text_empty(p->u.text))
				out_text(o, p->u.text);
		return;
	}
	out_array(o);
	for (const struct chat_part *p = m->parts; p != NULL; p = p->next) {
		if (p->kind == PART_REASONING && thought_goes(w, &p->u.reasoning))
			thought(w, &p->u.reasoning);
		else if (is_text(p) && texts && !json_text_empty(p->u.text))
			text_part(w, p->u.text, &p->signature);
		else if (p->kind == PART_OTHER && w->own)
			out_json(o, p->u.other.raw);
	}
	out_close(o);
}

/* The input of a free-form tool, as the one argument of a function. */
static void custom_args(struct json_out *o, struct slice input)
{
	out_text_open(o);
	out_text_part(o, JTEXT("{\\\"input\\\":\\\""));
	out_str_part(o, json_text_encode(input, o->a).s);
	out_text_part(o, JTEXT("\\\"}"));
	out_text_close(o);
}

static void call(struct writer *w, const struct chat_part *p)
{
	const struct chat_call *c = &p->u.call;
	struct json_out *o = w->o;

	out_object(o);
	out_key(o, "id"), out_text(o, c->id);
	out_key(o, "type"), out_lit(o, "function");
	out_key(o, "function"), out_object(o);
	out_key(o, "name"), out_text(o, c->name);
	out_key(o, "arguments");
	if (c->custom)
		custom_args(o, c->args);
	else
		out_str(o, slice_trim(c->args).n == 0 ? LIT("{}") : c->args);
	out_close(o);
	if (opaque_for(&p->signature, w->t->provider, w->own))
		out_key(o, "signature"), out_text(o, p->signature.data);
	out_close(o);
}

static void assistant(struct writer *w, const struct chat_message *m)
{
	struct said s = look(w, m);
	struct json_out *o = w->o;

	if (s.texts + s.thoughts + s.calls + s.others == 0)
		return; /* it takes no message that is empty */
	out_object(o);
	out_key(o, "role"), out_lit(o, "assistant");
	if (s.calls > 0 && s.texts > 0)
		plan(w, m);
	if (s.thoughts + s.others > 0 || s.calls == 0)
		assistant_content(w, m, &s);
	if (s.calls > 0) {
		out_key(o, "tool_calls"), out_array(o);
		for (const struct chat_part *p = m->parts; p != NULL; p = p->next)
			if (p->kind == PART_TOOL_CALL)
				call(w, p);
		out_close(o);
	}
	out_close(o);
}

/* ---- tools' results ---- */

static void result_part(struct writer *w, const struct chat_part *p, size_t i)
{
	struct json_out *o = w->o;
	struct json_text text;

	if (is_text(p)) {
		text_part(w, p->u.text, NULL);
	} else if (p->kind == PART_OTHER) { /* JSON */
		out_object(o);
		out_key(o, "type"), out_lit(o, "text");
		out_key(o, "text"), out_str(o, p->u.other.raw);
		out_close(o);
	} else if (p->kind == PART_DOCUMENT &&
		   !json_text_empty(text = chat_media_text(&p->u.media, w->o->a))) {
		out_object(o);
		out_key(o, "type"), out_lit(o, "document");
		out_key(o, "document"), document_out(w, &p->u.media, text);
		out_close(o);
	} else {
		lost_content(w->lost, w->m, i, "media in a tool's result");
	}
}

static void results(struct writer *w, const struct chat_message *m)
{
	struct json_out *o = w->o;
	size_t i = 0;

	for (const struct chat_part *p = m->parts; p != NULL; p = p->next, i++) {
		const struct chat_part *first = p->u.result.parts;

		if (p->kind != PART_TOOL_RESULT)
			continue;
		if (p->u.result.is_error) /* its text says so too, or should */
			lost_param(w->lost, "is_error");
		out_object(o);
		out_key(o, "role"), out_lit(o, "tool");
		out_key(o, "tool_call_id"), out_text(o, p->u.result.call_id);
		out_key(o, "content");
		if (first == NULL) {
			out_lit(o, "");
		} else if (first->next == NULL && first->kind == PART_TEXT) {
			out_text(o, first->u.text);
		} else if (first->next == NULL && first->kind == PART_OTHER) {
			out_str(o, first->u.other.raw);
		} else {
			out_array(o);
			for (; first != NULL; first = first->next)
				result_part(w, first, i);
			out_close(o);
		}
		out_close(o);
	}
}

static void messages(struct writer *w)
{
	out_key(w->o, "messages"), out_array(w->o);
	w->m = 0;
	for (const struct chat_message *m = w->r->messages; m != NULL; m = m->next, w->m++) {
		if (!json_text_empty(m->name))
			lost_param(w->lost, "name");
		if (m->role == ROLE_ASSISTANT)
			assistant(w, m);
		else if (m->role == ROLE_TOOL)
			results(w, m);
		else
			user(w, m);
	}
	out_close(w->o);
}

/* ---- tools ---- */

/* A choice of some tools is those tools. */
static bool chosen(const struct chat_request *r, const struct chat_tool *t)
{
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
	bool strict = false, any = false, wanted;
	struct json_out *o = w->o;
	size_t i = 0;

	for (const struct chat_tool *t = w->r->tools; t != NULL; t = t->next, i++) {
		bool goes = t->kind == TOOL_FUNCTION || (t->kind == TOOL_HOSTED && w->own);

		if (!goes)
			lost_tool(w->lost, i,
				  t->kind == TOOL_CUSTOM ? JTEXT("custom") : t->type);
		if (!goes || !chosen(w->r, t))
			continue;
		if (!any)
			out_key(o, "tools"), out_array(o);
		any = true;
		strict |= t->strict == YES;
		if (t->kind == TOOL_HOSTED)
			out_json(o, t->raw);
		else
			tool(w, t);
	}
	if (!any)
		return;
	out_close(o);
	if (strict && param(w, "strict_tools"))
		out_bool(o, true);
	wanted = w->r->choice.kind == CHOICE_REQUIRED || w->r->choice.kind == CHOICE_NAMED ||
		 (w->r->choice.kind == CHOICE_ALLOWED && w->r->choice.allowed_required);
	if (wanted && param(w, "tool_choice"))
		out_lit(o, "REQUIRED");
	if (w->r->choice.kind == CHOICE_NONE && param(w, "tool_choice"))
		out_lit(o, "NONE");
}

/* ---- parameters ---- */

/* A number with a lower and an upper end: the nearest of them, named as lost, when over. */
static void clamped(struct writer *w, const char *name, const char *theirs, struct slice v,
		    const char *low, const char *high)
{
	double x, lo, hi;

	if (v.n == 0)
		return;
	if (!json_double(v, &x) || !json_double(slice_cstr(low), &lo) ||
	    !json_double(slice_cstr(high), &hi))
		return;
	if (!target_param(w->t, name, w->lost))
		return;
	out_key(w->o, name);
	if (x >= lo && x <= hi) {
		out_json(w->o, v);
		return;
	}
	/* 1 is everybody's word for "all of it", and 0.99 as near as it gets */
	if (x > 1 || x < 0)
		lost_param(w->lost, theirs);
	out_json(w->o, slice_cstr(x < lo ? low : high));
}

static void sampling(struct writer *w)
{
	const struct chat_request *r = w->r;

	if (w->t->no_sampling) {
		if (r->temperature.n > 0)
			lost_param(w->lost, "temperature");
		if (r->top_p.n > 0)
			lost_param(w->lost, w->own ? "p" : "top_p");
		if (r->top_k.n > 0)
			lost_param(w->lost, w->own ? "k" : "top_k");
	} else {
		clamped(w, "temperature", "temperature", r->temperature, "0", "1");
		clamped(w, "p", "top_p", r->top_p, "0.01", "0.99");
		clamped(w, "k", "top_k", r->top_k, "0", "500");
	}
	clamped(w, "frequency_penalty", "frequency_penalty", r->frequency_penalty, "0", "1");
	clamped(w, "presence_penalty", "presence_penalty", r->presence_penalty, "0", "1");
	if (r->seed.n > 0 && param(w, "seed"))
		out_json(w->o, r->seed);
}

static void thinking(struct writer *w)
{
	const struct chat_thinking *x = &w->r->thinking;
	uint64_t budget = x->budget > 0 ? x->budget : effort_budget(x->effort);
	struct json_out *o = w->o;

	if (x->effort == EFFORT_UNSET && x->budget == 0 && !x->automatic)
		return;
	if (!param(w, "thinking"))
		return;
	out_object(o);
	out_key(o, "type"), out_lit(o, x->effort == EFFORT_NONE ? "disabled" : "enabled");
	/* An effort's budget is our guess, and must leave room for an answer. */
	if (budget > 0 && (x->budget > 0 || w->r->max_tokens == 0 || budget < w->r->max_tokens))
		out_key(o, "token_budget"), out_u64(o, budget);
	out_close(o);
}

static void format(struct writer *w)
{
	const struct chat_format *f = &w->r->format;
	struct json_out *o = w->o;

	if (f->kind == FORMAT_UNSET || (f->kind == FORMAT_TEXT && !w->own))
		return;
	if (f->kind != FORMAT_TEXT && w->r->tools != NULL && !w->own) {
		lost_param(w->lost, "response_format"); /* it refuses both together */
		return;
	}
	if (!param(w, "response_format"))
		return;
	out_object(o);
	out_key(o, "type"), out_lit(o, f->kind == FORMAT_TEXT ? "text" : "json_object");
	if (f->kind == FORMAT_SCHEMA && f->schema.n > 0)
		out_key(o, "json_schema"), out_json(o, f->schema);
	out_close(o);
}

static void parameters(struct writer *w)
{
	const struct chat_request *r = w->r;
	struct json_out *o = w->o;

	if (r->max_tokens > 0 && param(w, "max_tokens"))
		out_u64(o, r->max_tokens);
	if (r->stop != NULL && param(w, "stop_sequences")) {
		out_array(o);
		for (const struct chat_name *n = r->stop; n != NULL; n = n->next)
			out_text(o, n->name);
		out_close(o);
	}
	sampling(w);
	if (r->logprobs != UNSET && param(w, "logprobs"))
		out_bool(o, r->logprobs == YES);
	thinking(w);
	format(w);
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
static void unsaid(struct writer *w)
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
		{ r->top_logprobs > 0, "top_logprobs" },
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
}

static void extras(struct writer *w)
{
	if (!w->own) {
		lost_extras(w->lost, w->r);
		return;
	}
	for (const struct chat_extra *x = w->r->extras; x != NULL; x = x->next) {
		if (!target_takes(w->t, x->key)) {
			lost_key(w->lost, x->key);
			continue;
		}
		out_key_text(w->o, (struct json_text){ x->key });
		out_json(w->o, x->value);
	}
}

enum rc cohere_request_write(const struct chat_request *r, const struct chat_target *t,
			     struct json_out *out, struct chat_lost *lost,
			     struct chat_refusal *why)
{
	struct writer w = {
		.r = r, .t = t, .o = out, .lost = lost, .own = r->dialect == &dialect_cohere
	};

	if (r->wants != CHAT_ANSWER)
		return refuse_request(why, "unsupported_value", NULL,
				      "Cohere does not count the tokens of a conversation.");
	/* Documents and JSON together it refuses. */
	w.documents = w.own || r->format.kind == FORMAT_UNSET || r->format.kind == FORMAT_TEXT;
	out_object(out);
	out_key(out, "model"), out_str(out, t->model);
	out_key(out, "stream"), out_bool(out, r->stream);
	messages(&w);
	documents(&w);
	tools(&w);
	parameters(&w);
	unsaid(&w);
	extras(&w);
	out_close(out);
	return out_ok(out) ? OK : E_NOMEM;
}
