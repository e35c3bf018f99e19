#include "gateway/decision.h"

#include "gateway/gateway_impl.h"

#define RELAXED memory_order_relaxed

/* ---- a record, as it lies in its slot -----------------------------------------------------
 */

/* Text of the record, after its rows. */
struct text_ref {
	uint16_t at, n;
};

struct row_candidate {
	struct text_ref name;
	uint8_t rejected; /* enum rejection */
	uint8_t chosen;   /* its place in the plan, from 1; 0: left out */
	uint16_t group;
	bool priced;
	uint64_t key, load, cost;
};

struct row_attempt {
	struct text_ref name, key;
	uint8_t fault; /* enum fault_kind */
	bool hedge, known, estimated;
	uint16_t status;
	uint64_t began_us, ttft_us, took_us, input, output, cost;
	bool priced;
};

struct record {
	char id[24];
	uint64_t wall_us, took_us, ttft_us, input_tokens, bytes_in;
	uint32_t status;
	uint8_t end, op, strategy;
	bool stream, stuck;
	uint16_t candidates, rows, attempts; /* rows: candidates that there was room for */
	struct text_ref asked, model, key, dialect, rule;
};

struct slot {
	_Atomic uint64_t seq; /* odd while it is written */
	_Atomic uint64_t word[DECISION_BYTES / 8];
};

struct decisions {
	struct decisions *next; /* set before it is published */
	struct mem *mem;
	_Atomic uint64_t kept; /* ever: the next goes to slot[kept % DECISIONS_KEPT] */
	_Atomic(struct slot *) slot[DECISIONS_KEPT];
};

struct decisions *decisions_new(struct decisions_shared *all, struct mem *mem)
{
	struct decisions *d = mem_zero(mem, sizeof(*d));

	if (d == NULL)
		return NULL;
	d->mem = mem;
	d->next = atomic_load(&all->first);
	while (!atomic_compare_exchange_weak(&all->first, &d->next, d))
		;
	return d;
}

void decisions_shared_free(struct decisions_shared *all, struct mem *mem)
{
	struct decisions *d = atomic_exchange(&all->first, NULL), *next;

	for (; d != NULL; d = next) {
		next = d->next;
		for (size_t i = 0; i < DECISIONS_KEPT; i++)
			if (atomic_load(&d->slot[i]) != NULL)
				mem_put(mem, atomic_load(&d->slot[i]), sizeof(struct slot));
		mem_put(mem, d, sizeof(*d));
	}
}

/* ---- writing ------------------------------------------------------------------------------
 */

/* Rows grow from the front of the room, text from its end. */
struct pack {
	union {
		char bytes[DECISION_BYTES];
		uint64_t words[DECISION_BYTES / 8];
	} room;
	size_t front, back;
};

static void *pack_row(struct pack *p, size_t bytes)
{
	void *at = p->room.bytes + p->front;

	if (p->front + bytes > p->back)
		return NULL;
	p->front += bytes;
	memset(at, 0, bytes);
	return at;
}

static struct text_ref pack_text(struct pack *p, struct slice s)
{
	s = slice_head(s, 128);
	if (s.n == 0 || p->back - p->front < s.n)
		return (struct text_ref){ 0, 0 };
	p->back -= s.n;
	memcpy(p->room.bytes + p->back, s.p, s.n);
	return (struct text_ref){ (uint16_t)p->back, (uint16_t)s.n };
}

static void pack_candidates(struct pack *p, struct record *r, const struct exchange *x)
{
	const struct route_plan *plan = &x->routing.plan;

	r->candidates = (uint16_t)plan->candidates;
	for (unsigned i = 0; i < plan->candidates; i++) {
		struct row_candidate *row;
		/* Leave room for the attempts: what was done is told before what was not. */
		size_t kept = ATTEMPTS_RECORDED * (sizeof(struct row_attempt) + 192);

		if (p->front + sizeof(*row) + 128 + kept > p->back)
			return;
		row = pack_row(p, sizeof(*row));
		row->name = pack_text(p, x->model->deployments[i]->name);
		row->rejected = plan->rejected[i];
		row->priced = x->model->targets[i]->priced;
		r->rows++;
	}
}

static void pack_choices(struct record *r, struct row_candidate *rows, const struct exchange *x)
{
	const struct route_plan *plan = &x->routing.plan;

	for (unsigned i = 0; i < plan->n; i++) {
		const struct route_choice *c = &plan->choice[i];

		if (c->candidate >= r->rows)
			continue;
		rows[c->candidate].chosen = (uint8_t)(i < UINT8_MAX ? i + 1 : UINT8_MAX);
		rows[c->candidate].group = c->group;
		rows[c->candidate].key = c->key;
		rows[c->candidate].load = c->load;
		rows[c->candidate].cost = c->cost;
	}
}

