/* weir-sim: the whole gateway in a simulated world, seed after seed.
 *
 *	weir-sim --seeds 200 [--from N]     each seed is a run; what fails is printed
 *	weir-sim --seed N [--trace]         one again, with its trace
 *	weir-sim --self-check               breaks each rule on purpose: all must be noticed
 */
#include "harness.h"

#include <signal.h>
#include <time.h>
#include <unistd.h>

/* What the handler of a crash can still say. */
static volatile uint64_t current_seed;

static void crashed(int signum)
{
	char text[160];
	int n = snprintf(text, sizeof(text),
			 "\nseed %" PRIu64 " crashed (signal %d): weir-sim --seed %" PRIu64
			 " --trace\n",
			 current_seed, signum, current_seed);

	if (n > 0)
		(void)!write(STDERR_FILENO, text, (size_t)n);
	signal(signum, SIG_DFL);
	raise(signum);
}

/* So that the sanitizers end in SIGABRT, too. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "abort_on_error=1";
}
const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
	return "halt_on_error=1:abort_on_error=1:print_stacktrace=1";
}

struct sums {
	uint64_t seeds, failed, turns, virtual_us;
	uint64_t asks, complete, refused, gone, cut;
	size_t peak;
};

static void add(struct sums *s, const struct verdict *v)
{
	s->seeds++;
	s->failed += v->rule[0] != '\0';
	s->turns += v->turns;
	s->virtual_us += v->virtual_us;
	s->asks += v->asks;
	s->complete += v->complete;
	s->refused += v->refused;
	s->gone += v->gone;
	s->cut += v->cut;
	s->peak = size_max(s->peak, v->peak);
}

static uint64_t clock_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static bool run_one(uint64_t seed, enum sabotage s, size_t trace, struct verdict *v)
{
	current_seed = seed;
	run_seed(seed, s, trace, v);
	return v->rule[0] == '\0';
}

static int run_many(uint64_t from, uint64_t seeds, size_t trace)
{
	uint64_t began = clock_ms();
	struct sums s = { 0 };

	for (uint64_t i = 0; i < seeds; i++) {
		struct verdict v;

		if (!run_one(from + i, SABOTAGE_NONE, trace, &v)) {
			struct verdict again;

			printf("seed %" PRIu64 " broke %s: %s\n", from + i, v.rule, v.text);
			fflush(stdout);
			if (s.failed == 0 && trace == 0)
				(void)run_one(from + i, SABOTAGE_NONE, 60, &again);
		}
		add(&s, &v);
		if (s.failed == 20)
			break;
	}
	printf("%" PRIu64 " seeds, %" PRIu64 " failed; %" PRIu64 " requests: %" PRIu64
	       " answered, %" PRIu64 " refused, %" PRIu64 " left, %" PRIu64 " cut; %" PRIu64
	       " turns, %" PRIu64 " virtual hours, at most %zu bytes, %.1f s\n",
	       s.seeds, s.failed, s.asks, s.complete, s.refused, s.gone, s.cut, s.turns,
	       s.virtual_us / SECOND / 3600, s.peak, (double)(clock_ms() - began) / 1000);
	return s.failed > 0 ? 1 : 0;
}

/* ---- the self-check ---------------------------------------------------------- */

struct sabotage_row {
	const char *name, *rule;
};

#define SABOTAGE_ROW(id, name, rule) { name, rule },
static const struct sabotage_row sabotages[] = { SABOTAGE_TABLE(SABOTAGE_ROW) };
#undef SABOTAGE_ROW

static bool noticed(enum sabotage s)
{
	for (uint64_t seed = 1; seed <= 60; seed++) {
		struct verdict v;

		if (run_one(seed, s, 0, &v))
			continue;
		printf("%-14s seed %" PRIu64 " broke %s: %.100s\n", sabotages[s].name, seed,
		       v.rule, v.text);
		if (strcmp(v.rule, sabotages[s].rule) == 0)
			return true;
		printf("  but it should have broken %s\n", sabotages[s].rule);
		return false;
	}
	printf("%-14s was not noticed\n", sabotages[s].name);
	return false;
}

static int self_check(void)
{
	int failed = 0;

	for (int s = SABOTAGE_NONE + 1; s < SABOTAGES; s++)
		failed += !noticed((enum sabotage)s);
	printf("%d of %d faults made on purpose were noticed\n", SABOTAGES - 1 - failed,
	       SABOTAGES - 1);
	return failed > 0 ? 1 : 0;
}

/* ---- the command ------------------------------------------------------------- */

static int usage(void)
{
	fprintf(stderr, "usage: weir-sim [--seeds N] [--from N] [--seed N] [--trace] "
			"[--self-check]\n");
	return 2;
}

int main(int argc, char **argv)
{
	uint64_t from = 1, seeds = 200;
	size_t trace = 0;

	signal(SIGABRT, crashed);
	signal(SIGSEGV, crashed);
	for (int i = 1; i < argc; i++) {
		struct slice a = slice_cstr(argv[i]);
		struct slice value = slice_cstr(i + 1 < argc ? argv[i + 1] : NULL);

		if (slice_eq(a, LIT("--self-check")))
			return self_check();
		if (slice_eq(a, LIT("--trace"))) {
			trace = 4000;
			continue;
		}
		if (slice_eq(a, LIT("--seeds")) && slice_u64(value, &seeds)) {
			i++;
		} else if (slice_eq(a, LIT("--from")) && slice_u64(value, &from)) {
			i++;
		} else if (slice_eq(a, LIT("--seed")) && slice_u64(value, &from)) {
			seeds = 1;
			i++;
		} else {
			return usage();
		}
	}
	return run_many(from, seeds, trace);
}
