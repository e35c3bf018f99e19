/* io/sim/sim.h -- a world of its own: a virtual clock, a network that misbehaves as it is told,
 * and any number of loops ("hosts") that live in it, all in one thread.
 *
 * Everything that happens by chance is drawn from one seed, so a run can be had again.  Time
 * stands still while code runs and jumps to the next thing that will happen, so that an hour of
 * timeouts costs nothing.  Connections are pipes in memory with a window, a latency, and the
 * faults of the address they were made to.
 *
 * Not simulated: a network's routing, packets, UDP, Unix paths.  For tests only: running out of
 * memory for the world itself ends the program.
 */
#ifndef WEIR_IO_SIM_SIM_H
#define WEIR_IO_SIM_SIM_H

#include "io/sock.h"

struct sim;

/* Chances are 0 .. 1.  What is per connection is drawn when it is made, and falls on a byte of
 * either direction between the first and `cut_bytes` (small numbers as likely as large). */
struct sim_faults {
	double connect_refused, connect_hang; /* per connection */
	double accept_full;                   /* per accept: E_FULL, as without descriptors */
	double accept_lost;                   /* per accept: that connection broke meanwhile */
	double reset;                         /* per connection: both sides see a reset */
	double end;   /* per connection: both sides see an orderly end */
	double stall; /* per connection: then no byte arrives for about stall_us */
	double slow;  /* per connection: slow_rate bytes per second arrive */
	double short_read, short_write; /* per call: 1 byte and more, but not all */
	double dns_fail, dns_slow; /* per look-up; of sim_faults() only; slow: about stall_us */
	size_t cut_bytes;
	uint64_t stall_us;
	size_t slow_rate;
	uint64_t latency_min_us, latency_max_us; /* one way, per piece */
	size_t window_min, window_max;           /* bytes on the way or unread, per direction */
};

/* A kind network: no faults, 50 us to 1 ms, windows of 64 KiB. */
extern const struct sim_faults sim_kind;

/* Returns owned: sim_free() after the loops. */
struct sim *sim_new(uint64_t seed);
void sim_free(struct sim *s);

/* A loop in this world; loop_free() as any.  (loop_new() makes a world of seed 1 for its one
 * loop.)  `name` is for the trace: a literal. */
struct loop *sim_loop(struct sim *s, const char *name);

/* For connections made from now on: to addresses without faults of their own, and to one. */
void sim_faults(struct sim *s, const struct sim_faults *f);
void sim_faults_at(struct sim *s, const struct address *at, const struct sim_faults *f);

/* `host` will be known under these addresses.  Copied. */
void sim_name(struct sim *s, struct slice host, const struct address *a, size_t n);
/* 10.0.0.`host`:`port` */
struct address sim_address(unsigned host, uint16_t port);

/* What the harness hangs on its world, found again from any of its loops. */
void sim_own(struct sim *s, void *owner);
void *sim_owner(const struct loop *l);

enum sim_stop {
	SIM_DONE,  /* done(ctx) said so */
	SIM_QUIET, /* nothing will ever happen any more */
	SIM_LATE,  /* the time is over */
	SIM_STEPS, /* too many turns: something spins */
};
const char *sim_stop_name(enum sim_stop s);

/* Lets it live until `done` (asked after every turn; may be NULL), or until `us` of virtual
 * time have passed, or for `steps` turns. */
enum sim_stop sim_run(struct sim *s, bool (*done)(void *ctx), void *ctx, uint64_t us,
		      uint64_t steps);

uint64_t sim_now_us(const struct sim *s);
uint64_t sim_turns(const struct sim *s);
/* For decisions of scripted peers: the same stream of chance as the network's. */
struct rng;
struct rng *sim_rng(struct sim *s);

/* ---- what must be nothing in the end ----------------------------------------- */

size_t sim_sockets(const struct sim *s); /* open, listening ones included */

struct sim_mem_stats {
	size_t live, peak; /* bytes */
	uint64_t calls;    /* allocations asked for so far */
	uint64_t failed;   /* those refused */
};
void sim_mem_stats(const struct loop *l, struct sim_mem_stats *out);
/* Fails allocation number `at` from now (1 is the next), that one only; 0: none.  And each one
 * with a chance. */
void sim_mem_fail(struct loop *l, uint64_t at, double chance);

/* Sends the loop a signal, as the system would. */
void sim_signal(struct loop *l, int signum);

/* ---- the trace --------------------------------------------------------------- */

/* The last few thousand events are kept.  sim_note() adds one of the harness's own, cut to 95
 * bytes. */
void sim_note(struct sim *s, const char *fmt, ...) PRINTF_LIKE(2, 3);
void sim_trace(const struct sim *s, FILE *to, size_t last);

#endif
