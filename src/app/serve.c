/* `weir serve`: start, run, stop. */
#include "app/serve.h"

#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

enum { LOG_BYTES_MAX = 1 << 20 };

/* ---- workers --------------------------------------------------------------------------------
 */

static void on_drained(void *ctx)
{
	struct worker *w = ctx;
	struct serve *s = w->serve;

	if (atomic_fetch_sub(&s->running, 1) == 1)
		wake_send(s->drained);
	if (w->thread != NULL)
		loop_stop(w->loop);
}

/* Something was sent: a snapshot, or the word to stop. */
static void on_wake(void *ctx)
{
	struct worker *w = ctx;
	struct snapshot *next = atomic_exchange(&w->next, NULL);

	if (next != NULL) {
		gateway_swap(w->gateway, next);
		snapshot_unref(next);
	}
	if (atomic_load(&w->stop) && !w->draining) {
		w->draining = true;
		gateway_drain(w->gateway, on_drained, w);
	}
}

static enum rc worker_listen(struct worker *w, bool first, struct err *err)
{
	struct serve *s = w->serve;
	enum rc rc = OK;

	for (size_t i = 0; rc == OK && i < s->listener_n; i++) {
		struct listener_plan *plan = &s->listeners[i];

		rc = gateway_listen(w->gateway, &plan->at, plan->tls, err);
		if (rc == OK && first) /* port 0 has become a real one, the same for all */
			gateway_address(w->gateway, i, &plan->at);
	}
	return rc;
}

static enum rc worker_new(struct serve *s, size_t i, struct err *err)
{
	struct worker *w = &s->workers[i];
	struct gateway_options o = { .snapshot = s->now,
				     .log = s->log,
				     .metrics = &s->metrics,
				     .decisions = &s->decisions };
	enum rc rc;

	w->serve = s;
	if (i == 0)
		w->loop = s->loop;
	rc = i == 0 ? OK : loop_new(&w->loop, err);
	o.loop = w->loop;
	if (rc == OK)
		rc = wake_new(&w->wake, w->loop, on_wake, w, err);
	if (rc == OK)
		rc = gateway_new(&w->gateway, &o, err);
	return rc == OK ? worker_listen(w, i == 0, err) : rc;
}

static void worker_run(void *ctx)
{
	struct worker *w = ctx;

	loop_run(w->loop);
}

static void worker_free(struct worker *w)
{
	if (w->gateway != NULL)
		gateway_free(w->gateway);
	if (w->wake != NULL)
		wake_free(w->wake);
	snapshot_unref(atomic_exchange(&w->next, NULL));
	if (w->loop != NULL)
		loop_free(w->loop);
}

/* Those this process may run on: a container's or taskset's share counts. */
static size_t cores(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) != 0)
		return 1;
	return size_min(size_max((size_t)CPU_COUNT(&set), 1), CONFIG_WORKERS_MAX);
}

/* ---- signals
 * ----------------------------------------------------------------------------------- */

static void stop_workers(struct serve *s)
{
	s->stopping = true;
	for (size_t i = 0; i < s->worker_n; i++) {
		atomic_store(&s->workers[i].stop, true);
		wake_send(s->workers[i].wake);
	}
}

static void on_signal(void *ctx, int signum)
{
	struct serve *s = ctx;

	if (signum == SIGHUP) {
		log_event(s->log, LOG_INFO, "signal.reload");
		reload_ask(s);
		return;
	}
	if (s->stopping) {
		const struct timespec moment = { .tv_nsec = 50 * 1000 * 1000 };

		log_event(s->log, LOG_WARN, "stop.now");
		nanosleep(&moment, NULL); /* for the log's thread */
		_exit(EXIT_FAILED);
	}
	log_event(s->log, LOG_INFO, "stop.begin",
		  F_CSTR("signal", signum == SIGINT ? "SIGINT" : "SIGTERM"));
	stop_workers(s);
}

static void on_all_drained(void *ctx)
{
	struct serve *s = ctx;

	if (atomic_load(&s->running) == 0)
		loop_stop(s->loop);
}

