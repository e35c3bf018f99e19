/* Providers: what the file says, over what the catalogue knows. */
#include "app/config_build.h"

#include "wire/http1.h"
#include "wire/json_scan.h"

static bool name_ok(struct slice name)
{
	for (size_t i = 0; i < name.n; i++) {
		char c = name.p[i];

		if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '-' && c != '_' && c != '.')
			return false;
	}
	return name.n > 0 && name.n <= 64;
}

/* What is known of it, and how it is spoken with. */
struct speaking {
	const struct provider_known *known; /* NULL: nothing */
	enum provider_dialect dialect;
	struct provider_way way; /* complete but for the URL */
	bool native;             /* the dialect of its row: quirks, paths and such hold */
};

static void not_spoken(struct builder *b, const struct config_provider *c,
		       const struct provider_known *known)
{
	struct provider_way way;
	char room[200];
	struct sb list;

	sb_init(&list, room, sizeof(room));
	for (unsigned i = 0; i < DIALECTS; i++)
		if (provider_speaks(known, i, &way))
			sb_fmt(&list, "%s%s", list.n > 0 ? ", " : "",
			       provider_dialects[i].name);
	problem_add(b->p, c->section.at,
		    "dialect: \"%s\" speaks %s, not %s; give the base_url where it does",
		    known->name, sb_cstr(&list), provider_dialects[c->dialect].name);
}

static struct speaking how_to_speak(struct builder *b, const struct config_provider *c)
{
	struct speaking s = { .known = provider_known(c->section.name) };
	bool speaks;

	s.dialect = c->dialect != OPTION_UNSET ? (enum provider_dialect)c->dialect
		    : s.known != NULL          ? s.known->dialect
					       : DIALECT_OPENAI;
	speaks = s.known != NULL && provider_speaks(s.known, s.dialect, &s.way);
	s.native = speaks && s.dialect == s.known->dialect;
	if (!speaks)
		s.way = (struct provider_way){
			.dialect = s.dialect,
			.auth_name = provider_dialects[s.dialect].auth_name,
			.auth_prefix = provider_dialects[s.dialect].auth_prefix,
		};
	if (s.known != NULL && !speaks && !c->base_url.given)
		not_spoken(b, c, s.known);
	return s;
}

static struct slice region_of(struct builder *b, const struct config_provider *c)
{
	return c->region.given
		       ? c->region.s
		       : config_env_text(b->o->env, "AWS_REGION", "AWS_DEFAULT_REGION").s;
}

static void no_base_url(struct builder *b, const struct config_provider *c,
			const struct speaking *s)
{
	const struct provider_closed *closed = provider_closed(c->section.name);
	const char *near = provider_suggest(c->section.name);

	if (s->known != NULL && s->way.base_hint != NULL)
		problem_add(b->p, c->section.at, "provider \"%s\": add its base_url, like %s",
			    s->known->name, s->way.base_hint);
	else if (s->known != NULL)
		return; /* does not speak this dialect, which was said */
	else if (closed != NULL)
		problem_add(b->p, c->section.at,
			    "provider \"%s\": %s has closed (%s); remove it", closed->name,
			    closed->title, closed->on);
	else if (near != NULL)
		problem_add(
			b->p, c->section.at,
			"provider \"%.*s\" is not known; did you mean \"%s\"? Otherwise add "
			"its base_url",
			SARG(c->section.name), near);
	else
		problem_add(b->p, c->section.at,
			    "provider \"%.*s\" is not known; add its base_url",
			    SARG(c->section.name));
}

/* The region's own address: where the hint says REGION. */
static struct slice in_region(struct builder *b, const struct config_provider *c,
			      const char *hint)
{
	struct slice text = slice_cstr(hint), region = region_of(b, c);
	size_t at = slice_find(text, LIT("REGION"));

	if (at == SLICE_NONE || region.n == 0)
		return (struct slice){ NULL, 0 };
	return arena_fmt(&b->s->arena, "%.*s%.*s%.*s", SARG(slice_head(text, at)), SARG(region),
			 SARG(slice_skip(text, at + sizeof("REGION") - 1)));
}

