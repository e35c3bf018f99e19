/* Answers between any two dialects: what a provider of one said is what a client of the other
 * hears.
 *
 * A random answer is written by the provider's dialect as a stream, cut at random, read with
 * the real readers of frames, written for the client, cut again and read again; and the same in
 * one piece.  After each reading it must be the same answer, but for what that dialect cannot
 * say: dialects[] has it, with the reason.  WEIR_PAIRS says how many of each pair (default
 * 200), WEIR_SEED where to begin. */
#include "check.h"

#include "base/sb.h"
#include "chat/dialect.h"
#include "chat/opaque.h"
#include "chat_random.h"
#include "wire/aws_event.h"
#include "wire/base64.h"
#include "wire/lines.h"
#include "wire/sse.h"

/* ---- what was said ------------------------------------------------------------- */

enum { CALLS = 4, TEXT = 16384 };

struct words {
	char p[TEXT];
	size_t n;
};

struct heard_call {
	struct words args;
	char id[128], name[64], sign[64];
	bool begun, ended;
};

/* An answer put together again from its events. */
struct heard {
	struct words text, reasoning, refusal, signs, sequence;
	struct words reason; /* what the provider says of a refusal: not the model's words */
	struct heard_call calls[CALLS];
	struct usage usage;
	enum finish_kind finish;
	unsigned finishes, ends, starts, faults;
	char next[64];   /* the signature of the call to come */
	char wrong[160]; /* what is against the order of events */
};

static void words_add(struct words *w, struct slice s)
{
	if (s.n > sizeof(w->p) - w->n)
		fail_msg("a text of more than %d bytes", TEXT);
	if (s.n > 0)
		memcpy(w->p + w->n, s.p, s.n);
	w->n += s.n;
}

static void keep(char *to, size_t cap, struct slice s)
{
	struct sb b;

	sb_init(&b, to, cap - 1);
	sb_str(&b, s);
	to[b.n] = '\0';
}

#define KEEP(to, s) keep((to), sizeof(to), (s))

static void wrong(struct heard *h, const char *what)
{
	if (h->wrong[0] == '\0')
		KEEP(h->wrong, slice_cstr(what));
}

/* State comes back to its issuer from whatever it was sealed in. */
static struct json_text opened(struct json_text sealed, char *room, size_t cap)
{
	size_t n;

	if (slice_starts(sealed.s, LIT(OPAQUE_MARK_BASE64)) && 3 * (sealed.s.n / 4) <= cap &&
	    base64_read(sealed.s, room, &n))
		sealed.s = slice_of(room, n);
	return opaque_open(sealed).data;
}

static void sign_add(struct heard *h, const char *what, struct json_text sealed)
{
	char room[256];

	words_add(&h->signs, slice_cstr(what));
	words_add(&h->signs, opened(sealed, room, sizeof(room)).s);
	words_add(&h->signs, LIT(" "));
}

/* Some dialects carry foreign state in forms of their own: Anthropic's and Bedrock's the
 * signature of a call in a block before it, Gemini's what is encrypted as a signature,
 * Responses' all of it in an item's encrypted content, with a letter for its kind. */
static void hear_signature(struct heard *h, const struct chat_event *e)
{
	struct json_text sealed = e->encrypted ? e->text : e->signature, data;
	const struct slice next = LIT("next:"), hidden = LIT("~encrypted");
	bool encrypted = e->encrypted;
	struct slice rest;
	char room[256];

	data = opened(sealed, room, sizeof(room));
	while (slice_starts(data.s, LIT("rs_")) && slice_cut(data.s, ':', NULL, &rest))
		data = opaque_open((struct json_text){ rest }).data;
	if (slice_ends(data.s, hidden)) {
		data.s.n -= hidden.n;
		encrypted = true;
	}
	if (encrypted && slice_starts(data.s, next))
		KEEP(h->next, slice_skip(data.s, next.n));
	else if (encrypted && slice_starts(data.s, LIT("c:")))
		KEEP(h->next, slice_skip(data.s, 2));
	else if (encrypted &&
		 (slice_starts(data.s, LIT("s:")) || slice_starts(data.s, LIT("S:"))))
		sign_add(h, "sig:", (struct json_text){ slice_skip(data.s, 2) });
	else if (encrypted && slice_starts(data.s, LIT("e:")))
		sign_add(h, "enc:", (struct json_text){ slice_skip(data.s, 2) });
	else
		sign_add(h, encrypted ? "enc:" : "sig:", data);
}

