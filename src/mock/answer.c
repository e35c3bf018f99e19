/* From a received request to the steps of its answer. */
#include "mock/exchange.h"

#include "base/hash.h"
#include "base/sb.h"

static const struct mock_dialect *const dialects[] = { &mock_openai };

enum { MEMBERS_MAX = 64 };

struct piece *plan_add(struct exchange *x, struct plan *plan, enum piece_kind kind,
		       struct slice data)
{
	struct piece *p;

	if (plan->n == plan->cap) {
		size_t cap = plan->cap == 0 ? 32 : plan->cap * 2;

		p = ARENA_ARRAY(&x->work, struct piece, cap);
		if (p == NULL)
			return NULL;
		if (plan->n > 0)
			memcpy(p, plan->pieces, plan->n * sizeof(*p));
		plan->pieces = p;
		plan->cap = cap;
	}
	p = &plan->pieces[plan->n++];
	*p = (struct piece){ .kind = kind, .data = arena_copy(&x->work, data) };
	return arena_failed(&x->work) ? NULL : p;
}

void plan_error(struct exchange *x, const struct mock_dialect *d, struct plan *plan,
		unsigned status, struct slice message)
{
	struct say *o = &x->mock->out;

	/* `message` may lie in the builder. */
	message = arena_copy(&x->work, message);
	say_clear(o);
	d->error(o, x->o, status, message);
	*plan = (struct plan){
		.status = status,
		.content_type = x->o->shape == SHAPE_HTML   ? LIT("text/html")
				: x->o->shape == SHAPE_TEXT ? LIT("text/plain")
							    : LIT("application/json"),
		.retry_after = x->o->retry_after,
		.retry_after_ms = x->o->retry_after_ms,
		.prompt_tokens = plan->prompt_tokens,
	};
	plan_add(x, plan, PIECE_ERROR, say_slice(o));
}

static const struct mock_dialect *dialect_of(const struct exchange *x)
{
	for (size_t i = 0; i < ARRAY_LEN(dialects); i++)
		if (dialects[i]->claims(x->rec.head.method, x->rec.path))
			return dialects[i];
	return NULL;
}

/* ---- options ------------------------------------------------------------------------ */

static enum rc change(struct exchange *x, struct slice changes, struct err *err)
{
	struct mock_options *o;

	if (x->o == x->mock->o) {
		o = arena_get(&x->keep, sizeof(*o));
		if (o == NULL)
			return err_nomem(err, "mock.options");
		*o = *x->mock->o;
		x->o = o;
	} else {
		o = (struct mock_options *)(uintptr_t)x->o; /* our own copy */
	}
	return mock_options_query(o, changes, &x->keep, err);
}

/* The script first, then what the model's name says: the nearer wish wins. */
static enum rc resolve_options(struct exchange *x, struct err *err)
{
	struct slice model, query = { NULL, 0 }, changes;
	enum rc rc = OK;

	slice_cut(x->rec.model, '?', &model, &query);
	if (!x->scripted && script_take(x->mock, STAGE_BODY, model, &x->keep, &changes)) {
		x->scripted = true;
		rc = change(x, changes, err);
	}
	if (rc == OK && model.n < x->rec.model.n)
		rc = change(x, query, err);
	return rc;
}

static bool key_ok(const struct exchange *x)
{
	struct slice given = http_header(&x->rec.head, LIT("authorization"));

	return x->o->key.n == 0 || (slice_starts(given, LIT("Bearer ")) &&
				    slice_eq_consttime(slice_skip(given, 7), x->o->key));
}

/* ---- kept answers --------------------------------------------------------------------- */

/* All that the answer depends on.  False when it does not fit: not kept then. */
static bool answer_key(const struct exchange *x, const struct json_member *m, size_t n,
		       struct sb *key)
{
	static const char *const plain[] = { "stream_options", "n", "max_tokens",
					     "max_completion_tokens", "logprobs" };
	static const char *const never[] = { "tools", "response_format", "input" };

	for (size_t i = 0; i < ARRAY_LEN(never); i++)
		if (json_member_find(m, n, slice_cstr(never[i]), NULL) != NULL)
			return false;
	sb_fmt(key, "%" PRIu64 " %d%d %" PRIu64 " ", x->mock->version, x->http10, x->rec.stream,
	       x->o->prompt_tokens > 0 ? x->o->prompt_tokens : (x->rec.body.n + 3) / 4);
	sb_str(key, x->rec.path);
	sb_char(key, ' ');
	sb_str(key, x->rec.model);
	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		const struct json_member *f =
			json_member_find(m, n, slice_cstr(plain[i]), NULL);

		sb_char(key, ' ');
		if (f != NULL)
			sb_str(key, f->value);
	}
	return !key->cut;
}

static bool keepable(const struct exchange *x)
{
	return !x->scripted && x->o->fail == FAIL_NONE && x->o->status == 0 && !x->o->echo &&
	       !x->o->vary && x->o->keepalive_us == 0 && x->o->tokens.min == x->o->tokens.max;
}

