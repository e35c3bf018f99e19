/* Requests between any two dialects: what a client of one asked is what a provider of the other
 * is asked, and what it cannot be asked is named.
 *
 * A random request is written by the client's dialect, read, written for the provider, and read
 * once more.  Both readings must be the same, but for what `lost` names, and for what dialects
 * say in other words: as_asked_in() has those, with the reason.  WEIR_PAIRS says how many of
 * each pair (default 200), WEIR_SEED where to begin. */
#include "check.h"

#include "base/sb.h"
#include "chat/dialect.h"
#include "chat/opaque.h"
#include "chat_random.h"

/* ---- a random request ---------------------------------------------------------- */

static const char png[] = "iVBORw0KGgoAAAANSUhEUg==";
static const char pdf[] = "JVBERi0xLjQKJeLjz9MKMQ==";
static const char wav[] = "UklGRiQAAABXQVZFZm10IA==";

static struct json_text some_text(struct rng *r, struct arena *a)
{
	return random_text(r, a, 20);
}

static void ask_text(struct rng *r, struct chat_message *m, struct arena *a)
{
	struct chat_part *p = chat_part_add(m, a, PART_TEXT);

	p->u.text = some_text(r, a);
	if (m->role == ROLE_USER && rng_chance(r, 0.05))
		p->cache = CACHE_DEFAULT;
}

/* What a client was given of the provider's thoughts, and sends back. */
static void ask_reasoning(struct rng *r, struct chat_message *m, struct arena *a)
{
	struct chat_part *p = chat_part_add(m, a, PART_REASONING);

	p->u.reasoning.text = some_text(r, a);
	p->u.reasoning.signature.data = JTEXT("weir~prov~U2lnbmVk");
}

static void ask_media(struct chat_part *p, const char *mime, const char *data)
{
	p->u.media.source = MEDIA_INLINE;
	p->u.media.mime = slice_cstr(mime);
	p->u.media.data = slice_cstr(data);
}

static void ask_user(struct rng *r, struct chat_request *q, struct arena *a)
{
	struct chat_message *m = chat_message_add(q, a, ROLE_USER);
	struct chat_part *p;

	ask_text(r, m, a);
	if (rng_chance(r, 0.2))
		ask_media(chat_part_add(m, a, PART_IMAGE), "image/png", png);
	if (rng_chance(r, 0.1)) {
		p = chat_part_add(m, a, PART_DOCUMENT);
		ask_media(p, "application/pdf", pdf);
		p->u.media.name = JTEXT("a report.pdf");
	}
	if (rng_chance(r, 0.1))
		ask_media(chat_part_add(m, a, PART_AUDIO), "audio/wav", wav);
	if (rng_chance(r, 0.3))
		ask_text(r, m, a);
}

static void ask_call(struct rng *r, struct chat_message *m, struct arena *a, unsigned i)
{
	struct chat_part *p = chat_part_add(m, a, PART_TOOL_CALL);

	p->u.call.id = (struct json_text){ arena_fmt(a, "call_%u", i) };
	p->u.call.name = i % 2 == 0 ? JTEXT("look_up") : JTEXT("f-2");
	p->u.call.args = random_object(r, a);
	p->u.call.args_ok = true;
}

static void ask_tools_round(struct rng *r, struct chat_request *q, struct arena *a,
			    unsigned *calls)
{
	struct chat_message *m = chat_message_add(q, a, ROLE_ASSISTANT);
	const unsigned n = 1 + (unsigned)rng_below(r, 3), first = *calls;
	struct chat_part *p;

	if (rng_chance(r, 0.3))
		ask_reasoning(r, m, a);
	if (rng_chance(r, 0.5))
		ask_text(r, m, a);
	for (unsigned i = 0; i < n; i++)
		ask_call(r, m, a, (*calls)++);
	m = chat_message_add(q, a, ROLE_TOOL);
	for (unsigned i = 0; i < n; i++) {
		p = chat_part_add(m, a, PART_TOOL_RESULT);
		p->u.result.call_id = (struct json_text){ arena_fmt(a, "call_%u", first + i) };
		p->u.result.is_error = rng_chance(r, 0.1);
		chat_part_append(&p->u.result.parts, a, PART_TEXT)->u.text = some_text(r, a);
	}
}

