#include "route/ask.h"

#include "wire/json_text.h"

struct asker {
	struct route_ask *ask;
	struct arena *a;
	struct ask_refusal *why;
	/* What is checked for contradictions at the end. */
	bool sort_given;
	enum strategy sort;
};

/* A member: its name, and how its value is read; `param` is its whole name. */
struct ask_row {
	struct slice name;
	enum rc (*read)(struct asker *x, const char *param, const struct json_member *m);
};

static PRINTF_LIKE(4, 5) enum rc
	refuse(struct asker *x, const char *code, const char *param, const char *fmt, ...)
{
	va_list args;

	x->why->code = code;
	(void)snprintf(x->why->param, sizeof(x->why->param), "%s", param);
	va_start(args, fmt);
	(void)vsnprintf(x->why->text, sizeof(x->why->text), fmt, args);
	va_end(args);
	return E_BAD;
}

static enum rc wrong_type(struct asker *x, const char *param, const char *want)
{
	return refuse(x, "invalid_type", param, "\"%s\" must be %s", param, want);
}

/* ---- values ------------------------------------------------------------------------------ */

static enum rc read_bool(struct asker *x, const char *param, const struct json_member *m,
			 bool *out)
{
	return json_bool(m->value, out) ? OK : wrong_type(x, param, "true or false");
}

/* A string of 1 to ASK_NAME_MAX bytes. */
static enum rc read_name(struct asker *x, const char *param, struct slice value,
			 struct slice *out)
{
	if (json_kind(value) != JSON_STRING)
		return wrong_type(x, param, "a string");
	if (!json_string(value, x->a, out))
		return E_NOMEM;
	if (out->n == 0)
		return refuse(x, "invalid_value", param, "\"%s\" must not be empty", param);
	if (out->n > ASK_NAME_MAX)
		return refuse(x, "invalid_value", param, "\"%s\" is longer than %d bytes",
			      param, ASK_NAME_MAX);
	return OK;
}

/* An array of such strings, at most `most`. */
static enum rc read_names(struct asker *x, const char *param, const struct json_member *m,
			  size_t most, const struct slice **out, size_t *out_n)
{
	struct json_array each = json_array(m->value);
	enum json_kind kind;
	struct slice value;
	struct slice *v;
	size_t n = 0;
	enum rc rc;

	if (m->kind != JSON_ARRAY)
		return wrong_type(x, param, "a list of strings");
	while (json_array_next(&each, &value, &kind))
		n++;
	if (n > most)
		return refuse(x, "invalid_value", param,
			      "\"%s\" has %zu entries, %zu are allowed", param, n, most);
	v = ARENA_ARRAY(x->a, struct slice, size_max(n, 1));
	if (v == NULL)
		return E_NOMEM;
	each = json_array(m->value);
	for (n = 0; json_array_next(&each, &value, &kind); n++) {
		rc = read_name(x, param, value, &v[n]);
		if (rc != OK)
			return rc;
	}
	*out = v;
	*out_n = n;
	return OK;
}

static enum rc read_list(struct asker *x, const char *param, const struct json_member *m,
			 struct route_names *out)
{
	return read_names(x, param, m, ASK_NAMES_MAX, &out->v, &out->n);
}

static bool digit(struct slice s)
{
	return s.n > 0 && s.p[0] >= '0' && s.p[0] <= '9';
}

/* v * 10^ten, rounded down; false when it is too large. */
static bool scale(uint64_t v, int64_t ten, uint64_t *out)
{
	for (; ten > 0 && v != 0; ten--)
		if (__builtin_mul_overflow(v, 10, &v))
			return false;
	for (; ten < 0 && v != 0; ten++)
		v /= 10;
	*out = v;
	return true;
}

/* Digits with a point among them, as v * 10^*ten; what 64 bits cannot hold is cut off after the
 * point. */
