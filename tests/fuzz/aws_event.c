#include "fuzz.h"

#include "base/hash.h"
#include "base/sb.h"
#include "wire/aws_event.h"

/* The checksums would keep a fuzzer outside.  So the input is a list of frames in a simpler
 * form, which get right ones unless a byte says otherwise: flags, lengths of headers and
 * payload (a byte each), headers, payload. */
static struct slice frames_of(struct slice in, char *room, size_t cap)
{
	size_t n = 0;

	while (in.n >= 3 && cap - n >= 1024) {
		const unsigned flags = (unsigned char)in.p[0];
		const size_t headers_n = (unsigned char)in.p[1];
		const size_t payload_n = (unsigned char)in.p[2];
		const struct slice body = slice_head(slice_skip(in, 3), headers_n + payload_n);
		const size_t total = 16 + headers_n + payload_n + (flags & 1);
		const uint32_t head[3] = { (uint32_t)total, (uint32_t)headers_n, 0 };
		char *at = room + n;
		uint32_t crc;

		for (size_t i = 0; i < 8; i++)
			at[i] = (char)(unsigned char)(head[i / 4] >> (24 - i % 4 * 8));
		crc = crc32_add(0, slice_of(at, 8)) ^ (flags >> 1 & 1);
		for (size_t i = 0; i < 4; i++)
			at[8 + i] = (char)(unsigned char)(crc >> (24 - i * 8));
		if (body.n > 0)
			memcpy(at + 12, body.p, body.n);
		crc = crc32_add(0, slice_of(at, 12 + body.n)) ^ (flags >> 2 & 1);
		for (size_t i = 0; i < 4; i++)
			at[12 + body.n + i] = (char)(unsigned char)(crc >> (24 - i * 8));
		n += 16 + body.n;
		in = slice_skip(in, 3 + body.n);
	}
	return slice_of(room, n);
}

struct account {
	struct sb out;
	bool passed;
	bool error;
	char room[1 << 18];
};

static void begin(struct account *a)
{
	sb_init(&a->out, a->room, sizeof(a->room));
	a->passed = a->error = false;
}

static void note(struct account *a, const struct aws_event *ev)
{
	a->passed = false;
	sb_char(&a->out, (char)('0' + (int)ev->kind));
	sb_str(&a->out, ev->name);
	sb_char(&a->out, '|');
	sb_str(&a->out, ev->message);
	sb_char(&a->out, '|');
	sb_str(&a->out, ev->content_type);
	sb_char(&a->out, '|');
	sb_str(&a->out, ev->payload);
	sb_char(&a->out, '\n');
}

static void note_pass(struct account *a)
{
	if (!a->passed)
		sb_char(&a->out, 'P');
	a->passed = true;
}

static void read_piece(struct aws_reader *r, struct account *a, struct slice in,
		       struct slice *left)
{
	struct aws_event ev;
	enum aws_step step;

	while ((step = aws_next(r, &in, &ev)) != AWS_MORE) {
		if (step == AWS_ERROR) {
			INVARIANT(r->why != NULL);
			a->error = true;
			return;
		}
		INVARIANT(ev.raw.n > 0 && slice_starts(*left, ev.raw));
		*left = slice_skip(*left, ev.raw.n);
		if (step == AWS_PASS)
			note_pass(a);
		else
			note(a, &ev);
	}
	INVARIANT(in.n == 0);
}

static void read_all(struct account *a, struct slice in, size_t max, bool cut)
{
	struct slice left = in;
	struct fuzz_cuts cuts;
	struct fuzz_mem mem;
	struct aws_reader r;

	begin(a);
	fuzz_mem_init(&mem, 0);
	aws_init(&r, &mem.mem, max);
	fuzz_cuts_init(&cuts, in);
	if (!cut)
		read_piece(&r, a, in, &left);
	while (cut && in.n > 0 && !a->error)
		read_piece(&r, a, fuzz_cut(&cuts, &in), &left);
	INVARIANT(!aws_eof(&r) || (left.n == 0 && !a->error));
	aws_free(&r);
	INVARIANT(mem.live == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct account whole, cut;
	static char room[1 << 16];
	struct slice in = slice_of((const char *)data, size_min(size, 1 << 14));
	size_t max;

	if (in.n < 2)
		return 0;
	max = (size_t)data[0] * 2;
	/* Half of the inputs are bytes as they come. */
	in = data[1] % 2 == 0 ? slice_skip(in, 2)
			      : frames_of(slice_skip(in, 2), room, sizeof(room));
	read_all(&whole, in, max, false);
	read_all(&cut, in, max, true);
	INVARIANT(!whole.out.cut);
	INVARIANT(whole.error == cut.error);
	INVARIANT(slice_eq(sb_slice(&whole.out), sb_slice(&cut.out)));
	return 0;
}
