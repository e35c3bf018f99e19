/* The half of json_scan.h that makes an edited text out of slices of the old one. */
#include "wire/json_scan.h"

#include "wire/json_bytes.h"

/* ---- gathering ---- */

void json_edits_init(struct json_edits *x, struct slice text, const struct json_member *m,
		     size_t member_n)
{
	x->text = text;
	x->m = m;
	x->member_n = member_n;
	x->many = NULL;
	x->more = NULL;
	x->n = 0;
	x->cap = JSON_EDITS_MAX;
	x->failed = false;
}

static size_t offset(const struct json_edits *x, const char *p)
{
	INVARIANT(p >= x->text.p && p <= x->text.p + x->text.n);
	return (size_t)(p - x->text.p);
}

/* Where the member begins: at the quote of its key. */
static size_t member_start(const struct json_edits *x, size_t i)
{
	return offset(x, x->m[i].key.p) - 1;
}

static size_t member_end(const struct json_edits *x, size_t i)
{
	return offset(x, x->m[i].value.p) + x->m[i].value.n;
}

void json_edits_more(struct json_edits *x, struct arena *a)
{
	x->more = a;
}

static struct json_edit *edits(struct json_edits *x)
{
	return x->many != NULL ? x->many : x->few;
}

static bool grow(struct json_edits *x)
{
	struct json_edit *v;

	if (x->more == NULL || x->cap >= JSON_EDITS_MOST)
		return false;
	v = arena_get(x->more, 4 * x->cap * sizeof(*v));
	if (v == NULL)
		return false;
	memcpy(v, edits(x), x->n * sizeof(*v));
	x->many = v;
	x->cap *= 4;
	return true;
}

static void gather(struct json_edits *x, struct json_edit e)
{
	if (x->n == x->cap && !grow(x))
		x->failed = true;
	else
		edits(x)[x->n++] = e;
}

void json_edit_replace(struct json_edits *x, size_t i, struct slice value)
{
	INVARIANT(i < x->member_n);
	gather(x, (struct json_edit){ .kind = JSON_EDIT_TEXT,
				      .at = offset(x, x->m[i].value.p),
				      .cut = x->m[i].value.n,
				      .put = value });
}

void json_edit_part(struct json_edits *x, struct slice part, struct slice put)
{
	const size_t at = offset(x, part.p);

	INVARIANT(part.n <= x->text.n - at);
	gather(x, (struct json_edit){
			  .kind = JSON_EDIT_TEXT, .at = at, .cut = part.n, .put = put });
}

void json_edit_remove(struct json_edits *x, size_t i)
{
	INVARIANT(i < x->member_n);
	for (size_t k = 0; k < x->n; k++) {
		if (edits(x)[k].kind == JSON_EDIT_REMOVE && edits(x)[k].member == i)
			return;
	}
	gather(x, (struct json_edit){
			  .kind = JSON_EDIT_REMOVE, .at = member_start(x, i), .member = i });
}

/* After the last member, or after the bracket when there is none. */
static size_t end_of_members(const struct json_edits *x)
{
	const char *end = x->text.p + x->text.n;
	const char *p = json_space_end(x->text.p, end);

	if (x->member_n > 0)
		return member_end(x, x->member_n - 1);
	INVARIANT(p < end && *p == '{');
	return offset(x, p) + 1;
}

void json_edit_add(struct json_edits *x, struct slice member, struct arena *a)
{
	/* Whether it needs the comma is known when all edits are. */
	char *p = arena_bytes(a, member.n + 1);

	if (p == NULL) {
		x->failed = true;
		return;
	}
	p[0] = ',';
	memcpy(p + 1, member.p, member.n);
	gather(x, (struct json_edit){ .kind = JSON_EDIT_ADD,
				      .at = end_of_members(x),
				      .put = slice_of(p, member.n + 1) });
}

/* ---- applying ---- */

/* By place; at the same place an insertion is before a cut, and new members are last. */
static bool comes_after(const struct json_edit *a, const struct json_edit *b)
{
	const bool a_add = a->kind == JSON_EDIT_ADD;
	const bool b_add = b->kind == JSON_EDIT_ADD;

	if (a->at != b->at)
		return a->at > b->at;
	if (a_add != b_add)
		return a_add;
	return a->cut > 0 && b->cut == 0;
}

/* Stable; there are few, and they mostly come in order. */
static void sort(struct json_edits *x)
{
	struct json_edit *v = edits(x);

	for (size_t i = 1; i < x->n; i++) {
		const struct json_edit e = v[i];
		size_t k = i;

		for (; k > 0 && comes_after(&v[k - 1], &e); k--)
			v[k] = v[k - 1];
		v[k] = e;
	}
}

struct pieces {
	struct slice *p;
	size_t n, cap;
	size_t bytes;
};

static void push(struct pieces *out, struct slice s)
{
	if (s.n == 0)
		return;
	INVARIANT(out->n < out->cap);
	out->p[out->n++] = s;
	out->bytes += s.n;
}

/* A removed member goes with the comma before it, unless all before it are removed: then
 * with the comma after it.  So the cuts of neighbours touch and never overlap, and just
 * those commas stay that are between two members that stay. */
static void removal(const struct json_edits *x, size_t i, bool leads, size_t *from, size_t *to)
{
	if (!leads) {
		*from = member_end(x, i - 1);
		*to = member_end(x, i);
	} else {
		*from = member_start(x, i);
		*to = i + 1 < x->member_n ? member_start(x, i + 1) : member_end(x, i);
	}
}

size_t json_edits_apply(struct json_edits *x, struct slice *pieces, size_t cap, size_t *bytes)
{
	struct pieces out = { .p = pieces, .cap = cap };
	size_t stay = x->member_n; /* members that are not removed, and new ones so far */
	size_t lead = 0;           /* members removed from the start on */
	size_t done = 0;           /* of the text */

	*bytes = 0;
	if (x->failed)
		return 0;
	sort(x);
	for (size_t i = 0; i < x->n; i++)
		stay -= edits(x)[i].kind == JSON_EDIT_REMOVE ? 1 : 0;
	for (size_t i = 0; i < x->n; i++) {
		const struct json_edit *e = &edits(x)[i];
		size_t from = e->at;
		size_t to = e->at + e->cut;
		struct slice put = e->put;

		if (e->kind == JSON_EDIT_REMOVE) {
			removal(x, e->member, e->member == lead, &from, &to);
			lead += e->member == lead ? 1 : 0;
		} else if (e->kind == JSON_EDIT_ADD && stay++ == 0) {
			put = slice_skip(put, 1); /* the first: no comma */
		}
		INVARIANT(from >= done); /* no overlap */
		push(&out, slice_of(x->text.p + done, from - done));
		push(&out, put);
		done = to;
	}
	push(&out, slice_skip(x->text, done));
	*bytes = out.bytes;
	return out.n;
}

/* ---- quoting ---- */

struct slice json_quote(struct arena *a, struct slice s)
{
	const size_t n = json_escape(NULL, s);
	char *p = arena_bytes(a, n + 2);

	if (p == NULL)
		return slice_of(NULL, 0);
	p[0] = '"';
	json_escape(p + 1, s);
	p[n + 1] = '"';
	return slice_of(p, n + 2);
}
