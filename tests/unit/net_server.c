/* The HTTP server, against clients made of plain text.  Runs on both backends. */
#include "net_peer.h"

#include "base/sb.h"
#include "net/server.h"
#include "net/server_impl.h"

#define LIMIT_US (50 * (uint64_t)MS_US)

enum how { AT_ONCE, LATER, HEADERS };

struct app {
	struct clockwork w;
	struct http_server *s;
	struct address at;
	struct http_handler handler;
	enum how how;
	size_t body_max;
	struct http_request *r; /* in hand */
	unsigned requests, gone, drained;
	enum rc gone_why;
	unsigned refused;
	char refused_id[64];
	char refused_path[64];
	bool all_gone; /* drain is done */
};

static size_t body_max(void *ctx, const struct http_request *r)
{
	CHECK(request_head(r)->method.n > 0);
	return ((struct app *)ctx)->body_max;
}

/* "METHOD path?query [body]" */
static void echo(struct http_request *r)
{
	const struct header h[] = {
		{ LIT("Content-Type"), LIT("text/plain") },
		{ LIT("X-Split"), LIT("a\r\nX-Evil: b") },
		{ LIT("Content-Length"), LIT("77") },
	};
	struct slice body = arena_fmt(request_arena(r), "%.*s %.*s?%.*s [%.*s]",
				      SARG(request_head(r)->method), SARG(request_path(r)),
				      SARG(request_query(r)), SARG(request_body(r)));

	reply_send(r, 200, h, ARRAY_LEN(h), body);
}

static void on_request(void *ctx, struct http_request *r, void **of_request)
{
	struct app *a = ctx;

	CHECK(a->r == NULL);
	a->requests++;
	*of_request = a;
	if (a->how == AT_ONCE) {
		echo(r);
		return;
	}
	a->r = r;
}

static void on_drained(void *ctx, void *of_request)
{
	struct app *a = ctx;

	CHECK(of_request == a && a->r != NULL);
	a->drained++;
}

static void on_gone(void *ctx, void *of_request, enum rc why)
{
	struct app *a = ctx;

	CHECK(of_request == a && a->r != NULL);
	a->gone++;
	a->gone_why = why;
	a->r = NULL;
}

static struct slice refuse(void *ctx, struct arena *arena, struct slice path, unsigned status,
			   const char *id, struct slice *type)
{
	struct app *a = ctx;

	a->refused++;
	snprintf(a->refused_id, sizeof(a->refused_id), "%s", id);
	snprintf(a->refused_path, sizeof(a->refused_path), "%.*s", SARG(path));
	*type = LIT("text/x-error");
	return arena_fmt(arena, "<%u %s>", status, id);
}

static void begin_with(struct app *a, struct http_server_limits limits)
{
	struct err err = { 0 };

	*a = (struct app){ .body_max = 1 << 20 };
	clockwork_begin(&a->w);
	a->handler = (struct http_handler){
		.body_max = body_max,
		.request = on_request,
		.drained = on_drained,
		.gone = on_gone,
		.refuse = refuse,
	};
	CHECK_RC(http_server_new(&a->s, a->w.l, &limits, &a->handler, a, NULL, &err), OK);
	CHECK_RC(address_read(&a->at, LIT("127.0.0.1"), 0), OK);
	CHECK_RC(http_server_listen(a->s, &a->at, NULL, &err), OK);
	http_server_address(a->s, 0, &a->at);
}

static void begin(struct app *a)
{
	begin_with(a, (struct http_server_limits){ 0 });
}

static void end(struct app *a)
{
	http_server_free(a->s);
	CHECK(a->r == NULL);
	clockwork_end(&a->w);
}

/* Waits until the handler has a request. */
static struct http_request *in_hand(struct app *a)
{
	while (a->r == NULL)
		tick(&a->w);
	return a->r;
}

static void say(struct peer *p, const char *text)
{
	peer_say(p, slice_cstr(text));
}

/* ---- whole replies ---------------------------------------------------------------------- */

static void a_request_is_answered_and_the_connection_kept(void **state UNUSED)
{
	struct app a;
	struct peer p;

	begin(&a);
	peer_connect(&p, &a.w, &a.at);
	say(&p, "GET /one?x=1 HTTP/1.1\r\nHost: h\r\n\r\n");
	peer_await(&p, "GET /one?x=1 []");
	CHECK_GOT(&p, "HTTP/1.1 200 OK\r\nDate: ");
	CHECK_GOT(&p, " GMT\r\n");
	CHECK_GOT(&p, "Content-Type: text/plain\r\n");
	CHECK_GOT(&p, "Content-Length: 15\r\n\r\nGET");
	CHECK_NOT_GOT(&p, "Connection");
	peer_forget(&p);
	say(&p, "POST /two HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello");
	peer_await(&p, "POST /two? [hello]");
	CHECK_INT(http_server_stats(a.s)->connections, 1);
	CHECK_INT(http_server_stats(a.s)->accepted, 1);
	CHECK_INT(http_server_stats(a.s)->requests, 2);
	CHECK_INT(http_server_stats(a.s)->active, 0);
	peer_close(&p, CONN_NOW);
	while (http_server_stats(a.s)->connections > 0)
		tick(&a.w);
	end(&a);
}

