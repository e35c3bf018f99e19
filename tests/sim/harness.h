/* tests/sim/harness.h -- weir-sim: a whole gateway, three providers and a few clients in one
 * simulated world per seed, and the rules X1-X9 checked after every run.
 *
 *   main.c      the command: which seeds, what is printed, the self-check
 *   watch.c     what passes between the gateway's own files
 *   run.c       one world: made, lived, taken down
 *   settings.c  the gateway's snapshot
 *   client.c    a client: what it asks, and how badly it behaves
 *   reader.c    HTTP responses, read strictly and independently of wire/
 *   rules.c     what must be true of what was seen
 */
#ifndef WEIR_TESTS_SIM_HARNESS_H
#define WEIR_TESTS_SIM_HARNESS_H

#include "base/buf.h"
#include "base/rng.h"
#include "gateway/gateway.h"
#include "io/sim/sim.h"
#include "io/tls.h"
#include "mock/mock.h"
#include "watch.h"

enum {
	PROVIDERS = 3,
	CLIENTS_MAX = 6,
	ASKS_MAX = 5,
	RECORDS_MAX = 256,
	RAW_MAX = 16 << 20,
	QUEUE_MARK = 16384,
	EVENT_MAX = 65536,
};

#define SECOND 1000000U

/* Faults of the harness itself, to prove that each rule can fail. */
#define SABOTAGE_TABLE(X)                                                                      \
	X(SABOTAGE_NONE, "none", "")                                                           \
	X(SABOTAGE_TAIL, "drop-tail", "X3")     /* a client loses an event of its stream */    \
	X(SABOTAGE_SPLICE, "splice", "X3")      /* an event of another answer is put in */     \
	X(SABOTAGE_WHOLE, "looks-whole", "X3")  /* cut streams get a [DONE] */                 \
	X(SABOTAGE_EARLY, "early-head", "X2")   /* a provider's content is denied */           \
	X(SABOTAGE_RUNS_ON, "runs-on", "X4")    /* cancelled upstreams say: complete */        \
	X(SABOTAGE_TWICE, "record-twice", "X5") /* a record is written twice */                \
	X(SABOTAGE_NEVER, "record-never", "X5") /* a record is lost */                         \
	X(SABOTAGE_USAGE, "show-usage", "X6")   /* the hidden usage is shown */                \
	X(SABOTAGE_QUEUE, "big-queue", "X7")    /* memory beyond all limits */                 \
	X(SABOTAGE_SECRET, "leak-secret", "X9") /* a key in a log line */                      \
	X(SABOTAGE_LEAK, "leak-memory", "leak") /* bytes that nobody frees */                  \
	X(SABOTAGE_FRAMING, "framing", "http")  /* one bit of a response is flipped */
#define SABOTAGE_ENUM(id, name, rule) id,
enum sabotage { SABOTAGE_TABLE(SABOTAGE_ENUM) SABOTAGES };
#undef SABOTAGE_ENUM

/* How a seed's world is: drawn first. */
struct profile {
	struct sim_faults clients, upstream; /* the two networks */
	bool calm;                           /* nothing goes wrong, so all must succeed */
	bool failover; /* one provider never gets as far as content: nobody may notice */
	bool prompt;   /* nothing is stalled: cancelling is quick */
	bool mischief; /* the providers misbehave */
	bool drains;   /* stops in the middle */
	bool reloads;
	bool tls_clients, tls_upstream;
	bool hedges;  /* slow attempts are hedged, and most are slow */
	bool bad_key; /* one provider has a second key, which is wrong */
	double poor;  /* chance that an allocation of the gateway fails */
};

/* ---- reading a response (reader.c) ------------------------------------------- */

enum reader_state {
	READER_HEAD,
	READER_LENGTH,
	READER_CHUNK_LINE,
	READER_CHUNK,
	READER_CHUNK_END,
	READER_TRAILER,
	READER_UNTIL_CLOSE,
	READER_DONE,
	READER_BAD,
};

static inline bool reader_has_head(enum reader_state s)
{
	return s > READER_HEAD && s < READER_BAD;
}

struct reader {
	enum reader_state state;
	char head[8192];
	size_t head_n;
	char line[32];
	size_t line_n;
	unsigned status;
	uint64_t left; /* of the body or chunk */
	bool chunked, close, no_body, sse;
	char id[40]; /* X-Request-Id */
	struct buf body;
	const char *bad; /* what was wrong */
};

