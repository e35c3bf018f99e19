/* Durations and sizes, as the config file writes them. */
#include "app/options.h"

#include "base/date.h"

struct unit {
	const char *name;
	uint64_t of;
};

/* Largest first: printing takes the first that divides. */
static const struct unit duration_units[] = {
	{ "h", 3600000000 }, { "m", 60000000 }, { "s", 1000000 }, { "ms", 1000 }, { "us", 1 },
};

static const struct unit size_units[] = {
	{ "GiB", (uint64_t)1 << 30 },
	{ "MiB", (uint64_t)1 << 20 },
	{ "KiB", (uint64_t)1 << 10 },
	{ "GB", 1000000000 },
	{ "MB", 1000000 },
	{ "kB", 1000 },
	{ "KB", 1000 },
	{ "B", 1 },
};

/* "12ms30s": takes one number and its letters. */
static bool take_part(struct slice *s, struct slice *number, struct slice *unit)
{
	size_t digits = 0, letters;

	while (digits < s->n && s->p[digits] >= '0' && s->p[digits] <= '9')
		digits++;
	letters = digits;
	while (letters < s->n &&
	       ((s->p[letters] | 0x20) >= 'a' && (s->p[letters] | 0x20) <= 'z'))
		letters++;
	*number = slice_head(*s, digits);
	*unit = slice_of(s->p + digits, letters - digits);
	*s = slice_skip(*s, letters);
	return digits > 0;
}

static bool add_part(const struct unit *units, size_t n, struct slice number, struct slice unit,
		     uint64_t *sum)
{
	uint64_t v;

	for (size_t i = 0; i < n; i++)
		if (slice_eq(slice_cstr(units[i].name), unit))
			return slice_u64(number, &v) &&
			       !__builtin_mul_overflow(v, units[i].of, &v) &&
			       !__builtin_add_overflow(*sum, v, sum) && *sum < OPTION_UNSET;
	return false;
}

bool duration_read(struct slice s, uint64_t *us)
{
	uint64_t sum = 0;

	if (slice_eq(s, LIT("0"))) {
		*us = 0;
		return true;
	}
	if (s.n == 0)
		return false;
	while (s.n > 0) {
		struct slice number, unit;

		if (!take_part(&s, &number, &unit) ||
		    !add_part(duration_units, ARRAY_LEN(duration_units), number, unit, &sum))
			return false;
	}
	*us = sum;
	return true;
}

bool size_read(struct slice s, uint64_t *bytes)
{
	struct slice number, unit;
	uint64_t sum = 0;

	if (!take_part(&s, &number, &unit) || s.n > 0)
		return false;
	if (unit.n == 0)
		unit = LIT("B");
	if (!add_part(size_units, ARRAY_LEN(size_units), number, unit, &sum))
		return false;
	*bytes = sum;
	return true;
}

static void print(struct sb *out, const struct unit *units, size_t n, uint64_t v)
{
	size_t i = 0;

	while (i + 1 < n && (v < units[i].of || v % units[i].of != 0))
		i++;
	sb_u64(out, v / units[i].of);
	sb_lit(out, units[i].name);
}

void duration_print(struct sb *out, uint64_t us)
{
	if (us == 0)
		sb_lit(out, "0");
	else
		print(out, duration_units, ARRAY_LEN(duration_units), us);
}

void size_print(struct sb *out, uint64_t bytes)
{
	if (bytes == 0)
		sb_lit(out, "0");
	else if (bytes % 1024 == 0) /* binary units only, as the defaults are written */
		print(out, size_units, 3, bytes);
	else
		sb_u64(out, bytes);
}

void usd_print(struct sb *out, uint64_t nano)
{
	char digits[10];
	size_t n = 9;

	sb_u64(out, nano / 1000000000);
	snprintf(digits, sizeof(digits), "%09u", (unsigned)(nano % 1000000000));
	while (n > 0 && digits[n - 1] == '0')
		n--;
	if (n > 0)
		sb_fmt(out, ".%.*s", (int)n, digits);
}

bool usd_read(struct slice s, uint64_t *nano)
{
	uint64_t whole, part = 0;
	struct slice left, right;

	if (slice_cut(s, '.', &left, &right)) {
		while (right.n > 1 && right.p[right.n - 1] == '0')
			right.n--;
		if (right.n > 9 || !slice_u64(right, &part))
			return false;
		for (size_t i = right.n; i < 9; i++)
			part *= 10;
	}
	if (!slice_u64(left, &whole) || whole > 10000000)
		return false;
	*nano = whole * 1000000000 + part;
	return true;
}

bool share_read(struct slice s, uint64_t *permille)
{
	bool percent = slice_ends(s, LIT("%"));
	uint64_t whole, part = 0, scale = percent ? 10 : 1000;
	struct slice left, right;

	if (percent)
		s.n--;
	if (slice_cut(s, '.', &left, &right)) {
		while (right.n > 1 && right.p[right.n - 1] == '0')
			right.n--;
		if (right.n > (percent ? 1 : 3) || !slice_u64(right, &part))
			return false;
		for (size_t i = right.n; i < (percent ? 1 : 3); i++)
			part *= 10;
	}
	if (!slice_u64(left, &whole) || whole > 100000)
		return false;
	*permille = whole * scale + part;
	return percent || *permille <= 1000;
}

void share_print(struct sb *out, uint64_t permille)
{
	sb_u64(out, permille / 10);
	if (permille % 10 != 0)
		sb_fmt(out, ".%u", (unsigned)(permille % 10));
	sb_lit(out, "%");
}

void option_print(struct sb *out, const struct option *o, uint64_t value)
{
	if (o->type == OPT_DURATION)
		duration_print(out, value);
	else if (o->type == OPT_SIZE)
		size_print(out, value);
	else if (o->type == OPT_MONEY)
		usd_print(out, value);
	else if (o->type == OPT_SHARE)
		share_print(out, value);
	else if (o->type == OPT_DATE)
		date_print(out, (int64_t)(value & ~DATE_MONTH));
	else
		sb_u64(out, value);
}
