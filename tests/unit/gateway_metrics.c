#include "check.h"

#include "gateway/errors.h"
#include "gateway/metrics.h"

static bool has(struct slice text, const char *what)
{
	return slice_find(text, slice_cstr(what)) != SLICE_NONE;
}

static void the_longest_name_of_a_provider_has_one_row(void **state UNUSED)
{
	char name[64]; /* what the config allows */
	struct metrics_shared shared = { NULL };
	struct metrics *m;
	struct test_mem t;

	memset(name, 'n', sizeof(name));
	test_mem_init(&t, 0);
	m = metrics_new(&shared, &t.mem);
	CHECK(metrics_provider(m, slice_of(name, 64), &t.mem) ==
	      metrics_provider(m, slice_of(name, 64), &t.mem));
	CHECK(metrics_provider(m, slice_of(name, 64), &t.mem) !=
	      metrics_provider(m, slice_of(name, 63), &t.mem));
	metrics_shared_free(&shared, &t.mem);
	CHECK_INT(t.live, 0);
}

static void all_loops_are_added_up(void **state UNUSED)
{
	struct metrics_shared shared = { NULL };
	struct metrics_provider *p;
	struct metrics *one, *two;
	struct test_mem t;
	struct buf out;

	test_mem_init(&t, 0);
	one = metrics_new(&shared, &t.mem);
	two = metrics_new(&shared, &t.mem);
	count_add(&one->requests[0][END_COMPLETE], 3);
	count_add(&two->requests[0][END_COMPLETE], 4);
	count_set(&one->sums[SUM_LOOP_LAG_US], 1500);
	count_set(&two->sums[SUM_LOOP_LAG_US], 2500);
	count_set(&one->sums[SUM_STREAMS], 1);
	count_set(&two->sums[SUM_STREAMS], 2);
	p = metrics_provider(one, LIT("groq"), &t.mem);
	count_add(&p->attempts[FAULT_NONE], 1);
	p = metrics_provider(two, LIT("groq"), &t.mem);
	count_add(&p->attempts[FAULT_NONE], 1);
	count_add(&p->attempts[FAULT_RATE], 5);
	metrics_usage(p, &(struct usage){ .known = true,
					  .input = 7,
					  .cache_write_1h = 3,
					  .audio_in = 4,
					  .output = 9,
					  .audio_out = 5 });
	metrics_time(&p->ttft, 5000); /* on a bound: inside it */
	metrics_time(&p->ttft, 5001);
	metrics_time(&p->ttft, 400000000); /* over all of them */
	(void)metrics_provider(two, LIT("openai"), &t.mem);
	buf_init(&out, &t.mem, 1 << 20);
	CHECK_RC(metrics_write(&shared, &out), OK);
	CHECK(has(buf_slice(&out),
		  "weir_requests_total{endpoint=\"chat\",end=\"complete\"} 7\n"));
	CHECK(has(buf_slice(&out), "weir_loop_lag_seconds 0.002500\n"));
	CHECK(has(buf_slice(&out), "weir_streams_open 3\n"));
	CHECK(has(buf_slice(&out),
		  "weir_attempts_total{provider=\"groq\",outcome=\"ok\"} 2\n"));
	CHECK(has(buf_slice(&out), "{provider=\"groq\",outcome=\"rate_limit\"} 5\n"));
	CHECK(has(buf_slice(&out), "weir_tokens_total{provider=\"groq\",kind=\"input\"} 7\n"));
	CHECK(has(buf_slice(&out), "provider=\"groq\",kind=\"cache_write_1h\"} 3\n"));
	CHECK(has(buf_slice(&out), "provider=\"groq\",kind=\"audio_in\"} 4\n"));
	CHECK(has(buf_slice(&out), "provider=\"groq\",kind=\"audio_out\"} 5\n"));
	CHECK(has(buf_slice(&out),
		  "weir_ttft_seconds_bucket{provider=\"groq\",le=\"0.005\"} 1\n"));
	CHECK(has(buf_slice(&out),
		  "weir_ttft_seconds_bucket{provider=\"groq\",le=\"0.01\"} 2\n"));
	CHECK(has(buf_slice(&out),
		  "weir_ttft_seconds_bucket{provider=\"groq\",le=\"300\"} 2\n"));
	CHECK(has(buf_slice(&out),
		  "weir_ttft_seconds_bucket{provider=\"groq\",le=\"+Inf\"} 3\n"));
	CHECK(has(buf_slice(&out), "weir_ttft_seconds_count{provider=\"groq\"} 3\n"));
	CHECK(has(buf_slice(&out), "weir_ttft_seconds_count{provider=\"openai\"} 0\n"));
	CHECK(has(buf_slice(&out), "weir_request_duration_seconds_count 0\n"));
	buf_free(&out);
	metrics_shared_free(&shared, &t.mem);
	CHECK_INT(t.live, 0);
}

