#include "gateway/plan.h"

#include "gateway/gateway_impl.h"

#include "base/hash.h"

/* What a medium costs in tokens when nobody has counted: an image about a thousand, a second of
 * sound a few dozen, a document as its text would, were a third of it text. */
enum { IMAGE_TOKENS = 1000, OTHER_BYTES_PER_TOKEN = 12 };

/* So much of the conversation's beginning tells whether a cache is warm for it. */
enum { PREFIX_BYTES = 2048 };

/* The shortest prompt that the usual providers keep in a cache, with a margin. */
enum { CACHEABLE_TOKENS = 4096 };

/* ---- what is asked for ------------------------------------------------------------------- */

static const struct json_member *members(const struct exchange *x, size_t *n)
{
	*n = exchange_in_openai(x) ? x->openai.n : x->same.n;
	return exchange_in_openai(x) ? x->openai.m : x->same.m;
}

static bool refuse_ask(struct exchange *x, const struct ask_refusal *why)
{
	exchange_refuse(x, END_REFUSED, A_INVALID_REQUEST, why->code,
			arena_cstr(x->arena, slice_cstr(why->param)),
			arena_copy(x->arena, slice_cstr(why->text)), 0);
	return false;
}

static bool out_of_memory(struct exchange *x)
{
	exchange_refuse(x, END_REFUSED, A_OVERLOADED, NULL, NULL, LIT("Out of memory."), 0);
	return false;
}

/* The route's policy, narrowed by the request's where it says anything. */
static bool join_policy(struct exchange *x, const struct route_policy *asked)
{
	struct routing *r = &x->routing;
	struct route_policy *joined;

	r->policy = &x->model->policy;
	if (asked == NULL)
		return true;
	joined = arena_get(x->arena, sizeof(*joined));
	if (joined == NULL)
		return out_of_memory(x);
	*joined = x->model->policy;
	r->policy = joined;
	return route_policy_join(joined, asked, x->arena) || out_of_memory(x);
}

static enum rc list_own(struct exchange *x, const struct json_member *m, size_t n)
{
	struct routing *r = &x->routing;

	r->own = ARENA_ARRAY(x->arena, struct slice, n);
	for (size_t i = 0; r->own != NULL && i < n; i++)
		if (ask_is_member(m[i].key))
			r->own[r->own_n++] = m[i].key;
	return r->own == NULL ? E_NOMEM : OK;
}

void routing_leave_out(struct exchange *x)
{
	struct chat_extra **at = &x->chat->extras;

	while (*at != NULL)
		if (ask_is_member((*at)->key))
			*at = (*at)->next;
		else
			at = &(*at)->next;
	x->chat->extras_tail = at;
	x->chat->wants_usage |= x->routing.ask.show_usage;
}

bool routing_read(struct exchange *x)
{
	struct routing *r = &x->routing;
	struct ask_refusal why = { 0 };
	const struct json_member *m;
	size_t n;
	enum rc rc;

	m = members(x, &n);
	rc = ask_read(&r->ask, m, n, x->arena, &why);
	if (rc == OK && r->ask.any)
		rc = list_own(x, m, n);
	x->wants_usage |= r->ask.show_usage;
	if (rc == E_NOMEM)
		return out_of_memory(x);
	return rc == OK || refuse_ask(x, &why);
}

/* All the names of the request: of the first its suffix is taken off. */
enum rc routing_find(struct exchange *x, struct slice *missing)
{
	const struct snapshot *s = x->view->snapshot;
	struct routing *r = &x->routing;
	struct route_policy before = r->ask.policy;
	struct slice names[ASK_MODELS_MAX + 1];
	size_t n = 0, which = 0;
	struct slice bare;

