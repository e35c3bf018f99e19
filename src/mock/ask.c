/* From a question to a reply, and what every dialect's file needs to read one and say the
 * other. */
#include "mock/ask.h"

#include "base/hash.h"
#include "mock/text.h"
#include "wire/base64.h"

#include <stdarg.h>

enum { REASONING_DEFAULT = 8, CALLS_MAX = 128 };

void ask_begin(struct question *q, struct exchange *x, const struct mock_dialect *d)
{
	*q = (struct question){ .x = x,
				.o = x->o,
				.d = d,
				.model = x->rec.model,
				.stream = x->rec.stream,
				.root = exchange_tree(x) };
}

void ask_offer(struct question *q, struct slice name, const struct json *schema)
{
	if (q->tool_n < OFFERED_MAX)
		q->tools[q->tool_n++] = (struct offered){ name, schema };
}

void ask_stops(struct question *q, const struct json *v)
{
	size_t n = json_is_array(v) ? json_len(v) : v != NULL ? 1 : 0;

	for (size_t i = 0; i < n && q->stop_n < STOPS_MAX; i++) {
		struct slice s = json_str(json_is_array(v) ? json_at(v, i) : v);

		if (s.n > 0)
			q->stops[q->stop_n++] = s;
	}
}

/* ---- judging ------------------------------------------------------------------------------
 */

bool ask_wrong(struct question *q, unsigned status, const char *fmt, ...)
{
	char text[512];
	va_list ap;
	int n;

	if (q->problem.n > 0)
		return false;
	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	q->problem =
		arena_copy(&q->x->work, slice_of(text, size_min((size_t)n, sizeof(text) - 1)));
	q->status = status == 0 ? 400 : status;
	return false;
}

bool ask_only(struct question *q, const struct json *object, const char *path,
	      const char *names)
{
	struct json_iter it;
	const struct json *value;
	struct slice key;

	if (!json_is_object(object))
		return ask_wrong(q, 0, "%s: must be an object", path);
	json_iter_init(&it, object);
	while (json_iter_next(&it, &key, &value))
		if (!mock_in_list(names, key))
			return ask_wrong(q, 0, "%s.%.*s: Extra inputs are not permitted", path,
					 SARG(slice_head(key, 100)));
	return true;
}

bool ask_is_bool(const struct json *v)
{
	return v != NULL && json_true(v, true) == json_true(v, false);
}

bool ask_text(struct question *q, const struct json *object, const char *path, const char *name)
{
	const struct json *v = json_get(object, name);

	if (!json_is_string(v) || json_str(v).n == 0)
		return ask_wrong(q, 0, "%s.%s: %s", path, name,
				 v == NULL ? "Field required" : "must be a non-empty string");
	return true;
}

bool ask_name_ok(struct slice s, size_t max, const char *more)
{
	if (s.n == 0 || s.n > max)
		return false;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (!((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		      (c >= '0' && c <= '9') || c == '_' || c == '-' ||
		      strchr(more, c) != NULL))
			return false;
	}
	return true;
}

static bool looks_like(struct slice bytes, struct slice kind)
{
	static const struct {
		struct slice kind, start;
	} rows[] = {
		{ LITC("png"), LITC("\x89PNG") },      { LITC("jpeg"), LITC("\xff\xd8\xff") },
		{ LITC("jpg"), LITC("\xff\xd8\xff") }, { LITC("gif"), LITC("GIF8") },
		{ LITC("webp"), LITC("RIFF") },        { LITC("pdf"), LITC("%PDF") },
	};
	struct slice short_kind;

	if (!slice_cut(kind, '/', NULL, &short_kind))
		short_kind = kind;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (slice_eq(short_kind, rows[i].kind))
			return slice_starts(bytes, rows[i].start);
	return true;
}

bool ask_media(struct question *q, struct slice base64, struct slice kind, const char *path)
{
	struct arena_mark mark = arena_mark(&q->x->work);
	char *bytes = arena_bytes(&q->x->work, base64.n / 4 * 3 + 3);
	bool ok, same = false;
	size_t n = 0;

	if (bytes == NULL)
		return false;
	ok = base64.n > 0 && base64_read(base64, bytes, &n);
	if (ok)
		same = looks_like(slice_of(bytes, n), kind);
	arena_rewind(&q->x->work, mark);
	if (!ok)
		return ask_wrong(q, 0, "%s: invalid base64 data", path);
	if (!same)
		return ask_wrong(q, 0, "%s: the data is not of the type %.*s", path,
				 SARG(slice_head(kind, 40)));
	return true;
}

