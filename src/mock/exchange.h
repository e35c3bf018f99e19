/* mock/exchange.h -- one request at the simulator, from its first byte to its record.
 *
 *   peer.c     reads it off the connection and plays the steps of the answer
 *   answer.c   finds the options and the dialect, and asks it for a plan
 *   openai.c   a dialect: request -> question (ask.h); reply -> a plan: pieces, unframed
 *   ask.c      question -> reply: what is answered, the same for every dialect
 *   frame.c    pieces -> the frames of a stream
 *   shape.c    plan + faults -> steps: exact bytes, waits, cuts
 *   mock.c     the simulator itself: scripts, records, statistics
 *   control.c  /mock/...
 */
#ifndef WEIR_MOCK_EXCHANGE_H
#define WEIR_MOCK_EXCHANGE_H

#include "base/map.h"
#include "io/loop.h"
#include "mock/quirks.h"
#include "mock/say.h"
#include "wire/json.h"
#include "wire/json_scan.h"

/* ---- the plan: what is said, before it becomes bytes on a wire ----------------------- */

enum piece_kind {
	PIECE_OPEN,
	PIECE_BLOCK, /* around content: its begin, its end */
	PIECE_CONTENT,
	PIECE_FINISH,
	PIECE_USAGE,
	PIECE_DONE,
	PIECE_ERROR
};

/* One event's data (of a plain answer: the body). */
struct piece {
	enum piece_kind kind;
	const char *event; /* its name, where the framing has one; or NULL */
	struct slice data;
	size_t text_n; /* bytes of the answer's text in it */
	bool usage, content, finish;
};

/* How the pieces of a stream are told apart. */
enum framing {
	FRAMING_SSE,
	FRAMING_LINES, /* NDJSON */
	FRAMING_AWS,   /* application/vnd.amazon.eventstream */
	FRAMING_ARRAY, /* the elements of one JSON array */
};

struct plan {
	unsigned status;
	bool stream;
	enum framing framing;
	struct slice content_type;
	struct piece *pieces;
	size_t n, cap;
	/* The dialect's error event, for those in the middle. */
	struct piece error_event;
	struct slice headers; /* more lines for the head, each with its CRLF */
	struct slice retry_after, retry_after_ms;
	struct slice text;
	uint64_t prompt_tokens, completion_tokens;
	bool cacheable; /* the same question has the same answer */
};

/* ---- the steps: what happens on the wire ------------------------------------------------ */

enum step_kind {
	STEP_SEND,
	STEP_HOLD,  /* wait for wait_us, for ever when it is 0 */
	STEP_CLOSE, /* orderly, framing or not */
	STEP_RESET,
};
enum step_wait { WAIT_NONE, WAIT_FIRST, WAIT_GAP, WAIT_FIXED };

struct step {
	enum step_kind kind;
	enum step_wait wait; /* before it */
	uint64_t wait_us;    /* WAIT_FIXED */
	struct slice bytes;
	/* What is told once the bytes are out. */
	size_t text_n;
	unsigned events;
	bool usage, content, finish;
};

struct steps {
	struct step *p;
	size_t n, cap;
};

/* An answer kept for the next one who asks the same: the fast path. */
struct kept_answer {
	unsigned refs; /* exchanges that play it, and the cache */
	uint64_t hash;
	struct slice key;
	struct arena arena, work; /* the key; the answer */
	struct steps steps;
	struct slice text;
	unsigned status;
	uint64_t prompt_tokens, completion_tokens;
};

enum { KEPT_MAX = 64 };

struct peer;

struct exchange {
	struct link link; /* in mock.records, or alone */
	struct mock *mock;
	struct peer *peer; /* NULL once it is over */
	struct arena keep; /* lives as long as the record */
	struct arena work; /* until the answer is over */
	struct mock_record rec;
	struct buf body;
	const struct mock_options *o; /* in force for it */
	bool control;                 /* a request to /mock/: no record */
	bool scripted;
	bool faulty;  /* the answer is not a healthy one */
	bool steered; /* the last user text said what to do */
	bool http10;
	struct rng rng;
	struct json_doc *doc; /* the body as a tree, when the dialect needed it */
	struct kept_answer *kept;
	struct steps steps; /* its own, or the kept answer's */
	size_t at, off;     /* where the player is: step, byte of it */
	bool waited;        /* the wait before steps[at] is over */
	size_t held_bytes;  /* memory, once it is a record */
};

/* ---- a dialect --------------------------------------------------------------------------- */