static bool mantissa(struct slice *s, uint64_t *v, int64_t *ten)
{
	bool fraction = false, full = false;
	size_t n = 0;

	*v = 0;
	*ten = 0;
	for (; s->n > 0; *s = slice_skip(*s, 1)) {
		uint64_t next;

		if (s->p[0] == '.' && !fraction && n > 0) {
			fraction = true;
			continue;
		}
		if (!digit(*s))
			break;
		n++;
		full |= __builtin_mul_overflow(*v, 10, &next) ||
			__builtin_add_overflow(next, (uint64_t)(s->p[0] - '0'), &next);
		if (full && !fraction)
			return false;
		if (full)
			continue;
		*v = next;
		*ten -= fraction;
	}
	return n > 0;
}

/* A decimal number times 10^places, rounded down: of money, so never through a double.  False:
 * it is none, is negative or too large. */
static bool decimal(struct slice s, int places, uint64_t *out)
{
	bool minus = false;
	int64_t ten, e = 0;
	uint64_t v;

	if (!mantissa(&s, &v, &ten))
		return false;
	if (s.n > 0 && (s.p[0] == 'e' || s.p[0] == 'E')) {
		s = slice_skip(s, 1);
		minus = s.n > 0 && s.p[0] == '-';
		if (s.n > 0 && (s.p[0] == '-' || s.p[0] == '+'))
			s = slice_skip(s, 1);
		if (!digit(s))
			return false;
		for (; digit(s); s = slice_skip(s, 1))
			if (e < 100000)
				e = e * 10 + (s.p[0] - '0');
	}
	return s.n == 0 && scale(v, ten + (minus ? -e : e) + places, out);
}

/* USD as nano-USD.  Numbers, and strings as OpenRouter takes them too.  Zero comes out as zero:
 * what is less than a nano-USD counts as that. */
static enum rc read_usd(struct asker *x, const char *param, const struct json_member *m,
			uint64_t *out)
{
	struct slice text = m->value;

	if (m->kind == JSON_STRING)
		text = json_text_of(m->value).s;
	else if (m->kind != JSON_NUMBER)
		return wrong_type(x, param, "a number");
	if (!decimal(text, 9, out))
		return refuse(x, "invalid_value", param,
			      "\"%s\" must be an amount in USD that is not negative", param);
	return OK;
}

/* A positive number, times `unit`, at least 1. */
static enum rc read_positive(struct asker *x, const char *param, struct slice value,
			     double unit, uint64_t *out)
{
	double d;

	if (json_kind(value) != JSON_NUMBER)
		return wrong_type(x, param, "a number");
	if (!json_double(value, &d) || d <= 0 || d > 1e9)
		return refuse(x, "invalid_value", param,
			      "\"%s\" must be more than 0 and at most a thousand million",
			      param);
	*out = (uint64_t)(d * unit + 0.5);
	*out = *out > 0 ? *out : 1;
	return OK;
}

/* ---- objects ----------------------------------------------------------------------------- */

enum { OBJECT_MEMBERS_MAX = 32 }; /* more than any of ours has */

static bool key_is(const struct json_member *m, struct slice name)
{
	if (m->key_escaped)
		return json_text_is((struct json_text){ m->key }, name);
	return slice_eq(m->key, name);
}

static enum rc unknown(struct asker *x, const char *param, const struct json_member *m,
		       const struct ask_row *rows, size_t n)
{
	struct slice near = { NULL, 0 };
	size_t best = 4; /* further away it is no slip */
	char whole[sizeof(x->why->param)];
	struct slice key = slice_head(m->key, 40);

	for (size_t i = 0; i < n; i++) {
		size_t d = slice_distance(key, rows[i].name);

		if (d < best && d < key.n) {
			best = d;
			near = rows[i].name;
		}
	}
	(void)snprintf(whole, sizeof(whole), "%s.%.*s", param, SARG(key));
	return refuse(x, "unknown_field", whole, "\"%s\" is not known%s%.*s%s", whole,
		      near.n > 0 ? "; did you mean \"" : "", SARG(near),
		      near.n > 0 ? "\"?" : "");
}