	/* A name of the config may have a colon in it. */
	x->model = snapshot_find(s, x->asked, x->arena);
	bare = x->model != NULL ? x->asked : ask_suffix(x->asked, &r->ask.policy);
	r->ask.any |= bare.n != x->asked.n;
	if (x->model == NULL && bare.n != x->asked.n)
		x->model = snapshot_find(s, bare, x->arena);
	if (x->model == NULL)
		r->ask.policy = before;
	r->bare = bare;
	*missing = x->asked;
	if (x->model == NULL || r->ask.model_n == 0)
		return arena_failed(x->arena) ? E_NOMEM : x->model == NULL ? E_NOTFOUND : OK;
	names[n++] = bare;
	for (size_t i = 0; i < r->ask.model_n && n < ARRAY_LEN(names); i++)
		names[n++] = r->ask.models[i];
	x->model = snapshot_join(s, names, n, x->arena, &which);
	if (x->model == NULL && which < n)
		*missing = names[which];
	if (x->model == NULL)
		return which < n ? E_NOTFOUND : E_NOMEM;
	return OK;
}

/* ---- what it needs ------------------------------------------------------------------------
 */

static void add_media(struct route_facts *f, const struct chat_part *part, uint64_t *inlined)
{
	const struct chat_media *m = &part->u.media;
	uint64_t bytes = m->source == MEDIA_INLINE ? m->data.n : 0;

	*inlined += bytes;
	f->images += part->kind == PART_IMAGE;
	f->media_tokens += part->kind == PART_IMAGE ? IMAGE_TOKENS
						    : bytes / OTHER_BYTES_PER_TOKEN;
}

static void add_parts(struct route_facts *f, const struct chat_part *part, uint64_t *inlined)
{
	for (; part != NULL; part = part->next) {
		switch (part->kind) {
		case PART_IMAGE:
		case PART_AUDIO:
		case PART_DOCUMENT:
		case PART_VIDEO:
			add_media(f, part, inlined);
			break;
		case PART_TOOL_RESULT:
			for (const struct chat_part *p = part->u.result.parts; p != NULL;
			     p = p->next)
				if (p->kind == PART_IMAGE || p->kind == PART_DOCUMENT)
					add_media(f, p, inlined);
			break;
		case PART_TEXT:
		case PART_TOOL_CALL:
		case PART_REASONING:
		case PART_REFUSAL:
		case PART_OTHER:
			break;
		}
	}
}

static bool is_thinking(const struct chat_thinking *t)
{
	return t->effort > EFFORT_NONE || t->budget > 0 || t->automatic;
}

static void chat_facts(struct route_facts *f, const struct chat_request *c)
{
	uint64_t inlined = 0;

	f->caps |= c->tools != NULL ? 1U << CAP_TOOLS : 0;
	f->caps |= c->format.kind == FORMAT_SCHEMA ? 1U << CAP_JSON_SCHEMA : 0;
	/* Who has not got these may be asked all the same (exchange_unsupported()). */
	f->wants |= c->tools != NULL && c->parallel_tools == YES ? 1U << CAP_PARALLEL_TOOLS : 0;
	f->wants |= c->logprobs == YES || c->top_logprobs > 0 ? 1U << CAP_LOGPROBS : 0;
	f->wants |= is_thinking(&c->thinking) ? 1U << CAP_REASONING : 0;
	f->media |= c->has_images ? 1U << MEDIUM_IMAGE : 0;
	f->media |= c->has_audio ? 1U << MEDIUM_AUDIO : 0;
	f->media |= c->has_video ? 1U << MEDIUM_VIDEO : 0;
	f->media |= c->has_documents ? 1U << MEDIUM_FILE : 0;
	for (const struct chat_message *m = c->messages; m != NULL; m = m->next)
		add_parts(f, m->parts, &inlined);
	f->prompt_bytes -= inlined < f->prompt_bytes ? inlined : f->prompt_bytes;
	f->output_tokens = c->max_tokens;
	f->answers = c->n > UINT32_MAX ? UINT32_MAX : (unsigned)c->n;
	f->pinned = c->pinned;
}

/* An estimate of the prompt by its bytes alone could refuse it wrongly: it may be large for the
 * media in it. */
