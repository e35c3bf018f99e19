#include "check.h"

#include "gateway/snapshot.h"

#include "io/tls.h"

/* The snapshot gives back what it holds; that is all that happens to TLS here. */
static unsigned tls_freed;

void tls_client_free(struct tls_client *t)
{
	tls_freed += t != NULL ? 1 : 0;
}

/* Two models at two providers, one of them open-ended, and two keys. */
static struct snapshot *build(struct mem *mem)
{
	static const char *const names[] = { "fast", "gpt-4o-mini", "gpt-4o" };
	struct snapshot *s = snapshot_new(mem, 1 << 20);
	struct provider *p;

	if (s == NULL)
		return NULL;
	s->provider_list = ARENA_ARRAY(&s->arena, struct provider *, 2);
	p = ARENA_ARRAY(&s->arena, struct provider, 2);
	s->model_list = ARENA_ARRAY(&s->arena, struct model *, ARRAY_LEN(names));
	s->deployment_list = ARENA_ARRAY(&s->arena, struct deployment *, 1);
	s->keys = ARENA_ARRAY(&s->arena, struct client_key, 2);
	if (arena_failed(&s->arena) || !map_init(&s->providers, &s->arena, 2) ||
	    !map_init(&s->models, &s->arena, 3) || !map_init(&s->deployments, &s->arena, 1) ||
	    !map_init(&s->key_by_hash, &s->arena, 2))
		goto failed;
	p[0] = (struct provider){ .name = LIT("openai"), .open_ended = true };
	p[1] = (struct provider){ .name = LIT("mine") };
	for (size_t i = 0; i < 2; i++) {
		s->provider_list[s->provider_n++] = &p[i];
		CHECK(map_put(&s->providers, p[i].name, &p[i]));
	}
	for (size_t i = 0; i < ARRAY_LEN(names); i++) {
		struct model *m = ARENA_NEW(&s->arena, struct model);

		if (m == NULL)
			goto failed;
		m->name = slice_cstr(names[i]);
		s->model_list[s->model_n++] = m;
		CHECK(map_put(&s->models, m->name, m));
	}
	s->key_seed = 42;
	for (size_t i = 0; i < 2; i++) {
		if (snapshot_put_key(s, &s->keys[i], i == 0 ? LIT("sk-one") : LIT("sk-two")) !=
		    OK)
			goto failed;
		s->key_n++;
	}
	s->timeouts.total_us = 7;
	s->retries.attempts = 3;
	return s;

failed:
	snapshot_unref(s);
	return NULL;
}

static void a_configured_name_is_found(void **state UNUSED)
{
	struct test_mem t;
	struct snapshot *s;
	struct arena a;

	test_mem_init(&t, 0);
	s = build(&t.mem);
	arena_init(&a, &t.mem, 256, 65536);
	assert_non_null(s);
	CHECK(snapshot_find(s, LIT("fast"), &a) == s->model_list[0]);
	CHECK(snapshot_find(s, LIT("fas"), &a) == NULL);
	CHECK_INT(a.held, 0);
	arena_free(&a);
	snapshot_unref(s);
	CHECK_INT(t.live, 0);
}

static void an_open_ended_provider_takes_any_model(void **state UNUSED)
{
	const struct model *m;
	struct test_mem t;
	struct snapshot *s;
	struct arena a;

	test_mem_init(&t, 0);
	s = build(&t.mem);
	assert_non_null(s);
	arena_init(&a, &t.mem, 256, 65536);
	m = snapshot_find(s, LIT("openai/org/x\"y"), &a);
	assert_non_null(m);
	CHECK_SLICE(m->name, "openai/org/x\"y");
	CHECK_SLICE(m->owned_by, "openai");
	CHECK_INT(m->deployment_n, 1);
	CHECK_SLICE(m->deployments[0]->model, "org/x\"y");
	CHECK_SLICE(m->deployments[0]->model_json, "\"org/x\\\"y\"");
	CHECK_INT(m->deployments[0]->index, DEPLOYMENT_UNLISTED);
	CHECK(m->targets[0]->weight == 1 && m->targets[0]->health == NULL);
	CHECK(m->timeouts.total_us == 7 && m->retries.attempts == 3);

	CHECK(snapshot_find(s, LIT("openai/"), &a) == NULL);
	CHECK(snapshot_find(s, LIT("openai"), &a) == NULL);
	CHECK(snapshot_find(s, LIT("mine/x"), &a) == NULL);
	CHECK(snapshot_find(s, LIT("/x"), &a) == NULL);
	CHECK(snapshot_find(s, LIT(""), &a) == NULL);
	arena_free(&a);
	snapshot_unref(s);
	CHECK_INT(t.live, 0);
}