static enum rc read_member(struct asker *x, const char *param, const struct json_member *m,
			   const struct ask_row *rows, size_t n, unsigned *seen)
{
	char whole[sizeof(x->why->param)];

	for (size_t i = 0; i < n; i++) {
		if (!key_is(m, rows[i].name))
			continue;
		(void)snprintf(whole, sizeof(whole), "%s%s%.*s", param,
			       *param != '\0' ? "." : "", SARG(rows[i].name));
		if ((*seen & 1U << i) != 0)
			return refuse(x, "contradiction", whole, "\"%s\" is there twice",
				      whole);
		*seen |= 1U << i;
		return m->kind == JSON_NULL ? OK : rows[i].read(x, whole, m);
	}
	return *param == '\0' ? OK : unknown(x, param, m, rows, n);
}

static enum rc read_object(struct asker *x, const char *param, const struct json_member *value,
			   const struct ask_row *rows, size_t row_n)
{
	struct json_member m[OBJECT_MEMBERS_MAX];
	unsigned seen = 0;
	size_t n;
	enum rc rc = OK;

	if (value->kind != JSON_OBJECT)
		return wrong_type(x, param, "an object");
	n = json_object(value->value, m, OBJECT_MEMBERS_MAX);
	for (size_t i = 0; rc == OK && i < size_min(n, OBJECT_MEMBERS_MAX); i++)
		rc = read_member(x, param, &m[i], rows, row_n, &seen);
	if (rc == OK && n > OBJECT_MEMBERS_MAX)
		return refuse(x, "unknown_field", param, "\"%s\" has too many members", param);
	return rc;
}

/* ---- provider ---------------------------------------------------------------------------- */

static enum rc p_order(struct asker *x, const char *param, const struct json_member *m)
{
	return read_list(x, param, m, &x->ask->policy.order);
}

static enum rc p_only(struct asker *x, const char *param, const struct json_member *m)
{
	return read_list(x, param, m, &x->ask->policy.only);
}

static enum rc p_ignore(struct asker *x, const char *param, const struct json_member *m)
{
	return read_list(x, param, m, &x->ask->policy.ignore);
}

static enum rc p_fallbacks(struct asker *x, const char *param, const struct json_member *m)
{
	bool allowed = true;
	enum rc rc = read_bool(x, param, m, &allowed);

	x->ask->policy.no_fallbacks = !allowed;
	return rc;
}

static enum rc p_require(struct asker *x, const char *param, const struct json_member *m)
{
	return read_bool(x, param, m, &x->ask->policy.require_params);
}

static enum rc p_zdr(struct asker *x, const char *param, const struct json_member *m)
{
	return read_bool(x, param, m, &x->ask->policy.zdr);
}

static enum rc p_distillable(struct asker *x, const char *param, const struct json_member *m)
{
	bool asked = false;
	enum rc rc = read_bool(x, param, m, &asked);

	if (rc != OK || !asked)
		return rc;
	return refuse(
		x, "invalid_value", param,
		"it is not known which models' text may be distilled: \"%s\" cannot be met",
		param);
}

static enum rc p_collection(struct asker *x, const char *param, const struct json_member *m)
{
	if (m->kind != JSON_STRING)
		return wrong_type(x, param, "\"allow\" or \"deny\"");
	if (!json_string_is(m->value, LIT("deny")) && !json_string_is(m->value, LIT("allow")))
		return refuse(x, "invalid_value", param, "\"%s\" must be \"allow\" or \"deny\"",
			      param);
	x->ask->policy.no_collection = json_string_is(m->value, LIT("deny"));
	return OK;
}

static enum rc p_quantizations(struct asker *x, const char *param, const struct json_member *m)
{
	struct json_array each = json_array(m->value);
	enum json_kind kind;
	struct slice value;

