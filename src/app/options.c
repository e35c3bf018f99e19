#include "app/options.h"

#include "app/config.h"

#define MS(n)  ((uint64_t)(n)*1000)
#define SEC(n) ((uint64_t)(n)*1000000)
#define MIN(n) SEC((uint64_t)(n)*60)
#define KIB(n) ((uint64_t)(n) << 10)
#define MIB(n) ((uint64_t)(n) << 20)

#define HOUR MIN(60)

static const char *const log_levels[] = { "debug", "info", "warn", "error", NULL };
static const char *const log_formats[] = { "logfmt", "json", NULL };

/* ---- listeners, log, keys ---------------------------------------------------------- */

#define AT(member) offsetof(struct config_tls, member)
static const struct option tls_rows[] = {
	{ "cert", OPT_TEXT, AT(cert), .doc = "PEM file of the certificate chain, leaf first.",
	  .sample = "/etc/weir/cert.pem" },
	{ "key", OPT_TEXT, AT(key), .doc = "PEM file of its private key.",
	  .sample = "/etc/weir/key.pem" },
};
static const struct option_table tls_table = {
	.name = "tls",
	.size = sizeof(struct config_tls),
	.rows = tls_rows,
	.n = ARRAY_LEN(tls_rows),
};
#undef AT

#define AT(member) offsetof(struct config_listen, member)
static const struct option listen_rows[] = {
	{ "address", OPT_TEXT, AT(address), .dflt = "127.0.0.1:8080",
	  .doc = "Address and port: 127.0.0.1:8080, [::1]:8080, 0.0.0.0:80. Port 0 takes a "
		 "free one." },
	{ "tls", OPT_SECTION, AT(tls), .of = &tls_table,
	  .doc = "Serve HTTPS with this certificate; without it, HTTP." },
};
static const struct option_table listen_table = {
	.name = "listener",
	.size = sizeof(struct config_listen),
	.rows = listen_rows,
	.n = ARRAY_LEN(listen_rows),
	.shorthand = "address",
};
#undef AT

#define AT(member) offsetof(struct config_log, member)
static const struct option log_rows[] = {
	{ "level", OPT_WORD, AT(level), .dflt = "info", .words = log_levels,
	  .doc = "Events below it are not written." },
	{ "format", OPT_WORD, AT(format), .dflt = "logfmt", .words = log_formats,
	  .doc = "How a line is written." },
	{ "access", OPT_BOOL, AT(access), .dflt = "true",
	  .doc = "Write one record per request. Keys and prompts are never written." },
};
static const struct option_table log_table = {
	.name = "log",
	.size = sizeof(struct config_log),
	.rows = log_rows,
	.n = ARRAY_LEN(log_rows),
};
#undef AT

/* In the order of enum unsupported, from its second. */
static const char *const unsupported[] = { "drop", "drop_all", "refuse", NULL };

#define AT(member) offsetof(struct config_key, member)
static const struct option key_rows[] = {
	{ "name", OPT_TEXT, AT(name), .doc = "What it is called in records and metrics.",
	  .sample = "app" },
	{ "key", OPT_SECRET, AT(key), .doc = "What the client sends as its API key.",
	  .sample = "${APP_KEY}" },
	{ "models", OPT_TEXTS, AT(models),
	  .doc = "The models it may use, with * for any run of characters; without it, all.",
	  .sample = "[\"gpt-*\", fast]" },
	{ "access_key_id", OPT_TEXT, AT(access_key_id),
	  .doc = "Clients of AWS sign with this and the key as the secret, instead of sending "
		 "the key.",
	  .sample = "AKIAWEIRAPP" },
	{ "unsupported", OPT_WORD, AT(unsupported), .words = unsupported,
	  .doc = "For this key, instead of the file's.", .sample = "refuse" },
	{ "preview", OPT_BOOL, AT(preview), .dflt = "false",
	  .doc = "It may use what is marked as preview. Where there are no keys, everybody "
		 "may." },
	{ "admin", OPT_BOOL, AT(admin), .dflt = "false",
	  .doc = "It may ask what only owners see: /admin/v1, `weir explain`." },
};
static const struct option_table key_table = {
	.name = "key",
	.size = sizeof(struct config_key),
	.rows = key_rows,
	.n = ARRAY_LEN(key_rows),
};
#undef AT