static void hear_call(struct heard *h, const struct chat_event *e)
{
	struct heard_call *c = &h->calls[e->index < CALLS ? e->index : 0];
	char room[256];

	if (e->index >= CALLS)
		wrong(h, "a call over the last");
	if (e->kind == EV_TOOL_BEGIN) {
		if (c->begun)
			wrong(h, "a call begins twice");
		c->begun = true;
		KEEP(c->id, e->id.s);
		KEEP(c->name, e->name.s);
		KEEP(c->sign, opened(e->signature, room, sizeof(room)).s);
		if (h->next[0] != '\0')
			KEEP(c->sign, slice_cstr(h->next));
		h->next[0] = '\0';
	} else if (!c->begun || c->ended) {
		wrong(h, "arguments outside of a call");
	} else if (e->kind == EV_TOOL_ARGS) {
		words_add(&c->args, e->text.s);
	} else {
		c->ended = true;
		if (c->args.n == 0) /* the same, said or not */
			words_add(&c->args, LIT("{}"));
	}
}

static void hear(struct heard *h, const struct chat_event *e)
{
	if (h->ends > 0)
		wrong(h, "something after the end");
	switch (e->kind) {
	case EV_START:
		h->starts++;
		break;
	case EV_TEXT:
		words_add(&h->text, e->text.s);
		if (e->signature.s.n > 0)
			sign_add(h, "text:", e->signature);
		break;
	case EV_REASONING:
		words_add(&h->reasoning, e->text.s);
		break;
	case EV_SIGNATURE:
		hear_signature(h, e);
		break;
	case EV_REFUSAL:
		words_add(&h->refusal, e->text.s);
		break;
	case EV_TOOL_BEGIN:
	case EV_TOOL_ARGS:
	case EV_TOOL_END:
		hear_call(h, e);
		break;
	case EV_USAGE:
		h->usage = e->u.usage;
		break;
	case EV_FINISH:
		h->finish = e->finish;
		h->finishes++;
		words_add(&h->sequence, e->text.s);
		words_add(&h->reason, e->name.s);
		break;
	case EV_END:
		h->ends++;
		break;
	case EV_ERROR:
		h->faults++;
		break;
	case EV_AUDIO:
	case EV_IMAGE:
	case EV_ANNOTATION:
	case EV_LOGPROBS:
	case EV_OTHER:
	case EV_PING:
		break;
	}
}

/* ---- what a dialect cannot say ------------------------------------------------- */

enum {
	NO_SIGNS = 1 << 0,          /* signatures of reasoning */
	NO_ENCRYPTED = 1 << 1,      /* reasoning that is not shown */
	NO_CALL_SIGNS = 1 << 2,     /* signatures of calls */
	NO_TEXT_SIGNS = 1 << 3,     /* of texts */
	NO_IDS = 1 << 4,            /* of calls: they are made up */
	REFUSAL_IS_TEXT = 1 << 5,   /* there is one kind of text only */
	NO_MUTE_REFUSAL = 1 << 6,   /* a refusal without its words is a filter's */
	REASON_IS_REFUSAL = 1 << 8, /* they are said as the model's */
	NO_SEQUENCE = 1 << 9,       /* which stop sequence it was */
	SEQUENCE_NAMED = 1 << 10,   /* that it was one is said by which it was */
	NO_1H = 1 << 11,            /* cache writes of an hour are cache writes */
	NO_WRITES = 1 << 12,        /* cache writes are input */
	NO_READS = 1 << 13,         /* so are cache reads */
	NO_THOUGHTS = 1 << 14,      /* reasoning tokens are output */
	NO_BROKEN = 1 << 16,        /* an answer of no use is an error */
	NO_AUDIO = 1 << 15,         /* audio tokens are tokens */
};

struct tongue {
	const struct dialect *d;
	unsigned cannot;
	unsigned never; /* what its own providers do not say, though its clients can be told */
	/* What each finish becomes. */
	enum finish_kind finish[FINISH_BROKEN + 1];
};

#define FINISHES(stop, sequence, length, context, tools, filter, refusal, pause, broken)       \
	{                                                                                      \
		FINISH_##stop, FINISH_##sequence, FINISH_##length, FINISH_##context,           \
			FINISH_##tools, FINISH_##filter, FINISH_##refusal, FINISH_##pause,     \
			FINISH_##broken                                                        \
	}

