#include "chat/request.h"

#include "wire/json_scan.h"

/* ---- building ---------------------------------------------------------------------------- */

struct chat_message *chat_message_add(struct chat_request *r, struct arena *a,
				      enum chat_role role)
{
	struct chat_message *m = ARENA_NEW(a, struct chat_message);

	if (m == NULL)
		return NULL;
	m->role = role;
	m->tail = &m->parts;
	if (r->messages_tail == NULL)
		r->messages_tail = &r->messages;
	*r->messages_tail = m;
	r->messages_tail = &m->next;
	return m;
}

static struct chat_part *part_new(struct arena *a, enum part_kind kind)
{
	struct chat_part *p = ARENA_NEW(a, struct chat_part);

	if (p != NULL)
		p->kind = kind;
	return p;
}

struct chat_part *chat_part_add(struct chat_message *m, struct arena *a, enum part_kind kind)
{
	struct chat_part *p = m == NULL ? NULL : part_new(a, kind);

	if (p != NULL) {
		*m->tail = p;
		m->tail = &p->next;
	}
	return p;
}

struct chat_part *chat_part_append(struct chat_part **list, struct arena *a,
				   enum part_kind kind)
{
	struct chat_part *p = part_new(a, kind);

	while (*list != NULL)
		list = &(*list)->next;
	if (p != NULL)
		*list = p;
	return p;
}

struct chat_tool *chat_tool_add(struct chat_request *r, struct arena *a, enum tool_kind kind)
{
	struct chat_tool *t = ARENA_NEW(a, struct chat_tool);

	if (t == NULL)
		return NULL;
	t->kind = kind;
	if (r->tools_tail == NULL)
		r->tools_tail = &r->tools;
	*r->tools_tail = t;
	r->tools_tail = &t->next;
	return t;
}

enum { NAMES_MAX = 1024 };

struct chat_name *chat_name_add(struct chat_name **list, struct arena *a, struct json_text name)
{
	struct chat_name *n = ARENA_NEW(a, struct chat_name);
	size_t at = 0;

	if (n == NULL)
		return NULL;
	n->name = name;
	while (*list != NULL && at++ < NAMES_MAX)
		list = &(*list)->next;
	if (*list != NULL)
		return NULL;
	*list = n;
	return n;
}

void chat_extra_add(struct chat_request *r, struct arena *a, struct slice key,
		    struct slice value)
{
	struct chat_extra *x = ARENA_NEW(a, struct chat_extra);

	if (x == NULL)
		return;
	x->key = key;
	x->value = value;
	if (r->extras_tail == NULL)
		r->extras_tail = &r->extras;
	*r->extras_tail = x;
	r->extras_tail = &x->next;
}

const struct chat_extra *chat_extra_find(const struct chat_request *r, const char *key)
{
	const struct chat_extra *x = r->extras;

	while (x != NULL && !slice_eq(x->key, slice_cstr(key)))
		x = x->next;
	return x;
}

/* How many comparisons the search for the calls of all results may take.  Results stand beside
 * their calls and in their order; only a request made to be slow needs more, and then the rest
 * stay without their tools' names. */
enum { FIND_STEPS_MAX = 1000000 };

/* ---- the whole --------------------------------------------------------------------------- */

void chat_call_args(struct chat_call *c, struct json_text text, struct arena *a)
{
	enum json_kind kind = JSON_NULL;
	size_t n;

	c->args_ok = !c->custom;
	if (!c->custom && json_text_blank(text))
		return;
	c->args = json_text_plain(text, a);
	if (!c->custom)
		c->args_ok = json_scan(c->args, &kind, NULL, 0, &n, NULL) == OK &&
			     kind == JSON_OBJECT;
}

const struct chat_call *chat_call_find(const struct chat_request *r, struct json_text id)
{
	const struct chat_call *found = NULL;

	for (const struct chat_message *m = r->messages; m != NULL; m = m->next) {
		if (m->role != ROLE_ASSISTANT)
			continue;
		for (const struct chat_part *p = m->parts; p != NULL; p = p->next)
			if (p->kind == PART_TOOL_CALL && slice_eq(p->u.call.id.s, id.s))
				found = &p->u.call;
	}
	return found;
}

bool chat_has_tool_blocks(const struct chat_request *r)
{
	for (const struct chat_message *m = r->messages; m != NULL; m = m->next)
		for (const struct chat_part *p = m->parts; p != NULL; p = p->next)
			if (p->kind == PART_TOOL_CALL || p->kind == PART_TOOL_RESULT)
				return true;
	return false;
}

