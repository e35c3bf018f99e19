/* io/uv/impl.h -- the loop of the libuv backend, for the files of this folder.
 *
 * libuv's loop goes: timers, prepare, wait and callbacks, check, close.  A turn of ours
 * begins with the first callback after the wait (that is when the clock is read, once) and
 * ends in `check`, or in `prepare` when only timers ran: there the work put off is done.
 * Interest in sockets is told to the kernel in `prepare`, just before the wait.
 */
#ifndef WEIR_IO_UV_IMPL_H
#define WEIR_IO_UV_IMPL_H

#include "io/loop_impl.h"

#include <uv.h>

enum { RANDOM_BYTES = 256 };

struct loop {
	struct loop_core core;
	uv_loop_t uv;
	uv_timer_t timer; /* one for all of ours */
	uv_prepare_t prepare;
	uv_check_t check;
	uint64_t now_us; /* of this turn */
	uint64_t lag_us;
	uint64_t armed_us; /* when `timer` fires; 0: not armed */
	bool in_turn;
	struct link dirty;    /* sockets whose interest changed in this turn */
	struct link resolves; /* look-ups under way, the cancelled ones too */
	unsigned char random[RANDOM_BYTES];
	size_t random_left; /* unused bytes at its end */
};

/* Every callback of libuv begins with it. */
void loop_turn_begin(struct loop *l);

static inline void loop_turn(struct loop *l)
{
	if (!l->in_turn)
		loop_turn_begin(l);
}

static inline struct loop *loop_of(const uv_handle_t *h)
{
	return CONTAINER_OF(h->loop, struct loop, uv);
}

/* Tells the kernel what is wanted now. */
void socks_flush(struct loop *l);
/* Closes and frees what is still open when the loop goes; no callback follows. */
void sock_discard(uv_handle_t *h);
void resolves_discard(struct loop *l);

enum rc err_uv(struct err *err, enum rc rc, const char *id, int uv_error);

#endif