static const struct tongue tongues[] = {
	{ &dialect_openai, NO_1H | NO_MUTE_REFUSAL | SEQUENCE_NAMED | REASON_IS_REFUSAL, 0,
	  FINISHES(STOP, SEQUENCE, LENGTH, LENGTH, TOOLS, FILTER, REFUSAL, LENGTH, BROKEN) },
	{ &dialect_responses, NO_1H | NO_MUTE_REFUSAL | REASON_IS_REFUSAL,
	  NO_SIGNS | NO_CALL_SIGNS | NO_BROKEN,
	  FINISHES(STOP, STOP, LENGTH, LENGTH, TOOLS, FILTER, REFUSAL, LENGTH, BROKEN) },
	{ &dialect_anthropic, REFUSAL_IS_TEXT, NO_CALL_SIGNS,
	  FINISHES(STOP, SEQUENCE, LENGTH, CONTEXT, TOOLS, REFUSAL, REFUSAL, PAUSE, REFUSAL) },
	{ &dialect_gemini, NO_WRITES | NO_1H | REFUSAL_IS_TEXT, NO_ENCRYPTED,
	  FINISHES(STOP, STOP, LENGTH, LENGTH, TOOLS, FILTER, FILTER, BROKEN, BROKEN) },
	{ &dialect_bedrock, NO_THOUGHTS | REFUSAL_IS_TEXT, NO_CALL_SIGNS,
	  FINISHES(STOP, SEQUENCE, LENGTH, CONTEXT, TOOLS, FILTER, FILTER, LENGTH, BROKEN) },
	{ &dialect_cohere,
	  NO_1H | NO_WRITES | NO_THOUGHTS | NO_AUDIO | NO_SEQUENCE | REFUSAL_IS_TEXT, 0,
	  FINISHES(STOP, SEQUENCE, LENGTH, LENGTH, TOOLS, FILTER, REFUSAL, PAUSE, BROKEN) },
	{ &dialect_ollama,
	  NO_1H | NO_WRITES | NO_READS | NO_THOUGHTS | NO_AUDIO | NO_SEQUENCE | NO_SIGNS |
		  NO_ENCRYPTED | NO_CALL_SIGNS | NO_TEXT_SIGNS | REFUSAL_IS_TEXT | NO_IDS,
	  0, FINISHES(STOP, STOP, LENGTH, LENGTH, TOOLS, FILTER, REFUSAL, LENGTH, BROKEN) },
};

/* Leaves of the signs those that the dialect can carry. */
static void signs_left(struct words *signs, unsigned cannot)
{
	struct slice rest = slice_of(signs->p, signs->n), one;
	size_t n = 0;

	while (slice_cut(rest, ' ', &one, &rest)) {
		if ((slice_starts(one, LIT("sig:")) && (cannot & NO_SIGNS) != 0) ||
		    (slice_starts(one, LIT("enc:")) && (cannot & NO_ENCRYPTED) != 0) ||
		    (slice_starts(one, LIT("text:")) && (cannot & NO_TEXT_SIGNS) != 0))
			continue;
		memmove(signs->p + n, one.p, one.n);
		n += one.n;
		signs->p[n++] = ' ';
	}
	signs->n = n;
}

static void fold(uint64_t *to, uint64_t *from)
{
	*to += *from;
	*from = 0;
}

static void usage_left(struct usage *u, unsigned cannot)
{
	if ((cannot & NO_AUDIO) != 0) {
		fold(&u->input, &u->audio_in);
		fold(&u->output, &u->audio_out);
	}
	if ((cannot & NO_1H) != 0)
		fold(&u->cache_write, &u->cache_write_1h);
	if ((cannot & NO_WRITES) != 0) {
		fold(&u->input, &u->cache_write);
		fold(&u->input, &u->cache_write_1h);
	}
	if ((cannot & NO_READS) != 0)
		fold(&u->input, &u->cache_read);
	if ((cannot & NO_THOUGHTS) != 0)
		fold(&u->output, &u->reasoning);
}

/* What is left of an answer in this dialect. */
static void as_said_in(struct heard *h, const struct tongue *t)
{
	signs_left(&h->signs, t->cannot);
	usage_left(&h->usage, t->cannot);
	if ((t->cannot & REASON_IS_REFUSAL) != 0 && h->refusal.n == 0 &&
	    h->finish == FINISH_REFUSAL)
		words_add(&h->refusal, slice_of(h->reason.p, h->reason.n));
	if ((t->cannot & REFUSAL_IS_TEXT) != 0) {
		words_add(&h->text, slice_of(h->refusal.p, h->refusal.n));
		h->refusal.n = 0;
	}
	h->finish = t->finish[h->finish];
	if (h->finish == FINISH_REFUSAL && h->refusal.n == 0 &&
	    (t->cannot & NO_MUTE_REFUSAL) != 0)
		h->finish = FINISH_FILTER;
	if (h->finish == FINISH_SEQUENCE && h->sequence.n == 0 &&
	    (t->cannot & SEQUENCE_NAMED) != 0)
		h->finish = FINISH_STOP;
	if (h->finish != FINISH_SEQUENCE || (t->cannot & NO_SEQUENCE) != 0)
		h->sequence.n = 0;
	for (size_t i = 0; i < CALLS; i++) {
		if ((t->cannot & NO_IDS) != 0)
			h->calls[i].id[0] = '\0';
		if ((t->cannot & NO_CALL_SIGNS) != 0)
			h->calls[i].sign[0] = '\0';
	}
}

