/* route/order.c -- puts those that take part in order.
 *
 * Each gets a class (who goes before whom whatever the strategy says) and in it a key (the
 * strategy's, smaller is better).  Those of one class whose keys are equal, or nearly, are a
 * group: one of it is drawn to be its first, the others follow by load.  docs/routing.md says
 * the same in the user's words.
 */
#include "route/plan.h"

#include "route/tokens.h"

/* A first guess where nobody has been timed. */
#define TTFT_GUESS_US 1000000ULL
/* Of the prompt, from a warm cache, before it has been seen. */
enum { CACHED_GUESS_PERMILLE = 500 };
/* What one part of the balanced score is at most, in times of what is usual. */
#define TERM_MAX 10.0

/* To be sorted as one number: class, key, and whose it is, in AT_BITS. */
enum { AT_BITS = 8, KEY_BITS = 42 };
#define AT_MASK   ((1ULL << AT_BITS) - 1)
#define LOAD_MAX  (UINT64_MAX >> AT_BITS)
#define KEY_MAX   ((1ULL << KEY_BITS) - 1)
#define CLASS_MAX ((1U << (64 - AT_BITS - KEY_BITS)) - 1)
_Static_assert(ROUTE_CANDIDATES_MAX <= 1 << AT_BITS, "a place fits");

/* What is worked with, by place in p->choice as it came. */
struct order {
	struct route_plan *p;
	unsigned n;
	const struct route_policy *policy;
	const struct route_facts *f;
	const struct route_env *env;
	uint64_t usual_us; /* median of the times to first content that are known */
	const struct route_target *t[ROUTE_CANDIDATES_MAX];
	uint64_t ttft[ROUTE_CANDIDATES_MAX];  /* moving averages; 0: not known */
	uint64_t input[ROUTE_CANDIDATES_MAX]; /* tokens */
	uint64_t cost[ROUTE_CANDIDATES_MAX];
	uint64_t load[ROUTE_CANDIDATES_MAX];
	uint64_t key[ROUTE_CANDIDATES_MAX];
	uint32_t class[ROUTE_CANDIDATES_MAX];
	uint16_t group[ROUTE_CANDIDATES_MAX];
	uint8_t at[ROUTE_CANDIDATES_MAX]; /* the order: places */
};

/* ---- sorting ----------------------------------------------------------------------------- */

enum { RUN = 16 };

static void sort_run(uint64_t *v, size_t n)
{
	for (size_t i = 1; i < n; i++) {
		uint64_t x = v[i];
		size_t k = i;

		for (; k > 0 && x < v[k - 1]; k--)
			v[k] = v[k - 1];
		v[k] = x;
	}
}

static void merge(uint64_t *out, const uint64_t *a, size_t an, const uint64_t *b, size_t bn)
{
	while (an > 0 && bn > 0) {
		bool second = *b < *a;

		*out++ = second ? *b : *a;
		a += !second;
		an -= !second;
		b += second;
		bn -= second;
	}
	if (an > 0)
		memcpy(out, a, an * sizeof(*a));
	if (bn > 0)
		memcpy(out, b, bn * sizeof(*b));
}

/* Runs by insertion, which is quickest for few, then merged in pairs. */
static void sort(uint64_t *v, size_t n)
{
	uint64_t spare[ROUTE_CANDIDATES_MAX];
	uint64_t *from = v, *to = spare;

	for (size_t i = 0; i < n; i += RUN)
		sort_run(v + i, size_min(RUN, n - i));
	for (size_t width = RUN; width < n; width *= 2) {
		uint64_t *was = from;

		for (size_t i = 0; i < n; i += 2 * width) {
			size_t an = size_min(width, n - i);

			if (i + an == n || from[i + an - 1] <= from[i + an]) {
				memcpy(to + i, from + i,
				       size_min(2 * width, n - i) * sizeof(*v));
				continue;
			}
			merge(to + i, from + i, an, from + i + an, size_min(width, n - i - an));
		}
		from = to;
		to = was;
	}
	if (from != v)
		memcpy(v, from, n * sizeof(*v));
}

