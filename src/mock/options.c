/* One table is the command line, the HTTP control, the model's query and the manual. */
#include "mock/options.h"

#include "mock/quirks.h"

#include "base/sb.h"

#include <math.h>

enum option_type {
	OPT_NUMBER,
	OPT_BYTES,
	OPT_DURATION,
	OPT_DELAY,
	OPT_RANGE,
	OPT_RATE,
	OPT_SWITCH,
	OPT_TEXT,
	OPT_AT,
	OPT_USAGE,
	OPT_SHAPE,
	OPT_EOL,
	OPT_FAIL,
	OPT_AS,
};

struct word {
	const char *name;
	int value;
};

#define MOCK_FAIL_WORD(name, value, help) { value, FAIL_##name },
static const struct word fails[] = { MOCK_FAIL_TABLE(MOCK_FAIL_WORD) };
#undef MOCK_FAIL_WORD
static const struct word usages[] = {
	{ "own", USAGE_OWN },       { "asked", USAGE_ASKED },
	{ "off", USAGE_OFF },       { "always", USAGE_ALWAYS },
	{ "twice", USAGE_TWICE },   { "cumulative", USAGE_CUMULATIVE },
	{ "finish", USAGE_FINISH },
};
static const struct word shapes[] = {
	{ "own", SHAPE_OWN },         { "mistral", SHAPE_MISTRAL },
	{ "openai", SHAPE_OPENAI },   { "error_code", SHAPE_ERROR_CODE },
	{ "string", SHAPE_STRING },   { "array", SHAPE_ARRAY },
	{ "flat", SHAPE_FLAT },       { "detail", SHAPE_DETAIL },
	{ "code", SHAPE_CODE },       { "errors", SHAPE_ERRORS },
	{ "fault", SHAPE_FAULT },     { "base_resp", SHAPE_BASE_RESP },
	{ "numeric", SHAPE_NUMERIC }, { "text", SHAPE_TEXT },
	{ "html", SHAPE_HTML },       { "empty", SHAPE_EMPTY },
};
static const struct word eols[] = { { "lf", EOL_LF }, { "crlf", EOL_CRLF }, { "cr", EOL_CR } };

#define DELAY_HINT "20ms | 10ms..30ms | 20ms~0.5 | 20ms~100ms"