static bool may_not_fit(const struct exchange *x)
{
	for (size_t i = 0; i < x->model->deployment_n; i++) {
		uint64_t context = x->model->targets[i]->context;

		if (context != 0 && x->prompt_bytes / 2 > context)
			return true;
	}
	return false;
}

bool routing_needs_body(const struct exchange *x)
{
	return x->ask.op == OP_CHAT &&
	       (x->model->needs_facts || x->routing.ask.any || may_not_fit(x));
}

static bool may_use(void *ctx, unsigned candidate)
{
	const struct exchange *x = ctx;

	return client_key_allows(x->key, x->model->deployments[candidate]->name) ||
	       client_key_allows(x->key, x->model->deployments[candidate]->model);
}

/* The key has the very name, such as `auto`, and so all that is behind it; a pattern that it
 * happens to match was written for other names. */
static bool is_given(const struct exchange *x)
{
	for (size_t i = 0; i < x->key->model_n; i++)
		if (slice_eq(x->key->models[i], x->routing.bare))
			return x->routing.ask.model_n == 0;
	return false;
}

static bool can_say(void *ctx, unsigned candidate)
{
	struct exchange *x = ctx;

	return exchange_says_all(x, x->model->deployments[candidate]);
}

static unsigned count_of(const struct json_member *m, size_t n, struct slice name)
{
	const struct json_member *found = json_member_find(m, n, name, NULL);
	double d;

	if (found == NULL || found->kind != JSON_NUMBER || !json_double(found->value, &d) ||
	    d < 1)
		return 1;
	return d < 1e6 ? (unsigned)d : 1000000;
}

/* Of legacy completions, which are forwarded unread: how many answers may have to be paid. */
static void completion_facts(struct route_facts *f, const struct exchange *x)
{
	const struct json_member *m, *prompt;
	unsigned each, best;
	size_t n;
	uint64_t prompts = 0;
	enum json_kind kind;
	struct slice value;

	m = members(x, &n);
	each = count_of(m, n, LIT("n"));
	best = count_of(m, n, LIT("best_of"));
	prompt = json_member_find(m, n, LIT("prompt"), NULL);
	if (prompt != NULL && prompt->kind == JSON_ARRAY) {
		struct json_array list = json_array(prompt->value);

		while (json_array_next(&list, &value, &kind))
			prompts += kind != JSON_NUMBER; /* numbers: the tokens of one */
	}
	prompts = (prompts > 0 ? prompts : 1) * (best > each ? best : each);
	f->answers = prompts < UINT32_MAX ? (unsigned)prompts : UINT32_MAX;
}

static void make_facts(struct exchange *x)
{
	struct route_facts *f = &x->routing.facts;

	f->prompt_bytes = x->prompt_bytes;
	f->may_preview = x->key == NULL || x->key->preview;
	/* What the file lists is asked for however old: its owner may know better. */
	if (x->model->implicit)
		f->day = (int64_t)(loop_wall_us(x->g->loop) / 86400000000ULL);
	f->ctx = x;
	if (x->key != NULL && x->model->implicit && !is_given(x))
		f->allowed = may_use;
	if (x->routing.policy->require_params || x->model->parts != NULL)
		f->can_say = can_say;
	/* Of embeddings each input has the context for itself, and has no answer; and who
	 * counts wants to know by how much it is too long. */
	f->any_size = x->ask.op != OP_CHAT;
	if (x->chat != NULL)
		chat_facts(f, x->chat);
	else
		f->any_size |= may_not_fit(x); /* it could not be read whole */
	if (x->ask.op == OP_COMPLETIONS && x->routing.policy->max_cost != 0)
		completion_facts(f, x);
}

/* ---- rules ------------------------------------------------------------------------------- */

static bool has_bit(const uint64_t *bits, size_t i)
{
	return (bits[i / 64] >> (i % 64) & 1) != 0;
}