static void ask_tools(struct rng *r, struct chat_request *q, struct arena *a)
{
	static const enum choice_kind kinds[] = { CHOICE_UNSET, CHOICE_AUTO, CHOICE_NONE,
						  CHOICE_REQUIRED, CHOICE_NAMED };

	for (unsigned i = 0; i < 2; i++) {
		struct chat_tool *t = chat_tool_add(q, a, TOOL_FUNCTION);

		t->name = i == 0 ? JTEXT("look_up") : JTEXT("f-2");
		t->description = some_text(r, a);
		t->schema = LIT("{\"type\":\"object\",\"properties\":{\"q\":{\"type\":"
				"\"string\"}},\"required\":[\"q\"]}");
	}
	q->choice.kind = kinds[rng_below(r, ARRAY_LEN(kinds))];
	if (q->choice.kind == CHOICE_NAMED)
		chat_name_add(&q->choice.names, a, JTEXT("look_up"));
	if (rng_chance(r, 0.2))
		q->parallel_tools = NO;
}

static void ask_parameters(struct rng *r, struct chat_request *q, struct arena *a)
{
	if (rng_chance(r, 0.7))
		q->max_tokens = 1 + rng_below(r, 4000);
	if (rng_chance(r, 0.4))
		q->temperature = LIT("0.5");
	if (rng_chance(r, 0.3))
		q->top_p = LIT("0.25");
	if (rng_chance(r, 0.2))
		q->top_k = LIT("40");
	if (rng_chance(r, 0.2))
		q->frequency_penalty = LIT("0.5");
	if (rng_chance(r, 0.2))
		q->presence_penalty = LIT("0.25");
	if (rng_chance(r, 0.2))
		q->seed = LIT("7");
	if (rng_chance(r, 0.1))
		q->n = 2;
	if (rng_chance(r, 0.3))
		chat_name_add(&q->stop, a, JTEXT("END"));
	if (rng_chance(r, 0.1))
		chat_name_add(&q->stop, a, JTEXT("\\n\\n"));
	if (rng_chance(r, 0.1)) {
		q->logprobs = YES;
		q->top_logprobs = rng_below(r, 4);
	}
	if (rng_chance(r, 0.2))
		q->user = JTEXT("user-1");
	if (rng_chance(r, 0.1))
		q->metadata = LIT("{\"team\":\"blue\"}");
	if (rng_chance(r, 0.1))
		q->cache_key = JTEXT("key");
	if (rng_chance(r, 0.1))
		q->service_tier = JTEXT("flex");
	if (rng_chance(r, 0.1))
		q->verbosity = JTEXT("low");
	if (rng_chance(r, 0.1))
		q->store = rng_chance(r, 0.5) ? YES : NO;
	if (rng_chance(r, 0.3))
		q->thinking.effort = EFFORT_LOW + (enum effort)rng_below(r, 3);
}

static void ask(struct rng *r, struct chat_request *q, struct arena *a)
{
	const bool tools = rng_chance(r, 0.4);
	struct chat_message *m;
	unsigned calls = 0;

	if (rng_chance(r, 0.5))
		ask_text(r, chat_message_add(q, a, ROLE_SYSTEM), a);
	if (rng_chance(r, 0.1))
		ask_text(r, chat_message_add(q, a, ROLE_DEVELOPER), a);
	for (uint64_t turns = rng_below(r, 3); turns > 0; turns--) {
		ask_user(r, q, a);
		if (tools)
			ask_tools_round(r, q, a, &calls);
		m = chat_message_add(q, a, ROLE_ASSISTANT);
		ask_text(r, m, a);
	}
	ask_user(r, q, a);
	if (tools)
		ask_tools(r, q, a);
	else if (rng_chance(r, 0.2))
		q->format.kind = FORMAT_JSON;
	else if (rng_chance(r, 0.2)) {
		q->format.kind = FORMAT_SCHEMA;
		q->format.name = JTEXT("answer");
		q->format.schema = LIT("{\"type\":\"object\",\"properties\":{\"q\":{\"type\":"
				       "\"string\"}},\"required\":[\"q\"],"
				       "\"additionalProperties\":false}");
	}
	ask_parameters(r, q, a);
	q->stream = rng_chance(r, 0.5);
	chat_request_finish(q);
	CHECK(!arena_failed(a));
}

/* ---- what is named as lost ----------------------------------------------------- */

/* Small letters only, so that topP and top_p are the same. */
static void letters(char *to, size_t cap, const char *from)
{
	size_t n = 0;

	for (; *from != '\0' && n + 1 < cap; from++)
		if (*from != '_' && *from != ' ')
			to[n++] = (char)(*from >= 'A' && *from <= 'Z' ? *from + 32 : *from);
	to[n] = '\0';
}