static void headers_that_would_break_the_framing_are_dropped(void **state UNUSED)
{
	struct app a;
	struct peer p;

	begin(&a);
	peer_connect(&p, &a.w, &a.at);
	say(&p, "GET / HTTP/1.1\r\nHost: h\r\n\r\n");
	peer_await(&p, "GET /? []");
	CHECK_NOT_GOT(&p, "X-Evil");
	CHECK_NOT_GOT(&p, "77");
	peer_close(&p, CONN_NOW);
	end(&a);
}

static void any_cut_gives_the_same_answer(void **state UNUSED)
{
	static const char *const requests[] = {
		"POST /p HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\n\r\nhello",
		"POST /p HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
		"2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n",
	};
	struct app a;
	struct peer p;

	begin(&a);
	peer_connect(&p, &a.w, &a.at);
	for (size_t i = 0; i < ARRAY_LEN(requests); i++) {
		struct slice whole = slice_cstr(requests[i]);

		for (size_t cut = 1; cut < whole.n; cut++) {
			peer_forget(&p);
			peer_say(&p, slice_head(whole, cut));
			tick(&a.w);
			tick(&a.w);
			CHECK_INT(p.n, 0);
			peer_say(&p, slice_skip(whole, cut));
			peer_await(&p, "POST /p? [hello]");
		}
	}
	peer_close(&p, CONN_NOW);
	end(&a);
}

static void requests_sent_ahead_are_answered_in_order(void **state UNUSED)
{
	struct app a;
	struct peer p;

	begin(&a);
	a.how = LATER;
	peer_connect(&p, &a.w, &a.at);
	say(&p, "GET /a HTTP/1.1\r\nHost: h\r\n\r\nPOST /b HTTP/1.1\r\nHost: h\r\n"
		"Content-Length: 2\r\n\r\nhiGET /c HT");
	echo(in_hand(&a));
	a.r = NULL;
	echo(in_hand(&a));
	a.r = NULL;
	peer_await(&p, "POST /b? [hi]");
	say(&p, "TP/1.1\r\nHost: h\r\n\r\n");
	echo(in_hand(&a));
	a.r = NULL;
	peer_await(&p, "GET /c? []");
	CHECK(strstr(p.got, "GET /a?") < strstr(p.got, "POST /b?"));
	CHECK_INT(a.requests, 3);
	peer_close(&p, CONN_NOW);
	end(&a);
}

/* As many as one turn answers, several times over, in one write. */
static void a_flood_sent_ahead_is_answered_whole(void **state UNUSED)
{
	struct app a;
	struct peer p;

	begin(&a);
	peer_connect(&p, &a.w, &a.at);
	for (unsigned i = 0; i < 5000; i++)
		say(&p, "GET /f HTTP/1.1\r\nHost: h\r\n\r\n");
	while (peer_count(&p, "[]") < 5000)
		tick(&a.w);
	CHECK_INT(a.requests, 5000);
	peer_close(&p, CONN_NOW);
	end(&a);
}

static void bytes_ahead_of_their_turn_are_bounded(void **state UNUSED)
{
	static char junk[8192];
	struct app a;
	struct peer p;

	begin(&a);
	a.how = LATER;
	memset(junk, 'x', sizeof(junk));
	peer_connect(&p, &a.w, &a.at);
	say(&p, "GET /a HTTP/1.1\r\nHost: h\r\n\r\n");
	in_hand(&a);
	/* More than all buffers between us hold: the server stops reading. */
	for (unsigned i = 0; i < 2000 && conn_queued(p.c) < CONN_QUEUE_MAX / 2; i++) {
		peer_say(&p, slice_of(junk, sizeof(junk)));
		tick(&a.w);
	}
	CHECK(http_server_stats(a.s)->bytes_in < 5 * 65536);
	echo(a.r);
	a.r = NULL;
	peer_await(&p, "414 URI Too Long");
	peer_close(&p, CONN_ABORT);
	end(&a);
}