/* The middle one; reorders v[0 .. n), n > 0. */
static uint64_t median(uint64_t *v, size_t n)
{
	size_t low = 0, high = n - 1, want = (n - 1) / 2;

	while (low < high) {
		uint64_t pivot = v[low + (high - low) / 2];
		size_t i = low, k = high;

		for (;;) {
			uint64_t x;

			while (v[i] < pivot)
				i++;
			while (v[k] > pivot)
				k--;
			if (i >= k)
				break;
			x = v[i];
			v[i++] = v[k];
			v[k--] = x;
		}
		if (want <= k)
			high = k;
		else
			low = k + 1;
	}
	return v[want];
}

enum { MEDIAN_OF = 32 };

/* Of v[0 .. n) those that are not 0; `none` when there is none.  Of many, every second or third
 * will do: it only has to be usual. */
static uint64_t median_known(const uint64_t *v, size_t n, uint64_t none)
{
	uint64_t known[MEDIAN_OF];
	size_t k = 0, step = (n + MEDIAN_OF - 1) / MEDIAN_OF;

	for (size_t i = 0; i < n; i += step) {
		known[k] = v[i];
		k += v[i] != 0;
	}
	return k > 0 ? median(known, k) : none;
}

/* ---- what is known of each --------------------------------------------------------------- */

/* Few families of tokenizers serve many deployments: the last one's answer is kept. */
struct input_memo {
	const struct calibration *of;
	uint64_t tokens;
	bool any;
};

static uint64_t input_of(struct input_memo *m, const struct route_target *t,
			 const struct route_facts *f)
{
	if (!m->any || m->of != t->tokens)
		*m = (struct input_memo){ t->tokens, route_input(t, f), true };
	return m->tokens;
}

static uint64_t load_of(const struct order *o, const struct route_target *t)
{
	static const struct health nothing; /* of one that nothing is kept of */
	const struct health *h = t->health != NULL ? t->health : &nothing;

	return health_load(h, t->weight, o->usual_us, o->env->slow_start_us, o->env->now_us);
}

static void look(struct order *o)
{
	uint64_t output = route_output_usual(o->f), now = o->env->now_us;
	struct input_memo memo = { NULL, 0, false };

	for (unsigned i = 0; i < o->n; i++) {
		const struct route_target *t = o->t[i];

		o->input[i] = input_of(&memo, t, o->f);
		o->cost[i] = route_cost(t, o->input[i], output);
		o->ttft[i] = t->health != NULL ? health_ttft_us(t->health, now) : 0;
	}
	o->usual_us = median_known(o->ttft, o->n, TTFT_GUESS_US);
	for (unsigned i = 0; i < o->n; i++)
		o->load[i] = load_of(o, o->t[i]);
}

/* ---- classes: what goes before any strategy ---------------------------------------------- */

static uint64_t ttft_at(const struct order *o, unsigned i)
{
	const struct route_target *t = o->t[i];
	unsigned at = o->policy->percentile != 0 ? o->policy->percentile : 500;
	uint64_t us = 0;

	if (t->health != NULL)
		us = health_ttft_at(t->health, o->input[i], at);
	return us != 0 ? us : o->ttft[i];
}

static uint64_t tps_milli(const struct route_target *t)
{
	if (t->health == NULL)
		return 0;
	return atomic_load_explicit(&t->health->tps_milli, memory_order_relaxed);
}

/* It may be asked, when nobody better is left. */
static bool late(const struct order *o, unsigned i)
{
	const struct route_target *t = o->t[i];
	uint64_t tps;

	if (o->p->choice[i].ready_us > o->env->now_us)
		return true;
	if (t->health != NULL && health_headroom(t->health, o->env->now_us) == 0)
		return true;
	if (o->policy->max_ttft_us != 0 && ttft_at(o, i) > o->policy->max_ttft_us)
		return true;
	if (o->policy->min_tps != 0) {
		tps = tps_milli(t);
		if (tps != 0 && tps / 1000 < o->policy->min_tps)
			return true;
	}
	return route_fits(t, o->f) != FITS;
}

/* By rank; in it by place in `order`, then who issued the state that the request carries, then
 * the others; two bits are left for what comes last in each. */
enum { CLASS_WORSE = 1, CLASS_LATE = 2, CLASS_STEP = 4 };

