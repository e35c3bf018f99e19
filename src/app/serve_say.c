/* What `weir serve` says to people, on stdout.  Never a key. */
#include "app/serve.h"

void say_address(struct sb *out, const struct address *at, bool tls)
{
	sb_lit(out, tls ? "https://" : "http://");
	address_print(at, out);
}

static void provider_line(const struct provider *p)
{
	const struct provider_known *known = provider_known(p->name);

	printf("  %.*s", SARG(p->name));
	if (p->simulated)
		printf(": a simulated provider, its answers are made up");
	else if (known != NULL && !p->simulated)
		printf(": %s%s", known->title,
		       secret_empty(provider_key(p)) ? "" : ", with a key");
	else
		printf(": %s://%.*s%s", p->url.https ? "https" : "http", SARG(p->url.host),
		       secret_empty(provider_key(p)) ? "" : ", with a key");
	printf("\n");
}

/* A model to try: the simulated one, else the first; or what to write for an open-ended one. */
static bool pick_model(const struct snapshot *s, char *room, size_t n)
{
	if (map_get(&s->models, LIT("mock")) != NULL)
		snprintf(room, n, "mock");
	else if (s->model_n > 0)
		snprintf(room, n, "%.*s", SARG(s->model_list[0]->name));
	else
		return false;
	return true;
}

static void say_try(const struct serve *s)
{
	char model[256], room[200];
	const char *key = s->now->key_n > 0 ? " -H 'Authorization: Bearer KEY'" : "";
	struct sb url;

	if (!pick_model(s->now, model, sizeof(model)))
		return;
	sb_init(&url, room, sizeof(room));
	say_address(&url, &s->listeners[0].at, s->listeners[0].tls != NULL);
	printf("try it:\n"
	       "  curl %s/v1/chat/completions -H 'Content-Type: application/json'%s -d "
	       "'{\"model\": \"%s\", \"messages\": [{\"role\": \"user\", \"content\": "
	       "\"Hello\"}]}'\n",
	       sb_cstr(&url), key, model);
	printf("  curl -N %s/v1/chat/completions -H 'Content-Type: application/json'%s -d "
	       "'{\"model\": \"%s\", \"stream\": true, \"messages\": [{\"role\": \"user\", "
	       "\"content\": \"Hello\"}]}'\n",
	       sb_cstr(&url), key, model);
}

void say_start(const struct serve *s)
{
	printf("weir %s, %zu worker%s, config: %s\n", WEIR_VERSION, s->worker_n,
	       s->worker_n == 1 ? "" : "s",
	       s->file[0] != '\0' ? s->file : "none, so providers are looked for");
	for (size_t i = 0; i < s->listener_n; i++) {
		char room[200];
		struct sb url;

		sb_init(&url, room, sizeof(room));
		say_address(&url, &s->listeners[i].at, s->listeners[i].tls != NULL);
		printf("listening on %s\n", sb_cstr(&url));
	}
	if (s->now->provider_n > 0)
		printf("providers:\n");
	for (size_t i = 0; i < s->now->provider_n; i++)
		provider_line(s->now->provider_list[i]);
	say_try(s);
	fflush(stdout);
}

void say_found(const struct found_provider *f)
{
	printf("found %s", f->known->title);
	if (f->known->local)
		printf(" at %s", f->known->base_url);
	printf(": %zu model%s%s%.*s\n", f->model_n, f->model_n == 1 ? "" : "s",
	       f->model_n > 0 ? ", such as " : "",
	       SARG(f->model_n > 0 ? f->models[0] : LIT("")));
	fflush(stdout);
}

void say_not_found(const struct provider_known *known, const char *why)
{
	printf("%s has a key, but its models are unknown: %s; %s/MODEL works nevertheless\n",
	       known->title, why, known->name);
	fflush(stdout);
}

void say_nothing(const struct serve *s)
{
	if (s->now->provider_n > 0)
		return;
	printf("no provider was found: set a key such as OPENAI_API_KEY in the environment, "
	       "start "
	       "a local server (Ollama, llama.cpp, vLLM, LM Studio) and send SIGHUP, write a "
	       "weir.yaml (weir check --sample), or run weir serve --mock\n");
	fflush(stdout);
}
