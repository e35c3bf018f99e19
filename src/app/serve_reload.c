/* New configurations while serving: by SIGHUP, and by what is found without a config file. */
#include "app/serve.h"

#define SETTLE_US 50000

/* ---- handing it out ---------------------------------------------------------------------- */

void reload_publish(struct serve *s, struct snapshot *next)
{
	for (size_t i = 0; i < s->worker_n; i++) {
		struct snapshot *unseen =
			atomic_exchange(&s->workers[i].next, snapshot_ref(next));

		snapshot_unref(unseen);
		wake_send(s->workers[i].wake);
	}
	snapshot_unref(s->now);
	s->now = next;
}

/* ---- the file ------------------------------------------------------------------------------
 */

static void log_problems(struct serve *s, const struct loaded *l, enum rc rc)
{
	if (rc == E_NOMEM)
		log_event(s->log, LOG_ERROR, "reload.problem", F_CSTR("why", "out of memory"));
	for (size_t i = 0; i < l->problems.n; i++) {
		char room[1024];
		struct sb out;

		sb_init(&out, room, sizeof(room));
		problem_print(&out, l->file[0] != '\0' ? l->file : "weir", &l->problems.v[i]);
		log_event(s->log, LOG_ERROR, "reload.problem", F_STR("why", sb_slice(&out)));
	}
	log_event(s->log, LOG_ERROR, "reload.failed", F_CSTR("file", l->file),
		  F_U64("problems", l->problems.n + l->problems.more),
		  F_CSTR("now", "the old configuration stays in use"));
}

static void log_restart(struct serve *s, const struct loaded *l)
{
	if (listeners_same(s, l->config) || s->options.listen.n > 0)
		return;
	log_event(s->log, LOG_WARN, "reload.restart_needed",
		  F_CSTR("why", "listen has changed, which takes effect at a restart"));
}

static void idle(struct serve *s)
{
	s->busy = SERVE_IDLE;
	if (!s->again || s->stopping)
		return;
	s->again = false;
	reload_ask(s);
}

static void on_reloaded(void *ctx)
{
	struct serve *s = ctx;
	struct loaded *l = s->reload;
	bool no_file;

	if (s->reload_thread == NULL)
		return;
	thread_join(s->reload_thread);
	s->reload_thread = NULL;
	no_file = l->file[0] == '\0';
	if (s->reload_rc == OK) {
		struct snapshot *next = l->snapshot;

		l->snapshot = NULL;
		log_restart(s, l);
		log_event(s->log, LOG_INFO, "reload.done", F_CSTR("file", l->file),
			  F_U64("version", next->version), F_U64("models", next->model_n),
			  F_U64("providers", next->provider_n));
		reload_publish(s, next);
	} else {
		log_problems(s, l, s->reload_rc);
	}
	load_free(l);
	mem_put(system_mem(), l, sizeof(*l));
	s->reload = NULL;
	idle(s);
	if (no_file && s->busy == SERVE_IDLE && !s->stopping)
		reload_discover(s);
}

static void reload_thread(void *ctx)
{
	struct serve *s = ctx;

	s->options.before = s->now;
	s->reload_rc = load(s->reload, &s->options);
	wake_send(s->reloaded);
}

void reload_ask(struct serve *s)
{
	struct err err = { .rc = OK };

	if (s->stopping)
		return;
	if (s->busy != SERVE_IDLE) {
		s->again = true;
		return;
	}
	s->options.found = discover_found(s->before, &s->options.found_n);
	s->reload = mem_get(system_mem(), sizeof(*s->reload));
	if (s->reload == NULL ||
	    thread_start(&s->reload_thread, reload_thread, s, "reload", &err) != OK) {
		log_event(s->log, LOG_ERROR, "reload.failed", F_CSTR("why", err.text));
		mem_put(system_mem(), s->reload, sizeof(*s->reload));
		s->reload = NULL;
		return;
	}
	s->busy = SERVE_RELOADING;
}

