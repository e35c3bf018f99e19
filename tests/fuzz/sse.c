#include "fuzz.h"

#include "base/sb.h"
#include "wire/sse.h"

/* What was read as text, so that three readings can be compared: the reader on the whole
 * input, on cut input, and the plainest reader we could write. */
struct account {
	struct sb out;
	char room[1 << 18];
};

static void begin(struct account *a)
{
	sb_init(&a->out, a->room, sizeof(a->room));
}

static void note_event(struct account *a, bool has_data, struct slice name, struct slice data)
{
	if (!has_data && name.n == 0)
		return;
	sb_lit(&a->out, has_data ? "E<" : "N<");
	sb_str(&a->out, name);
	sb_char(&a->out, '|');
	sb_str(&a->out, data);
	sb_char(&a->out, '>');
}

/* How many pieces an event is passed in depends on the cuts. */
static void note_pass(struct account *a)
{
	if (!slice_ends(sb_slice(&a->out), LIT("P")))
		sb_char(&a->out, 'P');
}

/* ---- the plain reader ---------------------------------------------------------- */

struct plain {
	struct slice in;
	size_t at;
};

/* The next line without its end; *size counts the end, but not the LF of a CRLF. */
static bool plain_line(struct plain *p, struct slice *line, size_t *size, bool *ended)
{
	size_t i = p->at;

	if (i == p->in.n)
		return false;
	while (i < p->in.n && p->in.p[i] != '\n' && p->in.p[i] != '\r')
		i++;
	*line = slice_of(p->in.p + p->at, i - p->at);
	*ended = i < p->in.n;
	*size = line->n + (*ended ? 1 : 0);
	if (*ended && p->in.p[i] == '\r' && i + 1 < p->in.n && p->in.p[i + 1] == '\n')
		i++;
	p->at = i + (*ended ? 1 : 0);
	return true;
}

static void plain_fields(struct account *a, struct slice block, bool first)
{
	static char room[1 << 16];
	struct plain p = { block, 0 };
	struct slice line, name = { NULL, 0 };
	bool has_data = false, ended;
	struct sb data;
	size_t size;

	sb_init(&data, room, sizeof(room));
	if (first && slice_starts(block, LIT("\xef\xbb\xbf")))
		p.at = 3;
	while (plain_line(&p, &line, &size, &ended)) {
		size_t colon = slice_find_char(line, ':');
		struct slice field = slice_head(line, colon);
		struct slice value = colon == SLICE_NONE ? LIT("")
							 : slice_skip(line, colon + 1);

		if (slice_starts(value, LIT(" ")))
			value = slice_skip(value, 1);
		if (slice_eq(field, LIT("data"))) {
			if (has_data)
				sb_char(&data, '\n');
			sb_str(&data, value);
			has_data = true;
		} else if (slice_eq(field, LIT("event"))) {
			name = value;
		}
	}
	note_event(a, has_data, name, sb_slice(&data));
}

static void plain_read(struct account *a, struct slice in, size_t max)
{
	struct plain p = { in, 0 };
	size_t start = 0, size;
	struct slice line;
	bool inside = false, ended, over;

	while (plain_line(&p, &line, &size, &ended)) {
		size_t line_at = (size_t)(line.p - in.p);

		if (line.n == 0 && !inside)
			continue;
		if (!inside)
			start = line_at;
		inside = line.n > 0;
		if (inside)
			continue;
		over = line_at + size - start > max;
		if (over)
			note_pass(a);
		else
			plain_fields(a, slice_of(in.p + start, p.at - start), start == 0);
	}
	if (!inside)
		return;
	over = in.n - start > max;
	if (over)
		note_pass(a);
	sb_lit(&a->out, "EOF:");
	if (!over)
		plain_fields(a, slice_skip(in, start), start == 0);
}

/* ---- the real one --------------------------------------------------------------- */

struct reading {
	struct sse sse;
	struct account *account;
	struct slice left; /* of the input: raw pieces must follow it exactly */
};

static void take_raw(struct reading *r, struct slice raw)
{
	INVARIANT(slice_starts(r->left, raw));
	r->left = slice_skip(r->left, raw.n);
}

static void read_piece(struct reading *r, struct slice in)
{
	struct sse_event ev;
	enum sse_step step;

	while ((step = sse_next(&r->sse, &in, &ev)) != SSE_MORE) {
		INVARIANT(step != SSE_ERROR && ev.raw.n > 0);
		take_raw(r, ev.raw);
		if (step == SSE_PASS)
			note_pass(r->account);
		else
			note_event(r->account, ev.has_data, ev.name, ev.data);
	}
	INVARIANT(in.n == 0);
}

static void read_all(struct account *a, struct slice in, size_t max, bool cut)
{
	struct fuzz_cuts cuts;
	struct reading r = { .account = a, .left = in };
	struct sse_event ev;
	struct fuzz_mem mem;

	fuzz_mem_init(&mem, 0);
	sse_init(&r.sse, &mem.mem, max);
	fuzz_cuts_init(&cuts, in);
	if (!cut)
		read_piece(&r, in);
	while (cut && in.n > 0)
		read_piece(&r, fuzz_cut(&cuts, &in));
	if (sse_eof(&r.sse, &ev)) {
		sb_lit(&a->out, "EOF:");
		take_raw(&r, ev.raw);
		note_event(a, ev.has_data, ev.name, ev.data);
	}
	INVARIANT(r.left.n == 0);
	sse_free(&r.sse);
	INVARIANT(mem.live == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct account plain, whole, cut;
	struct slice in = slice_of((const char *)data, size_min(size, 1 << 15));
	size_t max;

	if (in.n == 0)
		return 0;
	max = (size_t)data[0] * 4;
	in = slice_skip(in, 1);
	begin(&plain);
	begin(&whole);
	begin(&cut);
	plain_read(&plain, in, max);
	read_all(&whole, in, max, false);
	read_all(&cut, in, max, true);
	INVARIANT(!plain.out.cut);
	INVARIANT(slice_eq(sb_slice(&plain.out), sb_slice(&whole.out)));
	INVARIANT(slice_eq(sb_slice(&plain.out), sb_slice(&cut.out)));
	return 0;
}