static bool named(const struct chat_lost *l, const char *what)
{
	char want[64], have[64];

	letters(want, sizeof(want), what);
	for (size_t i = 0; i < size_min(l->n, LOST_MAX); i++) {
		letters(have, sizeof(have), l->v[i].name);
		if (slice_find(slice_cstr(have), slice_cstr(want)) != SLICE_NONE)
			return true;
	}
	return false;
}

/* Under which names a kind of fact may be told as lost, beside its own. */
static bool told(const struct chat_lost *l, const char *kind)
{
	static const char *const other[][2] = {
		{ "effort", "reasoning" },
		{ "effort", "thinking" },
		{ "top_logprobs", "logprobs" },
		{ "result", "is_error" },
		{ "format's schema", "format" },
		{ "format's schema", "schema" },
		{ "format", "response_format" },
		{ "max_tokens", "max_output_tokens" },
		{ "user", "safety_identifier" },
		{ "tool_choice", "tool_config" },
		{ "parallel_tool_calls", "parallel" },
	};

	if (l->n > LOST_MAX || named(l, kind))
		return true;
	for (size_t i = 0; i < ARRAY_LEN(other); i++)
		if (strcmp(other[i][0], kind) == 0 && named(l, other[i][1]))
			return true;
	return false;
}

/* ---- what was asked ------------------------------------------------------------ */

enum { FACTS = 96 };

/* One thing that was asked for: what kind, and which. */
struct fact {
	const char *kind;
	struct slice is;
};

struct facts {
	struct fact v[FACTS];
	size_t n;
	struct arena *a;
	const struct chat_lost *lost; /* media that it names are left out of both */
	bool coarse; /* thinking is off, or on as the model likes, which is what it does anyway
		      */
	bool mute;   /* signatures are none of its own */
	bool json;   /* JSON was asked for in words */
};

/* Texts of neighbours may be joined with line ends, and escaped in another way. */
static struct slice plain(struct json_text t, struct arena *a)
{
	struct slice s = json_text_plain(t, a);
	char *p = arena_bytes(a, s.n + 1);
	size_t n = 0;

	CHECK(p != NULL);
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] != '\n')
			p[n++] = s.p[i];
	return slice_of(p, n);
}

static struct fact *fact(struct facts *f, const char *kind, struct slice is)
{
	CHECK(f->n < FACTS);
	f->v[f->n] = (struct fact){ kind, is };
	return &f->v[f->n++];
}

/* Goes on with the text before it. */
static void fact_text(struct facts *f, const char *kind, struct json_text text)
{
	struct slice is = plain(text, f->a);
	struct fact *last = f->n > 0 ? &f->v[f->n - 1] : NULL;

	if (is.n == 0)
		return;
	if (last != NULL && strcmp(last->kind, kind) == 0)
		last->is = arena_fmt(f->a, "%.*s%.*s", SARG(last->is), SARG(is));
	else
		fact(f, kind, is);
}

static void fact_number(struct facts *f, const char *kind, uint64_t v)
{
	if (v != 0)
		fact(f, kind, arena_fmt(f->a, "%" PRIu64, v));
}

static void fact_slice(struct facts *f, const char *kind, struct slice s)
{
	if (s.n > 0)
		fact(f, kind, s);
}

static void fact_media(struct facts *f, const char *kind, const struct chat_media *m)
{
	if (told(f->lost, kind))
		return; /* and the texts around it are one */
	fact(f, kind,
	     arena_fmt(f->a, "%.*s %.*s %.*s", SARG(m->mime), SARG(m->data), SARG(m->url.s)));
}

static void fact_result(struct facts *f, const struct chat_result *res)
{
	fact(f, "result of", res->call_id.s);
	/* Where there is no other way, it is said so. */
	if (res->is_error)
		fact_text(f, "result", JTEXT("Error: "));
	for (const struct chat_part *p = res->parts; p != NULL; p = p->next)
		if (p->kind == PART_TEXT)
			fact_text(f, "result", p->u.text);
		else if (p->kind == PART_OTHER)
			fact_slice(f, "result", p->u.other.raw);
}

