/* One fleet's world, from its making to its end. */
#include "fleet.h"

#include "base/hash.h"
#include "io/loop_impl.h"

#include <time.h>

enum { TURNS_PER_REQUEST = 2000, HELD_MAX = 64 << 20 };
/* So long after it began a probe is given up (route/breaker.c). */
#define PROBE_US (60 * (uint64_t)SECOND)
/* What may still happen when everybody has been asked for the last time. */
#define AFTER_US (300 * (uint64_t)SECOND)

void fleet_broken(struct fleet_outcome *o, const char *rule, const char *fmt, ...)
{
	va_list ap;

	if (o->rule[0] != '\0')
		return;
	(void)snprintf(o->rule, sizeof(o->rule), "%s", rule);
	va_start(ap, fmt);
	(void)vsnprintf(o->text, sizeof(o->text), fmt, ap);
	va_end(ap);
}

bool fleet_sabotage(struct fleet *f, enum fleet_sabotage s)
{
	if (f->spec->sabotage != s || f->sabotaged)
		return false;
	f->sabotaged = true;
	return true;
}

static uint64_t since_us(const struct fleet *f)
{
	return sim_now_us(f->sim) - f->began_us;
}

uint64_t fleet_until_us(const struct fleet *f, uint64_t at_us)
{
	uint64_t now = since_us(f);

	return at_us > now ? at_us - now : 0;
}

static struct fleet_second *this_second(struct fleet *f)
{
	size_t i = size_min(since_us(f) / SECOND, f->out->second_n - 1);

	return &f->out->second[i];
}

/* ---- what is watched --------------------------------------------------------- */

/* X5: every exchange ends in one record, so each is known until it has had its own. */
static void on_begun(struct watch *w, const struct exchange *x, bool recorded)
{
	struct fleet *f = CONTAINER_OF(w, struct fleet, watch);

	f->begun++;
	this_second(f)->requests++;
	if (x == NULL || recorded)
		return;
	if (f->open_n == f->open_cap) {
		f->open_cap = f->open_cap * 2 + 64;
		f->open = realloc(f->open, f->open_cap * sizeof(const struct exchange *));
		INVARIANT(f->open != NULL);
	}
	f->open[f->open_n++] = x;
}

static bool forget(struct fleet *f, const struct exchange *x)
{
	for (size_t i = 0; i < f->open_n; i++)
		if (f->open[i] == x) {
			f->open[i] = f->open[--f->open_n];
			return true;
		}
	return false;
}

static unsigned on_record(struct watch *w, const struct exchange *x, enum end end UNUSED,
			  unsigned status UNUSED)
{
	struct fleet *f = CONTAINER_OF(w, struct fleet, watch);

	if (fleet_sabotage(f, FLEET_LOSE))
		return 0;
	for (unsigned i = fleet_sabotage(f, FLEET_TWICE) ? 2 : 1; i > 0; i--) {
		/* One that is refused at the door is recorded before it is known. */
		if (!forget(f, x) && x->attempts > 0)
			fleet_broken(f->out, "X5", "exchange %s is recorded twice", x->id);
		f->recorded++;
	}
	return 1;
}

static void on_queued(struct watch *w, const struct http_request *rq)
{
	struct fleet *f = CONTAINER_OF(w, struct fleet, watch);

	if (reply_queued(rq) > 1 << 20)
		fleet_broken(f->out, "X7", "%zu bytes wait for one client", reply_queued(rq));
}

static const struct breaker *breaker_of(const struct fleet *f, unsigned provider)
{
	char name[8];
	const struct deployment *d;

	(void)snprintf(name, sizeof(name), "p%u/m", provider);
	d = map_get(&f->gateway->view->snapshot->deployments, slice_cstr(name));
	INVARIANT(d != NULL);
	return &d->target.health->breaker;
}

/* Whether the probe has not come back; after a while it is given up. */
static bool is_out(const struct fleet *f, const struct fleet_probe *p)
{
	if (p->at == NULL || loop_now_us(f->gateway_loop) > p->began_us + PROBE_US)
		return false;
	/* Attempts live as long as their exchange, and their memory may be another's then. */
	for (size_t i = 0; i < f->open_n; i++)
		for (unsigned k = 0; k < f->open[i]->out_n; k++)
			if (f->open[i]->out[k] == p->at && p->at->began_us == p->began_us)
				return true;
	return false;
}

/* Its breaker was closed meanwhile, by an answer to one that had been asked before, and then
 * opened anew: the old probe is no probe any more. */
