/* bench/load.c -- asks for chat completions and measures what comes back.
 *
 *   bench_load HOST:PORT [--option=value ...]
 *
 *   --connections=N    keep-alive connections (32)
 *   --rate=R           open loop: R requests a second at random (Poisson) times, latency from
 *                      the time a request was meant to go out; without it: closed loop
 *   --body=BYTES       size of a request's body (1024)
 *   --stream=EVENTS    streamed answers of so many events, one every
 *   --pace=US          microseconds
 *   --warmup=S --seconds=S
 *   --ramp=S           connections begin spread over this time (0)
 *   --watch=PID        takes the CPU time of this process over exactly the measured
 *                      time; may be repeated
 *   --hold             open a stream on each connection, print "open N", keep reading until a
 *                      line comes on stdin, close all, print "closed"
 *
 * Prints one JSON object.  One thread, raw epoll.
 */
#include "common.h"
#include "hist.h"

#include <sys/prctl.h>

enum { SCRATCH = 1 << 16, HEAD_MAX = 4096, BATCH = 512, WATCH_MAX = 16 };

enum state {
	FRESH,
	CONNECTING,
	IDLE,
	SENDING,
	HEAD,
	LENGTH,
	CHUNK_SIZE,
	CHUNK_DATA,
	CHUNK_END
};

struct conn {
	int fd;
	enum state state;
	bool want_out;
	size_t sent;
	uint64_t meant; /* when the request was to go out */
	char *head;
	size_t head_n;
	unsigned status;
	uint64_t left; /* of the body or the chunk; while CHUNK_SIZE: the size so far */
	bool last;     /* chunk */
	bool newline;  /* the last byte of data was one */
	bool keep;     /* this request's figures count */
	uint64_t events;
	bool counted; /* --hold: its first event was seen */
};

struct cpu {
	uint64_t total_ns, user_ticks, system_ticks;
};

struct load {
	/* what to do */
	struct sockaddr_in to;
	const char *to_text;
	size_t connections;
	double rate, warmup, seconds, ramp;
	size_t body;
	uint64_t stream_events, pace_us;
	bool hold;
	int watch[WATCH_MAX];
	size_t watch_n;

	/* how it goes */
	int ep;
	char *request;
	size_t request_n;
	char *scratch;
	struct conn *conns;
	struct conn **idle; /* a stack */
	size_t idle_n;
	size_t started; /* connections begun */
	uint64_t begin, from, to_ns;
	bool measuring, over;
	uint64_t *waiting; /* open loop: a ring of times of requests without a connection */
	size_t waiting_at, waiting_n, waiting_cap;
	uint64_t next_send;
	uint64_t rng;
	size_t open; /* --hold: streams that have begun */

	/* figures */
	struct hist latency, first_byte;
	uint64_t requests, events, bytes, errors, reconnects, short_streams, late;
	uint64_t sent, finished; /* of those whose figures count */
	struct cpu cpu0[WATCH_MAX], cpu1[WATCH_MAX];
	uint64_t t0, t1;
};

/* ---- the request ------------------------------------------------------------- */

static const char filler[] =
	"The weir at the lower end of the reach was rebuilt in the spring, and the keeper's "
	"notes "
	"say that it held \\\"without complaint\\\" through the two floods that followed.\\n"
	"Measured at the gauge: 3.42 m on the first day, 3.97 m on the second \\u2013 the "
	"highest since records began \xe2\x80\x93 and then a slow fall over nine days.\\n\\n";

