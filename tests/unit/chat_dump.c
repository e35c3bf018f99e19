#include "chat_dump.h"

static const char *const roles[] = { "system", "developer", "user", "assistant", "tool" };
static const char *const tris[] = { "", "yes", "no" };

static void word(struct sb *b, const char *name, struct slice value)
{
	if (value.n > 0)
		sb_fmt(b, " %s=%.*s", name, SARG(value));
}

static void number(struct sb *b, const char *name, uint64_t value)
{
	if (value != 0)
		sb_fmt(b, " %s=%" PRIu64, name, value);
}

static void tri(struct sb *b, const char *name, enum tri value)
{
	if (value != UNSET)
		sb_fmt(b, " %s=%s", name, tris[value]);
}

static void opaque(struct sb *b, const char *name, const struct chat_opaque *o)
{
	if (!json_text_empty(o->data))
		sb_fmt(b, " %s=%.*s%s%.*s", name, SARG(o->data.s), o->issuer.n > 0 ? "@" : "",
		       SARG(o->issuer));
}

static void media(struct sb *b, const struct chat_media *m)
{
	static const char *const sources[] = { "inline", "url", "file", "text" };

	sb_fmt(b, " %s", sources[m->source]);
	word(b, "mime", m->mime);
	word(b, "data", m->data);
	word(b, "url", m->url.s);
	word(b, "name", m->name.s);
	word(b, "detail", m->detail.s);
	word(b, "title", m->title.s);
	word(b, "context", m->context.s);
	if (m->citations)
		sb_lit(b, " citations");
}

static void parts(struct sb *b, const struct chat_part *p, const char *indent)
{
	static const char *const kinds[] = {
		"text", "image",  "audio",     "document", "video",
		"call", "result", "reasoning", "refusal",  "other"
	};

	for (; p != NULL; p = p->next) {
		sb_fmt(b, "%s%s", indent, kinds[p->kind]);
		switch (p->kind) {
		case PART_TEXT:
		case PART_REFUSAL:
			sb_fmt(b, " \"%.*s\"", SARG(p->u.text.s));
			break;
		case PART_IMAGE:
		case PART_AUDIO:
		case PART_DOCUMENT:
		case PART_VIDEO:
			media(b, &p->u.media);
			break;
		case PART_TOOL_CALL:
			sb_fmt(b, " %.*s %.*s %.*s", SARG(p->u.call.id.s),
			       SARG(p->u.call.name.s), SARG(p->u.call.args));
			if (p->u.call.custom)
				sb_lit(b, " custom");
			else if (!p->u.call.args_ok)
				sb_lit(b, " bad");
			break;
		case PART_TOOL_RESULT:
			sb_fmt(b, " %.*s", SARG(p->u.result.call_id.s));
			word(b, "name", p->u.result.name.s);
			if (p->u.result.is_error)
				sb_lit(b, " error");
			break;
		case PART_REASONING:
			sb_fmt(b, " \"%.*s\"", SARG(p->u.reasoning.text.s));
			word(b, "id", p->u.reasoning.id.s);
			opaque(b, "signature", &p->u.reasoning.signature);
			opaque(b, "encrypted", &p->u.reasoning.encrypted);
			if (p->u.reasoning.summary)
				sb_lit(b, " summary");
			break;
		case PART_OTHER:
			sb_fmt(b, " (%s) %.*s", p->u.other.what, SARG(p->u.other.raw));
			break;
		}
		opaque(b, "signed", &p->signature);
		number(b, "cache", p->cache);
		sb_char(b, '\n');
		if (p->kind == PART_TOOL_RESULT)
			parts(b, p->u.result.parts, "    ");
	}
}

static void tools(struct sb *b, const struct chat_tool *t)
{
	static const char *const kinds[] = { "function", "custom", "hosted" };

	for (; t != NULL; t = t->next) {
		sb_fmt(b, "tool %s", kinds[t->kind]);
		word(b, "name", t->name.s);
		word(b, "description", t->description.s);
		word(b, "schema", t->schema);
		word(b, "format", t->format);
		word(b, "type", t->type.s);
		tri(b, "strict", t->strict);
		number(b, "cache", t->cache);
		sb_char(b, '\n');
	}
}

static void names(struct sb *b, const char *what, const struct chat_name *n)
{
	for (; n != NULL; n = n->next)
		sb_fmt(b, " %s=%.*s", what, SARG(n->name.s));
}

static void choice(struct sb *b, const struct chat_choice *c)
{
	static const char *const kinds[] = {
		"", "auto", "none", "required", "named", "allowed"
	};

	if (c->kind == CHOICE_UNSET)
		return;
	sb_fmt(b, "choice %s", kinds[c->kind]);
	names(b, "tool", c->names);
	if (c->allowed_required)
		sb_lit(b, " required");
	sb_char(b, '\n');
}

static void format(struct sb *b, const struct chat_format *f)
{
	static const char *const kinds[] = { "", "text", "json", "schema" };

	if (f->kind == FORMAT_UNSET)
		return;
	sb_fmt(b, "format %s", kinds[f->kind]);
	word(b, "name", f->name.s);
	word(b, "description", f->description.s);
	word(b, "schema", f->schema);
	tri(b, "strict", f->strict);
	sb_char(b, '\n');
}