/* ---- limits and times ----------------------------------------------------------------- */

#define AT(member) offsetof(struct config_limits, member)
static const struct option limit_rows[] = {
	{ "head", OPT_SIZE, AT(head), "32KiB", KIB(1), MIB(1),
	  .doc = "A request's start line and headers; over it 431." },
	{ "body", OPT_SIZE, AT(body), "32MiB", KIB(1), MIB(1024),
	  .doc = "A request's body; over it 413, before it is read whole." },
	{ "response", OPT_SIZE, AT(response), "64MiB", KIB(1), MIB(1024),
	  .doc = "A provider's plain answer, and what is held of a stream before its first "
		 "content." },
	{ "event", OPT_SIZE, AT(event), "1MiB", KIB(1), MIB(64),
	  .doc = "One stream event that is looked into; larger ones are passed on unread." },
	{ "exchange", OPT_SIZE, AT(exchange), "4MiB", KIB(64), MIB(256),
	  .doc = "Memory of one request beside its body." },
	{ "connections", OPT_INT, AT(connections), "20000", 1, 1000000,
	  .doc = "Client connections per worker; over it 503." },
	{ "queue", OPT_SIZE, AT(queue), "64KiB", KIB(4), MIB(1),
	  .doc = "Bytes waiting for a slow client above which its provider is not read." },
	{ "upstream_head", OPT_SIZE, AT(upstream_head), "64KiB", KIB(1), MIB(1),
	  .doc = "A provider's status line and headers." },
	{ "upstream_idle", OPT_INT, AT(upstream_idle), "64", 1, 10000,
	  .doc = "Idle connections kept per provider and worker." },
	{ "upstream_open", OPT_INT, AT(upstream_open), "0", 0, 100000,
	  .doc = "Connections per provider and worker; over it requests wait their turn. 0: no "
		 "limit." },
};
static const struct option_table limits_table = {
	.name = "limits",
	.size = sizeof(struct config_limits),
	.rows = limit_rows,
	.n = ARRAY_LEN(limit_rows),
};
#undef AT

#define AT(member) offsetof(struct config_timeouts, member)
static const struct option timeout_rows[] = {
	{ "connect", OPT_DURATION, AT(connect), "5s", MS(1), MIN(10),
	  .doc = "To reach a provider: its name, TCP, proxy and TLS together." },
	{ "first_content", OPT_DURATION, AT(first_content), "120s", 0, HOUR,
	  .doc = "From sending a request to the first content, or to the whole plain answer. "
		 "0: no limit." },
	{ "stall", OPT_DURATION, AT(stall), "60s", 0, HOUR,
	  .doc = "Between two pieces of a stream after its first content. 0: no limit." },
	{ "total", OPT_DURATION, AT(total), "600s", 0, HOUR * 24,
	  .doc = "A whole request with all its attempts. 0: no limit." },
	{ "head", OPT_DURATION, AT(head), "10s", MS(10), HOUR,
	  .doc = "From the first byte of a client's request to the end of its headers." },
	{ "body_read", OPT_DURATION, AT(body_read), "30s", MS(10), HOUR,
	  .doc = "Between two reads of a client's body." },
	{ "idle", OPT_DURATION, AT(idle), "75s", MS(10), HOUR * 24,
	  .doc = "A client's connection without a request." },
	{ "write", OPT_DURATION, AT(write), "60s", MS(10), HOUR,
	  .doc = "A client that takes nothing of what waits for it." },
	{ "drain", OPT_DURATION, AT(drain), "30s", 0, HOUR * 24,
	  .doc = "At a graceful stop, requests in hand get this long." },
	{ "upstream_idle", OPT_DURATION, AT(upstream_idle), "60s", MS(10), HOUR,
	  .doc = "An idle connection to a provider is kept this long." },
	{ "dns", OPT_DURATION, AT(dns), "30s", 0, HOUR * 24,
	  .doc = "Addresses of a provider are kept this long." },
};
static const struct option_table timeouts_table = {
	.name = "timeouts",
	.size = sizeof(struct config_timeouts),
	.rows = timeout_rows,
	.n = ARRAY_LEN(timeout_rows),
};
#undef AT

