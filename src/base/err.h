/* base/err.h -- how things fail: one enum for the program, one record for people.
 *
 * A function that can fail returns enum rc (MUST_USE).  Where a person will want to know
 * more it also takes a struct err *, which may be NULL.  The record keeps a stable dotted
 * id ("tls.handshake") that ends up in logs and in API errors, and one sentence.  The first
 * error wins: a record that is already filled is left alone.
 */
#ifndef WEIR_BASE_ERR_H
#define WEIR_BASE_ERR_H

#include "base/slice.h"

/* name, what it means */
#define RC_TABLE(X)                                                                            \
	X(OK, "ok")                                                                            \
	X(E_NOMEM, "out of memory")                                                            \
	X(E_TOOBIG, "over a limit of size")                                                    \
	X(E_BAD, "malformed")                                                                  \
	X(E_NOTFOUND, "not found")                                                             \
	X(E_REFUSED, "not allowed")                                                            \
	X(E_UNSUPPORTED, "not supported")                                                      \
	X(E_FULL, "a queue or pool is full")                                                   \
	X(E_CLOSED, "the peer closed the connection")                                          \
	X(E_RESET, "the connection broke")                                                     \
	X(E_CONNECT, "could not connect")                                                      \
	X(E_DNS, "the name could not be resolved")                                             \
	X(E_TLS, "TLS failed")                                                                 \
	X(E_TIMEOUT, "took too long")                                                          \
	X(E_CANCELLED, "cancelled by us")                                                      \
	X(E_SYS, "the system refused")

#define RC_ENUM(name, text) name,
enum rc { RC_TABLE(RC_ENUM) RC_COUNT };
#undef RC_ENUM

const char *rc_name(enum rc rc); /* "E_TLS" */
const char *rc_text(enum rc rc); /* "TLS failed" */

struct err {
	enum rc rc;     /* OK while empty */
	const char *id; /* static string: "area.thing" */
	int sys;        /* errno, or 0 */
	char text[224]; /* one sentence, zero-terminated, no secret */
};

/* Each returns `rc` (or the rc it stands for), so `return err_set(...)` reads well. */
enum rc err_set(struct err *e, enum rc rc, const char *id, const char *fmt, ...)
	PRINTF_LIKE(4, 5);
enum rc err_sys(struct err *e, const char *id, int sys);
enum rc err_nomem(struct err *e, const char *id);

static inline void err_clear(struct err *e)
{
	e->rc = OK;
	e->id = NULL;
	e->sys = 0;
	e->text[0] = '\0';
}

#endif