/* ---- what is the same ---------------------------------------------------------- */

/* One pair at work: what is told when something is not the same. */
struct pair {
	const struct tongue *a, *b; /* client, provider */
	uint64_t seed;
	bool whole;
	const char *side;
	struct mem *mem;
};

static void differ(const struct pair *p, const char *what, struct slice want, struct slice got)
{
	fail_msg("%s from %s, %s, WEIR_PAIRS=1 WEIR_SEED=%" PRIu64
		 ": %s: %s\n  is   \"%.*s\"\n  not  \"%.*s\"",
		 p->a->d->name, p->b->d->name, p->whole ? "whole" : "stream", p->seed, p->side,
		 what, SARG(got), SARG(want));
}

static void same(const struct pair *p, const char *what, struct slice want, struct slice got)
{
	if (!slice_eq(want, got))
		differ(p, what, want, got);
}

/* Of texts that may be escaped in another way. */
static void same_words(const struct pair *p, const char *what, const struct words *want,
		       const struct words *got)
{
	struct json_text w = { { want->p, want->n } }, g = { { got->p, got->n } };
	struct arena a;

	arena_init(&a, p->mem, 4096, 1 << 20);
	same(p, what, json_text_plain(w, &a), json_text_plain(g, &a));
	CHECK(!arena_failed(&a));
	arena_free(&a);
}

static void same_number(const struct pair *p, const char *what, uint64_t want, uint64_t got)
{
	char w[24], g[24];
	struct sb wb, gb;

	sb_init(&wb, w, sizeof(w));
	sb_init(&gb, g, sizeof(g));
	sb_u64(&wb, want);
	sb_u64(&gb, got);
	same(p, what, sb_slice(&wb), sb_slice(&gb));
}

static void same_usage(const struct pair *p, const struct usage *want, const struct usage *got)
{
	same_number(p, "input", want->input, got->input);
	same_number(p, "cache_read", want->cache_read, got->cache_read);
	same_number(p, "cache_write", want->cache_write, got->cache_write);
	same_number(p, "cache_write_1h", want->cache_write_1h, got->cache_write_1h);
	same_number(p, "audio_in", want->audio_in, got->audio_in);
	same_number(p, "output", want->output, got->output);
	same_number(p, "reasoning", want->reasoning, got->reasoning);
	same_number(p, "audio_out", want->audio_out, got->audio_out);
	same_number(p, "usage known", want->known, got->known);
	same_number(p, "usage odd", want->odd, got->odd);
}

static void same_call(const struct pair *p, const struct heard_call *want,
		      const struct heard_call *got, bool ids)
{
	same_number(p, "call begun", want->begun, got->begun);
	same_number(p, "call ended", want->ended, got->ended);
	same(p, "call's name", slice_cstr(want->name), slice_cstr(got->name));
	if (ids)
		same(p, "call's id", slice_cstr(want->id), slice_cstr(got->id));
	same(p, "call's signature", slice_cstr(want->sign), slice_cstr(got->sign));
	same_words(p, "call's arguments", &want->args, &got->args);
}

static void same_answer(const struct pair *p, const struct heard *want, const struct heard *got,
			const struct tongue *t)
{
	same(p, "order", LIT(""), slice_cstr(got->wrong));
	same_words(p, "text", &want->text, &got->text);
	same_words(p, "reasoning", &want->reasoning, &got->reasoning);
	same_words(p, "refusal", &want->refusal, &got->refusal);
	same_words(p, "signatures", &want->signs, &got->signs);
	for (size_t i = 0; i < CALLS; i++)
		same_call(p, &want->calls[i], &got->calls[i], (t->cannot & NO_IDS) == 0);
	same_number(p, "finish", want->finish, got->finish);
	same_words(p, "stop sequence", &want->sequence, &got->sequence);
	same_number(p, "how often it finishes", 1, got->finishes);
	same_number(p, "how often it ends", 1, got->ends);
	same_number(p, "errors", 0, got->faults);
	same_usage(p, &want->usage, &got->usage);
}

/* ---- a random answer ----------------------------------------------------------- */

static void say_pieces(struct rng *r, struct chat_events *ev, enum event_kind kind,
		       struct json_text all)
{
	struct slice rest = all.s;

	while (rest.n > 0)
		event_text(ev, kind, random_piece(r, &rest));
}

