/* bench/common.h -- the few things the programs of the bench share: a clock, sockets, epoll.
 *
 * They stand apart from src/ on purpose: what measures weir must not be made of it.
 */
#ifndef WEIR_BENCH_COMMON_H
#define WEIR_BENCH_COMMON_H

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { NS_PER_US = 1000, NS_PER_MS = 1000000, NS_PER_S = 1000000000 };

__attribute__((noreturn, format(printf, 1, 2))) static inline void die(const char *fmt, ...)
{
	va_list ap;

	fputs("bench: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	if (errno != 0)
		fprintf(stderr, ": %s", strerror(errno));
	fputc('\n', stderr);
	exit(1);
}

static inline uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
}

/* Zeroed, or the end. */
static inline void *need(size_t n, size_t each)
{
	void *p = calloc(n, each);

	if (p == NULL)
		die("out of memory");
	return p;
}

/* "127.0.0.1:8080" */
static inline struct sockaddr_in address(const char *text)
{
	struct sockaddr_in sa = { .sin_family = AF_INET };
	const char *colon = strrchr(text, ':');
	char host[64];

	if (colon == NULL || (size_t)(colon - text) >= sizeof(host))
		die("%s: not HOST:PORT", text);
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	sa.sin_port = htons((uint16_t)strtoul(colon + 1, NULL, 10));
	if (inet_pton(AF_INET, host, &sa.sin_addr) != 1)
		die("%s: not an IPv4 address", host);
	return sa;
}

static inline void raise_file_limit(void)
{
	struct rlimit r;

	if (getrlimit(RLIMIT_NOFILE, &r) == 0) {
		r.rlim_cur = r.rlim_max;
		setrlimit(RLIMIT_NOFILE, &r);
	}
}

static inline void no_delay(int fd)
{
	int one = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
}

static inline void watch(int ep, int op, int fd, uint32_t events, void *ptr)
{
	struct epoll_event ev = { .events = events, .data = { .ptr = ptr } };

	if (epoll_ctl(ep, op, fd, &ev) < 0)
		die("epoll_ctl");
}

/* Waits until `until_ns` (0: not at all, UINT64_MAX: for ever), to the microsecond. */
static inline int wait_events(int ep, struct epoll_event *ev, int max, uint64_t until_ns)
{
	struct timespec t, *tp = &t;
	uint64_t now = now_ns();
	uint64_t left = until_ns > now ? until_ns - now : 0;
	int n;

	t.tv_sec = (time_t)(left / NS_PER_S);
	t.tv_nsec = (long)(left % NS_PER_S);
	if (until_ns == UINT64_MAX)
		tp = NULL;
	n = epoll_pwait2(ep, ev, max, tp, NULL);
	if (n < 0 && errno != EINTR)
		die("epoll_pwait2");
	return n < 0 ? 0 : n;
}

#endif
