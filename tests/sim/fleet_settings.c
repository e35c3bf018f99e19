/* The config file of a fleet's gateway: text, as anybody would write it. */
#include "fleet.h"

#include "app/config.h"
#include "base/sb.h"

#include <stdlib.h>
#include <unistd.h>

enum { CONFIG_MAX = 8192 };

/* Rows of a catalogue, with what they cost; the config names the file. */
struct prices {
	char path[64];
};

static void write_prices(struct prices *p)
{
	char text[2048];
	struct sb o;
	int fd;

	(void)snprintf(p->path, sizeof(p->path), "/tmp/weir-fleet-XXXXXX");
	fd = mkstemp(p->path);
	INVARIANT(fd >= 0);
	sb_init(&o, text, sizeof(text));
	for (unsigned i = 0; i < FLEET_PROVIDERS; i++)
		sb_fmt(&o,
		       "- {provider: p%u, id: m, kind: chat, price_per_mtok: {input: %.3f, "
		       "output: %.3f}}\n",
		       i, INPUT_NANO / 1e3, OUTPUT_NANO / 1e3);
	INVARIANT(!o.cut && write(fd, text, o.n) == (ssize_t)o.n);
	(void)close(fd);
}

static const char *no_environment(const struct config_env *e UNUSED, const char *name UNUSED)
{
	return NULL;
}

static bool has(const struct fleet_spec *spec, unsigned provider)
{
	if (spec->alone != FLEET_ROUTER)
		return provider == (unsigned)spec->alone;
	return (spec->without & 1U << provider) == 0;
}

static void write_config(const struct fleet *f, const struct prices *p, struct sb *o)
{
	const struct fleet_spec *spec = f->spec;

	sb_lit(o, "allow_anonymous: true\n"
		  "log: {access: false}\n"
		  "limits: {connections: 100000, upstream_idle: 10000}\n"
		  "timeouts: {connect: 2s, first_content: 30s, stall: 10s, total: 120s,\n"
		  "  idle: 1h, upstream_idle: 1h}\n");
	sb_fmt(o, "catalogue: %s\nproviders:\n", p->path);
	for (unsigned i = 0; i < FLEET_PROVIDERS; i++)
		sb_fmt(o, "  p%u: {base_url: \"http://10.0.0.%u/v1\", api_key: %s}\n", i, i + 1,
		       f->secret[i]);
	sb_lit(o, "models:\n  chat:\n    deployments:\n");
	for (unsigned i = 0; i < FLEET_PROVIDERS; i++)
		if (has(spec, i))
			sb_fmt(o, "      - {provider: p%u, model: m, priority: 1}\n", i);
	sb_fmt(o,
	       "    retries: {attempts: %u}\n"
	       "    retry_budget: {share: %u%%, burst: %d}\n"
	       "    slow_start: 5s\n",
	       spec->alone == FLEET_ROUTER ? 4U : 1U, FLEET_RETRY_PERMILLE / 10U,
	       FLEET_RETRY_BURST);
	if (spec->hedges && spec->alone == FLEET_ROUTER)
		sb_fmt(o, "    hedge: {percentile: %u, share: %u%%, cost_share: %u%%}\n",
		       spec->percentile / 10, spec->hedge_permille / 10,
		       spec->cost_permille / 10);
	INVARIANT(!o->cut);
}

static void tell(const struct problems *p, struct slice text)
{
	char line[1024];

	for (size_t i = 0; i < p->n; i++) {
		struct sb o;

		sb_init(&o, line, sizeof(line));
		problem_print(&o, "fleet.yaml", &p->v[i]);
		fprintf(stderr, "%.*s\n", (int)o.n, line);
	}
	fprintf(stderr, "%.*s", SARG(text));
}

struct snapshot *fleet_settings(const struct fleet *f, struct mem *mem)
{
	static const struct config_env env = { no_environment };
	const struct config_build how = { .mem = mem, .env = &env, .key_seed = f->spec->seed };
	char text[CONFIG_MAX];
	struct config *c = NULL;
	struct snapshot *s = NULL;
	struct prices prices;
	struct problems p;
	struct arena a;
	struct sb o;

	sb_init(&o, text, sizeof(text));
	write_prices(&prices);
	write_config(f, &prices, &o);
	arena_init(&a, mem, 4096, 64 << 20);
	problems_init(&p, &a);
	if (config_read(&c, &a, sb_slice(&o), &env, &p) != OK ||
	    config_build(&s, c, &how, &p) != OK) {
		tell(&p, sb_slice(&o));
		INVARIANT(!"the fleet's config is good");
	}
	arena_free(&a);
	(void)unlink(prices.path);
	INVARIANT(s->deployment_list[0]->target.priced);
	return s;
}
