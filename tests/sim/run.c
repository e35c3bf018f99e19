/* One seed's world, from its making to its end. */
#include "harness.h"

#include "base/hash.h"
#include "gateway/gateway_impl.h"
#include "io/loop_impl.h"
#include "wire/json.h"

enum { STEPS_MAX = 3000000, HELD_MAX = 16 << 20 };

void broken(struct run *r, const char *rule, const char *fmt, ...)
{
	struct verdict *v = r->verdict;
	va_list ap;

	if (v->rule[0] != '\0')
		return;
	(void)snprintf(v->rule, sizeof(v->rule), "%s", rule);
	va_start(ap, fmt);
	(void)vsnprintf(v->text, sizeof(v->text), fmt, ap);
	va_end(ap);
	sim_note(r->sim, "BROKEN %s: %.70s", v->rule, v->text);
}

bool sabotage(struct run *r, enum sabotage s)
{
	if (r->sabotage != s || r->sabotaged)
		return false;
	r->sabotaged = true;
	return true;
}

/* ---- what is watched --------------------------------------------------------- */

static void on_begun(struct watch *w, const struct exchange *x, bool recorded)
{
	struct run *r = CONTAINER_OF(w, struct run, watch);

	/* Without memory for itself it never was one. */
	if (x != NULL || recorded || r->profile.poor <= 0)
		r->begun++;
}

static unsigned on_record(struct watch *w, const struct exchange *x UNUSED, enum end end UNUSED,
			  unsigned status UNUSED)
{
	struct run *r = CONTAINER_OF(w, struct run, watch);

	if (sabotage(r, SABOTAGE_NEVER))
		return 0;
	r->recorded++;
	return sabotage(r, SABOTAGE_TWICE) ? 2 : 1;
}

static void on_queued(struct watch *w, const struct http_request *rq)
{
	struct run *r = CONTAINER_OF(w, struct run, watch);

	/* The mark, what one read gave, and an event that had been held. */
	if (reply_queued(rq) > QUEUE_MARK + EVENT_MAX + CONN_READ_BYTES + 16384 ||
	    sabotage(r, SABOTAGE_QUEUE))
		broken(r, "X7", "%zu bytes wait for one client", reply_queued(rq));
}

/* ---- the log ----------------------------------------------------------------- */

static void copy_field(char *to, size_t cap, const struct json *line, const char *name)
{
	(void)snprintf(to, cap, "%.*s", SARG(json_str(json_get(line, name))));
}

static void note_record(struct run *r, const struct json *line)
{
	struct record *k;

	if (r->records == RECORDS_MAX) {
		broken(r, "X5", "more than %d access records", RECORDS_MAX);
		return;
	}
	k = &r->record[r->records++];
	copy_field(k->id, sizeof(k->id), line, "id");
	copy_field(k->end, sizeof(k->end), line, "end");
	copy_field(k->key, sizeof(k->key), line, "key");
	k->status = (unsigned)json_uint(json_get(line, "status"), 0);
	k->tries = (unsigned)json_uint(json_get(line, "tries"), 0);
	sim_note(r->sim, "record %s key %s status %u end %s tries %u", k->id, k->key, k->status,
		 k->end, k->tries);
}

static void check_secrets(struct run *r, struct slice bytes, const char *where)
{
	for (unsigned i = 0; i < PROVIDERS; i++)
		if (slice_find(bytes, slice_cstr(r->secret[i])) != SLICE_NONE)
			broken(r, "X9", "a provider's key is in %s: %.*s", where,
			       SARG(slice_head(bytes, 300)));
}

