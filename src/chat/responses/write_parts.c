/* What a request says and an answer repeats. */
#include "chat/responses/responses.h"

enum { TOOLS_LOOKED_AT = 128 }; /* more are not taken by the API */

/* "object.member" among the extras: members of objects that we write ourselves. */
static void write_rest(struct json_out *o, const struct chat_request *r, struct slice object)
{
	if (!is_own(r))
		return;
	for (const struct chat_extra *x = r->extras; x != NULL; x = x->next) {
		if (!slice_starts(x->key, object))
			continue;
		out_key_text(o, (struct json_text){ slice_skip(x->key, object.n) });
		out_json_line(o, x->value);
	}
}

/* ---- tools ------------------------------------------------------------------------------- */

static void write_function(struct json_out *o, const struct chat_tool *t, bool own)
{
	out_key(o, "parameters");
	out_json_line(o, t->schema.n > 0 ? t->schema
					 : LIT("{\"type\":\"object\",\"properties\":{}}"));
	/* Here functions are strict when nothing is said; nowhere else are they. */
	if (t->strict == UNSET && own)
		return;
	out_key(o, "strict");
	out_bool(o, t->strict == YES);
}

/* Without the object that chat completions have around a grammar. */
static void write_format_of(struct json_out *o, struct slice format)
{
	struct fields f, grammar;
	struct slice inner;

	out_key(o, "format");
	if (!fields_read(&f, format, o->a)) {
		out_json_line(o, format);
		return;
	}
	inner = field_object(&f, "grammar");
	if (inner.n == 0 || !fields_read(&grammar, inner, o->a) || grammar.n == 0) {
		out_json_line(o, format);
		return;
	}
	out_object(o);
	out_key(o, "type"), out_lit(o, "grammar");
	for (size_t i = 0; i < grammar.n; i++) {
		if (json_text_is((struct json_text){ grammar.m[i].key }, LIT("type")))
			continue;
		out_key_text(o, (struct json_text){ grammar.m[i].key });
		out_json_line(o, grammar.m[i].value);
	}
	out_close(o);
}

static void write_tool(struct json_out *o, const struct chat_tool *t, bool own)
{
	bool custom = t->kind == TOOL_CUSTOM;

	out_object(o);
	out_key(o, "type"), out_lit(o, custom ? "custom" : "function");
	out_key(o, "name"), out_text(o, t->name);
	if (!json_text_empty(t->description)) {
		out_key(o, "description");
		out_text(o, t->description);
	}
	if (!custom)
		write_function(o, t, own);
	else if (t->format.n > 0)
		write_format_of(o, t->format);
	out_close(o);
}

void write_tools(struct json_out *o, const struct chat_request *r, struct chat_lost *lost)
{
	size_t i = 0;

	out_array(o);
	for (const struct chat_tool *t = r->tools; t != NULL; t = t->next, i++) {
		if (t->kind != TOOL_HOSTED)
			write_tool(o, t, is_own(r));
		else if (is_own(r))
			out_json_line(o, t->raw);
		else if (lost != NULL)
			lost_tool(lost, i, t->type);
	}
	out_close(o);
}

static bool is_custom(const struct chat_request *r, struct json_text name)
{
	unsigned n = 0;

	for (const struct chat_tool *t = r->tools; t != NULL && n < TOOLS_LOOKED_AT;
	     t = t->next, n++)
		if (t->kind == TOOL_CUSTOM && slice_eq(t->name.s, name.s))
			return true;
	return false;
}

static void write_named(struct json_out *o, const struct chat_request *r, struct json_text name)
{
	out_object(o);
	out_key(o, "type"), out_lit(o, is_custom(r, name) ? "custom" : "function");
	out_key(o, "name"), out_text(o, name);
	out_close(o);
}

void write_choice(struct json_out *o, const struct chat_request *r)
{
	const struct chat_choice *c = &r->choice;

	switch (c->kind) {
	case CHOICE_NONE:
		out_lit(o, "none");
		return;
	case CHOICE_REQUIRED:
		out_lit(o, "required");
		return;
	case CHOICE_NAMED:
		if (c->names != NULL) {
			write_named(o, r, c->names->name);
			return;
		}
		break;
	case CHOICE_ALLOWED:
		out_object(o);
		out_key(o, "type"), out_lit(o, "allowed_tools");
		out_key(o, "mode"), out_lit(o, c->allowed_required ? "required" : "auto");
		out_key(o, "tools"), out_array(o);
		for (const struct chat_name *n = c->names; n != NULL; n = n->next)
			write_named(o, r, n->name);
		out_close(o);
		out_close(o);
		return;
	case CHOICE_UNSET:
	case CHOICE_AUTO:
		break;
	}
	out_lit(o, "auto");
}

/* ---- text and reasoning ------------------------------------------------------------------ */

static void write_schema(struct json_out *o, const struct chat_format *f)
{
	out_key(o, "name");
	if (json_text_empty(f->name))
		out_lit(o, "response");
	else
		out_text(o, f->name);
	if (!json_text_empty(f->description)) {
		out_key(o, "description");
		out_text(o, f->description);
	}
	out_key(o, "schema");
	out_json_line(o, f->schema.n > 0 ? f->schema : LIT("{}"));
	if (f->strict != UNSET) {
		out_key(o, "strict");
		out_bool(o, f->strict == YES);
	}
}

void write_text_config(struct json_out *o, const struct chat_request *r, bool echo)
{
	const struct chat_format *f = &r->format;
	const char *type = f->kind == FORMAT_SCHEMA ? "json_schema"
			   : f->kind == FORMAT_JSON ? "json_object"
						    : "text";

	out_object(o);
	if (echo || f->kind != FORMAT_UNSET) {
		out_key(o, "format"), out_object(o);
		out_key(o, "type"), out_lit(o, type);
		if (f->kind == FORMAT_SCHEMA)
			write_schema(o, f);
		out_close(o);
	}
	if (!json_text_empty(r->verbosity)) {
		out_key(o, "verbosity");
		out_text(o, r->verbosity);
	} else if (echo) {
		out_key(o, "verbosity"), out_lit(o, "medium");
	}
	write_rest(o, r, LIT("text."));
	out_close(o);
}

void write_thinking(struct json_out *o, const struct chat_request *r, bool echo)
{
	const struct chat_thinking *t = &r->thinking;
	enum effort effort = t->effort;

	if (effort == EFFORT_UNSET && t->budget > 0)
		effort = effort_of_budget(t->budget);
	out_object(o);
	if (effort != EFFORT_UNSET) {
		out_key(o, "effort");
		out_lit(o, effort_name(effort));
	} else if (echo) {
		out_key(o, "effort"), out_null(o);
	}
	if (!json_text_empty(t->summary)) {
		out_key(o, "summary");
		out_text(o, t->summary);
	} else if (t->visible == YES) {
		out_key(o, "summary"), out_lit(o, "auto");
	} else if (echo) {
		out_key(o, "summary"), out_null(o);
	}
	write_rest(o, r, LIT("reasoning."));
	out_close(o);
}