static void build_url(struct builder *b, const struct config_provider *c,
		      const struct speaking *s, struct provider *p)
{
	struct slice text = c->base_url.s;
	struct yaml_place at = c->base_url.given ? c->base_url.at : c->section.at;
	struct err err = { .rc = OK };

	if (!c->base_url.given && s->way.base_url != NULL)
		text = slice_cstr(s->way.base_url);
	else if (!c->base_url.given)
		text = in_region(b, c, s->way.base_hint);
	if (text.n == 0 && !c->base_url.given) {
		no_base_url(b, c, s);
		return;
	}
	text = arena_copy(&b->s->arena, text);
	if (url_read(&p->url, text, &err) != OK) {
		problem_add(b->p, at, "base_url: %s", err.text);
		return;
	}
	if (p->url.userinfo.n > 0)
		problem_add(b->p, at,
			    "base_url: no user or password here; give the key in api_key");
	if (p->url.query.n > 0)
		problem_add(b->p, at,
			    "base_url: no query (?...) here; paths are appended to it");
	p->base_path = p->url.path;
	while (slice_ends(p->base_path, LIT("/")))
		p->base_path.n--;
	if (slice_ends(p->base_path, LIT("/chat/completions")))
		problem_add(b->p, at,
			    "base_url: leave out /chat/completions; it is appended to it");
}

/* One key; `at`: of what is wrong with it. */
static void build_key(struct builder *b, struct provider *p, struct text name, struct slice key,
		      uint64_t weight, struct yaml_place at)
{
	if (!http1_value_ok(key))
		problem_add(
			b->p, at,
			"the key of \"%.*s\" holds bytes that no header may have, such as a "
			"line's end",
			SARG(p->name));
	p->keys[p->key_n++] = (struct provider_key){
		.name = arena_copy(&b->s->arena, name.s),
		.key = secret_make(&b->s->arena, key),
		.weight = (unsigned)weight,
	};
}

static void build_several_keys(struct builder *b, const struct config_provider *c,
			       struct provider *p)
{
	const struct sections *all = &c->api_keys;

	if (c->api_key.given)
		problem_add(b->p, c->api_key.at, "api_key: give either api_key or api_keys");
	for (size_t i = 0; i < all->n; i++) {
		const struct config_provider_key *k = sections_at(all, i);

		if (!k->name.given || k->name.s.n == 0)
			problem_add(b->p, k->section.at,
				    "api_keys: a key has no name; add \"name: ...\", for the "
				    "records");
		if (!k->key.given || k->key.s.n == 0) {
			problem_add(b->p, k->key.given ? k->key.at : k->section.at,
				    "api_keys: the key \"%.*s\" is empty; add \"key: ...\"",
				    SARG(k->name.s));
			continue;
		}
		for (size_t j = 0; j < p->key_n; j++)
			if (slice_eq(p->keys[j].name, k->name.s))
				problem_add(b->p, k->name.at,
					    "api_keys: the name \"%.*s\" is another key's "
					    "already",
					    SARG(k->name.s));
		build_key(b, p, k->name, k->key.s, k->weight, k->key.at);
	}
}

static void build_keys(struct builder *b, const struct config_provider *c,
		       const struct speaking *s, struct provider *p)
{
	const struct provider_known *known = s->known;
	struct text key = c->api_key;

	p->keys = ARENA_ARRAY(&b->s->arena, struct provider_key, c->api_keys.n + 1);
	if (p->keys == NULL)
		return;
	if (c->api_keys.n > 0) {
		build_several_keys(b, c, p);
		return;
	}
	if (known != NULL && !key.given)
		key = config_env_text(b->o->env, known->key_env, known->key_env_too);
	if (c->api_key.given && c->api_key.s.n == 0)
		problem_add(b->p, c->api_key.at,
			    "api_key: is empty; leave the option out for a provider without a "
			    "key");
	if (!key.given && p->aws.id.n == 0 && known != NULL && !known->local &&
	    !c->base_url.given)
		problem_add(b->p, c->section.at,
			    "provider \"%s\" needs a key: set %s in the environment, or give "
			    "api_key",
			    known->name, known->key_env);
	if (key.s.n > 0)
		build_key(b, p, (struct text){ .given = false }, key.s, 1,
			  c->api_key.given ? c->api_key.at : c->section.at);
}