/* name, type, member, hint, what it does */
#define OPTION_TABLE(X)                                                                        \
	X("seed", OPT_NUMBER, seed, "N", "everything random comes from it")                    \
	X("key", OPT_TEXT, key, "KEY", "ask for this bearer key; without: take any")           \
	X("models", OPT_TEXT, models, "A,B", "what GET /models lists (any name is answered)")  \
	X("aws-key", OPT_TEXT, aws_key, "ID:SECRET", "check AWS signatures with this key")     \
	X("as", OPT_AS, as, "PROVIDER", "with the quirks of: see below")                       \
	X("strict", OPT_SWITCH, strict, "on|off", "refuse what the provider would refuse")     \
	X("ttft", OPT_DELAY, ttft, DELAY_HINT, "time to the first token")                      \
	X("gap", OPT_DELAY, gap, DELAY_HINT, "time between tokens")                            \
	X("keepalive", OPT_DURATION, keepalive_us, "TIME",                                     \
	  "while waiting for the first token, a comment (plain: a blank line) this often")     \
	X("early-head", OPT_SWITCH, early_head, "on|off",                                      \
	  "send the head at once, not with the first token")                                   \
	X("tokens", OPT_RANGE, tokens, "N | A..B", "words of the answer")                      \
	X("text", OPT_TEXT, text, "TEXT", "answer this")                                       \
	X("echo", OPT_SWITCH, echo, "on|off", "answer the text of the last user message")      \
	X("vary", OPT_SWITCH, vary, "on|off", "another text for every request")                \
	X("extra", OPT_SWITCH, extra, "on|off", "add members that no client knows")            \
	X("usage", OPT_USAGE, usage, "own|asked|off|always|twice|cumulative|finish",           \
	  "when usage is told")                                                                \
	X("prompt-tokens", OPT_NUMBER, prompt_tokens, "N",                                     \
	  "told as used; 0: a quarter of the body's bytes")                                    \
	X("cached-tokens", OPT_NUMBER, cached_tokens, "N", "of the prompt, told as cached")    \
	X("cache-write-tokens", OPT_NUMBER, cache_write_tokens, "N",                           \
	  "of the prompt, told as written to the cache")                                       \
	X("audio-tokens", OPT_NUMBER, audio_tokens, "N", "of the prompt, told as audio")       \
	X("finish", OPT_TEXT, finish, "REASON",                                                \
	  "how it ends: stop, stop_sequence, length, content_filter, refusal, context, "       \
	  "blocked, pause, error, or the very word")                                           \
	X("reasoning", OPT_NUMBER, reasoning, "N",                                             \
	  "words of reasoning; 0: 8, when the request asks for it")                            \
	X("redacted", OPT_SWITCH, redacted, "on|off", "the reasoning is not shown")            \
	X("citations", OPT_NUMBER, citations, "N", "places cited in the text")                 \
	X("interleave", OPT_SWITCH, interleave, "on|off",                                      \
	  "the pieces of parallel calls take turns")                                           \
	X("limits", OPT_SWITCH, limits, "on|off", "send the provider's rate limit headers")    \
	X("tools", OPT_NUMBER, tools, "N",                                                     \
	  "tool calls to make when tools are offered (required ones: at least 1)")             \
	X("arg-bytes", OPT_NUMBER, arg_bytes, "N", "bytes of tool arguments per event")        \
	X("words", OPT_NUMBER, words, "N", "words per event")                                  \
	X("dimensions", OPT_NUMBER, dimensions, "N", "of an embedding")                        \
	X("error-rate", OPT_RATE, error_rate, "0..1", "this share of requests fails")          \
	X("error-status", OPT_NUMBER, error_status, "STATUS", "... with this status")          \
	X("status", OPT_NUMBER, status, "STATUS", "answer this error")                         \
	X("retry-after", OPT_TEXT, retry_after, "TEXT", "the header, with errors")             \
	X("retry-after-ms", OPT_TEXT, retry_after_ms, "TEXT", "the header, with errors")       \
	X("shape", OPT_SHAPE, shape,                                                           \
	  "own|openai|string|array|flat|detail|code|errors|fault|base_resp|numeric|mistral|"   \
	  "error_code|text|html|empty",                                                        \
	  "how errors look")                                                                   \
	X("error-type", OPT_TEXT, error_type, "TEXT", "type in errors")                        \
	X("error-code", OPT_TEXT, error_code, "TEXT", "code in errors")                        \
	X("error-message", OPT_TEXT, error_message, "TEXT", "message in errors")               \
	X("fail", OPT_FAIL, fail, "FAULT", "what goes wrong; see below")                       \
	X("fail-rate", OPT_RATE, fail_rate, "0..1", "... with this share of requests")         \
	X("at", OPT_AT, at, "N | half", "content events before a fault in the middle")         \
	X("hold", OPT_DURATION, hold_us, "TIME", "how long a stall lasts; 0: for ever")        \
	X("size", OPT_BYTES, size, "BYTES", "of a huge event")                                 \
	X("slow-read", OPT_DURATION, slow_read_us, "TIME",                                     \
	  "pause this long after each read of the request's body")                             \
	X("split", OPT_NUMBER, split, "N", "bytes per segment; 0: as they come")               \
	X("split-gap", OPT_DURATION, split_gap_us, "TIME", "time between such segments")       \
	X("batch", OPT_NUMBER, batch, "N", "events per segment")                               \
	X("eol", OPT_EOL, eol, "lf|crlf|cr", "how lines of an event stream end")               \
	X("comments", OPT_NUMBER, comments, "N",                                               \
	  "comments before the first event and one before each later")                         \
	X("blank-lines", OPT_NUMBER, blank_lines, "N", "before a plain JSON body")             \
	X("space", OPT_SWITCH, space, "on|off", "a space after `data:`")                       \
	X("bom", OPT_SWITCH, bom, "on|off", "a byte order mark before an event stream")        \
	X("keep-alive", OPT_SWITCH, keep_alive, "on|off", "off: close after each answer")      \
	X("close-after", OPT_NUMBER, close_after, "N",                                         \
	  "close unannounced after so many requests on a connection; 0: never")                \
	X("idle", OPT_DURATION, idle_us, "TIME", "close an idle connection; 0: never")         \
	X("records", OPT_NUMBER, records, "N", "requests to keep a record of")                 \
	X("record-bytes", OPT_BYTES, record_bytes, "BYTES", "memory for records")              \
	X("body-max", OPT_BYTES, body_max, "BYTES", "the largest request body taken")

struct option_place {
	enum option_type type;
	size_t at;
};

