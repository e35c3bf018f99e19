#include "catalogue/providers.h"

#define PROVIDER_QUIRK_ROW(name, bit, word, help) { word, name, help },
const struct provider_quirk_name provider_quirk_names[] = { PROVIDER_QUIRKS(
	PROVIDER_QUIRK_ROW) };
#undef PROVIDER_QUIRK_ROW
const size_t provider_quirk_n = ARRAY_LEN(provider_quirk_names);

const struct provider_dialect_row provider_dialects[DIALECTS] = {
	[DIALECT_OPENAI] = { "openai", "Authorization", "Bearer " },
	[DIALECT_RESPONSES] = { "responses", "Authorization", "Bearer " },
	[DIALECT_ANTHROPIC] = { "anthropic", "x-api-key", "", "anthropic-version",
				"2023-06-01" },
	[DIALECT_GEMINI] = { "gemini", "x-goog-api-key", "" },
	[DIALECT_BEDROCK] = { "bedrock", "Authorization", "Bearer " },
	[DIALECT_COHERE] = { "cohere", "Authorization", "Bearer " },
	[DIALECT_OLLAMA] = { "ollama", "Authorization", "Bearer " },
};

#define BEARER .auth_name = "Authorization", .auth_prefix = "Bearer "
#define HOSTED BEARER, .lists_models = true
#define LOCAL  BEARER, .lists_models = true, .local = true

