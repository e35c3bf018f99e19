/* What carries a provider's opaque state through this dialect, and this dialect's through
 * others. */
#include "chat/responses/responses.h"

struct json_text responses_seal(struct arena *a, struct slice issuer, enum sealed_kind kind,
				bool summary, struct json_text data)
{
	char letter = (char)kind;
	struct slice marked;

	if (issuer.n == 0 || json_text_empty(data))
		return data;
	if (summary && (kind == SEALED_ENCRYPTED || kind == SEALED_SIGNATURE))
		letter = (char)(letter - 'a' + 'A');
	marked = arena_fmt(a, "%c:%.*s", letter, SARG(data.s));
	return opaque_seal(a, issuer, (struct json_text){ marked });
}

enum sealed_kind responses_open(struct chat_opaque *o, bool *summary)
{
	char letter;

	if (o->issuer.n == 0 || o->data.s.n < 2 || o->data.s.p[1] != ':')
		return SEALED_ENCRYPTED;
	letter = o->data.s.p[0];
	switch (letter) {
	case 'E':
	case 'S':
		*summary = true;
		letter = (char)(letter - 'A' + 'a');
		break;
	case 'e':
	case 's':
		*summary = false;
		break;
	case 't':
	case 'c':
		break;
	default:
		return SEALED_ENCRYPTED;
	}
	o->data.s = slice_skip(o->data.s, 2);
	return (enum sealed_kind)letter;
}

struct json_text responses_with_id(struct arena *a, struct json_text id,
				   struct json_text content)
{
	if (json_text_empty(content))
		return content;
	return (struct json_text){ arena_fmt(a, "%.*s:%.*s", SARG(id.s), SARG(content.s)) };
}

void responses_split_id(struct json_text both, struct json_text *id, struct json_text *content)
{
	if (slice_cut(both.s, ':', &id->s, &content->s))
		return;
	*content = both;
	id->s = (struct slice){ NULL, 0 };
}

/* The `text` of each object of the array, with an empty line between them: counted, or
 * written when `to` is there. */
static size_t join(struct slice array, char *to)
{
	static const struct slice between = LITC("\\n\\n");
	struct json_array it = json_array(array);
	const struct json_member *at;
	struct json_member m[8];
	enum json_kind kind;
	struct slice value;
	size_t n = 0;

	while (json_array_next(&it, &value, &kind)) {
		size_t members = size_min(json_object(value, m, ARRAY_LEN(m)), ARRAY_LEN(m));
		struct slice text;

		at = json_member_find(m, members, LIT("text"), NULL);
		if (at == NULL)
			continue;
		text = json_text_of(at->value).s;
		if (text.n == 0)
			continue;
		if (n > 0) {
			if (to != NULL)
				memcpy(to + n, between.p, between.n);
			n += between.n;
		}
		if (to != NULL)
			memcpy(to + n, text.p, text.n);
		n += text.n;
	}
	return n;
}

struct json_text responses_thoughts(struct arena *a, struct slice array)
{
	size_t n = join(array, NULL);
	char *p = n == 0 ? NULL : arena_bytes(a, n);

	if (p == NULL)
		return (struct json_text){ { NULL, 0 } };
	return (struct json_text){ { p, join(array, p) } };
}