/* ---- what is found --------------------------------------------------------------------------
 */

/* A snapshot with all that was found so far. */
static void use_found(struct serve *s)
{
	struct loaded *l = mem_get(system_mem(), sizeof(*l));
	struct load_options o = s->options;
	enum rc rc;

	if (l == NULL)
		return;
	o.found = discover_found(s->discovery, &o.found_n);
	o.before = s->now;
	rc = load(l, &o);
	if (rc == OK && l->file[0] == '\0') {
		struct snapshot *next = l->snapshot;

		l->snapshot = NULL;
		reload_publish(s, next);
	} else if (rc != OK) {
		log_problems(s, l, rc);
	}
	load_free(l);
	mem_put(system_mem(), l, sizeof(*l));
}

static void on_settle(struct timer *t)
{
	use_found(CONTAINER_OF(t, struct serve, settle));
}

static void on_found(void *ctx, const struct found_provider *f)
{
	struct serve *s = ctx;

	say_found(f);
	log_event(s->log, LOG_INFO, "discover.found", F_CSTR("provider", f->known->name),
		  F_U64("models", f->model_n));
	if (!timer_is_set(&s->settle))
		timer_set(&s->settle, SETTLE_US);
}

static void on_not_found(void *ctx, const struct provider_known *known, const char *why)
{
	struct serve *s = ctx;

	say_not_found(known, why);
	log_event(s->log, LOG_WARN, "discover.failed", F_CSTR("provider", known->name),
		  F_CSTR("why", why));
}

static void on_done(void *ctx)
{
	struct serve *s = ctx;

	timer_stop(&s->settle);
	use_found(s);
	discover_free(s->before);
	s->before = s->discovery;
	s->discovery = NULL;
	say_nothing(s);
	idle(s);
}

static const struct discover_events discover_events = {
	.found = on_found,
	.failed = on_not_found,
	.done = on_done,
};

/* A snapshot of everybody who might be there, only to ask them. */
static struct snapshot *candidates(struct serve *s)
{
	struct loaded *l = mem_get(system_mem(), sizeof(*l));
	struct load_options o = s->options;
	struct snapshot *all = NULL;

	if (l == NULL)
		return NULL;
	o.locals = true;
	o.found_n = 0;
	o.before = s->now;
	if (load(l, &o) == OK && l->file[0] == '\0') {
		all = l->snapshot;
		l->snapshot = NULL;
	}
	load_free(l);
	mem_put(system_mem(), l, sizeof(*l));
	return all;
}

void reload_discover(struct serve *s)
{
	struct snapshot *all = candidates(s);
	uint16_t ports[LISTENERS_MAX];
	struct err err = { .rc = OK };

	if (all == NULL)
		return;
	for (size_t i = 0; i < s->listener_n; i++)
		ports[i] = address_port(&s->listeners[i].at);
	if (discover_start(&s->discovery, s->loop, all, ports, s->listener_n, &discover_events,
			   s, &err) == OK)
		s->busy = SERVE_DISCOVERING;
	else
		log_event(s->log, LOG_ERROR, "discover.failed", F_CSTR("why", err.text));
	snapshot_unref(all);
}

void reload_end(struct serve *s)
{
	if (s->reload_thread != NULL)
		thread_join(s->reload_thread);
	if (s->reload != NULL) {
		load_free(s->reload);
		mem_put(system_mem(), s->reload, sizeof(*s->reload));
	}
	discover_free(s->discovery);
	discover_free(s->before);
	if (s->reloaded != NULL)
		wake_free(s->reloaded);
	if (s->settle_ready)
		timer_done(&s->settle);
}

enum rc reload_begin(struct serve *s, struct err *err)
{
	enum rc rc = wake_new(&s->reloaded, s->loop, on_reloaded, s, err);

	timer_init(&s->settle, s->loop, on_settle);
	s->settle_ready = true;
	return rc;
}
