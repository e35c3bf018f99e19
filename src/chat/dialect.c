#include "chat/dialect.h"

#include "base/sb.h"
#include "wire/json_scan.h"

static const struct dialect *const dialects[DIALECTS] = {
	[DIALECT_OPENAI] = &dialect_openai,       [DIALECT_RESPONSES] = &dialect_responses,
	[DIALECT_ANTHROPIC] = &dialect_anthropic, [DIALECT_GEMINI] = &dialect_gemini,
	[DIALECT_BEDROCK] = &dialect_bedrock,     [DIALECT_COHERE] = &dialect_cohere,
	[DIALECT_OLLAMA] = &dialect_ollama,
};

const struct dialect *dialect_of(enum provider_dialect id)
{
	return dialects[id];
}

const struct dialect *dialect_named(struct slice name)
{
	for (size_t i = 0; i < DIALECTS; i++)
		if (slice_eq(slice_cstr(dialects[i]->name), name))
			return dialects[i];
	return NULL;
}

const char *chat_op_name(enum chat_op op)
{
	static const char *const names[CHAT_OPS] = {
		[OP_CHAT] = "chat",
		[OP_COMPLETIONS] = "completions",
		[OP_EMBEDDINGS] = "embeddings",
		[OP_COUNT_TOKENS] = "count_tokens",
	};

	return names[op];
}

/* ---- what was lost --------------------------------------------------------------------- */

static struct sb lost_next(struct chat_lost *l, bool content)
{
	struct sb b = { 0 };

	l->content |= content;
	if (l->n < LOST_MAX) {
		l->v[l->n].content = content;
		sb_init(&b, l->v[l->n].name, sizeof(l->v[0].name) - 1);
	}
	l->n++;
	return b;
}

/* It ends up in a header: nothing from outside but what names are made of. */
static void outside_name(struct sb *b, struct slice name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];
		bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
			     (c >= '0' && c <= '9') || c == '_' || c == '.' || c == '-';

		sb_char(b, plain ? c : '?');
	}
}

void lost_key(struct chat_lost *l, struct slice name)
{
	struct sb b;

	for (size_t i = 0; i < size_min(l->n, LOST_MAX); i++)
		if (slice_eq(slice_cstr(l->v[i].name), name))
			return;
	b = lost_next(l, false);
	if (b.p != NULL)
		outside_name(&b, name);
}

void lost_param(struct chat_lost *l, const char *name)
{
	lost_key(l, slice_cstr(name));
}

bool target_takes(const struct chat_target *t, struct slice member)
{
	for (size_t i = 0; i < t->drop_param_n; i++)
		if (slice_eq(t->drop_params[i], member))
			return false;
	return true;
}

bool target_param(const struct chat_target *t, const char *name, struct chat_lost *l)
{
	if (target_takes(t, slice_cstr(name)))
		return true;
	lost_param(l, name);
	return false;
}

void lost_content(struct chat_lost *l, size_t m, size_t p, const char *what)
{
	struct sb b = lost_next(l, true);

	if (b.p != NULL)
		sb_fmt(&b, "messages[%zu].content[%zu] (%s)", m, p, what);
}

void lost_tool(struct chat_lost *l, size_t i, struct json_text type)
{
	struct sb b = lost_next(l, true);

	if (b.p == NULL)
		return;
	sb_fmt(&b, "tools[%zu] (", i);
	outside_name(&b, type.s);
	sb_char(&b, ')');
}

void lost_extras(struct chat_lost *l, const struct chat_request *r)
{
	for (const struct chat_extra *x = r->extras; x != NULL; x = x->next)
		lost_key(l, x->key);
}

/* ---- for readers of requests ----------------------------------------------------------- */

enum rc refuse_request(struct chat_refusal *why, const char *code, const char *param,
		       const char *fmt, ...)
{
	va_list ap;
	struct sb b;

	why->code = code;
	sb_init(&b, why->param, sizeof(why->param) - 1);
	if (param != NULL)
		sb_lit(&b, param);
	why->param[b.n] = '\0';
	va_start(ap, fmt);
	(void)vsnprintf(why->text, sizeof(why->text), fmt, ap);
	va_end(ap);
	return E_BAD;
}

enum rc request_fields(struct slice body, struct arena *a, struct fields *f,
		       struct chat_refusal *why)
{
	enum json_kind kind = JSON_NULL;
	struct json_problem p = { 0 };
	enum rc rc = fields_scan(f, body, a, &kind, &p);

	if (rc == E_NOMEM)
		return rc;
	if (rc == E_TOOBIG && p.what == NULL)
		return refuse_request(why, "too_many_fields", NULL,
				      "The body has more than %d members.", FIELDS_MAX);
	if (rc != OK)
		return refuse_request(why, rc == E_TOOBIG ? "too_deep" : "invalid_json", NULL,
				      "The body is not valid JSON: %s at line %zu, column %zu.",
				      p.what, p.line, p.column);
	if (kind != JSON_OBJECT)
		return refuse_request(why, "invalid_json", NULL,
				      "The body must be a JSON object.");
	return OK;
}
