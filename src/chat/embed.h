/* chat/embed.h -- embeddings between dialects: the one form of a request and of its answer,
 * and a table of functions per dialect, as in chat/dialect.h.
 *
 * Pure.  Source: OpenAI's "Create embeddings", Cohere's "Embed" v2, Gemini's embedContent and
 * batchEmbedContents (and Vertex's predict), Bedrock's "Titan Text Embeddings" and "Cohere
 * Embed", Ollama's "Generate embeddings", Voyage's and Mistral's embeddings.
 *
 * Clients speak OpenAI's, Cohere's and Gemini's; the others are for providers.  Requests are
 * read and refused as in dialect.h, and strings, numbers and vectors stay as they were written:
 * a vector is only made anew where one side has numbers and the other base64.
 */
#ifndef WEIR_CHAT_EMBED_H
#define WEIR_CHAT_EMBED_H

#include "chat/dialect.h"

/* Over what any provider takes in one call. */
enum { EMBED_INPUTS_MAX = 8192 };

enum embed_kind {
	EMBED_TEXT,
	EMBED_TOKENS, /* `raw`: an array of numbers; OpenAI's dialect only */
	EMBED_OTHER,  /* `raw`: with images; its own dialect only */
};

struct embed_input {
	enum embed_kind kind;
	struct json_text text, title;
	struct slice raw;
};

/* What the vectors are for. */
enum embed_use {
	USE_UNSET,
	USE_DOCUMENT,
	USE_QUERY,
	USE_CLASSIFICATION,
	USE_CLUSTERING,
	USE_SIMILARITY, /* this and the following are Gemini's */
	USE_QUESTION,
	USE_FACT,
	USE_CODE,
};

struct embed_request {
	const struct embed_dialect *dialect; /* it was read from; set by its reader */
	struct slice model;                  /* as asked for, decoded */
	struct embed_input *inputs;
	size_t n;
	bool single;         /* it was one, not a list of one */
	uint64_t dimensions; /* 0: not said */
	bool floats, base64; /* wanted: one of them or both */
	struct slice types;  /* Cohere's embedding_types, when there are others among them */
	enum embed_use use;
	struct json_text user;
	struct chat_extra *extras; /* not placed above, in the order of the body */
	/* Private. */
	struct chat_extra **extras_tail;
};

/* One of both, or both. */
struct embed_vector {
	struct slice numbers;    /* JSON array */
	struct json_text base64; /* of 32-bit floats, little-endian */
};

struct embed_answer {
	struct embed_vector *v; /* as many as the request had inputs, in their order */
	size_t n;
	struct usage usage;
};

struct embed_dialect {
	const char *name;
	enum provider_dialect id;
	/* E_BAD: `why`: a 400;  E_NOMEM.  NULL: no client speaks it to us. */
	enum rc (*request_read)(struct embed_request *r, const struct request_in *in,
				struct arena *a, struct chat_refusal *why);
	/* E_BAD: `why`: this deployment cannot take it;  E_NOMEM */
	enum rc (*request_write)(const struct embed_request *r, const struct chat_target *t,
				 struct json_out *out, struct chat_lost *lost,
				 struct chat_refusal *why);
	/* Below the provider's base path.  From the arena. */
	struct slice (*path)(const struct chat_target *t, struct arena *a);
	/* E_BAD: not an answer, or not one to these inputs;  E_NOMEM */
	enum rc (*answer_read)(struct slice body, const struct embed_request *r,
			       struct embed_answer *ans, struct arena *a);
	/* NULL: no client speaks it to us. */
	void (*answer_write)(const struct chat_reply *to, const struct embed_request *r,
			     const struct embed_answer *ans, struct json_out *out);
};

extern const struct embed_dialect embed_openai, embed_cohere, embed_gemini, embed_bedrock,
	embed_ollama;

/* NULL: it has no embeddings (anthropic). */
const struct embed_dialect *embed_dialect_of(enum provider_dialect id);

/* One vector in the wanted form, converted if it must be.  What is no vector (not numbers, no
 * base64 of whole floats) is written as an empty one. */
void embed_numbers_out(struct json_out *out, const struct embed_vector *v);
void embed_base64_out(struct json_out *out, const struct embed_vector *v);

#endif
