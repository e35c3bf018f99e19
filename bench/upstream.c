/* bench/upstream.c -- the provider behind both proxies: as cheap as it can be.
 *
 *   bench_upstream HOST:PORT [--lean]
 *
 * POST anything: a fixed chat completion of 0.6 KB, or, when the body says "stream":true, a
 * stream of OpenAI events, one per chunk and per write, as hosted providers send them.  The
 * body's "user" member says how: "user":"bench EVENTS PACE_US FIRST_US".  GET: 200, empty.
 *
 * With --lean the answers have hardly any headers, as those of a model server nearby.
 * POST to a path that ends in /messages: the same in Anthropic's dialect.
 *
 * Not a general server: it knows Content-Length only, and trusts what it is sent.
 */
#include "common.h"

enum { SCRATCH = 1 << 18, HELD_MAX = 1 << 16, BATCH = 512, WHEEL = 8192 };
enum { TICK_NS = 200 * NS_PER_US };

struct conn {
	int fd;
	char *held; /* a request's first part, until head and enough of the body are there */
	size_t held_n;
	uint64_t body_left; /* of a request that has been answered for already or will be */
	bool stream, usage; /* what the request asks for */
	bool claude;        /* in Anthropic's dialect: a path that ends in /messages */
	bool answer_due;    /* answer when body_left is 0 */
	uint64_t events_left, pace_ticks, due;
	struct conn *next, *prev; /* in a slot of the wheel; next == NULL: in none */
	char *out;                /* what the socket did not take */
	size_t out_n;
};

struct server {
	int ep;
	char scratch[SCRATCH];
	struct conn wheel[WHEEL]; /* heads of rings */
	uint64_t tick;            /* done up to here */
	size_t on_wheel;
	char plain[2][4096]; /* OpenAI's, Anthropic's */
	size_t plain_n[2];
	bool lean;
};

#define CHUNK_HEAD                                                                             \
	"{\"id\":\"chatcmpl-BkQ2mXw7LrT0vYcNfDh4sGzJ1aPe9\",\"object\":\"chat.completion."     \
	"chunk\",\"created\":1763625600,\"model\":\"gpt-4o-mini-2024-07-18\","                 \
	"\"service_tier\":\"default\",\"system_fingerprint\":\"fp_560af6e559\",\"choices\":"

/* As many headers as a hosted provider sends.  Their size matters: the kernel acknowledges two
 * small segments at once in the receiver's time or in the sender's, depending on the largest
 * segment that it has seen on the connection, and must do the same for both proxies. */
#define COMMON_HEADERS                                                                         \
	"Date: Fri, 20 Nov 2026 08:00:00 GMT\r\n"                                              \
	"Server: upstream\r\n"                                                                 \
	"Connection: keep-alive\r\n"                                                           \
	"access-control-expose-headers: X-Request-ID\r\n"                                      \
	"openai-organization: org-0f1e2d3c4b5a69788796a5b4\r\n"                                \
	"openai-processing-ms: 212\r\n"                                                        \
	"openai-version: 2020-10-01\r\n"                                                       \
	"x-ratelimit-limit-requests: 10000\r\n"                                                \
	"x-ratelimit-limit-tokens: 2000000\r\n"                                                \
	"x-ratelimit-remaining-requests: 9999\r\n"                                             \
	"x-ratelimit-remaining-tokens: 1999743\r\n"                                            \
	"x-ratelimit-reset-requests: 6ms\r\n"                                                  \
	"x-ratelimit-reset-tokens: 7ms\r\n"                                                    \
	"x-request-id: req_7f3a2b9c4d5e6f708192a3b4c5d6e7f8\r\n"                               \
	"strict-transport-security: max-age=31536000; includeSubDomains; preload\r\n"          \
	"x-content-type-options: nosniff\r\n"                                                  \
	"cache-control: no-cache\r\n"                                                          \
	"alt-svc: h3=\":443\"; ma=86400\r\n"

#define STREAM_HEAD(headers)                                                                   \
	"HTTP/1.1 200 OK\r\n" headers "Content-Type: text/event-stream; charset=utf-8\r\n"     \
	"Transfer-Encoding: chunked\r\n\r\n"
#define LEAN_HEADERS "Server: upstream\r\n"

static const char stream_head[] = STREAM_HEAD(COMMON_HEADERS);
static const char stream_head_lean[] = STREAM_HEAD(LEAN_HEADERS);
static const char event_role[] =
	"data: " CHUNK_HEAD "[{\"index\":0,\"delta\":{\"role\":\"assistant\",\"content\":\"\","
	"\"refusal\":null},\"logprobs\":null,\"finish_reason\":null}]}\n\n";
static const char event_text[] = "data: " CHUNK_HEAD
				 "[{\"index\":0,\"delta\":{\"content\":\" spillway\"},"
				 "\"logprobs\":null,\"finish_reason\":null}]}\n\n";