const struct provider_known providers_known[] = {
	{ .name = "anthropic",
	  .title = "Anthropic",
	  .dialect = DIALECT_ANTHROPIC,
	  .base_url = "https://api.anthropic.com/v1",
	  .models_path = "/models?limit=1000",
	  .key_env = "ANTHROPIC_API_KEY",
	  .auth_name = "x-api-key",
	  .auth_prefix = "",
	  .also = { { DIALECT_OPENAI, .base_url = "https://api.anthropic.com/v1", BEARER } },
	  .lists_models = true },
	{ .name = "azure",
	  .title = "Azure OpenAI",
	  .base_hint = "https://RESOURCE.openai.azure.com/openai/v1",
	  .key_env = "AZURE_API_KEY",
	  .auth_name = "api-key",
	  .auth_prefix = "",
	  .quirks = QUIRK_CACHE_MARKS,
	  .also = { { DIALECT_RESPONSES } },
	  .lists_models = true },
	{ .name = "azure-foundry",
	  .title = "Azure AI Foundry",
	  .base_hint = "https://RESOURCE.services.ai.azure.com/openai/v1",
	  .key_env = "AZURE_FOUNDRY_API_KEY",
	  .key_env_too = "AZURE_AI_API_KEY",
	  .auth_name = "api-key",
	  .auth_prefix = "",
	  .quirks = QUIRK_CACHE_MARKS,
	  .also = { { DIALECT_RESPONSES },
		    { DIALECT_ANTHROPIC,
		      .base_hint = "https://RESOURCE.services.ai.azure.com/anthropic/v1" } },
	  .lists_models = true },
	{ .name = "baseten",
	  .title = "Baseten",
	  .base_url = "https://inference.baseten.co/v1",
	  .key_env = "BASETEN_API_KEY",
	  HOSTED,
	  .quirks = QUIRK_ONE_ANSWER,
	  .drop = { "logprobs", "top_logprobs", "logit_bias" } },
	{ .name = "bedrock",
	  .title = "Amazon Bedrock",
	  .cancel_bills = true,
	  .dialect = DIALECT_BEDROCK,
	  .base_hint = "https://bedrock-runtime.REGION.amazonaws.com",
	  .key_env = "AWS_BEARER_TOKEN_BEDROCK",
	  BEARER,
	  .sigv4 = true,
	  .also = { { DIALECT_OPENAI,
		      .base_hint = "https://bedrock-runtime.REGION.amazonaws.com/openai/v1" },
		    { DIALECT_RESPONSES,
		      .base_hint =
			      "https://bedrock-runtime.REGION.amazonaws.com/openai/v1" } } },
	{ .name = "bedrock-mantle",
	  .title = "Amazon Bedrock (OpenAI endpoint)",
	  .cancel_bills = true,
	  .base_hint = "https://bedrock-mantle.REGION.api.aws/v1",
	  .key_env = "AWS_BEARER_TOKEN_BEDROCK",
	  HOSTED,
	  .sigv4 = true,
	  .also = { { DIALECT_RESPONSES },
		    { DIALECT_ANTHROPIC,
		      .base_hint = "https://bedrock-mantle.REGION.api.aws/anthropic/v1" } } },
	{ .name = "cerebras",
	  .title = "Cerebras",
	  .base_url = "https://api.cerebras.ai/v1",
	  .key_env = "CEREBRAS_API_KEY",
	  HOSTED,
	  .quirks = QUIRK_ONE_ANSWER | QUIRK_REASONING_NAME },
	{ .name = "chutes",
	  .title = "Chutes",
	  .base_url = "https://llm.chutes.ai/v1",
	  .key_env = "CHUTES_API_KEY",
	  HOSTED },
	{ .name = "cloudflare",
	  .title = "Cloudflare Workers AI",
	  .base_hint = "https://api.cloudflare.com/client/v4/accounts/ACCOUNT/ai/v1",
	  .key_env = "CLOUDFLARE_API_KEY",
	  BEARER },
	{ .name = "cohere",
	  .title = "Cohere",
	  .dialect = DIALECT_COHERE,
	  .base_url = "https://api.cohere.com",
	  .models_path = "/v1/models?page_size=1000&endpoint=chat",
	  .key_env = "COHERE_API_KEY",
	  .key_env_too = "CO_API_KEY",
	  HOSTED,
	  .also = { { DIALECT_OPENAI,
		      .base_url = "https://api.cohere.ai/compatibility/v1" } } },
	{ .name = "dashscope",
	  .title = "Alibaba DashScope",
	  .cancel_bills = true,
	  .base_url = "https://dashscope-intl.aliyuncs.com/compatible-mode/v1",
	  .key_env = "DASHSCOPE_API_KEY",
	  HOSTED,
	  .quirks = QUIRK_NO_STRICT,
	  .drop = { "frequency_penalty", "logit_bias" } },
	{ .name = "databricks",
	  .title = "Databricks",
	  .base_hint = "https://HOST/serving-endpoints",
	  .key_env = "DATABRICKS_TOKEN",
	  BEARER },
	{ .name = "deepinfra",
	  .title = "DeepInfra",
	  .base_url = "https://api.deepinfra.com/v1/openai",
	  .key_env = "DEEPINFRA_API_KEY",
	  HOSTED,
	  .quirks = QUIRK_MAX_TOKENS | QUIRK_CHOICE_AUTO },
	{ .name = "deepseek",
	  .title = "DeepSeek",
	  .base_url = "https://api.deepseek.com/v1",
	  .key_env = "DEEPSEEK_API_KEY",
	  HOSTED,
	  .quirks = QUIRK_MAX_TOKENS | QUIRK_ONE_ANSWER | QUIRK_NO_JSON_SCHEMA |
		    QUIRK_REASONING_TURNS,
	  .drop = { "seed", "user", "logit_bias" },
	  .also = { { DIALECT_ANTHROPIC, .base_url = "https://api.deepseek.com/anthropic/v1",
		      .auth_name = "x-api-key", .auth_prefix = "" } } },
	{ .name = "fireworks",
	  .title = "Fireworks",
	  .base_url = "https://api.fireworks.ai/inference/v1",
	  .key_env = "FIREWORKS_API_KEY",
	  HOSTED,
	  .quirks = QUIRK_CHOICE_ANY },
	{ .name = "friendli",
	  .title = "Friendli",
	  .base_url = "https://api.friendli.ai/serverless/v1",
	  .key_env = "FRIENDLI_TOKEN",
	  HOSTED },
	{ .name = "gmi",
	  .title = "GMI Cloud",
	  .base_url = "https://api.gmi-serving.com/v1",
	  .key_env = "GMI_API_KEY",
	  HOSTED },
	{ .name = "google",
	  .title = "Google AI Studio",
	  .cancel_bills = true,
	  .dialect = DIALECT_GEMINI,
	  .base_url = "https://generativelanguage.googleapis.com/v1beta",
	  .models_path = "/models?pageSize=1000",
	  .key_env = "GEMINI_API_KEY",
	  .key_env_too = "GOOGLE_API_KEY",
	  .auth_name = "x-goog-api-key",
	  .auth_prefix = "",
	  .also = { { DIALECT_OPENAI,
		      .base_url = "https://generativelanguage.googleapis.com/v1beta/openai",
		      BEARER } },
	  .lists_models = true },
	{ .name = "groq",
	  .title = "Groq",
	  .cancel_bills = true,
	  .base_url = "https://api.groq.com/openai/v1",
	  .key_env = "GROQ_API_KEY",
	  HOSTED,
	  .quirks = QUIRK_ONE_ANSWER | QUIRK_NO_NAMES | QUIRK_REASONING_NAME,
	  .drop = { "logprobs", "top_logprobs", "logit_bias", "store", "metadata" } },
	{ .name = "huggingface",
	  .title = "Hugging Face",
	  .cancel_bills = true,
	  .base_url = "https://router.huggingface.co/v1",
	  .key_env = "HF_TOKEN",
	  HOSTED },
	{ .name = "hyperbolic",
	  .title = "Hyperbolic",
	  .base_url = "https://api.hyperbolic.xyz/v1",
	  .key_env = "HYPERBOLIC_API_KEY",
	  HOSTED,
	  .drop = { "logprobs", "top_logprobs", "logit_bias", "parallel_tool_calls" } },
	{ .name = "llamacpp",
	  .title = "llama.cpp server",
	  .base_url = "http://127.0.0.1:8080/v1",
	  .key_env = "LLAMACPP_API_KEY",
	  LOCAL,
	  .also = { { DIALECT_RESPONSES }, { DIALECT_ANTHROPIC } } },
	{ .name = "lmstudio",
	  .title = "LM Studio",
	  .base_url = "http://127.0.0.1:1234/v1",
	  .key_env = "LMSTUDIO_API_KEY",
	  LOCAL,
	  .also = { { DIALECT_RESPONSES }, { DIALECT_ANTHROPIC } },
	  .quirks = QUIRK_MAX_TOKENS },
	/* On llama.cpp's port, so it is not looked for. */
	{ .name = "localai",
	  .title = "LocalAI",
	  .base_hint = "http://127.0.0.1:8080/v1",
	  .key_env = "LOCALAI_API_KEY",
	  HOSTED,
	  .also = { { DIALECT_RESPONSES }, { DIALECT_ANTHROPIC } } },
	{ .name = "minimax",
	  .title = "MiniMax",
	  .cancel_bills = true,
	  .base_url = "https://api.minimax.io/v1",
	  .key_env = "MINIMAX_API_KEY",
	  BEARER,
	  .quirks = QUIRK_ONE_ANSWER,
	  .also = { { DIALECT_ANTHROPIC, .base_url = "https://api.minimax.io/anthropic/v1",
		      .auth_name = "x-api-key", .auth_prefix = "" } } },
	{ .name = "mistral",
	  .title = "Mistral",
	  .cancel_bills = true,
	  .base_url = "https://api.mistral.ai/v1",
	  .key_env = "MISTRAL_API_KEY",
	  HOSTED,
	  .quirks = QUIRK_NO_STREAM_OPTIONS | QUIRK_MAX_TOKENS | QUIRK_RANDOM_SEED |
		    QUIRK_TEMPERATURE_1_5 | QUIRK_SHORT_IDS | QUIRK_OUTPUT_DIMENSION,
	  .drop = { "logprobs", "top_logprobs", "logit_bias", "user", "store", "service_tier",
		    "safety_identifier", "verbosity" } },
	{ .name = "moonshot",
	  .title = "Moonshot",
	  .base_url = "https://api.moonshot.ai/v1",
	  .key_env = "MOONSHOT_API_KEY",
	  HOSTED,
	  .quirks = QUIRK_TEMPERATURE_1 | QUIRK_CHOICE_AUTO },
	{ .name = "nebius",
	  .title = "Nebius Token Factory",
	  .cancel_bills = true,
	  .base_url = "https://api.tokenfactory.nebius.com/v1",
	  .key_env = "NEBIUS_API_KEY",
	  HOSTED,
	  .quirks = QUIRK_MAX_TOKENS },
	{ .name = "novita",
	  .title = "Novita",
	  .base_url = "https://api.novita.ai/openai",
	  .key_env = "NOVITA_API_KEY",
	  HOSTED },
	{ .name = "nvidia",
	  .title = "NVIDIA NIM",
	  .base_url = "https://integrate.api.nvidia.com/v1",
	  .key_env = "NVIDIA_API_KEY",
	  HOSTED,
	  .quirks = QUIRK_MAX_TOKENS },
	{ .name = "ollama",
	  .title = "Ollama",
	  .base_url = "http://127.0.0.1:11434/v1",
	  .key_env = "OLLAMA_API_KEY",
	  LOCAL,
	  .quirks = QUIRK_MAX_TOKENS | QUIRK_REASONING_NAME | QUIRK_INLINE_MEDIA,
	  .also = { { DIALECT_OLLAMA, .base_url = "http://127.0.0.1:11434" },
		    { DIALECT_RESPONSES },
		    { DIALECT_ANTHROPIC } } },
	{ .name = "openai",
	  .title = "OpenAI",
	  .base_url = "https://api.openai.com/v1",
	  .key_env = "OPENAI_API_KEY",
	  HOSTED,
	  .quirks = QUIRK_CACHE_MARKS,
	  .also = { { DIALECT_RESPONSES } } },
	{ .name = "openrouter",
	  .title = "OpenRouter",
	  .base_url = "https://openrouter.ai/api/v1",
	  .key_env = "OPENROUTER_API_KEY",
	  HOSTED,
	  .quirks = QUIRK_REASONING_NAME },
	{ .name = "ovh",
	  .title = "OVHcloud AI Endpoints",
	  .base_url = "https://oai.endpoints.kepler.ai.cloud.ovh.net/v1",
	  .key_env = "OVHCLOUD_API_KEY",
	  HOSTED },
	{ .name = "perplexity",
	  .title = "Perplexity",
	  .cancel_bills = true,
	  .base_url = "https://api.perplexity.ai",
	  .embeddings_path = "/v1/embeddings",
	  .key_env = "PERPLEXITY_API_KEY",
	  BEARER,
	  .quirks = QUIRK_NO_STREAM_OPTIONS | QUIRK_MAX_TOKENS | QUIRK_ONE_ANSWER |
		    QUIRK_ALTERNATE | QUIRK_BARE_SCHEMA,
	  .drop = { "seed", "logprobs", "top_logprobs", "logit_bias" } },
	{ .name = "sambanova",
	  .title = "SambaNova",
	  .cancel_bills = true,
	  .base_url = "https://api.sambanova.ai/v1",
	  .key_env = "SAMBANOVA_API_KEY",
	  HOSTED,
	  .quirks = QUIRK_MAX_TOKENS | QUIRK_ONE_ANSWER | QUIRK_STRING_CONTENT,
	  .drop = { "seed", "frequency_penalty", "presence_penalty", "logprobs",
		    "top_logprobs" } },
	{ .name = "scaleway",
	  .title = "Scaleway",
	  .base_url = "https://api.scaleway.ai/v1",
	  .key_env = "SCALEWAY_API_KEY",
	  HOSTED },
	{ .name = "siliconflow",
	  .title = "SiliconFlow",
	  .base_url = "https://api.siliconflow.com/v1",
	  .key_env = "SILICONFLOW_API_KEY",
	  HOSTED },
	{ .name = "together",
	  .title = "Together",
	  .base_url = "https://api.together.ai/v1",
	  .key_env = "TOGETHER_API_KEY",
	  HOSTED,
	  .quirks = QUIRK_INT_LOGPROBS | QUIRK_NO_TEXT_FORMAT | QUIRK_REASONING_NAME },
	{ .name = "vercel",
	  .title = "Vercel AI Gateway",
	  .base_url = "https://ai-gateway.vercel.sh/v1",
	  .key_env = "AI_GATEWAY_API_KEY",
	  HOSTED },
	/* The key is an OAuth access token. */
	{ .name = "vertex",
	  .title = "Google Vertex AI",
	  .cancel_bills = true,
	  .dialect = DIALECT_GEMINI,
	  .base_hint = "https://LOCATION-aiplatform.googleapis.com/v1beta1/projects/PROJECT/"
		       "locations/LOCATION/publishers/google",
	  .key_env = "GOOGLE_OAUTH_ACCESS_TOKEN",
	  BEARER,
	  .quirks = QUIRK_VERTEX,
	  .also = { { DIALECT_OPENAI,
		      .base_hint = "https://LOCATION-aiplatform.googleapis.com/v1beta1/"
				   "projects/PROJECT/locations/LOCATION/endpoints/"
				   "openapi" } } },
	{ .name = "vllm",
	  .title = "vLLM",
	  .base_url = "http://127.0.0.1:8000/v1",
	  .key_env = "VLLM_API_KEY",
	  LOCAL,
	  .quirks = QUIRK_REASONING_NAME,
	  .also = { { DIALECT_RESPONSES }, { DIALECT_ANTHROPIC } } },
	{ .name = "voyage",
	  .title = "Voyage (embeddings)",
	  .base_url = "https://api.voyageai.com/v1",
	  .key_env = "VOYAGE_API_KEY",
	  BEARER,
	  .quirks = QUIRK_OUTPUT_DIMENSION | QUIRK_INPUT_TYPE },
	{ .name = "wandb",
	  .title = "W&B Inference",
	  .base_url = "https://api.inference.wandb.ai/v1",
	  .key_env = "WANDB_API_KEY",
	  HOSTED },
	/* The key is an IAM token; project_id or space_id belongs into add_params. */
	{ .name = "watsonx",
	  .title = "IBM watsonx",
	  .base_hint = "https://REGION.ml.cloud.ibm.com",
	  .chat_path = "/ml/v1/text/chat?version=2026-01-15",
	  .chat_stream_path = "/ml/v1/text/chat_stream?version=2026-01-15",
	  .embeddings_path = "/ml/v1/text/embeddings?version=2026-01-15",
	  .key_env = "WATSONX_TOKEN",
	  BEARER,
	  .quirks = QUIRK_NO_STREAM_OPTIONS | QUIRK_MAX_TOKENS | QUIRK_MODEL_ID |
		    QUIRK_CHOICE_OPTION | QUIRK_NO_STRICT | QUIRK_NO_ADDITIONAL },
	{ .name = "xai",
	  .title = "xAI",
	  .base_url = "https://api.x.ai/v1",
	  .key_env = "XAI_API_KEY",
	  HOSTED,
	  .quirks = QUIRK_NO_STRICT | QUIRK_NO_ADDITIONAL | QUIRK_NO_NAMES,
	  .also = { { DIALECT_RESPONSES } } },
	{ .name = "zai",
	  .title = "Z.ai",
	  .base_url = "https://api.z.ai/api/paas/v4",
	  .key_env = "ZAI_API_KEY",
	  BEARER,
	  .quirks = QUIRK_MAX_TOKENS | QUIRK_ONE_ANSWER | QUIRK_CHOICE_AUTO,
	  .drop = { "frequency_penalty", "presence_penalty", "logit_bias", "logprobs",
		    "top_logprobs", "seed" } },
	{ .name = "zhipu",
	  .title = "Zhipu",
	  .base_url = "https://open.bigmodel.cn/api/paas/v4",
	  .key_env = "ZHIPU_API_KEY",
	  BEARER,
	  .quirks = QUIRK_MAX_TOKENS | QUIRK_ONE_ANSWER | QUIRK_CHOICE_AUTO,
	  .drop = { "frequency_penalty", "presence_penalty", "logit_bias", "logprobs",
		    "top_logprobs", "seed" } },
};
const size_t provider_known_n = ARRAY_LEN(providers_known);

