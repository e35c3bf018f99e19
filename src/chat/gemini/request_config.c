#include "chat/gemini/writer.h"

/* ---- what the provider does not take --------------------------------------------------- */

/* Whether a parameter may be written; if it was asked for and may not, it is lost. */
static bool takes(struct gemini_write *w, const char *name, const char *theirs, bool asked)
{
	if (asked && !target_takes(w->t, slice_cstr(name))) {
		lost_param(w->lost, theirs);
		return false;
	}
	return asked;
}

void gemini_extras_write(struct gemini_write *w, const char *prefix)
{
	const struct slice before = slice_cstr(prefix);

	for (const struct chat_extra *x = w->own ? w->r->extras : NULL; x != NULL;
	     x = x->next) {
		struct slice key = slice_skip(x->key, before.n);

		if (!slice_starts(x->key, before) ||
		    (before.n == 0 && (slice_starts(x->key, LIT(GENERATION)) ||
				       slice_starts(x->key, LIT(TOOL_CONFIG)))))
			continue;
		out_key_text(w->o, (struct json_text){ key });
		out_json(w->o, x->value);
	}
}

/* ---- generationConfig ------------------------------------------------------------------ */

static void number(struct gemini_write *w, const char *name, const char *theirs, struct slice v)
{
	if (!takes(w, name, theirs, v.n > 0))
		return;
	out_key(w->o, name);
	out_json(w->o, v);
}

static void count(struct gemini_write *w, const char *name, const char *theirs, uint64_t v)
{
	if (!takes(w, name, theirs, v > 0))
		return;
	out_key(w->o, name);
	out_u64(w->o, v);
}

static void sampling(struct gemini_write *w)
{
	const struct chat_request *r = w->r;
	const bool no = w->t->no_sampling;
	const struct slice none = { NULL, 0 };

	if (no && r->temperature.n > 0)
		lost_param(w->lost, "temperature");
	if (no && r->top_p.n > 0)
		lost_param(w->lost, "top_p");
	if (no && r->top_k.n > 0)
		lost_param(w->lost, "top_k");
	number(w, "temperature", "temperature", no ? none : r->temperature);
	number(w, "topP", "top_p", no ? none : r->top_p);
	number(w, "topK", "top_k", no ? none : r->top_k);
	number(w, "presencePenalty", "presence_penalty", r->presence_penalty);
	number(w, "frequencyPenalty", "frequency_penalty", r->frequency_penalty);
	number(w, "seed", "seed", r->seed);
	count(w, "candidateCount", "n", r->n > 1 || w->own ? r->n : 0);
	/* More than the model can say is an error there, and means as much as it can. */
	count(w, "maxOutputTokens", "max_tokens",
	      w->t->max_output > 0 && r->max_tokens > w->t->max_output ? w->t->max_output
								       : r->max_tokens);
	if (takes(w, "responseLogprobs", "logprobs", r->logprobs == YES)) {
		out_key(w->o, "responseLogprobs"), out_bool(w->o, true);
		count(w, "logprobs", "top_logprobs",
		      r->top_logprobs < GEMINI_LOGPROBS_MAX ? r->top_logprobs
							    : GEMINI_LOGPROBS_MAX);
	}
}

static void stops(struct gemini_write *w)
{
	if (!takes(w, "stopSequences", "stop", w->r->stop != NULL))
		return;
	out_key(w->o, "stopSequences");
	out_array(w->o);
	for (const struct chat_name *n = w->r->stop; n != NULL; n = n->next)
		out_text(w->o, n->name);
	out_close(w->o);
}

static void format(struct gemini_write *w)
{
	const struct chat_format *f = &w->r->format;

	if (f->kind != FORMAT_JSON && f->kind != FORMAT_SCHEMA)
		return;
	out_key(w->o, "responseMimeType"), out_lit(w->o, "application/json");
	if (f->kind == FORMAT_SCHEMA && f->schema.n > 0)
		out_key(w->o, "responseJsonSchema"), out_json(w->o, f->schema);
}