static void build_auth(struct builder *b, const struct config_provider *c,
		       const struct speaking *s, struct provider *p)
{
	struct slice header = slice_cstr(s->way.auth_name);
	struct slice prefix = slice_cstr(s->way.auth_prefix);

	build_keys(b, c, s, p);
	if (c->auth_header.given) {
		if (!slice_ieq(c->auth_header.s, header))
			prefix = slice_of(NULL, 0);
		header = c->auth_header.s;
	}
	if (c->auth_prefix.given)
		prefix = c->auth_prefix.s;
	if (p->key_n == 0)
		return;
	if (!http1_name_ok(header))
		problem_add(b->p, c->auth_header.at, "auth_header: not a header's name");
	if (!http1_value_ok(prefix))
		problem_add(b->p, c->auth_prefix.at,
			    "auth_prefix: holds bytes that no header may have");
	p->auth_name = arena_copy(&b->s->arena, header);
	p->auth_prefix = arena_copy(&b->s->arena, prefix);
}

/* An AWS account's keys, where there is no bearer key. */
static void build_aws(struct builder *b, const struct config_provider *c,
		      const struct speaking *s, struct provider *p)
{
	const struct config_env *env = b->o->env;
	struct text id = c->access_key_id, secret = c->secret_access_key;
	struct text session = c->session_token;
	bool signs = s->dialect == DIALECT_BEDROCK || (s->known != NULL && s->known->sigv4);

	if (!id.given && signs && !c->api_key.given && c->api_keys.n == 0 &&
	    (s->known == NULL || !config_env_text(env, s->known->key_env, NULL).given)) {
		id = config_env_text(env, "AWS_ACCESS_KEY_ID", NULL);
		secret = config_env_text(env, "AWS_SECRET_ACCESS_KEY", NULL);
		session = config_env_text(env, "AWS_SESSION_TOKEN", NULL);
	}
	if (id.s.n == 0)
		return;
	if (!signs)
		problem_add(b->p, id.at, "access_key_id: only bedrock providers sign requests");
	if (secret.s.n == 0)
		problem_add(b->p, id.at, "access_key_id: secret_access_key is missing");
	if (region_of(b, c).n == 0)
		problem_add(b->p, c->section.at,
			    "region: is needed for signatures; give it, or set AWS_REGION");
	if (!http1_value_ok(id.s) || !http1_value_ok(session.s))
		problem_add(b->p, id.at,
			    "the AWS keys hold bytes that no header may have, such as a line's "
			    "end");
	p->aws = (struct sigv4_key){
		.id = arena_copy(&b->s->arena, id.s),
		.secret = secret_make(&b->s->arena, secret.s),
		.token = secret_make(&b->s->arena, session.s),
	};
	p->aws_region = arena_copy(&b->s->arena, region_of(b, c));
	p->aws_service =
		s->known != NULL && slice_eq(slice_cstr(s->known->name), LIT("bedrock-mantle"))
			? LIT("bedrock-mantle")
			: LIT("bedrock");
}

/* Headers that would break the framing, or are the gateway's own. */
static bool header_is_ours(struct slice name)
{
	static const char *const ours[] = { "host",
					    "content-length",
					    "content-type",
					    "transfer-encoding",
					    "connection",
					    "keep-alive",
					    "upgrade",
					    "te",
					    "trailer",
					    "expect",
					    "proxy-authorization",
					    "accept-encoding" };

	for (size_t i = 0; i < ARRAY_LEN(ours); i++)
		if (slice_ieq(slice_cstr(ours[i]), name))
			return true;
	return false;
}

/* What its dialect wants, unless the file says it. */
static void add_header(const struct config_provider *c, enum provider_dialect dialect,
		       struct provider *p)
{
	const struct provider_dialect_row *row = &provider_dialects[dialect];

	if (row->header_name == NULL)
		return;
	for (size_t i = 0; i < c->headers.n; i++)
		if (slice_ieq(c->headers.v[i].name, slice_cstr(row->header_name)))
			return;
	p->headers[p->header_n++] =
		(struct header){ slice_cstr(row->header_name), slice_cstr(row->header_value) };
}

