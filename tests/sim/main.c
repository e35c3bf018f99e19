/* weir-sim: the whole gateway in a simulated world, seed after seed.
 *
 *	weir-sim --seeds 200 [--from N]     each seed is a run; what fails is printed
 *	weir-sim --seed N [--trace]         one again, with its trace
 *	weir-sim --self-check               breaks each rule on purpose: all must be noticed
 *	weir-sim fleet ...                  many requests, a few providers: fleet_main.c
 */
#include "harness.h"

#include "fleet.h"

#include "../unit/cert.h"

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

/* What all runs share. */
struct common {
	struct cert cert;
	struct tls_set tls;
};

static void common_make(struct common *c)
{
	struct tls_client_options client = { .alpn = LIT("http/1.1") };
	struct tls_server_options server = { .alpn = LIT("http/1.1") };

	/* With other keys the lengths of signatures, and so the runs, would differ. */
	cert_make(&c->cert, &(struct cert_spec){ .name = "gateway.example",
						 .alt = "DNS:gateway.example,DNS:alpha.example",
						 .authority = true,
						 .rsa = true });
	client.ca_file = server.cert_file = slice_cstr(c->cert.cert_file);
	server.key_file = slice_cstr(c->cert.key_file);
	c->tls.ca_file = c->cert.cert_file;
	INVARIANT(tls_client_new(&c->tls.client, &client, NULL) == OK);
	INVARIANT(tls_server_new(&c->tls.server, &server, NULL) == OK);
}

static void common_free(struct common *c)
{
	tls_client_free(c->tls.client);
	tls_server_free(c->tls.server);
	cert_free(&c->cert);
}

/* A small fleet of which everything is drawn, now and then. */
enum { FLEET_EVERY = 20, FLEET_REQUESTS = 100 };

static void run_fleet(uint64_t seed, struct verdict *v)
{
	const struct fleet_spec spec = { .scenario = fleet_scenario(LIT("mixed")),
					 .seed = seed,
					 .requests = FLEET_REQUESTS,
					 .alone = FLEET_ROUTER,
					 .hedges = seed / FLEET_EVERY % 2 == 0,
					 .hedge_permille = 100,
					 .cost_permille = 30,
					 .percentile = 920 };
	struct fleet_outcome o;

	fleet_run(&spec, &o);
	fleet_judge(&spec, &o);
	memcpy(v->rule, o.rule, sizeof(v->rule));
	memcpy(v->text, o.text, sizeof(v->text));
	v->asks += (unsigned)o.requests;
	v->complete += (unsigned)o.complete;
	v->refused += (unsigned)o.refused;
	v->cut += (unsigned)o.broken_off;
	fleet_outcome_free(&o);
}

static bool run_one(const struct common *c, uint64_t seed, enum sabotage s, size_t trace,
		    struct verdict *v)
{
	current_seed = seed;
	run_seed(seed, s, &c->tls, trace, v);
	if (s == SABOTAGE_NONE && seed % FLEET_EVERY == 0 && v->rule[0] == '\0')
		run_fleet(seed, v);
	return v->rule[0] == '\0';
}

static int run_many(const struct common *c, uint64_t from, uint64_t seeds, size_t trace)
{
	uint64_t began = clock_ms();
	struct sums s = { 0 };

	for (uint64_t i = 0; i < seeds; i++) {
		struct verdict v;

		if (!run_one(c, from + i, SABOTAGE_NONE, trace, &v)) {
			struct verdict again;

			printf("seed %" PRIu64 " broke %s: %s\n", from + i, v.rule, v.text);
			fflush(stdout);
			if (s.failed == 0 && trace == 0)
				(void)run_one(c, from + i, SABOTAGE_NONE, 60, &again);
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

static bool noticed(const struct common *c, enum sabotage s)
{
	for (uint64_t seed = 1; seed <= 200; seed++) {
		struct verdict v;

		if (run_one(c, seed, s, 0, &v))
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

/* Else a seed would prove nothing. */
static bool repeats(const struct common *c, uint64_t seed)
{
	struct verdict a, b;

	(void)run_one(c, seed, SABOTAGE_NONE, 0, &a);
	(void)run_one(c, seed, SABOTAGE_NONE, 0, &b);
	if (a.turns == b.turns && a.virtual_us == b.virtual_us && a.peak == b.peak)
		return true;
	printf("seed %" PRIu64 " is not the same run twice: %" PRIu64 " and %" PRIu64
	       " turns\n",
	       seed, a.turns, b.turns);
	return false;
}

static int self_check(const struct common *c)
{
	int failed = 0;

	for (int s = SABOTAGE_NONE + 1; s < SABOTAGES; s++)
		failed += !noticed(c, (enum sabotage)s);
	printf("%d of %d faults made on purpose were noticed\n", SABOTAGES - 1 - failed,
	       SABOTAGES - 1);
	for (uint64_t seed = 1; seed <= 20; seed++)
		failed += !repeats(c, seed);
	return failed > 0 ? 1 : 0;
}

/* ---- the command ------------------------------------------------------------- */

static int usage(void)
{
	fprintf(stderr, "usage: weir-sim [--seeds N] [--from N] [--seed N] [--trace] "
			"[--self-check]\n");
	return 2;
}

/* "--name=7" or "--name 7", then *i moves on. */
static bool number(char **argv, int *i, const char *name, uint64_t *out)
{
	struct slice a = slice_cstr(argv[*i]);
	struct slice value;

	if (!slice_starts(a, slice_cstr(name)))
		return false;
	value = slice_skip(a, strlen(name));
	if (value.n > 0)
		return value.p[0] == '=' && slice_u64(slice_skip(value, 1), out);
	if (argv[*i + 1] == NULL || !slice_u64(slice_cstr(argv[*i + 1]), out))
		return false;
	++*i;
	return true;
}

int main(int argc, char **argv)
{
	uint64_t from = 1, seeds = 200;
	bool check = false;
	size_t trace = 0;
	struct common c;
	int rc;

	if (argc > 1 && strcmp(argv[1], "fleet") == 0)
		return fleet_command(argc - 2, argv + 2);
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], "--self-check") == 0) {
			check = true;
		} else if (strcmp(argv[i], "--trace") == 0) {
			trace = 4000;
		} else if (number(argv, &i, "--seeds", &seeds) ||
			   number(argv, &i, "--from", &from)) {
			continue;
		} else if (number(argv, &i, "--seed", &from)) {
			seeds = 1;
		} else {
			return usage();
		}
	}
	signal(SIGABRT, crashed);
	signal(SIGSEGV, crashed);
	common_make(&c);
	rc = check ? self_check(&c) : run_many(&c, from, seeds, trace);
	common_free(&c);
	return rc;
}