static void make_request(struct load *l)
{
	char begin[512], *body = need(l->body + 1024, 1), head[512];
	const char *end = "\"}]}";
	size_t n, head_n, f = 0;

	n = (size_t)snprintf(begin, sizeof(begin),
			     "{\"model\":\"bench\",%s\"temperature\":0.2,\"max_tokens\":256,"
			     "\"user\":\"bench %llu %llu\",\"messages\":[{\"role\":\"system\","
			     "\"content\":\"You answer briefly.\"},{\"role\":\"user\","
			     "\"content\":\"",
			     l->stream_events > 0 ? "\"stream\":true," : "",
			     (unsigned long long)l->stream_events,
			     (unsigned long long)l->pace_us);
	memcpy(body, begin, n);
	/* Whole sentences, so that no escape is cut; blanks fill what is left. */
	while (n + sizeof(filler) - 1 + strlen(end) <= l->body) {
		memcpy(body + n, filler, sizeof(filler) - 1);
		n += sizeof(filler) - 1;
	}
	while (n + strlen(end) < l->body)
		body[n++] = "a word or two more "[f++ % 19];
	memcpy(body + n, end, strlen(end));
	n += strlen(end);
	head_n =
		(size_t)snprintf(head, sizeof(head),
				 "POST /v1/chat/completions HTTP/1.1\r\nHost: %s\r\n"
				 "Accept: application/json\r\n"
				 "Content-Type: application/json\r\n"
				 "User-Agent: OpenAI/Python 1.99.9\r\n"
				 "Authorization: Bearer sk-bench-0123456789abcdef0123456789\r\n"
				 "Content-Length: %zu\r\n\r\n",
				 l->to_text, n);
	l->request = need(head_n + n, 1);
	memcpy(l->request, head, head_n);
	memcpy(l->request + head_n, body, n);
	l->request_n = head_n + n;
	l->body = n;
	free(body);
}

/* ---- CPU time of others --------------------------------------------------------- */

static void sample_cpu(const struct load *l, struct cpu *to)
{
	for (size_t i = 0; i < l->watch_n; i++) {
		char path[64], text[1024], *p;
		struct timespec t;
		clockid_t clock;
		FILE *f;
		size_t n;

		/* All threads, to the nanosecond. */
		if (clock_getcpuclockid(l->watch[i], &clock) != 0 ||
		    clock_gettime(clock, &t) != 0)
			die("process %d is gone", l->watch[i]);
		to[i].total_ns = (uint64_t)t.tv_sec * NS_PER_S + (uint64_t)t.tv_nsec;
		/* How it splits, in ticks of 10 ms. */
		snprintf(path, sizeof(path), "/proc/%d/stat", l->watch[i]);
		f = fopen(path, "r");
		if (f == NULL)
			die("%s", path);
		n = fread(text, 1, sizeof(text) - 1, f);
		fclose(f);
		text[n] = '\0';
		p = strrchr(text, ')'); /* field 2; 14 and 15 are wanted */
		for (int field = 2; p != NULL && field < 14; field++)
			p = strchr(p + 1, ' ');
		if (p == NULL)
			die("%s: odd", path);
		to[i].user_ticks = strtoull(p, &p, 10);
		to[i].system_ticks = strtoull(p, &p, 10);
	}
}

/* ---- connections ---------------------------------------------------------------- */

static void begin_request(struct load *l, struct conn *c, uint64_t meant);
static void now_idle(struct load *l, struct conn *c);

static void want_out(struct load *l, struct conn *c, bool want)
{
	if (c->want_out == want)
		return;
	c->want_out = want;
	watch(l->ep, EPOLL_CTL_MOD, c->fd, EPOLLIN | (want ? EPOLLOUT : 0U), c);
}

static void connect_now(struct load *l, struct conn *c)
{
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		die("socket");
	no_delay(c->fd);
	c->state = CONNECTING;
	c->want_out = true;
	if (connect(c->fd, (struct sockaddr *)&l->to, sizeof(l->to)) < 0 &&
	    errno != EINPROGRESS)
		die("connect");
	watch(l->ep, EPOLL_CTL_ADD, c->fd, EPOLLIN | EPOLLOUT, c);
}

/* The peer closed or broke the connection, or said something odd. */
static void broken(struct load *l, struct conn *c)
{
	bool was_idle = c->state == IDLE;

	close(c->fd);
	c->fd = -1;
	c->state = FRESH;
	c->head_n = 0;
	if (was_idle) {
		for (size_t i = 0; i < l->idle_n; i++)
			if (l->idle[i] == c)
				l->idle[i] = l->idle[--l->idle_n];
		l->reconnects++;
	} else {
		l->errors++;
		if (l->errors > 1000 && l->requests < l->errors)
			die("too many errors: is the proxy well?");
	}
	if (!l->over && !l->hold)
		connect_now(l, c);
}

