/* weir-sim fleet: see fleet.h and docs/simulation.md.
 *
 *	weir-sim fleet --scenario=steady [--requests=N] [--seed=N]    the table of a scenario
 *	weir-sim fleet --check [--requests=N]                         every scenario, judged
 *	weir-sim fleet --self-check                                   breaks each rule on
 *purpose
 */
#include "fleet.h"

struct fleet_options {
	const struct fleet_scenario *scenario;
	uint64_t requests, seed, trace;
	bool json, check, self_check, shares;
};

/* ---- what is printed --------------------------------------------------------- */

static void print_head(void)
{
	printf("%-24s %9s %8s %8s %8s %8s %8s %8s %8s %7s\n", "", "success", "p50", "p90",
	       "p99", "p99.9", "retries", "hedges", "cost", "CPU");
}

static double seconds(uint64_t us)
{
	return (double)us / SECOND;
}

static void print_row(const char *name, const struct fleet_outcome *o)
{
	double n = (double)o->requests;

	printf("%-24s %7.3f %% %6.2f s %6.2f s %6.2f s %6.2f s %6.2f %% %6.2f %% %6.1f u$ "
	       "%5.1f s\n",
	       name, (double)o->complete * 100 / n, seconds(fleet_ttfc_us(o, 500000)),
	       seconds(fleet_ttfc_us(o, 900000)), seconds(fleet_ttfc_us(o, 990000)),
	       seconds(fleet_ttfc_us(o, 999000)),
	       ((double)(o->attempts - o->hedges) / n - 1) * 100, (double)o->hedges * 100 / n,
	       (double)o->cost_nano / n / 1000, seconds(o->cpu_us));
	if (o->rule[0] != '\0')
		printf("  broke %s: %s\n", o->rule, o->text);
	fflush(stdout);
}

static void print_json(const char *name, const struct fleet_spec *spec,
		       const struct fleet_outcome *o)
{
	printf("{\"scenario\":\"%s\",\"run\":\"%s\",\"seed\":%" PRIu64 ",\"requests\":%" PRIu64
	       ",\"complete\":%" PRIu64 ",\"refused\":%" PRIu64 ",\"broken_off\":%" PRIu64
	       ",\"attempts\":%" PRIu64 ",\"hedges\":%" PRIu64 ",\"cost_nano_usd\":%" PRIu64
	       ",\"ttfc_us\":{\"p50\":%" PRIu64 ",\"p90\":%" PRIu64 ",\"p99\":%" PRIu64
	       ",\"p999\":%" PRIu64 "},\"asked\":[",
	       spec->scenario->name, name, spec->seed, o->requests, o->complete, o->refused,
	       o->broken_off, o->attempts, o->hedges, o->cost_nano, fleet_ttfc_us(o, 500000),
	       fleet_ttfc_us(o, 900000), fleet_ttfc_us(o, 990000), fleet_ttfc_us(o, 999000));
	for (unsigned i = 0; i < FLEET_PROVIDERS; i++)
		printf("%s%" PRIu64, i > 0 ? "," : "", o->asked[i]);
	printf("],\"seconds\":[");
	for (size_t i = 0; i * SECOND < o->virtual_us && i < o->second_n; i++)
		printf("%s[%u,%u,%u,%u]", i > 0 ? "," : "", o->second[i].asked[0],
		       o->second[i].asked[1], o->second[i].asked[2], o->second[i].asked[3]);
	printf("],\"cpu_us\":%" PRIu64 ",\"turns\":%" PRIu64 ",\"broke\":\"%s\"}\n", o->cpu_us,
	       o->turns, o->rule);
	fflush(stdout);
}

static void print_shares(const struct fleet_outcome *o)
{
	for (size_t i = 0; i * SECOND < o->virtual_us && i < o->second_n; i++) {
		const struct fleet_second *s = &o->second[i];

		printf("%5zu s: %4u requests, attempts %4u %4u %4u %4u\n", i, s->requests,
		       s->asked[0], s->asked[1], s->asked[2], s->asked[3]);
	}
}

/* ---- runs -------------------------------------------------------------------- */

static void tell(void *ctx, const char *name, const struct fleet_spec *spec,
		 const struct fleet_outcome *out)
{
	const struct fleet_options *o = ctx;

	if (o->json)
		print_json(name, spec, out);
	else
		print_row(name, out);
	if (o->shares && !o->json)
		print_shares(out);
}

/* True when nothing was broken. */
static bool run(struct fleet_options *o, const char *name, const struct fleet_spec *spec)
{
	struct fleet_outcome out;
	bool sound;

	fleet_run(spec, &out);
	fleet_judge(spec, &out);
	tell(o, name, spec, &out);
	sound = out.rule[0] == '\0';
	fleet_outcome_free(&out);
	return sound;
}