static void head_has_the_length_but_no_body(void **state UNUSED)
{
	struct app a;
	struct peer p;

	begin(&a);
	peer_connect(&p, &a.w, &a.at);
	say(&p, "HEAD /h HTTP/1.1\r\nHost: h\r\n\r\nGET /g HTTP/1.1\r\nHost: h\r\n\r\n");
	peer_await(&p, "GET /g?");
	CHECK_GOT(&p, "Content-Length: 11\r\n\r\nHTTP/1.1 200 OK\r\n");
	CHECK_NOT_GOT(&p, "HEAD /h");
	peer_close(&p, CONN_NOW);
	end(&a);
}

static void old_and_closing_clients_are_closed_after_the_reply(void **state UNUSED)
{
	static const struct {
		const char *request;
		bool kept;
	} rows[] = {
		{ "GET /x HTTP/1.0\r\n\r\n", false },
		{ "GET /x HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", true },
		{ "GET /x HTTP/1.1\r\nHost: h\r\nConnection: close\r\n\r\n", false },
		{ "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", true },
		{ "GET http://h/x HTTP/1.1\r\nHost: h\r\n\r\n", true },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct app a;
		struct peer p;

		begin(&a);
		peer_connect(&p, &a.w, &a.at);
		say(&p, rows[i].request);
		peer_await(&p, "? []");
		for (unsigned k = 0; k < 20; k++)
			tick(&a.w);
		CHECK(p.ended == !rows[i].kept);
		check_got(&p, "Connection: close", !rows[i].kept, __FILE__, __LINE__);
		if (p.ended)
			CHECK_RC(p.why, E_CLOSED);
		peer_close(&p, CONN_NOW);
		end(&a);
	}
}

static void a_whole_reply_larger_than_the_queue_arrives(void **state UNUSED)
{
	const size_t size = 5000000;
	char *big = malloc(size);
	struct app a;
	struct peer p;

	CHECK(big != NULL);
	memset(big, 'b', size);
	begin(&a);
	a.how = LATER;
	peer_connect(&p, &a.w, &a.at);
	say(&p, "GET /big HTTP/1.1\r\nHost: h\r\n\r\nGET /next HTTP/1.1\r\nHost: h\r\n\r\n");
	in_hand(&a);
	reply_send(a.r, 200, NULL, 0, slice_of(big, size));
	memset(big, 'X', size); /* it was copied */
	a.r = NULL;
	echo(in_hand(&a));
	a.r = NULL;
	peer_await(&p, "GET /next?");
	CHECK_GOT(&p, "Content-Length: 5000000\r\n\r\nbbb");
	CHECK_NOT_GOT(&p, "X");
	CHECK(p.n > size);
	peer_close(&p, CONN_NOW);
	end(&a);
	free(big);
}

/* ---- bodies --------------------------------------------------------------------------------
 */

static void fill(char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (char)('a' + i * 7 % 23);
}

static void a_large_body_comes_whole(void **state UNUSED)
{
	const size_t size = 900001;
	char *body = malloc(size);
	char line[100];
	struct app a;
	struct peer p;

	CHECK(body != NULL);
	fill(body, size);
	begin(&a);
	a.how = LATER;
	peer_connect(&p, &a.w, &a.at);
	snprintf(line, sizeof(line),
		 "POST /l HTTP/1.1\r\nHost: h\r\nContent-Length: %zu\r\n\r\n", size);
	say(&p, line);
	peer_say(&p, slice_of(body, size));
	say(&p, "GET /after HTTP/1.1\r\nHost: h\r\n\r\n");
	in_hand(&a);
	CHECK(slice_eq(request_body(a.r), slice_of(body, size)));
	request_drop_body(a.r);
	reply_send(a.r, 204, NULL, 0, LIT("unsent"));
	a.r = NULL;
	CHECK_SLICE(request_path(in_hand(&a)), "/after");
	echo(a.r);
	a.r = NULL;
	peer_await(&p, "GET /after");
	CHECK_GOT(&p, "HTTP/1.1 204 No Content\r\n");
	CHECK_NOT_GOT(&p, "unsent");
	peer_close(&p, CONN_NOW);
	end(&a);
	free(body);
}

