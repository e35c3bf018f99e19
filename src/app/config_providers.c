/* Providers: what the file says, over what the catalogue knows. */
#include "app/config_build.h"

#include "wire/http1.h"

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

static void no_base_url(struct builder *b, const struct config_provider *c,
			const struct provider_known *known)
{
	const char *near = provider_suggest(c->section.name);

	if (known != NULL)
		problem_add(b->p, c->section.at, "provider \"%s\": add its base_url, like %s",
			    known->name, known->base_hint);
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

static void build_url(struct builder *b, const struct config_provider *c,
		      const struct provider_known *known, struct provider *p)
{
	struct slice text = c->base_url.s;
	struct yaml_place at = c->base_url.given ? c->base_url.at : c->section.at;
	struct err err = { .rc = OK };

	if (!c->base_url.given && (known == NULL || known->base_url == NULL)) {
		no_base_url(b, c, known);
		return;
	}
	if (!c->base_url.given)
		text = slice_cstr(known->base_url);
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

static void build_auth(struct builder *b, const struct config_provider *c,
		       const struct provider_known *known, struct provider *p)
{
	struct slice header = LIT("Authorization"), prefix = LIT("Bearer ");
	struct text key = c->api_key;

	if (known != NULL) {
		header = slice_cstr(known->auth_name);
		prefix = slice_cstr(known->auth_prefix);
		if (!key.given)
			key = config_env_text(b->o->env, known->key_env, known->key_env_too);
	}
	if (c->auth_header.given) {
		if (!slice_ieq(c->auth_header.s, header))
			prefix = slice_of(NULL, 0);
		header = c->auth_header.s;
	}
	if (c->auth_prefix.given)
		prefix = c->auth_prefix.s;
	if (c->api_key.given && c->api_key.s.n == 0)
		problem_add(b->p, c->api_key.at,
			    "api_key: is empty; leave the option out for a provider without a "
			    "key");
	if (!key.given && known != NULL && !known->local && !c->base_url.given)
		problem_add(b->p, c->section.at,
			    "provider \"%s\" needs a key: set %s in the environment, or give "
			    "api_key",
			    known->name, known->key_env);
	if (key.s.n == 0)
		return;
	if (!http1_name_ok(header))
		problem_add(b->p, c->auth_header.at, "auth_header: not a header's name");
	if (!http1_value_ok(prefix))
		problem_add(b->p, c->auth_prefix.at,
			    "auth_prefix: holds bytes that no header may have");
	if (!http1_value_ok(key.s))
		problem_add(
			b->p, c->api_key.given ? c->api_key.at : c->section.at,
			"the key of \"%.*s\" holds bytes that no header may have, such as a "
			"line's end",
			SARG(p->name));
	p->auth_name = arena_copy(&b->s->arena, header);
	p->auth_prefix = arena_copy(&b->s->arena, prefix);
	p->key = secret_make(&b->s->arena, key.s);
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

static void build_headers(struct builder *b, const struct config_provider *c,
			  struct provider *p)
{
	p->headers = ARENA_ARRAY(&b->s->arena, struct header, c->headers.n);
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
	for (size_t i = 0; i < provider_quirk_n; i++)
		if (slice_eq(slice_cstr(provider_quirk_names[i].name), t.s))
			return provider_quirk_names[i].quirk;
	problem_add(b->p, t.at,
		    "quirks: \"%.*s\" is not one of no_stream_options, max_tokens, no_done",
		    SARG(t.s));
	return 0;
}

static void build_provider(struct builder *b, const struct config_provider *c,
			   struct provider *p)
{
	const struct provider_known *known = provider_known(c->section.name);

	p->name = arena_copy(&b->s->arena, c->section.name);
	if (!name_ok(p->name))
		problem_add(b->p, c->section.at,
			    "provider \"%.*s\": a name has letters, digits, \"-\", \"_\" and "
			    "\".\" only, at most 64",
			    SARG(p->name));
	build_url(b, c, known, p);
	build_auth(b, c, known, p);
	build_headers(b, c, p);
	build_drop(b, c, known, p);
	p->quirks = known != NULL ? known->quirks : 0;
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
	p->open_ended = c->open_ended;
	p->simulated = c->simulated;
	p->warm = (unsigned)c->warm;
}

/* The breaker of its unlisted models: of the snapshot before, or new. */
static struct deployment_state *take_state(struct builder *b, struct slice name)
{
	const struct provider *before =
		b->o->before == NULL ? NULL : map_get(&b->o->before->providers, name);
	struct deployment_state *state = before != NULL ? before->state
							: mem_zero(b->o->mem, sizeof(*state));

	if (state == NULL)
		b->no_memory = true;
	else
		atomic_fetch_add(&state->refs, 1);
	return state;
}

void build_providers(struct builder *b)
{
	const struct sections *from = &b->c->providers;
	struct snapshot *s = b->s;
	struct provider *all;

	all = ARENA_ARRAY(&s->arena, struct provider, from->n);
	s->provider_list = ARENA_ARRAY(&s->arena, struct provider *, from->n);
	s->tls_list = ARENA_ARRAY(&s->arena, struct snapshot_tls *, from->n);
	if (arena_failed(&s->arena) || !map_init(&s->providers, &s->arena, from->n))
		return;
	for (size_t i = 0; i < from->n; i++) {
		build_provider(b, sections_at(from, i), &all[i]);
		all[i].index = (uint32_t)s->provider_n;
		all[i].state = take_state(b, all[i].name);
		s->provider_list[s->provider_n++] = &all[i];
		/* Names are unique: YAML's reader saw to it. */
		if (!map_put(&s->providers, all[i].name, &all[i]))
			b->no_memory = true;
	}
}