static void log_line_seen(struct log *l, enum log_level level, struct slice line)
{
	struct run *r = CONTAINER_OF(l, struct run, log);
	struct json_doc *doc = NULL;
	char marked[LOG_LINE_MAX + 100];

	(void)level;
	if (sabotage(r, SABOTAGE_SECRET)) {
		(void)snprintf(marked, sizeof(marked), "%.*s key=%s", SARG(line), r->secret[1]);
		line = slice_cstr(marked);
		check_secrets(r, line, "the log");
		return;
	}
	check_secrets(r, line, "the log");
	for (unsigned i = 0; i < r->clients; i++)
		if (slice_find(line, slice_cstr(r->client[i].key)) != SLICE_NONE)
			broken(r, "X9", "a client's key is in the log: %.*s", SARG(line));
	if (slice_find(line, LIT("ask-")) != SLICE_NONE &&
	    slice_find(line, LIT("abcdefgh")) != SLICE_NONE)
		broken(r, "X9", "a prompt is in the log: %.*s", SARG(line));
	if (json_doc_read(&doc, r->mem, line, NULL) != OK) {
		broken(r, "log", "not JSON: %.*s", SARG(line));
		return;
	}
	if (slice_eq(json_str(json_get(json_root(doc), "event")), LIT("access")))
		note_record(r, json_root(doc));
	else
		sim_note(r->sim, "log %.*s", SARG(slice_head(line, 90)));
	json_doc_free(doc);
}

static uint64_t log_wall(struct log *l)
{
	return loop_wall_us(CONTAINER_OF(l, struct run, log)->gateway_loop);
}

/* ---- how bad it will be ------------------------------------------------------ */

static double at_most(struct run *r, double most)
{
	return rng_unit(&r->rng) * most;
}

static struct sim_faults rough(struct run *r)
{
	struct sim_faults f = sim_kind;

	f.connect_refused = at_most(r, 0.1);
	f.connect_hang = at_most(r, 0.05);
	f.accept_full = at_most(r, 0.2);
	f.accept_lost = at_most(r, 0.05);
	f.reset = at_most(r, 0.2);
	f.end = at_most(r, 0.2);
	f.short_read = at_most(r, 0.5);
	f.short_write = at_most(r, 0.5);
	f.dns_fail = at_most(r, 0.1);
	f.cut_bytes = (size_t)1 << (4 + rng_below(&r->rng, 14));
	f.latency_max_us = 1000 + rng_below(&r->rng, 50000);
	if (!r->profile.prompt) {
		f.dns_slow = at_most(r, 0.05);
		f.stall = at_most(r, 0.2);
		f.slow = at_most(r, 0.1);
		f.stall_us = SECOND + rng_below(&r->rng, 60 * SECOND);
		f.slow_rate = 500 + rng_below(&r->rng, 20000);
	}
	f.window_min = 300;
	f.window_max = 300 + rng_below(&r->rng, 60000);
	return f;
}

static void draw_profile(struct run *r)
{
	struct profile *p = &r->profile;
	struct rng *rng = &r->rng;

	*p = (struct profile){ .clients = sim_kind, .upstream = sim_kind };
	p->calm = rng_chance(rng, 0.15);
	p->tls_clients = rng_chance(rng, 0.15);
	p->tls_upstream = rng_chance(rng, 0.15);
	p->hedges = rng_chance(rng, 0.4);
	p->bad_key = rng_chance(rng, 0.3);
	p->failover = !p->calm && rng_chance(rng, 0.15);
	p->prompt = p->calm || p->failover || rng_chance(rng, 0.5);
	if (p->calm || p->failover) {
		p->clients.short_read = p->clients.short_write = 0.3;
		p->upstream = p->clients;
		return;
	}
	p->mischief = rng_chance(rng, 0.6);
	if (rng_chance(rng, 0.5))
		p->clients = rough(r);
	if (rng_chance(rng, 0.5))
		p->upstream = rough(r);
	p->drains = rng_chance(rng, 0.2);
	p->reloads = rng_chance(rng, 0.2);
	p->poor = rng_chance(rng, 0.15) ? at_most(r, 0.01) : 0;
}

/* ---- providers --------------------------------------------------------------- */