static bool was_closed(const struct fleet_probe *p, const struct breaker *b)
{
	return atomic_load(&b->opens_total) - p->opens != atomic_load(&b->opened) - p->in_row;
}

/* No attempt goes to an open breaker, but one probe at a time once it is half open, each by a
 * leave of its own. */
static void check_breaker(struct fleet *f, unsigned provider, const struct attempt *at)
{
	const struct breaker *b = breaker_of(f, provider);
	uint64_t now = loop_now_us(f->gateway_loop);
	enum breaker_view view = breaker_look(b, now);
	struct fleet_probe *p = &f->probe[provider];
	uint64_t until = atomic_load(&b->probe_until_us);
	double s = (double)since_us(f) / SECOND;

	if (breaker_rests_until(b, now) > 0 || fleet_sabotage(f, FLEET_REST))
		fleet_broken(f->out, "rest", "p%u is asked at %.3f s, it asked for a rest",
			     provider, s);
	if (view == BREAKER_CLOSED)
		return;
	if (view == BREAKER_OPEN || fleet_sabotage(f, FLEET_OPEN))
		fleet_broken(f->out, "breaker", "p%u is asked at %.3f s, its breaker is open",
			     provider, s);
	else if (until == p->until_us || (is_out(f, p) && !was_closed(p, b)) ||
		 fleet_sabotage(f, FLEET_PROBES))
		fleet_broken(f->out, "probe", "p%u is asked at %.3f s beside its probe",
			     provider, s);
	*p = (struct fleet_probe){ at, at->began_us, until, atomic_load(&b->opens_total),
				   atomic_load(&b->opened) };
}

static void on_asked(struct watch *w, const struct attempt *at, struct slice host)
{
	struct fleet *f = CONTAINER_OF(w, struct fleet, watch);
	unsigned provider;

	INVARIANT(host.n == strlen("10.0.0.1"));
	provider = (unsigned)(host.p[host.n - 1] - '1');
	INVARIANT(provider < FLEET_PROVIDERS);
	f->out->asked[provider]++;
	f->out->attempts++;
	this_second(f)->asked[provider]++;
	f->out->hedges += at->hedge;
	check_breaker(f, provider, at);
}

static void log_seen(struct log *l, enum log_level level UNUSED, struct slice line)
{
	struct fleet *f = CONTAINER_OF(l, struct fleet, log);

	for (unsigned i = 0; i < FLEET_PROVIDERS; i++)
		if (slice_find(line, slice_cstr(f->secret[i])) != SLICE_NONE)
			fleet_broken(f->out, "X9", "a provider's key is in the log: %.*s",
				     SARG(line));
	sim_note(f->sim, "log %.*s", SARG(slice_head(line, 90)));
}

static uint64_t log_wall(struct log *l)
{
	return loop_wall_us(CONTAINER_OF(l, struct fleet, log)->gateway_loop);
}

/* ---- the providers ----------------------------------------------------------- */

static void change(struct fleet *f, unsigned provider, const char *options)
{
	struct err err = { 0 };

	if (options == NULL || mock_set(f->mock[provider], slice_cstr(options), &err) == OK)
		return;
	fprintf(stderr, "options were refused: %s\n%s\n", err.text, options);
	INVARIANT(!"options");
}

static void make_provider(struct fleet *f, unsigned i)
{
	struct err err = { 0 };
	char options[256];

	f->mock_at[i] = sim_address(i + 1, 80);
	INVARIANT(mock_new(&f->mock[i], f->mock_loop, NULL, NULL, &err) == OK);
	(void)snprintf(options, sizeof(options),
		       "seed=%" PRIu64 "&key=%s&records=100000&tokens=%d&words=%d"
		       "&prompt-tokens=%d",
		       f->spec->seed * FLEET_PROVIDERS + i, f->secret[i], ANSWER_TOKENS,
		       ANSWER_TOKENS / 3, PROMPT_TOKENS);
	change(f, i, options);
	change(f, i, f->scenario.usual);
	change(f, i, f->scenario.own[i]);
	INVARIANT(mock_listen(f->mock[i], &f->mock_at[i], NULL, &err) == OK);
	f->answer[i] =
		mock_text(&f->texts_arena, f->spec->seed * FLEET_PROVIDERS + i, ANSWER_TOKENS);
}

static void next_event(struct fleet *f)
{
	if (f->event_at < f->scenario.event_n)
		timer_set(&f->event, fleet_until_us(f, f->scenario.event[f->event_at].at_us));
}

