/* From a received request to the steps of its answer. */
#include "mock/exchange.h"

#include "base/hash.h"
#include "base/sb.h"

/* Those whose paths say most come first. */
static const struct mock_dialect *const dialects[] = {
	&mock_bedrock, &mock_gemini,    &mock_anthropic, &mock_cohere,
	&mock_ollama,  &mock_responses, &mock_openai,
};

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
	bool wrap;

	/* `message` may lie in the builder. */
	message = arena_copy(&x->work, message);
	say_clear(o);
	wrap = d->wraps_errors != NULL && d->wraps_errors(x);
	say_lit(o, wrap ? "[" : "");
	d->error(o, x->o, status, message);
	say_lit(o, wrap ? "]" : "");
	if (d == &mock_openai && quirk(x->o, QUIRK_ERROR_200))
		status = 200;
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
		if (dialects[i]->claims(x))
			return dialects[i];
	return NULL;
}

static int hex(char c)
{
	return c >= '0' && c <= '9'                     ? c - '0'
	       : (c | 0x20) >= 'a' && (c | 0x20) <= 'f' ? (c | 0x20) - 'a' + 10
							: -1;
}

struct slice exchange_decoded(struct exchange *x, struct slice part)
{
	char *to = arena_bytes(&x->keep, part.n + 1);
	size_t n = 0;

	for (size_t i = 0; to != NULL && i < part.n; i++) {
		if (part.p[i] == '%' && i + 2 < part.n && hex(part.p[i + 1]) >= 0 &&
		    hex(part.p[i + 2]) >= 0) {
			to[n++] = (char)(hex(part.p[i + 1]) << 4 | hex(part.p[i + 2]));
			i += 2;
		} else {
			to[n++] = part.p[i];
		}
	}
	return slice_of(to, n);
}

const struct json *exchange_tree(struct exchange *x)
{
	if (x->doc == NULL && x->rec.body.n > 0)
		x->work.failed |= json_doc_read(&x->doc, x->mock->mem, x->rec.body, NULL) ==
				  E_NOMEM;
	return x->doc == NULL ? NULL : json_root(x->doc);
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

/* name=value, blanks between; a value may stand in quotes, with \\ before what is not its end.
 */
static enum rc steer(struct exchange *x, struct slice text, struct err *err)
{
	struct mock_options *o;

	if (change(x, slice_of(NULL, 0), err) != OK)
		return err->rc;
	o = (struct mock_options *)(uintptr_t)x->o;
	x->steered = true;
	while ((text = slice_trim(text)).n > 0) {
		struct slice name = text;
		char *value = arena_bytes(&x->keep, text.n);
		size_t i = 0, n = 0;
		bool quoted = false;
		enum rc rc;

		if (value == NULL)
			return err_nomem(err, "mock.steer");
		while (i < text.n && text.p[i] != '=' && text.p[i] != ' ')
			i++;
		name.n = i;
		if (i == text.n || text.p[i] == ' ') {
			memcpy(value, "on", n = size_min(2, text.n));
		} else {
			for (i++; i < text.n && (quoted || text.p[i] != ' '); i++) {
				if (text.p[i] == '"')
					quoted = !quoted;
				else if (text.p[i] == '\\' && i + 1 < text.n)
					value[n++] = text.p[++i];
				else
					value[n++] = text.p[i];
			}
		}
		rc = mock_option_set(o, name, slice_of(value, n), &x->keep, err);
		if (rc != OK)
			return rc;
		text = slice_skip(text, i);
	}
	return OK;
}

/* "mock: tools=2 finish=length": what the last user says, in any dialect. */
static enum rc steer_by_text(struct exchange *x, const struct mock_dialect *d, struct err *err)
{
	struct say *o = &x->mock->out;
	struct slice mark = LIT("mock:");
	const struct json *root;

	if (d->last_user == NULL || slice_find(x->rec.body, mark) == SLICE_NONE)
		return OK;
	root = exchange_tree(x);
	if (root == NULL)
		return OK;
	say_clear(o);
	d->last_user(root, o);
	if (!slice_starts(say_slice(o), mark))
		return OK;
	return steer(x, arena_copy(&x->keep, slice_skip(say_slice(o), mark.n)), err);
}

/* The script first, then what the model's name says, then the text: the nearer wish wins. */
static enum rc resolve_options(struct exchange *x, const struct mock_dialect *d,
			       struct err *err)
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
	return rc == OK ? steer_by_text(x, d, err) : rc;
}

