/* base/log.h -- structured events: a level, a stable dotted name, typed fields.
 *
 *   log_event(log, LOG_WARN, "config.reload", F_STR("file", path), F_U64("line", n));
 *
 * The line is built on the stack (LOG_LINE_MAX bytes, cut beyond) as JSON or logfmt and
 * handed to the sink in one piece.  Secrets have no field type: X9.
 */
#ifndef WEIR_BASE_LOG_H
#define WEIR_BASE_LOG_H

#include "base/sb.h"

enum { LOG_LINE_MAX = 4096 };

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR, LOG_LEVELS };
enum log_format { LOG_LOGFMT, LOG_JSON };

enum field_type { FIELD_STR, FIELD_U64, FIELD_I64, FIELD_BOOL, FIELD_MS };

struct field {
	const char *key;
	enum field_type type;
	union {
		struct slice s;
		uint64_t u;
		int64_t i;
	};
};

#define F_STR(k, v)  ((struct field){ .key = (k), .type = FIELD_STR, .s = (v) })
#define F_CSTR(k, v) ((struct field){ .key = (k), .type = FIELD_STR, .s = slice_cstr(v) })
#define F_U64(k, v)  ((struct field){ .key = (k), .type = FIELD_U64, .u = (v) })
#define F_I64(k, v)  ((struct field){ .key = (k), .type = FIELD_I64, .i = (v) })
#define F_BOOL(k, v) ((struct field){ .key = (k), .type = FIELD_BOOL, .u = (v) ? 1 : 0 })
/* Given in microseconds, written in milliseconds with three decimals. */
#define F_MS(k, v_us) ((struct field){ .key = (k), .type = FIELD_MS, .u = (v_us) })

struct log {
	enum log_level level; /* events below it are dropped */
	enum log_format format;
	/* Microseconds since 1970, UTC. */
	uint64_t (*wall_us)(struct log *l);
	/* One whole line, with its newline.  Must not log. */
	void (*write)(struct log *l, enum log_level level, struct slice line);
};

const char *log_level_name(enum log_level level);

static inline bool log_wants(const struct log *l, enum log_level level)
{
	return l != NULL && level >= l->level;
}

/* `l` may be NULL. */
void log_fields(struct log *l, enum log_level level, const char *event, const struct field *f,
		size_t n);

#define log_event(l, level, event, ...)                                                        \
	log_fields((l), (level), (event), (const struct field[]){ __VA_ARGS__ },               \
		   sizeof((const struct field[]){ __VA_ARGS__ }) / sizeof(struct field))

/* One line without a newline, cut when it does not fit `out`; for sinks of their own. */
void log_line(struct sb *out, enum log_format format, uint64_t wall_us, enum log_level level,
	      const char *event, const struct field *f, size_t n);

/* "2026-11-20T07:41:07.123456Z" */
void log_time(struct sb *out, uint64_t wall_us);

/* A JSON string with its quotes; bytes that are not UTF-8 become U+FFFD. */
void log_json_string(struct sb *out, struct slice s);

#endif
