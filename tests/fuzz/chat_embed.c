#include "fuzz.h"

#include "chat/embed.h"

/* The first byte says what the rest is, modulo 8: 0 to 2 a request of one of the clients'
 * dialects, 3 to 7 an answer of one of all, to a request for two vectors. */
static const struct embed_dialect *const all[] = { &embed_openai, &embed_cohere, &embed_gemini,
						   &embed_bedrock, &embed_ollama };

static void is_json(struct slice text)
{
	enum json_kind kind;
	size_t n;

	/* What was nested as deeply as we read is nested deeper inside what we write. */
	INVARIANT(json_scan(text, &kind, NULL, 0, &n, NULL) != E_BAD);
}

static void request(const struct embed_dialect *d, struct slice body, struct arena *a)
{
	static const struct chat_target targets[] = {
		{ .model = LITC("up") },
		{ .model = LITC("titan-embed-text-v2:0"), .vertex = true },
		{ .model = LITC("cohere.embed-v4"), .quirks = QUIRK_INPUT_TYPE },
	};
	const struct request_in in = { .body = body, .op = OP_EMBEDDINGS };
	struct chat_refusal why = { 0 };
	struct embed_request r;
	enum rc rc = d->request_read(&r, &in, a, &why);

	INVARIANT(rc == OK || rc == E_NOMEM || (why.code != NULL && why.text[0] != '\0'));
	for (size_t i = 0; rc == OK && i < ARRAY_LEN(all) * ARRAY_LEN(targets); i++) {
		const struct chat_target *t = &targets[i % ARRAY_LEN(targets)];
		const struct embed_dialect *to = all[i / ARRAY_LEN(targets)];
		struct chat_lost lost = { 0 };
		struct json_out o;
		enum rc wrote;

		out_init(&o, a);
		wrote = to->request_write(&r, t, &o, &lost, &why);
		INVARIANT(wrote == OK || wrote == E_NOMEM || why.code != NULL);
		INVARIANT(to->path(t, a).n > 0 || arena_failed(a));
		if (wrote == OK)
			is_json(out_slice(&o));
	}
}

static void answer(const struct embed_dialect *d, struct slice body, struct arena *a)
{
	const struct chat_reply to = { .id = LIT("req-1"), .model = LIT("m") };
	struct embed_input inputs[2] = { { .text = JTEXT("a") }, { .text = JTEXT("b") } };
	struct embed_request r = { .inputs = inputs, .n = 2 };
	struct embed_answer ans;
	struct json_out o;
	enum rc rc = d->answer_read(body, &r, &ans, a);

	INVARIANT(rc == OK || rc == E_BAD || rc == E_NOMEM);
	if (rc != OK)
		return;
	INVARIANT(ans.n == 2 && ans.usage.input <= 4 * USAGE_TOKENS_MAX);
	for (size_t i = 0; i < 2 * ARRAY_LEN(all); i++) {
		const struct embed_dialect *x = all[i / 2];

		if (x->answer_write == NULL)
			continue;
		r.base64 = i % 2 == 1;
		r.floats = !r.base64;
		out_init(&o, a);
		x->answer_write(&to, &r, &ans, &o);
		if (out_ok(&o))
			is_json(out_slice(&o));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice s = slice_of((const char *)data, size_min(size, 65536));
	unsigned what = s.n > 0 ? (unsigned char)s.p[0] % 8 : 0;
	struct fuzz_mem mem;
	struct arena a;

	fuzz_mem_init(&mem, 0);
	arena_init(&a, &mem.mem, 4096, 64 << 20);
	if (what < 3)
		request(all[what], slice_skip(s, 1), &a);
	else
		answer(all[what - 3], slice_skip(s, 1), &a);
	arena_free(&a);
	INVARIANT(mem.live == 0);
	return 0;
}