#define AS_ROW(name, type, member, hint, help) { name, hint, help },
#define AS_PLACE(name, type, member, hint, help)                                               \
	{ type, offsetof(struct mock_options, member) },
static const struct mock_option_row rows[] = { OPTION_TABLE(AS_ROW) };
static const struct option_place places[] = { OPTION_TABLE(AS_PLACE) };

const struct mock_option_row *mock_option_rows(size_t *n)
{
	*n = ARRAY_LEN(rows);
	return rows;
}

#define MOCK_FAIL_ROW(name, value, help) { value, "", help },
static const struct mock_option_row fail_rows[] = { MOCK_FAIL_TABLE(MOCK_FAIL_ROW) };
#undef MOCK_FAIL_ROW

const struct mock_option_row *mock_fail_rows(size_t *n)
{
	*n = ARRAY_LEN(fail_rows);
	return fail_rows;
}

const char *mock_fail_name(enum mock_fail f)
{
	return f == FAIL_NONE ? "" : fails[f].name;
}

struct mock_options *mock_options_new(struct arena *a)
{
	struct mock_options *o = ARENA_NEW(a, struct mock_options);

	if (o == NULL)
		return NULL;
	*o = (struct mock_options){
		.seed = 1,
		.records = 1000,
		.record_bytes = 64 << 20,
		.body_max = 64 << 20,
		.models = LIT("mock,mock-mini"),
		.tokens = { 16, 16 },
		.arg_bytes = 8,
		.words = 1,
		.dimensions = 8,
		.error_status = 500,
		.fail_rate = 1,
		.at = UINT64_MAX,
		.size = 1 << 20,
		.batch = 1,
		.space = true,
		.strict = true,
		.keep_alive = true,
	};
	return o;
}

bool mock_options_copy(struct mock_options *to, const struct mock_options *from,
		       struct arena *a)
{
	*to = *from;
	for (size_t i = 0; i < ARRAY_LEN(places); i++) {
		struct slice *s;

		if (places[i].type != OPT_TEXT)
			continue;
		s = (struct slice *)(void *)((char *)to + places[i].at);
		*s = arena_copy(a, *s);
	}
	return !arena_failed(a);
}

/* ---- values ------------------------------------------------------------------------ */

/* Digits, perhaps a point and more digits; the rest is left in *s. */
static bool take_decimal(struct slice *s, double *out)
{
	double v = 0, unit = 1;
	size_t i = 0;
	bool point = false;

	for (; i < s->n; i++) {
		char c = s->p[i];

		if (c == '.' && !point && !(i + 1 < s->n && s->p[i + 1] == '.')) {
			point = true;
			continue;
		}
		if (c < '0' || c > '9')
			break;
		if (point) {
			unit /= 10;
			v += unit * (c - '0');
		} else {
			v = v * 10 + (c - '0');
		}
	}
	*s = slice_skip(*s, i);
	*out = v;
	return i > 0;
}

static bool take_duration(struct slice *s, uint64_t *out_us)
{
	static const struct {
		struct slice name;
		double us;
	} units[] = {
		{ LITC("ms"), 1e3 }, { LITC("us"), 1 }, { LITC("s"), 1e6 }, { LITC("m"), 6e7 }
	};
	double v;

	if (!take_decimal(s, &v))
		return false;
	for (size_t i = 0; i < ARRAY_LEN(units); i++)
		if (slice_starts(*s, units[i].name)) {
			v *= units[i].us;
			if (v > 1e15)
				return false;
			*s = slice_skip(*s, units[i].name.n);
			*out_us = (uint64_t)(v + 0.5);
			return true;
		}
	*out_us = 0;
	return v == 0; /* "0" needs no unit */
}

static bool read_duration(struct slice s, uint64_t *out_us)
{
	return take_duration(&s, out_us) && s.n == 0;
}

/* After "MEDIAN~": sigma itself, or the 99th percentile, from which it follows. */
static bool read_spread(struct slice s, struct mock_delay *d)
{
	const double z99 = 2.3263478740408408; /* of the standard normal distribution */
	struct slice rest = s;
	uint64_t p99_us;

	if (take_duration(&rest, &p99_us) && rest.n == 0 && p99_us > 0) {
		if (d->a_us == 0 || p99_us < d->a_us)
			return false;
		d->sigma = log((double)p99_us / (double)d->a_us) / z99;
		return true;
	}
	return take_decimal(&s, &d->sigma) && s.n == 0 && d->sigma <= 5;
}