static void send_more(struct load *l, struct conn *c)
{
	while (c->sent < l->request_n) {
		ssize_t n =
			send(c->fd, l->request + c->sent, l->request_n - c->sent, MSG_NOSIGNAL);

		if (n < 0 && errno == EAGAIN) {
			want_out(l, c, true);
			return;
		}
		if (n < 0) {
			broken(l, c);
			return;
		}
		c->sent += (size_t)n;
	}
	c->state = HEAD;
	want_out(l, c, false);
}

static void begin_request(struct load *l, struct conn *c, uint64_t meant)
{
	c->meant = meant;
	c->sent = 0;
	c->head_n = 0;
	c->events = 0;
	c->newline = false;
	c->state = SENDING;
	c->keep = meant >= l->from && meant < l->to_ns;
	l->sent += c->keep;
	send_more(l, c);
}

static void now_idle(struct load *l, struct conn *c)
{
	c->state = IDLE;
	if (l->over) {
		l->idle[l->idle_n++] = c;
	} else if (l->rate <= 0) {
		begin_request(l, c, now_ns());
	} else if (l->waiting_n > 0) {
		uint64_t meant = l->waiting[l->waiting_at];

		l->waiting_at = (l->waiting_at + 1) % l->waiting_cap;
		l->waiting_n--;
		begin_request(l, c, meant);
	} else {
		l->idle[l->idle_n++] = c;
	}
}

static void finished(struct load *l, struct conn *c)
{
	if (c->status != 200 || (l->stream_events > 0 && c->events != l->stream_events + 1)) {
		if (c->status == 200)
			l->short_streams++;
		l->errors++;
	}
	if (l->measuring)
		l->requests++;
	if (c->keep) {
		l->finished++;
		hist_add(&l->latency, now_ns() - c->meant);
	}
	now_idle(l, c);
}

/* ---- answers -------------------------------------------------------------------- */

static void count_events(struct load *l, struct conn *c, const char *p, size_t n)
{
	const char *end = p + n;
	uint64_t events = 0;

	while (p < end) {
		if (*p == '\n') {
			events += c->newline;
			c->newline = !c->newline;
			p++;
			continue;
		}
		c->newline = false;
		p = memchr(p, '\n', (size_t)(end - p));
		if (p == NULL)
			break;
	}
	c->events += events;
	if (l->measuring)
		l->events += events;
	if (l->hold && !c->counted && c->events > 0) {
		c->counted = true;
		l->open++;
	}
}

static const char *field(const char *head, const char *name)
{
	const char *at = strcasestr(head, name);

	return at == NULL ? NULL : at + strlen(name);
}

/* How many bytes it took; the head may be cut anywhere. */
static size_t take_head(struct load *l, struct conn *c, const char *p, size_t n)
{
	size_t before = c->head_n, take = n, head_len;
	const char *end, *at;

	if (take > HEAD_MAX - before)
		take = HEAD_MAX - before;
	if (c->head == NULL)
		c->head = need(HEAD_MAX + 1, 1);
	memcpy(c->head + before, p, take);
	c->head_n += take;
	c->head[c->head_n] = '\0';
	end = strstr(c->head, "\r\n\r\n");
	if (end == NULL) {
		if (c->head_n == HEAD_MAX)
			die("an answer's head is over %d bytes", HEAD_MAX);
		return take;
	}
	head_len = (size_t)(end - c->head) + 4;
	c->head[head_len] = '\0';
	c->status = (unsigned)strtoul(c->head + 9, NULL, 10);
	if (c->keep)
		hist_add(&l->first_byte, now_ns() - c->meant);
	at = field(c->head, "\ncontent-length:");
	if (at != NULL) {
		c->left = strtoull(at, NULL, 10);
		c->state = LENGTH;
	} else if (field(c->head, "\ntransfer-encoding: chunked") != NULL) {
		c->left = 0;
		c->state = CHUNK_SIZE;
	} else {
		die("an answer without a length: %s", c->head);
	}
	if (c->status != 200 && l->errors == 0)
		fprintf(stderr, "bench: the first bad answer:\n%s\n", c->head);
	return head_len - before;
}

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* Size line, data, CRLF ...; what it took.  CHUNK_END with `last` waits for the final LF. */
static size_t take_chunked(struct load *l, struct conn *c, const char *p, size_t n)
{
	size_t i = 0;

	while (i < n) {
		if (c->state == CHUNK_DATA) {
			size_t part = n - i < c->left ? n - i : (size_t)c->left;

			count_events(l, c, p + i, part);
			i += part;
			c->left -= part;
			if (c->left == 0)
				c->state = CHUNK_END;
		} else if (c->state == CHUNK_SIZE) {
			if (p[i] == '\n') {
				c->last = c->left == 0;
				c->state = c->last ? CHUNK_END : CHUNK_DATA;
			} else if (hex(p[i]) >= 0) {
				c->left = c->left * 16 + (uint64_t)hex(p[i]);
			}
			i++;
		} else if (p[i++] == '\n') { /* CHUNK_END */
			c->state = CHUNK_SIZE;
			c->left = 0;
			if (c->last) {
				c->last = false;
				finished(l, c);
				return i;
			}
		}
	}
	return i;
}

