#include "check.h"

#include "base/hash.h"
#include "base/sb.h"
#include "wire/aws_event.h"

/* A frame that AWS's own reader (botocore) takes: messageStart {"role":"assistant"}. */
static const char START[] =
	"000000760000005296d5fade0b3a6576656e742d7479706507000c6d657373616765537461727"
	"40d3a636f6e74656e742d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573"
	"736167652d747970650700056576656e747b22726f6c65223a22617373697374616e74227d6fa"
	"8c599";

enum { ROOM = 4096 };

static size_t unhex(const char *hex, char *to)
{
	size_t n = strlen(hex) / 2;

	for (size_t i = 0; i < n; i++) {
		unsigned v = 0;

		for (int j = 0; j < 2; j++) {
			const char c = hex[i * 2 + (size_t)j];

			v = v << 4 | (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
		}
		to[i] = (char)(unsigned char)v;
	}
	return n;
}

static void put32(char *to, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		to[i] = (char)(unsigned char)(v >> (24 - 8 * i));
}

/* A frame of these headers (as bytes) and this payload; lengths may be wrong on purpose. */
static size_t frame(char *to, struct slice headers, struct slice payload, uint32_t total,
		    uint32_t headers_n)
{
	const size_t n = 12 + headers.n + payload.n;

	put32(to, total);
	put32(to + 4, headers_n);
	put32(to + 8, crc32_add(0, slice_of(to, 8)));
	memcpy(to + 12, headers.p, headers.n);
	memcpy(to + 12 + headers.n, payload.p, payload.n);
	put32(to + n, crc32_add(0, slice_of(to, n)));
	return n + 4;
}

static size_t good_frame(char *to, struct slice headers, struct slice payload)
{
	return frame(to, headers, payload, (uint32_t)(headers.n + payload.n + 16),
		     (uint32_t)headers.n);
}

/* What was read, written out. */
struct seen {
	char log[ROOM];
	struct sb out;
	char raw[ROOM];
	struct sb all;
	bool error;
};

static void seen_init(struct seen *s)
{
	sb_init(&s->out, s->log, sizeof(s->log) - 1);
	sb_init(&s->all, s->raw, sizeof(s->raw));
	s->error = false;
}

static void feed(struct aws_reader *r, struct slice in, struct seen *s)
{
	struct aws_event ev;

	for (;;)
		switch (aws_next(r, &in, &ev)) {
		case AWS_MORE:
			CHECK_INT(in.n, 0);
			return;
		case AWS_EVENT:
			sb_str(&s->all, ev.raw);
			sb_fmt(&s->out, "%d<%.*s|%.*s|%.*s>", ev.kind, SARG(ev.name),
			       SARG(ev.message), SARG(ev.payload));
			break;
		case AWS_PASS:
			CHECK(ev.raw.n > 0);
			sb_str(&s->all, ev.raw);
			if (s->out.n == 0 || s->log[s->out.n - 1] != 'P')
				sb_char(&s->out, 'P');
			break;
		case AWS_ERROR:
			s->error = true;
			return;
		}
}

static void check_one(struct slice in, size_t max, const char *want, const char *why)
{
	struct test_mem m;
	struct aws_reader r;
	struct seen s;

	test_mem_init(&m, 0);
	aws_init(&r, &m.mem, max);
	seen_init(&s);
	feed(&r, in, &s);
	CHECK_SLICE(sb_slice(&s.out), want);
	CHECK_INT(s.error, why != NULL);
	if (why != NULL)
		CHECK_STR(r.why, why);
	else
		CHECK(slice_eq(sb_slice(&s.all), in));
	CHECK_INT(aws_eof(&r), why == NULL);
	aws_free(&r);
	CHECK_INT(m.live, 0);
}

static void a_frame_of_aws_is_read(void **state UNUSED)
{
	char in[ROOM];
	const size_t n = unhex(START, in);

	CHECK_INT(n, 118);
	check_one(slice_of(in, n), ROOM, "0<messageStart||{\"role\":\"assistant\"}>", NULL);
}

static void what_is_written_is_what_aws_writes(void **state UNUSED)
{
	struct json_out o, payload;
	struct test_mem m;
	struct arena a;
	struct slice got;
	char want[ROOM];
	size_t n = unhex(START, want);

	test_mem_init(&m, 0);
	arena_init(&a, &m.mem, 256, 65536);
	out_init(&o, &a);
	out_init(&payload, &a);
	out_object(&payload), out_key(&payload, "role"), out_lit(&payload, "assistant");
	out_close(&payload);
	aws_event_out(&o, LIT("messageStart"), &payload);
	got = out_slice(&o);
	CHECK(slice_eq(got, slice_of(want, n)));

	out_init(&o, &a);
	out_init(&payload, &a);
	out_json(&payload, LIT("{\"message\":\"slow\"}"));
	aws_exception_out(&o, LIT("throttlingException"), &payload);
	got = out_slice(&o);
	CHECK_INT(got.n, 131);
	unhex("0000008300000061a9d144e5", want);
	CHECK(slice_starts(got, slice_of(want, 12)));
	unhex("9350311c", want);
	CHECK(slice_ends(got, slice_of(want, 4)));
	check_one(got, ROOM, "1<throttlingException||{\"message\":\"slow\"}>", NULL);
	arena_free(&a);
	CHECK_INT(m.live, 0);
}

/* Three frames, one of them without headers and payload. */
static size_t some(char *to)
{
	size_t n = unhex(START, to);

	n += good_frame(to + n, LIT(""), LIT(""));
	n += good_frame(to + n,
			LIT("\x0d:message-type\x07\x00\x05"
			    "error\x0b:error-code\x07\x00\x03"
			    "big\x0e:error-message\x07\x00\x04"
			    "word"),
			LIT(""));
	return n;
}

static const char SOME[] = "0<messageStart||{\"role\":\"assistant\"}>0<||>2<big|word|>";

static void any_cut_gives_the_same_frames(void **state UNUSED)
{
	char in[ROOM];
	const size_t n = some(in);

	check_one(slice_of(in, n), ROOM, SOME, NULL);
	for (size_t cut = 0; cut <= n; cut++) {
		struct test_mem m;
		struct aws_reader r;
		struct seen s;

		test_mem_init(&m, 0);
		aws_init(&r, &m.mem, ROOM);
		seen_init(&s);
		feed(&r, slice_of(in, cut), &s);
		CHECK_INT(aws_eof(&r), cut == 0 || cut == 118 || cut == 134 || cut == n);
		feed(&r, slice_of(in + cut, n - cut), &s);
		CHECK_SLICE(sb_slice(&s.out), SOME);
		CHECK(slice_eq(sb_slice(&s.all), slice_of(in, n)));
		aws_free(&r);
		CHECK_INT(m.live, 0);
	}
}

static void a_byte_at_a_time_gives_the_same_frames(void **state UNUSED)
{
	char in[ROOM];
	const size_t n = some(in);

	/* With every maximum: some frames are passed then. */
	for (size_t max = 0; max < 140; max++) {
		struct seen whole, bytes;
		struct test_mem m;
		struct aws_reader r;

		test_mem_init(&m, 0);
		aws_init(&r, &m.mem, max);
		seen_init(&whole);
		feed(&r, slice_of(in, n), &whole);
		CHECK(aws_eof(&r));
		aws_free(&r);
		aws_init(&r, &m.mem, max);
		seen_init(&bytes);
		for (size_t i = 0; i < n; i++)
			feed(&r, slice_of(in + i, 1), &bytes);
		CHECK(aws_eof(&r));
		aws_free(&r);
		CHECK_INT(m.live, 0);
		CHECK(slice_eq(sb_slice(&whole.out), sb_slice(&bytes.out)));
		CHECK(slice_eq(sb_slice(&bytes.all), slice_of(in, n)));
		CHECK_INT(whole.error || bytes.error, 0);
	}
	check_one(slice_of(in, n), 117, "P0<||>2<big|word|>", NULL);
	check_one(slice_of(in, n), 118, SOME, NULL);
}

static void any_changed_byte_is_noticed(void **state UNUSED)
{
	char in[ROOM];
	const size_t n = unhex(START, in);

	for (size_t i = 0; i < n; i++) {
		in[i] = (char)(in[i] ^ 0x10);
		check_one(slice_of(in, n), ROOM, "",
			  i < 12 ? "prelude checksum" : "message checksum");
		in[i] = (char)(in[i] ^ 0x10);
	}
}

static void lengths_that_cannot_be_are_refused(void **state UNUSED)
{
	static const struct {
		uint32_t total, headers;
		const char *why;
	} t[] = {
		{ 15, 0, "frame too short" },
		{ 0, 0, "frame too short" },
		{ 20, 5, "frame too short" },
		{ UINT32_MAX, AWS_HEADERS_MAX + 1, "headers too long" },
		{ 16, UINT32_MAX, "headers too long" },
		{ 16 + AWS_PAYLOAD_MAX + 1, 0, "payload too long" },
		{ UINT32_MAX, AWS_HEADERS_MAX, "payload too long" },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		char in[64];
		const size_t n = frame(in, LIT(""), LIT(""), t[i].total, t[i].headers);

		check_one(slice_of(in, n), ROOM, "", t[i].why);
	}
}

static void headers_of_all_types_are_passed_over(void **state UNUSED)
{
	char in[ROOM];
	const size_t n = good_frame(in,
				    LIT("\x01"
					"a\x00\x01"
					"b\x01\x01"
					"c\x02\x07\x01"
					"d\x03\x00\x07\x01"
					"e\x04\x00\x00\x00\x07\x01"
					"f\x05\x00\x00\x00\x00\x00\x00\x00\x07\x01"
					"g\x06\x00\x02xy\x01"
					"h\x07\x00\x00\x01"
					"i\x08\x00\x00\x00\x00\x00\x00\x00\x07\x01"
					"j\x09uuuuuuuuuuuuuuuu\x0b:event-type\x07\x00\x01Z"),
				    LIT("{}"));

	check_one(slice_of(in, n), ROOM, "0<Z||{}>", NULL);
}

static void malformed_headers_are_refused(void **state UNUSED)
{
	static const struct {
		const char *p;
		size_t n;
	} t[] = {
		{ "\x05", 1 },
		{ "\x01"
		  "a",
		  2 },
		{ "\x01"
		  "a\x0a",
		  3 },
		{ "\x01"
		  "a\xff",
		  3 },
		{ "\x01"
		  "a\x07\x00",
		  4 },
		{ "\x01"
		  "a\x07\x00\x02x",
		  6 },
		{ "\x01"
		  "a\x09uuuuuuuuuuuuuuu",
		  18 },
	};

	for (size_t i = 0; i < ARRAY_LEN(t); i++) {
		char in[ROOM];
		const size_t n = good_frame(in, slice_of(t[i].p, t[i].n), LIT("{}"));

		check_one(slice_of(in, n), ROOM, "", "malformed headers");
	}
}

static void run_out(struct test_mem *m)
{
	struct aws_reader r;
	struct seen s;
	char in[ROOM];
	const size_t n = some(in);

	aws_init(&r, &m->mem, ROOM);
	seen_init(&s);
	for (size_t i = 0; i < n && !s.error; i++)
		feed(&r, slice_of(in + i, 1), &s);
	CHECK_INT(s.error, m->failed);
	CHECK(s.error == false || r.why == NULL);
	if (!s.error)
		CHECK_SLICE(sb_slice(&s.out), SOME);
	aws_free(&r);
}

static void no_memory_is_an_error(void **state UNUSED)
{
	sweep(run_out);
}

static void large_payloads_are_not_copied(void **state UNUSED)
{
	static char big[100000];
	struct json_out o, payload;
	struct test_mem m;
	struct arena a;

	test_mem_init(&m, 0);
	memset(big, 'x', sizeof(big));
	arena_init(&a, &m.mem, 256, 16384);
	out_init(&o, &a);
	out_init(&payload, &a);
	out_text(&payload, (struct json_text){ { big, sizeof(big) } });
	aws_event_out(&o, LIT("x"), &payload);
	CHECK(out_ok(&o));
	CHECK_INT(o.n, 3);
	arena_free(&a);

	/* What failed fails the frame. */
	arena_init(&a, &m.mem, 256, 16384);
	out_init(&o, &a);
	payload.failed = true;
	aws_event_out(&o, LIT("x"), &payload);
	CHECK(!out_ok(&o));
	out_init(&o, &a);
	out_init(&payload, &a);
	payload.bytes = AWS_PAYLOAD_MAX + 1;
	aws_event_out(&o, LIT("x"), &payload);
	CHECK(!out_ok(&o));
	arena_free(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_frame_of_aws_is_read),
		cmocka_unit_test(what_is_written_is_what_aws_writes),
		cmocka_unit_test(any_cut_gives_the_same_frames),
		cmocka_unit_test(a_byte_at_a_time_gives_the_same_frames),
		cmocka_unit_test(any_changed_byte_is_noticed),
		cmocka_unit_test(lengths_that_cannot_be_are_refused),
		cmocka_unit_test(headers_of_all_types_are_passed_over),
		cmocka_unit_test(malformed_headers_are_refused),
		cmocka_unit_test(large_payloads_are_not_copied),
		cmocka_unit_test(no_memory_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
