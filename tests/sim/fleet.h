/* tests/sim/fleet.h -- weir-sim fleet: the gateway in front of a few providers that behave as a
 * scenario says, and a trace of many requests that arrive whatever became of those before.
 *
 *   fleet_main.c      the command: which fleets, tables, JSON
 *   fleet_check.c     what must be true of the outcomes; the self-check
 *   fleet.c           one fleet: made, lived, taken down, what was seen between the files
 *   fleet_settings.c  the config file of its gateway
 *   fleet_client.c    those who ask, and what they make of the answers
 *   fleet_scenarios.c what happens to the providers
 */
#ifndef WEIR_TESTS_SIM_FLEET_H
#define WEIR_TESTS_SIM_FLEET_H

#include "harness.h"

enum {
	FLEET_PROVIDERS = 4,
	FLEET_EVENTS = 16,
	FLEET_ROUTER = -1, /* not alone: all of them */
	/* What there may be of attempts beside one for each request, of the requests and at
	 * first. */
	FLEET_RETRY_PERMILLE = 200,
	FLEET_RETRY_BURST = 100,
	FLEET_HEDGE_BURST = 10,
	/* What a token costs, in nano-USD: 0.15 and 0.60 USD per million. */
	INPUT_NANO = 150,
	OUTPUT_NANO = 600,
	/* The same for every request of every scenario. */
	PROMPT_TOKENS = 250,
	ANSWER_TOKENS = 150,
};

/* When somebody falls ill, and is well again, where that is all that happens. */
#define FLEET_ILL_US  (12 * (uint64_t)SECOND)
#define FLEET_WELL_US (27 * (uint64_t)SECOND)

/* Faults of the harness itself, to prove that each rule of fleets can fail. */
/* id, name, the scenario that gives occasion to it, the rule it breaks */
#define FLEET_SABOTAGE_TABLE(X)                                                                \
	X(FLEET_SOUND, "none", "", "")                                                         \
	X(FLEET_SPLICE, "splice", "equal", "X3")      /* an answer has a byte of another */    \
	X(FLEET_LOSE, "lose-record", "equal", "X5")   /* an exchange is not recorded */        \
	X(FLEET_TWICE, "record-twice", "equal", "X5") /* one is recorded twice */              \
	X(FLEET_ERROR, "strange-error", "equal", "error") /* an error without words */         \
	X(FLEET_MORE, "attempt-more", "equal", "budget")  /* attempts that nothing paid for */ \
	X(FLEET_HEDGES, "hedge-more", "equal", "budget")  /* or hedges */                      \
	X(FLEET_OPEN, "ask-open", "dark", "breaker")      /* one, and the breaker is open */   \
	X(FLEET_PROBES, "probe-twice", "dark", "probe")   /* a second one beside the probe */  \
	X(FLEET_REST, "ask-resting", "rate", "rest")      /* one that asked for a rest */      \
	X(FLEET_STARVE, "starve", "equal", "starve")      /* one that is well gets nothing */  \
	X(FLEET_UNEVEN, "uneven", "equal", "share")       /* one of equals gets more */        \
	X(FLEET_FAIL, "fail", "steady", "success")        /* requests fail that must not */    \
	X(FLEET_WELL, "alone-well", "steady", "alone") /* a provider alone is good enough */   \
	X(FLEET_SLOW, "slow", "steady", "tail")        /* first contents come late */          \
	X(FLEET_DEAR, "dear", "steady", "cost")        /* hedging costs too much */            \
	X(FLEET_LATE, "late", "slow", "oracle")        /* the slow one is not seen through */  \
	X(FLEET_STAY, "stay", "dark", "share")         /* who is ill is asked all the same */
#define FLEET_SABOTAGE_ENUM(id, name, scenario, rule) id,
enum fleet_sabotage { FLEET_SABOTAGE_TABLE(FLEET_SABOTAGE_ENUM) FLEET_SABOTAGES };
#undef FLEET_SABOTAGE_ENUM

/* ---- scenarios (fleet_scenarios.c) ------------------------------------------- */

/* At `at_us` from the beginning a provider changes: `options` as for mock_set(), and whether
 * it can be connected to at all. */
struct fleet_event {
	uint64_t at_us;
	unsigned provider;
	const char *options;
	bool refuses, hangs;
};

struct fleet_outcome;

struct fleet_scenario {
	const char *name, *help;
	double rate;                      /* requests per second, on average */
	const char *usual;                /* options of all providers */
	const char *own[FLEET_PROVIDERS]; /* and of one; may be NULL */
	struct fleet_event event[FLEET_EVENTS];
	size_t event_n;
	unsigned avoided; /* 1 << provider: need not be asked at all */
	bool mixed;       /* the rest is drawn from the seed */
};

extern const struct fleet_scenario fleet_scenarios[];
extern const size_t fleet_scenario_n;
const struct fleet_scenario *fleet_scenario(struct slice name);

/* A mixed one: outages, brown-outs, rate limits, slow tails, lies, as `rng` says.  `text` keeps
 * its options. */
struct fleet_texts {
	char usual[256], own[FLEET_PROVIDERS][256];
};
void fleet_mix(struct fleet_scenario *s, struct fleet_texts *text, struct rng *rng,
	       uint64_t requests);

/* ---- one fleet (fleet.c) ----------------------------------------------------- */

