#include "chat_says.h"

static const char *const finishes[] = {
	[FINISH_STOP] = "stop",       [FINISH_SEQUENCE] = "sequence",
	[FINISH_LENGTH] = "length",   [FINISH_CONTEXT] = "context",
	[FINISH_TOOLS] = "tools",     [FINISH_FILTER] = "filter",
	[FINISH_REFUSAL] = "refusal", [FINISH_PAUSE] = "pause",
	[FINISH_BROKEN] = "broken",
};

static void word(struct sb *b, struct slice s)
{
	if (s.n == 0)
		return;
	sb_char(b, ' ');
	sb_str(b, s);
}

/* Pieces of one text follow each other; true: this one goes on the line before. */
static bool goes_on(const struct chat_events *ev, size_t i)
{
	const struct chat_event *e = &ev->v[i];

	return i > 0 && ev->v[i - 1].kind == e->kind && ev->v[i - 1].choice == e->choice &&
	       ev->v[i - 1].signature.s.n == 0;
}

static void texts(struct sb *b, const struct chat_events *ev, size_t i, const char *name)
{
	const struct chat_event *e = &ev->v[i];

	if (e->text.s.n == 0 && e->signature.s.n == 0)
		return;
	if (goes_on(ev, i) && b->n > 0)
		b->n--; /* its line's end */
	else
		sb_fmt(b, "%s ", name);
	sb_str(b, e->text.s);
	if (e->signature.s.n > 0)
		sb_fmt(b, " signed %.*s", SARG(e->signature.s));
	sb_char(b, '\n');
}

static void call(struct sb *b, const struct chat_events *ev, size_t i)
{
	const struct chat_event *e = &ev->v[i];
	bool any = false, end = false;

	sb_fmt(b, "call %u", e->index);
	word(b, e->id.s);
	word(b, e->name.s);
	sb_char(b, ' ');
	for (size_t k = i + 1; k < ev->n && !end; k++) {
		if (ev->v[k].choice != e->choice || ev->v[k].index != e->index)
			continue;
		end = ev->v[k].kind == EV_TOOL_END;
		if (ev->v[k].kind == EV_TOOL_ARGS) {
			any |= ev->v[k].text.s.n > 0;
			sb_str(b, ev->v[k].text.s);
		}
	}
	sb_lit(b, any ? "" : "{}");
	if (e->signature.s.n > 0)
		sb_fmt(b, " signed %.*s", SARG(e->signature.s));
	sb_lit(b, e->custom ? " custom" : "");
	sb_lit(b, end ? "\n" : " unended\n");
}

static void usage(struct sb *b, const struct usage *u)
{
	sb_fmt(b,
	       "usage %" PRIu64 "+%" PRIu64 "+%" PRIu64 "+%" PRIu64 "+%" PRIu64 " %" PRIu64
	       "+%" PRIu64 "+%" PRIu64 "%s%s",
	       u->input, u->cache_read, u->cache_write, u->cache_write_1h, u->audio_in,
	       u->output, u->reasoning, u->audio_out, u->known ? "" : " unknown",
	       u->odd ? " odd" : "");
	if (u->billed)
		sb_fmt(b, " billed %" PRIu64 " %" PRIu64, u->billed_input, u->billed_output);
	if (u->searches > 0)
		sb_fmt(b, " searches %" PRIu64, u->searches);
	sb_char(b, '\n');
}

static void line(struct sb *b, const struct chat_events *ev, size_t i)
{
	const struct chat_event *e = &ev->v[i];

	switch (e->kind) {
	case EV_START:
		sb_lit(b, "start");
		word(b, e->id.s);
		word(b, e->name.s);
		sb_char(b, '\n');
		break;
	case EV_TEXT:
		texts(b, ev, i, "text");
		break;
	case EV_REASONING:
		texts(b, ev, i, "reasoning");
		break;
	case EV_REFUSAL:
		texts(b, ev, i, "refusal");
		break;
	case EV_SIGNATURE:
		sb_fmt(b, e->encrypted ? "encrypted %.*s\n" : "signature %.*s\n",
		       SARG(e->encrypted ? e->text.s : e->signature.s));
		break;
	case EV_TOOL_BEGIN:
		call(b, ev, i);
		break;
	case EV_ANNOTATION:
		sb_fmt(b, "annotation %" PRIu64 "-%" PRIu64 " %.*s|%.*s|%.*s\n",
		       e->u.annotation.start, e->u.annotation.end, SARG(e->u.annotation.url.s),
		       SARG(e->u.annotation.title.s), SARG(e->u.annotation.cited.s));
		break;
	case EV_LOGPROBS:
		sb_fmt(b, "logprobs %.*s\n", SARG(e->raw));
		break;
	case EV_USAGE:
		usage(b, &e->u.usage);
		break;
	case EV_FINISH:
		sb_fmt(b, "finish %s", finishes[e->finish]);
		word(b, e->name.s);
		sb_char(b, '\n');
		break;
	case EV_END:
		sb_lit(b, "end\n");
		break;
	case EV_ERROR:
		sb_fmt(b, "error %s", fault_row(e->u.fault.kind)->name);
		word(b, e->u.fault.message);
		sb_char(b, '\n');
		break;
	case EV_AUDIO:
	case EV_IMAGE:
	case EV_OTHER:
		sb_lit(b, "other\n");
		break;
	case EV_TOOL_ARGS:
	case EV_TOOL_END:
	case EV_PING:
		break;
	}
}

const char *chat_says(const struct chat_events *ev, char *out, size_t cap)
{
	struct sb b;

	sb_init(&b, out, cap);
	for (size_t i = 0; i < ev->n; i++)
		line(&b, ev, i);
	return sb_cstr(&b);
}
