#include "gateway/metrics.h"

#include "base/sb.h"
#include "gateway/snapshot.h"

#define END_NAME(id, name) name,
static const char *const end_names[] = { END_TABLE(END_NAME) };
#define TOKEN_NAME(name) #name,
static const char *const token_names[USAGE_COUNTERS] = { USAGE_TABLE(TOKEN_NAME) };

/* Upper bounds in microseconds. */
static const uint64_t bounds[HISTOGRAM_BUCKETS] = { 5000,     10000,    25000,     50000,
						    100000,   250000,   500000,    1000000,
						    2500000,  5000000,  10000000,  20000000,
						    30000000, 60000000, 120000000, 300000000 };

const char *end_name(enum end e)
{
	return (unsigned)e < ENDS ? end_names[e] : "unknown";
}

struct metrics *metrics_new(struct metrics_shared *s, struct mem *mem)
{
	struct metrics *m = mem_zero(mem, sizeof(*m));

	if (m == NULL)
		return NULL;
	m->next = atomic_load(&s->first);
	while (!atomic_compare_exchange_weak(&s->first, &m->next, m))
		;
	return m;
}

void metrics_shared_free(struct metrics_shared *s, struct mem *mem)
{
	struct metrics *m = atomic_exchange(&s->first, NULL);

	while (m != NULL) {
		struct metrics *next = m->next;

		for (unsigned i = 0; i < atomic_load(&m->provider_n); i++)
			mem_put(mem, m->provider[i], sizeof(*m->provider[i]));
		mem_put(mem, m, sizeof(*m));
		m = next;
	}
}

struct metrics_provider *metrics_provider(struct metrics *m, struct slice name, struct mem *mem)
{
	unsigned n = atomic_load_explicit(&m->provider_n, memory_order_relaxed);
	struct metrics_provider *p;
	struct sb label;

	for (unsigned i = 0; i < n; i++)
		if (slice_eq(slice_cstr(m->provider[i]->name), name))
			return m->provider[i];
	if (n == METRICS_PROVIDERS_MAX)
		return m->provider[n - 1];
	if (n == METRICS_PROVIDERS_MAX - 1)
		name = LIT("other");
	p = mem_zero(mem, sizeof(*p));
	if (p == NULL)
		return NULL;
	sb_init(&label, p->name, sizeof(p->name));
	sb_str(&label, name);
	sb_cstr(&label);
	m->provider[n] = p;
	atomic_store_explicit(&m->provider_n, n + 1, memory_order_release);
	return p;
}

void metrics_time(struct histogram *h, uint64_t us)
{
	size_t i = 0;

	while (i < HISTOGRAM_BUCKETS && us > bounds[i])
		i++;
	count_add(&h->bucket[i], 1);
	count_add(&h->sum_us, us);
}

#define TOKEN_COUNT(name) u->name,

void metrics_usage(struct metrics_provider *p, const struct usage *u)
{
	const uint64_t tokens[USAGE_COUNTERS] = { USAGE_TABLE(TOKEN_COUNT) };

	for (size_t i = 0; i < USAGE_COUNTERS; i++)
		count_add(&p->tokens[i], tokens[i]);
	if (u->estimated)
		count_add(&p->estimated, 1);
}

/* ---- writing ---------------------------------------------------------------------------- */

struct out {
	struct buf *buf;
	enum rc rc; /* sticky */
};

