#include "net_peer.h"

enum { TICKS_MAX = 60000 };

static void on_tick(struct timer *t)
{
	loop_stop(t->loop);
}

void clockwork_begin(struct clockwork *w)
{
	struct err err = { 0 };

	*w = (struct clockwork){ 0 };
	CHECK_RC(loop_new(&w->l, &err), OK);
	timer_init(&w->timer, w->l, on_tick);
}

void clockwork_end(struct clockwork *w)
{
	pass(w, 10 * MS_US); /* what was closed in an orderly way may finish */
	timer_done(&w->timer);
	loop_free(w->l);
}

void pass(struct clockwork *w, uint64_t us)
{
	CHECK(w->ticks++ < TICKS_MAX);
	timer_set(&w->timer, us);
	loop_run(w->l);
}

void tick(struct clockwork *w)
{
	pass(w, MS_US);
}

static void on_opened(void *ctx)
{
	((struct peer *)ctx)->opened = true;
}

static void on_data(void *ctx, struct slice bytes)
{
	struct peer *p = ctx;

	CHECK(bytes.n < PEER_BYTES - p->n);
	memcpy(p->got + p->n, bytes.p, bytes.n);
	p->n += bytes.n;
	p->got[p->n] = '\0';
}

static void on_drained(void *ctx)
{
	((struct peer *)ctx)->drained = true;
}

static void on_ended(void *ctx, enum rc why, const struct err *err UNUSED)
{
	struct peer *p = ctx;

	p->ended = true;
	p->why = why;
}

static const struct conn_events events = {
	.opened = on_opened,
	.data = on_data,
	.drained = on_drained,
	.ended = on_ended,
};

static void begin(struct peer *p, struct clockwork *w)
{
	*p = (struct peer){ .w = w };
	p->got = malloc(PEER_BYTES);
	CHECK(p->got != NULL);
	p->got[0] = '\0';
}

void peer_connect(struct peer *p, struct clockwork *w, const struct address *to)
{
	struct err err = { 0 };

	begin(p, w);
	CHECK_RC(conn_connect(&p->c, w->l, to, NULL, LIT(""), &events, p, &err), OK);
	while (!p->opened && !p->ended)
		tick(w);
}

void peer_take(struct peer *p, struct clockwork *w, struct conn *c)
{
	begin(p, w);
	p->c = c;
	p->opened = true;
	conn_listen(c, &events, p);
}

void peer_close(struct peer *p, enum conn_close how)
{
	if (p->c != NULL)
		conn_close(p->c, how);
	p->c = NULL;
	free(p->got);
	p->got = NULL;
}

void peer_say(struct peer *p, struct slice s)
{
	while (s.n > 0) {
		struct slice piece = slice_head(s, CONN_QUEUE_MAX / 2);
		enum rc rc = conn_write(p->c, &piece, 1);

		if (rc == E_TOOBIG) {
			tick(p->w);
			continue;
		}
		if (rc == E_CLOSED)
			return; /* the other end did not want it all */
		CHECK_RC(rc, OK);
		s = slice_skip(s, piece.n);
	}
}

void peer_await(struct peer *p, const char *what)
{
	while (slice_find(slice_of(p->got, p->n), slice_cstr(what)) == SLICE_NONE) {
		if (p->ended || p->w->ticks + 1 >= TICKS_MAX)
			check_got(p, what, true, __FILE__, __LINE__);
		tick(p->w);
	}
}

void peer_await_end(struct peer *p)
{
	while (!p->ended)
		tick(p->w);
}

void peer_forget(struct peer *p)
{
	p->n = 0;
	p->got[0] = '\0';
}

size_t peer_count(const struct peer *p, const char *what)
{
	struct slice rest = slice_of(p->got, p->n);
	size_t n = 0;

	for (;;) {
		size_t at = slice_find(rest, slice_cstr(what));

		if (at == SLICE_NONE)
			return n;
		n++;
		rest = slice_skip(rest, at + strlen(what));
	}
}

void check_got(const struct peer *p, const char *what, bool want, const char *file, int line)
{
	bool has = slice_find(slice_of(p->got, p->n), slice_cstr(what)) != SLICE_NONE;

	if (has != want) {
		print_error("%s \"%s\" in:\n%.*s\n", want ? "no" : "an unwanted", what,
			    (int)size_min(p->n, 2000), p->got);
		_fail(file, line);
	}
}
