#include "fuzz.h"

#include "route/ask.h"

/* Whatever members a body has: they are read or refused by name, the same way each time; what
 * is accepted keeps its promises; no memory is reported; nothing is left behind. */

enum { MEMBERS = 64 };

static void names_are_sound(const struct route_names *n)
{
	INVARIANT(n->n <= ASK_NAMES_MAX);
	for (size_t i = 0; i < n->n; i++)
		INVARIANT(n->v[i].n > 0 && n->v[i].n <= ASK_NAME_MAX);
}

static void is_sound(const struct route_ask *ask)
{
	const struct route_policy *p = &ask->policy;

	names_are_sound(&p->order);
	names_are_sound(&p->only);
	names_are_sound(&p->ignore);
	names_are_sound(&p->regions);
	INVARIANT(p->strategy < STRATEGY_N && p->min_quality <= 1000 && p->percentile < 1000);
	INVARIANT(p->quantizations < 1U << QUANTIZATION_N);
	INVARIANT(ask->model_n <= ASK_MODELS_MAX && ask->session.n <= ASK_NAME_MAX);
	INVARIANT(ask->any || (!ask->show_usage && !p->strategy_given && p->order.n == 0 &&
			       p->max_cost == 0));
}

static void is_told(const struct ask_refusal *why)
{
	INVARIANT(why->code != NULL && why->param[0] != '\0' && why->text[0] != '\0');
	INVARIANT(memchr(why->param, 0, sizeof(why->param)) != NULL);
	INVARIANT(memchr(why->text, 0, sizeof(why->text)) != NULL);
}

/* A route's policy and what is asked for, joined: at least as strict as each. */
static void joins(const struct route_ask *ask, struct arena *a)
{
	static const struct slice some[] = { LITC("openai"), LITC("azure/gpt") };
	struct route_policy p = { .only = { some, 2 },
				  .ignore = { some, 1 },
				  .regions = { some, 1 },
				  .max_cost = 1000,
				  .zdr = true };

	if (!route_policy_join(&p, &ask->policy, a))
		return;
	INVARIANT(p.zdr && p.max_cost > 0 && p.max_cost <= 1000);
	INVARIANT(p.only.n > 0 && p.regions.n > 0 && p.ignore.n == ask->policy.ignore.n + 1);
}

static enum rc once(const struct json_member *m, size_t n, size_t fail_at, size_t *calls)
{
	struct fuzz_mem mem;
	struct arena a;
	struct route_ask ask;
	struct ask_refusal why;
	enum rc rc;

	fuzz_mem_init(&mem, fail_at);
	arena_init(&a, &mem.mem, 64, 1 << 24);
	rc = ask_read(&ask, m, n, &a, &why);
	INVARIANT(rc == OK || rc == E_BAD || (rc == E_NOMEM && fail_at != 0));
	*calls = mem.calls;
	if (rc == OK) {
		is_sound(&ask);
		joins(&ask, &a);
	} else if (rc == E_BAD) {
		is_told(&why);
	}
	arena_free(&a);
	INVARIANT(mem.live == 0);
	return rc;
}

static void suffix(struct slice name)
{
	struct route_policy p = { .strategy = BY_PRIORITY };
	struct slice s = ask_suffix(name, &p), again = ask_suffix(s, &p);

	INVARIANT(slice_starts(name, s) && slice_eq(s, again));
	INVARIANT((s.n == 0) == (name.n == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct slice text = { (const char *)data, size };
	struct json_member m[MEMBERS];
	enum json_kind kind;
	size_t n, calls, ignored;
	enum rc rc;

	suffix(text);
	if (json_scan(text, &kind, m, MEMBERS, &n, NULL) != OK)
		return 0;
	n = size_min(n, MEMBERS);
	rc = once(m, n, 0, &calls);
	INVARIANT(once(m, n, 0, &ignored) == rc);
	for (size_t i = 1; i <= calls; i++) {
		enum rc short_of = once(m, n, i, &ignored);

		/* A refusal may come before the memory runs out, acceptance never does. */
		INVARIANT(short_of == E_NOMEM || short_of == rc);
	}
	return 0;
}