bool ask_refused(struct question *q, struct plan *plan)
{
	if (q->problem.n == 0)
		return false;
	plan_error(q->x, q->d, plan, q->status, q->problem);
	return true;
}

/* ---- tokens --------------------------------------------------------------------------------
 */

static void put_u64(char *to, uint64_t v)
{
	for (unsigned i = 0; i < 8; i++)
		to[i] = (char)(v >> (8 * i));
}

enum { TOKEN_BYTES = 24, TOKEN_TEXT = 32 };
#define TOKEN_SEED 0x77656972 /* "weir" */

static void token_bytes(char to[TOKEN_BYTES], uint64_t about)
{
	put_u64(to, about);
	put_u64(to + 8, hash_mix(about ^ TOKEN_SEED));
	put_u64(to + 16, hash_mix(about + TOKEN_SEED));
}

struct slice ask_token(struct arena *a, struct slice of)
{
	char bytes[TOKEN_BYTES], text[TOKEN_TEXT + 1];
	struct sb sb;

	token_bytes(bytes, hash_bytes(of, TOKEN_SEED));
	sb_init(&sb, text, sizeof(text));
	base64_put(&sb, slice_of(bytes, sizeof(bytes)));
	return arena_copy(a, sb_slice(&sb));
}

bool ask_token_ok(struct slice token, struct slice of)
{
	char got[TOKEN_BYTES], want[TOKEN_BYTES];
	uint64_t about = 0;
	size_t n;

	if (token.n != TOKEN_TEXT || !base64_read(token, got, &n) || n != TOKEN_BYTES)
		return false;
	for (unsigned i = 0; i < 8; i++)
		about |= (uint64_t)(unsigned char)got[i] << (8 * i);
	token_bytes(want, about);
	return memcmp(got, want, sizeof(got)) == 0 &&
	       (of.p == NULL || about == hash_bytes(of, TOKEN_SEED));
}

/* ---- deciding ------------------------------------------------------------------------------
 */

uint64_t ask_count(struct slice s)
{
	uint64_t n = 0;
	bool in_word = false;

	for (size_t i = 0; i < s.n; i++) {
		bool blank = s.p[i] == ' ' || s.p[i] == '\n' || s.p[i] == '\t';

		n += !blank && !in_word;
		in_word = !blank;
	}
	return n;
}

static size_t calls_wanted(const struct question *q)
{
	uint64_t n = q->o->tools;

	if (q->tool_n == 0 || q->mode == CALL_NONE || q->results_last)
		return 0;
	if (n == 0 && (q->mode == CALL_ANY || q->named.n > 0))
		n = 1;
	if (q->one_call && n > 1)
		n = 1;
	return n > CALLS_MAX ? CALLS_MAX : (size_t)n;
}

/* The function that call `i` calls: the one that was named, else in turn. */
static const struct offered *called(const struct question *q, size_t i)
{
	for (size_t k = 0; q->named.n > 0 && k < q->tool_n; k++)
		if (slice_eq(q->tools[k].name, q->named))
			return &q->tools[k];
	return &q->tools[i % q->tool_n];
}

/* How long the conversation is: ids of later calls differ from those of earlier ones, and the
 * same question has the same ids. */
static uint64_t turns(const struct question *q)
{
	static const char *const names[] = { "messages", "contents", "input" };
	uint64_t n = 0;

	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		const struct json *list = json_get(q->root, names[i]);

		n += json_is_array(list) ? json_len(list) : 0;
	}
	return n;
}

