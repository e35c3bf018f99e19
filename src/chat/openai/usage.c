#include "chat/openai/parts.h"

/* The members of usage and of its details that are looked for. */
enum { USAGE_MEMBERS_MAX = 32 };

struct counts {
	struct json_member m[USAGE_MEMBERS_MAX];
	size_t n;
};

static void counts_of(struct counts *c, struct slice object)
{
	c->n = size_min(json_object(object, c->m, ARRAY_LEN(c->m)), ARRAY_LEN(c->m));
}

/* The members of the object under this name; none when there is no such object. */
static void counts_inside(const struct counts *c, const char *name, struct counts *inner)
{
	const struct json_member *at = json_member_find(c->m, c->n, slice_cstr(name), NULL);

	counts_of(inner, at != NULL ? at->value : (struct slice){ NULL, 0 });
}

static uint64_t count(const struct counts *c, const char *name)
{
	const struct json_member *at = json_member_find(c->m, c->n, slice_cstr(name), NULL);
	uint64_t v = 0;

	return at != NULL && json_u64(at->value, &v) ? v : 0;
}

static uint64_t either(uint64_t a, uint64_t b)
{
	return a > 0 ? a : b;
}

/* Every provider that says how much came from its cache says it in its own place: DeepSeek
 * (prompt_cache_hit_tokens), Moonshot (cached_tokens), Mistral (the other two). */
static uint64_t cached(const struct counts *c, const struct counts *in)
{
	struct counts mistral;
	uint64_t n = count(in, "cached_tokens");

	counts_inside(c, "prompt_token_details", &mistral);
	n = either(n, count(&mistral, "cached_tokens"));
	n = either(n, count(c, "cached_tokens"));
	n = either(n, count(c, "num_cached_tokens"));
	return either(n, count(c, "prompt_cache_hit_tokens"));
}

/* The second name is DashScope's. */
static uint64_t cache_written(const struct counts *c, const struct counts *in)
{
	uint64_t n = either(count(in, "cache_write_tokens"),
			    count(in, "cache_creation_input_tokens"));

	return either(n, count(c, "cache_creation_input_tokens"));
}

/* Audio that came from the cache is counted in both: the cache has it. */
static uint64_t audio_of(uint64_t *rest, uint64_t whole, uint64_t audio, bool *odd)
{
	*odd |= audio > whole;
	audio = audio < *rest ? audio : *rest;
	*rest -= audio;
	return audio;
}

/* Cached, cache-write and audio tokens are inside prompt_tokens, reasoning is inside
 * completion_tokens; but where total == prompt + completion + reasoning it is outside
 * (xAI). */
void openai_usage_read(struct usage *u, struct slice object)
{
	struct counts c, in, out;
	uint64_t prompt, completion, whole, reasoning;
	bool outside;

	counts_of(&c, object);
	counts_inside(&c, "prompt_tokens_details", &in);
	counts_inside(&c, "completion_tokens_details", &out);
	prompt = count(&c, "prompt_tokens");
	completion = count(&c, "completion_tokens");
	reasoning = count(&out, "reasoning_tokens");
	if (prompt == 0 && count(&c, "prompt_cache_miss_tokens") <= USAGE_TOKENS_MAX &&
	    count(&c, "prompt_cache_hit_tokens") <= USAGE_TOKENS_MAX)
		prompt = count(&c, "prompt_cache_hit_tokens") +
			 count(&c, "prompt_cache_miss_tokens");
	outside = reasoning > 0 && count(&c, "total_tokens") - prompt - completion == reasoning;

	*u = (struct usage){ .odd = prompt > USAGE_TOKENS_MAX ||
				    completion > USAGE_TOKENS_MAX ||
				    reasoning > USAGE_TOKENS_MAX };
	if (u->odd)
		return; /* as good as none: it will be estimated */
	u->known = true;
	whole = prompt;
	u->cache_read = usage_part(&prompt, cached(&c, &in), &u->odd);
	u->cache_write = usage_part(&prompt, cache_written(&c, &in), &u->odd);
	u->audio_in = audio_of(&prompt, whole, count(&in, "audio_tokens"), &u->odd);
	u->input = prompt;
	whole = completion;
	u->reasoning = outside ? reasoning : usage_part(&completion, reasoning, &u->odd);
	u->audio_out = audio_of(&completion, whole, count(&out, "audio_tokens"), &u->odd);
	u->output = completion;
}

void openai_usage_write(struct json_out *o, const struct usage *u)
{
	const uint64_t prompt = usage_prompt(u), completion = usage_completion(u);

	out_object(o);
	out_key(o, "prompt_tokens"), out_u64(o, prompt);
	out_key(o, "completion_tokens"), out_u64(o, completion);
	out_key(o, "total_tokens"), out_u64(o, prompt + completion);
	out_key(o, "prompt_tokens_details");
	out_object(o);
	out_key(o, "cached_tokens"), out_u64(o, u->cache_read);
	out_key(o, "cache_write_tokens"), out_u64(o, u->cache_write + u->cache_write_1h);
	out_key(o, "audio_tokens"), out_u64(o, u->audio_in);
	out_close(o);
	out_key(o, "completion_tokens_details");
	out_object(o);
	out_key(o, "reasoning_tokens"), out_u64(o, u->reasoning);
	out_key(o, "audio_tokens"), out_u64(o, u->audio_out);
	out_key(o, "accepted_prediction_tokens"), out_u64(o, 0);
	out_key(o, "rejected_prediction_tokens"), out_u64(o, 0);
	out_close(o);
	out_close(o);
}
