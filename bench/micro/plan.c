/* bench/micro/plan.c -- what it costs to plan: route_plan() over 1, 10, 50 and 200 candidates
 * of which everything is known that a gateway in use knows.
 *
 *   bench_plan                        nanoseconds per plan, as JSON: strategy -> candidates
 *   bench_plan STRATEGY N PLANS       makes so many plans and says nothing: for callgrind
 */
#include "base/arena.h"
#include "io/files.h"
#include "route/plan.h"
#include "route/tokens.h"

#include <time.h>

enum { MOST = 200, FAMILIES = 4, BATCHES = 31, BATCH_NS = 2000000 };

#define NOW 5000000000ULL

struct fleet {
	struct route_target t[MOST];
	const struct route_target *v[MOST];
	struct health health[MOST];
	struct calibration tokens[FAMILIES];
	char name[MOST][32];
	struct route_policy policy;
	struct route_facts facts;
	struct route_env env;
	struct rng rng;
	struct arena a;
};

static void one(struct fleet *w, size_t i)
{
	struct route_target *t = &w->t[i];
	int n = snprintf(w->name[i], sizeof(w->name[i]), "provider-%zu/model-name", i);
	uint64_t ttft = 200000 + rng_below(&w->rng, 800000);

	*t = (struct route_target){ .name = slice_of(w->name[i], (size_t)n),
				    .provider = slice_of(w->name[i], (size_t)n - 11),
				    .model = LIT("model-name"),
				    .region = LIT("eu-west-1"),
				    .caps = ~0U,
				    .caps_stated = ~0U,
				    .media_in = 1U << MEDIUM_TEXT | 1U << MEDIUM_IMAGE,
				    .context = 128000,
				    .max_output = 16384,
				    .priced = true,
				    .price_input = 1000000000 + rng_below(&w->rng, 4000000000),
				    .price_output = 10000000000,
				    .price_cache_read = 500000000,
				    .quality = (unsigned)rng_below(&w->rng, 1000),
				    .retired_day = 40000,
				    .priority = 1,
				    .weight = 1,
				    .health = &w->health[i],
				    .tokens = &w->tokens[i % FAMILIES] };
	w->v[i] = t;
	for (int k = 0; k < 100; k++)
		health_first_content(t->health, ttft + rng_below(&w->rng, ttft), 3000,
				     NOW - 10000000 + (uint64_t)k * 90000);
	health_output(t->health, 50 + rng_below(&w->rng, 100), 1000000);
	health_limits(t->health, 1 + (unsigned)rng_below(&w->rng, 999), 60000000, NOW);
	for (uint64_t k = rng_below(&w->rng, 8); k > 0; k--)
		health_begin(t->health, NOW);
}

static void fleet_init(struct fleet *w)
{
	rng_seed(&w->rng, 1);
	for (size_t i = 0; i < FAMILIES; i++)
		for (int k = 0; k < 20; k++)
			tokens_learn(&w->tokens[i], 4000, 900 + i * 100);
	for (size_t i = 0; i < MOST; i++)
		one(w, i);
	w->facts = (struct route_facts){ .caps = 1U << CAP_TOOLS | 1U << CAP_STREAMING,
					 .prompt_bytes = 12000,
					 .output_tokens = 2000,
					 .day = 20000 };
	w->env = (struct route_env){ .now_us = NOW,
				     .rng = &w->rng,
				     .slow_start_us = 10000000,
				     .rest_max_us = 60000000,
				     .stick_to = ROUTE_NOBODY };
}

/* Of the last plan, so that none is left out as unused. */
static unsigned plans(struct fleet *w, enum strategy s, size_t n, uint64_t times)
{
	struct arena_mark start = arena_mark(&w->a);
	unsigned first = 0;

	w->policy.strategy = s;
	for (uint64_t i = 0; i < times; i++) {
		struct route_plan p;

		w->env.turn = i;
		if (route_plan(&p, w->v, n, &w->policy, &w->facts, &w->env, &w->a) != OK ||
		    p.n != n)
			exit(1);
		first += p.choice[0].candidate;
		arena_rewind(&w->a, start);
	}
	return first;
}

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t); /* neighbours are not counted */
	return (uint64_t)t.tv_sec * 1000000000ULL + (uint64_t)t.tv_nsec;
}

/* The least of batches of some milliseconds: what the machine's other work adds is not ours. */
static double measure(struct fleet *w, enum strategy s, size_t n)
{
	uint64_t times = 16, t = 0, least = UINT64_MAX;

	while (t < BATCH_NS) {
		times *= 2;
		t = now_ns();
		(void)plans(w, s, n, times);
		t = now_ns() - t;
	}
	for (int i = 0; i < BATCHES; i++) {
		t = now_ns();
		(void)plans(w, s, n, times);
		t = now_ns() - t;
		least = t < least ? t : least;
	}
	return (double)least / (double)times;
}

static void all(struct fleet *w)
{
	static const size_t sizes[] = { 1, 10, 50, MOST };

	for (unsigned s = 0; s < STRATEGY_N; s++) {
		printf("%s\"%s\": {", s > 0 ? ",\n " : "{", strategy_name(s));
		for (size_t i = 0; i < ARRAY_LEN(sizes); i++)
			printf("%s\"%zu\": %.1f", i > 0 ? ", " : "", sizes[i],
			       measure(w, s, sizes[i]));
		printf("}");
	}
	printf("}\n");
}

int main(int argc, char **argv)
{
	struct fleet *w = calloc(1, sizeof(*w));
	uint64_t n, times;
	unsigned s = 0;

	if (w == NULL)
		return 1;
	fleet_init(w);
	arena_init(&w->a, system_mem(), 65536, 1 << 20);
	if (argc == 1) {
		all(w);
		return 0;
	}
	while (s < STRATEGY_N && argc == 4 &&
	       !slice_eq(slice_cstr(argv[1]), slice_cstr(strategy_name(s))))
		s++;
	if (argc != 4 || s == STRATEGY_N || !slice_u64(slice_cstr(argv[2]), &n) || n < 1 ||
	    n > MOST || !slice_u64(slice_cstr(argv[3]), &times)) {
		fprintf(stderr, "usage: bench_plan [STRATEGY CANDIDATES PLANS]\n");
		return 2;
	}
	(void)plans(w, s, n, times);
	return 0;
}
