#include "chat/ratelimit.h"

#include "base/date.h"

#define SECOND_US   UINT64_C(1000000)
#define WAIT_MAX_US (366 * 86400 * SECOND_US)

/* A number of seconds from here on is a point in time, and from there on in milliseconds. */
#define EPOCH_S  UINT64_C(1000000000)
#define EPOCH_MS UINT64_C(1000000000000)

/* ---- numbers and durations ------------------------------------------------------------------
 */

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits with or without a fraction, times `unit_us`; *s is left behind them. */
static bool take_number(struct slice *s, uint64_t unit_us, uint64_t *us)
{
	const uint64_t most = UINT64_MAX / 4;
	uint64_t v = 0, part = 0, scale = unit_us;
	size_t i = 0;

	for (; i < s->n && is_digit(s->p[i]); i++)
		v = v > most / 10 ? most : v * 10 + (uint64_t)(s->p[i] - '0');
	if (i == 0)
		return false;
	if (i < s->n && s->p[i] == '.')
		for (i++; i < s->n && is_digit(s->p[i]); i++) {
			scale /= 10;
			part += (uint64_t)(s->p[i] - '0') * scale;
		}
	*s = slice_skip(*s, i);
	*us = v > most / unit_us ? most : v * unit_us + part;
	return true;
}

static size_t number_length(struct slice s)
{
	size_t i = 0;

	while (i < s.n && (is_digit(s.p[i]) || s.p[i] == '.'))
		i++;
	return i;
}

/* The unit at the start of `s`, in microseconds; 0: none. */
static uint64_t take_unit(struct slice *s)
{
	static const struct {
		struct slice name;
		uint64_t us;
	} units[] = {
		{ LITC("milliseconds"), 1000 },
		{ LITC("ms"), 1000 },
		{ LITC("us"), 1 },
		{ LITC("\xc2\xb5s"), 1 },
		{ LITC("seconds"), SECOND_US },
		{ LITC("second"), SECOND_US },
		{ LITC("secs"), SECOND_US },
		{ LITC("sec"), SECOND_US },
		{ LITC("s"), SECOND_US },
		{ LITC("minutes"), 60 * SECOND_US },
		{ LITC("minute"), 60 * SECOND_US },
		{ LITC("m"), 60 * SECOND_US },
		{ LITC("hours"), 3600 * SECOND_US },
		{ LITC("hour"), 3600 * SECOND_US },
		{ LITC("h"), 3600 * SECOND_US },
		{ LITC("days"), 86400 * SECOND_US },
		{ LITC("day"), 86400 * SECOND_US },
		{ LITC("d"), 86400 * SECOND_US },
	};

	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (slice_starts(*s, units[i].name)) {
			*s = slice_skip(*s, units[i].name.n);
			return units[i].us;
		}
	return 0;
}

/* "6m0s", "1h2m3.5s", "20 seconds"; *s is left behind it. */
static bool take_duration(struct slice *s, uint64_t *us)
{
	uint64_t sum = 0;
	bool any = false;

	while (s->n > 0 && is_digit(s->p[0])) {
		struct slice number = *s, unit = slice_skip(*s, number_length(*s));
		uint64_t each, part;

		if (unit.n > 0 && unit.p[0] == ' ')
			unit = slice_skip(unit, 1);
		each = take_unit(&unit);
		if (each == 0 || !take_number(&number, each, &part))
			break;
		sum = sum + part < WAIT_MAX_US ? sum + part : WAIT_MAX_US;
		any = true;
		*s = unit;
	}
	if (any)
		*us = sum;
	return any;
}

/* ---- points in time
 * -------------------------------------------------------------------------- */

static bool digits(struct slice s, size_t at, size_t n, unsigned *out)
{
	uint64_t v;

	if (at + n > s.n || !slice_u64(slice_of(s.p + at, n), &v))
		return false;
	*out = (unsigned)v;
	return true;
}

static bool clock_read(struct slice s, size_t at, int64_t *seconds)
{
	unsigned hour, minute, second;

	if (!digits(s, at, 2, &hour) || !digits(s, at + 3, 2, &minute) ||
	    !digits(s, at + 6, 2, &second) || hour > 23 || minute > 59 || second > 60)
		return false;
	*seconds = (int64_t)(hour * 3600 + minute * 60 + second);
	return true;
}

/* "+01:00", "Z" */
static bool zone_read(struct slice s, int64_t *seconds)
{
	unsigned hour, minute;

	*seconds = 0;
	if (s.n == 1 && (s.p[0] | 0x20) == 'z')
		return true;
	if (s.n != 6 || (s.p[0] != '+' && s.p[0] != '-') || !digits(s, 1, 2, &hour) ||
	    !digits(s, 4, 2, &minute))
		return false;
	*seconds = (int64_t)(hour * 3600 + minute * 60) * (s.p[0] == '-' ? -1 : 1);
	return true;
}

