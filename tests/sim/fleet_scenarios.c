/* What happens to the providers of a fleet. */
#include "fleet.h"

/* Times to first content of those that are well: of the tail that people measure, and of a
 * provider on a good day, so that an illness of seconds can be seen. */
#define TAIL  "ttft=600ms~8s&gap=20ms"
#define BRISK "ttft=150ms~600ms&gap=5ms"
/* One attempt of fifty comes to nothing: half of those at once, half never. */
#define FLAWED "&error-rate=0.01&fail=stall_head&fail-rate=0.010101"

const struct fleet_scenario fleet_scenarios[] = {
	{ .name = "steady",
	  .help = "a heavy tail, and two of a hundred attempts fail or hang",
	  .rate = 50,
	  .usual = TAIL FLAWED },
	{ .name = "dark",
	  .help = "one of four refuses connections for a while",
	  .rate = 60,
	  .usual = BRISK,
	  .event = { { FLEET_ILL_US, 1, "fail=reset", .refuses = true },
		     { FLEET_WELL_US, 1, "fail=none" } },
	  .event_n = 2 },
	{ .name = "hang",
	  .help = "one of four never answers for a while",
	  .rate = 60,
	  .usual = BRISK,
	  .event = { { FLEET_ILL_US, 1, "fail=stall_head", .hangs = true },
		     { FLEET_WELL_US, 1, "fail=none" } },
	  .event_n = 2 },
	{ .name = "brown",
	  .help = "one of four is ten times slower for a while",
	  .rate = 60,
	  .usual = BRISK,
	  .event = { { FLEET_ILL_US, 1, "ttft=1500ms~6s" }, { FLEET_WELL_US, 1, BRISK } },
	  .event_n = 2 },
	{ .name = "lying",
	  .help = "one of four answers 200, and then an error or nothing, for a while",
	  .rate = 60,
	  .usual = BRISK,
	  .event = { { FLEET_ILL_US, 1, "fail=error_first" },
		     { (FLEET_ILL_US + FLEET_WELL_US) / 2, 1, "fail=empty" },
		     { FLEET_WELL_US, 1, "fail=none" } },
	  .event_n = 3 },
	{ .name = "rate",
	  .help = "one of four answers 429 with Retry-After for a while",
	  .rate = 60,
	  .usual = BRISK,
	  .event = { { FLEET_ILL_US, 1, "status=429&retry-after=2" },
		     { FLEET_WELL_US, 1, "status=0" } },
	  .event_n = 2 },
	{ .name = "equal", .help = "nothing ever happens", .rate = 50, .usual = TAIL },
	{ .name = "slow",
	  .help = "one of four is five times slower, always",
	  .rate = 50,
	  .usual = TAIL,
	  .own = { NULL, "ttft=3s~40s" },
	  .avoided = 1U << 1 },
	{ .name = "mixed",
	  .help = "outages, brown-outs, limits, slow tails and lies, drawn from the seed",
	  .rate = 40,
	  .usual = BRISK,
	  .avoided = 15,
	  .mixed = true },
};
const size_t fleet_scenario_n = ARRAY_LEN(fleet_scenarios);

const struct fleet_scenario *fleet_scenario(struct slice name)
{
	for (size_t i = 0; i < fleet_scenario_n; i++)
		if (slice_eq(name, slice_cstr(fleet_scenarios[i].name)))
			return &fleet_scenarios[i];
	return NULL;
}

/* ---- mixed ones -------------------------------------------------------------- */

/* What can happen to a provider, and how it ends. */
static const struct fleet_event illnesses[] = {
	{ .options = "fail=reset", .refuses = true },
	{ .options = "fail=stall_head", .hangs = true },
	{ .options = "fail=stall_content" },
	{ .options = "ttft=1500ms~6s" },
	{ .options = "ttft=200ms~20s" },
	{ .options = "fail=error_first" },
	{ .options = "fail=empty" },
	{ .options = "fail=error_200" },
	{ .options = "status=429&retry-after=1" },
	{ .options = "status=429&retry-after=30" },
	{ .options = "status=429" },
	{ .options = "status=503" },
	{ .options = "error-rate=0.3" },
	{ .options = "fail=close&fail-rate=0.5" },
	{ .options = "fail=cut&fail-rate=0.2" },
	{ .options = "fail=error_mid&fail-rate=0.2" },
};
#define IN_HEALTH "fail=none&fail-rate=1&status=0&error-rate=0&retry-after=&"

static int by_time(const void *a, const void *b)
{
	const struct fleet_event *x = a, *y = b;

	return x->at_us < y->at_us ? -1 : x->at_us > y->at_us;
}

void fleet_mix(struct fleet_scenario *s, struct fleet_texts *text, struct rng *rng,
	       uint64_t requests)
{
	uint64_t length = (uint64_t)((double)requests / s->rate * SECOND);
	unsigned ills = 1 + (unsigned)rng_below(rng, FLEET_EVENTS / 2);
	uint64_t median = 20 + rng_below(rng, 800);

	(void)snprintf(text->usual, sizeof(text->usual),
		       IN_HEALTH "gap=5ms&ttft=%" PRIu64 "ms~%" PRIu64 "ms", median,
		       median * (2 + rng_below(rng, 12)));
	s->usual = text->usual;
	for (unsigned i = 0; i < ills; i++) {
		struct fleet_event *begin = &s->event[s->event_n++];
		struct fleet_event *end = &s->event[s->event_n++];

		/* The first is always well: somebody must be. */
		*begin = illnesses[rng_below(rng, ARRAY_LEN(illnesses))];
		begin->provider = 1 + (unsigned)rng_below(rng, FLEET_PROVIDERS - 1);
		begin->at_us = rng_below(rng, length);
		*end = (struct fleet_event){ .provider = begin->provider,
					     .options = s->usual,
					     .at_us = begin->at_us +
						      rng_below(rng, length / 2) };
	}
	qsort(s->event, s->event_n, sizeof(s->event[0]), by_time);
}
