/* io/sim/sim_impl.h -- the world from inside; only io/sim/ includes it. */
#ifndef WEIR_IO_SIM_SIM_IMPL_H
#define WEIR_IO_SIM_SIM_IMPL_H

#include "base/rng.h"
#include "io/loop_impl.h"
#include "io/sim/sim.h"

/* Something that will happen at a time, outside of any loop's turn. */
struct event;
typedef void event_fn(struct event *e);
struct event {
	uint64_t us;
	uint64_t order; /* among equals: first come, first served */
	event_fn *fn;
	size_t at; /* slot in the heap + 1; 0: not waiting */
};

/* Of what is made in memory and counted by its loop. */
struct sim_mem {
	struct mem mem;
	struct sim *sim;
	struct sim_mem_stats stats;
	uint64_t fail_at; /* of stats.calls */
	double fail_chance;
};

struct loop {
	struct loop_core core;
	struct sim *sim;
	const char *name;
	struct sim_mem mem;
	struct mem plain; /* never fails on purpose */
	uint64_t now_us;
	struct link link;     /* in sim.loops */
	struct link socks;    /* all of this loop */
	struct link ready;    /* those to be called */
	struct link dead;     /* closed in this turn */
	struct link resolves; /* all of this loop */
	struct link wakes;
	struct link signals;
	bool posted; /* a resolve, wake or signal waits to be called */
	bool stop;
	bool in_turn;
	bool owns_world; /* loop_new() */
};
LOOP_CORE_IS_FIRST;

struct place { /* faults of one address */
	struct link link;
	struct address at;
	struct sim_faults faults;
};

struct known_name {
	struct link link;
	char *host;
	size_t host_n;
	struct address *a;
	size_t n;
};

struct note {
	uint64_t us;
	const char *what; /* NULL: text */
	uint32_t wire;
	uint32_t side;
	uint64_t n;
	char text[96];
};

enum { NOTES = 4096 };

struct sim {
	struct rng rng;
	uint64_t seed;
	void *owner;
	uint64_t now_us;
	uint64_t turns;
	struct event **heap;
	size_t heap_n, heap_cap;
	uint64_t order;
	struct link loops;
	struct link listeners; /* struct sock.listening */
	struct link wires;
	struct link places;
	struct link names;
	struct sim_faults faults;
	size_t sockets;
	uint32_t ids;
	uint16_t port;  /* the next one given out */
	uint64_t notes; /* written so far */
	struct note *note;
};

/* Never NULL: ends the program. */
void *sim_get(size_t n);

/* Sets it to happen; moves it when it is set. */
void event_set(struct sim *s, struct event *e, uint64_t us);
void event_stop(struct sim *s, struct event *e);

/* Between, both included; for latencies. */
uint64_t sim_between(struct sim *s, uint64_t least, uint64_t most);

const struct sim_faults *sim_faults_of(const struct sim *s, const struct address *at);
void sim_trace_wire(struct sim *s, const char *what, uint32_t wire, unsigned side, uint64_t n);

/* sock.c: calls what is ready; frees what was closed; closes what is left. */
void socks_run(struct loop *l);
void socks_bury(struct loop *l);
void socks_close_all(struct loop *l);
void wires_free(struct sim *s);
/* resolve.c */
void resolves_run(struct loop *l);
void resolves_drop(struct loop *l);
/* loop.c */
bool loop_runnable(struct loop *l);
void loop_turn(struct loop *l);

bool address_same(const struct address *a, const struct address *b);

#endif