static void say_reasoning(struct rng *r, struct chat_events *ev, unsigned never)
{
	struct chat_event *e;

	say_pieces(r, ev, EV_REASONING, random_text(r, ev->a, 60));
	if (rng_chance(r, 0.5) && (never & NO_SIGNS) == 0)
		event_add(ev, EV_SIGNATURE)->signature = JTEXT("U2lnbmVk");
	if (rng_chance(r, 0.1) && (never & NO_ENCRYPTED) == 0) {
		e = event_add(ev, EV_SIGNATURE);
		e->encrypted = true;
		e->text = JTEXT("RW5jcnlwdGVk");
	}
}

static void say_calls(struct rng *r, struct chat_events *ev, unsigned never)
{
	const unsigned n = 1 + (unsigned)rng_below(r, CALLS);
	struct slice rest[CALLS];
	struct chat_event *e;
	unsigned open = n;

	for (unsigned i = 0; i < n; i++) {
		rest[i] = rng_chance(r, 0.8)
				  ? json_text_encode(random_object(r, ev->a), ev->a).s
				  : LIT("");
		e = event_add(ev, EV_TOOL_BEGIN);
		e->index = i;
		e->id = (struct json_text){ arena_fmt(ev->a, "call_%u%u", i,
						      (unsigned)rng_below(r, 1000)) };
		e->name = rng_chance(r, 0.5) ? JTEXT("look_up") : JTEXT("f-2");
		if (i == 0 && rng_chance(r, 0.2) && (never & NO_CALL_SIGNS) == 0)
			e->signature = JTEXT("Q2FsbGVk");
		/* Most send one call after the other. */
		if (rng_chance(r, 0.7))
			while (rest[i].n > 0) {
				struct json_text piece = random_piece(r, &rest[i]);

				e = event_add(ev, EV_TOOL_ARGS);
				e->index = i;
				e->text = piece;
			}
	}
	while (open > 0) {
		unsigned i = (unsigned)rng_below(r, n);

		if (rest[i].n > 0) {
			struct json_text piece = random_piece(r, &rest[i]);

			e = event_add(ev, EV_TOOL_ARGS);
			e->index = i;
			e->text = piece;
			continue;
		}
		for (open = 0; open < n && rest[open].n == 0;)
			open++;
		open = open == n ? 0 : 1;
	}
	for (unsigned i = 0; i < n; i++)
		event_add(ev, EV_TOOL_END)->index = i;
}

static void say_usage(struct rng *r, struct chat_events *ev)
{
	struct usage u = { .known = true,
			   .input = 1 + rng_below(r, 1000),
			   .output = 1 + rng_below(r, 1000) };

	if (rng_chance(r, 0.4))
		u.cache_read = rng_below(r, 500);
	if (rng_chance(r, 0.3))
		u.cache_write = rng_below(r, 500);
	if (rng_chance(r, 0.2))
		u.cache_write_1h = rng_below(r, 500);
	if (rng_chance(r, 0.4))
		u.reasoning = rng_below(r, 500);
	event_usage(ev, &u);
}

static void say_finish(struct rng *r, struct chat_events *ev, bool calls, bool refuses)
{
	static const enum finish_kind others[] = {
		FINISH_STOP,    FINISH_STOP,   FINISH_STOP,  FINISH_SEQUENCE, FINISH_LENGTH,
		FINISH_CONTEXT, FINISH_FILTER, FINISH_PAUSE, FINISH_BROKEN
	};
	enum finish_kind kind = others[rng_below(r, ARRAY_LEN(others))];

	if (refuses)
		kind = FINISH_REFUSAL;
	else if (calls)
		kind = FINISH_TOOLS;
	event_finish(ev, 0, kind);
	if (kind == FINISH_SEQUENCE && !ev->failed)
		ev->v[ev->n - 1].text = JTEXT("END");
}

/* `never`: what this provider does not say. */
static void say(struct rng *r, struct chat_events *ev, unsigned never)
{
	const bool refuses = rng_chance(r, 0.1), calls = !refuses && rng_chance(r, 0.4);
	struct chat_event *e = event_add(ev, EV_START);

	e->id = JTEXT("up-1");
	e->name = JTEXT("up");
	if (rng_chance(r, 0.4))
		say_reasoning(r, ev, never);
	if (refuses)
		say_pieces(r, ev, EV_REFUSAL, random_text(r, ev->a, 20));
	else if (!calls || rng_chance(r, 0.5))
		say_pieces(r, ev, EV_TEXT, random_text(r, ev->a, 120));
	if (calls)
		say_calls(r, ev, never);
	if (!refuses && rng_chance(r, 0.1))
		event_add(ev, EV_PING);
	if (!refuses && rng_chance(r, 0.1))
		say_pieces(r, ev, EV_TEXT, random_text(r, ev->a, 20));
	say_finish(r, ev, calls, refuses);
	say_usage(r, ev);
	event_add(ev, EV_END);
	CHECK(!ev->failed);
}

/* ---- over the wire ------------------------------------------------------------- */