/* "2026-11-20T12:00:00.5+01:00" (RFC 3339) to microseconds since 1970. */
static bool rfc3339_read(struct slice s, int64_t *us)
{
	int64_t days, seconds, zone;
	uint64_t part = 0;
	struct slice rest;

	if (s.n < 20 || (s.p[10] != 'T' && s.p[10] != 't' && s.p[10] != ' ') ||
	    !date_read(slice_head(s, 10), &days) || !clock_read(s, 11, &seconds))
		return false;
	rest = slice_skip(s, 19);
	if (rest.p[0] == '.') {
		rest = slice_of(rest.p - 1, rest.n + 1); /* of "0.5" the second's last digit */
		if (!take_number(&rest, SECOND_US, &part))
			return false;
		part %= SECOND_US;
	}
	if (!zone_read(rest, &zone))
		return false;
	*us = (days * 86400 + seconds - zone) * (int64_t)SECOND_US + (int64_t)part;
	return true;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7). */
static bool http_date_read(struct slice s, int64_t *us)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	unsigned day, year;
	int64_t seconds;
	size_t at;

	if (s.n != 29 || !slice_ends(s, LIT(" GMT")))
		return false;
	at = slice_find(slice_of(months, sizeof(months) - 1), slice_of(s.p + 8, 3));
	if (at == SLICE_NONE || at % 3 != 0 || !digits(s, 5, 2, &day) ||
	    !digits(s, 12, 4, &year) || !clock_read(s, 17, &seconds) || day == 0 || day > 31)
		return false;
	*us = (date_days(year, (unsigned)(at / 3) + 1, day) * 86400 + seconds) *
	      (int64_t)SECOND_US;
	return true;
}

static void until(int64_t at_us, uint64_t wall_us, uint64_t *us)
{
	*us = at_us > 0 && (uint64_t)at_us > wall_us ? (uint64_t)at_us - wall_us : 0;
	if (*us > WAIT_MAX_US)
		*us = WAIT_MAX_US;
}

bool wait_read(struct slice s, uint64_t wall_us, uint64_t *us)
{
	struct slice rest = s = slice_trim(s);
	int64_t at_us;
	uint64_t v;

	if (take_duration(&rest, &v) && rest.n == 0) {
		*us = v;
		return true;
	}
	rest = s;
	if (take_number(&rest, SECOND_US, &v) && rest.n == 0) {
		if (v >= EPOCH_MS * SECOND_US)
			until((int64_t)(v / 1000), wall_us, us);
		else if (v >= EPOCH_S * SECOND_US)
			until((int64_t)v, wall_us, us);
		else
			*us = v < WAIT_MAX_US ? v : WAIT_MAX_US;
		return true;
	}
	if (!rfc3339_read(s, &at_us) && !http_date_read(s, &at_us))
		return false;
	until(at_us, wall_us, us);
	return true;
}

bool wait_read_number(struct slice s, uint64_t unit_us, uint64_t *us)
{
	struct slice rest = slice_trim(s);
	uint64_t v;

	if (!take_number(&rest, unit_us, &v) || rest.n > 0)
		return false;
	*us = v < WAIT_MAX_US ? v : WAIT_MAX_US;
	return true;
}

bool wait_in_text(struct slice message, uint64_t *us)
{
	static const struct slice leads[] = { LITC("try again in "), LITC("retry after "),
					      LITC("retry in "), LITC("wait ") };

	for (size_t i = 0; i < ARRAY_LEN(leads); i++)
		for (struct slice rest = message; rest.n > 0;) {
			size_t at = slice_find(rest, leads[i]);

			if (at == SLICE_NONE)
				break;
			rest = slice_skip(rest, at + leads[i].n);
			if (take_duration(&rest, us))
				return true;
		}
	return false;
}

/* ---- headers
 * ---------------------------------------------------------------------------------- */

enum what { WHAT_NONE, WHAT_LIMIT, WHAT_REMAINING, WHAT_RESET };
enum of_what { OF_REQUESTS, OF_TOKENS, OF_INPUT, OF_OUTPUT };
enum window { WINDOW_ANY, WINDOW_SECOND, WINDOW_MINUTE, WINDOW_HOUR, WINDOW_DAY, WINDOW_MONTH };

struct header_name {
	enum what what;
	enum of_what of;
	enum window window;
};

/* One word of a name; false: one that is unknown, so that the header is about something
 * else. */
