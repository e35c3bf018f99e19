/* route/filter.c -- the hard rules, in the order of REJECTIONS.
 *
 * What is not known refuses nobody, but where the one who asks could be harmed by a guess:
 * where data go and how they are kept, how the weights are stored, what it may cost.
 */
#include "route/plan.h"

#include "route/tokens.h"

const char *rejection_code(enum rejection r)
{
#define REJECTION_CODE(id, code, text) code,
	static const char *const codes[] = { REJECTIONS(REJECTION_CODE) };
#undef REJECTION_CODE

	return codes[r];
}

const char *rejection_text(enum rejection r)
{
#define REJECTION_TEXT(id, code, text) text,
	static const char *const texts[] = { REJECTIONS(REJECTION_TEXT) };
#undef REJECTION_TEXT

	return texts[r];
}

bool rejection_passes(enum rejection r)
{
	return r == REJECT_QUOTA || r == REJECT_BREAKER;
}

/* ---- how long ---------------------------------------------------------------------------- */

static uint64_t plus(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static uint64_t times(uint64_t a, uint64_t b)
{
	uint64_t out;

	return __builtin_mul_overflow(a, b, &out) ? UINT64_MAX : out;
}

static uint64_t answers(const struct route_facts *f)
{
	return f->answers > 0 ? f->answers : 1;
}

uint64_t route_input(const struct route_target *t, const struct route_facts *f)
{
	return plus(tokens_estimate(t->tokens, f->prompt_bytes), f->media_tokens);
}

/* UINT64_MAX: not known. */
static uint64_t output_limit(const struct route_target *t, const struct route_facts *f)
{
	uint64_t input;

	if (f->output_tokens != 0)
		return f->output_tokens;
	if (t->max_output != 0)
		return t->max_output;
	if (t->context == 0)
		return UINT64_MAX;
	input = route_input(t, f);
	return t->context > input ? t->context - input : 1;
}

uint64_t route_output_max(const struct route_target *t, const struct route_facts *f)
{
	uint64_t limit = output_limit(t, f);

	return times(limit == UINT64_MAX ? ROUTE_OUTPUT_UNKNOWN : limit, answers(f));
}

uint64_t route_output_usual(const struct route_facts *f)
{
	uint64_t one = ROUTE_OUTPUT_USUAL;

	if (f->output_tokens != 0 && f->output_tokens < one)
		one = f->output_tokens;
	return times(one, answers(f));
}

/* How far off an estimate may be, in permille of the truth. */
static unsigned doubt(const struct calibration *c)
{
	unsigned error;

	if (c == NULL || atomic_load_explicit(&c->samples, memory_order_relaxed) == 0)
		return 250; /* four bytes to a token is a guess */
	error = atomic_load_explicit(&c->error_permille, memory_order_relaxed);
	return error < 100 ? 100 : error > 500 ? 500 : error;
}

enum route_fit route_fits(const struct route_target *t, const struct route_facts *f)
{
	uint64_t guess, answer = f->output_tokens, room;
	unsigned off;

	if (f->any_size)
		return FITS;
	/* Four tokens to a byte is more than anybody counts: the usual case, without a
	 * division. */
	room = plus(plus(times(f->prompt_bytes, 4), f->media_tokens),
		    answer != 0 ? answer : ROUTE_OUTPUT_USUAL);
	if (t->context == 0 || room <= t->context)
		return FITS;
	if (answer == 0)
		answer = t->max_output != 0 && t->max_output < ROUTE_OUTPUT_USUAL
				 ? t->max_output
				 : ROUTE_OUTPUT_USUAL;
	if (answer >= t->context)
		return FITS_NOT;
	room = t->context - answer;
	guess = tokens_estimate(t->tokens, f->prompt_bytes);
	off = doubt(t->tokens);
	guess = guess < UINT64_MAX / 2000 ? guess : UINT64_MAX / 2000;
	if (plus(guess * 1000 / (1000 + off), f->media_tokens) > room)
		return FITS_NOT;
	return plus(guess * 1000 / (1000 - off), f->media_tokens) > room ? FITS_PERHAPS : FITS;
}

/* ---- the rules --------------------------------------------------------------------------- */

static enum rejection named(const struct route_target *t, const struct route_policy *p)
{
	if (p->ignore.n > 0 && route_names_find(&p->ignore, t) != SLICE_NONE)
		return REJECT_IGNORED;
	if (p->only.n > 0 && route_names_find(&p->only, t) == SLICE_NONE)
		return REJECT_NOT_ONLY;
	if (p->no_fallbacks && p->order.n > 0 && route_names_find(&p->order, t) == SLICE_NONE)
		return REJECT_NOT_ORDER;
	return REJECT_NONE;
}

static enum rejection able(const struct route_target *t, unsigned candidate,
			   const struct route_policy *p, const struct route_facts *f)
{
	unsigned lacks = f->caps & t->caps_stated & ~t->caps;

	if (t->media_in != 0 && (f->media & ~t->media_in & ~(1U << MEDIUM_TEXT)) != 0)
		return REJECT_MEDIA;
	if (lacks != 0) {
		if ((lacks & 1U << CAP_TOOLS) != 0)
			return REJECT_TOOLS;
		return (lacks & 1U << CAP_JSON_SCHEMA) != 0 ? REJECT_SCHEMA : REJECT_CAPABILITY;
	}
	if (p->require_params && f->can_say != NULL && !f->can_say(f->ctx, candidate))
		return REJECT_PARAMETERS;
	if (route_fits(t, f) == FITS_NOT)
		return REJECT_CONTEXT;
	if (t->max_output != 0 && f->output_tokens > t->max_output)
		return REJECT_OUTPUT;
	return REJECT_NONE;
}

static bool in_region(const struct route_target *t, const struct route_names *regions)
{
	for (size_t i = 0; i < regions->n; i++)
		if (slice_ieq(slice_head(t->region, regions->v[i].n), regions->v[i]))
			return true;
	return false;
}

static enum rejection safe(const struct route_target *t, const struct route_policy *p)
{
	if (p->regions.n > 0 && !in_region(t, &p->regions))
		return REJECT_REGION;
	if (p->zdr && !t->zdr)
		return REJECT_ZDR;
	if (p->no_collection && t->collects)
		return REJECT_COLLECTION;
	if (p->local_only && !t->local)
		return REJECT_NOT_LOCAL;
	if (p->quantizations != 0 && (p->quantizations & 1U << t->quantization) == 0)
		return REJECT_QUANTIZATION;
	if (t->quality < p->min_quality)
		return REJECT_QUALITY;
	return REJECT_NONE;
}

static bool over(uint64_t price, uint64_t ceiling)
{
	return ceiling != 0 && price > ceiling;
}

/* A ceiling that is none may be written as UINT64_MAX too. */
static bool limits(uint64_t ceiling)
{
	return ceiling + 1 > 1;
}

static enum rejection affordable(const struct route_target *t, const struct route_policy *p,
				 const struct route_facts *f)
{
	bool image = (f->media & 1U << MEDIUM_IMAGE) != 0;
	uint64_t limit, cost, input = route_input(t, f);

	if (!t->priced)
		return REJECT_UNPRICED;
	if (p->free_only && (t->price_input | t->price_output | t->price_request |
			     (image ? t->price_image : 0)) != 0)
		return REJECT_PRICE;
	if (over(route_price_input(t, input), p->max_price_input) ||
	    over(route_price_output(t, input), p->max_price_output) ||
	    over(t->price_request, p->max_price_request) ||
	    (image && over(t->price_image, p->max_price_image)))
		return REJECT_PRICE;
	if (p->max_cost == 0)
		return REJECT_NONE;
	limit = output_limit(t, f);
	/* An answer without a known end costs without a known end. */
	if (limit == UINT64_MAX && t->price_output != 0)
		return REJECT_COST;
	cost = route_cost(t, input, route_output_max(t, f));
	if (plus(cost, times(f->images, t->price_image)) > p->max_cost)
		return REJECT_COST;
	return REJECT_NONE;
}

/* The least time that it would need, as far as it is known. */
static bool too_late(struct health *h, const struct route_policy *p,
		     const struct route_facts *f, uint64_t input, uint64_t now_us)
{
	uint64_t first = health_ttft_at(h, input, 500), tps, tokens = ROUTE_OUTPUT_SHORT;

	if (first == 0)
		first = health_ttft_us(h, now_us);
	if (first == 0)
		return false;
	tps = atomic_load_explicit(&h->tps_milli, memory_order_relaxed);
	if (f->output_tokens != 0 && f->output_tokens < tokens)
		tokens = f->output_tokens;
	if (tps != 0)
		first = plus(first, tokens * 1000000000ULL / tps);
	return first > p->deadline_us;
}

static enum rejection ready(const struct route_target *t, const struct route_policy *p,
			    const struct route_facts *f, const struct route_env *env)
{
	struct health *h = t->health;
	uint64_t rests;

	if (h == NULL)
		return REJECT_NONE;
	if (p->deadline_us != 0 && too_late(h, p, f, route_input(t, f), env->now_us))
		return REJECT_DEADLINE;
	rests = breaker_rests_until(&h->breaker, env->now_us);
	if (rests != 0 && rests - env->now_us > env->rest_max_us)
		return REJECT_QUOTA;
	if (breaker_look(&h->breaker, env->now_us) == BREAKER_OPEN)
		return REJECT_BREAKER;
	return REJECT_NONE;
}

static bool any_ceiling(const struct route_policy *p)
{
	return p->free_only || p->max_cost != 0 || limits(p->max_price_input) ||
	       limits(p->max_price_output) || limits(p->max_price_request) ||
	       limits(p->max_price_image);
}

/* Rules that a policy may be without: looked up once for all candidates. */
enum { RULE_NAMES = 1, RULE_SAFE = 2, RULE_PRICE = 4 };

unsigned route_rules(const struct route_policy *p)
{
	unsigned rules = any_ceiling(p) ? RULE_PRICE : 0;

	if (p->ignore.n > 0 || p->only.n > 0 || (p->no_fallbacks && p->order.n > 0))
		rules |= RULE_NAMES;
	if (p->regions.n > 0 || p->zdr || p->no_collection || p->local_only ||
	    p->quantizations != 0 || p->min_quality != 0)
		rules |= RULE_SAFE;
	return rules;
}

enum rejection route_filter(const struct route_target *t, unsigned candidate, unsigned rules,
			    const struct route_policy *p, const struct route_facts *f,
			    const struct route_env *env)
{
	enum rejection r = REJECT_NONE;

	if (f->allowed != NULL && !f->allowed(f->ctx, candidate))
		return REJECT_ACCOUNT;
	if ((rules & RULE_NAMES) != 0)
		r = named(t, p);
	if (r != REJECT_NONE)
		return r;
	if (t->preview && !f->may_preview)
		return REJECT_PREVIEW;
	if (t->retired_day != 0 && f->day >= t->retired_day)
		return REJECT_RETIRED;
	r = able(t, candidate, p, f);
	if (r == REJECT_NONE && (rules & RULE_SAFE) != 0)
		r = safe(t, p);
	if (r == REJECT_NONE && (rules & RULE_PRICE) != 0)
		r = affordable(t, p, f);
	return r == REJECT_NONE ? ready(t, p, f, env) : r;
}
