#include "wire/yaml.h"

#include "base/map.h"

#include <yaml.h>

/* Maps up to this many keys are checked for duplicates key by key. */
#define FEW_KEYS 16

/* A list or map whose end has not come yet. */
struct open {
	struct yaml_node *node, *last;
	bool has_key; /* maps: a key was read, its value is next */
	struct slice key;
	struct yaml_place key_place;
};

struct reader {
	yaml_parser_t parser;
	struct arena *arena;
	struct slice text;
	struct yaml_problem *problem;
	struct yaml_node *root;
	struct open open[YAML_DEPTH_MAX];
	size_t depth;
	size_t nodes;
};

static struct yaml_place place_of(yaml_mark_t m)
{
	return (struct yaml_place){ (unsigned)m.line + 1, (unsigned)m.column + 1 };
}

PRINTF_LIKE(4, 5)
static enum rc refuse(struct reader *r, enum rc rc, struct yaml_place at, const char *fmt, ...)
{
	va_list ap;

	r->problem->place = at;
	va_start(ap, fmt);
	vsnprintf(r->problem->text, sizeof(r->problem->text), fmt, ap);
	va_end(ap);
	return rc;
}

/* Where a byte lies; for the errors that libyaml reports by offset. */
static struct yaml_place place_at(struct slice text, size_t offset)
{
	struct yaml_place at = { 1, 1 };

	for (size_t i = 0; i < offset && i < text.n; i++) {
		if (text.p[i] == '\n') {
			at.line++;
			at.column = 1;
		} else if (((unsigned char)text.p[i] & 0xc0) != 0x80) {
			at.column++;
		}
	}
	return at;
}

/* libyaml's own words, but for the mistake that everybody makes. */
static enum rc parser_failed(struct reader *r)
{
	const yaml_parser_t *p = &r->parser;
	size_t at;

	if (p->error == YAML_MEMORY_ERROR)
		return E_NOMEM;
	if (p->error == YAML_READER_ERROR)
		return refuse(r, E_BAD, place_at(r->text, p->problem_offset), "%s", p->problem);
	at = p->problem_mark.index;
	for (size_t i = 0; i < r->text.n && i <= at; i++) /* index counts characters */
		if (((unsigned char)r->text.p[i] & 0xc0) == 0x80)
			at++;
	if (at < r->text.n && r->text.p[at] == '\t')
		return refuse(r, E_BAD, place_of(p->problem_mark),
			      "a tab cannot indent; use spaces");
	return refuse(r, E_BAD, place_of(p->problem_mark), "%s%s%s",
		      p->context == NULL ? "" : p->context, p->context == NULL ? "" : ": ",
		      p->problem == NULL ? "not YAML" : p->problem);
}

static enum rc check_unique(struct reader *r, const struct yaml_node *map)
{
	struct arena_mark mark = arena_mark(r->arena);
	struct map seen;
	enum rc rc = OK;

	if (map->n <= FEW_KEYS) {
		for (struct yaml_node *c = map->first; c != NULL; c = c->next)
			for (struct yaml_node *b = map->first; b != c; b = b->next)
				if (slice_eq(b->key, c->key))
					return refuse(r, E_BAD, c->key_place,
						      "\"%.*s\" is given twice; first in line "
						      "%u",
						      SARG(c->key), b->key_place.line);
		return OK;
	}
	if (!map_init(&seen, r->arena, map->n))
		return E_NOMEM;
	for (struct yaml_node *c = map->first; c != NULL && rc == OK; c = c->next) {
		if (map_put(&seen, c->key, c))
			continue;
		rc = refuse(r, E_BAD, c->key_place, "\"%.*s\" is given twice; first in line %u",
			    SARG(c->key),
			    ((struct yaml_node *)map_get(&seen, c->key))->key_place.line);
	}
	arena_rewind(r->arena, mark);
	return rc;
}

/* Puts `node` where it belongs: in the list or map that is open, or at the root. */
static void attach(struct reader *r, struct yaml_node *node)
{
	struct open *in;

	if (r->depth == 0) {
		r->root = node;
		return;
	}
	in = &r->open[r->depth - 1];
	if (in->node->kind == YAML_MAP) {
		node->key = in->key;
		node->key_place = in->key_place;
		in->has_key = false;
	}
	if (in->last == NULL)
		in->node->first = node;
	else
		in->last->next = node;
	in->last = node;
	in->node->n++;
}

static enum rc new_node(struct reader *r, struct yaml_node **out, enum yaml_kind kind,
			struct yaml_place at)
{
	struct yaml_node *node;

	if (r->nodes == YAML_NODES_MAX)
		return refuse(r, E_TOOBIG, at, "more than %d values", YAML_NODES_MAX);
	node = ARENA_NEW(r->arena, struct yaml_node);
	if (node == NULL)
		return E_NOMEM;
	r->nodes++;
	node->kind = kind;
	node->place = at;
	*out = node;
	return OK;
}

static bool key_is_next(const struct reader *r)
{
	return r->depth > 0 && r->open[r->depth - 1].node->kind == YAML_MAP &&
	       !r->open[r->depth - 1].has_key;
}

static enum rc take_key(struct reader *r, struct slice text, bool quoted, struct yaml_place at)
{
	struct open *in = &r->open[r->depth - 1];

	if (!quoted && slice_eq(text, LIT("<<")))
		return refuse(r, E_BAD, at, "merge keys (<<) are not supported");
	if (text.n == 0)
		return refuse(r, E_BAD, at, "a key is empty");
	in->key = arena_copy(r->arena, text);
	in->key_place = at;
	in->has_key = true;
	return arena_failed(r->arena) ? E_NOMEM : OK;
}