static void build_headers(struct builder *b, const struct config_provider *c,
			  enum provider_dialect dialect, struct provider *p)
{
	p->headers = ARENA_ARRAY(&b->s->arena, struct header, c->headers.n + 1);
	if (p->headers != NULL)
		add_header(c, dialect, p);
	for (size_t i = 0; p->headers != NULL && i < c->headers.n; i++) {
		const struct pair *h = &c->headers.v[i];

		if (!http1_name_ok(h->name))
			problem_add(b->p, h->name_at,
				    "headers: \"%.*s\" is not a header's name", SARG(h->name));
		else if (header_is_ours(h->name))
			problem_add(b->p, h->name_at, "headers: %.*s is set by weir itself",
				    SARG(h->name));
		else if (slice_ieq(h->name, p->auth_name))
			problem_add(b->p, h->name_at,
				    "headers: %.*s carries the key; give it in api_key",
				    SARG(h->name));
		if (!http1_value_ok(h->value.s))
			problem_add(b->p, h->value.at,
				    "headers: the value of %.*s holds bytes that no header may "
				    "have",
				    SARG(h->name));
		p->headers[p->header_n++] =
			(struct header){ arena_copy(&b->s->arena, h->name),
					 arena_copy(&b->s->arena, h->value.s) };
	}
}

static void build_drop(struct builder *b, const struct config_provider *c,
		       const struct provider_known *known, struct provider *p)
{
	static const char *const needed[] = { "model", "messages", "stream", "input",
					      "prompt" };

	p->drop_params =
		ARENA_ARRAY(&b->s->arena, struct slice, c->drop_params.n + PROVIDER_DROP_MAX);
	if (p->drop_params == NULL)
		return;
	for (size_t i = 0; known != NULL && i < PROVIDER_DROP_MAX && known->drop[i] != NULL;
	     i++)
		p->drop_params[p->drop_param_n++] = slice_cstr(known->drop[i]);
	for (size_t i = 0; i < c->drop_params.n; i++) {
		struct text t = c->drop_params.v[i];

		for (size_t j = 0; j < ARRAY_LEN(needed); j++)
			if (slice_eq(slice_cstr(needed[j]), t.s))
				problem_add(b->p, t.at,
					    "drop_params: a request without \"%s\" asks for "
					    "nothing",
					    needed[j]);
		p->drop_params[p->drop_param_n++] = arena_copy(&b->s->arena, t.s);
	}
}

static unsigned read_quirk(struct builder *b, struct text t)
{
	const char *near = NULL;
	size_t best = 4;
	char room[600];
	struct sb list;

	sb_init(&list, room, sizeof(room));
	for (size_t i = 0; i < provider_quirk_n; i++) {
		const struct provider_quirk_name *q = &provider_quirk_names[i];
		size_t d = slice_distance(slice_cstr(q->name), t.s);

		if (d == 0)
			return q->quirk;
		if (d < best) {
			best = d;
			near = q->name;
		}
		sb_fmt(&list, "%s%s", i == 0 ? "" : ", ", q->name);
	}
	if (near != NULL)
		problem_add(b->p, t.at, "quirks: unknown quirk \"%.*s\"; did you mean \"%s\"?",
			    SARG(t.s), near);
	else
		problem_add(b->p, t.at, "quirks: \"%.*s\" is not one of %s", SARG(t.s),
			    sb_cstr(&list));
	return 0;
}

/* `"key":"value"`, ready to be put into a body. */
static void build_add(struct builder *b, const struct config_provider *c, struct provider *p)
{
	struct arena *a = &b->s->arena;

	p->add_members = ARENA_ARRAY(a, struct slice, c->add_params.n);
	for (size_t i = 0; p->add_members != NULL && i < c->add_params.n; i++) {
		const struct pair *v = &c->add_params.v[i];
		struct slice key = json_quote(a, v->name), value = json_quote(a, v->value.s);

		p->add_members[p->add_member_n++] =
			arena_fmt(a, "%.*s:%.*s", SARG(key), SARG(value));
	}
}

