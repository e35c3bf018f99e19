/* gateway/record.c -- the one access record of an exchange (X5).
 *
 * No key, no prompt, no answer: names, sizes and times only.
 */
#include "gateway/gateway_impl.h"

/* "openai/gpt-4o[team]:rate_limit/429,groq/llama:hedge_lost,+local/llama:ok": a key's name
 * where the provider has several; a hedge has a plus. */
static struct slice attempts_text(const struct exchange *x, char *room, size_t cap)
{
	unsigned n = x->attempts < ATTEMPTS_RECORDED ? x->attempts : ATTEMPTS_RECORDED;
	struct sb out;

	sb_init(&out, room, cap);
	for (unsigned i = 0; i < n; i++) {
		const struct attempt_note *a = &x->notes[i];

		if (a->deployment == NULL)
			continue; /* cut short before it had a result */
		if (out.n > 0)
			sb_char(&out, ',');
		if (a->hedge)
			sb_char(&out, '+');
		sb_str(&out, a->deployment->name);
		if (a->key != NULL && a->deployment->provider->key_n > 1) {
			sb_char(&out, '[');
			sb_str(&out, a->key->name);
			sb_char(&out, ']');
		}
		sb_char(&out, ':');
		sb_lit(&out, a->fault == FAULT_NONE ? "ok" : fault_row(a->fault)->name);
		if (a->status != 0 && a->fault != FAULT_NONE) {
			sb_char(&out, '/');
			sb_u64(&out, a->status);
		}
	}
	return sb_slice(&out);
}

#define TOKEN_FIELD(name) F_U64(#name, x->usage.name),

void record_write(const struct exchange *x, enum end end, unsigned status, uint64_t bytes_out)
{
	const struct gateway *g = x->g;
	const struct deployment *d = x->told == NULL ? NULL : x->told->deployment;
	char attempts[512];
	struct slice asked = slice_head(x->asked, 128);

	if (!x->view->snapshot->access_log || !log_wants(g->log, LOG_INFO))
		return;
	log_event(g->log, LOG_INFO, "access", F_CSTR("id", x->id),
		  F_CSTR("endpoint", chat_op_name(x->ask.op)),
		  F_CSTR("dialect", x->ask.dialect->name), F_STR("model", asked),
		  F_STR("key", x->key == NULL ? LIT("-") : x->key->name),
		  F_U64("status", status), F_CSTR("end", end_name(end)),
		  F_BOOL("stream", x->stream),
		  F_STR("provider", d == NULL ? LIT("-") : d->provider->name),
		  F_STR("upstream_model", d == NULL ? LIT("-") : d->model),
		  F_U64("tries", x->attempts),
		  F_STR("attempts", attempts_text(x, attempts, sizeof(attempts))),
		  F_MS("ttft_ms", x->ttft_us),
		  F_MS("took_ms", loop_clock_us(g->loop) - request_began_us(x->rq)),
		  F_U64("bytes_in", x->prompt_bytes), F_U64("bytes_out", bytes_out),
		  USAGE_TABLE(TOKEN_FIELD) F_CSTR("usage", x->usage.known       ? "reported"
							   : x->usage.estimated ? "estimated"
										: "none"));
}
