/* `weir mock`: the simulator as a program of its own. */
#include "app/cmd_mock.h"

#include "base/sb.h"
#include "io/files.h"
#include "io/tls.h"
#include "mock/mock.h"
#include "wire/url.h"

#include <signal.h>

enum { LISTENERS_MAX = 8 };

struct command {
	struct arena arena;
	struct mock_options *options;
	struct slice listen[LISTENERS_MAX];
	bool secure[LISTENERS_MAX];
	size_t listen_n;
	struct tls_server_options tls;
	struct loop *loop;
	struct tls_server *server;
	struct mock *mock;
	struct signal_watch *on_int, *on_term;
};

static void usage(FILE *to)
{
	size_t n;
	const struct mock_option_row *rows = mock_option_rows(&n);

	fprintf(to,
		"usage: weir mock [--listen HOST:PORT]... [--OPTION VALUE]...\n\n"
		"A simulated provider that speaks every dialect and misbehaves on demand.\n"
		"It records what it receives and what it truly sends (GET /mock/records).\n\n"
		"  --listen HOST:PORT      where to listen (127.0.0.1:8090; port 0 picks one)\n"
		"  --tls-listen HOST:PORT  the same with TLS\n"
		"  --tls-cert, --tls-key FILE\n\n"
		"All that follows may also stand in a model's name, for one request\n"
		"(\"mock?ttft=200ms&fail=stall\"), in the elements of a list sent to\n"
		"POST /mock/script, for the next requests, and in POST /mock/options.\n\n");
	for (size_t i = 0; i < n; i++)
		fprintf(to, "  --%s %s\n        %s\n", rows[i].name, rows[i].hint,
			rows[i].help);
	rows = mock_fail_rows(&n);
	fprintf(to, "\nfaults for --fail:\n");
	for (size_t i = 0; i < n; i++)
		fprintf(to, "  %-14s %s\n", rows[i].name, rows[i].help);
	fprintf(to, "\nproviders for --as:\n ");
	for (size_t i = 0; mock_as_name(i) != NULL; i++)
		fprintf(to, " %s", mock_as_name(i));
	fprintf(to, "\n");
}

static int complain(const struct err *err)
{
	fprintf(stderr, "weir mock: %s\n", err->text);
	return 2;
}

static enum rc take_option(struct command *c, struct slice name, struct slice value,
			   struct err *err)
{
	bool secure = slice_eq(name, LIT("tls-listen"));

	if (secure || slice_eq(name, LIT("listen"))) {
		if (c->listen_n == LISTENERS_MAX)
			return err_set(err, E_FULL, "mock.listen", "at most %d listeners",
				       LISTENERS_MAX);
		c->secure[c->listen_n] = secure;
		c->listen[c->listen_n++] = value;
		return OK;
	}
	if (slice_eq(name, LIT("tls-cert")))
		c->tls.cert_file = value;
	else if (slice_eq(name, LIT("tls-key")))
		c->tls.key_file = value;
	else
		return mock_option_set(c->options, name, value, &c->arena, err);
	return OK;
}

/* "--name value", "--name=value"; a name alone switches it on. */
static enum rc take_arguments(struct command *c, int argc, char **argv, struct err *err)
{
	for (int i = 1; i < argc; i++) {
		struct slice arg = slice_cstr(argv[i]), name, value;
		enum rc rc;

		if (!slice_starts(arg, LIT("--")))
			return err_set(err, E_BAD, "mock.argument",
				       "\"%s\" is not an option (see weir mock --help)",
				       argv[i]);
		if (!slice_cut(slice_skip(arg, 2), '=', &name, &value)) {
			bool alone = i + 1 == argc || strncmp(argv[i + 1], "--", 2) == 0;

			value = alone ? LIT("on") : slice_cstr(argv[++i]);
		}
		rc = take_option(c, name, value, err);
		if (rc != OK)
			return rc;
	}
	if (c->listen_n == 0)
		c->listen[c->listen_n++] = LIT("127.0.0.1:8090");
	return OK;
}

static void on_signal(void *ctx, int signum UNUSED)
{
	loop_stop(ctx);
}

static enum rc listen_at(struct command *c, size_t i, struct err *err)
{
	struct slice host;
	uint16_t port;
	struct address at;
	char text[160];
	struct sb sb;
	enum rc rc;

	rc = url_host_port(c->listen[i], &host, &port, err);
	if (rc == OK)
		rc = address_read(
			&at, slice_eq(host, LIT("localhost")) ? LIT("127.0.0.1") : host, port);
	if (rc != OK)
		return err_set(err, rc, "mock.listen", "\"%.*s\" is not an address",
			       SARG(c->listen[i]));
	rc = mock_listen(c->mock, &at, c->secure[i] ? c->server : NULL, err);
	if (rc != OK)
		return rc;
	mock_address(c->mock, i, &at);
	sb_init(&sb, text, sizeof(text));
	address_print(&at, &sb);
	printf("weir mock: listening on %s://%s\n", c->secure[i] ? "https" : "http",
	       sb_cstr(&sb));
	fflush(stdout);
	return OK;
}

static enum rc start(struct command *c, struct err *err)
{
	enum rc rc = loop_new(&c->loop, err);

	if (rc == OK && c->tls.cert_file.n > 0)
		rc = tls_server_new(&c->server, &c->tls, err);
	if (rc == OK)
		rc = mock_new(&c->mock, c->loop, c->options, NULL, err);
	for (size_t i = 0; rc == OK && i < c->listen_n; i++) {
		if (c->secure[i] && c->server == NULL)
			return err_set(err, E_BAD, "mock.tls",
				       "--tls-listen needs --tls-cert and --tls-key");
		rc = listen_at(c, i, err);
	}
	if (rc == OK)
		rc = signal_watch_new(&c->on_int, c->loop, SIGINT, on_signal, c->loop, err);
	if (rc == OK)
		rc = signal_watch_new(&c->on_term, c->loop, SIGTERM, on_signal, c->loop, err);
	return rc;
}

static void stop(struct command *c)
{
	if (c->on_int != NULL)
		signal_watch_free(c->on_int);
	if (c->on_term != NULL)
		signal_watch_free(c->on_term);
	mock_free(c->mock);
	if (c->loop != NULL)
		loop_free(c->loop);
	if (c->server != NULL)
		tls_server_free(c->server);
	arena_free(&c->arena);
}

int cmd_mock(int argc, char **argv)
{
	struct command c = { .listen_n = 0 };
	struct err err = { .rc = OK };
	int status = 0;

	if (argc > 1 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		usage(stdout);
		return 0;
	}
	arena_init(&c.arena, system_mem(), 4096, 1 << 20);
	c.options = mock_options_new(&c.arena);
	if (c.options == NULL || take_arguments(&c, argc, argv, &err) != OK ||
	    start(&c, &err) != OK)
		status = complain(&err);
	else
		loop_run(c.loop);
	stop(&c);
	return status;
}
