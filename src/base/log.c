#include "base/log.h"

static const char *const level_names[] = { "debug", "info", "warn", "error" };

const char *log_level_name(enum log_level level)
{
	return (unsigned)level < LOG_LEVELS ? level_names[level] : "unknown";
}

/* Civil date from days since 1970 (Howard Hinnant's algorithm, public domain maths). */
static void civil(int64_t days, int *year, unsigned *month, unsigned *day)
{
	int64_t z = days + 719468;
	int64_t era = (z >= 0 ? z : z - 146096) / 146097;
	unsigned doe = (unsigned)(z - era * 146097);
	unsigned yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	unsigned doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	unsigned mp = (5 * doy + 2) / 153;

	*day = doy - (153 * mp + 2) / 5 + 1;
	*month = mp < 10 ? mp + 3 : mp - 9;
	*year = (int)((int64_t)yoe + era * 400 + (*month <= 2 ? 1 : 0));
}

static void two(struct sb *out, unsigned v)
{
	sb_char(out, (char)('0' + v / 10 % 10));
	sb_char(out, (char)('0' + v % 10));
}

void log_time(struct sb *out, uint64_t wall_us)
{
	uint64_t s = wall_us / 1000000;
	unsigned us = (unsigned)(wall_us % 1000000);
	unsigned in_day = (unsigned)(s % 86400);
	unsigned month, day;
	int year;

	civil((int64_t)(s / 86400), &year, &month, &day);
	sb_u64(out, (uint64_t)year);
	sb_char(out, '-');
	two(out, month);
	sb_char(out, '-');
	two(out, day);
	sb_char(out, 'T');
	two(out, in_day / 3600);
	sb_char(out, ':');
	two(out, in_day / 60 % 60);
	sb_char(out, ':');
	two(out, in_day % 60);
	sb_char(out, '.');
	for (unsigned div = 100000; div > 0; div /= 10)
		sb_char(out, (char)('0' + us / div % 10));
	sb_char(out, 'Z');
}

/* Length of the valid UTF-8 sequence at the start of `s`, or 0 (RFC 3629). */
static size_t utf8_len(struct slice s)
{
	const unsigned char *p = (const unsigned char *)s.p;
	size_t n;

	if (p[0] < 0x80)
		return 1;
	if (p[0] < 0xc2 || p[0] > 0xf4)
		return 0;
	n = p[0] < 0xe0 ? 2 : p[0] < 0xf0 ? 3 : 4;
	if (s.n < n)
		return 0;
	for (size_t i = 1; i < n; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	if ((p[0] == 0xe0 && p[1] < 0xa0) || (p[0] == 0xed && p[1] > 0x9f) ||
	    (p[0] == 0xf0 && p[1] < 0x90) || (p[0] == 0xf4 && p[1] > 0x8f))
		return 0;
	return n;
}

void log_json_string(struct sb *out, struct slice s)
{
	sb_char(out, '"');
	while (s.n > 0) {
		unsigned char c = (unsigned char)s.p[0];
		size_t n = utf8_len(s);

		if (c == '"' || c == '\\') {
			sb_char(out, '\\');
			sb_char(out, (char)c);
		} else if (c == '\n') {
			sb_lit(out, "\\n");
		} else if (c < 0x20 || c == 0x7f) {
			sb_lit(out, "\\u00");
			sb_hex(out, c, 2);
		} else if (n == 0) {
			sb_lit(out, "\xef\xbf\xbd");
		} else {
			sb_str(out, slice_head(s, n));
		}
		s = slice_skip(s, n == 0 ? 1 : n);
	}
	sb_char(out, '"');
}

static bool plain(struct slice s)
{
	for (size_t i = 0; i < s.n; i++)
		if (s.p[i] <= ' ' || s.p[i] == '"' || s.p[i] == '=' || s.p[i] == '\\' ||
		    (unsigned char)s.p[i] >= 0x7f)
			return false;
	return s.n > 0;
}

static void value(struct sb *out, enum log_format format, const struct field *f)
{
	switch (f->type) {
	case FIELD_STR:
		if (format == LOG_LOGFMT && plain(f->s))
			sb_str(out, f->s);
		else
			log_json_string(out, f->s);
		break;
	case FIELD_U64:
		sb_u64(out, f->u);
		break;
	case FIELD_I64:
		sb_i64(out, f->i);
		break;
	case FIELD_BOOL:
		sb_lit(out, f->u ? "true" : "false");
		break;
	case FIELD_MS:
		sb_u64(out, f->u / 1000);
		sb_char(out, '.');
		sb_char(out, (char)('0' + f->u / 100 % 10));
		sb_char(out, (char)('0' + f->u / 10 % 10));
		sb_char(out, (char)('0' + f->u % 10));
		break;
	}
}

static void key(struct sb *out, enum log_format format, const char *k, bool first)
{
	if (format == LOG_JSON) {
		sb_lit(out, first ? "\"" : ",\"");
		sb_lit(out, k);
		sb_lit(out, "\":");
	} else {
		sb_lit(out, first ? "" : " ");
		sb_lit(out, k);
		sb_char(out, '=');
	}
}

void log_line(struct sb *out, enum log_format format, uint64_t wall_us, enum log_level level,
	      const char *event, const struct field *f, size_t n)
{
	size_t keep = format == LOG_JSON ? 1 : 0; /* for the closing brace */

	INVARIANT(out->cap > out->n + keep);
	out->cap -= keep;
	if (format == LOG_JSON)
		sb_char(out, '{');
	key(out, format, "time", true);
	if (format == LOG_JSON)
		sb_char(out, '"');
	log_time(out, wall_us);
	if (format == LOG_JSON)
		sb_char(out, '"');
	key(out, format, "level", false);
	value(out, format, &F_CSTR("", log_level_name(level)));
	key(out, format, "event", false);
	value(out, format, &F_CSTR("", event));
	for (size_t i = 0; i < n; i++) {
		struct sb before = *out;

		key(out, format, f[i].key, false);
		value(out, format, &f[i]);
		if (out->cut && !before.cut) {
			/* A field is written whole or not at all: the line stays readable. */
			*out = before;
			out->cut = true;
			break;
		}
	}
	out->cap += keep;
	if (format == LOG_JSON)
		sb_char(out, '}');
}

void log_fields(struct log *l, enum log_level level, const char *event, const struct field *f,
		size_t n)
{
	char line[LOG_LINE_MAX];
	struct sb out;

	if (!log_wants(l, level))
		return;
	sb_init(&out, line, sizeof(line) - 1);
	log_line(&out, l->format, l->wall_us(l), level, event, f, n);
	line[out.n++] = '\n';
	l->write(l, level, sb_slice(&out));
}
