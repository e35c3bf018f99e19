#include "check.h"

#include "io/files.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static void write_file(const char *path, struct slice s)
{
	FILE *f = fopen(path, "w");

	CHECK(f != NULL);
	CHECK(fwrite(s.p, 1, s.n, f) == s.n);
	CHECK(fclose(f) == 0);
}

static void a_file_is_read_whole_or_refused(void **state UNUSED)
{
	char path[] = "/tmp/weir-files-XXXXXX";
	struct err err = { 0 };
	struct test_mem mem;
	struct slice s;
	struct arena a;
	int fd = mkstemp(path);

	CHECK(fd >= 0);
	close(fd);
	test_mem_init(&mem, 0);
	arena_init(&a, &mem.mem, 256, 1 << 20);

	write_file(path, LIT("hello\n"));
	CHECK_RC(file_read(&s, &a, slice_cstr(path), 6, &err), OK);
	CHECK_SLICE(s, "hello\n");
	CHECK_RC(file_read(&s, &a, slice_cstr(path), 5, &err), E_TOOBIG);
	CHECK_STR(err.id, "file.read");

	write_file(path, LIT(""));
	err_clear(&err);
	CHECK_RC(file_read(&s, &a, slice_cstr(path), 100, &err), OK);
	CHECK_INT(s.n, 0);
	unlink(path);

	CHECK_RC(file_read(&s, &a, slice_cstr(path), 100, &err), E_NOTFOUND);
	CHECK_STR(err.id, "file.open");
	err_clear(&err);
	CHECK_RC(file_read(&s, &a, LIT("/tmp/a\0b"), 100, &err), E_NOTFOUND);
	err_clear(&err);
	CHECK_RC(file_read(&s, &a, LIT(""), 100, &err), E_NOTFOUND);
	err_clear(&err);
	CHECK_RC(file_read(&s, &a, LIT("/tmp"), 100, &err), E_SYS);
	err_clear(&err);
	/* Says that its size is 0. */
	CHECK_RC(file_read(&s, &a, LIT("/proc/self/cmdline"), 4096, &err), OK);
	CHECK(s.n > 0);
	CHECK_RC(file_read(&s, &a, LIT("/dev/zero"), 4096, &err), E_TOOBIG);
	arena_free(&a);
	CHECK_INT(mem.live, 0);
}

static void no_memory_for_a_file_is_told(void **state UNUSED)
{
	struct err err = { 0 };
	struct test_mem mem;
	struct slice s;
	struct arena a;

	test_mem_init(&mem, 1);
	arena_init(&a, &mem.mem, 256, 1 << 20);
	CHECK_RC(file_read(&s, &a, LIT("/proc/self/cmdline"), 4096, &err), E_NOMEM);
	arena_free(&a);
}

/* ---- the log's sink ----------------------------------------------------------- */

static void pause_ms(long ms)
{
	const struct timespec t = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };

	nanosleep(&t, NULL);
}

/* What can be read within `ms`. */
static size_t drain(int fd, char *p, size_t n, long ms)
{
	size_t at = 0;

	for (long waited = 0; waited <= ms && at < n; waited += 5) {
		ssize_t got = read(fd, p + at, n - at);

		if (got == 0)
			break;
		at += got > 0 ? (size_t)got : 0;
		if (got < 0)
			pause_ms(5);
	}
	return at;
}

static void open_pipe(int fds[2])
{
	CHECK(pipe(fds) == 0);
	CHECK(fcntl(fds[0], F_SETFL, O_NONBLOCK) == 0);
}

static void a_warning_is_written_at_once_with_what_came_before(void **state UNUSED)
{
	struct log_sink *s;
	struct err err = { 0 };
	char text[1024];
	int fds[2];
	size_t n;

	open_pipe(fds);
	CHECK_RC(log_sink_new(&s, fds[1], LOG_LOGFMT, LOG_INFO, 1 << 16, &err), OK);
	log_event(log_sink_log(s), LOG_DEBUG, "not.wanted", F_U64("n", 0));
	log_event(log_sink_log(s), LOG_INFO, "first", F_U64("n", 1));
	CHECK_INT(drain(fds[0], text, sizeof(text), 50), 0); /* collected, not written */
	log_event(log_sink_log(s), LOG_WARN, "second", F_U64("n", 2));
	n = drain(fds[0], text, sizeof(text), 100);
	CHECK(slice_find(slice_of(text, n), LIT("event=first n=1\n")) != SLICE_NONE);
	CHECK(slice_find(slice_of(text, n), LIT("event=second n=2\n")) != SLICE_NONE);
	CHECK(slice_find(slice_of(text, n), LIT("not.wanted")) == SLICE_NONE);
	log_event(log_sink_log(s), LOG_INFO, "third", F_U64("n", 3));
	n = drain(fds[0], text, sizeof(text), 400); /* on its own within 200 ms */
	CHECK(slice_find(slice_of(text, n), LIT("event=third n=3\n")) != SLICE_NONE);
	log_event(log_sink_log(s), LOG_INFO, "last", F_U64("n", 4));
	log_sink_free(s);
	n = drain(fds[0], text, sizeof(text), 0);
	CHECK(slice_find(slice_of(text, n), LIT("event=last n=4\n")) != SLICE_NONE);
	close(fds[0]);
	close(fds[1]);
}