static void take(struct load *l, struct conn *c, const char *p, size_t n)
{
	if (l->measuring)
		l->bytes += n;
	while (n > 0 && c->fd >= 0) {
		size_t took = n;

		switch (c->state) {
		case HEAD:
			took = take_head(l, c, p, n);
			if (c->state == LENGTH && c->left == 0)
				finished(l, c);
			break;
		case LENGTH:
			took = n < c->left ? n : (size_t)c->left;
			c->left -= took;
			if (c->left == 0)
				finished(l, c);
			break;
		case CHUNK_SIZE:
		case CHUNK_DATA:
		case CHUNK_END:
			took = take_chunked(l, c, p, n);
			break;
		case SENDING: /* an answer before the request was read: an error's, then a close
			       */
		case FRESH:
		case CONNECTING:
		case IDLE:
			broken(l, c);
			return;
		}
		p += took;
		n -= took;
	}
}

static void event(struct load *l, struct conn *c, uint32_t what)
{
	ssize_t n;

	if (c->fd < 0)
		return;
	if (c->state == CONNECTING) {
		int e = 0;
		socklen_t len = sizeof(e);

		getsockopt(c->fd, SOL_SOCKET, SO_ERROR, &e, &len);
		if (e != 0) {
			errno = e;
			die("connect to %s", l->to_text);
		}
		want_out(l, c, false);
		now_idle(l, c);
		return;
	}
	if (what & EPOLLOUT) {
		send_more(l, c);
		return;
	}
	n = recv(c->fd, l->scratch, SCRATCH, 0);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n <= 0)
		broken(l, c);
	else
		take(l, c, l->scratch, (size_t)n);
}

/* ---- time ----------------------------------------------------------------------- */

static double unit(struct load *l)
{
	l->rng ^= l->rng << 13;
	l->rng ^= l->rng >> 7;
	l->rng ^= l->rng << 17;
	return (double)(l->rng >> 11) / (double)(1ULL << 53);
}

/* -ln(1 - u), good to a millionth: without libm. */
static double exponential(struct load *l)
{
	double u = 1 - unit(l), x = 0, term, y;

	while (u < 0.5) {
		u *= 2;
		x += 0.69314718055994530942;
	}
	y = (1 - u) / (1 + u);
	term = y;
	for (int k = 1; k < 30; k += 2) {
		x += 2 * term / k;
		term *= y * y;
	}
	return x;
}

static void send_due(struct load *l, uint64_t now)
{
	while (l->rate > 0 && !l->over && l->next_send <= now) {
		uint64_t meant = l->next_send;

		l->next_send += (uint64_t)(exponential(l) * NS_PER_S / l->rate);
		if (l->idle_n > 0) {
			begin_request(l, l->idle[--l->idle_n], meant);
		} else if (l->waiting_n < l->waiting_cap) {
			l->waiting[(l->waiting_at + l->waiting_n++) % l->waiting_cap] = meant;
			l->late++;
		} else {
			die("the proxy is far behind the rate");
		}
	}
}