#define AT(member) offsetof(struct config_retries, member)
static const struct option retry_rows[] = {
	{ "attempts", OPT_INT, AT(attempts), "3", 1, 20,
	  .doc = "At most so many attempts per request, all deployments together." },
	{ "backoff", OPT_DURATION, AT(backoff), "100ms", 0, MIN(1),
	  .doc = "Before the second attempt at the same deployment; it doubles." },
	{ "backoff_max", OPT_DURATION, AT(backoff_max), "2s", 0, MIN(10),
	  .doc = "The longest such wait." },
	{ "retry_after_max", OPT_DURATION, AT(retry_after_max), "10s", 0, MIN(10),
	  .doc = "A provider that asks for a longer wait is not waited for." },
};
static const struct option_table retries_table = {
	.name = "retries",
	.size = sizeof(struct config_retries),
	.rows = retry_rows,
	.n = ARRAY_LEN(retry_rows),
};

#undef AT

#define AT(member) offsetof(struct config_breaker, member)
static const struct option breaker_rows[] = {
	{ "failures", OPT_INT, AT(failures), "5", 0, 1000,
	  .doc = "So many failures in a row take a deployment out of use. 0: never." },
	{ "open", OPT_DURATION, AT(open), "1s", MS(1), HOUR,
	  .doc = "For how long, the first time; then one request tries it, and it doubles when "
		 "that fails." },
	{ "open_max", OPT_DURATION, AT(open_max), NULL, MS(1), HOUR * 24,
	  .doc = "The longest such time: at most so much later than a provider is well again "
		 "it "
		 "is asked again. 4s, or `open` when that is longer." },
	{ "rest_max", OPT_DURATION, AT(rest_max), "5m", MS(1), HOUR * 24,
	  .doc = "The longest pause that a provider is given when it asks for one "
		 "(Retry-After)." },
	{ "error_rate", OPT_SHARE, AT(error_rate), "50%", 0, 1000,
	  .doc = "Such a share of failures does it too. 0%: never." },
	{ "min_requests", OPT_INT, AT(min_requests), "20", 1, 1000000,
	  .doc = "Of at least so many attempts ..." },
	{ "window", OPT_DURATION, AT(window), "10s", MS(100), HOUR,
	  .doc = "... in such a time." },
};
static const struct option_table breaker_table = {
	.name = "breaker",
	.size = sizeof(struct config_breaker),
	.rows = breaker_rows,
	.n = ARRAY_LEN(breaker_rows),
};
#undef AT

#define AT(member) offsetof(struct config_proxy, member)
static const struct option proxy_rows[] = {
	{ "https", OPT_SECRET, AT(https),
	  .doc = "Proxy for HTTPS providers; without it HTTPS_PROXY or https_proxy of the "
		 "environment, \"\" for none.",
	  .sample = "http://proxy.example:3128" },
	{ "http", OPT_SECRET, AT(http),
	  .doc = "Proxy for HTTP providers; without it http_proxy of the environment, \"\" for "
		 "none.",
	  .sample = "http://proxy.example:3128" },
	{ "no", OPT_TEXT, AT(no),
	  .doc = "Hosts reached without a proxy, with commas between them; without it NO_PROXY "
		 "or no_proxy of the environment.",
	  .sample = "localhost,.internal" },
};
static const struct option_table proxy_table = {
	.name = "proxy",
	.size = sizeof(struct config_proxy),
	.rows = proxy_rows,
	.n = ARRAY_LEN(proxy_rows),
};
#undef AT

