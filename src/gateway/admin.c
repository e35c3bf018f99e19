/* gateway/admin.c -- /admin/v1: what the gateway decided lately, and what it would decide.
 *
 * For keys with `admin`; without keys in the config anybody may ask anything here too.
 */
#include "gateway/gateway_impl.h"

bool admin_may(struct gateway *g, struct http_request *rq)
{
	struct auth who = request_auth(g->view->snapshot, rq, loop_wall_us(g->loop));

	if (!who.ok) {
		answer_error(rq, &dialect_openai, who.given ? A_WRONG_KEY : A_MISSING_KEY, NULL,
			     NULL, slice_cstr(who.why), NULL, 0);
		return false;
	}
	if (who.key == NULL || who.key->admin)
		return true;
	answer_error(
		rq, &dialect_openai, A_NOT_ADMIN, NULL, NULL,
		arena_fmt(request_arena(rq),
			  "The key \"%.*s\" may not ask this: it has no `admin` in the config.",
			  SARG(who.key->name)),
		NULL, 0);
	return false;
}

void admin_exchanges(struct gateway *g, struct http_request *rq, struct slice id)
{
	const struct header h[] = { { LIT("Content-Type"), LIT("application/json") } };
	struct json_out out;
	struct arena a;
	struct slice body = { NULL, 0 };
	bool found = g->decisions_shared != NULL;

	if (!admin_may(g, rq))
		return;
	arena_init(&a, g->mem, 4096, 4 << 20);
	out_init(&out, &a);
	if (found && id.n == 0)
		decisions_list(g->decisions_shared, &out);
	else if (found)
		found = decision_write(g->decisions_shared, id, &out);
	if (found)
		body = out_slice(&out);
	if (!found)
		answer_error(rq, &dialect_openai, A_NOT_FOUND, "exchange_not_found", "id",
			     arena_fmt(request_arena(rq),
				       "No exchange \"%.*s\" is kept: only the last %d of each "
				       "worker are.",
				       SARG(slice_head(id, 64)), DECISIONS_KEPT),
			     NULL, 0);
	else if (body.n == 0)
		answer_error(rq, &dialect_openai, A_OVERLOADED, NULL, NULL,
			     LIT("Out of memory."), NULL, 0);
	else
		reply_send(rq, 200, h, ARRAY_LEN(h), body);
	arena_free(&a);
}
