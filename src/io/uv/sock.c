/* Sockets that we open, read and write ourselves; libuv only says when they are ready.
 *
 * To change what a uv_poll_t watches costs two system calls, so it is done as seldom as
 * possible: at the end of a turn, once, and interest in reading is not taken back until
 * something arrives that nobody wants.  A connection that lives from request to request
 * costs none at all.
 */
#include "io/uv/impl.h"

#include "io/files.h"
#include "io/sock.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

_Static_assert(SOCK_READ == (int)UV_READABLE && SOCK_WRITE == (int)UV_WRITABLE,
	       "masks are handed over as they are");

enum { WRITE_SLICES = 64, FLAT_BYTES = 2048 };

struct sock {
	struct loop *loop;
	sock_fn *fn;
	void *ctx;
	struct link dirty; /* in loop->dirty while `mask` may have to change */
	uv_poll_t poll;
	int fd;
	uint8_t want; /* what the owner wants */
	uint8_t mask; /* what `poll` watches */
	bool shed;    /* bytes came that were not wanted: really stop reading */
};

static const struct sockaddr *address_sa(const struct address *a)
{
	return (const struct sockaddr *)(const void *)a->bytes;
}

/* ---- readiness ---------------------------------------------------------------- */

static void mark_dirty(struct sock *s)
{
	if (list_empty(&s->dirty))
		list_push_tail(&s->loop->dirty, &s->dirty);
}

static void on_ready(uv_poll_t *h, int status, int events)
{
	struct sock *s = CONTAINER_OF(h, struct sock, poll);
	unsigned ready;

	loop_turn(s->loop);
	if (status < 0) {
		/* The socket is broken and libuv has stopped watching it. Whatever the owner
		 * was waiting for, trying it brings the reason to light. */
		s->mask = 0;
		mark_dirty(s);
		ready = s->want;
	} else {
		ready = (unsigned)events & s->want;
		if ((unsigned)events & ~(unsigned)s->want) {
			s->shed = true;
			mark_dirty(s);
		}
	}
	if (ready != 0)
		s->fn(s->ctx, ready);
}

static void apply(struct sock *s)
{
	unsigned mask = s->want;

	if (!s->shed)
		mask |= s->mask & SOCK_READ;
	s->shed = false;
	if (mask == s->mask)
		return;
	s->mask = (uint8_t)mask;
	if (mask == 0)
		uv_poll_stop(&s->poll);
	else
		uv_poll_start(&s->poll, (int)mask, on_ready); /* fails for closed ones only */
}

void socks_flush(struct loop *l)
{
	struct link *at;

	while ((at = list_pop_head(&l->dirty)) != NULL)
		apply(CONTAINER_OF(at, struct sock, dirty));
}

void sock_want(struct sock *s, unsigned want)
{
	s->want = (uint8_t)want;
	if (want != s->mask)
		mark_dirty(s);
}

/* ---- opening and closing ------------------------------------------------------ */

static void sock_closed(uv_handle_t *h)
{
	mem_put(system_mem(), CONTAINER_OF(h, struct sock, poll), sizeof(struct sock));
}

/* Takes `fd`, also when it fails. */
static enum rc sock_new(struct sock **out, struct loop *l, int fd, sock_fn *fn, void *ctx,
			struct err *err)
{
	struct sock *s = mem_zero(system_mem(), sizeof(*s));
	int e;

	if (s == NULL) {
		close(fd);
		return err_nomem(err, "sock.new");
	}
	s->loop = l;
	s->fn = fn;
	s->ctx = ctx;
	s->fd = fd;
	list_init(&s->dirty);
	e = uv_poll_init(&l->uv, &s->poll, fd);
	if (e != 0) {
		close(fd);
		mem_put(system_mem(), s, sizeof(*s));
		return err_uv(err, E_SYS, "sock.new", e);
	}
	*out = s;
	return OK;
}

void sock_discard(uv_handle_t *h)
{
	sock_close(CONTAINER_OF(h, struct sock, poll), false);
}