static void what_is_too_large_is_refused(void **state UNUSED)
{
	static const struct {
		const char *request;
		const char *want;
		const char *id;
		const char *path;
	} rows[] = {
		{ "POST /v1/x?q HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n",
		  "HTTP/1.1 413 Content Too Large\r\n", "http.body_too_large", "/v1/x" },
		{ "POST /v1/x HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n"
		  "Expect: 100-continue\r\n\r\n",
		  "HTTP/1.1 413 Content Too Large\r\n", "http.body_too_large", "/v1/x" },
		{ "POST /v1/x HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"
		  "41\r\n01234567890123456789012345678901234567890123456789012345678901234\r\n"
		  "41\r\n01234567890123456789012345678901234567890123456789012345678901234\r\n",
		  "HTTP/1.1 413 Content Too Large\r\n", "http.body_too_large", "/v1/x" },
		{ "GET / HTTP/1.1\r\nHost: h\r\nHost: g\r\n\r\n",
		  "HTTP/1.1 400 Bad Request\r\n", "http1.host", "" },
		{ "GET / HTTP/2.0\r\nHost: h\r\n\r\n",
		  "HTTP/1.1 505 HTTP Version Not Supported\r\n", "http1.version", "" },
		{ "\x16\x03\x01", "HTTP/1.1 400 Bad Request\r\n", "http1.start_line", "" },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct app a;
		struct peer p;

		begin(&a);
		a.body_max = 100;
		peer_connect(&p, &a.w, &a.at);
		say(&p, rows[i].request);
		peer_await_end(&p);
		CHECK_RC(p.why, E_CLOSED);
		CHECK_GOT(&p, rows[i].want);
		CHECK_GOT(&p, "Content-Type: text/x-error\r\n");
		CHECK_GOT(&p, "Connection: close\r\n\r\n<");
		CHECK_NOT_GOT(&p, "100 Continue");
		CHECK_STR(a.refused_id, rows[i].id);
		CHECK_STR(a.refused_path, rows[i].path);
		CHECK_INT(a.requests, 0);
		CHECK_INT(http_server_stats(a.s)->refused, 1);
		peer_close(&p, CONN_NOW);
		end(&a);
	}
}

/* A client that pushes its body regardless still reads why it was refused. */
static void a_refusal_is_read_in_spite_of_what_is_still_sent(void **state UNUSED)
{
	char *body = malloc(200000);
	struct app a;
	struct peer p;

	CHECK(body != NULL);
	fill(body, 200000);
	begin(&a);
	peer_connect(&p, &a.w, &a.at);
	say(&p, "POST /l HTTP/1.1\r\nHost: h\r\nContent-Length: 20000000\r\n\r\n");
	peer_say(&p, slice_of(body, 200000));
	peer_await(&p, "<413 http.body_too_large>");
	peer_close(&p, CONN_NOW);
	end(&a);
	free(body);
}