static void a_deployment_of_the_config_keeps_its_breaker(void **state UNUSED)
{
	struct health health = { .refs = 2 };
	struct deployment d = { .name = LIT("openai/gpt-x"), .target.health = &health };
	const struct model *m;
	struct test_mem t;
	struct snapshot *s;
	struct arena a;

	test_mem_init(&t, 0);
	s = build(&t.mem);
	assert_non_null(s);
	arena_init(&a, &t.mem, 256, 65536);
	d.provider = s->provider_list[0];
	s->deployment_list[s->deployment_n++] = &d;
	CHECK(map_put(&s->deployments, d.name, &d));
	m = snapshot_find(s, LIT("openai/gpt-x"), &a);
	CHECK(m != NULL && m->deployments[0] == &d);
	arena_free(&a);
	snapshot_unref(s);
	CHECK_INT(health.refs, 1);
	CHECK_INT(t.live, 0);
}

/* A model of this name with these deployments of "openai"; in the snapshot's arena. */
static struct model *make_model(struct snapshot *s, const char *name, const char *first,
				const char *second)
{
	struct model *m = ARENA_NEW(&s->arena, struct model);
	struct deployment **list = ARENA_ARRAY(&s->arena, struct deployment *, 2);

	m->name = slice_cstr(name);
	m->deployments = list;
	for (const char *const *n = (const char *const[]){ first, second, NULL }; *n != NULL;
	     n++) {
		struct deployment *d = ARENA_NEW(&s->arena, struct deployment);

		d->provider = s->provider_list[0];
		d->name = slice_cstr(*n);
		d->model = slice_skip(d->name, sizeof("openai"));
		(void)deployment_look_up(d, NULL, 20000);
		list[m->deployment_n++] = d;
	}
	CHECK(model_finish(m, &s->arena));
	return m;
}

static void a_target_has_what_the_catalogue_says(void **state UNUSED)
{
	const struct route_target *t;
	const struct model *m;
	struct test_mem test;
	struct snapshot *s;

	test_mem_init(&test, 0);
	s = build(&test.mem);
	assert_non_null(s);
	m = make_model(s, "m", "openai/gpt-4o-mini", "openai/who-knows");
	t = m->targets[0];
	CHECK_SLICE(t->name, "openai/gpt-4o-mini");
	CHECK_SLICE(t->provider, "openai");
	CHECK_SLICE(t->model, "gpt-4o-mini");
	CHECK(t->tier == TIER_MINI && t->quality == tier_quality(TIER_MINI));
	CHECK(t->priced && t->price_input == 150000000 && t->price_output == 600000000);
	CHECK_INT(t->price_cache_read, 75000000);
	CHECK_INT(t->context, 128000);
	CHECK(t->caps & 1U << CAP_TOOLS && t->media_in & 1U << MEDIUM_IMAGE);
	CHECK_INT(m->context, 128000);
	CHECK(m->deployments[0]->chat);
	t = m->targets[1];
	CHECK(!t->priced && t->context == 0 && t->caps_stated == 0 && t->media_in == 0);
	CHECK(t->weight == 1 && t->quality == tier_quality(TIER_UNKNOWN));
	CHECK(m->deployments[1]->chat);
	snapshot_unref(s);
}

static void only_what_depends_on_the_request_needs_its_facts(void **state UNUSED)
{
	struct test_mem test;
	struct snapshot *s;
	struct model *m;

	test_mem_init(&test, 0);
	s = build(&test.mem);
	assert_non_null(s);
	CHECK(!make_model(s, "m", "openai/gpt-4o-mini", NULL)->needs_facts);
	CHECK(!make_model(s, "m", "openai/one", "openai/other")->needs_facts);
	CHECK(make_model(s, "m", "openai/gpt-4o-mini", "openai/gpt-4.1-mini")->needs_facts);
	m = make_model(s, "m", "openai/one", "openai/other");
	m->policy.strategy = BY_COST;
	CHECK(model_finish(m, &s->arena) && m->needs_facts);
	m->policy.strategy = BY_LOAD;
	CHECK(model_finish(m, &s->arena) && !m->needs_facts);
	m->policy.max_cost = 1;
	CHECK(model_finish(m, &s->arena) && m->needs_facts);
	snapshot_unref(s);
}

