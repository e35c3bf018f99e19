/* The config file's text to structs, by the tables of options.h. */
#include "app/config.h"

#include "app/expand.h"
#include "base/date.h"

#define SHOWN_MAX 80

struct reader {
	struct arena *a;
	const struct config_env *env;
	struct problems *p;
};

static void read_value(struct reader *r, const struct option *o, char *section,
		       const struct yaml_node *n);

/* ---- saying what is wrong -------------------------------------------------------------- */

static const char *const kind_names[] = {
	[YAML_SCALAR] = "a single value",
	[YAML_LIST] = "a list",
	[YAML_MAP] = "a map",
};

static const char *wanted(enum option_type type)
{
	switch (type) {
	case OPT_BOOL:
		return "true or false";
	case OPT_INT:
		return "a whole number";
	case OPT_DURATION:
		return "a duration such as 500ms, 5s or 2m";
	case OPT_SIZE:
		return "a size such as 64KiB or 8MiB";
	case OPT_MONEY:
		return "a price in USD such as 0.15, without an exponent";
	case OPT_SHARE:
		return "a share such as 10% or 0.1";
	case OPT_DATE:
		return "a date such as 2026-11-20";
	case OPT_YES_NO:
		return "true or false";
	case OPT_WORD:
		return "one word";
	case OPT_TEXT:
	case OPT_SECRET:
		return "a text";
	case OPT_TEXTS:
		return "a list of texts";
	case OPT_PAIRS:
		return "a map of names to texts";
	case OPT_SECTION:
		return "a map of options";
	case OPT_LIST:
		return "a list";
	case OPT_NAMED:
		return "a map whose keys are names";
	}
	return "something else";
}

/* The value as it stands in the file: never what a variable holds. */
static const char *shown(struct reader *r, const struct option *o, const struct yaml_node *n)
{
	char room[SHOWN_MAX * 6 + 8];
	struct slice s = expand_show(r->a, n->text);
	struct sb out;

	if (o->type == OPT_SECRET)
		return "its value (not shown)";
	sb_init(&out, room, sizeof(room));
	log_json_string(&out, slice_head(s, SHOWN_MAX));
	sb_lit(&out, s.n > SHOWN_MAX ? "..." : "");
	return arena_cstr(r->a, sb_slice(&out));
}

static void wrong_kind(struct reader *r, const char *name, enum option_type type,
		       const struct yaml_node *n)
{
	problem_add(r->p, n->place, "%s: expected %s, not %s", name, wanted(type),
		    kind_names[n->kind]);
}

static void unknown_option(struct reader *r, const struct option_table *t,
			   const struct yaml_node *n)
{
	struct slice key = expand_show(r->a, n->key);
	const char *near = option_suggest(t, key);
	char room[400];
	struct sb list;

	if (near != NULL) {
		problem_add(r->p, n->key_place, "unknown option \"%.*s\"; did you mean \"%s\"?",
			    SARG(slice_head(key, SHOWN_MAX)), near);
		return;
	}
	sb_init(&list, room, sizeof(room));
	for (size_t i = 0; i < t->n; i++)
		sb_fmt(&list, "%s%s", i == 0 ? "" : ", ", t->rows[i].name);
	problem_add(r->p, n->key_place, "unknown option \"%.*s\"; a %s has: %s",
		    SARG(slice_head(key, SHOWN_MAX)), t->name, sb_cstr(&list));
}

/* ---- single values ----------------------------------------------------------------------- */

static bool is_null(const struct yaml_node *n)
{
	return n->kind == YAML_SCALAR && !n->quoted &&
	       (n->text.n == 0 || slice_eq(n->text, LIT("~")) ||
		slice_ieq(n->text, LIT("null")));
}

static bool bool_read(struct slice s, bool *out)
{
	static const char *const words[] = { "true", "false", "yes", "no", "on", "off" };

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!slice_ieq(slice_cstr(words[i]), s))
			continue;
		*out = i % 2 == 0;
		return true;
	}
	return false;
}

static bool word_read(const struct option *o, struct slice s, uint64_t *out)
{
	for (uint64_t i = 0; o->words[i] != NULL; i++) {
		if (!slice_eq(slice_cstr(o->words[i]), s))
			continue;
		*out = i;
		return true;
	}
	return false;
}

static bool yes_no_read(struct slice s, uint64_t *out)
{
	bool yes;

	if (!bool_read(s, &yes))
		return false;
	*out = yes;
	return true;
}