/* The first ones never get as far as content. */
enum { EARLY_MISCHIEFS = 24 };
static const char *const mischiefs[] = {
	"fail=refuse",
	"fail=close",
	"fail=reset",
	"fail=garbage",
	"fail=half_head",
	"fail=two_lengths",
	"fail=close_head",
	"fail=stall_head",
	"fail=stall_content",
	"fail=empty",
	"fail=nothing",
	"fail=error_200",
	"fail=error_first",
	"fail=cut&at=0",
	"fail=half_event&at=0",
	"fail=truncate&at=0",
	"fail=bad_chunk&at=0",
	"fail=bad_json&at=0",
	"fail=error_mid&at=0",
	"status=429&retry-after=1",
	"status=500",
	"status=503&retry-after=2",
	"status=401",
	"status=404",
	"fail=stall",
	"fail=stall&hold=2s",
	"fail=cut",
	"fail=half_event",
	"fail=truncate",
	"fail=truncate&at=1",
	"fail=short",
	"fail=long",
	"fail=bad_chunk",
	"fail=no_finish",
	"fail=no_done",
	"fail=bare_end",
	"fail=error_mid",
	"fail=bad_json",
	"fail=huge&size=3000",
	"fail=huge&size=200000",
	"status=400",
	"status=500&shape=html",
	"status=500&shape=empty",
	"eol=crlf",
	"eol=cr",
	"bom=on&comments=3",
	"batch=5",
	"split=1&tokens=5",
	"split=7",
	"slow-read=50ms",
	"keepalive=200ms&ttft=3s",
	"ttft=4s",
	"gap=100ms..900ms&tokens=20",
	"early-head=on&ttft=2s",
	"keep-alive=off",
	"close-after=1",
	"extra=on",
	"tokens=3000&words=50",
	"tokens=60000&words=40&gap=0ms",
	"tokens=60000&words=1000&gap=0ms",
	"blank-lines=3&usage=off",
};

static void script(struct run *r, unsigned provider)
{
	char text[4096];
	struct err err = { 0 };
	struct sb sb;
	unsigned n = (unsigned)rng_below(&r->rng, 20);
	size_t kinds = r->profile.failover ? EARLY_MISCHIEFS : ARRAY_LEN(mischiefs);

	sb_init(&sb, text, sizeof(text));
	sb_char(&sb, '[');
	/* Some providers quote the key they were sent. */
	if (rng_chance(&r->rng, 0.2))
		sb_fmt(&sb, "\"status=401&error-message=Wrong key: %s\",", r->secret[provider]);
	sb_lit(&sb, "\"\"");
	for (unsigned i = 0; i < n; i++)
		sb_fmt(&sb, ",{\"fail\":\"none\",\"times\":%u},\"%s\"",
		       1 + (unsigned)rng_below(&r->rng, 3),
		       mischiefs[rng_below(&r->rng, kinds)]);
	sb_char(&sb, ']');
	if (mock_script(r->mock[provider], sb_slice(&sb), &err) != OK) {
		fprintf(stderr, "a script was refused: %s\n%.*s\n", err.text, (int)sb.n, text);
		INVARIANT(!"script");
	}
}

static void make_provider(struct run *r, unsigned i)
{
	const uint16_t ports[PROVIDERS] = { r->profile.tls_upstream ? 443 : 80, 8080, 80 };
	static const char *const names[PROVIDERS] = { "alpha.example", "beta.example", "" };
	char options[256];
	struct address at = sim_address(i + 1, ports[i]);
	struct err err = { 0 };

	r->mock_at[i] = at;
	if (names[i][0] != '\0')
		sim_name(r->sim, slice_cstr(names[i]), &at, 1);
	(void)snprintf(options, sizeof(options),
		       "seed=%" PRIu64 "&vary=on&records=100000&ttft=1ms..%ums&gap=0ms..%ums"
		       "&tokens=1..%u&key=%s&error-rate=%s&idle=%s",
		       r->seed * PROVIDERS + i, 2 + (unsigned)rng_below(&r->rng, 300),
		       1 + (unsigned)rng_below(&r->rng, 50),
		       1 + (unsigned)rng_below(&r->rng, 100), r->secret[i],
		       r->profile.mischief && rng_chance(&r->rng, 0.3) ? "0.3" : "0",
		       rng_chance(&r->rng, 0.3) ? "700ms" : "0ms");
	INVARIANT(mock_new(&r->mock[i], r->mock_loop, NULL, NULL, &err) == OK);
	if (mock_set(r->mock[i], slice_cstr(options), &err) != OK) {
		fprintf(stderr, "options were refused: %s\n", err.text);
		INVARIANT(!"options");
	}
	INVARIANT(mock_listen(r->mock[i], &at,
			      i == 0 && r->profile.tls_upstream ? r->tls->server : NULL,
			      &err) == OK);
	sim_faults_at(r->sim, &at, &r->profile.upstream);
	if (r->profile.mischief || (r->profile.failover && i == 0))
		script(r, i);
}