static const struct chat_request asked = { .stream = true, .wants_usage = true };

struct bytes {
	char p[1 << 20];
	size_t n;
};

static void bytes_add(struct bytes *b, const struct json_out *o)
{
	CHECK(out_ok(o));
	for (size_t i = 0; i < o->n; i++) {
		CHECK(o->v[i].n <= sizeof(b->p) - b->n);
		memcpy(b->p + b->n, o->v[i].p, o->v[i].n);
		b->n += o->v[i].n;
	}
}

/* A stream's writer, and where its bytes go. */
struct writer {
	const struct dialect *d;
	struct chat_reply to;
	struct arena keep;
	void *state;
	struct mem *mem;
	struct bytes *out;
};

static void writer_open(struct writer *w, const struct dialect *d, struct slice issuer,
			struct mem *mem, struct bytes *out)
{
	*w = (struct writer){ .d = d,
			      .to = { .req = &asked,
				      .id = LITC("req-1"),
				      .model = LITC("m"),
				      .issuer = issuer,
				      .created_s = 1700000000 },
			      .mem = mem,
			      .out = out };
	arena_init(&w->keep, mem, 1024, 4 << 20);
	w->state = arena_zero(&w->keep, d->writer_bytes + 1);
	out->n = 0;
}

/* What is written borrows until it is out, and no longer. */
static void writer_put(struct writer *w, const struct chat_event *e)
{
	struct json_out o;
	struct arena a;

	arena_init(&a, w->mem, 1024, 4 << 20);
	out_init(&o, &a);
	w->d->event_write(w->state, &w->to, &w->keep, e, &o);
	bytes_add(w->out, &o);
	arena_free(&a);
}

/* A stream's reader; what it hears goes to `heard`, and to the next writer. */
struct reader {
	const struct pair *pair;
	const struct dialect *d;
	struct arena keep;
	void *state;
	struct mem *mem;
	struct heard *heard;
	struct writer *next;
	bool broken; /* the stream ends anywhere */
};

static void reader_open(struct reader *r, const struct pair *p, const struct dialect *d,
			struct heard *heard, struct writer *next)
{
	*r = (struct reader){ .pair = p, .d = d, .mem = p->mem, .heard = heard, .next = next };
	memset(heard, 0, sizeof(*heard));
	arena_init(&r->keep, p->mem, 1024, 4 << 20);
	r->state = arena_zero(&r->keep, d->reader_bytes + 1);
}

static void reader_took(struct reader *r, const struct chat_events *ev)
{
	CHECK(!ev->failed);
	for (size_t i = 0; i < ev->n; i++) {
		hear(r->heard, &ev->v[i]);
		if (r->next != NULL)
			writer_put(r->next, &ev->v[i]);
	}
}

static void reader_frame(struct reader *r, struct slice name, struct slice data)
{
	struct chat_events ev;
	struct arena a;
	enum rc rc;

	arena_init(&a, r->mem, 1024, 4 << 20);
	events_init(&ev, &a);
	rc = r->d->event_read(r->state, &r->keep, name, data, &ev);
	if (rc != OK)
		differ(r->pair, "a frame that cannot be read", LIT(""), data);
	reader_took(r, &ev);
	arena_free(&a);
}

static void reader_end(struct reader *r)
{
	struct chat_events ev;
	struct arena a;

	arena_init(&a, r->mem, 1024, 4 << 20);
	events_init(&ev, &a);
	r->d->stream_end(r->state, &r->keep, &ev);
	reader_took(r, &ev);
	arena_free(&a);
	arena_free(&r->keep);
}

/* The next piece that the network gives: in memory of its own, so that nothing can be
 * borrowed for longer than it lasts. */
static char *piece_of(struct rng *r, struct slice *rest, struct slice *piece)
{
	size_t n = rng_chance(r, 0.2) ? 1 : 1 + rng_below(r, 200);
	char *p;

	n = size_min(n, rest->n);
	p = malloc(n);
	CHECK(p != NULL);
	memcpy(p, rest->p, n);
	*piece = slice_of(p, n);
	*rest = slice_skip(*rest, n);
	return p;
}

static void through_sse(struct reader *rd, struct rng *r, struct slice rest)
{
	struct sse_event ev;
	enum sse_step step;
	struct sse s;

	sse_init(&s, rd->mem, 1 << 20);
	while (rest.n > 0) {
		struct slice in;
		char *p = piece_of(r, &rest, &in);

		while ((step = sse_next(&s, &in, &ev)) != SSE_MORE) {
			CHECK_INT(step, SSE_EVENT);
			if (ev.has_data)
				reader_frame(rd, ev.name, ev.data);
		}
		free(p);
	}
	CHECK(!sse_eof(&s, &ev) || rd->broken);
	sse_free(&s);
}

