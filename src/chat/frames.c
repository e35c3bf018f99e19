#include "chat/frames.h"

#include "base/sb.h"

void frames_init(struct frames *f, enum framing framing, struct mem *mem, size_t frame_max)
{
	f->framing = framing;
	switch (framing) {
	case FRAMING_LINES:
		lines_init(&f->u.lines, mem, frame_max);
		break;
	case FRAMING_AWS:
		aws_init(&f->u.aws, mem, frame_max);
		break;
	case FRAMING_SSE:
	case FRAMING_ARRAY: /* no provider is asked for it */
		f->framing = FRAMING_SSE;
		sse_init(&f->u.sse, mem, frame_max);
		break;
	}
	f->begun = true;
}

void frames_free(struct frames *f)
{
	if (!f->begun)
		return;
	if (f->framing == FRAMING_LINES)
		lines_free(&f->u.lines);
	else if (f->framing == FRAMING_AWS)
		aws_free(&f->u.aws);
	else
		sse_free(&f->u.sse);
	f->begun = false;
}

static void from_sse(struct frame *frame, const struct sse_event *ev)
{
	*frame = (struct frame){
		.raw = ev->raw, .data = ev->data, .name = ev->name, .has_data = ev->has_data
	};
}

static void from_line(struct frame *frame, const struct line *line)
{
	*frame = (struct frame){ .raw = line->raw,
				 .data = line->text,
				 .has_data = slice_trim(line->text).n > 0 };
}

static enum sse_step next_line(struct frames *f, struct slice *in, struct frame *frame)
{
	struct line line = { 0 };

	switch (lines_next(&f->u.lines, in, &line)) {
	case LINES_MORE:
		return SSE_MORE;
	case LINES_LINE:
		from_line(frame, &line);
		return SSE_EVENT;
	case LINES_PASS:
		from_line(frame, &line);
		return SSE_PASS;
	case LINES_ERROR:
		break;
	}
	return SSE_ERROR;
}

/* What is no event is told by its name. */
static struct slice aws_name(struct frames *f, const struct aws_event *ev)
{
	struct sb b;

	if (ev->kind == AWS_MESSAGE)
		return ev->name;
	sb_init(&b, f->name, sizeof(f->name));
	sb_lit(&b, "exception:");
	sb_str(&b, ev->name);
	return sb_slice(&b);
}

static enum sse_step next_aws(struct frames *f, struct slice *in, struct frame *frame)
{
	struct aws_event ev = { 0 };

	switch (aws_next(&f->u.aws, in, &ev)) {
	case AWS_MORE:
		return SSE_MORE;
	case AWS_EVENT:
		*frame = (struct frame){ .raw = ev.raw,
					 .data = ev.kind == AWS_FAULT ? ev.message : ev.payload,
					 .name = aws_name(f, &ev),
					 .has_data = true };
		return SSE_EVENT;
	case AWS_PASS:
		*frame = (struct frame){ .raw = ev.raw };
		return SSE_PASS;
	case AWS_ERROR:
		break;
	}
	return SSE_ERROR;
}

enum sse_step frames_next(struct frames *f, struct slice *in, struct frame *frame)
{
	struct sse_event ev = { 0 };
	enum sse_step step;

	*frame = (struct frame){ 0 };
	if (f->framing == FRAMING_LINES)
		return next_line(f, in, frame);
	if (f->framing == FRAMING_AWS)
		return next_aws(f, in, frame);
	step = sse_next(&f->u.sse, in, &ev);
	from_sse(frame, &ev);
	return step;
}

bool frames_eof(struct frames *f, struct frame *frame)
{
	struct sse_event ev;
	struct line line;

	*frame = (struct frame){ 0 };
	if (f->framing == FRAMING_LINES) {
		if (!lines_eof(&f->u.lines, &line))
			return false;
		from_line(frame, &line);
		return true;
	}
	if (f->framing == FRAMING_AWS)
		return false; /* half a frame says nothing: its sum cannot be checked */
	if (!sse_eof(&f->u.sse, &ev))
		return false;
	from_sse(frame, &ev);
	return true;
}

bool frames_passing(const struct frames *f)
{
	if (!f->begun)
		return false;
	if (f->framing == FRAMING_LINES)
		return f->u.lines.passing;
	if (f->framing == FRAMING_AWS)
		return f->u.aws.pass_n > 0;
	return f->u.sse.passing;
}

bool framing_is(enum framing framing, struct slice content_type)
{
	struct slice type = content_type, rest;

	(void)slice_cut(content_type, ';', &type, &rest);
	type = slice_trim(type);
	switch (framing) {
	case FRAMING_LINES:
		return slice_ieq(type, LIT("application/x-ndjson")) ||
		       slice_ieq(type, LIT("application/ndjson")) ||
		       slice_ieq(type, LIT("application/jsonlines"));
	case FRAMING_AWS:
		return slice_ieq(type, LIT("application/vnd.amazon.eventstream"));
	case FRAMING_SSE:
	case FRAMING_ARRAY:
		break;
	}
	return slice_ieq(type, LIT("text/event-stream"));
}

struct slice framing_type(enum framing framing)
{
	switch (framing) {
	case FRAMING_LINES:
		return LIT("application/x-ndjson");
	case FRAMING_AWS:
		return LIT("application/vnd.amazon.eventstream");
	case FRAMING_ARRAY:
		return LIT("application/json; charset=utf-8");
	case FRAMING_SSE:
		break;
	}
	return LIT("text/event-stream; charset=utf-8");
}
