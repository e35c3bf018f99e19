#include "chat/fault.h"

#include "base/date.h"

#define FAULT_ROW(kind, name, other, again, health) { name, other, again, health },
static const struct fault_row rows[] = { FAULT_TABLE(FAULT_ROW) };

const struct fault_row *fault_row(enum fault_kind kind)
{
	INVARIANT((unsigned)kind < FAULT_KINDS);
	return &rows[kind];
}

#define WAIT_MAX_US (366ULL * 86400 * 1000000)

/* "12" or "0.25" times `unit_us`; at most a year. */
static bool read_number(struct slice s, uint64_t unit_us, uint64_t *out_us)
{
	const uint64_t most = WAIT_MAX_US;
	struct slice whole, part;
	uint64_t v, us, scale = unit_us;

	slice_cut(s, '.', &whole, &part);
	if (!slice_u64(whole, &v))
		return false;
	us = v > most / unit_us ? most : v * unit_us;
	for (size_t i = 0; i < part.n; i++) {
		if (part.p[i] < '0' || part.p[i] > '9')
			return false;
		scale /= 10;
		us += (uint64_t)(part.p[i] - '0') * scale;
	}
	*out_us = us < most ? us : most;
	return true;
}

static bool two_digits(struct slice s, size_t at, unsigned *out)
{
	uint64_t v;

	if (!slice_u64(slice_head(slice_skip(s, at), 2), &v))
		return false;
	*out = (unsigned)v;
	return true;
}

/* "Sun, 06 Nov 1994 08:49:37 GMT" (RFC 9110, 5.6.7) -> seconds since 1970. */
static bool read_date(struct slice s, int64_t *out_s)
{
	static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
	unsigned day, month, hour, minute, second;
	uint64_t year;
	size_t at;

	if (s.n != 29 || !slice_ends(s, LIT(" GMT")))
		return false;
	at = slice_find(slice_of(months, sizeof(months) - 1), slice_head(slice_skip(s, 8), 3));
	if (at == SLICE_NONE || at % 3 != 0 || !two_digits(s, 5, &day) ||
	    !slice_u64(slice_head(slice_skip(s, 12), 4), &year) || !two_digits(s, 17, &hour) ||
	    !two_digits(s, 20, &minute) || !two_digits(s, 23, &second) || day == 0 || day > 31)
		return false;
	month = (unsigned)(at / 3) + 1;
	*out_s = date_days((int64_t)year, month, day) * 86400 + hour * 3600 + minute * 60 +
		 second;
	return true;
}

bool retry_after_read(struct slice ms_header, struct slice header, uint64_t wall_us,
		      uint64_t *out_us)
{
	int64_t at_s;
	uint64_t at_us;

	if (ms_header.n > 0 && read_number(slice_trim(ms_header), 1000, out_us))
		return true;
	header = slice_trim(header);
	if (header.n == 0)
		return false;
	if (read_number(header, 1000000, out_us))
		return true;
	if (!read_date(header, &at_s) || at_s < 0)
		return false;
	at_us = (uint64_t)at_s * 1000000;
	*out_us = at_us > wall_us ? at_us - wall_us : 0;
	if (*out_us > WAIT_MAX_US)
		*out_us = WAIT_MAX_US;
	return true;
}
