#include "check.h"

#include "chat/ratelimit.h"

#define SECOND UINT64_C(1000000)
#define YEAR   (366 * 86400 * SECOND)

/* 2026-11-20T12:00:00Z */
static const uint64_t now = UINT64_C(1795176000) * 1000000;

static uint64_t wait(const char *text)
{
	uint64_t us = 7;

	CHECK(wait_read(slice_cstr(text), now, &us));
	return us;
}

static void waits_are_read_in_every_form(void **state UNUSED)
{
	static const struct {
		const char *text;
		uint64_t us;
	} rows[] = {
		{ "6m0s", 360 * SECOND },
		{ "120ms", 120000 },
		{ "1s", SECOND },
		{ "7.66s", 7660000 },
		{ "1h2m3.5s", 3723500000 },
		{ "2d", 2 * 86400 * SECOND },
		{ "59.992ms", 59992 },
		{ "0s", 0 },
		{ "12", 12 * SECOND },
		{ " 0.25 ", 250000 },
		{ "34.000000001", 34 * SECOND },
		{ "1795176030", 30 * SECOND },
		{ "1795176030.5", 30500000 },
		{ "1795176030250", 30250000 },
		{ "1795175000", 0 }, /* past */
		{ "2026-11-20T12:00:30Z", 30 * SECOND },
		{ "2026-11-20T12:00:30.5Z", 30500000 },
		{ "2026-11-20T13:00:30+01:00", 30 * SECOND },
		{ "2026-11-20T07:00:30-05:00", 30 * SECOND },
		{ "2026-11-20T11:00:30Z", 0 },
		{ "Fri, 20 Nov 2026 12:01:00 GMT", 60 * SECOND },
		{ "9999-12-31T23:59:59Z", YEAR },
		{ "99999999999999999999999999", YEAR },
		{ "999999999d", YEAR },
	};
	static const char *const bad[] = { "",
					   "soon",
					   "-3",
					   "1x",
					   "1m2",
					   "m",
					   "1s!",
					   "1 2",
					   "2026-11-20",
					   "2026-11-20T25:00:00Z",
					   "2026-11-20T12:00:00",
					   "2026-11-20T12:00:00+1",
					   "2026-02-30T12:00:00Z",
					   "2026-11-20T12:00:00.Z1" };
	uint64_t us = 7;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++)
		CHECK_INT(wait(rows[i].text), rows[i].us);
	for (size_t i = 0; i < ARRAY_LEN(bad); i++)
		CHECK(!wait_read(slice_cstr(bad[i]), now, &us));
	CHECK_INT(us, 7);
}

static void waits_are_found_in_words(void **state UNUSED)
{
	uint64_t us = 7;

	CHECK(wait_in_text(LIT("Rate limit reached. Please try again in 1.2s. Visit x."), &us));
	CHECK_INT(us, 1200000);
	CHECK(wait_in_text(LIT("Please retry after 20 seconds."), &us));
	CHECK_INT(us, 20 * SECOND);
	CHECK(wait_in_text(LIT("try again in a while; or try again in 6m0s"), &us));
	CHECK_INT(us, 360 * SECOND);
	CHECK(!wait_in_text(LIT("try again in "), &us));
	CHECK(!wait_in_text(LIT("retry after lunch"), &us));
	CHECK(!wait_in_text(LIT(""), &us));
	CHECK_INT(us, 360 * SECOND);
}

struct line {
	const char *name, *value;
};

static struct rate_limits read(const struct line *v, size_t n)
{
	struct rate_limits l = { 0 };

	for (size_t i = 0; i < n; i++)
		rate_limits_read(&l, slice_cstr(v[i].name), slice_cstr(v[i].value), now);
	return l;
}
#define READ(v) read(v, ARRAY_LEN(v))

static void check(struct rate_limit l, uint64_t limit, uint64_t remaining, uint64_t reset_us)
{
	CHECK(l.has_limit && l.has_remaining && l.has_reset);
	CHECK_INT(l.limit, limit);
	CHECK_INT(l.remaining, remaining);
	CHECK_INT(l.reset_us, reset_us);
}

static bool nothing(struct rate_limit l)
{
	return !l.has_limit && !l.has_remaining && !l.has_reset;
}

static void openai_and_groq(void **state UNUSED)
{
	static const struct line v[] = {
		{ "x-ratelimit-limit-requests", "14400" },
		{ "x-ratelimit-limit-tokens", "18000" },
		{ "x-ratelimit-remaining-requests", "14370" },
		{ "x-ratelimit-remaining-tokens", "17997" },
		{ "X-RateLimit-Reset-Requests", "2m59.56s" },
		{ "x-ratelimit-reset-tokens", "7.66s" },
		{ "x-request-id", "x" },
		{ "content-type", "application/json" },
	};
	struct rate_limits l = READ(v);

	CHECK(l.known);
	check(l.requests, 14400, 14370, 179560000);
	check(l.tokens, 18000, 17997, 7660000);
	CHECK(nothing(l.input_tokens) && nothing(l.output_tokens));
}