static const char event_stop[] =
	"data: " CHUNK_HEAD
	"[{\"index\":0,\"delta\":{},\"logprobs\":null,\"finish_reason\":\"stop\"}]}\n\n";
static const char event_usage[] =
	"data: " CHUNK_HEAD "[],\"usage\":{\"prompt_tokens\":212,\"completion_tokens\":64,"
	"\"total_tokens\":276,\"prompt_tokens_details\":{\"cached_tokens\":0,"
	"\"audio_tokens\":0},\"completion_tokens_details\":{\"reasoning_tokens\":0,"
	"\"audio_tokens\":0,\"accepted_prediction_tokens\":0,"
	"\"rejected_prediction_tokens\":0}}}\n\n";
static const char event_done[] = "data: [DONE]\n\n";

static const char plain_body[] =
	"{\"id\":\"chatcmpl-BkQ2mXw7LrT0vYcNfDh4sGzJ1aPe9\",\"object\":\"chat.completion\","
	"\"created\":1763625600,\"model\":\"gpt-4o-mini-2024-07-18\",\"choices\":[{\"index\":0,"
	"\"message\":{\"role\":\"assistant\",\"content\":\"A weir holds what it can and lets "
	"the rest pass over to the next level.\",\"refusal\":null,\"annotations\":[]},"
	"\"logprobs\":null,\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":212,"
	"\"completion_tokens\":16,\"total_tokens\":228,\"prompt_tokens_details\":{"
	"\"cached_tokens\":0,\"audio_tokens\":0},\"completion_tokens_details\":{"
	"\"reasoning_tokens\":0,\"audio_tokens\":0}},\"service_tier\":\"default\","
	"\"system_fingerprint\":\"fp_560af6e559\"}";

/* The same conversation in Anthropic's words, for the translated lane. */
static const char claude_start[] =
	"event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":"
	"\"msg_01XFDUDYJgAACzvnptvVoYEL\",\"type\":\"message\",\"role\":\"assistant\","
	"\"model\":"
	"\"claude-sonnet-5\",\"content\":[],\"stop_reason\":null,\"stop_sequence\":null,"
	"\"usage\":{\"input_tokens\":212,\"cache_creation_input_tokens\":0,"
	"\"cache_read_input_tokens\":0,\"output_tokens\":1}}}\n\n"
	"event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
	"\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n";
static const char claude_text[] =
	"event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
	"\"delta\":{\"type\":\"text_delta\",\"text\":\" spillway\"}}\n\n";
static const char claude_end[] =
	"event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n"
	"event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":"
	"\"end_turn\",\"stop_sequence\":null},\"usage\":{\"output_tokens\":64}}\n\n"
	"event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n";
static const char claude_body[] =
	"{\"id\":\"msg_01XFDUDYJgAACzvnptvVoYEL\",\"type\":\"message\",\"role\":\"assistant\","
	"\"model\":\"claude-sonnet-5\",\"content\":[{\"type\":\"text\",\"text\":\"A weir holds "
	"what it can and lets the rest pass over to the next level.\"}],\"stop_reason\":"
	"\"end_turn\",\"stop_sequence\":null,\"usage\":{\"input_tokens\":212,"
	"\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0,"
	"\"cache_creation\":{\"ephemeral_5m_input_tokens\":0,\"ephemeral_1h_input_tokens\":0},"
	"\"output_tokens\":16,\"service_tier\":\"standard\"}}";

static void unplan(struct server *s, struct conn *c)
{
	if (c->next == NULL)
		return;
	c->next->prev = c->prev;
	c->prev->next = c->next;
	c->next = c->prev = NULL;
	s->on_wheel--;
}

static void plan(struct server *s, struct conn *c, uint64_t due)
{
	struct conn *slot = &s->wheel[due % WHEEL];

	c->due = due;
	c->next = slot;
	c->prev = slot->prev;
	slot->prev->next = c;
	slot->prev = c;
	s->on_wheel++;
}

static void drop(struct server *s, struct conn *c)
{
	unplan(s, c);
	close(c->fd);
	free(c->held);
	free(c->out);
	free(c);
}

/* False: the connection is gone. */
static bool put(struct server *s, struct conn *c, const char *p, size_t n)
{
	ssize_t sent = 0;

	if (c->out_n == 0) {
		sent = send(c->fd, p, n, MSG_NOSIGNAL);
		if (sent == (ssize_t)n)
			return true;
		if (sent < 0 && errno != EAGAIN) {
			drop(s, c);
			return false;
		}
		sent = sent < 0 ? 0 : sent;
		watch(s->ep, EPOLL_CTL_MOD, c->fd, EPOLLIN | EPOLLOUT, c);
	}
	c->out = realloc(c->out, c->out_n + n - (size_t)sent);
	if (c->out == NULL)
		die("out of memory");
	memcpy(c->out + c->out_n, p + sent, n - (size_t)sent);
	c->out_n += n - (size_t)sent;
	return true;
}

