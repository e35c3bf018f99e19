#include "app/load.h"

#include "app/wiping.h"
#include "io/files.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

static const char *process_get(const struct config_env *e UNUSED, const char *name)
{
	return getenv(name);
}

const struct config_env process_env = { process_get };

uint64_t random_seed(void)
{
	struct timespec t;
	uint64_t seed;

	if (getrandom(&seed, sizeof(seed), 0) == (ssize_t)sizeof(seed))
		return seed;
	clock_gettime(CLOCK_MONOTONIC, &t); /* a system so old that it cannot do better */
	return (uint64_t)t.tv_nsec * 0x9e3779b97f4a7c15U ^ (uint64_t)getpid();
}

/* ---- finding the file ---------------------------------------------------------------------
 */

static bool try_file(struct loaded *l, const char *folder, const char *name)
{
	int n;

	if (folder == NULL || folder[0] == '\0')
		return false;
	n = snprintf(l->file, sizeof(l->file), "%s/%s", folder, name);
	if (n > 0 && (size_t)n < sizeof(l->file) && access(l->file, F_OK) == 0)
		return true;
	l->file[0] = '\0';
	return false;
}

static void find_file(struct loaded *l, const char *asked)
{
	if (asked != NULL) {
		snprintf(l->file, sizeof(l->file), "%s", asked);
		return;
	}
	if (try_file(l, ".", "weir.yaml"))
		return;
	if (getenv("XDG_CONFIG_HOME") != NULL
		    ? try_file(l, getenv("XDG_CONFIG_HOME"), "weir/weir.yaml")
		    : try_file(l, getenv("HOME"), ".config/weir/weir.yaml"))
		return;
	(void)try_file(l, "/etc", "weir/weir.yaml");
}

static enum rc read_file(struct loaded *l)
{
	const struct yaml_place whole = { 0, 0 };
	struct err err = { .rc = OK };
	struct slice text;
	enum rc rc;

	rc = file_read(&text, &l->arena, slice_cstr(l->file), CONFIG_BYTES_MAX, &err);
	if (rc == E_NOMEM)
		return rc;
	if (rc != OK) {
		problem_add(&l->problems, whole, "%s", err.text);
		return E_BAD;
	}
	return config_read(&l->config, &l->arena, text, &process_env, &l->problems);
}

/* ---- without a file -------------------------------------------------------------------------
 */

/* Makes `s` have room for `n` elements of table `each`; those there keep their place. */
static bool grow(struct arena *a, struct sections *s, size_t n, size_t each)
{
	void *v = arena_zero_array(a, s->n + n, each);

	if (v == NULL)
		return false;
	if (s->n > 0)
		memcpy(v, s->v, s->n * each);
	s->v = v;
	s->each = each;
	s->given = true;
	return true;
}

static bool has(const struct sections *s, struct slice name)
{
	for (size_t i = 0; i < s->n; i++)
		if (slice_eq(((struct section *)sections_at(s, i))->name, name))
			return true;
	return false;
}

static struct config_provider *add_provider(struct config *c, struct slice name)
{
	struct config_provider *p;

	c->providers.n++; /* grow() made room */
	p = sections_at(&c->providers, c->providers.n - 1);
	config_section_defaults(&options_provider, p);
	p->section = (struct section){ .name = name, .given = true };
	return p;
}

static bool add_model(struct config *c, struct arena *a, struct slice name,
		      struct slice provider, struct slice model)
{
	struct config_deployment *d = ARENA_NEW(a, struct config_deployment);
	struct config_model *m;

	if (d == NULL)
		return false;
	c->models.n++;
	m = sections_at(&c->models, c->models.n - 1);
	config_section_defaults(&options_model, m);
	m->section = (struct section){ .name = name, .given = true };
	m->deployments = (struct sections){ .v = d, .n = 1, .each = sizeof(*d), .given = true };
	config_section_defaults(&options_deployment, d);
	d->provider = (struct text){ .s = provider, .given = true };
	d->model = (struct text){ .s = model, .given = true };
	return true;
}

static bool has_key(const struct provider_known *k)
{
	const char *v = getenv(k->key_env);

	if ((v == NULL || v[0] == '\0') && k->key_env_too != NULL)
		v = getenv(k->key_env_too);
	return v != NULL && v[0] != '\0';
}

static bool wanted(const struct load_options *o, const struct provider_known *k)
{
	if (k->base_url == NULL)
		return false;
	if (!k->local)
		return has_key(k);
	for (size_t i = 0; i < o->found_n; i++)
		if (o->found[i].known == k)
			return true;
	return o->locals;
}

static bool add_known(struct loaded *l, const struct load_options *o)
{
	struct config *c = l->config;

	if (!grow(&l->arena, &c->providers, provider_known_n, sizeof(struct config_provider)))
		return false;
	for (size_t i = 0; i < provider_known_n; i++) {
		const struct provider_known *k = &providers_known[i];

		if (wanted(o, k))
			add_provider(c, slice_cstr(k->name))->proxy = !k->local;
	}
	return true;
}

