#include "check.h"

#include "base/sb.h"
#include "wire/sse.h"

/* What was read, written out: "E<name|data>" an event, "-" a block without data, "P" bytes
 * passed, "?" an error.  Neighbouring "-" and "P" become one, as how many there are depends
 * on the cuts. */
struct seen {
	char log[4096];
	struct sb out;
	char raw[4096];
	struct sb all; /* every raw piece, in order */
	bool error;
};

static void seen_init(struct seen *s)
{
	sb_init(&s->out, s->log, sizeof(s->log) - 1);
	sb_init(&s->all, s->raw, sizeof(s->raw));
	s->error = false;
}

static void note_event(struct seen *s, const struct sse_event *ev)
{
	sb_str(&s->all, ev->raw);
	if (!ev->has_data && ev->name.n == 0)
		return;
	sb_fmt(&s->out, "E<%.*s|%.*s%s>", SARG(ev->name), SARG(ev->data),
	       ev->has_data ? "" : "(none)");
}

static void feed(struct sse *r, struct slice in, struct seen *s)
{
	struct sse_event ev;

	for (;;)
		switch (sse_next(r, &in, &ev)) {
		case SSE_MORE:
			CHECK_INT(in.n, 0);
			return;
		case SSE_EVENT:
			note_event(s, &ev);
			break;
		case SSE_PASS:
			CHECK(!ev.has_data && ev.raw.n > 0);
			sb_str(&s->all, ev.raw);
			if (s->out.n == 0 || s->log[s->out.n - 1] != 'P')
				sb_char(&s->out, 'P');
			break;
		case SSE_ERROR:
			s->error = true;
			return;
		}
}

static void finish(struct sse *r, struct seen *s)
{
	struct sse_event ev;

	if (sse_eof(r, &ev)) {
		sb_lit(&s->out, "EOF:");
		note_event(s, &ev);
	}
}

static const char *log_of(struct seen *s)
{
	return sb_cstr(&s->out);
}

/* Reads `in` whole, then cut in two at every place, then byte by byte, then in threes: always
 * the same events, and always all the bytes. */
static void every_cut(struct slice in, size_t max, const char *want)
{
	for (size_t cut = 0; cut <= in.n + 1; cut++) {
		struct test_mem t;
		struct seen s;
		struct sse r;

		test_mem_init(&t, 0);
		seen_init(&s);
		sse_init(&r, &t.mem, max);
		if (cut <= in.n) {
			feed(&r, slice_head(in, cut), &s);
			feed(&r, slice_skip(in, cut), &s);
		} else {
			for (size_t i = 0; i < in.n; i++)
				feed(&r, slice_of(in.p + i, 1), &s);
		}
		finish(&r, &s);
		sse_free(&r);
		CHECK_STR(log_of(&s), want);
		CHECK(slice_eq(sb_slice(&s.all), in));
		CHECK_INT(t.live, 0);
	}
}

static void any_cut_gives_the_same_events(void **state UNUSED)
{
	every_cut(LIT("data: a\n\ndata: b\n\n"), 1000, "E<|a>E<|b>");
	every_cut(LIT("data: a\r\n\r\ndata: b\r\n\r\n"), 1000, "E<|a>E<|b>");
	every_cut(LIT("data: a\r\rdata: b\r\r"), 1000, "E<|a>E<|b>");
	every_cut(LIT("data: a\n\r\ndata: b\r\n\n\ndata: c\r\n\r"), 1000, "E<|a>E<|b>E<|c>");
	every_cut(LIT("event: x\ndata: 1\nid: 7\nretry: 3\ndata:2\n\n"), 1000, "E<x|1\n2>");
}