static enum rc take_scalar(struct reader *r, const yaml_event_t *ev)
{
	struct slice text =
		slice_of((const char *)ev->data.scalar.value, ev->data.scalar.length);
	struct yaml_place at = place_of(ev->start_mark);
	bool quoted = ev->data.scalar.style != YAML_PLAIN_SCALAR_STYLE;
	struct yaml_node *node;
	enum rc rc;

	if (ev->data.scalar.anchor != NULL)
		return refuse(r, E_BAD, at, "anchors (&%s) are not supported",
			      (const char *)ev->data.scalar.anchor);
	if (ev->data.scalar.tag != NULL)
		return refuse(r, E_BAD, at, "tags (%s) are not supported",
			      (const char *)ev->data.scalar.tag);
	if (key_is_next(r))
		return take_key(r, text, quoted, at);
	rc = new_node(r, &node, YAML_SCALAR, at);
	if (rc != OK)
		return rc;
	node->text = arena_copy(r->arena, text);
	node->quoted = quoted;
	if (arena_failed(r->arena))
		return E_NOMEM;
	attach(r, node);
	return OK;
}

static enum rc take_begin(struct reader *r, enum yaml_kind kind, const yaml_event_t *ev)
{
	const yaml_char_t *anchor = kind == YAML_MAP ? ev->data.mapping_start.anchor
						     : ev->data.sequence_start.anchor;
	const yaml_char_t *tag = kind == YAML_MAP ? ev->data.mapping_start.tag
						  : ev->data.sequence_start.tag;
	struct yaml_place at = place_of(ev->start_mark);
	struct yaml_node *node;
	enum rc rc;

	if (anchor != NULL)
		return refuse(r, E_BAD, at, "anchors (&%s) are not supported",
			      (const char *)anchor);
	if (tag != NULL)
		return refuse(r, E_BAD, at, "tags (%s) are not supported", (const char *)tag);
	if (key_is_next(r))
		return refuse(r, E_BAD, at, "a key must be a plain word, not a %s",
			      kind == YAML_MAP ? "map" : "list");
	if (r->depth == YAML_DEPTH_MAX)
		return refuse(r, E_TOOBIG, at, "nested deeper than %d levels", YAML_DEPTH_MAX);
	rc = new_node(r, &node, kind, at);
	if (rc != OK)
		return rc;
	attach(r, node);
	r->open[r->depth++] = (struct open){ .node = node };
	return OK;
}

static enum rc take_end(struct reader *r)
{
	const struct open *in = &r->open[--r->depth];

	return in->node->kind == YAML_MAP ? check_unique(r, in->node) : OK;
}

static enum rc take_event(struct reader *r, const yaml_event_t *ev)
{
	switch (ev->type) {
	case YAML_DOCUMENT_START_EVENT:
		if (r->root != NULL)
			return refuse(r, E_BAD, place_of(ev->start_mark),
				      "a second document begins here; only one is read");
		return OK;
	case YAML_ALIAS_EVENT:
		return refuse(r, E_BAD, place_of(ev->start_mark),
			      "aliases (*%s) are not supported; quote it if it is a text",
			      (const char *)ev->data.alias.anchor);
	case YAML_SCALAR_EVENT:
		return take_scalar(r, ev);
	case YAML_SEQUENCE_START_EVENT:
		return take_begin(r, YAML_LIST, ev);
	case YAML_MAPPING_START_EVENT:
		return take_begin(r, YAML_MAP, ev);
	case YAML_SEQUENCE_END_EVENT:
	case YAML_MAPPING_END_EVENT:
		return take_end(r);
	case YAML_NO_EVENT:
	case YAML_STREAM_START_EVENT:
	case YAML_STREAM_END_EVENT:
	case YAML_DOCUMENT_END_EVENT:
		break;
	}
	return OK;
}

static enum rc read_events(struct reader *r)
{
	yaml_event_type_t type;
	enum rc rc;

	do {
		yaml_event_t ev;

		if (!yaml_parser_parse(&r->parser, &ev))
			return parser_failed(r);
		type = ev.type;
		rc = take_event(r, &ev);
		yaml_event_delete(&ev);
	} while (rc == OK && type != YAML_STREAM_END_EVENT);
	return rc;
}

enum rc yaml_read(struct yaml_node **root, struct arena *a, struct slice text,
		  struct yaml_problem *p)
{
	struct reader r = { .arena = a, .text = text, .problem = p };
	enum rc rc;

	*p = (struct yaml_problem){ .place = { 1, 1 } };
	if (slice_starts(r.text, LIT("\xef\xbb\xbf")))
		r.text = slice_skip(r.text, 3);
	if (!yaml_parser_initialize(&r.parser))
		return E_NOMEM;
	yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
	yaml_parser_set_input_string(
		&r.parser, (const unsigned char *)(r.text.n > 0 ? r.text.p : ""), r.text.n);
	rc = read_events(&r);
	yaml_parser_delete(&r.parser);
	if (rc == OK && r.root != NULL && r.root->kind == YAML_SCALAR && !r.root->quoted &&
	    r.root->text.n == 0)
		r.root = NULL; /* "---" and nothing more */
	if (rc == OK && r.root == NULL)
		rc = new_node(&r, &r.root, YAML_MAP, (struct yaml_place){ 1, 1 });
	if (rc == OK)
		*root = r.root;
	return rc;
}

const struct yaml_node *yaml_get(const struct yaml_node *map, struct slice key)
{
	if (map == NULL || map->kind != YAML_MAP)
		return NULL;
	for (const struct yaml_node *c = map->first; c != NULL; c = c->next)
		if (slice_eq(c->key, key))
			return c;
	return NULL;
}
