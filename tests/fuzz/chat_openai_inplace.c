#include "fuzz.h"

#include "base/hash.h"
#include "chat/dialect.h"
#include "chat/openai.h"

/* An edited request is valid JSON, says what the target wants, and asks for its usage. */
static void edited(const struct openai_request *r, const struct openai_target *t,
		   struct arena *a)
{
	struct openai_refusal why;
	struct openai_request again;
	struct slice *pieces;
	size_t n, bytes, at = 0;
	char *text;

	if (openai_request_pieces(r, t, a, &pieces, &n, &bytes) != OK)
		return; /* over JSON_EDITS_MAX */
	text = arena_bytes(a, bytes);
	INVARIANT(text != NULL);
	for (size_t i = 0; i < n; i++) {
		INVARIANT(pieces[i].n <= bytes - at);
		if (pieces[i].n > 0)
			memcpy(text + at, pieces[i].p, pieces[i].n);
		at += pieces[i].n;
	}
	INVARIANT(at == bytes);
	INVARIANT(openai_request_read(&again, r->endpoint, slice_of(text, bytes), a, &why) ==
		  OK);
	INVARIANT(slice_eq(again.model, LIT("up")));
	INVARIANT(again.stream == r->stream);
	if (r->stream && t->drop_param_n == 0)
		INVARIANT(again.wants_usage);
}

static void request(struct slice body, enum openai_endpoint endpoint, struct arena *a)
{
	static const struct slice drop[] = { LITC("store"), LITC("stream_options"), LITC("a") };
	const struct openai_target plain = { .model_json = LITC("\"up\"") };
	const struct openai_target odd = { .model_json = LITC("\"up\""),
					   .drop_params = drop,
					   .drop_param_n = ARRAY_LEN(drop),
					   .quirks = QUIRK_MAX_TOKENS };
	struct openai_refusal why;
	struct openai_request r;
	enum rc rc = openai_request_read(&r, endpoint, body, a, &why);

	INVARIANT(rc == OK || rc == E_BAD);
	if (rc == E_BAD) {
		INVARIANT(why.code != NULL && why.text[0] != '\0');
		return;
	}
	INVARIANT(r.model.n > 0);
	edited(&r, &plain, a);
	edited(&r, &odd, a);
	/* Some of all quirks, other ones for each input; model_id would hide the model. */
	struct chat_lost lost = { 0 };
	const struct openai_target quirky = {
		.model_json = LITC("\"up\""),
		.quirks = (unsigned)hash_bytes(body, 7) &
			  ~(unsigned)(QUIRK_MODEL_ID | QUIRK_NO_STREAM_OPTIONS),
		.lost = &lost,
	};
	const struct openai_target all = {
		.model_json = LITC("\"up\""),
		.quirks = ~(unsigned)(QUIRK_MODEL_ID | QUIRK_NO_STREAM_OPTIONS),
		.lost = &lost,
	};

	edited(&r, &quirky, a);
	edited(&r, &all, a);
}

static void usage(const struct usage *u)
{
	INVARIANT(!u->estimated);
	if (!u->known)
		INVARIANT(u->input == 0 && u->output == 0 && u->reasoning == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct slice s = slice_of((const char *)data, size_min(size, 65536));
	struct openai_answer answer;
	struct openai_event e;
	struct fault f = { 0 };
	struct slice text;
	struct fuzz_mem mem;
	struct arena a;

	fuzz_mem_init(&mem, 0);
	arena_init(&a, &mem.mem, 4096, 16 << 20);
	request(s, OPENAI_CHAT, &a);
	request(s, OPENAI_EMBEDDINGS, &a);
	openai_event_read(&e, s);
	usage(&e.usage);
	INVARIANT(e.valid || !(e.content || e.done || e.error || e.finish || e.usage.known));
	openai_answer_read(&answer, OPENAI_CHAT, s);
	usage(&answer.usage);
	INVARIANT(!(answer.valid && answer.error));
	openai_error_read(&f, 500, s, &a);
	INVARIANT(f.kind != FAULT_NONE && f.status == 500);
	text = openai_error_write(&a, f.message, "t", NULL, "c");
	INVARIANT(text.n > 0);
	openai_event_read(&e, text);
	INVARIANT(e.valid && e.error);
	arena_free(&a);
	INVARIANT(mem.live == 0);
	return 0;
}
