#include "mock_peer.h"

static void on_opened(void *ctx)
{
	struct bench *b = ctx;

	b->open = true;
	CHECK_RC(conn_write(b->conn, &b->send, 1), OK);
}

static void on_data(void *ctx, struct slice bytes)
{
	struct bench *b = ctx;

	CHECK(bytes.n <= sizeof(b->got) - b->n);
	memcpy(b->got + b->n, bytes.p, bytes.n);
	b->n += bytes.n;
	b->last_us = sim_now_us(b->sim);
	if (b->first_us == 0)
		b->first_us = b->last_us;
}

static void on_ended(void *ctx, enum rc why, const struct err *err UNUSED)
{
	struct bench *b = ctx;

	b->ended = true;
	b->why = why;
}

static const struct conn_events events = { .opened = on_opened,
					   .data = on_data,
					   .ended = on_ended };

void set_up(struct bench *b, const char *query)
{
	struct sim_faults kind = sim_kind;
	struct mock_options *o;
	struct test_mem t;
	struct arena a;

	/* Latencies would be added to the simulator's own. */
	kind.latency_min_us = kind.latency_max_us = 0;
	*b = (struct bench){ .at = sim_address(1, 80) };
	b->sim = sim_new(1);
	sim_faults(b->sim, &kind);
	b->server = sim_loop(b->sim, "mock");
	b->client = sim_loop(b->sim, "client");
	test_mem_init(&t, 0);
	arena_init(&a, &t.mem, 1024, 1 << 20);
	o = mock_options_new(&a);
	CHECK_RC(mock_options_query(o, slice_cstr(query), &a, NULL), OK);
	CHECK_RC(mock_new(&b->mock, b->server, o, NULL, NULL), OK);
	arena_free(&a);
	CHECK_RC(mock_listen(b->mock, &b->at, NULL, NULL), OK);
}

void hang_up(struct bench *b, enum conn_close how)
{
	if (b->conn != NULL)
		conn_close(b->conn, how);
	b->conn = NULL;
	sim_run(b->sim, NULL, NULL, SECOND / 10, STEPS_MAX);
}

void tear_down(struct bench *b)
{
	struct sim_mem_stats m;

	hang_up(b, CONN_NOW);
	mock_free(b->mock);
	sim_run(b->sim, NULL, NULL, SECOND, STEPS_MAX);
	CHECK_INT(sim_sockets(b->sim), 0);
	sim_mem_stats(b->server, &m);
	CHECK_INT(m.live, 0);
	loop_free(b->server);
	loop_free(b->client);
	sim_free(b->sim);
}

struct slice talk(struct bench *b, struct slice bytes, uint64_t us)
{
	b->n = 0;
	b->first_us = 0;
	b->ended = false;
	if (b->conn == NULL) {
		b->send = bytes;
		CHECK_RC(conn_connect(&b->conn, b->client, &b->at, NULL, LIT("mock"), &events,
				      b, NULL),
			 OK);
	} else {
		CHECK_RC(conn_write(b->conn, &bytes, 1), OK);
	}
	CHECK(sim_run(b->sim, NULL, NULL, us, STEPS_MAX) != SIM_STEPS);
	return slice_of(b->got, b->n);
}

struct slice chat(struct bench *b, const char *model, bool stream, const char *more)
{
	static char text[4096];
	char body[2048];
	int n = snprintf(body, sizeof(body),
			 "{\"model\":\"%s\",\"stream\":%s,%s\"messages\":[{\"role\":\"user\","
			 "\"content\":\"say \\\"hi\\\"\"}]}",
			 model, stream ? "true" : "false", more);
	int m = snprintf(text, sizeof(text),
			 "POST /any/v1/chat/completions HTTP/1.1\r\nHost: mock\r\n"
			 "Authorization: Bearer sk-secret-1234\r\n"
			 "Content-Length: %d\r\n\r\n%s",
			 n, body);

	return talk(b, slice_of(text, (size_t)m), 10 * SECOND);
}

struct slice get(struct bench *b, const char *method, const char *path, const char *body)
{
	static char text[4096];
	int m = snprintf(text, sizeof(text),
			 "%s %s HTTP/1.1\r\nHost: mock\r\nContent-Length: %zu\r\n\r\n%s",
			 method, path, strlen(body), body);

	return talk(b, slice_of(text, (size_t)m), 10 * SECOND);
}

bool has(struct slice s, const char *what)
{
	return slice_find(s, slice_cstr(what)) != SLICE_NONE;
}

size_t count(struct slice s, const char *what)
{
	struct slice w = slice_cstr(what);
	size_t n = 0, at;

	while ((at = slice_find(s, w)) != SLICE_NONE) {
		n++;
		s = slice_skip(s, at + w.n);
	}
	return n;
}

const struct mock_record *last(struct bench *b)
{
	CHECK(mock_record_n(b->mock) > 0);
	return mock_record(b->mock, mock_record_n(b->mock) - 1);
}

struct slice post(struct bench *b, const char *path, const char *headers, const char *body)
{
	static char text[16384];
	int m = snprintf(text, sizeof(text),
			 "POST %s HTTP/1.1\r\nHost: mock\r\n%sContent-Length: %zu\r\n\r\n%s",
			 path, headers, strlen(body), body);

	CHECK(m > 0 && (size_t)m < sizeof(text));
	return talk(b, slice_of(text, (size_t)m), 10 * SECOND);
}

void check_cases(struct bench *b, const char *path, const char *headers, const char *status,
		 const struct mock_case *rows, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		struct slice got = post(b, path, headers, rows[i].body);

		if (!has(slice_head(got, 20), status) || !has(got, rows[i].says)) {
			print_error("%s\n  %s: %.*s\n", rows[i].body, rows[i].says, SARG(got));
			CHECK(false);
		}
	}
}