	if (m->kind != JSON_ARRAY)
		return wrong_type(x, param, "a list of strings");
	while (json_array_next(&each, &value, &kind)) {
		unsigned q = 0;

		while (q < QUANTIZATION_N &&
		       !json_string_is(value, slice_cstr(quantization_name(q))))
			q++;
		if (kind != JSON_STRING)
			return wrong_type(x, param, "a list of strings");
		if (q == QUANTIZATION_N)
			return refuse(x, "invalid_value", param,
				      "\"%s\" may hold int4, int8, fp4, fp6, fp8, fp16, bf16, "
				      "fp32 and unknown",
				      param);
		x->ask->policy.quantizations |= 1U << q;
	}
	return OK;
}

static enum rc sort_by(struct asker *x, const char *param, const struct json_member *m)
{
	static const struct {
		struct slice word;
		enum strategy s;
	} words[] = { { LITC("price"), BY_COST },
		      { LITC("throughput"), BY_TPS },
		      { LITC("latency"), BY_TTFT } };

	if (m->kind != JSON_STRING)
		return wrong_type(x, param, "a string");
	for (size_t i = 0; i < ARRAY_LEN(words); i++) {
		if (!json_string_is(m->value, words[i].word))
			continue;
		x->sort_given = true;
		x->sort = words[i].s;
		return OK;
	}
	return refuse(
		x, "invalid_value", param,
		"\"%s\" must be price, throughput or latency; \"route.strategy\" has more",
		param);
}

static enum rc sort_partition(struct asker *x, const char *param, const struct json_member *m)
{
	if (m->kind != JSON_STRING)
		return wrong_type(x, param, "a string");
	x->ask->across = json_string_is(m->value, LIT("none"));
	if (!x->ask->across && !json_string_is(m->value, LIT("model")))
		return refuse(x, "invalid_value", param, "\"%s\" must be model or none", param);
	return OK;
}

static enum rc p_sort(struct asker *x, const char *param, const struct json_member *m)
{
	static const struct ask_row rows[] = { { LITC("by"), sort_by },
					       { LITC("partition"), sort_partition } };

	if (m->kind == JSON_STRING)
		return sort_by(x, param, m);
	if (m->kind != JSON_OBJECT)
		return wrong_type(x, param, "a string or an object");
	return read_object(x, param, m, rows, ARRAY_LEN(rows));
}

/* A ceiling of nothing is one nano-USD, since zero is none: no price is that low. */
static enum rc ceiling(struct asker *x, const char *param, const struct json_member *m,
		       uint64_t *out)
{
	enum rc rc = read_usd(x, param, m, out);

	if (rc == OK && *out == 0)
		*out = 1;
	return rc;
}

static enum rc max_prompt(struct asker *x, const char *param, const struct json_member *m)
{
	return ceiling(x, param, m, &x->ask->policy.max_price_input);
}

static enum rc max_completion(struct asker *x, const char *param, const struct json_member *m)
{
	return ceiling(x, param, m, &x->ask->policy.max_price_output);
}

static enum rc max_request(struct asker *x, const char *param, const struct json_member *m)
{
	return ceiling(x, param, m, &x->ask->policy.max_price_request);
}

static enum rc max_image(struct asker *x, const char *param, const struct json_member *m)
{
	return ceiling(x, param, m, &x->ask->policy.max_price_image);
}

static enum rc p_max_price(struct asker *x, const char *param, const struct json_member *m)
{
	static const struct ask_row rows[] = { { LITC("prompt"), max_prompt },
					       { LITC("completion"), max_completion },
					       { LITC("request"), max_request },
					       { LITC("image"), max_image } };

	return read_object(x, param, m, rows, ARRAY_LEN(rows));
}

/* A number, or an object of percentiles.  Of several the highest percentile counts, which says
 * most about the tail; *permille is it, or 0. */