/* Not before 1970: nobody served models then. */
static bool date_of(struct slice s, uint64_t *out)
{
	int64_t days;

	if (!date_read(s, &days) || days < 1)
		return false;
	*out = (uint64_t)days | (s.n == 7 ? DATE_MONTH : 0);
	return true;
}

static bool number_read(const struct option *o, struct slice s, uint64_t *out)
{
	switch (o->type) {
	case OPT_INT:
		return slice_u64(s, out);
	case OPT_DURATION:
		return duration_read(s, out);
	case OPT_SIZE:
		return size_read(s, out);
	case OPT_MONEY:
		return usd_read(s, out);
	case OPT_SHARE:
		return share_read(s, out);
	case OPT_DATE:
		return date_of(s, out);
	case OPT_WORD:
		return word_read(o, s, out);
	case OPT_YES_NO:
		return yes_no_read(s, out);
	case OPT_BOOL:
	case OPT_TEXT:
	case OPT_SECRET:
	case OPT_TEXTS:
	case OPT_PAIRS:
	case OPT_SECTION:
	case OPT_LIST:
	case OPT_NAMED:
		break;
	}
	return false;
}

static void put_number(const struct option *o, char *section, uint64_t v)
{
	*(uint64_t *)(void *)(section + o->at) = v;
}

static void not_a_word(struct reader *r, const struct option *o, const struct yaml_node *n,
		       struct slice s)
{
	const char *near = NULL;
	size_t best = 3;
	char room[200];
	struct sb list;

	sb_init(&list, room, sizeof(room));
	for (size_t i = 0; o->words[i] != NULL; i++) {
		size_t d = slice_distance(slice_cstr(o->words[i]), s);

		sb_fmt(&list, "%s%s", i == 0 ? "" : ", ", o->words[i]);
		if (d < best) {
			best = d;
			near = o->words[i];
		}
	}
	if (near != NULL)
		problem_add(r->p, n->place, "%s: %s is not one of %s; did you mean \"%s\"?",
			    o->name, shown(r, o, n), sb_cstr(&list), near);
	else
		problem_add(r->p, n->place, "%s: %s is not one of %s", o->name, shown(r, o, n),
			    sb_cstr(&list));
}

static void read_number(struct reader *r, const struct option *o, char *section,
			const struct yaml_node *n, struct slice s)
{
	char room[64];
	struct sb limit;
	uint64_t v;

	if (!number_read(o, s, &v)) {
		if (o->type == OPT_WORD)
			not_a_word(r, o, n, s);
		else if (o->type == OPT_DURATION && slice_u64(s, &v))
			problem_add(r->p, n->place,
				    "%s: %s needs a unit; write 500ms, 5s or 2m", o->name,
				    shown(r, o, n));
		else if (o->type == OPT_YES_NO)
			problem_add(r->p, n->place, "%s: %s is neither true nor false", o->name,
				    shown(r, o, n));
		else
			problem_add(r->p, n->place, "%s: %s is not %s", o->name, shown(r, o, n),
				    wanted(o->type));
		return;
	}
	sb_init(&limit, room, sizeof(room));
	if (o->type != OPT_WORD && o->type != OPT_MONEY && o->type != OPT_DATE &&
	    o->type != OPT_YES_NO && (v < o->min || v > o->max)) {
		option_print(&limit, o, v < o->min ? o->min : o->max);
		problem_add(r->p, n->place, "%s: %s is %s than %s", o->name, shown(r, o, n),
			    v < o->min ? "less" : "more", sb_cstr(&limit));
		return;
	}
	put_number(o, section, v);
}

static void read_scalar(struct reader *r, const struct option *o, char *section,
			const struct yaml_node *n)
{
	struct slice s;

	if (n->kind != YAML_SCALAR) {
		wrong_kind(r, o->name, o->type, n);
		return;
	}
	if (!expand(&s, r->a, n->text, r->env, n->place, r->p))
		return;
	if (o->type == OPT_TEXT || o->type == OPT_SECRET) {
		*(struct text *)(void *)(section + o->at) = (struct text){ s, n->place, true };
	} else if (o->type == OPT_BOOL) {
		if (!bool_read(s, (bool *)(section + o->at)))
			problem_add(r->p, n->place, "%s: %s is neither true nor false", o->name,
				    shown(r, o, n));
	} else {
		read_number(r, o, section, n, s);
	}
}

/* ---- several values ------------------------------------------------------------------- */

static bool read_text(struct reader *r, const struct option *o, const struct yaml_node *n,
		      struct text *out)
{
	if (n->kind != YAML_SCALAR) {
		wrong_kind(r, o->name, OPT_TEXT, n);
		return false;
	}
	out->at = n->place;
	out->given = true;
	return expand(&out->s, r->a, n->text, r->env, n->place, r->p);
}