static void fact_part(struct facts *f, const char *role, const struct chat_part *p)
{
	switch (p->kind) {
	case PART_TEXT:
	case PART_REFUSAL:
		fact_text(f, role, p->u.text);
		break;
	case PART_IMAGE:
		fact_media(f, "image", &p->u.media);
		break;
	case PART_AUDIO:
		fact_media(f, "audio", &p->u.media);
		break;
	case PART_DOCUMENT:
		fact_media(f, "document", &p->u.media);
		break;
	case PART_VIDEO:
		fact_media(f, "video", &p->u.media);
		break;
	case PART_REASONING:
		fact_text(f, "reasoning", p->u.reasoning.text);
		if (!f->mute)
			fact_slice(f, "signature",
				   opaque_open(p->u.reasoning.signature.data).data.s);
		break;
	case PART_TOOL_CALL:
		fact(f, "call",
		     arena_fmt(f->a, "%.*s %.*s %.*s", SARG(p->u.call.id.s),
			       SARG(p->u.call.name.s), SARG(p->u.call.args)));
		break;
	case PART_TOOL_RESULT:
		fact_result(f, &p->u.result);
		break;
	case PART_OTHER:
		fact(f, "other", p->u.other.raw);
		break;
	}
}

/* Anthropic has no word for JSON without a schema: it is asked for in a system prompt. */
static bool asks_for_json(const struct chat_part *p)
{
	return p->kind == PART_TEXT &&
	       slice_find(p->u.text.s, LIT("one valid JSON object")) != SLICE_NONE;
}

static void fact_messages(struct facts *f, const struct chat_request *q)
{
	static const char *const names[] = { "system", "system", "user", "assistant", "tool" };

	for (const struct chat_message *m = q->messages; m != NULL; m = m->next)
		for (const struct chat_part *p = m->parts; p != NULL; p = p->next)
			if (m->role == ROLE_SYSTEM && asks_for_json(p))
				f->json = true;
			else
				fact_part(f, names[m->role], p);
}

static bool is_chosen(const struct chat_choice *c, struct json_text name)
{
	if (c->kind != CHOICE_NAMED && c->kind != CHOICE_ALLOWED)
		return true;
	for (const struct chat_name *n = c->names; n != NULL; n = n->next)
		if (slice_eq(n->name.s, name.s))
			return true;
	return false;
}

/* One tool by its name is the same as having to call one, with no other there; and auto is what
 * is done anyway. */
static void fact_tools(struct facts *f, const struct chat_request *q)
{
	const struct chat_choice *c = &q->choice;

	if (c->kind == CHOICE_NONE) /* as good as none being there, and some say it so */
		return;
	for (const struct chat_tool *t = q->tools; t != NULL; t = t->next) {
		if (!is_chosen(c, t->name))
			continue;
		fact(f, "tool", t->name.s);
		fact_text(f, "description", t->description);
		fact_slice(f, "schema", t->schema);
	}
	if (c->kind == CHOICE_NAMED || c->kind == CHOICE_REQUIRED ||
	    (c->kind == CHOICE_ALLOWED && c->allowed_required))
		fact(f, "tool_choice", LIT("required"));
	if (q->parallel_tools == NO && q->tools != NULL)
		fact(f, "parallel_tool_calls", LIT("no"));
}

static void fact_thinking(struct facts *f, const struct chat_thinking *t)
{
	enum effort effort = t->effort;

	if (effort == EFFORT_UNSET && t->budget > 0)
		effort = effort_of_budget(t->budget);
	if (effort == EFFORT_NONE)
		fact(f, "effort", LIT("none"));
	else if (!f->coarse && effort != EFFORT_UNSET)
		fact(f, "effort", slice_cstr(effort_name(effort)));
}

/* Bedrock has the user among the metadata. */
static void fact_metadata(struct facts *f, const struct chat_request *q)
{
	struct slice user = q->user.s;
	struct fields m;

	CHECK(fields_read(&m, q->metadata, f->a));
	if (user.n == 0)
		user = field_text(&m, "user_id").s;
	fact_slice(f, "user", user);
	for (size_t i = 0; i < m.n; i++)
		if (!slice_eq(m.m[i].key, LIT("user_id")))
			fact(f, "metadata",
			     arena_fmt(f->a, "%.*s %.*s", SARG(m.m[i].key),
				       SARG(m.m[i].value)));
}

