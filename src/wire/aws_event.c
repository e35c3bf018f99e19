#include "wire/aws_event.h"

#include "base/hash.h"

enum {
	PRELUDE_N = 12,
	CRC_N = 4,
	TYPE_STRING = 7,
	NAME_MAX_BYTES = 255, /* of an event: far under what a header may have */
};

void aws_init(struct aws_reader *s, struct mem *mem, size_t event_max)
{
	*s = (struct aws_reader){ .mem = mem, .event_max = event_max };
	buf_init(&s->held, mem, size_max(event_max, PRELUDE_N));
}

void aws_free(struct aws_reader *s)
{
	buf_free(&s->held);
	s->given = false;
}

static uint32_t u32_read(const char *p)
{
	const unsigned char *b = (const unsigned char *)p;

	return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static size_t u16_read(const char *p)
{
	return (size_t)(unsigned char)p[0] << 8 | (unsigned char)p[1];
}

static enum aws_step spend(struct aws_reader *s, const char *why)
{
	s->spent = true;
	s->why = why;
	aws_free(s);
	return AWS_ERROR;
}

/* ---- one frame ---- */

/* What is wrong with the first twelve bytes of a frame, or NULL. */
static const char *prelude_check(const char *p)
{
	const uint64_t total = u32_read(p);
	const uint64_t headers = u32_read(p + 4);

	if (u32_read(p + 8) != crc32_add(0, slice_of(p, 8)))
		return "prelude checksum";
	if (headers > AWS_HEADERS_MAX)
		return "headers too long";
	if (total < AWS_FRAME_MIN + headers)
		return "frame too short";
	if (total - AWS_FRAME_MIN - headers > AWS_PAYLOAD_MAX)
		return "payload too long";
	return NULL;
}

/* The bytes of a value of this type, at the start of `rest`; SIZE_MAX: none such. */
static size_t value_size(unsigned type, struct slice rest)
{
	static const unsigned char fixed[10] = {
		[2] = 1, [3] = 2, [4] = 4, [5] = 8, [8] = 8, [9] = 16
	};

	if (type == 6 || type == TYPE_STRING)
		return rest.n < 2 ? SIZE_MAX : 2 + u16_read(rest.p);
	return type < ARRAY_LEN(fixed) ? fixed[type] : SIZE_MAX;
}

/* Takes one header; a value that is not a string is empty. */
static bool header_next(struct slice *rest, struct slice *name, struct slice *value)
{
	struct slice in = *rest;
	size_t n = (unsigned char)in.p[0];
	unsigned type;

	if (in.n < n + 2)
		return false;
	*name = slice_of(in.p + 1, n);
	type = (unsigned char)in.p[1 + n];
	in = slice_skip(in, n + 2);
	n = value_size(type, in);
	if (n > in.n)
		return false;
	*value = type == TYPE_STRING ? slice_of(in.p + 2, n - 2) : slice_of(NULL, 0);
	*rest = slice_skip(in, n);
	return true;
}

static bool headers_read(struct slice rest, struct aws_event *ev)
{
	struct slice kind = LIT("event");
	struct slice event = { NULL, 0 }, exception = { NULL, 0 }, error = { NULL, 0 };
	struct slice name, value;

	while (rest.n > 0) {
		if (!header_next(&rest, &name, &value))
			return false;
		if (slice_eq(name, LIT(":event-type")))
			event = value;
		else if (slice_eq(name, LIT(":message-type")))
			kind = value;
		else if (slice_eq(name, LIT(":content-type")))
			ev->content_type = value;
		else if (slice_eq(name, LIT(":exception-type")))
			exception = value;
		else if (slice_eq(name, LIT(":error-code")))
			error = value;
		else if (slice_eq(name, LIT(":error-message")))
			ev->message = value;
	}
	ev->kind = slice_eq(kind, LIT("exception")) ? AWS_EXCEPTION
		   : slice_eq(kind, LIT("error"))   ? AWS_FAULT
						    : AWS_MESSAGE;
	ev->name = ev->kind == AWS_EXCEPTION ? exception
		   : ev->kind == AWS_FAULT   ? error
					     : event;
	return true;
}

static enum aws_step frame_read(struct aws_reader *s, struct aws_event *ev)
{
	const struct slice all = ev->raw;
	const struct slice checked = slice_head(all, all.n - CRC_N);
	const size_t headers_n = u32_read(all.p + 4);

	s->frame_n = 0;
	if (u32_read(checked.p + checked.n) != crc32_add(0, checked))
		return spend(s, "message checksum");
	if (!headers_read(slice_of(all.p + PRELUDE_N, headers_n), ev))
		return spend(s, "malformed headers");
	ev->payload = slice_skip(checked, PRELUDE_N + headers_n);
	return AWS_EVENT;
}

/* ---- the stream ---- */

/* Moves bytes from `in` to the frame held until it has `n`.  AWS_EVENT: it has. */
static enum aws_step hold(struct aws_reader *s, struct slice *in, size_t n)
{
	const size_t more = size_min(in->n, n - s->held.n);

	if (buf_append(&s->held, slice_head(*in, more)) != OK)
		return spend(s, NULL);
	*in = slice_skip(*in, more);
	return s->held.n == n ? AWS_EVENT : AWS_MORE;
}

/* A frame begins: reads its length. */
static enum aws_step prelude(struct aws_reader *s, struct slice *in)
{
	const char *p = in->p;

	if (s->held.n > 0 || in->n < PRELUDE_N) {
		const enum aws_step step = hold(s, in, PRELUDE_N);

		if (step != AWS_EVENT)
			return step;
		p = s->held.p;
	}
	s->why = prelude_check(p);
	if (s->why != NULL)
		return spend(s, s->why);
	s->frame_n = u32_read(p);
	if (s->frame_n > s->event_max)
		s->pass_n = s->frame_n;
	return AWS_EVENT;
}

static enum aws_step pass(struct aws_reader *s, struct slice *in, struct aws_event *ev)
{
	if (s->held.n > 0) {
		ev->raw = buf_slice(&s->held);
		s->given = true;
	} else {
		ev->raw = slice_head(*in, s->pass_n);
		*in = slice_skip(*in, ev->raw.n);
	}
	s->pass_n -= ev->raw.n;
	if (s->pass_n == 0)
		s->frame_n = 0;
	return ev->raw.n == 0 ? AWS_MORE : AWS_PASS;
}

enum aws_step aws_next(struct aws_reader *s, struct slice *in, struct aws_event *ev)
{
	enum aws_step step = AWS_EVENT;

	if (s->spent)
		return AWS_ERROR;
	if (s->given)
		aws_free(s);
	if (in->n == 0)
		return AWS_MORE;
	*ev = (struct aws_event){ 0 };
	if (s->frame_n == 0)
		step = prelude(s, in);
	if (step != AWS_EVENT)
		return step;
	if (s->pass_n > 0)
		return pass(s, in, ev);
	if (s->held.n == 0 && in->n >= s->frame_n) {
		ev->raw = slice_head(*in, s->frame_n);
		*in = slice_skip(*in, s->frame_n);
		return frame_read(s, ev);
	}
	step = hold(s, in, s->frame_n);
	if (step != AWS_EVENT)
		return step;
	ev->raw = buf_slice(&s->held);
	s->given = true;
	return frame_read(s, ev);
}

bool aws_eof(const struct aws_reader *s)
{
	return !s->spent && s->frame_n == 0 && (s->given || s->held.n == 0);
}

/* ---- writing ---- */

static char *u32_put(char *to, uint32_t v)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		*to++ = (char)(unsigned char)(v >> shift);
	return to;
}

