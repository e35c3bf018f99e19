/* `weir models`: lists, shows and compares. */
#include "app/command.h"
#include "app/load.h"
#include "app/models.h"
#include "io/files.h"

#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { SHOWN_MAX = 64 };

struct wish {
	struct slice provider, tier, family, search;
	bool retired, by_price, by_context;
	int kind;                           /* -1: any */
	unsigned caps, media_in, media_out; /* all of them */
	uint64_t max_price, min_context;    /* UINT64_MAX, 0: any */
};

/* ---- words and numbers ----------------------------------------------------------------------
 */

static int bad_value(const char *option, struct slice value, const char *wanted)
{
	fprintf(stderr, "weir models: --%s=%.*s: %s\n", option, SARG(value), wanted);
	return EXIT_USAGE;
}

/* What --supports takes beside the names of abilities: a medium and its way. */
static const struct {
	const char *word;
	enum model_medium medium;
	bool out;
} media_words[] = {
	{ "vision", MEDIUM_IMAGE, false },      { "audio", MEDIUM_AUDIO, false },
	{ "video", MEDIUM_VIDEO, false },       { "documents", MEDIUM_FILE, false },
	{ "image_output", MEDIUM_IMAGE, true }, { "audio_output", MEDIUM_AUDIO, true },
};

static bool add_ability(struct wish *w, struct slice word)
{
	for (unsigned i = 0; i < MODEL_CAP_N; i++)
		if (slice_eq(slice_cstr(model_cap_name(i)), word)) {
			w->caps |= 1U << i;
			return true;
		}
	for (size_t i = 0; i < ARRAY_LEN(media_words); i++)
		if (slice_eq(slice_cstr(media_words[i].word), word)) {
			*(media_words[i].out ? &w->media_out : &w->media_in) |=
				1U << media_words[i].medium;
			return true;
		}
	return false;
}

static int read_supports(struct wish *w, struct slice list)
{
	char room[300];
	struct sb words;

	for (struct slice rest = list, word; rest.n > 0;) {
		if (!slice_cut(rest, ',', &word, &rest))
			rest.n = 0;
		if (add_ability(w, slice_trim(word)))
			continue;
		sb_init(&words, room, sizeof(room));
		sb_fmt(&words, "no \"%.*s\"; there are ", SARG(slice_head(word, 40)));
		for (unsigned i = 0; i < MODEL_CAP_N; i++)
			sb_fmt(&words, "%s%s", i == 0 ? "" : ", ", model_cap_name(i));
		for (size_t i = 0; i < ARRAY_LEN(media_words); i++)
			sb_fmt(&words, ", %s", media_words[i].word);
		return bad_value("supports", list, sb_cstr(&words));
	}
	return EXIT_OK;
}

/* "128000", "128k", "1M". */
static bool tokens_read(struct slice s, uint64_t *n)
{
	uint64_t unit = 1;

	if (s.n > 1 && (s.p[s.n - 1] | 0x20) == 'k')
		unit = 1000;
	if (s.n > 1 && (s.p[s.n - 1] | 0x20) == 'm')
		unit = 1000000;
	if (unit > 1)
		s.n--;
	if (!slice_u64(s, n) || *n > UINT64_MAX / unit)
		return false;
	*n *= unit;
	return true;
}

static int read_kind(struct wish *w, struct slice word)
{
	for (int i = 0; i < MODEL_KIND_N; i++)
		if (slice_eq(slice_cstr(model_kind_name((enum model_kind)i)), word)) {
			w->kind = i;
			return EXIT_OK;
		}
	return bad_value("kind", word,
			 "a kind is chat, completion, embedding, image, audio_transcription, "
			 "audio_speech, realtime, moderation or rerank");
}

static int check_tier(struct slice word)
{
	for (int i = TIER_MINI; i < MODEL_TIER_N; i++)
		if (slice_eq(slice_cstr(model_tier_name((enum model_tier)i)), word))
			return EXIT_OK;
	return bad_value("tier", word,
			 "a tier is mini, standard, flagship, reasoning or preview");
}

static int read_wish(const struct invocation *in, struct wish *w)
{
	struct slice v;
	int rc = EXIT_OK;

	*w = (struct wish){ .kind = -1, .max_price = UINT64_MAX };
	(void)given(in, "provider", &w->provider);
	(void)given(in, "family", &w->family);
	(void)given(in, "search", &w->search);
	w->retired = given_flag(in, "retired");
	if (given(in, "tier", &w->tier))
		rc = check_tier(w->tier);
	if (rc == EXIT_OK && given(in, "kind", &v))
		rc = read_kind(w, v);
	if (rc == EXIT_OK && given(in, "supports", &v))
		rc = read_supports(w, v);
	if (rc == EXIT_OK && given(in, "max-price", &v) && !usd_read(v, &w->max_price))
		rc = bad_value("max-price", v, "write USD per million tokens, such as 0.5");
	if (rc == EXIT_OK && given(in, "min-context", &v) && !tokens_read(v, &w->min_context))
		rc = bad_value("min-context", v, "write tokens, such as 128000, 128k or 1M");
	if (rc == EXIT_OK && given(in, "sort", &v)) {
		w->by_price = slice_eq(v, LIT("price"));
		w->by_context = slice_eq(v, LIT("context"));
		if (!w->by_price && !w->by_context && !slice_eq(v, LIT("name")))
			rc = bad_value("sort", v, "sort by price, context or name");
	}
	return rc;
}