static size_t count(struct slice in, struct slice what)
{
	size_t n = 0;

	for (;;) {
		size_t at = slice_find(in, what);

		if (at == SLICE_NONE)
			return n;
		n++;
		in = slice_skip(in, at + what.n);
	}
}

/* A reader that does not read: nobody waits for it, and what is missing is counted. */
static void a_stuck_reader_costs_lines_and_never_time(void **state UNUSED)
{
	enum { LINES = 20000, MAX = 1 << 16, ROOM = 4 << 20 };
	struct err err = { 0 };
	struct log_sink *s;
	char *text = malloc(ROOM);
	struct slice all, after;
	uint64_t dropped = 0, kept;
	size_t n = 0;
	int fds[2];

	open_pipe(fds);
	CHECK_RC(log_sink_new(&s, fds[1], LOG_LOGFMT, LOG_INFO, MAX, &err), OK);
	for (uint64_t i = 0; i < LINES; i++)
		log_event(log_sink_log(s), LOG_WARN, "line", F_U64("n", i));
	/* Now it reads: room again, so the next line tells what is missing. */
	while (count(slice_of(text, n), LIT("event=log.dropped")) == 0) {
		size_t got = drain(fds[0], text + n, ROOM - n, 20);

		n += got;
		log_event(log_sink_log(s), LOG_WARN, "more", F_U64("n", 0));
		CHECK(n < ROOM);
	}
	log_sink_free(s);
	n += drain(fds[0], text + n, ROOM - n, 0);
	all = slice_of(text, n);
	kept = count(all, LIT("event=line"));
	for (after = all;;) {
		size_t at = slice_find(after, LIT("event=log.dropped lines="));
		struct slice number;
		uint64_t u = 0;

		if (at == SLICE_NONE)
			break;
		after = slice_skip(after, at + strlen("event=log.dropped lines="));
		CHECK(slice_cut(after, '\n', &number, NULL) && slice_u64(number, &u));
		dropped += u;
	}
	CHECK(kept > 0 && kept < LINES);
	CHECK(dropped >= LINES - kept); /* some of "more" may be among them */
	CHECK(all.p[n - 1] == '\n');
	close(fds[0]);
	close(fds[1]);
	free(text);
}

static void a_broken_pipe_is_survived(void **state UNUSED)
{
	struct err err = { 0 };
	struct log_sink *s;
	int fds[2];

	open_pipe(fds);
	CHECK_RC(log_sink_new(&s, fds[1], LOG_JSON, LOG_INFO, 1 << 16, &err), OK);
	close(fds[0]);
	for (int i = 0; i < 10; i++) {
		log_event(log_sink_log(s), LOG_ERROR, "line", F_I64("n", i));
		pause_ms(2);
	}
	log_sink_free(s);
	close(fds[1]);
}

struct writer {
	pthread_t thread;
	struct log *log;
	uint64_t id;
};

static void *write_many(void *arg)
{
	struct writer *w = arg;

	for (uint64_t i = 0; i < 2000; i++)
		log_event(w->log, i % 100 == 0 ? LOG_WARN : LOG_INFO, "line",
			  F_U64("thread", w->id), F_U64("n", i));
	return NULL;
}

static void threads_share_a_sink_and_no_line_is_torn(void **state UNUSED)
{
	enum { THREADS = 4, ROOM = 1 << 20 };
	char path[] = "/tmp/weir-files-XXXXXX";
	struct writer w[THREADS];
	struct err err = { 0 };
	struct test_mem mem;
	struct log_sink *s;
	struct slice all, line;
	struct arena a;
	size_t lines = 0;
	int fd = mkstemp(path);

	CHECK(fd >= 0);
	CHECK_RC(log_sink_new(&s, fd, LOG_LOGFMT, LOG_INFO, 4 << 20, &err), OK);
	for (uint64_t i = 0; i < THREADS; i++) {
		w[i].log = log_sink_log(s);
		w[i].id = i;
		CHECK(pthread_create(&w[i].thread, NULL, write_many, &w[i]) == 0);
	}
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(w[i].thread, NULL);
	log_sink_free(s);
	test_mem_init(&mem, 0);
	arena_init(&a, &mem.mem, 256, 2 * ROOM);
	CHECK_RC(file_read(&all, &a, slice_cstr(path), ROOM, &err), OK);
	while (slice_cut(all, '\n', &line, &all)) {
		CHECK(slice_starts(line, LIT("time=")));
		CHECK_INT(count(line, LIT("event=line thread=")), 1);
		lines++;
	}
	CHECK_INT(lines, THREADS * 2000);
	arena_free(&a);
	close(fd);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_file_is_read_whole_or_refused),
		cmocka_unit_test(no_memory_for_a_file_is_told),
		cmocka_unit_test(a_warning_is_written_at_once_with_what_came_before),
		cmocka_unit_test(a_stuck_reader_costs_lines_and_never_time),
		cmocka_unit_test(a_broken_pipe_is_survived),
		cmocka_unit_test(threads_share_a_sink_and_no_line_is_torn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