static void pack_attempts(struct pack *p, struct record *r, const struct exchange *x)
{
	unsigned n = x->attempts < ATTEMPTS_RECORDED ? x->attempts : ATTEMPTS_RECORDED;

	for (unsigned i = 0; i < n; i++) {
		const struct attempt_note *a = &x->notes[i];
		struct row_attempt *row;

		if (a->deployment == NULL)
			continue;
		row = pack_row(p, sizeof(*row));
		if (row == NULL)
			return;
		row->name = pack_text(p, a->deployment->name);
		if (a->key != NULL)
			row->key = pack_text(p, a->key->name);
		row->fault = (uint8_t)a->fault;
		row->hedge = a->hedge;
		row->status = (uint16_t)a->status;
		row->began_us = a->began_us;
		row->ttft_us = a->ttft_us;
		row->took_us = a->took_us;
		row->input = usage_prompt(&a->usage);
		row->output = usage_completion(&a->usage);
		row->known = a->usage.known;
		row->estimated = a->usage.estimated;
		row->priced = a->deployment->target.priced;
		if (row->known || row->estimated) /* else it used nothing */
			row->cost = route_cost(&a->deployment->target, row->input, row->output);
		r->attempts++;
	}
}

static void pack_head(struct pack *p, struct record *r, const struct exchange *x, enum end end,
		      unsigned status)
{
	const struct gateway *g = x->g;

	memcpy(r->id, x->id, sizeof(r->id));
	r->wall_us = loop_wall_us(g->loop);
	r->took_us = loop_clock_us(g->loop) - request_began_us(x->rq);
	r->ttft_us = x->ttft_us;
	r->bytes_in = x->prompt_bytes;
	r->status = status;
	r->end = (uint8_t)end;
	r->op = (uint8_t)x->ask.op;
	r->stream = x->stream;
	r->strategy = (uint8_t)x->routing.plan.strategy;
	r->stuck = x->routing.plan.stuck;
	r->input_tokens = x->routing.plan.input_tokens;
	r->asked = pack_text(p, x->asked);
	r->dialect = pack_text(p, slice_cstr(x->ask.dialect->name));
	if (x->model != NULL)
		r->model = pack_text(p, x->model->name);
	if (x->key != NULL)
		r->key = pack_text(p, x->key->name);
	if (x->routing.rule != NULL)
		r->rule = pack_text(p, x->routing.rule->name);
}

/* Only what is used of the room is copied: rows to the front, text at the end. */
static void copy_in(struct slot *s, const struct pack *p)
{
	uint64_t seq = atomic_load_explicit(&s->seq, RELAXED);
	size_t front = (p->front + 7) / 8, back = p->back / 8;

	atomic_store_explicit(&s->seq, seq + 1, RELAXED);
	atomic_thread_fence(memory_order_release);
	for (size_t i = 0; i < front; i++)
		atomic_store_explicit(&s->word[i], p->room.words[i], RELAXED);
	for (size_t i = size_max(back, front); i < DECISION_BYTES / 8; i++)
		atomic_store_explicit(&s->word[i], p->room.words[i], RELAXED);
	atomic_store_explicit(&s->seq, seq + 2, memory_order_release);
}

static void pack_all(struct pack *p, const struct exchange *x, enum end end, unsigned status)
{
	struct row_candidate *rows;
	struct record *r;

	p->front = 0;
	p->back = DECISION_BYTES;
	r = pack_row(p, sizeof(*r));
	pack_head(p, r, x, end, status);
	rows = (struct row_candidate *)(void *)(p->room.bytes + p->front);
	pack_candidates(p, r, x);
	pack_choices(r, rows, x);
	pack_attempts(p, r, x);
}

void decision_keep(struct decisions *own, const struct exchange *x, enum end end,
		   unsigned status)
{
	uint64_t n = atomic_load_explicit(&own->kept, RELAXED);
	struct slot *s = atomic_load_explicit(&own->slot[n % DECISIONS_KEPT], RELAXED);
	struct pack p;

	if (s == NULL) {
		s = mem_zero(own->mem, sizeof(*s));
		if (s == NULL)
			return;
		atomic_store_explicit(&own->slot[n % DECISIONS_KEPT], s, memory_order_release);
	}
	pack_all(&p, x, end, status);
	copy_in(s, &p);
	atomic_store_explicit(&own->kept, n + 1, memory_order_release);
}

/* ---- reading ------------------------------------------------------------------------------
 */