static bool use_kept(struct exchange *x, uint64_t hash, struct slice key)
{
	struct kept_answer *k = x->mock->kept[hash % KEPT_MAX];

	if (k == NULL || k->hash != hash || !slice_eq(k->key, key))
		return false;
	k->refs++;
	x->kept = k;
	x->steps = k->steps;
	x->rec.text = k->text;
	x->rec.status = k->status;
	x->rec.prompt_tokens = k->prompt_tokens;
	x->rec.completion_tokens = k->completion_tokens;
	return true;
}

/* Moves the steps out of the exchange.  Without memory nothing is kept. */
static void keep(struct exchange *x, uint64_t hash, struct slice key)
{
	struct kept_answer **place = &x->mock->kept[hash % KEPT_MAX];
	struct kept_answer *k = mem_zero(x->mock->mem, sizeof(*k));

	if (k == NULL)
		return;
	arena_init(&k->arena, x->mock->mem, 4096, SIZE_MAX);
	k->key = arena_copy(&k->arena, key);
	if (arena_failed(&k->arena)) {
		arena_free(&k->arena);
		mem_put(x->mock->mem, k, sizeof(*k));
		return;
	}
	k->hash = hash;
	k->steps = x->steps;
	k->text = x->rec.text;
	k->status = x->rec.status;
	k->prompt_tokens = x->rec.prompt_tokens;
	k->completion_tokens = x->rec.completion_tokens;
	/* The steps lie in x->work: the whole arena changes hands. */
	k->refs = 2;
	if (*place != NULL)
		kept_unref(x->mock, *place);
	*place = k;
	x->kept = k;
	k->work = x->work;
	arena_init(&x->work, x->mock->mem, 1024, SIZE_MAX);
}

void kept_unref(struct mock *m, struct kept_answer *k)
{
	if (--k->refs > 0)
		return;
	arena_free(&k->arena);
	arena_free(&k->work);
	mem_put(m->mem, k, sizeof(*k));
}

/* ---- the answer -------------------------------------------------------------------------- */

static unsigned status_ok(uint64_t status)
{
	return status >= 200 && status <= 599 ? (unsigned)status : 500;
}

static void plan_answer(struct exchange *x, const struct mock_dialect *d,
			const struct json_member *m, size_t n, struct plan *plan)
{
	struct say *o = &x->mock->out;

	if (x->o->status != 0) {
		plan_error(x, d, plan, status_ok(x->o->status), LIT(""));
		return;
	}
	d->answer(x, m, n, plan);
	if (x->o->fail == FAIL_ERROR_200 ||
	    (!plan->stream && plan->status == 200 &&
	     (x->o->fail == FAIL_ERROR_FIRST || x->o->fail == FAIL_ERROR_MID))) {
		plan_error(x, d, plan, 500, LIT(""));
		plan->status = 200;
	} else if (plan->stream) {
		say_clear(o);
		d->error(o, x->o, 500, LIT(""));
		plan->error_event = arena_copy(&x->work, say_slice(o));
	}
}

static void build(struct exchange *x, const struct mock_dialect *d, const struct json_member *m,
		  size_t n, struct plan *plan)
{
	char text[512];
	struct sb key;
	uint64_t hash = 0;
	bool may_keep;

	if (x->o->error_rate > 0 && rng_chance(&x->rng, x->o->error_rate)) {
		plan_error(x, d, plan, status_ok(x->o->error_status), LIT(""));
		shape(x, plan);
		return;
	}
	sb_init(&key, text, sizeof(text));
	may_keep = keepable(x) && answer_key(x, m, n, &key);
	if (may_keep) {
		hash = hash_bytes(sb_slice(&key), 0);
		if (use_kept(x, hash, sb_slice(&key)))
			return;
	}
	plan_answer(x, d, m, n, plan);
	shape(x, plan);
	if (may_keep && plan->cacheable && !arena_failed(&x->work))
		keep(x, hash, sb_slice(&key));
}

void answer_build(struct exchange *x)
{
	const struct mock_dialect *d = dialect_of(x);
	struct json_member m[MEMBERS_MAX];
	struct plan plan = { .status = 200 };
	struct json_problem bad;
	struct err err = { .rc = OK };
	enum json_kind kind = JSON_OBJECT;
	size_t n = 0;

	if (d == NULL) {
		plan_error(x, dialects[0], &plan, 404,
			   arena_fmt(&x->work, "Unknown request URL: %.*s %.*s.",
				     SARG(x->rec.head.method), SARG(x->rec.path)));
		shape(x, &plan);
		return;
	}
	if (x->rec.body.n > 0 || slice_eq(x->rec.head.method, LIT("POST"))) {
		if (json_scan(x->rec.body, &kind, m, MEMBERS_MAX, &n, &bad) != OK ||
		    kind != JSON_OBJECT) {
			plan_error(x, d, &plan, 400,
				   LIT("We could not parse the JSON body of your request."));
			shape(x, &plan);
			return;
		}
		n = size_min(n, MEMBERS_MAX);
	}
	d->peek(x, m, n);
	if (resolve_options(x, &err) != OK) {
		plan_error(x, d, &plan, 400, slice_cstr(err.text));
		shape(x, &plan);
	} else if (!key_ok(x)) {
		plan_error(x, d, &plan, 401, LIT(""));
		shape(x, &plan);
	} else {
		build(x, d, m, n, &plan);
	}
}