static enum rc watch_signals(struct serve *s, struct err *err)
{
	static const int signals[] = { SIGHUP, SIGTERM, SIGINT };
	enum rc rc = wake_new(&s->drained, s->loop, on_all_drained, s, err);

	for (size_t i = 0; rc == OK && i < ARRAY_LEN(signals); i++)
		rc = signal_watch_new(&s->signals[i], s->loop, signals[i], on_signal, s, err);
	return rc;
}

/* ---- the simulated provider inside
 * ----------------------------------------------------------- */

static enum rc start_mock(struct serve *s, struct err *err)
{
	struct address at;
	struct sb out;
	enum rc rc = mock_new(&s->mock, s->loop, NULL, NULL, err);

	if (rc == OK)
		rc = address_read(&at, LIT("127.0.0.1"), 0);
	if (rc == OK)
		rc = mock_listen(s->mock, &at, NULL, err);
	if (rc != OK)
		return rc;
	mock_address(s->mock, 0, &at);
	sb_init(&out, s->mock_url, sizeof(s->mock_url));
	say_address(&out, &at, false);
	sb_lit(&out, "/v1");
	s->options.mock_url = slice_cstr(sb_cstr(&out));
	s->options.mock_models = LIT("mock,mock-mini");
	return OK;
}

/* ---- start
 * -------------------------------------------------------------------------------------- */

static void raise_file_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) != 0 || r.rlim_cur == r.rlim_max)
		return;
	r.rlim_cur = r.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &r); /* then it stays as it is */
}

static bool read_number(const struct invocation *in, const char *name, uint64_t max,
			uint64_t *out)
{
	struct slice value;

	if (!given(in, name, &value))
		return true;
	if (slice_u64(value, out) && *out <= max)
		return true;
	fprintf(stderr, "weir serve: --%s: \"%.*s\" is not a number up to %" PRIu64 "\n", name,
		SARG(value), max);
	return false;
}

static bool read_level(const struct invocation *in, uint64_t *out)
{
	struct slice value;

	if (!given(in, "log-level", &value))
		return true;
	for (uint64_t i = 0; i < LOG_LEVELS; i++) {
		if (!slice_eq(slice_cstr(log_level_name((enum log_level)i)), value))
			continue;
		*out = i;
		return true;
	}
	fprintf(stderr, "weir serve: --log-level: \"%.*s\" is not debug, info, warn or error\n",
		SARG(value));
	return false;
}

static bool read_options(struct serve *s, const struct invocation *in)
{
	struct load_options *o = &s->options;
	struct slice file;

	o->workers = o->log_level = OPTION_UNSET;
	o->key_seed = random_seed();
	if (given(in, "config", &file))
		o->file = file.p; /* of argv: ends with a zero */
	(void)given(in, "listen", &o->listen);
	return read_number(in, "workers", CONFIG_WORKERS_MAX, &o->workers) &&
	       read_level(in, &o->log_level);
}

static bool failed(const struct err *err)
{
	fprintf(stderr, "weir: %s\n", err->text);
	return false;
}

static bool start_workers(struct serve *s, const struct config *c)
{
	struct err err = { .rc = OK };
	size_t n = c->workers == 0 ? cores() : (size_t)c->workers;
	enum rc rc = OK;

	s->workers = ARENA_ARRAY(&s->arena, struct worker, n);
	if (s->workers == NULL)
		return failed(&(struct err){ .text = "out of memory" });
	for (size_t i = 0; rc == OK && i < n; i++) {
		s->worker_n = i + 1;
		rc = worker_new(s, i, &err);
	}
	if (rc == OK)
		rc = watch_signals(s, &err);
	if (rc == OK)
		rc = reload_begin(s, &err);
	return rc == OK || failed(&err);
}

/* Sockets of a worker that does not run would be given connections all the same: so it is all
 * of them or none. */