static void read_texts(struct reader *r, const struct option *o, char *section,
		       const struct yaml_node *n)
{
	struct texts *t = (struct texts *)(void *)(section + o->at);
	bool list = n->kind == YAML_LIST;

	if (n->kind == YAML_MAP) {
		wrong_kind(r, o->name, o->type, n);
		return;
	}
	t->v = ARENA_ARRAY(r->a, struct text, list ? n->n : 1);
	if (t->v == NULL)
		return;
	for (const struct yaml_node *c = list ? n->first : n; c != NULL;
	     c = list ? c->next : NULL)
		if (read_text(r, o, c, &t->v[t->n]))
			t->n++;
}

static void read_pairs(struct reader *r, const struct option *o, char *section,
		       const struct yaml_node *n)
{
	struct pairs *p = (struct pairs *)(void *)(section + o->at);

	if (n->kind != YAML_MAP) {
		wrong_kind(r, o->name, o->type, n);
		return;
	}
	p->v = ARENA_ARRAY(r->a, struct pair, n->n);
	if (p->v == NULL)
		return;
	for (const struct yaml_node *c = n->first; c != NULL; c = c->next) {
		struct pair *to = &p->v[p->n];

		to->name = expand_show(r->a, c->key);
		to->name_at = c->key_place;
		if (read_text(r, o, c, &to->value))
			p->n++;
	}
}

/* ---- sections ---------------------------------------------------------------------------- */

static void set_defaults(const struct option_table *t, char *section);

static void set_default(const struct option *o, char *section)
{
	struct slice s = slice_cstr(o->dflt);
	uint64_t v = OPTION_UNSET;

	switch (o->type) {
	case OPT_INT:
	case OPT_DURATION:
	case OPT_SIZE:
	case OPT_MONEY:
	case OPT_SHARE:
	case OPT_DATE:
	case OPT_WORD:
	case OPT_YES_NO:
		if (o->dflt != NULL)
			INVARIANT(number_read(o, s, &v));
		put_number(o, section, v);
		break;
	case OPT_BOOL:
		INVARIANT(bool_read(s, (bool *)(section + o->at)));
		break;
	case OPT_TEXT:
		((struct text *)(void *)(section + o->at))->s = s;
		break;
	case OPT_SECTION:
		set_defaults(o->of, section + o->at);
		break;
	case OPT_SECRET:
	case OPT_TEXTS:
	case OPT_PAIRS:
	case OPT_LIST:
	case OPT_NAMED:
		break; /* zero is none */
	}
}

/* `section` is zeroed. */
static void set_defaults(const struct option_table *t, char *section)
{
	for (size_t i = 0; i < t->n; i++)
		set_default(&t->rows[i], section);
}

static void read_section(struct reader *r, const struct option_table *t, const char *name,
			 char *section, const struct yaml_node *n)
{
	struct section *head = (struct section *)(void *)section;

	head->at = n->key.n > 0 ? n->key_place : n->place;
	head->given = true;
	if (is_null(n))
		return;
	if (n->kind != YAML_MAP && t->shorthand != NULL) {
		read_value(r, option_find(t, slice_cstr(t->shorthand)), section, n);
		return;
	}
	if (n->kind != YAML_MAP) {
		wrong_kind(r, name, OPT_SECTION, n);
		return;
	}
	for (const struct yaml_node *c = n->first; c != NULL; c = c->next) {
		const struct option *o = option_find(t, c->key);

		if (o == NULL)
			unknown_option(r, t, c);
		else
			read_value(r, o, section, c);
	}
}

static void read_sections(struct reader *r, const struct option *o, char *section,
			  const struct yaml_node *n)
{
	struct sections *s = (struct sections *)(void *)(section + o->at);
	bool one = o->type == OPT_LIST && n->kind != YAML_LIST;

	if (o->type == OPT_NAMED && n->kind != YAML_MAP) {
		wrong_kind(r, o->name, o->type, n);
		return;
	}
	s->at = n->key.n > 0 ? n->key_place : n->place;
	s->given = true;
	s->each = o->of->size;
	s->v = arena_zero_array(r->a, one ? 1 : n->n, s->each);
	if (s->v == NULL)
		return;
	for (const struct yaml_node *c = one ? n : n->first; c != NULL;
	     c = one ? NULL : c->next) {
		char *to = (char *)s->v + s->n++ * s->each;

		set_defaults(o->of, to);
		if (o->type == OPT_NAMED)
			((struct section *)(void *)to)->name = expand_show(r->a, c->key);
		read_section(r, o->of, o->of->name, to, c);
		if (one) /* `listen: x` stands where x does, not where its key does */
			((struct section *)(void *)to)->at = c->place;
	}
}