static void start_due(struct load *l, uint64_t now)
{
	double done = l->ramp <= 0 ? 1 : (double)(now - l->begin) / (l->ramp * NS_PER_S);
	size_t due = done >= 1 ? l->connections : (size_t)(done * (double)l->connections);

	/* Not more at once than a backlog holds. */
	for (int i = 0; i < 256 && l->started < due; i++)
		connect_now(l, &l->conns[l->started++]);
}

static uint64_t next_wake(const struct load *l, uint64_t now)
{
	uint64_t at = l->measuring ? l->to_ns : l->over ? now + NS_PER_MS : l->from;

	if (l->rate > 0 && !l->over && l->next_send < at)
		at = l->next_send;
	if (l->started < l->connections)
		at = now + NS_PER_MS / 2;
	return at;
}

static void one_turn(struct load *l, uint64_t until)
{
	struct epoll_event ev[BATCH];
	int n = wait_events(l->ep, ev, BATCH, until);

	for (int i = 0; i < n; i++)
		if (ev[i].data.ptr != NULL)
			event(l, ev[i].data.ptr, ev[i].events);
}

static void measure(struct load *l)
{
	uint64_t now;

	for (;;) {
		now = now_ns();
		if (!l->measuring && !l->over && now >= l->from) {
			sample_cpu(l, l->cpu0);
			l->t0 = now_ns();
			l->measuring = true;
		}
		if (l->measuring && now >= l->to_ns) {
			sample_cpu(l, l->cpu1);
			l->t1 = now_ns();
			l->measuring = false;
			l->over = true;
		}
		/* The last answers of an open loop are waited for: they may be the slow ones.
		 */
		if (l->over && (l->rate <= 0 || l->finished >= l->sent ||
				now > l->to_ns + 2ULL * NS_PER_S))
			return;
		start_due(l, now);
		send_due(l, now);
		one_turn(l, next_wake(l, now));
	}
}

static void hold(struct load *l)
{
	char line[16];
	bool told = false;

	fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK);
	watch(l->ep, EPOLL_CTL_ADD, STDIN_FILENO, EPOLLIN, NULL);
	for (;;) {
		uint64_t now = now_ns();

		start_due(l, now);
		one_turn(l, now + 5 * NS_PER_MS);
		if (!told && l->open + l->errors >= l->connections) {
			told = true;
			printf("open %zu\n", l->open);
			fflush(stdout);
		}
		if (read(STDIN_FILENO, line, sizeof(line)) >= 0)
			break;
	}
	for (size_t i = 0; i < l->connections; i++)
		if (l->conns[i].fd >= 0)
			close(l->conns[i].fd);
	puts("closed");
}

/* ---- main ----------------------------------------------------------------------- */

