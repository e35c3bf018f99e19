/* What must be true of a fleet: see the words in docs/routing.md.  Every rule has a row
 * in FLEET_SABOTAGE_TABLE that breaks it. */
#include "fleet.h"

enum { MANY = 50000 };

static double of(uint64_t part, uint64_t all)
{
	return all == 0 ? 0 : (double)part / (double)all;
}

static double success(const struct fleet_outcome *o)
{
	return of(o->complete, o->requests);
}

static void must_succeed(struct fleet_outcome *o, double share)
{
	if (success(o) < share)
		fleet_broken(o, "success", "%.4f %% of the requests succeeded, not %.2f %%",
			     success(o) * 100, share * 100);
}

/* Within 2 s nothing but probes goes to who fell ill, and 10 s after it is well again it has
 * its share. */
static void must_avoid(const struct fleet_spec *spec, struct fleet_outcome *o)
{
	const uint64_t notice_us = 2 * SECOND, return_us = 10 * SECOND;
	unsigned provider = spec->scenario->event[0].provider;
	unsigned ill = fleet_share(o, provider, FLEET_ILL_US + notice_us, FLEET_WELL_US);
	unsigned well = fleet_share(o, provider, FLEET_WELL_US + return_us,
				    FLEET_WELL_US + return_us + 5 * SECOND);

	if (spec->sabotage == FLEET_STAY)
		ill = 250;
	if (ill > 50)
		fleet_broken(o, "share", "p%u is ill and has %.1f %% of the attempts", provider,
			     ill / 10.0);
	if (well < 200)
		fleet_broken(o, "share", "p%u is well again and has %.1f %% of the attempts",
			     provider, well / 10.0);
}

static void nobody_starves(const struct fleet_spec *spec, struct fleet_outcome *o)
{
	for (unsigned i = 0; i < FLEET_PROVIDERS; i++) {
		bool never = spec->sabotage == FLEET_STARVE && i == 0;
		uint64_t asked = never ? 0 : o->asked[i];

		if ((spec->without & 1U << i) == 0 && asked * 100 < o->attempts &&
		    (asked == 0 || (spec->scenario->avoided & 1U << i) == 0))
			fleet_broken(o, "starve", "p%u had %" PRIu64 " of %" PRIu64 " attempts",
				     i, asked, o->attempts);
	}
}

/* Equals have equal shares, but for 3 %; of few requests luck has a larger part. */
static void must_be_even(const struct fleet_spec *spec, struct fleet_outcome *o)
{
	double most = o->requests >= MANY ? 0.03 : 0.10;

	for (unsigned i = 0; i < FLEET_PROVIDERS; i++) {
		double share = of(o->asked[i], o->attempts) * FLEET_PROVIDERS;

		if (spec->sabotage == FLEET_UNEVEN && i == 2)
			share *= 1.2;
		if (share < 1 - most || share > 1 + most)
			fleet_broken(o, "share", "p%u has %.3f of its share", i, share);
	}
}

/* What was asked beyond one attempt for each request was paid for. */
static void must_be_paid(const struct fleet_spec *spec, struct fleet_outcome *o)
{
	uint64_t n = o->requests, hedges = o->hedges, firsts = o->attempts - hedges;
	uint64_t firsts_most = n, hedges_most = 0;

	if (spec->alone == FLEET_ROUTER)
		firsts_most += n * FLEET_RETRY_PERMILLE / 1000 + FLEET_RETRY_BURST;
	if (spec->hedges)
		hedges_most = n * spec->hedge_permille / 1000 + FLEET_HEDGE_BURST;
	if (spec->sabotage == FLEET_MORE)
		firsts = firsts_most + 1;
	if (spec->sabotage == FLEET_HEDGES)
		hedges = hedges_most + 1;
	if (firsts > firsts_most)
		fleet_broken(o, "budget", "%" PRIu64 " attempts, at most %" PRIu64 " were paid",
			     firsts, firsts_most);
	if (hedges > hedges_most)
		fleet_broken(o, "budget", "%" PRIu64 " hedges, at most %" PRIu64 " were paid",
			     hedges, hedges_most);
}

void fleet_judge(const struct fleet_spec *spec, struct fleet_outcome *o)
{
	const struct fleet_scenario *s = spec->scenario;
	bool equal = strcmp(s->name, "equal") == 0;

	if (o->complete + o->refused + o->broken_off != o->requests)
		fleet_broken(o, "success", "%" PRIu64 " requests of %" PRIu64 " came to an end",
			     o->complete + o->refused + o->broken_off, o->requests);
	must_be_paid(spec, o);
	if (spec->alone != FLEET_ROUTER)
		return;
	if (spec->sabotage == FLEET_FAIL)
		o->complete -= o->requests / 50;
	nobody_starves(spec, o);
	if (s->mixed)
		return;
	must_succeed(o, strcmp(s->name, "steady") == 0 ? 0.9999 : 1);
	if (equal)
		must_be_even(spec, o);
	if (s->event_n > 0)
		must_avoid(spec, o);
}