const struct provider_closed providers_closed[] = {
	{ "ai21", "AI21", "2026-08-09" },
	{ "github-models", "GitHub Models", "2026-07-30" },
	{ "lambda", "Lambda Inference", "2025-09-25" },
	{ "meta", "Meta Llama API", "2026-07-06" },
};
const size_t provider_closed_n = ARRAY_LEN(providers_closed);

const struct provider_closed *provider_closed(struct slice name)
{
	for (size_t i = 0; i < provider_closed_n; i++)
		if (slice_eq(slice_cstr(providers_closed[i].name), name))
			return &providers_closed[i];
	return NULL;
}

const struct provider_known *provider_known(struct slice name)
{
	for (size_t i = 0; i < provider_known_n; i++)
		if (slice_eq(slice_cstr(providers_known[i].name), name))
			return &providers_known[i];
	return NULL;
}

const char *provider_suggest(struct slice name)
{
	const char *best = NULL;
	size_t best_distance = 3; /* two slips at most */

	for (size_t i = 0; i < provider_known_n; i++) {
		struct slice known = slice_cstr(providers_known[i].name);
		size_t d = slice_distance(known, name);

		if (d < best_distance && d < known.n) {
			best = providers_known[i].name;
			best_distance = d;
		}
	}
	return best;
}

static bool way_given(const struct provider_way *w)
{
	return w->dialect != DIALECT_OPENAI || w->base_url != NULL || w->base_hint != NULL;
}

bool provider_speaks(const struct provider_known *p, enum provider_dialect dialect,
		     struct provider_way *way)
{
	*way = (struct provider_way){ dialect, p->base_url, p->base_hint, p->auth_name,
				      p->auth_prefix };
	if (p->dialect == dialect)
		return true;
	for (size_t i = 0; i < PROVIDER_ALSO_MAX && way_given(&p->also[i]); i++) {
		const struct provider_way *w = &p->also[i];

		if (w->dialect != dialect)
			continue;
		if (w->base_url != NULL || w->base_hint != NULL) {
			way->base_url = w->base_url;
			way->base_hint = w->base_hint;
		}
		if (w->auth_name != NULL) {
			way->auth_name = w->auth_name;
			way->auth_prefix = w->auth_prefix;
		}
		return true;
	}
	return false;
}