static void anthropic(void **state UNUSED)
{
	static const struct line v[] = {
		{ "anthropic-ratelimit-requests-limit", "50" },
		{ "anthropic-ratelimit-requests-remaining", "49" },
		{ "anthropic-ratelimit-requests-reset", "2026-11-20T12:00:01Z" },
		{ "anthropic-ratelimit-input-tokens-limit", "40000" },
		{ "anthropic-ratelimit-input-tokens-remaining", "39000" },
		{ "anthropic-ratelimit-input-tokens-reset", "2026-11-20T12:00:02Z" },
		{ "anthropic-ratelimit-output-tokens-limit", "8000" },
		{ "anthropic-ratelimit-output-tokens-remaining", "7000" },
		{ "anthropic-ratelimit-output-tokens-reset", "2026-11-20T12:00:03Z" },
		{ "anthropic-ratelimit-tokens-limit", "48000" },
		{ "anthropic-ratelimit-tokens-remaining", "46000" },
		{ "anthropic-ratelimit-tokens-reset", "2026-11-20T12:00:04Z" },
		/* Other things, which are not these. */
		{ "anthropic-priority-input-tokens-remaining", "1" },
		{ "anthropic-ratelimit-unified-remaining", "2" },
	};
	struct rate_limits l = READ(v);

	check(l.requests, 50, 49, SECOND);
	check(l.input_tokens, 40000, 39000, 2 * SECOND);
	check(l.output_tokens, 8000, 7000, 3 * SECOND);
	check(l.tokens, 48000, 46000, 4 * SECOND);
}

static void others_with_their_own_names(void **state UNUSED)
{
	static const struct line cerebras[] = {
		{ "x-ratelimit-limit-requests-day", "14400" },
		{ "x-ratelimit-limit-tokens-minute", "60000" },
		{ "x-ratelimit-remaining-requests-day", "14399" },
		{ "x-ratelimit-remaining-tokens-minute", "59000" },
		{ "x-ratelimit-reset-requests-day", "33011.382867" },
		{ "x-ratelimit-reset-tokens-minute", "11.382867" },
	};
	static const struct line openrouter[] = {
		{ "X-RateLimit-Limit", "20" },
		{ "X-RateLimit-Remaining", "0" },
		{ "X-RateLimit-Reset", "1795176060000" },
	};
	static const struct line fireworks[] = {
		{ "x-ratelimit-limit-tokens-prompt", "60000" },
		{ "x-ratelimit-remaining-tokens-prompt", "59990" },
		{ "x-ratelimit-limit-tokens-generated", "6000" },
	};
	static const struct line draft[] = {
		{ "RateLimit-Limit", "100, 100;w=60" },
		{ "ratelimit-remaining", "99.0" },
		{ "ratelimit-reset", "50" },
		{ "ratelimit-policy", "100;w=60" },
	};
	struct rate_limits l = READ(cerebras);
	uint64_t us;

	check(l.requests, 14400, 14399, 33011382867);
	check(l.tokens, 60000, 59000, 11382867);
	l = READ(openrouter);
	check(l.requests, 20, 0, 60 * SECOND);
	CHECK(rate_limits_wait(&l, &us) && us == 60 * SECOND);
	l = READ(fireworks);
	CHECK(l.input_tokens.remaining == 59990 && l.output_tokens.limit == 6000);
	CHECK(!rate_limits_wait(&l, &us));
	l = READ(draft);
	check(l.requests, 100, 99, 50 * SECOND);
}

static void of_several_windows_the_tightest_is_kept(void **state UNUSED)
{
	static const struct line v[] = {
		{ "x-ratelimit-limit-requests-minute", "60" },
		{ "x-ratelimit-remaining-requests-minute", "59" },
		{ "x-ratelimit-reset-requests-minute", "1s" },
		{ "x-ratelimit-remaining-requests-hour", "900" },
		{ "x-ratelimit-reset-requests-hour", "1h" },
		{ "x-ratelimit-remaining-requests-day", "3" },
		{ "x-ratelimit-reset-requests-day", "2h" },
	};
	struct rate_limits l = READ(v);

	CHECK_INT(l.requests.remaining, 3);
	CHECK_INT(l.requests.reset_us, 7200 * SECOND);
	CHECK(!l.requests.has_limit);
}

static void what_cannot_be_read_is_as_if_not_said(void **state UNUSED)
{
	static const struct line v[] = {
		{ "x-ratelimit-limit-requests", "" },
		{ "x-ratelimit-remaining-requests", "-1" },
		{ "x-ratelimit-reset-requests", "soon" },
		{ "x-ratelimit-", "1" },
		{ "x-ratelimit", "1" },
		{ "x-ratelimit-tokens", "1" },
		{ "", "1" },
		{ "x-ratelimit-limit-tokens", "5x" },
	};
	struct rate_limits l = READ(v);
	uint64_t us;

	CHECK(!l.known && nothing(l.requests) && nothing(l.tokens));
	CHECK(!rate_limits_wait(&l, &us));
}

static void the_slowest_of_what_is_used_up_is_waited_for(void **state UNUSED)
{
	static const struct line v[] = {
		{ "x-ratelimit-remaining-requests", "5" },
		{ "x-ratelimit-reset-requests", "1h" },
		{ "x-ratelimit-remaining-tokens", "0" },
		{ "x-ratelimit-reset-tokens", "2s" },
		{ "anthropic-ratelimit-output-tokens-remaining", "0" },
		{ "anthropic-ratelimit-output-tokens-reset", "3" },
	};
	struct rate_limits l = READ(v);
	uint64_t us;

	CHECK(rate_limits_wait(&l, &us));
	CHECK_INT(us, 3 * SECOND);
	l.tokens.remaining = l.output_tokens.remaining = 1;
	CHECK(rate_limits_wait(&l, &us));
	CHECK_INT(us, 2 * SECOND);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(waits_are_read_in_every_form),
		cmocka_unit_test(waits_are_found_in_words),
		cmocka_unit_test(openai_and_groq),
		cmocka_unit_test(anthropic),
		cmocka_unit_test(others_with_their_own_names),
		cmocka_unit_test(of_several_windows_the_tightest_is_kept),
		cmocka_unit_test(what_cannot_be_read_is_as_if_not_said),
		cmocka_unit_test(the_slowest_of_what_is_used_up_is_waited_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
