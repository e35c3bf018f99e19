/* mock/responses.h -- OpenAI's Responses in parts: responses_check.c reads and judges. */
#ifndef WEIR_MOCK_RESPONSES_H
#define WEIR_MOCK_RESPONSES_H

#include "mock/openai.h"

struct responses_ask {
	struct question q;
	struct reply r;
	bool summary, encrypted; /* of the reasoning: asked for */
	bool logprobs;
};

void responses_check(struct responses_ask *a);

#endif