static void run_threads(struct serve *s)
{
	struct err err = { .rc = OK };

	atomic_store(&s->running, (unsigned)s->worker_n);
	for (size_t i = 1; i < s->worker_n; i++) {
		if (thread_start(&s->workers[i].thread, worker_run, &s->workers[i], "worker",
				 &err) == OK)
			continue;
		(void)failed(&err);
		_exit(EXIT_FAILED);
	}
}

static bool load_first(struct serve *s, struct loaded *l)
{
	enum rc rc = load(l, &s->options);

	if (rc != OK) {
		load_complain(l, rc, stderr);
		return false;
	}
	snprintf(s->file, sizeof(s->file), "%s", l->file);
	s->now = l->snapshot;
	l->snapshot = NULL;
	return true;
}

static bool start(struct serve *s, const struct invocation *in, struct loaded *l)
{
	struct err err = { .rc = OK };
	enum rc rc;

	rc = loop_new(&s->loop, &err);
	if (rc == OK && given_flag(in, "mock"))
		rc = start_mock(s, &err);
	if (rc != OK)
		return failed(&err);
	if (!load_first(s, l) ||
	    !listeners_plan(s, l->config, s->file[0] == '\0' && s->options.listen.n == 0))
		return false;
	rc = log_sink_new(&s->sink, STDERR_FILENO, (enum log_format)l->config->log.format,
			  (enum log_level)l->config->log.level, LOG_BYTES_MAX, &err);
	if (rc != OK)
		return failed(&err);
	s->log = log_sink_log(s->sink);
	return start_workers(s, l->config);
}

static void run(struct serve *s)
{
	run_threads(s);
	say_start(s);
	log_event(s->log, LOG_INFO, "serve.started", F_CSTR("version", WEIR_VERSION),
		  F_CSTR("config", s->file), F_U64("workers", s->worker_n),
		  F_U64("providers", s->now->provider_n), F_U64("models", s->now->model_n));
	if (s->file[0] == '\0')
		reload_discover(s);
	loop_run(s->loop);
	for (size_t i = 1; i < s->worker_n; i++)
		thread_join(s->workers[i].thread);
	log_event(s->log, LOG_INFO, "stop.done");
}

/* Whatever of it was started. */
static void end(struct serve *s)
{
	reload_end(s);
	for (size_t i = 0; i < ARRAY_LEN(s->signals); i++)
		if (s->signals[i] != NULL)
			signal_watch_free(s->signals[i]);
	if (s->drained != NULL)
		wake_free(s->drained);
	if (s->mock != NULL)
		mock_free(s->mock);
	for (size_t i = s->worker_n; i-- > 0;)
		worker_free(&s->workers[i]);
	if (s->worker_n == 0 && s->loop != NULL)
		loop_free(s->loop);
	metrics_shared_free(&s->metrics, system_mem());
	decisions_shared_free(&s->decisions, system_mem());
	snapshot_unref(s->now);
	listeners_free(s);
	if (s->sink != NULL)
		log_sink_free(s->sink);
	arena_free(&s->arena);
}

int run_serve(const struct invocation *in)
{
	struct serve *s = mem_zero(system_mem(), sizeof(*s));
	struct loaded *l = mem_zero(system_mem(), sizeof(*l));
	bool started;

	if (s == NULL || l == NULL) {
		mem_put(system_mem(), s, sizeof(*s));
		mem_put(system_mem(), l, sizeof(*l));
		(void)failed(&(struct err){ .text = "out of memory" });
		return EXIT_FAILED;
	}
	arena_init(&s->arena, system_mem(), 4096, 16 << 20);
	if (!read_options(s, in)) {
		end(s);
		mem_put(system_mem(), s, sizeof(*s));
		mem_put(system_mem(), l, sizeof(*l));
		return EXIT_USAGE;
	}
	raise_file_limit();
	system_mem_keep();
	signal(SIGPIPE, SIG_IGN);
	started = start(s, in, l);
	load_free(l);
	mem_put(system_mem(), l, sizeof(*l));
	if (started)
		run(s);
	end(s);
	mem_put(system_mem(), s, sizeof(*s));
	return started ? EXIT_OK : EXIT_FAILED;
}