static void put(struct out *o, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void put(struct out *o, const char *fmt, ...)
{
	char line[512];
	va_list ap;
	int n;

	if (o->rc != OK)
		return;
	va_start(ap, fmt);
	n = vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	INVARIANT(n >= 0 && (size_t)n < sizeof(line));
	o->rc = buf_append(o->buf, slice_of(line, (size_t)n));
}

static uint64_t get(const counter *c)
{
	return atomic_load_explicit(c, memory_order_relaxed);
}

static void head(struct out *o, const char *name, const char *kind, const char *help)
{
	put(o, "# HELP weir_%s %s\n# TYPE weir_%s %s\n", name, help, name, kind);
}

static void write_sums(const struct metrics_shared *s, struct out *o)
{
#define SUM_ROW(id, kind, name, help) { kind, name, help },
	static const struct {
		const char *kind, *name, *help;
	} rows[] = { SUM_TABLE(SUM_ROW) };

	for (size_t i = 0; i < SUMS; i++) {
		bool max = strcmp(rows[i].kind, "gauge_max") == 0;
		uint64_t v = 0;

		for (const struct metrics *m = atomic_load(&s->first); m != NULL; m = m->next) {
			uint64_t x = get(&m->sums[i]);

			v = !max ? v + x : x > v ? x : v;
		}
		head(o, rows[i].name, max ? "gauge" : rows[i].kind, rows[i].help);
		if (max) /* times are kept in microseconds */
			put(o, "weir_%s %.6f\n", rows[i].name, (double)v / 1e6);
		else
			put(o, "weir_%s %" PRIu64 "\n", rows[i].name, v);
	}
}

static void write_requests(const struct metrics_shared *s, struct out *o)
{
	head(o, "requests_total", "counter", "Exchanges by endpoint and by how they ended.");
	for (size_t e = 0; e < CHAT_OPS; e++)
		for (size_t k = 0; k < ENDS; k++) {
			uint64_t v = 0;

			for (const struct metrics *m = atomic_load(&s->first); m != NULL;
			     m = m->next)
				v += get(&m->requests[e][k]);
			put(o, "weir_requests_total{endpoint=\"%s\",end=\"%s\"} %" PRIu64 "\n",
			    chat_op_name(e), end_names[k], v);
		}
	head(o, "responses_total", "counter", "Responses by class of status.");
	for (size_t c = 2; c < STATUS_CLASSES; c++) {
		uint64_t v = 0;

		for (const struct metrics *m = atomic_load(&s->first); m != NULL; m = m->next)
			v += get(&m->responses[c]);
		put(o, "weir_responses_total{status=\"%zuxx\"} %" PRIu64 "\n", c, v);
	}
}

static void write_hedges(const struct metrics_shared *s, struct out *o)
{
#define HEDGE_NAME(id, name) name,
	static const char *const names[HEDGE_ENDS] = { HEDGE_TABLE(HEDGE_NAME) };

	head(o, "hedges_total", "counter", "Hedges by what came of them.");
	for (size_t i = 0; i < HEDGE_ENDS; i++) {
		uint64_t v = 0;

		for (const struct metrics *m = atomic_load(&s->first); m != NULL; m = m->next)
			v += get(&m->hedges[i]);
		put(o, "weir_hedges_total{outcome=\"%s\"} %" PRIu64 "\n", names[i], v);
	}
}

struct histogram_sum {
	uint64_t bucket[HISTOGRAM_BUCKETS + 1], sum_us;
};

static void histogram_add(struct histogram_sum *to, const struct histogram *h)
{
	for (size_t i = 0; i <= HISTOGRAM_BUCKETS; i++)
		to->bucket[i] += get(&h->bucket[i]);
	to->sum_us += get(&h->sum_us);
}

/* `label` is empty or like `provider="x",` */
static void write_histogram(struct out *o, const char *name, const char *label,
			    const struct histogram_sum *h)
{
	size_t n = strlen(label);
	uint64_t sum = 0;

	for (size_t i = 0; i < HISTOGRAM_BUCKETS; i++) {
		sum += h->bucket[i];
		put(o, "weir_%s_bucket{%sle=\"%g\"} %" PRIu64 "\n", name, label,
		    (double)bounds[i] / 1e6, sum);
	}
	sum += h->bucket[HISTOGRAM_BUCKETS];
	put(o, "weir_%s_bucket{%sle=\"+Inf\"} %" PRIu64 "\n", name, label, sum);
	n -= n > 0 ? 1 : 0; /* without the comma */
	put(o, "weir_%s_sum%s%.*s%s %.6f\n", name, n > 0 ? "{" : "", (int)n, label,
	    n > 0 ? "}" : "", (double)h->sum_us / 1e6);
	put(o, "weir_%s_count%s%.*s%s %" PRIu64 "\n", name, n > 0 ? "{" : "", (int)n, label,
	    n > 0 ? "}" : "", sum);
}

/* One provider over all loops. */
struct provider_sum {
	const char *name;
	uint64_t attempts[FAULT_KINDS], tokens[USAGE_COUNTERS], estimated;
	struct histogram_sum ttft;
};

static void provider_add(struct provider_sum *to, const struct metrics_provider *p)
{
	for (size_t i = 0; i < FAULT_KINDS; i++)
		to->attempts[i] += get(&p->attempts[i]);
	for (size_t i = 0; i < USAGE_COUNTERS; i++)
		to->tokens[i] += get(&p->tokens[i]);
	to->estimated += get(&p->estimated);
	histogram_add(&to->ttft, &p->ttft);
}

/* Loops may know different providers: each name is summed where it is first met. */
static bool met_before(const struct metrics *first, const struct metrics *upto,
		       const char *name)
{
	for (const struct metrics *m = first; m != upto; m = m->next)
		for (unsigned i = 0; i < atomic_load(&m->provider_n); i++)
			if (strcmp(m->provider[i]->name, name) == 0)
				return true;
	return false;
}

static void write_attempts(struct out *o, const struct provider_sum *p)
{
	for (size_t i = 0; i < FAULT_KINDS; i++)
		if (p->attempts[i] > 0)
			put(o,
			    "weir_attempts_total{provider=\"%s\",outcome=\"%s\"} %" PRIu64 "\n",
			    p->name,
			    i == FAULT_NONE ? "ok" : fault_row((enum fault_kind)i)->name,
			    p->attempts[i]);
}

static void write_tokens(struct out *o, const struct provider_sum *p)
{
	for (size_t i = 0; i < ARRAY_LEN(token_names); i++)
		put(o, "weir_tokens_total{provider=\"%s\",kind=\"%s\"} %" PRIu64 "\n", p->name,
		    token_names[i], p->tokens[i]);
}

static void write_estimated(struct out *o, const struct provider_sum *p)
{
	put(o, "weir_usage_estimated_total{provider=\"%s\"} %" PRIu64 "\n", p->name,
	    p->estimated);
}

static void write_ttft(struct out *o, const struct provider_sum *p)
{
	char label[96];

	snprintf(label, sizeof(label), "provider=\"%s\",", p->name);
	write_histogram(o, "ttft_seconds", label, &p->ttft);
}

static void each_provider(const struct metrics_shared *s, struct out *o,
			  void (*write)(struct out *o, const struct provider_sum *p))
{
	struct metrics *first = atomic_load(&s->first);

	for (const struct metrics *m = first; m != NULL; m = m->next)
		for (unsigned i = 0; i < atomic_load(&m->provider_n); i++) {
			struct provider_sum sum = { .name = m->provider[i]->name };

			if (met_before(first, m, sum.name))
				continue;
			for (const struct metrics *x = m; x != NULL; x = x->next)
				for (unsigned k = 0; k < atomic_load(&x->provider_n); k++)
					if (strcmp(x->provider[k]->name, sum.name) == 0)
						provider_add(&sum, x->provider[k]);
			write(o, &sum);
		}
}

/* The format wants the samples of one family together. */
static void write_providers(const struct metrics_shared *s, struct out *o)
{
	head(o, "attempts_total", "counter", "Attempts by provider and outcome.");
	each_provider(s, o, write_attempts);
	head(o, "tokens_total", "counter",
	     "Tokens by provider and kind; kinds do not overlap.");
	each_provider(s, o, write_tokens);
	head(o, "usage_estimated_total", "counter", "Answers whose usage was estimated.");
	each_provider(s, o, write_estimated);
	head(o, "ttft_seconds", "histogram", "From an attempt's start to its first content.");
	each_provider(s, o, write_ttft);
}

enum rc metrics_write(const struct metrics_shared *s, struct buf *out)
{
	struct histogram_sum duration = { 0 };
	struct out o = { .buf = out };

	head(&o, "build_info", "gauge", "The running version.");
	put(&o, "weir_build_info{version=\"%s\"} 1\n", WEIR_VERSION);
	write_requests(s, &o);
	write_sums(s, &o);
	write_hedges(s, &o);
	write_providers(s, &o);
	for (const struct metrics *m = atomic_load(&s->first); m != NULL; m = m->next)
		histogram_add(&duration, &m->duration);
	head(&o, "request_duration_seconds", "histogram",
	     "From a request's first byte to its end.");
	write_histogram(&o, "request_duration_seconds", "", &duration);
	return o.rc;
}

/* Several models may have it. */
static bool is_first(const struct snapshot *s, const struct deployment *d)
{
	return d->target.health != NULL && map_get(&s->deployments, d->name) == d;
}

static void put_deployment(struct out *o, const char *name, const struct deployment *d,
			   uint64_t v)
{
	put(o, "weir_%s{deployment=\"%.*s\"} %" PRIu64 "\n", name,
	    SARG(slice_head(d->name, 200)), v);
}

/* How far off the estimates of prompts were, on average. */
static void write_families(const struct snapshot *s, struct out *o)
{
	head(o, "prompt_estimate_error_ratio", "gauge",
	     "How far off estimates of a prompt's tokens are, on average.");
	for (size_t i = 0; i < s->family_n; i++) {
		const struct calibration *c = s->family_list[i].tokens;

		if (get(&c->samples) > 0)
			put(o, "weir_prompt_estimate_error_ratio{family=\"%.*s\"} %.3f\n",
			    SARG(slice_head(s->family_list[i].family, 100)),
			    atomic_load_explicit(&c->error_permille, memory_order_relaxed) /
				    1000.0);
	}
}

enum rc metrics_write_deployments(const struct snapshot *s, uint64_t now_us, struct buf *out)
{
	struct out o = { .buf = out };

	head(&o, "breaker_opens_total", "counter", "Times that a deployment's breaker opened.");
	for (size_t i = 0; i < s->deployment_n; i++)
		if (is_first(s, s->deployment_list[i]))
			put_deployment(&o, "breaker_opens_total", s->deployment_list[i],
				       get(&s->deployment_list[i]
						    ->target.health->breaker.opens_total));
	head(&o, "breaker_state", "gauge",
	     "0 closed, 1 open, 2 half open: one request tries it.");
	for (size_t i = 0; i < s->deployment_n; i++)
		if (is_first(s, s->deployment_list[i]))
			put_deployment(
				&o, "breaker_state", s->deployment_list[i],
				breaker_look(&s->deployment_list[i]->target.health->breaker,
					     now_us));
	head(&o, "deployment_inflight", "gauge", "Attempts in hand at a deployment.");
	for (size_t i = 0; i < s->deployment_n; i++)
		if (is_first(s, s->deployment_list[i])) {
			int n = atomic_load_explicit(
				&s->deployment_list[i]->target.health->inflight,
				memory_order_relaxed);

			put_deployment(&o, "deployment_inflight", s->deployment_list[i],
				       n > 0 ? (uint64_t)n : 0);
		}
	write_families(s, &o);
	return o.rc;
}
