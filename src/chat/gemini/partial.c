#include "chat/gemini/partial.h"

#include "chat/gemini/gemini.h"

/* ---- paths ----------------------------------------------------------------------------- */

struct step {
	struct slice key;
	size_t index;
	bool array;
};

/* ".name", "['name']" or "[3]" from the front of *rest.  False: none of these. */
static bool step_next(struct slice *rest, struct step *s)
{
	struct slice inner;
	uint64_t v;
	size_t n = 0;

	*s = (struct step){ .array = false };
	if (rest->p[0] == '.') {
		*rest = slice_skip(*rest, 1);
		while (n < rest->n && rest->p[n] != '.' && rest->p[n] != '[')
			n++;
		s->key = slice_head(*rest, n);
		*rest = slice_skip(*rest, n);
		return n > 0;
	}
	if (rest->p[0] != '[' || !slice_cut(slice_skip(*rest, 1), ']', &inner, rest))
		return false;
	if (inner.n >= 2 && (inner.p[0] == '\'' || inner.p[0] == '"') &&
	    inner.p[inner.n - 1] == inner.p[0]) {
		s->key = slice_of(inner.p + 1, inner.n - 2);
		return true;
	}
	s->array = true;
	if (!slice_u64(inner, &v) || v > PARTIAL_INDEX_MAX)
		return false;
	s->index = (size_t)v;
	return true;
}

static struct gemini_node *kid(struct gemini_node *n, const struct step *s, struct arena *keep)
{
	struct gemini_node *k = n->last;

	if (n->kids == NULL)
		n->array = s->array;
	if (n->array != s->array || n->is_text)
		return NULL;
	/* Nearly always the last one, or a new one. */
	if (k != NULL && (s->array ? k->index == s->index : slice_eq(k->key, s->key)))
		return k;
	if (!s->array || (k != NULL && k->index > s->index))
		for (k = n->kids; k != NULL; k = k->next)
			if (s->array ? k->index == s->index : slice_eq(k->key, s->key))
				return k;
	k = ARENA_NEW(keep, struct gemini_node);
	if (k == NULL)
		return NULL;
	k->index = s->index;
	k->key = arena_copy(keep, s->key);
	if (n->last == NULL)
		n->kids = k;
	else
		n->last->next = k;
	n->last = k;
	return k;
}

static struct gemini_node *follow(struct gemini_node *n, struct slice path, struct arena *keep)
{
	struct step s;

	if (path.n == 0 || path.p[0] != '$')
		return NULL;
	path = slice_skip(path, 1);
	for (size_t depth = 0; path.n > 0; depth++) {
		if (depth == PARTIAL_DEPTH_MAX || !step_next(&path, &s))
			return NULL;
		n = kid(n, &s, keep);
		if (n == NULL)
			return NULL;
	}
	return n;
}

/* ---- values ---------------------------------------------------------------------------- */

static bool text_add(struct gemini_node *n, struct json_text t, struct arena *keep)
{
	struct gemini_node *piece = ARENA_NEW(keep, struct gemini_node);

	if (piece == NULL || n->kids != NULL || n->value.n > 0)
		return false;
	piece->value = arena_copy(keep, t.s);
	n->is_text = true;
	if (n->text == NULL)
		n->text = piece;
	else
		n->more->next = piece;
	n->more = piece;
	return true;
}

bool gemini_partial_add(struct gemini_node *root, struct slice part, struct arena *keep)
{
	static const char *const plain[] = { "numberValue", "boolValue" };
	const struct json_member *m;
	struct gemini_node *n;
	struct fields f;

	if (!fields_read(&f, part, keep))
		return false;
	m = gemini_field(&f, "jsonPath", NULL);
	n = m == NULL ? NULL
		      : follow(root, json_text_plain(json_text_of(m->value), keep), keep);
	if (n == NULL || n == root)
		return false;
	m = gemini_field(&f, "stringValue", NULL);
	if (m != NULL)
		return text_add(n, json_text_of(m->value), keep);
	if (n->kids != NULL || n->is_text)
		return false;
	n->value = LIT("null");
	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		m = gemini_field(&f, plain[i], NULL);
		if (m != NULL)
			n->value = arena_copy(keep, m->value);
	}
	return true;
}

static void node_write(const struct gemini_node *n, struct json_out *o)
{
	if (n->is_text) {
		out_text_open(o);
		for (const struct gemini_node *p = n->text; p != NULL; p = p->next)
			out_text_part(o, (struct json_text){ p->value });
		out_text_close(o);
		return;
	}
	if (n->value.n > 0) {
		out_json(o, n->value);
		return;
	}
	if (n->array)
		out_array(o);
	else
		out_object(o);
	for (const struct gemini_node *k = n->kids; k != NULL; k = k->next) {
		if (!n->array)
			out_key_text(o, json_text_encode(k->key, o->a));
		node_write(k, o);
	}
	out_close(o);
}

struct slice gemini_partial_args(const struct gemini_node *root, struct arena *a)
{
	struct json_out o;

	out_init(&o, a);
	node_write(root, &o);
	return out_slice(&o);
}
