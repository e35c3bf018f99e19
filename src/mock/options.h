/* mock/options.h -- how the simulator behaves: the values behind mock.h's option table. */
#ifndef WEIR_MOCK_OPTIONS_H
#define WEIR_MOCK_OPTIONS_H

#include "base/rng.h"
#include "mock/mock.h"

/* name, option value, what it does */
#define MOCK_FAIL_TABLE(X)                                                                     \
	X(NONE, "none", "nothing goes wrong")                                                  \
	X(REFUSE, "refuse", "close as soon as it is accepted (after the handshake with TLS)")  \
	X(CLOSE, "close", "close after the request, with no byte answered")                    \
	X(RESET, "reset", "reset after the request, with no byte answered")                    \
	X(GARBAGE, "garbage", "answer bytes that are not HTTP")                                \
	X(HALF_HEAD, "half_head", "half a response head, then close")                          \
	X(TWO_LENGTHS, "two_lengths", "a head with two different lengths")                     \
	X(CLOSE_HEAD, "close_head", "the head, then close")                                    \
	X(STALL_HEAD, "stall_head", "nothing at all for `hold`")                               \
	X(STALL_CONTENT, "stall_content", "head and role, then nothing for `hold`")            \
	X(STALL, "stall", "nothing for `hold` in the middle")                                  \
	X(CUT, "cut", "close in the middle, framing unfinished")                               \
	X(HALF_EVENT, "half_event", "reset inside an event in the middle")                     \
	X(TRUNCATE, "truncate", "end in the middle, framing finished properly")                \
	X(SHORT, "short", "Content-Length promises more than comes, then close")               \
	X(LONG, "long", "Content-Length promises less than comes")                             \
	X(BAD_CHUNK, "bad_chunk", "a broken chunk line in the middle")                         \
	X(EMPTY, "empty", "role and [DONE], no content; plain: no choices")                    \
	X(NOTHING, "nothing", "200 with an empty body")                                        \
	X(NO_FINISH, "no_finish", "all content, no finish_reason, [DONE]")                     \
	X(NO_DONE, "no_done", "everything but the [DONE]")                                     \
	X(BARE_END, "bare_end", "all content, then the end: no finish_reason, no [DONE]")      \
	X(ERROR_200, "error_200", "an error object as the body of a 200")                      \
	X(ERROR_FIRST, "error_first", "an error as the first event")                           \
	X(ERROR_MID, "error_mid", "an error event in the middle")                              \
	X(BAD_JSON, "bad_json", "JSON that breaks off, framing intact")                        \
	X(BAD_FRAME, "bad_frame", "a frame in the middle that breaks off (AWS: a wrong CRC)")  \
	X(HUGE, "huge", "one event (or plain answer) of `size` bytes")

#define MOCK_FAIL_ENUM(name, value, help) FAIL_##name,
enum mock_fail { MOCK_FAIL_TABLE(MOCK_FAIL_ENUM) FAIL_COUNT };
#undef MOCK_FAIL_ENUM
const char *mock_fail_name(enum mock_fail f);

enum mock_usage {
	USAGE_OWN,   /* as the provider does that is played: ASKED for nobody in particular */
	USAGE_ASKED, /* plain always, streamed when include_usage asks for it */
	USAGE_OFF,
	USAGE_ALWAYS,
	USAGE_TWICE,      /* with the finish and in a chunk of its own */
	USAGE_CUMULATIVE, /* in every chunk */
	USAGE_FINISH,     /* in the chunk that finishes */
};

/* How an error body looks: reference of providers, dialects.md 6.2 and 6.3. */
enum mock_shape {
	SHAPE_OWN, /* as the provider does that is played: the dialect's for nobody in
		      particular */
	SHAPE_OPENAI,
	SHAPE_STRING,
	SHAPE_ARRAY,
	SHAPE_FLAT,
	SHAPE_DETAIL,
	SHAPE_CODE,
	SHAPE_ERRORS,
	SHAPE_FAULT,
	SHAPE_BASE_RESP,
	SHAPE_NUMERIC,
	SHAPE_MISTRAL,
	SHAPE_ERROR_CODE,
	SHAPE_TEXT,
	SHAPE_HTML,
	SHAPE_EMPTY,
};

enum mock_eol { EOL_LF, EOL_CRLF, EOL_CR };

struct mock_delay {
	enum { DELAY_FIXED, DELAY_UNIFORM, DELAY_LOGNORMAL } kind;
	uint64_t a_us; /* fixed; lowest; median */
	uint64_t b_us; /* highest */
	double sigma;  /* of the logarithm */
};
uint64_t mock_delay_us(const struct mock_delay *d, struct rng *r);

struct mock_range {
	uint64_t min, max;
};

enum { MOCK_TOKENS_MAX = 1000000, MOCK_EVENT_BYTES_MAX = 32 << 20 };

struct mock_as; /* mock/quirks.h */

struct mock_options {
	/* of the process */
	uint64_t seed;
	uint64_t records, record_bytes;
	uint64_t body_max;
	struct slice key;     /* asked for as a bearer; empty: none */
	struct slice models;  /* names for GET /models, commas between */
	struct slice aws_key; /* "id:secret" that signatures are checked with; empty: any */
	const struct mock_as *as;
	bool strict; /* requests are judged as the provider does */

	/* time */
	struct mock_delay ttft, gap;
	uint64_t keepalive_us;
	bool early_head;

	/* the answer */
	struct mock_range tokens;
	struct slice text;
	bool echo, vary, extra;
	enum mock_usage usage;
	uint64_t prompt_tokens, cached_tokens, cache_write_tokens, audio_tokens;
	struct slice finish;
	uint64_t reasoning; /* words of it; 0: when the request asks */
	bool redacted;      /* ... which are not shown */
	bool interleave;    /* parallel calls take turns */
	bool limits;        /* headers with rate limits */
	uint64_t citations;
	uint64_t tools;
	uint64_t arg_bytes; /* of tool arguments per event */
	uint64_t words;     /* per event */
	uint64_t dimensions;

	/* errors */
	double error_rate;
	uint64_t error_status;
	uint64_t status;
	struct slice retry_after, retry_after_ms;
	enum mock_shape shape;
	struct slice error_type, error_code, error_message;

	/* faults */
	enum mock_fail fail;
	double fail_rate;
	uint64_t at; /* events before it; UINT64_MAX: half */
	uint64_t hold_us;
	uint64_t size;
	uint64_t slow_read_us;

	/* the wire */
	uint64_t split; /* bytes per segment; 0: as they come */
	uint64_t split_gap_us;
	uint64_t batch; /* events per segment */
	enum mock_eol eol;
	uint64_t comments;
	uint64_t blank_lines;
	bool space, bom, keep_alive;
	uint64_t close_after; /* requests per connection; 0: no limit */
	uint64_t idle_us;     /* an idle connection is closed; 0: never */
};

/* Texts are copied into `a`. */
MUST_USE bool mock_options_copy(struct mock_options *to, const struct mock_options *from,
				struct arena *a);

#endif
