#include "chat/responses/responses.h"

enum { ITEM_MEMBERS_MAX = 64 }; /* of an item of the input; those known have up to 15 */

static const char advice[] = "weir keeps no state: send the whole input in each request.";

static bool is_named(const struct json_member *m, const char *name)
{
	return json_text_is((struct json_text){ m->key }, slice_cstr(name));
}

/* {"type":"item_reference","id":..}; the type may be left out, as in {"id":..}.  A member
 * that is there twice counts each time: nobody knows which one is taken. */
static bool is_reference(struct slice item)
{
	struct json_member m[ITEM_MEMBERS_MAX];
	size_t n = json_object(item, m, ARRAY_LEN(m));
	bool id = false, told = false;

	if (n > ARRAY_LEN(m))
		return true;
	for (size_t i = 0; i < n; i++) {
		if (is_named(&m[i], "type") &&
		    json_string_is(m[i].value, LIT("item_reference")))
			return true;
		id |= is_named(&m[i], "id");
		told |= m[i].kind != JSON_NULL &&
			(is_named(&m[i], "type") || is_named(&m[i], "role"));
	}
	return id && !told;
}

static enum rc refuse_references(struct slice input, struct chat_refusal *why)
{
	struct json_array it = json_array(input);
	enum json_kind kind;
	struct slice item;
	char param[48];

	for (size_t i = 0; json_array_next(&it, &item, &kind); i++) {
		if (kind != JSON_OBJECT || !is_reference(item))
			continue;
		(void)snprintf(param, sizeof(param), "input[%zu]", i);
		return refuse_request(why, "unsupported_value", param,
				      "Items cannot be referred to: %s", advice);
	}
	return OK;
}

static enum rc refuse_member(const struct json_member *m, struct chat_refusal *why)
{
	static const struct {
		const char *name, *text;
		bool is_switch; /* refused when it is true */
	} kept[] = {
		{ "previous_response_id", "An earlier answer cannot be continued", false },
		{ "conversation", "Conversations are not stored", false },
		{ "prompt", "Prompts are not stored", false },
		{ "background", "Answers cannot be made in the background", true },
		{ "store", "Answers cannot be stored", true },
	};
	bool on;

	if (is_named(m, "input"))
		return refuse_references(m->value, why);
	for (size_t i = 0; i < ARRAY_LEN(kept); i++) {
		if (m->kind == JSON_NULL || !is_named(m, kept[i].name))
			continue;
		if (kept[i].is_switch && !(json_bool(m->value, &on) && on))
			continue;
		return refuse_request(why, "unsupported_value", kept[i].name, "%s: %s",
				      kept[i].text, advice);
	}
	return OK;
}

enum rc responses_refuse_state(const struct fields *f, struct chat_refusal *why)
{
	enum rc rc = OK;

	for (size_t i = 0; rc == OK && i < f->n; i++)
		rc = refuse_member(&f->m[i], why);
	return rc;
}
