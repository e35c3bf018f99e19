/* The frames of a stream: each step of an answer, told. */
#include "chat/responses/answer_out.h"

/* ---- frames ------------------------------------------------------------------------------ */

bool frame_open(struct answer_out *x, const char *type)
{
	if (x->quiet || x->s->broken)
		return false;
	out_raw_lit(x->o, "event: ");
	out_raw_lit(x->o, type);
	out_raw_lit(x->o, "\ndata: ");
	out_object(x->o);
	out_key(x->o, "type"), out_lit(x->o, type);
	out_key(x->o, "sequence_number"), out_u64(x->o, x->s->sequence++);
	return true;
}

void frame_close(struct answer_out *x)
{
	out_close(x->o);
	out_raw_lit(x->o, "\n\n");
}

/* A frame about an item. */
static bool item_frame(struct answer_out *x, const char *type, const struct out_item *i)
{
	if (!frame_open(x, type))
		return false;
	out_key(x->o, "item_id"), write_item_id(x, i);
	out_key(x->o, "output_index"), out_u64(x->o, i->index);
	return true;
}

/* And about a part of it. */
static bool part_frame(struct answer_out *x, const char *type, const struct out_item *i,
		       const struct content *c)
{
	if (!item_frame(x, type, i))
		return false;
	out_key(x->o, c->kind == CONTENT_SUMMARY ? "summary_index" : "content_index");
	out_u64(x->o, c->index);
	return true;
}

/* ---- items and parts --------------------------------------------------------------------- */

void tell_item(struct answer_out *x, const struct out_item *i, bool done)
{
	if (!frame_open(x, done ? "response.output_item.done" : "response.output_item.added"))
		return;
	out_key(x->o, "output_index"), out_u64(x->o, i->index);
	out_key(x->o, "item"), write_item(x, i, !done);
	frame_close(x);
}

void tell_part(struct answer_out *x, const struct out_item *i, const struct content *c,
	       bool done)
{
	bool summary = c->kind == CONTENT_SUMMARY;
	const char *type =
		summary ? (done ? "response.reasoning_summary_part.done"
				: "response.reasoning_summary_part.added")
			: (done ? "response.content_part.done" : "response.content_part.added");

	if (!part_frame(x, type, i, c))
		return;
	out_key(x->o, "part"), write_content(x, c, !done);
	frame_close(x);
}

static const struct {
	const char *delta, *done, *text;
} texts[] = {
	[CONTENT_TEXT] = { "response.output_text.delta", "response.output_text.done", "text" },
	[CONTENT_REFUSAL] = { "response.refusal.delta", "response.refusal.done", "refusal" },
	[CONTENT_SUMMARY] = { "response.reasoning_summary_text.delta",
			      "response.reasoning_summary_text.done", "text" },
	[CONTENT_THOUGHT] = { "response.reasoning_text.delta", "response.reasoning_text.done",
			      "text" },
};

void tell_delta(struct answer_out *x, const struct out_item *i, const struct content *c,
		struct json_text delta, struct slice logprobs)
{
	if (!part_frame(x, texts[c->kind].delta, i, c))
		return;
	out_key(x->o, "delta"), out_text(x->o, delta);
	if (c->kind == CONTENT_TEXT) {
		out_key(x->o, "logprobs");
		out_json_line(x->o, logprobs.n > 0 ? logprobs : LIT("[]"));
	}
	frame_close(x);
}

void tell_text_done(struct answer_out *x, const struct out_item *i, const struct content *c)
{
	if (!part_frame(x, texts[c->kind].done, i, c))
		return;
	out_key(x->o, texts[c->kind].text), rope_write(x->o, &c->text);
	if (c->kind == CONTENT_TEXT)
		write_logprobs(x, c);
	frame_close(x);
}

void tell_annotation(struct answer_out *x, const struct out_item *i, const struct content *c,
		     struct slice annotation)
{
	if (!part_frame(x, "response.output_text.annotation.added", i, c))
		return;
	out_key(x->o, "annotation_index"), out_u64(x->o, c->annotation_n);
	out_key(x->o, "annotation"), out_json_line(x->o, annotation);
	frame_close(x);
}