/* The model as the rule leaves it: a copy with fewer deployments. */
static const struct model *subset(struct exchange *x, const uint64_t *use)
{
	const struct model *from = x->model;
	struct model *m = arena_get(x->arena, sizeof(*m));
	struct deployment **d = ARENA_ARRAY(x->arena, struct deployment *, from->deployment_n);
	const struct route_target **t =
		ARENA_ARRAY(x->arena, const struct route_target *, from->deployment_n);

	if (m == NULL || d == NULL || t == NULL)
		return NULL;
	*m = *from;
	m->deployments = d;
	m->targets = t;
	m->parts = NULL; /* they have had their say */
	m->deployment_n = 0;
	for (size_t i = 0; i < from->deployment_n && i < ROUTE_CANDIDATES_MAX; i++) {
		if (!has_bit(use, i))
			continue;
		d[m->deployment_n] = from->deployments[i];
		t[m->deployment_n++] = from->targets[i];
	}
	return m;
}

static struct rule_facts facts_of(const struct exchange *x)
{
	const struct routing *r = &x->routing;

	return (struct rule_facts){
		.prompt_tokens = x->model->deployment_n > 0
					 ? route_input(x->model->targets[0], &r->facts)
					 : 0,
		.metadata = r->ask.metadata,
		.tags = http_header(request_head(x->rq), LIT("x-weir-tags")),
		.key = x->key == NULL ? (struct slice){ NULL, 0 } : x->key->name,
		.wall_us = loop_wall_us(x->g->loop),
		.stream = x->stream,
		.f = &r->facts,
	};
}

/* The rule's strategy; what the request itself asks for stands above it. */
static bool take_strategy(struct exchange *x, const struct route_rule *rule)
{
	struct routing *r = &x->routing;
	struct route_policy *changed;

	if (!rule->strategy_given || r->policy->strategy_given)
		return true;
	changed = arena_get(x->arena, sizeof(*changed));
	if (changed == NULL)
		return false;
	*changed = *r->policy;
	changed->strategy = rule->strategy;
	r->policy = changed;
	return true;
}

/* Of several models each keeps its own policy, and its own rules say which of its deployments
 * take part: nobody gets past them by asking for another model first.  The strategy is that of
 * the first, or of its rule. */
static bool apply_parts(struct exchange *x)
{
	const struct rule_facts facts = facts_of(x);
	const struct model *from = x->model;
	struct routing *r = &x->routing;
	size_t n = size_min(from->deployment_n, ROUTE_CANDIDATES_MAX), kept = 0;
	const struct route_policy **demands =
		ARENA_ARRAY(x->arena, const struct route_policy *, n);
	uint8_t *rank = arena_zero(x->arena, size_max(n, 1));
	uint64_t use[ROUTE_CANDIDATES_MAX / 64] = { 0 };
	const struct route_rule *rule = NULL;

	if (demands == NULL || rank == NULL)
		return false;
	for (size_t i = 0; i < n; i++) {
		const struct model_part *part = &from->parts[i];

		if (i == 0 || part->of != from->parts[i - 1].of)
			rule = route_rule_find(part->of->rules, part->of->rule_n, &facts);
		if (i == 0)
			r->rule = rule;
		if (rule != NULL && rule->use != NULL && !has_bit(rule->use, part->place))
			continue;
		use[i / 64] |= 1ULL << (i % 64);
		rank[kept] = part->rank;
		demands[kept++] = &part->of->policy;
	}
	r->facts.demands = demands;
	r->rank = r->ask.across ? NULL : rank;
	if (kept < from->deployment_n)
		x->model = subset(x, use);
	return x->model != NULL && (r->rule == NULL || take_strategy(x, r->rule));
}

static bool apply_rule(struct exchange *x)
{
	const struct rule_facts facts = facts_of(x);
	struct routing *r = &x->routing;

	r->rule = route_rule_find(x->model->rules, x->model->rule_n, &facts);
	if (r->rule == NULL)
		return true;
	if (r->rule->use != NULL)
		x->model = subset(x, r->rule->use);
	return x->model != NULL && take_strategy(x, r->rule);
}

/* ---- affinity -----------------------------------------------------------------------------
 */