static bool is_provider_path(const struct config *c, struct slice id)
{
	struct slice first;

	return slice_cut(id, '/', &first, NULL) && has(&c->providers, first);
}

/* Every model as `provider/id`, and as `id` where no other has that name: the first provider
 * that has it gets it. */
static bool add_found(struct loaded *l, const struct load_options *o)
{
	struct config *c = l->config;
	size_t n = 0;
	struct map taken;

	for (size_t i = 0; i < o->found_n; i++)
		n += o->found[i].model_n * 2;
	if (!grow(&l->arena, &c->models, n, sizeof(struct config_model)) ||
	    !map_init(&taken, &l->arena, n))
		return false;
	for (size_t i = 0; i < o->found_n; i++) {
		const struct found_provider *f = &o->found[i];
		struct slice provider = slice_cstr(f->known->name);

		for (size_t j = 0; j < f->model_n; j++) {
			struct slice id = f->models[j];
			struct slice path =
				arena_fmt(&l->arena, "%.*s/%.*s", SARG(provider), SARG(id));

			if (arena_failed(&l->arena))
				return false;
			if (map_put(&taken, path, c) &&
			    !add_model(c, &l->arena, path, provider, id))
				return false;
			if (!is_provider_path(c, id) && map_put(&taken, id, c) &&
			    !add_model(c, &l->arena, id, provider, id))
				return false;
		}
	}
	return true;
}

/* ---- beside the file ------------------------------------------------------------------------
 */

static bool add_mock(struct loaded *l, const struct load_options *o)
{
	struct config *c = l->config;
	struct slice rest = o->mock_models, name;
	struct config_provider *p;
	size_t n = 1;

	if (o->mock_url.n == 0 || has(&c->providers, LIT("mock")))
		return true;
	for (size_t i = 0; i < rest.n; i++)
		n += rest.p[i] == ',' ? 1 : 0;
	if (!grow(&l->arena, &c->providers, 1, sizeof(struct config_provider)) ||
	    !grow(&l->arena, &c->models, n, sizeof(struct config_model)))
		return false;
	p = add_provider(c, LIT("mock"));
	p->base_url = (struct text){ .s = o->mock_url, .given = true };
	p->simulated = true;
	p->proxy = false;
	while (rest.n > 0) {
		slice_cut(rest, ',', &name, &rest);
		if (name.n > 0 && !has(&c->models, name) &&
		    !add_model(c, &l->arena, name, LIT("mock"), name))
			return false;
	}
	return true;
}

static bool set_listen(struct loaded *l, const struct load_options *o)
{
	struct config_listen *at;

	if (o->listen.n == 0)
		return true;
	l->config->listen.n = 0;
	if (!grow(&l->arena, &l->config->listen, 1, sizeof(struct config_listen)))
		return false;
	l->config->listen.n = 1;
	at = sections_at(&l->config->listen, 0);
	at->address = (struct text){ .s = o->listen, .given = true };
	return true;
}

/* ---- all of it
 * ------------------------------------------------------------------------------- */

static enum rc load_all(struct loaded *l, const struct load_options *o)
{
	struct config_build build = {
		.mem = system_mem(),
		.env = &process_env,
		.before = o->before,
		.key_seed = o->key_seed,
		.day = (int64_t)(time(NULL) / 86400),
	};
	enum rc rc = OK;

	*l = (struct loaded){ .config = NULL };
	arena_init(&l->arena, wiping_mem(), 16384, 256 << 20);
	problems_init(&l->problems, &l->arena);
	find_file(l, o->file);
	if (l->file[0] != '\0') {
		rc = read_file(l);
	} else {
		build.may_be_empty = true;
		l->config = config_defaults(&l->arena);
		if (l->config == NULL || !add_known(l, o) || !add_found(l, o))
			rc = E_NOMEM;
	}
	if (rc != OK)
		return rc;
	if (!add_mock(l, o) || !set_listen(l, o))
		return E_NOMEM;
	if (o->workers != OPTION_UNSET)
		l->config->workers = o->workers;
	if (o->log_level != OPTION_UNSET)
		l->config->log.level = o->log_level;
	return config_build(&l->snapshot, l->config, &build, &l->problems);
}

enum rc load(struct loaded *l, const struct load_options *o)
{
	enum rc rc = load_all(l, o);

	problems_sort(&l->problems);
	return rc;
}

void load_free(struct loaded *l)
{
	snapshot_unref(l->snapshot);
	l->snapshot = NULL;
	arena_free(&l->arena);
}

void load_complain(const struct loaded *l, enum rc rc, FILE *to)
{
	const char *file = l->file[0] != '\0' ? l->file : "weir";

	if (rc == E_NOMEM)
		fprintf(to, "%s: out of memory\n", file);
	for (size_t i = 0; i < l->problems.n; i++) {
		char room[1024 + sizeof(l->file)];
		struct sb out;

		sb_init(&out, room, sizeof(room));
		problem_print(&out, file, &l->problems.v[i]);
		fprintf(to, "%s\n", sb_cstr(&out));
	}
	if (l->problems.more > 0)
		fprintf(to, "%s: and %zu more\n", file, l->problems.more);
}
