/* base/date.h -- days of the (proleptic Gregorian) calendar, counted from 1970-01-01. */
#ifndef WEIR_BASE_DATE_H
#define WEIR_BASE_DATE_H

#include "base/sb.h"

/* `month` and `day` from 1; not checked. */
int64_t date_days(int64_t year, unsigned month, unsigned day);
void date_civil(int64_t days, int64_t *year, unsigned *month, unsigned *day);

/* "2026-11-20", or a month alone, "2026-11": its first day.  False: not a date that there
 * is. */
MUST_USE bool date_read(struct slice s, int64_t *days);
void date_print(struct sb *out, int64_t days);

#endif