static void build_paths(const struct provider_known *known, struct provider *p)
{
	p->chat_path = slice_cstr(known->chat_path);
	p->chat_stream_path = slice_cstr(known->chat_stream_path);
	p->embeddings_path = slice_cstr(known->embeddings_path);
}

/* What is not known is taken for the worse: it keeps what it is sent and learns from it. */
static void build_data_policy(struct builder *b, const struct config_provider *c,
			      const struct speaking *s, struct provider *p)
{
	const struct provider_known *known = s->known;
	bool aws = s->dialect == DIALECT_BEDROCK || (known != NULL && known->sigv4);

	p->local = c->local != OPTION_UNSET ? c->local != 0 : known != NULL && known->local;
	p->zdr = c->zdr != OPTION_UNSET ? c->zdr != 0 : known != NULL && known->local;
	p->collects = c->data_collection != OPTION_UNSET
			      ? c->data_collection == COLLECTION_ALLOW
			      : !p->zdr;
	p->cancel_bills = c->cancel != OPTION_UNSET ? c->cancel == CANCEL_BILLS
						    : known != NULL && known->cancel_bills;
	p->region = arena_copy(&b->s->arena, aws ? region_of(b, c) : c->region.s);
	if (p->zdr && p->collects)
		problem_add(b->p, c->section.at,
			    "data_collection: who keeps nothing (zdr) does not collect");
}

static void build_provider(struct builder *b, const struct config_provider *c,
			   struct provider *p)
{
	const struct speaking s = how_to_speak(b, c);
	const struct provider_known *known = s.known;

	p->dialect = dialect_of(s.dialect);
	p->name = arena_copy(&b->s->arena, c->section.name);
	if (!name_ok(p->name))
		problem_add(b->p, c->section.at,
			    "provider \"%.*s\": a name has letters, digits, \"-\", \"_\" and "
			    "\".\" only, at most 64",
			    SARG(p->name));
	build_url(b, c, &s, p);
	build_aws(b, c, &s, p);
	build_auth(b, c, &s, p);
	build_headers(b, c, s.dialect, p);
	build_drop(b, c, s.native ? known : NULL, p);
	build_add(b, c, p);
	if (s.native)
		build_paths(known, p);
	p->quirks = s.native ? known->quirks : 0;
	for (size_t i = 0; i < c->quirks.n; i++)
		p->quirks = (i == 0 ? 0 : p->quirks) | read_quirk(b, c->quirks.v[i]);
	if (p->url.https)
		p->tls = build_tls(b, c->ca_file);
	else if (c->ca_file.given && p->url.host.n > 0)
		problem_add(b->p, c->ca_file.at, "ca_file: the base_url is not https");
	/* A model server on this machine is never behind the proxy. */
	p->use_proxy = c->proxy && (known == NULL || !known->local);
	p->connect_timeout_us = c->connect_timeout != OPTION_UNSET ? c->connect_timeout
								   : b->c->timeouts.connect;
	build_data_policy(b, c, &s, p);
	p->open_ended = c->open_ended;
	p->simulated = c->simulated;
	p->warm = (unsigned)c->warm;
}

void build_providers(struct builder *b)
{
	const struct sections *from = &b->c->providers;
	struct snapshot *s = b->s;
	struct provider *all;

	all = ARENA_ARRAY(&s->arena, struct provider, from->n);
	s->provider_list = ARENA_ARRAY(&s->arena, struct provider *, from->n);
	s->tls_list =
		ARENA_ARRAY(&s->arena, struct snapshot_tls *, from->n + 1); /* media too */
	if (arena_failed(&s->arena) || !map_init(&s->providers, &s->arena, from->n))
		return;
	for (size_t i = 0; i < from->n; i++) {
		build_provider(b, sections_at(from, i), &all[i]);
		all[i].index = (uint32_t)s->provider_n;
		keep_provider(b, &all[i]);
		s->provider_list[s->provider_n++] = &all[i];
		/* Names are unique: YAML's reader saw to it. */
		if (!map_put(&s->providers, all[i].name, &all[i]))
			b->no_memory = true;
	}
}
