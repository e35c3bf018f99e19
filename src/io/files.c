#include "io/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

/* ---- memory ------------------------------------------------------------------- */

static void *system_get(struct mem *m UNUSED, size_t n)
{
	return malloc(n > 0 ? n : 1);
}

static void *system_resize(struct mem *m UNUSED, void *p, size_t old UNUSED, size_t n)
{
	return realloc(p, n > 0 ? n : 1);
}

static void system_put(struct mem *m UNUSED, void *p, size_t n UNUSED)
{
	free(p);
}

struct mem *system_mem(void)
{
	static const struct mem m = { system_get, system_resize, system_put };

	/* It has no state: the pointer is not const only because other kinds do. */
	return (struct mem *)(uintptr_t)&m;
}

void system_mem_keep(void)
{
	(void)mallopt(M_MMAP_THRESHOLD, 32 << 20);
	(void)mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

void system_mem_trim(void)
{
	malloc_trim(0);
}

/* ---- files -------------------------------------------------------------------- */

static enum rc read_all(struct slice *out, struct arena *a, int fd, size_t max, struct err *err)
{
	struct stat st;
	size_t cap, n = 0;
	char *p;

	if (fstat(fd, &st) < 0)
		return err_sys(err, "file.read", errno);
	if (S_ISDIR(st.st_mode))
		return err_sys(err, "file.read", EISDIR);
	if (S_ISREG(st.st_mode) && st.st_size > 0 && (uintmax_t)st.st_size > max)
		return err_set(err, E_TOOBIG, "file.read", "over %zu bytes", max);
	/* Pipes and /proc do not say their size: for those the limit is taken. One byte more
	 * than allowed tells that there is more. */
	cap = (S_ISREG(st.st_mode) && st.st_size > 0 ? (size_t)st.st_size : max) + 1;
	p = arena_bytes(a, cap);
	if (p == NULL)
		return err_nomem(err, "file.read");
	while (n < cap) {
		ssize_t got = read(fd, p + n, cap - n);

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return err_sys(err, "file.read", errno);
		if (got == 0)
			break;
		n += (size_t)got;
	}
	if (n > max)
		return err_set(err, E_TOOBIG, "file.read", "over %zu bytes", max);
	if (n == cap)
		return err_set(err, E_SYS, "file.read", "it grew while it was read");
	*out = slice_of(p, n);
	return OK;
}

enum rc file_read(struct slice *out, struct arena *a, struct slice path, size_t max,
		  struct err *err)
{
	char name[PATH_MAX];
	enum rc rc;
	int fd;

	INVARIANT(max < SIZE_MAX);
	if (path.n == 0 || path.n >= sizeof(name) || memchr(path.p, '\0', path.n) != NULL)
		return err_set(err, E_NOTFOUND, "file.open", "not a file name");
	memcpy(name, path.p, path.n);
	name[path.n] = '\0';
	do {
		fd = open(name, O_RDONLY | O_CLOEXEC);
	} while (fd < 0 && errno == EINTR);
	if (fd < 0) {
		int e = errno;

		if (err != NULL && err->rc == OK)
			err->sys = e;
		return err_set(err, e == ENOENT || e == ENOTDIR ? E_NOTFOUND : E_SYS,
			       "file.open", "%s", strerror(e));
	}
	rc = read_all(out, a, fd, max, err);
	close(fd);
	return rc;
}

/* ---- the log's sink ----------------------------------------------------------- */

enum { FLUSH_MS = 200 };

/* Two buffers: the loops copy lines into one while the thread writes the other out; they are
 * swapped under the mutex, which is never held for longer than a copy. */
struct log_sink {
	struct log log;
	int fd;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t more;
	size_t max;
	/* Under the lock: */
	char *in; /* grows up to `max`, and goes when all is quiet */
	size_t in_n, in_cap;
	uint64_t dropped;
	bool urgent, waits, stop;
	/* The thread's alone: */
	char *out;
	size_t out_n, out_cap;
};

static uint64_t wall_us(struct log *l UNUSED)
{
	struct timespec t;

	clock_gettime(CLOCK_REALTIME, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static bool make_room(struct log_sink *s, size_t n)
{
	size_t cap = s->in_cap > 0 ? s->in_cap : LOG_LINE_MAX;
	char *p;

	if (n > s->max - s->in_n)
		return false;
	if (n <= s->in_cap - s->in_n)
		return true;
	while (cap < s->in_n + n)
		cap *= 2;
	cap = size_min(cap, s->max);
	p = realloc(s->in, cap);
	if (p == NULL)
		return false;
	s->in = p;
	s->in_cap = cap;
	return true;
}

static bool add_line(struct log_sink *s, struct slice line)
{
	if (!make_room(s, line.n))
		return false;
	memcpy(s->in + s->in_n, line.p, line.n);
	s->in_n += line.n;
	return true;
}

/* Says how many lines are missing, where they are missing. */
static void add_dropped(struct log_sink *s)
{
	char text[256];
	struct sb line;

	sb_init(&line, text, sizeof(text) - 1);
	log_line(&line, s->log.format, wall_us(&s->log), LOG_WARN, "log.dropped",
		 &F_U64("lines", s->dropped), 1);
	text[line.n++] = '\n';
	if (add_line(s, sb_slice(&line)))
		s->dropped = 0;
}

static void sink_write(struct log *l, enum log_level level, struct slice line)
{
	struct log_sink *s = CONTAINER_OF(l, struct log_sink, log);
	bool urgent, wake;

	pthread_mutex_lock(&s->lock);
	if (s->dropped > 0)
		add_dropped(s);
	if (s->dropped > 0 || !add_line(s, line))
		s->dropped++;
	/* The thread sleeps for good while there is nothing, then for FLUSH_MS. */
	urgent = level >= LOG_WARN || s->in_n >= s->max / 2;
	wake = s->waits || (urgent && !s->urgent);
	s->waits = false;
	s->urgent = s->urgent || urgent;
	pthread_mutex_unlock(&s->lock);
	if (wake)
		pthread_cond_signal(&s->more);
}

static void write_out(struct log_sink *s)
{
	size_t at = 0;

	while (at < s->out_n) {
		ssize_t n = write(s->fd, s->out + at, s->out_n - at);

		if (n < 0 && errno == EAGAIN) {
			const struct timespec moment = { .tv_nsec = 10 * 1000 * 1000 };

			nanosleep(&moment, NULL); /* somebody made our terminal non-blocking */
			continue;
		}
		if (n < 0 && errno != EINTR)
			break; /* nowhere to complain */
		at += n > 0 ? (size_t)n : 0;
	}
	s->out_n = 0;
}

/* Waits until there is something worth writing. */
static void collect(struct log_sink *s)
{
	struct timespec until;

	while (s->in_n == 0 && s->dropped == 0 && !s->stop) {
		s->waits = true;
		pthread_cond_wait(&s->more, &s->lock);
	}
	s->waits = false;
	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_nsec += FLUSH_MS * 1000 * 1000;
	until.tv_sec += until.tv_nsec / 1000000000;
	until.tv_nsec %= 1000000000;
	while (!s->urgent && !s->stop)
		if (pthread_cond_timedwait(&s->more, &s->lock, &until) == ETIMEDOUT)
			break;
	s->urgent = false;
}

static void swap(struct log_sink *s)
{
	char *p = s->out;
	size_t cap = s->out_cap;

	if (s->dropped > 0)
		add_dropped(s);
	s->out = s->in;
	s->out_n = s->in_n;
	s->out_cap = s->in_cap;
	s->in = p;
	s->in_n = 0;
	s->in_cap = cap;
}

static void *sink_main(void *arg)
{
	struct log_sink *s = arg;
	/* At the end a full buffer may leave a count of dropped lines for a second round. */
	int rounds_left = 2;
	bool last = false;

	pthread_setname_np(pthread_self(), "log");
	while (!last) {
		pthread_mutex_lock(&s->lock);
		collect(s);
		swap(s);
		last = s->stop && (s->dropped == 0 || --rounds_left == 0);
		pthread_mutex_unlock(&s->lock);
		write_out(s);
		/* A burst's memory is not kept. */
		if (s->out_cap > 4 * LOG_LINE_MAX) {
			free(s->out);
			s->out = NULL;
			s->out_cap = 0;
		}
	}
	return NULL;
}

static int start_thread(struct log_sink *s)
{
	pthread_attr_t attr;
	sigset_t all, old;
	int e;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 128 << 10);
	/* Signals are the loops' business, and a broken pipe is an error like any other. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	e = pthread_create(&s->thread, &attr, sink_main, s);
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return e;
}

enum rc log_sink_new(struct log_sink **out, int fd, enum log_format format,
		     enum log_level level, size_t max_bytes, struct err *err)
{
	struct log_sink *s = calloc(1, sizeof(*s));
	pthread_condattr_t attr;
	int e;

	if (s == NULL)
		return err_nomem(err, "log.new");
	s->log = (struct log){ level, format, wall_us, sink_write };
	s->fd = fd;
	s->max = size_max(max_bytes, LOG_LINE_MAX);
	pthread_mutex_init(&s->lock, NULL);
	pthread_condattr_init(&attr);
	pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
	pthread_cond_init(&s->more, &attr);
	pthread_condattr_destroy(&attr);
	e = start_thread(s);
	if (e != 0) {
		pthread_cond_destroy(&s->more);
		pthread_mutex_destroy(&s->lock);
		free(s);
		return err_sys(err, "log.thread", e);
	}
	*out = s;
	return OK;
}

struct log *log_sink_log(struct log_sink *s)
{
	return &s->log;
}

void log_sink_free(struct log_sink *s)
{
	if (s == NULL)
		return;
	pthread_mutex_lock(&s->lock);
	s->stop = true;
	pthread_mutex_unlock(&s->lock);
	pthread_cond_signal(&s->more);
	pthread_join(s->thread, NULL);
	pthread_cond_destroy(&s->more);
	pthread_mutex_destroy(&s->lock);
	free(s->in);
	free(s->out);
	free(s);
}
