/* `weir check` and `weir models --served`: what a configuration would serve. */
#include "app/command.h"
#include "app/discover.h"
#include "app/load.h"
#include "app/manual.h"
#include "app/serve.h"

/* ---- saying it -----------------------------------------------------------------------------
 */

static void print_listeners(const struct config *c)
{
	for (size_t i = 0; i < size_max(c->listen.n, 1); i++) {
		const struct config_listen *l = c->listen.n > 0 ? sections_at(&c->listen, i)
								: NULL;
		struct address at;
		char room[200];
		struct sb out;

		if (config_address(c, i, &at, NULL) != OK)
			continue;
		sb_init(&out, room, sizeof(room));
		say_address(&out, &at, l != NULL && l->tls.section.given);
		printf("listens on %s\n", sb_cstr(&out));
	}
}

static void print_deployments(const struct model *m)
{
	for (size_t i = 0; i < m->deployment_n; i++) {
		const struct deployment *d = m->deployments[i];

		printf("%s%.*s", i == 0 ? "" : ", ", SARG(d->name));
		if (d->target.weight != 1)
			printf(" (weight %u)", d->target.weight);
	}
	printf("\n");
}

static void print_models(const struct snapshot *s)
{
	size_t width = 0;

	for (size_t i = 0; i < s->model_n; i++)
		width = size_max(width, s->model_list[i]->name.n);
	width = size_min(width, 48);
	for (size_t i = 0; i < s->model_n; i++) {
		printf("  %-*.*s  ", (int)width, SARG(s->model_list[i]->name));
		print_deployments(s->model_list[i]);
	}
}

static void print_providers(const struct snapshot *s)
{
	for (size_t i = 0; i < s->provider_n; i++) {
		const struct provider *p = s->provider_list[i];

		printf("  %.*s  %s://%.*s:%u%.*s%s%s\n", SARG(p->name),
		       p->url.https ? "https" : "http", SARG(p->url.host), p->url.port,
		       SARG(p->base_path),
		       p->key_n > 1    ? ", with keys"
		       : p->key_n == 1 ? ", with a key"
				       : "",
		       p->open_ended ? ", any of its models" : "");
	}
}

static void print_summary(const struct loaded *l)
{
	const struct snapshot *s = l->snapshot;

	print_listeners(l->config);
	if (s->key_n > 0)
		printf("asks clients for one of %zu key%s\n", s->key_n,
		       s->key_n == 1 ? "" : "s");
	else
		printf("asks clients for no key\n");
	printf("%zu provider%s\n", s->provider_n, s->provider_n == 1 ? "" : "s");
	print_providers(s);
	printf("%zu model%s\n", s->model_n, s->model_n == 1 ? "" : "s");
	print_models(s);
}

/* ---- check
 * ----------------------------------------------------------------------------------- */

/* Certificates are read when the gateway starts; here they are read to see. */
static bool check_certificates(const struct loaded *l)
{
	bool good = true;

	for (size_t i = 0; i < l->config->listen.n; i++) {
		const struct config_listen *at = sections_at(&l->config->listen, i);
		struct tls_server *tls;
		struct err err = { .rc = OK };

		if (!listener_tls(at, &tls, &err)) {
			fprintf(stderr, "%s:%u:%u: tls: %s\n", l->file, at->tls.section.at.line,
				at->tls.section.at.column, err.text);
			good = false;
		} else if (tls != NULL) {
			tls_server_free(tls);
		}
	}
	return good;
}

int load_file(struct loaded *l, const char *file)
{
	const struct load_options o = { .file = file,
					.workers = OPTION_UNSET,
					.log_level = OPTION_UNSET };
	enum rc rc = load(l, &o);

	if (rc == OK)
		return EXIT_OK;
	load_complain(l, rc, stderr);
	return EXIT_FAILED;
}

static int check(struct loaded *l, const char *file)
{
	if (load_file(l, file) != EXIT_OK)
		return EXIT_FAILED;
	if (!check_certificates(l))
		return EXIT_FAILED;
	if (l->file[0] != '\0')
		printf("%s is fine\n", l->file);
	else
		printf("no config file (./weir.yaml, ~/.config/weir/weir.yaml, "
		       "/etc/weir/weir.yaml): providers are looked for; those with a key in "
		       "the "
		       "environment are listed\n");
	print_summary(l);
	return EXIT_OK;
}

int run_check(const struct invocation *in)
{
	struct loaded *l;
	struct slice file = { NULL, 0 };
	int status;

	if (given_flag(in, "sample")) {
		manual_sample(stdout);
		return EXIT_OK;
	}
	if (!given(in, "config", &file) && in->operand_n > 0)
		file = in->operands[0];
	l = mem_zero(system_mem(), sizeof(*l));
	if (l == NULL)
		return EXIT_FAILED;
	status = check(l, file.p);
	load_free(l);
	mem_put(system_mem(), l, sizeof(*l));
	return status;
}

/* ---- models
 * ----------------------------------------------------------------------------------- */

static void on_found(void *ctx UNUSED, const struct found_provider *f UNUSED)
{
}

static void on_not_found(void *ctx UNUSED, const struct provider_known *known, const char *why)
{
	fprintf(stderr, "weir: %s: %s\n", known->title, why);
}

static void on_done(void *ctx)
{
	loop_stop(ctx);
}

static const struct discover_events events = {
	.found = on_found,
	.failed = on_not_found,
	.done = on_done,
};

/* Loads again, with the models of those that answer. */
static enum rc load_found(struct loaded *l, struct loop *loop, struct load_options *o)
{
	struct discovery *d = NULL;
	struct err err = { .rc = OK };
	enum rc rc;

	rc = discover_start(&d, loop, l->snapshot, NULL, 0, &events, loop, &err);
	load_free(l);
	if (rc != OK) {
		fprintf(stderr, "weir: %s\n", err.text);
		return rc;
	}
	loop_run(loop);
	o->found = discover_found(d, &o->found_n);
	o->locals = false;
	rc = load(l, o);
	discover_free(d);
	return rc;
}

static int models(struct loaded *l, const char *file)
{
	struct load_options o = {
		.file = file, .workers = OPTION_UNSET, .log_level = OPTION_UNSET, .locals = true
	};
	enum rc rc = load(l, &o);

	if (rc == OK && l->file[0] == '\0') {
		struct err err = { .rc = OK };
		struct loop *loop = NULL;

		rc = loop_new(&loop, &err);
		if (rc == OK) {
			rc = load_found(l, loop, &o);
			loop_free(loop);
		}
	}
	if (rc != OK) {
		load_complain(l, rc, stderr);
		return EXIT_FAILED;
	}
	for (size_t i = 0; i < l->snapshot->model_n; i++) {
		printf("%.*s\t", SARG(l->snapshot->model_list[i]->name));
		print_deployments(l->snapshot->model_list[i]);
	}
	for (size_t i = 0; i < l->snapshot->provider_n; i++)
		if (l->snapshot->provider_list[i]->open_ended)
			printf("%.*s/*\tany model of %.*s\n",
			       SARG(l->snapshot->provider_list[i]->name),
			       SARG(l->snapshot->provider_list[i]->name));
	return EXIT_OK;
}

int run_served(const struct invocation *in)
{
	struct loaded *l = mem_zero(system_mem(), sizeof(*l));
	struct slice file = { NULL, 0 };
	int status;

	if (l == NULL)
		return EXIT_FAILED;
	(void)given(in, "config", &file);
	status = models(l, file.p);
	load_free(l);
	mem_put(system_mem(), l, sizeof(*l));
	return status;
}
