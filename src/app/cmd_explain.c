/* `weir explain` and `weir route`: why a request went where it did, and where one would go. */
#include "app/ask_weir.h"
#include "app/command.h"
#include "app/load.h"
#include "gateway/gateway.h"
#include "gateway/metrics.h"
#include "io/files.h"
#include "io/loop.h"
#include "wire/json.h"

enum { REQUEST_BYTES_MAX = 32 << 20 };

static int complain(const char *command, const struct err *err)
{
	fprintf(stderr, "weir %s: %s\n", command, err->text);
	return EXIT_FAILED;
}

/* ---- for people ----------------------------------------------------------------------------
 */

/* In place: what a client called its model must not speak to the terminal of who reads it.  The
 * bytes are in the document's memory, which is ours. */
static struct slice tame(struct slice s)
{
	char *p = (char *)(uintptr_t)s.p;

	for (size_t i = 0; i < s.n; i++)
		if ((unsigned char)p[i] < 0x20 || p[i] == 0x7f ||
		    (i > 0 && (unsigned char)p[i - 1] == 0xc2 && (unsigned char)p[i] < 0xa0))
			p[i] = '?';
	return s;
}

static struct slice said(const struct json *v)
{
	return tame(json_str(v));
}

static void print_ms(const struct json *v)
{
	if (json_is_number(v))
		printf("%10.1f", json_num(v, 0));
	else
		printf("%10s", "-");
}

static void print_usd(const struct json *v)
{
	if (json_is_number(v))
		printf("%14.9f", json_num(v, 0) / 1e9);
	else
		printf("%14s", "not known");
}

static void print_candidates(const struct json *list)
{
	struct json_iter it;
	const struct json *c;
	struct slice key;

	printf("\ncandidates\n");
	json_iter_init(&it, list);
	while (json_iter_next(&it, &key, &c)) {
		struct slice name = said(json_get(c, "deployment"));

		if (json_get(c, "rejected") != NULL) {
			printf("   -  %-44.*s %.*s\n", SARG(name),
			       SARG(said(json_get(c, "why"))));
			continue;
		}
		printf(" %3" PRIu64 "  %-44.*s expected cost",
		       json_uint(json_get(c, "place"), 0), SARG(name));
		print_usd(json_get(c, "expected_cost_nano_usd"));
		printf(" USD, score %" PRIu64 ", load %" PRIu64 "\n",
		       json_uint(json_get(c, "score"), 0), json_uint(json_get(c, "load"), 0));
	}
	if (json_len(list) == 0)
		printf("   none\n");
}

static void print_attempts(const struct json *list)
{
	struct json_iter it;
	const struct json *a;
	struct slice key;

	printf("\nattempts          began ms first content       over      cost USD\n");
	json_iter_init(&it, list);
	while (json_iter_next(&it, &key, &a)) {
		printf("  %-14.*s", SARG(said(json_get(a, "outcome"))));
		print_ms(json_get(a, "began_ms"));
		printf("    ");
		print_ms(json_get(a, "ttft_ms"));
		printf(" ");
		print_ms(json_get(a, "took_ms"));
		print_usd(json_get(a, "cost_nano_usd"));
		printf("  %.*s%s\n", SARG(said(json_get(a, "deployment"))),
		       json_true(json_get(a, "hedge"), false) ? " (hedge)" : "");
	}
	if (json_len(list) == 0)
		printf("  none\n");
}

static void print_decision(const struct json *d)
{
	struct slice rule = said(json_get(d, "rule"));

	printf("%.*s  %.*s  asked for \"%.*s\"", SARG(said(json_get(d, "id"))),
	       SARG(said(json_get(d, "endpoint"))), SARG(said(json_get(d, "asked"))));
	if (json_is_string(json_get(d, "end")))
		printf(", ended %.*s with status %" PRIu64, SARG(said(json_get(d, "end"))),
		       json_uint(json_get(d, "status"), 0));
	printf("\nstrategy %.*s", SARG(said(json_get(d, "strategy"))));
	if (rule.n > 0)
		printf(", rule \"%.*s\"", SARG(rule));
	if (json_true(json_get(d, "sticky"), false))
		printf(", kept to where it went before");
	printf(", about %" PRIu64 " tokens of prompt\n",
	       json_uint(json_get(d, "estimated_input_tokens"), 0));
	print_candidates(json_get(d, "candidates"));
	if (json_get(d, "attempts") != NULL)
		print_attempts(json_get(d, "attempts"));
}

static void print_list(const struct json *list)
{
	struct json_iter it;
	const struct json *d;
	struct slice key;

	if (json_len(list) == 0)
		printf("no exchange is kept yet\n");
	json_iter_init(&it, list);
	while (json_iter_next(&it, &key, &d)) {
		printf("%.*s  %3" PRIu64 "  %-14.*s %-28.*s", SARG(said(json_get(d, "id"))),
		       json_uint(json_get(d, "status"), 0), SARG(said(json_get(d, "end"))),
		       SARG(said(json_get(d, "asked"))));
		print_ms(json_get(d, "took_ms"));
		printf(" ms  %" PRIu64 " attempt(s)\n", json_uint(json_get(d, "attempts"), 0));
	}
}