static bool decide_calls(struct question *q, struct reply *r)
{
	r->call_n = calls_wanted(q);
	if (r->call_n == 0)
		return true;
	r->calls = ARENA_ARRAY(&q->x->work, struct reply_call, r->call_n);
	if (r->calls == NULL)
		return false;
	for (size_t i = 0; i < r->call_n; i++) {
		const struct offered *f = called(q, i);
		struct say *o = ask_say(q);

		if (f->schema == NULL)
			say_lit(o, "{}");
		else
			text_by_schema(o, f->schema, f->schema, r->seed + i);
		r->calls[i] = (struct reply_call){
			.number = hash_mix(r->seed + i + turns(q) * 1000),
			.name = f->name,
			.arguments = arena_copy(&q->x->work, say_slice(o)),
		};
		r->used.output += ask_count(r->calls[i].arguments) + 1;
	}
	return true;
}

/* A value for the schema, or just some JSON. */
static void say_formatted(struct question *q, struct reply *r, struct say *o)
{
	if (q->schema != NULL) {
		text_by_schema(o, q->schema, q->schema, r->seed);
		return;
	}
	say_lit(o, "{\"answer\":\"");
	text_words(o, r->seed, r->words);
	say_lit(o, "\"}");
}

static void decide_text(struct question *q, struct reply *r)
{
	struct say *o = ask_say(q);
	bool words = false;

	if (q->o->text.n > 0) {
		say_str(o, q->o->text);
	} else if (r->call_n > 0) {
		return;
	} else if (q->o->fail == FAIL_HUGE) {
		while (buf_len(&o->b) < q->o->size && !o->failed)
			say_lit(o, "weir ");
	} else if (q->o->echo && q->root != NULL) {
		q->d->last_user(q->root, o);
	} else if (q->json) {
		say_formatted(q, r, o);
	} else {
		words = true;
		if (q->max_tokens > 0 && q->max_tokens < r->words) {
			r->words = q->max_tokens;
			r->finish = REPLY_LENGTH;
		}
		text_words(o, r->seed, r->words);
	}
	r->text = arena_copy(&q->x->work, q->o->fail == FAIL_HUGE
						  ? slice_head(say_slice(o), q->o->size)
						  : say_slice(o));
	r->used.output += words ? r->words : ask_count(r->text);
}

/* The text ends before the first stop sequence in it. */
static void decide_stop(struct question *q, struct reply *r)
{
	size_t best = SLICE_NONE;

	for (size_t i = 0; i < q->stop_n; i++) {
		size_t at = slice_find(r->text, q->stops[i]);

		if (at < best) {
			best = at;
			r->sequence = q->stops[i];
		}
	}
	if (best == SLICE_NONE)
		return;
	r->text = slice_head(r->text, best);
	r->finish = REPLY_SEQUENCE;
}

static void decide_finish(struct question *q, struct reply *r)
{
	static const struct {
		struct slice word;
		enum reply_finish finish;
	} rows[] = {
		{ LITC("stop"), REPLY_STOP },
		{ LITC("stop_sequence"), REPLY_SEQUENCE },
		{ LITC("length"), REPLY_LENGTH },
		{ LITC("tool_calls"), REPLY_CALLS },
		{ LITC("content_filter"), REPLY_FILTER },
		{ LITC("refusal"), REPLY_REFUSAL },
		{ LITC("context"), REPLY_CONTEXT },
		{ LITC("blocked"), REPLY_BLOCKED },
		{ LITC("pause"), REPLY_PAUSE },
		{ LITC("error"), REPLY_ERROR },
	};

	if (r->call_n > 0)
		r->finish = REPLY_CALLS;
	if (q->o->finish.n == 0)
		return;
	r->finish = REPLY_OTHER;
	r->finish_word = q->o->finish;
	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		if (slice_eq(q->o->finish, rows[i].word))
			r->finish = rows[i].finish;
	if (r->finish == REPLY_SEQUENCE && r->sequence.n == 0)
		r->sequence = q->stop_n > 0 ? q->stops[0] : LIT("STOP");
}

static void decide_thinking(struct question *q, struct reply *r)
{
	uint64_t n = q->o->reasoning > 0 ? q->o->reasoning : q->think ? REASONING_DEFAULT : 0;
	struct say *o;

	if (n == 0)
		return;
	o = ask_say(q);
	text_words(o, r->seed + 77, n > MOCK_TOKENS_MAX ? MOCK_TOKENS_MAX : n);
	r->thinking = arena_copy(&q->x->work, say_slice(o));
	r->signature = ask_token(&q->x->work, r->thinking);
	r->used.reasoning = n;
}

