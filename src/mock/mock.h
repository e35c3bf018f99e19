/* mock/mock.h -- a provider that misbehaves on demand: `weir mock`.
 *
 * Answers like a hosted provider, in the dialect that the path says, with the latencies,
 * lengths and faults it is told; refuses what the provider would refuse; and keeps a record of
 * what it received and of what it truly sent, so that a test can compare exactly.  Runs on
 * either backend of io.
 *
 * How it behaves is one table of options (mock/options.c).  They are set, each over the one
 * before: for all requests (mock_new(), the command line, POST /mock/options), for the next
 * requests (mock_script(), POST /mock/script), and for one request in its model name:
 * "mock?ttft=200ms&tokens=50&fail=stall", or in the last thing the user says:
 * "mock: tools=2 text=\"so it is\"".
 *
 * Everything random comes from the seed and the request's number, so that runs repeat.
 *
 * It writes its own HTTP on io/conn.h: net/server.h exists to make sure that broken HTTP
 * is never sent, and here that is the job.
 */
#ifndef WEIR_MOCK_MOCK_H
#define WEIR_MOCK_MOCK_H

#include "base/arena.h"
#include "base/log.h"
#include "io/conn.h"
#include "wire/http1.h"

struct mock;
struct mock_options;

/* ---- options -------------------------------------------------------------------- */

struct mock_option_row {
	const char *name; /* "ttft"; on the command line --ttft */
	const char *hint; /* "DURATION" */
	const char *help;
};
const struct mock_option_row *mock_option_rows(size_t *n);
/* The values of the option `fail`; without hints. */
const struct mock_option_row *mock_fail_rows(size_t *n);

/* Whom the option `as` knows, one after the other; NULL after the last. */
const char *mock_as_name(size_t i);

/* The defaults, in memory of `a`.  NULL on no memory.  What the options point to lies in the
 * arena they were set with, which must live as long as they are used (mock_new() copies). */
struct mock_options *mock_options_new(struct arena *a);

/* E_NOTFOUND: no such option (with a suggestion), E_BAD: not such a value, E_NOMEM. */
MUST_USE enum rc mock_option_set(struct mock_options *o, struct slice name, struct slice value,
				 struct arena *a, struct err *err);
/* "ttft=20ms&tokens=8&fail=stall"; %XX and + are decoded. */
MUST_USE enum rc mock_options_query(struct mock_options *o, struct slice query, struct arena *a,
				    struct err *err);

/* ---- the simulator --------------------------------------------------------------- */

/* `options` may be NULL; they are copied.  `log` may be NULL.  Returns owned: mock_free(). */
MUST_USE enum rc mock_new(struct mock **out, struct loop *l, const struct mock_options *options,
			  struct log *log, struct err *err);
/* `tls` NULL: plain; else it must outlive the mock. */
MUST_USE enum rc mock_listen(struct mock *m, const struct address *at, struct tls_server *tls,
			     struct err *err);
/* The address of the i-th listener (port 0 resolved). */
void mock_address(const struct mock *m, size_t i, struct address *out);
/* Closes every connection at once. */
void mock_free(struct mock *m);

/* Sets options for all requests from now on, over those that are set. */
MUST_USE enum rc mock_set(struct mock *m, struct slice query, struct err *err);
/* Behaviours for the next requests, used up in order: a JSON list whose elements are option
 * strings ("fail=stall") or objects ({"fail": "stall", "times": 3, "model": "gpt-x"}: `times`
 * requests, only those that ask for this model).  At most 10,000 are kept.
 * E_BAD, E_NOTFOUND, E_FULL, E_NOMEM: nothing was added. */
MUST_USE enum rc mock_script(struct mock *m, struct slice json, struct err *err);
void mock_script_clear(struct mock *m);
/* Requests of the script that are still to come. */
size_t mock_script_left(const struct mock *m);

/* ---- records ---------------------------------------------------------------------- */

enum mock_end {
	MOCK_OPEN,      /* still being answered */
	MOCK_COMPLETE,  /* a whole, healthy answer (of an error status too) was sent */
	MOCK_FAULT,     /* what was told: cut, reset, empty, an error inside a 200 ... */
	MOCK_CANCELLED, /* the peer went away before the end */
};

struct mock_record {
	uint64_t seq; /* the request's number, from 1 */
	struct http_head head;
	struct slice path, query;
	struct slice model; /* as asked for, options and all; empty: none */
	struct slice body;  /* exactly as received, chunking removed */
	bool stream;        /* asked for */
	bool body_complete;

	const char *fault; /* the `fail` that was applied; "" for none */
	unsigned status;   /* of the answer; 0: none was begun */
	uint64_t bytes;    /* given to the system, head included */
	unsigned events;   /* SSE events with data, whole ones; of a plain answer 0 */
	struct slice text; /* the answer's text, all of it */
	size_t text_sent;  /* how much of it went out (the first choice's) */
	/* What the answer says, or would have said. */
	uint64_t prompt_tokens, completion_tokens;
	bool usage_sent;   /* a usage object went out whole */
	bool content_sent; /* text or a tool call went out */
	bool finish_sent;  /* a finish_reason went out */
	enum mock_end end;

	/* Loop clock; 0: did not happen. */
	uint64_t began_us, received_us, first_byte_us, ended_us;
	uint64_t connection;    /* which connection, from 1 */
	unsigned on_connection; /* which request of that connection, from 1 */
};

/* Oldest first; records[0 .. mock_record_n() - 1].  Valid until the loop runs again.  The
 * oldest ones that have ended are dropped over the limits `records` and `record_bytes`. */
size_t mock_record_n(const struct mock *m);
const struct mock_record *mock_record(const struct mock *m, size_t i);
void mock_records_clear(struct mock *m); /* those that have ended */

struct mock_stats {
	uint64_t connections, requests; /* ever; requests without those to /mock/ */
	size_t open_connections, open_requests;
};
void mock_stats(const struct mock *m, struct mock_stats *out);

/* The answer's text for `tokens` words under `seed`, as requests get it by default. */
struct slice mock_text(struct arena *a, uint64_t seed, uint64_t tokens);

/* ---- the command -------------------------------------------------------------------- */

/* HTTP on every listener, besides the dialects' paths (under any prefix):
 *	GET    /mock/health          {"status":"ok", ...}
 *	GET    /mock/records[?since=SEQ]   a list; bodies in base64, no key
 *	DELETE /mock/records
 *	POST   /mock/script          see mock_script()
 *	DELETE /mock/script
 *	POST   /mock/options         an option string, see mock_set()
 *	GET    /mock/text?tokens=N   the default answer of that length
 *	GET    /mock/providers       whom the option `as` knows
 */

#endif