static char *header_put(char *to, struct slice name, struct slice value)
{
	*to++ = (char)name.n;
	memcpy(to, name.p, name.n);
	to += name.n;
	*to++ = TYPE_STRING;
	*to++ = 0;
	*to++ = (char)(unsigned char)value.n;
	memcpy(to, value.p, value.n);
	return to + value.n;
}

static void frame_out(struct json_out *o, struct slice kind_header, struct slice name,
		      struct slice kind, const struct json_out *payload)
{
	char head[PRELUDE_N + NAME_MAX_BYTES + 128], tail[CRC_N];
	char *to = head + PRELUDE_N;
	uint32_t crc;

	INVARIANT(name.n > 0 && name.n <= NAME_MAX_BYTES);
	if (!out_ok(payload) || payload->bytes > AWS_PAYLOAD_MAX) {
		o->failed = true;
		o->open = false;
		return;
	}
	to = header_put(to, kind_header, name);
	to = header_put(to, LIT(":content-type"), LIT("application/json"));
	to = header_put(to, LIT(":message-type"), kind);
	u32_put(head, (uint32_t)((size_t)(to - head) + payload->bytes + CRC_N));
	u32_put(head + 4, (uint32_t)(to - head - PRELUDE_N));
	u32_put(head + 8, crc32_add(0, slice_of(head, 8)));
	crc = crc32_add(0, slice_of(head, (size_t)(to - head)));
	out_raw(o, slice_of(head, (size_t)(to - head)));
	for (size_t i = 0; i < payload->n; i++) {
		crc = crc32_add(crc, payload->v[i]);
		out_raw(o, payload->v[i]);
	}
	u32_put(tail, crc);
	out_raw(o, slice_of(tail, sizeof(tail)));
}

void aws_event_out(struct json_out *o, struct slice name, const struct json_out *payload)
{
	frame_out(o, LIT(":event-type"), name, LIT("event"), payload);
}

void aws_exception_out(struct json_out *o, struct slice type, const struct json_out *payload)
{
	frame_out(o, LIT(":exception-type"), type, LIT("exception"), payload);
}