/* ---- calls and images -------------------------------------------------------------------- */

void tell_args(struct answer_out *x, const struct out_item *i, struct json_text delta)
{
	if (!item_frame(x,
			i->kind == ITEM_CUSTOM ? "response.custom_tool_call_input.delta"
					       : "response.function_call_arguments.delta",
			i))
		return;
	out_key(x->o, "delta"), out_text(x->o, delta);
	frame_close(x);
}

void tell_args_done(struct answer_out *x, const struct out_item *i)
{
	bool custom = i->kind == ITEM_CUSTOM;

	if (!item_frame(x,
			custom ? "response.custom_tool_call_input.done"
			       : "response.function_call_arguments.done",
			i))
		return;
	if (!custom) {
		out_key(x->o, "name");
		out_text(x->o, i->name);
	}
	out_key(x->o, custom ? "input" : "arguments"), rope_write(x->o, &i->text);
	frame_close(x);
}

void tell_image_done(struct answer_out *x, const struct out_item *i)
{
	if (item_frame(x, "response.image_generation_call.completed", i))
		frame_close(x);
}

/* ---- the response ------------------------------------------------------------------------ */

static void response_frame(struct answer_out *x, const char *type, const char *status,
			   const struct response_error *e)
{
	if (!frame_open(x, type))
		return;
	out_key(x->o, "response"), write_response(x, status, e);
	frame_close(x);
}

void tell_start(struct answer_out *x)
{
	response_frame(x, "response.created", "in_progress", NULL);
	response_frame(x, "response.in_progress", "in_progress", NULL);
}

void tell_end(struct answer_out *x)
{
	struct response_error e;
	const char *status = ending_of(x->s, &e);
	const char *type = e.code != NULL                     ? "response.failed"
			   : strcmp(status, "completed") == 0 ? "response.completed"
							      : "response.incomplete";

	response_frame(x, type, status, &e);
}

void tell_error(struct answer_out *x, const char *code, struct slice message, const char *param,
		const char *response_code)
{
	const struct response_error e = { response_code, message };

	if (!frame_open(x, "error"))
		return;
	out_key(x->o, "code"), out_lit(x->o, code);
	out_key(x->o, "message"), out_str(x->o, message);
	out_key(x->o, "param");
	if (param != NULL)
		out_lit(x->o, param);
	else
		out_null(x->o);
	frame_close(x);
	response_frame(x, "response.failed", "failed", &e);
}

static struct answer_out answer_of(void *state, const struct chat_reply *to, struct arena *keep,
				   struct json_out *out)
{
	static const struct chat_request none;

	return (struct answer_out){ .s = state,
				    .to = to,
				    .r = to->req != NULL ? to->req : &none,
				    .keep = keep,
				    .o = out };
}

void responses_event_write(void *state, const struct chat_reply *to, struct arena *keep,
			   const struct chat_event *e, struct json_out *out)
{
	struct answer_out x = answer_of(state, to, keep, out);

	if (e->kind == EV_PING)
		out_raw_lit(out, ": ping\n\n");
	else
		answer_take(&x, e);
}

void responses_error_event_write(void *state, const struct chat_reply *to,
				 const struct chat_error *e, struct json_out *out)
{
	struct answer_out x = answer_of(state, to, out->a, out);

	if (x.s->ended)
		return;
	x.s->broken = false; /* what is told now needs nothing that was kept */
	if (to->passed > 0) {
		/* The provider's own words have begun the response, and are numbered from 0. */
		x.s->started = true;
		x.s->sequence = to->passed;
	}
	answer_start(&x);
	x.s->ended = true;
	tell_error(&x, e->code != NULL ? e->code : "server_error", e->message, e->param,
		   e->status == 429                      ? "rate_limit_exceeded"
		   : e->status >= 400 && e->status < 500 ? "invalid_prompt"
							 : "server_error");
}
