#include "fuzz.h"

#include "base/sb.h"
#include "wire/lines.h"

/* What was read as text: of the input whole and cut, and by the plainest reader. */
struct account {
	struct sb out;
	bool passed; /* the last thing noted was a passed line */
	char room[1 << 18];
};

static void begin(struct account *a)
{
	sb_init(&a->out, a->room, sizeof(a->room));
	a->passed = false;
}

static void note(struct account *a, struct slice text)
{
	a->passed = false;
	sb_char(&a->out, '<');
	sb_str(&a->out, text);
	sb_char(&a->out, '>');
}

/* In how many pieces a line is passed depends on the cuts. */
static void note_pass(struct account *a)
{
	if (!a->passed)
		sb_lit(&a->out, "P");
	a->passed = true;
}

static void plain_read(struct account *a, struct slice in, size_t max)
{
	while (in.n > 0) {
		size_t lf = slice_find_char(in, '\n');
		size_t n = lf == SLICE_NONE ? in.n : lf + 1;
		struct slice text = slice_head(in, lf == SLICE_NONE ? n : lf);

		if (lf != SLICE_NONE && slice_ends(text, LIT("\r")))
			text.n--;
		if (n > max)
			note_pass(a);
		else
			note(a, text);
		in = slice_skip(in, n);
	}
}

static void read_piece(struct lines *r, struct account *a, struct slice in, struct slice *left)
{
	struct line line;
	enum lines_step step;

	while ((step = lines_next(r, &in, &line)) != LINES_MORE) {
		INVARIANT(step != LINES_ERROR && line.raw.n > 0);
		INVARIANT(slice_starts(*left, line.raw));
		*left = slice_skip(*left, line.raw.n);
		if (step == LINES_PASS)
			note_pass(a);
		else
			note(a, line.text);
	}
	INVARIANT(in.n == 0);
}

static void read_all(struct account *a, struct slice in, size_t max, bool cut)
{
	struct slice left = in;
	struct fuzz_cuts cuts;
	struct fuzz_mem mem;
	struct lines r;
	struct line line;

	fuzz_mem_init(&mem, 0);
	lines_init(&r, &mem.mem, max);
	fuzz_cuts_init(&cuts, in);
	if (!cut)
		read_piece(&r, a, in, &left);
	while (cut && in.n > 0)
		read_piece(&r, a, fuzz_cut(&cuts, &in), &left);
	if (lines_eof(&r, &line) && line.raw.n > 0) {
		INVARIANT(slice_eq(left, line.raw));
		note(a, line.text);
		left.n = 0;
	}
	INVARIANT(left.n == 0);
	lines_free(&r);
	INVARIANT(mem.live == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct account plain, whole, cut;
	struct slice in = slice_of((const char *)data, size_min(size, 1 << 15));
	size_t max;

	if (in.n == 0)
		return 0;
	max = data[0];
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
