#include "gateway/errors.h"

#define ANSWER_ROW(id, status, type, code, doc) { status, type, code, doc },
static const struct answer_row rows[] = { ANSWER_TABLE(ANSWER_ROW) };

const struct answer_row *answer_row(enum answer id)
{
	INVARIANT((unsigned)id < ANSWERS);
	return &rows[id];
}

enum answer answer_of_fault(enum fault_kind kind)
{
	static const enum answer of[FAULT_KINDS] = {
		[FAULT_NONE] = A_NO_PROVIDER,
		[FAULT_CLIENT] = A_UPSTREAM_REFUSED,
		[FAULT_POLICY] = A_UPSTREAM_POLICY,
		[FAULT_MODEL] = A_UPSTREAM_REFUSED,
		[FAULT_CONTEXT] = A_UPSTREAM_REFUSED,
		[FAULT_AUTH] = A_UPSTREAM_AUTH,
		[FAULT_QUOTA] = A_UPSTREAM_QUOTA,
		[FAULT_RATE] = A_UPSTREAM_RATE,
		[FAULT_SERVER] = A_UPSTREAM_ERROR,
		[FAULT_OVERLOADED] = A_UPSTREAM_OVERLOADED,
		[FAULT_CONNECT] = A_UPSTREAM_UNREACHABLE,
		[FAULT_TLS] = A_UPSTREAM_UNREACHABLE,
		[FAULT_TIMEOUT] = A_UPSTREAM_TIMEOUT,
		[FAULT_RESET] = A_UPSTREAM_ERROR,
		[FAULT_GARBAGE] = A_UPSTREAM_BAD_RESPONSE,
		[FAULT_EMPTY] = A_UPSTREAM_BAD_RESPONSE,
		[FAULT_TRUNCATED] = A_UPSTREAM_TRUNCATED,
		[FAULT_LOCAL] = A_OVERLOADED,
		[FAULT_GONE] = A_OVERLOADED, /* told to nobody */
		[FAULT_LOST] = A_OVERLOADED, /* likewise */
	};

	INVARIANT((unsigned)kind < FAULT_KINDS);
	return of[kind];
}

enum fault_kind fault_of_rc(enum rc rc)
{
	switch (rc) {
	case E_CONNECT:
	case E_DNS:
		return FAULT_CONNECT;
	case E_FULL:
	case E_SYS:
	case E_NOMEM:
		return FAULT_LOCAL;
	case E_TLS:
		return FAULT_TLS;
	case E_TIMEOUT:
		return FAULT_TIMEOUT;
	case E_BAD:
	case E_TOOBIG:
		return FAULT_GARBAGE;
	case OK:
	case E_NOTFOUND:
	case E_REFUSED:
	case E_UNSUPPORTED:
	case E_CLOSED:
	case E_RESET:
	case E_CANCELLED:
	case RC_COUNT:
		break;
	}
	return FAULT_RESET;
}