/* ---- in the middle ----------------------------------------------------------- */

static void on_drained(void *ctx)
{
	((struct run *)ctx)->drained = true;
}

static void begin_drain(struct run *r)
{
	sim_note(r->sim, "drain");
	r->draining = true;
	gateway_drain(r->gateway, on_drained, r);
}

static void on_event(struct timer *t)
{
	struct run *r = CONTAINER_OF(t, struct run, event_timer);

	if (r->profile.reloads) {
		struct snapshot *s;

		sim_note(r->sim, "reload");
		sim_mem_fail(r->gateway_loop, 0, 0);
		s = settings_new(r, loop_mem(r->gateway_loop));
		sim_mem_fail(r->gateway_loop, 0, r->profile.poor);
		gateway_swap(r->gateway, s);
		snapshot_unref(s);
		r->profile.reloads = false;
	}
	if (r->profile.drains)
		begin_drain(r);
}

/* ---- the world --------------------------------------------------------------- */

static void make_world(struct run *r)
{
	struct gateway_options o;
	struct err err = { 0 };

	r->gateway_at = sim_address(10, 8484);
	sim_faults_at(r->sim, &r->gateway_at, &r->profile.clients);
	sim_faults(r->sim, &r->profile.upstream); /* look-ups */
	for (unsigned i = 0; i < PROVIDERS; i++)
		make_provider(r, i);
	r->metrics = mem_zero(loop_mem(r->gateway_loop), sizeof(*r->metrics));
	r->snapshot = settings_new(r, loop_mem(r->gateway_loop));
	o = (struct gateway_options){ .loop = r->gateway_loop,
				      .snapshot = r->snapshot,
				      .log = &r->log,
				      .metrics = r->metrics };
	INVARIANT(gateway_new(&r->gateway, &o, &err) == OK);
	INVARIANT(gateway_listen(r->gateway, &r->gateway_at,
				 r->profile.tls_clients ? r->tls->server : NULL, &err) == OK);
	snapshot_unref(r->snapshot);
	for (unsigned i = 0; i < r->clients; i++)
		client_begin(&r->client[i]);
	timer_init(&r->event_timer, r->gateway_loop, on_event);
	if (r->profile.reloads || r->profile.drains)
		timer_set(&r->event_timer, SECOND / 2 + rng_below(&r->rng, 8 * SECOND));
	sim_mem_fail(r->gateway_loop, 0, r->profile.poor);
}

static bool clients_done(void *ctx)
{
	const struct run *r = ctx;

	for (unsigned i = 0; i < r->clients; i++)
		if (!r->client[i].finished)
			return false;
	return true;
}

static bool drain_done(void *ctx)
{
	return ((const struct run *)ctx)->drained;
}

static void live(struct run *r, bool (*done)(void *ctx), uint64_t seconds, const char *what)
{
	enum sim_stop stop = sim_run(r->sim, done, r, seconds * SECOND, STEPS_MAX);

	if (stop == SIM_STEPS)
		broken(r, "spin", "%s: %s", what, sim_stop_name(stop));
	else if (done != NULL && stop != SIM_DONE)
		broken(r, "stuck", "%s: %s", what, sim_stop_name(stop));
}

static void check_loop(struct run *r, struct loop *l, const char *name)
{
	struct sim_mem_stats m;

	sim_mem_stats(l, &m);
	if (m.live != 0)
		broken(r, "leak", "%zu bytes of the %s's loop", m.live, name);
	if (loop_core(l)->made != 0)
		broken(r, "leak", "%zu timers of the %s's loop", loop_core(l)->made, name);
}