/* An answer of the gateway, as it is or for people. */
static int show(const struct invocation *in, const struct weir_answer *answer)
{
	struct json_doc *doc = NULL;
	const struct json *root;
	struct slice message;

	if (json_doc_read(&doc, system_mem(), answer->body, NULL) != OK) {
		fprintf(stderr, "weir %s: status %u, and no JSON\n", in->command->name,
			answer->status);
		return EXIT_FAILED;
	}
	root = json_root(doc);
	message = said(json_get(json_get(root, "error"), "message"));
	if (answer->status != 200)
		fprintf(stderr, "weir %s: %.*s\n", in->command->name, SARG(message));
	else if (given_flag(in, "json"))
		printf("%.*s\n", SARG(answer->body));
	else if (json_is_array(root))
		print_list(root);
	else
		print_decision(root);
	json_doc_free(doc);
	return answer->status == 200 ? EXIT_OK : EXIT_FAILED;
}

/* ---- whom to ask ---------------------------------------------------------------------------
 */

/* --key, else WEIR_API_KEY: a key on a command line can be seen by others. */
static void take_key(const struct invocation *in, struct weir_question *q)
{
	if (!given(in, "key", &q->key))
		q->key = slice_cstr(getenv("WEIR_API_KEY"));
}

int run_explain(const struct invocation *in)
{
	struct weir_question q = { .url = LIT("http://127.0.0.1:8080"), .method = "GET" };
	struct weir_answer answer = { 0 };
	struct err err = { .rc = OK };
	struct arena a;
	int status;

	arena_init(&a, system_mem(), 4096, 2 * ASK_WEIR_BYTES_MAX);
	(void)given(in, "url", &q.url);
	take_key(in, &q);
	q.path = in->operand_n == 0
			 ? LIT("/admin/v1/exchanges")
			 : arena_fmt(&a, "/admin/v1/exchanges/%.*s", SARG(in->operands[0]));
	status = ask_weir(&q, &answer, &a, &err) == OK ? show(in, &answer)
						       : complain("explain", &err);
	arena_free(&a);
	return status;
}

/* ---- weir route ----------------------------------------------------------------------------
 */

/* A gateway of the config, on a port of this machine that nobody else knows. */
struct own {
	struct loaded loaded;
	size_t key_n, signer_n; /* of the snapshot, to be there again when it is wiped */
	struct loop *loop;
	struct gateway *gateway;
	struct metrics_shared metrics;
	struct slice url;
};

static enum rc own_start(struct own *o, const struct invocation *in, struct arena *a,
			 struct err *err)
{
	struct load_options options = { .workers = OPTION_UNSET,
					.log_level = OPTION_UNSET,
					.key_seed = random_seed() };
	/* It asks for no key (below), and the providers' keys are in it. */
	struct gateway_options gateway = { .metrics = &o->metrics, .plans_only = true };
	struct slice file;
	struct address at;
	enum rc rc;

	if (given(in, "config", &file))
		options.file = arena_cstr(a, file);
	rc = load(&o->loaded, &options);
	if (rc != OK) {
		load_complain(&o->loaded, rc, stderr);
		return err_set(err, rc, "route.config", "the config cannot be used");
	}
	/* Whoever has the file may ask: no key of it is needed, and none is shown. */
	o->key_n = o->loaded.snapshot->key_n;
	o->signer_n = o->loaded.snapshot->signer_n;
	o->loaded.snapshot->key_n = o->loaded.snapshot->signer_n = 0;
	rc = loop_new(&o->loop, err);
	gateway.loop = o->loop;
	gateway.snapshot = o->loaded.snapshot;
	if (rc == OK)
		rc = address_read(&at, LIT("127.0.0.1"), 0);
	if (rc == OK)
		rc = gateway_new(&o->gateway, &gateway, err);
	if (rc == OK)
		rc = gateway_listen(o->gateway, &at, NULL, err);
	if (rc != OK)
		return rc;
	gateway_address(o->gateway, 0, &at);
	o->url = arena_fmt(a, "http://127.0.0.1:%u", address_port(&at));
	return OK;
}

static void own_stop(struct own *o)
{
	if (o->gateway != NULL)
		gateway_free(o->gateway);
	metrics_shared_free(&o->metrics, system_mem());
	if (o->loop != NULL)
		loop_free(o->loop);
	if (o->loaded.snapshot != NULL) {
		o->loaded.snapshot->key_n = o->key_n;
		o->loaded.snapshot->signer_n = o->signer_n;
	}
	load_free(&o->loaded);
}

int run_route(const struct invocation *in)
{
	struct weir_question q = { .method = "POST", .path = LIT("/admin/v1/route") };
	struct weir_answer answer = { 0 };
	struct err err = { .rc = OK };
	struct own own = { .gateway = NULL };
	struct slice dialect;
	int status = EXIT_FAILED;
	struct arena a;
	enum rc rc;

	if (in->operand_n == 0 || !given_flag(in, "dry-run")) {
		fprintf(stderr,
			"weir route: give --dry-run and a file with the request's body\n");
		return EXIT_USAGE;
	}
	arena_init(&a, system_mem(), 4096, 2 * ASK_WEIR_BYTES_MAX + 2 * REQUEST_BYTES_MAX);
	take_key(in, &q);
	if (given(in, "dialect", &dialect))
		q.path = arena_fmt(&a, "/admin/v1/route?dialect=%.*s", SARG(dialect));
	rc = file_read(&q.body, &a, in->operands[0], REQUEST_BYTES_MAX, &err);
	if (rc == OK && !given(in, "url", &q.url)) {
		rc = own_start(&own, in, &a, &err);
		q.url = own.url;
		q.loop = own.loop;
	}
	if (rc == OK)
		rc = ask_weir(&q, &answer, &a, &err);
	status = rc == OK ? show(in, &answer) : complain("route", &err);
	own_stop(&own);
	arena_free(&a);
	return status;
}