/* The beginning of what is said: it is what caches keep. */
static struct slice prefix_of(const struct exchange *x)
{
	static const char *const names[] = { "messages", "input", "contents" };
	const struct json_member *m, *found;
	size_t n;

	m = members(x, &n);
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		found = json_member_find(m, n, slice_cstr(names[i]), NULL);
		if (found != NULL)
			return slice_head(found->value, PREFIX_BYTES);
	}
	return (struct slice){ NULL, 0 };
}

/* What a client names itself: a session, or the cache's key; else the prompt's beginning. */
static uint64_t affinity_key(const struct exchange *x)
{
	const struct json_member *m, *found;
	struct slice by = x->routing.ask.session;
	uint64_t h;
	size_t n;

	m = members(x, &n);
	if (by.n == 0)
		by = http_header(request_head(x->rq), LIT("x-session-id"));
	if (by.n == 0) {
		found = json_member_find(m, n, LIT("prompt_cache_key"), NULL);
		if (found != NULL && found->kind == JSON_STRING)
			by = found->value;
	}
	if (by.n == 0)
		by = prefix_of(x);
	if (by.n == 0)
		return 0;
	/* Nobody meets another's sessions, nor one model another's. */
	h = hash_bytes(by, x->view->snapshot->key_seed);
	h = hash_mix(h ^ hash_bytes(x->model->name, h));
	if (x->key != NULL)
		h = hash_mix(h ^ hash_bytes(x->key->name, h));
	return h != 0 ? h : 1;
}

static uint16_t stick_to(struct exchange *x)
{
	const struct snapshot *s = x->view->snapshot;
	struct routing *r = &x->routing;
	uint32_t whom;

	if (x->model->sticky_ttl_us == 0 || s->affinity == NULL || x->model->deployment_n < 2)
		return ROUTE_NOBODY;
	r->affinity = r->facts.affinity = affinity_key(x);
	if (r->affinity == 0)
		return ROUTE_NOBODY;
	whom = affinity_get(s->affinity, r->affinity, x->model->sticky_ttl_us,
			    loop_now_us(x->g->loop));
	for (unsigned i = 0; whom != 0 && i < x->model->deployment_n; i++)
		if (affinity_name(x->model->deployments[i]->name) == whom)
			return (uint16_t)i;
	return ROUTE_NOBODY;
}

/* How many tokens its bytes were.  Unread it may hold media: no text has so many bytes to a
 * token, markup aside. */
static bool teaches_tokens(const struct exchange *x, const struct usage *u)
{
	enum { BYTES_PER_TOKEN_MAX = 16, MARKUP_TOKENS = 64 };
	const struct route_facts *f = &x->routing.facts;

	if (!u->known || x->ask.op != OP_CHAT || f->media != 0 || f->prompt_bytes == 0)
		return false;
	return x->chat != NULL ||
	       f->prompt_bytes / BYTES_PER_TOKEN_MAX <= usage_prompt(u) + MARKUP_TOKENS;
}

/* What came from the cache of the one that the request was kept to. */
static void learn_cache(struct exchange *x, const struct deployment *d, uint32_t whom,
			const struct usage *u)
{
	struct affinity *affinity = x->view->snapshot->affinity;
	const struct routing *r = &x->routing;
	bool kept = r->stick_to != ROUTE_NOBODY && x->model->deployments[r->stick_to] == d;

	if (kept && u->known && d->target.health != NULL)
		health_cached(d->target.health, u->cache_read, usage_prompt(u));
	/* Long enough for a cache, and none of it was there: it is kept to nobody. */
	if (kept && u->known && u->cache_read == 0 && usage_prompt(u) >= CACHEABLE_TOKENS)
		affinity_drop(affinity, r->affinity, whom);
	else
		affinity_put(affinity, r->affinity, whom, loop_now_us(x->g->loop));
}