/* A copy that nobody wrote to meanwhile; false: there is none to be had. */
static bool copy_out(struct slot *s, struct pack *p)
{
	for (unsigned tries = 0; tries < 100; tries++) {
		uint64_t seq = atomic_load_explicit(&s->seq, memory_order_acquire);

		if (seq == 0)
			return false;
		if (seq % 2 != 0)
			continue;
		for (size_t i = 0; i < DECISION_BYTES / 8; i++)
			p->room.words[i] = atomic_load_explicit(&s->word[i], RELAXED);
		atomic_thread_fence(memory_order_acquire);
		if (atomic_load_explicit(&s->seq, RELAXED) == seq)
			return true;
	}
	return false;
}

static struct slice text_of(const struct pack *p, struct text_ref t)
{
	return slice_of(p->room.bytes + t.at, t.n);
}

static void put_text(struct json_out *o, const char *key, const struct pack *p,
		     struct text_ref t)
{
	out_key(o, key);
	if (t.n == 0)
		out_null(o);
	else
		out_str(o, text_of(p, t));
}

static void put_ms(struct json_out *o, const char *key, uint64_t us)
{
	out_key(o, key);
	if (us == 0)
		out_null(o);
	else
		out_num(o, (double)us / 1000);
}

static void put_u64(struct json_out *o, const char *key, uint64_t v)
{
	out_key(o, key);
	out_u64(o, v);
}

/* What is not known is not zero. */
static void put_cost(struct json_out *o, const char *key, bool priced, uint64_t cost)
{
	out_key(o, key);
	if (priced)
		out_u64(o, cost);
	else
		out_null(o);
}

static void put_candidates(struct json_out *o, const struct pack *p, const struct record *r)
{
	const struct row_candidate *rows =
		(const struct row_candidate *)(const void *)(p->room.bytes + sizeof(*r));

	out_key(o, "candidates");
	out_array(o);
	for (unsigned i = 0; i < r->rows; i++) {
		const struct row_candidate *c = &rows[i];

		out_object(o);
		put_text(o, "deployment", p, c->name);
		if (c->rejected != REJECT_NONE) {
			out_key(o, "rejected");
			out_lit(o, rejection_code((enum rejection)c->rejected));
			out_key(o, "why");
			out_lit(o, rejection_text((enum rejection)c->rejected));
		} else {
			put_u64(o, "place", c->chosen);
			put_u64(o, "group", c->group);
			put_u64(o, "score", c->key);
			put_u64(o, "load", c->load);
			put_cost(o, "expected_cost_nano_usd", c->priced, c->cost);
		}
		out_close(o);
	}
	out_close(o);
	if (r->candidates > r->rows)
		put_u64(o, "candidates_not_shown", r->candidates - r->rows);
}

static void put_attempts(struct json_out *o, const struct pack *p, const struct record *r)
{
	const struct row_attempt *rows =
		(const struct row_attempt *)(const void
						     *)(p->room.bytes + sizeof(*r) +
							r->rows * sizeof(struct row_candidate));

	out_key(o, "attempts");
	out_array(o);
	for (unsigned i = 0; i < r->attempts; i++) {
		const struct row_attempt *a = &rows[i];

		out_object(o);
		put_text(o, "deployment", p, a->name);
		put_text(o, "provider_key", p, a->key);
		out_key(o, "outcome");
		out_lit(o, a->fault == FAULT_NONE ? "ok"
						  : fault_row((enum fault_kind)a->fault)->name);
		put_u64(o, "status", a->status);
		out_key(o, "hedge");
		out_bool(o, a->hedge);
		out_key(o, "began_ms");
		out_num(o, (double)a->began_us / 1000);
		put_ms(o, "ttft_ms", a->ttft_us);
		put_ms(o, "took_ms", a->took_us);
		put_u64(o, "input_tokens", a->input);
		put_u64(o, "output_tokens", a->output);
		out_key(o, "usage");
		out_lit(o, a->known ? "reported" : a->estimated ? "estimated" : "none");
		put_cost(o, "cost_nano_usd", a->priced, a->cost);
		out_close(o);
	}
	out_close(o);
}

static void put_head(struct json_out *o, const struct pack *p, const struct record *r)
{
	out_key(o, "id");
	out_str(o, slice_cstr(r->id));
	put_u64(o, "time_unix_ms", r->wall_us / 1000);
	out_key(o, "endpoint");
	out_lit(o, chat_op_name((enum chat_op)r->op));
	put_text(o, "dialect", p, r->dialect);
	put_text(o, "asked", p, r->asked);
	put_text(o, "model", p, r->model);
	put_text(o, "key", p, r->key);
	out_key(o, "stream");
	out_bool(o, r->stream);
	out_key(o, "end");
	out_lit(o, end_name((enum end)r->end));
	put_u64(o, "status", r->status);
	put_ms(o, "took_ms", r->took_us);
	put_ms(o, "ttft_ms", r->ttft_us);
}