#define AT(member) offsetof(struct config_metrics, member)
static const struct option metrics_rows[] = {
	{ "public", OPT_BOOL, AT(public), .dflt = "true",
	  .doc = "/metrics answers without a client key." },
};
static const struct option_table metrics_table = {
	.name = "metrics",
	.size = sizeof(struct config_metrics),
	.rows = metrics_rows,
	.n = ARRAY_LEN(metrics_rows),
};
#undef AT

#define AT(member) offsetof(struct config_media, member)
static const struct option media_rows[] = {
	{ "fetch", OPT_BOOL, AT(fetch), .dflt = "true",
	  .doc = "Fetch images, documents and audio that a client gives by URL, where a "
		 "provider "
		 "takes bytes only. Without it such a request is refused." },
	{ "max_bytes", OPT_SIZE, AT(max_bytes), "20MiB", KIB(1), MIB(256),
	  .doc = "The largest one." },
	{ "max_total", OPT_SIZE, AT(max_total), "64MiB", KIB(1), MIB(1024),
	  .doc = "All of a request's together." },
	{ "timeout", OPT_DURATION, AT(timeout), "15s", MS(1), MIN(10),
	  .doc = "For all of a request's together." },
	{ "allow_private", OPT_BOOL, AT(allow_private), .dflt = "false",
	  .doc = "Also from addresses that are not public: this machine, private networks, "
		 "clouds' metadata servers. Clients choose the address: leave it off unless "
		 "all "
		 "of them are trusted." },
};
static const struct option_table media_table = {
	.name = "media",
	.size = sizeof(struct config_media),
	.rows = media_rows,
	.n = ARRAY_LEN(media_rows),
};
#undef AT

/* ---- providers -----------------------------------------------------------------
 */

/* In the order of enum config_collection and enum config_cancel. */
const char *const options_collection[] = { "allow", "deny", NULL };
static const char *const cancel_words[] = { "stops_billing", "bills", NULL };

/* In the order of enum provider_dialect. */
static const char *const dialect_words[] = { "openai",  "responses", "anthropic", "gemini",
					     "bedrock", "cohere",    "ollama",    NULL };