static void the_small_print_of_the_standard_holds(void **state UNUSED)
{
	every_cut(LIT("data:x\ndata:  y\ndata\ndata:\n\n"), 1000, "E<|x\n y\n\n>");
	every_cut(LIT("data\n\n"), 1000, "E<|>");
	every_cut(LIT("data:\ndata:\n\n"), 1000, "E<|\n>");
	every_cut(LIT(": keep-alive\n\ndata: a\n\n"), 1000, "E<|a>");
	every_cut(LIT(":\r\n\r\n: OPENROUTER PROCESSING\r\n\r\n"), 1000, "");
	every_cut(LIT("\xef\xbb\xbf"
		      "data: a\n\n\xef\xbb\xbf"
		      "data: b\n\n"),
		  1000, "E<|a>");
	every_cut(LIT("\n\n\r\n\rdata: a\n\n\n"), 1000, "E<|a>");
	every_cut(LIT("dataset: a\ndat: b\nevent: e\n\n"), 1000, "E<e|(none)>");
	every_cut(LIT("data : a\n data: b\nDATA: c\n\n"), 1000, "");
	every_cut(LIT("event: a\nevent: b\ndata: 1:2\n\n"), 1000, "E<b|1:2>");
}

static void what_is_left_at_the_end_is_given(void **state UNUSED)
{
	every_cut(LIT("data: a\n\ndata: [DONE]"), 1000, "E<|a>EOF:E<|[DONE]>");
	every_cut(LIT("data: a\n\ndata: [DONE]\n"), 1000, "E<|a>EOF:E<|[DONE]>");
	every_cut(LIT("data: a\r\n\r\ndata: b\r\ndata: c\r\n"), 1000, "E<|a>EOF:E<|b\nc>");
	every_cut(LIT("data: a\n\n: bye"), 1000, "E<|a>EOF:");
	every_cut(LIT(""), 1000, "");
}

static void an_event_over_the_cap_is_passed_and_the_next_is_seen(void **state UNUSED)
{
	/* 8 + 2 bytes are an event of 10 */
	every_cut(LIT("data: ab\n\ndata: c\n\n"), 10, "E<|ab>E<|c>");
	every_cut(LIT("data: abc\n\ndata: c\n\n"), 10, "PE<|c>");
	every_cut(LIT("data: ab\r\rdata: c\n\n"), 10, "E<|ab>E<|c>");
	every_cut(LIT("data: a\r\n\r\ndata: c\n\n"), 10, "E<|a>E<|c>");
	every_cut(LIT("data: ab\r\n\r\ndata: c\n\n"), 10, "PE<|c>");
	every_cut(LIT("data: abcdefghij\ndata: klmnopq\n\n: x\n\ndata: c\n\n"), 10, "PE<|c>");
	every_cut(LIT("data: abcdefghij\r\rdata: c\r\r"), 10, "PE<|c>");
	every_cut(LIT("data: abcdefghij\r\n\r\n\r\ndata: c\r\n\r\n"), 10, "PE<|c>");
	every_cut(LIT("data: c\n\ndata: abcdefghij"), 10, "E<|c>PEOF:");
	every_cut(LIT("data: abcdefghij\n"), 10, "PEOF:");
}

static void a_whole_event_is_not_copied(void **state UNUSED)
{
	struct slice in = LIT("data: {\"a\":1}\n\nevent: e\ndata: x\r\n\r\n"), all = in;
	struct sse_event ev;
	struct test_mem t;
	struct sse r;

	test_mem_init(&t, 0);
	sse_init(&r, &t.mem, 1000);
	CHECK_INT(sse_next(&r, &in, &ev), SSE_EVENT);
	CHECK(ev.raw.p == all.p && ev.data.p == all.p + 6);
	CHECK_SLICE(ev.data, "{\"a\":1}");
	CHECK_INT(sse_next(&r, &in, &ev), SSE_EVENT);
	CHECK_SLICE(ev.raw, "event: e\ndata: x\r\n\r\n");
	CHECK_SLICE(ev.name, "e");
	CHECK(ev.data.p > all.p && ev.data.p < all.p + all.n);
	CHECK_INT(sse_next(&r, &in, &ev), SSE_MORE);
	CHECK_INT(t.calls, 0);
	sse_free(&r);
}