static void on_event(struct timer *t)
{
	struct fleet *f = CONTAINER_OF(t, struct fleet, event);
	const struct fleet_event *e = &f->scenario.event[f->event_at++];
	struct sim_faults faults = sim_kind;

	sim_note(f->sim, "p%u: %s%s%s", e->provider, e->options, e->refuses ? ", refuses" : "",
		 e->hangs ? ", hangs" : "");
	faults.connect_refused = e->refuses ? 1 : 0;
	faults.connect_hang = e->hangs ? 1 : 0;
	sim_faults_at(f->sim, &f->mock_at[e->provider], &faults);
	change(f, e->provider, e->options);
	next_event(f);
}

/* What has ended since is on the bill: the prompt of every attempt that was answered or given
 * up, and what was answered.  An error is free. */
static void on_tick(struct timer *t)
{
	struct fleet *f = CONTAINER_OF(t, struct fleet, tick);

	for (unsigned i = 0; i < FLEET_PROVIDERS; i++) {
		for (size_t k = 0; k < mock_record_n(f->mock[i]); k++) {
			const struct mock_record *r = mock_record(f->mock[i], k);
			bool whole = r->end == MOCK_COMPLETE && r->status == 200;

			if (whole || r->end == MOCK_CANCELLED)
				f->out->cost_nano += r->prompt_tokens * INPUT_NANO;
			if (whole)
				f->out->cost_nano += r->completion_tokens * OUTPUT_NANO;
		}
		mock_records_clear(f->mock[i]);
	}
	timer_set(&f->tick, SECOND);
}

/* ---- the world --------------------------------------------------------------- */

static void make_world(struct fleet *f)
{
	struct gateway_options o;
	struct err err = { 0 };

	f->gateway_at = sim_address(10, 8484);
	arena_init(&f->texts_arena, f->mem, 4096, 1 << 20);
	for (unsigned i = 0; i < FLEET_PROVIDERS; i++)
		make_provider(f, i);
	f->metrics = mem_zero(loop_mem(f->gateway_loop), sizeof(*f->metrics));
	f->snapshot = fleet_settings(f, loop_mem(f->gateway_loop));
	o = (struct gateway_options){ .loop = f->gateway_loop,
				      .snapshot = f->snapshot,
				      .log = &f->log,
				      .metrics = f->metrics };
	INVARIANT(gateway_new(&f->gateway, &o, &err) == OK);
	INVARIANT(gateway_listen(f->gateway, &f->gateway_at, NULL, &err) == OK);
	snapshot_unref(f->snapshot);
	timer_init(&f->event, f->client_loop, on_event);
	timer_init(&f->tick, f->mock_loop, on_tick);
	timer_set(&f->tick, SECOND);
	next_event(f);
	fleet_clients_begin(f);
}

static void live(struct fleet *f, bool (*done)(void *ctx), uint64_t us, const char *what)
{
	enum sim_stop stop =
		sim_run(f->sim, done, f, us, (f->spec->requests + 1000) * TURNS_PER_REQUEST);

	if (stop == SIM_STEPS || (done != NULL && stop != SIM_DONE))
		fleet_broken(f->out, "stuck", "%s: %s", what, sim_stop_name(stop));
}

static void check_loop(struct fleet *f, struct loop *l, const char *name)
{
	struct sim_mem_stats m;

	sim_mem_stats(l, &m);
	if (m.live != 0)
		fleet_broken(f->out, "leak", "%zu bytes of the %s's loop", m.live, name);
	if (loop_core(l)->made != 0)
		fleet_broken(f->out, "leak", "%zu timers of the %s's loop", loop_core(l)->made,
			     name);
}

static void check_records(struct fleet *f)
{
	if (f->begun != f->recorded || f->open_n > 0)
		fleet_broken(f->out, "X5", "%" PRIu64 " exchanges, %" PRIu64 " records",
			     f->begun, f->recorded);
	if (gateway_open(f->gateway) != 0)
		fleet_broken(f->out, "X5", "%zu exchanges are still open",
			     gateway_open(f->gateway));
	for (unsigned i = 0; i < FLEET_PROVIDERS; i++) {
		struct mock_stats m;

		mock_stats(f->mock[i], &m);
		if (m.open_requests > 0)
			fleet_broken(f->out, "X4", "p%u still works on %zu requests", i,
				     m.open_requests);
	}
}