struct fleet_spec {
	const struct fleet_scenario *scenario;
	uint64_t seed, requests;
	int alone;        /* this provider only, no second attempt; or FLEET_ROUTER */
	unsigned without; /* 1 << provider: the config does not have it */
	bool hedges;
	unsigned hedge_permille; /* of the requests, at most */
	unsigned cost_permille;  /* and of their cost */
	unsigned percentile;     /* of the time to first content, in permille: hedge then */
	enum fleet_sabotage sabotage;
	size_t trace;
};

struct fleet_second {
	uint32_t asked[FLEET_PROVIDERS]; /* attempts begun */
	uint32_t requests;
};

/* What came of it. */
struct fleet_outcome {
	char rule[8];
	char text[400]; /* the first violation */
	uint64_t requests, complete, refused, broken_off;
	uint64_t asked[FLEET_PROVIDERS], attempts;
	uint64_t served[FLEET_PROVIDERS];
	uint64_t hedges;
	uint64_t cost_nano; /* what the providers would bill */
	uint64_t rejected;  /* attempts that asked a provider whose breaker was open */
	uint32_t *ttfc_us;  /* sorted, of those that were answered; owned */
	size_t ttfc_n;
	struct fleet_second *second; /* owned */
	size_t second_n;
	uint64_t turns, virtual_us, cpu_us;
	size_t peak;
};
void fleet_run(const struct fleet_spec *spec, struct fleet_outcome *out);
void fleet_outcome_free(struct fleet_outcome *o);
/* The first violation counts. */
void fleet_broken(struct fleet_outcome *o, const char *rule, const char *fmt, ...)
	PRINTF_LIKE(3, 4);
/* The time within which so many of a million first contents came. */
uint64_t fleet_ttfc_us(const struct fleet_outcome *o, unsigned ppm);
/* Of the attempts that began in [from_us, until_us), how many of a thousand went there. */
unsigned fleet_share(const struct fleet_outcome *o, unsigned provider, uint64_t from_us,
		     uint64_t until_us);

/* ---- its parts --------------------------------------------------------------- */

struct fleet;

/* One connection of a client: a request at a time, then it is kept. */
struct caller {
	struct link link; /* fleet.idle, fleet.busy or fleet.gone */
	struct fleet *fleet;
	struct conn *conn;
	bool open, busy, stream;
	struct reader r;
	uint64_t asked_us, first_us;
};

struct fleet {
	struct watch watch; /* first */
	const struct fleet_spec *spec;
	struct fleet_scenario scenario; /* mixed ones are drawn into it */
	struct fleet_texts texts;
	struct fleet_outcome *out;
	struct sim *sim;
	struct rng rng;
	uint64_t began_us;
	struct loop *gateway_loop, *mock_loop, *client_loop;
	struct mem *mem;
	struct address gateway_at, mock_at[FLEET_PROVIDERS];
	struct mock *mock[FLEET_PROVIDERS];
	char secret[FLEET_PROVIDERS][64];
	struct slice answer[FLEET_PROVIDERS]; /* what it always says */
	struct arena texts_arena;
	struct gateway *gateway;
	struct metrics_shared *metrics;
	struct snapshot *snapshot;
	struct log log;
	/* clients */
	struct slice ask[2]; /* plain, streamed; malloc */
	struct link idle, busy, gone;
	struct timer arrival, event, tick;
	uint64_t sent, answered;
	double next_us; /* of the arrival, kept exactly */
	size_t event_at;
	/* watched */
	uint64_t begun, recorded;
	struct fleet_probe { /* the last one that went there */
		const struct attempt *at;
		uint64_t began_us, until_us;
		uint64_t opens; /* of the breaker: ever, and in a row */
		unsigned in_row;
	} probe[FLEET_PROVIDERS];
	const struct exchange **open; /* exchanges begun and not recorded */
	size_t open_n, open_cap;
	bool sabotaged;
};

/* True once per run. */
bool fleet_sabotage(struct fleet *f, enum fleet_sabotage s);

/* How long it is until `at_us` from the beginning; 0: it is past. */
uint64_t fleet_until_us(const struct fleet *f, uint64_t at_us);

/* fleet_settings.c */
struct snapshot *fleet_settings(const struct fleet *f, struct mem *mem);

/* fleet_client.c */
void fleet_clients_begin(struct fleet *f);
void fleet_clients_free(struct fleet *f);
bool fleet_clients_done(void *fleet);

/* fleet_check.c */

/* What must be true of any fleet's outcome, and of this scenario's. */
void fleet_judge(const struct fleet_spec *spec, struct fleet_outcome *o);
/* "steady" as a whole: nobody `alone` (four of them) is as good as the router, and with hedges
 * its tail is half as long for little money.  The first violation is the hedged one's. */
void fleet_judge_tail(const struct fleet_spec *spec, const struct fleet_outcome *alone,
		      const struct fleet_outcome *without, struct fleet_outcome *hedged);
/* "slow": about as quick as one who does not have the slow one at all. */
void fleet_judge_oracle(const struct fleet_spec *spec, const struct fleet_outcome *oracle,
			struct fleet_outcome *o);
/* A scenario with all that it must be compared to.  `told` (may be NULL) is called for each
 * fleet, judged; `o` is the one that counts.  True: all is well. */
typedef void fleet_told_fn(void *ctx, const char *name, const struct fleet_spec *spec,
			   const struct fleet_outcome *o);
bool fleet_check(const struct fleet_spec *spec, fleet_told_fn *told, void *ctx, char rule[8]);
/* Breaks each rule on purpose: how many were not noticed. */
unsigned fleet_self_check(void);

/* fleet_main.c: `argv` after "fleet". */
int fleet_command(int argc, char **argv);

#endif