void routing_learn(struct exchange *x, const struct deployment *d, const struct usage *u)
{
	if (d->target.tokens != NULL && teaches_tokens(x, u))
		tokens_learn(d->target.tokens, x->routing.facts.prompt_bytes, usage_prompt(u));
	/* A count warms no cache, wherever it was made. */
	if (x->routing.affinity != 0 && x->view->snapshot->affinity != NULL &&
	    x->ask.op != OP_COUNT_TOKENS)
		learn_cache(x, d, affinity_name(d->name), u);
}

/* ---- the plan -----------------------------------------------------------------------------
 */

/* Nobody can do it: which rule each one failed. */
static bool refuse_all(struct exchange *x)
{
	const struct route_plan *p = &x->routing.plan;
	bool passes = false;
	char room[2048];
	struct sb b;
	unsigned told = 0;

	for (unsigned i = 0; i < p->candidates; i++)
		passes |= rejection_passes((enum rejection)p->rejected[i]);
	if (passes) {
		/* Time alone will help: told as when all of them are left alone. */
		exchange_fail(x);
		return false;
	}
	sb_init(&b, room, sizeof(room));
	sb_fmt(&b, "No deployment of %.*s can take this request:", SARG(x->model->name));
	for (unsigned i = 0; i < p->candidates && !b.cut; i++) {
		enum rejection why = (enum rejection)p->rejected[i];

		/* What a key may not use it need not know of either. */
		if (why != REJECT_ACCOUNT)
			sb_fmt(&b, "%s %.*s: %s (%s)", told++ == 0 ? "" : ";",
			       SARG(x->model->deployments[i]->name), rejection_text(why),
			       rejection_code(why));
	}
	if (told < p->candidates && !b.cut)
		sb_fmt(&b, "%s the key may not use %s (%s)", told == 0 ? "" : ";",
		       told == 0 ? "any of it" : "the others", rejection_code(REJECT_ACCOUNT));
	exchange_refuse(x, END_REFUSED, A_NO_CANDIDATE, NULL, NULL,
			arena_copy(x->arena, sb_slice(&b)), 0);
	return false;
}

/* Whose it is under BY_TURN; to look at it is not to take it. */
static uint64_t take_turn(const struct exchange *x)
{
	struct route_shared *shared = x->model->shared;

	if (x->routing.policy->strategy != BY_TURN || shared == NULL)
		return 0;
	if (x->ask.dry_run)
		return atomic_load_explicit(&shared->turn, memory_order_relaxed);
	return atomic_fetch_add_explicit(&shared->turn, 1, memory_order_relaxed);
}

bool routing_plan(struct exchange *x)
{
	struct routing *r = &x->routing;
	struct route_env env = { .now_us = loop_now_us(x->g->loop), .rng = &x->g->rng };
	const struct model *m = x->model;
	struct walk_rules walk = {
		.attempts = m->retries.attempts,
		.backoff_us = m->retries.backoff_us,
		.backoff_max_us = m->retries.backoff_max_us,
		.retry_after_max_us = m->retries.retry_after_max_us,
	};

	r->whole = m;
	if (!join_policy(x, r->ask.any ? &r->ask.policy : NULL))
		return false;
	make_facts(x);
	if (m->parts != NULL && !apply_parts(x))
		return out_of_memory(x);
	if (m->rule_n > 0 && !apply_rule(x))
		return out_of_memory(x);
	m = x->model;
	env.slow_start_us = m->slow_start_us;
	env.rest_max_us = walk.retry_after_max_us;
	env.stick_max_permille = m->stick_max_permille;
	env.stick_to = r->stick_to = stick_to(x);
	env.rank = r->rank;
	env.turn = take_turn(x);
	walk.stay = r->policy->no_fallbacks && r->policy->order.n == 0;
	if (route_plan(&r->plan, m->targets, m->deployment_n, r->policy, &r->facts, &env,
		       x->arena) != OK ||
	    walk_begin(&x->walk, &r->plan, &walk, x->arena) != OK)
		return out_of_memory(x);
	/* A dry run shows the reasons instead. */
	return r->plan.n > 0 || x->ask.dry_run || refuse_all(x);
}
