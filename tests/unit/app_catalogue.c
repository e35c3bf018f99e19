#include "check.h"

#include "app/config.h"
#include "app/models.h"
#include "base/date.h"

#include <unistd.h>

static const char *no_env(const struct config_env *e UNUSED, const char *name UNUSED)
{
	return NULL;
}

static const struct config_env empty_env = { no_env };

struct made {
	struct test_mem t;
	struct arena a;
	struct problems p;
	struct snapshot *s;
	char file[64];
	enum rc rc;
};

/* A config that names a file with these rows. */
static void make(struct made *m, const char *path)
{
	const struct config_build o = { .mem = &m->t.mem, .env = &empty_env, .key_seed = 7 };
	struct config *c = NULL;
	char text[400];

	snprintf(text, sizeof(text),
		 "catalogue: %s\nproviders: {mine: {base_url: http://127.0.0.1:1}}\n", path);
	test_mem_init(&m->t, 0);
	arena_init(&m->a, &m->t.mem, 4096, 256 << 20);
	problems_init(&m->p, &m->a);
	m->s = NULL;
	m->rc = config_read(&c, &m->a, slice_cstr(text), &empty_env, &m->p);
	if (m->rc == OK)
		m->rc = config_build(&m->s, c, &o, &m->p);
}

static void rows(struct made *m, const char *text)
{
	int fd;

	snprintf(m->file, sizeof(m->file), "/tmp/weir-rows-XXXXXX");
	fd = mkstemp(m->file);
	CHECK(fd >= 0);
	CHECK_INT(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	make(m, m->file);
	unlink(m->file);
}

static void unmake(struct made *m)
{
	snapshot_unref(m->s);
	arena_free(&m->a);
	CHECK_INT(m->t.live, 0);
}

static struct model_info found(const struct made *m, const char *provider, const char *name)
{
	struct model_info info = { 0 };

	CHECK(catalogue_find(m->s->catalogue, slice_cstr(provider), slice_cstr(name), &info));
	return info;
}

static void a_file_changes_adds_and_retires(void **state UNUSED)
{
	struct model_price p;
	struct model_info i;
	struct made m;

	rows(&m,
	     "- provider: openai\n"
	     "  id: gpt-4o\n"
	     "  price_per_mtok: {input: 2.25, cache_read: null, batch_discount: 0.25}\n"
	     "  price_tiers: [{above_input_tokens: 1000, input: 3}]\n"
	     "  price_changes: [{from: 2027-02-01, output: 9}]\n"
	     "- {provider: mine, id: llama, aliases: [fast, small], tier: mini, api: chat,\n"
	     "   supports: {tools: true, logprobs: false}, modalities_in: [text, image],\n"
	     "   context_window: 8192, sampling_params: false, snapshot: 2026-05}\n"
	     "- {\"provider\": \"xai\", \"id\": \"grok-4\", \"retired_on\": \"2026-12-01\",\n"
	     "   \"successor\": \"grok-4.7\"}\n");
	CHECK_RC(m.rc, OK);
	i = found(&m, "openai", "gpt-4o");
	CHECK(model_price_at(&i, 20777, &p));
	CHECK_INT(p.nano[PRICE_INPUT], 2250000000);
	CHECK_INT(p.nano[PRICE_OUTPUT], 10000000000);
	CHECK_INT(p.nano[PRICE_CACHE_READ], 1250000000);
	CHECK_INT(p.batch_permille, 750);
	CHECK(p.tier_n == 1 && p.tier[0].above_tokens == 1000);
	CHECK(model_price_at(&i, p.until_day, &p));
	CHECK_INT(p.nano[PRICE_OUTPUT], 9000000000);
	CHECK_INT(p.nano[PRICE_INPUT], 2250000000);
	i = found(&m, "mine", "small");
	CHECK_SLICE(i.id, "llama");
	CHECK(i.tier == TIER_MINI && i.context == 8192 && i.no_sampling && !i.responses_only);
	CHECK(i.snapshot_month && model_has(&i, CAP_TOOLS) && !model_has(&i, CAP_LOGPROBS));
	CHECK_INT(i.caps_stated, 1U << CAP_TOOLS | 1U << CAP_LOGPROBS);
	CHECK_INT(i.media_in, 1U << MEDIUM_TEXT | 1U << MEDIUM_IMAGE);
	CHECK(!model_price_at(&i, 20777, &p));
	i = found(&m, "xai", "grok-4");
	CHECK(i.retired_day != 0 && i.context != 0);
	CHECK_SLICE(i.successor, "grok-4.7");
	unmake(&m);
}

static void each_mistake_is_named_with_its_file_and_place(void **state UNUSED)
{
	static const struct {
		const char *text, *says;
	} bad[] = {
		{ "a: b\n", ":1:1: the file: expected a list, not a map" },
		{ "- {provider: x, id: [\n", ":2:1: while parsing a flow" },
		{ "- {provider: x, id: y, contxt_window: 5}\n",
		  ":1:24: unknown option \"contxt_window\"; did you mean \"context_window\"?" },
		{ "- {provider: x, id: y, price_per_mtok: {inptu: 5}}\n",
		  ":1:41: unknown option \"inptu\"; did you mean \"input\"?" },
		{ "- {provider: x, id: y, price_per_mtok: {input: 1e-2}}\n",
		  ":1:48: input: \"1e-2\" is not a price in USD such as 0.15, without an "
		  "exponent" },
		{ "- {provider: x, id: y, price_per_mtok: {input: -1}}\n",
		  ":1:48: input: \"-1\" is not a price" },
		{ "- {provider: x, id: y, price_per_mtok: {batch_discount: 1}}\n",
		  "batch_discount: is a part of the price, less than 1" },
		{ "- {provider: x, id: y, retired_on: 2026-02-30}\n",
		  ":1:36: retired_on: \"2026-02-30\" is not a date such as 2026-11-20" },
		{ "- {provider: x, id: y, tier: minni}\n",
		  ":1:30: tier: \"minni\" is not one of mini, standard, flagship, reasoning, "
		  "preview; did you mean \"mini\"?" },
		{ "- {provider: x, id: y, modalities_in: [text, txt]}\n",
		  ":1:46: modalities_in: \"txt\" is not one of text" },
		{ "- {provider: x}\n", ":1:3: a model needs a provider and an id" },
		{ "- {provider: x, id: y}\n- {provider: x, id: y}\n",
		  ":2:21: id: x/y is in this file twice" },
		{ "- {provider: x, id: y, successor: z}\n",
		  ":1:35: successor: x has no model \"z\"" },
		{ "- {provider: openai, id: y, aliases: [gpt-4o]}\n",
		  ":1:39: aliases: \"gpt-4o\" is the id of a model of openai" },
		{ "- {provider: x, id: y, aliases: [a]}\n- {provider: x, id: z, aliases: "
		  "[a]}\n",
		  "aliases: \"a\" is x/y already" },
		{ "- {provider: x, id: y, price_changes: [{input: 1}]}\n",
		  "price_changes: from is missing" },
		{ "- {provider: x, id: y, price_tiers: [{input: 1}]}\n",
		  "price_tiers: above_input_tokens is missing" },
		{ "- {provider: x, id: y, price_tiers: [{above_input_tokens: 2}, "
		  "{above_input_tokens: 1}]}\n",
		  "price_tiers: each needs more tokens than the one before" },
	};

	for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
		char room[600];
		struct made m;
		struct sb out;

		rows(&m, bad[i].text);
		CHECK_RC(m.rc, E_BAD);
		CHECK(m.p.n >= 1);
		sb_init(&out, room, sizeof(room));
		problem_print(&out, "weir.yaml", &m.p.v[0]);
		CHECK(slice_starts(sb_slice(&out), slice_cstr(m.file)));
		if (slice_find(sb_slice(&out), slice_cstr(bad[i].says)) == SLICE_NONE)
			CHECK_STR(sb_cstr(&out), bad[i].says);
		unmake(&m);
	}
}