static bool read_delay(struct slice s, struct mock_delay *out)
{
	struct mock_delay d = { .kind = DELAY_FIXED };

	if (!take_duration(&s, &d.a_us))
		return false;
	if (slice_starts(s, LIT(".."))) {
		d.kind = DELAY_UNIFORM;
		s = slice_skip(s, 2);
		if (!take_duration(&s, &d.b_us) || d.b_us < d.a_us)
			return false;
	} else if (slice_starts(s, LIT("~"))) {
		d.kind = DELAY_LOGNORMAL;
		if (!read_spread(slice_skip(s, 1), &d))
			return false;
		s = slice_of(NULL, 0);
	}
	if (s.n != 0)
		return false;
	*out = d;
	return true;
}

static bool read_range(struct slice s, struct mock_range *out)
{
	struct mock_range r;
	size_t dots = slice_find(s, LIT(".."));

	if (!slice_u64(slice_head(s, dots), &r.min))
		return false;
	r.max = r.min;
	if (dots != SLICE_NONE && !slice_u64(slice_skip(s, dots + 2), &r.max))
		return false;
	if (r.min > r.max || r.max > MOCK_TOKENS_MAX)
		return false;
	*out = r;
	return true;
}

static bool read_bytes(struct slice s, uint64_t *out)
{
	unsigned shift = 0;

	if (s.n > 1 && (s.p[s.n - 1] == 'k' || s.p[s.n - 1] == 'm')) {
		shift = s.p[s.n - 1] == 'k' ? 10 : 20;
		s = slice_head(s, s.n - 1);
	}
	if (!slice_u64(s, out) || *out > UINT32_MAX)
		return false;
	*out <<= shift;
	return true;
}

static bool read_rate(struct slice s, double *out)
{
	double v;

	if (!take_decimal(&s, &v) || s.n != 0 || v > 1)
		return false;
	*out = v;
	return true;
}

static bool read_switch(struct slice s, bool *out)
{
	bool on = slice_eq(s, LIT("on")) || slice_eq(s, LIT("true")) || slice_eq(s, LIT("1"));
	bool off = slice_eq(s, LIT("off")) || slice_eq(s, LIT("false")) ||
		   slice_eq(s, LIT("0"));

	if (on || off)
		*out = on;
	return on || off;
}

static bool read_word(struct slice s, const struct word *w, size_t n, int *out)
{
	for (size_t i = 0; i < n; i++)
		if (slice_eq(s, slice_cstr(w[i].name))) {
			*out = w[i].value;
			return true;
		}
	return false;
}

static bool read_at(struct slice s, uint64_t *out)
{
	if (slice_eq(s, LIT("half"))) {
		*out = UINT64_MAX;
		return true;
	}
	return slice_u64(s, out);
}

/* Each enum member is written through its own type. */
static bool set_word(void *to, enum option_type type, struct slice s)
{
	int v;

	switch ((int)type) {
	case OPT_USAGE:
		if (!read_word(s, usages, ARRAY_LEN(usages), &v))
			return false;
		*(enum mock_usage *)to = (enum mock_usage)v;
		return true;
	case OPT_SHAPE:
		if (!read_word(s, shapes, ARRAY_LEN(shapes), &v))
			return false;
		*(enum mock_shape *)to = (enum mock_shape)v;
		return true;
	case OPT_EOL:
		if (!read_word(s, eols, ARRAY_LEN(eols), &v))
			return false;
		*(enum mock_eol *)to = (enum mock_eol)v;
		return true;
	default:
		if (!read_word(s, fails, ARRAY_LEN(fails), &v))
			return false;
		*(enum mock_fail *)to = (enum mock_fail)v;
		return true;
	}
}

static bool read_as(struct slice s, const struct mock_as **to)
{
	size_t n;
	const struct mock_as *as = mock_as_rows(&n);

	for (size_t i = 0; i < n; i++)
		if (slice_eq(s, slice_cstr(as[i].name))) {
			*to = &as[i];
			return true;
		}
	return false;
}

static bool set_place(struct mock_options *o, const struct option_place *place, struct slice s,
		      struct arena *a)
{
	void *to = (char *)o + place->at;