static void through_lines(struct reader *rd, struct rng *r, struct slice rest)
{
	enum lines_step step;
	struct lines s;
	struct line line;

	lines_init(&s, rd->mem, 1 << 20);
	while (rest.n > 0) {
		struct slice in;
		char *p = piece_of(r, &rest, &in);

		while ((step = lines_next(&s, &in, &line)) != LINES_MORE) {
			CHECK_INT(step, LINES_LINE);
			reader_frame(rd, LIT(""), line.text);
		}
		free(p);
	}
	CHECK(!lines_eof(&s, &line) || rd->broken);
	lines_free(&s);
}

static void through_aws(struct reader *rd, struct rng *r, struct slice rest)
{
	struct aws_reader s;
	struct aws_event ev;
	enum aws_step step;

	aws_init(&s, rd->mem, 1 << 20);
	while (rest.n > 0) {
		struct slice in;
		char *p = piece_of(r, &rest, &in);

		while ((step = aws_next(&s, &in, &ev)) != AWS_MORE) {
			CHECK_INT(step, AWS_EVENT);
			CHECK_INT(ev.kind, AWS_MESSAGE);
			reader_frame(rd, ev.name, ev.payload);
		}
		free(p);
	}
	CHECK(aws_eof(&s) || rd->broken);
	aws_free(&s);
}

/* All bytes, cut at random, into the reader. */
static void through(struct reader *rd, struct rng *r, const struct bytes *b)
{
	const struct slice all = slice_of(b->p, b->n);

	if (rd->d->framing == FRAMING_LINES)
		through_lines(rd, r, all);
	else if (rd->d->framing == FRAMING_AWS)
		through_aws(rd, r, all);
	else
		through_sse(rd, r, all);
	reader_end(rd);
}

/* ---- pairs --------------------------------------------------------------------- */

static void said(struct heard *h, const struct chat_events *ev, const struct tongue *t)
{
	memset(h, 0, sizeof(*h));
	for (size_t i = 0; i < ev->n; i++)
		hear(h, &ev->v[i]);
	as_said_in(h, t);
}

struct room {
	struct heard want, from_b, from_a;
	struct bytes of_b, of_a;
};

static void streamed(struct pair *p, struct rng *r, const struct chat_events *ev,
		     struct room *room)
{
	const struct slice issuer = p->a->d == p->b->d ? LIT("") : LIT("prov");
	struct writer provider, client;
	struct reader gateway, sdk;

	writer_open(&provider, p->b->d, LIT(""), p->mem, &room->of_b);
	for (size_t i = 0; i < ev->n; i++)
		writer_put(&provider, &ev->v[i]);
	arena_free(&provider.keep);
	writer_open(&client, p->a->d, issuer, p->mem, &room->of_a);
	reader_open(&gateway, p, p->b->d, &room->from_b, &client);
	p->side = "read from the provider";
	through(&gateway, r, &room->of_b);
	arena_free(&client.keep);
	said(&room->want, ev, p->b);
	same_answer(p, &room->want, &room->from_b, p->b);
	p->side = "read by the client";
	reader_open(&sdk, p, p->a->d, &room->from_a, NULL);
	through(&sdk, r, &room->of_a);
	as_said_in(&room->from_b, p->a);
	same_answer(p, &room->from_b, &room->from_a, p->a);
}

/* A stream that breaks off before its answer has ended must not look whole to the client,
 * wherever that is. */
static void broken_off(struct pair *p, struct rng *r, const struct chat_events *ev,
		       struct room *room)
{
	struct writer provider, client;
	struct reader gateway, sdk;
	size_t end = 0, cut;

	writer_open(&provider, p->b->d, LIT(""), p->mem, &room->of_b);
	while (ev->v[end].kind != EV_FINISH)
		writer_put(&provider, &ev->v[end++]);
	arena_free(&provider.keep);
	cut = room->of_b.n == 0 ? 0 : rng_below(r, room->of_b.n + 1);
	writer_open(&client, p->a->d, LIT("prov"), p->mem, &room->of_a);
	reader_open(&gateway, p, p->b->d, &room->from_b, &client);
	gateway.broken = true;
	room->of_b.n = cut;
	through(&gateway, r, &room->of_b);
	arena_free(&client.keep);
	p->side = "broken off, read from the provider";
	same_number(p, "how often it ends", 0, room->from_b.ends);
	same_number(p, "how often it finishes", 0, room->from_b.finishes);
	reader_open(&sdk, p, p->a->d, &room->from_a, NULL);
	sdk.broken = true;
	through(&sdk, r, &room->of_a);
	p->side = "broken off, read by the client";
	same_number(p, "how often it ends", 0, room->from_a.ends);
}