void fleet_judge_tail(const struct fleet_spec *spec, const struct fleet_outcome *alone,
		      const struct fleet_outcome *without, struct fleet_outcome *hedged)
{
	uint64_t before = fleet_ttfc_us(without, 990000), now = fleet_ttfc_us(hedged, 990000);
	double attempts = of(hedged->attempts, without->attempts);
	double cost = of(hedged->cost_nano, without->cost_nano);
	bool many;

	if (spec->sabotage == FLEET_SLOW)
		now = before;
	if (spec->sabotage == FLEET_DEAR)
		cost = 1.04;
	/* Of fewer requests a lucky provider may well pass. */
	many = hedged->requests >= MANY || spec->sabotage == FLEET_WELL;
	for (unsigned i = 0; many && i < FLEET_PROVIDERS; i++)
		if (success(&alone[i]) > 0.98 || spec->sabotage == FLEET_WELL)
			fleet_broken(hedged, "alone", "p%u alone has %.3f %%", i,
				     success(&alone[i]) * 100);
	if (now * 2 > before)
		fleet_broken(hedged, "tail", "p99 is %.2f s of %.2f s without hedging",
			     (double)now / SECOND, (double)before / SECOND);
	if (attempts > 1.10 || cost > 1.03)
		fleet_broken(hedged, "cost",
			     "hedging takes %+.2f %% attempts and costs %+.2f %%",
			     (attempts - 1) * 100, (cost - 1) * 100);
}

void fleet_judge_oracle(const struct fleet_spec *spec, const struct fleet_outcome *oracle,
			struct fleet_outcome *o)
{
	uint64_t best = fleet_ttfc_us(oracle, 990000), now = fleet_ttfc_us(o, 990000);

	if (spec->sabotage == FLEET_LATE)
		now *= 2;
	/* One of a hundred of few is hardly anybody. */
	if (now * 10 > best * (o->requests >= MANY ? 12 : 18))
		fleet_broken(o, "oracle", "p99 is %.2f s, %.2f s without the slow one",
			     (double)now / SECOND, (double)best / SECOND);
}

/* ---- a scenario as a whole --------------------------------------------------- */

struct checking {
	struct fleet_spec spec;
	fleet_told_fn *told;
	void *ctx;
	char *rule;
};

static void live(const struct fleet_spec *spec, struct fleet_outcome *o)
{
	fleet_run(spec, o);
	fleet_judge(spec, o);
}

/* It is judged and done with. */
static void told(const struct checking *c, const char *name, const struct fleet_spec *spec,
		 struct fleet_outcome *o)
{
	if (c->told != NULL)
		c->told(c->ctx, name, spec, o);
	if (c->rule[0] == '\0')
		(void)snprintf(c->rule, 8, "%s", o->rule);
	fleet_outcome_free(o);
}

static void check_steady(const struct checking *c)
{
	struct fleet_outcome alone[FLEET_PROVIDERS], without, hedged;
	struct fleet_spec spec = c->spec;
	char name[32];

	for (int i = 0; i < FLEET_PROVIDERS; i++) {
		spec.alone = i;
		live(&spec, &alone[i]);
	}
	spec.alone = FLEET_ROUTER;
	spec.hedges = false;
	live(&spec, &without);
	spec.hedges = true;
	live(&spec, &hedged);
	fleet_judge_tail(&spec, alone, &without, &hedged);
	for (int i = 0; i < FLEET_PROVIDERS; i++) {
		struct fleet_spec one = spec;

		one.alone = i;
		(void)snprintf(name, sizeof(name), "steady, p%d alone", i);
		told(c, name, &one, &alone[i]);
	}
	told(c, "steady, no hedging", &spec, &without);
	told(c, "steady", &spec, &hedged);
}

static void check_slow(const struct checking *c)
{
	struct fleet_spec spec = c->spec;
	struct fleet_outcome oracle, o;

	spec.without = spec.scenario->avoided;
	live(&spec, &oracle);
	spec.without = 0;
	live(&spec, &o);
	fleet_judge_oracle(&spec, &oracle, &o);
	told(c, "slow, without it", &spec, &oracle);
	told(c, "slow", &spec, &o);
}

bool fleet_check(const struct fleet_spec *spec, fleet_told_fn *f, void *ctx, char rule[8])
{
	struct checking c = { *spec, f, ctx, rule };
	const char *name = spec->scenario->name;
	struct fleet_outcome o;

	/* As somebody who cares for the tail would have it. */
	c.spec.hedges = true;
	c.spec.hedge_permille = 100;
	c.spec.cost_permille = 30;
	c.spec.percentile = 920;
	rule[0] = '\0';
	if (strcmp(name, "steady") == 0) {
		check_steady(&c);
	} else if (strcmp(name, "slow") == 0) {
		check_slow(&c);
	} else {
		live(&c.spec, &o);
		told(&c, name, &c.spec, &o);
	}
	return rule[0] == '\0';
}

/* ---- the self-check ---------------------------------------------------------- */

struct sabotage_row {
	const char *name, *scenario, *rule;
};

#define SABOTAGE_ROW(id, name, scenario, rule) { name, scenario, rule },
static const struct sabotage_row rows[] = { FLEET_SABOTAGE_TABLE(SABOTAGE_ROW) };
#undef SABOTAGE_ROW

unsigned fleet_self_check(void)
{
	unsigned missed = 0, tried = 0;

	for (int i = FLEET_SOUND + 1; i < FLEET_SABOTAGES; i++) {
		const struct sabotage_row *row = &rows[i];
		struct fleet_spec spec = { .scenario =
						   fleet_scenario(slice_cstr(row->scenario)),
					   .seed = 1,
					   .requests = 2400,
					   .alone = FLEET_ROUTER,
					   .sabotage = (enum fleet_sabotage)i };
		char rule[8];

		/* With only one provider there are errors to be seen. */
		if (i == FLEET_ERROR) {
			spec.scenario = fleet_scenario(LIT("steady"));
			spec.alone = 0;
		}
		tried++;
		(void)fleet_check(&spec, NULL, NULL, rule);
		if (strcmp(rule, row->rule) != 0) {
			printf("%-14s broke \"%s\", not \"%s\"\n", row->name, rule, row->rule);
			missed++;
		}
	}
	printf("%u of %u faults of fleets made on purpose were noticed\n", tried - missed,
	       tried);
	return missed;
}