#define AT(member) offsetof(struct config_provider, member)
static const struct option provider_rows[] = {
	{ "base_url", OPT_TEXT, AT(base_url),
	  .doc = "What the paths of its dialect are appended to (/chat/completions, /messages "
		 "...). Known providers have one.",
	  .sample = "http://10.0.0.1:8000/v1" },
	{ "api_key", OPT_SECRET, AT(api_key),
	  .doc = "The key it is asked with. Known providers take it from their usual "
		 "environment variable when it is not given.",
	  .sample = "${MY_VLLM_KEY:-none}" },
	{ "api_keys", OPT_LIST, AT(api_keys), .of = &options_provider_key,
	  .doc = "Several keys, instead of api_key: requests are spread over them, and one "
		 "that is refused or limited is left alone while the others go on." },
	{ "auth_header", OPT_TEXT, AT(auth_header),
	  .doc = "The header that carries the key: Authorization, unless the provider is known "
		 "to want another.",
	  .sample = "Authorization" },
	{ "auth_prefix", OPT_TEXT, AT(auth_prefix),
	  .doc = "What stands before the key: \"Bearer \" for Authorization.",
	  .sample = "\"Bearer \"" },
	{ "region", OPT_TEXT, AT(region),
	  .doc = "Where it computes, for policies that ask for a region. Of a bedrock provider "
		 "the AWS region, for its base_url and signatures; without it AWS_REGION or "
		 "AWS_DEFAULT_REGION of the environment.",
	  .sample = "us-east-1" },
	{ "zdr", OPT_YES_NO, AT(zdr),
	  .doc = "It keeps nothing of what it is sent. Without it true for model servers on "
		 "this machine, false for all others: agreements differ per customer.",
	  .sample = "true" },
	{ "data_collection", OPT_WORD, AT(data_collection), .words = options_collection,
	  .doc = "Whether it may keep and learn from what it is sent. Without it allow, but "
		 "deny where zdr holds.",
	  .sample = "deny" },
	{ "local", OPT_YES_NO, AT(local),
	  .doc = "It is on this machine or in your own network. Without it true for the model "
		 "servers that weir knows (Ollama, llama.cpp, vLLM, LM Studio).",
	  .sample = "true" },
	{ "cancel", OPT_WORD, AT(cancel), .words = cancel_words,
	  .doc = "Whether a request that is cancelled stops its bill; where it does not, "
		 "requests are not hedged. Without it as the provider is known for.",
	  .sample = "stops_billing" },
	{ "access_key_id", OPT_TEXT, AT(access_key_id),
	  .doc = "A bedrock provider is asked with signed requests (SigV4) instead of a bearer "
		 "key; without it AWS_ACCESS_KEY_ID of the environment, where there is no "
		 "api_key.",
	  .sample = "AKIAIOSFODNN7EXAMPLE" },
	{ "secret_access_key", OPT_SECRET, AT(secret_access_key),
	  .doc = "Its secret; without it AWS_SECRET_ACCESS_KEY.",
	  .sample = "${AWS_SECRET_ACCESS_KEY:-}" },
	{ "session_token", OPT_SECRET, AT(session_token),
	  .doc = "Of temporary credentials; without it AWS_SESSION_TOKEN.",
	  .sample = "${AWS_SESSION_TOKEN:-}" },
	{ "ca_file", OPT_TEXT, AT(ca_file),
	  .doc = "PEM file of the only authorities that may vouch for it. Certificates are "
		 "always checked.",
	  .sample = "/etc/weir/ca.pem" },
	{ "proxy", OPT_BOOL, AT(proxy), .dflt = "true",
	  .doc = "Reach it through the proxy, where one is set." },
	{ "headers", OPT_PAIRS, AT(headers), .doc = "Sent with every request to it.",
	  .sample = "{X-Team: search}" },
	{ "dialect", OPT_WORD, AT(dialect), .words = dialect_words,
	  .doc = "What it speaks, when that is not what it is known for (see KNOWN "
		 "PROVIDERS), or not openai for one that is not known.",
	  .sample = "openai" },
	{ "add_params", OPT_PAIRS, AT(add_params),
	  .doc = "Texts put into every request's body, unless the client gave them.",
	  .sample = "{project_id: my-project}" },
	{ "drop_params", OPT_TEXTS, AT(drop_params),
	  .doc = "Members left out of requests to it, beside those it is known to refuse.",
	  .sample = "[store, metadata]" },
	{ "quirks", OPT_TEXTS, AT(quirks),
	  .doc = "How its requests differ from OpenAI's: see QUIRKS. Given, they replace those "
		 "it is known for.",
	  .sample = "[max_tokens]" },
	{ "open_ended", OPT_BOOL, AT(open_ended), .dflt = "true",
	  .doc = "Clients may ask for any of its models as NAME/MODEL." },
	{ "connect_timeout", OPT_DURATION, AT(connect_timeout), NULL, MS(1), MIN(10),
	  .doc = "Instead of timeouts.connect.", .sample = "1s" },
	{ "warm", OPT_INT, AT(warm), "0", 0, 64,
	  .doc = "Connections each worker opens ahead of need.", .sample = "2" },
};
const struct option_table options_provider = {
	.name = "provider",
	.size = sizeof(struct config_provider),
	.rows = provider_rows,
	.n = ARRAY_LEN(provider_rows),
	.doc = "A name that weir knows (see KNOWN PROVIDERS) needs nothing more: \"openai: "
	       "{}\". Any other name needs a base_url.",
};
#undef AT

/* ---- the file ------------------------------------------------------------------------- */