static void an_idle_stream_holds_no_memory(void **state UNUSED)
{
	struct slice a = LIT("data: x\nda"), b = LIT("ta: y\n\n");
	struct sse_event ev;
	struct test_mem t;
	struct sse r;

	test_mem_init(&t, 0);
	sse_init(&r, &t.mem, 1000);
	CHECK_INT(sse_next(&r, &a, &ev), SSE_MORE);
	CHECK(t.live > 0);
	CHECK_INT(sse_next(&r, &b, &ev), SSE_EVENT);
	CHECK_SLICE(ev.data, "x\ny");
	CHECK_SLICE(ev.raw, "data: x\ndata: y\n\n");
	CHECK_INT(sse_next(&r, &b, &ev), SSE_MORE);
	CHECK_INT(t.live, 0);
	sse_free(&r);
}

/* Some clients look for CR LF CR LF: its last byte must not wait for the next event. */
static void the_late_lf_of_a_crlf_goes_out_at_once(void **state UNUSED)
{
	struct slice a = LIT("data: x\r\n\r"), b = LIT("\n");
	struct sse_event ev;
	struct test_mem t;
	struct sse r;

	test_mem_init(&t, 0);
	sse_init(&r, &t.mem, 1000);
	CHECK_INT(sse_next(&r, &a, &ev), SSE_EVENT);
	CHECK_SLICE(ev.data, "x");
	CHECK_INT(sse_next(&r, &b, &ev), SSE_EVENT);
	CHECK_SLICE(ev.raw, "\n");
	CHECK(!ev.has_data);
	CHECK_INT(t.live, 0);
	sse_free(&r);
}

static void swept(struct test_mem *t)
{
	struct slice in = LIT("data: a\ndata: b\n\nevent: x\ndata: c\ndata: d\n\ndata: e");
	struct seen s;
	struct sse r;

	seen_init(&s);
	sse_init(&r, &t->mem, 1000);
	for (size_t i = 0; i < in.n && !s.error; i += 5)
		feed(&r, slice_head(slice_skip(in, i), 5), &s);
	if (!s.error)
		finish(&r, &s);
	if (!t->failed)
		CHECK_STR(log_of(&s), "E<|a\nb>E<x|c\nd>EOF:E<|e>");
	else
		CHECK(s.error);
	if (s.error) {
		struct sse_event ev;
		struct slice more = LIT("data: z\n\n");

		CHECK_INT(sse_next(&r, &more, &ev), SSE_ERROR);
		CHECK(!sse_eof(&r, &ev));
	}
	sse_free(&r);
}

static void no_memory_is_an_error_and_no_leak(void **state UNUSED)
{
	sweep(swept);
}

static void long_lines_and_long_runs_are_found_too(void **state UNUSED)
{
	static char big[70000];
	struct test_mem t;
	struct slice in;
	struct sse_event ev;
	struct sse r;

	memset(big, 'x', sizeof(big));
	memcpy(big, "data: ", 6);
	memcpy(big + 5000, "\r\rdata: ", 8);
	memcpy(big + sizeof(big) - 2, "\n\n", 2);
	test_mem_init(&t, 0);
	sse_init(&r, &t.mem, sizeof(big));
	in = slice_of(big, sizeof(big));
	CHECK_INT(sse_next(&r, &in, &ev), SSE_EVENT);
	CHECK_INT(ev.raw.n, 5002);
	CHECK_INT(ev.data.n, 5000 - 6);
	CHECK_INT(sse_next(&r, &in, &ev), SSE_EVENT);
	CHECK_INT(ev.raw.n, sizeof(big) - 5002);
	CHECK_INT(sse_next(&r, &in, &ev), SSE_MORE);
	sse_free(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_cut_gives_the_same_events),
		cmocka_unit_test(the_small_print_of_the_standard_holds),
		cmocka_unit_test(what_is_left_at_the_end_is_given),
		cmocka_unit_test(an_event_over_the_cap_is_passed_and_the_next_is_seen),
		cmocka_unit_test(a_whole_event_is_not_copied),
		cmocka_unit_test(an_idle_stream_holds_no_memory),
		cmocka_unit_test(the_late_lf_of_a_crlf_goes_out_at_once),
		cmocka_unit_test(no_memory_is_an_error_and_no_leak),
		cmocka_unit_test(long_lines_and_long_runs_are_found_too),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