static bool flush(struct server *s, struct conn *c)
{
	ssize_t sent = send(c->fd, c->out, c->out_n, MSG_NOSIGNAL);

	if (sent < 0 && errno != EAGAIN) {
		drop(s, c);
		return false;
	}
	sent = sent < 0 ? 0 : sent;
	memmove(c->out, c->out + sent, c->out_n - (size_t)sent);
	c->out_n -= (size_t)sent;
	if (c->out_n == 0)
		watch(s->ep, EPOLL_CTL_MOD, c->fd, EPOLLIN, c);
	return true;
}

static size_t add_chunk(char *to, const char *text, size_t n)
{
	size_t at = (size_t)snprintf(to, 16, "%zx\r\n", n);

	memcpy(to + at, text, n);
	memcpy(to + at + n, "\r\n", 2);
	return at + n + 2;
}

/* The next event of a stream; the last one brings the end with it. */
static bool next_event(struct server *s, struct conn *c, bool first)
{
	char buf[4096];
	size_t n = 0;

	if (first)
		n = c->claude ? add_chunk(buf, claude_start, sizeof(claude_start) - 1)
			      : add_chunk(buf, event_role, sizeof(event_role) - 1);
	else if (c->events_left > 1)
		n = c->claude ? add_chunk(buf, claude_text, sizeof(claude_text) - 1)
			      : add_chunk(buf, event_text, sizeof(event_text) - 1);
	else {
		if (c->claude) {
			n = add_chunk(buf, claude_end, sizeof(claude_end) - 1);
		} else {
			n = add_chunk(buf, event_stop, sizeof(event_stop) - 1);
			if (c->usage)
				n += add_chunk(buf + n, event_usage, sizeof(event_usage) - 1);
			n += add_chunk(buf + n, event_done, sizeof(event_done) - 1);
		}
		memcpy(buf + n, "0\r\n\r\n", 5);
		n += 5;
	}
	c->events_left--;
	if (!put(s, c, buf, n))
		return false;
	if (c->events_left > 0)
		plan(s, c, (first ? s->tick : c->due) + c->pace_ticks);
	return true;
}

static bool answer(struct server *s, struct conn *c)
{
	c->answer_due = false;
	if (!c->stream)
		return put(s, c, s->plain[c->claude], s->plain_n[c->claude]);
	/* Head and first event leave together, the rest by the wheel. */
	return (s->lean ? put(s, c, stream_head_lean, sizeof(stream_head_lean) - 1)
			: put(s, c, stream_head, sizeof(stream_head) - 1)) &&
	       next_event(s, c, true);
}

static uint64_t number_after(const char *p, size_t n, const char *what, uint64_t missing)
{
	const char *at = memmem(p, n, what, strlen(what));

	return at == NULL ? missing : strtoull(at + strlen(what), NULL, 10);
}

/* What the start of a body asks for. */
static void read_wishes(struct conn *c, bool claude, const char *body, size_t n)
{
	const char *user = memmem(body, n, "\"bench ", 7);
	char *end;

	c->stream = memmem(body, n, "\"stream\":true", 13) != NULL;
	c->claude = claude;
	c->usage = memmem(body, n, "\"include_usage\":true", 20) != NULL;
	c->events_left = 64;
	c->pace_ticks = 50;
	if (user == NULL)
		return;
	c->events_left = strtoull(user + 7, &end, 10);
	c->pace_ticks = strtoull(end, &end, 10) * NS_PER_US / TICK_NS;
	c->events_left = c->events_left < 2 ? 2 : c->events_left;
	c->pace_ticks = c->pace_ticks < 1 ? 1 : c->pace_ticks;
}

/* Reads what it can of one request at `p`; returns how many bytes it took.  0: more are
 * needed.  The bytes are zero-terminated. */
static size_t take_request(struct conn *c, const char *p, size_t n)
{
	const char *end = memmem(p, n, "\r\n\r\n", 4);
	size_t head, body;
	uint64_t length;

	if (end == NULL)
		return 0;
	head = (size_t)(end - p) + 4;
	if (memcmp(p, "GET ", 4) == 0) {
		c->stream = false;
		c->body_left = 0;
		c->answer_due = true;
		return head;
	}
	length = number_after(p, head, "\nContent-Length: ", UINT64_MAX);
	if (length == UINT64_MAX)
		length = number_after(p, head, "\ncontent-length: ", UINT64_MAX);
	if (length == UINT64_MAX)
		die("a request without Content-Length");
	body = n - head;
	/* Small bodies are waited for whole: what is asked for may stand at their end. */
	if (body < length && body < HELD_MAX / 2 && length < HELD_MAX / 2)
		return 0;
	if (body > length)
		body = (size_t)length;
	read_wishes(c, memmem(p, head, "/messages ", 10) != NULL, p + head, body);
	c->body_left = length - body;
	c->answer_due = true;
	return head + body;
}