/* ---- choosing and sorting
 * --------------------------------------------------------------------- */

static bool holds(struct slice s, struct slice what)
{
	for (size_t i = 0; what.n <= s.n && i <= s.n - what.n; i++)
		if (slice_ieq(slice_head(slice_skip(s, i), what.n), what))
			return true;
	return what.n == 0;
}

static bool searched(const struct model_info *m, struct slice what)
{
	struct slice alias[16];
	size_t n;

	if (holds(m->id, what) || holds(m->provider, what) || holds(m->family, what) ||
	    holds(m->upstream, what))
		return true;
	n = size_min(model_aliases(m, alias, ARRAY_LEN(alias)), ARRAY_LEN(alias));
	for (size_t i = 0; i < n; i++)
		if (holds(alias[i], what))
			return true;
	return false;
}

static bool cheap_enough(const struct model_info *m, uint64_t most, int64_t day)
{
	struct model_price p;

	if (most == UINT64_MAX)
		return true;
	return model_price_at(m, day, &p) && (p.known & 1U << PRICE_INPUT) &&
	       p.nano[PRICE_INPUT] <= most &&
	       (!(p.known & 1U << PRICE_OUTPUT) || p.nano[PRICE_OUTPUT] <= most);
}

static bool fits(const struct wish *w, const struct model_info *m, int64_t day)
{
	return (w->provider.n == 0 || slice_eq(w->provider, m->provider)) &&
	       (w->tier.n == 0 || slice_eq(w->tier, slice_cstr(model_tier_name(m->tier)))) &&
	       (w->family.n == 0 || slice_ieq(w->family, m->family)) &&
	       (w->kind < 0 || w->kind == (int)m->kind) && (m->caps & w->caps) == w->caps &&
	       (m->media_in & w->media_in) == w->media_in &&
	       (m->media_out & w->media_out) == w->media_out && m->context >= w->min_context &&
	       model_retired(m, day) == w->retired && cheap_enough(m, w->max_price, day) &&
	       searched(m, w->search);
}

struct sorted {
	uint64_t key;
	size_t at;
};

static int by_key(const void *left, const void *right)
{
	const struct sorted *a = left, *b = right;

	if (a->key != b->key)
		return a->key < b->key ? -1 : 1;
	return (a->at > b->at) - (a->at < b->at);
}

/* Three parts of input to one of output, as most requests have it. */
static uint64_t blend(const struct model_info *m, int64_t day)
{
	struct model_price p;

	if (!model_price_at(m, day, &p) || !(p.known & 1U << PRICE_INPUT))
		return UINT64_MAX;
	return p.nano[PRICE_INPUT] * 3 + p.nano[PRICE_OUTPUT];
}

static bool sort(struct arena *a, const struct wish *w, struct model_info *v, size_t n,
		 int64_t day)
{
	struct model_info *out = ARENA_ARRAY(a, struct model_info, n);
	struct sorted *s = ARENA_ARRAY(a, struct sorted, n);

	if (out == NULL || s == NULL)
		return false;
	for (size_t i = 0; i < n; i++)
		s[i] = (struct sorted){ w->by_price ? blend(&v[i], day)
						    : UINT64_MAX - v[i].context,
					i };
	qsort(s, n, sizeof(*s), by_key);
	for (size_t i = 0; i < n; i++)
		out[i] = v[s[i].at];
	memcpy(v, out, n * sizeof(*v));
	return true;
}

/* ---- the three things it does
 * ------------------------------------------------------------------ */

static unsigned terminal_columns(void)
{
	struct winsize w;

	if (!isatty(STDOUT_FILENO) || ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) != 0)
		return 0;
	return w.ws_col;
}

static int64_t today(void)
{
	return (int64_t)time(NULL) / 86400;
}

static int list(const struct invocation *in, const struct catalogue *c, struct arena *a)
{
	struct model_info *v = ARENA_ARRAY(a, struct model_info, catalogue_count(c));
	int64_t day = today();
	struct wish w;
	size_t n = 0;
	int rc;

	rc = read_wish(in, &w);
	if (rc != EXIT_OK || v == NULL)
		return rc != EXIT_OK ? rc : EXIT_FAILED;
	for (size_t i = 0; i < catalogue_count(c); i++) {
		catalogue_at(c, i, &v[n]);
		n += fits(&w, &v[n], day) ? 1 : 0;
	}
	if ((w.by_price || w.by_context) && !sort(a, &w, v, n, day))
		return EXIT_FAILED;
	if (given_flag(in, "json")) {
		models_json(stdout, v, n);
	} else if (n == 0) {
		fprintf(stderr, "weir models: no model is like that\n");
		return EXIT_FAILED;
	} else {
		models_table(stdout, v, n, day, w.retired, terminal_columns());
	}
	return EXIT_OK;
}