static void put_record(struct json_out *o, const struct pack *p, const struct record *r)
{
	out_object(o);
	put_head(o, p, r);
	put_u64(o, "bytes_in", r->bytes_in);
	put_u64(o, "estimated_input_tokens", r->input_tokens);
	out_key(o, "strategy");
	out_lit(o, strategy_name((enum strategy)r->strategy));
	put_text(o, "rule", p, r->rule);
	out_key(o, "sticky");
	out_bool(o, r->stuck);
	put_candidates(o, p, r);
	put_attempts(o, p, r);
	out_close(o);
}

void decision_plan(const struct exchange *x, struct json_out *o)
{
	struct record r;
	struct pack p;

	pack_all(&p, x, END_COMPLETE, 0);
	memcpy(&r, p.room.bytes, sizeof(r));
	out_object(o);
	out_key(o, "id");
	out_str(o, slice_cstr(r.id));
	out_key(o, "endpoint");
	out_lit(o, chat_op_name((enum chat_op)r.op));
	put_text(o, "asked", &p, r.asked);
	put_text(o, "model", &p, r.model);
	put_u64(o, "estimated_input_tokens", r.input_tokens);
	out_key(o, "strategy");
	out_lit(o, strategy_name((enum strategy)r.strategy));
	put_text(o, "rule", &p, r.rule);
	out_key(o, "sticky");
	out_bool(o, r.stuck);
	put_candidates(o, &p, &r);
	out_close(o);
}

bool decision_write(struct decisions_shared *all, struct slice id, struct json_out *o)
{
	struct record r;
	struct pack p;

	for (struct decisions *d = atomic_load(&all->first); d != NULL; d = d->next)
		for (size_t i = 0; i < DECISIONS_KEPT; i++) {
			struct slot *s =
				atomic_load_explicit(&d->slot[i], memory_order_acquire);

			if (s == NULL || !copy_out(s, &p))
				continue;
			memcpy(&r, p.room.bytes, sizeof(r));
			if (!slice_eq(slice_cstr(r.id), id))
				continue;
			put_record(o, &p, &r);
			return true;
		}
	return false;
}

/* The newest of one loop that is not told yet. */
struct cursor {
	struct decisions *of;
	uint64_t at, end; /* slots kept[end .. at) are left */
	struct pack p;
	struct record r;
};

/* False: none is left. */
static bool cursor_load(struct cursor *c)
{
	while (c->at > c->end) {
		struct slot *s = atomic_load_explicit(
			&c->of->slot[(c->at - 1) % DECISIONS_KEPT], memory_order_acquire);

		if (s != NULL && copy_out(s, &c->p)) {
			memcpy(&c->r, c->p.room.bytes, sizeof(c->r));
			return true;
		}
		c->at--;
	}
	return false;
}

static struct cursor *cursors_new(struct decisions_shared *all, struct arena *a, size_t *n)
{
	struct decisions *first = atomic_load(&all->first); /* others may join before it */
	struct cursor *c;

	*n = 0;
	for (struct decisions *d = first; d != NULL; d = d->next)
		++*n;
	c = ARENA_ARRAY(a, struct cursor, *n);
	*n = 0;
	for (struct decisions *d = first; c != NULL && d != NULL; d = d->next) {
		struct cursor *k = &c[*n];

		k->of = d;
		k->at = atomic_load_explicit(&d->kept, memory_order_acquire);
		k->end = k->at > DECISIONS_LISTED ? k->at - DECISIONS_LISTED : 0;
		*n += cursor_load(k);
	}
	return c;
}

void decisions_list(struct decisions_shared *all, struct json_out *o)
{
	size_t n;
	struct cursor *c = cursors_new(all, o->a, &n);

	if (c == NULL)
		out_fail(o);
	out_array(o);
	for (size_t told = 0; c != NULL && n > 0 && told < DECISIONS_LISTED; told++) {
		struct cursor *newest = c;

		for (size_t i = 1; i < n; i++)
			if (c[i].r.wall_us > newest->r.wall_us)
				newest = &c[i];
		out_object(o);
		put_head(o, &newest->p, &newest->r);
		put_u64(o, "attempts", newest->r.attempts);
		out_close(o);
		newest->at--;
		if (!cursor_load(newest))
			*newest = c[--n];
	}
	out_close(o);
}