static void fact_parameters(struct facts *f, const struct chat_request *q)
{
	static const char *const formats[] = { "", "", "json", "schema" };

	fact_number(f, "max_tokens", q->max_tokens);
	fact_slice(f, "temperature", q->temperature);
	fact_slice(f, "top_p", q->top_p);
	fact_slice(f, "top_k", q->top_k);
	fact_slice(f, "frequency_penalty", q->frequency_penalty);
	fact_slice(f, "presence_penalty", q->presence_penalty);
	fact_slice(f, "seed", q->seed);
	fact_number(f, "n", q->n > 1 ? q->n : 0);
	for (const struct chat_name *n = q->stop; n != NULL; n = n->next)
		fact(f, "stop", json_text_plain(n->name, f->a));
	if (q->logprobs == YES)
		fact(f, "logprobs", LIT("yes"));
	fact_number(f, "top_logprobs", q->top_logprobs);
	fact_metadata(f, q);
	fact_slice(f, "cache_key", q->cache_key.s);
	fact_slice(f, "service_tier", q->service_tier.s);
	fact_slice(f, "verbosity", q->verbosity.s);
	if (q->store == YES) /* not storing is what others do anyway */
		fact(f, "store", LIT("yes"));
	fact_thinking(f, &q->thinking);
	if (q->format.kind >= FORMAT_JSON || f->json)
		fact(f, "format", slice_cstr(formats[f->json ? FORMAT_JSON : q->format.kind]));
	fact_slice(f, "format's schema", q->format.schema);
	if (q->stream)
		fact(f, "stream", LIT("yes"));
}

static void facts_of(struct facts *f, const struct chat_request *q,
		     const struct chat_lost *lost, struct arena *a)
{
	f->n = 0;
	f->a = a;
	f->lost = lost;
	f->json = false;
	fact_messages(f, q);
	fact_tools(f, q);
	fact_parameters(f, q);
}

/* ---- pairs --------------------------------------------------------------------- */

struct pair {
	const struct dialect *a, *b; /* client, provider */
	uint64_t seed;
	struct slice body_a, body_b;
};

static void differ(const struct pair *p, const struct fact *want, const struct fact *got)
{
	fail_msg("%s to %s, WEIR_PAIRS=1 WEIR_SEED=%" PRIu64
		 ":\n  asked %s \"%.*s\"\n  is    %s "
		 "\"%.*s\"\n  from  %.*s\n  to    %.*s",
		 p->a->name, p->b->name, p->seed, want == NULL ? "nothing" : want->kind,
		 SARG(want == NULL ? LIT("") : want->is), got == NULL ? "nothing" : got->kind,
		 SARG(got == NULL ? LIT("") : got->is), SARG(p->body_a), SARG(p->body_b));
}

/* What is there only because the dialect needs it to be: Anthropic's must say how much they
 * want at most, and in Bedrock's a history with calls needs its tools, though none may be
 * called. */
static bool added(const struct fact *f, const struct facts *want, const struct chat_lost *l)
{
	if (strcmp(f->kind, "tool") == 0 || strcmp(f->kind, "description") == 0 ||
	    strcmp(f->kind, "schema") == 0)
		return named(l, "tool_choice");
	for (size_t i = 0; i < want->n; i++)
		if (strcmp(want->v[i].kind, "max_tokens") == 0)
			return false;
	return strcmp(f->kind, "max_tokens") == 0 && slice_eq(f->is, LIT("4096"));
}

/* What is there in both; and what is in one only is told. */
static void same_facts(const struct pair *p, const struct facts *want, const struct facts *got,
		       const struct chat_lost *l)
{
	size_t i = 0, k = 0;

	while (i < want->n || k < got->n) {
		const struct fact *w = i < want->n ? &want->v[i] : NULL;
		const struct fact *g = k < got->n ? &got->v[k] : NULL;

		if (w != NULL && g != NULL && strcmp(w->kind, g->kind) == 0 &&
		    slice_eq(w->is, g->is)) {
			i++;
			k++;
		} else if (g != NULL && added(g, want, l)) {
			k++;
		} else if (w != NULL && told(l, w->kind)) {
			/* Lost, or said in another way and told. */
			if (g != NULL && strcmp(w->kind, g->kind) == 0)
				k++;
			i++;
		} else {
			differ(p, w, g);
		}
	}
}

/* A model that can do whatever the dialect can. */
static struct slice model_of(const struct dialect *d)
{
	if (d == &dialect_anthropic)
		return LIT("claude-opus-4-8");
	if (d == &dialect_gemini)
		return LIT("gemini-3-pro");
	if (d == &dialect_bedrock)
		return LIT("anthropic.claude-opus-4-8");
	return LIT("m");
}

