/* tests/unit/chat_anthropic.h -- what the tests of the Messages dialect share. */
#ifndef WEIR_TESTS_CHAT_ANTHROPIC_H
#define WEIR_TESTS_CHAT_ANTHROPIC_H

#include "check.h"

#include "base/sb.h"
#include "chat/dialect.h"

/* An arena over counted memory. */
struct bench {
	struct test_mem mem;
	struct arena a;
	struct chat_refusal why;
	struct chat_lost lost;
};

static inline void bench_open(struct bench *b)
{
	*b = (struct bench){ 0 };
	test_mem_init(&b->mem, 0);
	arena_init(&b->a, &b->mem.mem, 4096, 1 << 26);
}

static inline void bench_close(struct bench *b)
{
	arena_free(&b->a);
	CHECK_INT(b->mem.live, 0);
}

static inline enum rc bench_read(struct bench *b, const char *body, struct chat_request *r)
{
	const struct request_in in = { .body = slice_cstr(body) };

	return dialect_anthropic.request_read(r, &in, &b->a, &b->why);
}

/* The request written for a model of the provider "anthropic". */
static inline struct slice bench_write(struct bench *b, const struct chat_request *r,
				       const char *model)
{
	const struct chat_target t = { .model = slice_cstr(model),
				       .provider = LIT("anthropic") };
	struct json_out o;

	b->lost = (struct chat_lost){ 0 };
	out_init(&o, &b->a);
	CHECK_RC(dialect_anthropic.request_write(r, &t, &o, &b->lost, &b->why), OK);
	return out_slice(&o);
}

/* "seed,logprobs" */
static inline struct slice bench_lost(struct bench *b)
{
	struct slice s = { NULL, 0 };

	for (size_t i = 0; i < b->lost.n; i++)
		s = arena_fmt(&b->a, "%.*s%s%s", SARG(s), i > 0 ? "," : "", b->lost.v[i].name);
	return s;
}

#endif
