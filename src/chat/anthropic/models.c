/* What each Claude takes, by the name that its host gives it.
 *
 * "claude-sonnet-4-5-20250929", "us.anthropic.claude-3-5-sonnet-20241022-v2:0",
 * "claude-opus-4-1@20250805", "claude-3.7-sonnet": after the word "claude" the first word is
 * the line and the first one or two short numbers are the version.  Source: Anthropic's models
 * overview and its pages on extended thinking, adaptive thinking, effort, and structured
 * outputs.
 */
#include "chat/anthropic/anthropic.h"

#define ANY                                                                                    \
	{                                                                                      \
		NULL, 0                                                                        \
	}

/* The first row that fits counts. */
static const struct claude claudes[] = {
	{ 0, 304, ANY, .cap = 4096 },
	{ 305, 306, ANY, .cap = 8192 },
	{ 307, 399, ANY, .cap = 64000, .thinking = THINKING_BUDGET },
	{ 401, 404, LITC("opus"), .cap = 32000, .thinking = THINKING_BUDGET, .schema = true },
	{ 400, 400, LITC("opus"), .cap = 32000, .thinking = THINKING_BUDGET },
	{ 400, 404, ANY, .cap = 64000, .thinking = THINKING_BUDGET },
	{ 405, 405, LITC("opus"), .cap = 64000, .thinking = THINKING_BUDGET,
	  .top_effort = EFFORT_HIGH, .schema = true, .one_sampling = true },
	{ 405, 405, ANY, .cap = 64000, .thinking = THINKING_BUDGET, .schema = true,
	  .one_sampling = true },
	{ 406, 406, ANY, .cap = 128000, .thinking = THINKING_ADAPTIVE, .top_effort = EFFORT_MAX,
	  .schema = true, .one_sampling = true, .no_prefill = true },
	{ 407, 407, ANY, .cap = 128000, .thinking = THINKING_ADAPTIVE, .top_effort = EFFORT_MAX,
	  .xhigh = true, .schema = true, .no_sampling = true, .no_prefill = true },
	{ 408, 504, ANY, .cap = 128000, .thinking = THINKING_ADAPTIVE, .top_effort = EFFORT_MAX,
	  .xhigh = true, .schema = true, .no_sampling = true, .no_prefill = true,
	  .system_turns = true },
	{ 505, 505, LITC("opus"), .cap = 128000, .thinking = THINKING_ALWAYS,
	  .top_effort = EFFORT_MAX, .xhigh = true, .schema = true, .no_sampling = true,
	  .no_prefill = true, .system_turns = true },
	/* Sonnet 5.5 thinks between tools instead of not at all. */
	{ 505, 505, LITC("sonnet"), .cap = 128000, .thinking = THINKING_ALWAYS,
	  .top_effort = EFFORT_MAX, .xhigh = true, .schema = true, .no_sampling = true,
	  .no_prefill = true, .system_turns = true },
	/* And those to come. */
	{ 505, UINT16_MAX, ANY, .cap = 128000, .thinking = THINKING_ADAPTIVE,
	  .top_effort = EFFORT_MAX, .xhigh = true, .schema = true, .no_sampling = true,
	  .no_prefill = true, .system_turns = true },
};

static const struct claude fable_always = {
	.cap = 128000,
	.thinking = THINKING_ALWAYS,
	.top_effort = EFFORT_MAX,
	.xhigh = true,
	.schema = true,
	.no_sampling = true,
	.no_prefill = true,
	.system_turns = true,
};

/* Others that speak the dialect: MiniMax, DeepSeek, Moonshot, Z.ai, llama.cpp, Ollama. */
static const struct claude no_claude = { .thinking = THINKING_BUDGET };

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* The next word or number of a name; empty at its end. */
static struct slice token(struct slice *rest)
{
	struct slice t;
	size_t n = 0;

	while (rest->n > 0 && !is_letter(rest->p[0]) && !is_digit(rest->p[0]))
		*rest = slice_skip(*rest, 1);
	if (rest->n == 0)
		return *rest;
	while (n < rest->n &&
	       (is_letter(rest->p[0]) ? is_letter(rest->p[n]) : is_digit(rest->p[n])))
		n++;
	t = slice_head(*rest, n);
	*rest = slice_skip(*rest, n);
	return t;
}

/* 405 for 4.5; 0: no version. */
static unsigned version_read(struct slice rest, struct slice *line)
{
	unsigned version = 0, numbers = 0;
	struct slice t;

	*line = slice_of(NULL, 0);
	for (t = token(&rest); t.n > 0; t = token(&rest)) {
		uint64_t v;

		if (!slice_u64(t, &v)) {
			if (line->n == 0 && t.n > 1)
				*line = t;
			else if (numbers > 0)
				break; /* "v2", "latest", "thinking" */
			continue;
		}
		if (t.n > 2 || numbers == 2)
			break; /* a date */
		version += numbers == 0 ? (unsigned)v * 100 : (unsigned)v;
		numbers++;
	}
	return version;
}

const struct claude *claude_of(struct slice model)
{
	size_t at = slice_find(model, LIT("claude"));
	struct slice line;
	unsigned version;

	if (at == SLICE_NONE)
		return &no_claude;
	version = version_read(slice_skip(model, at + sizeof("claude") - 1), &line);
	if (slice_ieq(line, LIT("instant")))
		return &claudes[0];
	if (version == 0)
		return &claudes[ARRAY_LEN(claudes) - 1]; /* a name of the customer's own */
	if (slice_ieq(line, LIT("fable")) && version > 500)
		return &fable_always;
	for (size_t i = 0; i < ARRAY_LEN(claudes); i++) {
		const struct claude *c = &claudes[i];

		if (version >= c->from && version <= c->to &&
		    (c->line.n == 0 || slice_ieq(c->line, line)))
			return c;
	}
	return &claudes[ARRAY_LEN(claudes) - 1];
}
