/* A simulator in a kind network, and one client's connection to it: what the tests of mock/
 * share. */
#ifndef WEIR_TESTS_MOCK_PEER_H
#define WEIR_TESTS_MOCK_PEER_H

#include "check.h"

#include "io/sim/sim.h"
#include "mock/mock.h"

#define SECOND    1000000ULL
#define STEPS_MAX 1000000U

struct bench {
	struct sim *sim;
	struct loop *server, *client;
	struct mock *mock;
	struct address at;
	struct conn *conn;
	char got[1 << 18];
	size_t n;
	bool open, ended;
	enum rc why;
	uint64_t first_us, last_us; /* when bytes came */
	struct slice send;
};

/* `query`: options, as in a model's name. */
void set_up(struct bench *b, const char *query);
void tear_down(struct bench *b);
void hang_up(struct bench *b, enum conn_close how);
/* Sends bytes on the connection (a new one where there is none) and listens for a while. */
struct slice talk(struct bench *b, struct slice bytes, uint64_t us);
/* Chat completions; `more` are members, each with a comma after it. */
struct slice chat(struct bench *b, const char *model, bool stream, const char *more);
struct slice get(struct bench *b, const char *method, const char *path, const char *body);
/* POST; `headers`: lines with their CRLF. */
struct slice post(struct bench *b, const char *path, const char *headers, const char *body);
bool has(struct slice s, const char *what);
size_t count(struct slice s, const char *what);
const struct mock_record *last(struct bench *b);

/* Requests, and what their answers begin with and hold: those that are refused, mostly. */
struct mock_case {
	const char *body;
	const char *says;
};
void check_cases(struct bench *b, const char *path, const char *headers, const char *status,
		 const struct mock_case *rows, size_t n);

#endif