void sock_close(struct sock *s, bool abort)
{
	const struct linger at_once = { .l_onoff = 1, .l_linger = 0 };

	list_del(&s->dirty);
	if (abort)
		(void)setsockopt(s->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	uv_close((uv_handle_t *)&s->poll, sock_closed);
	close(s->fd);
}

void sock_shutdown(struct sock *s)
{
	shutdown(s->fd, SHUT_WR);
}

static enum rc err_connect(struct err *err, const char *id, int sys)
{
	if (err != NULL && err->rc == OK)
		err->sys = sys;
	return err_set(err, E_CONNECT, id, "could not connect: %s", strerror(sys));
}

static int socket_for(const struct address *a)
{
	int family = address_sa(a)->sa_family;
	int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	/* Accepted sockets inherit it from the one that listens. */
	if (fd >= 0 && family != AF_UNIX)
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	return fd;
}

enum rc sock_connect(struct sock **out, struct loop *l, const struct address *to, sock_fn *fn,
		     void *ctx, struct err *err)
{
	int fd = socket_for(to);

	if (fd < 0)
		return err_sys(err, "connect.socket", errno);
	if (connect(fd, address_sa(to), to->len) < 0 && errno != EINPROGRESS &&
	    errno != EINTR) {
		enum rc rc = err_connect(err, "connect.failed", errno);

		close(fd);
		return rc;
	}
	return sock_new(out, l, fd, fn, ctx, err);
}

enum rc sock_connected(struct sock *s, struct err *err)
{
	struct address peer = { .len = sizeof(peer.bytes) };
	socklen_t n = sizeof(int);
	int e = 0;

	if (getsockopt(s->fd, SOL_SOCKET, SO_ERROR, &e, &n) < 0)
		e = errno;
	/* The error is told once; asked again, or too early, the missing peer tells. */
	if (e == 0 && getpeername(s->fd, (struct sockaddr *)(void *)peer.bytes, &peer.len) < 0)
		e = errno;
	return e == 0 ? OK : err_connect(err, "connect.failed", e);
}

/* A Unix socket stays in the file system when its process was killed. */
static bool remove_stale(int fd, const struct address *at)
{
	struct sockaddr_un un;
	bool stale;
	int probe;

	if (address_sa(at)->sa_family != AF_UNIX ||
	    at->len <= offsetof(struct sockaddr_un, sun_path))
		return false;
	memcpy(&un, at->bytes, sizeof(un));
	if (un.sun_path[0] == '\0' || memchr(un.sun_path, '\0', sizeof(un.sun_path)) == NULL)
		return false;
	probe = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (probe < 0)
		return false;
	stale = connect(probe, address_sa(at), at->len) < 0 && errno == ECONNREFUSED;
	close(probe);
	return stale && unlink(un.sun_path) == 0 && bind(fd, address_sa(at), at->len) == 0;
}

enum rc sock_listen(struct sock **out, struct loop *l, const struct address *at, int backlog,
		    sock_fn *fn, void *ctx, struct err *err)
{
	int fd = socket_for(at);
	int one = 1;
	int e;

	if (fd < 0)
		return err_sys(err, "listen.socket", errno);
	if (address_sa(at)->sa_family != AF_UNIX &&
	    (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	     setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one)) < 0))
		goto failed;
	if (bind(fd, address_sa(at), at->len) < 0) {
		e = errno;
		if (e != EADDRINUSE || !remove_stale(fd, at)) {
			errno = e;
			goto failed;
		}
	}
	if (listen(fd, backlog) < 0)
		goto failed;
	return sock_new(out, l, fd, fn, ctx, err);
failed:
	e = errno;
	close(fd);
	return err_sys(err, "listen.bind", e);
}

enum rc sock_accept(struct sock *listener, struct sock **out, sock_fn *fn, void *ctx)
{
	int fd;

	do {
		fd = accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	} while (fd < 0 && errno == EINTR);
	if (fd >= 0)
		return sock_new(out, listener->loop, fd, fn, ctx, NULL);
	switch (errno) {
	case EAGAIN:
		return E_NOTFOUND;
	case EMFILE:
	case ENFILE:
	case ENOBUFS:
	case ENOMEM:
		return E_FULL;
	default:
		return E_RESET; /* it broke while it waited */
	}
}

/* ---- bytes -------------------------------------------------------------------- */

static ptrdiff_t no_bytes(enum rc *rc)
{
	*rc = errno == EAGAIN || errno == EINTR ? E_FULL : E_RESET;
	return -1;
}

ptrdiff_t sock_read(struct sock *s, char *p, size_t n, enum rc *rc)
{
	ssize_t got = recv(s->fd, p, n, 0);

	return got >= 0 ? got : no_bytes(rc);
}

static ptrdiff_t send_gathered(struct sock *s, const struct slice *v, size_t n, enum rc *rc)
{
	struct iovec iov[WRITE_SLICES];
	struct msghdr m = { .msg_iov = iov };
	ssize_t sent;

	for (; m.msg_iovlen < n && m.msg_iovlen < WRITE_SLICES; v++)
		iov[m.msg_iovlen++] =
			(struct iovec){ .iov_base = (void *)(uintptr_t)v->p, .iov_len = v->n };
	sent = sendmsg(s->fd, &m, MSG_NOSIGNAL);
	return sent >= 0 ? sent : no_bytes(rc);
}

ptrdiff_t sock_write(struct sock *s, const struct slice *v, size_t n, enum rc *rc)
{
	char flat[FLAT_BYTES];
	size_t at = 0;
	ssize_t sent;

	if (n == 1) {
		sent = send(s->fd, v->p, v->n, MSG_NOSIGNAL);
		return sent >= 0 ? sent : no_bytes(rc);
	}
	/* A chunk's line, an event and its CRLF: joining so few bytes here costs less than
	 * having the kernel gather them. */
	for (size_t i = 0; i < n; i++) {
		if (v[i].n > sizeof(flat) - at)
			return send_gathered(s, v, n, rc);
		if (v[i].n > 0)
			memcpy(flat + at, v[i].p, v[i].n);
		at += v[i].n;
	}
	sent = send(s->fd, flat, at, MSG_NOSIGNAL);
	return sent >= 0 ? sent : no_bytes(rc);
}

/* ---- addresses ---------------------------------------------------------------- */

void sock_local(struct sock *s, struct address *out)
{
	socklen_t n = sizeof(out->bytes);

	*out = (struct address){ 0 };
	if (getsockname(s->fd, (struct sockaddr *)(void *)out->bytes, &n) == 0)
		out->len = n;
}

void sock_remote(struct sock *s, struct address *out)
{
	socklen_t n = sizeof(out->bytes);

	*out = (struct address){ 0 };
	if (getpeername(s->fd, (struct sockaddr *)(void *)out->bytes, &n) == 0)
		out->len = n;
}
