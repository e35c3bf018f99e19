#include "check.h"

#include "app/discover.h"
#include "io/files.h"
#include "mock/mock.h"

/* A simulated provider on a real socket, asked as if it were one that we know. */
struct scene {
	struct loop *loop;
	struct mock *mock;
	struct arena arena;
	struct snapshot *snapshot;
	struct discovery *d;
	char found[256], failed[512];
	struct sb found_log, failed_log;
};

static const char *no_env(const struct config_env *e UNUSED, const char *name UNUSED)
{
	return NULL;
}

static void on_found(void *ctx, const struct found_provider *f)
{
	struct scene *s = ctx;

	sb_fmt(&s->found_log, "%s:", f->known->name);
	for (size_t i = 0; i < f->model_n; i++)
		sb_fmt(&s->found_log, " %.*s", SARG(f->models[i]));
	sb_char(&s->found_log, ';');
}

static void on_failed(void *ctx, const struct provider_known *known, const char *why)
{
	struct scene *s = ctx;

	sb_fmt(&s->failed_log, "%s: %s;", known->name, why);
}

static void on_done(void *ctx)
{
	loop_stop(((struct scene *)ctx)->loop);
}

static const struct discover_events events = {
	.found = on_found,
	.failed = on_failed,
	.done = on_done,
};

static uint16_t scene_begin(struct scene *s, const char *mock_options)
{
	struct address at;

	*s = (struct scene){ .loop = NULL };
	sb_init(&s->found_log, s->found, sizeof(s->found));
	sb_init(&s->failed_log, s->failed, sizeof(s->failed));
	arena_init(&s->arena, system_mem(), 4096, 16 << 20);
	CHECK_RC(loop_new(&s->loop, NULL), OK);
	CHECK_RC(mock_new(&s->mock, s->loop, NULL, NULL, NULL), OK);
	CHECK_RC(mock_set(s->mock, slice_cstr(mock_options), NULL), OK);
	CHECK_RC(address_read(&at, LIT("127.0.0.1"), 0), OK);
	CHECK_RC(mock_listen(s->mock, &at, NULL, NULL), OK);
	mock_address(s->mock, 0, &at);
	return address_port(&at);
}

/* Asks the providers of this config until all is over. */
static void scene_run(struct scene *s, const char *config, const uint16_t *skip, size_t skip_n)
{
	static const struct config_env env = { no_env };
	struct config_build o = { .mem = system_mem(), .env = &env };
	struct config *c = NULL;
	struct problems p;

	problems_init(&p, &s->arena);
	CHECK_RC(config_read(&c, &s->arena, slice_cstr(config), &env, &p), OK);
	CHECK_RC(config_build(&s->snapshot, c, &o, &p), OK);
	CHECK_RC(discover_start(&s->d, s->loop, s->snapshot, skip, skip_n, &events, s, NULL),
		 OK);
	CHECK_INT(s->found_log.n + s->failed_log.n, 0);
	loop_run(s->loop);
}

static void scene_end(struct scene *s)
{
	discover_free(s->d);
	snapshot_unref(s->snapshot);
	mock_free(s->mock);
	loop_free(s->loop);
	arena_free(&s->arena);
}

static const char *at_port(struct scene *s, const char *fmt, unsigned port)
{
	struct slice before, after;

	CHECK(slice_cut(slice_cstr(fmt), '@', &before, &after));
	return arena_fmt(&s->arena, "%.*s127.0.0.1:%u%.*s%c", SARG(before), port, SARG(after),
			 0)
		.p;
}

static void a_provider_that_answers_is_found_with_its_models(void **state UNUSED)
{
	const struct found_provider *f;
	struct scene s;
	uint16_t port = scene_begin(&s, "models=one,models/two,th ree,fo'ur");
	size_t n;

	scene_run(&s,
		  at_port(&s, "providers: {openai: {base_url: \"http://@/v1\", api_key: k}}",
			  port),
		  NULL, 0);
	CHECK_STR(sb_cstr(&s.found_log), "openai: one two;");
	CHECK_STR(sb_cstr(&s.failed_log), "");
	f = discover_found(s.d, &n);
	CHECK_INT(n, 1);
	CHECK_INT(f[0].model_n, 2);
	CHECK_INT(mock_record_n(s.mock), 1);
	CHECK_SLICE(http_header(&mock_record(s.mock, 0)->head, LIT("Authorization")),
		    "Bearer k");
	scene_end(&s);
}

static void a_hosted_one_that_does_not_is_told(void **state UNUSED)
{
	struct scene s;
	uint16_t port = scene_begin(&s, "fail=garbage");

	scene_run(
		&s,
		at_port(&s, "providers: {groq: {base_url: \"http://@/v1\", api_key: k}}", port),
		NULL, 0);
	CHECK_STR(sb_cstr(&s.found_log), "");
	CHECK(slice_starts(sb_slice(&s.failed_log), LIT("groq: ")));
	scene_end(&s);
}

static void a_refused_key_is_said_so(void **state UNUSED)
{
	struct scene s;
	uint16_t port = scene_begin(&s, "status=401");

	scene_run(
		&s,
		at_port(&s, "providers: {groq: {base_url: \"http://@/v1\", api_key: k}}", port),
		NULL, 0);
	CHECK_STR(sb_cstr(&s.failed_log), "groq: it does not accept the key;");
	scene_end(&s);
}

static void a_local_one_that_is_not_there_is_passed_over(void **state UNUSED)
{
	struct scene s;

	(void)scene_begin(&s, "");
	scene_run(&s, "providers: {ollama: {base_url: \"http://127.0.0.1:1/v1\"}}", NULL, 0);
	CHECK_STR(sb_cstr(&s.found_log), "");
	CHECK_STR(sb_cstr(&s.failed_log), "");
	scene_end(&s);
}

/* llama.cpp's usual port is our own too. */
static void we_do_not_find_ourselves(void **state UNUSED)
{
	struct scene s;
	uint16_t port = scene_begin(&s, "");

	scene_run(&s, at_port(&s, "providers: {llamacpp: {base_url: \"http://@/v1\"}}", port),
		  &port, 1);
	CHECK_STR(sb_cstr(&s.found_log), "");
	CHECK_INT(mock_record_n(s.mock), 0);
	scene_end(&s);
}

static void it_may_be_ended_at_any_time(void **state UNUSED)
{
	static const struct config_env env = { no_env };
	struct config_build o = { .mem = system_mem(), .env = &env };
	struct config *c = NULL;
	struct problems p;
	struct scene s;
	uint16_t port = scene_begin(&s, "");

	problems_init(&p, &s.arena);
	CHECK_RC(config_read(
			 &c, &s.arena,
			 slice_cstr(at_port(
				 &s, "providers: {ollama: {base_url: \"http://@/v1\"}}", port)),
			 &env, &p),
		 OK);
	CHECK_RC(config_build(&s.snapshot, c, &o, &p), OK);
	CHECK_RC(discover_start(&s.d, s.loop, s.snapshot, NULL, 0, &events, &s, NULL), OK);
	scene_end(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_provider_that_answers_is_found_with_its_models),
		cmocka_unit_test(a_hosted_one_that_does_not_is_told),
		cmocka_unit_test(a_refused_key_is_said_so),
		cmocka_unit_test(a_local_one_that_is_not_there_is_passed_over),
		cmocka_unit_test(we_do_not_find_ourselves),
		cmocka_unit_test(it_may_be_ended_at_any_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