static void show(const struct load *l)
{
	static const struct {
		const char *name;
		double q;
	} quantiles[] = { { "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "p999", 0.999 } };
	double tick_ns = (double)NS_PER_S / (double)sysconf(_SC_CLK_TCK);
	const struct hist *h[] = { &l->latency, &l->first_byte };
	const char *names[] = { "latency_us", "first_byte_us" };
	uint64_t total = 0, user = 0, system = 0;

	for (size_t i = 0; i < l->watch_n; i++) {
		total += l->cpu1[i].total_ns - l->cpu0[i].total_ns;
		user += l->cpu1[i].user_ticks - l->cpu0[i].user_ticks;
		system += l->cpu1[i].system_ticks - l->cpu0[i].system_ticks;
	}
	printf("{\"seconds\":%.6f,\"requests\":%llu,\"events\":%llu,\"bytes\":%llu,"
	       "\"body_bytes\":%zu,\"errors\":%llu,\"short_streams\":%llu,\"reconnects\":%llu,"
	       "\"late\":%llu,\"unfinished\":%llu,\"cpu_ns\":%llu,\"cpu_user_ns\":%.0f,"
	       "\"cpu_system_ns\":%.0f",
	       (double)(l->t1 - l->t0) / NS_PER_S, (unsigned long long)l->requests,
	       (unsigned long long)l->events, (unsigned long long)l->bytes, l->body,
	       (unsigned long long)l->errors, (unsigned long long)l->short_streams,
	       (unsigned long long)l->reconnects, (unsigned long long)l->late,
	       (unsigned long long)(l->rate > 0 ? l->sent - l->finished : 0),
	       (unsigned long long)total, (double)user * tick_ns, (double)system * tick_ns);
	for (size_t i = 0; i < 2; i++) {
		printf(",\"%s\":{\"n\":%llu,\"mean\":%.2f,\"max\":%.2f", names[i],
		       (unsigned long long)h[i]->n,
		       h[i]->n > 0 ? (double)h[i]->sum / (double)h[i]->n / NS_PER_US : 0.0,
		       (double)h[i]->max / NS_PER_US);
		for (size_t q = 0; q < sizeof(quantiles) / sizeof(quantiles[0]); q++)
			printf(",\"%s\":%.2f", quantiles[q].name,
			       hist_quantile(h[i], quantiles[q].q) / NS_PER_US);
		printf("}");
	}
	printf("}\n");
}

static void option(struct load *l, const char *arg)
{
	const char *v = strchr(arg, '=');
	size_t n = v == NULL ? strlen(arg) : (size_t)(v - arg);

	v = v == NULL ? "" : v + 1;
#define IS(name) (n == sizeof(name) - 1 && memcmp(arg, name, n) == 0)
	if (IS("--connections"))
		l->connections = strtoul(v, NULL, 10);
	else if (IS("--rate"))
		l->rate = strtod(v, NULL);
	else if (IS("--body"))
		l->body = strtoul(v, NULL, 10);
	else if (IS("--stream"))
		l->stream_events = strtoull(v, NULL, 10);
	else if (IS("--pace"))
		l->pace_us = strtoull(v, NULL, 10);
	else if (IS("--warmup"))
		l->warmup = strtod(v, NULL);
	else if (IS("--seconds"))
		l->seconds = strtod(v, NULL);
	else if (IS("--ramp"))
		l->ramp = strtod(v, NULL);
	else if (IS("--watch") && l->watch_n < WATCH_MAX)
		l->watch[l->watch_n++] = (int)strtol(v, NULL, 10);
	else if (IS("--hold"))
		l->hold = true;
	else
		die("%s? (the head of bench/load.c lists the options)", arg);
#undef IS
}

int main(int argc, char **argv)
{
	struct load *l = need(1, sizeof(*l));

	errno = 0;
	if (argc < 2)
		die("usage: bench_load HOST:PORT [--option=value ...]");
	l->to_text = argv[1];
	l->to = address(argv[1]);
	l->connections = 32;
	l->body = 1024;
	l->warmup = 1;
	l->seconds = 4;
	l->pace_us = 10000;
	l->rng = 0x9e3779b97f4a7c15ULL;
	for (int i = 2; i < argc; i++)
		option(l, argv[i]);
	raise_file_limit();
	prctl(PR_SET_TIMERSLACK, 1UL); /* wake up on time */
	make_request(l);
	l->ep = epoll_create1(EPOLL_CLOEXEC);
	l->scratch = need(SCRATCH, 1);
	l->conns = need(l->connections, sizeof(*l->conns));
	l->idle = need(l->connections, sizeof(struct conn *));
	l->waiting_cap = 1 << 16;
	l->waiting = need(l->waiting_cap, sizeof(uint64_t));
	for (size_t i = 0; i < l->connections; i++)
		l->conns[i].fd = -1;
	l->begin = now_ns();
	l->from = l->hold ? UINT64_MAX : l->begin + (uint64_t)(l->warmup * NS_PER_S);
	l->to_ns = l->hold ? UINT64_MAX : l->from + (uint64_t)(l->seconds * NS_PER_S);
	l->next_send = l->begin + (uint64_t)(l->ramp * NS_PER_S) + 50ULL * NS_PER_MS;
	if (l->hold)
		hold(l);
	else
		measure(l);
	show(l);
	return 0;
}