static void take_down(struct fleet *f)
{
	struct mem *mem = loop_mem(f->gateway_loop);

	timer_done(&f->event);
	on_tick(&f->tick);
	timer_done(&f->tick);
	fleet_clients_free(f);
	gateway_free(f->gateway);
	metrics_shared_free(f->metrics, mem);
	mem_put(mem, f->metrics, sizeof(*f->metrics));
	for (unsigned i = 0; i < FLEET_PROVIDERS; i++)
		mock_free(f->mock[i]);
	arena_free(&f->texts_arena);
	live(f, NULL, 30 * (uint64_t)SECOND, "after the end");
	if (sim_sockets(f->sim) != 0)
		fleet_broken(f->out, "leak", "%zu sockets", sim_sockets(f->sim));
	check_loop(f, f->gateway_loop, "gateway");
	check_loop(f, f->mock_loop, "provider");
	check_loop(f, f->client_loop, "client");
	free(f->open);
}

/* ---- its outcome ------------------------------------------------------------- */

static uint64_t cpu_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static int by_size(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return x < y ? -1 : x > y;
}

uint64_t fleet_ttfc_us(const struct fleet_outcome *o, unsigned ppm)
{
	/* The smallest that so many are not above. */
	size_t i = (size_t)(((uint64_t)o->ttfc_n * ppm + 999999) / 1000000);

	return o->ttfc_n == 0 ? 0 : o->ttfc_us[i > 0 ? i - 1 : 0];
}

unsigned fleet_share(const struct fleet_outcome *o, unsigned provider, uint64_t from_us,
		     uint64_t until_us)
{
	uint64_t all = 0, own = 0;

	for (uint64_t i = from_us / SECOND; i < until_us / SECOND && i < o->second_n; i++)
		for (unsigned p = 0; p < FLEET_PROVIDERS; p++) {
			all += o->second[i].asked[p];
			own += p == provider ? o->second[i].asked[p] : 0;
		}
	return all == 0 ? 0 : (unsigned)(own * 1000 / all);
}

void fleet_outcome_free(struct fleet_outcome *o)
{
	free(o->ttfc_us);
	free(o->second);
}

static void outcome_init(struct fleet *f)
{
	struct fleet_outcome *o = f->out;

	*o = (struct fleet_outcome){ .requests = f->spec->requests };
	o->second_n = (size_t)((double)f->spec->requests / f->scenario.rate * 1.2) + 600;
	o->second = calloc(o->second_n, sizeof(*o->second));
	o->ttfc_us = calloc(f->spec->requests, sizeof(*o->ttfc_us));
	INVARIANT(o->second != NULL && o->ttfc_us != NULL);
}

void fleet_run(const struct fleet_spec *spec, struct fleet_outcome *out)
{
	struct fleet *f = calloc(1, sizeof(*f));
	uint64_t began = cpu_us();

	INVARIANT(f != NULL);
	f->spec = spec;
	f->out = out;
	rng_seed(&f->rng, hash_mix(spec->seed));
	f->scenario = *spec->scenario;
	if (f->scenario.mixed)
		fleet_mix(&f->scenario, &f->texts, &f->rng, spec->requests);
	outcome_init(f);
	f->sim = sim_new(spec->seed);
	f->began_us = sim_now_us(f->sim);
	f->watch = (struct watch){ on_begun, on_record, on_queued, on_asked, 0 };
	sim_own(f->sim, &f->watch);
	f->gateway_loop = sim_loop(f->sim, "gateway");
	f->mock_loop = sim_loop(f->sim, "provider");
	f->client_loop = sim_loop(f->sim, "client");
	f->mem = loop_mem(f->client_loop);
	f->log = (struct log){ LOG_INFO, LOG_JSON, log_wall, log_seen };
	for (unsigned i = 0; i < FLEET_PROVIDERS; i++)
		(void)snprintf(f->secret[i], sizeof(f->secret[i]), "sk-fleet-%016" PRIx64,
			       rng_u64(&f->rng));
	make_world(f);
	live(f, fleet_clients_done,
	     (uint64_t)((double)spec->requests / f->scenario.rate * 1.2 * SECOND) + AFTER_US,
	     "the clients");
	live(f, NULL, 5 * (uint64_t)SECOND, "afterwards");
	check_records(f);
	take_down(f);
	if (spec->trace > 0)
		sim_trace(f->sim, stderr, spec->trace);
	out->turns = sim_turns(f->sim);
	out->virtual_us = since_us(f);
	loop_free(f->gateway_loop);
	loop_free(f->mock_loop);
	loop_free(f->client_loop);
	sim_free(f->sim);
	qsort(out->ttfc_us, out->ttfc_n, sizeof(*out->ttfc_us), by_size);
	out->cpu_us = cpu_us() - began;
	free(f);
}
