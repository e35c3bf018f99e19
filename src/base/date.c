#include "base/date.h"

int64_t date_days(int64_t year, unsigned month, unsigned day)
{
	/* Years begin in March here, so that the leap day is the last one. */
	int64_t y = year - (month <= 2 ? 1 : 0);
	int64_t era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400;
	int64_t of_year = (153 * (int64_t)(month + (month > 2 ? -3U : 9U)) + 2) / 5 +
			  (int64_t)day - 1;

	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

void date_civil(int64_t days, int64_t *year, unsigned *month, unsigned *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	int64_t doe = z - era * 146097;
	int64_t yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	int64_t doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	int64_t mp = (5 * doy + 2) / 153;

	*day = (unsigned)(doy - (153 * mp + 2) / 5 + 1);
	*month = (unsigned)(mp < 10 ? mp + 3 : mp - 9);
	*year = yoe + era * 400 + (*month <= 2 ? 1 : 0);
}

bool date_read(struct slice s, int64_t *days)
{
	uint64_t year, month, day = 1;
	int64_t y, found;
	unsigned m, d;

	if ((s.n != 10 && s.n != 7) || s.p[4] != '-' || (s.n == 10 && s.p[7] != '-'))
		return false;
	if (!slice_u64(slice_head(s, 4), &year) ||
	    !slice_u64(slice_head(slice_skip(s, 5), 2), &month) ||
	    (s.n == 10 && !slice_u64(slice_skip(s, 8), &day)))
		return false;
	if (month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	found = date_days((int64_t)year, (unsigned)month, (unsigned)day);
	/* The 31st of a short month is a day of the next. */
	date_civil(found, &y, &m, &d);
	if (m != month || d != day)
		return false;
	*days = found;
	return true;
}

void date_print(struct sb *out, int64_t days)
{
	unsigned month, day;
	int64_t year;

	date_civil(days, &year, &month, &day);
	sb_fmt(out, "%04" PRId64 "-%02u-%02u", year, month, day);
}