	switch (place->type) {
	case OPT_NUMBER:
		return slice_u64(s, to);
	case OPT_BYTES:
		return read_bytes(s, to);
	case OPT_DURATION:
		return read_duration(s, to);
	case OPT_DELAY:
		return read_delay(s, to);
	case OPT_RANGE:
		return read_range(s, to);
	case OPT_RATE:
		return read_rate(s, to);
	case OPT_SWITCH:
		return read_switch(s, to);
	case OPT_AT:
		return read_at(s, to);
	case OPT_TEXT:
		*(struct slice *)to = arena_copy(a, s);
		return true;
	case OPT_USAGE:
	case OPT_SHAPE:
	case OPT_EOL:
	case OPT_FAIL:
		break;
	case OPT_AS:
		return read_as(s, to);
	}
	return set_word(to, place->type, s);
}

/* Options may be written with - or _. */
static bool same_name(struct slice given, const char *name)
{
	size_t n = strlen(name);

	if (given.n != n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (given.p[i] != name[i] && !(given.p[i] == '_' && name[i] == '-'))
			return false;
	return true;
}

static enum rc unknown(struct slice name, struct err *err)
{
	const char *nearest = "";
	size_t best = 4;

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		size_t d = slice_distance(name, slice_cstr(rows[i].name));

		if (d < best) {
			best = d;
			nearest = rows[i].name;
		}
	}
	return err_set(err, E_NOTFOUND, "mock.option", "there is no option \"%.*s\"%s%s%s",
		       SARG(name), *nearest != '\0' ? "; did you mean \"" : "", nearest,
		       *nearest != '\0' ? "\"?" : "");
}

enum rc mock_option_set(struct mock_options *o, struct slice name, struct slice value,
			struct arena *a, struct err *err)
{
	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		if (!same_name(name, rows[i].name))
			continue;
		if (!set_place(o, &places[i], value, a))
			return err_set(err, E_BAD, "mock.option_value",
				       "%s: \"%.*s\" is not %s", rows[i].name, SARG(value),
				       rows[i].hint);
		if (o->words == 0 || o->batch == 0 || o->arg_bytes == 0)
			return err_set(err, E_BAD, "mock.option_value", "%s: must be over 0",
				       rows[i].name);
		if (o->size > MOCK_EVENT_BYTES_MAX)
			return err_set(err, E_BAD, "mock.option_value", "size: at most %d",
				       MOCK_EVENT_BYTES_MAX);
		if (o->dimensions == 0 || o->dimensions > 65536)
			return err_set(err, E_BAD, "mock.option_value",
				       "dimensions: 1 to 65536");
		return arena_failed(a) ? err_nomem(err, "mock.option") : OK;
	}
	return unknown(name, err);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static struct slice percent_decoded(struct slice s, struct arena *a)
{
	char *to;
	size_t n = 0;

	if (slice_find_char(s, '%') == SLICE_NONE && slice_find_char(s, '+') == SLICE_NONE)
		return s;
	to = arena_bytes(a, s.n);
	if (to == NULL)
		return s;
	for (size_t i = 0; i < s.n; i++) {
		char c = s.p[i];

		if (c == '+') {
			c = ' ';
		} else if (c == '%' && i + 2 < s.n && hex_digit(s.p[i + 1]) >= 0 &&
			   hex_digit(s.p[i + 2]) >= 0) {
			c = (char)(hex_digit(s.p[i + 1]) << 4 | hex_digit(s.p[i + 2]));
			i += 2;
		}
		to[n++] = c;
	}
	return slice_of(to, n);
}

enum rc mock_options_query(struct mock_options *o, struct slice query, struct arena *a,
			   struct err *err)
{
	while (query.n > 0) {
		struct slice pair, rest, name, value;
		enum rc rc;

		if (!slice_cut(query, '&', &pair, &rest))
			rest = slice_of(NULL, 0);
		query = rest;
		if (pair.n == 0)
			continue;
		if (!slice_cut(pair, '=', &name, &value))
			value = LIT("on");
		rc = mock_option_set(o, name, percent_decoded(value, a), a, err);
		if (rc != OK)
			return rc;
	}
	return OK;
}

uint64_t mock_delay_us(const struct mock_delay *d, struct rng *r)
{
	double u, v;

	switch (d->kind) {
	case DELAY_UNIFORM:
		return d->a_us + rng_below(r, d->b_us - d->a_us + 1);
	case DELAY_LOGNORMAL: /* Box-Muller; 1 - x is never 0 */
		u = rng_unit(r);
		v = rng_unit(r);
		v = sqrt(-2 * log(1 - u)) * cos(6.283185307179586 * v);
		v = (double)d->a_us * exp(d->sigma * v);
		return v > 1e12 ? 1000000000000 : (uint64_t)v;
	case DELAY_FIXED:
		break;
	}
	return d->a_us;
}