static bool feed(struct server *s, struct conn *c, char *p, size_t n)
{
	while (n > 0) {
		size_t took;

		if (c->body_left > 0) {
			took = n < c->body_left ? n : (size_t)c->body_left;
			c->body_left -= took;
		} else {
			took = take_request(c, p, n);
			if (took == 0)
				break;
		}
		p += took;
		n -= took;
		if (c->answer_due && c->body_left == 0 && !answer(s, c))
			return false;
	}
	if (n == 0) {
		free(c->held);
		c->held = NULL;
		c->held_n = 0;
		return true;
	}
	if (n > HELD_MAX)
		die("a request head over %d bytes", HELD_MAX);
	/* `p` may lie in `held` itself. */
	if (c->held == NULL)
		c->held = need(HELD_MAX + 1, 1);
	memmove(c->held, p, n);
	c->held_n = n;
	return true;
}

static void readable(struct server *s, struct conn *c)
{
	size_t kept = c->held_n;
	ssize_t n;

	/* A held beginning goes in front, so that a request is always looked at in one piece.
	 */
	memcpy(s->scratch, kept > 0 ? c->held : "", kept);
	n = recv(c->fd, s->scratch + kept, SCRATCH - kept - 1, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0) {
		drop(s, c);
		return;
	}
	s->scratch[kept + (size_t)n] = '\0';
	feed(s, c, s->scratch, kept + (size_t)n);
}

static void accept_all(struct server *s, int fd)
{
	for (int i = 0; i < 64; i++) {
		int peer = accept4(fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		struct conn *c;

		if (peer < 0)
			return;
		no_delay(peer);
		c = need(1, sizeof(*c));
		c->fd = peer;
		watch(s->ep, EPOLL_CTL_ADD, peer, EPOLLIN, c);
	}
}

static void turn_wheel(struct server *s)
{
	uint64_t now = now_ns() / TICK_NS;

	if (s->on_wheel == 0)
		s->tick = now;
	while (s->tick < now) {
		struct conn *slot, *c, *next;

		s->tick++;
		slot = &s->wheel[s->tick % WHEEL];
		for (c = slot->next; c != slot; c = next) {
			next = c->next;
			if (c->due > s->tick)
				continue; /* of a later turn of the wheel */
			unplan(s, c);
			(void)next_event(s, c, false);
		}
	}
}

static int listen_at(const char *where)
{
	struct sockaddr_in sa = address(where);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	int one = 1;

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 || listen(fd, 16384) < 0)
		die("%s", where);
	return fd;
}

static void make_plain(struct server *s, int which, const char *body)
{
	s->plain_n[which] =
		(size_t)snprintf(s->plain[which], sizeof(s->plain[which]),
				 "HTTP/1.1 200 OK\r\n%sContent-Type: application/json\r\n"
				 "Content-Length: %zu\r\n\r\n%s",
				 s->lean ? LEAN_HEADERS : COMMON_HEADERS, strlen(body), body);
}

int main(int argc, char **argv)
{
	struct epoll_event ev[BATCH];
	struct server *s = need(1, sizeof(*s));
	int fd;

	if (argc < 2 || argc > 3)
		die("usage: bench_upstream HOST:PORT [--lean]");
	raise_file_limit();
	for (size_t i = 0; i < WHEEL; i++)
		s->wheel[i].next = s->wheel[i].prev = &s->wheel[i];
	s->lean = argc > 2 && strcmp(argv[2], "--lean") == 0;
	make_plain(s, 0, plain_body);
	make_plain(s, 1, claude_body);
	s->ep = epoll_create1(EPOLL_CLOEXEC);
	s->tick = now_ns() / TICK_NS;
	fd = listen_at(argv[1]);
	watch(s->ep, EPOLL_CTL_ADD, fd, EPOLLIN, NULL);
	puts("listening");
	fflush(stdout);

	for (;;) {
		uint64_t until;
		int n;

		/* Before the wait, as it may drop connections that events would point to. */
		turn_wheel(s);
		until = s->on_wheel > 0 ? (s->tick + 1) * TICK_NS : UINT64_MAX;
		n = wait_events(s->ep, ev, BATCH, until);
		for (int i = 0; i < n; i++) {
			struct conn *c = ev[i].data.ptr;

			if (c == NULL)
				accept_all(s, fd);
			else if ((ev[i].events & EPOLLOUT) && !flush(s, c))
				continue;
			else if (ev[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR))
				readable(s, c);
		}
	}
}