static enum rc at_percentile(struct asker *x, const char *param, const struct json_member *m,
			     double unit, uint64_t *out, unsigned *permille)
{
	static const struct {
		struct slice name;
		unsigned permille;
	} known[] = { { LITC("p50"), 500 },
		      { LITC("p75"), 750 },
		      { LITC("p90"), 900 },
		      { LITC("p99"), 990 } };
	struct json_member v[OBJECT_MEMBERS_MAX];
	size_t n;

	*permille = 0;
	if (m->kind == JSON_NUMBER)
		return read_positive(x, param, m->value, unit, out);
	if (m->kind != JSON_OBJECT)
		return wrong_type(x, param, "a number or an object of percentiles");
	n = size_min(json_object(m->value, v, ARRAY_LEN(v)), ARRAY_LEN(v));
	for (size_t i = 0; i < n; i++) {
		uint64_t value = 0;
		size_t k = 0;
		enum rc rc;

		while (k < ARRAY_LEN(known) && !key_is(&v[i], known[k].name))
			k++;
		if (k == ARRAY_LEN(known))
			return refuse(x, "unknown_field", param,
				      "\"%s\" may hold p50, p75, p90 and p99", param);
		if (v[i].kind == JSON_NULL)
			continue;
		rc = read_positive(x, param, v[i].value, unit, &value);
		if (rc != OK)
			return rc;
		if (known[k].permille > *permille) {
			*permille = known[k].permille;
			*out = value;
		}
	}
	return OK;
}

static enum rc p_throughput(struct asker *x, const char *param, const struct json_member *m)
{
	unsigned permille; /* only an average is kept */

	return at_percentile(x, param, m, 1, &x->ask->policy.min_tps, &permille);
}

static enum rc p_latency(struct asker *x, const char *param, const struct json_member *m)
{
	struct route_policy *p = &x->ask->policy;

	return at_percentile(x, param, m, 1e6, &p->max_ttft_us, &p->percentile);
}

static enum rc r_provider(struct asker *x, const char *param, const struct json_member *m)
{
	static const struct ask_row rows[] = {
		{ LITC("order"), p_order },
		{ LITC("only"), p_only },
		{ LITC("ignore"), p_ignore },
		{ LITC("allow_fallbacks"), p_fallbacks },
		{ LITC("require_parameters"), p_require },
		{ LITC("data_collection"), p_collection },
		{ LITC("zdr"), p_zdr },
		{ LITC("enforce_distillable_text"), p_distillable },
		{ LITC("quantizations"), p_quantizations },
		{ LITC("sort"), p_sort },
		{ LITC("max_price"), p_max_price },
		{ LITC("preferred_min_throughput"), p_throughput },
		{ LITC("preferred_max_latency"), p_latency },
	};

	return read_object(x, param, m, rows, ARRAY_LEN(rows));
}

/* ---- the other members of the root ------------------------------------------------------- */

static enum rc r_models(struct asker *x, const char *param, const struct json_member *m)
{
	return read_names(x, param, m, ASK_MODELS_MAX, &x->ask->models, &x->ask->model_n);
}

static enum rc route_continue(struct asker *x, const char *param, const struct json_member *m)
{
	bool wanted = false;
	enum rc rc = read_bool(x, param, m, &wanted);

	if (rc != OK || !wanted)
		return rc;
	return refuse(x, "invalid_value", param,
		      "\"%s\" cannot be true: a stream that breaks off ends with an error, and "
		      "nobody goes on with it.",
		      param);
}

static enum rc route_strategy(struct asker *x, const char *param, const struct json_member *m)
{
	struct route_policy *p = &x->ask->policy;
	char words[160] = "";
	size_t at = 0;

	if (m->kind != JSON_STRING)
		return wrong_type(x, param, "a string");
	for (unsigned s = 0; s < STRATEGY_N; s++) {
		int n;

		if (json_string_is(m->value, slice_cstr(strategy_name(s)))) {
			p->strategy = s;
			p->strategy_given = true;
			return OK;
		}
		n = snprintf(words + at, sizeof(words) - at, "%s%s", at > 0 ? ", " : "",
			     strategy_name(s));
		at = size_min(at + (size_t)n, sizeof(words) - 1);
	}
	return refuse(x, "invalid_value", param, "\"%s\" must be one of %s", param, words);
}

