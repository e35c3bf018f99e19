/* tests/unit/net_peer.h -- a loop with a clock that tests drive by hand, and the other end of a
 * connection as plain text.  Works on either backend. */
#ifndef WEIR_TESTS_NET_PEER_H
#define WEIR_TESTS_NET_PEER_H

#include "check.h"

#include "io/conn.h"

enum { PEER_BYTES = 8 << 20, SECOND_US = 1000000, MS_US = 1000 };

struct clockwork {
	struct loop *l;
	struct timer timer;
	unsigned ticks;
};

void clockwork_begin(struct clockwork *w);
void clockwork_end(struct clockwork *w);
/* A millisecond passes.  Fails the test when it has been called too often. */
void tick(struct clockwork *w);
void pass(struct clockwork *w, uint64_t us);

struct peer {
	struct clockwork *w;
	struct conn *c;
	char *got; /* everything that came, zero-terminated */
	size_t n;
	bool opened, ended, drained;
	enum rc why;
};

void peer_connect(struct peer *p, struct clockwork *w, const struct address *to);
/* For one that a listener has accepted. */
void peer_take(struct peer *p, struct clockwork *w, struct conn *c);
void peer_close(struct peer *p, enum conn_close how);
void peer_say(struct peer *p, struct slice s);
/* Waits until what came ends with, or holds, this. */
void peer_await(struct peer *p, const char *what);
void peer_await_end(struct peer *p);
void peer_forget(struct peer *p);
/* How often `what` came. */
size_t peer_count(const struct peer *p, const char *what);

#define CHECK_GOT(p, what)     check_got((p), (what), true, __FILE__, __LINE__)
#define CHECK_NOT_GOT(p, what) check_got((p), (what), false, __FILE__, __LINE__)
void check_got(const struct peer *p, const char *what, bool want, const char *file, int line);

#endif