/* Writes a whole answer, and reads it again. */
static void whole_of(struct pair *p, const struct dialect *d, struct slice issuer,
		     const struct chat_events *ev, struct chat_events *back, struct bytes *b,
		     struct heard *h)
{
	const struct chat_reply to = { .req = &asked,
				       .id = LITC("req-1"),
				       .model = LITC("m"),
				       .issuer = issuer,
				       .created_s = 1700000000 };
	struct json_out o;
	struct arena a;

	arena_init(&a, p->mem, 1024, 4 << 20);
	out_init(&o, &a);
	d->answer_write(&to, ev, &o);
	b->n = 0;
	bytes_add(b, &o);
	arena_free(&a);
	if (d->answer_read(slice_of(b->p, b->n), back) != OK)
		differ(p, "an answer that cannot be read", LIT(""), slice_of(b->p, b->n));
	memset(h, 0, sizeof(*h));
	for (size_t i = 0; i < back->n; i++)
		hear(h, &back->v[i]);
}

static void in_one_piece(struct pair *p, const struct chat_events *ev, struct room *room)
{
	const struct slice issuer = p->a->d == p->b->d ? LIT("") : LIT("prov");
	struct chat_events of_b, of_a;
	struct arena a;

	arena_init(&a, p->mem, 4096, 8 << 20);
	events_init(&of_b, &a);
	events_init(&of_a, &a);
	p->side = "read from the provider";
	whole_of(p, p->b->d, LIT(""), ev, &of_b, &room->of_b, &room->from_b);
	said(&room->want, ev, p->b);
	same_answer(p, &room->want, &room->from_b, p->b);
	p->side = "read by the client";
	whole_of(p, p->a->d, issuer, &of_b, &of_a, &room->of_a, &room->from_a);
	as_said_in(&room->from_b, p->a);
	same_answer(p, &room->from_b, &room->from_a, p->a);
	arena_free(&a);
}

/* What would end as an error ends by its length. */
static void mend(struct chat_events *ev, const struct tongue *t)
{
	for (size_t i = 0; i < ev->n; i++)
		if (ev->v[i].kind == EV_FINISH && t->finish[ev->v[i].finish] == FINISH_BROKEN)
			ev->v[i].finish = FINISH_LENGTH;
}

static void one_case(const struct tongue *a, const struct tongue *b, uint64_t seed,
		     struct room *room)
{
	struct pair p = { .a = a, .b = b, .seed = seed };
	struct chat_events ev;
	struct test_mem mem;
	struct arena arena;
	struct rng r;

	test_mem_init(&mem, 0);
	p.mem = &mem.mem;
	rng_seed(&r, seed);
	arena_init(&arena, &mem.mem, 4096, 4 << 20);
	events_init(&ev, &arena);
	say(&r, &ev, b->never);
	if (((a->never | b->never) & NO_BROKEN) != 0)
		mend(&ev, b);
	streamed(&p, &r, &ev, room);
	broken_off(&p, &r, &ev, room);
	p.whole = true;
	in_one_piece(&p, &ev, room);
	arena_free(&arena);
	CHECK_INT(mem.live, 0);
}

/* A test's state: which tongues. */
struct which {
	const struct tongue *client, *provider;
};

static void the_client_hears_what_the_provider_said(void **state)
{
	const struct which *w = *state;
	const uint64_t seed = random_seed(), n = random_cases();
	static struct room *room;

	if (w->client->d->event_write == NULL || w->provider->d->event_write == NULL)
		skip(); /* not written yet */
	room = malloc(sizeof(*room));
	CHECK(room != NULL);
	for (uint64_t i = 0; i < n; i++)
		one_case(w->client, w->provider, seed + i, room);
	free(room);
}

int main(void)
{
	static struct which which[ARRAY_LEN(tongues) * ARRAY_LEN(tongues)];
	static char names[ARRAY_LEN(which)][64];
	struct CMUnitTest tests[ARRAY_LEN(which)];
	size_t n = 0;

	for (size_t a = 0; a < ARRAY_LEN(tongues); a++) {
		for (size_t b = 0; b < ARRAY_LEN(tongues); b++) {
			if (tongues[a].d == &dialect_ollama) /* it has no clients here */
				continue;
			which[n] = (struct which){ &tongues[a], &tongues[b] };
			snprintf(names[n], sizeof(names[n]), "%s_hears_what_%s_said",
				 tongues[a].d->name, tongues[b].d->name);
			tests[n] = (struct CMUnitTest)cmocka_unit_test_prestate(
				the_client_hears_what_the_provider_said, &which[n]);
			tests[n].name = names[n];
			n++;
		}
	}
	return _cmocka_run_group_tests("chat_pairs", tests, n, NULL, NULL);
}