static enum rc r_route(struct asker *x, const char *param, const struct json_member *m)
{
	static const struct ask_row rows[] = { { LITC("continue"), route_continue },
					       { LITC("strategy"), route_strategy } };

	if (m->kind == JSON_OBJECT)
		return read_object(x, param, m, rows, ARRAY_LEN(rows));
	if (m->kind != JSON_STRING)
		return wrong_type(x, param, "\"fallback\" or an object");
	if (!json_string_is(m->value, LIT("fallback"))) /* what is done anyway */
		return refuse(
			x, "invalid_value", param,
			"\"route\" must be \"fallback\", or an object with \"continue\" "
			"and \"strategy\"; a route of the config is asked for as the model");
	return OK;
}

static enum rc usage_include(struct asker *x, const char *param, const struct json_member *m)
{
	return read_bool(x, param, m, &x->ask->show_usage);
}

static enum rc r_usage(struct asker *x, const char *param, const struct json_member *m)
{
	static const struct ask_row rows[] = { { LITC("include"), usage_include } };

	return read_object(x, param, m, rows, ARRAY_LEN(rows));
}

static enum rc r_transforms(struct asker *x, const char *param, const struct json_member *m)
{
	struct json_array each = json_array(m->value);
	enum json_kind kind;
	struct slice value;

	if (m->kind != JSON_ARRAY)
		return wrong_type(x, param, "a list of strings");
	if (!json_array_next(&each, &value, &kind))
		return OK;
	if (kind != JSON_STRING)
		return wrong_type(x, param, "a list of strings");
	return refuse(x, "invalid_value", param,
		      "prompts are sent whole: no transform is known, %s"
		      "send a shorter prompt or ask for a model with a larger context",
		      json_string_is(value, LIT("middle-out")) ? "\"middle-out\" neither; "
							       : "");
}

static enum rc r_deadline(struct asker *x, const char *param, const struct json_member *m)
{
	return read_positive(x, param, m->value, 1000, &x->ask->policy.deadline_us);
}

static enum rc r_max_cost(struct asker *x, const char *param, const struct json_member *m)
{
	enum rc rc = read_usd(x, param, m, &x->ask->policy.max_cost);

	if (rc == OK && x->ask->policy.max_cost == 0)
		x->ask->policy.free_only = true; /* zero is no ceiling there */
	return rc;
}

static enum rc r_quality(struct asker *x, const char *param, const struct json_member *m)
{
	double d;

	if (m->kind != JSON_NUMBER)
		return wrong_type(x, param, "a number");
	if (!json_double(m->value, &d) || d < 0 || d > 1)
		return refuse(x, "invalid_value", param, "\"%s\" must be from 0 to 1", param);
	x->ask->policy.min_quality = (unsigned)(d * 1000 + 0.5);
	return OK;
}

static enum rc r_region(struct asker *x, const char *param, const struct json_member *m)
{
	struct slice *one;
	enum rc rc;

	if (m->kind == JSON_ARRAY)
		return read_list(x, param, m, &x->ask->policy.regions);
	if (m->kind != JSON_STRING)
		return wrong_type(x, param, "a string or a list of strings");
	one = ARENA_NEW(x->a, struct slice);
	if (one == NULL)
		return E_NOMEM;
	rc = read_name(x, param, m->value, one);
	x->ask->policy.regions = (struct route_names){ one, 1 };
	return rc;
}

static enum rc r_local(struct asker *x, const char *param, const struct json_member *m)
{
	return read_bool(x, param, m, &x->ask->policy.local_only);
}

static enum rc r_session(struct asker *x, const char *param, const struct json_member *m)
{
	return read_name(x, param, m->value, &x->ask->session);
}