static void modalities(struct gemini_write *w)
{
	const struct chat_request *r = w->r;
	struct json_text voice;
	struct fields f;

	if (!r->wants_audio && !r->wants_images)
		return;
	out_key(w->o, "responseModalities");
	out_array(w->o);
	if (r->wants_images)
		out_lit(w->o, "TEXT"), out_lit(w->o, "IMAGE");
	if (r->wants_audio) /* models that speak say nothing else */
		out_lit(w->o, "AUDIO");
	out_close(w->o);
	if (r->audio.n == 0 || !fields_read(&f, r->audio, w->o->a))
		return;
	if (!field_is(&f, "format", "pcm16"))
		lost_param(w->lost, "audio.format");
	voice = field_text(&f, "voice");
	if (json_text_empty(voice))
		return;
	out_key(w->o, "speechConfig"), out_object(w->o);
	out_key(w->o, "voiceConfig"), out_object(w->o);
	out_key(w->o, "prebuiltVoiceConfig"), out_object(w->o);
	out_key(w->o, "voiceName"), out_text(w->o, voice);
	out_close(w->o), out_close(w->o), out_close(w->o);
}

/* ---- thinking -------------------------------------------------------------------------- */

/* Google's own figures for 2.5, in its page of OpenAI compatibility. */
static uint64_t budget_of(enum effort e)
{
	switch (e) {
	case EFFORT_UNSET:
	case EFFORT_NONE:
		return 0;
	case EFFORT_MINIMAL:
	case EFFORT_LOW:
		return 1024;
	case EFFORT_MEDIUM:
		return 8192;
	case EFFORT_HIGH:
	case EFFORT_XHIGH:
	case EFFORT_MAX:
		return 24576;
	}
	return 0;
}

/* 2.5: a number of tokens, within what the model takes. */
static void thinking_budget(struct gemini_write *w)
{
	const struct chat_thinking *t = &w->r->thinking;
	const uint64_t least = w->model.pro ? 128 : w->model.lite ? 512 : 1;
	const uint64_t most = w->model.pro ? 32768 : 24576;
	uint64_t budget = t->budget > 0 ? t->budget : budget_of(t->effort);
	bool off = budget == 0;

	if (t->effort == EFFORT_UNSET && t->budget == 0 && !t->automatic)
		return;
	out_key(w->o, "thinkingBudget");
	if (t->automatic && t->budget == 0) {
		out_json(w->o, LIT("-1"));
		return;
	}
	if (off && w->model.pro) /* it cannot be switched off */
		lost_param(w->lost, "reasoning_effort");
	if (!off || w->model.pro)
		budget = budget < least ? least : budget > most ? most : budget;
	out_u64(w->o, budget);
}

/* 3 and later: a level. */
static void thinking_level(struct gemini_write *w)
{
	const struct chat_thinking *t = &w->r->thinking;
	const struct gemini_model *m = &w->model;
	/* Only some can think hardly at all; nobody not at all. */
	const bool minimal = !m->pro && !(m->major > 3 || m->minor >= 7);
	enum effort e = t->effort;

	if (t->budget > 0 && w->own) { /* in its own words */
		out_key(w->o, "thinkingBudget"), out_u64(w->o, t->budget);
		return;
	}
	if (t->budget > 0)
		e = effort_of_budget(t->budget);
	if (e == EFFORT_UNSET)
		return;
	if (e == EFFORT_NONE)
		lost_param(w->lost, "reasoning_effort");
	out_key(w->o, "thinkingLevel");
	if (e <= EFFORT_MINIMAL && minimal)
		out_lit(w->o, "MINIMAL");
	else if (e <= EFFORT_LOW)
		out_lit(w->o, "LOW");
	else
		out_lit(w->o, e == EFFORT_MEDIUM ? "MEDIUM" : "HIGH");
}

static void thinking(struct gemini_write *w)
{
	const struct chat_thinking *t = &w->r->thinking;
	const enum tri visible = thinking_shown(w->r, &dialect_gemini);
	const struct gemini_model *m = &w->model;

	if (t->effort == EFFORT_UNSET && t->budget == 0 && !t->automatic && t->visible == UNSET)
		return;
	if (m->gemma || m->major < 2 || (m->major == 2 && m->minor < 5)) {
		if (t->effort > EFFORT_NONE || t->budget > 0)
			lost_param(w->lost, "reasoning_effort");
		return;
	}
	out_key(w->o, "thinkingConfig");
	out_object(w->o);
	if (visible != UNSET)
		out_key(w->o, "includeThoughts"), out_bool(w->o, visible == YES);
	if (m->major == 2)
		thinking_budget(w);
	else
		thinking_level(w);
	out_close(w->o);
}

void gemini_config_write(struct gemini_write *w)
{
	out_key(w->o, "generationConfig");
	out_object(w->o);
	sampling(w);
	stops(w);
	format(w);
	modalities(w);
	thinking(w);
	gemini_extras_write(w, GENERATION);
	out_close(w->o);
}