void reader_init(struct reader *r, struct mem *mem, bool no_body);
void reader_free(struct reader *r);
/* How many bytes belonged to this response; it is over when the state is DONE or BAD. */
size_t reader_feed(struct reader *r, struct slice in);
/* The connection ended. */
void reader_eof(struct reader *r);

/* ---- clients (client.c) ------------------------------------------------------ */

enum ask_kind {
	ASK_CHAT, /* and completions, which are alike */
	ASK_EMBEDDING,
	ASK_MODELS,
	ASK_HEALTH,
	ASK_HEAD,
	ASK_WRONG_KEY,
	ASK_UNKNOWN_MODEL,
	ASK_BAD_JSON,
	ASK_BAD_HTTP,
	ASK_TOO_LARGE,
	ASK_NO_PATH,
	ASK_KINDS,
};

struct ask {
	enum ask_kind kind;
	char marker[48];
	bool stream, wants_usage;
	bool legacy;        /* completions */
	struct slice bytes; /* the request; malloc */
	/* what came of it */
	bool sent;     /* all of it */
	bool answered; /* completely, framing and all */
	bool begun;    /* some of the answer came */
	bool left;     /* we went away before it was answered */
	bool looked;   /* X2 was checked */
	uint64_t left_us;
	struct reader r;
};

struct run;

struct client {
	struct run *run;
	unsigned index;
	char key[64];
	struct ask asks[ASKS_MAX];
	size_t n;
	size_t to_send, at; /* the ask that is being sent, and how far */
	size_t to_answer;
	struct conn *conn;
	bool open;
	bool finished;
	unsigned dials;
	struct timer send_timer, read_timer, leave_timer;
	struct timer dial_timer;
	/* manners */
	size_t piece;      /* bytes per write; 0: all */
	uint64_t piece_us; /* between them, at most */
	bool pipelines;
	uint64_t read_pause_us; /* after each read, at most; 0: reads at once */
	double leaves;          /* per connection */
	bool aborts;            /* leaves by a reset */
	struct buf raw;         /* all bytes ever read */
};

void client_begin(struct client *c);
void client_free(struct client *c);

/* ---- one run (run.c) --------------------------------------------------------- */

struct record { /* an access record */
	char id[40];
	char end[24];
	char key[24];
	unsigned status, tries;
};

struct verdict {
	char rule[8]; /* "": all is well */
	char text[400];
	uint64_t turns, virtual_us;
	unsigned asks, complete, cut, refused, gone;
	size_t peak; /* bytes of the gateway's loop */
};

/* Made once: keys take their time. */
struct tls_set {
	struct tls_server *server; /* for every name there is */
	struct tls_client *client;
	const char *ca_file;
};

struct run {
	struct watch watch; /* first: the world's owner is found by it */
	const struct tls_set *tls;
	uint64_t seed;
	enum sabotage sabotage;
	struct rng rng; /* of the scenario; the network has its own */
	struct profile profile;
	struct sim *sim;
	uint64_t began_us;
	struct loop *gateway_loop, *mock_loop, *client_loop;
	struct mem *mem; /* of the harness */
	struct address gateway_at, mock_at[PROVIDERS];
	struct gateway *gateway;
	struct metrics_shared *metrics;
	struct snapshot *snapshot;
	struct mock *mock[PROVIDERS];
	char secret[PROVIDERS][64];
	struct client client[CLIENTS_MAX];
	unsigned clients;
	struct timer event_timer; /* reload, drain */
	bool draining, drained;
	struct log log;
	struct record record[RECORDS_MAX];
	size_t records;
	size_t begun, recorded; /* exchanges, as counted in the gateway */
	bool sabotaged;         /* the fault was done */
	struct verdict *verdict;
};

/* The first violation counts. */
void broken(struct run *r, const char *rule, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* A sabotage that has its occasion now; true once per run. */
bool sabotage(struct run *r, enum sabotage s);

void run_seed(uint64_t seed, enum sabotage sabotage, const struct tls_set *tls, size_t trace,
	      struct verdict *out);

/* ---- settings.c, rules.c ----------------------------------------------------- */

struct snapshot *settings_new(struct run *r, struct mem *mem);

/* X2: the first bytes of a 200 are here; `who` is for people. */
void rules_begun(struct run *r, struct ask *a, const char *who);
/* After the clients are done and everything has come to rest. */
void rules_check(struct run *r);

#endif
