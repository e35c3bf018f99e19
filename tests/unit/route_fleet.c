#include "route_fleet.h"

#include "check.h"

#include <math.h>

/* Median 0.6 s, 99th percentile 8 s. */
#define MEDIAN_US 0.6e6
#define SIGMA     1.11
#define PI        3.14159265358979323846

#define HANG_US 30000000
#define FAIL_US 50000
/* The clock does not begin at 0. */
#define BEGIN_US 1000000

/* In nano-USD: a cancelled attempt is billed its prompt. */
enum { PROMPT_COST = 300, COST = 1000, PROMPT_TOKENS = 500 };

enum event_kind { ARRIVE, WAITED, CONTENT, END, FAILED, HEDGE };

struct event {
	uint64_t at;
	unsigned attempt;
	enum event_kind kind;
};

struct attempt {
	unsigned request, deployment;
	unsigned other; /* the one it hedges or that hedges it, + 1 */
	bool over, content;
	uint64_t began, wait;
};

struct fleet {
	const struct fleet_rules *rules;
	struct fleet_result *out;
	struct rng rng;
	struct health health[FLEET];
	struct route_target target[FLEET];
	struct hedge_budget budget;
	struct event *heap;
	size_t events, events_cap;
	struct attempt *attempt;
	unsigned attempts, attempts_cap;
	uint64_t *began; /* by request */
	double *ttft;    /* by request, s */
	unsigned requests;
	uint64_t now, first_asked;
};

/* ---- events -------------------------------------------------------------------------------
 */

static void push(struct fleet *f, uint64_t at, unsigned attempt, enum event_kind kind)
{
	size_t i = f->events++;

	assert_true(f->events <= f->events_cap);
	for (; i > 0 && f->heap[(i - 1) / 2].at > at; i = (i - 1) / 2)
		f->heap[i] = f->heap[(i - 1) / 2];
	f->heap[i] = (struct event){ .at = at, .attempt = attempt, .kind = kind };
}

static struct event pop(struct fleet *f)
{
	struct event top = f->heap[0], e = f->heap[--f->events];
	size_t i = 0, c;

	while ((c = 2 * i + 1) < f->events) {
		if (c + 1 < f->events && f->heap[c + 1].at < f->heap[c].at)
			c++;
		if (f->heap[c].at >= e.at)
			break;
		f->heap[i] = f->heap[c];
		i = c;
	}
	f->heap[i] = e;
	return top;
}

static double exponential(struct fleet *f)
{
	return -log(1 - rng_unit(&f->rng));
}

static double normal(struct fleet *f)
{
	double r = sqrt(2 * exponential(f));

	return r * cos(2 * PI * rng_unit(&f->rng));
}

static double seconds(const struct fleet *f)
{
	return (double)(f->now - BEGIN_US) / 1e6;
}

/* ---- who is asked -------------------------------------------------------------------------
 */

/* The lower median of what is known. */
static uint64_t usual(const struct fleet *f)
{
	uint64_t v[FLEET];
	size_t n = 0, k;

	for (unsigned i = 0; i < FLEET; i++) {
		uint64_t t = health_ttft_us(&f->health[i], f->now);

		if (t == 0)
			continue;
		for (k = n++; k > 0 && v[k - 1] > t; k--)
			v[k] = v[k - 1];
		v[k] = t;
	}
	return n > 0 ? v[(n - 1) / 2] : 0;
}

/* One of two, never `but` (FLEET: any). */
static unsigned pick(struct fleet *f, unsigned but)
{
	unsigned who[FLEET], n = 0, a, b;
	uint64_t u = usual(f), slow = f->rules->slow_start_us;

	for (unsigned i = 0; i < FLEET; i++)
		if (i != but && (i > 0 || seconds(f) >= f->rules->new_at_s))
			who[n++] = i;
	a = (unsigned)rng_below(&f->rng, n);
	b = (unsigned)rng_below(&f->rng, n - 1);
	b += b >= a;
	return health_load(&f->health[who[b]], 1, u, slow, f->now) <
			       health_load(&f->health[who[a]], 1, u, slow, f->now)
		       ? who[b]
		       : who[a];
}

