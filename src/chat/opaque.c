#include "chat/opaque.h"

#define MARK "weir~"

struct json_text opaque_seal(struct arena *a, struct slice issuer, struct json_text data)
{
	if (json_text_empty(data) || issuer.n == 0)
		return data;
	return (struct json_text){ arena_fmt(a, MARK "%.*s~%.*s", SARG(issuer), SARG(data.s)) };
}

struct chat_opaque opaque_open(struct json_text sealed)
{
	struct slice rest = sealed.s, issuer, data;

	if (!slice_starts(rest, LIT(MARK)))
		return (struct chat_opaque){ .data = sealed };
	rest = slice_skip(rest, sizeof(MARK) - 1);
	if (!slice_cut(rest, '~', &issuer, &data) || issuer.n == 0)
		return (struct chat_opaque){ .data = sealed };
	return (struct chat_opaque){ .data = { data }, .issuer = issuer };
}

bool opaque_for(const struct chat_opaque *o, struct slice provider, bool own_dialect)
{
	if (json_text_empty(o->data))
		return false;
	return o->issuer.n > 0 ? slice_eq(o->issuer, provider) : own_dialect;
}

bool opaque_in(struct slice body)
{
	return slice_find(body, LIT("\"" MARK)) != SLICE_NONE ||
	       slice_find(body, LIT("\"" OPAQUE_MARK_BASE64)) != SLICE_NONE;
}