static void classify(struct order *o)
{
	const struct route_names *order = &o->policy->order;
	uint32_t rest = (uint32_t)order->n;

	for (unsigned i = 0; i < o->n; i++) {
		const struct route_target *t = o->t[i];
		size_t place = order->n > 0 ? route_names_find(order, t) : SLICE_NONE;
		uint32_t class = rest + 1;

		if (place != SLICE_NONE)
			class = (uint32_t)place;
		else if (o->f->pinned.n > 0 && slice_ieq(t->provider, o->f->pinned))
			class = rest;
		if (o->env->rank != NULL)
			class += o->env->rank[o->p->choice[i].candidate] * (rest + 2);
		o->class[i] = class * CLASS_STEP + (late(o, i) ? CLASS_LATE : 0);
	}
}

/* ---- keys -------------------------------------------------------------------------------- */

static void by_turn(struct order *o)
{
	unsigned n = o->n;
	unsigned turn = n > 0 ? (unsigned)(o->env->turn % n) : 0;

	for (unsigned i = 0; i < n; i++)
		o->key[i] = i >= turn ? i - turn : i + n - turn;
}

static unsigned inflight(const struct route_target *t)
{
	int n = t->health == NULL
			? 0
			: atomic_load_explicit(&t->health->inflight, memory_order_relaxed);

	return n > 0 ? (unsigned)n : 0;
}

static unsigned weight(const struct route_target *t)
{
	return t->weight > 0 ? t->weight : 1;
}

static void by_load(struct order *o)
{
	for (unsigned i = 0; i < o->n; i++) {
		const struct route_target *t = o->t[i];

		o->key[i] = inflight(t) * 1000ULL / weight(t);
	}
}

static void by_cost(struct order *o)
{
	for (unsigned i = 0; i < o->n; i++)
		o->key[i] = o->t[i]->priced ? o->cost[i] : UINT64_MAX;
}

/* The unknown are taken for the middle, so that they are tried and become known. */
static void fill_unknown(struct order *o)
{
	uint64_t usual = median_known(o->key, o->n, 1);

	for (unsigned i = 0; i < o->n; i++)
		if (o->key[i] == 0)
			o->key[i] = usual;
}

static void by_ttft(struct order *o)
{
	for (unsigned i = 0; i < o->n; i++)
		o->key[i] = ttft_at(o, i);
	fill_unknown(o);
}

/* In microseconds a token. */
static void by_tps(struct order *o)
{
	for (unsigned i = 0; i < o->n; i++) {
		uint64_t tps = tps_milli(o->t[i]);

		o->key[i] = tps != 0 ? 1000000000ULL / tps + 1 : 0;
	}
	fill_unknown(o);
}

static void by_headroom(struct order *o)
{
	for (unsigned i = 0; i < o->n; i++) {
		const struct route_target *t = o->t[i];

		o->key[i] = t->health == NULL
				    ? 0
				    : 1000 - health_headroom(t->health, o->env->now_us);
	}
}

/* The cheapest (all of them reach min_quality), then those at least as good. */
static void by_quality(struct order *o)
{
	unsigned best = 0;

	by_cost(o);
	for (unsigned i = 1; i < o->n; i++)
		if (o->class[i] < o -> class[best] || (o->class[i] == o->class[best] &&
						       o->key[i] < o->key[best]))
			best = i;
	for (unsigned i = 0; i < o->n; i++)
		if (o->t[i]->quality < o->t[best]->quality)
			o->class[i] += CLASS_WORSE;
}

static double term(double x, double usual)
{
	double t = x / (usual > 1 ? usual : 1);

	return t < TERM_MAX ? t : TERM_MAX;
}

static void by_balance(struct order *o)
{
	static const struct route_shares usual = { .cost = 4, .latency = 3, .quality = 3 };
	struct route_shares w = o->policy->shares;
	double cost, ttft = (double)o->usual_us, sum, busy = 0;
	unsigned n = o->n;

	if ((w.cost | w.latency | w.quality) == 0)
		w = usual;
	sum = (double)w.cost + w.latency + w.quality;
	for (unsigned i = 0; i < n; i++)
		busy += (double)inflight(o->t[i]) / weight(o->t[i]);
	busy /= n > 0 ? n : 1;
	cost = (double)median_known(o->cost, n, 1);
	for (unsigned i = 0; i < n; i++) {
		const struct route_target *t = o->t[i];
		double c = t->priced ? (double)o->cost[i] : cost;
		double l = o->ttft[i] != 0 ? (double)o->ttft[i] : ttft;
		double factor = (1 + (double)inflight(t) / weight(t)) / (1 + busy);
		double score;

		factor = factor < 0.5 ? 0.5 : factor > 4 ? 4 : factor;
		score = w.cost * term(c, cost) + w.latency * term(l, ttft) +
			w.quality * (double)(1000 - size_min(t->quality, 1000)) / 500;
		o->key[i] = (uint64_t)(score / sum * factor * 1e6);
	}
}