static void take_down(struct run *r)
{
	struct mem *mem = loop_mem(r->gateway_loop);
	void *leaked = NULL;

	timer_done(&r->event_timer);
	sim_mem_fail(r->gateway_loop, 0, 0);
	for (unsigned i = 0; i < r->clients; i++)
		client_free(&r->client[i]);
	gateway_free(r->gateway);
	metrics_shared_free(r->metrics, mem);
	mem_put(mem, r->metrics, sizeof(*r->metrics));
	for (unsigned i = 0; i < PROVIDERS; i++)
		mock_free(r->mock[i]);
	if (sabotage(r, SABOTAGE_LEAK))
		leaked = mem_get(mem, 1);
	/* What lingers may do so for a while. */
	live(r, NULL, 30, "after the end");
	if (sim_sockets(r->sim) != 0)
		broken(r, "leak", "%zu sockets", sim_sockets(r->sim));
	check_loop(r, r->gateway_loop, "gateway");
	check_loop(r, r->mock_loop, "provider");
	check_loop(r, r->client_loop, "client");
	mem_put(mem, leaked, 1);
}

static void count(struct run *r)
{
	struct verdict *v = r->verdict;

	for (unsigned i = 0; i < r->clients; i++)
		for (size_t k = 0; k < r->client[i].n; k++) {
			const struct ask *a = &r->client[i].asks[k];

			v->asks++;
			v->complete += a->answered && a->r.status < 300;
			v->refused += a->answered && a->r.status >= 300;
			v->gone += a->left;
			v->cut += !a->answered && !a->left;
		}
	v->turns = sim_turns(r->sim);
	v->virtual_us = sim_now_us(r->sim) - r->began_us;
}

static void live_and_check(struct run *r)
{
	struct sim_mem_stats m;

	live(r, clients_done, 3600, "the clients");
	/* A connection that hangs in a stalled network is noticed late. */
	live(r, NULL, r->profile.prompt ? 5 : 300, "afterwards");
	if (rng_chance(&r->rng, 0.3) && !r->draining)
		begin_drain(r);
	if (r->draining)
		live(r, drain_done, 60, "the drain");
	sim_mem_stats(r->gateway_loop, &m);
	r->verdict->peak = m.peak;
	if (m.peak > HELD_MAX)
		broken(r, "X7", "the gateway held %zu bytes at a time", m.peak);
	for (unsigned i = 0; i < r->clients; i++)
		check_secrets(r, buf_slice(&r->client[i].raw), "what a client was sent");
	rules_check(r);
	count(r);
}

void run_seed(uint64_t seed, enum sabotage sab, const struct tls_set *tls, size_t trace,
	      struct verdict *out)
{
	struct run *r = calloc(1, sizeof(*r));

	INVARIANT(r != NULL);
	*out = (struct verdict){ 0 };
	r->seed = seed;
	r->sabotage = sab;
	r->tls = tls;
	r->verdict = out;
	rng_seed(&r->rng, hash_mix(seed));
	draw_profile(r);
	r->sim = sim_new(seed);
	r->began_us = sim_now_us(r->sim);
	r->watch = (struct watch){ on_begun, on_record, on_queued, NULL, 0 };
	sim_own(r->sim, &r->watch);
	r->gateway_loop = sim_loop(r->sim, "gateway");
	r->mock_loop = sim_loop(r->sim, "provider");
	r->client_loop = sim_loop(r->sim, "client");
	r->mem = loop_mem(r->client_loop);
	r->log = (struct log){ LOG_DEBUG, LOG_JSON, log_wall, log_line_seen };
	for (unsigned i = 0; i < PROVIDERS; i++)
		(void)snprintf(r->secret[i], sizeof(r->secret[i]), "sk-provider-%016" PRIx64,
			       rng_u64(&r->rng));
	r->clients = 1 + (unsigned)rng_below(&r->rng, CLIENTS_MAX);
	for (unsigned i = 0; i < r->clients; i++) {
		r->client[i].run = r;
		r->client[i].index = i;
		(void)snprintf(r->client[i].key, sizeof(r->client[i].key),
			       "wk-client-%016" PRIx64, rng_u64(&r->rng));
	}
	make_world(r);
	live_and_check(r);
	take_down(r);
	if (trace > 0)
		sim_trace(r->sim, stderr, trace);
	loop_free(r->gateway_loop);
	loop_free(r->mock_loop);
	loop_free(r->client_loop);
	sim_free(r->sim);
	free(r);
}
