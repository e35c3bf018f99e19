/* Where the linker's --wrap leads: see watch.h. */
#include "watch.h"

#include "net/client_impl.h"

struct exchange *__real_exchange_begin(struct gateway *g, struct http_request *rq,
				       const struct exchange_ask *ask);
struct exchange *__wrap_exchange_begin(struct gateway *g, struct http_request *rq,
				       const struct exchange_ask *ask);
struct exchange *__wrap_exchange_begin(struct gateway *g, struct http_request *rq,
				       const struct exchange_ask *ask)
{
	struct watch *w = sim_owner(g->loop);
	uint64_t before = w->ends;
	struct exchange *x = __real_exchange_begin(g, rq, ask);

	if (w->begun != NULL)
		w->begun(w, x, w->ends > before);
	return x;
}

void __real_record_write(const struct exchange *x, enum end end, unsigned status,
			 uint64_t bytes_out);
void __wrap_record_write(const struct exchange *x, enum end end, unsigned status,
			 uint64_t bytes_out);
void __wrap_record_write(const struct exchange *x, enum end end, unsigned status,
			 uint64_t bytes_out)
{
	struct watch *w = sim_owner(x->g->loop);
	unsigned times = w->ended == NULL ? 1 : w->ended(w, x, end, status);

	w->ends += times > 0;
	for (unsigned i = 0; i < times; i++)
		__real_record_write(x, end, status, bytes_out);
}

enum rc __real_reply_write(struct http_request *rq, const struct slice *v, size_t n);
enum rc __wrap_reply_write(struct http_request *rq, const struct slice *v, size_t n);
enum rc __wrap_reply_write(struct http_request *rq, const struct slice *v, size_t n)
{
	struct watch *w = sim_owner(request_loop(rq));
	enum rc rc = __real_reply_write(rq, v, n);

	if (rc != E_CLOSED && w->queued != NULL)
		w->queued(w, rq);
	return rc;
}

enum rc __real_http_call_start(struct http_call **out, struct origin *o,
			       const struct http_call_options *options, struct arena *arena,
			       const struct http_call_events *ev, void *ctx, struct err *err);
enum rc __wrap_http_call_start(struct http_call **out, struct origin *o,
			       const struct http_call_options *options, struct arena *arena,
			       const struct http_call_events *ev, void *ctx, struct err *err);
enum rc __wrap_http_call_start(struct http_call **out, struct origin *o,
			       const struct http_call_options *options, struct arena *arena,
			       const struct http_call_events *ev, void *ctx, struct err *err)
{
	struct watch *w = sim_owner(o->client->loop);
	enum rc rc = __real_http_call_start(out, o, options, arena, ev, ctx, err);

	/* Media that are fetched have events of their own. */
	if (rc == OK && ev == &attempt_events && w->asked != NULL)
		w->asked(w, ctx, o->host);
	return rc;
}