static void a_file_that_is_not_there_is_the_configs_mistake(void **state UNUSED)
{
	char room[300];
	struct made m;
	struct sb out;

	make(&m, "/no/such/file.yaml");
	CHECK_RC(m.rc, E_BAD);
	sb_init(&out, room, sizeof(room));
	problem_print(&out, "weir.yaml", &m.p.v[0]);
	CHECK_STR(sb_cstr(&out), "weir.yaml:1:12: catalogue: \"/no/such/file.yaml\": No such "
				 "file or directory");
	unmake(&m);
}

static char *as_json(const struct catalogue *c)
{
	size_t n = catalogue_count(c), bytes = 0;
	struct model_info *v = calloc(n, sizeof(*v));
	char *text = NULL;
	FILE *to = open_memstream(&text, &bytes);

	assert_non_null(v);
	for (size_t i = 0; i < n; i++)
		catalogue_at(c, i, &v[i]);
	models_json(to, v, n);
	fclose(to);
	free(v);
	return text;
}

/* The build's reader of data/catalogue.json and the one of operators' files see the same. */
static void the_shipped_file_over_itself_changes_nothing(void **state UNUSED)
{
	char *shipped = as_json(NULL), *laid;
	struct made m;

	make(&m, SHIPPED_CATALOGUE);
	CHECK_RC(m.rc, OK);
	laid = as_json(m.s->catalogue);
	CHECK_INT(catalogue_count(m.s->catalogue), catalogue_count(NULL));
	CHECK(strcmp(shipped, laid) == 0);
	free(shipped);
	free(laid);
	unmake(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_changes_adds_and_retires),
		cmocka_unit_test(each_mistake_is_named_with_its_file_and_place),
		cmocka_unit_test(a_file_that_is_not_there_is_the_configs_mistake),
		cmocka_unit_test(the_shipped_file_over_itself_changes_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