static void keys(struct order *o)
{
	switch (o->policy->strategy) {
	case BY_TURN:
		by_turn(o);
		return;
	case BY_LOAD:
		by_load(o);
		return;
	case BY_COST:
		by_cost(o);
		return;
	case BY_TTFT:
		by_ttft(o);
		return;
	case BY_TPS:
		by_tps(o);
		return;
	case BY_HEADROOM:
		by_headroom(o);
		return;
	case BY_QUALITY:
		by_quality(o);
		return;
	case BY_BALANCE:
		by_balance(o);
		return;
	case BY_PRIORITY:
		for (unsigned i = 0; i < o->n; i++)
			o->key[i] = o->t[i]->priority;
		return;
	case BY_WEIGHT:
	case STRATEGY_N:
		break;
	}
	for (unsigned i = 0; i < o->n; i++)
		o->key[i] = 0;
}

/* ---- groups of equals -------------------------------------------------------------------- */

/* Of a class whose least key is `least`: what still counts as equal. */
static uint64_t equal_up_to(enum strategy s, uint64_t least)
{
	if (s != BY_COST && s != BY_TTFT && s != BY_TPS && s != BY_BALANCE)
		return least;
	return least > UINT64_MAX - least / 20 ? UINT64_MAX : least + least / 20;
}

/* Which of the places at[0 .. n) goes first, by weight. */
static size_t draw(const struct order *o, const uint8_t *at, size_t n)
{
	uint64_t sum = 0, luck;
	size_t i;

	for (i = 0; i < n; i++)
		sum += weight(o->t[at[i]]);
	luck = rng_below(o->env->rng, sum);
	for (i = 0; i + 1 < n; i++) {
		unsigned w = weight(o->t[at[i]]);

		if (luck < w)
			break;
		luck -= w;
	}
	return i;
}

/* The less busy of two: nearly as even as asking all, and nobody is run into by everybody at
 * once.  n >= 2 */
static size_t better_of_two(const struct order *o, const uint8_t *at, size_t n)
{
	uint64_t luck = rng_below(o->env->rng, (uint64_t)n * (n - 1));
	size_t a = (size_t)(luck / (n - 1)), b = (size_t)(luck % (n - 1));

	if (b >= a)
		b++;
	return o->load[at[b]] < o->load[at[a]] ? b : a;
}

static bool weights_differ(const struct order *o, const uint8_t *at, size_t n)
{
	unsigned first = weight(o->t[at[0]]);

	for (size_t i = 1; i < n; i++)
		if (weight(o->t[at[i]]) != first)
			return true;
	return false;
}

/* Orders the places at[0 .. n), n >= 2. */
static void order_group(struct order *o, uint8_t *at, size_t n)
{
	bool by_weight = o->policy->strategy == BY_WEIGHT || weights_differ(o, at, n);
	size_t first = by_weight ? draw(o, at, n) : better_of_two(o, at, n);
	uint8_t x = at[first];
	uint64_t rest[ROUTE_CANDIDATES_MAX];
	/* Those of the same load would else always stand as in the config. */
	uint64_t luck = rng_u64(o->env->rng) & AT_MASK;

	at[first] = at[0];
	at[0] = x;
	for (size_t i = 1; i < n; i++) {
		uint64_t load = o->load[at[i]] < LOAD_MAX ? o->load[at[i]] : LOAD_MAX;

		rest[i - 1] = load << AT_BITS | (at[i] ^ luck);
	}
	sort(rest, n - 1);
	for (size_t i = 1; i < n; i++)
		at[i] = (uint8_t)((rest[i - 1] ^ luck) & AT_MASK);
}

