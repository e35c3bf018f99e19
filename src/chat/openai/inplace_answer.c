#include "chat/openai.h"

#include "chat/openai/parts.h"

/* The members of a delta or message that are part of the answer. */
static void look_at_message(struct slice object, bool *content, size_t *text_bytes)
{
	static const struct slice texts[] = { LITC("content"), LITC("reasoning_content"),
					      LITC("reasoning"), LITC("refusal") };
	static const struct slice others[] = { LITC("tool_calls"), LITC("function_call"),
					       LITC("audio"), LITC("reasoning_details"),
					       LITC("images") };
	struct json_member m[16];
	size_t n = size_min(json_object(object, m, ARRAY_LEN(m)), ARRAY_LEN(m));

	for (size_t i = 0; i < n; i++) {
		for (size_t t = 0; t < ARRAY_LEN(texts); t++) {
			if (!slice_eq(m[i].key, texts[t]))
				continue;
			if (m[i].kind == JSON_STRING && json_string_nonempty(m[i].value)) {
				*content = true;
				*text_bytes += m[i].value.n - 2;
			} else if (m[i].kind == JSON_ARRAY && m[i].value.n > 2) {
				*content = true; /* Mistral, Databricks: an array of parts */
				*text_bytes += m[i].value.n;
			}
		}
		for (size_t t = 0; t < ARRAY_LEN(others); t++)
			if (slice_eq(m[i].key, others[t]) && m[i].value.n > 2 &&
			    (m[i].kind == JSON_ARRAY || m[i].kind == JSON_OBJECT)) {
				*content = true;
				*text_bytes += m[i].value.n;
			}
	}
}

static void look_at_choice(struct slice choice, bool *content, bool *finish, size_t *text_bytes)
{
	struct json_member m[12];
	size_t n = size_min(json_object(choice, m, ARRAY_LEN(m)), ARRAY_LEN(m));

	for (size_t i = 0; i < n; i++) {
		if ((slice_eq(m[i].key, LIT("delta")) || slice_eq(m[i].key, LIT("message"))) &&
		    m[i].kind == JSON_OBJECT) {
			look_at_message(m[i].value, content, text_bytes);
		} else if (slice_eq(m[i].key, LIT("text")) && m[i].kind == JSON_STRING &&
			   json_string_nonempty(m[i].value)) {
			*content = true;
			*text_bytes += m[i].value.n - 2;
		} else if (slice_eq(m[i].key, LIT("finish_reason"))) {
			*finish |= m[i].kind == JSON_STRING && json_string_nonempty(m[i].value);
		}
	}
}

/* How many choices there are. */
static size_t look_at_choices(struct slice array, bool *content, bool *finish, size_t *bytes)
{
	struct json_array it = json_array(array);
	enum json_kind kind;
	struct slice value;
	size_t n = 0;

	for (; json_array_next(&it, &value, &kind); n++)
		if (kind == JSON_OBJECT)
			look_at_choice(value, content, finish, bytes);
	return n;
}

/* Groq's own object, which has usage whether or not it was asked for, and errors. */
static void look_at_groq(struct slice object, struct usage *u, bool *error)
{
	struct json_member m[8];
	size_t n = size_min(json_object(object, m, ARRAY_LEN(m)), ARRAY_LEN(m));

	for (size_t i = 0; i < n; i++) {
		if (slice_eq(m[i].key, LIT("usage")) && m[i].kind == JSON_OBJECT && !u->known)
			openai_usage_read(u, m[i].value);
		else if (slice_eq(m[i].key, LIT("error")) && m[i].kind != JSON_NULL)
			*error = true;
	}
}

void openai_event_read(struct openai_event *e, struct slice data)
{
	struct json_member m[24];
	bool has_usage = false;
	enum json_kind kind;
	size_t n, choices = 0;

	*e = (struct openai_event){ 0 };
	if (slice_eq(slice_trim(data), LIT("[DONE]"))) {
		e->valid = e->done = true;
		return;
	}
	if (json_scan(data, &kind, m, ARRAY_LEN(m), &n, NULL) != OK)
		return;
	e->valid = true;
	e->error = kind == JSON_ARRAY; /* some wrap their errors so; no chunk is a list */
	n = size_min(n, ARRAY_LEN(m));
	for (size_t i = 0; kind == JSON_OBJECT && i < n; i++) {
		if (slice_eq(m[i].key, LIT("choices")) && m[i].kind == JSON_ARRAY)
			choices = look_at_choices(m[i].value, &e->content, &e->finish,
						  &e->text_bytes);
		else if (slice_eq(m[i].key, LIT("usage")) && m[i].kind == JSON_OBJECT) {
			openai_usage_read(&e->usage, m[i].value);
			has_usage = true;
		} else if (slice_eq(m[i].key, LIT("error")) && m[i].kind != JSON_NULL)
			e->error = true;
		else if (slice_eq(m[i].key, LIT("x_groq")))
			look_at_groq(m[i].value, &e->usage, &e->error);
	}
	e->usage_only = has_usage && choices == 0 && !e->error;
}

void openai_answer_read(struct openai_answer *e, enum openai_endpoint endpoint,
			struct slice body)
{
	struct slice list = endpoint == OPENAI_EMBEDDINGS ? LIT("data") : LIT("choices");
	const struct json_member *at;
	struct json_member m[32];
	bool content = false, finish = false;
	enum json_kind kind;
	size_t n;

	*e = (struct openai_answer){ 0 };
	if (json_scan(body, &kind, m, ARRAY_LEN(m), &n, NULL) != OK)
		return;
	e->error = kind == JSON_ARRAY; /* some wrap their errors so; no answer is a list */
	if (kind != JSON_OBJECT)
		return;
	n = size_min(n, ARRAY_LEN(m));
	at = json_member_find(m, n, LIT("usage"), NULL);
	if (at != NULL && at->kind == JSON_OBJECT)
		openai_usage_read(&e->usage, at->value);
	at = json_member_find(m, n, list, NULL);
	if (at == NULL || at->kind != JSON_ARRAY) {
		/* No answer in it: an error in some shape, or nothing we know. */
		e->error = true;
		return;
	}
	e->valid = true;
	if (endpoint == OPENAI_EMBEDDINGS) {
		e->empty = at->value.n <= 2;
		return;
	}
	e->empty = look_at_choices(at->value, &content, &finish, &e->text_bytes) == 0 ||
		   (!content && !finish);
}