/* Writes and reads again.  False: it cannot be asked there at all. */
static bool over(const struct dialect *d, const struct chat_request *q, struct chat_request *r,
		 struct chat_lost *lost, struct slice *body, struct arena *a)
{
	const struct chat_target target = { .model = model_of(d), .provider = LIT("prov") };
	struct request_in in = { .model = target.model, .stream = q->stream ? YES : NO };
	struct chat_refusal why = { 0 };
	struct json_out o;
	enum rc rc;

	out_init(&o, a);
	rc = d->request_write(q, &target, &o, lost, &why);
	if (rc == E_BAD) {
		CHECK(why.code != NULL);
		return false;
	}
	CHECK_RC(rc, OK);
	*body = in.body = out_slice(&o);
	CHECK(out_ok(&o));
	rc = d->request_read(r, &in, a, &why);
	if (rc != OK)
		fail_msg("%s refuses its own: %s: %s\n  %.*s", d->name, why.param, why.text,
			 SARG(in.body));
	r->dialect = d;
	return true;
}

static void one_case(const struct dialect *a, const struct dialect *b, uint64_t seed)
{
	struct pair p = { .a = a, .b = b, .seed = seed };
	struct chat_request asked = { .dialect = a }, from_a, from_b;
	struct chat_lost at_a = { 0 }, at_b = { 0 };
	static struct facts want, got;
	struct test_mem mem;
	struct arena arena;
	struct rng r;

	test_mem_init(&mem, 0);
	rng_seed(&r, seed);
	arena_init(&arena, &mem.mem, 16384, 8 << 20);
	ask(&r, &asked, &arena);
	/* Cohere knows on and off, and a budget. */
	if (a == &dialect_responses || b == &dialect_responses)
		asked.store = UNSET; /* answers are not stored here, and it says so */
	if (a == &dialect_responses) /* its own come with members as they stood */
		asked.dialect = &dialect_openai;
	want.mute = got.mute = a == &dialect_responses || b == &dialect_responses;
	want.coarse = got.coarse = a == &dialect_cohere || b == &dialect_cohere;
	if (over(a, &asked, &from_a, &at_a, &p.body_a, &arena)) {
		/* Also what the client's own dialect cannot ask is told. */
		facts_of(&want, &asked, &at_a, &arena);
		facts_of(&got, &from_a, &at_a, &arena);
		p.body_b = p.body_a;
		same_facts(&p, &want, &got, &at_a);
		if (over(b, &from_a, &from_b, &at_b, &p.body_b, &arena)) {
			facts_of(&want, &from_a, &at_b, &arena);
			facts_of(&got, &from_b, &at_b, &arena);
			same_facts(&p, &want, &got, &at_b);
		}
	}
	arena_free(&arena);
	CHECK_INT(mem.live, 0);
}

/* A test's state: which dialects. */
struct which {
	const struct dialect *client, *provider;
};

static void the_provider_is_asked_what_the_client_asked(void **state)
{
	const struct which *w = *state;
	const uint64_t seed = random_seed(), n = random_cases();

	if (w->client->request_read == NULL || w->provider->request_read == NULL)
		skip(); /* not written yet */
	for (uint64_t i = 0; i < n; i++)
		one_case(w->client, w->provider, seed + i);
}

int main(void)
{
	static struct which which[DIALECTS * DIALECTS];
	static char names[ARRAY_LEN(which)][64];
	struct CMUnitTest tests[ARRAY_LEN(which)];
	size_t n = 0;

	for (enum provider_dialect a = 0; a < DIALECTS; a++) {
		for (enum provider_dialect b = 0; b < DIALECTS; b++) {
			if (a == DIALECT_OLLAMA || b == DIALECT_OLLAMA) /* reads no requests */
				continue;
			which[n] = (struct which){ dialect_of(a), dialect_of(b) };
			snprintf(names[n], sizeof(names[n]), "%s_is_asked_what_%s_asked",
				 dialect_of(b)->name, dialect_of(a)->name);
			tests[n] = (struct CMUnitTest)cmocka_unit_test_prestate(
				the_provider_is_asked_what_the_client_asked, &which[n]);
			tests[n].name = names[n];
			n++;
		}
	}
	return _cmocka_run_group_tests("chat_pairs_requests", tests, n, NULL, NULL);
}