static void thinking(struct sb *b, const struct chat_thinking *t)
{
	if (t->effort != EFFORT_UNSET)
		sb_fmt(b, " effort=%s", effort_name(t->effort));
	number(b, "budget", t->budget);
	if (t->automatic)
		sb_lit(b, " automatic");
	tri(b, "visible", t->visible);
	word(b, "summary", t->summary.s);
	tri(b, "encrypted", t->encrypted);
}

static void parameters(struct sb *b, const struct chat_request *r)
{
	sb_lit(b, "with");
	word(b, "model", r->model);
	if (r->stream)
		sb_lit(b, r->wants_usage ? " stream usage" : " stream");
	number(b, "max", r->max_tokens);
	word(b, "temperature", r->temperature);
	word(b, "top_p", r->top_p);
	word(b, "top_k", r->top_k);
	word(b, "frequency", r->frequency_penalty);
	word(b, "presence", r->presence_penalty);
	word(b, "seed", r->seed);
	number(b, "n", r->n);
	names(b, "stop", r->stop);
	tri(b, "logprobs", r->logprobs);
	number(b, "top_logprobs", r->top_logprobs);
	tri(b, "parallel", r->parallel_tools);
	thinking(b, &r->thinking);
	word(b, "user", r->user.s);
	word(b, "metadata", r->metadata);
	word(b, "cache_key", r->cache_key.s);
	word(b, "tier", r->service_tier.s);
	word(b, "verbosity", r->verbosity.s);
	tri(b, "store", r->store);
	word(b, "audio", r->audio);
	if (r->wants_audio)
		sb_lit(b, " wants_audio");
	if (r->wants_images)
		sb_lit(b, " wants_images");
	sb_char(b, '\n');
	for (const struct chat_extra *x = r->extras; x != NULL; x = x->next)
		sb_fmt(b, "extra %.*s %.*s\n", SARG(x->key), SARG(x->value));
}

void dump_request(struct sb *b, const struct chat_request *r)
{
	for (const struct chat_message *m = r->messages; m != NULL; m = m->next) {
		sb_lit(b, roles[m->role]);
		word(b, "name", m->name.s);
		sb_char(b, '\n');
		parts(b, m->parts, "  ");
	}
	tools(b, r->tools);
	choice(b, &r->choice);
	format(b, &r->format);
	parameters(b, r);
}

/* ---- events --------------------------------------------------------------------------------
 */

static void usage(struct sb *b, const struct usage *u)
{
	number(b, "input", u->input);
	number(b, "cache_read", u->cache_read);
	number(b, "cache_write", u->cache_write);
	number(b, "cache_write_1h", u->cache_write_1h);
	number(b, "audio_in", u->audio_in);
	number(b, "output", u->output);
	number(b, "reasoning", u->reasoning);
	number(b, "audio_out", u->audio_out);
	number(b, "searches", u->searches);
	if (!u->known)
		sb_lit(b, " unknown");
	if (u->odd)
		sb_lit(b, " odd");
}

static void annotation(struct sb *b, const struct chat_annotation *a)
{
	word(b, "url", a->url.s);
	word(b, "title", a->title.s);
	word(b, "cited", a->cited.s);
	sb_fmt(b, " %" PRIu64 "-%" PRIu64, a->start, a->end);
}

void dump_events(struct sb *b, const struct chat_events *ev)
{
	static const char *const kinds[] = { "start",   "text",  "reasoning",  "signature",
					     "refusal", "begin", "args",       "end",
					     "audio",   "image", "annotation", "logprobs",
					     "other",   "usage", "finish",     "END",
					     "error",   "ping" };
	static const char *const finishes[] = { "stop",    "sequence", "length",
						"context", "tools",    "filter",
						"refusal", "pause",    "broken" };

	for (size_t i = 0; i < ev->n; i++) {
		const struct chat_event *e = &ev->v[i];
		const bool tool = e->kind == EV_TOOL_BEGIN || e->kind == EV_TOOL_ARGS ||
				  e->kind == EV_TOOL_END;

		sb_lit(b, kinds[e->kind]);
		number(b, "choice", e->choice);
		if (tool)
			sb_fmt(b, " %u", e->index);
		if (e->kind == EV_FINISH)
			sb_fmt(b, " %s", finishes[e->finish]);
		if (e->kind == EV_ERROR)
			sb_fmt(b, " %s %u %.*s", fault_row(e->u.fault.kind)->name,
			       e->u.fault.status, SARG(e->u.fault.message));
		word(b, "id", e->id.s);
		word(b, "name", e->name.s);
		if (!json_text_empty(e->text))
			sb_fmt(b, " \"%.*s\"", SARG(e->text.s));
		word(b, "signature", e->signature.s);
		word(b, "raw", e->raw);
		if (e->custom)
			sb_lit(b, " custom");
		if (e->summary)
			sb_lit(b, " summary");
		if (e->encrypted)
			sb_lit(b, " encrypted");
		if (e->kind == EV_USAGE)
			usage(b, &e->u.usage);
		if (e->kind == EV_ANNOTATION)
			annotation(b, &e->u.annotation);
		sb_char(b, '\n');
	}
}