static struct fleet_spec spec_of(const struct fleet_options *o, const struct fleet_scenario *s)
{
	return (struct fleet_spec){ .scenario = s,
				    .seed = o->seed,
				    .requests = o->requests,
				    .alone = FLEET_ROUTER,
				    .trace = o->trace };
}

/* Each provider alone, the router without hedging, and with more and more of it.  What there is
 * of it is kept for the slowest: with a budget of 5 % at the 96th percentile, since a little
 * must be left for a second when more than usual are slow. */
static int table(struct fleet_options *o)
{
	static const unsigned curve[] = { 0, 10, 20, 50, 100, 200 };
	struct fleet_spec spec = spec_of(o, o->scenario);
	unsigned failed = 0;
	char name[64];

	if (!o->json) {
		printf("%s: %s; %" PRIu64 " requests, seed %" PRIu64 "\n", o->scenario->name,
		       o->scenario->help, o->requests, o->seed);
		print_head();
	}
	for (int i = 0; i < FLEET_PROVIDERS; i++) {
		spec.alone = i;
		(void)snprintf(name, sizeof(name), "p%d alone", i);
		failed += !run(o, name, &spec);
	}
	spec.alone = FLEET_ROUTER;
	failed += !run(o, "router, no hedging", &spec);
	spec.hedges = true;
	for (size_t i = 0; i < ARRAY_LEN(curve); i++) {
		spec.hedge_permille = curve[i];
		spec.cost_permille = 1000;
		spec.percentile = curve[i] < 25 ? 980 : 1000 - curve[i] * 8 / 10;
		(void)snprintf(name, sizeof(name), "router, hedges %u %%", curve[i] / 10);
		failed += !run(o, name, &spec);
	}
	return failed > 0 ? 1 : 0;
}

static int check(struct fleet_options *o)
{
	unsigned failed = 0;
	char rule[8];

	if (!o->json)
		print_head();
	for (size_t i = 0; i < fleet_scenario_n; i++) {
		struct fleet_spec spec = spec_of(o, &fleet_scenarios[i]);

		if (o->scenario == NULL || o->scenario == &fleet_scenarios[i])
			failed += !fleet_check(&spec, tell, o, rule);
	}
	return failed > 0 ? 1 : 0;
}

/* ---- the command ------------------------------------------------------------- */

static int usage(void)
{
	fprintf(stderr, "usage: weir-sim fleet [--scenario=NAME] [--check] [--self-check] "
			"[--requests=N] [--seed=N] [--json] [--shares] [--trace=N]\n\n");
	for (size_t i = 0; i < fleet_scenario_n; i++)
		fprintf(stderr, "  %-8s %s\n", fleet_scenarios[i].name,
			fleet_scenarios[i].help);
	return 2;
}

static bool take(const char *arg, const char *name, struct slice *value)
{
	*value = slice_cstr(arg);
	if (!slice_starts(*value, slice_cstr(name)))
		return false;
	*value = slice_skip(*value, strlen(name));
	return true;
}

static bool read_option(struct fleet_options *o, const char *arg)
{
	static const struct {
		const char *name;
		size_t at;
	} switches[] = {
		{ "--json", offsetof(struct fleet_options, json) },
		{ "--check", offsetof(struct fleet_options, check) },
		{ "--self-check", offsetof(struct fleet_options, self_check) },
		{ "--shares", offsetof(struct fleet_options, shares) },
	};
	struct slice v;

	if (take(arg, "--scenario=", &v))
		return (o->scenario = fleet_scenario(v)) != NULL;
	if (take(arg, "--requests=", &v))
		return slice_u64(v, &o->requests) && o->requests > 0;
	if (take(arg, "--seed=", &v))
		return slice_u64(v, &o->seed);
	if (take(arg, "--trace=", &v))
		return slice_u64(v, &o->trace);
	for (size_t i = 0; i < ARRAY_LEN(switches); i++)
		if (strcmp(arg, switches[i].name) == 0) {
			*(bool *)((char *)o + switches[i].at) = true;
			return true;
		}
	return false;
}

int fleet_command(int argc, char **argv)
{
	struct fleet_options o = { .requests = 3000, .seed = 1 };

	for (int i = 0; i < argc; i++)
		if (!read_option(&o, argv[i]))
			return usage();
	if (o.self_check)
		return fleet_self_check() > 0 ? 1 : 0;
	if (o.check)
		return check(&o);
	if (o.scenario == NULL)
		return usage();
	return table(&o);
}