struct mock_dialect {
	const char *name;
	/* Is this request its own, by its path under any prefix? */
	bool (*claims)(const struct exchange *x);
	/* The model asked for and whether a stream is; leaves both empty when the request does
	 * not say.  The body has passed json_scan(). */
	void (*peek)(struct exchange *x, const struct json_member *m, size_t n);
	/* Adds the text of the last user turn. */
	void (*last_user)(const struct json *root, struct say *o);
	/* Is who asks known?  The status to refuse with, or 0.  NULL: a bearer. */
	unsigned (*auth)(struct exchange *x, struct slice *why);
	/* The whole answer.  x->o is what holds.  Memory from x->work. */
	void (*answer)(struct exchange *x, const struct json_member *m, size_t n,
		       struct plan *plan);
	/* An error body. */
	void (*error)(struct say *o, const struct mock_options *opt, unsigned status,
		      struct slice message);
	/* What an error in the middle of a stream is: its data, and returns its event's name.
	 * NULL: the body of an error, without a name. */
	const char *(*error_event)(struct say *o, const struct mock_options *opt,
				   unsigned status);
	/* Errors are the only element of an array; may be NULL. */
	bool (*wraps_errors)(const struct exchange *x);
	/* Header lines that this provider adds; may be NULL. */
	void (*headers)(const struct exchange *x, const struct plan *plan, struct say *o);
};

extern const struct mock_dialect mock_openai, mock_responses, mock_anthropic, mock_gemini,
	mock_bedrock, mock_cohere, mock_ollama;

/* A part of the path, percent-decoded (a + stays one); in x->keep. */
struct slice exchange_decoded(struct exchange *x, struct slice part);
/* The body as a tree: read once, kept in x->doc.  NULL when it is none. */
const struct json *exchange_tree(struct exchange *x);

/* ---- plans (answer.c) ----------------------------------------------------------------------
 */

/* Copies `data` into the exchange.  Returns the piece, or NULL on no memory (sticky in
 * x->work). */
struct piece *plan_add(struct exchange *x, struct plan *plan, enum piece_kind kind,
		       struct slice data);
/* The plan becomes this error, plain; `message` may be empty (a default for the status). */
void plan_error(struct exchange *x, const struct mock_dialect *d, struct plan *plan,
		unsigned status, struct slice message);

/* The body and head are there: fills x->steps and the record's intentions. */
void answer_build(struct exchange *x);

/* frame.c */
void frame_begin(struct say *o, enum framing f, const struct mock_options *opt);
/* `first`: nothing came before it. */
void frame_put(struct say *o, enum framing f, const struct mock_options *opt,
	       const struct piece *p, bool first);
/* A frame that is none: bad JSON in it, or a CRC that is wrong. */
void frame_bad(struct say *o, enum framing f, const struct mock_options *opt,
	       const struct piece *p, bool first);
/* A sign of life, of a stream and of a body that is awaited. */
void frame_sign(struct say *o, enum framing f, const struct mock_options *opt);
void frame_end(struct say *o, enum framing f);

/* shape.c: the steps of a plan, faults and all. */
void shape(struct exchange *x, struct plan *plan);
/* A plain JSON answer, no faults: for /mock/. */
void shape_control(struct exchange *x, unsigned status, struct slice json);

/* control.c: answers a request to /mock/. */
void control_answer(struct exchange *x);

/* ---- the simulator (mock.c)
 * ------------------------------------------------------------------ */

struct script_item {
	struct link link;
	struct arena arena;
	struct slice changes; /* an option string, set over the global ones */
	struct slice model;   /* only for this one; empty: any */
	uint64_t times;
	enum mock_fail fail;
	bool slow_read;
};

struct mock_listener {
	struct link link;
	struct mock *mock;
	struct listener *listener;
	struct tls_server *tls;
};

struct mock {
	struct loop *loop;
	struct mem *mem;
	struct log *log;
	struct arena arena;
	struct mock_options *o;
	struct mock_options *control; /* the defaults: how /mock/ answers */
	uint64_t version;             /* of the options: kept answers of older ones are stale */
	struct link listeners;
	struct link peers; /* those to be buried too */
	struct link records;
	size_t record_n, record_bytes;
	struct link script;
	size_t script_left;
	struct mock_stats stats;
	struct kept_answer *kept[KEPT_MAX];
	struct say out;   /* for building one thing at a time */
	struct say frame; /* the same, for shape.c */
	/* mock_record()'s place, so that a walk over all is not quadratic. */
	size_t cursor_i;
	struct link *cursor;
};

enum script_stage { STAGE_ACCEPT, STAGE_HEAD, STAGE_BODY };
/* Takes the behaviour that is next in the script, if it belongs to this stage: true, and its
 * option string in `a`. */
bool script_take(struct mock *m, enum script_stage stage, struct slice model, struct arena *a,
		 struct slice *changes);

struct exchange *exchange_new(struct mock *m, struct peer *p);
/* Numbers it and puts it among the records, once its head is known. */
void exchange_enter(struct exchange *x);
/* It is over: becomes a record or goes. */
void exchange_end(struct exchange *x, enum mock_end end);
void exchange_free(struct exchange *x);

void kept_unref(struct mock *m, struct kept_answer *k);

/* peer.c */
void peer_accept(void *listener, struct conn *c);
void peer_free_all(struct mock *m);

#endif