static bool take_word(struct header_name *h, struct slice word)
{
	static const struct {
		struct slice word;
		enum what what;
		int of, window; /* -1: says nothing of that */
	} words[] = {
		{ LITC("limit"), WHAT_LIMIT, -1, -1 },
		{ LITC("remaining"), WHAT_REMAINING, -1, -1 },
		{ LITC("reset"), WHAT_RESET, -1, -1 },
		{ LITC("requests"), WHAT_NONE, OF_REQUESTS, -1 },
		{ LITC("request"), WHAT_NONE, OF_REQUESTS, -1 },
		{ LITC("tokens"), WHAT_NONE, OF_TOKENS, -1 },
		{ LITC("token"), WHAT_NONE, OF_TOKENS, -1 },
		{ LITC("input"), WHAT_NONE, OF_INPUT, -1 },
		{ LITC("prompt"), WHAT_NONE, OF_INPUT, -1 },
		{ LITC("output"), WHAT_NONE, OF_OUTPUT, -1 },
		{ LITC("generated"), WHAT_NONE, OF_OUTPUT, -1 },
		{ LITC("second"), WHAT_NONE, -1, WINDOW_SECOND },
		{ LITC("minute"), WHAT_NONE, -1, WINDOW_MINUTE },
		{ LITC("hour"), WHAT_NONE, -1, WINDOW_HOUR },
		{ LITC("day"), WHAT_NONE, -1, WINDOW_DAY },
		{ LITC("month"), WHAT_NONE, -1, WINDOW_MONTH },
	};

	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!slice_ieq(words[i].word, word))
			continue;
		if (words[i].what != WHAT_NONE)
			h->what = words[i].what;
		/* "input-tokens" and "tokens-prompt" are the same kind. */
		if (words[i].of > (int)h->of)
			h->of = (enum of_what)words[i].of;
		if (words[i].window >= 0)
			h->window = (enum window)words[i].window;
		return true;
	}
	return false;
}

static bool read_name(struct header_name *h, struct slice name)
{
	static const struct slice leads[] = { LITC("x-ratelimit-"),
					      LITC("anthropic-ratelimit-"),
					      LITC("ratelimit-") };
	struct slice word, rest = { NULL, 0 };

	*h = (struct header_name){ WHAT_NONE, OF_REQUESTS, WINDOW_ANY };
	if (name.n == 0 || strchr("xXaArR", name.p[0]) == NULL)
		return false; /* most headers of an answer */
	for (size_t i = 0; i < ARRAY_LEN(leads); i++)
		if (slice_ieq(slice_head(name, leads[i].n), leads[i])) {
			rest = slice_skip(name, leads[i].n);
			break;
		}
	while (rest.n > 0) {
		if (!slice_cut(rest, '-', &word, &rest))
			rest.n = 0;
		if (!take_word(h, word))
			return false;
	}
	return h->what != WHAT_NONE;
}

/* "100", "99.0", "100, 100;w=60" (the IETF's draft) */
static bool count_read(struct slice s, uint64_t *n)
{
	return take_number(&s, 1, n) && (s.n == 0 || s.p[0] == ',' || s.p[0] == ';');
}

static void take(struct rate_limit *l, enum what what, uint64_t v)
{
	switch (what) {
	case WHAT_LIMIT:
		l->limit = v;
		l->has_limit = true;
		break;
	case WHAT_REMAINING:
		l->remaining = v;
		l->has_remaining = true;
		break;
	case WHAT_RESET:
		l->reset_us = v;
		l->has_reset = true;
		break;
	case WHAT_NONE:
		break;
	}
}

/* Whether figures of another window than those there are to be taken.  Headers of one answer
 * come in any order, so the tightest is only known by what is left. */
static bool tighter(const struct rate_limit *l, enum what what, uint64_t v)
{
	return what == WHAT_REMAINING && l->has_remaining && v < l->remaining;
}

void rate_limits_read(struct rate_limits *l, struct slice name, struct slice value,
		      uint64_t wall_us)
{
	struct rate_limit *const all[] = { &l->requests, &l->tokens, &l->input_tokens,
					   &l->output_tokens };
	struct header_name h;
	struct rate_limit *to;
	uint64_t v;

	if (!read_name(&h, name))
		return;
	value = slice_trim(value);
	if (h.what == WHAT_RESET ? !wait_read(value, wall_us, &v) : !count_read(value, &v))
		return;
	to = all[h.of];
	if (l->window[h.of] != h.window &&
	    (to->has_limit || to->has_remaining || to->has_reset)) {
		if (!tighter(to, h.what, v))
			return;
		*to = (struct rate_limit){ 0 };
	}
	l->window[h.of] = (uint8_t)h.window;
	take(to, h.what, v);
	l->known = true;
}

bool rate_limits_wait(const struct rate_limits *l, uint64_t *us)
{
	const struct rate_limit *const all[] = { &l->requests, &l->tokens, &l->input_tokens,
						 &l->output_tokens };
	uint64_t longest = 0, soonest = UINT64_MAX;
	bool out = false;

	for (size_t i = 0; i < ARRAY_LEN(all); i++) {
		if (!all[i]->has_reset)
			continue;
		if (all[i]->reset_us < soonest)
			soonest = all[i]->reset_us;
		if (!all[i]->has_remaining || all[i]->remaining > 0)
			continue;
		out = true;
		if (all[i]->reset_us > longest)
			longest = all[i]->reset_us;
	}
	*us = out ? longest : soonest == UINT64_MAX ? 0 : soonest;
	return out || soonest != UINT64_MAX;
}