/* By class and key, equals by luck and load. */
static void arrange(struct order *o)
{
	uint64_t sorted[ROUTE_CANDIDATES_MAX];
	uint16_t group = 0;

	for (unsigned i = 0; i < o->n; i++) {
		uint64_t class = o->class[i] < CLASS_MAX ? o->class[i] : CLASS_MAX;
		uint64_t key = o->key[i] < KEY_MAX ? o->key[i] : KEY_MAX;

		sorted[i] = class << (KEY_BITS + AT_BITS) | key << AT_BITS | i;
	}
	sort(sorted, o->n);
	for (unsigned i = 0; i < o->n; i++)
		o->at[i] = (uint8_t)(sorted[i] & AT_MASK);
	for (unsigned i = 0, n; i < o->n; i += n) {
		uint32_t class = o->class[o->at[i]];
		uint64_t equal = equal_up_to(o->policy->strategy, o->key[o->at[i]]);

		n = 0;
		do
			o->group[o->at[i + n++]] = group;
		while (i + n < o->n && o->class[o->at[i + n]] == class &&
		       o->key[o->at[i + n]] <= equal);
		if (n > 1)
			order_group(o, &o->at[i], n);
		group++;
	}
}

/* ---- staying with one that has it in its cache ------------------------------------------- */

/* What it is expected to cost there, as far as its prompt comes from the cache. */
static uint64_t cached_cost(const struct route_target *t, const struct route_facts *f)
{
	uint64_t input = route_input(t, f), cached, rest;
	uint64_t permille = CACHED_GUESS_PERMILLE;
	struct route_target from_cache = *t;

	if (t->health != NULL &&
	    atomic_load_explicit(&t->health->cached_samples, memory_order_relaxed) > 0)
		permille =
			atomic_load_explicit(&t->health->cached_permille, memory_order_relaxed);
	cached = input / 1000 * permille + input % 1000 * permille / 1000;
	from_cache.price_input = t->price_cache_read;
	from_cache.price_request = 0;
	from_cache.tier_above = 0;
	rest = route_cost(&from_cache, cached, 0);
	cached = route_cost(t, input - cached, route_output_usual(f));
	return cached > UINT64_MAX - rest ? UINT64_MAX : cached + rest;
}

/* Is staying with the one at place `at` worth more than going to `best`? */
static bool worth_staying(const struct order *o, unsigned at, unsigned best)
{
	double limit = (double)o->load[best] * o->env->stick_max_permille / 1000;

	if (o->class[at] != o->class[best] || (double)o->load[at] > limit)
		return false;
	if (o->policy->strategy != BY_COST && o->policy->strategy != BY_BALANCE)
		return true;
	if (!o->t[at]->priced || !o->t[best]->priced)
		return !o->t[best]->priced;
	return cached_cost(o->t[at], o->f) <= o->cost[best];
}

static void stick(struct order *o)
{
	unsigned i = 0;
	uint16_t group;
	uint8_t at;
	bool alone;

	if (o->env->stick_to == ROUTE_NOBODY)
		return;
	while (i < o->n && o->p->choice[o->at[i]].candidate != o->env->stick_to)
		i++;
	if (i == 0 || i >= o->n || !worth_staying(o, o->at[i], o->at[0]))
		return;
	at = o->at[i];
	group = o->group[at];
	alone = o->group[o->at[i - 1]] != group &&
		(i + 1 == o->n || o->group[o->at[i + 1]] != group);
	memmove(&o->at[1], &o->at[0], i);
	o->at[0] = at;
	/* One that comes from a later group is one of its own now, before all others. */
	for (unsigned k = 1; k < o->n && group > 0; k++)
		if (k <= i || !alone)
			o->group[o->at[k]]++;
	o->group[at] = 0;
	o->p->stuck = true;
}

/* ---- all together ------------------------------------------------------------------------ */

static void write_choices(struct order *o)
{
	struct route_choice was[ROUTE_CANDIDATES_MAX];

	memcpy(was, o->p->choice, o->n * sizeof(*was));
	for (unsigned i = 0; i < o->n; i++) {
		unsigned at = o->at[i];

		o->p->choice[i] = (struct route_choice){ .candidate = was[at].candidate,
							 .group = o->group[at],
							 .key = o->key[at],
							 .load = o->load[at],
							 .cost = o->cost[at],
							 .ready_us = was[at].ready_us };
	}
}

void route_order(struct route_plan *p, const struct route_target *const *v,
		 const struct route_policy *policy, const struct route_facts *f,
		 const struct route_env *env)
{
	struct order o;

	o.p = p;
	o.n = p->n;
	o.policy = policy;
	o.f = f;
	o.env = env;
	for (unsigned i = 0; i < p->n; i++)
		o.t[i] = v[p->choice[i].candidate];
	look(&o);
	classify(&o);
	keys(&o);
	arrange(&o);
	stick(&o);
	write_choices(&o);
}