static void each_family_stands_together(void **state UNUSED)
{
	struct metrics_shared shared = { NULL };
	struct test_mem t;
	struct metrics *m;
	struct slice rest, line, family = { NULL, 0 };
	struct buf out;
	size_t heads = 0;

	test_mem_init(&t, 0);
	m = metrics_new(&shared, &t.mem);
	(void)metrics_provider(m, LIT("a"), &t.mem);
	(void)metrics_provider(m, LIT("b"), &t.mem);
	buf_init(&out, &t.mem, 1 << 20);
	CHECK_RC(metrics_write(&shared, &out), OK);
	for (rest = buf_slice(&out); slice_cut(rest, '\n', &line, &rest);) {
		if (slice_starts(line, LIT("# TYPE "))) {
			slice_cut(slice_skip(line, 7), ' ', &family, NULL);
			heads++;
		} else if (!slice_starts(line, LIT("#"))) {
			CHECK(family.n > 0 && slice_starts(line, family));
		}
	}
	CHECK(heads > 15);
	buf_free(&out);
	metrics_shared_free(&shared, &t.mem);
}

static void too_many_providers_share_a_row(void **state UNUSED)
{
	struct metrics_shared shared = { NULL };
	struct metrics_provider *last = NULL;
	struct test_mem t;
	struct metrics *m;
	char name[16];

	test_mem_init(&t, 0);
	m = metrics_new(&shared, &t.mem);
	for (int i = 0; i < 100; i++) {
		snprintf(name, sizeof(name), "p%d", i);
		last = metrics_provider(m, slice_cstr(name), &t.mem);
		CHECK(last != NULL);
	}
	CHECK_STR(last->name, "other");
	CHECK(metrics_provider(m, LIT("p3"), &t.mem) == m->provider[3]);
	metrics_shared_free(&shared, &t.mem);
	CHECK_INT(t.live, 0);
}

static void writing_sweep(struct test_mem *t)
{
	struct metrics_shared shared = { NULL };
	struct metrics *m = metrics_new(&shared, &t->mem);
	struct buf out;

	if (m != NULL)
		(void)metrics_provider(m, LIT("a"), &t->mem);
	buf_init(&out, &t->mem, 1 << 20);
	if (metrics_write(&shared, &out) != OK)
		CHECK(t->failed);
	buf_free(&out);
	metrics_shared_free(&shared, &t->mem);
}

static void metrics_survive_failing_memory(void **state UNUSED)
{
	sweep(writing_sweep);
}

static void every_fault_has_an_answer_of_its_class(void **state UNUSED)
{
	for (int k = FAULT_CLIENT; k < FAULT_GONE; k++) {
		const struct answer_row *row = answer_row(answer_of_fault((enum fault_kind)k));
		const struct fault_row *f = fault_row((enum fault_kind)k);

		/* What could be tried elsewhere is not told as the client's own mistake. */
		if (f->again)
			CHECK(row->status >= 500 || row->status == 429);
		if (!f->other)
			CHECK(row->status == 400);
	}
	CHECK_INT(fault_of_rc(E_TLS), FAULT_TLS);
	CHECK_INT(fault_of_rc(E_DNS), FAULT_CONNECT);
	CHECK_INT(fault_of_rc(E_NOMEM), FAULT_LOCAL);
	CHECK(!fault_row(FAULT_LOCAL)->health);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_loops_are_added_up),
		cmocka_unit_test(the_longest_name_of_a_provider_has_one_row),
		cmocka_unit_test(each_family_stands_together),
		cmocka_unit_test(too_many_providers_share_a_row),
		cmocka_unit_test(metrics_survive_failing_memory),
		cmocka_unit_test(every_fault_has_an_answer_of_its_class),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