static void several_names_are_one_model(void **state UNUSED)
{
	const struct slice both[] = { LIT("fast"), LIT("openai/c"), LIT("gpt-4o") };
	const struct slice wrong[] = { LIT("fast"), LIT("nobody") };
	const struct model *m;
	struct test_mem test;
	struct snapshot *s;
	struct arena a;
	size_t missing;

	test_mem_init(&test, 0);
	s = build(&test.mem);
	assert_non_null(s);
	arena_init(&a, &test.mem, 256, 65536);
	*s->model_list[0] = *make_model(s, "fast", "openai/a", "openai/b");
	s->model_list[0]->retries.attempts = 9;
	*s->model_list[2] = *make_model(s, "gpt-4o", "openai/b", "openai/d");
	CHECK(snapshot_find(s, LIT("gpt-4o"), &a) == s->model_list[2]);
	m = snapshot_join(s, both, 3, &a, &missing);
	assert_non_null(m);
	CHECK_SLICE(m->name, "fast");
	CHECK_INT(m->deployment_n, 4);
	for (size_t i = 0; i < 4; i++) {
		CHECK_INT(m->deployments[i]->name.p[7], "abcd"[i]);
		CHECK(m->targets[i] == &m->deployments[i]->target);
	}
	CHECK_INT(m->retries.attempts, 9);
	/* Each is still its own model's: that one's policy and rules hold for it. */
	CHECK(m->parts[0].of == s->model_list[0] && m->parts[1].place == 1);
	CHECK(m->parts[3].of == s->model_list[2] && m->parts[3].place == 1);
	CHECK(m->parts[0].rank < m->parts[3].rank && m->rule_n == 0);
	/* A NUL hides nothing. */
	CHECK(snapshot_find(s, (struct slice){ "openai/b\0x", 10 }, &a) == NULL);
	CHECK(snapshot_join(s, both, 1, &a, &missing) == s->model_list[0]);
	CHECK(snapshot_join(s, wrong, 2, &a, &missing) == NULL && missing == 1);
	CHECK(snapshot_join(s, wrong, 0, &a, &missing) == NULL && missing == 0);
	arena_free(&a);
	snapshot_unref(s);
}

static void the_last_reference_frees_and_wipes(void **state UNUSED)
{
	struct deployment d[2] = { 0 };
	struct deployment *list[2] = { &d[0], &d[1] };
	struct snapshot_tls *tls_list[1];
	struct provider_key one = { .weight = 1 };
	struct provider provider = { .name = LIT("p"), .keys = &one, .key_n = 1 };
	struct provider *providers[1] = { &provider };
	char proxy[] = "http://u:p@proxy";
	struct arena keep;
	struct test_mem t;
	struct snapshot *s;
	struct slice key;

	test_mem_init(&t, 0);
	s = snapshot_new(&t.mem, 1 << 16);
	assert_non_null(s);
	arena_init(&keep, &t.mem, 256, 4096);
	/* Two models may name the same deployment: it is counted twice. */
	d[0].target.health = d[1].target.health = mem_zero(&t.mem, sizeof(struct health));
	atomic_store(&d[0].target.health->refs, 2);
	s->deployment_list = list;
	s->deployment_n = 2;
	tls_list[0] = mem_zero(&t.mem, sizeof(*tls_list[0]));
	atomic_store(&tls_list[0]->refs, 1);
	tls_list[0]->tls = (struct tls_client *)(void *)proxy; /* never looked into */
	s->tls_list = tls_list;
	s->tls_n = 1;
	one.key = secret_make(&keep, LIT("sk-secret"));
	key = secret_reveal(one.key);
	s->provider_list = providers;
	s->provider_n = 1;
	s->proxy.https_proxy = slice_of(proxy, sizeof(proxy) - 1);

	tls_freed = 0;
	CHECK(snapshot_ref(s) == s);
	snapshot_unref(s);
	CHECK_SLICE(key, "sk-secret");
	CHECK_INT(tls_freed, 0);
	snapshot_unref(s);
	CHECK_INT(tls_freed, 1);
	for (size_t i = 0; i < key.n; i++)
		CHECK_INT(key.p[i], 0);
	CHECK_INT(proxy[0], 0);
	arena_free(&keep);
	CHECK_INT(t.live, 0);
	snapshot_unref(NULL);
}

static void an_unknown_name_gets_the_nearest_one(void **state UNUSED)
{
	struct test_mem t;
	struct snapshot *s;

	test_mem_init(&t, 0);
	s = build(&t.mem);
	assert_non_null(s);
	CHECK_SLICE(snapshot_suggest(s, LIT("gpt-4o-mni")), "gpt-4o-mini");
	CHECK_SLICE(snapshot_suggest(s, LIT("gpt4o")), "gpt-4o");
	CHECK_SLICE(snapshot_suggest(s, LIT("fsat")), "fast");
	CHECK_SLICE(snapshot_suggest(s, LIT("claude-opus")), "");
	CHECK_SLICE(snapshot_suggest(s, LIT("")), "");
	snapshot_unref(s);
}