static unsigned bearer(struct exchange *x)
{
	struct slice given = http_header(&x->rec.head, LIT("authorization"));

	if (x->o->key.n == 0)
		return 0;
	if (slice_starts(given, LIT("Bearer ")))
		given = slice_skip(given, 7);
	else
		given = http_header(&x->rec.head, LIT("api-key"));
	return slice_eq_consttime(given, x->o->key) ? 0 : 401;
}

/* ---- kept answers --------------------------------------------------------------------- */

/* All that the answer depends on.  False when it does not fit: not kept then. */
static bool answer_key(const struct exchange *x, struct sb *key)
{
	sb_fmt(key, "%" PRIu64 " %d%d %zu %016" PRIx64 "%016" PRIx64 " ", x->mock->version,
	       x->http10, x->rec.stream, x->rec.body.n, hash_bytes(x->rec.body, 1),
	       hash_bytes(x->rec.body, 2));
	sb_str(key, x->rec.path);
	sb_char(key, ' ');
	sb_str(key, x->rec.model);
	return !key->cut;
}

static bool keepable(const struct exchange *x)
{
	return !x->scripted && !x->steered && x->o->fail == FAIL_NONE && x->o->status == 0 &&
	       !x->o->echo && !x->o->vary && x->o->keepalive_us == 0 &&
	       x->o->tokens.min == x->o->tokens.max;
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
		struct piece e = { .kind = PIECE_ERROR };

		say_clear(o);
		if (d->error_event != NULL)
			e.event = d->error_event(o, x->o, 500);
		else
			d->error(o, x->o, 500, LIT(""));
		e.data = arena_copy(&x->work, say_slice(o));
		plan->error_event = e;
	}
}

/* The provider's own header lines. */
static void add_headers(struct exchange *x, const struct mock_dialect *d, struct plan *plan)
{
	struct say *o = &x->mock->out;

	if (d->headers == NULL)
		return;
	say_clear(o);
	d->headers(x, plan, o);
	plan->headers = arena_copy(&x->work, say_slice(o));
}

/* The fault is for a share of the requests only, and not for this one. */
static void spare(struct exchange *x)
{
	struct mock_options *o;

	if (x->o->fail == FAIL_NONE || x->o->fail_rate >= 1 ||
	    rng_chance(&x->rng, x->o->fail_rate))
		return;
	o = arena_get(&x->keep, sizeof(*o));
	if (o == NULL)
		return; /* sticky: the connection is closed */
	*o = *x->o;
	o->fail = FAIL_NONE;
	x->o = o;
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
		add_headers(x, d, plan);
		shape(x, plan);
		return;
	}
	spare(x);
	sb_init(&key, text, sizeof(text));
	may_keep = keepable(x) && answer_key(x, &key);
	if (may_keep) {
		hash = hash_bytes(sb_slice(&key), 0);
		if (use_kept(x, hash, sb_slice(&key)))
			return;
	}
	plan_answer(x, d, m, n, plan);
	add_headers(x, d, plan);
	shape(x, plan);
	if (may_keep && plan->cacheable && !arena_failed(&x->work))
		keep(x, hash, sb_slice(&key));
}

void answer_build(struct exchange *x)
{
	const struct mock_dialect *d = dialect_of(x);
	struct json_member m[MEMBERS_MAX];
	struct plan plan = { .status = 200 };
	struct slice why = { NULL, 0 };
	unsigned status;
	struct json_problem bad;
	struct err err = { .rc = OK };
	enum json_kind kind = JSON_OBJECT;
	size_t n = 0;

	if (d == NULL) {
		plan_error(x, &mock_openai, &plan, 404,
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
	if (resolve_options(x, d, &err) != OK) {
		plan_error(x, d, &plan, 400, slice_cstr(err.text));
	} else {
		status = d->auth == NULL ? bearer(x) : d->auth(x, &why);
		if (status == 0) {
			build(x, d, m, n, &plan);
			return;
		}
		plan_error(x, d, &plan, status, why);
	}
	add_headers(x, d, &plan);
	shape(x, &plan);
}