/* Of several providers the one that made it is meant. */
static size_t preferred(const struct model_info *v, size_t n)
{
	static const char *const makers[] = { "openai",  "anthropic", "google",    "mistral",
					      "cohere",  "xai",       "deepseek",  "moonshot",
					      "minimax", "zai",       "dashscope", "perplexity",
					      "voyage",  "groq" };

	for (size_t k = 0; k < ARRAY_LEN(makers); k++)
		for (size_t i = 0; i < n; i++)
			if (slice_eq(v[i].provider, slice_cstr(makers[k])))
				return i;
	return 0;
}

static int not_found(const struct catalogue *c, struct slice name)
{
	struct model_info m, near = { 0 };
	size_t best = 4;

	for (size_t i = 0; i < catalogue_count(c); i++) {
		size_t d;

		catalogue_at(c, i, &m);
		d = slice_distance(m.id, name);
		if (d < best) {
			best = d;
			near = m;
		}
	}
	fprintf(stderr, "weir models: no model \"%.*s\"", SARG(slice_head(name, 100)));
	if (near.id.n > 0)
		fprintf(stderr, "; did you mean \"%.*s\"?\n", SARG(near.id));
	else
		fprintf(stderr, "; see weir models --search=%.*s\n",
			SARG(slice_head(name, 100)));
	return EXIT_FAILED;
}

/* "PROVIDER/NAME" or "NAME"; returns how many there are, the one that is meant first. */
static size_t look_up(const struct catalogue *c, struct slice name, struct model_info *v)
{
	struct slice provider, rest;
	struct model_info first;
	size_t n, at;

	if (slice_cut(name, '/', &provider, &rest) && catalogue_find(c, provider, rest, &v[0]))
		return 1;
	n = size_min(catalogue_find_all(c, name, v, SHOWN_MAX), SHOWN_MAX);
	at = n > 0 ? preferred(v, n) : 0;
	if (at > 0) {
		first = v[at];
		memmove(&v[1], &v[0], at * sizeof(*v));
		v[0] = first;
	}
	return n;
}

/* `show`: all that bear the name; `compare`: one for each name. */
static int show(const struct invocation *in, const struct catalogue *c, bool compare)
{
	struct model_info v[SHOWN_MAX], found[SHOWN_MAX];
	size_t n = 0, names = in->operand_n - 1;

	if (names < (compare ? 2 : 1)) {
		fprintf(stderr, "weir models: %s\n",
			compare ? "compare needs two or more models"
				: "show needs a model's name");
		return EXIT_USAGE;
	}
	for (size_t i = 1; i <= names; i++) {
		size_t k = look_up(c, in->operands[i], found);

		if (k == 0)
			return not_found(c, in->operands[i]);
		v[n++] = found[0];
		if (names == 1) {
			memcpy(v, found, k * sizeof(*v));
			n = k;
		}
	}
	if (given_flag(in, "json")) {
		models_json(stdout, v, n);
		return EXIT_OK;
	}
	if (compare) {
		models_compare(stdout, v, n, today(), terminal_columns());
		return EXIT_OK;
	}
	models_compare(stdout, v, 1, today(), terminal_columns());
	for (size_t i = 1; i < n; i++)
		printf("%s%.*s/%.*s%s", i == 1 ? "\nalso at: " : ", ", SARG(v[i].provider),
		       SARG(v[i].id), i + 1 == n ? "\n" : "");
	return EXIT_OK;
}

static int run(const struct invocation *in, const struct catalogue *c)
{
	struct arena a;
	int status;

	if (in->operand_n > 0 && slice_eq(in->operands[0], LIT("show")))
		return show(in, c, false);
	if (in->operand_n > 0 && slice_eq(in->operands[0], LIT("compare")))
		return show(in, c, true);
	if (in->operand_n > 0) {
		fprintf(stderr,
			"weir models: no use for %.*s; write show or compare before names\n",
			SARG(in->operands[0]));
		return EXIT_USAGE;
	}
	arena_init(&a, system_mem(), 1 << 16, 64 << 20);
	status = list(in, c, &a);
	arena_free(&a);
	return status;
}

int run_models(const struct invocation *in)
{
	struct slice file = { NULL, 0 };
	struct loaded *l;
	int status;

	if (given_flag(in, "served"))
		return run_served(in);
	if (!given(in, "config", &file))
		return run(in, NULL);
	l = mem_zero(system_mem(), sizeof(*l));
	if (l == NULL)
		return EXIT_FAILED;
	status = load_file(l, file.p);
	if (status == EXIT_OK)
		status = run(in, l->snapshot->catalogue);
	load_free(l);
	mem_put(system_mem(), l, sizeof(*l));
	return status;
}