static void note_issuer(struct chat_request *r, const struct chat_opaque *o)
{
	if (o->issuer.n > 0)
		r->pinned = o->issuer;
}

static void look_at(struct chat_request *r, const struct chat_part *list)
{
	for (const struct chat_part *p = list; p != NULL; p = p->next) {
		bool image = p->kind == PART_IMAGE, audio = p->kind == PART_AUDIO;
		bool document = p->kind == PART_DOCUMENT, video = p->kind == PART_VIDEO;

		note_issuer(r, &p->signature);
		if (p->kind == PART_REASONING) {
			note_issuer(r, &p->u.reasoning.signature);
			note_issuer(r, &p->u.reasoning.encrypted);
		}
		r->has_images |= image;
		r->has_audio |= audio;
		r->has_documents |= document;
		r->has_video |= video;
		r->has_urls |= (image || audio || document || video) &&
			       p->u.media.source == MEDIA_URL;
	}
}

/* The call with this id in a turn, from where the last search ended. */
static const struct chat_call *call_in(const struct chat_message *turn,
				       const struct chat_part **cursor, struct json_text id,
				       size_t *steps)
{
	const struct chat_part *p = *cursor;

	for (int lap = 0; lap < 2; lap++) {
		for (; p != NULL && *steps < FIND_STEPS_MAX; p = p->next) {
			++*steps;
			if (p->kind == PART_TOOL_CALL && slice_eq(p->u.call.id.s, id.s)) {
				*cursor = p;
				return &p->u.call;
			}
		}
		p = turn->parts;
	}
	return NULL;
}

static bool has_calls(const struct chat_message *m)
{
	for (const struct chat_part *p = m->parts; p != NULL; p = p->next)
		if (p->kind == PART_TOOL_CALL)
			return true;
	return false;
}

void chat_request_finish(struct chat_request *r)
{
	const struct chat_message *asker = NULL; /* the last turn with calls */
	const struct chat_part *cursor = NULL;
	size_t steps = 0;

	for (struct chat_message *m = r->messages; m != NULL; m = m->next) {
		look_at(r, m->parts);
		if (m->role == ROLE_ASSISTANT && has_calls(m)) {
			asker = m;
			cursor = m->parts;
		}
		if (m->role != ROLE_TOOL)
			continue;
		for (struct chat_part *p = m->parts; p != NULL; p = p->next) {
			struct chat_result *res = &p->u.result;
			const struct chat_call *call;

			if (p->kind != PART_TOOL_RESULT)
				continue;
			look_at(r, res->parts);
			if (!json_text_empty(res->name))
				continue;
			call = asker == NULL ? NULL
					     : call_in(asker, &cursor, res->call_id, &steps);
			if (call == NULL && steps < FIND_STEPS_MAX) {
				steps += FIND_STEPS_MAX / 256;
				call = chat_call_find(r, res->call_id);
			}
			if (call != NULL)
				res->name = call->name;
		}
	}
}

/* ---- effort and budget ------------------------------------------------------------------- */

static const struct {
	const char *name;
	uint64_t budget;
} efforts[] = {
	[EFFORT_NONE] = { "none", 0 },     [EFFORT_MINIMAL] = { "minimal", 1024 },
	[EFFORT_LOW] = { "low", 2048 },    [EFFORT_MEDIUM] = { "medium", 8192 },
	[EFFORT_HIGH] = { "high", 16384 }, [EFFORT_XHIGH] = { "xhigh", 32768 },
	[EFFORT_MAX] = { "max", 65536 },
};

const char *effort_name(enum effort e)
{
	return efforts[e].name;
}

enum effort effort_read(struct json_text t)
{
	for (enum effort e = EFFORT_NONE; e < ARRAY_LEN(efforts); e++)
		if (json_text_is(t, slice_cstr(efforts[e].name)))
			return e;
	return EFFORT_UNSET;
}

uint64_t effort_budget(enum effort e)
{
	return efforts[e].budget;
}

enum effort effort_of_budget(uint64_t tokens)
{
	enum effort e = EFFORT_LOW;

	if (tokens == 0)
		return EFFORT_NONE;
	while (e < EFFORT_MAX && tokens > efforts[e].budget)
		e++;
	return e;
}

enum tri thinking_shown(const struct chat_request *r, const struct dialect *own)
{
	const struct chat_thinking *t = &r->thinking;
	bool asked = t->effort > EFFORT_NONE || t->budget > 0 || t->automatic;

	return t->visible == UNSET && asked && r->dialect != own ? YES : t->visible;
}