static void count(struct fleet *f, unsigned deployment)
{
	struct fleet_result *out = f->out;
	size_t second = (size_t)seconds(f);

	out->attempts[deployment]++;
	out->total++;
	if (second < FLEET_SECONDS) {
		out->all_in[second]++;
		out->first_in[second] += deployment == 0;
	}
	if (deployment != 0)
		return;
	if (f->now - f->first_asked > out->gap_us)
		out->gap_us = f->now - f->first_asked;
	f->first_asked = f->now;
}

static unsigned begin(struct fleet *f, unsigned request, unsigned but)
{
	const struct fleet_rules *r = f->rules;
	unsigned id = f->attempts++, who = pick(f, but);
	struct health *h = &f->health[who];
	double luck = rng_unit(&f->rng), us;

	assert_true(id < f->attempts_cap);
	count(f, who);
	us = MEDIAN_US * exp(SIGMA * normal(f)) * (r->pace ? r->pace(who, seconds(f)) : 1);
	f->attempt[id] = (struct attempt){ .request = request,
					   .deployment = who,
					   .began = f->now,
					   .wait = health_ttft_us(h, f->now) };
	health_begin(h, f->now);
	if (luck < r->hang_share)
		push(f, f->now + HANG_US, id, FAILED);
	else if (luck < r->hang_share + r->fail_share)
		push(f, f->now + FAIL_US, id, FAILED);
	else
		push(f, f->now + (uint64_t)us, id, CONTENT);
	f->attempt[id].wait = f->attempt[id].wait < 50000 ? 100000 : 2 * f->attempt[id].wait;
	push(f, f->now + f->attempt[id].wait, id, WAITED);
	return id;
}

static void arrive(struct fleet *f)
{
	const struct fleet_rules *r = f->rules;
	unsigned id = f->requests++;
	uint64_t delay;

	f->began[id] = f->now;
	hedge_earn(&f->budget, &r->hedge);
	id = begin(f, id, FLEET);
	delay = hedge_delay(&r->hedge, &f->target[f->attempt[id].deployment], PROMPT_TOKENS);
	if (delay != 0)
		push(f, f->now + delay, id, HEDGE);
	if (f->requests < r->requests)
		push(f, f->now + (uint64_t)(exponential(f) * 1e6 / r->rate), 0, ARRIVE);
}

/* ---- what becomes of it ------------------------------------------------------------------
 */

static void waited(struct fleet *f, unsigned id)
{
	struct attempt *a = &f->attempt[id];

	if (a->over || a->content)
		return;
	health_waiting(&f->health[a->deployment], a->wait, f->now);
	a->wait *= 2;
	push(f, a->began + a->wait, id, WAITED);
}

static void cancel(struct fleet *f, struct attempt *a)
{
	struct health *h = &f->health[a->deployment];

	a->over = true;
	health_end(h);
	health_given_up(h, f->now - a->began, PROMPT_TOKENS);
	f->out->lost += PROMPT_COST;
}

static void content(struct fleet *f, unsigned id)
{
	struct attempt *a = &f->attempt[id];
	struct health *h = &f->health[a->deployment];

	a->content = true;
	health_first_content(h, f->now - a->began, PROMPT_TOKENS, f->now);
	f->ttft[a->request] = (double)(f->now - f->began[a->request]) / 1e6;
	hedge_earn_cost(&f->budget, &f->rules->hedge, COST);
	f->out->cost += COST;
	if (a->other != 0 && !f->attempt[a->other - 1].over)
		cancel(f, &f->attempt[a->other - 1]);
	if (f->rules->stream_s > 0)
		push(f, f->now + (uint64_t)(exponential(f) * f->rules->stream_s * 1e6), id,
		     END);
	else
		health_end(h);
}

