#include "check.h"

#include "base/sb.h"
#include "wire/lines.h"

enum { ROOM = 512 };

/* "<text>" a line, "P" bytes passed, "(text)" what was left at the end. */
struct seen {
	char log[ROOM];
	struct sb out;
	char raw[ROOM];
	struct sb all;
	bool error;
};

static void seen_init(struct seen *s)
{
	sb_init(&s->out, s->log, sizeof(s->log) - 1);
	sb_init(&s->all, s->raw, sizeof(s->raw));
	s->error = false;
}

static void feed(struct lines *r, struct slice in, struct seen *s)
{
	struct line line;

	for (;;)
		switch (lines_next(r, &in, &line)) {
		case LINES_MORE:
			CHECK_INT(in.n, 0);
			return;
		case LINES_LINE:
			sb_str(&s->all, line.raw);
			sb_fmt(&s->out, "<%.*s>", SARG(line.text));
			break;
		case LINES_PASS:
			CHECK(line.raw.n > 0);
			sb_str(&s->all, line.raw);
			if (s->out.n == 0 || s->log[s->out.n - 1] != 'P')
				sb_char(&s->out, 'P');
			break;
		case LINES_ERROR:
			s->error = true;
			return;
		}
}

static void finish(struct lines *r, struct seen *s)
{
	struct line line;

	if (lines_eof(r, &line)) {
		sb_str(&s->all, line.raw);
		sb_fmt(&s->out, "(%.*s)", SARG(line.text));
	}
	CHECK(!lines_eof(r, &line));
}

static const struct {
	const char *in, *want;
} cases[] = {
	{ "", "" },
	{ "{\"a\":1}\n", "<{\"a\":1}>" },
	{ "a\r\nb\n\n\r\nc", "<a><b><><>(c)" },
	{ "a\rb\n\r", "<a\rb>(\r)" },
	{ "12345678\n1234567\n123456789\nx\n", "P<1234567>P<x>" },
	{ "1234567\r\n123456\r\n", "P<123456>" },
	{ "12345678", "(12345678)" },
	{ "123456789", "P()" },
};

static void any_cut_gives_the_same_lines(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct slice in = slice_cstr(cases[i].in);

		for (size_t cut = 0; cut <= in.n; cut++) {
			struct test_mem m;
			struct lines r;
			struct seen s;

			test_mem_init(&m, 0);
			lines_init(&r, &m.mem, 8);
			seen_init(&s);
			feed(&r, slice_head(in, cut), &s);
			feed(&r, slice_skip(in, cut), &s);
			finish(&r, &s);
			CHECK_SLICE(sb_slice(&s.out), cases[i].want);
			CHECK(slice_eq(sb_slice(&s.all), in));
			lines_free(&r);
			CHECK_INT(m.live, 0);
		}
	}
}

static void a_byte_at_a_time_gives_the_same_lines(void **state UNUSED)
{
	for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
		const struct slice in = slice_cstr(cases[i].in);
		struct test_mem m;
		struct lines r;
		struct seen s;

		test_mem_init(&m, 0);
		lines_init(&r, &m.mem, 8);
		seen_init(&s);
		for (size_t at = 0; at < in.n; at++)
			feed(&r, slice_of(in.p + at, 1), &s);
		finish(&r, &s);
		CHECK_SLICE(sb_slice(&s.out), cases[i].want);
		CHECK(slice_eq(sb_slice(&s.all), in));
		lines_free(&r);
		CHECK_INT(m.live, 0);
	}
}

static void whole_lines_are_borrowed(void **state UNUSED)
{
	struct slice in = LIT("one\ntwo\n");
	const char *p = in.p;
	struct test_mem m;
	struct lines r;
	struct line line;

	test_mem_init(&m, 1);
	lines_init(&r, &m.mem, 100);
	CHECK_INT(lines_next(&r, &in, &line), LINES_LINE);
	CHECK(line.raw.p == p && line.text.n == 3);
	CHECK_INT(lines_next(&r, &in, &line), LINES_LINE);
	CHECK(line.raw.p == p + 4);
	CHECK_INT(lines_next(&r, &in, &line), LINES_MORE);
	lines_free(&r);
}

static void run_out(struct test_mem *m)
{
	struct lines r;
	struct seen s;

	lines_init(&r, &m->mem, 64);
	seen_init(&s);
	feed(&r, LIT("{\"a\""), &s);
	feed(&r, LIT(":1}\n{"), &s);
	CHECK_INT(s.error, m->failed);
	if (!s.error) {
		finish(&r, &s);
		CHECK_SLICE(sb_slice(&s.out), "<{\"a\":1}>({)");
	}
	lines_free(&r);
}

static void no_memory_is_an_error(void **state UNUSED)
{
	sweep(run_out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_cut_gives_the_same_lines),
		cmocka_unit_test(a_byte_at_a_time_gives_the_same_lines),
		cmocka_unit_test(whole_lines_are_borrowed),
		cmocka_unit_test(no_memory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