static void continue_is_said_when_it_is_waited_for(void **state UNUSED)
{
	struct app a;
	struct peer p;

	begin(&a);
	peer_connect(&p, &a.w, &a.at);
	say(&p,
	    "POST /e HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
	peer_await(&p, "HTTP/1.1 100 Continue\r\n\r\n");
	say(&p, "ok");
	peer_await(&p, "POST /e? [ok]");
	peer_forget(&p);
	say(&p, "POST /e HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\nExpect: "
		"100-continue\r\n\r\nno");
	peer_await(&p, "POST /e? [no]");
	CHECK_NOT_GOT(&p, "100 Continue");
	peer_close(&p, CONN_NOW);
	end(&a);
}

/* ---- replies in pieces
 * -------------------------------------------------------------------------- */

static void piece(struct http_request *r, const char *text)
{
	struct slice v[2] = { slice_head(slice_cstr(text), 1),
			      slice_skip(slice_cstr(text), 1) };

	CHECK_RC(reply_write(r, v, 2), OK);
}

static const char *body_of(const struct peer *p)
{
	const char *at = strstr(p->got, "\r\n\r\n");

	return at == NULL ? "" : at + 4;
}

static void pieces_of_one_turn_are_one_chunk(void **state UNUSED)
{
	struct app a;
	struct peer p;

	begin(&a);
	a.how = LATER;
	peer_connect(&p, &a.w, &a.at);
	say(&p, "GET /s HTTP/1.1\r\nHost: h\r\n\r\n");
	in_hand(&a);
	reply_begin(a.r, 200, NULL, 0, SIZE_MAX);
	tick(&a.w);
	tick(&a.w);
	CHECK_INT(p.n, 0); /* the head waits for the first piece */
	piece(a.r, "one");
	piece(a.r, "two");
	peer_await(&p, "onetwo");
	CHECK_GOT(&p, "Transfer-Encoding: chunked\r\n");
	CHECK_STR(body_of(&p), "6\r\nonetwo\r\n");
	piece(a.r, "three");
	CHECK_INT(reply_bytes(a.r), p.n + 5);
	reply_end(a.r);
	a.r = NULL;
	peer_await(&p, "0\r\n\r\n");
	CHECK_STR(body_of(&p), "6\r\nonetwo\r\n5\r\nthree\r\n0\r\n\r\n");
	peer_close(&p, CONN_NOW);
	end(&a);
}

static void an_empty_stream_ends_properly(void **state UNUSED)
{
	struct app a;
	struct peer p;

	begin(&a);
	a.how = LATER;
	peer_connect(&p, &a.w, &a.at);
	say(&p, "GET /s HTTP/1.1\r\nHost: h\r\n\r\n");
	reply_begin(in_hand(&a), 200, NULL, 0, SIZE_MAX);
	CHECK_RC(reply_write(a.r, &LIT(""), 1), OK);
	reply_end(a.r);
	a.r = NULL;
	peer_await(&p, "0\r\n\r\n");
	CHECK_STR(body_of(&p), "0\r\n\r\n");
	peer_close(&p, CONN_NOW);
	end(&a);
}

static void two_streams_do_not_mix(void **state UNUSED)
{
	struct app a;
	struct peer p, q;
	struct http_request *r;

	begin(&a);
	a.how = LATER;
	peer_connect(&p, &a.w, &a.at);
	peer_connect(&q, &a.w, &a.at);
	say(&p, "GET /p HTTP/1.1\r\nHost: h\r\n\r\n");
	r = in_hand(&a);
	a.r = NULL;
	say(&q, "GET /q HTTP/1.1\r\nHost: h\r\n\r\n");
	in_hand(&a);
	reply_begin(r, 200, NULL, 0, SIZE_MAX);
	reply_begin(a.r, 200, NULL, 0, SIZE_MAX);
	piece(r, "pp");
	piece(a.r, "qq");
	piece(r, "PP");
	reply_end(r);
	reply_end(a.r);
	a.r = NULL;
	peer_await(&p, "0\r\n\r\n");
	peer_await(&q, "0\r\n\r\n");
	CHECK_STR(body_of(&p), "2\r\npp\r\n2\r\nPP\r\n0\r\n\r\n");
	CHECK_STR(body_of(&q), "2\r\nqq\r\n0\r\n\r\n");
	peer_close(&p, CONN_NOW);
	peer_close(&q, CONN_NOW);
	end(&a);
}

static void old_clients_get_streams_until_close(void **state UNUSED)
{
	struct app a;
	struct peer p;

	begin(&a);
	a.how = LATER;
	peer_connect(&p, &a.w, &a.at);
	say(&p, "GET /s HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
	reply_begin(in_hand(&a), 200, NULL, 0, SIZE_MAX);
	piece(a.r, "old");
	reply_end(a.r);
	a.r = NULL;
	peer_await_end(&p);
	CHECK_RC(p.why, E_CLOSED);
	CHECK_GOT(&p, "Connection: close\r\n");
	CHECK_STR(body_of(&p), "old");
	peer_close(&p, CONN_NOW);
	end(&a);
}

static void a_promised_length_is_kept_or_the_connection_broken(void **state UNUSED)
{
	for (size_t n = 2; n <= 4; n++) {
		struct app a;
		struct peer p;
		enum rc rc;

		begin(&a);
		a.how = LATER;
		peer_connect(&p, &a.w, &a.at);
		say(&p, "GET /s HTTP/1.1\r\nHost: h\r\n\r\n");
		reply_begin(in_hand(&a), 200, NULL, 0, 3);
		rc = reply_write(a.r, &(struct slice){ "xxxx", n }, 1);
		CHECK_RC(rc, n > 3 ? E_CLOSED : OK);
		if (n > 3) {
			while (a.gone == 0)
				tick(&a.w);
			CHECK_RC(a.gone_why, E_BAD);
		} else {
			reply_end(a.r);
			a.r = NULL;
		}
		if (n == 3) {
			peer_await(&p, "xxx");
			CHECK_GOT(&p, "Content-Length: 3\r\n");
			CHECK(!p.ended);
		} else {
			peer_await_end(&p);
			CHECK_RC(p.why, E_RESET);
		}
		peer_close(&p, CONN_NOW);
		end(&a);
	}
}

static void an_aborted_stream_looks_cut(void **state UNUSED)
{
	struct app a;
	struct peer p;

	begin(&a);
	a.how = LATER;
	peer_connect(&p, &a.w, &a.at);
	say(&p, "GET /s HTTP/1.1\r\nHost: h\r\n\r\n");
	reply_begin(in_hand(&a), 200, NULL, 0, SIZE_MAX);
	piece(a.r, "some");
	peer_await(&p, "some");
	reply_abort(a.r);
	a.r = NULL;
	peer_await_end(&p);
	CHECK_RC(p.why, E_RESET);
	CHECK_STR(body_of(&p), "4\r\nsome\r\n");
	peer_close(&p, CONN_NOW);
	end(&a);
}

static void a_slow_reader_stops_the_writer_and_starts_it_again(void **state UNUSED)
{
	static char block[30000];
	struct app a;
	struct peer p;
	size_t blocks = 0;

	begin(&a);
	a.how = LATER;
	memset(block, 'z', sizeof(block));
	peer_connect(&p, &a.w, &a.at);
	say(&p, "GET /s HTTP/1.1\r\nHost: h\r\n\r\n");
	reply_begin(in_hand(&a), 200, NULL, 0, SIZE_MAX);
	conn_pause(p.c);
	while (reply_write(a.r, &(struct slice){ block, sizeof(block) }, 1) == OK)
		CHECK(blocks++ < 1000);
	blocks++;
	CHECK(reply_queued(a.r) > (64 << 10) && reply_queued(a.r) < (64 << 10) + 40000);
	tick(&a.w);
	CHECK_INT(a.drained, 0);
	conn_resume(p.c);
	while (a.drained == 0)
		tick(&a.w);
	CHECK_INT(reply_queued(a.r), 0);
	reply_end(a.r);
	a.r = NULL;
	peer_await(&p, "\r\n0\r\n\r\n");
	CHECK_INT(peer_count(&p, "7530\r\nzzz"), blocks);
	CHECK_INT(a.drained, 1);
	peer_close(&p, CONN_NOW);
	end(&a);
}

/* ---- clients that go away
 * -------------------------------------------------------------------------- */

static void a_client_that_goes_away_is_told(void **state UNUSED)
{
	for (int i = 0; i < 4; i++) {
		bool streaming = (i & 1) != 0;
		enum conn_close how = (i & 2) != 0 ? CONN_ABORT : CONN_NOW;
		struct app a;
		struct peer p;

		begin(&a);
		a.how = LATER;
		peer_connect(&p, &a.w, &a.at);
		say(&p, "GET /s HTTP/1.1\r\nHost: h\r\n\r\nGET /ahead HTTP/1.1\r\n");
		in_hand(&a);
		if (streaming) {
			reply_begin(a.r, 200, NULL, 0, SIZE_MAX);
			piece(a.r, "some");
			peer_await(&p, "some");
		}
		peer_close(&p, how);
		while (a.gone == 0)
			tick(&a.w);
		CHECK_RC(a.gone_why, how == CONN_ABORT ? E_RESET : E_CLOSED);
		CHECK_INT(a.gone, 1);
		CHECK_INT(http_server_stats(a.s)->connections, 0);
		CHECK_INT(http_server_stats(a.s)->active, 0);
		end(&a);
	}
}

static void a_client_that_takes_nothing_is_given_up(void **state UNUSED)
{
	static char block[60000];
	struct app a;
	struct peer p;

	begin_with(&a, (struct http_server_limits){ .write_timeout_us = LIMIT_US });
	a.how = LATER;
	peer_connect(&p, &a.w, &a.at);
	say(&p, "GET /s HTTP/1.1\r\nHost: h\r\n\r\n");
	reply_begin(in_hand(&a), 200, NULL, 0, SIZE_MAX);
	conn_pause(p.c);
	while (reply_write(a.r, &(struct slice){ block, sizeof(block) }, 1) == OK)
		;
	while (a.gone == 0)
		tick(&a.w);
	CHECK_RC(a.gone_why, E_TIMEOUT);
	peer_close(&p, CONN_NOW);
	end(&a);
}

static void a_client_that_takes_little_is_not_given_up(void **state UNUSED)
{
	static char block[60000];
	struct app a;
	struct peer p;

	begin_with(&a, (struct http_server_limits){ .write_timeout_us = LIMIT_US });
	a.how = LATER;
	peer_connect(&p, &a.w, &a.at);
	say(&p, "GET /s HTTP/1.1\r\nHost: h\r\n\r\n");
	reply_begin(in_hand(&a), 200, NULL, 0, SIZE_MAX);
	conn_pause(p.c);
	for (unsigned i = 0; i < 30; i++) {
		while (reply_write(a.r, &(struct slice){ block, sizeof(block) }, 1) == OK)
			;
		pass(&a.w, LIMIT_US / 5);
		conn_resume(p.c);
		pass(&a.w, LIMIT_US / 5);
		conn_pause(p.c);
		CHECK_INT(a.gone, 0);
		peer_forget(&p);
	}
	conn_resume(p.c);
	reply_end(a.r);
	a.r = NULL;
	peer_await(&p, "0\r\n\r\n");
	peer_close(&p, CONN_NOW);
	end(&a);
}

/* ---- time
 * -------------------------------------------------------------------------------------------
 */

static void slow_clients_are_timed_out(void **state UNUSED)
{
	static const struct {
		const char *first, *second;
		const char *id; /* NULL: closed without a word */
	} rows[] = {
		{ "", "", NULL },
		{ "\r\n", "", NULL },
		{ "GET / HT", "TP/1.1\r\n", "http.head_timeout" },
		{ "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\nabc", "de",
		  "http.body_timeout" },
		{ "GET / HTTP/1.1\r\nHost: h\r\n\r\n", "", NULL },
	};

	for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
		struct app a;
		struct peer p;

		begin_with(&a, (struct http_server_limits){ .head_timeout_us = LIMIT_US,
							    .body_timeout_us = LIMIT_US,
							    .idle_timeout_us = LIMIT_US });
		peer_connect(&p, &a.w, &a.at);
		say(&p, rows[i].first);
		pass(&a.w, LIMIT_US / 2);
		CHECK(!p.ended);
		say(&p, rows[i].second);
		peer_await_end(&p);
		CHECK_RC(p.why, E_CLOSED);
		CHECK_INT(a.refused, rows[i].id != NULL);
		CHECK_STR(a.refused_id, rows[i].id != NULL ? rows[i].id : "");
		check_got(&p, "HTTP/1.1 408 Request Timeout\r\n", rows[i].id != NULL, __FILE__,
			  __LINE__);
		CHECK_INT(http_server_stats(a.s)->connections, 0);
		peer_close(&p, CONN_NOW);
		end(&a);
	}
}

/* The head's time counts from its first byte, however many come. */
static void a_trickled_head_is_timed_out(void **state UNUSED)
{
	struct app a;
	struct peer p;
	unsigned n = 0;

	begin_with(&a, (struct http_server_limits){ .head_timeout_us = LIMIT_US });
	peer_connect(&p, &a.w, &a.at);
	say(&p, "GET /");
	while (!p.ended && n++ < 200) {
		say(&p, "a");
		pass(&a.w, LIMIT_US / 10);
	}
	CHECK(p.ended && n < 30);
	CHECK_STR(a.refused_id, "http.head_timeout");
	peer_close(&p, CONN_NOW);
	end(&a);
}

static void work_is_not_timed(void **state UNUSED)
{
	struct app a;
	struct peer p;

	begin_with(&a, (struct http_server_limits){ .head_timeout_us = LIMIT_US,
						    .body_timeout_us = LIMIT_US,
						    .idle_timeout_us = LIMIT_US,
						    .write_timeout_us = LIMIT_US });
	a.how = LATER;
	peer_connect(&p, &a.w, &a.at);
	say(&p, "POST /w HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n");
	pass(&a.w, LIMIT_US / 2);
	say(&p, "x");
	in_hand(&a);
	pass(&a.w, LIMIT_US * 5);
	CHECK_INT(a.gone, 0);
	echo(a.r);
	a.r = NULL;
	peer_await(&p, "POST /w? [x]");
	peer_close(&p, CONN_NOW);
	end(&a);
}

/* ---- many, and the end
 * -------------------------------------------------------------------------------- */

static void too_many_connections_are_turned_away(void **state UNUSED)
{
	struct app a;
	struct peer p, q;

	begin_with(&a, (struct http_server_limits){ .connections = 1 });
	peer_connect(&p, &a.w, &a.at);
	say(&p, "GET /1 HTTP/1.1\r\nHost: h\r\n\r\n");
	peer_await(&p, "GET /1");
	peer_connect(&q, &a.w, &a.at);
	say(&q, "GET /2 HTTP/1.1\r\nHost: h\r\n\r\n");
	peer_await_end(&q);
	CHECK_GOT(&q, "HTTP/1.1 503 Service Unavailable\r\n");
	CHECK_GOT(&q, "<503 http.too_many_connections>");
	peer_close(&q, CONN_NOW);
	peer_forget(&p);
	say(&p, "GET /3 HTTP/1.1\r\nHost: h\r\n\r\n");
	peer_await(&p, "GET /3");
	peer_close(&p, CONN_NOW);
	end(&a);
}

static void all_gone(void *ctx)
{
	((struct app *)ctx)->all_gone = true;
}

static void a_drain_finishes_what_is_in_hand(void **state UNUSED)
{
	struct app a;
	struct peer idle, busy, late, streaming;
	struct http_request *r;

	begin(&a);
	a.how = LATER;
	peer_connect(&idle, &a.w, &a.at);
	peer_connect(&busy, &a.w, &a.at);
	peer_connect(&late, &a.w, &a.at);
	peer_connect(&streaming, &a.w, &a.at);
	say(&streaming, "GET /s HTTP/1.1\r\nHost: h\r\n\r\n");
	r = in_hand(&a);
	a.r = NULL;
	reply_begin(r, 200, NULL, 0, SIZE_MAX);
	piece(r, "some");
	say(&busy, "GET /b HTTP/1.1\r\nHost: h\r\n\r\n");
	in_hand(&a);
	http_server_drain(a.s, all_gone, &a);
	echo(a.r);
	a.r = NULL;
	/* Its request was on its way when the drain began. */
	say(&late, "GET /l HTTP/1.1\r\nHost: h\r\n\r\n");
	echo(in_hand(&a));
	a.r = NULL;
	peer_await_end(&late);
	CHECK_GOT(&late, "GET /l");
	peer_await_end(&busy);
	CHECK_GOT(&busy, "Connection: close\r\n");
	CHECK_GOT(&busy, "GET /b");
	peer_await_end(&idle);
	CHECK_INT(idle.n, 0);
	CHECK(!a.all_gone);
	CHECK_INT(http_server_stats(a.s)->connections, 1);
	piece(r, "more");
	reply_end(r);
	peer_await_end(&streaming);
	CHECK_GOT(&streaming, "\r\n0\r\n\r\n");
	while (!a.all_gone)
		tick(&a.w);
	peer_close(&idle, CONN_NOW);
	peer_close(&busy, CONN_NOW);
	peer_close(&late, CONN_NOW);
	peer_close(&streaming, CONN_NOW);
	end(&a);
}

static void a_server_that_ends_tells_its_requests(void **state UNUSED)
{
	struct app a;
	struct peer p, q;

	begin(&a);
	a.how = LATER;
	peer_connect(&p, &a.w, &a.at);
	peer_connect(&q, &a.w, &a.at);
	say(&q, "POST /half HTTP/1.1\r\nHost: h\r\nContent-Length: 9999\r\n\r\nx");
	say(&p, "GET /b HTTP/1.1\r\nHost: h\r\n\r\n");
	reply_begin(in_hand(&a), 200, NULL, 0, SIZE_MAX);
	piece(a.r, "corked");
	http_server_free(a.s);
	a.s = NULL;
	CHECK_INT(a.gone, 1);
	CHECK_RC(a.gone_why, E_CANCELLED);
	peer_await_end(&p);
	CHECK_RC(p.why, E_RESET);
	peer_close(&p, CONN_NOW);
	peer_close(&q, CONN_NOW);
	end(&a);
}

static void an_idle_connection_is_small(void **state UNUSED)
{
	CHECK(sizeof(struct http_conn) <= 320);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_answered_and_the_connection_kept),
		cmocka_unit_test(headers_that_would_break_the_framing_are_dropped),
		cmocka_unit_test(any_cut_gives_the_same_answer),
		cmocka_unit_test(requests_sent_ahead_are_answered_in_order),
		cmocka_unit_test(a_flood_sent_ahead_is_answered_whole),
		cmocka_unit_test(bytes_ahead_of_their_turn_are_bounded),
		cmocka_unit_test(head_has_the_length_but_no_body),
		cmocka_unit_test(old_and_closing_clients_are_closed_after_the_reply),
		cmocka_unit_test(a_whole_reply_larger_than_the_queue_arrives),
		cmocka_unit_test(a_large_body_comes_whole),
		cmocka_unit_test(what_is_too_large_is_refused),
		cmocka_unit_test(a_refusal_is_read_in_spite_of_what_is_still_sent),
		cmocka_unit_test(continue_is_said_when_it_is_waited_for),
		cmocka_unit_test(pieces_of_one_turn_are_one_chunk),
		cmocka_unit_test(an_empty_stream_ends_properly),
		cmocka_unit_test(two_streams_do_not_mix),
		cmocka_unit_test(old_clients_get_streams_until_close),
		cmocka_unit_test(a_promised_length_is_kept_or_the_connection_broken),
		cmocka_unit_test(an_aborted_stream_looks_cut),
		cmocka_unit_test(a_slow_reader_stops_the_writer_and_starts_it_again),
		cmocka_unit_test(a_client_that_goes_away_is_told),
		cmocka_unit_test(a_client_that_takes_nothing_is_given_up),
		cmocka_unit_test(a_client_that_takes_little_is_not_given_up),
		cmocka_unit_test(slow_clients_are_timed_out),
		cmocka_unit_test(a_trickled_head_is_timed_out),
		cmocka_unit_test(work_is_not_timed),
		cmocka_unit_test(too_many_connections_are_turned_away),
		cmocka_unit_test(a_drain_finishes_what_is_in_hand),
		cmocka_unit_test(a_server_that_ends_tells_its_requests),
		cmocka_unit_test(an_idle_connection_is_small),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