static void failed(struct fleet *f, unsigned id)
{
	struct attempt *a = &f->attempt[id];
	struct health *h = &f->health[a->deployment];

	a->over = true;
	health_end(h);
	if (f->now - a->began == HANG_US)
		health_given_up(h, HANG_US, PROMPT_TOKENS);
	if (a->other == 0 || f->attempt[a->other - 1].over)
		(void)begin(f, a->request, a->deployment);
}

static void hedge(struct fleet *f, unsigned id)
{
	struct attempt *a = &f->attempt[id];
	unsigned other;

	if (a->over || a->content ||
	    !hedge_take(&f->budget, &f->rules->hedge, &f->target[0], PROMPT_COST))
		return;
	other = begin(f, a->request, a->deployment);
	f->out->hedges++;
	a->other = other + 1;
	f->attempt[other].other = id + 1;
}

static void happen(struct fleet *f, struct event e)
{
	struct attempt *a = &f->attempt[e.attempt];

	switch (e.kind) {
	case ARRIVE:
		arrive(f);
		break;
	case WAITED:
		waited(f, e.attempt);
		break;
	case CONTENT:
		if (!a->over)
			content(f, e.attempt);
		break;
	case END:
		health_end(&f->health[a->deployment]);
		break;
	case FAILED:
		if (!a->over)
			failed(f, e.attempt);
		break;
	case HEDGE:
		hedge(f, e.attempt);
		break;
	}
}

static int by_size(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

void fleet_run(const struct fleet_rules *rules, struct fleet_result *out)
{
	struct fleet *f = calloc(1, sizeof(*f));
	bool new_one = false;

	assert_non_null(f);
	*out = (struct fleet_result){ 0 };
	f->rules = rules;
	f->out = out;
	f->now = f->first_asked = BEGIN_US;
	f->attempts_cap = rules->requests * 2;
	f->events_cap = (size_t)rules->requests * 2 + 1000;
	f->heap = calloc(f->events_cap, sizeof(*f->heap));
	f->attempt = calloc(f->attempts_cap, sizeof(*f->attempt));
	f->began = calloc(rules->requests, sizeof(*f->began));
	f->ttft = calloc(rules->requests, sizeof(*f->ttft));
	assert_true(f->heap && f->attempt && f->began && f->ttft);
	rng_seed(&f->rng, rules->seed);
	for (unsigned i = 0; i < FLEET; i++)
		f->target[i] = (struct route_target){ .health = &f->health[i], .weight = 1 };
	push(f, f->now, 0, ARRIVE);
	while (f->events > 0) {
		struct event e = pop(f);

		f->now = e.at;
		if (!new_one && rules->new_at_s > 0 && seconds(f) >= rules->new_at_s) {
			new_one = true;
			f->first_asked = f->now;
			health_recovered(&f->health[0], f->now);
		}
		happen(f, e);
	}
	for (unsigned i = 0; i < FLEET; i++)
		CHECK_INT(f->health[i].inflight, 0);
	qsort(f->ttft, f->requests, sizeof(*f->ttft), by_size);
	out->p50_s = f->ttft[f->requests / 2];
	out->p99_s = f->ttft[f->requests - f->requests / 100];
	free(f->heap);
	free(f->attempt);
	free(f->began);
	free(f->ttft);
	free(f);
}

double fleet_share(const struct fleet_result *r, unsigned period, unsigned from, unsigned to)
{
	double first = 0, all = 0;

	for (unsigned begin = 0; begin < FLEET_SECONDS; begin += period)
		for (unsigned s = begin + from; s < begin + to && s < FLEET_SECONDS; s++) {
			first += r->first_in[s];
			all += r->all_in[s];
		}
	return all > 0 ? 1000 * first / all : 0;
}
