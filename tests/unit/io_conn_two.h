/* tests/unit/io_conn_two.h -- two ends of a connection in a simulated world, and what each was
 * told: for the tests of io/conn.c. */
#ifndef WEIR_TESTS_IO_CONN_TWO_H
#define WEIR_TESTS_IO_CONN_TWO_H

#include "cert.h"
#include "check.h"

#include "base/rng.h"
#include "io/conn.h"
#include "io/sim/sim.h"
#include "io/tls.h"

#define SECOND    1000000U
#define STEPS_MAX 1000000U

enum { TEXT_MAX = 4 << 20 };

/* One end of a stream, and what it was told. */
struct peer {
	struct conn *conn;
	struct loop *loop;
	char *got; /* TEXT_MAX */
	size_t n;
	unsigned opened, drained, ended, pieces;
	enum rc why;
	char id[40];
	bool echo;
	bool pause_after_piece;
	bool close_in_data;
	enum conn_close close_how;
	bool in_call; /* io was called: nothing may be told from inside */
};

struct two {
	struct sim *sim;
	struct address at;
	struct listener *listener;
	struct peer client, server;
	size_t accepted;
	struct tls_client *tls_client; /* NULL: plain */
	struct tls_server *tls_server;
};

/* What TLS tests share: the library is slow to set up. */
struct tls_pair {
	struct cert cert;
	struct tls_client *client;
	struct tls_server *server;
};

extern const struct conn_events peer_events;

/* Writes, and checks that nothing is told from inside. */
enum rc peer_say(struct peer *p, struct slice s);
void peer_close(struct peer *p, enum conn_close how);

/* Both ends, the client connecting; `tls` NULL: plain. */
void two_begin_tls(struct two *t, uint64_t seed, const struct sim_faults *f,
		   const struct tls_pair *tls);
void two_begin(struct two *t, uint64_t seed, const struct sim_faults *f);
/* And connected. */
void two_join(struct two *t, uint64_t seed, const struct sim_faults *f);
/* Lives until nothing happens any more; for some time. */
void two_settle(struct two *t);
void two_after(struct two *t, uint64_t us);
/* Nothing may be left. */
void two_end(struct two *t);

void small_windows(struct sim_faults *f);
char *letters(size_t n); /* malloc */

/* With the n-th allocation of either side failing nothing leaks, nothing is told twice, and
 * what arrives is a beginning of what was sent. */
void two_sweep_memory(const struct tls_pair *tls);
/* Both sides talk and close at random on a network with every fault there is. */
void two_chatter(uint64_t seed, const struct tls_pair *tls);

#endif