static const struct ask_row root[] = {
	{ LITC("provider"), r_provider },     { LITC("models"), r_models },
	{ LITC("route"), r_route },           { LITC("usage"), r_usage },
	{ LITC("transforms"), r_transforms }, { LITC("deadline_ms"), r_deadline },
	{ LITC("max_cost_usd"), r_max_cost }, { LITC("min_quality"), r_quality },
	{ LITC("region"), r_region },         { LITC("local_only"), r_local },
	{ LITC("session_id"), r_session },
};

bool ask_is_member(struct slice key)
{
	for (size_t i = 0; i < ARRAY_LEN(root); i++)
		if (json_text_is((struct json_text){ key }, root[i].name))
			return true;
	return false;
}

/* ---- contradictions ---------------------------------------------------------------------- */

static bool related(struct slice a, struct slice b)
{
	return route_name_covers(a, b) || route_name_covers(b, a);
}

static bool covered(const struct route_names *wide, struct slice name)
{
	for (size_t i = 0; i < wide->n; i++)
		if (route_name_covers(wide->v[i], name))
			return true;
	return false;
}

static enum rc names_agree(struct asker *x)
{
	const struct route_policy *p = &x->ask->policy;

	for (size_t i = 0; i < p->only.n; i++)
		if (covered(&p->ignore, p->only.v[i]))
			return refuse(x, "contradiction", "provider.ignore",
				      "\"%.*s\" is in provider.only and in provider.ignore",
				      SARG(p->only.v[i]));
	for (size_t i = 0; i < p->order.n; i++) {
		bool in = p->only.n == 0;

		for (size_t k = 0; k < p->only.n && !in; k++)
			in = related(p->only.v[k], p->order.v[i]);
		if (!in)
			return refuse(x, "contradiction", "provider.order",
				      "provider.order names \"%.*s\", which provider.only "
				      "leaves out",
				      SARG(p->order.v[i]));
		if (covered(&p->ignore, p->order.v[i]))
			return refuse(x, "contradiction", "provider.order",
				      "\"%.*s\" is in provider.order and in provider.ignore",
				      SARG(p->order.v[i]));
	}
	return OK;
}

static enum rc agree(struct asker *x)
{
	struct route_policy *p = &x->ask->policy;

	if (x->sort_given && p->strategy_given && p->strategy != x->sort)
		return refuse(x, "contradiction", "route.strategy",
			      "provider.sort and route.strategy ask for two strategies");
	if (x->sort_given) {
		p->strategy = x->sort;
		p->strategy_given = true;
	}
	return names_agree(x);
}

enum rc ask_read(struct route_ask *ask, const struct json_member *m, size_t n, struct arena *a,
		 struct ask_refusal *why)
{
	struct asker x = { .ask = ask, .a = a, .why = why };
	unsigned seen = 0;
	enum rc rc = OK;

	*ask = (struct route_ask){ .any = false };
	*why = (struct ask_refusal){ .code = NULL };
	for (size_t i = 0; rc == OK && i < n; i++) {
		if (m[i].kind == JSON_OBJECT && key_is(&m[i], LIT("metadata")))
			ask->metadata = m[i].value;
		rc = read_member(&x, "", &m[i], root, ARRAY_LEN(root), &seen);
	}
	ask->any = seen != 0;
	if (rc == OK && ask->any)
		rc = agree(&x);
	return rc;
}

struct slice ask_suffix(struct slice name, struct route_policy *p)
{
	static const struct {
		struct slice suffix;
		enum strategy s;
		bool free;
	} known[] = { { LITC(":floor"), BY_COST, false },
		      { LITC(":nitro"), BY_TPS, false },
		      { LITC(":free"), BY_PRIORITY, true } };
	bool found;

	do { /* "name:free:nitro" has two */
		found = false;
		for (size_t i = 0; i < ARRAY_LEN(known) && !found; i++) {
			if (name.n <= known[i].suffix.n || !slice_ends(name, known[i].suffix))
				continue;
			found = true;
			name.n -= known[i].suffix.n;
			p->free_only |= known[i].free;
			if (!known[i].free) {
				p->strategy = known[i].s;
				p->strategy_given = true;
			}
		}
	} while (found);
	return name;
}