#define AT(member) offsetof(struct config, member)
static const struct option root_rows[] = {
	{ "listen", OPT_LIST, AT(listen), .of = &listen_table,
	  .doc = "Where clients connect: one address or a list." },
	{ "workers", OPT_INT, AT(workers), "0", 0, CONFIG_WORKERS_MAX,
	  .doc = "Threads that serve requests. 0: one per core." },
	{ "log", OPT_SECTION, AT(log), .of = &log_table, .doc = "What is written to stderr." },
	{ "keys", OPT_LIST, AT(keys), .of = &key_table,
	  .doc = "Keys of the clients. Without any, no key is asked for; this is refused when "
		 "others than this machine can connect, unless allow_anonymous is true." },
	{ "allow_anonymous", OPT_BOOL, AT(allow_anonymous), .dflt = "false",
	  .doc = "Serve anybody who can connect." },
	{ "reply_headers", OPT_BOOL, AT(reply_headers), .dflt = "true",
	  .doc = "Replies say which provider and model answered, and after how many attempts "
		 "(X-Weir-Provider, X-Weir-Model, X-Weir-Attempts)." },
	{ "unsupported", OPT_WORD, AT(unsupported), .dflt = "drop", .words = unsupported,
	  .doc = "What is done about what a provider of another dialect cannot be told. drop: "
		 "parameters are left out, and the header X-Weir-Dropped names them; content "
		 "is "
		 "refused. drop_all: content too. refuse: a 400 names it and who could." },
	{ "limits", OPT_SECTION, AT(limits), .of = &limits_table,
	  .doc = "What may be how large." },
	{ "timeouts", OPT_SECTION, AT(timeouts), .of = &timeouts_table,
	  .doc = "What may take how long." },
	{ "retries", OPT_SECTION, AT(retries), .of = &retries_table,
	  .doc = "How often it is tried." },
	{ "breaker", OPT_SECTION, AT(breaker), .of = &breaker_table,
	  .doc = "When a deployment that fails is left alone for a while." },
	{ "proxy", OPT_SECTION, AT(proxy), .of = &proxy_table,
	  .doc = "The proxy between here and the providers." },
	{ "media", OPT_SECTION, AT(media), .of = &media_table,
	  .doc = "Media that clients give by URL." },
	{ "metrics", OPT_SECTION, AT(metrics), .of = &metrics_table,
	  .doc = "The Prometheus endpoint /metrics." },
	{ "catalogue", OPT_TEXT, AT(catalogue),
	  .doc = "A file of rows over the shipped list of models: prices, limits, abilities, "
		 "new models (see CATALOGUE). Read again on SIGHUP.",
	  .sample = "/etc/weir/models.yaml" },
	{ "providers", OPT_NAMED, AT(providers), .of = &options_provider,
	  .doc = "Who runs models." },
	{ "models", OPT_NAMED, AT(models), .of = &options_model,
	  .doc = "The names that clients ask for." },
	{ "routes", OPT_NAMED, AT(routes), .of = &options_route,
	  .doc = "Names that stand for several models, chosen among by a strategy and rules." },
};
const struct option_table options_root = {
	.name = "file",
	.size = sizeof(struct config),
	.rows = root_rows,
	.n = ARRAY_LEN(root_rows),
};
#undef AT

/* ---- look-ups ------------------------------------------------------------------------- */

const struct option *option_find(const struct option_table *t, struct slice name)
{
	for (size_t i = 0; i < t->n; i++)
		if (slice_eq(slice_cstr(t->rows[i].name), name))
			return &t->rows[i];
	return NULL;
}

const char *option_suggest(const struct option_table *t, struct slice name)
{
	size_t best_distance = size_max(name.n / 3, 2) + 1;
	const char *best = NULL;

	for (size_t i = 0; i < t->n; i++) {
		struct slice known = slice_cstr(t->rows[i].name);
		size_t d = slice_distance(known, name);

		if (d < best_distance && d < known.n) {
			best = t->rows[i].name;
			best_distance = d;
		}
	}
	return best;
}
