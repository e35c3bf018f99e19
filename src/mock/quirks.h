/* mock/quirks.h -- who the simulator plays: `--as groq`.
 *
 * One row per provider that says OpenAI's dialect in its own way, as recorded from it or
 * documented by it.  Providers with a dialect of their own are told by the path; a row for them
 * says only what is theirs beside it.
 */
#ifndef WEIR_MOCK_QUIRKS_H
#define WEIR_MOCK_QUIRKS_H

#include "mock/options.h"

enum mock_quirk {
	QUIRK_STRICT = 1 << 0,          /* unknown parameters are refused */
	QUIRK_NO_DONE = 1 << 1,         /* a stream ends without [DONE] */
	QUIRK_ROLE_EVERY = 1 << 2,      /* the role is in every delta */
	QUIRK_ROLE_FIRST = 1 << 3,      /* ... in the first with content: no chunk of its own */
	QUIRK_TOOL_WHOLE = 1 << 4,      /* a call comes in one delta */
	QUIRK_TOOL_NO_INDEX = 1 << 5,   /* ... without index and type */
	QUIRK_TOOL_ID_EMPTY = 1 << 6,   /* later deltas of a call have id "" */
	QUIRK_CONTENT_LIST = 1 << 7,    /* content is a list of parts, once there is thinking */
	QUIRK_AZURE = 1 << 8,           /* first frame without choices; filter results */
	QUIRK_OUTSIDE = 1 << 9,         /* completion_tokens excludes reasoning */
	QUIRK_FINISH_ABSENT = 1 << 10,  /* no finish_reason before the end, not even null */
	QUIRK_THINK_TEXT = 1 << 11,     /* thinking is in the text: <think>...</think> */
	QUIRK_LOGPROBS_FLAT = 1 << 12,  /* {tokens, token_ids, token_logprobs} */
	QUIRK_CACHE_HIT = 1 << 13,      /* prompt_cache_hit_tokens and _miss_ */
	QUIRK_CACHE_TOP = 1 << 14,      /* usage.cached_tokens */
	QUIRK_X_GROQ = 1 << 15,         /* x_groq in the first and last chunk */
	QUIRK_DETAILS = 1 << 16,        /* reasoning_details, which must come back unchanged */
	QUIRK_NULL_CONTENT = 1 << 17,   /* content is null while it thinks */
	QUIRK_STOP_CALLS = 1 << 18,     /* finish_reason stop although it calls */
	QUIRK_DONE_OBJECT = 1 << 19,    /* the last chunk is a chat.completion.done */
	QUIRK_TAKES_TURNS = 1 << 20,    /* user and assistant must alternate */
	QUIRK_ID_9 = 1 << 21,           /* tool call ids are nine letters or digits */
	QUIRK_WANTS_THOUGHTS = 1 << 22, /* assistant turns must bring reasoning_content */
	QUIRK_USAGE_CHOICE = 1 << 23,   /* usage is inside the choice that finishes */
	QUIRK_TIME_INFO = 1 << 24,      /* time_info beside usage */
	QUIRK_COST = 1 << 25,           /* usage.cost, as a number */
	QUIRK_ERROR_200 = 1 << 26,      /* errors come with status 200 */
	QUIRK_CITATIONS = 1 << 27,      /* citations[] and search_results[] at the top */
	QUIRK_REASONING_RULES = 1 << 28, /* reasoning models refuse sampling and max_tokens */
	QUIRK_ARGS_OBJECT = 1 << 29,     /* arguments are an object, not a text */
	QUIRK_USAGE_LATE = 1 << 30,      /* Vertex: figures in the last frame only */
};

struct mock_as {
	const char *name;
	uint32_t quirks;
	const char *reasoning; /* the member with thinking; NULL: it is not shown */
	enum mock_shape shape;
	enum mock_usage usage;
	const char *stop_word; /* instead of "stop"; or NULL */
	const char *comment;   /* the line of its signs of life; or NULL */
	uint64_t comments, blank_lines;
	const char *refused; /* parameters, blanks between them */
	unsigned refused_status;
};

const struct mock_as *mock_as_rows(size_t *n);

static inline bool quirk(const struct mock_options *o, enum mock_quirk q)
{
	return o->as != NULL && (o->as->quirks & q) != 0;
}
/* The name of `list` (names with blanks between) that `name` is. */
bool mock_in_list(const char *list, struct slice name);

#endif