static void read_value(struct reader *r, const struct option *o, char *section,
		       const struct yaml_node *n)
{
	if (is_null(n))
		return; /* `option:` alone is as if it were not there */
	switch (o->type) {
	case OPT_BOOL:
	case OPT_INT:
	case OPT_DURATION:
	case OPT_SIZE:
	case OPT_MONEY:
	case OPT_SHARE:
	case OPT_DATE:
	case OPT_WORD:
	case OPT_YES_NO:
	case OPT_TEXT:
	case OPT_SECRET:
		read_scalar(r, o, section, n);
		break;
	case OPT_TEXTS:
		read_texts(r, o, section, n);
		break;
	case OPT_PAIRS:
		read_pairs(r, o, section, n);
		break;
	case OPT_SECTION:
		read_section(r, o->of, o->name, section + o->at, n);
		break;
	case OPT_LIST:
	case OPT_NAMED:
		read_sections(r, o, section, n);
		break;
	}
}

/* ---- the file -----------------------------------------------------------------------------
 */

struct config *config_defaults(struct arena *a)
{
	struct config *c = ARENA_NEW(a, struct config);

	if (c != NULL)
		set_defaults(&options_root, (char *)c);
	return c;
}

void config_section_defaults(const struct option_table *t, void *section)
{
	set_defaults(t, section);
}

enum rc config_read(struct config **out, struct arena *a, struct slice text,
		    const struct config_env *env, struct problems *p)
{
	struct reader r = { .a = a, .env = env, .p = p };
	struct config *c = config_defaults(a);
	struct yaml_problem yaml;
	struct yaml_node *root;
	enum rc rc;

	text = expand_hide(a, text);
	if (arena_failed(a))
		return E_NOMEM;
	rc = yaml_read(&root, a, text, &yaml);
	if (rc == E_BAD || rc == E_TOOBIG) {
		problem_add(p, yaml.place, "%s", yaml.text);
		return E_BAD;
	}
	if (rc != OK)
		return rc;
	read_section(&r, &options_root, "the file", (char *)c, root);
	if (arena_failed(a))
		return E_NOMEM;
	if (p->n > 0)
		return E_BAD;
	*out = c;
	return OK;
}

enum rc config_read_rows(struct sections *out, struct arena *a, struct slice text,
			 const struct option_table *of, const struct config_env *env,
			 struct problems *p)
{
	const struct option rows = { .name = "the file", .type = OPT_LIST, .of = of };
	struct reader r = { .a = a, .env = env, .p = p };
	struct yaml_problem yaml;
	struct yaml_node *root;
	size_t before = p->n;
	enum rc rc;

	*out = (struct sections){ .each = of->size };
	text = expand_hide(a, text);
	if (arena_failed(a))
		return E_NOMEM;
	rc = yaml_read(&root, a, text, &yaml);
	if (rc == E_BAD || rc == E_TOOBIG) {
		problem_add(p, yaml.place, "%s", yaml.text);
		return E_BAD;
	}
	if (rc != OK)
		return rc;
	if (root->kind == YAML_LIST)
		read_sections(&r, &rows, (char *)out, root);
	else if (root->kind != YAML_MAP || root->n > 0) /* an empty file has no rows */
		wrong_kind(&r, rows.name, OPT_LIST, root);
	if (arena_failed(a))
		return E_NOMEM;
	return p->n > before ? E_BAD : OK;
}

enum rc config_address(const struct config *c, size_t i, struct address *out, struct err *err)
{
	const struct config_listen *l = NULL;
	struct slice text = LIT("127.0.0.1:8080"), host;
	uint16_t port = 8080;
	enum rc rc;

	if (c->listen.n > 0) {
		l = sections_at(&c->listen, i);
		text = l->address.s;
	}
	rc = url_host_port(text, &host, &port, err);
	if (rc != OK)
		return rc;
	if (slice_eq(host, LIT("localhost")))
		host = LIT("127.0.0.1");
	if (address_read(out, host, port) != OK)
		return err_set(err, E_BAD, "config.listen",
			       "\"%.*s\" is a name; write an address such as 127.0.0.1 or "
			       "0.0.0.0",
			       SARG(host));
	return OK;
}
