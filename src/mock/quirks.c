/* Each provider's way with OpenAI's dialect: from its documents and recorded answers. */
#include "mock/quirks.h"

#define CONTENT     "reasoning_content"
#define NO_LOGPROBS "logprobs top_logprobs logit_bias"

static const struct mock_as rows[] = {
	{ .name = "openai", .quirks = QUIRK_STRICT | QUIRK_REASONING_RULES },
	{ .name = "azure", .quirks = QUIRK_AZURE | QUIRK_STRICT | QUIRK_REASONING_RULES },
	{ .name = "groq",
	  .quirks = QUIRK_X_GROQ | QUIRK_TOOL_WHOLE,
	  .reasoning = "reasoning",
	  .usage = USAGE_FINISH,
	  .refused = NO_LOGPROBS " store metadata",
	  .refused_status = 400 },
	{ .name = "together",
	  .quirks = QUIRK_ROLE_EVERY | QUIRK_LOGPROBS_FLAT,
	  .reasoning = "reasoning",
	  .usage = USAGE_FINISH,
	  .stop_word = "eos" },
	{ .name = "fireworks",
	  .quirks = 0,
	  .reasoning = CONTENT,
	  .shape = SHAPE_STRING,
	  .usage = USAGE_FINISH },
	{ .name = "deepseek",
	  .quirks = QUIRK_CACHE_HIT | QUIRK_NULL_CONTENT | QUIRK_WANTS_THOUGHTS,
	  .reasoning = CONTENT,
	  .comment = ": keep-alive",
	  .comments = 2,
	  .blank_lines = 3,
	  .refused = "n seed logit_bias",
	  .refused_status = 422 },
	{ .name = "xai",
	  .quirks = QUIRK_ROLE_FIRST | QUIRK_OUTSIDE | QUIRK_FINISH_ABSENT,
	  .reasoning = CONTENT,
	  .shape = SHAPE_CODE,
	  .usage = USAGE_CUMULATIVE },
	{ .name = "perplexity",
	  .quirks = QUIRK_ROLE_EVERY | QUIRK_NO_DONE | QUIRK_THINK_TEXT | QUIRK_DONE_OBJECT |
		    QUIRK_TAKES_TURNS | QUIRK_CITATIONS | QUIRK_COST,
	  .shape = SHAPE_NUMERIC,
	  .usage = USAGE_CUMULATIVE,
	  .refused = "tools tool_choice stop seed n logprobs top_logprobs",
	  .refused_status = 400 },
	{ .name = "openrouter",
	  .quirks = QUIRK_DETAILS | QUIRK_COST,
	  .reasoning = "reasoning",
	  .shape = SHAPE_NUMERIC,
	  .usage = USAGE_ALWAYS,
	  .comment = ": OPENROUTER PROCESSING",
	  .comments = 2,
	  .blank_lines = 2 },
	{ .name = "cerebras",
	  .quirks = QUIRK_ROLE_FIRST | QUIRK_TIME_INFO,
	  .reasoning = "reasoning",
	  .shape = SHAPE_FLAT,
	  .usage = USAGE_FINISH,
	  .refused = "n frequency_penalty presence_penalty logit_bias",
	  .refused_status = 400 },
	{ .name = "mistral",
	  .quirks = QUIRK_STRICT | QUIRK_TOOL_WHOLE | QUIRK_TOOL_NO_INDEX | QUIRK_CONTENT_LIST |
		    QUIRK_ID_9,
	  .reasoning = "thinking",
	  .shape = SHAPE_MISTRAL,
	  .usage = USAGE_FINISH,
	  .refused = "seed user max_completion_tokens stream_options logit_bias logprobs "
		     "top_logprobs",
	  .refused_status = 422 },
	{ .name = "sambanova",
	  .quirks = 0,
	  .shape = SHAPE_STRING,
	  .refused = "n seed frequency_penalty presence_penalty logprobs",
	  .refused_status = 400 },
	{ .name = "nvidia", .quirks = 0, .reasoning = CONTENT, .shape = SHAPE_DETAIL },
	{ .name = "huggingface", .quirks = 0, .shape = SHAPE_STRING },
	{ .name = "deepinfra", .quirks = 0, .reasoning = CONTENT, .shape = SHAPE_DETAIL },
	{ .name = "moonshot",
	  .quirks = QUIRK_CACHE_TOP | QUIRK_USAGE_CHOICE,
	  .reasoning = CONTENT,
	  .usage = USAGE_FINISH,
	  .refused = "functions",
	  .refused_status = 400 },
	{ .name = "zai", .quirks = QUIRK_TOOL_WHOLE, .reasoning = CONTENT },
	{ .name = "dashscope",
	  .quirks = QUIRK_TOOL_ID_EMPTY,
	  .reasoning = CONTENT,
	  .refused = "frequency_penalty logit_bias",
	  .refused_status = 400 },
	{ .name = "minimax",
	  .quirks = QUIRK_THINK_TEXT | QUIRK_ERROR_200,
	  .shape = SHAPE_BASE_RESP,
	  .usage = USAGE_ALWAYS },
	{ .name = "databricks",
	  .quirks = QUIRK_CONTENT_LIST,
	  .reasoning = "summary",
	  .shape = SHAPE_ERROR_CODE,
	  .usage = USAGE_CUMULATIVE },
	{ .name = "watsonx",
	  .quirks = QUIRK_NO_DONE,
	  .shape = SHAPE_ERRORS,
	  .usage = USAGE_FINISH },
	{ .name = "google-openai",
	  .quirks = QUIRK_STOP_CALLS | QUIRK_TOOL_WHOLE,
	  .shape = SHAPE_ARRAY,
	  .usage = USAGE_CUMULATIVE },
	{ .name = "vllm", .quirks = QUIRK_ROLE_FIRST, .reasoning = "reasoning" },
	{ .name = "llamacpp",
	  .quirks = QUIRK_TIME_INFO,
	  .reasoning = CONTENT,
	  .shape = SHAPE_NUMERIC },
	{ .name = "ollama",
	  .quirks = QUIRK_TOOL_WHOLE | QUIRK_ARGS_OBJECT,
	  .reasoning = "reasoning" },
	{ .name = "anthropic" },
	{ .name = "gemini" },
	{ .name = "vertex", .quirks = QUIRK_USAGE_LATE },
	{ .name = "bedrock" },
	{ .name = "cohere" },
};

const struct mock_as *mock_as_rows(size_t *n)
{
	*n = ARRAY_LEN(rows);
	return rows;
}

const char *mock_as_name(size_t i)
{
	return i < ARRAY_LEN(rows) ? rows[i].name : NULL;
}

bool mock_in_list(const char *list, struct slice name)
{
	struct slice rest = slice_cstr(list), one;

	while (rest.n > 0) {
		if (!slice_cut(rest, ' ', &one, &rest))
			rest = slice_of(NULL, 0);
		if (slice_eq(one, name))
			return true;
	}
	return false;
}