static void a_key_is_found_whole_or_not_at_all(void **state UNUSED)
{
	struct test_mem t;
	struct snapshot *s;

	test_mem_init(&t, 0);
	s = build(&t.mem);
	assert_non_null(s);
	CHECK(snapshot_key(s, LIT("sk-one")) == &s->keys[0]);
	CHECK(snapshot_key(s, LIT("sk-two")) == &s->keys[1]);
	CHECK(snapshot_key(s, LIT("sk-tw")) == NULL);
	CHECK(snapshot_key(s, LIT("sk-two ")) == NULL);
	CHECK(snapshot_key(s, LIT("")) == NULL);
	snapshot_unref(s);

	s = snapshot_new(&t.mem, 1 << 16);
	assert_non_null(s);
	CHECK(snapshot_key(s, LIT("sk-one")) == NULL);
	snapshot_unref(s);
}

static void the_same_key_twice_is_refused(void **state UNUSED)
{
	struct client_key k = { 0 };
	struct test_mem t;
	struct snapshot *s;

	test_mem_init(&t, 0);
	s = snapshot_new(&t.mem, 1 << 16);
	assert_non_null(s);
	CHECK(map_init(&s->key_by_hash, &s->arena, 3));
	CHECK_RC(snapshot_put_key(s, &k, LIT("a")), OK);
	CHECK_RC(snapshot_put_key(s, &k, LIT("b")), OK);
	CHECK_RC(snapshot_put_key(s, &k, LIT("a")), E_REFUSED);
	snapshot_unref(s);
	CHECK_INT(t.live, 0);
}

static bool allows(const char *pattern, const char *model)
{
	struct slice p = slice_cstr(pattern);
	struct client_key k = { .models = &p, .model_n = 1 };

	return client_key_allows(&k, slice_cstr(model));
}

static void patterns_name_models(void **state UNUSED)
{
	struct slice two[] = { LIT("a"), LIT("b*") };
	struct client_key k = { .models = two, .model_n = 2 }, all = { 0 };

	CHECK(allows("gpt-*", "gpt-4o") && allows("gpt-*", "gpt-"));
	CHECK(!allows("gpt-*", "gpt") && !allows("gpt-*", "xgpt-4o"));
	CHECK(allows("*", "") && allows("*", "x/y"));
	CHECK(allows("*-mini", "gpt-4o-mini") && !allows("*-mini", "gpt-4o-mini-2"));
	CHECK(allows("a*b*c", "aXbYbZc") && !allows("a*b*c", "aXc"));
	CHECK(allows("**", "x") && allows("x", "x") && !allows("x", "X"));
	CHECK(!allows("", "x") && allows("", ""));
	CHECK(!allows("*a*a*a*a*a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
	CHECK(client_key_allows(&k, LIT("a")) && client_key_allows(&k, LIT("bc")));
	CHECK(!client_key_allows(&k, LIT("ab")));
	CHECK(client_key_allows(&all, LIT("anything")));
}

static void swept(struct test_mem *t)
{
	struct snapshot *s = build(&t->mem);
	const struct model *m;
	struct arena a;

	CHECK(s != NULL || t->failed);
	if (s == NULL)
		return;
	arena_init(&a, &t->mem, 64, 65536);
	m = snapshot_find(s, LIT("openai/x"), &a);
	CHECK((m == NULL) == t->failed);
	arena_free(&a);
	snapshot_unref(s);
}

static void no_memory_is_an_error_and_no_leak(void **state UNUSED)
{
	sweep(swept);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_configured_name_is_found),
		cmocka_unit_test(an_open_ended_provider_takes_any_model),
		cmocka_unit_test(a_deployment_of_the_config_keeps_its_breaker),
		cmocka_unit_test(a_target_has_what_the_catalogue_says),
		cmocka_unit_test(only_what_depends_on_the_request_needs_its_facts),
		cmocka_unit_test(several_names_are_one_model),
		cmocka_unit_test(the_last_reference_frees_and_wipes),
		cmocka_unit_test(an_unknown_name_gets_the_nearest_one),
		cmocka_unit_test(a_key_is_found_whole_or_not_at_all),
		cmocka_unit_test(the_same_key_twice_is_refused),
		cmocka_unit_test(patterns_name_models),
		cmocka_unit_test(no_memory_is_an_error_and_no_leak),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