static void decide_usage(struct question *q, struct reply *r)
{
	uint64_t prompt = q->o->prompt_tokens > 0 ? q->o->prompt_tokens
						  : (q->x->rec.body.n + 3) / 4;

	r->used.cache_read = q->o->cached_tokens;
	r->used.cache_write = q->o->cache_write_tokens;
	prompt -= r->used.cache_read < prompt ? r->used.cache_read : prompt;
	prompt -= r->used.cache_write < prompt ? r->used.cache_write : prompt;
	r->used.fresh = prompt;
}

bool ask_decide(struct question *q, struct reply *r, struct plan *plan)
{
	struct exchange *x = q->x;

	*r = (struct reply){ .finish = REPLY_STOP };
	r->seed = q->o->vary ? hash_mix(q->o->seed + x->rec.seq) : q->o->seed;
	r->words = q->o->tokens.min +
		   rng_below(&x->rng, q->o->tokens.max - q->o->tokens.min + 1);
	decide_usage(q, r);
	decide_thinking(q, r);
	if (!decide_calls(q, r))
		return false;
	decide_text(q, r);
	if (q->o->fail != FAIL_HUGE)
		decide_stop(q, r);
	decide_finish(q, r);
	plan->text = r->text;
	plan->prompt_tokens = reply_prompt(r);
	plan->completion_tokens = r->used.output + r->used.reasoning;
	return !arena_failed(&x->work);
}

/* ---- saying --------------------------------------------------------------------------------
 */

struct say *ask_say(struct question *q)
{
	say_clear(&q->x->mock->out);
	return &q->x->mock->out;
}

struct piece *ask_piece(struct question *q, struct plan *plan, enum piece_kind kind,
			const char *event)
{
	struct piece *p;

	if (q->x->mock->out.failed)
		q->x->work.failed = true;
	p = plan_add(q->x, plan, kind, say_slice(&q->x->mock->out));
	if (p != NULL)
		p->event = event;
	return p;
}

/* Not inside of a UTF-8 sequence. */
static size_t whole(struct slice s, size_t end)
{
	while (end < s.n && ((unsigned char)s.p[end] & 0xc0) == 0x80)
		end++;
	return end;
}

size_t ask_piece_end(const struct question *q, struct slice text, size_t at)
{
	uint64_t words = 0;

	if (q->o->fail == FAIL_HUGE)
		return text.n;
	for (size_t i = at + 1; i < text.n; i++)
		if (text.p[i] == ' ' && ++words == q->o->words)
			return i;
	return text.n;
}

bool ask_next_arguments(const struct question *q, const struct reply *r, size_t *at,
			size_t *call, struct slice *part)
{
	size_t from = q->o->interleave ? (*call + 1) % r->call_n : *call;

	for (size_t k = 0; k < r->call_n; k++) {
		size_t i = (from + k) % r->call_n;
		struct slice all = r->calls[i].arguments;
		size_t end = whole(
			all, all.n - at[i] < q->o->arg_bytes ? all.n : at[i] + q->o->arg_bytes);

		if (at[i] == all.n)
			continue;
		*call = i;
		*part = slice_of(all.p + at[i], end - at[i]);
		at[i] = end;
		return true;
	}
	return false;
}

void say_member(struct say *o, bool *comma, const char *name)
{
	say_lit(o, *comma ? ",\"" : "\"");
	*comma = true;
	say_lit(o, name);
	say_lit(o, "\":");
}

void say_texts(struct say *o, const struct json *content)
{
	size_t n = json_is_array(content) ? json_len(content) : 0;

	if (json_is_string(content))
		say_str(o, json_str(content));
	for (size_t i = 0; i < n; i++)
		say_str(o, json_str(json_get(json_at(content, i), "text")));
}

double ask_coordinate(uint64_t seed, uint64_t input, uint64_t i)
{
	return (double)(hash_mix(seed + input * 65537 + i) % 2001) / 1000 - 1;
}

void say_embedding(struct say *o, uint64_t seed, uint64_t input, uint64_t dimensions)
{
	say_lit(o, "[");
	for (uint64_t i = 0; i < dimensions; i++)
		say_fmt(o, "%s%.3f", i > 0 ? "," : "", ask_coordinate(seed, input, i));
	say_lit(o, "]");
}
